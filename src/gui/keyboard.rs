//! The keys of one frame: first the tool in the hand, then the table of actions.

use egui::{Context, Key, Modifiers};

use super::action::{Action, Dialog, ViewChange};
use super::actions::{ActionId, Needs};
use super::app::App;
use super::keys::{Press, Typing, action_for, composing, presses};
use super::tools::ToolKey;
use super::viewing::Viewing;

/// The key that hides the outlines for as long as it is held.
const HIDE: Key = Key::H;
/// The key that shows stored pixels as squares for as long as it is held.
const RAW: Key = Key::X;

pub fn read(app: &mut App, ctx: &Context) {
    let events = ctx.input(|i| i.events.clone());
    app.look.forms.composing = composing(&events, app.look.forms.composing);
    let typing = Typing { in_field: ctx.text_edit_focused(), composing: app.look.forms.composing };
    let quiet = !typing.in_field && !typing.composing && app.look.dialog == Dialog::None;
    app.look.hidden = quiet && ctx.input(|i| i.key_down(HIDE) && i.modifiers.is_none());
    let raw = quiet && ctx.input(|i| i.key_down(RAW) && i.modifiers.is_none());
    app.stage.viewport_mut().show_raw_pixels(raw);
    for press in presses(&events) {
        if app.look.dialog != Dialog::None {
            continue;
        }
        if quiet && tool_key(app, press) {
            continue;
        }
        // Tab walks through the fields once one of them has the focus, and through a page; on the image it means "image only".
        if press.key == Key::Tab
            && (press.modifiers != Modifiers::NONE
                || app.look.workspace.is_page()
                || ctx.memory(|m| m.focused().is_some_and(|_| typing.in_field)))
        {
            continue;
        }
        let radiology = app.look.field(app.session.model()) == Some(crate::domain::Field::Radiology);
        let meant = if typing.in_field { press } else { app.look.profile.meant(press, radiology) };
        let Some(def) = action_for(meant, typing, |scope| app.look.active(app.session.model(), scope)) else {
            continue;
        };
        if matches!(def.id, ActionId::HideFindings | ActionId::View(Viewing::RawPixels)) {
            continue;
        }
        if press.repeat && !repeats(def.id) {
            continue;
        }
        if !app.look.meets(app.session.model(), def.needs) {
            if matches!(def.needs, Needs::Editing | Needs::Selection)
                && app.session.model().project.is_some()
                && app.look.selected.is_none()
            {
                app.notices.refused(app.words.t("refused-choose-finding"));
            }
            continue;
        }
        // egui reads Tab and arrows as focus moves as well; here they were meant for the image.
        ctx.memory_mut(|m| m.move_focus(egui::FocusDirection::None));
        app.ask(Action::Call(def.id));
    }
}

const fn repeats(id: ActionId) -> bool {
    matches!(
        id,
        ActionId::Slice(_)
            | ActionId::View(Viewing::Turn(_))
            | ActionId::ZoomIn
            | ActionId::ZoomOut
            | ActionId::NextFinding
            | ActionId::PreviousFinding
            | ActionId::Undo
            | ActionId::Redo
            | ActionId::NextImage
            | ActionId::PreviousImage
            | ActionId::NextDiscrepancy
            | ActionId::PreviousDiscrepancy
    )
}

/// Offers a press to the tool; whether it took it.
fn tool_key(app: &mut App, press: Press) -> bool {
    let plain = press.modifiers == Modifiers::NONE;
    let key = match press.key {
        Key::Enter if plain => ToolKey::Enter,
        Key::Escape if plain => ToolKey::Escape,
        Key::Backspace if plain => ToolKey::Backspace,
        Key::Z if press.modifiers == Modifiers::COMMAND => ToolKey::Undo,
        Key::Y if press.modifiers == Modifiers::COMMAND => ToolKey::Redo,
        Key::Z if press.modifiers == Modifiers::COMMAND.plus(Modifiers::SHIFT) => ToolKey::Redo,
        _ => return false,
    };
    if app.tool_key(key) {
        return true;
    }
    if key == ToolKey::Escape {
        step_out(app);
        return true;
    }
    false
}

/// Esc without a draft: out of a registration under way, from a drawing tool to the selection tool, from image-only back to the panels.
fn step_out(app: &mut App) {
    use super::tools::ToolKind;
    if app.stage.registrations.is_asking() {
        app.stage.registrations.give_up();
        app.notices.done(app.words.t("register-left"));
    } else if app.stage.profile.take().is_some() {
        // The line is gone; what it measured was never kept.
    } else if app.tool.kind() != ToolKind::Select {
        app.ask(Action::Look(ViewChange::Tool(ToolKind::Select)));
    } else if app.look.bare {
        app.ask(Action::Call(ActionId::AllPanels));
    } else {
        app.notices.dismiss();
    }
}
