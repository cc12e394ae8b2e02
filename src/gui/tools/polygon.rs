//! The polygon tool: click to set vertices or drag to draw freehand, mixed as the hand likes.

use super::{Draft, Edit, Outcome, PointerInput, PointerKind, ToolCursor, ToolKey, distance};
use crate::domain::{PointPx, Shape};

/// Closing is magnetic within this many screen points of the first vertex.
pub const CLOSE_PT: f64 = 8.0;
/// A drag sets a vertex every so many screen points.
const FREEHAND_STEP_PT: f64 = 3.0;
/// Two presses within this time and distance are a double click.
const DOUBLE_S: f64 = 0.35;
const DOUBLE_PT: f64 = 4.0;

/// An outline in the making.
#[derive(Clone, Debug, Default)]
pub struct PolygonTool {
    points: Vec<PointPx>,
    /// Vertices taken back, newest last; a new vertex forgets them.
    taken_back: Vec<PointPx>,
    /// An outline put away by Esc; undo brings it back.
    put_away: Vec<PointPx>,
    hover: Option<PointPx>,
    pressed: bool,
    /// The current press has drawn freehand.
    freehand: bool,
    last_press: Option<(f64, PointPx)>,
}

impl PolygonTool {
    /// Continues a draft that a crash or a restart interrupted.
    pub fn resumed(points: Vec<PointPx>) -> Self {
        Self { points, ..Self::default() }
    }

    pub fn points(&self) -> &[PointPx] {
        &self.points
    }

    /// Whether a click at `at` would close the outline.
    pub fn closes_at(&self, at: PointPx, px_per_pt: f64) -> bool {
        self.points.len() >= 3 && self.points.first().is_some_and(|first| distance(*first, at) <= CLOSE_PT * px_per_pt)
    }

    pub(super) fn pointer(&mut self, input: &PointerInput) -> Outcome {
        self.hover = Some(input.at);
        match input.kind {
            PointerKind::Press => self.press(input),
            PointerKind::Move if self.pressed => self.drag(input),
            PointerKind::Move => Outcome::TAKEN,
            PointerKind::Release => self.release(input),
        }
    }

    fn press(&mut self, input: &PointerInput) -> Outcome {
        let double = self.last_press.is_some_and(|(time, at)| {
            input.time_s - time <= DOUBLE_S && distance(at, input.at) <= DOUBLE_PT * input.px_per_pt
        });
        self.last_press = Some((input.time_s, input.at));
        if self.closes_at(input.at, input.px_per_pt) || (double && self.points.len() >= 3) {
            return self.close();
        }
        if double {
            return Outcome::TAKEN;
        }
        self.pressed = true;
        self.freehand = false;
        self.push(input.at);
        Outcome::DRAFT
    }

    fn drag(&mut self, input: &PointerInput) -> Outcome {
        let far = self.points.last().is_none_or(|p| distance(*p, input.at) >= FREEHAND_STEP_PT * input.px_per_pt);
        if far {
            self.freehand = true;
            self.push(input.at);
        }
        // A freehand draft is kept when the hand lifts: storing every step would only wear the disk.
        Outcome::TAKEN
    }

    fn release(&mut self, input: &PointerInput) -> Outcome {
        let drew = std::mem::take(&mut self.freehand);
        if !std::mem::take(&mut self.pressed) {
            return Outcome::TAKEN;
        }
        if drew && self.closes_at(input.at, input.px_per_pt) {
            return self.close();
        }
        if drew { Outcome::DRAFT } else { Outcome::TAKEN }
    }

    fn push(&mut self, at: PointPx) {
        self.points.push(at);
        self.taken_back.clear();
        self.put_away.clear();
    }

    fn close(&mut self) -> Outcome {
        let ring = std::mem::take(&mut self.points);
        *self = Self { hover: self.hover, last_press: self.last_press, ..Self::default() };
        Outcome::edit(Edit::Create(Shape::from_ring(ring)))
    }

    pub(super) fn key(&mut self, key: ToolKey) -> Outcome {
        match key {
            ToolKey::Enter if self.points.len() >= 3 => self.close(),
            ToolKey::Enter if !self.points.is_empty() => Outcome::TAKEN,
            ToolKey::Backspace | ToolKey::Undo if !self.points.is_empty() => {
                self.taken_back.extend(self.points.pop());
                Outcome::DRAFT
            }
            ToolKey::Undo if !self.put_away.is_empty() => {
                self.points = std::mem::take(&mut self.put_away);
                Outcome::DRAFT
            }
            ToolKey::Redo if !self.taken_back.is_empty() => {
                self.points.extend(self.taken_back.pop());
                Outcome::DRAFT
            }
            ToolKey::Escape if !self.points.is_empty() => {
                self.put_away = std::mem::take(&mut self.points);
                self.taken_back.clear();
                self.pressed = false;
                Outcome::DRAFT
            }
            _ => Outcome::IGNORED,
        }
    }

    pub(super) fn draft(&self) -> Option<Draft> {
        (!self.points.is_empty()).then(|| Draft { points: self.points.clone(), closed: false })
    }

    pub(super) fn cursor(&self, at: Option<PointPx>, px_per_pt: f64) -> ToolCursor {
        if at.is_some_and(|p| self.closes_at(p, px_per_pt)) { ToolCursor::Close } else { ToolCursor::Cross }
    }

    pub(super) fn hint(&self) -> &'static str {
        match self.points.len() {
            0 if self.put_away.is_empty() => "hint-polygon-start",
            0 => "hint-polygon-put-away",
            1 | 2 => "hint-polygon-more",
            _ => "hint-polygon-close",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: PointerKind, x: f64, y: f64, time_s: f64) -> PointerInput {
        PointerInput { kind, at: [x, y], px_per_pt: 1.0, time_s, shift: false, alt: false }
    }

    fn click(tool: &mut PolygonTool, x: f64, y: f64, t: f64) -> Outcome {
        let press = tool.pointer(&at(PointerKind::Press, x, y, t));
        if press.edit.is_some() {
            return press;
        }
        tool.pointer(&at(PointerKind::Release, x, y, t + 0.05))
    }

    fn square() -> PolygonTool {
        let mut tool = PolygonTool::default();
        for (i, (x, y)) in [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)].into_iter().enumerate() {
            assert!(click(&mut tool, x, y, i as f64).edit.is_none());
        }
        tool
    }

    #[test]
    fn clicking_the_first_vertex_closes_within_eight_points() {
        let mut tool = square();
        assert!(!tool.closes_at([9.0, 0.0], 1.0));
        let out = click(&mut tool, 5.0, 5.0, 10.0);
        let Some(Edit::Create(shape)) = out.edit else { panic!("not closed: {out:?}") };
        assert_eq!(shape.points().count(), 4);
        assert_eq!(tool.draft(), None);
    }

    #[test]
    fn enter_and_double_click_close_without_a_doubled_vertex() {
        let mut tool = square();
        let Some(Edit::Create(shape)) = tool.key(ToolKey::Enter).edit else { panic!("Enter did not close") };
        assert_eq!(shape.points().count(), 4);
        let mut tool = square();
        assert!(click(&mut tool, 50.0, 150.0, 20.0).edit.is_none());
        let Some(Edit::Create(shape)) = click(&mut tool, 50.0, 150.0, 20.2).edit else {
            panic!("double click did not close")
        };
        assert_eq!(shape.points().count(), 5);
    }

    #[test]
    fn dragging_draws_and_mixes_with_clicks() {
        let mut tool = PolygonTool::default();
        click(&mut tool, 0.0, 0.0, 0.0);
        tool.pointer(&at(PointerKind::Press, 50.0, 0.0, 1.0));
        for step in 1..=10 {
            tool.pointer(&at(PointerKind::Move, 50.0, f64::from(step) * 5.0, 1.0));
        }
        assert!(tool.pointer(&at(PointerKind::Release, 50.0, 50.0, 1.5)).draft_changed);
        assert_eq!(tool.points().len(), 12);
        assert!(matches!(click(&mut tool, 1.0, 1.0, 3.0).edit, Some(Edit::Create(_))));
    }

    #[test]
    fn a_freehand_loop_closes_when_the_hand_lifts_at_the_start() {
        let mut tool = PolygonTool::default();
        tool.pointer(&at(PointerKind::Press, 0.0, 0.0, 0.0));
        for (x, y) in [(20.0, 0.0), (20.0, 20.0), (0.0, 20.0), (0.0, 5.0)] {
            tool.pointer(&at(PointerKind::Move, x, y, 0.5));
        }
        assert!(matches!(tool.pointer(&at(PointerKind::Release, 1.0, 2.0, 1.0)).edit, Some(Edit::Create(_))));
    }

    #[test]
    fn backspace_takes_back_and_redo_returns() {
        let mut tool = square();
        tool.key(ToolKey::Backspace);
        assert_eq!(tool.points().len(), 3);
        tool.key(ToolKey::Redo);
        assert_eq!(tool.points(), square().points());
    }

    #[test]
    fn escape_puts_the_draft_away_and_undo_brings_it_back() {
        let mut tool = square();
        assert!(tool.key(ToolKey::Escape).taken);
        assert_eq!(tool.draft(), None);
        assert!(!tool.key(ToolKey::Escape).taken, "a second Esc belongs to the level outside");
        tool.key(ToolKey::Undo);
        assert_eq!(tool.points(), square().points());
    }

    #[test]
    fn tolerances_follow_the_zoom() {
        let tool = square();
        assert!(tool.closes_at([70.0, 0.0], 10.0));
        assert!(!tool.closes_at([2.0, 0.0], 0.1));
    }
}
