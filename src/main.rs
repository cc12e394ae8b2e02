//! The one binary: with no subcommand it opens the window, else it runs one subcommand.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use shoken::{cli, project};

/// Folding a log and taking in a hundred thousand outlines are mostly small allocations, at which the system's allocator
/// takes half as long again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(
    name = "shoken",
    version,
    about = "Medical image annotation (research use only; not for diagnosis or treatment)"
)]
#[command(args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
struct Arguments {
    /// Project folder, or images to open in the window
    paths: Vec<PathBuf>,
    #[command(flatten)]
    common: cli::Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Project(cli::Command),
    /// A synthetic campaign in three fields, from import to release
    Demo(shoken::demo::Args),
    /// Measure this program on this machine
    Bench(shoken::bench::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let diagnostics = project::start_diagnostics(&project::home_dir()).ok();
    if let Err(e) = project::end_cleanly_when_asked() {
        tracing::warn!("signals cannot be watched: {e}");
    }
    let result = match &arguments.command {
        Some(Command::Project(command)) => cli::run(command, &arguments.common),
        Some(Command::Demo(args)) => demo(args, &arguments.common),
        Some(Command::Bench(args)) => shoken::bench::run(args).map(|()| ExitCode::SUCCESS),
        None => window(&arguments),
    };
    drop(diagnostics);
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shoken: {error}");
            ExitCode::from(cli::exit_code(&error))
        }
    }
}

fn demo(args: &shoken::demo::Args, common: &cli::Common) -> anyhow::Result<ExitCode> {
    let made = shoken::demo::run(args, &project::home_dir())?;
    if common.json {
        println!("{:#}", made.to_json());
    } else {
        println!("{}", made.where_to_look());
    }
    if !args.headless && cfg!(feature = "gui") {
        // A process of its own: the window's thread rules are the main thread's, and it opens like any project.
        std::process::Command::new(std::env::current_exe()?).arg(&made.project).args(["--as", made.reader]).status()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever read our output has seen enough; that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|e| e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
}

#[cfg(feature = "gui")]
fn window(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let acting = arguments.common.acting.as_deref().map(shoken::domain::ReaderId::new).transpose()?;
    let args = shoken::gui::GuiArgs {
        acting,
        paths: arguments.paths.clone(),
        lang: std::env::var("SHOKEN_LANG").ok(),
        practice: Some(practice),
    };
    shoken::gui::run(&args)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "gui"))]
fn window(_arguments: &Arguments) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this program was built without a window; `shoken --help` lists the commands")
}

#[cfg(feature = "gui")]
fn practice(folder: &std::path::Path) -> Result<Vec<PathBuf>, String> {
    shoken::demo::practice_images(folder).map_err(|e| e.to_string())
}
