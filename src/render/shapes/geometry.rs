//! Shapes as plain values in level-0 pixel edges, y down.

use std::sync::{Arc, OnceLock};

use crate::render::narrow::count;

/// One ring or line of a shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Outline {
    /// A polygon: the exterior, then its holes; rings are open (last point is not the first).
    Polygon(Vec<Vec<[f64; 2]>>),
    /// An open polyline.
    Line(Vec<[f64; 2]>),
    /// A point, drawn as a round mark of constant size.
    Point([f64; 2]),
}

/// The parts of one shape, with what is derived from them once.
#[derive(Debug)]
pub struct ShapeGeometry {
    parts: Vec<Outline>,
    /// `[x0, y0, x1, y1]`.
    bounds: [f64; 4],
    triangles: OnceLock<Vec<Vec<u32>>>,
}

impl ShapeGeometry {
    /// `None` when there is no finite point in it: such a shape can't be drawn.
    pub fn new(parts: Vec<Outline>) -> Option<Self> {
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let mut finite = true;
        for p in parts.iter().flat_map(Outline::points) {
            finite &= p[0].is_finite() && p[1].is_finite();
            bounds = [bounds[0].min(p[0]), bounds[1].min(p[1]), bounds[2].max(p[0]), bounds[3].max(p[1])];
        }
        (finite && bounds[0] <= bounds[2]).then(|| Self { parts, bounds, triangles: OnceLock::new() })
    }

    pub fn parts(&self) -> &[Outline] {
        &self.parts
    }

    pub fn bounds(&self) -> [f64; 4] {
        self.bounds
    }

    /// Triangle corners of each part, as indices into the part's points counted ring after ring; empty for lines and points.
    pub fn triangles(&self) -> &[Vec<u32>] {
        self.triangles.get_or_init(|| {
            let mut earcut = earcut::Earcut::new();
            self.parts.iter().map(|p| p.triangulate(&mut earcut)).collect()
        })
    }
}

impl Outline {
    pub fn points(&self) -> impl Iterator<Item = &[f64; 2]> {
        let (rings, single): (&[Vec<[f64; 2]>], &[[f64; 2]]) = match self {
            Self::Polygon(rings) => (rings, &[]),
            Self::Line(points) => (&[], points),
            Self::Point(p) => (&[], std::slice::from_ref(p)),
        };
        rings.iter().flatten().chain(single)
    }

    fn triangulate(&self, earcut: &mut earcut::Earcut<f64>) -> Vec<u32> {
        let Self::Polygon(rings) = self else { return Vec::new() };
        let mut out: Vec<u32> = Vec::new();
        let mut at = 0_u32;
        let mut holes: Vec<u32> = Vec::new();
        for ring in rings {
            if at > 0 {
                holes.push(at);
            }
            at += count(ring.len());
        }
        earcut.earcut(rings.iter().flatten().copied(), &holes, &mut out);
        out
    }
}

/// A state that the window shows by pattern, never by hue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Pattern {
    #[default]
    Solid,
    /// Unverified.
    Dashed,
    /// A suggestion.
    Dotted,
    /// Excluded: solid outline, hatched filling.
    Hatched,
}

/// One shape of the picture.
#[derive(Clone, Debug)]
pub struct ShapeInstance {
    pub geometry: Arc<ShapeGeometry>,
    /// sRGB.
    pub colour: [u8; 3],
    pub pattern: Pattern,
    /// Brighter, thicker and above the others.
    pub selected: bool,
    pub filled: bool,
}

/// All shapes of a view. `revision` must change whenever `shapes` does: the renderer looks at nothing else to notice.
#[derive(Clone, Debug, Default)]
pub struct ShapeSet {
    pub revision: u64,
    pub shapes: Vec<ShapeInstance>,
}

#[cfg(test)]
mod tests {
    use super::{Outline, ShapeGeometry};

    #[test]
    fn a_hole_is_left_out_of_the_triangles() {
        let square = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b]];
        let rings = vec![square(0.0, 10.0), square(4.0, 6.0)];
        let flat: Vec<[f64; 2]> = rings.iter().flatten().copied().collect();
        let shape = ShapeGeometry::new(vec![Outline::Polygon(rings)]).unwrap();
        let area: f64 = shape.triangles()[0]
            .chunks_exact(3)
            .map(|t| {
                let [a, b, c] = [flat[t[0] as usize], flat[t[1] as usize], flat[t[2] as usize]];
                ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])).abs() / 2.0
            })
            .sum();
        assert!((area - 96.0).abs() < 1e-9, "{area}");
        assert!(shape.bounds().iter().zip([0.0, 0.0, 10.0, 10.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(ShapeGeometry::new(Vec::new()).is_none());
        assert!(ShapeGeometry::new(vec![Outline::Point([f64::NAN, 1.0])]).is_none());
    }
}
