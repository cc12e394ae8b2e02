//! Starting the window: adapter, size, title, the paths named on the command line.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::action::{Action, Job};
use super::app::App;
use super::i18n::Lang;
use super::recovery::{Reopen, Resume};
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
    #[error(
        "the graphics device stopped {MOST_LOSSES} times within a minute. Nothing is lost: what was drawn is kept. Update the \
         driver of the graphics card, or start with WGPU_BACKEND=gl. Every command works without a window."
    )]
    Lost,
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

/// Losses of the device within a minute after which it is no use to open the window once more.
const MOST_LOSSES: usize = 3;

/// Opens the window and stays until it is closed. A window whose graphics device is lost opens anew, on the same case and with
/// the same draft in the hand.
///
/// # Errors
/// One line that names what is missing when there is no display or no graphics adapter, or when the device is lost again and
/// again; every command goes on working.
pub fn run(args: &GuiArgs) -> Result<(), WindowError> {
    let reopen = Reopen::default();
    let (mut resume, mut losses) = (None, Vec::new());
    loop {
        // A loss in the middle of a frame stops the toolkit by a panic: the window it was in is gone either way.
        let before = resume.take();
        let closed = match catch_unwind(AssertUnwindSafe(|| open(args, before, &reopen))) {
            Ok(closed) => closed,
            Err(_) if reopen.was_lost() => Ok(()),
            Err(panic) => resume_unwind(panic),
        };
        let Some(next) = reopen.take() else { return closed };
        losses.retain(|at: &Instant| at.elapsed() < Duration::from_mins(1));
        losses.push(Instant::now());
        if losses.len() >= MOST_LOSSES {
            return Err(WindowError::Lost);
        }
        tracing::warn!("the window opens anew after its graphics device was lost");
        resume = Some(next);
    }
}

/// One window, until it is closed.
fn open(args: &GuiArgs, resume: Option<Resume>, reopen: &Reopen) -> Result<(), WindowError> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Shoken")
            .with_app_id("shoken")
            .with_inner_size([1366.0, 768.0])
            .with_min_inner_size([960.0, 600.0])
            .with_drag_and_drop(true),
        ..Default::default()
    };
    let (paths, lang, practice, acting, reopen) =
        (args.paths.clone(), args.lang.clone(), args.practice, args.acting.clone(), reopen.clone());
    let start = move |cc: &eframe::CreationContext<'_>| {
        let stage = Stage::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref())?;
        let woken = cc.egui_ctx.clone();
        crate::project::on_asked_to_stop(move || woken.request_repaint());
        let mut app = App::new(&cc.egui_ctx, stage).reopening(reopen);
        app.use_monitor();
        app.session.practice = practice;
        if let Some(resume) = resume {
            return Ok(Box::new(app.resuming(resume)) as Box<dyn eframe::App>);
        }
        if let Some(lang) = lang.as_deref().and_then(Lang::from_code) {
            app.use_lang(lang);
        }
        app.session.acting = acting;
        if !paths.is_empty() {
            app.ask(Action::Run(Job::Open(paths)));
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
