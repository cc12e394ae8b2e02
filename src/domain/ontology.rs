//! Terms: what a finding may be called. A pack is a versioned list of terms with stable opaque ids.
//!
//! # The pack format, version 1
//!
//! One JSON file in UTF-8 (NFC). Fields marked * may be left out; unknown fields are kept out of the program but do no
//! harm, so a later version may add some.
//!
//! | field | meaning |
//! |---|---|
//! | `format`, `format_version` | `"shoken-ontology"`, `1` |
//! | `id`, `version` | the pack's name, lower-case with hyphens; `X.Y.Z` |
//! | `name` | by language; `ja` and `en` are required wherever a field is by language |
//! | `field` | `pathology`, `endoscopy`, `radiology` or `other` |
//! | `licence`, `sources`* | SPDX identifier of the pack itself; where names and codes come from |
//! | `groups`* | `id` and `label`: headings of the term picker, in the order shown |
//! | `schemes`* | the classifications behind the terms: `id`, `name`, `source`, `status` (`verified` against that source or `unverified`), `numerals_equal`* (Ⅱ, II and 2 mean the same in it) |
//! | `terms` | see [`Term`] |
//!
//! A term's `id` is opaque (`P0012`): letters say at most which pack it came from, digits say nothing, and an id is never
//! used again for another meaning. A new meaning is a new id; a term that nobody should use any more becomes
//! `deprecated` and stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A pack at a version, as a finding or a stream names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackRef {
    pub pack: String,
    pub version: String,
}

/// A term as stored with a finding: opaque id, pack and version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TermRef {
    pub pack: String,
    pub version: String,
    pub id: String,
}

/// A code of an outside terminology.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Coding scheme designator as DICOM writes it: `SCT`, `DCM`, `NCIt`, `RADLEX`, `UBERON`.
    pub system: String,
    pub code: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermStatus {
    Active,
    Deprecated,
}

/// What a term may be drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeometryKind {
    Point,
    Line,
    Rectangle,
    Ellipse,
    Polygon,
    WholeImage,
}

/// One term. `label`, `synonyms` and `definition` are keyed by language (`ja`, `en`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub id: String,
    pub label: BTreeMap<String, String>,
    /// How the Japanese label is read, in hiragana, so that it is found without converting to kanji.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub synonyms: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub definition: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Code>,
    pub geometry: Vec<GeometryKind>,
    /// `#RRGGBB`.
    pub color: String,
    /// One of [`Ontology::groups`]; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// One of [`Ontology::schemes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The broader term of the same pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub status: TermStatus,
}

/// A heading of the term picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermGroup {
    pub id: String,
    pub label: BTreeMap<String, String>,
}

/// Whether somebody has compared a scheme with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemeStatus {
    Verified,
    Unverified,
}

/// A classification that terms come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheme {
    pub id: String,
    pub name: BTreeMap<String, String>,
    pub source: String,
    pub status: SchemeStatus,
    /// Roman and Arabic numerals mean the same in this scheme, and a letter O before a hyphen means zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numerals_equal: bool,
}

/// A term pack as read from its JSON file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ontology {
    pub format: String,
    pub format_version: u32,
    pub id: String,
    pub version: String,
    pub name: BTreeMap<String, String>,
    pub field: super::Field,
    pub licence: String,
    #[serde(default)]
    pub sources: Vec<String>,
    #[serde(default)]
    pub groups: Vec<TermGroup>,
    #[serde(default)]
    pub schemes: Vec<Scheme>,
    pub terms: Vec<Term>,
}

impl Term {
    /// The label in `language`, else the English, else the Japanese one, else the id.
    pub fn label_in(&self, language: &str) -> &str {
        let label = [language, "en", "ja"].into_iter().find_map(|l| self.label.get(l));
        label.map_or(self.id.as_str(), String::as_str)
    }
}

impl Ontology {
    /// What `format` and `format_version` must say.
    pub const FORMAT: &str = "shoken-ontology";
    pub const FORMAT_VERSION: u32 = 1;

    pub fn scheme(&self, id: &str) -> Option<&Scheme> {
        self.schemes.iter().find(|s| s.id == id)
    }

    pub fn pack_ref(&self) -> PackRef {
        PackRef { pack: self.id.clone(), version: self.version.clone() }
    }

    pub fn term(&self, id: &str) -> Option<&Term> {
        self.terms.iter().find(|t| t.id == id)
    }

    pub fn term_ref(&self, id: &str) -> Option<TermRef> {
        self.term(id).map(|t| TermRef { pack: self.id.clone(), version: self.version.clone(), id: t.id.clone() })
    }

    /// The term whose label in any language is exactly `label`.
    pub fn term_by_label(&self, label: &str) -> Option<&Term> {
        self.terms.iter().find(|t| t.label.values().any(|l| l == label))
    }
}
