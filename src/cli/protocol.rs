//! `shoken protocol set`: the rules of reading from a JSON file.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
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
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let Sub::Set { project, file } = &args.command;
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
