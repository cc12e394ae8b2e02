//! From a command to events, or to the reason why not. Pure: the same state, command and environment give the same answer.

use super::command::Command;
use super::event::Event;
use super::parts::parts;
use super::state::{State, Stream};
use super::transaction::{Audience, Cause, Head, PublicKey, StreamKind, StreamSubject, UnderHeads, value_digest};
use super::{adjudication, campaign, catalog, dataset, finding, privacy, read, vocabulary};
use crate::domain::{CaseId, Digest, GeometryError, ImageId, ReaderId, Role, StreamId, SubjectId, Verdict};

/// What a decision may ask of the world.
pub struct Env<'a> {
    pub actor: &'a ReaderId,
    pub key: PublicKey,
    /// Whether this folder on this machine may go on writing a stream (it is not a copy or a restored backup).
    pub continuable: &'a dyn Fn(&StreamId) -> bool,
    /// Fills a buffer with random bytes; a seeded source makes tests repeatable.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

/// A rule said no. Not an error: nothing broke, nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("there is nothing to do")]
    NothingToDo,
    #[error("there is nothing to undo")]
    NothingToUndo,
    #[error("no reader {0} is enrolled in this project; add one with `shoken reader add`")]
    UnknownReader(String),
    #[error("this machine's key for {0} is not enrolled or was revoked; ask the coordinator to enrol it")]
    KeyNotEnrolled(String),
    #[error("{reader} does not have the role {}; the coordinator can give it", role.word())]
    RoleMissing { reader: String, role: Role },
    #[error("this key already belongs to another reader")]
    KeyTaken,
    #[error("there is no case {0}")]
    UnknownCase(String),
    #[error("image {0} is not part of this case")]
    UnknownImage(ImageId),
    #[error("there is no frame {frame}: the image has {frames}, counted from 0")]
    UnknownFrame { frame: u32, frames: u32 },
    #[error("there is no finding {0} in this read")]
    UnknownFinding(String),
    #[error("'{0}' is not a term of the packs in force")]
    UnknownTerm(String),
    #[error("term {0} may not be drawn with this kind of shape")]
    GeometryNotAllowed(String),
    #[error("the shape is not valid: {0}")]
    Geometry(#[from] GeometryError),
    #[error("case {0} is not assigned to this reader")]
    NotAssigned(String),
    #[error("this reader has no open read of case {0}")]
    NoOpenRead(String),
    #[error("the read is submitted and sealed; amend it with a reason to change it")]
    ReadSealed,
    #[error("the read is not submitted yet")]
    NotSubmitted,
    #[error("a reason is needed")]
    ReasonNeeded,
    #[error("the verdict '{}' does not fit {findings} findings", verdict.word())]
    VerdictContradicts { verdict: Verdict, findings: usize },
    #[error("{0} findings have no term yet")]
    FindingsWithoutTerm(usize),
    #[error("the content hash of {0} images is not known yet; wait until they have been read once")]
    PixelsNotHashed(usize),
    #[error("the pixels of image {0} are not the ones that were catalogued")]
    PixelsChanged(ImageId),
    #[error("the subject of this case was erased")]
    Erased,
    #[error("adjudication needs {need} submitted reads; there are {have}")]
    ReadsMissing { have: usize, need: usize },
    #[error(
        "{reader} sealed this case {count} times in copies of the project; the coordinator decides which read counts, with `shoken conflicts PROJECT`"
    )]
    RivalReads { reader: String, count: usize },
    #[error("an adjudicator may not judge a case that the same person read")]
    ReaderMayNotAdjudicate,
    #[error("no adjudication of case {0} is open on this machine for this adjudicator")]
    NoAdjudication(String),
    #[error("the adjudication of this case is closed")]
    AdjudicationClosed,
    #[error("{0} findings are not decided yet")]
    DiscrepanciesOpen(usize),
    #[error("'{0}' is not a version: three numbers joined by dots, for example 1.0.0")]
    BadVersion(String),
    #[error("release {0} exists with other content; releases are superseded by a new version, never replaced")]
    ReleaseExists(String),
    #[error("term pack {0} in this version was adopted with other content")]
    PackChanged(String),
    #[error("a protocol needs at least one read a case and thresholds from 0 to 1000 with boundary <= match")]
    BadProtocol,
    #[error("the {0} may hold plain ASCII only")]
    NotPlain(&'static str),
    #[error("a project can become a study or a campaign, never less strict")]
    KindOnlyGrows,
    #[error("the value is too large to keep")]
    ValueTooLarge,
    #[error("this was begun in another copy of the project, which goes on with it; do it again to go on here")]
    BegunElsewhere,
}

impl Rejection {
    /// Key of the translated sentence (`rejection-…` in the locales).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NothingToDo => "rejection-nothing-to-do",
            Self::NothingToUndo => "rejection-nothing-to-undo",
            Self::UnknownReader(_) => "rejection-unknown-reader",
            Self::KeyNotEnrolled(_) => "rejection-key-not-enrolled",
            Self::RoleMissing { .. } => "rejection-role-missing",
            Self::KeyTaken => "rejection-key-taken",
            Self::UnknownCase(_) => "rejection-unknown-case",
            Self::UnknownImage(_) => "rejection-unknown-image",
            Self::UnknownFrame { .. } => "rejection-unknown-frame",
            Self::UnknownFinding(_) => "rejection-unknown-finding",
            Self::UnknownTerm(_) => "rejection-unknown-term",
            Self::GeometryNotAllowed(_) => "rejection-geometry-not-allowed",
            Self::Geometry(_) => "rejection-geometry",
            Self::NotAssigned(_) => "rejection-not-assigned",
            Self::NoOpenRead(_) => "rejection-no-open-read",
            Self::ReadSealed => "rejection-read-sealed",
            Self::NotSubmitted => "rejection-not-submitted",
            Self::ReasonNeeded => "rejection-reason-needed",
            Self::VerdictContradicts { .. } => "rejection-verdict-contradicts",
            Self::FindingsWithoutTerm(_) => "rejection-findings-without-term",
            Self::PixelsNotHashed(_) => "rejection-pixels-not-hashed",
            Self::PixelsChanged(_) => "rejection-pixels-changed",
            Self::Erased => "rejection-erased",
            Self::ReadsMissing { .. } => "rejection-reads-missing",
            Self::RivalReads { .. } => "rejection-rival-reads",
            Self::ReaderMayNotAdjudicate => "rejection-reader-may-not-adjudicate",
            Self::NoAdjudication(_) => "rejection-no-adjudication",
            Self::AdjudicationClosed => "rejection-adjudication-closed",
            Self::DiscrepanciesOpen(_) => "rejection-discrepancies-open",
            Self::BadVersion(_) => "rejection-bad-version",
            Self::ReleaseExists(_) => "rejection-release-exists",
            Self::PackChanged(_) => "rejection-pack-changed",
            Self::BadProtocol => "rejection-bad-protocol",
            Self::NotPlain(_) => "rejection-not-plain",
            Self::KindOnlyGrows => "rejection-kind-only-grows",
            Self::ValueTooLarge => "rejection-value-too-large",
            Self::BegunElsewhere => "rejection-begun-elsewhere",
        }
    }
}

/// Where a transaction goes.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamTarget {
    Existing(StreamId),
    Open { kind: StreamKind, subject: StreamSubject, audience: Audience, under: UnderHeads, continues: Option<Head> },
}

/// An erasable value that belongs to a transaction. The store encrypts it under its subject's key.
#[derive(Clone, PartialEq, Eq)]
pub struct NewValue {
    pub digest: Digest,
    pub subject: SubjectId,
    pub salt: [u8; 32],
    pub value: Vec<u8>,
}

impl std::fmt::Debug for NewValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewValue({:?}, {} bytes hidden)", self.digest, self.value.len())
    }
}

/// Events and where they go; what an area's `decide` returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    pub target: StreamTarget,
    pub label: &'static str,
    pub events: Vec<Event>,
    pub values: Vec<NewValue>,
    /// Set by undo and redo; otherwise the caller's cause stands.
    pub cause: Option<Cause>,
}

/// The outside name of a decision.
pub type Decision = Decided;

impl Decided {
    /// This decision cut into what one transaction takes: the first as it is decided, the others to be stated with
    /// [`Cause::Part`] of it. Values come with the first, since all are written in one step.
    pub fn into_parts(mut self) -> Vec<Self> {
        let ranges = parts(&self.events);
        let mut later: Vec<Vec<Event>> = Vec::with_capacity(ranges.len());
        for range in ranges.iter().skip(1).rev() {
            later.push(self.events.split_off(range.start));
        }
        let label = self.label;
        let mut out = vec![self];
        out.extend(later.into_iter().rev().map(|events| {
            // Set by the writer, who knows the name of the first.
            let target = StreamTarget::Existing(Digest::from_bytes([0; 32]));
            Self { target, label, events, values: Vec::new(), cause: None }
        }));
        out
    }
}

/// A geometry of a million vertices has 16 MB; more is a mistake.
const MAX_VALUE_BYTES: usize = 64 << 20;

impl Decided {
    pub(super) const fn on(stream: StreamId, label: &'static str) -> Self {
        Self { target: StreamTarget::Existing(stream), label, events: Vec::new(), values: Vec::new(), cause: None }
    }

    pub(super) const fn opening(target: StreamTarget) -> Self {
        Self { target, label: "", events: Vec::new(), values: Vec::new(), cause: None }
    }

    /// The actor's own stream of a project-wide kind: the one this folder may continue, else a new one that names the
    /// actor's older ones.
    pub(super) fn own(state: &State, env: &Env<'_>, kind: StreamKind, label: &'static str) -> Self {
        let own = |s: &&Stream| s.open.kind == kind && s.open.key == env.key && s.open.reader == *env.actor;
        let mine: Vec<&Stream> = state.streams.values().filter(own).collect();
        if let Some(stream) = mine.iter().filter(|s| (env.continuable)(&s.id)).max_by_key(|s| (s.lamport, s.id)) {
            return Self::on(stream.id, label);
        }
        let mut under = if kind == StreamKind::Register { UnderHeads::new() } else { state.governing_heads() };
        under.extend(mine.iter().map(|s| (s.id.to_string(), (s.seq, s.hash))));
        let audience = match kind {
            StreamKind::Register | StreamKind::Protocol | StreamKind::Catalogue => Audience::Everyone,
            _ => Audience::Office,
        };
        let mut out = Self::opening(StreamTarget::Open {
            kind,
            subject: StreamSubject::default(),
            audience,
            under,
            continues: None,
        });
        out.label = label;
        out
    }

    /// Queues an erasable value and returns the digest that the event carries.
    pub(super) fn value(
        &mut self,
        env: &mut Env<'_>,
        subject: &SubjectId,
        value: Vec<u8>,
    ) -> Result<Digest, Rejection> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(Rejection::ValueTooLarge);
        }
        let mut salt = [0u8; 32];
        (env.random)(&mut salt);
        let digest = value_digest(&salt, &value);
        self.values.push(NewValue { digest, subject: subject.clone(), salt, value });
        Ok(digest)
    }
}

/// What a command would do to this state.
///
/// # Errors
/// A [`Rejection`] when a rule says no.
pub fn decide(state: &State, command: &Command, env: &mut Env<'_>) -> Result<Decision, Rejection> {
    let decision = decide_area(state, command, env)?;
    let erased = case_of(command).and_then(|c| state.case(c)).is_some_and(|c| state.is_erased(&c.subject));
    if erased {
        return Err(Rejection::Erased);
    }
    // Two copies that go on with one stream would fork it.
    match &decision.target {
        StreamTarget::Existing(id) if !(env.continuable)(id) => Err(Rejection::BegunElsewhere),
        _ => Ok(decision),
    }
}

/// The case whose reads or adjudication a command writes.
const fn case_of(command: &Command) -> Option<&CaseId> {
    match command {
        Command::Finding(c) => Some(c.case()),
        Command::Read(c) => Some(c.case()),
        Command::Adjudication(c) => Some(c.case()),
        _ => None,
    }
}

fn decide_area(state: &State, command: &Command, env: &mut Env<'_>) -> Result<Decision, Rejection> {
    match command {
        Command::Catalog(c) => catalog::decide(state, env, c),
        Command::Vocabulary(c) => vocabulary::decide(state, env, c),
        Command::Finding(c) => {
            state.require(env, Role::Reader)?;
            finding::decide(state, env, c)
        }
        Command::Read(c) => {
            state.require(env, Role::Reader)?;
            read::decide(state, env, c)
        }
        Command::Adjudication(c) => adjudication::decide(state, env, c),
        Command::Dataset(c) => dataset::decide(state, env, c),
        Command::Privacy(c) => privacy::decide(state, env, c),
        Command::Campaign(c) => campaign::decide(state, env, c),
    }
}
