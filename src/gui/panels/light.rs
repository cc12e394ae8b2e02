//! Which light it was: five rows, one digit each.

use egui::{Align, Key, Layout, Modal, Modifiers, RichText, Ui};

use super::Shown;
use crate::gui::action::{Action, Dialog, ViewChange};
use crate::gui::keys::presses;
use crate::gui::lights::Light;
use crate::gui::theme;
use crate::gui::widgets::{dialog_frame, key_cap, look, row};

const DIGITS: [Key; 6] = [Key::Num0, Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];

pub fn show(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let modal = Modal::new(egui::Id::unique("light")).frame(dialog_frame(ui.style())).backdrop_color(theme::BACKDROP);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(360.0);
        ui.label(RichText::new(s.words.t("light-title")).font(theme::title()));
        ui.label(RichText::new(&s.look.light_of).color(look(ui).text_dim));
        ui.add_space(8.0);
        let pressed: Vec<_> = ui.input(|i| presses(&i.events));
        let digit = pressed
            .iter()
            .filter(|p| p.modifiers == Modifiers::NONE)
            .find_map(|p| DIGITS.iter().position(|d| *d == p.key));
        let choices = Light::ALL.into_iter().map(Some).chain([None]);
        for (place, light) in choices.enumerate().map(|(n, light)| (if light.is_some() { n + 1 } else { 0 }, light)) {
            let name = s.words.t(light.map_or("light-none", Light::key));
            let clicked = row(ui, &name, false, theme::ROW_HEIGHT, |ui, _| {
                ui.label(&name);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| key_cap(ui, &place.to_string()));
            });
            if clicked.clicked() || digit == Some(place) {
                out.push(Action::Look(ViewChange::Light(light)));
            }
        }
    });
    if response.should_close() && out.is_empty() {
        out.push(Action::Look(ViewChange::Dialog(Dialog::None)));
    }
    out
}
