//! `shoken journal export | apply`: signed transactions as JSON lines.

use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::project::{AccessKind, ExportOptions, ProjectError};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    /// Write all transactions, to standard output without --out
    Export {
        project: PathBuf,
        #[arg(long)]
        out: Option<PathBuf>,
        /// Also the erasable values (outlines, comments)
        #[arg(long)]
        values: bool,
    },
    /// Add transactions from a file, or from standard input
    Apply { project: PathBuf, file: Option<PathBuf> },
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    match &args.command {
        Sub::Export { project, out, values } => {
            let mut project = open(project, common, None)?;
            let options = ExportOptions { values: *values };
            let lines = match out {
                Some(path) => {
                    let mut file = BufWriter::new(std::fs::File::create(path).map_err(|e| bad(path, &e))?);
                    let lines = project.export_journal(&mut file, options)?;
                    file.flush().map_err(|e| bad(path, &e))?;
                    lines
                }
                None => project.export_journal(&mut std::io::stdout().lock(), options)?,
            };
            project.note_access(AccessKind::Exported, None, None)?;
            project.leave_witness()?;
            if out.is_some() {
                say(common, &serde_json::json!({"transactions": lines}), &format!("exported {lines} transactions"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Sub::Apply { project, file } => {
            let mut project = open(project, common, None)?;
            let report = match file {
                Some(path) => {
                    project.apply_journal(&mut BufReader::new(std::fs::File::open(path).map_err(|e| bad(path, &e))?))?
                }
                None => project.apply_journal(&mut std::io::stdin().lock())?,
            };
            let json = serde_json::json!({
                "read": report.read, "new_transactions": report.new_transactions, "new_values": report.new_values, "refused": report.refused,
            });
            let mut lines: Vec<String> = report.refused.iter().map(|r| format!("refused {r}")).collect();
            lines.push(format!(
                "{} lines, {} new transactions, {} new values",
                report.read, report.new_transactions, report.new_values
            ));
            say(common, &json, &lines.join("\n"))?;
            Ok(ExitCode::from(u8::from(!report.refused.is_empty())))
        }
    }
}

fn bad(path: &std::path::Path, e: &std::io::Error) -> ProjectError {
    ProjectError::Input {
        file: path.display().to_string(),
        reason: e.to_string(),
        hint: "Check the path and the space on the disk.".to_owned(),
    }
}
