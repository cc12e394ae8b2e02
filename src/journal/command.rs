//! What a person or a job may ask for. A command holds plain values; [`super::decide()`] turns it into events or refuses.

use std::collections::BTreeMap;

use super::campaign::Assignment;
use super::finding::FindingOrigin;
use super::transaction::PublicKey;
use crate::domain::{
    AdjudicationTake, CaseId, Certainty, Digest, Field, FindingId, ImageId, Ontology, ProjectKind, ReaderId, Roi, Role,
    SubjectId, TermRef, UserText, Verdict,
};

/// A finding about to be made. Every Roi names its image and is in pixel edges of its frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingDraft {
    pub rois: Vec<(ImageId, Roi)>,
    pub terms: Vec<TermRef>,
    pub certainty: Option<Certainty>,
    pub attributes: BTreeMap<String, String>,
    pub origin: FindingOrigin,
    pub comment: Option<UserText>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FindingCommand {
    /// One or many findings in one transaction; undo takes all of them back.
    Add {
        case: CaseId,
        findings: Vec<FindingDraft>,
    },
    Delete {
        case: CaseId,
        findings: Vec<FindingId>,
    },
    Reshape {
        case: CaseId,
        finding: FindingId,
        rois: Vec<(ImageId, Roi)>,
    },
    Relabel {
        case: CaseId,
        findings: Vec<FindingId>,
        terms: Vec<TermRef>,
    },
    Grade {
        case: CaseId,
        finding: FindingId,
        certainty: Option<Certainty>,
    },
    Comment {
        case: CaseId,
        finding: FindingId,
        text: UserText,
    },
}

impl FindingCommand {
    pub const fn case(&self) -> &CaseId {
        match self {
            Self::Add { case, .. }
            | Self::Delete { case, .. }
            | Self::Reshape { case, .. }
            | Self::Relabel { case, .. }
            | Self::Grade { case, .. }
            | Self::Comment { case, .. } => case,
        }
    }

    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Add { .. } => "finding.add",
            Self::Delete { .. } => "finding.delete",
            Self::Reshape { .. } => "finding.reshape",
            Self::Relabel { .. } => "finding.relabel",
            Self::Grade { .. } => "finding.grade",
            Self::Comment { .. } => "finding.comment",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReadCommand {
    /// Opens the actor's read of a case; does nothing when it is open already.
    Open {
        case: CaseId,
    },
    Submit {
        case: CaseId,
        verdict: Verdict,
    },
    /// Reopens a submitted read; the submitted version stays in the log.
    Amend {
        case: CaseId,
        reason: UserText,
    },
    /// Takes back the newest transaction of the actor's open read that is not taken back yet.
    Undo {
        case: CaseId,
    },
    Redo {
        case: CaseId,
    },
}

impl ReadCommand {
    pub const fn case(&self) -> &CaseId {
        match self {
            Self::Open { case }
            | Self::Submit { case, .. }
            | Self::Amend { case, .. }
            | Self::Undo { case }
            | Self::Redo { case } => case,
        }
    }
}

/// A finding that an adjudicator decided on: as one of the judged reads has it, or drawn anew.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolvedFinding {
    Taken { read: Digest, finding: FindingId },
    Drawn(FindingDraft),
}

#[derive(Clone, Debug, PartialEq)]
pub enum AdjudicationCommand {
    /// Opens the adjudication of a case over the submitted reads as they stand.
    Open { case: CaseId },
    /// Decides one discrepancy. `discrepancy` is the id that matching derived from the judged heads; `members` are the
    /// findings it is about, as (read stream, finding).
    Resolve {
        case: CaseId,
        discrepancy: String,
        members: Vec<(Digest, FindingId)>,
        take: AdjudicationTake,
        result: Vec<ResolvedFinding>,
        reason: UserText,
    },
    /// Everything is decided: the consensus of the case stands. `agreed` lists the findings both readers made, with the
    /// read whose geometry stands first.
    Close { case: CaseId, agreed: Vec<Vec<(Digest, FindingId)>>, verdict: Verdict },
}

impl AdjudicationCommand {
    pub const fn case(&self) -> &CaseId {
        match self {
            Self::Open { case } | Self::Resolve { case, .. } | Self::Close { case, .. } => case,
        }
    }
}

/// An image to be catalogued. Names, paths and UIDs are not here: they go to the erasable identity tables by `image`.
#[derive(Clone, Debug, PartialEq)]
pub struct NewImage {
    pub image: ImageId,
    pub case: CaseId,
    pub subject: SubjectId,
    pub field: Field,
    pub frames: u32,
    pub width: u32,
    pub height: u32,
    pub spacing: Option<super::catalog::SpacingRecord>,
    pub fingerprint: Digest,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CatalogCommand {
    Add {
        images: Vec<NewImage>,
    },
    /// The full content hash, known once the background job has read the whole file.
    Hashed {
        images: Vec<(ImageId, Digest)>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum VocabularyCommand {
    /// Packs with the digest of their file's bytes.
    Adopt {
        packs: Vec<(Ontology, Digest)>,
    },
    SetProtocol {
        protocol: super::vocabulary::Protocol,
        guideline: Option<Digest>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum CampaignCommand {
    /// The very first transaction of a project.
    Found {
        kind: ProjectKind,
    },
    Enrol {
        reader: ReaderId,
        roles: Vec<Role>,
        key: PublicKey,
        key_made_here: bool,
        qualifications: Vec<UserText>,
    },
    RevokeKey {
        reader: ReaderId,
        key: PublicKey,
    },
    Assign {
        assignments: Vec<Assignment>,
        seed: u64,
    },
    /// Of several sealed reads that one reader made of a case in copies of the project, this one counts.
    ChooseRead {
        read: Digest,
    },
    /// A personal project joins a study: its kind is raised, everything signed so far stays as it is.
    SetKind {
        kind: ProjectKind,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum DatasetCommand {
    Release { version: String, root: Digest, manifest: Digest, frontier: super::transaction::UnderHeads },
}

/// What was done with data, for the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    Opened,
    Viewed,
    Exported,
    Verified,
    IdentityShown,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PrivacyCommand {
    Note {
        kind: AccessKind,
        case: Option<CaseId>,
        image: Option<ImageId>,
    },
    /// Leaves a tombstone; the store destroys key, values and identity rows of the subject.
    Erase {
        subject: SubjectId,
        pseudonym: UserText,
    },
}

/// Anything that may be asked of a project.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Catalog(CatalogCommand),
    Vocabulary(VocabularyCommand),
    Finding(FindingCommand),
    Read(ReadCommand),
    Adjudication(AdjudicationCommand),
    Dataset(DatasetCommand),
    Privacy(PrivacyCommand),
    Campaign(CampaignCommand),
}
