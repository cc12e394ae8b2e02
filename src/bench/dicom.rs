//! DICOM: a series from its folder to its headers in order, its first image and its whole volume, and one frame decoded, as
//! the peers' `dicom_series.py` and `dicom_decode.py` have it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::{
    line::Line,
    peers,
    slides::{Options, drop_from_cache},
};
use crate::{
    domain::TileKey,
    imaging::{self, ImageSource, Samples, bytes::MemoryBytes},
};

fn milliseconds(from: Instant) -> f64 {
    from.elapsed().as_secs_f64() * 1e3
}

fn refused(name: &str, what: &str) -> anyhow::Error {
    let reason = format!("it needs {what}");
    crate::project::ProjectError::Refused { file: name.to_owned(), reason }.into()
}

/// Milliseconds to (a) headers sorted, (b) the middle image decoded, (c) the whole volume in the modality's unit, 16 bits.
/// The best of `n` runs each, like the peers.
pub fn series(files: &[PathBuf], n: u32, options: &Options, peers_folder: Option<&Path>) -> anyhow::Result<()> {
    let dir = files.first().ok_or_else(|| refused("dicom_series", "a folder: shoken bench dicom_series DIR"))?;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "dcm"));
    paths.sort();
    let (mut best, mut voxels, mut sum) = ([f64::INFINITY; 3], 0_u64, 0_i64);
    for _ in 0..n.max(1) {
        if options.cold {
            drop_from_cache(dir);
        }
        let start = Instant::now();
        let source = imaging::open_series(&paths)?;
        let sorted = milliseconds(start);
        let count = u32::try_from(source.meta().frames.len()).unwrap_or(0);
        source.read_tile(TileKey { frame: count / 2, level: 0, col: 0, row: 0 })?;
        let first = milliseconds(start);
        let volume = volume(&source, count, options.threads)?;
        let whole = milliseconds(start);
        for (place, value) in best.iter_mut().zip([sorted, first, whole]) {
            *place = place.min(value);
        }
        voxels = volume.iter().map(|slice| slice.len() as u64).sum();
        sum = volume.iter().flatten().map(|value| i64::from(*value)).sum();
    }
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Line::new("dicom_series")
        .text("set", &name)
        .text("files", &paths.len())
        .text("threads", &options.threads)
        .text("cold", &options.cold)
        .number("sorted_ms", best[0])
        .number("first_image_ms", best[1])
        .number("volume_ms", best[2])
        .number("MB_s", voxels as f64 * 2.0 / 1e6 / best[2] * 1e3)
        .number("peak_mb", peak_mb())
        .text("sum", &sum)
        .print();
    for lib in &options.lib {
        let threads = options.threads.to_string();
        let arguments = [dir.as_os_str(), "--lib".as_ref(), lib.as_ref(), "--threads".as_ref(), threads.as_ref()];
        peers::run(peers_folder, "dicom_series.py", &arguments);
    }
    Ok(())
}

/// Every slice in the modality's unit, decoded by so many threads.
fn volume(source: &Arc<dyn ImageSource>, count: u32, threads: usize) -> anyhow::Result<Vec<Vec<i16>>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<i16>)>, imaging::ImagingError> {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(frame) = u32::try_from(index).ok().filter(|frame| *frame < count) else { return Ok(done) };
            let tile = source.read_tile(TileKey { frame, level: 0, col: 0, row: 0 })?;
            let rescale = source.meta().frames.get(index).map_or((1.0, 0.0), |info| info.rescale);
            done.push((index, rescaled(tile.samples, rescale)));
        }
    };
    let mut slices: Vec<(usize, Vec<i16>)> = std::thread::scope(|scope| {
        let spawn = |_| std::thread::Builder::new().name("bench".to_owned()).spawn_scoped(scope, work);
        let hands: Result<Vec<_>, _> = (0..threads.max(1)).map(spawn).collect();
        let mut all = Vec::new();
        for hand in hands? {
            all.extend(hand.join().map_err(|_| anyhow::anyhow!("a thread of the measurement stopped"))??);
        }
        anyhow::Ok(all)
    })?;
    slices.sort_by_key(|(index, _)| *index);
    Ok(slices.into_iter().map(|(_, slice)| slice).collect())
}

#[allow(clippy::cast_possible_truncation, reason = "the values of a CT fit; the peers truncate alike")]
fn rescaled(samples: Samples, (slope, intercept): (f64, f64)) -> Vec<i16> {
    // As the peers do: whole slope and intercept in integers.
    let (m, b) = (slope as i32, intercept as i32);
    match samples {
        Samples::U8(values) => values.into_iter().map(|v| (i32::from(v) * m + b) as i16).collect(),
        Samples::U16(values) => values.into_iter().map(|v| (i32::from(v) * m + b) as i16).collect(),
        Samples::I16(values) => values.into_iter().map(|v| (i32::from(v) * m + b) as i16).collect(),
        Samples::F64(values) => values.into_iter().map(|v| (v * slope + intercept) as i16).collect(),
    }
}

/// Milliseconds to decode the first frame of each file, held in memory, on one thread; the best of `n`.
pub fn decode(files: &[PathBuf], n: u32, peers_folder: Option<&Path>) -> anyhow::Result<()> {
    if files.is_empty() {
        return Err(refused("dicom_decode", "files: shoken bench dicom_decode FILE.dcm …"));
    }
    for path in files {
        let source = imaging::open_bytes(path, Arc::new(MemoryBytes::new(std::fs::read(path)?)))?;
        let meta = source.meta();
        let level = meta.levels.first().ok_or_else(|| anyhow::anyhow!("{}: no image", path.display()))?;
        let bytes = level.size_px.area() * u64::from(meta.channels) * u64::from(meta.bits_stored.div_ceil(8));
        let (cols, rows) = level.tiles();
        let mut best = f64::INFINITY;
        for _ in 0..=n {
            let start = Instant::now();
            // A large frame is decoded once and cut into tiles; the first tile waits for all of it.
            source.read_tile(TileKey { frame: 0, level: 0, col: 0, row: 0 })?;
            best = best.min(milliseconds(start));
            if (cols, rows) != (1, 1) {
                break;
            }
        }
        let mb = bytes as f64 / 1e6;
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Line::new("dicom_decode")
            .text("file", &format!("{}/{name}", folder.unwrap_or_default()))
            .text("ts", &meta.transfer_syntax.clone().unwrap_or_default().replace(' ', "_"))
            .text("frame", &format!("{}x{}x{}", level.size_px.width, level.size_px.height, meta.bits_stored))
            .number("MB", mb)
            .number("best_MB_s", mb / best * 1e3)
            .number("shoken_ms", best)
            .print();
        peers::run(peers_folder, "dicom_decode.py", &[path.as_os_str()]);
    }
    Ok(())
}

/// The most memory this process has held, where the system tells.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|value| value.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
}
