//! Releases: versions of the dataset, each naming the heads it covers.

use serde::{Deserialize, Serialize};

use super::command::DatasetCommand;
use super::decide::{Decided, Env, Rejection};
use super::event::Event;
use super::state::State;
use super::transaction::{StreamKind, UnderHeads};
use crate::domain::{Digest, Role};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatasetEvent {
    #[serde(rename = "release.made")]
    Made { version: String, root: Digest, manifest: Digest, frontier: UnderHeads },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    pub version: String,
    /// RFC 6962 root over the release's files.
    pub root: Digest,
    pub manifest: Digest,
    pub time: String,
}

/// Fold of one release line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFold {
    pub releases: Vec<ReleaseRecord>,
}

impl ReleaseFold {
    pub(super) fn apply(&mut self, event: &DatasetEvent, time: &str) {
        let DatasetEvent::Made { version, root, manifest, .. } = event;
        self.releases.push(ReleaseRecord {
            version: version.clone(),
            root: *root,
            manifest: *manifest,
            time: time.to_owned(),
        });
    }
}

fn is_version(v: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty() && p.len() < 6 && p.bytes().all(|b| b.is_ascii_digit()) && (p == "0" || !p.starts_with('0'))
    };
    v.split('.').count() == 3 && v.split('.').all(part)
}

pub(super) fn decide(state: &State, env: &Env<'_>, command: &DatasetCommand) -> Result<Decided, Rejection> {
    state.require(env, Role::Coordinator)?;
    let DatasetCommand::Release { version, root, manifest, frontier } = command;
    if !is_version(version) {
        return Err(Rejection::BadVersion(version.clone()));
    }
    if state.releases().iter().any(|r| r.version == *version && r.root != *root) {
        return Err(Rejection::ReleaseExists(version.clone()));
    }
    if state.releases().iter().any(|r| r.version == *version) {
        return Err(Rejection::NothingToDo);
    }
    let mut out = Decided::own(state, env, StreamKind::Release, "release.make");
    let made =
        DatasetEvent::Made { version: version.clone(), root: *root, manifest: *manifest, frontier: frontier.clone() };
    out.events.push(Event::Dataset(made));
    Ok(out)
}
