//! Witnesses: signed statements of how far every stream had got, kept outside the project. Only against one of them can a
//! dropped tail, a missing stream or a rewrite by the key's holder be told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{StoreError, io_error};
use crate::domain::{Digest, StreamId};
use crate::journal::PublicKey;
use crate::tasks::platform;

/// A stream's transaction number and hash at the time of witnessing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessHead {
    pub seq: u64,
    pub hash: Digest,
}

/// A signed checkpoint of heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    pub v: u32,
    pub project: Digest,
    pub heads: BTreeMap<String, WitnessHead>,
    pub time: String,
    pub key: PublicKey,
    /// The restoration that the witnessed folder came out of; absent for one that was never restored. Two folders of one
    /// project on one machine go their own ways, and neither lacks what only the other has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// Ed25519 over [`Witness::message`], hex.
    pub signature: String,
}

impl Witness {
    /// The bytes that the signature is over: a domain string and the canonical JSON of everything else.
    pub fn message(&self) -> Vec<u8> {
        let unsigned = Self { signature: String::new(), ..self.clone() };
        let text = serde_jcs::to_string(&unsigned).unwrap_or_default();
        [b"shoken-witness-v1\0".as_slice(), text.as_bytes()].concat()
    }

    pub fn signature_bytes(&self) -> Option<[u8; 64]> {
        data_encoding::HEXLOWER.decode(self.signature.as_bytes()).ok()?.try_into().ok()
    }

    pub fn head(&self, stream: &StreamId) -> Option<&WitnessHead> {
        self.heads.get(&stream.to_string())
    }
}

fn folder(home: &Path, project: &Digest) -> PathBuf {
    home.join("witnesses").join(project.to_string())
}

/// Keeps a witness. The newest eight stay, and always the very first.
pub(super) fn keep(home: &Path, witness: &Witness) -> Result<(), StoreError> {
    let folder = folder(home, &witness.project);
    let name = witness.time.replace(':', "-");
    let text = serde_json::to_string_pretty(witness).unwrap_or_default();
    let path = folder.join(format!("{name}.json"));
    platform::write_atomic(&path, text.as_bytes(), true).map_err(io_error(&path))?;
    let mut names = list(&folder);
    names.sort();
    if names.len() > 9 {
        for old in names.iter().skip(1).take(names.len() - 9) {
            fs::remove_file(old).ok();
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>()).unwrap_or_default();
    entries.into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")).collect()
}

/// All witnesses of a project on this machine; unreadable ones are left out.
pub(super) fn all(home: &Path, project: &Digest) -> Vec<Witness> {
    let mut paths = list(&folder(home, project));
    paths.sort();
    paths.iter().filter_map(|p| serde_json::from_str(&fs::read_to_string(p).ok()?).ok()).collect()
}
