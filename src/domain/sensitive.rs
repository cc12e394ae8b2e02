//! Values that identify a person or a place and must never reach a log, a crash note or a window title by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value whose `Debug` prints eight hex digits of a hash instead of the value. There is no `Display`: showing it to the
/// person it belongs to is a decision made by calling [`Sensitive::reveal`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    pub const fn reveal(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<str>> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = super::Digest::of(b"shoken-sensitive-v1\0", self.0.as_ref().as_bytes());
        write!(f, "<hidden {}>", digest.to_string().get(..8).unwrap_or_default())
    }
}

impl From<&str> for Sensitive<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Sensitive<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}
