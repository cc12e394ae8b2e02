//! Sorting shapes into blocks by size class and place, and choosing what of them a view needs.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{ShapeInstance, ShapeSet};
use crate::render::narrow::{nearest, whole};

/// Side of the smallest block, in level-0 pixels.
const BLOCK_PX: f64 = 4096.0;
/// Side of the squares by which a block's shapes are ordered.
const CELL_PX: f64 = 512.0;
/// Shapes culled together.
pub(super) const CHUNK: usize = 64;

/// Below this size on the screen a shape needs neither casing nor filling nor all of its points.
const SKETCH_BELOW_PX: f64 = 12.0;

/// How a block is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lod {
    Dots,
    /// A plain line through every so many points.
    Sketch,
    Full,
}

/// Where a block stands in the painting order and on the image: large shapes lie under small ones, selected ones on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockKey {
    pub selected: bool,
    /// Shapes of class `k` are at most 2^k px across.
    pub class: Reverse<u8>,
    pub row: i64,
    pub col: i64,
}

/// The shapes of one block, in drawing order.
#[derive(Debug)]
pub(super) struct Block {
    pub bounds: [f64; 4],
    pub members: Vec<ShapeInstance>,
    /// Bounds of each run of [`CHUNK`] members.
    pub chunks: Vec<[f64; 4]>,
    /// Changes when a member's geometry or style does.
    pub signature: u64,
}

impl BlockKey {
    fn of(shape: &ShapeInstance) -> Self {
        let b = shape.geometry.bounds();
        let extent = (b[2] - b[0]).max(b[3] - b[1]).max(1.0);
        let class = u8::try_from(whole(extent.log2().ceil(), 40)).unwrap_or(40);
        let side = Self::side(class);
        Self {
            selected: shape.selected,
            class: Reverse(class),
            row: nearest((b[1] / side).floor()),
            col: nearest((b[0] / side).floor()),
        }
    }

    fn side(class: u8) -> f64 {
        BLOCK_PX.max(2_f64.powi(i32::from(class) + 2))
    }

    fn origin(&self) -> [f64; 2] {
        let side = Self::side(self.class.0);
        [self.col as f64 * side, self.row as f64 * side]
    }

    /// How much of this block's shapes can be seen at a zoom (screen pixels per image pixel); shapes under `dots_below_px`
    /// become dots. Point marks have no size of their own and are always drawn.
    pub fn lod(&self, zoom: f64, dots_below_px: f64) -> Lod {
        let largest_px = self.largest() * zoom;
        match self.class.0 {
            0 => Lod::Full,
            _ if largest_px < dots_below_px => Lod::Dots,
            _ if largest_px < SKETCH_BELOW_PX => Lod::Sketch,
            _ => Lod::Full,
        }
    }

    /// No shape of the block is larger than this, in image pixels.
    pub fn largest(&self) -> f64 {
        2_f64.powi(i32::from(self.class.0))
    }
}

pub(super) fn union(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

pub(super) fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// Sorts a set into blocks.
pub(super) fn sort(set: &ShapeSet) -> BTreeMap<BlockKey, Block> {
    let mut members: BTreeMap<BlockKey, Vec<(u64, ShapeInstance)>> = BTreeMap::new();
    for shape in &set.shapes {
        let key = BlockKey::of(shape);
        let (b, origin) = (shape.geometry.bounds(), key.origin());
        let cell = |axis: usize| whole((b[axis] - origin[axis]) / CELL_PX, 65_535);
        members.entry(key).or_default().push((morton(cell(0), cell(1)), shape.clone()));
    }
    members
        .into_iter()
        .map(|(key, mut list)| {
            // Stable: within a cell the caller's order is the painting order.
            list.sort_by_key(|(cell, _)| *cell);
            (key, Block::new(list.into_iter().map(|(_, shape)| shape).collect()))
        })
        .collect()
}

impl Block {
    fn new(members: Vec<ShapeInstance>) -> Self {
        let around = |shapes: &[ShapeInstance]| {
            let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
            shapes.iter().map(|s| s.geometry.bounds()).fold(nothing, union)
        };
        let mut hasher = DefaultHasher::new();
        for m in &members {
            (Arc::as_ptr(&m.geometry) as usize, m.colour, m.pattern, m.selected, m.filled).hash(&mut hasher);
        }
        Self {
            bounds: around(&members),
            chunks: members.chunks(CHUNK).map(around).collect(),
            members,
            signature: hasher.finish(),
        }
    }

    /// Runs of neighbouring chunks that touch `view` (level-0 box); one draw each.
    pub fn visible_chunks(&self, view: [f64; 4]) -> Vec<std::ops::Range<usize>> {
        let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
        for (i, _) in self.chunks.iter().enumerate().filter(|(_, b)| overlap(**b, view)) {
            match runs.last_mut() {
                // A gap of a few chunks costs less than another draw.
                Some(run) if i - run.end <= 2 => run.end = i + 1,
                _ => runs.push(i..i + 1),
            }
        }
        runs
    }
}

/// Interleaves 16 bits of both: neighbours in the plane stay neighbours in the order.
fn morton(x: u32, y: u32) -> u64 {
    let spread = |v: u32| (0..16).fold(0_u64, |out, bit| out | (u64::from(v >> bit & 1) << (2 * bit)));
    spread(x) | (spread(y) << 1)
}

#[cfg(test)]
mod tests {
    use super::super::{Outline, Pattern, ShapeGeometry, ShapeInstance, ShapeSet};
    use super::{overlap, sort};
    use std::sync::Arc;

    fn square(x: f64, y: f64, side: f64) -> ShapeInstance {
        let ring = vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]];
        let geometry = Arc::new(ShapeGeometry::new(vec![Outline::Polygon(vec![ring])]).unwrap());
        ShapeInstance { geometry, colour: [1, 2, 3], pattern: Pattern::Solid, selected: false, filled: true }
    }

    #[test]
    fn every_visible_shape_is_in_a_visible_chunk_and_few_others_are() {
        let shapes: Vec<_> =
            (0..40_000_u32).map(|i| square(f64::from(i % 200) * 50.0, f64::from(i / 200) * 50.0, 20.0)).collect();
        let set = ShapeSet { revision: 1, shapes };
        let view = [3000.0, 3000.0, 3400.0, 3300.0];
        let visible = set.shapes.iter().filter(|s| overlap(s.geometry.bounds(), view)).count();
        let mut drawn = 0;
        let mut drawn_visible = 0;
        for block in sort(&set).values() {
            for run in block.visible_chunks(view) {
                let members =
                    &block.members[run.start * super::CHUNK..(run.end * super::CHUNK).min(block.members.len())];
                drawn += members.len();
                drawn_visible += members.iter().filter(|s| overlap(s.geometry.bounds(), view)).count();
            }
        }
        assert_eq!(drawn_visible, visible);
        assert!(drawn < 2_000, "{drawn} shapes drawn for {visible} visible of 40,000");
    }

    #[test]
    fn an_edit_changes_the_signature_of_one_block_only() {
        let mut set =
            ShapeSet { revision: 1, shapes: (0..100).map(|i| square(f64::from(i) * 1000.0, 0.0, 20.0)).collect() };
        let before = sort(&set);
        set.shapes[50] = square(50_000.0, 1.0, 20.0);
        let after = sort(&set);
        let changed =
            after.iter().filter(|(k, b)| before.get(k).is_none_or(|old| old.signature != b.signature)).count();
        assert_eq!((before.len(), changed), (25, 1));
    }
}
