//! Pictures without a window: tests, `shoken demo --headless`, thumbnails of what a reader sees.

use std::sync::mpsc;

use super::{Gpu, Prepared, RenderError, Renderer, RendererOptions, Scene, targets::clear_pass};

/// Rows of 8-bit RGBA, top to bottom, no padding; sRGB, opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub size_px: [u32; 2],
    pub rgba: Vec<u8>,
}

impl Image {
    /// RGBA of one pixel; `None` outside.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 4]> {
        if x >= self.size_px[0] || y >= self.size_px[1] {
            return None;
        }
        let at = (y as usize * self.size_px[0] as usize + x as usize) * 4;
        self.rgba.get(at..at + 4).and_then(|p| p.try_into().ok())
    }
}

/// A renderer with its own device and no window.
pub struct Offscreen {
    gpu: Gpu,
    renderer: Renderer,
}

impl Offscreen {
    const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

    /// Opens the best adapter of this machine.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`], [`RenderError::NoDevice`].
    pub fn open() -> Result<Self, RenderError> {
        Ok(Self::with_gpu(Gpu::headless()?, RendererOptions::new(Self::FORMAT)))
    }

    /// As [`Offscreen::open`] with bounds of the caller's choice; `options.target_format` is replaced.
    pub fn with_gpu(gpu: Gpu, options: RendererOptions) -> Self {
        let options = RendererOptions { target_format: Self::FORMAT, ..options };
        let renderer = Renderer::new(&gpu.device, options);
        Self { gpu, renderer }
    }

    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// Draws a scene, as many times as its uploads need, and reads it back.
    ///
    /// # Errors
    /// [`RenderError::Lost`] when the device stopped.
    pub fn render(&mut self, scene: &Scene) -> Result<Image, RenderError> {
        loop {
            let (image, prepared) = self.render_once(scene)?;
            if prepared.waiting == 0 {
                return Ok(image);
            }
        }
    }

    /// Draws one frame: tiles over the upload budget are missing from it.
    ///
    /// # Errors
    /// [`RenderError::Lost`] when the device stopped.
    pub fn render_once(&mut self, scene: &Scene) -> Result<(Image, Prepared), RenderError> {
        let Gpu { device, queue, health, .. } = &self.gpu;
        let lost = |what: &str| RenderError::Lost(what.to_owned());
        if health.is_lost() {
            return Err(lost("it was lost before"));
        }
        let [width, height] = scene.size_px;
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("offscreen"),
            size: wgpu::Extent3d { width: width.max(1), height: height.max(1), depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: Self::FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("offscreen") });
        self.renderer.begin_frame();
        let prepared = self.renderer.prepare(device, queue, &mut encoder, 0, scene);
        {
            let mut pass = clear_pass(&mut encoder, "offscreen", &view, wgpu::Color::BLACK);
            self.renderer.paint(0, &mut pass);
        }
        queue.submit([encoder.finish()]);
        Ok((read_texture(device, queue, &texture)?, prepared))
    }
}

/// Reads an 8-bit RGBA texture back; it needs `COPY_SRC`. Waits until everything submitted before has been drawn.
///
/// # Errors
/// [`RenderError::Lost`] when the device stopped.
pub fn read_texture(device: &wgpu::Device, queue: &wgpu::Queue, texture: &wgpu::Texture) -> Result<Image, RenderError> {
    let lost = |what: &str| RenderError::Lost(what.to_owned());
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("readback") });
    // Copies out of a texture want rows of a multiple of 256 bytes.
    let row_bytes = (texture.width() * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size: u64::from(row_bytes) * u64::from(texture.height()),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row_bytes), rows_per_image: None };
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
        texture.size(),
    );
    queue.submit([encoder.finish()]);
    let (sender, receiver) = mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |result| {
        // The receiver is gone only when waiting failed, which is reported there.
        let _ = sender.send(result);
    });
    device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| lost(&e.to_string()))?;
    receiver.recv().map_err(|e| lost(&e.to_string()))?.map_err(|e| lost(&e.to_string()))?;
    let mapped = buffer.get_mapped_range(..).map_err(|e| lost(&e.to_string()))?;
    let row = texture.width() as usize * 4;
    let rgba = mapped.chunks_exact(row_bytes as usize).flat_map(|r| r.iter().take(row).copied()).collect();
    Ok(Image { size_px: [texture.width(), texture.height()], rgba })
}
