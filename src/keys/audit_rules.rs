//! What the streams of an audit say of each other: authority, what they were opened under, what they go on from, acts that
//! no program of ours would have signed, and whose the erasable values are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::audit::{Audit, Line, NOBODY, Problem, ProblemKind, place};
use super::audit_run::Run;
use crate::domain::{Digest, StreamId, SubjectId};
use crate::journal::{AccessFold, Fold, OutOfTurn, PublicKey, Recorded, Signed, State, Stream, StreamKind, may_go_on};

/// What other streams may ask of a transaction once its own stream has been checked.
#[derive(Clone, Copy)]
pub(super) struct Point {
    seq: u64,
    hash: Digest,
    lamport: u64,
    /// Milliseconds of the epoch; `None` when it is written as no time is.
    time: Option<i64>,
}

/// Every transaction found of a stream, in order of number.
pub(super) struct Chain {
    pub points: Vec<Point>,
    /// Keys that it revokes.
    revokes: Vec<(PublicKey, Point)>,
}

impl Chain {
    /// Of transactions in order of number.
    pub fn of(signed: &[Signed]) -> Self {
        let revoked = |event: &Value| {
            let kind = event.get("kind").and_then(Value::as_str)?;
            let key = event.get("data").and_then(|d| d.get("key")).and_then(Value::as_str)?;
            if kind == "reader.key_revoked" { key.parse().ok().map(PublicKey) } else { None }
        };
        let (mut points, mut revokes) = (Vec::with_capacity(signed.len()), Vec::new());
        for one in signed {
            let body = one.body();
            let time = chrono::DateTime::parse_from_rfc3339(&body.time).ok().map(|t| t.timestamp_millis());
            let point = Point { seq: body.seq, hash: *one.hash(), lamport: body.lamport, time };
            points.push(point);
            revokes.extend(body.events.iter().filter_map(revoked).map(|key| (key, point)));
        }
        Self { points, revokes }
    }

    /// The transactions of a number: several after a fork.
    fn at(&self, seq: u64) -> &[Point] {
        let from = self.points.partition_point(|p| p.seq < seq);
        let to = self.points.partition_point(|p| p.seq <= seq);
        self.points.get(from..to).unwrap_or_default()
    }
}

/// A stream as it folds, of whose fold only what others ask for is left.
pub(super) struct Kept {
    /// With an empty fold.
    pub stream: Stream,
    /// The reads that an adjudication judged.
    judged: Vec<(StreamId, Digest)>,
}

impl Kept {
    pub fn of(stream: &Stream) -> Self {
        let judged = match &stream.fold {
            Fold::Adjudication(fold) => fold.judged.clone(),
            _ => Vec::new(),
        };
        let stream = Stream {
            fold: Fold::Access(AccessFold::default()),
            open: stream.open.clone(),
            last_time: stream.last_time.clone(),
            out_of_turn: stream.out_of_turn.clone(),
            ..*stream
        };
        Self { stream, judged }
    }
}

/// An opening may name something later than itself by this much: clocks of two machines differ.
const CLOCK_TOLERANCE_MINUTES: i64 = 10;

/// Digests that a transaction names, with the reader in whose event each stands.
pub(super) fn named_values(signed: &Signed) -> Vec<(Digest, Option<SubjectId>)> {
    let mut out = Vec::new();
    for event in &signed.body().events {
        let mut digests = BTreeSet::new();
        collect_value_digests(event, &mut digests);
        if digests.is_empty() {
            continue;
        }
        let reader = event.get("data").and_then(|d| d.get("reader")).and_then(Value::as_str);
        let reader = reader.and_then(|r| SubjectId::new(r).ok());
        out.extend(digests.into_iter().map(|d| (d, reader.clone())));
    }
    out
}

/// The subject of the case that a stream is about.
fn subject_of(state: &State, stream: &StreamId) -> Option<SubjectId> {
    let case = state.streams.get(stream).and_then(|s| s.open.subject.case.as_ref());
    case.and_then(|c| state.case(c)).map(|c| c.subject.clone())
}

/// Whether a digest of an erasable value belongs to a subject, and to which; a reader's qualifications are the reader's.
pub fn value_owners<'a>(
    state: &State,
    all: impl IntoIterator<Item = &'a Signed>,
) -> BTreeMap<Digest, (StreamId, Option<SubjectId>)> {
    let mut out = BTreeMap::new();
    for signed in all {
        let stream = signed.stream();
        let subject = subject_of(state, &stream);
        for (digest, reader) in named_values(signed) {
            out.insert(digest, (stream, subject.clone().or(reader)));
        }
    }
    out
}

/// Digests of erasable values, by the field names that carry them.
fn collect_value_digests(value: &Value, into: &mut BTreeSet<Digest>) {
    let mut take = |v: &Value| {
        if let Some(digest) = v.as_str().and_then(|s| s.parse().ok()) {
            into.insert(digest);
        }
    };
    let commented = value.get("kind").and_then(Value::as_str) == Some("finding.commented");
    if commented {
        for side in ["from", "to"] {
            if let Some(v) = value.get("data").and_then(|d| d.get(side)) {
                take(v);
            }
        }
    }
    match value {
        Value::Object(map) => {
            for (name, v) in map {
                match name.as_str() {
                    "geometry" | "comment" | "reason" => take(v),
                    "qualifications" => v.as_array().into_iter().flatten().for_each(&mut take),
                    _ => {}
                }
            }
            for v in map.values() {
                collect_value_digests(v, into);
            }
        }
        Value::Array(list) => list.iter().for_each(|v| collect_value_digests(v, into)),
        _ => {}
    }
}

/// The report, once every stream has been checked by itself and `state` is what is kept of them.
pub(super) fn finish(mut run: Run, state: State) -> Audit {
    check(&mut run, &state);
    run.problems.sort();
    run.problems.dedup();
    run.notes.sort_by_key(|(number, _)| *number);
    settle_owners(&mut run, &state);
    let line = |(id, kept): (StreamId, Kept)| {
        let s = kept.stream;
        (id, Line { open: s.open, seq: s.seq, hash: s.hash, last_time: s.last_time })
    };
    Audit {
        problems: run.problems,
        notes: run.notes.into_iter().map(|(_, note)| note).collect(),
        transactions: run.transactions,
        streams: run.chains.len() as u64,
        state,
        lines: run.kept.into_iter().map(line).collect(),
        values: run.named,
        ids: run.ids,
        subjects: run.subjects.list,
    }
}

/// Whose a value is, is a matter of what the transactions say together: the subject's of the case that the stream is about,
/// else the reader's in whose event it stands.
fn settle_owners(run: &mut Run, state: &State) {
    let mut subjects: Vec<Option<u32>> = Vec::with_capacity(run.ids.len());
    for id in &run.ids {
        let case = run.kept.get(id).and_then(|k| k.stream.open.subject.case.as_ref());
        let subject = case.and_then(|c| state.case(c)).map(|c| &c.subject);
        subjects.push(subject.map(|s| run.subjects.number(s)));
    }
    for named in &mut run.named {
        if let Some(Some(subject)) = subjects.get(named.stream as usize) {
            named.owner = *subject;
        }
    }
    // Of several streams that name a value the last one counts.
    run.named.sort_by_key(|v| (v.digest, std::cmp::Reverse(v.stream), v.owner == NOBODY));
    run.named.dedup_by_key(|v| v.digest);
}

fn check(run: &mut Run, state: &State) {
    let Some(project) = state.project else {
        let detail = "there is no register, so no key can be known".to_owned();
        run.problems.push(Problem { kind: ProblemKind::Truncated, place: "register".to_owned(), detail });
        return;
    };
    let mut found = Vec::new();
    let mut notes = Vec::new();
    let revoked = revocations(state, &run.chains);
    for kept in run.kept.values() {
        let stream = &kept.stream;
        let mut problem = |kind, seq, detail: &str| {
            found.push(Problem { kind, place: place(&stream.id, seq), detail: detail.to_owned() });
        };
        if stream.open.project != Some(project) && stream.id != project {
            problem(ProblemKind::Altered, 0, "the stream belongs to another project");
            continue;
        }
        if !state.is_authorised(stream) {
            let detail = format!("its key is not enrolled for {} with the role it needs", stream.open.reader);
            problem(ProblemKind::UnknownKey, 0, &detail);
        }
        if stream.open.kind == StreamKind::Read && stream.open.subject.reader.as_ref() != Some(&stream.open.reader) {
            problem(ProblemKind::UnknownKey, 0, "it is a read in another reader's name");
        }
        let revocations = revoked.get(&stream.open.key).map(Vec::as_slice).unwrap_or_default();
        let known =
            |r: &&Revocation| stream.open.under.get(&r.register.to_string()).is_some_and(|(seq, _)| *seq >= r.seq);
        if revocations.iter().any(|r| known(&r)) {
            problem(ProblemKind::UnknownKey, 0, "its key had been revoked before it was opened");
        } else if let Some(chain) = run.chains.get(&stream.id) {
            notes.extend(after_revocation(&stream.id, chain, revocations));
        }
        for (seq, why) in &stream.out_of_turn {
            let (kind, detail) = match why {
                OutOfTurn::StrayPart => {
                    let detail =
                        "it calls itself a part of an act that it does not follow, and counts as one of its own";
                    problem(ProblemKind::Altered, *seq, detail);
                    continue;
                }
                OutOfTurn::Sealed => (ProblemKind::Altered, "it changes a read that was sealed and not amended"),
                OutOfTurn::Closed => (ProblemKind::Altered, "it changes an adjudication that was closed"),
                OutOfTurn::WrongStream => {
                    (ProblemKind::UnknownKey, "it says what a stream of this kind gives no right to say")
                }
                OutOfTurn::ForeignName => {
                    (ProblemKind::Altered, "it names a finding otherwise than its stream and number do")
                }
            };
            problem(kind, *seq, &format!("{detail}; it has no effect"));
        }
        check_named(kept, run, &mut problem);
        if clock_is_behind(stream, &run.chains) {
            notes.push(format!(
                "{}: the clock ran backwards: it was opened under something that is dated later",
                place(&stream.id, 0)
            ));
        }
    }
    run.problems.extend(found);
    run.notes.extend(notes.into_iter().map(|note| (NOBODY, note)));
}

/// Where a key was revoked.
struct Revocation {
    register: StreamId,
    seq: u64,
    lamport: u64,
}

/// Revocations by key, in the registers that count.
fn revocations(state: &State, chains: &BTreeMap<StreamId, Chain>) -> BTreeMap<PublicKey, Vec<Revocation>> {
    let mut out: BTreeMap<PublicKey, Vec<Revocation>> = BTreeMap::new();
    for stream in state.authorised(StreamKind::Register) {
        for (key, at) in chains.get(&stream.id).into_iter().flat_map(|c| &c.revokes) {
            let revocation = Revocation { register: stream.id, seq: at.seq, lamport: at.lamport };
            out.entry(*key).or_default().push(revocation);
        }
    }
    out
}

/// Acts in a stream that was open already when its key was revoked. A transaction names nothing but its own stream, so one
/// that stands behind the revocation in the order of Lamport numbers may be honest work by somebody who had not heard of it
/// (then the coordinator says what it means) or the work of whoever holds the key now: it is pointed out, and no alarm. One
/// that stands before it was written without knowing of it, whatever its date says.
fn after_revocation(id: &StreamId, chain: &Chain, revocations: &[Revocation]) -> Option<String> {
    let revoked = revocations.iter().map(|r| r.lamport).min()?;
    let mut after = chain.points.iter().filter(|p| p.lamport > revoked);
    let first = after.next()?;
    let more = match after.count() {
        0 => String::new(),
        n => format!(", and {n} more in this stream"),
    };
    Some(format!(
        "{}: it stands after the revocation of its key{more}: work that went on before the revocation was known there, or somebody else with the key; the coordinator should look at it",
        place(id, first.seq)
    ))
}

/// What a stream names must be there: the heads it was opened under, the one it goes on from, the reads it judged.
fn check_named(kept: &Kept, run: &Run, problem: &mut impl FnMut(ProblemKind, u64, &str)) {
    let stream = &kept.stream;
    let mut named: Vec<(StreamId, Option<u64>, Digest)> = Vec::new();
    for (id, (seq, hash)) in &stream.open.under {
        match id.parse() {
            Ok(id) => named.push((id, Some(*seq), *hash)),
            Err(_) => problem(ProblemKind::Format, 0, "it names a stream by something that is no hash"),
        }
    }
    if let Some(head) = &stream.open.continues {
        named.push((head.stream, Some(head.seq), head.hash));
        let older = run.kept.get(&head.stream).map(|k| &k.stream.open);
        if older.is_some_and(|o| !may_go_on(&stream.open, o)) {
            problem(ProblemKind::UnknownKey, 0, "it goes on from another reader's stream, or one about another thing");
        }
    }
    named.extend(kept.judged.iter().map(|(id, hash)| (*id, None, *hash)));
    let mut said = BTreeSet::new();
    for (id, seq, hash) in named {
        let short = id.to_string().get(..12).unwrap_or_default().to_owned();
        let Some(chain) = run.chains.get(&id) else {
            if said.insert(id) {
                problem(ProblemKind::Truncated, 0, &format!("it names stream {short}, which is not here"));
            }
            continue;
        };
        let there = match seq {
            Some(seq) => {
                Some(chain.at(seq)).filter(|same| !same.is_empty()).map(|same| same.iter().any(|p| p.hash == hash))
            }
            None => chain.points.iter().any(|p| p.hash == hash).then_some(true),
        };
        match there {
            Some(true) => {}
            Some(false) => {
                problem(ProblemKind::Altered, 0, &format!("stream {short} is not the one that it was opened under"));
            }
            None => problem(ProblemKind::Truncated, 0, &format!("it names more of stream {short} than is here")),
        }
    }
}

/// Whether an opening is dated before what it names by more than clocks differ.
fn clock_is_behind(stream: &Stream, chains: &BTreeMap<StreamId, Chain>) -> bool {
    let opened = chains.get(&stream.id).and_then(|c| c.at(0).first()?.time);
    let Some(opened) = opened else { return false };
    let named = stream.open.under.iter().filter_map(|(id, (seq, hash))| {
        let id: StreamId = id.parse().ok()?;
        chains.get(&id)?.at(*seq).iter().find(|p| p.hash == *hash)?.time
    });
    named.max().is_some_and(|t| (t - opened) / 60_000 > CLOCK_TOLERANCE_MINUTES)
}

/// Whether a time is written as the journal writes times.
pub(super) fn is_time(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// What is said of the events in a transaction that this program does not know.
pub(super) fn unknown_kinds(signed: &Signed) -> impl Iterator<Item = String> {
    signed.body().recorded().filter_map(|r| match r {
        Recorded::Unknown { kind, .. } => {
            Some(format!("{}: event '{kind}' was made by a newer version", place(&signed.stream(), signed.body().seq)))
        }
        Recorded::Known(_) => None,
    })
}
