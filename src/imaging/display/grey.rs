//! What a straight ramp cannot say: lookup tables, the sigmoid, padding. Folded into one function of the stored value.
//!
//! The steps are those of DICOM PS3.3: Modality LUT (C.11.1), VOI LUT (C.11.2: a table, LINEAR or SIGMOID), polarity, and
//! the padding that is no part of the image (C.7.5.1.1.2). Where none of that is present, [`GreyMap`] is its [`Ramp`].

use std::sync::Arc;

use super::{DisplayState, Ramp, to_u8};
use crate::imaging::{FrameInfo, Samples, Window};

/// A lookup table of DICOM (PS3.3 C.11.1.1.1, C.11.2.1.1).
#[derive(Clone, Debug, PartialEq)]
pub struct Lut {
    /// Input value of the first entry; lower inputs take the first entry, inputs beyond the last the last.
    pub first: i32,
    pub entries: Arc<[u16]>,
    /// Bits of an entry, 8 to 16: white is `2^bits - 1`.
    pub bits: u8,
}

impl Lut {
    /// The entry for an input, which is rounded to a whole number; 0 of an empty table.
    pub fn at(&self, input: f64) -> f64 {
        let last = self.entries.len().saturating_sub(1) as f64;
        let index = (input.round() - f64::from(self.first)).clamp(0.0, last);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the table")]
        let entry = self.entries.get(index as usize).copied().unwrap_or_default();
        f64::from(entry)
    }

    /// Largest entry that the bits allow.
    pub fn white(&self) -> f64 {
        2_f64.powi(i32::from(self.bits)) - 1.0
    }
}

/// What of a grey frame is not a straight line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GreyRules {
    /// Stored value to the modality's unit, instead of the rescale.
    pub modality_lut: Option<Lut>,
    /// Value in the modality's unit to brightness; the first is the default where no window is chosen.
    pub voi_luts: Vec<Lut>,
    /// Stored values, both included, that are no image; shown black whatever the window and the polarity.
    pub padding: Option<(f64, f64)>,
    /// Colours in place of greys for high stored values.
    pub colours: Option<LevelColours>,
}

/// The supplemental palette (PS3.3 C.7.6.19): stored values from the first on are colours, those below are greys.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelColours {
    /// Stored value of the first colour.
    pub first: f64,
    /// Values beyond the last take the last.
    pub colours: Arc<[[u8; 3]]>,
}

impl LevelColours {
    pub fn at(&self, stored: f64) -> Option<[u8; 3]> {
        let last = self.colours.len().saturating_sub(1) as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the table")]
        let index = (stored - self.first).clamp(0.0, last) as usize;
        self.colours.get(index).copied().filter(|_| stored >= self.first)
    }
}

impl FrameInfo {
    /// The value in the modality's unit (HU, Bq/ml …) of a stored sample: rescale, or the Modality LUT.
    pub fn value(&self, stored: f64) -> f64 {
        match self.grey.as_ref().and_then(|rules| rules.modality_lut.as_ref()) {
            Some(lut) => lut.at(stored),
            None => stored * self.rescale.0 + self.rescale.1,
        }
    }

    /// Whether a stored sample is padding outside the image.
    pub fn is_padding(&self, stored: f64) -> bool {
        let padding = self.grey.as_ref().and_then(|rules| rules.padding);
        padding.is_some_and(|(low, high)| (low..=high).contains(&stored))
    }
}

/// From a stored grey sample to an 8-bit level.
pub struct GreyMap<'a> {
    ramp: Ramp,
    frame: &'a FrameInfo,
    state: DisplayState,
    straight: bool,
}

impl<'a> GreyMap<'a> {
    /// The map for samples of this type; colour is always straight.
    pub fn new(samples: &Samples, channels: u8, frame: &'a FrameInfo, state: &DisplayState) -> Self {
        let ramp = Ramp::new(samples, channels, frame, state);
        let mut map = Self { ramp, frame, state: *state, straight: true };
        if channels == 1 {
            let rules = frame.grey.as_deref();
            let bent = rules.is_some_and(|rules| {
                rules.modality_lut.is_some()
                    || rules.colours.is_some()
                    || (state.window.is_none() && !rules.voi_luts.is_empty())
            });
            let bright = rules.and_then(|rules| rules.padding).is_some_and(|(low, high)| {
                // A ramp is monotonic: when both ends are black, so is everything between them.
                [low, high].iter().any(|stored| map.ramp_level(*stored) != 0)
            });
            map.straight = !(bent || bright || (state.sigmoid && state.window.is_some()));
        }
        map
    }

    /// The ramp that says it all, where one does.
    pub fn ramp(&self) -> Option<Ramp> {
        self.straight.then_some(self.ramp)
    }

    fn ramp_level(&self, stored: f64) -> u8 {
        self.ramp.level(super::to_f32(stored))
    }

    /// The displayed level of a stored sample.
    pub fn level(&self, stored: f64) -> u8 {
        if self.straight {
            return self.ramp_level(stored);
        }
        if self.frame.is_padding(stored) {
            return 0;
        }
        let rules = self.frame.grey.as_deref();
        let value = self.frame.value(stored);
        let t = match (self.state.window, rules.and_then(|rules| rules.voi_luts.first())) {
            (Some(window), _) if self.state.sigmoid => sigmoid(value, window),
            (Some(window), _) => linear(value, window),
            (None, Some(lut)) => lut.at(value) / lut.white() * 255.0,
            (None, None) => match rules.and_then(|rules| rules.modality_lut.as_ref()) {
                Some(lut) => value / lut.white() * 255.0,
                None => return self.ramp_level(stored),
            },
        };
        let t = if self.state.invert { 255.0 - t } else { t };
        to_u8(super::to_f32((t.clamp(0.0, 255.0) + 0.5).floor()))
    }

    /// The colours of `count` stored values as [`GreyMap::table`] counts them; `None` where all are grey.
    pub fn colours(&self, first: f64, step: f64, count: u32) -> Option<Vec<[u8; 3]>> {
        let colours = self.frame.grey.as_deref()?.colours.as_ref()?;
        let of = |index: u32| {
            let stored = first + f64::from(index) * step;
            colours.at(stored).unwrap_or_else(|| [self.level(stored); 3])
        };
        Some((0..count).map(of).collect())
    }

    /// The levels of `count` stored values from `first` on, `step` apart: what a shader looks up.
    pub fn table(&self, first: f64, step: f64, count: u32) -> Vec<u8> {
        (0..count).map(|index| self.level(first + f64::from(index) * step)).collect()
    }
}

/// VOI LUT function SIGMOID (PS3.3 C.11.2.1.3.1), output 0 to 255.
fn sigmoid(value: f64, window: Window) -> f64 {
    255.0 / (1.0 + (-4.0 * (value - window.center) / window.width).exp())
}

/// VOI LUT function LINEAR (PS3.3 C.11.2.1.2.1), output 0 to 255.
fn linear(value: f64, Window { center, width }: Window) -> f64 {
    if value <= center - 0.5 - (width - 1.0) / 2.0 {
        0.0
    } else if value > center - 0.5 + (width - 1.0) / 2.0 {
        255.0
    } else {
        ((value - (center - 0.5)) / (width - 1.0) + 0.5) * 255.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lut(first: i32, entries: &[u16], bits: u8) -> Lut {
        Lut { first, entries: entries.into(), bits }
    }

    fn frame(rules: GreyRules) -> FrameInfo {
        FrameInfo { grey: Some(Arc::new(rules)), ..FrameInfo::default() }
    }

    fn map<'a>(frame: &'a FrameInfo, state: &DisplayState) -> GreyMap<'a> {
        GreyMap::new(&Samples::I16(Vec::new()), 1, frame, state)
    }

    #[test]
    fn tables_are_clamped_at_both_ends_and_scaled_by_their_bits() {
        let frame = frame(GreyRules { voi_luts: vec![lut(-1, &[0, 1023, 4095], 12)], ..GreyRules::default() });
        let map = map(&frame, &DisplayState::default());
        assert!(map.ramp().is_none());
        assert_eq!([-9.0, -1.0, 0.0, 1.0, 9.0].map(|v| map.level(v)), [0, 0, 64, 255, 255]);
        assert_eq!(map.table(-1.0, 1.0, 3), [0, 64, 255]);
    }

    #[test]
    fn a_chosen_window_takes_the_place_of_the_voi_table_but_not_of_the_modality_table() {
        let rules = GreyRules {
            modality_lut: Some(lut(0, &[100, 200, 300], 16)),
            voi_luts: vec![lut(0, &[0], 8)],
            ..GreyRules::default()
        };
        let frame = frame(rules);
        let state = DisplayState { window: Some(Window { center: 200.5, width: 201.0 }), ..DisplayState::default() };
        let map = map(&frame, &state);
        assert_eq!([0.0, 1.0, 2.0].map(|v| map.level(v)), [0, 128, 255]);
        assert_eq!(frame.value(1.0).to_bits(), 200_f64.to_bits());
    }

    #[test]
    fn the_sigmoid_is_the_standards() {
        let frame = FrameInfo::default();
        let window = Window { center: 40.0, width: 400.0 };
        let state = DisplayState { window: Some(window), sigmoid: true, invert: false };
        let map = map(&frame, &state);
        assert_eq!(map.level(40.0), 128);
        for (value, share) in [(140.0, 1.0 / (1.0 + (-1.0_f64).exp())), (-160.0, 1.0 / (1.0 + 2_f64.exp()))] {
            assert!((f64::from(map.level(value)) - 255.0 * share).abs() <= 0.5, "{value}");
        }
    }

    #[test]
    fn padding_is_black_even_when_black_is_white() {
        let frame = frame(GreyRules { padding: Some((-2000.0, -2000.0)), ..GreyRules::default() });
        let window = Some(Window { center: 40.0, width: 400.0 });
        let upright = DisplayState { window, ..DisplayState::default() };
        assert!(map(&frame, &upright).ramp().is_some(), "below the window it is black anyway");
        let inverted = DisplayState { invert: true, ..upright };
        let map = map(&frame, &inverted);
        assert_eq!((map.level(-2000.0), map.level(-1999.0), map.level(4000.0)), (0, 255, 0));
    }

    #[test]
    fn without_rules_the_map_is_the_ramp() {
        let frame = FrameInfo { rescale: (1.0, -1024.0), ..FrameInfo::default() };
        let state = DisplayState { window: Some(Window { center: 40.0, width: 400.0 }), ..DisplayState::default() };
        let map = map(&frame, &state);
        let ramp = map.ramp().unwrap();
        for stored in (0..4096).step_by(7) {
            assert_eq!(map.level(f64::from(stored)), ramp.level(stored as f32));
            let by_formula = linear(f64::from(stored) - 1024.0, state.window.unwrap());
            assert!((f64::from(ramp.level(stored as f32)) - by_formula).abs() <= 0.501);
        }
    }
}
