//! The state of a project: the set of its streams' folds, and the indexes that reading them needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::authority::{grants, trusted_register};
use super::campaign::Assignment;
use super::chain::{Chain, chain_of, fold_chain};
use super::decide::{Env, Rejection};
use super::fold::Fold;
use super::kept::{FoldSource, ReadSummary};
use super::transaction::{Cause, Head, Open, Signed, StreamKind, UnderHeads};
use super::vocabulary::ProtocolFold;
use super::{AdjudicationFold, CaseRecord, CatalogueFold, ImageRecord, ReadFold, RegisterFold, ReleaseRecord};
use crate::domain::{
    CaseId, Digest, FindingId, GeometryKind, ImageId, ProjectKind, ReaderId, Role, StreamId, SubjectId, TermRef,
};

/// One stream as folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    pub id: StreamId,
    pub open: Open,
    pub seq: u64,
    pub hash: Digest,
    /// Lamport number of the first transaction.
    pub lamport: u64,
    /// Lamport number of the newest one.
    pub last_lamport: u64,
    /// The act that the newest one belongs to: the transaction that began it.
    pub act: Digest,
    /// Wall time of the newest one; evidence, decides nothing.
    pub last_time: String,
    pub fold: Fold,
    /// Events of unknown kinds: kept, without effect.
    pub unknown_events: u32,
    /// Two transactions share a number somewhere in this stream.
    pub forked: bool,
    /// Numbers of the transactions that say what this program would have refused, and why; kept, without effect.
    pub out_of_turn: Vec<(u64, OutOfTurn)>,
}

/// Why something rightly signed has no effect: only another program than this one can have written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfTurn {
    /// The read was sealed and not amended.
    Sealed,
    /// The adjudication was closed.
    Closed,
    /// The event belongs into a stream of another kind, which takes another role.
    WrongStream,
    /// A finding carries another name than its stream and number give it.
    ForeignName,
    /// It calls itself a part of an act that it does not follow, and counts as an act of its own.
    StrayPart,
}

impl Stream {
    pub const fn head(&self) -> Head {
        Head { stream: self.id, seq: self.seq, hash: self.hash }
    }
}

/// A read by its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRef {
    pub stream: StreamId,
    pub case: CaseId,
    pub reader: ReaderId,
    pub round: u32,
}

/// What a transaction touched, for caches, panels and projections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Stream { kind: StreamKind },
    Read { stream: StreamId },
    Finding { stream: StreamId, finding: FindingId },
}

/// A transaction that does not extend the head this state has; fold the whole set again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transaction does not extend the known head of its stream")]
pub struct NotNext;

/// Everything that a set of transactions amounts to. Equal sets give equal states, in whatever order they came.
#[derive(Clone, Default)]
pub struct State {
    /// Hash of the register's first transaction.
    pub project: Option<Digest>,
    pub streams: BTreeMap<StreamId, Stream>,
    /// Greatest Lamport number seen.
    pub lamport: u64,
    /// Streams about one case: reads and adjudications. An index, not a fact.
    by_case: BTreeMap<CaseId, BTreeSet<StreamId>>,
    /// Streams that others go on from, and those others.
    continued: BTreeMap<StreamId, BTreeSet<StreamId>>,
    /// Reads that the coordinator set aside because another of the same reader counts.
    aside: BTreeSet<StreamId>,
    register: RegisterFold,
    protocol: ProtocolFold,
    catalogue: CatalogueFold,
    /// Where folds that are not in memory are read from.
    pub(super) source: Option<Arc<dyn FoldSource>>,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        // The rest is derived from these.
        self.streams == other.streams && self.lamport == other.lamport && self.project == other.project
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("project", &self.project)
            .field("lamport", &self.lamport)
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Folds a set of transactions. Chains with a gap are folded up to the gap; of a fork, the branch with more
    /// transactions is followed (the smaller hash on a tie) and the stream is marked.
    pub fn from_transactions(all: impl IntoIterator<Item = Signed>) -> Self {
        let mut by_stream: BTreeMap<StreamId, Vec<Signed>> = BTreeMap::new();
        for signed in all {
            by_stream.entry(signed.stream()).or_default().push(signed);
        }
        let chains: BTreeMap<StreamId, Chain> = by_stream.into_iter().map(|(id, txs)| (id, chain_of(txs))).collect();
        let mut state = Self::default();
        for (id, chain) in &chains {
            let line: Vec<&Signed> = chain.line.iter().collect();
            let Some(stream) = fold_chain(*id, &line, &chains, 0) else { continue };
            state.lamport = line.iter().map(|s| s.body().lamport).max().unwrap_or(0).max(state.lamport);
            state.insert(Stream { forked: chain.forked, ..stream });
        }
        state.settle();
        state
    }

    pub(super) fn reading_from(source: &Arc<dyn FoldSource>) -> Self {
        Self { source: Some(Arc::clone(source)), ..Self::default() }
    }

    /// Once all streams are there: which project this is, and what they say together.
    pub(super) fn settle(&mut self) {
        let state = self;
        // Only the founding register names no project; with several candidates the earliest opened wins, by hash on a tie.
        let founders =
            state.streams.values().filter(|s| s.open.project.is_none() && s.open.kind == StreamKind::Register);
        state.project = founders.min_by_key(|s| (s.lamport, s.id)).map(|s| s.id);
        state.refresh(None);
    }

    /// Applies one transaction that extends a known head or opens a stream.
    ///
    /// # Errors
    /// [`NotNext`] when it does not; the state is unchanged then.
    pub fn apply(&mut self, signed: &Signed) -> Result<Vec<Change>, NotNext> {
        let (changes, kind) = self.take(signed)?;
        self.refresh(Some(kind));
        Ok(changes)
    }

    /// Applies what others appended, in that order. False when something among it did not extend what is here; then the
    /// whole set has to be folded anew.
    pub fn apply_all(&mut self, all: &[Signed]) -> (Vec<Change>, bool) {
        let (mut changes, mut whole, mut kinds) = (Vec::new(), true, BTreeSet::new());
        for signed in all {
            match self.take(signed) {
                Ok((made, kind)) => {
                    changes.extend(made);
                    kinds.insert(kind);
                }
                Err(NotNext) => whole = false,
            }
        }
        // Once, and the register first, since it says whose streams count.
        if kinds.contains(&StreamKind::Register) {
            self.refresh(None);
        } else {
            kinds.into_iter().for_each(|kind| self.refresh(Some(kind)));
        }
        (changes, whole)
    }

    fn take(&mut self, signed: &Signed) -> Result<(Vec<Change>, StreamKind), NotNext> {
        let body = signed.body();
        let (changes, kind) = match &body.open {
            Some(open) => {
                if self.streams.contains_key(signed.hash()) || self.is_founded_on(open, signed.hash(), 0) {
                    return Err(NotNext);
                }
                let base = match &open.continues {
                    None => Fold::new(open.kind),
                    Some(head) => match self.streams.get(&head.stream) {
                        Some(s) if s.head() == *head && !may_go_on(open, &s.open) => Fold::new(open.kind),
                        Some(s) if s.head() == *head && s.fold.is_there() => s.fold.clone(),
                        _ => return Err(NotNext),
                    },
                };
                let mut stream = opened(signed, open, base);
                let changes = stream.take(signed);
                if self.project.is_none() && open.project.is_none() && open.kind == StreamKind::Register {
                    self.project = Some(stream.id);
                }
                self.insert(stream);
                (changes, open.kind)
            }
            None => {
                let known = self.streams.get(&signed.stream()).ok_or(NotNext)?;
                if self.is_founded_on(&known.open, &known.id, body.seq) {
                    return Err(NotNext);
                }
                let stream = self.streams.get_mut(&signed.stream()).ok_or(NotNext)?;
                if body.prev != Some(stream.hash) || body.seq != stream.seq + 1 || !stream.fold.is_there() {
                    return Err(NotNext);
                }
                (stream.take(signed), stream.open.kind)
            }
        };
        self.lamport = self.lamport.max(body.lamport);
        Ok((changes, kind))
    }

    /// Whether a stream that is here already goes on from this transaction or a later one of its stream: its fold has to be
    /// made anew on top of it.
    fn is_founded_on(&self, open: &Open, id: &StreamId, seq: u64) -> bool {
        let others = self.continued.get(id).into_iter().flatten().filter_map(|other| self.streams.get(other));
        let mut later = others.filter(|o| may_go_on(&o.open, open));
        later.any(|o| o.open.continues.is_some_and(|head| head.seq >= seq))
    }

    pub(super) fn insert(&mut self, stream: Stream) {
        if let Some(case) = &stream.open.subject.case {
            self.by_case.entry(case.clone()).or_default().insert(stream.id);
        }
        if let Some(head) = &stream.open.continues {
            self.continued.entry(head.stream).or_default().insert(stream.id);
        }
        self.streams.insert(stream.id, stream);
    }

    /// Authorised streams of a kind about a case, in order of stream id.
    fn about(&self, case: &CaseId, kind: StreamKind) -> impl Iterator<Item = &Stream> {
        let ids = self.by_case.get(case).into_iter().flatten();
        ids.filter_map(|id| self.streams.get(id)).filter(move |s| s.open.kind == kind && self.is_authorised(s))
    }

    /// Recomputes the merged views that a stream of this kind feeds (all of them for `None`).
    fn refresh(&mut self, kind: Option<StreamKind>) {
        let all = kind.is_none() || kind == Some(StreamKind::Register);
        if all {
            self.register = trusted_register(self);
        }
        if all || kind == Some(StreamKind::Protocol) {
            let mut folds: Vec<ProtocolFold> =
                self.authorised(StreamKind::Protocol).filter_map(|s| as_protocol(&s.fold)).collect();
            folds.sort_by_key(|f| f.rank);
            self.protocol = folds.into_iter().fold(ProtocolFold::default(), ProtocolFold::merged);
        }
        if all || kind == Some(StreamKind::Assignments) {
            self.aside = self.set_aside();
        }
        if all || kind == Some(StreamKind::Catalogue) {
            let mut merged = CatalogueFold::default();
            for stream in self.authorised(StreamKind::Catalogue) {
                if let Fold::Catalogue(fold) = &stream.fold {
                    merged.merge(fold);
                }
            }
            self.catalogue = merged;
        }
    }

    /// Streams of a kind whose key the register allows, in order of stream id.
    pub fn authorised(&self, kind: StreamKind) -> impl Iterator<Item = &Stream> {
        self.streams.values().filter(move |s| s.open.kind == kind && self.is_authorised(s))
    }

    /// Whether the register gives the stream's key the right to it.
    pub fn is_authorised(&self, stream: &Stream) -> bool {
        let of_this_project = stream.open.project == self.project || Some(stream.id) == self.project;
        of_this_project && grants(&self.register, &stream.open.reader, &stream.open.key, stream.open.kind)
    }

    pub const fn register(&self) -> &RegisterFold {
        &self.register
    }

    /// Packs and rules in force, merged over all protocol streams.
    pub const fn protocol(&self) -> &ProtocolFold {
        &self.protocol
    }

    pub fn kind(&self) -> ProjectKind {
        self.register.kind.unwrap_or(ProjectKind::Personal)
    }

    pub fn case(&self, id: &CaseId) -> Option<&CaseRecord> {
        self.catalogue.cases.get(id)
    }

    /// Cases in the order they were catalogued.
    pub fn cases(&self) -> impl Iterator<Item = &CaseRecord> {
        let mut cases: Vec<_> = self.catalogue.cases.values().collect();
        cases.sort_by(|a, b| (a.lamport, a.ordinal, &a.id).cmp(&(b.lamport, b.ordinal, &b.id)));
        cases.into_iter()
    }

    pub fn image(&self, id: &ImageId) -> Option<&ImageRecord> {
        self.catalogue.images.get(id)
    }

    pub fn images(&self) -> impl Iterator<Item = &ImageRecord> {
        self.catalogue.images.values()
    }

    pub fn erased(&self) -> impl Iterator<Item = &SubjectId> {
        self.catalogue.erased.iter()
    }

    pub fn is_erased(&self, subject: &SubjectId) -> bool {
        self.catalogue.erased.contains(subject)
    }

    pub fn assignments(&self) -> BTreeSet<Assignment> {
        self.authorised(StreamKind::Assignments)
            .filter_map(|s| match &s.fold {
                Fold::Assignments(f) => Some(f.given.iter().cloned()),
                _ => None,
            })
            .flatten()
            .collect()
    }

    pub fn releases(&self) -> Vec<ReleaseRecord> {
        let folds = self.authorised(StreamKind::Release).filter_map(|s| match &s.fold {
            Fold::Release(f) => Some(f.releases.clone()),
            _ => None,
        });
        folds.flatten().collect()
    }

    /// What a term may be drawn as; empty for a term that no pack in force has.
    pub fn permitted(&self, term: &TermRef) -> BTreeSet<GeometryKind> {
        let pack = self.protocol.packs.iter().find(|p| p.pack == term.pack && p.version == term.version);
        pack.and_then(|p| p.terms.get(&term.id)).cloned().unwrap_or_default()
    }

    /// Reads that were set aside. Two coordinators who chose differently have set none aside.
    fn set_aside(&self) -> BTreeSet<StreamId> {
        let folds = self.authorised(StreamKind::Assignments).filter_map(|s| match &s.fold {
            Fold::Assignments(f) => Some(&f.set_aside),
            _ => None,
        });
        let all: BTreeMap<_, _> = folds.flatten().map(|(lost, won)| (*lost, *won)).collect();
        all.iter().filter(|(_, won)| !all.contains_key(*won)).map(|(lost, _)| *lost).collect()
    }

    /// Sealed reads that one reader made of a case in copies of the project, and between which nobody has chosen yet.
    pub fn rival_reads(&self, case: &CaseId) -> BTreeMap<ReaderId, Vec<ReadRef>> {
        self.sealed_several_times(self.reads_of(case))
    }

    /// The same, with those between which somebody has chosen: a choice can be made anew.
    pub fn all_rival_reads(&self, case: &CaseId) -> BTreeMap<ReaderId, Vec<ReadRef>> {
        self.sealed_several_times(self.all_reads_of(case))
    }

    /// Whether another read of the same reader was chosen over this one.
    pub fn is_set_aside(&self, read: &StreamId) -> bool {
        self.aside.contains(read)
    }

    fn sealed_several_times(&self, reads: Vec<ReadRef>) -> BTreeMap<ReaderId, Vec<ReadRef>> {
        let mut by_reader: BTreeMap<ReaderId, Vec<ReadRef>> = BTreeMap::new();
        for read in reads {
            if self.read_summary(&read.stream).is_some_and(|f| f.sealed().is_some()) {
                by_reader.entry(read.reader.clone()).or_default().push(read);
            }
        }
        by_reader.retain(|_, reads| reads.len() > 1);
        by_reader
    }

    /// All authorised reads of a case that no later stream continues and nobody set aside, in order of reader and stream.
    pub fn reads_of(&self, case: &CaseId) -> Vec<ReadRef> {
        let mut reads = self.all_reads_of(case);
        reads.retain(|r| !self.is_set_aside(&r.stream));
        reads
    }

    fn all_reads_of(&self, case: &CaseId) -> Vec<ReadRef> {
        let mut reads: Vec<ReadRef> = self
            .about(case, StreamKind::Read)
            .filter(|s| !self.is_continued(s))
            .filter_map(|s| {
                let subject = &s.open.subject;
                Some(ReadRef {
                    stream: s.id,
                    case: case.clone(),
                    reader: subject.reader.clone()?,
                    round: subject.round?,
                })
            })
            .filter(|r| self.streams.get(&r.stream).is_some_and(|s| s.open.reader == r.reader))
            .collect();
        reads.sort_by(|a, b| (&a.reader, a.stream).cmp(&(&b.reader, b.stream)));
        reads
    }

    fn is_continued(&self, stream: &Stream) -> bool {
        self.continued.contains_key(&stream.id)
            && self
                .authorised(stream.open.kind)
                .any(|s| s.open.continues == Some(stream.head()) && may_go_on(&s.open, &stream.open))
    }

    /// The read that a reader works on: the latest one nobody has continued.
    pub fn current_read(&self, reader: &ReaderId, case: &CaseId) -> Option<ReadRef> {
        let own = self.reads_of(case).into_iter().filter(|r| r.reader == *reader);
        own.max_by_key(|r| (self.streams.get(&r.stream).map_or(0, |s| s.lamport), r.stream))
    }

    pub fn read_fold(&self, stream: &StreamId) -> Option<&ReadFold> {
        match self.streams.get(stream).map(|s| &s.fold) {
            Some(Fold::Read(kept)) => kept.get(),
            _ => None,
        }
    }

    /// What lists and rules need of a read, without reading its findings.
    pub fn read_summary(&self, stream: &StreamId) -> Option<ReadSummary> {
        match self.streams.get(stream).map(|s| &s.fold) {
            Some(Fold::Read(kept)) => Some(kept.summary()),
            _ => None,
        }
    }

    /// The adjudication that stands for a case: the latest opened.
    pub fn current_adjudication(&self, case: &CaseId) -> Option<(StreamId, &AdjudicationFold)> {
        let latest = self.about(case, StreamKind::Adjudication).max_by_key(|s| (s.lamport, s.id))?;
        match &latest.fold {
            Fold::Adjudication(fold) => Some((latest.id, fold)),
            _ => None,
        }
    }

    /// Number that the next transaction of a stream would have.
    pub fn next_seq(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).map_or(0, |s| s.seq + 1)
    }

    /// The Lamport number of the next transaction of a stream (of a new one for `None`): greater than all that was seen. A
    /// number that somebody drove up to the end of the scale is not followed there, or nobody could write any more.
    pub fn next_lamport(&self, stream: Option<&StreamId>) -> u64 {
        const CEILING: u64 = 1 << 52;
        let own = stream.and_then(|id| self.streams.get(id)).map_or(0, |s| s.last_lamport);
        own.max(self.lamport.min(CEILING)) + 1
    }

    /// Heads of register and protocol streams, which a read or an adjudication is opened under.
    pub fn governing_heads(&self) -> UnderHeads {
        let kinds = [StreamKind::Register, StreamKind::Protocol];
        let streams = kinds.into_iter().flat_map(|k| self.authorised(k));
        streams.map(|s| (s.id.to_string(), (s.seq, s.hash))).collect()
    }

    pub(super) fn require_enrolled(&self, env: &Env<'_>) -> Result<(), Rejection> {
        let record =
            self.register.readers.get(env.actor).ok_or_else(|| Rejection::UnknownReader(env.actor.to_string()))?;
        if record.keys.contains_key(&env.key) && !record.revoked.contains(&env.key) {
            Ok(())
        } else {
            Err(Rejection::KeyNotEnrolled(env.actor.to_string()))
        }
    }

    /// The actor is enrolled with this key, not revoked, and has the role.
    pub(super) fn require(&self, env: &Env<'_>, role: Role) -> Result<(), Rejection> {
        self.require_enrolled(env)?;
        let has = self.register.readers.get(env.actor).is_some_and(|r| r.roles.contains(&role));
        if has { Ok(()) } else { Err(Rejection::RoleMissing { reader: env.actor.to_string(), role }) }
    }
}

fn as_protocol(fold: &Fold) -> Option<ProtocolFold> {
    match fold {
        Fold::Protocol(f) => Some(f.clone()),
        _ => None,
    }
}

pub(super) fn opened(signed: &Signed, open: &Open, base: Fold) -> Stream {
    Stream {
        id: *signed.hash(),
        open: open.clone(),
        seq: 0,
        hash: *signed.hash(),
        lamport: signed.body().lamport,
        last_lamport: signed.body().lamport,
        act: *signed.hash(),
        last_time: signed.body().time.clone(),
        fold: base,
        unknown_events: 0,
        forked: false,
        out_of_turn: Vec::new(),
    }
}

/// Whether a stream may name another as the one it goes on from: the same person's about the same thing. Without this a
/// reader could take over another's findings, or hide another's read, by going on from it.
pub fn may_go_on(new: &Open, old: &Open) -> bool {
    new.kind == old.kind && new.reader == old.reader && new.subject == old.subject && new.project == old.project
}

impl Stream {
    /// Folds the next transaction in.
    pub(super) fn take(&mut self, signed: &Signed) -> Vec<Change> {
        let body = signed.body();
        // Only what follows an act at once is a part of it; anybody can claim more.
        let part_of = match &body.cause {
            Cause::Part { of } if *of == self.act => Some(*of),
            _ => None,
        };
        let (changes, unknown, mut out_of_turn) = self.fold.apply(&self.open, signed, part_of);
        if part_of.is_none() && matches!(body.cause, Cause::Part { .. }) {
            out_of_turn = out_of_turn.or(Some(OutOfTurn::StrayPart));
        }
        self.act = part_of.unwrap_or(*signed.hash());
        self.unknown_events += unknown;
        self.out_of_turn.extend(out_of_turn.map(|why| (body.seq, why)));
        (self.seq, self.hash, self.last_lamport) = (body.seq, *signed.hash(), body.lamport);
        self.last_time.clone_from(&body.time);
        changes
    }
}

/// Ids of images of a case, for callers that need them owned.
impl State {
    pub fn images_of(&self, case: &CaseId) -> Vec<ImageId> {
        self.case(case).map(|c| c.images.clone()).unwrap_or_default()
    }
}
