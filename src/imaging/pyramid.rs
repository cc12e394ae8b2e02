//! A flat image that is too large to be shown whole gets a pyramid, once: made in the background from its rows, kept in the
//! cache by the content of the file, and shown from what is there while it is being made.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::JoinHandle,
};

use super::{
    Cover, ImageMeta, ImageSource, ImagingError, PixelBuffer,
    bands::{Bands, Stack, TileRows, halved},
    display::crop,
    fault::Fault,
    frames::level_of,
    guard::caught,
    identity::quick_fingerprint,
    limits,
    pyramid_store::{TileFile, TileWriter},
};
use crate::{
    domain::{Level, RectPx, SizePx, TileKey},
    tasks::{Cancel, Progress, platform::shoken_home},
};

/// Flat images of more pixels than this get a pyramid: 64 megapixels, four times what a texture of 4096 holds.
const FLAT_PIXELS: u64 = 64 << 20;
/// Beyond this a header is forged.
const MOST_PIXELS: u64 = 1 << 38;
const TILE_SIDE: u32 = 512;
/// The coarsest level fits a screen.
const COARSEST_SIDE: u32 = 1024;

/// Called whenever more of some pyramid can be shown.
type Waker = dyn Fn() + Send + Sync;

static WAKERS: Mutex<Vec<Weak<Waker>>> = Mutex::new(Vec::new());
/// One is made at a time: each takes a core and a disk.
static TURN: Mutex<()> = Mutex::new(());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `waker` called whenever more of some pyramid can be shown, for as long as it lives.
pub fn on_progress(waker: &Arc<Waker>) {
    let mut wakers = locked(&WAKERS);
    wakers.retain(|waker| waker.strong_count() > 0);
    wakers.push(Arc::downgrade(waker));
}

fn wake() {
    let wakers: Vec<Arc<Waker>> = locked(&WAKERS).iter().filter_map(Weak::upgrade).collect();
    wakers.iter().for_each(|waker| waker());
}

/// Where a pyramid is with its making.
enum State {
    /// Nobody has asked for a tile yet.
    Waiting,
    Making(Arc<TileFile>),
    Ready(Arc<TileFile>),
    Failed(String),
}

struct Shared {
    flat: Arc<dyn ImageSource>,
    /// All levels; the first `direct` of them are read from the image itself and not kept.
    levels: Vec<Level>,
    direct: u16,
    cache: PathBuf,
    state: Mutex<State>,
    progress: Progress,
    cancel: Cancel,
}

/// See the module text.
pub struct PyramidImage {
    meta: ImageMeta,
    shared: Arc<Shared>,
    making: Mutex<Option<JoinHandle<()>>>,
}

fn flat_pixels() -> u64 {
    let named = std::env::var("SHOKEN_FLAT_PIXELS").ok().and_then(|text| text.parse().ok());
    named.unwrap_or(FLAT_PIXELS)
}

/// The image with levels, where it is flat, of one frame, and large; else as it is.
///
/// # Errors
/// `Io` when the file cannot be read for its fingerprint.
pub fn with_levels(flat: Arc<dyn ImageSource>, path: &Path) -> Result<Arc<dyn ImageSource>, ImagingError> {
    let meta = flat.meta();
    let size_px = meta.size_px();
    let large = size_px.area() > flat_pixels();
    // A forged size must cost nothing: a band of rows is held, and an entry for each tile.
    let band_bytes = u64::from(size_px.width) * u64::from(TILE_SIDE) * u64::from(meta.channels) * 8;
    let possible = band_bytes <= 4 * limits::FRAME_BYTES && size_px.area() <= MOST_PIXELS;
    if meta.levels.len() != 1 || meta.frames.len() != 1 || !large || !possible || !path.is_file() {
        return Ok(flat);
    }
    let name = format!("{}-1", quick_fingerprint(path)?);
    let cache = shoken_home().join("cache").join("pyramids").join(name);
    Ok(Arc::new(PyramidImage::new(flat, cache)))
}

/// Halves until the image fits a screen.
fn levels(full: SizePx) -> Vec<Level> {
    let mut out = Vec::new();
    let mut size_px = full;
    loop {
        let across = f64::from(full.width) / f64::from(size_px.width.max(1));
        let down = f64::from(full.height) / f64::from(size_px.height.max(1));
        let tile_px = SizePx::new(TILE_SIDE, TILE_SIDE);
        out.push(Level { size_px, tile_px, downsample: f64::midpoint(across, down) });
        if size_px.width.max(size_px.height) <= COARSEST_SIDE {
            return out;
        }
        size_px = SizePx::new(size_px.width.div_ceil(2), size_px.height.div_ceil(2));
    }
}

/// The levels that are kept in the cache.
fn kept(levels: &[Level], direct: u16) -> &[Level] {
    levels.get(usize::from(direct)..).unwrap_or_default()
}

impl PyramidImage {
    fn new(flat: Arc<dyn ImageSource>, cache: PathBuf) -> Self {
        let mut levels = levels(flat.meta().size_px());
        let direct = u16::from(flat.reads_single_tiles());
        if let (1, Some(own), Some(first)) = (direct, flat.meta().levels.first(), levels.first_mut()) {
            *first = *own;
        }
        let meta = ImageMeta { levels: levels.clone(), ..flat.meta().clone() };
        let ready = TileFile::open(&cache, kept(&levels, direct), meta.channels).map(Arc::new);
        let progress = Progress::new();
        progress.set_total(u64::from(meta.size_px().height));
        let state = Mutex::new(ready.map_or(State::Waiting, State::Ready));
        let shared = Arc::new(Shared { flat, levels, direct, cache, state, progress, cancel: Cancel::new() });
        Self { meta, shared, making: Mutex::new(None) }
    }

    fn fault(&self, fault: Fault) -> ImagingError {
        fault.at(self.meta.files.first().map_or("".as_ref(), |file| file.as_path()))
    }

    /// What there is to read from; the first who asks starts the making.
    fn tiles(&self) -> Result<Arc<TileFile>, ImagingError> {
        let mut state = locked(&self.shared.state);
        match &*state {
            State::Making(tiles) | State::Ready(tiles) => return Ok(Arc::clone(tiles)),
            State::Failed(reason) => return Err(self.fault(Fault::damaged(reason.clone()))),
            State::Waiting => {}
        }
        let io = |error| self.fault(Fault::Io(error));
        let (writer, tiles) =
            TileWriter::new(&self.shared.cache, kept(&self.shared.levels, self.shared.direct), self.meta.channels)
                .map_err(io)?;
        let tiles = Arc::new(tiles);
        let (shared, written) = (Arc::clone(&self.shared), Arc::clone(&tiles));
        let make = move || shared.make(writer, &written);
        let thread = std::thread::Builder::new().name("pyramid".to_owned()).spawn(make).map_err(io)?;
        *locked(&self.making) = Some(thread);
        *state = State::Making(Arc::clone(&tiles));
        Ok(tiles)
    }
}

impl Shared {
    fn make(&self, writer: TileWriter, written: &Arc<TileFile>) {
        let turn = locked(&TURN);
        let made = caught(|| self.write(writer, written));
        drop(turn);
        let failure = match made {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.reason()),
            Err(panic) => Some(panic),
        };
        let mut state = locked(&self.state);
        *state = match failure {
            None => State::Ready(Arc::clone(written)),
            // Asked for again, it begins again.
            Some(_) if self.cancel.is_cancelled() => State::Waiting,
            Some(reason) => State::Failed(reason),
        };
        drop(state);
        wake();
    }

    fn write(&self, mut writer: TileWriter, written: &TileFile) -> Result<(), ImagingError> {
        let path = self.flat.meta().files.first().cloned().unwrap_or_default();
        let at = |fault: Fault| fault.at(&path);
        let stopped = |_| at(Fault::damaged("the making of its pyramid was stopped"));
        let mut stacks: Vec<Stack> =
            self.levels.iter().map(|level| Stack::new(level.size_px.width, TILE_SIDE)).collect();
        let mut rows = vec![0; self.levels.len()];
        let by_tiles = || -> Box<dyn Bands + '_> { Box::new(TileRows::new(&*self.flat)) };
        let mut bands = self.flat.bands().unwrap_or_else(by_tiles);
        loop {
            self.cancel.check().map_err(stopped)?;
            let band = bands.next_band()?;
            let last = band.is_none();
            if let Some(band) = band {
                self.progress.advance(u64::from(band.size_px.height));
                if let Some(first) = stacks.first_mut() {
                    first.push(band);
                }
            }
            // A band of one level is half a band of the next; at the end whatever is left goes down to the coarsest.
            for level in 0..stacks.len() {
                while let Some(full) = stacks.get_mut(level).and_then(|stack| stack.pop(last)) {
                    self.cancel.check().map_err(stopped)?;
                    let row = rows.get_mut(level).map_or(0, |row| {
                        *row += 1;
                        *row - 1
                    });
                    self.cut(&mut writer, written, (level, row), &full).map_err(|error| at(Fault::Io(error)))?;
                    if let Some(next) = stacks.get_mut(level + 1) {
                        next.push(halved(&full));
                    }
                }
            }
            wake();
            if last {
                return writer.finish(written).map_err(|error| at(Fault::Io(error)));
            }
        }
    }

    /// One row of tiles.
    fn cut(
        &self,
        writer: &mut TileWriter,
        written: &TileFile,
        (level, row): (usize, u32),
        band: &PixelBuffer,
    ) -> std::io::Result<()> {
        let kept_level = level.checked_sub(usize::from(self.direct)).and_then(|level| u16::try_from(level).ok());
        let (Some(shape), Some(kept_level)) = (self.levels.get(level), kept_level) else { return Ok(()) };
        for col in 0..shape.tiles().0 {
            let rect = RectPx { x: col * TILE_SIDE, y: 0, width: TILE_SIDE, height: TILE_SIDE };
            let key = TileKey { frame: 0, level: kept_level, col, row };
            writer.put(written, key, &crop(band, rect))?;
        }
        Ok(())
    }
}

impl ImageSource for PyramidImage {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        super::frames::tile_rect(level_of(&self.meta.levels, key)?, key)?;
        if key.frame > 0 {
            return Err(ImagingError::OutOfRange { what: "frame", index: u64::from(key.frame), count: 1 });
        }
        let Some(level) = key.level.checked_sub(self.shared.direct) else { return self.shared.flat.read_tile(key) };
        let tile = self.tiles()?.read(TileKey { level, ..key }).map_err(|fault| self.fault(fault))?;
        tile.ok_or(ImagingError::NotYet)
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        self.shared.flat.read_associated(name)
    }

    fn has_covers(&self) -> bool {
        self.shared.flat.has_covers()
    }

    fn cover(&self, frame: u32) -> Result<Option<Cover>, ImagingError> {
        self.shared.flat.cover(frame)
    }

    fn preparing(&self) -> Option<u32> {
        let making = matches!(*locked(&self.shared.state), State::Making(_));
        making.then(|| self.shared.progress.snapshot().percent())
    }

    fn prepare(&self) -> Result<(), ImagingError> {
        self.tiles()?;
        // Whoever comes second waits at this lock until it is done.
        let mut making = locked(&self.making);
        if let Some(thread) = making.take() {
            // A panic inside was caught and is in the state.
            let _ = thread.join();
        }
        drop(making);
        match &*locked(&self.shared.state) {
            State::Failed(reason) => Err(self.fault(Fault::damaged(reason.clone()))),
            _ => Ok(()),
        }
    }
}

impl Drop for PyramidImage {
    fn drop(&mut self) {
        // Nobody looks any more; the thread removes what it has begun.
        self.shared.cancel.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_halve_until_one_fits_a_screen() {
        let sizes: Vec<_> =
            levels(SizePx::new(17_000, 9001)).iter().map(|l| (l.size_px.width, l.size_px.height)).collect();
        assert_eq!(sizes, [(17_000, 9001), (8500, 4501), (4250, 2251), (2125, 1126), (1063, 563), (532, 282)]);
    }
}
