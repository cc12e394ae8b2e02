//! Starting the window: adapter, size, title, the paths named on the command line.

use std::path::PathBuf;

use super::action::{Action, Job};
use super::app::App;
use super::i18n::Lang;
use super::session::Practice;
use super::stage::Stage;

/// Why there is no window. Every command works without one.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    #[error("the window cannot open: {0}. Every command works without a window.")]
    Start(Box<dyn std::error::Error + Send + Sync>),
    #[error(
        "the window cannot open: no graphics adapter. Install a Vulkan or OpenGL driver; on Debian and Ubuntu \
         `apt install mesa-vulkan-drivers` brings one that needs no graphics card. Every command works without a window."
    )]
    NoAdapter,
    #[error(
        "the window cannot open: no display. Log in to a desktop, or set DISPLAY or WAYLAND_DISPLAY. Every command \
         works without a window."
    )]
    NoDisplay,
}

/// What the command line says.
#[derive(Default)]
pub struct GuiArgs {
    /// A project folder, or images and folders to open.
    pub paths: Vec<PathBuf>,
    /// Language for this run, `ja` or `en`; the settings decide otherwise.
    pub lang: Option<String>,
    /// Who reads; the project's creator when absent.
    pub acting: Option<crate::domain::ReaderId>,
    /// Makes the practice images of the first screen.
    pub practice: Option<Practice>,
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// One line that names what is missing when there is no display or no graphics adapter; every command goes on working.
pub fn run(args: GuiArgs) -> Result<(), WindowError> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Shoken")
            .with_app_id("shoken")
            .with_inner_size([1366.0, 768.0])
            .with_min_inner_size([960.0, 600.0])
            .with_drag_and_drop(true),
        ..Default::default()
    };
    let start = move |cc: &eframe::CreationContext<'_>| {
        let stage = Stage::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref())?;
        let woken = cc.egui_ctx.clone();
        crate::project::on_asked_to_stop(move || woken.request_repaint());
        let mut app = App::new(&cc.egui_ctx, stage);
        if let Some(lang) = args.lang.as_deref().and_then(Lang::from_code) {
            app.use_lang(lang);
        }
        app.use_monitor();
        app.session.practice = args.practice;
        app.session.acting = args.acting;
        if !args.paths.is_empty() {
            app.ask(Action::Run(Job::Open(args.paths)));
        }
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("shoken", options, Box::new(start)).map_err(|e| {
        tracing::error!("the window cannot open: {e}");
        match e {
            eframe::Error::AppCreation(e) => WindowError::Start(e),
            eframe::Error::Wgpu(_) => WindowError::NoAdapter,
            _ => WindowError::NoDisplay,
        }
    })
}
