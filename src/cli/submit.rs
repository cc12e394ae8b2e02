//! `shoken submit` and `shoken amend`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say, word};
use crate::domain::{UserText, Verdict};
use crate::project::{Cause, Command, ReadCommand};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    #[arg(long)]
    reader: Option<String>,
    #[arg(long)]
    case: String,
    /// findings, no-finding or not-assessable; `findings` when left out
    #[arg(long, default_value = "findings")]
    verdict: String,
}

#[derive(Debug, clap::Args)]
pub struct AmendArgs {
    project: PathBuf,
    #[arg(long)]
    reader: Option<String>,
    #[arg(long)]
    case: String,
    #[arg(long)]
    reason: String,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, args.reader.as_deref())?;
    let case = project.find_case(&args.case)?;
    let verdict: Verdict = word("--verdict", &args.verdict)?;
    project.submit(&case, verdict, &Cause::Cli)?;
    let json = serde_json::json!({"case": case, "verdict": verdict});
    say(common, &json, &format!("submitted {} ({})", project.case_label(&case), verdict.word()))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn amend(args: &AmendArgs, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, args.reader.as_deref())?;
    let case = project.find_case(&args.case)?;
    project.execute(
        Command::Read(ReadCommand::Amend { case: case.clone(), reason: UserText::new(&args.reason) }),
        &Cause::Cli,
    )?;
    say(common, &serde_json::json!({"case": case}), &format!("reopened {}", project.case_label(&case)))?;
    Ok(ExitCode::SUCCESS)
}
