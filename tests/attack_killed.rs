//! A dying laptop: SIGKILL at random moments. Nothing that was acknowledged is lost, every project opens and verifies, the
//! stroke in the hand comes back.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use shoken::domain::{CaseId, ProjectKind, UserText, Verdict};
use shoken::project::{Cause, Command, FindingCommand, Project, ReadCommand, ReadScope};

use crate::support::desk::{Desk, Lots, child, count, draft, findings, import, seed, signed_lines, sound};

/// How a child that was to be killed ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    /// It had done its work before, and said so.
    Done,
    /// It had said no before.
    Refused,
}

fn kill_after(mut child: Child, moment: Duration) -> End {
    let end = Instant::now() + moment;
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::yield_now();
    }
    child.kill().ok();
    let status = child.wait().unwrap();
    if status.success() {
        End::Done
    } else if status.code().is_none() {
        End::Killed
    } else {
        End::Refused
    }
}

/// What the desk remembers of everything that was acknowledged.
#[derive(Default)]
struct Ledger {
    lines: BTreeSet<String>,
}

impl Ledger {
    /// Everything seen before is still there and the project is sound.
    fn check(&mut self, project: &Project, what: &str) {
        let now = signed_lines(project);
        let lost = self.lines.difference(&now).count();
        assert_eq!(lost, 0, "{lost} transactions were lost by {what}");
        self.lines = now;
        sound(project);
    }
}

/// One command of the script and what it must have done once it is acknowledged.
fn act(lots: &mut Lots, project: &Project, case: &CaseId, round: usize) -> (Vec<String>, &'static str) {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let scope = ReadScope::Reader(project.actor().unwrap().clone());
    let view = project.view(case, &scope).unwrap();
    let read = view.reads.first();
    let sealed = read.is_some_and(|r| r.phase == shoken::project::ReadPhase::Submitted);
    let label = project.case_label(case);
    if sealed {
        return match lots.below(3) {
            0 => (words(&format!("release p.shoken --version 1.{round}.0 --out r{round}")), "release"),
            1 => (words(&format!("import p.shoken in/{round}.png")), "import"),
            _ => (words(&format!("amend p.shoken --case {label} --reason again")), "amend"),
        };
    }
    let some = read.is_some_and(|r| !r.findings.is_empty());
    match lots.below(8) {
        0 if some => (words(&format!("undo p.shoken --case {label}")), "undo"),
        1 if some => (words(&format!("submit p.shoken --case {label}")), "submit"),
        2 => (words(&format!("redo p.shoken --case {label}")), "redo"),
        3 => (words("verify p.shoken"), "verify"),
        4 => (words("rebuild p.shoken"), "rebuild"),
        5 => (words(&format!("import p.shoken in/{round}.png")), "import"),
        _ => (words(&format!("annotate p.shoken --case {label} --from f.geojson")), "annotate"),
    }
}

#[test]
fn attack_killed_commands_lose_nothing_that_was_acknowledged() {
    let moments = count("moments of killing a command", 14, 700);
    let mut lots = Lots(seed());
    let (mut killed, mut acknowledged) = (0, 0);
    // A command that was done before the blow came is no moment of killing; its acknowledgement is checked all the same.
    while killed < moments {
        let desk = Desk::new();
        desk.outline("f.geojson", 1);
        let mut project = desk.create("p.shoken", ProjectKind::Personal);
        let case = import(&mut project, &desk.photo("a.png", 0));
        drop(project);
        let mut ledger = Ledger::default();
        for round in 0..35 {
            if killed == moments {
                break;
            }
            desk.photo(&format!("in/{round}.png"), u8::try_from(round + 1).unwrap());
            let project = desk.open("p.shoken");
            ledger.check(&project, "opening");
            let (words, name) = act(&mut lots, &project, &case, round);
            let (before, cases) = (findings(&project, &case), project.case_ids().len());
            drop(project);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let run = desk.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let end = kill_after(run, Duration::from_micros(lots.below(50_000) as u64));
            let done = end == End::Done;
            let project = desk.open("p.shoken");
            assert!(project.read_only().is_none(), "what {name} left makes the project look read-only");
            ledger.check(&project, name);
            let after = findings(&project, &case);
            let grown = i64::try_from(after).unwrap() - i64::try_from(before).unwrap();
            match name {
                "annotate" if done => assert_eq!(grown, 1, "acknowledged and gone"),
                "undo" if done => assert_eq!(grown, -1, "acknowledged and gone"),
                "annotate" | "redo" => assert!(grown == 0 || grown == 1),
                "undo" => assert!(grown == 0 || grown == -1),
                "import" => assert!(!done || project.case_ids().len() == cases + 1, "acknowledged and gone"),
                "release" => whole_or_not_at_all(&desk, &format!("r{round}")),
                _ => assert_eq!(grown, 0),
            }
            killed += usize::from(end == End::Killed);
            acknowledged += usize::from(done);
        }
    }
    println!("{killed} killed, {acknowledged} acknowledged before the blow");
}

/// A release folder either verifies or does not pretend to be one.
fn whole_or_not_at_all(desk: &Desk, folder: &str) {
    if desk.path(folder).join("signature.json").is_file() {
        let report = shoken::project::verify_release(&desk.path(folder));
        assert!(report.is_sound(), "{:?}", report.problems);
    } else if desk.path(folder).exists() {
        assert_ne!(desk.shoken(&["verify", folder]).status.code(), Some(0), "half a release passes for a whole one");
    }
}

#[test]
fn attack_killed_making_a_project_can_be_done_again() {
    let moments = count("moments of killing `new`", 6, 100);
    let mut lots = Lots(seed() ^ 1);
    for _ in 0..moments {
        let desk = Desk::new();
        let run = desk.command(&["new", "p.shoken", "--name", "t"]).stdout(Stdio::null()).spawn().unwrap();
        let done = kill_after(run, Duration::from_micros(lots.below(60_000) as u64)) == End::Done;
        let out = desk.shoken(&["new", "p.shoken", "--name", "t"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() || (said.contains("exists already") && !said.contains("panicked")), "{said}");
        assert!(!done || !out.status.success(), "an acknowledged project was thrown away");
        let project = desk.open("p.shoken");
        assert!(!project.packs().is_empty(), "a project without its term packs");
        sound(&project);
    }
}

/// A folder that holds anything of the user's is never taken for a leftover.
#[test]
fn attack_killed_only_leftovers_are_cleared_away() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("p.shoken/blobs")).unwrap();
    std::fs::write(desk.path("p.shoken/notes.txt"), "mine").unwrap();
    assert!(desk.refused(&["new", "p.shoken", "--name", "t"]).contains("exists already"));
    std::fs::remove_file(desk.path("p.shoken/notes.txt")).unwrap();
    std::fs::write(desk.path("p.shoken/blobs/x"), "mine").unwrap();
    assert!(desk.refused(&["new", "p.shoken", "--name", "t"]).contains("exists already"));
    std::fs::remove_file(desk.path("p.shoken/blobs/x")).unwrap();
    desk.ok(&["new", "p.shoken", "--name", "t"]);
    assert!(desk.refused(&["new", "p.shoken", "--name", "t"]).contains("exists already"));
}

/// The window's way of working in a process of its own: strokes in the hand, gestures, undo, bulk, submit, amend. Says what is
/// done only after it is done.
#[test]
fn session() {
    let Ok(folder) = std::env::var("SHOKEN_ATTACK_FOLDER") else { return };
    let home = std::env::var("SHOKEN_HOME").unwrap();
    let mut lots = Lots(std::env::var("SHOKEN_ATTACK_SEED").unwrap().parse().unwrap());
    let mut project = Project::open(Path::new(&folder), Path::new(&home), true).unwrap();
    let case = project.case_ids()[0].clone();
    let say = |words: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "@{words}").unwrap();
        out.flush().unwrap();
    };
    let first: u64 =
        project.load_draft(&case).unwrap().map_or(0, |d| String::from_utf8(d).unwrap().trim().parse().unwrap());
    say("ready".to_owned());
    for stroke in first + 1.. {
        project.save_draft(&case, format!("{stroke:>200}").into_bytes()).unwrap();
        say(format!("stroke {stroke}"));
        let x = lots.below(40) as f64;
        let done = match lots.below(7) {
            0 => project.undo(&case),
            1 => project.redo(&case),
            2 => {
                let many = (0..20).map(|i| draft(&project, &case, f64::from(i), Some("bulk"))).collect();
                project.execute(
                    Command::Finding(FindingCommand::Add { case: case.clone(), findings: many }),
                    &Cause::Gesture,
                )
            }
            3 => {
                let submit = ReadCommand::Submit { case: case.clone(), verdict: Verdict::Findings };
                project.execute(Command::Read(submit), &Cause::Gesture)
            }
            4 => {
                let amend = ReadCommand::Amend { case: case.clone(), reason: UserText::new("look again") };
                project.execute(Command::Read(amend), &Cause::Gesture)
            }
            _ => {
                let one = vec![draft(&project, &case, x, None)];
                project.execute(
                    Command::Finding(FindingCommand::Add { case: case.clone(), findings: one }),
                    &Cause::Gesture,
                )
            }
        };
        if done.is_ok() {
            say(format!("saved {}", findings(&project, &case)));
        }
    }
}

#[test]
fn attack_killed_the_stroke_in_the_hand_comes_back() {
    let moments = count("moments of killing a working window", 8, 300);
    let mut lots = Lots(seed() ^ 2);
    let (mut strokes, mut gestures) = (0, 0);
    for batch in 0..moments.div_ceil(50) {
        let desk = Desk::new();
        let mut project = desk.create("p.shoken", ProjectKind::Personal);
        let case = import(&mut project, &desk.photo("a.png", 1));
        drop(project);
        let mut ledger = Ledger::default();
        for _ in 0..50.min(moments - batch * 50) {
            let mut hand = child(
                "attack_killed::session",
                &[
                    ("SHOKEN_ATTACK_FOLDER", desk.path("p.shoken").to_str().unwrap()),
                    ("SHOKEN_HOME", desk.home().to_str().unwrap()),
                    ("SHOKEN_ATTACK_SEED", &lots.next().to_string()),
                ],
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
            let mut said = BufReader::new(hand.stdout.take().unwrap()).lines();
            let first = said.by_ref().find(|l| l.as_ref().is_ok_and(|l| l.contains("@ready")));
            assert!(first.is_some(), "the session did not begin");
            assert!(kill_after(hand, Duration::from_micros(lots.below(120_000) as u64)) == End::Killed);
            let (mut stroke, mut live) = (None, None);
            // A line that the kill cut short was not said.
            for line in said.map_while(Result::ok) {
                match line.split_once(' ') {
                    Some(("@stroke", n)) if line.ends_with(n) => stroke = n.parse::<u64>().ok(),
                    Some(("@saved", n)) => live = n.parse::<usize>().ok(),
                    _ => {}
                }
                strokes += usize::from(line.starts_with("@stroke"));
                gestures += usize::from(line.starts_with("@saved"));
            }
            let project = desk.open("p.shoken");
            ledger.check(&project, "the killed window");
            if let Some(acknowledged) = stroke {
                let kept = project.load_draft(&case).unwrap().expect("the stroke in the hand is gone");
                let kept: u64 = String::from_utf8(kept).unwrap().trim().parse().unwrap();
                assert!(kept == acknowledged || kept == acknowledged + 1, "{kept} for {acknowledged}");
            }
            // After the last acknowledged gesture at most one more was committed: a bulk act of twenty at most.
            if let Some(live) = live {
                assert!(findings(&project, &case).abs_diff(live) <= 20, "an acknowledged gesture is gone");
            }
        }
    }
    println!("{strokes} strokes and {gestures} gestures were acknowledged");
}

/// A damaged file of strokes does not keep the project from opening.
#[test]
fn attack_killed_a_damaged_file_of_strokes_is_put_aside() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    drop(project);
    std::fs::write(desk.path("p.shoken/drafts.sqlite"), vec![0xAB; 9_000]).unwrap();
    let project = desk.open("p.shoken");
    assert!(project.load_draft(&case).unwrap().is_none());
    project.save_draft(&case, b"a new stroke".to_vec()).unwrap();
    assert_eq!(project.load_draft(&case).unwrap().unwrap(), b"a new stroke");
    assert!(desk.path("p.shoken/drafts-damaged.sqlite").is_file());
}

/// What a killed process left of its trial writing does not make a folder look read-only to one of the same number.
#[test]
fn attack_killed_a_left_probe_does_not_stop_work() {
    let desk = Desk::new();
    drop(desk.create("p.shoken", ProjectKind::Personal));
    for number in 0..3 {
        let name = format!("p.shoken/.shoken-probe-{}-{number}", std::process::id());
        std::fs::write(desk.path(&name), "left").unwrap();
    }
    std::fs::write(desk.path(&format!("p.shoken/.shoken-probe-{}", std::process::id())), "left").unwrap();
    assert!(desk.open("p.shoken").read_only().is_none());
    let left = std::fs::read_dir(desk.path("p.shoken")).unwrap().flatten();
    assert_eq!(left.filter(|e| e.file_name().to_string_lossy().starts_with(".shoken-probe")).count(), 0);
}
