//! The outlines of one view on the graphics card.

use std::collections::BTreeMap;

use bytemuck::{Pod, Zeroable};
use wgpu::util::DeviceExt as _;

use super::{
    ShapePipelines,
    blocks::{self, Block, BlockKey, CHUNK, Lod},
    build,
};
use crate::render::{
    Scene,
    narrow::{count, to_f32},
};

/// Outline buffers beyond this are dropped, the longest unseen first.
const DETAIL_BUDGET_BYTES: u64 = 256 << 20;

/// Outline points that one frame may make buffers for (one block always may): about ten milliseconds. What is not ready is
/// drawn as dots for a frame.
const BUILD_POINTS: usize = 150_000;

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
    sketch: Option<DetailBuffers>,
    detail: Option<DetailBuffers>,
}

impl GpuBlock {
    fn lines(&self, lod: Lod) -> Option<&DetailBuffers> {
        match lod {
            Lod::Dots => None,
            Lod::Sketch => self.sketch.as_ref(),
            Lod::Full => self.detail.as_ref(),
        }
    }

    fn buffers_mut(&mut self) -> impl Iterator<Item = &mut Option<DetailBuffers>> {
        [&mut self.sketch, &mut self.detail].into_iter()
    }
}

/// What a preparation says to the renderer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct LayerState {
    pub redraw: bool,
    /// Blocks shown as dots for now: draw again soon.
    pub waiting: usize,
}

/// One draw: a block, and which of its members.
struct DrawRun {
    key: BlockKey,
    lod: Lod,
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

    /// Makes the buffers ready for `scene`; shapes smaller than `dots_below_px` on the screen become dots.
    pub fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        pipelines: &ShapePipelines,
        scene: &Scene,
        dots_below_px: f64,
    ) -> LayerState {
        self.frame += 1;
        let revision = scene.shapes.revision;
        let value = uniform(scene);
        if self.shown == Some((revision, value)) {
            return LayerState { redraw: false, waiting: 0 };
        }
        self.shown = Some((revision, value));
        if self.sorted_revision != Some(revision) {
            self.resort(scene);
            self.sorted_revision = Some(revision);
        }
        let (Some(value), Some(image_from_screen)) = (value, scene.screen_from_image.inverse()) else {
            self.runs.clear();
            return LayerState { redraw: true, waiting: 0 };
        };
        // Outlines reach a few points over their geometry: width, casing, marks.
        let margin = f64::from(scene.pixels_per_point) * 8.0;
        let [width, height] = scene.size_px.map(f64::from);
        let view = image_from_screen.apply_box([-margin, -margin, width + margin, height + margin]);
        let waiting = self.choose(device, scene, view, dots_below_px);
        if waiting > 0 {
            self.shown = None;
        }
        self.write_uniform(device, queue, pipelines, &value);
        self.drop_unseen();
        LayerState { redraw: true, waiting }
    }

    fn resort(&mut self, scene: &Scene) {
        let mut old = std::mem::take(&mut self.blocks);
        self.blocks = blocks::sort(&scene.shapes)
            .into_iter()
            .map(|(key, block)| {
                let same = old.remove(&key).filter(|o| o.block.signature == block.signature);
                let (dots, sketch, detail) = same.map_or((None, None, None), |o| (o.dots, o.sketch, o.detail));
                (key, GpuBlock { block, dots, sketch, detail })
            })
            .collect();
    }

    fn choose(&mut self, device: &wgpu::Device, scene: &Scene, view: [f64; 4], dots_below_px: f64) -> usize {
        self.runs.clear();
        let zoom = scene.screen_from_image.scale();
        let (mut built, mut waiting) = (0, 0);
        for (key, gpu) in &mut self.blocks {
            if !blocks::overlap(gpu.block.bounds, view) {
                continue;
            }
            let mut lod = key.lod(zoom, dots_below_px);
            if lod != Lod::Dots && gpu.lines(lod).is_none() {
                if built < BUILD_POINTS {
                    built += gpu.build_lines(device, lod, key.largest());
                    self.rebuilt_blocks += 1;
                } else {
                    lod = Lod::Dots;
                    waiting += 1;
                }
            }
            if lod == Lod::Dots && gpu.dots.is_none() {
                let dots = build::dots(&gpu.block);
                built += dots.len();
                gpu.dots = Some(buffer(device, "dots", bytemuck::cast_slice(&dots), wgpu::BufferUsages::VERTEX));
                self.rebuilt_blocks += 1;
            }
            let shown = match lod {
                Lod::Dots => None,
                Lod::Sketch => gpu.sketch.as_mut(),
                Lod::Full => gpu.detail.as_mut(),
            };
            if let Some(lines) = shown {
                lines.last_seen = self.frame;
            }
            let runs = gpu.block.visible_chunks(view);
            self.runs.extend(runs.into_iter().map(|chunks| DrawRun { key: *key, lod, chunks }));
        }
        waiting
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
        let frame = self.frame;
        let mut all: Vec<&mut Option<DetailBuffers>> =
            self.blocks.values_mut().flat_map(GpuBlock::buffers_mut).collect();
        let mut bytes: u64 = all.iter().filter_map(|d| d.as_ref()).map(|d| d.bytes).sum();
        if bytes <= DETAIL_BUDGET_BYTES {
            return;
        }
        let last_seen = |d: &Option<DetailBuffers>| d.as_ref().map_or(frame, |d| d.last_seen);
        all.sort_by_key(|d| last_seen(d));
        for old in all {
            if bytes <= DETAIL_BUDGET_BYTES || last_seen(old) >= frame {
                return;
            }
            bytes -= old.take().map_or(0, |d| d.bytes);
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
                (&pipelines.casing, Step::Casing),
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
        match (step, gpu.lines(run.lod), &gpu.dots) {
            (Step::Fill, Some(detail), _) => {
                let Some(indices) = &detail.indices else { return };
                pass.set_vertex_buffer(0, detail.points.slice(..));
                pass.set_index_buffer(indices.slice(..), wgpu::IndexFormat::Uint32);
                pass.draw_indexed(ends(&detail.index_ends), 0, 0..1);
            }
            (Step::Casing, _, _) if run.lod == Lod::Sketch => {}
            (Step::Casing | Step::Line, Some(detail), _) => {
                pass.set_vertex_buffer(0, detail.points.slice(..));
                pass.set_vertex_buffer(1, detail.points.slice(size_of::<build::LinePoint>() as u64..));
                pass.draw(0..4, ends(&detail.point_ends));
            }
            (Step::Dots, None, Some(dots)) => {
                let last = count((run.chunks.end * CHUNK).min(gpu.block.members.len()));
                pass.set_vertex_buffer(0, dots.slice(..));
                pass.draw(0..4, count(run.chunks.start * CHUNK)..last);
            }
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Fill,
    Casing,
    Line,
    Dots,
}

/// `None` when the camera flattens the image.
fn uniform(scene: &Scene) -> Option<ViewUniform> {
    let m = &scene.screen_from_image;
    let middle = m.inverse()?.apply(scene.size_px.map(|n| f64::from(n) / 2.0));
    let centre = build::units(middle);
    let residue = |axis: usize| to_f32(middle[axis] - f64::from(centre[axis]) / build::UNITS_PER_PX);
    Some(ViewUniform {
        linear: [m.a, m.b, m.d, m.e].map(to_f32),
        centre,
        residue: [residue(0), residue(1)],
        size_px: scene.size_px.map(|n| n as f32),
        point_px: scene.pixels_per_point,
        zoom: to_f32(m.scale()),
        fill_opacity: scene.fill_opacity,
        unused: [0.0; 3],
    })
}

fn buffer(device: &wgpu::Device, label: &str, contents: &[u8], usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: Some(label), contents, usage })
}

impl GpuBlock {
    /// Returns how many points it took.
    fn build_lines(&mut self, device: &wgpu::Device, lod: Lod, largest_px: f64) -> usize {
        let detail = match lod {
            Lod::Dots => return 0,
            // A fifth of the size is about a dozen points to an outline.
            Lod::Sketch => build::sketch(&self.block, largest_px / 5.0),
            Lod::Full => build::detail(&self.block),
        };
        let points = detail.points.len();
        let buffers = Some(DetailBuffers::new(device, detail));
        if lod == Lod::Sketch {
            self.sketch = buffers;
        } else {
            self.detail = buffers;
        }
        points
    }
}

impl DetailBuffers {
    fn new(device: &wgpu::Device, detail: build::Detail) -> Self {
        let points = buffer(device, "outlines", bytemuck::cast_slice(&detail.points), wgpu::BufferUsages::VERTEX);
        let indices = (!detail.indices.is_empty())
            .then(|| buffer(device, "fills", bytemuck::cast_slice(&detail.indices), wgpu::BufferUsages::INDEX));
        let bytes = points.size() + indices.as_ref().map_or(0, wgpu::Buffer::size);
        let (point_ends, index_ends) = (detail.point_ends, detail.index_ends);
        Self { points, indices, point_ends, index_ends, bytes, last_seen: 0 }
    }
}
