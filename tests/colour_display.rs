//! Colour as shown on the CPU against independent programs: profiles against LittleCMS, stains against NumPy.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use data_encoding::BASE64;
use serde_json::json;
use shoken::imaging::display::{ColourPart, ColourState, IccTable};

use crate::support::oracle_python;

/// Every eighth level of red, green and blue, and the greys.
fn colours() -> Vec<[u8; 3]> {
    let steps: Vec<u8> = (0..=255).step_by(17).collect();
    let cube = steps.iter().flat_map(|r| steps.iter().flat_map(|g| steps.iter().map(|b| [*r, *g, *b])));
    cube.chain((0..=255).map(|v| [v; 3])).collect()
}

fn oracle(python: &PathBuf, job: &serde_json::Value) -> Vec<[f64; 3]> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/colour.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
    child.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "the oracle failed");
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Profiles as cameras and scanners embed them, by curve and matrix, and one by table.
pub fn profiles() -> Vec<(&'static str, Vec<u8>)> {
    use moxcms::{ColorProfile, ToneReprCurve};
    let mut steep = ColorProfile::new_srgb();
    let gamma = |g: f32| {
        let curve = (0..1024_u32).map(|i| ((f64::from(i) / 1023.0).powf(f64::from(g)) * 65_535.0).round() as u16);
        Some(ToneReprCurve::Lut(curve.collect()))
    };
    // A scanner whose channels are not alike, with primaries of its own.
    (steep.red_trc, steep.green_trc, steep.blue_trc) = (gamma(1.8), gamma(2.2), gamma(2.0));
    steep.cicp = None;
    let mut out: Vec<(&str, Vec<u8>)> = vec![
        ("adobe", ColorProfile::new_adobe_rgb().encode().unwrap()),
        ("p3", ColorProfile::new_display_p3().encode().unwrap()),
        ("scanner", steep.encode().unwrap()),
    ];
    out.push(("by table", by_table()));
    out
}

/// A profile as scanners' makers write them: ICC 2.4, a table of 17³ colours in CIELAB (lut16Type), relative colorimetric.
fn by_table() -> Vec<u8> {
    const SIDE: u32 = 17;
    let mut table = b"mft2\0\0\0\0".to_vec();
    table.extend([3, 3, SIDE as u8, 0]);
    for row in 0..3 {
        for col in 0..3 {
            table.extend(if row == col { 0x0001_0000_u32 } else { 0 }.to_be_bytes());
        }
    }
    table.extend(2_u16.to_be_bytes());
    table.extend(2_u16.to_be_bytes());
    let straight = [0_u16, 0xffff].map(u16::to_be_bytes).concat();
    (0..3).for_each(|_| table.extend(&straight));
    for i in 0..SIDE.pow(3) {
        // Red slowest, as the format wants it.
        let [r, g, b] = [i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE].map(|v| f64::from(v) / f64::from(SIDE - 1));
        let light = 100.0 * (0.25 * r + 0.65 * g + 0.1 * b).powf(0.9);
        let (a, b) = (70.0 * (r - g) + 10.0 * (b - g), 45.0 * (0.5 * (r + g) - b));
        // The encoding of version 2: L* by 65280/100, a* and b* by 256 about 32768.
        for v in [light * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0] {
            table.extend((v.round().clamp(0.0, 65_535.0) as u16).to_be_bytes());
        }
    }
    (0..3).for_each(|_| table.extend(&straight));
    let mut text = b"desc\0\0\0\0".to_vec();
    text.extend(8_u32.to_be_bytes());
    text.extend(b"Scanner\0");
    text.extend([0; 78]);
    let white = [b"XYZ \0\0\0\0".to_vec(), [0xf6d6_u32, 0x1_0000, 0xd32d].map(u32::to_be_bytes).concat()].concat();
    let rights = b"text\0\0\0\0none\0\0\0\0".to_vec();
    let tags = [(b"desc", text), (b"wtpt", white), (b"cprt", rights), (b"A2B0", table)];
    let mut body = Vec::new();
    let mut list = (tags.len() as u32).to_be_bytes().to_vec();
    let first = 128 + 4 + 12 * tags.len();
    for (name, bytes) in &tags {
        while body.len() % 4 != 0 {
            body.push(0);
        }
        list.extend_from_slice(*name);
        list.extend(((first + body.len()) as u32).to_be_bytes());
        list.extend((bytes.len() as u32).to_be_bytes());
        body.extend(bytes);
    }
    let mut out = vec![0; 128];
    out[8..12].copy_from_slice(&0x0240_0000_u32.to_be_bytes());
    out[12..24].copy_from_slice(b"scnrRGB Lab ");
    out[24..36].copy_from_slice(&[2020_u16, 1, 1, 0, 0, 0].map(u16::to_be_bytes).concat());
    out[36..40].copy_from_slice(b"acsp");
    out[64..68].copy_from_slice(&1_u32.to_be_bytes());
    out[68..80].copy_from_slice(&[0xf6d6_u32, 0x1_0000, 0xd32d].map(u32::to_be_bytes).concat());
    out.extend(list);
    out.extend(body);
    let length = out.len() as u32;
    out[..4].copy_from_slice(&length.to_be_bytes());
    out
}

#[test]
fn profiles_show_colours_as_littlecms_does() {
    let Some(python) = oracle_python() else { return };
    let colours = colours();
    let profiles = profiles();
    for (name, profile) in &profiles {
        for monitor in [None, Some(&profiles[1].1)] {
            let table = IccTable::new(profile, monitor.map(Vec::as_slice)).unwrap();
            let job = json!({
                "profile": BASE64.encode(profile),
                "monitor": monitor.map(|m| BASE64.encode(m)),
                "colours": colours,
            });
            let theirs = oracle(&python, &job);
            let mut off: Vec<(f64, [u8; 3])> = colours
                .iter()
                .zip(&theirs)
                .map(|(rgb, expected)| {
                    let ours = table.apply(rgb.map(|v| f32::from(v) / 255.0));
                    let apart = ours.iter().zip(expected).map(|(a, b)| (f64::from(*a) * 255.0 - b).abs());
                    (apart.fold(0.0, f64::max), *rgb)
                })
                .collect();
            off.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (worst, at) = off[off.len() - 1];
            let (p99, mean) = (off[off.len() * 99 / 100].0, off.iter().map(|o| o.0).sum::<f64>() / off.len() as f64);
            println!(
                "ICC {name} to {}: {} colours, side {}: largest difference {worst:.2} of 255 at {at:?}, 99 of 100 within {p99:.2}, mean {mean:.3}",
                if monitor.is_some() { "Display P3" } else { "sRGB" },
                colours.len(),
                table.side()
            );
            // Scanners' primaries lie within the screen's and agree to a level. Saturated colours of wider profiles are cut to
            // what the screen can show and differ by more; those bounds are what was measured, and it is not settled
            // whether our table or LittleCMS's 8-bit arithmetic is nearer to the truth there.
            let bound = match *name {
                "scanner" => 1.5,
                "adobe" => 6.0,
                "p3" => 9.0,
                _ => 12.0,
            };
            assert!(worst <= bound && mean <= 0.6, "{name}: {worst} at {at:?}, {p99}, {mean}");
        }
    }
}

#[test]
fn stains_are_separated_as_numpy_separates_them() {
    let Some(python) = oracle_python() else { return };
    let colours = colours();
    for (index, part) in [ColourPart::Haematoxylin, ColourPart::Eosin, ColourPart::Dab].into_iter().enumerate() {
        let theirs = oracle(&python, &json!({ "stain": index, "colours": colours }));
        let state = ColourState { part, ..ColourState::default() };
        let worst = colours.iter().zip(&theirs).flat_map(|(rgb, expected)| {
            let ours = state.shown(rgb.map(|v| f32::from(v) / 255.0), None);
            (0..3).map(move |i| (f64::from(ours[i]) * 255.0 - expected[i]).abs())
        });
        let worst = worst.fold(0.0, f64::max);
        println!("{part:?}: {} colours, largest difference {worst:.5} of 255", colours.len());
        assert!(worst < 0.01, "{part:?}: {worst}");
    }
}
