//! What stands: the consensus of every case as the signed state gives it, and the cases that have none yet.
//!
//! The release writer and its verification call the same function, so a label can neither be added nor left out.

use super::release_input::{
    CoveredAdjudication, CoveredRead, ExcludedCase, Label, LabelDecision, LabelRoi, LabelSource, ReleasedCase,
};
use crate::domain::{CaseId, Digest, FindingId, ReaderId, StreamId};
use crate::journal::{AdjudicationFold, CaseRecord, Finding, FindingBody, ReadRef, ResultRef, State, Submission};

/// Everything that a release says about cases and labels.
#[derive(Clone, Debug, Default)]
pub struct Consensus {
    pub cases: Vec<ReleasedCase>,
    pub excluded: Vec<ExcludedCase>,
    pub labels: Vec<Label>,
}

/// A sealed read with the version that was sealed.
struct Sealed<'a> {
    read: ReadRef,
    submission: &'a Submission,
}

/// The consensus of a whole project. `software` gives the program that made a transaction, by its hash.
pub fn consensus(state: &State, software: &dyn Fn(&Digest) -> String) -> Consensus {
    let mut out = Consensus::default();
    for case in state.cases() {
        if let Err(reason) = add_case(state, case, software, &mut out) {
            out.excluded.push(ExcludedCase { case: case.id.clone(), reason: reason.to_owned() });
        }
    }
    out
}

fn add_case(
    state: &State,
    case: &CaseRecord,
    software: &dyn Fn(&Digest) -> String,
    out: &mut Consensus,
) -> Result<(), &'static str> {
    if state.is_erased(&case.subject) {
        return Err("erased");
    }
    let sealed: Vec<Sealed<'_>> = state
        .reads_of(&case.id)
        .into_iter()
        .filter_map(|read| state.read_fold(&read.stream)?.sealed().map(|submission| Sealed { read, submission }))
        .collect();
    // Two acts that exclude each other are both kept; nothing stands until the coordinator has decided.
    let forked = sealed.iter().any(|s| state.streams.get(&s.read.stream).is_some_and(|s| s.forked));
    if forked || !state.rival_reads(&case.id).is_empty() {
        return Err("conflict");
    }
    let needed = state.protocol().rules().reads_per_case.max(1) as usize;
    if sealed.len() < needed {
        return Err("reads-missing");
    }
    let adjudication = state.current_adjudication(&case.id);
    let covers = |s: &Sealed<'_>| CoveredRead {
        stream: s.read.stream,
        reader: s.read.reader.clone(),
        seq: s.submission.seq,
        hash: s.submission.hash,
        submitted: s.submission.time.clone(),
        verdict: s.submission.verdict,
        software: software(&s.submission.hash),
    };
    match (adjudication, sealed.as_slice()) {
        (Some((stream, fold)), _) => {
            let (Some(closed_by), Some(closed), Some(verdict)) = (fold.closed_by, &fold.closed_at, fold.verdict) else {
                return Err("adjudication-open");
            };
            let stands = sealed.iter().all(|s| fold.judged.contains(&(s.read.stream, s.submission.hash)));
            if !stands || sealed.len() != fold.judged.len() {
                return Err("adjudication-outdated");
            }
            let adjudicator = state.streams.get(&stream).map(|s| s.open.reader.clone()).ok_or("adjudication-open")?;
            let labels = adjudicated(case, &sealed, stream, &adjudicator, fold).ok_or("adjudication-incomplete")?;
            out.labels.extend(labels);
            out.cases.push(ReleasedCase {
                case: case.id.clone(),
                verdict,
                images: case.images.clone(),
                reads: sealed.iter().map(covers).collect(),
                adjudication: Some(CoveredAdjudication {
                    stream,
                    adjudicator,
                    closed: closed.clone(),
                    hash: closed_by,
                    software: software(&closed_by),
                }),
            });
        }
        (None, [only]) if needed == 1 => {
            let decision = LabelDecision::SingleRead { read: only.read.stream };
            for finding in only.submission.findings.values() {
                let sources = vec![source_of(only, finding)];
                out.labels.push(label(&case.id, finding.id.clone(), &finding.body, sources, decision.clone()));
            }
            out.cases.push(ReleasedCase {
                case: case.id.clone(),
                verdict: only.submission.verdict,
                images: case.images.clone(),
                reads: vec![covers(only)],
                adjudication: None,
            });
        }
        _ => return Err("not-adjudicated"),
    }
    Ok(())
}

fn label(
    case: &CaseId,
    id: FindingId,
    body: &FindingBody,
    sources: Vec<LabelSource>,
    decision: LabelDecision,
) -> Label {
    Label {
        id,
        case: case.clone(),
        terms: body.terms.clone(),
        certainty: body.certainty,
        attributes: body.attributes.clone(),
        rois: body.rois.iter().map(|r| LabelRoi { image: r.image.clone(), geometry: r.geometry }).collect(),
        sources,
        decision,
    }
}

fn source_of(sealed: &Sealed<'_>, finding: &Finding) -> LabelSource {
    let made = &finding.body.origin;
    LabelSource {
        read: sealed.read.stream,
        finding: finding.id.clone(),
        reader: sealed.read.reader.clone(),
        origin: made.origin,
        tool: made.tool.clone(),
        seen: made.seen,
        model: made.model.clone(),
        time: finding.changed_at.clone(),
        transaction: finding.changed_by,
    }
}

fn find<'a>(sealed: &'a [Sealed<'a>], read: &StreamId, finding: &FindingId) -> Option<(&'a Sealed<'a>, &'a Finding)> {
    let sealed = sealed.iter().find(|s| s.read.stream == *read)?;
    sealed.submission.findings.get(finding).map(|f| (sealed, f.as_ref()))
}

/// The labels of a closed adjudication; `None` when it names a finding that no judged read holds.
fn adjudicated(
    case: &CaseRecord,
    sealed: &[Sealed<'_>],
    stream: StreamId,
    adjudicator: &ReaderId,
    fold: &AdjudicationFold,
) -> Option<Vec<Label>> {
    let mut out = Vec::new();
    for group in &fold.agreed {
        let members = group.iter().map(|(r, f)| find(sealed, r, f)).collect::<Option<Vec<_>>>()?;
        let (_, first) = members.first()?;
        let sources = members.iter().map(|(s, f)| source_of(s, f)).collect();
        let decision = LabelDecision::Agreed {
            adjudication: stream,
            adjudicator: adjudicator.clone(),
            time: fold.closed_at.clone()?,
            transaction: fold.closed_by?,
        };
        out.push(label(&case.id, first.id.clone(), &first.body, sources, decision));
    }
    for (discrepancy, record) in &fold.resolved {
        for result in &record.result {
            let (id, body, sources) = match result {
                ResultRef::Taken { read, finding } => {
                    let (sealed, found) = find(sealed, read, finding)?;
                    (found.id.clone(), &found.body, vec![source_of(sealed, found)])
                }
                ResultRef::Drawn { finding, body } => (finding.clone(), body, Vec::new()),
            };
            let decision = LabelDecision::Adjudicated {
                adjudication: stream,
                adjudicator: adjudicator.clone(),
                discrepancy: discrepancy.clone(),
                take: record.take,
                time: record.time.clone(),
                transaction: record.tx,
                reason: record.reason,
            };
            out.push(label(&case.id, id, body, sources, decision));
        }
    }
    Some(out)
}
