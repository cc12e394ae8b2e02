//! How long programs may keep us waiting in all, over the steps of one task: waiting uses it up, work that comes gives
//! some of it back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest single wait. A clock that went on further meanwhile says that this program was stopped, or the whole
/// machine with it, which is no program's silence.
pub const TICK: Duration = Duration::from_millis(100);

/// Shared by all who wait for the same task: those that wait at the same time use it up once.
#[derive(Clone, Debug)]
pub struct Patience {
    most: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    left: Duration,
    looked: Instant,
    ended: bool,
}

impl Patience {
    pub fn new(most: Duration) -> Self {
        Self { most, state: Arc::new(Mutex::new(State { left: most, looked: Instant::now(), ended: false })) }
    }

    /// What there is at the beginning, and never more.
    pub const fn most(&self) -> Duration {
        self.most
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As at the beginning.
    pub fn renew(&self) {
        self.gain(self.most);
    }

    /// Work came that may take this long.
    pub fn gain(&self, worth: Duration) {
        let mut state = self.lock();
        state.left = (state.left + worth).min(self.most);
    }

    /// Nobody is to wait any longer, whatever comes.
    pub fn end(&self) {
        self.lock().ended = true;
    }

    /// Takes away what was waited since anybody looked last, at most a [`TICK`]; `false` when nothing is left.
    pub fn lasts(&self) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        let waited = now.duration_since(state.looked).min(TICK);
        state.looked = now;
        state.left = state.left.saturating_sub(waited);
        !state.left.is_zero() && !state.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_use_it_up_and_work_gives_it_back() {
        let patience = Patience::new(TICK * 3);
        let wait = || std::thread::sleep(TICK + TICK / 10);
        wait();
        assert!(patience.lasts());
        wait();
        assert!(patience.lasts());
        patience.gain(TICK * 9);
        for _ in 0..2 {
            wait();
            assert!(patience.lasts(), "no more than at the beginning, and no less");
        }
        wait();
        assert!(!patience.lasts());
        patience.renew();
        assert!(patience.lasts());
        patience.end();
        patience.gain(TICK);
        assert!(!patience.lasts());
    }

    #[test]
    fn a_stopped_machine_is_no_silence_and_two_that_wait_use_it_up_once() {
        let patience = Patience::new(TICK * 5);
        // As long as all of it, in one piece: nobody could look.
        std::thread::sleep(TICK * 6);
        assert!(patience.lasts());
        let other = patience.clone();
        std::thread::sleep(TICK);
        assert!(patience.lasts() && other.lasts() && patience.lasts() && other.lasts());
    }
}
