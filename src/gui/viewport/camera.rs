//! Where the view looks: centre and zoom in `f64`, so that a slide of 200,000 px stays steady at ×40.

use egui::{Pos2, Rect};

use crate::render::Affine;

/// Points per image pixel beyond which nobody needs to go: a pixel as large as a button.
const CLOSEST: f64 = 64.0;
/// An image can't be made smaller than this many points along its longer side.
const SMALLEST_PT: f64 = 48.0;
/// Part of the view that a fitted image fills.
const FIT: f64 = 0.97;

/// A look at an image. Distances on the screen are in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Level-0 pixel edges in the middle of the view.
    pub centre_px: [f64; 2],
    /// Points per level-0 pixel along x.
    pub zoom: f64,
    /// Height of a pixel divided by its width in the body; 1 for square pixels.
    pub aspect: f64,
    /// Clockwise turn of the image on the screen, in degrees from 0 to below 360.
    pub turn_deg: f64,
    /// Left and right swapped, before turning.
    pub mirrored: bool,
}

impl Default for Camera {
    fn default() -> Self {
        Self { centre_px: [0.0, 0.0], zoom: 1.0, aspect: 1.0, turn_deg: 0.0, mirrored: false }
    }
}

/// Sine and cosine of an angle in degrees, exact at quarter turns: there the image must meet the pixel grid.
fn sin_cos(deg: f64) -> (f64, f64) {
    let quarters = deg / 90.0;
    if (quarters - quarters.round()).abs() > 1e-12 {
        return deg.to_radians().sin_cos();
    }
    let quarter = quarters.round().rem_euclid(4.0);
    if quarter < 0.5 {
        (0.0, 1.0)
    } else if quarter < 1.5 {
        (1.0, 0.0)
    } else if quarter < 2.5 {
        (0.0, -1.0)
    } else {
        (-1.0, 0.0)
    }
}

impl Camera {
    /// Turns the image clockwise on the screen by this many degrees, about the middle of the view.
    pub fn turn_by(&mut self, degrees: f64) {
        if degrees.is_finite() {
            let turned = (self.turn_deg + degrees).rem_euclid(360.0);
            // Thirty-six steps of ten degrees are a whole turn again, not a hair beside it.
            let whole = turned.round();
            self.turn_deg = (if (turned - whole).abs() < 1e-9 { whole } else { turned }).rem_euclid(360.0);
        }
    }

    /// Swaps left and right as seen on the screen, however the image is turned.
    pub fn mirror_across(&mut self) {
        self.mirrored = !self.mirrored;
        self.turn_deg = (-self.turn_deg).rem_euclid(360.0);
    }

    /// Swaps up and down as seen on the screen.
    pub fn mirror_down(&mut self) {
        self.mirrored = !self.mirrored;
        self.turn_deg = (180.0 - self.turn_deg).rem_euclid(360.0);
    }

    /// The directions in the image, pixels taken as square, that lie to the right and down on the screen.
    pub fn screen_axes(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = sin_cos(self.turn_deg);
        let mirror = if self.mirrored { -1.0 } else { 1.0 };
        [[mirror * cos, -sin], [mirror * sin, cos]]
    }

    /// Neither turned nor mirrored.
    pub fn is_upright(&self) -> bool {
        self.turn_deg == 0.0 && !self.mirrored
    }

    /// Turned by whole quarters, so that pixels of image and screen can meet.
    pub fn is_square(&self) -> bool {
        self.turn_deg % 90.0 == 0.0
    }

    /// Level-0 pixel edges to points of the window. At one image pixel per physical pixel the image is laid exactly on the
    /// pixel grid, so that it is shown as stored.
    pub fn screen_from_image(&self, rect: Rect, pixels_per_point: f32) -> Affine {
        let mirror = if self.mirrored { -1.0 } else { 1.0 };
        let (sin, cos) = sin_cos(self.turn_deg);
        let (x, y) = (self.zoom * mirror, self.zoom * self.aspect);
        let mut map = Affine { a: cos * x, b: -sin * y, c: 0.0, d: sin * x, e: cos * y, f: 0.0 };
        let centre = map.apply(self.centre_px);
        let middle = rect.center();
        (map.c, map.f) = (f64::from(middle.x) - centre[0], f64::from(middle.y) - centre[1]);
        let density = f64::from(pixels_per_point);
        if self.is_square() && (self.zoom * density - 1.0).abs() < 1e-9 && (self.aspect - 1.0).abs() < 1e-9 {
            (map.c, map.f) = ((map.c * density).round() / density, (map.f * density).round() / density);
        }
        map
    }

    /// Moves the image by a distance on the screen.
    pub fn pan(&mut self, points: egui::Vec2) {
        let linear = self.screen_from_image(Rect::ZERO, 0.0);
        let Some(back) = linear.inverse() else { return };
        let [dx, dy] = back.apply_vector([f64::from(points.x), f64::from(points.y)]);
        self.centre_px = [self.centre_px[0] - dx, self.centre_px[1] - dy];
    }

    /// Zooms by `factor`; the image point under `at` stays there.
    pub fn zoom_at(&mut self, rect: Rect, at: Pos2, factor: f64, size_px: [f64; 2]) {
        if !factor.is_finite() || factor <= 0.0 {
            return;
        }
        let Some(before) = self.screen_from_image(rect, 0.0).inverse() else { return };
        let fixed = before.apply([f64::from(at.x), f64::from(at.y)]);
        self.zoom = (self.zoom * factor).clamp(self.widest(size_px), CLOSEST);
        let Some(after) = self.screen_from_image(rect, 0.0).inverse() else { return };
        let moved = after.apply([f64::from(at.x), f64::from(at.y)]);
        for axis in 0..2 {
            self.centre_px[axis] += fixed[axis] - moved[axis];
        }
    }

    fn widest(&self, size_px: [f64; 2]) -> f64 {
        let longer = size_px[0].max(size_px[1] * self.aspect).max(1.0);
        (SMALLEST_PT / longer).min(1.0)
    }

    /// Shows a box of the image whole; `margin` is the part of the view it fills.
    pub fn show_box(&mut self, rect: Rect, bounds: [f64; 4], size_px: [f64; 2], margin: f64) {
        let (across, down) = (bounds[2] - bounds[0], (bounds[3] - bounds[1]) * self.aspect);
        let (sin, cos) = sin_cos(self.turn_deg);
        let (w, h) = (across * cos.abs() + down * sin.abs(), across * sin.abs() + down * cos.abs());
        let zoom = (f64::from(rect.width()) / w.max(1e-6)).min(f64::from(rect.height()) / h.max(1e-6)) * margin;
        self.zoom = zoom.clamp(self.widest(size_px), CLOSEST);
        self.centre_px = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
    }

    /// Shows the whole image.
    pub fn fit(&mut self, rect: Rect, size_px: [f64; 2]) {
        self.show_box(rect, [0.0, 0.0, size_px[0], size_px[1]], size_px, FIT);
    }

    /// The middle of the view never leaves the image, so that nobody gets lost.
    pub fn keep_inside(&mut self, size_px: [f64; 2]) {
        for (centre, size) in self.centre_px.iter_mut().zip(size_px) {
            *centre = centre.clamp(0.0, size.max(0.0));
        }
    }

    /// A camera between two, `t` from 0 to 1; zoom moves by ratio, and the place with it, so that the way looks straight.
    pub fn between(from: &Self, to: &Self, t: f64) -> Self {
        let zoom = from.zoom * (to.zoom / from.zoom).powf(t);
        // With growing zoom the centre must move by the share of *screen* distance, not of image distance.
        let share = if (to.zoom / from.zoom - 1.0).abs() < 1e-6 {
            t
        } else {
            (1.0 / from.zoom - 1.0 / zoom) / (1.0 / from.zoom - 1.0 / to.zoom)
        };
        let centre_px = std::array::from_fn(|i| from.centre_px[i] + (to.centre_px[i] - from.centre_px[i]) * share);
        Self { centre_px, zoom, ..*to }
    }
}

#[cfg(test)]
mod tests {
    use super::Camera;
    use crate::render::Affine;
    use egui::{Rect, pos2, vec2};

    fn rect() -> Rect {
        Rect::from_min_size(pos2(220.0, 36.0), vec2(840.0, 700.0))
    }

    fn close(a: [f64; 2], b: [f64; 2], tolerance: f64) -> bool {
        (a[0] - b[0]).abs() < tolerance && (a[1] - b[1]).abs() < tolerance
    }

    #[test]
    fn zooming_keeps_what_lies_under_the_cursor() {
        for turn_deg in [0.0, 33.3, 90.0, 180.0, 217.0, 270.0] {
            for mirrored in [false, true] {
                let centre_px = [180_000.5, 150_000.25];
                let mut camera = Camera { centre_px, zoom: 0.004, turn_deg, mirrored, ..Camera::default() };
                let at = pos2(300.0, 600.0);
                let under = |c: &Camera| c.screen_from_image(rect(), 1.0).inverse().unwrap().apply([300.0, 600.0]);
                let before = under(&camera);
                for _ in 0..80 {
                    camera.zoom_at(rect(), at, 1.1, [200_000.0, 200_000.0]);
                }
                for _ in 0..30 {
                    camera.zoom_at(rect(), at, 0.9, [200_000.0, 200_000.0]);
                }
                assert!(close(before, under(&camera), 1e-6), "{before:?} {:?}", under(&camera));
            }
        }
    }

    #[test]
    fn a_pan_moves_the_image_with_the_hand_whichever_way_it_is_turned() {
        for turn_deg in [0.0, 12.5, 90.0, 180.0, 270.0, 301.0] {
            let mut camera =
                Camera { centre_px: [500.0, 400.0], zoom: 2.5, turn_deg, mirrored: true, ..Camera::default() };
            let map = |c: &Camera| c.screen_from_image(rect(), 1.0);
            let before = map(&camera).apply([510.0, 390.0]);
            camera.pan(vec2(13.0, -7.0));
            assert!(close(map(&camera).apply([510.0, 390.0]), [before[0] + 13.0, before[1] - 7.0], 1e-9));
        }
    }

    #[test]
    fn fit_shows_the_whole_image_and_one_to_one_meets_the_pixel_grid() {
        let size = [100_000.0, 60_000.0];
        for turn_deg in [90.0, 45.0, 190.0] {
            let mut camera = Camera { turn_deg, ..Camera::default() };
            camera.fit(rect(), size);
            let shown = camera.screen_from_image(rect(), 1.0).apply_box([0.0, 0.0, size[0], size[1]]);
            let fits = shown[0] >= 220.0 && shown[1] >= 36.0 && shown[2] <= 1060.0 && shown[3] <= 736.0;
            let fills = shown[2] - shown[0] > 814.0 || shown[3] - shown[1] > 678.0;
            assert!(fits && fills, "{turn_deg}: {shown:?}");
        }
        let exact = Camera { centre_px: [333.3, 777.7], zoom: 0.5, ..Camera::default() };
        let Affine { c, f, .. } = exact.screen_from_image(rect(), 2.0);
        assert!((c * 2.0).fract().abs() < 1e-9 && (f * 2.0).fract().abs() < 1e-9);
    }

    #[test]
    fn mirrors_act_on_the_screen_and_turns_come_back_exactly() {
        let middle = [500.0, 400.0];
        let mut camera = Camera { centre_px: middle, turn_deg: 37.0, ..Camera::default() };
        let seen = |c: &Camera, p: [f64; 2]| c.screen_from_image(Rect::ZERO, 0.0).apply(p);
        let before = seen(&camera, [510.0, 390.0]);
        camera.mirror_across();
        assert!(close(seen(&camera, [510.0, 390.0]), [-before[0], before[1]], 1e-9));
        camera.mirror_across();
        camera.mirror_down();
        assert!(close(seen(&camera, [510.0, 390.0]), [before[0], -before[1]], 1e-9));
        camera.mirror_down();
        assert!(!camera.mirrored && (camera.turn_deg - 37.0).abs() < 1e-9);
        // Clockwise: what lay to the right comes to lie below.
        let mut camera = Camera { centre_px: middle, ..Camera::default() };
        camera.turn_by(90.0);
        assert!(close(seen(&camera, [510.0, 400.0]), [0.0, 10.0], 1e-12));
        for _ in 0..27 {
            camera.turn_by(10.0);
        }
        assert!(camera.is_upright(), "{}", camera.turn_deg);
    }

    /// On a slide of 200,000 px at 40 points a pixel, a pan of a tenth of a point moves the picture by just that.
    #[test]
    fn the_view_does_not_tremble_at_the_far_corner_of_a_large_slide() {
        for turn_deg in [0.0, 33.0] {
            let centre_px = [199_990.123_456, 199_980.654_321];
            let mut camera = Camera { centre_px, zoom: 40.0, turn_deg, ..Camera::default() };
            let corner = [199_991.0, 199_981.0];
            let mut last = camera.screen_from_image(rect(), 1.5).apply(corner);
            for _ in 0..1000 {
                camera.pan(vec2(-0.1, 0.0625));
                let now = camera.screen_from_image(rect(), 1.5).apply(corner);
                assert!(close(now, [last[0] - f64::from(0.1_f32), last[1] + 0.0625], 1e-7), "{last:?} {now:?}");
                last = now;
            }
        }
    }

    #[test]
    fn a_glide_starts_and_ends_where_it_says() {
        let from = Camera { centre_px: [0.0, 0.0], zoom: 0.01, ..Camera::default() };
        let to = Camera { centre_px: [5000.0, 7000.0], zoom: 4.0, ..Camera::default() };
        assert!(close(Camera::between(&from, &to, 0.0).centre_px, from.centre_px, 1e-9));
        assert!(close(Camera::between(&from, &to, 1.0).centre_px, to.centre_px, 1e-6));
        assert!((Camera::between(&from, &to, 0.5).zoom - 0.2).abs() < 1e-12);
    }
}
