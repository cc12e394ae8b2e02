//! The stage's planes through a volume: which cells show them, how the cross-hair links them with the slices, and a second
//! volume laid over the first.

use std::sync::Arc;

use egui::{Rect, Ui};

use super::cells::Cell;
use super::layout::Grid;
use super::mpr::{Mpr, PlaneKind};
use super::navigation::Profile;
use super::palettes::Palette;
use super::presets::Preset;
use super::profile::Ground;
use super::stage::Stage;
use super::theme;
use super::viewport::{PlaneInput, PlaneLayer, PlaneResponse, PlaneView, ShownVolume};
use super::volumes::Arrived;
use crate::domain::ImageId;
use crate::project::pixels::Window;
use crate::project::tiles::{DisplayState, FrameInfo, ImageSource, OtherUnit, Ramp, Samples};
use crate::project::volumes::VolumeError;
use crate::render::{GreyRamp, ValueRamp};

/// A second volume over the first: PET over CT.
#[derive(Clone)]
pub struct Fusion {
    pub image: ImageId,
    pub volume: ShownVolume,
    pub display: DisplayState,
    pub palette: Palette,
    pub opacity: f32,
    /// The usual other unit of its values.
    pub other_unit: Option<OtherUnit>,
}

/// Planes in view.
pub struct Planes {
    pub mpr: Mpr,
    pub volume: ShownVolume,
    pub fusion: Option<Fusion>,
    /// The cell with the slices that the volume is made of; it keeps the tools.
    pub source: usize,
    /// The slice that the cross-hair was put on last.
    frame: Option<u32>,
    /// What the stage was before.
    before: Grid,
}

/// What a plane's cell says beside its picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneFacts {
    pub kind: PlaneKind,
    pub oblique: bool,
    /// Right and down of the view in the patient.
    pub right: [f64; 3],
    pub down: [f64; 3],
    pub pt_per_mm: f64,
    pub window: Option<(f64, f64)>,
    pub inverted: bool,
    /// Value under the pointer, or at the cross-hair.
    pub value: Option<f64>,
    pub unit: Option<String>,
    pub second_value: Option<f64>,
    /// What the two values are multiplied by for the usual other unit (SUV), and its name.
    pub other_units: [Option<OtherUnit>; 2],
    /// Shortest and longest step of slices that are unevenly spaced.
    pub uneven_mm: Option<(f64, f64)>,
    pub holes: bool,
}

/// The ramp of a window over rescaled values.
pub fn value_ramp(display: &DisplayState, range: (f64, f64)) -> ValueRamp {
    let window = display
        .window
        .unwrap_or(Window { center: f64::midpoint(range.0, range.1) + 0.5, width: (range.1 - range.0).max(1.0) + 1.0 });
    #[allow(clippy::cast_possible_truncation, reason = "the shader computes in f32")]
    if display.sigmoid {
        let (center, width) = (window.center as f32, window.width.max(1e-3) as f32);
        return ValueRamp::Sigmoid { center, width, invert: display.invert };
    }
    let state = DisplayState { window: Some(window), ..*display };
    let Ramp { zero_at, per_step, invert } = Ramp::new(&Samples::I16(Vec::new()), 1, &FrameInfo::default(), &state);
    ValueRamp::Straight(GreyRamp { zero_at, per_step, invert })
}

impl Planes {
    fn layers(&self) -> Vec<PlaneLayer<'_>> {
        let first = PlaneLayer {
            volume: &self.volume,
            ramp: value_ramp(&self.mpr.display, self.volume.volume.range()),
            colours: self.mpr.palette.colours(),
            opacity: 1.0,
            black_is_clear: false,
        };
        let over = self.fusion.as_ref().map(|f| PlaneLayer {
            volume: &f.volume,
            ramp: value_ramp(&f.display, f.volume.volume.range()),
            colours: f.palette.colours(),
            opacity: f.opacity,
            black_is_clear: true,
        });
        std::iter::once(first).chain(over).collect()
    }

    fn input(&self, kind: PlaneKind, canvas: egui::Color32) -> PlaneInput<'_> {
        let (right, down) = self.mpr.axes(kind);
        PlaneInput {
            layers: self.layers(),
            centre_mm: self.mpr.centre_mm,
            right,
            down,
            slab: self.mpr.thickness(),
            canvas,
        }
    }

    /// The patient point at millimetres from the cross-hair on a plane.
    pub fn patient(&self, kind: PlaneKind, at_mm: [f64; 2]) -> [f64; 3] {
        let (right, down) = self.mpr.axes(kind);
        std::array::from_fn(|i| self.mpr.centre_mm[i] + right[i] * at_mm[0] + down[i] * at_mm[1])
    }

    /// Millimetres from the cross-hair on a plane of a patient point, seen along the plane's normal.
    pub fn plane_from(&self, kind: PlaneKind, p_mm: [f64; 3]) -> [f64; 2] {
        let (right, down) = self.mpr.axes(kind);
        let along = |axis: [f64; 3]| (0..3).map(|i| (p_mm[i] - self.mpr.centre_mm[i]) * axis[i]).sum();
        [along(right), along(down)]
    }

    /// The frame of the slice nearest to the cross-hair.
    fn nearest_frame(&self) -> Option<u32> {
        let geometry = self.volume.volume.geometry();
        geometry.slices().get(geometry.nearest_slice(self.mpr.centre_mm)).map(|s| s.frame)
    }
}

impl Stage {
    /// Whether planes could be cut through the image in the hand; begins to read its volume.
    ///
    /// # Errors
    /// When the image is no volume.
    pub fn ask_for_planes(&mut self) -> Result<(), VolumeError> {
        let Some((image, source)) = self.image(self.hand()).cloned().zip(self.viewport().source().cloned()) else {
            return Err(VolumeError::NoStack);
        };
        let ctx = self.ctx.clone();
        self.volumes.load(&ctx, &image, &source)?;
        self.planes_wanted = Some(image);
        self.enter_planes();
        Ok(())
    }

    /// Shows the planes as soon as their volume is there; whether they were entered now.
    pub fn enter_planes(&mut self) -> bool {
        let Some(image) = self.planes_wanted.clone() else { return false };
        let hand = self.hand();
        if self.image(hand) != Some(&image) {
            self.planes_wanted = None;
            return false;
        }
        let Some(volume) = self.volumes.get(&image) else { return false };
        self.planes_wanted = None;
        let before = self.grid();
        self.cells.swap(0, hand);
        self.active = 0;
        self.set_grid(Grid::new(2, 2));
        for (cell, kind) in self.cells.iter_mut().skip(1).zip(PlaneKind::ALL) {
            cell.close();
            cell.plane = Some((kind, PlaneView::new(self.gpu.clone())));
        }
        let display = self.viewport().display();
        let mut mpr = Mpr::new(image, volume.volume.geometry(), volume.volume.corners_mm(), display);
        mpr.palette = Palette::Grey;
        self.planes = Some(Planes { mpr, volume, fusion: None, source: 0, frame: None, before });
        true
    }

    /// Begins to read the volume that is to lie over the planes.
    ///
    /// # Errors
    /// When the image is no volume.
    pub fn ask_for_fusion(&mut self, image: &ImageId, source: &Arc<dyn ImageSource>) -> Result<(), VolumeError> {
        let ctx = self.ctx.clone();
        self.volumes.load(&ctx, image, source)?;
        let meta = source.meta();
        let wanted =
            (image.clone(), DisplayState::from_defaults(&meta.display), meta.display.other_units.first().cloned());
        self.fusion_wanted = Some(wanted);
        self.enter_fusion();
        Ok(())
    }

    /// Lays the second volume over the planes as soon as it is there.
    pub fn enter_fusion(&mut self) {
        let Some((image, display, other_unit)) = self.fusion_wanted.clone() else { return };
        let Some(volume) = self.volumes.get(&image) else { return };
        self.fusion_wanted = None;
        if let Some(planes) = &mut self.planes {
            // Polarity is for grey; colours begin with black.
            let display = DisplayState { invert: false, ..display };
            let (palette, opacity) = (Palette::HotIron, 0.5);
            planes.fusion = Some(Fusion { image, volume, display, palette, opacity, other_unit });
        }
    }

    /// How far a volume is read, 0 to 1.
    pub fn reading_volume(&self) -> Option<f64> {
        self.volumes.progress()
    }

    /// A volume that was read since the last look, or why it was not.
    pub fn volume_arrived(&mut self) -> Option<Arrived> {
        self.volumes.poll()
    }

    /// The slices that the planes belong to are no longer in view.
    pub fn planes_are_of_another_image(&self) -> bool {
        self.planes.as_ref().is_some_and(|p| self.image(p.source) != Some(&p.mpr.image))
    }

    /// Swaps the straight window for the sigmoid one and back, in the plane or the image that is active.
    pub fn switch_sigmoid(&mut self) {
        if self.active_plane().is_none() || !self.with_planes(|p| p.mpr.display.sigmoid = !p.mpr.display.sigmoid) {
            let on = !self.viewport().display().sigmoid;
            self.viewport_mut().set_sigmoid(on);
        }
    }

    /// The next colours for grey values: of what is laid over the planes, of the planes, or of the slices in the hand.
    pub fn next_palette(&mut self) {
        let on_plane = self.active_plane().is_some();
        match &mut self.planes {
            Some(Planes { fusion: Some(fusion), .. }) => fusion.palette = fusion.palette.next(),
            Some(planes) if on_plane => planes.mpr.palette = planes.mpr.palette.next(),
            _ => {
                let next = self.viewport().palette().next();
                self.viewport_mut().set_palette(next);
            }
        }
    }

    /// Back to the slices alone.
    pub fn leave_planes(&mut self) {
        self.planes_wanted = None;
        self.fusion_wanted = None;
        self.volumes.stop();
        let Some(planes) = self.planes.take() else { return };
        for cell in &mut self.cells {
            cell.plane = None;
        }
        self.active = planes.source.min(self.cells.len().saturating_sub(1));
        self.cells.swap(0, self.active);
        self.active = 0;
        self.set_grid(planes.before);
    }

    pub const fn planes(&self) -> Option<&Planes> {
        self.planes.as_ref()
    }

    /// The plane that a cell shows.
    pub fn plane_of(&self, cell: usize) -> Option<PlaneKind> {
        self.planes.as_ref()?;
        self.cells.get(cell)?.plane.as_ref().map(|(kind, _)| *kind)
    }

    /// The active cell's plane.
    pub fn active_plane(&self) -> Option<PlaneKind> {
        self.plane_of(self.active())
    }

    /// Draws a plane's cell and carries out its gestures; says the slice that the cross-hair came to.
    pub fn show_plane(
        &mut self,
        ui: &mut Ui,
        cell: usize,
        rect: Rect,
        profile: Profile,
    ) -> Option<(PlaneResponse, Option<u32>)> {
        let canvas = theme::tokens(ui.visuals()).surround;
        let planes = self.planes.as_mut()?;
        let (kind, view) = self.cells.get_mut(cell)?.plane.as_mut()?;
        let kind = *kind;
        view.profile = profile;
        let input = planes.input(kind, canvas);
        let out = ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| view.ui(ui, &input)).inner;
        drop(input);
        let mut g = out.gestures;
        let before = planes.mpr.centre_mm;
        if let (Some(aid), Some(at)) = (self.profile.as_mut().filter(|aid| aid.is_asking()), out.pointer_mm) {
            let ground = Ground::Plane(planes.mpr.image.clone(), kind);
            let point = planes.patient(kind, at);
            aid.hover(&ground, point);
            if out.response.clicked() {
                aid.point(ground, point);
                g.to_mm = None;
            }
        }
        if g.scroll != 0 {
            planes.mpr.scroll(kind, g.scroll);
        }
        if let Some(at) = g.to_mm {
            let point = planes.patient(kind, at);
            planes.mpr.set_centre(point);
        }
        if g.turn != 0.0 {
            planes.mpr.turn(kind, g.turn);
            view.hold_against(g.turn);
        }
        if g.window != egui::Vec2::ZERO {
            self.drag_plane_window(g.window);
        }
        if g.toggled_alone {
            self.active = cell;
            self.toggle_alone();
        }
        let moved = self.planes.as_ref().is_some_and(|p| p.mpr.centre_mm.map(f64::to_bits) != before.map(f64::to_bits));
        if moved {
            self.after_move(before);
        }
        Some((out, moved.then(|| self.slice_of_cross()).flatten()))
    }

    /// The pictures of the other planes stay where they are when the cross-hair moves across them.
    fn after_move(&mut self, before: [f64; 3]) {
        let Some(planes) = &self.planes else { return };
        let by: [f64; 3] = std::array::from_fn(|i| planes.mpr.centre_mm[i] - before[i]);
        let dot = |a: [f64; 3]| a[0] * by[0] + a[1] * by[1] + a[2] * by[2];
        for (kind, view) in self.cells.iter_mut().filter_map(|c| c.plane.as_mut()) {
            let (right, down) = planes.mpr.axes(*kind);
            view.follow([dot(right), dot(down)]);
        }
    }

    fn slice_of_cross(&mut self) -> Option<u32> {
        let planes = self.planes.as_mut()?;
        let frame = planes.nearest_frame()?;
        planes.frame = Some(frame);
        Some(frame)
    }

    /// The slices were scrolled: the cross-hair goes with them.
    pub fn planes_follow(&mut self, frame: u32) {
        let Some(planes) = &mut self.planes else { return };
        if planes.frame == Some(frame) {
            return;
        }
        let first = planes.frame.is_none();
        planes.frame = Some(frame);
        let geometry = planes.volume.volume.geometry();
        let Some(slice) = geometry.slices().iter().find(|s| s.frame == frame) else { return };
        let (normal, origin) = (geometry.axes()[2], geometry.patient(slice.origin_mm));
        let before = planes.mpr.centre_mm;
        planes.mpr.onto_slice(normal, origin);
        if !first {
            self.after_move(before);
        }
    }

    /// Scrolls the active plane; whether there is one. Says the slice that the cross-hair came to.
    pub fn scroll_plane(&mut self, steps: i32) -> Option<Option<u32>> {
        let kind = self.active_plane()?;
        let planes = self.planes.as_mut()?;
        let before = planes.mpr.centre_mm;
        planes.mpr.scroll(kind, steps);
        self.after_move(before);
        Some(self.slice_of_cross())
    }

    /// The whole plane or image.
    pub fn fit(&mut self) {
        match self.active_view() {
            Some(view) => view.fit(),
            None => self.viewport_mut().fit(),
        }
    }

    /// The view of the active plane.
    pub(super) fn active_view(&mut self) -> Option<&mut PlaneView> {
        self.planes.as_ref()?;
        let active = self.active;
        self.cells.get_mut(active)?.plane.as_mut().map(|(_, view)| view)
    }

    /// Changes the planes' common state; whether there are planes.
    pub fn with_planes(&mut self, change: impl FnOnce(&mut Planes)) -> bool {
        self.planes.as_mut().map(change).is_some()
    }

    /// Upright through the middle of the volume, and whole.
    pub fn reset_planes(&mut self) {
        let Some(planes) = &mut self.planes else { return };
        planes.mpr.reset();
        for (_, view) in self.cells.iter_mut().filter_map(|c| c.plane.as_mut()) {
            view.fit();
        }
    }

    fn drag_plane_window(&mut self, points: egui::Vec2) {
        let own = self.viewport().meta().and_then(|m| m.display.window);
        let Some(planes) = &mut self.planes else { return };
        let range = planes.volume.volume.range();
        // As over slices: a thousand points cross twice and a half the file's window, else the values.
        let per_pt = own.map_or((range.1 - range.0).max(1.0), |w| w.width * 2.5) / 1000.0;
        let now = planes
            .mpr
            .display
            .window
            .unwrap_or(Window { center: f64::midpoint(range.0, range.1), width: (range.1 - range.0).max(1.0) });
        planes.mpr.display.window = Some(Window {
            center: now.center + f64::from(points.y) * per_pt,
            width: (now.width + f64::from(points.x) * per_pt).max(1.0),
        });
    }

    /// A window by name for the planes.
    pub(super) fn set_plane_window(&mut self, preset: Preset) {
        let own = self.viewport().meta().map(|m| DisplayState::from_defaults(&m.display));
        let Some(planes) = &mut self.planes else { return };
        match preset {
            Preset::Own => planes.mpr.display = own.unwrap_or_default(),
            Preset::Auto => planes.mpr.display.window = None,
            _ => {
                planes.mpr.display.window = preset.window().map(|(center, width)| Window { center, width });
            }
        }
    }

    /// What a plane's cell says.
    pub fn plane_facts(&self, cell: usize, pointer_mm: Option<[f64; 2]>) -> Option<PlaneFacts> {
        let planes = self.planes.as_ref()?;
        let (kind, view) = self.cells.get(cell)?.plane.as_ref()?;
        let volume = &planes.volume.volume;
        let geometry = volume.geometry();
        let (right, down) = planes.mpr.axes(*kind);
        let (right, down) = view.directions(right, down);
        let at = planes.patient(*kind, pointer_mm.unwrap_or([0.0; 2]));
        let display = &planes.mpr.display;
        let own = self.viewport().meta().and_then(|m| m.display.other_units.first().cloned());
        Some(PlaneFacts {
            kind: *kind,
            oblique: planes.mpr.is_oblique(*kind),
            right,
            down,
            pt_per_mm: view.zoom(),
            window: display.window.map(|w| (w.center, w.width)),
            inverted: display.invert,
            value: volume.probe(at),
            unit: volume.unit().map(str::to_owned),
            other_units: [own, planes.fusion.as_ref().and_then(|f| f.other_unit.clone())],
            second_value: planes.fusion.as_ref().and_then(|f| f.volume.volume.probe(at)),
            uneven_mm: geometry.is_uneven().then(|| geometry.steps_mm()),
            holes: geometry.has_holes(),
        })
    }

    /// The view of a plane's cell.
    pub fn plane_view(&self, cell: usize) -> Option<&PlaneView> {
        self.cells.get(cell)?.plane.as_ref().map(|(_, view)| view)
    }

    /// Cells that show slices or nothing.
    pub fn image_cells(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.iter().enumerate().filter(|(_, c)| c.plane.is_none())
    }
}
