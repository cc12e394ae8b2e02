//! What to draw, as plain values: nothing here knows a graphics card.

use std::sync::Arc;

use super::{ColourLook, GreyRamp, ShapeSet, TileImage};

/// A plane affine map in `f64`: `x' = a x + b y + c`, `y' = d x + e y + f`.
///
/// Cameras stay in `f64` up to the last step: on a slide 200,000 px wide an `f32` position is already 1/64 px off, which
/// shows as trembling at ×40.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    pub a: f64,
    pub b: f64,
    pub c: f64,
    pub d: f64,
    pub e: f64,
    pub f: f64,
}

impl Affine {
    pub const IDENTITY: Self = Self { a: 1.0, b: 0.0, c: 0.0, d: 0.0, e: 1.0, f: 0.0 };

    /// Scale by `zoom` about the origin, then move by `offset`.
    pub fn scale_then_move(zoom: f64, offset: [f64; 2]) -> Self {
        Self { a: zoom, b: 0.0, c: offset[0], d: 0.0, e: zoom, f: offset[1] }
    }

    pub fn apply(&self, p: [f64; 2]) -> [f64; 2] {
        [self.a * p[0] + self.b * p[1] + self.c, self.d * p[0] + self.e * p[1] + self.f]
    }

    /// The map applied to a direction: no translation.
    pub fn apply_vector(&self, v: [f64; 2]) -> [f64; 2] {
        [self.a * v[0] + self.b * v[1], self.d * v[0] + self.e * v[1]]
    }

    /// `None` when the map flattens the plane.
    pub fn inverse(&self) -> Option<Self> {
        let det = self.a * self.e - self.b * self.d;
        if !det.is_finite() || det == 0.0 {
            return None;
        }
        let (a, b, d, e) = (self.e / det, -self.b / det, -self.d / det, self.a / det);
        Some(Self { a, b, c: -(a * self.c + b * self.f), d, e, f: -(d * self.c + e * self.f) })
    }

    /// Screen pixels per image pixel, averaged over directions.
    pub fn scale(&self) -> f64 {
        (self.a * self.e - self.b * self.d).abs().sqrt()
    }

    /// The axis-aligned box `[x0, y0, x1, y1]` around the image of a box.
    pub fn apply_box(&self, r: [f64; 4]) -> [f64; 4] {
        let corners = [[r[0], r[1]], [r[2], r[1]], [r[0], r[3]], [r[2], r[3]]].map(|p| self.apply(p));
        corners.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |m, p| {
            [m[0].min(p[0]), m[1].min(p[1]), m[2].max(p[0]), m[3].max(p[1])]
        })
    }
}

/// Which tile of which opened image. `image` is any number that the caller gives one opened image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    pub image: u64,
    pub frame: u32,
    pub level: u16,
    pub col: u32,
    pub row: u32,
}

/// How texels become screen pixels when they are magnified. Minification is always smooth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Filter {
    Nearest,
    #[default]
    Linear,
    /// Catmull-Rom, sixteen texels a pixel: sharp, and dear on the processor.
    Cubic,
}

/// One tile to draw.
#[derive(Clone, Debug)]
pub struct TileDraw {
    pub id: TileId,
    pub image: Arc<TileImage>,
    /// Top-left texel of this tile in its level.
    pub origin_texel: [u32; 2],
    /// Level-0 pixels per texel of the level, along x and y; the same numbers for every tile of a level, so that
    /// neighbours share their edges to the last bit.
    pub scale: [f64; 2],
    /// How grey samples become brightness; ignored for colour.
    pub grey: GreyRamp,
}

/// A picture of one view. Lengths in screen pixels are physical pixels.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Size of the view in physical pixels.
    pub size_px: [u32; 2],
    /// Physical pixels per point: outlines are given in points.
    pub pixels_per_point: f32,
    /// Level-0 pixel edges to physical pixels of the view, origin at its top-left corner.
    pub screen_from_image: Affine,
    /// sRGB colour where there is no image.
    pub background: [u8; 3],
    /// In painting order: coarser stand-ins first.
    pub tiles: Vec<TileDraw>,
    /// Tiles worth having on the graphics card soon; uploaded after those in `tiles` when the frame's budget allows.
    pub prefetch: Vec<TileDraw>,
    /// Laid over the tiles as they are, in painting order: neither inverted nor corrected.
    pub covers: Vec<TileDraw>,
    pub filter: Filter,
    /// One sample a pixel even where the image is made smaller: what a view that moves can bear and the processor can draw.
    pub rough: bool,
    /// The 256 levels of grey have these colours instead.
    pub palette: Option<Arc<[[u8; 3]; 256]>>,
    /// Invert colour images too (grey ones carry it in [`GreyRamp`]).
    pub invert_colour: bool,
    /// How colour is shown; grey has its ramp.
    pub look: ColourLook,
    pub shapes: Arc<ShapeSet>,
    /// 0 hides the outlines, 1 shows them fully.
    pub shape_opacity: f32,
    /// Opacity of the filling inside outlines; 0.12 in the house style.
    pub fill_opacity: f32,
}

impl Scene {
    /// An empty view.
    pub fn empty(size_px: [u32; 2]) -> Self {
        Self {
            size_px,
            pixels_per_point: 1.0,
            screen_from_image: Affine::IDENTITY,
            background: [0x12, 0x14, 0x17],
            tiles: Vec::new(),
            prefetch: Vec::new(),
            covers: Vec::new(),
            filter: Filter::default(),
            rough: false,
            palette: None,
            invert_colour: false,
            look: ColourLook::default(),
            shapes: Arc::default(),
            shape_opacity: 1.0,
            fill_opacity: 0.12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Affine;

    #[test]
    fn inverse_undoes_a_turned_mirrored_map() {
        let m = Affine { a: 0.0, b: -2.5, c: 100_000.25, d: 1.5, e: 0.0, f: -7.0 };
        let back = m.inverse().unwrap();
        let p = back.apply(m.apply([123_456.75, 199_999.5]));
        assert!((p[0] - 123_456.75).abs() < 1e-9 && (p[1] - 199_999.5).abs() < 1e-9, "{p:?}");
    }
}
