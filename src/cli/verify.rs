//! `shoken verify`: a project or a release. Exits 1 when anything is wrong.

use std::path::PathBuf;
use std::process::ExitCode;

use fluent_bundle::FluentValue;

use super::Common;
use super::backup::watch;
use super::open::say;
use super::words::Words;
use crate::project::{
    AccessKind, Problem, Progress, Project, ProjectError, asked_to_stop, cancelled_by_asking, home_dir, verify_release,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Project folder or release folder
    path: PathBuf,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut uncovered = 0;
    let (problems, notes, checked) = if args.path.join("manifest.json").is_file() {
        let report = verify_release(&args.path);
        let checked = format!("{} files, {} labels, {} transactions", report.files, report.labels, report.transactions);
        (report.problems, report.notes, checked)
    } else {
        let mut project = Project::open(&args.path, &home_dir(), true)?;
        let progress = Progress::default();
        let bar = watch(&progress);
        let report = project.verify_watched(&progress, &cancelled_by_asking());
        bar.finish_and_clear();
        if report.is_err() && asked_to_stop() {
            return Err(ProjectError::Stopped.into());
        }
        let report = report?;
        uncovered = report.identity_rows;
        project.note_access(AccessKind::Verified, None, None)?;
        let checked = format!(
            "{} transactions in {} streams, {} values ({} absent), {} witnesses",
            report.transactions, report.streams, report.values, report.values_absent, report.witnesses
        );
        (report.problems, report.notes, checked)
    };
    let row = |p: &Problem| serde_json::json!({"kind": p.kind.word(), "place": p.place, "detail": p.detail});
    let json = serde_json::json!({
        "sound": problems.is_empty(), "checked": checked, "problems": problems.iter().map(row).collect::<Vec<_>>(), "notes": notes,
        "not_covered": {"identity_rows": uncovered},
    });
    let mut lines: Vec<String> =
        problems.iter().map(|p| format!("{}: {}: {}", p.kind.word(), p.place, p.detail)).collect();
    lines.extend(notes.iter().map(|n| format!("note: {n}")));
    let verdict = if problems.is_empty() { "sound" } else { "NOT sound" };
    lines.push(format!("{verdict}: {checked}"));
    if uncovered > 0 {
        lines.push(Words::of(common).say("cli-verify-uncovered", &[("n", FluentValue::from(uncovered))]));
    }
    say(common, &json, &lines.join("\n"))?;
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}
