//! From the project's views to the model of the panels.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::action::Workspace;
use super::hand::PRESENTATION_MS;
use super::keeping::conflicts_of;
use super::lights::LightRow;
use super::look::Look;
use super::model::{
    Availability, CaseRow, DiscrepancyRow, FindingRow, HistoryRow, ImageRow, Model, ProjectHead, ReadState, RoiRow,
};
use super::theme;
use super::vocabulary::TermTables;
use crate::domain::{CaseId, Field, ImageId, ProjectKind, Role, SizePx, Spacing, TermRef};
use crate::project::{
    ACT_LABELS, Discrepancy, DiscrepancyKind, FindingView, HistoryLine, IMAGE_FACT, ImageState, ImageView, Member,
    Project, ProjectError, ReadScope, ReadView, Rejection, RoiView, WorkItem, WorkState,
};

/// Reads a project for the panels.
pub(super) struct Lookup<'a> {
    pub project: &'a Project,
    pub spacing: &'a HashMap<ImageId, Option<Spacing>>,
    pub terms: &'a mut TermTables,
}

impl Lookup<'_> {
    /// Everything that the panels may show for what is in view. What cannot be read is left out and logged, so that one
    /// damaged value does not take the window away.
    pub fn model(&mut self, look: &Look) -> Model {
        let mut model = Model { project: Some(self.head()), ..Model::default() };
        let Some(reader) = self.project.actor().cloned() else { return model };
        let worklist = self.project.worklist(&reader).unwrap_or_else(|e| {
            tracing::error!("the worklist cannot be read: {e}");
            Vec::new()
        });
        model.cases = worklist.iter().map(|item| self.case_row(item, look.case.as_ref() == Some(&item.case))).collect();
        let roles = self.project.roles();
        if roles.contains(&Role::Adjudicator) {
            let cases = worklist.iter().filter(|i| matches!(i.state, WorkState::ToAdjudicate | WorkState::Adjudicated));
            let mut held_up = 0;
            model.discrepancies = cases.flat_map(|i| self.discrepancies(&i.case, &i.label, &mut held_up)).collect();
            model.held_up = held_up;
            model.agreed = self.project.agreed_cases().map_or(0, |cases| cases.len());
        }
        if model.project.as_ref().is_some_and(ProjectHead::is_office) {
            let all = look.workspace == Workspace::Keeping;
            model.conflicts = conflicts_of(self.project, all, |term| self.term_look(Some(term)).0);
        }
        let Some(case) = look.case.as_ref() else { return model };
        // A case may hold a CT and the stills of the examination before it: the words are those of the image in view.
        let field = look.image.as_ref().and_then(|i| model.image(i)).map(|i| i.field);
        model.terms = self.terms.of(self.project.packs(), field.or_else(|| model.case(case).map(|c| c.field)));
        if let Some(read) = self.own_read(case) {
            model.findings = read.findings.iter().map(|f| self.finding_row(f)).collect();
            model.lights = read.facts.iter().filter_map(LightRow::of).collect();
            model.undo = read.undo.as_deref().map(history_key);
            model.redo = read.redo.as_deref().map(history_key);
        }
        model.history = self.history(case);
        model
    }

    fn head(&self) -> ProjectHead {
        let p = self.project;
        let personal = p.kind() == ProjectKind::Personal;
        let here = p.readers().into_iter().filter(|r| r.key_here && !personal);
        ProjectHead {
            people: here.map(|r| (r.id, r.roles)).collect(),
            releases: p.may_release(),
            name: p.name(),
            kind: p.kind(),
            reader: p.actor().map(ToString::to_string).unwrap_or_default(),
            roles: p.roles(),
            read_only: p.read_only().map(ToString::to_string),
        }
    }

    fn own_read(&self, case: &CaseId) -> Option<ReadView> {
        let reader = self.project.actor()?.clone();
        let view = self.project.view(case, &ReadScope::Reader(reader)).ok()?;
        view.reads.into_iter().next()
    }

    fn case_row(&self, item: &WorkItem, in_view: bool) -> CaseRow {
        let images = if in_view { self.images(&item.case) } else { Vec::new() };
        let state = match item.state {
            WorkState::New | WorkState::Assigned => ReadState::Assigned,
            WorkState::Amended => ReadState::Amended,
            WorkState::Open => ReadState::Open,
            WorkState::Submitted | WorkState::ToAdjudicate | WorkState::Adjudicated => ReadState::Submitted,
        };
        let personal = self.project.kind() == ProjectKind::Personal;
        let source = item
            .images
            .first()
            .filter(|_| personal)
            .and_then(|i| i.path.as_ref())
            .map(|p| source_name(p.reveal(), item.field));
        CaseRow {
            id: item.case.clone(),
            label: item.label.clone(),
            source: source.unwrap_or_default(),
            field: item.field,
            state,
            findings: item.findings,
            images,
        }
    }

    fn images(&self, case: &CaseId) -> Vec<ImageRow> {
        let Ok(scope) = self.project.own_scope() else { return Vec::new() };
        match self.project.view(case, &scope) {
            Ok(view) => view.images.iter().map(image_row).collect(),
            Err(e) => {
                tracing::error!("the images of a case cannot be read: {e}");
                Vec::new()
            }
        }
    }

    fn finding_row(&self, f: &FindingView) -> FindingRow {
        let term = f.terms.first().cloned();
        let (labels, color) = self.term_look(term.as_ref());
        let rois: Vec<RoiRow> = f.rois.iter().map(roi_row).collect();
        let area = |r: &RoiRow| {
            let um = self.spacing.get(&r.image).copied().flatten()?;
            Some(r.shape()?.area_px2() * um.x_um * um.y_um / 1e6)
        };
        let area_mm2 = rois.iter().filter_map(area).filter(|a| *a > 0.0).max_by(f64::total_cmp);
        FindingRow {
            id: f.id.clone(),
            number: usize::try_from(f.number).unwrap_or(0),
            term,
            labels,
            color,
            certainty: f.certainty,
            comment: f.comment.clone().unwrap_or_default(),
            time_ms: f.attributes.get(PRESENTATION_MS).and_then(|ms| ms.parse().ok()),
            rois,
            area_mm2,
        }
    }

    fn term_look(&self, term: Option<&TermRef>) -> (BTreeMap<String, String>, egui::Color32) {
        let Some(term) = term else { return (BTreeMap::new(), theme::UNNAMED) };
        let pack = self.project.packs().iter().find(|p| p.id == term.pack && p.version == term.version);
        match pack.and_then(|p| p.term(&term.id)) {
            Some(t) => (t.label.clone(), theme::term_color(&t.color, &t.group)),
            // A pack that did not come along: the id is still better than nothing.
            None => (BTreeMap::from([("ja".to_owned(), term.id.clone())]), theme::UNNAMED),
        }
    }

    fn history(&self, case: &CaseId) -> Vec<HistoryRow> {
        let lines = self.project.history(Some(case)).unwrap_or_else(|e| {
            tracing::error!("the history cannot be read: {e}");
            Vec::new()
        });
        lines.iter().map(history_row).collect()
    }

    /// Counts in `held_up` when nothing can be compared before somebody has chosen between rival reads.
    fn discrepancies(&self, case: &CaseId, label: &str, held_up: &mut usize) -> Vec<DiscrepancyRow> {
        let Some(reader) = self.project.actor().cloned() else { return Vec::new() };
        let view = self.project.view(case, &ReadScope::Adjudicator(reader));
        let all = self.project.discrepancies(case);
        if matches!(all, Err(ProjectError::Rejected(Rejection::RivalReads { .. }))) {
            *held_up += 1;
        }
        let (Ok(view), Ok(all)) = (view, all) else { return Vec::new() };
        let side = |m: &Option<Member>| {
            let m = m.as_ref()?;
            let read = view.reads.iter().find(|r| r.stream == m.read)?;
            Some(self.finding_row(read.findings.iter().find(|f| f.id == m.finding)?))
        };
        let resolved = view.adjudication.iter().flat_map(|a| &a.resolved).collect::<Vec<_>>();
        let drawn = |id: &str| {
            let of = resolved.iter().filter(|r| r.discrepancy == id).flat_map(|r| &r.drawn);
            of.map(|f| self.finding_row(f)).collect()
        };
        let row = |d: &Discrepancy| DiscrepancyRow {
            id: d.id.clone(),
            case: case.clone(),
            case_label: label.to_owned(),
            kind: kind_key(d.kind),
            a: side(&d.a),
            b: side(&d.b),
            decided: d.decided,
            redrawn: drawn(&d.id),
        };
        all.iter().map(row).collect()
    }
}

/// A series is known by its folder, everything else by its file.
fn source_name(path: &str, field: Field) -> String {
    let path = Path::new(path);
    let named = if field == Field::Radiology { path.parent().unwrap_or(path) } else { path };
    named.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

const fn kind_key(kind: DiscrepancyKind) -> &'static str {
    match kind {
        DiscrepancyKind::Term => "discrepancy-term",
        DiscrepancyKind::Boundary => "discrepancy-boundary",
        DiscrepancyKind::OnlyA => "discrepancy-only-a",
        DiscrepancyKind::OnlyB => "discrepancy-only-b",
    }
}

fn image_row(view: &ImageView) -> ImageRow {
    let availability = match &view.state {
        ImageState::Present => Availability::Ready,
        ImageState::Missing { disk } => Availability::Missing { disk: disk.reveal().clone() },
        ImageState::Unknown => Availability::Missing { disk: String::new() },
    };
    ImageRow {
        id: view.id.clone(),
        label: view.name.reveal().clone(),
        kind: view.modality.clone(),
        field: view.field,
        frames: view.frames,
        size_px: SizePx::new(view.width, view.height),
        availability,
    }
}

fn roi_row(view: &RoiView) -> RoiRow {
    RoiRow { image: view.image.clone(), frame: view.frame, roi: view.roi.clone() }
}

/// Fluent key of an act's code.
pub(super) fn history_key(label: &str) -> String {
    let label = match label {
        "read.undo" => "undo",
        "read.redo" => "redo",
        other => other,
    };
    if ACT_LABELS.contains(&label) || label == IMAGE_FACT {
        format!("history-{}", label.replace('.', "-"))
    } else {
        "history-other".to_owned()
    }
}

fn history_row(line: &HistoryLine) -> HistoryRow {
    HistoryRow {
        sequence: line.lamport,
        utc: line.time.clone(),
        who: line.actor.to_string(),
        key: history_key(if line.about_images && line.of.is_none() { IMAGE_FACT } else { &line.label }),
        of: line.of.as_ref().map(|(label, _)| history_key(if line.about_images { IMAGE_FACT } else { label })),
        reason: line.reason.clone(),
        undone: line.taken_back,
    }
}
