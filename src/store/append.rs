//! The write path: lock, catch up, decide, sign, insert, commit.

use rusqlite::params;

use super::checkpoint::{Checkpointer, Turn};
use super::{IdentityLine, Store, StoreError, identity, projections, values};
use crate::domain::{Digest, ReaderId, SubjectId};
use crate::journal::{
    Cause, Change, Command, Decision, Env, Head, PrivacyCommand, PublicKey, Rejection, Signed, State, StreamTarget,
    decide,
};

/// What every transaction says it was written by.
const SOFTWARE: &str = concat!("shoken ", env!("CARGO_PKG_VERSION"));

/// What an append did.
#[derive(Clone, Debug, Default)]
pub struct Appended {
    /// Hashes of the new transactions, in order.
    pub transactions: Vec<Digest>,
    /// What they and everything caught up with changed.
    pub changes: Vec<Change>,
    /// Newest own transaction of each stream written to.
    heads: Vec<Head>,
}

/// Who writes, and how it is signed.
pub struct Author<'a> {
    pub reader: &'a ReaderId,
    pub key: PublicKey,
    pub sign: &'a dyn Fn(&[u8]) -> [u8; 64],
    /// UTC wall time as `2026-11-20T08:00:00.000Z`; the caller's clock.
    pub now: &'a dyn Fn() -> String,
    /// Fills a buffer with random bytes.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

/// Either a rule said no, or something broke.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for AppendError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Store(e.into())
    }
}

impl Store {
    /// Applies what other processes appended since the last look.
    ///
    /// # Errors
    /// Database errors.
    pub fn catch_up(&mut self, state: &mut State) -> Result<Vec<Change>, StoreError> {
        if self.stale {
            *state = self.load()?;
            self.stale = false;
        }
        let (rows, last) = self.rows_after(self.last_id)?;
        let (changes, whole) = state.apply_all(&rows);
        self.last_id = last;
        if !whole || !state.is_readable() {
            self.fold_anew(state)?;
        }
        Ok(changes)
    }

    /// Decides and appends commands in one SQLite transaction: all of them, or none. A command that finds nothing to do is
    /// passed over when there are several. Identity rows are written along with the commands.
    ///
    /// # Errors
    /// [`AppendError::Rejected`] when a rule says no, [`AppendError::Store`] when something breaks; the project is as before.
    pub fn append(
        &mut self,
        state: &mut State,
        author: &mut Author<'_>,
        cause: &Cause,
        commands: &[Command],
        rows: &[IdentityLine],
    ) -> Result<Appended, AppendError> {
        if let Some(why) = &self.read_only {
            return Err(StoreError::ReadOnly(why.clone()).into());
        }
        let turn = self.checkpoints.as_ref().map(Checkpointer::turn);
        let writing = turn.as_ref().map(Turn::take);
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from)?;
        match self.append_locked(state, author, cause, commands, rows) {
            Ok((appended, erased)) => {
                // Asked while the lock is held: what others append after it must not be taken for seen.
                let newest = self.newest_row().unwrap_or(self.last_id);
                if let Err(e) = self.db.execute_batch("COMMIT") {
                    self.roll_back(state);
                    return Err(e.into());
                }
                self.last_id = newest;
                drop(writing);
                self.after_commit(state, &appended, &erased);
                Ok(appended)
            }
            Err((e, touched)) => {
                if touched {
                    self.roll_back(state);
                } else {
                    self.db.execute_batch("ROLLBACK").ok();
                }
                Err(e)
            }
        }
    }

    fn roll_back(&mut self, state: &mut State) {
        self.db.execute_batch("ROLLBACK").ok();
        // The state had already moved on; the log is what counts.
        match self.load_or_unpack() {
            Ok(fresh) => *state = fresh,
            // Nothing is built on it, or kept of it, until the log could be read again.
            Err(_) => self.stale = true,
        }
    }

    #[allow(clippy::type_complexity, reason = "the error carries whether the state was touched")]
    fn append_locked(
        &mut self,
        state: &mut State,
        author: &mut Author<'_>,
        cause: &Cause,
        commands: &[Command],
        rows: &[IdentityLine],
    ) -> Result<(Appended, Vec<SubjectId>), (AppendError, bool)> {
        let mut appended =
            Appended { changes: self.catch_up(state).map_err(|e| (e.into(), false))?, ..Appended::default() };
        let mut touched = false;
        let mut erased = Vec::new();
        let mut heads: Vec<Head> = Vec::new();
        for command in commands {
            // Where the database cannot tell, a new stream is begun: more streams than needed, but never a fork.
            let continuable = |id: &Digest| self.may_continue(id).unwrap_or(false);
            let mut env =
                Env { actor: author.reader, key: author.key, continuable: &continuable, random: &mut *author.random };
            let decided = decide(state, command, &mut env);
            // A rule that judged by half a state judged nothing.
            if !state.is_readable() {
                return Err((StoreError::Folds.into(), touched));
            }
            let decision = match decided {
                Ok(d) => d,
                Err(Rejection::NothingToDo) if commands.len() > 1 => continue,
                Err(e) => return Err((e.into(), touched)),
            };
            let mut begun: Option<Head> = None;
            for mut part in decision.into_parts() {
                if let Some(first) = &begun {
                    part.target = StreamTarget::Existing(first.stream);
                    part.cause = Some(Cause::Part { of: first.hash });
                }
                let signed = self.write_part(state, author, cause, &part, &mut touched);
                let (signed, changes) = signed.map_err(|e| (e, touched))?;
                begun.get_or_insert(signed.head());
                heads.retain(|h| h.stream != signed.stream());
                heads.push(signed.head());
                appended.transactions.push(*signed.hash());
                appended.changes.extend(changes);
            }
            if let Command::Privacy(PrivacyCommand::Erase { subject, .. }) = command {
                self.erase_rows(subject).map_err(|e| (e.into(), touched))?;
                erased.push(subject.clone());
            }
        }
        for row in rows.iter().filter(|r| identity::belongs(r, state)) {
            identity::put(&self.db, row).map_err(|e| (e.into(), touched))?;
        }
        if appended.transactions.is_empty() && rows.is_empty() {
            return Err((Rejection::NothingToDo.into(), touched));
        }
        appended.heads = heads;
        Ok((appended, erased))
    }

    /// Signs and inserts one transaction and applies it. `touched` is set once the state has moved on.
    fn write_part(
        &mut self,
        state: &mut State,
        author: &mut Author<'_>,
        cause: &Cause,
        part: &Decision,
        touched: &mut bool,
    ) -> Result<(Signed, Vec<Change>), AppendError> {
        let mut env =
            Env { actor: author.reader, key: author.key, continuable: &|_| true, random: &mut *author.random };
        let body = state.compose(&mut env, part, cause, (author.now)(), SOFTWARE).map_err(StoreError::from)?;
        let signed = Signed::seal(body, |message| Ok::<_, StoreError>((author.sign)(message)))?;
        self.insert(&signed, part)?;
        *touched = true;
        let changes = match state.apply(&signed) {
            Ok(changes) => changes,
            // Another stream that is here already goes on from it: folded together.
            Err(_) => {
                *state = self.load()?;
                if state.streams.get(&signed.stream()).is_none_or(|s| s.hash != *signed.hash()) {
                    return Err(StoreError::Value.into());
                }
                vec![Change::Read { stream: signed.stream() }]
            }
        };
        projections::update(&self.db, state, &signed)?;
        Ok((signed, changes))
    }

    fn insert(&self, signed: &Signed, decision: &Decision) -> Result<(), StoreError> {
        for value in &decision.values {
            values::put(&self.db, value)?;
        }
        insert_row(&self.db, signed)?;
        if signed.body().seq == 0 {
            let sql = "INSERT OR REPLACE INTO local_streams (stream, instance) VALUES (?1, ?2)";
            self.db.prepare_cached(sql)?.execute(params![signed.stream().as_bytes().as_slice(), self.instance])?;
        }
        Ok(())
    }

    fn newest_row(&self) -> Result<i64, rusqlite::Error> {
        let mut newest = self.db.prepare_cached("SELECT max(id) FROM transactions")?;
        Ok(newest.query_row([], |r| r.get::<_, Option<i64>>(0))?.unwrap_or(0))
    }

    fn after_commit(&mut self, state: &State, appended: &Appended, erased: &[SubjectId]) {
        if self.record.is_none()
            && let Some(project) = state.project
        {
            self.claim_first(&project);
        }
        if let Some(record) = &self.record {
            appended.heads.iter().for_each(|head| record.note(head));
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.committed();
        }
        if !erased.is_empty() {
            self.finish_erasing(state);
        }
    }

    /// A project just made: its first instance is this folder.
    fn claim_first(&mut self, project: &Digest) {
        let record = super::instance::InstanceRecord::at(&self.home, project, &self.instance);
        record.claim(&self.folder.join("project.sqlite")).ok();
        self.record = Some(record);
    }
}

pub(super) fn insert_row(db: &rusqlite::Connection, signed: &Signed) -> Result<usize, StoreError> {
    let sql = "INSERT OR IGNORE INTO transactions (hash, stream, seq, body, signature) VALUES (?1, ?2, ?3, ?4, ?5)";
    let seq = i64::try_from(signed.body().seq).map_err(|_| StoreError::Value)?;
    Ok(db.prepare_cached(sql)?.execute(params![
        signed.hash().as_bytes().as_slice(),
        signed.stream().as_bytes().as_slice(),
        seq,
        signed.text(),
        signed.signature().as_slice()
    ])?)
}
