//! Adjudication: the queue on the left, A and B beside the image in two fixed hues, and the decision under it.

use egui::{Align, Button, Color32, Frame, Layout, Margin, RichText, ScrollArea, Stroke, Ui, Vec2};

use super::Shown;
use super::dialogs::reason_field;
use super::findings::{area_text, certainty_key, name_of, slices_text};
use crate::domain::{AdjudicationTake, TermRef};
use crate::gui::action::{Action, ViewChange};
use crate::gui::actions::ActionId;
use crate::gui::i18n::Arg;
use crate::gui::look::Forms;
use crate::gui::model::{DiscrepancyRow, FindingRow};
use crate::gui::widgets::{color_dot, empty_state, look, row, section, tooltip};
use crate::gui::{icons, theme};

/// The discrepancy in view.
pub fn current(s: Shown<'_>) -> Option<&DiscrepancyRow> {
    let id = s.look.discrepancy.as_ref()?;
    s.model.discrepancies.iter().find(|d| d.id == *id)
}

pub const fn take_key(take: AdjudicationTake) -> &'static str {
    match take {
        AdjudicationTake::A => "take-a",
        AdjudicationTake::B => "take-b",
        AdjudicationTake::Both => "take-both",
        AdjudicationTake::Neither => "take-neither",
        AdjudicationTake::Redrawn => "take-redrawn",
    }
}

pub fn queue(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let open = s.model.discrepancies.iter().filter(|d| d.decided.is_none()).count();
    let note = s.words.with("queue-count", &[("open", Arg::from(open)), ("n", Arg::from(s.model.discrepancies.len()))]);
    section(ui, &s.words.t("queue"), &note);
    if s.model.agreed > 0 {
        // Agreement is a decision too: somebody signs it before it can be released.
        let label = s.words.with("confirm-agreed", &[("n", Arg::from(s.model.agreed))]);
        if ui.add_sized(Vec2::new(ui.available_width(), 28.0), Button::new(label)).clicked() {
            out.push(Action::Run(crate::gui::action::Job::ConfirmAgreed));
        }
        ui.add_space(4.0);
    }
    if s.model.held_up > 0 {
        let t = look(ui);
        let text = format!("{} {}", icons::WARNING, s.words.count("queue-held-up", s.model.held_up));
        ui.add(egui::Label::new(RichText::new(text).color(t.warning)).wrap());
        if !s.model.conflicts.is_empty()
            && ui.add_sized(Vec2::new(ui.available_width(), 28.0), Button::new(s.words.t("strip-choose"))).clicked()
        {
            out.push(Action::Call(ActionId::Conflicts));
        }
        ui.add_space(8.0);
    }
    if s.model.discrepancies.is_empty() {
        empty_state(ui, icons::SCALES, &s.words.t("queue-empty"), &s.words.t("queue-empty-advice"));
        return out;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for discrepancy in &s.model.discrepancies {
            let kind = s.words.t(discrepancy.kind);
            let here = s.look.discrepancy.as_ref() == Some(&discrepancy.id);
            let state = discrepancy.decided.map_or_else(|| s.words.t("undecided"), |d| s.words.t(take_key(d)));
            let name = format!("{} {kind} {state}", discrepancy.case_label);
            let clicked = row(ui, &name, here, 44.0, |ui, t| {
                ui.vertical(|ui| {
                    ui.add_space(3.0);
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.add(egui::Label::new(RichText::new(&kind).color(t.text)).truncate());
                    let color = if discrepancy.decided.is_some() { t.saved } else { t.text_dim };
                    ui.label(
                        RichText::new(format!("{} · {state}", discrepancy.case_label))
                            .font(theme::small())
                            .color(color),
                    );
                });
            })
            .clicked();
            if clicked {
                out.push(Action::Look(ViewChange::Discrepancy(discrepancy.id.clone())));
            }
        }
        if open == 0 {
            empty_state(ui, icons::SEAL_CHECK, &s.words.t("queue-finished"), &s.words.t("queue-finished-advice"));
        }
    });
    out
}

/// One reader's side: hue, term, certainty, size, comment; or that this reader marked nothing here.
pub fn side(ui: &mut Ui, s: Shown<'_>, which: AdjudicationTake) {
    let (title, hue) =
        if which == AdjudicationTake::A { ("reader-a", theme::READER_A) } else { ("reader-b", theme::READER_B) };
    let t = look(ui);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(4.0, 18.0), egui::Sense::hover());
        ui.painter().rect_filled(rect, 1.0, hue);
        ui.label(RichText::new(s.words.t(title)).font(theme::title()).color(t.text));
    });
    ui.add_space(8.0);
    let Some(discrepancy) = current(s) else { return };
    let finding: Option<&FindingRow> =
        if which == AdjudicationTake::A { discrepancy.a.as_ref() } else { discrepancy.b.as_ref() };
    let Some(finding) = finding else {
        ui.label(RichText::new(s.words.t("side-nothing")).color(t.text_dim));
        return;
    };
    ui.label(RichText::new(name_of(s, finding)).color(t.text));
    let mut facts = Vec::new();
    if let Some(certainty) = finding.certainty {
        facts.push(s.words.t(certainty_key(certainty)));
    }
    if let Some(area) = finding.area_mm2 {
        facts.push(area_text(area));
    }
    facts.extend(slices_text(s, finding));
    for fact in facts {
        ui.label(RichText::new(fact).color(t.text_dim));
    }
    if !finding.comment.is_empty() {
        ui.add_space(4.0);
        ui.label(RichText::new(&finding.comment).color(t.text_dim));
    }
}

/// Take A, B, both or neither; the reason is mandatory.
pub fn decision_bar(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    let Some(discrepancy) = current(s) else {
        ui.horizontal_centered(|ui| ui.label(RichText::new(s.words.t("decide-choose")).color(t.text_dim)));
        return out;
    };
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(RichText::new(s.words.t("decide")).color(t.text_dim));
        for (take, id) in [
            (AdjudicationTake::A, ActionId::TakeA),
            (AdjudicationTake::B, ActionId::TakeB),
            (AdjudicationTake::Both, ActionId::TakeBoth),
            (AdjudicationTake::Neither, ActionId::TakeNeither),
            (AdjudicationTake::Redrawn, ActionId::TakeRedrawn),
        ] {
            let def = crate::gui::actions::find(id);
            let possible = match take {
                AdjudicationTake::A => discrepancy.a.is_some(),
                AdjudicationTake::B => discrepancy.b.is_some(),
                AdjudicationTake::Both => discrepancy.a.is_some() && discrepancy.b.is_some(),
                AdjudicationTake::Redrawn => s.look.may_draw(s.model),
                AdjudicationTake::Neither => true,
            };
            let chosen = discrepancy.decided == Some(take);
            let coloured = take != AdjudicationTake::Redrawn || chosen || s.look.redraw().is_some();
            let edge = if coloured { hue(take, t.line, chosen, t.accent) } else { t.line };
            let stroke = Stroke::new(if chosen { 2.0 } else { 1.0 }, edge);
            // Without a region of one's own, the key takes the pen.
            let key = match take {
                AdjudicationTake::Redrawn if s.look.redraw().is_none() => "take-redraw",
                _ => take_key(take),
            };
            let text = format!("{}  [{}]", s.words.t(key), def.keys());
            let button = Button::new(text).stroke(stroke).min_size(Vec2::new(76.0, 28.0));
            let response = ui.add_enabled(possible, button).accessible_name(s.words.t(def.key));
            if response.on_hover_text(tooltip(s.words, def)).clicked() {
                out.push(Action::Call(id));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            Frame::new().inner_margin(Margin::symmetric(4, 0)).show(ui, |ui| {
                ui.set_width(ui.available_width().min(420.0));
                reason_field(ui, s, forms);
            });
        });
    });
    out
}

/// The region that the adjudicator has drawn and not decided on: its term, and the way back.
pub fn redraw_bar(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let (Some(redraw), Some(discrepancy)) = (s.look.redraw(), current(s)) else { return out };
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        color_dot(ui, theme::REDRAWN);
        ui.label(RichText::new(s.words.t("redraw-ready")).color(t.text));
        ui.add_space(8.0);
        let name = s.words.t("redraw-term");
        let row = |term: &TermRef| s.model.terms.rows.iter().find(|r| r.reference == *term);
        let label =
            |term: &TermRef| row(term).map_or_else(|| term.id.clone(), |r| s.words.pick(&r.term.label).to_owned());
        let chosen = redraw.term.as_ref().map_or_else(|| s.words.t("redraw-term-choose"), label);
        let color = if redraw.term.is_some() { t.text } else { t.warning };
        ui.label(RichText::new(&name).color(t.text_dim));
        let combo = egui::ComboBox::from_id_salt("redraw-term")
            .selected_text(RichText::new(&chosen).color(color))
            .width(280.0)
            .truncate()
            .show_ui(ui, |ui| {
                // What the readers said comes first.
                let said = [&discrepancy.a, &discrepancy.b].into_iter().flatten().filter_map(|f| f.term.as_ref());
                let mut first: Vec<&TermRef> = Vec::new();
                for term in said {
                    if !first.contains(&term) {
                        first.push(term);
                    }
                }
                let rest = s.model.terms.rows.iter().map(|r| &r.reference).filter(|r| !first.contains(r));
                for term in first.iter().copied().chain(rest) {
                    if ui.selectable_label(redraw.term.as_ref() == Some(term), label(term)).clicked() {
                        out.push(Action::Look(ViewChange::RedrawTerm(term.clone())));
                    }
                }
            });
        combo.response.accessible_name(format!("{name} {chosen}")).on_hover_text(chosen);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button(s.words.t("redraw-drop")).clicked() {
                out.push(Action::Look(ViewChange::DropRedraw));
            }
        });
    });
    out
}

const fn hue(take: AdjudicationTake, line: Color32, chosen: bool, accent: Color32) -> Color32 {
    match take {
        AdjudicationTake::A => theme::READER_A,
        AdjudicationTake::B => theme::READER_B,
        AdjudicationTake::Redrawn => theme::REDRAWN,
        _ if chosen => accent,
        _ => line,
    }
}
