//! Erasable values: sealed under their subject's random key, so that destroying the key destroys them everywhere.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::StoreError;
use crate::domain::{Digest, SubjectId};
use crate::journal::{NewValue, value_digest};

fn subject_key(db: &Connection, subject: &SubjectId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let mut query = db.prepare_cached("SELECT key FROM subject_keys WHERE subject = ?1")?;
    let row = query.query_row([subject.as_str()], |r| r.get::<_, Vec<u8>>(0));
    Ok(row.optional()?.map(Zeroizing::new))
}

fn cipher(key: &[u8]) -> Result<XChaCha20Poly1305, StoreError> {
    if key.len() == 32 { Ok(XChaCha20Poly1305::new(Key::from_slice(key))) } else { Err(StoreError::Value) }
}

/// Seals a value; makes the subject's key on first use. A value that is there already stays as it is.
pub(super) fn put(db: &Connection, value: &NewValue) -> Result<(), StoreError> {
    // A source of randomness that failed leaves zeros; a salt that can be guessed would make erasing worthless.
    if value.salt == [0; 32] {
        return Err(StoreError::Random);
    }
    let key = match subject_key(db, &value.subject)? {
        Some(key) => key,
        None => {
            let mut key = Zeroizing::new(vec![0u8; 32]);
            getrandom::fill(&mut key).map_err(|_| StoreError::Random)?;
            db.execute(
                "INSERT INTO subject_keys (subject, key) VALUES (?1, ?2)",
                params![value.subject.as_str(), key.as_slice()],
            )?;
            key
        }
    };
    let mut nonce = [0u8; 24];
    getrandom::fill(&mut nonce).map_err(|_| StoreError::Random)?;
    let plain = Zeroizing::new([value.salt.as_slice(), &value.value].concat());
    // The digest is bound in, so that one value cannot be put in another's place.
    let payload = Payload { msg: &plain, aad: value.digest.as_bytes() };
    let sealed = cipher(&key)?.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| StoreError::Value)?;
    let sql = "INSERT OR IGNORE INTO sealed_values (digest, subject, nonce, sealed) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![
        value.digest.as_bytes().as_slice(),
        value.subject.as_str(),
        nonce.as_slice(),
        sealed
    ])?;
    Ok(())
}

/// The value behind a digest with its salt; `None` when it was erased or never came here.
pub(super) fn get(db: &Connection, digest: &Digest) -> Result<Option<NewValue>, StoreError> {
    let row = db
        .prepare_cached("SELECT subject, nonce, sealed FROM sealed_values WHERE digest = ?1")?
        .query_row([digest.as_bytes().as_slice()], |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, Vec<u8>>(1)?, r.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let Some((subject, nonce, sealed)) = row else { return Ok(None) };
    let subject = SubjectId::new(&subject).map_err(|_| StoreError::Value)?;
    let Some(key) = subject_key(db, &subject)? else { return Ok(None) };
    if nonce.len() != 24 {
        return Err(StoreError::Value);
    }
    let payload = Payload { msg: &sealed, aad: digest.as_bytes() };
    let plain = cipher(&key)?.decrypt(XNonce::from_slice(&nonce), payload).map_err(|_| StoreError::Value)?;
    let plain = Zeroizing::new(plain);
    let (salt, value) = plain.split_first_chunk::<32>().ok_or(StoreError::Value)?;
    if value_digest(salt, value) != *digest {
        return Err(StoreError::Value);
    }
    Ok(Some(NewValue { digest: *digest, subject, salt: *salt, value: value.to_vec() }))
}

/// Destroys keys and values of subjects. All values are looked through, which takes as long as there are values; an index by
/// subject would cost every gesture a page.
pub(super) fn erase(db: &Connection, subjects: &[&SubjectId]) -> Result<(), StoreError> {
    if subjects.is_empty() {
        return Ok(());
    }
    let list = serde_json::to_string(subjects).map_err(|_| StoreError::Value)?;
    for table in ["subject_keys", "sealed_values"] {
        db.execute(&format!("DELETE FROM {table} WHERE subject IN (SELECT value FROM json_each(?1))"), [&list])?;
    }
    Ok(())
}

/// Whether a subject's key is here, without which none of its values can be read.
pub(super) fn holds_key(db: &Connection, subject: &SubjectId) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT 1 FROM subject_keys WHERE subject = ?1")?.exists([subject.as_str()])?)
}
