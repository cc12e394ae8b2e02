//! Compressed bytes to samples, one file a codec. Every codec is told what size to expect and refuses anything else
//! before it allocates; a codec that panics is caught by the caller's guard.

mod huffman;
pub mod inflate;
pub mod jpeg;
pub mod jpeg2000;
pub mod jpeg_deep;
pub mod jpeg_lossless;
pub mod jpeg_ls;
mod jpeg_segments;
pub mod jpeg_xl;
pub mod packbits;
pub mod rle;
pub mod webp;
pub mod zstd;

use super::fault::Fault;

/// What the header around the compressed bytes promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    pub width: u32,
    pub height: u32,
    pub channels: u8,
}

impl Expect {
    pub fn samples(self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.channels)
    }

    /// Fails unless the codestream's own header says the same.
    pub fn check(self, width: u32, height: u32, channels: u8) -> Result<(), Fault> {
        if (width, height, channels) == (self.width, self.height, self.channels) {
            return Ok(());
        }
        Err(Fault::damaged(format!(
            "its header promises {}×{} pixels of {} channels, the compressed data hold {width}×{height} of {channels}",
            self.width, self.height, self.channels
        )))
    }
}
