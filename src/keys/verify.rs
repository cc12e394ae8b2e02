//! Checking signatures.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::journal::{PublicKey, Signed, signing_message};

/// A signature that does not hold, or a key that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the content and the key")]
pub struct SignatureProblem;

/// A public key that was read once, for many signatures.
pub struct Verifier(VerifyingKey);

impl Verifier {
    /// # Errors
    /// [`SignatureProblem`] when the key is none.
    pub fn of(key: &PublicKey) -> Result<Self, SignatureProblem> {
        VerifyingKey::from_bytes(key.0.as_bytes()).map(Self).map_err(|_| SignatureProblem)
    }

    /// Ed25519 over any message, strict (RFC 8032 with small-order points refused).
    ///
    /// # Errors
    /// [`SignatureProblem`] when it does not hold.
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureProblem> {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| SignatureProblem)
    }

    /// A transaction's signature.
    ///
    /// # Errors
    /// [`SignatureProblem`] when it does not hold.
    pub fn verify(&self, signed: &Signed) -> Result<(), SignatureProblem> {
        self.verify_bytes(&signing_message(signed.hash()), signed.signature())
    }
}

/// As [`Verifier::verify_bytes`], for one signature.
///
/// # Errors
/// [`SignatureProblem`] when it does not hold, or the key is none.
pub fn verify_bytes(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureProblem> {
    Verifier::of(key)?.verify_bytes(message, signature)
}

/// A transaction's signature under its stream's key.
///
/// # Errors
/// [`SignatureProblem`] when it does not hold, or the key is none.
pub fn verify_signed(signed: &Signed, key: &PublicKey) -> Result<(), SignatureProblem> {
    Verifier::of(key)?.verify(signed)
}
