//! Comparing two sealed reads, and turning an adjudicator's decision into a command.

use super::{Project, ProjectError};
use crate::analysis::matching::{Candidate, MatchRule, Relation, compare};
use crate::domain::{
    AdjudicationTake, CaseId, Digest, FindingId, ImageId, Roi, TermRef, UserText, Verdict, decode_roi,
};
use crate::journal::{
    AdjudicationCommand, Cause, Command, Finding, FindingDraft, ReadRef, Rejection, ResolvedFinding, Submission,
};

/// How two reads differ at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscrepancyKind {
    Term,
    Boundary,
    OnlyA,
    OnlyB,
}

impl DiscrepancyKind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Term => "term",
            Self::Boundary => "boundary",
            Self::OnlyA => "only-a",
            Self::OnlyB => "only-b",
        }
    }
}

/// A finding of a judged read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub read: Digest,
    pub finding: FindingId,
    pub terms: Vec<TermRef>,
}

/// One thing for the adjudicator to decide. The id derives from the judged versions and the findings, so that it is the
/// same on every machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Discrepancy {
    pub id: String,
    pub case: CaseId,
    pub kind: DiscrepancyKind,
    pub image: ImageId,
    pub frame: u32,
    pub a: Option<Member>,
    pub b: Option<Member>,
    /// Intersection over union of the pair; 0 without one.
    pub iou: f64,
    /// What was decided already.
    pub decided: Option<AdjudicationTake>,
}

/// Two sealed reads side by side.
pub(super) struct Pair<'a> {
    pub a: (ReadRef, &'a Submission),
    pub b: (ReadRef, &'a Submission),
}

struct Placed<'a> {
    finding: &'a Finding,
    image: ImageId,
    roi: Roi,
    term: TermRef,
}

/// Everything that comparing two reads gives.
pub(super) struct Comparison {
    pub discrepancies: Vec<Discrepancy>,
    /// Findings both made, the read whose geometry stands first.
    pub agreed: Vec<Vec<(Digest, FindingId)>>,
}

impl Project {
    /// The first two sealed reads of a case, in the order of reader ids.
    pub(super) fn sealed_pair(&self, case: &CaseId) -> Option<Pair<'_>> {
        if !self.state.rival_reads(case).is_empty() {
            return None;
        }
        let mut sealed = self.state.reads_of(case).into_iter().filter_map(|r| self.sealed(&r).map(|s| (r, s)));
        Some(Pair { a: sealed.next()?, b: sealed.next()? })
    }

    fn placed<'a>(&self, submission: &'a Submission) -> Result<Vec<Placed<'a>>, ProjectError> {
        let mut out = Vec::new();
        for finding in submission.findings.values() {
            let (Some(first), Some(term)) = (finding.body.rois.first(), finding.body.terms.first()) else { continue };
            let Some(roi) = self.store.value(&first.geometry)?.and_then(|v| decode_roi(&v.value).ok()) else {
                continue;
            };
            out.push(Placed { finding, image: first.image.clone(), roi, term: term.clone() });
        }
        Ok(out)
    }

    /// What the two sealed reads of a case have in common and where they differ.
    pub(super) fn compare_reads(&self, case: &CaseId) -> Result<Comparison, ProjectError> {
        let mut out = Comparison { discrepancies: Vec::new(), agreed: Vec::new() };
        if let Some((reader, reads)) = self.state.rival_reads(case).into_iter().next() {
            return Err(Rejection::RivalReads { reader: reader.to_string(), count: reads.len() }.into());
        }
        let Some(pair) = self.seen_whole(Ok(self.sealed_pair(case)))? else { return Ok(out) };
        let rules = self.protocol();
        let rule = MatchRule {
            pair_iou: f64::from(rules.boundary_iou_permille) / 1000.0,
            same_boundary_iou: f64::from(rules.match_iou_permille) / 1000.0,
            ..MatchRule::default()
        };
        let (a, b) = (self.placed(pair.a.1)?, self.placed(pair.b.1)?);
        let decided = self.state.current_adjudication(case).map(|(_, f)| f.resolved.clone()).unwrap_or_default();
        for image in self.state.images_of(case) {
            let on = |list: &'_ [Placed<'_>]| {
                list.iter().enumerate().filter(|(_, p)| p.image == image).map(|(i, _)| i).collect::<Vec<_>>()
            };
            let candidates = |list: &[usize], all: &[Placed<'_>]| -> Vec<(FindingId, TermRef, Roi)> {
                list.iter()
                    .filter_map(|i| all.get(*i))
                    .map(|p| (p.finding.id.clone(), p.term.clone(), p.roi.clone()))
                    .collect()
            };
            let (own_a, own_b) = (candidates(&on(&a), &a), candidates(&on(&b), &b));
            for found in compare(&borrowed(&own_a), &borrowed(&own_b), &rule) {
                let member =
                    |id: &Option<FindingId>, read: &ReadRef, list: &[(FindingId, TermRef, Roi)], sub: &Submission| {
                        let id = id.clone()?;
                        list.iter().find(|(i, _, _)| *i == id)?;
                        let terms = sub.findings.get(&id).map(|f| f.body.terms.clone()).unwrap_or_default();
                        Some(Member { read: read.stream, finding: id, terms })
                    };
                let in_a = member(&found.a, &pair.a.0, &own_a, pair.a.1);
                let in_b = member(&found.b, &pair.b.0, &own_b, pair.b.1);
                let kind = match found.relation {
                    Relation::Agreed => {
                        let both = in_a.iter().chain(&in_b).map(|m| (m.read, m.finding.clone())).collect();
                        out.agreed.push(both);
                        continue;
                    }
                    Relation::TermDiffers => DiscrepancyKind::Term,
                    Relation::BoundaryDiffers => DiscrepancyKind::Boundary,
                    Relation::OnlyA => DiscrepancyKind::OnlyA,
                    Relation::OnlyB => DiscrepancyKind::OnlyB,
                };
                let mut named = Vec::new();
                for (m, sub) in [(&in_a, pair.a.1), (&in_b, pair.b.1)] {
                    named.extend(sub.hash.as_bytes());
                    named.extend(m.as_ref().map(|m| m.finding.to_string()).unwrap_or_default().into_bytes());
                    named.push(0);
                }
                let id = format!(
                    "d-{}",
                    Digest::of(b"shoken-discrepancy-v1\0", &named).to_string().get(..12).unwrap_or_default()
                );
                out.discrepancies.push(Discrepancy {
                    decided: decided.get(&id).map(|r| r.take),
                    id,
                    case: case.clone(),
                    kind,
                    image: image.clone(),
                    frame: found.frame,
                    a: in_a,
                    b: in_b,
                    iou: found.iou,
                });
            }
        }
        Ok(out)
    }

    /// Where the two sealed reads of a case differ; empty until both are sealed. For adjudicators and the office.
    ///
    /// # Errors
    /// An unknown case, a missing role, store errors.
    pub fn discrepancies(&self, case: &CaseId) -> Result<Vec<Discrepancy>, ProjectError> {
        if self.state.case(case).is_none() {
            return Err(ProjectError::NoSuchCase(case.to_string()));
        }
        let roles = self.roles();
        let may = [crate::domain::Role::Adjudicator, crate::domain::Role::Coordinator, crate::domain::Role::Auditor];
        if !may.iter().any(|r| roles.contains(r)) {
            let reader = self.actor().map(ToString::to_string).unwrap_or_default();
            return Err(Rejection::RoleMissing { reader, role: crate::domain::Role::Adjudicator }.into());
        }
        Ok(self.compare_reads(case)?.discrepancies)
    }

    /// Number of findings on which both sealed reads of a case agree.
    ///
    /// # Errors
    /// Store errors.
    pub fn agreed_count(&self, case: &CaseId) -> Result<usize, ProjectError> {
        Ok(self.compare_reads(case)?.agreed.len())
    }

    /// Finds a discrepancy by its id.
    ///
    /// # Errors
    /// When no case has it.
    pub fn find_discrepancy(&self, id: &str) -> Result<Discrepancy, ProjectError> {
        let cases: Vec<CaseId> = self.state.cases().map(|c| c.id.clone()).collect();
        for case in cases {
            if let Some(found) = self.discrepancies(&case)?.into_iter().find(|d| d.id == id) {
                return Ok(found);
            }
        }
        Err(ProjectError::NoSuchCase(id.to_owned()))
    }

    /// Decides one discrepancy. `drawn` holds the findings of [`AdjudicationTake::Redrawn`]. Opens the adjudication of the
    /// case when none is open, and closes it when this was the last open question.
    ///
    /// # Errors
    /// Rules and store errors.
    pub fn resolve(
        &mut self,
        discrepancy: &Discrepancy,
        take: AdjudicationTake,
        drawn: Vec<FindingDraft>,
        reason: &str,
        cause: &Cause,
    ) -> Result<bool, ProjectError> {
        let case = discrepancy.case.clone();
        self.open_adjudication(&case, cause)?;
        let taken = |m: &Option<Member>| {
            m.iter().map(|m| ResolvedFinding::Taken { read: m.read, finding: m.finding.clone() }).collect::<Vec<_>>()
        };
        let result = match take {
            AdjudicationTake::A => taken(&discrepancy.a),
            AdjudicationTake::B => taken(&discrepancy.b),
            AdjudicationTake::Both => taken(&discrepancy.a).into_iter().chain(taken(&discrepancy.b)).collect(),
            AdjudicationTake::Neither => Vec::new(),
            AdjudicationTake::Redrawn => drawn.into_iter().map(ResolvedFinding::Drawn).collect(),
        };
        let members = discrepancy.a.iter().chain(&discrepancy.b).map(|m| (m.read, m.finding.clone())).collect();
        let command = AdjudicationCommand::Resolve {
            case: case.clone(),
            discrepancy: discrepancy.id.clone(),
            members,
            take,
            result,
            reason: UserText::new(reason),
        };
        self.execute(Command::Adjudication(command), cause)?;
        self.close_if_decided(&case, cause)
    }

    /// Confirms every complete case on which the readers agree in everything. Returns how many cases were closed.
    ///
    /// # Errors
    /// Rules and store errors; cases closed before one of them stay closed.
    pub fn close_agreed(&mut self, cause: &Cause) -> Result<usize, ProjectError> {
        let mut closed = 0;
        for case in self.agreed_cases()? {
            self.open_adjudication(&case, cause)?;
            closed += usize::from(self.close_if_decided(&case, cause)?);
        }
        Ok(closed)
    }

    /// Complete cases without a discrepancy whose adjudication is not closed yet.
    ///
    /// # Errors
    /// Store errors.
    pub fn agreed_cases(&self) -> Result<Vec<CaseId>, ProjectError> {
        let mut out = Vec::new();
        for case in self.case_ids() {
            let judged = self.sealed_pair(&case).map(|p| vec![(p.a.0.stream, p.a.1.hash), (p.b.0.stream, p.b.1.hash)]);
            let Some(judged) = judged.filter(|_| self.is_complete(&case)) else { continue };
            let closed = self
                .state
                .current_adjudication(&case)
                .is_some_and(|(_, f)| f.closed_by.is_some() && f.judged == judged);
            if !closed && self.compare_reads(&case)?.discrepancies.is_empty() {
                out.push(case);
            }
        }
        Ok(out)
    }

    /// Opens the adjudication of a case over its sealed reads; nothing happens when it is open.
    ///
    /// # Errors
    /// Rules and store errors.
    pub fn open_adjudication(&mut self, case: &CaseId, cause: &Cause) -> Result<(), ProjectError> {
        match self.execute(Command::Adjudication(AdjudicationCommand::Open { case: case.clone() }), cause) {
            Ok(_) | Err(ProjectError::Rejected(Rejection::NothingToDo)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Closes the adjudication when every discrepancy is decided. True when it is closed now.
    ///
    /// # Errors
    /// Rules and store errors.
    pub fn close_if_decided(&mut self, case: &CaseId, cause: &Cause) -> Result<bool, ProjectError> {
        let compared = self.compare_reads(case)?;
        if compared.discrepancies.iter().any(|d| d.decided.is_none()) {
            return Ok(false);
        }
        let kept =
            self.state.current_adjudication(case).map_or(0, |(_, f)| f.resolved.values().map(|r| r.result.len()).sum());
        let both_refused =
            self.sealed_pair(case).is_some_and(|p| [p.a.1, p.b.1].iter().all(|s| s.verdict == Verdict::NotAssessable));
        let verdict = match (compared.agreed.len() + kept, both_refused) {
            (0, true) => Verdict::NotAssessable,
            (0, false) => Verdict::NoFinding,
            _ => Verdict::Findings,
        };
        let close = AdjudicationCommand::Close { case: case.clone(), agreed: compared.agreed, verdict };
        self.execute(Command::Adjudication(close), cause)?;
        Ok(true)
    }
}

fn borrowed(list: &[(FindingId, TermRef, Roi)]) -> Vec<Candidate<'_>> {
    list.iter().map(|(id, term, roi)| Candidate { id, term, roi }).collect()
}
