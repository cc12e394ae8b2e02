//! What the pixels inside an outline measure: mean, spread, ends, area.

use super::Viewport;
use crate::{
    domain::{Shape, TileKey},
    gui::readings::OtherScale,
};

/// Pixels looked at, at most; a larger outline is measured on a regular grid of so many.
const MOST_PIXELS: f64 = 2_000_000.0;

/// Values inside an outline, in rescaled units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoiStatistics {
    pub mean: f64,
    /// Of the values, not of a sample: divided by their number.
    pub deviation: f64,
    pub lowest: f64,
    pub highest: f64,
    /// Pixels whose centre lies inside.
    pub pixels: u64,
    /// In mm², of the outline itself; `None` without a calibration.
    pub area_mm2: Option<f64>,
}

impl RoiStatistics {
    /// The same in another unit; `None` where that does not hold for every value.
    pub fn scaled(&self, scale: &OtherScale) -> Option<Self> {
        let (a, b) = (scale.of(self.lowest)?, scale.of(self.highest)?);
        Some(Self {
            mean: self.mean * scale.factor + scale.offset,
            deviation: self.deviation * scale.factor.abs(),
            lowest: a.min(b),
            highest: a.max(b),
            ..*self
        })
    }
}

/// Sums that become [`RoiStatistics`], by Welford's method.
#[derive(Default)]
struct Sums {
    count: f64,
    mean: f64,
    squares: f64,
    ends: Option<(f64, f64)>,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
        self.ends = Some(self.ends.map_or((value, value), |(l, h)| (l.min(value), h.max(value))));
    }
}

impl Viewport {
    /// The grey values inside a closed outline on the slice in view; `None` for colour, for points and lines, and while
    /// pixels under it are not loaded.
    pub fn measure(&self, shape: &Shape) -> Option<RoiStatistics> {
        let Shape::Polygons(_) = shape else { return None };
        let meta = self.meta().filter(|m| m.channels == 1)?;
        let frame = meta.frames.get(self.frame() as usize)?;
        let [x0, y0, x1, y1] = shape.bounds()?;
        let size = meta.size_px();
        let (x0, y0) = (x0.floor().max(0.0), y0.floor().max(0.0));
        let (x1, y1) = (x1.ceil().min(f64::from(size.width)), y1.ceil().min(f64::from(size.height)));
        if x1 <= x0 || y1 <= y0 {
            return None;
        }
        let step = ((x1 - x0) * (y1 - y0) / MOST_PIXELS).sqrt().ceil().max(1.0);
        let level = meta.levels.first()?;
        let mut sums = Sums::default();
        let mut y = y0;
        while y < y1 {
            let mut x = x0;
            while x < x1 {
                if shape.contains([x + 0.5, y + 0.5]) {
                    let at = texel([x, y]);
                    let key = TileKey {
                        frame: self.frame(),
                        level: 0,
                        col: at[0] / level.tile_px.width,
                        row: at[1] / level.tile_px.height,
                    };
                    let tile = self.tiles.peek(&key)?;
                    let raw = tile.grey_at(at[0] % level.tile_px.width, at[1] % level.tile_px.height)?;
                    let stored = tile.stored_of(raw);
                    if !frame.is_padding(stored) {
                        sums.add(frame.value(stored));
                    }
                }
                x += step;
            }
            y += step;
        }
        let (lowest, highest) = sums.ends?;
        let mm2 = meta.spacing.map(|s| s.x_um * s.y_um / 1e6);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of pixels")]
        let pixels = sums.count as u64;
        Some(RoiStatistics {
            mean: sums.mean,
            deviation: (sums.squares / sums.count).sqrt(),
            lowest,
            highest,
            pixels,
            area_mm2: mm2.map(|mm2| shape.area_px2() * mm2),
        })
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the image")]
fn texel(p: [f64; 2]) -> [u32; 2] {
    p.map(|v| v as u32)
}

#[cfg(test)]
mod tests {
    use super::{RoiStatistics, Sums};
    use crate::gui::readings::OtherScale;

    #[test]
    fn another_unit_scales_mean_and_spread_and_turns_the_ends_where_it_falls() {
        let m =
            RoiStatistics { mean: 10.0, deviation: 2.0, lowest: 4.0, highest: 20.0, pixels: 9, area_mm2: Some(3.0) };
        let scale = OtherScale { unit: "x".to_owned(), factor: -0.5, offset: 1.0, range: (0.0, 100.0) };
        let want = RoiStatistics { mean: -4.0, deviation: 1.0, lowest: -9.0, highest: -1.0, ..m };
        assert_eq!(m.scaled(&scale), Some(want));
        assert_eq!(m.scaled(&OtherScale { range: (5.0, 100.0), ..scale }), None);
    }

    #[test]
    fn mean_and_spread_are_those_of_the_textbook() {
        let mut sums = Sums::default();
        for v in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            sums.add(v);
        }
        assert!((sums.mean - 5.0).abs() < 1e-12);
        assert!(((sums.squares / sums.count).sqrt() - 2.0).abs() < 1e-12);
        assert_eq!(sums.ends, Some((2.0, 9.0)));
    }
}
