//! Geometry as bytes, version 1: what the journal's geometry digests are made over. Little-endian throughout.
//!
//! ```text
//! "SKG1"                               4 bytes
//! space   u8   0 = pixel edges, 1 = patient LPS mm
//! kind    u8   0 = whole image, 1 = point, 2 = line, 3 = polygons
//! frame   u32  counted from 0
//! plane   14 x f64, only when space = 1: origin 3, row direction 3, column direction 3, spacing 2 (mm),
//!              then 3 reserved zeros
//! count   u32  polygons (kind 3) or points (kind 1, 2)
//! kind 3: per polygon  u32 rings (exterior first), per ring u32 points
//! points  x, y (space 0) or x, y, z (space 1), f64 each
//! ```

use super::{PlanePose, PointPx, Polygon, Ring, Roi, RoiSpace, Shape};

const MAGIC: &[u8; 4] = b"SKG1";

/// Why bytes are not a version 1 geometry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeometryCodecError {
    #[error("the geometry value is cut short")]
    Truncated,
    #[error("the geometry value has an unknown version, space or kind")]
    Unknown,
    #[error("the geometry value has bytes left over")]
    TrailingBytes,
    #[error("the geometry value holds a number that is not finite")]
    NotFinite,
}

/// Bytes of a Roi; equal Rois give equal bytes on every machine.
pub fn encode_roi(roi: &Roi) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let plane = match roi.space {
        RoiSpace::Image => None,
        RoiSpace::Patient(plane) => Some(plane),
    };
    out.push(u8::from(plane.is_some()));
    out.push(match roi.shape {
        Shape::WholeImage => 0,
        Shape::Point(_) => 1,
        Shape::Line(_) => 2,
        Shape::Polygons(_) => 3,
    });
    out.extend(roi.frame.to_le_bytes());
    if let Some(p) = plane {
        let numbers = p.origin_mm.into_iter().chain(p.row_dir).chain(p.col_dir).chain(p.spacing_mm).chain([0.0; 3]);
        numbers.for_each(|v| out.extend(v.to_le_bytes()));
    }
    let put = |out: &mut Vec<u8>, p: &PointPx| match plane {
        None => p.iter().for_each(|v| out.extend(v.to_le_bytes())),
        Some(plane) => plane.patient_from_image(p[0], p[1]).iter().for_each(|v| out.extend(v.to_le_bytes())),
    };
    let count = |out: &mut Vec<u8>, n: usize| out.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
    match &roi.shape {
        Shape::WholeImage => count(&mut out, 0),
        Shape::Point(p) => {
            count(&mut out, 1);
            put(&mut out, p);
        }
        Shape::Line(l) => {
            count(&mut out, l.len());
            l.iter().for_each(|p| put(&mut out, p));
        }
        Shape::Polygons(ps) => {
            count(&mut out, ps.len());
            for polygon in ps {
                count(&mut out, polygon.holes.len() + 1);
                for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
                    count(&mut out, ring.len());
                    ring.iter().for_each(|p| put(&mut out, p));
                }
            }
        }
    }
    out
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], GeometryCodecError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(GeometryCodecError::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, GeometryCodecError> {
        self.take::<1>().map(|[b]| b)
    }

    fn float(&mut self) -> Result<f64, GeometryCodecError> {
        let v = f64::from_le_bytes(self.take()?);
        if v.is_finite() { Ok(v) } else { Err(GeometryCodecError::NotFinite) }
    }

    fn floats<const N: usize>(&mut self) -> Result<[f64; N], GeometryCodecError> {
        let mut out = [0.0; N];
        for v in &mut out {
            *v = self.float()?;
        }
        Ok(out)
    }

    /// A count that the remaining bytes can really hold, so that no header sizes an allocation.
    fn count(&mut self, bytes_each: usize) -> Result<usize, GeometryCodecError> {
        let n = usize::try_from(u32::from_le_bytes(self.take()?)).map_err(|_| GeometryCodecError::Truncated)?;
        if n.checked_mul(bytes_each).is_some_and(|need| need <= self.0.len()) {
            Ok(n)
        } else {
            Err(GeometryCodecError::Truncated)
        }
    }

    fn points(&mut self, n: usize, plane: Option<&PlanePose>) -> Result<Ring, GeometryCodecError> {
        (0..n)
            .map(|_| match plane {
                None => self.floats::<2>(),
                Some(plane) => self.floats::<3>().map(|p| plane.image_from_patient(p)).map(|(x, y)| [x, y]),
            })
            .collect()
    }
}

/// The Roi of a value written by [`encode_roi`].
///
/// # Errors
/// [`GeometryCodecError`] for anything else; never panics, never allocates more than the value's own size.
pub fn decode_roi(bytes: &[u8]) -> Result<Roi, GeometryCodecError> {
    let mut c = Cursor(bytes);
    if &c.take::<4>()? != MAGIC {
        return Err(GeometryCodecError::Unknown);
    }
    let (space, kind) = (c.byte()?, c.byte()?);
    let frame = u32::from_le_bytes(c.take()?);
    let plane = match space {
        0 => None,
        1 => {
            let p = PlanePose {
                origin_mm: c.floats()?,
                row_dir: c.floats()?,
                col_dir: c.floats()?,
                spacing_mm: c.floats()?,
            };
            c.floats::<3>()?;
            let norm2 = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>();
            let flat = norm2(p.normal()) < 1e-12;
            if p.spacing_mm.iter().any(|s| *s <= 0.0) || flat {
                return Err(GeometryCodecError::NotFinite);
            }
            Some(p)
        }
        _ => return Err(GeometryCodecError::Unknown),
    };
    let bytes_a_point = if plane.is_some() { 24 } else { 16 };
    let shape = match kind {
        0 => {
            c.count(0)?;
            Shape::WholeImage
        }
        1 => {
            let n = c.count(bytes_a_point)?;
            let points = c.points(n, plane.as_ref())?;
            match points.as_slice() {
                [p] => Shape::Point(*p),
                _ => return Err(GeometryCodecError::Unknown),
            }
        }
        2 => {
            let n = c.count(bytes_a_point)?;
            Shape::Line(c.points(n, plane.as_ref())?)
        }
        3 => {
            let n = c.count(4)?;
            let mut polygons = Vec::with_capacity(n);
            for _ in 0..n {
                let rings = c.count(4)?;
                let mut all = Vec::with_capacity(rings);
                for _ in 0..rings {
                    let points = c.count(bytes_a_point)?;
                    all.push(c.points(points, plane.as_ref())?);
                }
                if all.is_empty() {
                    return Err(GeometryCodecError::Unknown);
                }
                let exterior = all.remove(0);
                polygons.push(Polygon { exterior, holes: all });
            }
            Shape::Polygons(polygons)
        }
        _ => return Err(GeometryCodecError::Unknown),
    };
    if !c.0.is_empty() {
        return Err(GeometryCodecError::TrailingBytes);
    }
    let space = plane.map_or(RoiSpace::Image, RoiSpace::Patient);
    Ok(Roi { frame, space, shape })
}
