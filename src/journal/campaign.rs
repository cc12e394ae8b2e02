//! The register of readers and keys, the project's kind, and assignments.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::command::CampaignCommand;
use super::decide::{Decided, Env, Rejection};
use super::event::Event;
use super::state::State;
use super::transaction::{PublicKey, StreamKind};
use crate::domain::{CaseId, Digest, ProjectKind, ReaderId, Role};

/// One reader is to read one case in one round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assignment {
    pub reader: ReaderId,
    pub case: CaseId,
    pub round: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CampaignEvent {
    #[serde(rename = "register.founded")]
    Founded { kind: ProjectKind, reader: ReaderId, key: PublicKey, roles: Vec<Role> },
    #[serde(rename = "register.kind_set")]
    KindSet { from: ProjectKind, to: ProjectKind },
    #[serde(rename = "reader.enrolled")]
    Enrolled { reader: ReaderId, roles: Vec<Role>, key: PublicKey, key_made_here: bool, qualifications: Vec<Digest> },
    #[serde(rename = "reader.key_revoked")]
    KeyRevoked { reader: ReaderId, key: PublicKey },
    #[serde(rename = "assignment.given")]
    Assigned { assignments: Vec<Assignment>, seed: u64 },
    /// Of reads that exclude each other this one counts; the others are kept and set aside.
    #[serde(rename = "assignment.read_chosen")]
    ReadChosen { case: CaseId, reader: ReaderId, read: Digest, over: Vec<Digest> },
}

/// A reader's roles and keys as the register states them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderRecord {
    pub roles: BTreeSet<Role>,
    /// Keys and whether the coordinator's machine made them for the reader.
    pub keys: BTreeMap<PublicKey, bool>,
    pub revoked: BTreeSet<PublicKey>,
    /// Salted digests of qualification texts.
    pub qualifications: Vec<Digest>,
}

/// Fold of one register stream; the state merges the trusted ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterFold {
    pub kind: Option<ProjectKind>,
    pub readers: BTreeMap<ReaderId, ReaderRecord>,
}

impl RegisterFold {
    pub(super) fn apply(&mut self, event: &CampaignEvent) -> bool {
        match event {
            CampaignEvent::Founded { kind, reader, key, roles } => {
                self.kind = Some(*kind);
                self.enrol(reader, roles, *key, true, &[]);
            }
            CampaignEvent::KindSet { to, .. } => self.kind = Some(*to),
            CampaignEvent::Enrolled { reader, roles, key, key_made_here, qualifications } => {
                self.enrol(reader, roles, *key, *key_made_here, qualifications);
            }
            CampaignEvent::KeyRevoked { reader, key } => {
                self.readers.entry(reader.clone()).or_default().revoked.insert(*key);
            }
            CampaignEvent::Assigned { .. } | CampaignEvent::ReadChosen { .. } => return false,
        }
        true
    }

    fn enrol(&mut self, reader: &ReaderId, roles: &[Role], key: PublicKey, here: bool, qualifications: &[Digest]) {
        let record = self.readers.entry(reader.clone()).or_default();
        record.roles.extend(roles.iter().copied());
        record.keys.insert(key, here);
        record.qualifications.extend_from_slice(qualifications);
    }

    /// Union with another register: commutative, so the order of streams cannot matter.
    pub(super) fn merge(&mut self, other: &Self) {
        // A project only ever grows stricter, so of two kinds the stricter one holds.
        let rank = |k: &Option<ProjectKind>| k.map_or(0, |k| 1 + k as u8);
        if rank(&other.kind) > rank(&self.kind) {
            self.kind = other.kind;
        }
        for (id, theirs) in &other.readers {
            let mine = self.readers.entry(id.clone()).or_default();
            mine.roles.extend(theirs.roles.iter().copied());
            mine.keys.extend(theirs.keys.iter().map(|(k, h)| (*k, *h)));
            mine.revoked.extend(theirs.revoked.iter().copied());
            for q in &theirs.qualifications {
                if !mine.qualifications.contains(q) {
                    mine.qualifications.push(*q);
                }
            }
            mine.qualifications.sort_unstable();
        }
    }
}

/// Fold of one assignments stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentsFold {
    pub given: BTreeSet<Assignment>,
    /// Reads that lost to another of the same reader, and to which.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set_aside: BTreeMap<Digest, Digest>,
}

impl AssignmentsFold {
    pub(super) fn apply(&mut self, event: &CampaignEvent) -> bool {
        match event {
            CampaignEvent::Assigned { assignments, .. } => self.given.extend(assignments.iter().cloned()),
            CampaignEvent::ReadChosen { read, over, .. } => {
                self.set_aside.extend(over.iter().map(|lost| (*lost, *read)));
                // Who thinks again chooses the other one.
                self.set_aside.remove(read);
            }
            _ => return false,
        }
        true
    }
}

/// The roles a founder has: all of them where one person is enough.
fn founder_roles(kind: ProjectKind) -> Vec<Role> {
    match kind {
        ProjectKind::Personal => vec![Role::Reader, Role::Adjudicator, Role::Coordinator, Role::Auditor],
        ProjectKind::Study | ProjectKind::Campaign => vec![Role::Coordinator],
    }
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &CampaignCommand) -> Result<Decided, Rejection> {
    if let CampaignCommand::Found { kind } = command {
        if state.project.is_some() {
            return Err(Rejection::NothingToDo);
        }
        let mut out = Decided::own(state, env, StreamKind::Register, "project.found");
        let founded = CampaignEvent::Founded {
            kind: *kind,
            reader: env.actor.clone(),
            key: env.key,
            roles: founder_roles(*kind),
        };
        out.events.push(Event::Campaign(founded));
        return Ok(out);
    }
    state.require(env, Role::Coordinator)?;
    let mut out = Decided::own(state, env, StreamKind::Register, "reader.enrol");
    let register = state.register();
    match command {
        CampaignCommand::Found { .. } => {}
        CampaignCommand::Enrol { reader, roles, key, key_made_here, qualifications } => {
            let taken = register.readers.iter().any(|(id, r)| id != reader && r.keys.contains_key(key));
            if taken {
                return Err(Rejection::KeyTaken);
            }
            let known = register
                .readers
                .get(reader)
                .is_some_and(|r| r.keys.contains_key(key) && roles.iter().all(|x| r.roles.contains(x)));
            if known || roles.is_empty() {
                return Err(Rejection::NothingToDo);
            }
            let subject =
                crate::domain::SubjectId::new(reader.as_str()).map_err(|_| Rejection::NotPlain("reader id"))?;
            let mut digests = Vec::new();
            for text in qualifications {
                digests.push(out.value(env, &subject, text.as_str().as_bytes().to_vec())?);
            }
            out.events.push(Event::Campaign(CampaignEvent::Enrolled {
                reader: reader.clone(),
                roles: roles.clone(),
                key: *key,
                key_made_here: *key_made_here,
                qualifications: digests,
            }));
        }
        CampaignCommand::RevokeKey { reader, key } => {
            out.label = "reader.revoke";
            let record = register.readers.get(reader).ok_or_else(|| Rejection::UnknownReader(reader.to_string()))?;
            if !record.keys.contains_key(key) || record.revoked.contains(key) {
                return Err(Rejection::NothingToDo);
            }
            out.events.push(Event::Campaign(CampaignEvent::KeyRevoked { reader: reader.clone(), key: *key }));
        }
        CampaignCommand::SetKind { kind } => {
            out.label = "project.kind";
            let from = state.kind();
            if (*kind as u8) <= (from as u8) {
                return Err(Rejection::KindOnlyGrows);
            }
            out.events.push(Event::Campaign(CampaignEvent::KindSet { from, to: *kind }));
        }
        CampaignCommand::Assign { assignments, seed } => {
            out = Decided::own(state, env, StreamKind::Assignments, "assignment.give");
            let fresh = not_given_yet(state, assignments)?;
            out.events.push(Event::Campaign(CampaignEvent::Assigned { assignments: fresh, seed: *seed }));
        }
        CampaignCommand::ChooseRead { read } => {
            out = Decided::own(state, env, StreamKind::Assignments, "assignment.choose");
            out.events.push(Event::Campaign(choice(state, read)?));
        }
    }
    Ok(out)
}

/// Those of the assignments that nobody has given before.
fn not_given_yet(state: &State, assignments: &[Assignment]) -> Result<Vec<Assignment>, Rejection> {
    let given = state.assignments();
    for a in assignments {
        if !state.register().readers.get(&a.reader).is_some_and(|r| r.roles.contains(&Role::Reader)) {
            return Err(Rejection::UnknownReader(a.reader.to_string()));
        }
        if state.case(&a.case).is_none() {
            return Err(Rejection::UnknownCase(a.case.to_string()));
        }
    }
    let fresh: Vec<_> = assignments.iter().filter(|a| !given.contains(*a)).cloned().collect();
    if fresh.is_empty() { Err(Rejection::NothingToDo) } else { Ok(fresh) }
}

/// The choice of a read over those that exclude it.
fn choice(state: &State, read: &Digest) -> Result<CampaignEvent, Rejection> {
    let stream = state.streams.get(read).filter(|s| s.open.kind == StreamKind::Read).ok_or(Rejection::NothingToDo)?;
    let case = stream.open.subject.case.clone().ok_or(Rejection::NothingToDo)?;
    let reader = stream.open.reader.clone();
    let rivals = state.all_rival_reads(&case).remove(&reader).unwrap_or_default();
    let stands = |r: &super::state::ReadRef| !state.is_set_aside(&r.stream);
    let decided = rivals.iter().filter(|r| stands(r)).map(|r| r.stream).eq([*read]);
    if decided || !rivals.iter().any(|r| r.stream == *read) {
        return Err(Rejection::NothingToDo);
    }
    let over = rivals.iter().map(|r| r.stream).filter(|r| r != read).collect();
    Ok(CampaignEvent::ReadChosen { case, reader, read: *read, over })
}
