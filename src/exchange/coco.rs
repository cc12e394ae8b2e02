//! `annotations/coco.json`: one image entry a frame, one annotation an outline, readable by pycocotools.
//!
//! Outlines without holes are polygons (disjoint parts are several polygons of one annotation). COCO polygons cannot
//! hold holes, so a shape with one is written as a run-length mask over the frame. `area` is always the exact area of the
//! outline in square pixels. Points and lines have no COCO form; they are in the GeoJSON and counted in `info`.

use std::io::Write;

use serde::Serialize;

use super::ReleaseError;
use super::plan::{Item, Plan};
use super::rle;
use crate::domain::{Digest, Shape, SizePx};

/// `segmentation` as COCO wants it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Segmentation {
    /// Flat `x, y, x, y …` rings, pixel edges.
    Polygons(Vec<Vec<f64>>),
    /// Compressed mask; `size` is height, width.
    Mask { size: [u32; 2], counts: String },
}

/// What COCO says about a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoShape {
    pub segmentation: Segmentation,
    /// x, y, width, height in pixels.
    pub bbox: [f64; 4],
    /// Square pixels.
    pub area: f64,
}

/// The COCO form of a shape on a frame of this size; `None` for points and lines.
pub fn coco_shape(shape: &Shape, size: SizePx) -> Option<CocoShape> {
    let whole = Shape::from_ring(frame_ring(size));
    let shape = if matches!(shape, Shape::WholeImage) { &whole } else { shape };
    let Shape::Polygons(parts) = shape else { return None };
    let [left, top, right, bottom] = shape.bounds()?;
    let segmentation = if parts.iter().any(|p| !p.holes.is_empty()) {
        Segmentation::Mask { size: [size.height, size.width], counts: rle::compress(&rle::rasterise(parts, size)) }
    } else {
        Segmentation::Polygons(parts.iter().map(|p| p.exterior.iter().flatten().copied().collect()).collect())
    };
    Some(CocoShape { segmentation, bbox: [left, top, right - left, bottom - top], area: shape.area_px2() })
}

/// The outline of a whole frame.
pub(super) fn frame_ring(size: SizePx) -> Vec<[f64; 2]> {
    let (w, h) = (f64::from(size.width), f64::from(size.height));
    vec![[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]
}

#[derive(Serialize)]
struct Annotation<'a> {
    id: u64,
    image_id: u64,
    category_id: u32,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
    segmentation: Segmentation,
    shoken: Origin<'a>,
}

/// What ties an annotation to the journal.
#[derive(Serialize)]
struct Origin<'a> {
    label: &'a str,
    case: &'a str,
    /// Salted digest of the outline; its opening is in `journal/openings.jsonl`.
    geometry: Digest,
    terms: Vec<&'a str>,
    certainty: Option<&'static str>,
    attributes: &'a std::collections::BTreeMap<String, String>,
    sources: &'a [super::LabelSource],
    decision: &'a super::LabelDecision,
}

pub(super) fn write(plan: &Plan<'_>, out: &mut dyn Write) -> Result<(), ReleaseError> {
    let shapes: Vec<(u64, &Item<'_>, CocoShape)> = plan
        .items
        .iter()
        .filter_map(|item| Some((item, coco_shape(&item.roi.shape, item.image.size_px)?)))
        .zip(1..)
        .map(|((item, shape), id)| (id, item, shape))
        .collect();
    let info = serde_json::json!({
        "description": plan.input.name,
        "version": plan.input.version,
        "coordinates": "pixel edges, origin top-left, y down",
        "outlines_without_coco_form": plan.items.len() - shapes.len(),
        "project": plan.input.project,
    });
    write!(out, "{{\"info\":{info},\n\"licenses\":[],\n\"categories\":[")?;
    for (index, category) in plan.categories.iter().enumerate() {
        let entry = serde_json::json!({
            "id": plan.category_id(&category.term),
            "name": category.label.get("en").or_else(|| category.label.values().next()),
            "names": category.label,
            "supercategory": category.term.pack,
            "term": category.term.id,
            "pack_version": category.term.version,
            "codes": category.codes,
            "color": category.color,
        });
        write!(out, "{}\n{entry}", if index > 0 { "," } else { "" })?;
    }
    write!(out, "],\n\"images\":[")?;
    let mut first = true;
    for image in &plan.images {
        for frame in 0..image.frames.max(1) {
            let name =
                if image.frames > 1 { format!("{}#frame={frame}", image.file_name) } else { image.file_name.clone() };
            let entry = serde_json::json!({
                "id": plan.entry_id(&image.id, frame),
                "file_name": name,
                "width": image.size_px.width,
                "height": image.size_px.height,
                "image": image.id,
                "frame": frame,
                "case": image.case,
                "sha256": image.sha256,
                "field": image.field,
                "spacing": image.spacing,
            });
            write!(out, "{}\n{entry}", if first { "" } else { "," })?;
            first = false;
        }
    }
    write!(out, "],\n\"annotations\":[")?;
    for (id, item, shape) in shapes {
        let label = item.label;
        let unknown = || ReleaseError::UnknownImage(label.id.clone());
        let annotation = Annotation {
            id,
            image_id: plan.entry_id(&item.image.id, item.roi.frame).ok_or_else(unknown)?,
            category_id: label.terms.first().and_then(|t| plan.category_id(t)).ok_or_else(unknown)?,
            bbox: shape.bbox,
            area: shape.area,
            iscrowd: 0,
            segmentation: shape.segmentation,
            shoken: Origin {
                label: label.id.as_str(),
                case: label.case.as_str(),
                geometry: item.geometry,
                terms: label.terms.iter().map(|t| t.id.as_str()).collect(),
                certainty: label.certainty.map(crate::domain::Certainty::word),
                attributes: &label.attributes,
                sources: &label.sources,
                decision: &label.decision,
            },
        };
        out.write_all(if id > 1 { b",\n" } else { b"\n" })?;
        serde_json::to_writer(&mut *out, &annotation)?;
    }
    writeln!(out, "]}}")?;
    Ok(())
}
