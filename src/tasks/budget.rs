//! A shared allowance of bytes: whoever wants a large buffer reserves first and is refused, not killed, when it is spent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// An allowance of bytes. Clones share it.
#[derive(Clone, Debug)]
pub struct ByteBudget(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: u64,
    used: AtomicU64,
}

/// Bytes held until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    account: Arc<Account>,
    bytes: u64,
}

impl ByteBudget {
    pub fn new(limit_bytes: u64) -> Self {
        Self(Arc::new(Account { limit: limit_bytes, used: AtomicU64::new(0) }))
    }

    pub fn limit_bytes(&self) -> u64 {
        self.0.limit
    }

    pub fn used_bytes(&self) -> u64 {
        self.0.used.load(Ordering::Acquire)
    }

    /// `None` when the allowance does not reach.
    pub fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        let fits = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.0.limit);
        self.0.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Reservation { account: Arc::clone(&self.0), bytes })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_returns_what_it_took() {
        let budget = ByteBudget::new(10);
        let first = budget.try_reserve(8);
        assert!(first.is_some() && budget.try_reserve(3).is_none() && budget.try_reserve(u64::MAX).is_none());
        drop(first);
        assert_eq!(budget.used_bytes(), 0);
    }
}
