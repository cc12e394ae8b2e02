//! The bar under a film or a loop: play, step, time, frame, speed; and the strip of small pictures above it.

use egui::{
    Align, Button, Color32, Key, Label, Layout, Pos2, Rect, Response, RichText, ScrollArea, Sense, Slider, Stroke,
    StrokeKind, TextEdit, Ui, Vec2, WidgetInfo,
};

use super::Shown;
use crate::gui::action::{Action, ViewChange};
use crate::gui::actions::{ActionId, find};
use crate::gui::filmstrip::{Filmstrip, Place};
use crate::gui::i18n::Arg;
use crate::gui::look::Forms;
use crate::gui::player::{Clock, Transport, parse_time, time_text};
use crate::gui::theme;
use crate::gui::widgets::{cased_text, look, tooltip};

pub const HEIGHT: f32 = 36.0;
pub const STRIP_HEIGHT: f32 = 92.0;
const PICTURE: Vec2 = Vec2::new(112.0, 66.0);

/// Whether there is something to play.
pub fn wanted(s: Shown<'_>) -> bool {
    s.look.player.moves() || s.look.player.playing()
}

/// What a button of the bar shows: the icon font has no transport signs.
#[derive(Clone, Copy)]
enum Sign {
    Play,
    Pause,
    Back,
    StepBack,
    StepOn,
    Loop,
}

pub fn show(ui: &mut Ui, s: Shown<'_>, forms: &mut Forms) -> Vec<Action> {
    let mut out = Vec::new();
    let Some(clock) = s.look.player.clock() else { return out };
    let player = &s.look.player;
    let t = look(ui);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let backwards = player.playing() && player.speed() < 0.0;
        let mut press = |ui: &mut Ui, sign, id, lit| {
            if button(ui, s, sign, id, lit).clicked() {
                out.push(Action::Call(id));
            }
        };
        press(ui, Sign::Back, ActionId::Film(Transport::Reverse), backwards);
        press(ui, Sign::StepBack, ActionId::Slice(-1), false);
        let sign = if player.playing() { Sign::Pause } else { Sign::Play };
        press(ui, sign, ActionId::Film(Transport::PlayPause), player.playing() && !backwards);
        press(ui, Sign::StepOn, ActionId::Slice(1), false);
        press(ui, Sign::Loop, ActionId::Film(Transport::Loop), player.looping());
        times(ui, s, clock, forms, &mut out);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let strip = find(ActionId::Film(Transport::Strip));
            let colour = if player.strip { t.accent } else { t.text };
            let pressed = ui.add(Button::new(RichText::new(strip.icon).size(16.0).color(colour)).frame(false));
            if pressed.on_hover_text(tooltip(s.words, strip)).clicked() {
                out.push(Action::Call(strip.id));
            }
            let speed = format!("{}×", format!("{:.2}", player.speed()).trim_end_matches('0').trim_end_matches('.'));
            ui.label(RichText::new(speed.replace('-', "−")).color(if player.playing() { t.text } else { t.text_dim }));
            if let Some(note) = clock.source.note() {
                ui.label(RichText::new(s.words.t(note)).font(theme::small()).color(t.warning));
            }
            let last = clock.count().saturating_sub(1);
            let mut frame = s.look.frame.min(last);
            ui.spacing_mut().slider_width = (ui.available_width() - 8.0).max(40.0);
            let slider = ui.add(Slider::new(&mut frame, 0..=last).show_value(false));
            slider.widget_info(|| WidgetInfo::slider(true, f64::from(frame), s.words.t("transport-position")));
            if slider.changed() {
                out.push(Action::Look(ViewChange::Frame(frame)));
            }
        });
    });
    out
}

/// Time and frame; the time can be typed.
fn times(ui: &mut Ui, s: Shown<'_>, clock: &Clock, forms: &mut Forms, out: &mut Vec<Action>) {
    let t = look(ui);
    if let Some(text) = &mut forms.jump {
        let good = text.is_empty() || parse_time(text).is_some();
        let edit = TextEdit::singleline(text)
            .hint_text(s.words.t("transport-jump-hint"))
            .text_color(if good { t.text } else { t.danger })
            .desired_width(96.0);
        let field = ui.add(edit);
        field.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, s.words.t("film-jump")));
        let (enter, escape) = ui.input(|i| (i.key_pressed(Key::Enter), i.key_pressed(Key::Escape)));
        if enter && let Some(seconds) = parse_time(text) {
            out.push(Action::Look(ViewChange::Frame(clock.frame_at(seconds))));
            forms.jump = None;
        } else if escape || (field.lost_focus() && !enter) {
            forms.jump = None;
        } else if !field.has_focus() {
            field.request_focus();
        }
    } else {
        let now = RichText::new(time_text(clock.seconds(s.look.frame))).color(t.text);
        let time = ui.add(Label::new(now).sense(Sense::click()));
        if time.on_hover_text(tooltip(s.words, find(ActionId::Film(Transport::Jump)))).clicked() {
            out.push(Action::Call(ActionId::Film(Transport::Jump)));
        }
        ui.label(RichText::new(format!("/ {}", time_text(clock.duration_s()))).color(t.text_dim));
    }
    let n = |v: u32| Arg::from(v.to_string());
    let frames = s.words.with("transport-frame", &[("n", n(s.look.frame + 1)), ("of", n(clock.count()))]);
    ui.add_space(4.0);
    ui.label(RichText::new(frames).color(t.text_dim));
}

fn button(ui: &mut Ui, s: Shown<'_>, sign: Sign, id: ActionId, lit: bool) -> Response {
    let def = find(id);
    let t = look(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(28.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, lit, s.words.t(def.key)));
    if response.hovered() {
        ui.painter().rect_filled(rect, f32::from(theme::CORNER), t.hover);
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect, f32::from(theme::CORNER), Stroke::new(1.0, t.accent), StrokeKind::Inside);
    }
    draw(ui, rect.center(), sign, if lit { t.accent } else { t.text });
    response.on_hover_text(tooltip(s.words, def))
}

fn draw(ui: &Ui, at: Pos2, sign: Sign, colour: Color32) {
    let painter = ui.painter();
    let triangle = |x: f32, wide: f32, tall: f32| {
        let points = vec![at + Vec2::new(x, -tall), at + Vec2::new(x, tall), at + Vec2::new(x + wide, 0.0)];
        painter.add(egui::Shape::convex_polygon(points, colour, Stroke::NONE));
    };
    let bar = |x: f32| {
        painter.rect_filled(Rect::from_center_size(at + Vec2::new(x, 0.0), Vec2::new(2.5, 12.0)), 0.0, colour);
    };
    match sign {
        Sign::Play => triangle(-4.0, 10.0, 6.5),
        Sign::Pause => [-3.0, 3.0].into_iter().for_each(bar),
        Sign::Back => triangle(4.0, -10.0, 6.5),
        Sign::StepBack => {
            triangle(5.0, -7.0, 4.5);
            bar(-4.0);
        }
        Sign::StepOn => {
            triangle(-5.0, 7.0, 4.5);
            bar(4.0);
        }
        Sign::Loop => {
            let icon = crate::gui::icons::ARROW_CLOCKWISE;
            painter.text(at, egui::Align2::CENTER_CENTER, icon, egui::FontId::proportional(15.0), colour);
        }
    }
}

/// The strip: frames of the film, or images of the case.
pub fn strip(ui: &mut Ui, s: Shown<'_>, pictures: &Filmstrip) -> Vec<Action> {
    let mut out = Vec::new();
    let t = look(ui);
    if pictures.places().is_empty() {
        ui.centered_and_justified(|ui| ui.label(RichText::new(s.words.t("strip-one-picture")).color(t.text_dim)));
        return out;
    }
    let current = current(s, pictures.places());
    ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (number, place) in pictures.places().iter().enumerate() {
                let chosen = current == Some(number);
                let response = picture(ui, s, pictures, place, number, chosen);
                if chosen && ui.memory(|m| m.data.get_temp(ui.scope_id().with("strip")) != Some(number)) {
                    response.scroll_to_me(Some(Align::Center));
                    ui.memory_mut(|m| m.data.insert_temp(ui.scope_id().with("strip"), number));
                }
                let held = ui.input(|i| i.modifiers);
                if response.clicked() && (held.command || held.shift) {
                    out.push(Action::Look(ViewChange::Mark(place.clone(), held.shift)));
                } else if response.clicked() {
                    let film = s.look.player.moves();
                    let to = if film { ViewChange::Frame(place.1) } else { ViewChange::Image(place.0.clone()) };
                    out.push(Action::Look(to));
                }
            }
        });
    });
    out
}

/// The picture of what is in view: the last one that is not behind it.
fn current(s: Shown<'_>, places: &[Place]) -> Option<usize> {
    if s.look.player.moves() {
        return places.partition_point(|place| place.1 <= s.look.frame).checked_sub(1);
    }
    places.iter().position(|place| s.look.image.as_ref() == Some(&place.0))
}

fn picture(ui: &mut Ui, s: Shown<'_>, all: &Filmstrip, place: &Place, number: usize, chosen: bool) -> Response {
    let t = look(ui);
    let (rect, response) = ui.allocate_exact_size(PICTURE + Vec2::new(0.0, 14.0), Sense::click());
    let clock = s.look.player.clock().filter(|_| s.look.player.moves());
    let label = clock.map_or_else(|| (number + 1).to_string(), |clock| time_text(clock.seconds(place.1)));
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListBoxOption, true, chosen, &label));
    let frame = Rect::from_min_size(rect.min, PICTURE);
    ui.painter().rect_filled(frame, 0.0, t.surround);
    if let Some(texture) = all.picture(place) {
        let size = texture.size_vec2();
        let scale = (PICTURE.x / size.x).min(PICTURE.y / size.y);
        let inside = Rect::from_center_size(frame.center(), size * scale);
        ui.painter().image(texture.id(), inside, Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0)), Color32::WHITE);
    } else {
        let icon = if all.has_failed(place) { crate::gui::icons::LINK_BREAK } else { crate::gui::icons::IMAGE_SQUARE };
        let font = egui::FontId::proportional(18.0);
        ui.painter().text(frame.center(), egui::Align2::CENTER_CENTER, icon, font, t.text_faint);
    }
    let marked = s.look.marked.contains(place);
    if marked {
        ui.painter().rect_filled(frame, 0.0, t.accent.gamma_multiply(0.35));
    }
    if let Some(light) = s.model.light(&place.0, if clock.is_some() { place.1 } else { 0 }) {
        let at = frame.left_top() + Vec2::new(4.0, 2.0);
        cased_text(ui.painter(), at, egui::Align2::LEFT_TOP, &s.words.t(light.badge()));
    }
    if chosen || response.hovered() || response.has_focus() {
        let colour = if chosen { t.accent } else { t.text_faint };
        ui.painter().rect_stroke(frame, 0.0, Stroke::new(2.0, colour), StrokeKind::Inside);
    }
    let colour = if chosen { t.text } else { t.text_dim };
    let below = rect.center_bottom();
    ui.painter().text(below, egui::Align2::CENTER_BOTTOM, &label, theme::small(), colour);
    response
}
