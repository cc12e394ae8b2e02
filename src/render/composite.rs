//! Putting the layers of a view together in the caller's pass.

use bytemuck::{Pod, Zeroable};

use super::{shaders, targets::Targets};

/// As `Composite` in `shaders/composite.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct CompositeUniform {
    shape_opacity: f32,
    unused: [f32; 3],
}

pub(super) struct CompositePipeline {
    /// For views without and with shapes.
    pipelines: [wgpu::RenderPipeline; 2],
    layout: wgpu::BindGroupLayout,
}

impl CompositePipeline {
    pub fn new(device: &wgpu::Device, target_format: wgpu::TextureFormat) -> Self {
        let module = shaders::COMPOSITE.compile(device);
        let texture = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: false },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("composite"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                    count: None,
                },
                texture(1),
                texture(2),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("composite"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipelines = [0.0, 1.0].map(|shapes| {
            let linear = f64::from(u8::from(target_format.is_srgb()));
            let constants = [("SHAPES", shapes), ("TARGET_IS_LINEAR", linear)];
            let options = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some("composite"),
                layout: Some(&pipeline_layout),
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some("vs"),
                    compilation_options: options.clone(),
                    buffers: &[],
                },
                primitive: wgpu::PrimitiveState::default(),
                depth_stencil: None,
                multisample: wgpu::MultisampleState::default(),
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some("fs"),
                    compilation_options: options.clone(),
                    targets: &[Some(target_format.into())],
                }),
                multiview_mask: None,
                cache: None,
            })
        });
        Self { pipelines, layout }
    }

    pub fn uniform(shape_opacity: f32) -> CompositeUniform {
        CompositeUniform { shape_opacity: shape_opacity.clamp(0.0, 1.0), unused: [0.0; 3] }
    }

    pub fn group(&self, device: &wgpu::Device, uniform: &wgpu::Buffer, targets: &Targets) -> wgpu::BindGroup {
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("composite"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&targets.image) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::TextureView(&targets.shapes) },
            ],
        })
    }

    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, group: &wgpu::BindGroup, shapes: bool) {
        pass.set_pipeline(&self.pipelines[usize::from(shapes)]);
        pass.set_bind_group(0, group, &[]);
        pass.draw(0..3, 0..1);
    }
}
