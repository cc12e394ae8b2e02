//! The viewport as a hand uses it, in a window drawn by the software adapter: wheel, drags, frames, window/level, and the
//! pixels that come out.
#![cfg(feature = "gui")]

use std::{collections::HashMap, sync::Arc, time::Duration};

use egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, pos2, vec2};
use egui_kittest::{Harness, wgpu::WgpuTestRenderer};
use shoken::{
    domain::{Field, Level, SizePx, Spacing, SpacingSource, TileKey},
    gui::viewport::{GpuLink, LengthUnit, Sample, Viewport, ViewportInput, ViewportResponse, ViewportStyle},
    imaging::{
        self, DisplayDefaults, FrameInfo, ImageMeta, ImageSource, ImagingError, PixelBuffer, Samples, Window,
        display::to_rgba8,
    },
    render::{Outline, Pattern, ShapeGeometry, ShapeInstance, ShapeSet},
    tasks::Pool,
};

/// An image whose every pixel says where it is.
pub struct Synthetic {
    pub meta: ImageMeta,
    broken: Option<TileKey>,
}

pub fn meta(field: Field, levels: Vec<Level>, frames: u32, channels: u8) -> ImageMeta {
    let frame = FrameInfo { rescale: (1.0, -1024.0), ..FrameInfo::default() };
    let grey = channels == 1;
    ImageMeta {
        format: "synthetic".to_owned(),
        reader: "test",
        field,
        levels,
        frames: (0..frames).map(|_| frame.clone()).collect(),
        channels,
        bits_stored: if grey { 12 } else { 8 },
        spacing: Some(Spacing { x_um: 0.5, y_um: 0.5, source: SpacingSource::AperioMpp }),
        objective_power: Some(20.0),
        photometric: if grey { "MONOCHROME2" } else { "RGB" }.to_owned(),
        display: DisplayDefaults {
            window: grey.then_some(Window { center: 40.0, width: 400.0 }),
            invert: false,
            unit: None,
            ..DisplayDefaults::default()
        },
        ..ImageMeta::default()
    }
}

pub fn slide() -> Synthetic {
    let level = |downsample: u32| Level {
        size_px: SizePx::new(100_000 / downsample, 80_000 / downsample),
        tile_px: SizePx::new(240, 240),
        downsample: f64::from(downsample),
    };
    Synthetic { meta: meta(Field::Pathology, [1, 4, 16, 64].map(level).to_vec(), 1, 3), broken: None }
}

fn stack(frames: u32) -> Synthetic {
    let level = Level { size_px: SizePx::new(512, 512), tile_px: SizePx::new(512, 512), downsample: 1.0 };
    Synthetic { meta: meta(Field::Radiology, vec![level], frames, 1), broken: None }
}

impl ImageSource for Synthetic {
    fn meta(&self) -> &ImageMeta {
        &self.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        if self.broken == Some(key) {
            return Err(ImagingError::OutOfRange { what: "tile", index: 0, count: 0 });
        }
        let level = self.meta.levels[usize::from(key.level)];
        let (x0, y0) = (key.col * level.tile_px.width, key.row * level.tile_px.height);
        let size = SizePx::new(
            level.tile_px.width.min(level.size_px.width - x0),
            level.tile_px.height.min(level.size_px.height - y0),
        );
        let places = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x0 + x, y0 + y)));
        let samples = if self.meta.channels == 1 {
            // The frame's number is the value everywhere: 1000 + frame stored is frame - 24 HU.
            Samples::U16(places.map(|_| 1000 + key.frame as u16 * 10).collect())
        } else {
            let scale = level.downsample;
            let shade = |v: u32| ((f64::from(v) * scale / 400.0).sin() * 100.0 + 130.0) as u8;
            Samples::U8(places.flat_map(|(x, y)| [shade(x), shade(y), 150]).collect())
        };
        Ok(PixelBuffer { size_px: size, channels: self.meta.channels, samples })
    }

    fn read_associated(&self, _: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }
}

pub struct Window2 {
    pub viewport: Viewport,
    pub shapes: Arc<ShapeSet>,
    tool_armed: bool,
    pub last: Option<ViewportResponse>,
}

pub type Hand<'a> = Harness<'a, Window2>;

/// A window of 800 × 600 points; `None` when this machine is said to have no graphics.
fn window<'a>(source: Synthetic, density: f32) -> Option<Hand<'a>> {
    window_of(Arc::new(source), density)
}

pub fn window_of<'a>(source: Arc<dyn ImageSource>, density: f32) -> Option<Hand<'a>> {
    if std::env::var_os("SHOKEN_NO_GPU").is_some_and(|v| v == "1") {
        println!("skipped: SHOKEN_NO_GPU=1");
        return None;
    }
    let state = egui_kittest::wgpu::create_render_state(
        egui_kittest::wgpu::default_wgpu_setup(),
        eframe::egui_wgpu::RendererOptions::PREDICTABLE,
    );
    let link = GpuLink::new(&state);
    let builder = Harness::builder()
        .with_size(vec2(800.0, 600.0))
        .with_pixels_per_point(density)
        .with_render_cursor(false)
        .with_step_dt(0.016);
    Some(start(builder.renderer(WgpuTestRenderer::from_render_state(state)), source, Some(link)))
}

fn start<'a>(
    builder: egui_kittest::HarnessBuilder<Window2>,
    source: Arc<dyn ImageSource>,
    link: Option<GpuLink>,
) -> Hand<'a> {
    let pool = Arc::new(Pool::new("viewport-test", 2, 4096).unwrap());
    let mut viewport = Viewport::new(&egui::Context::default(), pool, link);
    viewport.set_image(Some(source));
    let state = Window2 { viewport, shapes: Arc::default(), tool_armed: false, last: None };
    let mut harness = builder.build_ui_state(
        |ui, w: &mut Window2| {
            let style = ViewportStyle { canvas: egui::Color32::from_rgb(0x12, 0x14, 0x17), mark: egui::Color32::GRAY };
            let input = ViewportInput { shapes: &w.shapes, shape_opacity: 1.0, tool_armed: w.tool_armed, style };
            w.last = Some(w.viewport.ui(ui, input));
        },
        state,
    );
    settle(&mut harness);
    harness
}

/// Frames until every visible tile is there; a bound, not a wait, decides that it never comes.
pub fn settle(harness: &mut Hand<'_>) {
    for _ in 0..2000 {
        harness.step();
        let w = harness.state();
        let loading = w.last.as_ref().map_or(1, |l| l.loading);
        if loading == 0 {
            // Uploads are spread over drawn frames.
            harness.render().unwrap();
            if !harness.state().viewport.is_busy() {
                harness.run_steps(2);
                return;
            }
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    panic!("tiles never came: {:?}", harness.state().last.as_ref().map(|l| l.loading));
}

fn wheel(harness: &mut Hand<'_>, at: Pos2, lines: f32, modifiers: Modifiers) {
    harness.hover_at(at);
    harness.step();
    harness.event_modifiers(
        Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: vec2(0.0, lines),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Unknown,
            modifiers,
        },
        modifiers,
    );
    harness.run_steps(40);
}

fn drag(harness: &mut Hand<'_>, button: PointerButton, from: Pos2, to: Pos2) {
    let press = |pos, pressed| Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE };
    harness.hover_at(from);
    harness.step();
    harness.event(press(from, true));
    harness.step();
    for i in 1..=10 {
        harness.event(Event::PointerMoved(from + (to - from) * (i as f32 / 10.0)));
        harness.step();
    }
    harness.event(press(to, false));
    harness.step();
}

pub fn save(name: &str, image: &image::RgbaImage) {
    if let Some(folder) = std::env::var_os("SHOKEN_SEE") {
        image.save(std::path::Path::new(&folder).join(format!("{name}.png"))).unwrap();
    }
}

pub fn close(a: [f64; 2], b: [f64; 2], tolerance: f64) -> bool {
    (a[0] - b[0]).abs() < tolerance && (a[1] - b[1]).abs() < tolerance
}

#[test]
fn a_slide_fits_zooms_at_the_cursor_and_pans() {
    for density in [1.0, 1.5] {
        let Some(mut h) = window(slide(), density) else { return };
        let picture = h.render().unwrap();
        save(&format!("slide-fit-{density}"), &picture);
        let middle = picture.get_pixel(picture.width() / 2, picture.height() / 2).0;
        assert_eq!(middle[2], 150, "the slide is in the middle: {middle:?}");

        let at = pos2(300.0, 200.0);
        let under = |h: &Hand<'_>| h.state().viewport.image_from_screen(at);
        let (before, zoom) = (under(&h), h.state().viewport.camera().zoom);
        for _ in 0..12 {
            wheel(&mut h, at, 1.0, Modifiers::NONE);
        }
        let viewport = &h.state().viewport;
        let ratio = viewport.camera().zoom / zoom;
        assert!((6.0..=10.0).contains(&ratio), "twelve notches are three doublings: {ratio}");
        assert!(close(before, under(&h), 1e-3), "{before:?} {:?}", under(&h));

        let (grabbed, tool) = (under(&h), h.state().last.as_ref().unwrap().left_is_the_tools);
        assert!(!tool);
        drag(&mut h, PointerButton::Primary, at, pos2(420.0, 260.0));
        let now = h.state().viewport.image_from_screen(pos2(420.0, 260.0));
        let pixel = h.state().viewport.px_per_pt();
        assert!(close(grabbed, now, pixel * 1e-3), "{grabbed:?} {now:?}");
        // An armed tool owns the left button; the middle one still pans.
        h.state_mut().tool_armed = true;
        let camera = h.state().viewport.camera();
        drag(&mut h, PointerButton::Primary, at, pos2(420.0, 260.0));
        assert_eq!(h.state().viewport.camera(), camera);
        assert!(h.state().last.as_ref().unwrap().left_is_the_tools);
        drag(&mut h, PointerButton::Middle, at, pos2(420.0, 260.0));
        assert_ne!(h.state().viewport.camera(), camera);
        settle(&mut h);
        save(&format!("slide-near-{density}"), &h.render().unwrap());
    }
}

#[test]
fn what_is_drawn_is_what_the_pointer_reads() {
    let Some(mut h) = window(slide(), 1.0) else { return };
    h.state_mut().viewport.one_to_one();
    settle(&mut h);
    let v = &h.state().viewport;
    assert!((v.screen_px_per_image_px() - 1.0).abs() < 1e-12);
    assert_eq!(v.magnification(), Some(20.0));
    let bar = v.scale_bar().unwrap();
    assert_eq!((bar.value, bar.unit, bar.length_pt), (50.0, LengthUnit::Micrometre, 100.0));
    let picture = h.render().unwrap();
    for (x, y) in [(13_u32, 15_u32), (400, 300), (777, 580), (240, 241)] {
        let sample = h.state().viewport.sample_under(pos2(x as f32 + 0.5, y as f32 + 0.5));
        let [r, g, b, _] = picture.get_pixel(x, y).0;
        assert_eq!(sample, Some(Sample::Rgb([r, g, b])), "{x} {y}");
    }
}

#[test]
fn outlines_lie_where_the_transform_says() {
    let Some(mut h) = window(slide(), 2.0) else { return };
    let ring = vec![[50_100.0, 40_050.0], [50_300.0, 40_050.0], [50_300.0, 40_200.0], [50_100.0, 40_200.0]];
    let geometry = Arc::new(ShapeGeometry::new(vec![Outline::Polygon(vec![ring])]).unwrap());
    let shape =
        ShapeInstance { geometry, colour: [230, 159, 0], pattern: Pattern::Solid, selected: false, filled: true };
    h.state_mut().shapes = Arc::new(ShapeSet { revision: 1, shapes: vec![shape] });
    h.state_mut().viewport.show_box([50_100.0, 40_050.0, 50_300.0, 40_200.0], None);
    settle(&mut h);
    let picture = h.render().unwrap();
    save("outline-on-slide", &picture);
    let corner = h.state().viewport.screen_from_image([50_200.0, 40_050.0]);
    let (x, y) = ((corner.x * 2.0) as u32, (corner.y * 2.0 - 0.5) as u32);
    assert_eq!(picture.get_pixel(x, y).0, [230, 159, 0, 255]);
}

#[test]
fn a_stack_scrolls_by_the_wheel_and_windows_by_the_left_button() {
    let Some(mut h) = window(stack(40), 1.0) else { return };
    let v = &h.state().viewport;
    assert_eq!((v.frame(), v.frames()), (20, 40));
    let at = pos2(400.0, 300.0);
    wheel(&mut h, at, -3.0, Modifiers::NONE);
    assert_eq!(h.state().viewport.frame(), 23);
    wheel(&mut h, at, 1.0, Modifiers::NONE);
    assert_eq!(h.state().viewport.frame(), 22);
    wheel(&mut h, at, 100.0, Modifiers::NONE);
    assert_eq!(h.state().viewport.frame(), 0);
    settle(&mut h);
    let shown = h.state().last.as_ref().unwrap().shown_frame;
    assert_eq!(shown, 0);

    let zoom = h.state().viewport.camera().zoom;
    wheel(&mut h, at, 3.0, Modifiers::CTRL);
    assert!(h.state().viewport.camera().zoom > zoom * 1.1, "Ctrl+wheel zooms");
    assert_eq!(h.state().viewport.frame(), 0);

    // Stored 1000 is -24 HU; with 40/400 that is (−24 − 39.5)/399 + 0.5 of 255.
    let expected = ((-24.0 - 39.5) / 399.0 + 0.5) * 255.0;
    let grey = |h: &mut Hand<'_>| f64::from(h.render().unwrap().get_pixel(400, 300).0[0]);
    assert!((grey(&mut h) - expected).abs() <= 1.0);
    assert_eq!(h.state().viewport.sample_under(at), Some(Sample::Grey { stored: 1000.0, value: -24.0 }));
    drag(&mut h, PointerButton::Primary, at, pos2(500.0, 250.0));
    let window = h.state().viewport.window().unwrap();
    assert!((window.width - 500.0).abs() < 1.0 && (window.center + 10.0).abs() < 1.0, "{window:?}");
    let expected = ((-24.0 - (window.center - 0.5)) / (window.width - 1.0) + 0.5) * 255.0;
    h.hover_at(at);
    h.step();
    assert!((grey(&mut h) - expected).abs() <= 1.0);
    // The window stays while the stack is scrolled.
    wheel(&mut h, at, -1.0, Modifiers::NONE);
    assert_eq!(h.state().viewport.window(), Some(window));
}

#[test]
fn a_tile_that_fails_is_told_and_the_coarser_one_stays() {
    let mut source = slide();
    source.broken = Some(TileKey { frame: 0, level: 0, col: 208, row: 166 });
    let Some(mut h) = window(source, 1.0) else { return };
    h.state_mut().viewport.one_to_one();
    settle(&mut h);
    let at = h.state().viewport.screen_from_image([208.0 * 240.0 + 100.0, 166.0 * 240.0 + 60.0]);
    h.hover_at(at);
    h.run_steps(3);
    let last = h.state().last.clone().unwrap();
    assert_eq!((last.failed, last.failure_under_pointer.is_some()), (1, true));
    let picture = h.render().unwrap();
    save("failed-tile", &picture);
    assert_eq!(picture.get_pixel(at.x as u32, at.y as u32).0[2], 150, "the coarser level shows there");
}

#[test]
fn a_rebuilt_device_shows_the_same_and_a_window_without_one_still_works() {
    let Some(mut h) = window(slide(), 1.0) else { return };
    let before = h.render().unwrap();
    h.state_mut().viewport.rebuild_graphics();
    settle(&mut h);
    assert_eq!(h.render().unwrap(), before);

    let mut blind = start(Harness::builder().with_size(vec2(800.0, 600.0)), Arc::new(stack(9)), None);
    assert!(!blind.state().viewport.is_software());
    wheel(&mut blind, pos2(400.0, 300.0), -2.0, Modifiers::NONE);
    assert_eq!(blind.state().viewport.frame(), 6);
    settle(&mut blind);
    assert!(
        matches!(blind.state().viewport.sample_under(pos2(400.0, 300.0)), Some(Sample::Grey { stored, .. }) if stored == 1060.0)
    );
}

/// Real files through the window's whole path, against the CPU pipeline: every pixel of the view at 1:1.
#[test]
fn real_files_show_as_the_cpu_pipeline_shows_them() {
    let Some(samples) = crate::support::samples() else { return };
    let ct: Vec<std::path::PathBuf> = {
        let folder = std::fs::read_dir(samples.join("radiology/ct-head-ge")).unwrap();
        folder.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|x| x == "dcm")).collect()
    };
    let sinus = std::fs::read_dir(samples.join("endoscopy/frame-sequence-sinus")).unwrap();
    let still = sinus.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|x| x == "jpg")).min().unwrap();
    let files = [
        ("slide", imaging::open(&samples.join("pathology/wsi-svs/CMU-1-Small-Region.svs")).unwrap()),
        ("ct", imaging::open_series(&ct).unwrap()),
        ("endoscopy", imaging::open(&still).unwrap()),
    ];
    for (name, source) in files {
        let Some(mut h) = window_of(Arc::clone(&source), 1.0) else { return };
        save(&format!("real-{name}-fit"), &h.render().unwrap());
        h.state_mut().viewport.one_to_one();
        settle(&mut h);
        let picture = h.render().unwrap();
        save(&format!("real-{name}-1to1"), &picture);
        let viewport = &h.state().viewport;
        let (rect, frame) = (h.state().last.as_ref().unwrap().rect, viewport.frame());
        let mut tiles: HashMap<TileKey, (u32, Vec<u8>)> = HashMap::new();
        let (mut worst, mut compared) = (0_u8, 0_u32);
        let level = source.meta().levels[0];
        for y in rect.min.y as u32..rect.max.y as u32 {
            for x in rect.min.x as u32..rect.max.x as u32 {
                let p = viewport.image_from_screen(pos2(x as f32 + 0.5, y as f32 + 0.5));
                let inside = p[0] >= 0.0 && p[1] >= 0.0;
                if !inside || p[0] >= f64::from(level.size_px.width) || p[1] >= f64::from(level.size_px.height) {
                    continue;
                }
                let (px, py) = (p[0] as u32, p[1] as u32);
                let key = TileKey { frame, level: 0, col: px / level.tile_px.width, row: py / level.tile_px.height };
                let (width, rgba) = tiles.entry(key).or_insert_with(|| {
                    let pixels = source.read_tile(key).unwrap();
                    let info = &source.meta().frames[frame as usize];
                    (pixels.size_px.width, to_rgba8(&pixels, info, &viewport.display()))
                });
                let at = ((py % level.tile_px.height * *width + px % level.tile_px.width) * 4) as usize;
                let shown = picture.get_pixel(x, y).0;
                worst = (0..3).map(|c| shown[c].abs_diff(rgba[at + c])).fold(worst, u8::max);
                compared += 1;
            }
        }
        println!("{name}: {compared} pixels, largest difference {worst}");
        assert!(worst <= 1 && compared > 100_000, "{name}: {worst} over {compared} pixels");
        // A fractional zoom over tile edges, for the eye and against black gaps.
        h.state_mut().viewport.zoom_at(pos2(400.0, 300.0), 2.37);
        settle(&mut h);
        save(&format!("real-{name}-237"), &h.render().unwrap());
    }
}
