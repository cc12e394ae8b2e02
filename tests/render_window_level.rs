//! The window/level shader against the CPU display pipeline, on raw samples of every kind.
#![cfg(feature = "gui")]

use std::sync::Arc;

use shoken::{
    domain::SizePx,
    imaging::{
        FrameInfo, PixelBuffer, Samples, Window,
        display::{DisplayState, Ramp, to_rgba8},
    },
    render::{Filter, GreyRamp, Scene, TileDraw, TileId, TileImage, TileSamples},
};

use crate::render::offscreen;

const SEED: u64 = 20_261_120;

/// SplitMix64: a seeded generator of a few lines, so that every failure can be made again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (self.next() >> 11) as f64 / (1_u64 << 53) as f64 * (high - low)
    }
}

#[test]
fn the_shader_agrees_with_the_cpu_pipeline_within_one_grey_level() {
    let Some(mut screen) = offscreen() else { return };
    let mut random = Random(SEED);
    let (mut worst, mut differing, mut pixels) = (0, 0_u64, 0_u64);
    for number in 0..60_u64 {
        let (w, h) = (64 + random.below(450) as u32, 64 + random.below(300) as u32);
        let count = (w * h) as usize;
        let samples = match number % 3 {
            0 => Samples::U8((0..count).map(|_| random.next() as u8).collect()),
            1 => Samples::U16((0..count).map(|_| random.next() as u16).collect()),
            // CT-like values, so that narrow windows meet many of them.
            _ => Samples::I16((0..count).map(|_| random.real(-1100.0, 3100.0) as i16).collect()),
        };
        let slope = [1.0, 1.0, 0.5, -1.0, 2.2][random.below(5) as usize];
        let rescale = (slope, [0.0, -1024.0, 12.5][random.below(3) as usize]);
        let (center, width) = match number % 4 {
            0 => (40.0, 400.0),
            1 => (random.real(-700.0, 3000.0).round(), 1.0 + random.below(8) as f64),
            2 => (random.real(-700.0, 40_000.0), random.real(1.0, 60_000.0)),
            _ => (-600.0, 1500.0),
        };
        let window = (number % 7 != 0).then_some(Window { center, width });
        let state = DisplayState { window, invert: random.below(2) == 1, ..DisplayState::default() };
        let frame = FrameInfo { rescale, ..FrameInfo::default() };
        let buffer = PixelBuffer { size_px: SizePx::new(w, h), channels: 1, samples };

        let ramp = Ramp::new(&buffer.samples, 1, &frame, &state);
        let raw = match buffer.samples.clone() {
            Samples::U8(v) => TileSamples::Grey8(v),
            Samples::U16(v) => TileSamples::GreyU16(v),
            Samples::I16(v) => TileSamples::GreyI16(v),
            Samples::F64(_) => unreachable!("none is made above"),
        };
        let mut scene = Scene::empty([w, h]);
        scene.filter = Filter::Nearest;
        scene.tiles = vec![TileDraw {
            id: TileId { image: number, frame: 0, level: 0, col: 0, row: 0 },
            image: Arc::new(TileImage::new([w, h], raw).unwrap()),
            origin_texel: [0, 0],
            scale: [1.0, 1.0],
            grey: GreyRamp { zero_at: ramp.zero_at, per_step: ramp.per_step, invert: ramp.invert },
        }];
        let shown = screen.render(&scene).unwrap();
        let expected = to_rgba8(&buffer, &frame, &state);
        for (a, b) in shown.rgba.chunks_exact(4).zip(expected.chunks_exact(4)) {
            let difference = a.iter().zip(b).map(|(x, y)| x.abs_diff(*y)).max().unwrap();
            worst = worst.max(difference);
            differing += u64::from(difference > 0);
            pixels += 1;
        }
        assert!(worst <= 1, "tile {number}: {rescale:?} {state:?} differs by {worst}");
    }
    println!(
        "window/level: seed {SEED}, 60 tiles, {pixels} pixels: largest difference {worst}, {differing} pixels differ"
    );
}
