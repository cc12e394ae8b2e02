//! The layers that one view draws into, as large as the view.

/// Image layer (opaque) and shape layer (alpha multiplied in), both in sRGB values as stored.
pub(super) struct Targets {
    pub size_px: [u32; 2],
    pub image: wgpu::TextureView,
    pub shapes: wgpu::TextureView,
}

impl Targets {
    /// Layers hold sRGB values untouched, so that grey level 127 stays 127.
    pub const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

    pub fn new(device: &wgpu::Device, size_px: [u32; 2]) -> Self {
        let layer = |label| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: size_px[0], height: size_px[1], depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: Self::FORMAT,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            });
            texture.create_view(&wgpu::TextureViewDescriptor::default())
        };
        Self { size_px, image: layer("image layer"), shapes: layer("shape layer") }
    }
}

/// A pass that clears one layer.
pub(super) fn clear_pass<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    label: &str,
    view: &wgpu::TextureView,
    colour: wgpu::Color,
) -> wgpu::RenderPass<'e> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some(label),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(colour), store: wgpu::StoreOp::Store },
        })],
        ..Default::default()
    })
}
