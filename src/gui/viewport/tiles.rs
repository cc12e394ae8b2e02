//! Decoded tiles at hand: what the loader brought, in the layout the graphics card takes, bounded in bytes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    domain::TileKey,
    project::tiles::{PixelBuffer, Samples},
    render::{TileImage, TileSamples},
};

struct Entry {
    image: Arc<TileImage>,
    /// The same through a grey map that no ramp describes, and which.
    mapped: Option<(u64, Arc<TileImage>)>,
    last_used: u64,
}

impl Entry {
    fn bytes(&self) -> u64 {
        (self.image.bytes() + self.mapped.as_ref().map_or(0, |(_, image)| image.bytes())) as u64
    }
}

/// Tiles of one image.
pub struct Tiles {
    ready: HashMap<TileKey, Entry>,
    failed: BTreeMap<TileKey, String>,
    bytes: u64,
    bound_bytes: u64,
    frame: u64,
}

impl Tiles {
    pub fn new(bound_bytes: u64) -> Self {
        Self { ready: HashMap::new(), failed: BTreeMap::new(), bytes: 0, bound_bytes, frame: 0 }
    }

    /// Starts a frame of the window; what is used from now on is not dropped in it.
    pub fn begin_frame(&mut self) {
        self.frame += 1;
    }

    pub fn clear(&mut self) {
        *self = Self { frame: self.frame, ..Self::new(self.bound_bytes) };
    }

    pub fn add(&mut self, key: TileKey, image: Arc<TileImage>) {
        self.failed.remove(&key);
        self.bytes += image.bytes() as u64;
        let entry = Entry { image, mapped: None, last_used: self.frame };
        if let Some(old) = self.ready.insert(key, entry) {
            self.bytes -= old.bytes();
        }
        self.trim();
    }

    pub fn fail(&mut self, key: TileKey, reason: String) {
        self.failed.insert(key, reason);
    }

    pub fn has(&self, key: &TileKey) -> bool {
        self.ready.contains_key(key)
    }

    /// A tile to draw; remembers that it is still of use.
    pub fn take(&mut self, key: &TileKey) -> Option<Arc<TileImage>> {
        let entry = self.ready.get_mut(key)?;
        entry.last_used = self.frame;
        Some(Arc::clone(&entry.image))
    }

    /// Every tile at hand, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &TileKey> {
        self.ready.keys()
    }

    /// A tile whose samples are levels already, made anew when the map is another.
    pub fn take_mapped(
        &mut self,
        key: &TileKey,
        map: u64,
        make: impl FnOnce(&TileImage) -> Option<TileImage>,
    ) -> Option<Arc<TileImage>> {
        let entry = self.ready.get_mut(key)?;
        entry.last_used = self.frame;
        if let Some((_, image)) = entry.mapped.as_ref().filter(|(own, _)| *own == map) {
            return Some(Arc::clone(image));
        }
        let image = Arc::new(make(&entry.image)?);
        let before = entry.mapped.replace((map, Arc::clone(&image)));
        self.bytes += image.bytes() as u64;
        self.bytes -= before.map_or(0, |(_, old)| old.bytes() as u64);
        Some(image)
    }

    /// A tile to look into.
    pub fn peek(&self, key: &TileKey) -> Option<&TileImage> {
        self.ready.get(key).map(|e| e.image.as_ref())
    }

    /// Why a tile could not be read.
    pub fn failure(&self, key: &TileKey) -> Option<&str> {
        self.failed.get(key).map(String::as_str)
    }

    pub fn forget_failures(&mut self) {
        self.failed.clear();
    }

    fn trim(&mut self) {
        if self.bytes <= self.bound_bytes {
            return;
        }
        let mut old: Vec<(u64, TileKey)> =
            self.ready.iter().filter(|(_, e)| e.last_used + 1 < self.frame).map(|(k, e)| (e.last_used, *k)).collect();
        old.sort_unstable();
        for (_, key) in old {
            // An eighth of slack, so that not every tile that comes sorts the list again.
            if self.bytes <= self.bound_bytes / 8 * 7 {
                break;
            }
            if let Some(gone) = self.ready.remove(&key) {
                self.bytes -= gone.bytes();
            }
        }
    }
}

/// What the loader makes of decoded pixels while it is still in its own thread, and its bytes: dozens of tiles may come in one
/// frame.
///
/// # Errors
/// Samples that are not as many as the size asks for.
pub fn for_the_card(pixels: &PixelBuffer) -> Result<(TileImage, u64), String> {
    let image = tile_image(pixels).ok_or_else(|| "size and samples do not agree".to_owned())?;
    let bytes = image.bytes() as u64;
    Ok((image, bytes))
}

/// Decoded pixels in the card's layout: grey stays raw, colour becomes 8-bit RGBA. 16-bit colour is reduced as the CPU
/// pipeline does it, over the full range of the type.
pub fn tile_image(pixels: &PixelBuffer) -> Option<TileImage> {
    let size = [pixels.size_px.width, pixels.size_px.height];
    match (&pixels.samples, pixels.channels) {
        (Samples::U8(v), 1) => TileImage::new(size, TileSamples::Grey8(v.clone())),
        (Samples::U16(v), 1) => TileImage::new(size, TileSamples::GreyU16(v.clone())),
        (Samples::I16(v), 1) => TileImage::new(size, TileSamples::GreyI16(v.clone())),
        (Samples::U8(v), 3) => TileImage::from_rgb(size, v),
        (Samples::U8(v), 4) => TileImage::new(size, TileSamples::Rgba8(v.clone())),
        (Samples::U8(v), n) => rgba(size, v, n, |s| *s),
        (Samples::U16(v), n) => rgba(size, v, n, |s| eight_bits(*s)),
        (Samples::I16(v), n) => rgba(size, v, n, |s| eight_bits(s.cast_unsigned() ^ 0x8000)),
        (Samples::F64(v), 1) => TileImage::from_real(size, v),
        (Samples::F64(_), _) => None,
    }
}

fn eight_bits(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) * 255 + 32_767) / 65_535).unwrap_or(u8::MAX)
}

fn rgba<T>(size: [u32; 2], samples: &[T], channels: u8, to_u8: impl Fn(&T) -> u8) -> Option<TileImage> {
    let mut out = Vec::with_capacity(samples.len() / usize::from(channels.max(1)) * 4);
    for pixel in samples.chunks_exact(usize::from(channels.max(1))) {
        match pixel {
            [g, a] => out.extend([to_u8(g), to_u8(g), to_u8(g), to_u8(a)]),
            [r, g, b] => out.extend([to_u8(r), to_u8(g), to_u8(b), 255]),
            [r, g, b, a, ..] => out.extend([to_u8(r), to_u8(g), to_u8(b), to_u8(a)]),
            _ => return None,
        }
    }
    TileImage::new(size, TileSamples::Rgba8(out))
}

#[cfg(test)]
mod tests {
    use super::{Arc, Tiles, for_the_card, tile_image};
    use crate::{
        domain::{SizePx, TileKey},
        project::tiles::{PixelBuffer, Samples},
    };

    fn grey(value: u8) -> PixelBuffer {
        PixelBuffer { size_px: SizePx::new(16, 16), channels: 1, samples: Samples::U8(vec![value; 256]) }
    }

    fn key(col: u32) -> TileKey {
        TileKey { frame: 0, level: 0, col, row: 0 }
    }

    #[test]
    fn the_oldest_tiles_make_room() {
        let mut tiles = Tiles::new(1024);
        for col in 0..40 {
            tiles.begin_frame();
            tiles.add(key(col), Arc::new(tile_image(&grey(1)).unwrap()));
            assert!(tiles.take(&key(0)).is_some(), "in use in every frame");
        }
        assert!(!tiles.has(&key(1)) && tiles.has(&key(39)));
        assert!(tiles.bytes <= 1024 + 512, "{}", tiles.bytes);
    }

    #[test]
    fn a_buffer_that_does_not_fit_its_size_is_no_tile() {
        let short = PixelBuffer { size_px: SizePx::new(16, 16), channels: 3, samples: Samples::U8(vec![0; 7]) };
        assert!(for_the_card(&short).is_err());
        assert_eq!(for_the_card(&grey(3)).unwrap().1, 256);
    }

    #[test]
    fn sixteen_bit_colour_keeps_its_ends() {
        let samples = Samples::U16(vec![0, 32_768, 65_535]);
        let image = tile_image(&PixelBuffer { size_px: SizePx::new(1, 1), channels: 3, samples }).unwrap();
        assert_eq!(image.rgb_at(0, 0), Some([0, 128, 255]));
    }
}
