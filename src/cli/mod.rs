//! Front end 1: one file per subcommand. Exit codes: 0 done, 1 a rule refused, 2 something failed; one line says why.

mod adjudicate;
mod annotate;
mod assign;
mod backup;
mod conflicts;
mod discrepancies;
mod history;
mod identity;
mod import;
mod inspect;
mod journal;
mod new;
mod ontology;
mod open;
#[cfg(feature = "network")]
mod pacs;
#[cfg(feature = "network")]
mod pacs_receive;
mod protocol;
mod reader;
mod rebuild;
mod release;
mod render;
mod restore;
mod submit;
mod undo;
mod verify;
mod words;
mod worker;
mod worklist;

use std::process::ExitCode;

use clap::Subcommand;

/// Every subcommand that works on a project, an image file or a term pack.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a project folder
    New(new::Args),
    /// Catalogue images where they lie
    Import(import::Args),
    /// Say what an image file is, as Shoken reads it
    Inspect(inspect::Args),
    /// Render an image or a region of it as PNG
    Render(render::Args),
    /// Enrol readers and list them
    Reader(reader::Args),
    /// Set the rules of reading
    Protocol(protocol::Args),
    /// Give cases to readers, evenly and repeatably
    Assign(assign::Args),
    /// List cases and where they stand
    Worklist(worklist::Args),
    /// Add findings from a GeoJSON file to a reader's open read
    Annotate(annotate::Args),
    /// Seal a read with its closing verdict
    Submit(submit::Args),
    /// Reopen a sealed read, with a reason
    Amend(submit::AmendArgs),
    /// Take back the newest act in an open read
    Undo(undo::Args),
    /// Do again what was taken back last
    Redo(undo::Args),
    /// List reads of one reader that exclude each other, and choose between them
    Conflicts(conflicts::Args),
    /// List where two sealed reads differ
    Discrepancies(discrepancies::Args),
    /// Decide one discrepancy
    Adjudicate(adjudicate::Args),
    /// Write a versioned dataset that proves its labels
    Release(release::Args),
    /// Check that nothing was altered, lost or forged
    Verify(verify::Args),
    /// Make the derived tables anew and say what differed
    Rebuild(rebuild::Args),
    /// Move signed transactions as JSON lines
    Journal(journal::Args),
    /// Show, move or erase what identifies people
    Identity(identity::Args),
    /// Say what happened, in words
    History(history::Args),
    /// Copy a project to other folders or disks, and prove every copy
    Backup(backup::Args),
    /// Make a project of a backup, or prove that it could be done
    Restore(restore::Args),
    /// Find and fetch images on a PACS, and receive what one sends
    #[cfg(feature = "network")]
    #[command(subcommand)]
    Pacs(pacs::Command),
    /// Check and search term packs
    Ontology(ontology::Args),
    /// The child that reads files which can crash their reader; started by Shoken itself
    #[command(hide = true)]
    Worker(worker::Args),
}

/// Options that every subcommand takes.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Common {
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Act as this reader
    #[arg(long = "as", global = true, value_name = "ID")]
    pub acting: Option<String>,
    /// Speak Japanese (ja) or English (en); without it as SHOKEN_LANG or the system's language says
    #[arg(long, global = true, value_name = "LANGUAGE")]
    pub lang: Option<String>,
}

/// Runs a subcommand.
///
/// # Errors
/// Whatever stopped it; [`exit_code`] tells a refusal from a failure.
pub fn run(command: &Command, common: &Common) -> anyhow::Result<ExitCode> {
    match command {
        Command::New(a) => new::run(a, common),
        Command::Import(a) => import::run(a, common),
        Command::Inspect(a) => inspect::run(a, common.json),
        Command::Render(a) => render::run(a, common.json),
        Command::Reader(a) => reader::run(a, common),
        Command::Protocol(a) => protocol::run(a, common),
        Command::Assign(a) => assign::run(a, common),
        Command::Worklist(a) => worklist::run(a, common),
        Command::Annotate(a) => annotate::run(a, common),
        Command::Submit(a) => submit::run(a, common),
        Command::Amend(a) => submit::amend(a, common),
        Command::Undo(a) => undo::run(a, common, undo::Direction::Undo),
        Command::Redo(a) => undo::run(a, common, undo::Direction::Redo),
        Command::Conflicts(a) => conflicts::run(a, common),
        Command::Discrepancies(a) => discrepancies::run(a, common),
        Command::Adjudicate(a) => adjudicate::run(a, common),
        Command::Release(a) => release::run(a, common),
        Command::Verify(a) => verify::run(a, common),
        Command::Rebuild(a) => rebuild::run(a, common),
        Command::Journal(a) => journal::run(a, common),
        Command::Identity(a) => identity::run(a, common),
        Command::History(a) => history::run(a, common),
        Command::Backup(a) => backup::run(a, common),
        Command::Restore(a) => restore::run(a, common),
        #[cfg(feature = "network")]
        Command::Pacs(a) => pacs::run(a, common),
        Command::Ontology(a) => ontology::run(a, common),
        Command::Worker(a) => worker::run(a),
    }
}

/// 1 for a rule that said no, 2 for everything else.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<crate::project::ProjectError>().map_or(2, crate::project::ProjectError::exit_code)
}
