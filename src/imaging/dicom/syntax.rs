//! Transfer syntaxes: which are read and how (PS3.5 section 10 and annex A).

use crate::imaging::fault::Fault;

/// How the pixel data are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelCoding {
    Native,
    /// Native bytes of each frame in a fragment of its own (PS3.5 A.4.11).
    Encapsulated,
    /// Native bytes of each frame, deflated (PS3.5 A.4.13).
    DeflatedFrames,
    /// DCT JPEG of 8 or 12 bits.
    Jpeg,
    JpegLossless,
    JpegLs,
    /// Part 1, Part 2 and high throughput (Part 15).
    Jpeg2000,
    JpegXl,
    Rle,
    /// A film's stream, cut into fragments without regard to frames (PS3.5 A.4.8).
    Film,
    /// Known, not read; the name is for the message.
    NotRead,
}

/// A transfer syntax as far as reading needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferSyntax {
    pub uid: String,
    pub name: &'static str,
    pub explicit: bool,
    pub big_endian: bool,
    pub deflated: bool,
    pub pixels: PixelCoding,
}

impl TransferSyntax {
    pub fn from_uid(uid: &str) -> Self {
        use PixelCoding::{
            DeflatedFrames, Encapsulated, Film, Jpeg, Jpeg2000, JpegLossless, JpegLs, JpegXl, Native, NotRead, Rle,
        };
        let (name, pixels) = match uid.strip_prefix("1.2.840.10008.1.2").unwrap_or("?") {
            "" => ("Implicit VR Little Endian", Native),
            ".1" => ("Explicit VR Little Endian", Native),
            ".1.99" => ("Deflated Explicit VR Little Endian", Native),
            ".2" => ("Explicit VR Big Endian", Native),
            ".1.98" => ("Encapsulated Uncompressed", Encapsulated),
            ".4.50" => ("JPEG Baseline", Jpeg),
            ".4.51" => ("JPEG Extended", Jpeg),
            ".4.53" => ("JPEG Spectral Selection", Jpeg),
            ".4.55" => ("JPEG Full Progression", Jpeg),
            ".4.57" => ("JPEG Lossless", JpegLossless),
            ".4.70" => ("JPEG Lossless SV1", JpegLossless),
            ".4.80" => ("JPEG-LS Lossless", JpegLs),
            ".4.81" => ("JPEG-LS Near-lossless", JpegLs),
            ".4.90" => ("JPEG 2000 Lossless", Jpeg2000),
            ".4.91" => ("JPEG 2000", Jpeg2000),
            ".4.92" => ("JPEG 2000 Part 2 Lossless", Jpeg2000),
            ".4.93" => ("JPEG 2000 Part 2", Jpeg2000),
            ".4.100" | ".4.101" => ("MPEG-2 video", Film),
            ".4.102" | ".4.103" | ".4.104" | ".4.105" | ".4.106" => ("MPEG-4 H.264 video", Film),
            ".4.107" | ".4.108" => ("HEVC video", Film),
            ".4.110" => ("JPEG XL Lossless", JpegXl),
            ".4.111" => ("JPEG XL JPEG Recompression", JpegXl),
            ".4.112" => ("JPEG XL", JpegXl),
            ".4.201" => ("High-Throughput JPEG 2000 Lossless", Jpeg2000),
            ".4.202" => ("High-Throughput JPEG 2000 with RPCL Lossless", Jpeg2000),
            ".4.203" => ("High-Throughput JPEG 2000", Jpeg2000),
            ".8.1" => ("Deflated Image Frame Compression", DeflatedFrames),
            ".5" => ("RLE Lossless", Rle),
            _ => ("unknown transfer syntax", NotRead),
        };
        Self {
            uid: uid.to_owned(),
            name,
            explicit: uid != "1.2.840.10008.1.2",
            big_endian: uid == "1.2.840.10008.1.2.2",
            deflated: uid == "1.2.840.10008.1.2.1.99",
            pixels,
        }
    }

    /// For `inspect`: name and UID.
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.uid)
    }

    /// # Errors
    /// `Unsupported` with the name of a syntax whose pixels are not read.
    pub fn check_readable(&self) -> Result<(), Fault> {
        if self.pixels == PixelCoding::NotRead {
            return Err(Fault::unsupported(format!("DICOM pixels coded as {} are not read", self.label())));
        }
        Ok(())
    }
}
