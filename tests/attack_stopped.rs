//! Asked to stop by Ctrl+C, a closed terminal or the end of the session: a command ends as it does on its own. The log is
//! folded in, a witness is left, what was done is kept and goes on from there.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shoken::project::Project;

use crate::support::desk::{Desk, sound};

fn ask(child: &Child, signal: &str) {
    let done = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

/// The exit code of a process that has been asked to stop.
fn ended(mut child: Child) -> i32 {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().expect("it was killed instead of ending");
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::yield_now();
    }
}

/// Waits until the project shows what `ready` looks for.
fn wait_for(desk: &Desk, child: &mut Child, ready: impl Fn(&Project) -> bool) {
    let since = Instant::now();
    loop {
        let open = Project::open(&desk.path("p.shoken"), &desk.path("elsewhere"), false);
        if open.is_ok_and(|p| ready(&p)) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be asked to");
        assert!(since.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn attack_stopped_an_import_ends_cleanly_and_goes_on_later() {
    for signal in ["TERM", "HUP", "INT"] {
        let desk = Desk::new();
        desk.ok(&["new", "p.shoken", "--name", "t"]);
        let photo = desk.photo("a.png", 1);
        // What comes after a picture's end is no part of it and is read for its hash: work for many seconds, of no room.
        std::fs::OpenOptions::new().write(true).open(photo).unwrap().set_len(24 << 30).unwrap();
        let import = desk.command(&["import", "p.shoken", "a.png"]).stderr(Stdio::piped()).spawn();
        let mut import = import.unwrap();
        wait_for(&desk, &mut import, |p| !p.case_ids().is_empty());
        ask(&import, signal);
        assert_eq!(ended(import), 2, "{signal}");
        let wal = desk.path("p.shoken/project.sqlite-wal");
        assert!(std::fs::metadata(wal).map_or(0, |m| m.len()) == 0, "{signal}: the log is not folded in");
        let project = desk.open("p.shoken");
        assert_eq!(project.case_ids().len(), 1);
        let report = sound(&project);
        assert!(report.witnesses > 1 && report.notes.is_empty(), "{signal}: no witness was left: {:?}", report.notes);
        assert_eq!(project.pending_hashes().unwrap().len(), 1, "what was not read to its end is still to be hashed");
    }
}

/// Told to ignore a closed terminal, it goes on (`nohup`).
#[test]
fn attack_stopped_nohup_is_respected() {
    let desk = Desk::new();
    desk.ok(&["new", "p.shoken", "--name", "t"]);
    let photo = desk.photo("a.png", 1);
    std::fs::OpenOptions::new().write(true).open(photo).unwrap().set_len(2 << 30).unwrap();
    let mut command = Command::new("nohup");
    command.arg(crate::support::desk::binary()).args(["import", "p.shoken", "a.png"]);
    command.current_dir(desk.path("")).env("SHOKEN_HOME", desk.home());
    let mut import = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&desk, &mut import, |p| !p.case_ids().is_empty());
    ask(&import, "HUP");
    assert_eq!(ended(import), 0);
    assert!(desk.open("p.shoken").pending_hashes().unwrap().is_empty());
}
