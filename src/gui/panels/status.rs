//! The bottom strip: the hint of the tool in the hand, and what runs in the background.

use egui::{Align, Button, Layout, ProgressBar, RichText, Ui, Vec2};

use super::Shown;
use crate::gui::action::{Action, Job};
use crate::gui::i18n::Arg;
use crate::gui::model::JobRow;
use crate::gui::theme;
use crate::gui::widgets::look;

pub fn show(ui: &mut Ui, s: Shown<'_>, hint: &str) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(s.words.t("research-only")).font(theme::small()).color(t.text_dim));
            for job in &s.model.jobs {
                ui.separator();
                show_job(ui, s, job, &mut out);
            }
            if !s.model.jobs.is_empty() {
                ui.separator();
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = if hint.is_empty() { String::new() } else { s.words.t(hint) };
                ui.add(egui::Label::new(RichText::new(text).font(theme::small()).color(t.text_dim)).truncate());
            });
        });
    });
    out
}

/// From the right: the way to stop it, a bar, what it does with its count.
fn show_job(ui: &mut Ui, s: Shown<'_>, job: &JobRow, out: &mut Vec<Action>) {
    let t = look(ui);
    if let Some(stop) = &job.stop {
        let name = s.words.t("job-cancel");
        let button = Button::new(RichText::new(&name).font(theme::small())).min_size(Vec2::new(36.0, 18.0));
        if ui.add(button).accessible_name(name).clicked() {
            out.push(Action::Run(stop.clone()));
        }
    }
    if job.total > 0 {
        #[allow(clippy::cast_precision_loss, reason = "a bar of 80 points")]
        let share = job.done as f32 / job.total as f32;
        ui.add(ProgressBar::new(share).desired_width(80.0).desired_height(6.0).fill(t.accent));
    } else {
        ui.add(egui::Spinner::new().size(12.0).color(t.accent));
    }
    let figure = |n: u64| Arg::from(usize::try_from(n).unwrap_or(usize::MAX));
    let text = s.words.with(job.key, &[("done", figure(job.done)), ("total", figure(job.total))]);
    let help = match (job.key, &job.stop) {
        ("job-hashing", _) => "job-hashing-help",
        (_, Some(Job::StopKeeping)) => "job-keeping-help",
        _ => "job-opening-help",
    };
    ui.label(RichText::new(text).font(theme::small()).color(t.text)).on_hover_text(s.words.t(help));
}
