//! Moving about on a slide: never a blank place, nothing stale decoded, turned and mirrored views that draw, read and pick
//! the same place, and magnified pixels.
#![cfg(feature = "gui")]

use std::sync::{Arc, Condvar, Mutex};

use egui::pos2;
use shoken::{
    domain::TileKey,
    gui::viewport::{Camera, Sample},
    imaging::{ImageMeta, ImageSource, ImagingError, PixelBuffer},
    render::{Outline, Pattern, ShapeGeometry, ShapeInstance, ShapeSet},
};

use crate::render_viewport::{Synthetic, close, save, settle, slide, window_of};

/// A slide whose finer levels wait at a gate, and which remembers what was asked of it.
struct Gated {
    slide: Synthetic,
    gate: Mutex<(bool, Vec<TileKey>)>,
    opened: Condvar,
}

impl Gated {
    fn new() -> Arc<Self> {
        Arc::new(Self { slide: slide(), gate: Mutex::new((true, Vec::new())), opened: Condvar::new() })
    }

    fn set_open(&self, open: bool) {
        self.gate.lock().unwrap().0 = open;
        self.opened.notify_all();
    }

    fn take_asked(&self) -> Vec<TileKey> {
        std::mem::take(&mut self.gate.lock().unwrap().1)
    }
}

impl ImageSource for Gated {
    fn meta(&self) -> &ImageMeta {
        &self.slide.meta
    }

    fn read_tile(&self, key: TileKey) -> Result<PixelBuffer, ImagingError> {
        let mut gate = self.gate.lock().unwrap();
        gate.1.push(key);
        while !gate.0 && key.level < 3 {
            gate = self.opened.wait(gate).unwrap();
        }
        drop(gate);
        self.slide.read_tile(key)
    }

    fn read_associated(&self, name: &str) -> Result<PixelBuffer, ImagingError> {
        self.slide.read_associated(name)
    }
}

/// The gate opens at the end, or a failed test would leave decode threads waiting.
struct OpenAtLast(Arc<Gated>);

impl Drop for OpenAtLast {
    fn drop(&mut self) {
        self.0.set_open(true);
    }
}

fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn nothing_flashes_black_wherever_the_view_jumps() {
    let source = Gated::new();
    let Some(mut h) = window_of(Arc::clone(&source) as Arc<dyn ImageSource>, 1.0) else { return };
    // Dropped before the window, whose threads it lets go.
    let _last = OpenAtLast(Arc::clone(&source));
    // From here on no sharp tile comes.
    source.set_open(false);
    let mut seed = 20_261_121;
    let mut looked = 0_u64;
    for number in 0..30 {
        let turn_deg = if number % 3 == 0 { (random(&mut seed) * 360.0).round() } else { 0.0 };
        let camera = Camera {
            centre_px: [random(&mut seed) * 100_000.0, random(&mut seed) * 80_000.0],
            zoom: 0.01 * 200_f64.powf(random(&mut seed)),
            turn_deg,
            ..h.state().viewport.camera()
        };
        h.state_mut().viewport.set_camera(camera);
        // The very first frame counts.
        h.step();
        let picture = h.render().unwrap();
        if number == 3 {
            save("roam-stand-in", &picture);
        }
        let near = 2.0 / camera.zoom;
        let rect = h.state().last.as_ref().unwrap().rect;
        for (x, y, pixel) in picture.enumerate_pixels() {
            let at = pos2(x as f32 + 0.5, y as f32 + 0.5);
            let p = h.state().viewport.image_from_screen(at);
            let inside =
                rect.contains(at) && p[0] > near && p[1] > near && p[0] < 100_000.0 - near && p[1] < 80_000.0 - near;
            assert!(!inside || pixel.0[2] == 150, "jump {number} to {camera:?} shows {:?} at {x}, {y}", pixel.0);
            looked += u64::from(inside);
        }
    }
    println!("30 jumps without a single sharp tile: {looked} pixels of the image, none blank");
    assert!(looked > 5_000_000);
}

#[test]
fn what_left_the_view_before_its_turn_is_never_decoded() {
    let source = Gated::new();
    let Some(mut h) = window_of(Arc::clone(&source) as Arc<dyn ImageSource>, 1.0) else { return };
    // Dropped before the window, whose threads it lets go.
    let _last = OpenAtLast(Arc::clone(&source));
    source.set_open(false);
    source.take_asked();
    let at = |x: f64| Camera { centre_px: [x, 40_000.0], zoom: 1.0, ..Camera::default() };
    for step in 0..40 {
        h.state_mut().viewport.set_camera(at(2_000.0 + f64::from(step) * 2_000.0));
        h.step();
    }
    let begun = source.take_asked();
    assert!(begun.len() <= 2, "two threads wait with a tile each: {begun:?}");
    source.set_open(true);
    settle(&mut h);
    let decoded = source.take_asked();
    let stale: Vec<_> = decoded.iter().filter(|k| k.level == 0 && f64::from(k.col) * 240.0 < 77_000.0).collect();
    assert!(stale.is_empty() && decoded.len() > 12, "{} decoded, of them stale {stale:?}", decoded.len());
}

#[test]
fn a_turned_view_draws_reads_and_points_at_one_place() {
    let Some(mut h) = window_of(Arc::new(slide()), 1.0) else { return };
    let corner = [50_200.0, 40_050.0];
    let ring = vec![corner, [50_400.0, 40_050.0], [50_400.0, 40_200.0], [50_200.0, 40_200.0]];
    let geometry = Arc::new(ShapeGeometry::new(vec![Outline::Polygon(vec![ring])]).unwrap());
    let shape =
        ShapeInstance { geometry, colour: [230, 159, 0], pattern: Pattern::Solid, selected: false, filled: false };
    h.state_mut().shapes = Arc::new(ShapeSet { revision: 1, shapes: vec![shape] });
    for (turn, mirrored) in [(33.0, false), (90.0, true), (251.0, true)] {
        let viewport = &mut h.state_mut().viewport;
        viewport.upright();
        viewport.set_camera(Camera { centre_px: [50_300.0, 40_125.0], zoom: 1.5, ..viewport.camera() });
        if mirrored {
            viewport.mirror(false);
        }
        viewport.turn(turn);
        settle(&mut h);
        let picture = h.render().unwrap();
        save(&format!("turned-{turn}-{mirrored}"), &picture);
        // The outline lies where the transform says, all along its upper side and not beside it.
        for i in 1..10 {
            let x = 50_200.0 + f64::from(i) * 20.0;
            let on = h.state().viewport.screen_from_image([x, 40_050.0]);
            let colour = picture.get_pixel(on.x as u32, on.y as u32).0;
            let near = [230, 159, 0].iter().zip(colour).all(|(a, b): (&u8, u8)| a.abs_diff(b) < 60);
            assert!(near, "{turn} {mirrored}: {colour:?} at {on:?}");
            let beside = h.state().viewport.screen_from_image([x, 40_062.0]);
            assert_eq!(picture.get_pixel(beside.x as u32, beside.y as u32).0[2], 150);
        }
        // The pointer over a corner is at that corner, and reads the pixel that is drawn there.
        let at = h.state().viewport.screen_from_image([50_250.5, 40_100.5]);
        h.hover_at(at);
        h.step();
        let pointed = h.state().last.as_ref().unwrap().pointer_image_px.unwrap();
        assert!(close(pointed, [50_250.5, 40_100.5], 1e-2), "{pointed:?}");
        let Some(Sample::Rgb(read)) = h.state().viewport.sample_under(at) else { panic!("nothing read") };
        let drawn = picture.get_pixel(at.x as u32, at.y as u32).0;
        assert!(read.iter().zip(drawn).all(|(a, b)| a.abs_diff(b) <= 2), "{turn}: read {read:?}, drawn {drawn:?}");
    }
}

#[test]
fn magnified_pixels_are_smooth_and_squares_while_the_key_is_held() {
    let Some(samples) = crate::support::samples() else { return };
    let path = samples.join("pathology/wsi-svs/CMU-1-Small-Region.svs");
    let Some(mut h) = window_of(shoken::imaging::open(&path).unwrap(), 1.0) else { return };
    let centre_px = [1000.0, 1400.0];
    h.state_mut().viewport.set_camera(Camera { centre_px, zoom: 12.0, ..Camera::default() });
    settle(&mut h);
    let smooth = h.render().unwrap();
    save("magnified-smooth", &smooth);
    h.state_mut().viewport.show_raw_pixels(true);
    h.run_steps(2);
    let raw = h.render().unwrap();
    save("magnified-raw", &raw);
    // The image's pixel edges fall on multiples of twelve from the middle.
    let (mut within, mut sharp, mut all) = (0, 0, 0);
    for y in (18..580).step_by(12) {
        for x in (16..770).step_by(12) {
            all += 1;
            let square = |p: &image::RgbaImage| (0..12).all(|dx| p.get_pixel(x + dx, y) == p.get_pixel(x, y));
            within += u32::from(square(&raw));
            sharp += u32::from(square(&smooth));
        }
    }
    assert!(within == all && sharp < all / 10, "{within} raw squares, {sharp} smooth ones");
    // Catmull-Rom goes through the pixels: in the middle of each, smooth is raw.
    for (x, y) in [(406, 306), (46, 66), (694, 510)] {
        let (a, b) = (smooth.get_pixel(x, y).0, raw.get_pixel(x, y).0);
        assert!(a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 12), "{a:?} {b:?}");
    }
}
