//! Checking a set of signed transactions: bytes, chains, signatures, authority, forks.

use std::collections::{BTreeMap, BTreeSet};

use super::verify_signed;
use crate::domain::{Digest, StreamId};
use crate::journal::{FormatError, Recorded, Signed, State};

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
#[derive(Clone, Debug)]
pub struct Found {
    pub text: String,
    pub signature: Vec<u8>,
    pub filed_under: Option<Digest>,
}

/// What the audit of a set of transactions found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    pub problems: Vec<Problem>,
    /// Oddities that prove nothing wrong: clocks that ran backwards, events of newer versions.
    pub notes: Vec<String>,
    pub transactions: u64,
    pub streams: u64,
    /// The state that the well-formed, rightly signed transactions amount to.
    pub state: State,
    /// Every digest of an erasable value that any event names.
    pub value_digests: BTreeSet<Digest>,
}

fn place(stream: &StreamId, seq: u64) -> String {
    format!("stream {} transaction {seq}", stream.to_string().get(..12).unwrap_or_default())
}

/// Audits a set of transactions, in any order. Needs nothing but the lines: keys come from the register among them.
pub fn audit(found: impl IntoIterator<Item = Found>) -> Audit {
    let mut out = Audit::default();
    let mut chains: BTreeMap<StreamId, BTreeMap<u64, Vec<Signed>>> = BTreeMap::new();
    for item in found {
        out.transactions += 1;
        let line = format!("transaction {}", out.transactions);
        let Ok(signature) = <[u8; 64]>::try_from(item.signature) else {
            out.problems.push(Problem {
                kind: ProblemKind::Format,
                place: line,
                detail: "the signature has the wrong length".to_owned(),
            });
            continue;
        };
        let signed = match Signed::parse(item.text, signature) {
            Ok(signed) => signed,
            Err(FormatError::NewerVersion(v)) => {
                out.notes.push(format!("{line} was made by a newer version ({v})"));
                continue;
            }
            Err(e) => {
                // Bytes that no longer parse were altered if they were once filed under their hash.
                let kind = if item.filed_under.is_some() { ProblemKind::Altered } else { ProblemKind::Format };
                out.problems.push(Problem { kind, place: line, detail: e.to_string() });
                continue;
            }
        };
        if item.filed_under.is_some_and(|h| h != *signed.hash()) {
            let detail = "its bytes are not the ones it was filed under".to_owned();
            out.problems.push(Problem {
                kind: ProblemKind::Altered,
                place: place(&signed.stream(), signed.body().seq),
                detail,
            });
        }
        chains.entry(signed.stream()).or_default().entry(signed.body().seq).or_default().push(signed);
    }
    out.streams = chains.len() as u64;
    let mut good = Vec::new();
    for (stream, numbers) in &chains {
        check_chain(*stream, numbers, &mut out, &mut good);
    }
    out.state = State::from_transactions(good);
    check_authority(&mut out);
    out.problems.sort();
    out.problems.dedup();
    out
}

fn check_chain(stream: StreamId, numbers: &BTreeMap<u64, Vec<Signed>>, out: &mut Audit, good: &mut Vec<Signed>) {
    let mut problem = |kind, seq, detail: &str| {
        out.problems.push(Problem { kind, place: place(&stream, seq), detail: detail.to_owned() });
    };
    let key = numbers
        .get(&0)
        .and_then(|first| first.first())
        .and_then(|s| s.body().open.as_ref())
        .map(|o| (o.key, o.reader.clone()));
    let Some((key, reader)) = key else {
        problem(ProblemKind::Truncated, 0, "the transaction that opens the stream is missing");
        return;
    };
    let mut expected = 0;
    let mut previous: Vec<Digest> = Vec::new();
    let (mut lamport, mut time) = (0, String::new());
    for (seq, same_number) in numbers {
        if *seq != expected {
            problem(ProblemKind::Truncated, expected, "missing although later ones are there");
        }
        let distinct: BTreeSet<&Digest> = same_number.iter().map(Signed::hash).collect();
        if distinct.len() > 1 {
            problem(ProblemKind::Fork, *seq, "two different transactions carry this number");
        }
        for signed in same_number {
            let body = signed.body();
            if *seq > 0 && *seq == expected && !body.prev.is_some_and(|p| previous.contains(&p)) {
                problem(ProblemKind::Altered, *seq, "it does not follow the one before it");
            }
            if verify_signed(signed, &key).is_err() {
                problem(ProblemKind::BadSignature, *seq, "the signature is not the stream key's");
                continue;
            }
            if body.actor != reader {
                problem(ProblemKind::UnknownKey, *seq, "the actor is not the stream's reader");
            }
            if body.lamport <= lamport && *seq > 0 {
                problem(ProblemKind::Altered, *seq, "its Lamport number does not grow");
            }
            if body.time < time {
                out.notes.push(format!("{}: the clock ran backwards", place(&stream, *seq)));
            }
            for recorded in body.recorded() {
                if let Recorded::Unknown { kind, .. } = recorded {
                    out.notes.push(format!("{}: event '{kind}' was made by a newer version", place(&stream, *seq)));
                }
            }
            for event in &body.events {
                collect_value_digests(event, &mut out.value_digests);
            }
            (lamport, time) = (body.lamport, body.time.clone());
            good.push(signed.clone());
        }
        previous = same_number.iter().map(|s| *s.hash()).collect();
        expected = seq + 1;
    }
}

/// Digests of erasable values, by the field names that carry them.
fn collect_value_digests(value: &serde_json::Value, into: &mut BTreeSet<Digest>) {
    use serde_json::Value;
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

fn check_authority(out: &mut Audit) {
    let state = &out.state;
    let Some(project) = state.project else {
        let detail = "there is no register, so no key can be known".to_owned();
        out.problems.push(Problem { kind: ProblemKind::Truncated, place: "register".to_owned(), detail });
        return;
    };
    for stream in state.streams.values() {
        let here = place(&stream.id, 0);
        if stream.open.project != Some(project) && stream.id != project {
            let detail = "the stream belongs to another project".to_owned();
            out.problems.push(Problem { kind: ProblemKind::Altered, place: here, detail });
        } else if !state.is_authorised(stream) {
            let detail = format!("its key is not enrolled for {} with the role it needs", stream.open.reader);
            out.problems.push(Problem { kind: ProblemKind::UnknownKey, place: here, detail });
        }
    }
}
