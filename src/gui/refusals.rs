//! What a rule's "no" says in the window's language.

use super::i18n::{Arg, Words};
use crate::project::Rejection;

pub fn words(words: &Words, rejection: &Rejection) -> String {
    let n = |n: usize| [("n", Arg::from(n))];
    match rejection {
        Rejection::NothingToDo => words.t("refused-nothing"),
        Rejection::NothingToUndo => words.t("refused-nothing-to-undo"),
        Rejection::ReadSealed => words.t("refused-sealed"),
        Rejection::NoOpenRead(_) => words.t("refused-no-open-read"),
        Rejection::NotAssigned(_) => words.t("refused-not-assigned"),
        Rejection::Geometry(_) => words.t("refused-geometry"),
        Rejection::GeometryNotAllowed(_) => words.t("refused-geometry-kind"),
        Rejection::FindingsWithoutTerm(count) => words.with("refused-unnamed", &n(*count)),
        Rejection::VerdictContradicts { .. } => words.t("refused-verdict"),
        Rejection::PixelsNotHashed(count) => words.with("refused-hashing", &n(*count)),
        Rejection::PixelsChanged(_) => words.t("refused-pixels-changed"),
        Rejection::ReasonNeeded => words.t("refused-reason"),
        Rejection::RoleMissing { .. } => words.t("refused-role"),
        Rejection::ReaderMayNotAdjudicate => words.t("refused-reader-adjudicates"),
        Rejection::ReadsMissing { have, need } => {
            words.with("refused-reads-missing", &[("have", Arg::from(*have)), ("need", Arg::from(*need))])
        }
        Rejection::RivalReads { .. } => words.t("refused-rival-reads"),
        Rejection::AdjudicationClosed => words.t("refused-adjudication-closed"),
        Rejection::DiscrepanciesOpen(count) => words.with("refused-open-discrepancies", &n(*count)),
        Rejection::BadVersion(_) => words.t("refused-version"),
        Rejection::ReleaseExists(_) => words.t("refused-release-exists"),
        Rejection::KeyNotEnrolled(_) | Rejection::UnknownReader(_) => words.t("refused-nobody"),
        other => words.with("refused-other", &[("text", Arg::from(other.to_string()))]),
    }
}
