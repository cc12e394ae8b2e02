//! The colour shader against the CPU: profile tables, channels, stains and tone, on every colour of a coarse net.
#![cfg(feature = "gui")]

use std::sync::Arc;

use shoken::imaging::display::{ColourPart, ColourState, IccTable};
use shoken::render::{
    ColourLook, ColourPart as Part, ColourTable, Filter, GreyRamp, Scene, TileDraw, TileId, TileImage,
};

use crate::{colour_display::profiles, render::offscreen};

/// 64 × 64 × 16 colours in a picture.
fn net() -> ([u32; 2], Vec<u8>) {
    let size = [256_u32, 256];
    let rgb = (0..256_u32).flat_map(|y| {
        (0..256_u32).flat_map(move |x| [(x % 64 * 4) as u8, (y % 64 * 4) as u8, ((y / 64 * 4 + x / 64) * 17) as u8])
    });
    (size, rgb.collect())
}

fn look(state: ColourState, table: Option<&IccTable>) -> ColourLook {
    let part = match (state.part.channel(), state.part.stain()) {
        (Some(channel), _) => Part::Channel(channel),
        (None, Some(stain)) => Part::Stain { amount: stain.amount, vector: stain.vector },
        (None, None) => Part::Whole,
    };
    ColourLook {
        table: table.and_then(|t| ColourTable::new(t.side(), t.entries())),
        part,
        brightness: state.brightness,
        contrast: state.contrast,
        gamma: state.gamma,
    }
}

#[test]
fn the_shader_shows_colours_as_the_cpu_pipeline_does() {
    let Some(mut screen) = offscreen() else { return };
    let (size, rgb) = net();
    let tables: Vec<(&str, IccTable)> =
        profiles().into_iter().map(|(name, p)| (name, IccTable::new(&p, None).unwrap())).collect();
    let tones = [(0.0, 1.0, 1.0), (0.12, 1.7, 1.0), (-0.2, 0.6, 1.8), (0.0, 1.0, 0.45)];
    let mut cases: Vec<(String, ColourState, Option<&IccTable>)> = Vec::new();
    for part in ColourPart::ALL {
        for (brightness, contrast, gamma) in tones {
            let state = ColourState { part, brightness, contrast, gamma };
            cases.push((format!("{part:?} {brightness} {contrast} {gamma}"), state, None));
        }
    }
    for (name, table) in &tables {
        cases.push(((*name).to_owned(), ColourState::default(), Some(table)));
        let toned = ColourState { contrast: 1.4, gamma: 0.8, ..ColourState::default() };
        cases.push((format!("{name} toned"), toned, Some(table)));
    }
    let tile = Arc::new(TileImage::from_rgb(size, &rgb).unwrap());
    let (mut worst_of_all, mut differing, mut count) = (0, 0_u64, 0_u64);
    for (name, state, table) in cases {
        let mut scene = Scene::empty(size);
        scene.filter = Filter::Nearest;
        scene.look = look(state, table);
        scene.tiles = vec![TileDraw {
            id: TileId { image: 1, frame: 0, level: 0, col: 0, row: 0 },
            image: Arc::clone(&tile),
            origin_texel: [0, 0],
            scale: [1.0, 1.0],
            grey: GreyRamp::IDENTITY,
        }];
        let shown = screen.render(&scene).unwrap();
        let mut expected: Vec<u8> = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        state.paint(&mut expected, table);
        let mut worst = 0;
        for (a, b) in shown.rgba.iter().zip(&expected) {
            worst = worst.max(a.abs_diff(*b));
            differing += u64::from(a != b);
            count += 1;
        }
        worst_of_all = worst_of_all.max(worst);
        assert!(worst <= 1, "{name}: the shader differs by {worst}");
    }
    assert_eq!(screen.gpu().health.errors(), 0);
    println!("colour shader: {count} samples, largest difference {worst_of_all}, {differing} differ");
}
