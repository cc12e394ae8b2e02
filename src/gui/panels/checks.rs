//! Checking the log: what was counted, what is wrong in words, what could not be checked.

use egui::{Button, Grid, Label, RichText, Ui, Vec2};

use super::Shown;
use super::keeping::{block, explain, failed, figure, marked, on_block, running};
use crate::gui::action::{Action, Job};
use crate::gui::actions::ActionId;
use crate::gui::i18n::Arg;
use crate::gui::keeping::{Checked, Task};
use crate::gui::theme;
use crate::gui::told::told;
use crate::gui::widgets::{empty_state, look, primary, section};

/// Problems of one kind that are shown at once; all of them are copied.
const SHOWN: usize = 20;

pub fn show(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let page = &s.model.keeping;
    explain(ui, &s.words.t("check-explain"));
    let busy = page.running.is_some();
    ui.horizontal(|ui| {
        if primary(ui, &s.words.t("check-begin"), !busy).clicked() {
            out.push(Action::Call(ActionId::Verify));
        }
        let release = Button::new(s.words.t("check-release")).min_size(Vec2::new(0.0, 28.0));
        if ui.add_enabled(!busy, release).clicked() {
            out.push(Action::Call(ActionId::VerifyRelease));
        }
    });
    ui.add_space(12.0);
    running(ui, s, |task| matches!(task, Task::Verify | Task::VerifyRelease(_)), out);
    failed(ui, s, &["job-verifying", "job-verifying-release"], out);
    match &page.checked {
        Some(checked) => result(ui, s, checked, out),
        None if !busy => {
            empty_state(ui, crate::gui::icons::SEAL_CHECK, &s.words.t("check-none"), &s.words.t("check-none-advice"));
        }
        None => {}
    }
}

/// Fluent keys of a kind of problem: what it is called, and what it means.
fn kind_keys(word: &str) -> (&'static str, &'static str) {
    match word {
        "altered" => ("problem-altered", "problem-altered-means"),
        "truncated" => ("problem-truncated", "problem-truncated-means"),
        "bad-signature" => ("problem-bad-signature", "problem-bad-signature-means"),
        "unknown-key" => ("problem-unknown-key", "problem-unknown-key-means"),
        "fork" => ("problem-fork", "problem-fork-means"),
        _ => ("problem-format", "problem-format-means"),
    }
}

fn result(ui: &mut Ui, s: Shown<'_>, checked: &Checked, out: &mut Vec<Action>) {
    let t = look(ui);
    block(ui, |ui| {
        let sound = checked.problems.is_empty();
        let text = match (sound, &checked.release) {
            (true, None) => s.words.t("check-sound"),
            (true, Some(_)) => s.words.t("check-release-sound"),
            (false, _) => s.words.count("check-unsound", checked.problems.len()),
        };
        marked(ui, sound, &text);
        if let Some(folder) = &checked.release {
            ui.label(RichText::new(folder.display().to_string()).color(t.text_dim));
        }
        ui.add_space(8.0);
        Grid::new("checked").num_columns(2).spacing(Vec2::new(16.0, 2.0)).show(ui, |ui| {
            for (key, n) in &checked.counts {
                ui.label(RichText::new(s.words.t(key)).color(t.text_dim));
                ui.label(RichText::new(s.words.with("count-things", &[("n", figure(*n))])).color(t.text));
                ui.end_row();
            }
        });
        if !sound {
            ui.add_space(8.0);
            ui.add(Label::new(RichText::new(s.words.t("check-unsound-advice")).color(t.text)).wrap());
            ui.add_space(8.0);
            if ui.add(on_block(ui, &s.words.t("copy-details"))).clicked() {
                let all: Vec<String> = checked.problems.iter().map(|(k, p, d)| format!("{k}: {p}: {d}")).collect();
                out.push(Action::Run(Job::CopyText(all.join("\n"))));
            }
        }
    });
    let mut kinds: Vec<&str> = checked.problems.iter().map(|(kind, _, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let of_kind: Vec<_> = checked.problems.iter().filter(|(k, _, _)| *k == kind).collect();
        let (name, means) = kind_keys(kind);
        section(ui, &s.words.t(name), &s.words.count("count-findings", of_kind.len()));
        ui.add(Label::new(RichText::new(s.words.t(means)).color(t.text)).wrap());
        for (_, place, detail) in of_kind.iter().take(SHOWN) {
            let text = format!("{}{}{}", told(s.words, place), s.words.lang().colon(), told(s.words, detail));
            ui.add(Label::new(RichText::new(text).font(theme::small()).color(t.text_dim)).selectable(true).wrap())
                .on_hover_text(format!("{place}: {detail}"));
        }
        if of_kind.len() > SHOWN {
            ui.label(RichText::new(s.words.count("and-more", of_kind.len() - SHOWN)).color(t.text_dim));
        }
        ui.add_space(12.0);
    }
    if !checked.notes.is_empty() {
        section(ui, &s.words.t("check-notes"), "");
        for note in checked.notes.iter().take(SHOWN) {
            let text = Label::new(RichText::new(told(s.words, note)).color(t.text_dim)).wrap();
            ui.add(text).on_hover_text(note);
        }
        let args = [("n", Arg::from(checked.notes.len().saturating_sub(SHOWN)))];
        if checked.notes.len() > SHOWN {
            ui.label(RichText::new(s.words.with("and-more", &args)).color(t.text_dim));
        }
    }
}
