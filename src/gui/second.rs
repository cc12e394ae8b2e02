//! A second window for another monitor: one image of the case to look at, with a camera of its own. It has the main
//! window's graphics device, decode threads and links; drawing stays in the main window.

use egui::{Key, Modifiers, Pos2, Rect, Vec2, ViewportBuilder, ViewportClass, ViewportCommand, ViewportId};

use super::action::Action;
use super::app::App;
use super::cells::Cell;
use super::keys::{Press, presses};
use super::panels::{Shown, second};
use super::stage::Stage;
use crate::domain::ImageId;

/// Where the window opens: left, top, width and height in points.
pub type Place = [i32; 4];

const DEFAULT_SIZE: Vec2 = Vec2::new(960.0, 720.0);
const LEAST: Vec2 = Vec2::new(320.0, 240.0);

/// The window and what it shows.
pub struct Second {
    pub(super) cell: Cell,
    /// Where it was opened: a builder that changed while a hand moves the window would fight with the hand.
    opened_at: Option<Place>,
    /// Where it is now.
    place: Option<Place>,
    /// A hand moves it.
    moving: bool,
}

/// What a key does in the second window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SecondKey {
    Frames(i32),
    First,
    Last,
    Fit,
    Zoom(f64),
    FullScreen,
    Close,
}

impl SecondKey {
    pub fn of(press: Press) -> Option<Self> {
        if press.modifiers == Modifiers::SHIFT && press.key == Key::F11 {
            return Some(Self::Close);
        }
        // `+` needs Shift on most layouts.
        if press.modifiers != Modifiers::NONE && !(press.key == Key::Plus && press.modifiers == Modifiers::SHIFT) {
            return None;
        }
        Some(match press.key {
            Key::ArrowDown => Self::Frames(1),
            Key::ArrowUp => Self::Frames(-1),
            Key::PageDown => Self::Frames(10),
            Key::PageUp => Self::Frames(-10),
            Key::Home => Self::First,
            Key::End => Self::Last,
            Key::F => Self::Fit,
            Key::Plus | Key::Equals => Self::Zoom(1.25),
            Key::Minus => Self::Zoom(0.8),
            Key::F11 => Self::FullScreen,
            Key::Escape => Self::Close,
            _ => return None,
        })
    }
}

impl Second {
    fn act(&mut self, key: SecondKey) {
        let viewport = self.cell.viewport_mut();
        match key {
            SecondKey::Frames(by) => viewport.scroll_frames(by),
            SecondKey::First => viewport.set_frame(0),
            SecondKey::Last => viewport.set_frame(u32::MAX),
            SecondKey::Fit => viewport.fit(),
            SecondKey::Zoom(factor) => self.cell.zoom_centre(factor),
            SecondKey::FullScreen | SecondKey::Close => {}
        }
    }

    fn builder(&self, title: String) -> ViewportBuilder {
        let builder = ViewportBuilder::default().with_title(title).with_app_id("shoken").with_min_inner_size(LEAST);
        match self.opened_at {
            #[allow(clippy::cast_precision_loss, reason = "points on a desk of monitors")]
            Some([x, y, w, h]) => builder
                .with_position(Pos2::new(x as f32, y as f32))
                .with_inner_size(Vec2::new(w as f32, h as f32).max(LEAST)),
            None => builder.with_inner_size(DEFAULT_SIZE),
        }
    }
}

impl Stage {
    /// Opens the second window, where it was the last time.
    pub fn open_second(&mut self, place: Option<Place>) {
        self.second = Some(Second { cell: self.new_cell(), opened_at: place, place, moving: false });
    }

    /// Closes it; says where it was.
    pub fn close_second(&mut self) -> Option<Place> {
        self.second.take()?.place
    }

    pub const fn second(&self) -> Option<&Second> {
        self.second.as_ref()
    }
}

impl App {
    /// What the second window shows and at which frame; for tests.
    pub fn second_window(&self) -> Option<(Option<&ImageId>, u32)> {
        self.stage.second().map(|s| (s.cell.image(), s.cell.viewport().frame()))
    }

    /// Opens the second window with the image in the hand, or closes it.
    pub(super) fn switch_second(&mut self) {
        if self.stage.second().is_some() {
            self.close_second();
        } else {
            self.stage.open_second(self.session.remembered_second());
            self.send_to_second();
        }
    }

    /// Shows the image in the hand, as it is shown there, in the second window.
    pub(super) fn send_to_second(&mut self) {
        if self.stage.second().is_none() {
            self.stage.open_second(self.session.remembered_second());
        }
        let Some(image) = self.look.image.clone() else { return };
        let (frame, display) = (self.look.frame, self.stage.viewport().display());
        if let Some(second) = &mut self.stage.second {
            second.cell.open(&mut self.session, &image);
            let viewport = second.cell.viewport_mut();
            viewport.set_frame(frame);
            viewport.set_display(display);
        }
    }

    pub(super) fn close_second(&mut self) {
        if let Some(place) = self.stage.close_second() {
            self.session.remember_second(place);
        }
    }

    /// Keeps the window's place once it rests.
    pub(super) fn note_second(&mut self) {
        if let Some(place) = self.stage.second().filter(|s| !s.moving).and_then(|s| s.place) {
            self.session.remember_second(place);
        }
    }

    /// Another case: nothing of the one before stays in view, and what the main window does not show comes here.
    pub(super) fn second_follows_case(&mut self) {
        if self.stage.second().is_none() {
            return;
        }
        let next = self.next_unseen();
        if let Some(second) = &mut self.stage.second {
            second.cell.close();
            if let Some(image) = next {
                second.cell.open(&mut self.session, &image);
            }
        }
    }

    /// Draws the second window and hears its keys.
    pub(super) fn show_second(&mut self, ui: &egui::Ui, out: &mut Vec<Action>) {
        let Some(window) = &mut self.stage.second else { return };
        let builder = window.builder(self.words.t("second-title"));
        let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
        let mut close = false;
        ui.ctx().show_viewport_immediate(ViewportId::from_hash_of("second"), builder, |ui, class| {
            if class != ViewportClass::EmbeddedWindow {
                let (events, info) = ui.ctx().input(|i| (i.events.clone(), i.viewport().clone()));
                close |= info.close_requested();
                let place = place_of(info.outer_rect, info.inner_rect).or(window.place);
                window.moving = place != window.place;
                window.place = place;
                for key in presses(&events).into_iter().filter_map(SecondKey::of) {
                    match key {
                        SecondKey::Close => close = true,
                        SecondKey::FullScreen => {
                            let full = info.fullscreen.unwrap_or(false);
                            ui.ctx().send_viewport_cmd(ViewportCommand::Fullscreen(!full));
                        }
                        _ => window.act(key),
                    }
                }
            }
            second::show(ui, shown, &mut window.cell);
        });
        if close {
            out.push(Action::Call(super::actions::ActionId::Stage(super::staging::Staging::Second)));
        }
    }
}

/// The outer corner and the inner size: what opens the window again in the same place.
fn place_of(outer: Option<Rect>, inner: Option<Rect>) -> Option<Place> {
    let (corner, size) = (outer?.min, inner?.size());
    #[allow(clippy::cast_possible_truncation, reason = "points on a desk of monitors")]
    let place = [corner.x, corner.y, size.x, size.y].map(|v| v.round() as i32);
    (size.x >= LEAST.x / 2.0 && size.y >= LEAST.y / 2.0).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_second_window_move_its_own_image_only() {
        let press = |key, modifiers| SecondKey::of(Press { modifiers, key, repeat: false });
        assert_eq!(press(Key::ArrowDown, Modifiers::NONE), Some(SecondKey::Frames(1)));
        assert_eq!(press(Key::PageUp, Modifiers::NONE), Some(SecondKey::Frames(-10)));
        assert_eq!(press(Key::Plus, Modifiers::SHIFT), Some(SecondKey::Zoom(1.25)));
        assert_eq!(press(Key::F11, Modifiers::SHIFT), Some(SecondKey::Close));
        assert_eq!(press(Key::F11, Modifiers::NONE), Some(SecondKey::FullScreen));
        // Nothing that changes a finding.
        for key in [Key::Delete, Key::P, Key::Num1, Key::Backspace, Key::Enter] {
            assert_eq!(press(key, Modifiers::NONE), None);
        }
        assert_eq!(press(Key::Z, Modifiers::COMMAND), None);
    }

    #[test]
    fn a_place_is_the_outer_corner_and_the_inner_size() {
        let outer = Rect::from_min_size(Pos2::new(1366.4, -3.0), Vec2::new(1010.0, 780.0));
        let inner = Rect::from_min_size(Pos2::new(1370.0, 30.0), Vec2::new(1000.0, 750.0));
        assert_eq!(place_of(Some(outer), Some(inner)), Some([1366, -3, 1000, 750]));
        assert_eq!(place_of(Some(outer), None), None);
        let tiny = Rect::from_min_size(Pos2::ZERO, Vec2::new(4.0, 4.0));
        assert_eq!(place_of(Some(outer), Some(tiny)), None, "a minimised window is nowhere");
    }
}
