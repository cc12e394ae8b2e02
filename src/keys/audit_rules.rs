//! What the streams of an audit say of each other: authority, what they were opened under, what they go on from, acts that
//! no program of ours would have signed, and whose the erasable values are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::audit::{Audit, Problem, ProblemKind, place};
use crate::domain::{Digest, StreamId, SubjectId};
use crate::journal::{Fold, Open, OutOfTurn, Recorded, Signed, State, Stream, StreamKind, may_go_on};

/// What other streams may ask of a transaction once its own stream has been checked.
pub(super) struct Point {
    hash: Digest,
    time: String,
    open: Option<Box<Open>>,
    /// Keys that it revokes.
    revokes: Vec<Digest>,
}

impl Point {
    pub(super) fn of(signed: &Signed) -> Self {
        let revoked = |event: &Value| {
            let kind = event.get("kind").and_then(Value::as_str)?;
            let key = event.get("data").and_then(|d| d.get("key")).and_then(Value::as_str)?;
            if kind == "reader.key_revoked" { key.parse().ok() } else { None }
        };
        let body = signed.body();
        Self {
            hash: *signed.hash(),
            time: body.time.clone(),
            open: body.open.clone().map(Box::new),
            revokes: body.events.iter().filter_map(revoked).collect(),
        }
    }
}

/// Every transaction found, by stream and number.
pub(super) type Chains = BTreeMap<StreamId, BTreeMap<u64, Vec<Point>>>;

/// An opening may name something later than itself by this much: clocks of two machines differ.
const CLOCK_TOLERANCE_MINUTES: i64 = 10;

/// Digests that a transaction names, with the reader in whose event each stands.
pub(super) fn named_values(signed: &Signed) -> Vec<(Digest, Option<SubjectId>)> {
    let mut out = Vec::new();
    for event in &signed.body().events {
        let mut digests = BTreeSet::new();
        collect_value_digests(event, &mut digests);
        let reader = event.get("data").and_then(|d| d.get("reader")).and_then(Value::as_str);
        let reader = reader.and_then(|r| SubjectId::new(r).ok());
        out.extend(digests.into_iter().map(|d| (d, reader.clone())));
    }
    out
}

/// The subject of the case that a stream is about.
pub(super) fn subject_of(state: &State, stream: &StreamId) -> Option<SubjectId> {
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
pub(super) fn collect_value_digests(value: &Value, into: &mut BTreeSet<Digest>) {
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

pub(super) fn check(out: &mut Audit, chains: &Chains) {
    let Some(project) = out.state.project else {
        let detail = "there is no register, so no key can be known".to_owned();
        out.problems.push(Problem { kind: ProblemKind::Truncated, place: "register".to_owned(), detail });
        return;
    };
    let mut found = Vec::new();
    let mut notes = Vec::new();
    let revoked = revocations(&out.state, chains);
    for stream in out.state.streams.values() {
        let mut problem = |kind, seq, detail: &str| {
            found.push(Problem { kind, place: place(&stream.id, seq), detail: detail.to_owned() });
        };
        if stream.open.project != Some(project) && stream.id != project {
            problem(ProblemKind::Altered, 0, "the stream belongs to another project");
            continue;
        }
        if !out.state.is_authorised(stream) {
            let detail = format!("its key is not enrolled for {} with the role it needs", stream.open.reader);
            problem(ProblemKind::UnknownKey, 0, &detail);
        }
        if stream.open.kind == StreamKind::Read && stream.open.subject.reader.as_ref() != Some(&stream.open.reader) {
            problem(ProblemKind::UnknownKey, 0, "it is a read in another reader's name");
        }
        let after = |r: &&(StreamId, u64)| stream.open.under.get(&r.0.to_string()).is_some_and(|(seq, _)| *seq >= r.1);
        if revoked.get(&stream.open.key.0).is_some_and(|list| list.iter().any(|r| after(&r))) {
            problem(ProblemKind::UnknownKey, 0, "its key had been revoked before it was opened");
        }
        for (seq, why) in &stream.out_of_turn {
            let (kind, detail) = match why {
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
        check_named(stream, chains, &mut problem);
        if clock_is_behind(stream, chains) {
            notes.push(format!(
                "{}: the clock ran backwards: it was opened under something that is dated later",
                place(&stream.id, 0)
            ));
        }
    }
    out.problems.extend(found);
    out.notes.extend(notes);
}

/// Numbers of the revoking transactions by key, in the registers that count.
fn revocations(state: &State, chains: &Chains) -> BTreeMap<Digest, Vec<(StreamId, u64)>> {
    let mut out: BTreeMap<Digest, Vec<(StreamId, u64)>> = BTreeMap::new();
    for stream in state.authorised(StreamKind::Register) {
        for (seq, same) in chains.get(&stream.id).into_iter().flatten() {
            for key in same.iter().flat_map(|p| &p.revokes) {
                out.entry(*key).or_default().push((stream.id, *seq));
            }
        }
    }
    out
}

/// What a stream names must be there: the heads it was opened under, the one it goes on from, the reads it judged.
fn check_named(stream: &Stream, chains: &Chains, problem: &mut impl FnMut(ProblemKind, u64, &str)) {
    let mut named: Vec<(StreamId, Option<u64>, Digest)> = Vec::new();
    for (id, (seq, hash)) in &stream.open.under {
        match id.parse() {
            Ok(id) => named.push((id, Some(*seq), *hash)),
            Err(_) => problem(ProblemKind::Format, 0, "it names a stream by something that is no hash"),
        }
    }
    if let Some(head) = &stream.open.continues {
        named.push((head.stream, Some(head.seq), head.hash));
        let older = chains.get(&head.stream).and_then(|c| c.get(&0)?.first()?.open.as_ref());
        if older.is_some_and(|o| !may_go_on(&stream.open, o)) {
            problem(ProblemKind::UnknownKey, 0, "it goes on from another reader's stream, or one about another thing");
        }
    }
    if let Fold::Adjudication(fold) = &stream.fold {
        named.extend(fold.judged.iter().map(|(id, hash)| (*id, None, *hash)));
    }
    let mut said = BTreeSet::new();
    for (id, seq, hash) in named {
        let short = id.to_string().get(..12).unwrap_or_default().to_owned();
        let Some(chain) = chains.get(&id) else {
            if said.insert(id) {
                problem(ProblemKind::Truncated, 0, &format!("it names stream {short}, which is not here"));
            }
            continue;
        };
        let there = match seq {
            Some(seq) => chain.get(&seq).map(|same| same.iter().any(|s| s.hash == hash)),
            None => chain.values().flatten().any(|s| s.hash == hash).then_some(true),
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

fn time_of(point: &Point) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    chrono::DateTime::parse_from_rfc3339(&point.time).ok()
}

/// Whether an opening is dated before what it names by more than clocks differ.
fn clock_is_behind(stream: &Stream, chains: &Chains) -> bool {
    let opened = chains.get(&stream.id).and_then(|c| time_of(c.get(&0)?.first()?));
    let Some(opened) = opened else { return false };
    let named = stream.open.under.iter().filter_map(|(id, (seq, hash))| {
        let id: StreamId = id.parse().ok()?;
        chains.get(&id)?.get(seq)?.iter().find(|s| s.hash == *hash)
    });
    let latest = named.filter_map(time_of).max();
    latest.is_some_and(|t| (t - opened).num_minutes() > CLOCK_TOLERANCE_MINUTES)
}

/// Whether a time is written as the journal writes times.
pub(super) fn is_time(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// Kinds of the events in a transaction that this program does not know.
pub(super) fn unknown_kinds(signed: &Signed) -> Vec<String> {
    let unknown = signed.body().recorded().filter_map(|r| match r {
        Recorded::Unknown { kind, .. } => Some(kind),
        Recorded::Known(_) => None,
    });
    unknown.collect()
}
