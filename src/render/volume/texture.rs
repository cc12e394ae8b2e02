//! A volume on the card: its samples in a 3-D texture, its slices in a small table.

use super::{VolumeImage, VolumeSlice};

/// How a volume stands in its texture: bricks of one size, numbered along x, y, z, placed along x, y, z of the texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    pub brick: [u32; 3],
    /// Bricks of the volume.
    pub bricks: [u32; 3],
    /// Places of the texture.
    pub places: [u32; 3],
}

impl Packing {
    /// `None` when no arrangement fits a texture of `most` along each side.
    pub fn new(size: [u32; 3], most: u32) -> Option<Self> {
        if size.contains(&0) || most == 0 {
            return None;
        }
        if size.iter().all(|n| *n <= most) {
            return Some(Self { brick: size, bricks: [1; 3], places: [1; 3] });
        }
        // Sides that are too long are halved until they fit; then the bricks are laid out as a block that fits.
        let brick = size.map(|n| n.div_ceil(n.div_ceil(most)));
        let bricks: [u32; 3] = std::array::from_fn(|i| size[i].div_ceil(brick[i]));
        let count = bricks.iter().product::<u32>();
        let room = brick.map(|n| most / n);
        let x = count.min(room[0]);
        let y = count.div_ceil(x).min(room[1]);
        let z = count.div_ceil(x * y);
        (z <= room[2]).then_some(Self { brick, bricks, places: [x, y, z] })
    }

    pub fn texture_size(&self) -> [u32; 3] {
        std::array::from_fn(|i| self.brick[i] * self.places[i])
    }

    /// Where a brick begins in the texture.
    pub fn place(&self, brick: [u32; 3]) -> [u32; 3] {
        let n = (brick[2] * self.bricks[1] + brick[1]) * self.bricks[0] + brick[0];
        let at = [n % self.places[0], n / self.places[0] % self.places[1], n / (self.places[0] * self.places[1])];
        std::array::from_fn(|i| at[i] * self.brick[i])
    }
}

/// See the module's text.
pub(super) struct VolumeTexture {
    pub packing: Packing,
    texture: wgpu::Texture,
    pub voxels: wgpu::TextureView,
    pub slices: wgpu::TextureView,
    next_slice: u32,
    size: [u32; 3],
    pub last_used: u64,
}

impl VolumeTexture {
    /// `None` when this card cannot hold it.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, image: &VolumeImage) -> Option<Self> {
        let limits = device.limits();
        let wanted = image.size.iter().map(|n| u64::from(*n)).product::<u64>() * 2;
        let held = (*image.samples).as_ref().len() as u64;
        if image.size.iter().any(|n| *n < 2)
            || held != wanted
            || image.slices.len() != image.size[2] as usize
            || image.size[2] > limits.max_texture_dimension_2d
        {
            return None;
        }
        let packing = Packing::new(image.size, limits.max_texture_dimension_3d)?;
        let [width, height, depth] = packing.texture_size();
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("volume"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: depth },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D3,
            format: wgpu::TextureFormat::R16Uint,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let voxels = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let slices = slice_table(device, queue, &image.slices);
        Some(Self { packing, texture, voxels, slices, next_slice: 0, size: image.size, last_used: 0 })
    }

    /// Bytes still to be uploaded.
    pub fn waiting(&self) -> u64 {
        u64::from(self.size[0]) * u64::from(self.size[1]) * u64::from(self.size[2] - self.next_slice) * 2
    }

    /// Uploads slices while `budget` lasts; at least one.
    pub fn upload(&mut self, queue: &wgpu::Queue, image: &VolumeImage, budget: &mut u64) {
        let [nx, ny, nz] = self.size;
        let page = u64::from(nx) * u64::from(ny) * 2;
        while self.next_slice < nz && *budget > 0 {
            let z = self.next_slice;
            let [bx, by, bz] = self.packing.brick;
            let start = u64::from(z) * page;
            let samples = (*image.samples).as_ref();
            let span = usize::try_from(start).ok().zip(usize::try_from(start + page).ok());
            let Some(slice) = span.and_then(|(a, b)| samples.get(a..b)) else { return };
            for row in 0..self.packing.bricks[1] {
                for col in 0..self.packing.bricks[0] {
                    let [x, y, first] = self.packing.place([col, row, z / bz]);
                    let (left, top) = (col * bx, row * by);
                    let size = [bx.min(nx - left), by.min(ny - top)];
                    queue.write_texture(
                        wgpu::TexelCopyTextureInfo {
                            texture: &self.texture,
                            mip_level: 0,
                            origin: wgpu::Origin3d { x, y, z: first + z % bz },
                            aspect: wgpu::TextureAspect::All,
                        },
                        slice,
                        wgpu::TexelCopyBufferLayout {
                            offset: (u64::from(top) * u64::from(nx) + u64::from(left)) * 2,
                            bytes_per_row: Some(nx * 2),
                            rows_per_image: None,
                        },
                        wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
                    );
                }
            }
            self.next_slice += 1;
            *budget = budget.saturating_sub(page);
        }
    }
}

fn slice_table(device: &wgpu::Device, queue: &wgpu::Queue, slices: &[VolumeSlice]) -> wgpu::TextureView {
    let width = u32::try_from(slices.len()).unwrap_or(1);
    let places = slices.iter().map(|s| [s.at_mm[0], s.at_mm[1], s.at_mm[2], if s.hole_after { 1.0 } else { 0.0 }]);
    let rescales = slices.iter().map(|s| [s.slope, s.intercept, 0.0, 0.0]);
    let texels: Vec<[f32; 4]> = places.chain(rescales).collect();
    let size = wgpu::Extent3d { width, height: 2, depth_or_array_layers: 1 };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("slices"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba32Float,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 16), rows_per_image: None };
    queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(&texels), layout, size);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

#[cfg(test)]
mod tests {
    use super::Packing;
    use std::collections::BTreeSet;

    #[test]
    fn a_long_volume_is_cut_into_bricks_that_do_not_overlap() {
        assert_eq!(Packing::new([512, 512, 300], 2048).unwrap().bricks, [1; 3]);
        for (size, most) in [([512, 512, 3000], 2048), ([2457, 1996, 70], 2048), ([40, 30, 100], 64), ([20, 9, 40], 32)]
        {
            let p = Packing::new(size, most).unwrap();
            assert!(p.texture_size().iter().all(|n| *n <= most), "{p:?}");
            let mut places = BTreeSet::new();
            for z in 0..p.bricks[2] {
                for y in 0..p.bricks[1] {
                    for x in 0..p.bricks[0] {
                        let at = p.place([x, y, z]);
                        assert!((0..3).all(|i| at[i] + p.brick[i] <= p.texture_size()[i]));
                        assert!(places.insert(at), "{p:?} {at:?}");
                    }
                }
            }
            assert!((0..3).all(|i| p.bricks[i] * p.brick[i] >= size[i]));
        }
        assert!(Packing::new([64, 64, 64 * 200], 64).is_none(), "more than fits");
    }
}
