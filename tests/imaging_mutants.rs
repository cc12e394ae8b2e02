//! Every format family against seeded mutants of real files: bytes, numbers, lengths and pieces changed at random. What is
//! opened must give pixels or an error: no panic (those that a guard catches count too), no hang, no memory without bound.

use std::{
    collections::BTreeMap,
    panic,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use shoken::imaging::{self, bytes::MemoryBytes};

use crate::support::{
    desk::{Lots, count, seed},
    look::look,
    samples,
};

/// Longest that one file may take on a processor, and most memory that it may ask for (used or not), as the issue says.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest by the clock: on a busy machine a processor is not always there, but a wait without end must be seen.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const MOST_MEMORY: u64 = 2 << 30;
/// Larger samples are left out: copying them would take more time than reading them.
const LARGEST_SEED: u64 = 4 << 20;
const SEEDS_PER_FAMILY: usize = 24;

/// The family of a sample by its content.
fn family(path: &Path, head: &[u8]) -> Option<&'static str> {
    let has = |what: &str| head.windows(what.len()).any(|w| w == what.as_bytes());
    let name = path.to_string_lossy();
    if head.get(128..132) == Some(b"DICM") {
        if has("1.2.840.10008.1.3.10") {
            return Some("dicomdir");
        }
        if has("1.2.840.10008.5.1.4.1.1.77.1.6") {
            return Some("dicom-slide");
        }
        return Some(match () {
            () if has("1.2.840.10008.1.2.4.8") => "dicom-jpeg-ls",
            () if has("1.2.840.10008.1.2.4.9") || has("1.2.840.10008.1.2.4.20") => "dicom-jpeg-2000",
            () if has("1.2.840.10008.1.2.4.5") || has("1.2.840.10008.1.2.4.7") => "dicom-jpeg",
            () if has("1.2.840.10008.1.2.5") => "dicom-rle",
            () => "dicom-native",
        });
    }
    let tiff = head.starts_with(b"II*\0") || head.starts_with(b"MM\0*") || head.starts_with(b"II+\0");
    match () {
        () if head.starts_with(b"II+\0") || head.starts_with(b"MM\0+") => Some("tiff"),
        () if name.ends_with(".svs") && tiff => Some("svs"),
        () if name.ends_with(".ndpi") => Some("ndpi"),
        () if tiff && name.contains(".ome.") => Some("ome-tiff"),
        () if tiff => Some("tiff"),
        () if head.starts_with(b"\x89PNG") => Some("png"),
        () if head.starts_with(&[0xFF, 0xD8, 0xFF]) => Some("jpeg"),
        () if head.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) || head.get(4..8) == Some(b"jP  ") => Some("jpeg-2000"),
        () if head.starts_with(b"GIF8") => Some("gif"),
        () if head.starts_with(b"NRRD") => Some("nrrd"),
        () if name.ends_with(".nii") || name.ends_with(".nii.gz") => Some("nifti"),
        () => None,
    }
}

fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, out) } else { out.push(path) }
    }
}

/// Real files by family, small ones first, and what the image crate writes where there is no sample.
fn seeds_of(wanted: &str, samples: &Path) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    walk(samples, &mut files);
    let mut found = BTreeMap::new();
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        if bytes.len() as u64 <= LARGEST_SEED && family(&path, &bytes[..bytes.len().min(4096)]) == Some(wanted) {
            found.insert((bytes.len(), path), bytes);
        }
    }
    // Spread over all sizes: the many small ones of one origin would crowd out the rest.
    let step = found.len().div_ceil(SEEDS_PER_FAMILY).max(1);
    let mut seeds: Vec<Vec<u8>> = found.into_values().step_by(step).collect();
    seeds.sort_by_cached_key(|bytes| (decoded_bytes(bytes), bytes.len()));
    let picture = image::RgbImage::from_fn(37, 23, |x, y| image::Rgb([x as u8 * 6, y as u8 * 9, (x ^ y) as u8]));
    let mut written = Vec::new();
    match wanted {
        "bmp" => {
            image::codecs::bmp::BmpEncoder::new(&mut written)
                .encode(&picture, 37, 23, image::ExtendedColorType::Rgb8)
                .unwrap();
            seeds.push(written);
        }
        "webp" => {
            image_webp::WebPEncoder::new(&mut written).encode(&picture, 37, 23, image_webp::ColorType::Rgb8).unwrap();
            seeds.push(written);
        }
        _ => {}
    }
    seeds
}

/// What one tile of an image decodes to: the cheap ones are mutated more often.
fn decoded_bytes(bytes: &[u8]) -> u64 {
    let opened = imaging::open_bytes(Path::new("seed"), Arc::new(MemoryBytes::new(bytes.to_vec())));
    opened.map_or(0, |source| source.meta().levels.first().map_or(0, |level| level.tile_px.area()))
}

/// One change. Positions lean to the front, where headers are.
pub fn change(bytes: &mut Vec<u8>, lots: &mut Lots, others: &[Vec<u8>]) {
    let len = bytes.len();
    if len < 8 {
        bytes.extend_from_slice(&[0; 8]);
        return;
    }
    let at = match lots.below(4) {
        0 => lots.below(len.min(256)),
        1 => lots.below(len.min(4096)),
        2 => len - 1 - lots.below(len.min(2048)),
        _ => lots.below(len),
    };
    let numbers =
        [0_u64, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, u64::MAX];
    match lots.below(12) {
        0..=2 => bytes[at] = lots.next() as u8,
        3 => bytes[at] ^= 1 << lots.below(8),
        4..=6 => {
            let size = [1, 2, 4, 8][lots.below(4)];
            let number = match lots.below(4) {
                0 => len as u64,
                1 => len as u64 + lots.below(9) as u64 - 4,
                _ => numbers[lots.below(numbers.len())],
            };
            let raw = if lots.below(2) == 0 { number.to_le_bytes() } else { (number << (64 - 8 * size)).to_be_bytes() };
            for (to, from) in bytes[at..].iter_mut().zip(raw.iter().take(size)) {
                *to = *from;
            }
        }
        7 => {
            let digits: Vec<usize> = (at..len.min(at + 64)).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[digits[lots.below(digits.len())]] = b"0123456789-.e\\"[lots.below(14)];
            }
        }
        8 => bytes.truncate(at),
        9 => {
            let end = (at + 1 + lots.below(64)).min(len);
            bytes.drain(at..end);
        }
        10 => {
            let piece = bytes[at..(at + 1 + lots.below(64)).min(len)].to_vec();
            let to = lots.below(len);
            bytes.splice(to..to, piece);
        }
        _ => {
            let other = &others[lots.below(others.len())];
            let from = lots.below(other.len().max(1));
            let piece = other.get(from..(from + 1 + lots.below(256)).min(other.len())).unwrap_or_default();
            for (to, byte) in bytes[at..].iter_mut().zip(piece) {
                *to = *byte;
            }
        }
    }
}

/// A line of what the system says of this process, in KiB.
pub fn status_kib(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// Processor time of this thread (user and system), in steps of 10 ms.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    // The name of the thread is in brackets and may hold spaces; fields 14 and 15 count from before it.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|v| v.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn attack(family: &str) {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let Some(samples) = samples() else { return };
    let seeds = seeds_of(family, &samples);
    assert!(!seeds.is_empty(), "there is no sample of {family}");
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if PANICS.fetch_add(1, Ordering::Relaxed) < 20 {
            eprintln!("panic: {info}");
        }
    }));
    for bytes in &seeds {
        let _ = look(bytes, true);
    }
    let rounds = count(&format!("mutants of {} files of {family}", seeds.len()), 1_000, 100_000);
    let from = std::env::var("SHOKEN_MUTANT").ok().and_then(|s| s.parse().ok());
    let (mut read, mut slowest) = (0_u64, (Duration::ZERO, 0));
    let start_memory = status_kib("VmSize");
    let mut offenders = Vec::new();
    for round in from.map_or(0..rounds, |one| one..one + 1) {
        // Each round draws its own lots, so that one mutant can be made again alone: SHOKEN_MUTANT=round.
        let mut lots = Lots(seed() ^ (round as u64).wrapping_mul(0x9E37_79B9));
        let pick = (0..3).map(|_| lots.below(seeds.len())).min().unwrap_or(0);
        let mut bytes = seeds[pick].clone();
        for _ in 0..=lots.below(4) {
            change(&mut bytes, &mut lots, &seeds);
        }
        if from.is_some() {
            std::fs::write(std::env::temp_dir().join(format!("shoken-mutant-{family}-{round}")), &bytes).unwrap();
        }
        let (panics, start, before) = (PANICS.load(Ordering::Relaxed), Instant::now(), worked());
        let outcome = panic::catch_unwind(|| look(&bytes, round % 8 == 0));
        let (took, waited) = (worked().saturating_sub(before), start.elapsed());
        read += u64::from(matches!(outcome, Ok(Ok(_))));
        if took > slowest.0 {
            slowest = (took, round);
        }
        if outcome.is_err() || PANICS.load(Ordering::Relaxed) > panics || took > LONGEST || waited > LONGEST_WAIT {
            offenders.push(round);
        }
    }
    panic::set_hook(before);
    let (peak, asked) = (status_kib("VmHWM"), status_kib("VmPeak").saturating_sub(start_memory));
    println!(
        "{family}: {rounds} executions, {read} still gave pixels, {} panics, slowest {:.2} s (round {}), memory used at \
         most {} MiB, asked for {} MiB",
        PANICS.load(Ordering::Relaxed),
        slowest.0.as_secs_f64(),
        slowest.1,
        peak >> 10,
        asked >> 10
    );
    assert!(offenders.is_empty(), "{family}: panicked or took longer than {LONGEST:?}: rounds {offenders:?}");
    assert!(asked << 10 <= MOST_MEMORY, "{family}: {asked} KiB were asked for");
}

macro_rules! families {
    ($($name:ident = $family:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            attack($family);
        })+
    };
}

families! {
    mutants_bmp = "bmp",
    mutants_dicom_jpeg = "dicom-jpeg",
    mutants_dicom_jpeg_2000 = "dicom-jpeg-2000",
    mutants_dicom_jpeg_ls = "dicom-jpeg-ls",
    mutants_dicom_native = "dicom-native",
    mutants_dicom_rle = "dicom-rle",
    mutants_dicom_slide = "dicom-slide",
    mutants_dicomdir = "dicomdir",
    mutants_gif = "gif",
    mutants_jpeg = "jpeg",
    mutants_jpeg_2000 = "jpeg-2000",
    mutants_ndpi = "ndpi",
    mutants_nifti = "nifti",
    mutants_nrrd = "nrrd",
    mutants_ome_tiff = "ome-tiff",
    mutants_png = "png",
    mutants_svs = "svs",
    mutants_tiff = "tiff",
    mutants_webp = "webp",
}

/// Every damaged file among the samples: pixels, or one line that says what is wrong.
#[test]
fn damaged_files_give_pixels_or_one_line() {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let Some(samples) = samples() else { return };
    let mut files = Vec::new();
    walk(&samples.join("broken"), &mut files);
    files.sort();
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        eprintln!("panic: {info}");
    }));
    let start_memory = status_kib("VmSize");
    for path in &files {
        let start = Instant::now();
        let outcome = look(&std::fs::read(path).unwrap(), true);
        let took = start.elapsed();
        let name = path.strip_prefix(&samples).unwrap().display();
        match outcome {
            Ok(tiles) => println!("{name}: {tiles} tiles in {took:.2?}"),
            Err(error) => {
                let text = error.to_string();
                assert_eq!(text.lines().count(), 1, "{name}: {text}");
                println!("{name}: {text} ({took:.2?})");
            }
        }
        assert!(took < LONGEST, "{name}: took {took:?}");
    }
    panic::set_hook(before);
    let asked = status_kib("VmPeak").saturating_sub(start_memory);
    println!("{} files, {} panics, asked for {} MiB", files.len(), PANICS.load(Ordering::Relaxed), asked >> 10);
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    assert!(asked << 10 <= MOST_MEMORY);
    assert!(files.len() > 60, "only {} damaged files", files.len());
}
