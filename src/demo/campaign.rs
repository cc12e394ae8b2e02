//! `shoken demo`: the whole line once, on images that belong to nobody: import, two blind reads with planted
//! disagreements, adjudication, release, verification, pictures. Everything goes through the project's door.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

use super::noise::Rng;
use super::readers::{drawn, ellipse, opinion};
use super::{CtPhantom, EndoscopyScene, Planted, PlantedKind, SlideScene, pictures, write_series};
use crate::domain::{
    AdjudicationTake, CaseId, Certainty, ImageId, Ontology, Origin, ProjectKind, ReaderId, Role, Shape, TermRef,
    Verdict,
};
use crate::project::{
    CaseBy, Cause, Clock, Command, Discrepancy, DiscrepancyKind, FindingCommand, FindingDraft, FindingOrigin,
    NewProject, Project, ReleaseRequest, roi_on, verify_release,
};
use crate::tasks::{Cancel, Progress};

/// What to make and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to make; a folder of an earlier demonstration is made anew
    #[arg(long, default_value = "demo-out")]
    pub out: PathBuf,
    /// Do not open the window at the end
    #[arg(long)]
    pub headless: bool,
    /// The same seed gives the same images
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Size of the slide in pixels
    #[arg(long, value_name = "W,H", value_parser = size)]
    pub slide: Option<(usize, usize)>,
    /// Small images, for tests
    #[arg(long, hide = true)]
    pub quick: bool,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once(',').and_then(|(w, h)| Some((w.trim().parse().ok()?, h.trim().parse().ok()?)));
    parts
        .filter(|(w, h)| (1024..=60_000).contains(w) && (768..=60_000).contains(h))
        .ok_or_else(|| "two numbers joined by a comma, from 1024,768 to 60000,60000".to_owned())
}

/// What the demonstration leaves.
#[derive(Clone, Debug)]
pub struct Made {
    /// Who the window is opened as.
    pub reader: &'static str,
    pub project: PathBuf,
    pub release: PathBuf,
    pub screenshots: PathBuf,
    pub cases: usize,
    pub findings: usize,
    pub discrepancies: usize,
    pub labels: usize,
}

impl Made {
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "project": self.project, "release": self.release, "screenshots": self.screenshots, "cases": self.cases,
            "findings": self.findings, "discrepancies": self.discrepancies, "labels": self.labels,
        })
    }

    /// The last lines of the demonstration.
    pub fn where_to_look(&self) -> String {
        let (project, release) = (self.project.display(), self.release.display());
        format!(
            "Where to look:\n  window       shoken {project} --as {}\n  history      shoken history {project}\n  dataset      {release}/annotations/coco.json, \
             {release}/annotations/geojson (QuPath)\n  provenance   {release}/provenance/prov.json\n  proof        shoken verify {release}\n  \
             pictures     {}\nResearch use only; not for diagnosis or treatment. 研究用。診断・治療には使用できません。",
            self.reader,
            self.screenshots.display()
        )
    }
}

/// An image of the demonstration with what was planted in it.
struct Item {
    name: &'static str,
    path: PathBuf,
    planted: Vec<Planted>,
    case: Option<CaseId>,
    image: Option<ImageId>,
}

/// Numbered lines with the time each step took.
struct Steps {
    number: usize,
    started: Instant,
    step: Instant,
}

impl Steps {
    fn new() -> Self {
        Self { number: 0, started: Instant::now(), step: Instant::now() }
    }

    fn done(&mut self, what: &str) {
        self.number += 1;
        eprintln!("{:2}. {what} ({:.1} s)", self.number, self.step.elapsed().as_secs_f64());
        self.step = Instant::now();
    }
}

const MARKER: &str = ".shoken-demo";
const CREATOR: &str = "office";
const READERS: [&str; 2] = ["R1", "R2"];
const JUDGE: &str = "J1";

/// Makes the demonstration. `home` holds the keys, as for every command.
///
/// # Errors
/// A folder that is not a demonstration's, a full disk, or a rule that said no (which would be a fault of the program).
pub fn run(args: &Args, home: &Path) -> anyhow::Result<Made> {
    prepare(&args.out)?;
    let mut steps = Steps::new();
    let mut items = images(args, &mut steps)?;
    let folder = args.out.join("demo.shoken");
    let mut project = Project::create(NewProject {
        folder: &folder,
        home,
        kind: ProjectKind::Study,
        name: "Shoken demo",
        creator: CREATOR,
        packs: Vec::new(),
        clock: Clock::system(),
    })?;
    for (id, role) in READERS.iter().map(|r| (*r, Role::Reader)).chain([(JUDGE, Role::Adjudicator)]) {
        project.add_reader(&ReaderId::new(id)?, &[role], None, &[], None)?;
    }
    steps.done("project made: a study with three term packs, two blind readers, one adjudicator");

    import(&mut project, &mut items)?;
    let cases = project.case_ids();
    project.assign(args.seed)?;
    steps.done(&format!(
        "{} images imported where they lie, content hashed, {} cases assigned",
        items.len(),
        cases.len()
    ));

    let mut findings = 0;
    for (hand, reader) in READERS.iter().enumerate() {
        let made = read_all(&mut project, &items, hand, reader, args.seed)?;
        findings += made;
        steps.done(&format!("{reader} read every case without seeing the other: {made} findings, all reads sealed"));
    }
    let discrepancies = adjudicate(&mut project, &cases, &items)?;
    steps.done(&format!("{JUDGE} compared the reads and decided {discrepancies} discrepancies"));

    project.act_as(&ReaderId::new(CREATOR)?)?;
    let release = args.out.join("release-1.0.0");
    let released = project.release(&ReleaseRequest {
        version: "1.0.0",
        folder: &release,
        formats: std::collections::BTreeSet::new(),
    })?;
    steps.done(&format!(
        "release 1.0.0: {} labels in {} files, root {:.12}…",
        released.labels,
        released.files,
        released.root.to_string()
    ));

    let report = project.verify()?;
    ensure!(report.problems.is_empty(), "the project does not verify: {:?}", report.problems.first());
    let proof = verify_release(&release);
    ensure!(proof.is_sound(), "the release does not verify: {:?}", proof.problems.first());
    steps.done(&format!(
        "verified: {} transactions in {} streams; the release from its folder alone",
        report.transactions, report.streams
    ));
    let screenshots = args.out.join("screenshots");
    let shots: Vec<pictures::Subject<'_>> = items
        .iter()
        .filter_map(|i| Some(pictures::Subject { name: i.name, case: i.case.as_ref()?, image: i.image.as_ref()? }))
        .collect();
    let count = pictures::write(&mut project, &shots, &screenshots)?;
    steps.done(&format!("{count} pictures of the images with both readers' outlines"));
    photograph(&folder, home, &items, &screenshots, args.quick, &mut steps);
    eprintln!("    all in {:.1} s", steps.started.elapsed().as_secs_f64());
    Ok(Made {
        reader: READERS[0],
        project: folder,
        release,
        screenshots,
        cases: cases.len(),
        findings,
        discrepancies,
        labels: released.labels,
    })
}

/// Screenshots of the window, where there is a graphics adapter to draw it with.
#[cfg(feature = "gui")]
fn photograph(project: &Path, home: &Path, items: &[Item], folder: &Path, quick: bool, steps: &mut Steps) {
    // One case of each field; of a stack the middle of its largest lesion.
    let views: Vec<super::window::View<'_>> = ["slide", "ct", "endoscopy-1"]
        .iter()
        .filter_map(|name| items.iter().find(|i| i.name == *name))
        .filter_map(|item| {
            let largest = lesions(&item.planted).into_iter().max_by_key(|l| l.len());
            let frame = largest.and_then(|l| middle_first(l).first().map(|p| p.frame)).filter(|_| item.name == "ct");
            Some(super::window::View { name: item.name, case: item.case.as_ref()?, frame })
        })
        .collect();
    let languages: &[crate::gui::i18n::Lang] =
        if quick { &[crate::gui::i18n::Lang::Ja] } else { &[crate::gui::i18n::Lang::Ja, crate::gui::i18n::Lang::En] };
    let views = if quick { views.get(..1).unwrap_or_default() } else { &views };
    match super::window::write(project, home, READERS[0], JUDGE, views, folder, languages) {
        Ok(count) => steps.done(&format!("{count} screenshots of the window")),
        // The demonstration is whole without them, and the reason says what to install.
        Err(e) => steps.done(&format!("no screenshots of the window: {e}")),
    }
}

#[cfg(not(feature = "gui"))]
fn photograph(_project: &Path, _home: &Path, _items: &[Item], _folder: &Path, _quick: bool, steps: &mut Steps) {
    steps.done("no screenshots of the window: this program was built without one");
}

/// Empties the folder of an earlier demonstration; anything else is left alone.
fn prepare(out: &Path) -> anyhow::Result<()> {
    let marker = out.join(MARKER);
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !marker.is_file() {
        let reason = "the folder holds something else; choose another with --out".to_owned();
        bail!(crate::project::ProjectError::Refused { file: out.display().to_string(), reason });
    }
    for part in ["images", "demo.shoken", "release-1.0.0", "screenshots"] {
        let path = out.join(part);
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    std::fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    std::fs::write(&marker, "A folder of `shoken demo`; the next demonstration makes it anew.\n")?;
    Ok(())
}

fn images(args: &Args, steps: &mut Steps) -> anyhow::Result<Vec<Item>> {
    let folder = args.out.join("images");
    std::fs::create_dir_all(&folder)?;
    // An unoptimised build paints twenty times slower; the smaller slide shows the same.
    let usual = if cfg!(debug_assertions) { (4096, 3072) } else { (12_000, 9_000) };
    let (width, height) = args.slide.unwrap_or(if args.quick { (1024, 768) } else { usual });
    let (slices, photo) = if args.quick { (12, (320, 256)) } else { (40, (1280, 1024)) };
    let scene = SlideScene::new(args.seed, width, height);
    let path = folder.join("slide.tif");
    scene.write(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut items = vec![Item { name: "slide", path, planted: scene.planted(), case: None, image: None }];
    steps.done(&format!("slide painted: {width} × {height} px pyramid, H&E-like, 0.5 µm/px"));

    let path = folder.join("ct");
    let phantom = CtPhantom::new(args.seed, slices);
    write_series(&phantom, args.seed, &path).with_context(|| format!("{} cannot be written", path.display()))?;
    items.push(Item { name: "ct", path, planted: phantom.planted(), case: None, image: None });
    steps.done(&format!("chest CT made: {slices} DICOM slices of 512 × 512, three nodules"));

    let photographs = [
        ("endoscopy-1", Some(PlantedKind::Polyp)),
        ("endoscopy-2", Some(PlantedKind::Erosion)),
        ("endoscopy-3", Some(PlantedKind::Polyp)),
        ("endoscopy-4", None),
    ];
    for (number, (name, kind)) in (0..).zip(photographs) {
        let seed = args.seed.wrapping_mul(31).wrapping_add(number);
        let scene = kind.map_or_else(
            || EndoscopyScene::normal(seed, photo.0, photo.1),
            |k| EndoscopyScene::new(seed, photo.0, photo.1, k),
        );
        let path = folder.join(format!("{name}.jpg"));
        scene.write(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        items.push(Item { name, path, planted: scene.planted(), case: None, image: None });
    }
    steps.done("four endoscopy photographs taken: two polyps, an erosion, a normal view");
    Ok(items)
}

fn import(project: &mut Project, items: &mut [Item]) -> anyhow::Result<()> {
    for item in items {
        let found = project.import(
            std::slice::from_ref(&item.path),
            CaseBy::Auto,
            &Cause::Cli,
            &Progress::default(),
            &Cancel::default(),
        )?;
        let (case, image) =
            found.images.into_iter().next().context("an image of the demonstration was not imported")?;
        (item.case, item.image) = (Some(case), Some(image));
    }
    let outcomes: Vec<_> = project.pending_hashes()?.iter().map(|job| job.run(|_| true)).collect();
    project.record_hashes(&outcomes)?;
    Ok(())
}

fn term(packs: &[Ontology], id: &str) -> anyhow::Result<TermRef> {
    packs.iter().find_map(|p| p.term_ref(id)).with_context(|| format!("term {id} is not in the packs"))
}

fn draft(rois: Vec<(ImageId, crate::domain::Roi)>, term: TermRef, certainty: Certainty) -> FindingDraft {
    FindingDraft {
        rois,
        terms: vec![term],
        certainty: Some(certainty),
        attributes: std::collections::BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
        comment: None,
    }
}

/// The outlines of one lesion: consecutive slices of a sphere are one finding.
fn lesions(planted: &[Planted]) -> Vec<&[Planted]> {
    planted.chunk_by(|a, b| a.kind == b.kind && b.frame == a.frame + 1).collect()
}

/// The slice in the middle comes first: it is the one that a reader starts on, and that a list jumps to.
fn middle_first(slices: &[Planted]) -> Vec<&Planted> {
    let middle = slices.len() / 2;
    let mut order: Vec<usize> = (0..slices.len()).collect();
    order.sort_by_key(|i| (i.abs_diff(middle), *i));
    order.into_iter().filter_map(|i| slices.get(i)).collect()
}

fn place(project: &mut Project, image: &ImageId, frame: u32, shape: Shape) -> anyhow::Result<crate::domain::Roi> {
    let pose = project.open_image(image)?.meta().frames.get(frame as usize).and_then(|f| f.pose);
    Ok(roi_on(pose, frame, shape))
}

/// One reader's blind reads of every case; returns how many findings were made.
fn read_all(project: &mut Project, items: &[Item], hand: usize, reader: &str, seed: u64) -> anyhow::Result<usize> {
    project.act_as(&ReaderId::new(reader)?)?;
    let packs = project.packs().to_vec();
    let mut total = 0;
    for item in items {
        let (case, image) = item.case.as_ref().zip(item.image.as_ref()).context("not imported")?;
        let mut rng = Rng::new(seed ^ ((hand as u64 + 1) << 32) ^ item.planted.len() as u64);
        let mut found = 0;
        let mut solid = 0;
        for slices in lesions(&item.planted) {
            let Some(first) = slices.first() else { continue };
            let number = solid;
            solid += usize::from(first.kind == PlantedKind::SolidNodule);
            let Some(view) = opinion(hand, first.kind, number, item.name) else { continue };
            let mut rois = Vec::with_capacity(slices.len());
            for planted in middle_first(slices) {
                let shape = drawn(planted, view.scale, &mut rng);
                rois.push((image.clone(), place(project, image, planted.frame, shape)?));
            }
            let certainty = if view.scale < 1.0 { Certainty::Probable } else { Certainty::Definite };
            add(project, case, draft(rois, term(&packs, view.term)?, certainty))?;
            found += 1;
        }
        if item.name == "slide" && hand == 1 {
            // A false alarm: the second reader takes a pale stretch of submucosa for mucus.
            let size = project.open_image(image)?.meta().size_px();
            let (w, h) = (f64::from(size.width), f64::from(size.height));
            let shape = ellipse(0.20 * w, 0.50 * h, 0.025 * w, 0.02 * h);
            let rois = vec![(image.clone(), place(project, image, 0, shape)?)];
            add(project, case, draft(rois, term(&packs, "P0009")?, Certainty::Possible))?;
            found += 1;
        }
        let verdict = if found > 0 { Verdict::Findings } else { Verdict::NoFinding };
        project.submit(case, verdict, &Cause::Cli)?;
        total += found;
    }
    Ok(total)
}

fn add(project: &mut Project, case: &CaseId, finding: FindingDraft) -> anyhow::Result<()> {
    let add = FindingCommand::Add { case: case.clone(), findings: vec![finding] };
    project.execute(Command::Finding(add), &Cause::Cli)?;
    Ok(())
}

/// Decides every discrepancy; returns how many there were.
fn adjudicate(project: &mut Project, cases: &[CaseId], items: &[Item]) -> anyhow::Result<usize> {
    project.act_as(&ReaderId::new(JUDGE)?)?;
    let packs = project.packs().to_vec();
    let mut count = 0;
    for case in cases {
        let found = project.discrepancies(case)?;
        if found.is_empty() {
            project.open_adjudication(case, &Cause::Cli)?;
            project.close_if_decided(case, &Cause::Cli)?;
        }
        for discrepancy in &found {
            let planted =
                items.iter().find(|i| i.image.as_ref() == Some(&discrepancy.image)).map_or(&[][..], |i| &i.planted);
            let (take, drawn, reason) = decide(project, discrepancy, planted, &packs)?;
            project.resolve(discrepancy, take, drawn, reason, &Cause::Cli)?;
            count += 1;
        }
    }
    Ok(count)
}

fn decide(
    project: &mut Project,
    discrepancy: &Discrepancy,
    planted: &[Planted],
    packs: &[Ontology],
) -> anyhow::Result<(AdjudicationTake, Vec<FindingDraft>, &'static str)> {
    let term_of = |m: &Option<crate::project::Member>| m.as_ref().and_then(|m| m.terms.first()).map(|t| t.id.clone());
    let only_b = term_of(&discrepancy.b);
    Ok(match discrepancy.kind {
        DiscrepancyKind::Term if only_b.as_deref() == Some("P0019") => {
            (AdjudicationTake::B, Vec::new(), "Cribriform glands and debris in the lumina: moderately differentiated.")
        }
        DiscrepancyKind::Term => {
            (AdjudicationTake::A, Vec::new(), "The defect does not reach below the mucosa: an erosion.")
        }
        DiscrepancyKind::Boundary => {
            let image = &discrepancy.image;
            let lesion = lesions(planted)
                .into_iter()
                .find(|l| l.iter().any(|p| p.frame == discrepancy.frame && p.kind == PlantedKind::GroundGlassNodule));
            let mut rois = Vec::new();
            for slice in middle_first(lesion.unwrap_or_default()) {
                let ring = slice.outline.iter().map(|(x, y)| [*x, *y]).collect();
                rois.push((image.clone(), place(project, image, slice.frame, Shape::from_ring(ring))?));
            }
            ensure!(!rois.is_empty(), "a boundary is disputed where nothing was planted");
            let drawn = draft(rois, term(packs, "R0004")?, Certainty::Definite);
            (
                AdjudicationTake::Redrawn,
                vec![drawn],
                "One outline takes in the vessel, the other leaves the halo out; drawn anew.",
            )
        }
        DiscrepancyKind::OnlyA => {
            (AdjudicationTake::A, Vec::new(), "A follicle with a germinal centre; overlooked at low power.")
        }
        DiscrepancyKind::OnlyB if only_b.as_deref() == Some("P0009") => {
            (AdjudicationTake::Neither, Vec::new(), "Fat and loose submucosa, no mucus.")
        }
        DiscrepancyKind::OnlyB => (AdjudicationTake::B, Vec::new(), "Seen on three slices, not a vessel."),
    })
}
