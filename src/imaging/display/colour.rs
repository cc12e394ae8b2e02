//! Colour pixels as shown: a profile's table, one channel or one stain alone, brightness, contrast and gamma.
//!
//! The order is: part, brightness and contrast, gamma, 8 bits. A channel or a stain is taken from the stored values, as
//! other programs do, and no profile is applied to it. `shaders/tile.wgsl` repeats it step by step. Nothing here touches
//! the pixels of a file: it is how one viewport shows them.
//!
//! **Stains** are separated by colour deconvolution: A. C. Ruifrok and D. A. Johnston, *Quantification of histochemical
//! staining by color deconvolution*, Anal Quant Cytol Histol 23:291-299, 2001, with the optical densities of haematoxylin,
//! eosin and DAB that they give. With optical density `d = -log10(max(v, 1/255))` of the stored channel `v`, the amount of
//! a stain is its row of the inverse stain matrix times `d`, at least 0; it is shown in its own colour, `10^(-amount·vector)`.

use std::sync::LazyLock;

use super::IccTable;

/// What of the stored colour is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourPart {
    #[default]
    Whole,
    Red,
    Green,
    Blue,
    Haematoxylin,
    Eosin,
    Dab,
}

impl ColourPart {
    pub const ALL: [Self; 7] =
        [Self::Whole, Self::Red, Self::Green, Self::Blue, Self::Haematoxylin, Self::Eosin, Self::Dab];

    /// The stored channel shown alone.
    pub const fn channel(self) -> Option<u8> {
        match self {
            Self::Red => Some(0),
            Self::Green => Some(1),
            Self::Blue => Some(2),
            _ => None,
        }
    }

    /// The stain shown alone.
    pub fn stain(self) -> Option<Stain> {
        let index = match self {
            Self::Haematoxylin => 0,
            Self::Eosin => 1,
            Self::Dab => 2,
            _ => return None,
        };
        STAINS.get(index).copied()
    }
}

/// A stain of the separation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stain {
    /// Its row of the inverse stain matrix.
    pub amount: [f32; 3],
    /// Its optical density in red, green and blue, of length 1.
    pub vector: [f32; 3],
}

/// Haematoxylin, eosin, DAB as in Ruifrok and Johnston 2001.
const PUBLISHED: [[f64; 3]; 3] = [[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]];

static STAINS: LazyLock<[Stain; 3]> = LazyLock::new(|| {
    let unit = PUBLISHED.map(|v| {
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.map(|x| x / length)
    });
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let [h, e, d] = unit;
    let det: f64 = h.iter().zip(cross(e, d)).map(|(x, y)| x * y).sum();
    #[allow(clippy::cast_possible_truncation, reason = "the shader computes in f32")]
    let stain = |vector: [f64; 3], others: [f64; 3]| Stain {
        amount: others.map(|v| (v / det) as f32),
        vector: vector.map(|v| v as f32),
    };
    [stain(h, cross(e, d)), stain(e, cross(d, h)), stain(d, cross(h, e))]
});

/// How a viewport shows colour. Not to be confused with the window of grey images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourState {
    pub part: ColourPart,
    /// Added to every channel, -1 to 1.
    pub brightness: f32,
    /// Factor about the middle, 0.2 to 5.
    pub contrast: f32,
    /// Exponent 1/gamma, 0.2 to 5.
    pub gamma: f32,
}

impl Default for ColourState {
    fn default() -> Self {
        Self { part: ColourPart::Whole, brightness: 0.0, contrast: 1.0, gamma: 1.0 }
    }
}

impl ColourState {
    /// Whether colours are shown as they are: no badge is needed.
    pub fn is_neutral(&self) -> bool {
        self.part == ColourPart::Whole && self.tone_is_neutral()
    }

    fn tone_is_neutral(&self) -> bool {
        self.brightness == 0.0 && (self.contrast - 1.0).abs() < 1e-6 && (self.gamma - 1.0).abs() < 1e-6
    }

    /// Values within their ranges, whatever a slider or a file gave.
    #[must_use]
    pub fn sound(self) -> Self {
        let within = |v: f32, low: f32, high: f32, otherwise: f32| {
            if v.is_finite() { v.clamp(low, high) } else { otherwise }
        };
        Self {
            part: self.part,
            brightness: within(self.brightness, -1.0, 1.0, 0.0),
            contrast: within(self.contrast, 0.2, 5.0, 1.0),
            gamma: within(self.gamma, 0.2, 5.0, 1.0),
        }
    }

    /// One colour as shown, 0 to 1.
    pub fn shown(&self, rgb: [f32; 3], table: Option<&IccTable>) -> [f32; 3] {
        let part = if let Some(stain) = self.part.stain() {
            let density = rgb.map(|v| -v.max(1.0 / 255.0).log10());
            let amount: f32 = density.iter().zip(stain.amount).map(|(d, row)| d * row).sum();
            stain.vector.map(|v| 10.0_f32.powf(-amount.max(0.0) * v))
        } else if let Some(channel) = self.part.channel() {
            [rgb.get(usize::from(channel)).copied().unwrap_or_default(); 3]
        } else {
            table.map_or(rgb, |t| t.apply(rgb))
        };
        if self.tone_is_neutral() {
            return part;
        }
        part.map(|v| ((v - 0.5) * self.contrast + 0.5 + self.brightness).clamp(0.0, 1.0).powf(1.0 / self.gamma))
    }

    /// Every pixel of an RGBA buffer as shown; alpha stays.
    pub fn paint(&self, rgba: &mut [u8], table: Option<&IccTable>) {
        if self.is_neutral() && table.is_none() {
            return;
        }
        // Slides are runs of like colours: the last one answers most pixels.
        let mut last = ([0; 3], to_bytes(self.shown([0.0; 3], table)));
        for pixel in rgba.as_chunks_mut::<4>().0 {
            let [r, g, b, _] = *pixel;
            if last.0 != [r, g, b] {
                last = ([r, g, b], to_bytes(self.shown([r, g, b].map(|v| f32::from(v) / 255.0), table)));
            }
            pixel[..3].copy_from_slice(&last.1);
        }
    }
}

fn to_bytes(rgb: [f32; 3]) -> [u8; 3] {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
    rgb.map(|v| (v * 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stain_alone_has_itself_and_nothing_of_the_others() {
        for (i, part) in [ColourPart::Haematoxylin, ColourPart::Eosin, ColourPart::Dab].into_iter().enumerate() {
            let own = part.stain().unwrap();
            for (j, other) in STAINS.iter().enumerate() {
                let amount: f32 = own.amount.iter().zip(other.vector).map(|(a, v)| a * v).sum();
                assert!((amount - if i == j { 1.0 } else { 0.0 }).abs() < 1e-5, "{part:?} {j}: {amount}");
            }
            // Its own colour comes out as it went in, white stays white.
            let state = ColourState { part, ..ColourState::default() };
            let colour = own.vector.map(|v| 10.0_f32.powf(-0.7 * v));
            let shown = state.shown(colour, None);
            assert!(shown.iter().zip(colour).all(|(a, b)| (a - b).abs() < 1e-4), "{part:?}: {shown:?} {colour:?}");
            assert!(state.shown([1.0; 3], None).iter().all(|v| (v - 1.0).abs() < 1e-6));
        }
    }

    #[test]
    fn tone_moves_as_its_names_say_and_neutral_is_the_identity() {
        let grey = [0.4; 3];
        let with = |brightness, contrast, gamma| {
            ColourState { brightness, contrast, gamma, ..ColourState::default() }.shown(grey, None)[0]
        };
        assert!((with(0.0, 1.0, 1.0) - 0.4).abs() < 1e-7);
        assert!((with(0.1, 1.0, 1.0) - 0.5).abs() < 1e-6);
        assert!((with(0.0, 2.0, 1.0) - 0.3).abs() < 1e-6);
        assert!((with(0.0, 1.0, 2.0) - 0.4_f32.sqrt()).abs() < 1e-6);
        let mut pixels = vec![10, 20, 30, 40];
        ColourState::default().paint(&mut pixels, None);
        assert_eq!(pixels, [10, 20, 30, 40]);
        ColourState { part: ColourPart::Green, ..ColourState::default() }.paint(&mut pixels, None);
        assert_eq!(pixels, [20, 20, 20, 40]);
        let wild = ColourState { brightness: f32::NAN, contrast: 900.0, gamma: -1.0, part: ColourPart::Whole }.sound();
        assert_eq!((wild.brightness, wild.contrast, wild.gamma), (0.0, 5.0, 0.2));
    }
}
