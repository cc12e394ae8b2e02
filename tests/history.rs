//! The history in words, and the journal's way out of one folder and into another, with every kind of event in it.

use std::collections::{BTreeMap, BTreeSet};

use shoken::domain::{
    AdjudicationTake, CaseId, Certainty, Origin, ProjectKind, ReaderId, Role, Shape, UserText, Verdict,
};
use shoken::journal::{Body, Event, FindingEvent, FormatError, Signed};
use shoken::project::{
    ACT_LABELS, CampaignCommand, Cancel, CaseBy, Cause, Clock, Command, EVENT_KINDS, FindingCommand, FindingDraft,
    FindingOrigin, NewProject, Progress, Project, ReadCommand, ReadScope, ReleaseRequest, roi_on,
};

use crate::support::desk::Desk;

fn who(id: &str) -> ReaderId {
    ReaderId::new(id).unwrap()
}

fn drawn(project: &Project, case: &CaseId, x: f64) -> FindingDraft {
    let scope = ReadScope::Reader(project.actor().unwrap().clone());
    let image = project.view(case, &scope).unwrap().images[0].id.clone();
    let pack = project.packs().iter().find(|p| p.field == shoken::domain::Field::Endoscopy).unwrap();
    let ring = vec![[x, 5.0], [x + 9.0, 5.0], [x + 9.0, 20.0], [x, 20.0]];
    FindingDraft {
        rois: vec![(image, roi_on(None, 0, Shape::from_ring(ring)))],
        terms: vec![pack.term_ref(&pack.terms[0].id).unwrap()],
        certainty: None,
        attributes: BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
        comment: None,
    }
}

fn add(project: &mut Project, case: &CaseId, x: f64) -> shoken::domain::FindingId {
    let before = ids(project, case);
    let findings = vec![drawn(project, case, x)];
    project.execute(Command::Finding(FindingCommand::Add { case: case.clone(), findings }), &Cause::Gesture).unwrap();
    ids(project, case).difference(&before).next().unwrap().clone()
}

fn ids(project: &Project, case: &CaseId) -> BTreeSet<shoken::domain::FindingId> {
    let scope = ReadScope::Reader(project.actor().unwrap().clone());
    let view = project.view(case, &scope).unwrap();
    view.reads.iter().flat_map(|r| &r.findings).map(|f| f.id.clone()).collect()
}

/// A campaign in which everything that can happen has happened, in `p.shoken`; `seed.shoken` is a copy of its beginning.
fn everything(desk: &Desk) -> CaseId {
    let (folder, home) = (desk.path("p.shoken"), desk.path("home"));
    let new = NewProject {
        folder: &folder,
        home: &home,
        kind: ProjectKind::Study,
        name: "t",
        creator: "C",
        packs: Vec::new(),
        clock: Clock::system(),
    };
    drop(Project::create(new).unwrap());
    copy(&folder, &desk.path("seed.shoken"));
    let mut p = Project::open(&folder, &home, true).unwrap();
    for (id, role) in [("R1", Role::Reader), ("R2", Role::Reader), ("J", Role::Adjudicator), ("X", Role::Reader)] {
        p.add_reader(&who(id), &[role], None, &["board certified".to_owned()], None).unwrap();
    }
    let key = p.readers().iter().find(|r| r.id == who("X")).unwrap().keys[0];
    p.execute(Command::Campaign(CampaignCommand::RevokeKey { reader: who("X"), key }), &Cause::Cli).unwrap();
    let mut cases = Vec::new();
    for (n, name) in ["a.png", "b.png"].iter().enumerate() {
        desk.photo(name, n as u8);
        let done =
            p.import(&[desk.path(name)], CaseBy::Auto, &Cause::Job, &Progress::default(), &Cancel::default()).unwrap();
        cases.push(done.images[0].0.clone());
    }
    for job in p.pending_hashes().unwrap() {
        let outcome = job.run(|_| true);
        p.record_hashes(&[outcome]).unwrap();
    }
    p.raise_kind(ProjectKind::Campaign).unwrap();
    p.assign(1).unwrap();
    for (id, x) in [("R1", 1.0), ("R2", 20.0)] {
        p.act_as(&who(id)).unwrap();
        for case in &cases {
            let first = add(&mut p, case, x);
            let gesture = |p: &mut Project, c: FindingCommand| p.execute(Command::Finding(c), &Cause::Gesture).unwrap();
            gesture(
                &mut p,
                FindingCommand::Grade {
                    case: case.clone(),
                    finding: first.clone(),
                    certainty: Some(Certainty::Probable),
                },
            );
            let text = UserText::new("please look again");
            gesture(&mut p, FindingCommand::Comment { case: case.clone(), finding: first.clone(), text });
            let rois = drawn(&p, case, x + 2.0).rois;
            gesture(&mut p, FindingCommand::Reshape { case: case.clone(), finding: first.clone(), rois });
            let pack = p.packs().iter().find(|k| k.field == shoken::domain::Field::Endoscopy).unwrap();
            let terms = vec![pack.term_ref(&pack.terms[1].id).unwrap()];
            gesture(&mut p, FindingCommand::Relabel { case: case.clone(), findings: vec![first.clone()], terms });
            gesture(&mut p, FindingCommand::Delete { case: case.clone(), findings: vec![first] });
            p.undo(case).unwrap();
            p.redo(case).unwrap();
            p.undo(case).unwrap();
            p.submit(case, Verdict::Findings, &Cause::Gesture).unwrap();
            let reason = UserText::new("a second look");
            p.execute(Command::Read(ReadCommand::Amend { case: case.clone(), reason }), &Cause::Cli).unwrap();
            p.submit(case, Verdict::Findings, &Cause::Gesture).unwrap();
        }
    }
    p.act_as(&who("J")).unwrap();
    for case in &cases {
        p.open_adjudication(case, &Cause::Gesture).unwrap();
        while let Some(next) = p.discrepancies(case).unwrap().into_iter().find(|d| d.decided.is_none()) {
            let take = if next.a.is_some() { AdjudicationTake::A } else { AdjudicationTake::B };
            p.resolve(&next, take, Vec::new(), "clearer outline", &Cause::Gesture).unwrap();
        }
    }
    p.act_as(&who("C")).unwrap();
    let request = ReleaseRequest { version: "1.0.0", folder: &desk.path("release"), formats: BTreeSet::new() };
    p.release(&request).unwrap();
    p.erase_case(&cases[1]).unwrap();
    drop(p);
    let case = cases.swap_remove(0);
    by_hand(desk, &case, false);
    case
}

/// Signs what no command of this version makes: changed attributes, or events of a version to come.
fn by_hand(desk: &Desk, case: &CaseId, of_a_newer_version: bool) {
    let exported = desk.ok(&["journal", "export", "p.shoken"]);
    let all: Vec<Signed> = exported.lines().map(|l| Signed::from_line(l).unwrap()).collect();
    let opening = all
        .iter()
        .find(|s| {
            s.body().open.as_ref().is_some_and(|o| o.subject.case.as_ref() == Some(case) && o.reader == who("R1"))
        })
        .unwrap();
    let key = opening.body().open.as_ref().unwrap().key;
    let secret = shoken::keys::Keyring::at(&desk.path("home")).load(&key, None).unwrap();
    let mut head = all.iter().filter(|s| s.stream() == *opening.hash()).max_by_key(|s| s.body().seq).unwrap().clone();
    let finding = all
        .iter()
        .filter(|s| s.stream() == *opening.hash())
        .find_map(|s| s.body().events.iter().find_map(|e| e["data"]["finding"].as_str().map(str::to_owned)))
        .unwrap();
    let attributed = Event::Finding(FindingEvent::Attributed {
        finding: finding.parse().unwrap(),
        from: BTreeMap::new(),
        to: BTreeMap::from([("margin".to_owned(), "sharp".to_owned())]),
    });
    let amended = all.iter().find(|s| s.stream() == *opening.hash() && s.body().label == "read.amend").unwrap();
    let lamport = all.iter().map(|s| s.body().lamport).max().unwrap();
    let mut lines = String::new();
    let unknown = serde_json::json!({"kind": "finding.glowed", "v": 1, "data": {}});
    let acts = if of_a_newer_version {
        vec![
            ("finding.grade", vec![unknown]),
            ("finding.shine", vec![serde_json::json!({"kind": "finding.created", "v": 9, "data": null})]),
        ]
    } else {
        vec![("read.amend", amended.body().events.clone()), ("finding.grade", vec![attributed.write()])]
    };
    for (n, (label, events)) in acts.into_iter().enumerate() {
        let body = Body {
            seq: head.body().seq + 1,
            prev: Some(*head.hash()),
            stream: Some(*opening.hash()),
            open: None,
            lamport: lamport + 1 + n as u64,
            label: label.to_owned(),
            events,
            ..head.body().clone()
        };
        head = Signed::seal(body, |m| Ok::<_, FormatError>(secret.sign(m))).unwrap();
        lines += &format!("{}\n", head.to_line());
    }
    std::fs::write(desk.path("foreign.jsonl"), lines).unwrap();
    desk.ok(&["journal", "apply", "p.shoken", "foreign.jsonl"]);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { drop(std::fs::copy(entry.path(), target)) }
    }
}

/// Kinds of events in an exported journal.
fn kinds(exported: &str) -> BTreeSet<String> {
    let signed = exported.lines().filter(|l| l.contains("\"sig\"")).map(|l| Signed::from_line(l).unwrap());
    signed.flat_map(|s| s.body().events.clone()).map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn history_has_words_for_every_act_and_event_in_both_languages() {
    // What the source can write is what the lists hold: a new act without a word cannot come in unseen.
    let (mut acts, mut events) = (BTreeSet::new(), BTreeSet::new());
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal")).unwrap().flatten() {
        let source = std::fs::read_to_string(entry.path()).unwrap();
        // The lists themselves prove nothing.
        let source = match source.split_once("pub const ACT_LABELS") {
            Some((before, rest)) => format!("{before}{}", rest.split_once("/// What a reader did").unwrap().1),
            None => source,
        };
        for line in source.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for word in line.split('"').skip(1).step_by(2) {
                let coded = word.split_once('.').is_some_and(|(a, b)| {
                    let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                    plain(a) && plain(b)
                });
                match (coded, line.contains("rename = ")) {
                    (true, true) => events.insert(word.to_owned()),
                    (true, false) => acts.insert(word.to_owned()),
                    _ => continue,
                };
            }
        }
    }
    acts.extend(["undo".to_owned(), "redo".to_owned()]);
    let set = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
    // `finding.commented` is also compared with in the audit of values, and counted once.
    assert_eq!(acts, set(ACT_LABELS));
    assert_eq!(events, set(EVENT_KINDS));
    for (language, sample) in [("ja", "所見を追加"), ("en", "Finding added")] {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/locales/");
        let text = std::fs::read_to_string(format!("{root}{language}/history.ftl")).unwrap();
        let has =
            |key: &str| text.lines().any(|l| l.split_once(" =").is_some_and(|(k, v)| k == key && !v.trim().is_empty()));
        for act in &acts {
            let key = format!("history-{}", act.replace('.', "-"));
            assert!(has(&key), "{language} has no words for {act}");
        }
        for event in &events {
            let key = format!("history-event-{}", event.replace(['.', '_'], "-"));
            assert!(has(&key), "{language} has no words for {event}");
        }
        assert!(text.contains(sample));
        let fluent = fluent_bundle::FluentResource::try_new(text);
        assert!(fluent.is_ok(), "{language}: {:?}", fluent.err().map(|(_, e)| e));
        let cli = std::fs::read_to_string(format!("{root}{language}/cli.ftl")).unwrap();
        assert!(fluent_bundle::FluentResource::try_new(cli).is_ok(), "{language}/cli.ftl");
    }
    let keys = |language: &str, file: &str| -> BTreeSet<String> {
        let path = format!("{}/assets/locales/{language}/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .filter_map(|l| l.split_once(" = "))
            .map(|(k, _)| k.to_owned())
            .filter(|k| !k.starts_with(' '))
            .collect()
    };
    for file in ["cli.ftl", "history.ftl"] {
        assert_eq!(keys("ja", file), keys("en", file), "{file}");
    }
}

#[test]
fn history_tells_everything_in_words_and_the_journal_goes_round() {
    let desk = Desk::new();
    let case = everything(&desk);
    let exported = desk.ok(&["journal", "export", "p.shoken", "--values"]);
    let known: BTreeSet<String> = EVENT_KINDS.iter().map(|k| (*k).to_owned()).collect();
    // Choosing between rival reads needs a copied project; tests/conflicts.rs does it.
    let elsewhere_shown = ["assignment.read_chosen".to_owned()].into();
    assert_eq!(kinds(&exported), &known - &elsewhere_shown, "every kind of event happened");
    let all_labels: BTreeSet<String> = desk
        .json(&["history", "p.shoken"])
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["act"].as_str().unwrap().to_owned())
        .collect();
    let missing: Vec<_> =
        ACT_LABELS.iter().filter(|l| !all_labels.contains(**l) && **l != "assignment.choose").collect();
    assert!(missing.is_empty(), "acts that never happened: {missing:?}");

    // Round trip: out of this folder, into a copy of its beginning, and the same lines come out again.
    std::fs::write(desk.path("all.jsonl"), &exported).unwrap();
    // The copy is on another computer, with the same keys: a witness of one folder says nothing of the other.
    copy(&desk.path("home/keys"), &desk.path("elsewhere/keys"));
    let elsewhere = |arguments: &[&str]| {
        let out = desk.command(arguments).env("SHOKEN_HOME", desk.path("elsewhere")).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let json = |arguments: &[&str]| -> serde_json::Value { serde_json::from_str(&elsewhere(arguments)).unwrap() };
    let report = json(&["journal", "apply", "seed.shoken", "all.jsonl", "--json"]);
    assert_eq!(report["refused"].as_array().unwrap().len(), 0, "{report}");
    let lines = |text: &str| -> BTreeSet<String> {
        let keep = |l: &&str| !l.contains("access.note");
        text.lines().filter(keep).map(str::to_owned).collect()
    };
    let back = elsewhere(&["journal", "export", "seed.shoken", "--values"]);
    assert_eq!(lines(&back), lines(&exported));
    assert!(elsewhere(&["rebuild", "seed.shoken"]).contains("0 differed"));
    let again = json(&["journal", "apply", "seed.shoken", "all.jsonl", "--json"]);
    assert_eq!((again["new_transactions"].as_u64(), again["new_values"].as_u64()), (Some(0), Some(0)));
    let cases = |text: &str| text.lines().count();
    assert_eq!(cases(&desk.ok(&["worklist", "p.shoken"])), cases(&elsewhere(&["worklist", "seed.shoken"])));
    by_hand(&desk, &case, true);
    let english = desk.ok(&["history", "p.shoken", "--detail", "--lang", "en"]);
    for words in [
        "Undone  C-0001  (of: Finding deleted, 20",
        "Redone  C-0001  (of: Finding deleted, 20",
        "Finding deleted  C-0001  (taken back later)",
        "Amendment started  C-0001",
        "Subject erased",
        "only this signed record stays",
        "1 finding brought back",
        "reason: clearer outline",
        "1 of a newer version (finding.glowed), kept as it is",
        "Other action (finding.shine)",
        "Release made",
        "background job",
    ] {
        assert!(english.contains(words), "no '{words}' in:\n{english}");
    }
    let japanese = desk.ok(&["history", "p.shoken", "--detail", "--lang", "ja"]);
    for words in [
        "元に戻す  C-0001  (対象：所見を削除（20",
        "対象者の情報を消去",
        "理由：clearer outline",
        "公開版",
        "新しい版の記録 finding.glowed",
    ] {
        assert!(japanese.contains(words), "no '{words}' in:\n{japanese}");
    }
    for text in [&english, &japanese] {
        assert!(!text.contains("history-"), "a key without words shows:\n{text}");
    }
    // A reader reads the reason of the own amendment; the office does not, and an erased one is gone for all.
    assert!(!english.contains("a second look"));
    let own = desk.ok(&["history", "p.shoken", "--reader", "R1", "--lang", "en"]);
    assert_eq!(own.matches("reason: a second look").count(), 2, "{own}");
    assert!(!own.contains("R2"));

    let verified = desk.json(&["verify", "p.shoken"]);
    assert_eq!(verified["problems"].as_array().unwrap().len(), 0, "{verified}");
    assert!(verified["notes"].to_string().contains("finding.glowed"));
}
