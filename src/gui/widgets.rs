//! Small parts that every panel uses: buttons with name and key, rows, headings, empty states.

use std::sync::Arc;

use egui::text::LayoutJob;
use egui::{
    Align, Align2, Button, Color32, CornerRadius, Frame, Galley, Layout, Margin, Response, RichText, Sense, Stroke, Ui,
    Vec2, WidgetInfo,
};

use super::actions::{ActionDef, ActionId, find};
use super::i18n::Words;
use super::theme::{self, Tokens, tokens};

/// The tokens of the current theme.
pub fn look(ui: &Ui) -> &'static Tokens {
    tokens(ui.visuals())
}

/// What a tooltip says of an action: its name, its key, and a sentence.
pub fn tooltip(words: &Words, def: &ActionDef) -> String {
    let keys = def.keys();
    let name = words.t(def.key);
    let head = if keys.is_empty() { name } else { format!("{name}  [{keys}]") };
    format!("{head}\n{}", words.t(&def.help_key()))
}

/// An icon that calls an action: square, quiet until hovered, with name, key and sentence in its tooltip.
pub fn icon_action(ui: &mut Ui, words: &Words, id: ActionId, selected: bool, enabled: bool) -> bool {
    let def = find(id);
    let t = look(ui);
    let color = match (enabled, selected) {
        (false, _) => t.text_faint,
        (true, true) => t.accent,
        (true, false) => t.text,
    };
    let button = Button::new(RichText::new(def.icon).size(16.0).color(color))
        .frame_when_inactive(selected)
        .selected(false)
        .min_size(Vec2::splat(28.0));
    let response = ui.add_enabled(enabled, button).accessible_name(words.t(def.key));
    let tip = tooltip(words, def);
    let response = response.on_hover_text(&tip).on_disabled_hover_text(&tip);
    if selected {
        let r = response.rect;
        ui.painter().rect_filled(egui::Rect::from_min_size(r.left_top(), Vec2::new(2.0, r.height())), 1.0, t.accent);
    }
    response.clicked()
}

/// The one button that leads on.
pub fn primary(ui: &mut Ui, words: &str, enabled: bool) -> Response {
    let t = look(ui);
    // egui fades what is disabled; from a fainter grey nothing would be left to read.
    let (fill, text) = if enabled { (t.accent, t.on_accent) } else { (t.hover, t.text) };
    ui.add_enabled(enabled, Button::new(RichText::new(words).color(text)).fill(fill).min_size(Vec2::new(0.0, 28.0)))
}

/// A heading of a panel section, with a count where there is one.
pub fn section(ui: &mut Ui, title: &str, note: &str) {
    let t = look(ui);
    ui.horizontal(|ui| {
        ui.set_height(24.0);
        ui.label(RichText::new(title).color(t.text_dim));
        if !note.is_empty() {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(note).color(t.text_dim));
            });
        }
    });
}

/// An empty, failed or finished state in the middle of a panel: what is, and what to do.
pub fn empty_state(ui: &mut Ui, icon: &str, title: &str, advice: &str) {
    let t = look(ui);
    ui.vertical_centered(|ui| {
        ui.add_space(16.0);
        ui.label(RichText::new(icon).size(24.0).color(t.text_faint));
        ui.add_space(4.0);
        ui.label(RichText::new(title).color(t.text));
        ui.add_space(4.0);
        ui.label(RichText::new(advice).color(t.text_dim));
        ui.add_space(16.0);
    });
}

/// A full-width row that can be clicked: `paint` draws its inside. `name` is what a screen reader says.
pub fn row(
    ui: &mut Ui,
    name: &str,
    selected: bool,
    height: f32,
    paint: impl FnOnce(&mut Ui, &'static Tokens),
) -> Response {
    let t = look(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListBoxOption, true, selected, name));
    if ui.is_rect_visible(rect) {
        let fill = match (selected, response.hovered()) {
            (true, _) => t.accent.gamma_multiply(0.22),
            (false, true) => t.hover,
            (false, false) => Color32::TRANSPARENT,
        };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::CORNER), fill);
        if response.has_focus() {
            ui.painter().rect_stroke(
                rect,
                CornerRadius::same(theme::CORNER),
                Stroke::new(1.0, t.accent),
                egui::StrokeKind::Inside,
            );
        }
        let mut inner = ui.new_child(
            egui::UiBuilder::new()
                .max_rect(rect.shrink2(Vec2::new(8.0, 0.0)))
                .layout(Layout::left_to_right(Align::Center)),
        );
        inner.set_clip_rect(rect.intersect(ui.clip_rect()));
        paint(&mut inner, t);
    }
    response
}

/// Text in at most so many rows of a width. What does not fit is left out in the middle, since names that share a long
/// beginning differ at their end.
pub fn fitted(ui: &Ui, text: &str, color: Color32, width: f32, rows: usize) -> Arc<Galley> {
    let lay = |text: String| {
        let font = egui::TextStyle::Body.resolve(ui.style());
        let mut job = LayoutJob::simple(text, font, color, width.max(24.0));
        job.wrap.max_rows = rows;
        ui.fonts_mut(|f| f.layout_job(job))
    };
    let whole = lay(text.to_owned());
    if !whole.elided {
        return whole;
    }
    let letters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| {
        let head: String = letters.iter().take(kept.div_ceil(2)).collect();
        let tail: String = letters.iter().skip(letters.len() - kept / 2).collect();
        format!("{}…{}", head.trim_end(), tail.trim_start())
    };
    let (mut fits, mut too_many) = (0, letters.len());
    while fits + 1 < too_many {
        let middle = fits.midpoint(too_many);
        if lay(shortened(middle)).elided { too_many = middle } else { fits = middle }
    }
    lay(shortened(fits))
}

/// A filled disc in a finding's colour, on a casing so that it reads on any background.
pub fn color_dot(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 5.0, theme::CASING);
    ui.painter().circle_filled(rect.center(), 4.0, color);
}

/// A key as it stands on the keyboard.
pub fn key_cap(ui: &mut Ui, text: &str) {
    let t = look(ui);
    // Painted, not laid out: a frame would grow with a row of two lines.
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::small(), t.text_dim);
    let (rect, _) = ui.allocate_exact_size(galley.size() + Vec2::new(10.0, 2.0), Sense::hover());
    ui.painter().rect(rect, 3.0, t.raised, Stroke::new(1.0, t.line), egui::StrokeKind::Inside);
    ui.painter().galley(rect.min + Vec2::new(5.0, 1.0), galley, t.text_dim);
}

/// Text on the image: light with a dark casing, readable on white tissue and on black lung.
pub fn cased_text(painter: &egui::Painter, pos: egui::Pos2, anchor: Align2, text: &str) -> egui::Rect {
    let galley = painter.layout_no_wrap(text.to_owned(), theme::small(), theme::OVERLAY_TEXT);
    let rect = anchor.anchor_size(pos, galley.size());
    for (dx, dy) in
        [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)]
    {
        painter.galley_with_override_text_color(rect.min + Vec2::new(dx, dy), galley.clone(), theme::OVERLAY_CASING);
    }
    painter.galley(rect.min, galley, theme::OVERLAY_TEXT);
    rect
}

/// The frame of every dialog.
pub fn dialog_frame(ui_style: &egui::Style) -> Frame {
    let t = tokens(&ui_style.visuals);
    Frame::new()
        .fill(t.panel)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(theme::CORNER)
        .inner_margin(Margin::same(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_that_differ_at_the_end_stay_different() {
        let ctx = egui::Context::default();
        theme::install(&ctx);
        let names = [
            "Poorly differentiated adenocarcinoma, solid",
            "Poorly differentiated adenocarcinoma, non-solid",
            "粘膜下層以深に浸潤した低分化腺癌（充実型）",
            "粘膜下層以深に浸潤した低分化腺癌（非充実型）",
        ];
        let mut out = ctx.run_ui(egui::RawInput::default(), |ui| {
            for rows in [1, 2] {
                for width in [160.0, 232.0] {
                    let shown = names.map(|n| fitted(ui, n, Color32::WHITE, width, rows));
                    for (galley, name) in shown.iter().zip(names) {
                        assert!(galley.rows.len() <= rows && !galley.elided, "{name} in {rows} of {width}");
                        assert!(galley.size().x <= width + 0.5, "{name} is wider than {width}");
                    }
                    for pair in shown.chunks(2) {
                        assert_ne!(pair[0].text(), pair[1].text(), "in {rows} rows of {width}");
                    }
                }
            }
            assert_eq!(
                fitted(ui, "びらん", Color32::WHITE, 232.0, 2).text(),
                "びらん",
                "nothing is left out where all fits"
            );
        });
        out.textures_delta.clear();
    }
}
