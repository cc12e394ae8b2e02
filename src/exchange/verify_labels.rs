//! The heart of verification: every label is written again from the opened value it names and must come out the same,
//! and must rest on findings that the signed reads really hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::coco::coco_shape;
use super::consensus::consensus;
use super::geojson_write::geojson_geometry;
use super::verify::{ReleaseReport, read_text};
use crate::domain::{Digest, FindingId, Roi, Shape, SizePx};
use crate::journal::Fold;
use crate::keys::{Audit, ProblemKind};

#[derive(Deserialize)]
struct Coco {
    images: Vec<Entry>,
    categories: Vec<CocoCategory>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Entry {
    id: u64,
    width: u32,
    height: u32,
    image: String,
    frame: u32,
    sha256: Digest,
}

#[derive(Deserialize)]
struct CocoCategory {
    id: u32,
    term: String,
}

#[derive(Deserialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u32,
    bbox: Value,
    area: Value,
    segmentation: Value,
    shoken: Origin,
}

#[derive(Deserialize)]
struct Origin {
    label: String,
    geometry: Digest,
    terms: Vec<String>,
    sources: Vec<Source>,
    decision: Decision,
}

#[derive(Deserialize)]
struct Source {
    read: Digest,
    finding: FindingId,
}

#[derive(Deserialize)]
struct Decision {
    how: String,
    #[serde(default)]
    adjudication: Option<Digest>,
    #[serde(default)]
    discrepancy: Option<String>,
}

pub(super) fn check(
    folder: &Path,
    present: &BTreeSet<String>,
    openings: &BTreeMap<Digest, Roi>,
    audit: &Audit,
    report: &mut ReleaseReport,
) {
    let mut written = Written::default();
    let sizes = check_coco(folder, present, openings, audit, report, &mut written);
    for path in present.iter().filter(|p| p.starts_with("annotations/geojson/")) {
        check_geojson(folder, path, openings, &sizes, report, &mut written);
    }
    check_complete(openings, audit, report, &written);
}

/// Outlines found in the release: (label, geometry digest), by format. `None`: the release has no such file.
#[derive(Default)]
struct Written {
    coco: Option<BTreeSet<(String, Digest)>>,
    geojson: Option<BTreeSet<(String, Digest)>>,
}

/// Every label that the signed reads and adjudications amount to is there.
fn check_complete(openings: &BTreeMap<Digest, Roi>, audit: &Audit, report: &mut ReleaseReport, written: &Written) {
    let expected = consensus(&audit.state, &|_| String::new());
    for label in &expected.labels {
        for roi in &label.rois {
            let key = (label.id.to_string(), roi.geometry);
            let in_coco =
                openings.get(&roi.geometry).is_none_or(|r| !matches!(r.shape, Shape::Point(_) | Shape::Line(_)));
            let absent = |set: &Option<BTreeSet<_>>| set.as_ref().is_some_and(|s| !s.contains(&key));
            if (in_coco && absent(&written.coco)) || absent(&written.geojson) {
                report.problem(
                    ProblemKind::Truncated,
                    format!("label {}", label.id),
                    "it stands in the signed journal but is missing from the annotations",
                );
            }
        }
    }
}

/// Checks `coco.json`; returns the size of every image it lists.
fn check_coco(
    folder: &Path,
    present: &BTreeSet<String>,
    openings: &BTreeMap<Digest, Roi>,
    audit: &Audit,
    report: &mut ReleaseReport,
    written: &mut Written,
) -> BTreeMap<String, SizePx> {
    const PATH: &str = "annotations/coco.json";
    let mut sizes = BTreeMap::new();
    // A release without COCO is whole; one whose COCO was damaged has been named already.
    if !present.contains(PATH) {
        return sizes;
    }
    let Some(text) = read_text(folder, PATH, report) else { return sizes };
    let coco: Coco = match serde_json::from_str(&text) {
        Ok(coco) => coco,
        Err(e) => {
            report.problem(ProblemKind::Format, PATH, e.to_string());
            return sizes;
        }
    };
    let entries: BTreeMap<u64, &Entry> = coco.images.iter().map(|e| (e.id, e)).collect();
    let terms: BTreeMap<u32, &str> = coco.categories.iter().map(|c| (c.id, c.term.as_str())).collect();
    for entry in &coco.images {
        sizes.insert(entry.image.clone(), SizePx::new(entry.width, entry.height));
        let signed = audit.state.images().find(|i| i.id.as_str() == entry.image);
        if signed.is_none_or(|i| i.sha256 != Some(entry.sha256)) {
            report.problem(
                ProblemKind::Altered,
                format!("{PATH} image {}", entry.id),
                "its content hash is not the catalogued one",
            );
        }
    }
    let mut labels = BTreeSet::new();
    written.coco = Some(coco.annotations.iter().map(|a| (a.shoken.label.clone(), a.shoken.geometry)).collect());
    for annotation in &coco.annotations {
        let place = format!("{PATH} annotation {}", annotation.id);
        let origin = &annotation.shoken;
        labels.insert(origin.label.clone());
        if terms.get(&annotation.category_id).copied() != origin.terms.first().map(String::as_str) {
            report.problem(ProblemKind::Altered, &place, "its category is not its first term");
        }
        let Some(roi) = openings.get(&origin.geometry) else {
            report.problem(ProblemKind::Truncated, &place, "the opening of its outline is not here");
            continue;
        };
        let Some(entry) = entries.get(&annotation.image_id).filter(|e| e.frame == roi.frame) else {
            report.problem(ProblemKind::Altered, &place, "it lies on another frame than its outline");
            continue;
        };
        let size = SizePx::new(entry.width, entry.height);
        let again =
            coco_shape(&roi.shape, size).and_then(|s| serde_json::to_value((s.segmentation, s.bbox, s.area)).ok());
        let stated = serde_json::json!([annotation.segmentation, annotation.bbox, annotation.area]);
        if again != Some(stated) {
            report.problem(ProblemKind::Altered, &place, "its outline is not the signed one");
        }
        check_origin(origin, entry, audit, &place, report);
    }
    report.labels = labels.len();
    report.outlines = coco.annotations.len();
    sizes
}

/// The label rests on findings of sealed reads, or on what the adjudicator drew.
fn check_origin(origin: &Origin, entry: &Entry, audit: &Audit, place: &str, report: &mut ReleaseReport) {
    let mut outlined = false;
    for source in &origin.sources {
        let sealed = audit
            .state
            .read_fold(&source.read)
            .and_then(|f| f.submissions.iter().rev().find_map(|s| s.findings.get(&source.finding)));
        let Some(finding) = sealed else {
            report.problem(ProblemKind::Altered, place, format!("no sealed read holds finding {}", source.finding));
            continue;
        };
        let on_image = |r: &crate::journal::RoiRef| {
            r.geometry == origin.geometry && r.image.as_str() == entry.image && r.frame == entry.frame
        };
        if finding.body.rois.iter().any(on_image) {
            outlined = true;
            let signed: Vec<&str> = finding.body.terms.iter().map(|t| t.id.as_str()).collect();
            if signed != origin.terms {
                report.problem(ProblemKind::Altered, place, "its terms are not the signed ones");
            }
        }
    }
    let adjudication =
        origin.decision.adjudication.and_then(|id| match audit.state.streams.get(&id).map(|s| &s.fold) {
            Some(Fold::Adjudication(fold)) => Some(fold),
            _ => None,
        });
    match (origin.decision.how.as_str(), adjudication) {
        ("single_read", _) if outlined => {}
        ("agreed", Some(fold)) if outlined => {
            let covered = fold
                .agreed
                .iter()
                .any(|group| origin.sources.iter().all(|s| group.contains(&(s.read, s.finding.clone()))));
            if !covered {
                report.problem(ProblemKind::Altered, place, "the adjudication did not list it as agreed");
            }
        }
        ("adjudicated", Some(fold)) => {
            let record = origin.decision.discrepancy.as_ref().and_then(|d| fold.resolved.get(d));
            let stands = record.is_some_and(|r| {
                r.result.iter().any(|result| match result {
                    crate::journal::ResultRef::Taken { finding, .. } => outlined && finding.as_str() == origin.label,
                    crate::journal::ResultRef::Drawn { finding, body } => {
                        finding.as_str() == origin.label && body.rois.iter().any(|r| r.geometry == origin.geometry)
                    }
                })
            });
            if !stands {
                report.problem(ProblemKind::Altered, place, "the adjudication did not decide so");
            }
        }
        _ => report.problem(ProblemKind::Altered, place, "nothing signed says that this is a label"),
    }
}

fn check_geojson(
    folder: &Path,
    path: &str,
    openings: &BTreeMap<Digest, Roi>,
    sizes: &BTreeMap<String, SizePx>,
    report: &mut ReleaseReport,
    written: &mut Written,
) {
    let Some(text) = read_text(folder, path, report) else { return };
    let Ok(file) = serde_json::from_str::<Value>(&text) else {
        report.problem(ProblemKind::Format, path, "not JSON");
        return;
    };
    for (number, feature) in (1..).zip(file.get("features").and_then(Value::as_array).into_iter().flatten()) {
        let place = format!("{path} feature {number}");
        let text_at = |pointer: &str| feature.pointer(pointer).and_then(Value::as_str);
        let digest = text_at("/properties/metadata/geometry").and_then(|d| d.parse::<Digest>().ok());
        if let Some((label, digest)) = text_at("/properties/metadata/label").zip(digest) {
            written.geojson.get_or_insert_default().insert((label.to_owned(), digest));
        }
        let Some(roi) = digest.and_then(|d| openings.get(&d)) else {
            report.problem(ProblemKind::Truncated, place, "the opening of its outline is not here");
            continue;
        };
        let size = text_at("/properties/image").and_then(|i| sizes.get(i)).copied();
        // Without COCO the size is unknown; only a whole-image label needs it.
        let Some(size) = size.or_else(|| (!matches!(roi.shape, Shape::WholeImage)).then_some(SizePx::new(0, 0))) else {
            continue;
        };
        if feature.get("geometry") != Some(&geojson_geometry(&roi.shape, size)) {
            report.problem(ProblemKind::Altered, place, "its outline is not the signed one");
        }
    }
}
