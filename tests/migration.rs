//! Older projects are brought up to date on a copy: interrupted at any point, the project is the old or the new one.

use std::path::{Path, PathBuf};

use crate::support::desk::{Desk, all_bytes};

/// A project as the program with version 1 of the tables left it.
const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/journals/tables-1");

/// Turns a project into one of version 1: its tables are those of the project that is kept of that version.
fn age(folder: &Path) {
    let db = rusqlite::Connection::open(folder.join("project.sqlite")).unwrap();
    db.pragma_update(None, "journal_mode", "DELETE").unwrap();
    db.execute("ATTACH ?1 AS kept", [format!("{OLD}/project.sqlite")]).unwrap();
    db.execute_batch(
        "ALTER TABLE transactions RENAME TO newer; DROP INDEX transactions_by_stream;
         DROP TRIGGER transactions_no_update; DROP TRIGGER transactions_no_delete;",
    )
    .unwrap();
    let sql = "SELECT sql FROM kept.sqlite_master WHERE sql IS NOT NULL AND name LIKE 'transactions%'
               OR name = 'sealed_values_by_subject' ORDER BY type = 'table' DESC";
    let made: Vec<String> =
        db.prepare(sql).unwrap().query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(made.len(), 5);
    made.iter().for_each(|sql| db.execute_batch(sql).unwrap());
    db.execute_batch("INSERT INTO transactions SELECT * FROM newer; DROP TABLE newer; DETACH kept").unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
}

fn version(folder: &Path) -> i64 {
    let db = rusqlite::Connection::open(folder.join("project.sqlite")).unwrap();
    db.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap()
}

fn grown(desk: &Desk, transactions: usize) -> String {
    desk.project("p.shoken");
    let mut project = shoken::project::Project::open(&desk.path("p.shoken"), &desk.path("home"), true).unwrap();
    for _ in 0..transactions {
        project.note_access(shoken::project::AccessKind::Viewed, None, None).unwrap();
    }
    drop(project);
    desk.annotate("p.shoken");
    let journal = desk.ok(&["journal", "export", "p.shoken", "--values"]);
    age(&desk.path("p.shoken"));
    journal
}

/// Whether a moment has come, as seen from outside the program.
type Reached = fn(&Desk) -> bool;

/// Whether every line is among the others.
fn holds_all(lines: &str, wanted: &str) -> bool {
    let known: std::collections::BTreeSet<&str> = lines.lines().collect();
    wanted.lines().all(|l| known.contains(l))
}

fn copying(desk: &Desk) -> PathBuf {
    desk.path("p.shoken/project.sqlite.migrating")
}

#[test]
fn migration_brings_an_older_project_up_with_every_byte_that_was_signed() {
    let desk = Desk::new();
    let journal = grown(&desk, 20);
    let streams = journal.matches("\\\"open\\\":{").count();
    assert!(desk.ok(&["worklist", "p.shoken"]).contains("1 findings"));
    assert_eq!(version(&desk.path("p.shoken")), 2);
    assert!(!copying(&desk).exists());
    let after = desk.ok(&["journal", "export", "p.shoken", "--values"]);
    assert!(holds_all(&after, &journal), "not one transaction or value is lost");
    // The derived rows are right, and the folder is known as the one it was.
    assert!(desk.ok(&["rebuild", "p.shoken"]).contains("0 differed"));
    desk.annotate("p.shoken");
    let after = desk.ok(&["journal", "export", "p.shoken"]);
    assert_eq!(after.matches("\\\"open\\\":{").count(), streams, "no new streams: it is no copy");
    assert!(desk.ok(&["verify", "p.shoken"]).contains("sound"));
}

/// What the log of a database holds, byte for byte, and what its values are filed under.
fn kept(database: &Path) -> Vec<(i64, Vec<u8>, String, Vec<u8>)> {
    let db = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT id, hash, body, signature FROM transactions
               UNION ALL SELECT -1, digest, subject, sealed FROM sealed_values ORDER BY 1, 2";
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// A project of every version of the tables is readable for ever, and is worked on after it was brought up.
#[test]
fn migration_of_the_project_that_is_kept_of_version_1() {
    let desk = Desk::new();
    crate::support::desk::copy_folder(Path::new(OLD), &desk.path("p.shoken"));
    let old = kept(&desk.path("p.shoken/project.sqlite"));
    assert_eq!(old.len(), 14 + 2);
    assert_eq!(version(&desk.path("p.shoken")), 1);
    // Whose keys are not here can look at it, which brings it up all the same.
    let verified = desk.ok(&["verify", "p.shoken"]);
    assert!(verified.contains("sound: 14 transactions in 6 streams, 2 values (1 absent)"), "{verified}");
    assert_eq!(version(&desk.path("p.shoken")), 2);
    let new = kept(&desk.path("p.shoken/project.sqlite"));
    assert!(old.iter().all(|row| new.contains(row)), "not one row is lost or altered");
    let rebuilt = desk.ok(&["rebuild", "p.shoken"]);
    assert!(rebuilt.contains("rebuilt 7 rows") && rebuilt.contains("0 differed"), "{rebuilt}");
    let length = |folder: &Path| folder.join("project.sqlite").metadata().unwrap().len();
    assert!(length(&desk.path("p.shoken")) < length(Path::new(OLD)), "the copy is compact");
}

#[test]
fn migration_killed_at_every_step_is_begun_again_and_loses_nothing() {
    let desk = Desk::new();
    let journal = grown(&desk, 3_000);
    let old = all_bytes(&desk.path("p.shoken/blobs"));
    let pristine = std::fs::read(desk.path("p.shoken/project.sqlite")).unwrap();
    let begun = |desk: &Desk| copying(desk).exists();
    let filled = |desk: &Desk| copying(desk).metadata().is_ok_and(|m| m.len() >= 1 << 20);
    let done = |desk: &Desk| {
        let header = std::fs::read(desk.path("p.shoken/project.sqlite")).unwrap_or_default();
        header.get(60..64) == Some(&[0, 0, 0, 2])
    };
    let first = |desk: &Desk| desk.path("p.shoken/project.sqlite").exists();
    let steps: [(&str, Reached); 4] =
        [("at the start", first), ("copying", begun), ("copied", filled), ("swapped", done)];
    for (step, reached) in steps {
        std::fs::write(desk.path("p.shoken/project.sqlite"), &pristine).unwrap();
        // What was witnessed after the last round is not in the project that is put back.
        std::fs::remove_dir_all(desk.path("home/witnesses")).ok();
        let mut child = desk.spawn(&["worklist", "p.shoken"]);
        let started = std::time::Instant::now();
        while !reached(&desk) && child.try_wait().unwrap().is_none() && started.elapsed().as_secs() < 60 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = version(&desk.path("p.shoken"));
        println!("killed {step}: version {left}, copy left behind: {}", copying(&desk).exists());
        let after = desk.ok(&["journal", "export", "p.shoken", "--values"]);
        assert!(holds_all(&after, &journal), "{step}");
        assert_eq!(version(&desk.path("p.shoken")), 2, "{step}");
        assert!(!copying(&desk).exists(), "{step}");
        assert!(desk.ok(&["rebuild", "p.shoken"]).contains("0 differed"), "{step}");
        assert!(desk.ok(&["verify", "p.shoken"]).contains("sound"), "{step}");
        assert_eq!(all_bytes(&desk.path("p.shoken/blobs")), old);
        for companion in ["-wal", "-shm", "-journal"] {
            std::fs::remove_file(desk.path(&format!("p.shoken/project.sqlite{companion}"))).ok();
        }
    }
}

#[test]
fn migration_without_room_leaves_the_older_project_as_it_was() {
    let desk = Desk::new();
    grown(&desk, 300);
    let mount = crate::support::disk::Mount::new(&desk.path("disk"), &["-t", "tmpfs", "-o", "size=4m", "tmpfs"]);
    let Some(_mount) = mount else { return };
    let copied = std::process::Command::new("cp").arg("-r").arg(desk.path("p.shoken")).arg(desk.path("disk")).status();
    assert!(copied.unwrap().success());
    let before = std::fs::read(desk.path("disk/p.shoken/project.sqlite")).unwrap();
    // Room for a part of the copy only, and for more than the opening asks for.
    let ballast = crate::support::disk::fill(&desk.path("disk"));
    let room = 256 << 10;
    let big = ballast.iter().find(|b| b.metadata().unwrap().len() == 1 << 20).expect("a large file among them");
    std::fs::OpenOptions::new().write(true).open(big).unwrap().set_len((1 << 20) - room).unwrap();
    assert!(before.len() as u64 > room, "the copy needs {} bytes", before.len());
    let line = desk.refused(&["annotate", "disk/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(line.contains("full"), "{line}");
    assert_eq!(std::fs::read(desk.path("disk/p.shoken/project.sqlite")).unwrap().len(), before.len());
    assert_eq!(version(&desk.path("disk/p.shoken")), 1);
    assert!(!desk.path("disk/p.shoken/project.sqlite.migrating").exists());
    ballast.iter().for_each(|b| std::fs::remove_file(b).unwrap());
    desk.ok(&["annotate", "disk/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert_eq!(version(&desk.path("disk/p.shoken")), 2);
}

#[test]
fn migration_waits_for_nobody_who_still_has_the_project_open() {
    let desk = Desk::new();
    grown(&desk, 5);
    let other = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    other.pragma_update(None, "journal_mode", "WAL").unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM transactions;").unwrap();
    let mut child = desk.spawn(&["worklist", "p.shoken"]);
    // It waits for the other; the other goes, and it goes on.
    assert!(child.try_wait().unwrap().is_none() || version(&desk.path("p.shoken")) == 1);
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    let out = child.wait_with_output().unwrap();
    let said = crate::support::desk::text(&out.stderr);
    assert!(out.status.success() || said.contains("another process"), "{said}");
    desk.ok(&["worklist", "p.shoken"]);
    assert_eq!(version(&desk.path("p.shoken")), 2);
}

#[test]
fn migration_backwards_is_refused_in_words() {
    let desk = Desk::new();
    desk.project("p.shoken");
    let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    db.pragma_update(None, "user_version", 3).unwrap();
    drop(db);
    let line = desk.refused(&["annotate", "p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(line.contains("newer version of Shoken") && line.contains("update the program"), "{line}");
    assert!(desk.ok(&["worklist", "p.shoken"]).contains("C-0001"), "it opens to look");
    assert!(desk.ok(&["backup", "p.shoken", "--to", "place"]).contains("compared"), "and can be backed up");
    assert_eq!(version(&desk.path("p.shoken")), 3);
}

/// Whoever opens an old project while somebody else brings it up waits, and works on the new one: nothing that either was
/// told is done is lost.
#[test]
fn migration_by_two_processes_at_once_loses_nothing() {
    let desk = Desk::new();
    grown(&desk, 400);
    desk.photo("b.png", 2);
    desk.photo("c.png", 3);
    crate::support::desk::copy_folder(&desk.path("p.shoken"), &desk.path("pristine"));
    for _ in 0..crate::support::desk::count("races to bring a project up", 6, 60) {
        std::fs::remove_dir_all(desk.path("p.shoken")).unwrap();
        std::fs::remove_dir_all(desk.path("home/witnesses")).ok();
        crate::support::desk::copy_folder(&desk.path("pristine"), &desk.path("p.shoken"));
        let children = ["b.png", "c.png", "worklist"].map(|what| match what {
            "worklist" => desk.spawn(&["worklist", "p.shoken"]),
            photo => desk.spawn(&["import", "p.shoken", photo]),
        });
        for child in children {
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success(), "{}", crate::support::desk::text(&out.stderr));
        }
        assert_eq!(version(&desk.path("p.shoken")), 2);
        let list = desk.json(&["worklist", "p.shoken"]);
        assert_eq!(list.as_array().unwrap().len(), 3, "{list}");
        let verified = desk.shoken(&["verify", "p.shoken"]);
        assert!(verified.status.success(), "{}", crate::support::desk::text(&verified.stdout));
    }
}

/// A project of the older version that is only looked at is not called altered.
#[test]
fn migration_does_not_happen_when_looking_and_verify_knows_it() {
    let desk = Desk::new();
    crate::support::desk::copy_folder(Path::new(OLD), &desk.path("p.shoken"));
    let project = shoken::project::Project::open(&desk.path("p.shoken"), &desk.path("home"), false).unwrap();
    let report = project.verify().unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert!(report.notes.iter().any(|n| n.contains("older version")), "{:?}", report.notes);
    drop(project);
    assert_eq!(version(&desk.path("p.shoken")), 1);
}
