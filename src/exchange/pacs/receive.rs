//! A storage provider (PS3.4 annex B): listens where the user said, serves several callers at once, and says what arrived.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::PacsError;
use super::landing::{Landed, Landing};
use super::serve::serve;

/// How the receiver behaves.
#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What callers must call us, at most 16 signs.
    pub ae_title: String,
    /// Callers that may send; anybody when empty.
    pub allowed: BTreeSet<String>,
    pub callers: usize,
    /// How long a caller may be silent, or take over one piece.
    pub idle: Duration,
    pub max_images: u64,
    pub max_bytes: u64,
    pub max_image_bytes: u64,
}

impl Default for ReceiveOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 11112)),
            ae_title: "SHOKEN".to_owned(),
            allowed: BTreeSet::new(),
            callers: 16,
            idle: Duration::from_secs(60),
            max_images: 1_000_000,
            max_bytes: 1 << 40,
            max_image_bytes: 64 << 30,
        }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Callers that are being served now.
    pub callers: usize,
    pub images: u64,
    pub bytes: u64,
    /// Images that were answered with a refusal: no room, over a limit, of a kind that is not taken.
    pub refused: u64,
    /// Callers that were not let in.
    pub rejected: u64,
    /// Callers that broke off or broke the rules.
    pub broken: u64,
}

/// What all callers share.
pub(super) struct Shared {
    pub options: ReceiveOptions,
    pub landing: Landing,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    received: Received,
    /// Files that nobody took yet; as many as the limit on images allows.
    files: Vec<PathBuf>,
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn count(&self, work: impl FnOnce(&mut Received)) {
        self.with(|state| work(&mut state.received));
    }

    pub(super) fn may_begin(&self) -> bool {
        self.with(|state| {
            state.received.images < self.options.max_images && state.received.bytes < self.options.max_bytes
        })
    }

    /// Whether an image of so many bytes may have more.
    pub(super) fn may_grow(&self, bytes: u64, more: u64) -> bool {
        let grown = bytes.saturating_add(more);
        grown <= self.options.max_image_bytes
            && self.with(|state| state.received.bytes.saturating_add(grown) <= self.options.max_bytes)
    }

    pub(super) fn arrived(&self, landed: Landed) {
        self.with(|state| {
            state.received.images += 1;
            state.received.bytes += landed.bytes;
            state.files.push(landed.path);
        });
    }
}

/// A receiver at work. Dropped, it stops as [`Receiver::stop`] does.
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
    stop: watch::Sender<bool>,
}

impl Receiver {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`PacsError::Listen`] where the address is taken or not ours, [`PacsError::Disk`] for the folder.
    pub fn start(options: ReceiveOptions, folder: &Path) -> Result<Self, PacsError> {
        let refused = |reason: String| PacsError::Listen { address: options.listen.to_string(), reason };
        if options.ae_title.is_empty() || options.ae_title.len() > 16 || !options.ae_title.is_ascii() {
            return Err(refused(format!("'{}' is no AE title (1 to 16 signs of ASCII)", options.ae_title)));
        }
        let landing = Landing::open(folder).map_err(|source| PacsError::Disk { path: folder.to_owned(), source })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(options.callers.max(1) + 2)
            .thread_name("pacs-receive")
            .enable_all()
            .build()
            .map_err(|e| refused(e.to_string()))?;
        let listener =
            runtime.block_on(TcpListener::bind(options.listen)).map_err(|e| refused(e.kind().to_string()))?;
        let address = listener.local_addr().map_err(|e| refused(e.to_string()))?;
        let shared = Arc::new(Shared { options, landing, state: Mutex::default() });
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(listen(listener, Arc::clone(&shared), stopped));
        Ok(Self { shared, address, runtime: Some(runtime), stop })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn received(&self) -> Received {
        self.shared.with(|state| state.received)
    }

    /// Files that arrived since they were last taken.
    pub fn take_files(&self) -> Vec<PathBuf> {
        self.shared.with(|state| std::mem::take(&mut state.files))
    }

    /// Stops listening and ends what is open: an image that is half here leaves nothing, its caller keeps it and is told.
    pub fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
        self.shared.count(|c| c.callers = 0);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(shared.options.callers.max(1)));
    loop {
        // Callers beyond the limit wait in the system's own bounded queue until one has left.
        let permit = tokio::select! {
            _ = stopped.wait_for(|s| *s) => return,
            permit = Arc::clone(&room).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            _ = stopped.wait_for(|s| *s) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((mut socket, _)) = accepted else {
            // Out of file handles, most likely; some will be free soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (shared, mut stopped) = (Arc::clone(&shared), stopped.clone());
        tokio::spawn(async move {
            shared.count(|c| c.callers += 1);
            let served = tokio::select! {
                _ = stopped.wait_for(|s| *s) => None,
                served = serve(&mut socket, &shared) => Some(served),
            };
            shared.count(|c| {
                c.callers = c.callers.saturating_sub(1);
                c.broken += u64::from(served.is_some_and(|s| s.is_err()));
            });
            drop(permit);
        });
    }
}
