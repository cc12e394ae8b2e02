//! A finding that is drawn on several slices of a stack: listed once, shown on each, mended one slice at a time.

use std::collections::BTreeMap;

use egui::Key;
use shoken::demo::{CtPhantom, write_series};
use shoken::domain::{Origin, ReaderId, Shape};
use shoken::project::{Cause, Command, FindingCommand, FindingDraft, FindingOrigin, ReadScope, roi_on};

use crate::support::window::Study;

#[test]
fn a_finding_over_several_slices_is_listed_once_and_shown_on_each() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir_all(&images).unwrap();
    write_series(&CtPhantom::new(7, 12), 7, &images).unwrap();
    let mut study = Study::of(folder.path(), &images);
    let reader = ReaderId::new("R1").unwrap();
    study.project.act_as(&reader).unwrap();
    let case = study.cases[0].clone();
    let scope = ReadScope::Reader(reader);
    let image = study.project.view(&case, &scope).unwrap().images[0].id.clone();
    let frames = study.project.open_image(&image).unwrap().meta().frames.clone();
    // The middle of a phantom's slice, so that the outline is in the middle of the window.
    let square = |half: f64| {
        Shape::from_ring(vec![
            [256.0 - half, 256.0 - half],
            [256.0 + half, 256.0 - half],
            [256.0 + half, 256.0 + half],
            [256.0 - half, 256.0 + half],
        ])
    };
    let rois = [(3_u32, 40.0), (4, 60.0), (6, 50.0)]
        .map(|(frame, half)| (image.clone(), roi_on(frames[frame as usize].pose, frame, square(half))));
    let finding = FindingDraft {
        rois: rois.to_vec(),
        terms: Vec::new(),
        certainty: None,
        attributes: BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
        comment: None,
    };
    let add = FindingCommand::Add { case: case.clone(), findings: vec![finding] };
    study.project.execute(Command::Finding(add), &Cause::Gesture).unwrap();

    let mut window = study.window("R1");
    assert_eq!(window.findings(), 1, "listed once");
    assert!(window.sees("スライス 4–7"), "with its slices");
    // From the first slice the nearest is the fourth, from the last the seventh.
    for (from, nearest) in [(Key::Home, 3), (Key::End, 6)] {
        window.press(Key::Escape);
        window.press(from);
        window.push("所見 1 用語未設定");
        assert_eq!(window.app().look().frame, nearest);
    }
    // A vertex is moved on the slice in view; the others keep their outlines.
    window.press(Key::ArrowUp);
    assert_eq!(window.app().look().frame, 5);
    assert!(window.app().in_hand().is_none(), "nothing to mend where nothing is drawn");
    window.press(Key::ArrowUp);
    let before = window.app().model().findings[0].rois.clone();
    let (corner, to) = window.corner_of(&square(60.0));
    window.drag(corner, to);
    let after = window.app().model().findings[0].rois.clone();
    assert_eq!(after.len(), 3, "no slice is lost");
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1].roi, before[1].roi);
    assert_eq!(after[1].roi.as_ref().unwrap().space, before[1].roi.as_ref().unwrap().space, "still in the patient");
}
