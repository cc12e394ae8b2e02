//! The selection tool: pick a finding; move it; move, insert and delete its vertices.

use super::{Draft, Edit, Outcome, PointerInput, PointerKind, Scene, ToolCursor, ToolKey, distance};
use crate::domain::{FindingId, PointPx, Shape};

/// How near to a vertex or an edge a hand must be, in screen points.
const GRAB_PT: f64 = 7.0;
/// A press that moves less than this is a click.
const MOVE_PT: f64 = 3.0;

/// A vertex of a shape: part, ring (0 is the exterior) and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VertexAt {
    part: usize,
    ring: usize,
    index: usize,
}

/// A place on an edge where a vertex could be inserted: it would get this address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeHit {
    at: VertexAt,
    point: PointPx,
}

#[derive(Clone, Debug, PartialEq)]
enum Grab {
    Vertex(VertexAt),
    Whole,
    /// Pressed on nothing that is selected: a click selects, a drag belongs to the viewport.
    Outside,
}

/// The hand that selects and mends.
#[derive(Clone, Debug, Default)]
pub struct SelectTool {
    grab: Option<(Grab, PointPx)>,
    /// The finding under the hand and its shape as edited so far.
    edited: Option<(FindingId, Shape)>,
    moved: bool,
    inserted: bool,
}

fn ring(shape: &Shape, at: VertexAt) -> Option<&Vec<PointPx>> {
    match shape {
        Shape::Polygons(ps) => {
            let p = ps.get(at.part)?;
            if at.ring == 0 { Some(&p.exterior) } else { p.holes.get(at.ring - 1) }
        }
        Shape::Line(l) => Some(l),
        _ => None,
    }
}

fn ring_mut(shape: &mut Shape, at: VertexAt) -> Option<&mut Vec<PointPx>> {
    match shape {
        Shape::Polygons(ps) => {
            let p = ps.get_mut(at.part)?;
            if at.ring == 0 { Some(&mut p.exterior) } else { p.holes.get_mut(at.ring - 1) }
        }
        Shape::Line(l) => Some(l),
        _ => None,
    }
}

/// Every ring with its address (index 0) and whether it closes.
fn rings(shape: &Shape) -> Vec<(VertexAt, &Vec<PointPx>, bool)> {
    match shape {
        Shape::Polygons(ps) => ps
            .iter()
            .enumerate()
            .flat_map(|(part, p)| {
                std::iter::once(&p.exterior)
                    .chain(&p.holes)
                    .enumerate()
                    .map(move |(ring, r)| (VertexAt { part, ring, index: 0 }, r, true))
            })
            .collect(),
        Shape::Line(l) => vec![(VertexAt { part: 0, ring: 0, index: 0 }, l, false)],
        _ => Vec::new(),
    }
}

/// The vertex within reach of `at`, nearest first.
pub fn hit_vertex(shape: &Shape, at: PointPx, reach_px: f64) -> Option<VertexAt> {
    if let Shape::Point(p) = shape {
        return (distance(*p, at) <= reach_px).then_some(VertexAt { part: 0, ring: 0, index: 0 });
    }
    let mut best: Option<(f64, VertexAt)> = None;
    for (address, ring, _) in rings(shape) {
        for (index, p) in ring.iter().enumerate() {
            let d = distance(*p, at);
            if d <= reach_px && best.is_none_or(|(b, _)| d < b) {
                best = Some((d, VertexAt { index, ..address }));
            }
        }
    }
    best.map(|(_, v)| v)
}

fn foot(a: PointPx, b: PointPx, p: PointPx) -> PointPx {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let len2 = dx * dx + dy * dy;
    let t = if len2 > 0.0 { (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / len2).clamp(0.0, 1.0) } else { 0.0 };
    [a[0] + t * dx, a[1] + t * dy]
}

fn hit_edge(shape: &Shape, at: PointPx, reach_px: f64) -> Option<EdgeHit> {
    let mut best: Option<(f64, EdgeHit)> = None;
    for (address, ring, closed) in rings(shape) {
        let n = ring.len();
        let edges = if closed { n } else { n.saturating_sub(1) };
        for i in 0..edges {
            let (Some(a), Some(b)) = (ring.get(i), ring.get((i + 1) % n)) else { continue };
            let point = foot(*a, *b, at);
            let d = distance(point, at);
            if d <= reach_px && best.as_ref().is_none_or(|(x, _)| d < *x) {
                best = Some((d, EdgeHit { at: VertexAt { index: i + 1, ..address }, point }));
            }
        }
    }
    best.map(|(_, e)| e)
}

fn moved_by(shape: &Shape, dx: f64, dy: f64) -> Shape {
    let shift = |p: &PointPx| [p[0] + dx, p[1] + dy];
    match shape {
        Shape::Point(p) => Shape::Point(shift(p)),
        Shape::Line(l) => Shape::Line(l.iter().map(shift).collect()),
        Shape::Polygons(ps) => Shape::Polygons(
            ps.iter()
                .map(|p| crate::domain::Polygon {
                    exterior: p.exterior.iter().map(shift).collect(),
                    holes: p.holes.iter().map(|h| h.iter().map(shift).collect()).collect(),
                })
                .collect(),
        ),
        Shape::WholeImage => Shape::WholeImage,
    }
}

/// The shape without one vertex; `None` when too few would be left.
fn without_vertex(shape: &Shape, at: VertexAt) -> Option<Shape> {
    let mut out = shape.clone();
    let least = if matches!(shape, Shape::Line(_)) { 2 } else { 3 };
    let ring = ring_mut(&mut out, at)?;
    if ring.len() <= least || at.index >= ring.len() {
        return None;
    }
    ring.remove(at.index);
    Some(out)
}

impl SelectTool {
    pub(super) fn pointer(&mut self, input: &PointerInput, scene: &Scene<'_>) -> Outcome {
        match input.kind {
            PointerKind::Press => self.press(input, scene),
            PointerKind::Move => self.drag(input, scene),
            PointerKind::Release => self.release(input, scene),
        }
    }

    fn press(&mut self, input: &PointerInput, scene: &Scene<'_>) -> Outcome {
        *self = Self::default();
        let reach = GRAB_PT * input.px_per_pt;
        let Some((id, shape)) = scene.selected else {
            self.grab = Some((Grab::Outside, input.at));
            return Outcome::IGNORED;
        };
        if let Some(vertex) = hit_vertex(shape, input.at, reach) {
            if input.alt {
                return without_vertex(shape, vertex)
                    .map_or(Outcome::TAKEN, |s| Outcome::edit(Edit::Reshape(id.clone(), s)));
            }
            self.edited = Some((id.clone(), shape.clone()));
            self.grab = Some((Grab::Vertex(vertex), input.at));
            return Outcome::TAKEN;
        }
        if let Some(edge) = hit_edge(shape, input.at, reach) {
            let mut grown = shape.clone();
            if let Some(ring) = ring_mut(&mut grown, edge.at) {
                ring.insert(edge.at.index.min(ring.len()), edge.point);
            }
            self.edited = Some((id.clone(), grown));
            self.grab = Some((Grab::Vertex(edge.at), input.at));
            self.inserted = true;
            return Outcome::TAKEN;
        }
        if shape.contains(input.at) {
            self.edited = Some((id.clone(), shape.clone()));
            self.grab = Some((Grab::Whole, input.at));
            return Outcome::TAKEN;
        }
        self.grab = Some((Grab::Outside, input.at));
        Outcome::IGNORED
    }

    fn drag(&mut self, input: &PointerInput, scene: &Scene<'_>) -> Outcome {
        let Some((grab, from)) = &self.grab else { return Outcome::IGNORED };
        if !self.moved && distance(*from, input.at) < MOVE_PT * input.px_per_pt {
            return if *grab == Grab::Outside { Outcome::IGNORED } else { Outcome::TAKEN };
        }
        self.moved = true;
        match (grab, &mut self.edited, scene.selected) {
            (Grab::Vertex(v), Some((_, shape)), _) => {
                if let Shape::Point(p) = shape {
                    *p = input.at;
                } else if let Some(p) = ring_mut(shape, *v).and_then(|r| r.get_mut(v.index)) {
                    *p = input.at;
                }
                Outcome::TAKEN
            }
            (Grab::Whole, Some((_, shape)), Some((_, original))) => {
                *shape = moved_by(original, input.at[0] - from[0], input.at[1] - from[1]);
                Outcome::TAKEN
            }
            _ => Outcome::IGNORED,
        }
    }

    fn release(&mut self, input: &PointerInput, scene: &Scene<'_>) -> Outcome {
        let done = std::mem::take(self);
        let Some((grab, _)) = done.grab else { return Outcome::IGNORED };
        match (grab, done.edited) {
            (Grab::Outside, _) if done.moved => Outcome::IGNORED,
            (Grab::Outside, _) => {
                let hit = (scene.pick)(input.at);
                let same = hit.as_ref() == scene.selected.map(|(id, _)| id);
                if same {
                    Outcome::TAKEN
                } else {
                    Outcome { taken: true, edit: Some(Edit::Select(hit)), draft_changed: false }
                }
            }
            (_, Some((id, shape))) if done.moved || done.inserted => Outcome::edit(Edit::Reshape(id, shape)),
            // A click inside the selected outline may mean a smaller one that lies within it.
            (Grab::Whole, Some((id, _))) => match (scene.pick)(input.at) {
                Some(hit) if hit != id => {
                    Outcome { taken: true, edit: Some(Edit::Select(Some(hit))), draft_changed: false }
                }
                _ => Outcome::TAKEN,
            },
            _ => Outcome::TAKEN,
        }
    }

    pub(super) fn key(&mut self, key: ToolKey, scene: &Scene<'_>) -> Outcome {
        if key != ToolKey::Escape {
            return Outcome::IGNORED;
        }
        if self.edited.is_some() {
            *self = Self::default();
            return Outcome::TAKEN;
        }
        if scene.selected.is_some() {
            return Outcome { taken: true, edit: Some(Edit::Select(None)), draft_changed: false };
        }
        Outcome::IGNORED
    }

    pub(super) fn draft(&self) -> Option<Draft> {
        let (_, shape) = self.edited.as_ref().filter(|_| self.moved || self.inserted)?;
        let closed = matches!(shape, Shape::Polygons(_));
        let at = match self.grab {
            Some((Grab::Vertex(v), _)) => v,
            _ => VertexAt { part: 0, ring: 0, index: 0 },
        };
        Some(Draft { points: ring(shape, at)?.clone(), closed })
    }

    pub(super) fn cursor(&self, at: Option<PointPx>, px_per_pt: f64, scene: &Scene<'_>) -> ToolCursor {
        if self.grab.as_ref().is_some_and(|(g, _)| *g != Grab::Outside) {
            return ToolCursor::Grab;
        }
        let (Some(at), Some((_, shape))) = (at, scene.selected) else { return ToolCursor::Arrow };
        let reach = GRAB_PT * px_per_pt;
        if hit_vertex(shape, at, reach).is_some() {
            ToolCursor::Grab
        } else if hit_edge(shape, at, reach).is_some() {
            ToolCursor::AddVertex
        } else if shape.contains(at) {
            ToolCursor::Move
        } else {
            ToolCursor::Arrow
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> FindingId {
        FindingId::new("f-1").unwrap()
    }

    fn square() -> Shape {
        Shape::from_ring(vec![[0.0, 0.0], [100.0, 0.0], [100.0, 100.0], [0.0, 100.0]])
    }

    fn input(kind: PointerKind, x: f64, y: f64, alt: bool) -> PointerInput {
        PointerInput { kind, at: [x, y], px_per_pt: 1.0, time_s: 0.0, shift: false, alt }
    }

    fn gesture(steps: &[(PointerKind, f64, f64)], alt: bool, selected: bool) -> Option<Edit> {
        let (id, shape) = (id(), square());
        let inside = |p: PointPx| square().contains(p).then(|| FindingId::new("f-1").unwrap());
        let scene = Scene { selected: selected.then_some((&id, &shape)), pick: &inside };
        let mut tool = SelectTool::default();
        steps.iter().fold(None, |edit, (k, x, y)| tool.pointer(&input(*k, *x, *y, alt), &scene).edit.or(edit))
    }

    use PointerKind::{Move, Press, Release};

    #[test]
    fn a_vertex_follows_the_hand() {
        let Some(Edit::Reshape(_, shape)) =
            gesture(&[(Press, 1.0, 1.0), (Move, 30.0, 20.0), (Release, 30.0, 20.0)], false, true)
        else {
            panic!("no reshape")
        };
        assert!(shape.points().any(|p| p.iter().eq(&[30.0, 20.0])));
        assert_eq!(shape.points().count(), 4);
    }

    #[test]
    fn a_press_on_an_edge_inserts_a_vertex() {
        let Some(Edit::Reshape(_, shape)) = gesture(&[(Press, 50.0, 2.0), (Release, 50.0, 2.0)], false, true) else {
            panic!("no reshape")
        };
        assert_eq!(shape.points().nth(1), Some(&[50.0, 0.0]));
    }

    #[test]
    fn alt_click_deletes_a_vertex_but_never_the_third_last() {
        let Some(Edit::Reshape(_, shape)) = gesture(&[(Press, 0.0, 0.0), (Release, 0.0, 0.0)], true, true) else {
            panic!("no reshape")
        };
        assert_eq!(shape.points().count(), 3);
        assert_eq!(without_vertex(&shape, VertexAt { part: 0, ring: 0, index: 0 }), None);
    }

    #[test]
    fn the_whole_shape_moves_and_a_click_does_not_move_it() {
        let Some(Edit::Reshape(_, shape)) =
            gesture(&[(Press, 50.0, 50.0), (Move, 60.0, 55.0), (Release, 60.0, 55.0)], false, true)
        else {
            panic!("no reshape")
        };
        assert_eq!(shape.bounds(), Some([10.0, 5.0, 110.0, 105.0]));
        assert_eq!(gesture(&[(Press, 50.0, 50.0), (Release, 51.0, 50.0)], false, true), None);
    }

    #[test]
    fn clicking_selects_and_clicking_nothing_deselects() {
        assert_eq!(
            gesture(&[(Press, 50.0, 50.0), (Release, 50.0, 50.0)], false, false),
            Some(Edit::Select(Some(id())))
        );
        assert_eq!(gesture(&[(Press, 500.0, 50.0), (Release, 500.0, 50.0)], false, true), Some(Edit::Select(None)));
        assert_eq!(
            gesture(&[(Press, 500.0, 50.0), (Move, 560.0, 50.0), (Release, 560.0, 50.0)], false, true),
            None,
            "a drag pans"
        );
    }
}
