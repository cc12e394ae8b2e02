//! `annotations/geojson/<image>[-frame].geojson`: QuPath-loadable FeatureCollections in full-resolution pixel edges.

use std::io::Write;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::ReleaseError;
use super::coco::frame_ring;
use super::plan::{Item, Plan};
use crate::domain::{Polygon, Shape, SizePx};

/// GeoJSON geometry of a shape on a frame of this size. Rings are closed and run as RFC 7946 asks.
pub fn geojson_geometry(shape: &Shape, size: SizePx) -> Value {
    let closed = |ring: &[[f64; 2]]| -> Vec<[f64; 2]> { ring.iter().chain(ring.first()).copied().collect() };
    let rings = |p: &Polygon| -> Vec<Vec<[f64; 2]>> {
        std::iter::once(&p.exterior).chain(&p.holes).map(|r| closed(r)).collect()
    };
    match shape {
        Shape::Point(p) => json!({"type": "Point", "coordinates": p}),
        Shape::Line(l) => json!({"type": "LineString", "coordinates": l}),
        Shape::WholeImage => json!({"type": "Polygon", "coordinates": [closed(&frame_ring(size))]}),
        Shape::Polygons(parts) => match parts.as_slice() {
            [one] => json!({"type": "Polygon", "coordinates": rings(one)}),
            many => json!({"type": "MultiPolygon", "coordinates": many.iter().map(rings).collect::<Vec<_>>()}),
        },
    }
}

/// Path inside the release of one frame's file.
pub(super) fn path_of(item: &Item<'_>) -> String {
    if item.image.frames > 1 {
        format!("annotations/geojson/{}-{:04}.geojson", item.image.id, item.roi.frame)
    } else {
        format!("annotations/geojson/{}.geojson", item.image.id)
    }
}

/// QuPath wants a UUID per object: version 8 (RFC 9562) from label and part, so that the same label keeps it.
fn object_id(item: &Item<'_>) -> String {
    let digest = Sha256::new()
        .chain_update(b"shoken-object-id\0")
        .chain_update(item.label.id.as_str())
        .chain_update(u64::try_from(item.part).unwrap_or(u64::MAX).to_le_bytes())
        .finalize();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32))
}

fn rgb(color: &str) -> [u8; 3] {
    let part = |at: usize| color.get(at..at + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(128);
    [part(1), part(3), part(5)]
}

fn feature(plan: &Plan<'_>, item: &Item<'_>) -> Value {
    let label = item.label;
    let category = label.terms.first().and_then(|t| plan.category(t));
    let name = category.and_then(|c| c.label.get("en").or_else(|| c.label.values().next()));
    let readers: Vec<&str> = label.sources.iter().map(|s| s.reader.as_str()).collect();
    json!({
        "type": "Feature",
        "id": object_id(item),
        "geometry": geojson_geometry(&item.roi.shape, item.image.size_px),
        "properties": {
            "objectType": "annotation",
            "classification": {"name": name, "color": category.map(|c| rgb(&c.color))},
            "isLocked": true,
            "term": label.terms.first().map(|t| &t.id),
            "image": item.image.id,
            "frame": item.roi.frame,
            "measurements": {},
            "metadata": {
                "label": label.id,
                "case": label.case,
                "geometry": item.geometry,
                "name_ja": category.and_then(|c| c.label.get("ja")),
                "certainty": label.certainty.map(crate::domain::Certainty::word),
                "readers": readers.join(" "),
                "whole_image": matches!(item.roi.shape, Shape::WholeImage).to_string(),
            },
        },
    })
}

/// Writes the features of one file; `items` all lie on the same frame.
pub(super) fn write(plan: &Plan<'_>, items: &[Item<'_>], out: &mut dyn Write) -> Result<(), ReleaseError> {
    write!(out, "{{\"type\":\"FeatureCollection\",\n\"features\":[")?;
    for (index, item) in items.iter().enumerate() {
        write!(out, "{}\n{}", if index > 0 { "," } else { "" }, without_nulls(feature(plan, item)))?;
    }
    writeln!(out, "]}}")?;
    Ok(())
}

/// QuPath reads metadata as text to text; an absent value is absent, not null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect())
        }
        other => other,
    }
}
