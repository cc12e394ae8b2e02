//! What happened, as lines that a front end turns into words.

use super::{Project, ProjectError};
use crate::domain::{CaseId, Digest, ReaderId, Role};
use crate::journal::{Cause, StreamKind};

/// One transaction of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    pub hash: Digest,
    pub time: String,
    pub lamport: u64,
    pub actor: ReaderId,
    pub cause: Cause,
    /// Code of the act, for example `finding.add`; the locales have a word for each.
    pub label: String,
    pub events: usize,
    pub case: Option<CaseId>,
}

impl Project {
    /// History in Lamport order, newest last. A plain reader gets the streams of their own reads only: even the existence
    /// of another read must not show.
    ///
    /// # Errors
    /// Store errors.
    pub fn history(&self, case: Option<&CaseId>) -> Result<Vec<HistoryLine>, ProjectError> {
        let roles = self.roles();
        let office = roles.contains(&Role::Coordinator) || roles.contains(&Role::Auditor);
        let may_see = |kind: StreamKind, reader: &ReaderId| match kind {
            StreamKind::Read => {
                Some(reader) == self.actor() || (office && self.kind() != crate::domain::ProjectKind::Personal)
            }
            StreamKind::Adjudication => office || roles.contains(&Role::Adjudicator),
            StreamKind::Access => office && case.is_none(),
            _ => case.is_none(),
        };
        let personal = self.kind() == crate::domain::ProjectKind::Personal;
        let mut out = Vec::new();
        for row in self.store.raw_rows()? {
            let Some(signature) = <[u8; 64]>::try_from(row.signature).ok() else { continue };
            let Ok(signed) = crate::journal::Signed::from_own_log(row.text, signature) else { continue };
            let Some(stream) = self.state.streams.get(&signed.stream()) else { continue };
            let subject = stream.open.subject.case.clone();
            let about = case.is_none_or(|c| subject.as_ref() == Some(c));
            if !about || !(may_see(stream.open.kind, &stream.open.reader) || personal && case.is_none()) {
                continue;
            }
            // The office sees that a read goes on, not what is in it, until it is sealed.
            let body = signed.body();
            out.push(HistoryLine {
                hash: *signed.hash(),
                time: body.time.clone(),
                lamport: body.lamport,
                actor: body.actor.clone(),
                cause: body.cause.clone(),
                label: body.label.clone(),
                events: body.events.len(),
                case: subject,
            });
        }
        out.sort_by_key(|a| (a.lamport, a.hash));
        Ok(out)
    }
}
