//! A roam over planes of a CT series through the window's own path, without a screen: scrolls, turns, slabs, windows.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::{Line, percentile};
use crate::gui::viewport::{PlaneMoment, PlaneRoam};
use crate::imaging::volume::{Slab, Volume};
use crate::imaging::{self, ImageSource};
use crate::tasks::{Cancel, Progress};

/// The stage of a window of 1366 × 768 between its panels.
const SIZE_PX: [u32; 2] = [846, 680];

fn series(folder: &Path) -> anyhow::Result<Arc<dyn ImageSource>> {
    let scanned = imaging::scan(&[folder.to_path_buf()], &Progress::new(), &Cancel::new()).unwrap_or_default();
    let largest = scanned.images.into_iter().max_by_key(|i| i.source.meta().frames.len());
    let image =
        largest.ok_or_else(|| anyhow::anyhow!("{}: holds no series; name one of CT slices", folder.display()))?;
    Ok(image.source)
}

/// What the hand does in frame `n`.
fn moment(volume: &Volume, n: u32) -> PlaneMoment {
    let middle = volume.centre_mm();
    let t = f64::from(n) / 60.0;
    let (low, high) = volume.geometry().reach_mm();
    let half = (high - low) / 2.0;
    let part = n / 120 % 4;
    PlaneMoment {
        centre_mm: [
            middle[0] + 60.0 * (t * 0.7).sin(),
            middle[1] + 50.0 * (t * 0.9).cos(),
            middle[2] + half * 0.8 * (t * 0.35).sin(),
        ],
        // A quarter of the time upright, then turning.
        angle: if part == 0 { 0.0 } else { 0.6 * (t * 0.5).sin() },
        slab: match part {
            2 => Slab::Highest(10.0),
            3 => Slab::Mean(5.0),
            _ => Slab::Thin,
        },
        window: if part == 1 { (40.0 + 300.0 * t.sin(), 400.0 + 350.0 * t.cos()) } else { (40.0, 400.0) },
    }
}

/// Roams for `seconds` and prints one line; pictures of every tenth of the way go to `filmstrip`.
///
/// # Errors
/// A folder without a series, a series that is no volume, no graphics adapter.
pub fn run(folder: &Path, seconds: u32, filmstrip: Option<&Path>) -> anyhow::Result<()> {
    let opened = Instant::now();
    let source = series(folder)?;
    let open_ms = opened.elapsed().as_secs_f64() * 1e3;
    let read = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let volume = Arc::new(Volume::read(source.as_ref(), threads, &Progress::new(), &Cancel::new())?);
    let volume_ms = read.elapsed().as_secs_f64() * 1e3;
    let mut roam = PlaneRoam::open(SIZE_PX, Arc::clone(&volume))?;
    let adapter = roam.adapter().replace(' ', "_");

    let (mut times_ms, mut late) = (Vec::new(), 0_u32);
    let upload = Instant::now();
    let mut upload_ms = f64::NAN;
    let begun = Instant::now();
    let mut n = 0;
    while begun.elapsed() < Duration::from_secs(u64::from(seconds)) {
        let m = moment(&volume, n);
        let frame = Instant::now();
        roam.frame(&m);
        let ms = frame.elapsed().as_secs_f64() * 1e3;
        if roam.is_busy() {
            n += 1;
            continue;
        }
        if upload_ms.is_nan() {
            upload_ms = upload.elapsed().as_secs_f64() * 1e3;
        } else {
            times_ms.push(ms);
            late += u32::from(ms > 100.0);
        }
        if let Some(to) = filmstrip
            && n % 300 == 0
        {
            save(&roam, &to.join(format!("roam-{n:05}.png")))?;
        }
        n += 1;
    }
    let [nx, ny, nz] = volume.size();
    Line::new("mpr_roam")
        .text("vol", &format!("{nz}x{ny}x{nx}"))
        .text("adapter", &adapter)
        .text("size", &format!("{}x{}", SIZE_PX[0], SIZE_PX[1]))
        .number("seconds", f64::from(seconds))
        .number("frames", times_ms.len() as f64)
        .number("open_ms", open_ms)
        .number("volume_ms", volume_ms)
        .number("first_planes_ms", upload_ms)
        .number("frame_p50_ms", percentile(&times_ms, 50.0))
        .number("frame_p99_ms", percentile(&times_ms, 99.0))
        .number("late_100ms", f64::from(late))
        .number("peak_mb", peak_mb())
        .print();
    Ok(())
}

fn save(roam: &PlaneRoam, to: &Path) -> anyhow::Result<()> {
    let picture = roam.picture()?;
    let [width, height] = picture.size_px;
    let image = image::RgbaImage::from_raw(width, height, picture.rgba);
    let image = image.ok_or_else(|| anyhow::anyhow!("the picture has another size than it says"))?;
    image.save(to).map_err(|e| anyhow::anyhow!("{}: cannot be written: {e}", to.display()))
}

/// Largest memory of this process so far, in MB (Linux); `NaN` elsewhere.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let kb = line.and_then(|l| l.split_whitespace().nth(1)).and_then(|v| v.parse::<f64>().ok());
    kb.map_or(f64::NAN, |kb| kb / 1024.0)
}
