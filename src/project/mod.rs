//! The one door: everything a front end may ask of a project.
//!
//! [`Project`] opens a folder, executes [`Command`]s as an enrolled reader, undoes, and gives plain-value views that hold
//! only what their reader may see. What front ends need from lower layers is re-exported here by name.

mod acting;
mod adjudicate;
mod admit;
mod annotate;
mod backup;
mod catalogue;
mod check;
mod diagnostics;
mod execute;
mod history;
mod images;
mod keeping;
mod leaving;
mod open;
#[cfg(feature = "network")]
pub mod pacs;
pub mod pixels;
mod reading;
mod release;
mod restore;
mod settings;
mod shapes;
mod sources;
pub mod tiles;
pub mod volumes;
mod transfer;
mod views;
mod vocabulary;

pub use crate::tasks::stop::{asked as asked_to_stop, cancelled_by_asking, on_ask as on_asked_to_stop};
pub use adjudicate::{Discrepancy, DiscrepancyKind, Member};
pub use annotate::{Annotated, drafts_from};
pub use backup::{BackupRequest, GenerationView, KEEP_DEFAULT, PlaceReport};
pub use catalogue::{CaseBy, Catalogued, FoundImages, HashJob, HashOutcome};
pub use check::VerifyReport;
pub use diagnostics::{Diagnostics, DiagnosticsError, start as start_diagnostics};
pub use execute::{Clock, Done};
pub use history::HistoryLine;
pub use images::{ImageState, Relocated, roi_on};
pub use keeping::free_place;
pub use leaving::end_cleanly_when_asked;
pub use open::{NewProject, Opened};
pub use reading::{Conflict, RivalRead};
pub use release::{ReleasePlan, ReleaseRequest, Released};
pub use restore::{Compared, Drill, RestoreRequest, Restored, drill, drill_watched, restore, restore_watched};
pub use settings::{Language, Settings, SettingsError, SettingsFile, SettingsNotice, Theme};
pub use transfer::{ApplyReport, ExportOptions};
pub use views::{
    AdjudicationView, CaseView, FindingView, IMAGE_FACT, ImageFact, ImageView, ReadScope, ReadView, ReaderView,
    ResolutionView, RoiView, WorkImage, WorkItem, WorkState,
};
pub use vocabulary::{TermPack, VocabularyError, embedded_packs, find_pack, load_pack, parse_pack};

pub use crate::exchange::{ReleaseFormat, ReleaseReport, verify_release};
pub use crate::imaging::{ImageMeta, ImageSource, ImagingError, ScanResult, scan};
pub use crate::journal::{
    ACT_LABELS, AccessKind, AdjudicationCommand, Assignment, CampaignCommand, CatalogCommand, Cause, Command,
    DatasetCommand, EVENT_KINDS, FindingCommand, FindingDraft, FindingOrigin, PrivacyCommand, Protocol, PublicKey,
    ReadCommand, ReadPhase, Rejection, ResolvedFinding, VocabularyCommand,
};
pub use crate::keys::{KeyError, Problem, ProblemKind};
pub use crate::store::{Draft, RebuildReport, StoreError, WhyReadOnly};
pub use crate::tasks::places::Concern;
pub use crate::tasks::platform::shoken_home as home_dir;
pub use crate::tasks::{Cancel, Progress};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::{Digest, ImageId, Ontology, ReaderId};
use crate::journal::State;
use crate::keys::{Keyring, SigningKey};
use crate::store::Store;

/// What went wrong at the door. A rule's no is kept apart from a breakage.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("{0}")]
    Rejected(#[from] Rejection),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Key(#[from] KeyError),
    #[error("{0}")]
    Imaging(#[from] ImagingError),
    #[error("{0}")]
    Vocabulary(#[from] VocabularyError),
    #[error("there is no case {0} in this project; `shoken worklist` lists them")]
    NoSuchCase(String),
    #[error("no key of an enrolled reader is on this machine; say who you are with --as, or enrol a key made here")]
    NobodyHere,
    #[error("{} holds nothing that Shoken can read as an image", .0.display())]
    NothingToImport(PathBuf),
    #[error("{file}: {reason}. {hint}")]
    Input { file: String, reason: String, hint: String },
    #[error("{file}: {reason}. Nothing was changed.")]
    Refused { file: String, reason: String },
    #[error("{0}")]
    Release(String),
    #[error(
        "the image '{name}' is not where it was ({path}). Connect the disk '{disk}' or point Shoken to the folder it was moved to."
    )]
    ImageMissing { name: String, path: String, disk: String },
    #[cfg(feature = "network")]
    #[error("{0}")]
    Pacs(#[from] pacs::PacsError),
    #[error("cancelled; nothing was changed")]
    Cancelled,
    #[error("stopped when asked to; what was done so far is kept, run the command again to go on")]
    Stopped,
}

impl From<crate::store::AppendError> for ProjectError {
    fn from(e: crate::store::AppendError) -> Self {
        match e {
            crate::store::AppendError::Rejected(r) => Self::Rejected(r),
            crate::store::AppendError::Store(s) => Self::Store(s),
        }
    }
}

impl ProjectError {
    /// 1 when a rule said no, 2 when something failed: the command line's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Rejected(_) | Self::NoSuchCase(_) | Self::NobodyHere | Self::Refused { .. } => 1,
            #[cfg(feature = "network")]
            Self::Pacs(
                pacs::PacsError::NotAllowed { .. }
                | pacs::PacsError::NotTrusted { .. }
                | pacs::PacsError::TooMuch { .. }
                | pacs::PacsError::NotAUid(_),
            ) => 1,
            _ => 2,
        }
    }
}

/// The person at the machine: an enrolled reader and the private key.
#[derive(Clone)]
pub(crate) struct Actor {
    pub reader: ReaderId,
    pub key: Arc<SigningKey>,
}

/// An open project.
pub struct Project {
    store: Store,
    state: State,
    keyring: Keyring,
    actor: Option<Actor>,
    clock: Clock,
    packs: Vec<Ontology>,
    sources: BTreeMap<ImageId, Arc<dyn ImageSource>>,
    shapes: shapes::Shapes,
    revision: u64,
    /// Something was appended since the last witness.
    unwitnessed: bool,
}

impl Project {
    pub fn folder(&self) -> &Path {
        self.store.folder()
    }

    /// The project's id: the hash of its register's first transaction.
    pub const fn id(&self) -> Option<Digest> {
        self.state.project
    }

    pub fn kind(&self) -> crate::domain::ProjectKind {
        self.state.kind()
    }

    /// Grows with every change; caches compare it.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Why the project can only be looked at; `None` when it can be written.
    pub const fn read_only(&self) -> Option<&WhyReadOnly> {
        self.store.read_only()
    }

    /// Term packs in force, as read from the project.
    pub fn packs(&self) -> &[Ontology] {
        &self.packs
    }

    /// Rules of reading in force.
    pub fn protocol(&self) -> Protocol {
        self.state.protocol().rules()
    }
}

impl Drop for Project {
    /// The witness made at exit. What a killed process appended since its last one is witnessed by the next.
    fn drop(&mut self) {
        if self.unwitnessed {
            if let Err(e) = self.leave_witness() {
                tracing::warn!("no witness could be left: {e}");
            }
            self.unmark();
        }
        self.store.keep_folds(&self.state);
    }
}
