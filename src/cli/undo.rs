//! `shoken undo` and `shoken redo`: the newest act of a reader's open read.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    #[arg(long)]
    reader: Option<String>,
    #[arg(long)]
    case: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    Undo,
    Redo,
}

pub(super) fn run(args: &Args, common: &Common, direction: Direction) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, args.reader.as_deref())?;
    let case = project.find_case(&args.case)?;
    let word = match direction {
        Direction::Undo => {
            project.undo(&case)?;
            "undone"
        }
        Direction::Redo => {
            project.redo(&case)?;
            "done again"
        }
    };
    say(common, &serde_json::json!({"case": case, "done": word}), word)?;
    Ok(ExitCode::SUCCESS)
}
