//! Import: images are catalogued where they lie, at once on a quick fingerprint; the full hash follows as a job.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Project, ProjectError, images};
use crate::domain::{CaseId, Digest, Field, ImageId, Sensitive, SubjectId};
use crate::imaging::identity::{HashError, hash_chunks, image_hash, quick_fingerprint};
use crate::imaging::{ImageMeta, ImageSource, ScanResult, scan, video};
use crate::journal::{CatalogCommand, Cause, Command, NewImage};
use crate::store::{FileRow, IdentityLine, ImageIdentity};
use crate::tasks::{Cancel, Cancelled, Progress};

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
            let result = hash_chunks(path, |n| {
                last += n;
                if progress(before + last) { Ok(()) } else { Err(Cancelled) }
            });
            before += last;
            match result {
                Ok(digest) => out.files.push((*ordinal, digest)),
                Err(HashError::Cancelled(_)) => {
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

/// Quick fingerprint and size in bytes of every file of an image, in frame order.
type Prints = Vec<(Digest, u64)>;

/// Images that were found and fingerprinted: everything of an import that takes its time and needs no project.
#[derive(Clone, Default)]
pub struct FoundImages {
    images: Vec<(Arc<dyn ImageSource>, Prints)>,
    skipped: Vec<(PathBuf, String)>,
    asked: PathBuf,
}

impl FoundImages {
    /// Looks through files and folders and reads the fingerprint of every image file. `looked` counts files that were
    /// looked at, `read` files of images that were fingerprinted.
    ///
    /// # Errors
    /// [`ProjectError::Cancelled`], files that vanish under the reading.
    pub fn under(paths: &[PathBuf], looked: &Progress, read: &Progress, cancel: &Cancel) -> Result<Self, ProjectError> {
        let found = scan(paths, looked, cancel).map_err(|_| ProjectError::Cancelled)?;
        let mut out = Self::fingerprinted(&found, read, cancel)?;
        // An empty folder leaves nothing to name but itself.
        out.asked = paths.first().cloned().unwrap_or_default();
        Ok(out)
    }

    fn fingerprinted(found: &ScanResult, read: &Progress, cancel: &Cancel) -> Result<Self, ProjectError> {
        read.set_total(found.images.iter().map(|i| i.source.meta().files.len() as u64).sum());
        let mut out =
            Self { asked: found.skipped.first().map(|s| s.path.clone()).unwrap_or_default(), ..Self::default() };
        out.skipped = found.skipped.iter().map(|s| (s.path.clone(), s.reason.clone())).collect();
        for image in &found.images {
            let mut prints = Vec::new();
            for path in &image.source.meta().files {
                cancel.check().map_err(|_| ProjectError::Cancelled)?;
                let bytes = std::fs::metadata(path)
                    .map_err(|source| super::StoreError::Io { path: path.clone(), source })?
                    .len();
                prints.push((quick_fingerprint(path)?, bytes));
                read.advance(1);
            }
            out.images.push((Arc::clone(&image.source), prints));
        }
        Ok(out)
    }

    /// Takes films that a recorder cut into numbered files as one film each. Films that do not fit together stay apart.
    pub fn join_films(&mut self) {
        let firsts: Vec<Option<PathBuf>> = self
            .images
            .iter()
            .map(|(source, _)| match source.meta().files.as_slice() {
                [file] if source.meta().timing.is_some() => Some(file.clone()),
                _ => None,
            })
            .collect();
        let films: Vec<(usize, &std::path::Path)> =
            firsts.iter().enumerate().filter_map(|(at, file)| Some((at, file.as_deref()?))).collect();
        let paths: Vec<&std::path::Path> = films.iter().map(|(_, path)| *path).collect();
        let mut gone = Vec::new();
        for run in video::numbered_runs(&paths) {
            let places: Vec<usize> = run.iter().filter_map(|at| films.get(*at).map(|(place, _)| *place)).collect();
            let files: Vec<PathBuf> = places.iter().filter_map(|at| firsts.get(*at).cloned().flatten()).collect();
            let Ok(film) = video::open_joined(&files) else { continue };
            let prints = places.iter().filter_map(|at| self.images.get(*at)).flat_map(|(_, p)| p.clone()).collect();
            if let Some(first) = places.first().and_then(|at| self.images.get_mut(*at)) {
                *first = (Arc::new(film), prints);
            }
            gone.extend(places.into_iter().skip(1));
        }
        let mut at = 0;
        self.images.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }

    /// Files that are no image.
    pub const fn skipped(&self) -> usize {
        self.skipped.len()
    }

    /// # Errors
    /// [`ProjectError::NothingToImport`] when there is no image at all, with the reason when there was one file.
    pub fn check(&self) -> Result<(), ProjectError> {
        match (self.images.as_slice(), self.skipped.as_slice()) {
            ([], [(path, reason)]) => Err(ProjectError::Input {
                file: path.display().to_string(),
                reason: reason.clone(),
                hint: "Nothing was imported.".to_owned(),
            }),
            ([], _) => Err(ProjectError::NothingToImport(self.asked.clone())),
            _ => Ok(()),
        }
    }
}

impl Project {
    /// Finds the images under some paths and catalogues them.
    ///
    /// # Errors
    /// As [`Project::import_found`], and [`ProjectError::Cancelled`].
    pub fn import(
        &mut self,
        paths: &[PathBuf],
        case_by: CaseBy,
        cause: &Cause,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Catalogued, ProjectError> {
        let found = FoundImages::under(paths, progress, &Progress::new(), cancel)?;
        self.import_found(&found, case_by, cause)
    }

    /// Catalogues what was found, all of it in one transaction or nothing. What is catalogued already (same fingerprints)
    /// is not taken twice.
    ///
    /// # Errors
    /// [`ProjectError::NothingToImport`] when there is no image at all; rules and store errors.
    pub fn import_found(
        &mut self,
        found: &FoundImages,
        case_by: CaseBy,
        cause: &Cause,
    ) -> Result<Catalogued, ProjectError> {
        found.check()?;
        let skipped =
            found.skipped.iter().map(|(p, why)| (Sensitive::new(p.to_string_lossy().into_owned()), why.clone()));
        let mut out = Catalogued { skipped: skipped.collect(), ..Catalogued::default() };
        self.catch_up()?;
        // Numbers of erased cases are not given again: somebody may have them on paper.
        let catalogued = u32::try_from(self.state.cases().count()).unwrap_or(u32::MAX);
        let highest = self.store.highest_label()?.max(catalogued);
        let mut batch = Batch { next_label: highest.saturating_add(1), ..Batch::default() };
        for (source, prints) in &found.images {
            self.add_found(source.meta(), prints, case_by, &mut batch, &mut out)?;
        }
        if !batch.images.is_empty() {
            let prints: BTreeMap<ImageId, Digest> =
                batch.images.iter().map(|i| (i.image.clone(), i.fingerprint)).collect();
            let add = Command::Catalog(CatalogCommand::Add { images: batch.images });
            match self.append(&[add], cause, &batch.rows) {
                // Another process was quicker with all of it.
                Ok(_) | Err(ProjectError::Rejected(super::Rejection::NothingToDo)) => {}
                Err(e) => return Err(e),
            }
            let (new, beaten): (Vec<_>, Vec<_>) =
                out.images.into_iter().partition(|(_, i)| self.state.image(i).is_some());
            out.images = new;
            for (_, image) in beaten {
                let print = prints.get(&image);
                let known =
                    self.state.images().find(|i| Some(&i.fingerprint) == print && !self.state.is_erased(&i.subject));
                out.known.extend(known.map(|i| (i.case.clone(), i.id.clone())));
            }
        }
        Ok(out)
    }

    fn add_found(
        &mut self,
        meta: &ImageMeta,
        prints: &[(Digest, u64)],
        case_by: CaseBy,
        batch: &mut Batch,
        out: &mut Catalogued,
    ) -> Result<(), ProjectError> {
        let Some((first, _)) = prints.first().copied() else { return Ok(()) };
        let fingerprint = image_hash(&prints.iter().map(|(p, _)| *p).collect::<Vec<_>>());
        for known in self.store.images_with_fingerprint(&first)? {
            if let Some(record) = self.state.image(&known).filter(|r| r.fingerprint == fingerprint) {
                out.known.push((record.case.clone(), known));
                return Ok(());
            }
        }
        let identity = &meta.identity;
        let path = meta.files.first().cloned().unwrap_or_default();
        let folder = path.parent().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let group = match case_by {
            CaseBy::Auto | CaseBy::Study if !identity.study_uid.is_empty() => format!("study {}", identity.study_uid),
            CaseBy::Folder => format!("folder {folder}"),
            _ => format!("file {}", path.display()),
        };
        let image = ImageId::from_random(self.random()?);
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
        // A series is known by its folder, a single file by its name.
        let named = if meta.files.len() > 1 { path.parent().unwrap_or(&path) } else { &path };
        let name = named.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        batch.rows.push(IdentityLine::Image(ImageIdentity {
            image: image.clone(),
            subject: subject.clone(),
            name: Sensitive::new(name),
            study_uid: identity.study_uid.clone().into(),
            series_uid: identity.series_uid.clone().into(),
            modality: modality(meta.field, &identity.modality),
        }));
        let disk = images::disk_label(&path);
        for (ordinal, (file, (print, bytes))) in (0u32..).zip(meta.files.iter().zip(prints.iter().copied())) {
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
        let case = CaseId::from_random(self.random()?);
        let subject = match known.or_else(|| batch.subjects.get(patient).cloned()) {
            Some(subject) => subject,
            None => {
                let subject = SubjectId::from_random(self.random()?);
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

    fn random(&mut self) -> Result<[u8; 16], ProjectError> {
        let mut bytes = [0u8; 16];
        (self.clock.random)(&mut bytes);
        // Zeros are what a failed source leaves; an id made of them would join strangers.
        if bytes == [0; 16] { Err(super::StoreError::Random.into()) } else { Ok(bytes) }
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
            if outcome.complete && !digests.is_empty() {
                hashed.push((outcome.image.clone(), image_hash(&digests)));
            }
        }
        let may_sign = self.roles().contains(&crate::domain::Role::Coordinator);
        if hashed.is_empty() || !may_sign {
            return Ok(self.store.put_identity(&mut self.state, &rows)?);
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
