//! One stream's state: the fold of its own transactions and of nothing else.

use serde::Serialize;

use super::event::{Event, FindingEvent};
use super::kept::KeptRead;
use super::privacy::{AccessFold, PrivacyEvent};
use super::read::TxContext;
use super::state::{Change, OutOfTurn};
use super::transaction::{Open, Signed, StreamKind};
use super::{AdjudicationFold, AssignmentsFold, CatalogueFold, ProtocolFold, Recorded, RegisterFold, ReleaseFold};
use crate::domain::{Digest, FindingId};

/// What a stream's transactions amount to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    Register(RegisterFold),
    Protocol(ProtocolFold),
    Assignments(AssignmentsFold),
    Catalogue(CatalogueFold),
    Read(KeptRead),
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
            StreamKind::Read => Self::Read(KeptRead::new()),
            StreamKind::Adjudication => Self::Adjudication(Box::default()),
            StreamKind::Release => Self::Release(ReleaseFold::default()),
            StreamKind::Access => Self::Access(AccessFold::default()),
        }
    }

    /// Whether it is in memory, or can be brought there.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Read(kept) => kept.get().is_some(),
            _ => true,
        }
    }

    /// Of any kind but a read.
    pub(super) fn to_json(&self) -> Option<Vec<u8>> {
        match self {
            Self::Register(f) => serde_json::to_vec(f),
            Self::Protocol(f) => serde_json::to_vec(f),
            Self::Assignments(f) => serde_json::to_vec(f),
            Self::Catalogue(f) => serde_json::to_vec(f),
            Self::Adjudication(f) => serde_json::to_vec(f),
            Self::Release(f) => serde_json::to_vec(f),
            Self::Access(f) => serde_json::to_vec(f),
            Self::Read(_) => return None,
        }
        .ok()
    }

    /// What [`Fold::to_json`] gave.
    pub(super) fn from_json(kind: StreamKind, json: &[u8]) -> Option<Self> {
        match kind {
            StreamKind::Register => serde_json::from_slice(json).map(Self::Register),
            StreamKind::Protocol => serde_json::from_slice(json).map(Self::Protocol),
            StreamKind::Assignments => serde_json::from_slice(json).map(Self::Assignments),
            StreamKind::Catalogue => serde_json::from_slice(json).map(Self::Catalogue),
            StreamKind::Adjudication => serde_json::from_slice(json).map(Self::Adjudication),
            StreamKind::Release => serde_json::from_slice(json).map(Self::Release),
            StreamKind::Access => serde_json::from_slice(json).map(Self::Access),
            StreamKind::Read => return None,
        }
        .ok()
    }

    /// Applies one transaction; returns what changed, how many events it did not know, and why some had no effect.
    /// An event in a stream of the wrong kind has none: authority is a matter of the stream.
    pub(super) fn apply(
        &mut self,
        open: &Open,
        signed: &Signed,
        part_of: Option<Digest>,
    ) -> (Vec<Change>, u32, Option<OutOfTurn>) {
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
        let mut out_of_turn = None;
        match self {
            Self::Read(kept) => {
                let Some(fold) = kept.get_mut() else { return (changes, unknown, None) };
                let tx = TxContext {
                    hash,
                    seq: body.seq,
                    time: &body.time,
                    label: &body.label,
                    cause: &body.cause,
                    part_of,
                };
                out_of_turn = fold.apply(&events, &tx);
                if out_of_turn.is_none() && !names_derive(&events, signed) {
                    out_of_turn = Some(OutOfTurn::ForeignName);
                }
                changes.push(Change::Read { stream: signed.stream() });
                for event in &events {
                    if let Event::Finding(e) = event {
                        changes.push(Change::Finding { stream: signed.stream(), finding: e.finding().clone() });
                    }
                }
            }
            other => {
                for event in &events {
                    if let Some(why) = other.apply_event(event, &hash, body.lamport, &body.time) {
                        out_of_turn = Some(why);
                    }
                }
                changes.push(Change::Stream { kind: open.kind });
            }
        }
        (changes, unknown, out_of_turn)
    }

    fn apply_event(&mut self, event: &Event, tx: &Digest, lamport: u64, time: &str) -> Option<OutOfTurn> {
        let belongs = match (self, event) {
            (Self::Register(f), Event::Campaign(e)) => f.apply(e),
            (Self::Assignments(f), Event::Campaign(e)) => f.apply(e),
            (Self::Access(f), Event::Privacy(e)) => f.apply(e),
            (Self::Adjudication(f), Event::Adjudication(e)) => {
                return (!f.apply(e, tx, time)).then_some(OutOfTurn::Closed);
            }
            (Self::Protocol(f), Event::Vocabulary(e)) => {
                f.apply(e, lamport, tx);
                true
            }
            (Self::Catalogue(f), Event::Catalog(e)) => {
                f.apply(e, lamport);
                true
            }
            (Self::Catalogue(f), Event::Privacy(PrivacyEvent::Erased { subject, .. })) => {
                f.erased.insert(subject.clone());
                true
            }
            (Self::Release(f), Event::Dataset(e)) => {
                f.apply(e, time);
                true
            }
            _ => false,
        };
        (!belongs).then_some(OutOfTurn::WrongStream)
    }
}

/// Whether every new finding carries the name that its stream and number give it: no key can name one like another's.
fn names_derive(events: &[Event], signed: &Signed) -> bool {
    (0_u32..).zip(events).all(|(index, event)| match event {
        Event::Finding(FindingEvent::Created { finding, .. }) => {
            *finding == FindingId::derive(&signed.stream(), signed.body().seq, index)
        }
        _ => true,
    })
}
