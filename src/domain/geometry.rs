//! Shapes in pixel edges, and what makes one valid.

use i_overlay::core::{fill_rule::FillRule, overlay_rule::OverlayRule};
use i_overlay::float::{simplify::SimplifyShape, single::SingleFloatOverlay};

use super::PlanePose;

/// A point in pixel edges of level 0 (slides) or of its frame: x to the right, y down.
pub type PointPx = [f64; 2];

/// A closed ring, stored open: the last point is not the first. At least three distinct points when valid.
pub type Ring = Vec<PointPx>;

/// A polygon with holes. `exterior` runs with positive [`signed_area`] in y-down coordinates (clockwise on screen), holes the other way.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Polygon {
    pub exterior: Ring,
    pub holes: Vec<Ring>,
}

/// What was drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Point(PointPx),
    /// An open polyline of two or more points.
    Line(Vec<PointPx>),
    /// One or more disjoint polygons.
    Polygons(Vec<Polygon>),
    /// The whole image or frame.
    WholeImage,
}

/// Which space the *stored* numbers of a Roi live in. In memory a shape is always in pixel edges of its frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoiSpace {
    /// Pixel edges.
    Image,
    /// Patient LPS millimetres on this plane; kept with the value so that it can be read without the image.
    Patient(PlanePose),
}

/// Geometry and where it lives: a frame of an image (0 for a single image or a slide).
#[derive(Clone, Debug, PartialEq)]
pub struct Roi {
    pub frame: u32,
    pub space: RoiSpace,
    pub shape: Shape,
}

/// Why a drawn shape cannot be a finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    #[error("the shape holds a coordinate that is not a finite number")]
    NotFinite,
    #[error("the shape has too few distinct points: an outline needs three, a line two")]
    TooFewPoints,
    #[error("the outline encloses no area")]
    NoArea,
    #[error("a coordinate lies more than 100 million pixels away from the image")]
    TooFar,
}

/// What [`Shape::repaired`] had to do; shown in a word, never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Repair {
    /// The outline crossed or touched itself and was rebuilt by the even-odd rule (both lobes of a bow-tie stay).
    pub self_crossing: bool,
    /// Parts smaller than half a square pixel that were dropped.
    pub slivers_dropped: u32,
}

/// Parts under this area are slivers (`domain.md` §4.7).
const SLIVER_PX2: f64 = 0.5;
const FARTHEST_PX: f64 = 1e8;

/// Shoelace area; positive for clockwise on screen (y down).
pub fn signed_area(ring: &[PointPx]) -> f64 {
    let Some(origin) = ring.first() else { return 0.0 };
    // Relative to the first vertex: on a 200,000 px slide the products would otherwise cost the digits that matter.
    let rel = |p: &PointPx| (p[0] - origin[0], p[1] - origin[1]);
    let next = ring.iter().skip(1).chain(ring.first());
    ring.iter().zip(next).map(|(p, q)| (rel(p), rel(q))).map(|((px, py), (qx, qy))| px * qy - qx * py).sum::<f64>()
        / 2.0
}

impl Polygon {
    /// Area in square pixels: exterior minus holes.
    pub fn area_px2(&self) -> f64 {
        signed_area(&self.exterior).abs() - self.holes.iter().map(|h| signed_area(h).abs()).sum::<f64>()
    }

    fn rings(&self) -> impl Iterator<Item = &Ring> {
        std::iter::once(&self.exterior).chain(&self.holes)
    }
}

fn without_repeats(ring: &[PointPx]) -> Ring {
    let mut out: Ring = Vec::with_capacity(ring.len());
    for p in ring {
        if out.last().is_none_or(|q| (p[0] - q[0]).abs() > 1e-9 || (p[1] - q[1]).abs() > 1e-9) {
            out.push(*p);
        }
    }
    while out.len() > 1
        && out.first().zip(out.last()).is_some_and(|(a, b)| (a[0] - b[0]).abs() <= 1e-9 && (a[1] - b[1]).abs() <= 1e-9)
    {
        out.pop();
    }
    out
}

fn segments_cross(a: PointPx, b: PointPx, c: PointPx, d: PointPx) -> bool {
    let side = |p: PointPx, q: PointPx, r: PointPx| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let within = |p: PointPx, q: PointPx, r: PointPx| {
        r[0] >= p[0].min(q[0]) && r[0] <= p[0].max(q[0]) && r[1] >= p[1].min(q[1]) && r[1] <= p[1].max(q[1])
    };
    let (d1, d2, d3, d4) = (side(c, d, a), side(c, d, b), side(a, b, c), side(a, b, d));
    if ((d1 > 0.0 && d2 < 0.0) || (d1 < 0.0 && d2 > 0.0)) && ((d3 > 0.0 && d4 < 0.0) || (d3 < 0.0 && d4 > 0.0)) {
        return true;
    }
    (d1 == 0.0 && within(c, d, a))
        || (d2 == 0.0 && within(c, d, b))
        || (d3 == 0.0 && within(a, b, c))
        || (d4 == 0.0 && within(a, b, d))
}

/// Whether two non-neighbouring edges meet, by a sweep over x: a hand-drawn outline of 10,000 points stays quick.
fn crosses_itself(ring: &[PointPx]) -> bool {
    let n = ring.len();
    let edge = |i: usize| Some((*ring.get(i)?, *ring.get((i + 1) % n)?));
    let mut order: Vec<usize> = (0..n).collect();
    let low = |i: &usize| edge(*i).map_or(0.0, |(a, b)| a[0].min(b[0]));
    order.sort_by(|i, j| low(i).total_cmp(&low(j)));
    let mut open: Vec<usize> = Vec::new();
    for &i in &order {
        let Some((a, b)) = edge(i) else { continue };
        let left = a[0].min(b[0]);
        open.retain(|&j| edge(j).is_some_and(|(c, d)| c[0].max(d[0]) >= left));
        for &j in &open {
            let neighbours = (i + 1) % n == j || (j + 1) % n == i;
            if !neighbours && edge(j).is_some_and(|(c, d)| segments_cross(a, b, c, d)) {
                return true;
            }
        }
        open.push(i);
    }
    false
}

impl Shape {
    /// A polygon from one drawn ring.
    pub fn from_ring(ring: Ring) -> Self {
        Self::Polygons(vec![Polygon { exterior: ring, holes: Vec::new() }])
    }

    /// Every vertex, in storage order.
    pub fn points(&self) -> Box<dyn Iterator<Item = &PointPx> + '_> {
        match self {
            Self::Point(p) => Box::new(std::iter::once(p)),
            Self::Line(l) => Box::new(l.iter()),
            Self::Polygons(ps) => Box::new(ps.iter().flat_map(Polygon::rings).flatten()),
            Self::WholeImage => Box::new(std::iter::empty()),
        }
    }

    /// Smallest `[min_x, min_y, max_x, max_y]` around the shape; `None` for the whole image.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        self.points().fold(None, |acc: Option<[f64; 4]>, p| {
            let b = acc.unwrap_or([p[0], p[1], p[0], p[1]]);
            Some([b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])])
        })
    }

    /// Area in square pixels; zero for points and lines.
    pub fn area_px2(&self) -> f64 {
        match self {
            Self::Polygons(ps) => ps.iter().map(Polygon::area_px2).sum(),
            _ => 0.0,
        }
    }

    /// A valid shape that covers what was drawn. Outlines that cross themselves are rebuilt by the even-odd rule, so a
    /// bow-tie keeps both lobes; simple outlines keep their exact vertices.
    ///
    /// # Errors
    /// When nothing valid is left, see [`GeometryError`].
    pub fn repaired(&self) -> Result<(Self, Repair), GeometryError> {
        for p in self.points() {
            if !p.iter().all(|v| v.is_finite()) {
                return Err(GeometryError::NotFinite);
            }
            if p.iter().any(|v| v.abs() > FARTHEST_PX) {
                return Err(GeometryError::TooFar);
            }
        }
        match self {
            Self::Point(_) | Self::WholeImage => Ok((self.clone(), Repair::default())),
            Self::Line(l) => {
                let line = l.iter().fold(Vec::new(), |mut out: Vec<PointPx>, p| {
                    if out.last() != Some(p) {
                        out.push(*p);
                    }
                    out
                });
                if line.len() < 2 {
                    Err(GeometryError::TooFewPoints)
                } else {
                    Ok((Self::Line(line), Repair::default()))
                }
            }
            Self::Polygons(ps) => repaired_polygons(ps),
        }
    }

    /// Intersection and union area in square pixels with another area shape.
    pub fn overlap_px2(&self, other: &Self) -> (f64, f64) {
        let (Self::Polygons(a), Self::Polygons(b)) = (self, other) else { return (0.0, 0.0) };
        let apart = match (self.bounds(), other.bounds()) {
            (Some(p), Some(q)) => p[2] < q[0] || q[2] < p[0] || p[3] < q[1] || q[3] < p[1],
            _ => true,
        };
        let both = self.area_px2() + other.area_px2();
        if apart {
            return (0.0, both);
        }
        let inter = contours(a).overlay(&contours(b), OverlayRule::Intersect, FillRule::EvenOdd);
        let area: f64 = polygons_from(inter).iter().map(Polygon::area_px2).sum();
        (area, both - area)
    }

    /// Whether a point lies inside (even-odd over all rings).
    pub fn contains(&self, p: PointPx) -> bool {
        let Self::Polygons(ps) = self else { return false };
        let mut inside = false;
        for ring in ps.iter().flat_map(Polygon::rings) {
            for (a, b) in ring.iter().zip(ring.iter().skip(1).chain(ring.first())) {
                if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0] {
                    inside = !inside;
                }
            }
        }
        inside
    }
}

fn contours(polygons: &[Polygon]) -> Vec<Vec<PointPx>> {
    polygons.iter().flat_map(Polygon::rings).cloned().collect()
}

fn polygons_from(shapes: Vec<Vec<Vec<PointPx>>>) -> Vec<Polygon> {
    let mut out: Vec<Polygon> = shapes
        .into_iter()
        .filter_map(|mut rings| {
            if rings.is_empty() {
                return None;
            }
            let exterior = rings.remove(0);
            Some(oriented(Polygon { exterior, holes: rings }))
        })
        .collect();
    // The sweep's output order is an accident; a stored value must not depend on it.
    out.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    out
}

fn key(p: &Polygon) -> (f64, f64) {
    p.exterior
        .iter()
        .fold((f64::INFINITY, f64::INFINITY), |m, q| if (q[1], q[0]) < (m.1, m.0) { (q[0], q[1]) } else { m })
}

fn oriented(mut p: Polygon) -> Polygon {
    if signed_area(&p.exterior) < 0.0 {
        p.exterior.reverse();
    }
    for h in &mut p.holes {
        if signed_area(h) > 0.0 {
            h.reverse();
        }
    }
    p
}

fn repaired_polygons(polygons: &[Polygon]) -> Result<(Shape, Repair), GeometryError> {
    let mut repair = Repair::default();
    let clean: Vec<Polygon> = polygons
        .iter()
        .map(|p| Polygon {
            exterior: without_repeats(&p.exterior),
            holes: p.holes.iter().map(|h| without_repeats(h)).filter(|h| h.len() >= 3).collect(),
        })
        .collect();
    if clean.iter().all(|p| p.exterior.len() < 3) {
        return Err(GeometryError::TooFewPoints);
    }
    let single = clean.len() == 1 && clean.first().is_some_and(|p| p.holes.is_empty() && !crosses_itself(&p.exterior));
    let parts = if single {
        clean.into_iter().map(oriented).collect()
    } else {
        let before: f64 = clean.iter().map(|p| p.area_px2().abs()).sum();
        let rebuilt = polygons_from(contours(&clean).simplify_shape(FillRule::EvenOdd));
        let after: f64 = rebuilt.iter().map(Polygon::area_px2).sum();
        repair.self_crossing = (before - after).abs() > 1e-6 * before.max(1.0) || rebuilt.len() != polygons.len();
        if repair.self_crossing { rebuilt } else { clean.into_iter().map(oriented).collect() }
    };
    let (kept, dropped): (Vec<_>, Vec<_>) = parts.into_iter().partition(|p| p.area_px2() >= SLIVER_PX2);
    repair.slivers_dropped = u32::try_from(dropped.len()).unwrap_or(u32::MAX);
    if kept.is_empty() { Err(GeometryError::NoArea) } else { Ok((Shape::Polygons(kept), repair)) }
}
