//! A compact form of folds, so that a project of a million findings need not be folded from its log at every opening.
//!
//! Not a format that lasts: it is written and read by one version of the program only, and whatever is wrong with it is
//! answered by folding the log. Numbers are LEB128; texts, digests and findings that occur more than once are written once
//! and named by their number afterwards, which also keeps a sealed read and its submission from being twice in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::event::FindingEvent;
use super::finding::{Finding, FindingBody, FindingOrigin, RoiRef};
use super::kept::{Place, ReadSummary};
use super::read::{Gesture, ReadFold, ReadPhase, Submission};
use super::state::OutOfTurn;
use super::transaction::{Audience, Head, Open, PublicKey, StreamKind, StreamSubject};
use crate::domain::{CaseId, Certainty, Digest, FindingId, GeometryKind, ImageId, Origin, ReaderId, TermRef, Verdict};

/// Bytes being written; texts and digests are kept aside, each once.
#[derive(Default)]
pub(super) struct Writer<'a> {
    bytes: Vec<u8>,
    texts: HashMap<&'a str, usize>,
    digests: HashMap<Digest, usize>,
    text_list: Vec<&'a str>,
    digest_list: Vec<Digest>,
    shared: HashMap<*const Finding, usize>,
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

impl<'a> Writer<'a> {
    pub(super) fn number(&mut self, number: u64) {
        put_number(&mut self.bytes, number);
    }

    pub(super) fn text(&mut self, text: &'a str) {
        let next = self.text_list.len();
        let at = *self.texts.entry(text).or_insert(next);
        if at == next {
            self.text_list.push(text);
        }
        self.number(at as u64);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Texts, digests, then what was written.
    pub(super) fn finish(self) -> Vec<u8> {
        let texts: usize = self.text_list.iter().map(|t| t.len() + 2).sum();
        let mut out = Vec::with_capacity(texts + self.digest_list.len() * 32 + self.bytes.len() + 20);
        put_number(&mut out, self.text_list.len() as u64);
        for text in &self.text_list {
            put_number(&mut out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        put_number(&mut out, self.digest_list.len() as u64);
        self.digest_list.iter().for_each(|d| out.extend_from_slice(d.as_bytes()));
        out.extend_from_slice(&self.bytes);
        out
    }
}

/// What [`Writer::finish`] gave, being read. Anything unexpected ends it with `None`.
pub(super) struct Reader<'a> {
    left: &'a [u8],
    texts: Vec<&'a str>,
    digests: Vec<Digest>,
    shared: Vec<Arc<Finding>>,
}

fn take_number(left: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = left.split_first()?;
        *left = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_bytes<'a>(left: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = left.split_at_checked(usize::try_from(length).ok()?)?;
    *left = rest;
    Some(taken)
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let mut left = bytes;
        let count = take_number(&mut left)?;
        let mut texts = Vec::with_capacity(usize::try_from(count).ok()?.min(left.len()));
        for _ in 0..count {
            let length = take_number(&mut left)?;
            texts.push(std::str::from_utf8(take_bytes(&mut left, length)?).ok()?);
        }
        let count = take_number(&mut left)?;
        let (chunks, []) = take_bytes(&mut left, count.checked_mul(32)?)?.as_chunks::<32>() else { return None };
        let digests = chunks.iter().map(|c| Digest::from_bytes(*c)).collect();
        Some(Self { left, texts, digests, shared: Vec::new() })
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        take_number(&mut self.left)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let at = usize::try_from(self.number()?).ok()?;
        self.texts.get(at).copied()
    }

    pub(super) fn raw(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        take_bytes(&mut self.left, length)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    /// How many things to make room for: never more than there are bytes left, whatever the number says.
    fn room(&self, count: u64) -> usize {
        usize::try_from(count).unwrap_or(usize::MAX).min(self.left.len())
    }
}

/// Something with a compact form.
pub(super) trait Stored: Sized {
    fn put<'a>(&'a self, to: &mut Writer<'a>);
    fn get(from: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! fields {
    ($($name:ty { $($field:ident),+ $(,)? })+) => { $(
        impl Stored for $name {
            fn put<'a>(&'a self, to: &mut Writer<'a>) {
                let Self { $($field),+ } = self;
                $($field.put(to);)+
            }
            fn get(from: &mut Reader<'_>) -> Option<Self> {
                Some(Self { $($field: Stored::get(from)?),+ })
            }
        }
    )+ };
}

macro_rules! codes {
    ($($name:ty { $($variant:ident = $code:literal),+ $(,)? })+) => { $(
        impl Stored for $name {
            fn put<'a>(&'a self, to: &mut Writer<'a>) {
                to.number(match self { $(Self::$variant => $code),+ });
            }
            fn get(from: &mut Reader<'_>) -> Option<Self> {
                match from.number()? { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    )+ };
}

macro_rules! names {
    ($($name:ty),+) => { $(
        impl Stored for $name {
            fn put<'a>(&'a self, to: &mut Writer<'a>) {
                to.text(self.as_str());
            }
            fn get(from: &mut Reader<'_>) -> Option<Self> {
                Self::new(from.text()?).ok()
            }
        }
    )+ };
}

names!(ReaderId, CaseId, ImageId, FindingId);

codes! {
    Verdict { Findings = 0, NoFinding = 1, NotAssessable = 2 }
    Certainty { Definite = 0, Probable = 1, Possible = 2 }
    Origin { Manual = 0, SemiAutomatic = 1, Automatic = 2 }
    GeometryKind { Point = 0, Line = 1, Rectangle = 2, Ellipse = 3, Polygon = 4, WholeImage = 5 }
    ReadPhase { Open = 0, Submitted = 1 }
    OutOfTurn { Sealed = 0, Closed = 1, WrongStream = 2, ForeignName = 3, StrayPart = 4 }
    StreamKind {
        Register = 0, Protocol = 1, Assignments = 2, Catalogue = 3, Read = 4, Adjudication = 5, Release = 6, Access = 7
    }
}

fields! {
    TermRef { pack, version, id }
    RoiRef { image, frame, shape, geometry }
    FindingOrigin { origin, tool, seen, model }
    FindingBody { rois, terms, certainty, attributes, origin, comment }
    Finding { id, body, deleted, created_by, ordinal, created_at, changed_by, changed_at }
    Gesture { tx, label, events }
    Submission { seq, hash, time, verdict, pixels, findings }
    ReadFold { phase, findings, submissions, undo, redo }
    StreamSubject { case, reader, round }
    Head { stream, seq, hash }
    Place { at, length, sha256 }
    ReadSummary { phase, live, submissions }
    Open { project, kind, subject, key, reader, audience, under, continues, nonce }
}

impl Stored for bool {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.number(u64::from(*self));
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Stored for u32 {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.number(u64::from(*self));
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Self::try_from(from.number()?).ok()
    }
}

impl Stored for u64 {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.number(*self);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        from.number()
    }
}

impl Stored for String {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.text(self);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        from.text().map(str::to_owned)
    }
}

impl Stored for Digest {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        let next = to.digest_list.len();
        let at = *to.digests.entry(*self).or_insert(next);
        if at == next {
            to.digest_list.push(*self);
        }
        to.number(at as u64);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let at = usize::try_from(from.number()?).ok()?;
        from.digests.get(at).copied()
    }
}

impl Stored for PublicKey {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        self.0.put(to);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Digest::get(from).map(Self)
    }
}

impl<T: Stored> Stored for Option<T> {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.number(u64::from(self.is_some()));
        if let Some(it) = self {
            it.put(to);
        }
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        if bool::get(from)? { T::get(from).map(Some) } else { Some(None) }
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        self.0.put(to);
        self.1.put(to);
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.number(self.len() as u64);
        self.iter().for_each(|it| it.put(to));
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.number()?;
        let mut all = Self::with_capacity(from.room(count));
        for _ in 0..count {
            all.push(T::get(from)?);
        }
        Some(all)
    }
}

impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        to.number(self.len() as u64);
        for (key, value) in self {
            key.put(to);
            value.put(to);
        }
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        // Sorted already, of which collecting takes advantage.
        Vec::<(K, V)>::get(from).map(|all| all.into_iter().collect())
    }
}

/// A finding that a read and its submissions share is written where it comes first.
impl Stored for Arc<Finding> {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        let next = to.shared.len();
        let at = *to.shared.entry(Self::as_ptr(self)).or_insert(next);
        to.number(at as u64);
        if at == next {
            Finding::put(self, to);
        }
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let at = usize::try_from(from.number()?).ok()?;
        if let Some(known) = from.shared.get(at) {
            return Some(Self::clone(known));
        }
        if at != from.shared.len() {
            return None;
        }
        let made = Self::new(Finding::get(from)?);
        from.shared.push(Self::clone(&made));
        Some(made)
    }
}

impl Stored for Audience {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        match self {
            Self::Office => to.number(0),
            Self::Everyone => to.number(1),
            Self::Reader(reader) => {
                to.number(2);
                reader.put(to);
            }
        }
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        match from.number()? {
            0 => Some(Self::Office),
            1 => Some(Self::Everyone),
            2 => ReaderId::get(from).map(Self::Reader),
            _ => None,
        }
    }
}

impl Stored for FindingEvent {
    fn put<'a>(&'a self, to: &mut Writer<'a>) {
        let code = match self {
            Self::Created { .. } => 0,
            Self::Deleted { .. } => 1,
            Self::Restored { .. } => 2,
            Self::Reshaped { .. } => 3,
            Self::Relabelled { .. } => 4,
            Self::Graded { .. } => 5,
            Self::Attributed { .. } => 6,
            Self::Commented { .. } => 7,
        };
        to.number(code);
        self.finding().put(to);
        match self {
            Self::Created { body, .. } => body.put(to),
            Self::Deleted { .. } | Self::Restored { .. } => {}
            Self::Reshaped { from, to: after, .. } => put_both(from, after, to),
            Self::Relabelled { from, to: after, .. } => put_both(from, after, to),
            Self::Graded { from, to: after, .. } => put_both(from, after, to),
            Self::Attributed { from, to: after, .. } => put_both(from, after, to),
            Self::Commented { from, to: after, .. } => put_both(from, after, to),
        }
    }
    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let code = from.number()?;
        let finding = FindingId::get(from)?;
        Some(match code {
            0 => Self::Created { finding, body: Stored::get(from)? },
            1 => Self::Deleted { finding },
            2 => Self::Restored { finding },
            3 => Self::Reshaped { finding, from: Stored::get(from)?, to: Stored::get(from)? },
            4 => Self::Relabelled { finding, from: Stored::get(from)?, to: Stored::get(from)? },
            5 => Self::Graded { finding, from: Stored::get(from)?, to: Stored::get(from)? },
            6 => Self::Attributed { finding, from: Stored::get(from)?, to: Stored::get(from)? },
            7 => Self::Commented { finding, from: Stored::get(from)?, to: Stored::get(from)? },
            _ => return None,
        })
    }
}

fn put_both<'a, T: Stored>(before: &'a T, after: &'a T, to: &mut Writer<'a>) {
    before.put(to);
    after.put(to);
}
