//! The project on disk: names stay out of the log, erasing, copies, merging, projections, drafts, hostile disks.

use shoken::domain::{ProjectKind, ReaderId, RoiSpace, Role, Shape, Verdict};
use shoken::project::{
    Cancel, CaseBy, Cause, Clock, Command, FindingCommand, Progress, Project, ProjectError, ReadCommand, ReadScope,
    roi_on,
};

use crate::support::desk::{Desk, add, all_bytes, copy_folder, draft, exported, findings, holds, import};

#[test]
fn names_never_reach_the_signed_log_and_erasing_leaves_no_byte() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let photo = desk.photo("in/Suzuki-Hanako-1961.png", 10);
    let case = import(&mut project, &photo);
    let other = import(&mut project, &desk.photo("in/other.png", 20));
    add(&mut project, &case, 10.0, Some("Suzuki Hanako came back, ask Dr Tanaka"));
    add(&mut project, &other, 10.0, None);
    project
        .add_reader(
            &ReaderId::new("R7").unwrap(),
            &[Role::Reader],
            None,
            &["board of Tanaka Ichiro".to_owned()],
            Some("Tanaka Ichiro"),
        )
        .unwrap();
    let log = exported(&project, false);
    for planted in ["Suzuki", "Hanako", "Tanaka", "Yamada", "in/", ".png", "C-0001", "P-0001"] {
        assert!(!log.contains(planted), "the log holds {planted}");
    }
    assert!(project.verify().unwrap().problems.is_empty());
    project.erase_case(&case).unwrap();
    let report = project.verify().unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert!(report.values_absent > 0);
    assert_eq!(findings(&project, &other), 1, "the other subject's work stays");
    assert!(matches!(project.undo(&case), Err(ProjectError::Rejected(_))), "undo across an erased value is refused");
    drop(project);
    let bytes = all_bytes(&desk.path("p.shoken"));
    for planted in ["Suzuki", "Hanako", "Dr Tanaka", "P-0001", "C-0001"] {
        assert!(!holds(&bytes, planted.as_bytes()), "the folder still holds {planted}");
    }
    let x = 12.345_f64 + 10.0;
    assert!(!bytes.windows(8).any(|w| w == x.to_le_bytes()), "geometry is never stored in the clear");
    let project = desk.open("p.shoken");
    assert!(project.verify().unwrap().problems.is_empty());
}

#[test]
fn what_is_saved_is_there_after_reopening_with_undo_and_draft() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    add(&mut project, &case, 20.0, None);
    project.save_draft(&case, b"half a stroke".to_vec()).unwrap();
    drop(project);
    let mut project = desk.open("p.shoken");
    assert_eq!(findings(&project, &case), 2);
    assert_eq!(project.load_draft(&case).unwrap().unwrap(), b"half a stroke");
    project.undo(&case).unwrap();
    assert_eq!(findings(&project, &case), 1);
    drop(project);
    let mut project = desk.open("p.shoken");
    project.redo(&case).unwrap();
    assert_eq!(findings(&project, &case), 2);
    assert!(project.rebuild().unwrap().differences.is_empty(), "projections are the fold");
    assert!(project.verify().unwrap().problems.is_empty());
}

/// What lies beside the log of a read is what it was sealed with, as it stands now; a gesture writes nothing there.
#[test]
fn derived_rows_of_a_read_are_its_newest_submission() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    let rows = || -> Vec<String> {
        let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
        let mut query = db.prepare("SELECT id FROM entities WHERE kind = 'finding' ORDER BY id").unwrap();
        query.query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let shown = |project: &Project| -> Vec<String> {
        let view = project.view(&case, &ReadScope::Reader(project.actor().unwrap().clone())).unwrap();
        let mut ids: Vec<String> = view.reads[0].findings.iter().map(|f| f.id.to_string()).collect();
        ids.sort();
        ids
    };
    add(&mut project, &case, 1.0, None);
    add(&mut project, &case, 20.0, None);
    assert!(rows().is_empty(), "nothing is sealed yet");
    project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    let first = shown(&project);
    assert!(first.len() == 2 && rows() == first);
    // Taken up again: one finding goes and another comes, which shows once it is sealed anew.
    let reason = shoken::domain::UserText::new("missed one");
    project.execute(Command::Read(ReadCommand::Amend { case: case.clone(), reason }), &Cause::Gesture).unwrap();
    add(&mut project, &case, 9.0, None);
    let gone = first[0].parse().unwrap();
    let delete = FindingCommand::Delete { case: case.clone(), findings: vec![gone] };
    project.execute(Command::Finding(delete), &Cause::Gesture).unwrap();
    assert_eq!(rows(), first);
    assert!(project.rebuild().unwrap().differences.is_empty());
    project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    let second = shown(&project);
    assert!(second.len() == 2 && second != first && rows() == second);
    assert!(project.rebuild().unwrap().differences.is_empty());
    assert!(rows() == second && project.verify().unwrap().problems.is_empty());
}

#[test]
fn a_copied_folder_starts_new_streams_and_merges_back() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("copy.shoken"));
    let (mut original, mut copy) = (desk.open("p.shoken"), desk.open("copy.shoken"));
    add(&mut original, &case, 5.0, None);
    add(&mut copy, &case, 30.0, None);
    assert_eq!(findings(&copy, &case), 2, "the copy goes on from what was there");
    let (from_original, from_copy) = (exported(&original, true), exported(&copy, true));
    original.apply_journal(&mut from_copy.as_bytes()).unwrap();
    let report = copy.apply_journal(&mut from_original.as_bytes()).unwrap();
    assert!(report.refused.is_empty());
    for project in [&original, &copy] {
        let report = project.verify().unwrap();
        assert!(report.problems.is_empty(), "no false alarm: {:?}", report.problems);
    }
    let again = copy.apply_journal(&mut from_original.as_bytes()).unwrap();
    assert_eq!((again.new_transactions, again.new_values), (0, 0), "applying twice changes nothing");
    let lines = |text: &str| {
        text.lines().filter(|l| l.contains("\"sig\"")).map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(lines(&exported(&original, false)), lines(&exported(&copy, false)));
}

#[test]
fn two_processes_write_one_project() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    let mut second = desk.open("p.shoken");
    for i in 0..20 {
        add(if i % 2 == 0 { &mut project } else { &mut second }, &case, f64::from(i), None);
    }
    assert!(project.catch_up().unwrap());
    assert_eq!(findings(&project, &case), 20);
    second.catch_up().unwrap();
    assert_eq!(findings(&second, &case), 20);
    assert!(project.verify().unwrap().problems.is_empty());
}

#[test]
fn a_reader_sees_nothing_of_another_and_an_adjudicator_only_sealed_reads() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Study);
    let ids = ["R1", "R2", "A1"].map(|i| ReaderId::new(i).unwrap());
    for (id, role) in ids.iter().zip([Role::Reader, Role::Reader, Role::Adjudicator]) {
        project.add_reader(id, &[role], None, &[], None).unwrap();
    }
    let owner = project.actor().unwrap().clone();
    let case = {
        let done = project.import(
            &[desk.photo("a.png", 1)],
            CaseBy::Auto,
            &Cause::Cli,
            &Progress::default(),
            &Cancel::default(),
        );
        let case = done.unwrap().images[0].0.clone();
        let outcome = project.pending_hashes().unwrap()[0].run(|_| true);
        project.record_hashes(&[outcome]).unwrap();
        case
    };
    for (n, id) in ids.iter().take(2).enumerate() {
        project.act_as(id).unwrap();
        add(&mut project, &case, if n == 0 { 1.0 } else { 30.0 }, Some("mine"));
        let other = &ids[1 - n];
        let own = project.view(&case, &ReadScope::Reader(id.clone())).unwrap();
        assert_eq!(own.reads.len(), 1);
        assert!(own.reads.iter().all(|r| r.reader.as_ref() == Some(id) && r.findings.len() == 1));
        assert!(!format!("{own:?}").contains(other.as_str()));
        assert!(project.discrepancies(&case).is_err(), "a reader may not compare");
        assert!(project.history(Some(&case)).unwrap().iter().all(|l| l.actor == *id));
        // Asking under the adjudicator's name gives nothing while a read is open.
        assert!(project.view(&case, &ReadScope::Adjudicator(ids[2].clone())).unwrap().reads.is_empty());
        if n == 1 {
            project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
            project.act_as(&ids[0]).unwrap();
            assert!(project.view(&case, &ReadScope::Adjudicator(ids[2].clone())).unwrap().reads.is_empty());
            project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
        }
    }
    project.act_as(&ids[2]).unwrap();
    let both = project.view(&case, &ReadScope::Adjudicator(ids[2].clone())).unwrap();
    assert_eq!(both.reads.len(), 2);
    assert!(both.reads.iter().all(|r| r.reader.is_none()), "A and B, without names");
    assert!(matches!(project.view(&case, &ReadScope::Adjudicator(ids[0].clone())), Err(ProjectError::Rejected(_))));
    assert_eq!(project.discrepancies(&case).unwrap().len(), 2);
    project.act_as(&owner).unwrap();
    assert!(project.verify().unwrap().problems.is_empty());
}

#[test]
fn the_worklist_says_where_a_read_stands() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Study);
    let reader = ReaderId::new("R1").unwrap();
    project.add_reader(&reader, &[Role::Reader], None, &[], None).unwrap();
    let case = import(&mut project, &desk.photo("a.png", 1));
    let state = |project: &Project| project.worklist(&reader).unwrap()[0].state.word();
    assert_eq!(state(&project), "new");
    project.assign(1).unwrap();
    assert_eq!(state(&project), "assigned");
    project.act_as(&reader).unwrap();
    add(&mut project, &case, 1.0, None);
    assert_eq!(state(&project), "open");
    project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    assert_eq!(state(&project), "submitted");
    let reason = shoken::domain::UserText::new("second look");
    let amend = shoken::journal::ReadCommand::Amend { case: case.clone(), reason };
    project.execute(shoken::journal::Command::Read(amend), &Cause::Cli).unwrap();
    assert_eq!(state(&project), "amended");
}

#[test]
fn a_flipped_byte_a_dropped_end_and_an_edited_projection_are_found() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    add(&mut project, &case, 9.0, None);
    project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    project.leave_witness().unwrap();
    drop(project);
    let damage = |sql: &str, word: &str| {
        let name = format!("d-{word}-{}.shoken", sql.len());
        copy_folder(&desk.path("p.shoken"), &desk.path(&name));
        let db = rusqlite::Connection::open(desk.path(&name).join("project.sqlite")).unwrap();
        db.execute_batch("DROP TRIGGER transactions_no_update; DROP TRIGGER transactions_no_delete;").unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
        drop(db);
        let report = desk.open(&name).verify().unwrap();
        assert!(report.problems.iter().any(|p| p.kind.word() == word), "{sql}: {:?}", report.problems);
    };
    damage(
        "UPDATE transactions SET body = replace(body, 'polygon', 'polyg0n') WHERE id = (SELECT max(id) FROM transactions WHERE body LIKE '%polygon%')",
        "altered",
    );
    damage("UPDATE transactions SET signature = zeroblob(64) WHERE seq = 1", "bad-signature");
    damage(
        "DELETE FROM transactions WHERE id = (SELECT max(id) FROM transactions WHERE body LIKE '%finding.created%')",
        "truncated",
    );
    damage(
        "DELETE FROM transactions WHERE stream IN (SELECT stream FROM transactions WHERE body LIKE '%read.opened%')",
        "truncated",
    );
    damage("DELETE FROM transactions WHERE seq = 1 AND body LIKE '%finding.created%'", "truncated");
    damage("UPDATE entities SET body = replace(body, 'polygon', 'brush') WHERE kind = 'finding'", "altered");
}

#[test]
fn a_project_of_a_newer_version_opens_to_look() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    let mut project = desk.open("p.shoken");
    assert_eq!(findings(&project, &case), 1, "it shows");
    let findings = vec![draft(&project, &case, 5.0, None)];
    let error = project.execute(Command::Finding(FindingCommand::Add { case, findings }), &Cause::Gesture).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert!(project.verify().unwrap().problems.is_empty());
}

#[test]
fn a_moved_image_is_found_again_by_content() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let photo = desk.photo("in/a.png", 1);
    let case = import(&mut project, &photo);
    add(&mut project, &case, 1.0, None);
    std::fs::create_dir_all(desk.path("elsewhere/deep")).unwrap();
    std::fs::rename(&photo, desk.path("elsewhere/deep/renamed.png")).unwrap();
    drop(project);
    let mut project = desk.open("p.shoken");
    let scope = ReadScope::Reader(project.actor().unwrap().clone());
    let view = project.view(&case, &scope).unwrap();
    assert_eq!(view.reads[0].findings.len(), 1, "the findings show without the pixels");
    assert!(matches!(project.open_image(&view.images[0].id), Err(ProjectError::ImageMissing { .. })));
    let report = project.relocate(&desk.path("elsewhere")).unwrap();
    assert_eq!((report.found, report.still_missing), (1, 0));
    project.open_image(&view.images[0].id).unwrap();
}

#[test]
fn geometry_in_the_patient_survives_its_bytes() {
    let pose = shoken::domain::PlanePose {
        origin_mm: [-120.5, -80.25, 33.0],
        row_dir: [1.0, 0.0, 0.0],
        // Rounded as real headers round: not quite a unit vector, not quite at a right angle.
        col_dir: [0.001, 0.948, -0.318],
        spacing_mm: [0.488, 0.488],
    };
    let roi = roi_on(Some(pose), 7, Shape::from_ring(vec![[10.5, 20.25], [99.0, 21.0], [55.0, 80.75]]));
    let back = shoken::domain::decode_roi(&shoken::domain::encode_roi(&roi)).unwrap();
    assert_eq!((back.frame, matches!(back.space, RoiSpace::Patient(_))), (7, true));
    for (a, b) in roi.shape.points().zip(back.shape.points()) {
        assert!((a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9, "{a:?} {b:?}");
    }
}

#[test]
fn a_personal_project_joins_a_study_with_its_signatures_intact() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    let before: Vec<String> = exported(&project, false).lines().map(str::to_owned).collect();
    project.raise_kind(ProjectKind::Study).unwrap();
    assert_eq!(project.kind(), ProjectKind::Study);
    let after = exported(&project, false);
    assert!(before.iter().all(|line| after.contains(line)), "what was signed stays as it was signed");
    assert!(project.verify().unwrap().problems.is_empty());
    assert!(matches!(project.raise_kind(ProjectKind::Personal), Err(ProjectError::Rejected(_))));
}

#[test]
fn closing_leaves_a_witness_outside_the_project() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    // Whoever drops the end of a stream afterwards is found out.
    let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    db.execute_batch(
        "DROP TRIGGER transactions_no_delete; DELETE FROM transactions WHERE body LIKE '%finding.created%';",
    )
    .unwrap();
    drop(db);
    let report = desk.open("p.shoken").verify().unwrap();
    assert!(report.problems.iter().any(|p| p.kind.word() == "truncated"), "{:?}", report.problems);
}

/// One project of every format version stays readable for ever.
#[test]
fn the_journal_of_format_version_1_is_read() {
    let lines = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/journals/1/study.jsonl")).unwrap();
    let found = String::from_utf8(lines).unwrap();
    let signed =
        found.lines().filter(|l| l.contains("\"sig\"")).map(|l| shoken::journal::Signed::from_line(l).unwrap());
    let audit = shoken::keys::audit(signed.map(|s| shoken::keys::Found {
        text: s.text().to_owned(),
        signature: s.signature().to_vec(),
        filed_under: Some(*s.hash()),
        ..shoken::keys::Found::default()
    }));
    assert!(audit.problems.is_empty() && audit.notes.is_empty(), "{:?} {:?}", audit.problems, audit.notes);
    let expected =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/journals/1/expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let state = &audit.state;
    let sealed: usize = state
        .cases()
        .flat_map(|c| state.reads_of(&c.id))
        .filter_map(|r| state.read_fold(&r.stream).and_then(|f| f.sealed()))
        .map(|s| s.findings.len())
        .sum();
    let now = serde_json::json!({
        "project": state.project, "transactions": audit.transactions, "streams": audit.streams, "readers": state.register().readers.len(),
        "cases": state.cases().count(), "sealed_findings": sealed, "releases": state.releases().len(),
        "closed": state.cases().filter(|c| state.current_adjudication(&c.id).is_some_and(|(_, f)| f.closed_by.is_some())).count(),
    });
    assert_eq!(now, expected);
}

#[test]
fn nothing_is_signed_or_sealed_without_randomness() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    let broken = Clock { now: Box::new(|| "2026-11-20T08:00:00.000Z".to_owned()), random: Box::new(|_| {}) };
    let mut project = desk.open("p.shoken").with_clock(broken);
    let drawn = vec![draft(&project, &case, 9.0, None)];
    let command = Command::Finding(FindingCommand::Add { case: case.clone(), findings: drawn });
    let error = project.execute(command, &Cause::Gesture).unwrap_err();
    assert!(error.to_string().contains("randomness"), "{error}");
    assert_eq!(findings(&project, &case), 1);
    assert!(project.verify().unwrap().problems.is_empty());
}
