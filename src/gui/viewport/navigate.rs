//! What actions do with a viewport: fit, zoom, jump, frames, window, read-outs. Gestures end in the same methods.

use egui::{Pos2, pos2};

use super::{CoversShown, IccBadge, Sample, ScaleBar, Viewport, camera::Camera, demand, readout::scale_bar};
use crate::{
    domain::{Field, TileKey},
    gui::palettes::Palette,
    project::tiles::{ColourState, DisplayState, IccTable, Window},
};

/// An eased jump takes this long, in seconds.
const GLIDE_S: f64 = 0.12;
/// Part of the view that a finding fills when the view jumps to it.
const FINDING_MARGIN: f64 = 0.6;
/// Longest scale bar, in points.
const LONGEST_BAR_PT: f64 = 120.0;

/// A jump under way.
#[derive(Clone, Copy, Debug)]
pub struct Glide {
    from: Camera,
    to: Camera,
    start_s: f64,
}

impl Glide {
    /// The camera at a time, and whether the jump is over.
    pub fn at(&self, now_s: f64) -> (Camera, bool) {
        let t = ((now_s - self.start_s) / GLIDE_S).clamp(0.0, 1.0);
        let eased = t * t * (3.0 - 2.0 * t);
        if t >= 1.0 { (self.to, true) } else { (Camera::between(&self.from, &self.to, eased), false) }
    }
}

impl Viewport {
    pub fn camera(&self) -> Camera {
        self.camera
    }

    /// Restores a look, for example when a case is opened again or two views are linked.
    pub fn set_camera(&mut self, camera: Camera) {
        self.glide = None;
        self.camera = camera;
        if let Some(shown) = &mut self.shown {
            shown.fit_pending = false;
        }
    }

    /// Level-0 pixel edges to points of the window.
    pub fn screen_from_image(&self, p_px: [f64; 2]) -> Pos2 {
        let [x, y] = self.map().apply(p_px);
        #[allow(clippy::cast_possible_truncation, reason = "a place on the screen")]
        let at = pos2(x as f32, y as f32);
        at
    }

    /// Points of the window to level-0 pixel edges.
    pub fn image_from_screen(&self, at: Pos2) -> [f64; 2] {
        let p = [f64::from(at.x), f64::from(at.y)];
        self.map().inverse().map_or(p, |back| back.apply(p))
    }

    /// Points per level-0 pixel along x, which is the axis that calibrated lengths are counted by.
    pub fn pt_per_px_across(&self) -> f64 {
        self.camera.zoom
    }

    /// Level-0 pixels per point: how far a hand's tolerance reaches at this zoom.
    pub fn px_per_pt(&self) -> f64 {
        1.0 / self.map().scale()
    }

    /// Physical screen pixels per level-0 pixel; 1 is 1:1.
    pub fn screen_px_per_image_px(&self) -> f64 {
        self.map().scale() * f64::from(self.pixels_per_point)
    }

    /// What an objective would be called at this zoom (×20 …), for images whose file names one.
    pub fn magnification(&self) -> Option<f64> {
        Some(self.meta()?.objective_power? * self.screen_px_per_image_px())
    }

    /// The whole image.
    pub fn fit(&mut self) {
        self.glide = None;
        if let Some(shown) = &mut self.shown {
            self.camera.fit(self.rect, shown.size_px());
            shown.fitted = Some(self.camera);
        }
    }

    /// A box of the image, as large as the view has room for.
    pub fn fit_box(&mut self, bounds_px: [f64; 4]) {
        let rect = self.rect;
        if let Some(size) = self.shown.as_ref().map(super::Shown::size_px) {
            self.glide = None;
            self.camera.show_box(rect, bounds_px, size, 1.0);
        }
    }

    /// One image pixel per physical pixel, about the middle of the view.
    pub fn one_to_one(&mut self) {
        let centre = self.rect.center();
        let factor = 1.0 / self.screen_px_per_image_px();
        self.zoom_at(centre, factor);
        // Exactly, so that the camera meets the pixel grid.
        self.camera.zoom = 1.0 / f64::from(self.pixels_per_point);
    }

    /// Zooms by `factor`; what lies under `at` stays there.
    pub fn zoom_at(&mut self, at: Pos2, factor: f64) {
        self.glide = None;
        if let Some(size) = self.shown.as_ref().map(super::Shown::size_px) {
            self.camera.zoom_at(self.rect, at, factor, size);
            self.camera.keep_inside(size);
        }
    }

    /// Zooms to an objective's magnification, about the middle of the view; `false` when the file names no objective.
    pub fn set_magnification(&mut self, magnification: f64) -> bool {
        let Some(now) = self.magnification().filter(|m| *m > 0.0) else { return false };
        self.zoom_at(self.rect.center(), magnification / now);
        true
    }

    /// Brings a box of the image into view; `now_s` (egui's time) eases the way, `None` jumps. A box that is already seen
    /// well only moves to the middle: the reader's zoom is theirs.
    pub fn show_box(&mut self, bounds_px: [f64; 4], now_s: Option<f64>) {
        let Some(size) = self.shown.as_ref().map(super::Shown::size_px) else { return };
        let mut to = self.camera;
        to.show_box(self.rect, bounds_px, size, FINDING_MARGIN);
        let keeps = self.camera.zoom <= to.zoom * 1.5 && self.camera.zoom >= to.zoom * 0.25;
        if keeps {
            to.zoom = self.camera.zoom;
        }
        match now_s {
            Some(start_s) => self.glide = Some(Glide { from: self.camera, to, start_s }),
            None => self.camera = to,
        }
    }

    /// Turns the image clockwise on the screen (negative: the other way) about the middle of the view.
    pub fn turn(&mut self, degrees: f64) {
        self.glide = None;
        self.camera.turn_by(degrees);
    }

    /// Mirrors left and right as seen on the screen, or up and down.
    pub fn mirror(&mut self, down: bool) {
        self.glide = None;
        if down {
            self.camera.mirror_down();
        } else {
            self.camera.mirror_across();
        }
    }

    /// What was chosen for colour, beside the profile.
    pub fn colour(&self) -> ColourState {
        self.colours.state
    }

    pub fn set_colour(&mut self, state: ColourState) {
        self.colours.state = state.sound();
    }

    /// Uses the image's colour profile, or leaves it off.
    pub fn switch_icc(&mut self) {
        self.colours.switch();
    }

    pub fn icc_badge(&self) -> IccBadge {
        self.colours.badge()
    }

    /// The colour table in force, for whoever makes the same picture on the CPU.
    pub fn icc_table(&self) -> Option<&IccTable> {
        self.colours.table()
    }

    /// The monitor's colour profile; `None` is sRGB.
    pub fn set_monitor_profile(&mut self, profile: Option<std::sync::Arc<[u8]>>) {
        self.colours.set_monitor(profile);
    }

    /// Shows the stored pixels as squares for as long as it is set.
    pub fn show_raw_pixels(&mut self, raw: bool) {
        self.raw = raw;
    }

    /// As the file has it: neither turned nor mirrored.
    pub fn upright(&mut self) {
        self.glide = None;
        (self.camera.turn_deg, self.camera.mirrored) = (0.0, false);
    }

    /// Colours of grey values; colour images have their own.
    pub fn palette(&self) -> Palette {
        self.palette
    }

    pub fn set_palette(&mut self, palette: Palette) {
        self.palette = palette;
    }

    /// Which of overlay graphics and shutter are drawn over the image.
    pub fn show_covers(&mut self, shown: CoversShown) {
        self.covers.shown = shown;
    }

    /// What lies over the frame on the screen, seen or not; `None` while nobody knows.
    pub fn covers(&self) -> Option<CoversShown> {
        self.covers.has(self.frame())
    }

    /// The frame asked for, from 0.
    pub fn frame(&self) -> u32 {
        self.shown.as_ref().map_or(0, |s| s.frame)
    }

    pub fn frames(&self) -> u32 {
        self.meta().map_or(0, |m| u32::try_from(m.frames.len()).unwrap_or(u32::MAX))
    }

    /// Goes to a frame; cut to the stack's ends.
    pub fn set_frame(&mut self, frame: u32) {
        let last = self.frames().saturating_sub(1);
        if let Some(shown) = &mut self.shown {
            let frame = frame.min(last);
            if frame != shown.frame {
                shown.direction = if frame > shown.frame { 1 } else { -1 };
                shown.frame = frame;
            }
        }
    }

    /// Scrolls by frames, forward when positive.
    pub fn scroll_frames(&mut self, n: i32) {
        self.set_frame(self.frame().saturating_add_signed(n));
    }

    /// Window and inversion in use.
    pub fn display(&self) -> DisplayState {
        self.shown.as_ref().map(super::Shown::display_now).unwrap_or_default()
    }

    /// What was chosen of the display; the frame does not change it.
    pub(super) fn chosen(&self) -> Option<(DisplayState, bool)> {
        self.shown.as_ref().map(|s| (s.display, s.follows))
    }

    /// `None`: the full range of the samples.
    pub fn set_window(&mut self, window: Option<Window>) {
        if let Some(shown) = &mut self.shown {
            shown.display.window = window.map(|w| Window { width: w.width.max(1.0), ..w });
            shown.follows = false;
        }
    }

    /// The window the file asks for, and its polarity.
    pub fn reset_window(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.display = DisplayState::from_defaults(&shown.handle.source().meta().display);
            shown.follows = true;
        }
    }

    pub fn set_invert(&mut self, invert: bool) {
        if let Some(shown) = &mut self.shown {
            shown.display.invert = invert;
        }
    }

    /// Right widens, up brightens. A thousand points cross the data's range, whatever it is.
    pub(super) fn drag_window(&mut self, points: egui::Vec2) {
        let Some(range) = self.value_range() else { return };
        let per_pt = (range.1 - range.0).abs().max(1.0) / 1000.0;
        let full = Window { center: f64::midpoint(range.0, range.1), width: (range.1 - range.0).abs() + 1.0 };
        let now = self.window().unwrap_or(full);
        self.set_window(Some(Window {
            center: now.center + f64::from(points.y) * per_pt,
            width: (now.width + f64::from(points.x) * per_pt).clamp(1.0, 131_072.0),
        }));
    }

    /// Lowest and highest rescaled value that a drag should span: twice and a half the file's own window where it has one
    /// (stored bits say little: CT uses a third of them), else what the bits can hold.
    fn value_range(&self) -> Option<(f64, f64)> {
        let meta = self.meta()?;
        let frame = meta.frames.get(self.frame() as usize)?;
        if let Some(window) = meta.display.window {
            let half = window.width * 1.25;
            return Some((window.center - half, window.center + half));
        }
        let bits = i32::from(meta.bits_stored.clamp(1, 16));
        let (low, high) = if meta.signed {
            (-(2_f64.powi(bits - 1)), 2_f64.powi(bits - 1) - 1.0)
        } else {
            (0.0, 2_f64.powi(bits) - 1.0)
        };
        let (slope, intercept) = frame.rescale;
        Some((low * slope + intercept, high * slope + intercept))
    }

    /// The value of the pixel under a point of the window, from the finest tile at hand; `None` beside the image or while
    /// nothing is loaded there.
    pub fn sample_under(&self, at: Pos2) -> Option<Sample> {
        let meta = self.meta()?;
        let p = self.image_from_screen(at);
        if !self.rect.contains(at) {
            return None;
        }
        let count = u16::try_from(meta.levels.len()).unwrap_or(u16::MAX);
        (0..count).find_map(|level| self.sample_at(p, level))
    }

    fn sample_at(&self, p_px: [f64; 2], level: u16) -> Option<Sample> {
        let meta = self.meta()?;
        let l = meta.levels.get(usize::from(level))?;
        let scale = demand::texel_px(&meta.levels, level);
        let texel = |axis: usize, size: u32| {
            let t = (p_px[axis] / scale[axis]).floor();
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked against the level's size"
            )]
            let inside = (t >= 0.0 && t < f64::from(size)).then_some(t as u32);
            inside
        };
        let (x, y) = (texel(0, l.size_px.width)?, texel(1, l.size_px.height)?);
        let frame = self.frame();
        let key = TileKey { frame, level, col: x / l.tile_px.width, row: y / l.tile_px.height };
        let tile = self.tiles.peek(&key)?;
        let (x, y) = (x % l.tile_px.width, y % l.tile_px.height);
        if let Some(rgb) = tile.rgb_at(x, y) {
            return Some(Sample::Rgb(rgb));
        }
        let stored = tile.stored_of(tile.grey_at(x, y)?);
        let value = meta.frames.get(frame as usize)?.value(stored);
        Some(Sample::Grey { stored, value })
    }

    /// The scale bar at this zoom; `None` says 「寸法校正なし」.
    pub fn scale_bar(&self) -> Option<ScaleBar> {
        scale_bar(self.meta()?.spacing, self.camera.zoom, LONGEST_BAR_PT)
    }

    /// Whether the wheel scrolls frames here (radiology) or zooms (everything else).
    pub fn wheel_scrolls_frames(&self) -> bool {
        self.meta().is_some_and(|m| m.field == Field::Radiology) && self.frames() > 1
    }
}
