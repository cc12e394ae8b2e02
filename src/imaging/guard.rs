//! The wall around foreign decoders: a codec's panic becomes an error of the one image.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code that decodes foreign bytes. A panic inside it is caught and described.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        format!("the decoder stopped with an internal fault: {}", crate::tasks::panic_message(&*panic))
    })
}
