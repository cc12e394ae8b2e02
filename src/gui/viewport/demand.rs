//! Which tiles a view wants, most important first: something coarse to see at once, what is on the screen from its middle
//! outwards, then what the next gesture will ask for.

use std::collections::HashSet;

use crate::domain::{Level, TileKey};

/// Tiles on the screen beyond this are left out, farthest from the middle first: they would not fit the caches.
const MOST_VISIBLE: usize = 700;
/// Tiles asked for ahead of need.
const MOST_AHEAD: usize = 96;
/// A coarsest level of no more tiles than this is kept whole, so that a jump anywhere has something to show at once.
const MOST_BASE: u64 = 64;
/// Neighbouring frames of a stack that are fetched ahead in the direction of scrolling.
const FRAMES_AHEAD: u32 = 6;
const FRAMES_BEHIND: u32 = 2;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub levels: &'a [Level],
    pub frame: u32,
    pub frames: u32,
    /// What is seen, in level-0 pixels.
    pub seen: Seen,
    /// Level-0 pixels per physical pixel of the screen.
    pub px_per_screen_px: f64,
    /// +1 or -1: the way the stack was last scrolled.
    pub direction: i32,
    /// What will be seen in a moment if the hand goes on, and at how many level-0 pixels per physical pixel.
    pub soon: Option<(Seen, f64)>,
}

/// The view's corners in level-0 pixels, in order around it: a box, or a turned one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen(pub [[f64; 2]; 4]);

impl Seen {
    /// The axis-aligned box around it: `[x0, y0, x1, y1]`.
    pub fn bounds(&self) -> [f64; 4] {
        self.0.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |m, p| {
            [m[0].min(p[0]), m[1].min(p[1]), m[2].max(p[0]), m[3].max(p[1])]
        })
    }

    /// Whether a point lies inside.
    pub fn holds(&self, p: [f64; 2]) -> bool {
        let side = |i: usize| {
            let (a, b) = (self.0[i], self.0[(i + 1) % 4]);
            (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
        };
        let signs: [bool; 4] = std::array::from_fn(|i| side(i) >= 0.0);
        signs.iter().all(|s| *s) || signs.iter().all(|s| !*s)
    }

    /// Whether a box meets it, where the box already meets [`Seen::bounds`]: no side of the view lies between them.
    fn meets(&self, area: [f64; 4]) -> bool {
        let corners = [[area[0], area[1]], [area[2], area[1]], [area[2], area[3]], [area[0], area[3]]];
        let middle: [f64; 2] = std::array::from_fn(|i| self.0.iter().map(|p| p[i]).sum::<f64>() / 4.0);
        (0..4).all(|i| {
            let (a, b) = (self.0[i], self.0[(i + 1) % 4]);
            let side = |p: [f64; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
            let inside = side(middle).signum();
            corners.iter().any(|c| side(*c) * inside > 0.0)
        })
    }
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
    /// The rest of the coarsest level, where it is small enough to be kept whole.
    pub base: Vec<TileKey>,
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

/// Tiles of a level that are seen, nearest to the middle first.
fn seen_tiles(levels: &[Level], level: u16, frame: u32, seen: &Seen) -> Vec<TileKey> {
    let mut keys = tiles_in(levels, level, frame, seen.bounds(), 0);
    keys.retain(|key| tile_box(levels, *key).is_some_and(|area| seen.meets(area)));
    keys
}

/// See [`Wanted`].
pub fn wanted(look: &Look<'_>) -> Wanted {
    let level = best_level(look.levels, look.px_per_screen_px);
    let coarsest = u16::try_from(look.levels.len().saturating_sub(1)).unwrap_or(0);
    let mut visible = seen_tiles(look.levels, level, look.frame, &look.seen);
    visible.truncate(MOST_VISIBLE);
    let coarse = if coarsest == level { Vec::new() } else { seen_tiles(look.levels, coarsest, look.frame, &look.seen) };
    let mut ahead: Vec<TileKey> = Vec::new();
    if look.frames > 1 {
        ahead.extend(neighbour_frames(look).flat_map(|frame| seen_tiles(look.levels, level, frame, &look.seen)));
    }
    if let Some((soon, px_per_screen_px)) = &look.soon {
        // A hand that moves wants what lies before it; a ring would mostly be thrown away.
        ahead.extend(seen_tiles(look.levels, best_level(look.levels, *px_per_screen_px), look.frame, soon));
    } else {
        if level < coarsest {
            ahead.extend(seen_tiles(look.levels, level + 1, look.frame, &look.seen));
        }
        ahead.extend(tiles_in(look.levels, level, look.frame, look.seen.bounds(), 1));
    }
    let shown: HashSet<TileKey> = visible.iter().chain(&coarse).copied().collect();
    let mut taken = shown.clone();
    ahead.retain(|key| taken.insert(*key));
    ahead.truncate(MOST_AHEAD);
    Wanted { level, base: base(look, coarsest, &shown), visible, coarse, ahead }
}

/// The coarsest level without what is on the screen; nothing where it is the only level, or large.
fn base(look: &Look<'_>, coarsest: u16, shown: &HashSet<TileKey>) -> Vec<TileKey> {
    let all = if coarsest > 0 { coarsest_whole(look.levels, look.frame) } else { Vec::new() };
    all.into_iter().filter(|key| !shown.contains(key)).collect()
}

/// All tiles of the coarsest level, where they are few enough to be kept whole.
pub fn coarsest_whole(levels: &[Level], frame: u32) -> Vec<TileKey> {
    let Some(level) = levels.last() else { return Vec::new() };
    let number = u16::try_from(levels.len() - 1).unwrap_or(u16::MAX);
    let (cols, rows) = level.tiles();
    if u64::from(cols) * u64::from(rows) > MOST_BASE {
        return Vec::new();
    }
    (0..rows).flat_map(|row| (0..cols).map(move |col| TileKey { frame, level: number, col, row })).collect()
}

/// The level-0 box of a tile.
pub fn tile_box(levels: &[Level], key: TileKey) -> Option<[f64; 4]> {
    let level = levels.get(usize::from(key.level))?;
    let scale = texel_px(levels, key.level);
    let edge = |axis: usize, n: u32, tile: u32, size: u32| f64::from(n.saturating_mul(tile).min(size)) * scale[axis];
    let (size, tile) = (level.size_px, level.tile_px);
    Some([
        edge(0, key.col, tile.width, size.width),
        edge(1, key.row, tile.height, size.height),
        edge(0, key.col.saturating_add(1), tile.width, size.width),
        edge(1, key.row.saturating_add(1), tile.height, size.height),
    ])
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
    use super::{Look, Seen, best_level, tiles_in, wanted, whole};
    use crate::domain::{Level, SizePx, TileKey};

    fn area(b: [f64; 4]) -> Seen {
        Seen([[b[0], b[1]], [b[2], b[1]], [b[2], b[3]], [b[0], b[3]]])
    }

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
            seen: area([10_000.0, 10_000.0, 14_000.0, 13_000.0]),
            px_per_screen_px: 4.2,
            direction: 1,
            soon: None,
        };
        let w = wanted(&look);
        assert_eq!((w.level, w.visible.len(), w.coarse.len()), (1, 20, 4));
        assert!(w.ahead.iter().all(|k| k.level == 1) && w.coarse.iter().all(|k| k.level == 2));
        assert!(!w.ahead.is_empty());
        assert!(w.ahead.iter().all(|k| !w.visible.contains(k)));
    }

    #[test]
    fn a_stack_looks_further_ahead_than_back() {
        let levels = vec![Level { size_px: SizePx::new(512, 512), tile_px: SizePx::new(512, 512), downsample: 1.0 }];
        let look = Look {
            levels: &levels,
            frame: 10,
            frames: 300,
            seen: area([0.0, 0.0, 512.0, 512.0]),
            px_per_screen_px: 0.7,
            direction: -1,
            soon: None,
        };
        let frames: Vec<u32> = wanted(&look).ahead.iter().map(|k| k.frame).collect();
        assert_eq!(frames, [9, 11, 8, 12, 7, 6, 5, 4]);
    }

    #[test]
    fn a_turned_view_leaves_out_the_corners_of_its_box() {
        let levels = slide();
        // A square of 4,000 px standing on its corner: half of the box around it.
        let (x, y, r) = (50_000.0, 40_000.0, 4_000.0);
        let seen = Seen([[x, y - r], [x + r, y], [x, y + r], [x - r, y]]);
        let look = Look { levels: &levels, frame: 0, frames: 1, seen, px_per_screen_px: 1.0, direction: 1, soon: None };
        let w = wanted(&look);
        let boxed = tiles_in(&levels, 0, 0, seen.bounds(), 0).len();
        assert!(w.visible.len() * 100 < boxed * 60, "{} of {boxed}", w.visible.len());
        // Every place in it is covered.
        for i in 0..2000_u32 {
            let (u, v) = (f64::from(i % 50) / 49.0 * 2.0 - 1.0, f64::from(i / 50) / 39.0 * 2.0 - 1.0);
            if u.abs() + v.abs() < 1.0 {
                let (col, row) = (whole((x + u * r) / 240.0, 999), whole((y + v * r) / 240.0, 999));
                assert!(w.visible.contains(&TileKey { frame: 0, level: 0, col, row }), "{u} {v}");
            }
        }
    }

    #[test]
    fn what_the_hand_is_moving_to_is_asked_for_before_the_ring() {
        let levels = slide();
        let look = Look {
            levels: &levels,
            frame: 0,
            frames: 1,
            seen: area([48_000.0, 48_000.0, 49_200.0, 49_200.0]),
            px_per_screen_px: 1.0,
            direction: 1,
            soon: Some((area([48_900.0, 48_000.0, 50_100.0, 49_200.0]), 1.0)),
        };
        let w = wanted(&look);
        assert!(w.ahead.first().is_some_and(|k| k.level == 0 && k.col >= 205), "{:?}", w.ahead.first());
        assert!(w.ahead.iter().all(|k| !w.visible.contains(k)));
        // Zooming in asks for the finer level.
        let look = Look {
            seen: area([40_000.0, 40_000.0, 44_800.0, 44_800.0]),
            px_per_screen_px: 4.0,
            soon: Some((area([41_800.0, 41_800.0, 43_000.0, 43_000.0]), 1.0)),
            ..look
        };
        assert_eq!(wanted(&look).ahead.first().map(|k| k.level), Some(0));
    }

    #[test]
    fn a_small_coarsest_level_is_kept_whole() {
        let mut levels = slide();
        let look = |levels: &[Level]| {
            let seen = area([10_000.0, 10_000.0, 11_000.0, 11_000.0]);
            let w =
                wanted(&Look { levels, frame: 0, frames: 1, seen, px_per_screen_px: 1.0, direction: 1, soon: None });
            (w.coarse.len(), w.base.len())
        };
        assert_eq!(look(&levels), (1, 0), "27 × 21 tiles are too many");
        levels.push(Level { size_px: SizePx::new(1_562, 1_250), tile_px: SizePx::new(240, 240), downsample: 64.0 });
        assert_eq!(look(&levels), (1, 7 * 6 - 1));
    }
}
