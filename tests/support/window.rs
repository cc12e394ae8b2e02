//! A window without a screen or a graphics card, driven by accessible labels, keys and the pointer; and projects for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Key, Modifiers, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use shoken::domain::{CaseId, ProjectKind, ReaderId, Role, Shape, Verdict};
use shoken::gui::{App, Stage, prepare};
use shoken::project::{Cancel, CaseBy, Cause, Clock, NewProject, Progress, Project};

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

/// A window on a screen of 1366 × 768, with a home folder of its own.
pub struct Window {
    pub harness: Harness<'static, Option<App>>,
}

impl Window {
    pub fn open(home: &Path) -> Self {
        Self::start(home, None)
    }

    /// A project in view, read by somebody whose key is in `home`.
    pub fn project(home: &Path, folder: &Path, acting: &str) -> Self {
        let mut window = Self::start(home, Some(ReaderId::new(acting).unwrap()));
        window.drop_file(folder);
        window.until("the project is open", |app| app.model().project.is_some() && !app.is_busy());
        window
    }

    fn start(home: &Path, acting: Option<ReaderId>) -> Self {
        std::fs::create_dir_all(home).unwrap();
        let home = home.to_owned();
        let harness = Harness::builder().with_size([1366.0, 768.0]).with_context_setup(prepare).build_ui_state(
            move |ui, slot: &mut Option<App>| {
                let app = slot.get_or_insert_with(|| {
                    App::at_home(ui.ctx(), Stage::new(ui.ctx(), None).unwrap(), &home).acting(acting.clone())
                });
                app.logic(ui.ctx());
                app.ui(ui);
            },
            None,
        );
        Self { harness }
    }

    /// Steps until something is true; background threads open and hash meanwhile.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&App) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !done(self.harness.state().as_ref().unwrap()) {
            assert!(Instant::now() < deadline, "never happened: {what}");
            self.harness.step();
            std::thread::yield_now();
        }
        self.harness.run_steps(3);
        self.harness.check_accessibility();
    }

    pub fn drop_file(&mut self, path: &Path) {
        self.harness.input_mut().dropped_files.push(Arc::new(Dropped(path.to_owned())));
        self.harness.step();
    }

    pub fn dropped(home: &Path, image: &Path) -> Self {
        let mut window = Self::open(home);
        window.drop_file(image);
        window.until("the image is in view", |app| app.look().image.is_some());
        window
    }

    /// A point of the image's part of the window, as shares of its width and height.
    pub fn at(&self, x: f32, y: f32) -> Pos2 {
        let rect = self.harness.get_by_label("画像").rect();
        rect.lerp_inside(egui::Vec2::new(x, y))
    }

    pub fn click(&mut self, x: f32, y: f32) {
        let at = self.at(x, y);
        self.harness.hover_at(at);
        self.harness.step();
        self.harness.drag_at(at);
        self.harness.step();
        self.harness.drop_at(at);
        self.harness.run_steps(2);
    }

    pub fn outline(&mut self) {
        for (x, y) in [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)] {
            self.click(x, y);
        }
        self.harness.key_press(Key::Enter);
        self.harness.run_steps(3);
    }

    pub fn findings(&self) -> usize {
        self.app().model().findings.len()
    }

    pub fn app(&self) -> &App {
        self.harness.state().as_ref().unwrap()
    }

    pub fn press(&mut self, key: Key) {
        self.harness.key_press(key);
        self.harness.run_steps(3);
    }

    /// Where the first vertex of a shape lies on the screen, and a place beside it.
    pub fn corner_of(&self, shape: &Shape) -> (Pos2, Pos2) {
        let at = self.app().screen_from_image(*shape.points().next().unwrap());
        (at, at - egui::Vec2::new(12.0, 9.0))
    }

    pub fn drag(&mut self, from: Pos2, to: Pos2) {
        self.harness.hover_at(from);
        self.harness.step();
        self.harness.drag_at(from);
        self.harness.step();
        self.harness.hover_at(to);
        self.harness.step();
        self.harness.drop_at(to);
        self.harness.run_steps(3);
    }

    pub fn undo(&mut self) {
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        self.harness.run_steps(3);
    }

    pub fn push(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    pub fn sees(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }
}

/// A photograph with something to outline.
pub fn photograph(folder: &Path) -> PathBuf {
    let image = image::RgbImage::from_fn(400, 300, |x, y| {
        let inside = (i64::from(x) - 200).pow(2) + (i64::from(y) - 150).pow(2) < 3600;
        if inside { image::Rgb([180, 60, 70]) } else { image::Rgb([230, 150, 140]) }
    });
    let path = folder.join("photo.png");
    image.save(&path).unwrap();
    path
}

/// A study of photographs with coordinator `C`, readers `R1` and `R2`, adjudicator `J`, all with keys in `home`.
pub struct Study {
    pub home: PathBuf,
    pub folder: PathBuf,
    pub project: Project,
    pub cases: Vec<CaseId>,
}

impl Study {
    pub fn new(desk: &Path, photographs: usize) -> Self {
        let images = desk.join("images");
        std::fs::create_dir_all(&images).unwrap();
        for n in 0..photographs {
            let shade = u8::try_from(200 - n).unwrap();
            let image =
                image::RgbImage::from_fn(400, 300, |x, y| image::Rgb([shade, (x % 251) as u8, (y % 241) as u8]));
            image.save(images.join(format!("photo-{n}.png"))).unwrap();
        }
        Self::of(desk, &images)
    }

    /// A study of whatever images are in a folder.
    pub fn of(desk: &Path, images: &Path) -> Self {
        Self::cases_by(desk, images, CaseBy::Auto)
    }

    pub fn cases_by(desk: &Path, images: &Path, by: CaseBy) -> Self {
        let (home, folder) = (desk.join("home"), desk.join("study.shoken"));
        let mut project = Project::create(NewProject {
            folder: &folder,
            home: &home,
            kind: ProjectKind::Study,
            name: "study",
            creator: "C",
            packs: Vec::new(),
            clock: Clock::system(),
        })
        .unwrap();
        for (id, role) in [("R1", Role::Reader), ("R2", Role::Reader), ("J", Role::Adjudicator)] {
            project.add_reader(&ReaderId::new(id).unwrap(), &[role], None, &[], None).unwrap();
        }
        project.import(&[images.to_owned()], by, &Cause::Cli, &Progress::default(), &Cancel::default()).unwrap();
        for job in project.pending_hashes().unwrap() {
            project.record_hashes(&[job.run(|_| true)]).unwrap();
        }
        let cases = project.case_ids();
        Self { home, folder, project, cases }
    }

    /// Reads a case: a square of 100 px at each place, named by its term, and submits it.
    pub fn read(&mut self, reader: &str, case: usize, marks: &[(f64, f64, &str)]) {
        self.project.act_as(&ReaderId::new(reader).unwrap()).unwrap();
        let case = self.cases[case].clone();
        if !marks.is_empty() {
            let features: Vec<_> = marks
                .iter()
                .map(|(x, y, term)| {
                    let ring = [[*x, *y], [x + 100.0, *y], [x + 100.0, y + 100.0], [*x, y + 100.0], [*x, *y]];
                    serde_json::json!({
                        "type": "Feature",
                        "geometry": {"type": "Polygon", "coordinates": [ring]},
                        "properties": {"classification": {"name": term}},
                    })
                })
                .collect();
            let text = serde_json::json!({"type": "FeatureCollection", "features": features}).to_string();
            self.project.annotate(&case, "marks", &text).unwrap();
        }
        let verdict = if marks.is_empty() { Verdict::NoFinding } else { Verdict::Findings };
        self.project.submit(&case, verdict, &Cause::Cli).unwrap();
    }

    /// The window of one of its people.
    pub fn window(&self, acting: &str) -> Window {
        Window::project(&self.home, &self.folder, acting)
    }
}
