//! Taking in what came from elsewhere, and making sure that what was erased is gone.

use super::{Store, StoreError, append, identity, values};
use crate::domain::{CaseId, SubjectId};
use crate::journal::{NewValue, Signed, State};

impl Store {
    /// Adds transactions and values that came from elsewhere, after the caller has checked them, in one step. Those that are
    /// here already are passed over, values of erased subjects are not taken, and what a tombstone among them names goes.
    /// Returns how many transactions were new.
    ///
    /// # Errors
    /// Database errors, a full disk; then nothing was added.
    pub fn merge(
        &mut self,
        state: &mut State,
        transactions: &[Signed],
        sealed: &[NewValue],
    ) -> Result<usize, StoreError> {
        if let Some(why) = &self.read_only {
            return Err(StoreError::ReadOnly(why.clone()));
        }
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let merged = self.merge_locked(transactions, sealed).and_then(|done| {
            self.db.execute_batch("COMMIT")?;
            Ok(done)
        });
        match merged {
            Ok((new, fresh)) => {
                *state = fresh;
                self.finish_erasing(state);
                Ok(new)
            }
            Err(e) => {
                self.db.execute_batch("ROLLBACK").ok();
                *state = self.load()?;
                Err(e)
            }
        }
    }

    fn merge_locked(&mut self, transactions: &[Signed], sealed: &[NewValue]) -> Result<(usize, State), StoreError> {
        let mut new = 0;
        for signed in transactions {
            new += append::insert_row(&self.db, signed)?;
        }
        let state = self.load()?;
        for value in sealed.iter().filter(|v| !state.is_erased(&v.subject)) {
            values::put(&self.db, value)?;
        }
        let mut condemned = Vec::new();
        for subject in state.erased() {
            // Key and values come and go together, so that those erased before need not be looked for again.
            if values::holds_key(&self.db, subject)? {
                condemned.push(subject);
            }
            identity::erase(&self.db, subject)?;
        }
        values::erase(&self.db, &condemned)?;
        self.write_projections(&state)?;
        Ok((new, state))
    }

    pub(super) fn erase_rows(&self, subject: &SubjectId) -> Result<(), StoreError> {
        values::erase(&self.db, &[subject])?;
        identity::erase(&self.db, subject)
    }

    /// After the commit of an erasure, and at every opening, since a process can be killed in between: strokes of erased
    /// subjects go, and so do the old pages in the write-ahead log. Deleted rows are overwritten by `secure_delete`.
    pub(super) fn finish_erasing(&self, state: &State) {
        let cases: Vec<CaseId> = state.cases().filter(|c| state.is_erased(&c.subject)).map(|c| c.id.clone()).collect();
        if cases.is_empty() {
            return;
        }
        if let Some(drafts) = self.drafts()
            && let Err(e) = drafts.erase(&cases)
        {
            tracing::warn!("strokes of an erased subject could not be removed yet: {e}");
        }
        // Asked as a query, since it says in its answer when another process is in the way.
        let busy = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get::<_, i64>(0));
        if busy != Ok(0) {
            tracing::warn!(
                "another process keeps old pages of the log in use; they go when the project is next opened"
            );
        }
    }
}
