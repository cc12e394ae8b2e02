//! `shoken assign`: give cases to readers.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    /// The same seed gives the same assignment
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, None)?;
    let given = project.assign(args.seed)?;
    let lines: Vec<_> = given.iter().map(|a| format!("{} -> {}", project.case_label(&a.case), a.reader)).collect();
    say(common, &serde_json::to_value(&given)?, &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
