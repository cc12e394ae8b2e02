//! The system's file and folder dialogs, asked from a thread of their own so that the window never stands still.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::action::{Action, Job, ViewChange};

/// What the answer is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Open,
    Relocate,
    Release,
}

/// At most one dialog is open at a time.
#[derive(Default)]
pub struct Chooser {
    waiting: Option<(Purpose, Receiver<Vec<PathBuf>>)>,
}

impl Chooser {
    pub fn folder(&mut self, ctx: &egui::Context) {
        self.ask(ctx, Purpose::Open, || rfd::FileDialog::new().pick_folder().into_iter().collect());
    }

    pub fn files(&mut self, ctx: &egui::Context) {
        self.ask(ctx, Purpose::Open, || rfd::FileDialog::new().pick_files().unwrap_or_default());
    }

    /// Where missing images went.
    pub fn relocate(&mut self, ctx: &egui::Context) {
        self.ask(ctx, Purpose::Relocate, || rfd::FileDialog::new().pick_folder().into_iter().collect());
    }

    /// Where a release's folder is made.
    pub fn release_folder(&mut self, ctx: &egui::Context) {
        self.ask(ctx, Purpose::Release, || rfd::FileDialog::new().pick_folder().into_iter().collect());
    }

    fn ask(&mut self, ctx: &egui::Context, purpose: Purpose, choose: impl FnOnce() -> Vec<PathBuf> + Send + 'static) {
        if self.waiting.is_some() {
            return;
        }
        let (send, receive) = sync_channel(1);
        let ctx = ctx.clone();
        let thread = std::thread::Builder::new().name("file dialog".to_owned()).spawn(move || {
            let _ = send.send(choose());
            ctx.request_repaint();
        });
        if thread.is_ok() {
            self.waiting = Some((purpose, receive));
        }
    }

    /// The answer, once there is one; a dialog that was closed answers nothing.
    pub fn poll(&mut self) -> Option<Action> {
        let (_, receive) = self.waiting.as_ref()?;
        let answer = match receive.try_recv() {
            Ok(paths) => Some(paths),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => return None,
        };
        let (purpose, _) = self.waiting.take()?;
        let paths = answer.filter(|p| !p.is_empty())?;
        match purpose {
            Purpose::Open => Some(Action::Run(Job::Open(paths))),
            Purpose::Relocate => Some(Action::Run(Job::RelocateTo(paths))),
            Purpose::Release => paths.into_iter().next().map(|p| Action::Look(ViewChange::ReleaseFolder(p))),
        }
    }
}
