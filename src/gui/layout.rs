//! How the stage is divided: one cell to three by three.

use egui::{Rect, Vec2, pos2};

/// Points between two cells.
const GAP: f32 = 2.0;

/// Columns and rows of cells, each 1 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    cols: u8,
    rows: u8,
}

impl Grid {
    pub const SINGLE: Self = Self { cols: 1, rows: 1 };

    /// Cut to 1 to 3 each way.
    pub fn new(cols: u8, rows: u8) -> Self {
        Self { cols: cols.clamp(1, 3), rows: rows.clamp(1, 3) }
    }

    pub const fn cols(self) -> usize {
        self.cols as usize
    }

    pub const fn rows(self) -> usize {
        self.rows as usize
    }

    pub const fn cells(self) -> usize {
        self.cols() * self.rows()
    }

    /// The places of the cells, row by row, with a gap between neighbours.
    pub fn rects(self, rect: Rect) -> Vec<Rect> {
        let (cols, rows) = (f32::from(self.cols), f32::from(self.rows));
        let size = Vec2::new((rect.width() - GAP * (cols - 1.0)) / cols, (rect.height() - GAP * (rows - 1.0)) / rows);
        (0..self.rows)
            .flat_map(|row| (0..self.cols).map(move |col| (f32::from(col), f32::from(row))))
            .map(|(col, row)| {
                let at = pos2(rect.min.x + col * (size.x + GAP), rect.min.y + row * (size.y + GAP));
                Rect::from_min_size(at, size)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Grid;
    use egui::{Rect, pos2};

    #[test]
    fn cells_fill_the_stage_and_do_not_overlap() {
        let stage = Rect::from_min_max(pos2(220.0, 36.0), pos2(1066.0, 744.0));
        for (cols, rows) in [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (3, 3)] {
            let rects = Grid::new(cols, rows).rects(stage);
            assert_eq!(rects.len(), usize::from(cols) * usize::from(rows));
            let last = rects.last().unwrap();
            assert!((last.max - stage.max).length() < 1e-3 && rects[0].min == stage.min);
            for (i, a) in rects.iter().enumerate() {
                assert!(rects.iter().skip(i + 1).all(|b| !a.shrink(0.5).intersects(*b)));
            }
        }
        assert_eq!(Grid::new(9, 0), Grid::new(3, 1));
    }
}
