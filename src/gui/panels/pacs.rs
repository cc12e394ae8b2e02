//! Open from a PACS: what to look for, what was found, and fetching it.

use egui::{ComboBox, Grid, Label, Modal, ProgressBar, RichText, ScrollArea, TextEdit, Ui};

use super::Shown;
use crate::gui::action::{Action, Dialog, FolderFor, Job, ViewChange};
use crate::gui::i18n::Arg;
use crate::gui::look::Forms;
use crate::gui::pacs::{PacsAsk, PacsForm};
use crate::gui::widgets::{dialog_frame, fitted, look, primary, row};
use crate::gui::{icons, theme};
use crate::project::pacs::StudyRow;

const WIDTH: f32 = 960.0;
const ROW: f32 = 24.0;
const FIELD: f32 = 200.0;
/// Widths of the columns: date, modality, patient ID, name, description, images.
const COLUMNS: [(&str, f32); 6] = [
    ("pacs-date", 88.0),
    ("pacs-modality", 72.0),
    ("pacs-patient-id", 150.0),
    ("pacs-name", 220.0),
    ("pacs-description", 290.0),
    ("pacs-images", 60.0),
];

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let close = || Action::Look(ViewChange::Dialog(Dialog::None));
    let modal = Modal::new(egui::Id::unique("pacs")).frame(dialog_frame(ui.style()));
    let response = modal.backdrop_color(theme::BACKDROP).show(ui.ctx(), |ui| {
        let t = look(ui);
        ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 64.0));
        ui.label(RichText::new(s.words.t("pacs-title")).font(theme::title()));
        ui.add_space(4.0);
        ui.add(Label::new(RichText::new(s.words.t("pacs-explain")).color(t.text_dim)).wrap());
        ui.add_space(12.0);
        server(ui, s, &mut forms.pacs);
        search(ui, s, &mut forms.pacs, &mut out);
        ui.add_space(12.0);
        failed(ui, s, &mut out);
        found(ui, s, &mut forms.pacs, &mut out);
        ui.add_space(12.0);
        bring(ui, s, &mut forms.pacs, &mut out);
        ui.add_space(12.0);
        if ui.button(s.words.t("close")).clicked() {
            out.push(close());
        }
    });
    if response.should_close() {
        out.push(close());
    }
    out
}

/// Which server, where there are several, and its password or token where no file holds it.
fn server(ui: &mut Ui, s: Shown<'_>, form: &mut PacsForm) {
    let servers = &s.model.pacs.servers;
    form.server = form.server.min(servers.len().saturating_sub(1));
    let Some(current) = servers.get(form.server) else { return };
    let t = look(ui);
    ui.horizontal(|ui| {
        let name = s.words.t("pacs-server");
        ui.label(RichText::new(&name).color(t.text_dim));
        let before = form.server;
        let choice = ComboBox::from_id_salt("pacs-server").selected_text(&current.server.name).width(220.0);
        let shown = choice.show_ui(ui, |ui| {
            for (index, entry) in servers.iter().enumerate() {
                ui.selectable_value(&mut form.server, index, &entry.server.name);
            }
        });
        shown.response.accessible_name(&name);
        if form.server != before {
            // A password goes to no other server than the one that it was typed for.
            form.secret = zeroize::Zeroizing::default();
        }
        if current.must_ask() {
            let name = s.words.t("pacs-secret");
            ui.add_space(16.0);
            ui.label(RichText::new(&name).color(t.text_dim));
            ui.add(TextEdit::singleline(&mut *form.secret).password(true).desired_width(200.0)).accessible_name(&name);
        }
    });
    ui.add_space(8.0);
}

fn search(ui: &mut Ui, s: Shown<'_>, form: &mut PacsForm, out: &mut Vec<Action>) {
    let t = look(ui);
    let page = &s.model.pacs;
    let mut entered = false;
    Grid::new("pacs-search").num_columns(6).spacing([12.0, 8.0]).show(ui, |ui| {
        let fields = [
            ("pacs-patient-id", &mut form.patient_id, ""),
            ("pacs-name", &mut form.name, "pacs-name-hint"),
            ("pacs-date", &mut form.date, "pacs-date-hint"),
            ("pacs-modality", &mut form.modality, "pacs-modality-hint"),
            ("pacs-accession", &mut form.accession, ""),
        ];
        for (index, (key, text, hint)) in fields.into_iter().enumerate() {
            let name = s.words.t(key);
            ui.label(RichText::new(&name).color(t.text_dim));
            let hint = if hint.is_empty() { String::new() } else { s.words.t(hint) };
            // A grid gives a field no more than its smallest width, so its size is said.
            let field = TextEdit::singleline(text).hint_text(hint);
            let edit = ui.add_sized([FIELD, 26.0], field).accessible_name(&name);
            entered |= edit.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
            if index == 2 {
                ui.end_row();
            }
        }
    });
    ui.add_space(8.0);
    let may = page.asking.is_none() && !page.servers.is_empty();
    ui.horizontal(|ui| {
        if primary(ui, &s.words.t("pacs-find"), may).clicked() || (entered && may) {
            out.push(Action::Run(Job::Pacs(PacsAsk::Find { more: false })));
        }
        if page.asking.as_ref().is_some_and(|a| !a.fetching) {
            ui.add(egui::Spinner::new().size(14.0).color(t.accent));
            ui.label(RichText::new(s.words.t("pacs-asking")).color(t.text_dim));
            if ui.button(s.words.t("job-cancel")).clicked() {
                out.push(Action::Run(Job::Pacs(PacsAsk::Stop)));
            }
        }
    });
}

fn failed(ui: &mut Ui, s: Shown<'_>, out: &mut Vec<Action>) {
    let Some((key, details)) = &s.model.pacs.failed else { return };
    let t = look(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(icons::WARNING).color(t.warning));
        ui.label(RichText::new(s.words.t(key)).color(t.text));
        if ui.button(s.words.t("copy-details")).clicked() {
            out.push(Action::Run(Job::CopyText(details.clone())));
        }
    });
    ui.add(Label::new(RichText::new(details).font(theme::small()).color(t.text_dim)).wrap());
    ui.add_space(8.0);
}

fn found(ui: &mut Ui, s: Shown<'_>, form: &mut PacsForm, out: &mut Vec<Action>) {
    let t = look(ui);
    let page = &s.model.pacs;
    let Some(rows) = &page.rows else { return };
    if rows.is_empty() {
        ui.label(RichText::new(s.words.t("pacs-nothing")).color(t.text));
        return;
    }
    ui.horizontal(|ui| {
        ui.add_space(8.0);
        ui.spacing_mut().item_spacing.x = 8.0;
        for (key, width) in COLUMNS {
            let text = RichText::new(s.words.t(key)).color(t.text_dim).font(theme::small());
            let left = egui::Layout::left_to_right(egui::Align::Center);
            ui.allocate_ui_with_layout(egui::Vec2::new(width, 16.0), left, |ui| {
                ui.set_min_width(width);
                ui.add(Label::new(text).truncate());
            });
        }
    });
    ScrollArea::vertical().id_salt("pacs-rows").max_height(230.0).auto_shrink([false, true]).show_rows(
        ui,
        ROW,
        rows.len(),
        |ui, range| {
            for study in rows.get(range).unwrap_or_default() {
                let cells = cells(study);
                let selected = form.selected.as_ref() == Some(&study.study);
                let clicked = row(ui, &cells.join(" "), selected, ROW, |ui, t| {
                    ui.spacing_mut().item_spacing.x = 8.0;
                    for (text, (_, width)) in cells.iter().zip(COLUMNS) {
                        let (rect, _) = ui.allocate_exact_size(egui::Vec2::new(width, ROW), egui::Sense::hover());
                        let galley = fitted(ui, text, t.text, width, 1);
                        let top = rect.center().y - galley.size().y / 2.0;
                        ui.painter().galley(egui::Pos2::new(rect.left(), top), galley, t.text);
                    }
                });
                if clicked.clicked() {
                    form.selected = Some(study.study.clone());
                }
            }
        },
    );
    ui.horizontal(|ui| {
        ui.label(RichText::new(s.words.count("pacs-listed", rows.len())).color(t.text_dim));
        if page.more && page.asking.is_none() && ui.button(s.words.t("pacs-more")).clicked() {
            out.push(Action::Run(Job::Pacs(PacsAsk::Find { more: true })));
        }
    });
}

/// One study as its row shows it; a date as people read it.
fn cells(study: &StudyRow) -> [String; 6] {
    let date = study.date.reveal();
    let date = match (date.get(..4), date.get(4..6), date.get(6..8)) {
        (Some(y), Some(m), Some(d)) => format!("{y}-{m}-{d}"),
        _ => date.clone(),
    };
    // Names as DICOM has them: parts between carets, spellings between equals signs.
    let name = study.patient_name.reveal().replace('^', " ").replace('=', " / ");
    [
        date,
        study.modalities.join("/"),
        study.patient_id.reveal().clone(),
        name,
        study.description.reveal().clone(),
        study.images.map(|n| n.to_string()).unwrap_or_default(),
    ]
}

/// Where to, and the button that fetches; then how far it is.
fn bring(ui: &mut Ui, s: Shown<'_>, form: &mut PacsForm, out: &mut Vec<Action>) {
    let t = look(ui);
    let page = &s.model.pacs;
    if page.rows.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        let name = s.words.t("pacs-folder");
        ui.label(RichText::new(&name).color(t.text_dim));
        let hint = s.words.t("pacs-folder-hint");
        ui.add(TextEdit::singleline(&mut form.folder).hint_text(hint).desired_width(420.0)).accessible_name(&name);
        if ui.button(s.words.t("release-choose")).clicked() {
            out.push(Action::Run(Job::ChooseFolderFor(FolderFor::Pacs)));
        }
    });
    ui.add_space(8.0);
    let chosen = s.look.chosen_study(page).map(|r| r.study.clone()).or_else(|| form.selected.clone());
    ui.horizontal(|ui| {
        let may = page.asking.is_none() && chosen.is_some();
        if primary(ui, &s.words.t("pacs-fetch"), may).clicked()
            && let Some(study) = chosen.clone()
        {
            out.push(Action::Run(Job::Pacs(PacsAsk::Fetch(study))));
        }
        if chosen.is_none() && page.rows.as_ref().is_some_and(|r| !r.is_empty()) {
            ui.label(RichText::new(s.words.t("pacs-choose")).color(t.text_dim));
        }
        if let Some((all, new)) = page.fetched {
            let args = [("n", Arg::from(all)), ("new", Arg::from(new))];
            ui.label(
                RichText::new(format!("{} {}", icons::CHECK_CIRCLE, s.words.with("pacs-fetched", &args)))
                    .color(t.saved),
            );
        }
        if let Some(asking) = page.asking.as_ref().filter(|a| a.fetching) {
            let now = asking.images.snapshot();
            let args = [
                ("done", Arg::from(usize::try_from(now.done).unwrap_or(usize::MAX))),
                ("total", Arg::from(usize::try_from(now.total).unwrap_or(usize::MAX))),
            ];
            ui.label(RichText::new(s.words.with("job-pacs", &args)).color(t.text));
            #[allow(clippy::cast_possible_truncation, reason = "a bar on the screen")]
            let share = now.fraction().unwrap_or(0.0) as f32;
            ui.add(ProgressBar::new(share).desired_width(220.0).desired_height(6.0).fill(t.accent));
            if ui.button(s.words.t("job-cancel")).clicked() {
                out.push(Action::Run(Job::Pacs(PacsAsk::Stop)));
            }
        }
    });
}
