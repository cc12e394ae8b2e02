//! The rules of reading, giving cases to readers (balanced, seeded, the same on every machine), sealing a read.

use std::collections::BTreeMap;

use super::{Project, ProjectError};
use crate::domain::{CaseId, Digest, ReaderId, Role, Verdict};
use crate::journal::{Assignment, CampaignCommand, Cause, Command, Protocol, ReadCommand, VocabularyCommand};

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
}
