//! `shoken protocol set`: the rules of reading from a JSON file.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say, word};
use crate::domain::ProjectKind;
use crate::project::ProjectError;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    /// Set the rules; fields left out keep their value
    Set {
        project: PathBuf,
        /// JSON object with `reads_per_case`, `match_iou_permille`, `boundary_iou_permille`, `assignment_required`,
        /// `adjudicator_may_be_reader`
        #[arg(long)]
        file: PathBuf,
    },
    /// Make a personal project a study, or a study a campaign; everything signed so far stays as it is
    Raise {
        project: PathBuf,
        /// study or campaign
        #[arg(long)]
        kind: String,
    },
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let (project, file) = match &args.command {
        Sub::Set { project, file } => (project, file),
        Sub::Raise { project, kind } => {
            let kind: ProjectKind = word("--kind", kind)?;
            let mut project = open(project, common, None)?;
            project.raise_kind(kind)?;
            say(common, &serde_json::json!({"kind": kind}), &format!("the project is a {} now", kind.word()))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut project = open(project, common, None)?;
    let text = std::fs::read_to_string(file).map_err(|e| ProjectError::Input {
        file: file.display().to_string(),
        reason: e.to_string(),
        hint: "Check the path.".to_owned(),
    })?;
    let rules = project.set_protocol(&file.display().to_string(), &text)?;
    say(common, &serde_json::to_value(&rules)?, &format!("protocol set: {} reads a case", rules.reads_per_case))?;
    Ok(ExitCode::SUCCESS)
}
