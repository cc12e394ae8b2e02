//! Planes through volumes: a [`VolumeScene`] of plain values in, pixels out. Samples lie raw in a 3-D texture; where a volume
//! is longer than such a texture may be, it is cut into bricks that stand side by side in it.

mod pipeline;
mod texture;

use std::{collections::HashMap, fmt, sync::Arc};

use super::{
    GreyRamp, ViewId,
    composite::{CompositePipeline, CompositeUniform},
    targets::{Targets, clear_pass},
};
use pipeline::{CutUniform, Variant, VolumePipeline};
use texture::VolumeTexture;

/// Frames after which what nobody draws is freed.
const FORGET_AFTER_FRAMES: u64 = 240;

/// Samples of a volume as the card takes them; shared by every view of it.
#[derive(Clone)]
pub struct VolumeImage {
    /// Any number that the caller gives one volume.
    pub id: u64,
    /// Columns, rows, slices; each at least 2.
    pub size: [u32; 3],
    /// 16-bit samples, little endian, slice by slice.
    pub samples: Arc<dyn AsRef<[u8]> + Send + Sync>,
    pub signed: bool,
    /// Slices at one step, without drift, with one rescale: stack coordinates are voxel indices, else millimetres.
    pub even: bool,
    pub slices: Arc<[VolumeSlice]>,
    pub pixels_per_mm: [f32; 2],
    /// How far an uneven stack reaches along its normal.
    pub reach_mm: [f32; 2],
}

/// Where a slice lies along the stack's axes (mm), and how its samples become values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolumeSlice {
    pub at_mm: [f32; 3],
    pub slope: f32,
    pub intercept: f32,
    pub hole_after: bool,
}

impl fmt::Debug for VolumeImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VolumeImage({}, {:?})", self.id, self.size)
    }
}

/// How the samples across a slab become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlabMode {
    #[default]
    Highest,
    Lowest,
    Mean,
}

/// Values to brightness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRamp {
    /// The ramp over rescaled values.
    Straight(GreyRamp),
    /// PS3.3 C.11.2.1.3.1.
    Sigmoid { center: f32, width: f32, invert: bool },
}

/// A volume to draw on a plane. Coordinates are the stack's own (see [`VolumeImage::even`]).
#[derive(Clone, Debug)]
pub struct VolumeLayer {
    pub volume: VolumeImage,
    /// Of the centre of the view's upper left pixel, at the first sample across the slab.
    pub start: [f64; 3],
    /// For one physical pixel to the right, one down, one sample across.
    pub per_x: [f64; 3],
    pub per_y: [f64; 3],
    pub per_step: [f64; 3],
    pub steps: u32,
    pub mode: SlabMode,
    pub ramp: ValueRamp,
    /// Colours of the 256 levels; grey without.
    pub colours: Option<Arc<[[u8; 3]; 256]>>,
    pub opacity: f32,
    /// Dark levels let what lies beneath through.
    pub black_is_clear: bool,
}

/// A picture of one view.
#[derive(Clone, Debug)]
pub struct VolumeScene {
    pub size_px: [u32; 2],
    /// sRGB colour where nothing was measured.
    pub background: [u8; 3],
    /// In painting order.
    pub layers: Vec<VolumeLayer>,
}

/// What a preparation did and left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumePrepared {
    /// Bytes of the scene's volumes that wait for the next frame.
    pub waiting: u64,
    /// Volumes that this card cannot hold.
    pub refused: usize,
    pub redrawn: bool,
}

/// A volume, its cut, and where its colours lie in memory.
type ShownCut = (u64, CutUniform, Option<usize>);

struct View {
    targets: Targets,
    composite_uniform: wgpu::Buffer,
    composite_group: wgpu::BindGroup,
    cuts: Vec<wgpu::Buffer>,
    shown: Option<(Vec<ShownCut>, [u8; 3])>,
    last_prepared: u64,
}

/// Draws volumes on one device.
pub struct VolumeRenderer {
    upload_bytes_per_frame: u64,
    pipeline: VolumePipeline,
    composite: CompositePipeline,
    volumes: HashMap<u64, VolumeTexture>,
    views: HashMap<ViewId, View>,
    frame: u64,
}

impl VolumeRenderer {
    /// Compiles the pipelines; `target_format` is that of the pass that [`VolumeRenderer::paint`] draws into.
    pub fn new(device: &wgpu::Device, target_format: wgpu::TextureFormat) -> Self {
        Self {
            upload_bytes_per_frame: 64 << 20,
            pipeline: VolumePipeline::new(device, Targets::FORMAT),
            composite: CompositePipeline::new(device, target_format),
            volumes: HashMap::new(),
            views: HashMap::new(),
            frame: 0,
        }
    }

    /// Frees a closed volume.
    pub fn forget(&mut self, id: u64) {
        self.volumes.remove(&id);
    }

    /// Uploads what the scene needs within the frame's budget and records its drawing where it changed.
    pub fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        id: ViewId,
        scene: &VolumeScene,
    ) -> VolumePrepared {
        let mut done = VolumePrepared::default();
        let largest = device.limits().max_texture_dimension_2d;
        if scene.size_px.iter().any(|n| *n == 0 || *n > largest) {
            return done;
        }
        self.frame += 1;
        let frame = self.frame;
        self.views.retain(|_, v| v.last_prepared + FORGET_AFTER_FRAMES > frame);
        self.volumes.retain(|_, v| v.last_used + FORGET_AFTER_FRAMES > frame);
        let mut budget = self.upload_bytes_per_frame;
        for layer in &scene.layers {
            let made = || VolumeTexture::new(device, queue, &layer.volume);
            let Some(texture) = entry(&mut self.volumes, layer.volume.id, made) else {
                done.refused += 1;
                continue;
            };
            texture.last_used = frame;
            texture.upload(queue, &layer.volume, &mut budget);
            done.waiting += texture.waiting();
        }
        let composite = &self.composite;
        let view = self.views.entry(id).or_insert_with(|| View::new(device, composite, scene.size_px));
        view.last_prepared = frame;
        if view.targets.size_px != scene.size_px {
            *view = View { last_prepared: frame, ..View::new(device, composite, scene.size_px) };
        }
        queue.write_buffer(&view.composite_uniform, 0, bytemuck::bytes_of(&CompositePipeline::uniform(0.0)));
        let drawn: Vec<&VolumeLayer> =
            scene.layers.iter().filter(|l| self.volumes.get(&l.volume.id).is_some_and(|t| t.waiting() == 0)).collect();
        for layer in &drawn {
            if let Some(texture) = self.volumes.get(&layer.volume.id) {
                self.pipeline.ensure(device, Variant::of(layer, texture));
            }
        }
        let show: Vec<_> = drawn
            .iter()
            .filter_map(|l| {
                let texture = self.volumes.get(&l.volume.id)?;
                let colours = l.colours.as_ref().map(|c| Arc::as_ptr(c).cast::<u8>() as usize);
                Some((l.volume.id, CutUniform::of(l, texture), colours))
            })
            .collect();
        let show = (show, scene.background);
        if view.shown.as_ref() != Some(&show) {
            view.draw(device, queue, encoder, &self.pipeline, &self.volumes, &drawn, scene.background, &show.0);
            view.shown = Some(show);
            done.redrawn = true;
        }
        done
    }

    /// Draws a prepared view over the pass's viewport, which must be as large as the scene.
    pub fn paint(&self, id: ViewId, pass: &mut wgpu::RenderPass<'_>) {
        if let Some(view) = self.views.get(&id) {
            self.composite.draw(pass, &view.composite_group, true);
        }
    }
}

fn entry(
    volumes: &mut HashMap<u64, VolumeTexture>,
    id: u64,
    made: impl FnOnce() -> Option<VolumeTexture>,
) -> Option<&mut VolumeTexture> {
    if let std::collections::hash_map::Entry::Vacant(place) = volumes.entry(id) {
        place.insert(made()?);
    }
    volumes.get_mut(&id)
}

impl View {
    fn new(device: &wgpu::Device, composite: &CompositePipeline, size_px: [u32; 2]) -> Self {
        let targets = Targets::new(device, size_px);
        let composite_uniform = pipeline::uniform(device, "volume composite", size_of::<CompositeUniform>());
        Self {
            composite_group: composite.group(device, &composite_uniform, &targets),
            targets,
            composite_uniform,
            cuts: Vec::new(),
            shown: None,
            last_prepared: 0,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the card's objects, and what to draw with them")]
    fn draw(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &VolumePipeline,
        volumes: &HashMap<u64, VolumeTexture>,
        layers: &[&VolumeLayer],
        background: [u8; 3],
        cuts: &[ShownCut],
    ) {
        while self.cuts.len() < layers.len() {
            self.cuts.push(pipeline::uniform(device, "volume cut", size_of::<CutUniform>()));
        }
        let groups: Vec<(Variant, wgpu::BindGroup)> = layers
            .iter()
            .zip(cuts)
            .zip(&self.cuts)
            .filter_map(|((layer, (id, cut, _)), buffer)| {
                queue.write_buffer(buffer, 0, bytemuck::bytes_of(cut));
                let texture = volumes.get(id)?;
                let group = pipeline.group(device, queue, buffer, texture, layer.colours.as_deref());
                Some((Variant::of(layer, texture), group))
            })
            .collect();
        let [r, g, b] = background.map(|v| f64::from(v) / 255.0);
        let mut pass = clear_pass(encoder, "volume", &self.targets.image, wgpu::Color { r, g, b, a: 1.0 });
        for (variant, group) in &groups {
            pipeline.draw(&mut pass, *variant, group);
        }
    }
}
