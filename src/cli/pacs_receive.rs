//! `shoken pacs receive`: take what others send by C-STORE, until asked to stop.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fluent_bundle::FluentValue;
use std::io::Write as _;

use super::Common;
use super::import::hash_all;
use super::open::{open, say};
use super::pacs::{imported_json, imported_line};
use super::words::Words;
use crate::project::pacs::{ReceiveOptions, Receiver};
use crate::project::{CaseBy, Cause, Progress, Project, ProjectError, asked_to_stop, cancelled_by_asking};

/// How long nobody may be sending before what arrived is imported: a study may come over several connections.
const QUIET: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the images
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Address and port to listen on; another than 127.0.0.1 lets other computers in
    #[arg(long, default_value = "127.0.0.1:11112", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// What senders must call this program
    #[arg(long, default_value = "SHOKEN", value_name = "TITLE")]
    ae_title: String,
    /// Only this sender may send; may be repeated
    #[arg(long = "from", value_name = "TITLE")]
    from: Vec<String>,
    /// Let anybody who reaches the address send, where it is not 127.0.0.1
    #[arg(long)]
    from_anybody: bool,
    /// Import what arrives into this project
    #[arg(long, value_name = "PROJECT")]
    into: Option<PathBuf>,
    /// Most images to take
    #[arg(long)]
    max_images: Option<u64>,
    /// Most bytes to take
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// End when nobody has sent for so long
    #[arg(long, value_name = "SECONDS")]
    until_quiet: Option<u64>,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    if !args.listen.ip().is_loopback() && args.from.is_empty() && !args.from_anybody {
        return Err(ProjectError::Refused {
            file: args.listen.to_string(),
            reason: "other computers could send anything there; name the senders with --from, or say --from-anybody"
                .to_owned(),
        }
        .into());
    }
    let words = Words::of(common);
    let mut project = args.into.as_ref().map(|p| open(p, common, None)).transpose()?;
    let defaults = ReceiveOptions::default();
    let options = ReceiveOptions {
        listen: args.listen,
        ae_title: args.ae_title.clone(),
        allowed: args.from.iter().cloned().collect::<BTreeSet<_>>(),
        max_images: args.max_images.unwrap_or(defaults.max_images),
        max_bytes: args.max_bytes.unwrap_or(defaults.max_bytes),
        ..defaults
    };
    let mut receiver = Receiver::start(options, &args.out).map_err(ProjectError::from)?;
    let listening = words.say(
        "cli-pacs-listening",
        &[
            ("address", FluentValue::from(receiver.address().to_string())),
            ("title", FluentValue::from(args.ae_title.clone())),
        ],
    );
    writeln!(std::io::stderr(), "{listening}").ok();
    let mut imported = Vec::new();
    let mut lines = Vec::new();
    let mut waiting: Vec<PathBuf> = Vec::new();
    let (mut last, mut quiet_since) = (receiver.received(), Instant::now());
    while !asked_to_stop() {
        std::thread::sleep(LOOK);
        let now = receiver.received();
        if now != last || now.callers > 0 {
            (last, quiet_since) = (now, Instant::now());
        }
        waiting.extend(receiver.take_files());
        if quiet_since.elapsed() >= QUIET && !waiting.is_empty() {
            import(&mut project, &std::mem::take(&mut waiting), &words, &mut lines, &mut imported)?;
        }
        if args.until_quiet.is_some_and(|s| quiet_since.elapsed().as_secs() >= s) {
            break;
        }
    }
    receiver.stop();
    waiting.extend(receiver.take_files());
    if !waiting.is_empty() {
        import(&mut project, &waiting, &words, &mut lines, &mut imported)?;
    }
    let done = receiver.received();
    lines.push(words.say(
        "cli-pacs-received",
        &[
            ("n", FluentValue::from(done.images)),
            ("refused", FluentValue::from(done.refused)),
            ("rejected", FluentValue::from(done.rejected)),
            ("broken", FluentValue::from(done.broken)),
        ],
    ));
    let json = serde_json::json!({
        "images": done.images, "bytes": done.bytes, "refused": done.refused, "rejected": done.rejected, "broken": done.broken,
        "imported": imported,
    });
    say(common, &json, &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// What arrived goes into the project, where one was named.
fn import(
    project: &mut Option<Project>,
    files: &[PathBuf],
    words: &Words,
    lines: &mut Vec<String>,
    imported: &mut Vec<serde_json::Value>,
) -> Result<(), ProjectError> {
    let Some(project) = project else { return Ok(()) };
    let done = match project.import(files, CaseBy::Auto, &Cause::Cli, &Progress::default(), &cancelled_by_asking()) {
        Ok(done) => done,
        // Reports and the like are kept in the folder and are no reason to stop listening.
        Err(e @ (ProjectError::NothingToImport(_) | ProjectError::Input { .. })) => {
            lines.push(e.to_string());
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    hash_all(project)?;
    lines.push(imported_line(words, &done));
    imported.push(imported_json(project, &done));
    Ok(())
}
