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

/// The values along a line, against the pixels and the volume that it lies on.
#[test]
fn a_profile_line_reads_the_slice_and_the_plane_and_leaves_no_finding() {
    let desk = tempfile::tempdir().unwrap();
    let mut window = planes(desk.path());
    let series = shoken::imaging::scan(
        &[desk.path().join("images")],
        &shoken::project::Progress::default(),
        &shoken::project::Cancel::default(),
    );
    let source = series.unwrap().images.remove(0).source;
    window.press(Key::Y);
    assert!(window.app().look().profiling);
    let (from, to) = (window.at(0.3, 0.4), window.at(0.7, 0.55));
    window.click(0.3, 0.4);
    // While the second end is missing, the pointer stands for it.
    window.harness.hover_at(to);
    window.harness.run_steps(4);
    let drawing = window.app().look().line_profile.clone().expect("plotted while it is drawn");
    assert!(window.app().look().profiling);
    window.click(0.7, 0.55);
    window.until("the line is there", |app| !app.look().profiling && !app.is_busy());
    let profile = window.app().look().line_profile.clone().unwrap();
    assert!((profile.length() - drawing.length()).abs() < 1e-6);
    assert_eq!(profile.unit, "HU");
    let frame = window.app().look().frame;
    let info = &source.meta().frames[frame as usize];
    let tile = source.read_tile(TileKey { frame, level: 0, col: 0, row: 0 }).unwrap();
    let Samples::I16(stored) = &tile.samples else { panic!("the phantom is signed") };
    let width = tile.size_px.width as usize;
    let (a, b) = (window.app().image_from_screen(from), window.app().image_from_screen(to));
    let spacing = source.meta().spacing.unwrap();
    let mm = [spacing.x_um / 1000.0, spacing.y_um / 1000.0];
    let length = ((b[0] - a[0]) * mm[0]).hypot((b[1] - a[1]) * mm[1]);
    assert!((profile.length() - length).abs() < 1e-6, "{} against {length} mm", profile.length());
    let bilinear = |p: [f64; 2]| {
        let (x, y) = (p[0] - 0.5, p[1] - 0.5);
        let at = |c: f64, r: f64| f64::from(stored[r as usize * width + c as usize]);
        let (fx, fy) = (x.fract(), y.fract());
        let (c, r) = (x.floor(), y.floor());
        let raw = (at(c, r) * (1.0 - fx) + at(c + 1.0, r) * fx) * (1.0 - fy)
            + (at(c, r + 1.0) * (1.0 - fx) + at(c + 1.0, r + 1.0) * fx) * fy;
        raw * info.rescale.0 + info.rescale.1
    };
    assert!(profile.points.len() > 50);
    let mut lowest = f64::INFINITY;
    for (at, value) in &profile.points {
        let t = at / profile.length();
        let want = bilinear([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]);
        let value = value.expect("all of it lies on the slice");
        assert!((value - want).abs() < 1e-6, "{value} instead of {want} at {at} mm");
        lowest = lowest.min(want);
    }
    let (low, high) = profile.range().unwrap();
    assert!((low - lowest).abs() < 1e-9 && high > low, "the line crosses something");
    assert!(window.sees("プロファイル") && window.findings() == 0);
    window.press(Key::Escape);
    assert!(window.app().look().line_profile.is_none());

    // On the coronal plane: the cross-hair stays, and values are those of the volume.
    window.press(Key::F6);
    window.press(Key::F6);
    window.press(Key::Y);
    let cross = window.app().cross_hair().unwrap().0;
    let rect = egui_kittest::kittest::Queryable::get_by_label(&window.harness, "冠状断").rect();
    for share in [[0.3, 0.45], [0.65, 0.6]] {
        let at = rect.lerp_inside(egui::Vec2::new(share[0], share[1]));
        window.harness.hover_at(at);
        window.harness.step();
        window.harness.drag_at(at);
        window.harness.step();
        window.harness.drop_at(at);
        window.harness.run_steps(3);
    }
    assert_eq!(window.app().cross_hair().unwrap().0, cross, "clicks of the line do not move it");
    let profile = window.app().look().line_profile.clone().expect("the plane has a profile");
    let ends = window.app().profile_ends().unwrap();
    let volume = shoken::imaging::volume::Volume::read(
        &*source,
        2,
        &shoken::project::Progress::default(),
        &shoken::project::Cancel::default(),
    );
    let volume = volume.unwrap();
    let length = (0..3).map(|i| (ends[1][i] - ends[0][i]).powi(2)).sum::<f64>().sqrt();
    assert!((profile.length() - length).abs() < 1e-9 && length > 10.0);
    let (mut compared, mut seen) = (0, std::collections::BTreeSet::new());
    for (at, value) in &profile.points {
        let p = std::array::from_fn(|i| ends[0][i] + (ends[1][i] - ends[0][i]) * at / length);
        match (value, volume.probe(p)) {
            (Some(value), Some(want)) => {
                assert!((value - want).abs() < 0.5, "{value} instead of {want}");
                compared += 1;
                seen.insert(value.round() as i64);
            }
            (None, None) => {}
            other => panic!("{other:?} at {p:?}"),
        }
    }
    assert!(compared > 40 && seen.len() > 5, "{compared} values, {} of them different", seen.len());
}

#[test]
fn esc_leaves_a_registration_that_was_begun() {
    let desk = tempfile::tempdir().unwrap();
    let photo = photograph(desk.path());
    let copy = desk.path().join("other.png");
    let mut image = image::open(&photo).unwrap().to_rgb8();
    image.put_pixel(0, 0, image::Rgb([1, 2, 3]));
    image.save(&copy).unwrap();
    let mut window = Window::dropped(&desk.path().join("home"), &photo);
    window.drop_file(&copy);
    window.until("both are there", |app| app.model().cases.len() == 2 || app.model().cases[0].images.len() == 2);
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.harness.run_steps(3);
    window.press(Key::F6);
    window.until("an image in the second cell", |app| app.look().image.is_some() && !app.is_busy());
    window.harness.key_press_modifiers(Modifiers::ALT, Key::S);
    window.harness.run_steps(3);
    assert!(window.app().is_registering(), "two images are shown");
    window.press(Key::Escape);
    assert!(!window.app().is_registering());
}
