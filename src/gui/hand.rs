//! The tool in the hand: what the pointer and the keys do with it, what becomes of a finished outline, and the draft that
//! outlives a crash.

use super::action::Workspace;
use super::app::App;
use super::drafts::{KeptDraft, KeptRedraw};
use super::i18n::Arg;
use super::look::TextField;
use super::news::Failure;
use super::player::ClockSource;
use super::tools::{Edit, Outcome, PointerInput, PolygonTool, Scene, Tool, ToolKey, ToolKind};
use crate::domain::{FindingId, ImageId, Origin, PointPx, Roi, Shape};
use crate::project::{Command, FindingCommand, FindingDraft, FindingOrigin};

/// Attribute of a finding on a film: when its frame is on, in milliseconds from the film's first frame.
pub(super) const PRESENTATION_MS: &str = "presentation-ms";

impl App {
    pub(super) fn hand(&mut self, input: PointerInput) {
        let outcome = self.with_scene(input.px_per_pt, |tool, scene| tool.pointer(&input, scene));
        self.after_tool(outcome);
    }

    /// Offers a key to the tool; whether it took it.
    pub(super) fn tool_key(&mut self, key: ToolKey) -> bool {
        let outcome = self.with_scene(1.0, |tool, scene| tool.key(key, scene));
        let taken = outcome.taken;
        self.after_tool(outcome);
        taken
    }

    fn with_scene(&mut self, px_per_pt: f64, act: impl FnOnce(&mut Tool, &Scene<'_>) -> Outcome) -> Outcome {
        let model = self.session.model();
        let reading = self.look.workspace == Workspace::Read;
        let pick = |at: [f64; 2]| {
            let image = self.look.image.as_ref().filter(|_| reading)?;
            model.pick(image, self.look.frame, at, 6.0 * px_per_pt)
        };
        act(&mut self.tool, &Scene { selected: self.look.in_hand(model), pick: &pick })
    }

    fn after_tool(&mut self, outcome: Outcome) {
        let judging = self.look.workspace == Workspace::Adjudicate;
        match outcome.edit {
            Some(Edit::Create(shape)) if judging => self.redraw(shape),
            Some(Edit::Reshape(_, shape)) if judging => self.reshape_redraw(shape),
            Some(Edit::Select(_)) if judging => {}
            Some(Edit::Create(shape)) => self.create(shape),
            Some(Edit::Reshape(finding, shape)) => self.reshape(finding, shape),
            Some(Edit::Select(id)) => self.look.selected = id,
            None => {}
        }
        if outcome.draft_changed {
            self.keep_draft();
        }
    }

    /// Writes what is in the hand to the drafts; nothing in the hand leaves no draft.
    pub(super) fn keep_draft(&mut self) {
        let (Some(case), Some(image)) = (self.look.case.clone(), self.look.image.clone()) else { return };
        let judging = self.look.workspace == Workspace::Adjudicate;
        let of_case = |id: &str| self.session.model().discrepancies.iter().any(|d| d.id == id && d.case == case);
        let redraws = self.look.redraws.iter().filter(|(id, _)| of_case(id)).map(|(id, r)| KeptRedraw {
            discrepancy: id.clone(),
            image: r.image.clone(),
            frame: r.roi.frame,
            ring: ring_of(&r.roi.shape),
            term: r.term.clone(),
        });
        let kept = KeptDraft {
            version: 1,
            image,
            frame: self.look.frame,
            points: self.tool.keepsake().map(|d| d.points).unwrap_or_default(),
            discrepancy: self.look.discrepancy.clone().filter(|_| judging),
            redraws: redraws.collect(),
        };
        if let Err(failure) = self.session.keep_draft(&case, &kept) {
            self.tell(&failure);
        }
    }

    /// A draft that is left behind stays in `drafts.sqlite` and comes back with its case.
    pub(super) fn put_tool_away(&mut self) {
        if self.tool.is_drawing() {
            self.keep_draft();
        }
        self.tool = Tool::new(ToolKind::Select);
    }

    /// Brings back an outline that a crash or a restart interrupted.
    pub(super) fn resume_draft(&mut self) {
        let Some(case) = &self.look.case else { return };
        let Some(kept) = self.session.load_draft(case).filter(|k| k.discrepancy.is_none()) else { return };
        if self.session.model().image(&kept.image).is_none() || kept.points.is_empty() {
            return;
        }
        self.open_image(&kept.image);
        self.show_frame(kept.frame);
        self.tool = Tool::Polygon(PolygonTool::resumed(kept.points));
        self.notices.done(self.words.t("done-draft"));
    }

    /// A finished outline becomes a finding; the term picker takes the focus.
    fn create(&mut self, shape: Shape) {
        let (Some(case), Some(image)) = (self.look.case.clone(), self.look.image.clone()) else { return };
        let ring = ring_of(&shape);
        let roi = Roi { frame: self.look.frame, space: self.stage.space(self.look.frame), shape };
        let mut draft = draft_of(image, roi, Vec::new(), tool_code(self.tool.kind()));
        if let Some(clock) = self.look.player.clock().filter(|c| c.source == ClockSource::Film) {
            // Another program may count a film's frames otherwise; its times are the film's own.
            let ms = (clock.seconds(self.look.frame) * 1000.0).round();
            draft.attributes.insert(PRESENTATION_MS.to_owned(), format!("{ms:.0}"));
        }
        let before: Vec<FindingId> = self.session.model().findings.iter().map(|f| f.id.clone()).collect();
        match self.session.execute(Command::Finding(FindingCommand::Add { case, findings: vec![draft] })) {
            Ok(()) => {
                // Whatever kept this stroke from being saved before is over.
                self.notices.dismiss();
                self.session.refresh(&self.look);
                let new = self
                    .session
                    .model()
                    .findings
                    .iter()
                    .find(|f| !before.contains(&f.id))
                    .map(|f| (f.id.clone(), f.number));
                if let Some((id, number)) = new {
                    self.look.selected = Some(id);
                    self.look.forms.focus = Some(TextField::Terms);
                    self.look.forms.term_query.clear();
                    self.look.right = true;
                    self.look.history = false;
                    self.notices.done(self.words.with("done-drawn", &[("n", Arg::from(number))]));
                }
            }
            Err(failure) => self.take_back(ring, &failure),
        }
    }

    /// A full disk or a missing role must not cost the stroke: it stays in the hand, and in the drafts.
    pub(super) fn take_back(&mut self, ring: Vec<PointPx>, failure: &Failure) {
        if !ring.is_empty() {
            self.tool = Tool::Polygon(PolygonTool::resumed(ring));
            self.keep_draft();
        }
        self.tell(failure);
    }

    /// The slice in view gets the new shape; the finding's other slices stay as they are.
    fn reshape(&mut self, finding: FindingId, shape: Shape) {
        let (Some(case), Some(image)) = (self.look.case.clone(), self.look.image.clone()) else { return };
        let Some(row) = self.session.model().finding(&finding) else { return };
        let frame = self.look.frame;
        let at = row.rois.iter().position(|r| r.image == image && r.frame == frame && r.roi.is_some());
        let mut rois: Vec<(ImageId, Roi)> = Vec::with_capacity(row.rois.len());
        let roi = Roi { frame, space: self.stage.space(frame), shape };
        for (index, known) in row.rois.iter().enumerate() {
            let kept = if Some(index) == at { Some(roi.clone()) } else { known.roi.as_deref().cloned() };
            rois.extend(kept.map(|r| (known.image.clone(), r)));
        }
        self.execute(Command::Finding(FindingCommand::Reshape { case, finding, rois }));
    }
}

/// The ring that a hand could go on drawing; empty for what is no single outline.
pub(super) fn ring_of(shape: &Shape) -> Vec<PointPx> {
    match shape {
        Shape::Polygons(parts) => parts.first().map(|p| p.exterior.clone()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// What a hand has drawn, as a finding to be.
pub(super) fn draft_of(image: ImageId, roi: Roi, terms: Vec<crate::domain::TermRef>, tool: &str) -> FindingDraft {
    FindingDraft {
        rois: vec![(image, roi)],
        terms,
        certainty: None,
        attributes: std::collections::BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: tool.to_owned(), seen: true, model: None },
        comment: None,
    }
}

/// Code of the tool in a finding's origin.
const fn tool_code(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Select => "select",
        ToolKind::Polygon => "polygon",
        ToolKind::Rectangle => "rectangle",
        ToolKind::Ellipse => "ellipse",
        ToolKind::Point => "point",
    }
}
