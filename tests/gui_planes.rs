//! Planes beside the slices, and cells side by side, by keyboard and pointer.

use std::collections::BTreeMap;

use egui::{Key, Modifiers};
use shoken::demo::{CtPhantom, write_series};
use shoken::domain::{Origin, ReaderId, Shape, TileKey};
use shoken::imaging::Samples;
use shoken::project::{Cause, Command, FindingCommand, FindingDraft, FindingOrigin, ReadScope, roi_on};

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
fn the_selected_outline_is_measured_on_its_slice() {
    let desk = tempfile::tempdir().unwrap();
    let images = desk.path().join("images");
    std::fs::create_dir_all(&images).unwrap();
    write_series(&CtPhantom::new(5, 6), 5, &images).unwrap();
    let mut study = Study::of(desk.path(), &images);
    let reader = ReaderId::new("R1").unwrap();
    study.project.act_as(&reader).unwrap();
    let case = study.cases[0].clone();
    let image = study.project.view(&case, &ReadScope::Reader(reader)).unwrap().images[0].id.clone();
    let source = study.project.open_image(&image).unwrap();
    let info = source.meta().frames[2].clone();
    let ring = vec![[200.0, 210.0], [300.0, 210.0], [300.0, 260.0], [200.0, 260.0]];
    let finding = FindingDraft {
        rois: vec![(image, roi_on(info.pose, 2, Shape::from_ring(ring)))],
        terms: Vec::new(),
        certainty: None,
        attributes: BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
        comment: None,
    };
    let add = FindingCommand::Add { case, findings: vec![finding] };
    study.project.execute(Command::Finding(add), &Cause::Gesture).unwrap();
    let tile = source.read_tile(TileKey { frame: 2, level: 0, col: 0, row: 0 }).unwrap();
    let Samples::I16(stored) = &tile.samples else { panic!("the phantom is signed") };
    let width = tile.size_px.width as usize;
    let values: Vec<f64> = (210..260)
        .flat_map(|y| stored[y * width + 200..y * width + 300].iter().map(|s| info.value(f64::from(*s))))
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();

    let mut window = study.window("R1");
    assert!(window.app().measured().is_none(), "nothing is selected");
    window.push("所見 1 用語未設定");
    window.until("it is measured", |app| app.measured().is_some());
    let m = window.app().measured().unwrap();
    assert_eq!(m.pixels, 5000);
    assert!((m.mean - mean).abs() < 1e-6 && (m.deviation - spread).abs() < 1e-6, "{m:?} {mean} {spread}");
    assert_eq!(m.lowest, values.iter().copied().fold(f64::INFINITY, f64::min));
    assert_eq!(m.highest, values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let spacing = info.pose.unwrap().spacing_mm;
    assert!((m.area_mm2.unwrap() - 5000.0 * spacing[0] * spacing[1]).abs() < 1e-6);
    window.press(Key::ArrowDown);
    assert!(window.app().measured().is_none(), "on another slice it has no outline");
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
