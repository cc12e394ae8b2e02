//! Checking a set of signed transactions: bytes, chains, signatures, authority, forks.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::audit_rules;
use super::audit_run::{Keep, Run};
use crate::domain::{Digest, StreamId, SubjectId};
use crate::journal::{Open, State, Stream};

/// What is wrong, in the words that `verify` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// Bytes are not the ones that were signed or chained.
    Altered,
    /// Something that a witness saw, or that a later transaction needs, is not there.
    Truncated,
    BadSignature,
    /// The key is not enrolled for what it wrote.
    UnknownKey,
    /// One stream and number, two transactions.
    Fork,
    Format,
}

impl ProblemKind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Truncated => "truncated",
            Self::BadSignature => "bad-signature",
            Self::UnknownKey => "unknown-key",
            Self::Fork => "fork",
            Self::Format => "format",
        }
    }
}

/// One problem and where it is. `place` names a stream and number, or a file of a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub kind: ProblemKind,
    pub place: String,
    pub detail: String,
}

/// A transaction as found: signed text, signature, and the hash it was filed under where there was one.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub text: String,
    pub signature: Vec<u8>,
    pub filed_under: Option<Digest>,
    /// Stream and number that it was filed under, where they stand beside it.
    pub filed_at: Option<(Digest, i64)>,
}

/// A stream as it folds, without the fold.
#[derive(Clone, Debug)]
pub struct Line {
    pub open: Open,
    /// Number, hash, and wall time of the newest transaction.
    pub seq: u64,
    pub hash: Digest,
    pub last_time: String,
}

/// What the audit of a set of transactions found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    pub problems: Vec<Problem>,
    /// Oddities that prove nothing wrong: clocks that ran backwards, events of newer versions.
    pub notes: Vec<String>,
    pub transactions: u64,
    pub streams: u64,
    /// The state that the well-formed, rightly signed transactions amount to. Of an audit of a filed log it lacks the reads
    /// and adjudications, which are folded one by one and let go.
    pub state: State,
    /// All streams that fold.
    pub lines: BTreeMap<StreamId, Line>,
    /// Every erasable value that an event names, by digest.
    pub(super) values: Vec<NamedValue>,
    /// The streams that values are named in, by the numbers in `values`.
    pub(super) ids: Vec<StreamId>,
    /// Subjects, by the numbers in `values`.
    pub(super) subjects: Vec<SubjectId>,
}

/// A value as 40 bytes, for there may be millions.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedValue {
    pub digest: Digest,
    pub stream: u32,
    /// The subject with whom it is to be erased; [`NOBODY`] when it is nobody's.
    pub owner: u32,
}

pub(super) const NOBODY: u32 = u32::MAX;

/// An erasable value that events name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueOwner<'a> {
    pub digest: &'a Digest,
    /// The stream that names it.
    pub stream: &'a StreamId,
    /// The subject with whom it is to be erased.
    pub subject: Option<&'a SubjectId>,
}

impl Audit {
    /// The erasable values that events name, by digest.
    pub fn values(&self) -> impl Iterator<Item = ValueOwner<'_>> {
        self.values.iter().filter_map(|named| {
            Some(ValueOwner {
                digest: &named.digest,
                stream: self.ids.get(named.stream as usize)?,
                subject: self.subjects.get(named.owner as usize),
            })
        })
    }

    /// Whether an event names this value.
    pub fn names_value(&self, digest: &Digest) -> bool {
        self.values.binary_search_by_key(digest, |v| v.digest).is_ok()
    }
}

pub(super) fn place(stream: &StreamId, seq: u64) -> String {
    format!("stream {} transaction {seq}", stream.to_string().get(..12).unwrap_or_default())
}

/// Audits a set of transactions, in any order. Needs nothing but the lines: keys come from the register among them. The whole
/// set is in memory, and so is all that it amounts to.
pub fn audit(found: impl IntoIterator<Item = Found>) -> Audit {
    let mut run = Run::new(Keep::Everything);
    let mut streams: BTreeMap<StreamId, Vec<_>> = BTreeMap::new();
    for item in found {
        if let Some(signed) = run.read(item) {
            streams.entry(signed.stream()).or_default().push(signed);
        }
    }
    let ids: Vec<StreamId> = streams.keys().copied().collect();
    run.check_all(&ids, |id| streams.get(id).cloned().unwrap_or_default());
    let folded = run.assemble(&|_| {}, |id| Ok::<_, Infallible>(streams.get(id).cloned().unwrap_or_default()));
    match folded {
        Ok(state) => audit_rules::finish(run, state),
        Err(never) => match never {},
    }
}

/// Audits a log that is filed by stream, a few streams at a time on all cores: memory holds those, the state of the
/// project-wide streams, and some hundred bytes of every transaction; never the log. `folded` is told of every stream as it
/// folds, from several threads. `None` when something is filed under another stream than its own; then only [`audit`] of the
/// whole helps.
///
/// # Errors
/// Whatever `load` fails with; it is called on this thread alone, and again for streams that others go on from.
pub fn audit_filed<E>(
    ids: &[StreamId],
    load: impl Fn(&StreamId) -> Result<Vec<Found>, E>,
    folded: &(dyn Fn(&Stream) + Sync),
) -> Result<Option<Audit>, E> {
    let mut run = Run::new(Keep::Office);
    if !run.check_filed(ids, &load, folded)? {
        return Ok(None);
    }
    let again = |id: &StreamId| {
        let mut nobody = Run::new(Keep::Office);
        Ok(load(id)?.into_iter().filter_map(|found| nobody.read(found)).collect())
    };
    let state = run.assemble(folded, again)?;
    Ok(Some(audit_rules::finish(run, state)))
}

/// The fold of one stream of a filed log by itself, as [`audit_filed`] tells of it, for a closer look. `None` when it has
/// none.
///
/// # Errors
/// Whatever `load` fails with.
pub fn fold_filed<E>(id: &StreamId, load: impl Fn(&StreamId) -> Result<Vec<Found>, E>) -> Result<Option<Stream>, E> {
    let found = std::sync::Mutex::new(None);
    audit_filed(&[*id], load, &|stream| {
        if stream.id == *id {
            *found.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(stream.clone());
        }
    })?;
    Ok(found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Numbers given to things in the order in which they are first seen.
pub(super) struct Numbers<T> {
    pub list: Vec<T>,
    of: BTreeMap<T, u32>,
}

impl<T: Ord + Clone> Numbers<T> {
    pub const fn new() -> Self {
        Self { list: Vec::new(), of: BTreeMap::new() }
    }

    pub fn number(&mut self, of: &T) -> u32 {
        if let Some(number) = self.of.get(of) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(NOBODY);
        self.of.insert(of.clone(), number);
        self.list.push(of.clone());
        number
    }
}

/// Hashes of transactions that are in no fold, because their signature or spelling is not right.
pub(super) type Refused = BTreeSet<Digest>;
