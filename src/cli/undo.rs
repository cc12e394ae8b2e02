//! `shoken undo` and `shoken redo`: the newest act of a reader's open read.

use std::process::ExitCode;

use super::Common;
use super::open::{ReadArgs, say};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    Undo,
    Redo,
}

pub(super) fn run(args: &Args, common: &Common, direction: Direction) -> anyhow::Result<ExitCode> {
    let (mut project, case) = args.read.open(common)?;
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
