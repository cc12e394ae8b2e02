//! Where an endoscope's picture lies in its frame: the round or eight-cornered field between black edges and panels of text.

/// Brighter than the noise of a black mask after lossy coding.
const LIT: u8 = 28;
/// Part of a row or a column that is lit where the field is; lines of text are sparser.
const DENSE: f64 = 0.14;
/// A field that fills more than this of the frame both ways has no mask around it.
const WHOLE: f64 = 0.96;
/// Smaller than this is no field but a logo.
const LEAST: f64 = 0.2;

/// The box (left, top, right, bottom, as parts of the frame) around the field in an RGBA picture of this width; `None` where
/// the picture fills its frame or nothing is lit.
pub fn of(rgba: &[u8], width: usize) -> Option<[f64; 4]> {
    let lit: Vec<bool> = rgba.chunks_exact(4).map(|p| p.iter().take(3).any(|v| *v > LIT)).collect();
    let height = lit.len().checked_div(width)?;
    if height == 0 {
        return None;
    }
    let column = |x: usize| lit.iter().skip(x).step_by(width).filter(|lit| **lit).count();
    let (left, right) = longest_run((0..width).map(|x| column(x) as f64 >= DENSE * height as f64))?;
    let across = right - left;
    let row = |y: usize| lit.iter().skip(y * width + left).take(across).filter(|lit| **lit).count();
    let (top, bottom) = longest_run((0..height).map(|y| row(y) as f64 >= DENSE * across as f64))?;
    let parts = [
        left as f64 / width as f64,
        top as f64 / height as f64,
        right as f64 / width as f64,
        bottom as f64 / height as f64,
    ];
    let (w, h) = (parts[2] - parts[0], parts[3] - parts[1]);
    (w > LEAST && h > LEAST && (w < WHOLE || h < WHOLE)).then_some(parts)
}

/// The longest unbroken row of `true`, as begin and end.
fn longest_run(values: impl Iterator<Item = bool>) -> Option<(usize, usize)> {
    let (mut best, mut begin, mut end) = ((0, 0), None, 0);
    for (at, value) in values.chain([false]).enumerate() {
        match (value, begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                if at - from > best.1 - best.0 {
                    best = (from, at);
                }
                begin = None;
            }
            _ => {}
        }
        end = at;
    }
    let _ = end;
    (best.1 > best.0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, lit: impl Fn(usize, usize) -> bool) -> Vec<u8> {
        let at = |i: usize| if lit(i % width, i / width) { [180, 90, 70, 255] } else { [6, 4, 9, 255] };
        (0..width * height).flat_map(at).collect()
    }

    #[test]
    fn a_round_field_is_found_beside_a_panel_of_text() {
        let round = |x: usize, y: usize| (x as f64 - 130.0).hypot(y as f64 - 60.0) < 50.0;
        let text = |x: usize, y: usize| x < 40 && y % 12 == 0 && x % 3 > 0;
        let found = of(&picture(200, 120, |x, y| round(x, y) || text(x, y)), 200).unwrap();
        for (got, want) in found.iter().zip([80.0 / 200.0, 10.0 / 120.0, 180.0 / 200.0, 110.0 / 120.0]) {
            assert!((got - want).abs() < 0.05, "{found:?}");
        }
    }

    #[test]
    fn a_picture_that_fills_its_frame_has_no_field() {
        assert_eq!(of(&picture(64, 48, |_, _| true), 64), None);
        assert_eq!(of(&picture(64, 48, |_, _| false), 64), None);
        assert_eq!(of(&picture(64, 48, |x, y| x < 8 && y < 8), 64), None);
        assert_eq!(of(&[], 64), None);
    }
}
