//! The whole image in a small place, drawn from its coarsest level by the same renderer, for the navigator.

use egui::{Pos2, Rect, Vec2};

use super::{SeenMap, Viewport, callback::SceneCallback, compose, demand, physical_size};
use crate::{
    domain::{Field, TileKey},
    render::{Affine, Filter, Scene},
};

/// Views of overviews are told from those of viewports by this bit.
const OVERVIEW: u64 = 1 << 63;

impl Viewport {
    /// Whether a map of the image helps: a slide with a level small enough to be kept whole.
    pub fn has_overview(&self) -> bool {
        let Some(meta) = self.meta() else { return false };
        meta.field == Field::Pathology && meta.levels.len() > 1 && !self.overview_keys().is_empty()
    }

    /// The overview's size for a place of at most `most`, in points.
    pub fn overview_size(&self, most: Vec2) -> Vec2 {
        let Some(shown) = &self.shown else { return Vec2::ZERO };
        let [w, h] = shown.size_px();
        let h = h * self.camera.aspect;
        let scale = (f64::from(most.x) / w.max(1.0)).min(f64::from(most.y) / h.max(1.0));
        #[allow(clippy::cast_possible_truncation, reason = "a few hundred points")]
        let size = Vec2::new((w * scale) as f32, (h * scale) as f32);
        size.max(Vec2::splat(8.0))
    }

    /// Paints the image into `rect`, as it is shown beside it, but upright.
    pub fn paint_overview(&mut self, painter: &egui::Painter, rect: Rect) {
        let keys = self.overview_keys();
        let (Some(gpu), Some(shown)) = (self.gpu.clone(), &self.shown) else { return };
        let meta = shown.handle.source().meta();
        let none = std::collections::HashSet::new();
        let source = compose::Source {
            image: shown.handle.id(),
            meta,
            display: &shown.display,
            follows: shown.follows,
            on_card: &none,
        };
        let [w, h] = shown.size_px();
        let size_px = physical_size(rect, self.pixels_per_point);
        let invert_colour = shown.display.invert && shown.meta().channels > 1;
        let tiles = keys.iter().filter_map(|key| {
            let image = self.tiles.take(key)?;
            Some(compose::draw(&source, *key, image))
        });
        let scene = Scene {
            pixels_per_point: self.pixels_per_point,
            screen_from_image: Affine {
                a: f64::from(size_px[0]) / w.max(1.0),
                e: f64::from(size_px[1]) / h.max(1.0),
                ..Affine::IDENTITY
            },
            tiles: tiles.collect(),
            filter: Filter::Linear,
            invert_colour,
            look: self.colours.look(),
            palette: self.palette.colours(),
            ..Scene::empty(size_px)
        };
        let callback = SceneCallback {
            scene,
            view: self.view | OVERVIEW,
            closed: Vec::new(),
            epoch: self.epoch,
            gpu,
            feedback: std::sync::Arc::default(),
        };
        painter.add(callback.into_paint(rect));
    }

    /// The corners of what is seen, in `rect`, where the overview is.
    pub fn view_in_overview(&self, rect: Rect) -> [Pos2; 4] {
        let Some(shown) = &self.shown else { return [rect.min; 4] };
        let [w, h] = shown.size_px();
        #[allow(clippy::cast_possible_truncation, reason = "a place on the screen")]
        self.seen_by(&self.camera)
            .0
            .0
            .map(|p| rect.min + Vec2::new((p[0] / w) as f32 * rect.width(), (p[1] / h) as f32 * rect.height()))
    }

    /// Brings the place under a point of the overview to the middle of the view.
    pub fn go_to_overview(&mut self, rect: Rect, at: Pos2) {
        let Some(size) = self.shown.as_ref().map(super::Shown::size_px) else { return };
        let share = (at - rect.min) / rect.size();
        self.glide = None;
        self.camera.centre_px = [f64::from(share.x) * size[0], f64::from(share.y) * size[1]];
        self.camera.keep_inside(size);
    }

    /// What was looked at so far, and how closely.
    pub fn seen_map(&self) -> Option<&SeenMap> {
        self.seen.current()
    }

    /// Tiles of the coarsest level, where it is one that is kept whole.
    fn overview_keys(&self) -> Vec<TileKey> {
        let Some(shown) = &self.shown else { return Vec::new() };
        demand::coarsest_whole(&shown.meta().levels, shown.frame)
    }
}
