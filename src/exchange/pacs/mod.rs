//! From and to picture archives: search and fetch over DICOMweb (PS3.18), receive by C-STORE (PS3.4 annex B, PS3.8).
//!
//! Nothing here connects anywhere but to a [`Server`] that the user wrote into the settings, and nothing listens but where the
//! user said. What arrives is streamed to disk as it comes (memory does not grow with an image's size), lies under a partial
//! name until it is whole and durable, and is named by the SHA-256 of its bytes: no name or UID is in a file's name. The data
//! sets are written verbatim, so that an image has the same hash however it came.
//!
//! HTTP is hyper's over rustls with ring. The crate `dicom-web` reads every part into memory, parses it and leaves writing it
//! again to the caller, who then holds other bytes than the archive does; it also brings sixty crates and a second
//! cryptographic library in C.

mod dimse;
mod fetch;
mod http;
mod landing;
mod multipart;
mod negotiate;
mod part10;
mod query;
mod receive;
mod serve;
mod server;

use std::io;
use std::path::PathBuf;

pub use fetch::{FetchLimits, FetchRequest, Fetched, fetch};
pub use query::{Filter, Page, SeriesRow, StudyRow, find_series, find_studies};
pub use receive::{ReceiveOptions, Received, Receiver};
pub use server::{Auth, Secret, Server};

/// Why nothing, or not everything, came. No message holds a UID, a name or an address beyond what the user called the server.
#[derive(Debug, thiserror::Error)]
pub enum PacsError {
    #[error("PACS '{server}': {reason}. Change it in the settings file.")]
    Settings { server: String, reason: String },
    #[error(
        "PACS '{server}' cannot be reached: {reason}. Check that this computer is on the network and that the address in the settings is right."
    )]
    Unreachable { server: String, reason: String },
    #[error(
        "PACS '{server}' could not prove who it is: {reason}. Nothing was sent. Ask whoever runs it; if it has a certificate of its own authority, name that file as ca_file in the settings."
    )]
    NotTrusted { server: String, reason: String },
    #[error("PACS '{server}' did not answer for {seconds} s. Try again later, or raise timeout_s in the settings.")]
    TimedOut { server: String, seconds: u64 },
    #[error(
        "PACS '{server}' refused ({status}): check the user and the password or token, and that you may see these studies."
    )]
    NotAllowed { server: String, status: u16 },
    #[error("PACS '{server}' answered {status}{}. Check the address in the settings (it usually ends in /dicom-web).", hint(*status))]
    Status { server: String, status: u16 },
    #[error(
        "PACS '{server}' sent something that is not DICOMweb: {reason}. What came whole is kept; ask whoever runs it."
    )]
    Protocol { server: String, reason: String },
    #[error(
        "PACS '{server}': {arrived} of {wanted} images are here, the connection ended before the rest came ({reason}). Run it again to go on."
    )]
    Incomplete { server: String, arrived: usize, wanted: usize, reason: String },
    #[error("PACS '{server}' has no such study, or no image in it")]
    Nothing { server: String },
    #[error("'{0}' is no DICOM UID: digits and dots, at most 64 characters")]
    NotAUid(String),
    #[error("{what}: {limit} is the limit. What came before is kept; raise the limit or fetch less.")]
    TooMuch { what: &'static str, limit: u64 },
    #[error("{}: cannot be written: {source}. Free some space or choose another folder; what came whole is kept.", path.display())]
    Disk { path: PathBuf, source: io::Error },
    #[error("nothing can be received at {address}: {reason}. Choose another address or port.")]
    Listen { address: String, reason: String },
    #[error("cancelled; what came whole is kept, run it again to go on")]
    Cancelled,
}

const fn hint(status: u16) -> &'static str {
    match status {
        301..=308 => " (it wants to send us elsewhere, which is not followed)",
        404 => " (not found)",
        500.. => " (it failed)",
        _ => "",
    }
}

/// A UID as PS3.5 section 9 has it, so that it can stand in a path.
fn is_uid(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
