//! In and out: releases (COCO, GeoJSON, PROV, manifest, signature), their verification, and GeoJSON coming in.
//!
//! # A release folder, format version 1
//!
//! ```text
//! annotations/coco.json            every outline, one image entry a frame
//! annotations/geojson/*.geojson    the same for QuPath, one file an image or frame
//! provenance/prov.json             PROV-JSON
//! journal/transactions.jsonl       signed transactions, verbatim
//! journal/openings.jsonl           salt and value of every geometry digest a label names
//! dataset.json                     cases, reads covered, readers, packs, software, frontier, excluded cases
//! manifest.json                    path, size and SHA-256 of the files above, and their root
//! signature.json                   Ed25519 of "shoken-release-v1\0" ‖ root ‖ SHA-256(manifest.json)
//! ```
//!
//! The root is the RFC 6962 tree hash over the leaves `path ‖ 0x00 ‖ SHA-256 in hex`, sorted by path. The same input
//! gives the same bytes: lists are sorted, nothing reads a clock.

// Foreign bytes are read here: an index that a header chose must not be able to stop the program.
#![warn(clippy::indexing_slicing)]

mod coco;
mod consensus;
mod gather;
mod geojson_read;
mod geojson_write;
mod merkle;
#[cfg(feature = "network")]
pub mod pacs;
mod plan;
mod prov;
mod release;
mod release_input;
mod rle;
mod verify;
mod verify_labels;

pub use coco::{CocoShape, Segmentation, coco_shape};
pub use consensus::{Consensus, consensus};
pub use gather::{LogEntry, ReleaseSource, SaltAndValue, SignedLog, gather};
pub use geojson_read::{GeoJsonError, ImportedFeature, read_geojson};
pub use geojson_write::geojson_geometry;
pub use merkle::merkle_root;
pub use release::{FileEntry, Manifest, ReleaseFormat, ReleaseReceipt, signature_message, write_release};
pub use release_input::{
    Category, CoveredAdjudication, CoveredRead, ExcludedCase, JournalLine, Label, LabelDecision, LabelRoi, LabelSource,
    Opening, ReleaseInput, ReleasedCase, ReleasedImage, ReleasedPack, ReleasedReader, Software,
};
pub use verify::{ReleaseReport, verify_release};

use std::path::PathBuf;

use crate::domain::{Digest, FindingId};

/// Why a release was not written. Whatever happens, no folder is left that looks whole.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("{}: the release cannot be written: {source}. Nothing was left behind; free some space or choose another folder.", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: there is something already. A release is never overwritten; choose another folder.", .0.display())]
    Exists(PathBuf),
    #[error("{}: left behind by a release that was interrupted. It is not whole; remove it and try again.", .0.display())]
    Interrupted(PathBuf),
    #[error("a file of the release could not be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("a value of the release could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("finding {0} lies on an image or frame that the release does not list")]
    UnknownImage(FindingId),
    #[error("the outline of finding {0} is not here (erased, or not fetched yet); exclude its case or fetch it")]
    NotOpened(FindingId),
    #[error("the opened value for {0} does not fit its digest; fetch the values again")]
    OpeningMismatch(Digest),
    #[error("term {0} is used by a label but is not among the release's categories")]
    UnknownTerm(String),
    #[error("finding {0} has no term")]
    NoTerm(FindingId),
    #[error("the journal cannot be read: {0}")]
    Log(String),
    #[error("a transaction of the journal is damaged; `shoken verify` names it")]
    Damaged,
    #[error("the release could not be signed: {0}")]
    Sign(String),
}
