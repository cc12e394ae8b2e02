//! `shoken render FILE --out PNG`: pixels through the CPU display pipeline, without a window or a graphics card.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use serde_json::json;

use crate::{
    domain::{RectPx, SizePx},
    project::pixels::{RenderRequest, Window, open_one, render, write_png},
};

/// Render an image, a region or an associated image of it as PNG.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An image file, or a folder of one DICOM series
    pub path: PathBuf,
    /// Where to write the PNG
    #[arg(long)]
    pub out: PathBuf,
    /// Level of the pyramid, 0 is full resolution
    #[arg(long, default_value_t = 0)]
    pub level: u16,
    /// X,Y,WIDTH,HEIGHT in pixels of that level
    #[arg(long, value_parser = region)]
    pub region: Option<RectPx>,
    /// WIDTH,HEIGHT of the picture
    #[arg(long, value_parser = size)]
    pub size: Option<SizePx>,
    /// Frame or slice, counted from 0
    #[arg(long, default_value_t = 0)]
    pub frame: u32,
    /// CENTER,WIDTH in rescaled units (HU for CT)
    #[arg(long, value_parser = window, allow_hyphen_values = true)]
    pub window: Option<Window>,
    /// An associated image: label, macro or thumbnail
    #[arg(long)]
    pub associated: Option<String>,
    /// Colours as stored, not through the image's colour profile to sRGB
    #[arg(long)]
    pub stored_colours: bool,
}

fn numbers<const N: usize, T: std::str::FromStr>(text: &str, shape: &str) -> Result<[T; N], String> {
    let values: Result<Vec<T>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    values.ok().and_then(|values| values.try_into().ok()).ok_or_else(|| format!("give {shape}"))
}

fn region(text: &str) -> Result<RectPx, String> {
    let [x, y, width, height] = numbers(text, "X,Y,WIDTH,HEIGHT as whole numbers")?;
    Ok(RectPx { x, y, width, height })
}

fn size(text: &str) -> Result<SizePx, String> {
    let [width, height] = numbers(text, "WIDTH,HEIGHT as whole numbers")?;
    if width == 0 || height == 0 {
        Err("a picture has at least one pixel".to_owned())
    } else {
        Ok(SizePx::new(width, height))
    }
}

fn window(text: &str) -> Result<Window, String> {
    let [center, width]: [f64; 2] = numbers(text, "CENTER,WIDTH as numbers")?;
    let sound = center.is_finite() && width.is_finite() && width >= 1.0;
    if sound { Ok(Window { center, width }) } else { Err("the width of a window is at least 1".to_owned()) }
}

/// # Errors
/// One line with the file, the reason and what to do.
pub fn run(args: &Args, as_json: bool) -> anyhow::Result<ExitCode> {
    let source = open_one(&args.path)?;
    let request = RenderRequest {
        level: args.level,
        region: args.region,
        size: args.size,
        frame: args.frame,
        window: args.window,
        associated: args.associated.clone(),
        stored_colours: args.stored_colours,
    };
    let rendered = render(&*source, &request)?;
    write_png(&rendered, &args.out)?;
    let size = rendered.size_px;
    if as_json {
        writeln!(std::io::stdout(), "{}", json!({ "out": args.out, "width": size.width, "height": size.height }))?;
    } else {
        writeln!(std::io::stdout(), "{} ({} × {})", args.out.display(), size.width, size.height)?;
    }
    Ok(ExitCode::SUCCESS)
}
