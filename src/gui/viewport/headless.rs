//! The window without a screen: egui and the viewport drawn into a texture. Pictures of the demonstration come from here.

use std::sync::Arc;
use std::time::Instant;

use eframe::egui_wgpu::{self, RenderState, RendererOptions, ScreenDescriptor, WgpuSetup, WgpuSetupCreateNew, wgpu};
use egui::{Context, Pos2, RawInput, Rect, Ui, Vec2};

use super::{Viewport, ViewportInput, ViewportStyle};
use crate::render::{Image, RenderError, ShapeSet, pick_adapter, read_texture};

fn render_state(backends: wgpu::Backends) -> Result<RenderState, RenderError> {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.instance_descriptor.backends = backends;
    setup.native_adapter_selector =
        Some(Arc::new(|adapters, _| pick_adapter(adapters).cloned().ok_or_else(|| "no adapter".to_owned())));
    let setup = WgpuSetup::CreateNew(setup);
    let instance = pollster::block_on(setup.new_instance());
    if pollster::block_on(instance.enumerate_adapters(backends)).is_empty() {
        return Err(RenderError::NoAdapter);
    }
    let configuration = egui_wgpu::WgpuConfiguration { wgpu_setup: setup, ..Default::default() };
    let made = RenderState::create(&configuration, &instance, None, RendererOptions::default());
    pollster::block_on(made).map_err(|e| RenderError::NoDevice(e.to_string()))
}

/// A window that nobody sees, with a graphics device of its own.
pub struct HeadlessWindow {
    ctx: Context,
    state: RenderState,
    size_px: [u32; 2],
    pixels_per_point: f32,
    begun: Instant,
    last: Option<wgpu::Texture>,
}

impl HeadlessWindow {
    /// Opens the best adapter of this machine. `size_px` is in physical pixels.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`], [`RenderError::NoDevice`].
    pub fn open(size_px: [u32; 2], pixels_per_point: f32) -> Result<Self, RenderError> {
        // OpenGL only where nothing better is: looking for it asks for a display and complains when there is none.
        let state = render_state(wgpu::Backends::PRIMARY).or_else(|_| render_state(wgpu::Backends::GL))?;
        Ok(Self { ctx: Context::default(), state, size_px, pixels_per_point, begun: Instant::now(), last: None })
    }

    pub const fn ctx(&self) -> &Context {
        &self.ctx
    }

    pub const fn state(&self) -> &RenderState {
        &self.state
    }

    /// Runs and draws one frame.
    pub fn frame(&mut self, show: impl FnMut(&mut Ui)) {
        let [width, height] = self.size_px;
        let points = Vec2::new(width as f32, height as f32) / self.pixels_per_point;
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, points)),
            time: Some(self.begun.elapsed().as_secs_f64()),
            focused: true,
            ..RawInput::default()
        };
        if let Some(root) = input.viewports.get_mut(&egui::ViewportId::ROOT) {
            root.native_pixels_per_point = Some(self.pixels_per_point);
        }
        let mut output = self.ctx.run_ui(input, show);
        let shapes = std::mem::take(&mut output.shapes);
        let jobs = self.ctx.tessellate(shapes, output.pixels_per_point);
        let screen = ScreenDescriptor { size_in_pixels: self.size_px, pixels_per_point: output.pixels_per_point };

        let RenderState { device, queue, target_format, renderer, .. } = &self.state;
        let mut renderer = renderer.write();
        for (id, images) in output.textures_delta.set.drain() {
            for image in images {
                renderer.update_texture(device, queue, id, &image);
            }
        }
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("headless") });
        let before = renderer.update_buffers(device, queue, &mut encoder, &jobs, &screen);
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("headless window"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: *target_format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        {
            let clear = wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store };
            let colour =
                wgpu::RenderPassColorAttachment { view: &view, resolve_target: None, ops: clear, depth_slice: None };
            let descriptor = wgpu::RenderPassDescriptor {
                color_attachments: &[Some(colour)],
                ..wgpu::RenderPassDescriptor::default()
            };
            let mut pass = encoder.begin_render_pass(&descriptor).forget_lifetime();
            renderer.render(&mut pass, &jobs, &screen);
        }
        queue.submit(before.into_iter().chain([encoder.finish()]));
        for id in output.textures_delta.free.drain() {
            renderer.free_texture(&id);
        }
        self.last = Some(texture);
    }

    /// Runs and draws one frame of a viewport alone; `canvas` is the colour where it has no image.
    pub fn frame_of(&mut self, viewport: &mut Viewport, canvas: [u8; 3]) {
        let shapes: Arc<ShapeSet> = Arc::default();
        let [r, g, b] = canvas;
        let style = ViewportStyle { canvas: egui::Color32::from_rgb(r, g, b), mark: egui::Color32::GRAY };
        self.frame(|ui| {
            viewport.ui(ui, ViewportInput { shapes: &shapes, shape_opacity: 1.0, tool_armed: false, style });
        });
    }

    /// Waits until the last frame is drawn, for whoever measures how long that takes.
    pub fn wait(&self) {
        // A device that was lost is told by `picture`.
        let _ = self.state.device.poll(wgpu::PollType::wait_indefinitely());
    }

    /// What the last frame looks like.
    ///
    /// # Errors
    /// [`RenderError::Lost`] when the device stopped or nothing was drawn yet.
    pub fn picture(&self) -> Result<Image, RenderError> {
        let texture = self.last.as_ref().ok_or_else(|| RenderError::Lost("nothing was drawn".to_owned()))?;
        read_texture(&self.state.device, &self.state.queue, texture)
    }
}
