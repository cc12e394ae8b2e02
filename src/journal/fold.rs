//! One stream's state: the fold of its own transactions and of nothing else.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::privacy::{AccessFold, PrivacyEvent};
use super::read::TxContext;
use super::state::Change;
use super::transaction::{Open, Signed, StreamKind};
use super::{
    AdjudicationFold, AssignmentsFold, CatalogueFold, ProtocolFold, ReadFold, Recorded, RegisterFold, ReleaseFold,
};

/// What a stream's transactions amount to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    Register(RegisterFold),
    Protocol(ProtocolFold),
    Assignments(AssignmentsFold),
    Catalogue(CatalogueFold),
    Read(Box<ReadFold>),
    Adjudication(Box<AdjudicationFold>),
    Release(ReleaseFold),
    Access(AccessFold),
}

impl Fold {
    pub(super) fn new(kind: StreamKind) -> Self {
        match kind {
            StreamKind::Register => Self::Register(RegisterFold::default()),
            StreamKind::Protocol => Self::Protocol(ProtocolFold::default()),
            StreamKind::Assignments => Self::Assignments(AssignmentsFold::default()),
            StreamKind::Catalogue => Self::Catalogue(CatalogueFold::default()),
            StreamKind::Read => Self::Read(Box::default()),
            StreamKind::Adjudication => Self::Adjudication(Box::default()),
            StreamKind::Release => Self::Release(ReleaseFold::default()),
            StreamKind::Access => Self::Access(AccessFold::default()),
        }
    }

    /// Applies one transaction; returns what changed and how many events it did not know.
    /// An event in a stream of the wrong kind has no effect: authority is a matter of the stream.
    pub(super) fn apply(&mut self, open: &Open, signed: &Signed) -> (Vec<Change>, u32) {
        let body = signed.body();
        let mut events = Vec::with_capacity(body.events.len());
        let mut unknown = 0;
        for recorded in body.recorded() {
            match recorded {
                Recorded::Known(event) => events.push(event),
                Recorded::Unknown { .. } => unknown += 1,
            }
        }
        let hash = *signed.hash();
        let mut changes = Vec::new();
        match self {
            Self::Read(fold) => {
                let tx = TxContext { hash, seq: body.seq, time: &body.time, label: &body.label, cause: &body.cause };
                fold.apply(&events, &tx);
                changes.push(Change::Read { stream: signed.stream() });
                for event in &events {
                    if let Event::Finding(e) = event {
                        changes.push(Change::Finding { stream: signed.stream(), finding: e.finding().clone() });
                    }
                }
            }
            other => {
                for event in &events {
                    other.apply_event(event, &hash, body.lamport, &body.time);
                }
                changes.push(Change::Stream { kind: open.kind });
            }
        }
        (changes, unknown)
    }

    fn apply_event(&mut self, event: &Event, tx: &crate::domain::Digest, lamport: u64, time: &str) {
        match (self, event) {
            (Self::Register(f), Event::Campaign(e)) => f.apply(e),
            (Self::Assignments(f), Event::Campaign(e)) => f.apply(e),
            (Self::Protocol(f), Event::Vocabulary(e)) => f.apply(e, lamport, tx),
            (Self::Catalogue(f), Event::Catalog(e)) => f.apply(e, lamport),
            (Self::Catalogue(f), Event::Privacy(PrivacyEvent::Erased { subject, .. })) => {
                f.erased.insert(subject.clone());
            }
            (Self::Adjudication(f), Event::Adjudication(e)) => f.apply(e, tx, time),
            (Self::Release(f), Event::Dataset(e)) => f.apply(e, time),
            (Self::Access(f), Event::Privacy(e)) => f.apply(e),
            _ => {}
        }
    }
}
