//! One stream by itself: its bytes, its signatures, its chain, its fold.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::audit::{Found, Problem, ProblemKind, place};
use super::audit_rules::{Chain, Kept, is_time, named_values, unknown_kinds};
use super::audit_run::Keep;
use super::verify::Verifier;
use crate::domain::{Digest, ReaderId, StreamId, SubjectId};
use crate::journal::{Folded, FormatError, PublicKey, Signed, State, Stream, StreamKind};

/// A stream and what was found in it.
pub(super) struct Checked {
    /// Its place in the list of streams.
    pub number: u32,
    pub id: StreamId,
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
    /// Transactions that were looked at.
    pub read: u64,
    /// Something of another stream lies among them.
    pub stray: bool,
    pub chain: Chain,
    /// Digests of erasable values, and the reader in whose event each stands.
    pub named: Vec<(Digest, Option<SubjectId>)>,
    /// Hashes of what must be in no fold.
    pub refused: Vec<Digest>,
    pub folding: Folding,
    signed: Vec<Signed>,
}

/// What became of the fold.
pub(super) enum Folding {
    Nothing,
    Kept(Box<Folded>),
    Alone {
        kept: Box<Kept>,
        /// Whether it may hold events of a newer version.
        newer: bool,
    },
    /// It goes on from another stream.
    Later,
}

/// Streams that are checked together: as found, or read already.
#[derive(Default)]
pub(super) struct Group {
    pub found: Vec<(u32, StreamId, Vec<Found>)>,
    pub streams: Vec<Checked>,
    pub rows: usize,
    pub bytes: usize,
}

impl Group {
    pub fn check(self, keep: Keep, folded: &(dyn Fn(&Stream) + Sync)) -> Vec<Checked> {
        let read = self.found.into_iter().map(|(number, id, found)| Checked::reading(number, id, found));
        let mut streams: Vec<Checked> = self.streams.into_iter().chain(read).collect();
        for stream in &mut streams {
            let bad = stream.opener().map_or_else(BTreeSet::new, |(key, _)| forged(&stream.signed, &key));
            stream.finish(&bad, keep, folded);
        }
        streams
    }
}

/// Places of the transactions that the key has not signed.
fn forged(signed: &[Signed], key: &PublicKey) -> BTreeSet<usize> {
    let Ok(verifier) = Verifier::of(key) else { return (0..signed.len()).collect() };
    (0..).zip(signed).filter(|(_, s)| verifier.verify(s).is_err()).map(|(at, _)| at).collect()
}

impl Checked {
    /// A stream whose transactions have been read, in any order.
    pub fn of(number: u32, id: StreamId, mut signed: Vec<Signed>) -> Self {
        signed.sort_by_key(|s| s.body().seq);
        Self {
            number,
            id,
            problems: Vec::new(),
            notes: Vec::new(),
            read: 0,
            stray: signed.iter().any(|s| s.stream() != id),
            chain: Chain::of(&signed),
            named: Vec::new(),
            refused: Vec::new(),
            folding: Folding::Nothing,
            signed,
        }
    }

    fn reading(number: u32, id: StreamId, found: Vec<Found>) -> Self {
        let (mut problems, mut notes, count) = (Vec::new(), Vec::new(), found.len() as u64);
        let signed = found.into_iter().filter_map(|item| {
            let seq = item.filed_at.and_then(|(_, seq)| u64::try_from(seq).ok()).unwrap_or_default();
            read(item, &place(&id, seq), &mut problems, &mut notes)
        });
        let signed = signed.collect();
        Self { problems, notes, read: count, ..Self::of(number, id, signed) }
    }

    /// The key that opened the stream, and whose it says to be.
    fn opener(&self) -> Option<(PublicKey, ReaderId)> {
        let open = self.signed.first().filter(|s| s.body().seq == 0)?.body().open.as_ref()?;
        Some((open.key, open.reader.clone()))
    }

    fn finish(&mut self, bad: &BTreeSet<usize>, keep: Keep, folded: &(dyn Fn(&Stream) + Sync)) {
        let all = std::mem::take(&mut self.signed);
        if all.is_empty() || self.stray {
            return;
        }
        self.signed = all;
        let Some((_, reader)) = self.opener() else {
            let detail = "the transaction that opens the stream is missing".to_owned();
            self.problems.push(Problem { kind: ProblemKind::Truncated, place: place(&self.id, 0), detail });
            self.refused.extend(self.signed.drain(..).map(|s| *s.hash()));
            return;
        };
        self.check_chain(bad, &reader);
        let mut good = Vec::with_capacity(self.signed.len());
        for (at, signed) in std::mem::take(&mut self.signed).into_iter().enumerate() {
            if bad.contains(&at) {
                self.refused.push(*signed.hash());
            } else {
                good.push(signed);
            }
        }
        if !self.refused.is_empty() {
            // The same transaction may be there twice, once under another signature.
            let kept: BTreeSet<&Digest> = good.iter().map(Signed::hash).collect();
            self.refused.retain(|hash| !kept.contains(hash));
        }
        self.named = good.iter().flat_map(named_values).collect();
        self.named.sort();
        self.named.dedup();
        self.fold(good, keep, folded);
    }

    fn fold(&mut self, good: Vec<Signed>, keep: Keep, folded: &(dyn Fn(&Stream) + Sync)) {
        let open = good.first().filter(|s| s.body().seq == 0).and_then(|s| s.body().open.as_ref());
        let case = open.is_some_and(|o| matches!(o.kind, StreamKind::Read | StreamKind::Adjudication));
        let goes_on = open.is_some_and(|o| o.continues.is_some());
        let alone = case && !goes_on && keep == Keep::Office;
        if !alone {
            self.notes.extend(good.iter().flat_map(unknown_kinds));
        }
        if case && goes_on && keep == Keep::Office {
            self.folding = Folding::Later;
            return;
        }
        let count = good.len() as u64;
        let one = Folded::of(self.id, good);
        if !alone {
            self.folding = Folding::Kept(Box::new(one));
            return;
        }
        let state = State::assemble([(self.id, one)], |_| Ok::<_, Infallible>(Vec::new()));
        let stream = match state {
            Ok(mut state) => state.streams.remove(&self.id),
            Err(never) => match never {},
        };
        let Some(stream) = stream else { return };
        folded(&stream);
        // What the fold has counted need not be looked for; what stands aside from it was not counted.
        let newer = stream.unknown_events > 0 || stream.seq + 1 != count;
        self.folding = Folding::Alone { kept: Box::new(Kept::of(&stream)), newer };
    }

    fn check_chain(&mut self, bad: &BTreeSet<usize>, reader: &ReaderId) {
        let (stream, problems, notes) = (&self.id, &mut self.problems, &mut self.notes);
        let mut problem = |kind, seq, detail: &str| {
            problems.push(Problem { kind, place: place(stream, seq), detail: detail.to_owned() });
        };
        let mut expected = 0;
        let mut at = 0;
        // Hash, Lamport number and time of what has the number before: after a fork there are several.
        let mut before: Vec<&Signed> = Vec::new();
        let mut backwards: Option<(u64, usize)> = None;
        for same in self.signed.chunk_by(|a, b| a.body().seq == b.body().seq) {
            let Some(seq) = same.first().map(|s| s.body().seq) else { continue };
            if seq != expected {
                problem(ProblemKind::Truncated, expected, "missing although later ones are there");
            }
            if same.iter().any(|s| same.first().is_some_and(|f| f.hash() != s.hash())) {
                problem(ProblemKind::Fork, seq, "two different transactions carry this number");
            }
            for signed in same {
                let body = signed.body();
                let previous = body.prev.and_then(|p| before.iter().find(|b| *b.hash() == p)).map(|b| b.body());
                if seq > 0 && seq == expected && previous.is_none() {
                    problem(ProblemKind::Altered, seq, "it does not follow the one before it");
                }
                at += 1;
                if bad.contains(&(at - 1)) {
                    problem(ProblemKind::BadSignature, seq, "the signature is not the stream key's");
                    continue;
                }
                if body.actor != *reader {
                    problem(ProblemKind::UnknownKey, seq, "the actor is not the stream's reader");
                }
                if previous.is_some_and(|p| body.lamport <= p.lamport) {
                    problem(ProblemKind::Altered, seq, "its Lamport number does not grow");
                }
                if !is_time(&body.time) {
                    notes.push(format!("{}: its time is written as no clock writes it", place(stream, seq)));
                } else if previous.is_some_and(|p| body.time < p.time) {
                    backwards = backwards.map_or(Some((seq, 1)), |(first, n)| Some((first, n + 1)));
                }
            }
            before = same.iter().collect();
            expected = seq.saturating_add(1);
        }
        if let Some((first, times)) = backwards {
            let often = if times > 1 { format!(", {times} times in this stream") } else { String::new() };
            notes.push(format!("{}: the clock ran backwards{often}", place(stream, first)));
        }
    }
}

/// Reads one transaction as found; what is wrong with it by itself is said of `line`.
pub(super) fn read(item: Found, line: &str, problems: &mut Vec<Problem>, notes: &mut Vec<String>) -> Option<Signed> {
    let mut problem = |kind, place: &str, detail: &str| {
        problems.push(Problem { kind, place: place.to_owned(), detail: detail.to_owned() });
    };
    let Ok(signature) = <[u8; 64]>::try_from(item.signature) else {
        problem(ProblemKind::Format, line, "the signature has the wrong length");
        return None;
    };
    let signed = match Signed::parse(item.text, signature) {
        Ok(signed) => signed,
        Err(FormatError::NewerVersion(v)) => {
            notes.push(format!("{line} was made by a newer version ({v})"));
            return None;
        }
        Err(e) => {
            // Bytes that no longer parse were altered if they were once filed under their hash.
            let kind = if item.filed_under.is_some() { ProblemKind::Altered } else { ProblemKind::Format };
            problem(kind, line, &e.to_string());
            return None;
        }
    };
    let (stream, seq) = (signed.stream(), signed.body().seq);
    if item.filed_at.is_some_and(|filed| filed != (stream, i64::try_from(seq).unwrap_or(i64::MAX))) {
        let detail = "it is filed under another stream or number than its own";
        problem(ProblemKind::Altered, &place(&stream, seq), detail);
    }
    if item.filed_under.is_some_and(|h| h != *signed.hash()) {
        problem(ProblemKind::Altered, &place(&stream, seq), "its bytes are not the ones it was filed under");
    }
    Some(signed)
}
