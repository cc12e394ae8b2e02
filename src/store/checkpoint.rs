//! Keeping what a commit has to wait for small: the write-ahead log is moved into the database, and given room, behind the
//! writer's back.
//!
//! SQLite would move it within the commit that happens to fill the log, and that one gesture would wait for two further
//! fsyncs. A thread with a connection of its own does it in a pause of the work, or after so many gestures that there was
//! none. The same thread makes the log longer than it is: a commit that overwrites what a file has already is synced without
//! the file system's own journal, in two thirds of the time that growing it takes.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::tasks::platform;

/// Commits without a pause after which the thread looks at the log all the same.
const COMMITS: u32 = 64;
/// Nothing committed for so long is a pause.
const PAUSE: Duration = Duration::from_millis(250);
/// Pages in the log that are worth moving in a pause, and worth giving the log room for.
const SOME_PAGES: i64 = 256;
/// Pages in the log that are moved even though the work does not pause. They fit in [`ROOM`], so that the log starts over
/// before it has to grow.
const MANY_PAGES: i64 = 1500;
/// Length that the log is given, in bytes, and how much of it at a time.
const ROOM: u64 = 8 << 20;
const PIECE: u64 = 1 << 20;
/// Pages at which a commit moves them itself after all, because the thread does not keep up.
const BACKSTOP_PAGES: i64 = 4000;

/// What writer and thread share.
#[derive(Default)]
struct Shared {
    /// Held by whoever is writing. SQLite has a lock for that, but waits for it in its sleep, milliseconds at a time.
    turn: Mutex<()>,
    /// Commits since the thread last fell asleep.
    commits: AtomicU32,
}

impl Shared {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread; ends, and closes its connection, when this is dropped.
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The right to write; see [`Checkpointer::turn`].
pub(super) struct Turn(Arc<Shared>);

impl Turn {
    /// Waits until the thread is not writing, for a millisecond or two at most.
    pub(super) fn take(&self) -> impl Drop + '_ {
        self.0.turn()
    }
}

impl Checkpointer {
    /// Takes checkpoints over from `writer`, whose database lies at `database`. `None` where no thread can be started: then
    /// the writer goes on doing them.
    pub(super) fn start(writer: &Connection, database: &Path) -> Option<Self> {
        let (wake, asleep) = sync_channel::<()>(1);
        let shared = Arc::new(Shared::default());
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            database: database.to_owned(),
            identity: platform::file_identity(database).ok(),
            connection: None,
        };
        let work = move || keeper.run(&asleep);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(work).ok()?;
        writer.pragma_update(None, "wal_autocheckpoint", BACKSTOP_PAGES).ok();
        Some(Self { shared, wake: Some(wake), thread: Some(thread) })
    }

    /// What a writer takes before it begins, so that it need not wait for SQLite's lock.
    pub(super) fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.shared))
    }

    /// Called after a commit: the first after a pause wakes the thread, and so does one in many.
    pub(super) fn committed(&self) {
        let before = self.shared.commits.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(COMMITS)
            && let Some(wake) = &self.wake
        {
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

/// What the thread works with.
struct Keeper {
    shared: Arc<Shared>,
    database: PathBuf,
    /// Of the file when it was opened.
    identity: Option<String>,
    connection: Option<Connection>,
}

impl Keeper {
    fn run(mut self, asleep: &Receiver<()>) {
        while asleep.recv().is_ok() {
            loop {
                let seen = self.shared.commits.load(Ordering::Relaxed);
                match asleep.recv_timeout(PAUSE) {
                    Ok(()) => self.tidy(MANY_PAGES),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let now = self.shared.commits.load(Ordering::Relaxed);
                        if now != seen {
                            continue;
                        }
                        self.tidy(SOME_PAGES);
                        // Whoever commits from now on wakes it again; who has done so meanwhile has not.
                        let (done, open) = (Ordering::Relaxed, Ordering::Relaxed);
                        if self.shared.commits.compare_exchange(now, 0, done, open).is_ok() {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Gives the log room, and moves it into the database when it holds at least `worth` pages. What cannot be done now (a
    /// reader or a writer of another process in the way, a full disk) is done the next time.
    fn tidy(&mut self, worth: i64) {
        if self.connection.is_none() {
            // Whatever is in the way, the writer of this process is not made to wait for it as well.
            // Never makes a file: a disk that was pulled leaves the folder's name behind.
            let opened = Connection::open_with_flags(&self.database, OpenFlags::SQLITE_OPEN_READ_WRITE);
            self.connection = opened.and_then(|db| db.busy_timeout(Duration::ZERO).map(|()| db)).ok();
        }
        let Some(db) = &self.connection else { return };
        let pages = |how: &str| db.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |r| r.get::<_, i64>(1));
        let held = pages("NOOP").unwrap_or(0);
        if held >= SOME_PAGES {
            self.make_room(db);
        }
        if held < worth {
            return;
        }
        // Most of it while gestures go on; the rest while none does, since the log starts over only when all of it is moved.
        pages("PASSIVE").ok();
        let _writing = self.shared.turn();
        pages("PASSIVE").ok();
    }

    /// Lengthens the log to [`ROOM`] with zeros, which no reader takes for frames.
    fn make_room(&self, db: &Connection) {
        let path = self.database.with_extension("sqlite-wal");
        let Ok(log) = OpenOptions::new().write(true).open(&path) else { return };
        while let Ok(true) = self.lengthen(db, &log) {
            // Without the lock: a commit may follow at once, and waits for no more than its share of the piece.
            if log.sync_data().is_err() {
                return;
            }
        }
    }

    /// Adds one piece; whether there was one to add. Within SQLite's write lock, so that nobody, in whatever process, adds
    /// frames where zeros are about to be, or cuts the log.
    fn lengthen(&self, db: &Connection, mut log: &File) -> std::io::Result<bool> {
        let _writing = self.shared.turn();
        if log.metadata()?.len() >= ROOM || db.execute_batch("BEGIN IMMEDIATE").is_err() {
            return Ok(false);
        }
        // Another project put into this folder's place has a log of the same name, which this lock does not hold.
        if platform::file_identity(&self.database).ok() != self.identity {
            db.execute_batch("ROLLBACK").ok();
            return Ok(false);
        }
        let length = log.metadata()?.len();
        let zeros = vec![0; usize::try_from(PIECE).unwrap_or(0)];
        let added = log.seek(SeekFrom::Start(length)).and_then(|_| log.write_all(&zeros));
        if added.is_err() {
            // What there is room for on a full disk is for frames.
            log.set_len(length).ok();
        }
        db.execute_batch("ROLLBACK").ok();
        added.map(|()| true)
    }
}
