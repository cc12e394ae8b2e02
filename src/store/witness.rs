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

/// A file in the folder of witnesses; `None` when it is none that can be read.
#[derive(Clone, Debug)]
pub struct KeptWitness {
    pub name: String,
    pub witness: Option<Witness>,
}

/// How many stay beside those that are evidence of something.
const KEPT: usize = 8;

/// Keeps a witness. Of the older ones the newest eight stay, the very first, and every one that saw what the log no longer
/// holds (`holds`) or what this one does not reach: a log that lost its end must not be able to make that forgotten by
/// being opened and closed a few times. The order is that of keeping and not that of the clock, which may be anywhere.
pub(super) fn keep(
    home: &Path,
    witness: &Witness,
    holds: impl Fn(&StreamId, &WitnessHead) -> bool,
) -> Result<(), StoreError> {
    let folder = folder(home, &witness.project);
    let kept = list(&folder);
    let number = kept.last().map_or(0, |(n, _)| n + 1);
    let text = serde_json::to_string_pretty(witness).unwrap_or_default();
    let mark = Digest::of(b"", text.as_bytes()).to_string();
    let path = folder.join(format!("{number:010}-{}.json", mark.get(..12).unwrap_or_default()));
    platform::write_atomic(&path, text.as_bytes(), true).map_err(io_error(&path))?;
    let surplus = kept.len().saturating_sub(KEPT);
    for (_, old) in kept.iter().skip(1).take(surplus.saturating_sub(1)) {
        let Some(seen) = read(old) else { continue };
        let superseded = seen.heads.iter().all(|(stream, head)| {
            let reached = witness.heads.get(stream).is_some_and(|h| h.seq >= head.seq);
            reached && stream.parse().is_ok_and(|id| holds(&id, head))
        });
        if superseded {
            fs::remove_file(old).ok();
        }
    }
    Ok(())
}

/// Files of witnesses in the order of keeping. Those of before files were numbered, named by their time, come first.
fn list(folder: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>()).unwrap_or_default();
    let numbered = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
        let number = name.split_once('-').filter(|(n, _)| n.len() == 10).and_then(|(n, _)| n.parse().ok());
        Some((number.unwrap_or(0), path))
    };
    let mut out: Vec<(u64, PathBuf)> = entries.into_iter().filter_map(numbered).collect();
    out.sort();
    out
}

fn read(path: &Path) -> Option<Witness> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// All witnesses of a project on this machine, as they are found.
pub(super) fn all(home: &Path, project: &Digest) -> Vec<KeptWitness> {
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let kept = list(&folder(home, project)).into_iter().map(|(_, p)| (read(&p), p));
    // One that a process which closed meanwhile found superseded is gone, and not damaged.
    let there = kept.filter(|(witness, path)| witness.is_some() || path.exists());
    there.map(|(witness, path)| KeptWitness { name: name(&path), witness }).collect()
}
