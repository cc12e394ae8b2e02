//! How the view moves: where it will be in a moment, so that tiles are there before it is, and whether it has come to rest,
//! so that a slow adapter may then draw with more care.

use super::camera::Camera;

/// How far ahead tiles are asked for: a tile decodes in a few milliseconds, a disk may take a hundred.
const HORIZON_S: f64 = 0.3;
/// Memory of the hand: a jerk of one frame is no direction.
const MEMORY_S: f64 = 0.08;
/// No change for this long is rest.
const REST_S: f64 = 0.09;
/// A change of place larger than this many views in one frame is a jump, which says nothing about what follows.
const JUMP_VIEWS: f64 = 0.75;

/// See the module's text. Times are egui's seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Motion {
    last: Option<(Camera, f64)>,
    /// Level-0 pixels and natural logarithms of zoom per second.
    centre_per_s: [f64; 2],
    zoom_per_s: f64,
    changed_s: f64,
}

impl Motion {
    /// Notes where the camera is in this frame; `view_px` is the length of the view's longer side in level-0 pixels.
    pub fn note(&mut self, camera: Camera, view_px: f64, now_s: f64) {
        let Some((before, then_s)) = self.last.replace((camera, now_s)) else {
            self.changed_s = now_s;
            return;
        };
        if before != camera {
            self.changed_s = now_s;
        }
        let dt = now_s - then_s;
        if dt <= 0.0 {
            return;
        }
        let moved: [f64; 2] = std::array::from_fn(|i| camera.centre_px[i] - before.centre_px[i]);
        let zoomed = (camera.zoom / before.zoom).ln();
        if dt > 0.5 || moved[0].hypot(moved[1]) > view_px * JUMP_VIEWS || !zoomed.is_finite() {
            (self.centre_per_s, self.zoom_per_s) = ([0.0; 2], 0.0);
            return;
        }
        let share = 1.0 - (-dt / MEMORY_S).exp();
        for (speed, way) in self.centre_per_s.iter_mut().zip(moved) {
            *speed += (way / dt - *speed) * share;
        }
        self.zoom_per_s += (zoomed / dt - self.zoom_per_s) * share;
    }

    /// Where the camera will be if the hand goes on, at most a view away; `None` while it hardly moves.
    pub fn ahead(&self, view_px: f64) -> Option<Camera> {
        let (camera, _) = self.last?;
        let mut way = self.centre_per_s.map(|v| v * HORIZON_S);
        let length = way[0].hypot(way[1]);
        let zoom = (self.zoom_per_s * HORIZON_S).clamp(-1.5, 1.5);
        if length < view_px * 0.02 && zoom.abs() < 0.05 {
            return None;
        }
        if length > view_px {
            way = way.map(|v| v * view_px / length);
        }
        let centre_px = [camera.centre_px[0] + way[0], camera.centre_px[1] + way[1]];
        Some(Camera { centre_px, zoom: camera.zoom * zoom.exp(), ..camera })
    }

    /// Whether the view has stood still for a moment.
    pub fn at_rest(&self, now_s: f64) -> bool {
        now_s - self.changed_s >= REST_S
    }

    /// After this long without a change, [`Motion::at_rest`] will say yes.
    pub const fn rest_after() -> std::time::Duration {
        std::time::Duration::from_millis(95)
    }
}

#[cfg(test)]
mod tests {
    use super::Motion;
    use crate::gui::viewport::Camera;

    #[test]
    fn a_steady_pan_is_foreseen_and_a_jump_is_not() {
        let mut motion = Motion::default();
        let at = |x: f64| Camera { centre_px: [x, 500.0], ..Camera::default() };
        for frame in 0..40 {
            motion.note(at(f64::from(frame) * 10.0), 1000.0, f64::from(frame) * 0.016);
        }
        // 625 px/s for 0.3 s.
        let ahead = motion.ahead(1000.0).unwrap();
        assert!((ahead.centre_px[0] - (390.0 + 187.5)).abs() < 5.0, "{ahead:?}");
        assert!(!motion.at_rest(39.0 * 0.016 + 0.05));
        motion.note(at(50_000.0), 1000.0, 0.64);
        assert!(motion.ahead(1000.0).is_none(), "nothing follows from a jump");
        motion.note(at(50_000.0), 1000.0, 0.8);
        assert!(motion.at_rest(0.8));
    }

    #[test]
    fn zooming_in_foresees_a_closer_view_and_no_more_than_a_view_away() {
        let mut motion = Motion::default();
        for frame in 0..40 {
            let zoom = 0.01 * 1.05_f64.powi(frame);
            motion.note(Camera { zoom, ..Camera::default() }, 1000.0, f64::from(frame) * 0.016);
        }
        let ahead = motion.ahead(1000.0).unwrap();
        assert!(ahead.zoom > 0.01 * 1.05_f64.powi(39) * 2.0, "{ahead:?}");
        let mut fast = Motion::default();
        for frame in 0..40 {
            let centre_px = [f64::from(frame) * 700.0, 0.0];
            fast.note(Camera { centre_px, ..Camera::default() }, 1000.0, f64::from(frame) * 0.016);
        }
        let ahead = fast.ahead(1000.0).unwrap();
        assert!((ahead.centre_px[0] - 39.0 * 700.0) <= 1000.1, "{ahead:?}");
    }
}
