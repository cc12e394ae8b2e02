//! What the fuzz targets share: the look that the tests' mutants get, and the marks that keep a target with its family.

#[allow(clippy::cast_possible_truncation, reason = "frames and levels are bounded by the readers")]
#[path = "../tests/support/look.rs"]
mod look;

/// Opens the bytes as the family whose mark is put at `at` (an input without its mark would only try the table of
/// formats) and decodes some of everything.
pub fn open_marked(bytes: &[u8], at: usize, mark: &[u8]) {
    let mut bytes = bytes.to_vec();
    if bytes.len() < at + mark.len() {
        bytes.resize(at + mark.len(), 0);
    }
    if let Some(place) = bytes.get_mut(at..at + mark.len()) {
        place.copy_from_slice(mark);
    }
    open(&bytes);
}

/// Opens the bytes whatever they are; an error is an answer, a panic or a hang is not.
pub fn open(bytes: &[u8]) {
    let _ = look::look(bytes, true);
}
