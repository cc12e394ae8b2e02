//! The top row: menu, workspaces, what is being read, whether it is saved, language.

use std::time::Instant;

use egui::{Align, Button, Layout, RichText, Ui, Vec2};

use super::Shown;
use crate::domain::{ProjectKind, Role};
use crate::gui::action::{Action, ViewChange, Workspace};
use crate::gui::actions::{ACTIONS, ActionId, Group};
use crate::gui::i18n::{Arg, Lang};
use crate::gui::icons;
use crate::gui::widgets::{look, tooltip};

pub fn show(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        menu(ui, s, &mut out);
        workspaces(ui, s, &mut out);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            languages(ui, s, &mut out);
            saved(ui, s, &mut out);
            backup(ui, s, &mut out);
            people(ui, s, &mut out);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add_space(16.0);
                ui.add(egui::Label::new(RichText::new(heading(s)).color(t.text)).truncate());
            });
        });
    });
    out
}

/// What is being read: case, field, kind of read. No file name, since this line may end up in a screenshot.
fn heading(s: Shown<'_>) -> String {
    let Some(project) = &s.model.project else { return String::new() };
    if s.look.workspace.is_page() {
        return project.name.clone();
    }
    let Some(case) = s.look.case.as_ref().and_then(|c| s.model.case(c)) else { return project.name.clone() };
    let field = s.words.t(field_key(case.field));
    let mut parts = vec![s.words.with("title-case", &[("case", Arg::from(case.label.clone()))]), field];
    // In a personal project there is nobody else to tell apart; where several may sit down, the button names them.
    if project.people.len() < 2 && project.kind != ProjectKind::Personal {
        let role = if s.look.workspace == Workspace::Adjudicate { "title-adjudicator" } else { "title-reader" };
        parts.push(s.words.with(role, &[("reader", Arg::from(project.reader.clone()))]));
    }
    if s.look.workspace == Workspace::Read && !case.state.editable() {
        parts.push(s.words.t(case.state.key()));
    }
    if project.read_only.is_some() {
        parts.push(s.words.t("title-read-only"));
    }
    parts.join(" · ")
}

pub const fn field_key(field: crate::domain::Field) -> &'static str {
    use crate::domain::Field;
    match field {
        Field::Pathology => "field-pathology",
        Field::Endoscopy => "field-endoscopy",
        Field::Radiology => "field-radiology",
        Field::Other => "field-other",
    }
}

fn menu(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let label = s.words.t("menu");
    let button =
        Button::new(RichText::new(icons::LIST).size(18.0)).frame_when_inactive(false).min_size(Vec2::splat(28.0));
    let (response, _) = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
        ui.set_min_width(240.0);
        for group in Group::ALL {
            let rows: Vec<_> =
                ACTIONS.iter().filter(|a| a.group == group && a.in_menu && s.look.active(s.model, a.scope)).collect();
            if rows.is_empty() {
                continue;
            }
            ui.menu_button(s.words.t(group.key()), |ui| {
                ui.set_min_width(280.0);
                for def in rows {
                    let enabled = s.look.meets(s.model, def.needs);
                    let name = s.words.t(def.key);
                    let button = Button::new(format!("{}  {name}", def.icon)).shortcut_text(s.first_key(def));
                    if ui
                        .add_enabled(enabled, button)
                        .accessible_name(name)
                        .on_hover_text(s.words.t(&def.help_key()))
                        .clicked()
                    {
                        out.push(Action::Call(def.id));
                        ui.close();
                    }
                }
            });
        }
    });
    response.accessible_name(label.clone()).on_hover_text(label);
}

/// Only the workspaces that this person's roles and this kind of project have.
pub fn available_workspaces(s: Shown<'_>) -> Vec<Workspace> {
    let Some(project) = &s.model.project else { return Vec::new() };
    let mut out = Vec::new();
    // The office looks at cases in the same place, without a pen.
    if project.roles.iter().any(|r| *r != Role::Adjudicator) || project.roles.is_empty() {
        out.push(Workspace::Read);
    }
    if project.roles.contains(&Role::Adjudicator)
        && (!s.model.discrepancies.is_empty() || s.model.held_up > 0 || s.look.workspace == Workspace::Adjudicate)
    {
        out.push(Workspace::Adjudicate);
    }
    // A personal project has a release once something in it was submitted.
    let submitted = project.kind != ProjectKind::Personal || s.model.cases.iter().any(|c| !c.state.editable());
    if project.releases && (submitted || s.look.workspace == Workspace::Release) {
        out.push(Workspace::Release);
    }
    // For whoever runs or audits a project of several people; everybody else gets there by menu and key.
    let several = project.kind != ProjectKind::Personal && project.is_office();
    if several || s.look.workspace == Workspace::Keeping {
        out.push(Workspace::Keeping);
    }
    out
}

fn workspaces(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let t = look(ui);
    for workspace in available_workspaces(s) {
        let here = workspace == s.look.workspace;
        let color = if here { t.text } else { t.text_dim };
        let response = ui.add(
            Button::new(RichText::new(s.words.t(workspace.key())).color(color))
                .frame_when_inactive(false)
                .min_size(Vec2::new(56.0, 28.0)),
        );
        if here {
            let r = response.rect;
            ui.painter().hline(r.x_range().shrink(8.0), r.bottom() + 2.0, egui::Stroke::new(2.0, t.accent));
        }
        if response.clicked() {
            out.push(Action::Look(ViewChange::Workspace(workspace)));
        }
    }
}

pub const fn role_key(role: Role) -> &'static str {
    match role {
        Role::Reader => "role-reader",
        Role::Adjudicator => "role-adjudicator",
        Role::Coordinator => "role-coordinator",
        Role::Auditor => "role-auditor",
    }
}

/// Who sits here, and who else may: everybody whose key is on this computer.
fn people(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let Some(project) = s.model.project.as_ref().filter(|p| p.people.len() > 1) else { return };
    let t = look(ui);
    let said = |id: &str, roles: &[Role]| {
        let roles: Vec<String> = roles.iter().map(|r| s.words.t(role_key(*r))).collect();
        format!("{id} · {}", roles.join(s.words.lang().comma()))
    };
    let here = project.people.iter().find(|(id, _)| id.as_str() == project.reader);
    let label = here.map_or_else(|| s.words.t("people-nobody"), |(id, roles)| said(id.as_str(), roles));
    let color = if here.is_some() { t.text } else { t.warning };
    let button =
        Button::new(RichText::new(format!("{} {label}", icons::CARET_DOWN)).color(color)).frame_when_inactive(false);
    let (response, _) = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
        ui.set_min_width(200.0);
        ui.label(RichText::new(s.words.t("people-help")).color(t.text_dim));
        for (id, roles) in &project.people {
            let chosen = id.as_str() == project.reader;
            if ui.selectable_label(chosen, said(id.as_str(), roles)).clicked() {
                if !chosen {
                    out.push(Action::Look(ViewChange::ActAs(id.clone())));
                }
                ui.close();
            }
        }
    });
    let name = s.words.with("people-who", &[("who", Arg::from(label))]);
    response.accessible_name(name).on_hover_text(s.words.t("people-help"));
}

fn saved(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    if s.model.project.is_none() {
        return;
    }
    let (text, color) = saved_words(s);
    let def = crate::gui::actions::find(ActionId::Saved);
    let button =
        Button::new(RichText::new(format!("{} {text}", icons::CHECK_CIRCLE)).color(color)).frame_when_inactive(false);
    if ui.add(button).accessible_name(text).on_hover_text(tooltip(s.words, def)).clicked() {
        out.push(Action::Call(ActionId::Saved));
    }
}

/// A quiet word when a week of work has no backup.
fn backup(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let page = &s.model.keeping;
    let writable = s.model.project.as_ref().is_some_and(|p| p.read_only.is_none());
    let Some(days) = page.days_without().filter(|_| page.is_due() && writable) else { return };
    let t = look(ui);
    let days = usize::try_from(days).unwrap_or(0);
    let text = match &page.last {
        Some(_) => s.words.count("title-backup-age", days),
        None => s.words.t("title-backup-never"),
    };
    let color = if days >= LONG_WITHOUT_DAYS { t.warning } else { t.text_dim };
    let button =
        Button::new(RichText::new(format!("{} {text}", icons::HARD_DRIVES)).color(color)).frame_when_inactive(false);
    let def = crate::gui::actions::find(ActionId::BackUp);
    if ui.add(button).accessible_name(text).on_hover_text(tooltip(s.words, def)).clicked() {
        out.push(Action::Call(ActionId::BackUp));
    }
}

/// From a month on it is said in the colour of warnings.
const LONG_WITHOUT_DAYS: usize = 30;

/// "Saved, 0.2 s ago" and its colour.
pub fn saved_words(s: Shown<'_>) -> (String, egui::Color32) {
    let t = crate::gui::theme::tokens(&if s.look.dark { egui::Visuals::dark() } else { egui::Visuals::light() });
    let Some(saved) = s.model.saved else { return (s.words.t("saved-all"), t.saved) };
    let age = Instant::now().duration_since(saved.at).as_secs_f64();
    let text = if age < 60.0 {
        s.words.with(
            "saved-seconds",
            &[("s", Arg::from(if age < 10.0 { format!("{age:.1}") } else { format!("{age:.0}") }))],
        )
    } else {
        s.words.with("saved-minutes", &[("m", Arg::from(format!("{:.0}", (age / 60.0).floor())))])
    };
    (text, t.saved)
}

fn languages(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let t = look(ui);
    for lang in [Lang::En, Lang::Ja] {
        let here = lang == s.words.lang();
        let color = if here { t.text } else { t.text_dim };
        let name = s.words.t(if lang == Lang::Ja { "language-ja" } else { "language-en" });
        let button = Button::new(RichText::new(lang.code()).color(color))
            .frame_when_inactive(here)
            .min_size(Vec2::new(28.0, 24.0));
        if ui.add(button).accessible_name(name.clone()).on_hover_text(name).clicked() {
            out.push(Action::Look(ViewChange::Lang(lang)));
        }
    }
}
