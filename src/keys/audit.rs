//! Checking a set of signed transactions: bytes, chains, signatures, authority, forks.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::audit_rules::{
    self, Chains, Point, collect_value_digests, is_time, named_values, subject_of, unknown_kinds,
};
use super::verify_signed;
use crate::domain::{Digest, StreamId, SubjectId};
use crate::journal::{Folded, FormatError, PublicKey, Signed, State};

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
    /// The stream that names a value, and the subject with whom it is to be erased.
    pub value_owners: BTreeMap<Digest, (StreamId, Option<SubjectId>)>,
}

pub(super) fn place(stream: &StreamId, seq: u64) -> String {
    format!("stream {} transaction {seq}", stream.to_string().get(..12).unwrap_or_default())
}

/// Audits a set of transactions, in any order. Needs nothing but the lines: keys come from the register among them.
pub fn audit(found: impl IntoIterator<Item = Found>) -> Audit {
    let mut out = Audit::default();
    let mut streams: BTreeMap<StreamId, Vec<Signed>> = BTreeMap::new();
    for item in found {
        if let Some(signed) = read(item, &mut out) {
            streams.entry(signed.stream()).or_default().push(signed);
        }
    }
    let ids: Vec<StreamId> = streams.keys().copied().collect();
    let rows = |id: &StreamId| streams.get(id).cloned().unwrap_or_default();
    let done = by_stream(out, &ids, |id, _| Ok::<_, Infallible>(Some(rows(id))), |id| Ok(rows(id)));
    match done {
        Ok(done) => done.unwrap_or_default(),
        Err(never) => match never {},
    }
}

/// Audits a log that is filed by stream, one stream at a time: memory holds the state and what streams say of each other,
/// never the log. `None` when something is filed under another stream than its own; then only [`audit`] of the whole helps.
///
/// # Errors
/// Whatever `load` fails with.
pub fn audit_filed<E>(ids: &[StreamId], load: impl Fn(&StreamId) -> Result<Vec<Found>, E>) -> Result<Option<Audit>, E> {
    let first = |id: &StreamId, out: &mut Audit| {
        let rows = load(id)?.into_iter();
        let signed: Vec<Signed> = rows.filter_map(|found| read(found, out)).collect();
        Ok(signed.iter().all(|s| s.stream() == *id).then_some(signed))
    };
    let again = |id: &StreamId| {
        let mut nobody = Audit::default();
        let rows = load(id)?.into_iter();
        Ok(rows.filter_map(|found| read(found, &mut nobody)).collect())
    };
    by_stream(Audit::default(), ids, first, again)
}

/// Checks and folds one stream after the other; `again` gives the streams that others go on from a second time.
fn by_stream<E>(
    mut out: Audit,
    ids: &[StreamId],
    mut first: impl FnMut(&StreamId, &mut Audit) -> Result<Option<Vec<Signed>>, E>,
    again: impl Fn(&StreamId) -> Result<Vec<Signed>, E>,
) -> Result<Option<Audit>, E> {
    let mut chains = Chains::new();
    let mut folded = Vec::with_capacity(ids.len());
    let mut named = Vec::new();
    let mut refused: BTreeSet<Digest> = BTreeSet::new();
    for id in ids {
        let Some(transactions) = first(id, &mut out)? else { return Ok(None) };
        if transactions.is_empty() {
            continue;
        }
        let mut numbers: BTreeMap<u64, Vec<Signed>> = BTreeMap::new();
        let mut points: BTreeMap<u64, Vec<Point>> = BTreeMap::new();
        for signed in transactions {
            points.entry(signed.body().seq).or_default().push(Point::of(&signed));
            numbers.entry(signed.body().seq).or_default().push(signed);
        }
        chains.insert(*id, points);
        let mut good = Vec::new();
        check_chain(*id, &numbers, &mut out, &mut good);
        let kept: BTreeSet<&Digest> = good.iter().map(Signed::hash).collect();
        refused.extend(numbers.values().flatten().map(Signed::hash).filter(|h| !kept.contains(h)));
        drop(numbers);
        for signed in &good {
            named.extend(named_values(signed).into_iter().map(|(digest, reader)| (digest, *id, reader)));
        }
        folded.push((*id, Folded::of(*id, good)));
    }
    out.streams = chains.len() as u64;
    out.state = State::assemble(folded, |id| {
        let mut rows = again(id)?;
        rows.retain(|s| !refused.contains(s.hash()));
        Ok(rows)
    })?;
    // Whose a value is, is a matter of what the transactions say together.
    for (digest, stream, reader) in named {
        out.value_owners.insert(digest, (stream, subject_of(&out.state, &stream).or(reader)));
    }
    audit_rules::check(&mut out, &chains);
    out.problems.sort();
    out.problems.dedup();
    Ok(Some(out))
}

/// Reads one transaction as found; what is wrong with it by itself goes into the report.
fn read(item: Found, out: &mut Audit) -> Option<Signed> {
    out.transactions += 1;
    let line = format!("transaction {}", out.transactions);
    let Ok(signature) = <[u8; 64]>::try_from(item.signature) else {
        out.problems.push(Problem {
            kind: ProblemKind::Format,
            place: line,
            detail: "the signature has the wrong length".to_owned(),
        });
        return None;
    };
    let signed = match Signed::parse(item.text, signature) {
        Ok(signed) => signed,
        Err(FormatError::NewerVersion(v)) => {
            out.notes.push(format!("{line} was made by a newer version ({v})"));
            return None;
        }
        Err(e) => {
            // Bytes that no longer parse were altered if they were once filed under their hash.
            let kind = if item.filed_under.is_some() { ProblemKind::Altered } else { ProblemKind::Format };
            out.problems.push(Problem { kind, place: line, detail: e.to_string() });
            return None;
        }
    };
    let at = (signed.stream(), i64::try_from(signed.body().seq).unwrap_or(i64::MAX));
    if item.filed_at.is_some_and(|filed| filed != at) {
        let detail = "it is filed under another stream or number than its own".to_owned();
        out.problems.push(Problem { kind: ProblemKind::Altered, place: place(&at.0, signed.body().seq), detail });
    }
    if item.filed_under.is_some_and(|h| h != *signed.hash()) {
        let detail = "its bytes are not the ones it was filed under".to_owned();
        out.problems.push(Problem {
            kind: ProblemKind::Altered,
            place: place(&signed.stream(), signed.body().seq),
            detail,
        });
    }
    Some(signed)
}

/// Hashes of the transactions whose signature is not the stream key's, found on all cores.
fn forged(numbers: &BTreeMap<u64, Vec<Signed>>, key: &PublicKey) -> BTreeSet<Digest> {
    /// Fewer than this a thread costs more to start than it saves.
    const BATCH: usize = 64;
    let all: Vec<&Signed> = numbers.values().flatten().collect();
    let check = |some: &[&Signed]| -> Vec<Digest> {
        some.iter().filter(|s| verify_signed(s, key).is_err()).map(|s| *s.hash()).collect()
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let size = all.len().div_ceil(cores).max(BATCH);
    std::thread::scope(|scope| {
        let mut out = BTreeSet::new();
        let mut running = Vec::new();
        for (n, batch) in all.chunks(size).enumerate().skip(1) {
            let named = std::thread::Builder::new().name(format!("verify-{n}"));
            match named.spawn_scoped(scope, || check(batch)) {
                Ok(thread) => running.push((thread, batch)),
                Err(_) => out.extend(check(batch)),
            }
        }
        out.extend(check(all.get(..size.min(all.len())).unwrap_or_default()));
        for (thread, batch) in running {
            // A thread that broke has proved nothing: what it was to check is checked again here.
            out.extend(thread.join().unwrap_or_else(|_| check(batch)));
        }
        out
    })
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
    let forged = forged(numbers, &key);
    let mut expected = 0;
    // Lamport number and time of what has the number before, by hash: after a fork there are several.
    let mut before: BTreeMap<Digest, (u64, String)> = BTreeMap::new();
    let mut backwards: Option<(u64, usize)> = None;
    for (seq, same_number) in numbers {
        if *seq != expected {
            problem(ProblemKind::Truncated, expected, "missing although later ones are there");
        }
        let distinct: BTreeSet<&Digest> = same_number.iter().map(Signed::hash).collect();
        if distinct.len() > 1 {
            problem(ProblemKind::Fork, *seq, "two different transactions carry this number");
        }
        let mut now = BTreeMap::new();
        for signed in same_number {
            let body = signed.body();
            now.insert(*signed.hash(), (body.lamport, body.time.clone()));
            let previous = body.prev.and_then(|p| before.get(&p));
            if *seq > 0 && *seq == expected && previous.is_none() {
                problem(ProblemKind::Altered, *seq, "it does not follow the one before it");
            }
            if forged.contains(signed.hash()) {
                problem(ProblemKind::BadSignature, *seq, "the signature is not the stream key's");
                continue;
            }
            if body.actor != reader {
                problem(ProblemKind::UnknownKey, *seq, "the actor is not the stream's reader");
            }
            if previous.is_some_and(|(lamport, _)| body.lamport <= *lamport) {
                problem(ProblemKind::Altered, *seq, "its Lamport number does not grow");
            }
            if !is_time(&body.time) {
                out.notes.push(format!("{}: its time is written as no clock writes it", place(&stream, *seq)));
            } else if previous.is_some_and(|(_, time)| body.time < *time) {
                backwards = backwards.map_or(Some((*seq, 1)), |(first, n)| Some((first, n + 1)));
            }
            for kind in unknown_kinds(signed) {
                out.notes.push(format!("{}: event '{kind}' was made by a newer version", place(&stream, *seq)));
            }
            for event in &body.events {
                collect_value_digests(event, &mut out.value_digests);
            }
            good.push(signed.clone());
        }
        before = now;
        expected = seq + 1;
    }
    if let Some((first, times)) = backwards {
        let often = if times > 1 { format!(", {times} times in this stream") } else { String::new() };
        out.notes.push(format!("{}: the clock ran backwards{often}", place(&stream, first)));
    }
}
