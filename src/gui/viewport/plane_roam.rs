//! Three planes in a window that nobody sees, moved frame by frame: what a recorded roam over a volume is measured with.

use std::sync::Arc;

use egui::{Color32, Rect, UiBuilder, vec2};

use super::{GpuLink, HeadlessWindow, PlaneInput, PlaneLayer, PlaneView, ShownVolume};
use crate::project::volumes::{Slab, Volume};
use crate::render::{GreyRamp, Image, RenderError, ValueRamp};

/// What the planes show in one frame.
#[derive(Clone, Copy, Debug)]
pub struct PlaneMoment {
    pub centre_mm: [f64; 3],
    /// Turn about the patient's axis, in radians.
    pub angle: f64,
    pub slab: Slab,
    /// Centre and width.
    pub window: (f64, f64),
}

/// See the module's text.
pub struct PlaneRoam {
    window: HeadlessWindow,
    views: Vec<PlaneView>,
    shown: ShownVolume,
    adapter: String,
}

impl PlaneRoam {
    /// # Errors
    /// [`RenderError::NoAdapter`], [`RenderError::NoDevice`].
    pub fn open(size_px: [u32; 2], volume: Arc<Volume>) -> Result<Self, RenderError> {
        let window = HeadlessWindow::open(size_px, 1.0)?;
        let link = GpuLink::new(window.state());
        let adapter = link.adapter().to_owned();
        let views = (0..3).map(|_| PlaneView::new(Some(link.clone()))).collect();
        Ok(Self { window, views, shown: ShownVolume::new(volume), adapter })
    }

    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// The volume is still on its way to the card.
    pub fn is_busy(&self) -> bool {
        self.views.iter().any(PlaneView::is_busy)
    }

    /// Draws one frame, to its end on the card.
    pub fn frame(&mut self, m: &PlaneMoment) {
        let (sin, cos) = m.angle.sin_cos();
        let planes = [
            ([cos, sin, 0.0], [-sin, cos, 0.0]),
            ([cos, sin, 0.0], [0.0, 0.0, -1.0]),
            ([-sin, cos, 0.0], [0.0, 0.0, -1.0]),
        ];
        let (center, width) = m.window;
        #[allow(clippy::cast_possible_truncation, reason = "the shader computes in f32")]
        let (zero_at, per_step) = ((center - width / 2.0) as f32, (255.0 / (width - 1.0)) as f32);
        let (views, shown) = (&mut self.views, &self.shown);
        self.window.frame(|ui| {
            let whole = ui.max_rect();
            let places = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]];
            for ((view, (right, down)), [x, y]) in views.iter_mut().zip(planes).zip(places) {
                let min = whole.min + vec2(whole.width() * x, whole.height() * y);
                let input = PlaneInput {
                    layers: vec![PlaneLayer {
                        volume: shown,
                        ramp: ValueRamp::Straight(GreyRamp { zero_at, per_step, invert: false }),
                        colours: None,
                        opacity: 1.0,
                        black_is_clear: false,
                    }],
                    centre_mm: m.centre_mm,
                    right,
                    down,
                    slab: m.slab,
                    canvas: Color32::BLACK,
                };
                let rect = Rect::from_min_size(min, whole.size() / 2.0);
                ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| view.ui(ui, &input));
            }
        });
        self.window.wait();
    }

    /// What the last frame looks like.
    ///
    /// # Errors
    /// [`RenderError::Lost`].
    pub fn picture(&self) -> Result<Image, RenderError> {
        self.window.picture()
    }
}
