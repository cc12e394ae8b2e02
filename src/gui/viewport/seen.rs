//! Which parts of a slide were looked at, and how closely: a coarse net over the image, kept while the image is open and
//! for the images shown before it. It is a help for the eye in the navigator, no record.

use std::{collections::VecDeque, path::PathBuf};

use super::demand::Seen;

/// Cells along the longer side.
const CELLS: u32 = 96;
/// Images whose nets are kept.
const KEPT: usize = 32;
/// Steps of closeness, by objective power: from 2.5, 5, 10 and 20.
const STEPS: [f64; 4] = [2.5, 5.0, 10.0, 20.0];

/// Closeness of every cell: 0 is never, 1 to 4 are [`STEPS`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenMap {
    pub cols: u32,
    pub rows: u32,
    pub cells: Vec<u8>,
}

impl SeenMap {
    fn new(size_px: [f64; 2]) -> Self {
        let longer = size_px[0].max(size_px[1]).max(1.0);
        let side = |px: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most `CELLS`")]
            let n = (px / longer * f64::from(CELLS)).round().clamp(1.0, f64::from(CELLS)) as u32;
            n
        };
        let (cols, rows) = (side(size_px[0]), side(size_px[1]));
        Self { cols, rows, cells: vec![0; (cols * rows) as usize] }
    }

    /// Notes a view that the eye has rested on; whether anything was new.
    fn note(&mut self, size_px: [f64; 2], seen: &Seen, magnification: f64) -> bool {
        let closeness = STEPS.iter().take_while(|s| magnification >= **s * 0.99).count();
        let Some(level) = u8::try_from(closeness).ok().filter(|l| *l > 0) else { return false };
        let [width, height] = [size_px[0] / f64::from(self.cols), size_px[1] / f64::from(self.rows)];
        let mut new = false;
        for (row, cells) in self.cells.chunks_mut(self.cols as usize).enumerate() {
            for (col, cell) in cells.iter_mut().enumerate() {
                let middle = [(col as f64 + 0.5) * width, (row as f64 + 0.5) * height];
                if *cell < level && seen.holds(middle) {
                    *cell = level;
                    new = true;
                }
            }
        }
        new
    }
}

/// The nets of the images of this session, the newest last.
#[derive(Debug, Default)]
pub(super) struct SeenMaps {
    kept: VecDeque<(PathBuf, SeenMap)>,
}

impl SeenMaps {
    /// Brings an image's net to the front, or begins one.
    pub fn open(&mut self, file: PathBuf, size_px: [f64; 2]) {
        let fresh = SeenMap::new(size_px);
        let known = self.kept.iter().position(|(f, m)| *f == file && (m.cols, m.rows) == (fresh.cols, fresh.rows));
        let map = known.and_then(|at| self.kept.remove(at)).map_or(fresh, |(_, map)| map);
        self.kept.push_back((file, map));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    pub fn current(&self) -> Option<&SeenMap> {
        self.kept.back().map(|(_, map)| map)
    }

    pub fn note(&mut self, size_px: [f64; 2], seen: &Seen, magnification: f64) {
        if let Some((_, map)) = self.kept.back_mut() {
            map.note(size_px, seen, magnification);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, SeenMap, SeenMaps};
    use std::path::PathBuf;

    #[test]
    fn what_was_seen_closely_stays_and_far_looks_count_less() {
        let mut maps = SeenMaps::default();
        let size = [96_000.0, 48_000.0];
        maps.open(PathBuf::from("a"), size);
        let view = |x: f64, y: f64, side: f64| Seen([[x, y], [x + side, y], [x + side, y + side], [x, y + side]]);
        maps.note(size, &view(0.0, 0.0, 96_000.0), 1.2);
        assert!(maps.current().unwrap().cells.iter().all(|c| *c == 0), "an overview is no look");
        maps.note(size, &view(10_000.0, 10_000.0, 4_000.0), 20.0);
        maps.note(size, &view(8_000.0, 8_000.0, 16_000.0), 5.0);
        let map = maps.current().unwrap();
        assert_eq!((map.cols, map.rows), (96, 48));
        let closer = |map: &SeenMap, than: u8| map.cells.iter().filter(|c| **c > than).count();
        assert_eq!((closer(map, 3), closer(map, 1), closer(map, 0)), (16, 256, 256));
        maps.open(PathBuf::from("b"), size);
        assert!(maps.current().unwrap().cells.iter().all(|c| *c == 0));
        maps.open(PathBuf::from("a"), size);
        assert_eq!(closer(maps.current().unwrap(), 3), 16, "it is remembered");
    }
}
