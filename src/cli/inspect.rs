//! `shoken inspect FILE|FOLDER`: what a file is, as Shoken reads it. Nothing that names a patient is printed.

use std::{fmt::Write as _, io::Write as _, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use crate::project::pixels::{ImageMeta, KNOWN_FORMATS, KnownFormat, Verified, look_at, spacing_source};

/// What a file or the images of a folder are: format, levels, spacing, frames, windows, warnings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An image file, or a folder of DICOM files
    #[arg(required_unless_present = "formats")]
    pub path: Option<PathBuf>,
    /// List the formats that are read, by which reader, and on what each has been verified
    #[arg(long, conflicts_with = "path")]
    pub formats: bool,
}

/// # Errors
/// One line with the file, the reason and what to do.
pub fn run(args: &Args, json: bool) -> anyhow::Result<ExitCode> {
    let Some(path) = args.path.as_deref().filter(|_| !args.formats) else { return formats(json) };
    let found = look_at(path)?;
    let images: Vec<Value> = found.images.iter().map(|image| describe(image.meta())).collect();
    let skipped: Vec<Value> =
        found.skipped.iter().map(|(path, reason)| json!({ "file": file_name(path), "reason": reason })).collect();
    if json {
        let value = match images.as_slice() {
            [one] if !path.is_dir() => one.clone(),
            _ => json!({ "images": images, "skipped": skipped }),
        };
        writeln!(std::io::stdout(), "{value:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = found.images.iter().map(|image| in_words(image.meta())).collect::<Vec<_>>().join("\n");
    for (path, reason) in &found.skipped {
        let _ = writeln!(text, "{:<16} {}: {reason}", "skipped", file_name(path));
    }
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn formats(json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    if json {
        let rows = KNOWN_FORMATS.iter().map(|known| {
            let (kind, on) = match known.verified {
                Verified::RealFile(sample) => ("real-file", Some(sample)),
                Verified::WrittenBy(program) => ("written-by", Some(program)),
                Verified::Not => ("not-verified", None),
            };
            json!({ "format": known.name, "reader": known.reader, "verified": kind, "on": on })
        });
        writeln!(out, "{:#}", Value::Array(rows.collect()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = |of: fn(&KnownFormat) -> usize| KNOWN_FORMATS.iter().map(of).max().unwrap_or(0);
    let (name, reader) = (width(|known| known.name.chars().count()), width(|known| known.reader.chars().count()));
    for known in KNOWN_FORMATS {
        writeln!(out, "{:<name$}  {:<reader$}  {}", known.name, known.reader, known.verified)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Everything `--json` prints about one image.
fn describe(meta: &ImageMeta) -> Value {
    let levels: Vec<Value> = meta
        .levels
        .iter()
        .map(|level| {
            json!({
                "width": level.size_px.width, "height": level.size_px.height,
                "tile_width": level.tile_px.width, "tile_height": level.tile_px.height,
                "downsample": level.downsample,
            })
        })
        .collect();
    let windows = meta.frames.first().map(|frame| frame.windows.as_slice()).unwrap_or_default();
    let window = |window: &crate::project::pixels::Window| json!({ "center": window.center, "width": window.width });
    json!({
        "format": meta.format,
        "reader": meta.reader,
        "field": meta.field,
        "modality": meta.identity.modality,
        "width": meta.size_px().width,
        "height": meta.size_px().height,
        "channels": meta.channels,
        "bits_stored": meta.bits_stored,
        "signed": meta.signed,
        "photometric": meta.photometric,
        "levels": levels,
        "frames": meta.frames.len(),
        "files": meta.files.iter().map(|file| file_name(file)).collect::<Vec<_>>(),
        "spacing_um": meta.spacing.map(|spacing| json!({
            "x": spacing.x_um, "y": spacing.y_um, "source": spacing_source(spacing.source),
        })),
        "objective_power": meta.objective_power,
        "transfer_syntax": meta.transfer_syntax,
        "unit": meta.display.unit,
        "windows": windows.iter().map(window).collect::<Vec<_>>(),
        "default_window": meta.display.window.as_ref().map(window),
        "slices_mm": slices(meta),
        "associated": meta.associated,
        "warnings": meta.warnings.iter().map(|w| json!({ "code": w.code, "detail": w.detail })).collect::<Vec<_>>(),
    })
}

/// Positions of the frames along the slice normal, in the order of the stack; `None` without poses or for one frame.
fn slices(meta: &ImageMeta) -> Option<Vec<f64>> {
    let normal = meta.frames.first()?.pose?.normal();
    let place = |pose: crate::domain::PlanePose| {
        let along: f64 = pose.origin_mm.iter().zip(normal).map(|(p, n)| p * n).sum();
        (along * 1000.0).round() / 1000.0
    };
    let places: Option<Vec<f64>> = meta.frames.iter().map(|frame| frame.pose.map(place)).collect();
    places.filter(|places| places.len() > 1)
}

fn in_words(meta: &ImageMeta) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<16} {value}");
    };
    let size = meta.size_px();
    match meta.files.as_slice() {
        [one] => line("file", file_name(one)),
        files => {
            line("files", format!("{} ({} …)", files.len(), files.first().map(|f| file_name(f)).unwrap_or_default()));
        }
    }
    line("format", meta.format.clone());
    line("reader", meta.reader.to_owned());
    let sign = if meta.signed { " signed" } else { "" };
    line("field", format!("{:?} {}", meta.field, meta.identity.modality).trim_end().to_owned());
    line(
        "pixels",
        format!(
            "{} × {}, {} channel(s) of {} bits{sign}, {}",
            size.width, size.height, meta.channels, meta.bits_stored, meta.photometric
        ),
    );
    for (index, level) in meta.levels.iter().enumerate() {
        let (size, tile) = (level.size_px, level.tile_px);
        let shown = format!(
            "{} × {}, tiles {} × {}, 1:{:.3}",
            size.width, size.height, tile.width, tile.height, level.downsample
        );
        line(&format!("level {index}"), shown);
    }
    line("frames", meta.frames.len().to_string());
    line(
        "spacing",
        meta.spacing.map_or_else(
            || "uncalibrated".to_owned(),
            |s| format!("{:.4} × {:.4} µm a pixel, from {}", s.x_um, s.y_um, spacing_source(s.source)),
        ),
    );
    if let Some(power) = meta.objective_power {
        line("objective", format!("{power}×"));
    }
    if let Some(syntax) = &meta.transfer_syntax {
        line("coding", syntax.clone());
    }
    if let Some(window) = meta.display.window {
        let unit = meta.display.unit.as_deref().unwrap_or_default();
        line("window", format!("centre {} width {} {unit}", window.center, window.width).trim_end().to_owned());
    }
    if let Some((first, last)) = slices(meta).and_then(|places| Some((*places.first()?, *places.last()?))) {
        line("slices", format!("{first:.2} to {last:.2} mm along the normal, by position"));
    }
    if !meta.associated.is_empty() {
        line("associated", meta.associated.join(", "));
    }
    for warning in &meta.warnings {
        line("warning", format!("{} {}", warning.code, warning.detail).trim_end().to_owned());
    }
    text
}
