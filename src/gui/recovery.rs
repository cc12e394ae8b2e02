//! A graphics device that is lost while the window is open. What was drawn is in the journal and what is in the hand is in the
//! drafts: the window closes, opens anew on whatever adapter there is, and shows the same case with the same draft.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use egui::{Context, ViewportCommand};

use super::app::App;
use super::i18n::Lang;
use crate::domain::{CaseId, ImageId, ReaderId};

/// Where the window was when its device was lost.
#[derive(Clone)]
pub struct Resume {
    /// The project, where one was open.
    pub folder: Option<PathBuf>,
    pub acting: Option<ReaderId>,
    pub lang: Lang,
    pub place: Option<ResumePlace>,
}

/// What was in view.
#[derive(Clone)]
pub struct ResumePlace {
    pub case: CaseId,
    pub image: Option<ImageId>,
    pub frame: u32,
}

/// Filled when the window must open anew; shared with whoever opened it.
#[derive(Clone, Default)]
pub struct Reopen(Arc<Mutex<Option<Resume>>>);

impl Reopen {
    pub fn take(&self) -> Option<Resume> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_asked(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn ask(&self, resume: Resume) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(resume);
    }
}

impl App {
    /// Tells `reopen` when the window must open anew.
    #[must_use]
    pub fn reopening(mut self, reopen: Reopen) -> Self {
        self.stage.reopen = reopen;
        self
    }

    /// Goes on where a window was that lost its device.
    #[must_use]
    pub fn resuming(mut self, resume: Resume) -> Self {
        self.use_lang(resume.lang);
        self.session.acting = resume.acting;
        self.session.resume = resume.place;
        match resume.folder {
            Some(folder) => self.ask(super::action::Action::Run(super::action::Job::Open(vec![folder]))),
            None => self.notices.done(self.words.t("device-lost")),
        }
        self
    }

    /// Leaves a window whose device was lost, with everything that the next one needs.
    pub(super) fn leave_lost_device(&mut self, ctx: &Context) {
        if !self.stage.gpu.as_ref().is_some_and(super::viewport::GpuLink::is_lost) {
            return;
        }
        if !self.stage.reopen.is_asked() {
            if self.tool.is_drawing() {
                self.keep_draft();
            }
            let project = self.session.project.as_ref();
            let place = self.look.case.clone().filter(|_| project.is_some()).map(|case| ResumePlace {
                case,
                image: self.look.image.clone(),
                frame: self.look.frame,
            });
            self.stage.reopen.ask(Resume {
                folder: project.map(|p| p.folder().to_owned()),
                acting: project.and_then(|p| p.actor().cloned()),
                lang: self.words.lang(),
                place,
            });
        }
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }

    /// The case that was in view before the device was lost; whether there was one. A draft of the case comes back by itself.
    pub(super) fn resume_place(&mut self) -> bool {
        let Some(place) = self.session.resume.take() else { return false };
        if self.session.model().case(&place.case).is_none() {
            return false;
        }
        self.look.image = None;
        self.open_case(&place.case);
        self.notices.done(self.words.t("device-lost"));
        if let Some(image) = place.image.filter(|_| !self.tool.is_drawing()) {
            self.open_image(&image);
            self.show_frame(place.frame);
        }
        true
    }
}
