//! Photographs and screenshots of one frame: PNG and BMP through the image crate, JPEG and WebP through the codecs that
//! slides use, JPEG 2000 files through OpenJPEG.

use std::{io::BufReader, path::PathBuf, sync::Arc};

use image::{ImageDecoder, ImageFormat, ImageReader};

use super::{
    FrameInfo, ImageMeta, ImageSource, ImageWarning, ImagingError, PixelBuffer, Samples,
    bytes::{ByteSource, Cursor, read_range},
    codec::{Expect, jpeg, jpeg_deep, webp},
    fault::Fault,
    frames::{FrameCache, flat_level, level_of},
    guard::caught,
    limits,
    orientation::Orientation,
    photo_jp2, photo_profile, tiff,
    values::window_of_values,
};
use crate::domain::{Field, SizePx, TileKey};

/// Deflate expands at most 1032:1 and a palette index of one bit becomes four bytes.
const MOST_EXPANSION: u64 = 1032 * 32;

/// An image of one frame without a pyramid.
pub struct Photo {
    meta: ImageMeta,
    path: PathBuf,
    bytes: Arc<dyn ByteSource>,
    kind: Kind,
    cache: FrameCache,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png(Orientation),
    Bmp,
    Jpeg(Expect, Orientation),
    /// 12 bits a sample.
    DeepJpeg(Expect, Orientation),
    WebP(Expect, Orientation),
    Jpeg2000,
}

fn decoder(bytes: &dyn ByteSource, kind: Kind) -> Result<Box<dyn ImageDecoder + '_>, Fault> {
    let format = if kind == Kind::Bmp { ImageFormat::Bmp } else { ImageFormat::Png };
    let mut reader = ImageReader::with_format(BufReader::new(Cursor::new(bytes)), format);
    let mut bound = image::Limits::default();
    bound.max_alloc = Some(limits::FRAME_BYTES);
    reader.limits(bound);
    let decoder = reader.into_decoder().map_err(broken)?;
    Ok(Box::new(decoder))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn broken(error: image::ImageError) -> Fault {
    match error {
        image::ImageError::Unsupported(what) => Fault::unsupported(what.to_string()),
        image::ImageError::Limits(_) => {
            Fault::TooLarge { what: "this image", needed_bytes: limits::FRAME_BYTES, limit_bytes: limits::FRAME_BYTES }
        }
        image::ImageError::IoError(error) => Fault::from(error),
        other => Fault::damaged(other.to_string()),
    }
}

/// A palette whose length is no multiple of three (PNG 11.2.2) stops the decoder with an internal fault, so it is looked at
/// before. Whatever else is wrong is the decoder's to say.
fn check_palette(bytes: &dyn ByteSource) -> Result<(), Fault> {
    let mut at = 8_u64;
    while at.saturating_add(12) <= bytes.len() {
        let head = read_range(bytes, at, 8, "PNG chunk", 8)?;
        let [a, b, c, d, kind @ ..] = head.as_slice() else { break };
        let length = u32::from_be_bytes([*a, *b, *c, *d]);
        match kind {
            b"PLTE" if length == 0 || length % 3 != 0 => {
                return Err(Fault::damaged(format!("its palette holds {length} bytes, which are no whole colours")));
            }
            b"PLTE" | b"IDAT" | b"IEND" => break,
            _ => at = at.saturating_add(12 + u64::from(length)),
        }
    }
    Ok(())
}

impl Photo {
    /// # Errors
    /// As [`super::open`].
    pub fn open_png(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Self, Fault> {
        check_palette(&*bytes)?;
        Self::open_with_image(path, bytes, Kind::Png(Orientation::AS_STORED))
    }

    /// # Errors
    /// As [`super::open`].
    pub fn open_bmp(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Self, Fault> {
        Self::open_with_image(path, bytes, Kind::Bmp)
    }

    fn open_with_image(path: PathBuf, bytes: Arc<dyn ByteSource>, kind: Kind) -> Result<Self, Fault> {
        let (stored, colour, icc, exif) = {
            let mut decoder = decoder(&*bytes, kind)?;
            let (width, height) = decoder.dimensions();
            Fault::check_size("this image", decoder.total_bytes(), limits::FRAME_BYTES)?;
            if decoder.total_bytes() > bytes.len().saturating_mul(MOST_EXPANSION) {
                return Err(Fault::damaged(format!(
                    "its header claims {width} × {height} pixels, far more than it can hold"
                )));
            }
            // A profile or a note that cannot be read must not keep anybody from the pixels.
            let (icc, exif) = (decoder.icc_profile().ok().flatten(), decoder.exif_metadata().ok().flatten());
            (SizePx::new(width, height), decoder.color_type(), icc, exif)
        };
        let turn = Orientation::new(exif.as_deref().and_then(tiff::exif_orientation));
        let (kind, turn) = match kind {
            Kind::Png(_) => (Kind::Png(turn), turn),
            other => (other, Orientation::AS_STORED),
        };
        let channels = match colour {
            image::ColorType::L8 | image::ColorType::La8 | image::ColorType::L16 | image::ColorType::La16 => 1,
            image::ColorType::Rgb8 | image::ColorType::Rgb16 => 3,
            image::ColorType::Rgba8 | image::ColorType::Rgba16 => 4,
            _ => return Err(Fault::unsupported("floating-point samples")),
        };
        let deep = colour.bytes_per_pixel() > colour.channel_count();
        let (format, bits) = (if kind == Kind::Bmp { "BMP" } else { "PNG" }, if deep { 16 } else { 8 });
        let mut meta = describe(&path, (format, "image crate"), turn.size(stored), channels, bits);
        meta.icc = icc.and_then(photo_profile::sane);
        Ok(Self { meta, path, bytes, kind, cache: FrameCache::default() }.with_window())
    }

    /// Deep grey needs a display window from its values.
    fn with_window(mut self) -> Self {
        if self.meta.bits_stored > 8 && self.meta.channels == 1 {
            let small = self.meta.size_px().area() <= limits::WINDOW_SAMPLE_PIXELS;
            let pixels = small.then(|| self.decode().ok()).flatten();
            let bits = self.meta.bits_stored;
            self.meta.display.window = Some(window_of_values(pixels.as_ref(), bits, self.meta.signed, (1.0, 0.0)));
        }
        self
    }

    /// # Errors
    /// As [`super::open`].
    pub fn open_jpeg(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Self, Fault> {
        let data = read_range(&*bytes, 0, bytes.len(), "file", limits::COMPRESSED_BYTES)?;
        let header = jpeg::header(&data)?;
        let deep = header.precision == 12 && matches!(header.process, 1 | 2);
        if !header.is_dct_8bit() && !deep {
            return Err(header.not_read());
        }
        let channels = match header.components {
            1 => 1,
            3 => 3,
            4 if !deep => 3,
            other => return Err(Fault::unsupported(format!("JPEG with {other} channels"))),
        };
        let expect = Expect { width: header.width, height: header.height, channels };
        Fault::check_size("this image", expect.samples(), limits::FRAME_BYTES)?;
        let turn = Orientation::new(jpeg::exif(&data).and_then(tiff::exif_orientation));
        let size_px = turn.size(SizePx::new(header.width, header.height));
        let mut meta = describe(&path, ("JPEG", "jpeg (zune-jpeg)"), size_px, channels, 8);
        if deep {
            meta.reader = "jpeg (native, 12 bits)";
            meta.bits_stored = if channels == 1 { 12 } else { 16 };
        }
        meta.icc = photo_profile::of_jpeg(&data).and_then(photo_profile::sane);
        header.model().clone_into(&mut meta.photometric);
        meta.transfer_syntax = Some(header.process_name().to_owned());
        // The end mark may be followed by maker's data, but a file without one was cut.
        if !data.windows(2).any(|pair| pair == [0xFF, 0xD9]) {
            meta.warnings.push(ImageWarning { code: "jpeg-cut-short", detail: String::new() });
        }
        let kind = if deep { Kind::DeepJpeg(expect, turn) } else { Kind::Jpeg(expect, turn) };
        Ok(Self { meta, path, bytes, kind, cache: FrameCache::default() }.with_window())
    }

    /// # Errors
    /// As [`super::open`].
    pub fn open_webp(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Self, Fault> {
        let data = read_range(&*bytes, 0, bytes.len(), "file", limits::COMPRESSED_BYTES)?;
        let header = webp::header(&data)?;
        let expect = Expect { width: header.width, height: header.height, channels: if header.alpha { 4 } else { 3 } };
        Fault::check_size("this image", expect.samples(), limits::FRAME_BYTES)?;
        let turn = Orientation::new(header.exif.as_deref().and_then(tiff::exif_orientation));
        let size_px = turn.size(SizePx::new(header.width, header.height));
        let mut meta = describe(&path, ("WebP", "webp (image-webp)"), size_px, expect.channels, 8);
        meta.icc = header.icc.and_then(photo_profile::sane);
        meta.transfer_syntax = Some(if header.lossy { "WebP lossy" } else { "WebP lossless" }.to_owned());
        if header.frames > 1 {
            meta.warnings.push(ImageWarning { code: "first-picture-only", detail: format!("of={}", header.frames) });
        }
        Ok(Self { meta, path, bytes, kind: Kind::WebP(expect, turn), cache: FrameCache::default() })
    }

    /// JP2 files and bare JPEG 2000 codestreams.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open_jpeg2000(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Self, Fault> {
        let data = read_range(&*bytes, 0, bytes.len(), "file", limits::COMPRESSED_BYTES)?;
        let header = photo_jp2::header(&data)?;
        let mut meta =
            describe(&path, (header.format, "jpeg 2000 (OpenJPEG)"), header.size_px, header.channels, header.bits);
        meta.icc = header.icc.and_then(photo_profile::sane);
        header.model.clone_into(&mut meta.photometric);
        meta.signed = header.signed;
        meta.transfer_syntax = Some("JPEG 2000".to_owned());
        Ok(Self { meta, path, bytes, kind: Kind::Jpeg2000, cache: FrameCache::default() }.with_window())
    }

    fn decode(&self) -> Result<PixelBuffer, ImagingError> {
        let whole = || read_range(&*self.bytes, 0, self.bytes.len(), "file", limits::COMPRESSED_BYTES);
        let work = || match self.kind {
            Kind::Jpeg(expect, turn) => {
                let mut data = whole()?;
                let samples = jpeg::decode(&mut data, expect, jpeg::Colour::AsMarked)?;
                let size_px = SizePx::new(expect.width, expect.height);
                Ok(turn.apply(PixelBuffer { size_px, channels: expect.channels, samples: Samples::U8(samples) }))
            }
            Kind::DeepJpeg(expect, turn) => {
                let data = whole()?;
                let marked = jpeg::header(&data)?.model() == "RGB";
                let colour = if marked { jpeg::Colour::Rgb } else { jpeg::Colour::YCbCr };
                let mut samples = jpeg_deep::decode(&data, expect, colour)?;
                if expect.channels > 1 {
                    // Colour has no window: 12 bits are stretched over the 16 that are shown.
                    samples.iter_mut().for_each(|value| *value = *value << 4 | *value >> 8);
                }
                let size_px = SizePx::new(expect.width, expect.height);
                Ok(turn.apply(PixelBuffer { size_px, channels: expect.channels, samples: Samples::U16(samples) }))
            }
            Kind::WebP(expect, turn) => {
                let samples = webp::decode(&whole()?, expect)?;
                let size_px = SizePx::new(expect.width, expect.height);
                Ok(turn.apply(PixelBuffer { size_px, channels: expect.channels, samples: Samples::U8(samples) }))
            }
            Kind::Jpeg2000 => photo_jp2::decode(&whole()?),
            kind @ (Kind::Png(_) | Kind::Bmp) => {
                let decoder = decoder(&*self.bytes, kind)?;
                let pixels = from_image(image::DynamicImage::from_decoder(decoder).map_err(broken)?)?;
                Ok(if let Kind::Png(turn) = kind { turn.apply(pixels) } else { pixels })
            }
        };
        caught(work).unwrap_or_else(|panic| Err(Fault::damaged(panic))).map_err(|fault| fault.at(&self.path))
    }
}

fn from_image(image: image::DynamicImage) -> Result<PixelBuffer, Fault> {
    use image::DynamicImage as D;
    let size_px = SizePx::new(image.width(), image.height());
    let (channels, samples) = match image {
        D::ImageLuma8(pixels) => (1, Samples::U8(pixels.into_raw())),
        // Transparency of a grey image has no meaning here, and a second channel would cost every shader a case.
        D::ImageLumaA8(pixels) => (1, Samples::U8(pixels.into_raw().into_iter().step_by(2).collect())),
        D::ImageRgb8(pixels) => (3, Samples::U8(pixels.into_raw())),
        D::ImageRgba8(pixels) => (4, Samples::U8(pixels.into_raw())),
        D::ImageLuma16(pixels) => (1, Samples::U16(pixels.into_raw())),
        D::ImageLumaA16(pixels) => (1, Samples::U16(pixels.into_raw().into_iter().step_by(2).collect())),
        D::ImageRgb16(pixels) => (3, Samples::U16(pixels.into_raw())),
        D::ImageRgba16(pixels) => (4, Samples::U16(pixels.into_raw())),
        _ => return Err(Fault::unsupported("floating-point samples")),
    };
    Ok(PixelBuffer { size_px, channels, samples })
}

fn describe(
    path: &std::path::Path,
    (format, reader): (&str, &'static str),
    size_px: SizePx,
    channels: u8,
    bits: u8,
) -> ImageMeta {
    ImageMeta {
        format: format.to_owned(),
        reader,
        // A photograph that says nothing about itself is most often an endoscopy still; the user can say otherwise.
        field: Field::Endoscopy,
        levels: vec![flat_level(size_px)],
        frames: vec![FrameInfo::default()],
        channels,
        bits_stored: bits,
        photometric: if channels == 1 { "grey".to_owned() } else { "RGB".to_owned() },
        files: vec![path.to_path_buf()],
        ..ImageMeta::default()
    }
}

impl ImageSource for Photo {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let level = level_of(&self.meta.levels, key)?;
        if key.frame > 0 {
            return Err(ImagingError::OutOfRange { what: "frame", index: u64::from(key.frame), count: 1 });
        }
        self.cache.tile(level, key, || self.decode())
    }

    fn bands(&self) -> Option<Box<dyn super::bands::Bands + '_>> {
        match self.kind {
            Kind::Png(turn) if turn.is_as_stored() => {
                Some(Box::new(super::png_rows::rows(&self.bytes, &self.path, self.meta.channels)?))
            }
            _ => None,
        }
    }

    fn read_associated(&self, _name: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }
}
