//! NIfTI-1 and NIfTI-2 (nifti1.h of 2007, nifti2.h of 2011), plain, gzipped, or as a pair of header and data file.
//!
//! The affine is the sform where the file has one, else the qform, as the standard's method 3 and 2 and every reader prefer.
//! NIfTI counts its axes towards right, anterior, superior; poses here are LPS, so the first two change sign.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    DisplayDefaults, FrameInfo, ImageMeta, ImageSource, ImageWarning, Window,
    bytes::{ByteSource, FileBytes, read_range},
    codec::inflate,
    fault::Fault,
    limits,
    voxels::{Block, GzipBytes, Kind, VoxelFile, pose},
};
use crate::domain::{Field, SizePx, Spacing, SpacingSource};

const HEADER_1: usize = 348;
const HEADER_2: usize = 540;

/// Whether the bytes begin a NIfTI header.
pub fn is_nifti(head: &[u8]) -> bool {
    let four = |bytes: Option<&[u8]>| bytes.and_then(|b| <[u8; 4]>::try_from(b).ok());
    let size = four(head.get(..4)).map(|b| [u32::from_le_bytes(b), u32::from_be_bytes(b)]);
    let one = matches!(head.get(344..348), Some(b"n+1\0" | b"ni1\0"));
    let two = matches!(head.get(4..8), Some(b"n+2\0" | b"ni2\0"));
    size.is_some_and(|sizes| (one && sizes.contains(&348)) || (two && sizes.contains(&540)))
}

/// What the header says.
#[derive(Debug, PartialEq)]
struct Header {
    two: bool,
    pair: bool,
    big_endian: bool,
    /// Sizes along x, y, z, time; 1 where there is no such axis.
    size: [u32; 4],
    datatype: u16,
    offset: u64,
    slope: f64,
    inter: f64,
    cal: (f64, f64),
    /// Columns i, j, k and the origin, RAS millimetres; `None` where no form is given.
    affine: Option<([[f64; 3]; 3], [f64; 3])>,
    pixdim_mm: [f64; 3],
}

struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Fault> {
        let cut = || Fault::damaged("the NIfTI header is cut short");
        let mut out: [u8; N] = self.bytes.get(at..at + N).and_then(|b| b.try_into().ok()).ok_or_else(cut)?;
        if self.big_endian {
            out.reverse();
        }
        Ok(out)
    }

    fn i16(&self, at: usize) -> Result<i64, Fault> {
        Ok(i64::from(i16::from_le_bytes(self.array(at)?)))
    }

    fn i32(&self, at: usize) -> Result<i64, Fault> {
        Ok(i64::from(i32::from_le_bytes(self.array(at)?)))
    }

    fn i64(&self, at: usize) -> Result<i64, Fault> {
        Ok(i64::from_le_bytes(self.array(at)?))
    }

    fn f32(&self, at: usize) -> Result<f64, Fault> {
        Ok(f64::from(f32::from_le_bytes(self.array(at)?)))
    }

    fn f64(&self, at: usize) -> Result<f64, Fault> {
        Ok(f64::from_le_bytes(self.array(at)?))
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let two = matches!(bytes.get(4..8), Some(b"n+2\0" | b"ni2\0"));
        let little = bytes.first().is_some_and(|byte| *byte != 0);
        let r = Reader { bytes, big_endian: !little };
        let magic = if two { bytes.get(4..8) } else { bytes.get(344..348) };
        let pair = matches!(magic, Some(b"ni1\0" | b"ni2\0"));
        let dim = |index: usize| if two { r.i64(16 + index * 8) } else { r.i16(40 + index * 2) };
        // Places of the numbers in either header: pixdim, quatern_b, qoffset_x, srow_x, codes, and so on.
        let real = |one: usize, second: usize, index: usize| {
            if two { r.f64(second + index * 8) } else { r.f32(one + index * 4) }
        };
        let code = |one: usize, second: usize| if two { r.i32(second) } else { r.i16(one) };
        let axes = dim(0)?;
        if !(1..=7).contains(&axes) {
            return Err(Fault::damaged(format!("its header says {axes} axes")));
        }
        let mut size = [1_u32; 4];
        for index in 1..=7_usize {
            let length = if (index as u64) <= axes.unsigned_abs() { dim(index)? } else { 1 };
            let length = u32::try_from(length).ok().filter(|n| (1..=1_000_000).contains(n));
            let length = length.ok_or_else(|| Fault::damaged("its header says an impossible size"))?;
            match size.get_mut(index - 1) {
                Some(place) => *place = length,
                None if length > 1 => return Err(Fault::unsupported("NIfTI with vectors or further axes")),
                None => {}
            }
        }
        let units = if two { u8::try_from(r.i32(500)? & 7).unwrap_or(0) } else { *bytes.get(123).unwrap_or(&0) & 7 };
        let to_mm = match units {
            1 => 1000.0,
            3 => 1e-3,
            _ => 1.0,
        };
        let pix = |index| real(76, 104, index);
        let pixdim_mm = [pix(1)?.abs() * to_mm, pix(2)?.abs() * to_mm, pix(3)?.abs() * to_mm];
        let offset =
            if two { r.i64(168)? } else { r.f32(108)?.round().clamp(0.0, 1e12).to_string().parse().unwrap_or(0) };
        let datatype = if two { r.i16(12)? } else { r.i16(70)? };
        let affine = if code(254, 348)? > 0 {
            let row = |row: usize| -> Result<[f64; 4], Fault> {
                let at = |col| real(280, 400, row * 4 + col);
                Ok([at(0)?, at(1)?, at(2)?, at(3)?])
            };
            let [x, y, z] = [row(0)?, row(1)?, row(2)?];
            Some(([[x[0], y[0], z[0]], [x[1], y[1], z[1]], [x[2], y[2], z[2]]], [x[3], y[3], z[3]]))
        } else if code(252, 344)? > 0 {
            let q = |index| real(256, 352, index);
            let sign = if pix(0)? < 0.0 { -1.0 } else { 1.0 };
            let columns = from_quaternion([q(0)?, q(1)?, q(2)?]);
            let [i, j, k] = columns;
            let [dx, dy, dz] = [pix(1)?.abs(), pix(2)?.abs(), pix(3)?.abs() * sign];
            Some(([i.map(|c| c * dx), j.map(|c| c * dy), k.map(|c| c * dz)], [q(3)?, q(4)?, q(5)?]))
        } else {
            None
        };
        let affine = affine.map(|(columns, origin)| (columns.map(|c| c.map(|v| v * to_mm)), origin.map(|v| v * to_mm)));
        Ok(Self {
            two,
            pair,
            big_endian: !little,
            size,
            datatype: u16::try_from(datatype).unwrap_or(0),
            offset: u64::try_from(offset).unwrap_or(0),
            slope: real(112, 176, 0)?,
            inter: real(116, 184, 0)?,
            cal: (real(128, 200, 0)?, real(124, 192, 0)?),
            affine,
            pixdim_mm,
        })
    }

    fn kind(&self) -> Result<(Kind, u8), Fault> {
        Ok(match self.datatype {
            2 => (Kind::U8, 1),
            4 => (Kind::I16, 1),
            8 => (Kind::I32, 1),
            16 => (Kind::F32, 1),
            64 => (Kind::F64, 1),
            128 => (Kind::U8, 3),
            256 => (Kind::I8, 1),
            512 => (Kind::U16, 1),
            768 => (Kind::U32, 1),
            1024 => (Kind::I64, 1),
            1280 => (Kind::U64, 1),
            2304 => (Kind::U8, 4),
            other => return Err(Fault::unsupported(format!("NIfTI of data type {other}"))),
        })
    }
}

/// Rotation columns of a unit quaternion given by its last three parts (nifti1.h, method 2).
fn from_quaternion([b, c, d]: [f64; 3]) -> [[f64; 3]; 3] {
    let square = 1.0 - (b * b + c * c + d * d);
    let (a, b, c, d) = if square < 1e-7 {
        let scale = 1.0 / (b * b + c * c + d * d).sqrt();
        (0.0, b * scale, c * scale, d * scale)
    } else {
        (square.sqrt(), b, c, d)
    };
    [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)],
        [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)],
        [2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - c * c - b * b],
    ]
}

/// Opens a plain NIfTI file.
///
/// # Errors
/// `Damaged`, `Unsupported`, `TooLarge` as the file gives reason.
pub fn open(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Arc<dyn ImageSource>, Fault> {
    let head = read_range(&*bytes, 0, bytes.len().min(HEADER_2 as u64), "header", HEADER_2 as u64)?;
    let header = Header::read(&head)?;
    if header.pair {
        return open_pair(path, &header);
    }
    let file = file(&header, vec![path], bytes, header.offset.max(if header.two { 544 } else { 352 }))?;
    Ok(Arc::new(file.with_window()))
}

/// The data of a header that stands alone, in the file of the same name with the ending `.img`.
fn open_pair(path: PathBuf, header: &Header) -> Result<Arc<dyn ImageSource>, Fault> {
    let data =
        ["img", "IMG", "img.gz"].map(|ending| path.with_extension(ending)).into_iter().find(|data| data.exists());
    let data = data.ok_or_else(|| Fault::damaged("the file of voxels (.img) beside the NIfTI header is missing"))?;
    let bytes: Arc<dyn ByteSource> = Arc::new(FileBytes::open(&data)?);
    if is_gzip(&data) {
        let (kind, channels) = header.kind()?;
        let [x, y, z, t] = header.size.map(u64::from);
        let len = header.offset + x * y * z * t * kind.bytes() * u64::from(channels);
        let gzip = Arc::new(GzipBytes::new(bytes, 0, len)?);
        return Ok(Arc::new(file(header, vec![path, data], gzip, header.offset)?.with_window()));
    }
    Ok(Arc::new(file(header, vec![path, data], bytes, header.offset)?.with_window()))
}

fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}

/// Opens a gzip stream that holds a NIfTI file.
///
/// # Errors
/// `Unsupported` for other contents, else as [`open`].
pub fn open_gzip(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Arc<dyn ImageSource>, Fault> {
    let packed = read_range(&*bytes, 0, bytes.len().min(1 << 16), "header", 1 << 16)?;
    let head = inflate::gzip_head(&packed, HEADER_2);
    if !is_nifti(&head) {
        return Err(Fault::not_an_image("it is a gzip archive without a NIfTI volume"));
    }
    let header = Header::read(&head)?;
    if header.pair {
        return Err(Fault::unsupported("a gzipped NIfTI header without its voxels"));
    }
    let (kind, channels) = header.kind()?;
    let start = header.offset.max(if header.two { 544 } else { HEADER_1 as u64 + 4 });
    let [x, y, z, t] = header.size.map(u64::from);
    let voxels = [x, y, z, t].into_iter().fold(1_u64, u64::saturating_mul);
    let len = voxels.saturating_mul(kind.bytes() * u64::from(channels)).saturating_add(start);
    // Deflate packs at most 1032 to 1.
    if len / 1032 > bytes.len() {
        return Err(Fault::damaged("the gzip stream is far too short for the volume that its header promises"));
    }
    let gzip = Arc::new(GzipBytes::new(bytes, 0, len)?);
    let file = file(&header, vec![path], Arc::clone(&gzip) as Arc<dyn ByteSource>, start)?.with_window();
    // Many volumes may be looked at before one is shown.
    gzip.forget();
    Ok(Arc::new(file))
}

fn file(header: &Header, files: Vec<PathBuf>, bytes: Arc<dyn ByteSource>, at: u64) -> Result<VoxelFile, Fault> {
    let (kind, channels) = header.kind()?;
    let [width, height, depth, times] = header.size;
    let frames = u64::from(depth) * u64::from(times);
    if frames > limits::FRAMES {
        return Err(Fault::damaged(format!("its header says {frames} slices")));
    }
    let rescale = if header.slope.is_finite() && header.slope != 0.0 && header.inter.is_finite() && channels == 1 {
        (header.slope, header.inter)
    } else {
        (1.0, 0.0)
    };
    // RAS to LPS.
    let lps = |[x, y, z]: [f64; 3]| [-x, -y, z];
    let affine = header.affine.map(|(columns, origin)| (columns.map(lps), lps(origin)));
    let infos = (0..times).flat_map(|time| (0..depth).map(move |k| (time, k))).map(|(time, k)| FrameInfo {
        rescale,
        pose: affine.and_then(|(columns, origin)| pose(columns, origin, k)),
        group: time,
        ..FrameInfo::default()
    });
    let frames: Vec<FrameInfo> = infos.collect();
    let measured = frames.first().and_then(|frame| frame.pose).map(|pose| pose.spacing_mm);
    let [dx, dy] = measured.unwrap_or([header.pixdim_mm[0], header.pixdim_mm[1]]);
    let spacing = (dx > 0.0 && dy > 0.0 && dx.is_finite() && dy.is_finite()).then_some(Spacing {
        x_um: dx * 1000.0,
        y_um: dy * 1000.0,
        source: SpacingSource::NiftiHeader,
    });
    let (low, high) = header.cal;
    let window = (high > low && low.is_finite() && high.is_finite())
        .then(|| Window { center: f64::midpoint(low, high) + 0.5, width: high - low + 1.0 });
    let mut warnings = Vec::new();
    if affine.is_none() {
        warnings.push(ImageWarning { code: "volume-no-orientation", detail: String::new() });
    }
    if times > 1 {
        warnings.push(ImageWarning { code: "dicom-frames-in-groups", detail: times.to_string() });
    }
    let meta = ImageMeta {
        format: if header.two { "NIfTI-2" } else { "NIfTI-1" }.to_owned(),
        reader: "nifti (native)",
        field: Field::Radiology,
        frames,
        spacing,
        display: DisplayDefaults { window, ..DisplayDefaults::default() },
        warnings,
        files,
        ..ImageMeta::default()
    };
    let size_px = SizePx::new(width, height);
    VoxelFile::new(meta, bytes, Block { at, kind, big_endian: header.big_endian, size_px, channels })
}
