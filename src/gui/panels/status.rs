//! The bottom strip: the hint of the tool in the hand, and what runs in the background.

use egui::{Align, Layout, RichText, Ui};

use super::Shown;
use crate::gui::theme;
use crate::gui::widgets::look;

pub fn show(ui: &mut Ui, s: Shown<'_>, hint: &str) {
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(s.words.t("research-only")).font(theme::small()).color(t.text_dim));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = if hint.is_empty() { String::new() } else { s.words.t(hint) };
                ui.add(egui::Label::new(RichText::new(text).font(theme::small()).color(t.text_dim)).truncate());
            });
        });
    });
}
