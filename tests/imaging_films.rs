//! Films: every frame that Shoken shows is the frame that FFmpeg decodes at that place; what is missing, wrong or hostile.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use shoken::{
    domain::{ProjectKind, TileKey},
    imaging::{self, ImageSource, Samples, TimingSource, video::Video},
    project::{Cancel, CaseBy, Cause, FoundImages, Progress},
};

use crate::support::films::{ffmpeg, film, remake};

/// What FFmpeg gives when it decodes the whole film from its beginning: hash of the planes, and RGB, of every frame.
struct Truth {
    hashes: Vec<String>,
    rgb: Vec<Vec<u8>>,
}

fn lines_of(output: std::process::Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

impl Truth {
    fn of(ffmpeg: &Path, file: &Path, filters: &str, size: (usize, usize)) -> Self {
        let call = |arguments: &[&str]| {
            Command::new(ffmpeg)
                .args(["-v", "error", "-nostdin", "-noautorotate", "-i"])
                .arg(file)
                .args(arguments)
                .output()
        };
        let hashes = lines_of(
            call(&["-map", "0:V:0", "-vsync", "passthrough", "-f", "framehash", "-hash", "sha256", "-"]).unwrap(),
        );
        let hashes = hashes.lines().filter(|line| !line.starts_with('#'));
        let hashes = hashes.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect();
        let pixels = call(&["-map", "0:V:0", "-vsync", "passthrough", "-vf", filters, "-f", "rawvideo", "-"]).unwrap();
        let rgb = pixels.stdout.chunks_exact(size.0 * size.1 * 3).map(<[u8]>::to_vec).collect();
        Self { hashes, rgb }
    }
}

/// The conversion that Shoken promises: chroma interpolated, values rounded, BT.601 for small films that name no matrix.
const PLAIN: &str = "scale=in_color_matrix=auto:flags=bilinear+accurate_rnd+full_chroma_int,format=rgb24";

fn rgb(source: &dyn ImageSource, frame: u32) -> Vec<u8> {
    match source.read_tile(TileKey { frame, level: 0, col: 0, row: 0 }).unwrap().samples {
        Samples::U8(values) => values,
        other => panic!("{other:?}"),
    }
}

/// Frames in an order that seeks forwards, backwards, over short and long ways, and to both ends; seeded.
fn journey(count: u32, seed: u64, length: usize) -> Vec<u32> {
    let mut state = seed;
    let mut out = vec![0, count - 1, count / 2, count / 2 + 1, count / 2 - 1, 1];
    while out.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.push(u32::try_from(state >> 33).unwrap() % count);
    }
    out
}

fn check(ffmpeg: &Path, file: &Path, filters: &str) -> Arc<dyn ImageSource> {
    let source = imaging::open(file).unwrap_or_else(|error| panic!("{error}"));
    let meta = source.meta();
    let size = (meta.size_px().width as usize, meta.size_px().height as usize);
    let truth = Truth::of(ffmpeg, file, filters, size);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(meta.frames.len(), truth.rgb.len(), "{name}: frames");
    let timing = meta.timing.as_ref().unwrap();
    assert_eq!(timing.ticks.len(), truth.rgb.len());
    let count = u32::try_from(truth.rgb.len()).unwrap();
    let steps = if std::env::var_os("SHOKEN_PROOF").is_some() { 200 } else { 14 };
    let mut wrong = Vec::new();
    for frame in journey(count, 0xF113, steps) {
        if rgb(&*source, frame) != truth.rgb[frame as usize] {
            wrong.push(frame);
        }
    }
    assert!(wrong.is_empty(), "{name}: other pixels in frames {wrong:?} of {count}");
    println!("{name}: {count} frames, {steps} sought, {:?}, keys {}", timing.source, timing.keys.len());
    source
}

fn hashes(ffmpeg: &Path, file: &Path, frames: &[u32]) {
    let film = open_film(file);
    let truth = Truth::of(ffmpeg, file, PLAIN, (1, 1));
    for frame in frames {
        let own = film.planes_hash(*frame).unwrap().to_string();
        assert_eq!(own, truth.hashes[*frame as usize], "{}: planes of frame {frame}", file.display());
    }
}

fn open_film(file: &Path) -> Video {
    imaging::video::open_joined(&[file.to_path_buf()]).unwrap()
}

#[test]
fn a_frame_is_the_same_frame_however_it_is_reached() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    for (name, coding) in [
        ("gop50.mp4", "-c:v libx264 -g 50 -bf 3 -preset veryfast"),
        ("open-gop.mkv", "-c:v libx264 -g 30 -bf 3 -preset veryfast -x264opts open-gop=1"),
        ("hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=40"),
        ("one-key.mov", "-c:v libx264 -g 1000 -bf 2 -preset veryfast"),
        ("h264.ts", "-c:v libx264 -g 25 -bf 2 -preset veryfast"),
        ("mjpeg.avi", "-c:v mjpeg -q:v 3"),
        ("mpeg4.avi", "-c:v mpeg4 -g 25 -bf 2 -q:v 4"),
        ("mpeg2.mpg", "-c:v mpeg2video -g 12 -bf 2 -q:v 3"),
        ("mpeg2.ts", "-c:v mpeg2video -g 12 -bf 2 -q:v 3"),
        ("bare.m2v", "-c:v mpeg2video -g 12 -bf 2 -q:v 3 -f mpeg2video"),
        ("bare.h264", "-c:v libx264 -g 25 -bf 2 -f h264"),
        ("windows.wmv", "-c:v wmv2 -q:v 3 -f asf"),
    ] {
        let file = dir.path().join(name);
        film(&ffmpeg, &file, coding);
        let source = check(&ffmpeg, &file, PLAIN);
        assert_eq!(source.meta().frames.len(), 200, "{name}");
        let bare = name.starts_with("bare");
        let timing = source.meta().timing.as_ref().unwrap();
        assert_eq!(timing.source == TimingSource::FilmRate, bare, "{name}");
        assert!((timing.duration_s() - 8.0).abs() < 0.01, "{name}: {}", timing.duration_s());
        assert!((timing.seconds(100) - 4.0).abs() < 0.002, "{name}: {}", timing.seconds(100));
        assert_eq!(timing.frame_at(4.01), 100, "{name}");
        hashes(&ffmpeg, &file, &[0, 1, 49, 50, 51, 123, 199]);
    }
}

#[test]
fn variable_rate_edit_lists_and_turned_films_keep_their_frames() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    film(&ffmpeg, &path("plain.mp4"), "-c:v libx264 -g 50 -bf 3 -preset veryfast");
    let remade = |name: &str, arguments: &str| {
        remake(&ffmpeg, &path("plain.mp4"), &path(name), arguments);
        path(name)
    };
    let vfr = remade(
        "vfr.mp4",
        "-i IN -vf select=not(mod(n\\,7))+lt(mod(n\\,20)\\,9) -vsync vfr -c:v libx264 -g 30 -bf 3 OUT",
    );
    let source = check(&ffmpeg, &vfr, PLAIN);
    assert!(source.meta().warnings.iter().any(|warning| warning.code == "film-variable-rate"));
    check(&ffmpeg, &remade("edit.mp4", "-ss 1.3 -i IN -c copy OUT"), PLAIN);
    for (degrees, turn) in [(90, "transpose=cclock"), (180, "hflip,vflip"), (270, "transpose=clock")] {
        let file =
            remade(&format!("turned{degrees}.mp4"), &format!("-i IN -c copy -metadata:s:v:0 rotate={degrees} OUT"));
        let source = check(&ffmpeg, &file, &format!("{PLAIN},{turn}"));
        assert_eq!(source.meta().size_px().width, if degrees == 180 { 320 } else { 180 });
        // FFmpeg's own idea of upright, by its own filters.
        let own = Command::new(&ffmpeg)
            .args(["-v", "error", "-i"])
            .arg(&file)
            .args(["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
            .output()
            .unwrap();
        let apart: u64 = own.stdout.iter().zip(rgb(&*source, 0)).map(|(a, b)| u64::from(a.abs_diff(b))).sum();
        assert!(apart < own.stdout.len() as u64 * 3, "turned by {degrees}: mean {}", apart / own.stdout.len() as u64);
    }
}

#[test]
fn interlaced_films_are_shown_whole_and_keep_their_frames() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (fields, file) = (dir.path().join("fields.mp4"), dir.path().join("interlaced.mpg"));
    film(&ffmpeg, &fields, "-c:v libx264 -qp 0 -preset ultrafast");
    let coding = "-i IN -vf tinterlace=interleave_top,setdar=4/3 -c:v mpeg2video -flags +ildct+ilme -top 1 -g 12 -bf 2 -q:v 3 OUT";
    remake(&ffmpeg, &fields, &file, coding);
    let source = check(&ffmpeg, &file, &format!("bwdif=mode=send_frame:parity=auto:deint=interlaced,{PLAIN}"));
    assert!(source.meta().frames.len() > 90, "{}", source.meta().frames.len());
    assert!(source.meta().warnings.iter().any(|warning| warning.code == "film-interlaced"));
    assert!((source.meta().pixel_aspect.unwrap() - 0.75).abs() < 1e-6);
    hashes(&ffmpeg, &file, &[0, 13, 57, 90]);
}

#[test]
fn cut_films_end_where_their_pictures_end() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole.ts");
    film(&ffmpeg, &whole, "-c:v libx264 -g 25 -bf 2 -preset veryfast");
    let bytes = std::fs::read(&whole).unwrap();
    for (name, part) in
        [("tail.ts", &bytes[..bytes.len() * 5 / 8]), ("head.ts", &bytes[bytes.len() * 3 / 8 / 188 * 188..])]
    {
        let file = dir.path().join(name);
        std::fs::write(&file, part).unwrap();
        let source = imaging::open(&file).unwrap();
        let count = u32::try_from(source.meta().frames.len()).unwrap();
        assert!((50..200).contains(&count), "{name}: {count} frames");
        // Every frame that is promised is there.
        for frame in [0, 1, count / 2, count - 2, count - 1] {
            assert_eq!(rgb(&*source, frame).len(), 320 * 180 * 3, "{name}: frame {frame} of {count}");
        }
    }
    // The table of an MP4 stands at its end: without it there is nothing.
    let file = dir.path().join("cut.mp4");
    film(&ffmpeg, &file, "-c:v libx264 -g 25");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let message = imaging::open(&file).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("damaged") && message.contains("moov"), "{message}");
}

#[test]
fn films_in_a_row_are_one_film_with_one_clock() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.mp4"), dir.path().join("b.ts"));
    film(&ffmpeg, &a, "-c:v libx264 -g 50 -bf 3 -preset veryfast -t 2");
    film(&ffmpeg, &b, "-c:v libx264 -g 25 -bf 2 -preset veryfast -t 4");
    let joined = imaging::video::open_joined(&[a.clone(), b.clone()]).unwrap();
    let meta = joined.meta();
    assert_eq!((meta.frames.len(), meta.files.len()), (150, 2));
    assert_eq!((meta.frames[49].file, meta.frames[50].file), (0, 1));
    let timing = meta.timing.as_ref().unwrap();
    assert!(timing.ticks.is_sorted_by(|a, b| a < b));
    assert!((timing.seconds(50) - 2.0).abs() < 0.003 && (timing.duration_s() - 6.0).abs() < 0.01);
    let (first, second) = (open_film(&a), open_film(&b));
    for (frame, part, local) in
        [(49, &first, 49), (50, &second, 0), (48, &first, 48), (149, &second, 99), (0, &first, 0)]
    {
        assert_eq!(rgb(&joined, frame), rgb(part, local), "frame {frame}");
    }
    let small = dir.path().join("small.mp4");
    remake(&ffmpeg, &a, &small, "-i IN -vf scale=160:90 OUT");
    let message = imaging::video::open_joined(&[a, small]).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("differ in size"), "{message}");
}

#[test]
fn films_that_a_recorder_cut_are_imported_as_one_when_asked() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let desk = crate::support::desk::Desk::new();
    let folder = desk.path("films");
    std::fs::create_dir_all(&folder).unwrap();
    film(&ffmpeg, &folder.join("V_001.mp4"), "-c:v libx264 -g 50 -bf 3 -preset veryfast -t 2");
    remake(&ffmpeg, &folder.join("V_001.mp4"), &folder.join("V_002.mp4"), "-i IN -c:v libx264 -g 25 OUT");
    let mut project = desk.create("p.shoken", ProjectKind::Personal);
    let (quiet, stop) = (Progress::default(), Cancel::default());
    let mut found = FoundImages::under(&[folder], &quiet, &quiet, &stop).unwrap();
    found.join_films();
    let done = project.import_found(&found, CaseBy::Auto, &Cause::Cli).unwrap();
    assert_eq!(done.images.len(), 1);
    // As it is opened later, from what was catalogued.
    let source = project.open_image(&done.images[0].1).unwrap();
    assert_eq!((source.meta().frames.len(), source.meta().files.len()), (100, 2));
    assert_eq!(rgb(&*source, 60).len(), 320 * 180 * 3);
}

/// A DICOM file around a film, in fragments of this many bytes: explicit little endian, with an empty offset table.
fn dicom(stream: &[u8], syntax: &str, frames: usize, fragment: usize) -> Vec<u8> {
    fn short(out: &mut Vec<u8>, tag: (u16, u16), vr: &str, value: &[u8]) {
        let pad: &[u8] = if value.len() % 2 == 1 { if vr == "UI" { b"\0" } else { b" " } } else { b"" };
        out.extend(tag.0.to_le_bytes());
        out.extend(tag.1.to_le_bytes());
        out.extend(vr.as_bytes());
        out.extend(u16::try_from(value.len() + pad.len()).unwrap().to_le_bytes());
        out.extend(value);
        out.extend(pad);
    }
    let class = b"1.2.840.10008.5.1.4.1.1.77.1.1.1";
    let mut meta = Vec::new();
    short(&mut meta, (2, 2), "UI", class);
    short(&mut meta, (2, 3), "UI", b"2.25.4711");
    short(&mut meta, (2, 0x10), "UI", syntax.as_bytes());
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    short(&mut out, (2, 0), "UL", &u32::try_from(meta.len()).unwrap().to_le_bytes());
    out.extend(meta);
    short(&mut out, (8, 0x16), "UI", class);
    short(&mut out, (8, 0x18), "UI", b"2.25.4711");
    short(&mut out, (8, 0x60), "CS", b"ES");
    short(&mut out, (0x20, 0x0D), "UI", b"2.25.1");
    short(&mut out, (0x20, 0x0E), "UI", b"2.25.2");
    short(&mut out, (0x28, 2), "US", &3_u16.to_le_bytes());
    short(&mut out, (0x28, 4), "CS", b"YBR_PARTIAL_420");
    short(&mut out, (0x28, 6), "US", &0_u16.to_le_bytes());
    short(&mut out, (0x28, 8), "IS", frames.to_string().as_bytes());
    for (element, value) in [(0x10, 180_u16), (0x11, 320), (0x100, 8), (0x101, 8), (0x102, 7), (0x103, 0)] {
        short(&mut out, (0x28, element), "US", &value.to_le_bytes());
    }
    out.extend([0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    out.extend([0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]);
    for piece in stream.chunks(fragment) {
        out.extend([0xFE, 0xFF, 0x00, 0xE0]);
        out.extend(u32::try_from(piece.len() + piece.len() % 2).unwrap().to_le_bytes());
        out.extend(piece);
        out.extend(&[0][..piece.len() % 2]);
    }
    out.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    out
}

#[test]
fn films_inside_dicom_are_read_from_their_fragments() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    for (name, coding, syntax) in [
        ("a.mp4", "-c:v libx264 -g 50 -bf 2 -preset veryfast", "1.2.840.10008.1.2.4.102"),
        ("a.ts", "-c:v libx265 -preset ultrafast -x265-params log-level=none", "1.2.840.10008.1.2.4.107"),
        ("a.mpg", "-c:v mpeg2video -g 12 -bf 2 -q:v 3", "1.2.840.10008.1.2.4.100"),
    ] {
        let plain = dir.path().join(name);
        film(&ffmpeg, &plain, coding);
        let stream = std::fs::read(&plain).unwrap();
        let truth = imaging::open(&plain).unwrap();
        for fragment in [stream.len(), stream.len() / 3 / 2 * 2, 4096] {
            let file = dir.path().join(format!("{name}.{fragment}.dcm"));
            std::fs::write(&file, dicom(&stream, syntax, 200, fragment)).unwrap();
            let source = imaging::open(&file).unwrap_or_else(|error| panic!("{name} in pieces of {fragment}: {error}"));
            let meta = source.meta();
            assert!(meta.format.starts_with("DICOM film"), "{}", meta.format);
            assert_eq!((meta.frames.len(), meta.identity.modality.as_str()), (200, "ES"));
            assert_eq!(meta.timing, truth.meta().timing);
            for frame in [0, 199, 77, 76] {
                assert_eq!(rgb(&*source, frame), rgb(&*truth, frame), "{name} in pieces of {fragment}: frame {frame}");
            }
        }
    }
}

/// Bytes that begin like films, flipped and cut: read or refused in bounded time, whatever FFmpeg makes of them.
#[test]
fn hostile_films_neither_hang_nor_stop_the_program() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let dir = tempfile::tempdir().unwrap();
    let rounds = if std::env::var_os("SHOKEN_PROOF").is_some() { 300 } else { 6 };
    let mut longest = Duration::ZERO;
    for (number, (name, coding)) in [
        ("a.mp4", "-c:v libx264 -g 10 -preset ultrafast -t 1"),
        ("a.mkv", "-c:v libx264 -g 10 -preset ultrafast -t 1"),
        ("a.avi", "-c:v mpeg4 -g 10 -t 1"),
        ("a.mpg", "-c:v mpeg2video -g 10 -t 1"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = dir.path().join(name);
        film(&ffmpeg, &file, coding);
        let bytes = std::fs::read(&file).unwrap();
        let mut state = 0x0BAD_0F11_u64 + number as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        for round in 0..rounds {
            let mut broken = bytes.clone();
            for _ in 0..=next() % 64 {
                let reach = if round % 2 == 0 { 2048.min(broken.len()) } else { broken.len() };
                broken[12 + next() % (reach - 12)] = u8::try_from(next() % 256).unwrap();
            }
            if round % 3 == 0 {
                broken.truncate(64 + next() % bytes.len());
            }
            std::fs::write(&file, &broken).unwrap();
            let mut begun = Instant::now();
            let mut step = || {
                longest = longest.max(begun.elapsed());
                begun = Instant::now();
            };
            let read = imaging::open(&file).and_then(|source| {
                step();
                let last = u32::try_from(source.meta().frames.len()).unwrap() - 1;
                source.read_tile(TileKey { frame: last, level: 0, col: 0, row: 0 })
            });
            step();
            if let Err(error) = read {
                let message = error.to_string();
                assert!(!message.contains('\n') && message.len() < 700, "{message}");
            }
        }
        println!("{name}: {rounds} rounds, seed {:#x}", 0x0BAD_0F11 + number);
    }
    println!("longest step {longest:?}");
    assert!(longest < Duration::from_secs(10), "opening or a seek took {longest:?}");
}

/// A playlist that names other files must not make FFmpeg open them, whatever it is called.
#[test]
fn playlists_are_no_films() {
    let dir = tempfile::tempdir().unwrap();
    let secret: PathBuf = dir.path().join("secret.ts");
    std::fs::write(&secret, [0x47; 1880]).unwrap();
    for text in ["#EXTM3U\n#EXTINF:1,\nsecret.ts\n", "ffconcat version 1.0\nfile secret.ts\n"] {
        let file = dir.path().join("list.mp4");
        std::fs::write(&file, text).unwrap();
        let message = imaging::open(&file).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("it is a text file"), "{message}");
    }
}
