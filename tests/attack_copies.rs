//! Copied and restored: a folder used on two computers and merged, last week's backup put back and used, a machine cloned
//! with its keys. New streams, nothing lost, no false alarm; a real fork is an alarm and both branches stay.

use std::collections::BTreeSet;
use std::path::Path;

use shoken::domain::{AdjudicationTake, CaseId, ProjectKind, Verdict};
use shoken::journal::{Signed, State};
use shoken::project::{Cause, Command, Project, ReadCommand, ReadScope};

use crate::support::desk::{Desk, add, copy_folder, exported, findings, import, reader, signed_lines, sound};

/// Something done on a copy.
type Deed = fn(&mut Project, &CaseId);

/// A project on two computers: the same keys, nothing else in common.
fn two_computers(kind: ProjectKind) -> (Desk, CaseId) {
    let desk = Desk::new();
    let mut project =
        if kind == ProjectKind::Personal { desk.create("p.shoken", kind) } else { desk.study("p.shoken") };
    let case = import(&mut project, &desk.photo("a.png", 1));
    if kind != ProjectKind::Personal {
        project.act_as(&reader("R1")).unwrap();
    }
    add(&mut project, &case, 1.0, Some("before"));
    add(&mut project, &case, 2.0, None);
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("second/p.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("second/home/keys"));
    (desk, case)
}

fn on_second(desk: &Desk) -> Project {
    Project::open(&desk.path("second/p.shoken"), &desk.path("second/home"), true).unwrap()
}

fn streams_of(lines: &BTreeSet<String>) -> BTreeSet<shoken::domain::Digest> {
    lines.iter().map(|l| Signed::from_line(l).unwrap().stream()).collect()
}

/// Each takes over what the other has; afterwards both hold the same and nobody raises an alarm.
fn merge(a: &mut Project, b: &mut Project) {
    let (from_a, from_b) = (exported(a, true), exported(b, true));
    for (into, lines) in [(&mut *a, &from_b), (&mut *b, &from_a)] {
        let report = into.apply_journal(&mut lines.as_bytes()).unwrap();
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        sound(into);
    }
    assert_eq!(signed_lines(a), signed_lines(b));
}

/// No stream was written by both: what each added is in streams of its own.
fn no_stream_in_common(base: &BTreeSet<String>, a: &Project, b: &Project) {
    let new = |p: &Project| signed_lines(p).difference(base).cloned().collect::<BTreeSet<_>>();
    let (a, b) = (new(a), new(b));
    assert!(!a.is_empty() && !b.is_empty());
    let common: Vec<_> = streams_of(&a).intersection(&streams_of(&b)).copied().collect();
    assert!(common.is_empty(), "both went on with {common:?}");
}

/// Whatever is done first on the copy, it goes on in a stream of its own.
#[test]
fn attack_copies_every_act_on_a_copy_starts_a_new_stream() {
    let acts: [(&str, Deed); 6] = [
        ("draw", |p, c| add(p, c, 9.0, None)),
        ("undo", |p, c| {
            p.undo(c).unwrap();
        }),
        ("submit", |p, c| p.submit(c, Verdict::Findings, &Cause::Cli).unwrap()),
        ("import", |p, _| {
            let beside = p.folder().parent().unwrap().parent().unwrap().join("b.png");
            image::RgbImage::new(20, 20).save(&beside).unwrap();
            import(p, &beside);
        }),
        ("read", |p, c| {
            let redo = Command::Read(ReadCommand::Redo { case: c.clone() });
            p.undo(c).unwrap();
            p.execute(redo, &Cause::Gesture).unwrap();
        }),
        ("note", |p, _| p.note_access(shoken::project::AccessKind::Viewed, None, None).unwrap()),
    ];
    for (name, act) in acts {
        let (desk, case) = two_computers(ProjectKind::Personal);
        let (mut original, mut copy) = (desk.open("p.shoken"), on_second(&desk));
        let base = signed_lines(&original);
        act(&mut copy, &case);
        add(&mut original, &case, 20.0, Some("meanwhile"));
        original.undo(&case).unwrap();
        original.note_access(shoken::project::AccessKind::Viewed, None, None).unwrap();
        no_stream_in_common(&base, &original, &copy);
        merge(&mut original, &mut copy);
        println!("{name}: no stream in common, no alarm");
    }
}

#[test]
fn attack_copies_both_used_and_merged_lose_nothing() {
    let (desk, case) = two_computers(ProjectKind::Personal);
    let (mut original, mut copy) = (desk.open("p.shoken"), on_second(&desk));
    let base = signed_lines(&original);
    for i in 0..5_u8 {
        add(&mut original, &case, f64::from(i), Some("one"));
        add(&mut copy, &case, f64::from(i) + 20.0, Some("two"));
    }
    assert_eq!((findings(&original, &case), findings(&copy, &case)), (7, 7));
    copy.undo(&case).unwrap();
    // Even what was drawn before the copy can be taken back on it.
    for _ in 0..6 {
        copy.undo(&case).unwrap();
    }
    assert_eq!(findings(&copy, &case), 0);
    copy.redo(&case).unwrap();
    no_stream_in_common(&base, &original, &copy);
    let before: Vec<_> = [&original, &copy].map(signed_lines).into_iter().flatten().collect();
    merge(&mut original, &mut copy);
    let after = signed_lines(&original);
    assert!(before.iter().all(|l| after.contains(l)), "a line was lost in merging");
    // Work goes on in both, and merging again is as quiet.
    for p in [&mut original, &mut copy] {
        add(p, &case, 3.0, None);
        p.undo(&case).unwrap();
        p.redo(&case).unwrap();
    }
    merge(&mut original, &mut copy);
    let state = State::from_transactions(after.iter().map(|l| Signed::from_line(l).unwrap()));
    assert!(state.streams.values().all(|s| !s.forked && s.out_of_turn.is_empty()));
}

/// While one window has the project open, the work of another copy is merged in by a command: the window's next act must not
/// go on with the copy's stream.
#[test]
fn attack_copies_merging_under_an_open_window_forks_nothing() {
    let (desk, case) = two_computers(ProjectKind::Personal);
    let mut window = desk.open("p.shoken");
    add(&mut window, &case, 5.0, None);
    let mut copy = on_second(&desk);
    for i in 0..4_u8 {
        add(&mut copy, &case, f64::from(i), Some("copy"));
    }
    let lines = exported(&copy, true);
    let report = desk.open("p.shoken").apply_journal(&mut lines.as_bytes()).unwrap();
    assert!(report.refused.is_empty());
    let base: BTreeSet<String> = signed_lines(&window);
    add(&mut window, &case, 6.0, None);
    window.undo(&case).unwrap();
    add(&mut copy, &case, 30.0, None);
    no_stream_in_common(&base, &window, &copy);
    merge(&mut window, &mut copy);
}

#[test]
fn attack_copies_a_restored_backup_goes_on_in_new_streams() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("last week/p.shoken"));
    let mut project = desk.open("p.shoken");
    for i in 0..5_u8 {
        add(&mut project, &case, f64::from(i), Some("this week"));
    }
    let lost = exported(&project, true);
    let base: BTreeSet<String> = signed_lines(&project);
    drop(project);
    // The disk dies; the backup is put back in the same place, with the same file identity even.
    for name in ["project.sqlite", "drafts.sqlite"] {
        let bytes = std::fs::read(desk.path("last week/p.shoken").join(name)).unwrap();
        std::fs::write(desk.path("p.shoken").join(name), bytes).unwrap();
    }
    for tail in ["-wal", "-shm"] {
        std::fs::remove_file(desk.path(&format!("p.shoken/project.sqlite{tail}"))).ok();
    }
    let mut restored = desk.open("p.shoken");
    assert_eq!(findings(&restored, &case), 1);
    let report = restored.verify().unwrap();
    assert!(report.problems.iter().all(|p| p.kind.word() == "truncated") && !report.problems.is_empty());
    add(&mut restored, &case, 9.0, Some("after the restore"));
    restored.undo(&case).unwrap();
    restored.redo(&case).unwrap();
    let new: BTreeSet<String> = signed_lines(&restored).difference(&base).cloned().collect();
    assert!(streams_of(&new).is_disjoint(&streams_of(&base)), "a stream that is known to be longer was gone on with");
    // What was lost turns up on another disk: it is taken in and all is well, with every finding there.
    let report = restored.apply_journal(&mut lost.as_bytes()).unwrap();
    assert!(report.refused.is_empty() && report.new_transactions >= 5);
    sound(&restored);
    let now = signed_lines(&restored);
    assert!(base.iter().all(|l| now.contains(l)));
}

/// A virtual machine cloned with project and home: both go on with the same stream under the same number. No program can
/// prevent that; merging finds it, keeps both branches and says which.
#[test]
fn attack_copies_a_real_fork_is_an_alarm_and_both_stay() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("clone/p.shoken"));
    copy_folder(&desk.path("home"), &desk.path("clone/home"));
    // The clone's disk gives its file the same number as the original has.
    let record = only_folder(&desk.path("clone/home/instances"));
    std::fs::write(record.join("identity"), identity_of(&desk.path("clone/p.shoken/project.sqlite"))).unwrap();
    let mut original = desk.open("p.shoken");
    let mut clone = Project::open(&desk.path("clone/p.shoken"), &desk.path("clone/home"), true).unwrap();
    add(&mut original, &case, 10.0, Some("here"));
    for i in 0..3_u8 {
        add(&mut clone, &case, f64::from(i), Some("there"));
    }
    let (mine, theirs) = (signed_lines(&original), signed_lines(&clone));
    let report = original.apply_journal(&mut exported(&clone, true).as_bytes()).unwrap();
    assert!(report.refused.is_empty(), "both branches are kept: {:?}", report.refused);
    let kept = signed_lines(&original);
    assert!(mine.iter().chain(&theirs).all(|l| kept.contains(l)), "a branch was dropped");
    let report = original.verify().unwrap();
    let words: BTreeSet<_> = report.problems.iter().map(|p| p.kind.word()).collect();
    assert_eq!(words, BTreeSet::from(["fork"]), "{:#?}", report.problems);
    assert_eq!(desk.shoken(&["verify", "p.shoken"]).status.code(), Some(1));
    // Nobody goes on with a forked stream, and work goes on all the same.
    let before = streams_of(&kept);
    add(&mut original, &case, 30.0, None);
    let new: BTreeSet<String> = signed_lines(&original).difference(&kept).cloned().collect();
    assert!(streams_of(&new).is_disjoint(&before));
    let words: BTreeSet<_> = original.verify().unwrap().problems.iter().map(|p| p.kind.word()).collect();
    assert_eq!(words, BTreeSet::from(["fork"]));
}

/// A stream that goes on from one branch of a fork keeps what it went on from, however long the other branch grows.
#[test]
fn attack_copies_what_goes_on_from_a_branch_keeps_it() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("clone/p.shoken"));
    copy_folder(&desk.path("home"), &desk.path("clone/home"));
    let record = only_folder(&desk.path("clone/home/instances"));
    std::fs::write(record.join("identity"), identity_of(&desk.path("clone/p.shoken/project.sqlite"))).unwrap();
    let mut original = desk.open("p.shoken");
    add(&mut original, &case, 10.0, None);
    add(&mut original, &case, 11.0, None);
    drop(original);
    // A copy of the original goes on from its branch.
    copy_folder(&desk.path("p.shoken"), &desk.path("third/p.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("third/home/keys"));
    let mut third = Project::open(&desk.path("third/p.shoken"), &desk.path("third/home"), true).unwrap();
    add(&mut third, &case, 12.0, None);
    assert_eq!(findings(&third, &case), 4);
    let mut clone = Project::open(&desk.path("clone/p.shoken"), &desk.path("clone/home"), true).unwrap();
    for i in 0..9_u8 {
        add(&mut clone, &case, f64::from(i), None);
    }
    third.apply_journal(&mut exported(&clone, true).as_bytes()).unwrap();
    assert_eq!(findings(&third, &case), 4, "the longer branch took away what this read went on from");
}

fn only_folder(parent: &Path) -> std::path::PathBuf {
    std::fs::read_dir(parent).unwrap().flatten().next().unwrap().path()
}

fn identity_of(file: &Path) -> String {
    shoken::tasks::platform::file_identity(file).unwrap()
}

/// An adjudication that is copied in the middle keeps its decisions; one that is closed stays closed.
#[test]
fn attack_copies_an_adjudication_keeps_its_decisions() {
    let desk = Desk::new();
    let mut project = desk.study("p.shoken");
    let case = import(&mut project, &desk.photo("a.png", 1));
    for (who, at) in [("R1", [1.0, 25.0]), ("R2", [13.0, 40.0])] {
        project.act_as(&reader(who)).unwrap();
        for x in at {
            add(&mut project, &case, x, None);
        }
        project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    }
    project.act_as(&reader("J")).unwrap();
    let open = project.discrepancies(&case).unwrap();
    assert!(open.len() >= 2, "{open:?}");
    project.open_adjudication(&case, &Cause::Cli).unwrap();
    project.resolve(&open[0], AdjudicationTake::Neither, Vec::new(), "unclear", &Cause::Cli).unwrap();
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("second/p.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("second/home/keys"));
    let mut copy = on_second(&desk);
    copy.act_as(&reader("J")).unwrap();
    let decided = |p: &Project| p.discrepancies(&case).unwrap().iter().filter(|d| d.decided.is_some()).count();
    assert_eq!(decided(&copy), 1);
    copy.open_adjudication(&case, &Cause::Cli).unwrap();
    assert_eq!(decided(&copy), 1, "opening it on the copy forgot what was decided");
    for d in copy.discrepancies(&case).unwrap().iter().filter(|d| d.decided.is_none()) {
        copy.resolve(d, AdjudicationTake::Neither, Vec::new(), "unclear", &Cause::Cli).unwrap();
    }
    sound(&copy);
    let closed = |p: &Project| {
        let view = p.view(&case, &ReadScope::Adjudicator(reader("J"))).unwrap();
        view.adjudication.is_some_and(|a| a.closed)
    };
    assert!(closed(&copy));
    drop(copy);
    // A copy of the closed one does not open it again.
    copy_folder(&desk.path("second/p.shoken"), &desk.path("third/p.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("third/home/keys"));
    let mut third = Project::open(&desk.path("third/p.shoken"), &desk.path("third/home"), true).unwrap();
    third.act_as(&reader("J")).unwrap();
    third.open_adjudication(&case, &Cause::Cli).unwrap();
    assert!(closed(&third), "opening a closed adjudication on a copy emptied it");
    sound(&third);
}

/// What arrives in the wrong order is folded anew: a stream that goes on from another is founded on it, whenever it came.
#[test]
fn attack_copies_the_stream_behind_may_come_later() {
    let (desk, case) = two_computers(ProjectKind::Personal);
    let mut second = on_second(&desk);
    add(&mut second, &case, 7.0, None);
    let signed: Vec<Signed> = exported(&second, false).lines().filter_map(|l| Signed::from_line(l).ok()).collect();
    let whole = State::from_transactions(signed.iter().cloned());
    let later = whole.streams.values().find(|s| s.open.continues.is_some()).expect("a stream that goes on");
    let base = later.open.continues.unwrap();
    for missing in 0..=base.seq {
        let early = |s: &&Signed| s.stream() != base.stream || s.body().seq < missing;
        let mut state = State::from_transactions(signed.iter().filter(early).cloned());
        let rest: Vec<Signed> = signed.iter().filter(|s| !early(s)).cloned().collect();
        assert!(!state.apply_all(&rest).1, "folds that lack their ground pass for whole, from {missing} on");
    }
}

/// A folder copied and opened at the same computer: the original is whole, whatever was done in the copy. The copy lacks what
/// the original went on with, which may be lost, and says so.
#[test]
fn attack_copies_at_the_same_computer_raise_no_alarm_about_the_original() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("copy.shoken"));
    copy_folder(&desk.path("copy.shoken"), &desk.path("again.shoken"));
    for (name, x) in [("copy.shoken", 2.0), ("again.shoken", 3.0)] {
        add(&mut desk.open(name), &case, x, None);
    }
    let mut original = desk.open("p.shoken");
    let report = sound(&original);
    assert!(report.notes.iter().any(|n| n.contains("a copy of this folder was worked on")), "{:?}", report.notes);
    // What the original wrote itself and then lost is an alarm as before.
    add(&mut original, &case, 4.0, None);
    drop(original);
    let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    db.execute_batch("DROP TRIGGER transactions_no_delete").unwrap();
    assert_eq!(db.execute("DELETE FROM transactions WHERE id = (SELECT max(id) FROM transactions)", []).unwrap(), 1);
    drop(db);
    let cut = desk.open("p.shoken").verify().unwrap();
    assert!(cut.problems.iter().any(|p| p.kind.word() == "truncated"), "{:?}", cut.problems);
    let copy = desk.open("copy.shoken").verify().unwrap();
    assert!(copy.problems.iter().any(|p| p.kind.word() == "truncated"), "{:?}", copy.problems);
}
