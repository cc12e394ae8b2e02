//! Windows and planes of a CT volume on the processor, in the words of the peers' `wl_mpr.py`.

use std::path::Path;
use std::time::Instant;

use super::line::Line;
use crate::domain::{PlanePose, SizePx};
use crate::imaging::display::{DisplayState, to_rgba8};
use crate::imaging::volume::{Plane, Posed, Slab, StackGeometry, Volume, Voxels};
use crate::imaging::{FrameInfo, PixelBuffer, Samples, Window};

const SIZE: [usize; 3] = [512, 512, 300];
const SPACING_MM: [f64; 3] = [0.703, 0.703, 1.0];

/// Best of `n`, in milliseconds, after one to warm up.
fn best(n: u32, mut work: impl FnMut()) -> f64 {
    work();
    (0..n)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min)
}

/// The peers' volume, or one of the same size made here.
fn samples(file: Option<&Path>) -> anyhow::Result<Vec<i16>> {
    let count = SIZE.iter().product::<usize>();
    let Some(file) = file else {
        let wave = |i: usize| ((i % 512) as f64 * 0.05).sin() * 600.0 + ((i / 262_144) as f64 * 0.1).cos() * 400.0;
        #[allow(clippy::cast_possible_truncation, reason = "within ±1000")]
        return Ok((0..count).map(|i| wave(i) as i16).collect());
    };
    let bytes = std::fs::read(file).map_err(|e| anyhow::anyhow!("{}: cannot be read: {e}", file.display()))?;
    anyhow::ensure!(
        bytes.len() == count * 2,
        "{}: is not 300 × 512 × 512 samples of 16 bits; make it with the peers' make_data.py",
        file.display()
    );
    Ok(bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect())
}

/// Prints one line.
///
/// # Errors
/// A file that cannot be read or has another size.
pub fn run(file: Option<&Path>) -> anyhow::Result<()> {
    let samples = samples(file)?;
    let page = SIZE[0] * SIZE[1];
    let slice = samples[150 * page..151 * page].to_vec();
    let frame = FrameInfo::default();
    let state = DisplayState { window: Some(Window { center: 40.0, width: 400.0 }), ..DisplayState::default() };
    let small = PixelBuffer { size_px: SizePx::new(512, 512), channels: 1, samples: Samples::I16(slice.clone()) };
    let mut wide = Vec::with_capacity(page * 16);
    for _ in 0..4 {
        for row in slice.chunks_exact(512) {
            (0..4).for_each(|_| wide.extend_from_slice(row));
        }
    }
    let large = PixelBuffer { size_px: SizePx::new(2048, 2048), channels: 1, samples: Samples::I16(wide) };
    let wl_512 = best(20, || drop(std::hint::black_box(to_rgba8(&small, &frame, &state))));
    let wl_2048 = best(8, || drop(std::hint::black_box(to_rgba8(&large, &frame, &state))));

    let frames: Vec<Posed> = (0..300_u16)
        .map(|z| Posed {
            frame: u32::from(z),
            pose: PlanePose {
                origin_mm: [0.0, 0.0, f64::from(z) * SPACING_MM[2]],
                row_dir: [1.0, 0.0, 0.0],
                col_dir: [0.0, 1.0, 0.0],
                spacing_mm: [SPACING_MM[0], SPACING_MM[1]],
            },
            rescale: (1.0, 0.0),
        })
        .collect();
    let geometry = StackGeometry::new(&frames).ok_or_else(|| anyhow::anyhow!("the stack has no geometry"))?;
    let volume = Volume::new(SIZE, Voxels::I16(samples), geometry, Some("HU".to_owned()))?;
    let plane = |origin_mm, right, down, spacing_mm, size_px| Plane { origin_mm, right, down, spacing_mm, size_px };
    let (xy, z) = (SPACING_MM[0], SPACING_MM[2]);
    let upright = SizePx::new(512, 300);
    let sagittal = plane([256.0 * xy, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [xy, z], upright);
    let coronal = plane([0.0, 256.0 * xy, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [xy, z], upright);
    let axial = plane([0.0, 0.0, 150.4], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [xy, xy], SizePx::new(512, 512));
    let (c, s) = (0.5_f64.cos(), 0.5_f64.sin());
    let oblique = plane([20.0, 0.0, 100.0], [c, 0.0, s], [0.0, 1.0, 0.0], [xy, xy], SizePx::new(512, 512));
    let time = |p: &Plane, slab, threads, n| best(n, || drop(std::hint::black_box(volume.reslice(p, slab, threads))));
    // As VTK counts: 20 samples, one spacing apart.
    let twenty = Slab::Highest(19.0 * xy);
    Line::new("wl_mpr")
        .text("vol", &"300x512x512")
        .number("wl_512_ms", wl_512)
        .number("wl_2048_ms", wl_2048)
        .number("axial_ms", time(&axial, Slab::Thin, 2, 12))
        .number("coronal_ms", time(&coronal, Slab::Thin, 2, 12))
        .number("sagittal_ms", time(&sagittal, Slab::Thin, 2, 12))
        .number("oblique_512_1t_ms", time(&oblique, Slab::Thin, 1, 12))
        .number("oblique_512_ms", time(&oblique, Slab::Thin, 2, 12))
        .number("mip20_coronal_ms", time(&coronal, twenty, 2, 8))
        .print();
    Ok(())
}
