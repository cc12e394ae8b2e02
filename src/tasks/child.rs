//! Child workers: code that can crash, hang or eat all memory on foreign bytes runs in a process of its own, which answers
//! one question after the other over a pipe. Its end is an error of the one file.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

/// The longest question or answer; a region of 8192 × 8192 pixels in RGB fits.
pub const LONGEST_FRAME: u32 = 256 << 20;

/// Why a child gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error("it could not be started: {0}")]
    Start(io::Error),
    /// The child is gone. `by_fault`: by its own doing, not because somebody stopped it.
    #[error("it ended: {how}")]
    Ended { how: String, by_fault: bool },
    #[error("it gave no answer within {} s and was stopped", .0.as_secs())]
    Late(Duration),
}

/// A running child. Dropping it stops it.
pub struct Child {
    process: std::process::Child,
    questions: ChildStdin,
    answers: Receiver<Vec<u8>>,
}

/// The program that serves as worker: this one, or what `SHOKEN_PROGRAM` names where this one is not Shoken (tests).
///
/// # Errors
/// The system does not say where the program lies.
pub fn own_program() -> io::Result<PathBuf> {
    std::env::var_os("SHOKEN_PROGRAM").map_or_else(std::env::current_exe, |named| Ok(named.into()))
}

/// Length, then bytes.
///
/// # Errors
/// What the pipe says; `InvalidInput` for more than [`LONGEST_FRAME`].
pub fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).ok().filter(|len| *len <= LONGEST_FRAME);
    let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a frame that is too long"))?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// The next frame; `None` at the end.
///
/// # Errors
/// What the pipe says; `InvalidData` for a length beyond [`LONGEST_FRAME`].
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    if from.read(len.get_mut(..1).unwrap_or_default())? == 0 {
        return Ok(None);
    }
    from.read_exact(len.get_mut(1..).unwrap_or_default())?;
    let len = u32::from_le_bytes(len);
    if len > LONGEST_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too long"));
    }
    // Grows with what really comes, not with what is promised.
    let mut out = Vec::new();
    from.take(u64::from(len)).read_to_end(&mut out)?;
    if out.len() < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(out))
}

impl Child {
    /// Starts a program. It reads frames on its standard input and answers each with one on its standard output.
    ///
    /// # Errors
    /// [`ChildError::Start`].
    pub fn spawn(program: &Path, arguments: &[OsString]) -> Result<Self, ChildError> {
        let mut command = Command::new(program);
        // What a library prints may quote names of files.
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A Ctrl+C in the terminal is meant for us, who then stop the child.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(ChildError::Start)?;
        let (Some(questions), Some(mut output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(ChildError::Start(io::Error::other("the pipes are missing")));
        };
        let (send, answers): (SyncSender<Vec<u8>>, _) = sync_channel(1);
        let listen = move || {
            while let Ok(Some(frame)) = read_frame(&mut output) {
                if send.send(frame).is_err() {
                    break;
                }
            }
        };
        let listening = std::thread::Builder::new().name("worker-pipe".to_owned()).spawn(listen);
        let child = Self { process, questions, answers };
        listening.map_err(ChildError::Start)?;
        Ok(child)
    }

    /// The next answer, waited for at most this long. Without one the child is of no more use.
    ///
    /// # Errors
    /// [`ChildError::Late`] or [`ChildError::Ended`].
    pub fn answer(&mut self, wait: Duration) -> Result<Vec<u8>, ChildError> {
        match self.answers.recv_timeout(wait) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                self.stop();
                Err(ChildError::Late(wait))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// As [`Child::answer`].
    pub fn ask(&mut self, question: &[u8], wait: Duration) -> Result<Vec<u8>, ChildError> {
        if write_frame(&mut self.questions, question).is_err() {
            return Err(self.ended());
        }
        self.answer(wait)
    }

    fn ended(&mut self) -> ChildError {
        // Its output is closed, so it is about to end, unless it closed it on purpose.
        for _ in 0..200 {
            if let Ok(Some(status)) = self.process.try_wait() {
                return ChildError::Ended { how: status.to_string(), by_fault: is_fault(status) };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.stop();
        ChildError::Ended { how: "it stopped answering".to_owned(), by_fault: false }
    }

    fn stop(&mut self) {
        // It may be gone already; both are then no more than asked for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a program ended by its own fault: a crash, an abort, a failure code; not a signal that somebody sent.
fn is_fault(status: ExitStatus) -> bool {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        // HUP, INT, QUIT, KILL (also the system's when memory is short), TERM.
        return !matches!(signal, 1 | 2 | 3 | 9 | 15);
    }
    // Ended by our own handler of signals: 128 and its number.
    !matches!(status.code(), None | Some(0 | 129 | 130 | 143))
}

/// Bounds what this process, a child worker, may take: address space, and no memory image when it crashes.
pub fn limit_this_process(bytes: u64) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let bound = |value| Rlimit { current: Some(value), maximum: Some(value) };
        // A system that refuses leaves the worker as any other process; the time limit still holds.
        let _ = setrlimit(Resource::As, bound(bytes));
        let _ = setrlimit(Resource::Core, bound(0));
    }
    #[cfg(not(unix))]
    let _ = bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_forged_lengths_cost_nothing() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, b"question").unwrap();
        write_frame(&mut pipe, b"").unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read_frame(&mut from).unwrap().as_deref(), Some(b"question".as_slice()));
        assert_eq!(read_frame(&mut from).unwrap().as_deref(), Some(b"".as_slice()));
        assert!(read_frame(&mut from).unwrap().is_none());
        assert!(read_frame(&mut pipe.get(..6).unwrap()).is_err());
        assert!(read_frame(&mut u32::MAX.to_le_bytes().as_slice()).is_err());
        assert!(read_frame(&mut (200_u32 << 20).to_le_bytes().as_slice()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn an_answer_a_crash_a_hang_and_a_stop_are_told_apart() {
        let shell = |script: &str| Child::spawn(Path::new("/bin/sh"), &["-c".into(), script.into()]).unwrap();
        let long = Duration::from_secs(20);
        assert_eq!(shell("exec cat").ask(b"hello", long).unwrap(), b"hello");
        let fault = |script: &str| match shell(script).answer(long) {
            Err(ChildError::Ended { by_fault, .. }) => by_fault,
            other => panic!("{other:?}"),
        };
        assert!(fault("kill -SEGV $$") && fault("exit 7"));
        assert!(!fault("kill -TERM $$") && !fault("exit 130") && !fault("exit 0"));
        let late = shell("exec sleep 1000").answer(Duration::from_millis(50));
        assert!(matches!(late, Err(ChildError::Late(_))), "{late:?}");
        assert!(matches!(Child::spawn(Path::new("/nonexistent"), &[]), Err(ChildError::Start(_))));
    }
}
