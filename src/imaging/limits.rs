//! How much memory foreign bytes may ask for. Every allocation sized by a header is checked against one of these.

/// One decoded frame or flat image.
pub const FRAME_BYTES: u64 = 1 << 30;
/// One decoded tile of a pyramid.
pub const TILE_BYTES: u64 = 256 << 20;
/// One compressed tile, strip or frame.
pub const COMPRESSED_BYTES: u64 = 512 << 20;
/// The header of a DICOM file: everything before the pixels.
pub const DICOM_HEADER_BYTES: u64 = 64 << 20;
/// A deflated DICOM data set after inflation.
pub const INFLATED_BYTES: u64 = 1 << 30;
/// A text or table inside a TIFF directory (description, JPEG tables, palette).
pub const TIFF_BLOB_BYTES: u64 = 8 << 20;
/// Directories in one TIFF file.
pub const TIFF_DIRECTORIES: usize = 10_000;
/// Entries in one TIFF directory.
pub const TIFF_ENTRIES: u64 = 4096;
/// Nested sequences in a DICOM header.
pub const DICOM_DEPTH: u8 = 32;
/// Frames in one image.
pub const FRAMES: u64 = 1_000_000;
/// Decoded frames a source keeps so that its other tiles need no second decoding.
pub const FRAME_CACHE_BYTES: u64 = 96 << 20;
/// Pixels examined when a file names no display window.
pub const WINDOW_SAMPLE_PIXELS: u64 = 64 << 20;
/// The samples of one volume in memory.
pub const VOLUME_BYTES: u64 = 4 << 30;
