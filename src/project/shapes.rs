//! Outlines that were opened once. Opening a sealed value costs some ten microseconds, and a view of a slide with a hundred
//! thousand outlines is made anew after every gesture; a value never changes under its digest.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use super::{Project, ProjectError};
use crate::domain::{CaseId, Digest, Roi, decode_roi};

/// Half a gigabyte of vertices: some 900,000 outlines of two dozen each.
const MOST_BYTES: usize = 512 << 20;

#[derive(Default)]
pub(super) struct Shapes {
    known: RefCell<HashMap<Digest, Arc<Roi>>>,
    bytes: Cell<usize>,
    erased: Cell<usize>,
    case: RefCell<Option<CaseId>>,
}

impl Shapes {
    /// A case is looked at. All is forgotten when a subject was erased since the last look, by whomever, and when another
    /// case than the last one may need the room.
    pub(super) fn looked_at(&self, case: &CaseId, erased: usize) {
        let other = self.case.borrow_mut().replace(case.clone()).is_some_and(|last| last != *case);
        if self.erased.replace(erased) != erased || other && self.bytes.get() > MOST_BYTES / 2 {
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
        // The first so many of a case rather than the last: every look goes through them in the same order.
        if self.bytes.get() + bytes > MOST_BYTES {
            return;
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
