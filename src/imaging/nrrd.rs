//! NRRD (Nearly Raw Raster Data, teem.sourceforge.net/nrrd/format.html): headers with their data attached or in one file
//! beside them, raw or gzipped. Spaces named by anatomy become poses in LPS.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{
    FrameInfo, ImageMeta, ImageSource, ImageWarning,
    bytes::{ByteSource, FileBytes, read_range},
    fault::Fault,
    limits,
    voxels::{Block, GzipBytes, Kind, VoxelFile, pose},
};
use crate::domain::{Field, SizePx, Spacing, SpacingSource};

/// The largest header that is read.
const HEADER_BYTES: u64 = 1 << 20;

/// Whether the bytes begin an NRRD header.
pub fn is_nrrd(head: &[u8]) -> bool {
    head.starts_with(b"NRRD000") && head.get(7).is_some_and(|version| (b'1'..=b'5').contains(version))
}

/// The fields of a header by their lower-case names, and where the attached data begin.
fn fields(head: &[u8]) -> Result<(Fields, usize), Fault> {
    let mut out = BTreeMap::new();
    let mut at = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Ok((out, at));
        }
        if text.starts_with('#') || text.starts_with("NRRD") || text.contains(":=") {
            continue;
        }
        let Some((name, value)) = text.split_once(':') else {
            return Err(Fault::damaged("a line of its header is no field"));
        };
        out.insert(name.trim().to_lowercase(), value.trim().to_owned());
    }
    Ok((out, at))
}

fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Kind::U8,
        "signed char" | "int8" | "int8_t" => Kind::I8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Kind::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Kind::U16,
        "int" | "signed int" | "int32" | "int32_t" => Kind::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Kind::U32,
        "longlong" | "long long" | "long long int" | "signed long long" | "int64" | "int64_t" => Kind::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Kind::U64,
        "float" => Kind::F32,
        "double" => Kind::F64,
        _ => return None,
    })
}

/// `(x,y,z)`, or `None` for `none` and anything else.
fn vector(text: &str) -> Option<[f64; 3]> {
    let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let values: Option<Vec<f64>> = inside.split(',').map(|part| part.trim().parse().ok()).collect();
    values?.try_into().ok()
}

/// `(1,0,0) none (0,1,0)`: one for each axis.
fn vectors(text: &str) -> Vec<Option<[f64; 3]>> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = if rest.starts_with('(') {
            rest.find(')').map_or(rest.len(), |at| at + 1)
        } else {
            rest.find(' ').unwrap_or(rest.len())
        };
        let (one, after) = rest.split_at(end);
        out.push(vector(one));
        rest = after.trim_start();
    }
    out
}

/// What turns the header's space into LPS; `None` for spaces that are not the patient's.
fn to_lps(space: &str) -> Option<[f64; 3]> {
    match space.to_lowercase().trim_end_matches("-time") {
        "left-posterior-superior" | "lps" | "lpst" => Some([1.0, 1.0, 1.0]),
        "right-anterior-superior" | "ras" | "rast" => Some([-1.0, -1.0, 1.0]),
        "left-anterior-superior" | "las" | "last" => Some([1.0, -1.0, 1.0]),
        _ => None,
    }
}

fn length([x, y, z]: [f64; 3]) -> f64 {
    (x * x + y * y + z * z).sqrt()
}

/// Opens an NRRD header and its data.
///
/// # Errors
/// `Damaged`, `Unsupported`, `TooLarge` as the file gives reason.
pub fn open(path: PathBuf, bytes: Arc<dyn ByteSource>) -> Result<Arc<dyn ImageSource>, Fault> {
    let head = read_range(&*bytes, 0, bytes.len().min(HEADER_BYTES), "header", HEADER_BYTES)?;
    let (fields, attached_at) = fields(&head)?;
    let (mut meta, mut block) = describe(&fields)?;
    let field = |name: &str| fields.get(name).map(String::as_str);
    let voxels = block.frame_bytes().saturating_mul(meta.frames.len() as u64);
    let (data, start) = match field("data file").or_else(|| field("datafile")) {
        None => {
            meta.files = vec![path];
            (bytes, attached_at as u64)
        }
        Some(name) => {
            let beside = beside(&path, name)?;
            let data: Arc<dyn ByteSource> = Arc::new(FileBytes::open(&beside)?);
            meta.files = vec![path, beside];
            let start = skipped_lines(&*data, field("line skip").or_else(|| field("lineskip")))?;
            (data, start)
        }
    };
    let skip = field("byte skip").or_else(|| field("byteskip")).unwrap_or("0").trim();
    match need(&fields, "encoding")?.to_lowercase().as_str() {
        "raw" => {
            block.at = match skip.parse::<i64>() {
                Ok(-1) => data.len().saturating_sub(voxels),
                Ok(skip) => start.saturating_add(u64::try_from(skip).unwrap_or(0)),
                Err(_) => start,
            };
            Ok(Arc::new(VoxelFile::new(meta, data, block)?.with_window()))
        }
        "gzip" | "gz" => {
            block.at = skip.parse().unwrap_or(0);
            // Deflate packs at most 1032 to 1.
            if voxels / 1032 > data.len() {
                return Err(Fault::damaged("the gzip stream is far too short for the volume that its header promises"));
            }
            let gzip = Arc::new(GzipBytes::new(data, start, voxels.saturating_add(block.at))?);
            let file = VoxelFile::new(meta, Arc::clone(&gzip) as Arc<dyn ByteSource>, block)?.with_window();
            // Many volumes may be looked at before one is shown.
            gzip.forget();
            Ok(Arc::new(file))
        }
        other => Err(Fault::unsupported(format!("NRRD in the encoding '{other}'"))),
    }
}

type Fields = BTreeMap<String, String>;

fn need<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Fault> {
    fields.get(name).map(String::as_str).ok_or_else(|| Fault::damaged(format!("its header lacks '{name}'")))
}

/// The sizes of the axes, without the fastest one where it holds colours.
fn shape(fields: &Fields, kind: Kind) -> Result<(Vec<u32>, u8), Fault> {
    let sizes: Option<Vec<u32>> = need(fields, "sizes")?.split_whitespace().map(|part| part.parse().ok()).collect();
    let sizes = sizes.filter(|sizes| sizes.iter().all(|n| (1..=1_000_000).contains(n)));
    let mut sizes = sizes.ok_or_else(|| Fault::damaged("its header says an impossible size"))?;
    let kinds = fields.get("kinds").map(|kinds| kinds.to_lowercase()).unwrap_or_default();
    let fastest = kinds.split_whitespace().next().unwrap_or("domain");
    let colour = matches!(fastest, "rgb-color" | "rgba-color" | "vector" | "3-color" | "4-color");
    if colour && kind == Kind::U8 && matches!(sizes.first(), Some(3 | 4)) {
        let channels = sizes.remove(0);
        return Ok((sizes, u8::try_from(channels).unwrap_or(3)));
    }
    if matches!(fastest, "domain" | "space" | "???" | "none") {
        return Ok((sizes, 1));
    }
    Err(Fault::unsupported("NRRD whose fastest axis is no space"))
}

/// Frames with their places, and how voxels are written; where they begin is found out later.
fn describe(fields: &Fields) -> Result<(ImageMeta, Block), Fault> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    let kind = kind(need(fields, "type")?).ok_or_else(|| Fault::unsupported("NRRD of such samples"))?;
    let (sizes, channels) = shape(fields, kind)?;
    let lead = usize::from(channels > 1);
    let (Some(&width), Some(&height)) = (sizes.first(), sizes.get(1)) else {
        return Err(Fault::unsupported("NRRD of one axis"));
    };
    let depth = sizes.get(2).copied().unwrap_or(1);
    let groups = sizes.iter().skip(3).fold(1_u32, |product, n| product.saturating_mul(*n));
    let frames = u64::from(depth) * u64::from(groups);
    if frames > limits::FRAMES {
        return Err(Fault::damaged(format!("its header says {frames} slices")));
    }
    let directions: Vec<_> =
        field("space directions").map(vectors).unwrap_or_default().into_iter().skip(lead).collect();
    let axes = match directions.as_slice() {
        [Some(x), Some(y), Some(z), ..] => Some([*x, *y, *z]),
        _ => None,
    };
    let turned = |v: [f64; 3], by: [f64; 3]| [v[0] * by[0], v[1] * by[1], v[2] * by[2]];
    let placed = match (axes, field("space origin").and_then(vector), field("space").and_then(to_lps)) {
        (Some(axes), Some(origin), Some(by)) => Some((axes.map(|axis| turned(axis, by)), turned(origin, by))),
        _ => None,
    };
    let infos = (0..groups).flat_map(|group| (0..depth).map(move |k| (group, k))).map(|(group, k)| FrameInfo {
        pose: placed.and_then(|(axes, origin)| pose(axes, origin, k)),
        group,
        ..FrameInfo::default()
    });
    let spacings: Vec<f64> = field("spacings")
        .map(|text| text.split_whitespace().skip(lead).map(|v| v.parse().unwrap_or(f64::NAN)).collect())
        .unwrap_or_default();
    let steps = axes.map(|[x, y, _]| [length(x), length(y)]).or_else(|| Some([*spacings.first()?, *spacings.get(1)?]));
    let spacing = steps.filter(|[x, y]| *x > 0.0 && *y > 0.0 && x.is_finite() && y.is_finite()).map(|[x, y]| Spacing {
        x_um: x * 1000.0,
        y_um: y * 1000.0,
        source: SpacingSource::NrrdHeader,
    });
    let mut warnings = Vec::new();
    if placed.is_none() {
        warnings.push(ImageWarning { code: "volume-no-orientation", detail: String::new() });
    }
    if groups > 1 {
        warnings.push(ImageWarning { code: "dicom-frames-in-groups", detail: groups.to_string() });
    }
    let meta = ImageMeta {
        format: "NRRD".to_owned(),
        reader: "nrrd (native)",
        field: Field::Radiology,
        frames: infos.collect(),
        spacing,
        warnings,
        ..ImageMeta::default()
    };
    let big_endian = field("endian").is_some_and(|text| text.eq_ignore_ascii_case("big"));
    Ok((meta, Block { at: 0, kind, big_endian, size_px: SizePx::new(width, height), channels }))
}

/// The data file that a header names: beside it or below its folder, never elsewhere.
fn beside(header: &Path, name: &str) -> Result<PathBuf, Fault> {
    if name.starts_with("LIST") || name.contains('%') {
        return Err(Fault::unsupported("NRRD whose data lie in several files"));
    }
    let name = Path::new(name);
    if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(Fault::unsupported("NRRD whose data lie outside its folder"));
    }
    Ok(header.parent().unwrap_or(Path::new("")).join(name))
}

/// Where the data begin after so many lines of text.
fn skipped_lines(data: &dyn ByteSource, lines: Option<&str>) -> Result<u64, Fault> {
    let lines: usize = lines.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    if lines == 0 {
        return Ok(0);
    }
    let head = read_range(data, 0, data.len().min(HEADER_BYTES), "header", HEADER_BYTES)?;
    let ends = head.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u64 + 1);
    ends.take(lines).last().ok_or_else(|| Fault::damaged("its data file has fewer lines than its header skips"))
}
