//! `shoken release`: write a versioned dataset.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::project::{ProjectError, ReleaseFormat, ReleaseRequest};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    /// Three numbers, for example 1.0.0
    #[arg(long)]
    version: String,
    /// Folder to make
    #[arg(long)]
    out: PathBuf,
    /// coco, geojson; may be repeated or comma-separated; all when left out
    #[arg(long = "format", value_delimiter = ',')]
    formats: Vec<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, None)?;
    let mut formats = std::collections::BTreeSet::new();
    for word in &args.formats {
        let format = ReleaseFormat::from_word(word).ok_or_else(|| ProjectError::Refused {
            file: format!("--format {word}"),
            reason: "formats are coco and geojson".to_owned(),
        })?;
        formats.insert(format);
    }
    let done = project.release(&ReleaseRequest { version: &args.version, folder: &args.out, formats })?;
    let json = serde_json::json!({
        "root": done.root, "cases": done.cases, "labels": done.labels, "files": done.files, "bytes": done.bytes,
        "excluded": done.excluded.iter().map(|(case, why)| serde_json::json!({"case": case, "reason": why})).collect::<Vec<_>>(),
    });
    let mut text = format!(
        "released {}: {} cases, {} labels, {} files, root {}",
        args.version, done.cases, done.labels, done.files, done.root
    );
    for (case, why) in &done.excluded {
        text += &format!("\nleft out {case}: {why}");
    }
    say(common, &json, &text)?;
    Ok(ExitCode::SUCCESS)
}
