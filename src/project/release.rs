//! Making a release: what stands, with everything that proves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Project, ProjectError};
use crate::domain::{Digest, SizePx};
use crate::exchange::{
    Category, Opening, ReleaseFormat, ReleaseInput, ReleasedImage, ReleasedPack, ReleasedReader, Software, consensus,
    write_release,
};
use crate::journal::{AccessKind, Cause, Command, DatasetCommand, Signed, State, StreamKind, UnderHeads};

/// What to release and where.
pub struct ReleaseRequest<'a> {
    /// Three numbers, `1.0.0`.
    pub version: &'a str,
    pub folder: &'a Path,
    /// All formats when empty.
    pub formats: BTreeSet<ReleaseFormat>,
}

/// What a release holds.
#[derive(Clone, Debug)]
pub struct Released {
    pub root: Digest,
    pub cases: usize,
    pub labels: usize,
    pub files: usize,
    pub bytes: u64,
    /// Cases left out, with a code why.
    pub excluded: Vec<(String, String)>,
}

impl Project {
    /// Heads that a release covers: everything but access logs and release lines, whose own growth must not change the
    /// bytes of a release made again.
    fn frontier(&self) -> UnderHeads {
        let covered = |k: StreamKind| !matches!(k, StreamKind::Access | StreamKind::Release);
        let streams = self.state.streams.values().filter(|s| covered(s.open.kind) && self.state.is_authorised(s));
        streams.map(|s| (s.id.to_string(), (s.seq, s.hash))).collect()
    }

    fn release_input(&self, version: &str) -> Result<ReleaseInput, ProjectError> {
        let project = self.id().ok_or(ProjectError::NobodyHere)?;
        let frontier = self.frontier();
        let mut rows: Vec<Signed> =
            self.store.signed_rows()?.into_iter().filter(|s| frontier.contains_key(&s.stream().to_string())).collect();
        rows.sort_by(|a, b| (a.stream(), a.body().seq).cmp(&(b.stream(), b.body().seq)));
        let software: BTreeMap<Digest, String> = rows.iter().map(|s| (*s.hash(), s.body().software.clone())).collect();
        let standing = consensus(&self.state, &|hash| software.get(hash).cloned().unwrap_or_default());
        let used: BTreeSet<_> = standing.cases.iter().flat_map(|c| c.images.iter().cloned()).collect();
        let images = used.iter().filter_map(|id| self.state.image(id)).filter_map(released_image).collect();
        let mut openings = Vec::new();
        let digests: BTreeSet<Digest> =
            standing.labels.iter().flat_map(|l| l.rois.iter().map(|r| r.geometry)).collect();
        for digest in digests {
            if let Some(v) = self.store.value(&digest)? {
                openings.push(Opening { digest, salt: v.salt, value: v.value });
            }
        }
        let protocol = self.state.protocol();
        let programs: BTreeSet<Software> = software.values().map(|s| program(s)).collect();
        Ok(ReleaseInput {
            name: format!("shoken-{}", project.to_string().get(..12).unwrap_or_default()),
            version: version.to_owned(),
            project,
            frontier,
            cases: standing.cases,
            excluded: standing.excluded,
            images,
            categories: self.categories(),
            packs: protocol
                .packs
                .iter()
                .map(|p| ReleasedPack {
                    pack: crate::domain::PackRef { pack: p.pack.clone(), version: p.version.clone() },
                    sha256: p.sha256,
                })
                .collect(),
            guideline: protocol.guideline,
            readers: released_readers(&self.state),
            labels: standing.labels,
            journal: rows.iter().map(Signed::to_line).collect(),
            openings,
            software: programs.into_iter().collect(),
        })
    }

    fn categories(&self) -> Vec<Category> {
        let of = |pack: &crate::domain::Ontology| {
            pack.terms
                .iter()
                .filter_map(|t| {
                    Some(Category {
                        term: pack.term_ref(&t.id)?,
                        label: t.label.clone(),
                        codes: t.codes.clone(),
                        color: t.color.clone(),
                    })
                })
                .collect::<Vec<_>>()
        };
        self.packs.iter().flat_map(of).collect()
    }

    /// Writes a release of what stands now, signs it, and records it in the journal.
    ///
    /// # Errors
    /// Rules (coordinator only, a version taken by other content), a folder that is there already, disk errors; then no
    /// folder is left that looks whole.
    pub fn release(&mut self, request: &ReleaseRequest<'_>) -> Result<Released, ProjectError> {
        let actor = self.actor.clone().ok_or(ProjectError::NobodyHere)?;
        // Asked first with an empty root, so that a version that is malformed or a missing role costs no writing.
        let probe = DatasetCommand::Release {
            version: request.version.to_owned(),
            root: Digest::of(b"", b""),
            manifest: Digest::of(b"", b""),
            frontier: UnderHeads::new(),
        };
        match self.would_refuse(&Command::Dataset(probe)) {
            None | Some(super::Rejection::ReleaseExists(_)) => {}
            Some(no) => return Err(no.into()),
        }
        let input = self.release_input(request.version)?;
        let frontier = input.frontier.clone();
        let cases = input.cases.len();
        let excluded = input.excluded.iter().map(|e| (self.case_label(&e.case), e.reason.clone())).collect();
        let formats =
            if request.formats.is_empty() { ReleaseFormat::ALL.into_iter().collect() } else { request.formats.clone() };
        let sign = |message: &[u8]| Ok::<_, String>(actor.key.sign(message));
        let receipt = write_release(input, request.folder, &formats, actor.key.public(), sign)
            .map_err(|e| ProjectError::Release(e.to_string()))?;
        let made = DatasetCommand::Release {
            version: request.version.to_owned(),
            root: receipt.root,
            manifest: receipt.manifest,
            frontier,
        };
        match self.execute(Command::Dataset(made), &Cause::Cli) {
            Ok(_) | Err(ProjectError::Rejected(super::Rejection::NothingToDo)) => {}
            Err(e) => {
                // A folder that the journal does not know is no release.
                std::fs::remove_dir_all(request.folder).ok();
                return Err(e);
            }
        }
        self.note_access(AccessKind::Exported, None, None)?;
        self.leave_witness()?;
        Ok(Released {
            root: receipt.root,
            cases,
            labels: receipt.labels,
            files: receipt.files,
            bytes: receipt.bytes,
            excluded,
        })
    }
}

/// An image without a content hash cannot be in a release; its case could not have been submitted either.
fn released_image(record: &crate::journal::ImageRecord) -> Option<ReleasedImage> {
    Some(ReleasedImage {
        id: record.id.clone(),
        case: record.case.clone(),
        file_name: record.id.to_string(),
        sha256: record.sha256?,
        size_px: SizePx::new(record.width, record.height),
        frames: record.frames,
        field: record.field,
        spacing: record.spacing.map(|s| s.spacing()),
    })
}

fn released_readers(state: &State) -> Vec<ReleasedReader> {
    let reader = |(id, r): (&crate::domain::ReaderId, &crate::journal::ReaderRecord)| ReleasedReader {
        id: id.clone(),
        roles: r.roles.iter().copied().collect(),
        keys: r.keys.keys().copied().collect(),
    };
    state.register().readers.iter().map(reader).collect()
}

fn program(text: &str) -> Software {
    let (name, version) = text.split_once(' ').unwrap_or((text, ""));
    Software { name: name.to_owned(), version: version.to_owned() }
}
