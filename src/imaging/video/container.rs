//! Which container a film comes in, by its first bytes. FFmpeg is told which one, and told to open nothing else: a file
//! that names other files or addresses is none of these.

/// A container that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// For `inspect`.
    pub name: &'static str,
    /// FFmpeg's name of the demuxer.
    pub demuxer: &'static str,
    /// A bare stream has no time stamps.
    pub bare: bool,
    /// Positions within it are found by trying, so that a seek may land behind its aim.
    pub loose: bool,
}

const fn boxed(name: &'static str, demuxer: &'static str) -> Container {
    Container { name, demuxer, bare: false, loose: false }
}
const fn stream(name: &'static str, demuxer: &'static str) -> Container {
    Container { name, demuxer, bare: false, loose: true }
}
const fn bare(name: &'static str, demuxer: &'static str) -> Container {
    Container { name, demuxer, bare: true, loose: true }
}

/// The container that these bytes begin, if they begin a film.
pub fn of(head: &[u8]) -> Option<Container> {
    let at = |from: usize, text: &[u8]| head.get(from..from + text.len()) == Some(text);
    let sync = |first: usize, step: usize| (0..3).all(|n| head.get(first + n * step) == Some(&0x47));
    if at(4, b"ftyp") {
        let stills: [&[u8]; 8] = [b"avif", b"avis", b"heic", b"heix", b"heim", b"mif1", b"msf1", b"jxl "];
        if stills.iter().any(|brand| at(8, brand)) {
            return None;
        }
        return Some(boxed(if at(8, b"qt  ") { "QuickTime" } else { "MP4" }, "mov"));
    }
    // QuickTime before it had brands; `size` is the length of that first box.
    let size = head.get(..4).map_or(0, |b| b.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)));
    let text = head.iter().take(64).all(|byte| matches!(byte, 9 | 10 | 13 | 32..=126));
    if !text && (size == 1 || size >= 8) {
        let old: [&[u8]; 3] = [b"moov", b"mdat", b"wide"];
        if old.iter().any(|kind| at(4, kind)) {
            return Some(boxed("QuickTime", "mov"));
        }
    }
    match head {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Some(boxed("AVI", "avi")),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some(boxed("Matroska", "matroska")),
        [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, ..] => Some(boxed("ASF", "asf")),
        [0, 0, 1, 0xBA, ..] => Some(stream("MPEG program stream", "mpeg")),
        [0, 0, 1, 0xB3, ..] => Some(bare("MPEG-2 video stream", "mpegvideo")),
        _ if sync(0, 188) || sync(4, 192) => Some(stream("MPEG transport stream", "mpegts")),
        // Access unit delimiter or the first parameter set, after the long start code (H.264 7.4.1, H.265 7.4.2).
        [0, 0, 0, 1, 0x09 | 0x27 | 0x47 | 0x67, ..] => Some(bare("H.264 stream", "h264")),
        [0, 0, 0, 1, 0x40 | 0x46, 0x01, ..] => Some(bare("HEVC stream", "hevc")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stills_in_the_same_boxes_and_texts_are_no_films() {
        assert_eq!(of(b"\0\0\0\x20ftypisom").map(|c| c.name), Some("MP4"));
        assert_eq!(of(b"\0\0\0\x14ftypqt  ").map(|c| c.name), Some("QuickTime"));
        assert_eq!(of(b"\0\0\0\x20ftypavif"), None);
        assert_eq!(of(b"\0\0\0\x20ftypheic"), None);
        assert_eq!(of(b"The mdat box holds the pictures."), None);
        assert_eq!(of(b"\0\0\0\x08widemdat").map(|c| c.demuxer), Some("mov"));
        assert_eq!(of(b"#EXTM3U\nhttp://example.org/a.ts\n"), None);
        assert_eq!(of(b"ffconcat version 1.0\nfile a.mp4\n"), None);
        let mut packets = vec![0; 600];
        (0..3).for_each(|n| packets[n * 188] = 0x47);
        assert_eq!(of(&packets).map(|c| (c.demuxer, c.loose)), Some(("mpegts", true)));
        assert_eq!(of(&[0, 0, 0, 1, 0x67, 0x42]).map(|c| (c.demuxer, c.bare)), Some(("h264", true)));
    }
}
