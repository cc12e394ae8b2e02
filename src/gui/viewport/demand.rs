//! Which tiles a view wants, most important first: something coarse to see at once, what is on the screen from its middle
//! outwards, then what the next gesture will ask for.

use crate::domain::{Level, TileKey};

/// Tiles on the screen beyond this are left out, farthest from the middle first: they would not fit the caches.
const MOST_VISIBLE: usize = 700;
/// Tiles asked for ahead of need.
const MOST_AHEAD: usize = 96;
/// Neighbouring frames of a stack that are fetched ahead in the direction of scrolling.
const FRAMES_AHEAD: u32 = 6;
const FRAMES_BEHIND: u32 = 2;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub levels: &'a [Level],
    pub frame: u32,
    pub frames: u32,
    /// Visible box in level-0 pixels: `[x0, y0, x1, y1]`.
    pub visible_px: [f64; 4],
    /// Level-0 pixels per physical pixel of the screen.
    pub px_per_screen_px: f64,
    /// +1 or -1: the way the stack was last scrolled.
    pub direction: i32,
}

/// The tiles of a look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Level that shows the image sharp at this zoom.
    pub level: u16,
    /// Tiles of that level on the screen, middle first.
    pub visible: Vec<TileKey>,
    /// Tiles of the coarsest level on the screen, when that is another one.
    pub coarse: Vec<TileKey>,
    /// Tiles for the next gesture: around the view, the next coarser level, neighbouring frames.
    pub ahead: Vec<TileKey>,
}

/// The coarsest level that still has a texel for every physical pixel (with 2 % of grace, so that fitting at exactly a
/// level's size does not fetch the next finer one).
pub fn best_level(levels: &[Level], px_per_screen_px: f64) -> u16 {
    let fitting = levels.iter().rposition(|l| l.downsample <= px_per_screen_px * 1.02);
    u16::try_from(fitting.unwrap_or(0)).unwrap_or(0)
}

/// Level-0 pixels per texel of a level, along x and y. From the sizes, not from `downsample`: levels are rounded to whole
/// pixels, and an outline must lie on the same tissue at every level.
pub fn texel_px(levels: &[Level], level: u16) -> [f64; 2] {
    match (levels.first(), levels.get(usize::from(level))) {
        (Some(full), Some(l)) if l.size_px.width > 0 && l.size_px.height > 0 => [
            f64::from(full.size_px.width) / f64::from(l.size_px.width),
            f64::from(full.size_px.height) / f64::from(l.size_px.height),
        ],
        _ => [1.0, 1.0],
    }
}

/// Tiles of a level that touch a level-0 box grown by `ring` tiles on every side, nearest to its middle first.
pub fn tiles_in(levels: &[Level], level: u16, frame: u32, area_px: [f64; 4], ring: u32) -> Vec<TileKey> {
    let Some(l) = levels.get(usize::from(level)) else { return Vec::new() };
    let (cols, rows) = l.tiles();
    let scale = texel_px(levels, level);
    let side = [f64::from(l.tile_px.width) * scale[0], f64::from(l.tile_px.height) * scale[1]];
    let span = |low: f64, high: f64, side: f64, count: u32, extent: f64| -> Option<(u32, u32)> {
        if count == 0 || high <= 0.0 || low >= extent || low >= high {
            return None;
        }
        let first = whole((low / side).floor(), count - 1).saturating_sub(ring);
        let last = whole((high / side).ceil() - 1.0, count - 1).saturating_add(ring).min(count - 1);
        Some((first, last))
    };
    let columns = span(area_px[0], area_px[2], side[0], cols, f64::from(l.size_px.width) * scale[0]);
    let lines = span(area_px[1], area_px[3], side[1], rows, f64::from(l.size_px.height) * scale[1]);
    let (Some((c0, c1)), Some((r0, r1))) = (columns, lines) else { return Vec::new() };
    let middle = [f64::midpoint(area_px[0], area_px[2]) / side[0], f64::midpoint(area_px[1], area_px[3]) / side[1]];
    let distance = |key: &TileKey| {
        let (dx, dy) = (f64::from(key.col) + 0.5 - middle[0], f64::from(key.row) + 0.5 - middle[1]);
        dx * dx + dy * dy
    };
    let mut keys: Vec<TileKey> =
        (r0..=r1).flat_map(|row| (c0..=c1).map(move |col| TileKey { frame, level, col, row })).collect();
    keys.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.cmp(b)));
    keys
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=most before")]
fn whole(v: f64, most: u32) -> u32 {
    v.clamp(0.0, f64::from(most)) as u32
}

/// See [`Wanted`].
pub fn wanted(look: &Look<'_>) -> Wanted {
    let level = best_level(look.levels, look.px_per_screen_px);
    let coarsest = u16::try_from(look.levels.len().saturating_sub(1)).unwrap_or(0);
    let mut visible = tiles_in(look.levels, level, look.frame, look.visible_px, 0);
    visible.truncate(MOST_VISIBLE);
    let coarse =
        if coarsest == level { Vec::new() } else { tiles_in(look.levels, coarsest, look.frame, look.visible_px, 0) };
    let mut ahead: Vec<TileKey> = Vec::new();
    if look.frames > 1 {
        ahead.extend(neighbour_frames(look).flat_map(|frame| tiles_in(look.levels, level, frame, look.visible_px, 0)));
    }
    if level < coarsest {
        ahead.extend(tiles_in(look.levels, level + 1, look.frame, look.visible_px, 0));
    }
    let around = tiles_in(look.levels, level, look.frame, look.visible_px, 1);
    ahead.extend(around.into_iter().filter(|key| !visible.contains(key)));
    ahead.truncate(MOST_AHEAD);
    Wanted { level, visible, coarse, ahead }
}

/// Frames by nearness, more of them ahead than behind.
fn neighbour_frames(look: &Look<'_>) -> impl Iterator<Item = u32> {
    let (frame, frames, forward) = (look.frame, look.frames, look.direction >= 0);
    (1..=FRAMES_AHEAD)
        .flat_map(move |n| {
            let up = frame.checked_add(n).filter(|f| *f < frames);
            let down = frame.checked_sub(n);
            let (ahead, behind) = if forward { (up, down) } else { (down, up) };
            [ahead, behind.filter(|_| n <= FRAMES_BEHIND)]
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::{Look, best_level, tiles_in, wanted};
    use crate::domain::{Level, SizePx, TileKey};

    fn slide() -> Vec<Level> {
        [(1.0, 100_000, 80_000), (4.0, 25_000, 20_000), (16.0, 6_250, 5_000)]
            .map(|(downsample, w, h)| Level { size_px: SizePx::new(w, h), tile_px: SizePx::new(240, 240), downsample })
            .to_vec()
    }

    #[test]
    fn the_level_has_a_texel_for_every_screen_pixel() {
        let levels = slide();
        let picked = [0.1, 1.0, 3.9, 4.0, 15.0, 16.0, 100.0].map(|z| best_level(&levels, z));
        assert_eq!(picked, [0, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn visible_tiles_cover_the_view_and_come_middle_first() {
        let levels = slide();
        let keys = tiles_in(&levels, 0, 0, [1000.0, 1000.0, 2000.0, 1500.0], 0);
        let (c, r): (Vec<u32>, Vec<u32>) = keys.iter().map(|k| (k.col, k.row)).unzip();
        assert_eq!(
            (c.iter().min(), c.iter().max(), r.iter().min(), r.iter().max()),
            (Some(&4), Some(&8), Some(&4), Some(&6))
        );
        assert_eq!(keys.len(), 15);
        assert_eq!(keys[0], TileKey { frame: 0, level: 0, col: 6, row: 5 });
    }

    #[test]
    fn nothing_is_wanted_beside_the_image_and_edges_are_cut() {
        let levels = slide();
        assert!(tiles_in(&levels, 0, 0, [-500.0, -500.0, -10.0, 100.0], 1).is_empty());
        assert!(tiles_in(&levels, 0, 0, [100_001.0, 0.0, 100_900.0, 100.0], 1).is_empty());
        let corner = tiles_in(&levels, 2, 0, [99_990.0, 79_990.0, 120_000.0, 120_000.0], 1);
        assert_eq!(corner.len(), 4);
    }

    #[test]
    fn a_view_wants_a_stand_in_what_it_shows_and_what_comes_next() {
        let levels = slide();
        let look = Look {
            levels: &levels,
            frame: 0,
            frames: 1,
            visible_px: [10_000.0, 10_000.0, 14_000.0, 13_000.0],
            px_per_screen_px: 4.2,
            direction: 1,
        };
        let w = wanted(&look);
        assert_eq!((w.level, w.visible.len(), w.coarse.len()), (1, 20, 4));
        assert!(w.ahead.iter().any(|k| k.level == 2) && w.ahead.iter().any(|k| k.level == 1));
        assert!(w.ahead.iter().all(|k| !w.visible.contains(k)));
    }

    #[test]
    fn a_stack_looks_further_ahead_than_back() {
        let levels = vec![Level { size_px: SizePx::new(512, 512), tile_px: SizePx::new(512, 512), downsample: 1.0 }];
        let look = Look {
            levels: &levels,
            frame: 10,
            frames: 300,
            visible_px: [0.0, 0.0, 512.0, 512.0],
            px_per_screen_px: 0.7,
            direction: -1,
        };
        let frames: Vec<u32> = wanted(&look).ahead.iter().map(|k| k.frame).collect();
        assert_eq!(frames, [9, 11, 8, 12, 7, 6, 5, 4]);
    }
}
