//! The access log, and the tombstones that erasure leaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::command::{AccessKind, PrivacyCommand};
use super::decide::{Decided, Env, Rejection};
use super::event::Event;
use super::state::State;
use super::transaction::StreamKind;
use crate::domain::{CaseId, Digest, ImageId, Role, SubjectId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrivacyEvent {
    #[serde(rename = "access.noted")]
    Noted { kind: AccessKind, case: Option<CaseId>, image: Option<ImageId> },
    /// The subject's key, values and identity rows are gone. The digest is salted with a salt that is destroyed with them,
    /// but whoever still holds salt and pseudonym can prove what was erased.
    #[serde(rename = "privacy.erased")]
    Erased { subject: SubjectId, pseudonym: Digest },
}

/// Fold of one access log: how often each kind of access was noted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessFold {
    pub counts: BTreeMap<String, u64>,
}

impl AccessFold {
    pub(super) fn apply(&mut self, event: &PrivacyEvent) -> bool {
        let PrivacyEvent::Noted { kind, .. } = event else { return false };
        let word = match kind {
            AccessKind::Opened => "opened",
            AccessKind::Viewed => "viewed",
            AccessKind::Exported => "exported",
            AccessKind::Verified => "verified",
            AccessKind::IdentityShown => "identity_shown",
        };
        *self.counts.entry(word.to_owned()).or_default() += 1;
        true
    }
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &PrivacyCommand) -> Result<Decided, Rejection> {
    match command {
        PrivacyCommand::Note { kind, case, image } => {
            state.require_enrolled(env)?;
            let mut out = Decided::own(state, env, StreamKind::Access, "access.note");
            out.events.push(Event::Privacy(PrivacyEvent::Noted {
                kind: *kind,
                case: case.clone(),
                image: image.clone(),
            }));
            Ok(out)
        }
        PrivacyCommand::Erase { subject, pseudonym } => {
            state.require(env, Role::Coordinator)?;
            if !state.cases().any(|c| c.subject == *subject) {
                return Err(Rejection::UnknownCase(subject.to_string()));
            }
            if state.is_erased(subject) {
                return Err(Rejection::NothingToDo);
            }
            let mut salt = [0u8; 32];
            (env.random)(&mut salt);
            let pseudonym = super::transaction::value_digest(&salt, pseudonym.as_str().as_bytes());
            let mut out = Decided::own(state, env, StreamKind::Catalogue, "privacy.erase");
            out.events.push(Event::Privacy(PrivacyEvent::Erased { subject: subject.clone(), pseudonym }));
            Ok(out)
        }
    }
}
