//! A picture of the window for documents: waits until nothing is loading any more, writes a PNG, closes.

use std::path::{Path, PathBuf};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::app::App;

/// Frames without anything pending before the picture is taken: fades and the last upload need some.
const QUIET_FRAMES: u32 = 24;

/// The window, which closes once its picture is written.
pub(super) struct Photographer {
    app: App,
    path: PathBuf,
    quiet: u32,
    asked: bool,
    written: Arc<AtomicBool>,
}

impl Photographer {
    pub fn new(app: App, path: PathBuf) -> Self {
        Self { app, path, quiet: 0, asked: false, written: Arc::default() }
    }
}

impl eframe::App for Photographer {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.app.logic(ctx);
        if self.written.load(Ordering::Acquire) {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.app.ui(ui);
        self.quiet = if self.app.is_busy() { 0 } else { self.quiet + 1 };
        if self.quiet >= QUIET_FRAMES && !self.asked {
            self.asked = true;
            let (path, written, ctx) = (self.path.clone(), Arc::clone(&self.written), ui.ctx().clone());
            ui.ctx().request_screenshot(move |image| {
                if let Err(e) = write(&path, &image) {
                    tracing::error!("the picture of the window could not be written: {e}");
                }
                written.store(true, Ordering::Release);
                ctx.request_repaint();
            });
        }
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(30));
    }
}

fn write(path: &Path, picture: &egui::ColorImage) -> Result<(), image::ImageError> {
    let bytes: Vec<u8> = picture.pixels.iter().flat_map(|p| p.to_array()).collect();
    let size = picture.size.map(|v| u32::try_from(v).unwrap_or(0));
    image::save_buffer(path, &bytes, size[0], size[1], image::ExtendedColorType::Rgba8)
}
