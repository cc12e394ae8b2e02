//! One cell of the stage: which image it shows, its outlines and its read-outs; the pixels themselves are [`Viewport`]'s.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Pos2, Rect, Ui};

use super::action::Workspace;
use super::look::Look;
use super::model::{FindingRow, Model};
use super::mpr::PlaneKind;
use super::palettes::Palette;
use super::panels::corners::{ViewFacts, orientation};
use super::presets::Preset;
use super::readings;
use super::session::Session;
use super::theme;
use super::viewport::{
    CoversShown, PlaneView, RoiStatistics, Sample, Viewport, ViewportInput, ViewportResponse, ViewportStyle,
};
use crate::domain::{FindingId, ImageId, PointPx, RoiSpace, Shape};
use crate::project::ImageMeta;
use crate::project::pixels::Window;
use crate::render::{Outline, Pattern, ShapeGeometry, ShapeInstance, ShapeSet};

/// An image, the viewport that draws it, and how it is shown.
pub struct Cell {
    image: Option<ImageId>,
    viewport: Viewport,
    /// Pixels of this image could not be opened; not tried again until it is chosen anew.
    failed: Option<ImageId>,
    shapes: Arc<ShapeSet>,
    /// What `shapes` was made of.
    made_of: Option<Made>,
    /// Triangulated outlines by finding, so that a new selection costs nothing.
    geometry: HashMap<(FindingId, usize), (Shape, Arc<ShapeGeometry>)>,
    /// Value under the pointer, and where it is.
    pointer: Option<(PointPx, Option<Sample>)>,
    /// What the selected outline measures: of which finding, slice and model.
    measured: Option<((FindingId, u32, u64), Option<RoiStatistics>)>,
    /// A plane through a volume instead of an image.
    pub(super) plane: Option<(PlaneKind, PlaneView)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Made {
    model: u64,
    image: ImageId,
    frame: u32,
    selected: Option<FindingId>,
    discrepancy: Option<String>,
    /// Which version of the redrawn region.
    redraw: u64,
    editing: bool,
}

/// What a cell is shown with.
#[derive(Clone, Copy, Debug)]
pub struct CellInput {
    /// The tool owns the left button here.
    pub tool_armed: bool,
    /// The hand drags the selected outline: the tool paints it.
    pub editing: bool,
    /// The slice whose outlines lie on the pixels.
    pub frame: u32,
}

impl Cell {
    pub fn new(viewport: Viewport) -> Self {
        Self {
            image: None,
            viewport,
            failed: None,
            shapes: Arc::default(),
            made_of: None,
            geometry: HashMap::new(),
            pointer: None,
            measured: None,
            plane: None,
        }
    }

    /// Something is still being loaded or drawn.
    pub fn is_busy(&self) -> bool {
        self.viewport.is_busy() || self.plane.as_ref().is_some_and(|(_, view)| view.is_busy() || view.is_rough())
    }

    pub const fn image(&self) -> Option<&ImageId> {
        self.image.as_ref()
    }

    pub const fn viewport(&self) -> &Viewport {
        &self.viewport
    }

    pub const fn viewport_mut(&mut self) -> &mut Viewport {
        &mut self.viewport
    }

    fn meta(&self) -> Option<&ImageMeta> {
        self.viewport.meta()
    }

    /// Opens an image, once; whether it is newly in view.
    pub fn open(&mut self, session: &mut Session, wanted: &ImageId) -> bool {
        if self.image.as_ref() == Some(wanted) || self.failed.as_ref() == Some(wanted) || !session.available(wanted) {
            return false;
        }
        let Some(source) = session.open_image(wanted) else {
            self.failed = Some(wanted.clone());
            self.viewport.set_image(None);
            self.image = None;
            return false;
        };
        self.failed = None;
        self.image = Some(wanted.clone());
        self.geometry.clear();
        self.viewport.set_image(Some(source));
        true
    }

    pub fn close(&mut self) {
        if self.image.take().is_some() {
            self.viewport.set_image(None);
        }
        self.failed = None;
        self.geometry.clear();
    }

    /// The space that outlines of a frame are kept in: the patient where the frame has a pose.
    pub fn space(&self, frame: u32) -> RoiSpace {
        let pose = self.meta().and_then(|m| m.frames.get(frame as usize)).and_then(|f| f.pose);
        pose.map_or(RoiSpace::Image, RoiSpace::Patient)
    }

    /// A window by name.
    pub fn set_window(&mut self, preset: Preset) {
        match preset {
            Preset::Own => self.viewport.reset_window(),
            Preset::Auto => self.viewport.auto_window(),
            _ => {
                let window = preset.window().map(|(center, width)| Window { center, width });
                self.viewport.set_window(window);
            }
        }
    }

    pub fn invert(&mut self) {
        let invert = !self.viewport.display().invert;
        self.viewport.set_invert(invert);
    }

    /// The view as an objective of this power would show it; slides without a named objective go by their spacing.
    pub fn magnify(&mut self, power: f64) {
        if self.viewport.set_magnification(power) {
            return;
        }
        let Some(um) = self.meta().and_then(|m| m.spacing).map(|s| s.x_um).filter(|um| *um > 0.0) else { return };
        let want = power * um / 10.0 / self.viewport.screen_px_per_image_px();
        self.zoom_centre(want);
    }

    pub fn zoom_centre(&mut self, factor: f64) {
        let middle = self.viewport.screen_from_image(self.viewport.camera().centre_px);
        self.viewport.zoom_at(middle, factor);
    }

    /// What the corners say.
    pub fn facts(&self, model: &Model, look: &Look, frame: u32) -> ViewFacts {
        let case = look.case.as_ref().and_then(|c| model.case(c));
        let row = self.image.as_ref().and_then(|i| model.image(i));
        let place = case.zip(self.image.as_ref()).and_then(|(c, id)| c.images.iter().position(|i| i.id == *id));
        let meta = self.meta();
        let shown = meta.and_then(|m| m.frames.get(frame as usize));
        let zoom = self.viewport.screen_px_per_image_px();
        let levels = meta.map(|m| m.levels.as_slice()).unwrap_or_default();
        ViewFacts {
            case_label: case.map(|c| c.label.clone()).unwrap_or_default(),
            field: row.map(|r| r.field),
            image: (place.map_or(0, |p| p + 1), case.map_or(0, |c| c.images.len())),
            frame: (frame + 1, row.map_or(1, |r| r.frames)),
            moving: meta.is_some_and(|m| m.frames.len() > 1 && m.frames.iter().all(|f| f.pose.is_none())),
            time: meta.and_then(|m| m.timing.as_ref()).map(|t| super::player::time_text(t.seconds(frame))),
            light: self.image.as_ref().and_then(|i| model.light(i, frame)),
            levels: levels.len(),
            level: levels.iter().rposition(|l| l.downsample * zoom <= 1.001).unwrap_or(0),
            zoom,
            pt_per_px: self.viewport.pt_per_px_across(),
            spacing: meta.and_then(|m| m.spacing),
            objective: meta.and_then(|m| m.objective_power),
            window: self.viewport.window().map(|w| (w.center, w.width)),
            inverted: self.viewport.display().invert,
            pointer: self.pointer.map(|(at, _)| at),
            measured: self.measured.as_ref().and_then(|(_, m)| *m),
            unit: meta.and_then(|m| m.display.unit.clone()).unwrap_or_default(),
            values: self.pointer.and_then(|(_, s)| s).map(|s| self.value_lines(s)).unwrap_or_default(),
            scales: meta.zip(shown).map(|(m, f)| readings::scales(m, f)).unwrap_or_default(),
            parts: shown.cloned(),
            hidden: look.hidden,
            orientation: self.orientation(frame),
            icc: self.viewport.icc_badge(),
            colour: self.viewport.colour(),
            turn_deg: self.viewport.camera().turn_deg,
            mirrored: self.viewport.camera().mirrored,
            warnings: meta.map(|m| m.warnings.iter().map(|w| w.code).collect()).unwrap_or_default(),
            preparing: self.viewport.preparing(),
            palette: if meta.is_some_and(|m| m.channels == 1) { self.viewport.palette() } else { Palette::Grey },
            hidden_covers: self.viewport.covers().map_or_else(CoversShown::default, |there| CoversShown {
                graphics: there.graphics && !look.overlays,
                shutter: there.shutter && !look.shutter,
            }),
        }
    }

    /// Letters of the edges as they lie on the screen, however the image is turned.
    fn orientation(&self, frame: u32) -> Option<[String; 4]> {
        let camera = self.viewport.camera();
        let pose = self.meta()?.frames.get(frame as usize)?.pose?;
        let in_patient = |[x, y]: [f64; 2]| std::array::from_fn(|i| pose.row_dir[i] * x + pose.col_dir[i] * y);
        let [right, down] = camera.screen_axes().map(in_patient);
        Some(orientation(right, down))
    }

    fn value_lines(&self, sample: Sample) -> Vec<String> {
        let frame = self.meta().and_then(|m| Some((m, m.frames.get(self.viewport.frame() as usize)?)));
        match (sample, frame) {
            (Sample::Rgb([r, g, b]), _) => vec![format!("R {r}  G {g}  B {b}")],
            (Sample::Grey { stored, value }, Some((meta, frame))) => readings::lines(meta, frame, stored, value),
            (Sample::Grey { .. }, None) => Vec::new(),
        }
    }

    /// Draws the pixels and the committed outlines over a part of the window.
    pub fn show(&mut self, ui: &mut Ui, rect: Rect, model: &Model, look: &Look, input: CellInput) -> ViewportResponse {
        self.make_shapes(model, look, input);
        let t = theme::tokens(ui.visuals());
        let shapes = Arc::clone(&self.shapes);
        let input = ViewportInput {
            shapes: &shapes,
            shape_opacity: if look.hidden { 0.0 } else { 1.0 },
            tool_armed: input.tool_armed,
            style: ViewportStyle { canvas: t.surround, mark: t.text_faint },
        };
        let viewport = &mut self.viewport;
        viewport.show_covers(CoversShown { graphics: look.overlays, shutter: look.shutter });
        viewport.set_profile(look.profile);
        let out = ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| viewport.ui(ui, input)).inner;
        self.take_measure(model, look, out.shown_frame);
        let size = self.meta().map(ImageMeta::size_px);
        let inside = |p: &PointPx| {
            size.is_some_and(|s| p[0] >= 0.0 && p[1] >= 0.0 && p[0] < f64::from(s.width) && p[1] < f64::from(s.height))
        };
        let hover: Option<Pos2> = out.response.hover_pos();
        self.pointer =
            out.pointer_image_px.filter(inside).map(|p| (p, hover.and_then(|at| self.viewport.sample_under(at))));
        out
    }

    /// Measures the selected outline once; again while its pixels are still on their way.
    fn take_measure(&mut self, model: &Model, look: &Look, frame: u32) {
        let found = look.selected.as_ref().and_then(|id| model.finding(id)).zip(self.image.as_ref());
        let Some((id, shape)) = found.and_then(|(f, image)| Some((f.id.clone(), f.shape_on(image, frame)?))) else {
            self.measured = None;
            return;
        };
        let key = (id, frame, model.revision);
        if self.measured.as_ref().is_none_or(|(known, m)| *known != key || m.is_none()) {
            self.measured = Some((key, self.viewport.measure(shape)));
        }
    }

    /// Makes the set of outlines anew when what it shows has changed.
    fn make_shapes(&mut self, model: &Model, look: &Look, input: CellInput) {
        let CellInput { frame, editing, .. } = input;
        let Some(image) = self.image.clone() else { return };
        let image = &image;
        let made = Made {
            model: model.revision,
            image: image.clone(),
            frame,
            selected: look.selected.clone(),
            discrepancy: look.discrepancy.clone().filter(|_| look.workspace == Workspace::Adjudicate),
            redraw: look.redraw_revision,
            editing,
        };
        if self.made_of.as_ref() == Some(&made) {
            return;
        }
        let mut shapes = Vec::new();
        if look.workspace == Workspace::Adjudicate {
            let current = look.discrepancy.as_ref().and_then(|id| model.discrepancies.iter().find(|d| d.id == *id));
            if let Some(d) = current {
                for (side, colour) in [(&d.a, theme::READER_A), (&d.b, theme::READER_B)] {
                    if let Some(f) = side {
                        self.instances(f, image, frame, colour, false, &mut shapes);
                    }
                }
                // A region that is being redrawn stands for the one that was decided on before.
                let drafted = look.redraw();
                for f in d.redrawn.iter().filter(|_| drafted.is_none()) {
                    self.instances(f, image, frame, theme::REDRAWN, true, &mut shapes);
                }
                if let Some(r) = drafted.filter(|r| r.image == *image && r.roi.frame == frame && !editing) {
                    let made = ShapeGeometry::new(outlines(&r.roi.shape)).map(Arc::new);
                    shapes.extend(made.map(|geometry| instance(geometry, theme::REDRAWN, Pattern::Solid, true)));
                }
            }
        } else {
            for f in &model.findings {
                let selected = look.selected.as_ref() == Some(&f.id);
                // While a hand drags it, the tool paints it.
                if !(selected && editing) {
                    self.instances(f, image, frame, f.color, selected, &mut shapes);
                }
            }
        }
        self.shapes = Arc::new(ShapeSet { revision: self.shapes.revision + 1, shapes });
        self.made_of = Some(made);
    }

    /// The outlines of a finding on the slice in view.
    fn instances(
        &mut self,
        f: &FindingRow,
        image: &ImageId,
        frame: u32,
        colour: egui::Color32,
        selected: bool,
        out: &mut Vec<ShapeInstance>,
    ) {
        // Dashed: not finished, since it has no name yet.
        let pattern = if f.term.is_none() { Pattern::Dashed } else { Pattern::Solid };
        for (index, roi) in f.rois.iter().enumerate().filter(|(_, r)| r.image == *image && r.frame == frame) {
            let Some(shape) = roi.shape() else { continue };
            let key = (f.id.clone(), index);
            let known = self.geometry.get(&key).filter(|(s, _)| s == shape).map(|(_, g)| Arc::clone(g));
            let geometry = known.or_else(|| {
                let made = Arc::new(ShapeGeometry::new(outlines(shape))?);
                self.geometry.insert(key, (shape.clone(), Arc::clone(&made)));
                Some(made)
            });
            out.extend(geometry.map(|g| instance(g, colour, pattern, selected)));
        }
    }
}

fn instance(geometry: Arc<ShapeGeometry>, colour: egui::Color32, pattern: Pattern, selected: bool) -> ShapeInstance {
    let [r, g, b, _] = colour.to_array();
    ShapeInstance { geometry, colour: [r, g, b], pattern, selected, filled: true }
}

fn outlines(shape: &Shape) -> Vec<Outline> {
    match shape {
        Shape::Point(p) => vec![Outline::Point(*p)],
        Shape::Line(l) => vec![Outline::Line(l.clone())],
        Shape::Polygons(ps) => ps
            .iter()
            .map(|p| Outline::Polygon(std::iter::once(p.exterior.clone()).chain(p.holes.iter().cloned()).collect()))
            .collect(),
        Shape::WholeImage => Vec::new(),
    }
}
