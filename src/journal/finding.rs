//! Findings: what a reader marked and what it is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::{FindingCommand, FindingDraft};
use super::decide::{Decided, Env, Rejection};
use super::event::{Event, FindingEvent};
use super::parts::Dealing;
use super::read::{ReadFold, ReadPhase};
use super::state::{ReadRef, State};
use crate::domain::{
    Certainty, Digest, FindingId, GeometryKind, ImageId, Origin, Roi, Shape, SubjectId, TermRef, encode_roi,
};

/// One outline of a finding: the image, the frame counted from 0, and the salted digest of its geometry value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoiRef {
    pub image: ImageId,
    pub frame: u32,
    pub shape: GeometryKind,
    pub geometry: Digest,
}

/// How a finding came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingOrigin {
    pub origin: Origin,
    /// Tool code, for example `polygon`, `geojson`, `adjudication`.
    pub tool: String,
    /// Whether the reader looked at this very finding; false for members of a bulk act.
    pub seen: bool,
    /// Model name and version where one suggested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A finding as the journal states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingBody {
    pub rois: Vec<RoiRef>,
    pub terms: Vec<TermRef>,
    pub certainty: Option<Certainty>,
    /// Coded attributes: attribute id to value code.
    pub attributes: BTreeMap<String, String>,
    pub origin: FindingOrigin,
    /// Salted digest of the comment.
    pub comment: Option<Digest>,
}

impl FindingBody {
    /// Says something of a whole image instead of naming a lesion on it (with which light a still was taken): coded
    /// attributes, no term, nothing outlined. It is a reader's act like any other (signed, undone, erased), but no finding:
    /// it is not counted, not matched with another reader's, and does not stand against the verdict "no finding".
    pub fn is_image_fact(&self) -> bool {
        self.terms.is_empty()
            && !self.attributes.is_empty()
            && !self.rois.is_empty()
            && self.rois.iter().all(|r| r.shape == GeometryKind::WholeImage)
    }
}

/// A finding as folded: its body now, and when and by which transaction it last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub id: FindingId,
    pub body: FindingBody,
    pub deleted: bool,
    /// Transaction that created it, and the one that last touched it.
    pub created_by: Digest,
    /// How many findings the read had before it, deleted ones included: the order of the list.
    pub ordinal: u64,
    pub created_at: String,
    pub changed_by: Digest,
    pub changed_at: String,
}

/// Which kind of drawing a shape is; terms may permit only some.
pub(super) const fn geometry_kind(shape: &Shape) -> GeometryKind {
    match shape {
        Shape::Point(_) => GeometryKind::Point,
        Shape::Line(_) => GeometryKind::Line,
        Shape::Polygons(_) => GeometryKind::Polygon,
        Shape::WholeImage => GeometryKind::WholeImage,
    }
}

impl ReadFold {
    pub(super) fn apply_finding(&mut self, event: &FindingEvent, tx: &Digest, time: &str) {
        if let FindingEvent::Created { finding, body } = event {
            let made = Finding {
                id: finding.clone(),
                body: body.clone(),
                deleted: false,
                created_by: *tx,
                ordinal: self.findings.len() as u64,
                created_at: time.to_owned(),
                changed_by: *tx,
                changed_at: time.to_owned(),
            };
            self.findings.entry(finding.clone()).or_insert_with(|| Arc::new(made));
            return;
        }
        let Some(found) = self.findings.get_mut(event.finding()).map(Arc::make_mut) else { return };
        match event {
            FindingEvent::Created { .. } => {}
            FindingEvent::Deleted { .. } => found.deleted = true,
            FindingEvent::Restored { .. } => found.deleted = false,
            FindingEvent::Reshaped { to, .. } => found.body.rois.clone_from(to),
            FindingEvent::Relabelled { to, .. } => found.body.terms.clone_from(to),
            FindingEvent::Graded { to, .. } => found.body.certainty = *to,
            FindingEvent::Attributed { to, .. } => found.body.attributes.clone_from(to),
            FindingEvent::Commented { to, .. } => found.body.comment = *to,
        }
        found.changed_by = *tx;
        time.clone_into(&mut found.changed_at);
    }

    /// Findings that are there, in order of creation id.
    pub fn live(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values().map(AsRef::as_ref).filter(|f| !f.deleted && !f.body.is_image_fact())
    }

    /// Whether an act was about image facts and nothing else.
    pub fn is_about_images(&self, events: &[FindingEvent]) -> bool {
        let fact = |e: &FindingEvent| self.findings.get(e.finding()).is_some_and(|f| f.body.is_image_fact());
        !events.is_empty() && events.iter().all(fact)
    }

    /// What was said of whole images, in no order that means anything.
    pub fn image_facts(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values().map(AsRef::as_ref).filter(|f| !f.deleted && f.body.is_image_fact())
    }
}

fn check_terms(state: &State, terms: &[TermRef], rois: &[(ImageId, Roi)]) -> Result<(), Rejection> {
    for term in terms {
        let pack = state.protocol().packs.iter().find(|p| p.pack == term.pack && p.version == term.version);
        let Some(pack) = pack else { return Err(Rejection::UnknownTerm(term.id.clone())) };
        let Some(allowed) = pack.terms.get(&term.id) else { return Err(Rejection::UnknownTerm(term.id.clone())) };
        for (_, roi) in rois {
            if !allowed.contains(&geometry_kind(&roi.shape)) {
                return Err(Rejection::GeometryNotAllowed(term.id.clone()));
            }
        }
    }
    Ok(())
}

/// The rois of a command as references, with their values queued for storage.
fn roi_refs(
    state: &State,
    env: &mut Env<'_>,
    read: &ReadRef,
    rois: &[(ImageId, Roi)],
    out: &mut Decided,
) -> Result<Vec<RoiRef>, Rejection> {
    rois.iter()
        .map(|(image, roi)| {
            let record = state
                .image(image)
                .filter(|i| i.case == read.case)
                .ok_or_else(|| Rejection::UnknownImage(image.clone()))?;
            if roi.frame >= record.frames {
                return Err(Rejection::UnknownFrame { frame: roi.frame, frames: record.frames });
            }
            let (shape, _) = roi.shape.repaired()?;
            let kind = geometry_kind(&shape);
            let value = encode_roi(&Roi { shape, ..roi.clone() });
            let geometry = out.value(env, &record.subject, value)?;
            Ok(RoiRef { image: image.clone(), frame: roi.frame, shape: kind, geometry })
        })
        .collect()
}

fn subject_of(state: &State, read: &ReadRef) -> Result<SubjectId, Rejection> {
    state.case(&read.case).map(|c| c.subject.clone()).ok_or_else(|| Rejection::UnknownCase(read.case.to_string()))
}

pub(super) fn body_of(
    state: &State,
    env: &mut Env<'_>,
    read: &ReadRef,
    draft: &FindingDraft,
    out: &mut Decided,
) -> Result<FindingBody, Rejection> {
    check_terms(state, &draft.terms, &draft.rois)?;
    let comment = match draft.comment.as_ref().filter(|c| !c.is_empty()) {
        Some(text) => Some(out.value(env, &subject_of(state, read)?, text.as_str().as_bytes().to_vec())?),
        None => None,
    };
    Ok(FindingBody {
        rois: roi_refs(state, env, read, &draft.rois, out)?,
        terms: draft.terms.clone(),
        certainty: draft.certainty,
        attributes: draft.attributes.clone(),
        origin: draft.origin.clone(),
        comment,
    })
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &FindingCommand) -> Result<Decided, Rejection> {
    let case = command.case();
    let read = state.current_read(env.actor, case).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
    let fold = state.read_fold(&read.stream).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
    if fold.phase != ReadPhase::Open {
        return Err(Rejection::ReadSealed);
    }
    let seq = state.next_seq(&read.stream);
    let mut out = Decided::on(read.stream, command.label());
    let live = |id: &FindingId| {
        fold.findings.get(id).filter(|f| !f.deleted).ok_or_else(|| Rejection::UnknownFinding(id.to_string()))
    };
    match command {
        FindingCommand::Add { findings, .. } => {
            if findings.is_empty() {
                return Err(Rejection::NothingToDo);
            }
            let mut dealing = Dealing::default();
            for draft in findings {
                let body = body_of(state, env, &read, draft, &mut out)?;
                let (part, index) = dealing.next(body.rois.len());
                let finding = FindingId::derive(&read.stream, seq + part, index);
                out.events.push(Event::Finding(FindingEvent::Created { finding, body }));
            }
        }
        FindingCommand::Delete { findings, .. } => {
            for id in findings {
                live(id)?;
                out.events.push(Event::Finding(FindingEvent::Deleted { finding: id.clone() }));
            }
        }
        FindingCommand::Reshape { finding, rois, .. } => {
            let found = live(finding)?;
            check_terms(state, &found.body.terms, rois)?;
            let to = roi_refs(state, env, &read, rois, &mut out)?;
            out.events.push(Event::Finding(FindingEvent::Reshaped {
                finding: finding.clone(),
                from: found.body.rois.clone(),
                to,
            }));
        }
        FindingCommand::Relabel { findings, terms, .. } => {
            for id in findings {
                let found = live(id)?;
                let shapes: Vec<GeometryKind> = found.body.rois.iter().map(|r| r.shape).collect();
                check_terms(state, terms, &[])?;
                for term in terms {
                    let allowed = state.permitted(term);
                    if shapes.iter().any(|s| !allowed.contains(s)) {
                        return Err(Rejection::GeometryNotAllowed(term.id.clone()));
                    }
                }
                if found.body.terms != *terms {
                    let event = FindingEvent::Relabelled {
                        finding: id.clone(),
                        from: found.body.terms.clone(),
                        to: terms.clone(),
                    };
                    out.events.push(Event::Finding(event));
                }
            }
        }
        FindingCommand::Grade { finding, certainty, .. } => {
            let found = live(finding)?;
            if found.body.certainty != *certainty {
                let event =
                    FindingEvent::Graded { finding: finding.clone(), from: found.body.certainty, to: *certainty };
                out.events.push(Event::Finding(event));
            }
        }
        FindingCommand::Comment { finding, text, .. } => {
            let found = live(finding)?;
            let to = if text.is_empty() {
                None
            } else {
                Some(out.value(env, &subject_of(state, &read)?, text.as_str().as_bytes().to_vec())?)
            };
            let event = FindingEvent::Commented { finding: finding.clone(), from: found.body.comment, to };
            out.events.push(Event::Finding(event));
        }
    }
    if out.events.is_empty() { Err(Rejection::NothingToDo) } else { Ok(out) }
}
