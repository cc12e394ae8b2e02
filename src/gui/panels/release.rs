//! Fixing and publishing: what would be released, what is in the way, where it goes, and what came of it.

use std::path::{Path, PathBuf};

use egui::{Button, Frame, Margin, RichText, ScrollArea, TextEdit, Ui, Vec2};

use super::Shown;
use crate::gui::action::{Action, FolderFor, Job};
use crate::gui::actions::ActionId;
use crate::gui::i18n::Arg;
use crate::gui::look::Forms;
use crate::gui::releasing::{Made, is_version, next_version};
use crate::gui::widgets::{empty_state, look, primary, section};
use crate::gui::{icons, theme};
use crate::project::ReleasePlan;

const WIDTH: f32 = 720.0;

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    let page = &s.model.release;
    let side = ((ui.available_width() - WIDTH) / 2.0).max(16.0);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.add_space(side);
            ui.vertical(|ui| {
                ui.set_width(WIDTH.min(ui.available_width() - 16.0));
                ui.add_space(16.0);
                ui.label(RichText::new(s.words.t("release-title")).font(theme::empty()).color(t.text));
                ui.add_space(4.0);
                ui.label(RichText::new(s.words.t("release-explain")).color(t.text_dim));
                ui.add_space(16.0);
                if let Some(made) = &page.made {
                    result(ui, s, made, &mut out);
                    ui.add_space(16.0);
                }
                match &page.plan {
                    Some(plan) => {
                        contents(ui, s, plan, &mut out);
                        ui.add_space(16.0);
                        form(ui, s, plan, forms, &mut out);
                    }
                    None if page.planning => {
                        ui.horizontal(|ui| {
                            ui.add(egui::Spinner::new().size(14.0).color(t.accent));
                            ui.label(RichText::new(s.words.t("release-planning")).color(t.text_dim));
                        });
                    }
                    None => {
                        empty_state(
                            ui,
                            icons::WARNING,
                            &s.words.t("release-no-plan"),
                            &s.words.t("release-no-plan-advice"),
                        );
                        if ui.button(s.words.t("release-again")).clicked() {
                            out.push(Action::Run(Job::PlanRelease));
                        }
                    }
                }
                ui.add_space(24.0);
            });
        });
    });
    out
}

/// What goes in, what stays out and why, and the versions so far.
fn contents(ui: &mut Ui, s: Shown<'_>, plan: &ReleasePlan, out: &mut Vec<Action>) {
    let t = look(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(s.words.t("release-in")).color(t.text_dim));
        if s.model.release.planning {
            ui.add(egui::Spinner::new().size(12.0).color(t.accent));
        } else if ui.small_button(s.words.t("release-again")).clicked() {
            out.push(Action::Run(Job::PlanRelease));
        }
    });
    let counts =
        [("cases", Arg::from(plan.cases)), ("images", Arg::from(plan.images)), ("labels", Arg::from(plan.labels))];
    ui.label(RichText::new(s.words.with("release-counts", &counts)).font(theme::title()).color(t.text));
    ui.add_space(12.0);
    if plan.excluded.is_empty() {
        ui.label(RichText::new(format!("{} {}", icons::CHECK_CIRCLE, s.words.t("release-all-in"))).color(t.saved));
    } else {
        section(ui, &s.words.count("release-out", plan.excluded.len()), "");
        let height = (plan.excluded.len().min(6) as f32) * 24.0 + 8.0;
        Frame::new().fill(t.canvas).corner_radius(theme::CORNER).inner_margin(Margin::symmetric(8, 4)).show(ui, |ui| {
            ScrollArea::vertical().id_salt("left-out").max_height(height).auto_shrink([false, true]).show_rows(
                ui,
                20.0,
                plan.excluded.len(),
                |ui, range| {
                    for (case, why) in plan.excluded.get(range).unwrap_or_default() {
                        ui.horizontal(|ui| {
                            ui.add_sized([96.0, 20.0], egui::Label::new(RichText::new(case).color(t.text)).truncate());
                            ui.label(RichText::new(s.words.t(why_key(why))).color(t.text_dim));
                        });
                    }
                },
            );
        });
    }
    if plan.excluded.iter().any(|(_, why)| why == "conflict") {
        ui.add_space(8.0);
        if ui.button(s.words.t("strip-choose")).clicked() {
            out.push(Action::Call(ActionId::Conflicts));
        }
    }
    if !plan.made.is_empty() {
        ui.add_space(12.0);
        section(ui, &s.words.t("release-before"), "");
        for (version, root, time) in plan.made.iter().rev().take(5) {
            let (root, day) = (root.to_string(), time.get(..10).unwrap_or_default());
            let text = format!("{version}  ·  {day}  ·  {}…", root.get(..16).unwrap_or_default());
            ui.label(RichText::new(text).color(t.text_dim)).on_hover_text(root);
        }
    }
}

/// Why a case stays out, in words.
fn why_key(code: &str) -> &'static str {
    match code {
        "erased" => "release-why-erased",
        "conflict" => "release-why-conflict",
        "reads-missing" => "release-why-reads",
        "adjudication-open" => "release-why-open",
        "adjudication-outdated" => "release-why-outdated",
        "adjudication-incomplete" => "release-why-incomplete",
        "not-adjudicated" => "release-why-not-adjudicated",
        _ => "release-why-other",
    }
}

/// The folder that a release would make.
fn target(parent: &str, version: &str) -> Option<PathBuf> {
    let parent = parent.trim();
    (!parent.is_empty()).then(|| Path::new(parent).join(format!("release-{version}")))
}

/// What stands in the way, in words.
fn obstacles(s: Shown<'_>, plan: &ReleasePlan, version: &str, forms: &Forms) -> Vec<String> {
    let mut out = Vec::new();
    if plan.cases == 0 {
        out.push(s.words.t("release-nothing"));
    }
    if !is_version(version) {
        out.push(s.words.t("refused-version"));
    }
    match target(&forms.release_folder, version) {
        None => out.push(s.words.t("release-no-folder")),
        Some(folder) if folder.exists() => {
            out.push(s.words.with("release-folder-taken", &[("folder", Arg::from(folder.display().to_string()))]));
        }
        Some(folder) if !folder.parent().is_some_and(Path::is_dir) => out.push(s.words.t("release-folder-missing")),
        Some(_) => {}
    }
    out
}

fn form(ui: &mut Ui, s: Shown<'_>, plan: &ReleasePlan, forms: &mut Forms, out: &mut Vec<Action>) {
    let t = look(ui);
    let page = &s.model.release;
    if forms.release_version.is_empty() && !page.planning {
        forms.release_version = next_version(plan);
    }
    ui.separator();
    ui.add_space(8.0);
    egui::Grid::new("release-form").num_columns(2).spacing(Vec2::new(12.0, 8.0)).show(ui, |ui| {
        let name = s.words.t("release-version");
        ui.label(RichText::new(&name).color(t.text_dim));
        ui.add(TextEdit::singleline(&mut forms.release_version).desired_width(120.0)).accessible_name(name);
        ui.end_row();
        let name = s.words.t("release-folder");
        ui.label(RichText::new(&name).color(t.text_dim));
        ui.horizontal(|ui| {
            ui.add(TextEdit::singleline(&mut forms.release_folder).desired_width(460.0)).accessible_name(name);
            if ui.button(s.words.t("release-choose")).clicked() {
                out.push(Action::Run(Job::ChooseFolderFor(FolderFor::Release)));
            }
        });
        ui.end_row();
    });
    let version = forms.release_version.trim().to_owned();
    let obstacles = obstacles(s, plan, &version, forms);
    ui.add_space(8.0);
    if page.made.is_none() || page.making {
        for text in &obstacles {
            ui.label(RichText::new(format!("{} {text}", icons::WARNING)).color(t.warning));
        }
    }
    if let Some(folder) = target(&forms.release_folder, &version).filter(|_| obstacles.is_empty()) {
        let args = [("folder", Arg::from(folder.display().to_string()))];
        ui.label(RichText::new(s.words.with("release-into", &args)).color(t.text_dim));
    }
    ui.label(RichText::new(s.words.t("release-final")).color(t.text_dim));
    ui.add_space(12.0);
    ui.horizontal(|ui| {
        let ready = obstacles.is_empty() && !page.making && !page.planning;
        if primary(ui, &s.words.t("release-do"), ready).clicked()
            && let Some(folder) = target(&forms.release_folder, &version)
        {
            out.push(Action::Run(Job::Release { version: version.clone(), folder }));
        }
        if page.making {
            ui.add(egui::Spinner::new().size(14.0).color(t.accent));
            ui.label(RichText::new(s.words.t("job-releasing")).color(t.text_dim));
        }
    });
}

/// What was made, what proves it, and how anybody can check it.
fn result(ui: &mut Ui, s: Shown<'_>, made: &Made, out: &mut Vec<Action>) {
    let t = look(ui);
    Frame::new().fill(t.raised).corner_radius(theme::CORNER).inner_margin(Margin::same(16)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let title = s.words.with("release-done", &[("version", Arg::from(made.version.clone()))]);
        ui.label(RichText::new(format!("{} {title}", icons::SEAL_CHECK)).font(theme::title()).color(t.text));
        ui.add_space(8.0);
        let counts = [
            ("cases", Arg::from(made.released.cases)),
            ("labels", Arg::from(made.released.labels)),
            ("files", Arg::from(made.released.files)),
        ];
        ui.label(RichText::new(s.words.with("release-done-counts", &counts)).color(t.text));
        ui.label(RichText::new(made.folder.display().to_string()).color(t.text_dim));
        ui.add_space(8.0);
        let root = made.released.root.to_string();
        copied(ui, s, "release-root", &root, out);
        copied(ui, s, "release-verify", &format!("shoken verify {}", quoted(&made.folder)), out);
        ui.add_space(8.0);
        if made.problems.is_empty() {
            let text = s.words.count("release-sound", made.files);
            ui.label(RichText::new(format!("{} {text}", icons::CHECK_CIRCLE)).color(t.saved));
        } else {
            let text = s.words.count("release-unsound", made.problems.len());
            ui.label(RichText::new(format!("{} {text}", icons::WARNING)).color(t.danger));
            for problem in made.problems.iter().take(5) {
                ui.label(RichText::new(problem).color(t.text_dim));
            }
        }
    });
}

/// A line of text under its name, with a button that copies it.
fn copied(ui: &mut Ui, s: Shown<'_>, key: &str, text: &str, out: &mut Vec<Action>) {
    let t = look(ui);
    let name = s.words.t(key);
    ui.label(RichText::new(&name).font(theme::small()).color(t.text_dim));
    ui.horizontal(|ui| {
        let copy = Button::new(s.words.t("copy")).fill(t.panel).min_size(Vec2::new(64.0, 24.0));
        let label = format!("{name} {}", s.words.t("copy"));
        if ui.add(copy).accessible_name(label).clicked() {
            out.push(Action::Run(Job::CopyText(text.to_owned())));
        }
        ui.add(egui::Label::new(RichText::new(text).monospace().color(t.text)).selectable(true).wrap());
    });
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-:\\".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
