//! From the program's numbers to the card's: the only places where precision may be given up.

/// A length or colour for the card. Positions never come here before the view's centre was subtracted from them.
#[allow(clippy::cast_possible_truncation, reason = "the card computes in f32")]
pub(super) fn to_f32(v: f64) -> f32 {
    v as f32
}

/// A count or index for the card; beyond `u32` nothing fits its memory anyway.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The whole number at or below `v`, kept between 0 and `most`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "kept within 0 and `most`")]
pub(super) fn whole(v: f64, most: u32) -> u32 {
    v.clamp(0.0, f64::from(most)) as u32
}

/// The nearest whole number; saturates.
#[allow(clippy::cast_possible_truncation, reason = "saturates, which is what a far-away place wants")]
pub(super) fn nearest(v: f64) -> i64 {
    v.round() as i64
}
