//! The signed bytes: body, canonical form, hash, and the strict parser that accepts no other spelling.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::Recorded;
use crate::domain::{CaseId, Digest, ReaderId, StreamId};

const TX_DOMAIN: &[u8] = b"shoken-tx-v1\0";
const SIG_DOMAIN: &[u8] = b"shoken-sig-v1\0";
const VALUE_DOMAIN: &[u8] = b"shoken-value-v1\0";
/// The greatest integer that every JSON reader keeps exactly.
const MAX_INTEGER: u64 = 1 << 53;
/// A body beyond this is neither signed nor parsed. Bulk acts stay far below it, since they are written in parts
/// ([`Cause::Part`]); the closing of an adjudication of 300,000 agreed findings comes near.
const MAX_BODY_BYTES: usize = 64 << 20;

/// An Ed25519 public key, 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub Digest);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.0)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    Register,
    Protocol,
    Assignments,
    Catalogue,
    Read,
    Adjudication,
    Release,
    Access,
}

/// The thing of that kind. Unused parts are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamSubject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<ReaderId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
}

/// Who may be given the stream; packages are cut along this line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Office,
    Everyone,
    Reader(ReaderId),
}

/// A point in a stream: its transaction number and that transaction's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub stream: StreamId,
    pub seq: u64,
    pub hash: Digest,
}

/// The heads of other streams that this one was opened under or judges, by stream.
pub type UnderHeads = BTreeMap<String, (u64, Digest)>;

/// What the first transaction of a stream fixes for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Null only in the register's very first transaction, whose hash *is* the project's id.
    pub project: Option<Digest>,
    pub kind: StreamKind,
    pub subject: StreamSubject,
    pub key: PublicKey,
    pub reader: ReaderId,
    pub audience: Audience,
    /// Heads of register, protocol and judged reads at opening.
    pub under: UnderHeads,
    /// Where this stream goes on from, after its folder was opened from a copy or a backup.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub continues: Option<Head>,
    /// 32 hex digits of randomness: two streams are never the same by accident.
    pub nonce: String,
}

/// What made the transaction happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    Gesture,
    Cli,
    Job,
    Undo {
        of: Digest,
    },
    Redo {
        of: Digest,
    },
    /// Goes on with the act that the named transaction of this stream began: one act on very many findings is several
    /// transactions, written together and undone together.
    Part {
        of: Digest,
    },
}

/// One transaction as its author states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    pub v: u32,
    pub stream: Option<StreamId>,
    pub open: Option<Open>,
    pub seq: u64,
    pub prev: Option<Digest>,
    pub lamport: u64,
    /// UTC wall time, evidence only: `2026-11-20T08:00:00.000Z`.
    pub time: String,
    pub actor: ReaderId,
    pub cause: Cause,
    /// A code that the window turns into words, for example `finding.draw`; never free text.
    pub label: String,
    pub software: String,
    /// Events as written; [`Recorded`] reads them.
    pub events: Vec<Value>,
}

/// Why bytes are not a version 1 transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("not canonical JSON of a transaction ({0})")]
    Body(String),
    #[error(
        "written in another spelling than the canonical one (order, spaces, doubled keys, numbers or non-ASCII text)"
    )]
    NotCanonical,
    #[error("format version {0} is newer than this program knows")]
    NewerVersion(u32),
    #[error("the signature is not 128 hex digits")]
    Signature,
    #[error("the opening fields do not fit the transaction's number")]
    Shape,
    #[error("larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
}

impl Body {
    /// Canonical bytes (RFC 8785).
    ///
    /// # Errors
    /// [`FormatError::NotCanonical`] when the body holds what version 1 forbids.
    pub fn canonical(&self) -> Result<String, FormatError> {
        let open = serde_json::to_value(&self.open).map_err(|e| FormatError::Body(e.to_string()))?;
        let text = [&self.actor.as_str(), &self.label.as_str(), &self.software.as_str(), &self.time.as_str()];
        let numbers = [self.seq, self.lamport];
        let spelled = text.iter().all(|t| t.is_ascii()) && numbers.iter().all(|n| *n <= MAX_INTEGER);
        if !spelled || !plain(&open) || !self.events.iter().all(plain) {
            return Err(FormatError::NotCanonical);
        }
        // For ASCII text and whole numbers serde_json writes what RFC 8785 asks for, since its maps are sorted and so are the
        // fields here, at a tenth of the time of a general canonicaliser; a property test holds the two side by side.
        let sorted = Sorted {
            actor: &self.actor,
            cause: &self.cause,
            events: &self.events,
            label: &self.label,
            lamport: self.lamport,
            open,
            prev: self.prev,
            seq: self.seq,
            software: &self.software,
            stream: self.stream,
            time: &self.time,
            v: self.v,
        };
        serde_json::to_string(&sorted).map_err(|e| FormatError::Body(e.to_string()))
    }

    pub fn recorded(&self) -> impl Iterator<Item = Recorded> + '_ {
        self.events.iter().map(Recorded::read)
    }
}

/// A [`Body`] with its fields in the order of RFC 8785; those of a [`Cause`] stand in it already.
#[derive(Serialize)]
struct Sorted<'a> {
    actor: &'a ReaderId,
    cause: &'a Cause,
    events: &'a [Value],
    label: &'a str,
    lamport: u64,
    open: Value,
    prev: Option<Digest>,
    seq: u64,
    software: &'a str,
    stream: Option<StreamId>,
    time: &'a str,
    v: u32,
}

/// Whether a value holds nothing but what version 1 has one spelling for.
fn plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(n) => n.as_u64().is_some_and(|n| n <= MAX_INTEGER),
        Value::String(s) => s.is_ascii(),
        Value::Array(a) => a.iter().all(plain),
        Value::Object(o) => o.iter().all(|(k, v)| k.is_ascii() && plain(v)),
    }
}

/// A body of a newer version need not fit this program's, and says so by its number.
fn why_not_a_body(text: &str, error: &serde_json::Error) -> FormatError {
    match serde_json::from_str::<Value>(text).ok().as_ref().and_then(|v| v.get("v")).and_then(Value::as_u64) {
        None => FormatError::Body(if error.is_data() { "no version".to_owned() } else { error.to_string() }),
        Some(1) => FormatError::Body(error.to_string()),
        Some(v) => FormatError::NewerVersion(u32::try_from(v).unwrap_or(u32::MAX)),
    }
}

/// A transaction with its signature. The text is what was signed and is never written anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    text: String,
    body: Body,
    hash: Digest,
    signature: [u8; 64],
}

/// The hash of a transaction by its signed text.
pub fn transaction_hash(text: &str) -> Digest {
    Digest::of(TX_DOMAIN, text.as_bytes())
}

/// The bytes that a key signs for a transaction of this hash.
pub fn signing_message(hash: &Digest) -> Vec<u8> {
    [SIG_DOMAIN, hash.as_bytes()].concat()
}

/// The digest that an event carries for an erasable value.
pub fn value_digest(salt: &[u8; 32], value: &[u8]) -> Digest {
    Digest::of(VALUE_DOMAIN, &[salt.as_slice(), value].concat())
}

impl Signed {
    /// Signs a body: `sign` gets [`signing_message`] and returns the Ed25519 signature.
    ///
    /// # Errors
    /// As [`Body::canonical`], or whatever `sign` fails with.
    pub fn seal<E: From<FormatError>>(body: Body, sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>) -> Result<Self, E> {
        let text = body.canonical()?;
        // What nobody would read back is not written in the first place.
        if text.len() > MAX_BODY_BYTES {
            return Err(FormatError::TooLarge.into());
        }
        let hash = Digest::of(TX_DOMAIN, text.as_bytes());
        let signature = sign(&signing_message(&hash))?;
        Ok(Self { text, body, hash, signature })
    }

    /// Reads signed bytes. Checks spelling and shape, not the signature (see `keys::verify`).
    ///
    /// # Errors
    /// [`FormatError`]; never panics on any input.
    pub fn parse(text: String, signature: [u8; 64]) -> Result<Self, FormatError> {
        if text.len() > MAX_BODY_BYTES {
            return Err(FormatError::TooLarge);
        }
        let body: Body = match serde_json::from_str(&text) {
            Ok(body) => body,
            Err(e) => return Err(why_not_a_body(&text, &e)),
        };
        if body.v != 1 {
            return Err(FormatError::NewerVersion(body.v));
        }
        let first = body.seq == 0;
        if first != body.open.is_some() || first == body.stream.is_some() || first == body.prev.is_some() {
            return Err(FormatError::Shape);
        }
        // Catches any other spelling, and unknown fields too: they would survive in the bytes but not in the meaning.
        if body.canonical()? != text {
            return Err(FormatError::NotCanonical);
        }
        let hash = Digest::of(TX_DOMAIN, text.as_bytes());
        Ok(Self { text, body, hash, signature })
    }

    /// Reads a transaction from this machine's own log without checking its spelling again: `verify` does that, opening a
    /// project of a million transactions should not.
    ///
    /// # Errors
    /// [`FormatError`] when it is not a transaction at all.
    pub fn from_own_log(text: String, signature: [u8; 64]) -> Result<Self, FormatError> {
        let body: Body = serde_json::from_str(&text).map_err(|e| FormatError::Body(e.to_string()))?;
        if (body.seq == 0) != body.open.is_some() || (body.seq == 0) == body.stream.is_some() {
            return Err(FormatError::Shape);
        }
        // Numbers beyond the scale would overflow in whatever counts on from them.
        if body.seq > MAX_INTEGER || body.lamport > MAX_INTEGER {
            return Err(FormatError::Shape);
        }
        let hash = Digest::of(TX_DOMAIN, text.as_bytes());
        Ok(Self { text, body, hash, signature })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn body(&self) -> &Body {
        &self.body
    }

    pub const fn hash(&self) -> &Digest {
        &self.hash
    }

    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The stream this belongs to: its own hash when it opens one.
    pub fn stream(&self) -> StreamId {
        self.body.stream.unwrap_or(self.hash)
    }

    pub fn head(&self) -> Head {
        Head { stream: self.stream(), seq: self.body.seq, hash: self.hash }
    }

    /// One line of `journal export`: `{"body": "...", "sig": "..."}`.
    pub fn to_line(&self) -> String {
        let line = serde_json::json!({"body": self.text, "sig": data_encoding::HEXLOWER.encode(&self.signature)});
        line.to_string()
    }

    /// Reads a line of `journal export`.
    ///
    /// # Errors
    /// [`FormatError`] for any other text.
    pub fn from_line(line: &str) -> Result<Self, FormatError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Line {
            body: String,
            sig: String,
        }
        let line: Line = serde_json::from_str(line).map_err(|e| FormatError::Body(e.to_string()))?;
        let bytes = data_encoding::HEXLOWER.decode(line.sig.as_bytes()).map_err(|_| FormatError::Signature)?;
        Self::parse(line.body, bytes.try_into().map_err(|_| FormatError::Signature)?)
    }
}
