//! An insider at the database: each attack by name is found and called what it is, or, where no witness exists, said not to
//! be checkable. Honest projects raise no alarm.

use std::collections::BTreeSet;
use std::path::Path;

use shoken::domain::{Digest, ProjectKind, UserText, Verdict};
use shoken::journal::{Body, Signed, StreamKind};
use shoken::keys::SigningKey;
use shoken::project::{AccessKind, Cause, Command, FindingCommand, Project, PublicKey, ReadCommand};

use crate::support::desk::{
    Desk, Lots, add, copy_folder, count, draft, exported, import, reader, seed, signed_lines, sound,
};
use crate::support::scene::{drop_row, import_as_owner, named, put, resign, rewrite, scene, words};

#[test]
fn attack_tampered_bytes_rows_and_columns() {
    let s = scene();
    let chain = s.read_of("R1");
    let (second, last) = (chain[1].clone(), chain.last().unwrap().clone());
    let flipped = second.text().replacen("polygon", "polyg0n", 1);
    assert_ne!(flipped, second.text());
    named(&s.tampered("a byte", false, |db| rewrite(db, &second, &flipped, false)), "altered");
    named(&s.tampered("a byte and its hash", true, |db| rewrite(db, &second, &flipped, true)), "bad-signature");
    let spaced = second.text().replacen("\"actor\":", "\"actor\": ", 1);
    named(&s.tampered("a space", true, |db| rewrite(db, &second, &spaced, true)), "altered");
    let doubled = second.text().replacen("{\"actor\":", "{\"actor\":\"R2\",\"actor\":", 1);
    named(&s.tampered("a doubled key", true, |db| rewrite(db, &second, &doubled, true)), "altered");
    let number = second.text().replacen("\"seq\":1", "\"seq\":1.0", 1);
    assert_ne!(number, second.text());
    named(&s.tampered("a number in another spelling", true, |db| rewrite(db, &second, &number, true)), "altered");
    for (name, kana) in [("nfc", "\u{304c}"), ("nfd", "\u{304b}\u{3099}")] {
        let text = last.text().replacen("\"label\":\"", &format!("\"label\":\"{kana}"), 1);
        named(&s.tampered(name, true, |db| rewrite(db, &last, &text, true)), "altered");
    }
    let swapped = s.tampered("a swap", true, |db| {
        let sql = "UPDATE transactions SET seq = 3 - seq WHERE stream = ?1 AND seq IN (1, 2)";
        assert_eq!(db.execute(sql, [second.stream().as_bytes().as_slice()]).unwrap(), 2);
    });
    named(&swapped, "altered");
    let swapped = s.tampered("a swap of texts", true, |db| {
        let other = &chain[2];
        rewrite(db, &second, "held back", false);
        rewrite(db, other, second.text(), false);
        rewrite(db, &second, other.text(), false);
    });
    named(&swapped, "altered");
    named(&s.tampered("a middle drop", true, |db| drop_row(db, second.hash())), "truncated");
    let elsewhere = s.tampered("a row moved to another stream", true, |db| {
        let other = s.read_of("R2")[0].stream();
        let sql = "UPDATE transactions SET stream = ?1 WHERE hash = ?2";
        db.execute(sql, [other.as_bytes().as_slice(), second.hash().as_bytes().as_slice()]).unwrap();
    });
    named(&elsewhere, "altered");
    let unsigned = s.tampered("a signature of zeros", true, |db| {
        let sql = "UPDATE transactions SET signature = zeroblob(64) WHERE hash = ?1";
        db.execute(sql, [second.hash().as_bytes().as_slice()]).unwrap();
    });
    named(&unsigned, "bad-signature");
    let cut = s.tampered("a cut signature", true, |db| {
        let sql = "UPDATE transactions SET signature = x'0102' WHERE hash = ?1";
        db.execute(sql, [second.hash().as_bytes().as_slice()]).unwrap();
    });
    named(&cut, "format");
}

#[test]
fn attack_tampered_ends_streams_and_rewriting_need_a_witness() {
    let s = scene();
    let chain = s.read_of("R1");
    let stream = chain[0].stream();
    let last = chain.last().unwrap();
    named(&s.tampered("a tail drop, witnessed", false, |db| drop_row(db, last.hash())), "truncated");
    let unseen = s.tampered("a tail drop, unwitnessed", true, |db| {
        drop_row(db, last.hash());
        db.execute("DELETE FROM entities", []).unwrap();
    });
    assert!(unseen.notes.iter().any(|n| n.contains("could not be checked")), "{:?}", unseen.notes);
    assert!(!words(&unseen).contains("truncated") && !words(&unseen).contains("bad-signature"));
    let removed = |db: &rusqlite::Connection| {
        let sql = "DELETE FROM transactions WHERE stream = ?1";
        assert!(db.execute(sql, [stream.as_bytes().as_slice()]).unwrap() > 3);
    };
    named(&s.tampered("a stream removed, witnessed", false, removed), "truncated");
    let unseen = s.tampered("a stream removed, unwitnessed", true, removed);
    assert!(unseen.notes.iter().any(|n| n.contains("could not be checked")));
    // What others name is missed without any witness.
    let register = s.tampered("the protocol removed", true, |db| {
        let sql = "DELETE FROM transactions WHERE stream IN (SELECT stream FROM transactions WHERE body LIKE '%protocol.set%')";
        assert!(db.execute(sql, []).unwrap() > 0);
    });
    named(&register, "truncated");
    // R1 rewrites the own read from the first finding on, with the own key, and seals it anew.
    let key = s.key("R1");
    let rewritten = |db: &rusqlite::Connection| {
        let mut prev = *chain[0].hash();
        for old in &chain[1..] {
            let mut body = old.body().clone();
            body.prev = Some(prev);
            body.time = body.time.replacen("20", "19", 1).replacen("19", "20", 1);
            body.label = format!("{}.again", body.label);
            let new = resign(body, &key);
            prev = *new.hash();
            drop_row(db, old.hash());
            put(db, &new);
        }
    };
    named(&s.tampered("rewritten by the key's holder, witnessed", false, rewritten), "altered");
    let unseen = s.tampered("rewritten by the key's holder, unwitnessed", true, rewritten);
    assert!(unseen.notes.iter().any(|n| n.contains("could not be checked")));
    let stranger = SigningKey::from_seed(&[7; 32]);
    let resigned = s.tampered("re-signed by another key", true, |db| {
        let new = resign(chain[1].body().clone(), &stranger);
        let sql = "UPDATE transactions SET signature = ?1 WHERE hash = ?2";
        db.execute(sql, [new.signature().as_slice(), chain[1].hash().as_bytes().as_slice()]).unwrap();
    });
    named(&resigned, "bad-signature");
}

/// A tail drop stays found however often the project is opened, verified and closed afterwards.
#[test]
fn attack_tampered_a_witness_is_not_made_forgotten() {
    let s = scene();
    let chain = s.read_of("R1");
    named(&s.tampered("worn out", false, |db| drop_row(db, chain.last().unwrap().hash())), "truncated");
    for _ in 0..14 {
        let folder = s.desk.path("worn out/p.shoken");
        let mut project = Project::open(&folder, &s.desk.path("worn out/home"), true).unwrap();
        project.note_access(AccessKind::Verified, None, None).unwrap();
    }
    named(&s.verify("worn out"), "truncated");
}

#[test]
fn attack_tampered_witnesses_replayed_and_forged() {
    let s = scene();
    let other = Desk::new();
    drop(other.create("q.shoken", ProjectKind::Personal));
    let only = |folder: &Path| std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let mine = only(&s.desk.path("home/witnesses"))[0].clone();
    let theirs = only(&only(&other.path("home/witnesses"))[0])[0].clone();
    let text = std::fs::read_to_string(&theirs).unwrap();
    let place = mine.join("9999999999-000000000000.json");
    let with = |bytes: &str, word: &str| {
        std::fs::write(&place, bytes).unwrap();
        named(&s.desk.open("p.shoken").verify().unwrap(), word);
        std::fs::remove_file(&place).unwrap();
    };
    with(&text, "altered");
    let own = std::fs::read_to_string(only(&mine)[0].clone()).unwrap();
    with(&own.replacen("\"time\": \"20", "\"time\": \"21", 1), "bad-signature");
    with("{ no witness", "format");
    // Made up by somebody whose key is not enrolled, with heads that never were.
    let mut forged: shoken::store::Witness = serde_json::from_str(&own).unwrap();
    let stranger = SigningKey::from_seed(&[9; 32]);
    forged.key = stranger.public();
    forged.heads.values_mut().for_each(|h| h.seq += 100);
    forged.signature = data_encoding::HEXLOWER.encode(&stranger.sign(&forged.message()));
    std::fs::write(&place, serde_json::to_string(&forged).unwrap()).unwrap();
    let report = s.desk.open("p.shoken").verify().unwrap();
    assert_eq!(words(&report), BTreeSet::from(["unknown-key"]), "a forged witness raises no other alarm");
    std::fs::remove_file(&place).unwrap();
    sound(&s.desk.open("p.shoken"));
}

/// What somebody with a good key and another program writes.
#[test]
fn attack_tampered_good_keys_in_bad_hands() {
    let s = scene();
    let (r1, key) = (s.read_of("R1"), s.key("R1"));
    let last = r1.last().unwrap();
    let after = |change: &dyn Fn(&mut Body)| {
        let mut body = last.body().clone();
        (body.seq, body.prev, body.lamport) = (last.body().seq + 1, Some(*last.hash()), 900);
        change(&mut body);
        resign(body, &key)
    };
    // The read is sealed; a finding is dropped from it all the same.
    let finding = r1[1].body().events[0]["data"]["finding"].clone();
    let sealed = after(&|b| {
        b.events = vec![serde_json::json!({"kind": "finding.deleted", "v": 1, "data": {"finding": finding}})];
    });
    let report = s.tampered("a change after the seal", true, |db| put(db, &sealed));
    named(&report, "altered");
    assert!(report.problems.iter().any(|p| p.detail.contains("sealed")), "{:#?}", report.problems);
    let again = after(&|_| {});
    named(&s.tampered("sealed twice", true, |db| put(db, &again)), "altered");
    // A reader makes the own key a coordinator's: in the own stream it says nothing, as a register it is nobody's.
    let grant = serde_json::json!({"kind": "reader.enrolled", "v": 1, "data": {"reader": "R1", "roles": ["coordinator"],
        "key": key.public(), "key_made_here": true, "qualifications": []}});
    let role = after(&|b| b.events = vec![grant.clone()]);
    named(&s.tampered("a forged role in a read", true, |db| put(db, &role)), "unknown-key");
    let opening = |kind, change: &dyn Fn(&mut Body)| {
        let mut body = r1[0].body().clone();
        body.lamport = 901;
        let open = body.open.as_mut().unwrap();
        open.kind = kind;
        open.nonce = "0123456789abcdef0123456789abcdef".to_owned();
        change(&mut body);
        resign(body, &key)
    };
    let register = opening(StreamKind::Register, &|b| b.events = vec![grant.clone()]);
    named(&s.tampered("a forged register", true, |db| put(db, &register)), "unknown-key");
    // R1 goes on from R2's read: takes it over and hides it.
    let head = s.read_of("R2").last().unwrap().head();
    let stolen = opening(StreamKind::Read, &|b| {
        b.open.as_mut().unwrap().continues = Some(head);
        b.events = vec![serde_json::json!({"kind": "read.opened", "v": 1, "data": {"images": []}})];
    });
    let report = s.tampered("another's read taken over", true, |db| put(db, &stolen));
    named(&report, "unknown-key");
    let folder = s.desk.path("another's read taken over");
    let project = Project::open(&folder.join("p.shoken"), &folder.join("home"), true).unwrap();
    let sealed = project.worklist(&reader("owner")).unwrap();
    assert!(!sealed.is_empty());
    // A read in R2's name by R1's key, and one by a key that nobody enrolled.
    let named_other = opening(StreamKind::Read, &|b| b.open.as_mut().unwrap().subject.reader = Some(reader("R2")));
    named(&s.tampered("a read in another's name", true, |db| put(db, &named_other)), "unknown-key");
    let stranger = SigningKey::from_seed(&[3; 32]);
    let mut body = r1[0].body().clone();
    body.open.as_mut().unwrap().key = stranger.public();
    let unknown = resign(body, &stranger);
    named(&s.tampered("a key that nobody enrolled", true, |db| put(db, &unknown)), "unknown-key");
    // A second transaction of the same number, and a Lamport number that goes back.
    let mut body = r1[2].body().clone();
    body.label = "finding.other".to_owned();
    let twin = resign(body, &key);
    named(&s.tampered("a twin", true, |db| put(db, &twin)), "fork");
    let late = after(&|b| b.lamport = 1);
    named(&s.tampered("a Lamport number that goes back", true, |db| put(db, &late)), "altered");
    let foreign = opening(StreamKind::Read, &|b| b.open.as_mut().unwrap().project = Some(Digest::of(b"", b"other")));
    named(&s.tampered("a stream of another project", true, |db| put(db, &foreign)), "altered");
    let _ = s.case;
}

/// A whole stream of another project, spliced in as it is.
#[test]
fn attack_tampered_spliced_from_another_project() {
    let s = scene();
    let other = scene();
    let spliced = other.read_of("R1");
    let report = s.tampered("a splice", true, |db| spliced.iter().for_each(|t| put(db, t)));
    named(&report, "altered");
    assert!(report.problems.iter().any(|p| p.detail.contains("another project")));
}

#[test]
fn attack_tampered_tables_values_and_blobs_behind_the_log() {
    let s = scene();
    let run = |name: &str, sql: &str, word: &str| {
        let report = s.tampered(name, true, |db| {
            assert!(db.execute(sql, []).unwrap() > 0, "{name}");
        });
        named(&report, word);
    };
    let entity = "UPDATE entities SET body = replace(body, 'polygon', 'brush') WHERE kind = 'finding'";
    run("a projection edited", entity, "altered");
    run("a projection dropped", "DELETE FROM entities WHERE kind = 'finding'", "altered");
    run("a projection added", "INSERT INTO entities VALUES ('finding', 'f-x', x'00', '{}')", "altered");
    run("an outline altered", "UPDATE sealed_values SET sealed = zeroblob(length(sealed))", "altered");
    let swap = "UPDATE sealed_values SET sealed = (SELECT s.sealed FROM sealed_values s WHERE s.digest <> sealed_values.digest LIMIT 1)";
    run("an outline in another's place", swap, "altered");
    run(
        "an outline dropped",
        "DELETE FROM sealed_values WHERE rowid = (SELECT max(rowid) FROM sealed_values)",
        "truncated",
    );
    run("a key dropped", "DELETE FROM subject_keys", "altered");
    let report = s.tampered("a term pack edited", true, |_| {
        let blobs = s.desk.path("a term pack edited/p.shoken/blobs");
        let blob = std::fs::read_dir(blobs).unwrap().flatten().next().unwrap().path();
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes[10] ^= 1;
        std::fs::write(&blob, bytes).unwrap();
    });
    named(&report, "altered");
    let report = s.tampered("a term pack removed", true, |_| {
        let blobs = s.desk.path("a term pack removed/p.shoken/blobs");
        std::fs::remove_file(std::fs::read_dir(blobs).unwrap().flatten().next().unwrap().path()).unwrap();
    });
    named(&report, "altered");
}

/// Numbers at the end of every scale neither stop the program nor anybody's work.
#[test]
fn attack_tampered_numbers_beyond_the_scale() {
    let s = scene();
    let chain = s.read_of("R1");
    for (name, from, to) in [
        ("seq", "\"seq\":2", "\"seq\":18446744073709551615"),
        ("lamport", "\"lamport\":", "\"lamport\":18446744073709551615,\"x\":"),
    ] {
        let text = chain[2].text().replacen(from, to, 1);
        assert_ne!(text, chain[2].text());
        let report = s.tampered(name, true, |db| rewrite(db, &chain[2], &text, true));
        assert!(!report.problems.is_empty());
    }
    // Somebody enrolled drives the Lamport number to its end; everybody else goes on working.
    let mut body = chain.last().unwrap().body().clone();
    (body.seq, body.prev) = (body.seq + 1, Some(*chain.last().unwrap().hash()));
    body.lamport = 1 << 53;
    body.events = Vec::new();
    let driven = resign(body, &s.key("R1"));
    let mut project = s.desk.open("p.shoken");
    let report = project.apply_journal(&mut format!("{}\n", driven.to_line()).as_bytes()).unwrap();
    assert_eq!((report.new_transactions, report.refused.len()), (1, 0));
    project.act_as(&reader("R2")).unwrap();
    let amend = ReadCommand::Amend { case: s.case.clone(), reason: UserText::new("second look") };
    project.execute(Command::Read(amend), &Cause::Gesture).unwrap();
    for i in 0..3_u8 {
        add(&mut project, &s.case, f64::from(i), None);
    }
    project.undo(&s.case).unwrap();
    sound(&project);
}

/// What was revoked cannot open anything new under a register that says so.
#[test]
fn attack_tampered_a_revoked_key_opens_nothing() {
    let s = scene();
    let key = s.key("R1");
    let mut project = s.desk.open("p.shoken");
    let revoke = shoken::project::CampaignCommand::RevokeKey { reader: reader("R1"), key: PublicKey(key.public().0) };
    project.execute(Command::Campaign(revoke), &Cause::Cli).unwrap();
    project.act_as(&reader("R2")).unwrap();
    // R2's next opening names the register as it is now; R1 copies what it names.
    let second = import_as_owner(&s.desk, &mut project);
    project.act_as(&reader("R2")).unwrap();
    let drawn = vec![draft(&project, &second, 3.0, None)];
    project
        .execute(Command::Finding(FindingCommand::Add { case: second.clone(), findings: drawn }), &Cause::Gesture)
        .unwrap();
    drop(project);
    let lines = signed_lines(&s.desk.open("p.shoken"));
    let all: Vec<Signed> = lines.iter().map(|l| Signed::from_line(l).unwrap()).collect();
    let newest = all.iter().filter(|t| t.body().open.is_some() && t.body().actor == reader("R2"));
    let mut body = newest.max_by_key(|t| t.body().lamport).unwrap().body().clone();
    let open = body.open.as_mut().unwrap();
    (open.key, open.reader, body.actor) = (key.public(), reader("R1"), reader("R1"));
    open.subject.reader = Some(reader("R1"));
    let late = resign(body, &key);
    let report = s.tampered("a revoked key", true, |db| put(db, &late));
    assert!(report.problems.iter().any(|p| p.detail.contains("revoked")), "{:#?}", report.problems);
}

/// Random honest projects: no alarm, whatever was done in them.
#[test]
fn attack_tampered_honest_projects_raise_no_alarm() {
    let mut lots = Lots(seed() ^ 6);
    let mut transactions = 0;
    for n in 0..count("random honest projects", 12, 1_000) {
        let desk = Desk::new();
        let personal = lots.below(2) == 0;
        let mut project =
            if personal { desk.create("p.shoken", ProjectKind::Personal) } else { desk.study("p.shoken") };
        let mut cases = vec![import(&mut project, &desk.photo("0.png", 0))];
        for step in 0..4 + lots.below(14) {
            let case = cases[lots.below(cases.len())].clone();
            if !personal {
                project.act_as(&reader(["owner", "R1", "R2"][lots.below(3)])).unwrap();
            }
            let office = project.actor() == Some(&reader("owner"));
            let verdict = if lots.below(2) == 0 { Verdict::Findings } else { Verdict::NoFinding };
            // What a rule refuses is part of an honest day.
            match lots.below(12) {
                0 => drop(project.undo(&case)),
                1 => drop(project.redo(&case)),
                2 => drop(project.submit(&case, verdict, &Cause::Cli)),
                3 => {
                    let amend = ReadCommand::Amend { case, reason: UserText::new("again") };
                    drop(project.execute(Command::Read(amend), &Cause::Gesture));
                }
                4 if office => cases.push(import(&mut project, &desk.photo(&format!("{step}.png"), step as u8 + 1))),
                5 if office && cases.len() > 1 => {
                    let gone = cases.swap_remove(lots.below(cases.len()));
                    project.erase_case(&gone).unwrap();
                }
                6 => {
                    let who = project.actor().unwrap().clone();
                    drop(project);
                    project = desk.open("p.shoken");
                    project.act_as(&who).unwrap();
                }
                7 => {
                    let who = project.actor().unwrap().clone();
                    let copy = format!("copy-{n}-{step}.shoken");
                    copy_folder(&desk.path("p.shoken"), &desk.path(&copy));
                    let mut second = desk.open(&copy);
                    second.act_as(&who).unwrap();
                    second.note_access(AccessKind::Viewed, None, None).unwrap();
                    project.apply_journal(&mut exported(&second, true).as_bytes()).unwrap();
                }
                8 => drop(project.rebuild().unwrap()),
                9 => project.note_access(AccessKind::Viewed, Some(&case), None).unwrap(),
                _ if office && !personal => {}
                _ => {
                    let drawn = vec![draft(&project, &case, lots.below(40) as f64, Some("honest"))];
                    let add = FindingCommand::Add { case, findings: drawn };
                    drop(project.execute(Command::Finding(add), &Cause::Gesture));
                }
            }
        }
        drop(project);
        let report = sound(&desk.open("p.shoken"));
        assert!(report.notes.is_empty(), "{:?}", report.notes);
        transactions += report.transactions;
    }
    println!("{transactions} transactions, no alarm");
}
