//! The image in view: its camera and display state here, its pixels through `viewport`.

use std::sync::Arc;

use egui::{Pos2, Rect, Ui, Vec2};

use super::look::Look;
use super::model::Model;
use super::panels::canvas::Map;
use super::panels::corners::ViewFacts;
use super::session::Session;
use crate::domain::{Field, ImageId, PointPx, RoiSpace};
use crate::project::{ImageMeta, ImageSource};

/// How much of the view stays free around a fitted image or finding.
const FIT_MARGIN: f32 = 0.96;
const FINDING_SHARE: f64 = 0.45;
/// Screen points per image pixel at most: a pixel is then a tile one can count.
const MOST_PT_PER_PX: f64 = 64.0;

/// What is looked at and how.
pub struct Stage {
    image: Option<(ImageId, Arc<dyn ImageSource>)>,
    rect: Rect,
    /// Image pixel at the centre of the view, and points per image pixel.
    centre_px: PointPx,
    pt_per_px: f64,
    /// A camera move to carry out as soon as the view's size is known.
    pending: Option<Pending>,
    pixels_per_point: f32,
    /// Window by hand or preset as centre and width; `None` for the image's own.
    window: Option<(f64, f64)>,
    inverted: bool,
    pointer: Option<PointPx>,
    scroll: f32,
    /// The last press was not the tool's, so a left drag moves the view.
    pub hand_free: bool,
}

#[derive(Clone, Copy, Debug)]
enum Pending {
    Fit,
    Box([f64; 4]),
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            image: None,
            rect: Rect::NOTHING,
            centre_px: [0.0, 0.0],
            pt_per_px: 1.0,
            pending: None,
            pixels_per_point: 1.0,
            window: None,
            inverted: false,
            pointer: None,
            scroll: 0.0,
            hand_free: false,
        }
    }
}

impl Stage {
    /// Draws with the window's graphics device, or shows no pixels without one.
    pub fn with_graphics(_state: Option<&eframe::egui_wgpu::RenderState>) -> Self {
        Self::default()
    }

    fn meta(&self) -> Option<&ImageMeta> {
        self.image.as_ref().map(|(_, source)| source.meta())
    }

    /// Opens what `look` has in view, once.
    pub fn follow(&mut self, session: &mut Session, look: &Look) {
        let Some(wanted) = &look.image else {
            self.image = None;
            return;
        };
        if self.image.as_ref().is_some_and(|(id, _)| id == wanted) || !session.available(wanted) {
            return;
        }
        self.image = session.open_image(wanted).map(|source| (wanted.clone(), source));
        self.window = None;
        self.inverted = self.meta().is_some_and(|m| m.display.invert);
        self.pending = Some(Pending::Fit);
        if self.image.is_some() {
            session.refresh(look);
        }
    }

    pub fn close(&mut self) {
        self.image = None;
    }

    /// The space that outlines of a frame are kept in: the patient where the frame has a pose.
    pub fn space(&self, frame: u32) -> RoiSpace {
        let pose = self.meta().and_then(|m| m.frames.get(frame as usize)).and_then(|f| f.pose);
        pose.map_or(RoiSpace::Image, RoiSpace::Patient)
    }

    fn size_px(&self) -> [f64; 2] {
        let size = self.meta().map(ImageMeta::size_px);
        size.map_or([1.0, 1.0], |s| [f64::from(s.width.max(1)), f64::from(s.height.max(1))])
    }

    /// The map of this frame; `rect` is where the image is shown.
    pub fn map(&self, rect: Rect) -> Map {
        let mut map = Map { origin: Pos2::ZERO, pt_per_px: self.pt_per_px };
        let centre = map.to_screen(self.centre_px);
        map.origin = rect.center() - centre.to_vec2();
        map
    }

    fn fit_scale(&self) -> f64 {
        let [w, h] = self.size_px();
        let room = self.rect.size() * FIT_MARGIN;
        (f64::from(room.x) / w).min(f64::from(room.y) / h).max(1e-6)
    }

    /// Carries out a waiting move now that the view's size is known.
    fn settle(&mut self, rect: Rect, pixels_per_point: f32) {
        self.rect = rect;
        self.pixels_per_point = pixels_per_point;
        match self.pending.take() {
            Some(Pending::Fit) => {
                self.pt_per_px = self.fit_scale();
                self.centre_px = self.size_px().map(|v| v / 2.0);
            }
            Some(Pending::Box(b)) => self.look_at(b),
            None => {}
        }
    }

    fn look_at(&mut self, b: [f64; 4]) {
        let (w, h) = ((b[2] - b[0]).max(1.0), (b[3] - b[1]).max(1.0));
        let room = self.rect.size();
        let scale = (f64::from(room.x) / w).min(f64::from(room.y) / h) * FINDING_SHARE;
        self.pt_per_px = scale.clamp(self.fit_scale(), 8.0_f64.max(self.fit_scale()));
        self.centre_px = [f64::midpoint(b[0], b[2]), f64::midpoint(b[1], b[3])];
    }

    pub fn fit(&mut self) {
        self.pending = Some(Pending::Fit);
    }

    /// One image pixel on one physical pixel.
    pub fn one_to_one(&mut self) {
        self.set_scale(1.0 / f64::from(self.pixels_per_point), self.rect.center());
    }

    pub fn zoom_centre(&mut self, factor: f64) {
        self.zoom_at(self.rect.center(), factor);
    }

    /// Zooms so that the pixel under `at` stays there.
    pub fn zoom_at(&mut self, at: Pos2, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.set_scale(self.pt_per_px * factor, at);
        }
    }

    fn set_scale(&mut self, scale: f64, at: Pos2) {
        let under = self.map(self.rect).to_image(at);
        let least = (self.fit_scale() * 0.2).min(1.0);
        self.pt_per_px = scale.clamp(least, MOST_PT_PER_PX);
        let d = at - self.rect.center();
        self.centre_px = [under[0] - f64::from(d.x) / self.pt_per_px, under[1] - f64::from(d.y) / self.pt_per_px];
        self.keep_in_sight();
    }

    /// The view as an objective of this power would show it.
    pub fn magnify(&mut self, power: f64) {
        let meta = self.meta();
        let native = meta.and_then(|m| m.objective_power.or_else(|| m.spacing.map(|s| 10.0 / s.x_um)));
        if let Some(native) = native.filter(|n| *n > 0.0) {
            self.set_scale(power / native / f64::from(self.pixels_per_point), self.rect.center());
        }
    }

    pub fn pan(&mut self, delta: Vec2) {
        self.centre_px[0] -= f64::from(delta.x) / self.pt_per_px;
        self.centre_px[1] -= f64::from(delta.y) / self.pt_per_px;
        self.keep_in_sight();
    }

    /// Some of the image is always in the view: nobody gets lost in the dark.
    fn keep_in_sight(&mut self) {
        let [w, h] = self.size_px();
        self.centre_px = [self.centre_px[0].clamp(0.0, w), self.centre_px[1].clamp(0.0, h)];
    }

    /// Fills a good part of the view with a box of image pixels.
    pub fn zoom_to(&mut self, bounds: [f64; 4]) {
        self.pending = Some(Pending::Box(bounds));
    }

    /// Moves only when the box is out of sight, or too small to see.
    pub fn bring_into_view(&mut self, b: [f64; 4]) {
        let map = self.map(self.rect);
        let shown = Rect::from_two_pos(map.to_screen([b[0], b[1]]), map.to_screen([b[2], b[3]]));
        let visible = self.rect.contains_rect(shown);
        let tiny = shown.width().max(shown.height()) < 12.0;
        if visible && !tiny {
            return;
        }
        if tiny {
            self.zoom_to(b);
        } else {
            self.centre_px = [f64::midpoint(b[0], b[2]), f64::midpoint(b[1], b[3])];
        }
    }

    pub fn hover(&mut self, at: Option<PointPx>) {
        let [w, h] = self.size_px();
        self.pointer = at.filter(|p| p[0] >= 0.0 && p[1] >= 0.0 && p[0] < w && p[1] < h);
    }

    /// Whole slices out of wheel notches; fractions of a touchpad add up.
    #[allow(clippy::cast_possible_truncation, reason = "a frame's wheel notches are few")]
    pub fn scrolled(&mut self, notches: f32) -> i32 {
        self.scroll += notches;
        let whole = self.scroll.trunc();
        self.scroll -= whole;
        whole as i32
    }

    pub const fn set_window(&mut self, window: Option<(f64, f64)>) {
        self.window = window;
    }

    pub const fn invert(&mut self) {
        self.inverted = !self.inverted;
    }

    /// The window in force: by hand or preset, else the image's own.
    pub fn window(&self) -> Option<(f64, f64)> {
        self.window.or_else(|| self.meta()?.display.window.map(|w| (w.center, w.width)))
    }

    /// A drag right widens, a drag down lowers the brightness (raises the centre); a step follows the window's width, so
    /// that a brain and a bone window answer the hand alike.
    pub fn drag_window(&mut self, delta: Vec2) {
        let Some((center, width)) = self.window() else { return };
        let step = (width / 300.0).max(0.05);
        let width = (width + f64::from(delta.x) * step).max(1.0);
        self.window = Some((center + f64::from(delta.y) * step, width));
    }

    /// What the corners say.
    pub fn facts(&self, model: &Model, look: &Look) -> ViewFacts {
        let case = look.case.as_ref().and_then(|c| model.case(c));
        let row = look.image.as_ref().and_then(|i| model.image(i));
        let place = case.zip(look.image.as_ref()).and_then(|(c, id)| c.images.iter().position(|i| i.id == *id));
        let meta = self.meta();
        let zoom = self.pt_per_px * f64::from(self.pixels_per_point);
        let levels = meta.map_or(0, |m| m.levels.len());
        ViewFacts {
            case_label: case.map(|c| c.label.clone()).unwrap_or_default(),
            field: row.map(|r| r.field),
            image: (place.map_or(0, |p| p + 1), case.map_or(0, |c| c.images.len())),
            frame: (look.frame + 1, row.map_or(1, |r| r.frames)),
            levels,
            level: self.level(zoom),
            zoom,
            pt_per_px: self.pt_per_px,
            spacing: meta.and_then(|m| m.spacing),
            objective: meta.and_then(|m| m.objective_power),
            window: self.window(),
            inverted: self.inverted,
            pointer: self.pointer,
            value: None,
            hidden: look.hidden,
        }
    }

    /// The level that shows at least the screen's sharpness.
    fn level(&self, zoom: f64) -> usize {
        let levels = self.meta().map(|m| m.levels.as_slice()).unwrap_or_default();
        levels.iter().rposition(|l| l.downsample * zoom <= 1.001).unwrap_or(0)
    }

    /// The field of the image in view, once it is open.
    pub fn field(&self) -> Option<Field> {
        self.meta().map(|m| m.field)
    }

    /// Draws the pixels and the committed outlines into `rect`.
    pub fn paint(&mut self, ui: &Ui, rect: Rect, _model: &Model, _look: &Look) {
        self.settle(rect, ui.ctx().pixels_per_point());
    }

    /// Whether sharper pixels are on their way.
    pub const fn loading(&self) -> bool {
        false
    }
}
