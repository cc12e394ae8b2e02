//! How a page's samples are compressed and what they mean, by the codes of TIFF 6.0 and of libtiff's registry.

use crate::imaging::fault::Fault;

/// Compressions that are read (TIFF 6.0, technical note 2, Aperio; libtiff's registered codes for the newer ones).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
    /// Aperio 33003 (YCbCr) and 33005 (RGB).
    Jpeg2000 {
        ycbcr: bool,
    },
    Zstd,
    WebP,
}

impl Compression {
    pub fn from_code(code: u64) -> Result<Self, Fault> {
        match code {
            1 => Ok(Self::None),
            5 => Ok(Self::Lzw),
            7 => Ok(Self::Jpeg),
            8 | 32946 => Ok(Self::Deflate),
            32773 => Ok(Self::PackBits),
            33003 => Ok(Self::Jpeg2000 { ycbcr: true }),
            33005 | 34712 => Ok(Self::Jpeg2000 { ycbcr: false }),
            2..=4 => Err(Fault::unsupported(format!("TIFF fax compression {code}"))),
            6 => Err(Fault::unsupported("old-style JPEG in TIFF (compression 6)")),
            50000 => Ok(Self::Zstd),
            50001 => Ok(Self::WebP),
            other => Err(Fault::unsupported(match unread(other) {
                Some(name) => format!("TIFF compression {other}, {name}"),
                None => format!("TIFF compression {other}"),
            })),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Lzw => "LZW",
            Self::Jpeg => "JPEG",
            Self::Deflate => "Deflate",
            Self::PackBits => "PackBits",
            Self::Jpeg2000 { .. } => "JPEG 2000",
            Self::Zstd => "Zstandard",
            Self::WebP => "WebP",
        }
    }

    /// The most that one compressed byte can become; forged sizes fail against it.
    pub fn ratio(self) -> u64 {
        match self {
            Self::None => 1,
            Self::PackBits => 64,
            Self::Deflate => 1032,
            Self::Lzw | Self::Jpeg => 8192,
            // A run-length block of 4 bytes is 128 KiB.
            Self::Zstd => 1 << 15,
            // One colour takes no bits at all.
            Self::Jpeg2000 { .. } | Self::WebP => 1 << 20,
        }
    }
}

/// What the samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

impl Photometric {
    /// # Errors
    /// `Unsupported` with the name of a colour model that is not read.
    pub fn from_code(code: u64, stored_channels: u8) -> Result<Self, Fault> {
        let name = match code {
            0 => return Ok(Self::WhiteIsZero),
            1 => return Ok(Self::BlackIsZero),
            2 if stored_channels >= 3 => return Ok(Self::Rgb),
            3 => return Ok(Self::Palette),
            5 if stored_channels >= 4 => return Ok(Self::Cmyk),
            6 if stored_channels == 3 => return Ok(Self::YCbCr),
            4 => "transparency mask",
            8..=10 => "L*a*b*",
            32803 => "colour filter array",
            32844 | 32845 => "LogLuv",
            _ => "with this number of channels",
        };
        Err(Fault::unsupported(format!("TIFF photometric interpretation {code}, {name}")))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::WhiteIsZero => "WhiteIsZero",
            Self::BlackIsZero => "BlackIsZero",
            Self::Rgb => "RGB",
            Self::Palette => "palette",
            Self::Cmyk => "CMYK",
            Self::YCbCr => "YCbCr",
        }
    }
}

/// Compressions that are known by name and not read.
fn unread(code: u64) -> Option<&'static str> {
    Some(match code {
        9 | 10 | 34661 => "JBIG",
        22610 | 34934 => "JPEG XR",
        34887 => "LERC",
        34925 | 50013 => "LZMA",
        34933 => "PNG",
        50002 | 52546 => "JPEG XL",
        _ => return None,
    })
}
