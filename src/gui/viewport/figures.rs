//! What measurements ask a view for; the window itself has no use for it.

use std::sync::PoisonError;

use super::{Viewport, compose};
use crate::domain::TileKey;

impl Viewport {
    /// Tiles that the last frame wanted sharp, and whether they were.
    pub fn visible_tiles(&self) -> Vec<(TileKey, bool)> {
        let Some(image) = self.shown.as_ref().map(|s| s.handle.id()) else { return Vec::new() };
        let feedback = self.feedback.lock().unwrap_or_else(PoisonError::into_inner);
        self.visible.iter().map(|key| (*key, feedback.on_card.contains(&compose::id(image, *key)))).collect()
    }

    /// What the last drawn frame took.
    pub fn last_prepared(&self) -> crate::render::Prepared {
        self.feedback.lock().unwrap_or_else(PoisonError::into_inner).prepared
    }

    /// What the loader did so far.
    pub fn loader_stats(&self) -> crate::project::tiles::LoaderStats {
        self.loader.stats()
    }
}
