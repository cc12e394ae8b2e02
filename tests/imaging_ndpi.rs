//! Hamamatsu NDPI beyond what the one real file shows: above 4 GiB, without the list of markers, with focal planes, and
//! with bytes that are wrong. Each variant is the real file rearranged, so that its pixels are known.

use std::{
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use shoken::{
    domain::{SpacingSource, TileKey},
    imaging::{self, ImageSource, PixelBuffer},
};

use crate::support::samples;

const FOUR_GIB: u64 = 1 << 32;

fn real_file() -> Option<Vec<u8>> {
    samples().map(|s| std::fs::read(s.join("pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi")).unwrap())
}

fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes[at..at + width].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn put(bytes: &mut [u8], at: usize, width: usize, value: u64) {
    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

/// A directory of an NDPI file below 4 GiB.
#[derive(Clone, Copy)]
struct Dir {
    at: usize,
    count: usize,
}

impl Dir {
    fn link_at(self) -> usize {
        self.at + 2 + 12 * self.count
    }

    fn end(self) -> usize {
        self.link_at() + 8 + 4 * self.count
    }

    fn entry_at(self, bytes: &[u8], tag: u64) -> Option<usize> {
        (0..self.count).map(|n| self.at + 2 + 12 * n).find(|at| number(bytes, *at, 2) == tag)
    }
}

fn dirs(bytes: &[u8]) -> Vec<Dir> {
    let mut out = Vec::new();
    let mut at = number(bytes, 4, 8) as usize;
    while at != 0 {
        let dir = Dir { at, count: number(bytes, at, 2) as usize };
        out.push(dir);
        at = number(bytes, dir.link_at(), 8) as usize;
    }
    out
}

fn tiles(source: &dyn ImageSource, frame: u32) -> Vec<PixelBuffer> {
    let last = source.meta().levels.len() - 1;
    let (cols, rows) = source.meta().levels[last].tiles();
    let level = last as u16;
    let keys = (0..rows).flat_map(|row| (0..cols).map(move |col| TileKey { frame, level, col, row }));
    keys.map(|key| source.read_tile(key).unwrap()).collect()
}

fn open(folder: &Path, name: &str, bytes: &[u8]) -> Arc<dyn ImageSource> {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    imaging::open(&path).unwrap()
}

#[test]
fn ndpi_is_described_as_its_header_says() {
    let Some(bytes) = real_file() else { return };
    let desk = tempfile::tempdir().unwrap();
    let source = open(desk.path(), "a", &bytes);
    let meta = source.meta();
    let sizes: Vec<_> = meta.levels.iter().map(|l| (l.size_px.width, l.size_px.height)).collect();
    assert_eq!(sizes, [(3968, 4864), (1984, 2432), (992, 1216), (496, 608)]);
    assert_eq!((meta.objective_power, meta.frames.len()), (Some(40.0), 1));
    assert_eq!(meta.associated, ["macro", "map"]);
    let spacing = meta.spacing.unwrap();
    assert_eq!(spacing.source, SpacingSource::TiffResolution);
    assert!((spacing.x_um - 10_000.0 / 43_826.0).abs() < 1e-9);
    let largest = meta.levels.iter().map(|l| l.tile_px.area()).max().unwrap();
    assert!(largest <= 1024 * 1024, "a tile of {largest} pixels");
    assert_eq!(source.read_associated("map").unwrap().size_px.width, 594);
}

#[test]
fn ndpi_beyond_four_gigabytes_is_read_by_its_upper_halves() {
    let Some(bytes) = real_file() else { return };
    let desk = tempfile::tempdir().unwrap();
    let below = open(desk.path(), "below", &bytes);
    let mut moved = bytes.clone();
    for dir in dirs(&bytes) {
        let link = number(&bytes, dir.link_at(), 8);
        put(&mut moved, dir.link_at(), 8, if link == 0 { 0 } else { link + FOUR_GIB });
        for n in 0..dir.count {
            let entry = dir.at + 2 + 12 * n;
            let (tag, kind, count) =
                (number(&bytes, entry, 2), number(&bytes, entry + 2, 2), number(&bytes, entry + 4, 4));
            let width = match kind {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                5 | 10 | 12 => 8,
                _ => 4,
            };
            if width * count > 4 || tag == 273 {
                put(&mut moved, dir.link_at() + 8 + 4 * n, 4, 1);
            }
        }
    }
    let path = desk.path().join("above");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"II*\0").unwrap();
    file.write_all(&(number(&bytes, 4, 8) + FOUR_GIB).to_le_bytes()).unwrap();
    // The file is sparse: it claims four gigabytes and takes three megabytes.
    file.seek(SeekFrom::Start(FOUR_GIB)).unwrap();
    file.write_all(&moved).unwrap();
    drop(file);
    let above = imaging::open(&path).unwrap();
    assert_eq!(above.meta().format, "Hamamatsu NDPI");
    assert_eq!(above.meta().levels, below.meta().levels);
    assert!(tiles(&*above, 0) == tiles(&*below, 0));
    assert!(above.read_associated("macro").unwrap() == below.read_associated("macro").unwrap());
}

#[test]
fn ndpi_without_a_list_of_markers_is_searched_for_them() {
    let Some(bytes) = real_file() else { return };
    let desk = tempfile::tempdir().unwrap();
    let listed = open(desk.path(), "listed", &bytes);
    let mut bare = bytes.clone();
    for dir in dirs(&bytes) {
        if let Some(entry) = dir.entry_at(&bytes, 65426) {
            put(&mut bare, entry, 2, 65500);
        }
    }
    assert!(tiles(&*open(desk.path(), "bare", &bare), 0) == tiles(&*listed, 0));
    // A list that points beside the markers is noticed when such a tile is asked for.
    let mut wrong = bytes.clone();
    let dir = *dirs(&bytes).iter().rfind(|d| d.entry_at(&bytes, 65426).is_some()).unwrap();
    let list = number(&bytes, dir.entry_at(&bytes, 65426).unwrap() + 8, 4) as usize;
    let second = number(&bytes, list + 4, 4);
    put(&mut wrong, list + 4, 4, second - 5);
    let source = open(desk.path(), "wrong", &wrong);
    let error = source.read_tile(TileKey { frame: 0, level: 3, col: 0, row: 0 }).unwrap_err().to_string();
    assert!(error.contains("marker"), "{error}");
}

#[test]
fn ndpi_focal_planes_are_frames_from_the_lowest_up() {
    let Some(bytes) = real_file() else { return };
    let desk = tempfile::tempdir().unwrap();
    let one = open(desk.path(), "one", &bytes);
    let mut many = bytes.clone();
    let levels: Vec<Dir> = dirs(&bytes).into_iter().take(4).collect();
    for depth in [-2000_i32, 2000] {
        for dir in &levels {
            // A copy of the directory at the end, in the chain after the last one.
            let last = *dirs(&many).last().unwrap();
            let at = many.len();
            many.extend_from_slice(&bytes[dir.at..dir.end()]);
            put(&mut many, last.link_at(), 8, at as u64);
            let copy = Dir { at, count: dir.count };
            put(&mut many, copy.link_at(), 8, 0);
            let entry = copy.entry_at(&many, 65424).unwrap();
            put(&mut many, entry + 8, 4, u64::from(depth.cast_unsigned()));
        }
    }
    let source = open(desk.path(), "many", &many);
    assert_eq!(source.meta().frames.len(), 3);
    assert_eq!(source.meta().levels, one.meta().levels);
    for frame in 0..3 {
        assert!(tiles(&*source, frame) == tiles(&*one, 0));
    }
    assert!(source.read_tile(TileKey { frame: 3, level: 0, col: 0, row: 0 }).is_err());
    // A plane that lacks a level is left out with a word.
    let cut = dirs(&many);
    let before_last = cut[cut.len() - 2];
    put(&mut many, before_last.link_at(), 8, 0);
    let source = open(desk.path(), "cut", &many);
    assert_eq!(source.meta().frames.len(), 2);
    assert_eq!(source.meta().warnings[0].code, "tiff-pages-not-shown");
}

#[test]
fn ndpi_with_wrong_bytes_is_read_or_refused() {
    let Some(bytes) = real_file() else { return };
    let desk = tempfile::tempdir().unwrap();
    let rounds = if std::env::var_os("SHOKEN_PROOF").is_some() { 3000 } else { 60 };
    let path = desk.path().join("flipped");
    // Knuth's MMIX generator, so that a failure can be repeated.
    let mut state = 0x4E44_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let dirs = dirs(&bytes);
    for round in 0..rounds {
        let mut broken = bytes.clone();
        for _ in 0..=next() % 3 {
            let dir = dirs[next() % dirs.len()];
            let strip = number(&bytes, dir.entry_at(&bytes, 273).unwrap() + 8, 4) as usize;
            let at = if round % 2 == 0 { dir.at + next() % (dir.end() - dir.at) } else { strip + next() % 1000 };
            broken[at] = u8::try_from(next() % 256).unwrap();
        }
        if round % 5 == 0 {
            broken.truncate(next() % broken.len());
        }
        std::fs::write(&path, &broken).unwrap();
        let outcome = imaging::open(&path).and_then(|source| {
            let level = source.meta().levels.len() as u16 - 1;
            source.read_tile(TileKey { frame: 0, level, col: 0, row: 0 })
        });
        if let Err(error) = outcome {
            assert!(!error.to_string().contains("internal fault"), "round {round}: {error}");
        }
    }
    println!("{rounds} rounds, seed 0x4e44");
}
