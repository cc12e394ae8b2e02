//! Questions and notes that cover the window: submit, amend, about. Questions only where the act cannot be undone.

use egui::{Modal, RichText, TextEdit, Ui};

use super::Shown;
use super::findings::name_of;
use crate::domain::{UserText, Verdict};
use crate::gui::action::{Action, Dialog, ViewChange};
use crate::gui::i18n::Arg;
use crate::gui::look::{Forms, TextField};
use crate::gui::model::Availability;
use crate::gui::widgets::{dialog_frame, look, primary};
use crate::gui::{icons, theme};
use crate::project::{Command, ReadCommand};

const WIDTH: f32 = 480.0;

fn close() -> Action {
    Action::Look(ViewChange::Dialog(Dialog::None))
}

fn modal(id: &str, ui: &Ui) -> Modal {
    Modal::new(egui::Id::unique(id)).frame(dialog_frame(ui.style())).backdrop_color(theme::BACKDROP)
}

/// What stands in the way of a submit, in words.
pub fn obstacles(s: Shown<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let unnamed = s.model.unnamed();
    if unnamed > 0 {
        out.push(s.words.count("submit-unnamed", unnamed));
    }
    if let Some((done, total)) = s.model.hashing {
        out.push(s.words.with("submit-hashing", &[("done", Arg::from(done)), ("total", Arg::from(total))]));
    }
    let case = s.look.case.as_ref().and_then(|c| s.model.case(c));
    let missing = case.map_or(0, |c| c.images.iter().filter(|i| i.availability != Availability::Ready).count());
    if missing > 0 {
        out.push(s.words.count("submit-missing", missing));
    }
    match s.look.verdict {
        Some(Verdict::Findings) if s.model.findings.is_empty() => out.push(s.words.t("submit-verdict-needs-findings")),
        Some(Verdict::NoFinding) if !s.model.findings.is_empty() => out.push(s.words.t("submit-verdict-has-findings")),
        None => out.push(s.words.t("submit-choose-verdict")),
        _ => {}
    }
    out
}

/// Verdict, what will be sealed, what is still open, and two buttons with verbs.
pub fn submit(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let Some(case) = s.look.case.clone() else { return out };
    let response = modal("submit", ui).show(ui.ctx(), |ui| {
        let t = look(ui);
        ui.set_width(WIDTH);
        ui.label(RichText::new(s.words.t("submit-title")).font(theme::title()));
        ui.add_space(8.0);
        ui.label(RichText::new(s.words.t("submit-verdict")).color(t.text_dim));
        for (verdict, key) in [
            (Verdict::Findings, "verdict-findings"),
            (Verdict::NoFinding, "verdict-no-finding"),
            (Verdict::NotAssessable, "verdict-not-assessable"),
        ] {
            if ui.radio(s.look.verdict == Some(verdict), s.words.t(key)).clicked() {
                out.push(Action::Look(ViewChange::Verdict(verdict)));
            }
        }
        ui.add_space(12.0);
        ui.label(RichText::new(s.words.t("submit-sealed")).color(t.text_dim));
        ui.label(s.words.count("submit-what", s.model.findings.len()));
        for finding in s.model.findings.iter().take(6) {
            ui.label(RichText::new(format!("  {}  {}", finding.number, name_of(s, finding))).color(t.text_dim));
        }
        if s.model.findings.len() > 6 {
            ui.label(
                RichText::new(format!("  {}", s.words.count("and-more", s.model.findings.len() - 6))).color(t.text_dim),
            );
        }
        ui.label(RichText::new(s.words.t("submit-final")).color(t.text_dim));
        let obstacles = obstacles(s);
        // The place stays when nothing is in the way, or the button would jump away from under the pointer.
        ui.add_space(12.0);
        ui.label(RichText::new(s.words.t("submit-open")).color(t.text_dim));
        for text in &obstacles {
            ui.label(RichText::new(format!("{} {text}", icons::WARNING)).color(t.warning));
        }
        let ready = obstacles.is_empty() && s.look.verdict.is_some();
        if ready {
            ui.label(RichText::new(format!("{} {}", icons::CHECK_CIRCLE, s.words.t("submit-ready"))).color(t.saved));
        }
        ui.add_space(16.0);
        ui.horizontal(|ui| {
            if primary(ui, &s.words.t("submit-do"), ready).clicked()
                && let Some(verdict) = s.look.verdict
            {
                out.push(Action::Do(Command::Read(ReadCommand::Submit { case: case.clone(), verdict })));
                out.push(close());
            }
            if ui.button(s.words.t("submit-back")).clicked() {
                out.push(close());
            }
        });
    });
    if response.should_close() {
        out.push(close());
    }
    out
}

/// Reopens a submitted read; a reason is mandatory.
pub fn amend(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let Some(case) = s.look.case.clone() else { return out };
    let response = modal("amend", ui).show(ui.ctx(), |ui| {
        let t = look(ui);
        ui.set_width(WIDTH);
        ui.label(RichText::new(s.words.t("amend-title")).font(theme::title()));
        ui.add_space(8.0);
        ui.label(RichText::new(s.words.t("amend-explain")).color(t.text_dim));
        ui.add_space(8.0);
        reason_field(ui, s, forms);
        ui.add_space(16.0);
        ui.horizontal(|ui| {
            let reason = UserText::new(&forms.reason);
            if primary(ui, &s.words.t("amend-do"), !reason.is_empty()).clicked() {
                out.push(Action::Do(Command::Read(ReadCommand::Amend { case: case.clone(), reason })));
                forms.reason.clear();
                out.push(close());
            }
            if ui.button(s.words.t("amend-back")).clicked() {
                out.push(close());
            }
        });
    });
    if response.should_close() {
        out.push(close());
    }
    out
}

/// The reason of an amendment or an adjudication.
pub fn reason_field(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) {
    let name = s.words.t("reason");
    let edit = TextEdit::singleline(&mut forms.reason)
        .id(egui::Id::unique("reason"))
        .hint_text(s.words.t("reason-hint"))
        .desired_width(f32::INFINITY);
    let response = ui.add(edit).accessible_name(name);
    if forms.focus == Some(TextField::Reason) {
        response.request_focus();
        forms.focus = None;
    }
}

pub fn about(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let response = modal("about", ui).show(ui.ctx(), |ui| {
        let t = look(ui);
        ui.set_width(WIDTH);
        ui.label(RichText::new(s.words.t("app-name")).font(theme::empty()));
        ui.label(
            RichText::new(s.words.with("about-version", &[("version", Arg::from(env!("CARGO_PKG_VERSION")))]))
                .color(t.text_dim),
        );
        ui.add_space(12.0);
        ui.label(RichText::new(s.words.t("research-only")).color(t.warning));
        ui.add_space(8.0);
        for key in ["about-what", "about-local", "about-licence", "about-fonts"] {
            ui.label(s.words.t(key));
        }
        ui.add_space(16.0);
        if ui.button(s.words.t("close")).clicked() {
            out.push(close());
        }
    });
    if response.should_close() {
        out.push(close());
    }
    out
}
