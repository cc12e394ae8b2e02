//! What may happen and what has happened: `Command -> decide -> Transaction -> apply -> State`. Pure: no I/O, no clock,
//! no randomness but what the caller hands in through [`Env`].
//!
//! # The signed format, version 1
//!
//! A **transaction** is one gesture. Its body is canonical JSON (RFC 8785), ASCII only and without fractions, so that one
//! transaction has exactly one spelling:
//!
//! ```json
//! {"actor":"R1","cause":{"kind":"gesture"},"events":[{"data":{},"kind":"finding.created","v":1}],"label":"finding.draw",
//!  "lamport":7,"open":null,"prev":"<64 hex>","seq":3,"software":"shoken 0.1.0","stream":"<64 hex>",
//!  "time":"2026-11-20T08:00:00.000Z","v":1}
//! ```
//!
//! * `hash = SHA-256("shoken-tx-v1\0" ‖ body)`, `signature = Ed25519(key, "shoken-sig-v1\0" ‖ hash)`.
//! * A **stream** is one key's append-only chain about one thing. It is named by the hash of its first transaction, whose
//!   `open` fixes project, kind, subject, key, reader, audience and the heads it was opened under; there `stream` and
//!   `prev` are null. The project's id is the hash of its register's first transaction.
//! * **Erasable values** (geometry, every text a person types) are not in the body: an event carries
//!   `SHA-256("shoken-value-v1\0" ‖ salt ‖ value)` with a random 32-byte salt, so that nobody can guess what was erased.
//! * An event of an unknown kind or version is kept, verified and counted, and changes nothing.
//! * An act on very many findings is several transactions: the first as any other, the others with the cause
//!   `{"kind":"part","of":"<hash of the first>"}`. They are appended in one step and undone in one step.
//! * State is the set of per-stream folds. A stream that `continues` another (a folder opened from a copy or a backup)
//!   folds on top of the named head. Merging projects is set union of transactions.

mod adjudication;
mod authority;
mod campaign;
mod catalog;
mod chain;
mod command;
mod compose;
mod dataset;
mod decide;
mod event;
mod finding;
mod fold;
mod kept;
mod packed;
mod parts;
mod piecewise;
mod privacy;
mod read;
mod state;
mod stored;
mod transaction;
mod undo;
mod vocabulary;

pub use adjudication::{AdjudicationEvent, AdjudicationFold, ResolutionRecord, ResultRef};
pub use authority::role_for;
pub use campaign::{Assignment, AssignmentsFold, ReaderRecord, RegisterFold};
pub use catalog::{CaseRecord, CatalogueFold, ImageRecord, SpacingRecord};
pub use command::{
    AccessKind, AdjudicationCommand, CampaignCommand, CatalogCommand, Command, DatasetCommand, FindingCommand,
    FindingDraft, NewImage, PrivacyCommand, ReadCommand, ResolvedFinding, VocabularyCommand,
};
pub use compose::ComposeError;
pub use dataset::{ReleaseFold, ReleaseRecord};
pub use decide::{Decision, Env, NewValue, Rejection, StreamTarget, decide};
pub use event::{ACT_LABELS, EVENT_KINDS, Event, FindingEvent, ReadEvent, Recorded};
pub use finding::{Finding, FindingBody, FindingOrigin, RoiRef};
pub use fold::Fold;
pub use kept::{FoldSource, KeptRead, Place, ReadSummary};
pub use packed::PackError;
pub use piecewise::Folded;
pub use privacy::AccessFold;
pub use read::{Gesture, ReadFold, ReadPhase, Submission};
pub use state::{Change, OutOfTurn, ReadRef, State, Stream, may_go_on};
pub use transaction::{
    Audience, Body, Cause, FormatError, Head, Open, PublicKey, Signed, StreamKind, StreamSubject, UnderHeads,
    signing_message, transaction_hash, value_digest,
};
pub use vocabulary::{AdoptedPack, Protocol, ProtocolFold};
