//! Tables of `project.sqlite`, version 2.
//!
//! What a gesture costs is mostly the number of pages that it touches, each of which goes to the disk before the next frame.
//! So there are few indexes: rows of the log are found by stream and number, values by their digest. Erasing a subject reads
//! through all values instead; it is rare.
//!
//! Version 1 had the log's hashes in an index of their own, `AUTOINCREMENT` ids, values indexed by subject, and derived rows
//! of findings that were not sealed.

use rusqlite::Connection;

/// "SKN1": tells a project database from any other SQLite file.
pub(super) const APPLICATION_ID: i32 = 0x534b_4e31;
/// The `user_version` that this program writes, and the highest that it works on.
pub(super) const VERSION: i64 = 2;

const TABLES: &str = "
-- Ids only grow, as in AUTOINCREMENT: SQLite takes the greatest and adds one, and no row ever goes.
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    stream BLOB NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    signature BLOB NOT NULL
);
-- Two hashes under one number are a fork, and both are kept.
CREATE UNIQUE INDEX transactions_by_stream ON transactions(stream, seq, hash);
CREATE TRIGGER transactions_no_update BEFORE UPDATE ON transactions
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER transactions_no_delete BEFORE DELETE ON transactions
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

-- Which copy of this folder appended to which stream; local, never exported.
CREATE TABLE local_streams (stream BLOB PRIMARY KEY, instance TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE subject_keys (subject TEXT PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sealed_values (digest BLOB PRIMARY KEY, subject TEXT NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL);

CREATE TABLE identity_subjects (subject TEXT PRIMARY KEY, pseudonym TEXT NOT NULL, source_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identity_cases (case_id TEXT PRIMARY KEY, subject TEXT NOT NULL, label TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identity_images (
    image TEXT PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, study_uid TEXT NOT NULL, series_uid TEXT NOT NULL,
    modality TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE identity_files (
    image TEXT NOT NULL, ordinal INTEGER NOT NULL, subject TEXT NOT NULL, path TEXT NOT NULL, sop_uid TEXT NOT NULL,
    bytes INTEGER NOT NULL, fingerprint BLOB NOT NULL, sha256 BLOB, disk TEXT NOT NULL,
    PRIMARY KEY (image, ordinal)
) WITHOUT ROWID;
CREATE TABLE identity_readers (reader TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;

-- Projections: derived from the log, compared and made anew by `rebuild`.
CREATE TABLE entities (
    kind TEXT NOT NULL, id TEXT NOT NULL, stream BLOB NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stream, kind, id)
) WITHOUT ROWID;
";

/// Makes the tables in an empty database, in one step.
///
/// # Errors
/// Database errors, a full disk.
pub(super) fn make(db: &Connection) -> Result<(), rusqlite::Error> {
    db.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))
}

/// Names of the tables, in the order of their making.
///
/// # Errors
/// Database errors.
pub(super) fn tables(db: &Connection, schema: &str) -> Result<Vec<String>, rusqlite::Error> {
    let sql = format!(
        "SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid"
    );
    db.prepare(&sql)?.query_map([], |r| r.get(0))?.collect()
}
