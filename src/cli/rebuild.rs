//! `shoken rebuild`: derived tables made anew.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, None)?;
    let report = project.rebuild()?;
    let json = serde_json::json!({"rows": report.rows, "differences": report.differences});
    say(common, &json, &format!("rebuilt {} rows; {} differed", report.rows, report.differences.len()))?;
    Ok(ExitCode::SUCCESS)
}
