//! Putting decoded pieces together into one buffer.

use super::{PixelBuffer, Samples, fault::Fault};
use crate::domain::SizePx;

/// A buffer being filled; its sample type and channels are those of the first piece.
pub struct Canvas {
    size_px: SizePx,
    out: Option<PixelBuffer>,
}

impl Canvas {
    pub fn new(size_px: SizePx) -> Self {
        Self { size_px, out: None }
    }

    /// Copies a piece to where its top-left pixel belongs; what hangs over the edge is left out.
    pub fn put(&mut self, piece: &PixelBuffer, x: u32, y: u32) -> Result<(), Fault> {
        self.put_part(piece, (0, 0), (x, y))
    }

    /// As [`Canvas::put`], without the first columns and rows of the piece: pixel `skip` of it goes to `at`.
    pub fn put_part(&mut self, piece: &PixelBuffer, skip: (u32, u32), at: (u32, u32)) -> Result<(), Fault> {
        let count = usize::try_from(self.size_px.area() * u64::from(piece.channels))
            .map_err(|_| Fault::damaged("the image does not fit in memory"))?;
        let out = self.out.get_or_insert_with(|| PixelBuffer {
            size_px: self.size_px,
            channels: piece.channels,
            samples: match &piece.samples {
                Samples::U8(_) => Samples::U8(vec![0; count]),
                Samples::U16(_) => Samples::U16(vec![0; count]),
                Samples::I16(_) => Samples::I16(vec![0; count]),
                Samples::F64(_) => Samples::F64(vec![0.0; count]),
            },
        });
        if out.channels != piece.channels {
            return Err(Fault::damaged("its pieces differ in channels"));
        }
        let channels = usize::from(piece.channels);
        let place = Place {
            at: (at.0 as usize, at.1 as usize),
            skip: (skip.0 as usize, skip.1 as usize),
            canvas: (self.size_px.width as usize, self.size_px.height as usize),
            piece: piece.size_px.width as usize,
            channels,
        };
        match (&mut out.samples, &piece.samples) {
            (Samples::U8(to), Samples::U8(from)) => place.copy(to, from),
            (Samples::U16(to), Samples::U16(from)) => place.copy(to, from),
            (Samples::I16(to), Samples::I16(from)) => place.copy(to, from),
            (Samples::F64(to), Samples::F64(from)) => place.copy(to, from),
            _ => return Err(Fault::damaged("its pieces differ in sample type")),
        }
        Ok(())
    }

    /// # Errors
    /// `Damaged` when nothing was put.
    pub fn finish(self) -> Result<PixelBuffer, Fault> {
        self.out.ok_or_else(|| Fault::damaged("it has no pixels"))
    }
}

struct Place {
    at: (usize, usize),
    skip: (usize, usize),
    canvas: (usize, usize),
    piece: usize,
    channels: usize,
}

impl Place {
    fn copy<T: Copy>(&self, to: &mut [T], from: &[T]) {
        let width = self.piece.saturating_sub(self.skip.0).min(self.canvas.0.saturating_sub(self.at.0));
        let lines = from.chunks_exact((self.piece * self.channels).max(1)).skip(self.skip.1);
        for (row, line) in lines.enumerate() {
            let y = self.at.1 + row;
            if y >= self.canvas.1 {
                break;
            }
            let start = (y * self.canvas.0 + self.at.0) * self.channels;
            let (first, length) = (self.skip.0 * self.channels, width * self.channels);
            if let (Some(to), Some(from)) = (to.get_mut(start..start + length), line.get(first..first + length)) {
                to.copy_from_slice(from);
            }
        }
    }
}
