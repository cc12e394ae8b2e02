//! A read: one reader, one case, one round. Open, submitted (sealed), amended with a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::ReadCommand;
use super::decide::{Decided, Env, Rejection, StreamTarget};
use super::event::{Event, FindingEvent, ReadEvent};
use super::finding::Finding;
use super::state::{OutOfTurn, State};
use super::transaction::{Audience, Cause, StreamKind, StreamSubject};
use super::undo;
use crate::domain::{Digest, FindingId, ImageId, Role, Verdict};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadPhase {
    #[default]
    Open,
    Submitted,
}

/// One transaction that undo may take back, with the events to invert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gesture {
    pub tx: Digest,
    pub label: String,
    pub events: Vec<FindingEvent>,
}

/// A read as it was sealed: amendments never change what was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub seq: u64,
    pub hash: Digest,
    pub time: String,
    pub verdict: Verdict,
    pub pixels: Vec<(ImageId, Digest)>,
    /// Shared with the read, until it is amended.
    pub findings: BTreeMap<FindingId, Arc<Finding>>,
}

/// Fold of one read stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFold {
    pub phase: ReadPhase,
    pub findings: BTreeMap<FindingId, Arc<Finding>>,
    pub submissions: Vec<Submission>,
    /// Newest last; not yet taken back.
    pub undo: Vec<Gesture>,
    /// Newest last; taken back, not yet done again. A new gesture empties it.
    pub redo: Vec<Gesture>,
}

/// What [`ReadFold::apply`] needs to know of the transaction around the events.
pub(super) struct TxContext<'a> {
    pub hash: Digest,
    pub seq: u64,
    pub time: &'a str,
    pub label: &'a str,
    pub cause: &'a Cause,
    /// The act that it goes on with.
    pub part_of: Option<Digest>,
}

impl ReadFold {
    /// Returns why some of it has no effect, if so: a sealed read stays as it was sealed, whoever holds the key.
    pub(super) fn apply(&mut self, events: &[Event], tx: &TxContext<'_>) -> Option<OutOfTurn> {
        let mut gesture = Vec::new();
        let mut out_of_turn = None;
        for event in events {
            match event {
                Event::Finding(_) | Event::Read(ReadEvent::Submitted { .. }) if self.phase == ReadPhase::Submitted => {
                    out_of_turn = Some(OutOfTurn::Sealed);
                }
                Event::Finding(e) => {
                    self.apply_finding(e, &tx.hash, tx.time);
                    gesture.push(e.clone());
                }
                Event::Read(e) => self.apply_read(e, tx),
                _ => out_of_turn = Some(OutOfTurn::WrongStream),
            }
        }
        if gesture.is_empty() {
            return out_of_turn;
        }
        let made = Gesture { tx: tx.hash, label: tx.label.to_owned(), events: gesture };
        match tx.cause {
            Cause::Part { .. } if tx.part_of.is_some() => {
                let begun = self.undo.iter_mut().chain(&mut self.redo).rfind(|g| Some(g.tx) == tx.part_of);
                match begun {
                    Some(begun) => begun.events.extend(made.events),
                    None => self.undo.push(made),
                }
            }
            Cause::Gesture | Cause::Cli | Cause::Job | Cause::Part { .. } => {
                self.undo.push(made);
                self.redo.clear();
            }
            Cause::Undo { of } => {
                if let Some(at) = self.undo.iter().rposition(|g| g.tx == *of) {
                    self.undo.remove(at);
                }
                self.redo.push(made);
            }
            Cause::Redo { of } => {
                if let Some(at) = self.redo.iter().rposition(|g| g.tx == *of) {
                    self.redo.remove(at);
                }
                self.undo.push(made);
            }
        }
        out_of_turn
    }

    fn apply_read(&mut self, event: &ReadEvent, tx: &TxContext<'_>) {
        match event {
            ReadEvent::Opened { .. } => {}
            ReadEvent::Submitted { verdict, pixels } => {
                self.phase = ReadPhase::Submitted;
                self.submissions.push(Submission {
                    seq: tx.seq,
                    hash: tx.hash,
                    time: tx.time.to_owned(),
                    verdict: *verdict,
                    pixels: pixels.clone(),
                    findings: self
                        .findings
                        .iter()
                        .filter(|(_, f)| !f.deleted && !f.body.is_image_fact())
                        .map(|(id, f)| (id.clone(), Arc::clone(f)))
                        .collect(),
                });
                self.undo.clear();
                self.redo.clear();
            }
            ReadEvent::Amended { .. } => self.phase = ReadPhase::Open,
        }
    }

    /// The latest sealed version, while it stands.
    pub fn sealed(&self) -> Option<&Submission> {
        self.submissions.last().filter(|_| self.phase == ReadPhase::Submitted)
    }
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &ReadCommand) -> Result<Decided, Rejection> {
    match command {
        ReadCommand::Open { case } => {
            state.require(env, Role::Reader)?;
            let record = state.case(case).ok_or_else(|| Rejection::UnknownCase(case.to_string()))?;
            if state.is_erased(&record.subject) {
                return Err(Rejection::Erased);
            }
            let rules = state.protocol().rules();
            let assigned = state.assignments().iter().any(|a| a.reader == *env.actor && a.case == *case);
            if rules.assignment_required && !assigned {
                return Err(Rejection::NotAssigned(case.to_string()));
            }
            let current = state.current_read(env.actor, case);
            let continues = match &current {
                Some(read) if (env.continuable)(&read.stream) => return Err(Rejection::NothingToDo),
                Some(read) => state.streams.get(&read.stream).map(super::state::Stream::head),
                None => None,
            };
            let subject = StreamSubject { case: Some(case.clone()), reader: Some(env.actor.clone()), round: Some(1) };
            let mut out = Decided::opening(StreamTarget::Open {
                kind: StreamKind::Read,
                subject,
                audience: Audience::Reader(env.actor.clone()),
                under: state.governing_heads(),
                continues,
            });
            out.label = "read.open";
            out.events.push(Event::Read(ReadEvent::Opened { images: record.images.clone() }));
            Ok(out)
        }
        ReadCommand::Submit { case, verdict } => submit(state, env, case, *verdict),
        ReadCommand::Amend { case, reason } => {
            let read = state.current_read(env.actor, case).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
            let fold = state.read_fold(&read.stream).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
            if fold.phase == ReadPhase::Open {
                return Err(Rejection::NotSubmitted);
            }
            if reason.is_empty() {
                return Err(Rejection::ReasonNeeded);
            }
            let record = state.case(case).ok_or_else(|| Rejection::UnknownCase(case.to_string()))?;
            let mut out = Decided::on(read.stream, "read.amend");
            let reason = out.value(env, &record.subject, reason.as_str().as_bytes().to_vec())?;
            out.events.push(Event::Read(ReadEvent::Amended { reason }));
            Ok(out)
        }
        ReadCommand::Undo { case } => undo::decide(state, env, case, undo::Direction::Undo),
        ReadCommand::Redo { case } => undo::decide(state, env, case, undo::Direction::Redo),
    }
}

fn submit(state: &State, env: &Env<'_>, case: &crate::domain::CaseId, verdict: Verdict) -> Result<Decided, Rejection> {
    let read = state.current_read(env.actor, case).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
    let fold = state.read_fold(&read.stream).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
    if fold.phase != ReadPhase::Open {
        return Err(Rejection::ReadSealed);
    }
    let count = fold.live().count();
    if (verdict == Verdict::Findings) != (count > 0) {
        return Err(Rejection::VerdictContradicts { verdict, findings: count });
    }
    let unnamed = fold.live().filter(|f| f.body.terms.is_empty()).count();
    if unnamed > 0 {
        return Err(Rejection::FindingsWithoutTerm(unnamed));
    }
    let record = state.case(case).ok_or_else(|| Rejection::UnknownCase(case.to_string()))?;
    let images: Vec<_> = record.images.iter().filter_map(|i| state.image(i)).collect();
    let pixels: Vec<_> = images.iter().filter_map(|i| i.sha256.map(|h| (i.id.clone(), h))).collect();
    if pixels.len() < images.len() {
        return Err(Rejection::PixelsNotHashed(images.len() - pixels.len()));
    }
    let mut out = Decided::on(read.stream, "read.submit");
    out.events.push(Event::Read(ReadEvent::Submitted { verdict, pixels }));
    Ok(out)
}
