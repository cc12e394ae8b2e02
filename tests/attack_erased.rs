//! A subject erased before, during and after other work: a search of every byte of the project, of `SHOKEN_HOME` and of the
//! temporary folder finds nothing of the person, while every chain verifies and every prefix of the log still opens.

use std::collections::BTreeSet;
use std::path::Path;

use shoken::domain::{AdjudicationTake, CaseId, ProjectKind, UserText, Verdict};
use shoken::journal::{Signed, State};
use shoken::project::{Cause, Command, Project, ProjectError, ReadCommand, ReadScope};

use crate::support::desk::{
    Desk, Lots, Pen, add, all_bytes, copy_folder, count, exported, findings, holds, import, reader, seed, signed_lines,
    sound,
};

/// Everything by which a person could be told, as bytes.
#[derive(Default)]
struct Traces {
    needles: Vec<(String, Vec<u8>)>,
}

const UID: &str = "1.2.392.200036.9116.2.6.1.48.1214";

impl Traces {
    fn text(&mut self, text: &str) {
        self.needles.push((text.to_owned(), text.as_bytes().to_vec()));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.needles.push((format!("{text} in two bytes a letter"), wide));
    }

    /// The subject's key and sealed values as the database holds them, and the coordinates of an outline.
    fn of_database(&mut self, folder: &Path, case: &CaseId, x: f64) {
        let db = rusqlite::Connection::open(folder.join("project.sqlite")).unwrap();
        let of_case = "(SELECT subject FROM identity_cases WHERE case_id = ?1)";
        let mut blobs = |what: &str, sql: &str| {
            let mut query = db.prepare(sql).unwrap();
            let rows = query.query_map([case.as_str()], |r| r.get::<_, Vec<u8>>(0)).unwrap();
            rows.for_each(|b| self.needles.push((what.to_owned(), b.unwrap())));
        };
        blobs("the key", &format!("SELECT key FROM subject_keys WHERE subject = {of_case}"));
        blobs("a sealed value", &format!("SELECT substr(sealed, 1, 24) FROM sealed_values WHERE subject = {of_case}"));
        self.needles.push(("a coordinate".to_owned(), (x + 12.345).to_le_bytes().to_vec()));
        for (table, column) in [("identity_cases", "label"), ("identity_subjects", "pseudonym")] {
            let sql = format!("SELECT {column} FROM {table} WHERE subject = {of_case}");
            let name: String = db.query_row(&sql, [case.as_str()], |r| r.get(0)).unwrap();
            self.needles.push((name.clone(), name.into_bytes()));
        }
    }

    fn found_in(&self, folder: &Path) -> Vec<&str> {
        let bytes = all_bytes(folder);
        self.needles.iter().filter(|(_, n)| holds(&bytes, n)).map(|(what, _)| what.as_str()).collect()
    }

    #[track_caller]
    fn gone_from(&self, desk: &Desk, names: &[&str]) {
        for name in names {
            assert!(self.found_in(&desk.path(name)).is_empty(), "{name} holds {:?}", self.found_in(&desk.path(name)));
        }
    }
}

/// The identity of a case with what a DICOM header would have brought.
fn plant_uids(project: &mut Project, case: &CaseId) {
    let mut rows = Vec::new();
    project.export_identity(&mut rows).unwrap();
    let image = project.view(case, &shoken::project::ReadScope::Reader(project.actor().unwrap().clone()));
    let image = image.map(|v| v.images[0].id.to_string()).unwrap_or_default();
    let rows: String = String::from_utf8(rows)
        .unwrap()
        .lines()
        .filter(|l| l.contains(&image) && l.contains("study_uid"))
        .map(|l| l.replace("\"study_uid\":\"\"", &format!("\"study_uid\":\"{UID}.1\"")) + "\n")
        .collect();
    assert!(rows.contains(UID), "{rows}");
    project.import_identity(&mut rows.as_bytes()).unwrap();
}

fn erased(error: &ProjectError) -> bool {
    matches!(error, ProjectError::Rejected(shoken::project::Rejection::Erased))
}

/// Every prefix of the log folds, and a folder that holds only that prefix opens and shows.
fn every_prefix_opens(desk: &Desk, every: usize) {
    let mut lines: Vec<Signed> =
        signed_lines(&desk.open("p.shoken")).iter().map(|l| Signed::from_line(l).unwrap()).collect();
    lines.sort_by_key(|s| s.body().lamport);
    for n in (1..=lines.len()).step_by(every) {
        let state = State::from_transactions(lines[..n].iter().cloned());
        copy_folder(&desk.path("p.shoken"), &desk.path("prefix/p.shoken"));
        copy_folder(&desk.path("home/keys"), &desk.path("prefix/home/keys"));
        let db = rusqlite::Connection::open(desk.path("prefix/p.shoken/project.sqlite")).unwrap();
        db.execute_batch("DROP TRIGGER transactions_no_delete;").unwrap();
        for late in &lines[n..] {
            db.execute("DELETE FROM transactions WHERE hash = ?1", [late.hash().as_bytes().as_slice()]).unwrap();
        }
        drop(db);
        let project = Project::open(&desk.path("prefix/p.shoken"), &desk.path("prefix/home"), true).unwrap();
        assert_eq!(project.case_ids().len(), state.cases().count());
        for reader in project.readers() {
            project.worklist(&reader.id).unwrap();
        }
        drop(project);
        std::fs::remove_dir_all(desk.path("prefix")).unwrap();
    }
}

#[test]
fn attack_erased_before_during_and_after_other_work() {
    let desk = Desk::new();
    let mut project = desk.study("p.shoken");
    let mut traces = Traces::default();
    let names = ["Suzuki-Hanako-1961", "Tanaka-Ichiro-1948", "Sato-Yuki-2003"];
    let cases: Vec<CaseId> = (1_u8..)
        .zip(names)
        .map(|(n, name)| import(&mut project, &desk.photo(&format!("in/{name}/{name}.png"), n)))
        .collect();
    let other = import(&mut project, &desk.photo("in/other.png", 99));
    // Before any work.
    traces.text(names[0]);
    traces.of_database(&desk.path("p.shoken"), &cases[0], 1.0e6);
    project.erase_case(&cases[0]).unwrap();
    traces.gone_from(&desk, &["p.shoken", "home"]);
    // In the middle of a read, with a stroke in the hand, a comment and an undo, in another window.
    let mut window = desk.open("p.shoken");
    window.act_as(&reader("R1")).unwrap();
    let pen = Pen::over(&window, &cases[1]);
    window.execute(pen.add(7.125, Some("Tanaka has a sister")), &Cause::Gesture).unwrap();
    window.execute(pen.add(8.0, None), &Cause::Gesture).unwrap();
    window.undo(&cases[1]).unwrap();
    plant_uids(&mut window, &cases[1]);
    window.save_draft(&cases[1], b"a stroke over Tanaka".to_vec()).unwrap();
    for text in [names[1], "Tanaka has a sister", "a stroke over Tanaka", UID] {
        traces.text(text);
    }
    traces.of_database(&desk.path("p.shoken"), &cases[1], 7.125);
    assert!(!traces.found_in(&desk.path("p.shoken")).is_empty(), "what is not there before cannot be missed after");
    project.erase_case(&cases[1]).unwrap();
    traces.gone_from(&desk, &["p.shoken", "home"]);
    // The window has not looked since: nothing it does brings the person back.
    window.save_draft(&cases[1], b"a stroke over Tanaka".to_vec()).unwrap();
    let refused = window.execute(pen.add(7.125, Some("Tanaka has a sister")), &Cause::Gesture).unwrap_err();
    assert!(erased(&refused), "{refused}");
    assert!(erased(&window.redo(&cases[1]).unwrap_err()));
    assert!(erased(&window.submit(&cases[1], Verdict::Findings, &Cause::Cli).unwrap_err()));
    traces.gone_from(&desk, &["p.shoken", "home"]);
    drop(window);
    // After two reads and an adjudication, beside another subject's.
    for (who, x) in [("R1", 1.5), ("R2", 21.0)] {
        project.act_as(&reader(who)).unwrap();
        for case in [&cases[2], &other] {
            add(&mut project, case, x, Some("Sato walks with a stick"));
            project.submit(case, Verdict::Findings, &Cause::Cli).unwrap();
        }
    }
    project.act_as(&reader("J")).unwrap();
    for d in project.discrepancies(&cases[2]).unwrap() {
        project.resolve(&d, AdjudicationTake::Neither, Vec::new(), "Sato would not like it", &Cause::Cli).unwrap();
    }
    traces.text(names[2]);
    traces.text("Sato would not like it");
    traces.of_database(&desk.path("p.shoken"), &cases[2], 1.0e6);
    project.act_as(&reader("owner")).unwrap();
    project.erase_case(&cases[2]).unwrap();
    traces.gone_from(&desk, &["p.shoken", "home"]);
    project.act_as(&reader("R1")).unwrap();
    let amend = ReadCommand::Amend { case: cases[2].clone(), reason: UserText::new("Sato called") };
    assert!(erased(&project.execute(Command::Read(amend), &Cause::Gesture).unwrap_err()));
    assert_eq!(findings(&project, &other), 1, "the other subject's work stays");
    assert!(sound(&project).values_absent > 0);
    drop(project);
    sound(&desk.open("p.shoken"));
    traces.gone_from(&desk, &["p.shoken", "home"]);
    every_prefix_opens(&desk, if std::env::var_os("SHOKEN_PROOF").is_some() { 1 } else { 9 });
}

/// Many subjects in pages that split and fill, a part of them erased: deleted cells leave nothing in free pages or gaps.
#[test]
fn attack_erased_nothing_stays_in_free_pages() {
    let subjects = count("subjects, a third of them erased", 24, 400);
    let desk = Desk::new();
    let mut lots = Lots(seed() ^ 7);
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let mut cases = Vec::new();
    for n in 0..subjects {
        let path = desk.path(&format!("in/Patient-{n:05}-{:016x}.png", lots.next()));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let size = 8 + (n / 250) as u32;
        image::RgbImage::from_pixel(size, 8, image::Rgb([(n % 250) as u8, (n / 250) as u8, 7])).save(&path).unwrap();
        cases.push((import(&mut project, &path), path.file_stem().unwrap().to_string_lossy().into_owned()));
        let (case, name) = &cases[lots.below(cases.len())];
        // A comment of any length, so that values lie on pages of their own too.
        let text = format!("about {name} {}", "x".repeat(lots.below(6_000)));
        let pen = Pen::over(&project, case);
        project.execute(pen.add(3.0, Some(&text)), &Cause::Gesture).unwrap();
    }
    let mut traces = Traces::default();
    let mut gone = BTreeSet::new();
    while gone.len() < subjects / 3 {
        gone.insert(lots.below(subjects));
    }
    for n in &gone {
        let (case, name) = &cases[*n];
        traces.needles.push((name.clone(), name.as_bytes().to_vec()));
        let db = rusqlite::Connection::open(desk.path("p.shoken/project.sqlite")).unwrap();
        let sql =
            "SELECT key FROM subject_keys WHERE subject = (SELECT subject FROM identity_cases WHERE case_id = ?1)";
        if let Ok(key) = db.query_row(sql, [case.as_str()], |r| r.get::<_, Vec<u8>>(0)) {
            traces.needles.push((format!("the key of {name}"), key));
        }
    }
    assert_eq!(traces.found_in(&desk.path("p.shoken")).len(), traces.needles.len(), "all of it is there before");
    for n in &gone {
        project.erase_case(&cases[*n].0).unwrap();
    }
    traces.gone_from(&desk, &["p.shoken", "home"]);
    sound(&project);
    drop(project);
    traces.gone_from(&desk, &["p.shoken", "home"]);
}

/// What a copy still holds does not come back by merging; the tombstone goes over to the copy and erases there.
#[test]
fn attack_erased_merging_brings_nothing_back() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let name = "Kobayashi-Ren-1970";
    let case = import(&mut project, &desk.photo(&format!("in/{name}.png"), 1));
    add(&mut project, &case, 7.125, Some("Kobayashi fears needles"));
    drop(project);
    copy_folder(&desk.path("p.shoken"), &desk.path("second/p.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("second/home/keys"));
    let mut copy = Project::open(&desk.path("second/p.shoken"), &desk.path("second/home"), true).unwrap();
    add(&mut copy, &case, 9.0, Some("Kobayashi came alone"));
    copy.save_draft(&case, b"a stroke over Kobayashi".to_vec()).unwrap();
    let mut traces = Traces::default();
    for text in [name, "Kobayashi fears needles", "Kobayashi came alone", "a stroke over Kobayashi"] {
        traces.text(text);
    }
    traces.of_database(&desk.path("second/p.shoken"), &case, 7.125);
    let mut project = desk.open("p.shoken");
    project.erase_case(&case).unwrap();
    let mut rows = Vec::new();
    copy.export_identity(&mut rows).unwrap();
    project.import_identity(&mut rows.as_slice()).unwrap();
    let report = project.apply_journal(&mut exported(&copy, true).as_bytes()).unwrap();
    assert!(report.refused.is_empty() && report.new_transactions > 0, "{:?}", report.refused);
    assert_eq!(report.new_values, 0);
    sound(&project);
    traces.gone_from(&desk, &["p.shoken", "home"]);
    copy.apply_journal(&mut exported(&project, false).as_bytes()).unwrap();
    sound(&copy);
    traces.gone_from(&desk, &["second/p.shoken", "second/home"]);
    // The same photograph brought in again is a new subject: nothing joins it to the erased one.
    let again = import(&mut project, &desk.path(&format!("in/{name}.png")));
    assert_ne!(again, case);
    sound(&project);
}

/// An erasure that was killed after its commit is finished at the next opening.
#[test]
fn attack_erased_an_erasure_cut_short_is_finished() {
    let desk = Desk::new();
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let case = import(&mut project, &desk.photo("in/a.png", 1));
    project.save_draft(&case, b"a stroke over somebody".to_vec()).unwrap();
    project.erase_case(&case).unwrap();
    drop(project);
    // As it was between the commit and the removal of the stroke.
    let db = rusqlite::Connection::open(desk.path("p.shoken/drafts.sqlite")).unwrap();
    db.execute("DELETE FROM erased", []).unwrap();
    let put = "INSERT INTO drafts VALUES ('owner', ?1, ?2)";
    db.execute(put, rusqlite::params![case.as_str(), b"a stroke over somebody".as_slice()]).unwrap();
    drop(db);
    assert!(holds(&all_bytes(&desk.path("p.shoken")), b"a stroke over somebody"));
    drop(desk.open("p.shoken"));
    assert!(!holds(&all_bytes(&desk.path("p.shoken")), b"a stroke over somebody"));
}

/// The command line, with a temporary folder of its own that is searched too.
#[test]
fn attack_erased_by_the_command_line_leaves_nothing_in_temp() {
    let desk = Desk::new();
    desk.outline("f.geojson", 1);
    std::fs::create_dir_all(desk.path("tmp")).unwrap();
    let run = |arguments: &[&str]| {
        let out = desk.command(arguments).env("TMPDIR", desk.path("tmp")).env("SHOKEN_LOG", "trace").output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    desk.photo("in/Watanabe-Mei-1999.png", 3);
    run(&["new", "p.shoken", "--name", "t"]);
    run(&["import", "p.shoken", "in"]);
    run(&["annotate", "p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    run(&["submit", "p.shoken", "--case", "C-0001"]);
    run(&["amend", "p.shoken", "--case", "C-0001", "--reason", "Watanabe wrote"]);
    run(&["identity", "erase", "p.shoken", "--case", "C-0001"]);
    assert!(run(&["verify", "p.shoken"]).contains("sound"));
    let mut traces = Traces::default();
    for text in ["Watanabe-Mei", "Watanabe wrote", "P-0001", "C-0001"] {
        traces.text(text);
    }
    traces.gone_from(&desk, &["p.shoken", "home", "tmp"]);
}

/// What a window has open already is no longer shown either, once somebody else has erased it.
#[test]
fn attack_erased_outlines_in_memory_are_shown_no_more() {
    let desk = Desk::new();
    let mut office = desk.create("p.shoken", ProjectKind::Personal);
    let cases: Vec<CaseId> = (1..3).map(|n| import(&mut office, &desk.photo(&format!("{n}.png"), n))).collect();
    for case in &cases {
        add(&mut office, case, 1.0, None);
    }
    let mut window = desk.open("p.shoken");
    let shown = |project: &Project, case: &CaseId| {
        let view = project.view(case, &ReadScope::Reader(project.actor().unwrap().clone())).unwrap();
        view.reads.iter().flat_map(|r| &r.findings).flat_map(|f| &f.rois).filter(|r| r.roi.is_some()).count()
    };
    assert_eq!((shown(&window, &cases[0]), shown(&window, &cases[1])), (1, 1));
    office.erase_case(&cases[0]).unwrap();
    window.catch_up().unwrap();
    assert_eq!((shown(&window, &cases[0]), shown(&window, &cases[1])), (0, 1));
    assert_eq!((shown(&office, &cases[0]), shown(&office, &cases[1])), (0, 1));
}
