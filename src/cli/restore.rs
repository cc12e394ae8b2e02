//! `shoken restore`: make a project of a backup, or prove that it could be done.

use std::path::PathBuf;
use std::process::ExitCode;

use fluent_bundle::FluentValue;

use super::Common;
use super::open::say;
use super::words::Words;
use crate::project::{Clock, Compared, RestoreRequest, drill, home_dir, restore};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of a generation, or a folder with backups of one project: then the newest sound one
    backup: PathBuf,
    /// Project folder to make
    #[arg(long, required_unless_present = "drill")]
    to: Option<PathBuf>,
    /// Set the project that is there aside under another name, and take its place
    #[arg(long, requires = "to")]
    replace: bool,
    /// Restore into a temporary folder, compare everything, and leave nothing
    #[arg(long, conflicts_with_all = ["to", "replace"])]
    drill: bool,
    /// Where the drill makes its temporary folder
    #[arg(long, requires = "drill", value_name = "DIR")]
    scratch: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let words = Words::of(common);
    let text = |s: String| FluentValue::from(s);
    let mut lines = Vec::new();
    let rows = |compared: &[Compared]| {
        let row =
            |c: &Compared| serde_json::json!({"what": c.what, "count": c.count, "sha256": c.sha256, "equal": true});
        compared.iter().map(row).collect::<Vec<_>>()
    };
    let Some(to) = args.to.as_ref().filter(|_| !args.drill) else {
        let done = drill(&args.backup, args.scratch.as_deref(), &home_dir())?;
        let head = [("folder", text(done.generation.display().to_string())), ("made", text(done.made.clone()))];
        lines.push(words.say("cli-drill-done", &head));
        list(&words, &done.compared, &mut lines);
        lines.extend(done.problems.iter().map(|p| words.with("cli-restore-problem", "text", p)));
        if done.erased_inside > 0 {
            lines.push(words.count("cli-drill-erased", done.erased_inside));
        }
        let json = serde_json::json!({
            "generation": done.generation, "made": done.made, "compared": rows(&done.compared), "problems": done.problems,
            "erased_inside": done.erased_inside,
        });
        say(common, &json, &lines.join("\n"))?;
        return Ok(ExitCode::from(u8::from(!done.problems.is_empty())));
    };
    let request =
        RestoreRequest { backup: &args.backup, to, home: &home_dir(), replace: args.replace, clock: Clock::system() };
    let done = restore(request)?;
    let head = [
        ("folder", text(to.display().to_string())),
        ("backup", text(done.generation.display().to_string())),
        ("made", text(done.made.clone())),
    ];
    lines.push(words.say("cli-restore-done", &head));
    list(&words, &done.compared, &mut lines);
    lines.extend(done.problems.iter().map(|p| words.with("cli-restore-problem", "text", p)));
    if done.erased_again > 0 {
        lines.push(words.count("cli-restore-erased", done.erased_again));
    }
    if done.unsigned > 0 {
        lines.push(words.count("cli-restore-unsigned", done.unsigned));
    }
    if let Some((aside, newer)) = &done.set_aside {
        lines.push(words.with("cli-restore-aside", "folder", &aside.display().to_string()));
        if *newer > 0 {
            let args = [
                ("n", FluentValue::from(*newer)),
                ("aside", text(aside.display().to_string())),
                ("folder", text(to.display().to_string())),
            ];
            lines.push(words.say("cli-restore-newer", &args));
        }
    }
    lines.push(words.with("cli-restore-unknown", "made", &done.made));
    let json = serde_json::json!({
        "generation": done.generation, "made": done.made, "project": to, "compared": rows(&done.compared),
        "problems": done.problems, "erased_again": done.erased_again, "unsigned_tombstones": done.unsigned,
        "set_aside": done.set_aside.as_ref().map(|(f, _)| f), "newer": done.set_aside.as_ref().map(|(_, n)| n),
    });
    say(common, &json, &lines.join("\n"))?;
    Ok(ExitCode::from(u8::from(!done.problems.is_empty())))
}

fn list(words: &Words, compared: &[Compared], lines: &mut Vec<String>) {
    for c in compared {
        let short = c.sha256.to_string().get(..16).unwrap_or_default().to_owned();
        let args = [
            ("what", FluentValue::from(words.t(&format!("cli-kept-{}", c.what.replace('_', "-"))))),
            ("n", FluentValue::from(c.count)),
            ("hash", FluentValue::from(short)),
        ];
        lines.push(words.say("cli-drill-equal", &args));
    }
}
