//! Checking signatures.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::journal::{PublicKey, Signed, signing_message};

/// A signature that does not hold, or a key that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the content and the key")]
pub struct SignatureProblem;

/// Ed25519 over any message, strict (RFC 8032 with small-order points refused).
///
/// # Errors
/// [`SignatureProblem`] when it does not hold.
pub fn verify_bytes(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureProblem> {
    let key = VerifyingKey::from_bytes(key.0.as_bytes()).map_err(|_| SignatureProblem)?;
    key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| SignatureProblem)
}

/// A transaction's signature under its stream's key.
///
/// # Errors
/// [`SignatureProblem`] when it does not hold.
pub fn verify_signed(signed: &Signed, key: &PublicKey) -> Result<(), SignatureProblem> {
    verify_bytes(key, &signing_message(signed.hash()), signed.signature())
}
