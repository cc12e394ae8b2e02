//! The command palette and the key sheet, both made from the one table.

use egui::{Align, Grid, Key, Layout, Modal, RichText, ScrollArea, TextEdit, Ui, Vec2};

use super::Shown;
use crate::gui::action::{Action, Dialog, ViewChange};
use crate::gui::actions::{ACTIONS, ActionDef, ActionId, Group};
use crate::gui::i18n::{Lang, Words};
use crate::gui::look::{Forms, TextField};
use crate::gui::navigation::{Hold, Profile};
use crate::gui::theme;
use crate::gui::widgets::{dialog_frame, key_cap, look, row};

/// The actions whose name in either language holds every word of `query`.
pub fn matching<'a>(s: Shown<'_>, other: &Words, query: &str) -> Vec<&'a ActionDef> {
    let query = query.trim().to_lowercase();
    ACTIONS
        .iter()
        .filter(|a| s.look.active(s.model, a.scope) && s.look.meets(s.model, a.needs))
        .filter(|a| {
            let text = format!("{} {}", s.words.t(a.key), other.t(a.key)).to_lowercase();
            query.split_whitespace().all(|w| text.contains(w))
        })
        .collect()
}

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let other = Words::new(if s.words.lang() == Lang::Ja { Lang::En } else { Lang::Ja });
    let modal = Modal::new(egui::Id::unique("palette")).frame(dialog_frame(ui.style())).backdrop_color(theme::BACKDROP);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(520.0);
        let (down, up, enter) = ui.input_mut(|i| {
            if forms.composing {
                return (false, false, false);
            }
            (
                i.consume_key(egui::Modifiers::NONE, Key::ArrowDown),
                i.consume_key(egui::Modifiers::NONE, Key::ArrowUp),
                i.consume_key(egui::Modifiers::NONE, Key::Enter),
            )
        });
        let name = s.words.t("palette-hint");
        let edit = TextEdit::singleline(&mut forms.palette)
            .id(egui::Id::unique("palette-field"))
            .hint_text(name.clone())
            .desired_width(f32::INFINITY);
        let field = ui.add(edit).accessible_name(name);
        if forms.focus == Some(TextField::Palette) {
            field.request_focus();
            forms.focus = None;
        }
        let rows = matching(s, &other, &forms.palette);
        if field.changed() {
            forms.palette_index = 0;
        }
        forms.palette_index =
            if down { forms.palette_index + 1 } else { forms.palette_index.saturating_sub(usize::from(up)) };
        forms.palette_index = forms.palette_index.min(rows.len().saturating_sub(1));
        ui.add_space(8.0);
        if rows.is_empty() {
            ui.label(RichText::new(s.words.t("palette-none")).color(look(ui).text_dim));
        }
        ScrollArea::vertical().max_height(320.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            for (index, def) in rows.iter().enumerate() {
                let here = index == forms.palette_index;
                let response = row(ui, &s.words.t(def.key), here, theme::ROW_HEIGHT, |ui, t| {
                    ui.label(RichText::new(def.icon).size(16.0).color(t.text_dim));
                    ui.label(s.words.t(def.key));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let key = s.first_key(def);
                        if !key.is_empty() {
                            key_cap(ui, &key);
                        }
                    });
                });
                if here && (down || up) {
                    response.scroll_to_me(None);
                }
                if response.clicked() || (here && enter) {
                    out.push(Action::Look(ViewChange::Dialog(Dialog::None)));
                    out.push(Action::Call(def.id));
                }
            }
        });
    });
    if response.should_close() {
        out.push(Action::Look(ViewChange::Dialog(Dialog::None)));
    }
    out
}

/// F1: every key that works now, by group, in three columns.
pub fn keys(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let modal = Modal::new(egui::Id::unique("keys")).frame(dialog_frame(ui.style())).backdrop_color(theme::BACKDROP);
    let response = modal.show(ui.ctx(), |ui| {
        let t = look(ui);
        let size = ui.ctx().content_rect().size();
        ui.set_width((size.x - 120.0).min(1100.0));
        ui.horizontal(|ui| {
            ui.label(RichText::new(s.words.t("action-keys")).font(theme::title()));
            ui.add_space(16.0);
            ui.label(RichText::new(s.words.t("keys-profile")).color(t.text_dim));
            for profile in Profile::ALL {
                let chosen = s.look.profile == profile;
                let name = s.words.t(profile.key());
                let option =
                    ui.selectable_label(chosen, name).on_hover_text(s.words.t(&format!("{}-help", profile.key())));
                if option.clicked() {
                    out.push(Action::Call(ActionId::Navigate(profile)));
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button(s.words.t("close")).clicked() {
                    out.push(Action::Look(ViewChange::Dialog(Dialog::None)));
                }
            });
        });
        ui.add_space(8.0);
        mouse(ui, s);
        ScrollArea::vertical().min_scrolled_height(size.y - 280.0).max_height(size.y - 280.0).show(ui, |ui| {
            ui.columns(3, |columns| {
                for (place, group) in Group::ALL.into_iter().enumerate() {
                    let rows: Vec<_> = ACTIONS
                        .iter()
                        .filter(|a| a.group == group && !a.shortcuts.is_empty() && s.look.active(s.model, a.scope))
                        // Nine quick labels are one line: 1 to 9.
                        .filter(|a| !matches!(a.id, ActionId::Label(2..)))
                        .collect();
                    let Some(ui) = columns.get_mut(place % 3) else { continue };
                    if rows.is_empty() {
                        continue;
                    }
                    ui.label(RichText::new(s.words.t(group.key())).color(t.text_dim));
                    Grid::new((group.key(), s.look.profile.name())).num_columns(2).spacing(Vec2::new(12.0, 4.0)).show(
                        ui,
                        |ui| {
                            for def in rows {
                                let labels = def.id == ActionId::Label(1);
                                ui.horizontal(|ui| {
                                    for text in s.keys(def) {
                                        key_cap(ui, &if labels { text.replace('1', "1–9") } else { text });
                                    }
                                });
                                let name = if labels { s.words.t("keys-labels") } else { s.words.t(def.key) };
                                ui.label(name).on_hover_text(s.words.t(&def.help_key()));
                                ui.end_row();
                            }
                        },
                    );
                    ui.add_space(12.0);
                }
            });
            ui.separator();
            for key in ["keys-mouse-wheel", "keys-mouse-right", "keys-space"] {
                ui.label(RichText::new(s.words.t(key)).color(t.text_dim));
            }
        });
    });
    if response.should_close() {
        out.push(Action::Look(ViewChange::Dialog(Dialog::None)));
    }
    out
}

/// What each button's drag does in the profile in force: the table itself.
fn mouse(ui: &mut Ui, s: Shown<'_>) {
    let t = look(ui);
    Grid::new(("mouse", s.look.profile.name())).num_columns(1 + Hold::ALL.len()).spacing(Vec2::new(20.0, 4.0)).show(
        ui,
        |ui| {
            ui.label(RichText::new(s.words.t("keys-mouse")).color(t.text_dim));
            for hold in Hold::ALL {
                ui.label(RichText::new(s.words.t(hold.key())).color(t.text_dim));
            }
            ui.end_row();
            for (key, windowable) in [("keys-mouse-values", true), ("keys-mouse-others", false)] {
                ui.label(s.words.t(key));
                for hold in Hold::ALL {
                    ui.label(s.words.t(s.look.profile.drag(hold, windowable).key()));
                }
                ui.end_row();
            }
        },
    );
    ui.add_space(8.0);
}
