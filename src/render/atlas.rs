//! Tiles on the graphics card: cut into bricks of one size, kept in one texture array per sample format, bounded in bytes.
//!
//! Bricks make every tile size fit one array (240, 256, 512, whole frames of 4,000 × 5,000), and one array lets the tile
//! shader read across a tile's edge into its neighbour: that is why magnified images show no seams.

use std::collections::HashMap;

use super::{TileId, TileImage, TileSamples};

/// Texels along a brick's side.
pub const BRICK: u32 = 256;
/// Texels along a layer's side; every device that runs Shoken allows it.
pub const LAYER: u32 = 2048;
const PER_SIDE: u32 = LAYER / BRICK;
const PER_LAYER: u32 = PER_SIDE * PER_SIDE;
const MAX_LAYERS: u32 = 256;
/// Layers that a format begins with.
const FIRST_LAYERS: u32 = 4;

/// Sample formats, one texture array each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    Rgba8,
    Grey8,
    /// Signed samples share it: the shader extends the sign.
    Grey16,
}

impl PoolKind {
    const ALL: [Self; 3] = [Self::Rgba8, Self::Grey8, Self::Grey16];

    pub fn of(image: &TileImage) -> Self {
        match image.samples() {
            TileSamples::Rgba8(_) => Self::Rgba8,
            TileSamples::Grey8(_) => Self::Grey8,
            TileSamples::GreyU16(_) | TileSamples::GreyI16(_) => Self::Grey16,
        }
    }

    fn format(self) -> wgpu::TextureFormat {
        match self {
            Self::Rgba8 => wgpu::TextureFormat::Rgba8Unorm,
            Self::Grey8 => wgpu::TextureFormat::R8Uint,
            Self::Grey16 => wgpu::TextureFormat::R16Uint,
        }
    }

    fn layer_bytes(self) -> u64 {
        let pixel: u64 = match self {
            Self::Rgba8 => 4,
            Self::Grey8 => 1,
            Self::Grey16 => 2,
        };
        pixel * u64::from(LAYER) * u64::from(LAYER)
    }
}

struct Pool {
    kind: PoolKind,
    texture: Option<wgpu::Texture>,
    layers: u32,
    free: Vec<u32>,
}

/// A tile that is on the card.
pub struct Resident {
    pub kind: PoolKind,
    pub size_px: [u32; 2],
    pub signed: bool,
    /// Nothing beneath it is seen.
    pub opaque: bool,
    slots: Vec<u32>,
    last_used: u64,
    /// Which upload brought it; no two are the same.
    pub serial: u64,
}

impl Resident {
    /// Columns and rows of bricks.
    pub fn bricks(&self) -> [u32; 2] {
        self.size_px.map(|n| n.div_ceil(BRICK))
    }

    /// Slot of a brick; `None` outside the tile.
    pub fn slot(&self, bx: u32, by: u32) -> Option<u32> {
        let [nx, ny] = self.bricks();
        if bx < nx && by < ny { self.slots.get((by * nx + bx) as usize).copied() } else { None }
    }

    /// Texels of a brick: smaller than [`BRICK`] at the tile's right and lower edge.
    pub fn brick_size(&self, bx: u32, by: u32) -> [u32; 2] {
        [(self.size_px[0] - bx * BRICK).min(BRICK), (self.size_px[1] - by * BRICK).min(BRICK)]
    }
}

/// Why a tile is not on the card after [`Atlas::ensure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotResident {
    /// This frame's uploads are used up; the next frame will do it.
    Later,
    /// Everything in the atlas is on the screen and no more memory is allowed.
    Full,
}

/// See the module's text.
pub struct Atlas {
    pools: [Pool; 3],
    tiles: HashMap<TileId, Resident>,
    budget_bytes: u64,
    upload_budget: u64,
    uploaded: u64,
    frame: u64,
    /// Uploads so far.
    uploads: u64,
    /// Changes whenever a pool's texture was made anew and bind groups must follow.
    texture_epoch: u64,
}

impl Atlas {
    /// `budget_bytes` bounds all textures together; `upload_bytes_per_frame` bounds what one frame sends (one tile always may).
    pub fn new(budget_bytes: u64, upload_bytes_per_frame: u64) -> Self {
        let pools = PoolKind::ALL.map(|kind| Pool { kind, texture: None, layers: 0, free: Vec::new() });
        Self {
            pools,
            tiles: HashMap::new(),
            budget_bytes: budget_bytes.max(PoolKind::Rgba8.layer_bytes()),
            upload_budget: upload_bytes_per_frame,
            uploaded: 0,
            frame: 0,
            uploads: 0,
            texture_epoch: 0,
        }
    }

    /// Starts a frame of the window, whatever number of views it has: the upload budget is whole again, and tiles that one
    /// view asks for from now on can't be evicted by another before the frame is drawn.
    pub fn begin_frame(&mut self) {
        self.frame += 1;
        self.uploaded = 0;
    }

    /// Bytes of texture memory in use.
    pub fn bytes(&self) -> u64 {
        self.pools.iter().map(|p| u64::from(p.layers) * p.kind.layer_bytes()).sum()
    }

    /// Bytes sent in this frame.
    pub fn uploaded_bytes(&self) -> u64 {
        self.uploaded
    }

    pub fn texture_epoch(&self) -> u64 {
        self.texture_epoch
    }

    pub fn get(&self, id: &TileId) -> Option<&Resident> {
        self.tiles.get(id)
    }

    pub fn texture(&self, kind: PoolKind) -> Option<&wgpu::Texture> {
        self.pools.iter().find(|p| p.kind == kind).and_then(|p| p.texture.as_ref())
    }

    /// Forgets every tile of an image that was closed.
    pub fn forget_image(&mut self, image: u64) {
        let gone: Vec<TileId> = self.tiles.keys().filter(|id| id.image == image).copied().collect();
        for id in gone {
            self.evict(&id);
        }
    }

    /// Puts a tile on the card, or says why it is not there.
    ///
    /// # Errors
    /// [`NotResident`].
    pub fn ensure(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        id: TileId,
        image: &TileImage,
    ) -> Result<(), NotResident> {
        let kind = PoolKind::of(image);
        if let Some(tile) = self.tiles.get_mut(&id) {
            if tile.kind == kind && tile.size_px == image.size_px() {
                tile.last_used = self.frame;
                return Ok(());
            }
            self.evict(&id);
        }
        let bytes = image.bytes() as u64;
        if self.uploaded > 0 && self.uploaded + bytes > self.upload_budget {
            return Err(NotResident::Later);
        }
        let [nx, ny] = image.size_px().map(|n| n.div_ceil(BRICK));
        let slots = self.take_slots(device, queue, kind, nx as usize * ny as usize).ok_or(NotResident::Full)?;
        let resident = Resident {
            kind,
            size_px: image.size_px(),
            opaque: image.is_opaque(),
            signed: matches!(image.samples(), TileSamples::GreyI16(_)),
            slots,
            last_used: self.frame,
            serial: self.uploads + 1,
        };
        if let Some(texture) = self.texture(kind) {
            write_bricks(queue, texture, image, &resident);
        }
        self.tiles.insert(id, resident);
        self.uploaded += bytes;
        self.uploads += 1;
        Ok(())
    }

    fn evict(&mut self, id: &TileId) {
        if let Some(tile) = self.tiles.remove(id)
            && let Some(pool) = self.pools.iter_mut().find(|p| p.kind == tile.kind)
        {
            pool.free.extend(tile.slots);
        }
    }

    fn take_slots(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        kind: PoolKind,
        count: usize,
    ) -> Option<Vec<u32>> {
        loop {
            let bytes_now = self.bytes();
            let pool = self.pools.iter_mut().find(|p| p.kind == kind)?;
            if pool.free.len() >= count {
                let at = pool.free.len() - count;
                return Some(pool.free.split_off(at));
            }
            let room = self.budget_bytes.saturating_sub(bytes_now) / kind.layer_bytes();
            let missing = (count - pool.free.len()).div_ceil(PER_LAYER as usize) as u64;
            let most = u64::from(MAX_LAYERS - pool.layers).min(room);
            if missing <= most {
                // Doubling keeps the number of copies logarithmic, and a first step of some size keeps them out of the
                // first pans; a layer that nothing was written to costs no work.
                let more = u64::from(pool.layers.max(FIRST_LAYERS)).clamp(missing, most);
                pool.grow(device, queue, u32::try_from(more).unwrap_or(MAX_LAYERS));
                self.texture_epoch += 1;
                continue;
            }
            if !self.make_room(kind) {
                return None;
            }
        }
    }

    /// Frees something that no picture of this frame uses: first a whole array of another format, else the tile of this
    /// format that was used longest ago.
    fn make_room(&mut self, kind: PoolKind) -> bool {
        let in_use = |k: PoolKind, frame: u64, tiles: &HashMap<TileId, Resident>| {
            tiles.values().any(|t| t.kind == k && t.last_used + 1 >= frame)
        };
        for other in PoolKind::ALL {
            let idle = other != kind && !in_use(other, self.frame, &self.tiles);
            if idle && let Some(pool) = self.pools.iter_mut().find(|p| p.kind == other && p.layers > 0) {
                *pool = Pool { kind: other, texture: None, layers: 0, free: Vec::new() };
                self.tiles.retain(|_, t| t.kind != other);
                self.texture_epoch += 1;
                return true;
            }
        }
        let oldest = self.tiles.iter().filter(|(_, t)| t.kind == kind && t.last_used < self.frame);
        let Some(id) = oldest.min_by_key(|(id, t)| (t.last_used, **id)).map(|(id, _)| *id) else { return false };
        self.evict(&id);
        true
    }
}

impl Pool {
    fn grow(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, more: u32) {
        let layers = self.layers + more;
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("tile atlas"),
            size: wgpu::Extent3d { width: LAYER, height: LAYER, depth_or_array_layers: layers },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.kind.format(),
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        if let Some(old) = &self.texture {
            let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("atlas") });
            let size = wgpu::Extent3d { width: LAYER, height: LAYER, depth_or_array_layers: self.layers };
            encoder.copy_texture_to_texture(old.as_image_copy(), texture.as_image_copy(), size);
            queue.submit([encoder.finish()]);
        }
        // Taken from the end, so the lowest slots go out first.
        self.free.splice(0..0, (self.layers * PER_LAYER..layers * PER_LAYER).rev());
        self.texture = Some(texture);
        self.layers = layers;
    }
}

fn write_bricks(queue: &wgpu::Queue, texture: &wgpu::Texture, image: &TileImage, tile: &Resident) {
    let [width, _] = image.size_px();
    let pixel = image.pixel_bytes();
    let [nx, ny] = tile.bricks();
    for (by, bx) in (0..ny).flat_map(|by| (0..nx).map(move |bx| (by, bx))) {
        let Some(slot) = tile.slot(bx, by) else { continue };
        let [w, h] = tile.brick_size(bx, by);
        let (layer, cell) = (slot / PER_LAYER, slot % PER_LAYER);
        let first = (u64::from(by * BRICK) * u64::from(width) + u64::from(bx * BRICK)) * u64::from(pixel);
        queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                texture,
                mip_level: 0,
                origin: wgpu::Origin3d { x: cell % PER_SIDE * BRICK, y: cell / PER_SIDE * BRICK, z: layer },
                aspect: wgpu::TextureAspect::All,
            },
            image.raw_bytes(),
            wgpu::TexelCopyBufferLayout { offset: first, bytes_per_row: Some(width * pixel), rows_per_image: None },
            wgpu::Extent3d { width: w, height: h, depth_or_array_layers: 1 },
        );
    }
}
