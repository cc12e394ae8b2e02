//! What somebody with a key and the database can do that no signature tells: it is pointed out, or said not to be covered; and
//! among thousands of transactions a forged one is found as among few.

use shoken::domain::{ProjectKind, UserText, Verdict};
use shoken::journal::Signed;
use shoken::keys::Keyring;
use shoken::project::{AccessKind, Cancel, Cause, Command, Progress, PublicKey, ReadCommand};

use crate::support::desk::{Desk, add, copy_folder, exported, import, reader, signed_lines, sound};
use crate::support::scene::{Scene, import_as_owner, named, resign, scene};

/// A stream that was open when its key was revoked: what stands after the revocation is pointed out, without an alarm, since
/// somebody who had not heard of it writes just that; what stands before it is no matter.
#[test]
fn attack_insider_a_revoked_key_goes_on_in_an_open_stream() {
    let s = scene();
    let (r1, key) = (s.read_of("R1"), s.key("R1"));
    // R1 works in a copy and hears of nothing.
    copy_folder(&s.desk.path("p.shoken"), &s.desk.path("offline.shoken"));
    let mut project = s.desk.open("p.shoken");
    for _ in 0..3 {
        project.note_access(AccessKind::Viewed, None, None).unwrap();
    }
    let revoke = shoken::project::CampaignCommand::RevokeKey { reader: reader("R1"), key: PublicKey(key.public().0) };
    project.execute(Command::Campaign(revoke), &Cause::Cli).unwrap();
    assert!(!sound(&project).notes.iter().any(|n| n.contains("revocation")), "nothing was written after it");

    let mut offline = s.desk.open("offline.shoken");
    offline.act_as(&reader("R1")).unwrap();
    let amend = ReadCommand::Amend { case: s.case.clone(), reason: UserText::new("second look") };
    offline.execute(Command::Read(amend), &Cause::Gesture).unwrap();
    let honest = project.apply_journal(&mut exported(&offline, true).as_bytes()).unwrap();
    assert!(honest.new_transactions > 0 && honest.refused.is_empty(), "{honest:?}");
    assert!(!sound(&project).notes.iter().any(|n| n.contains("revocation")), "it was written before it");

    let last = r1.last().unwrap();
    let mut body = last.body().clone();
    (body.seq, body.prev, body.lamport) = (last.body().seq + 1, Some(*last.hash()), 900);
    body.events = Vec::new();
    let late = resign(body, &key);
    project.apply_journal(&mut format!("{}\n", late.to_line()).as_bytes()).unwrap();
    let notes = sound(&project).notes;
    let stream = r1[0].stream().to_string();
    let named = |n: &&String| n.contains("after the revocation of its key") && n.contains(&stream[..12]);
    assert_eq!(notes.iter().filter(named).count(), 1, "{notes:?}");
    // The program itself writes nothing more with that key.
    assert!(project.act_as(&reader("R1")).is_err());
}

/// Names are not signed, and `verify` says so in both languages; whose they are it does check.
#[test]
fn attack_insider_identity_rows() {
    let s = scene();
    let mut project = s.desk.open("p.shoken");
    let second = import_as_owner(&s.desk, &mut project);
    drop(project);
    let relabelled = s.tampered("a case under another's name", true, |db| {
        let sql = "UPDATE identity_cases SET subject = (SELECT subject FROM identity_cases WHERE case_id <> ?1) WHERE case_id = ?1";
        assert_eq!(db.execute(sql, [second.as_str()]).unwrap(), 1);
    });
    named(&relabelled, "altered");
    assert!(relabelled.problems.iter().any(|p| p.place.contains("identity of case")), "{:#?}", relabelled.problems);
    let kept = s.desk.path("what was erased");
    copy_folder(&s.desk.path("p.shoken"), &kept);
    s.desk.open("p.shoken").erase_case(&second).unwrap();
    let brought_back = s.tampered("an erased one brought back", true, |db| {
        let sql = format!("ATTACH '{}' AS old", kept.join("project.sqlite").display());
        db.execute_batch(&sql).unwrap();
        db.execute_batch("INSERT OR IGNORE INTO identity_subjects SELECT * FROM old.identity_subjects").unwrap();
    });
    named(&brought_back, "altered");
    assert!(
        brought_back.problems.iter().all(|p| p.place.contains("identity of subject")),
        "{:#?}",
        brought_back.problems
    );
    let renamed = s.tampered("a label rewritten", true, |db| {
        assert!(db.execute("UPDATE identity_cases SET label = 'C-9999'", []).unwrap() > 0);
    });
    assert!(renamed.problems.is_empty() && renamed.identity_rows > 0, "{renamed:#?}");
    for (language, words) in [("en", "Not covered"), ("ja", "対象外")] {
        let said = s.desk.ok(&["verify", "p.shoken", "--lang", language]);
        assert!(said.contains(words), "{said}");
    }
    let json = s.desk.json(&["verify", "p.shoken"]);
    assert!(json["not_covered"]["identity_rows"].as_u64().unwrap() > 0, "{json}");
}

/// Streams of thousands of transactions go through the batch of signatures and the kept folds; one forged signature, one
/// dropped end and one edited row among them are found and named as in a small project.
#[test]
fn attack_insider_among_thousands() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let mut cases = Vec::new();
    for n in 0..3_u8 {
        let case = import(&mut project, &desk.photo(&format!("{n}.png"), n));
        (0..12).for_each(|i| add(&mut project, &case, f64::from(i), None));
        project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
        cases.push(case);
    }
    // The rest of the day as another program of the same person writes it: gestures without an effect.
    let owner = project.readers()[0].keys[0];
    let key = Keyring::at(&desk.home()).load(&owner, None).unwrap();
    let mut lines = String::new();
    let all: Vec<Signed> = signed_lines(&project).iter().map(|l| Signed::from_line(l).unwrap()).collect();
    for case in &cases {
        let open = |t: &&Signed| t.body().open.as_ref().is_some_and(|o| o.subject.case.as_ref() == Some(case));
        let stream = all.iter().find(open).unwrap().stream();
        let mut last = all.iter().filter(|t| t.stream() == stream).max_by_key(|t| t.body().seq).unwrap().clone();
        while last.body().seq < 400 {
            let mut body = last.body().clone();
            (body.seq, body.prev, body.lamport) = (body.seq + 1, Some(*last.hash()), body.lamport + 1);
            body.events = Vec::new();
            last = resign(body, &key);
            lines += &(last.to_line() + "\n");
        }
    }
    assert_eq!(project.apply_journal(&mut lines.as_bytes()).unwrap().refused, Vec::<String>::new());
    // The newest row says how far the kept folds go; without it they count for nothing.
    project.note_access(AccessKind::Viewed, None, None).unwrap();
    sound(&project);
    drop(project);
    let s = Scene { case: cases[0].clone(), desk };
    let stopped = Cancel::default();
    stopped.cancel();
    let project = s.desk.open("p.shoken");
    assert!(project.verify_watched(&Progress::default(), &stopped).is_err(), "asked to stop, it stops");
    let progress = Progress::default();
    assert!(project.verify_watched(&progress, &Cancel::default()).unwrap().problems.is_empty());
    let seen = progress.snapshot();
    assert!(seen.total > 1_200 && seen.done <= seen.total && seen.done + 2_048 > seen.total, "{seen:?}");
    drop(project);
    let name = |n: usize| {
        let open = |t: &&Signed| t.body().open.as_ref().is_some_and(|o| o.subject.case.as_ref() == Some(&cases[n]));
        all.iter().find(open).unwrap().stream()
    };
    let (second, third) = (name(1), name(2));
    let forged = s.tampered("one forged of many", true, |db| {
        let sql = "UPDATE transactions SET signature = (SELECT signature FROM transactions WHERE stream = ?1 AND seq = 7) WHERE stream = ?1 AND seq = 200";
        assert_eq!(db.execute(sql, [second.as_bytes().as_slice()]).unwrap(), 1);
    });
    let bad: Vec<_> = forged.problems.iter().filter(|p| p.kind.word() == "bad-signature").collect();
    assert_eq!(bad.len(), 1, "{bad:#?}");
    assert!(bad[0].place.contains("transaction 200") && bad[0].place.contains(&second.to_string()[..12]));
    let cut = s.tampered("one end dropped of many", true, |db| {
        let sql = "DELETE FROM transactions WHERE stream = ?1 AND seq = 400";
        assert_eq!(db.execute(sql, [third.as_bytes().as_slice()]).unwrap(), 1);
    });
    named(&cut, "truncated");
    assert!(
        cut.problems.iter().any(|p| p.detail.contains("last closed")),
        "known without a witness: {:#?}",
        cut.problems
    );
    let edited = s.tampered("three rows of many", true, |db| {
        let pick = "(SELECT id FROM entities WHERE kind = 'finding' AND stream = ?1 ORDER BY id LIMIT 1 OFFSET ";
        let stream = second.as_bytes().as_slice();
        let edit = format!(
            "UPDATE entities SET body = replace(body, 'polygon', 'brush') WHERE stream = ?1 AND id = {pick} 3)"
        );
        let drop = format!("DELETE FROM entities WHERE stream = ?1 AND id = {pick} 9)");
        for sql in [edit, drop, "INSERT INTO entities VALUES ('finding', 'f-strange', ?1, '{}')".to_owned()] {
            assert_eq!(db.execute(&sql, [stream]).unwrap(), 1);
        }
    });
    let rows: Vec<_> = edited.problems.iter().filter(|p| p.place.starts_with("projection finding")).collect();
    assert_eq!((rows.len(), edited.problems.len()), (3, 3), "{:#?}", edited.problems);
}
