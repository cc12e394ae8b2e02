//! Outlines that were opened once. Opening a sealed value costs some ten microseconds, and a view of a slide with a hundred
//! thousand outlines is made anew after every gesture; a value never changes under its digest.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use super::{Project, ProjectError};
use crate::domain::{Digest, Roi, decode_roi};

/// Half a gigabyte of vertices; beyond it the outlines of cases that were left have to go.
const MOST_BYTES: usize = 512 << 20;

#[derive(Default)]
pub(super) struct Shapes {
    known: RefCell<HashMap<Digest, Arc<Roi>>>,
    bytes: Cell<usize>,
    erased: Cell<usize>,
}

impl Shapes {
    /// Forgets all when a subject was erased since the last look, by whomever.
    pub(super) fn erased(&self, subjects: usize) {
        if self.erased.replace(subjects) != subjects {
            self.forget();
        }
    }

    fn forget(&self) {
        self.known.borrow_mut().clear();
        self.bytes.set(0);
    }

    fn keep(&self, digest: Digest, roi: &Arc<Roi>) {
        // Vertices, and what holds them.
        let bytes = roi.shape.points().count() * 16 + 200;
        if self.bytes.get() + bytes > MOST_BYTES {
            self.forget();
        }
        self.bytes.set(self.bytes.get() + bytes);
        self.known.borrow_mut().insert(digest, Arc::clone(roi));
    }
}

impl Project {
    /// The outline behind a digest; `None` when it was erased, never came here, or is none that this version reads.
    pub(super) fn outline(&self, digest: &Digest) -> Result<Option<Arc<Roi>>, ProjectError> {
        if let Some(roi) = self.shapes.known.borrow().get(digest) {
            return Ok(Some(Arc::clone(roi)));
        }
        let value = self.store.value(digest)?;
        let roi = value.and_then(|v| decode_roi(&v.value).ok()).map(Arc::new);
        if let Some(roi) = &roi {
            self.shapes.keep(*digest, roi);
        }
        Ok(roi)
    }
}
