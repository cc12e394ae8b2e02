//! The findings of the open read: list, and the details of the selected one.

use egui::{Align, Button, Layout, RichText, ScrollArea, TextEdit, Ui, Vec2};

use super::Shown;
use crate::domain::{Certainty, UserText};
use crate::gui::action::{Action, ViewChange};
use crate::gui::actions::{ActionId, find};
use crate::gui::i18n::Arg;
use crate::gui::look::{Forms, TextField};
use crate::gui::model::FindingRow;
use crate::gui::player::time_text;
use crate::gui::widgets::{color_dot, empty_state, fitted, icon_action, look, row, section, tooltip};
use crate::gui::{icons, theme};
use crate::project::{Command, FindingCommand};

const CERTAINTIES: [(Certainty, &str, ActionId); 3] = [
    (Certainty::Definite, "certainty-definite", ActionId::Certainty(1)),
    (Certainty::Probable, "certainty-probable", ActionId::Certainty(2)),
    (Certainty::Possible, "certainty-possible", ActionId::Certainty(3)),
];

pub const fn certainty_key(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Definite => "certainty-definite",
        Certainty::Probable => "certainty-probable",
        Certainty::Possible => "certainty-possible",
    }
}

/// What a finding is called in this language, or that it has no term yet.
pub fn name_of(s: Shown<'_>, finding: &FindingRow) -> String {
    let label = s.words.pick(&finding.labels);
    if label.is_empty() { s.words.t("finding-unnamed") } else { label.to_owned() }
}

/// Its slice, or the first and the last of them; nothing on a single image.
pub fn slices_text(s: Shown<'_>, finding: &FindingRow) -> Option<String> {
    let image = s.model.image(&finding.rois.first()?.image)?;
    let (first, last) = finding.slices().filter(|_| image.frames > 1)?;
    let n = |frame: u32| Arg::from(usize::try_from(frame).unwrap_or(0) + 1);
    if let Some(ms) = finding.time_ms {
        return Some(time_text(f64::from(ms) / 1000.0));
    }
    Some(if first == last {
        s.words.with("slice-n", &[("n", n(first))])
    } else {
        s.words.with("slices-n", &[("first", n(first)), ("last", n(last))])
    })
}

/// The list. Rows are virtual, so that 5,000 findings scroll as smoothly as seven.
pub fn list(ui: &mut Ui, s: Shown<'_>, height: f32) -> Vec<Action> {
    let mut out = Vec::new();
    let unnamed = s.model.unnamed();
    let note = if unnamed > 0 {
        s.words.count("findings-unnamed", unnamed)
    } else {
        s.words.count("count-findings", s.model.findings.len())
    };
    section(ui, &s.words.t("findings"), &note);
    if s.model.findings.is_empty() {
        let editable = s.look.editable(s.model);
        let advice = if editable { "findings-empty-advice" } else { "findings-empty-sealed" };
        empty_state(ui, icons::POLYGON, &s.words.t("findings-empty"), &s.words.t(advice));
        return out;
    }
    let selected = s.look.selected.as_ref().and_then(|id| s.model.findings.iter().position(|f| f.id == *id));
    ui.spacing_mut().item_spacing.y = 2.0;
    let row_height = theme::ROW_HEIGHT + 2.0;
    let mut area = ScrollArea::vertical().auto_shrink(false).max_height(height).id_salt("findings");
    // Bring a selection made on the image into sight, once.
    let memory = ui.scope_id().with("shown-selection");
    let last: Option<usize> = ui.data(|d| d.get_temp(memory)).flatten();
    if selected != last {
        ui.data_mut(|d| d.insert_temp(memory, selected));
        if let Some(index) = selected {
            #[allow(clippy::cast_precision_loss, reason = "a row number stays far below 2^24")]
            let top = (index as f32 * row_height - height / 2.0).max(0.0);
            area = area.vertical_scroll_offset(top);
        }
    }
    area.show_rows(ui, theme::ROW_HEIGHT, s.model.findings.len(), |ui, range| {
        for finding in s.model.findings.get(range).unwrap_or_default() {
            if finding_row(ui, s, finding) {
                out.push(Action::Look(ViewChange::Reveal(finding.id.clone())));
            }
        }
    });
    out
}

fn finding_row(ui: &mut Ui, s: Shown<'_>, finding: &FindingRow) -> bool {
    let selected = s.look.selected.as_ref() == Some(&finding.id);
    let name = name_of(s, finding);
    let spoken = s.words.with("finding-spoken", &[("n", Arg::from(finding.number)), ("name", Arg::from(name.clone()))]);
    let unnamed = finding.term.is_none();
    let slices = slices_text(s, finding);
    let mut cut = false;
    let response = row(ui, &spoken, selected, theme::ROW_HEIGHT, |ui, t| {
        ui.allocate_ui_with_layout(
            Vec2::new(24.0, ui.available_height()),
            Layout::right_to_left(Align::Center),
            |ui| {
                ui.label(RichText::new(finding.number.to_string()).color(t.text_dim));
            },
        );
        color_dot(ui, finding.color);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if !finding.comment.is_empty() {
                ui.label(RichText::new(icons::NOTE_PENCIL).font(theme::small()).color(t.text_dim))
                    .on_hover_text(&finding.comment);
            }
            if let Some(area) = finding.area_mm2 {
                ui.label(RichText::new(area_text(area)).font(theme::small()).color(t.text_dim));
            }
            if let Some(slices) = &slices {
                ui.label(RichText::new(slices).font(theme::small()).color(t.text_dim));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let color = if unnamed { t.warning } else { t.text };
                let galley = fitted(ui, &name, color, ui.available_width(), 1);
                cut = galley.text() != name;
                ui.add(egui::Label::new(galley));
            });
        });
    });
    let response = if cut { response.on_hover_text(&name) } else { response };
    response.clicked()
}

/// An area with the unit that keeps it short.
pub fn area_text(mm2: f64) -> String {
    if mm2 >= 100.0 {
        format!("{:.1}\u{2009}cm²", mm2 / 100.0)
    } else if mm2 >= 0.01 {
        format!("{mm2:.2}\u{2009}mm²")
    } else {
        format!("{:.0}\u{2009}µm²", mm2 * 1e6)
    }
}

/// Certainty, comment and deletion of the selected finding.
pub fn details(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let Some(finding) = s.look.selected.as_ref().and_then(|id| s.model.finding(id)) else { return out };
    let Some(case) = s.look.case.clone() else { return out };
    let editable = s.look.editable(s.model);
    let t = look(ui);
    ui.horizontal(|ui| {
        ui.set_height(28.0);
        let title = s
            .words
            .with("finding-spoken", &[("n", Arg::from(finding.number)), ("name", Arg::from(name_of(s, finding)))]);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().button_padding = Vec2::new(4.0, 1.0);
            if icon_action(ui, s.words, ActionId::Delete, false, editable) {
                out.push(Action::Call(ActionId::Delete));
            }
            if icon_action(ui, s.words, ActionId::ZoomToFinding, false, true) {
                out.push(Action::Call(ActionId::ZoomToFinding));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let galley = fitted(ui, &title, t.text, ui.available_width(), 1);
                ui.add(egui::Label::new(galley)).on_hover_text(title);
            });
        });
    });
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new(s.words.t("certainty")).font(theme::small()).color(t.text_dim));
        for (certainty, key, id) in CERTAINTIES {
            let here = finding.certainty == Some(certainty);
            let color = if here { t.accent } else { t.text };
            let button =
                Button::new(RichText::new(s.words.t(key)).color(color)).selected(here).min_size(Vec2::new(56.0, 24.0));
            if ui.add_enabled(editable, button).on_hover_text(tooltip(s.words, find(id))).clicked() {
                let certainty = if here { None } else { Some(certainty) };
                out.push(Action::Do(Command::Finding(FindingCommand::Grade {
                    case: case.clone(),
                    finding: finding.id.clone(),
                    certainty,
                })));
            }
        }
    });
    if forms.comment_of.as_ref() != Some(&finding.id) {
        forms.comment_of = Some(finding.id.clone());
        forms.comment.clone_from(&finding.comment);
    }
    let name = s.words.t("comment");
    let edit = TextEdit::multiline(&mut forms.comment)
        .id(egui::Id::unique("comment"))
        .hint_text(s.words.t("comment-hint"))
        .desired_rows(1)
        .desired_width(f32::INFINITY)
        .interactive(editable);
    let response = ui.add(edit).accessible_name(name);
    if forms.focus == Some(TextField::Comment) {
        response.request_focus();
        forms.focus = None;
    }
    let text = UserText::new(&forms.comment);
    if response.lost_focus() && text.as_str() != finding.comment {
        out.push(Action::Do(Command::Finding(FindingCommand::Comment { case, finding: finding.id.clone(), text })));
    }
    out
}
