//! Adjudication: what an adjudicator decided about two reads of a case. The reads themselves never change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::command::{AdjudicationCommand, ResolvedFinding};
use super::decide::{Decided, Env, Rejection, StreamTarget};
use super::event::Event;
use super::finding::{Finding, FindingBody};
use super::state::{ReadRef, State};
use super::transaction::{Audience, StreamKind, StreamSubject};
use crate::domain::{AdjudicationTake, CaseId, Digest, FindingId, ReaderId, Role, Verdict};

/// One finding of the result: taken from a judged read, or drawn by the adjudicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultRef {
    Taken { read: Digest, finding: FindingId },
    Drawn { finding: FindingId, body: FindingBody },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdjudicationEvent {
    /// Names the sealed versions it judges: (read stream, hash of the submitting transaction).
    #[serde(rename = "adjudication.opened")]
    Opened { judged: Vec<(Digest, Digest)> },
    #[serde(rename = "adjudication.resolved")]
    Resolved {
        discrepancy: String,
        members: Vec<(Digest, FindingId)>,
        take: AdjudicationTake,
        result: Vec<ResultRef>,
        reason: Digest,
    },
    #[serde(rename = "adjudication.closed")]
    Closed { agreed: Vec<Vec<(Digest, FindingId)>>, verdict: Verdict },
}

/// The decision that stands on one discrepancy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolutionRecord {
    pub members: Vec<(Digest, FindingId)>,
    pub take: AdjudicationTake,
    pub result: Vec<ResultRef>,
    pub reason: Digest,
    pub tx: Digest,
    pub time: String,
}

/// Fold of one adjudication stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjudicationFold {
    pub judged: Vec<(Digest, Digest)>,
    /// By discrepancy id; a later decision replaces an earlier one until the case is closed.
    pub resolved: BTreeMap<String, ResolutionRecord>,
    pub agreed: Vec<Vec<(Digest, FindingId)>>,
    pub verdict: Option<Verdict>,
    pub closed_by: Option<Digest>,
    pub closed_at: Option<String>,
}

impl AdjudicationFold {
    /// False when it came out of turn: what is closed stays as it was closed.
    pub(super) fn apply(&mut self, event: &AdjudicationEvent, tx: &Digest, time: &str) -> bool {
        if self.closed_by.is_some() {
            return false;
        }
        match event {
            AdjudicationEvent::Opened { judged } => self.judged.clone_from(judged),
            AdjudicationEvent::Resolved { discrepancy, members, take, result, reason } => {
                let record = ResolutionRecord {
                    members: members.clone(),
                    take: *take,
                    result: result.clone(),
                    reason: *reason,
                    tx: *tx,
                    time: time.to_owned(),
                };
                self.resolved.insert(discrepancy.clone(), record);
            }
            AdjudicationEvent::Closed { agreed, verdict } => {
                self.agreed.clone_from(agreed);
                self.verdict = Some(*verdict);
                self.closed_by = Some(*tx);
                self.closed_at = Some(time.to_owned());
            }
        }
        true
    }
}

/// The sealed reads of a case, in a fixed order (reader id, then stream).
fn sealed_reads(state: &State, case: &CaseId) -> Vec<(ReadRef, Digest)> {
    let mut reads: Vec<_> = state
        .reads_of(case)
        .into_iter()
        .filter_map(|r| state.read_summary(&r.stream).and_then(|f| f.sealed()).map(|(_, hash)| (r, hash)))
        .collect();
    reads.sort_by(|(a, _), (b, _)| (&a.reader, &a.stream).cmp(&(&b.reader, &b.stream)));
    reads
}

fn judged_finding<'a>(
    state: &'a State,
    fold: &AdjudicationFold,
    read: &Digest,
    finding: &FindingId,
) -> Result<&'a Finding, Rejection> {
    let unknown = || Rejection::UnknownFinding(finding.to_string());
    let (_, head) = fold.judged.iter().find(|(stream, _)| stream == read).ok_or_else(unknown)?;
    let submissions = &state.read_fold(read).ok_or_else(unknown)?.submissions;
    let sealed = submissions.iter().find(|s| s.hash == *head);
    sealed.and_then(|s| s.findings.get(finding)).map(AsRef::as_ref).ok_or_else(unknown)
}

fn may_judge(state: &State, actor: &ReaderId, case: &CaseId) -> bool {
    state.protocol().rules().adjudicator_may_be_reader || state.reads_of(case).iter().all(|r| r.reader != *actor)
}

/// What excludes each other is decided by the coordinator before anybody judges it.
fn refuse_rivals(state: &State, case: &CaseId) -> Result<(), Rejection> {
    match state.rival_reads(case).into_iter().next() {
        Some((reader, reads)) => Err(Rejection::RivalReads { reader: reader.to_string(), count: reads.len() }),
        None => Ok(()),
    }
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &AdjudicationCommand) -> Result<Decided, Rejection> {
    state.require(env, Role::Adjudicator)?;
    refuse_rivals(state, command.case())?;
    match command {
        AdjudicationCommand::Open { case } => {
            if !may_judge(state, env.actor, case) {
                return Err(Rejection::ReaderMayNotAdjudicate);
            }
            let sealed = sealed_reads(state, case);
            let needed = state.protocol().rules().reads_per_case.max(2) as usize;
            if sealed.len() < needed {
                return Err(Rejection::ReadsMissing { have: sealed.len(), need: needed });
            }
            let judged: Vec<_> = sealed.iter().map(|(r, h)| (r.stream, *h)).collect();
            let current = state.current_adjudication(case).filter(|(_, f)| f.judged == judged);
            // What is closed stands, whichever copy of the project closed it.
            if current.is_some_and(|(id, f)| f.closed_by.is_some() || (env.continuable)(&id)) {
                return Err(Rejection::NothingToDo);
            }
            // Decisions made before the folder was copied go along.
            let own = |s: &&super::state::Stream| s.open.reader == *env.actor;
            let continues =
                current.and_then(|(id, _)| state.streams.get(&id)).filter(own).map(super::state::Stream::head);
            let mut under = state.governing_heads();
            for (read, hash) in &sealed {
                let seq = state.read_summary(&read.stream).and_then(|f| f.sealed()).map_or(0, |(seq, _)| seq);
                under.insert(read.stream.to_string(), (seq, *hash));
            }
            let mut out = Decided::opening(StreamTarget::Open {
                kind: StreamKind::Adjudication,
                subject: StreamSubject { case: Some(case.clone()), reader: Some(env.actor.clone()), round: None },
                audience: Audience::Office,
                under,
                continues,
            });
            out.label = "adjudication.open";
            out.events.push(Event::Adjudication(AdjudicationEvent::Opened { judged }));
            Ok(out)
        }
        AdjudicationCommand::Resolve { case, discrepancy, members, take, result, reason } => {
            let (stream, fold) = own_open(state, env, case)?;
            if reason.is_empty() {
                return Err(Rejection::ReasonNeeded);
            }
            if !discrepancy.is_ascii() || members.is_empty() {
                return Err(Rejection::NotPlain("discrepancy id"));
            }
            for (read, finding) in members {
                judged_finding(state, fold, read, finding)?;
            }
            let record = state.case(case).ok_or_else(|| Rejection::UnknownCase(case.to_string()))?;
            let seq = state.next_seq(&stream);
            let mut out = Decided::on(stream, "adjudication.resolve");
            let mut refs = Vec::new();
            for (index, item) in (0u32..).zip(result) {
                refs.push(match item {
                    ResolvedFinding::Taken { read, finding } => {
                        judged_finding(state, fold, read, finding)?;
                        ResultRef::Taken { read: *read, finding: finding.clone() }
                    }
                    ResolvedFinding::Drawn(draft) => {
                        if draft.terms.is_empty() {
                            return Err(Rejection::FindingsWithoutTerm(1));
                        }
                        let place = ReadRef { stream, case: case.clone(), reader: env.actor.clone(), round: 1 };
                        let body = super::finding::body_of(state, env, &place, draft, &mut out)?;
                        ResultRef::Drawn { finding: FindingId::derive(&stream, seq, index), body }
                    }
                });
            }
            let reason = out.value(env, &record.subject, reason.as_str().as_bytes().to_vec())?;
            out.events.push(Event::Adjudication(AdjudicationEvent::Resolved {
                discrepancy: discrepancy.clone(),
                members: members.clone(),
                take: *take,
                result: refs,
                reason,
            }));
            Ok(out)
        }
        AdjudicationCommand::Close { case, agreed, verdict } => {
            let (stream, fold) = own_open(state, env, case)?;
            for (read, finding) in agreed.iter().flatten() {
                judged_finding(state, fold, read, finding)?;
            }
            let mut covered: Vec<&FindingId> = agreed.iter().flatten().map(|(_, f)| f).collect();
            covered.extend(fold.resolved.values().flat_map(|r| r.members.iter().map(|(_, f)| f)));
            let open = fold
                .judged
                .iter()
                .filter_map(|(read, head)| state.read_fold(read)?.submissions.iter().find(|s| s.hash == *head))
                .flat_map(|s| s.findings.keys())
                .filter(|f| !covered.contains(f))
                .count();
            if open > 0 {
                return Err(Rejection::DiscrepanciesOpen(open));
            }
            let mut out = Decided::on(stream, "adjudication.close");
            out.events
                .push(Event::Adjudication(AdjudicationEvent::Closed { agreed: agreed.clone(), verdict: *verdict }));
            Ok(out)
        }
    }
}

fn own_open<'a>(state: &'a State, env: &Env<'_>, case: &CaseId) -> Result<(Digest, &'a AdjudicationFold), Rejection> {
    let (stream, fold) = state.current_adjudication(case).ok_or_else(|| Rejection::NoAdjudication(case.to_string()))?;
    let own = state.streams.get(&stream).is_some_and(|s| s.open.key == env.key && (env.continuable)(&stream));
    if !own {
        return Err(Rejection::NoAdjudication(case.to_string()));
    }
    if fold.closed_by.is_some() {
        return Err(Rejection::AdjudicationClosed);
    }
    Ok((stream, fold))
}
