//! Who reads, in which role, what a read concludes, and how an adjudicator decides.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a project is for. Gates, ledgers and role separation exist only from `Study` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectKind {
    Personal,
    Study,
    Campaign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Reader,
    Adjudicator,
    Coordinator,
    Auditor,
}

/// How a read ends; mandatory, so that "nothing found" differs from "not looked".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Findings,
    NoFinding,
    NotAssessable,
}

/// How sure the reader is of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    Definite,
    Probable,
    Possible,
}

/// Who made a geometry: a hand, a hand helped by an algorithm, or an algorithm alone (DICOM 3006,0036 uses the same three).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Manual,
    SemiAutomatic,
    Automatic,
}

/// The adjudicator's decision on one discrepancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjudicationTake {
    A,
    B,
    Both,
    Neither,
    /// The adjudicator drew it anew.
    Redrawn,
}

/// A word that is none of an enum's values; the message lists them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is not one of {allowed}")]
pub struct UnknownWord {
    given: String,
    allowed: &'static str,
}

macro_rules! words {
    ($ty:ident, $allowed:literal, $($word:literal => $value:expr),+ $(,)?) => {
        impl FromStr for $ty {
            type Err = UnknownWord;
            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                match s {
                    $($word => Ok($value),)+
                    _ => Err(UnknownWord { given: s.to_owned(), allowed: $allowed }),
                }
            }
        }
        impl $ty {
            /// The word used on the command line.
            pub fn word(self) -> &'static str {
                match self {
                    $(v if v == $value => $word,)+
                    _ => "",
                }
            }
        }
    };
}
words!(ProjectKind, "personal, study, campaign", "personal" => Self::Personal, "study" => Self::Study, "campaign" => Self::Campaign);
words!(Role, "reader, adjudicator, coordinator, auditor",
    "reader" => Self::Reader, "adjudicator" => Self::Adjudicator, "coordinator" => Self::Coordinator, "auditor" => Self::Auditor);
words!(Verdict, "findings, no-finding, not-assessable",
    "findings" => Self::Findings, "no-finding" => Self::NoFinding, "not-assessable" => Self::NotAssessable);
words!(AdjudicationTake, "a, b, both, neither, redrawn",
    "a" => Self::A, "b" => Self::B, "both" => Self::Both, "neither" => Self::Neither, "redrawn" => Self::Redrawn);
words!(Certainty, "definite, probable, possible", "definite" => Self::Definite, "probable" => Self::Probable, "possible" => Self::Possible);
