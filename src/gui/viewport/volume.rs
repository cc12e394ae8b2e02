//! A plane of a volume in the window: camera, gestures, and the picture drawn by [`crate::render::VolumeRenderer`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};
use egui::{Color32, PaintCallbackInfo, PointerButton, Pos2, Rect, Response, Sense, Ui, Vec2};

use super::callback::GpuLink;
use super::gestures::{self, Policy, WheelRest};
use super::motion::Motion;
use crate::gui::navigation::Profile;
use crate::project::volumes::{Plane, Slab, Volume, Voxels};
use crate::render::{
    SlabMode, ValueRamp, VolumeImage, VolumeLayer, VolumePrepared, VolumeRenderer, VolumeScene, VolumeSlice,
};

type Vector = [f64; 3];

/// Points per millimetre beyond which nobody needs to go.
const CLOSEST: f64 = 200.0;
const WIDEST: f64 = 0.05;
/// Part of the view that the volume fills at first.
const FIT: f64 = 0.97;
/// How near the pointer must be to take hold of the cross-hair, in points.
const GRASP_PT: f32 = 10.0;
/// Where the handles that turn it stand, as a share of the view's shorter side.
const HANDLE_AT: f32 = 0.36;
/// Room that the cross-hair leaves around its middle, in points.
pub const GAP_PT: f32 = 14.0;

/// A volume and what the card takes of it; shared by every plane.
#[derive(Clone)]
pub struct ShownVolume {
    pub volume: Arc<Volume>,
    image: VolumeImage,
}

struct SampleBytes(Arc<Volume>);

impl AsRef<[u8]> for SampleBytes {
    fn as_ref(&self) -> &[u8] {
        match self.0.voxels() {
            Voxels::I16(v) => bytemuck::cast_slice(v),
            Voxels::U16(v) => bytemuck::cast_slice(v),
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the card computes in f32")]
fn narrow(v: f64) -> f32 {
    v as f32
}

impl ShownVolume {
    pub fn new(volume: Arc<Volume>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let g = volume.geometry();
        let slices = g.slices().iter().map(|s| VolumeSlice {
            at_mm: s.origin_mm.map(narrow),
            slope: narrow(s.slope),
            intercept: narrow(s.intercept),
            hole_after: s.hole_after,
        });
        let reach = g.reach_mm();
        let image = VolumeImage {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            size: volume.size().map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
            signed: matches!(volume.voxels(), Voxels::I16(_)),
            even: g.is_even(),
            slices: slices.collect(),
            pixels_per_mm: g.spacing_mm().map(|mm| narrow(1.0 / mm)),
            reach_mm: [narrow(reach.0), narrow(reach.1)],
            samples: Arc::new(SampleBytes(Arc::clone(&volume))),
        };
        Self { volume, image }
    }
}

/// How a volume is laid on the plane.
#[derive(Clone)]
pub struct PlaneLayer<'a> {
    pub volume: &'a ShownVolume,
    pub ramp: ValueRamp,
    pub colours: Option<Arc<[[u8; 3]; 256]>>,
    pub opacity: f32,
    pub black_is_clear: bool,
}

/// What one frame of the window asks for.
pub struct PlaneInput<'a> {
    /// In painting order; none while they are being read.
    pub layers: Vec<PlaneLayer<'a>>,
    /// The cross-hair, and the unit vectors of the plane's right and down.
    pub centre_mm: Vector,
    pub right: Vector,
    pub down: Vector,
    pub slab: Slab,
    pub canvas: Color32,
}

/// What the hand did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlaneGestures {
    /// Steps to scroll across the plane, forward when positive.
    pub scroll: i32,
    /// Points of a window/level drag.
    pub window: Vec2,
    /// The cross-hair goes here, in millimetres from where it is.
    pub to_mm: Option<[f64; 2]>,
    /// The other planes turn by this many radians, from right to down.
    pub turn: f64,
    pub toggled_alone: bool,
}

pub struct PlaneResponse {
    pub response: Response,
    pub rect: Rect,
    pub gestures: PlaneGestures,
    /// The pointer in millimetres from the cross-hair, along right and down.
    pub pointer_mm: Option<[f64; 2]>,
    /// Bytes on their way to the card.
    pub waiting: bool,
    /// The card cannot hold the volume.
    pub refused: bool,
    /// Where the handles that turn the other planes stand.
    pub handles: [Pos2; 4],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Grasp {
    Centre,
    /// Angle of the pointer about the cross-hair at the last frame.
    Turn(f64),
}

/// See the module's text.
pub struct PlaneView {
    view: u64,
    gpu: Option<GpuLink>,
    rect: Rect,
    pixels_per_point: f32,
    /// The middle of the view, in millimetres from the cross-hair along right and down.
    middle_mm: [f64; 2],
    /// Points per millimetre.
    zoom: f64,
    /// The view is turned against the plane's own right by this much, so that the picture stands while the others turn.
    roll: f64,
    fit_pending: bool,
    grasp: Option<Grasp>,
    wheel_rest: WheelRest,
    /// What drags do here.
    pub profile: Profile,
    feedback: Arc<Mutex<VolumePrepared>>,
    /// What was shown last, and since when (egui's seconds).
    shown: Option<(Cutting, f64)>,
    /// The last frame was drawn with fewer pixels than the view has.
    rough: bool,
}

/// All that makes a slab dear to draw anew.
type Cutting = (Plane, Slab, Vec<ValueRamp>);

/// A slab that moves on a software adapter is drawn with this fraction of the view's pixels along a side: it takes dozens of
/// samples a pixel there. At rest it is whole.
const ROUGH: u32 = 2;

impl PlaneView {
    pub fn new(gpu: Option<GpuLink>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
        Self {
            view: NEXT.fetch_add(1, Ordering::Relaxed),
            gpu,
            rect: Rect::from_min_size(Pos2::ZERO, Vec2::splat(1.0)),
            pixels_per_point: 1.0,
            middle_mm: [0.0; 2],
            zoom: 1.0,
            roll: 0.0,
            fit_pending: true,
            grasp: None,
            wheel_rest: WheelRest::default(),
            profile: Profile::default(),
            feedback: Arc::default(),
            shown: None,
            rough: false,
        }
    }

    /// The whole volume, as soon as the view is drawn.
    pub fn fit(&mut self) {
        self.fit_pending = true;
        self.roll = 0.0;
    }

    pub fn zoom_by(&mut self, factor: f64) {
        self.zoom = (self.zoom * factor).clamp(WIDEST, CLOSEST);
    }

    pub const fn zoom(&self) -> f64 {
        self.zoom
    }

    /// The cross-hair moved by this much along right and down, the picture stays.
    pub fn follow(&mut self, moved_mm: [f64; 2]) {
        self.middle_mm = [self.middle_mm[0] - moved_mm[0], self.middle_mm[1] - moved_mm[1]];
    }

    /// The plane's axes turned by this much, the picture stays.
    pub fn hold_against(&mut self, radians: f64) {
        self.roll -= radians;
    }

    pub fn is_busy(&self) -> bool {
        self.gpu.is_some() && self.feedback.lock().unwrap_or_else(PoisonError::into_inner).waiting > 0
    }

    /// The picture will be drawn again with all of the view's pixels.
    pub const fn is_rough(&self) -> bool {
        self.rough
    }

    /// Whether the picture may be rough: a thick slab that changed a moment ago, on the processor.
    fn note_change(&mut self, input: &PlaneInput<'_>, software: bool, now_s: f64) {
        let cutting = (self.plane(input, 1), input.slab, input.layers.iter().map(|l| l.ramp).collect());
        match &self.shown {
            Some((before, _)) if *before == cutting => {}
            // The first picture is whole.
            None => self.shown = Some((cutting, f64::NEG_INFINITY)),
            Some(_) => self.shown = Some((cutting, now_s)),
        }
        let since_s = self.shown.as_ref().map_or(f64::NEG_INFINITY, |(_, at_s)| *at_s);
        self.rough = software && input.slab != Slab::Thin && now_s - since_s < Motion::rest_after().as_secs_f64();
    }

    /// Right and down of the view in the plane's own axes.
    fn view_axes(&self) -> ([f64; 2], [f64; 2]) {
        let (sin, cos) = self.roll.sin_cos();
        ([cos, sin], [-sin, cos])
    }

    /// The view's right and down in the patient.
    pub fn directions(&self, right: Vector, down: Vector) -> (Vector, Vector) {
        let (r, d) = self.view_axes();
        let along = |v: [f64; 2]| std::array::from_fn(|i| right[i] * v[0] + down[i] * v[1]);
        (along(r), along(d))
    }

    /// Millimetres from the cross-hair, along the plane's right and down, to points of the window.
    pub fn screen_from_plane(&self, p_mm: [f64; 2]) -> Pos2 {
        let (r, d) = self.view_axes();
        let v = [p_mm[0] - self.middle_mm[0], p_mm[1] - self.middle_mm[1]];
        let (x, y) = ((v[0] * r[0] + v[1] * r[1]) * self.zoom, (v[0] * d[0] + v[1] * d[1]) * self.zoom);
        self.rect.center() + egui::vec2(narrow(x), narrow(y))
    }

    /// Points of the window to millimetres from the cross-hair.
    pub fn plane_from_screen(&self, at: Pos2) -> [f64; 2] {
        let (r, d) = self.view_axes();
        let by = at - self.rect.center();
        let (x, y) = (f64::from(by.x) / self.zoom, f64::from(by.y) / self.zoom);
        [self.middle_mm[0] + r[0] * x + d[0] * y, self.middle_mm[1] + r[1] * x + d[1] * y]
    }

    /// Draws the plane over all of `ui`'s remaining space and reads its gestures.
    pub fn ui(&mut self, ui: &mut Ui, input: &PlaneInput<'_>) -> PlaneResponse {
        let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        self.pixels_per_point = ui.ctx().pixels_per_point();
        self.rect = super::on_pixel_grid(area.intersect(ui.ctx().content_rect()), self.pixels_per_point);
        if self.fit_pending
            && let Some(layer) = input.layers.first()
        {
            self.fit_to(&layer.volume.volume, input);
            self.fit_pending = false;
        }
        let gestures = self.read(ui, &response);
        let painter = ui.painter_at(self.rect);
        painter.rect_filled(self.rect, 0.0, input.canvas);
        if let Some(gpu) = self.gpu.clone().filter(|_| !input.layers.is_empty()) {
            self.note_change(input, gpu.is_software(), ui.input(|i| i.time));
            if self.rough {
                ui.ctx().request_repaint_after(Motion::rest_after());
            }
            let callback =
                VolumeCallback { scene: self.scene(input), view: self.view, gpu, feedback: Arc::clone(&self.feedback) };
            painter.add(egui_wgpu::Callback::new_paint_callback(self.rect, callback));
        }
        let feedback = *self.feedback.lock().unwrap_or_else(PoisonError::into_inner);
        if feedback.waiting > 0 {
            ui.ctx().request_repaint();
        }
        let pointer = response.interact_pointer_pos().or_else(|| response.hover_pos());
        PlaneResponse {
            rect: self.rect,
            gestures,
            pointer_mm: pointer.map(|p| self.plane_from_screen(p)),
            waiting: feedback.waiting > 0,
            refused: feedback.refused > 0,
            handles: self.handles(),
            response,
        }
    }

    fn fit_to(&mut self, volume: &Volume, input: &PlaneInput<'_>) {
        let dot = |a: Vector, b: Vector| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let along = |axis: Vector| {
            let corners = volume.corners_mm().map(|c| dot(std::array::from_fn(|i| c[i] - input.centre_mm[i]), axis));
            corners.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)))
        };
        let ((x0, x1), (y0, y1)) = (along(input.right), along(input.down));
        self.middle_mm = [f64::midpoint(x0, x1), f64::midpoint(y0, y1)];
        let fits = (f64::from(self.rect.width()) / (x1 - x0).max(1e-3))
            .min(f64::from(self.rect.height()) / (y1 - y0).max(1e-3));
        self.zoom = (fits * FIT).clamp(WIDEST, CLOSEST);
    }

    /// Handles on the two lines of the cross-hair, both ways.
    fn handles(&self) -> [Pos2; 4] {
        let cross = self.screen_from_plane([0.0; 2]);
        let reach = self.rect.size().min_elem() * HANDLE_AT;
        let (sin, cos) = (-self.roll).sin_cos();
        [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
            .map(|[x, y]| cross + egui::vec2(narrow(cos * x - sin * y), narrow(sin * x + cos * y)) * reach)
    }

    fn grasp_at(&self, at: Pos2) -> Option<Grasp> {
        let cross = self.screen_from_plane([0.0; 2]);
        if (at - cross).length() <= GRASP_PT {
            return Some(Grasp::Centre);
        }
        self.handles().iter().any(|h| (at - *h).length() <= GRASP_PT).then(|| Grasp::Turn(angle(at - cross)))
    }

    fn read(&mut self, ui: &Ui, response: &Response) -> PlaneGestures {
        let mut out = PlaneGestures::default();
        let pointer = response.interact_pointer_pos().or_else(|| response.hover_pos());
        let over = pointer.and_then(|at| self.grasp_at(at));
        let held = self.grasp;
        let policy = Policy {
            wheel_scrolls: true,
            windowable: true,
            profile: self.profile,
            tool_armed: held.or(over).is_some(),
        };
        let g = gestures::read(ui, response, policy, &mut self.wheel_rest);
        self.middle_mm = {
            let (r, d) = self.view_axes();
            let (x, y) = (f64::from(g.pan.x) / self.zoom, f64::from(g.pan.y) / self.zoom);
            [self.middle_mm[0] - r[0] * x - d[0] * y, self.middle_mm[1] - r[1] * x - d[1] * y]
        };
        if let Some((factor, at)) = g.zoom {
            let before = self.plane_from_screen(at);
            self.zoom_by(factor);
            let after = self.plane_from_screen(at);
            self.middle_mm = std::array::from_fn(|i| self.middle_mm[i] + before[i] - after[i]);
        }
        out.scroll = g.frames;
        out.window = g.window;
        if response.drag_started_by(PointerButton::Primary) {
            let origin = ui.input(|i| i.pointer.press_origin());
            self.grasp = origin.and_then(|at| self.grasp_at(at));
        }
        if !ui.input(|i| i.pointer.primary_down()) {
            self.grasp = None;
        }
        if let (Some(grasp), Some(at)) = (self.grasp, pointer) {
            match grasp {
                Grasp::Centre => out.to_mm = Some(self.plane_from_screen(at)),
                Grasp::Turn(before) => {
                    let now = angle(at - self.screen_from_plane([0.0; 2]));
                    out.turn =
                        (now - before + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI;
                    self.grasp = Some(Grasp::Turn(now));
                }
            }
        }
        out.toggled_alone = response.double_clicked();
        if response.clicked() && !out.toggled_alone {
            out.to_mm = pointer.map(|at| self.plane_from_screen(at));
        }
        out
    }

    /// The plane of the view's pixels in the patient, or of squares of `coarse` pixels a side.
    fn plane(&self, input: &PlaneInput<'_>, coarse: u32) -> Plane {
        let (right, down) = self.directions(input.right, input.down);
        let mm = f64::from(coarse) / (self.zoom * f64::from(self.pixels_per_point));
        let corner = self.plane_from_screen(self.rect.min);
        let at = |i: usize| input.centre_mm[i] + input.right[i] * corner[0] + input.down[i] * corner[1];
        Plane {
            origin_mm: std::array::from_fn(|i| at(i) + (right[i] + down[i]) * mm / 2.0),
            right,
            down,
            spacing_mm: [mm, mm],
            size_px: crate::domain::SizePx::new(self.size_px()[0].div_ceil(coarse), self.size_px()[1].div_ceil(coarse)),
        }
    }

    fn size_px(&self) -> [u32; 2] {
        super::physical_size(self.rect, self.pixels_per_point)
    }

    fn scene(&self, input: &PlaneInput<'_>) -> VolumeScene {
        let plane = self.plane(input, if self.rough { ROUGH } else { 1 });
        let size_px = [plane.size_px.width, plane.size_px.height];
        let [r, g, b, _] = input.canvas.to_array();
        let layers = input.layers.iter().map(|layer| {
            let cut = layer.volume.volume.geometry().cut(&plane, input.slab);
            VolumeLayer {
                volume: layer.volume.image.clone(),
                start: cut.start,
                per_x: cut.per_x,
                per_y: cut.per_y,
                per_step: cut.per_step,
                steps: cut.steps,
                mode: match input.slab {
                    Slab::Thin | Slab::Highest(_) => SlabMode::Highest,
                    Slab::Lowest(_) => SlabMode::Lowest,
                    Slab::Mean(_) => SlabMode::Mean,
                },
                ramp: layer.ramp,
                colours: layer.colours.clone(),
                opacity: layer.opacity,
                black_is_clear: layer.black_is_clear,
            }
        });
        VolumeScene { size_px, background: [r, g, b], layers: layers.collect() }
    }
}

fn angle(v: Vec2) -> f64 {
    f64::from(v.y).atan2(f64::from(v.x))
}

struct VolumeCallback {
    scene: VolumeScene,
    view: u64,
    gpu: GpuLink,
    feedback: Arc<Mutex<VolumePrepared>>,
}

/// What all planes of a window share on the card.
struct Shared {
    renderer: VolumeRenderer,
    device: wgpu::Device,
}

impl CallbackTrait for VolumeCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if self.gpu.is_lost() {
            return Vec::new();
        }
        // Another device: nothing made before is of use.
        if resources.get::<Shared>().is_none_or(|s| s.device != *device) {
            let renderer = VolumeRenderer::new(device, self.gpu.target_format());
            resources.insert(Shared { renderer, device: device.clone() });
        }
        if let Some(shared) = resources.get_mut::<Shared>() {
            let prepared = shared.renderer.prepare(device, queue, encoder, self.view, &self.scene);
            *self.feedback.lock().unwrap_or_else(PoisonError::into_inner) = prepared;
        }
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let viewport = info.viewport_in_pixels();
        if let Some(shared) =
            resources.get::<Shared>().filter(|_| viewport.width_px > 0 && viewport.height_px > 0 && !self.gpu.is_lost())
        {
            shared.renderer.paint(self.view, pass);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Color32, PlaneInput, PlaneView, Slab};

    fn input(at_mm: f64, slab: Slab) -> PlaneInput<'static> {
        PlaneInput {
            layers: Vec::new(),
            centre_mm: [at_mm, 0.0, 0.0],
            right: [1.0, 0.0, 0.0],
            down: [0.0, 1.0, 0.0],
            slab,
            canvas: Color32::BLACK,
        }
    }

    #[test]
    fn a_slab_is_rough_only_while_it_moves_on_a_software_adapter() {
        let mut view = PlaneView::new(None);
        let mut rough = |at_mm: f64, slab, software, now_s| {
            view.note_change(&input(at_mm, slab), software, now_s);
            view.is_rough()
        };
        let slab = Slab::Highest(10.0);
        assert!(!rough(0.0, slab, true, 1.0), "the first picture is whole");
        assert!(rough(1.0, slab, true, 1.1), "it moved");
        assert!(rough(1.0, slab, true, 1.15), "a moment later");
        assert!(!rough(1.0, slab, true, 1.3), "at rest");
        assert!(!rough(2.0, slab, false, 1.4), "a graphics card draws all of it");
        assert!(!rough(3.0, Slab::Thin, true, 1.5), "one sample a pixel");
    }

    #[test]
    fn squares_of_a_rough_plane_lie_over_the_pixels_they_stand_for() {
        let mut view = PlaneView::new(None);
        view.rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(101.0, 50.0));
        let [fine, coarse] = [1, 2].map(|n| view.plane(&input(0.0, Slab::Thin), n));
        assert_eq!((coarse.size_px.width, coarse.size_px.height), (51, 25));
        let corner = |p: &super::Plane| p.origin_mm[0] - p.spacing_mm[0] / 2.0;
        assert!((corner(&fine) - corner(&coarse)).abs() < 1e-9 && (coarse.spacing_mm[0] - 2.0).abs() < 1e-9);
    }
}
