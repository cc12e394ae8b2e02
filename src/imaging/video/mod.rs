//! Films: MP4, MOV, AVI, Matroska, ASF, MPEG streams, and films inside DICOM, through FFmpeg as a child process.
//!
//! A frame is the same frame every time: its number is its place in presentation order, its time stamp is the film's own
//! ([`Timing`]), and what comes out of the decoder is matched to it by that time stamp. Sound is never decoded. Nothing is
//! copied: FFmpeg opens the file itself, or the ranges of it that hold the film.

mod cache;
mod container;
mod feed;
mod film;
mod index;
mod input;
mod planes;
mod player;
mod probe;
mod ring;
mod session;
mod track;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub use container::{Container, of as container_of};

use super::{
    FrameInfo, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Timing, TimingSource,
    bytes::{ByteSource, FileBytes},
    display::crop,
    fault::Fault,
    frames::{level_of, tile_rect},
};
use crate::{
    domain::{Digest, Field, Level, TileKey},
    tasks::ffmpeg::Tools,
};
use film::{Film, Part};
use index::{Interlaced, Trouble};
use input::Input;
use ring::Ring;

const HINT_INSTALL: &str = "Install FFmpeg (Debian, Ubuntu: apt install ffmpeg), or put ffmpeg and ffprobe beside Shoken, \
                            or name their folder in SHOKEN_FFMPEG.";

/// An opened film.
pub struct Video {
    meta: ImageMeta,
    film: Arc<Film>,
    ring: Arc<Ring>,
}

/// FFmpeg, or how to get it.
fn tools() -> Result<Tools, Fault> {
    Tools::find().ok_or(Fault::Unsupported {
        reason: "a film, and FFmpeg, which opens films, was not found".to_owned(),
        hint: HINT_INSTALL,
    })
}

/// Opens a film that fills a file, or a range of one.
///
/// # Errors
/// As [`super::open`].
pub fn open(path: PathBuf, bytes: &dyn ByteSource, container: Container) -> Result<Video, Fault> {
    let tools = tools()?;
    let part = read_part(&tools, &path, bytes, &[(0, bytes.len())], container)?;
    Video::new(Film::new(tools, vec![part])?, vec![path])
}

/// Opens a film whose stream lies in these ranges (start, length) of the source, in a row.
///
/// # Errors
/// As [`super::open`].
pub fn open_ranges(path: PathBuf, bytes: &dyn ByteSource, ranges: &[(u64, u64)]) -> Result<Video, Fault> {
    let first = ranges.iter().find(|(_, len)| *len > 0).ok_or_else(|| Fault::damaged("it holds no film"))?;
    let head = super::bytes::read_range(bytes, first.0, first.1.min(4096), "beginning", 4096)?;
    let container = container_of(&head).ok_or_else(|| Fault::unsupported("a film in an unknown container"))?;
    let tools = tools()?;
    let part = read_part(&tools, &path, bytes, ranges, container)?;
    Video::new(Film::new(tools, vec![part])?, vec![path])
}

/// Opens several files as one film, in the order given.
///
/// # Errors
/// As [`super::open`], with the file that cannot be read; `Unsupported` when their pictures differ in size.
pub fn open_joined(paths: &[PathBuf]) -> Result<Video, ImagingError> {
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    let tools = tools().map_err(|fault| fault.at(first))?;
    let mut parts = Vec::new();
    for path in paths {
        let part = || {
            let bytes = FileBytes::open(path).map_err(Fault::Io)?;
            let head = super::bytes::read_head(&bytes, 4096)?;
            let container = container_of(&head).ok_or_else(|| Fault::not_an_image("it is no film"))?;
            read_part(&tools, path, &bytes, &[(0, bytes.len())], container)
        };
        parts.push(part().map_err(|fault| fault.at(path))?);
    }
    let film = Film::new(tools, parts).map_err(|fault| fault.at(first))?;
    Video::new(film, paths.to_vec()).map_err(|fault| fault.at(first))
}

/// Whether a file begins like a film.
pub fn is_film(path: &Path) -> bool {
    let head = FileBytes::open(path).ok().and_then(|bytes| super::bytes::read_head(&bytes, 4096).ok());
    head.is_some_and(|head| container_of(&head).is_some())
}

/// Runs of files that a recorder cut one film into: in one folder, alike but for a number at the end of the name that
/// grows by one. Each run as places in `paths`, only runs of several.
pub fn numbered_runs(paths: &[&Path]) -> Vec<Vec<usize>> {
    let parse = |path: &Path| {
        let stem = path.file_stem()?.to_str()?;
        let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (name, number) = stem.split_at_checked(stem.len() - digits)?;
        let key = (path.parent()?.to_owned(), name.to_owned(), path.extension()?.to_ascii_lowercase());
        Some((key, number.parse::<u64>().ok()?))
    };
    let mut numbered: Vec<_> =
        paths.iter().enumerate().filter_map(|(at, path)| parse(path).map(|(key, number)| (key, number, at))).collect();
    numbered.sort();
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut before = None;
    for (key, number, at) in numbered {
        let follows =
            before.as_ref().is_some_and(|(last, n): &(_, u64)| *last == key && n.checked_add(1) == Some(number));
        match runs.last_mut().filter(|_| follows) {
            Some(run) => run.push(at),
            None => runs.push(vec![at]),
        }
        before = Some((key, number));
    }
    runs.retain(|run| run.len() > 1);
    runs
}

fn read_part(
    tools: &Tools,
    path: &Path,
    bytes: &dyn ByteSource,
    ranges: &[(u64, u64)],
    container: Container,
) -> Result<Part, Fault> {
    let Some((place, start, len)) = bytes.place() else {
        return Err(Fault::Unsupported {
            reason: "a film that is not in a file of its own".to_owned(),
            hint: "Save it as a file and open that.",
        });
    };
    let whole = start == 0 && ranges == [(0, len)] && std::fs::metadata(&place).is_ok_and(|meta| meta.len() == len);
    let input = if whole {
        Input::file(&place, container)
    } else {
        let shifted: Vec<(u64, u64)> = ranges.iter().map(|(at, len)| (start + at, *len)).collect();
        Input::ranges(&place, &shifted, container)?
    };
    let key = cache::Key::of(bytes, ranges, tools)?;
    if let Some((stream, index, track)) = cache::load(&key) {
        return Ok(Part { path: path.to_path_buf(), input, stream, index, track });
    }
    let mut part = Part::read(tools, path, input)?;
    if !whole {
        // Places of coded pictures are counted in the ranges, not in the file.
        part.track = None;
    }
    cache::store(&key, &part.stream, &part.index, part.track.as_ref());
    Ok(part)
}

impl Drop for Video {
    fn drop(&mut self) {
        self.ring.close();
    }
}

impl Video {
    fn new(film: Film, files: Vec<PathBuf>) -> Result<Self, Fault> {
        let Some(first) = film.parts().first() else { return Err(Fault::damaged("it holds no film")) };
        let size_px = film.size();
        let stream = &first.stream;
        let timing = timing(film.parts());
        let aspect = stream.pixel_shape.map(|(w, h)| f64::from(w) / f64::from(h)).filter(|a| (a - 1.0).abs() > 1e-3);
        let turned = !session::quarter_turns(stream).is_multiple_of(2);
        let frames = (0..film.parts().len()).flat_map(|part| {
            let file = u32::try_from(part).unwrap_or(u32::MAX);
            film.range_of(part).map(move |_| FrameInfo { file, ..FrameInfo::default() })
        });
        let meta = ImageMeta {
            format: first.input.container.name.to_owned(),
            reader: "ffmpeg (child process)",
            field: Field::Endoscopy,
            // A frame is decoded whole, and a film shows all of it most of the time: one tile.
            levels: vec![Level { size_px, tile_px: size_px, downsample: 1.0 }],
            frames: frames.collect(),
            channels: 3,
            bits_stored: 8,
            transfer_syntax: Some(coding(stream)),
            photometric: stream.pixel_format.clone(),
            timing: Some(timing),
            pixel_aspect: aspect.map(|a| if turned { 1.0 / a } else { a }),
            warnings: warnings(film.parts()),
            files,
            ..ImageMeta::default()
        };
        Ok(Self { meta, film: Arc::new(film), ring: Arc::default() })
    }

    /// SHA-256 of a frame's planes as the decoder gives them, for provenance: the same as `ffmpeg -f framehash -hash
    /// sha256` says of that frame.
    ///
    /// # Errors
    /// `OutOfRange`, or what FFmpeg says.
    pub fn planes_hash(&self, frame: u32) -> Result<Digest, ImagingError> {
        self.film.planes_hash(frame).map_err(|fault| fault.at(self.film.path_of(frame)))
    }

    /// The description, to be filled up by a reader that knows more (a DICOM header).
    pub const fn meta_mut(&mut self) -> &mut ImageMeta {
        &mut self.meta
    }
}

/// What the film is coded as, for `inspect`.
fn coding(stream: &probe::Stream) -> String {
    let name = match stream.codec.as_str() {
        "h264" => "H.264",
        "hevc" => "HEVC",
        "mpeg2video" => "MPEG-2",
        "mpeg1video" => "MPEG-1",
        "mpeg4" => "MPEG-4 part 2",
        "mjpeg" => "Motion JPEG",
        "dvvideo" => "DV",
        other => other,
    };
    match stream.profile.as_str() {
        "" => name.to_owned(),
        profile => format!("{name} {profile}"),
    }
}

/// The times of all frames on one clock: each part goes on one mean frame after the one before it.
fn timing(parts: &[Part]) -> Timing {
    let Some(first) = parts.first() else {
        return Timing { ticks: Arc::from([]), tick_s: (1, 1), keys: Arc::from([]), source: TimingSource::FilmRate };
    };
    let counted = parts.iter().any(|part| part.index.counted);
    let source = if counted { TimingSource::FilmRate } else { TimingSource::Film };
    if parts.len() == 1 {
        let index = &first.index;
        let every = index.keys.len() == index.ticks.len();
        let keys = if every { Arc::from([]) } else { Arc::clone(&index.keys) };
        return Timing { ticks: Arc::clone(&index.ticks), tick_s: index.tick_s, keys, source };
    }
    let tick_s = first.index.tick_s;
    let (mut ticks, mut keys, mut offset, mut count) = (Vec::new(), Vec::new(), None, 0_u32);
    for part in parts {
        let index = &part.index;
        let scale = f64::from(index.tick_s.0) * f64::from(tick_s.1) / (f64::from(index.tick_s.1) * f64::from(tick_s.0));
        #[allow(clippy::cast_possible_truncation, reason = "hours in ticks are far below 2^53")]
        let on_clock = |tick: i64| (tick as f64 * scale).round() as i64;
        let begin = on_clock(index.ticks.first().copied().unwrap_or(0));
        let shift = offset.map_or(0, |next: i64| next - begin);
        ticks.extend(index.ticks.iter().map(|tick| on_clock(*tick) + shift));
        keys.extend(index.keys.iter().map(|key| count + key));
        count += index.len();
        let end = ticks.last().copied().unwrap_or(0);
        let steps = i64::from(index.len().saturating_sub(1)).max(1);
        offset = Some(end + ((end - begin - shift) / steps).max(1));
    }
    Timing { ticks: ticks.into(), tick_s, keys: keys.into(), source }
}

fn warnings(parts: &[Part]) -> Vec<ImageWarning> {
    let mut out: Vec<ImageWarning> = Vec::new();
    let mut warn = |code: &'static str, detail: String| {
        if !out.iter().any(|warning| warning.code == code) {
            out.push(ImageWarning { code, detail });
        }
    };
    for part in parts {
        for trouble in &part.index.troubles {
            match trouble {
                Trouble::NoTimes => warn("film-no-times", String::new()),
                Trouble::TimesJump => warn("film-times-jump", String::new()),
                Trouble::Undecodable(count) => warn("film-undecodable", format!("frames={count}")),
            }
        }
        if part.index.interlaced != Interlaced::No {
            warn("film-interlaced", String::new());
        }
        if part.index.is_variable() {
            warn("film-variable-rate", String::new());
        }
    }
    out
}

impl ImageSource for Video {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        let rect = tile_rect(level, key)?;
        if key.frame >= self.film.count() {
            let (index, count) = (u64::from(key.frame), u64::from(self.film.count()));
            return Err(ImagingError::OutOfRange { what: "frame", index, count });
        }
        let frame = self.ring.frame(&self.film, key.frame)?;
        let pixels = frame.pixels();
        Ok(if pixels.size_px == level.size_px { pixels } else { crop(&pixels, rect) })
    }

    fn thumbnail(&self, frame: u32, longest_px: u32) -> Result<PixelBuffer, ImagingError> {
        self.film.thumbnail(frame, longest_px).map_err(|fault| fault.at(self.film.path_of(frame)))
    }

    fn read_associated(&self, _name: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_that_a_recorder_cut_are_told_by_their_numbers() {
        let names =
            ["a/V_002.mp4", "a/V_001.mp4", "a/V_004.mp4", "b/V_003.mp4", "a/W_003.mp4", "a/V_003.avi", "a/x.mp4"];
        let paths: Vec<&Path> = names.iter().map(Path::new).collect();
        assert_eq!(numbered_runs(&paths), [vec![1, 0]]);
        let all = ["c/099.MP4", "c/100.mp4", "c/101.mp4"].map(Path::new);
        assert_eq!(numbered_runs(&all), [vec![0, 1, 2]]);
    }
}
