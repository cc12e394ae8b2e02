//! `verify`, `rebuild` and witnesses: the log against itself, its values, its projections, and what was seen outside.

use std::collections::BTreeMap;

use super::{Project, ProjectError};
use crate::domain::{Digest, StreamId};
use crate::keys::{Found, Problem, ProblemKind, audit, verify_bytes};
use crate::store::{RebuildReport, Restoration, Witness, WitnessHead};

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
        let found = self.store.raw_rows()?.into_iter().map(|r| Found {
            text: r.text,
            signature: r.signature,
            // A hash column that is no hash cannot be right.
            filed_under: Some(r.hash.unwrap_or_else(|| Digest::of(b"", b""))),
        });
        let checked = audit(found);
        let mut report = VerifyReport {
            problems: checked.problems,
            notes: checked.notes,
            transactions: checked.transactions,
            streams: checked.streams,
            ..VerifyReport::default()
        };
        let values = self.store.check_values()?;
        report.values = values.present.len() as u64;
        report.values_absent = checked.value_digests.difference(&values.present).count() as u64;
        for digest in values.damaged {
            let place = format!("value {}", digest.to_string().get(..12).unwrap_or_default());
            report.problems.push(Problem {
                kind: ProblemKind::Altered,
                place,
                detail: "it does not fit its digest".to_owned(),
            });
        }
        for row in self.store.compare_projections(&checked.state)?.differences {
            let detail = "the row is not what the log gives; `shoken rebuild` makes it anew".to_owned();
            report.problems.push(Problem { kind: ProblemKind::Altered, place: format!("projection {row}"), detail });
        }
        for pack in checked.state.protocol().packs {
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
            self.against_witnesses(&project, &mut report)?;
        }
        Ok(report)
    }

    fn against_witnesses(&self, project: &Digest, report: &mut VerifyReport) -> Result<(), ProjectError> {
        let witnesses: Vec<Witness> = self.store.witnesses(project).into_iter().filter(is_genuine).collect();
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
        let mut points: BTreeMap<(StreamId, u64), (Digest, bool)> = BTreeMap::new();
        let mut parted: BTreeMap<(StreamId, u64), Restoration> = BTreeMap::new();
        for witness in &witnesses {
            let ours = witness.lineage == own;
            // Where the two folders parted: at the restoration that this one came out of, else at that of the other.
            let parting = own.as_ref().or(witness.lineage.as_ref());
            let parting = parting.filter(|_| !ours).and_then(|t| self.store.restoration(project, t));
            for (stream, head) in &witness.heads {
                let Ok(id) = stream.parse::<Digest>() else { continue };
                let point = (id, head.seq);
                match &parting {
                    Some(restoration) if restoration.is_beyond(&id, head.seq) => {
                        points.entry(point).or_insert((head.hash, false));
                        parted.insert(point, restoration.clone());
                    }
                    _ => drop(points.insert(point, (head.hash, true))),
                }
            }
        }
        let mut left_behind: BTreeMap<(String, String), u64> = BTreeMap::new();
        for ((stream, seq), (hash, must)) in points {
            let hashes = self.store.hashes_at(&stream, seq)?;
            let place = format!("stream {} transaction {seq}", stream.to_string().get(..12).unwrap_or_default());
            if hashes.is_empty() && !must {
                if let Some(r) = parted.get(&(stream, seq)) {
                    *left_behind.entry((r.restored.clone(), r.made.clone())).or_default() += 1;
                }
            } else if hashes.is_empty() {
                let detail = "a witness saw it and it is not here".to_owned();
                report.problems.push(Problem { kind: ProblemKind::Truncated, place, detail });
            } else if !hashes.contains(&hash) {
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
