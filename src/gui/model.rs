//! What the panels show: plain values that `session.rs` copies out of the project. Nothing here can change a project.

use std::collections::BTreeMap;
use std::time::Instant;

use egui::Color32;

use super::theme;
use crate::domain::{
    AdjudicationTake, CaseId, Certainty, Field, FindingId, ImageId, Ontology, PointPx, ProjectKind, Role, Shape,
    SizePx, Term, TermRef, TermStatus,
};

/// How far a read has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    Assigned,
    Open,
    Submitted,
    Amended,
}

impl ReadState {
    pub const fn key(self) -> &'static str {
        match self {
            Self::Assigned => "state-assigned",
            Self::Open => "state-open",
            Self::Submitted => "state-submitted",
            Self::Amended => "state-amended",
        }
    }

    /// Whether findings may be changed.
    pub const fn editable(self) -> bool {
        !matches!(self, Self::Submitted)
    }
}

/// Whether the pixels are at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    Ready,
    /// The file is not where it was; the label names its disk.
    Missing {
        disk: String,
    },
    Failed {
        reason: String,
    },
}

/// An image of a case. `label` is the file's name, which only the reader on this machine sees.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageRow {
    pub id: ImageId,
    pub label: String,
    pub field: Field,
    pub frames: u32,
    pub size_px: SizePx,
    pub availability: Availability,
}

/// A row of the worklist.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRow {
    pub id: CaseId,
    pub label: String,
    /// File or folder name, in a personal project only: elsewhere a name could tell who the patient is.
    pub source: String,
    pub field: Field,
    pub state: ReadState,
    pub findings: usize,
    pub images: Vec<ImageRow>,
}

/// A term as the picker shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TermRow {
    pub reference: TermRef,
    pub term: Term,
    /// Heading of the term's group by language; empty without one.
    pub group: BTreeMap<String, String>,
}

impl TermRow {
    pub fn group_id(&self) -> &str {
        &self.term.group
    }

    /// The active terms of packs, group by group in the packs' order.
    pub fn all(packs: &[Ontology]) -> Vec<Self> {
        let rows = packs.iter().flat_map(|pack| {
            let mut terms: Vec<&Term> = pack.terms.iter().filter(|t| t.status == TermStatus::Active).collect();
            terms.sort_by_key(|t| pack.groups.iter().position(|g| g.id == t.group).unwrap_or(usize::MAX));
            terms.into_iter().map(move |term| Self {
                reference: TermRef { pack: pack.id.clone(), version: pack.version.clone(), id: term.id.clone() },
                term: term.clone(),
                group: pack.groups.iter().find(|g| g.id == term.group).map(|g| g.label.clone()).unwrap_or_default(),
            })
        });
        rows.collect()
    }

    pub fn color(&self) -> Color32 {
        theme::term_color(&self.term.color, &self.term.group)
    }
}

/// A finding of the open read, or of a judged read under adjudication.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRow {
    pub id: FindingId,
    /// Counts from 1 in the order of making.
    pub number: usize,
    pub term: Option<TermRef>,
    /// Labels of the term by language; empty without a term.
    pub labels: BTreeMap<String, String>,
    pub color: Color32,
    pub certainty: Option<Certainty>,
    pub comment: String,
    pub image: ImageId,
    pub frame: u32,
    /// Absent when the geometry was erased.
    pub shape: Option<Shape>,
    /// Area in mm² where the image is calibrated.
    pub area_mm2: Option<f64>,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    pub sequence: u64,
    /// When, in UTC, as the journal writes it.
    pub utc: String,
    pub who: String,
    /// Fluent key of what was done (`history-` and the transaction's label).
    pub key: String,
    pub undone: bool,
}

/// A disagreement between two reads of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscrepancyRow {
    pub id: String,
    pub case: CaseId,
    pub case_label: String,
    /// Fluent key of its kind.
    pub kind: &'static str,
    pub a: Option<FindingRow>,
    pub b: Option<FindingRow>,
    pub decided: Option<AdjudicationTake>,
}

impl DiscrepancyRow {
    /// Where to look: the first outline that either reader drew.
    pub fn place(&self) -> Option<(ImageId, u32, [f64; 4])> {
        [&self.a, &self.b].into_iter().flatten().find_map(|f| {
            let bounds = f.shape.as_ref()?.bounds()?;
            Some((f.image.clone(), f.frame, bounds))
        })
    }
}

/// How the last change was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saved {
    pub at: Instant,
}

/// Everything the panels may show now.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Grows each time the model is made anew.
    pub revision: u64,
    /// `None` while no project is open.
    pub project: Option<ProjectHead>,
    pub cases: Vec<CaseRow>,
    pub findings: Vec<FindingRow>,
    /// The packs in force for the field in view, and their active terms.
    pub packs: Vec<Ontology>,
    pub terms: Vec<TermRow>,
    pub history: Vec<HistoryRow>,
    pub discrepancies: Vec<DiscrepancyRow>,
    /// Complete cases on which both readers agree in everything, and which nobody has confirmed yet.
    pub agreed: usize,
    pub saved: Option<Saved>,
    /// Fluent keys of what undo and redo would take.
    pub undo: Option<String>,
    pub redo: Option<String>,
    /// Images whose full content hash is still being read: done and total.
    pub hashing: Option<(usize, usize)>,
}

/// What the title row says of the project.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectHead {
    pub name: String,
    pub kind: ProjectKind,
    pub reader: String,
    pub roles: Vec<Role>,
    /// The project opens to look only; the reason as a Fluent key.
    pub read_only: Option<String>,
}

impl Model {
    pub fn case(&self, id: &CaseId) -> Option<&CaseRow> {
        self.cases.iter().find(|c| c.id == *id)
    }

    pub fn image(&self, id: &ImageId) -> Option<&ImageRow> {
        self.cases.iter().flat_map(|c| &c.images).find(|i| i.id == *id)
    }

    pub fn finding(&self, id: &FindingId) -> Option<&FindingRow> {
        self.findings.iter().find(|f| f.id == *id)
    }

    /// The topmost finding on a frame that holds `at`: the smallest outline wins, points and lines by nearness.
    pub fn pick(&self, image: &ImageId, frame: u32, at: PointPx, reach_px: f64) -> Option<FindingId> {
        let near = |p: &PointPx| (p[0] - at[0]).hypot(p[1] - at[1]) <= reach_px;
        let mut best: Option<(f64, &FindingRow)> = None;
        for finding in self.findings.iter().filter(|f| f.image == *image && f.frame == frame) {
            let Some(shape) = &finding.shape else { continue };
            let hit = match shape {
                Shape::Point(p) => near(p),
                Shape::Line(l) => l.iter().any(near),
                Shape::Polygons(_) => shape.contains(at),
                Shape::WholeImage => false,
            };
            let area = shape.area_px2();
            if hit && best.is_none_or(|(a, _)| area <= a) {
                best = Some((area, finding));
            }
        }
        best.map(|(_, f)| f.id.clone())
    }

    /// Marks an image whose pixels could not be opened.
    pub fn fail(&mut self, image: &ImageId, reason: &str) {
        for row in self.cases.iter_mut().flat_map(|c| &mut c.images).filter(|i| i.id == *image) {
            if row.availability == Availability::Ready {
                row.availability = Availability::Failed { reason: reason.to_owned() };
            }
        }
    }

    /// Findings that still lack a term: they may be drawn, but not submitted.
    pub fn unnamed(&self) -> usize {
        self.findings.iter().filter(|f| f.term.is_none()).count()
    }
}
