//! The message over the image.

use egui::{Align2, Area, Frame, Id, Margin, Order, RichText, Shadow, Stroke, Ui, Vec2};

use crate::gui::action::{Action, Job, ViewChange};
use crate::gui::i18n::Words;
use crate::gui::icons;
use crate::gui::notices::{Notice, Tone};
use crate::gui::theme;
use crate::gui::widgets::look;

/// `lift` keeps it clear of what stands at the bottom of the workspace, in points.
pub fn show(ui: &mut Ui, words: &Words, notice: Option<&Notice>, lift: f32) -> Vec<Action> {
    let mut out = Vec::new();
    let Some(notice) = notice else { return out };
    let t = look(ui);
    let (icon, color) = match notice.tone {
        Tone::Done => (icons::CHECK_CIRCLE, t.saved),
        Tone::Refused => (icons::INFO, t.warning),
        Tone::Failed => (icons::WARNING, t.danger),
    };
    let shadow = Shadow { offset: [0, 4], blur: 12, spread: 0, color: theme::BACKDROP };
    let frame = Frame::new()
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(theme::CORNER)
        .shadow(shadow)
        .inner_margin(Margin::symmetric(12, 8));
    Area::new(Id::unique("toast")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, Vec2::new(0.0, -lift)).show(
        ui.ctx(),
        |ui| {
            frame.show(ui, |ui| {
                ui.set_max_width(640.0);
                ui.horizontal(|ui| {
                    ui.label(RichText::new(icon).size(16.0).color(color));
                    ui.label(RichText::new(&notice.text).color(t.text));
                    if !notice.details.is_empty() && ui.button(words.t("copy-details")).clicked() {
                        out.push(Action::Run(Job::CopyText(notice.details.clone())));
                    }
                    if notice.tone == Tone::Failed && ui.button(words.t("dismiss")).clicked() {
                        out.push(Action::Look(ViewChange::DismissNotice));
                    }
                });
            });
        },
    );
    out
}
