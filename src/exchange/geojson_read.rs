//! GeoJSON coming in: outlines in pixel edges of one image, with a term each.
//!
//! Read through `serde_json::Value`, because QuPath writes the key `metadata` twice when it is not empty; the last one
//! wins. Takes a FeatureCollection, an array of features, or a single feature.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{Certainty, Ontology, Polygon, Shape, TermRef};

/// A feature ready to become a finding. `image` and `frame` are as the file states them.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedFeature {
    pub shape: Shape,
    pub term: TermRef,
    pub image: Option<String>,
    /// Counted from 0.
    pub frame: Option<u32>,
    pub certainty: Option<Certainty>,
    pub attributes: BTreeMap<String, String>,
}

/// Why a file was refused as a whole; `feature` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeoJsonError {
    #[error("the file is not JSON ({0})")]
    NotJson(String),
    #[error("the file holds no features: a FeatureCollection, an array of features or one feature is needed")]
    NoFeatures,
    #[error("feature {feature}: its geometry cannot be read ({reason})")]
    Geometry { feature: usize, reason: String },
    #[error("feature {feature}: it names no term; give properties.term or properties.classification.name")]
    NoTerm { feature: usize },
    #[error("feature {feature}: there is no term '{term}' in the packs of this project")]
    UnknownTerm { feature: usize, term: String },
    #[error("feature {feature}: '{label}' is the label of more than one term ({ids}); name the term by its id")]
    AmbiguousLabel { feature: usize, label: String, ids: String },
    #[error("feature {feature}: property '{property}' has a value that cannot be used")]
    Property { feature: usize, property: &'static str },
}

/// Reads every feature; one that cannot be understood refuses the whole file.
///
/// # Errors
/// [`GeoJsonError`], naming the feature and what is wrong with it.
pub fn read_geojson(text: &str, packs: &[&Ontology]) -> Result<Vec<ImportedFeature>, GeoJsonError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = serde_json::from_str(text).map_err(|e| GeoJsonError::NotJson(e.to_string()))?;
    let features: Vec<&Value> = match &value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => match map.get("type").and_then(Value::as_str) {
            Some("FeatureCollection") => map.get("features").and_then(Value::as_array).into_iter().flatten().collect(),
            Some("Feature") => vec![&value],
            _ => return Err(GeoJsonError::NoFeatures),
        },
        _ => return Err(GeoJsonError::NoFeatures),
    };
    if features.is_empty() {
        return Err(GeoJsonError::NoFeatures);
    }
    (1..).zip(features).map(|(number, feature)| read_feature(number, feature, packs)).collect()
}

fn read_feature(number: usize, feature: &Value, packs: &[&Ontology]) -> Result<ImportedFeature, GeoJsonError> {
    let geometry = |reason: &str| GeoJsonError::Geometry { feature: number, reason: reason.to_owned() };
    let shape = feature.get("geometry").filter(|g| g.is_object()).ok_or_else(|| geometry("there is none"))?;
    let shape = read_shape(shape, 0).map_err(|reason| geometry(&reason))?;
    let empty = Value::Null;
    let properties = feature.get("properties").unwrap_or(&empty);
    let plane_frame = feature.pointer("/geometry/plane/z").filter(|z| z.as_u64() != Some(0));
    let frame = match properties.get("frame").filter(|v| !v.is_null()).or(plane_frame) {
        None => None,
        Some(v) => {
            let n = v.as_u64().and_then(|n| u32::try_from(n).ok());
            Some(n.ok_or(GeoJsonError::Property { feature: number, property: "frame" })?)
        }
    };
    let image = match properties.get("image") {
        None | Some(Value::Null) => None,
        Some(Value::String(s)) => Some(s.clone()),
        Some(_) => return Err(GeoJsonError::Property { feature: number, property: "image" }),
    };
    Ok(ImportedFeature {
        shape,
        term: read_term(number, properties, packs)?,
        image,
        frame,
        certainty: read_certainty(number, properties)?,
        attributes: read_attributes(number, properties)?,
    })
}

fn read_term(number: usize, properties: &Value, packs: &[&Ontology]) -> Result<TermRef, GeoJsonError> {
    if let Some(id) = properties.get("term").filter(|v| !v.is_null()) {
        let id = id.as_str().ok_or(GeoJsonError::Property { feature: number, property: "term" })?;
        let found = packs.iter().find_map(|p| p.term_ref(id));
        return found.ok_or_else(|| GeoJsonError::UnknownTerm { feature: number, term: id.to_owned() });
    }
    let class = properties.get("classification").unwrap_or(&Value::Null);
    // QuPath: {"name": …}, since 0.5 also {"names": [most general, …, most specific]}, long ago a bare string.
    let name = match class {
        Value::String(s) => Some(s.as_str()),
        other => other
            .get("name")
            .and_then(Value::as_str)
            .or_else(|| other.get("names").and_then(Value::as_array).and_then(|n| n.last()).and_then(Value::as_str)),
    };
    let label = name.ok_or(GeoJsonError::NoTerm { feature: number })?;
    let matches: Vec<TermRef> = packs
        .iter()
        .flat_map(|p| p.terms.iter().filter(|t| t.label.values().any(|l| l == label)).filter_map(|t| p.term_ref(&t.id)))
        .collect();
    match matches.as_slice() {
        [] => Err(GeoJsonError::UnknownTerm { feature: number, term: label.to_owned() }),
        [one] => Ok(one.clone()),
        many => {
            let ids = many.iter().map(|t| t.id.as_str()).collect::<Vec<_>>().join(", ");
            Err(GeoJsonError::AmbiguousLabel { feature: number, label: label.to_owned(), ids })
        }
    }
}

/// A word, or a number from 0 to 1: from 0.8 on definite, from 0.5 on probable, else possible.
fn read_certainty(number: usize, properties: &Value) -> Result<Option<Certainty>, GeoJsonError> {
    let wrong = GeoJsonError::Property { feature: number, property: "confidence" };
    match properties.get("confidence") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) => word.parse().map(Some).map_err(|_| wrong),
        Some(Value::Number(n)) => match n.as_f64() {
            Some(p) if (0.8..=1.0).contains(&p) => Ok(Some(Certainty::Definite)),
            Some(p) if (0.5..0.8).contains(&p) => Ok(Some(Certainty::Probable)),
            Some(p) if (0.0..0.5).contains(&p) => Ok(Some(Certainty::Possible)),
            _ => Err(wrong),
        },
        Some(_) => Err(wrong),
    }
}

fn read_attributes(number: usize, properties: &Value) -> Result<BTreeMap<String, String>, GeoJsonError> {
    let wrong = GeoJsonError::Property { feature: number, property: "attributes" };
    match properties.get("attributes") {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(k, v)| match v {
                Value::String(s) => Ok((k.clone(), s.clone())),
                Value::Bool(_) | Value::Number(_) => Ok((k.clone(), v.to_string())),
                _ => Err(wrong.clone()),
            })
            .collect(),
        Some(_) => Err(wrong),
    }
}

fn read_shape(geometry: &Value, depth: u8) -> Result<Shape, String> {
    let kind = geometry.get("type").and_then(Value::as_str).ok_or("it has no type")?;
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    match kind {
        "Point" => Ok(Shape::Point(point(coordinates)?)),
        "LineString" => Ok(Shape::Line(points(coordinates)?)),
        "Polygon" => Ok(Shape::Polygons(vec![polygon(coordinates)?])),
        "MultiPolygon" => Ok(Shape::Polygons(list(coordinates)?.iter().map(polygon).collect::<Result<_, _>>()?)),
        "GeometryCollection" if depth == 0 => {
            let parts = list(geometry.get("geometries").unwrap_or(&Value::Null))?;
            let mut polygons = Vec::new();
            for part in parts {
                match read_shape(part, depth + 1)? {
                    Shape::Polygons(more) => polygons.extend(more),
                    _ => return Err("a collection may hold polygons only".to_owned()),
                }
            }
            if polygons.is_empty() { Err("the collection is empty".to_owned()) } else { Ok(Shape::Polygons(polygons)) }
        }
        other => Err(format!("type '{other}' is not supported; use Point, LineString, Polygon or MultiPolygon")),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| "coordinates are not nested as the type asks".to_owned())
}

fn point(value: &Value) -> Result<[f64; 2], String> {
    let numbers = list(value)?;
    let at = |i: usize| numbers.get(i).and_then(Value::as_f64).filter(|v| v.is_finite());
    at(0).zip(at(1)).map(|(x, y)| [x, y]).ok_or_else(|| "a position is not two finite numbers".to_owned())
}

fn points(value: &Value) -> Result<Vec<[f64; 2]>, String> {
    list(value)?.iter().map(point).collect()
}

/// Rings are closed in GeoJSON and open here; which way they run does not matter.
fn ring(value: &Value) -> Result<Vec<[f64; 2]>, String> {
    let mut ring = points(value)?;
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 { Err("a ring has fewer than three points".to_owned()) } else { Ok(ring) }
}

fn polygon(value: &Value) -> Result<Polygon, String> {
    let mut rings = list(value)?.iter().map(ring).collect::<Result<Vec<_>, _>>()?;
    if rings.is_empty() {
        return Err("a polygon has no ring".to_owned());
    }
    let exterior = rings.remove(0);
    Ok(Polygon { exterior, holes: rings })
}
