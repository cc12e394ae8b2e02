//! The receipt for work handed to another thread.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::Cancel;

/// Why a task gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    #[error("cancelled")]
    Cancelled,
    /// The task panicked; the text is the panic's message, for the diagnostics page.
    #[error("an internal fault stopped this task ({0}); the rest of the program goes on")]
    Panicked(String),
}

/// Holds the result of a task until somebody takes it. Dropping the ticket asks the task to stop, and a task that has
/// not begun is never begun.
#[must_use = "dropping a ticket cancels its task"]
#[derive(Debug)]
pub struct Ticket<T> {
    slot: Arc<Slot<T>>,
    cancel: Cancel,
}

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

#[derive(Debug)]
enum State<T> {
    Waiting,
    Done(Result<T, TaskError>),
    Taken,
}

/// The worker's half: fills the slot exactly once, with `Cancelled` when it is dropped unused.
pub(super) struct Promise<T> {
    slot: Arc<Slot<T>>,
    cancel: Cancel,
}

pub(super) fn promise<T>(cancel: Cancel) -> (Promise<T>, Ticket<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Waiting), ready: Condvar::new() });
    (Promise { slot: Arc::clone(&slot), cancel: cancel.clone() }, Ticket { slot, cancel })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Ticket<T> {
    /// The result if there is one by now. It is handed out once; later calls give `None`.
    pub fn try_take(&self) -> Option<Result<T, TaskError>> {
        let mut state = lock(&self.slot.state);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => Some(result),
            other => {
                *state = other;
                None
            }
        }
    }

    pub fn is_done(&self) -> bool {
        !matches!(*lock(&self.slot.state), State::Waiting)
    }

    /// Blocks until the task has ended. For the command line and tests; the window polls [`Ticket::try_take`].
    ///
    /// # Errors
    /// [`TaskError`] when the task was cancelled, panicked, or its result was taken before.
    pub fn wait(self) -> Result<T, TaskError> {
        let mut state = lock(&self.slot.state);
        while matches!(*state, State::Waiting) {
            state = self.slot.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => result,
            State::Waiting | State::Taken => Err(TaskError::Cancelled),
        }
    }

    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl<T> Promise<T> {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Runs the work unless nobody waits for it any more, and keeps a panic from reaching the thread.
    pub(super) fn fulfil(self, work: impl FnOnce() -> T) {
        let result = if self.is_cancelled() {
            Err(TaskError::Cancelled)
        } else {
            catch_unwind(AssertUnwindSafe(work)).map_err(|panic| TaskError::Panicked(panic_message(&*panic)))
        };
        self.set(result);
    }

    fn set(&self, result: Result<T, TaskError>) {
        let mut state = lock(&self.slot.state);
        if matches!(*state, State::Waiting) {
            *state = State::Done(result);
            self.slot.ready.notify_all();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.set(Err(TaskError::Cancelled));
    }
}

/// The text of a panic payload.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_ticket_cancels_and_the_work_never_begins() {
        let cancel = Cancel::new();
        let (promise, ticket) = promise::<u8>(cancel.clone());
        drop(ticket);
        assert!(cancel.is_cancelled());
        promise.fulfil(|| unreachable!("nobody waits for this"));
    }

    #[test]
    fn a_panic_reaches_the_waiter_as_an_error() {
        let (promise, ticket) = promise::<u8>(Cancel::new());
        promise.fulfil(|| panic!("bad tile"));
        assert_eq!(ticket.wait(), Err(TaskError::Panicked("bad tile".to_owned())));
    }

    #[test]
    fn a_result_is_handed_out_once() {
        let (promise, ticket) = promise(Cancel::new());
        assert_eq!(ticket.try_take(), None);
        promise.fulfil(|| 7);
        assert_eq!(ticket.try_take(), Some(Ok(7)));
        assert_eq!(ticket.try_take(), None);
    }
}
