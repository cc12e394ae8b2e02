//! Files that made a reader crash are set aside: they are known by their fingerprint, whatever their name, and are not given to
//! that version of that reader again.

use std::path::{Path, PathBuf};

use super::{fault::Fault, identity::quick_fingerprint};
use crate::tasks::platform::shoken_home;

/// One line a file in the folder `quarantine` of Shoken's own folder; its name is the fingerprint and the reader, so that
/// nothing in it names a patient.
fn place(path: &Path, reader: &str) -> Option<PathBuf> {
    let fingerprint = quick_fingerprint(path).ok()?;
    let reader: String = reader.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    Some(shoken_home().join("quarantine").join(format!("{fingerprint}-{reader}")))
}

/// Refuses a file that was set aside.
///
/// # Errors
/// `Unsupported`, saying what happened.
pub fn check(path: &Path, reader: &str) -> Result<(), Fault> {
    let Some(how) = place(path, reader).and_then(|place| std::fs::read_to_string(place).ok()) else { return Ok(()) };
    Err(Fault::Unsupported {
        reason: format!("{reader} stopped on it before ({}), so it was set aside", how.trim()),
        hint: "A newer version of that library tries it again; or delete the folder quarantine in Shoken's own folder.",
    })
}

/// Sets a file aside. That it cannot be written down costs a second crash, and nothing else.
pub fn add(path: &Path, reader: &str, how: &str) {
    let Some(place) = place(path, reader) else { return };
    let written = place.parent().map(std::fs::create_dir_all).transpose().and_then(|_| std::fs::write(&place, how));
    if let Err(error) = written {
        tracing::warn!("a file that stopped its reader could not be set aside: {error}");
    }
}
