//! How mouse and digit keys move through images, in profiles: what each button's drag does is one table, and the key sheet
//! shows that table. `features.md` §3 says where the habits come from.

use egui::{Key, Modifiers, PointerButton};

use super::actions::Shortcut;
use super::keys::Press;

/// A set of habits, chosen by the person and kept on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum Profile {
    /// As in QuPath, with the left drag of radiology: letters are tools, digits name findings.
    #[default]
    Standard,
    /// As most viewers in radiology: left drag sets the window, digits are windows.
    PacsLeft,
    /// The other habit of radiology: right drag sets the window, left drag pans.
    PacsRight,
}

/// What a drag over an image does while no tool has the button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drag {
    Pan,
    Window,
    Zoom,
}

impl Drag {
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pan => "drag-pan",
            Self::Window => "drag-window",
            Self::Zoom => "drag-zoom",
        }
    }
}

/// A button with the key that is held with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Left,
    Middle,
    Right,
    ShiftRight,
    CtrlRight,
}

impl Hold {
    pub const ALL: [Self; 5] = [Self::Left, Self::Middle, Self::Right, Self::ShiftRight, Self::CtrlRight];

    pub const fn key(self) -> &'static str {
        match self {
            Self::Left => "mouse-left",
            Self::Middle => "mouse-middle",
            Self::Right => "mouse-right",
            Self::ShiftRight => "mouse-shift-right",
            Self::CtrlRight => "mouse-ctrl-right",
        }
    }

    fn of(button: PointerButton, modifiers: Modifiers) -> Option<Self> {
        Some(match button {
            PointerButton::Primary => Self::Left,
            PointerButton::Middle => Self::Middle,
            PointerButton::Secondary if modifiers.command || modifiers.ctrl => Self::CtrlRight,
            PointerButton::Secondary if modifiers.shift => Self::ShiftRight,
            PointerButton::Secondary => Self::Right,
            _ => return None,
        })
    }
}

use Drag::{Pan, Window, Zoom};

/// What left, middle, right, Shift+right and Ctrl+right drags do: on images with a value window, and on all others.
const TABLE: [(Profile, [Drag; 5], [Drag; 5]); 3] = [
    (Profile::Standard, [Window, Pan, Zoom, Zoom, Zoom], [Pan, Pan, Zoom, Zoom, Zoom]),
    (Profile::PacsLeft, [Window, Pan, Zoom, Pan, Window], [Pan, Pan, Zoom, Pan, Zoom]),
    (Profile::PacsRight, [Pan, Pan, Window, Pan, Zoom], [Pan, Pan, Zoom, Pan, Zoom]),
];

impl Profile {
    pub const ALL: [Self; 3] = [Self::Standard, Self::PacsLeft, Self::PacsRight];

    /// Its name in the settings file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::PacsLeft => "pacs-left",
            Self::PacsRight => "pacs-right",
        }
    }

    /// The profile of that name; one that this version does not know leaves the standard in force.
    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|p| p.name() == name).unwrap_or_default()
    }

    /// Fluent key of its name; `key`-help says what it is.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Standard => "profile-standard",
            Self::PacsLeft => "profile-pacs-left",
            Self::PacsRight => "profile-pacs-right",
        }
    }

    /// What a drag does; `windowable`: the image has a value window.
    pub fn drag(self, hold: Hold, windowable: bool) -> Drag {
        let row = TABLE.iter().find(|(profile, ..)| *profile == self).unwrap_or(&TABLE[0]);
        let drags = if windowable { row.1 } else { row.2 };
        drags[hold as usize]
    }

    /// What a drag with this button does.
    pub fn drag_of(self, button: PointerButton, modifiers: Modifiers, windowable: bool) -> Option<Drag> {
        Hold::of(button, modifiers).map(|hold| self.drag(hold, windowable))
    }

    /// Radiology opens without a pen in the hand, so that the left button moves through the values.
    pub const fn opens_radiographs_with_pen(self) -> bool {
        matches!(self, Self::Standard)
    }

    /// Digits are windows on radiology's images and Shift+digit names findings: the standard the other way round.
    pub fn meant(self, press: Press, radiology: bool) -> Press {
        Press { modifiers: self.swapped(press.modifiers, press.key, radiology), ..press }
    }

    /// A shortcut as it is pressed in this profile.
    pub fn pressed(self, shortcut: Shortcut, radiology: bool) -> Shortcut {
        Shortcut { modifiers: self.swapped(shortcut.modifiers, shortcut.key, radiology), ..shortcut }
    }

    fn swapped(self, modifiers: Modifiers, key: Key, radiology: bool) -> Modifiers {
        if self == Self::Standard || !radiology || !is_digit(key) {
            return modifiers;
        }
        match modifiers {
            Modifiers::NONE => Modifiers::SHIFT,
            Modifiers::SHIFT => Modifiers::NONE,
            other => other,
        }
    }
}

pub const fn is_digit(key: Key) -> bool {
    matches!(
        key,
        Key::Num0
            | Key::Num1
            | Key::Num2
            | Key::Num3
            | Key::Num4
            | Key::Num5
            | Key::Num6
            | Key::Num7
            | Key::Num8
            | Key::Num9
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_a_row_and_middle_always_pans() {
        for profile in Profile::ALL {
            assert!(TABLE.iter().any(|(p, ..)| *p == profile));
            for windowable in [true, false] {
                assert_eq!(profile.drag(Hold::Middle, windowable), Pan, "{profile:?}");
            }
            let can = |drag| Hold::ALL.iter().any(|h| profile.drag(*h, true) == drag);
            assert!(can(Pan) && can(Window) && can(Zoom), "{profile:?} reaches everything with the mouse");
            assert!(Hold::ALL.iter().all(|h| profile.drag(*h, false) != Window), "no window without values");
            assert_eq!(Profile::of_name(profile.name()), profile);
        }
        assert_eq!(Profile::of_name("cvat"), Profile::Standard);
    }

    #[test]
    fn the_profiles_differ_where_their_habits_do() {
        let drag = |p: Profile, button, m| p.drag_of(button, m, true);
        let (left, right) = (PointerButton::Primary, PointerButton::Secondary);
        assert_eq!(drag(Profile::PacsLeft, left, Modifiers::NONE), Some(Window));
        assert_eq!(drag(Profile::PacsLeft, right, Modifiers::NONE), Some(Zoom));
        assert_eq!(drag(Profile::PacsRight, left, Modifiers::NONE), Some(Pan));
        assert_eq!(drag(Profile::PacsRight, right, Modifiers::NONE), Some(Window));
        assert_eq!(drag(Profile::PacsRight, right, Modifiers::CTRL), Some(Zoom));
        assert_eq!(drag(Profile::PacsRight, right, Modifiers::SHIFT), Some(Pan));
        assert_eq!(Profile::PacsRight.drag_of(right, Modifiers::NONE, false), Some(Zoom), "a slide has no window");
        assert_eq!(drag(Profile::Standard, PointerButton::Extra1, Modifiers::NONE), None);
    }

    #[test]
    fn digits_change_places_on_radiology_alone() {
        let press = |modifiers| Press { modifiers, key: Key::Num2, repeat: false };
        assert_eq!(Profile::PacsLeft.meant(press(Modifiers::NONE), true).modifiers, Modifiers::SHIFT);
        assert_eq!(Profile::PacsLeft.meant(press(Modifiers::SHIFT), true).modifiers, Modifiers::NONE);
        assert_eq!(Profile::PacsLeft.meant(press(Modifiers::ALT), true).modifiers, Modifiers::ALT);
        assert_eq!(Profile::PacsLeft.meant(press(Modifiers::NONE), false).modifiers, Modifiers::NONE);
        assert_eq!(Profile::Standard.meant(press(Modifiers::NONE), true).modifiers, Modifiers::NONE);
        let letter = Press { key: Key::P, ..press(Modifiers::NONE) };
        assert_eq!(Profile::PacsRight.meant(letter, true).modifiers, Modifiers::NONE);
    }
}
