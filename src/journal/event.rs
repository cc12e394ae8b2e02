//! What happened. An event is written as `{"kind": "area.word", "v": 1, "data": {…}}`.

use std::collections::BTreeMap;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};
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
        let written = Written { kind, data: value.get("data").unwrap_or(&Value::Null) };
        let area = kind.split('.').next().unwrap_or_default();
        // By area, so that a mistake in one enum can never be read as an event of another.
        let event = match area {
            "case" | "image" => Deserialize::deserialize(written).map(Event::Catalog),
            "vocabulary" | "protocol" => Deserialize::deserialize(written).map(Event::Vocabulary),
            "finding" => Deserialize::deserialize(written).map(Event::Finding),
            "read" => Deserialize::deserialize(written).map(Event::Read),
            "adjudication" => Deserialize::deserialize(written).map(Event::Adjudication),
            "release" => Deserialize::deserialize(written).map(Event::Dataset),
            "access" | "privacy" => Deserialize::deserialize(written).map(Event::Privacy),
            "register" | "reader" | "assignment" => Deserialize::deserialize(written).map(Event::Campaign),
            _ => return unknown(),
        };
        event.map_or_else(|_| unknown(), Self::Known)
    }
}

/// An event as it is written, read as the enum of its area: the kind names the variant, the data is its content. Nothing is
/// copied on the way, since a project is folded from a million of these.
#[derive(Clone, Copy)]
struct Written<'a> {
    kind: &'a str,
    data: &'a Value,
}

impl<'de> Deserializer<'de> for Written<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Written<'de> {
    type Error = serde_json::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Self::Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.kind)).map(|kind| (kind, self))
    }
}

impl<'de> VariantAccess<'de> for Written<'de> {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Deserialize::deserialize(self.data)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Self::Error> {
        seed.deserialize(self.data)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.data.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        // By name alone: a list of the same values in the same order is not what this program writes.
        match self.data {
            Value::Object(_) => self.data.deserialize_struct("", fields, visitor),
            _ => Err(serde::de::Error::custom("the data of an event is an object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_write_gives_is_a_known_event() {
        let event = Event::Finding(FindingEvent::Deleted { finding: FindingId::derive(&Digest::of(b"", b""), 1, 0) });
        let written = event.write();
        let kind = written["kind"].clone();
        let known = |data: Value| {
            let event = serde_json::json!({"kind": kind, "v": 1, "data": data});
            matches!(Recorded::read(&event), Recorded::Known(_))
        };
        assert_eq!(Recorded::read(&written), Recorded::Known(event));
        let name = written["data"]["finding"].clone();
        assert!(known(written["data"].clone()));
        for other in [
            Value::Null,
            serde_json::json!([name]),
            serde_json::json!({}),
            serde_json::json!({"finding": null}),
            serde_json::json!({"finding": 7}),
            name,
        ] {
            assert!(!known(other.clone()), "{other}");
        }
        let mut newer = written.clone();
        newer["v"] = 2.into();
        assert!(matches!(Recorded::read(&newer), Recorded::Unknown { version: 2, .. }));
        let mut another = written;
        another["kind"] = kind.as_str().unwrap().replace("finding", "read").into();
        assert!(matches!(Recorded::read(&another), Recorded::Unknown { .. }));
    }
}
