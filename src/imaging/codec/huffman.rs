//! Huffman tables and bits of JPEG streams (ITU-T T.81 annex C and F.2.2), for the processes decoded here: lossless and
//! 12-bit.

use crate::imaging::fault::Fault;

/// Bits of the quick table: long enough that codes of the usual differences and their extra bits are found in one step.
const QUICK: u32 = 12;

/// One table: canonical codes of up to 16 bits.
pub struct Table {
    /// By the next [`QUICK`] bits: symbol and length of the code, length 0 where it is longer.
    quick: Vec<(u8, u8)>,
    /// By the next [`QUICK`] bits: difference and length of code and extra bits together, length 0 where they are longer.
    whole: Vec<(i16, u8)>,
    /// Largest code of each length, shifted to 16 bits, exclusive; and where its symbols begin.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the body of a DHT segment after its class: 16 counts, then symbols. Also says how many bytes it took.
    ///
    /// # Errors
    /// `Damaged` when the counts describe no prefix code.
    pub fn read(body: &[u8]) -> Result<(Self, usize), Fault> {
        let broken = || Fault::damaged("a Huffman table of the JPEG data is broken");
        let counts = body.get(..16).ok_or_else(broken)?;
        let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let symbols = body.get(16..16 + total).ok_or_else(broken)?.to_vec();
        let mut table =
            Self { quick: vec![(0, 0); 1 << QUICK], whole: vec![(0, 0); 1 << QUICK], limits: [(0, 0); 17], symbols };
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            let count = u32::from(*count);
            if code + count > 1 << length {
                return Err(broken());
            }
            let begin = i32::try_from(index).unwrap_or(0) - i32::try_from(code).unwrap_or(0);
            for one in code..code + count {
                let symbol = table.symbols.get(index).copied().unwrap_or_default();
                if length <= QUICK {
                    table.fill(one, length, symbol);
                }
                index += 1;
            }
            code += count;
            if let Some(limit) = table.limits.get_mut(length as usize) {
                *limit = (code << (16 - length), begin);
            }
            code <<= 1;
        }
        Ok((table, 16 + total))
    }

    #[allow(clippy::cast_possible_truncation, reason = "lengths are at most 12, differences of 11 bits at most")]
    fn fill(&mut self, code: u32, length: u32, symbol: u8) {
        let free = QUICK - length;
        let (from, to) = ((code << free) as usize, ((code + 1) << free) as usize);
        for entry in self.quick.get_mut(from..to).unwrap_or_default() {
            *entry = (symbol, length as u8);
        }
        let extra = u32::from(symbol);
        if extra > free {
            return;
        }
        for (rest, entry) in (0_u32..).zip(self.whole.get_mut(from..to).unwrap_or_default()) {
            let bits = rest >> (free - extra);
            *entry = (extend(bits, extra) as i16, (length + extra) as u8);
        }
    }

    /// The next symbol.
    #[inline]
    pub fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Fault> {
        bits.fill();
        let (symbol, length) = self.quick.get(bits.peek(QUICK) as usize).copied().unwrap_or_default();
        if length > 0 {
            bits.skip(u32::from(length));
            return Ok(symbol);
        }
        self.long_symbol(bits)
    }

    #[cold]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Fault> {
        let next = bits.peek(16);
        for (length, (limit, begin)) in (0_u32..).zip(self.limits).skip(1) {
            if next < limit {
                let code = i32::try_from(next >> (16 - length)).unwrap_or(0);
                let symbol = usize::try_from(code + begin).ok().and_then(|index| self.symbols.get(index));
                bits.skip(length);
                return symbol.copied().ok_or_else(no_code);
            }
        }
        Err(no_code())
    }

    /// The next difference of the lossless process (T.81 H.1.2.2): a category and as many bits; category 16 has none.
    #[inline]
    pub fn difference(&self, bits: &mut Bits<'_>) -> Result<i32, Fault> {
        bits.fill();
        let (value, length) = self.whole.get(bits.peek(QUICK) as usize).copied().unwrap_or_default();
        if length > 0 {
            bits.skip(u32::from(length));
            return Ok(i32::from(value));
        }
        let category = u32::from(self.symbol(bits)?);
        match category {
            0..=15 => Ok(extend(bits.take(category), category)),
            16 => Ok(32_768),
            _ => Err(no_code()),
        }
    }
}

fn no_code() -> Fault {
    Fault::damaged("the JPEG data hold a code that is in no table")
}

/// EXTEND of T.81 F.2.2.1: the upper half of the values are positive, the lower half negative.
#[inline]
pub fn extend(bits: u32, count: u32) -> i32 {
    let bits = bits.cast_signed();
    if count == 0 {
        0
    } else if bits < 1 << (count - 1) {
        bits - (1 << count) + 1
    } else {
        bits
    }
}

/// The bits of one entropy-coded segment, most significant first, with the stuffed zeros taken out. Past the end and from
/// a marker on there are zeros, as other decoders read them.
pub struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    window: u64,
    held: u32,
    /// Bits that were asked for and were not there.
    missing: u32,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, window: 0, held: 0, missing: 0 }
    }

    /// At least 32 bits in the window.
    #[inline]
    pub fn fill(&mut self) {
        if self.held >= 32 {
            return;
        }
        if let Some(four) = self.data.get(self.at..self.at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()) {
            let word = u32::from_be_bytes(four);
            // A byte of 0xFF is a byte of zero in the complement (the test for a zero byte in a word).
            let inverse = !word;
            if inverse.wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.window |= u64::from(word) << (32 - self.held);
                self.held += 32;
                self.at += 4;
                return;
            }
        }
        self.fill_slowly();
    }

    fn fill_slowly(&mut self) {
        while self.held <= 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF) | None, _) => {
                    // A marker or the end; zeros stand for what is not there.
                    self.missing += 8;
                    0
                }
                (Some(byte), _) => {
                    self.at += 1;
                    *byte
                }
            };
            self.window |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
    }

    /// The next bits, 1 to 32 of them, after [`Bits::fill`].
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "at most 32 bits are left after the shift")]
    pub fn peek(&self, count: u32) -> u32 {
        (self.window >> (64 - count)) as u32
    }

    #[inline]
    pub fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.held = self.held.saturating_sub(count);
    }

    /// The next bits, 0 to 16 of them.
    #[inline]
    pub fn take(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        self.fill();
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// Whether more was read than the segment holds; a few bits of padding are no harm.
    pub fn overran(&self) -> bool {
        self.missing > self.held + 7
    }

    /// Goes on behind the next restart marker (T.81 F.2.2.5).
    ///
    /// # Errors
    /// `Damaged` when another marker or the end comes first.
    pub fn restart(&mut self) -> Result<(), Fault> {
        let none = || Fault::damaged("a restart marker of the JPEG data is missing");
        if self.overran() {
            return Err(none());
        }
        // What is in the window has been read ahead, at most eight bytes of data and their stuffing.
        loop {
            match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0xD0..=0xD7)) => break,
                (Some(0xFF), Some(0)) => self.at += 2,
                (Some(0xFF), Some(0xFF)) | (Some(0..=0xFE), _) => self.at += 1,
                _ => return Err(none()),
            }
        }
        *self = Self::new(self.data, self.at + 2);
        Ok(())
    }

    /// Where the segment ends: the position of the next marker that is no restart.
    pub fn end(&self) -> usize {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let marker = rest.windows(2).position(|pair| matches!(pair, [0xFF, 1..=0xCF | 0xD8..=0xFE]));
        marker.map_or(self.data.len(), |offset| self.at + offset)
    }
}
