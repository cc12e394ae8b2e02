//! The colours of the monitor: the profile that the settings name, else the one that the desktop hangs on X11's root
//! window (`_ICC_PROFILE`, as colord and every X11 colour manager set it). Without either the monitor is taken for sRGB.

use std::path::Path;
use std::sync::Arc;

/// Larger files are no profile of a monitor.
const MOST_BYTES: u64 = 16 << 20;

/// The profile's bytes, unchecked. `chosen` is a file that the settings name.
pub fn profile(chosen: Option<&Path>) -> Option<Arc<[u8]>> {
    match chosen {
        Some(path) => {
            let small = std::fs::metadata(path).is_ok_and(|m| m.len() <= MOST_BYTES);
            let read = if small { std::fs::read(path).ok() } else { None };
            if read.is_none() {
                tracing::warn!("the monitor's colour profile in the settings cannot be read");
            }
            read.map(Arc::from)
        }
        None => of_desktop().map(Arc::from),
    }
}

#[cfg(target_os = "linux")]
fn of_desktop() -> Option<Vec<u8>> {
    use x11rb::connection::Connection as _;
    use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _};
    // Wayland's compositor corrects colours itself, and its X11 bridge has no profile.
    if std::env::var_os("DISPLAY").is_none() || std::env::var_os("WAYLAND_DISPLAY").is_some() {
        return None;
    }
    let (connection, screen) = x11rb::connect(None).ok()?;
    let root = connection.setup().roots.get(screen)?.root;
    let atom = connection.intern_atom(true, b"_ICC_PROFILE").ok()?.reply().ok()?.atom;
    if atom == u32::from(AtomEnum::NONE) {
        return None;
    }
    let longs = u32::try_from(MOST_BYTES / 4).ok()?;
    let reply = connection.get_property(false, root, atom, AtomEnum::CARDINAL, 0, longs).ok()?.reply().ok()?;
    Some(reply.value).filter(|v| v.len() > 128)
}

#[cfg(not(target_os = "linux"))]
fn of_desktop() -> Option<Vec<u8>> {
    None
}
