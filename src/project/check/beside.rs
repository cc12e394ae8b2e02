//! What `verify` can say of what lies beside the signed log: identity rows, which no signature covers because they must be
//! erasable without a trace, and the folds that this installation kept.

use std::collections::BTreeMap;

use super::VerifyReport;
use crate::domain::{CaseId, ImageId, SubjectId};
use crate::keys::{Audit, Problem, ProblemKind};
use crate::project::{Project, ProjectError};
use crate::store::IdentityLine;

impl Project {
    /// Labels, pseudonyms, names and paths are counted, since a changed one cannot be told from a true one. Whose they are
    /// can be checked: the log says which subject a case and an image belong to, and who was erased.
    pub(super) fn check_identity(&self, checked: &Audit, report: &mut VerifyReport) -> Result<(), ProjectError> {
        let state = &checked.state;
        let cases: BTreeMap<&CaseId, &SubjectId> = state.cases().map(|c| (&c.id, &c.subject)).collect();
        let images: BTreeMap<&ImageId, &SubjectId> = state.images().map(|i| (&i.id, &i.subject)).collect();
        let mut altered = |place: String, detail: &str| {
            report.problems.push(Problem { kind: ProblemKind::Altered, place, detail: detail.to_owned() });
        };
        let mut rows = 0;
        for line in self.identity_lines()? {
            rows += 1;
            // The place is the random id: what the row says of a person belongs into no report.
            let (place, belongs) = match &line {
                IdentityLine::Subject { subject, .. } => (format!("identity of subject {subject}"), None),
                IdentityLine::Case { case, .. } => (format!("identity of case {case}"), cases.get(case)),
                IdentityLine::Image(i) => (format!("identity of image {}", i.image), images.get(&i.image)),
                IdentityLine::File(f) => (format!("file {} of image {}", f.ordinal, f.image), images.get(&f.image)),
                IdentityLine::Reader { .. } => continue,
            };
            let Some(subject) = line.subject() else { continue };
            if state.is_erased(subject) {
                altered(place, "its subject was erased and it is here");
            } else if belongs.is_some_and(|of| *of != subject) {
                altered(place, "it names another subject than the log does");
            }
        }
        report.identity_rows = rows;
        Ok(())
    }

    /// What this installation knew of the log when it last closed it must still be there.
    pub(super) fn check_known(&self, problems: &mut Vec<Problem>) -> Result<(), ProjectError> {
        for stream in self.state.streams.values() {
            if !self.store.hashes_at(&stream.id, stream.seq)?.contains(&stream.hash) {
                let place = format!(
                    "stream {} transaction {}",
                    stream.id.to_string().get(..12).unwrap_or_default(),
                    stream.seq
                );
                let detail = "it was here when the project was last closed and is not here now".to_owned();
                problems.push(Problem { kind: ProblemKind::Truncated, place, detail });
            }
        }
        Ok(())
    }
}
