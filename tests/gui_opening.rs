//! Opening folders: counted in the status line, never in the way, and cancelled without a trace.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable as _;
use shoken::gui::{Action, Job};

use crate::support::window::{Window, photograph};

/// A folder of different photographs, small ones.
fn many(desk: &Path, count: usize) -> PathBuf {
    let folder = desk.join("many");
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..count {
        let image = image::RgbImage::from_pixel(32, 24, image::Rgb([(n % 256) as u8, (n / 256) as u8, 9]));
        image.save(folder.join(format!("image-{n:04}.png"))).unwrap();
    }
    folder
}

#[test]
fn a_folder_can_be_stopped_and_leaves_nothing() {
    let desk = tempfile::tempdir().unwrap();
    let folder = many(desk.path(), 1500);
    let mut window = Window::open(&desk.path().join("home"));
    window.drop_file(&folder);
    assert_eq!(window.app().model().jobs.len(), 1);
    window.harness.get_by_label("中止").click();
    window.harness.run_steps(1);
    window.until("the job is over", |app| !app.is_busy());
    assert!(window.sees("中止しました。何も追加していません"));
    assert!(window.app().model().project.is_none());
    assert!(!folder.join("personal.shoken").exists(), "no project was left behind");
    // The same folder can be opened again.
    std::fs::remove_dir_all(&folder).unwrap();
    window.drop_file(&many(desk.path(), 3));
    window.until("the images are there", |app| app.model().cases.len() == 3);
}

#[test]
fn stopping_leaves_an_open_project_as_it_was() {
    let desk = tempfile::tempdir().unwrap();
    let photo = photograph(desk.path());
    let folder = many(desk.path(), 1500);
    let mut window = Window::dropped(&desk.path().join("home"), &photo);
    let app = window.harness.state_mut().as_mut().unwrap();
    app.ask(Action::Run(Job::Open(vec![folder])));
    app.ask(Action::Run(Job::CancelOpening));
    window.harness.step();
    window.until("the job is over", |app| !app.is_busy() && app.model().jobs.is_empty());
    assert_eq!(window.app().model().cases.len(), 1);
    assert!(window.sees("中止しました。何も追加していません"));
}

#[test]
fn reading_goes_on_while_a_folder_is_taken_in() {
    let desk = tempfile::tempdir().unwrap();
    let photo = photograph(desk.path());
    let folder = many(desk.path(), 200);
    let mut window = Window::dropped(&desk.path().join("home"), &photo);
    window.drop_file(&folder);
    assert!(window.app().is_busy(), "the folder is being opened");
    let reading = window.app().look().case.clone();
    window.outline();
    assert_eq!(window.findings(), 1, "an outline made meanwhile is kept at once");
    window.until("all are in the list", |app| !app.is_busy() && app.model().cases.len() == 201);
    assert_eq!(window.app().look().case, reading, "nobody is taken away from what they are drawing on");
    assert!(window.sees("200 枚の画像を開きました"));
}

#[test]
fn a_folder_without_images_says_so_and_makes_nothing() {
    let desk = tempfile::tempdir().unwrap();
    let folder = desk.path().join("empty");
    std::fs::create_dir_all(&folder).unwrap();
    let mut window = Window::open(&desk.path().join("home"));
    window.drop_file(&folder);
    window.until("the job is over", |app| !app.is_busy());
    assert!(window.sees("開ける画像がありませんでした"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}
