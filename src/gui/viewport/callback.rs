//! The bridge into egui's own render pass; the only file where the window and wgpu meet.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};
use egui::{PaintCallback, PaintCallbackInfo, Rect};

use crate::render::{DeviceHealth, Prepared, Renderer, RendererOptions, Scene, TileId, ViewId, is_software};

/// What drawing told back, read by the next frame.
#[derive(Debug, Default)]
pub struct Feedback {
    pub prepared: Prepared,
    /// Tiles of the last scene that are on the card.
    pub on_card: HashSet<TileId>,
}

/// The window's graphics device, when there is one: a test of the window may run without.
#[derive(Clone, Debug)]
pub struct GpuLink {
    target_format: wgpu::TextureFormat,
    software: bool,
    adapter: String,
    health: Arc<DeviceHealth>,
    device: wgpu::Device,
}

impl GpuLink {
    pub fn new(state: &egui_wgpu::RenderState) -> Self {
        let info = state.adapter.get_info();
        let health = DeviceHealth::watch(&state.device);
        Self {
            target_format: state.target_format,
            software: is_software(&info),
            adapter: info.name,
            health,
            device: state.device.clone(),
        }
    }

    /// The link of an eframe window; `None` when it does not draw with wgpu.
    pub fn of_window(cc: &eframe::CreationContext<'_>) -> Option<Self> {
        cc.wgpu_render_state.as_ref().map(Self::new)
    }

    /// Draws the window once more when the device is lost, so that somebody notices.
    pub fn wake_when_lost(&self, ctx: &egui::Context) {
        let waker = ctx.clone();
        self.health.when_lost(move || waker.request_repaint());
    }

    /// The device is gone; what is drawn from now on is not seen.
    pub fn is_lost(&self) -> bool {
        self.health.is_lost()
    }

    /// Asks the device whether it is still there: it tells of its loss only when it is asked for something.
    pub fn ask_after(&self) {
        if self.device.poll(wgpu::PollType::Poll).is_err() {
            tracing::debug!("the graphics device does not answer");
        }
    }

    /// Drawing happens on the processor.
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Format of the window's own pass.
    pub(super) const fn target_format(&self) -> wgpu::TextureFormat {
        self.target_format
    }

    pub fn adapter(&self) -> &str {
        &self.adapter
    }
}

/// One view's picture of this frame.
pub struct SceneCallback {
    pub scene: Scene,
    pub view: ViewId,
    /// Images that were closed since the last frame.
    pub closed: Vec<u64>,
    /// Grows when everything on the card must be made anew.
    pub epoch: u64,
    pub gpu: GpuLink,
    pub feedback: Arc<Mutex<Feedback>>,
}

impl SceneCallback {
    pub fn into_paint(self, rect: Rect) -> PaintCallback {
        egui_wgpu::Callback::new_paint_callback(rect, self)
    }
}

/// What all viewports of a window share on the card.
struct Shared {
    renderer: Renderer,
    device: wgpu::Device,
    epoch: u64,
    /// Views of one frame are prepared one after the other, and `finish_prepare` comes after the last.
    preparing: bool,
}

impl Shared {
    fn new(device: &wgpu::Device, gpu: &GpuLink, epoch: u64) -> Self {
        let options = if gpu.software { RendererOptions::software } else { RendererOptions::new };
        Self {
            renderer: Renderer::new(device, options(gpu.target_format)),
            device: device.clone(),
            epoch,
            preparing: false,
        }
    }
}

impl CallbackTrait for SceneCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if self.gpu.is_lost() {
            return Vec::new();
        }
        // Another device, or another epoch: nothing made before is of use.
        let usable = resources.get::<Shared>().is_some_and(|s| s.device == *device && s.epoch >= self.epoch);
        if !usable {
            resources.insert(Shared::new(device, &self.gpu, self.epoch));
        }
        let Some(shared) = resources.get_mut::<Shared>() else { return Vec::new() };
        if !std::mem::replace(&mut shared.preparing, true) {
            shared.renderer.begin_frame();
        }
        for image in &self.closed {
            shared.renderer.forget_image(*image);
        }
        let prepared = shared.renderer.prepare(device, queue, encoder, self.view, &self.scene);
        let mut feedback = self.feedback.lock().unwrap_or_else(PoisonError::into_inner);
        feedback.prepared = prepared;
        let scene = self.scene.tiles.iter().chain(&self.scene.prefetch);
        feedback.on_card = scene.map(|t| t.id).filter(|id| shared.renderer.has(id)).collect();
        Vec::new()
    }

    fn finish_prepare(
        &self,
        _device: &wgpu::Device,
        _queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(shared) = resources.get_mut::<Shared>() {
            shared.preparing = false;
        }
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let viewport = info.viewport_in_pixels();
        let Some(shared) = resources.get::<Shared>() else { return };
        if viewport.width_px > 0 && viewport.height_px > 0 && !self.gpu.is_lost() {
            shared.renderer.paint(self.view, pass);
        }
    }
}
