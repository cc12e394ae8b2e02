//! What the panels show: plain values that `session.rs` copies out of the project. Nothing here can change a project.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use egui::Color32;

use super::action::Job;
use super::keeping::{ConflictRow, KeepingPage};
use super::lights::LightRow;
use super::releasing::ReleasePage;
use super::vocabulary::TermTable;
use crate::domain::{
    AdjudicationTake, CaseId, Certainty, Field, FindingId, ImageId, PointPx, ProjectKind, ReaderId, Roi, Role, Shape,
    SizePx, TermRef,
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
    /// DICOM's code of the modality, or the one that such an image would carry.
    pub kind: String,
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
    /// When its frame of a film is on, in milliseconds from the first.
    pub time_ms: Option<u32>,
    /// Its outlines, on one slice or on several.
    pub rois: Vec<RoiRow>,
    /// Largest area on one slice, in mm², where the image is calibrated.
    pub area_mm2: Option<f64>,
}

/// One outline of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct RoiRow {
    pub image: ImageId,
    pub frame: u32,
    /// Absent when the geometry was erased.
    pub roi: Option<Arc<Roi>>,
}

impl RoiRow {
    pub fn shape(&self) -> Option<&Shape> {
        self.roi.as_ref().map(|r| &r.shape)
    }
}

impl FindingRow {
    /// Its outlines on one slice of an image.
    pub fn on(&self, image: &ImageId, frame: u32) -> impl Iterator<Item = &RoiRow> {
        self.rois.iter().filter(move |r| r.image == *image && r.frame == frame)
    }

    pub fn shape_on(&self, image: &ImageId, frame: u32) -> Option<&Shape> {
        self.on(image, frame).find_map(RoiRow::shape)
    }

    /// The outline nearest to what is in view: on the same image the nearest slice, else the first there is.
    pub fn nearest(&self, image: Option<&ImageId>, frame: u32) -> Option<&RoiRow> {
        let here = self.rois.iter().filter(|r| Some(&r.image) == image);
        here.min_by_key(|r| r.frame.abs_diff(frame)).or_else(|| self.rois.first())
    }

    /// First and last slice, counted from 0, on the image of its first outline.
    pub fn slices(&self) -> Option<(u32, u32)> {
        let image = &self.rois.first()?.image;
        let frames = || self.rois.iter().filter(|r| r.image == *image).map(|r| r.frame);
        Some((frames().min()?, frames().max()?))
    }
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
    /// Fluent key of the act that an undo took back or a redo did again.
    pub of: Option<String>,
    /// The reason that was given for it, for those who may read it.
    pub reason: Option<String>,
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
    /// What the adjudicator drew instead, where that was the decision.
    pub redrawn: Vec<FindingRow>,
}

impl DiscrepancyRow {
    /// Where to look: the first outline that either reader drew.
    pub fn place(&self) -> Option<(ImageId, u32, [f64; 4])> {
        [&self.a, &self.b].into_iter().flatten().flat_map(|f| &f.rois).find_map(|r| {
            let bounds = r.shape()?.bounds()?;
            Some((r.image.clone(), r.frame, bounds))
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
    /// With which light images were taken, the newest word last.
    pub lights: Vec<LightRow>,
    /// The active terms of the packs in force for the field in view; shared, since it outlives most changes.
    pub terms: Arc<TermTable>,
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
    /// What runs in the background, for the status line.
    pub jobs: Vec<JobRow>,
    pub release: ReleasePage,
    pub keeping: KeepingPage,
    #[cfg(feature = "network")]
    pub pacs: super::pacs::PacsPage,
    /// Reads of one reader that exclude each other, for those who may choose between them.
    pub conflicts: Vec<ConflictRow>,
    /// Cases that cannot be adjudicated before somebody has chosen between such reads.
    pub held_up: usize,
}

/// One job in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Fluent key of what it does.
    pub key: &'static str,
    pub done: u64,
    /// 0 while it is unknown.
    pub total: u64,
    /// What stops it, where it can be stopped.
    pub stop: Option<Job>,
}

/// What the title row says of the project.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectHead {
    pub name: String,
    pub kind: ProjectKind,
    pub reader: String,
    pub roles: Vec<Role>,
    /// Whose keys are on this computer, in a project of several people.
    pub people: Vec<(ReaderId, Vec<Role>)>,
    /// Whether the acting person makes releases here.
    pub releases: bool,
    /// The project opens to look only; the reason as a Fluent key.
    pub read_only: Option<String>,
}

impl ProjectHead {
    /// Whether the acting person runs or audits the project.
    pub fn is_office(&self) -> bool {
        self.roles.iter().any(|r| matches!(r, Role::Coordinator | Role::Auditor))
    }

    /// Whether the acting person only audits.
    pub fn only_audits(&self) -> bool {
        !self.roles.is_empty() && self.roles.iter().all(|r| *r == Role::Auditor)
    }
}

impl Model {
    /// Takes over what belongs to the window and not to the project.
    pub fn carry(&mut self, before: Self) {
        #[cfg(feature = "network")]
        {
            self.pacs = before.pacs;
        }
        #[cfg(not(feature = "network"))]
        drop(before);
    }

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
        let here = self.findings.iter().flat_map(|f| f.on(image, frame).filter_map(move |r| Some((f, r.shape()?))));
        for (finding, shape) in here {
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
