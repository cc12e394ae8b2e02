//! The adjudicator's workspace, found by its accessible labels.

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use shoken::domain::{AdjudicationTake, ReaderId};
use shoken::project::{AdjudicationView, Project, ReadScope, ReadView};

use crate::support::window::{Study, Window};

/// What stands in the journal, as the adjudicator may see it.
fn judged(study: &Study, case: usize) -> (Vec<ReadView>, Option<AdjudicationView>) {
    let mut project = Project::open(&study.folder, &study.home, false).unwrap();
    let judge = ReaderId::new("J").unwrap();
    project.act_as(&judge).unwrap();
    let view = project.view(&study.cases[case], &ReadScope::Adjudicator(judge)).unwrap();
    (view.reads, view.adjudication)
}

/// Draws a quadrilateral for the discrepancy in view and closes it.
fn redraw(window: &mut Window) {
    window.press(Key::R);
    for (x, y) in [(0.3, 0.3), (0.5, 0.3), (0.5, 0.6), (0.3, 0.6)] {
        window.click(x, y);
    }
    window.press(Key::Enter);
}

fn reason(window: &mut Window, text: &str) {
    let field = window.harness.get_by_label("理由");
    field.focus();
    field.type_text(text);
    window.harness.run_steps(2);
    window.press(Key::Enter);
}

fn decided(window: &Window) -> Vec<Option<AdjudicationTake>> {
    window.app().model().discrepancies.iter().map(|d| d.decided).collect()
}

#[test]
fn agreed_cases_are_confirmed_with_one_button() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = Study::new(folder.path(), 3);
    for reader in ["R1", "R2"] {
        study.read(reader, 0, &[(50.0, 50.0, "びらん")]);
        study.read(reader, 1, &[]);
    }
    study.read("R1", 2, &[(50.0, 50.0, "びらん")]);
    study.read("R2", 2, &[]);
    let mut window = study.window("J");
    assert_eq!(window.app().model().agreed, 2);
    window.push("一致した 2 例を確定する");
    assert!(window.sees("一致した 2 例を確定しました"));
    assert_eq!(window.app().model().agreed, 0);
    assert!(!window.sees("一致した 2 例を確定する"), "the button has done its work");
    assert_eq!(window.app().model().discrepancies.len(), 1, "the disputed case is still to be decided");
    drop(window);
    let project = Project::open(&study.folder, &study.home, false).unwrap();
    assert!(project.agreed_cases().unwrap().is_empty(), "what was confirmed is in the journal");
}

#[test]
fn a_redrawn_region_settles_a_discrepancy_and_the_reads_stay_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = Study::new(folder.path(), 1);
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    study.read("R2", 0, &[]);
    let (before, _) = judged(&study, 0);
    let mut window = study.window("J");
    redraw(&mut window);
    assert!(window.sees("用語 びらん"), "the only term that was given is proposed");
    assert_eq!(decided(&window), [None], "a drawing is no decision");
    // The focus waits in the reason.
    window.harness.get_by_label("理由").type_text("境界を描き直した");
    window.harness.run_steps(2);
    window.press(Key::Enter);
    window.press(Key::R);
    assert_eq!(decided(&window), [Some(AdjudicationTake::Redrawn)]);
    assert!(window.app().look().redraws.is_empty(), "nothing is left in the hand");
    drop(window);
    let (after, adjudication) = judged(&study, 0);
    assert_eq!(before, after, "the reads are what they were");
    let resolved = adjudication.unwrap().resolved;
    let [one] = resolved.as_slice() else { panic!("one decision") };
    assert_eq!((one.take, one.reason.as_deref()), (AdjudicationTake::Redrawn, Some("境界を描き直した")));
    let [drawn] = one.drawn.as_slice() else { panic!("one region") };
    assert_eq!(drawn.terms, before[0].findings[0].terms);
    let shape = &drawn.rois[0].roi.as_ref().unwrap().shape;
    assert_eq!(shape.points().count(), 4);
    assert_ne!(*shape, before[0].findings[0].rois[0].roi.as_ref().unwrap().shape);
}

#[test]
fn a_redrawn_region_wants_a_term_can_be_taken_back_and_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = Study::new(folder.path(), 1);
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    study.read("R2", 0, &[(50.0, 50.0, "発赤")]);
    let mut window = study.window("J");
    redraw(&mut window);
    reason(&mut window, "どちらも違う");
    window.press(Key::R);
    assert!(window.sees("描き直した領域の用語を選んでください"));
    assert_eq!(decided(&window), [None]);
    // Taken back into the hand, closed again, and the program ends.
    window.undo();
    assert!(window.app().look().redraws.is_empty());
    window.press(Key::Enter);
    assert_eq!(window.app().look().redraws.len(), 1);
    drop(window);
    let mut window = study.window("J");
    assert_eq!(window.app().look().redraws.len(), 1, "the region came back");
    window.push("用語 用語を選んでください");
    window.harness.get_by_role_and_label(egui::accesskit::Role::Button, "発赤").click();
    window.harness.run_steps(3);
    assert!(window.sees("用語 発赤"));
    // Put away and brought back.
    window.push("描き直しをやめる");
    assert!(window.app().look().redraws.is_empty());
    window.undo();
    window.press(Key::Enter);
    assert!(window.sees("用語 用語を選んでください"), "the term goes with the region that it named");
    window.push("用語 用語を選んでください");
    window.harness.get_by_role_and_label(egui::accesskit::Role::Button, "発赤").click();
    window.harness.run_steps(3);
    reason(&mut window, "発赤の範囲");
    window.press(Key::R);
    assert_eq!(decided(&window), [Some(AdjudicationTake::Redrawn)]);
    let (_, adjudication) = judged(&study, 0);
    assert_eq!(adjudication.unwrap().resolved[0].drawn.len(), 1);
}
