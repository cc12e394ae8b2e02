//! Huffman-coded DCT coefficients, sequential (T.81 annex F) and progressive (annex G).

use super::transform;
use crate::imaging::{
    codec::{
        Expect,
        huffman::{Bits, Table, extend},
        jpeg_segments::{Component, ScanComponent, Tables, cut},
    },
    fault::Fault,
    limits,
};

/// Natural position of each zigzag index (figure A.6).
pub const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

type Block = [i16; 64];

/// Which coefficients and bits of them a scan brings (G.1.1.1).
pub struct Progress {
    pub progressive: bool,
    pub first: usize,
    pub last: usize,
    pub high: u32,
    pub low: u32,
}

struct Plane {
    /// Blocks in a row and in a column that hold the component, and in a row as stored: whole MCUs.
    cols: usize,
    rows: usize,
    stride: usize,
    across: usize,
    down: usize,
    quantiser: usize,
    blocks: Vec<Block>,
}

/// The coefficients of all components.
pub struct Planes {
    planes: Vec<Plane>,
    width: usize,
    height: usize,
    most: (usize, usize),
    mcus: (usize, usize),
}

struct State<'a> {
    bits: Bits<'a>,
    predictions: [i32; 4],
    end_of_bands: u32,
}

impl Planes {
    pub fn new(expect: Expect, frame: &[Component]) -> Result<Self, Fault> {
        let odd = || Fault::unsupported("12-bit JPEG with such subsampling");
        if frame.is_empty() || frame.len() > 4 || frame.len() != usize::from(expect.channels) {
            return Err(odd());
        }
        if frame.iter().any(|c| !(1..=4).contains(&c.across) || !(1..=4).contains(&c.down)) {
            return Err(odd());
        }
        let across = frame.iter().map(|c| usize::from(c.across)).max().unwrap_or(1);
        let down = frame.iter().map(|c| usize::from(c.down)).max().unwrap_or(1);
        let (width, height) = (expect.width as usize, expect.height as usize);
        let mcus = (width.div_ceil(8 * across), height.div_ceil(8 * down));
        let mut planes = Vec::new();
        let mut bytes = 0_u64;
        for c in frame {
            let (h, v) = (usize::from(c.across), usize::from(c.down));
            let (stride, lines) = (mcus.0 * h, mcus.1 * v);
            bytes += stride as u64 * lines as u64 * 128;
            Fault::check_size("the JPEG image", bytes, limits::FRAME_BYTES)?;
            planes.push(Plane {
                cols: (width * h).div_ceil(8 * across),
                rows: (height * v).div_ceil(8 * down),
                stride,
                across: h,
                down: v,
                quantiser: usize::from(c.quantiser),
                blocks: vec![[0; 64]; stride * lines],
            });
        }
        Ok(Self { planes, width, height, most: (across, down), mcus })
    }

    /// Reads one scan; says where it ends.
    pub fn scan(
        &mut self,
        data: &[u8],
        at: usize,
        list: &[ScanComponent],
        tables: &Tables,
        restart: usize,
        progress: &Progress,
    ) -> Result<usize, Fault> {
        let whole = !progress.progressive;
        let sound = if whole { progress.first == 0 } else { progress.first <= progress.last && progress.last < 64 };
        if !sound || progress.low > 13 || (!whole && progress.first > 0 && list.len() > 1) {
            return Err(Fault::damaged("a scan of the JPEG data has impossible parameters"));
        }
        let mut state = State { bits: Bits::new(data, at), predictions: [0; 4], end_of_bands: 0 };
        let alone = list.len() == 1;
        let units = match (alone, list.first().and_then(|(index, ..)| self.planes.get(*index))) {
            (true, Some(plane)) => (plane.cols, plane.rows),
            _ => self.mcus,
        };
        let mut since = 0;
        for row in 0..units.1 {
            for col in 0..units.0 {
                if restart > 0 && since == restart {
                    state.bits.restart()?;
                    (state.predictions, state.end_of_bands, since) = ([0; 4], 0, 0);
                }
                since += 1;
                for (index, dc, ac) in list {
                    let plane = self.planes.get_mut(*index).ok_or_else(cut)?;
                    let (h, v) = if alone { (1, 1) } else { (plane.across, plane.down) };
                    for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
                        let place = (row * v + y) * plane.stride + col * h + x;
                        let block = plane.blocks.get_mut(place).ok_or_else(cut)?;
                        let prediction = state.predictions.get_mut(*index).ok_or_else(cut)?;
                        let pair =
                            (tables.dc.get(*dc).and_then(Option::as_ref), tables.ac.get(*ac).and_then(Option::as_ref));
                        decode_block(block, pair, progress, &mut state.bits, prediction, &mut state.end_of_bands)?;
                    }
                }
            }
            // A stream that ends early is shown as far as it goes by no medical viewer: the rest would be invented.
            if state.bits.overran() {
                return Err(cut());
            }
        }
        Ok(state.bits.end())
    }

    /// Every component in full size, 12-bit samples.
    pub fn samples(&self, quantisers: &[[u16; 64]; 4]) -> Result<Vec<Vec<u16>>, Fault> {
        let mut out = Vec::new();
        for plane in &self.planes {
            let quantiser = quantisers.get(plane.quantiser).ok_or_else(cut)?;
            // As many samples as the component has blocks, so that its edge is smooth where libjpeg's is.
            let (width, height) = (plane.stride * 8, plane.blocks.len() / plane.stride.max(1) * 8);
            let mut samples = vec![0_u16; width * height];
            for (index, block) in plane.blocks.iter().enumerate() {
                let (col, row) = (index % plane.stride, index / plane.stride);
                let spatial = transform::inverse(block, quantiser);
                for (y, line) in spatial.as_chunks::<8>().0.iter().enumerate() {
                    let start = (row * 8 + y) * width + col * 8;
                    if let Some(place) = samples.get_mut(start..start + 8) {
                        place.copy_from_slice(line);
                    }
                }
            }
            let own =
                ((self.width * plane.across).div_ceil(self.most.0), (self.height * plane.down).div_ceil(self.most.1));
            let factors = (self.most.0 / plane.across, self.most.1 / plane.down);
            if self.most.0 % plane.across != 0 || self.most.1 % plane.down != 0 {
                return Err(Fault::unsupported("12-bit JPEG with such subsampling"));
            }
            out.push(transform::enlarge(&samples, width, own, factors, (self.width, self.height)));
        }
        Ok(out)
    }
}

fn no_table() -> Fault {
    Fault::damaged("a scan of the JPEG data names a table that is not there")
}

#[allow(clippy::cast_possible_truncation, reason = "coefficients of 12-bit samples have at most 16 bits")]
fn put(block: &mut Block, index: usize, value: i32) {
    let natural = NATURAL.get(index).copied().unwrap_or_default();
    if let Some(place) = block.get_mut(usize::from(natural)) {
        *place = value as i16;
    }
}

fn decode_block(
    block: &mut Block,
    (dc, ac): (Option<&Table>, Option<&Table>),
    progress: &Progress,
    bits: &mut Bits<'_>,
    prediction: &mut i32,
    end_of_bands: &mut u32,
) -> Result<(), Fault> {
    let mut index = progress.first;
    if index == 0 {
        if progress.high == 0 {
            let category = u32::from(dc.ok_or_else(no_table)?.symbol(bits)?);
            if category > 16 {
                return Err(cut());
            }
            *prediction = prediction.wrapping_add(extend(bits.take(category), category));
            put(block, 0, prediction.wrapping_shl(progress.low));
        } else if bits.take(1) == 1
            && let Some(first) = block.first_mut()
        {
            *first |= 1 << progress.low;
        }
        index = 1;
    }
    let last = if progress.progressive { progress.last } else { 63 };
    if index > last {
        return Ok(());
    }
    let table = ac.ok_or_else(no_table)?;
    if progress.high > 0 {
        return refine(block, table, (index, last), progress.low, bits, end_of_bands);
    }
    if *end_of_bands > 0 {
        *end_of_bands -= 1;
        return Ok(());
    }
    while index <= last {
        let symbol = table.symbol(bits)?;
        let (run, category) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if category == 0 {
            if run == 15 {
                index += 16;
                continue;
            }
            if progress.progressive {
                *end_of_bands = (1 << run) - 1 + bits.take(u32::from(symbol >> 4));
            }
            break;
        }
        index += run;
        if index > 63 {
            return Err(Fault::damaged("the JPEG data hold a block that is too long"));
        }
        put(block, index, extend(bits.take(category), category) << progress.low);
        index += 1;
    }
    Ok(())
}

/// Successive approximation of AC coefficients (G.1.2.3).
fn refine(
    block: &mut Block,
    table: &Table,
    (mut index, last): (usize, usize),
    low: u32,
    bits: &mut Bits<'_>,
    end_of_bands: &mut u32,
) -> Result<(), Fault> {
    let step = 1_i16 << low;
    let correct = |block: &mut Block, index: usize, bits: &mut Bits<'_>| -> bool {
        let natural = usize::from(NATURAL.get(index).copied().unwrap_or_default());
        let Some(value) = block.get_mut(natural).filter(|value| **value != 0) else { return false };
        if bits.take(1) == 1 && *value & step == 0 {
            *value += if *value > 0 { step } else { -step };
        }
        true
    };
    if *end_of_bands == 0 {
        while index <= last {
            let symbol = table.symbol(bits)?;
            let (mut run, category) = (symbol >> 4, symbol & 15);
            let mut fresh = 0;
            if category == 0 {
                if run < 15 {
                    *end_of_bands = (1 << run) + bits.take(u32::from(run));
                    break;
                }
            } else {
                fresh = if bits.take(1) == 1 { i32::from(step) } else { -i32::from(step) };
            }
            while index <= last {
                if !correct(block, index, bits) {
                    if run == 0 {
                        break;
                    }
                    run -= 1;
                }
                index += 1;
            }
            if fresh != 0 && index <= last {
                put(block, index, fresh);
            }
            index += 1;
        }
    }
    if *end_of_bands > 0 {
        while index <= last {
            correct(block, index, bits);
            index += 1;
        }
        *end_of_bands -= 1;
    }
    Ok(())
}
