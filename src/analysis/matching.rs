//! Pairing the findings of two blind reads of one image and frame, and saying where the readers differ.
//!
//! Pairs are chosen so that the sum of IoU over all pairs is as large as it can be (Hungarian algorithm on 1 − IoU, Kuhn
//! 1955, in the O(n³) form with potentials); pairs below the threshold θ are taken apart again. The result does not
//! depend on the order in which the findings are given.

use crate::domain::{FindingId, Roi, Shape, TermRef};

/// A finding as one reader saw it: only what comparing needs.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    pub id: &'a FindingId,
    pub term: &'a TermRef,
    pub roi: &'a Roi,
}

/// What counts as the same place and the same outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchRule {
    /// θ: a pair below this IoU is two separate findings. Small lesions may use less (`domain.md` §4.1).
    pub pair_iou: f64,
    /// A pair at or above this IoU has the same outline; below it the boundary differs.
    pub same_boundary_iou: f64,
    /// Points and lines pair when their nearest vertices are at most this far apart, in pixels.
    pub point_reach_px: f64,
}

impl Default for MatchRule {
    /// θ = 0.5; outlines differ when more than a tenth of the union is not shared; points pair within 16 px.
    fn default() -> Self {
        Self { pair_iou: 0.5, same_boundary_iou: 0.9, point_reach_px: 16.0 }
    }
}

/// How two reads stand to each other at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    Agreed,
    /// Same place, another term.
    TermDiffers,
    /// Same term, outlines that share less than the rule asks.
    BoundaryDiffers,
    OnlyA,
    OnlyB,
}

/// One place in an image frame: at least one of `a` and `b` is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub frame: u32,
    pub a: Option<FindingId>,
    pub b: Option<FindingId>,
    /// Overlap of the pair, 0 when there is no pair. Points and lines: 1 at distance 0, falling to θ at the reach.
    pub iou: f64,
    pub relation: Relation,
}

/// Intersection over union of two shapes, `[0, 1]`. Areas by the even-odd rule; two whole images are the same (1);
/// points and lines have no area and give 0.
pub fn iou(a: &Shape, b: &Shape) -> f64 {
    if matches!((a, b), (Shape::WholeImage, Shape::WholeImage)) {
        return 1.0;
    }
    let (shared, union) = a.overlap_px2(b);
    if union > 0.0 { (shared / union).clamp(0.0, 1.0) } else { 0.0 }
}

/// Dice coefficient of two shapes: 2J / (1 + J).
pub fn dice(a: &Shape, b: &Shape) -> f64 {
    let j = iou(a, b);
    2.0 * j / (1.0 + j)
}

/// Compares two blind reads of one image: pairs within each frame, sorted by frame, then by finding id.
pub fn compare(a: &[Candidate<'_>], b: &[Candidate<'_>], rule: &MatchRule) -> Vec<Match> {
    let mut frames: Vec<u32> = a.iter().chain(b).map(|c| c.roi.frame).collect();
    frames.sort_unstable();
    frames.dedup();
    let mut out = Vec::new();
    for frame in frames {
        let of = |side: &[Candidate<'_>]| -> Vec<usize> {
            let mut picked: Vec<usize> =
                (0..side.len()).filter(|i| side.get(*i).is_some_and(|c| c.roi.frame == frame)).collect();
            picked.sort_by_key(|i| side.get(*i).map(|c| c.id));
            picked
        };
        let left: Vec<&Candidate<'_>> = of(a).into_iter().filter_map(|i| a.get(i)).collect();
        let right: Vec<&Candidate<'_>> = of(b).into_iter().filter_map(|i| b.get(i)).collect();
        out.extend(compare_frame(frame, &left, &right, rule));
    }
    out
}

fn compare_frame(frame: u32, a: &[&Candidate<'_>], b: &[&Candidate<'_>], rule: &MatchRule) -> Vec<Match> {
    let likeness: Vec<Vec<f64>> =
        a.iter().map(|x| b.iter().map(|y| similarity(&x.roi.shape, &y.roi.shape, rule)).collect()).collect();
    // Of two pairings with the same overlap the one with more equal terms wins; the bonus is too small to buy overlap.
    let weight: Vec<Vec<f64>> = a
        .iter()
        .zip(&likeness)
        .map(|(x, row)| {
            b.iter()
                .zip(row)
                .map(|(y, j)| {
                    let usable = *j >= rule.pair_iou && *j > 0.0;
                    let bonus = if x.term.id == y.term.id && x.term.pack == y.term.pack { 1e-9 } else { 0.0 };
                    if usable { *j + bonus } else { 0.0 }
                })
                .collect()
        })
        .collect();
    let partner = best_assignment(&weight, b.len());
    let mut taken = vec![false; b.len()];
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    for (i, x) in a.iter().enumerate() {
        let pair = partner.get(i).copied().flatten().and_then(|j| {
            let w = weight.get(i)?.get(j)?;
            (*w > 0.0).then_some((j, *b.get(j)?, *likeness.get(i)?.get(j)?))
        });
        let found = pair.map(|(j, y, iou)| {
            if let Some(flag) = taken.get_mut(j) {
                *flag = true;
            }
            let same_term = x.term.id == y.term.id && x.term.pack == y.term.pack;
            let relation = match (same_term, iou >= rule.same_boundary_iou) {
                (false, _) => Relation::TermDiffers,
                (true, false) => Relation::BoundaryDiffers,
                (true, true) => Relation::Agreed,
            };
            Match { frame, a: Some(x.id.clone()), b: Some(y.id.clone()), iou, relation }
        });
        out.push(found.unwrap_or_else(|| Match {
            frame,
            a: Some(x.id.clone()),
            b: None,
            iou: 0.0,
            relation: Relation::OnlyA,
        }));
    }
    for (y, used) in b.iter().zip(taken) {
        if !used {
            out.push(Match { frame, a: None, b: Some(y.id.clone()), iou: 0.0, relation: Relation::OnlyB });
        }
    }
    out
}

/// IoU for areas; for points and lines a distance turned into the same scale, so that one rule judges both.
fn similarity(a: &Shape, b: &Shape, rule: &MatchRule) -> f64 {
    let thin = |s: &Shape| matches!(s, Shape::Point(_) | Shape::Line(_));
    match (thin(a), thin(b)) {
        (false, false) => iou(a, b),
        (true, true) => near(chamfer_px(a, b), rule),
        _ => 0.0,
    }
}

fn near(distance_px: f64, rule: &MatchRule) -> f64 {
    if distance_px > rule.point_reach_px || rule.point_reach_px <= 0.0 {
        return 0.0;
    }
    1.0 - (1.0 - rule.pair_iou) * distance_px / rule.point_reach_px
}

/// Larger of the two mean distances from each vertex of one shape to the nearest vertex of the other.
fn chamfer_px(a: &Shape, b: &Shape) -> f64 {
    let one_way = |from: &Shape, to: &Shape| {
        let (mut sum, mut count) = (0.0, 0.0_f64);
        for p in from.points() {
            let nearest = to.points().map(|q| (p[0] - q[0]).hypot(p[1] - q[1])).fold(f64::INFINITY, f64::min);
            sum += nearest;
            count += 1.0;
        }
        if count > 0.0 { sum / count } else { f64::INFINITY }
    };
    one_way(a, b).max(one_way(b, a))
}

/// For each row the column it is paired with, so that the summed weight is largest. Weights are not negative; a pair
/// of weight 0 means no pair. Deterministic: of equal sums the lower row and column indices win.
#[allow(
    clippy::indexing_slicing,
    reason = "every index is below n or m by the loop bounds; rewriting with get() would hide the algorithm"
)]
pub fn best_assignment(weight: &[Vec<f64>], columns: usize) -> Vec<Option<usize>> {
    let (n, m) = (weight.len(), columns.max(weight.len()));
    if n == 0 || columns == 0 {
        return vec![None; n];
    }
    let cost = |i: usize, j: usize| weight[i].get(j).map_or(0.0, |w| -w);
    // 1-based, as in the usual presentation; column 0 is the artificial start of each augmenting path.
    let (mut row_price, mut column_price) = (vec![0.0_f64; n + 1], vec![0.0_f64; m + 1]);
    let (mut row_of, mut way) = (vec![0_usize; m + 1], vec![0_usize; m + 1]);
    for i in 1..=n {
        row_of[0] = i;
        let mut j0 = 0;
        let mut slack = vec![f64::INFINITY; m + 1];
        let mut used = vec![false; m + 1];
        loop {
            used[j0] = true;
            let i0 = row_of[j0];
            let (mut delta, mut j1) = (f64::INFINITY, 0);
            for j in 1..=m {
                if used[j] {
                    continue;
                }
                let reduced = cost(i0 - 1, j - 1) - row_price[i0] - column_price[j];
                if reduced < slack[j] {
                    slack[j] = reduced;
                    way[j] = j0;
                }
                if slack[j] < delta {
                    delta = slack[j];
                    j1 = j;
                }
            }
            for j in 0..=m {
                if used[j] {
                    row_price[row_of[j]] += delta;
                    column_price[j] -= delta;
                } else {
                    slack[j] -= delta;
                }
            }
            j0 = j1;
            if row_of[j0] == 0 {
                break;
            }
        }
        while j0 != 0 {
            let previous = way[j0];
            row_of[j0] = row_of[previous];
            j0 = previous;
        }
    }
    let mut partner = vec![None; n];
    for (j, row) in row_of.iter().enumerate().take(columns + 1).skip(1) {
        if *row > 0 {
            partner[row - 1] = Some(j - 1);
        }
    }
    partner
}
