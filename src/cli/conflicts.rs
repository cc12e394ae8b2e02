//! `shoken conflicts`: reads of one reader that exclude each other, and the choice between them.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Common;
use super::open::{open, say};
use crate::project::{Project, ProjectError};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    /// The read that counts, by its id or the beginning of it; the others are kept and set aside
    #[arg(long, value_name = "READ")]
    keep: Option<String>,
    /// Also those where a choice was made; it can be made anew
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let mut project = open(&args.project, common, None)?;
    if let Some(wanted) = &args.keep {
        choose(&mut project, wanted)?;
    }
    let conflicts = project.conflicts(args.all)?;
    let (mut json, mut lines) = (Vec::new(), Vec::new());
    for c in &conflicts {
        let mut reads = Vec::new();
        for r in &c.reads {
            let id = r.read.to_string();
            reads.push(serde_json::json!({
                "read": id, "verdict": r.verdict, "findings": r.findings, "submitted": r.submitted,
                "set_aside": r.set_aside,
            }));
            let short = id.get(..12).unwrap_or(&id);
            let verdict = r.verdict.word();
            let aside = if r.set_aside { "\tset aside" } else { "" };
            let (case, reader) = (&c.label, &c.reader);
            lines.push(format!("{case}\t{reader}\t{short}\t{verdict}\t{}\t{}{aside}", r.findings, r.submitted));
        }
        json.push(serde_json::json!({"case": c.case, "label": c.label, "reader": c.reader, "reads": reads}));
    }
    say(common, &json.into(), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn choose(project: &mut Project, wanted: &str) -> anyhow::Result<()> {
    let reads = project.conflicts(true)?.into_iter().flat_map(|c| c.reads).map(|r| r.read);
    let fitting: Vec<_> = reads.filter(|r| r.to_string().starts_with(wanted)).collect();
    match fitting.as_slice() {
        [one] => Ok(project.choose_read(*one)?),
        several => {
            let reason = if several.is_empty() {
                "no read that is in conflict begins so; `shoken conflicts PROJECT` lists them".to_owned()
            } else {
                format!("{} reads begin so; write more of it", several.len())
            };
            Err(ProjectError::Refused { file: format!("--keep {wanted}"), reason }.into())
        }
    }
}
