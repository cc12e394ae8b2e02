//! Seeded mutants of films through the whole way: opened, their first frame looked at, and frames sought. FFmpeg reads
//! them, so that what counts here is that it is kept within bounds, and that what it says is believed no further than it
//! holds.

use std::{
    panic,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use shoken::{domain::TileKey, imaging};

use crate::imaging_mutants::{change, status_kib};
use crate::support::{
    desk::{Desk, Lots, child, count, seed},
    films::{ffmpeg, remake},
    samples,
};

/// Longest that one step may take by the clock: opening, the first frame, a seek.
const LONGEST: Duration = Duration::from_secs(10);
/// Most memory that this program may ask for over all of them; FFmpeg's own is bounded by the system.
const MOST_MEMORY: u64 = 2 << 30;
/// Larger films are no seeds.
const LARGEST_SEED: usize = 400 << 10;

/// The sample film, and what FFmpeg makes of it in the other containers and codecs.
fn seeds(folder: &Path) -> Option<Vec<(String, Vec<u8>)>> {
    let ffmpeg = ffmpeg()?;
    let sample = samples()?.join("endoscopy/video/horizontal_grid.mp4");
    let small = "-an -t 2 -vf scale=298:-2 -threads 1 -fflags +bitexact -flags:v +bitexact";
    for (name, coding) in [
        ("copy.mkv", "-c copy -an -fflags +bitexact".to_owned()),
        ("h264.mp4", format!("{small} -c:v libx264 -g 20 -bf 2 -preset veryfast")),
        ("hevc.mp4", format!("{small} -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=20")),
        ("h264.ts", format!("{small} -c:v libx264 -g 20 -bf 2 -preset veryfast")),
        ("mpeg4.avi", format!("{small} -c:v mpeg4 -g 20 -bf 2 -q:v 8")),
        ("mjpeg.mov", format!("{small} -c:v mjpeg -q:v 12")),
        ("mpeg2.mpg", format!("{small} -c:v mpeg2video -g 12 -bf 2 -q:v 8")),
        ("bare.h264", format!("{small} -c:v libx264 -g 20 -f h264")),
        ("wmv2.wmv", format!("{small} -c:v wmv2 -q:v 8 -f asf")),
    ] {
        remake(&ffmpeg, &sample, &folder.join(name), &format!("-i IN {coding} OUT"));
    }
    let mut out = vec![("sample.mp4".to_owned(), std::fs::read(&sample).unwrap())];
    let mut made: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    made.sort();
    out.extend(made.iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    }));
    assert!(out.iter().all(|(_, bytes)| bytes.len() <= LARGEST_SEED), "a seed is too large");
    Some(out)
}

/// One film opened and looked at: the time of its slowest step, and whether it gave pixels.
fn attack(file: &Path) -> (Duration, bool) {
    let mut slowest = Duration::ZERO;
    let mut step = |since: &mut Instant| {
        slowest = slowest.max(since.elapsed());
        *since = Instant::now();
    };
    let mut since = Instant::now();
    let mut said = Vec::new();
    let mut good = 0;
    match imaging::open(file) {
        Err(error) => said.push(error.to_string()),
        Ok(source) => {
            step(&mut since);
            let frames = u32::try_from(source.meta().frames.len()).unwrap();
            for frame in [0, frames - 1, frames / 2] {
                match source.read_tile(TileKey { frame, level: 0, col: 0, row: 0 }) {
                    Ok(pixels) => {
                        let samples = pixels.size_px.area() * u64::from(pixels.channels);
                        assert_eq!(pixels.sample_count(), samples, "a buffer holds what its size says");
                        good += 1;
                    }
                    Err(error) => said.push(error.to_string()),
                }
                step(&mut since);
            }
        }
    }
    step(&mut since);
    for message in said {
        assert!(message.lines().count() == 1 && message.len() < 700, "{message}");
    }
    (slowest, good > 0)
}

/// The process that is attacked: a home of its own, so that no table of frames of an earlier run answers.
#[test]
fn attacked() {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let Ok(folder) = std::env::var("SHOKEN_ATTACK_FOLDER") else { return };
    let rounds: usize = std::env::var("SHOKEN_ATTACK_ROUNDS").unwrap().parse().unwrap();
    let Some(seeds) = seeds(Path::new(&folder)) else { return println!("@skipped") };
    let others: Vec<Vec<u8>> = seeds.iter().map(|(_, bytes)| bytes.clone()).collect();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        println!("panic: {info}");
    }));
    for (name, bytes) in &seeds {
        let file = Path::new(&folder).join(name);
        std::fs::write(&file, bytes).unwrap();
        assert!(attack(&file).1, "{name} gives pixels as it is");
    }
    let from = std::env::var("SHOKEN_MUTANT").ok().and_then(|s| s.parse().ok());
    let (mut read, mut slowest, mut offenders) = (0_u64, (Duration::ZERO, 0), Vec::new());
    let start_memory = status_kib("VmSize");
    for round in from.map_or(0..rounds, |one: usize| one..one + 1) {
        // Each round draws its own lots, so that one mutant can be made again alone: SHOKEN_MUTANT=round.
        let mut lots = Lots(seed() ^ (round as u64).wrapping_mul(0x9E37_79B9));
        let (name, bytes) = &seeds[round % seeds.len()];
        let mut bytes = bytes.clone();
        for _ in 0..=lots.below(6) {
            change(&mut bytes, &mut lots, &others);
        }
        let file = Path::new(&folder).join(format!("mutant-{name}"));
        std::fs::write(&file, &bytes).unwrap();
        if from.is_some() {
            std::fs::write(std::env::temp_dir().join(format!("shoken-mutant-{round}-{name}")), &bytes).unwrap();
        }
        let panics = PANICS.load(Ordering::Relaxed);
        let look = || panic::catch_unwind(|| attack(&file)).unwrap_or((Duration::ZERO, false));
        let (mut took, pixels) = look();
        if took > LONGEST {
            // A machine that was busy with something else is not slow twice.
            std::fs::remove_dir_all(Path::new(&std::env::var("SHOKEN_HOME").unwrap()).join("cache")).ok();
            took = look().0;
        }
        read += u64::from(pixels);
        slowest = slowest.max((took, round));
        if PANICS.load(Ordering::Relaxed) > panics || took > LONGEST {
            offenders.push(round);
        }
    }
    panic::set_hook(before);
    let asked = status_kib("VmPeak").saturating_sub(start_memory);
    println!(
        "@done {rounds} mutants of {} films, {read} still gave pixels, {} panics, slowest step {:.2} s (round {}), asked \
         for {} MiB",
        seeds.len(),
        PANICS.load(Ordering::Relaxed),
        slowest.0.as_secs_f64(),
        slowest.1,
        asked >> 10
    );
    assert!(offenders.is_empty(), "panicked or took longer than {LONGEST:?}: rounds {offenders:?}");
    assert!(asked << 10 <= MOST_MEMORY, "{asked} KiB were asked for");
    assert!(read > 0, "some mutants still give pixels");
}

#[test]
fn mutants_film() {
    let rounds = count("mutants of films", 25, 2_000);
    let desk = Desk::new();
    let folder = desk.path("films");
    std::fs::create_dir_all(&folder).unwrap();
    let (home, rounds) = (desk.home(), rounds.to_string());
    let values = [
        ("SHOKEN_ATTACK_FOLDER", folder.to_str().unwrap()),
        ("SHOKEN_HOME", home.to_str().unwrap()),
        ("SHOKEN_ATTACK_ROUNDS", &rounds),
    ];
    let out = child("imaging_mutants_film::attacked", &values).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("@done") || said.contains("@skipped"), "it did not run");
}
