//! Running a peer's script beside our measurement, in the same minute on the same machine.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Runs `script` of the peers' folder with Python (`PEERS_PY`, else `python3`) and passes its `peer=…` lines on.
pub fn run(folder: Option<&Path>, script: &str, arguments: &[&OsStr]) {
    let Some(folder) = folder else {
        return say(&format!("peer={script} not run (no --peers)"));
    };
    let python = std::env::var_os("PEERS_PY").unwrap_or_else(|| "python3".into());
    match Command::new(python).arg(folder.join(script)).args(arguments).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let mut lines = text.lines().filter(|l| l.starts_with("peer=")).peekable();
            if lines.peek().is_none() {
                say(&format!("peer={script} not run (it printed no line, {})", output.status));
            }
            lines.for_each(say);
        }
        Err(e) => say(&format!("peer={script} not run ({e})")),
    }
}

/// Whoever closes the pipe has seen enough.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
