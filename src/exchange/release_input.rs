//! What a release is made from: plain values that the project door fills in. Nothing here reads a clock or a disk.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{
    AdjudicationTake, CaseId, Certainty, Code, Digest, Field, FindingId, ImageId, Origin, PackRef, ReaderId, Role,
    SizePx, Spacing, StreamId, TermRef, Verdict,
};
use crate::journal::{PublicKey, UnderHeads};

/// Everything that goes into one release. Order inside the lists does not matter: the writer sorts.
#[derive(Clone, Debug)]
pub struct ReleaseInput {
    /// Name of the dataset, for people.
    pub name: String,
    /// MAJOR.MINOR.PATCH.
    pub version: String,
    /// Project id: the hash of its register's first transaction.
    pub project: Digest,
    /// Heads of every stream that the release covers.
    pub frontier: UnderHeads,
    pub cases: Vec<ReleasedCase>,
    pub excluded: Vec<ExcludedCase>,
    pub images: Vec<ReleasedImage>,
    pub categories: Vec<Category>,
    pub packs: Vec<ReleasedPack>,
    /// SHA-256 of the guideline in force, where there is one.
    pub guideline: Option<Digest>,
    pub readers: Vec<ReleasedReader>,
    pub labels: Vec<Label>,
    /// The transactions that it covers; their text is read from a [`super::SignedLog`] when it is written.
    pub journal: Vec<JournalLine>,
    /// Salt and value of every digest that a label names.
    pub openings: Vec<Opening>,
    /// Programs that made the release or its labels, `shoken 0.1.0` among them.
    pub software: Vec<Software>,
}

/// A transaction by its place: in the order of release, and in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalLine {
    pub lamport: u64,
    pub stream: StreamId,
    pub seq: u64,
    pub hash: Digest,
    /// The log's own number for it.
    pub row: i64,
}

/// A case whose consensus stands.
#[derive(Clone, Debug, Serialize)]
pub struct ReleasedCase {
    pub case: CaseId,
    pub verdict: Verdict,
    pub images: Vec<ImageId>,
    /// Reads that the consensus was made from.
    pub reads: Vec<CoveredRead>,
    /// Absent when one reader's read stands alone (personal projects).
    pub adjudication: Option<CoveredAdjudication>,
}

/// A read as it was sealed.
#[derive(Clone, Debug, Serialize)]
pub struct CoveredRead {
    pub stream: StreamId,
    pub reader: ReaderId,
    /// Number and hash of the submitting transaction.
    pub seq: u64,
    pub hash: Digest,
    /// UTC, as the submitting transaction states it.
    pub submitted: String,
    pub verdict: Verdict,
    pub software: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct CoveredAdjudication {
    pub stream: StreamId,
    pub adjudicator: ReaderId,
    pub closed: String,
    pub hash: Digest,
    pub software: String,
}

/// A case that is not in the release, and why (a code such as `not-submitted`, `not-adjudicated`, `erased`).
#[derive(Clone, Debug, Serialize)]
pub struct ExcludedCase {
    pub case: CaseId,
    pub reason: String,
}

/// An image by its content. `file_name` is a pseudonymous name, never the name on the disk it came from.
#[derive(Clone, Debug, Serialize)]
pub struct ReleasedImage {
    pub id: ImageId,
    pub case: CaseId,
    pub file_name: String,
    pub sha256: Digest,
    pub size_px: SizePx,
    pub frames: u32,
    pub field: Field,
    pub spacing: Option<Spacing>,
}

/// A term that labels may use.
#[derive(Clone, Debug, Serialize)]
pub struct Category {
    pub term: TermRef,
    pub label: BTreeMap<String, String>,
    pub codes: Vec<Code>,
    /// `#RRGGBB`.
    pub color: String,
}

/// A term pack and the SHA-256 of its file.
#[derive(Clone, Debug, Serialize)]
pub struct ReleasedPack {
    pub pack: PackRef,
    pub sha256: Digest,
}

/// A reader under the name the project knows; real names stay in the vault.
#[derive(Clone, Debug, Serialize)]
pub struct ReleasedReader {
    pub id: ReaderId,
    pub roles: Vec<Role>,
    pub keys: Vec<PublicKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Software {
    pub name: String,
    pub version: String,
}

/// One consensus finding.
#[derive(Clone, Debug)]
pub struct Label {
    pub id: FindingId,
    pub case: CaseId,
    /// First term names the category.
    pub terms: Vec<TermRef>,
    pub certainty: Option<Certainty>,
    pub attributes: BTreeMap<String, String>,
    /// Outlines, each by the digest of its geometry; shape and frame come from the opened value alone.
    pub rois: Vec<LabelRoi>,
    /// The findings that this label rests on, the one whose geometry stands first. Empty when the adjudicator drew it.
    pub sources: Vec<LabelSource>,
    pub decision: LabelDecision,
}

#[derive(Clone, Debug)]
pub struct LabelRoi {
    pub image: ImageId,
    pub geometry: Digest,
}

/// A finding of one sealed read.
#[derive(Clone, Debug, Serialize)]
pub struct LabelSource {
    pub read: StreamId,
    pub finding: FindingId,
    pub reader: ReaderId,
    pub origin: Origin,
    pub tool: String,
    /// Whether the reader looked at this very finding; false for members of a bulk act.
    pub seen: bool,
    pub model: Option<String>,
    /// UTC of the last change, and the transaction that made it.
    pub time: String,
    pub transaction: Digest,
}

/// How it became a label.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum LabelDecision {
    /// One read stands alone.
    SingleRead { read: StreamId },
    /// Both readers made it.
    Agreed { adjudication: StreamId, adjudicator: ReaderId, time: String, transaction: Digest },
    /// The adjudicator decided a discrepancy. The reason is a salted digest.
    Adjudicated {
        adjudication: StreamId,
        adjudicator: ReaderId,
        discrepancy: String,
        take: AdjudicationTake,
        time: String,
        transaction: Digest,
        reason: Digest,
    },
}

/// What makes a digest of an event checkable: SHA-256("shoken-value-v1\0" ‖ salt ‖ value).
#[derive(Clone, Debug)]
pub struct Opening {
    pub digest: Digest,
    pub salt: [u8; 32],
    pub value: Vec<u8>,
}
