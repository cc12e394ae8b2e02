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
pub mod light;
pub mod navigator;
#[cfg(feature = "network")]
pub mod pacs;
pub mod palette;
pub mod planes;
pub mod profile;
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

use super::actions::ActionDef;
use super::i18n::Words;
use super::look::Look;
use super::model::Model;

impl Shown<'_> {
    /// The keys of an action as they are pressed in the profile in force, on the image in view.
    pub fn keys(&self, def: &ActionDef) -> Vec<String> {
        let radiology = self.look.field(self.model) == Some(crate::domain::Field::Radiology);
        def.shortcuts.iter().map(|s| self.look.profile.pressed(*s, radiology).text()).collect()
    }

    /// The first of them, or nothing.
    pub fn first_key(&self, def: &ActionDef) -> String {
        self.keys(def).into_iter().next().unwrap_or_default()
    }
}

/// What panels may read.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub words: &'a Words,
    pub model: &'a Model,
    pub look: &'a Look,
}
