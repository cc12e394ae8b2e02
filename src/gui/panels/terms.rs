//! The term picker: digits for the first nine, typing searches labels and synonyms in both languages, Enter assigns.

use egui::{Align, Key, Layout, RichText, ScrollArea, TextEdit, Ui};
use unicode_normalization::UnicodeNormalization;
use wana_kana::ConvertJapanese;

use super::Shown;
use crate::domain::TermStatus;
use crate::gui::action::Action;
use crate::gui::look::{Forms, TextField};
use crate::gui::model::TermRow;
use crate::gui::widgets::{color_dot, empty_state, key_cap, look, row, section};
use crate::gui::{icons, theme};
use crate::project::{Command, FindingCommand};

/// How a text is compared: full-width and half-width alike, case ignored, katakana read as hiragana.
fn folded(text: &str) -> String {
    let plain: String = text.nfkc().collect::<String>().to_lowercase();
    plain.to_hiragana_with_opt(wana_kana::Options { pass_romaji: true, ..Default::default() })
}

/// The terms that match, best first; all active ones in pack order for an empty query. Every word must be found; a label
/// that starts with the query comes before one that contains it, a label before a synonym.
pub fn search<'a>(terms: &'a [TermRow], query: &str) -> Vec<&'a TermRow> {
    let active = terms.iter().filter(|t| t.term.status == TermStatus::Active);
    let query = folded(query.trim());
    if query.is_empty() {
        return active.collect();
    }
    let mut hits: Vec<(u8, usize, &TermRow)> = active
        .enumerate()
        .filter_map(|(order, row)| {
            let labels = row.term.label.values().map(|l| (0, folded(l)));
            let synonyms = row.term.synonyms.values().flatten().map(|l| (2, folded(l)));
            let ids = row.term.codes.iter().map(|c| (4, folded(&c.code)));
            let rank = labels.chain(synonyms).chain(ids).filter_map(|(base, text)| {
                let all = query.split_whitespace().all(|word| text.contains(word));
                all.then_some(if text.starts_with(&query) { base } else { base + 1 })
            });
            Some((rank.min()?, order, row))
        })
        .collect();
    hits.sort_by_key(|(rank, order, _)| (*rank, *order));
    hits.into_iter().map(|(_, _, row)| row).collect()
}

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
    if s.model.terms.is_empty() {
        empty_state(ui, icons::TAG, &s.words.t("terms-empty"), &s.words.t("terms-empty-advice"));
        return out;
    }
    let can_assign = s.look.selected.is_some() && s.look.editable(s.model);
    let name = s.words.t("terms-search");
    // Read before the field sees them: arrows move in the list, Enter assigns, a digit in an empty field is a quick label.
    let focused = ui.memory(|m| m.has_focus(egui::Id::new("terms")));
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
        .id(egui::Id::new("terms"))
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
    let hits = search(&s.model.terms, &forms.term_query);
    if hits.is_empty() {
        empty_state(ui, icons::MAGNIFYING_GLASS, &s.words.t("terms-no-match"), &s.words.t("terms-no-match-advice"));
        return out;
    }
    forms.term_index = forms.term_index.min(hits.len() - 1);
    let current = s.look.selected.as_ref().and_then(|id| s.model.finding(id)).and_then(|f| f.term.clone());
    let mut chosen = None;
    if enter {
        chosen = hits.get(forms.term_index).copied();
    }
    if let Some(n) = digit {
        chosen = s.model.terms.get(n - 1);
    }
    ScrollArea::vertical().auto_shrink(false).id_salt("term-list").show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        for (index, term) in hits.iter().enumerate() {
            let here = current.as_ref() == Some(&term.reference);
            let marked = response.has_focus() && index == forms.term_index;
            let place = s.model.terms.iter().position(|t| t.reference == term.reference).map_or(0, |p| p + 1);
            let clicked = term_row(ui, s, term, here, marked, place);
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
        ui.memory_mut(|m| m.surrender_focus(egui::Id::new("terms")));
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
    let other = term.term.label.iter().find(|(lang, _)| *lang != s.words.lang().code()).map(|(_, l)| l.clone()).unwrap_or_default();
    let t = look(ui);
    let response = row(ui, &label, here, theme::ROW_HEIGHT - 2.0, |ui, t| {
        color_dot(ui, term.color());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if (1..=9).contains(&place) {
                key_cap(ui, &place.to_string());
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(&label).color(if here { t.accent } else { t.text });
                ui.add(egui::Label::new(text).truncate());
            });
        });
    });
    if marked {
        ui.painter().rect_stroke(response.rect, f32::from(theme::CORNER), egui::Stroke::new(1.0, t.accent), egui::StrokeKind::Inside);
        response.scroll_to_me(None);
    }
    let synonyms: Vec<&str> = term.term.synonyms.values().flatten().map(String::as_str).collect();
    let mut tip = format!("{label}\n{other}");
    if !synonyms.is_empty() {
        tip = format!("{tip}\n= {}", synonyms.join(", "));
    }
    response.on_hover_text(tip).clicked()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GeometryKind, Term, TermRef};
    use std::collections::BTreeMap;

    fn term(id: &str, ja: &str, en: &str, synonym: &str) -> TermRow {
        let both = |j: &str, e: &str| BTreeMap::from([("ja".to_owned(), j.to_owned()), ("en".to_owned(), e.to_owned())]);
        TermRow {
            reference: TermRef { pack: "p".into(), version: "1".into(), id: id.into() },
            term: Term {
                id: id.into(),
                label: both(ja, en),
                synonyms: BTreeMap::from([("en".to_owned(), vec![synonym.to_owned()])]),
                codes: Vec::new(),
                geometry: vec![GeometryKind::Polygon],
                color: "#E69F00".into(),
                group: String::new(),
                status: TermStatus::Active,
            },
        }
    }

    #[test]
    fn terms_are_found_in_both_languages_by_synonym_and_in_any_width() {
        let terms = [term("1", "びらん", "Erosion", "erosive change"), term("2", "ポリープ", "Polyp", "polypoid lesion")];
        for (query, id) in [("びら", "1"), ("ビラン", "1"), ("EROS", "1"), ("ﾎﾟﾘｰﾌﾟ", "2"), ("ｐｏｌ", "2"), ("polypoid", "2")] {
            assert_eq!(search(&terms, query).first().map(|t| t.reference.id.as_str()), Some(id), "{query}");
        }
        assert_eq!(search(&terms, "").len(), 2);
        assert!(search(&terms, "骨折").is_empty());
    }

    #[test]
    fn a_digit_typed_into_the_empty_field_is_taken_out() {
        let mut events = vec![egui::Event::Text("３".into())];
        assert_eq!(take_digit(&mut events), Some(3));
        assert!(events.is_empty());
        assert_eq!(take_digit(&mut vec![egui::Event::Text("0".into())]), None);
    }
}
