//! The tile pipeline: scene tiles become brick instances, colour and grey each with their fragment shader.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};

use super::{
    Affine, Filter, GreyRamp, Scene, TileDraw, TileId,
    atlas::{Atlas, BRICK, LAYER, PoolKind, Resident},
    narrow::{to_f32, whole},
    shaders,
};

const NO_SLOT: u32 = u32::MAX;
/// Taps along a side at the strongest minification; beyond it a coarser level should exist.
const MAX_TAPS: u32 = 8;

/// One brick, laid out as `Brick` in `shaders/tile.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct BrickInstance {
    corners: [[f32; 2]; 4],
    size: [u32; 4],
    around: [u32; 8],
    own: [u32; 4],
    grey: [f32; 4],
    footprint: f32,
    part: [f32; 4],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct ViewUniform {
    size_px: [f32; 2],
    invert_colour: f32,
    unused: f32,
    look: [[f32; 4]; 4],
    /// Colours of the 256 levels, four to a vector; `0xBBGGRR` each.
    palette: [[u32; 4]; 64],
}

impl ViewUniform {
    pub fn of(scene: &Scene) -> Self {
        Self {
            size_px: scene.size_px.map(|n| n as f32),
            invert_colour: if scene.invert_colour { 1.0 } else { 0.0 },
            unused: 0.0,
            look: scene.look.uniform(),
            palette: scene.palette.as_deref().map_or([[0; 4]; 64], packed),
        }
    }
}

/// A palette as the shader unpacks it.
fn packed(colours: &[[u8; 3]; 256]) -> [[u32; 4]; 64] {
    let of = |[r, g, b]: [u8; 3]| u32::from_le_bytes([r, g, b, 0]);
    std::array::from_fn(|four| std::array::from_fn(|one| of(colours[four * 4 + one])))
}

/// The bricks of a scene in painting order, and which runs of them share a pool.
#[derive(Default)]
pub(super) struct BrickList {
    instances: Vec<BrickInstance>,
    runs: Vec<(Variant, u32)>,
    /// Edges of the bricks of the level under way: they follow its inner parts, so that pipelines change twice a level.
    edges: Vec<(Variant, BrickInstance)>,
    level: Option<(u64, u16)>,
    /// Which uploads the bricks show: a slot may hold another tile in the next frame.
    serials: Vec<u64>,
}

impl BrickList {
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.instances)
    }

    pub fn serials(&self) -> &[u64] {
        &self.serials
    }

    pub fn len(&self) -> usize {
        self.instances.len()
    }

    /// Adds the bricks of a tile that are on the screen; `false` when the tile is not on the card. A `plain` one is drawn as
    /// it is, whatever the scene does to its image.
    pub fn push(&mut self, scene: &Scene, tile: &TileDraw, atlas: &Atlas, plain: bool) -> bool {
        let Some(resident) = atlas.get(&tile.id) else { return false };
        if self.level != Some((tile.id.image, tile.id.level)) {
            self.finish();
            self.level = Some((tile.id.image, tile.id.level));
        }
        let texel_px = scene.screen_from_image.scale() * (tile.scale[0] * tile.scale[1]).sqrt();
        let footprint = if texel_px > 0.0 { 1.0 / texel_px } else { 1.0 };
        let taps = if scene.rough || footprint <= 1.5 { 1.0 } else { (footprint / 2.0).ceil() };
        let inner = Variant::of(scene, resident, footprint, plain).sampled(taps);
        let inset = inner.inset(footprint, taps);
        let [nx, ny] = resident.bricks();
        let mut any = false;
        let near = Neighbours { atlas, id: tile.id, tile: resident };
        for (by, bx) in (0..ny).flat_map(|by| (0..nx).map(move |bx| (by, bx))) {
            let size = resident.brick_size(bx, by);
            let first = [bx * BRICK, by * BRICK];
            let [w, h] = size.map(f64::from);
            if !on_screen(&corners(&scene.screen_from_image, tile, first, [0.0, 0.0, w, h]), scene.size_px) {
                continue;
            }
            any = true;
            let GreyRamp { zero_at, per_step, invert } = tile.grey;
            let whole_brick = BrickInstance {
                corners: [[0.0; 2]; 4],
                size: [size[0], size[1], near.extent_before(bx, 0), near.extent_before(by, 1)],
                around: AROUND.map(|(dx, dy)| near.slot(bx, by, dx, dy).unwrap_or(NO_SLOT)),
                own: [
                    resident.slot(bx, by).unwrap_or(0),
                    u32::from(resident.signed),
                    whole(taps, MAX_TAPS),
                    near.extent_after(bx, 0) | near.extent_after(by, 1) << 16,
                ],
                grey: [zero_at, per_step, if invert { 1.0 } else { 0.0 }, 0.0],
                footprint: to_f32(footprint),
                part: [0.0; 4],
            };
            for (part, edge) in parts(size, inset) {
                let corners = corners(&scene.screen_from_image, tile, first, part);
                if !on_screen(&corners, scene.size_px) {
                    continue;
                }
                let instance =
                    BrickInstance { corners: corners.map(|c| c.map(to_f32)), part: part.map(to_f32), ..whole_brick };
                if edge {
                    self.edges.push((Variant { edge: true, ..inner }, instance));
                } else {
                    self.add(inner, instance);
                }
            }
        }
        if any {
            near.note_uploads(&mut self.serials);
        }
        true
    }

    fn add(&mut self, variant: Variant, instance: BrickInstance) {
        self.instances.push(instance);
        match self.runs.last_mut() {
            Some((v, n)) if *v == variant => *n += 1,
            _ => self.runs.push((variant, 1)),
        }
    }

    /// Puts the edges of the last level at the end; the list is then complete.
    pub fn finish(&mut self) {
        for (variant, instance) in std::mem::take(&mut self.edges) {
            self.add(variant, instance);
        }
    }
}

/// What a pipeline is made for: a part of the shader that is never needed is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Variant {
    kind: PoolKind,
    filter: Filter,
    /// Colour goes through more than a copy, grey through a palette.
    looked: bool,
    /// Texels of neighbouring bricks are needed.
    edge: bool,
    /// More than one sample a pixel.
    taps: bool,
    /// What lies beneath is painted over, not blended with.
    opaque: bool,
}

impl Variant {
    fn of(scene: &Scene, tile: &Resident, footprint: f64, plain: bool) -> Self {
        let kind = tile.kind;
        let filter = match scene.filter {
            Filter::Cubic if footprint > 1.0 => Filter::Linear,
            other => other,
        };
        let looked = !plain
            && match kind {
                PoolKind::Rgba8 => scene.invert_colour || !scene.look.is_plain(),
                PoolKind::Grey8 | PoolKind::Grey16 => scene.palette.is_some(),
            };
        Self { kind, filter, looked, edge: false, taps: false, opaque: tile.opaque }
    }

    /// With so many samples along a pixel's side.
    fn sampled(self, taps: f64) -> Self {
        Self { taps: taps > 1.0 && self.filter == Filter::Linear, ..self }
    }

    /// Texels from a brick's edge within which the neighbours have a say.
    fn inset(self, footprint: f64, taps: f64) -> f64 {
        match self.filter {
            Filter::Nearest => 0.0,
            Filter::Linear if taps <= 1.0 => 0.5,
            Filter::Linear => 0.5 + footprint / 2.0,
            Filter::Cubic => 2.0,
        }
    }
}

/// A brick's middle and the eight pieces around it, as texels `[left, top, right, bottom]`; `true` for the pieces. The
/// pieces of neighbours meet corner to corner, so that a turned view has no cracks.
fn parts(size: [u32; 2], inset: f64) -> Vec<([f64; 4], bool)> {
    let [w, h] = size.map(f64::from);
    if inset <= 0.0 {
        return vec![([0.0, 0.0, w, h], false)];
    }
    if w <= inset * 2.0 || h <= inset * 2.0 {
        return vec![([0.0, 0.0, w, h], true)];
    }
    let (x, y) = ([0.0, inset, w - inset, w], [0.0, inset, h - inset, h]);
    (0..9)
        .map(|i| {
            let (col, row) = (i % 3, i / 3);
            ([x[col], y[row], x[col + 1], y[row + 1]], i != 4)
        })
        .collect()
}

/// Order of the neighbour slots in an instance.
const AROUND: [(i32, i32); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Edges are computed from level texels by one formula, so that neighbouring bricks and tiles get bit-equal corners and the
/// rasteriser leaves no gap at any zoom. `part` is in texels of the brick that begins at `first`.
fn corners(screen_from_image: &Affine, tile: &TileDraw, first: [u32; 2], part: [f64; 4]) -> [[f64; 2]; 4] {
    let edge = |axis: usize, texel: f64| {
        (f64::from(tile.origin_texel[axis]) + (f64::from(first[axis]) + texel)) * tile.scale[axis]
    };
    let (x0, x1) = (edge(0, part[0]), edge(0, part[2]));
    let (y0, y1) = (edge(1, part[1]), edge(1, part[3]));
    [[x0, y0], [x1, y0], [x0, y1], [x1, y1]].map(|p| screen_from_image.apply(p))
}

fn on_screen(corners: &[[f64; 2]; 4], size_px: [u32; 2]) -> bool {
    let outside = |axis: usize| {
        let limit = f64::from(size_px[axis]);
        corners.iter().all(|c| c[axis] <= 0.0) || corners.iter().all(|c| c[axis] >= limit)
    };
    !outside(0) && !outside(1)
}

struct Neighbours<'a> {
    atlas: &'a Atlas,
    id: TileId,
    tile: &'a Resident,
}

impl Neighbours<'_> {
    /// The tile that lies `dx`, `dy` tiles away, when it is on the card in the same array.
    fn tile(&self, dx: i32, dy: i32) -> Option<&Resident> {
        if (dx, dy) == (0, 0) {
            return Some(self.tile);
        }
        let col = self.id.col.checked_add_signed(dx)?;
        let row = self.id.row.checked_add_signed(dy)?;
        self.atlas.get(&TileId { col, row, ..self.id }).filter(|t| t.kind == self.tile.kind)
    }

    /// Slot of the brick next to brick (`bx`, `by`), in this tile or the next.
    fn slot(&self, bx: u32, by: u32, dx: i32, dy: i32) -> Option<u32> {
        let step = |b: u32, d: i32, n: u32| match b.checked_add_signed(d) {
            None => (-1, None),
            Some(next) if next >= n => (1, Some(0)),
            Some(next) => (0, Some(next)),
        };
        let [nx, ny] = self.tile.bricks();
        let ((tx, x), (ty, y)) = (step(bx, dx, nx), step(by, dy, ny));
        let there = self.tile(tx, ty)?;
        let [mx, my] = there.bricks();
        there.slot(x.unwrap_or(mx - 1), y.unwrap_or(my - 1))
    }

    /// Texels of the brick before along an axis: where the shader finds that neighbour's last texel.
    fn extent_before(&self, b: u32, axis: usize) -> u32 {
        if b > 0 {
            return BRICK;
        }
        // Every tile of the column (or row) before has the same extent; any one on the card will tell.
        let there = [0, -1, 1].into_iter().find_map(|k| if axis == 0 { self.tile(-1, k) } else { self.tile(k, -1) });
        let length = there.map_or(BRICK, |t| t.size_px[axis]);
        length - (length.div_ceil(BRICK) - 1) * BRICK
    }

    /// Texels of the brick after along an axis: beyond them its slot holds somebody else's.
    fn extent_after(&self, b: u32, axis: usize) -> u32 {
        let next = (b + 1) * BRICK;
        if next < self.tile.size_px[axis] {
            return (self.tile.size_px[axis] - next).min(BRICK);
        }
        let there = [0, -1, 1].into_iter().find_map(|k| if axis == 0 { self.tile(1, k) } else { self.tile(k, 1) });
        there.map_or(BRICK, |t| t.size_px[axis].min(BRICK))
    }

    /// The uploads whose texels this tile's bricks may show: its own and those around.
    fn note_uploads(&self, serials: &mut Vec<u64>) {
        let around = AROUND.iter().filter_map(|(dx, dy)| self.tile(*dx, *dy));
        serials.extend(around.chain([self.tile]).map(|t| t.serial));
    }
}

/// A view's uniform, and the colour table with its sampler.
fn view_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("tile view"),
        entries: &[
            wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            },
            wgpu::BindGroupLayoutEntry {
                binding: 1,
                visibility: wgpu::ShaderStages::FRAGMENT,
                ty: wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Float { filterable: true },
                    view_dimension: wgpu::TextureViewDimension::D3,
                    multisampled: false,
                },
                count: None,
            },
            wgpu::BindGroupLayoutEntry {
                binding: 2,
                visibility: wgpu::ShaderStages::FRAGMENT,
                ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                count: None,
            },
        ],
    })
}

/// Device objects for drawing tiles; shared by all views.
pub(super) struct TilePipeline {
    module: wgpu::ShaderModule,
    layer_format: wgpu::TextureFormat,
    made: HashMap<Variant, wgpu::RenderPipeline>,
    view_layout: wgpu::BindGroupLayout,
    table_sampler: wgpu::Sampler,
    colour_layout: wgpu::BindGroupLayout,
    grey_layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    groups: Vec<(PoolKind, wgpu::BindGroup)>,
    groups_epoch: Option<u64>,
}

impl TilePipeline {
    pub fn new(device: &wgpu::Device, layer_format: wgpu::TextureFormat) -> Self {
        let module = shaders::TILE.compile(device);
        let view_layout = view_layout(device);
        let texture = |binding, sample_type| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture {
                sample_type,
                view_dimension: wgpu::TextureViewDimension::D2Array,
                multisampled: false,
            },
            count: None,
        };
        let colour_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("colour atlas"),
            entries: &[
                texture(0, wgpu::TextureSampleType::Float { filterable: true }),
                wgpu::BindGroupLayoutEntry {
                    binding: 1,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                    count: None,
                },
            ],
        });
        let grey_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("grey atlas"),
            entries: &[texture(2, wgpu::TextureSampleType::Uint)],
        });
        let linear = |label| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some(label),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            })
        };
        Self {
            module,
            layer_format,
            made: HashMap::new(),
            view_layout,
            table_sampler: linear("colour table"),
            colour_layout,
            grey_layout,
            sampler: linear("tiles"),
            groups: Vec::new(),
            groups_epoch: None,
        }
    }

    /// Makes the pipelines that a list asks for; most frames find them made.
    pub fn make_ready(&mut self, device: &wgpu::Device, list: &BrickList) {
        for (variant, _) in &list.runs {
            if !self.made.contains_key(variant) {
                let made = self.pipeline(device, *variant);
                self.made.insert(*variant, made);
            }
        }
    }

    fn pipeline(&self, device: &wgpu::Device, variant: Variant) -> wgpu::RenderPipeline {
        let colour = variant.kind == PoolKind::Rgba8;
        let (label, atlas, entry) = if colour {
            ("colour tiles", &self.colour_layout, "fs_colour")
        } else {
            ("grey tiles", &self.grey_layout, "fs_grey")
        };
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(&self.view_layout), Some(atlas)],
            immediate_size: 0,
        });
        let filtering = match variant.filter {
            Filter::Nearest => 0.0,
            Filter::Linear => 1.0,
            Filter::Cubic => 2.0,
        };
        let constants = [
            ("FILTERING", filtering),
            ("LOOKED", f64::from(u8::from(variant.looked))),
            ("EDGE", f64::from(u8::from(variant.edge))),
            ("TAPS", f64::from(u8::from(variant.taps))),
        ];
        let options = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(label),
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: &self.module,
                entry_point: Some("vs"),
                compilation_options: options.clone(),
                buffers: &[Some(wgpu::VertexBufferLayout {
                    array_stride: size_of::<BrickInstance>() as u64,
                    step_mode: wgpu::VertexStepMode::Instance,
                    attributes: &wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Uint32x4,
                        3 => Uint32x4, 4 => Uint32x4, 5 => Uint32x4, 6 => Float32x4, 7 => Float32, 8 => Float32x4],
                })],
            },
            primitive: wgpu::PrimitiveState { topology: wgpu::PrimitiveTopology::TriangleStrip, ..Default::default() },
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &self.module,
                entry_point: Some(entry),
                compilation_options: options,
                targets: &[Some(wgpu::ColorTargetState {
                    format: self.layer_format,
                    blend: if variant.opaque { None } else { Some(wgpu::BlendState::ALPHA_BLENDING) },
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        })
    }

    /// The bind group of a view's uniform buffer and colour table.
    pub fn view_group(
        &self,
        device: &wgpu::Device,
        uniform: &wgpu::Buffer,
        table: &wgpu::TextureView,
    ) -> wgpu::BindGroup {
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("tile view"),
            layout: &self.view_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(table) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(&self.table_sampler) },
            ],
        })
    }

    /// Follows the atlas when its textures were made anew.
    pub fn follow(&mut self, device: &wgpu::Device, atlas: &Atlas) {
        if self.groups_epoch == Some(atlas.texture_epoch()) {
            return;
        }
        self.groups_epoch = Some(atlas.texture_epoch());
        self.groups = [PoolKind::Rgba8, PoolKind::Grey8, PoolKind::Grey16]
            .into_iter()
            .filter_map(|kind| atlas.texture(kind).map(|t| (kind, self.atlas_group(device, kind, t))))
            .collect();
    }

    fn atlas_group(&self, device: &wgpu::Device, kind: PoolKind, texture: &wgpu::Texture) -> wgpu::BindGroup {
        debug_assert_eq!(texture.width(), LAYER, "shaders/common/atlas.wgsl counts on it");
        let view = texture.create_view(&wgpu::TextureViewDescriptor {
            dimension: Some(wgpu::TextureViewDimension::D2Array),
            ..Default::default()
        });
        let resource = wgpu::BindingResource::TextureView(&view);
        let (layout, entries) = if kind == PoolKind::Rgba8 {
            let sampler = wgpu::BindingResource::Sampler(&self.sampler);
            let entries = vec![
                wgpu::BindGroupEntry { binding: 0, resource },
                wgpu::BindGroupEntry { binding: 1, resource: sampler },
            ];
            (&self.colour_layout, entries)
        } else {
            (&self.grey_layout, vec![wgpu::BindGroupEntry { binding: 2, resource }])
        };
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("tile atlas"), layout, entries: &entries })
    }

    /// Draws the list from `buffer`, which holds its bytes.
    pub fn draw(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        view_group: &wgpu::BindGroup,
        buffer: &wgpu::Buffer,
        list: &BrickList,
    ) {
        pass.set_bind_group(0, view_group, &[]);
        pass.set_vertex_buffer(0, buffer.slice(..));
        let mut first = 0;
        for (variant, count) in &list.runs {
            let group = self.groups.iter().find(|(k, _)| *k == variant.kind);
            if let (Some((_, group)), Some(pipeline)) = (group, self.made.get(variant)) {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(1, group, &[]);
                pass.draw(0..4, first..first + count);
            }
            first += count;
        }
    }
}
