//! How colour is shown in the view: brightness, contrast, gamma, one channel or one stain alone. Data are never touched.

use egui::{Align2, Area, Frame, Id, Margin, Order, Rect, RichText, Slider, Stroke, Ui, Vec2};

use super::Shown;
use crate::gui::action::{Action, ViewChange};
use crate::gui::actions::{ActionId, find};
use crate::gui::theme;
use crate::gui::viewing::Viewing;
use crate::gui::viewport::{IccBadge, Viewport};
use crate::gui::widgets::{look, tooltip};
use crate::project::tiles::{ColourPart, ColourState};

/// Fluent key of a part's name.
pub const fn part_key(part: ColourPart) -> &'static str {
    match part {
        ColourPart::Whole => "part-whole",
        ColourPart::Red => "part-red",
        ColourPart::Green => "part-green",
        ColourPart::Blue => "part-blue",
        ColourPart::Haematoxylin => "part-haematoxylin",
        ColourPart::Eosin => "part-eosin",
        ColourPart::Dab => "part-dab",
    }
}

/// The box at the right edge of the image's place.
pub fn show(ui: &Ui, s: Shown<'_>, viewport: &Viewport, rect: Rect) -> Vec<Action> {
    let mut out = Vec::new();
    if !s.look.adjust || viewport.meta().is_none_or(|m| m.channels < 3) {
        return out;
    }
    let t = look(ui);
    let frame = Frame::new()
        .fill(t.panel)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(theme::CORNER)
        .inner_margin(Margin::same(12));
    let corner = rect.right_top() + Vec2::new(-10.0, 56.0);
    Area::new(Id::unique("adjust")).order(Order::Middle).pivot(Align2::RIGHT_TOP).fixed_pos(corner).show(
        ui.ctx(),
        |ui| {
            frame.show(ui, |ui| {
                ui.set_width(252.0);
                inside(ui, s, viewport, &mut out);
            });
        },
    );
    out
}

fn inside(ui: &mut Ui, s: Shown<'_>, viewport: &Viewport, out: &mut Vec<Action>) {
    let t = look(ui);
    let state = viewport.colour();
    let change = |state: ColourState| Action::Look(ViewChange::Colour(state));
    ui.horizontal(|ui| {
        ui.label(RichText::new(s.words.t("adjust-title")).font(theme::title()).color(t.text));
    });
    ui.label(RichText::new(s.words.t("adjust-note")).font(theme::small()).color(t.text_dim));
    ui.add_space(8.0);
    for parts in [&ColourPart::ALL[..4], &ColourPart::ALL[4..]] {
        ui.horizontal(|ui| {
            for part in parts.iter().copied() {
                let name = s.words.t(part_key(part));
                let mut response = ui.selectable_label(state.part == part, &name);
                if part != ColourPart::Whole {
                    response = response.on_hover_text(tooltip(s.words, find(ActionId::View(Viewing::Part(part)))));
                }
                if response.clicked() {
                    out.push(change(ColourState { part, ..state }));
                }
            }
        });
    }
    ui.add_space(8.0);
    let mut next = state;
    let sliders: [(&str, &mut f32, std::ops::RangeInclusive<f32>, bool); 3] = [
        ("adjust-brightness", &mut next.brightness, -0.5..=0.5, false),
        ("adjust-contrast", &mut next.contrast, 0.2..=5.0, true),
        ("adjust-gamma", &mut next.gamma, 0.2..=5.0, true),
    ];
    for (key, value, range, ratio) in sliders {
        let name = s.words.t(key);
        ui.horizontal(|ui| {
            ui.allocate_ui(Vec2::new(84.0, 20.0), |ui| {
                ui.set_min_width(84.0);
                ui.label(RichText::new(&name).color(t.text));
            });
            ui.add(Slider::new(value, range).logarithmic(ratio).max_decimals(2).show_value(true))
                .on_hover_text(s.words.t("adjust-slider-help"))
                .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, true, &name));
        });
    }
    if next != state {
        out.push(change(next));
    }
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        let mut on = !matches!(viewport.icc_badge(), IccBadge::Off | IccBadge::None | IccBadge::Broken(_));
        let usable =
            !matches!(viewport.icc_badge(), IccBadge::None | IccBadge::Broken(_)) && state.part == ColourPart::Whole;
        let def = find(ActionId::View(Viewing::Icc));
        let tip = tooltip(s.words, def);
        let box_ = ui.add_enabled(usable, egui::Checkbox::new(&mut on, s.words.t("adjust-icc")));
        if box_.on_hover_text(&tip).on_disabled_hover_text(&tip).changed() {
            out.push(Action::Call(def.id));
        }
        let reset = find(ActionId::View(Viewing::ResetColour));
        let button = ui.add_enabled(!state.is_neutral(), egui::Button::new(s.words.t("adjust-reset")));
        if button.on_hover_text(tooltip(s.words, reset)).clicked() {
            out.push(Action::Call(reset.id));
        }
    });
}
