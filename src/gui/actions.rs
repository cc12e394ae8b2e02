//! The one table of everything a person can do. It feeds the menu, the shortcuts, the command palette, the tooltips and
//! the key sheet (F1), so that none of them can say something else.

use egui::{Key, Modifiers};

pub use super::action_kinds::{ActionDef, Group, Needs, Scope, Shortcut};
use super::icons;
use super::navigation::Profile;
use super::player::Transport;
pub use super::presets::Preset;
use super::stage_actions::STAGE_ACTIONS;
pub use super::staging::Staging;
use super::tools::ToolKind;
use super::viewing::Viewing;
use crate::project::tiles::ColourPart;

/// Names every action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionId {
    OpenFolder,
    OpenFiles,
    #[cfg(feature = "network")]
    OpenPacs,
    Practise,
    Saved,
    Submit,
    Amend,
    CloseProject,
    Undo,
    Redo,
    Delete,
    Tool(ToolKind),
    Label(u8),
    FocusTerms,
    Comment,
    Certainty(u8),
    NextFinding,
    PreviousFinding,
    ZoomToFinding,
    Fit,
    OneToOne,
    ZoomIn,
    ZoomOut,
    Slice(i32),
    FirstSlice,
    LastSlice,
    NextImage,
    PreviousImage,
    NextCase,
    PreviousCase,
    Window(Preset),
    Magnify(u8),
    Invert,
    /// How the image in view is shown.
    View(Viewing),
    Stage(Staging),
    HideFindings,
    Corners,
    LeftPanel,
    RightPanel,
    AllPanels,
    History,
    Language,
    Theme,
    TakeA,
    TakeB,
    TakeBoth,
    TakeNeither,
    TakeRedrawn,
    NextDiscrepancy,
    PreviousDiscrepancy,
    BackUp,
    BackUpNow,
    Drill,
    Restore,
    CopyHere,
    Verify,
    VerifyRelease,
    Conflicts,
    Film(Transport),
    Palette,
    Keys,
    /// With which light the picture was taken.
    Light,
    /// Takes on the habits of a profile.
    Navigate(Profile),
    About,
}

pub(super) const fn k(key: Key) -> Shortcut {
    Shortcut { modifiers: Modifiers::NONE, key }
}
pub(super) const fn ctrl(key: Key) -> Shortcut {
    Shortcut { modifiers: Modifiers::COMMAND, key }
}
pub(super) const fn shift(key: Key) -> Shortcut {
    Shortcut { modifiers: Modifiers::SHIFT, key }
}
pub(super) const fn alt(key: Key) -> Shortcut {
    Shortcut { modifiers: Modifiers::ALT, key }
}
const fn alt_shift(key: Key) -> Shortcut {
    Shortcut { modifiers: Modifiers::ALT.plus(Modifiers::SHIFT), key }
}
pub(super) const fn ctrl_shift(key: Key) -> Shortcut {
    Shortcut { modifiers: Modifiers::COMMAND.plus(Modifiers::SHIFT), key }
}

pub(super) const fn def(
    id: ActionId,
    key: &'static str,
    icon: &'static str,
    group: Group,
    scope: Scope,
    needs: Needs,
    shortcuts: &'static [Shortcut],
) -> ActionDef {
    ActionDef { id, key, icon, group, scope, needs, shortcuts, in_menu: true }
}

pub(super) const fn quiet(
    id: ActionId,
    key: &'static str,
    icon: &'static str,
    group: Group,
    scope: Scope,
    needs: Needs,
    shortcuts: &'static [Shortcut],
) -> ActionDef {
    ActionDef { in_menu: false, ..def(id, key, icon, group, scope, needs, shortcuts) }
}

use ActionId as A;
use Group as G;
use Needs as N;
use Scope as S;
use Transport as T;
use Viewing as V;

/// Everything a person can do.
pub const ACTIONS: &[ActionDef] = &joined::<{ GENERAL.len() + STAGE_ACTIONS.len() }>(GENERAL, STAGE_ACTIONS);

/// Two tables as one.
const fn joined<const N: usize>(a: &[ActionDef], b: &[ActionDef]) -> [ActionDef; N] {
    let mut out = [a[0]; N];
    let mut i = 0;
    while i < N {
        out[i] = if i < a.len() { a[i] } else { b[i - a.len()] };
        i += 1;
    }
    out
}

const GENERAL: &[ActionDef] = &[
    def(A::OpenFolder, "action-open-folder", icons::FOLDER_OPEN, G::File, S::Always, N::Nothing, &[ctrl(Key::O)]),
    def(A::OpenFiles, "action-open-files", icons::FILE_IMAGE, G::File, S::Always, N::Nothing, &[ctrl_shift(Key::O)]),
    #[cfg(feature = "network")]
    def(A::OpenPacs, "action-open-pacs", icons::HARD_DRIVES, G::File, S::Always, N::Pacs, &[]),
    def(A::Practise, "action-practise", icons::GRADUATION_CAP, G::File, S::Always, N::Nothing, &[]),
    def(A::Saved, "action-saved", icons::CHECK_CIRCLE, G::File, S::Always, N::Project, &[ctrl(Key::S)]),
    def(A::Submit, "action-submit", icons::PAPER_PLANE_TILT, G::File, S::Read, N::OpenRead, &[ctrl(Key::Enter)]),
    def(A::Amend, "action-amend", icons::NOTE_PENCIL, G::File, S::Read, N::Project, &[]),
    def(A::CloseProject, "action-close", icons::SIGN_OUT, G::File, S::Always, N::Project, &[ctrl(Key::W)]),
    def(A::Undo, "action-undo", icons::ARROW_COUNTER_CLOCKWISE, G::Edit, S::Always, N::Project, &[ctrl(Key::Z)]),
    def(
        A::Redo,
        "action-redo",
        icons::ARROW_CLOCKWISE,
        G::Edit,
        S::Always,
        N::Project,
        &[ctrl(Key::Y), ctrl_shift(Key::Z)],
    ),
    def(A::Delete, "action-delete", icons::TRASH, G::Edit, S::Read, N::Editing, &[k(Key::Delete)]),
    def(
        A::Tool(ToolKind::Select),
        "tool-select",
        icons::CURSOR,
        G::Tools,
        S::Always,
        N::Image,
        &[k(Key::M), k(Key::V)],
    ),
    def(A::Tool(ToolKind::Polygon), "tool-polygon", icons::POLYGON, G::Tools, S::Always, N::Pen, &[k(Key::P)]),
    def(A::Tool(ToolKind::Rectangle), "tool-rectangle", icons::RECTANGLE, G::Tools, S::Read, N::OpenRead, &[k(Key::R)]),
    def(A::Tool(ToolKind::Ellipse), "tool-ellipse", icons::CIRCLE, G::Tools, S::Read, N::OpenRead, &[k(Key::O)]),
    def(A::Tool(ToolKind::Point), "tool-point", icons::DOT_OUTLINE, G::Tools, S::Read, N::OpenRead, &[k(Key::Period)]),
    def(A::FocusTerms, "action-focus-terms", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::T)]),
    def(A::Comment, "action-comment", icons::PENCIL_SIMPLE_LINE, G::Finding, S::Read, N::Editing, &[k(Key::C)]),
    quiet(A::Label(1), "action-label-1", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num1)]),
    quiet(A::Label(2), "action-label-2", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num2)]),
    quiet(A::Label(3), "action-label-3", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num3)]),
    quiet(A::Label(4), "action-label-4", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num4)]),
    quiet(A::Label(5), "action-label-5", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num5)]),
    quiet(A::Label(6), "action-label-6", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num6)]),
    quiet(A::Label(7), "action-label-7", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num7)]),
    quiet(A::Label(8), "action-label-8", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num8)]),
    quiet(A::Label(9), "action-label-9", icons::TAG, G::Finding, S::Read, N::Editing, &[k(Key::Num9)]),
    def(A::Certainty(1), "action-definite", icons::SEAL_CHECK, G::Finding, S::Read, N::Editing, &[alt(Key::Num1)]),
    def(
        A::Certainty(2),
        "action-probable",
        icons::CIRCLE_HALF_TILT,
        G::Finding,
        S::Read,
        N::Editing,
        &[alt(Key::Num2)],
    ),
    def(A::Certainty(3), "action-possible", icons::CIRCLE_DASHED, G::Finding, S::Read, N::Editing, &[alt(Key::Num3)]),
    def(A::NextFinding, "action-next-finding", icons::CARET_DOWN, G::Finding, S::Read, N::Image, &[k(Key::E)]),
    def(A::PreviousFinding, "action-previous-finding", icons::CARET_UP, G::Finding, S::Read, N::Image, &[k(Key::Q)]),
    def(A::ZoomToFinding, "action-zoom-finding", icons::FRAME_CORNERS, G::Finding, S::Read, N::Selection, &[k(Key::Z)]),
    def(A::Fit, "action-fit", icons::CORNERS_OUT, G::Image, S::Always, N::Image, &[k(Key::F), ctrl(Key::Num0)]),
    def(A::OneToOne, "action-one-to-one", icons::ARROWS_OUT, G::Image, S::Always, N::Image, &[ctrl(Key::Num1)]),
    quiet(A::ZoomIn, "action-zoom-in", icons::PLUS, G::Image, S::Always, N::Image, &[k(Key::Plus), k(Key::Equals)]),
    quiet(A::ZoomOut, "action-zoom-out", icons::MINUS, G::Image, S::Always, N::Image, &[k(Key::Minus)]),
    quiet(A::Slice(1), "action-next-slice", icons::STACK, G::Image, S::Read, N::Stack, &[k(Key::ArrowDown)]),
    quiet(A::Slice(-1), "action-previous-slice", icons::STACK, G::Image, S::Read, N::Stack, &[k(Key::ArrowUp)]),
    quiet(A::Slice(10), "action-ten-slices-on", icons::STACK, G::Image, S::Always, N::Stack, &[k(Key::PageDown)]),
    quiet(A::Slice(-10), "action-ten-slices-back", icons::STACK, G::Image, S::Always, N::Stack, &[k(Key::PageUp)]),
    quiet(A::FirstSlice, "action-first-slice", icons::STACK, G::Image, S::Always, N::Stack, &[k(Key::Home)]),
    quiet(A::LastSlice, "action-last-slice", icons::STACK, G::Image, S::Always, N::Stack, &[k(Key::End)]),
    def(A::NextImage, "action-next-image", icons::CARET_RIGHT, G::Image, S::Read, N::Image, &[k(Key::ArrowRight)]),
    def(
        A::PreviousImage,
        "action-previous-image",
        icons::CARET_LEFT,
        G::Image,
        S::Read,
        N::Image,
        &[k(Key::ArrowLeft)],
    ),
    def(A::Film(T::PlayPause), "film-play", icons::STACK, G::Image, S::Always, N::Stack, &[ctrl(Key::Space)]),
    quiet(A::Film(T::Forward), "film-forward", icons::CARET_RIGHT, G::Image, S::Always, N::Stack, &[k(Key::L)]),
    quiet(A::Film(T::Pause), "film-pause", icons::STACK, G::Image, S::Always, N::Stack, &[k(Key::K)]),
    quiet(A::Film(T::Reverse), "film-reverse", icons::CARET_LEFT, G::Image, S::Always, N::Stack, &[k(Key::J)]),
    quiet(A::Film(T::Speed(0)), "film-speed-1", icons::STACK, G::Image, S::Endoscopy, N::Stack, &[shift(Key::Num1)]),
    quiet(A::Film(T::Speed(1)), "film-speed-2", icons::STACK, G::Image, S::Endoscopy, N::Stack, &[shift(Key::Num2)]),
    quiet(A::Film(T::Speed(2)), "film-speed-3", icons::STACK, G::Image, S::Endoscopy, N::Stack, &[shift(Key::Num3)]),
    quiet(A::Film(T::Speed(3)), "film-speed-4", icons::STACK, G::Image, S::Endoscopy, N::Stack, &[shift(Key::Num4)]),
    quiet(A::Film(T::Speed(4)), "film-speed-5", icons::STACK, G::Image, S::Endoscopy, N::Stack, &[shift(Key::Num5)]),
    quiet(A::Film(T::Loop), "film-loop", icons::ARROW_CLOCKWISE, G::Image, S::Always, N::Stack, &[alt(Key::P)]),
    quiet(A::Film(T::Jump), "film-jump", icons::STACK, G::Image, S::Always, N::Stack, &[ctrl(Key::J)]),
    quiet(A::Film(T::NextKey), "film-next-key", icons::STACK, G::Image, S::Always, N::Stack, &[shift(Key::ArrowRight)]),
    quiet(
        A::Film(T::PreviousKey),
        "film-previous-key",
        icons::STACK,
        G::Image,
        S::Always,
        N::Stack,
        &[shift(Key::ArrowLeft)],
    ),
    def(A::Film(T::Strip), "film-strip", icons::IMAGE_SQUARE, G::View, S::Always, N::Image, &[k(Key::F9)]),
    def(A::Film(T::FitField), "fit-field", icons::CIRCLE_DASHED, G::Image, S::Endoscopy, N::Image, &[shift(Key::F)]),
    def(A::Light, "light-mode", icons::CAMERA, G::Finding, S::Endoscopy, N::OpenRead, &[shift(Key::L)]),
    def(A::NextCase, "action-next-case", icons::CARET_RIGHT, G::File, S::Read, N::Project, &[k(Key::N)]),
    def(A::PreviousCase, "action-previous-case", icons::CARET_LEFT, G::File, S::Read, N::Project, &[shift(Key::N)]),
    def(
        A::Window(Preset::Soft),
        "window-soft",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num1)],
    ),
    def(
        A::Window(Preset::Lung),
        "window-lung",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num2)],
    ),
    def(
        A::Window(Preset::Bone),
        "window-bone",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num3)],
    ),
    def(
        A::Window(Preset::Brain),
        "window-brain",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num4)],
    ),
    def(
        A::Window(Preset::Liver),
        "window-liver",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num5)],
    ),
    quiet(
        A::Window(Preset::Abdomen),
        "window-abdomen",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num6)],
    ),
    quiet(
        A::Window(Preset::Mediastinum),
        "window-mediastinum",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num7)],
    ),
    quiet(
        A::Window(Preset::Vessels),
        "window-vessels",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num8)],
    ),
    def(
        A::Window(Preset::Auto),
        "window-auto",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num9)],
    ),
    def(
        A::Window(Preset::Own),
        "window-own",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Num0)],
    ),
    quiet(A::Magnify(1), "magnify-1", icons::MAGNIFYING_GLASS, G::Image, S::Pathology, N::Image, &[shift(Key::Num5)]),
    quiet(A::Magnify(5), "magnify-5", icons::MAGNIFYING_GLASS, G::Image, S::Pathology, N::Image, &[shift(Key::Num1)]),
    quiet(A::Magnify(10), "magnify-10", icons::MAGNIFYING_GLASS, G::Image, S::Pathology, N::Image, &[shift(Key::Num2)]),
    quiet(A::Magnify(20), "magnify-20", icons::MAGNIFYING_GLASS, G::Image, S::Pathology, N::Image, &[shift(Key::Num3)]),
    quiet(A::Magnify(40), "magnify-40", icons::MAGNIFYING_GLASS, G::Image, S::Pathology, N::Image, &[shift(Key::Num4)]),
    def(A::Invert, "action-invert", icons::CIRCLE_HALF_TILT, G::Image, S::Radiology, N::Image, &[alt(Key::I)]),
    def(A::View(V::Turn(90)), "turn-right", icons::ARROW_CLOCKWISE, G::Image, S::Always, N::Image, &[alt(Key::R)]),
    def(
        A::View(V::Turn(-90)),
        "turn-left",
        icons::ARROW_COUNTER_CLOCKWISE,
        G::Image,
        S::Always,
        N::Image,
        &[alt(Key::L)],
    ),
    quiet(
        A::View(V::Turn(5)),
        "turn-right-little",
        icons::ARROW_CLOCKWISE,
        G::Image,
        S::Always,
        N::Image,
        &[alt_shift(Key::R)],
    ),
    quiet(
        A::View(V::Turn(-5)),
        "turn-left-little",
        icons::ARROW_COUNTER_CLOCKWISE,
        G::Image,
        S::Always,
        N::Image,
        &[alt_shift(Key::L)],
    ),
    quiet(A::View(V::Upright), "turn-upright", icons::CIRCLE_DASHED, G::Image, S::Always, N::Image, &[alt(Key::U)]),
    quiet(
        A::View(V::MirrorAcross),
        "mirror-across",
        icons::CIRCLE_HALF_TILT,
        G::Image,
        S::Always,
        N::Image,
        &[alt(Key::H)],
    ),
    quiet(
        A::View(V::MirrorDown),
        "mirror-down",
        icons::CIRCLE_HALF_TILT,
        G::Image,
        S::Always,
        N::Image,
        &[alt(Key::V)],
    ),
    quiet(A::View(V::RawPixels), "raw-pixels", icons::FRAME_CORNERS, G::Image, S::Always, N::Image, &[k(Key::X)]),
    def(A::View(V::Adjust), "adjust", icons::SLIDERS_HORIZONTAL, G::Image, S::Always, N::Image, &[shift(Key::A)]),
    quiet(
        A::View(V::ResetColour),
        "adjust-reset-all",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Pathology,
        N::Image,
        &[shift(Key::Num0)],
    ),
    quiet(A::View(V::Icc), "icc-switch", icons::CIRCLE_HALF_TILT, G::Image, S::Always, N::Image, &[alt(Key::C)]),
    quiet(
        A::View(V::Part(ColourPart::Haematoxylin)),
        "stain-haematoxylin",
        icons::MICROSCOPE,
        G::Image,
        S::Pathology,
        N::Image,
        &[shift(Key::H)],
    ),
    quiet(
        A::View(V::Part(ColourPart::Eosin)),
        "stain-eosin",
        icons::MICROSCOPE,
        G::Image,
        S::Pathology,
        N::Image,
        &[shift(Key::E)],
    ),
    quiet(
        A::View(V::Part(ColourPart::Dab)),
        "stain-dab",
        icons::MICROSCOPE,
        G::Image,
        S::Pathology,
        N::Image,
        &[shift(Key::D)],
    ),
    quiet(
        A::View(V::Part(ColourPart::Red)),
        "channel-red",
        icons::MICROSCOPE,
        G::Image,
        S::Always,
        N::Image,
        &[shift(Key::R)],
    ),
    quiet(
        A::View(V::Part(ColourPart::Green)),
        "channel-green",
        icons::MICROSCOPE,
        G::Image,
        S::Always,
        N::Image,
        &[shift(Key::G)],
    ),
    quiet(
        A::View(V::Part(ColourPart::Blue)),
        "channel-blue",
        icons::MICROSCOPE,
        G::Image,
        S::Always,
        N::Image,
        &[shift(Key::B)],
    ),
    def(
        A::View(V::Navigator),
        "navigator-switch",
        icons::FRAME_CORNERS,
        G::View,
        S::Pathology,
        N::Image,
        &[shift(Key::M)],
    ),
    def(A::View(V::FullScreen), "full-screen", icons::ARROWS_OUT, G::View, S::Always, N::Nothing, &[k(Key::F11)]),
    def(A::HideFindings, "action-hide-findings", icons::EYE_SLASH, G::View, S::Always, N::Image, &[k(Key::H)]),
    def(A::Corners, "action-corners", icons::INFO, G::View, S::Always, N::Image, &[k(Key::I)]),
    def(A::LeftPanel, "action-left-panel", icons::SIDEBAR_SIMPLE, G::View, S::Always, N::Project, &[k(Key::F2)]),
    def(A::RightPanel, "action-right-panel", icons::SIDEBAR_SIMPLE, G::View, S::Always, N::Project, &[k(Key::F3)]),
    def(A::AllPanels, "action-all-panels", icons::ARROWS_OUT, G::View, S::Always, N::Project, &[k(Key::Tab)]),
    def(A::History, "action-history", icons::CLOCK_COUNTER_CLOCKWISE, G::View, S::Read, N::Project, &[k(Key::F4)]),
    def(A::Language, "action-language", icons::TRANSLATE, G::View, S::Always, N::Nothing, &[ctrl(Key::L)]),
    def(A::Theme, "action-theme", icons::MOON, G::View, S::Always, N::Nothing, &[k(Key::F8)]),
    def(A::TakeA, "action-take-a", icons::SCALES, G::Decide, S::Adjudicate, N::Discrepancy, &[k(Key::A)]),
    def(A::TakeB, "action-take-b", icons::SCALES, G::Decide, S::Adjudicate, N::Discrepancy, &[k(Key::B)]),
    def(A::TakeBoth, "action-take-both", icons::SCALES, G::Decide, S::Adjudicate, N::Discrepancy, &[k(Key::O)]),
    def(A::TakeNeither, "action-take-neither", icons::SCALES, G::Decide, S::Adjudicate, N::Discrepancy, &[k(Key::N)]),
    def(A::TakeRedrawn, "action-take-redrawn", icons::POLYGON, G::Decide, S::Adjudicate, N::Discrepancy, &[k(Key::R)]),
    def(
        A::NextDiscrepancy,
        "action-next-discrepancy",
        icons::CARET_DOWN,
        G::Decide,
        S::Adjudicate,
        N::Project,
        &[k(Key::ArrowDown)],
    ),
    def(
        A::PreviousDiscrepancy,
        "action-previous-discrepancy",
        icons::CARET_UP,
        G::Decide,
        S::Adjudicate,
        N::Project,
        &[k(Key::ArrowUp)],
    ),
    def(A::BackUp, "action-back-up", icons::HARD_DRIVES, G::Keeping, S::Always, N::Project, &[ctrl(Key::B)]),
    quiet(A::BackUpNow, "action-back-up-now", icons::HARD_DRIVES, G::Keeping, S::Always, N::Project, &[]),
    quiet(A::Drill, "action-drill", icons::SEAL_CHECK, G::Keeping, S::Always, N::Backup, &[]),
    def(A::Restore, "action-restore", icons::CLOCK_COUNTER_CLOCKWISE, G::Keeping, S::Always, N::Nothing, &[]),
    def(A::CopyHere, "action-copy-here", icons::FOLDER_OPEN, G::Keeping, S::Always, N::BetterPlace, &[]),
    def(A::Verify, "action-verify", icons::SEAL_CHECK, G::Keeping, S::Always, N::Project, &[]),
    def(A::VerifyRelease, "action-verify-release", icons::SEAL_CHECK, G::Keeping, S::Always, N::Project, &[]),
    def(A::Conflicts, "action-conflicts", icons::SCALES, G::Keeping, S::Always, N::Office, &[]),
    def(
        A::Palette,
        "action-palette",
        icons::COMMAND,
        G::Help,
        S::Always,
        N::Nothing,
        &[ctrl(Key::K), ctrl_shift(Key::P)],
    ),
    def(A::Keys, "action-keys", icons::KEYBOARD, G::Help, S::Always, N::Nothing, &[k(Key::F1)]),
    quiet(A::Navigate(Profile::Standard), "profile-standard", icons::CURSOR, G::Help, S::Always, N::Nothing, &[]),
    quiet(A::Navigate(Profile::PacsLeft), "profile-pacs-left", icons::CURSOR, G::Help, S::Always, N::Nothing, &[]),
    quiet(A::Navigate(Profile::PacsRight), "profile-pacs-right", icons::CURSOR, G::Help, S::Always, N::Nothing, &[]),
    def(A::About, "action-about", icons::INFO, G::Help, S::Always, N::Nothing, &[]),
];

/// The row of an action. Every id is in the table; a test says so.
pub fn find(id: ActionId) -> &'static ActionDef {
    ACTIONS.iter().find(|a| a.id == id).unwrap_or(&ACTIONS[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::i18n::{Lang, Words};

    #[test]
    fn no_key_means_two_things_at_once() {
        for (i, a) in ACTIONS.iter().enumerate() {
            for b in ACTIONS.iter().skip(i + 1).filter(|b| a.scope.meets(b.scope)) {
                for s in a.shortcuts {
                    assert!(!b.shortcuts.contains(s), "{} is both {} and {}", s.text(), a.key, b.key);
                }
            }
        }
    }

    #[test]
    fn every_action_has_a_name_and_a_sentence_in_both_languages() {
        for lang in Lang::ALL {
            let words = Words::new(lang);
            for a in ACTIONS {
                for key in [a.key.to_owned(), a.help_key()] {
                    let text = words.t(&key);
                    assert!(!text.is_empty() && text != key, "{key} in {}", lang.code());
                }
            }
        }
    }

    #[test]
    fn ids_and_fluent_keys_are_unique() {
        for (i, a) in ACTIONS.iter().enumerate() {
            assert_eq!(find(a.id).key, a.key);
            assert!(ACTIONS.iter().skip(i + 1).all(|b| b.id != a.id && b.key != a.key), "{}", a.key);
        }
    }
}
