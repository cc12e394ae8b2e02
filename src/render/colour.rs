//! How colour pixels are shown: a profile's table, a channel or stain alone, brightness, contrast and gamma. Plain values;
//! `shaders/tile.wgsl` carries them out, and `imaging::display` says the same on the CPU, which the tests hold it to.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::narrow::to_f32;

/// A colour transform as a cube of `side`³ entries, red running fastest. Colours are 0 to 1; what it gives is cut
/// to that after interpolation. Shared by every view.
#[derive(Clone, Debug)]
pub struct ColourTable {
    serial: u64,
    side: u32,
    half: Vec<[u16; 4]>,
}

impl ColourTable {
    /// `None` unless there are `side`³ entries and at least two along a side.
    pub fn new(side: u32, rgb: &[[f32; 3]]) -> Option<Arc<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if !(2..=128).contains(&side) || rgb.len() as u64 != u64::from(side).pow(3) {
            return None;
        }
        let half = rgb.iter().map(|c| [half(c[0]), half(c[1]), half(c[2]), half(1.0)]).collect();
        Some(Arc::new(Self { serial: NEXT.fetch_add(1, Ordering::Relaxed), side, half }))
    }

    pub(super) const fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) const fn side(&self) -> u32 {
        self.side
    }

    pub(super) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.half)
    }
}

/// A number from -4 to 4 as an IEEE 754 half, rounded to nearest; its 11 bits are an eighth of an 8-bit level at worst.
fn half(v: f32) -> u16 {
    let sign = if v < 0.0 { 0x8000 } else { 0 };
    let v = v.abs().min(4.0);
    // Below the smallest normal half a level would be a thousandth: steps of 2^-24 there.
    if v < 6.103_515_6e-5 {
        return sign | (v * 16_777_216.0).round() as u16;
    }
    let bits = v.to_bits() + 0x1000;
    sign | ((bits >> 13) - (112 << 10)) as u16
}

/// What of the stored colour is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ColourPart {
    /// All of it, through the colour table where there is one.
    #[default]
    Whole,
    /// One stored channel as grey: 0 red, 1 green, 2 blue.
    Channel(u8),
    /// One stain alone (Ruifrok and Johnston 2001): `amount` is its row of the inverse stain matrix, `vector` its optical
    /// density in red, green and blue.
    Stain { amount: [f32; 3], vector: [f32; 3] },
}

/// See the module's text. The order is: part, brightness and contrast, gamma, inversion.
#[derive(Clone, Debug)]
pub struct ColourLook {
    pub table: Option<Arc<ColourTable>>,
    pub part: ColourPart,
    /// Added to every channel, -1 to 1; 0 is neutral.
    pub brightness: f32,
    /// Factor about the middle; 1 is neutral.
    pub contrast: f32,
    /// Exponent 1/gamma afterwards; 1 is neutral, more is brighter.
    pub gamma: f32,
}

impl Default for ColourLook {
    fn default() -> Self {
        Self { table: None, part: ColourPart::Whole, brightness: 0.0, contrast: 1.0, gamma: 1.0 }
    }
}

impl ColourLook {
    /// Whether colours are shown as they are stored.
    pub(super) fn is_plain(&self) -> bool {
        self.table.is_none() && self.part == ColourPart::Whole && self.tone_is_neutral()
    }

    fn tone_is_neutral(&self) -> bool {
        self.brightness == 0.0 && (self.contrast - 1.0).abs() < 1e-6 && (self.gamma - 1.0).abs() < 1e-6
    }

    /// The four vectors of `View` in `shaders/tile.wgsl` after its first.
    pub(super) fn uniform(&self) -> [[f32; 4]; 4] {
        let side = self.table.as_ref().map_or(0.0, |t| to_f32(f64::from(t.side)));
        let (mode, amount, vector) = match self.part {
            ColourPart::Whole => ([0.0, 0.0], [0.0; 3], [0.0; 3]),
            ColourPart::Channel(c) => ([1.0, f32::from(c.min(2))], [0.0; 3], [0.0; 3]),
            ColourPart::Stain { amount, vector } => ([2.0, 0.0], amount, vector),
        };
        let neutral = self.tone_is_neutral();
        [
            [mode[0], mode[1], side, 0.0],
            [amount[0], amount[1], amount[2], 0.0],
            [vector[0], vector[1], vector[2], 0.0],
            [self.brightness, self.contrast, 1.0 / self.gamma.max(0.01), if neutral { 1.0 } else { 0.0 }],
        ]
    }
}

/// The tables on the card, one texture each, while a view uses them.
pub(super) struct TableTextures {
    kept: Vec<(u64, wgpu::TextureView, u64)>,
    blank: wgpu::TextureView,
}

/// Tables of views that were closed leave when more than this many are kept.
const MOST_TABLES: usize = 8;

impl TableTextures {
    pub fn new(device: &wgpu::Device) -> Self {
        Self { kept: Vec::new(), blank: texture(device, 1).create_view(&wgpu::TextureViewDescriptor::default()) }
    }

    /// The table's texture and a number that tells it from every other; 0 is the blank one.
    pub fn get(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        look: &ColourLook,
        frame: u64,
    ) -> (u64, &wgpu::TextureView) {
        let Some(table) = &look.table else { return (0, &self.blank) };
        if let Some(at) = self.kept.iter().position(|k| k.0 == table.serial()) {
            let kept = &mut self.kept[at];
            kept.2 = frame;
            return (kept.0, &self.kept[at].1);
        }
        if self.kept.len() >= MOST_TABLES
            && let Some(oldest) = (0..self.kept.len()).min_by_key(|i| self.kept[*i].2)
        {
            self.kept.swap_remove(oldest);
        }
        let side = table.side();
        let made = texture(device, side);
        queue.write_texture(
            made.as_image_copy(),
            table.bytes(),
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(side * 8), rows_per_image: Some(side) },
            made.size(),
        );
        self.kept.push((table.serial(), made.create_view(&wgpu::TextureViewDescriptor::default()), frame));
        let last = self.kept.len() - 1;
        (table.serial(), &self.kept[last].1)
    }
}

fn texture(device: &wgpu::Device, side: u32) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("colour table"),
        size: wgpu::Extent3d { width: side, height: side, depth_or_array_layers: side },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format: wgpu::TextureFormat::Rgba16Float,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

#[cfg(test)]
mod tests {
    use super::half;

    fn back(h: u16) -> f64 {
        let (exponent, fraction) = (i32::from(h >> 10), f64::from(h & 0x3ff));
        if exponent == 0 { fraction * 2_f64.powi(-24) } else { (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15) }
    }

    #[test]
    fn halves_are_the_nearest_ones() {
        assert_eq!([0.0, 1.0, 0.5, 2.0, -1.0, -0.25].map(half), [0, 0x3c00, 0x3800, 0x4000, 0xbc00, 0xb400]);
        for i in 0..=100_000_u32 {
            let v = f64::from(i) / 100_000.0;
            let step = if v < 6.2e-5 { 2_f64.powi(-24) } else { 2_f64.powf(v.log2().floor() - 10.0) };
            let off = (back(half(v as f32)) - v).abs();
            assert!(off <= step * 0.51 + 1e-8, "{v}: {off}");
        }
    }
}
