//! Terms: what a finding may be called. A pack is a versioned list of terms with stable opaque ids.

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

/// One term. `label` and `synonyms` are keyed by language (`ja`, `en`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub id: String,
    pub label: BTreeMap<String, String>,
    #[serde(default)]
    pub synonyms: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub codes: Vec<Code>,
    pub geometry: Vec<GeometryKind>,
    /// `#RRGGBB`.
    pub color: String,
    #[serde(default)]
    pub group: String,
    pub status: TermStatus,
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
    pub terms: Vec<Term>,
}

/// One thing wrong with a pack: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OntologyProblem {
    pub place: String,
    pub reason: String,
}

impl Ontology {
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
