//! Whole slides: opening, tiles and patches a second, and the reading of a recorded roam, as the peers' `wsi_*.py` have it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::line::{Line, percentile};
use super::peers;
use crate::domain::{Level, RectPx};
use crate::imaging::{self, ImageSource, patches::PatchReader};

/// Arguments of the measurements on slides, in the peers' words.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Threads that decode
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Cache for decoded tiles in MiB
    #[arg(long)]
    pub cache: Option<u64>,
    /// Drop the files from the system's cache before every opening
    #[arg(long)]
    pub cold: bool,
    /// How often the whole is repeated; the best counts
    #[arg(long, default_value_t = 3)]
    pub reps: u32,
    /// Side of the patches that are read
    #[arg(long, default_value_t = 256)]
    pub tile: u32,
    /// Order of the patches: random or seq
    #[arg(long, default_value = "random")]
    pub order: String,
    /// 1 reads patches that lie half a tile off the grid
    #[arg(long, default_value_t = 0)]
    pub offset: u32,
    /// Only these peers, by the names of the peers' `_wsi.py`
    #[arg(long)]
    pub lib: Vec<String>,
}

/// The largest image of a file or folder.
pub fn open(path: &Path) -> anyhow::Result<Arc<dyn ImageSource>> {
    if !path.is_dir() {
        return Ok(imaging::open(path)?);
    }
    let found = imaging::scan(&[path.to_path_buf()], &crate::tasks::Progress::new(), &crate::tasks::Cancel::new())?;
    let largest = found.images.into_iter().max_by_key(|image| image.source.meta().size_px().area());
    largest.map(|image| image.source).ok_or_else(|| anyhow::anyhow!("{}: holds no image", path.display()))
}

fn slide(files: &[PathBuf], name: &str) -> anyhow::Result<PathBuf> {
    let missing = || crate::project::ProjectError::Refused {
        file: name.to_owned(),
        reason: format!("it needs a slide: shoken bench {name} SLIDE"),
    };
    Ok(files.first().cloned().ok_or_else(missing)?)
}

/// Asks the system to forget a file's bytes: `dd` with the flag `nocache` and nothing to copy does it without privileges.
pub fn drop_from_cache(path: &Path) {
    let files = if path.is_dir() {
        std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    } else {
        vec![path.to_path_buf()]
    };
    for file in files {
        let mut name = OsString::from("if=");
        name.push(&file);
        let status =
            std::process::Command::new("dd").arg(name).args(["iflag=nocache", "count=0", "status=none"]).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("# {}: could not be dropped from the system's cache; the line below is warm", file.display());
        }
    }
}

fn whole(level: &Level) -> RectPx {
    RectPx { x: 0, y: 0, width: level.size_px.width, height: level.size_px.height }
}

/// Peers of the slide's format that read it.
fn libs(path: &Path, wanted: &[String]) -> Vec<String> {
    let all: &[&str] = if path.is_dir() {
        &["openslide", "wsidicom"]
    } else {
        &["openslide", "tiffslide", "fastslide", "cucim", "libvips", "tifffile"]
    };
    let all = all.iter().map(|name| (*name).to_owned());
    if wanted.is_empty() { all.collect() } else { wanted.to_vec() }
}

/// Runs one script for each peer.
fn run_peers(folder: Option<&Path>, script: &str, path: &Path, options: &Options, arguments: &[String]) {
    if folder.is_none() {
        return peers::run(None, script, &[]);
    }
    for lib in libs(path, &options.lib) {
        // OpenSlide wants one file of a DICOM series, and finds the others beside it.
        let file = if lib == "openslide" && path.is_dir() { first_file(path) } else { path.to_path_buf() };
        let mut all: Vec<&OsStr> = vec![file.as_os_str()];
        all.extend(arguments.iter().map(OsStr::new));
        all.extend([OsStr::new("--lib"), OsStr::new(&lib)]);
        peers::run(folder, script, &all);
    }
}

fn first_file(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| path.is_file()).min().unwrap_or_else(|| folder.to_path_buf())
}

/// From the file's name to the first overview that fits a screen, each time anew.
pub fn wsi_open(files: &[PathBuf], n: u32, options: &Options, folder: Option<&Path>) -> anyhow::Result<()> {
    let path = slide(files, "wsi_open")?;
    let (mut opened, mut shown, mut overview) = (Vec::new(), Vec::new(), String::new());
    let before = Instant::now();
    drop(open(&path)?);
    let first_ms = before.elapsed().as_secs_f64() * 1e3;
    for _ in 0..n {
        if options.cold {
            drop_from_cache(&path);
        }
        let before = Instant::now();
        let source = open(&path)?;
        opened.push(before.elapsed().as_secs_f64() * 1e3);
        let levels = source.meta().levels.clone();
        let fits = levels.iter().position(|l| l.size_px.width <= 1920 && l.size_px.height <= 1080);
        let index = fits.unwrap_or(levels.len().saturating_sub(1));
        let Some(level) = levels.get(index) else { anyhow::bail!("{}: has no level", path.display()) };
        let pixels = PatchReader::new(source, 0).read(0, u16::try_from(index)?, whole(level))?;
        shown.push(before.elapsed().as_secs_f64() * 1e3);
        overview = format!("{}x{}", pixels.size_px.width, pixels.size_px.height);
    }
    Line::new("wsi_open")
        .text("cold", &options.cold)
        .number("first_in_process_ms", first_ms)
        .number("open_p50_ms", percentile(&opened, 50.0))
        .number("open_min_ms", percentile(&opened, 0.0))
        .number("first_pixel_p50_ms", percentile(&shown, 50.0))
        .number("first_pixel_min_ms", percentile(&shown, 0.0))
        .text("overview", &overview)
        .print();
    let mut arguments = vec!["--n".to_owned(), n.to_string()];
    if options.cold {
        arguments.push("--cold".to_owned());
    }
    run_peers(folder, "wsi_open.py", &path, options, &arguments);
    Ok(())
}

/// Level-0 patches: all that lie in the slide, shuffled by a fixed seed or row by row.
fn patches(level: &Level, options: &Options) -> Vec<RectPx> {
    let side = options.tile.max(1);
    let off = if options.offset == 0 { 0 } else { side / 2 };
    let count = |size: u32| size.saturating_sub(off) / side;
    let (cols, rows) = (count(level.size_px.width), count(level.size_px.height));
    let at = |col: u32, row: u32| RectPx { x: col * side + off, y: row * side + off, width: side, height: side };
    let mut all: Vec<RectPx> = (0..rows).flat_map(|row| (0..cols).map(move |col| at(col, row))).collect();
    if options.order == "random" {
        let mut state = 4_u64;
        for last in (1..all.len()).rev() {
            // Steele, Lea, Flood: splitmix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            let other = (mixed ^ mixed >> 31) % (last as u64 + 1);
            all.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
    all
}

/// Patches a second from the finest level.
pub fn wsi_tiles(files: &[PathBuf], n: u32, options: &Options, folder: Option<&Path>) -> anyhow::Result<()> {
    let path = slide(files, "wsi_tiles")?;
    let source = open(&path)?;
    let level = source.meta().levels.first().copied().ok_or_else(|| anyhow::anyhow!("it has no level"))?;
    let mut todo = patches(&level, options);
    todo.truncate(n as usize);
    let threads = options.threads.max(1);
    let reader = PatchReader::new(source, options.cache.unwrap_or(96) << 20);
    let mut best: Option<(f64, f64)> = None;
    for _ in 0..options.reps.max(1) {
        let (cpu, before) = (cpu_seconds(), Instant::now());
        std::thread::scope(|scope| {
            let (todo, reader) = (&todo, &reader);
            let work = |first: usize| {
                move || todo.iter().skip(first).step_by(threads).try_for_each(|rect| reader.read(0, 0, *rect).map(drop))
            };
            let others: Vec<_> = (1..threads).map(|first| scope.spawn(work(first))).collect();
            let own = work(0)();
            let joined = others.into_iter().map(|thread| thread.join().unwrap_or(Ok(())));
            joined.fold(own, Result::and)
        })?;
        let turn = (before.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        best = Some(best.map_or(turn, |best| if turn.0 < best.0 { turn } else { best }));
    }
    let (wall, cpu) = best.unwrap_or((f64::NAN, f64::NAN));
    let count = todo.len() as f64;
    Line::new("wsi_tiles")
        .text("threads", &threads)
        .text("order", &options.order)
        .text("aligned", &(options.offset == 0))
        .text("tile", &options.tile)
        .text("n", &todo.len())
        .number("tiles_s", count / wall)
        .number("mpx_s", count * f64::from(options.tile).powi(2) / wall / 1e6)
        .number("cpu_us_tile", cpu * 1e6 / count)
        .number("peak_mb", peak_mb())
        .print();
    let mut arguments = Vec::new();
    for (name, value) in [
        ("--n", todo.len().to_string()),
        ("--threads", threads.to_string()),
        ("--tile", options.tile.to_string()),
        ("--order", options.order.clone()),
        ("--offset", options.offset.to_string()),
        ("--reps", options.reps.to_string()),
    ] {
        arguments.extend([name.to_owned(), value]);
    }
    if let Some(cache) = options.cache {
        arguments.extend(["--cache".to_owned(), cache.to_string()]);
    }
    run_peers(folder, "wsi_tiles.py", &path, options, &arguments);
    Ok(())
}

/// The peers' side of a replayed roam.
pub fn trace_peers(folder: Option<&Path>, script: &str, slide: &Path, trace: &Path, options: &Options) {
    let mut arguments = vec![trace.to_string_lossy().into_owned()];
    if script == "wsi_trace.py" {
        arguments.extend(["--threads".to_owned(), options.threads.to_string()]);
        if let Some(cache) = options.cache {
            arguments.extend(["--cache".to_owned(), cache.to_string()]);
        }
        run_peers(folder, script, slide, options, &arguments);
    } else {
        let mut all: Vec<&OsStr> = vec![slide.as_os_str()];
        all.extend(arguments.iter().map(OsStr::new));
        peers::run(folder, script, &all);
    }
}

/// Seconds of processor time that this process has used, all threads; `NaN` where the system does not say.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may hold anything, so fields are counted from its closing bracket: state is the third.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    // Linux counts them in hundredths of a second for programs (proc(5), sysconf(_SC_CLK_TCK)).
    ticks(11).zip(ticks(12)).map_or(f64::NAN, |(user, system)| (user + system) / 100.0)
}

/// Resident memory by a field of `/proc/self/status`, in MiB as the peers count; `NaN` where the system does not say.
pub fn status_mb(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(field)).and_then(|l| l.trim().strip_suffix("kB"));
    line.and_then(|n| n.trim().parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}

pub fn peak_mb() -> f64 {
    status_mb("VmHWM:")
}
