//! A graphics device that is lost while the window is open. What was drawn is in the journal and what is in the hand is in the
//! drafts: the window closes, opens anew on whatever adapter there is, and shows the same case with the same draft.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use egui::{Context, ViewportCommand};

use super::app::App;
use super::i18n::Lang;
use super::viewport::GpuLink;
use crate::domain::{CaseId, ImageId, ReaderId};

/// Where the window was when its device was lost.
#[derive(Clone, PartialEq)]
pub struct Resume {
    /// The project, where one was open.
    pub folder: Option<PathBuf>,
    pub acting: Option<ReaderId>,
    pub lang: Lang,
    pub place: Option<ResumePlace>,
}

/// What was in view.
#[derive(Clone, PartialEq)]
pub struct ResumePlace {
    pub case: CaseId,
    pub image: Option<ImageId>,
    pub frame: u32,
}

/// Filled when the window must open anew; shared with whoever opened it.
#[derive(Clone, Default)]
pub struct Reopen(Arc<Mutex<Seat>>);

/// What is known of the window that is open.
#[derive(Default)]
struct Seat {
    gpu: Option<GpuLink>,
    /// Where the window is.
    here: Option<Resume>,
    /// It must open anew.
    asked: bool,
}

impl Reopen {
    /// Where to go on, when the window was left because its device was lost.
    pub fn take(&self) -> Option<Resume> {
        let mut seat = self.seat();
        seat.gpu = None;
        if std::mem::take(&mut seat.asked) { seat.here.take() } else { None }
    }

    /// The window's thread stopped in the middle of drawing; whether that was the loss of its device, after which
    /// [`Reopen::take`] says where to go on.
    pub fn was_lost(&self) -> bool {
        let mut seat = self.seat();
        if let Some(gpu) = &seat.gpu {
            gpu.ask_after();
            seat.asked |= gpu.is_lost();
        }
        seat.asked
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Tells `reopen` when the window must open anew.
    #[must_use]
    pub fn reopening(mut self, reopen: Reopen) -> Self {
        reopen.seat().gpu.clone_from(&self.stage.gpu);
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

    /// Notes where the window is, and leaves one whose device was lost with everything that the next one needs.
    pub(super) fn leave_lost_device(&mut self, ctx: &Context) {
        let Some(gpu) = &self.stage.gpu else { return };
        gpu.ask_after();
        let lost = gpu.is_lost();
        let here = self.here();
        let mut seat = self.stage.reopen.seat();
        let first = lost && !std::mem::replace(&mut seat.asked, lost);
        seat.here = Some(here);
        drop(seat);
        if first && self.tool.is_drawing() {
            self.keep_draft();
        }
        if lost {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// Nothing can be drawn any more.
    pub(super) fn is_without_device(&self) -> bool {
        self.stage.gpu.as_ref().is_some_and(GpuLink::is_lost)
    }

    fn here(&self) -> Resume {
        let project = self.session.project.as_ref();
        let place = self.look.case.clone().filter(|_| project.is_some()).map(|case| ResumePlace {
            case,
            image: self.look.image.clone(),
            frame: self.look.frame,
        });
        Resume {
            folder: project.map(|p| p.folder().to_owned()),
            acting: project.and_then(|p| p.actor().cloned()),
            lang: self.words.lang(),
            place,
        }
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
