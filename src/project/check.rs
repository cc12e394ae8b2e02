//! `verify`, `rebuild` and witnesses: the log against itself, its values, its projections, and what was seen outside.

mod beside;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Cancel, Progress, Project, ProjectError};
use crate::domain::{Digest, StreamId};
use crate::journal::Stream;
use crate::keys::{Audit, Found, Problem, ProblemKind, audit, audit_filed, fold_filed, verify_bytes};
use crate::store::{KeptWitness, Mark, Marks, RawRow, RebuildReport, Restoration, StoreError, Witness, WitnessHead};

/// What `verify` found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
    pub transactions: u64,
    pub streams: u64,
    pub values: u64,
    /// Values that events name and that are not here: erased, or not brought along.
    pub values_absent: u64,
    pub witnesses: usize,
    /// Names, labels and paths, which no signature covers.
    pub identity_rows: u64,
}

impl Project {
    /// Checks everything that can be checked here.
    ///
    /// # Errors
    /// Store errors; problems are in the report.
    pub fn verify(&self) -> Result<VerifyReport, ProjectError> {
        self.verify_watched(&Progress::default(), &Cancel::default())
    }

    /// The same; `progress` counts rows of the log, of sealed values and of projections.
    ///
    /// # Errors
    /// Store errors, and that it was asked to stop; problems are in the report.
    pub fn verify_watched(&self, progress: &Progress, cancel: &Cancel) -> Result<VerifyReport, ProjectError> {
        self.verify_against(self.witnesses_so_far(), progress, cancel)
    }

    /// What was witnessed at this machine up to now.
    pub(super) fn witnesses_so_far(&self) -> Vec<KeptWitness> {
        self.state.project.map(|project| self.store.witnesses(&project)).unwrap_or_default()
    }

    /// As [`Project::verify_watched`], against witnesses that are older than the moment of the log that is checked: another
    /// process that goes on working may leave one that knows more.
    pub(super) fn verify_against(
        &self,
        witnesses: Vec<KeptWitness>,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<VerifyReport, ProjectError> {
        let go_on = |rows: u64| {
            progress.advance(rows);
            !cancel.is_cancelled()
        };
        self.store.at_one_moment(|| {
            progress.set_total(self.store.rows_to_verify()?);
            self.verify_now(witnesses, &go_on)
        })
    }

    fn verify_now(
        &self,
        witnesses: Vec<KeptWitness>,
        go_on: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<VerifyReport, ProjectError> {
        let marks = Marks::new()?;
        let given = Mutex::new(BTreeMap::new());
        let folded = |stream: &Stream| {
            let mark = marks.of(stream).unwrap_or_default();
            given.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.id, mark);
        };
        let mut checked = self.audit_log(go_on, &folded)?;
        if !checked.problems.is_empty() {
            self.store.distrust_folds();
        }
        let given = given.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = VerifyReport {
            problems: std::mem::take(&mut checked.problems),
            notes: std::mem::take(&mut checked.notes),
            transactions: checked.transactions,
            streams: checked.streams,
            ..VerifyReport::default()
        };
        self.check_values(&checked, go_on, &mut report)?;
        self.check_clock(&checked, &mut report);
        self.check_identity(&checked, &mut report)?;
        self.check_projections(&marks, &given, go_on, &mut report)?;
        let mut altered = |place: String, detail: &str| {
            report.problems.push(Problem { kind: ProblemKind::Altered, place, detail: detail.to_owned() });
        };
        let protocol = checked.state.protocol();
        if protocol.guideline.is_some_and(|g| self.store.blob(&g).is_err()) {
            altered("guideline".to_owned(), "its file is missing or does not fit its hash");
        }
        for pack in &protocol.packs {
            if self.store.blob(&pack.sha256).is_err() {
                altered(format!("term pack {}", pack.pack), "its file is missing or does not fit its hash");
            }
        }
        if let Some(project) = checked.state.project {
            self.against_witnesses(&checked, &project, witnesses, &mut report)?;
        }
        Ok(report)
    }

    /// The log against itself, a few streams at a time where it is filed as it should be.
    fn audit_log(
        &self,
        go_on: &(dyn Fn(u64) -> bool + Sync),
        folded: &(dyn Fn(&Stream) + Sync),
    ) -> Result<Audit, ProjectError> {
        if let Some(streams) = self.store.filed_streams()? {
            let rows_of = |id: &StreamId| {
                let rows = self.store.rows_of(id)?;
                if go_on(rows.len() as u64) {
                    Ok(rows.into_iter().map(found).collect())
                } else {
                    Err(StoreError::Stopped)
                }
            };
            if let Some(mut checked) = audit_filed(&streams, rows_of, folded)? {
                self.check_known(&mut checked.problems)?;
                return Ok(checked);
            }
        }
        let checked = audit(self.store.raw_rows()?.into_iter().map(found));
        checked.state.streams.values().for_each(folded);
        Ok(checked)
    }

    fn check_projections(
        &self,
        marks: &Marks,
        given: &BTreeMap<StreamId, Mark>,
        go_on: &(dyn Fn(u64) -> bool + Sync),
        report: &mut VerifyReport,
    ) -> Result<(), ProjectError> {
        // A project that is only looked at keeps the tables of the version that wrote it.
        if self.store.has_older_tables()? {
            let note = "these rows are derived in the way of an older version and were not compared: opening the project to work on it makes them anew";
            report.notes.push(note.to_owned());
            return Ok(());
        }
        let differences = self.store.compare_marks(marks, given, go_on)?;
        let mut rows = differences.strange;
        for (id, lying) in &differences.streams {
            let rows_of = |id: &StreamId| Ok(self.store.rows_of(id)?.into_iter().map(found).collect());
            let stream = fold_filed(id, rows_of).map_err(|e: StoreError| ProjectError::from(e))?;
            let differ = stream.map(|s| self.store.compare_rows(&s, *lying)).transpose()?.unwrap_or_default();
            // What is filed under another stream's name folds only with the whole.
            if differ.is_empty() {
                rows.push(format!("stream {id}"));
            }
            rows.extend(differ);
        }
        rows.sort();
        for row in rows {
            let detail = "the row is not what the log gives; `shoken rebuild` makes it anew".to_owned();
            report.problems.push(Problem { kind: ProblemKind::Altered, place: format!("projection {row}"), detail });
        }
        Ok(())
    }

    /// Every value fits its digest, lies with the subject it is to be erased with, and is there unless it was erased or
    /// never came here.
    fn check_values(
        &self,
        checked: &Audit,
        go_on: &(dyn Fn(u64) -> bool + Sync),
        report: &mut VerifyReport,
    ) -> Result<(), ProjectError> {
        let values = self.store.check_values(go_on)?;
        let mut problem = |kind, digest: &Digest, detail: &str| {
            let place = format!("value {}", digest.to_string().get(..12).unwrap_or_default());
            report.problems.push(Problem { kind, place, detail: detail.to_owned() });
        };
        let mut absent = 0;
        for (digest, _) in values.iter().filter(|(_, subject)| subject.is_none()) {
            problem(ProblemKind::Altered, digest, "it does not fit its digest, or its key is gone");
        }
        for named in checked.values() {
            let erased = named.subject.is_some_and(|s| checked.state.is_erased(s));
            match values.get(named.digest) {
                Some(_) if erased => {
                    problem(ProblemKind::Altered, named.digest, "its subject was erased and it is here");
                }
                Some(Some(subject)) if named.subject.is_some_and(|o| o != subject) => {
                    problem(ProblemKind::Altered, named.digest, "it is filed under another subject than its own");
                }
                Some(_) => {}
                None if !erased && self.store.began(named.stream)? => {
                    absent += 1;
                    problem(ProblemKind::Truncated, named.digest, "it is missing, and its subject was not erased");
                }
                None => absent += 1,
            }
        }
        report.values = values.len() as u64;
        report.values_absent = absent;
        Ok(())
    }

    /// Time decides nothing; that a clock was ahead is said.
    fn check_clock(&self, checked: &Audit, report: &mut VerifyReport) {
        let parse = |t: &str| chrono::DateTime::parse_from_rfc3339(t).ok();
        let Some(now) = parse(&(self.clock.now)()) else { return };
        let ahead = checked.lines.values().filter(|s| parse(&s.last_time).is_some_and(|t| (t - now).num_hours() >= 24));
        let ahead = ahead.count();
        if ahead > 0 {
            report.notes.push(format!("{ahead} streams are dated more than a day later than this machine's clock"));
        }
    }

    fn against_witnesses(
        &self,
        checked: &Audit,
        project: &Digest,
        known: Vec<KeptWitness>,
        report: &mut VerifyReport,
    ) -> Result<(), ProjectError> {
        let mut witnesses = Vec::new();
        for kept in known {
            let problem = match &kept.witness {
                None => Some((ProblemKind::Format, "it cannot be read")),
                Some(w) if !is_genuine(w) => Some((ProblemKind::BadSignature, "its signature does not hold")),
                Some(w) if w.project != *project => Some((ProblemKind::Altered, "it is of another project")),
                Some(w) if !checked.state.register().readers.values().any(|r| r.keys.contains_key(&w.key)) => {
                    Some((ProblemKind::UnknownKey, "it is signed by a key that is not enrolled"))
                }
                Some(_) => None,
            };
            match problem {
                Some((kind, detail)) => {
                    let place = format!("witness {}", kept.name);
                    report.problems.push(Problem { kind, place, detail: detail.to_owned() });
                }
                None => witnesses.extend(kept.witness),
            }
        }
        report.witnesses = witnesses.len();
        if witnesses.is_empty() {
            report
                .notes
                .push("no witness is known here: a dropped end or a missing stream could not be checked".to_owned());
            return Ok(());
        }
        // Every witnessed point must be there, not only the newest: a stream rewritten and grown past it is still caught.
        // Whether a folder of this very lineage saw it decides between an alarm and a note.
        let own = self.store.lineage();
        let mut points: BTreeMap<(StreamId, u64), BTreeMap<Digest, bool>> = BTreeMap::new();
        let mut parted: BTreeMap<(StreamId, u64), Restoration> = BTreeMap::new();
        let mut reached: BTreeMap<StreamId, u64> = BTreeMap::new();
        for witness in &witnesses {
            let ours = witness.lineage == own;
            // Where the two folders parted: at the restoration that this one came out of, else at that of the other.
            let parting = own.as_ref().or(witness.lineage.as_ref());
            let parting = parting.filter(|_| !ours).and_then(|t| self.store.restoration(project, t));
            for (stream, head) in &witness.heads {
                let Ok(id) = stream.parse::<Digest>() else { continue };
                let point = (id, head.seq);
                let last = reached.entry(id).or_default();
                *last = head.seq.max(*last);
                let seen = points.entry(point).or_default().entry(head.hash).or_default();
                match &parting {
                    Some(restoration) if restoration.is_beyond(&id, head.seq) => {
                        parted.insert(point, restoration.clone());
                    }
                    _ => *seen = true,
                }
            }
        }
        let (mut left_behind, mut in_copies) = (BTreeMap::<(String, String), u64>::new(), 0_u64);
        for ((stream, seq), seen) in points {
            let here = self.store.hashes_at(&stream, seq)?;
            let place = format!("stream {} transaction {seq}", stream.to_string().get(..12).unwrap_or_default());
            let must = seen.values().any(|must| *must);
            if here.is_empty() && !must {
                if let Some(r) = parted.get(&(stream, seq)) {
                    *left_behind.entry((r.restored.clone(), r.made.clone())).or_default() += 1;
                }
            } else if here.is_empty() && self.store.copy_wrote(project, &stream, seq) {
                in_copies += 1;
            } else if here.is_empty() {
                let detail = "a witness saw it and it is not here".to_owned();
                report.problems.push(Problem { kind: ProblemKind::Truncated, place, detail });
            } else if seen.keys().any(|hash| !here.contains(hash)) {
                let detail = "a witness saw another transaction under this number: the stream was rewritten".to_owned();
                report.problems.push(Problem { kind: ProblemKind::Altered, place, detail });
            }
        }
        if in_copies > 0 {
            report.notes.push(format!(
                "a copy of this folder was worked on at this computer: {in_copies} points that a witness saw there are not here; `journal export` and `journal apply` bring them over"
            ));
        }
        for ((restored, made), count) in left_behind {
            report.notes.push(if own.is_some() {
                format!("this folder was restored on {restored} from a backup of {made}: {count} points that a witness saw are not in it")
            } else {
                format!("another folder was restored on {restored} from a backup of {made} and went on: {count} points of it are not here")
            });
        }
        let beyond = checked.lines.iter().filter(|(id, s)| reached.get(*id).is_none_or(|seq| *seq < s.seq)).count();
        if beyond > 0 {
            report.notes.push(format!(
                "{beyond} streams have grown since the last witness: whether more was at their ends cannot be checked"
            ));
        }
        Ok(())
    }

    /// Makes the projections anew and says what differed.
    ///
    /// # Errors
    /// Store errors; a project open to look cannot be rebuilt.
    pub fn rebuild(&mut self) -> Result<RebuildReport, ProjectError> {
        self.state = self.store.load()?;
        Ok(self.store.rebuild(&mut self.state)?)
    }

    /// Signs a checkpoint of all heads with the actor's key.
    ///
    /// # Errors
    /// [`ProjectError::NobodyHere`] when nobody acts.
    pub(super) fn witness(&self) -> Result<Option<Witness>, ProjectError> {
        let actor = self.actor.as_ref().ok_or(ProjectError::NobodyHere)?;
        let Some(project) = self.state.project else { return Ok(None) };
        let heads =
            self.state.streams.values().map(|s| (s.id.to_string(), WitnessHead { seq: s.seq, hash: s.hash })).collect();
        let mut witness = Witness {
            v: 1,
            project,
            heads,
            time: (self.clock.now)(),
            key: actor.key.public(),
            lineage: self.store.lineage(),
            signature: String::new(),
        };
        witness.signature = data_encoding::HEXLOWER.encode(&actor.key.sign(&witness.message()));
        Ok(Some(witness))
    }

    /// Leaves a witness on this machine, outside the project; made at submit, export and exit.
    ///
    /// # Errors
    /// Store errors.
    pub fn leave_witness(&self) -> Result<(), ProjectError> {
        if self.read_only().is_some() || self.actor.is_none() {
            return Ok(());
        }
        if let Some(witness) = self.witness()? {
            self.store.keep_witness(&witness)?;
        }
        Ok(())
    }
}

fn found(row: RawRow) -> Found {
    Found {
        text: row.text,
        signature: row.signature,
        // A hash column that is no hash cannot be right.
        filed_under: Some(row.hash.unwrap_or_else(|| Digest::of(b"", b""))),
        filed_at: Some((row.stream.unwrap_or_else(|| Digest::of(b"", b"")), row.seq)),
    }
}

fn is_genuine(witness: &Witness) -> bool {
    witness.signature_bytes().is_some_and(|s| verify_bytes(&witness.key, &witness.message(), &s).is_ok())
}
