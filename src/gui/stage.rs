//! The stage: the cells that show images side by side. One cell is active: it has the tools, the keys and the look's image and slice.

use std::sync::Arc;

use egui::{Context, Rect, Ui};

use super::cells::{Cell, CellInput};
use super::filmstrip::Filmstrip;
use super::layout::Grid;
use super::linked::{Registrations, Sight};
use super::look::Look;
use super::model::Model;
use super::panels::corners::ViewFacts;
use super::planes::Planes;
use super::presets::Preset;
use super::profile::{Ground, ProfileAid};
use super::recovery::Reopen;
use super::second::Second;
use super::session::Session;
use super::viewport::{GpuLink, Viewport, ViewportResponse};
use super::volumes::Volumes;
use crate::domain::{ImageId, RoiSpace};
use crate::project::tiles::{DisplayState, OtherUnit, Pool};

/// Decodes that may wait; the loader asks for no more than it can use.
const POOL_CAPACITY: usize = 256;

/// What is looked at and how.
pub struct Stage {
    pub(super) ctx: Context,
    pool: Arc<Pool>,
    pub(super) gpu: Option<GpuLink>,
    grid: Grid,
    /// As many as the grid has, at least one.
    pub(super) cells: Vec<Cell>,
    /// The active one; always within `cells`.
    pub(super) active: usize,
    /// The active cell covers all others for a while.
    alone: bool,
    pub(super) volumes: Volumes,
    /// The cells move together.
    pub(super) linked: bool,
    /// What the cells looked at in the last frame.
    pub(super) sights: Vec<Option<(ImageId, Sight)>>,
    pub(super) registrations: Registrations,
    /// A line whose values are plotted.
    pub(super) profile: Option<ProfileAid>,
    /// Planes are shown as soon as this image's volume is there.
    pub(super) planes_wanted: Option<ImageId>,
    /// This image is laid over the planes as soon as its volume is there.
    pub(super) fusion_wanted: Option<(ImageId, DisplayState, Option<OtherUnit>)>,
    pub(super) planes: Option<Planes>,
    monitor: Option<Arc<[u8]>>,
    /// Whoever opens the window anew when its device is lost.
    pub(super) reopen: Reopen,
    strip: Filmstrip,
    /// A window of its own on another monitor.
    pub(super) second: Option<Second>,
}

/// What the stage was asked for in a frame, cell by cell.
pub struct Seen {
    pub cell: usize,
    pub response: ViewportResponse,
}

impl Stage {
    /// Draws with the window's graphics device, or shows no pixels without one.
    ///
    /// # Errors
    /// When the decode threads cannot be started.
    pub fn new(ctx: &Context, state: Option<&eframe::egui_wgpu::RenderState>) -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let pool = Arc::new(Pool::new("decode", threads.clamp(1, 8), POOL_CAPACITY)?);
        let gpu = state.map(GpuLink::new);
        if let Some(gpu) = &gpu {
            gpu.wake_when_lost(ctx);
        }
        let first = Cell::new(Viewport::new(ctx, Arc::clone(&pool), gpu.clone()));
        Ok(Self {
            ctx: ctx.clone(),
            pool,
            gpu,
            grid: Grid::SINGLE,
            cells: vec![first],
            active: 0,
            alone: false,
            volumes: Volumes::default(),
            linked: false,
            sights: Vec::new(),
            registrations: Registrations::default(),
            profile: None,
            planes_wanted: None,
            fusion_wanted: None,
            planes: None,
            monitor: None,
            reopen: Reopen::default(),
            strip: Filmstrip::default(),
            second: None,
        })
    }

    /// The cell that the tools work in: the active one, or the slices beside an active plane.
    pub fn hand(&self) -> usize {
        match &self.planes {
            Some(planes) if self.active_plane().is_some() => planes.source,
            _ => self.active,
        }
    }

    /// The small pictures of the film or the case in view.
    pub const fn strip(&self) -> &Filmstrip {
        &self.strip
    }

    pub const fn strip_mut(&mut self) -> &mut Filmstrip {
        &mut self.strip
    }

    fn cell(&self) -> &Cell {
        &self.cells[self.hand()]
    }

    fn cell_mut(&mut self) -> &mut Cell {
        let hand = self.hand();
        &mut self.cells[hand]
    }

    /// The monitor's colour profile, for every cell; `None` is sRGB.
    pub fn set_monitor_profile(&mut self, profile: Option<Arc<[u8]>>) {
        self.monitor = profile;
        for cell in self.cells.iter_mut().chain(self.second.as_mut().map(|s| &mut s.cell)) {
            cell.viewport_mut().set_monitor_profile(self.monitor.clone());
        }
    }

    /// The viewport of the cell in the hand.
    pub fn viewport(&self) -> &Viewport {
        self.cell().viewport()
    }

    pub fn viewport_mut(&mut self) -> &mut Viewport {
        self.cell_mut().viewport_mut()
    }

    pub const fn active(&self) -> usize {
        self.active
    }

    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// Whether the active cell covers the others.
    pub const fn is_alone(&self) -> bool {
        self.alone || self.grid.cells() == 1
    }

    /// Something of a cell is still being loaded or drawn.
    pub fn is_busy(&self) -> bool {
        self.volumes.is_busy() || self.cells.iter().chain(self.second.as_ref().map(|s| &s.cell)).any(Cell::is_busy)
    }

    /// The image of a cell.
    pub fn image(&self, cell: usize) -> Option<&ImageId> {
        self.cells.get(cell)?.image()
    }

    /// Lays the stage out anew; cells that are there keep what they show.
    pub fn set_grid(&mut self, grid: Grid) {
        self.grid = grid;
        self.alone = false;
        self.registrations.give_up();
        let count = grid.cells();
        // What is worked on stays in view.
        if self.active >= count {
            self.cells.swap(0, self.active);
            self.active = 0;
        }
        self.cells.truncate(count);
        self.cells.iter_mut().for_each(|c| c.viewport_mut().fit_when_shown());
        while self.cells.len() < count {
            let cell = self.new_cell();
            self.cells.push(cell);
        }
    }

    /// A cell on the stage's graphics device and decode threads.
    pub(super) fn new_cell(&self) -> Cell {
        let mut viewport = Viewport::new(&self.ctx, Arc::clone(&self.pool), self.gpu.clone());
        viewport.set_monitor_profile(self.monitor.clone());
        Cell::new(viewport)
    }

    /// Lets the active cell cover the others, or shows them again.
    pub fn toggle_alone(&mut self) {
        self.alone = !self.alone && self.grid.cells() > 1;
    }

    /// Gives a cell the tools; its image and slice are what the look must name from now on.
    pub fn activate(&mut self, cell: usize) -> Option<(Option<ImageId>, u32)> {
        self.cells.get(cell)?;
        self.active = cell;
        let shown = self.cell();
        Some((shown.image().cloned(), shown.viewport().frame()))
    }

    /// Opens what `look` has in view in the active cell, once. Says the frame that the image opens on.
    pub fn follow(&mut self, session: &mut Session, look: &Look) -> Option<u32> {
        let Some(wanted) = &look.image else {
            self.cell_mut().close();
            return None;
        };
        if !self.cell_mut().open(session, wanted) {
            return None;
        }
        // Areas need the spacing that only the opened image knows.
        session.refresh(look);
        Some(self.viewport().frame())
    }

    /// One cell with what is in the hand; the other cells' images leave the view.
    pub fn one_cell(&mut self) {
        self.leave_planes();
        self.set_grid(Grid::SINGLE);
    }

    /// Puts an image into a cell that is not active.
    pub fn place(&mut self, session: &mut Session, cell: usize, image: &ImageId) {
        if let Some(cell) = self.cells.get_mut(cell) {
            cell.open(session, image);
        }
    }

    /// Shows in a cell what the one in the hand shows of the same image: its frame and values, and its place where the cells
    /// did not just change their size.
    pub fn look_alike(&mut self, cell: usize, place_too: bool) {
        let (frame, display, camera) = {
            let own = self.viewport();
            (own.frame(), own.display(), own.camera())
        };
        let Some(viewport) = self.cells.get_mut(cell).map(Cell::viewport_mut) else { return };
        viewport.set_frame(frame);
        viewport.set_display(display);
        if place_too {
            viewport.set_camera(camera);
        }
    }

    pub fn close(&mut self) {
        self.leave_planes();
        // An id names an image within its project only.
        self.volumes = Volumes::default();
        self.registrations = Registrations::default();
        self.profile = None;
        self.linked = false;
        self.cells.iter_mut().chain(self.second.as_mut().map(|s| &mut s.cell)).for_each(Cell::close);
    }

    /// The space that outlines of a frame are kept in: the patient where the frame has a pose.
    pub fn space(&self, frame: u32) -> RoiSpace {
        self.cell().space(frame)
    }

    /// A window by name.
    pub fn set_window(&mut self, preset: Preset) {
        if self.active_plane().is_some() {
            self.set_plane_window(preset);
        } else {
            self.cell_mut().set_window(preset);
        }
    }

    /// Whether the values in view are Hounsfield units, which windows for CT are made for.
    pub fn in_hounsfield(&self) -> bool {
        self.viewport().meta().and_then(|m| m.display.unit.as_deref()) == Some("HU")
    }

    pub fn invert(&mut self) {
        if self.active_plane().is_none() || !self.with_planes(|p| p.mpr.display.invert = !p.mpr.display.invert) {
            self.cell_mut().invert();
        }
    }

    /// The view as an objective of this power would show it; slides without a named objective go by their spacing.
    pub fn magnify(&mut self, power: f64) {
        self.cell_mut().magnify(power);
    }

    pub fn zoom_centre(&mut self, factor: f64) {
        match self.active_view() {
            Some(view) => view.zoom_by(factor),
            None => self.cell_mut().zoom_centre(factor),
        }
    }

    /// What the corners of a cell say.
    pub fn facts(&self, cell: usize, model: &Model, look: &Look) -> ViewFacts {
        let frame = self.frame_of(cell, look);
        self.cells.get(cell).map(|c| c.facts(model, look, frame)).unwrap_or_default()
    }

    /// The slice whose outlines are shown in a cell.
    fn frame_of(&self, cell: usize, look: &Look) -> u32 {
        if cell == self.hand() { look.frame } else { self.cells.get(cell).map_or(0, |c| c.viewport().frame()) }
    }

    /// The cells in view, each with its part of `rect`.
    pub fn places(&self, rect: Rect) -> Vec<(usize, Rect)> {
        if self.is_alone() {
            return vec![(self.active, rect)];
        }
        self.grid.rects(rect).into_iter().enumerate().collect()
    }

    /// Draws the pixels and the committed outlines of one cell. The tool works in the active one alone.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        cell: usize,
        rect: Rect,
        model: &Model,
        look: &Look,
        hand: CellHand,
    ) -> Option<Seen> {
        let frame = self.frame_of(cell, look);
        let active = cell == self.hand();
        let input = CellInput { tool_armed: hand.armed && active, editing: hand.editing && active, frame };
        let response = self.cells.get_mut(cell)?.show(ui, rect, model, look, input);
        if let (Some(aid), Some(image), Some([x, y])) =
            (&mut self.profile, self.cells.get(cell).and_then(Cell::image), response.pointer_image_px)
        {
            aid.hover(&Ground::Slices(image.clone()), [x, y, 0.0]);
        }
        Some(Seen { cell, response })
    }
}

/// What the tool in the hand does with the active cell.
#[derive(Clone, Copy, Debug, Default)]
pub struct CellHand {
    /// It owns the left button.
    pub armed: bool,
    /// It drags the selected outline.
    pub editing: bool,
}
