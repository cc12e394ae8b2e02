//! A project of a million transactions and a million findings: opening, first view, fold, verify, one edit, undo; the
//! time and the greatest resident memory of each.

use std::path::Path;
use std::time::Instant;

use super::line::{Line, percentile};
use crate::domain::{
    CaseId, Digest, Field, ImageId, Ontology, Origin, ProjectKind, Roi, RoiSpace, Shape, SubjectId, Verdict,
};
use crate::journal::NewImage;
use crate::project::{
    CatalogCommand, Cause, Clock, Command, FindingCommand, FindingDraft, FindingOrigin, NewProject, Project,
    ReadCommand, ReadScope,
};
use crate::store::{OpenOptions, Store};

/// Findings of one case, one transaction each: a busy case.
const FINDINGS_PER_CASE: u32 = 500;
/// Transactions to one durable step, as jobs write them.
const BATCH: usize = 1_000;
/// One edit and one undo are timed this often.
const EDITS: u32 = 200;

/// Greatest resident memory since the last [`forget_peak`], in MB; `NaN` where the system does not say.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.trim().strip_suffix("kB")).and_then(|n| n.trim().parse::<f64>().ok());
    kib.map_or(f64::NAN, |k| k * 1024.0 / 1e6)
}

/// Starts a new peak (Linux: `clear_refs`, proc(5)).
fn forget_peak() {
    // Where it cannot be reset the peaks only ever grow, which flatters nobody.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn draft(image: &ImageId, pack: &Ontology, i: u32) -> anyhow::Result<FindingDraft> {
    let ring = (0..24_u32)
        .map(|k| {
            let angle = f64::from(k) * std::f64::consts::TAU / 24.0;
            let radius = 20.0 + f64::from((i * 7 + k * 3) % 11) / 2.0;
            [f64::from(i % 900) + 50.0 + radius * angle.cos(), f64::from(i / 900 % 900) + 50.0 + radius * angle.sin()]
        })
        .collect();
    let term = pack.terms.get(i as usize % pack.terms.len()).ok_or_else(|| anyhow::anyhow!("the pack is empty"))?;
    Ok(FindingDraft {
        rois: vec![(image.clone(), Roi { frame: 0, space: RoiSpace::Image, shape: Shape::from_ring(ring) })],
        terms: pack.term_ref(&term.id).into_iter().collect(),
        certainty: None,
        attributes: std::collections::BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
        comment: None,
    })
}

fn polygon_pack(project: &Project) -> anyhow::Result<Ontology> {
    let pack = project.packs().iter().find(|p| p.field == Field::Pathology).cloned();
    let mut pack = pack.ok_or_else(|| anyhow::anyhow!("no pathology pack in the program"))?;
    pack.terms.retain(|t| t.geometry.contains(&crate::domain::GeometryKind::Polygon));
    Ok(pack)
}

/// A case of one image with its read opened.
fn add_image(project: &mut Project, number: u128) -> anyhow::Result<(CaseId, ImageId)> {
    let id = number.to_be_bytes();
    let (case, image) = (CaseId::from_random(id), ImageId::from_random(id));
    let new = NewImage {
        image: image.clone(),
        case: case.clone(),
        subject: SubjectId::from_random(id),
        field: Field::Pathology,
        frames: 1,
        width: 1_000,
        height: 1_000,
        spacing: None,
        fingerprint: Digest::of(b"bench", &id),
    };
    let hashed = vec![(image.clone(), Digest::of(b"", &id))];
    let commands = vec![
        Command::Catalog(CatalogCommand::Add { images: vec![new] }),
        Command::Catalog(CatalogCommand::Hashed { images: hashed }),
        Command::Read(ReadCommand::Open { case: case.clone() }),
    ];
    project.execute_all(commands, &Cause::Job, &[])?;
    Ok((case, image))
}

/// Makes the project through real signed transactions. Nine reads out of ten are sealed, as in a campaign that is well on.
fn make(folder: &Path, home: &Path, n: u32) -> anyhow::Result<()> {
    let before = Instant::now();
    let mut project = Project::create(NewProject {
        folder,
        home,
        kind: ProjectKind::Personal,
        name: "grown",
        creator: "owner",
        packs: Vec::new(),
        clock: Clock::system(),
    })?;
    let pack = polygon_pack(&project)?;
    let mut made = 0;
    while made < n {
        let (case, image) = add_image(&mut project, u128::from(made) + 1)?;
        let count = FINDINGS_PER_CASE.min(n - made);
        let mut commands = Vec::with_capacity(BATCH);
        for i in made..made + count {
            let findings = vec![draft(&image, &pack, i)?];
            commands.push(Command::Finding(FindingCommand::Add { case: case.clone(), findings }));
        }
        if !(made / FINDINGS_PER_CASE).is_multiple_of(10) {
            commands.push(Command::Read(ReadCommand::Submit { case, verdict: Verdict::Findings }));
        }
        project.execute_all(commands, &Cause::Job, &[])?;
        made += count;
    }
    let seconds = before.elapsed().as_secs_f64();
    Line::new("grown_make").text("n", &n).number("s", seconds).number("findings_s", f64::from(n) / seconds).print();
    Ok(())
}

/// Makes the project once (`dir` keeps it), then measures.
pub fn run(dir: &Path, n: u32) -> anyhow::Result<()> {
    let (folder, home) = (dir.join(format!("grown-{n}.shoken")), dir.join(format!("grown-{n}-home")));
    // A generation that was stopped half-way is not the project of that size.
    let whole = dir.join(format!("grown-{n}.whole"));
    if !whole.is_file() {
        for stale in [&folder, &home] {
            if stale.is_dir() {
                std::fs::remove_dir_all(stale)?;
            }
        }
        make(&folder, &home, n)?;
        std::fs::write(&whole, "")?;
    }
    forget_peak();
    let before = Instant::now();
    let mut project = Project::open(&folder, &home, true)?;
    let open_s = before.elapsed().as_secs_f64();
    look(&project, n, &folder, open_s)?;
    edit(&mut project, n)?;
    drop(project);
    check(&folder, &home, n)
}

fn megabytes(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(f64::NAN, |m| m.len() as f64 / 1e6)
}

/// The newest case as it comes on the screen, then the geometry of all of them.
fn look(project: &Project, n: u32, folder: &Path, open_s: f64) -> anyhow::Result<()> {
    let open_mb = peak_mb();
    let newest = CaseId::from_random(
        (u128::from(n - 1) / u128::from(FINDINGS_PER_CASE) * u128::from(FINDINGS_PER_CASE) + 1).to_be_bytes(),
    );
    let reader = project.actor().ok_or_else(|| anyhow::anyhow!("nobody acts"))?;
    let scope = ReadScope::Reader(reader.clone());
    let before = Instant::now();
    let view = project.view(&newest, &scope)?;
    let view_ms = before.elapsed().as_secs_f64() * 1e3;
    let seen = view.reads.first().map_or(0, |r| r.findings.len());
    let before = Instant::now();
    let (mut outlines, mut vertices) = (0_u64, 0_u64);
    for case in project.case_ids() {
        for read in project.view(&case, &scope)?.reads {
            for roi in read.findings.iter().flat_map(|f| &f.rois).filter_map(|r| r.roi.as_ref()) {
                outlines += 1;
                vertices += roi.shape.points().count() as u64;
            }
        }
    }
    let geometry_s = before.elapsed().as_secs_f64();
    anyhow::ensure!(outlines >= u64::from(n), "only {outlines} outlines of {n}");
    let before = Instant::now();
    let cases = project.worklist(reader)?.len();
    let worklist_ms = before.elapsed().as_secs_f64() * 1e3;
    let before = Instant::now();
    let steps = project.history(Some(&newest))?.len();
    let history_ms = before.elapsed().as_secs_f64() * 1e3;
    Line::new("grown_open")
        .text("n", &n)
        .text("cases", &cases)
        .text("seen", &seen)
        .text("steps", &steps)
        .number("db_mb", megabytes(&folder.join("project.sqlite")))
        .number("open_s", open_s)
        .number("open_peak_mb", open_mb)
        .number("first_view_ms", view_ms)
        .number("all_geometry_s", geometry_s)
        .number("vertices", vertices as f64)
        .number("all_peak_mb", peak_mb())
        .number("worklist_ms", worklist_ms)
        .number("history_ms", history_ms)
        .print();
    Ok(())
}

/// Single strokes and their undoing, in the oldest case, which is one of the open ones.
fn edit(project: &mut Project, n: u32) -> anyhow::Result<()> {
    let (oldest, image) = (CaseId::from_random(1_u128.to_be_bytes()), ImageId::from_random(1_u128.to_be_bytes()));
    let (mut edits, mut undos) = (Vec::new(), Vec::new());
    let pack = polygon_pack(project)?;
    for i in 0..EDITS {
        let add = FindingCommand::Add { case: oldest.clone(), findings: vec![draft(&image, &pack, i)?] };
        let before = Instant::now();
        project.execute(Command::Finding(add), &Cause::Gesture)?;
        edits.push(before.elapsed().as_secs_f64() * 1e3);
        let before = Instant::now();
        project.undo(&oldest)?;
        undos.push(before.elapsed().as_secs_f64() * 1e3);
    }
    Line::new("grown_edit")
        .text("n", &n)
        .number("save_p50_ms", percentile(&edits, 50.0))
        .number("save_p99_ms", percentile(&edits, 99.0))
        .number("undo_p50_ms", percentile(&undos, 50.0))
        .number("undo_p99_ms", percentile(&undos, 99.0))
        .print();
    Ok(())
}

/// What an auditor waits for, and the fold of the whole log.
fn check(folder: &Path, home: &Path, n: u32) -> anyhow::Result<()> {
    let project = Project::open(folder, home, true)?;
    forget_peak();
    let before = Instant::now();
    let report = project.verify()?;
    let verify_s = before.elapsed().as_secs_f64();
    anyhow::ensure!(report.problems.is_empty(), "verify found {:?}", report.problems.first());
    Line::new("grown_verify")
        .text("n", &n)
        .text("transactions", &report.transactions)
        .text("values", &report.values)
        .number("verify_s", verify_s)
        .number("verify_tx_s", report.transactions as f64 / verify_s)
        .number("peak_mb", peak_mb())
        .print();
    drop(project);

    let (mut store, state) = Store::open(&OpenOptions { folder, home, write: true })?;
    drop(state);
    forget_peak();
    let before = Instant::now();
    let state = store.load()?;
    let fold_s = before.elapsed().as_secs_f64();
    let peak = peak_mb();
    let reads = state.cases().flat_map(|c| state.reads_of(&c.id));
    let findings: u64 = reads.filter_map(|r| state.read_summary(&r.stream)).map(|s| s.live).sum();
    anyhow::ensure!(findings == u64::from(n), "the fold holds {findings} findings of {n}");
    Line::new("grown_fold")
        .text("n", &n)
        .text("findings", &findings)
        .number("fold_s", fold_s)
        .number("peak_mb", peak)
        .print();
    Ok(())
}

/// One reader's findings of one slide brought in at once, as from a nuclei detector: what `annotate` does.
pub fn bulk(dir: &Path, n: u32) -> anyhow::Result<()> {
    let (folder, home) = (dir.join("bulk.shoken"), dir.join("bulk-home"));
    let mut project = Project::create(NewProject {
        folder: &folder,
        home: &home,
        kind: ProjectKind::Personal,
        name: "bulk",
        creator: "owner",
        packs: Vec::new(),
        clock: Clock::system(),
    })?;
    let pack = polygon_pack(&project)?;
    let (case, image) = add_image(&mut project, 1)?;
    let drafts = (0..n).map(|i| draft(&image, &pack, i)).collect::<anyhow::Result<Vec<_>>>()?;
    forget_peak();
    let before = Instant::now();
    project.execute(Command::Finding(FindingCommand::Add { case: case.clone(), findings: drafts }), &Cause::Cli)?;
    let seconds = before.elapsed().as_secs_f64();
    drop(project);
    let peak = peak_mb();

    // All of it in one case: what the window asks for when it is opened, and again after every stroke.
    let mut project = Project::open(&folder, &home, true)?;
    let scope = project.own_scope()?;
    let before = Instant::now();
    let first = project.view(&case, &scope)?;
    let first_s = before.elapsed().as_secs_f64();
    drop(first);
    let (mut strokes, mut looks) = (Vec::new(), Vec::new());
    for i in 0..20 {
        let add = FindingCommand::Add { case: case.clone(), findings: vec![draft(&image, &pack, i)?] };
        let before = Instant::now();
        project.execute(Command::Finding(add), &Cause::Gesture)?;
        strokes.push(before.elapsed().as_secs_f64() * 1e3);
        let before = Instant::now();
        drop(project.view(&case, &scope)?);
        looks.push(before.elapsed().as_secs_f64() * 1e3);
    }
    Line::new("grown_bulk")
        .text("n", &n)
        .number("s", seconds)
        .number("findings_s", f64::from(n) / seconds)
        .number("bytes_a_finding", megabytes(&folder.join("project.sqlite")) * 1e6 / f64::from(n))
        .number("peak_mb", peak)
        .number("one_case_view_s", first_s)
        .number("stroke_p50_ms", percentile(&strokes, 50.0))
        .number("look_again_p50_ms", percentile(&looks, 50.0))
        .print();
    Ok(())
}
