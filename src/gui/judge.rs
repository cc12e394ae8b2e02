//! Adjudication: bringing a discrepancy into view, redrawing what it is about, deciding it. The reads never change.

use super::action::{Action, ViewChange, Workspace};
use super::app::App;
use super::hand::{draft_of, ring_of};
use super::look::{Redraw, TextField};
use super::model::DiscrepancyRow;
use super::news::Failure;
use super::tools::{PolygonTool, Tool, ToolKind};
use crate::domain::{AdjudicationTake, Roi, Shape, TermRef, UserText};
use crate::project::Rejection;

impl App {
    fn discrepancy(&self) -> Option<&DiscrepancyRow> {
        let id = self.look.discrepancy.as_ref()?;
        self.session.model().discrepancies.iter().find(|d| d.id == *id)
    }

    pub(super) fn show_discrepancy(&mut self, id: &str) {
        let Some(d) = self.session.model().discrepancies.iter().find(|d| d.id == id).cloned() else { return };
        self.put_tool_away();
        self.look.discrepancy = Some(d.id.clone());
        if self.look.case.as_ref() != Some(&d.case) {
            self.look.case = Some(d.case.clone());
            self.session.refresh(&self.look);
        }
        if let Some((image, frame, bounds)) = d.place() {
            self.open_image(&image);
            self.tool = Tool::new(ToolKind::Select);
            self.show_frame(frame);
            self.stage.viewport_mut().show_box(bounds, None);
        }
        self.resume_redraw(&d);
    }

    /// Brings back what was drawn for the discrepancies of this case and not decided on.
    fn resume_redraw(&mut self, d: &DiscrepancyRow) {
        let Some(kept) = self.session.load_draft(&d.case) else { return };
        for r in kept.redraws {
            if self.look.redraws.contains_key(&r.discrepancy) || r.ring.len() < 3 {
                continue;
            }
            let space = self.stage.space(r.frame);
            let roi = Roi { frame: r.frame, space, shape: Shape::from_ring(r.ring) };
            self.look.set_redraw(&r.discrepancy, Some(Redraw { image: r.image, roi, term: r.term }));
        }
        if kept.discrepancy.as_ref() == Some(&d.id) && !kept.points.is_empty() {
            self.open_image(&kept.image);
            self.show_frame(kept.frame);
            self.tool = Tool::Polygon(PolygonTool::resumed(kept.points));
            self.notices.done(self.words.t("done-draft"));
        } else if let Some(frame) = self.look.redraw().map(|r| r.roi.frame) {
            self.show_frame(frame);
        }
    }

    /// A finished outline is the region that may replace A and B. It stays a draft until it is decided on.
    pub(super) fn redraw(&mut self, shape: Shape) {
        let (Some(id), Some(image)) = (self.look.discrepancy.clone(), self.look.image.clone()) else { return };
        if let Err(e) = shape.repaired() {
            self.take_back(ring_of(&shape), &Failure::Refused(Rejection::Geometry(e)));
            return;
        }
        let term = self.look.redraw().and_then(|r| r.term.clone()).or_else(|| self.discrepancy().and_then(agreed_term));
        let roi = Roi { frame: self.look.frame, space: self.stage.space(self.look.frame), shape };
        self.look.set_redraw(&id, Some(Redraw { image, roi, term }));
        self.tool = Tool::new(ToolKind::Select);
        if self.look.forms.reason.trim().is_empty() {
            self.look.forms.focus = Some(TextField::Reason);
        }
        self.notices.done(self.words.t("done-redrawn"));
    }

    pub(super) fn reshape_redraw(&mut self, shape: Shape) {
        self.change_redraw(|r| r.roi.shape = shape);
    }

    pub(super) fn name_redraw(&mut self, term: TermRef) {
        self.change_redraw(|r| r.term = Some(term));
        self.keep_draft();
    }

    fn change_redraw(&mut self, change: impl FnOnce(&mut Redraw)) {
        let (Some(id), Some(mut redraw)) = (self.look.discrepancy.clone(), self.look.redraw().cloned()) else { return };
        change(&mut redraw);
        self.look.set_redraw(&id, Some(redraw));
    }

    /// Takes the finished region back into the hand; whether there was one.
    pub(super) fn reopen_redraw(&mut self) -> bool {
        let (Some(id), Some(redraw)) = (self.look.discrepancy.clone(), self.look.redraw().cloned()) else {
            return false;
        };
        self.look.set_redraw(&id, None);
        self.open_image(&redraw.image);
        self.show_frame(redraw.roi.frame);
        self.tool = Tool::Polygon(PolygonTool::resumed(ring_of(&redraw.roi.shape)));
        self.keep_draft();
        true
    }

    /// Puts the region away. The polygon tool keeps it for Ctrl+Z.
    pub(super) fn drop_redraw(&mut self) {
        if self.reopen_redraw() {
            self.tool_key(super::tools::ToolKey::Escape);
            self.notices.done(self.words.t("done-redraw-dropped"));
        }
    }

    /// Decides the discrepancy in view; without a reason the field asks for one.
    pub(super) fn decide(&mut self, take: AdjudicationTake) {
        if self.look.workspace != Workspace::Adjudicate {
            return;
        }
        let reason = UserText::new(&self.look.forms.reason);
        if reason.is_empty() {
            self.look.forms.focus = Some(TextField::Reason);
            self.notices.refused(self.words.t("refused-reason"));
            return;
        }
        let Some(id) = self.look.discrepancy.clone() else { return };
        let mut drawn = Vec::new();
        if take == AdjudicationTake::Redrawn {
            let Some(redraw) = self.look.redraw().cloned() else { return };
            let Some(term) = redraw.term else {
                self.notices.refused(self.words.t("refused-redraw-term"));
                return;
            };
            drawn.push(draft_of(redraw.image, redraw.roi, vec![term], "polygon"));
        }
        match self.session.adjudicate(&id, take, drawn, &reason) {
            Ok(()) => {
                self.look.forms.reason.clear();
                self.look.set_redraw(&id, None);
                self.tool = Tool::new(ToolKind::Select);
                self.keep_draft();
                self.session.refresh(&self.look);
                self.notices.done(self.words.t("done-decided"));
                let next =
                    self.session.model().discrepancies.iter().find(|d| d.decided.is_none()).map(|d| d.id.clone());
                if let Some(next) = next {
                    self.ask(Action::Look(ViewChange::Discrepancy(next)));
                }
            }
            Err(failure) => self.tell(&failure),
        }
    }
}

/// The term on which the readers agree, or which only one of them gave.
fn agreed_term(d: &DiscrepancyRow) -> Option<TermRef> {
    let term = |f: &Option<super::model::FindingRow>| f.as_ref().and_then(|f| f.term.clone());
    match (term(&d.a), term(&d.b)) {
        (Some(a), Some(b)) if a != b => None,
        (a, b) => a.or(b),
    }
}
