//! Noticing that another program wrote into the open project, without drawing a frame to find out.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How often the files are looked at; a colleague's work appears within a second.
const EVERY: Duration = Duration::from_millis(500);

/// A thread that looks at the open project's files; ends when this is dropped.
pub struct Watch {
    folder: Arc<Mutex<Option<PathBuf>>>,
    changed: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

type Mark = Option<[Option<(u64, SystemTime)>; 2]>;

fn mark(folder: &Mutex<Option<PathBuf>>) -> Mark {
    let folder = folder.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
    let look = |name: &str| std::fs::metadata(folder.join(name)).ok().and_then(|m| Some((m.len(), m.modified().ok()?)));
    Some(["project.sqlite", "project.sqlite-wal"].map(look))
}

impl Watch {
    /// Wakes the window when something was written. Where no thread can be started, nobody else's work is noticed before
    /// the next act, which takes it in.
    pub fn start(ctx: egui::Context) -> Self {
        let watch = Self { folder: Arc::default(), changed: Arc::new(AtomicBool::new(true)), stop: Arc::default() };
        let (folder, tell, end) = (Arc::clone(&watch.folder), Arc::clone(&watch.changed), Arc::clone(&watch.stop));
        let work = move || {
            let (mut seen, mut settling) = (mark(&folder), false);
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(EVERY);
                let now = mark(&folder);
                // Once more after a change: it may have been seen half-way, within one tick of the file's clock.
                if now != seen || settling {
                    settling = now != seen;
                    seen = now;
                    tell.store(true, Ordering::Release);
                    ctx.request_repaint();
                }
            }
        };
        std::thread::Builder::new().name("watch-project".to_owned()).spawn(work).ok();
        watch
    }

    /// The project to watch from now on.
    pub fn follow(&self, folder: Option<&Path>) {
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = folder.map(Path::to_owned);
        self.changed.store(true, Ordering::Release);
    }

    /// Whether something was written since this was asked last.
    pub fn take(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
