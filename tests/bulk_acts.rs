//! One act on thousands of findings: written in several transactions, but done, undone and told as one.

use shoken::domain::{CaseId, ProjectKind, Verdict};
use shoken::journal::{FormatError, Signed};
use shoken::project::{Cause, Command, FindingCommand, FindingDraft, Project, ReadCommand, ReadScope, Rejection};

use crate::support::desk::{Desk, Pen, add, exported, findings, import, reader, signed_lines, sound};

const MANY: usize = 2_500;

fn drafts(project: &Project, case: &CaseId) -> Vec<FindingDraft> {
    let pen = Pen::over(project, case);
    (0..MANY).map(|i| pen.draft((i % 40) as f64, None)).collect()
}

fn many() -> (Desk, Project, CaseId) {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    (desk, project, case)
}

fn add_many(project: &mut Project, case: &CaseId) {
    let add = FindingCommand::Add { case: case.clone(), findings: drafts(project, case) };
    project.execute(Command::Finding(add), &Cause::Gesture).unwrap();
}

#[test]
fn an_act_on_thousands_is_one_step_for_its_reader() {
    let (desk, mut project, case) = many();
    let before = signed_lines(&project).len();
    let told = project.history(Some(&case)).unwrap().len();
    add_many(&mut project, &case);
    assert_eq!(findings(&project, &case), MANY + 1);
    assert_eq!(signed_lines(&project).len() - before, 3, "a thousand findings to a transaction");
    let history = project.history(Some(&case)).unwrap();
    assert_eq!(history.len(), told + 1, "one line for one act");
    assert_eq!(history.last().unwrap().events, vec![("finding.created".to_owned(), MANY)]);

    project.undo(&case).unwrap();
    assert_eq!(findings(&project, &case), 1, "one undo takes all of it back");
    project.redo(&case).unwrap();
    assert_eq!(findings(&project, &case), MANY + 1);
    project.undo(&case).unwrap();
    // Across a restart, and down to the act before.
    drop(project);
    let mut project = desk.open("p.shoken");
    project.redo(&case).unwrap();
    project.undo(&case).unwrap();
    project.undo(&case).unwrap();
    assert_eq!(findings(&project, &case), 0);
    project.redo(&case).unwrap();
    project.redo(&case).unwrap();
    assert!(matches!(
        project.redo(&case).map_err(|e| e.to_string()),
        Err(no) if no == Rejection::NothingToUndo.to_string()
    ));
    assert_eq!(findings(&project, &case), MANY + 1);

    let scope = ReadScope::Reader(reader("owner"));
    let all = project.view(&case, &scope).unwrap().reads[0].findings.iter().map(|f| f.id.clone()).collect();
    let delete = FindingCommand::Delete { case: case.clone(), findings: all };
    project.execute(Command::Finding(delete), &Cause::Gesture).unwrap();
    assert_eq!(findings(&project, &case), 0);
    project.undo(&case).unwrap();
    assert_eq!(findings(&project, &case), MANY + 1);
    project.execute(Command::Read(ReadCommand::Submit { case, verdict: Verdict::Findings }), &Cause::Gesture).unwrap();
    sound(&project);
}

/// A journal that was cut off between the parts of an act is a journal all the same.
#[test]
fn parts_that_did_not_arrive_are_missing_and_nothing_else() {
    let (_desk, mut project, case) = many();
    add_many(&mut project, &case);
    let lines = exported(&project, true);
    let body = |line: &str| Signed::from_line(line).map(|s| s.body().clone());
    let last = lines.lines().rfind(|l| body(l).is_ok_and(|b| matches!(b.cause, Cause::Part { .. }))).unwrap();
    let cut: String = lines.lines().filter(|l| *l != last).fold(String::new(), |all, l| all + l + "\n");
    assert!(body(last).unwrap().events.len() < 1_000);

    let transactions = cut.lines().filter_map(|l| Signed::from_line(l).ok());
    let state = shoken::journal::State::from_transactions(transactions);
    let read = state.current_read(&reader("owner"), &case).unwrap();
    let fold = state.read_fold(&read.stream).unwrap();
    assert_eq!((fold.live().count(), fold.undo.len()), (2_001, 2));
    assert_eq!(fold.undo[1].events.len(), 2_000);
}

/// What no reader of the log would take is not signed.
#[test]
fn a_transaction_that_is_too_large_is_not_signed() {
    let (_desk, project, _) = many();
    let line = signed_lines(&project).pop_last().unwrap();
    let mut body = Signed::from_line(&line).unwrap().body().clone();
    body.events.push(serde_json::Value::String("x".repeat(65 << 20)));
    let sealed = Signed::seal(body, |_| Ok::<_, FormatError>([0; 64]));
    assert_eq!(sealed.unwrap_err(), FormatError::TooLarge);
}

/// Only what follows an act at once is a part of it: nobody hides a later deed in an earlier one, or another's.
#[test]
fn a_part_that_does_not_follow_its_act_is_an_act_of_its_own() {
    let (_desk, mut project, case) = many();
    add_many(&mut project, &case);
    add(&mut project, &case, 3.0, None);
    let signed: Vec<Signed> = exported(&project, false).lines().filter_map(|l| Signed::from_line(l).ok()).collect();
    let state = shoken::journal::State::from_transactions(signed.iter().cloned());
    let read = state.current_read(&reader("owner"), &case).unwrap().stream;
    let act = signed.iter().find(|s| s.stream() == read && s.body().events.len() == 1_000).unwrap();
    let last = signed.iter().filter(|s| s.stream() == read).max_by_key(|s| s.body().seq).unwrap();
    let mut body = last.body().clone();
    (body.seq, body.prev, body.lamport) = (body.seq + 1, Some(*last.hash()), body.lamport + 1);
    body.cause = Cause::Part { of: *act.hash() };
    body.events[0]["data"]["finding"] = shoken::domain::FindingId::derive(&read, body.seq, 0).to_string().into();
    let stray = Signed::seal(body, |_| Ok::<_, FormatError>([0; 64])).unwrap();
    let state = shoken::journal::State::from_transactions(signed.iter().cloned().chain([stray]));
    let fold = state.read_fold(&read).unwrap();
    let sizes: Vec<usize> = fold.undo.iter().map(|g| g.events.len()).collect();
    assert_eq!(sizes, [1, MANY, 1, 1]);
    assert_eq!(state.streams[&read].out_of_turn.len(), 1);
}
