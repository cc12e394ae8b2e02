//! `shoken identity show | export | import | erase`: what identifies people, kept apart from the signed log.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use super::words::Words;
use crate::project::{AccessKind, ProjectError};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    /// Print names, paths and UIDs; the access log notes it
    Show { project: PathBuf },
    /// Write them to a file
    Export {
        project: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
    /// Read them from a file
    Import { project: PathBuf, file: PathBuf },
    /// Destroy key, outlines, texts and names of the subject of a case; a signed tombstone stays
    Erase {
        project: PathBuf,
        #[arg(long)]
        case: String,
    },
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let input = |path: &PathBuf, e: &std::io::Error| ProjectError::Input {
        file: path.display().to_string(),
        reason: e.to_string(),
        hint: "Check the path.".to_owned(),
    };
    match &args.command {
        Sub::Show { project } => {
            let mut project = open(project, common, None)?;
            project.note_access(AccessKind::IdentityShown, None, None)?;
            project.export_identity(&mut std::io::stdout().lock())?;
        }
        Sub::Export { project, out } => {
            let mut project = open(project, common, None)?;
            project.note_access(AccessKind::IdentityShown, None, None)?;
            let mut file = std::fs::File::create(out).map_err(|e| input(out, &e))?;
            let rows = project.export_identity(&mut file)?;
            say(
                common,
                &serde_json::json!({"rows": rows}),
                &format!("exported {rows} rows; the file names people, keep it accordingly"),
            )?;
        }
        Sub::Import { project, file } => {
            let mut project = open(project, common, None)?;
            let mut reader = BufReader::new(std::fs::File::open(file).map_err(|e| input(file, &e))?);
            let rows = project.import_identity(&mut reader)?;
            say(common, &serde_json::json!({"rows": rows}), &format!("read {rows} rows"))?;
        }
        Sub::Erase { project, case } => {
            let mut project = open(project, common, None)?;
            let case = project.find_case(case)?;
            let cases = project.erase_case(&case)?;
            let words = Words::of(common);
            let places = project.backups(&[])?;
            let holding: Vec<_> =
                places.iter().flat_map(|p| &p.generations).filter(|g| g.erased_inside > 0).map(|g| &g.folder).collect();
            let mut lines = vec![words.count("cli-erase-done", cases)];
            if !holding.is_empty() {
                lines.push(words.count("cli-erase-backups", holding.len()));
            }
            for place in places.iter().filter(|p| p.absent_since.as_ref().is_some_and(|t| !t.is_empty())) {
                let last = place.absent_since.clone().unwrap_or_default();
                let args = [("place", place.path.display().to_string().into()), ("last", last.into())];
                lines.push(words.say("cli-erase-backups-absent", &args));
            }
            let json = serde_json::json!({"cases": cases, "backups_still_holding": holding});
            say(common, &json, &lines.join("\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
