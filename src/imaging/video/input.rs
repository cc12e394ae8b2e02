//! What FFmpeg is told to open: a file, a range of one, or several ranges in a row. Nothing is copied.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::container::Container;
use crate::imaging::fault::Fault;

/// Command lines end somewhere; a film cut into more pieces than this has one piece a frame.
const MOST_PIECES: usize = 2000;
/// Every thread of a decoder holds a frame or two: with sixteen, those of 7680 × 4320 would not fit in the memory that
/// FFmpeg may take.
const MOST_THREADS: usize = 4;
/// The largest single piece of memory that FFmpeg may ask for.
const MOST_MEMORY: &str = "1073741824";

/// One stream of bytes for FFmpeg.
#[derive(Clone)]
pub struct Input {
    pub container: Container,
    address: OsString,
}

impl Input {
    /// A whole file.
    pub fn file(path: &Path, container: Container) -> Self {
        let mut address = OsString::from("file:");
        // A relative path that begins with a dash or holds a colon is still a path behind the prefix.
        address.push(path);
        Self { container, address }
    }

    /// Ranges (start, length) of one file, in a row: the fragments of an encapsulated film.
    ///
    /// # Errors
    /// `Unsupported` for a name that FFmpeg cannot be told, and for too many pieces.
    pub fn ranges(path: &Path, ranges: &[(u64, u64)], container: Container) -> Result<Self, Fault> {
        let merged = merge(ranges);
        if merged.len() > MOST_PIECES {
            return Err(Fault::unsupported(format!("a film in {} pieces", merged.len())));
        }
        let path: PathBuf = std::path::absolute(path).map_err(Fault::Io)?;
        if merged.len() > 1 && path.to_string_lossy().contains('|') {
            return Err(Fault::Unsupported {
                reason: "a film in several pieces in a file whose name holds a vertical bar".to_owned(),
                hint: "Rename the file.",
            });
        }
        let mut address = OsString::from(if merged.len() > 1 { "concat:" } else { "" });
        for (number, (start, len)) in merged.iter().enumerate() {
            if number > 0 {
                address.push("|");
            }
            address.push(format!("subfile,,start,{start},end,{},,:file:", start + len));
            address.push(&path);
        }
        Ok(Self { container, address })
    }

    /// Arguments of both programs up to the input, without it: container, protocols, memory.
    pub fn bounds(&self) -> Vec<OsString> {
        let mut out = limits("file,subfile,concat");
        out.push("-f".into());
        out.push(self.container.demuxer.into());
        out
    }

    /// As [`Input::bounds`], for a run that decodes.
    pub fn decoding(&self) -> Vec<OsString> {
        let mut out = self.bounds();
        let threads = std::thread::available_parallelism().map_or(2, usize::from) + 1;
        out.extend(["-threads".into(), threads.min(MOST_THREADS).to_string().into()]);
        out
    }

    pub fn address(&self) -> &OsString {
        &self.address
    }
}

/// What FFmpeg may open and how much memory it may ask for at once.
pub fn limits(protocols: &str) -> Vec<OsString> {
    ["-protocol_whitelist", protocols, "-max_alloc", MOST_MEMORY].into_iter().map(OsString::from).collect()
}

/// Neighbouring ranges as one. The headers between fragments keep them apart in a DICOM file, so that this mostly tidies
/// away empty ones.
fn merge(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (start, len) in ranges.iter().copied().filter(|(_, len)| *len > 0) {
        match out.last_mut() {
            Some((at, so_far)) if *at + *so_far == start => *so_far += len,
            _ => out.push((start, len)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_named_in_order_and_neighbours_joined() {
        let container = super::super::container::of(b"\0\0\0\x20ftypisom").unwrap();
        let input = Input::ranges(Path::new("/a b.dcm"), &[(10, 5), (15, 5), (30, 0), (40, 2)], container).unwrap();
        let text = input.address().to_str().unwrap().to_owned();
        assert_eq!(text, "concat:subfile,,start,10,end,20,,:file:/a b.dcm|subfile,,start,40,end,42,,:file:/a b.dcm");
        let one = Input::ranges(Path::new("/a|b.dcm"), &[(10, 5)], container).unwrap();
        assert_eq!(one.address().to_str(), Some("subfile,,start,10,end,15,,:file:/a|b.dcm"));
        assert!(Input::ranges(Path::new("/a|b.dcm"), &[(10, 5), (20, 5)], container).is_err());
    }
}
