//! The workspace for what keeps the work safe: backups, checks, and reads that exclude each other; and the frames that its
//! pages share.

use egui::{Button, Frame, Label, Margin, ProgressBar, RichText, ScrollArea, Ui, Vec2};

use super::{Shown, backups, checks, conflicts};
use crate::gui::action::{Action, Job, KeepTab, ViewChange};
use crate::gui::i18n::Arg;
use crate::gui::keeping::Task;
use crate::gui::look::Forms;
use crate::gui::trouble::Trouble;
use crate::gui::widgets::look;
use crate::gui::{icons, theme};

const WIDTH: f32 = 760.0;

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let side = ((ui.available_width() - WIDTH) / 2.0).max(16.0);
    ScrollArea::vertical().auto_shrink(false).id_salt(s.look.keep.key()).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.add_space(side);
            ui.vertical(|ui| {
                ui.set_width(WIDTH.min(ui.available_width() - 16.0));
                ui.add_space(12.0);
                tabs(ui, s, &mut out);
                ui.add_space(16.0);
                match s.look.keep {
                    KeepTab::Backups => backups::show(ui, s, forms, &mut out),
                    KeepTab::Check => checks::show(ui, s, &mut out),
                    KeepTab::Conflicts => conflicts::show(ui, s, &mut out),
                }
                ui.add_space(32.0);
            });
        });
    });
    out
}

fn tabs(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let t = look(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let office = s.model.project.as_ref().is_some_and(crate::gui::model::ProjectHead::is_office);
        for tab in KeepTab::ALL.into_iter().filter(|tab| office || *tab != KeepTab::Conflicts) {
            let here = tab == s.look.keep;
            let mut name = s.words.t(tab.key());
            let waiting = s.model.conflicts.iter().filter(|c| !c.decided).count();
            if tab == KeepTab::Conflicts && waiting > 0 {
                name = s.words.with("keep-waiting", &[("name", Arg::from(name)), ("n", Arg::from(waiting))]);
            }
            let color = if here { t.text } else { t.text_dim };
            let button = Button::new(RichText::new(&name).font(theme::title()).color(color))
                .frame_when_inactive(false)
                .min_size(Vec2::new(88.0, 32.0));
            let response = ui.add(button).accessible_name(name);
            if here {
                let r = response.rect;
                ui.painter().hline(r.x_range().shrink(8.0), r.bottom(), egui::Stroke::new(2.0, t.accent));
            }
            if response.clicked() {
                out.push(Action::Look(ViewChange::KeepTab(tab)));
            }
        }
    });
}

/// A sentence under a heading.
pub fn explain(ui: &mut Ui, text: &str) {
    let t = look(ui);
    ui.label(RichText::new(text).color(t.text_dim));
    ui.add_space(12.0);
}

/// A raised block with something to read.
pub fn block(ui: &mut Ui, inside: impl FnOnce(&mut Ui)) {
    let t = look(ui);
    Frame::new().fill(t.raised).corner_radius(theme::CORNER).inner_margin(Margin::same(16)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        inside(ui);
    });
    ui.add_space(12.0);
}

/// A button on a raised block, where the usual one would not show.
pub fn on_block<'a>(ui: &Ui, text: &str) -> Button<'a> {
    Button::new(text.to_owned()).fill(look(ui).panel)
}

/// A line with its sign: that something is well, or is not.
pub fn marked(ui: &mut Ui, good: bool, text: &str) {
    let t = look(ui);
    let (icon, color) = if good { (icons::CHECK_CIRCLE, t.saved) } else { (icons::WARNING, t.warning) };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(RichText::new(icon).color(color));
        ui.add(Label::new(RichText::new(text).color(if good { t.text } else { color })).wrap());
    });
}

/// What runs now, of the kinds that this page begins: what it is, how far it is, and a way to stop it.
pub fn running(ui: &mut Ui, s: Shown<'_>, ours: impl Fn(&Task) -> bool, out: &mut Vec<Action>) {
    let Some(running) = s.model.keeping.running.as_ref().filter(|r| ours(&r.task)) else { return };
    let t = look(ui);
    let Some(job) = s.model.keeping.job() else { return };
    block(ui, |ui| {
        ui.horizontal(|ui| {
            ui.add(egui::Spinner::new().size(14.0).color(t.accent));
            let figure = |n: u64| Arg::from(usize::try_from(n).unwrap_or(usize::MAX));
            let text = s.words.with(job.key, &[("done", figure(job.done)), ("total", figure(job.total))]);
            ui.label(RichText::new(text).color(t.text));
            let seconds = usize::try_from(running.begun.elapsed().as_secs()).unwrap_or(0);
            if seconds > 0 {
                ui.label(RichText::new(s.words.count("keep-seconds", seconds)).color(t.text_dim));
            }
            if let Some(stop) = job.stop
                && ui.add(on_block(ui, &s.words.t("keep-stop"))).clicked()
            {
                out.push(Action::Run(stop));
            }
        });
        if job.total > 0 {
            #[allow(clippy::cast_precision_loss, reason = "a bar on the screen")]
            let share = job.done as f32 / job.total as f32;
            ui.add_space(8.0);
            ui.add(ProgressBar::new(share).desired_height(6.0).fill(t.accent));
        }
    });
}

/// What failed last on this page: what happened, that nothing was lost, what to do, and the details.
pub fn failed(ui: &mut Ui, s: Shown<'_>, ours: &[&str], out: &mut Vec<Action>) {
    let Some((job, trouble)) = &s.model.keeping.failed else { return };
    if !ours.contains(job) {
        return;
    }
    let Trouble { key, details, .. } = trouble;
    block(ui, |ui| {
        marked(ui, false, &s.words.t(key));
        ui.add_space(4.0);
        let t = look(ui);
        ui.add(Label::new(RichText::new(details).font(theme::small()).color(t.text_dim)).wrap());
        ui.add_space(8.0);
        if ui.add(on_block(ui, &s.words.t("copy-details"))).clicked() {
            out.push(Action::Run(Job::CopyText(details.clone())));
        }
    });
}

/// `2026-11-20` and how long ago that was, from a wall time of the journal.
pub fn day(s: Shown<'_>, utc: &str) -> String {
    let date = utc.get(..10).unwrap_or(utc);
    let args = [("date", Arg::from(date)), ("age", Arg::from(super::history::age(s, utc)))];
    s.words.with("keep-day", &args)
}

/// As [`day`], to the minute: two acts of one day are told apart.
pub fn minute(s: Shown<'_>, utc: &str) -> String {
    let time = utc.get(..16).map_or_else(|| utc.to_owned(), |t| format!("{} UTC", t.replace('T', " ")));
    let args = [("date", Arg::from(time)), ("age", Arg::from(super::history::age(s, utc)))];
    s.words.with("keep-day", &args)
}

/// A count as an argument of a message.
pub fn figure(n: u64) -> Arg {
    Arg::from(usize::try_from(n).unwrap_or(usize::MAX))
}
