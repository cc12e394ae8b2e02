//! The value between pixels, for lines that are measured along.

use super::Viewport;
use crate::domain::{PointPx, SizePx, TileKey};

/// Read linearly between the centres of the four nearest pixels; up to the edge of the image the outer centres hold. `None`
/// outside, and where one of the four has no value.
fn between(size: SizePx, p: PointPx, at: impl Fn([u32; 2]) -> Option<f64>) -> Option<f64> {
    let along = |v: f64, side: u32| {
        let last = f64::from(side.checked_sub(1)?);
        let inside = v.is_finite() && (0.0..=f64::from(side)).contains(&v);
        let v = (v - 0.5).clamp(0.0, last);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the image")]
        let low = v.floor() as u32;
        inside.then(|| (low, (low + 1).min(side - 1), v - f64::from(low)))
    };
    let ((x0, x1, fx), (y0, y1, fy)) = (along(p[0], size.width)?, along(p[1], size.height)?);
    let upper = at([x0, y0])? * (1.0 - fx) + at([x1, y0])? * fx;
    let lower = at([x0, y1])? * (1.0 - fx) + at([x1, y1])? * fx;
    Some(upper * (1.0 - fy) + lower * fy)
}

impl Viewport {
    /// The rescaled value at level-0 pixel edges on the slice in view. A lookup table is gone through before values meet: what
    /// lies between two entries is no entry. `None` for colour, for padding, and while the pixels are not loaded.
    pub fn value_between(&self, p_px: PointPx) -> Option<f64> {
        let meta = self.meta().filter(|m| m.channels == 1)?;
        let frame = meta.frames.get(self.frame() as usize)?;
        let level = meta.levels.first()?;
        between(meta.size_px(), p_px, |[x, y]| {
            let (col, row) = (x / level.tile_px.width, y / level.tile_px.height);
            let tile = self.tiles.peek(&TileKey { frame: self.frame(), level: 0, col, row })?;
            let stored = tile.stored_of(tile.grey_at(x % level.tile_px.width, y % level.tile_px.height)?);
            (!frame.is_padding(stored)).then(|| frame.value(stored))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::between;
    use crate::domain::SizePx;

    #[test]
    fn a_slope_is_read_exactly_and_the_rim_holds_its_outer_values() {
        let size = SizePx::new(8, 5);
        // At a pixel's centre (x + 0.5, y + 0.5) the phantom is 3 x − 7 y + 20.
        let phantom = |[x, y]: [u32; 2]| Some(3.0 * f64::from(x) - 7.0 * f64::from(y) + 20.0);
        for (x, y) in [(0.5, 0.5), (1.0, 1.0), (3.25, 2.75), (7.5, 4.5), (4.0, 0.6)] {
            let value = between(size, [x, y], phantom).unwrap();
            let want = 3.0 * (x - 0.5) - 7.0 * (y - 0.5) + 20.0;
            assert!((value - want).abs() < 1e-12, "{x} {y}: {value} instead of {want}");
        }
        assert_eq!(between(size, [0.0, 0.0], phantom), Some(20.0));
        assert_eq!(between(size, [8.0, 5.0], phantom), Some(21.0 - 28.0 + 20.0));
        assert_eq!(between(size, [8.01, 1.0], phantom), None);
        let holed = |[x, y]: [u32; 2]| phantom([x, y]).filter(|_| x != 3);
        assert!(between(size, [3.2, 1.0], holed).is_none() && between(size, [5.2, 1.0], holed).is_some());
    }
}
