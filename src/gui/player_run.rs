//! The transport at work in the window: the clock follows the image in view, frames go on, the strip is filled.

use egui::Context;

use super::app::App;
use super::field;
use super::filmstrip::{self, Place};
use super::player::{Clock, SPEEDS, Transport};
use crate::project::tiles::Samples;

/// Longer side of the picture in which an endoscope's field is looked for.
const FIELD_PX: u32 = 256;

impl App {
    /// Once a frame: what is on now.
    pub(super) fn run_player(&mut self, ctx: &Context) {
        let shown =
            self.stage.image(self.stage.active()).filter(|shown| self.look.image.as_ref() == Some(*shown)).cloned();
        if self.look.player.image() != shown.as_ref() {
            let clock = self.stage.viewport().meta().filter(|_| shown.is_some()).and_then(Clock::of);
            self.look.player.follow(shown, clock);
        }
        self.fill_strip(ctx);
        let now = ctx.input(|i| i.time);
        // A step by hand ends playing: the hand wants to look.
        if self.look.player.asked().is_some_and(|asked| asked != self.look.frame) {
            self.look.player.pause();
        }
        let ready = self.stage.viewport().is_in_step();
        let Some(frame) = self.look.player.tick(now, ready) else { return };
        if frame != self.look.frame {
            if self.tool.is_drawing() {
                self.look.player.pause();
                self.notices.refused(self.words.t("refused-finish-draft"));
                return;
            }
            self.show_frame(frame);
        }
        if let Some(due) = self.look.player.due_s(now) {
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(due));
        }
    }

    pub(super) fn call_film(&mut self, ctx: &Context, what: Transport) {
        let (now, frame) = (ctx.input(|i| i.time), self.look.frame);
        let player = &mut self.look.player;
        match what {
            Transport::PlayPause => player.toggle(frame, now),
            Transport::Forward => player.push(true, frame, now),
            Transport::Reverse => player.push(false, frame, now),
            Transport::Pause => player.pause(),
            Transport::Speed(n) => {
                if let Some(speed) = SPEEDS.get(usize::from(n)) {
                    player.set_speed(*speed, frame, now);
                }
            }
            Transport::Loop => player.set_looping(!player.looping()),
            Transport::Jump => {
                player.pause();
                self.look.bare = false;
                self.look.forms.jump = Some(String::new());
            }
            Transport::NextKey | Transport::PreviousKey => {
                let forward = what == Transport::NextKey;
                if let Some(to) = player.clock().map(|clock| clock.key_from(frame, forward)) {
                    self.set_frame(i64::from(to));
                }
            }
            Transport::Strip => player.strip = !player.strip,
            Transport::FitField => self.fit_field(),
        }
    }

    /// Fits the view to the endoscope's field; a second time to the whole frame.
    fn fit_field(&mut self) {
        if std::mem::take(&mut self.look.player.in_field) {
            self.stage.viewport_mut().fit();
            return;
        }
        let viewport = self.stage.viewport();
        let Some((source, size)) = viewport.source().zip(viewport.meta().map(crate::project::ImageMeta::size_px))
        else {
            return;
        };
        let picture = source.thumbnail(self.look.frame, FIELD_PX).ok();
        let found = picture.and_then(|picture| match &picture.samples {
            Samples::U8(rgba) => field::of(rgba, picture.size_px.width as usize),
            _ => None,
        });
        let Some([left, top, right, bottom]) = found else {
            self.stage.viewport_mut().fit();
            self.notices.refused(self.words.t("refused-no-field"));
            return;
        };
        let (w, h) = (f64::from(size.width), f64::from(size.height));
        self.stage.viewport_mut().fit_box([left * w, top * h, right * w, bottom * h]);
        self.look.player.in_field = true;
    }

    /// The frames of the film in view, or else the images of the case.
    fn strip_places(&self) -> Vec<Place> {
        let player = &self.look.player;
        if let (Some(image), Some(clock)) = (&self.look.image, player.clock().filter(|_| player.moves())) {
            let most = u32::try_from(filmstrip::MOST).unwrap_or(1);
            return clock.strip(most).into_iter().map(|frame| (image.clone(), frame)).collect();
        }
        let case = self.look.case.as_ref().and_then(|case| self.session.model().case(case));
        let images = case.map(|case| case.images.as_slice()).unwrap_or_default();
        if images.len() < 2 {
            return Vec::new();
        }
        // A long case shows the images around the one in view.
        let here = images.iter().position(|image| self.look.image.as_ref() == Some(&image.id)).unwrap_or(0);
        let first = (here / filmstrip::MOST) * filmstrip::MOST;
        images.iter().skip(first).take(filmstrip::MOST).map(|image| (image.id.clone(), image.frames / 2)).collect()
    }

    fn fill_strip(&mut self, ctx: &Context) {
        let places = if self.look.player.strip { self.strip_places() } else { Vec::new() };
        self.stage.strip_mut().show(places);
        self.stage.strip_mut().take_in(ctx);
        // One a frame: opening an image may have to wait for its disk.
        if let Some(place) = self.stage.strip().missing() {
            let own = self.look.image.as_ref() == Some(&place.0);
            let source = match self.stage.viewport().source().filter(|_| own) {
                Some(source) => Some(std::sync::Arc::clone(source)),
                None if self.session.available(&place.0) => self.session.open_image(&place.0),
                None => None,
            };
            self.stage.strip_mut().ask(ctx, place, source);
            ctx.request_repaint();
        }
    }
}
