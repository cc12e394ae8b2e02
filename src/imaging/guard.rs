//! The wall around foreign decoders: a codec's panic becomes an error of the one image.

use crate::tasks::foreign;

/// Runs code that decodes foreign bytes. A panic inside it is caught and described.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    foreign(work).map_err(|message| format!("the decoder stopped with an internal fault: {message}"))
}
