//! What was done in this case, in words, newest first.

use egui::{Align, Layout, RichText, ScrollArea, Ui};

use super::Shown;
use crate::gui::widgets::{empty_state, look, section};
use crate::gui::{icons, theme};

pub fn show(ui: &mut Ui, s: Shown<'_>) {
    section(ui, &s.words.t("history"), &s.words.count("count-steps", s.model.history.len()));
    if s.model.history.is_empty() {
        empty_state(ui, icons::CLOCK_COUNTER_CLOCKWISE, &s.words.t("history-empty"), &s.words.t("history-empty-advice"));
        return;
    }
    let t = look(ui);
    ScrollArea::vertical().auto_shrink(false).id_salt("history").show_rows(ui, 20.0, s.model.history.len(), |ui, range| {
        for entry in s.model.history.iter().rev().skip(range.start).take(range.len()) {
            ui.horizontal(|ui| {
                ui.set_height(20.0);
                ui.label(RichText::new(&entry.time).font(theme::small()).color(t.text_dim));
                let mut words = RichText::new(s.words.t(&entry.key)).color(if entry.undone { t.text_faint } else { t.text });
                if entry.undone {
                    words = words.strikethrough();
                }
                ui.add(egui::Label::new(words).truncate());
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(RichText::new(&entry.who).font(theme::small()).color(t.text_dim));
                });
            });
        }
    });
}
