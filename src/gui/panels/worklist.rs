//! The cases on the left, and the images of the open one.

use egui::{RichText, ScrollArea, TextEdit, Ui};

use super::Shown;
use crate::domain::Field;
use crate::gui::action::{Action, ViewChange};
use crate::gui::actions::ActionId;
use crate::gui::i18n::Arg;
use crate::gui::look::Forms;
use crate::gui::model::{Availability, CaseRow, ImageRow, ReadState};
use crate::gui::widgets::{empty_state, look, row, section};
use crate::gui::{icons, theme};

const CASE_HEIGHT: f32 = 44.0;

const fn field_icon(field: Field) -> &'static str {
    match field {
        Field::Pathology => icons::MICROSCOPE,
        Field::Endoscopy => icons::CAMERA,
        Field::Radiology => icons::STACK,
        Field::Other => icons::IMAGE_SQUARE,
    }
}

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let done = s.model.cases.iter().filter(|c| !c.state.editable()).count();
    let note = s.words.with("worklist-count", &[("done", Arg::from(done)), ("n", Arg::from(s.model.cases.len()))]);
    section(ui, &s.words.t("worklist"), &note);
    if s.model.cases.is_empty() {
        empty_state(ui, icons::LIST, &s.words.t("worklist-empty"), &s.words.t("worklist-empty-advice"));
        return out;
    }
    if s.model.cases.len() > 8 {
        let name = s.words.t("worklist-filter");
        ui.add(TextEdit::singleline(&mut forms.case_filter).hint_text(name.clone()).desired_width(f32::INFINITY))
            .accessible_name(name);
        ui.add_space(4.0);
    }
    let wanted = forms.case_filter.to_lowercase();
    let rows: Vec<&CaseRow> =
        s.model.cases.iter().filter(|c| wanted.is_empty() || c.label.to_lowercase().contains(&wanted)).collect();
    if rows.is_empty() {
        empty_state(
            ui,
            icons::MAGNIFYING_GLASS,
            &s.words.t("worklist-no-match"),
            &s.words.t("worklist-no-match-advice"),
        );
        return out;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for case in &rows {
            let here = s.look.case.as_ref() == Some(&case.id);
            if case_row(ui, s, case, here) {
                out.push(Action::Look(ViewChange::Case(case.id.clone())));
            }
            if here && case.images.len() > 1 {
                for (i, image) in case.images.iter().enumerate() {
                    image_row(ui, s, image, i, &mut out);
                }
            } else if here && let Some(image) = case.images.first() {
                trouble(ui, s, image);
            }
        }
        let all_done = s.model.cases.iter().all(|c| !c.state.editable());
        if all_done {
            empty_state(ui, icons::SEAL_CHECK, &s.words.t("worklist-finished"), &s.words.t("worklist-finished-advice"));
        }
    });
    out
}

fn case_row(ui: &mut Ui, s: Shown<'_>, case: &CaseRow, here: bool) -> bool {
    let state = s.words.t(case.state.key());
    let count = s.words.count("count-findings", case.findings);
    let name = format!("{} {state} {count}", case.label);
    row(ui, &name, here, CASE_HEIGHT, |ui, t| {
        ui.label(RichText::new(field_icon(case.field)).size(18.0).color(if here { t.accent } else { t.text_dim }));
        ui.vertical(|ui| {
            ui.add_space(3.0);
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.spacing_mut().interact_size.y = 18.0;
            ui.horizontal(|ui| {
                ui.set_height(19.0);
                ui.label(RichText::new(&case.label).color(t.text));
                ui.add(egui::Label::new(RichText::new(&case.source).font(theme::small()).color(t.text_dim)).truncate());
            });
            let color = match case.state {
                ReadState::Submitted => t.saved,
                ReadState::Amended => t.warning,
                ReadState::Assigned | ReadState::Open => t.text_dim,
            };
            ui.label(RichText::new(format!("{state} · {count}")).font(theme::small()).color(color));
        });
    })
    .clicked()
}

fn image_row(ui: &mut Ui, s: Shown<'_>, image: &ImageRow, index: usize, out: &mut Vec<Action>) {
    let here = s.look.image.as_ref() == Some(&image.id);
    let named = image_name(s, image);
    let made = row(ui, &named, here, 24.0, |ui, t| {
        ui.add_space(26.0);
        let color = if here { t.text } else { t.text_dim };
        let text = format!("{}  {named}", index + 1);
        ui.add(egui::Label::new(RichText::new(text).font(theme::small()).color(color)).truncate());
    });
    // It can be dragged into a cell of the stage; one widget, since another over it would take the click away.
    let made = made.interact(egui::Sense::drag());
    made.dnd_set_drag_payload(image.id.clone());
    if made.clicked() {
        out.push(Action::Look(ViewChange::Image(image.id.clone())));
    }
    trouble(ui, s, image);
}

/// Series of a study lie in one folder and would all be called by it: their kind and length come first.
fn image_name(s: Shown<'_>, image: &ImageRow) -> String {
    if image.field != Field::Radiology || image.kind.is_empty() {
        return image.label.clone();
    }
    let n = usize::try_from(image.frames).unwrap_or(usize::MAX);
    match n {
        0 | 1 => format!("{} · {}", image.kind, image.label),
        _ => format!("{} · {} · {}", image.kind, s.words.count("count-slices", n), image.label),
    }
}

/// What is wrong with an image; the way out stands where its pixels would be.
fn trouble(ui: &mut Ui, s: Shown<'_>, image: &ImageRow) {
    let text = match &image.availability {
        Availability::Ready => return,
        Availability::Missing { .. } => s.words.t("image-missing-short"),
        Availability::Failed { .. } => s.words.t("image-failed-short"),
    };
    let t = look(ui);
    ui.horizontal(|ui| {
        ui.add_space(26.0);
        let text = RichText::new(format!("{} {text}", icons::WARNING)).font(theme::small()).color(t.warning);
        ui.add(egui::Label::new(text).truncate());
    });
}

/// Under the list: more images can be added at any time.
pub fn footer(ui: &mut Ui, s: Shown<'_>) -> Vec<Action> {
    let mut out = Vec::new();
    let name = s.words.t("worklist-add");
    let button = egui::Button::new(format!("{}  {name}", icons::PLUS)).frame_when_inactive(false);
    if ui.add(button).accessible_name(name).on_hover_text(s.words.t("action-open-files-help")).clicked() {
        out.push(Action::Call(ActionId::OpenFiles));
    }
    out
}
