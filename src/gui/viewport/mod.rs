//! The image in the window: camera, tiles on demand, window/level, gestures, and the picture drawn by [`crate::render`].
//!
//! [`Viewport`] shows one image. It speaks egui points on the outside and level-0 pixel edges on the inside; tools get the
//! pointer in image pixels and paint their drafts with [`Viewport::screen_from_image`]. Committed outlines come as a
//! [`ShapeSet`] and are drawn by the graphics card under the drafts.

mod between;
mod callback;
mod camera;
mod colours;
mod compose;
mod covers;
mod demand;
mod figures;
mod gestures;
mod headless;
mod measure;
mod motion;
mod navigate;
mod overview;
mod plane_roam;
mod readout;
mod seen;
mod tiles;
mod volume;
mod window;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use egui::{Color32, Pos2, Rect, Response, Sense, Stroke, Ui};

pub use callback::GpuLink;
pub use camera::Camera;
pub use colours::IccBadge;
pub use covers::CoversShown;
pub use headless::HeadlessWindow;
pub use measure::RoiStatistics;
pub use plane_roam::{PlaneMoment, PlaneRoam};
pub use readout::{LengthUnit, Sample, ScaleBar};
pub use seen::SeenMap;
pub use volume::{GAP_PT, PlaneInput, PlaneLayer, PlaneResponse, PlaneView, ShownVolume};

use crate::{
    domain::{Field, TileKey},
    gui::navigation::Profile,
    gui::palettes::Palette,
    project::tiles::{Demand, DisplayState, ImageHandle, ImageMeta, ImageSource, Loaded, Pool, TileLoader, Window},
    render::{Affine, Filter, Scene, ShapeSet, TileImage},
};
use callback::{Feedback, SceneCallback};
use colours::Colours;
use compose::{Composition, Source};
use covers::Covers;
use demand::{Look, Seen, Wanted};
use gestures::{Gestures, Policy, WheelRest};
use motion::Motion;
use navigate::Glide;
use seen::SeenMaps;
use tiles::Tiles;

/// Decoded tiles kept for redrawing and for the read-out, in the card's layout.
const TILE_BYTES: u64 = 192 << 20;
/// Decoded tiles that the loader keeps behind them.
const LOADER_BYTES: u64 = 96 << 20;

/// Colours that the theme decides.
#[derive(Clone, Copy, Debug)]
pub struct ViewportStyle {
    /// Where there is no image.
    pub canvas: Color32,
    /// The quiet mark of a tile that can't be read.
    pub mark: Color32,
}

/// What one frame of the window asks for.
#[derive(Clone, Copy, Debug)]
pub struct ViewportInput<'a> {
    /// Committed outlines; change `revision` with every change.
    pub shapes: &'a Arc<ShapeSet>,
    /// 0 hides them (the momentary key), 1 shows them.
    pub shape_opacity: f32,
    /// A tool owns the left button: the viewport then neither pans nor windows with it, except while Space is held.
    pub tool_armed: bool,
    pub style: ViewportStyle,
}

/// What happened in the viewport.
#[derive(Clone, Debug)]
pub struct ViewportResponse {
    pub response: Response,
    /// The image's part of the window, in points.
    pub rect: Rect,
    /// The pointer in level-0 pixel edges while it is over the viewport or drags from it.
    pub pointer_image_px: Option<[f64; 2]>,
    /// Whether a left press belongs to the tool now (armed, and Space not held).
    pub left_is_the_tools: bool,
    /// The frame whose pixels are on the screen; differs from [`Viewport::frame`] for a moment while that one loads.
    /// Outlines of `frame` must not be edited against other pixels.
    pub shown_frame: u32,
    /// Visible tiles still to come, and those that can't be read.
    pub loading: usize,
    pub failed: usize,
    /// Why the tile under the pointer is missing.
    pub failure_under_pointer: Option<String>,
    pub camera_changed: bool,
    pub window_changed: bool,
    pub frame_changed: bool,
}

/// The image being shown, with what belongs to it alone.
struct Shown {
    handle: ImageHandle,
    display: DisplayState,
    /// Nobody has chosen a window: each frame has the one that the file asks for.
    follows: bool,
    frame: u32,
    direction: i32,
    /// Tiles of the last frame that was sharp: they stay until the next one has something to show.
    last_sharp: Option<(u32, Wanted)>,
    fit_pending: bool,
    /// The camera as the last fit left it: while nobody has moved it, the image goes on filling its place.
    fitted: Option<Camera>,
}

impl Shown {
    fn meta(&self) -> &ImageMeta {
        self.handle.source().meta()
    }

    /// How the frame asked for is shown.
    fn display_now(&self) -> DisplayState {
        let window = if self.follows { self.meta().window_of(self.frame) } else { self.display.window };
        DisplayState { window, ..self.display }
    }

    fn size_px(&self) -> [f64; 2] {
        let size = self.meta().size_px();
        [f64::from(size.width), f64::from(size.height)]
    }
}

/// See the module's text.
pub struct Viewport {
    view: u64,
    gpu: Option<GpuLink>,
    epoch: u64,
    loader: TileLoader<TileImage>,
    tiles: Tiles,
    camera: Camera,
    glide: Option<Glide>,
    motion: Motion,
    /// Stored pixels as squares, for as long as a key is held.
    raw: bool,
    /// The picture will be drawn with more care once the view rests.
    rough: bool,
    shown: Option<Shown>,
    rect: Rect,
    pixels_per_point: f32,
    wheel_rest: WheelRest,
    profile: Profile,
    feedback: Arc<Mutex<Feedback>>,
    closed: Vec<u64>,
    colours: Colours,
    covers: Covers,
    /// Colours of grey values.
    palette: Palette,
    seen: SeenMaps,
    /// Tiles of the sharp level that the last frame showed, or would have.
    visible: Vec<TileKey>,
}

impl Viewport {
    /// A viewport without an image. `pool` decodes; `gpu` is `None` in a window without wgpu (a test), which then shows the
    /// canvas colour and works otherwise.
    pub fn new(ctx: &egui::Context, pool: Arc<Pool>, gpu: Option<GpuLink>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let waker = ctx.clone();
        Self {
            view: NEXT.fetch_add(1, Ordering::Relaxed),
            gpu,
            epoch: 0,
            covers: Covers::new(Arc::clone(&pool), ctx.clone()),
            loader: TileLoader::making(
                pool,
                LOADER_BYTES,
                move || waker.request_repaint(),
                |pixels| tiles::for_the_card(&pixels),
            ),
            tiles: Tiles::new(TILE_BYTES),
            camera: Camera::default(),
            glide: None,
            motion: Motion::default(),
            raw: false,
            rough: false,
            shown: None,
            rect: Rect::from_min_size(Pos2::ZERO, egui::vec2(1.0, 1.0)),
            pixels_per_point: 1.0,
            wheel_rest: WheelRest::default(),
            profile: Profile::default(),
            feedback: Arc::default(),
            closed: Vec::new(),
            colours: Colours::default(),
            palette: Palette::Grey,
            seen: SeenMaps::default(),
            visible: Vec::new(),
        }
    }

    /// Shows an image (or none), fitted, with the window that its file asks for. The image already shown stays as it is.
    pub fn set_image(&mut self, source: Option<Arc<dyn ImageSource>>) {
        if let (Some(shown), Some(new)) = (&self.shown, &source)
            && Arc::ptr_eq(shown.handle.source(), new)
        {
            return;
        }
        if let Some(old) = self.shown.take() {
            self.loader.forget(old.handle.id());
            self.closed.push(old.handle.id());
        }
        self.tiles.clear();
        self.glide = None;
        self.motion = Motion::default();
        self.closed.extend(self.covers.open(source.as_ref()));
        self.palette = Palette::Grey;
        let Some(source) = source else { return };
        let meta = source.meta();
        let shape = meta.pixel_aspect.map_or(1.0, |wide| 1.0 / wide);
        let aspect = meta.spacing.map_or(shape, |s| s.y_um / s.x_um);
        let aspect = if aspect.is_finite() && (0.1..10.0).contains(&aspect) { aspect } else { 1.0 };
        self.camera = Camera { aspect, ..Camera::default() };
        self.colours.open(meta);
        let size = meta.size_px();
        let file = meta.files.first().cloned().unwrap_or_default();
        self.seen.open(file, [f64::from(size.width), f64::from(size.height)]);
        let frames = u32::try_from(meta.frames.len()).unwrap_or(u32::MAX);
        // A stack opens in its middle: there is something to see. A loop begins at its beginning.
        let stack = meta.field == Field::Radiology && meta.frames.iter().any(|f| f.duration_ms.is_none());
        let frame = if stack { frames / 2 } else { 0 };
        self.shown = Some(Shown {
            display: DisplayState::from_defaults(&meta.display),
            follows: true,
            frame,
            direction: 1,
            last_sharp: None,
            fit_pending: true,
            fitted: None,
            handle: ImageHandle::new(source),
        });
    }

    /// The image shown.
    pub fn meta(&self) -> Option<&ImageMeta> {
        self.shown.as_ref().map(Shown::meta)
    }

    /// The pixels of the image shown.
    pub fn source(&self) -> Option<&Arc<dyn ImageSource>> {
        self.shown.as_ref().map(|s| s.handle.source())
    }

    /// How much of what is shown has been prepared, in percent; `None` when all has.
    pub fn preparing(&self) -> Option<u32> {
        self.shown.as_ref()?.handle.source().preparing()
    }

    /// Whether the frame that was asked for is on the screen, sharp.
    pub fn is_in_step(&self) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown.last_sharp.as_ref().is_some_and(|(at, _)| *at == shown.frame))
    }

    /// Drawing happens on the processor: the window says so in a banner.
    pub fn is_software(&self) -> bool {
        self.gpu.as_ref().is_some_and(GpuLink::is_software)
    }

    /// Makes everything on the graphics card anew, for example after its device was lost. Nothing else is lost.
    pub fn rebuild_graphics(&mut self) {
        self.epoch += 1;
        self.feedback.lock().unwrap_or_else(PoisonError::into_inner).on_card.clear();
    }

    /// Draws the viewport over all of `ui`'s remaining space and handles its gestures.
    pub fn ui(&mut self, ui: &mut Ui, input: ViewportInput<'_>) -> ViewportResponse {
        let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        self.pixels_per_point = ui.ctx().pixels_per_point();
        let place = on_pixel_grid(area.intersect(ui.ctx().content_rect()), self.pixels_per_point);
        let moved = self.rect.size() != place.size();
        self.rect = place;
        if let Some(shown) = &mut self.shown
            && (shown.fit_pending || (moved && shown.fitted == Some(self.camera)))
        {
            shown.fit_pending = false;
            self.fit();
        }
        let before = (self.camera, self.frame(), self.chosen());
        self.advance_glide(ui.ctx());
        let gestures = gestures::read(ui, &response, self.policy(input.tool_armed), &mut self.wheel_rest);
        self.apply(gestures);
        let now_s = ui.input(|i| i.time);
        self.motion.note(self.camera, self.longer_side_px(), now_s);
        let (picture, shown_frame) = self.compose(ui.ctx());
        let pointer = response.interact_pointer_pos().or_else(|| response.hover_pos());
        let pointer_image_px = pointer.filter(|_| self.shown.is_some()).map(|p| self.image_from_screen(p));
        if picture.missing == 0 && self.motion.at_rest(now_s) {
            self.note_seen();
        }
        let painter = ui.painter_at(self.rect);
        if self.gpu.is_none() {
            painter.rect_filled(self.rect, 0.0, input.style.canvas);
        }
        let out = ViewportResponse {
            rect: self.rect,
            left_is_the_tools: input.tool_armed && !gestures.holds_left,
            shown_frame,
            loading: picture.missing,
            failed: picture.failed.len(),
            failure_under_pointer: pointer_image_px.and_then(|p| self.failure_at(p, &picture.failed)),
            pointer_image_px,
            camera_changed: before.0 != self.camera,
            window_changed: before.2 != self.chosen(),
            frame_changed: before.1 != self.frame(),
            response,
        };
        self.mark_failed(&painter, &picture.failed, input.style.mark);
        self.paint(&painter, picture, input, shown_frame, now_s);
        if self.rough {
            ui.ctx().request_repaint_after(Motion::rest_after());
        }
        out
    }

    /// Something of the picture is still being loaded or uploaded: screenshots wait for `false`.
    pub fn is_busy(&self) -> bool {
        let stats = self.loader.stats();
        let waiting = self.feedback.lock().unwrap_or_else(PoisonError::into_inner).prepared.waiting;
        stats.waiting > 0 || waiting > 0 || self.rough || self.covers.is_waiting()
    }

    /// Lets tiles that failed be tried again.
    pub fn retry_failed(&mut self) {
        self.tiles.forget_failures();
        self.loader.retry_failed();
    }

    /// The window in use, as the formula of PS3.3 C.11.2.1.2 takes it.
    pub fn window(&self) -> Option<Window> {
        self.shown.as_ref().and_then(|s| s.display_now().window)
    }

    fn policy(&self, tool_armed: bool) -> Policy {
        let meta = self.meta();
        let radiology = meta.is_some_and(|m| m.field == Field::Radiology);
        Policy {
            wheel_scrolls: radiology && self.frames() > 1,
            windowable: radiology && meta.is_some_and(|m| m.channels == 1),
            profile: self.profile,
            tool_armed,
        }
    }

    fn apply(&mut self, gestures: Gestures) {
        let Some(size) = self.shown.as_ref().map(Shown::size_px) else { return };
        if gestures.pan != egui::Vec2::ZERO || gestures.zoom.is_some() {
            self.glide = None;
        }
        self.camera.pan(gestures.pan);
        if let Some((factor, at)) = gestures.zoom {
            self.camera.zoom_at(self.rect, at, factor, size);
        }
        self.camera.keep_inside(size);
        if gestures.frames != 0 {
            self.scroll_frames(gestures.frames);
        }
        if gestures.window != egui::Vec2::ZERO {
            self.drag_window(gestures.window);
        }
    }

    /// Asks for tiles, takes what came, and composes the picture; also says which frame it shows.
    fn compose(&mut self, ctx: &egui::Context) -> (Composition, u32) {
        self.tiles.begin_frame();
        let (seen, physical) = self.seen_by(&self.camera);
        let soon = self.motion.ahead(self.longer_side_px()).map(|camera| {
            let (seen, physical) = self.seen_by(&camera);
            (seen, 1.0 / physical)
        });
        let Some(shown) = &mut self.shown else { return (Composition::default(), 0) };
        let meta = shown.handle.source().meta();
        let look = Look {
            levels: &meta.levels,
            frame: shown.frame,
            frames: u32::try_from(meta.frames.len()).unwrap_or(u32::MAX),
            seen,
            px_per_screen_px: 1.0 / physical,
            direction: shown.direction,
            soon,
        };
        let wanted = demand::wanted(&look);
        let missing = wanted.coarse.iter().chain(&wanted.visible).chain(&wanted.base).chain(&wanted.ahead);
        let missing = missing.filter(|key| !self.tiles.has(key));
        self.loader.publish(missing.map(|key| Demand { image: shown.handle.clone(), key: *key }).collect());
        for loaded in self.loader.drain() {
            match loaded {
                Loaded::Ready { image, key, tile } if image == shown.handle.id() => self.tiles.add(key, tile),
                Loaded::Failed { image, key, reason } if image == shown.handle.id() => self.tiles.fail(key, reason),
                Loaded::Ready { .. } | Loaded::Failed { .. } => {}
            }
        }
        let feedback = self.feedback.lock().unwrap_or_else(PoisonError::into_inner);
        if feedback.prepared.waiting > 0 {
            ctx.request_repaint();
        }
        let source = Source {
            image: shown.handle.id(),
            meta,
            display: &shown.display,
            follows: shown.follows,
            on_card: &feedback.on_card,
        };
        let picture = compose::compose(&source, &wanted, &mut self.tiles);
        self.visible.clone_from(&wanted.visible);
        if picture.missing == 0 {
            let frame = shown.frame;
            shown.last_sharp = Some((frame, wanted));
            return (picture, frame);
        }
        if picture.tiles.is_empty()
            && let Some((frame, last)) = &shown.last_sharp
        {
            let old = compose::compose(&source, last, &mut self.tiles);
            return (Composition { tiles: old.tiles, ..picture }, *frame);
        }
        (picture, shown.frame)
    }

    fn paint(
        &mut self,
        painter: &egui::Painter,
        picture: Composition,
        input: ViewportInput<'_>,
        shown_frame: u32,
        now_s: f64,
    ) {
        let Some(gpu) = self.gpu.clone() else { return };
        let filter = self.filter(gpu.is_software(), now_s);
        let density = f64::from(self.pixels_per_point);
        let corner = self.rect.min;
        let map = self.map();
        let [r, g, b, _] = input.style.canvas.to_array();
        // Outlines of a frame that is not on the screen yet would lie on the wrong pixels.
        let in_step = shown_frame == self.frame();
        let covers = match self.shown.as_ref().filter(|_| !picture.tiles.is_empty()) {
            Some(shown) => self.covers.draw(shown.handle.source(), shown_frame),
            None => Vec::new(),
        };
        let scene = Scene {
            size_px: physical_size(self.rect, self.pixels_per_point),
            pixels_per_point: self.pixels_per_point,
            screen_from_image: Affine {
                a: map.a * density,
                b: map.b * density,
                c: (map.c - f64::from(corner.x)) * density,
                d: map.d * density,
                e: map.e * density,
                f: (map.f - f64::from(corner.y)) * density,
            },
            background: [r, g, b],
            tiles: picture.tiles,
            prefetch: picture.prefetch,
            covers,
            filter,
            rough: self.rough,
            palette: self.palette.colours(),
            // Grey that was turned into colour has its polarity already.
            invert_colour: self.display().invert && self.meta().is_some_and(|m| m.channels > 1),
            look: self.colours.look(),
            shapes: Arc::clone(input.shapes),
            shape_opacity: if in_step { input.shape_opacity } else { 0.0 },
            fill_opacity: 0.12,
        };
        let callback = SceneCallback {
            scene,
            view: self.view,
            closed: std::mem::take(&mut self.closed),
            epoch: self.epoch,
            gpu,
            feedback: Arc::clone(&self.feedback),
        };
        painter.add(callback.into_paint(self.rect));
    }

    fn failure_at(&self, p: [f64; 2], failed: &[TileKey]) -> Option<String> {
        let levels = &self.meta()?.levels;
        let inside = |b: [f64; 4]| b[0] <= p[0] && p[0] < b[2] && b[1] <= p[1] && p[1] < b[3];
        let key = failed.iter().find(|key| demand::tile_box(levels, **key).is_some_and(inside))?;
        self.tiles.failure(key).map(str::to_owned)
    }

    /// A small cross in the middle of the place: seen when looked for, no alarm.
    fn mark_failed(&self, painter: &egui::Painter, failed: &[TileKey], colour: Color32) {
        let Some(meta) = self.meta() else { return };
        for bounds in failed.iter().filter_map(|key| demand::tile_box(&meta.levels, *key)) {
            let middle = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
            let m = self.screen_from_image(middle);
            let side = (bounds[2] - bounds[0]).min(bounds[3] - bounds[1]) / self.px_per_pt();
            #[allow(clippy::cast_possible_truncation, reason = "two to six points")]
            let arm = (side * 0.08).clamp(2.0, 6.0) as f32;
            let stroke = Stroke::new(1.0, colour);
            painter.line_segment([m + egui::vec2(-arm, -arm), m + egui::vec2(arm, arm)], stroke);
            painter.line_segment([m + egui::vec2(-arm, arm), m + egui::vec2(arm, -arm)], stroke);
        }
    }

    fn advance_glide(&mut self, ctx: &egui::Context) {
        let Some(glide) = &self.glide else { return };
        let (camera, over) = glide.at(ctx.input(|i| i.time));
        self.camera = camera;
        if over {
            self.glide = None;
        } else {
            ctx.request_repaint_after(Duration::from_millis(8));
        }
    }

    /// Stored pixels where they meet the screen's; else smooth, and sharper where magnified: at once where the adapter can,
    /// on the processor as soon as the view rests. Radiology keeps to linear: overshoot beside an edge would be a finding.
    fn filter(&mut self, software: bool, now_s: f64) -> Filter {
        let physical = self.screen_px_per_image_px();
        let exact = (physical - 1.0).abs() < 1e-9 && self.camera.is_square();
        let radiology = self.meta().is_some_and(|m| m.field == Field::Radiology);
        self.rough = false;
        if exact || (self.raw && physical > 1.0) {
            return Filter::Nearest;
        }
        self.rough = software && !self.motion.at_rest(now_s);
        if self.rough || radiology || physical <= 1.0 { Filter::Linear } else { Filter::Cubic }
    }

    /// A view on which the eye rests is one that was looked at.
    fn note_seen(&mut self) {
        let (seen, physical) = self.seen_by(&self.camera);
        let Some(shown) = &self.shown else { return };
        let (meta, size) = (shown.meta(), shown.size_px());
        let native = meta.objective_power.or_else(|| meta.spacing.map(|s| 10.0 / s.x_um)).unwrap_or(20.0);
        self.seen.note(size, &seen, native * physical);
    }

    /// What a camera sees, and physical pixels per level-0 pixel there.
    fn seen_by(&self, camera: &Camera) -> (Seen, f64) {
        let map = camera.screen_from_image(self.rect, self.pixels_per_point);
        let r = self.rect;
        let corners = [r.left_top(), r.right_top(), r.right_bottom(), r.left_bottom()];
        let seen =
            map.inverse().map_or([[0.0; 2]; 4], |back| corners.map(|p| back.apply([f64::from(p.x), f64::from(p.y)])));
        (Seen(seen), map.scale() * f64::from(self.pixels_per_point))
    }

    /// Level-0 pixels along the longer side of the view.
    fn longer_side_px(&self) -> f64 {
        f64::from(self.rect.size().max_elem()) / self.camera.zoom
    }

    fn map(&self) -> Affine {
        self.camera.screen_from_image(self.rect, self.pixels_per_point)
    }
}

fn on_pixel_grid(rect: Rect, pixels_per_point: f32) -> Rect {
    let snap = |p: Pos2| egui::pos2((p.x * pixels_per_point).round(), (p.y * pixels_per_point).round());
    let (min, max) = (snap(rect.min), snap(rect.max));
    let max = egui::pos2(max.x.max(min.x + 1.0), max.y.max(min.y + 1.0));
    Rect::from_min_max((min.to_vec2() / pixels_per_point).to_pos2(), (max.to_vec2() / pixels_per_point).to_pos2())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a window, at least one pixel")]
fn physical_size(rect: Rect, pixels_per_point: f32) -> [u32; 2] {
    let side =
        |low: f32, high: f32| ((high * pixels_per_point).round() - (low * pixels_per_point).round()).max(1.0) as u32;
    [side(rect.min.x, rect.max.x), side(rect.min.y, rect.max.y)]
}
