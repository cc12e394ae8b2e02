//! `shoken ontology validate|search`: is this term pack fit for use, and which term do these words mean.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Common;
use super::open::say;
use crate::domain::{Ontology, OntologyProblem, Term, TermHit, TermSearch, check_ontology};
use crate::project::{TermPack, embedded_packs, find_pack};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check term packs and list everything wrong with them
    Validate {
        /// Packs inside the program by id, or paths; without any, all packs inside the program
        packs: Vec<String>,
    },
    /// Find terms by label, synonym, reading, code or id, however they are spelt
    Search {
        query: String,
        /// Search only this pack (an id or a path); may be repeated
        #[arg(long = "pack")]
        packs: Vec<String>,
        /// At most so many terms
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// Runs the subcommand. Exit code 1 says that a pack has problems.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Validate { packs } => {
            let packs = named_or_embedded(packs)?;
            let checked: Vec<_> = packs.iter().map(|p| (p, check_ontology(&p.ontology))).collect();
            let reports = checked.iter().map(|(p, problems)| report(p, problems)).collect();
            let lines: Vec<String> = checked.iter().map(|(p, problems)| report_lines(p, problems)).collect();
            say(common, &Value::Array(reports), &lines.join("\n"))?;
            let sound = checked.iter().all(|(_, problems)| problems.is_empty());
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Command::Search { query, packs, limit } => {
            let packs: Vec<Ontology> = named_or_embedded(packs)?.into_iter().map(|p| p.ontology).collect();
            let search = TermSearch::new(&packs);
            let hits = search.find(query, *limit);
            let lines: Vec<String> = hits.iter().map(hit_line).collect();
            say(common, &Value::Array(hits.iter().map(found).collect()), &lines.join("\n"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn named_or_embedded(names: &[String]) -> anyhow::Result<Vec<TermPack>> {
    if names.is_empty() {
        return Ok(embedded_packs()?);
    }
    Ok(names.iter().map(|name| find_pack(name)).collect::<Result<_, _>>()?)
}

fn report(pack: &TermPack, problems: &[OntologyProblem]) -> Value {
    let problems: Vec<Value> = problems.iter().map(|p| json!({ "place": p.place, "reason": p.reason })).collect();
    json!({
        "pack": pack.ontology.id,
        "version": pack.ontology.version,
        "sha256": pack.digest().to_string(),
        "terms": pack.ontology.terms.len(),
        "problems": problems,
    })
}

fn report_lines(pack: &TermPack, problems: &[OntologyProblem]) -> String {
    let Ontology { id, version, terms, .. } = &pack.ontology;
    if problems.is_empty() {
        return format!("{id} {version}: {} terms, sound, sha256 {}", terms.len(), pack.digest());
    }
    let head = format!("{id} {version}: {} terms, {} problems", terms.len(), problems.len());
    let lines = problems.iter().map(|p| format!("  {p}"));
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

fn found(hit: &TermHit<'_>) -> Value {
    json!({
        "id": hit.term.id,
        "pack": hit.ontology.id,
        "version": hit.ontology.version,
        "label": hit.term.label,
        "group": hit.term.group,
        "status": hit.term.status,
        "codes": hit.term.codes,
        "score": hit.score,
    })
}

fn hit_line(hit: &TermHit<'_>) -> String {
    let Term { id, .. } = hit.term;
    format!("{id}\t{}\t{}\t{}", hit.term.label_in("ja"), hit.term.label_in("en"), hit.ontology.id)
}
