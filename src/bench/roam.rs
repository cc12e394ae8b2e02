//! A recorded roam over a slide, view by view, through the loader that the window uses: what a reader waits for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use super::line::{Line, percentile};
use super::slides::{self, Options};
use crate::domain::{Level, TileKey};
use crate::imaging::loader::{Demand, ImageHandle, Loaded, TileLoader};
use crate::imaging::{ImageSource, PixelBuffer, Samples};
use crate::tasks::Pool;

/// What a view of the recording shows, in pixels.
const VIEW_PX: (u32, u32) = (1920, 1080);

/// One line of the recording: level-0 pixels per pixel, and the level-0 place of the top-left corner.
struct View {
    downsample: u32,
    x: u32,
    y: u32,
}

fn read_trace(path: &Path) -> anyhow::Result<Vec<View>> {
    let text = std::fs::read_to_string(path).map_err(|e| anyhow::anyhow!("{}: cannot be read: {e}", path.display()))?;
    let views = text.lines().map(|line| {
        let numbers: Vec<u32> = line.split(',').filter_map(|field| field.trim().parse().ok()).collect();
        match *numbers.as_slice() {
            [_, downsample, x, y] if downsample > 0 => Ok(View { downsample, x, y }),
            _ => anyhow::bail!("{}: a line that is no `i,downsample,x,y`", path.display()),
        }
    });
    views.collect()
}

/// Left, top, width and height in pixels of a level.
type Rect = (u32, u32, u32, u32);

/// The level, its tiles and the pixel rectangle of a view; `None` for a downsample that the slide does not have.
fn tiles_of(levels: &[Level], view: &View) -> Option<(u16, Rect, Vec<TileKey>)> {
    let wanted = f64::from(view.downsample);
    let index = levels.iter().position(|level| (level.downsample.round() - wanted).abs() < 0.5)?;
    let level = levels.get(index)?;
    let (x, y) = (view.x / view.downsample, view.y / view.downsample);
    let (width, height) =
        (VIEW_PX.0.min(level.size_px.width.checked_sub(x)?), VIEW_PX.1.min(level.size_px.height.checked_sub(y)?));
    let tile = level.tile_px;
    let number = u16::try_from(index).ok()?;
    let rows = y / tile.height..(y + height).div_ceil(tile.height);
    let cols = x / tile.width..(x + width).div_ceil(tile.width);
    let keys = rows.flat_map(|row| cols.clone().map(move |col| TileKey { frame: 0, level: number, col, row }));
    Some((number, (x, y, width, height), keys.collect()))
}

/// Copies a tile's part of a view; 8-bit samples only, which is what slides are.
fn put(out: &mut [u8], (x, y, width, height): Rect, tile: &PixelBuffer, at: (u32, u32)) {
    let Samples::U8(from) = &tile.samples else { return };
    let channels = usize::from(tile.channels);
    let (left, right) = (at.0.max(x), (at.0 + tile.size_px.width).min(x + width));
    let (top, bottom) = (at.1.max(y), (at.1 + tile.size_px.height).min(y + height));
    if left >= right {
        return;
    }
    let length = (right - left) as usize * channels;
    for row in top..bottom {
        let to = ((row - y) as usize * width as usize + (left - x) as usize) * channels;
        let start = ((row - at.1) as usize * tile.size_px.width as usize + (left - at.0) as usize) * channels;
        if let (Some(to), Some(from)) = (out.get_mut(to..to + length), from.get(start..start + length)) {
            to.copy_from_slice(from);
        }
    }
}

/// Times of the views of one replay, in milliseconds: until all tiles were there, and until the picture was whole.
#[derive(Default)]
struct Times {
    tiles_ms: Vec<f64>,
    whole_ms: Vec<f64>,
    decoded: u64,
}

/// Replays the recording. Memory is asked for after each round.
fn replay(
    source: &Arc<dyn ImageSource>,
    views: &[View],
    options: &Options,
    rounds: u32,
) -> anyhow::Result<(Times, f64)> {
    let image = ImageHandle::new(Arc::clone(source));
    let levels = source.meta().levels.clone();
    let pool = Arc::new(Pool::new("decode", options.threads.max(1), 4096)?);
    // One word is enough to wake whoever waits; the rest would only repeat it.
    let (wake, woken) = mpsc::sync_channel::<()>(1);
    let loader = TileLoader::new(pool, options.cache.unwrap_or(256) << 20, move || {
        // A full channel says the same already.
        let _ = wake.try_send(());
    });
    let (mut times, mut most_mb) = (Times::default(), 0.0_f64);
    let mut picture = vec![0; VIEW_PX.0 as usize * VIEW_PX.1 as usize * usize::from(source.meta().channels)];
    for _ in 0..rounds.max(1) {
        for view in views {
            let Some((number, rect, keys)) = tiles_of(&levels, view) else { continue };
            let Some(level) = levels.get(usize::from(number)) else { continue };
            let before = Instant::now();
            let mut missing: HashSet<TileKey> = keys.iter().copied().collect();
            let demands = keys.iter().map(|key| Demand { image: image.clone(), key: *key });
            loader.publish(demands.collect());
            let mut ready: HashMap<TileKey, Arc<PixelBuffer>> = HashMap::new();
            loop {
                for loaded in loader.drain() {
                    match loaded {
                        Loaded::Ready { key, tile, .. } => {
                            missing.remove(&key);
                            ready.insert(key, tile);
                        }
                        Loaded::Failed { reason, .. } => anyhow::bail!("a tile cannot be read: {reason}"),
                    }
                }
                if missing.is_empty() {
                    break;
                }
                woken.recv()?;
            }
            times.tiles_ms.push(before.elapsed().as_secs_f64() * 1e3);
            for (key, pixels) in &ready {
                put(&mut picture, rect, pixels, (key.col * level.tile_px.width, key.row * level.tile_px.height));
            }
            times.whole_ms.push(before.elapsed().as_secs_f64() * 1e3);
        }
        most_mb = most_mb.max(slides::status_mb("VmRSS:"));
    }
    times.decoded = loader.stats().decoded;
    Ok((times, most_mb))
}

fn pair(files: &[PathBuf], name: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
    match files {
        [slide, trace, ..] => Ok((slide.clone(), trace.clone())),
        _ => {
            let reason = format!("it needs a slide and a recording: shoken bench {name} SLIDE TRACE.csv");
            Err(crate::project::ProjectError::Refused { file: name.to_owned(), reason }.into())
        }
    }
}

/// The recording replayed `--n` times (once), with p50 and p99 of the views and the growth of memory.
pub fn wsi_trace(files: &[PathBuf], rounds: u32, options: &Options, folder: Option<&Path>) -> anyhow::Result<()> {
    let (slide, trace) = pair(files, "wsi_trace")?;
    let views = read_trace(&trace)?;
    let base_mb = slides::status_mb("VmRSS:");
    let source = slides::open(&slide)?;
    if options.cold {
        slides::drop_from_cache(&slide);
    }
    let cpu = slides::cpu_seconds();
    let (times, most_mb) = replay(&source, &views, options, rounds)?;
    let cpu = slides::cpu_seconds() - cpu;
    let (whole, tiles) = (&times.whole_ms, &times.tiles_ms);
    let count = whole.len() as f64;
    let sum: f64 = whole.iter().sum();
    Line::new("wsi_trace")
        .text("threads", &options.threads)
        .text("cache_mb", &options.cache.unwrap_or(256))
        .text("views", &whole.len())
        .number("p50_ms", percentile(whole, 50.0))
        .number("p95_ms", percentile(whole, 95.0))
        .number("p99_ms", percentile(whole, 99.0))
        .number("max_ms", percentile(whole, 100.0))
        .number("mean_ms", sum / count)
        .number("views_s", 1e3 * count / sum)
        .number("cpu_ms_view", cpu * 1e3 / count)
        .number("rss_growth_mb", most_mb - base_mb)
        .number("peak_mb", slides::peak_mb())
        .number("tiles_p50_ms", percentile(tiles, 50.0))
        .number("tiles_p99_ms", percentile(tiles, 99.0))
        .text("decoded", &times.decoded)
        .print();
    slides::trace_peers(folder, "wsi_trace.py", &slide, &trace, options);
    Ok(())
}

/// The floor of a recording by arithmetic: tiles that a view touches, and those that are new to a cache, times `us` of
/// decoding each.
pub fn trace_limit(files: &[PathBuf], us: f64, options: &Options, folder: Option<&Path>) -> anyhow::Result<()> {
    let (slide, trace) = pair(files, "trace_limit")?;
    let source = slides::open(&slide)?;
    let levels = source.meta().levels.clone();
    let count = |limit: Option<usize>| -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
        // Least recently used first, as the peers' arithmetic has it.
        let (mut order, mut kept) = (VecDeque::new(), HashMap::<TileKey, u64>::new());
        let (mut touched, mut fresh, mut clock) = (Vec::new(), Vec::new(), 0_u64);
        for view in read_trace(&trace)? {
            let Some((_, _, keys)) = tiles_of(&levels, &view) else { continue };
            let mut new = 0_u32;
            for key in &keys {
                clock += 1;
                new += u32::from(kept.insert(*key, clock).is_none());
                order.push_back((*key, clock));
                while limit.is_some_and(|limit| kept.len() > limit) {
                    let Some((oldest, at)) = order.pop_front() else { break };
                    if kept.get(&oldest) == Some(&at) {
                        kept.remove(&oldest);
                    }
                }
            }
            touched.push(keys.len() as f64);
            fresh.push(f64::from(new));
        }
        Ok((touched, fresh))
    };
    let (touched, unbounded) = count(None)?;
    let (_, bounded) = count(Some(1024))?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let each = us / 1e3 / options.threads.max(1) as f64;
    Line::new("trace_limit")
        .number("tiles_view_p50", percentile(&touched, 50.0))
        .number("new_unbounded_mean", mean(&unbounded))
        .number("new_256MiB_mean", mean(&bounded))
        .number("new_256MiB_p50", percentile(&bounded, 50.0))
        .number("new_256MiB_p99", percentile(&bounded, 99.0))
        .number("no_cache_floor_p50_ms", percentile(&touched, 50.0) * each)
        .number("cached_floor_p50_ms", percentile(&bounded, 50.0) * each)
        .number("cached_floor_p99_ms", percentile(&bounded, 99.0) * each)
        .print();
    slides::trace_peers(folder, "trace_limit.py", &slide, &trace, options);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SizePx;

    #[test]
    fn a_view_touches_the_tiles_that_it_shows() {
        let level = |downsample: u32| Level {
            size_px: SizePx::new(40_000 / downsample, 30_000 / downsample),
            tile_px: SizePx::new(256, 256),
            downsample: f64::from(downsample),
        };
        let levels = [level(1), level(2), level(4)];
        let (number, rect, keys) = tiles_of(&levels, &View { downsample: 2, x: 512, y: 1024 }).unwrap();
        assert_eq!((number, rect), (1, (256, 512, 1920, 1080)));
        assert_eq!((keys.len(), keys[0].col, keys[0].row), (8 * 5, 1, 2));
        let (_, rect, keys) = tiles_of(&levels, &View { downsample: 4, x: 39_000, y: 29_000 }).unwrap();
        assert_eq!((rect, keys.len()), ((9750, 7250, 250, 250), 4));
        assert!(tiles_of(&levels, &View { downsample: 8, x: 0, y: 0 }).is_none());
    }
}
