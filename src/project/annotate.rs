//! Findings from a GeoJSON file into a reader's open read, or into an adjudicator's drawing.

use super::images::roi_on;
use super::{Project, ProjectError};
use crate::domain::{CaseId, ImageId, Origin};
use crate::exchange::{ImportedFeature, read_geojson};
use crate::journal::{Cause, Command, FindingCommand, FindingDraft, FindingOrigin};

/// What `annotate` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotated {
    pub findings: usize,
    /// Findings whose outline crossed itself and was rebuilt by the even-odd rule.
    pub repaired: usize,
}

/// A finding as a file states it, placed on an image of the case.
pub fn drafts_from(
    feature: ImportedFeature,
    image: ImageId,
    pose: Option<crate::domain::PlanePose>,
    tool: &str,
) -> FindingDraft {
    FindingDraft {
        rois: vec![(image, roi_on(pose, feature.frame.unwrap_or(0), feature.shape))],
        terms: vec![feature.term],
        certainty: feature.certainty,
        attributes: feature.attributes,
        origin: FindingOrigin { origin: Origin::Manual, tool: tool.to_owned(), seen: true, model: None },
        comment: None,
    }
}

impl Project {
    /// Findings of a GeoJSON text as drafts for a case. A feature without `image` belongs to the only image of the case.
    ///
    /// # Errors
    /// A text that is no GeoJSON, an unknown term or image; then the whole file is refused.
    pub fn read_findings(
        &mut self,
        case: &CaseId,
        file: &str,
        text: &str,
        tool: &str,
    ) -> Result<Vec<FindingDraft>, ProjectError> {
        let bad = |reason: String| ProjectError::Refused { file: file.to_owned(), reason };
        let packs: Vec<&crate::domain::Ontology> = self.packs.iter().collect();
        let features = read_geojson(text, &packs).map_err(|e| bad(e.to_string()))?;
        let images = self.state.images_of(case);
        let mut out = Vec::with_capacity(features.len());
        for (number, feature) in (1..).zip(features) {
            let image = match (&feature.image, images.as_slice()) {
                (Some(name), _) => self
                    .image_named(&images, name)?
                    .ok_or_else(|| bad(format!("feature {number}: there is no image '{name}' in this case")))?,
                (None, [only]) => only.clone(),
                (None, _) => {
                    return Err(bad(format!(
                        "feature {number}: the case has {} images; name one in properties.image",
                        images.len()
                    )));
                }
            };
            let frame = feature.frame.unwrap_or(0);
            // The patient pose comes from the pixels' own header; a photograph or a slide has none.
            let needs_pose = self.state.image(&image).is_some_and(|i| i.field == crate::domain::Field::Radiology);
            let pose = if needs_pose {
                self.open_image(&image)?.meta().frames.get(frame as usize).and_then(|f| f.pose)
            } else {
                None
            };
            out.push(drafts_from(feature, image, pose, tool));
        }
        Ok(out)
    }

    fn image_named(&self, images: &[ImageId], name: &str) -> Result<Option<ImageId>, ProjectError> {
        for id in images {
            let known = self.store.image_identity(id)?.is_some_and(|i| i.name.reveal() == name);
            if id.as_str() == name || known {
                return Ok(Some(id.clone()));
            }
        }
        Ok(None)
    }

    /// Adds the findings of a GeoJSON text to the actor's read of a case, in one transaction.
    ///
    /// # Errors
    /// As [`Project::read_findings`]; rules and store errors.
    pub fn annotate(&mut self, case: &CaseId, file: &str, text: &str) -> Result<Annotated, ProjectError> {
        let findings = self.read_findings(case, file, text, "geojson")?;
        let crossing =
            |d: &FindingDraft| d.rois.iter().any(|(_, r)| r.shape.repaired().is_ok_and(|(_, fix)| fix.self_crossing));
        let report = Annotated { findings: findings.len(), repaired: findings.iter().filter(|d| crossing(d)).count() };
        self.execute(Command::Finding(FindingCommand::Add { case: case.clone(), findings }), &Cause::Cli)?;
        Ok(report)
    }
}
