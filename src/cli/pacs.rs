//! `shoken pacs`: which servers there are, what they have, and fetching it. `pacs_receive.rs` takes what is sent.

use std::path::PathBuf;
use std::process::ExitCode;

use fluent_bundle::FluentValue;

use super::Common;
use super::backup::watch;
use super::import::hash_all;
use super::open::{open, say};
use super::words::Words;
use crate::domain::Sensitive;
use crate::project::pacs::{
    FetchLimits, FetchRequest, Fetched, Filter, PacsEntry, PacsError, Page, Secret, SeriesRow, StudyRow, fetch,
    find_series, find_studies, pacs_server, pacs_servers,
};
use crate::project::{CaseBy, Catalogued, Cause, Progress, ProjectError, cancelled_by_asking, home_dir};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the servers in the settings
    Servers,
    /// Find studies, or the series of one study
    Find(FindArgs),
    /// Fetch a study or some of its series into a folder, and into a project
    Fetch(FetchArgs),
    /// Take images that others send by C-STORE
    Receive(super::pacs_receive::Args),
}

#[derive(Debug, clap::Args)]
pub struct FindArgs {
    /// Name of the server in the settings
    server: String,
    #[arg(long, value_name = "ID")]
    patient_id: Option<String>,
    /// Beginning of the name as the PACS writes it (Yamada^Taro); * and ? stand for any signs
    #[arg(long)]
    name: Option<String>,
    /// 20260131, 20260101-20260131, 20260101- or -20260131
    #[arg(long, allow_hyphen_values = true)]
    date: Option<String>,
    #[arg(long)]
    modality: Option<String>,
    #[arg(long)]
    accession: Option<String>,
    /// List the series of this study
    #[arg(long, value_name = "UID")]
    study: Option<String>,
    /// Most studies to list
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Studies to pass over
    #[arg(long, default_value_t = 0)]
    offset: usize,
}

#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// Name of the server in the settings
    server: String,
    #[arg(long, value_name = "UID")]
    study: String,
    /// Only this series; may be repeated
    #[arg(long, value_name = "UID")]
    series: Vec<String>,
    /// Folder for the images; what is in it already is not fetched again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Import what was fetched into this project
    #[arg(long, value_name = "PROJECT")]
    into: Option<PathBuf>,
    /// Most bytes to fetch
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
}

pub(super) fn run(command: &Command, common: &Common) -> anyhow::Result<ExitCode> {
    match command {
        Command::Servers => servers(common),
        Command::Find(args) => find(args, common),
        Command::Fetch(args) => fetch_study(args, common),
        Command::Receive(args) => super::pacs_receive::run(args, common),
    }
}

fn text(value: &str) -> FluentValue<'static> {
    FluentValue::from(value.to_owned())
}

fn servers(common: &Common) -> anyhow::Result<ExitCode> {
    let entries = pacs_servers(&home_dir()).map_err(ProjectError::from)?;
    let rows: Vec<_> = entries
        .iter()
        .map(|e| serde_json::json!({"name": e.server.name, "url": e.server.url.reveal(), "asks_for_secret": e.must_ask()}))
        .collect();
    let mut lines: Vec<_> = entries.iter().map(|e| format!("{}\t{}", e.server.name, e.server.url.reveal())).collect();
    if lines.is_empty() {
        let file = home_dir().join("settings.toml");
        lines.push(Words::of(common).with("cli-pacs-none", "file", &file.display().to_string()));
    }
    say(common, &rows.into(), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The server with its password or token, which a person at a terminal is asked for where no file holds it.
fn server(name: &str, common: &Common) -> Result<(PacsEntry, Option<Secret>), ProjectError> {
    let entry = pacs_server(&home_dir(), name)?;
    let mut secret = entry.secret()?;
    if entry.must_ask() {
        let terminal = console::Term::stderr();
        if terminal.is_term() {
            terminal.write_str(&Words::of(common).with("cli-pacs-secret", "server", name)).ok();
            secret = terminal.read_secure_line().ok().filter(|s| !s.is_empty()).map(Secret::new);
        }
        if secret.is_none() {
            return Err(ProjectError::Refused {
                file: name.to_owned(),
                reason: "it wants a password or token; name a file that holds it as secret_file in the settings"
                    .to_owned(),
            });
        }
    }
    Ok((entry, secret))
}

fn find(args: &FindArgs, common: &Common) -> anyhow::Result<ExitCode> {
    let (entry, secret) = server(&args.server, common)?;
    let cancel = cancelled_by_asking();
    let hidden = |o: &Option<String>| Sensitive::new(o.clone().unwrap_or_default());
    let words = Words::of(common);
    if let Some(study) = &args.study {
        let rows = find_series(&entry.server, secret.as_ref(), study, &cancel).map_err(stopped)?;
        let lines: Vec<_> = rows.iter().map(series_line).collect();
        let json: Vec<_> = rows.iter().map(series_json).collect();
        say(common, &json.into(), &none_or(&words, lines).join("\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let filter = Filter {
        patient_id: hidden(&args.patient_id),
        patient_name: hidden(&args.name),
        date: args.date.clone().unwrap_or_default(),
        modality: args.modality.clone().unwrap_or_default(),
        accession: hidden(&args.accession),
        study: Sensitive::default(),
    };
    let page = Page { offset: args.offset, limit: args.limit.max(1) };
    let rows = find_studies(&entry.server, secret.as_ref(), &filter, page, &cancel).map_err(stopped)?;
    let mut lines: Vec<_> = none_or(&words, rows.iter().map(study_line).collect());
    if rows.len() == page.limit {
        lines.push(words.count("cli-pacs-more", page.offset + rows.len()));
    }
    let json: Vec<_> = rows.iter().map(study_json).collect();
    say(common, &json.into(), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn none_or(words: &Words, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { vec![words.t("cli-pacs-nothing")] } else { lines }
}

/// What a person at the terminal sees of foreign text: no signs that command the terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn number(n: Option<u64>) -> String {
    n.map_or_else(|| "?".to_owned(), |n| n.to_string())
}

fn study_line(row: &StudyRow) -> String {
    let fields = [
        row.date.reveal().as_str(),
        &row.modalities.join("/"),
        row.patient_id.reveal(),
        row.patient_name.reveal(),
        row.description.reveal(),
        &number(row.images),
        row.study.reveal(),
    ];
    fields.map(plain).join("\t")
}

fn study_json(row: &StudyRow) -> serde_json::Value {
    serde_json::json!({
        "study": row.study, "patient_id": row.patient_id, "patient_name": row.patient_name, "accession": row.accession,
        "date": row.date, "description": row.description, "modalities": row.modalities, "series": row.series, "images": row.images,
    })
}

fn series_line(row: &SeriesRow) -> String {
    let fields = [
        &number(row.number),
        row.modality.as_str(),
        row.description.reveal(),
        &number(row.images),
        row.series.reveal(),
    ];
    fields.map(plain).join("\t")
}

fn series_json(row: &SeriesRow) -> serde_json::Value {
    serde_json::json!({
        "series": row.series, "number": row.number, "modality": row.modality, "description": row.description, "images": row.images,
    })
}

/// Being asked to stop is said as it is everywhere.
fn stopped(error: PacsError) -> ProjectError {
    match error {
        PacsError::Cancelled => ProjectError::Stopped,
        other => other.into(),
    }
}

fn fetch_study(args: &FetchArgs, common: &Common) -> anyhow::Result<ExitCode> {
    // A project that cannot be written is said before anything is fetched.
    let project = args.into.as_ref().map(|p| open(p, common, None)).transpose()?;
    let (entry, secret) = server(&args.server, common)?;
    let mut limits = FetchLimits::default();
    if let Some(most) = args.max_bytes {
        limits = FetchLimits { image_bytes: limits.image_bytes.min(most), total_bytes: most };
    }
    let request = FetchRequest {
        study: Sensitive::new(args.study.clone()),
        series: args.series.iter().cloned().map(Sensitive::new).collect(),
        folder: args.out.clone(),
        limits,
    };
    let (images, bytes) = (Progress::new(), Progress::new());
    let bar = watch(&images);
    let done = fetch(&entry.server, secret.as_ref(), &request, &images, &bytes, &cancelled_by_asking());
    bar.finish_and_clear();
    let done = done.map_err(stopped)?;
    let words = Words::of(common);
    let mut lines = vec![words.say(
        "cli-pacs-fetched",
        &[
            ("n", FluentValue::from(done.files.len())),
            ("new", FluentValue::from(done.new)),
            ("folder", text(&args.out.display().to_string())),
        ],
    )];
    let mut json = fetched_json(&done);
    if let Some(mut project) = project {
        let import =
            project.import(&done.files, CaseBy::Auto, &Cause::Cli, &Progress::default(), &cancelled_by_asking())?;
        hash_all(&mut project)?;
        lines.push(imported_line(&words, &import));
        json["imported"] = imported_json(&project, &import);
    }
    say(common, &json, &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn fetched_json(done: &Fetched) -> serde_json::Value {
    serde_json::json!({"files": done.files, "new": done.new, "new_bytes": done.new_bytes})
}

pub(super) fn imported_line(words: &Words, import: &Catalogued) -> String {
    words.say(
        "cli-pacs-imported",
        &[
            ("n", FluentValue::from(import.images.len())),
            ("known", FluentValue::from(import.known.len())),
            ("skipped", FluentValue::from(import.skipped.len())),
        ],
    )
}

pub(super) fn imported_json(project: &crate::project::Project, import: &Catalogued) -> serde_json::Value {
    let row = |(case, image): &(crate::domain::CaseId, crate::domain::ImageId)| serde_json::json!({"case": case, "label": project.case_label(case), "image": image});
    serde_json::json!({
        "added": import.images.iter().map(row).collect::<Vec<_>>(),
        "known": import.known.iter().map(row).collect::<Vec<_>>(),
        "skipped": import.skipped.iter().map(|(p, r)| serde_json::json!({"path": p.reveal(), "reason": r})).collect::<Vec<_>>(),
    })
}
