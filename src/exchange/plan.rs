//! The release in its final order: every list sorted, every label's outline opened, every id handed out.

use std::collections::BTreeMap;

use super::ReleaseError;
use super::release_input::{Category, Label, ReleaseInput, ReleasedImage};
use crate::domain::{Digest, ImageId, Roi, TermRef, decode_roi};
use crate::journal::value_digest;

/// One outline of one label.
pub(super) struct Item<'a> {
    pub label: &'a Label,
    pub part: usize,
    pub image: &'a ReleasedImage,
    pub geometry: Digest,
    pub roi: Roi,
}

/// Sorted views of a [`ReleaseInput`].
pub(super) struct Plan<'a> {
    pub input: &'a ReleaseInput,
    pub images: Vec<&'a ReleasedImage>,
    pub categories: Vec<&'a Category>,
    pub labels: Vec<&'a Label>,
    /// By image, frame, label and part.
    pub items: Vec<Item<'a>>,
    first_entry: BTreeMap<&'a ImageId, u64>,
    category_ids: BTreeMap<&'a TermRef, u32>,
}

impl<'a> Plan<'a> {
    pub fn new(input: &'a ReleaseInput) -> Result<Self, ReleaseError> {
        let mut images: Vec<_> = input.images.iter().collect();
        images.sort_by(|a, b| a.id.cmp(&b.id));
        let mut categories: Vec<_> = input.categories.iter().collect();
        categories.sort_by(|a, b| a.term.cmp(&b.term));
        let mut labels: Vec<_> = input.labels.iter().collect();
        labels.sort_by(|a, b| a.id.cmp(&b.id));

        let mut first_entry = BTreeMap::new();
        let mut next = 1;
        for image in &images {
            first_entry.insert(&image.id, next);
            next += u64::from(image.frames.max(1));
        }
        let category_ids = (1..).zip(&categories).map(|(id, c)| (&c.term, id)).collect();
        let by_id: BTreeMap<&ImageId, &ReleasedImage> = images.iter().map(|i| (&i.id, *i)).collect();
        let mut opened: BTreeMap<&Digest, Roi> = BTreeMap::new();
        for opening in &input.openings {
            if value_digest(&opening.salt, &opening.value) != opening.digest {
                return Err(ReleaseError::OpeningMismatch(opening.digest));
            }
            let roi = decode_roi(&opening.value).map_err(|_| ReleaseError::OpeningMismatch(opening.digest))?;
            opened.insert(&opening.digest, roi);
        }
        let mut items = Vec::new();
        for label in &labels {
            for (part, roi) in label.rois.iter().enumerate() {
                let image = by_id.get(&roi.image).ok_or_else(|| ReleaseError::UnknownImage(label.id.clone()))?;
                let open = opened.get(&roi.geometry).ok_or_else(|| ReleaseError::NotOpened(label.id.clone()))?;
                if open.frame >= image.frames.max(1) {
                    return Err(ReleaseError::UnknownImage(label.id.clone()));
                }
                items.push(Item { label, part, image, geometry: roi.geometry, roi: open.clone() });
            }
        }
        items.sort_by(|a, b| {
            (&a.image.id, a.roi.frame, &a.label.id, a.part).cmp(&(&b.image.id, b.roi.frame, &b.label.id, b.part))
        });
        let plan = Self { input, images, categories, labels, items, first_entry, category_ids };
        for label in &plan.labels {
            for term in &label.terms {
                plan.category_id(term).ok_or_else(|| ReleaseError::UnknownTerm(term.id.clone()))?;
            }
            if label.terms.is_empty() {
                return Err(ReleaseError::NoTerm(label.id.clone()));
            }
        }
        Ok(plan)
    }

    /// COCO id of a frame of an image.
    pub fn entry_id(&self, image: &ImageId, frame: u32) -> Option<u64> {
        self.first_entry.get(image).map(|first| first + u64::from(frame))
    }

    pub fn category_id(&self, term: &TermRef) -> Option<u32> {
        self.category_ids.get(term).copied()
    }

    pub fn category(&self, term: &TermRef) -> Option<&'a Category> {
        self.categories.iter().find(|c| c.term == *term).copied()
    }
}
