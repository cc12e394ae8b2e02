//! What lies over the pixels: overlay planes (PS3.3 C.9.2, in their own element or in spare bits of the pixels) and the
//! display shutter (C.7.6.11).

use super::{
    dataset::{Dataset, Tag},
    functional::SHARED_GROUPS,
};
use crate::{domain::SizePx, imaging::Cover};

const FIRST_GROUP: Tag = 0x6000_0000;
const GROUPS: u32 = 16;
const ROWS: Tag = 0x0010;
const COLUMNS: Tag = 0x0011;
const FRAMES: Tag = 0x0015;
const KIND: Tag = 0x0040;
const ORIGIN: Tag = 0x0050;
const FIRST_FRAME: Tag = 0x0051;
const BIT_POSITION: Tag = 0x0102;
const DATA: Tag = 0x3000;
const SHUTTER_SHAPE: Tag = 0x0018_1600;
const FRAME_SHUTTER: Tag = 0x0018_9472;
/// A P-Value: 0 black, 65535 white.
const SHUTTER_VALUE: Tag = 0x0018_1622;
/// Bytes of overlay bits kept of one instance.
const MOST_BYTES: usize = 16 << 20;

/// One overlay plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    size_px: SizePx,
    /// Column and row of its top-left pixel in the image, counted from 0; may lie outside.
    origin: (i64, i64),
    frames: u32,
    /// Image frame that its first frame belongs to, counted from 0.
    first_frame: u32,
    /// Regions of interest are outlines and areas too; they are drawn like graphics.
    bits: Bits,
}

#[derive(Clone, Debug, PartialEq)]
enum Bits {
    /// Packed, the lowest bit of a byte first.
    Own(Vec<u8>),
    /// A bit of every 16-bit pixel word.
    InPixels(u8),
}

/// A part of the image that is shown; everything else is shut.
#[derive(Clone, Debug, PartialEq)]
enum Opening {
    /// Left, right, upper, lower edge, in columns and rows counted from 1.
    Rectangle([f64; 4]),
    /// Column, row and radius.
    Circle([f64; 3]),
    /// Columns and rows.
    Polygon(Vec<[f64; 2]>),
}

/// Everything over the pixels of an instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Covers {
    overlays: Vec<Overlay>,
    shutter: Vec<Opening>,
    shut_level: u8,
}

impl Covers {
    pub fn read(data: &Dataset<'_>) -> Self {
        let mut left = MOST_BYTES;
        let overlays = (0..GROUPS).filter_map(|index| overlay(data, FIRST_GROUP + (index << 17), &mut left)).collect();
        let frame = data.item(SHARED_GROUPS).and_then(|group| group.item(FRAME_SHUTTER));
        let own = shutter(data);
        let (shutter, value) = match frame.filter(|_| own.is_empty()) {
            Some(item) => (shutter(&item), item.word(SHUTTER_VALUE)),
            None => (own, data.word(SHUTTER_VALUE)),
        };
        let shut_level = u8::try_from((u32::from(value.unwrap_or(0)) * 255 + 32_767) / 65_535).unwrap_or(u8::MAX);
        Self { overlays, shutter, shut_level }
    }

    pub fn is_empty(&self) -> bool {
        self.overlays.is_empty() && self.shutter.is_empty()
    }

    /// Whether the pixel words are needed.
    pub fn in_pixels(&self) -> bool {
        self.overlays.iter().any(|overlay| matches!(overlay.bits, Bits::InPixels(_)))
    }

    /// The cover of a frame of the image; `words` are its undivided pixel words where [`Covers::in_pixels`].
    pub fn of(&self, size_px: SizePx, frame: u32, words: Option<&[u16]>) -> Option<Cover> {
        if self.is_empty() {
            return None;
        }
        let width = size_px.width as usize;
        let mut marks = vec![Cover::NOTHING; usize::try_from(size_px.area()).ok()?];
        if !self.shutter.is_empty() {
            for (row, line) in marks.chunks_exact_mut(width.max(1)).enumerate() {
                for (column, mark) in line.iter_mut().enumerate() {
                    // Several shapes leave open what all of them leave open.
                    if !self.shutter.iter().all(|opening| opening.shows(column as f64 + 1.0, row as f64 + 1.0)) {
                        *mark = Cover::SHUT;
                    }
                }
            }
        }
        for overlay in &self.overlays {
            overlay.draw(size_px, frame, words, &mut marks);
        }
        Some(Cover { size_px, marks, shut_level: self.shut_level })
    }
}

impl Overlay {
    fn draw(&self, image: SizePx, frame: u32, words: Option<&[u16]>, marks: &mut [u8]) {
        let set = |marks: &mut [u8], x: i64, y: i64| {
            if (0..i64::from(image.width)).contains(&x)
                && (0..i64::from(image.height)).contains(&y)
                && let Ok(index) = usize::try_from(y * i64::from(image.width) + x)
                && let Some(mark) = marks.get_mut(index)
            {
                *mark = Cover::GRAPHIC;
            }
        };
        let (width, height) = (i64::from(self.size_px.width), i64::from(self.size_px.height));
        match &self.bits {
            Bits::InPixels(bit) => {
                for (index, word) in (0_i64..).zip(words.unwrap_or_default()) {
                    if word >> bit & 1 == 1 {
                        set(marks, index % i64::from(image.width), index / i64::from(image.width));
                    }
                }
            }
            Bits::Own(bits) => {
                let Some(own) = frame.checked_sub(self.first_frame).filter(|own| *own < self.frames) else { return };
                let first = u64::from(own) * self.size_px.area();
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let at = first + u64::try_from(y * width + x).unwrap_or(0);
                    let byte = usize::try_from(at / 8).ok().and_then(|index| bits.get(index));
                    if byte.is_some_and(|byte| byte >> (at % 8) & 1 == 1) {
                        set(marks, x + self.origin.0, y + self.origin.1);
                    }
                }
            }
        }
    }
}

fn overlay(data: &Dataset<'_>, group: Tag, left: &mut usize) -> Option<Overlay> {
    let word = |element: Tag| data.word(group | element);
    let (rows, columns) = (word(ROWS)?, word(COLUMNS)?);
    if rows == 0 || columns == 0 || !matches!(data.text(group | KIND).as_str(), "G" | "R" | "") {
        return None;
    }
    let origin = data.words(group | ORIGIN);
    let place = |index: usize| i64::from(origin.get(index).map_or(1, |value| value.cast_signed())) - 1;
    let bits = match data.bytes(group | DATA) {
        Some(bytes) => {
            *left = left.checked_sub(bytes.len())?;
            Bits::Own(bytes.to_vec())
        }
        None => Bits::InPixels(word(BIT_POSITION).and_then(|bit| u8::try_from(bit).ok()).filter(|bit| *bit < 16)?),
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what frames can be")]
    let count = data.number(group | FRAMES).map(|frames| frames.clamp(1.0, 1e6) as u32);
    let overlay = Overlay {
        size_px: SizePx::new(u32::from(columns), u32::from(rows)),
        origin: (place(1), place(0)),
        // Without a count of its own an overlay belongs to every frame.
        frames: count.unwrap_or(u32::MAX),
        first_frame: word(FIRST_FRAME).map_or(0, |frame| u32::from(frame).saturating_sub(1)),
        bits,
    };
    Some(overlay.repeated())
}

impl Overlay {
    /// A single plane without a frame count lies over all frames of the image.
    fn repeated(mut self) -> Self {
        if self.frames == u32::MAX
            && let Bits::Own(bits) = &self.bits
        {
            let one = self.size_px.area();
            let held = (bits.len() as u64 * 8) / one.max(1);
            self.frames = if held <= 1 { 1 } else { u32::try_from(held).unwrap_or(1) };
        }
        self
    }
}

fn shutter(data: &Dataset<'_>) -> Vec<Opening> {
    let number = |element: Tag| data.number(0x0018_0000 | element);
    let shape = data.text(SHUTTER_SHAPE);
    let opening = |one: &str| match one.trim() {
        "RECTANGULAR" => Some(Opening::Rectangle([number(0x1602)?, number(0x1604)?, number(0x1606)?, number(0x1608)?])),
        "CIRCULAR" => match data.numbers(0x0018_1610).as_slice() {
            [row, column, ..] => Some(Opening::Circle([*column, *row, number(0x1612)?])),
            _ => None,
        },
        "POLYGONAL" => {
            let corners = data.numbers(0x0018_1620);
            let corners: Vec<[f64; 2]> =
                corners.as_chunks::<2>().0.iter().map(|[row, column]| [*column, *row]).collect();
            (corners.len() >= 3).then_some(Opening::Polygon(corners))
        }
        _ => None,
    };
    shape.split('\\').filter_map(opening).collect()
}

impl Opening {
    fn shows(&self, column: f64, row: f64) -> bool {
        match self {
            Self::Rectangle([left, right, upper, lower]) => {
                (*left..=*right).contains(&column) && (*upper..=*lower).contains(&row)
            }
            Self::Circle([x, y, radius]) => (column - x).hypot(row - y) <= *radius,
            Self::Polygon(corners) => {
                let next = corners.iter().cycle().skip(1);
                corners.iter().zip(next).fold(false, |inside, ([ax, ay], [bx, by])| {
                    let crosses = (*ay > row) != (*by > row) && column < (bx - ax) * (row - ay) / (by - ay) + ax;
                    inside ^ crosses
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(overlay: Option<Overlay>, shutter: Vec<Opening>) -> Covers {
        Covers { overlays: overlay.into_iter().collect(), shutter, shut_level: 0 }
    }

    #[test]
    fn overlay_bits_come_lowest_first_and_are_cut_to_the_image() {
        let overlay = Overlay {
            size_px: SizePx::new(3, 2),
            origin: (-1, 1),
            frames: 1,
            first_frame: 1,
            bits: Bits::Own(vec![0b0010_1110]),
        };
        let covers = covers(Some(overlay), Vec::new());
        // Rows of the overlay: 0 1 1 / 1 0 1; its first column lies outside the image.
        let cover = covers.of(SizePx::new(3, 3), 1, None).unwrap();
        assert_eq!(cover.marks, [0, 0, 0, 1, 1, 0, 0, 1, 0]);
        assert_eq!(covers.of(SizePx::new(3, 3), 0, None).unwrap().marks, [0; 9]);
    }

    #[test]
    fn bits_above_the_samples_are_an_overlay() {
        let overlay =
            Overlay { size_px: SizePx::new(2, 2), origin: (0, 0), frames: 1, first_frame: 0, bits: Bits::InPixels(12) };
        let covers = covers(Some(overlay), Vec::new());
        assert!(covers.in_pixels());
        let words = [0x0FFF, 0x1000, 0x1FFF, 0x2000];
        assert_eq!(covers.of(SizePx::new(2, 2), 0, Some(&words)).unwrap().marks, [0, 1, 1, 0]);
    }

    #[test]
    fn a_shutter_leaves_open_what_all_its_shapes_leave_open() {
        let corners = vec![[0.5, 0.2], [4.5, 0.2], [4.5, 4.2]];
        let shutter =
            vec![Opening::Rectangle([2.0, 3.0, 1.0, 3.0]), Opening::Circle([2.0, 2.0, 1.0]), Opening::Polygon(corners)];
        let marks = covers(None, shutter).of(SizePx::new(4, 3), 0, None).unwrap().marks;
        let open: Vec<usize> = (0..12).filter(|i| marks[*i] == Cover::NOTHING).collect();
        // Column 2 of row 1 and column 3 of row 2; the polygon takes column 2 of row 2 and row 3 away.
        assert_eq!(open, [1, 6]);
    }
}
