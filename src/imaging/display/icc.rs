//! Colour profiles (ICC.1) as tables: what a scanner's red, green and blue mean, in sRGB or in the colours of a monitor.
//!
//! A profile becomes a cube of 33³ entries (65³ where its curves are too steep for that), read with linear interpolation:
//! the same numbers serve the CPU and `shaders/tile.wgsl`. The rendering intent is the one that the profile itself names
//! (perceptual in most), as OpenSlide's documentation asks; no black point compensation.

use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformOptions};

use crate::imaging::guard::caught;

/// Entries along a side, and along the side of a table for steep curves.
const SIDE: u32 = 33;
const FINE_SIDE: u32 = 65;
/// A table may be off by this much between its entries, of 255, before the finer one is made.
const TOLERATED: f32 = 0.75;
/// A table that changes no colour by as much as this, of 255, changes nothing.
const NOTHING: f32 = 0.75;
/// Entries are cut here: farther out a cell's slope would be all that is left of it.
const BEYOND: [f32; 2] = [-1.0, 2.0];
/// Profiles of scanners are kilobytes, of printers a few megabytes; beyond this it is something else.
const MOST_BYTES: usize = 16 << 20;

/// Why a profile cannot be used. The image is then shown as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IccFault {
    #[error("the colour profile is damaged")]
    Damaged,
    #[error("the colour profile is not for red, green and blue")]
    NotRgb,
    #[error("the colour profile is larger than any")]
    TooLarge,
    #[error("the colour profile has no way to the monitor's colours")]
    NoWay,
    #[error("the monitor's colour profile cannot be used")]
    Monitor,
}

/// See the module's text. Colours are 0 to 1, but for entries beyond what the screen can show.
#[derive(Clone, Debug, PartialEq)]
pub struct IccTable {
    side: u32,
    rgb: Vec<[f32; 3]>,
    neutral: bool,
    name: String,
}

impl IccTable {
    /// From the image's profile to `monitor`'s, or to sRGB.
    ///
    /// # Errors
    /// [`IccFault`].
    pub fn new(image: &[u8], monitor: Option<&[u8]>) -> Result<Self, IccFault> {
        if image.len().max(monitor.map_or(0, <[u8]>::len)) > MOST_BYTES {
            return Err(IccFault::TooLarge);
        }
        caught(|| Self::build(image, monitor)).unwrap_or(Err(IccFault::Damaged))
    }

    fn build(image: &[u8], monitor: Option<&[u8]>) -> Result<Self, IccFault> {
        let from = parse(image)?;
        let to = match monitor {
            Some(bytes) => parse(bytes).map_err(|_| IccFault::Monitor)?,
            None => ColorProfile::new_srgb(),
        };
        let name = described(&from);
        let first = match from.rendering_intent {
            // Absolute would tint the white of the glass by the lamp's.
            RenderingIntent::AbsoluteColorimetric => RenderingIntent::RelativeColorimetric,
            other => other,
        };
        // A profile by table need not have one for every intent; the perceptual one then stands for all (ICC.1, 8.10.2).
        let transform = [first, RenderingIntent::Perceptual, RenderingIntent::RelativeColorimetric]
            .into_iter()
            .find_map(|rendering_intent| {
                let options =
                    TransformOptions { rendering_intent, prefer_fixed_point: false, ..TransformOptions::default() };
                from.create_transform_f32(Layout::Rgb, &to, Layout::Rgb, options).ok()
            })
            .ok_or(IccFault::NoWay)?;
        let through = |colours: &[[f32; 3]]| -> Result<Vec<[f32; 3]>, IccFault> {
            let flat = colours.as_flattened();
            let mut out = vec![0.0_f32; flat.len()];
            transform.transform(flat, &mut out).map_err(|_| IccFault::NoWay)?;
            if out.iter().any(|v| !v.is_finite()) {
                return Err(IccFault::Damaged);
            }
            Ok(out.as_chunks::<3>().0.iter().map(|c| c.map(|v| v.clamp(BEYOND[0], BEYOND[1]))).collect())
        };
        let table = |side| -> Result<Self, IccFault> {
            let rgb = through(&lattice(side))?;
            let off = lattice(side)
                .iter()
                .zip(&rgb)
                .map(|(a, b)| farthest(*a, b.map(|v| v.clamp(0.0, 1.0))))
                .fold(0.0, f32::max);
            Ok(Self { side, rgb, neutral: off * 255.0 < NOTHING, name: name.clone() })
        };
        let coarse = table(SIDE)?;
        let between = between();
        let exact = through(&between)?;
        let worst = between
            .iter()
            .zip(&exact)
            .map(|(c, e)| farthest(coarse.apply(*c), e.map(|v| v.clamp(0.0, 1.0))))
            .fold(0.0, f32::max);
        if worst * 255.0 <= TOLERATED { Ok(coarse) } else { table(FINE_SIDE) }
    }

    /// Entries along a side.
    pub const fn side(&self) -> u32 {
        self.side
    }

    /// All entries, red running fastest.
    pub fn entries(&self) -> &[[f32; 3]] {
        &self.rgb
    }

    /// Whether it changes no colour that an eye or an 8-bit screen could tell.
    pub const fn is_neutral(&self) -> bool {
        self.neutral
    }

    /// What the profile calls itself; empty where it has no name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One colour through the table, linear between its entries as a graphics card's sampler is.
    pub fn apply(&self, rgb: [f32; 3]) -> [f32; 3] {
        let last = self.side - 1;
        let place = rgb.map(|v| {
            let at = f64::from(v.clamp(0.0, 1.0)) * f64::from(last);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the side")]
            let low = (at as u32).min(last - 1);
            #[allow(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
            let share = (at - f64::from(low)) as f32;
            (low, share)
        });
        let mut out = [0.0; 3];
        for corner in 0..8_u32 {
            let (mut index, mut weight) = (0, 1.0);
            for (axis, (low, share)) in place.iter().enumerate().rev() {
                let high = corner >> axis & 1;
                index = index * self.side + low + high;
                weight *= if high == 1 { *share } else { 1.0 - share };
            }
            if let Some(entry) = self.rgb.get(index as usize) {
                for (sum, v) in out.iter_mut().zip(entry) {
                    *sum += v * weight;
                }
            }
        }
        out.map(|v: f32| v.clamp(0.0, 1.0))
    }
}

fn parse(bytes: &[u8]) -> Result<ColorProfile, IccFault> {
    let profile = ColorProfile::new_from_slice(bytes).map_err(|_| IccFault::Damaged)?;
    if profile.color_space == DataColorSpace::Rgb { Ok(profile) } else { Err(IccFault::NotRgb) }
}

fn described(profile: &ColorProfile) -> String {
    use moxcms::ProfileText;
    let text = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.clone(),
        Some(ProfileText::Localizable(all)) => all.first().map(|l| l.value.clone()).unwrap_or_default(),
        Some(ProfileText::Description(d)) => {
            if d.ascii_string.is_empty() {
                d.unicode_string.clone()
            } else {
                d.ascii_string.clone()
            }
        }
        None => String::new(),
    };
    // It comes from a stranger's file and is shown in a corner.
    text.chars().filter(|c| !c.is_control()).take(40).collect::<String>().trim().to_owned()
}

/// All places of a table, red running fastest.
fn lattice(side: u32) -> Vec<[f32; 3]> {
    let at = |i: u32| share(i, side - 1);
    let all = (0..side).flat_map(|b| (0..side).flat_map(move |g| (0..side).map(move |r| [r, g, b])));
    all.map(|c| c.map(at)).collect()
}

/// Places in the middle between entries: the greys, and a coarse net through all colours.
fn between() -> Vec<[f32; 3]> {
    let middle = |i: u32| share(2 * i + 1, 2 * (SIDE - 1));
    let greys = (0..SIDE - 1).map(|i| [middle(i); 3]);
    let net = (0..SIDE - 1).step_by(4);
    let all = net.clone().flat_map(|b| {
        net.clone().flat_map({
            let net = net.clone();
            move |g| net.clone().map(move |r| [r, g, b])
        })
    });
    greys.chain(all.map(|c| c.map(middle))).collect()
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^24")]
fn share(i: u32, of: u32) -> f32 {
    i as f32 / of as f32
}

fn farthest(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::{IccFault, IccTable};
    use moxcms::{ColorProfile, ToneReprCurve};

    #[test]
    fn srgb_to_srgb_changes_nothing_and_adobe_rgb_does() {
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        let table = IccTable::new(&srgb, None).unwrap();
        assert!(table.is_neutral());
        let adobe = ColorProfile::new_adobe_rgb().encode().unwrap();
        let table = IccTable::new(&adobe, None).unwrap();
        assert!(!table.is_neutral());
        assert!(IccTable::new(&adobe, Some(&adobe)).unwrap().is_neutral(), "the monitor is what the image is for");
        // Greys stay grey; Adobe's gamma is close to sRGB's curve. A saturated green is out of sRGB.
        let [r, g, b] = table.apply([0.5, 0.5, 0.5]);
        assert!((r - g).abs() < 2e-3 && (g - b).abs() < 2e-3 && (g - 0.5).abs() < 0.02, "{r} {g} {b}");
        let [r, g, _] = table.apply([0.2, 0.8, 0.2]);
        assert!(r < 0.05 && g > 0.79, "{r} {g}");
    }

    #[test]
    fn steep_curves_get_the_finer_table() {
        let mut linear = ColorProfile::new_srgb();
        let straight = ToneReprCurve::Lut(Vec::new());
        (linear.red_trc, linear.green_trc, linear.blue_trc) =
            (Some(straight.clone()), Some(straight.clone()), Some(straight));
        linear.cicp = None;
        let table = IccTable::new(&linear.encode().unwrap(), None).unwrap();
        assert_eq!(table.side(), 65);
        let [r, ..] = table.apply([0.214; 3]);
        assert!((r - 0.5).abs() < 0.01, "linear 0.214 is middle grey: {r}");
    }

    #[test]
    fn what_is_no_profile_is_refused_with_a_reason() {
        assert!(IccTable::new(b"", None).is_err());
        assert_eq!(IccTable::new(&[7; 4000], None), Err(IccFault::Damaged));
        let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
        assert_eq!(IccTable::new(&grey, None), Err(IccFault::NotRgb));
        let srgb = ColorProfile::new_adobe_rgb().encode().unwrap();
        assert_eq!(IccTable::new(&srgb, Some(&grey)), Err(IccFault::Monitor));
        // Cut and mutated profiles are refused or shown, and never stop the program.
        let mut seed = 7_u32;
        for cut in (0..srgb.len()).step_by(31) {
            let _ = IccTable::new(&srgb[..cut], None);
            let mut mutant = srgb.clone();
            for _ in 0..4 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize % mutant.len();
                mutant[at] = (seed >> 24) as u8;
            }
            if let Ok(table) = IccTable::new(&mutant, None) {
                assert!(table.entries().iter().flatten().all(|v| (-1.0..=2.0).contains(v)));
            }
        }
    }
}
