//! What the tables of a project hold, as one digest a table: the means by which a copy proves that it is one.

use rusqlite::{Connection, types::ValueRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::StoreError;
use crate::domain::Digest;

/// Every row of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub table: String,
    pub rows: u64,
    /// SHA-256 over all rows in a fixed order, each value with its type and length.
    pub sha256: Digest,
}

/// The tables that a copy must hold byte for byte, each in the order that its digest is taken in. `meta` and
/// `local_streams` say which folder this is and are not part of what is kept.
const TABLES: &[(&str, &str)] = &[
    ("transactions", "SELECT hash, stream, seq, body, signature FROM transactions ORDER BY id"),
    ("entities", ENTITIES),
    ("subject_keys", "SELECT subject, key FROM subject_keys ORDER BY subject"),
    ("sealed_values", "SELECT digest, subject, nonce, sealed FROM sealed_values ORDER BY digest"),
    ("identity_subjects", "SELECT * FROM identity_subjects ORDER BY subject"),
    ("identity_cases", "SELECT * FROM identity_cases ORDER BY case_id"),
    ("identity_images", "SELECT * FROM identity_images ORDER BY image"),
    ("identity_files", "SELECT * FROM identity_files ORDER BY image, ordinal"),
    ("identity_readers", "SELECT * FROM identity_readers ORDER BY reader"),
];

/// In the order of the table, so that nothing is sorted in memory. Backups of version 1 were digested in another.
const ENTITIES: &str = "SELECT kind, id, stream, body FROM entities ORDER BY stream, kind, id";
const ENTITIES_OF_1: &str = "SELECT kind, id, stream, body FROM entities ORDER BY kind, id, stream";

const DRAFTS: &[(&str, &str)] = &[("drafts", "SELECT * FROM drafts ORDER BY reader, case_id")];

fn section(db: &Connection, table: &str, sql: &str) -> Result<Section, StoreError> {
    let mut query = db.prepare(sql)?;
    let columns = query.column_count();
    let mut rows = query.query([])?;
    let (mut hasher, mut count) = (Sha256::new(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            let (kind, bytes) = match row.get_ref(column)? {
                ValueRef::Null => (0u8, Vec::new()),
                ValueRef::Integer(i) => (1, i.to_be_bytes().to_vec()),
                ValueRef::Real(r) => (2, r.to_bits().to_be_bytes().to_vec()),
                ValueRef::Text(t) => (3, t.to_vec()),
                ValueRef::Blob(b) => (4, b.to_vec()),
            };
            hasher.update([kind]);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(&bytes);
        }
    }
    Ok(Section { table: table.to_owned(), rows: count, sha256: Digest::from_bytes(hasher.finalize().into()) })
}

/// Digests of a project database, one row at a time: memory does not grow with the project.
pub(super) fn of_project(db: &Connection) -> Result<Vec<Section>, StoreError> {
    of_tables(db, |_| true)
}

/// Digests of the tables that are asked for.
pub(super) fn of_tables(db: &Connection, asked: impl Fn(&str) -> bool) -> Result<Vec<Section>, StoreError> {
    let version: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let sql_of = |sql| if version < 2 && sql == ENTITIES { ENTITIES_OF_1 } else { sql };
    TABLES.iter().filter(|(table, _)| asked(table)).map(|(table, sql)| section(db, table, sql_of(sql))).collect()
}

pub(super) fn of_drafts(db: &Connection) -> Result<Vec<Section>, StoreError> {
    DRAFTS.iter().map(|(table, sql)| section(db, table, sql)).collect()
}
