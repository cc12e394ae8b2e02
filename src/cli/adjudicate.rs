//! `shoken adjudicate`: decide one discrepancy; with none left the case is closed.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::domain::AdjudicationTake;
use crate::project::{Cause, ProjectError};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    #[arg(long)]
    reader: Option<String>,
    /// Id from `shoken discrepancies`; leave it out with --case to close a case without discrepancies
    #[arg(long)]
    discrepancy: Option<String>,
    /// Confirm every case on which the readers agree in everything
    #[arg(long, conflicts_with_all = ["discrepancy", "case", "take"])]
    agreed: bool,
    /// Case to close when the readers agree on everything
    #[arg(long)]
    case: Option<String>,
    /// a, b, both, neither, or a GeoJSON file with the redrawn findings
    #[arg(long)]
    take: Option<String>,
    #[arg(long, default_value = "")]
    reason: String,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, args.reader.as_deref())?;
    if args.agreed {
        let closed = project.close_agreed(&Cause::Cli)?;
        say(
            common,
            &serde_json::json!({"closed": closed}),
            &format!("confirmed {closed} cases on which the readers agree"),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let (case, closed) = match (&args.discrepancy, &args.take, &args.case) {
        (Some(id), Some(take), _) => {
            let discrepancy = project.find_discrepancy(id)?;
            let (take, drawn) = match take.parse::<AdjudicationTake>() {
                Ok(AdjudicationTake::Redrawn) | Err(_) => {
                    let text = std::fs::read_to_string(take).map_err(|e| ProjectError::Input {
                        file: take.clone(),
                        reason: e.to_string(),
                        hint: "Give a, b, both, neither, or the path of a GeoJSON file.".to_owned(),
                    })?;
                    (AdjudicationTake::Redrawn, project.read_findings(&discrepancy.case, take, &text, "adjudication")?)
                }
                Ok(word) => (word, Vec::new()),
            };
            let closed = project.resolve(&discrepancy, take, drawn, &args.reason, &Cause::Cli)?;
            (discrepancy.case, closed)
        }
        (None, None, Some(case)) => {
            let case = project.find_case(case)?;
            project.open_adjudication(&case, &Cause::Cli)?;
            let closed = project.close_if_decided(&case, &Cause::Cli)?;
            (case, closed)
        }
        _ => {
            let reason = "give --discrepancy with --take, or --case alone".to_owned();
            return Err(ProjectError::Refused { file: "adjudicate".to_owned(), reason }.into());
        }
    };
    let json = serde_json::json!({"case": case, "closed": closed});
    let text = if closed { "decided; the case is closed" } else { "decided; discrepancies remain" };
    say(common, &json, &format!("{}: {text}", project.case_label(&case)))?;
    Ok(ExitCode::SUCCESS)
}
