//! The system's file and folder dialogs, asked from a thread of their own so that the window never stands still.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::action::{Action, FolderFor, Job, ViewChange};

/// What the answer is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Open,
    Relocate,
    Folder(FolderFor),
}

/// Nobody opens and closes a dialog in less.
const NO_HAND: Duration = Duration::from_millis(500);

/// At most one dialog is open at a time.
#[derive(Default)]
pub struct Chooser {
    waiting: Option<(Purpose, Instant, Receiver<Vec<PathBuf>>)>,
}

impl Chooser {
    pub fn folder(&mut self, ctx: &egui::Context) -> bool {
        self.ask(ctx, Purpose::Open, || rfd::FileDialog::new().pick_folder().into_iter().collect())
    }

    pub fn files(&mut self, ctx: &egui::Context) -> bool {
        self.ask(ctx, Purpose::Open, || rfd::FileDialog::new().pick_files().unwrap_or_default())
    }

    /// Where missing images went.
    pub fn relocate(&mut self, ctx: &egui::Context) -> bool {
        self.ask(ctx, Purpose::Relocate, || rfd::FileDialog::new().pick_folder().into_iter().collect())
    }

    /// A folder for a page of the window.
    pub fn folder_for(&mut self, ctx: &egui::Context, what: FolderFor) -> bool {
        self.ask(ctx, Purpose::Folder(what), || rfd::FileDialog::new().pick_folder().into_iter().collect())
    }

    /// Whether a dialog could be asked for; one that is open already has to be answered first.
    fn ask(
        &mut self,
        ctx: &egui::Context,
        purpose: Purpose,
        choose: impl FnOnce() -> Vec<PathBuf> + Send + 'static,
    ) -> bool {
        if self.waiting.is_some() {
            return false;
        }
        let (send, receive) = sync_channel(1);
        let ctx = ctx.clone();
        let thread = std::thread::Builder::new().name("file dialog".to_owned()).spawn(move || {
            let _ = send.send(choose());
            ctx.request_repaint();
        });
        if thread.is_ok() {
            self.waiting = Some((purpose, Instant::now(), receive));
        }
        true
    }

    /// The answer, once there is one; a dialog that was closed answers nothing.
    pub fn poll(&mut self) -> Option<Action> {
        let (_, _, receive) = self.waiting.as_ref()?;
        let answer = match receive.try_recv() {
            Ok(paths) => Some(paths),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => return None,
        };
        let (purpose, asked, _) = self.waiting.take()?;
        let Some(paths) = answer.filter(|p| !p.is_empty()) else {
            // A desktop without a portal and without zenity answers before any hand could.
            return (asked.elapsed() < NO_HAND).then_some(Action::Look(ViewChange::NoDialog));
        };
        match purpose {
            Purpose::Open => Some(Action::Run(Job::Open(paths))),
            Purpose::Relocate => Some(Action::Run(Job::RelocateTo(paths))),
            Purpose::Folder(what) => paths.into_iter().next().map(|p| Action::Look(ViewChange::Folder(what, p))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(after: Duration, paths: Vec<PathBuf>) -> Option<Action> {
        let (send, receive) = sync_channel(1);
        send.send(paths).unwrap();
        let asked = Instant::now().checked_sub(after).unwrap();
        Chooser { waiting: Some((Purpose::Open, asked, receive)) }.poll()
    }

    #[test]
    fn a_dialog_that_never_came_is_told_from_one_that_was_closed() {
        assert!(matches!(answered(Duration::ZERO, Vec::new()), Some(Action::Look(ViewChange::NoDialog))));
        assert!(answered(Duration::from_secs(3), Vec::new()).is_none());
        let chosen = answered(Duration::from_secs(3), vec![PathBuf::from("slides")]);
        assert!(matches!(chosen, Some(Action::Run(Job::Open(paths))) if paths.len() == 1));
    }
}
