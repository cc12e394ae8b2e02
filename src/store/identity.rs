//! Erasable identity: the only place for names, paths, UIDs and pseudonyms. Joined to the journal by random ids.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::{CaseId, Digest, ImageId, ReaderId, Sensitive, SubjectId};
use crate::journal::State;

type Text = Sensitive<String>;

/// One row, as `identity export` writes and `identity import` reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
pub enum IdentityLine {
    Subject { subject: SubjectId, pseudonym: Text, source_id: Text },
    Case { case: CaseId, subject: SubjectId, label: Text },
    Image(ImageIdentity),
    File(FileRow),
    Reader { reader: ReaderId, name: Text },
}

impl IdentityLine {
    /// Whom the row is about; readers are nobody's subject.
    pub const fn subject(&self) -> Option<&SubjectId> {
        match self {
            Self::Subject { subject, .. } | Self::Case { subject, .. } => Some(subject),
            Self::Image(i) => Some(&i.subject),
            Self::File(f) => Some(&f.subject),
            Self::Reader { .. } => None,
        }
    }
}

/// Whether a row that comes with commands belongs to what is catalogued now: another process may have catalogued the same
/// image, or erased the subject, since the row was made.
pub(super) fn belongs(line: &IdentityLine, state: &State) -> bool {
    let catalogued = match line {
        IdentityLine::Subject { subject, .. } => state.cases().any(|c| c.subject == *subject),
        IdentityLine::Case { case, .. } => state.case(case).is_some(),
        IdentityLine::Image(i) => state.image(&i.image).is_some(),
        IdentityLine::File(f) => state.image(&f.image).is_some(),
        IdentityLine::Reader { .. } => true,
    };
    catalogued && !line.subject().is_some_and(|s| state.is_erased(s))
}

/// The label, or the next free one of its kind where another case has it already: two imports may count at the same time.
fn free_label(db: &Connection, case: &CaseId, label: &str) -> Result<String, StoreError> {
    let sql = "SELECT 1 FROM identity_cases WHERE label = ?1 AND case_id <> ?2";
    let mut taken = db.prepare_cached(sql)?;
    if !taken.exists(params![label, case.as_str()])? {
        return Ok(label.to_owned());
    }
    let (kind, number) = label.rsplit_once('-').unwrap_or(("C", ""));
    let mut number = number.parse::<u32>().unwrap_or(0).max(highest_label(db)?);
    loop {
        number += 1;
        let next = format!("{kind}-{number:04}");
        if !taken.exists(params![next, case.as_str()])? {
            return Ok(next);
        }
    }
}

/// The greatest number that stands at the end of a case's label.
pub(super) fn highest_label(db: &Connection) -> Result<u32, StoreError> {
    let mut query = db.prepare_cached("SELECT label FROM identity_cases")?;
    let labels = query.query_map([], |r| r.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(labels.iter().filter_map(|l| l.rsplit_once('-')?.1.parse().ok()).max().unwrap_or(0))
}

/// What people call an image, and its DICOM identity; empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageIdentity {
    pub image: ImageId,
    pub subject: SubjectId,
    pub name: Text,
    pub study_uid: Text,
    pub series_uid: Text,
    pub modality: String,
}

/// One file of an image, in frame order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    pub image: ImageId,
    pub ordinal: u32,
    pub subject: SubjectId,
    pub path: Text,
    pub sop_uid: Text,
    pub bytes: u64,
    pub fingerprint: Digest,
    pub sha256: Option<Digest>,
    /// Label of the disk it was last seen on.
    pub disk: Text,
}

fn digest(bytes: Vec<u8>) -> rusqlite::Result<Digest> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| rusqlite::Error::InvalidQuery)
}

fn id<T: std::str::FromStr>(text: &str) -> rusqlite::Result<T> {
    text.parse().map_err(|_| rusqlite::Error::InvalidQuery)
}

/// Writes a row, replacing one of the same key.
pub(super) fn put(db: &Connection, line: &IdentityLine) -> Result<(), StoreError> {
    match line {
        IdentityLine::Subject { subject, pseudonym, source_id } => db.execute(
            "INSERT OR REPLACE INTO identity_subjects VALUES (?1, ?2, ?3)",
            params![subject.as_str(), pseudonym.reveal(), source_id.reveal()],
        )?,
        IdentityLine::Case { case, subject, label } => db.execute(
            "INSERT OR REPLACE INTO identity_cases VALUES (?1, ?2, ?3)",
            params![case.as_str(), subject.as_str(), free_label(db, case, label.reveal())?],
        )?,
        IdentityLine::Image(i) => db.execute(
            "INSERT OR REPLACE INTO identity_images VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                i.image.as_str(),
                i.subject.as_str(),
                i.name.reveal(),
                i.study_uid.reveal(),
                i.series_uid.reveal(),
                i.modality
            ],
        )?,
        IdentityLine::File(f) => db.execute(
            "INSERT OR REPLACE INTO identity_files VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                f.image.as_str(),
                f.ordinal,
                f.subject.as_str(),
                f.path.reveal(),
                f.sop_uid.reveal(),
                i64::try_from(f.bytes).unwrap_or(i64::MAX),
                f.fingerprint.as_bytes().as_slice(),
                f.sha256.map(|d| d.as_bytes().to_vec()),
                f.disk.reveal()
            ],
        )?,
        IdentityLine::Reader { reader, name } => db.execute(
            "INSERT OR REPLACE INTO identity_readers VALUES (?1, ?2)",
            params![reader.as_str(), name.reveal()],
        )?,
    };
    Ok(())
}

/// Every row, in a fixed order.
pub(super) fn all(db: &Connection) -> Result<Vec<IdentityLine>, StoreError> {
    let mut out = Vec::new();
    let mut q = db.prepare("SELECT subject, pseudonym, source_id FROM identity_subjects ORDER BY subject")?;
    let rows = q.query_map([], |r| {
        Ok(IdentityLine::Subject {
            subject: id(r.get_ref(0)?.as_str()?)?,
            pseudonym: r.get::<_, String>(1)?.into(),
            source_id: r.get::<_, String>(2)?.into(),
        })
    })?;
    out.extend(rows.collect::<Result<Vec<_>, _>>()?);
    let mut q = db.prepare("SELECT case_id, subject, label FROM identity_cases ORDER BY case_id")?;
    let rows = q.query_map([], |r| {
        Ok(IdentityLine::Case {
            case: id(r.get_ref(0)?.as_str()?)?,
            subject: id(r.get_ref(1)?.as_str()?)?,
            label: r.get::<_, String>(2)?.into(),
        })
    })?;
    out.extend(rows.collect::<Result<Vec<_>, _>>()?);
    let mut q =
        db.prepare("SELECT image, subject, name, study_uid, series_uid, modality FROM identity_images ORDER BY image")?;
    let rows = q.query_map([], |r| image_row(r).map(IdentityLine::Image))?;
    out.extend(rows.collect::<Result<Vec<_>, _>>()?);
    let mut q = db.prepare(FILE_SQL_ALL)?;
    let rows = q.query_map([], |r| file_row(r).map(IdentityLine::File))?;
    out.extend(rows.collect::<Result<Vec<_>, _>>()?);
    let mut q = db.prepare("SELECT reader, name FROM identity_readers ORDER BY reader")?;
    let rows = q.query_map([], |r| {
        Ok(IdentityLine::Reader { reader: id(r.get_ref(0)?.as_str()?)?, name: r.get::<_, String>(1)?.into() })
    })?;
    out.extend(rows.collect::<Result<Vec<_>, _>>()?);
    Ok(out)
}

const FILE_SQL_ALL: &str = "SELECT image, ordinal, subject, path, sop_uid, bytes, fingerprint, sha256, disk FROM identity_files ORDER BY image, ordinal";

fn image_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<ImageIdentity> {
    Ok(ImageIdentity {
        image: id(r.get_ref(0)?.as_str()?)?,
        subject: id(r.get_ref(1)?.as_str()?)?,
        name: r.get::<_, String>(2)?.into(),
        study_uid: r.get::<_, String>(3)?.into(),
        series_uid: r.get::<_, String>(4)?.into(),
        modality: r.get(5)?,
    })
}

fn file_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        image: id(r.get_ref(0)?.as_str()?)?,
        ordinal: r.get(1)?,
        subject: id(r.get_ref(2)?.as_str()?)?,
        path: r.get::<_, String>(3)?.into(),
        sop_uid: r.get::<_, String>(4)?.into(),
        bytes: u64::try_from(r.get::<_, i64>(5)?).unwrap_or(0),
        fingerprint: digest(r.get(6)?)?,
        sha256: r.get::<_, Option<Vec<u8>>>(7)?.map(digest).transpose()?,
        disk: r.get::<_, String>(8)?.into(),
    })
}

pub(super) fn files(db: &Connection, image: &ImageId) -> Result<Vec<FileRow>, StoreError> {
    let mut q = db.prepare_cached(
        "SELECT image, ordinal, subject, path, sop_uid, bytes, fingerprint, sha256, disk FROM identity_files WHERE image = ?1 ORDER BY ordinal",
    )?;
    Ok(q.query_map([image.as_str()], file_row)?.collect::<Result<Vec<_>, _>>()?)
}

/// Images that already hold a file of this fingerprint.
pub(super) fn images_with_fingerprint(db: &Connection, fingerprint: &Digest) -> Result<Vec<ImageId>, StoreError> {
    let mut q = db.prepare_cached("SELECT DISTINCT image FROM identity_files WHERE fingerprint = ?1 ORDER BY image")?;
    Ok(q.query_map([fingerprint.as_bytes().as_slice()], |r| id(r.get_ref(0)?.as_str()?))?
        .collect::<Result<Vec<_>, _>>()?)
}

pub(super) fn image(db: &Connection, image: &ImageId) -> Result<Option<ImageIdentity>, StoreError> {
    let sql = "SELECT image, subject, name, study_uid, series_uid, modality FROM identity_images WHERE image = ?1";
    Ok(db.prepare_cached(sql)?.query_row([image.as_str()], image_row).optional()?)
}

pub(super) fn case_label(db: &Connection, case: &CaseId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT label FROM identity_cases WHERE case_id = ?1";
    Ok(db.prepare_cached(sql)?.query_row([case.as_str()], |r| r.get(0)).optional()?)
}

pub(super) fn subject_by_source(db: &Connection, source_id: &str) -> Result<Option<SubjectId>, StoreError> {
    let sql = "SELECT subject FROM identity_subjects WHERE source_id = ?1 AND source_id <> '' ORDER BY subject LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([source_id], |r| id(r.get_ref(0)?.as_str()?)).optional()?)
}

pub(super) fn case_by_label(db: &Connection, label: &str) -> Result<Option<CaseId>, StoreError> {
    let sql = "SELECT case_id FROM identity_cases WHERE label = ?1 ORDER BY case_id LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([label], |r| id(r.get_ref(0)?.as_str()?)).optional()?)
}

pub(super) fn pseudonym(db: &Connection, subject: &SubjectId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT pseudonym FROM identity_subjects WHERE subject = ?1";
    Ok(db.prepare_cached(sql)?.query_row([subject.as_str()], |r| r.get(0)).optional()?)
}

/// Removes every row of a subject.
pub(super) fn erase(db: &Connection, subject: &SubjectId) -> Result<(), StoreError> {
    for table in ["identity_subjects", "identity_cases", "identity_images", "identity_files"] {
        db.execute(&format!("DELETE FROM {table} WHERE subject = ?1"), [subject.as_str()])?;
    }
    Ok(())
}
