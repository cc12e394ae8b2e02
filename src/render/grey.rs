//! How a raw grey sample becomes a brightness: the numbers that the tile shader takes.

/// `t = clamp((raw - zero_at) * per_step, 0, 255)`, then `255 - t` when `invert`, then rounded half up.
///
/// The formula is that of the CPU display pipeline (`imaging::display::Ramp`), operation by operation in `f32`; the caller
/// takes the numbers from there, so that the window (PS3.3 C.11.2.1.2.1) is worked out in one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreyRamp {
    /// Stored value shown as black.
    pub zero_at: f32,
    /// Output steps (of 255) per stored step.
    pub per_step: f32,
    pub invert: bool,
}

impl GreyRamp {
    /// Stored 8-bit values shown as they are.
    pub const IDENTITY: Self = Self { zero_at: 0.0, per_step: 1.0, invert: false };
}
