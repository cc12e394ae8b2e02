//! The parts of the window. Each takes the weakest context that works, reads, and returns the actions it was asked for.

pub mod adjudicate;
pub mod adjust;
pub mod backups;
pub mod canvas;
pub mod checks;
pub mod conflicts;
pub mod corners;
pub mod dialogs;
pub mod findings;
pub mod history;
pub mod keeping;
pub mod layout;
pub mod navigator;
#[cfg(feature = "network")]
pub mod pacs;
pub mod palette;
pub mod planes;
pub mod release;
pub mod second;
pub mod start;
pub mod status;
pub mod strip;
pub mod terms;
pub mod title;
pub mod toast;
pub mod transport;
pub mod worklist;

use super::i18n::Words;
use super::look::Look;
use super::model::Model;

/// What panels may read.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub words: &'a Words,
    pub model: &'a Model,
    pub look: &'a Look,
}
