//! `shoken history`: what happened, in words.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::project::{Cause, HistoryLine, Project};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    #[arg(long)]
    case: Option<String>,
    #[arg(long)]
    reader: Option<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let project = open(&args.project, common, args.reader.as_deref())?;
    let case = args.case.as_deref().map(|c| project.find_case(c)).transpose()?;
    let lines = project.history(case.as_ref())?;
    let json: Vec<_> = lines
        .iter()
        .map(|l| {
            serde_json::json!({
                "hash": l.hash, "time": l.time, "actor": l.actor, "act": l.label, "cause": l.cause, "events": l.events, "case": l.case,
            })
        })
        .collect();
    say(common, &json.into(), &lines.iter().map(|l| sentence(&project, l)).collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn sentence(project: &Project, line: &HistoryLine) -> String {
    let act = match line.label.as_str() {
        "project.found" => "founded the project",
        "project.kind" => "changed the kind of the project",
        "reader.enrol" => "enrolled a reader",
        "reader.revoke" => "revoked a key",
        "vocabulary.adopt" => "adopted term packs",
        "protocol.set" => "set the rules of reading",
        "assignment.give" => "assigned cases",
        "catalog.add" => "catalogued images",
        "catalog.hash" => "noted content hashes",
        "read.open" => "opened a read",
        "read.submit" => "submitted the read",
        "read.amend" => "reopened the read",
        "finding.add" => "added findings",
        "finding.delete" => "deleted findings",
        "finding.reshape" => "changed an outline",
        "finding.relabel" => "changed a term",
        "finding.grade" => "changed a certainty",
        "finding.comment" => "commented",
        "undo" => "undid an act",
        "redo" => "redid an act",
        "adjudication.open" => "opened the adjudication",
        "adjudication.resolve" => "decided a discrepancy",
        "adjudication.close" => "closed the adjudication",
        "release.make" => "made a release",
        "access.note" => "access was noted",
        "privacy.erase" => "erased a subject",
        other => other,
    };
    let about = line.case.as_ref().map(|c| format!(" in {}", project.case_label(c))).unwrap_or_default();
    let how = match line.cause {
        Cause::Cli => " (command line)",
        Cause::Job => " (background job)",
        Cause::Gesture | Cause::Undo { .. } | Cause::Redo { .. } => "",
    };
    format!("{}  {}  {act}{about}{how}", line.time, line.actor)
}
