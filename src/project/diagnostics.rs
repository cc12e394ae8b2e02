//! Logs and crash notes that may be sent to a stranger: they hold what the program did, never on whom.
//!
//! Only messages of Shoken itself are written, since other crates may log header text. What is logged in Shoken carries
//! no path, name, UID or text; values of such kinds are `domain::Sensitive`, whose `Debug` hides them. A crash note
//! holds the place in the source and the stack of functions, not the panic's message, which may quote a file.

use std::fmt::Write as _;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};

use chrono::Utc;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// Days of logs kept.
const KEPT_LOGS: usize = 14;
/// Crash notes kept; the oldest go first.
const KEPT_NOTES: usize = 20;
const NOTE_PREFIX: &str = "crash-";

#[derive(Debug, thiserror::Error)]
pub enum DiagnosticsError {
    #[error("{}: the log cannot be written: {source}. Work goes on without a log.", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("the log cannot be started: {0}. Work goes on without a log.")]
    Start(String),
}

/// Keeps the log's writer alive: what is still waiting is written when this is dropped.
#[derive(Debug)]
pub struct Diagnostics {
    _writer: WorkerGuard,
}

/// Starts the log under `home/logs` (one file a day, UTC) and installs the panic hook. `SHOKEN_LOG` sets the level
/// (`error`, `warn`, `info`, `debug`, `trace`); `info` is the default.
///
/// # Errors
/// When the folder cannot be written or a log was started before. The panic hook is installed in any case.
pub fn start(home: &Path) -> Result<Diagnostics, DiagnosticsError> {
    install_panic_hook(home.join("crashes"));
    let folder = home.join("logs");
    std::fs::create_dir_all(&folder).map_err(|source| DiagnosticsError::Folder { folder: folder.clone(), source })?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("shoken")
        .filename_suffix("log")
        .max_log_files(KEPT_LOGS)
        .build(&folder)
        .map_err(|e| DiagnosticsError::Start(e.to_string()))?;
    let (writer, guard) = NonBlockingBuilder::default().thread_name("shoken-log").finish(files);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter(std::env::var("SHOKEN_LOG").ok().as_deref()))
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|e| DiagnosticsError::Start(e.to_string()))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), os = std::env::consts::OS, "started");
    Ok(Diagnostics { _writer: guard })
}

/// Whatever is asked for, only targets of this crate pass.
fn filter(level: Option<&str>) -> EnvFilter {
    let known = ["error", "warn", "info", "debug", "trace"];
    let level = level.filter(|l| known.contains(l)).unwrap_or("info");
    EnvFilter::new(format!("off,shoken={level}"))
}

fn install_panic_hook(folder: PathBuf) {
    std::panic::set_hook(Box::new(move |info| {
        let place = place_of(info);
        if crate::tasks::in_foreign_code() {
            tracing::warn!(place, "a decoder stopped at a file that it could not read");
            return;
        }
        match write_note(&folder, &place) {
            Ok(note) => eprintln!(
                "shoken: internal error at {place}. A note without any patient data was written to {}.",
                note.display()
            ),
            Err(e) => eprintln!("shoken: internal error at {place}. No note could be written ({}).", e.kind()),
        }
        tracing::error!(place, "internal error");
    }));
}

/// File, line and column in the source, cut to what does not name the machine it was built on.
fn place_of(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(
        || "an unknown place".to_owned(),
        |l| format!("{}:{}:{}", source_name(l.file()), l.line(), l.column()),
    )
}

/// `src/…` of this crate stays; of a dependency only its folder and what is below remains.
fn source_name(file: &str) -> &str {
    for marker in ["/registry/src/", "\\registry\\src\\"] {
        if let Some((_, below)) = file.split_once(marker) {
            return below.split_once(['/', '\\']).map_or(below, |(_, inner)| inner);
        }
    }
    match file.find("/library/") {
        Some(at) => file.get(at + 1..).unwrap_or(file),
        None => file,
    }
}

fn write_note(folder: &Path, place: &str) -> std::io::Result<PathBuf> {
    let now = Utc::now();
    let mut text = String::new();
    let _ =
        writeln!(text, "shoken {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let _ = writeln!(text, "time {}", now.format("%Y-%m-%dT%H:%M:%SZ"));
    let _ = writeln!(text, "thread {}", std::thread::current().name().unwrap_or("unnamed"));
    let _ = writeln!(text, "place {place}");
    let _ = writeln!(text, "functions, innermost first:");
    for function in functions(&std::backtrace::Backtrace::force_capture().to_string()) {
        let _ = writeln!(text, "  {function}");
    }
    std::fs::create_dir_all(folder)?;
    let note = folder.join(format!("{NOTE_PREFIX}{}-{}.txt", now.format("%Y%m%dT%H%M%S%3f"), std::process::id()));
    std::fs::write(&note, text)?;
    drop_oldest(folder);
    Ok(note)
}

/// The function names of a printed stack; the lines that start with `at` name folders of the machine it was built on.
fn functions(stack: &str) -> impl Iterator<Item = &str> {
    stack.lines().filter_map(|line| {
        let (number, name) = line.trim().split_once(": ")?;
        number.parse::<u32>().is_ok().then_some(name)
    })
}

fn drop_oldest(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let names = entries.flatten().map(|e| e.path());
    let is_note = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(NOTE_PREFIX));
    let mut notes: Vec<PathBuf> = names.filter(is_note).collect();
    notes.sort();
    let surplus = notes.len().saturating_sub(KEPT_NOTES);
    for note in notes.iter().take(surplus) {
        // A note that stays is only untidy.
        let _ = std::fs::remove_file(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_machines_are_not_named() {
        for (file, expected) in [
            ("src/imaging/tiff.rs", "src/imaging/tiff.rs"),
            ("/home/taro/.cargo/registry/src/index.crates.io-1949/tiff-0.11/src/x.rs", "tiff-0.11/src/x.rs"),
            ("/rustc/59807616/library/core/src/option.rs", "library/core/src/option.rs"),
        ] {
            assert_eq!(source_name(file), expected);
        }
        let stack = "   0: shoken::f\n             at /home/taro/src/f.rs:3:5\n   1: main\n";
        assert_eq!(functions(stack).collect::<Vec<_>>(), ["shoken::f", "main"]);
    }

    #[test]
    fn only_our_own_messages_pass_the_filter() {
        assert_eq!(filter(None).to_string(), filter(Some("dicom=trace")).to_string());
        assert!(filter(Some("debug")).to_string().contains("shoken=debug"));
    }
}
