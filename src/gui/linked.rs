//! Cells that move together: by place in the patient where they share one, by points laid over each other where somebody
//! registered them, else by the same share of each image.

use std::collections::BTreeMap;

use super::stage::Stage;
use super::viewport::{Camera, Viewport};
use crate::domain::{ImageId, PointPx};
use crate::project::ImageMeta;

/// A turn, a scale and a shift: what two pairs of points decide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    a: f64,
    b: f64,
    x: f64,
    y: f64,
}

impl Similarity {
    /// Takes `from` to `to`; `None` when two of the points are one.
    pub fn of_pairs(from: [PointPx; 2], to: [PointPx; 2]) -> Option<Self> {
        let (u, v) = ([from[1][0] - from[0][0], from[1][1] - from[0][1]], [to[1][0] - to[0][0], to[1][1] - to[0][1]]);
        let square = u[0] * u[0] + u[1] * u[1];
        if square < 1.0 || v[0] * v[0] + v[1] * v[1] < 1.0 {
            return None;
        }
        let (a, b) = ((u[0] * v[0] + u[1] * v[1]) / square, (u[0] * v[1] - u[1] * v[0]) / square);
        let at = |p: PointPx| [a * p[0] - b * p[1], b * p[0] + a * p[1]];
        let moved = at(from[0]);
        Some(Self { a, b, x: to[0][0] - moved[0], y: to[0][1] - moved[1] })
    }

    pub fn apply(&self, p: PointPx) -> PointPx {
        [self.a * p[0] - self.b * p[1] + self.x, self.b * p[0] + self.a * p[1] + self.y]
    }

    /// Pixels there for a pixel here.
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    pub fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, x: -(a * self.x - b * self.y), y: -(b * self.x + a * self.y) }
    }
}

/// Points that are being laid over each other, and pairs of images that were.
#[derive(Clone, Debug, Default)]
pub struct Registrations {
    known: BTreeMap<(String, String), Similarity>,
    /// While points are being asked for: what was pointed at, in the order of the clicks.
    asked: Option<Vec<(ImageId, PointPx)>>,
}

/// What a click gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// How many of the four points are still missing.
    Wanted(usize),
    Registered,
    /// The points do not lie on two images, two on each, apart from each other.
    Useless,
}

impl Registrations {
    pub fn begin(&mut self) {
        self.asked = Some(Vec::new());
    }

    pub const fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    pub fn give_up(&mut self) {
        self.asked = None;
    }

    /// Takes a point: first on one image, then the same place on the other, and once more.
    pub fn point(&mut self, image: &ImageId, at: PointPx) -> Option<Pointed> {
        let asked = self.asked.as_mut()?;
        asked.push((image.clone(), at));
        let [a, b, c, d] = asked.as_slice() else { return Some(Pointed::Wanted(4 - asked.len().min(4))) };
        let pairs = a.0 == c.0 && b.0 == d.0 && a.0 != b.0;
        let found = pairs.then(|| Similarity::of_pairs([a.1, c.1], [b.1, d.1])).flatten();
        let key = (a.0.to_string(), b.0.to_string());
        self.asked = None;
        Some(match found {
            Some(map) => {
                self.known.insert((key.1.clone(), key.0.clone()), map.inverse());
                self.known.insert(key, map);
                Pointed::Registered
            }
            None => Pointed::Useless,
        })
    }

    fn get(&self, from: &ImageId, to: &ImageId) -> Option<&Similarity> {
        self.known.get(&(from.to_string(), to.to_string()))
    }
}

/// What a cell looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    pub camera: Camera,
    pub frame: u32,
}

impl Sight {
    pub fn of(viewport: &Viewport) -> Self {
        Self { camera: viewport.camera(), frame: viewport.frame() }
    }
}

/// What is known of two images beside their headers.
#[derive(Clone, Copy, Debug)]
pub enum How<'a> {
    /// They are one.
    Same,
    Registered(&'a Similarity),
    ByHeader,
}

/// Where another image must look to show the same as this one. `before` is what this one looked at before it moved.
pub fn carried(
    (meta, sight, before): (&ImageMeta, &Sight, &Sight),
    (other, theirs): (&ImageMeta, &Sight),
    how: How<'_>,
) -> Sight {
    let camera = sight.camera;
    if let How::Registered(map) = how {
        let centre_px = map.apply(camera.centre_px);
        return Sight {
            camera: Camera { centre_px, zoom: camera.zoom / map.scale(), ..theirs.camera },
            ..theirs.clone()
        };
    }
    let shared = matches!(how, How::Same)
        || !meta.identity.frame_of_reference.is_empty()
            && meta.identity.frame_of_reference == other.identity.frame_of_reference;
    let pose = meta.frames.get(sight.frame as usize).and_then(|f| f.pose);
    if let (true, Some(pose)) = (shared, pose) {
        let place = pose.patient_from_image(camera.centre_px[0], camera.centre_px[1]);
        let distance = |frame: &crate::project::tiles::FrameInfo| {
            frame.pose.map_or(f64::INFINITY, |p| {
                let n = p.normal();
                (0..3).map(|i| (place[i] - p.origin_mm[i]) * n[i]).sum::<f64>().abs()
            })
        };
        let nearest = (0_u32..).zip(&other.frames).min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        if let Some((frame, there)) = nearest.and_then(|(n, f)| Some((n, f.pose?))) {
            let (x, y) = there.image_from_patient(place);
            let zoom = camera.zoom * there.spacing_mm[0] / pose.spacing_mm[0];
            return Sight { camera: Camera { centre_px: [x, y], zoom, ..theirs.camera }, frame };
        }
    }
    let (here, there) = (meta.size_px(), other.size_px());
    let side = |n: u32| f64::from(n.max(1));
    let ratio = [side(there.width) / side(here.width), side(there.height) / side(here.height)];
    let centre_px = [camera.centre_px[0] * ratio[0], camera.centre_px[1] * ratio[1]];
    let by = i64::from(sight.frame) - i64::from(before.frame);
    let last = i64::try_from(other.frames.len()).unwrap_or(i64::MAX) - 1;
    let frame = u32::try_from((i64::from(theirs.frame) + by).clamp(0, last.max(0))).unwrap_or(0);
    Sight { camera: Camera { centre_px, zoom: camera.zoom / ratio[0], ..theirs.camera }, frame }
}

impl Stage {
    /// Lets the other cells follow the one that moved. Says the slice that the cell in the hand came to, where it followed.
    pub fn follow_links(&mut self) -> Option<u32> {
        let now: Vec<Option<(ImageId, Sight)>> = self
            .cells
            .iter()
            .chain(self.second.as_ref().map(|s| &s.cell))
            .map(|c| Some((c.image().filter(|_| c.plane.is_none())?.clone(), Sight::of(c.viewport()))))
            .collect();
        let before = std::mem::replace(&mut self.sights, now.clone());
        if !self.linked || before.len() != now.len() {
            return None;
        }
        // The cell that moved and still shows the image that it showed.
        let moved = now.iter().zip(&before).position(|(n, b)| match (n, b) {
            (Some((image, sight)), Some((was, old))) => image == was && sight != old,
            _ => false,
        })?;
        let ((image, sight), (_, old)) = (now.get(moved)?.as_ref()?, before.get(moved)?.as_ref()?);
        let source = self.cells.get(moved).or_else(|| self.second.as_ref().map(|s| &s.cell))?;
        let meta = source.viewport().meta()?.clone();
        let hand = self.hand();
        let mut came_to = None;
        let cells = self.cells.iter_mut().chain(self.second.as_mut().map(|s| &mut s.cell));
        for (n, cell) in cells.enumerate().filter(|(n, c)| *n != moved && c.plane.is_none()) {
            let Some((other, theirs)) = now.get(n).and_then(Option::as_ref) else { continue };
            let viewport = cell.viewport_mut();
            let Some(their_meta) = viewport.meta() else { continue };
            if their_meta.field != meta.field {
                continue;
            }
            let how = match self.registrations.get(image, other) {
                _ if image == other => How::Same,
                Some(map) => How::Registered(map),
                None => How::ByHeader,
            };
            let to = carried((&meta, sight, old), (their_meta, theirs), how);
            viewport.set_camera(to.camera);
            if to.frame != theirs.frame {
                viewport.set_frame(to.frame);
                came_to = came_to.or((n == hand).then_some(to.frame));
            }
            if let Some(place) = self.sights.get_mut(n) {
                *place = Some((other.clone(), Sight::of(viewport)));
            }
        }
        came_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Level, PlanePose, SizePx};
    use crate::project::tiles::FrameInfo;

    fn near(a: PointPx, b: PointPx) -> bool {
        (a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9
    }

    #[test]
    fn two_pairs_of_points_decide_turn_scale_and_shift() {
        let map = Similarity::of_pairs([[10.0, 10.0], [110.0, 10.0]], [[5.0, 5.0], [5.0, 55.0]]).unwrap();
        assert!(near(map.apply([10.0, 10.0]), [5.0, 5.0]) && near(map.apply([110.0, 10.0]), [5.0, 55.0]));
        assert!(near(map.apply([10.0, 110.0]), [-45.0, 5.0]), "a quarter turn clockwise at half the size");
        assert!((map.scale() - 0.5).abs() < 1e-12);
        assert!(near(map.inverse().apply(map.apply([37.0, -4.0])), [37.0, -4.0]));
        assert!(Similarity::of_pairs([[1.0, 1.0], [1.0, 1.2]], [[0.0, 0.0], [9.0, 9.0]]).is_none());
    }

    #[test]
    fn points_are_asked_for_in_turn_and_must_lie_on_two_images() {
        let (a, b) = (ImageId::new("I-1").unwrap(), ImageId::new("I-2").unwrap());
        let mut r = Registrations::default();
        assert_eq!(r.point(&a, [0.0, 0.0]), None);
        r.begin();
        assert_eq!(r.point(&a, [0.0, 0.0]), Some(Pointed::Wanted(3)));
        assert_eq!(r.point(&b, [9.0, 0.0]), Some(Pointed::Wanted(2)));
        assert_eq!(r.point(&a, [100.0, 0.0]), Some(Pointed::Wanted(1)));
        assert_eq!(r.point(&b, [109.0, 0.0]), Some(Pointed::Registered));
        assert!(near(r.get(&b, &a).unwrap().apply([59.0, 7.0]), [50.0, 7.0]));
        r.begin();
        for _ in 0..3 {
            let _ = r.point(&a, [1.0, 1.0]);
        }
        assert_eq!(r.point(&a, [2.0, 2.0]), Some(Pointed::Useless));
        assert!(!r.is_asking());
    }

    fn stack(side: u32, spacing: f64, zs: &[f64], reference: &str) -> ImageMeta {
        let pose = |z: f64| PlanePose {
            origin_mm: [-100.0, -100.0, z],
            row_dir: [1.0, 0.0, 0.0],
            col_dir: [0.0, 1.0, 0.0],
            spacing_mm: [spacing, spacing],
        };
        ImageMeta {
            levels: vec![Level { size_px: SizePx::new(side, side), tile_px: SizePx::new(side, side), downsample: 1.0 }],
            frames: zs.iter().map(|z| FrameInfo { pose: Some(pose(*z)), ..FrameInfo::default() }).collect(),
            identity: crate::project::tiles::Identity {
                frame_of_reference: reference.to_owned(),
                ..Default::default()
            },
            ..ImageMeta::default()
        }
    }

    #[test]
    fn the_same_place_of_the_patient_is_shown_whatever_the_spacing() {
        let (ct, pet) =
            (stack(400, 0.5, &[0.0, 1.0, 2.0, 3.0, 4.0], "1.2"), stack(50, 4.0, &[-3.0, 0.0, 3.0, 6.0], "1.2"));
        let look = |frame, centre_px, zoom| Sight { camera: Camera { centre_px, zoom, ..Camera::default() }, frame };
        let (now, before, theirs) = (look(3, [240.5, 160.5], 2.0), look(2, [0.0; 2], 1.0), look(0, [9.0; 2], 5.0));
        let to = carried((&ct, &now, &before), (&pet, &theirs), How::ByHeader);
        assert_eq!(to.frame, 2, "z = 3 mm is the PET's third slice");
        assert!(near(to.camera.centre_px, [30.5, 20.5]), "{:?}", to.camera.centre_px);
        assert!((to.camera.zoom - 16.0).abs() < 1e-9, "a millimetre is as long on both");
        // Another frame of reference: the same share of the image, the same number of slices on.
        let other = stack(50, 4.0, &[-3.0, 0.0, 3.0, 6.0], "9.9");
        let to = carried((&ct, &now, &before), (&other, &theirs), How::ByHeader);
        assert_eq!(to.frame, 1);
        assert!(near(to.camera.centre_px, [240.5 / 8.0, 160.5 / 8.0]));
    }
}
