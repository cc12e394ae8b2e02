//! From key events to actions: full-width letters, JIS layouts, text fields and input methods.

use egui::{Event, ImeEvent, Key, Modifiers};

use super::actions::{ACTIONS, ActionDef, Scope, Shortcut};
use super::navigation::is_digit;

/// A key press as the window means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    pub modifiers: Modifiers,
    pub key: Key,
    pub repeat: bool,
}

/// Whether letters belong to a text now: a field has focus, or an input method is composing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Typing {
    pub in_field: bool,
    pub composing: bool,
}

/// The presses among `events`. A full-width letter that an input method sends as text (ｐ) counts as its key; with Shift,
/// digits are taken by position, since `Shift+2` is `"` on a JIS keyboard and `@` on an American one.
pub fn presses(events: &[Event]) -> Vec<Press> {
    let mut out = Vec::new();
    for event in events {
        match event {
            Event::Key { key, physical_key, pressed: true, modifiers, repeat } => {
                let digit = physical_key.filter(|p| modifiers.shift && is_digit(*p));
                out.push(Press { modifiers: plain(*modifiers), key: digit.unwrap_or(*key), repeat: *repeat });
            }
            Event::Text(text) | Event::Ime(ImeEvent::Commit(text)) => {
                let mut chars = text.chars();
                if let (Some(c), None) = (chars.next(), chars.next())
                    && let Some(key) = full_width_key(c)
                {
                    out.push(Press { modifiers: Modifiers::NONE, key, repeat: false });
                }
            }
            _ => {}
        }
    }
    out
}

/// Whether an input method is composing after these events; `before` is the state so far.
pub fn composing(events: &[Event], before: bool) -> bool {
    events.iter().fold(before, |now, event| match event {
        Event::Ime(ImeEvent::Preedit { text, .. }) => !text.is_empty(),
        Event::Ime(ImeEvent::Commit(_)) => false,
        _ => now,
    })
}

/// One modifier per meaning: `command` stands for Ctrl (Cmd on a Mac).
const fn plain(m: Modifiers) -> Modifiers {
    Modifiers { alt: m.alt, ctrl: false, shift: m.shift, mac_cmd: false, command: m.command }
}

fn full_width_key(c: char) -> Option<Key> {
    let code = u32::from(c);
    // Only the full-width forms: a half-width letter arrives as a key event of its own.
    let ascii = (0xFF01..=0xFF5E).contains(&code).then(|| char::from_u32(code - 0xFEE0)).flatten()?;
    Key::from_name(&ascii.to_ascii_uppercase().to_string())
}

/// Whether a press is safe while a person types: function keys and Ctrl combinations that text fields do not use.
const fn survives_typing(s: Shortcut) -> bool {
    let edits_text = matches!(s.key, Key::Z | Key::Y | Key::A | Key::X | Key::C | Key::V | Key::K);
    (s.modifiers.command && !edits_text)
        || matches!(s.key, Key::F1 | Key::F2 | Key::F3 | Key::F4 | Key::F8 | Key::F9 | Key::F11)
        || (s.modifiers.alt && is_digit(s.key))
}

/// The action that a press calls, if any, among those in the active scopes.
pub fn action_for(press: Press, typing: Typing, active: impl Fn(Scope) -> bool) -> Option<&'static ActionDef> {
    if typing.composing {
        return None;
    }
    ACTIONS.iter().filter(|a| active(a.scope)).find(|a| {
        a.shortcuts.iter().any(|s| {
            let same = s.key == press.key && (s.modifiers == press.modifiers || plus_with_shift(*s, press));
            same && (!typing.in_field || survives_typing(*s))
        })
    })
}

/// `+` needs Shift on most layouts.
fn plus_with_shift(s: Shortcut, press: Press) -> bool {
    s.key == Key::Plus && press.modifiers == Modifiers::SHIFT
}

#[cfg(test)]
mod tests {
    use super::super::actions::ActionId;
    use super::super::tools::ToolKind;
    use super::*;

    fn key(key: Key, physical: Option<Key>, modifiers: Modifiers) -> Event {
        Event::Key { key, physical_key: physical, pressed: true, repeat: false, modifiers }
    }

    fn id(event: Event, typing: Typing, scopes: &[Scope]) -> Option<ActionId> {
        let press = *presses(&[event]).first()?;
        action_for(press, typing, |s| s == Scope::Always || scopes.contains(&s)).map(|a| a.id)
    }

    const READ: &[Scope] = &[Scope::Read, Scope::Radiology];

    #[test]
    fn full_width_letters_and_digits_are_keys() {
        assert_eq!(id(Event::Text("ｐ".into()), Typing::default(), READ), Some(ActionId::Tool(ToolKind::Polygon)));
        assert_eq!(id(Event::Text("３".into()), Typing::default(), READ), Some(ActionId::Label(3)));
        assert_eq!(
            id(Event::Text("p".into()), Typing::default(), READ),
            None,
            "the key event speaks for a half-width letter"
        );
    }

    #[test]
    fn shifted_digits_are_taken_by_position() {
        let jis = key(Key::Quote, Some(Key::Num2), Modifiers::SHIFT);
        assert_eq!(id(jis, Typing::default(), READ), Some(ActionId::Window(super::super::actions::Preset::Lung)));
    }

    #[test]
    fn letters_are_inert_in_fields_and_while_composing() {
        let p = || key(Key::P, None, Modifiers::NONE);
        assert!(id(p(), Typing { in_field: true, composing: false }, READ).is_none());
        assert!(id(p(), Typing { in_field: false, composing: true }, READ).is_none());
        let save = || key(Key::S, None, Modifiers::COMMAND);
        assert_eq!(id(save(), Typing { in_field: true, composing: false }, READ), Some(ActionId::Saved));
        assert!(id(key(Key::Z, None, Modifiers::COMMAND), Typing { in_field: true, composing: false }, READ).is_none());
    }

    #[test]
    fn the_same_key_means_other_things_elsewhere() {
        let n = || key(Key::N, None, Modifiers::NONE);
        assert_eq!(id(n(), Typing::default(), &[Scope::Read]), Some(ActionId::NextCase));
        assert_eq!(id(n(), Typing::default(), &[Scope::Adjudicate]), Some(ActionId::TakeNeither));
    }
}
