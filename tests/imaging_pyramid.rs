//! Flat images that are too large to be shown whole: their pyramid is made once, holds the very pixels, and is made anew when
//! its file in the cache is not what it was.

use std::path::{Path, PathBuf};

use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage};

use crate::support::desk::Desk;

const SIZE: (u32, u32) = (2301, 1403);

fn colour(x: u32, y: u32) -> [u8; 3] {
    let byte = |value: u32| u8::try_from(value % 256).unwrap();
    [byte(x / 3 + y), byte(x * y / 97), byte(x ^ y)]
}

fn picture() -> RgbImage {
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgb(colour(x, y)))
}

/// `shoken` with a bound for flat images that these small ones exceed.
fn run(desk: &Desk, file: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = desk.command(arguments);
    let output = command.arg(file).env("SHOKEN_FLAT_PIXELS", "1000000").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn render(desk: &Desk, file: &Path, level: &str, region: &str) -> RgbImage {
    let out = desk.path("out.png");
    run(desk, file, &["render", "--out", out.to_str().unwrap(), "--level", level, "--region", region]);
    image::open(out).unwrap().into_rgb8()
}

fn cached(desk: &Desk) -> Vec<PathBuf> {
    let folder = desk.home().join("cache/pyramids");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    files
}

#[test]
fn a_large_picture_has_levels_of_its_own_pixels() {
    let desk = Desk::new();
    let (file, picture) = (desk.path("large.png"), picture());
    picture.save(&file).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&run(&desk, &file, &["inspect", "--json"])).unwrap();
    let sizes: Vec<_> = told["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["width"].as_u64().unwrap(), l["height"].as_u64().unwrap()))
        .collect();
    assert_eq!(sizes, [(2301, 1403), (1151, 702), (576, 351)]);
    assert_eq!(cached(&desk), Vec::<PathBuf>::new(), "looking at the header makes nothing");
    // Across tiles, and in the corner where the last tiles are cut.
    for (x, y, width, height) in [(400, 450, 300, 200), (2001, 1203, 300, 200), (0, 0, 1, 1)] {
        let shown = render(&desk, &file, "0", &format!("{x},{y},{width},{height}"));
        assert_eq!(shown, image::imageops::crop_imm(&picture, x, y, width, height).to_image(), "{x},{y}");
    }
    let half = render(&desk, &file, "1", "500,500,200,100");
    for (x, y, pixel) in half.enumerate_pixels() {
        let (left, top) = ((x + 500) * 2, (y + 500) * 2);
        let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| colour(left + dx, top + dy));
        let mean =
            [0, 1, 2].map(|c| u8::try_from((four.iter().map(|p| u32::from(p[c])).sum::<u32>() + 2) / 4).unwrap());
        assert_eq!(pixel.0, mean, "{x},{y}");
    }
    let files = cached(&desk);
    assert_eq!(files.len(), 1, "{files:?}");
    let made = std::fs::metadata(&files[0]).unwrap().modified().unwrap();
    render(&desk, &file, "2", "0,0,576,351");
    assert_eq!(std::fs::metadata(&files[0]).unwrap().modified().unwrap(), made, "it is made once");
    // The same content under another name has the same pyramid.
    let copy = desk.path("copy.png");
    std::fs::copy(&file, &copy).unwrap();
    render(&desk, &copy, "2", "0,0,576,351");
    assert_eq!(cached(&desk), files);
    // A file of the cache that was cut is made anew.
    let bytes = std::fs::read(&files[0]).unwrap();
    std::fs::write(&files[0], &bytes[..bytes.len() / 2]).unwrap();
    let shown = render(&desk, &file, "0", "100,100,50,50");
    assert_eq!(shown, image::imageops::crop_imm(&picture, 100, 100, 50, 50).to_image());
    assert_eq!(std::fs::read(&files[0]).unwrap(), bytes, "the same pixels give the same bytes");
}

/// A tiled TIFF without coarser levels keeps its own tiles; what is made beside it is the coarser levels alone, and a tile
/// that cannot be read spoils those and not its neighbours.
#[test]
fn a_tiled_picture_is_given_coarser_levels_only() {
    let Some(python) = crate::support::oracle_python() else { return };
    let desk = Desk::new();
    let file = desk.path("tiles.tif");
    let write = "import sys, numpy, tifffile; y, x = numpy.mgrid[0:1403, 0:2301]; \
                 tifffile.imwrite(sys.argv[1], ((x // 3 + y) % 256).astype('u1'), tile=(256, 256), compression='deflate')";
    let made = std::process::Command::new(python).args(["-c", write]).arg(&file).status().unwrap();
    assert!(made.success());
    let shown = render(&desk, &file, "0", "700,800,100,90");
    assert!(shown.enumerate_pixels().all(|(x, y, pixel)| pixel.0 == [colour(x + 700, y + 800)[0]; 3]));
    let half = render(&desk, &file, "1", "1000,600,100,90");
    for (x, y, pixel) in half.enumerate_pixels() {
        let at = |dx: u32, dy: u32| u32::from(colour((x + 1000) * 2 + dx, (y + 600) * 2 + dy)[0]);
        let mean = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4;
        assert_eq!(u32::from(pixel.0[0]), mean, "{x},{y}");
    }
    let told: serde_json::Value = serde_json::from_slice(&run(&desk, &file, &["inspect", "--json"])).unwrap();
    assert_eq!(
        (told["levels"][0]["tile_width"].as_u64(), told["levels"][1]["tile_width"].as_u64()),
        (Some(256), Some(512))
    );
    // The coarser levels of a grey picture of 3.2 megapixels; its own pixels are not kept a second time.
    assert!(std::fs::metadata(&cached(&desk)[0]).unwrap().len() < 1_100_000);
}

/// A classic grey TIFF: one strip, or strips of some rows.
fn grey_tiff(pixels: &GrayImage, rows: u32) -> Vec<u8> {
    let (width, height) = pixels.dimensions();
    let strips = height.div_ceil(rows);
    let entries = 9_u32;
    let tables = 8 + 2 + 12 * entries + 4;
    let data = tables + if strips > 1 { strips * 8 } else { 0 };
    let (offsets, counts) = if strips > 1 { (tables, tables + strips * 4) } else { (data, width * height) };
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend(u16::try_from(entries).unwrap().to_le_bytes());
    for (tag, count, value) in [
        (256_u16, 1, width),
        (257, 1, height),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 1),
        (273, strips, offsets),
        (277, 1, 1),
        (278, 1, rows),
        (279, strips, counts),
    ] {
        out.extend(tag.to_le_bytes());
        out.extend([4, 0]);
        out.extend(u32::to_le_bytes(count));
        out.extend(u32::to_le_bytes(value));
    }
    out.extend([0; 4]);
    if strips > 1 {
        out.extend((0..strips).flat_map(|i| (data + i * rows * width).to_le_bytes()));
        out.extend((0..strips).flat_map(|i| (rows.min(height - i * rows) * width).to_le_bytes()));
    }
    out.extend(pixels.as_raw());
    out
}

#[test]
fn strips_and_deep_grey_are_read_row_by_row() {
    let desk = Desk::new();
    // Larger than the bound at which one strip is cut into several.
    let grey = GrayImage::from_fn(3001, 3003, |x, y| Luma([colour(x, y)[1]]));
    for (name, rows) in [("one.tif", 3003), ("many.tif", 77)] {
        let file = desk.path(name);
        std::fs::write(&file, grey_tiff(&grey, rows)).unwrap();
        let shown = render(&desk, &file, "0", "2700,2800,301,203");
        let wanted = image::imageops::crop_imm(&grey, 2700, 2800, 301, 203).to_image();
        assert_eq!(shown, image::DynamicImage::from(wanted).into_rgb8(), "{name}");
    }
    // A strip that is shorter than promised is said to be, and never shown as black.
    let mut cut = grey_tiff(&grey, 3003);
    cut.truncate(cut.len() - 5_000_000);
    let file = desk.path("cut.tif");
    std::fs::write(&file, &cut).unwrap();
    let output = desk.command(&["inspect"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    let deep: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_fn(1200, 1100, |x, y| Luma([u16::try_from((x * 37 + y * 11) % 65_536).unwrap()]));
    let file = desk.path("deep.png");
    deep.save(&file).unwrap();
    let out = desk.path("deep-out.png");
    let arguments =
        ["render", "--out", out.to_str().unwrap(), "--window", "32767.5,65536", "--region", "600,500,100,100"];
    run(&desk, &file, &arguments);
    let shown = image::open(&out).unwrap().into_luma8();
    for (x, y, pixel) in shown.enumerate_pixels() {
        let wanted = f64::from(deep.get_pixel(x + 600, y + 500).0[0]) / 257.0;
        assert!((f64::from(pixel.0[0]) - wanted).abs() <= 1.0, "{x},{y}: {} {wanted}", pixel.0[0]);
    }
}
