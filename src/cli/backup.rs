//! `shoken backup`: copy a project to other folders or disks, and prove every copy.

use std::path::PathBuf;
use std::process::ExitCode;

use fluent_bundle::FluentValue;
use indicatif::{ProgressBar, ProgressStyle};

use super::Common;
use super::open::{open, say};
use super::words::Words;
use crate::project::{BackupRequest, Cancel, KEEP_DEFAULT, PlaceReport, Progress};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    /// Folder for backups; may be repeated: the second and later ones may be disks that are not connected now. Without it,
    /// where the last backups went
    #[arg(long = "to", value_name = "DIR")]
    to: Vec<PathBuf>,
    /// Newest generations to keep; of every month of the last twelve the newest stays besides
    #[arg(long, default_value_t = KEEP_DEFAULT, value_parser = at_least_one)]
    keep: usize,
    /// Only list what is there
    #[arg(long, conflicts_with = "prune_erased")]
    list: bool,
    /// After a new generation was proved, take away those that still hold what was erased since
    #[arg(long)]
    prune_erased: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "a number from 1".to_owned())
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, None)?;
    let words = Words::of(common);
    let reports = if args.list {
        project.backups(&args.to)?
    } else {
        let request = BackupRequest { places: args.to.clone(), keep: Some(args.keep), prune_erased: args.prune_erased };
        let progress = Progress::default();
        let bar = watch(&progress);
        let done = project.backup(&request, &progress, &Cancel::default());
        bar.finish_and_clear();
        done?
    };
    let json: Vec<_> = reports.iter().map(row).collect();
    let mut lines = Vec::new();
    for report in &reports {
        describe(&words, report, args.list, &mut lines);
    }
    let damaged = reports.iter().any(|r| !r.problems.is_empty());
    say(common, &json.into(), &lines.join("\n"))?;
    Ok(ExitCode::from(u8::from(damaged)))
}

/// A bar that follows the work, on a terminal.
pub(super) fn watch(progress: &Progress) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent} %") {
        bar.set_style(style);
    }
    let (shown, progress) = (bar.downgrade(), progress.clone());
    let follow = move || {
        while let Some(bar) = shown.upgrade().filter(|b| !b.is_finished()) {
            let now = progress.snapshot();
            bar.set_length(now.total);
            bar.set_position(now.done);
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    };
    // Without the bar the copy is made all the same.
    drop(std::thread::Builder::new().name("backup-progress".to_owned()).spawn(follow));
    bar
}

fn row(report: &PlaceReport) -> serde_json::Value {
    let generations: Vec<_> = report
        .generations
        .iter()
        .map(|g| {
            serde_json::json!({
                "folder": g.folder, "number": g.number, "made": g.made, "transactions": g.transactions, "sound": g.sound,
                "erased_inside": g.erased_inside,
            })
        })
        .collect();
    serde_json::json!({
        "place": report.path, "absent": report.absent_since.is_some(),
        "last": report.absent_since.as_ref().filter(|t| !t.is_empty()), "made": report.made, "problems": report.problems,
        "removed": report.removed, "generations": generations,
    })
}

fn describe(words: &Words, report: &PlaceReport, list: bool, lines: &mut Vec<String>) {
    let place = report.path.display().to_string();
    let text = |s: &str| FluentValue::from(s.to_owned());
    if let Some(last) = &report.absent_since {
        lines.push(if last.is_empty() {
            words.with("cli-backup-absent-never", "place", &place)
        } else {
            words.say("cli-backup-absent", &[("place", text(&place)), ("last", text(last))])
        });
    } else if list {
        lines.push(place.clone());
    }
    if let Some(made) = &report.made {
        let of = report.generations.iter().find(|g| g.folder == *made).map_or(0, |g| g.transactions);
        let args = [("folder", text(&made.display().to_string())), ("n", FluentValue::from(of))];
        lines.push(words.say("cli-backup-made", &args));
    }
    for problem in &report.problems {
        lines.push(words.with("cli-backup-problem", "text", problem));
    }
    for gone in &report.removed {
        lines.push(words.with("cli-backup-removed", "folder", &gone.display().to_string()));
    }
    for g in &report.generations {
        let name = g.folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let args = [("name", text(&name)), ("n", FluentValue::from(g.transactions))];
        let mut line = words.say(if g.sound { "cli-backup-line" } else { "cli-backup-line-damaged" }, &args);
        if g.erased_inside > 0 {
            line += &words.count("cli-backup-line-erased", g.erased_inside);
        }
        lines.push(line);
    }
    if report.generations.is_empty() && report.absent_since.is_none() {
        lines.push(words.t("cli-backup-none"));
    }
    if report.generations.iter().any(|g| g.erased_inside > 0) {
        lines.push(words.t("cli-backup-erased-advice"));
    }
    if report.on_project_disk {
        lines.push(words.with("cli-backup-same-disk", "place", &place));
    }
}
