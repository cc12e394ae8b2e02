//! Vertex data of one block: dots for far away, outline points and triangle indices for near.

use bytemuck::{Pod, Zeroable};

use crate::render::narrow::{count, nearest, to_f32};

use super::{
    Outline, Pattern, ShapeInstance,
    blocks::{Block, CHUNK},
};

/// Positions are whole multiples of 1/`UNITS_PER_PX` image pixel.
pub(super) const UNITS_PER_PX: f64 = 2048.0;
/// Farther points are drawn at this distance, so that a difference of two positions always fits an `i32`.
const FARTHEST_PX: f64 = 500_000.0;

const BREAK: u32 = 1;
const DASHED: u32 = 2;
const DOTTED: u32 = 4;
const HATCHED: u32 = 8;
const SELECTED: u32 = 16;
const MARKER: u32 = 32;

/// A point of an outline; the segment to the next point is drawn unless the style says [`BREAK`]. Laid out as the two
/// overlapping halves of `Segment` in `shaders/shape_line.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct LinePoint {
    pub at: [i32; 2],
    /// Image pixels along the outline up to here; carries the dashes.
    pub length: f32,
    pub style: u32,
}

/// As `Dot` in `shaders/shape_dot.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Dot {
    pub middle: [i32; 2],
    pub half_size: [f32; 2],
    pub style: u32,
}

/// Outline points, triangle indices into them, and where each chunk ends in both.
#[derive(Default)]
pub(super) struct Detail {
    pub points: Vec<LinePoint>,
    pub indices: Vec<u32>,
    pub point_ends: Vec<u32>,
    pub index_ends: Vec<u32>,
}

/// A position in level-0 pixels as the shaders take it.
pub(super) fn units(p: [f64; 2]) -> [i32; 2] {
    p.map(|v| i32::try_from(nearest(v.clamp(-FARTHEST_PX, FARTHEST_PX) * UNITS_PER_PX)).unwrap_or(0))
}

fn style(shape: &ShapeInstance) -> u32 {
    let [r, g, b] = shape.colour.map(u32::from);
    let pattern = match shape.pattern {
        Pattern::Solid => 0,
        Pattern::Dashed => DASHED,
        Pattern::Dotted => DOTTED,
        Pattern::Hatched => HATCHED,
    };
    let selected = if shape.selected { SELECTED } else { 0 };
    r | g << 8 | b << 16 | (pattern | selected) << 24
}

pub(super) fn dots(block: &Block) -> Vec<Dot> {
    block
        .members
        .iter()
        .map(|m| {
            let b = m.geometry.bounds();
            Dot {
                middle: units([f64::midpoint(b[0], b[2]), f64::midpoint(b[1], b[3])]),
                half_size: [to_f32((b[2] - b[0]) / 2.0), to_f32((b[3] - b[1]) / 2.0)],
                style: style(m),
            }
        })
        .collect()
}

/// Everything of the block's shapes.
pub(super) fn detail(block: &Block) -> Detail {
    lines(block, push_shape)
}

/// The outlines alone, without points closer than `step_px` to the one before: under half a pixel off where it is used.
pub(super) fn sketch(block: &Block, step_px: f64) -> Detail {
    lines(block, |out, shape| {
        let style = style(shape);
        for part in shape.geometry.parts() {
            match part {
                Outline::Polygon(rings) => {
                    rings.iter().for_each(|r| push_path(out, thinned(r, step_px).chain(r.first()), style));
                }
                Outline::Line(points) => push_path(out, thinned(points, step_px).chain(points.last()), style),
                Outline::Point(p) => push_path(out, std::iter::once(p), style | MARKER << 24),
            }
        }
    })
}

fn thinned(points: &[[f64; 2]], step_px: f64) -> impl Iterator<Item = &[f64; 2]> {
    let mut kept: Option<&[f64; 2]> = None;
    points.iter().filter(move |p| {
        let far = kept.is_none_or(|q| (p[0] - q[0]).hypot(p[1] - q[1]) >= step_px);
        if far {
            kept = Some(p);
        }
        far
    })
}

fn lines(block: &Block, push: impl Fn(&mut Detail, &ShapeInstance)) -> Detail {
    let mut out = Detail::default();
    for chunk in block.members.chunks(CHUNK) {
        for shape in chunk {
            push(&mut out, shape);
        }
        out.point_ends.push(count(out.points.len()));
        out.index_ends.push(count(out.indices.len()));
    }
    // The last segment's second half reads one point further.
    out.points.push(LinePoint { at: [0; 2], length: 0.0, style: BREAK << 24 });
    out
}

fn push_shape(out: &mut Detail, shape: &ShapeInstance) {
    let style = style(shape);
    let no_triangles = Vec::new();
    let triangles: &[Vec<u32>] = if shape.filled { shape.geometry.triangles() } else { &[] };
    for (i, part) in shape.geometry.parts().iter().enumerate() {
        let first = count(out.points.len());
        match part {
            Outline::Polygon(rings) => {
                for ring in rings {
                    push_path(out, ring.iter().chain(ring.first()), style);
                }
                let corners = triangles.get(i).unwrap_or(&no_triangles);
                // Each ring before a point has one closing point more here than there.
                let ends: Vec<u32> = rings
                    .iter()
                    .scan(0, |at, ring| {
                        *at += count(ring.len());
                        Some(*at)
                    })
                    .collect();
                let shifted = corners.iter().map(|c| first + c + count(ends.partition_point(|end| end <= c)));
                out.indices.extend(shifted);
            }
            Outline::Line(points) => push_path(out, points.iter(), style),
            Outline::Point(p) => push_path(out, std::iter::once(p), style | MARKER << 24),
        }
    }
}

fn push_path<'a>(out: &mut Detail, path: impl Iterator<Item = &'a [f64; 2]>, style: u32) {
    let mut length = 0.0;
    let mut before: Option<&[f64; 2]> = None;
    for p in path {
        length += before.map_or(0.0, |q| (p[0] - q[0]).hypot(p[1] - q[1]));
        out.points.push(LinePoint { at: units(*p), length: to_f32(length), style });
        before = Some(p);
    }
    if let Some(last) = out.points.last_mut() {
        last.style |= BREAK << 24;
    }
}
