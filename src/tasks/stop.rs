//! Being asked to stop: Ctrl+C, a closed terminal, a session that ends. The work in hand ends as it would on its own, within
//! a short grace; what cannot end in time is left as a kill would leave it, after a last word.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Cancel;

static ASKED: AtomicBool = AtomicBool::new(false);
static WAKE: Mutex<Vec<Box<dyn Fn() + Send>>> = Mutex::new(Vec::new());

/// How long the program may take to end on its own.
const GRACE: Duration = Duration::from_secs(3);

/// Whether the program was asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Called once when the program is asked to stop; at once when it has been.
pub fn on_ask(wake: impl Fn() + Send + 'static) {
    // Under the lock: the list is gone through after the flag is raised, so that nobody is forgotten in between.
    let mut list = WAKE.lock().unwrap_or_else(PoisonError::into_inner);
    if asked() {
        drop(list);
        wake();
    } else {
        list.push(Box::new(wake));
    }
}

/// A flag that is raised when the program is asked to stop.
pub fn cancelled_by_asking() -> Cancel {
    let cancel = Cancel::new();
    let flag = cancel.clone();
    on_ask(move || flag.cancel());
    cancel
}

/// Watches for signals on a thread of its own. When the grace is over (or at a second signal) `last_word` is run and the
/// program ends with the code that shells use for a signal. Signals that whoever started the program told it to ignore
/// (`nohup`) stay ignored.
///
/// # Errors
/// The system's refusal to start a thread or to watch.
pub fn watch(last_word: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Here and not on the thread, which may be slow to start while the work goes on.
    let mut asking = {
        let _within = runtime.enter();
        Asking::new()?
    };
    let work = move || {
        let code = runtime.block_on(async {
            let code = asking.next().await;
            ASKED.store(true, Ordering::SeqCst);
            for wake in WAKE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                wake();
            }
            tokio::time::timeout(GRACE, asking.next()).await.ok();
            code
        });
        last_word();
        std::process::exit(code);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(work)?;
    Ok(())
}

#[cfg(unix)]
struct Asking {
    watched: Vec<(i32, tokio::signal::unix::Signal)>,
}

#[cfg(unix)]
impl Asking {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let ignored = ignored_signals();
        let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
        let wanted = kinds.into_iter().filter(|k| ignored & (1 << (k.as_raw_value() - 1)) == 0);
        let watched = wanted.map(|k| Ok((k.as_raw_value(), signal(k)?))).collect::<io::Result<_>>()?;
        Ok(Self { watched })
    }

    /// The exit code for the next signal: 128 and its number.
    async fn next(&mut self) -> i32 {
        let watched = &mut self.watched;
        std::future::poll_fn(|context| {
            for (number, signal) in watched.iter_mut() {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(128 + *number);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// The signals that this process was told to ignore, one bit each; none where the system does not say.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(not(unix))]
struct Asking;

#[cfg(not(unix))]
impl Asking {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => 130,
            Err(_) => std::future::pending().await,
        }
    }
}
