//! Finding a graphics device without a window, telling a software one, and noticing when one is lost.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(
        "no graphics adapter was found; install the package mesa-vulkan-drivers (or the driver of your graphics card) to see images; every command goes on working"
    )]
    NoAdapter,
    #[error(
        "the graphics adapter refused to open ({0}); update its driver, or install the package mesa-vulkan-drivers"
    )]
    NoDevice(String),
    #[error("the graphics device stopped while drawing ({0}); try again")]
    Lost(String),
}

/// What became of a device since it was opened. Shared with wgpu's callbacks.
#[derive(Default)]
pub struct DeviceHealth {
    lost: AtomicBool,
    errors: AtomicU64,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl std::fmt::Debug for DeviceHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceHealth").field("lost", &self.lost).field("errors", &self.errors).finish_non_exhaustive()
    }
}

impl DeviceHealth {
    /// Watches a device: a lost one is remembered, and an error is logged instead of ending the program.
    pub fn watch(device: &wgpu::Device) -> Arc<Self> {
        let health = Arc::new(Self::default());
        let seen = Arc::clone(&health);
        device.set_device_lost_callback(move |reason, _| {
            tracing::warn!(?reason, "the graphics device was lost");
            seen.lost.store(true, Ordering::Release);
            if let Some(wake) = &*seen.wake.lock().unwrap_or_else(PoisonError::into_inner) {
                wake();
            }
        });
        let seen = Arc::clone(&health);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            // Messages of wgpu name resources of ours, never files.
            if seen.errors.fetch_add(1, Ordering::Relaxed) < 20 {
                tracing::error!(%error, "graphics error");
            }
        }));
        health
    }

    /// What is called when the device is lost, on whatever thread notices it.
    pub fn when_lost(&self, wake: impl Fn() + Send + 'static) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
    }

    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Errors since the device was opened.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }
}

/// Whether drawing happens on the processor: the window then says so in a banner.
pub fn is_software(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
}

/// The adapter to draw with: real ones before software ones, and of equals the first listed.
pub fn pick_adapter(adapters: &[wgpu::Adapter]) -> Option<&wgpu::Adapter> {
    let rank = |a: &&wgpu::Adapter| match a.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    adapters.iter().filter(|a| a.get_info().backend != wgpu::Backend::Noop).min_by_key(rank)
}

/// A device without a window, for tests and headless pictures.
pub struct Gpu {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub health: Arc<DeviceHealth>,
    info: wgpu::AdapterInfo,
}

impl Gpu {
    /// Opens the best adapter of this machine.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`] when there is none, [`RenderError::NoDevice`] when it cannot be opened.
    pub fn headless() -> Result<Self, RenderError> {
        let found = [wgpu::Backends::PRIMARY, wgpu::Backends::GL].into_iter().find_map(|backends| {
            let mut wanted = wgpu::InstanceDescriptor::new_without_display_handle();
            wanted.backends = backends;
            let instance = wgpu::Instance::new(wanted.with_env());
            let adapters = pollster::block_on(instance.enumerate_adapters(backends));
            pick_adapter(&adapters).cloned()
        });
        let adapter = found.ok_or(RenderError::NoAdapter)?;
        let limits = wgpu::Limits::downlevel_defaults().using_resolution(adapter.limits());
        let descriptor =
            wgpu::DeviceDescriptor { label: Some("shoken"), required_limits: limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| RenderError::NoDevice(error.to_string()))?;
        let health = DeviceHealth::watch(&device);
        Ok(Self { device, queue, health, info: adapter.get_info() })
    }

    pub fn is_software(&self) -> bool {
        is_software(&self.info)
    }

    /// Name of the adapter, as its driver gives it.
    pub fn name(&self) -> &str {
        &self.info.name
    }
}
