//! Backups and restoring them: whole or not there, proved, counted, and never a way around an erasure.

use std::path::PathBuf;

use crate::support::desk::{Desk, all_bytes, holds, text};

/// Generation folders under a place, sorted.
fn generations(desk: &Desk, place: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for project in std::fs::read_dir(desk.path(place)).unwrap().flatten().filter(|e| e.path().is_dir()) {
        let inside = std::fs::read_dir(project.path()).unwrap().flatten().map(|e| e.path());
        out.extend(inside.filter(|p| p.is_dir()));
    }
    out.sort();
    out
}

fn named(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn backup_and_drill_prove_that_the_copy_is_the_project() {
    let desk = Desk::new();
    desk.project("p.shoken");
    desk.annotate("p.shoken");
    std::fs::create_dir_all(desk.path("p.shoken/cache")).unwrap();
    std::fs::write(desk.path("p.shoken/cache/tile"), "deletable").unwrap();
    let before = all_bytes(&desk.path("p.shoken/blobs"));
    let said = desk.ok(&["backup", "p.shoken", "--to", "disk"]);
    assert!(said.contains("read back and compared") && said.contains("same disk"), "{said}");
    let [generation] = generations(&desk, "disk").try_into().unwrap();
    assert_eq!(all_bytes(&generation.join("blobs")).len(), before.len());
    assert!(generation.join("drafts.sqlite").is_file() && !generation.join("cache").exists());
    let drill = desk.json(&["restore", "--drill", "disk"]);
    let compared = drill["compared"].as_array().unwrap();
    for what in ["transactions", "entities", "sealed_values", "identity_subjects", "drafts", "blobs", "state"] {
        let row = compared.iter().find(|c| c["what"] == what).unwrap_or_else(|| panic!("{what}: {drill}"));
        assert!(row["equal"] == true && (row["count"].as_u64().unwrap() > 0 || what == "drafts"), "{row}");
    }
    assert_eq!(drill["problems"].as_array().unwrap().len(), 0);
    // The same journal comes out of the restored project, line by line.
    desk.ok(&["restore", "disk", "--to", "q.shoken"]);
    let lines = |p: &str| desk.ok(&["journal", "export", p, "--values"]);
    assert!(lines("p.shoken").lines().filter(|l| !l.contains("access.note")).all(|l| lines("q.shoken").contains(l)));
    // A backup is looked at, not worked on.
    let line = desk.refused(&["annotate", named(&generation), "--case", "C-0001", "--from", "f.geojson"]);
    assert!(line.contains("shoken restore"), "{line}");
    assert!(desk.ok(&["worklist", named(&generation)]).contains("1 findings"));
    assert!(desk.ok(&["restore", "--drill", "disk"]).contains("equal"), "looking changed nothing");
}

#[test]
fn backup_while_another_process_writes_is_one_moment_of_it() {
    let desk = Desk::new();
    desk.project("p.shoken");
    let writer = {
        let mut project = shoken::project::Project::open(&desk.path("p.shoken"), &desk.path("home"), true).unwrap();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let asked = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut n = 0;
            while n < 5_000 && !asked.load(std::sync::atomic::Ordering::Relaxed) {
                project.note_access(shoken::project::AccessKind::Viewed, None, None).unwrap();
                n += 1;
            }
            n
        });
        (thread, stop)
    };
    for _ in 0..3 {
        desk.ok(&["backup", "p.shoken", "--to", "disk"]);
    }
    writer.1.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writer.0.join().unwrap() > 3);
    let all = desk.ok(&["journal", "export", "p.shoken"]);
    let all: std::collections::BTreeSet<&str> = all.lines().collect();
    let mut counts = Vec::new();
    for (n, generation) in generations(&desk, "disk").iter().enumerate() {
        let drill = desk.json(&["restore", "--drill", named(generation)]);
        counts.push(drill["compared"][0]["count"].as_u64().unwrap());
        let out = format!("r{n}.shoken");
        desk.ok(&["restore", named(generation), "--to", &out]);
        let inside = desk.ok(&["journal", "export", &out]);
        // Everything in the copy is in the project, and it is a beginning of it: nothing torn, nothing skipped.
        let known: Vec<&str> = inside.lines().filter(|l| all.contains(l)).collect();
        assert_eq!(known.len() as u64, counts[n]);
    }
    assert!(counts.is_sorted() && counts.len() == 3, "{counts:?}");
}

#[test]
fn backup_keeps_the_generations_it_promises() {
    let desk = Desk::new();
    desk.project("p.shoken");
    for _ in 0..4 {
        desk.annotate("p.shoken");
        desk.ok(&["backup", "p.shoken", "--to", "disk", "--keep", "2"]);
    }
    let left: Vec<String> =
        generations(&desk, "disk").iter().map(|g| g.file_name().unwrap().to_str().unwrap()[..4].to_owned()).collect();
    assert_eq!(left, ["0003", "0004"]);
    let line = String::from_utf8(desk.shoken(&["backup", "p.shoken", "--keep", "0"]).stderr).unwrap();
    assert!(line.contains("from 1"), "{line}");
    // A damaged project is copied too, says so, and pushes no sound generation out.
    let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
    db.execute_batch("UPDATE entities SET body = body || ' '").unwrap();
    drop(db);
    for _ in 0..3 {
        let out = desk.shoken(&["backup", "p.shoken", "--keep", "2"]);
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stdout).contains("not sound"), "{}", text(&out.stdout));
    }
    let json = desk.json(&["backup", "p.shoken", "--list"]);
    let sound: Vec<bool> =
        json[0]["generations"].as_array().unwrap().iter().map(|g| g["sound"].as_bool().unwrap()).collect();
    assert_eq!(sound, [true, true, false]);
    // The newest sound one is what `restore` takes.
    assert!(desk.ok(&["restore", "disk", "--to", "r.shoken"]).contains("0004-"));
}

#[test]
fn backup_of_every_month_the_newest_stays() {
    use shoken::store::{Generation, Manifest, surplus};
    let made = |number: u64, made: &str, sound: bool| Generation {
        folder: PathBuf::from(format!("{number:04}")),
        manifest: Manifest {
            v: 1,
            number,
            project: shoken::domain::Digest::of(b"", b"p"),
            made: made.to_owned(),
            software: String::new(),
            sections: Vec::new(),
            state: shoken::domain::Digest::of(b"", b""),
            heads: std::collections::BTreeMap::new(),
            blobs: std::collections::BTreeMap::new(),
            problems: if sound { Vec::new() } else { vec!["altered".to_owned()] },
        },
    };
    let mut all = Vec::new();
    for month in 1..=12 {
        for day in [1, 20] {
            all.push(made(all.len() as u64 + 1, &format!("2026-{month:02}-{day:02}T08:00:00.000Z"), true));
        }
    }
    all.push(made(25, "2026-12-21T08:00:00.000Z", false));
    let gone: Vec<u64> = surplus(&all, 3).iter().map(|g| g.manifest.number).collect();
    // Of each month the one of the 20th stays; of December also the one of the 1st, third newest of all.
    assert_eq!(gone, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21]);
    // A clock that jumped changes nothing: numbers decide what is newest.
    let jumped = [made(1, "2036-01-01T00:00:00.000Z", true), made(2, "2026-01-01T00:00:00.000Z", true)];
    assert!(surplus(&jumped, 1).is_empty(), "two months, one of each");
    let damaged = [made(1, "2026-01-01T00:00:00.000Z", false), made(2, "2026-01-02T00:00:00.000Z", false)];
    assert_eq!(surplus(&damaged, 5).len(), 1, "the newest copy of a damaged project stays");
}

#[test]
fn backup_says_when_the_off_line_disk_was_last_there() {
    let desk = Desk::new();
    desk.project("p.shoken");
    let said = desk.ok(&["backup", "p.shoken", "--to", "near", "--to", "usb"]);
    assert!(said.contains("no backup was ever made on it"), "{said}");
    assert!(!desk.path("usb").exists(), "a folder that is no disk is not made up");
    std::fs::create_dir(desk.path("usb")).unwrap();
    desk.ok(&["backup", "p.shoken", "--to", "near", "--to", "usb"]);
    assert_eq!(generations(&desk, "usb").len(), 1);
    // The disk is pulled: an empty mount point is left.
    std::fs::rename(desk.path("usb"), desk.path("pulled")).unwrap();
    std::fs::create_dir(desk.path("usb")).unwrap();
    let said = desk.ok(&["backup", "p.shoken"]);
    assert!(said.contains("usb: not there; the last backup on it was made on 20"), "{said}");
    assert_eq!(std::fs::read_dir(desk.path("usb")).unwrap().count(), 0, "nothing was written into the mount point");
    let json = desk.json(&["backup", "p.shoken", "--list"]);
    assert_eq!((json[1]["absent"].as_bool(), json[1]["last"].is_string()), (Some(true), true));
    std::fs::remove_dir(desk.path("usb")).unwrap();
    std::fs::rename(desk.path("pulled"), desk.path("usb")).unwrap();
    desk.ok(&["backup", "p.shoken"]);
    assert_eq!(generations(&desk, "usb").len(), 2);
    let japanese = desk.ok(&["backup", "p.shoken", "--list", "--lang", "ja"]);
    assert!(japanese.contains("照合済み"), "{japanese}");
}

/// The folder of a stick that is not plugged in is not made on this computer's own disk, where it would pass for a backup.
#[test]
fn backup_place_that_went_away_is_not_made_anew() {
    let desk = Desk::new();
    desk.project("p.shoken");
    desk.ok(&["backup", "p.shoken", "--to", "stick"]);
    std::fs::rename(desk.path("stick"), desk.path("drawer")).unwrap();
    for arguments in [vec!["backup", "p.shoken"], vec!["backup", "p.shoken", "--to", "stick"]] {
        let line = desk.refused(&arguments);
        assert!(line.contains("not there") && line.contains("Connect its disk"), "{line}");
        assert!(!desk.path("stick").exists());
    }
    std::fs::rename(desk.path("drawer"), desk.path("stick")).unwrap();
    desk.ok(&["backup", "p.shoken"]);
    assert_eq!(generations(&desk, "stick").len(), 2);
}

#[test]
fn backup_killed_at_any_moment_leaves_only_whole_generations() {
    let desk = Desk::new();
    desk.project("p.shoken");
    for _ in 0..5 {
        desk.annotate("p.shoken");
    }
    let turns = if std::env::var_os("SHOKEN_PROOF").is_some() { 200 } else { 20 };
    let begun = std::time::Instant::now();
    desk.ok(&["backup", "p.shoken", "--to", "disk"]);
    let whole = begun.elapsed();
    let mut killed = 0;
    for turn in 0..turns {
        let mut child = desk.spawn(&["backup", "p.shoken", "--to", "disk", "--keep", "100"]);
        // Spread evenly over the time that a backup takes; the moment itself is the machine's.
        let moment = whole * turn / turns;
        let waited = std::time::Instant::now();
        while waited.elapsed() < moment {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
    }
    println!("killed {killed} of {turns} backups, spread over {whole:?}");
    assert!(killed > 0);
    let visible = |p: &PathBuf| !p.file_name().unwrap().to_str().unwrap().starts_with('.');
    for generation in generations(&desk, "disk").iter().filter(|p| visible(p)) {
        desk.ok(&["restore", "--drill", named(generation)]);
    }
    desk.ok(&["backup", "p.shoken", "--keep", "100"]);
    assert!(generations(&desk, "disk").iter().all(visible), "leftovers are cleared away");
    assert!(desk.ok(&["verify", "p.shoken"]).contains("sound"));
}

#[test]
fn restore_finds_a_copy_that_the_disk_has_damaged() {
    let desk = Desk::new();
    desk.project("p.shoken");
    desk.annotate("p.shoken");
    desk.ok(&["backup", "p.shoken", "--to", "disk"]);
    let [generation] = generations(&desk, "disk").try_into().unwrap();
    let blob = std::fs::read_dir(generation.join("blobs")).unwrap().next().unwrap().unwrap().path();
    for file in [blob, generation.join("project.sqlite")] {
        let whole = std::fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        let at = bytes.len() - 700;
        bytes[at..].iter_mut().for_each(|b| *b ^= 0x55);
        std::fs::write(&file, bytes).unwrap();
        for arguments in [vec!["restore", "--drill", "disk"], vec!["restore", "disk", "--to", "r.shoken"]] {
            desk.refused(&arguments);
            assert!(!desk.path("r.shoken").exists(), "nothing that looks whole is left");
        }
        std::fs::write(&file, whole).unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(desk.path("")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|n| !n.to_str().unwrap().contains("restoring")), "{left:?}");
    desk.ok(&["restore", "--drill", "disk"]);
    assert!(desk.refused(&["restore", "a.png", "--to", "r.shoken"]).contains("shoken backup"));
}

#[test]
fn restore_of_last_weeks_backup_starts_new_streams_and_raises_no_alarm() {
    let desk = Desk::new();
    desk.project("p.shoken");
    desk.annotate("p.shoken");
    desk.ok(&["backup", "p.shoken", "--to", "disk"]);
    desk.annotate("p.shoken");
    desk.annotate("p.shoken");
    assert!(desk.refused(&["restore", "disk", "--to", "p.shoken"]).contains("--replace"));
    let done = desk.json(&["restore", "disk", "--to", "p.shoken", "--replace"]);
    assert!(done["newer"].as_u64().unwrap() >= 2, "{done}");
    let aside = done["set_aside"].as_str().unwrap().to_owned();
    assert!(desk.ok(&["worklist", "p.shoken"]).contains("1 findings"));
    let verified = desk.ok(&["verify", "p.shoken"]);
    assert!(verified.contains("sound") && verified.contains("restored on"), "{verified}");
    desk.annotate("p.shoken");
    // What came later is brought in as `restore` said, and both lines of work are there.
    desk.ok(&["journal", "export", &aside, "--values", "--out", "newer.jsonl"]);
    desk.ok(&["journal", "apply", "p.shoken", "newer.jsonl"]);
    for project in ["p.shoken", aside.as_str()] {
        let verified = desk.json(&["verify", project]);
        assert_eq!(verified["problems"].as_array().unwrap().len(), 0, "{project}: {verified}");
    }
    let kinds = desk.ok(&["journal", "export", "p.shoken"]);
    let added = kinds.lines().filter(|l| l.contains("finding.created")).count();
    assert_eq!(added, 4, "three before, one after restoring");
    assert!(kinds.contains("\\\"continues\\\""), "the restored folder went on in a stream of its own");
    // An insider who drops the tail of the folder that was never restored is found as before.
    desk.ok(&["restore", "disk", "--to", "x.shoken"]);
    let db = rusqlite::Connection::open(desk.path(&aside).join("project.sqlite")).unwrap();
    db.execute_batch("DROP TRIGGER transactions_no_delete; DELETE FROM transactions WHERE id = (SELECT max(id) FROM transactions WHERE body LIKE '%finding.created%')").unwrap();
    drop(db);
    assert!(text(&desk.shoken(&["verify", &aside]).stdout).contains("truncated"));
}

#[test]
fn restore_keeps_the_erased_erased() {
    let desk = Desk::new();
    desk.project("p.shoken");
    desk.photo("Suzuki-Hanako.png", 77);
    desk.ok(&["import", "p.shoken", "Suzuki-Hanako.png"]);
    desk.annotate("p.shoken");
    desk.ok(&["annotate", "p.shoken", "--case", "C-0002", "--from", "f.geojson"]);
    desk.ok(&["backup", "p.shoken", "--to", "disk"]);
    assert!(holds(&all_bytes(&desk.path("disk")), "Suzuki-Hanako"));
    let said = desk.ok(&["identity", "erase", "p.shoken", "--case", "C-0002"]);
    assert!(said.contains("1 backups from before still hold"), "{said}");
    let listed = desk.ok(&["backup", "p.shoken", "--list"]);
    assert!(listed.contains("still holds 1 erased") && listed.contains("--prune-erased"), "{listed}");
    assert!(desk.ok(&["restore", "--drill", "disk"]).contains("still holds 1 erased"));
    // Restored from before the erasure, on the machine that knows of it.
    let done = desk.json(&["restore", "disk", "--to", "q.shoken"]);
    assert_eq!((done["erased_again"].as_u64(), done["unsigned_tombstones"].as_u64()), (Some(1), Some(0)), "{done}");
    assert!(!holds(&all_bytes(&desk.path("q.shoken")), "Suzuki-Hanako"));
    assert!(desk.ok(&["verify", "q.shoken"]).contains("sound"));
    assert!(desk.ok(&["journal", "export", "q.shoken"]).contains("privacy.erased"));
    // Without the machine's note, the project that is replaced knows.
    std::fs::remove_dir_all(desk.path("home/tombstones")).unwrap();
    let done = desk.json(&["restore", "disk", "--to", "p.shoken", "--replace"]);
    assert_eq!(done["erased_again"].as_u64(), Some(1), "{done}");
    assert!(!holds(&all_bytes(&desk.path("p.shoken")), "Suzuki-Hanako"));
    // Without the coordinator's key the data goes all the same, and it is said that nobody signed.
    std::fs::rename(desk.path("home/keys"), desk.path("keys")).unwrap();
    let done = desk.json(&["restore", "disk", "--to", "s.shoken"]);
    assert_eq!((done["erased_again"].as_u64(), done["unsigned_tombstones"].as_u64()), (Some(1), Some(1)), "{done}");
    assert!(!holds(&all_bytes(&desk.path("s.shoken")), "Suzuki-Hanako"));
    std::fs::rename(desk.path("keys"), desk.path("home/keys")).unwrap();
    // What cannot be known is said; pruning leaves one new generation without the erased.
    assert!(desk.ok(&["restore", "disk", "--to", "u.shoken"]).contains("cannot be known here"));
    desk.ok(&["backup", "p.shoken", "--to", "disk", "--prune-erased"]);
    assert_eq!(generations(&desk, "disk").len(), 1);
    assert!(!holds(&all_bytes(&desk.path("disk")), "Suzuki-Hanako"));
}

/// A witness that another process leaves while a copy is checked knows more than the copy, and is no witness against it.
#[test]
fn backup_is_not_held_against_what_was_witnessed_after_it_was_taken() {
    let desk = Desk::new();
    desk.project("p.shoken");
    let (home, folder) = (desk.path("home"), desk.path("p.shoken"));
    let project = shoken::project::Project::open(&folder, &home, true).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = stop.clone();
    // Short sessions, one after the other: each leaves a witness at its end.
    let writer = std::thread::spawn(move || {
        let mut sessions = 0;
        while !asked.load(std::sync::atomic::Ordering::Relaxed) {
            let mut other = shoken::project::Project::open(&folder, &home, true).unwrap();
            other.note_access(shoken::project::AccessKind::Viewed, None, None).unwrap();
            sessions += 1;
        }
        sessions
    });
    for _ in 0..crate::support::desk::count("backups and checks beside short sessions", 8, 100) {
        let said = desk.ok(&["backup", "p.shoken", "--to", "disk"]);
        assert!(!said.contains("not sound"), "{said}");
        let problems = project.verify().unwrap().problems;
        assert!(problems.is_empty(), "{problems:?}");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writer.join().unwrap() > 8);
}
