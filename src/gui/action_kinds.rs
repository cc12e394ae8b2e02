//! What a row of the action table is made of: where it exists, what it needs, which keys call it.

use egui::{Key, Modifiers};

use super::actions::ActionId;

/// Where an action exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Always,
    /// The read workspace.
    Read,
    Adjudicate,
    /// An image with a value window, in any workspace.
    Radiology,
    /// An image with a magnification, in any workspace.
    Pathology,
    /// A film or a still from an endoscope, in any workspace.
    Endoscopy,
}

impl Scope {
    /// Whether both can be in force at once, so that they may not share a key.
    pub const fn meets(self, other: Self) -> bool {
        !matches!(
            (self, other),
            (Self::Read, Self::Adjudicate)
                | (Self::Adjudicate, Self::Read)
                | (Self::Radiology, Self::Pathology)
                | (Self::Pathology, Self::Radiology)
                | (Self::Endoscopy, Self::Radiology | Self::Pathology)
                | (Self::Radiology | Self::Pathology, Self::Endoscopy)
        )
    }
}

/// What must be true for an action to do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Project,
    Image,
    /// An image and a read that may be changed.
    OpenRead,
    /// An image on which something may be drawn: in an open read, or for a discrepancy.
    Pen,
    Selection,
    /// A selection in a read that may be changed.
    Editing,
    Stack,
    Discrepancy,
    /// The acting person is coordinator or auditor.
    Office,
    /// The project lies where it is not safe.
    BetterPlace,
    /// There is a backup.
    Backup,
    /// A server is in the settings.
    #[cfg(feature = "network")]
    Pacs,
}

/// A group of the menu and of the key sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    File,
    Edit,
    Tools,
    Finding,
    Image,
    View,
    Decide,
    Keeping,
    Help,
}

impl Group {
    pub const ALL: [Self; 9] = [
        Self::File,
        Self::Edit,
        Self::Tools,
        Self::Finding,
        Self::Image,
        Self::View,
        Self::Decide,
        Self::Keeping,
        Self::Help,
    ];

    pub const fn key(self) -> &'static str {
        match self {
            Self::File => "group-file",
            Self::Edit => "group-edit",
            Self::Tools => "group-tools",
            Self::Finding => "group-finding",
            Self::Image => "group-image",
            Self::View => "group-view",
            Self::Decide => "group-decide",
            Self::Keeping => "group-keeping",
            Self::Help => "group-help",
        }
    }
}

/// One way to call an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    pub modifiers: Modifiers,
    pub key: Key,
}

impl Shortcut {
    /// As it is printed on keys: `Ctrl+Shift+P`.
    pub fn text(self) -> String {
        let mut out = String::new();
        for (held, name) in
            [(self.modifiers.command, "Ctrl+"), (self.modifiers.alt, "Alt+"), (self.modifiers.shift, "Shift+")]
        {
            if held {
                out.push_str(name);
            }
        }
        out + match self.key {
            Key::ArrowUp => "↑",
            Key::ArrowDown => "↓",
            Key::ArrowLeft => "←",
            Key::ArrowRight => "→",
            Key::PageUp => "PgUp",
            Key::PageDown => "PgDn",
            Key::Plus => "+",
            Key::Equals => "=",
            Key::Minus => "−",
            Key::Period => ".",
            Key::Delete => "Del",
            Key::Escape => "Esc",
            other => other.name(),
        }
    }
}

/// A row of the table. `key` is a Fluent key; `key`-help says in a sentence what it does.
#[derive(Clone, Copy, Debug)]
pub struct ActionDef {
    pub id: ActionId,
    pub key: &'static str,
    pub icon: &'static str,
    pub group: Group,
    pub scope: Scope,
    pub needs: Needs,
    pub shortcuts: &'static [Shortcut],
    /// Shown in the menu; the rest is reached by key and palette.
    pub in_menu: bool,
}

impl ActionDef {
    pub fn help_key(&self) -> String {
        format!("{}-help", self.key)
    }

    /// The first shortcut, as printed on keys.
    pub fn keys(&self) -> String {
        self.shortcuts.first().map(|s| s.text()).unwrap_or_default()
    }
}
