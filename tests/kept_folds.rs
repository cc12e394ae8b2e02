//! The folds kept in `cache/folds.bin`: a project opens from them as it would from its log, whatever was done to the file,
//! to the log behind it, or by somebody else meanwhile.

use std::collections::BTreeSet;
use std::path::PathBuf;

use shoken::domain::{CaseId, ProjectKind, Verdict};
use shoken::journal::{Signed, State};
use shoken::project::{Cause, Command, Project, ReadCommand, ReadScope};
use shoken::store::{OpenOptions, Store};

use crate::support::desk::{Desk, Lots, Pen, add, copy_folder, count, exported, findings, import, reader, seed, sound};

/// Above the number of transactions from which on the folds are kept.
const MANY: usize = 1_050;

struct Kept {
    desk: Desk,
    cases: Vec<CaseId>,
}

/// Draws without looking at the case in between.
fn draw_many(project: &mut Project, case: &CaseId, n: usize) {
    let pen = Pen::over(project, case);
    for i in 0..n {
        project.execute(pen.add((i % 30) as f64, None), &Cause::Gesture).unwrap();
    }
}

/// Three cases: one sealed, one open and full of undone and redone work, one amended.
fn kept() -> Kept {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let cases: Vec<CaseId> = (1..=3).map(|n| import(&mut project, &desk.photo(&format!("{n}.png"), n))).collect();
    for (n, case) in cases.iter().enumerate() {
        let pen = Pen::over(&project, case);
        for i in 0..MANY / 3 {
            let act = pen.add((i % 40) as f64, (i % 50 == 0).then_some("a word"));
            project.execute(act, &Cause::Gesture).unwrap();
            if i % 7 == 0 {
                project.undo(case).unwrap();
            }
            if i % 14 == 0 {
                project.redo(case).unwrap();
            }
        }
        if n != 1 {
            project.submit(case, Verdict::Findings, &Cause::Gesture).unwrap();
        }
    }
    let reason = shoken::domain::UserText::new("one was missed");
    let amend = ReadCommand::Amend { case: cases[2].clone(), reason };
    project.execute(Command::Read(amend), &Cause::Gesture).unwrap();
    drop(project);
    let this = Kept { desk, cases };
    assert!(this.file().is_file(), "the folds were kept");
    this
}

impl Kept {
    fn file(&self) -> PathBuf {
        self.desk.path("p.shoken/cache/folds.bin")
    }

    /// The state as the program opens it, and as the log gives it.
    fn both(&self, from_folds: bool) -> (State, State) {
        let (folder, home) = (self.desk.path("p.shoken"), self.desk.home());
        let (mut store, opened) = Store::open(&OpenOptions { folder: &folder, home: &home, write: false }).unwrap();
        assert_eq!(store.came_from_folds(), from_folds);
        (opened, store.load().unwrap())
    }

    /// Opened from the kept folds it is what the log gives.
    fn same(&self) {
        self.same_as_log(true);
    }

    fn same_as_log(&self, from_folds: bool) {
        let (opened, folded) = self.both(from_folds);
        assert!(opened == folded && opened.is_readable(), "opened from the kept folds, something else is there");
    }

    /// Everything a reader sees.
    fn seen(&self, project: &Project) -> Vec<String> {
        let scope = ReadScope::Reader(reader("owner"));
        self.cases.iter().map(|c| format!("{:?}", project.view(c, &scope).unwrap())).collect()
    }
}

/// A damaged file costs time and nothing else: at opening, or when the damaged place is first looked at.
#[test]
fn damaged_folds_are_made_anew_from_the_log() {
    let kept = kept();
    kept.same();
    let whole = std::fs::read(kept.file()).unwrap();
    let project = kept.desk.open("p.shoken");
    let seen = kept.seen(&project);
    drop(project);
    let mut lots = Lots(seed());
    for round in 0..count("damaged files", 40, 1_000) {
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes.truncate(lots.below(whole.len())),
            1 => bytes.extend_from_slice(b"more"),
            _ => bytes[lots.below(whole.len())] ^= 1 << lots.below(8),
        }
        std::fs::write(kept.file(), &bytes).unwrap();
        let mut project = kept.desk.open("p.shoken");
        let scope = ReadScope::Reader(reader("owner"));
        // Said rather than shown by halves; the next look finds everything.
        let first: Vec<_> = kept.cases.iter().map(|c| project.view(c, &scope).map(|v| format!("{v:?}"))).collect();
        if first.iter().any(Result::is_err) {
            assert!(project.catch_up().unwrap(), "the window is told to look again");
        }
        for (view, want) in first.iter().zip(&seen) {
            assert!(view.as_ref().map_or(true, |v| v == want), "less was shown than there is");
        }
        assert_eq!(kept.seen(&project), seen);
    }
    std::fs::write(kept.file(), &whole).unwrap();
    kept.same();
}

/// An act that meets a damaged place is refused with nothing done, and succeeds when it is done again.
#[test]
fn an_act_on_damaged_folds_loses_nothing() {
    let kept = kept();
    let whole = std::fs::read(kept.file()).unwrap();
    let open = &kept.cases[1];
    let had = findings(&kept.desk.open("p.shoken"), open);
    // All folds of reads lie before the header, which is left as it is.
    let header = whole.len()
        - 56
        - usize::try_from(u64::from_le_bytes(whole[whole.len() - 56..][..8].try_into().unwrap())).unwrap();
    let mut bytes = whole;
    bytes[..header].fill(7);
    std::fs::write(kept.file(), &bytes).unwrap();
    let mut project = kept.desk.open("p.shoken");
    let refused = project.undo(open).unwrap_err().to_string();
    assert!(refused.contains("do it once more"), "{refused}");
    project.undo(open).unwrap();
    project.redo(open).unwrap();
    assert_eq!(findings(&project, open), had);
    sound(&project);
}

/// What was appended after the folds were kept is there: by this process, by another, or by one that was killed.
#[test]
fn the_log_beyond_the_folds_is_applied() {
    let kept = kept();
    let before = std::fs::metadata(kept.file()).unwrap().modified().unwrap();
    let open = &kept.cases[1];
    let mut project = kept.desk.open("p.shoken");
    let had = findings(&project, open);
    add(&mut project, open, 3.0, None);
    let mut other = kept.desk.open("p.shoken");
    add(&mut other, open, 4.0, None);
    other.submit(open, Verdict::Findings, &Cause::Gesture).unwrap();
    project.catch_up().unwrap();
    assert_eq!(kept.seen(&project), kept.seen(&other));
    // As a killed process leaves it: neither witness nor folds.
    std::mem::forget(project);
    drop(other);
    assert_eq!(
        std::fs::metadata(kept.file()).unwrap().modified().unwrap(),
        before,
        "a few acts are not worth a new file"
    );
    kept.same();
    let project = kept.desk.open("p.shoken");
    assert_eq!(findings(&project, open), had + 2);
    sound(&project);
}

/// The file speaks of one log on one machine: it says nothing about a backup put back, a copy elsewhere, or another user's.
#[test]
fn folds_of_another_log_do_not_count() {
    let kept = kept();
    let early = kept.desk.path("early.shoken");
    copy_folder(&kept.desk.path("p.shoken"), &early);
    let open = &kept.cases[1];
    let mut project = kept.desk.open("p.shoken");
    let had = findings(&project, open);
    draw_many(&mut project, open, MANY);
    drop(project);
    // The later folds beside the earlier log.
    std::fs::copy(kept.file(), early.join("cache/folds.bin")).unwrap();
    std::fs::remove_dir_all(kept.desk.path("p.shoken")).unwrap();
    std::fs::rename(&early, kept.desk.path("p.shoken")).unwrap();
    kept.same_as_log(false);
    assert_eq!(findings(&kept.desk.open("p.shoken"), open), had);
    // On another computer the secret that the file is sealed with is not there.
    let elsewhere = kept.desk.path("elsewhere");
    let project = Project::open(&kept.desk.path("p.shoken"), &elsewhere, false).unwrap();
    assert_eq!(
        project.view(open, &ReadScope::Reader(reader("owner"))).map(|v| v.reads[0].findings.len()).ok(),
        Some(had)
    );
    assert!(!elsewhere.join("folds.key").exists(), "looking makes no secret");
}

/// A log that was altered behind the folds is found by `verify`, which looks at the log alone.
#[test]
fn verify_looks_at_the_log_and_not_at_the_folds() {
    let kept = kept();
    let db = rusqlite::Connection::open(kept.desk.path("p.shoken/project.sqlite")).unwrap();
    db.execute_batch("DROP TRIGGER transactions_no_update").unwrap();
    let altered = db
        .execute(
            "UPDATE transactions SET body = replace(body, '\"finding.add\"', '\"finding.bad\"') WHERE id = 500",
            [],
        )
        .unwrap();
    assert_eq!(altered, 1);
    drop(db);
    let problems = kept.desk.open("p.shoken").verify().unwrap().problems;
    assert!(!problems.is_empty(), "nothing was found");
}

/// What goes out of a project that was opened from its folds is what goes out of one that was folded.
#[test]
fn an_export_does_not_depend_on_the_folds() {
    let kept = kept();
    let project = kept.desk.open("p.shoken");
    let lines = exported(&project, true);
    drop(project);
    std::fs::remove_dir_all(kept.desk.path("p.shoken/cache")).unwrap();
    assert_eq!(exported(&kept.desk.open("p.shoken"), true), lines);
}

/// Without the file the log is folded onto a shelf on the disk, of which nothing is left behind.
#[test]
fn folding_anew_gives_the_same_and_leaves_nothing() {
    let kept = kept();
    let seen = kept.seen(&kept.desk.open("p.shoken"));
    std::fs::remove_file(kept.file()).unwrap();
    let project = kept.desk.open("p.shoken");
    assert!(kept.file().is_file(), "kept for the next opening");
    assert_eq!(kept.seen(&project), seen);
    drop(project);
    kept.same();
    let left: Vec<_> = std::fs::read_dir(kept.desk.path("p.shoken/cache")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// A disk that was pulled leaves its empty mount point behind; closing the project writes nothing into it.
#[test]
fn folds_are_not_written_where_the_project_was() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    draw_many(&mut project, &case, MANY);
    std::fs::rename(desk.path("p.shoken"), desk.path("gone.shoken")).unwrap();
    std::fs::create_dir(desk.path("p.shoken")).unwrap();
    drop(project);
    assert!(std::fs::read_dir(desk.path("p.shoken")).unwrap().next().is_none());
}

/// What is damaged behind the folds is not gone on from: the chain would break off there at the next folding, and all that
/// came after it with it.
#[test]
fn nothing_is_added_to_a_stream_that_is_damaged_behind_the_folds() {
    let kept = kept();
    let open = &kept.cases[1];
    let streams = |project: &Project| {
        let lines = exported(project, false);
        lines.lines().filter_map(|l| Signed::from_line(l).ok()).map(|s| s.stream()).collect::<BTreeSet<_>>()
    };
    let mut project = kept.desk.open("p.shoken");
    let before = streams(&project);
    add(&mut project, open, 1.0, None);
    assert_eq!(streams(&project), before, "a whole stream is gone on with");
    let had = findings(&project, open);
    drop(project);
    let db = rusqlite::Connection::open(kept.desk.path("p.shoken/project.sqlite")).unwrap();
    db.execute_batch("DROP TRIGGER transactions_no_update").unwrap();
    let newest = "SELECT stream FROM transactions ORDER BY id DESC LIMIT 1";
    let sql = format!(
        "UPDATE transactions SET body = replace(body, 'finding.add', 'finding.bad') WHERE stream = ({newest}) AND seq = 21"
    );
    assert_eq!(db.execute(&sql, []).unwrap(), 1);
    let altered: i64 =
        db.query_row("SELECT count(*) FROM transactions WHERE body LIKE '%finding.bad%'", [], |r| r.get(0)).unwrap();
    assert_eq!(altered, 1);
    drop(db);
    let mut project = kept.desk.open("p.shoken");
    assert_eq!(findings(&project, open), had, "the folds still know what was drawn");
    add(&mut project, open, 2.0, None);
    assert_eq!(findings(&project, open), had + 1);
    assert_eq!(streams(&project).difference(&before).count(), 1, "a stream of its own");
    assert!(!project.verify().unwrap().problems.is_empty());
    assert!(!kept.file().exists(), "after damage was found the log is looked at");
}
