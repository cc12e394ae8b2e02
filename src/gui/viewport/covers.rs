//! What lies over the pixels of a frame, in the window: overlay graphics and the shutter, made on the decode threads and
//! drawn over the image like tiles of it, so that they turn, mirror and zoom with it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    domain::SizePx,
    gui::theme,
    project::tiles::{Cover, ImageSource, Pool, Priority},
    render::{GreyRamp, TileDraw, TileId, TileImage, TileSamples},
};

/// Side of a piece of a cover; pieces with nothing on them are not drawn.
const SIDE: u32 = 512;
/// Covers kept beside the one in view.
const MOST_BYTES: usize = 64 << 20;

/// Which kinds of cover are meant; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoversShown {
    pub graphics: bool,
    pub shutter: bool,
}

impl CoversShown {
    pub const ALL: Self = Self { graphics: true, shutter: true };
}

#[derive(Clone)]
struct Piece {
    shut: bool,
    col: u32,
    row: u32,
    image: Arc<TileImage>,
}

/// The pieces of one frame's cover; none where nothing lies over it or it could not be read.
type Pieces = Arc<[Piece]>;

type Inbox = Arc<Mutex<Vec<(u64, u32, Pieces)>>>;

/// The covers of one image.
pub(super) struct Covers {
    pool: Arc<Pool>,
    waker: egui::Context,
    /// What the graphics and the shutter are called on the card; changes with the image.
    ids: [u64; 2],
    /// The image has covers at all.
    any: bool,
    ready: BTreeMap<u32, Pieces>,
    asked: Option<u32>,
    inbox: Inbox,
    /// The last frame whose cover was drawn.
    last: Option<u32>,
    pub shown: CoversShown,
}

/// Far from the numbers that images get one by one.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 62);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Covers {
    pub fn new(pool: Arc<Pool>, waker: egui::Context) -> Self {
        Self {
            pool,
            waker,
            ids: [next_id(), next_id()],
            any: false,
            ready: BTreeMap::new(),
            asked: None,
            inbox: Arc::default(),
            last: None,
            shown: CoversShown::ALL,
        }
    }

    /// Another image, or none. Says what the covers of the one before were called on the card.
    pub fn open(&mut self, source: Option<&Arc<dyn ImageSource>>) -> Vec<u64> {
        let before = if self.any { self.ids.to_vec() } else { Vec::new() };
        self.ids = [next_id(), next_id()];
        self.any = source.is_some_and(|s| s.has_covers());
        self.ready.clear();
        self.asked = None;
        self.last = None;
        before
    }

    /// Whether the frame has graphics or a shutter; `None` while nobody knows.
    pub fn has(&self, frame: u32) -> Option<CoversShown> {
        if !self.any {
            return Some(CoversShown::default());
        }
        let pieces = self.ready.get(&frame)?;
        Some(CoversShown { graphics: pieces.iter().any(|p| !p.shut), shutter: pieces.iter().any(|p| p.shut) })
    }

    pub fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// The cover of the frame on the screen, in painting order. Until it is there the shutter of the frame before stays, so
    /// that a scroll does not flash what is shut; graphics never lie on pixels that are not theirs.
    pub fn draw(&mut self, source: &Arc<dyn ImageSource>, frame: u32) -> Vec<TileDraw> {
        if !self.any {
            return Vec::new();
        }
        self.take_in();
        if !self.ready.contains_key(&frame) {
            self.ask(source, frame);
        }
        let known = self.ready.contains_key(&frame);
        if known {
            self.last = Some(frame);
        }
        let Some(from) = self.last else { return Vec::new() };
        let pieces = self.ready.get(&from).cloned().unwrap_or_default();
        let seen = |piece: &&Piece| if piece.shut { self.shown.shutter } else { self.shown.graphics && known };
        pieces.iter().filter(seen).map(|piece| self.tile(piece, from)).collect()
    }

    fn tile(&self, piece: &Piece, frame: u32) -> TileDraw {
        let [graphics, shutter] = self.ids;
        let image = if piece.shut { shutter } else { graphics };
        TileDraw {
            id: TileId { image, frame, level: 0, col: piece.col, row: piece.row },
            origin_texel: [piece.col * SIDE, piece.row * SIDE],
            scale: [1.0; 2],
            grey: GreyRamp::IDENTITY,
            image: Arc::clone(&piece.image),
        }
    }

    fn ask(&mut self, source: &Arc<dyn ImageSource>, frame: u32) {
        if self.asked == Some(frame) {
            return;
        }
        let (source, inbox, waker, opened) =
            (Arc::clone(source), Arc::clone(&self.inbox), self.waker.clone(), self.ids[0]);
        let work = move || {
            let cover = source.cover(frame).unwrap_or_else(|error| {
                tracing::warn!("an overlay cannot be read: {error:?}");
                None
            });
            let made = cover.map(|cover| pieces(&cover)).unwrap_or_default();
            inbox.lock().unwrap_or_else(PoisonError::into_inner).push((opened, frame, made.into()));
            waker.request_repaint();
        };
        // A pool that is full is asked again in the next frame of the window.
        self.asked = self.pool.spawn(Priority::Visible, work).is_ok().then_some(frame);
        if self.asked.is_none() {
            self.waker.request_repaint();
        }
    }

    fn take_in(&mut self) {
        let arrived = std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, frame, pieces) in arrived.into_iter().filter(|(opened, ..)| *opened == self.ids[0]) {
            if self.asked == Some(frame) {
                self.asked = None;
            }
            let held: usize = self.ready.values().flat_map(|p| p.iter()).map(|p| p.image.bytes()).sum();
            if held > MOST_BYTES {
                let last = self.last;
                self.ready.retain(|frame, _| Some(*frame) == last);
            }
            self.ready.insert(frame, pieces);
        }
    }
}

/// A cover cut into pieces of one colour each. What is clear has the colour too, so that a smooth edge fades in that colour
/// and not through black.
fn pieces(cover: &Cover) -> Vec<Piece> {
    let SizePx { width, height } = cover.size_px;
    let graphic = theme::IMAGE_OVERLAY.to_array();
    let mut out = Vec::new();
    for (mark, shut, rgb) in
        [(Cover::SHUT, true, [cover.shut_level; 3]), (Cover::GRAPHIC, false, [graphic[0], graphic[1], graphic[2]])]
    {
        for (row, col) in
            (0..height.div_ceil(SIDE)).flat_map(|row| (0..width.div_ceil(SIDE)).map(move |col| (row, col)))
        {
            let (x0, y0) = (col * SIDE, row * SIDE);
            let (w, h) = (SIDE.min(width - x0), SIDE.min(height - y0));
            let line = |y: u32| {
                let from = (y0 + y) as usize * width as usize + x0 as usize;
                cover.marks.get(from..from + w as usize).unwrap_or_default()
            };
            if !(0..h).any(|y| line(y).contains(&mark)) {
                continue;
            }
            let alpha = |own: u8| if own == mark { u8::MAX } else { 0 };
            let rgba = (0..h).flat_map(line).flat_map(|own| [rgb[0], rgb[1], rgb[2], alpha(*own)]).collect();
            let image = TileImage::new([w, h], TileSamples::Rgba8(rgba)).map(Arc::new);
            out.extend(image.map(|image| Piece { shut, col, row, image }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_one_colour_each_and_empty_ones_are_left_out() {
        let size_px = SizePx::new(1100, 3);
        let mut marks = vec![Cover::NOTHING; 3300];
        (marks[1099], marks[1100], marks[2200 + 513]) = (Cover::GRAPHIC, Cover::SHUT, Cover::GRAPHIC);
        let made = pieces(&Cover { size_px, marks, shut_level: 90 });
        let places: Vec<_> = made.iter().map(|p| (p.shut, p.col, p.row, p.image.size_px())).collect();
        assert_eq!(places, [(true, 0, 0, [512, 3]), (false, 1, 0, [512, 3]), (false, 2, 0, [76, 3])]);
        assert_eq!(made[0].image.rgb_at(0, 1), Some([90; 3]));
        let TileSamples::Rgba8(rgba) = made[1].image.samples() else { panic!("colour") };
        let drawn: Vec<usize> = (0..512 * 3).filter(|i| rgba[i * 4 + 3] > 0).collect();
        assert_eq!(drawn, [2 * 512 + 1]);
        let colours: std::collections::BTreeSet<_> = rgba.chunks(4).map(|p| [p[0], p[1], p[2]]).collect();
        assert_eq!(colours.len(), 1, "clear pixels have the colour too");
    }
}
