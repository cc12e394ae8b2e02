//! What the renderer puts on the screen: edges, seams, outlines, culling, shaders, a device made anew.
#![cfg(feature = "gui")]

use std::sync::Arc;

use shoken::render::{
    Affine, DeviceHealth, Filter, Gpu, GreyRamp, Image, Offscreen, Outline, Pattern, Renderer, RendererOptions, Scene,
    ShapeGeometry, ShapeInstance, ShapeSet, TileDraw, TileId, TileImage, TileSamples, all_shaders,
};

/// A device, or `None` when `SHOKEN_NO_GPU=1` says that this machine has none; any other lack is a failure.
pub fn offscreen() -> Option<Offscreen> {
    if std::env::var_os("SHOKEN_NO_GPU").is_some_and(|v| v == "1") {
        println!("skipped: SHOKEN_NO_GPU=1");
        return None;
    }
    Some(Offscreen::open().expect("a graphics adapter (package mesa-vulkan-drivers), or SHOKEN_NO_GPU=1"))
}

/// Writes a picture for the eye when `SHOKEN_SEE` names a folder.
pub fn see(name: &str, image: &Image) {
    if let Some(folder) = std::env::var_os("SHOKEN_SEE") {
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        image::save_buffer(path, &image.rgba, image.size_px[0], image.size_px[1], image::ColorType::Rgba8).unwrap();
    }
}

fn smooth_rgb(x: u32, y: u32) -> [u8; 3] {
    let wave = |v: f64| ((v.sin() * 0.5 + 0.5) * 255.0) as u8;
    [wave(f64::from(x) / 37.0), wave(f64::from(y) / 29.0), wave(f64::from(x + y) / 53.0)]
}

/// A picture cut into tiles of any size.
fn tiled(id: u64, size: [u32; 2], tile: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<TileDraw> {
    let mut out = Vec::new();
    for (row, y0) in (0..size[1]).step_by(tile as usize).enumerate() {
        for (col, x0) in (0..size[0]).step_by(tile as usize).enumerate() {
            let (w, h) = (tile.min(size[0] - x0), tile.min(size[1] - y0));
            let rgb: Vec<u8> =
                (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).flat_map(|(x, y)| colour(x0 + x, y0 + y)).collect();
            out.push(TileDraw {
                id: TileId { image: id, frame: 0, level: 0, col: col as u32, row: row as u32 },
                image: Arc::new(TileImage::from_rgb([w, h], &rgb).unwrap()),
                origin_texel: [x0, y0],
                scale: [1.0, 1.0],
                grey: GreyRamp::IDENTITY,
            });
        }
    }
    out
}

/// Over the pixels that `counts`.
fn largest_difference(a: &Image, b: &Image, counts: impl Fn([u32; 2]) -> bool) -> (u8, [u32; 2]) {
    let place = |i: usize| [i as u32 / 4 % a.size_px[0], i as u32 / 4 / a.size_px[0]];
    let differences = a.rgba.iter().zip(&b.rgba).map(|(x, y)| x.abs_diff(*y)).enumerate();
    let worst = differences.filter(|(i, d)| *d > 0 && counts(place(*i))).max_by_key(|(_, d)| *d);
    worst.map_or((0, [0, 0]), |(i, d)| (d, place(i)))
}

#[test]
fn shaders_compile() {
    let Some(screen) = offscreen() else { return };
    for shader in all_shaders() {
        shader.compile(&screen.gpu().device);
        assert_eq!(screen.gpu().health.errors(), 0, "{}", shader.name);
    }
}

#[test]
fn tiles_show_no_seams_at_any_zoom() {
    let Some(mut screen) = offscreen() else { return };
    let size = [700, 600];
    let zooms = [0.13, 0.31, 0.5, 0.77, 1.0, 1.37, 2.9, 7.3];
    for (number, tile) in [100_u32, 240, 256, 300].into_iter().enumerate() {
        for (i, zoom) in zooms.into_iter().enumerate() {
            for (turned, filter) in [
                (0, Filter::Linear),
                (90, Filter::Linear),
                (33, Filter::Linear),
                (0, Filter::Cubic),
                (33, Filter::Cubic),
            ] {
                // The processor draws these tests: turned and cubic at three zooms, linear at all.
                if (turned == 33 || filter == Filter::Cubic) && !matches!(i, 1 | 5 | 7) {
                    continue;
                }
                let mut scene = Scene::empty([640, 480]);
                let at = [350.3 - 320.0 / zoom, 300.7 - 240.0 / zoom];
                scene.screen_from_image = Affine::scale_then_move(zoom, [-at[0] * zoom, -at[1] * zoom]);
                if turned > 0 {
                    let (sin, cos) = f64::from(turned).to_radians().sin_cos();
                    let (a, b, d, e) = (zoom * cos, -zoom * sin, zoom * sin, zoom * cos);
                    let (c, f) = (320.3 - a * 350.3 - b * 300.7, 240.2 - d * 350.3 - e * 300.7);
                    scene.screen_from_image = Affine { a, b, c, d, e, f };
                }
                scene.filter = filter;
                scene.background = [255, 0, 255];
                // One tile of the whole picture is what the pieces must look like.
                scene.tiles = tiled(1000 + number as u64, size, 700, smooth_rgb);
                let whole = screen.render(&scene).unwrap();
                scene.tiles = tiled(number as u64, size, tile, smooth_rgb);
                let pieces = screen.render(&scene).unwrap();
                if filter == Filter::Cubic && i == 7 {
                    see(&format!("seams-{tile}-{zoom}-{turned}"), &pieces);
                }
                // The outer edge of a turned picture may round to either side of a pixel's middle.
                let back = scene.screen_from_image.inverse().unwrap();
                let inside = |at: [u32; 2]| {
                    let p = back.apply(at.map(|v| f64::from(v) + 0.5));
                    let from_edge = p[0].min(p[1]).min(700.0 - p[0]).min(600.0 - p[1]).abs();
                    turned != 33 || from_edge * zoom > 0.05
                };
                let (worst, at) = largest_difference(&whole, &pieces, inside);
                // The card interpolates with 8 bits of fraction, and a tap beyond the next texel is held back at an edge.
                let allowed = if zoom < 0.4 { 12 } else { 4 };
                assert!(
                    worst <= allowed,
                    "tiles of {tile} at {zoom} ({filter:?}, turned {turned}): differs by {worst} at {at:?}"
                );
            }
        }
    }
}

#[test]
fn one_to_one_shows_the_stored_pixels() {
    let Some(mut screen) = offscreen() else { return };
    let mut scene = Scene::empty([300, 280]);
    scene.tiles = tiled(1, [300, 280], 128, |x, y| [(x * 7 + y) as u8, (x ^ y) as u8, (y * 5) as u8]);
    for filter in [Filter::Nearest, Filter::Linear, Filter::Cubic] {
        scene.filter = filter;
        let image = screen.render(&scene).unwrap();
        for (x, y) in [(0, 0), (127, 127), (128, 128), (255, 130), (299, 279), (17, 200)] {
            assert_eq!(
                image.pixel(x, y),
                Some([(x * 7 + y) as u8, (x ^ y) as u8, (y * 5) as u8, 255]),
                "{filter:?} {x} {y}"
            );
        }
    }
}

#[test]
fn the_atlas_stays_within_its_bytes_and_uploads_are_capped() {
    let Some(screen) = offscreen() else { return };
    drop(screen);
    let options = RendererOptions {
        atlas_bytes: 16 << 20,
        upload_bytes_per_frame: 1 << 20,
        ..RendererOptions::new(wgpu::TextureFormat::Rgba8Unorm)
    };
    let mut screen = Offscreen::with_gpu(Gpu::headless().unwrap(), options);
    let mut scene = Scene::empty([512, 512]);
    scene.tiles = tiled(1, [1024, 1024], 256, smooth_rgb);
    let (_, first) = screen.render_once(&scene).unwrap();
    assert_eq!((first.waiting, first.uploaded_bytes), (12, 1 << 20));
    screen.render(&scene).unwrap();
    // Ten pictures of 4 MiB pass through 16 MiB.
    for image in 2..12 {
        scene.tiles = tiled(image, [1024, 1024], 256, smooth_rgb);
        screen.render(&scene).unwrap();
        assert!(screen.renderer().atlas().bytes() <= 16 << 20);
    }
    assert!(!screen.renderer().has(&TileId { image: 2, frame: 0, level: 0, col: 0, row: 0 }), "the oldest is gone");
    // Another sample format takes over the memory of the one that is no longer shown.
    let grey = TileImage::new([2000, 1500], TileSamples::GreyU16(vec![700; 3_000_000])).unwrap();
    let id = TileId { image: 99, frame: 0, level: 0, col: 0, row: 0 };
    let ramp = GreyRamp { zero_at: 0.0, per_step: 0.25, invert: false };
    scene.tiles = vec![TileDraw { id, image: Arc::new(grey), origin_texel: [0, 0], scale: [1.0, 1.0], grey: ramp }];
    screen.render(&Scene::empty([512, 512])).unwrap();
    screen.render(&Scene::empty([512, 512])).unwrap();
    let image = screen.render(&scene).unwrap();
    assert_eq!(image.pixel(300, 400), Some([175, 175, 175, 255]));
    assert!(screen.renderer().atlas().bytes() <= 16 << 20);
    assert_eq!(screen.gpu().health.errors(), 0);
}

/// Views of one frame are drawn after all of them were prepared: what one shows is not taken by the next.
#[test]
fn views_of_one_frame_do_not_evict_each_other() {
    let Some(screen) = offscreen() else { return };
    drop(screen);
    let gpu = Gpu::headless().unwrap();
    let options = RendererOptions {
        atlas_bytes: 16 << 20,
        upload_bytes_per_frame: 64 << 20,
        ..RendererOptions::new(wgpu::TextureFormat::Rgba8Unorm)
    };
    let mut renderer = Renderer::new(&gpu.device, options);
    let scene = |image: u64| {
        let mut scene = Scene::empty([512, 512]);
        scene.tiles = tiled(image, [1792, 1536], 256, smooth_rgb);
        scene
    };
    let scenes = [scene(1), scene(2)];
    for frame in 0..3 {
        renderer.begin_frame();
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        let done: Vec<_> = (0..2_u64)
            .map(|v| renderer.prepare(&gpu.device, &gpu.queue, &mut encoder, v, &scenes[v as usize]))
            .collect();
        gpu.queue.submit([encoder.finish()]);
        // 42 tiles each, and the atlas holds 64.
        let there = |v: usize| scenes[v].tiles.iter().filter(|t| renderer.has(&t.id)).count();
        assert_eq!((there(0), there(1)), (42, 22), "frame {frame}");
        assert_eq!((done[0].refused, done[1].refused), (0, 20), "frame {frame}");
    }
    assert_eq!(gpu.health.errors(), 0);
}

fn polygon(rings: Vec<Vec<[f64; 2]>>, colour: [u8; 3]) -> ShapeInstance {
    ShapeInstance {
        geometry: Arc::new(ShapeGeometry::new(vec![Outline::Polygon(rings)]).unwrap()),
        colour,
        pattern: Pattern::Solid,
        selected: false,
        filled: true,
    }
}

fn square(x: f64, y: f64, side: f64) -> Vec<[f64; 2]> {
    vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
}

fn blob(centre: [f64; 2], radius: f64, corners: u32) -> Vec<[f64; 2]> {
    (0..corners)
        .map(|i| {
            let t = f64::from(i) / f64::from(corners) * std::f64::consts::TAU;
            let r = radius * (1.0 + 0.25 * (3.0 * t).sin());
            [centre[0] + r * t.cos(), centre[1] + r * t.sin()]
        })
        .collect()
}

#[test]
fn an_outline_is_two_points_wide_with_a_dark_casing_and_a_thin_filling() {
    let Some(mut screen) = offscreen() else { return };
    let mut scene = Scene::empty([200, 200]);
    scene.background = [255, 255, 255];
    let orange = [230, 159, 0];
    let rings = vec![square(20.0, 20.0, 160.0), square(80.0, 80.0, 40.0)];
    scene.shapes = Arc::new(ShapeSet { revision: 1, shapes: vec![polygon(rings, orange)] });
    let image = screen.render(&scene).unwrap();
    see("outline", &image);
    let row = |y: u32| (0..200).map(|x| image.pixel(x, y).unwrap()).collect::<Vec<_>>();
    let across = row(50);
    // Left edge at x = 20: casing 18, colour 19 and 20, casing 21.
    assert_eq!(across[10], [255, 255, 255, 255]);
    assert!(across[18][0] < 110, "casing {:?}", across[18]);
    assert_eq!((across[19], across[20]), ([230, 159, 0, 255], [230, 159, 0, 255]));
    assert!(across[21][0] < 110, "casing {:?}", across[21]);
    // 12 % of orange over white.
    let filled = across[50];
    let want = orange.map(|c: u8| (f64::from(c) * 0.12 + 255.0 * 0.88).round() as u8);
    assert!(filled.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 1), "{filled:?} for {want:?}");
    assert_eq!(row(100)[100], [255, 255, 255, 255], "the hole is not filled");
    assert_eq!(row(100)[80], [230, 159, 0, 255], "the hole has an outline");
}

#[test]
fn width_and_place_hold_deep_in_a_large_slide() {
    let Some(mut screen) = offscreen() else { return };
    // Near the corner of a slide of 200,000 px at ×40, both for a small outline and for one as large as the slide.
    let (x, y) = (199_000.37, 198_500.81);
    let tall = vec![[x, 10.0], [x + 900.0, 10.0], [x + 900.0, 199_900.0], [x, 199_900.0]];
    for (revision, ring) in [(1, square(x, y, 100.0)), (2, tall)] {
        let mut scene = Scene::empty([400, 300]);
        scene.background = [0, 0, 0];
        // The left edge falls on screen x = 100.
        let zoom = 40.0;
        scene.screen_from_image = Affine::scale_then_move(zoom, [100.0 - x * zoom, -(y + 20.0) * zoom]);
        scene.shapes = Arc::new(ShapeSet { revision, shapes: vec![polygon(vec![ring], [255, 255, 0])] });
        let image = screen.render(&scene).unwrap();
        for row in [5, 150, 290] {
            let at = |x: u32| image.pixel(x, row).unwrap()[0];
            assert!(
                at(99) > 235 && at(100) > 235 && at(97) < 30 && at(102) < 60,
                "row {row}: {:?}",
                (95..105).map(at).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn patterns_are_told_apart() {
    let Some(mut screen) = offscreen() else { return };
    let mut scene = Scene::empty([640, 360]);
    scene.tiles =
        tiled(1, [640, 360], 256, |x, y| if (x / 80 + y / 90) % 2 == 0 { [238, 200, 220] } else { [18, 18, 20] });
    let colours = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [204, 121, 167]];
    let patterns = [Pattern::Solid, Pattern::Dashed, Pattern::Dotted, Pattern::Hatched];
    let mut shapes = Vec::new();
    for (i, (colour, pattern)) in colours.into_iter().zip(patterns).enumerate() {
        for (j, selected) in [false, true].into_iter().enumerate() {
            let centre = [90.0 + 150.0 * i as f64, 90.0 + 170.0 * j as f64];
            let mut shape = polygon(vec![blob(centre, 55.0, 60)], colour);
            (shape.pattern, shape.selected) = (pattern, selected);
            shapes.push(shape);
        }
    }
    let marks =
        vec![Outline::Point([320.0, 180.0]), Outline::Line(vec![[20.0, 350.0], [300.0, 340.0], [620.0, 180.0]])];
    let geometry = Arc::new(ShapeGeometry::new(marks).unwrap());
    shapes.push(ShapeInstance {
        geometry,
        colour: [240, 228, 66],
        pattern: Pattern::Solid,
        selected: false,
        filled: false,
    });
    scene.shapes = Arc::new(ShapeSet { revision: 1, shapes });
    let image = screen.render(&scene).unwrap();
    see("patterns", &image);
    // Along the outline of each unselected blob: how often it is broken tells the pattern.
    let gaps = |i: usize| {
        let centre = [90.0 + 150.0 * i as f64, 90.0];
        let ring = blob(centre, 55.0, 720);
        let [r, g, b] = colours[i];
        let on: Vec<bool> = ring
            .iter()
            .map(|p| {
                let close = |x: u32, y: u32| {
                    let px = image.pixel(x, y).unwrap();
                    px[0].abs_diff(r) < 40 && px[1].abs_diff(g) < 40 && px[2].abs_diff(b) < 40
                };
                let (x, y) = ((p[0] - 0.5) as u32, (p[1] - 0.5) as u32);
                close(x, y) || close(x + 1, y) || close(x, y + 1) || close(x + 1, y + 1)
            })
            .collect();
        on.windows(2).filter(|w| w[0] && !w[1]).count()
    };
    let counts = [gaps(0), gaps(1), gaps(2), gaps(3)];
    assert!(counts[0] <= 2 && counts[3] <= 2, "solid outlines are closed: {counts:?}");
    assert!(counts[1] >= 15 && counts[2] > counts[1] + 10, "dashes and dots: {counts:?}");
    scene.shape_opacity = 0.0;
    let (image, prepared) = screen.render_once(&scene).unwrap();
    assert!(!prepared.image_redrawn && !prepared.shapes_redrawn, "hiding outlines draws nothing again");
    assert_eq!(image.pixel(145, 90), Some([238, 200, 220, 255]));
}

#[test]
fn a_hundred_thousand_outlines_are_culled_and_edited_cheaply() {
    let Some(mut screen) = offscreen() else { return };
    let mut shapes: Vec<ShapeInstance> = (0..100_000_u32)
        .map(|i| {
            let (x, y) = (f64::from(i % 400) * 60.0, f64::from(i / 400) * 60.0);
            polygon(vec![blob([x + 30.0, y + 30.0], 14.0, 28)], [86, 180, 233])
        })
        .collect();
    let mut scene = Scene::empty([800, 600]);
    scene.background = [240, 220, 230];
    scene.shapes = Arc::new(ShapeSet { revision: 1, shapes: shapes.clone() });
    scene.screen_from_image = Affine::scale_then_move(0.033, [0.0, 0.0]);
    let clock = std::time::Instant::now();
    let (image, far) = screen.render_once(&scene).unwrap();
    let first = clock.elapsed();
    see("shapes-far", &image);
    assert_eq!(far.drawn_shapes, 100_000, "all are dots at this zoom");

    scene.screen_from_image = Affine::scale_then_move(1.5, [-9000.0, -9000.0]);
    let clock = std::time::Instant::now();
    let (_, near) = screen.render_once(&scene).unwrap();
    let zoomed = clock.elapsed();
    see("shapes-near", &screen.render(&scene).unwrap());
    assert!(near.drawn_shapes < 3_000, "{} of about 63 visible", near.drawn_shapes);

    let sketch = Scene { screen_from_image: Affine::scale_then_move(0.25, [-1000.0, -1000.0]), ..scene.clone() };
    see("shapes-sketch", &screen.render(&sketch).unwrap());
    screen.render(&scene).unwrap();
    let (_, still) = screen.render_once(&scene).unwrap();
    assert!(!still.shapes_redrawn, "nothing changed");

    shapes[40_123].selected = true;
    scene.shapes = Arc::new(ShapeSet { revision: 2, shapes });
    let clock = std::time::Instant::now();
    let (_, edited) = screen.render_once(&scene).unwrap();
    println!(
        "100,000 outlines of 28 points: first frame {first:?}, zoomed in {zoomed:?} ({} drawn), after an edit {:?}",
        near.drawn_shapes,
        clock.elapsed()
    );
    let rebuilt = edited.rebuilt_shape_blocks - still.rebuilt_shape_blocks;
    assert!(edited.shapes_redrawn && rebuilt <= 2, "an edit made {rebuilt} blocks again");
}

#[test]
fn a_lost_device_is_an_error_and_a_new_one_draws_the_same() {
    let Some(mut screen) = offscreen() else { return };
    let mut scene = Scene::empty([128, 96]);
    scene.tiles = tiled(1, [128, 96], 64, smooth_rgb);
    scene.shapes =
        Arc::new(ShapeSet { revision: 1, shapes: vec![polygon(vec![square(20.0, 20.0, 50.0)], [230, 159, 0])] });
    let before = screen.render(&scene).unwrap();
    screen.gpu().device.destroy();
    let health: Arc<DeviceHealth> = Arc::clone(&screen.gpu().health);
    let told = screen.render(&scene);
    assert!(told.is_err() || health.is_lost(), "a dead device does not give pictures");
    let mut again = Offscreen::open().unwrap();
    assert_eq!(again.render(&scene).unwrap(), before);
}
