//! Import: images are catalogued where they lie, at once on a quick fingerprint; the full hash follows as a job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Project, ProjectError, images, sources};
use crate::domain::{CaseId, Digest, Field, ImageId, Sensitive, SubjectId};
use crate::journal::{CatalogCommand, Cause, Command, NewImage};
use crate::store::{FileRow, IdentityLine, ImageIdentity};

/// How images are gathered into cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseBy {
    /// DICOM by study, everything else by file.
    Auto,
    Study,
    File,
    Folder,
}

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Catalogued {
    /// New images with their case.
    pub images: Vec<(CaseId, ImageId)>,
    /// Images that were catalogued already.
    pub known: Vec<(CaseId, ImageId)>,
    /// What is no image, and why.
    pub skipped: Vec<(Sensitive<String>, String)>,
}

/// An image whose full hash is wanted. Plain data: a worker reads the files while the project goes on.
#[derive(Clone, Debug)]
pub struct HashJob {
    pub image: ImageId,
    files: Vec<(u32, PathBuf, Option<Digest>)>,
    pub total_bytes: u64,
}

/// What a [`HashJob`] found; give it to [`Project::record_hashes`].
#[derive(Clone, Debug)]
pub struct HashOutcome {
    pub image: ImageId,
    files: Vec<(u32, Digest)>,
    /// Whether every file was read to its end; a cancelled job keeps what it has.
    pub complete: bool,
    pub error: Option<String>,
}

impl HashJob {
    /// Reads the files. `progress` gets the bytes read and returns false to stop; files already hashed are not read again,
    /// so a stopped job goes on where it was.
    pub fn run(&self, mut progress: impl FnMut(u64) -> bool) -> HashOutcome {
        let mut out = HashOutcome { image: self.image.clone(), files: Vec::new(), complete: true, error: None };
        let mut before = 0;
        for (ordinal, path, known) in &self.files {
            if let Some(known) = known {
                out.files.push((*ordinal, *known));
                continue;
            }
            let mut last = 0;
            let result = sources::hash_file(path, &mut |n| {
                last = n;
                progress(before + n)
            });
            before += last;
            match result {
                Ok(Some(digest)) => out.files.push((*ordinal, digest)),
                Ok(None) => {
                    out.complete = false;
                    return out;
                }
                Err(e) => {
                    out.complete = false;
                    out.error = Some(e.to_string());
                    return out;
                }
            }
        }
        out
    }
}

/// Hash of an image: the file's own SHA-256 when it is one file; else SHA-256 over the files' hashes in frame order.
pub(super) fn image_hash(files: &[Digest]) -> Option<Digest> {
    match files {
        [] => None,
        [one] => Some(*one),
        many => Some(Digest::of(b"shoken-series-v1\0", &many.iter().flat_map(|d| *d.as_bytes()).collect::<Vec<_>>())),
    }
}

impl Project {
    /// Catalogues the images under some paths. What is catalogued already (same fingerprints) is not taken twice.
    ///
    /// # Errors
    /// [`ProjectError::NothingToImport`] when there is no image at all; rules and store errors.
    pub fn import(
        &mut self,
        paths: &[PathBuf],
        case_by: CaseBy,
        cause: &Cause,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Catalogued, ProjectError> {
        let (scanned, skipped) = sources::scan(paths);
        let mut out = Catalogued {
            skipped: skipped.into_iter().map(|(p, r)| (Sensitive::new(p.to_string_lossy().into_owned()), r)).collect(),
            ..Catalogued::default()
        };
        if scanned.is_empty() {
            return Err(ProjectError::NothingToImport(paths.first().cloned().unwrap_or_default()));
        }
        let mut batch = Batch { next_label: self.store.count_cases()? + 1, ..Batch::default() };
        for (count, found) in scanned.iter().enumerate() {
            if !progress(count) {
                return Err(ProjectError::Cancelled);
            }
            self.add_scanned(found, case_by, &mut batch, &mut out)?;
        }
        if !batch.images.is_empty() {
            let add = Command::Catalog(CatalogCommand::Add { images: batch.images });
            self.append(&[add], cause, &batch.rows)?;
            for (found, (_, id)) in batch.sources.into_iter().zip(&out.images) {
                self.sources.insert(id.clone(), found);
            }
        }
        Ok(out)
    }

    fn add_scanned(
        &mut self,
        found: &sources::Scanned,
        case_by: CaseBy,
        batch: &mut Batch,
        out: &mut Catalogued,
    ) -> Result<(), ProjectError> {
        let meta = found.source.meta();
        let mut prints = Vec::new();
        for path in &found.files {
            let read = |source| super::StoreError::Io { path: path.clone(), source };
            let bytes = std::fs::metadata(path).map_err(read)?.len();
            prints.push((sources::fingerprint(path).map_err(read)?, bytes));
        }
        let Some((first, _)) = prints.first().copied() else { return Ok(()) };
        let fingerprint = image_hash(&prints.iter().map(|(p, _)| *p).collect::<Vec<_>>()).unwrap_or(first);
        for known in self.store.images_with_fingerprint(&first)? {
            if let Some(record) = self.state.image(&known).filter(|r| r.fingerprint == fingerprint) {
                out.known.push((record.case.clone(), known));
                return Ok(());
            }
        }
        let identity = &meta.identity;
        let path = found.files.first().cloned().unwrap_or_default();
        let folder = path.parent().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let group = match case_by {
            CaseBy::Auto | CaseBy::Study if !identity.study_uid.is_empty() => format!("study {}", identity.study_uid),
            CaseBy::Folder => format!("folder {folder}"),
            _ => format!("file {}", path.display()),
        };
        let image = ImageId::from_random(self.random());
        let (case, subject) = match batch.cases.get(&group) {
            Some(known) => known.clone(),
            None => self.new_case(&group, &identity.study_uid, &identity.patient_id, batch)?,
        };
        let frames = u32::try_from(meta.frames.len()).unwrap_or(u32::MAX);
        let size = meta.size_px();
        batch.images.push(NewImage {
            image: image.clone(),
            case: case.clone(),
            subject: subject.clone(),
            field: meta.field,
            frames,
            width: size.width,
            height: size.height,
            spacing: meta.spacing.as_ref().and_then(crate::journal::SpacingRecord::of),
            fingerprint,
        });
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        batch.rows.push(IdentityLine::Image(ImageIdentity {
            image: image.clone(),
            subject: subject.clone(),
            name: Sensitive::new(name),
            study_uid: identity.study_uid.clone().into(),
            series_uid: identity.series_uid.clone().into(),
            modality: modality(meta.field, &identity.modality),
        }));
        let disk = images::disk_label(&path);
        for (ordinal, (file, (print, bytes))) in (0u32..).zip(found.files.iter().zip(prints)) {
            let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.clone());
            batch.rows.push(IdentityLine::File(FileRow {
                image: image.clone(),
                ordinal,
                subject: subject.clone(),
                path: file.to_string_lossy().into_owned().into(),
                sop_uid: identity.sop_uids.get(ordinal as usize).cloned().unwrap_or_default().into(),
                bytes,
                fingerprint: print,
                sha256: None,
                disk: disk.clone().into(),
            }));
        }
        batch.sources.push(found.source.clone());
        out.images.push((case, image));
        Ok(())
    }

    fn new_case(
        &mut self,
        group: &str,
        study: &str,
        patient: &str,
        batch: &mut Batch,
    ) -> Result<(CaseId, SubjectId), ProjectError> {
        // A later series of a known study belongs to its case.
        if !study.is_empty() {
            let known = self.identity_lines()?.into_iter().find_map(|l| match l {
                IdentityLine::Image(i) if i.study_uid.reveal() == study => Some(i.image),
                _ => None,
            });
            if let Some(record) = known.and_then(|i| self.state.image(&i)) {
                let found = (record.case.clone(), record.subject.clone());
                batch.cases.insert(group.to_owned(), found.clone());
                return Ok(found);
            }
        }
        let known = if patient.is_empty() { None } else { self.store.subject_by_source(patient)? };
        let number = batch.next_label;
        batch.next_label += 1;
        let case = CaseId::from_random(self.random());
        let subject = match known.or_else(|| batch.subjects.get(patient).cloned()) {
            Some(subject) => subject,
            None => {
                let subject = SubjectId::from_random(self.random());
                let pseudonym = Sensitive::new(format!("P-{number:04}"));
                batch.rows.push(IdentityLine::Subject {
                    subject: subject.clone(),
                    pseudonym,
                    source_id: patient.to_owned().into(),
                });
                subject
            }
        };
        if !patient.is_empty() {
            batch.subjects.insert(patient.to_owned(), subject.clone());
        }
        let label = Sensitive::new(format!("C-{number:04}"));
        batch.rows.push(IdentityLine::Case { case: case.clone(), subject: subject.clone(), label });
        batch.cases.insert(group.to_owned(), (case.clone(), subject.clone()));
        Ok((case, subject))
    }

    fn random(&mut self) -> [u8; 16] {
        let mut bytes = [0u8; 16];
        (self.clock.random)(&mut bytes);
        bytes
    }

    /// Images whose full hash is not known yet and whose files are there.
    ///
    /// # Errors
    /// Store errors.
    pub fn pending_hashes(&self) -> Result<Vec<HashJob>, ProjectError> {
        let mut jobs = Vec::new();
        for record in self.state.images().filter(|i| i.sha256.is_none() && !self.state.is_erased(&i.subject)) {
            let rows = self.store.files_of(&record.id)?;
            if rows.is_empty() || rows.iter().any(|r| !std::path::Path::new(r.path.reveal()).is_file()) {
                continue;
            }
            let total_bytes = rows.iter().filter(|r| r.sha256.is_none()).map(|r| r.bytes).sum();
            let files = rows.into_iter().map(|r| (r.ordinal, PathBuf::from(r.path.into_inner()), r.sha256)).collect();
            jobs.push(HashJob { image: record.id.clone(), files, total_bytes });
        }
        Ok(jobs)
    }

    /// Keeps what a hash job found; complete images are signed into the catalogue by the coordinator's key.
    ///
    /// # Errors
    /// Rules and store errors.
    pub fn record_hashes(&mut self, outcomes: &[HashOutcome]) -> Result<(), ProjectError> {
        let mut rows = Vec::new();
        let mut hashed = Vec::new();
        for outcome in outcomes {
            for mut row in self.store.files_of(&outcome.image)? {
                if let Some((_, digest)) = outcome.files.iter().find(|(o, _)| *o == row.ordinal) {
                    row.sha256 = Some(*digest);
                    rows.push(IdentityLine::File(row));
                }
            }
            let digests: Vec<Digest> = outcome.files.iter().map(|(_, d)| *d).collect();
            if let Some(digest) = image_hash(&digests).filter(|_| outcome.complete) {
                hashed.push((outcome.image.clone(), digest));
            }
        }
        let may_sign = self.roles().contains(&crate::domain::Role::Coordinator);
        if hashed.is_empty() || !may_sign {
            self.store.put_identity(&rows)?;
            return Ok(());
        }
        let command = Command::Catalog(CatalogCommand::Hashed { images: hashed });
        match self.append(&[command], &Cause::Job, &rows) {
            Ok(_) | Err(ProjectError::Rejected(super::Rejection::NothingToDo)) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

#[derive(Default)]
struct Batch {
    images: Vec<NewImage>,
    rows: Vec<IdentityLine>,
    cases: BTreeMap<String, (CaseId, SubjectId)>,
    subjects: BTreeMap<String, SubjectId>,
    sources: Vec<std::sync::Arc<dyn crate::imaging::ImageSource>>,
    next_label: u32,
}

/// DICOM's own modality code, or the one a DICOM object of that field would carry.
fn modality(field: Field, dicom: &str) -> String {
    let word = match field {
        _ if !dicom.is_empty() => dicom,
        Field::Pathology => "SM",
        Field::Endoscopy => "ES",
        Field::Radiology | Field::Other => "OT",
    };
    word.to_owned()
}
