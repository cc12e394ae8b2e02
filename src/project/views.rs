//! Plain values for panels and the command line. A view holds only what its reader may see: blindness is decided here, by
//! leaving things out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::images::ImageState;
use super::{Project, ProjectError};
use crate::domain::{
    AdjudicationTake, CaseId, Certainty, Digest, Field, FindingId, ImageId, Origin, ReaderId, Roi, Role, Sensitive,
    TermRef, Verdict,
};
use crate::journal::{Finding, FindingBody, Gesture, PublicKey, ReadFold, ReadPhase, ReadRef, ResultRef, Submission};

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadScope {
    /// A reader: own read only.
    Reader(ReaderId),
    /// An adjudicator: the sealed reads of cases that are complete, as A and B, without names.
    Adjudicator(ReaderId),
    /// Coordinator or auditor: sealed reads with the readers' ids.
    Office(ReaderId),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReaderView {
    pub id: ReaderId,
    pub roles: Vec<Role>,
    pub keys: Vec<PublicKey>,
    pub key_here: bool,
    pub key_made_by_coordinator: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ImageView {
    pub id: ImageId,
    pub name: Sensitive<String>,
    pub modality: String,
    pub field: Field,
    pub frames: u32,
    pub width: u32,
    pub height: u32,
    /// Whether the content hash is known, which submitting needs.
    pub hashed: bool,
    pub state: ImageState,
}

/// One outline; `roi` is `None` when it was erased or did not come along.
#[derive(Clone, Debug, PartialEq)]
pub struct RoiView {
    pub image: ImageId,
    pub frame: u32,
    pub roi: Option<Arc<Roi>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FindingView {
    pub id: FindingId,
    /// 1-based number in the list.
    pub number: u32,
    pub rois: Vec<RoiView>,
    pub terms: Vec<TermRef>,
    pub certainty: Option<Certainty>,
    pub attributes: BTreeMap<String, String>,
    pub comment: Option<String>,
    pub origin: Origin,
    pub tool: String,
    pub seen: bool,
    pub changed_at: String,
}

/// What undo and redo call an act that said something of whole images.
pub const IMAGE_FACT: &str = "image.fact";

/// What a reader said of a whole image, or of a stretch of a film, in coded attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFact {
    pub id: FindingId,
    pub image: ImageId,
    /// The frame it is said of, or from which on.
    pub frame: u32,
    pub attributes: BTreeMap<String, String>,
}

/// One read as far as it may be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadView {
    pub stream: Digest,
    /// `None` where the reader is not to be known.
    pub reader: Option<ReaderId>,
    /// `A`, `B`, … in the order of reader ids.
    pub slot: char,
    pub phase: ReadPhase,
    pub verdict: Option<Verdict>,
    pub findings: Vec<FindingView>,
    /// What the reader said of whole images, the newest last; only in the reader's own view.
    pub facts: Vec<ImageFact>,
    /// Codes of the acts that undo and redo would take.
    pub undo: Option<String>,
    pub redo: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResolutionView {
    pub discrepancy: String,
    pub take: AdjudicationTake,
    pub reason: Option<String>,
    /// What the adjudicator drew, where the decision was to redraw.
    pub drawn: Vec<FindingView>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AdjudicationView {
    pub stream: Digest,
    pub resolved: Vec<ResolutionView>,
    pub closed: bool,
    pub verdict: Option<Verdict>,
}

/// A case as one reader may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseView {
    pub case: CaseId,
    pub label: String,
    pub images: Vec<ImageView>,
    pub reads: Vec<ReadView>,
    pub adjudication: Option<AdjudicationView>,
}

/// Where a case stands for the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkState {
    /// Nobody was asked to read it; in a personal project anybody may.
    New,
    Assigned,
    Open,
    Submitted,
    /// Reopened after it was submitted.
    Amended,
    ToAdjudicate,
    Adjudicated,
}

impl WorkState {
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Assigned => "assigned",
            Self::Open => "open",
            Self::Submitted => "submitted",
            Self::Amended => "amended",
            Self::ToAdjudicate => "to-adjudicate",
            Self::Adjudicated => "adjudicated",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct WorkImage {
    pub id: ImageId,
    /// Only for those who may see it: the acting person on the machine that imported it.
    pub path: Option<Sensitive<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WorkItem {
    pub case: CaseId,
    pub label: String,
    pub field: Field,
    pub modality: String,
    pub state: WorkState,
    pub reader: ReaderId,
    pub findings: usize,
    pub images: Vec<WorkImage>,
}

impl Project {
    /// The scope in which the acting reader works by default.
    ///
    /// # Errors
    /// [`ProjectError::NobodyHere`] when nobody acts.
    pub fn own_scope(&self) -> Result<ReadScope, ProjectError> {
        let actor = self.actor().ok_or(ProjectError::NobodyHere)?.clone();
        let roles = self.roles();
        Ok(if roles.contains(&Role::Reader) {
            ReadScope::Reader(actor)
        } else if roles.contains(&Role::Adjudicator) {
            ReadScope::Adjudicator(actor)
        } else {
            ReadScope::Office(actor)
        })
    }

    /// Finds a case by its id or by the label that people see.
    ///
    /// # Errors
    /// [`ProjectError::NoSuchCase`].
    pub fn find_case(&self, text: &str) -> Result<CaseId, ProjectError> {
        if let Ok(id) = CaseId::new(text)
            && self.state.case(&id).is_some()
        {
            return Ok(id);
        }
        self.store.case_by_label(text)?.ok_or_else(|| ProjectError::NoSuchCase(text.to_owned()))
    }

    /// Label of a case for people; its id where the label was erased.
    pub fn case_label(&self, case: &CaseId) -> String {
        self.store.case_label(case).ok().flatten().unwrap_or_else(|| case.to_string())
    }

    /// The label of a term in a language (`ja`, `en`), falling back to English and then to its id.
    pub fn term_label(&self, term: &TermRef, language: &str) -> String {
        let pack = self.packs.iter().find(|p| p.id == term.pack && p.version == term.version);
        let found = pack.and_then(|p| p.term(&term.id));
        found
            .and_then(|t| t.label.get(language).or_else(|| t.label.get("en")))
            .cloned()
            .unwrap_or_else(|| term.id.clone())
    }

    /// A case with what this scope may see of it.
    ///
    /// # Errors
    /// An unknown case, a role that the register does not give, store errors.
    pub fn view(&self, case: &CaseId, scope: &ReadScope) -> Result<CaseView, ProjectError> {
        self.seen_whole(self.view_now(case, scope))
    }

    fn view_now(&self, case: &CaseId, scope: &ReadScope) -> Result<CaseView, ProjectError> {
        self.shapes.looked_at(case, self.state.erased().count());
        let record = self.state.case(case).ok_or_else(|| ProjectError::NoSuchCase(case.to_string()))?;
        let images = record.images.iter().map(|i| self.image_view(i)).collect::<Result<Vec<_>, _>>()?;
        self.check_scope(scope)?;
        let all = self.state.reads_of(case);
        let reads = match scope {
            ReadScope::Reader(reader) => {
                let own = self.state.current_read(reader, case);
                own.iter().map(|r| self.own_read(r)).collect::<Result<Vec<_>, _>>()?
            }
            ReadScope::Adjudicator(_) => {
                if self.is_complete(case) {
                    self.sealed_views(&all, false)?
                } else {
                    Vec::new()
                }
            }
            ReadScope::Office(_) => self.sealed_views(&all, true)?,
        };
        let adjudication = match scope {
            ReadScope::Reader(_) => None,
            _ => self.adjudication_view(case)?,
        };
        Ok(CaseView { case: case.clone(), label: self.case_label(case), images, reads, adjudication })
    }

    /// A scope is a claim; the register decides.
    pub(super) fn check_scope(&self, scope: &ReadScope) -> Result<(), ProjectError> {
        let (reader, allowed): (_, &[Role]) = match scope {
            ReadScope::Reader(r) => (r, &[Role::Reader]),
            ReadScope::Adjudicator(r) => (r, &[Role::Adjudicator]),
            ReadScope::Office(r) => (r, &[Role::Coordinator, Role::Auditor]),
        };
        let record = self.state.register().readers.get(reader);
        if record.is_some_and(|r| allowed.iter().any(|role| r.roles.contains(role))) {
            Ok(())
        } else {
            let role = allowed.first().copied().unwrap_or(Role::Reader);
            Err(super::Rejection::RoleMissing { reader: reader.to_string(), role }.into())
        }
    }

    /// All the reads that the protocol asks for are sealed.
    pub(super) fn is_complete(&self, case: &CaseId) -> bool {
        self.sealed_readers(case) >= self.protocol().reads_per_case as usize
    }

    /// How many different readers have sealed the case.
    fn sealed_readers(&self, case: &CaseId) -> usize {
        let reads = self.state.reads_of(case);
        let sealed: BTreeSet<_> = reads.iter().filter(|r| self.is_sealed(r)).map(|r| &r.reader).collect();
        sealed.len()
    }

    fn is_sealed(&self, read: &ReadRef) -> bool {
        self.state.read_summary(&read.stream).is_some_and(|s| s.sealed().is_some())
    }

    pub(super) fn sealed(&self, read: &ReadRef) -> Option<&Submission> {
        self.state.read_fold(&read.stream).and_then(ReadFold::sealed)
    }

    fn own_read(&self, read: &ReadRef) -> Result<ReadView, ProjectError> {
        let fold = self.state.read_fold(&read.stream).ok_or_else(|| ProjectError::NoSuchCase(read.case.to_string()))?;
        Ok(ReadView {
            stream: read.stream,
            reader: Some(read.reader.clone()),
            slot: 'A',
            phase: fold.phase,
            verdict: fold.sealed().map(|s| s.verdict),
            findings: self.finding_views(fold.live())?,
            facts: image_facts(fold),
            undo: fold.undo.last().map(|g| act_of(fold, g)),
            redo: fold.redo.last().map(|g| act_of(fold, g)),
        })
    }

    fn sealed_views(&self, reads: &[ReadRef], named: bool) -> Result<Vec<ReadView>, ProjectError> {
        let sealed = reads.iter().filter_map(|r| self.sealed(r).map(|s| (r, s)));
        ('A'..='Z')
            .zip(sealed)
            .map(|(slot, (read, s))| {
                Ok(ReadView {
                    stream: read.stream,
                    reader: named.then(|| read.reader.clone()),
                    slot,
                    phase: ReadPhase::Submitted,
                    verdict: Some(s.verdict),
                    findings: self.finding_views(s.findings.values().map(AsRef::as_ref))?,
                    facts: Vec::new(),
                    undo: None,
                    redo: None,
                })
            })
            .collect()
    }

    /// Findings in the order they were made.
    fn finding_views<'a>(&self, findings: impl Iterator<Item = &'a Finding>) -> Result<Vec<FindingView>, ProjectError> {
        let mut sorted: Vec<&Finding> = findings.collect();
        sorted.sort_by_key(|f| (f.ordinal, &f.id));
        (1u32..).zip(sorted).map(|(number, f)| self.finding_view(number, f)).collect()
    }

    pub(super) fn finding_view(&self, number: u32, finding: &Finding) -> Result<FindingView, ProjectError> {
        Ok(FindingView { number, ..self.body_view(&finding.id, &finding.body, &finding.changed_at)? })
    }

    fn body_view(&self, id: &FindingId, body: &FindingBody, changed_at: &str) -> Result<FindingView, ProjectError> {
        let rois = body
            .rois
            .iter()
            .map(|r| Ok(RoiView { image: r.image.clone(), frame: r.frame, roi: self.outline(&r.geometry)? }))
            .collect::<Result<Vec<_>, ProjectError>>()?;
        let comment = match &body.comment {
            Some(digest) => self.text(digest)?,
            None => None,
        };
        Ok(FindingView {
            id: id.clone(),
            number: 1,
            rois,
            terms: body.terms.clone(),
            certainty: body.certainty,
            attributes: body.attributes.clone(),
            comment,
            origin: body.origin.origin,
            tool: body.origin.tool.clone(),
            seen: body.origin.seen,
            changed_at: changed_at.to_owned(),
        })
    }

    /// The text behind a digest; `None` when it was erased.
    pub(super) fn text(&self, digest: &Digest) -> Result<Option<String>, ProjectError> {
        Ok(self.store.value(digest)?.and_then(|v| String::from_utf8(v.value).ok()))
    }

    fn adjudication_view(&self, case: &CaseId) -> Result<Option<AdjudicationView>, ProjectError> {
        let Some((stream, fold)) = self.state.current_adjudication(case) else { return Ok(None) };
        let mut resolved = Vec::new();
        for (discrepancy, r) in &fold.resolved {
            let mut drawn = Vec::new();
            for item in &r.result {
                if let ResultRef::Drawn { finding, body } = item {
                    drawn.push(self.body_view(finding, body, &r.time)?);
                }
            }
            resolved.push(ResolutionView {
                discrepancy: discrepancy.clone(),
                take: r.take,
                reason: self.text(&r.reason)?,
                drawn,
            });
        }
        Ok(Some(AdjudicationView { stream, resolved, closed: fold.closed_by.is_some(), verdict: fold.verdict }))
    }

    /// The cases of a reader (or, for adjudicators and the office, of the project) and where each stands.
    ///
    /// # Errors
    /// Store errors.
    pub fn worklist(&self, reader: &ReaderId) -> Result<Vec<WorkItem>, ProjectError> {
        let record = self
            .state
            .register()
            .readers
            .get(reader)
            .ok_or_else(|| super::Rejection::UnknownReader(reader.to_string()))?;
        let reads = record.roles.contains(&Role::Reader);
        let judges = record.roles.contains(&Role::Adjudicator);
        let office = record.roles.contains(&Role::Coordinator) || record.roles.contains(&Role::Auditor);
        let assignments = self.state.assignments();
        let given: BTreeSet<&CaseId> = assignments.iter().filter(|a| a.reader == *reader).map(|a| &a.case).collect();
        let anybody = given.is_empty() && !self.protocol().assignment_required;
        let sees_paths = self.actor() == Some(reader);
        let mut out = Vec::new();
        for case in self.state.cases().filter(|c| !self.state.is_erased(&c.subject)) {
            let assigned = anybody || given.contains(&case.id);
            let own = self.state.current_read(reader, &case.id);
            if reads && !assigned && own.is_none() && !judges && !office {
                continue;
            }
            let summary = own.as_ref().and_then(|r| self.state.read_summary(&r.stream));
            let closed = self.state.current_adjudication(&case.id).is_some_and(|(_, f)| f.closed_by.is_some());
            let two = self.sealed_readers(&case.id) >= 2;
            let state = match summary.as_ref().map(|s| s.phase) {
                // A reader never learns from the list how far the others are.
                Some(ReadPhase::Open) if summary.as_ref().is_some_and(|s| !s.submissions.is_empty()) => {
                    WorkState::Amended
                }
                Some(ReadPhase::Open) => WorkState::Open,
                _ if judges && closed => WorkState::Adjudicated,
                _ if judges && two && self.is_complete(&case.id) => WorkState::ToAdjudicate,
                Some(ReadPhase::Submitted) => WorkState::Submitted,
                None if office && !reads && closed => WorkState::Adjudicated,
                None if given.contains(&case.id) => WorkState::Assigned,
                None => WorkState::New,
            };
            let first = case.images.first();
            let modality =
                first.and_then(|i| self.store.image_identity(i).ok().flatten()).map(|i| i.modality).unwrap_or_default();
            let images = case
                .images
                .iter()
                .map(|id| {
                    let files = if sees_paths { self.store.files_of(id)? } else { Vec::new() };
                    Ok(WorkImage { id: id.clone(), path: files.into_iter().next().map(|f| f.path) })
                })
                .collect::<Result<Vec<_>, ProjectError>>()?;
            out.push(WorkItem {
                case: case.id.clone(),
                label: self.case_label(&case.id),
                field: first.and_then(|i| self.state.image(i)).map_or(Field::Other, |i| i.field),
                modality,
                state,
                reader: reader.clone(),
                findings: summary.map_or(0, |s| usize::try_from(s.live).unwrap_or(usize::MAX)),
                images,
            });
        }
        Ok(out)
    }
}

fn image_facts(fold: &ReadFold) -> Vec<ImageFact> {
    let mut sorted: Vec<&Finding> = fold.image_facts().collect();
    sorted.sort_by_key(|f| (f.ordinal, &f.id));
    let fact = |f: &Finding, image: &ImageId, frame: u32| ImageFact {
        id: f.id.clone(),
        image: image.clone(),
        frame,
        attributes: f.body.attributes.clone(),
    };
    sorted.into_iter().flat_map(|f| f.body.rois.iter().map(move |r| fact(f, &r.image, r.frame))).collect()
}

/// The code of an act; one about whole images goes by the code of a finding in the log and has a name of its own here.
fn act_of(fold: &ReadFold, gesture: &Gesture) -> String {
    if fold.is_about_images(&gesture.events) { IMAGE_FACT.to_owned() } else { gesture.label.clone() }
}
