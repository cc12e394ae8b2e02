//! Executing commands, undo and redo, catching up with other processes, drafts.

use super::{Project, ProjectError};
use crate::domain::{CaseId, ReaderId};
use crate::journal::{Cause, Command, FindingCommand, ReadCommand, Rejection};
use crate::store::{Author, Draft, IdentityLine, OpenOptions, Store, WhyReadOnly};

/// Tells the time as the journal writes it.
pub type TellTime = Box<dyn Fn() -> String + Send>;
/// Fills a buffer with random bytes.
pub type FillRandom = Box<dyn FnMut(&mut [u8]) + Send>;

/// Wall time and randomness; seeded in tests and in the demonstration.
pub struct Clock {
    pub now: TellTime,
    pub random: FillRandom,
}

/// UTC now as the journal writes it.
pub(super) fn utc_now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Clock {
    /// The operating system's clock and randomness.
    pub fn system() -> Self {
        // A failure leaves the buffer zeroed, which the store refuses to sign or seal.
        Self { now: Box::new(utc_now), random: Box::new(|b| getrandom::fill(b).unwrap_or(())) }
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub revision: u64,
    /// How many transactions were appended.
    pub transactions: usize,
}

impl Project {
    /// Executes one command as the actor. A finding command on a case that the actor has not opened yet opens the read first.
    ///
    /// # Errors
    /// [`ProjectError::Rejected`] when a rule says no; store errors, after which nothing has changed.
    pub fn execute(&mut self, command: Command, cause: &Cause) -> Result<Done, ProjectError> {
        self.execute_all(vec![command], cause, &[])
    }

    /// Executes several commands in one durable step, together with identity rows.
    ///
    /// # Errors
    /// As [`Project::execute`]; either all of them happen or none.
    pub(crate) fn execute_all(
        &mut self,
        commands: Vec<Command>,
        cause: &Cause,
        rows: &[IdentityLine],
    ) -> Result<Done, ProjectError> {
        let actor = self.actor.clone().ok_or(ProjectError::NobodyHere)?;
        let mut all = Vec::with_capacity(commands.len() + 1);
        for command in commands {
            self.open_for(&actor.reader, &command, cause)?;
            all.push(command);
        }
        match self.append(&all, cause, rows) {
            // Meanwhile another process brought in what another copy of this folder went on with.
            Err(ProjectError::Rejected(Rejection::BegunElsewhere)) => {
                for command in &all {
                    self.open_for(&actor.reader, command, cause)?;
                }
                self.append(&all, cause, rows)
            }
            done => done,
        }
    }

    /// Opens the read that a command writes, or goes on with it in a new stream where it was begun in another copy of this
    /// folder. A finding's id derives from its stream, which must exist first.
    fn open_for(&mut self, reader: &ReaderId, command: &Command, cause: &Cause) -> Result<(), ProjectError> {
        let case = match command {
            Command::Finding(f) => f.case(),
            Command::Read(
                r @ (ReadCommand::Submit { .. }
                | ReadCommand::Amend { .. }
                | ReadCommand::Undo { .. }
                | ReadCommand::Redo { .. }),
            ) => r.case(),
            _ => return Ok(()),
        };
        let begun = self.state.current_read(reader, case);
        if begun.is_none() && !matches!(command, Command::Finding(_) | Command::Read(ReadCommand::Submit { .. })) {
            return Ok(());
        }
        if !self.must_open(reader, case)? {
            return Ok(());
        }
        // What would be refused anyway leaves no new stream behind.
        if begun.is_some()
            && let Some(no) = self.would_refuse(command)
        {
            return Err(no.into());
        }
        let open = Command::Read(ReadCommand::Open { case: case.clone() });
        match self.append(&[open], cause, &[]) {
            // Another process may have opened it meanwhile.
            Ok(_) | Err(ProjectError::Rejected(Rejection::NothingToDo)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Whether the actor's read of the case has to be opened (or gone on with in a new stream) before it can be written.
    fn must_open(&self, reader: &ReaderId, case: &CaseId) -> Result<bool, ProjectError> {
        Ok(match self.state.current_read(reader, case) {
            None => true,
            Some(read) => !self.store.may_continue(&read.stream)?,
        })
    }

    pub(super) fn append(
        &mut self,
        commands: &[Command],
        cause: &Cause,
        rows: &[IdentityLine],
    ) -> Result<Done, ProjectError> {
        let actor = self.actor.clone().ok_or(ProjectError::NobodyHere)?;
        self.write_again_when_there_is_room();
        let sign = |message: &[u8]| actor.key.sign(message);
        let mut author = Author {
            reader: &actor.reader,
            key: actor.key.public(),
            sign: &sign,
            now: &*self.clock.now,
            random: &mut *self.clock.random,
        };
        let appended = self.store.append(&mut self.state, &mut author, cause, commands, rows)?;
        self.revision += 1;
        self.mark_unwitnessed();
        Ok(Done { revision: self.revision, transactions: appended.transactions.len() })
    }

    /// A project that was opened on a full disk is open to look. Once there is room again, work goes on by itself.
    fn write_again_when_there_is_room(&mut self) {
        if self.read_only() != Some(&WhyReadOnly::DiskFull) {
            return;
        }
        let options = OpenOptions { folder: self.store.folder(), home: self.store.home(), write: true };
        if let Ok((store, state)) = Store::open(&options)
            && store.read_only().is_none()
        {
            (self.store, self.state) = (store, state);
            self.revision += 1;
        }
    }

    /// Takes back the actor's newest gesture in the open read of a case.
    ///
    /// # Errors
    /// [`Rejection::NothingToUndo`], a sealed read, or store errors.
    pub fn undo(&mut self, case: &CaseId) -> Result<Done, ProjectError> {
        self.execute(Command::Read(ReadCommand::Undo { case: case.clone() }), &Cause::Gesture)
    }

    /// Does again what was taken back last.
    ///
    /// # Errors
    /// As [`Project::undo`].
    pub fn redo(&mut self, case: &CaseId) -> Result<Done, ProjectError> {
        self.execute(Command::Read(ReadCommand::Redo { case: case.clone() }), &Cause::Gesture)
    }

    /// Applies what other processes appended. True when anything changed.
    ///
    /// # Errors
    /// Store errors.
    pub fn catch_up(&mut self) -> Result<bool, ProjectError> {
        let readable = self.state.is_readable();
        let changes = self.store.catch_up(&mut self.state)?;
        let changed = !changes.is_empty() || !readable;
        if changed {
            self.revision += 1;
        }
        Ok(changed)
    }

    /// What was found by looking at the folds, unless some of them could not be looked at: then nothing is better than less.
    pub(super) fn seen_whole<T>(&self, found: Result<T, ProjectError>) -> Result<T, ProjectError> {
        if self.state.is_readable() { found } else { Err(super::StoreError::Folds.into()) }
    }

    /// Saves the stroke in the actor's hand for a case.
    ///
    /// # Errors
    /// Store errors; a read-only project keeps none.
    pub fn save_draft(&self, case: &CaseId, body: Vec<u8>) -> Result<(), ProjectError> {
        if let (Some(drafts), Some(actor)) = (self.store.drafts(), &self.actor) {
            drafts.save(&actor.reader, case, &Draft { body })?;
        }
        Ok(())
    }

    /// The actor's saved stroke for a case.
    ///
    /// # Errors
    /// Store errors.
    pub fn load_draft(&self, case: &CaseId) -> Result<Option<Vec<u8>>, ProjectError> {
        match (self.store.drafts(), &self.actor) {
            (Some(drafts), Some(actor)) => Ok(drafts.load(&actor.reader, case)?.map(|d| d.body)),
            _ => Ok(None),
        }
    }

    /// Forgets the actor's saved stroke for a case.
    ///
    /// # Errors
    /// Store errors.
    pub fn clear_draft(&self, case: &CaseId) -> Result<(), ProjectError> {
        if let (Some(drafts), Some(actor)) = (self.store.drafts(), &self.actor) {
            drafts.clear(&actor.reader, case)?;
        }
        Ok(())
    }

    /// Whether the command would be refused, and why, without doing it.
    pub fn would_refuse(&mut self, command: &Command) -> Option<Rejection> {
        let actor = self.actor.clone()?;
        let continuable = |_: &crate::domain::Digest| true;
        let mut env = crate::journal::Env {
            actor: &actor.reader,
            key: actor.key.public(),
            continuable: &continuable,
            random: &mut *self.clock.random,
        };
        let opens = matches!(command, Command::Finding(c) if self.state.current_read(&actor.reader, FindingCommand::case(c)).is_none());
        if opens { None } else { crate::journal::decide(&self.state, command, &mut env).err() }
    }
}
