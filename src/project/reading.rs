//! The rules of reading, giving cases to readers (balanced, seeded, the same on every machine), sealing a read.

use std::collections::BTreeMap;

use super::{Project, ProjectError, ReadScope};
use crate::domain::{CaseId, Digest, ReaderId, Role, StreamId, Verdict};
use crate::journal::{Assignment, CampaignCommand, Cause, Command, Protocol, ReadCommand, ReadRef, VocabularyCommand};

impl Project {
    /// Sets the rules of reading from a JSON object; fields left out keep their value.
    ///
    /// # Errors
    /// A text that is no such object, an unknown field; rules and store errors.
    pub fn set_protocol(&mut self, file: &str, text: &str) -> Result<Protocol, ProjectError> {
        let refused = |reason: String| ProjectError::Refused { file: file.to_owned(), reason };
        let given: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|e| refused(e.to_string()))?;
        let mut now = match serde_json::to_value(self.protocol()) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        for (name, value) in given {
            if !now.contains_key(&name) {
                let known: Vec<&str> = now.keys().map(String::as_str).collect();
                return Err(refused(format!("there is no rule '{name}'; the rules are {}", known.join(", "))));
            }
            now.insert(name, value);
        }
        let protocol: Protocol = serde_json::from_value(now.into()).map_err(|e| refused(e.to_string()))?;
        let guideline = self.state.protocol().guideline;
        self.execute(
            Command::Vocabulary(VocabularyCommand::SetProtocol { protocol: protocol.clone(), guideline }),
            &Cause::Cli,
        )?;
        Ok(protocol)
    }

    /// Seals the actor's read of a case and leaves a witness. Hashes that are still missing are made first.
    ///
    /// # Errors
    /// Rules (verdict against findings, findings without a term, unknown pixels) and store errors.
    pub fn submit(&mut self, case: &CaseId, verdict: Verdict, cause: &Cause) -> Result<(), ProjectError> {
        let images = self.state.images_of(case);
        for job in self.pending_hashes()?.into_iter().filter(|j| images.contains(&j.image)) {
            let outcome = job.run(|_| true);
            self.record_hashes(&[outcome])?;
        }
        self.execute(Command::Read(ReadCommand::Submit { case: case.clone(), verdict }), cause)?;
        self.leave_witness()
    }

    /// Ids of all cases, in the order they were catalogued.
    pub fn case_ids(&self) -> Vec<CaseId> {
        self.state.cases().map(|c| c.id.clone()).collect()
    }

    /// Gives every case as many readers as the protocol asks for, evenly, ties broken by a hash of seed, case and reader.
    /// Cases that have their readers are left alone.
    ///
    /// # Errors
    /// Rules (coordinator only, too few readers are no error: what can be given is given) and store errors.
    pub fn assign(&mut self, seed: u64) -> Result<Vec<Assignment>, ProjectError> {
        let readers: Vec<ReaderId> = self
            .state
            .register()
            .readers
            .iter()
            .filter(|(_, r)| r.roles.contains(&Role::Reader))
            .map(|(id, _)| id.clone())
            .collect();
        let mut given = self.state.assignments();
        let mut load: BTreeMap<ReaderId, usize> =
            readers.iter().map(|r| (r.clone(), given.iter().filter(|a| a.reader == *r).count())).collect();
        let mut fresh = Vec::new();
        for case in self.state.cases().filter(|c| !self.state.is_erased(&c.subject)) {
            let has = given.iter().filter(|a| a.case == case.id).count();
            let missing = (self.protocol().reads_per_case as usize).saturating_sub(has);
            let mut free: Vec<&ReaderId> =
                readers.iter().filter(|r| !given.iter().any(|a| a.case == case.id && a.reader == **r)).collect();
            free.sort_by_key(|r| {
                let draw = Digest::of(b"shoken-assign-v1\0", format!("{seed} {} {r}", case.id).as_bytes());
                (load.get(*r).copied().unwrap_or(0), draw)
            });
            for reader in free.into_iter().take(missing) {
                let assignment = Assignment { reader: reader.clone(), case: case.id.clone(), round: 1 };
                *load.entry(reader.clone()).or_default() += 1;
                given.insert(assignment.clone());
                fresh.push(assignment);
            }
        }
        let command = CampaignCommand::Assign { assignments: fresh.clone(), seed };
        self.execute(Command::Campaign(command), &Cause::Cli)?;
        Ok(fresh)
    }

    /// Cases that one reader sealed several times in copies of the project, in the order of the cases: those that wait for a
    /// choice, or with `decided` also those where it was made. For the office only: the list names readers.
    ///
    /// # Errors
    /// The acting person is neither coordinator nor auditor; store errors.
    pub fn conflicts(&self, decided: bool) -> Result<Vec<Conflict>, ProjectError> {
        let actor = self.actor().ok_or(ProjectError::NobodyHere)?.clone();
        self.check_scope(&ReadScope::Office(actor))?;
        let mut out = Vec::new();
        for case in self.state.cases().filter(|c| !self.state.is_erased(&c.subject)) {
            let rivals = if decided { self.state.all_rival_reads(&case.id) } else { self.state.rival_reads(&case.id) };
            for (reader, reads) in rivals {
                let reads = self.seen_whole(Ok(reads.iter().filter_map(|r| self.rival(r)).collect()))?;
                out.push(Conflict { case: case.id.clone(), label: self.case_label(&case.id), reader, reads });
            }
        }
        Ok(out)
    }

    fn rival(&self, read: &ReadRef) -> Option<RivalRead> {
        let sealed = self.sealed(read)?;
        Some(RivalRead {
            read: read.stream,
            verdict: sealed.verdict,
            findings: sealed.findings.len(),
            submitted: sealed.time.clone(),
            set_aside: self.state.is_set_aside(&read.stream),
        })
    }

    /// Decides which of the reads that exclude each other counts; the others are kept and set aside.
    ///
    /// # Errors
    /// [`Rejection::NothingToDo`](super::Rejection) when nothing excludes this read or it counts already, a missing role, store errors.
    pub fn choose_read(&mut self, read: StreamId) -> Result<(), ProjectError> {
        self.execute(Command::Campaign(CampaignCommand::ChooseRead { read }), &Cause::Cli)?;
        Ok(())
    }
}

/// One of several sealed reads of a case by the same reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RivalRead {
    pub read: StreamId,
    pub verdict: Verdict,
    pub findings: usize,
    pub submitted: String,
    /// Another one was chosen over it.
    pub set_aside: bool,
}

/// A case that one reader sealed several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub case: CaseId,
    pub label: String,
    pub reader: ReaderId,
    pub reads: Vec<RivalRead>,
}
