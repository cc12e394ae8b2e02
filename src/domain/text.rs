//! Text that a person types: normalised once, at entry, so that one word has one spelling in every hash.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// NFC, without control characters except line breaks, trimmed.
pub fn normalize_text(raw: &str) -> String {
    let text: String = raw.nfc().filter(|c| !c.is_control() || *c == '\n').collect();
    text.trim().to_owned()
}

/// Normalised free text. It may hold a name, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserText(String);

impl UserText {
    pub fn new(raw: &str) -> Self {
        Self(normalize_text(raw))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for UserText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserText({} characters, hidden)", self.0.chars().count())
    }
}
