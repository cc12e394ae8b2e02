//! The tile loader: the viewport says each frame what it wants, workers take the best of that, nothing stale is decoded.
//!
//! [`TileLoader::publish`] replaces the demand set. A worker looks at the set when it is free, not when the tile was
//! asked for, so a tile that left the view before its turn is never decoded. Decoded tiles go into a cache bounded in
//! bytes (least recently wanted goes first) and are delivered once through [`TileLoader::drain`].

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{ImageSource, ImagingError, PixelBuffer, cache::ByteCache, guard::caught, pyramid::on_progress};
use crate::{
    domain::TileKey,
    tasks::{Pool, Priority},
};

/// An opened image with an identity of its own within this run, so that tiles of two images never meet.
#[derive(Clone)]
pub struct ImageHandle {
    id: u64,
    source: Arc<dyn ImageSource>,
}

impl ImageHandle {
    pub fn new(source: Arc<dyn ImageSource>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), source }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn source(&self) -> &Arc<dyn ImageSource> {
        &self.source
    }
}

impl fmt::Debug for ImageHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageHandle({})", self.id)
    }
}

/// One wanted tile. The order in the published list is the order of importance.
#[derive(Clone, Debug)]
pub struct Demand {
    pub image: ImageHandle,
    pub key: TileKey,
}

/// What became of a wanted tile.
#[derive(Clone, Debug)]
pub enum Loaded<T = PixelBuffer> {
    Ready {
        image: u64,
        key: TileKey,
        tile: Arc<T>,
    },
    /// Shown where the tile would have been. It is not tried again until [`TileLoader::retry_failed`].
    Failed {
        image: u64,
        key: TileKey,
        reason: String,
    },
}

/// Counts since the loader was made, for the diagnostics page and for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoaderStats {
    pub decoded: u64,
    pub failed: u64,
    pub cache_hits: u64,
    pub cache_bytes: u64,
    /// Wanted tiles that nobody has drained: not begun, being decoded, or ready.
    pub waiting: usize,
}

type Slot = (u64, TileKey);

struct State<T> {
    /// Best first; only tiles not yet decoded, not failed and not in flight.
    wanted: std::collections::VecDeque<Demand>,
    in_flight: HashSet<Slot>,
    /// Every tile of the last published set.
    current: HashSet<Slot>,
    failed: HashMap<Slot, String>,
    finished: Vec<Loaded<T>>,
    cache: ByteCache<Slot, Arc<T>>,
    /// Tiles in `finished`, and failures already told while they stay in the current set.
    delivered: HashSet<Slot>,
    workers: usize,
    stats: LoaderStats,
}

/// From decoded pixels to a tile and its bytes.
type Make<T> = dyn Fn(PixelBuffer) -> Result<(T, u64), String> + Send + Sync;

struct Shared<T> {
    state: Mutex<State<T>>,
    waker: Arc<dyn Fn() + Send + Sync>,
    make: Box<Make<T>>,
}

/// See the module text. Cheap to share; dropping the last handle stops loading. `T` is what the tiles are kept as.
pub struct TileLoader<T = PixelBuffer> {
    shared: Arc<Shared<T>>,
    pool: Arc<Pool>,
}

impl TileLoader {
    /// Tiles as they are decoded; see [`TileLoader::making`].
    pub fn new(pool: Arc<Pool>, cache_bytes: u64, waker: impl Fn() + Send + Sync + 'static) -> Self {
        Self::making(pool, cache_bytes, waker, |pixels| {
            let bytes = pixels.bytes();
            Ok((pixels, bytes))
        })
    }
}

impl<T: Send + Sync + 'static> TileLoader<T> {
    /// `cache_bytes` bounds the tiles kept; `waker` is called from a worker whenever something is ready to drain; `make` turns
    /// decoded pixels into a tile and its bytes, or says why it cannot, in the worker too.
    pub fn making(
        pool: Arc<Pool>,
        cache_bytes: u64,
        waker: impl Fn() + Send + Sync + 'static,
        make: impl Fn(PixelBuffer) -> Result<(T, u64), String> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            wanted: std::collections::VecDeque::new(),
            in_flight: HashSet::new(),
            current: HashSet::new(),
            failed: HashMap::new(),
            finished: Vec::new(),
            cache: ByteCache::new(cache_bytes),
            delivered: HashSet::new(),
            workers: 0,
            stats: LoaderStats::default(),
        };
        let waker: Arc<dyn Fn() + Send + Sync> = Arc::new(waker);
        // What is still being prepared is asked for again when there is more of it.
        on_progress(&waker);
        Self { shared: Arc::new(Shared { state: Mutex::new(state), waker, make: Box::new(make) }), pool }
    }

    /// Replaces the demand set: list the tiles that are *missing* on the screen, the most important first (duplicates
    /// count once). Tiles in the cache are there for a [`TileLoader::drain`] right after this call, without the waker
    /// being called; tiles no longer listed are forgotten unless they are being decoded. A tile that is listed again after
    /// it was drained is delivered again; a failure is told once for as long as the tile stays in the set.
    pub fn publish(&self, demands: Vec<Demand>) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        state.wanted.clear();
        state.current.clear();
        for demand in demands {
            let slot = (demand.image.id, demand.key);
            if !state.current.insert(slot) || state.delivered.contains(&slot) {
                continue;
            }
            if let Some(tile) = state.cache.get(&slot) {
                state.stats.cache_hits += 1;
                state.finished.push(Loaded::Ready { image: slot.0, key: slot.1, tile });
                state.delivered.insert(slot);
            } else if let Some(reason) = state.failed.get(&slot) {
                state.finished.push(Loaded::Failed { image: slot.0, key: slot.1, reason: reason.clone() });
                state.delivered.insert(slot);
            } else if !state.in_flight.contains(&slot) {
                state.wanted.push_back(demand);
            }
        }
        let State { delivered, current, finished, .. } = &mut *state;
        delivered.retain(|slot| current.contains(slot));
        // What nobody drained and nobody wants any more must not pile up.
        finished.retain(|loaded| current.contains(&loaded.slot()));
        let threads = self.pool.thread_count();
        let start = state.wanted.len().min(threads.saturating_sub(state.workers));
        state.workers += start;
        drop(guard);
        for _ in 0..start {
            Shared::queue_step(&self.shared, &self.pool);
        }
    }

    /// Everything that has become ready since the last call.
    pub fn drain(&self) -> Vec<Loaded<T>> {
        let mut guard = self.shared.lock();
        let State { finished, delivered, .. } = &mut *guard;
        for loaded in finished.iter() {
            if let Loaded::Ready { image, key, .. } = loaded {
                delivered.remove(&(*image, *key));
            }
        }
        std::mem::take(finished)
    }

    /// A tile from the cache without asking for it.
    pub fn peek(&self, image: u64, key: TileKey) -> Option<Arc<T>> {
        self.shared.lock().cache.get(&(image, key))
    }

    /// Forgets everything about an image: cache, failures, demands.
    pub fn forget(&self, image: u64) {
        let mut state = self.shared.lock();
        state.cache.retain(|slot| slot.0 != image);
        state.failed.retain(|slot, _| slot.0 != image);
        state.delivered.retain(|slot| slot.0 != image);
        state.current.retain(|slot| slot.0 != image);
        state.wanted.retain(|demand| demand.image.id != image);
        state.finished.retain(|loaded| loaded.slot().0 != image);
    }

    /// Lets failed tiles be tried again, for example when a disk is back.
    pub fn retry_failed(&self) {
        let mut guard = self.shared.lock();
        let State { failed, delivered, .. } = &mut *guard;
        for slot in std::mem::take(failed).into_keys() {
            delivered.remove(&slot);
        }
    }

    pub fn stats(&self) -> LoaderStats {
        let state = self.shared.lock();
        let decoding = state.in_flight.iter().filter(|slot| state.current.contains(slot)).count();
        let waiting = state.wanted.len() + decoding + state.finished.len();
        LoaderStats { cache_bytes: state.cache.bytes(), waiting, ..state.stats }
    }
}

impl<T> Drop for TileLoader<T> {
    fn drop(&mut self) {
        self.shared.lock().wanted.clear();
    }
}

impl<T> Loaded<T> {
    fn slot(&self) -> Slot {
        match self {
            Self::Ready { image, key, .. } | Self::Failed { image, key, .. } => (*image, *key),
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Shared<T> {
    /// One step is one tile, then the worker goes back to the pool, so that other work of the same priority has its turn.
    fn queue_step(shared: &Arc<Self>, pool: &Arc<Pool>) {
        // The job holds the pool weakly: the pool must not be kept alive by what waits in it.
        let (next, weak) = (Arc::clone(shared), Arc::downgrade(pool));
        let queued = pool.spawn(Priority::Visible, move || {
            if next.step()
                && let Some(pool) = weak.upgrade()
            {
                Self::queue_step(&next, &pool);
                return;
            }
            next.lock().workers -= 1;
        });
        if queued.is_err() {
            // The next publish tries again.
            shared.lock().workers -= 1;
        }
    }

    /// Decodes the best wanted tile; `false` when there is none.
    fn step(&self) -> bool {
        let demand = {
            let mut state = self.lock();
            let Some(demand) = state.wanted.pop_front() else { return false };
            state.in_flight.insert((demand.image.id, demand.key));
            demand
        };
        let slot = (demand.image.id, demand.key);
        let read = || demand.image.source.read_tile(demand.key).map(|pixels| (self.make)(pixels));
        let result = caught(read);
        let mut state = self.lock();
        state.in_flight.remove(&slot);
        if matches!(result, Ok(Err(ImagingError::NotYet))) {
            // Neither there nor failed: the next publish that lists it asks again.
            return true;
        }
        let result = result.and_then(|inner| inner.map_err(|error| error.to_string())?);
        let loaded = match result {
            Ok((tile, bytes)) => {
                state.stats.decoded += 1;
                let tile = Arc::new(tile);
                state.cache.insert(slot, Arc::clone(&tile), bytes);
                Loaded::Ready { image: slot.0, key: slot.1, tile }
            }
            Err(reason) => {
                state.stats.failed += 1;
                state.failed.insert(slot, reason.clone());
                Loaded::Failed { image: slot.0, key: slot.1, reason }
            }
        };
        let wanted = state.current.contains(&slot);
        if wanted {
            state.delivered.insert(slot);
            state.finished.push(loaded);
        }
        drop(state);
        if wanted {
            (self.waker)();
        }
        true
    }
}
