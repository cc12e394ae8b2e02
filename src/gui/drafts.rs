//! What is kept in `drafts.sqlite`: everything drawn and not yet done, so that a crash costs nothing.

use serde::{Deserialize, Serialize};

use crate::domain::{ImageId, PointPx, TermRef};

/// An unfinished outline as it is kept in `drafts.sqlite`. Unknown fields of a newer version are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDraft {
    pub version: u32,
    pub image: ImageId,
    pub frame: u32,
    pub points: Vec<PointPx>,
    /// The discrepancy that `points` is drawn for; absent in a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discrepancy: Option<String>,
    /// Finished regions that an adjudicator has not decided on yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redraws: Vec<KeptRedraw>,
}

/// A finished region of [`KeptDraft`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRedraw {
    pub discrepancy: String,
    pub image: ImageId,
    pub frame: u32,
    pub ring: Vec<PointPx>,
    pub term: Option<TermRef>,
}
