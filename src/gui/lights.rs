//! With which light an endoscope's picture was taken: said of stills, or of a stretch of a film, with one key and a digit.
//!
//! It is kept as what the reader said of a whole image (`journal`'s image facts: signed, undone, erased like a finding, but
//! no finding). What was said last counts; a film keeps the first frame as the place and the last one as an attribute.

use std::collections::BTreeMap;

use super::action::Dialog;
use super::app::App;
use super::filmstrip::Place;
use super::i18n::Arg;
use super::model::Model;
use super::player::time_text;
use crate::domain::{Field, FindingId, ImageId, Origin, Roi, RoiSpace, Shape};
use crate::project::{Command, FindingCommand, FindingDraft, FindingOrigin, ImageFact};

/// Attribute with the light's code.
const ATTRIBUTE: &str = "light-mode";
/// Attribute with the last frame of a stretch, from 0.
const UNTIL: &str = "until-frame";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    White,
    Nbi,
    Bli,
    Chromo,
    Other,
}

impl Light {
    /// In the order of their digits.
    pub const ALL: [Self; 5] = [Self::White, Self::Nbi, Self::Bli, Self::Chromo, Self::Other];

    /// As it is kept.
    pub const fn code(self) -> &'static str {
        match self {
            Self::White => "white-light",
            Self::Nbi => "nbi",
            Self::Bli => "bli-lci",
            Self::Chromo => "chromoendoscopy",
            Self::Other => "other",
        }
    }

    /// Fluent key of its name; `key`-badge is the short one.
    pub const fn key(self) -> &'static str {
        match self {
            Self::White => "light-white",
            Self::Nbi => "light-nbi",
            Self::Bli => "light-bli",
            Self::Chromo => "light-chromo",
            Self::Other => "light-other",
        }
    }

    pub const fn badge(self) -> &'static str {
        match self {
            Self::White => "light-white-badge",
            Self::Nbi => "light-nbi-badge",
            Self::Bli => "light-bli-badge",
            Self::Chromo => "light-chromo-badge",
            Self::Other => "light-other-badge",
        }
    }
}

/// What was said of an image's light.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightRow {
    pub id: FindingId,
    pub image: ImageId,
    /// First and last frame, from 0.
    pub frames: (u32, u32),
    pub light: Light,
}

impl LightRow {
    /// `None` for facts about something else, or by a newer version.
    pub fn of(fact: &ImageFact) -> Option<Self> {
        let code = fact.attributes.get(ATTRIBUTE)?;
        let light = Light::ALL.into_iter().find(|l| l.code() == code)?;
        let until = fact.attributes.get(UNTIL).and_then(|n| n.parse().ok()).unwrap_or(fact.frame);
        Some(Self { id: fact.id.clone(), image: fact.image.clone(), frames: (fact.frame, until), light })
    }

    fn covers(&self, image: &ImageId, frame: u32) -> bool {
        self.image == *image && (self.frames.0..=self.frames.1).contains(&frame)
    }
}

/// What the next word about light is said of: an image with its first and last frame.
pub type Stretch = (ImageId, u32, u32);

impl Model {
    /// The light of a frame, as it was said last.
    pub fn light(&self, image: &ImageId, frame: u32) -> Option<Light> {
        self.lights.iter().rev().find(|l| l.covers(image, frame)).map(|l| l.light)
    }
}

fn draft((image, from, until): Stretch, light: Light) -> FindingDraft {
    let mut attributes = BTreeMap::from([(ATTRIBUTE.to_owned(), light.code().to_owned())]);
    if until > from {
        attributes.insert(UNTIL.to_owned(), until.to_string());
    }
    FindingDraft {
        rois: vec![(image, Roi { frame: from, space: RoiSpace::Image, shape: Shape::WholeImage })],
        terms: Vec::new(),
        certainty: None,
        attributes,
        origin: FindingOrigin { origin: Origin::Manual, tool: ATTRIBUTE.to_owned(), seen: true, model: None },
        comment: None,
    }
}

/// The frames that marked pictures of a film's strip stand for: each up to the picture after it.
fn stretch_of(marked: &[u32], strip: &[u32], last: u32) -> Option<(u32, u32)> {
    let (from, to) = (marked.iter().min()?, marked.iter().max()?);
    let next = strip.iter().filter(|f| *f > to).min();
    Some((*from, next.map_or(last, |n| n.saturating_sub(1))))
}

impl App {
    /// What the next word about light would be said of: the marked pictures, else the still in view, else the film from the
    /// frame in view on.
    pub(super) fn light_stretches(&self) -> Vec<Stretch> {
        let model = self.session.model();
        let Some(image) = self.look.image.as_ref().and_then(|i| model.image(i)) else { return Vec::new() };
        let last = image.frames.saturating_sub(1);
        if last > 0 {
            let marked: Vec<u32> = self.look.marked.iter().filter(|p| p.0 == image.id).map(|p| p.1).collect();
            let strip: Vec<u32> = self.stage.strip().places().iter().map(|p| p.1).collect();
            let (from, until) = stretch_of(&marked, &strip, last).unwrap_or((self.look.frame, last));
            return vec![(image.id.clone(), from, until)];
        }
        let stills = self
            .look
            .marked
            .iter()
            .filter(|(id, _)| model.image(id).is_some_and(|i| i.frames <= 1 && i.field == Field::Endoscopy));
        let stills: Vec<Stretch> = stills.map(|(id, _)| (id.clone(), 0, 0)).collect();
        if stills.is_empty() { vec![(image.id.clone(), 0, 0)] } else { stills }
    }

    /// Asks which light it was.
    pub(super) fn ask_light(&mut self) {
        self.look.player.pause();
        let stretches = self.light_stretches();
        self.look.light_of = match stretches.as_slice() {
            [(_, from, until)] if until > from => {
                let clock = self.look.player.clock();
                let at = |f: u32| Arg::from(clock.map(|c| time_text(c.seconds(f))).unwrap_or_default());
                self.words.with("light-of-film", &[("from", at(*from)), ("until", at(*until))])
            }
            all => self.words.count("light-of-stills", all.len()),
        };
        self.look.dialog = Dialog::Light;
    }

    /// Says it, in one gesture; `None` takes back what was said.
    pub(super) fn set_light(&mut self, light: Option<Light>) {
        self.look.dialog = Dialog::None;
        let Some(case) = self.look.case.clone() else { return };
        let stretches = self.light_stretches();
        let count = stretches.len();
        let (command, said) = match light {
            Some(light) => {
                let findings = stretches.into_iter().map(|s| draft(s, light)).collect();
                let args = [("light", Arg::from(self.words.t(light.key()))), ("n", Arg::from(count))];
                (FindingCommand::Add { case, findings }, self.words.with("done-light", &args))
            }
            None => {
                let meets = |l: &super::lights::LightRow| {
                    stretches
                        .iter()
                        .any(|(id, from, until)| *id == l.image && l.frames.0 <= *until && l.frames.1 >= *from)
                };
                let lights = &self.session.model().lights;
                let findings: Vec<_> = lights.iter().filter(|l| meets(l)).map(|l| l.id.clone()).collect();
                if findings.is_empty() {
                    self.notices.refused(self.words.t("refused-no-light"));
                    return;
                }
                (FindingCommand::Delete { case, findings }, self.words.t("done-light-none"))
            }
        };
        match self.session.execute(Command::Finding(command)) {
            Ok(()) => {
                self.session.refresh(&self.look);
                self.look.marked.clear();
                self.notices.done(said);
            }
            Err(failure) => self.tell(&failure),
        }
    }

    /// Marks a picture of the strip, or lets it go; `range`: all between the one in view and this one.
    pub(super) fn mark(&mut self, place: Place, range: bool) {
        if !range {
            if !self.look.marked.remove(&place) {
                self.look.marked.insert(place);
            }
            return;
        }
        let places = self.stage.strip().places();
        let moves = self.look.player.moves();
        let here = if moves {
            places.partition_point(|p| p.1 <= self.look.frame).checked_sub(1)
        } else {
            places.iter().position(|p| self.look.image.as_ref() == Some(&p.0))
        };
        let (Some(a), Some(b)) = (here, places.iter().position(|p| *p == place)) else { return };
        let between: Vec<Place> = places.iter().take(a.max(b) + 1).skip(a.min(b)).cloned().collect();
        self.look.marked.extend(between);
    }

    /// The light of the frame in view, as its code; for tests.
    pub fn light_in_view(&self) -> Option<&'static str> {
        let image = self.look.image.as_ref()?;
        self.session.model().light(image, self.look.frame).map(Light::code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::StreamId;

    fn row(n: u32, frames: (u32, u32), light: Light) -> LightRow {
        let id = FindingId::derive(&StreamId::from_bytes([7; 32]), u64::from(n), 0);
        LightRow { id, image: ImageId::new("I-1").unwrap(), frames, light }
    }

    #[test]
    fn what_was_said_last_counts() {
        use Light::{Chromo, Nbi, White};
        let lights = vec![row(0, (0, 99), Light::White), row(1, (40, 99), Light::Nbi), row(2, (60, 69), Light::Chromo)];
        let model = Model { lights, ..Model::default() };
        let image = ImageId::new("I-1").unwrap();
        let said = [0, 39, 40, 60, 69, 70, 99].map(|f| model.light(&image, f));
        assert_eq!(said, [White, White, Nbi, Chromo, Chromo, Nbi, Nbi].map(Some));
        assert_eq!(model.light(&image, 100), None);
        assert_eq!(model.light(&ImageId::new("I-2").unwrap(), 5), None);
    }

    #[test]
    fn marked_pictures_of_a_film_stand_for_the_frames_up_to_the_next() {
        let strip = [0, 50, 100, 150];
        assert_eq!(stretch_of(&[50], &strip, 199), Some((50, 99)));
        assert_eq!(stretch_of(&[100, 50], &strip, 199), Some((50, 149)));
        assert_eq!(stretch_of(&[150], &strip, 199), Some((150, 199)));
        assert_eq!(stretch_of(&[], &strip, 199), None);
    }

    #[test]
    fn a_stretch_survives_being_kept() {
        let made = draft((ImageId::new("I-1").unwrap(), 12, 80), Light::Bli);
        let fact = ImageFact {
            id: row(0, (0, 0), Light::Bli).id,
            image: ImageId::new("I-1").unwrap(),
            frame: made.rois[0].1.frame,
            attributes: made.attributes,
        };
        let read = LightRow::of(&fact).unwrap();
        assert_eq!((read.frames, read.light), ((12, 80), Light::Bli));
        let newer = BTreeMap::from([(ATTRIBUTE.to_owned(), "x-ray".to_owned())]);
        assert_eq!(LightRow::of(&ImageFact { attributes: newer, ..fact }), None);
    }
}
