//! The tile loader: the best wanted tile first, nothing stale decoded, bounds kept, faults delivered.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
    mpsc::{Receiver, Sender, channel},
};

use shoken::{
    domain::{Field, Level, SizePx, TileKey},
    imaging::{
        FrameInfo, ImageMeta, ImageSource, ImagingError, PixelBuffer, Samples,
        loader::{Demand, ImageHandle, Loaded, TileLoader},
    },
    tasks::Pool,
};

/// A source whose every decode says which tile it is and then waits to be let go.
struct Gated {
    meta: ImageMeta,
    begun: Mutex<Sender<u32>>,
    go: Mutex<Receiver<()>>,
    prepared: AtomicBool,
}

fn meta() -> ImageMeta {
    let size_px = SizePx::new(1000, 10);
    ImageMeta {
        format: "test".to_owned(),
        reader: "test",
        field: Field::Other,
        levels: vec![Level { size_px, tile_px: SizePx::new(10, 10), downsample: 1.0 }],
        frames: vec![FrameInfo::default()],
        photometric: "grey".to_owned(),
        ..ImageMeta::default()
    }
}

impl ImageSource for Gated {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        self.begun.lock().unwrap().send(key.col).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        match key.col {
            90 => panic!("a codec gave up"),
            92 if !self.prepared.swap(true, Ordering::SeqCst) => Err(ImagingError::NotYet),
            91 => Err(ImagingError::OutOfRange { what: "tile column", index: 91, count: 10 }),
            _ => Ok(PixelBuffer { size_px: SizePx::new(10, 10), channels: 1, samples: Samples::U8(vec![1; 100]) }),
        }
    }

    fn read_associated(&self, _: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }
}

struct Bench {
    loader: TileLoader,
    image: ImageHandle,
    begun: Receiver<u32>,
    go: Sender<()>,
    woken: Receiver<()>,
}

fn bench(cache_bytes: u64) -> Bench {
    let (began, begun) = channel();
    let (go, gate) = channel();
    let source =
        Gated { meta: meta(), begun: Mutex::new(began), go: Mutex::new(gate), prepared: AtomicBool::new(false) };
    let (wake, woken) = channel();
    let wake = Mutex::new(wake);
    let pool = Arc::new(Pool::new("test-decode", 1, 64).unwrap());
    let loader = TileLoader::new(pool, cache_bytes, move || {
        // The test may be over before the last tile is.
        let _ = wake.lock().unwrap().send(());
    });
    Bench { loader, image: ImageHandle::new(Arc::new(source)), begun, go, woken }
}

impl Bench {
    fn publish(&self, cols: &[u32]) {
        let demand =
            |col: &u32| Demand { image: self.image.clone(), key: TileKey { frame: 0, level: 0, col: *col, row: 0 } };
        self.loader.publish(cols.iter().map(demand).collect());
    }

    /// Lets one tile be decoded and gives what came of it.
    fn one(&self) -> Vec<Loaded> {
        self.begun.recv().unwrap();
        self.go.send(()).unwrap();
        self.woken.recv().unwrap();
        self.loader.drain()
    }
}

fn cols(loaded: &[Loaded]) -> Vec<(u32, bool)> {
    loaded
        .iter()
        .map(|one| match one {
            Loaded::Ready { key, .. } => (key.col, true),
            Loaded::Failed { key, .. } => (key.col, false),
        })
        .collect()
}

#[test]
fn tiles_no_longer_wanted_are_never_decoded() {
    let bench = bench(1 << 20);
    bench.publish(&[1, 2, 3, 4]);
    assert_eq!(bench.begun.recv().unwrap(), 1, "the most important comes first");
    // The view moved on while tile 1 was being decoded.
    bench.publish(&[7, 8]);
    bench.go.send(()).unwrap();
    assert_eq!(bench.begun.recv().unwrap(), 7);
    bench.go.send(()).unwrap();
    bench.woken.recv().unwrap();
    assert_eq!(bench.begun.recv().unwrap(), 8);
    bench.go.send(()).unwrap();
    bench.woken.recv().unwrap();
    assert_eq!(cols(&bench.loader.drain()), [(7, true), (8, true)], "tile 1 is kept but nobody asked for it");
    assert_eq!(bench.loader.stats().decoded, 3);
    // It waits in the cache: no second decoding.
    bench.publish(&[1]);
    assert_eq!(cols(&bench.loader.drain()), [(1, true)]);
    assert_eq!(bench.loader.stats().decoded, 3);
}

#[test]
fn a_tile_asked_for_in_every_frame_is_decoded_once() {
    let bench = bench(1 << 20);
    bench.publish(&[5]);
    assert_eq!(bench.begun.recv().unwrap(), 5);
    for _ in 0..3 {
        bench.publish(&[5, 5]);
    }
    bench.go.send(()).unwrap();
    bench.woken.recv().unwrap();
    assert_eq!(cols(&bench.loader.drain()), [(5, true)]);
    assert_eq!(bench.loader.stats().decoded, 1);
}

#[test]
fn faults_are_delivered_once_with_their_reason_and_the_worker_goes_on() {
    let bench = bench(1 << 20);
    bench.publish(&[90, 91, 3]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(bench.one());
    }
    assert_eq!(cols(&seen), [(90, false), (91, false), (3, true)]);
    let reasons: Vec<_> = seen
        .iter()
        .filter_map(|one| match one {
            Loaded::Failed { reason, .. } => Some(reason.as_str()),
            Loaded::Ready { .. } => None,
        })
        .collect();
    assert!(reasons[0].contains("a codec gave up") && reasons[1].contains("tile column"), "{reasons:?}");
    bench.publish(&[90]);
    assert_eq!(cols(&bench.loader.drain()), [], "the same view is told once");
    bench.loader.retry_failed();
    bench.publish(&[90]);
    assert_eq!(cols(&bench.one()), [(90, false)]);
}

#[test]
fn what_is_not_there_yet_is_no_failure_and_is_asked_for_again() {
    let bench = bench(1 << 20);
    bench.publish(&[92, 3]);
    bench.begun.recv().unwrap();
    bench.go.send(()).unwrap();
    // Nobody is woken for it; the other tile comes next.
    assert_eq!(cols(&bench.one()), [(3, true)]);
    bench.publish(&[92]);
    assert_eq!(cols(&bench.one()), [(92, true)]);
    assert_eq!(bench.loader.stats().failed, 0);
}

#[test]
fn the_cache_keeps_its_bound() {
    let bench = bench(250);
    for col in 0..5 {
        bench.publish(&[col]);
        assert_eq!(cols(&bench.one()), [(col, true)]);
        assert!(bench.loader.stats().cache_bytes <= 250);
    }
    bench.publish(&[4, 3, 0]);
    assert_eq!(cols(&bench.loader.drain()), [(4, true), (3, true)], "the newest two fit, the oldest went");
    assert_eq!(cols(&bench.one()), [(0, true)]);
    bench.loader.forget(bench.image.id());
    assert_eq!(bench.loader.stats().cache_bytes, 0);
}

#[test]
fn tiles_are_kept_as_what_the_worker_made_of_them() {
    let Bench { image, begun, go, .. } = bench(1);
    let (wake, woken) = channel();
    let wake = Mutex::new(wake);
    let pool = Arc::new(Pool::new("test-decode", 1, 64).unwrap());
    // A tile is its number of bytes here, and counts as ten; the second cannot be made.
    let made = AtomicBool::new(false);
    let loader = TileLoader::making(
        pool,
        1 << 20,
        move || {
            // The test may be over before the last tile is.
            let _ = wake.lock().unwrap().send(());
        },
        move |pixels| {
            if made.swap(true, Ordering::Relaxed) { Err("no room".to_owned()) } else { Ok((pixels.bytes(), 10)) }
        },
    );
    let demand = |col: u32| Demand { image: image.clone(), key: TileKey { frame: 0, level: 0, col, row: 0 } };
    loader.publish(vec![demand(0), demand(1)]);
    let mut loaded = Vec::new();
    for _ in 0..2 {
        begun.recv().unwrap();
        go.send(()).unwrap();
        woken.recv().unwrap();
        loaded.extend(loader.drain());
    }
    let told: Vec<_> = loaded
        .iter()
        .map(|one| match one {
            Loaded::Ready { tile, .. } => format!("{tile} bytes"),
            Loaded::Failed { reason, .. } => reason.clone(),
        })
        .collect();
    let bytes = loader.peek(image.id(), TileKey { frame: 0, level: 0, col: 0, row: 0 }).unwrap();
    assert_eq!(told, [format!("{bytes} bytes"), "no room".to_owned()]);
    assert_eq!((loader.stats().cache_bytes, loader.stats().decoded, loader.stats().failed), (10, 1, 1));
}
