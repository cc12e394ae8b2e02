//! `shoken reader add | list`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, reader_id, say, word};
use crate::domain::{Digest, Role};
use crate::project::PublicKey;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    /// Enrol a reader; without --key a key is made on this machine, and the register says so
    Add {
        project: PathBuf,
        /// Pseudonym, for example R1; never a real name
        #[arg(long)]
        id: String,
        /// reader, adjudicator, coordinator or auditor; may be repeated
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// Qualification; kept erasable, only its salted digest is signed
        #[arg(long = "qualification")]
        qualifications: Vec<String>,
        /// Public key (64 hex digits) made on the reader's own machine
        #[arg(long)]
        key: Option<String>,
        /// Real name; kept in the erasable identity tables only
        #[arg(long)]
        name: Option<String>,
    },
    /// List enrolled readers
    List { project: PathBuf },
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    match &args.command {
        Sub::Add { project, id, roles, qualifications, key, name } => {
            let mut project = open(project, common, None)?;
            let reader = reader_id(id)?;
            let roles = roles.iter().map(|r| word("--role", r)).collect::<Result<Vec<Role>, _>>()?;
            let key = key.as_deref().map(|k| word::<Digest, _>("--key", k)).transpose()?.map(PublicKey);
            let public = project.add_reader(&reader, &roles, key, qualifications, name.as_deref())?;
            let json = serde_json::json!({"reader": reader, "key": public, "made_here": key.is_none()});
            say(
                common,
                &json,
                &format!("enrolled {reader} with key {}", public.to_string().get(..16).unwrap_or_default()),
            )?;
        }
        Sub::List { project } => {
            let project = open(project, common, None)?;
            let readers = project.readers();
            let json: Vec<_> = readers
                .iter()
                .map(|r| {
                    let roles: Vec<_> = r.roles.iter().map(|x| x.word()).collect();
                    serde_json::json!({"id": r.id, "roles": roles, "keys": r.keys, "key_here": r.key_here, "key_made_by_coordinator": r.key_made_by_coordinator})
                })
                .collect();
            let lines: Vec<_> = readers
                .iter()
                .map(|r| format!("{}\t{}", r.id, r.roles.iter().map(|x| x.word()).collect::<Vec<_>>().join(",")))
                .collect();
            say(common, &json.into(), &lines.join("\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
