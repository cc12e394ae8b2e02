//! The protocol stream: which term packs are in force, and the rules of reading.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::command::VocabularyCommand;
use super::decide::{Decided, Env, Rejection};
use super::event::Event;
use super::state::State;
use super::transaction::StreamKind;
use crate::domain::{Digest, GeometryKind, Role};

/// The rules of reading. Thresholds are thousandths, since events hold no fractions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Independent reads a case needs before it can be final.
    pub reads_per_case: u32,
    /// Two outlines with at least this intersection over union are the same finding (thousandths).
    pub match_iou_permille: u32,
    /// Between this and `match_iou_permille` they are the same finding with a disputed boundary.
    pub boundary_iou_permille: u32,
    /// Whether a reader needs an assignment to open a case.
    pub assignment_required: bool,
    /// Whether an adjudicator may judge a case that the same person read.
    pub adjudicator_may_be_reader: bool,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            reads_per_case: 1,
            match_iou_permille: 500,
            boundary_iou_permille: 100,
            assignment_required: false,
            adjudicator_may_be_reader: true,
        }
    }
}

/// A pack in force: its version, the digest of its file, and what each term may be drawn as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedPack {
    pub pack: String,
    pub version: String,
    pub sha256: Digest,
    pub terms: BTreeMap<String, BTreeSet<GeometryKind>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VocabularyEvent {
    #[serde(rename = "vocabulary.adopted")]
    Adopted(AdoptedPack),
    #[serde(rename = "protocol.set")]
    ProtocolSet { protocol: Protocol, guideline: Option<Digest> },
}

/// Fold of one protocol stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolFold {
    pub packs: Vec<AdoptedPack>,
    pub protocol: Option<Protocol>,
    pub guideline: Option<Digest>,
    /// Lamport number and hash of the transaction that set the rules: the latest rules hold.
    pub rank: Option<(u64, Digest)>,
}

impl ProtocolFold {
    pub(super) fn apply(&mut self, event: &VocabularyEvent, lamport: u64, tx: &Digest) {
        match event {
            VocabularyEvent::Adopted(pack) => {
                if !self.packs.iter().any(|p| p.pack == pack.pack && p.version == pack.version) {
                    self.packs.push(pack.clone());
                }
            }
            VocabularyEvent::ProtocolSet { protocol, guideline } => {
                self.protocol = Some(protocol.clone());
                self.guideline = *guideline;
                self.rank = Some((lamport, *tx));
            }
        }
    }

    /// Union of packs; the rules of `later` hold where it has any. Callers sort by `rank` first.
    pub(super) fn merged(mut self, later: Self) -> Self {
        for pack in later.packs {
            if !self.packs.iter().any(|p| p.pack == pack.pack && p.version == pack.version) {
                self.packs.push(pack);
            }
        }
        self.packs.sort_by(|a, b| (&a.pack, &a.version).cmp(&(&b.pack, &b.version)));
        if later.rank.is_some() {
            (self.protocol, self.guideline, self.rank) = (later.protocol, later.guideline, later.rank);
        }
        self
    }

    /// The rules, or the defaults where none were set.
    pub fn rules(&self) -> Protocol {
        self.protocol.clone().unwrap_or_default()
    }
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &VocabularyCommand) -> Result<Decided, Rejection> {
    state.require(env, Role::Coordinator)?;
    let mut out = Decided::own(state, env, StreamKind::Protocol, "vocabulary.adopt");
    match command {
        VocabularyCommand::Adopt { packs } => {
            for (ontology, sha256) in packs {
                let known = &state.protocol().packs;
                match known.iter().find(|p| p.pack == ontology.id && p.version == ontology.version) {
                    Some(p) if p.sha256 != *sha256 => return Err(Rejection::PackChanged(ontology.id.clone())),
                    Some(_) => continue,
                    None => {}
                }
                if !(ontology.id.is_ascii()
                    && ontology.version.is_ascii()
                    && ontology.terms.iter().all(|t| t.id.is_ascii()))
                {
                    return Err(Rejection::NotPlain("term pack id"));
                }
                let terms =
                    ontology.terms.iter().map(|t| (t.id.clone(), t.geometry.iter().copied().collect())).collect();
                let pack = AdoptedPack {
                    pack: ontology.id.clone(),
                    version: ontology.version.clone(),
                    sha256: *sha256,
                    terms,
                };
                out.events.push(Event::Vocabulary(VocabularyEvent::Adopted(pack)));
            }
        }
        VocabularyCommand::SetProtocol { protocol, guideline } => {
            out.label = "protocol.set";
            let p = protocol;
            if p.reads_per_case == 0 || p.match_iou_permille > 1000 || p.boundary_iou_permille > p.match_iou_permille {
                return Err(Rejection::BadProtocol);
            }
            out.events
                .push(Event::Vocabulary(VocabularyEvent::ProtocolSet { protocol: p.clone(), guideline: *guideline }));
        }
    }
    if out.events.is_empty() { Err(Rejection::NothingToDo) } else { Ok(out) }
}
