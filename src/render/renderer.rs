//! The renderer of one device: any number of views, one tile atlas.

use std::collections::HashMap;

use super::{
    Scene, TileId,
    atlas::{Atlas, NotResident},
    colour::TableTextures,
    composite::{CompositePipeline, CompositeUniform},
    shapes::{LayerState, ShapeLayer, ShapePipelines},
    targets::{Targets, clear_pass},
    tiles::{BrickList, TilePipeline, ViewUniform},
};

/// Any number that the caller gives one view of the window.
pub type ViewId = u64;

/// Frames after which a view that is no longer prepared loses its layers.
const FORGET_AFTER_FRAMES: u64 = 600;

/// What a renderer may use.
#[derive(Clone, Copy, Debug)]
pub struct RendererOptions {
    /// Format of the pass that [`Renderer::paint`] draws into.
    pub target_format: wgpu::TextureFormat,
    /// Bound of the tile atlas.
    pub atlas_bytes: u64,
    /// Bound of what one frame uploads; the first tile of a frame always goes.
    pub upload_bytes_per_frame: u64,
    /// Shapes smaller than this on the screen, in physical pixels, are drawn as dots.
    pub dots_below_px: f64,
}

impl RendererOptions {
    /// 256 MiB of tiles, 16 MiB of uploads a frame, dots below three pixels.
    pub fn new(target_format: wgpu::TextureFormat) -> Self {
        Self { target_format, atlas_bytes: 256 << 20, upload_bytes_per_frame: 16 << 20, dots_below_px: 3.0 }
    }

    /// For drawing on the processor, where every triangle and every byte costs: dots below five pixels, a smaller atlas (it
    /// lies in the same memory as the decoded tiles), and uploads that a frame of a sixtieth of a second can bear.
    pub fn software(target_format: wgpu::TextureFormat) -> Self {
        Self { dots_below_px: 5.0, atlas_bytes: 128 << 20, upload_bytes_per_frame: 6 << 20, ..Self::new(target_format) }
    }
}

/// What a preparation did and left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Tiles and shape blocks of the scene that wait for the next frame: draw again soon.
    pub waiting: usize,
    /// Tiles of the scene that don't fit the atlas.
    pub refused: usize,
    pub uploaded_bytes: u64,
    pub drawn_bricks: usize,
    pub drawn_shapes: usize,
    pub rebuilt_shape_blocks: u64,
    /// Whether the layers had to be drawn again.
    pub image_redrawn: bool,
    pub shapes_redrawn: bool,
}

struct View {
    targets: Targets,
    tile_uniform: wgpu::Buffer,
    tile_group: wgpu::BindGroup,
    bricks: Option<wgpu::Buffer>,
    composite_uniform: wgpu::Buffer,
    composite_group: wgpu::BindGroup,
    shapes: ShapeLayer,
    /// What the image layer shows.
    shown: Option<ShownImage>,
    table_serial: u64,
    /// The shape layer holds something, and the view wants it seen.
    shapes_drawn: bool,
    shapes_visible: bool,
    last_prepared: u64,
}

/// All that decides what an image layer shows.
#[derive(PartialEq)]
struct ShownImage {
    bricks: Vec<u8>,
    uploads: Vec<u64>,
    uniform: ViewUniform,
    background: [u8; 3],
    table: u64,
}

/// See the module's text.
pub struct Renderer {
    options: RendererOptions,
    atlas: Atlas,
    tiles: TilePipeline,
    shapes: ShapePipelines,
    composite: CompositePipeline,
    tables: TableTextures,
    views: HashMap<ViewId, View>,
    frame: u64,
}

impl Renderer {
    /// Compiles the pipelines for `device`. After a device was lost, make a new renderer: it keeps nothing that the scene
    /// does not bring again.
    pub fn new(device: &wgpu::Device, options: RendererOptions) -> Self {
        Self {
            options,
            atlas: Atlas::new(options.atlas_bytes, options.upload_bytes_per_frame),
            tiles: TilePipeline::new(device, Targets::FORMAT),
            shapes: ShapePipelines::new(device, Targets::FORMAT),
            composite: CompositePipeline::new(device, options.target_format),
            tables: TableTextures::new(device),
            views: HashMap::new(),
            frame: 0,
        }
    }

    pub fn options(&self) -> &RendererOptions {
        &self.options
    }

    pub fn atlas(&self) -> &Atlas {
        &self.atlas
    }

    /// Whether a tile can be drawn without an upload.
    pub fn has(&self, id: &TileId) -> bool {
        self.atlas.get(id).is_some()
    }

    /// Frees what belongs to a closed image.
    pub fn forget_image(&mut self, image: u64) {
        self.atlas.forget_image(image);
    }

    /// Starts a frame of the window; call it once before its views are prepared. Uploads are bounded per frame, and what
    /// one view shows is safe from the others until the next.
    pub fn begin_frame(&mut self) {
        self.frame += 1;
        let frame = self.frame;
        self.views.retain(|_, v| v.last_prepared + FORGET_AFTER_FRAMES > frame);
        self.atlas.begin_frame();
    }

    /// Uploads what `scene` needs within the frame's budget and records the drawing of its layers.
    pub fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        id: ViewId,
        scene: &Scene,
    ) -> Prepared {
        let mut done = Prepared::default();
        let largest = device.limits().max_texture_dimension_2d;
        if scene.size_px.iter().any(|n| *n == 0 || *n > largest) {
            return done;
        }
        let (frame, uploaded_before) = (self.frame, self.atlas.uploaded_bytes());
        let list = self.upload(device, queue, scene, &mut done);
        self.tiles.follow(device, &self.atlas);

        let (tiles, composite) = (&self.tiles, &self.composite);
        let (serial, table) = self.tables.get(device, queue, &scene.look, frame);
        let view = self.views.entry(id).or_insert_with(|| View::new(device, tiles, composite, table, scene.size_px));
        view.last_prepared = frame;
        let resized = view.targets.size_px != scene.size_px;
        if resized {
            view.resize(device, composite, scene.size_px);
        }
        if view.table_serial != serial {
            view.tile_group = tiles.view_group(device, &view.tile_uniform, table);
            view.table_serial = serial;
        }
        let uniform = CompositePipeline::uniform(scene.shape_opacity);
        queue.write_buffer(&view.composite_uniform, 0, bytemuck::bytes_of(&uniform));

        let show = ShownImage {
            bricks: list.bytes().to_vec(),
            uploads: list.serials().to_vec(),
            uniform: ViewUniform::of(scene),
            background: scene.background,
            table: serial,
        };
        if view.shown.as_ref() != Some(&show) {
            view.draw_image(device, queue, encoder, tiles, scene, &list);
            view.shown = Some(show);
            done.image_redrawn = true;
        }
        let state: LayerState = view.shapes.prepare(device, queue, &self.shapes, scene, self.options.dots_below_px);
        done.waiting += state.waiting;
        view.shapes_visible = scene.shape_opacity > 0.0;
        if (state.redraw || resized) && (view.shapes.drawn_shapes() > 0 || view.shapes_drawn) {
            view.shapes_drawn = view.shapes.drawn_shapes() > 0;
            let mut pass = clear_pass(encoder, "shapes", &view.targets.shapes, wgpu::Color::TRANSPARENT);
            view.shapes.draw(&mut pass, &self.shapes);
            done.shapes_redrawn = true;
        }
        done.drawn_bricks = list.len();
        done.drawn_shapes = view.shapes.drawn_shapes();
        done.rebuilt_shape_blocks = view.shapes.rebuilt_blocks();
        done.uploaded_bytes = self.atlas.uploaded_bytes() - uploaded_before;
        done
    }

    fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, scene: &Scene, done: &mut Prepared) -> BrickList {
        for tile in scene.tiles.iter().chain(&scene.covers) {
            match self.atlas.ensure(device, queue, tile.id, &tile.image) {
                Ok(()) => {}
                Err(NotResident::Later) => done.waiting += 1,
                Err(NotResident::Full) => done.refused += 1,
            }
        }
        for tile in &scene.prefetch {
            // Never at the cost of what is on the screen, and never a reason to draw again.
            if self.atlas.ensure(device, queue, tile.id, &tile.image).is_err() {
                break;
            }
        }
        let mut list = BrickList::default();
        for tile in &scene.tiles {
            list.push(scene, tile, &self.atlas, false);
        }
        for tile in &scene.covers {
            list.push(scene, tile, &self.atlas, true);
        }
        list.finish();
        self.tiles.make_ready(device, &list);
        list
    }

    /// Draws a prepared view over the pass's viewport, which must be as large as the scene.
    pub fn paint(&self, id: ViewId, pass: &mut wgpu::RenderPass<'_>) {
        if let Some(view) = self.views.get(&id) {
            self.composite.draw(pass, &view.composite_group, view.shapes.drawn_shapes() > 0 && view.shapes_visible);
        }
    }
}

impl View {
    fn new(
        device: &wgpu::Device,
        tiles: &TilePipeline,
        composite: &CompositePipeline,
        table: &wgpu::TextureView,
        size_px: [u32; 2],
    ) -> Self {
        let uniform = |label, size: usize| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let targets = Targets::new(device, size_px);
        let tile_uniform = uniform("tile view", size_of::<ViewUniform>());
        let composite_uniform = uniform("composite", size_of::<CompositeUniform>());
        Self {
            tile_group: tiles.view_group(device, &tile_uniform, table),
            composite_group: composite.group(device, &composite_uniform, &targets),
            targets,
            tile_uniform,
            bricks: None,
            composite_uniform,
            shapes: ShapeLayer::default(),
            shown: None,
            // No table has this number: the first preparation makes the group for the table it finds.
            table_serial: u64::MAX,
            shapes_drawn: false,
            shapes_visible: false,
            last_prepared: 0,
        }
    }

    fn resize(&mut self, device: &wgpu::Device, composite: &CompositePipeline, size_px: [u32; 2]) {
        self.targets = Targets::new(device, size_px);
        self.composite_group = composite.group(device, &self.composite_uniform, &self.targets);
        self.shown = None;
    }

    fn draw_image(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        tiles: &TilePipeline,
        scene: &Scene,
        list: &BrickList,
    ) {
        let [r, g, b] = scene.background.map(|v| f64::from(v) / 255.0);
        let mut pass = clear_pass(encoder, "tiles", &self.targets.image, wgpu::Color { r, g, b, a: 1.0 });
        if list.len() == 0 {
            return;
        }
        queue.write_buffer(&self.tile_uniform, 0, bytemuck::bytes_of(&ViewUniform::of(scene)));
        let bytes = list.bytes();
        if self.bricks.as_ref().is_none_or(|b| b.size() < bytes.len() as u64) {
            self.bricks = Some(device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("bricks"),
                size: (bytes.len() as u64).next_power_of_two().max(4096),
                usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }));
        }
        if let Some(buffer) = &self.bricks {
            queue.write_buffer(buffer, 0, bytes);
            tiles.draw(&mut pass, &self.tile_group, buffer, list);
        }
    }
}
