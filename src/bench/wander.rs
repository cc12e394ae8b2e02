//! `bench roam`: a recorded roam over a slide of 100,000 × 80,000 pixels through the window's own viewport, without a
//! screen: frame times, tiles shown late, places left blank, memory, and a filmstrip to look at.
//!
//! The path is made from a seed: pans, flings, zooms at a point, jumps, and rests, as a reader would; it is written beside
//! the pictures. It runs in real time: a frame that takes long finds the path further on. A tile is late when it was on
//! the screen for more than 100 ms before it was drawn sharp; a pixel is blank when the canvas shows where the image lies.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::{Line, percentile};
use super::wander_slide;
use crate::domain::TileKey;
use crate::gui::viewport::{Camera, GpuLink, HeadlessWindow, Viewport};
use crate::render::{Image, is_software};
use crate::tasks::Pool;

const SIZE_PX: [u32; 2] = [1366, 768];
const SEED: u64 = 20_261_121;
const FRAME: Duration = Duration::from_nanos(16_666_667);
const LATE: Duration = Duration::from_millis(100);
/// Every so many frames the picture is looked at for blank places.
const LOOK_EVERY: usize = 12;
const PICTURES: u32 = 24;
/// No colour of the slide comes near it.
const CANVAS: [u8; 3] = [255, 0, 255];

/// A look that the path passes through; in between it is eased.
#[derive(Clone, Copy)]
struct Stop {
    at_s: f64,
    camera: Camera,
    /// The way to it is no way: the view is there at once.
    jump: bool,
}

/// Runs it for so many seconds; writes `roam-slide.tif`, `roam-path.csv`, `roam-frames.csv` and `roam-strip.png` into `dir`.
///
/// # Errors
/// A disk that cannot be written, no graphics adapter.
pub fn run(dir: &Path, seconds: u32) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let slide = dir.join("roam-slide.tif");
    if !slide.exists() {
        let begun = Instant::now();
        wander_slide::write(&slide)?;
        eprintln!("made {} in {:.1} s", slide.display(), begun.elapsed().as_secs_f64());
    }
    let path = path(f64::from(seconds));
    write_path(&path, &dir.join("roam-path.csv"))?;
    let before_mb = resident_mb();
    let begun = Instant::now();
    let source = crate::imaging::open(&slide)?;
    let open_ms = begun.elapsed().as_secs_f64() * 1e3;

    let mut window = HeadlessWindow::open(SIZE_PX, 1.0)?;
    let link = GpuLink::new(window.state());
    let software = is_software(&window.state().adapter.get_info());
    let adapter = link.adapter().replace(' ', "_");
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let pool = Arc::new(Pool::new("decode", threads.clamp(1, 8), 256)?);
    let mut viewport = Viewport::new(window.ctx(), pool, Some(link));
    viewport.set_image(Some(source));
    let mut tally = Tally::default();
    // The first frame compiles pipelines; a reader waits for it once, when the slide opens.
    let opened = Instant::now();
    draw(&mut window, &mut viewport);
    let first_ms = opened.elapsed().as_secs_f64() * 1e3;
    // Until the whole slide is seen sharp, which is when a reader begins.
    while viewport.visible_tiles().iter().any(|(_, drawn)| !drawn) && opened.elapsed() < Duration::from_secs(20) {
        draw(&mut window, &mut viewport);
    }
    let complete_ms = opened.elapsed().as_secs_f64() * 1e3;
    let opened_mb = resident_mb();
    let mut log = String::from("at_s,frame_ms,uploaded_mb,decoded,zoom\n");
    let mut pictures = Vec::new();
    let start = Instant::now();
    loop {
        let now = start.elapsed();
        if now.as_secs_f64() >= f64::from(seconds) {
            break;
        }
        viewport.set_camera(camera_at(&path, now.as_secs_f64()));
        let frame = Instant::now();
        draw(&mut window, &mut viewport);
        let frame_ms = frame.elapsed().as_secs_f64() * 1e3;
        tally.frames_ms.push(frame_ms);
        let (sent_mb, zoom) = (viewport.last_prepared().uploaded_bytes as f64 / 1e6, viewport.camera().zoom);
        let decoded = viewport.loader_stats().decoded;
        let _ = writeln!(log, "{:.3},{frame_ms:.2},{sent_mb:.2},{decoded},{zoom:.5}", now.as_secs_f64());
        tally.note(&viewport, start.elapsed());
        if tally.frames_ms.len() % LOOK_EVERY == 1 {
            let image = window.picture()?;
            tally.look(&viewport, &image);
            if now.as_secs_f64() * f64::from(PICTURES) >= f64::from(seconds) * pictures.len() as f64 {
                pictures.push(small(&image));
            }
        }
        if let Some(rest) = FRAME.checked_sub(frame.elapsed()) {
            std::thread::sleep(rest);
        }
    }
    let ended_mb = resident_mb();
    std::fs::write(dir.join("roam-frames.csv"), log)?;
    strip(&pictures, &dir.join("roam-strip.png"))?;
    let stats = viewport.loader_stats();
    let used = stats.decoded.saturating_sub(tally.shown.len() as u64);
    let per_s = tally.frames_ms.len() as f64 / f64::from(seconds);
    Line::new("roam")
        .text("adapter", &adapter)
        .text("software", &software)
        .text("slide", &format!("{}x{}", wander_slide::WIDTH, wander_slide::HEIGHT))
        .text("view", &format!("{}x{}", SIZE_PX[0], SIZE_PX[1]))
        .text("seed", &SEED)
        .text("seconds", &seconds)
        .number("open_ms", open_ms)
        .number("first_frame_ms", first_ms)
        .number("complete_ms", complete_ms)
        .number("frames", tally.frames_ms.len() as f64)
        .number("fps", per_s)
        .number("frame_p50_ms", percentile(&tally.frames_ms, 50.0))
        .number("frame_p99_ms", percentile(&tally.frames_ms, 99.0))
        .number("frame_max_ms", percentile(&tally.frames_ms, 100.0))
        .number("tiles_shown", tally.shown.len() as f64)
        .number("late_tiles", tally.late.len() as f64)
        .number("sharp_p50_ms", percentile(&tally.waits_ms, 50.0))
        .number("sharp_p99_ms", percentile(&tally.waits_ms, 99.0))
        .number("looked_at_frames", tally.looked as f64)
        .number("blank_px", tally.blank as f64)
        .number("decoded", stats.decoded as f64)
        .number("decoded_unused_pct", used as f64 * 100.0 / (stats.decoded.max(1)) as f64)
        .number("rss_opened_mb", opened_mb - before_mb)
        .number("rss_growth_mb", ended_mb - opened_mb)
        .print();
    Ok(())
}

fn draw(window: &mut HeadlessWindow, viewport: &mut Viewport) {
    window.frame_of(viewport, CANVAS);
    window.wait();
}

/// What was counted on the way.
#[derive(Default)]
struct Tally {
    frames_ms: Vec<f64>,
    /// Since when tiles are on the screen and not yet drawn.
    waiting: HashMap<TileKey, Duration>,
    waits_ms: Vec<f64>,
    shown: HashSet<TileKey>,
    late: HashSet<TileKey>,
    looked: usize,
    blank: usize,
}

impl Tally {
    fn note(&mut self, viewport: &Viewport, now: Duration) {
        let visible = viewport.visible_tiles();
        let here: HashSet<TileKey> = visible.iter().map(|(key, _)| *key).collect();
        // What left the view unseen was late only if it had been there for long.
        let gone: Vec<TileKey> = self.waiting.keys().filter(|key| !here.contains(key)).copied().collect();
        for key in gone {
            self.waiting.remove(&key);
        }
        for (key, drawn) in visible {
            if drawn {
                self.shown.insert(key);
                if let Some(since) = self.waiting.remove(&key) {
                    self.waits_ms.push(now.saturating_sub(since).as_secs_f64() * 1e3);
                }
            } else {
                let since = *self.waiting.entry(key).or_insert(now);
                if now.saturating_sub(since) > LATE {
                    self.late.insert(key);
                }
            }
        }
    }

    /// Counts canvas where the image lies, a pixel away from its edge.
    fn look(&mut self, viewport: &Viewport, image: &Image) {
        self.looked += 1;
        let [w, h] = [wander_slide::WIDTH as f64, wander_slide::HEIGHT as f64];
        for (i, pixel) in image.rgba.as_chunks::<4>().0.iter().enumerate() {
            let [r, g, b, _] = *pixel;
            if [r, g, b] == CANVAS {
                let (x, y) = (i % SIZE_PX[0] as usize, i / SIZE_PX[0] as usize);
                let p = viewport.image_from_screen([x as f32 + 0.5, y as f32 + 0.5].into());
                let near = 1.0 / viewport.screen_px_per_image_px();
                let inside = p[0] > near && p[1] > near && p[0] < w - near && p[1] < h - near;
                self.blank += usize::from(inside);
            }
        }
    }
}

/// SplitMix64, so that every run takes the same way.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }
}

/// Two pans to every zoom, now and then a fling, a jump by the map, a turn; rests in between.
fn path(seconds: f64) -> Vec<Stop> {
    let mut random = Random(SEED);
    let size = [wander_slide::WIDTH as f64, wander_slide::HEIGHT as f64];
    let fit = f64::from(SIZE_PX[1]) * 0.97 / size[1];
    let mut camera = Camera { centre_px: size.map(|s| s / 2.0), zoom: fit, ..Camera::default() };
    let mut at_s = 0.5;
    let mut stops = vec![Stop { at_s: 0.0, camera, jump: true }, Stop { at_s, camera, jump: false }];
    while at_s < seconds {
        let what = random.unit();
        let mut jump = false;
        if what < 0.5 {
            // A pan by up to one view, a fling by up to three.
            let views = if what < 0.12 { random.between(1.5, 3.0) } else { random.between(0.2, 1.0) };
            let angle = random.between(0.0, std::f64::consts::TAU);
            let length = views * f64::from(SIZE_PX[0]) / camera.zoom;
            camera.centre_px[0] += angle.cos() * length;
            camera.centre_px[1] += angle.sin() * length;
            at_s += random.between(0.5, 1.4);
        } else if what < 0.85 {
            let doublings = random.between(1.0, 2.5);
            let closer = camera.zoom < 0.08 || (camera.zoom < 0.9 && random.unit() < 0.6);
            camera.zoom *= if closer { doublings.exp2() } else { (-doublings).exp2() };
            camera.centre_px[0] += random.between(-0.3, 0.3) * f64::from(SIZE_PX[0]) / camera.zoom;
            camera.centre_px[1] += random.between(-0.3, 0.3) * f64::from(SIZE_PX[1]) / camera.zoom;
            at_s += random.between(0.4, 1.0);
        } else if what < 0.95 {
            camera.centre_px = [random.between(0.05, 0.95) * size[0], random.between(0.05, 0.95) * size[1]];
            jump = true;
            at_s += 0.01;
        } else {
            camera.turn_by([90.0, -90.0, 15.0][if random.unit() < 0.4 { 2 } else { usize::from(random.unit() < 0.5) }]);
            jump = true;
            at_s += 0.01;
        }
        camera.zoom = camera.zoom.clamp(fit, 2.0);
        camera.keep_inside(size);
        stops.push(Stop { at_s, camera, jump });
        at_s += if random.unit() < 0.4 { random.between(0.2, 0.9) } else { 0.02 };
        stops.push(Stop { at_s, camera, jump: false });
    }
    stops
}

fn camera_at(path: &[Stop], at_s: f64) -> Camera {
    let next = path.iter().position(|s| s.at_s > at_s).unwrap_or(path.len() - 1);
    let (Some(to), Some(from)) = (path.get(next), path.get(next.saturating_sub(1))) else { return Camera::default() };
    if to.jump {
        return from.camera;
    }
    let t = ((at_s - from.at_s) / (to.at_s - from.at_s).max(1e-9)).clamp(0.0, 1.0);
    Camera::between(&from.camera, &to.camera, t * t * (3.0 - 2.0 * t))
}

fn write_path(path: &[Stop], to: &Path) -> std::io::Result<()> {
    let mut text = String::from("at_s,x_px,y_px,zoom,turn_deg,jump\n");
    for Stop { at_s, camera, jump } in path {
        let [x, y] = camera.centre_px;
        let _ = writeln!(text, "{at_s:.3},{x:.2},{y:.2},{:.6},{},{jump}", camera.zoom, camera.turn_deg);
    }
    std::fs::write(to, text)
}

/// A quarter of each side, for the strip.
fn small(image: &Image) -> Vec<u8> {
    let [w, h] = SIZE_PX.map(|n| n / 4);
    let from = crate::domain::SizePx::new(image.size_px[0], image.size_px[1]);
    crate::imaging::display::resize_rgba8(&image.rgba, from, crate::domain::SizePx::new(w, h))
}

/// All pictures on one sheet, four in a row.
fn strip(pictures: &[Vec<u8>], to: &Path) -> anyhow::Result<()> {
    let [w, h] = SIZE_PX.map(|n| n / 4);
    let rows = u32::try_from(pictures.len())?.div_ceil(4).max(1);
    let mut sheet = image::RgbaImage::new(w * 4, h * rows);
    for (i, picture) in (0_u32..).zip(pictures) {
        if let Some(one) = image::RgbaImage::from_raw(w, h, picture.clone()) {
            image::imageops::replace(&mut sheet, &one, i64::from(i % 4 * w), i64::from(i / 4 * h));
        }
    }
    sheet.save(to)?;
    Ok(())
}

/// Memory of this process in use, in MB; zero where the system does not say.
fn resident_mb() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|s| s.split(' ').nth(1).and_then(|v| v.parse::<f64>().ok()));
    pages.unwrap_or_default() * 4096.0 / 1e6
}
