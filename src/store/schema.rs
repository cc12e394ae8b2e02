//! Tables of `project.sqlite`, version 1.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

/// "SKN1": tells a project database from any other SQLite file.
pub(super) const APPLICATION_ID: i32 = 0x534b_4e31;
/// Highest `user_version` that this program writes.
pub(super) const VERSION: i64 = 1;

/// Makes what is missing: an empty database becomes a project, and one from before a table or index gets it.
const V1: &str = "
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    stream BLOB NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    signature BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_by_stream ON transactions(stream, seq);
CREATE TRIGGER IF NOT EXISTS transactions_no_update BEFORE UPDATE ON transactions
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS transactions_no_delete BEFORE DELETE ON transactions
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

-- Which copy of this folder appended to which stream; local, never exported.
CREATE TABLE IF NOT EXISTS local_streams (stream BLOB PRIMARY KEY, instance TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS subject_keys (subject TEXT PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sealed_values (digest BLOB PRIMARY KEY, subject TEXT NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS sealed_values_by_subject ON sealed_values(subject);

CREATE TABLE IF NOT EXISTS identity_subjects (subject TEXT PRIMARY KEY, pseudonym TEXT NOT NULL, source_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity_cases (case_id TEXT PRIMARY KEY, subject TEXT NOT NULL, label TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity_images (
    image TEXT PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, study_uid TEXT NOT NULL, series_uid TEXT NOT NULL,
    modality TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity_files (
    image TEXT NOT NULL, ordinal INTEGER NOT NULL, subject TEXT NOT NULL, path TEXT NOT NULL, sop_uid TEXT NOT NULL,
    bytes INTEGER NOT NULL, fingerprint BLOB NOT NULL, sha256 BLOB, disk TEXT NOT NULL,
    PRIMARY KEY (image, ordinal)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity_readers (reader TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;

-- Projections: derived from the log, compared and made anew by `rebuild`.
CREATE TABLE IF NOT EXISTS entities (kind TEXT NOT NULL, id TEXT NOT NULL, stream BLOB NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id, stream)) WITHOUT ROWID;
";

/// Brings an open connection to [`VERSION`].
pub(super) fn migrate(db: &mut Connection) -> Result<(), rusqlite_migration::Error> {
    Migrations::new(vec![M::up(V1)]).to_latest(db)
}
