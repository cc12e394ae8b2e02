//! The stage: the cells that show images side by side. One cell is active: it has the tools, the keys and the look's image and slice.

use std::sync::Arc;

use egui::{Context, Rect, Ui};

use super::cells::{Cell, CellInput};
use super::layout::Grid;
use super::look::Look;
use super::model::Model;
use super::panels::corners::ViewFacts;
use super::presets::Preset;
use super::session::Session;
use super::viewport::{GpuLink, Viewport, ViewportResponse};
use crate::domain::{ImageId, RoiSpace};
use crate::project::tiles::Pool;

/// Decodes that may wait; the loader asks for no more than it can use.
const POOL_CAPACITY: usize = 256;

/// What is looked at and how.
pub struct Stage {
    ctx: Context,
    pool: Arc<Pool>,
    gpu: Option<GpuLink>,
    grid: Grid,
    /// As many as the grid has, at least one.
    cells: Vec<Cell>,
    /// The active one; always within `cells`.
    active: usize,
    /// The active cell covers all others for a while.
    alone: bool,
    monitor: Option<Arc<[u8]>>,
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
        let first = Cell::new(Viewport::new(ctx, Arc::clone(&pool), gpu.clone()));
        Ok(Self {
            ctx: ctx.clone(),
            pool,
            gpu,
            grid: Grid::SINGLE,
            cells: vec![first],
            active: 0,
            alone: false,
            monitor: None,
        })
    }

    fn cell(&self) -> &Cell {
        &self.cells[self.active]
    }

    fn cell_mut(&mut self) -> &mut Cell {
        &mut self.cells[self.active]
    }

    /// The monitor's colour profile, for every cell; `None` is sRGB.
    pub fn set_monitor_profile(&mut self, profile: Option<Arc<[u8]>>) {
        self.monitor = profile;
        for cell in &mut self.cells {
            cell.viewport_mut().set_monitor_profile(self.monitor.clone());
        }
    }

    /// The viewport of the active cell.
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
        self.cells.iter().any(|c| c.viewport().is_busy())
    }

    /// The image of a cell.
    pub fn image(&self, cell: usize) -> Option<&ImageId> {
        self.cells.get(cell)?.image()
    }

    /// Lays the stage out anew; cells that are there keep what they show.
    pub fn set_grid(&mut self, grid: Grid) {
        self.grid = grid;
        self.alone = false;
        let count = grid.cells();
        // What is worked on stays in view.
        if self.active >= count {
            self.cells.swap(0, self.active);
            self.active = 0;
        }
        self.cells.truncate(count);
        while self.cells.len() < count {
            let mut viewport = Viewport::new(&self.ctx, Arc::clone(&self.pool), self.gpu.clone());
            viewport.set_monitor_profile(self.monitor.clone());
            self.cells.push(Cell::new(viewport));
        }
    }

    /// Lets the active cell cover the others, or shows them again.
    pub fn toggle_alone(&mut self) {
        self.alone = !self.alone && self.grid.cells() > 1;
    }

    /// Gives a cell the tools; its image and slice are what the look must name from now on.
    pub fn activate(&mut self, cell: usize) -> Option<(Option<ImageId>, u32)> {
        let shown = self.cells.get(cell)?;
        self.active = cell;
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

    /// Puts an image into a cell that is not active.
    pub fn place(&mut self, session: &mut Session, cell: usize, image: &ImageId) {
        if let Some(cell) = self.cells.get_mut(cell) {
            cell.open(session, image);
        }
    }

    pub fn close(&mut self) {
        self.cells.iter_mut().for_each(Cell::close);
    }

    /// The space that outlines of a frame are kept in: the patient where the frame has a pose.
    pub fn space(&self, frame: u32) -> RoiSpace {
        self.cell().space(frame)
    }

    /// A window by name.
    pub fn set_window(&mut self, preset: Preset) {
        self.cell_mut().set_window(preset);
    }

    /// Whether the values in view are Hounsfield units, which windows for CT are made for.
    pub fn in_hounsfield(&self) -> bool {
        self.viewport().meta().and_then(|m| m.display.unit.as_deref()) == Some("HU")
    }

    pub fn invert(&mut self) {
        self.cell_mut().invert();
    }

    /// The view as an objective of this power would show it; slides without a named objective go by their spacing.
    pub fn magnify(&mut self, power: f64) {
        self.cell_mut().magnify(power);
    }

    pub fn zoom_centre(&mut self, factor: f64) {
        self.cell_mut().zoom_centre(factor);
    }

    /// What the corners of a cell say.
    pub fn facts(&self, cell: usize, model: &Model, look: &Look) -> ViewFacts {
        let frame = self.frame_of(cell, look);
        self.cells.get(cell).map(|c| c.facts(model, look, frame)).unwrap_or_default()
    }

    /// The slice whose outlines are shown in a cell.
    fn frame_of(&self, cell: usize, look: &Look) -> u32 {
        if cell == self.active { look.frame } else { self.cells.get(cell).map_or(0, |c| c.viewport().frame()) }
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
        let active = cell == self.active;
        let input = CellInput { tool_armed: hand.armed && active, editing: hand.editing && active, frame };
        let response = self.cells.get_mut(cell)?.show(ui, rect, model, look, input);
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
