//! Reads that one reader sealed several times in copies of the project: the coordinator says which one counts.

use egui::{Align, Frame, Label, Layout, Margin, RichText, Ui};

use super::Shown;
use super::keeping::{explain, minute, on_block};
use crate::domain::{Role, Verdict};
use crate::gui::action::Action;
use crate::gui::i18n::Arg;
use crate::gui::keeping::{ConflictRow, RivalRow};
use crate::gui::widgets::{empty_state, look};
use crate::gui::{icons, theme};
use crate::project::{CampaignCommand, Command};

pub fn show(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    explain(ui, &s.words.t("conflicts-explain"));
    if s.model.conflicts.is_empty() {
        empty_state(ui, icons::CHECK_CIRCLE, &s.words.t("conflicts-none"), &s.words.t("conflicts-none-advice"));
        return;
    }
    for conflict in &s.model.conflicts {
        one(ui, s, conflict, out);
        ui.add_space(12.0);
    }
}

fn one(ui: &mut Ui, s: Shown<'_>, conflict: &ConflictRow, out: &mut Vec<Action>) {
    let t = look(ui);
    Frame::new().fill(t.raised).corner_radius(theme::CORNER).inner_margin(Margin::same(16)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let args = [
                ("case", Arg::from(conflict.label.clone())),
                ("reader", Arg::from(conflict.reader.to_string())),
                ("n", Arg::from(conflict.reads.len())),
            ];
            ui.label(RichText::new(s.words.with("conflict-title", &args)).font(theme::title()).color(t.text));
            let (key, color) =
                if conflict.decided { ("conflict-decided", t.saved) } else { ("conflict-waits", t.warning) };
            ui.label(RichText::new(s.words.t(key)).color(color));
        });
        ui.add_space(8.0);
        for (read, letter) in conflict.reads.iter().zip('A'..) {
            rival(ui, s, conflict, read, letter, out);
        }
    });
}

const fn verdict_key(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Findings => "verdict-findings",
        Verdict::NoFinding => "verdict-no-finding",
        Verdict::NotAssessable => "verdict-not-assessable",
    }
}

/// When it was sealed and what is in it, so that two of them can be told apart.
fn rival(ui: &mut Ui, s: Shown<'_>, conflict: &ConflictRow, read: &RivalRow, letter: char, out: &mut Vec<Action>) {
    let t = look(ui);
    ui.separator();
    ui.horizontal(|ui| {
        let counts = conflict.decided && !read.set_aside;
        ui.vertical(|ui| {
            ui.set_width(ui.available_width() - 190.0);
            let verdict = s.words.t(verdict_key(read.verdict));
            let count = s.words.count("count-findings", read.findings);
            let head = format!("{letter}  {verdict} · {count}");
            ui.label(RichText::new(head).color(if read.set_aside { t.text_dim } else { t.text }));
            let terms: Vec<String> = read
                .terms
                .iter()
                .map(|(labels, n)| {
                    let label = s.words.pick(labels);
                    if *n > 1 { format!("{label} ×{n}") } else { label.to_owned() }
                })
                .collect();
            if !terms.is_empty() {
                ui.add(Label::new(RichText::new(terms.join(s.words.lang().comma())).color(t.text)).wrap());
            }
            let when = s.words.with("conflict-submitted", &[("when", Arg::from(minute(s, &read.submitted)))]);
            ui.label(RichText::new(when).font(theme::small()).color(t.text_dim))
                .on_hover_text(format!("{} {}", read.submitted, read.read));
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if counts {
                ui.label(
                    RichText::new(format!("{} {}", icons::CHECK_CIRCLE, s.words.t("conflict-counts"))).color(t.saved),
                );
                return;
            }
            if read.set_aside {
                ui.label(RichText::new(s.words.t("conflict-set-aside")).color(t.text_dim));
            }
            let may =
                s.model.project.as_ref().is_some_and(|p| p.read_only.is_none() && p.roles.contains(&Role::Coordinator));
            let name = format!("{} {} {letter}", s.words.t("conflict-choose"), conflict.label);
            let button = ui.add_enabled(may, on_block(ui, &s.words.t("conflict-choose"))).accessible_name(name);
            if button.on_disabled_hover_text(s.words.t("conflict-not-yours")).clicked() {
                out.push(Action::Do(Command::Campaign(CampaignCommand::ChooseRead { read: read.read })));
            }
        });
    });
}
