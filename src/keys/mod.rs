//! Signing keys: made here, kept outside every project, wrapped by a passphrase where there is one.
//!
//! A key file is `$SHOKEN_HOME/keys/<public key>.json`, readable by its owner alone. With a passphrase the secret is
//! sealed with XChaCha20-Poly1305 under an Argon2id key (RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes).

mod audit;
mod audit_rules;
mod audit_run;
mod audit_stream;
mod keyring;
mod verify;

pub use audit::{Audit, Found, Line, Problem, ProblemKind, ValueOwner, audit, audit_filed, fold_filed};
pub use audit_rules::value_owners;
pub use keyring::{KeyError, Keyring, SigningKey};
pub use verify::{SignatureProblem, verify_bytes, verify_signed};
