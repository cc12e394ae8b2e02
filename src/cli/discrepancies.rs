//! `shoken discrepancies`: where two sealed reads differ.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::project::{Discrepancy, Member, Project};

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
    let cases = match &args.case {
        Some(case) => vec![project.find_case(case)?],
        None => project.case_ids(),
    };
    let mut found = Vec::new();
    for case in cases {
        found.extend(project.discrepancies(&case)?);
    }
    let json: Vec<_> = found.iter().map(|d| row(&project, d)).collect();
    let lines: Vec<_> = found
        .iter()
        .map(|d| {
            let decided = d.decided.map_or("open", crate::domain::AdjudicationTake::word);
            format!("{}\t{}\t{}\tIoU {:.3}\t{decided}", d.id, project.case_label(&d.case), d.kind.word(), d.iou)
        })
        .collect();
    say(common, &json.into(), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn row(project: &Project, d: &Discrepancy) -> serde_json::Value {
    let member = |m: &Option<Member>| {
        m.as_ref().map(|m| {
            let labels: Vec<_> = m.terms.iter().map(|t| project.term_label(t, "en")).collect();
            serde_json::json!({"finding": m.finding, "terms": m.terms, "labels": labels})
        })
    };
    serde_json::json!({
        "id": d.id, "case": d.case, "label": project.case_label(&d.case), "kind": d.kind.word(), "image": d.image, "frame": d.frame,
        "iou": d.iou, "a": member(&d.a), "b": member(&d.b), "decided": d.decided.map(crate::domain::AdjudicationTake::word),
    })
}
