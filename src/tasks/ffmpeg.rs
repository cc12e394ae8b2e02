//! FFmpeg as child processes: where the two programs are, and one of them at work with its pipes, its time limit and what
//! it complained about. A child is killed when its handle is dropped, and dies of a closed pipe when this program is killed.
//!
//! Nothing here knows about films; the arguments are the caller's. What a child says on its error pipe may hold names of
//! files: it is for messages to the person at the screen, never for logs.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::patience::{Patience, TICK};

/// Names the `ffmpeg` program, or the folder that holds both.
const VARIABLE: &str = "SHOKEN_FFMPEG";
/// Complaints kept of one child: the first ones say what is wrong.
const MOST_SAID: usize = 4 << 10;
/// A line longer than this is no line of FFmpeg's.
const LONGEST_LINE: u64 = 64 << 10;
/// Pieces that wait in front of a reader.
const WAITING: usize = 2;
/// Pieces of input that wait in front of a program.
const WAITING_INPUT: usize = 256;
/// Lines that wait in front of a reader.
const WAITING_LINES: usize = 4096;
/// Between looks at a child that is about to end.
const ENDING: Duration = Duration::from_millis(2);
/// What a child may ask the system for, in all. Frames of 3840 × 2160 pixels in ten bits and all its threads take less.
const MEMORY_BYTES: u64 = 2 << 30;

/// Where the two programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
}

impl Tools {
    /// Named by `SHOKEN_FFMPEG`, beside this program, or in the system's search path, in this order.
    pub fn find() -> Option<Self> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        if let Some(named) = named {
            let folder = if named.is_dir() { named } else { named.parent()?.to_path_buf() };
            return Self::in_folder(&folder);
        }
        let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_path_buf));
        let path = std::env::var_os("PATH").unwrap_or_default();
        beside.into_iter().chain(std::env::split_paths(&path)).find_map(|folder| Self::in_folder(&folder))
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let program = |name: &str| {
            let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
            path.is_file().then_some(path)
        };
        Some(Self { ffmpeg: program("ffmpeg")?, ffprobe: program("ffprobe")? })
    }

    /// Changes when another FFmpeg takes the place of this one.
    pub fn mark(&self) -> String {
        let of = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            let since = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(format!("{:x}-{:x}", meta.len(), since.as_secs()))
        };
        format!("{} {}", of(&self.ffmpeg).unwrap_or_default(), of(&self.ffprobe).unwrap_or_default())
    }
}

/// Why a child gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error("FFmpeg could not be started: {0}")]
    Start(io::Error),
    #[error("FFmpeg gave nothing for {} seconds", .0.as_secs())]
    Silent(Duration),
    #[error("FFmpeg stopped: {0}")]
    Failed(String),
}

/// How a child's output is cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// As it comes, up to this many bytes.
    UpTo(usize),
    /// Of exactly this size; what is left at the end is dropped.
    Of(usize),
}

/// A child at work.
pub struct Running {
    child: Child,
    pieces: Receiver<Vec<u8>>,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
    patience: Patience,
    input: Option<SyncSender<Vec<u8>>>,
}

impl Running {
    /// Starts a program without input. Lines of its error pipe that `is_line` takes come out of [`Running::line`]; all
    /// others are complaints. `patience` is what its reader waits with.
    ///
    /// # Errors
    /// [`ChildError::Start`].
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        pieces: Pieces,
        is_line: fn(&str) -> bool,
        patience: &Patience,
    ) -> Result<Self, ChildError> {
        Self::begin(program, arguments, pieces, is_line, (patience, Stdio::null()))
    }

    /// As [`Running::start`], for a program that reads what [`Running::feed`] gives it.
    ///
    /// # Errors
    /// [`ChildError::Start`].
    pub fn start_fed<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        pieces: Pieces,
        is_line: fn(&str) -> bool,
        patience: &Patience,
    ) -> Result<Self, ChildError> {
        Self::begin(program, arguments, pieces, is_line, (patience, Stdio::piped()))
    }

    fn begin<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        pieces: Pieces,
        is_line: fn(&str) -> bool,
        (patience, stdin): (&Patience, Stdio),
    ) -> Result<Self, ChildError> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Numbers and messages in one language, whatever the desktop speaks; no settings of its own.
        command.env("LC_ALL", "C").env_remove("FFREPORT").env_remove("AV_LOG_FORCE_COLOR");
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            // No console window behind ours.
            command.creation_flags(0x0800_0000);
        }
        let mut child = command.spawn().map_err(ChildError::Start)?;
        limit(&child);
        let (out, err, into) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
        let (send_piece, receive_pieces) = sync_channel(WAITING);
        let (send_line, receive_lines) = sync_channel(WAITING_LINES);
        let said = Arc::<Mutex<String>>::default();
        // Made before the threads, so that a child never outlives a failure to start one of them.
        let mut running = Self {
            child,
            pieces: receive_pieces,
            lines: receive_lines,
            said: Arc::clone(&said),
            patience: patience.clone(),
            input: None,
        };
        if let Some(mut into) = into {
            let (send, receive) = sync_channel::<Vec<u8>>(WAITING_INPUT);
            running.input = Some(send);
            spawn("film packets", move || while receive.recv().is_ok_and(|bytes| into.write_all(&bytes).is_ok()) {})?;
        }
        if let Some(out) = out {
            widen(&out);
            spawn("film pixels", move || read_pieces(out, pieces, &send_piece))?;
        }
        if let Some(err) = err {
            spawn("film messages", move || read_lines(err, is_line, &send_line, &said))?;
        }
        Ok(running)
    }

    /// The next piece of output; `None` at its end.
    ///
    /// # Errors
    /// [`ChildError::Silent`] when the patience is used up: the child is killed.
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>, ChildError> {
        wait(&self.pieces, &self.patience).or_else(|silent| self.stop(silent))
    }

    /// The next line that `is_line` took; `None` when there are no more.
    ///
    /// # Errors
    /// As [`Running::piece`].
    pub fn line(&mut self) -> Result<Option<String>, ChildError> {
        wait(&self.lines, &self.patience).or_else(|silent| self.stop(silent))
    }

    /// The next line, waited for no longer than this: `None` when none came, `Some(None)` when there are no more.
    ///
    /// # Errors
    /// As [`Running::piece`].
    #[allow(clippy::option_option, reason = "not yet, and never more")]
    pub fn line_within(&mut self, longest: Duration) -> Result<Option<Option<String>>, ChildError> {
        let given = match self.lines.recv_timeout(longest) {
            Ok(line) => Some(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Some(None),
            Err(RecvTimeoutError::Timeout) => None,
        };
        if self.patience.lasts() { Ok(given) } else { self.stop(ChildError::Silent(self.patience.most())) }
    }

    /// Gives the program bytes to read, without waiting for it.
    ///
    /// # Errors
    /// [`ChildError::Silent`] when it has left too much unread, [`ChildError::Failed`] when it is gone.
    pub fn feed(&self, bytes: Vec<u8>) -> Result<(), ChildError> {
        match self.input.as_ref().map(|input| input.try_send(bytes)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(ChildError::Silent(self.patience.most())),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(ChildError::Failed(self.complaint())),
        }
    }

    fn stop<T>(&mut self, why: ChildError) -> Result<T, ChildError> {
        self.child.kill().ok();
        Err(why)
    }

    /// Waits for the end after the last piece, and fails when the child did.
    ///
    /// # Errors
    /// [`ChildError::Failed`] with what it complained about, [`ChildError::Silent`] when it does not end.
    pub fn finish(mut self) -> Result<(), ChildError> {
        loop {
            match self.child.try_wait().map_err(ChildError::Start)? {
                Some(status) if status.success() => return Ok(()),
                Some(_) => return Err(ChildError::Failed(self.complaint())),
                // Its output is closed, so that it is about to end.
                None if self.patience.lasts() => std::thread::sleep(ENDING),
                None => return self.stop(ChildError::Silent(self.patience.most())),
            }
        }
    }

    /// What the child complained about so far, in one line.
    pub fn complaint(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        // `[mov,mp4 @ 0x55…] moov atom not found`: the address says nothing.
        let plain = first.split_once("] ").filter(|(tag, _)| tag.starts_with('[')).map_or(first, |(_, rest)| rest);
        if plain.is_empty() { "it gave no reason".to_owned() } else { plain.chars().take(300).collect() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killed, not asked: it may be stuck in a decoder. Waiting leaves no dead process behind.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The next of what a child gives; `None` at its end.
fn wait<T>(from: &Receiver<T>, patience: &Patience) -> Result<Option<T>, ChildError> {
    loop {
        let given = match from.recv_timeout(TICK) {
            Ok(given) => Some(Some(given)),
            Err(RecvTimeoutError::Disconnected) => Some(None),
            Err(RecvTimeoutError::Timeout) => None,
        };
        if !patience.lasts() {
            return Err(ChildError::Silent(patience.most()));
        }
        if let Some(given) = given {
            return Ok(given);
        }
    }
}

/// Bounds what a child may take. The bound is on memory that can be written: address space that is set aside for threads
/// and never used is no harm, and there is much of it on a machine of many processors.
#[cfg(target_os = "linux")]
fn limit(child: &Child) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let bound = |value| Rlimit { current: Some(value), maximum: Some(value) };
    // A system that refuses leaves it as any other process; `-max_alloc` and the patience still hold.
    for (resource, value) in [(Resource::Data, MEMORY_BYTES), (Resource::Core, 0)] {
        prlimit(Some(Pid::from_child(child)), resource, bound(value)).ok();
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_child: &Child) {}

/// A frame takes fewer turns through a larger pipe; one that stays small is only slower.
#[cfg(target_os = "linux")]
fn widen(out: &impl std::os::fd::AsFd) {
    rustix::pipe::fcntl_setpipe_size(out, 1 << 20).ok();
}

#[cfg(not(target_os = "linux"))]
fn widen<T>(_out: &T) {}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), ChildError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop).map_err(ChildError::Start)
}

fn read_pieces(mut out: impl Read, pieces: Pieces, send: &SyncSender<Vec<u8>>) {
    loop {
        let (size, exact) = match pieces {
            Pieces::UpTo(size) => (size, false),
            Pieces::Of(size) => (size, true),
        };
        let mut piece = Vec::with_capacity(size);
        let wanted = size as u64;
        let done = if exact {
            (&mut out).take(wanted).read_to_end(&mut piece).map(|count| count == size)
        } else {
            piece.resize(size, 0);
            out.read(&mut piece).map(|count| {
                piece.truncate(count);
                count > 0
            })
        };
        if !matches!(done, Ok(true)) || send.send(piece).is_err() {
            return;
        }
    }
}

fn read_lines(err: impl Read, is_line: fn(&str) -> bool, send: &SyncSender<String>, said: &Mutex<String>) {
    let mut err = BufReader::new(err);
    let mut send = Some(send);
    loop {
        let mut raw = Vec::new();
        // Progress reports end in a carriage return alone; FFmpeg is told to make none.
        match (&mut err).take(LONGEST_LINE).read_until(b'\n', &mut raw) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&raw);
        if is_line(&line) {
            // The pipe is read on, so that the child never waits for somebody who has left.
            if send.is_some_and(|send| send.send(line.into_owned()).is_err()) {
                send = None;
            }
            continue;
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() + line.len() <= MOST_SAID {
            said.push_str(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::*;

    #[cfg(unix)]
    fn shell(script: &str, pieces: Pieces, limit_ms: u64) -> Running {
        let arguments = ["-c", script];
        let patience = Patience::new(Duration::from_millis(limit_ms));
        Running::start(Path::new("/bin/sh"), &arguments, pieces, |line| line.starts_with("n:"), &patience).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn pieces_lines_and_complaints_are_told_apart() {
        let mut run = shell("printf abcdefg; echo n:1 >&2; echo '[x @ 0x1] oh no' >&2; exit 3", Pieces::Of(3), 10_000);
        assert_eq!(run.piece().unwrap(), Some(b"abc".to_vec()));
        assert_eq!(run.piece().unwrap(), Some(b"def".to_vec()));
        assert_eq!(run.piece().unwrap(), None);
        assert_eq!(run.line().unwrap().as_deref(), Some("n:1\n"));
        assert_eq!(run.line().unwrap(), None);
        assert!(matches!(run.finish(), Err(ChildError::Failed(said)) if said == "oh no"));
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_says_nothing_is_killed() {
        let mut run = shell("exec sleep 600", Pieces::UpTo(10), 50);
        assert!(matches!(run.piece(), Err(ChildError::Silent(_))));
        assert!(run.finish().is_err(), "it was killed");
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_closes_its_output_and_stays_is_killed() {
        let mut run = shell("exec >&- 2>&-; exec sleep 600", Pieces::UpTo(10), 500);
        assert_eq!(run.piece().unwrap(), None);
        assert!(matches!(run.finish(), Err(ChildError::Silent(_))));
    }

    /// dd asks for its whole buffer before it reads.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_that_asks_for_too_much_memory_gets_none() {
        let ask = |size: &str| {
            let mut run =
                shell(&format!("exec dd if=/dev/null of=/dev/null bs={size} count=1"), Pieces::UpTo(10), 20_000);
            assert_eq!(run.piece().unwrap(), None);
            run.finish()
        };
        assert!(ask("1500M").is_ok());
        let refused = ask("3G");
        assert!(matches!(&refused, Err(ChildError::Failed(said)) if said.contains("memory")), "{refused:?}");
    }
}
