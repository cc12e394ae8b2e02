//! Pipelines of fills, outlines and dots; shared by all views of a device.

use super::super::shaders;

pub(in super::super) struct ShapePipelines {
    pub(super) fill: wgpu::RenderPipeline,
    pub(super) casing: wgpu::RenderPipeline,
    pub(super) line: wgpu::RenderPipeline,
    pub(super) dot: wgpu::RenderPipeline,
    pub(super) view_layout: wgpu::BindGroupLayout,
}

impl ShapePipelines {
    pub fn new(device: &wgpu::Device, layer_format: wgpu::TextureFormat) -> Self {
        let view_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("shape view"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            }],
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("shapes"),
            bind_group_layouts: &[Some(&view_layout)],
            immediate_size: 0,
        });
        let build =
            |label, module: &wgpu::ShaderModule, topology, buffers: &[Option<wgpu::VertexBufferLayout<'_>>], casing| {
                let constants: &[(&str, f64)] = if casing { &[("CASING", 1.0)] } else { &[] };
                let options = wgpu::PipelineCompilationOptions { constants, ..Default::default() };
                device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                    label: Some(label),
                    layout: Some(&layout),
                    vertex: wgpu::VertexState {
                        module,
                        entry_point: Some("vs"),
                        compilation_options: options.clone(),
                        buffers,
                    },
                    primitive: wgpu::PrimitiveState { topology, ..Default::default() },
                    depth_stencil: None,
                    multisample: wgpu::MultisampleState::default(),
                    fragment: Some(wgpu::FragmentState {
                        module,
                        entry_point: Some("fs"),
                        compilation_options: options,
                        targets: &[Some(wgpu::ColorTargetState {
                            format: layer_format,
                            blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                            write_mask: wgpu::ColorWrites::ALL,
                        })],
                    }),
                    multiview_mask: None,
                    cache: None,
                })
            };
        let buffer = |array_stride, step_mode, attributes| {
            Some(wgpu::VertexBufferLayout { array_stride, step_mode, attributes })
        };
        let (strip, list) = (wgpu::PrimitiveTopology::TriangleStrip, wgpu::PrimitiveTopology::TriangleList);
        // Both line buffers are the same memory, the second one point ahead.
        let line_module = shaders::SHAPE_LINE.compile(device);
        let here = wgpu::vertex_attr_array![0 => Sint32x2, 1 => Float32, 2 => Uint32];
        let next = wgpu::vertex_attr_array![3 => Sint32x2];
        let segments =
            [buffer(16, wgpu::VertexStepMode::Instance, &here), buffer(16, wgpu::VertexStepMode::Instance, &next)];
        let corner = [
            wgpu::VertexAttribute { format: wgpu::VertexFormat::Sint32x2, offset: 0, shader_location: 0 },
            wgpu::VertexAttribute { format: wgpu::VertexFormat::Uint32, offset: 12, shader_location: 1 },
        ];
        let dot = wgpu::vertex_attr_array![0 => Sint32x2, 1 => Float32x2, 2 => Uint32];
        let fill_module = shaders::SHAPE_FILL.compile(device);
        let dot_module = shaders::SHAPE_DOT.compile(device);
        Self {
            fill: build("shape fill", &fill_module, list, &[buffer(16, wgpu::VertexStepMode::Vertex, &corner)], false),
            casing: build("shape casing", &line_module, strip, &segments, true),
            line: build("shape line", &line_module, strip, &segments, false),
            dot: build("shape dot", &dot_module, strip, &[buffer(20, wgpu::VertexStepMode::Instance, &dot)], false),
            view_layout,
        }
    }
}
