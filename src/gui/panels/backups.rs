//! Backups: how old the last one is, where they are, what each holds, whether one could be restored; and restoring.

use std::path::{Path, PathBuf};

use egui::{Align, Button, Grid, Label, Layout, Modal, RichText, TextEdit, Ui, Vec2};

use super::Shown;
use super::keeping::{block, day, explain, failed, figure, marked, on_block, running};
use crate::gui::action::{Action, Dialog, FolderFor, Job, ViewChange};
use crate::gui::actions::ActionId;
use crate::gui::i18n::Arg;
use crate::gui::keeping::Task;
use crate::gui::look::Forms;
use crate::gui::theme;
use crate::gui::widgets::{dialog_frame, look, primary, section};
use crate::project::{Compared, Concern, GenerationView, PlaceReport};

/// Generations of a place that are shown at once; the others are counted.
const SHOWN: usize = 8;

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms, out: &mut Vec<Action>) {
    let page = &s.model.keeping;
    explain(ui, &s.words.t("backup-explain"));
    if let Some((concern, better)) = &page.place {
        block(ui, |ui| place_warning(ui, s, concern, better, out));
    }
    if let Some((folder, restored)) = &page.restored {
        block(ui, |ui| restored_words(ui, s, folder, restored));
    }
    let newest = page.last.as_ref();
    match newest {
        Some(last) => {
            let args = [("when", Arg::from(day(s, last)))];
            marked(ui, !page.is_due(), &s.words.with("backup-last", &args));
        }
        None => marked(ui, false, &s.words.t("backup-never")),
    }
    ui.add_space(12.0);
    let busy = page.running.is_some();
    ui.horizontal(|ui| {
        if primary(ui, &s.words.t("backup-now"), !busy).clicked() {
            out.push(Action::Run(Job::Keep(Task::BackUp(typed(&forms.backup_folder)))));
        }
        if ui.add(Button::new(s.words.t("restore-ask")).min_size(Vec2::new(0.0, 28.0))).clicked() {
            out.push(Action::Call(ActionId::Restore));
        }
    });
    ui.add_space(12.0);
    running(ui, s, |task| !matches!(task, Task::Verify | Task::VerifyRelease(_)), out);
    failed(ui, s, &["job-backing-up", "job-drilling", "job-restoring", "job-copying"], out);
    if let Some(drill) = &page.drilled {
        block(ui, |ui| drilled(ui, s, drill));
    }
    let Some(places) = &page.places else {
        ui.label(RichText::new(s.words.t("backup-looking")).color(look(ui).text_dim));
        return;
    };
    for place in places {
        one_place(ui, s, place, busy, out);
    }
    further_place(ui, s, forms, out);
}

fn typed(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// Fluent key, and the name of what the place is, of what speaks against a place.
pub fn concern_words(s: Shown<'_>, concern: &Concern) -> String {
    let (key, what) = match concern {
        Concern::Network(kind) => ("place-network", kind),
        Concern::Cloud(service) => ("place-cloud", service),
        Concern::Fat(kind) => ("place-fat", kind),
    };
    s.words.with(key, &[("what", Arg::from(*what))])
}

fn place_warning(ui: &mut Ui, s: Shown<'_>, concern: &Concern, better: &Path, out: &mut Vec<Action>) {
    marked(ui, false, &concern_words(s, concern));
    ui.add_space(4.0);
    let args = [("folder", Arg::from(better.display().to_string()))];
    ui.label(RichText::new(s.words.with("place-better", &args)).color(look(ui).text_dim));
    ui.add_space(8.0);
    if ui.add_enabled(s.model.keeping.running.is_none(), on_block(ui, &s.words.t("action-copy-here"))).clicked() {
        out.push(Action::Call(ActionId::CopyHere));
    }
}

fn one_place(ui: &mut Ui, s: Shown<'_>, place: &PlaceReport, busy: bool, out: &mut Vec<Action>) {
    let t = look(ui);
    let path = place.path.display().to_string();
    section(ui, &path, &s.words.count("backup-generations", place.generations.len()));
    if let Some(last) = &place.absent_since {
        let text = if last.is_empty() {
            s.words.t("backup-none")
        } else {
            s.words.with("backup-absent", &[("when", Arg::from(day(s, last)))])
        };
        if last.is_empty() {
            ui.label(RichText::new(text).color(t.text_dim));
        } else {
            marked(ui, false, &text);
        }
    } else if place.generations.is_empty() {
        ui.label(RichText::new(s.words.t("backup-none")).color(t.text_dim));
    }
    if place.on_project_disk && !place.generations.is_empty() {
        marked(ui, false, &s.words.t("backup-same-disk"));
    }
    ui.add_space(4.0);
    for generation in place.generations.iter().rev().take(SHOWN) {
        one_generation(ui, s, generation, busy, out);
    }
    let more = place.generations.len().saturating_sub(SHOWN);
    if more > 0 {
        ui.label(RichText::new(s.words.count("and-more", more)).color(t.text_dim));
    }
    if place.generations.iter().any(|g| g.erased_inside > 0) {
        ui.add(Label::new(RichText::new(s.words.t("backup-erased-advice")).color(t.text_dim)).wrap());
    }
    ui.add_space(16.0);
}

fn one_generation(ui: &mut Ui, s: Shown<'_>, g: &GenerationView, busy: bool, out: &mut Vec<Action>) {
    let t = look(ui);
    let number = s.words.count("backup-number", usize::try_from(g.number).unwrap_or(0));
    ui.horizontal(|ui| {
        ui.set_height(theme::ROW_HEIGHT);
        let mut words = format!(
            "{number} · {} · {}",
            day(s, &g.made),
            s.words.with("backup-records", &[("n", figure(g.transactions))])
        );
        if g.erased_inside > 0 {
            words += &format!(" · {}", s.words.count("backup-erased-inside", g.erased_inside));
        }
        ui.label(RichText::new(words).color(t.text)).on_hover_text(&g.made);
        let (text, color) = if g.sound { ("backup-proved", t.saved) } else { ("backup-damaged", t.warning) };
        ui.label(RichText::new(s.words.t(text)).color(color));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let name = |key: &str| format!("{} {number}", s.words.t(key));
            let restore = Button::new(s.words.t("backup-restore"));
            if ui.add_enabled(!busy, restore).accessible_name(name("backup-restore")).clicked() {
                out.push(Action::Look(ViewChange::Restore(g.folder.clone())));
            }
            let drill = Button::new(s.words.t("backup-drill"));
            let response = ui.add_enabled(!busy, drill).accessible_name(name("backup-drill"));
            if response.on_hover_text(s.words.t("action-drill-help")).clicked() {
                out.push(Action::Run(Job::Keep(Task::Drill(g.folder.clone()))));
            }
        });
    });
}

fn further_place(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms, out: &mut Vec<Action>) {
    let name = s.words.t("backup-further");
    section(ui, &name, "");
    ui.label(RichText::new(s.words.t("backup-further-advice")).color(look(ui).text_dim));
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let edit =
            TextEdit::singleline(&mut forms.backup_folder).hint_text(s.words.t("folder-hint")).desired_width(540.0);
        ui.add(edit).accessible_name(name);
        if ui.button(s.words.t("release-choose")).clicked() {
            out.push(Action::Run(Job::ChooseFolderFor(FolderFor::Backups)));
        }
    });
}

/// What was compared, a line each.
fn compared(ui: &mut Ui, s: Shown<'_>, id: &str, all: &[Compared]) {
    let t = look(ui);
    Grid::new(id).num_columns(6).spacing(Vec2::new(16.0, 2.0)).show(ui, |ui| {
        for (i, c) in all.iter().enumerate() {
            ui.label(RichText::new(s.words.t(kept_key(&c.what))).color(t.text));
            ui.label(RichText::new(s.words.with("count-things", &[("n", figure(c.count))])).color(t.text_dim));
            ui.label(RichText::new(s.words.t("drill-equal")).color(t.saved)).on_hover_text(c.sha256.to_string());
            if i % 2 == 1 {
                ui.end_row();
            }
        }
    });
}

/// What a table of the project is called.
fn kept_key(table: &str) -> &'static str {
    match table {
        "transactions" => "kept-transactions",
        "blobs" => "kept-blobs",
        "drafts" => "kept-drafts",
        "entities" => "kept-entities",
        "identity_cases" => "kept-identity-cases",
        "identity_files" => "kept-identity-files",
        "identity_images" => "kept-identity-images",
        "identity_readers" => "kept-identity-readers",
        "identity_subjects" => "kept-identity-subjects",
        "sealed_values" => "kept-sealed-values",
        "state" => "kept-state",
        "subject_keys" => "kept-subject-keys",
        _ => "kept-other",
    }
}

fn drilled(ui: &mut Ui, s: Shown<'_>, drill: &crate::project::Drill) {
    let args = [("when", Arg::from(day(s, &drill.made)))];
    marked(ui, drill.problems.is_empty(), &s.words.with("drill-done", &args));
    ui.add_space(8.0);
    compared(ui, s, "drilled", &drill.compared);
    if drill.erased_inside > 0 {
        ui.add_space(4.0);
        marked(ui, false, &s.words.count("drill-erased", drill.erased_inside));
    }
    problems(ui, s, &drill.problems);
}

fn problems(ui: &mut Ui, s: Shown<'_>, all: &[String]) {
    if all.is_empty() {
        return;
    }
    ui.add_space(4.0);
    marked(ui, false, &s.words.count("backup-problems", all.len()));
    for problem in all.iter().take(5) {
        ui.add(Label::new(RichText::new(problem).font(theme::small()).color(look(ui).text_dim)).wrap());
    }
}

fn restored_words(ui: &mut Ui, s: Shown<'_>, folder: &Path, restored: &crate::project::Restored) {
    let t = look(ui);
    let args = [("when", Arg::from(day(s, &restored.made)))];
    marked(ui, restored.problems.is_empty(), &s.words.with("restored-from", &args));
    ui.label(RichText::new(folder.display().to_string()).color(t.text_dim));
    ui.add_space(8.0);
    compared(ui, s, "restored", &restored.compared);
    ui.add_space(4.0);
    if restored.erased_again > 0 {
        ui.label(s.words.count("restored-erased", restored.erased_again));
    }
    if restored.unsigned > 0 {
        marked(ui, false, &s.words.count("restored-unsigned", restored.unsigned));
    }
    problems(ui, s, &restored.problems);
    ui.add(Label::new(RichText::new(s.words.t("restored-new-streams")).color(t.text_dim)).wrap());
}

/// What stands in the way of a restoration, in words.
fn obstacles(s: Shown<'_>, forms: &Forms) -> Vec<String> {
    let mut out = Vec::new();
    match typed(&forms.restore_from) {
        None => out.push(s.words.t("restore-no-source")),
        Some(from) if !from.is_dir() => out.push(s.words.t("restore-source-missing")),
        Some(_) => {}
    }
    match typed(&forms.restore_to) {
        None => out.push(s.words.t("restore-no-target")),
        Some(to) if to.exists() => out.push(s.words.t("restore-target-taken")),
        Some(_) => {}
    }
    if s.model.keeping.running.is_some() {
        out.push(s.words.t("refused-keeping-busy"));
    }
    out
}

/// Which backup becomes a project, and where.
pub fn restore(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let close = || Action::Look(ViewChange::Dialog(Dialog::None));
    let modal = Modal::new(egui::Id::unique("restore")).frame(dialog_frame(ui.style()));
    let response = modal.backdrop_color(theme::BACKDROP).show(ui.ctx(), |ui| {
        let t = look(ui);
        ui.set_width(600.0);
        ui.label(RichText::new(s.words.t("restore-title")).font(theme::title()));
        ui.add_space(8.0);
        ui.add(Label::new(RichText::new(s.words.t("restore-explain")).color(t.text_dim)).wrap());
        ui.add_space(12.0);
        for (key, text, what) in [
            ("restore-from", &mut forms.restore_from, FolderFor::RestoreFrom),
            ("restore-to", &mut forms.restore_to, FolderFor::RestoreInto),
        ] {
            let name = s.words.t(key);
            ui.label(RichText::new(&name).color(t.text_dim));
            ui.horizontal(|ui| {
                let edit = TextEdit::singleline(text).hint_text(s.words.t("folder-hint")).desired_width(510.0);
                ui.add(edit).accessible_name(&name);
                let choose = s.words.t("release-choose");
                if ui.button(&choose).accessible_name(format!("{name} {choose}")).clicked() {
                    out.push(Action::Run(Job::ChooseFolderFor(what)));
                }
            });
            ui.add_space(8.0);
        }
        let obstacles = obstacles(s, forms);
        for text in &obstacles {
            marked(ui, false, text);
        }
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            if primary(ui, &s.words.t("restore-do"), obstacles.is_empty()).clicked()
                && let (Some(backup), Some(to)) = (typed(&forms.restore_from), typed(&forms.restore_to))
            {
                out.push(Action::Run(Job::Keep(Task::Restore { backup, to })));
                out.push(close());
            }
            if ui.button(s.words.t("restore-back")).clicked() {
                out.push(close());
            }
        });
    });
    if response.should_close() {
        out.push(close());
    }
    out
}
