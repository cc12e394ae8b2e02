//! Who acts: readers, their keys on this machine, and enrolling new ones.

use std::sync::Arc;

use super::views::ReaderView;
use super::{Actor, Project, ProjectError};
use crate::domain::{ReaderId, Role, Sensitive, UserText};
use crate::journal::{CampaignCommand, Cause, Command, PublicKey, Rejection};
use crate::store::IdentityLine;

/// The passphrase for keys, from the file that `SHOKEN_PASSPHRASE_FILE` names; never from an argument.
pub(super) fn passphrase() -> Option<zeroize::Zeroizing<String>> {
    let path = std::env::var_os("SHOKEN_PASSPHRASE_FILE")?;
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).ok()?);
    Some(zeroize::Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

impl Project {
    /// The reader that acts now.
    pub fn actor(&self) -> Option<&ReaderId> {
        self.actor.as_ref().map(|a| &a.reader)
    }

    /// Roles of the acting reader.
    pub fn roles(&self) -> Vec<Role> {
        let record = self.actor().and_then(|id| self.state.register().readers.get(id));
        record.map(|r| r.roles.iter().copied().collect()).unwrap_or_default()
    }

    /// From now on acts as this reader, with the key that is on this machine.
    ///
    /// # Errors
    /// An unknown reader, or no usable key here.
    pub fn act_as(&mut self, reader: &ReaderId) -> Result<(), ProjectError> {
        let register = self.state.register();
        let record = register.readers.get(reader).ok_or_else(|| Rejection::UnknownReader(reader.to_string()))?;
        let mut usable = record.keys.keys().filter(|k| !record.revoked.contains(k) && self.keyring.has(k));
        let public = usable.next().ok_or_else(|| Rejection::KeyNotEnrolled(reader.to_string()))?;
        let key = self.keyring.load(public, passphrase().as_ref().map(|p| p.as_str()))?;
        self.actor = Some(Actor { reader: reader.clone(), key: Arc::new(key) });
        Ok(())
    }

    /// Acts as the project's creator when that key is here, else as the only reader whose key is here.
    pub(super) fn act_as_default(&mut self) -> Result<(), ProjectError> {
        let founder = self.state.project.and_then(|id| self.state.streams.get(&id)).map(|s| s.open.reader.clone());
        if let Some(founder) = founder
            && self.act_as(&founder).is_ok()
        {
            return Ok(());
        }
        let here: Vec<ReaderId> = self
            .state
            .register()
            .readers
            .iter()
            .filter(|(_, r)| r.keys.keys().any(|k| self.keyring.has(k)))
            .map(|(id, _)| id.clone())
            .collect();
        match here.as_slice() {
            [only] => self.act_as(only),
            _ => Err(ProjectError::NobodyHere),
        }
    }

    /// Enrols a reader. Without `key` one is made on this machine, and the register says so. The real name goes to the
    /// erasable identity tables only.
    ///
    /// # Errors
    /// Rules (the actor must be coordinator), keyring and store errors.
    pub fn add_reader(
        &mut self,
        reader: &ReaderId,
        roles: &[Role],
        key: Option<PublicKey>,
        qualifications: &[String],
        name: Option<&str>,
    ) -> Result<PublicKey, ProjectError> {
        let known = self
            .state
            .register()
            .readers
            .get(reader)
            .and_then(|r| r.keys.keys().find(|k| self.keyring.has(k)).copied());
        let (public, here) = match (key, known) {
            (Some(key), _) => (key, false),
            (None, Some(known)) => (known, true),
            (None, None) => (self.keyring.generate(passphrase().as_ref().map(|p| p.as_str()))?.public(), true),
        };
        let command = Command::Campaign(CampaignCommand::Enrol {
            reader: reader.clone(),
            roles: roles.to_vec(),
            key: public,
            key_made_here: here,
            qualifications: qualifications.iter().map(|q| UserText::new(q)).collect(),
        });
        let rows: Vec<IdentityLine> = name
            .map(|n| IdentityLine::Reader {
                reader: reader.clone(),
                name: Sensitive::new(crate::domain::normalize_text(n)),
            })
            .into_iter()
            .collect();
        self.execute_all(vec![command], &Cause::Cli, &rows)?;
        Ok(public)
    }

    /// All enrolled readers.
    pub fn readers(&self) -> Vec<ReaderView> {
        let view = |(id, r): (&ReaderId, &crate::journal::ReaderRecord)| ReaderView {
            id: id.clone(),
            roles: r.roles.iter().copied().collect(),
            keys: r.keys.keys().copied().collect(),
            key_here: r.keys.keys().any(|k| self.keyring.has(k)),
            key_made_by_coordinator: r.keys.values().any(|made_here| *made_here),
        };
        self.state.register().readers.iter().map(view).collect()
    }

    /// Raises a personal project to a study or a campaign; everything signed so far stays as it is.
    ///
    /// # Errors
    /// Rules and store errors.
    pub fn raise_kind(&mut self, kind: crate::domain::ProjectKind) -> Result<(), ProjectError> {
        self.execute(Command::Campaign(CampaignCommand::SetKind { kind }), &Cause::Cli)?;
        Ok(())
    }
}
