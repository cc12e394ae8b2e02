//! Making a release: what stands, with everything that proves it.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Project, ProjectError};
use crate::domain::{Digest, StreamId};
use crate::exchange::{
    JournalLine, LogEntry, ReleaseError, ReleaseFormat, ReleaseInput, ReleaseSource, SignedLog, gather, write_release,
};
use crate::journal::{AccessKind, Cause, Command, DatasetCommand, Signed, UnderHeads};
use crate::store::{RowKey, Store};

/// What to release and where.
pub struct ReleaseRequest<'a> {
    /// Three numbers, `1.0.0`.
    pub version: &'a str,
    pub folder: &'a Path,
    /// All formats when empty.
    pub formats: BTreeSet<ReleaseFormat>,
}

/// What a release would hold now, and what is in the way of the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleasePlan {
    pub cases: usize,
    pub images: usize,
    pub labels: usize,
    /// Cases left out by their label, with a code why; in the order of the labels.
    pub excluded: Vec<(String, String)>,
    /// Versions that were made, oldest first: version, root, when.
    pub made: Vec<(String, Digest, String)>,
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
    fn release_input(&self, version: &str) -> Result<ReleaseInput, ProjectError> {
        let project = self.id().ok_or(ProjectError::NobodyHere)?;
        let open = |digest: &Digest| self.store.value(digest).ok().flatten().map(|v| (v.salt, v.value));
        let source = ReleaseSource {
            state: &self.state,
            log: &self.store,
            name: format!("shoken-{}", project.to_string().get(..12).unwrap_or_default()),
            version: version.to_owned(),
            packs: &self.packs,
            open: &open,
        };
        self.seen_whole(gather(&source).map_err(|e| ProjectError::Release(e.to_string())))
    }

    /// Whether the acting person may release, and this project can be written.
    pub fn may_release(&self) -> bool {
        self.read_only().is_none() && self.roles().contains(&crate::domain::Role::Coordinator)
    }

    /// What [`Project::release`] would write now.
    ///
    /// # Errors
    /// Store errors, and labels whose outline is not here.
    pub fn release_plan(&self) -> Result<ReleasePlan, ProjectError> {
        let input = self.release_input("0.0.0")?;
        let mut excluded: Vec<(String, String)> =
            input.excluded.iter().map(|e| (self.case_label(&e.case), e.reason.clone())).collect();
        excluded.sort();
        let made = self.state.releases().into_iter().map(|r| (r.version.clone(), r.root, r.time.clone()));
        Ok(ReleasePlan {
            cases: input.cases.len(),
            images: input.images.len(),
            labels: input.labels.len(),
            excluded,
            made: made.collect(),
        })
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
        let receipt = write_release(input, &self.store, request.folder, &formats, actor.key.public(), sign)
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
        // All reads were looked at; what can be read again need not stay in memory.
        self.state.forget_stored();
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

impl SignedLog for Store {
    fn survey(&self, streams: &BTreeSet<StreamId>, each: &mut dyn FnMut(LogEntry<'_>)) -> Result<(), ReleaseError> {
        let surveyed = self.each_row(|row, software| {
            if streams.contains(&row.stream) {
                let RowKey { id, lamport, stream, seq, hash } = row;
                each(LogEntry { line: JournalLine { lamport, stream, seq, hash, row: id }, software });
            }
        });
        surveyed.map_err(|e| ReleaseError::Log(e.to_string()))
    }

    fn signed(&self, row: i64) -> Result<Signed, ReleaseError> {
        self.row(row).map_err(|e| ReleaseError::Log(e.to_string()))?.ok_or(ReleaseError::Damaged)
    }
}
