//! COCO run-length masks: rasterising by pixel centres (even-odd over all rings) and the compressed string form.
//!
//! Runs go down the columns, the first run counts zeros (pycocotools `maskApi.c`, `rleToString`).

use crate::domain::{Polygon, SizePx};

/// Run lengths of the mask of `polygons` on an image, column by column, starting with zeros.
/// A pixel is in when its centre is; coordinates are pixel edges.
pub fn rasterise(polygons: &[Polygon], size: SizePx) -> Vec<u64> {
    let (columns, height) = (size.width as usize, f64::from(size.height));
    let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); columns];
    for ring in polygons.iter().flat_map(|p| std::iter::once(&p.exterior).chain(&p.holes)) {
        for (a, b) in ring.iter().zip(ring.iter().skip(1).chain(ring.first())) {
            add_edge(&mut crossings, *a, *b);
        }
    }
    let mut runs: Vec<u64> = vec![0];
    let mut inside = false;
    let mut push = |value: bool, count: u64| {
        if count == 0 {
            return;
        }
        if value == inside {
            if let Some(last) = runs.last_mut() {
                *last += count;
            }
        } else {
            runs.push(count);
            inside = value;
        }
    };
    for ys in &mut crossings {
        ys.sort_by(f64::total_cmp);
        let mut done = 0_u64;
        for &pair in ys.as_chunks::<2>().0 {
            let [top, bottom] = pair.map(|y| row_at(y, height));
            let top = top.max(done);
            push(false, top - done);
            push(true, bottom.saturating_sub(top));
            done = bottom.max(top);
        }
        push(false, u64::from(size.height) - done);
    }
    runs
}

/// First row whose centre is at or below `y`, kept inside the image.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to [0, height], and a height is a u32"
)]
fn row_at(y: f64, height: f64) -> u64 {
    (y - 0.5).ceil().clamp(0.0, height) as u64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the columns of the image before the cast"
)]
fn add_edge(crossings: &mut [Vec<f64>], a: [f64; 2], b: [f64; 2]) {
    let (left, right) = if a[0] <= b[0] { (a, b) } else { (b, a) };
    let columns = crossings.len() as f64;
    let first = (left[0] - 0.5).ceil().clamp(0.0, columns) as usize;
    let end = (right[0] - 0.5).ceil().clamp(0.0, columns) as usize;
    for (column, ys) in crossings.iter_mut().enumerate().take(end).skip(first) {
        let x = column as f64 + 0.5;
        ys.push(left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0]));
    }
}

/// Pixels in the mask.
#[cfg(test)]
fn area(runs: &[u64]) -> u64 {
    runs.iter().skip(1).step_by(2).sum()
}

/// The compressed string: groups of five bits + 48, from the third run on the difference to the run two before.
pub fn compress(runs: &[u64]) -> String {
    let mut out = String::new();
    for (index, run) in runs.iter().enumerate() {
        let mut x = i64::try_from(*run).unwrap_or(i64::MAX);
        if index > 2 {
            x -= runs.get(index - 2).and_then(|r| i64::try_from(*r).ok()).unwrap_or(0);
        }
        loop {
            let group = u8::try_from(x & 0x1f).unwrap_or(0);
            x >>= 5;
            let more = if group & 0x10 == 0 { x != 0 } else { x != -1 };
            out.push(char::from(group + if more { 0x20 } else { 0 } + 48));
            if !more {
                break;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(x: f64, y: f64, w: f64, h: f64) -> Polygon {
        Polygon { exterior: vec![[x, y], [x + w, y], [x + w, y + h], [x, y + h]], holes: Vec::new() }
    }

    #[test]
    fn strings_match_pycocotools_vectors() {
        let runs = rasterise(&[rectangle(1.0, 1.0, 2.0, 3.0)], SizePx::new(4, 5));
        assert_eq!(runs, [6, 3, 2, 3, 6]);
        assert_eq!(compress(&runs), "63204");
        assert_eq!(compress(&rasterise(&[rectangle(0.0, 0.0, 2.0, 2.0)], SizePx::new(2, 2))), "04");
        assert_eq!(compress(&rasterise(&[], SizePx::new(3, 3))), "9");
    }

    #[test]
    fn a_hole_is_a_hole_and_the_image_cuts_the_shape() {
        let mut ring = rectangle(-5.0, 1.0, 9.0, 4.0);
        ring.holes.push(rectangle(1.0, 2.0, 2.0, 2.0).exterior);
        let runs = rasterise(&[ring], SizePx::new(6, 6));
        assert_eq!(area(&runs), 4 * 4 - 4);
        assert_eq!(runs.iter().sum::<u64>(), 36);
    }
}
