//! Pictures of the demonstration without a window: each image by the CPU pipeline, with what stands outlined.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "screen coordinates of a picture a thousand pixels wide"
)]

use std::path::Path;

use crate::domain::{CaseId, Field, ImageId, SizePx};
use crate::project::pixels::{RenderRequest, Rendered, Window, render, write_png};
use crate::project::{Project, ReadScope};

/// An image to show.
pub struct Subject<'a> {
    pub name: &'a str,
    pub case: &'a CaseId,
    pub image: &'a ImageId,
}

const LUNG: Window = Window { center: -550.0, width: 1500.0 };
const LARGEST_SIDE_PX: u32 = 1280;

/// Okabe–Ito blue for one reader, orange for the other; never red against green.
const COLOURS: [[u8; 3]; 2] = [[86, 180, 233], [230, 159, 0]];

/// Writes one PNG a subject into `folder` and returns how many there are. The acting reader must be of the office: the
/// pictures show both reads.
///
/// # Errors
/// A picture that cannot be rendered or written.
pub fn write(project: &mut Project, subjects: &[Subject<'_>], folder: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let actor = project.actor().cloned();
    for subject in subjects {
        let scope = actor.clone().map(ReadScope::Office);
        let view = scope.map(|s| project.view(subject.case, &s)).transpose()?;
        let outlines: Vec<(usize, crate::domain::Roi)> = view
            .iter()
            .flat_map(|v| v.reads.iter().enumerate())
            .flat_map(|(slot, read)| read.findings.iter().map(move |f| (slot, f)))
            .flat_map(|(slot, f)| {
                f.rois
                    .iter()
                    .filter(|r| r.image == *subject.image)
                    .filter_map(move |r| Some((slot, r.roi.as_deref()?.clone())))
            })
            .collect();
        let source = project.open_image(subject.image)?;
        let meta = source.meta();
        // The frame with the most outlines; of equals the first.
        let frame = (0..u32::try_from(meta.frames.len()).unwrap_or(1))
            .max_by_key(|f| (outlines.iter().filter(|(_, r)| r.frame == *f).count(), std::cmp::Reverse(*f)))
            .unwrap_or(0);
        let fits = |l: &crate::domain::Level| l.size_px.width.max(l.size_px.height) <= 2 * LARGEST_SIDE_PX;
        let level = meta.levels.iter().position(fits).unwrap_or(meta.levels.len().saturating_sub(1));
        let whole = meta.levels.get(level).map_or_else(|| meta.size_px(), |l| l.size_px);
        let shrink = f64::from(LARGEST_SIDE_PX) / f64::from(whole.width.max(whole.height).max(1));
        let scaled = |v: u32| ((f64::from(v) * shrink.min(2.0)).round() as u32).max(1);
        let size = SizePx::new(scaled(whole.width), scaled(whole.height));
        let request = RenderRequest {
            level: u16::try_from(level).unwrap_or(0),
            size: Some(size),
            frame,
            // Nodules hide in the mediastinal window that the file asks for.
            window: (meta.field == Field::Radiology).then_some(LUNG),
            ..RenderRequest::default()
        };
        let mut picture = render(source.as_ref(), &request)?;
        let zoom = f64::from(size.width) / f64::from(meta.size_px().width.max(1));
        for (slot, roi) in outlines.iter().filter(|(_, r)| r.frame == frame) {
            let crate::domain::Shape::Polygons(parts) = &roi.shape else { continue };
            for ring in parts.iter().flat_map(|p| std::iter::once(&p.exterior).chain(&p.holes)) {
                outline(&mut picture, ring, zoom, COLOURS[slot % COLOURS.len()]);
            }
        }
        write_png(&picture, &folder.join(format!("{}.png", subject.name)))?;
    }
    Ok(subjects.len())
}

/// A 3 px line with a dark casing, so that it reads on white tissue and on black lung.
fn outline(picture: &mut Rendered, ring: &[[f64; 2]], zoom: f64, colour: [u8; 3]) {
    for (radius, rgb) in [(2.4, [18, 20, 23]), (1.4, colour)] {
        for (a, b) in ring.iter().zip(ring.iter().skip(1).chain(ring.first())) {
            let steps = ((b[0] - a[0]).hypot(b[1] - a[1]) * zoom).ceil().max(1.0);
            for i in 0..=(steps as u32) {
                let t = f64::from(i) / steps;
                dot(picture, (a[0] + (b[0] - a[0]) * t) * zoom, (a[1] + (b[1] - a[1]) * t) * zoom, radius, rgb);
            }
        }
    }
}

fn dot(picture: &mut Rendered, x: f64, y: f64, radius: f64, rgb: [u8; 3]) {
    let (width, height) = (f64::from(picture.size_px.width), f64::from(picture.size_px.height));
    let range = |c: f64, side: f64| ((c - radius).max(0.0) as u32, (c + radius).min(side - 1.0).max(-1.0) as i64 + 1);
    let ((x0, x1), (y0, y1)) = (range(x, width), range(y, height));
    for py in i64::from(y0)..y1 {
        for px in i64::from(x0)..x1 {
            if (px as f64 + 0.5 - x).hypot(py as f64 + 0.5 - y) <= radius {
                let at = (py as usize * picture.size_px.width as usize + px as usize) * 4;
                if let Some(pixel) = picture.rgba.get_mut(at..at + 3) {
                    pixel.copy_from_slice(&rgb);
                }
            }
        }
    }
}
