//! `shoken submit` and `shoken amend`.

use std::process::ExitCode;

use super::Common;
use super::open::{ReadArgs, say, word};
use crate::domain::{UserText, Verdict};
use crate::project::{Cause, Command, ReadCommand};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    read: ReadArgs,
    /// findings, no-finding or not-assessable; `findings` when left out
    #[arg(long, default_value = "findings")]
    verdict: String,
}

#[derive(Debug, clap::Args)]
pub struct AmendArgs {
    #[command(flatten)]
    read: ReadArgs,
    #[arg(long)]
    reason: String,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let (mut project, case) = args.read.open(common)?;
    let verdict: Verdict = word("--verdict", &args.verdict)?;
    project.submit(&case, verdict, &Cause::Cli)?;
    let json = serde_json::json!({"case": case, "verdict": verdict});
    say(common, &json, &format!("submitted {} ({})", project.case_label(&case), verdict.word()))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn amend(args: &AmendArgs, common: &Common) -> anyhow::Result<ExitCode> {
    let (mut project, case) = args.read.open(common)?;
    project.execute(
        Command::Read(ReadCommand::Amend { case: case.clone(), reason: UserText::new(&args.reason) }),
        &Cause::Cli,
    )?;
    say(common, &serde_json::json!({"case": case}), &format!("reopened {}", project.case_label(&case)))?;
    Ok(ExitCode::SUCCESS)
}
