//! The prioritised pool for CPU-bound work: a fixed number of named threads, a bounded queue, best first.

use std::{
    collections::BinaryHeap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use super::{Cancel, Ticket, ticket::promise};

/// What goes first. Within one priority, older work goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Hashing, statistics: whenever there is nothing else.
    Background,
    /// Thumbnails and lists.
    Soon,
    /// Somebody looks at the place where the result will be.
    Visible,
}

/// The queue is at its bound; try again when something has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much work is waiting already")]
pub struct PoolFull;

type Work = Box<dyn FnOnce() + Send>;

struct Job {
    priority: Priority,
    /// Counts down, so that the heap prefers the older of two equals.
    age: u64,
    work: Work,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Job {}
impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Job {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.priority, self.age).cmp(&(other.priority, other.age))
    }
}

struct Queue {
    jobs: BinaryHeap<Job>,
    next_age: u64,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    capacity: usize,
}

/// A third of the window's share of a busy core.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// A pool of named threads. Dropping it drops waiting work (whose tickets then say `Cancelled`) and joins the threads.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// `name` prefixes the names of the threads; at most `capacity` jobs wait.
    ///
    /// # Errors
    /// The system's refusal to start a thread.
    pub fn new(name: &str, threads: usize, capacity: usize) -> io::Result<Self> {
        let queue = Queue { jobs: BinaryHeap::new(), next_age: u64::MAX, closed: false };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), wake: Condvar::new(), capacity });
        let mut pool = Self { shared: Arc::clone(&shared), threads: Vec::new() };
        for index in 0..threads.max(1) {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("{name}-{index}")).spawn(move || shared.run())?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// One thread per core, leaving one core to the window where there are more than two.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn for_decoding() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self::new("decode", if cores > 2 { cores - 1 } else { cores }, 4096)
    }

    pub fn thread_count(&self) -> usize {
        self.threads.len()
    }

    /// Queues work and gives the receipt for its result.
    ///
    /// # Errors
    /// [`PoolFull`] when the bound is reached; the work was not queued.
    pub fn submit<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce(&Cancel) -> T + Send + 'static,
    ) -> Result<Ticket<T>, PoolFull> {
        let cancel = Cancel::new();
        let (promise, ticket) = promise(cancel.clone());
        self.shared.push(priority, Box::new(move || promise.fulfil(move || work(&cancel))))?;
        Ok(ticket)
    }

    /// Queues work that reports by its own means.
    ///
    /// # Errors
    /// [`PoolFull`] when the bound is reached; the work was not queued.
    pub fn spawn(&self, priority: Priority, work: impl FnOnce() + Send + 'static) -> Result<(), PoolFull> {
        self.shared.push(priority, Box::new(work))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.lock();
            queue.closed = true;
            queue.jobs.clear();
        }
        self.shared.wake.notify_all();
        let own = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // The last handle to a pool may be dropped by one of its own jobs.
            if thread.thread().id() != own && thread.join().is_err() {
                tracing::error!("a pool thread ended by a panic outside any task");
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, priority: Priority, work: Work) -> Result<(), PoolFull> {
        let mut queue = self.lock();
        if queue.closed || queue.jobs.len() >= self.capacity {
            return Err(PoolFull);
        }
        let age = queue.next_age;
        queue.next_age -= 1;
        queue.jobs.push(Job { priority, age, work });
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn run(&self) {
        #[cfg(target_os = "linux")]
        give_way();
        while let Some(work) = self.next() {
            // The panic hook has noted where; the message is nowhere written, since it may quote a file.
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                tracing::error!("a background task panicked");
            }
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop() {
                return Some(job.work);
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The calling thread gives way to the one that draws: on two cores, without a graphics card, a frame would otherwise wait
/// for the tiles of the next. On Linux niceness belongs to a thread.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a worker keeps the window's priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn better_work_goes_first_and_equals_go_in_order() {
        let pool = Pool::new("test", 1, 16).unwrap();
        let (open_gate, gate) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        pool.spawn(Priority::Visible, move || {
            began.send(()).unwrap();
            gate.recv().unwrap();
        })
        .unwrap();
        begun.recv().unwrap();
        let (report, reports) = mpsc::channel();
        for (priority, name) in
            [(Priority::Background, 'd'), (Priority::Soon, 'c'), (Priority::Visible, 'a'), (Priority::Visible, 'b')]
        {
            let report = report.clone();
            pool.spawn(priority, move || report.send(name).unwrap()).unwrap();
        }
        drop(report);
        open_gate.send(()).unwrap();
        assert_eq!(reports.iter().collect::<String>(), "abcd");
    }

    #[test]
    fn a_full_queue_refuses_and_a_panic_leaves_the_thread_alive() {
        let pool = Pool::new("test", 1, 1).unwrap();
        let (open_gate, gate) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        pool.spawn(Priority::Visible, move || {
            began.send(()).unwrap();
            gate.recv().unwrap();
            panic!("a codec gave up");
        })
        .unwrap();
        begun.recv().unwrap();
        let waiting = pool.submit(Priority::Soon, |_| 5).unwrap();
        assert!(matches!(pool.submit(Priority::Visible, |_| 6), Err(PoolFull)));
        open_gate.send(()).unwrap();
        assert_eq!(waiting.wait(), Ok(5));
    }

    #[test]
    fn dropping_the_pool_cancels_what_waits() {
        let pool = Pool::new("test", 1, 8).unwrap();
        let (open_gate, gate) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        pool.spawn(Priority::Visible, move || {
            began.send(()).unwrap();
            let _ = gate.recv();
        })
        .unwrap();
        begun.recv().unwrap();
        let waiting = pool.submit(Priority::Visible, |_| 1).unwrap();
        drop(open_gate);
        drop(pool);
        // Either the thread got to it before the pool closed, or it was dropped; it never hangs.
        assert!(matches!(waiting.wait(), Ok(1) | Err(super::super::TaskError::Cancelled)));
    }
}
