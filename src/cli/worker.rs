//! `shoken worker KIND FILE`: the child in which code runs that foreign bytes can crash. Started by Shoken itself.

use std::{path::PathBuf, process::ExitCode};

use crate::project::pixels::serve_worker;

/// Which file is read, and by what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// openslide
    pub kind: String,
    pub file: PathBuf,
}

/// # Errors
/// A kind that there is not; a pipe that breaks.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if serve_worker(&args.kind, &args.file)? {
        return Ok(ExitCode::SUCCESS);
    }
    anyhow::bail!("there is no worker of this kind; Shoken starts its workers itself")
}
