//! Pictures of the window without a screen: a project opened as somebody, a case in view, everything loaded, then taken.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::action::{Action, Job, ViewChange, Workspace};
use super::app::App;
use super::i18n::Lang;
use super::stage::Stage;
use super::viewport::HeadlessWindow;
use crate::domain::{CaseId, ReaderId};
use crate::render::Image;

/// How long a project and its tiles may take to appear.
const PATIENCE: Duration = Duration::from_mins(2);
/// Frames in a row without anything left to load, after which the picture stands still.
const CALM_FRAMES: u32 = 6;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PortraitError {
    #[error("the window cannot be drawn: {0}")]
    Window(String),
    #[error("the project did not open in the window; `shoken verify` tells what is wrong with it")]
    NotOpened,
    #[error("the window did not come to rest within {} s", PATIENCE.as_secs())]
    Restless,
}

/// A window that is only ever photographed.
pub struct Portrait {
    window: HeadlessWindow,
    app: App,
}

impl Portrait {
    /// Opens a project folder as `acting`, in a window of this size in points.
    ///
    /// # Errors
    /// No graphics adapter, or a project that does not open.
    pub fn open(
        project: PathBuf,
        home: &Path,
        acting: Option<ReaderId>,
        lang: Lang,
        size: [u32; 2],
    ) -> Result<Self, PortraitError> {
        let window = HeadlessWindow::open(size, 1.0).map_err(|e| PortraitError::Window(e.to_string()))?;
        let stage = Stage::new(window.ctx(), Some(window.state())).map_err(|e| PortraitError::Window(e.to_string()))?;
        let mut app = App::at_home(window.ctx(), stage, home);
        app.use_lang(lang);
        app.session.acting = acting;
        app.ask(Action::Look(ViewChange::SoftwareSeen));
        app.ask(Action::Run(Job::Open(vec![project])));
        let mut portrait = Self { window, app };
        portrait.settle()?;
        if portrait.app.model().project.is_some() { Ok(portrait) } else { Err(PortraitError::NotOpened) }
    }

    /// Brings a case into view, at a frame where it has several.
    ///
    /// # Errors
    /// When its pixels do not appear in time.
    pub fn look_at(&mut self, case: &CaseId, frame: Option<u32>) -> Result<(), PortraitError> {
        self.app.ask(Action::Look(ViewChange::Case(case.clone())));
        self.settle()?;
        if let Some(frame) = frame {
            self.app.ask(Action::Look(ViewChange::Frame(frame)));
            self.settle()?;
        }
        Ok(())
    }

    /// Shows the adjudicator's workspace.
    ///
    /// # Errors
    /// As [`Portrait::look_at`].
    pub fn adjudicate(&mut self) -> Result<(), PortraitError> {
        self.app.ask(Action::Look(ViewChange::Workspace(Workspace::Adjudicate)));
        self.settle()
    }

    /// Does what a row of the action table does.
    ///
    /// # Errors
    /// As [`Portrait::look_at`].
    pub fn call(&mut self, action: super::ActionId) -> Result<(), PortraitError> {
        self.app.ask(Action::Call(action));
        self.settle()
    }

    /// The picture as it stands.
    ///
    /// # Errors
    /// A lost graphics device.
    pub fn take(&self) -> Result<Image, PortraitError> {
        self.window.picture().map_err(|e| PortraitError::Window(e.to_string()))
    }

    /// Draws frames until everything that is wanted has been loaded and uploaded.
    fn settle(&mut self) -> Result<(), PortraitError> {
        let begun = Instant::now();
        let mut calm = 0;
        while calm < CALM_FRAMES {
            if begun.elapsed() > PATIENCE {
                return Err(PortraitError::Restless);
            }
            let app = &mut self.app;
            self.window.frame(|ui| {
                app.logic(&ui.ctx().clone());
                app.ui(ui);
            });
            let busy = self.app.is_busy();
            calm = if busy { 0 } else { calm + 1 };
            // Decoding happens on other threads; this one only looks in on it.
            std::thread::park_timeout(Duration::from_millis(15));
        }
        Ok(())
    }
}
