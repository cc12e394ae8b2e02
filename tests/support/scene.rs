//! A project to be tampered with, and the hands that do it.

use std::collections::BTreeSet;

use shoken::domain::{CaseId, Digest, Verdict};
use shoken::journal::{Body, FormatError, Signed};
use shoken::keys::{Keyring, SigningKey};
use shoken::project::{Cause, Project, VerifyReport};

use super::desk::{Desk, add, copy_folder, import, reader, signed_lines};

/// A study in which R1 and R2 have read a case and sealed it, with a witness left outside.
pub struct Scene {
    pub desk: Desk,
    pub case: CaseId,
}

pub fn scene() -> Scene {
    let desk = Desk::new();
    let mut project = desk.study("p.shoken");
    let case = import(&mut project, &desk.photo("a.png", 1));
    for (who, x) in [("R1", 1.0), ("R2", 20.0)] {
        project.act_as(&reader(who)).unwrap();
        add(&mut project, &case, x, Some("seen"));
        add(&mut project, &case, x + 5.0, None);
        project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    }
    drop(project);
    Scene { desk, case }
}

impl Scene {
    /// A copy of the project to be tampered with; its witnesses are those of the original unless `blind`.
    pub fn tampered(&self, name: &str, blind: bool, with: impl FnOnce(&rusqlite::Connection)) -> VerifyReport {
        let folder = self.desk.path(&format!("{name}/p.shoken"));
        copy_folder(&self.desk.path("p.shoken"), &folder);
        copy_folder(&self.desk.path("home"), &self.desk.path(&format!("{name}/home")));
        if blind {
            std::fs::remove_dir_all(self.desk.path(&format!("{name}/home/witnesses"))).unwrap();
        }
        let db = rusqlite::Connection::open(folder.join("project.sqlite")).unwrap();
        db.execute_batch("DROP TRIGGER transactions_no_update; DROP TRIGGER transactions_no_delete;").unwrap();
        with(&db);
        drop(db);
        self.verify(name)
    }

    pub fn verify(&self, name: &str) -> VerifyReport {
        let folder = self.desk.path(&format!("{name}/p.shoken"));
        Project::open(&folder, &self.desk.path(&format!("{name}/home")), true).unwrap().verify().unwrap()
    }

    pub fn key(&self, who: &str) -> SigningKey {
        let project = self.desk.open("p.shoken");
        let readers = project.readers();
        let key = readers.iter().find(|r| r.id == reader(who)).unwrap().keys[0];
        Keyring::at(&self.desk.home()).load(&key, None).unwrap()
    }

    /// The read stream of a reader, in order.
    pub fn read_of(&self, who: &str) -> Vec<Signed> {
        let lines = signed_lines(&self.desk.open("p.shoken"));
        let mut all: Vec<Signed> = lines.iter().map(|l| Signed::from_line(l).unwrap()).collect();
        all.retain(|s| {
            s.body().actor == reader(who) && s.text().contains("\"case\":") || s.body().actor == reader(who)
        });
        let opening = all.iter().find(|s| s.body().open.as_ref().is_some_and(|o| o.subject.reader.is_some())).unwrap();
        let stream = opening.stream();
        let mut chain: Vec<Signed> = all.into_iter().filter(|s| s.stream() == stream).collect();
        chain.sort_by_key(|s| s.body().seq);
        chain
    }
}

pub fn words(report: &VerifyReport) -> BTreeSet<&'static str> {
    report.problems.iter().map(|p| p.kind.word()).collect()
}

#[track_caller]
pub fn named(report: &VerifyReport, word: &str) {
    assert!(words(report).contains(word), "not named {word}: {:#?}", report.problems);
}

pub fn resign(body: Body, key: &SigningKey) -> Signed {
    Signed::seal(body, |m| Ok::<_, FormatError>(key.sign(m))).unwrap()
}

pub fn put(db: &rusqlite::Connection, signed: &Signed) {
    db.execute(
        "INSERT INTO transactions (hash, stream, seq, body, signature) VALUES (?1, ?2, ?3, ?4, ?5)",
        rusqlite::params![
            signed.hash().as_bytes().as_slice(),
            signed.stream().as_bytes().as_slice(),
            i64::try_from(signed.body().seq).unwrap(),
            signed.text(),
            signed.signature().as_slice()
        ],
    )
    .unwrap();
}

pub fn drop_row(db: &rusqlite::Connection, hash: &Digest) {
    assert_eq!(db.execute("DELETE FROM transactions WHERE hash = ?1", [hash.as_bytes().as_slice()]).unwrap(), 1);
}

/// The text in a row replaced as it stands; with `refile` the hash beside it is made to fit.
pub fn rewrite(db: &rusqlite::Connection, old: &Signed, text: &str, refile: bool) {
    let hash = if refile { Digest::of(b"shoken-tx-v1\0", text.as_bytes()) } else { *old.hash() };
    let sql = "UPDATE transactions SET body = ?1, hash = ?2 WHERE hash = ?3";
    let changed =
        db.execute(sql, rusqlite::params![text, hash.as_bytes().as_slice(), old.hash().as_bytes().as_slice()]);
    assert_eq!(changed.unwrap(), 1);
}

/// A second case, brought in by the coordinator.
pub fn import_as_owner(desk: &Desk, project: &mut Project) -> CaseId {
    project.act_as(&reader("owner")).unwrap();
    import(project, &desk.photo("second.png", 9))
}
