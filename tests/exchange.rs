//! GeoJSON coming in: what people and QuPath write, and what is refused with the feature and the reason.

use shoken::domain::{Certainty, Ontology, Shape};
use shoken::exchange::{GeoJsonError, geojson_geometry, read_geojson};

fn pack(id: &str, en: &str) -> Ontology {
    let text = format!(
        r##"{{"format":"shoken-terms","format_version":1,"id":"{id}","version":"1.0.0","name":{{"en":"n"}},"field":"pathology",
        "licence":"CC0-1.0","terms":[{{"id":"{id}:1","label":{{"en":"{en}","ja":"腫瘍"}},"geometry":["polygon"],"color":"#000000","status":"active"}}]}}"##
    );
    serde_json::from_str(&text).unwrap()
}

const SQUARE: &str = r#"{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]]]}"#;

fn feature(properties: &str) -> String {
    format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":{SQUARE},"properties":{properties}}}]}}"#
    )
}

#[test]
fn a_term_by_id_or_by_label_in_either_language() {
    let pack = pack("p", "Tumour");
    for properties in [
        r#"{"term":"p:1"}"#,
        r#"{"classification":{"name":"Tumour","color":[1,2,3]}}"#,
        r#"{"classification":{"name":"腫瘍"}}"#,
        r#"{"classification":{"names":["Lesion","Tumour"]}}"#,
    ] {
        let found = read_geojson(&feature(properties), &[&pack]).unwrap();
        assert_eq!(found[0].term.id, "p:1", "{properties}");
        assert!((found[0].shape.area_px2() - 100.0).abs() < 1e-9);
    }
}

#[test]
fn what_qupath_writes_twice_is_read() {
    let pack = pack("p", "Tumour");
    let text = r#"[{"type":"Feature","id":"x","geometry":{"type":"Polygon","plane":{"c":-1,"z":3,"t":0},"coordinates":[[[0,0],[4,0],[4,4],[0,0]]]},
        "properties":{"objectType":"annotation","classification":{"name":"Tumour"},"metadata":{"a":"1"},"metadata":{"a":"1"}}}]"#;
    let found = read_geojson(text, &[&pack]).unwrap();
    assert_eq!((found.len(), found[0].frame), (1, Some(3)));
}

#[test]
fn frame_image_confidence_and_attributes_come_along() {
    let pack = pack("p", "Tumour");
    let text =
        feature(r#"{"term":"p:1","image":"a.svs","frame":7,"confidence":0.6,"attributes":{"margin":"clear","n":2}}"#);
    let found = &read_geojson(&text, &[&pack]).unwrap()[0];
    assert_eq!(
        (found.image.as_deref(), found.frame, found.certainty),
        (Some("a.svs"), Some(7), Some(Certainty::Probable))
    );
    assert_eq!(found.attributes["n"], "2");
}

#[test]
fn what_cannot_be_understood_is_refused_by_name() {
    let (one, two) = (pack("p", "Tumour"), pack("q", "Tumour"));
    let refused = |properties: &str| read_geojson(&feature(properties), &[&one]).unwrap_err().to_string();
    assert!(refused(r#"{"classification":{"name":"Tumor"}}"#).contains("'Tumor'"));
    assert!(refused(r#"{"term":"p:9"}"#).contains("p:9"));
    assert!(refused("{}").contains("names no term"));
    assert!(refused(r#"{"term":"p:1","frame":-1}"#).contains("frame"));
    assert!(refused(r#"{"term":"p:1","confidence":7}"#).contains("confidence"));
    let both = read_geojson(&feature(r#"{"classification":{"name":"Tumour"}}"#), &[&one, &two]).unwrap_err();
    assert!(matches!(both, GeoJsonError::AmbiguousLabel { .. }));
}

#[test]
fn broken_geometry_is_named_and_nothing_panics() {
    let pack = pack("p", "Tumour");
    for geometry in [
        "null",
        "{}",
        r#"{"type":"Polygon"}"#,
        r#"{"type":"Polygon","coordinates":[]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}"#,
        r#"{"type":"Polygon","coordinates":[[["a",0],[1,1],[2,2]]]}"#,
        r#"{"type":"GeometryCollection","geometries":[{"type":"GeometryCollection","geometries":[]}]}"#,
        r#"{"type":"MultiPoint","coordinates":[[0,0]]}"#,
    ] {
        let text = format!(r#"{{"type":"Feature","geometry":{geometry},"properties":{{"term":"p:1"}}}}"#);
        assert!(matches!(read_geojson(&text, &[&pack]), Err(GeoJsonError::Geometry { feature: 1, .. })), "{geometry}");
    }
    for text in ["", "[", "7", "[]", "{}", r#"{"type":"FeatureCollection"}"#, &"[".repeat(10_000)] {
        assert!(read_geojson(text, &[&pack]).is_err());
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let pack = pack("p", "Tumour");
    let ring = vec![[0.125, 3.5], [1e5 + 0.333, 4.0], [77.7, 1e5]];
    let hole = vec![[100.0, 100.0], [100.0, 120.5], [120.25, 100.0]];
    let shape = Shape::Polygons(vec![
        shoken::domain::Polygon { exterior: ring.clone(), holes: vec![hole] },
        shoken::domain::Polygon { exterior: vec![[2e5, 0.0], [2e5 + 9.5, 0.0], [2e5, 9.5]], holes: vec![] },
    ]);
    let size = shoken::domain::SizePx::new(300_000, 200_000);
    let text =
        format!(r#"{{"type":"Feature","geometry":{},"properties":{{"term":"p:1"}}}}"#, geojson_geometry(&shape, size));
    assert_eq!(read_geojson(&text, &[&pack]).unwrap()[0].shape, shape);
}
