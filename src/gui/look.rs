//! What the workspace owns: selection, panels, language, dialogs, and texts being typed. Never part of a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::action::{Dialog, KeepTab, Workspace};
use super::actions::{Needs, Preset, Scope};
use super::filmstrip::Place;
use super::model::Model;
use super::navigation::Profile;
use super::player::Player;
use super::profile::LineProfile;
use super::theme;
use super::vocabulary::TermHits;
use crate::domain::{CaseId, Field, FindingId, ImageId, Roi, Shape, StreamId, TermRef, Verdict};

/// Stands for the redrawn region where the selection tool asks for a finding's id; it is no finding yet.
static REDRAW_ID: LazyLock<FindingId> = LazyLock::new(|| FindingId::derive(&StreamId::from_bytes([0; 32]), 0, 0));

/// Widths of the left and the right panel in points, by the workspace's Fluent key.
pub type Widths = BTreeMap<String, [u16; 2]>;

/// The state of the view.
#[derive(Clone, Debug)]
pub struct Look {
    pub workspace: Workspace,
    pub left: bool,
    pub right: bool,
    /// Widths of the left and the right panel in points, by workspace.
    pub widths: Widths,
    /// Image only: both panels and the strips are out of the way.
    pub bare: bool,
    pub history: bool,
    pub corners: bool,
    /// The map of a slide.
    pub navigator: bool,
    /// The box with brightness, contrast and stains.
    pub adjust: bool,
    /// Overlay graphics of the files, and what their shutters hide.
    pub overlays: bool,
    pub shutter: bool,
    /// Values along the line in view.
    pub line_profile: Option<std::sync::Arc<LineProfile>>,
    /// Clicks on the image belong to the profile line.
    pub profiling: bool,
    /// The outlines are hidden for as long as the key is held.
    pub hidden: bool,
    pub case: Option<CaseId>,
    pub image: Option<ImageId>,
    pub frame: u32,
    pub selected: Option<FindingId>,
    pub discrepancy: Option<String>,
    /// Regions that replace A and B, drawn and not yet decided on, by discrepancy.
    pub redraws: BTreeMap<String, Redraw>,
    /// Grows with every change of `redraws`.
    pub redraw_revision: u64,
    pub dialog: Dialog,
    pub verdict: Option<Verdict>,
    pub dark: bool,
    /// What mouse and digits do.
    pub profile: Profile,
    /// The note that drawing happens on the processor has been read.
    pub software_seen: bool,
    pub preset: Option<Preset>,
    pub keep: KeepTab,
    /// Pictures of the strip that the next word is said of.
    pub marked: BTreeSet<Place>,
    /// What the question about light is about, in words.
    pub light_of: String,
    /// The film or the loop in view.
    pub player: Player,
    pub forms: Forms,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            workspace: Workspace::Read,
            left: true,
            right: true,
            widths: Widths::new(),
            bare: false,
            history: false,
            corners: true,
            navigator: true,
            adjust: false,
            line_profile: None,
            profiling: false,
            overlays: true,
            shutter: true,
            hidden: false,
            case: None,
            image: None,
            frame: 0,
            selected: None,
            discrepancy: None,
            redraws: BTreeMap::new(),
            redraw_revision: 0,
            dialog: Dialog::None,
            verdict: None,
            dark: true,
            profile: Profile::default(),
            software_seen: false,
            preset: None,
            keep: KeepTab::default(),
            marked: BTreeSet::new(),
            light_of: String::new(),
            player: Player::default(),
            forms: Forms::default(),
        }
    }
}

/// Texts being typed, and which field wants the focus. The one thing that `ui()` writes.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    pub term_query: String,
    pub term_index: usize,
    pub term_hits: TermHits,
    pub comment: String,
    /// Which finding `comment` belongs to.
    pub comment_of: Option<FindingId>,
    pub case_filter: String,
    pub palette: String,
    pub palette_index: usize,
    pub reason: String,
    pub release_version: String,
    /// Folder in which the release's own folder is made.
    pub release_folder: String,
    /// A further place for backups.
    pub backup_folder: String,
    pub restore_from: String,
    /// The project folder that restoring makes.
    pub restore_to: String,
    #[cfg(feature = "network")]
    pub pacs: super::pacs::PacsForm,
    /// A time in the film being typed.
    pub jump: Option<String>,
    pub focus: Option<TextField>,
    pub composing: bool,
}

/// A text field that can be given the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    Terms,
    Comment,
    Palette,
    Reason,
}

/// A region that an adjudicator drew for a discrepancy. It lives in the hand, and in the drafts, until it is decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct Redraw {
    pub image: ImageId,
    pub roi: Roi,
    /// `None` until it is chosen, where the readers named it differently.
    pub term: Option<TermRef>,
}

impl Look {
    /// An empty view in which the window itself is as it was.
    #[must_use]
    pub fn anew(&self) -> Self {
        let (dark, profile, software_seen, widths) = (self.dark, self.profile, self.software_seen, self.widths.clone());
        Self { widths, dark, profile, software_seen, ..Self::default() }
    }

    /// Widths of the panels of the workspace in view.
    pub fn panel_widths(&self) -> [f32; 2] {
        let known = self.widths.get(self.workspace.key()).copied();
        known.map_or([theme::LEFT_WIDTH, theme::RIGHT_WIDTH], |pair| pair.map(f32::from))
    }

    /// Notes what a hand has made of the widths; what nobody touched stays out of the settings.
    pub fn set_panel_widths(&mut self, now: [f32; 2]) {
        let before = self.panel_widths();
        if before.iter().zip(now).any(|(b, n)| (b - n).abs() >= 1.0) {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a width on a screen, in points"
            )]
            let pair = now.map(|w| w.round() as u16);
            self.widths.insert(self.workspace.key().to_owned(), pair);
        }
    }

    /// The region drawn for the discrepancy in view.
    pub fn redraw(&self) -> Option<&Redraw> {
        self.redraws.get(self.discrepancy.as_ref().filter(|_| self.workspace == Workspace::Adjudicate)?)
    }

    pub fn set_redraw(&mut self, discrepancy: &str, redraw: Option<Redraw>) {
        self.redraw_revision += 1;
        match redraw {
            Some(redraw) => self.redraws.insert(discrepancy.to_owned(), redraw),
            None => self.redraws.remove(discrepancy),
        };
    }

    /// The shape that the hand may mend on the slice in view: the selected finding's, or the redrawn region's.
    pub fn in_hand<'a>(&'a self, model: &'a Model) -> Option<(&'a FindingId, &'a Shape)> {
        let image = self.image.as_ref()?;
        if self.workspace == Workspace::Adjudicate {
            let redraw = self.redraw().filter(|r| r.image == *image && r.roi.frame == self.frame)?;
            return Some((&REDRAW_ID, &redraw.roi.shape));
        }
        let finding = model.finding(self.selected.as_ref()?).filter(|_| self.editable(model))?;
        Some((&finding.id, finding.shape_on(image, self.frame)?))
    }

    /// Whether something may be drawn now: findings of an open read, or the region that settles a discrepancy.
    pub fn may_draw(&self, model: &Model) -> bool {
        let writable = model.project.as_ref().is_some_and(|p| p.read_only.is_none());
        let judging = self.workspace == Workspace::Adjudicate && self.discrepancy.is_some() && writable;
        judging || self.editable(model)
    }

    /// The field of the image in view.
    pub fn field(&self, model: &Model) -> Option<Field> {
        model.image(self.image.as_ref()?).map(|i| i.field)
    }

    /// Whether findings of the open case may be changed now.
    pub fn editable(&self, model: &Model) -> bool {
        let writable = model.project.as_ref().is_some_and(|p| p.read_only.is_none());
        let state = self.case.as_ref().and_then(|c| model.case(c)).map(|c| c.state);
        writable && self.workspace == Workspace::Read && state.is_some_and(super::model::ReadState::editable)
    }

    /// Whether actions of this scope exist now.
    pub fn active(&self, model: &Model, scope: Scope) -> bool {
        match scope {
            Scope::Always => true,
            Scope::Read => self.workspace == Workspace::Read,
            Scope::Adjudicate => self.workspace == Workspace::Adjudicate,
            Scope::Radiology => self.field(model) == Some(Field::Radiology),
            Scope::Pathology => self.field(model) == Some(Field::Pathology),
            Scope::Endoscopy => self.field(model) == Some(Field::Endoscopy),
        }
    }

    /// Whether what an action needs is there.
    pub fn meets(&self, model: &Model, needs: Needs) -> bool {
        let image = self.image.is_some();
        match needs {
            Needs::Nothing => true,
            Needs::Project => model.project.is_some(),
            Needs::Image => image,
            Needs::OpenRead => image && self.editable(model),
            Needs::Pen => image && self.may_draw(model),
            Needs::Selection => self.selected.is_some(),
            Needs::Editing => self.selected.is_some() && self.editable(model),
            Needs::Stack => self.image.as_ref().and_then(|i| model.image(i)).is_some_and(|i| i.frames > 1),
            Needs::Discrepancy => self.discrepancy.is_some(),
            Needs::Office => model.project.as_ref().is_some_and(super::model::ProjectHead::is_office),
            Needs::BetterPlace => model.keeping.place.is_some(),
            Needs::Backup => model.keeping.last.is_some(),
            #[cfg(feature = "network")]
            Needs::Pacs => model.pacs.is_there(),
        }
    }
}
