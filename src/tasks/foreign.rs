//! Panics of code that reads foreign bytes: expected now and then, an error of one image, no crash of the program.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::panic_message;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread runs foreign bytes' code, so that a panic there is already spoken for and needs no crash note.
pub fn in_foreign_code() -> bool {
    DEPTH.get() > 0
}

/// Runs code that decodes foreign bytes.
///
/// # Errors
/// The message of a panic inside it.
pub fn foreign<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(|panic| panic_message(&*panic))
}
