//! The catalogue: cases and their images, by random ids and content hashes only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::command::CatalogCommand;
use super::decide::{Decided, Env, Rejection};
use super::event::Event;
use super::state::State;
use super::transaction::StreamKind;
use crate::domain::{CaseId, Digest, Field, ImageId, Role, Spacing, SpacingSource, SubjectId};

/// Size of a level-0 pixel in whole picometres, since events hold no fractions, and where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpacingRecord {
    pub x_pm: u64,
    pub y_pm: u64,
    pub source: SpacingSource,
}

impl SpacingRecord {
    /// Rounded to the picometre; `None` for a spacing that cannot be right (not positive, or a metre and more a pixel).
    pub fn of(spacing: &Spacing) -> Option<Self> {
        let pm = |um: f64| (um > 0.0 && um < 1e6).then(|| (um * 1e6).round());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie between 0 and 1e12"
        )]
        let whole = |um: f64| pm(um).map(|v| v as u64).filter(|v| *v > 0);
        Some(Self { x_pm: whole(spacing.x_um)?, y_pm: whole(spacing.y_um)?, source: spacing.source })
    }

    pub fn spacing(&self) -> Spacing {
        #[expect(clippy::cast_precision_loss, reason = "below 1e12, exact in f64")]
        let um = |pm: u64| pm as f64 / 1e6;
        Spacing { x_um: um(self.x_pm), y_um: um(self.y_pm), source: self.source }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatalogEvent {
    #[serde(rename = "image.added")]
    Added {
        image: ImageId,
        case: CaseId,
        subject: SubjectId,
        field: Field,
        frames: u32,
        width: u32,
        height: u32,
        spacing: Option<SpacingRecord>,
        fingerprint: Digest,
    },
    #[serde(rename = "image.hashed")]
    Hashed { image: ImageId, sha256: Digest },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    pub id: CaseId,
    pub subject: SubjectId,
    pub images: Vec<ImageId>,
    /// Lamport time of its first image, for ordering lists.
    pub lamport: u64,
    /// How many cases its catalogue stream had before it.
    pub ordinal: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub id: ImageId,
    pub case: CaseId,
    pub subject: SubjectId,
    pub field: Field,
    pub frames: u32,
    /// Level-0 size in pixels.
    pub width: u32,
    pub height: u32,
    pub spacing: Option<SpacingRecord>,
    pub fingerprint: Digest,
    /// Full content hash; required before a read of the case may be submitted.
    pub sha256: Option<Digest>,
}

/// Fold of one catalogue stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueFold {
    pub cases: BTreeMap<CaseId, CaseRecord>,
    pub images: BTreeMap<ImageId, ImageRecord>,
    /// Content hashes by image; kept apart, since a folder opened from a copy notes them in a stream of its own.
    pub hashes: BTreeMap<ImageId, BTreeSet<Digest>>,
    pub erased: BTreeSet<SubjectId>,
}

impl CatalogueFold {
    pub(super) fn apply(&mut self, event: &CatalogEvent, lamport: u64) {
        match event {
            CatalogEvent::Added { image, case, subject, field, frames, width, height, spacing, fingerprint } => {
                if self.images.contains_key(image) {
                    return;
                }
                let record = ImageRecord {
                    id: image.clone(),
                    case: case.clone(),
                    subject: subject.clone(),
                    field: *field,
                    frames: *frames,
                    width: *width,
                    height: *height,
                    spacing: *spacing,
                    fingerprint: *fingerprint,
                    sha256: None,
                };
                self.images.insert(image.clone(), record);
                let ordinal = self.cases.len() as u64;
                let new_case =
                    || CaseRecord { id: case.clone(), subject: subject.clone(), images: Vec::new(), lamport, ordinal };
                self.cases.entry(case.clone()).or_insert_with(new_case).images.push(image.clone());
            }
            CatalogEvent::Hashed { image, sha256 } => {
                self.hashes.entry(image.clone()).or_default().insert(*sha256);
                self.settle(image);
            }
        }
    }

    /// Two hashes for one image contradict each other: then neither counts, until the coordinator has looked.
    fn settle(&mut self, image: &ImageId) {
        let known = self.hashes.get(image).filter(|h| h.len() == 1).and_then(|h| h.first()).copied();
        if let Some(record) = self.images.get_mut(image) {
            record.sha256 = known;
        }
    }

    /// Union with another catalogue, in whatever order.
    pub(super) fn merge(&mut self, other: &Self) {
        for (id, record) in &other.images {
            self.images.entry(id.clone()).or_insert_with(|| record.clone());
        }
        for (id, theirs) in &other.cases {
            let mine =
                self.cases.entry(id.clone()).or_insert_with(|| CaseRecord { images: Vec::new(), ..theirs.clone() });
            (mine.lamport, mine.ordinal) = (mine.lamport, mine.ordinal).min((theirs.lamport, theirs.ordinal));
            mine.images.extend(theirs.images.iter().filter(|i| !mine.images.contains(i)).cloned().collect::<Vec<_>>());
        }
        for (id, theirs) in &other.hashes {
            self.hashes.entry(id.clone()).or_default().extend(theirs);
        }
        self.erased.extend(other.erased.iter().cloned());
        let images: Vec<ImageId> = self.hashes.keys().cloned().collect();
        images.iter().for_each(|i| self.settle(i));
    }
}

pub(super) fn decide(state: &State, env: &mut Env<'_>, command: &CatalogCommand) -> Result<Decided, Rejection> {
    state.require(env, Role::Coordinator)?;
    let mut out = Decided::own(state, env, StreamKind::Catalogue, "catalog.add");
    match command {
        CatalogCommand::Add { images } => {
            // Two processes may bring in the same files at once. What was erased may be brought in anew.
            let known: BTreeSet<&Digest> =
                state.images().filter(|i| !state.is_erased(&i.subject)).map(|i| &i.fingerprint).collect();
            for new in images {
                if state.image(&new.image).is_some() || known.contains(&new.fingerprint) {
                    continue;
                }
                if state.is_erased(&new.subject) {
                    return Err(Rejection::Erased);
                }
                out.events.push(Event::Catalog(CatalogEvent::Added {
                    image: new.image.clone(),
                    case: new.case.clone(),
                    subject: new.subject.clone(),
                    field: new.field,
                    frames: new.frames,
                    width: new.width,
                    height: new.height,
                    spacing: new.spacing,
                    fingerprint: new.fingerprint,
                }));
            }
        }
        CatalogCommand::Hashed { images } => {
            out.label = "catalog.hash";
            for (image, sha256) in images {
                let record = state.image(image).ok_or_else(|| Rejection::UnknownImage(image.clone()))?;
                if state.is_erased(&record.subject) {
                    continue;
                }
                match record.sha256 {
                    Some(known) if known != *sha256 => return Err(Rejection::PixelsChanged(image.clone())),
                    Some(_) => {}
                    None => {
                        out.events.push(Event::Catalog(CatalogEvent::Hashed { image: image.clone(), sha256: *sha256 }));
                    }
                }
            }
        }
    }
    if out.events.is_empty() { Err(Rejection::NothingToDo) } else { Ok(out) }
}
