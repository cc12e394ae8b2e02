//! Hostile lines for `journal apply`, made of honest ones by seed: never a panic, never a change. And lines of a newer
//! version: kept, verified, shown, and the project opens to look.

use shoken::domain::{Digest, ProjectKind};
use shoken::journal::{FormatError, Signed};
use shoken::keys::{Keyring, SigningKey};
use shoken::project::{Cause, Project, WhyReadOnly};

use crate::support::desk::{Desk, Lots, Pen, add, count, exported, import, seed, signed_lines, sound};

const WORDS: [&str; 14] = [
    "null",
    "-1",
    "1e999",
    "18446744073709551616",
    "\"\\u0000\"",
    "[[[[[[[[",
    "{\"v\":1}",
    "\\ud800",
    "\u{202e}",
    "true",
    "0.1",
    "\"v\":2,",
    "1.0",
    "{}",
];

/// One honest line made hostile.
fn mutated(lots: &mut Lots, lines: &[Vec<u8>]) -> Vec<u8> {
    let mut line = lines[lots.below(lines.len())].clone();
    for _ in 0..=lots.below(3) {
        if line.is_empty() {
            break;
        }
        let at = lots.below(line.len());
        let end = at + lots.below(line.len() - at + 1).min(40);
        match lots.below(9) {
            0 => line[at] = lots.next() as u8,
            1 => line[at] ^= 1 << lots.below(7),
            2 => drop(line.drain(at..end)),
            3 => {
                let piece = line[at..end].to_vec();
                line.splice(at..at, piece);
            }
            4 => {
                let word = WORDS[lots.below(WORDS.len())].as_bytes().to_vec();
                line.splice(at..end, word);
            }
            5 => line.truncate(at),
            6 => {
                let other = &lines[lots.below(lines.len())];
                let from = lots.below(other.len());
                line.splice(at.., other[from..].iter().copied());
            }
            7 => line.splice(at..at, std::iter::repeat_n(b'[', 200)).for_each(drop),
            // A digit for another, which keeps the line well-formed more often than not.
            _ => {
                if let Some(digit) = line[at..].iter().position(u8::is_ascii_digit) {
                    line[at + digit] = b'0' + lots.below(10) as u8;
                }
            }
        }
    }
    line.retain(|b| *b != b'\n');
    line
}

#[test]
fn attack_lines_made_hostile_change_nothing() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    for x in 0..3_u8 {
        add(&mut project, &case, f64::from(x), Some("honest"));
    }
    project.undo(&case).unwrap();
    let before = exported(&project, true);
    let lines: Vec<Vec<u8>> = before.lines().map(|l| l.as_bytes().to_vec()).collect();
    let mut lots = Lots(seed() ^ 8);
    let total = count("hostile lines", 3_000, 300_000);
    let mut refused = 0;
    for _ in 0..total / 250 {
        let mut input = Vec::new();
        for _ in 0..250 {
            input.extend(mutated(&mut lots, &lines));
            input.push(b'\n');
        }
        let report = project.apply_journal(&mut input.as_slice()).unwrap();
        assert_eq!((report.new_transactions, report.new_values), (0, 0), "{}", String::from_utf8_lossy(&input));
        refused += report.refused.len();
    }
    println!("{refused} refused");
    assert!(refused > total / 2);
    assert!(exported(&project, true) == before, "something was let in");
    sound(&project);
}

/// Rightly signed by a stranger, or by a good key about another's stream, or filed where it would not be erased.
#[test]
fn attack_lines_well_made_by_strangers_change_nothing() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    let other = import(&mut project, &desk.photo("b.png", 2));
    add(&mut project, &case, 1.0, Some("honest"));
    let text = exported(&project, true);
    let all: Vec<Signed> = signed_lines(&project).iter().map(|l| Signed::from_line(l).unwrap()).collect();
    let read = all.iter().find(|s| s.text().contains("read.opened")).unwrap();
    let drawn = all.iter().find(|s| s.text().contains("finding.created")).unwrap();
    let stranger = SigningKey::from_seed(&[5; 32]);
    let by = |key: &SigningKey, base: &Signed, change: &dyn Fn(&mut shoken::journal::Body)| {
        let mut body = base.body().clone();
        change(&mut body);
        Signed::seal(body, |m| Ok::<_, FormatError>(key.sign(m))).unwrap().to_line()
    };
    let key = project.readers()[0].keys[0];
    let own = Keyring::at(&desk.home()).load(&key, None).unwrap();
    let value = text.lines().find(|l| l.contains("\"salt\"")).unwrap();
    let subject = |case| {
        let mut rows = Vec::new();
        project.export_identity(&mut rows).unwrap();
        let rows = String::from_utf8(rows).unwrap();
        let row = rows.lines().find(|l| l.contains("\"label\"") && l.contains(&format!("{case}"))).unwrap().to_owned();
        serde_json::from_str::<serde_json::Value>(&row).unwrap()["subject"].as_str().unwrap().to_owned()
    };
    let misfiled = value.replace(&subject(&case), &subject(&other));
    assert_ne!(misfiled, value);
    let unnamed = {
        let salt = [4_u8; 32];
        let digest = shoken::journal::value_digest(&salt, b"unasked");
        let (salt, value) = (data_encoding::HEXLOWER.encode(&salt), data_encoding::BASE64.encode(b"unasked"));
        format!(r#"{{"digest":"{digest}","subject":"{}","salt":"{salt}","value":"{value}"}}"#, subject(&case))
    };
    let hostile = [
        by(&stranger, read, &|b| b.open.as_mut().unwrap().key = stranger.public()),
        by(&stranger, read, &|b| b.lamport = 1 << 53),
        by(&own, drawn, &|b| (b.seq, b.prev) = (9, Some(Digest::of(b"", b"gap")))),
        by(&own, drawn, &|b| (b.seq, b.prev) = (b.seq + 5, Some(*drawn.hash()))),
        by(&own, drawn, &|b| (b.seq, b.prev, b.lamport) = (b.seq + 1, Some(*drawn.hash()), 1)),
        by(&own, drawn, &|b| b.actor = crate::support::desk::reader("R9")),
        by(&own, read, &|b| b.open.as_mut().unwrap().project = Some(Digest::of(b"", b"other"))),
        misfiled,
        unnamed,
    ];
    for line in hostile {
        let report = project.apply_journal(&mut format!("{line}\n").as_bytes()).unwrap();
        assert_eq!((report.new_transactions, report.new_values, report.refused.len()), (0, 0, 1), "{line}");
    }
    // Bytes that are no text do not hide the lines behind them.
    let mut input = b"\xff\xfe\n".to_vec();
    input.extend(text.lines().next().unwrap().as_bytes());
    let report = project.apply_journal(&mut input.as_slice()).unwrap();
    assert_eq!((report.read, report.refused.len()), (2, 1));
    assert!(exported(&project, true) == text);
    sound(&project);
}

/// Events of a newer version are kept and shown; the project opens to look, and says why.
#[test]
fn attack_lines_of_a_newer_version_are_kept_and_shown() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("a.png", 1));
    add(&mut project, &case, 1.0, None);
    let all: Vec<Signed> = signed_lines(&project).iter().map(|l| Signed::from_line(l).unwrap()).collect();
    let drawn = all.iter().find(|s| s.text().contains("finding.created")).unwrap();
    let key = Keyring::at(&desk.home()).load(&project.readers()[0].keys[0], None).unwrap();
    let mut body = drawn.body().clone();
    (body.seq, body.prev, body.lamport) = (body.seq + 1, Some(*drawn.hash()), 500);
    body.label = "finding.sparkle".to_owned();
    body.events = vec![
        serde_json::json!({"kind": "finding.sparkled", "v": 1, "data": {"finding": "f-1", "how": "brightly"}}),
        serde_json::json!({"kind": "finding.created", "v": 7, "data": {}}),
        serde_json::json!({"kind": "hologram.turned", "v": 1, "data": {"by": 90}}),
    ];
    let newer = Signed::seal(body, |m| Ok::<_, FormatError>(key.sign(m))).unwrap();
    let report = project.apply_journal(&mut format!("{}\n", newer.to_line()).as_bytes()).unwrap();
    assert_eq!((report.new_transactions, report.refused.len()), (1, 0));
    drop(project);
    let mut project = desk.open("p.shoken");
    assert_eq!(project.read_only(), Some(&WhyReadOnly::NewerVersion));
    assert_eq!(crate::support::desk::findings(&project, &case), 1, "it shows what it knows");
    assert!(signed_lines(&project).contains(&newer.to_line()), "kept byte by byte");
    let report = sound(&project);
    for kind in ["finding.sparkled", "finding.created", "hologram.turned"] {
        assert!(report.notes.iter().any(|n| n.contains(kind) && n.contains("newer version")), "{:?}", report.notes);
    }
    let pen = Pen::over(&project, &case);
    let refused = project.execute(pen.add(3.0, None), &Cause::Gesture).unwrap_err();
    assert!(refused.to_string().contains("newer version"), "{refused}");
    assert!(project.history(None).unwrap().iter().any(|l| l.label == "finding.sparkle"));
    assert!(desk.ok(&["history", "p.shoken"]).contains("finding.sparkle"));
    assert!(desk.ok(&["worklist", "p.shoken"]).contains("1 findings"));
    let elsewhere = desk.path("other.shoken");
    drop(project);
    // It travels on as it is.
    crate::support::desk::copy_folder(&desk.path("p.shoken"), &elsewhere);
    let copy = Project::open(&elsewhere, &desk.home(), true).unwrap();
    assert!(signed_lines(&copy).contains(&newer.to_line()));
}
