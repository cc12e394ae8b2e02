//! Rectangle, ellipse and point: one drag or one click each.

use super::{Draft, Edit, Outcome, PointerInput, PointerKind, ToolKey, ToolKind};
use crate::domain::{PointPx, Shape};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimpleKind {
    Rectangle,
    Ellipse,
    Point,
}

/// Vertices that stand for an ellipse: at this many the outline deviates by under 0.13 % of its radius.
const ELLIPSE_VERTICES: u32 = 64;
/// A drag smaller than this is a slip, not a shape.
const LEAST_PT: f64 = 4.0;

#[derive(Clone, Debug)]
pub struct SimpleTool {
    kind: SimpleKind,
    drag: Option<(PointPx, PointPx)>,
}

fn ring(kind: SimpleKind, a: PointPx, b: PointPx) -> Vec<PointPx> {
    match kind {
        SimpleKind::Ellipse => {
            let (cx, cy) = (f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1]));
            let (rx, ry) = ((b[0] - a[0]).abs() / 2.0, (b[1] - a[1]).abs() / 2.0);
            (0..ELLIPSE_VERTICES)
                .map(|i| {
                    let angle = std::f64::consts::TAU * f64::from(i) / f64::from(ELLIPSE_VERTICES);
                    [cx + rx * angle.cos(), cy + ry * angle.sin()]
                })
                .collect()
        }
        _ => {
            let (x0, x1) = (a[0].min(b[0]), a[0].max(b[0]));
            let (y0, y1) = (a[1].min(b[1]), a[1].max(b[1]));
            vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
        }
    }
}

impl SimpleTool {
    pub const fn new(kind: SimpleKind) -> Self {
        Self { kind, drag: None }
    }

    pub(super) const fn tool_kind(&self) -> ToolKind {
        match self.kind {
            SimpleKind::Rectangle => ToolKind::Rectangle,
            SimpleKind::Ellipse => ToolKind::Ellipse,
            SimpleKind::Point => ToolKind::Point,
        }
    }

    pub(super) fn pointer(&mut self, input: &PointerInput) -> Outcome {
        if self.kind == SimpleKind::Point {
            return if input.kind == PointerKind::Press {
                Outcome::edit(Edit::Create(Shape::Point(input.at)))
            } else {
                Outcome::TAKEN
            };
        }
        match input.kind {
            PointerKind::Press => {
                self.drag = Some((input.at, input.at));
                Outcome::TAKEN
            }
            PointerKind::Move => {
                if let Some((from, to)) = &mut self.drag {
                    let (mut dx, mut dy) = (input.at[0] - from[0], input.at[1] - from[1]);
                    if input.shift {
                        let side = dx.abs().max(dy.abs());
                        (dx, dy) = (side.copysign(dx), side.copysign(dy));
                    }
                    *to = [from[0] + dx, from[1] + dy];
                }
                Outcome::TAKEN
            }
            PointerKind::Release => {
                let Some((a, b)) = self.drag.take() else { return Outcome::TAKEN };
                let least = LEAST_PT * input.px_per_pt;
                if (a[0] - b[0]).abs() < least || (a[1] - b[1]).abs() < least {
                    return Outcome::TAKEN;
                }
                Outcome::edit(Edit::Create(Shape::from_ring(ring(self.kind, a, b))))
            }
        }
    }

    pub(super) fn key(&mut self, key: ToolKey) -> Outcome {
        if key == ToolKey::Escape && self.drag.take().is_some() { Outcome::TAKEN } else { Outcome::IGNORED }
    }

    pub(super) fn draft(&self) -> Option<Draft> {
        let (a, b) = self.drag?;
        Some(Draft { points: ring(self.kind, a, b), closed: true })
    }

    pub(super) const fn hint(&self) -> &'static str {
        match self.kind {
            SimpleKind::Rectangle => "hint-rectangle",
            SimpleKind::Ellipse => "hint-ellipse",
            SimpleKind::Point => "hint-point",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drag(kind: SimpleKind, to: PointPx, shift: bool) -> Option<Edit> {
        let mut tool = SimpleTool::new(kind);
        let at = |kind, at| PointerInput { kind, at, px_per_pt: 1.0, time_s: 0.0, shift, alt: false };
        tool.pointer(&at(PointerKind::Press, [10.0, 10.0]));
        tool.pointer(&at(PointerKind::Move, to));
        tool.pointer(&at(PointerKind::Release, to)).edit
    }

    #[test]
    fn shift_makes_a_square_and_a_slip_makes_nothing() {
        let Some(Edit::Create(shape)) = drag(SimpleKind::Rectangle, [50.0, 20.0], true) else { panic!("no shape") };
        assert_eq!(shape.bounds(), Some([10.0, 10.0, 50.0, 50.0]));
        assert_eq!(drag(SimpleKind::Rectangle, [11.0, 11.0], false), None);
    }

    #[test]
    fn an_ellipse_has_nearly_the_area_of_an_ellipse() {
        let Some(Edit::Create(shape)) = drag(SimpleKind::Ellipse, [110.0, 60.0], false) else { panic!("no shape") };
        let want = std::f64::consts::PI * 50.0 * 25.0;
        assert!((shape.area_px2() / want - 1.0).abs() < 0.002);
    }
}
