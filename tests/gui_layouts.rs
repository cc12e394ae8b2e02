//! Cells side by side in the window: what fills its place goes on filling it, and the words are those of the image in view.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use shoken::demo::{CtPhantom, write_series};
use shoken::gui::{Drag, Hold, Profile};
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

/// A drag with any button, from the middle of the image.
fn drag(window: &mut Window, button: egui::PointerButton, by: egui::Vec2) {
    let at = window.at(0.5, 0.5);
    for (pos, pressed) in [(at, Some(true)), (at + by * 0.5, None), (at + by, None), (at + by, Some(false))] {
        let events = &mut window.harness.input_mut().events;
        events.push(egui::Event::PointerMoved(pos));
        if let Some(pressed) = pressed {
            events.push(egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
        }
        window.harness.step();
    }
    window.harness.run_steps(2);
}

#[test]
fn each_profile_drags_as_its_table_says() {
    let desk = tempfile::tempdir().unwrap();
    let images = desk.path().join("study");
    std::fs::create_dir_all(&images).unwrap();
    write_series(&CtPhantom::new(7, 12), 7, &images).unwrap();
    let study = Study::of(desk.path(), &images);
    for profile in Profile::ALL {
        let mut window = study.window("R1");
        window.press(Key::F1);
        window.push(match profile {
            Profile::Standard => "標準（QuPath に準じる）",
            Profile::PacsLeft => "PACS（左で表示条件）",
            Profile::PacsRight => "PACS（右で表示条件）",
        });
        window.press(Key::Escape);
        assert_eq!(window.app().look().profile, profile);
        for (hold, button) in [
            (Hold::Left, egui::PointerButton::Primary),
            (Hold::Middle, egui::PointerButton::Middle),
            (Hold::Right, egui::PointerButton::Secondary),
        ] {
            let look = |window: &Window| {
                let app = window.app();
                let (a, b) = (app.screen_from_image([0.0, 0.0]), app.screen_from_image([512.0, 0.0]));
                (app.value_window(), a, b.x - a.x)
            };
            // Zoomed in, so that there is somewhere to pan to.
            window.press(Key::Plus);
            window.press(Key::Plus);
            let (values, corner, wide) = look(&window);
            drag(&mut window, button, egui::vec2(30.0, 40.0));
            let (values_now, corner_now, wide_now) = look(&window);
            let did = match (values != values_now, (wide - wide_now).abs() > 1.0, (corner - corner_now).length() > 1.0)
            {
                (true, false, false) => Drag::Window,
                (false, true, _) => Drag::Zoom,
                (false, false, true) => Drag::Pan,
                other => panic!("{profile:?} {hold:?}: {other:?}"),
            };
            assert_eq!(did, profile.drag(hold, true), "{profile:?} {hold:?}");
        }
        // Digits: a lung window on Shift+2, or on 2 where the digits are windows.
        let lung = Some((-600.0, 1500.0));
        window.press(Key::Num2);
        assert_eq!(window.app().value_window() == lung, profile != Profile::Standard, "{profile:?}");
        window.harness.key_press_modifiers(Modifiers::SHIFT, Key::Num2);
        window.harness.run_steps(3);
        assert_eq!(window.app().value_window(), lung, "{profile:?}: no finding is selected, so nothing else was meant");
    }
    // Kept on this computer.
    assert_eq!(study.window("R1").app().look().profile, Profile::PacsRight);
}
