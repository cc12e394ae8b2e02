//! `shoken worklist`: cases and where they stand.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::project::ProjectError;

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    #[arg(long)]
    reader: Option<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let project = open(&args.project, common, args.reader.as_deref())?;
    let reader = project.actor().cloned().ok_or(ProjectError::NobodyHere)?;
    let items = project.worklist(&reader)?;
    let json: Vec<_> = items
        .iter()
        .map(|i| {
            let images: Vec<_> = i
                .images
                .iter()
                .map(|m| match &m.path {
                    Some(path) => serde_json::json!({"id": m.id, "path": path.reveal()}),
                    None => serde_json::json!({"id": m.id}),
                })
                .collect();
            serde_json::json!({
                "case": i.case, "label": i.label, "modality": i.modality, "state": i.state.word(), "reader": i.reader,
                "findings": i.findings, "images": images,
            })
        })
        .collect();
    let line = |i: &crate::project::WorkItem| {
        format!("{}\t{}\t{}\t{} findings", i.label, i.modality, i.state.word(), i.findings)
    };
    say(common, &json.into(), &items.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
