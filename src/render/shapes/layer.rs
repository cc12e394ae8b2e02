//! The outlines of one view on the graphics card.

use std::collections::BTreeMap;

use bytemuck::{Pod, Zeroable};
use wgpu::util::DeviceExt as _;

use super::{
    ShapePipelines,
    blocks::{self, Block, BlockKey, CHUNK},
    build,
};
use crate::render::Scene;

/// Outline buffers beyond this are dropped, the longest unseen first.
const DETAIL_BUDGET_BYTES: u64 = 256 << 20;

/// As `View` in `shaders/common/shape.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct ViewUniform {
    linear: [f32; 4],
    centre: [i32; 2],
    residue: [f32; 2],
    size_px: [f32; 2],
    point_px: f32,
    zoom: f32,
    fill_opacity: f32,
    unused: [f32; 3],
}

struct DetailBuffers {
    points: wgpu::Buffer,
    indices: Option<wgpu::Buffer>,
    point_ends: Vec<u32>,
    index_ends: Vec<u32>,
    bytes: u64,
    last_seen: u64,
}

struct GpuBlock {
    block: Block,
    dots: Option<wgpu::Buffer>,
    detail: Option<DetailBuffers>,
}

/// One draw: a block, and which of its members.
struct DrawRun {
    key: BlockKey,
    dots: bool,
    chunks: std::ops::Range<usize>,
}

#[derive(Default)]
pub(in super::super) struct ShapeLayer {
    blocks: BTreeMap<BlockKey, GpuBlock>,
    sorted_revision: Option<u64>,
    /// What the layer shows now; when nothing of it changed the old picture stands.
    shown: Option<(u64, Option<ViewUniform>)>,
    runs: Vec<DrawRun>,
    uniform: Option<(wgpu::Buffer, wgpu::BindGroup)>,
    frame: u64,
    rebuilt_blocks: u64,
}

impl ShapeLayer {
    /// Blocks whose buffers were made since the layer exists; tests count them.
    pub fn rebuilt_blocks(&self) -> u64 {
        self.rebuilt_blocks
    }

    /// Shapes of the blocks that the last preparation chose to draw.
    pub fn drawn_shapes(&self) -> usize {
        self.runs
            .iter()
            .filter_map(|run| {
                let members = self.blocks.get(&run.key)?.block.members.len();
                Some((run.chunks.end * CHUNK).min(members) - run.chunks.start * CHUNK)
            })
            .sum()
    }

    /// Makes the buffers ready for `scene`; `true` when the layer must be drawn again.
    pub fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        pipelines: &ShapePipelines,
        scene: &Scene,
    ) -> bool {
        self.frame += 1;
        let revision = scene.shapes.revision;
        let value = uniform(scene);
        if self.shown == Some((revision, value)) {
            return false;
        }
        self.shown = Some((revision, value));
        if self.sorted_revision != Some(revision) {
            self.resort(scene);
            self.sorted_revision = Some(revision);
        }
        let (Some(value), Some(image_from_screen)) = (value, scene.screen_from_image.inverse()) else {
            self.runs.clear();
            return true;
        };
        // Outlines reach a few points over their geometry: width, casing, marks.
        let margin = f64::from(scene.pixels_per_point) * 8.0;
        let [width, height] = scene.size_px.map(f64::from);
        let view = image_from_screen.apply_box([-margin, -margin, width + margin, height + margin]);
        self.choose(device, scene, view);
        self.write_uniform(device, queue, pipelines, &value);
        self.drop_unseen();
        true
    }

    fn resort(&mut self, scene: &Scene) {
        let mut old = std::mem::take(&mut self.blocks);
        self.blocks = blocks::sort(&scene.shapes)
            .into_iter()
            .map(|(key, block)| {
                let same = old.remove(&key).filter(|o| o.block.signature == block.signature);
                let (dots, detail) = same.map_or((None, None), |o| (o.dots, o.detail));
                (key, GpuBlock { block, dots, detail })
            })
            .collect();
    }

    fn choose(&mut self, device: &wgpu::Device, scene: &Scene, view: [f64; 4]) {
        self.runs.clear();
        let zoom = scene.screen_from_image.scale();
        for (key, gpu) in &mut self.blocks {
            if !blocks::overlap(gpu.block.bounds, view) {
                continue;
            }
            let has_marks = key.class.0 == 0;
            let dots = key.as_dots(zoom) && !has_marks;
            if dots && gpu.dots.is_none() {
                gpu.dots = Some(buffer(
                    device,
                    "shape dots",
                    bytemuck::cast_slice(&build::dots(&gpu.block)),
                    wgpu::BufferUsages::VERTEX,
                ));
                self.rebuilt_blocks += 1;
            }
            if !dots {
                let rebuilt = &mut self.rebuilt_blocks;
                let detail = gpu.detail.get_or_insert_with(|| {
                    *rebuilt += 1;
                    DetailBuffers::new(device, &gpu.block)
                });
                detail.last_seen = self.frame;
            }
            let runs = gpu.block.visible_chunks(view);
            self.runs.extend(runs.into_iter().map(|chunks| DrawRun { key: *key, dots, chunks }));
        }
    }

    fn write_uniform(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        pipelines: &ShapePipelines,
        value: &ViewUniform,
    ) {
        let (buffer, _) = self.uniform.get_or_insert_with(|| {
            let buffer = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("shape view"),
                size: size_of::<ViewUniform>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("shape view"),
                layout: &pipelines.view_layout,
                entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
            });
            (buffer, group)
        });
        queue.write_buffer(buffer, 0, bytemuck::bytes_of(value));
    }

    fn drop_unseen(&mut self) {
        let mut bytes: u64 = self.blocks.values().filter_map(|b| b.detail.as_ref()).map(|d| d.bytes).sum();
        while bytes > DETAIL_BUDGET_BYTES {
            let unseen =
                self.blocks.values_mut().filter(|b| b.detail.as_ref().is_some_and(|d| d.last_seen < self.frame));
            let Some(oldest) = unseen.min_by_key(|b| b.detail.as_ref().map(|d| d.last_seen)) else { return };
            bytes -= oldest.detail.take().map_or(0, |d| d.bytes);
        }
    }

    /// Draws what [`ShapeLayer::prepare`] chose: fills, then every casing, then every line, then dots.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, pipelines: &ShapePipelines) {
        let Some((_, group)) = &self.uniform else { return };
        pass.set_bind_group(0, group, &[]);
        // Selected shapes come last as a whole, so that nothing crosses over them.
        for selected in [false, true] {
            let runs = || self.runs.iter().filter(move |r| r.key.selected == selected);
            for (pipeline, step) in [
                (&pipelines.fill, Step::Fill),
                (&pipelines.casing, Step::Line),
                (&pipelines.line, Step::Line),
                (&pipelines.dot, Step::Dots),
            ] {
                pass.set_pipeline(pipeline);
                for run in runs() {
                    self.draw_run(pass, run, step);
                }
            }
        }
    }

    fn draw_run(&self, pass: &mut wgpu::RenderPass<'_>, run: &DrawRun, step: Step) {
        let Some(gpu) = self.blocks.get(&run.key) else { return };
        let ends = |ends: &[u32]| {
            let start = run.chunks.start.checked_sub(1).and_then(|i| ends.get(i)).copied().unwrap_or(0);
            start..ends.get(run.chunks.end - 1).copied().unwrap_or(start)
        };
        match (step, run.dots, &gpu.detail, &gpu.dots) {
            (Step::Fill, false, Some(detail), _) => {
                let Some(indices) = &detail.indices else { return };
                pass.set_vertex_buffer(0, detail.points.slice(..));
                pass.set_index_buffer(indices.slice(..), wgpu::IndexFormat::Uint32);
                pass.draw_indexed(ends(&detail.index_ends), 0, 0..1);
            }
            (Step::Line, false, Some(detail), _) => {
                pass.set_vertex_buffer(0, detail.points.slice(..));
                pass.set_vertex_buffer(1, detail.points.slice(size_of::<build::LinePoint>() as u64..));
                pass.draw(0..4, ends(&detail.point_ends));
            }
            (Step::Dots, true, _, Some(dots)) => {
                let last = (run.chunks.end * CHUNK).min(gpu.block.members.len()) as u32;
                pass.set_vertex_buffer(0, dots.slice(..));
                pass.draw(0..4, (run.chunks.start * CHUNK) as u32..last);
            }
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Fill,
    Line,
    Dots,
}

/// `None` when the camera flattens the image.
fn uniform(scene: &Scene) -> Option<ViewUniform> {
    let m = &scene.screen_from_image;
    let middle = m.inverse()?.apply(scene.size_px.map(|n| f64::from(n) / 2.0));
    let centre = build::units(middle);
    let residue = |axis: usize| (middle[axis] - f64::from(centre[axis]) / build::UNITS_PER_PX) as f32;
    Some(ViewUniform {
        linear: [m.a, m.b, m.d, m.e].map(|v| v as f32),
        centre,
        residue: [residue(0), residue(1)],
        size_px: scene.size_px.map(|n| n as f32),
        point_px: scene.pixels_per_point,
        zoom: m.scale() as f32,
        fill_opacity: scene.fill_opacity,
        unused: [0.0; 3],
    })
}

fn buffer(device: &wgpu::Device, label: &str, contents: &[u8], usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: Some(label), contents, usage })
}

impl DetailBuffers {
    fn new(device: &wgpu::Device, block: &Block) -> Self {
        let detail = build::detail(block);
        let points = buffer(device, "outlines", bytemuck::cast_slice(&detail.points), wgpu::BufferUsages::VERTEX);
        let indices = (!detail.indices.is_empty())
            .then(|| buffer(device, "fills", bytemuck::cast_slice(&detail.indices), wgpu::BufferUsages::INDEX));
        let bytes = points.size() + indices.as_ref().map_or(0, wgpu::Buffer::size);
        let (point_ends, index_ends) = (detail.point_ends, detail.index_ends);
        Self { points, indices, point_ends, index_ends, bytes, last_seen: 0 }
    }
}
