//! Names of things. None of them carries meaning about a person: they are hashes, counters or pseudonyms.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("a digest is 64 lowercase hexadecimal digits")]
    Digest,
    #[error(
        "an id is 1 to 32 characters out of a-z, A-Z, 0-9, dot, underscore and hyphen, starting with a letter or digit"
    )]
    Name,
}

/// SHA-256, written as 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// SHA-256(domain ‖ bytes). The domain string ends in NUL and keeps one kind of hash from passing as another.
    pub fn of(domain: &[u8], bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(domain);
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first ten characters of a base-32 rendering, enough to tell things apart in one project.
    fn short(&self) -> String {
        let mut text = data_encoding::BASE32_NOPAD.encode(&self.0).to_lowercase();
        text.truncate(12);
        text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({}…)", self.to_string().get(..12).unwrap_or_default())
    }
}

impl FromStr for Digest {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        let bytes = data_encoding::HEXLOWER.decode(s.as_bytes()).map_err(|_| IdError::Digest)?;
        Ok(Self(bytes.try_into().map_err(|_| IdError::Digest)?))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A stream is named by the hash of its first transaction, so its key, subject and project cannot be swapped.
pub type StreamId = Digest;

fn check_name(s: &str) -> Result<(), IdError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let first = s.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if first && s.len() <= 32 && s.chars().all(plain) { Ok(()) } else { Err(IdError::Name) }
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`IdError::Name`] unless it is 1 to 32 plain ASCII characters.
            pub fn new(s: &str) -> Result<Self, IdError> {
                check_name(s)?;
                Ok(Self(s.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> {
                Self::new(s)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                Self::new(&text).map_err(D::Error::custom)
            }
        }
    };
}

name_id!(
    /// A reader's pseudonym in this project, for example `R1`. The real name lives in the erasable identity tables.
    ReaderId
);
name_id!(
    /// One case. Random; the label that people see (`C-0001`) is erasable identity.
    CaseId
);
name_id!(
    /// One image. Random.
    ImageId
);
name_id!(
    /// One person or specimen donor. Random; never derived from anything that identifies.
    SubjectId
);
name_id!(
    /// One finding, derived from the stream and transaction that created it.
    FindingId
);

/// Which id a random one is; keeps the eye from taking one for another.
macro_rules! random_id {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// An id from 16 random bytes.
            pub fn from_random(random: [u8; 16]) -> Self {
                Self(format!(concat!($prefix, "{}"), Digest::of(b"shoken-id-v1\0", &random).short()))
            }
        }
    };
}
random_id!(CaseId, "c-");
random_id!(ImageId, "i-");
random_id!(SubjectId, "s-");

impl FindingId {
    /// The `index`-th finding made by transaction `seq` of `stream`.
    pub fn derive(stream: &StreamId, seq: u64, index: u32) -> Self {
        let mut bytes = stream.as_bytes().to_vec();
        bytes.extend(seq.to_le_bytes());
        bytes.extend(index.to_le_bytes());
        Self(format!("f-{}", Digest::of(b"shoken-finding-v1\0", &bytes).short()))
    }
}
