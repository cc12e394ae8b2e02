//! `shoken ontology validate|search`: is this term pack fit for use, and which term do these words mean.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::domain::{Ontology, OntologyProblem, TermHit, TermSearch, check_ontology};
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
///
/// # Errors
/// When a pack is unknown or cannot be read.
pub fn run(args: &Args, json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Validate { packs } => {
            let packs = named_or_embedded(packs)?;
            let checked: Vec<_> = packs.iter().map(|p| (p, check_ontology(&p.ontology))).collect();
            if json {
                let reports: Vec<Value> = checked.iter().map(|(p, problems)| report(p, problems)).collect();
                println!("{:#}", Value::Array(reports));
            } else {
                checked.iter().for_each(|(p, problems)| print_report(p, problems));
            }
            let sound = checked.iter().all(|(_, problems)| problems.is_empty());
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Command::Search { query, packs, limit } => {
            let packs: Vec<Ontology> = named_or_embedded(packs)?.into_iter().map(|p| p.ontology).collect();
            let search = TermSearch::new(&packs);
            let hits = search.find(query, *limit);
            if json {
                println!("{:#}", Value::Array(hits.iter().map(found).collect()));
            } else if hits.is_empty() {
                eprintln!("no term means \"{query}\"");
            } else {
                hits.iter().for_each(print_hit);
            }
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

fn print_report(pack: &TermPack, problems: &[OntologyProblem]) {
    let Ontology { id, version, terms, .. } = &pack.ontology;
    if problems.is_empty() {
        println!("{id} {version}: {} terms, sound, sha256 {}", terms.len(), pack.digest());
        return;
    }
    println!("{id} {version}: {} terms, {} problems", terms.len(), problems.len());
    for problem in problems {
        println!("  {problem}");
    }
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

fn print_hit(hit: &TermHit<'_>) {
    println!("{}  {}  {}  ({})", hit.term.id, hit.term.label_in("ja"), hit.term.label_in("en"), hit.ontology.id);
}
