//! Planes beside the slices, and cells side by side, by keyboard and pointer.

use egui::{Key, Modifiers};
use shoken::demo::{CtPhantom, write_series};

use crate::support::window::{Study, Window, photograph};

fn study(desk: &std::path::Path) -> Window {
    let images = desk.join("images");
    std::fs::create_dir_all(&images).unwrap();
    write_series(&CtPhantom::new(11, 16), 11, &images).unwrap();
    Study::of(desk, &images).window("R1")
}

fn planes(desk: &std::path::Path) -> Window {
    let mut window = study(desk);
    window.press(Key::D);
    window.until("the planes are there", |app| app.cross_hair().is_some());
    window
}

#[test]
fn planes_stand_beside_the_slices_and_go_with_them() {
    let desk = tempfile::tempdir().unwrap();
    let mut window = planes(desk.path());
    for name in ["軸位断", "冠状断", "矢状断", "画像"] {
        assert!(window.sees(name), "{name}");
    }
    let frame = window.app().look().frame;
    let (before, _) = window.app().cross_hair().unwrap();
    window.press(Key::ArrowDown);
    let (after, _) = window.app().cross_hair().unwrap();
    assert_eq!(window.app().look().frame, frame + 1);
    assert!((after[2] - before[2]).abs() > 0.5, "the cross-hair goes with the slices: {before:?} {after:?}");
    // An active plane takes the keys, and the slices go with the cross-hair.
    window.press(Key::F6);
    assert_eq!(window.app().cells(), (4, 1));
    window.press(Key::ArrowDown);
    window.press(Key::ArrowDown);
    assert_eq!(window.app().look().frame, frame + 3, "axial steps are slices here");
    window.press(Key::F6);
    window.press(Key::ArrowDown);
    let (coronal, _) = window.app().cross_hair().unwrap();
    assert!((coronal[1] - after[1]).abs() > 0.1 && (coronal[0] - after[0]).abs() < 1e-9);
    assert_eq!(window.app().look().frame, frame + 3, "a step to the back stays on the slice");
    for _ in 0..4 {
        window.press(Key::CloseBracket);
    }
    window.press(Key::OpenBracket);
    assert!((window.app().cross_hair().unwrap().1 - 3.0).abs() < 1e-9);
    window.press(Key::D);
    assert!(window.app().cross_hair().is_none());
    assert_eq!((window.app().cells().0, window.app().look().frame), (1, frame + 3));
}

#[test]
fn a_click_on_a_plane_moves_the_cross_hair_and_a_drag_on_its_handle_turns_the_others() {
    use egui_kittest::kittest::Queryable as _;
    let desk = tempfile::tempdir().unwrap();
    let mut window = planes(desk.path());
    let rect = window.harness.get_by_label("冠状断").rect();
    let (before, _) = window.app().cross_hair().unwrap();
    let at = rect.center() + egui::vec2(30.0, -20.0);
    window.harness.hover_at(at);
    window.harness.step();
    window.harness.drag_at(at);
    window.harness.step();
    window.harness.drop_at(at);
    window.harness.run_steps(3);
    let (after, _) = window.app().cross_hair().unwrap();
    assert!(after[0] > before[0] + 1.0, "right is the patient's left: {before:?} {after:?}");
    assert!(after[2] > before[2] + 1.0, "up is the head");
    assert!((after[1] - before[1]).abs() < 1e-9, "a coronal plane keeps its depth");
    assert_eq!(window.app().cells().1, 2, "the plane that was clicked is active");
}

#[test]
fn cells_are_laid_out_stepped_through_and_filled_from_the_case() {
    let desk = tempfile::tempdir().unwrap();
    let mut window = study(desk.path());
    let image = window.app().look().image.clone();
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Num4);
    window.harness.run_steps(3);
    assert_eq!(window.app().cells(), (4, 0));
    assert_eq!(window.app().look().image, image, "what was looked at stays");
    window.press(Key::F6);
    assert_eq!(window.app().cells(), (4, 1));
    assert_eq!(window.app().look().image, image, "an empty cell takes an image of the case");
    let frame = window.app().look().frame;
    window.press(Key::ArrowDown);
    assert_eq!(window.app().look().frame, frame + 1);
    window.harness.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    window.harness.run_steps(3);
    assert_eq!(window.app().look().frame, frame, "each cell has a slice of its own");
    // Linked, the other goes along.
    window.press(Key::S);
    window.press(Key::ArrowDown);
    window.press(Key::F6);
    assert_eq!(window.app().look().frame, frame + 1, "by place: the same series shows the same slice");
    window.press(Key::F5);
    assert_eq!(window.app().cells().0, 6);
}

#[test]
fn a_photograph_has_no_planes_and_says_nothing_of_them() {
    let desk = tempfile::tempdir().unwrap();
    let photo = photograph(desk.path());
    let mut window = Window::dropped(&desk.path().join("home"), &photo);
    window.press(Key::D);
    assert!(window.app().cross_hair().is_none());
    assert_eq!(window.app().cells().0, 1);
}
