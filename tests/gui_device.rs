//! No graphics adapter, and a device that is lost in the middle of an outline: said in one line with what to do, and nothing
//! of the work is lost.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use egui::{Key, Vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, wgpu::WgpuTestRenderer};
use shoken::gui::{App, Reopen, Resume, Stage, prepare};

use crate::support::{desk::binary, window::photograph};

/// A screen that nobody sees; `None` without Xvfb.
struct Screen(Child, String);

impl Screen {
    fn open() -> Option<Self> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1366x768x24", "-nolisten", "tcp"]);
        let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            println!("skipped: no Xvfb");
            return None;
        };
        let mut number = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Some(Self(child, format!(":{}", number.trim())))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_an_adapter_the_window_says_what_to_install_and_commands_go_on() {
    let Some(screen) = Screen::open() else { return };
    let home = tempfile::tempdir().unwrap();
    let none = "/nonexistent";
    let mut child = Command::new(binary())
        .env("DISPLAY", &screen.1)
        .env("SHOKEN_HOME", home.path())
        .env("VK_DRIVER_FILES", none)
        .env("VK_ICD_FILENAMES", none)
        .env("LIBGL_DRIVERS_PATH", none)
        .env("__EGL_VENDOR_LIBRARY_FILENAMES", none)
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WGPU_BACKEND")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let since = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if since.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("a window opened, or nothing was said");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let ours: Vec<&str> = said.lines().filter(|l| l.starts_with("shoken: ")).collect();
    assert_eq!((status.code(), ours.len()), (Some(2), 1), "{said}");
    assert!(ours[0].contains("no graphics adapter") && ours[0].contains("apt install mesa-vulkan-drivers"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    // What needs no window goes on without an adapter.
    let photo = photograph(home.path());
    let out = home.path().join("out.png");
    let rendered = Command::new(binary())
        .args(["render".as_ref(), photo.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .env("VK_DRIVER_FILES", none)
        .status()
        .unwrap();
    assert!(rendered.success() && out.exists());
}

type Seen = Harness<'static, Option<App>>;

/// A window that draws with a device of its own.
fn window(home: &std::path::Path, reopen: &Reopen, resume: Option<Resume>) -> Option<(Seen, wgpu::Device)> {
    if std::env::var_os("SHOKEN_NO_GPU").is_some_and(|v| v == "1") {
        println!("skipped: SHOKEN_NO_GPU=1");
        return None;
    }
    let state = egui_kittest::wgpu::create_render_state(
        egui_kittest::wgpu::default_wgpu_setup(),
        eframe::egui_wgpu::RendererOptions::PREDICTABLE,
    );
    let device = state.device.clone();
    let (home, reopen, drawn) = (home.to_owned(), reopen.clone(), state.clone());
    let mut resume = resume;
    let harness = Harness::builder()
        .with_size([1366.0, 768.0])
        .with_context_setup(prepare)
        .renderer(WgpuTestRenderer::from_render_state(state))
        .build_ui_state(
            move |ui, slot: &mut Option<App>| {
                let app = slot.get_or_insert_with(|| {
                    let stage = Stage::new(ui.ctx(), Some(&drawn)).unwrap();
                    let app = App::at_home(ui.ctx(), stage, &home).reopening(reopen.clone());
                    match resume.take() {
                        Some(resume) => app.resuming(resume),
                        None => app,
                    }
                });
                app.logic(ui.ctx());
                app.ui(ui);
            },
            None,
        );
    Some((harness, device))
}

fn until(h: &mut Seen, what: &str, done: impl Fn(&App) -> bool) {
    let since = Instant::now();
    while !done(h.state().as_ref().unwrap()) {
        assert!(since.elapsed() < Duration::from_secs(60), "never happened: {what}");
        h.step();
        std::thread::yield_now();
    }
    h.run_steps(3);
}

fn click(h: &mut Seen, x: f32, y: f32) {
    let at = h.get_by_label("画像").rect().lerp_inside(Vec2::new(x, y));
    h.hover_at(at);
    h.step();
    h.drag_at(at);
    h.step();
    h.drop_at(at);
    h.run_steps(2);
}

#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

#[test]
fn a_device_lost_in_the_middle_of_an_outline_costs_no_vertex() {
    let desk = tempfile::tempdir().unwrap();
    let (home, photo) = (desk.path().join("home"), photograph(desk.path()));
    std::fs::create_dir_all(&home).unwrap();
    let reopen = Reopen::default();
    let Some((mut h, device)) = window(&home, &reopen, None) else { return };
    h.step();
    h.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(photo)));
    until(&mut h, "the image is in view", |app| app.look().image.is_some() && !app.is_busy());
    h.render().unwrap();
    for (x, y) in [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6)] {
        click(&mut h, x, y);
    }
    assert!(reopen.take().is_none());
    device.destroy();
    // The loss is told when the device is next asked for something.
    let _ = device.poll(wgpu::PollType::Poll);
    h.step();
    h.step();
    let closes = |output: &egui::FullOutput| {
        output.viewport_output.values().any(|v| v.commands.contains(&egui::ViewportCommand::Close))
    };
    assert!(closes(h.output()), "the window whose device is gone closes");
    let resume = reopen.take().expect("whoever opened it is told where it was");
    let image = h.state().as_ref().unwrap().look().image.clone();
    assert_eq!(resume.place.as_ref().map(|p| &p.image), Some(&image));
    drop(h);
    let Some((mut h, _device)) = window(&home, &reopen, Some(resume)) else { return };
    h.step();
    until(&mut h, "the image is back", |app| app.look().image.is_some() && !app.is_busy());
    assert_eq!(h.state().as_ref().unwrap().look().image, image);
    h.render().unwrap();
    assert_eq!(h.state().as_ref().unwrap().model().findings.len(), 0);
    click(&mut h, 0.4, 0.6);
    h.key_press(Key::Enter);
    h.run_steps(3);
    let app = h.state().as_ref().unwrap();
    assert_eq!(app.model().findings.len(), 1, "three vertices from before, one from after");
    let roi = app.model().findings[0].rois[0].roi.clone().unwrap();
    assert_eq!(roi.shape.points().count(), 4);
    assert!(reopen.take().is_none(), "this device is well");
}
