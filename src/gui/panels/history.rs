//! What was done in this case, in words, newest first.

use egui::{Align, Layout, RichText, ScrollArea, Ui};

use super::Shown;
use crate::gui::model::HistoryRow;
use crate::gui::widgets::{empty_state, look, section};
use crate::gui::{icons, theme};

pub fn show(ui: &mut Ui, s: Shown<'_>) {
    section(ui, &s.words.t("history"), &s.words.count("count-steps", s.model.history.len()));
    if s.model.history.is_empty() {
        empty_state(
            ui,
            icons::CLOCK_COUNTER_CLOCKWISE,
            &s.words.t("history-empty"),
            &s.words.t("history-empty-advice"),
        );
        return;
    }
    let t = look(ui);
    ScrollArea::vertical().auto_shrink(false).id_salt("history").show_rows(
        ui,
        20.0,
        s.model.history.len(),
        |ui, range| {
            for entry in s.model.history.iter().rev().skip(range.start).take(range.len()) {
                ui.horizontal(|ui| {
                    ui.set_height(20.0);
                    ui.label(RichText::new(age(s, &entry.utc)).font(theme::small()).color(t.text_dim));
                    let mut words =
                        RichText::new(sentence(s, entry)).color(if entry.undone { t.text_faint } else { t.text });
                    if entry.undone {
                        words = words.strikethrough();
                    }
                    ui.add(egui::Label::new(words).truncate()).on_hover_text(&entry.utc);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.label(RichText::new(&entry.who).font(theme::small()).color(t.text_dim));
                    });
                });
            }
        },
    );
}

/// What was done, to what, and why.
fn sentence(s: Shown<'_>, entry: &HistoryRow) -> String {
    let mut out = s.words.t(&entry.key);
    if let Some(of) = &entry.of {
        out = format!("{out}{}{}", s.words.lang().colon(), s.words.t(of));
    }
    if let Some(reason) = &entry.reason {
        out = format!("{out}{}{reason}", s.words.lang().colon());
    }
    out
}

/// How long ago something was done: a time of day would need the reader's time zone, and says less.
pub fn age(s: Shown<'_>, utc: &str) -> String {
    let Ok(then) = chrono::DateTime::parse_from_rfc3339(utc) else { return utc.to_owned() };
    let minutes = chrono::Utc::now().signed_duration_since(then).num_minutes();
    let n = |n: i64| usize::try_from(n.max(0)).unwrap_or(0);
    match minutes {
        ..1 => s.words.t("age-now"),
        1..60 => s.words.count("age-minutes", n(minutes)),
        60..1440 => s.words.count("age-hours", n(minutes / 60)),
        _ => s.words.count("age-days", n(minutes / 1440)),
    }
}
