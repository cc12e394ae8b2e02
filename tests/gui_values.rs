//! What stands beside the image for values: uptake, real-world values, the parts of nuclear medicine, the window of each
//! frame, overlays and palettes, in the window and by its keys.

use std::path::Path;

use egui::{Key, Modifiers};
use shoken::imaging;

use crate::support::{
    dicom::{Element, item, sequence, text, us, write},
    samples,
    window::Window,
};

fn hovered(window: &mut Window, x: f32, y: f32) -> Vec<String> {
    let at = window.at(x, y);
    window.harness.hover_at(at);
    window.until("the value is there", |app| app.corner_lines().len() > 1 && !app.is_busy());
    window.harness.run_steps(3);
    window.app().corner_lines()
}

fn opened(home: &Path, file: &Path) -> Window {
    let copy = home.join(file.file_name().unwrap());
    std::fs::create_dir_all(home).unwrap();
    std::fs::copy(file, &copy).unwrap();
    Window::dropped(home, &copy)
}

#[test]
fn a_pet_slice_reads_in_becquerels_and_as_uptake_by_weight() {
    let Some(samples) = samples() else { return };
    let file = samples.join("radiology/nm-pt/1.dcm");
    let source = imaging::open(&file).unwrap();
    let unit = source.meta().display.other_units[0].clone();
    let folder = tempfile::tempdir().unwrap();
    let mut window = opened(folder.path(), &file);
    let lines = hovered(&mut window, 0.5, 0.5);
    let number = |end: &str| {
        let line = lines.iter().find(|l| l.ends_with(end)).unwrap_or_else(|| panic!("no {end} in {lines:?}"));
        line.split('\u{2009}').next().unwrap().replace('−', "-").parse::<f64>().unwrap()
    };
    let (own, uptake) = (number("\u{2009}Bq/ml"), number("\u{2009}SUVbw g/ml"));
    assert!(own > 100.0, "something was taken up in the middle: {own}");
    // Both are rounded as they are written.
    assert!((uptake - own * unit.factor).abs() < 0.0051 + unit.factor, "{own} × {} is not {uptake}", unit.factor);
    // An outline is measured in both units.
    window.press(Key::R);
    let (from, to) = (window.at(0.45, 0.45), window.at(0.55, 0.55));
    window.drag(from, to);
    assert_eq!(window.findings(), 1);
    let lines = hovered(&mut window, 0.5, 0.5);
    let measured: Vec<&String> = lines.iter().filter(|l| l.starts_with("平均")).collect();
    assert_eq!(measured.len(), 2, "{lines:?}");
    assert!(measured[0].contains("Bq/ml") && measured[1].contains("SUVbw g/ml"), "{measured:?}");
    let mean = window.app().measured().unwrap().mean * unit.factor;
    let told: f64 = measured[1].split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((told - mean).abs() < 0.051, "{told} against {mean}");
}

#[test]
fn the_greys_of_a_slice_go_through_the_palettes_and_overlays_hide_by_a_key() {
    let Some(samples) = samples() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = samples.join("radiology/ct-head-ge/14.dcm");
    let mut window = opened(folder.path(), &file);
    let says = |window: &Window, text: &str| window.app().corner_lines().iter().any(|l| l.contains(text));
    assert!(!says(&window, "Hot Iron"));
    window.harness.key_press_modifiers(Modifiers::SHIFT, Key::P);
    window.harness.run_steps(3);
    assert!(says(&window, "Hot Iron"), "{:?}", window.app().corner_lines());
    for _ in 0..4 {
        window.harness.key_press_modifiers(Modifiers::SHIFT, Key::P);
        window.harness.run_steps(3);
    }
    assert!(!says(&window, "Hot Iron") && !says(&window, "PET"), "grey again");
    assert!(window.app().look().overlays);
    window.press(Key::G);
    assert!(!window.app().look().overlays);
    window.press(Key::G);
    assert!(window.app().look().overlays);
}

/// An object of several frames of 40 × 30 pixels, the values of frame `n` being `100 n` and more.
fn frames(count: u16, modality: &str, extra: Vec<Element>) -> Vec<u8> {
    let pixels: Vec<u8> =
        (0..count).flat_map(|n| (0..1200_u16).flat_map(move |i| (n * 100 + i % 40).to_le_bytes())).collect();
    let mut elements = vec![
        text(0x0008_0016, *b"UI", "1.2.840.10008.5.1.4.1.1.20"),
        text(0x0008_0018, *b"UI", "1.2.3"),
        text(0x0008_0060, *b"CS", modality),
        us(0x0028_0002, &[1]),
        text(0x0028_0004, *b"CS", "MONOCHROME2"),
        text(0x0028_0008, *b"IS", &count.to_string()),
        us(0x0028_0010, &[30]),
        us(0x0028_0011, &[40]),
        us(0x0028_0100, &[16]),
        us(0x0028_0101, &[16]),
        us(0x0028_0102, &[15]),
        us(0x0028_0103, &[0]),
        (0x7FE0_0010, *b"OW", pixels),
    ];
    elements.extend(extra);
    write(elements)
}

#[test]
fn frames_of_nuclear_medicine_say_their_detector_and_energy_window() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| item(vec![text(0x0054_0018, *b"SH", name)]);
    let view = item(vec![sequence(0x0054_0220, &[item(vec![text(0x0008_0104, *b"LO", "Anterior")])])]);
    let bytes = frames(
        4,
        "NM",
        vec![
            (0x0028_0009, *b"AT", [0x54_u16, 0x10, 0x54, 0x20].iter().flat_map(|v| v.to_le_bytes()).collect()),
            us(0x0054_0010, &[1, 1, 2, 2]),
            us(0x0054_0020, &[1, 2, 1, 2]),
            us(0x0054_0030, &[1, 2, 3, 4]),
            sequence(0x0054_0012, &[named("Tc99m"), named("Scatter")]),
            sequence(0x0054_0022, &[view]),
        ],
    );
    let file = folder.path().join("nm.dcm");
    std::fs::write(&file, bytes).unwrap();
    let mut window = Window::dropped(&folder.path().join("home"), &file);
    window.press(Key::Home);
    let lines = window.app().corner_lines();
    let has = |lines: &[String], text: &str| lines.iter().any(|l| l == text);
    assert!(has(&lines, "エネルギー窓 1 · Tc99m") && has(&lines, "検出器 1 · Anterior"), "{lines:?}");
    window.press(Key::End);
    let lines = window.app().corner_lines();
    assert!(has(&lines, "エネルギー窓 2 · Scatter") && has(&lines, "検出器 2"), "{lines:?}");
    assert!(!lines.iter().any(|l| l.starts_with("位相")), "a vector that the increment pointer does not name");
}

#[test]
fn each_frame_of_an_enhanced_object_has_its_own_window_until_a_hand_chooses_one() {
    let Some(samples) = samples() else { return };
    let file = samples.join("radiology/mr-enhanced/6_4.dcm");
    let source = imaging::open(&file).unwrap();
    let own: Vec<_> = source.meta().frames.iter().map(|f| f.windows[0]).collect();
    assert!(own.iter().any(|w| *w != own[0]), "the sample's frames have windows of their own");
    let folder = tempfile::tempdir().unwrap();
    let mut window = opened(folder.path(), &file);
    let says = |window: &Window, n: usize| {
        let text = format!("W {:.0} L {:.0}", own[n].width, own[n].center);
        window.app().corner_lines().contains(&text)
    };
    window.press(Key::Home);
    for n in 0..own.len() {
        assert!(says(&window, n), "frame {n}: {:?}", window.app().corner_lines());
        window.press(Key::ArrowDown);
    }
    // A window by hand stays; the file's own comes back by its key.
    let (from, to) = (window.at(0.5, 0.5), window.at(0.6, 0.5));
    window.drag(from, to);
    let last = own.len() - 1;
    assert!(!says(&window, last));
    let chosen = window.app().corner_lines().into_iter().find(|l| l.starts_with("W ")).unwrap();
    window.press(Key::Home);
    assert!(window.app().corner_lines().contains(&chosen), "{chosen}");
    window.harness.key_press_modifiers(Modifiers::SHIFT, Key::Num0);
    window.harness.run_steps(3);
    assert!(says(&window, 0), "{:?}", window.app().corner_lines());
}

#[test]
fn a_real_world_value_is_read_under_the_pointer() {
    let Some(samples) = samples() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = samples.join("radiology/transfer-syntax/fragments/CT0012.not_fragmented_bot_rle.dcm");
    let mut window = opened(folder.path(), &file);
    let lines = hovered(&mut window, 0.5, 0.5);
    let told = lines.iter().find_map(|l| l.strip_suffix("\u{2009}ml/100ml/s RCBF"));
    let told: f64 = told.unwrap_or_else(|| panic!("{lines:?}")).replace('−', "-").parse().unwrap();
    // Slope 1, intercept −1024 of both the rescale and the mapping: the numbers are the same.
    assert!(lines.iter().any(|l| l.replace('−', "-").parse() == Ok(told)), "{lines:?}");
    assert!(
        !lines.iter().any(|l| l.ends_with("HU")),
        "the file says that a perfusion map's unit is unspecified: {lines:?}"
    );
}
