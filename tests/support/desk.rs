//! A desk to work at: a folder of one's own with projects, photographs and a `SHOKEN_HOME`, through the binary and through
//! the library.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use shoken::domain::{CaseId, ImageId, Origin, ProjectKind, ReaderId, Role, Shape, TermRef, UserText};
use shoken::project::{
    Cancel, CaseBy, Cause, Clock, Command as Act, ExportOptions, FindingCommand, FindingDraft, FindingOrigin,
    NewProject, Progress, Project, ReadScope, VerifyReport, roi_on,
};

/// The seed of every attack that draws lots; another one is set by `SHOKEN_SEED`.
pub fn seed() -> u64 {
    std::env::var("SHOKEN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_120)
}

/// The reduced count in normal runs, the issue's count in proofs; printed with the seed.
pub fn count(what: &str, reduced: usize, full: usize) -> usize {
    let n = if std::env::var_os("SHOKEN_PROOF").is_some() { full } else { reduced };
    println!("{n} {what}, seed {}", seed());
    n
}

/// Draws lots, the same ones for the same seed (SplitMix64).
pub struct Lots(pub u64);

impl Lots {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; `n` is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

pub struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The binary with these arguments, in this folder, with this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.folder.path()).env("SHOKEN_HOME", self.home());
        // What is read back is English, whatever the language of whoever runs the tests.
        command.env("LANG", "C").env_remove("LC_ALL").env_remove("SHOKEN_LANG");
        command
    }

    pub fn shoken(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn ok(&self, arguments: &[&str]) -> String {
        let out = self.shoken(arguments);
        let said =
            || String::from_utf8_lossy(if out.stderr.is_empty() { &out.stdout } else { &out.stderr }).into_owned();
        assert!(out.status.success(), "{arguments:?}: {}", said());
        String::from_utf8(out.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Starts a command in the background.
    pub fn spawn(&self, arguments: &[&str]) -> std::process::Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A project with one photograph, `C-0001`, and the outline file `f.geojson` to annotate it with.
    pub fn project(&self, name: &str) {
        self.outline("f.geojson", 1);
        self.photo("a.png", 1);
        self.ok(&["new", name, "--name", "t"]);
        self.ok(&["import", name, "a.png"]);
    }

    pub fn annotate(&self, name: &str) {
        self.ok(&["annotate", name, "--case", "C-0001", "--from", "f.geojson"]);
    }

    /// One line on standard error, exit code 1 or 2, no panic.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let out = self.shoken(arguments);
        let text = String::from_utf8(out.stderr).unwrap();
        assert!(matches!(out.status.code(), Some(1 | 2)), "{arguments:?}: {:?} {text}", out.status);
        assert!(text.starts_with("shoken: ") && text.trim_end().lines().count() == 1, "{arguments:?}: {text}");
        assert!(!text.contains("panicked"));
        text
    }

    /// A photograph; another `shade` makes another one. A planted name may stand in its file name.
    pub fn photo(&self, name: &str, shade: u8) -> PathBuf {
        let path = self.path(name);
        let mut pixels = image::RgbImage::new(64, 48);
        for (x, y, p) in pixels.enumerate_pixels_mut() {
            *p = image::Rgb([shade, u8::try_from(x).unwrap(), u8::try_from(y).unwrap()]);
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        pixels.save(&path).unwrap();
        path
    }

    /// A file of one square outline for `annotate`.
    pub fn outline(&self, name: &str, x: u32) -> PathBuf {
        let (l, r) = (x, x + 8);
        let text = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"term":"E0020"}},"geometry":{{"type":"Polygon","coordinates":[[[{l},1],[{r},1],[{r},9],[{l},9],[{l},1]]]}}}}]}}"#
        );
        std::fs::File::create(self.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
        self.path(name)
    }

    pub fn create(&self, name: &str, kind: ProjectKind) -> Project {
        self.create_at(name, kind, Clock::system())
    }

    pub fn create_at(&self, name: &str, kind: ProjectKind, clock: Clock) -> Project {
        Project::create(NewProject {
            folder: &self.path(name),
            home: &self.home(),
            kind,
            name: "Yamada's study",
            creator: "owner",
            packs: Vec::new(),
            clock,
        })
        .unwrap()
    }

    pub fn open(&self, name: &str) -> Project {
        Project::open(&self.path(name), &self.home(), true).unwrap()
    }

    /// A study with readers R1 and R2 and adjudicator J, whose keys are all on this desk.
    pub fn study(&self, name: &str) -> Project {
        let mut project = self.create(name, ProjectKind::Study);
        for (id, role) in [("R1", Role::Reader), ("R2", Role::Reader), ("J", Role::Adjudicator)] {
            project.add_reader(&reader(id), &[role], None, &[], None).unwrap();
        }
        project
    }
}

/// The program under test: the one just built, or the installed one that `SHOKEN_TEST_BINARY` names.
pub fn binary() -> PathBuf {
    std::env::var_os("SHOKEN_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_shoken").into(), PathBuf::from)
}

pub fn reader(id: &str) -> ReaderId {
    ReaderId::new(id).unwrap()
}

/// Catalogues one image and hashes it.
pub fn import(project: &mut Project, path: &Path) -> CaseId {
    let done = project
        .import(&[path.to_owned()], CaseBy::Auto, &Cause::Cli, &Progress::default(), &Cancel::default())
        .unwrap();
    for job in project.pending_hashes().unwrap() {
        let outcome = job.run(|_| true);
        project.record_hashes(&[outcome]).unwrap();
    }
    done.images.first().or(done.known.first()).unwrap().0.clone()
}

/// A pen over the first image of a case, with the first term of the endoscopy pack.
pub struct Pen {
    case: CaseId,
    image: ImageId,
    term: TermRef,
}

impl Pen {
    pub fn over(project: &Project, case: &CaseId) -> Self {
        let scope = ReadScope::Reader(project.actor().unwrap().clone());
        let image = project.view(case, &scope).unwrap().images[0].id.clone();
        let pack = project.packs().iter().find(|p| p.field == shoken::domain::Field::Endoscopy).unwrap();
        Self { case: case.clone(), image, term: pack.term_ref(&pack.terms[0].id).unwrap() }
    }

    /// A square outline at `x`.
    pub fn draft(&self, x: f64, comment: Option<&str>) -> FindingDraft {
        let ring = vec![[x, 5.0], [x + 12.345, 5.0], [x + 12.345, 20.0], [x, 20.0]];
        FindingDraft {
            rois: vec![(self.image.clone(), roi_on(None, 0, Shape::from_ring(ring)))],
            terms: vec![self.term.clone()],
            certainty: None,
            attributes: BTreeMap::new(),
            origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
            comment: comment.map(UserText::new),
        }
    }

    pub fn add(&self, x: f64, comment: Option<&str>) -> Act {
        Act::Finding(FindingCommand::Add { case: self.case.clone(), findings: vec![self.draft(x, comment)] })
    }
}

pub fn draft(project: &Project, case: &CaseId, x: f64, comment: Option<&str>) -> FindingDraft {
    Pen::over(project, case).draft(x, comment)
}

pub fn add(project: &mut Project, case: &CaseId, x: f64, comment: Option<&str>) {
    let findings = vec![draft(project, case, x, comment)];
    project.execute(Act::Finding(FindingCommand::Add { case: case.clone(), findings }), &Cause::Gesture).unwrap();
}

/// How many findings the actor's own read of a case shows.
pub fn findings(project: &Project, case: &CaseId) -> usize {
    let scope = ReadScope::Reader(project.actor().unwrap().clone());
    project.view(case, &scope).unwrap().reads.first().map_or(0, |r| r.findings.len())
}

pub fn exported(project: &Project, values: bool) -> String {
    let mut out = Vec::new();
    project.export_journal(&mut out, ExportOptions { values }).unwrap();
    String::from_utf8(out).unwrap()
}

/// The signed lines of an export.
pub fn signed_lines(project: &Project) -> std::collections::BTreeSet<String> {
    exported(project, false).lines().filter(|l| l.contains("\"sig\"")).map(str::to_owned).collect()
}

/// No problem at all, or the test stops with the problems.
pub fn sound(project: &Project) -> VerifyReport {
    let report = project.verify().unwrap();
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
    report
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every byte of every file of a folder.
pub fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { out.extend(all_bytes(&path)) } else { out.extend(std::fs::read(path).unwrap()) }
    }
    out
}

pub fn holds(haystack: &[u8], needle: impl AsRef<[u8]>) -> bool {
    let needle = needle.as_ref();
    haystack.windows(needle.len()).any(|w| w == needle)
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs one test of this very binary as a process of its own, with what it is to do in the variables: the other hand at the
/// same desk. Without the variables, in an ordinary run, such a test has nothing to do.
pub fn child(test: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]);
    command.envs(variables.iter().copied());
    command
}
