//! One line over the image for what must not be missed: the project lies where it is not safe, or waits for a choice.

use egui::{Align, Button, Label, Layout, RichText, Ui};

use super::{Shown, backups};
use crate::gui::action::{Action, ViewChange, Workspace};
use crate::gui::actions::ActionId;
use crate::gui::icons;
use crate::gui::widgets::look;

pub const HEIGHT: f32 = 36.0;

/// What there is to say; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Backup,
    Place,
    Conflicts(usize),
}

/// What the strip would say now.
pub fn said(s: Shown<'_>) -> Option<Said> {
    // Its pages say it themselves, and would jump when the line goes.
    if s.look.workspace == Workspace::Keeping {
        return None;
    }
    if s.model.keeping.is_backup {
        return Some(Said::Backup);
    }
    if s.model.keeping.unread_place().is_some() {
        return Some(Said::Place);
    }
    let waiting = s.model.conflicts.iter().filter(|c| !c.decided).count();
    (waiting > 0).then_some(Said::Conflicts(waiting))
}

pub fn show(ui: &mut Ui, s: Shown<'_>, said: Said) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        let text = match (said, s.model.keeping.unread_place()) {
            (Said::Place, Some((concern, _))) => backups::concern_words(s, concern),
            (Said::Backup, _) => s.words.t("strip-backup"),
            (Said::Conflicts(n), _) => s.words.count("strip-conflicts", n),
            (Said::Place, None) => return,
        };
        ui.label(RichText::new(icons::WARNING).size(16.0).color(t.warning));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            match said {
                Said::Place => {
                    if ui.button(s.words.t("strip-later")).clicked() {
                        out.push(Action::Look(ViewChange::PlaceRead));
                    }
                    let idle = s.model.keeping.running.is_none();
                    let better = s.model.keeping.unread_place().map(|(_, b)| b.display().to_string());
                    let button = ui.add_enabled(idle, Button::new(s.words.t("action-copy-here")));
                    if button.on_hover_text(better.unwrap_or_default()).clicked() {
                        out.push(Action::Call(ActionId::CopyHere));
                    }
                }
                Said::Backup => {
                    if let Some(folder) = &s.model.keeping.folder
                        && ui.button(s.words.t("backup-restore")).clicked()
                    {
                        out.push(Action::Look(ViewChange::Restore(folder.clone())));
                    }
                }
                Said::Conflicts(_) => {
                    if ui.button(s.words.t("strip-choose")).clicked() {
                        out.push(Action::Call(ActionId::Conflicts));
                    }
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(&text).color(t.text)).truncate()).on_hover_text(&text);
            });
        });
    });
    out
}
