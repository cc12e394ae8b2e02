//! The first screen: one sentence and three ways in.

use egui::{Align2, Button, Frame, Margin, RichText, Stroke, Ui, Vec2};

use super::Shown;
use crate::gui::action::Action;
use crate::gui::actions::ActionId;
use crate::gui::widgets::look;
use crate::gui::{icons, theme};

pub fn show(ui: &mut Ui, s: Shown<'_>, opening: bool) -> Vec<Action> {
    let words = s.words;
    let t = look(ui);
    let mut out = Vec::new();
    let full = ui.max_rect();
    ui.painter().rect_filled(full, 0.0, t.canvas);
    let hovering = ui.ctx().input(|i| !i.raw.hovered_files.is_empty());
    let drop_rect = full.shrink(24.0);
    let sentence = match (opening, hovering) {
        (true, _) => "opening",
        (false, true) => "start-drop-now",
        (false, false) => "start-sentence",
    };
    let edge = if hovering { t.accent } else { t.line };
    ui.painter().rect_stroke(
        drop_rect,
        f32::from(theme::CORNER),
        Stroke::new(if hovering { 2.0 } else { 1.0 }, edge),
        egui::StrokeKind::Inside,
    );
    let size = Vec2::new(560.0, 344.0);
    let area = Align2::CENTER_CENTER.align_size_within_rect(size, full);
    ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
        ui.vertical_centered(|ui| {
            ui.label(RichText::new(words.t("app-name")).font(theme::title()).color(t.text_dim));
            ui.add_space(16.0);
            ui.label(RichText::new(words.t(sentence)).font(theme::empty()).color(t.text));
            ui.add_space(24.0);
            let mut ways = vec![
                (icons::FOLDER_OPEN, "start-folder", ActionId::OpenFolder),
                (icons::FILE_IMAGE, "start-files", ActionId::OpenFiles),
                (icons::GRADUATION_CAP, "start-practise", ActionId::Practise),
            ];
            #[cfg(feature = "network")]
            if s.model.pacs.is_there() {
                ways.insert(2, (icons::HARD_DRIVES, "start-pacs", ActionId::OpenPacs));
            }
            for (icon, key, action) in ways {
                let name = words.t(key);
                let button = Button::new(RichText::new(format!("{icon}  {name}")).color(t.text))
                    .fill(t.raised)
                    .min_size(Vec2::new(320.0, 36.0));
                if ui.add(button).accessible_name(name).clicked() {
                    out.push(Action::Call(action));
                }
                ui.add_space(8.0);
            }
            ui.add_space(8.0);
            ui.label(RichText::new(words.t("start-local")).color(t.text_dim));
        });
    });
    let foot =
        egui::Rect::from_min_max(full.left_bottom() - Vec2::new(0.0, 64.0), full.right_bottom() - Vec2::new(0.0, 32.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(foot), |ui| {
        ui.vertical_centered(|ui| {
            Frame::new().inner_margin(Margin::symmetric(8, 2)).show(ui, |ui| {
                ui.label(RichText::new(words.t("research-only")).color(t.warning));
            });
        });
    });
    out
}
