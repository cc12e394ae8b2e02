//! How fast frames are played (PS3.3 C.7.6.5).

use super::dataset::{Dataset, Tag};

const FRAME_TIME: Tag = 0x0018_1063;
const FRAME_TIME_VECTOR: Tag = 0x0018_1065;
const CINE_RATE: Tag = 0x0018_0040;
const DISPLAY_RATE: Tag = 0x0008_2144;

/// Milliseconds that each frame is shown; empty where the file does not say.
pub fn durations_ms(data: &Dataset<'_>, frames: u32) -> Vec<f64> {
    let frames = frames as usize;
    if frames < 2 {
        return Vec::new();
    }
    // The vector holds the time since the frame before; its first entry is zero.
    let vector = data.numbers(FRAME_TIME_VECTOR);
    if vector.len() == frames && vector.iter().skip(1).all(|step| *step > 0.0) {
        let mut steps: Vec<f64> = vector.into_iter().skip(1).collect();
        steps.extend(steps.last().copied());
        return steps;
    }
    let positive = |tag| data.number(tag).filter(|value| *value > 0.0);
    let rate = |tag| positive(tag).map(|per_second| 1000.0 / per_second);
    let each = positive(FRAME_TIME).or_else(|| rate(DISPLAY_RATE)).or_else(|| rate(CINE_RATE));
    each.map(|ms| vec![ms; frames]).unwrap_or_default()
}
