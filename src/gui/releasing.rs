//! Planning and making a release, on a thread with a handle of its own: the window goes on meanwhile and catches up.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::domain::ReaderId;
use crate::project::{Project, ProjectError, ReleasePlan, ReleaseRequest, Released, verify_release};

/// Whose project, and who acts.
#[derive(Clone)]
pub struct Desk {
    pub folder: PathBuf,
    pub home: PathBuf,
    pub reader: Option<ReaderId>,
}

/// A release that was made, and what checking its folder afterwards found.
#[derive(Clone, Debug)]
pub struct Made {
    pub version: String,
    pub folder: PathBuf,
    pub released: Released,
    /// Files that were compared with the manifest.
    pub files: usize,
    /// What is wrong with the folder; empty when it is sound.
    pub problems: Vec<String>,
}

/// What the release workspace shows.
#[derive(Clone, Debug, Default)]
pub struct ReleasePage {
    pub planning: bool,
    pub making: bool,
    pub plan: Option<ReleasePlan>,
    pub made: Option<Made>,
}

impl Desk {
    /// A handle of its own on the project, in the name of whoever acts.
    ///
    /// # Errors
    /// As [`Project::open`] and [`Project::act_as`].
    pub fn project(&self) -> Result<Project, ProjectError> {
        let mut project = Project::open(&self.folder, &self.home, true)?;
        if let Some(reader) = &self.reader {
            project.act_as(reader)?;
        }
        Ok(project)
    }

    /// # Errors
    /// As [`Project::release_plan`].
    pub fn plan(&self) -> Result<ReleasePlan, ProjectError> {
        self.project()?.release_plan()
    }

    /// Writes the release and reads it back.
    ///
    /// # Errors
    /// As [`Project::release`].
    pub fn make(&self, version: &str, folder: &Path) -> Result<Made, ProjectError> {
        let request = ReleaseRequest { version, folder, formats: BTreeSet::new() };
        let released = self.project()?.release(&request)?;
        let report = verify_release(folder);
        Ok(Made {
            version: version.to_owned(),
            folder: folder.to_owned(),
            released,
            files: report.files,
            problems: report.problems.iter().map(|p| format!("{}: {}", p.place, p.detail)).collect(),
        })
    }
}

/// The version to propose after the newest one: its last number plus one.
pub fn next_version(plan: &ReleasePlan) -> String {
    let numbers = |v: &str| v.split('.').filter_map(|p| p.parse::<u32>().ok()).collect::<Vec<_>>();
    match plan.made.iter().map(|(v, _, _)| numbers(v)).max().as_deref() {
        Some([major, minor, patch]) => format!("{major}.{minor}.{}", patch + 1),
        _ => "1.0.0".to_owned(),
    }
}

/// Three numbers without leading zeros, as the journal wants them.
pub fn is_version(text: &str) -> bool {
    let number = |p: &str| {
        !p.is_empty() && p.len() < 6 && p.bytes().all(|b| b.is_ascii_digit()) && (p == "0" || !p.starts_with('0'))
    };
    text.split('.').count() == 3 && text.split('.').all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_counts_on_from_the_newest() {
        let root = crate::domain::Digest::from_bytes([0; 32]);
        let plan = |made: &[&str]| ReleasePlan {
            made: made.iter().map(|v| ((*v).to_owned(), root, String::new())).collect(),
            ..ReleasePlan::default()
        };
        assert_eq!(next_version(&plan(&[])), "1.0.0");
        assert_eq!(next_version(&plan(&["1.0.0", "1.0.10", "1.0.9"])), "1.0.11");
        for good in ["1.0.0", "0.10.2"] {
            assert!(is_version(good));
        }
        for bad in ["1.0", "1.0.0.0", "01.0.0", "1.0.x", "", "1..0"] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
