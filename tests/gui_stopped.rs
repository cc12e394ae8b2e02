//! Asked to stop by the end of the session or a closed terminal, with an outline in the hand: the window closes as it does
//! on its own, what was drawn comes back, and a witness has seen what was done. One that hangs loses no more.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use egui::Key;
use shoken::project::{Project, asked_to_stop, end_cleanly_when_asked};

use crate::support::desk::child;
use crate::support::window::{Window, photograph};

/// The window in a process of its own: one finding done, three vertices of the next in the hand.
#[test]
fn stopped_window_child() {
    let Some(desk) = std::env::var_os("SHOKEN_STOPPED_DESK") else { return };
    let desk = Path::new(&desk);
    end_cleanly_when_asked().unwrap();
    let mut window = Window::dropped(&desk.join("home"), &desk.join("photo.png"));
    window.outline();
    window.press(Key::Escape);
    window.press(Key::P);
    for (x, y) in [(0.2, 0.2), (0.3, 0.2), (0.3, 0.3)] {
        window.click(x, y);
    }
    println!("\n@ready");
    if std::env::var_os("SHOKEN_STOPPED_HANGS").is_some() {
        loop {
            std::thread::park();
        }
    }
    let since = Instant::now();
    while !asked_to_stop() {
        assert!(since.elapsed() < Duration::from_secs(60), "nobody asked");
        window.harness.step();
    }
    window.harness.step();
    let close = |output: &egui::FullOutput| {
        output.viewport_output.values().any(|v| v.commands.contains(&egui::ViewportCommand::Close))
    };
    assert!(close(window.harness.output()), "the window does not close");
}

/// Starts the window, asks it to stop once its hand is full, and waits; the exit code.
fn stop(desk: &Path, signal: &str, hangs: bool) -> i32 {
    let mut variables = vec![("SHOKEN_STOPPED_DESK", desk.to_str().unwrap())];
    if hangs {
        variables.push(("SHOKEN_STOPPED_HANGS", "1"));
    }
    let mut running = child("gui_stopped::stopped_window_child", &variables).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(running.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        said += &format!("{line}\n");
        if line == "@ready" {
            let asked = Command::new("kill").args([&format!("-{signal}"), &running.id().to_string()]).status().unwrap();
            assert!(asked.success());
        }
    }
    assert!(said.contains("@ready"), "{said}");
    running.wait().unwrap().code().expect("it was killed instead of ending")
}

fn came_back(desk: &Path, signal: &str) {
    let home = desk.join("home");
    let project = Project::open(&desk.join("personal.shoken"), &home, false).unwrap();
    let report = project.verify().unwrap();
    assert!(report.problems.is_empty(), "{signal}: {:?}", report.problems);
    assert!(
        report.witnesses > 0 && report.notes.is_empty(),
        "{signal}: no witness saw the last of it: {:?}",
        report.notes
    );
    drop(project);
    let mut window = Window::dropped(&home, &desk.join("photo.png"));
    assert_eq!(window.findings(), 1, "{signal}: what was done is there");
    window.press(Key::Enter);
    assert_eq!(window.findings(), 2, "{signal}: the three vertices came back and close");
}

#[test]
fn stopped_with_an_outline_in_the_hand() {
    for signal in ["TERM", "HUP", "INT"] {
        let desk = tempfile::tempdir().unwrap();
        photograph(desk.path());
        assert_eq!(stop(desk.path(), signal, false), 0, "{signal}");
        came_back(desk.path(), signal);
    }
}

#[test]
fn stopped_while_it_hangs() {
    let desk = tempfile::tempdir().unwrap();
    photograph(desk.path());
    assert_eq!(stop(desk.path(), "TERM", true), 143);
    came_back(desk.path(), "TERM");
}
