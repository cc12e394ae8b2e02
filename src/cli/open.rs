//! Opening a project as the right reader, and saying what was done.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Common;
use super::words::Words;
use crate::domain::{CaseId, ReaderId};
use crate::project::{Concern, Project, ProjectError, home_dir};

/// Opens a project. `reader` (from `--reader`) wins over `--as`; without either the creator acts.
pub(super) fn open(folder: &Path, common: &Common, reader: Option<&str>) -> anyhow::Result<Project> {
    let mut project = Project::open(folder, &home_dir(), true)?;
    if let Some(id) = reader.or(common.acting.as_deref()) {
        project.act_as(&reader_id(id)?)?;
    }
    if let Some(line) = place_line(&project, common) {
        // On standard error, so that what a script reads stays what it asked for.
        writeln!(std::io::stderr(), "{line}").ok();
    }
    Ok(project)
}

/// One reader's read of one case, as the acts upon a read take it.
#[derive(Debug, clap::Args)]
pub struct ReadArgs {
    project: PathBuf,
    #[arg(long)]
    reader: Option<String>,
    #[arg(long)]
    case: String,
}

impl ReadArgs {
    pub(super) fn open(&self, common: &Common) -> anyhow::Result<(Project, CaseId)> {
        let project = open(&self.project, common, self.reader.as_deref())?;
        let case = project.find_case(&self.case)?;
        Ok((project, case))
    }
}

/// What speaks against the place of a project, told once, with a better one.
pub(super) fn place_line(project: &Project, common: &Common) -> Option<String> {
    let (concern, better) = project.place_concern_once()?;
    let words = Words::of(common);
    let (key, name, what) = match concern {
        Concern::Network(kind) => ("cli-place-network", "kind", kind),
        Concern::Cloud(service) => ("cli-place-cloud", "service", service),
        Concern::Fat(kind) => ("cli-place-fat", "kind", kind),
    };
    Some(words.say(key, &[(name, what.into()), ("better", better.display().to_string().into())]))
}

pub(super) fn reader_id(text: &str) -> Result<ReaderId, ProjectError> {
    ReaderId::new(text).map_err(|e| ProjectError::Refused { file: format!("reader '{text}'"), reason: e.to_string() })
}

/// Prints the JSON value with `--json`, else the lines. Written and not `println!`ed, which would panic when whoever
/// reads our output has gone (`shoken worklist … | head`).
pub(super) fn say(common: &Common, json: &serde_json::Value, text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if common.json {
        writeln!(out, "{json:#}")?;
    } else if !text.is_empty() {
        writeln!(out, "{text}")?;
    }
    Ok(())
}

/// One of a set of words, or a refusal that lists them.
pub(super) fn word<T: std::str::FromStr<Err = E>, E: std::fmt::Display>(
    what: &str,
    text: &str,
) -> Result<T, ProjectError> {
    text.parse().map_err(|e: E| ProjectError::Refused { file: what.to_owned(), reason: e.to_string() })
}
