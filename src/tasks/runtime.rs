//! The job runtime: tokio behind named threads, for jobs, timers and everything that waits.

use std::{future::Future, io, time::Duration};

use super::{Cancel, Progress, Ticket, ticket::promise};

/// What a job is given: where to report and whether to stop.
#[derive(Clone, Debug, Default)]
pub struct JobContext {
    pub progress: Progress,
    pub cancel: Cancel,
}

/// Runs jobs. Blocking jobs get threads of their own; decoding does not belong here but in the [`super::Pool`].
pub struct Runtime {
    tokio: Option<tokio::runtime::Runtime>,
}

impl Runtime {
    /// # Errors
    /// The system's refusal to start a thread.
    pub fn new() -> io::Result<Self> {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(8)
            .thread_name("shoken-job")
            .thread_keep_alive(Duration::from_secs(10))
            .enable_time()
            .build()?;
        Ok(Self { tokio: Some(tokio) })
    }

    fn tokio(&self) -> Option<&tokio::runtime::Runtime> {
        self.tokio.as_ref()
    }

    /// Runs blocking work (reading, hashing, writing) on a job thread. The context inside is the one passed in, so that
    /// the caller can watch its progress.
    pub fn run<T: Send + 'static>(
        &self,
        context: &JobContext,
        work: impl FnOnce(&JobContext) -> T + Send + 'static,
    ) -> Ticket<T> {
        let (promise, ticket) = promise(context.cancel.clone());
        let context = context.clone();
        if let Some(tokio) = self.tokio() {
            drop(tokio.spawn_blocking(move || promise.fulfil(move || work(&context))));
        }
        ticket
    }

    /// Runs a future on the runtime's own workers. It must not block, and it must look at the flag it was given, which
    /// the dropped ticket raises.
    pub fn spawn<T: Send + 'static>(
        &self,
        cancel: Cancel,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Ticket<T> {
        let (promise, ticket) = promise(cancel);
        if let Some(tokio) = self.tokio() {
            let inner = tokio.spawn(work);
            drop(tokio.spawn(async move {
                match inner.await {
                    Ok(value) => promise.fulfil(move || value),
                    Err(fault) if fault.is_panic() => {
                        promise.fulfil(move || std::panic::resume_unwind(fault.into_panic()));
                    }
                    Err(_) => drop(promise),
                }
            }));
        }
        ticket
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(tokio) = self.tokio.take() {
            // A job that ignores its cancel flag must not keep the window from closing.
            tokio.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::TaskError;

    #[test]
    fn jobs_report_progress_and_panics() {
        let runtime = Runtime::new().unwrap();
        let context = JobContext::default();
        let ticket = runtime.run(&context, |job| {
            job.progress.set_total(2);
            job.progress.advance(2);
            std::thread::current().name().map(str::to_owned)
        });
        assert_eq!(ticket.wait(), Ok(Some("shoken-job".to_owned())));
        assert_eq!(context.progress.snapshot().fraction(), Some(1.0));
        let ticket = runtime.spawn(Cancel::new(), async {
            std::panic::panic_any("late".to_owned());
        });
        assert_eq!(ticket.wait(), Err(TaskError::Panicked("late".to_owned())));
    }
}
