//! With which light a picture was taken: said with a key and a digit, shown, undone; no finding and no discrepancy.

use std::collections::BTreeMap;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use shoken::domain::{Origin, ReaderId, Roi, RoiSpace, Shape, Verdict};
use shoken::project::{CaseBy, Cause, Command, FindingCommand, FindingDraft, FindingOrigin, ReadScope};

use crate::support::films::{ffmpeg, film};
use crate::support::window::{Study, Window};

/// One case of three photographs.
fn stills(desk: &std::path::Path) -> Study {
    let images = desk.join("examination");
    std::fs::create_dir_all(&images).unwrap();
    for n in 0..3_u8 {
        let image = image::RgbImage::from_fn(400, 300, |x, y| image::Rgb([200 - n, (x % 251) as u8, (y % 241) as u8]));
        image.save(images.join(format!("still-{n}.png"))).unwrap();
    }
    Study::cases_by(desk, &images, CaseBy::Folder)
}

fn with(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.harness.key_press_modifiers(modifiers, key);
    window.harness.run_steps(3);
}

#[test]
fn a_light_is_said_of_one_still_or_of_several_and_undone_in_one_step() {
    let desk = tempfile::tempdir().unwrap();
    let study = stills(desk.path());
    let mut window = study.window("R1");
    let light = |window: &Window| window.app().light_in_view();
    assert_eq!(light(&window), None);
    with(&mut window, Modifiers::SHIFT, Key::L);
    assert!(window.sees("この画像の光") && window.sees("1 枚の静止画"));
    window.press(Key::Num2);
    assert!(!window.sees("この画像の光"), "a digit answers");
    assert_eq!((light(&window), window.findings()), (Some("nbi"), 0), "said, and no finding");
    // The last word counts; undo brings the one before back.
    with(&mut window, Modifiers::SHIFT, Key::L);
    window.press(Key::Num4);
    assert_eq!(light(&window), Some("chromoendoscopy"));
    assert_eq!(window.app().model().undo.as_deref(), Some("history-image-fact"), "it is not called a finding");
    window.undo();
    assert_eq!(light(&window), Some("nbi"));
    let last = window.app().model().history.iter().max_by_key(|row| row.sequence).unwrap().clone();
    assert_eq!((last.key.as_str(), last.of.as_deref()), ("history-undo", Some("history-image-fact")));
    // Two marked pictures of the strip at once.
    window.press(Key::F9);
    window.harness.run_steps(3);
    for label in ["2", "3"] {
        // The strip lies under everything else that says "2".
        let picture =
            window.harness.query_all_by_label(label).max_by(|a, b| a.rect().top().total_cmp(&b.rect().top())).unwrap();
        picture.click_modifiers(Modifiers::COMMAND);
        window.harness.run_steps(3);
    }
    assert_eq!(window.app().look().marked.len(), 2);
    with(&mut window, Modifiers::SHIFT, Key::L);
    assert!(window.sees("2 枚の静止画"));
    window.press(Key::Num1);
    assert_eq!(light(&window), Some("nbi"), "the still in view was not among them");
    for _ in 0..2 {
        window.press(Key::ArrowRight);
        assert_eq!(light(&window), Some("white-light"));
    }
    window.undo();
    assert_eq!(light(&window), None, "one step takes both back");
    window.press(Key::ArrowLeft);
    assert_eq!(light(&window), None);
    window.press(Key::ArrowLeft);
    with(&mut window, Modifiers::SHIFT, Key::L);
    window.press(Key::Num0);
    assert_eq!(light(&window), None, "0 takes back what was said");
}

#[test]
fn a_film_changes_its_light_from_a_frame_on_and_findings_keep_their_time() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.mp4");
    film(&ffmpeg, &file, "-c:v libx264 -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 -preset veryfast");
    let mut window = Window::dropped(&folder.path().join("home"), &file);
    let light = |window: &Window| window.app().light_in_view();
    with(&mut window, Modifiers::SHIFT, Key::L);
    window.press(Key::Num1);
    for _ in 0..5 {
        window.press(Key::PageDown);
    }
    assert_eq!((window.app().look().frame, light(&window)), (50, Some("white-light")));
    with(&mut window, Modifiers::SHIFT, Key::L);
    assert!(window.sees("動画の 0:00:02.000 から 0:00:07.960 まで"));
    window.press(Key::Num2);
    assert_eq!(light(&window), Some("nbi"));
    window.press(Key::ArrowUp);
    assert_eq!(light(&window), Some("white-light"), "before it the light is as it was");
    // Two frames of the film side by side: the one that was left there stands until the cells are linked.
    with(&mut window, Modifiers::SHIFT, Key::F5);
    assert_eq!(window.app().cell_frames(), [Some(49), Some(49)]);
    window.press(Key::ArrowDown);
    window.press(Key::ArrowDown);
    assert_eq!(window.app().cell_frames(), [Some(51), Some(49)]);
    window.press(Key::S);
    window.press(Key::ArrowDown);
    assert_eq!(window.app().cell_frames(), [Some(52), Some(50)], "linked, both step");
    window.press(Key::S);
    // An outline keeps the time of its frame.
    window.press(Key::P);
    window.outline();
    assert_eq!(window.findings(), 1);
    assert_eq!(window.app().model().findings[0].time_ms, Some(2080));
    window.press(Key::Escape);
    window.press(Key::Home);
    assert!(window.sees("0:00:02.080"), "the list says when");
}

#[test]
fn what_is_said_of_an_image_neither_contradicts_no_finding_nor_makes_a_discrepancy() {
    let desk = tempfile::tempdir().unwrap();
    let mut study = stills(desk.path());
    let case = study.cases[0].clone();
    for (reader, light) in [("R1", "nbi"), ("R2", "white-light")] {
        let id = ReaderId::new(reader).unwrap();
        study.project.act_as(&id).unwrap();
        let image = study.project.view(&case, &ReadScope::Reader(id.clone())).unwrap().images[0].id.clone();
        let fact = FindingDraft {
            rois: vec![(image, Roi { frame: 0, space: RoiSpace::Image, shape: Shape::WholeImage })],
            terms: Vec::new(),
            certainty: None,
            attributes: BTreeMap::from([("light-mode".to_owned(), light.to_owned())]),
            origin: FindingOrigin { origin: Origin::Manual, tool: "light-mode".to_owned(), seen: true, model: None },
            comment: None,
        };
        let add = FindingCommand::Add { case: case.clone(), findings: vec![fact] };
        study.project.execute(Command::Finding(add), &Cause::Gesture).unwrap();
        assert_eq!(study.project.worklist(&id).unwrap()[0].findings, 0);
        study.project.submit(&case, Verdict::NoFinding, &Cause::Cli).unwrap();
        let read = study.project.view(&case, &ReadScope::Reader(id)).unwrap().reads.remove(0);
        assert_eq!((read.findings.len(), read.facts.len()), (0, 1), "kept, with the sealed read");
        assert_eq!(read.facts[0].attributes.get("light-mode").map(String::as_str), Some(light));
    }
    let judge = ReaderId::new("J").unwrap();
    study.project.act_as(&judge).unwrap();
    let view = study.project.view(&case, &ReadScope::Adjudicator(judge)).unwrap();
    assert!(view.reads.iter().all(|r| r.findings.is_empty()));
    let window = study.window("J");
    assert!(window.app().model().discrepancies.is_empty());
    assert_eq!(window.app().model().agreed, 1, "both found nothing");
}
