//! What panels and keys ask for. `App::logic` carries it out; nothing else changes the project or the view.

use std::path::PathBuf;

use super::actions::{ActionId, Preset};
use super::filmstrip::Place;
use super::i18n::Lang;
use super::keeping::Task;
use super::lights::Light;
use super::tools::{PointerInput, ToolKind};
use crate::domain::{CaseId, FindingId, ImageId, ReaderId, TermRef, Verdict};
use crate::project::{Command, tiles::ColourState};

/// One wish of the person at the window.
#[derive(Clone, Debug)]
pub enum Action {
    /// A change of the project.
    Do(Command),
    Undo,
    Redo,
    /// A change of what is looked at.
    Look(ViewChange),
    /// Something that takes its time.
    Run(Job),
    /// The tool's hand on the image.
    Hand(PointerInput),
    /// A row of the table, by menu, palette, button or key.
    Call(ActionId),
}

/// Which part of the window is in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Workspace {
    #[default]
    Read,
    Adjudicate,
    Release,
    /// Backups, checks, and what they found.
    Keeping,
}

impl Workspace {
    pub const fn key(self) -> &'static str {
        match self {
            Self::Read => "workspace-read",
            Self::Adjudicate => "workspace-adjudicate",
            Self::Release => "workspace-release",
            Self::Keeping => "workspace-keeping",
        }
    }

    /// A page of text and buttons instead of an image.
    pub const fn is_page(self) -> bool {
        matches!(self, Self::Release | Self::Keeping)
    }
}

/// A page of the workspace for backups and checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeepTab {
    #[default]
    Backups,
    Check,
    Conflicts,
}

impl KeepTab {
    pub const ALL: [Self; 3] = [Self::Backups, Self::Check, Self::Conflicts];

    pub const fn key(self) -> &'static str {
        match self {
            Self::Backups => "keep-backups",
            Self::Check => "keep-check",
            Self::Conflicts => "keep-conflicts",
        }
    }
}

/// What a folder is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderFor {
    Release,
    Backups,
    RestoreFrom,
    /// In which the restored project is made.
    RestoreInto,
    /// For images that are fetched.
    #[cfg(feature = "network")]
    Pacs,
    /// A release to be checked.
    Check,
}

/// What covers the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialog {
    #[default]
    None,
    Palette,
    Keys,
    About,
    Submit,
    Amend,
    Restore,
    /// With which light the picture was taken.
    Light,
    #[cfg(feature = "network")]
    Pacs,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ViewChange {
    Workspace(Workspace),
    Case(CaseId),
    Image(ImageId),
    /// Another cell of the stage gets the tools.
    Activate(usize),
    /// An image of the case into a cell.
    Place(usize, ImageId),
    /// A place that was pointed at for laying two images over each other.
    Point(ImageId, crate::domain::PointPx),
    /// An end of the profile line.
    ProfileEnd(ImageId, crate::domain::PointPx),
    Frame(u32),
    /// The window was dragged: no preset is in force any more.
    WindowByHand,
    SoftwareSeen,
    /// How colour is shown in the active view.
    Colour(ColourState),
    /// Says which light it was, or takes back what was said.
    Light(Option<Light>),
    /// A picture of the strip joins those that the next word is said of, or leaves them; with `true` all up to it.
    Mark(Place, bool),
    Select(Option<FindingId>),
    /// Select, and bring it into view if it is out of sight.
    Reveal(FindingId),
    Tool(ToolKind),
    Window(Preset),
    Lang(Lang),
    Dialog(Dialog),
    Discrepancy(String),
    /// Names the region that was redrawn.
    RedrawTerm(TermRef),
    /// Puts the redrawn region away; undo brings it back.
    DropRedraw,
    Verdict(Verdict),
    /// Somebody else reads, with a key of this computer.
    ActAs(ReaderId),
    KeepTab(KeepTab),
    /// The person has read what was said of the project's place.
    PlaceRead,
    /// Asks for the dialog, with this backup in it.
    Restore(PathBuf),
    Folder(FolderFor, PathBuf),
    DismissNotice,
    /// The system has no file dialog to show.
    NoDialog,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    Open(Vec<PathBuf>),
    /// Stops what is being opened.
    CancelOpening,
    ChooseFolder,
    ChooseFiles,
    Practise,
    /// Asks for the folder where missing images went.
    Relocate,
    RelocateTo(Vec<PathBuf>),
    CopyText(String),
    /// Looks anew at what a release would hold.
    PlanRelease,
    ChooseFolderFor(FolderFor),
    Keep(Task),
    StopKeeping,
    #[cfg(feature = "network")]
    Pacs(super::pacs::PacsAsk),
    /// Looks anew at the places for backups.
    ListBackups,
    Release {
        version: String,
        folder: PathBuf,
    },
    /// Confirms the cases on which both readers agree.
    ConfirmAgreed,
}
