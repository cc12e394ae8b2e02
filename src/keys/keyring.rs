//! Key files: make, list, unlock.

use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use ed25519_dalek::Signer;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::Digest;
use crate::journal::PublicKey;

/// Why a key could not be made, found or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key folder {} cannot be used: {source}. Check its permissions or set SHOKEN_HOME.", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the key file {} is damaged. Restore it from a backup, or enrol a new key.", .0.display())]
    Damaged(PathBuf),
    #[error("the key {0} is not on this machine")]
    NotHere(String),
    #[error("the key is protected: give its passphrase in a file named by SHOKEN_PASSPHRASE_FILE")]
    Locked,
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    #[error("no randomness from the operating system")]
    Random,
}

/// A private key in memory; wiped when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A key from 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(Digest::from_bytes(self.0.verifying_key().to_bytes()))
    }

    /// Ed25519 signature; deterministic.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    version: u32,
    public: PublicKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    nonce: String,
    secret: String,
}

/// The keys on this machine.
#[derive(Clone, Debug)]
pub struct Keyring {
    folder: PathBuf,
}

/// A key file never asks for more than this; a planted file must not be able to take all memory.
const MAX_MEMORY_KIB: u32 = 1 << 20;

impl Keyring {
    /// The keyring in `$SHOKEN_HOME/keys`.
    pub fn at(home: &Path) -> Self {
        Self { folder: home.join("keys") }
    }

    fn path(&self, public: &PublicKey) -> PathBuf {
        self.folder.join(format!("{public}.json"))
    }

    pub fn has(&self, public: &PublicKey) -> bool {
        self.path(public).is_file()
    }

    /// Makes a key and writes its file.
    ///
    /// # Errors
    /// When there is no randomness or the folder cannot be written.
    pub fn generate(&self, passphrase: Option<&str>) -> Result<SigningKey, KeyError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(seed.as_mut()).map_err(|_| KeyError::Random)?;
        let key = SigningKey::from_seed(&seed);
        let file = match passphrase {
            None => {
                KeyFile { version: 1, public: key.public(), secret: Some(HEXLOWER.encode(seed.as_ref())), sealed: None }
            }
            Some(p) => KeyFile { version: 1, public: key.public(), secret: None, sealed: Some(seal(&seed, p)?) },
        };
        let text = serde_json::to_string_pretty(&file).map_err(|_| KeyError::Random)?;
        let path = self.path(&key.public());
        let io = |source| KeyError::Io { path: self.folder.clone(), source };
        std::fs::create_dir_all(&self.folder).map_err(io)?;
        write_private(&path, text.as_bytes()).map_err(io)?;
        Ok(key)
    }

    /// The private key for a public one; the passphrase is asked for only when the file is sealed.
    ///
    /// # Errors
    /// [`KeyError::NotHere`], [`KeyError::Locked`], [`KeyError::WrongPassphrase`] or damage.
    pub fn load(&self, public: &PublicKey, passphrase: Option<&str>) -> Result<SigningKey, KeyError> {
        let path = self.path(public);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(KeyError::NotHere(public.to_string())),
            Err(source) => return Err(KeyError::Io { path, source }),
        };
        let damaged = || KeyError::Damaged(path.clone());
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| damaged())?;
        let seed = match (file.secret, file.sealed) {
            (Some(hex), _) => Zeroizing::new(HEXLOWER.decode(hex.as_bytes()).map_err(|_| damaged())?),
            (None, Some(sealed)) => unseal(&sealed, passphrase.ok_or(KeyError::Locked)?, &damaged)?,
            (None, None) => return Err(damaged()),
        };
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_slice().try_into().map_err(|_| damaged())?);
        let key = SigningKey::from_seed(&seed);
        if key.public() == *public { Ok(key) } else { Err(damaged()) }
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn derive(passphrase: &str, salt: &[u8], memory_kib: u32, passes: u32, lanes: u32) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(memory_kib, passes, lanes, Some(32)).ok()?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .ok()?;
    Some(key)
}

fn seal(seed: &[u8; 32], passphrase: &str) -> Result<Sealed, KeyError> {
    let (mut salt, mut nonce) = ([0u8; 16], [0u8; 24]);
    getrandom::fill(&mut salt).map_err(|_| KeyError::Random)?;
    getrandom::fill(&mut nonce).map_err(|_| KeyError::Random)?;
    let (memory_kib, passes, lanes) = (64 << 10, 3, 4);
    let key = derive(passphrase, &salt, memory_kib, passes, lanes).ok_or(KeyError::Random)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(key.as_ref()));
    let secret = cipher.encrypt(XNonce::from_slice(&nonce), seed.as_slice()).map_err(|_| KeyError::Random)?;
    let hex = |b: &[u8]| HEXLOWER.encode(b);
    Ok(Sealed { memory_kib, passes, lanes, salt: hex(&salt), nonce: hex(&nonce), secret: hex(&secret) })
}

fn unseal(sealed: &Sealed, passphrase: &str, damaged: &dyn Fn() -> KeyError) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let hex = |s: &str| HEXLOWER.decode(s.as_bytes()).map_err(|_| damaged());
    let (salt, nonce, secret) = (hex(&sealed.salt)?, hex(&sealed.nonce)?, hex(&sealed.secret)?);
    if nonce.len() != 24 || sealed.memory_kib > MAX_MEMORY_KIB || sealed.passes > 64 {
        return Err(damaged());
    }
    let key = derive(passphrase, &salt, sealed.memory_kib, sealed.passes, sealed.lanes).ok_or_else(damaged)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(key.as_ref()));
    cipher
        .decrypt(XNonce::from_slice(&nonce), secret.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::WrongPassphrase)
}
