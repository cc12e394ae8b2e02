//! The few things the door needs from imaging, in one place.

use std::path::PathBuf;
use std::sync::Arc;

use crate::imaging::{ImageSource, ImagingError, open, open_series};

/// Opens an image made of these files: one file of any format, or the instances of a DICOM series.
pub(super) fn open_files(files: &[PathBuf]) -> Result<Arc<dyn ImageSource>, ImagingError> {
    match files {
        [one] => open(one),
        many => open_series(many),
    }
}
