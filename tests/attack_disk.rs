//! Disks that are full, pulled out, or may not be written: real mounts, a clear message, nothing half-written that looks
//! whole, and work that goes on once there is room again.

use std::path::PathBuf;

use shoken::domain::{CaseId, Origin, Shape};
use shoken::project::{
    Cause, Command, FindingCommand, FindingDraft, FindingOrigin, Project, ReadScope, StoreError, roi_on,
};

use crate::support::desk::{Desk, text};
use crate::support::disk::{Mount, fill};

/// A small disk in memory, with a project on it.
fn small_disk(desk: &Desk, megabytes: u32) -> Option<Mount> {
    desk.outline("f.geojson", 1);
    desk.photo("a.png", 1);
    let size = format!("size={megabytes}m");
    let mount = Mount::new(&desk.path("disk"), &["-t", "tmpfs", "-o", &size, "tmpfs"])?;
    desk.ok(&["new", "disk/p.shoken", "--name", "t"]);
    desk.ok(&["import", "disk/p.shoken", "a.png"]);
    desk.annotate("disk/p.shoken");
    Some(mount)
}

fn open(desk: &Desk) -> Project {
    Project::open(&desk.path("disk/p.shoken"), &desk.path("home"), true).unwrap()
}

fn draw(project: &mut Project, x: f64) -> Result<shoken::project::Done, shoken::project::ProjectError> {
    let case = project.find_case("C-0001").unwrap();
    let image = project.view(&case, &ReadScope::Reader(project.actor().unwrap().clone())).unwrap().images[0].id.clone();
    // A long outline, so that one gesture needs room of its own.
    let ring = (0..2_000).map(|k| [x + f64::from(k % 50) / 10.0, 1.0 + f64::from(k) / 100.0]).collect();
    let finding = FindingDraft {
        rois: vec![(image, roi_on(None, 0, Shape::Line(ring)))],
        terms: Vec::new(),
        certainty: None,
        attributes: std::collections::BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "line".to_owned(), seen: true, model: None },
        comment: None,
    };
    project.execute(Command::Finding(FindingCommand::Add { case, findings: vec![finding] }), &Cause::Gesture)
}

fn count(project: &Project) -> usize {
    let case: CaseId = project.find_case("C-0001").unwrap();
    let view = project.view(&case, &ReadScope::Reader(project.actor().unwrap().clone())).unwrap();
    view.reads.iter().map(|r| r.findings.len()).sum()
}

/// What a folder holds, hidden names too, without the project itself.
fn left_on(desk: &Desk, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(desk.path(folder)).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|n| !n.starts_with("ballast"));
    names.sort();
    names
}

#[test]
fn disk_full_in_the_middle_of_drawing_loses_nothing_and_work_goes_on() {
    let desk = Desk::new();
    let Some(_mount) = small_disk(&desk, 2) else { return };
    let mut project = open(&desk);
    let mut committed = count(&project);
    // Draws until the disk itself says no: the moment is the disk's, not the test's.
    let error = loop {
        match draw(&mut project, committed as f64) {
            Ok(_) => committed += 1,
            Err(e) => break e,
        }
        assert!(committed < 10_000, "the disk never filled");
    };
    assert!(matches!(error, shoken::project::ProjectError::Store(StoreError::DiskFull)), "{error}");
    assert!(error.to_string().contains("everything before it is safe"), "{error}");
    let ballast = fill(&desk.path("disk"));
    assert!(draw(&mut project, 1.0).is_err());
    assert_eq!(count(&project), committed, "what is shown is what is on the disk");
    let case = project.find_case("C-0001").unwrap();
    // A draft that cannot be kept says so and stops nothing.
    let kept = project.save_draft(&case, vec![7; 300_000]);
    assert!(kept.as_ref().is_err_and(|e| e.to_string().contains("full")), "{kept:?}");
    ballast.iter().for_each(|b| std::fs::remove_file(b).unwrap());
    std::fs::remove_dir_all(desk.path("disk/p.shoken/cache")).ok();
    assert!(project.verify().unwrap().problems.is_empty());
    drop(project);
    let mut project = open(&desk);
    assert_eq!(count(&project), committed);
    // Room is made by what the project may spare: nothing here, so the disk grows.
    let grown = std::process::Command::new("mount").args(["-o", "remount,size=16m"]).arg(desk.path("disk")).status();
    assert!(grown.unwrap().success());
    draw(&mut project, 3.0).unwrap();
    project.save_draft(&case, vec![7; 300_000]).unwrap();
    assert_eq!(count(&project), committed + 1);
    assert!(project.verify().unwrap().problems.is_empty());
}

#[test]
fn disk_full_during_import_release_and_backup_leaves_nothing_that_looks_whole() {
    let desk = Desk::new();
    let Some(_mount) = small_disk(&desk, 4) else { return };
    desk.ok(&["submit", "disk/p.shoken", "--case", "C-0001"]);
    for n in 0..40 {
        desk.photo(&format!("more-{n}.png"), n);
    }
    let images: Vec<String> = (0..40).map(|n| format!("more-{n}.png")).collect();
    let before = left_on(&desk, "disk");
    let ballast = fill(&desk.path("disk"));
    let cases = desk.ok(&["worklist", "disk/p.shoken"]);
    let mut import = vec!["import", "disk/p.shoken"];
    import.extend(images.iter().map(String::as_str));
    let attempts: [(&str, Vec<&str>); 4] = [
        ("import", import.clone()),
        ("release", vec!["release", "disk/p.shoken", "--version", "1.0.0", "--out", "disk/release"]),
        ("backup", vec!["backup", "disk/p.shoken", "--to", "disk/backups"]),
        ("journal", vec!["journal", "export", "disk/p.shoken", "--out", "disk/journal.jsonl"]),
    ];
    for (what, arguments) in &attempts {
        let line = desk.refused(arguments);
        assert!(line.contains("full") || line.contains("space"), "{what}: {line}");
        let now = left_on(&desk, "disk");
        let new: Vec<&String> = now.iter().filter(|n| !before.contains(n)).collect();
        // A place for backups may have been made; it must hold no generation.
        for name in &new {
            let inside = std::fs::read_dir(desk.path("disk").join(name)).map_or(0, Iterator::count);
            assert!(name.as_str() == "backups" && inside <= 2 || *what == "journal", "{what} left {name}");
        }
        assert!(!desk.path("disk/release").exists());
    }
    // With a little room the same acts get further, and are stopped in the middle.
    for spare in [20_000u64, 90_000, 300_000, 900_000] {
        let last = ballast.iter().find(|b| b.metadata().is_ok_and(|m| m.len() >= 1 << 20));
        let Some(last) = last else { break };
        let file = std::fs::OpenOptions::new().write(true).open(last).unwrap();
        file.set_len((1 << 20) - spare).unwrap();
        for arguments in [&attempts[1].1, &attempts[2].1] {
            let out = desk.shoken(arguments);
            assert!(!text(&out.stderr).contains("panicked"), "{}", text(&out.stderr));
            if out.status.success() {
                continue;
            }
            let line = text(&out.stderr);
            assert_eq!(line.trim_end().lines().count(), 1, "{line}");
            let whole = desk.path("disk/release").join("manifest.json").exists();
            assert!(!whole, "a release that failed looks whole");
        }
        if desk.path("disk/release").exists() {
            assert!(desk.ok(&["verify", "disk/release"]).contains("sound"), "a release that succeeded is whole");
            std::fs::remove_dir_all(desk.path("disk/release")).unwrap();
            break;
        }
    }
    ballast.iter().for_each(|b| std::fs::remove_file(b).unwrap());
    assert_eq!(desk.ok(&["worklist", "disk/p.shoken"]).lines().count(), cases.lines().count(), "no case came in");
    desk.ok(&import);
    desk.ok(&["release", "disk/p.shoken", "--version", "2.0.0", "--out", "disk/release"]);
    desk.ok(&["backup", "disk/p.shoken", "--to", "disk/backups"]);
    assert!(desk.ok(&["restore", "--drill", "disk/backups"]).contains("equal"));
    assert!(desk.ok(&["verify", "disk/p.shoken"]).contains("sound"));
}

#[test]
fn disk_full_while_restoring_leaves_the_project_that_was_there() {
    let desk = Desk::new();
    let Some(_mount) = small_disk(&desk, 4) else { return };
    desk.ok(&["backup", "disk/p.shoken", "--to", "place"]);
    desk.annotate("disk/p.shoken");
    let before = desk.ok(&["journal", "export", "disk/p.shoken"]);
    let ballast = fill(&desk.path("disk"));
    let names = left_on(&desk, "disk");
    let line = desk.refused(&["restore", "place", "--to", "disk/p.shoken", "--replace"]);
    assert!(line.contains("full"), "{line}");
    let line = desk.refused(&["restore", "place", "--to", "disk/q.shoken"]);
    assert!(line.contains("full"), "{line}");
    assert_eq!(left_on(&desk, "disk"), names);
    ballast.iter().for_each(|b| std::fs::remove_file(b).unwrap());
    let after = desk.ok(&["journal", "export", "disk/p.shoken"]);
    assert!(before.lines().all(|l| after.contains(l)));
    desk.ok(&["restore", "place", "--to", "disk/q.shoken"]);
}

#[test]
fn disk_pulled_in_mid_session_says_so_and_comes_back_with_everything_committed() {
    let desk = Desk::new();
    desk.outline("f.geojson", 1);
    desk.photo("a.png", 1);
    // A disk with a life of its own: its files are there again when it is put back.
    std::fs::create_dir_all(desk.path("platter")).unwrap();
    let put = || Mount::new(&desk.path("disk"), &["--bind", desk.path("platter").to_str().unwrap()]);
    let Some(disk) = put() else { return };
    desk.ok(&["new", "disk/p.shoken", "--name", "t"]);
    desk.ok(&["import", "disk/p.shoken", "a.png"]);
    let mut project = open(&desk);
    for n in 0..5 {
        draw(&mut project, f64::from(n)).unwrap();
    }
    // Going away unmounts it lazily, under the program that has it open.
    drop(disk);
    // A lazily unmounted disk still takes what an open file writes; a command by its path does not find it.
    let line = desk.refused(&["annotate", "disk/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(line.contains("project.sqlite"), "{line}");
    assert!(std::fs::read_dir(desk.path("disk")).unwrap().next().is_none(), "nothing was written into the mount point");
    let held = count(&project);
    let drawn = draw(&mut project, 9.0);
    let committed = held + usize::from(drawn.is_ok());
    assert_eq!(count(&project), committed);
    drop(project);
    assert!(std::fs::read_dir(desk.path("disk")).unwrap().next().is_none(), "nor on closing");
    let Some(_disk) = put() else { return };
    let mut project = open(&desk);
    assert_eq!(count(&project), committed);
    assert!(project.verify().unwrap().problems.is_empty());
    draw(&mut project, 11.0).unwrap();
    assert_eq!(count(&project), committed + 1);
}

#[test]
fn disk_that_turns_read_only_in_mid_session_refuses_in_words_and_goes_on_looking() {
    let desk = Desk::new();
    let Some(mount) = small_disk(&desk, 8) else { return };
    let mut project = open(&desk);
    draw(&mut project, 1.0).unwrap();
    let committed = count(&project);
    drop(project);
    desk.photo("b.png", 2);
    // Bind mounts turn read-only under a program without the disk itself knowing.
    let other = desk.path("view");
    let Some(_view) = Mount::new(&other, &["--bind", mount.0.to_str().unwrap()]) else { return };
    let turned = std::process::Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&other).status().unwrap();
    assert!(turned.success());
    for arguments in [
        vec!["annotate", "view/p.shoken", "--case", "C-0001", "--from", "f.geojson"],
        vec!["undo", "view/p.shoken", "--case", "C-0001"],
        vec!["import", "view/p.shoken", "b.png"],
        vec!["rebuild", "view/p.shoken"],
    ] {
        let line = desk.refused(&arguments);
        assert!(line.contains("cannot be written") || line.contains("look only"), "{line}");
    }
    assert!(desk.ok(&["worklist", "view/p.shoken"]).contains(&format!("{committed} findings")));
    assert!(desk.ok(&["verify", "view/p.shoken"]).contains("sound"));
    assert!(desk.ok(&["history", "view/p.shoken"]).contains("Finding added"));
    // A copy can be made of it, though nothing can be noted in it.
    desk.ok(&["backup", "view/p.shoken", "--to", "place"]);
    assert!(desk.ok(&["restore", "--drill", "place"]).contains("equal"));
    assert!(desk.refused(&["backup", "disk/p.shoken", "--to", "view/backups"]).contains("Check that the disk"));
    let left: Vec<PathBuf> = std::fs::read_dir(&other).unwrap().flatten().map(|e| e.path()).collect();
    assert_eq!(left.len(), 1);
    drop(open(&desk));
}

#[test]
fn disk_that_is_slow_is_waited_for() {
    // A delaying device needs device-mapper in the kernel; without it there is no honest slow disk to be had.
    let targets = std::process::Command::new("dmsetup").arg("targets").output();
    let delays = targets.is_ok_and(|t| t.status.success() && text(&t.stdout).contains("delay"));
    if !delays {
        println!("skipped: this machine has no device-mapper delay target, and nothing else makes a real slow disk");
        return;
    }
    let desk = Desk::new();
    let image = desk.path("slow.img");
    std::fs::File::create(&image).unwrap().set_len(24 << 20).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let done = std::process::Command::new(program).args(arguments).output().unwrap();
        (done.status.success(), text(&done.stdout).trim().to_owned())
    };
    let (attached, device) = run("losetup", &["--find", "--show", image.to_str().unwrap()]);
    if !attached {
        println!("skipped: no loop device");
        return;
    }
    let name = format!("shoken-slow-{}", std::process::id());
    let sectors = (24 << 20) / 512;
    let table = format!("0 {sectors} delay {device} 0 0 {device} 0 40");
    let (made, _) = run("dmsetup", &["create", &name, "--table", &table]);
    let mapped = format!("/dev/mapper/{name}");
    let formatted = made && run("mkfs.ext4", &["-q", &mapped]).0;
    let mount = formatted.then(|| Mount::new(&desk.path("disk"), &[&mapped])).flatten();
    if mount.is_some() {
        desk.project("disk/p.shoken");
        desk.annotate("disk/p.shoken");
        assert!(desk.ok(&["verify", "disk/p.shoken"]).contains("sound"));
    }
    drop(mount);
    run("dmsetup", &["remove", "--force", "--retry", &name]);
    run("losetup", &["--detach", &device]);
    assert!(formatted, "the slow device could not be made");
}
