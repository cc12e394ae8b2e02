//! From a project's signed state to a [`ReleaseInput`]: which streams a release covers, and nothing of any other.

use std::collections::{BTreeMap, BTreeSet};

use super::ReleaseError;
use super::consensus::consensus;
use super::release_input::{
    Category, JournalLine, Opening, ReleaseInput, ReleasedImage, ReleasedPack, ReleasedReader, Software,
};
use crate::domain::{Digest, ImageId, Ontology, PackRef, SizePx, StreamId};
use crate::journal::{Signed, State, StreamKind, UnderHeads};

/// The salt of a digest and the value it is over.
pub type SaltAndValue = ([u8; 32], Vec<u8>);

/// One transaction of a log, without its events.
#[derive(Clone, Copy, Debug)]
pub struct LogEntry<'a> {
    pub line: JournalLine,
    /// What wrote it, `shoken 0.1.0`.
    pub software: &'a str,
}

/// A log that is read piece by piece, since it may be larger than memory.
pub trait SignedLog {
    /// Tells of every transaction of these streams, in any order.
    ///
    /// # Errors
    /// [`ReleaseError::Log`] when it cannot be read.
    fn survey(&self, streams: &BTreeSet<StreamId>, each: &mut dyn FnMut(LogEntry<'_>)) -> Result<(), ReleaseError>;

    /// The transaction of a row.
    ///
    /// # Errors
    /// [`ReleaseError::Log`] when it cannot be read, [`ReleaseError::Damaged`] when it is none.
    fn signed(&self, row: i64) -> Result<Signed, ReleaseError>;
}

/// A log that is in memory; a transaction's row is its place in the list.
impl SignedLog for Vec<Signed> {
    fn survey(&self, streams: &BTreeSet<StreamId>, each: &mut dyn FnMut(LogEntry<'_>)) -> Result<(), ReleaseError> {
        for (row, signed) in (0..).zip(self).filter(|(_, s)| streams.contains(&s.stream())) {
            let body = signed.body();
            let (stream, hash) = (signed.stream(), *signed.hash());
            let line = JournalLine { lamport: body.lamport, stream, seq: body.seq, hash, row };
            each(LogEntry { line, software: &body.software });
        }
        Ok(())
    }

    fn signed(&self, row: i64) -> Result<Signed, ReleaseError> {
        let at = usize::try_from(row).ok();
        at.and_then(|at| self.get(at)).cloned().ok_or(ReleaseError::Damaged)
    }
}

/// What the door adds to the signed state.
pub struct ReleaseSource<'a> {
    pub state: &'a State,
    /// The project's log; what the release does not cover is left out.
    pub log: &'a dyn SignedLog,
    pub name: String,
    pub version: String,
    pub packs: &'a [Ontology],
    /// Salt and value of a digest, `None` when erased or not here.
    pub open: &'a dyn Fn(&Digest) -> Option<SaltAndValue>,
}

/// Gathers one release.
///
/// # Errors
/// [`ReleaseError::NotOpened`] when the outline of a label is not here.
pub fn gather(source: &ReleaseSource<'_>) -> Result<ReleaseInput, ReleaseError> {
    let state = source.state;
    let mut found = consensus(state, &|_| "unknown".to_owned());
    let covered = covered_streams(
        state,
        found
            .cases
            .iter()
            .flat_map(|c| c.reads.iter().map(|r| r.stream).chain(c.adjudication.iter().map(|a| a.stream))),
    );
    let frontier: UnderHeads =
        covered.iter().filter_map(|id| state.streams.get(id)).map(|s| (s.id.to_string(), (s.seq, s.hash))).collect();
    let (mut journal, mut programs) = (Vec::new(), BTreeSet::new());
    let mut written_by: BTreeMap<Digest, &mut String> = BTreeMap::new();
    for case in &mut found.cases {
        written_by.extend(case.reads.iter_mut().map(|r| (r.hash, &mut r.software)));
        written_by.extend(case.adjudication.iter_mut().map(|a| (a.hash, &mut a.software)));
    }
    source.log.survey(&covered, &mut |entry| {
        if let Some(software) = written_by.get_mut(&entry.line.hash) {
            entry.software.clone_into(software);
        }
        if !programs.contains(entry.software) {
            programs.insert(entry.software.to_owned());
        }
        journal.push(entry.line);
    })?;

    let mut openings = BTreeMap::new();
    for label in &found.labels {
        for roi in &label.rois {
            let (salt, value) =
                (source.open)(&roi.geometry).ok_or_else(|| ReleaseError::NotOpened(label.id.clone()))?;
            openings.insert(roi.geometry, Opening { digest: roi.geometry, salt, value });
        }
    }
    let released: BTreeSet<&ImageId> = found.cases.iter().flat_map(|c| &c.images).collect();
    let images = state
        .images()
        .filter(|i| released.contains(&i.id))
        .filter_map(|i| {
            Some(ReleasedImage {
                id: i.id.clone(),
                case: i.case.clone(),
                file_name: i.id.to_string(),
                sha256: i.sha256?,
                size_px: SizePx::new(i.width, i.height),
                frames: i.frames,
                field: i.field,
                spacing: i.spacing.map(|s| s.spacing()),
            })
        })
        .collect();
    let protocol = state.protocol();
    let categories = source
        .packs
        .iter()
        .flat_map(|pack| pack.terms.iter().map(move |term| (pack, term)))
        .filter_map(|(pack, term)| {
            Some(Category {
                term: pack.term_ref(&term.id)?,
                label: term.label.clone(),
                codes: term.codes.clone(),
                color: term.color.clone(),
            })
        })
        .collect();
    let seen: BTreeSet<_> = covered.iter().filter_map(|id| state.streams.get(id)).map(|s| &s.open.reader).collect();
    let readers = state.register().readers.iter().filter(|(id, _)| seen.contains(id));
    Ok(ReleaseInput {
        name: source.name.clone(),
        version: source.version.clone(),
        project: state.project.unwrap_or_else(|| Digest::from_bytes([0; 32])),
        frontier,
        cases: found.cases,
        excluded: found.excluded,
        images,
        categories,
        packs: protocol
            .packs
            .iter()
            .map(|p| ReleasedPack {
                pack: PackRef { pack: p.pack.clone(), version: p.version.clone() },
                sha256: p.sha256,
            })
            .collect(),
        guideline: protocol.guideline,
        readers: readers
            .map(|(id, r)| ReleasedReader {
                id: id.clone(),
                roles: r.roles.iter().copied().collect(),
                keys: r.keys.keys().copied().collect(),
            })
            .collect(),
        labels: found.labels,
        journal,
        openings: openings.into_values().collect(),
        software: programs.iter().map(|text| program(text)).collect(),
    })
}

/// A transaction names its program as `shoken 0.1.0`.
fn program(text: &str) -> Software {
    let (name, version) = text.split_once(' ').unwrap_or((text, ""));
    Software { name: name.to_owned(), version: version.to_owned() }
}

/// The project-wide streams and the judged ones, with every stream that these go on from. Reads of excluded cases, access
/// logs and earlier releases stay at home.
fn covered_streams(state: &State, judged: impl Iterator<Item = StreamId>) -> BTreeSet<StreamId> {
    let wide = [StreamKind::Register, StreamKind::Protocol, StreamKind::Assignments, StreamKind::Catalogue];
    let mut open: Vec<StreamId> =
        state.streams.values().filter(|s| wide.contains(&s.open.kind)).map(|s| s.id).chain(judged).collect();
    let mut covered = BTreeSet::new();
    while let Some(id) = open.pop() {
        if covered.insert(id) {
            let older = state.streams.get(&id).and_then(|s| s.open.continues);
            open.extend(older.map(|head| head.stream));
        }
    }
    covered
}
