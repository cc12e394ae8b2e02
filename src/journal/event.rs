//! What happened. An event is written as `{"kind": "area.word", "v": 1, "data": {…}}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalog::CatalogEvent;
use super::finding::{FindingBody, RoiRef};
use super::{
    adjudication::AdjudicationEvent, campaign::CampaignEvent, dataset::DatasetEvent, privacy::PrivacyEvent,
    vocabulary::VocabularyEvent,
};
use crate::domain::{Certainty, Digest, FindingId, ImageId, TermRef, Verdict};

/// The code of every act: what a transaction's `label` may be in format version 1. Front ends have words for each.
pub const ACT_LABELS: &[&str] = &[
    "project.found",
    "project.kind",
    "reader.enrol",
    "reader.revoke",
    "vocabulary.adopt",
    "protocol.set",
    "assignment.give",
    "assignment.choose",
    "catalog.add",
    "catalog.hash",
    "read.open",
    "finding.add",
    "finding.delete",
    "finding.reshape",
    "finding.relabel",
    "finding.grade",
    "finding.comment",
    "read.submit",
    "read.amend",
    "undo",
    "redo",
    "adjudication.open",
    "adjudication.resolve",
    "adjudication.close",
    "release.make",
    "access.note",
    "privacy.erase",
];

/// The kind of every event of version 1.
pub const EVENT_KINDS: &[&str] = &[
    "register.founded",
    "register.kind_set",
    "reader.enrolled",
    "reader.key_revoked",
    "assignment.given",
    "assignment.read_chosen",
    "image.added",
    "image.hashed",
    "vocabulary.adopted",
    "protocol.set",
    "read.opened",
    "read.submitted",
    "read.amended",
    "finding.created",
    "finding.deleted",
    "finding.restored",
    "finding.reshaped",
    "finding.relabelled",
    "finding.graded",
    "finding.attributed",
    "finding.commented",
    "adjudication.opened",
    "adjudication.resolved",
    "adjudication.closed",
    "release.made",
    "access.noted",
    "privacy.erased",
];

/// What a reader did to findings. Every variant carries what it replaced, so that undo needs nothing but the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FindingEvent {
    #[serde(rename = "finding.created")]
    Created { finding: FindingId, body: FindingBody },
    #[serde(rename = "finding.deleted")]
    Deleted { finding: FindingId },
    #[serde(rename = "finding.restored")]
    Restored { finding: FindingId },
    #[serde(rename = "finding.reshaped")]
    Reshaped { finding: FindingId, from: Vec<RoiRef>, to: Vec<RoiRef> },
    #[serde(rename = "finding.relabelled")]
    Relabelled { finding: FindingId, from: Vec<TermRef>, to: Vec<TermRef> },
    #[serde(rename = "finding.graded")]
    Graded { finding: FindingId, from: Option<Certainty>, to: Option<Certainty> },
    #[serde(rename = "finding.attributed")]
    Attributed { finding: FindingId, from: BTreeMap<String, String>, to: BTreeMap<String, String> },
    #[serde(rename = "finding.commented")]
    Commented { finding: FindingId, from: Option<Digest>, to: Option<Digest> },
}

impl FindingEvent {
    /// The event that takes this one back.
    pub fn inverse(&self) -> Self {
        match self.clone() {
            Self::Created { finding, .. } | Self::Restored { finding } => Self::Deleted { finding },
            Self::Deleted { finding } => Self::Restored { finding },
            Self::Reshaped { finding, from, to } => Self::Reshaped { finding, from: to, to: from },
            Self::Relabelled { finding, from, to } => Self::Relabelled { finding, from: to, to: from },
            Self::Graded { finding, from, to } => Self::Graded { finding, from: to, to: from },
            Self::Attributed { finding, from, to } => Self::Attributed { finding, from: to, to: from },
            Self::Commented { finding, from, to } => Self::Commented { finding, from: to, to: from },
        }
    }

    pub fn finding(&self) -> &FindingId {
        match self {
            Self::Created { finding, .. }
            | Self::Deleted { finding }
            | Self::Restored { finding }
            | Self::Reshaped { finding, .. }
            | Self::Relabelled { finding, .. }
            | Self::Graded { finding, .. }
            | Self::Attributed { finding, .. }
            | Self::Commented { finding, .. } => finding,
        }
    }
}

/// The course of a read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadEvent {
    #[serde(rename = "read.opened")]
    Opened { images: Vec<ImageId> },
    /// Sealed: what was concluded, and on which pixels.
    #[serde(rename = "read.submitted")]
    Submitted { verdict: Verdict, pixels: Vec<(ImageId, Digest)> },
    #[serde(rename = "read.amended")]
    Amended { reason: Digest },
}

/// Every known event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event {
    Catalog(CatalogEvent),
    Vocabulary(VocabularyEvent),
    Finding(FindingEvent),
    Read(ReadEvent),
    Adjudication(AdjudicationEvent),
    Dataset(DatasetEvent),
    Privacy(PrivacyEvent),
    Campaign(CampaignEvent),
}

impl Event {
    /// The JSON that goes into a body: the enum's single key becomes `kind`.
    pub fn write(&self) -> Value {
        let (kind, data) = match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map.into_iter().next().unwrap_or_default(),
            Ok(Value::String(kind)) => (kind, Value::Null),
            _ => <(String, Value)>::default(),
        };
        serde_json::json!({"kind": kind, "v": 1, "data": data})
    }
}

/// An event as found in a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    Known(Event),
    /// Made by a newer version: kept, verified, shown, without effect.
    Unknown {
        kind: String,
        version: u64,
    },
}

impl Recorded {
    /// Reads one entry of `events`; whatever is not known stays [`Recorded::Unknown`].
    pub fn read(value: &Value) -> Self {
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let version = value.get("v").and_then(Value::as_u64).unwrap_or(0);
        let unknown = || Self::Unknown { kind: kind.to_owned(), version };
        if version != 1 {
            return unknown();
        }
        let data = value.get("data").cloned().unwrap_or_default();
        let single = if data.is_null() { Value::String(kind.to_owned()) } else { serde_json::json!({ kind: data }) };
        let area = kind.split('.').next().unwrap_or_default();
        // By area, so that a mistake in one enum can never be read as an event of another.
        let event = match area {
            "case" | "image" => serde_json::from_value(single).map(Event::Catalog),
            "vocabulary" | "protocol" => serde_json::from_value(single).map(Event::Vocabulary),
            "finding" => serde_json::from_value(single).map(Event::Finding),
            "read" => serde_json::from_value(single).map(Event::Read),
            "adjudication" => serde_json::from_value(single).map(Event::Adjudication),
            "release" => serde_json::from_value(single).map(Event::Dataset),
            "access" | "privacy" => serde_json::from_value(single).map(Event::Privacy),
            "register" | "reader" | "assignment" => serde_json::from_value(single).map(Event::Campaign),
            _ => return unknown(),
        };
        event.map_or_else(|_| unknown(), Self::Known)
    }
}
