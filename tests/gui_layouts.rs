//! Cells side by side in the window: what fills its place goes on filling it, and the words are those of the image in view.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use shoken::demo::{CtPhantom, write_series};
use shoken::project::CaseBy;

use crate::support::window::{Study, Window, photograph};

/// The image's upper left and lower right corner on the screen, and the place that it is shown in.
fn corners(window: &Window) -> (egui::Rect, egui::Rect) {
    let app = window.app();
    let image = egui::Rect::from_min_max(app.screen_from_image([0.0, 0.0]), app.screen_from_image([400.0, 300.0]));
    (image, window.harness.get_by_label("画像").rect())
}

#[test]
fn an_image_that_fills_its_place_goes_on_filling_it() {
    let desk = tempfile::tempdir().unwrap();
    let mut window = Window::dropped(&desk.path().join("home"), &photograph(desk.path()));
    window.harness.run_steps(2);
    let (whole, _) = corners(&window);
    window.press(Key::F9);
    let (image, place) = corners(&window);
    assert!(place.expand(1.0).contains_rect(image), "the strip of pictures cuts the image off: {image} in {place}");
    assert!(image.height() < whole.height());
    window.press(Key::F9);
    assert!((corners(&window).0.height() - whole.height()).abs() < 0.5, "and it comes back");
    // A zoom that a hand chose stays.
    window.press(Key::Plus);
    let (zoomed, _) = corners(&window);
    window.press(Key::F9);
    assert!((corners(&window).0.height() - zoomed.height()).abs() < 0.5);
    window.press(Key::F9);
    // One of four cells, alone for a while.
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Num4);
    window.harness.run_steps(3);
    let (quarter, _) = corners(&window);
    assert!(quarter.height() < whole.height() * 0.7);
    window.press(Key::F7);
    assert!((corners(&window).0.height() - whole.height()).abs() < 0.5, "alone it is as large as it can be");
    window.press(Key::F7);
    assert!((corners(&window).0.height() - quarter.height()).abs() < 0.5);
}

#[test]
fn a_case_of_two_fields_offers_the_words_of_the_image_in_view() {
    let desk = tempfile::tempdir().unwrap();
    let images = desk.path().join("study");
    std::fs::create_dir_all(&images).unwrap();
    write_series(&CtPhantom::new(7, 12), 7, &images).unwrap();
    photograph(&images);
    let study = Study::cases_by(desk.path(), &images, CaseBy::Folder);
    assert_eq!(study.cases.len(), 1, "one case holds both");
    let mut window = study.window("R1");
    let terms = |window: &Window| window.app().model().terms.rows.first().map(|t| t.reference.id.clone());
    assert!(window.sees("CT · 12 枚 · study"), "a series says what it is");
    window.push("CT · 12 枚 · study");
    let radiology = terms(&window);
    // The rows can be dragged into cells, and still be clicked.
    window.push("photo.png");
    assert_ne!(terms(&window), radiology, "a photograph is not named in the words of a CT");
    window.push("CT · 12 枚 · study");
    assert_eq!(terms(&window), radiology);
}

#[test]
fn the_second_window_keeps_its_own_view_and_follows_the_links() {
    let desk = tempfile::tempdir().unwrap();
    let images = desk.path().join("study");
    std::fs::create_dir_all(&images).unwrap();
    write_series(&CtPhantom::new(7, 12), 7, &images).unwrap();
    photograph(&images);
    let study = Study::cases_by(desk.path(), &images, CaseBy::Folder);
    let mut window = study.window("R1");
    window.push("CT · 12 枚 · study");
    let ct = window.app().look().image.clone().unwrap();
    let key = |window: &mut Window, modifiers, key| {
        window.harness.key_press_modifiers(modifiers, key);
        window.harness.run_steps(4);
    };
    let shows = |window: &Window| window.app().second_window().map(|(image, frame)| (image.cloned(), frame));
    assert_eq!(shows(&window), None);
    key(&mut window, Modifiers::SHIFT, Key::F11);
    assert_eq!(shows(&window), Some((Some(ct.clone()), 6)), "the image in the hand, on its slice");
    assert!(window.sees("第2画面の画像"));
    // Its own slice: the main window goes on alone.
    window.press(Key::ArrowDown);
    assert_eq!((window.app().look().frame, shows(&window).unwrap().1), (7, 6));
    // Linked, they go together.
    window.press(Key::S);
    window.press(Key::ArrowDown);
    assert_eq!((window.app().look().frame, shows(&window).unwrap().1), (8, 8), "by place in the patient");
    // Another image in the main window leaves it alone; sending brings it over.
    window.press(Key::ArrowRight);
    assert_eq!(shows(&window).unwrap().0, Some(ct));
    let photo = window.app().look().image.clone();
    key(&mut window, Modifiers::ALT, Key::F11);
    assert_eq!(shows(&window), Some((photo, 0)));
    // Drawing in the main window goes on; the second shows findings and makes none.
    key(&mut window, Modifiers::SHIFT, Key::F11);
    assert_eq!(shows(&window), None);
    assert!(!window.sees("第2画面の画像"));
}
