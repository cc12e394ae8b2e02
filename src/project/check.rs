//! `verify`, `rebuild` and witnesses: the log against itself, its values, its projections, and what was seen outside.

use std::collections::BTreeMap;

use super::{Project, ProjectError};
use crate::domain::{Digest, StreamId};
use crate::journal::State;
use crate::keys::{Audit, Found, Problem, ProblemKind, audit, audit_filed, verify_bytes};
use crate::store::{RawRow, RebuildReport, Restoration, Witness, WitnessHead};

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
}

impl Project {
    /// Checks everything that can be checked here.
    ///
    /// # Errors
    /// Store errors; problems are in the report.
    pub fn verify(&self) -> Result<VerifyReport, ProjectError> {
        self.store.at_one_moment(|| self.verify_now())
    }

    fn verify_now(&self) -> Result<VerifyReport, ProjectError> {
        let found = |r: RawRow| Found {
            text: r.text,
            signature: r.signature,
            // A hash column that is no hash cannot be right.
            filed_under: Some(r.hash.unwrap_or_else(|| Digest::of(b"", b""))),
            filed_at: Some((r.stream.unwrap_or_else(|| Digest::of(b"", b"")), r.seq)),
        };
        let rows_of = |id: &StreamId| self.store.rows_of(id).map(|rows| rows.into_iter().map(found).collect());
        let filed = match self.store.filed_streams()? {
            Some(streams) => audit_filed(&streams, rows_of)?,
            None => None,
        };
        let mut checked = match filed {
            Some(checked) => checked,
            None => audit(self.store.raw_rows()?.into_iter().map(found)),
        };
        let mut report = VerifyReport {
            problems: std::mem::take(&mut checked.problems),
            notes: std::mem::take(&mut checked.notes),
            transactions: checked.transactions,
            streams: checked.streams,
            ..VerifyReport::default()
        };
        self.check_values(&checked, &mut report)?;
        self.check_clock(&checked.state, &mut report);
        for row in self.store.compare_projections(&checked.state)?.differences {
            let detail = "the row is not what the log gives; `shoken rebuild` makes it anew".to_owned();
            report.problems.push(Problem { kind: ProblemKind::Altered, place: format!("projection {row}"), detail });
        }
        let protocol = checked.state.protocol();
        if protocol.guideline.is_some_and(|g| self.store.blob(&g).is_err()) {
            let detail = "its file is missing or does not fit its hash".to_owned();
            report.problems.push(Problem { kind: ProblemKind::Altered, place: "guideline".to_owned(), detail });
        }
        for pack in &protocol.packs {
            if self.store.blob(&pack.sha256).is_err() {
                let detail = "its file is missing or does not fit its hash".to_owned();
                report.problems.push(Problem {
                    kind: ProblemKind::Altered,
                    place: format!("term pack {}", pack.pack),
                    detail,
                });
            }
        }
        if let Some(project) = checked.state.project {
            self.against_witnesses(&checked.state, &project, &mut report)?;
        }
        Ok(report)
    }

    /// Every value fits its digest, lies with the subject it is to be erased with, and is there unless it was erased or
    /// never came here.
    fn check_values(&self, checked: &Audit, report: &mut VerifyReport) -> Result<(), ProjectError> {
        let values = self.store.check_values()?;
        let mut problem = |kind, digest: &Digest, detail: &str| {
            let place = format!("value {}", digest.to_string().get(..12).unwrap_or_default());
            report.problems.push(Problem { kind, place, detail: detail.to_owned() });
        };
        let mut absent = 0;
        for digest in &values.damaged {
            problem(ProblemKind::Altered, digest, "it does not fit its digest, or its key is gone");
        }
        for (digest, (stream, owner)) in &checked.value_owners {
            let erased = owner.as_ref().is_some_and(|s| checked.state.is_erased(s));
            match values.present.get(digest) {
                Some(_) if erased => problem(ProblemKind::Altered, digest, "its subject was erased and it is here"),
                Some(Some(subject)) if owner.as_ref().is_some_and(|o| o != subject) => {
                    problem(ProblemKind::Altered, digest, "it is filed under another subject than its own");
                }
                Some(_) => {}
                None if !erased && self.store.began(stream)? => {
                    absent += 1;
                    problem(ProblemKind::Truncated, digest, "it is missing, and its subject was not erased");
                }
                None => absent += 1,
            }
        }
        report.values = values.present.len() as u64;
        report.values_absent = absent;
        Ok(())
    }

    /// Time decides nothing; that a clock was ahead is said.
    fn check_clock(&self, state: &State, report: &mut VerifyReport) {
        let parse = |t: &str| chrono::DateTime::parse_from_rfc3339(t).ok();
        let Some(now) = parse(&(self.clock.now)()) else { return };
        let ahead = state.streams.values().filter(|s| parse(&s.last_time).is_some_and(|t| (t - now).num_hours() >= 24));
        let ahead = ahead.count();
        if ahead > 0 {
            report.notes.push(format!("{ahead} streams are dated more than a day later than this machine's clock"));
        }
    }

    fn against_witnesses(
        &self,
        state: &State,
        project: &Digest,
        report: &mut VerifyReport,
    ) -> Result<(), ProjectError> {
        let mut witnesses = Vec::new();
        for kept in self.store.witnesses(project) {
            let problem = match &kept.witness {
                None => Some((ProblemKind::Format, "it cannot be read")),
                Some(w) if !is_genuine(w) => Some((ProblemKind::BadSignature, "its signature does not hold")),
                Some(w) if w.project != *project => Some((ProblemKind::Altered, "it is of another project")),
                Some(w) if !state.register().readers.values().any(|r| r.keys.contains_key(&w.key)) => {
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
        let mut left_behind: BTreeMap<(String, String), u64> = BTreeMap::new();
        for ((stream, seq), seen) in points {
            let here = self.store.hashes_at(&stream, seq)?;
            let place = format!("stream {} transaction {seq}", stream.to_string().get(..12).unwrap_or_default());
            let must = seen.values().any(|must| *must);
            if here.is_empty() && !must {
                if let Some(r) = parted.get(&(stream, seq)) {
                    *left_behind.entry((r.restored.clone(), r.made.clone())).or_default() += 1;
                }
            } else if here.is_empty() {
                let detail = "a witness saw it and it is not here".to_owned();
                report.problems.push(Problem { kind: ProblemKind::Truncated, place, detail });
            } else if seen.keys().any(|hash| !here.contains(hash)) {
                let detail = "a witness saw another transaction under this number: the stream was rewritten".to_owned();
                report.problems.push(Problem { kind: ProblemKind::Altered, place, detail });
            }
        }
        for ((restored, made), count) in left_behind {
            report.notes.push(if own.is_some() {
                format!("this folder was restored on {restored} from a backup of {made}: {count} points that a witness saw are not in it")
            } else {
                format!("another folder was restored on {restored} from a backup of {made} and went on: {count} points of it are not here")
            });
        }
        let beyond = state.streams.values().filter(|s| reached.get(&s.id).is_none_or(|seq| *seq < s.seq)).count();
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
        Ok(self.store.rebuild(&self.state)?)
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

fn is_genuine(witness: &Witness) -> bool {
    witness.signature_bytes().is_some_and(|s| verify_bytes(&witness.key, &witness.message(), &s).is_ok())
}
