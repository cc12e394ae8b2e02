//! Clocks that are wrong: set to 2036, back by a day, jumping, in another zone. Order, authority and results stay what they
//! are; `verify` says it as a note.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shoken::domain::{CaseId, ProjectKind, Verdict};
use shoken::journal::Signed;
use shoken::project::{Cause, Clock, Command, Project, ReadCommand};

use crate::support::desk::{Desk, Lots, Pen, add, count, findings, import, seed, signed_lines, sound};

/// 2026-11-20 08:00 UTC, in milliseconds.
const MORNING: i64 = 1_795_161_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What the clock is set to before an act, in milliseconds.
type Setting = fn(usize) -> i64;

/// A clock that shows what the hands are set to; its randomness is the system's.
fn clock(hands: &Arc<AtomicI64>) -> Clock {
    let hands = Arc::clone(hands);
    let now = move || {
        let shown = chrono::DateTime::from_timestamp_millis(hands.fetch_add(1_000, Ordering::SeqCst)).unwrap();
        shown.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    Clock { now: Box::new(now), random: Clock::system().random }
}

/// The same day's work under a clock that `set` moves before each act.
fn day(set: impl Fn(usize) -> i64) -> (Desk, Project, CaseId) {
    let hands = Arc::new(AtomicI64::new(set(0)));
    let desk = Desk::new();
    let mut project = desk.create_at("p.shoken", ProjectKind::Personal, clock(&hands));
    let case = import(&mut project, &desk.photo("a.png", 1));
    for step in 1..=20_usize {
        hands.store(set(step), Ordering::SeqCst);
        match step % 7 {
            3 => drop(project.undo(&case).unwrap()),
            4 => drop(project.redo(&case).unwrap()),
            _ => add(&mut project, &case, step as f64, Some("seen")),
        }
    }
    (desk, project, case)
}

/// What a day comes to, without hashes and times: acts in order, findings, undo depth.
fn outcome(project: &mut Project, case: &CaseId) -> (Vec<(String, String)>, usize, usize) {
    let acts = project.history(None).unwrap().into_iter().map(|l| (l.actor.to_string(), l.label)).collect();
    let live = findings(project, case);
    let mut depth = 0;
    while project.undo(case).is_ok() {
        depth += 1;
    }
    (acts, live, depth)
}

#[test]
fn attack_clocks_change_neither_order_nor_results() {
    let (_desk, mut honest, case) = day(|n| MORNING + n as i64 * 60_000);
    assert!(sound(&honest).notes.iter().all(|n| !n.contains("clock ran")));
    let expected = outcome(&mut honest, &case);
    let settings: [(&str, Setting, bool); 5] = [
        ("2036 all along", |n| MORNING + 3_653 * DAY + n as i64 * 60_000, false),
        ("to 2036 and back", |n| MORNING + if n % 10 > 5 { 3_653 * DAY } else { n as i64 * 60_000 }, true),
        ("back by a day at noon", |n| MORNING + n as i64 * 60_000 - if n > 10 { DAY } else { 0 }, true),
        ("jumping", |n| MORNING + (n as i64 * 7_919 % 31 - 15) * HOUR, true),
        ("standing still at the epoch", |_| 0, true),
    ];
    for (name, set, backwards) in settings {
        let (_desk, mut project, case) = day(set);
        let report = sound(&project);
        let flagged = report.notes.iter().any(|n| n.contains("clock ran backwards"));
        assert_eq!(flagged, backwards, "{name}: {:?}", report.notes);
        let mut lines: Vec<Signed> = signed_lines(&project).iter().map(|l| Signed::from_line(l).unwrap()).collect();
        lines.sort_by_key(|s| s.body().lamport);
        assert!(lines.windows(2).all(|w| w[0].body().lamport < w[1].body().lamport), "{name}");
        assert_eq!(outcome(&mut project, &case), expected, "{name}");
    }
}

/// Under a right clock again, what was dated ahead is said.
#[test]
fn attack_clocks_dates_ahead_are_said() {
    let (desk, project, case) = day(|n| MORNING + 36_530 * DAY + n as i64 * 60_000);
    drop(project);
    let mut project = desk.open("p.shoken");
    assert!(sound(&project).notes.iter().any(|n| n.contains("later than this machine's clock")));
    add(&mut project, &case, 3.0, None);
    assert!(sound(&project).notes.iter().any(|n| n.contains("clock ran backwards")));
    project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    sound(&project);
}

/// A stream that names what is dated later than itself was opened under a clock that is behind.
#[test]
fn attack_clocks_an_opening_before_what_it_names_is_said() {
    let (desk, project, case) = day(|n| MORNING + 5 * DAY + n as i64 * 60_000);
    drop(project);
    crate::support::desk::copy_folder(&desk.path("p.shoken"), &desk.path("copy.shoken"));
    let behind = Arc::new(AtomicI64::new(MORNING));
    let mut copy = desk.open("copy.shoken").with_clock(clock(&behind));
    add(&mut copy, &case, 3.0, None);
    assert!(copy.verify().unwrap().notes.iter().any(|n| n.contains("opened under something that is dated later")));
}

/// A trip to 2036 does not push the witnesses of every later day aside.
#[test]
fn attack_clocks_witnesses_of_later_days_are_kept() {
    let (desk, project, case) = day(|n| MORNING + 3_653 * DAY + n as i64 * 60_000);
    for _ in 0..12 {
        project.leave_witness().unwrap();
    }
    drop(project);
    let today = Arc::new(AtomicI64::new(MORNING));
    let mut project = desk.open("p.shoken").with_clock(clock(&today));
    add(&mut project, &case, 3.0, None);
    drop(project);
    let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    let sql =
        "DROP TRIGGER transactions_no_delete; DELETE FROM transactions WHERE id = (SELECT max(id) FROM transactions);";
    db.execute_batch(sql).unwrap();
    drop(db);
    let report = desk.open("p.shoken").verify().unwrap();
    assert!(report.problems.iter().any(|p| p.kind.word() == "truncated"), "{:?}", report.problems);
}

/// The zone of the machine shows nowhere in what is signed; wild clocks by lot raise no alarm.
#[test]
fn attack_clocks_zones_and_random_clocks() {
    let desk = Desk::new();
    desk.outline("f.geojson", 1);
    let before = chrono::Utc::now();
    for (n, zone) in ["UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Kiritimati"].into_iter().enumerate() {
        let name = format!("{n}.shoken");
        assert!(desk.command(&["new", &name, "--name", "t"]).env("TZ", zone).output().unwrap().status.success());
        let project = desk.open(&name);
        for line in signed_lines(&project) {
            let time = Signed::from_line(&line).unwrap().body().time.clone();
            let time = chrono::DateTime::parse_from_rfc3339(&time).unwrap().to_utc();
            assert!(time >= before - chrono::TimeDelta::seconds(1) && time <= chrono::Utc::now(), "{zone}: {time}");
        }
        assert!(sound(&project).notes.is_empty());
    }
    let mut lots = Lots(seed() ^ 5);
    for _ in 0..count("days under a random clock", 4, 200) {
        let hands = Arc::new(AtomicI64::new(0));
        let desk = Desk::new();
        let mut project = desk.create_at("p.shoken", ProjectKind::Personal, clock(&hands));
        let case = import(&mut project, &desk.photo("a.png", 1));
        let pen = Pen::over(&project, &case);
        for _ in 0..12 {
            hands.store((lots.next() % 4_000_000_000_000) as i64, Ordering::SeqCst);
            project.execute(pen.add(3.0, None), &Cause::Gesture).unwrap();
        }
        let submit = ReadCommand::Submit { case: case.clone(), verdict: Verdict::Findings };
        project.execute(Command::Read(submit), &Cause::Gesture).unwrap();
        assert_eq!(findings(&project, &case), 12);
        sound(&project);
        drop(project);
        sound(&desk.open("p.shoken"));
    }
}
