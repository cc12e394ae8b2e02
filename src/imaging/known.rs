//! What is read, by which reader, and on what it has been verified: the list behind `shoken inspect --formats`.
//!
//! A line claims no more than a test shows: `tests/imaging_known.rs` opens the named sample of every line and looks at the
//! format and reader that come back, and the table in the README is this list.

/// On what a format has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// On a real file: a path below the folder of samples.
    RealFile(&'static str),
    /// On files that another program wrote for the tests.
    WrittenBy(&'static str),
    /// On no file but our own, or none at all.
    Not,
}

impl std::fmt::Display for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RealFile(sample) => write!(f, "a real file ({})", sample.rsplit('/').next().unwrap_or(sample)),
            Self::WrittenBy(program) => write!(f, "files written by {program}"),
            Self::Not => write!(f, "not verified"),
        }
    }
}

/// One kind of file.
#[derive(Clone, Copy, Debug)]
pub struct KnownFormat {
    /// The field's name of the format, with the codings that are meant.
    pub name: &'static str,
    pub reader: &'static str,
    pub verified: Verified,
}

const fn real(name: &'static str, reader: &'static str, sample: &'static str) -> KnownFormat {
    KnownFormat { name, reader, verified: Verified::RealFile(sample) }
}

const fn written(name: &'static str, reader: &'static str, program: &'static str) -> KnownFormat {
    KnownFormat { name, reader, verified: Verified::WrittenBy(program) }
}

const TIFF: &str = "tiff (native)";
const DICOM: &str = "dicom (native)";

/// In the order in which people look for them: slides, radiology, endoscopy.
pub const KNOWN_FORMATS: &[KnownFormat] = &[
    real("Aperio SVS, JPEG", TIFF, "pathology/wsi-svs/CMU-1-Small-Region.svs"),
    real("Hamamatsu NDPI", "ndpi (native)", "pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi"),
    real("pyramidal TIFF, Deflate", TIFF, "pathology/wsi-tiff/boxes.tiff"),
    real("pyramidal BigTIFF, Zstandard", TIFF, "pathology/wsi-tiff/yb10kx5k.zstd.tiff"),
    real("tiled TIFF, JPEG", TIFF, "pathology/wsi-tiff/tiled-jpeg-rgb-u8.tif"),
    written("TIFF, LZW, PackBits, WebP, JPEG 2000, uncompressed; 8 and 16 bits", TIFF, "tifffile 2026.3.3"),
    real("OME-TIFF, channels and focal planes", TIFF, "pathology/wsi-ome-tiff/multi-channel-z-series.ome.tif"),
    real("DICOM whole slide, JPEG", DICOM, "pathology/wsi-dicom/small_dicom.dcm"),
    real("DICOM whole slide, uncompressed", DICOM, "pathology/wsi-dicom/sm_image.dcm"),
    real("DICOM, uncompressed", DICOM, "radiology/ct-head-ge/14.dcm"),
    real("DICOM, big endian", DICOM, "radiology/mr-enhanced/emri_small_big_endian.dcm"),
    real("DICOM, deflated", DICOM, "radiology/transfer-syntax/pydicom/image_dfl.dcm"),
    real("DICOM, RLE", DICOM, "radiology/mr-enhanced/emri_small_RLE.dcm"),
    real("DICOM, JPEG baseline", DICOM, "radiology/cine-us-xa/jpeg8bit.dcm"),
    real("DICOM, JPEG lossless", DICOM, "radiology/transfer-syntax/nema-mr3/MR3_JPLL"),
    real("DICOM, JPEG extended, 12 bits", DICOM, "radiology/transfer-syntax/nema-mr3/MR3_JPLY"),
    real("DICOM, JPEG-LS", DICOM, "radiology/transfer-syntax/nema-mr3/MR3_JLSL"),
    real("DICOM, JPEG 2000", DICOM, "radiology/transfer-syntax/nema-mr3/MR3_J2KR"),
    real("DICOM, High-Throughput JPEG 2000", DICOM, "radiology/transfer-syntax/pydicom/HTJ2KLossless_08_RGB.dcm"),
    written("DICOM, JPEG XL", DICOM, "imagecodecs 2026.3.6"),
    real("NIfTI, plain and gzipped", "nifti (native)", "radiology/nifti-nrrd/anatomical.nii"),
    real("NRRD", "nrrd (native)", "radiology/nifti-nrrd/breast1_image.nrrd"),
    real("PNG", "image crate", "pathology/tiles-labelled/tcga-qc/no-tissue-red-pen.png"),
    real("JPEG", "jpeg (zune-jpeg)", "endoscopy/frames-ead2019/00016.jpg"),
    written("BMP", "image crate", "Pillow 13.0"),
    written("JPEG, CMYK and YCCK", "jpeg (zune-jpeg)", "Pillow 13.0"),
    written("JPEG, 12 bits", "jpeg (native, 12 bits)", "imagecodecs 2026.3.6"),
    written("WebP, lossy and lossless", "webp (image-webp)", "Pillow 13.0"),
    written("JPEG 2000 files and codestreams", "jpeg 2000 (OpenJPEG)", "Pillow 13.0"),
    real("Film, MP4 with H.264", "ffmpeg (child process)", "endoscopy/video/horizontal_grid.mp4"),
    written(
        "Film, MOV, Matroska, AVI, ASF, MPEG-2 streams; H.264, HEVC, MPEG-2, MPEG-4, Motion JPEG",
        "ffmpeg (child process)",
        "FFmpeg 5.1",
    ),
    written("DICOM, film (MPEG-2, H.264, HEVC)", "ffmpeg (child process)", "FFmpeg 5.1 in a DICOM shell of our own"),
];
