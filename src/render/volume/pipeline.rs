//! Device objects for drawing planes; shared by all views.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};

use super::{SlabMode, ValueRamp, VolumeLayer, texture::VolumeTexture};
use crate::render::{narrow::to_f32, shaders};

/// As `Cut` in `shaders/volume.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct CutUniform {
    start: [f32; 4],
    per_x: [f32; 4],
    per_y: [f32; 4],
    per_step: [f32; 4],
    size: [u32; 4],
    brick: [u32; 4],
    bricks: [u32; 4],
    grey: [f32; 4],
    value: [f32; 4],
    reach: [f32; 4],
}

const fn flag(on: bool) -> f32 {
    if on { 1.0 } else { 0.0 }
}

impl CutUniform {
    pub fn of(layer: &VolumeLayer, texture: &VolumeTexture) -> Self {
        let four = |v: [f64; 3], w: f32| [to_f32(v[0]), to_f32(v[1]), to_f32(v[2]), w];
        let mode = match layer.mode {
            SlabMode::Highest => 0.0,
            SlabMode::Lowest => 1.0,
            SlabMode::Mean => 2.0,
        };
        let grey = match layer.ramp {
            ValueRamp::Straight(r) => [r.zero_at, r.per_step, flag(r.invert), 0.0],
            ValueRamp::Sigmoid { center, width, invert } => [center, width, flag(invert), 1.0],
        };
        let (volume, packing) = (&layer.volume, &texture.packing);
        let [nx, ny, nz] = volume.size;
        let [bx, by, bz] = packing.brick;
        let first = volume.slices.first();
        Self {
            start: four(layer.start, layer.steps as f32),
            per_x: four(layer.per_x, mode),
            per_y: four(layer.per_y, layer.opacity),
            per_step: four(layer.per_step, flag(layer.black_is_clear)),
            size: [nx, ny, nz, u32::from(volume.signed)],
            brick: [bx, by, bz, u32::from(volume.even)],
            bricks: [packing.bricks[0], packing.bricks[1], packing.places[0], packing.places[1]],
            grey,
            value: [
                first.map_or(1.0, |s| s.slope),
                first.map_or(0.0, |s| s.intercept),
                volume.pixels_per_mm[0],
                volume.pixels_per_mm[1],
            ],
            reach: [volume.reach_mm[0], volume.reach_mm[1], flag(layer.colours.is_some()), 0.0],
        }
    }
}

pub(super) fn uniform(device: &wgpu::Device, label: &str, size: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// What a picture needs of the shader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    even: bool,
    packed: bool,
    slab: bool,
}

impl Variant {
    pub fn of(layer: &VolumeLayer, texture: &VolumeTexture) -> Self {
        let packed = texture.packing.bricks != [1; 3];
        Self { even: layer.volume.even, packed, slab: layer.steps > 1 }
    }
}

pub(super) struct VolumePipeline {
    module: wgpu::ShaderModule,
    layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    format: wgpu::TextureFormat,
    /// Compiled when a picture first needs them.
    variants: HashMap<Variant, wgpu::RenderPipeline>,
}

impl VolumePipeline {
    pub fn new(device: &wgpu::Device, layer_format: wgpu::TextureFormat) -> Self {
        let module = shaders::VOLUME.compile(device);
        let texture = |binding, sample_type, view_dimension| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture { sample_type, view_dimension, multisampled: false },
            count: None,
        };
        let float = wgpu::TextureSampleType::Float { filterable: false };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("volume"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                    count: None,
                },
                texture(1, wgpu::TextureSampleType::Uint, wgpu::TextureViewDimension::D3),
                texture(2, float, wgpu::TextureViewDimension::D2),
                texture(3, float, wgpu::TextureViewDimension::D2),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("volume"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        Self { module, layout, pipeline_layout, format: layer_format, variants: HashMap::new() }
    }

    /// Compiles what a picture needs, once.
    pub fn ensure(&mut self, device: &wgpu::Device, variant: Variant) {
        if self.variants.contains_key(&variant) {
            return;
        }
        let flag = |on: bool| f64::from(u8::from(on));
        let constants = [("EVEN", flag(variant.even)), ("PACKED", flag(variant.packed)), ("SLAB", flag(variant.slab))];
        let options = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("volume"),
            layout: Some(&self.pipeline_layout),
            vertex: wgpu::VertexState {
                module: &self.module,
                entry_point: Some("vs"),
                compilation_options: options.clone(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &self.module,
                entry_point: Some("fs"),
                compilation_options: options,
                targets: &[Some(wgpu::ColorTargetState {
                    format: self.format,
                    blend: Some(wgpu::BlendState::ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        });
        self.variants.insert(variant, pipeline);
    }

    pub fn group(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        cut: &wgpu::Buffer,
        volume: &VolumeTexture,
        colours: Option<&[[u8; 3]; 256]>,
    ) -> wgpu::BindGroup {
        let colours = colour_table(device, queue, colours);
        let view = wgpu::BindingResource::TextureView;
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("volume"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: cut.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: view(&volume.voxels) },
                wgpu::BindGroupEntry { binding: 2, resource: view(&volume.slices) },
                wgpu::BindGroupEntry { binding: 3, resource: view(&colours) },
            ],
        })
    }

    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, variant: Variant, group: &wgpu::BindGroup) {
        let Some(pipeline) = self.variants.get(&variant) else { return };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.draw(0..3, 0..1);
    }
}

/// The colours of the 256 levels; one black texel where the picture is grey.
fn colour_table(device: &wgpu::Device, queue: &wgpu::Queue, colours: Option<&[[u8; 3]; 256]>) -> wgpu::TextureView {
    let texels: Vec<[u8; 4]> =
        colours.map_or_else(|| vec![[0; 4]], |c| c.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect());
    let width = u32::try_from(texels.len()).unwrap_or(1);
    let size = wgpu::Extent3d { width, height: 1, depth_or_array_layers: 1 };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("colours"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 4), rows_per_image: None };
    queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(&texels), layout, size);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}
