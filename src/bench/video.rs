//! Films: frames a second in a row, random seeks, steps on and back, and frames from the ring; in the words of the peers'
//! `video_decode.py`.

use std::path::PathBuf;
use std::time::Instant;

use super::line::{Line, percentile};
use super::peers;
use crate::domain::TileKey;
use crate::imaging::{self, ImageSource};

/// Frames sought, as many as the peer seeks.
const SEEKS: usize = 60;
/// Steps in a row, on and back.
const STEPS: u32 = 40;

/// # Errors
/// A film that cannot be read.
pub fn run(files: &[PathBuf], peers: Option<&std::path::Path>) -> anyhow::Result<()> {
    let Some(file) = files.first() else {
        anyhow::bail!("name a film after video_decode; the peers' make_data.py makes endo_1080p.mp4");
    };
    let begun = Instant::now();
    let source = imaging::open(file)?;
    let open_ms = ms(begun);
    let meta = source.meta();
    let count = u32::try_from(meta.frames.len())?;
    let size = meta.size_px();
    let begun = Instant::now();
    for frame in 0..count {
        read(&*source, frame)?;
    }
    let rgb_fps = f64::from(count) / begun.elapsed().as_secs_f64();
    // A generator of our own (Knuth's MMIX), so that every run seeks the same frames; far from each other.
    let mut state = 0x5EEC_u64;
    let mut seeks = Vec::new();
    while seeks.len() < SEEKS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let frame = u32::try_from(state >> 33)? % count;
        let begun = Instant::now();
        read(&*source, frame)?;
        seeks.push(ms(begun));
    }
    let from = count / 3;
    read(&*source, from)?;
    let mut on = Vec::new();
    for frame in from + 1..(from + 1 + STEPS).min(count) {
        // A hand is slower than this: decoding ahead has its time.
        std::thread::sleep(std::time::Duration::from_millis(40));
        let begun = Instant::now();
        read(&*source, frame)?;
        on.push(ms(begun));
    }
    let last = (from + STEPS).min(count - 1);
    let mut back = Vec::new();
    for frame in (last.saturating_sub(STEPS)..last).rev() {
        std::thread::sleep(std::time::Duration::from_millis(40));
        let begun = Instant::now();
        read(&*source, frame)?;
        back.push(ms(begun));
    }
    let here = last.saturating_sub(STEPS);
    let ring: Vec<f64> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            read(&*source, here).map(|()| ms(begun))
        })
        .collect::<Result<_, _>>()?;
    Line::new("video_decode")
        .text("frames", &count)
        .text("size", &format!("{}x{}", size.width, size.height))
        .number("open_ms", open_ms)
        .number("rgb_fps", rgb_fps)
        .number("seek_p50_ms", percentile(&seeks, 50.0))
        .number("seek_p99_ms", percentile(&seeks, 99.0))
        .number("step_on_p50_ms", percentile(&on, 50.0))
        .number("step_on_p99_ms", percentile(&on, 99.0))
        .number("step_back_p50_ms", percentile(&back, 50.0))
        .number("step_back_p99_ms", percentile(&back, 99.0))
        .number("ring_p50_ms", percentile(&ring, 50.0))
        .print();
    peers::run(peers, "video_decode.py", &[file.as_os_str()]);
    Ok(())
}

fn ms(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

fn read(source: &dyn ImageSource, frame: u32) -> anyhow::Result<()> {
    std::hint::black_box(source.read_tile(TileKey { frame, level: 0, col: 0, row: 0 })?);
    Ok(())
}
