//! Moving committed pages from the write-ahead log into the database file, behind the reader's back.
//!
//! SQLite would do it within the commit that happens to fill the log, and that one gesture would wait for two further
//! fsyncs of the whole file. A thread with a connection of its own does it instead; it never blocks a writer.

use std::cell::Cell;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

/// Commits between two calls of the thread. A gesture writes about twelve pages, so that the log stays near SQLite's own
/// figure of a thousand.
const COMMITS: u32 = 80;
/// Pages at which a commit does it itself after all, because the thread does not keep up with gesture upon gesture. The log
/// starts over in the room it has then: growing a file costs a commit half as much again.
const BACKSTOP_PAGES: i64 = 4000;

/// The thread; ends, and closes its connection, when this is dropped.
pub(super) struct Checkpointer {
    commits: Cell<u32>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Takes checkpoints over from `writer`, whose database lies at `database`. `None` where no thread can be started: then
    /// the writer goes on doing them.
    pub(super) fn start(writer: &Connection, database: &Path) -> Option<Self> {
        let (wake, asleep) = sync_channel::<()>(1);
        let path = database.to_owned();
        let work = move || {
            let mut connection = None;
            while asleep.recv().is_ok() {
                if connection.is_none() {
                    connection = Connection::open(&path).ok();
                }
                if let Some(db) = &connection {
                    // What it cannot move now (a reader in the way, a full disk) it moves the next time.
                    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).ok();
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(work).ok()?;
        writer.pragma_update(None, "wal_autocheckpoint", BACKSTOP_PAGES).ok();
        Some(Self { commits: Cell::new(0), wake: Some(wake), thread: Some(thread) })
    }

    /// Called after a commit: now and then it wakes the thread.
    pub(super) fn committed(&self) {
        self.commits.set(self.commits.get() + 1);
        if self.commits.get() >= COMMITS
            && let Some(wake) = &self.wake
        {
            self.commits.set(0);
            // Full means that it is awake already.
            wake.try_send(()).ok();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
