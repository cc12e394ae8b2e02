//! `shoken history`: what happened, in words.

use std::path::PathBuf;
use std::process::ExitCode;

use fluent_bundle::FluentValue;

use super::Common;
use super::open::{open, say};
use super::words::Words;
use crate::project::{Cause, HistoryLine, Project};

#[derive(Debug, clap::Args)]
pub struct Args {
    project: PathBuf,
    #[arg(long)]
    case: Option<String>,
    #[arg(long)]
    reader: Option<String>,
    /// Also what every act did, event by event
    #[arg(long)]
    detail: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let project = open(&args.project, common, args.reader.as_deref())?;
    let case = args.case.as_deref().map(|c| project.find_case(c)).transpose()?;
    let lines = project.history(case.as_ref())?;
    let words = Words::of(common);
    let json: Vec<_> = lines
        .iter()
        .map(|l| {
            let kinds: serde_json::Map<String, serde_json::Value> =
                l.events.iter().map(|(kind, n)| (kind.clone(), (*n).into())).collect();
            serde_json::json!({
                "hash": l.hash, "time": l.time, "actor": l.actor, "act": l.label, "cause": l.cause, "case": l.case,
                "events": l.events.iter().map(|(_, n)| n).sum::<usize>(), "kinds": kinds,
                "of": l.of.as_ref().map(|(act, _)| act), "taken_back": l.taken_back, "reason": l.reason,
                "text": sentence(&words, &project, l),
            })
        })
        .collect();
    let mut text = Vec::new();
    for line in &lines {
        text.push(sentence(&words, &project, line));
        if args.detail {
            text.extend(line.events.iter().map(|(kind, n)| format!("    {}", event(&words, kind, *n))));
        }
    }
    say(common, &json.into(), &text.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The words of an act's code.
fn act(words: &Words, label: &str) -> String {
    let key = format!("history-{}", label.replace(['.', '_'], "-"));
    if words.has(&key) { words.t(&key) } else { format!("{} ({label})", words.t("history-other")) }
}

fn event(words: &Words, kind: &str, n: usize) -> String {
    let key = format!("history-event-{}", kind.replace(['.', '_'], "-"));
    if words.has(&key) {
        words.count(&key, n)
    } else {
        let args = [("n", FluentValue::from(n)), ("kind", FluentValue::from(kind.to_owned()))];
        words.say("history-event-unknown", &args)
    }
}

fn sentence(words: &Words, project: &Project, line: &HistoryLine) -> String {
    let mut out = format!("{}  {}  {}", line.time, line.actor, act(words, &line.label));
    if let Some(case) = &line.case {
        out += &format!("  {}", project.case_label(case));
    }
    let mut notes = Vec::new();
    if let Some((label, time)) = &line.of {
        let args = [("act", FluentValue::from(act(words, label))), ("time", FluentValue::from(time.clone()))];
        notes.push(words.say("history-of", &args));
    }
    if let Some(reason) = &line.reason {
        notes.push(words.with("history-reason", "text", reason));
    }
    match line.cause {
        Cause::Cli => notes.push(words.t("history-by-cli")),
        Cause::Job => notes.push(words.t("history-by-job")),
        Cause::Gesture | Cause::Undo { .. } | Cause::Redo { .. } | Cause::Part { .. } => {}
    }
    if line.taken_back {
        notes.push(words.t("history-taken-back"));
    }
    if !notes.is_empty() {
        out += &format!("  ({})", notes.join("; "));
    }
    out
}
