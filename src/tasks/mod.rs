//! Background work: the job runtime, the prioritised decode pool, tickets, progress, byte budgets.
//!
//! Three rules hold everywhere: every thread has a name, every queue is bounded, and a dropped [`Ticket`] cancels its
//! work. A panic inside a task is caught here and handed to the waiter as [`TaskError::Panicked`].

mod budget;
pub mod child;
pub mod ffmpeg;
mod foreign;
pub mod patience;
pub mod places;
pub mod platform;
mod pool;
mod progress;
mod runtime;
pub mod stop;
mod ticket;

pub use budget::{ByteBudget, Reservation};
pub use foreign::{foreign, in_foreign_code};
pub use pool::{Pool, PoolFull, Priority};
pub use progress::{Cancel, Cancelled, Progress, ProgressSnapshot};
pub use runtime::{JobContext, Runtime};
pub use ticket::{TaskError, Ticket, panic_message};
