//! `shoken import`: catalogue images where they lie, and hash them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::Common;
use super::open::{open, say};
use crate::project::{CaseBy, Cause, FoundImages, Progress, Project, ProjectError, asked_to_stop, cancelled_by_asking};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How images become cases; without it DICOM by study, the rest by file
    #[arg(long)]
    case_by: Option<CaseByWord>,
    /// Take films in files that are numbered one after the other (V_001.mp4, V_002.mp4 ...) as one film
    #[arg(long)]
    join_films: bool,
    /// Leave the full hashes for later; reads cannot be submitted before
    #[arg(long)]
    no_hash: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CaseByWord {
    Study,
    File,
    Folder,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, None)?;
    let case_by = match args.case_by {
        None => CaseBy::Auto,
        Some(CaseByWord::Study) => CaseBy::Study,
        Some(CaseByWord::File) => CaseBy::File,
        Some(CaseByWord::Folder) => CaseBy::Folder,
    };
    let cancel = cancelled_by_asking();
    let mut found = FoundImages::under(&args.paths, &Progress::default(), &Progress::default(), &cancel)?;
    if args.join_films {
        found.join_films();
    }
    let done = project.import_found(&found, case_by, &Cause::Cli)?;
    if !args.no_hash {
        hash_all(&mut project)?;
    }
    let mut lines = Vec::new();
    for (path, reason) in &done.skipped {
        lines.push(format!("skipped {}: {reason}", path.reveal()));
    }
    for (verb, list) in [("added", &done.images), ("known", &done.known)] {
        for (case, image) in list {
            lines.push(format!("{verb} case {} image {image}", project.case_label(case)));
        }
    }
    let row = |(case, image): &(crate::domain::CaseId, crate::domain::ImageId)| serde_json::json!({"case": case, "label": project.case_label(case), "image": image});
    let json = serde_json::json!({
        "added": done.images.iter().map(row).collect::<Vec<_>>(),
        "known": done.known.iter().map(row).collect::<Vec<_>>(),
        "skipped": done.skipped.iter().map(|(p, r)| serde_json::json!({"path": p.reveal(), "reason": r})).collect::<Vec<_>>(),
    });
    say(common, &json, &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads every image whose hash is missing to its end, with progress on a terminal.
pub(super) fn hash_all(project: &mut Project) -> Result<(), ProjectError> {
    let jobs = project.pending_hashes()?;
    let total = jobs.iter().map(|j| j.total_bytes).sum();
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("hashing {bytes}/{total_bytes} {bar:30} {eta}") {
        bar.set_style(style);
    }
    let mut before = 0;
    for job in jobs {
        let outcome = job.run(|bytes| {
            bar.set_position(before + bytes);
            !asked_to_stop()
        });
        before += job.total_bytes;
        if let Some(reason) = &outcome.error {
            return Err(ProjectError::Input {
                file: job.image.to_string(),
                reason: reason.clone(),
                hint: "What was read so far is kept; run the command again.".to_owned(),
            });
        }
        project.record_hashes(&[outcome])?;
        if asked_to_stop() {
            return Err(ProjectError::Stopped);
        }
    }
    bar.finish_and_clear();
    Ok(())
}
