//! Two impatient users: processes that write one project at the same time, and a window that has it open meanwhile. All
//! succeed, the chains stay whole, nobody is told that it is busy.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};

use shoken::domain::{CaseId, ProjectKind};
use shoken::project::{Cause, Command, Project, ReadCommand};

use crate::support::desk::{Desk, Lots, Pen, add, child, count, findings, import, seed, signed_lines, sound};

/// One of the processes: draws, takes back, draws again. Every act must succeed.
#[test]
fn writer() {
    let Ok(folder) = std::env::var("SHOKEN_ATTACK_FOLDER") else { return };
    let home = std::env::var("SHOKEN_HOME").unwrap();
    let acts: usize = std::env::var("SHOKEN_ATTACK_ACTS").unwrap().parse().unwrap();
    let case: CaseId = std::env::var("SHOKEN_ATTACK_CASE").unwrap().parse().unwrap();
    let mut lots = Lots(std::env::var("SHOKEN_ATTACK_SEED").unwrap().parse().unwrap());
    let mut project = Project::open(Path::new(&folder), Path::new(&home), true).unwrap();
    assert!(project.read_only().is_none());
    let pen = Pen::over(&project, &case);
    let (mut added, mut taken_back) = (0, 0);
    for _ in 0..acts {
        // What can be taken back may be the other's act: one reader, one read, one stack.
        if lots.below(4) == 0 && project.undo(&case).is_ok() {
            taken_back += 1;
            continue;
        }
        let drawn = pen.add(lots.below(40) as f64, (lots.below(3) == 0).then_some("both"));
        project.execute(drawn, &Cause::Gesture).unwrap();
        added += 1;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "@done {added} {taken_back}").unwrap();
}

fn start(desk: &Desk, folder: &str, case: &CaseId, acts: usize, seed: u64) -> Child {
    let mut command = child(
        "attack_together::writer",
        &[
            ("SHOKEN_ATTACK_FOLDER", desk.path(folder).to_str().unwrap()),
            ("SHOKEN_HOME", desk.home().to_str().unwrap()),
            ("SHOKEN_ATTACK_CASE", case.as_str()),
            ("SHOKEN_ATTACK_ACTS", &acts.to_string()),
            ("SHOKEN_ATTACK_SEED", &seed.to_string()),
        ],
    );
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a writer says at its end: findings added, acts taken back.
fn finish(writer: Child) -> (usize, usize) {
    let out = writer.wait_with_output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}\n{complained}");
    let at = said.find("@done").unwrap_or_else(|| panic!("{said}"));
    let mut numbers = said[at..].split_whitespace().skip(1).map(|n| n.parse::<usize>().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn attack_together_two_processes_and_a_window() {
    let acts = count("acts of each of two processes", 40, 1_000);
    let desk = Desk::new();
    let mut window = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut window, &desk.photo("a.png", 1));
    add(&mut window, &case, 1.0, None);
    let mut writers =
        vec![start(&desk, "p.shoken", &case, acts, seed()), start(&desk, "p.shoken", &case, acts, seed() ^ 77)];
    // The window looks every now and then, as its clock has it, and draws in between.
    let (mut looks, mut seen, mut drawn) = (0_u64, BTreeSet::new(), 1);
    while writers.iter_mut().any(|w| w.try_wait().unwrap().is_none()) {
        looks += 1;
        if window.catch_up().unwrap() && looks % 20 == 0 {
            seen.insert(findings(&window, &case));
        }
        if looks % 400 == 0 {
            add(&mut window, &case, 2.0, None);
            drawn += 1;
        }
    }
    let done: Vec<(usize, usize)> = writers.into_iter().map(finish).collect();
    window.catch_up().unwrap();
    let (added, back) = done.iter().fold((0, 0), |s, d| (s.0 + d.0, s.1 + d.1));
    println!("{added} added by two, {back} taken back, {drawn} by the window, {} states seen", seen.len());
    assert_eq!(added + back, 2 * acts);
    assert_eq!(findings(&window, &case), added + drawn - back, "an act of one of them is not there");
    let report = sound(&window);
    assert_eq!(report.notes.iter().filter(|n| n.contains("fork")).count(), 0);
    // The window's own state is that of the log, without opening it again.
    let fresh = desk.open("p.shoken");
    assert_eq!(findings(&fresh, &case), findings(&window, &case));
    assert_eq!(signed_lines(&fresh), signed_lines(&window));
    assert!(window.rebuild().unwrap().differences.is_empty(), "the projections went their own way");
}

/// Commands of the command line at the same time, each a process of its own that opens and closes the project.
#[test]
fn attack_together_commands_at_the_same_time() {
    let rounds = count("commands of each of two shells", 12, 1_000);
    let desk = Desk::new();
    desk.outline("f.geojson", 1);
    let mut window = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut window, &desk.photo("a.png", 1));
    let shells: Vec<_> = (0..2)
        .map(|_| {
            let arguments = ["annotate", "p.shoken", "--case", "C-0001", "--from", "f.geojson"];
            let mut commands: Vec<_> = (0..rounds).map(|_| desk.command(&arguments)).collect();
            std::thread::spawn(move || {
                for command in &mut commands {
                    let out = command.output().unwrap();
                    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
                }
            })
        })
        .collect();
    while shells.iter().any(|s| !s.is_finished()) {
        window.catch_up().unwrap();
        assert!(window.read_only().is_none());
        std::thread::yield_now();
    }
    shells.into_iter().for_each(|s| s.join().unwrap());
    window.catch_up().unwrap();
    assert_eq!(findings(&window, &case), 2 * rounds);
    sound(&window);
}

/// What another process commits between this one's commit and its next look is not overlooked.
#[test]
fn attack_together_a_neighbour_right_after_a_commit_is_seen() {
    let desk = Desk::new();
    let mut one = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut one, &desk.photo("a.png", 1));
    let folder = desk.path("p.shoken");
    let home = desk.home();
    let other_case = case.clone();
    let rounds = count("acts of each of two threads", 150, 2_000);
    let neighbour = std::thread::spawn(move || {
        let mut two = Project::open(&folder, &home, true).unwrap();
        let pen = Pen::over(&two, &other_case);
        for i in 0..rounds {
            two.execute(pen.add((i % 40) as f64, None), &Cause::Gesture).unwrap();
        }
    });
    let pen = Pen::over(&one, &case);
    for i in 0..rounds {
        one.execute(pen.add((i % 40) as f64, None), &Cause::Gesture).unwrap();
    }
    neighbour.join().unwrap();
    one.catch_up().unwrap();
    assert_eq!(findings(&one, &case), 2 * rounds);
    sound(&one);
}

/// Labels given at the same time by two imports are two labels, and an erased case's label is not given again.
#[test]
fn attack_together_labels_stay_unique() {
    let desk = Desk::new();
    let mut one = desk.create("p.shoken", ProjectKind::Personal);
    let mut two = desk.open("p.shoken");
    let first = import(&mut one, &desk.photo("a.png", 1));
    // The second handle has not looked since.
    let second = import(&mut two, &desk.photo("b.png", 2));
    one.catch_up().unwrap();
    assert_ne!(one.case_label(&first), one.case_label(&second));
    one.erase_case(&first).unwrap();
    let third = import(&mut one, &desk.photo("c.png", 3));
    assert_ne!(one.case_label(&third), one.case_label(&second));
    sound(&one);
}

/// The same photograph brought in by two processes at once is one image.
#[test]
fn attack_together_one_image_imported_twice_at_once() {
    let desk = Desk::new();
    let photo = desk.photo("a.png", 1);
    drop(desk.create("p.shoken", ProjectKind::Personal));
    for _ in 0..count("double imports", 3, 40) {
        let both: Vec<Child> = (0..2)
            .map(|_| {
                desk.command(&["import", "p.shoken", "a.png"])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        both.into_iter().for_each(|mut b| assert!(b.wait().unwrap().success()));
        let mut project = desk.open("p.shoken");
        assert_eq!(project.case_ids().len(), 1, "the same photograph twice");
        let case = project.case_ids()[0].clone();
        project.execute(Command::Read(ReadCommand::Open { case }), &Cause::Gesture).ok();
        sound(&project);
        drop(project);
        std::fs::remove_dir_all(desk.path("p.shoken")).unwrap();
        drop(desk.create("p.shoken", ProjectKind::Personal));
    }
    assert!(photo.is_file());
}
