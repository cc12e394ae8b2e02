//! `shoken annotate`: findings from a GeoJSON file into a reader's open read.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{ReadArgs, say};
use crate::project::ProjectError;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    read: ReadArgs,
    /// FeatureCollection in pixel edges of the image
    #[arg(long)]
    from: PathBuf,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let (mut project, case) = args.read.open(common)?;
    let name = args.from.display().to_string();
    let text = std::fs::read_to_string(&args.from).map_err(|e| ProjectError::Input {
        file: name.clone(),
        reason: e.to_string(),
        hint: "Check the path.".to_owned(),
    })?;
    let done = project.annotate(&case, &name, &text)?;
    let json = serde_json::json!({"findings": done.findings, "repaired": done.repaired});
    let repaired = if done.repaired > 0 {
        format!(" ({} outlines crossed themselves and were rebuilt)", done.repaired)
    } else {
        String::new()
    };
    say(common, &json, &format!("added {} findings to {}{repaired}", done.findings, project.case_label(&case)))?;
    Ok(ExitCode::SUCCESS)
}
