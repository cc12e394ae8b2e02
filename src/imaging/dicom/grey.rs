//! What a header says about grey values beyond rescale and window: lookup tables, padding, polarity, the sigmoid.

use std::sync::Arc;

use super::{
    dataset::{Dataset, Tag},
    functional::{FRAME_VOI, SHARED_GROUPS},
    header::{Photometric, SampleLayout, tag},
    palette,
};
use crate::imaging::display::{GreyRules, LevelColours, Lut};

const LUT_DESCRIPTOR: Tag = 0x0028_3002;
const LUT_DATA: Tag = 0x0028_3006;
const MODALITY_LUT: Tag = 0x0028_3000;
const VOI_LUT: Tag = 0x0028_3010;
const PADDING: Tag = 0x0028_0120;
const PADDING_LIMIT: Tag = 0x0028_0121;
const PIXEL_PRESENTATION: Tag = 0x0008_9205;
const PRESENTATION_SHAPE: Tag = 0x2050_0020;

/// The tables, the padding and (where `coloured`) the colours of an instance; `None` where there are none, and for colour.
pub fn rules(data: &Dataset<'_>, layout: &SampleLayout, coloured: bool) -> Option<Arc<GreyRules>> {
    if layout.decoded_channels() != 1 {
        return None;
    }
    let rules = GreyRules {
        modality_lut: data.item(MODALITY_LUT).and_then(|item| lut(&item, layout.signed)),
        voi_luts: voi(data).iter().filter_map(|item| lut(item, layout.signed)).collect(),
        padding: padding(data, layout),
        colours: if coloured { colours(data) } else { None },
    };
    (rules != GreyRules::default()).then(|| Arc::new(rules))
}

/// Colours that stored values from one on have over the greys (C.7.6.19): where Pixel Presentation says so. A table that is
/// cut short colours nothing.
fn colours(data: &Dataset<'_>) -> Option<LevelColours> {
    if !matches!(data.text(PIXEL_PRESENTATION).as_str(), "COLOR" | "MIXED") {
        return None;
    }
    let (colours, first) = palette::read(data).ok().filter(|(colours, _)| !colours.is_empty())?;
    Some(LevelColours { first: f64::from(first), colours: colours.into() })
}

/// VOI tables of the image, or of the group that all frames share.
fn voi<'a>(data: &Dataset<'a>) -> Vec<Dataset<'a>> {
    let own = data.items(VOI_LUT);
    if !own.is_empty() {
        return own;
    }
    shared_voi(data).map(|group| group.items(VOI_LUT)).unwrap_or_default()
}

fn shared_voi<'a>(data: &Dataset<'a>) -> Option<Dataset<'a>> {
    data.item(SHARED_GROUPS)?.item(FRAME_VOI)
}

/// Whether windows are those of the sigmoid (C.11.2.1.3).
pub fn sigmoid(data: &Dataset<'_>) -> bool {
    let own = data.text(tag::VOI_FUNCTION);
    let function =
        if own.is_empty() { shared_voi(data).map(|g| g.text(tag::VOI_FUNCTION)).unwrap_or_default() } else { own };
    function == "SIGMOID"
}

/// Whether low values are bright: `MONOCHROME1`, or a Presentation LUT Shape that says the same (C.8.11.3.1.2).
pub fn inverted(data: &Dataset<'_>, photometric: Photometric) -> bool {
    match photometric {
        Photometric::Monochrome1 => true,
        Photometric::Monochrome2 => data.text(PRESENTATION_SHAPE) == "INVERSE",
        _ => false,
    }
}

/// A table of an item (C.11.1.1.1): count, first input, bits; then the entries.
fn lut(item: &Dataset<'_>, signed: bool) -> Option<Lut> {
    let &[count, first, bits] = item.words(LUT_DESCRIPTOR).as_slice() else { return None };
    let count = if count == 0 { 1 << 16 } else { usize::from(count) };
    // Where the header names no type for the first input, it is that of the pixels.
    let signed = match item.vr(LUT_DESCRIPTOR) {
        Some([b'S', b'S']) => true,
        Some([b'U', b'S']) => false,
        _ => signed,
    };
    let bytes = item.bytes(LUT_DATA)?;
    let entries: Vec<u16> = if bytes.len() >= 2 * count {
        item.words(LUT_DATA).into_iter().take(count).collect()
    } else {
        bytes.iter().take(count).map(|byte| u16::from(*byte)).collect()
    };
    if entries.len() < count {
        return None;
    }
    // Entries that their own descriptor has no room for are known from the field; the table is right.
    let most = entries.iter().copied().max().unwrap_or_default();
    let needed = u8::try_from(u16::BITS - most.leading_zeros()).unwrap_or(16);
    let bits = u8::try_from(bits).unwrap_or(16).clamp(8, 16).max(needed);
    let first = if signed { i32::from(first.cast_signed()) } else { i32::from(first) };
    Some(Lut { first, entries: entries.into(), bits })
}

/// Pixel Padding Value and Range Limit (C.7.5.1.1.2): both ends included, in either order.
fn padding(data: &Dataset<'_>, layout: &SampleLayout) -> Option<(f64, f64)> {
    if layout.real || layout.bits_allocated > 16 {
        return None;
    }
    let value = |tag| {
        let word = data.word(tag)?;
        Some(if layout.signed { f64::from(word.cast_signed()) } else { f64::from(word) })
    };
    let one = value(PADDING)?;
    let other = value(PADDING_LIMIT).unwrap_or(one);
    Some((one.min(other), one.max(other)))
}
