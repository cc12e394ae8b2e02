//! Creating and opening projects; the personal one that dropping an image makes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::execute::Clock;
use super::{Concern, Project, ProjectError};
use crate::domain::{Ontology, ProjectKind, ReaderId};
use crate::journal::{AccessKind, CampaignCommand, Cause, Command, PrivacyCommand, State, VocabularyCommand};
use crate::keys::Keyring;
use crate::store::{IdentityLine, NewStore, OpenOptions, Store};
use crate::tasks::places::{better_place, concern};
use crate::tasks::platform;

/// A project about to be made.
pub struct NewProject<'a> {
    /// The folder `NAME.shoken`; must not exist.
    pub folder: &'a Path,
    pub home: &'a Path,
    pub kind: ProjectKind,
    /// Shown to people; kept out of the log.
    pub name: &'a str,
    /// Pseudonym of the creator.
    pub creator: &'a str,
    /// Term packs; the ones inside the program when empty.
    pub packs: Vec<super::TermPack>,
    pub clock: Clock,
}

/// A project that was opened, and whether it had to be made first.
pub struct Opened {
    pub project: Project,
    pub made: bool,
}

impl Project {
    /// Makes a project: its folder, its creator's key, its register, its term packs.
    ///
    /// # Errors
    /// When the folder exists, cannot be made, or the keyring cannot be used.
    pub fn create(new: NewProject<'_>) -> Result<Self, ProjectError> {
        if let Some(Concern::Network(kind)) = concern(new.folder) {
            let better = better_place(new.folder);
            return Err(ProjectError::Refused {
                file: new.folder.display().to_string(),
                reason: format!(
                    "it lies on a network drive ({kind}), where simultaneous writing can damage a project; make it on this computer, for example as {}",
                    better.display()
                ),
            });
        }
        let packs = if new.packs.is_empty() { super::embedded_packs()? } else { new.packs };
        let reader = ReaderId::new(new.creator).map_err(|e| ProjectError::Input {
            file: new.creator.to_owned(),
            reason: e.to_string(),
            hint: "Choose another id.".to_owned(),
        })?;
        let keyring = Keyring::at(new.home);
        let key = keyring.generate(super::acting::passphrase().as_ref().map(|p| p.as_str()))?;
        let store = Store::create(&NewStore { folder: new.folder, home: new.home }).map_err(|e| match e {
            // Nothing was there before, so nothing is damaged: the disk is none that a database can work on.
            super::StoreError::Database(why) => ProjectError::Refused {
                file: new.folder.display().to_string(),
                reason: format!(
                    "its disk cannot keep a project ({why}); make it on this computer, for example as {}",
                    better_place(new.folder).display()
                ),
            },
            other => other.into(),
        })?;
        let mut project = Self {
            store,
            state: State::default(),
            keyring,
            actor: Some(super::Actor { reader: reader.clone(), key: std::sync::Arc::new(key) }),
            clock: new.clock,
            packs: Vec::new(),
            sources: BTreeMap::new(),
            shapes: super::shapes::Shapes::default(),
            revision: 0,
            unwitnessed: false,
        };
        let founded = (|| {
            let mut adopted: Vec<(Ontology, crate::domain::Digest)> = Vec::new();
            for pack in &packs {
                let digest = project.store.put_blob(&pack.bytes)?;
                adopted.push((pack.ontology.clone(), digest));
            }
            let mut commands = vec![
                Command::Campaign(CampaignCommand::Found { kind: new.kind }),
                Command::Vocabulary(VocabularyCommand::Adopt { packs: adopted }),
            ];
            if new.kind != ProjectKind::Personal {
                let protocol = super::Protocol {
                    reads_per_case: 2,
                    adjudicator_may_be_reader: false,
                    ..super::Protocol::default()
                };
                commands.push(Command::Vocabulary(VocabularyCommand::SetProtocol { protocol, guideline: None }));
            }
            let name = crate::domain::normalize_text(new.name);
            // One step: a project is founded with its packs and rules, or not at all.
            project.append(&commands, &Cause::Cli, &[])?;
            project.store.set_name(&name)?;
            project.load_packs();
            Ok(())
        })();
        if let Err(e) = founded {
            project.unwitnessed = false;
            drop(project);
            std::fs::remove_dir_all(new.folder).ok();
            return Err(e);
        }
        Ok(project)
    }

    /// Opens a project. Falls back to looking only where it cannot be written; [`Project::read_only`] says why.
    ///
    /// # Errors
    /// When it is no project or its database cannot be read.
    pub fn open(folder: &Path, home: &Path, write: bool) -> Result<Self, ProjectError> {
        let (store, state) = Store::open(&OpenOptions { folder, home, write })?;
        if state.project.is_none() && store.damaged_rows() == 0 && state.streams.is_empty() {
            let reason = "making it was interrupted before anything was in it; make it again".to_owned();
            return Err(super::StoreError::NotAProject { path: folder.to_owned(), reason }.into());
        }
        let mut project = Self {
            store,
            state,
            keyring: Keyring::at(home),
            actor: None,
            clock: Clock::system(),
            packs: Vec::new(),
            sources: BTreeMap::new(),
            shapes: super::shapes::Shapes::default(),
            revision: 0,
            unwitnessed: false,
        };
        project.load_packs();
        project.note_tombstones();
        // Looking needs no key; a command without one is refused later, in words.
        project.act_as_default().ok();
        Ok(project)
    }

    /// Replaces the clock and the randomness, for tests and the demonstration.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the personal project that belongs to some images, making it where there is none: beside them, or in the
    /// user's own folder when they lie on something that cannot be written.
    ///
    /// # Errors
    /// As [`Project::create`] and [`Project::open`].
    pub fn open_or_create_personal(paths: &[PathBuf], home: &Path) -> Result<Opened, ProjectError> {
        let first = paths.first().ok_or_else(|| ProjectError::NothingToImport(PathBuf::new()))?;
        let beside =
            if first.is_dir() { first.clone() } else { first.parent().map(Path::to_owned).unwrap_or_default() };
        let base = if platform::is_writable(&beside) && concern(&beside).is_none() {
            beside
        } else {
            let documents = directories::UserDirs::new().and_then(|d| d.document_dir().map(Path::to_owned));
            documents
                .filter(|d| platform::is_writable(d) && concern(d).is_none())
                .unwrap_or_else(|| home.join("projects"))
        };
        let folder = base.join("personal.shoken");
        if folder.join("project.sqlite").is_file() {
            return Ok(Opened { project: Self::open(&folder, home, true)?, made: false });
        }
        std::fs::create_dir_all(&base).map_err(|source| super::StoreError::Io { path: base.clone(), source })?;
        let new = NewProject {
            folder: &folder,
            home,
            kind: ProjectKind::Personal,
            name: "personal",
            creator: "owner",
            packs: Vec::new(),
            clock: Clock::system(),
        };
        Ok(Opened { project: Self::create(new)?, made: true })
    }

    fn load_packs(&mut self) {
        let adopted = &self.state.protocol().packs;
        let bytes = adopted.iter().filter_map(|p| self.store.blob(&p.sha256).ok().map(|b| (p, b)));
        self.packs = bytes.filter_map(|(p, b)| super::parse_pack(&p.pack, b).ok().map(|t| t.ontology)).collect();
    }

    /// Notes an access (opened, viewed, exported) in this installation's log. On a project open to look nothing is noted.
    ///
    /// # Errors
    /// Store errors.
    pub fn note_access(
        &mut self,
        kind: AccessKind,
        case: Option<&crate::domain::CaseId>,
        image: Option<&crate::domain::ImageId>,
    ) -> Result<(), ProjectError> {
        if self.read_only().is_some() || self.actor.is_none() {
            return Ok(());
        }
        let note = PrivacyCommand::Note { kind, case: case.cloned(), image: image.cloned() };
        self.append(&[Command::Privacy(note)], &Cause::Job, &[])?;
        Ok(())
    }

    /// Erases a subject: key, values, identity rows, drafts; a signed tombstone stays.
    ///
    /// # Errors
    /// Rules (coordinator only) and store errors.
    pub fn erase(&mut self, subject: &crate::domain::SubjectId) -> Result<(), ProjectError> {
        let pseudonym = self.store.pseudonym(subject)?.unwrap_or_default();
        let command =
            PrivacyCommand::Erase { subject: subject.clone(), pseudonym: crate::domain::UserText::new(&pseudonym) };
        self.execute(Command::Privacy(command), &Cause::Cli)?;
        self.note_tombstones();
        self.sources.clear();
        Ok(())
    }

    /// Notes outside the project who was erased, so that a backup from before cannot bring them back unnoticed.
    pub(super) fn note_tombstones(&self) {
        let erased = self.erased_subjects();
        if let (false, Some(project)) = (erased.is_empty(), self.id())
            && let Err(e) = crate::store::remember_tombstones(self.store.home(), &project, &erased)
        {
            tracing::warn!("the erased subjects could not be noted: {e}");
        }
    }

    /// Erases the subject of a case, with everything in every case of that subject. Returns how many cases that were.
    ///
    /// # Errors
    /// As [`Project::erase`].
    pub fn erase_case(&mut self, case: &crate::domain::CaseId) -> Result<usize, ProjectError> {
        let record = self.state.case(case).ok_or_else(|| ProjectError::NoSuchCase(case.to_string()))?;
        let subject = record.subject.clone();
        let cases = self.state.cases().filter(|c| c.subject == subject).count();
        self.erase(&subject)?;
        Ok(cases)
    }

    /// What speaks against the folder that the project lies in, and a better one; `None` where nothing does.
    pub fn place_concern(&self) -> Option<(Concern, PathBuf)> {
        concern(self.folder()).map(|c| (c, better_place(self.folder())))
    }

    /// As [`Project::place_concern`], once for every new concern: whoever was told need not be told at every opening.
    pub fn place_concern_once(&self) -> Option<(Concern, PathBuf)> {
        let found = self.place_concern()?;
        let code = format!("{:?}", found.0);
        if self.read_only().is_some() || self.store.place_told().is_some_and(|told| told.starts_with(&code)) {
            return None;
        }
        self.store.set_place_told(&code).ok();
        Some(found)
    }

    /// Name shown to people.
    pub fn name(&self) -> String {
        self.store.name()
    }

    /// All identity rows, for `identity show` and `identity export`.
    ///
    /// # Errors
    /// Store errors.
    pub(crate) fn identity_lines(&self) -> Result<Vec<IdentityLine>, ProjectError> {
        Ok(self.store.identity()?)
    }
}
