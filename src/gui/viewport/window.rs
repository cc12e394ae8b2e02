//! A value window out of the values in view.

use super::Viewport;
use crate::gui::navigation::Profile;
use crate::project::tiles::{DisplayState, Window};

/// Shares of the values that lie below black and above white: enough to leave metal, bone and the table out.
const TAILS: [f64; 2] = [0.005, 0.995];
/// Values looked at, at most.
const MOST_VALUES: usize = 200_000;

impl Viewport {
    /// The window that holds all but the outermost half per cent of the slice's values on each side, padding left out. A
    /// slice that has not arrived, or holds one value only, keeps its window.
    pub fn auto_window(&mut self) {
        if let Some(window) = self.window_of_values() {
            self.set_window(Some(window));
        }
    }

    /// The whole image as soon as the view is drawn: its place is about to change.
    pub fn fit_when_shown(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.fit_pending = true;
        }
    }

    /// What drags do here.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// As another view of the same image shows it.
    pub fn set_display(&mut self, display: DisplayState) {
        if let Some(shown) = &mut self.shown {
            shown.display = display;
        }
    }

    /// The window as the middle of a sigmoid (PS3.3 C.11.2.1.3.1) instead of a straight line.
    pub fn set_sigmoid(&mut self, sigmoid: bool) {
        if let Some(shown) = &mut self.shown {
            shown.display.sigmoid = sigmoid;
        }
    }

    fn window_of_values(&self) -> Option<Window> {
        let frame = self.meta()?.frames.get(self.frame() as usize)?;
        let coarsest = self.tiles.keys().filter(|k| k.frame == self.frame()).map(|k| k.level).max()?;
        let tiles = self.tiles.keys().filter(|k| k.frame == self.frame() && k.level == coarsest);
        let tiles: Vec<_> = tiles.filter_map(|k| self.tiles.peek(k)).collect();
        let count: usize = tiles.iter().map(|t| t.size_px()[0] as usize * t.size_px()[1] as usize).sum();
        let step = count.div_ceil(MOST_VALUES).max(1);
        let mut values = Vec::with_capacity(count / step + 1);
        for (at, tile) in tiles
            .iter()
            .flat_map(|tile| {
                let [w, h] = tile.size_px();
                (0..h).flat_map(move |y| (0..w).map(move |x| ([x, y], *tile)))
            })
            .step_by(step)
        {
            let stored = tile.stored_of(tile.grey_at(at[0], at[1])?);
            if !frame.is_padding(stored) {
                values.push(frame.value(stored));
            }
        }
        between(values)
    }
}

/// The window between the tails of the values.
fn between(mut values: Vec<f64>) -> Option<Window> {
    values.retain(|v| v.is_finite());
    let last = values.len().checked_sub(1)?;
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let at = |share: f64| values.get((share * last as f64).round() as usize).copied();
    let (low, high) = (at(TAILS[0])?, at(TAILS[1])?);
    // LINEAR reaches black at the centre less half and half the width less one (PS3.3 C.11.2.1.2.1).
    (high > low).then(|| Window { center: f64::midpoint(low, high) + 0.5, width: high - low + 1.0 })
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn the_tails_are_left_out_and_the_rest_spans_black_to_white() {
        let mut values: Vec<f64> = (0..1000).map(f64::from).collect();
        values.push(30_000.0);
        let window = between(values).unwrap();
        let black = window.center - 0.5 - (window.width - 1.0) / 2.0;
        assert!((black - 5.0).abs() < 1e-9, "{black}");
        assert!((black + window.width - 1.0 - 995.0).abs() < 1e-9);
        assert!(between(vec![3.0; 50]).is_none() && between(Vec::new()).is_none());
    }
}
