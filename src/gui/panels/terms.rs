//! The term picker: digits for the first nine, typing searches labels and synonyms in both languages, Enter assigns.

use egui::{Align, Key, Layout, RichText, ScrollArea, TextEdit, Ui};
use unicode_normalization::UnicodeNormalization;

use super::Shown;
use crate::gui::action::Action;
use crate::gui::actions::{ActionId, find};
use crate::gui::look::{Forms, TextField};
use crate::gui::vocabulary::TermRow;
use crate::gui::widgets::{color_dot, empty_state, fitted, key_cap, look, row, section};
use crate::gui::{icons, theme};
use crate::project::{Command, FindingCommand};

/// Points of a row that the label does not get: margins, the coloured dot, the key.
const BESIDE_LABEL: f32 = 68.0;
/// More hits than this are no help.
const SEARCH_LIMIT: usize = 40;

/// The command that names the selected finding.
pub fn assign(s: Shown<'_>, term: &TermRow) -> Option<Action> {
    let finding = s.look.selected.clone()?;
    let case = s.look.case.clone()?;
    let terms = vec![term.reference.clone()];
    Some(Action::Do(Command::Finding(FindingCommand::Relabel { case, findings: vec![finding], terms })))
}

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    section(ui, &s.words.t("terms"), "");
    let terms = &s.model.terms.rows;
    if terms.is_empty() {
        empty_state(ui, icons::TAG, &s.words.t("terms-empty"), &s.words.t("terms-empty-advice"));
        return out;
    }
    let can_assign = s.look.selected.is_some() && s.look.editable(s.model);
    let name = s.words.t("terms-search");
    // Read before the field sees them: arrows move in the list, Enter assigns, a digit in an empty field is a quick label.
    let focused = ui.memory(|m| m.has_focus(egui::Id::unique("terms")));
    let mut enter = false;
    let mut digit = None;
    if focused && !forms.composing {
        ui.input_mut(|i| {
            if i.consume_key(egui::Modifiers::NONE, Key::ArrowDown) {
                forms.term_index += 1;
            }
            if i.consume_key(egui::Modifiers::NONE, Key::ArrowUp) {
                forms.term_index = forms.term_index.saturating_sub(1);
            }
            enter = i.consume_key(egui::Modifiers::NONE, Key::Enter);
            if forms.term_query.is_empty() {
                digit = take_digit(&mut i.events);
            }
        });
    }
    let before = forms.term_query.clone();
    let edit = TextEdit::singleline(&mut forms.term_query)
        .id(egui::Id::unique("terms"))
        .hint_text(name.clone())
        .desired_width(f32::INFINITY);
    let response = ui.add(edit).accessible_name(name);
    if forms.focus == Some(TextField::Terms) {
        response.request_focus();
        forms.focus = None;
    }
    if before != forms.term_query {
        forms.term_index = 0;
    }
    ui.add_space(4.0);
    let found = forms.term_hits.find(&s.model.terms, &forms.term_query, SEARCH_LIMIT);
    let hits: Vec<(usize, &TermRow)> = found.iter().filter_map(|i| Some((*i, terms.get(*i)?))).collect();
    if hits.is_empty() {
        empty_state(ui, icons::MAGNIFYING_GLASS, &s.words.t("terms-no-match"), &s.words.t("terms-no-match-advice"));
        return out;
    }
    forms.term_index = forms.term_index.min(hits.len() - 1);
    let current = s.look.selected.as_ref().and_then(|id| s.model.finding(id)).and_then(|f| f.term.clone());
    let mut chosen = None;
    if enter {
        chosen = hits.get(forms.term_index).map(|(_, term)| *term);
    }
    if let Some(n) = digit {
        chosen = terms.get(n - 1);
    }
    ScrollArea::vertical().auto_shrink(false).id_salt("term-list").show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let mut group = "";
        for (index, (place, term)) in hits.iter().enumerate() {
            if forms.term_query.is_empty() && group != term.group_id() {
                group = term.group_id();
                let heading = s.words.pick(&term.group);
                if !heading.is_empty() {
                    ui.add_space(4.0);
                    ui.label(RichText::new(heading).font(theme::small()).color(look(ui).text_dim));
                }
            }
            let here = current.as_ref() == Some(&term.reference);
            let marked = response.has_focus() && index == forms.term_index;
            let clicked = term_row(ui, s, term, here, marked, place + 1);
            if clicked {
                chosen = Some(term);
            }
        }
    });
    if let Some(term) = chosen
        && can_assign
    {
        out.extend(assign(s, term));
        forms.term_query.clear();
        forms.term_index = 0;
        ui.memory_mut(|m| m.surrender_focus(egui::Id::unique("terms")));
    }
    out
}

/// Takes a typed 1 to 9 (also full-width) out of the events, so that it does not land in the field.
fn take_digit(events: &mut Vec<egui::Event>) -> Option<usize> {
    let found = events.iter().find_map(|e| match e {
        egui::Event::Text(text) => {
            let c = text.nfkc().next()?;
            c.to_digit(10).filter(|d| *d >= 1).map(|d| d as usize)
        }
        _ => None,
    })?;
    events.retain(|e| !matches!(e, egui::Event::Text(_)));
    Some(found)
}

fn term_row(ui: &mut Ui, s: Shown<'_>, term: &TermRow, here: bool, marked: bool, place: usize) -> bool {
    let label = s.words.pick(&term.term.label).to_owned();
    let other = term
        .term
        .label
        .iter()
        .find(|(lang, _)| *lang != s.words.lang().code())
        .map(|(_, l)| l.clone())
        .unwrap_or_default();
    let t = look(ui);
    // Two terms that differ only at their end must look different: two lines, and then the middle is left out.
    let width = ui.available_width() - BESIDE_LABEL;
    let galley = fitted(ui, &label, if here { t.accent } else { t.text }, width, 2);
    let height = (theme::ROW_HEIGHT - 2.0).max(galley.size().y + 8.0);
    let response = row(ui, &label, here, height, |ui, _| {
        color_dot(ui, term.color());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if (1..=9).contains(&place) {
                let label =
                    u8::try_from(place).map_or_else(|_| find(ActionId::FocusTerms), |n| find(ActionId::Label(n)));
                key_cap(ui, &s.first_key(label));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(galley));
            });
        });
    });
    if marked {
        ui.painter().rect_stroke(
            response.rect,
            f32::from(theme::CORNER),
            egui::Stroke::new(1.0, t.accent),
            egui::StrokeKind::Inside,
        );
        response.scroll_to_me(None);
    }
    let definition = s.words.pick(&term.term.definition);
    let synonyms: Vec<&str> = term.term.synonyms.values().flatten().map(String::as_str).collect();
    let mut tip = format!("{label}\n{other}");
    if !synonyms.is_empty() {
        tip = format!("{tip}\n= {}", synonyms.join(", "));
    }
    if !definition.is_empty() {
        tip = format!("{tip}\n{definition}");
    }
    response.on_hover_text(tip).clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_typed_into_the_empty_field_is_taken_out() {
        let mut events = vec![egui::Event::Text("３".into())];
        assert_eq!(take_digit(&mut events), Some(3));
        assert!(events.is_empty());
        assert_eq!(take_digit(&mut vec![egui::Event::Text("0".into())]), None);
    }
}
