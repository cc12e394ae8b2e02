//! The profile line: a measuring aid that leaves no finding. Two clicks on a slice or a plane, and the values along the line
//! are plotted beside the image; a finding that is a line has its profile too.

use super::mpr::PlaneKind;
use super::stage::Stage;
use crate::domain::{ImageId, PointPx, Shape, SizePx, Spacing, SpacingSource};
use crate::project::volumes::{Plane, Slab};

/// Samples of a profile, at most.
const MOST_SAMPLES: f64 = 2000.0;

type Place = [f64; 3];

/// Where an aid lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Ground {
    /// On the slices of an image, in level-0 pixel edges.
    Slices(ImageId),
    /// On a plane through the volume of an image, in millimetres of the patient.
    Plane(ImageId, PlaneKind),
}

/// A line that is being drawn, or was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileAid {
    ground: Option<Ground>,
    ends: Vec<Place>,
    /// Where the pointer is while the second end is missing.
    hover: Option<Place>,
}

impl ProfileAid {
    /// Clicks belong to the line.
    pub const fn is_asking(&self) -> bool {
        self.ends.len() < 2
    }

    /// Takes a click. One on other ground begins the line anew there.
    pub fn point(&mut self, ground: Ground, at: Place) {
        if !self.is_asking() {
            return;
        }
        if self.ground.as_ref() != Some(&ground) {
            self.ends.clear();
        }
        self.ground = Some(ground);
        self.ends.push(at);
        self.hover = None;
    }

    /// The pointer moves over the ground of the first end.
    pub fn hover(&mut self, ground: &Ground, at: Place) {
        if self.is_asking() && self.ground.as_ref() == Some(ground) {
            self.hover = Some(at);
        }
    }

    /// Both ends, the pointer standing for the second while it is missing.
    pub fn line(&self) -> Option<(&Ground, [Place; 2])> {
        let ground = self.ground.as_ref()?;
        let first = *self.ends.first()?;
        Some((ground, [first, self.ends.get(1).copied().or(self.hover)?]))
    }
}

/// What lengths are counted in, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthBy {
    /// Pixels: the file names no spacing.
    Pixels,
    /// Millimetres by the spacing of the image.
    Spacing(SpacingSource),
    /// Millimetres by the positions of the slices.
    Positions,
}

/// Values along a line.
#[derive(Clone, Debug, PartialEq)]
pub struct LineProfile {
    /// Distance from the first end, and the value there; `None` where nothing was measured or loaded.
    pub points: Vec<(f64, Option<f64>)>,
    pub by: LengthBy,
    /// Unit of the values; empty for plain stored values.
    pub unit: String,
    /// The plane has a thickness: values are those of the slab, in millimetres.
    pub slab_mm: f64,
}

impl LineProfile {
    pub fn length(&self) -> f64 {
        self.points.last().map_or(0.0, |(at, _)| *at)
    }

    /// Lowest and highest value.
    pub fn range(&self) -> Option<(f64, f64)> {
        let mut values = self.points.iter().filter_map(|(_, v)| *v);
        let first = values.next()?;
        Some(values.fold((first, first), |(l, h), v| (l.min(v), h.max(v))))
    }
}

/// Places along a line through all its vertices, evenly apart by at most `step`, both ends included; each with its distance
/// from the first. `scale` is the length of a unit along each axis.
pub fn stations(line: &[Place], scale: Place, step: f64) -> Vec<(f64, Place)> {
    let length = |a: &Place, b: &Place| (0..3).map(|i| ((b[i] - a[i]) * scale[i]).powi(2)).sum::<f64>().sqrt();
    let legs: Vec<(f64, &[Place])> = line.windows(2).map(|pair| (length(&pair[0], &pair[1]), pair)).collect();
    let total: f64 = legs.iter().map(|(l, _)| l).sum();
    if !total.is_finite() || total <= 0.0 || step <= 0.0 {
        return Vec::new();
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to some thousands")]
    let count = (total / step).ceil().clamp(1.0, MOST_SAMPLES) as u32;
    let mut out = Vec::with_capacity(count as usize + 1);
    let (mut leg, mut before) = (0, 0.0);
    for n in 0..=count {
        let at = total * f64::from(n) / f64::from(count);
        while leg + 1 < legs.len() && at > before + legs[leg].0 {
            before += legs[leg].0;
            leg += 1;
        }
        let (own, pair) = legs[leg];
        let t = if own > 0.0 { ((at - before) / own).clamp(0.0, 1.0) } else { 0.0 };
        out.push((at, std::array::from_fn(|i| pair[0][i] + (pair[1][i] - pair[0][i]) * t)));
    }
    out
}

const fn flat([x, y]: PointPx) -> Place {
    [x, y, 0.0]
}

impl Stage {
    /// The values under the line that is being drawn, else under the selected finding where it is a line.
    pub fn profile(&self, selected: Option<&Shape>) -> Option<LineProfile> {
        match self.profile.as_ref().and_then(ProfileAid::line) {
            Some((Ground::Slices(image), ends)) => {
                (self.image(self.hand()) == Some(image)).then(|| self.on_slices(&ends)).flatten()
            }
            Some((Ground::Plane(image, kind), ends)) => self.on_plane(image, *kind, ends),
            None => match selected? {
                Shape::Line(line) => self.on_slices(&line.iter().copied().map(flat).collect::<Vec<_>>()),
                _ => None,
            },
        }
    }

    fn on_slices(&self, line: &[Place]) -> Option<LineProfile> {
        let viewport = self.viewport();
        let meta = viewport.meta().filter(|m| m.channels == 1)?;
        let by = meta.spacing.map_or(LengthBy::Pixels, |s: Spacing| LengthBy::Spacing(s.source));
        let scale = meta.spacing.map_or([1.0; 3], |s| [s.x_um / 1000.0, s.y_um / 1000.0, 1.0]);
        let places = stations(line, scale, scale[0].min(scale[1]) / 2.0);
        let points = places.into_iter().map(|(at, p)| (at, viewport.value_between([p[0], p[1]]))).collect();
        let unit = meta.display.unit.clone().unwrap_or_default();
        Some(LineProfile { points, by, unit, slab_mm: 0.0 })
    }

    /// Along the line as the plane shows it, its thickness included.
    fn on_plane(&self, image: &ImageId, kind: PlaneKind, ends: [Place; 2]) -> Option<LineProfile> {
        let planes = self.planes().filter(|p| p.mpr.image == *image)?;
        let volume = &planes.volume.volume;
        let [x, y] = volume.geometry().spacing_mm();
        let places = stations(&ends, [1.0; 3], volume.geometry().steps_mm().0.min(x).min(y) / 2.0);
        let last = places.last()?;
        let towards: Place = std::array::from_fn(|i| (ends[1][i] - ends[0][i]) / last.0);
        let normal = planes.mpr.normal(kind);
        let across = [
            normal[1] * towards[2] - normal[2] * towards[1],
            normal[2] * towards[0] - normal[0] * towards[2],
            normal[0] * towards[1] - normal[1] * towards[0],
        ];
        let count = places.len();
        let row = Plane {
            origin_mm: ends[0],
            right: towards,
            down: across,
            spacing_mm: [last.0 / (count - 1).max(1) as f64, 1.0],
            size_px: SizePx::new(u32::try_from(count).ok()?, 1),
        };
        let slab: Slab = planes.mpr.thickness();
        let values = volume.reslice(&row, slab, 1).values;
        let value = |v: &f32| v.is_finite().then(|| f64::from(*v));
        let points = places.iter().zip(&values).map(|((at, _), v)| (*at, value(v))).collect();
        let unit = volume.unit().unwrap_or_default().to_owned();
        Some(LineProfile { points, by: LengthBy::Positions, unit, slab_mm: slab.thickness_mm() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_even_along_all_legs_and_keep_both_ends() {
        // Three by four millimetres of pixels of 0.5 × 1 mm, then four more along y.
        let line = [[0.0, 0.0, 0.0], [6.0, 4.0, 0.0], [6.0, 8.0, 0.0]];
        let places = stations(&line, [0.5, 1.0, 1.0], 1.0);
        assert_eq!(places.len(), 10);
        for (n, (at, _)) in places.iter().enumerate() {
            assert!((at - n as f64).abs() < 1e-12);
        }
        for (n, vertex) in [(0, line[0]), (5, line[1]), (9, line[2])] {
            assert!((0..3).all(|i| (places[n].1[i] - vertex[i]).abs() < 1e-12), "{n}: {:?}", places[n]);
        }
        let (_, third) = places[3];
        assert!((third[0] - 3.6).abs() < 1e-12 && (third[1] - 2.4).abs() < 1e-12, "{third:?}");
        assert!(stations(&line[..1], [1.0; 3], 1.0).is_empty());
        assert!(stations(&[line[0], line[0]], [1.0; 3], 1.0).is_empty());
    }

    #[test]
    fn a_line_takes_two_clicks_on_one_ground() {
        let image = |n: &str| ImageId::new(n).unwrap();
        let (a, b) = (Ground::Slices(image("I-1")), Ground::Plane(image("I-1"), PlaneKind::Coronal));
        let mut aid = ProfileAid::default();
        assert!(aid.is_asking() && aid.line().is_none());
        aid.point(a.clone(), [1.0, 2.0, 0.0]);
        aid.hover(&b, [9.0; 3]);
        assert!(aid.line().is_none(), "the pointer is elsewhere");
        aid.hover(&a, [4.0, 6.0, 0.0]);
        assert_eq!(aid.line(), Some((&a, [[1.0, 2.0, 0.0], [4.0, 6.0, 0.0]])));
        aid.point(b.clone(), [5.0; 3]);
        assert!(aid.is_asking(), "begun anew on the other ground");
        aid.point(b.clone(), [6.0; 3]);
        aid.point(a, [7.0; 3]);
        assert_eq!(aid.line(), Some((&b, [[5.0; 3], [6.0; 3]])));
    }
}
