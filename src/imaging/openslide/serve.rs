//! The child's side: opens one file through the library and answers until nobody asks any more.

use std::{
    ffi::CString,
    io::{self, Write},
    path::Path,
    sync::mpsc::sync_channel,
};

use super::{
    library::{Library, Slide},
    wire::{Described, DescribedLevel, Greeting, Question, answer},
};
use crate::{
    imaging::limits,
    tasks::child::{limit_this_process, read_frame, write_frame},
};

/// Address space of a worker: OpenSlide's own cache, a few decoded tiles, and room for what a large label image takes.
const MEMORY_BYTES: u64 = 4 << 30;
/// Pixels of one answer.
const MOST_PIXELS: u64 = 64 << 20;

/// Serves one file on standard input and output.
///
/// # Errors
/// A pipe that breaks, which is how the parent ends it.
pub fn serve(path: &Path) -> io::Result<()> {
    limit_this_process(MEMORY_BYTES);
    let mut out = io::stdout().lock();
    let mut greet = |greeting: &Greeting| write_frame(&mut out, &serde_json::to_vec(greeting).unwrap_or_default());
    let Some(library) = Library::find() else { return greet(&Greeting::Absent) };
    let version = library.version();
    let refused = |reason: String| Greeting::Refused { version: version.clone(), reason };
    let Some(name) = name_of(path) else { return greet(&refused("its name cannot be handed over".to_owned())) };
    let Some(vendor) = library.vendor(&name) else {
        return greet(&refused("it is of no format that OpenSlide knows".to_owned()));
    };
    let slide = match library.open(&name) {
        Ok(slide) => slide,
        Err(reason) => return greet(&refused(without_name(&reason, path))),
    };
    let described = describe(&slide, version.clone(), vendor);
    greet(&Greeting::Slide(described))?;
    // Questions are read on a thread of their own: when the parent is gone, this process ends even out of the middle of a
    // decoder that hangs.
    let (send, questions) = sync_channel(1);
    std::thread::Builder::new().name("questions".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(frame)) = read_frame(&mut input) {
            if send.send(frame).is_err() {
                break;
            }
        }
        std::process::exit(0);
    })?;
    for question in questions {
        let result = match Question::from_bytes(&question) {
            Some(question) => reply(&slide, &question).map_err(|reason| without_name(&reason, path)),
            None => Err("a question that was not understood".to_owned()),
        };
        write_frame(&mut out, &answer(result))?;
        out.flush()?;
    }
    Ok(())
}

#[cfg(unix)]
fn name_of(path: &Path) -> Option<CString> {
    CString::new(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())).ok()
}

/// On Windows the library takes UTF-8.
#[cfg(not(unix))]
fn name_of(path: &Path) -> Option<CString> {
    CString::new(path.to_str()?).ok()
}

/// The library's messages quote the file, whose name may be a patient's; our own message names it where it may be.
fn without_name(reason: &str, path: &Path) -> String {
    let whole = path.to_string_lossy();
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let reason = reason.replace(&*whole, "the file");
    if own.is_empty() { reason } else { reason.replace(&own, "the file") }
}

fn describe(slide: &Slide<'_>, version: String, vendor: String) -> Described {
    let number = |name: &str| {
        let value: f64 = slide.property(name)?.trim().parse().ok()?;
        Some(value).filter(|value| value.is_finite() && *value > 0.0)
    };
    let levels = (0..slide.level_count().clamp(0, 64)).filter_map(|level| {
        let (width, height, downsample) = slide.level(level);
        let side = |name: &str| {
            slide.property(&format!("openslide.level[{level}].tile-{name}")).and_then(|value| value.trim().parse().ok())
        };
        Some(DescribedLevel {
            width: u32::try_from(width).ok().filter(|side| *side > 0)?,
            height: u32::try_from(height).ok().filter(|side| *side > 0)?,
            downsample,
            tile_width: side("width").unwrap_or(0),
            tile_height: side("height").unwrap_or(0),
        })
    });
    Described {
        version,
        vendor,
        levels: levels.collect(),
        mpp: number("openslide.mpp-x").zip(number("openslide.mpp-y")),
        power: number("openslide.objective-power"),
        associated: slide.associated(),
        has_icc: !icc(slide).is_empty(),
    }
}

fn icc(slide: &Slide<'_>) -> Vec<u8> {
    slide.icc(usize::try_from(limits::TIFF_BLOB_BYTES).unwrap_or(0))
}

fn reply(slide: &Slide<'_>, question: &Question) -> Result<Vec<u8>, String> {
    match question {
        Question::Region { level, x, y, width, height } => {
            if u64::from(*width) * u64::from(*height) > MOST_PIXELS {
                return Err("too large a region".to_owned());
            }
            let level = i32::try_from(*level).map_err(|_| "there is no such level".to_owned())?;
            Ok(rgb(&slide.region(level, (*x, *y), (*width, *height))?, background(slide)))
        }
        Question::Associated(name) => {
            let (width, height, pixels) = slide.associated_image(name, MOST_PIXELS)?;
            let mut out = Vec::with_capacity(8 + pixels.len() * 3);
            out.extend(width.to_le_bytes());
            out.extend(height.to_le_bytes());
            out.append(&mut rgb(&pixels, background(slide)));
            Ok(out)
        }
        Question::Icc => Ok(icc(slide)),
    }
}

/// What lies behind places that were not scanned: what the slide names, else white.
fn background(slide: &Slide<'_>) -> [u8; 3] {
    let named = slide.property("openslide.background-color").unwrap_or_default();
    let byte = |at: usize| u8::from_str_radix(named.get(at..at + 2)?, 16).ok();
    match (byte(0), byte(2), byte(4)) {
        (Some(r), Some(g), Some(b)) => [r, g, b],
        _ => [u8::MAX; 3],
    }
}

/// Premultiplied ARGB over a background.
fn rgb(pixels: &[u32], background: [u8; 3]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len() * 3);
    for pixel in pixels {
        let [alpha, colours @ ..] = pixel.to_be_bytes();
        if alpha == u8::MAX {
            out.extend(colours);
            continue;
        }
        let behind = 255 - u32::from(alpha);
        out.extend(colours.iter().zip(background).map(|(own, back)| {
            let sum = u32::from(*own) + (u32::from(back) * behind + 127) / 255;
            u8::try_from(sum.min(255)).unwrap_or(u8::MAX)
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_shows_the_background() {
        assert_eq!(rgb(&[0xFF01_0203, 0, 0x8040_2010], [255, 200, 100]), [1, 2, 3, 255, 200, 100, 191, 132, 66]);
    }

    #[test]
    fn a_name_does_not_leave_in_a_message() {
        let text = without_name(
            "Can't open /data/Yamada Taro/slide 7.mrxs: slide 7.mrxs is bad",
            Path::new("/data/Yamada Taro/slide 7.mrxs"),
        );
        assert_eq!(text, "Can't open the file: the file is bad");
    }
}
