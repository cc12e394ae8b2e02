//! `shoken new`: create a project folder.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{place_line, say, word};
use crate::domain::ProjectKind;
use crate::project::{Clock, NewProject, Project, find_pack, home_dir};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to make, usually NAME.shoken
    project: PathBuf,
    /// Name shown to people; kept out of the signed log
    #[arg(long)]
    name: String,
    /// Term packs by id or path; without any, those inside the program
    #[arg(long = "ontology", value_name = "PACK")]
    ontology: Vec<String>,
    /// personal, study or campaign
    #[arg(long, default_value = "personal")]
    kind: String,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let kind: ProjectKind = word("--kind", &args.kind)?;
    let packs = args.ontology.iter().map(|p| find_pack(p)).collect::<Result<Vec<_>, _>>()?;
    let default = if kind == ProjectKind::Personal { "owner" } else { "coordinator" };
    let project = Project::create(NewProject {
        folder: &args.project,
        home: &home_dir(),
        kind,
        name: &args.name,
        creator: common.acting.as_deref().unwrap_or(default),
        packs,
        clock: Clock::system(),
    })?;
    project.leave_witness()?;
    let id = project.id().map(|d| d.to_string()).unwrap_or_default();
    let actor = project.actor().map(ToString::to_string).unwrap_or_default();
    let json = serde_json::json!({"project": id, "folder": args.project, "kind": kind, "creator": actor});
    let text = format!(
        "made {} ({}), project {}, creator {actor}",
        args.project.display(),
        kind.word(),
        id.get(..12).unwrap_or_default()
    );
    say(common, &json, &text)?;
    if let Some(line) = place_line(&project, common) {
        writeln!(std::io::stderr(), "{line}").ok();
    }
    Ok(ExitCode::SUCCESS)
}
