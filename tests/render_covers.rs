//! What lies over the pixels, in the window: overlay graphics and shutters against `shoken render`, turned, mirrored,
//! magnified, hidden, and on their own frame; and palettes of grey values.
#![cfg(feature = "gui")]

use std::sync::Arc;

use egui::pos2;
use shoken::{
    domain::{Field, Level, SizePx, TileKey},
    gui::{Palette, viewport::CoversShown},
    imaging::{self, Cover, ImageMeta, ImageSource, ImagingError, PixelBuffer, Samples},
    project::pixels::{RenderRequest, render},
};

use crate::{
    render_viewport::{Hand, meta, save, settle, window_of},
    support::{
        dicom::{Element, text, us, write},
        samples,
    },
};

/// Overlay graphics in the window; `shoken render` draws them white.
const GRAPHIC: [u8; 3] = [0x7C, 0xFC, 0x8A];

/// Every pixel of the image that is on the screen, against `shoken render`: covered pixels, and all pixels compared.
fn agrees_with_render(h: &mut Hand<'_>, source: &Arc<dyn ImageSource>, name: &str) -> (u32, u32) {
    settle(h);
    let picture = h.render().unwrap();
    save(name, &picture);
    let viewport = &h.state().viewport;
    let frame = viewport.frame();
    let expected = render(&**source, &RenderRequest { frame, ..RenderRequest::default() }).unwrap();
    let cover = source.cover(frame).unwrap().unwrap();
    let (mut covered, mut compared) = (0, 0);
    for y in 0..picture.height() {
        for x in 0..picture.width() {
            let p = viewport.image_from_screen(pos2(x as f32 + 0.5, y as f32 + 0.5)).map(f64::floor);
            let inside = p[0] >= 0.0 && p[1] >= 0.0;
            if !inside || p[0] >= f64::from(expected.size_px.width) || p[1] >= f64::from(expected.size_px.height) {
                continue;
            }
            let at = p[1] as usize * expected.size_px.width as usize + p[0] as usize;
            let shown = picture.get_pixel(x, y).0;
            let mut want: [u8; 3] = expected.rgba[at * 4..at * 4 + 3].try_into().unwrap();
            if cover.marks[at] == Cover::GRAPHIC {
                assert_eq!(want, [255; 3], "render draws graphics white");
                want = GRAPHIC;
            }
            covered += u32::from(cover.marks[at] != Cover::NOTHING);
            compared += 1;
            let apart = (0..3).map(|c| shown[c].abs_diff(want[c])).max().unwrap();
            assert!(apart <= 1, "{name}: {shown:?} instead of {want:?} at {p:?}");
        }
    }
    println!("{name}: {covered} of {compared} pixels covered");
    (covered, compared)
}

/// One stored pixel is one of the screen, turned or mirrored by whole quarters.
fn at_one_to_one(h: &mut Hand<'_>, degrees: f64, mirrored: bool) {
    let viewport = &mut h.state_mut().viewport;
    viewport.upright();
    viewport.turn(degrees);
    if mirrored {
        viewport.mirror(false);
    }
    viewport.one_to_one();
}

#[test]
fn overlays_of_a_real_file_lie_where_render_draws_them() {
    let Some(samples) = samples() else { return };
    for (name, file) in
        [("mr", "radiology/transfer-syntax/pydicom/examples_overlay.dcm"), ("rgb", "deid/burned-in/RGB_ORIGINAL.dcm")]
    {
        let source = imaging::open(&samples.join(file)).unwrap();
        let Some(mut h) = window_of(Arc::clone(&source), 1.0) else { return };
        assert_eq!(h.state().viewport.covers(), Some(CoversShown { graphics: true, shutter: false }), "{name}");
        for (degrees, mirrored) in [(0.0, false), (90.0, false), (180.0, true)] {
            at_one_to_one(&mut h, degrees, mirrored);
            let (covered, compared) =
                agrees_with_render(&mut h, &source, &format!("overlay-{name}-{degrees}-{mirrored}"));
            assert!(covered > 100 && compared > 100_000, "{name}: {covered} of {compared}");
        }
        // Inverting the greys leaves the graphics as they are; hidden ones are gone.
        at_one_to_one(&mut h, 0.0, false);
        let cover = source.cover(0).unwrap().unwrap();
        let width = cover.size_px.width as usize;
        let on_screen = |h: &Hand<'_>, at: usize| {
            let p = h.state().viewport.screen_from_image([(at % width) as f64 + 0.5, (at / width) as f64 + 0.5]);
            (p.x > 0.0 && p.y > 0.0 && p.x < 800.0 && p.y < 600.0).then_some((p.x as u32, p.y as u32))
        };
        let marked = (0..cover.marks.len()).filter(|i| cover.marks[*i] == Cover::GRAPHIC);
        let places: Vec<(u32, u32)> = marked.filter_map(|at| on_screen(&h, at)).collect();
        let near = places[places.len() / 2];
        let coloured = |h: &mut Hand<'_>| {
            settle(h);
            let picture = h.render().unwrap();
            places.iter().filter(|(x, y)| picture.get_pixel(*x, *y).0[..3] == GRAPHIC).count()
        };
        assert_eq!(coloured(&mut h), places.len());
        h.state_mut().viewport.set_invert(true);
        assert_eq!(coloured(&mut h), places.len(), "{name}: inverted");
        h.state_mut().viewport.show_covers(CoversShown { graphics: false, ..CoversShown::ALL });
        assert_eq!(coloured(&mut h), 0, "{name}: hidden");
        // At a crooked zoom a line is still a line of its colour.
        h.state_mut().viewport.show_covers(CoversShown::ALL);
        h.state_mut().viewport.set_invert(false);
        h.state_mut().viewport.zoom_at(pos2(near.0 as f32, near.1 as f32), 3.37);
        settle(&mut h);
        let picture = h.render().unwrap();
        save(&format!("overlay-{name}-337"), &picture);
        // Greener than anything the file's own pixels are: the MR is grey, the burned-in picture is not green.
        let green =
            picture.pixels().filter(|p| p.0[1] > p.0[0].saturating_add(50) && p.0[1] > p.0[2].saturating_add(50));
        let green = green.count();
        assert!(green > 50, "{name}: {green} green pixels");
    }
}

/// A file of 96 × 80 pixels with a shutter of a grey of its own.
fn shuttered(extra: Vec<Element>) -> Vec<u8> {
    let values: Vec<u8> = (0..96 * 80_u16).flat_map(|i| (i % 4096).to_le_bytes()).collect();
    let mut elements = vec![
        text(0x0008_0016, *b"UI", "1.2.840.10008.5.1.4.1.1.7"),
        text(0x0008_0018, *b"UI", "1.2.3"),
        text(0x0008_0060, *b"CS", "XA"),
        us(0x0028_0002, &[1]),
        text(0x0028_0004, *b"CS", "MONOCHROME1"),
        us(0x0028_0010, &[80]),
        us(0x0028_0011, &[96]),
        us(0x0028_0100, &[16]),
        us(0x0028_0101, &[12]),
        us(0x0028_0102, &[11]),
        us(0x0028_0103, &[0]),
        text(0x0028_1050, *b"DS", "2048"),
        text(0x0028_1051, *b"DS", "4096"),
        (0x7FE0_0010, *b"OW", values),
    ];
    elements.extend(extra);
    write(elements)
}

#[test]
fn a_shutter_blanks_to_its_own_grey_and_can_be_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shutter.dcm");
    let circle = vec![
        text(0x0018_1600, *b"CS", "CIRCULAR"),
        text(0x0018_1610, *b"IS", "40\\48"),
        text(0x0018_1612, *b"IS", "30"),
        us(0x0018_1622, &[0x5555]),
    ];
    std::fs::write(&path, shuttered(circle)).unwrap();
    let source = imaging::open(&path).unwrap();
    let Some(mut h) = window_of(Arc::clone(&source), 1.0) else { return };
    assert_eq!(h.state().viewport.covers(), Some(CoversShown { graphics: false, shutter: true }));
    at_one_to_one(&mut h, 90.0, true);
    let (covered, compared) = agrees_with_render(&mut h, &source, "shutter");
    assert_eq!(compared, 96 * 80);
    // PS3.3 C.7.6.11: what is outside the circle, its line not included.
    let outside = (1..=80).flat_map(|row| (1..=96).map(move |col| (row, col)));
    let outside = outside.filter(|(row, col)| (f64::from(*row) - 40.0).hypot(f64::from(*col) - 48.0) > 30.0).count();
    assert_eq!(covered as usize, outside);
    let corner = |h: &mut Hand<'_>| {
        let at = h.state().viewport.screen_from_image([0.5, 0.5]);
        h.render().unwrap().get_pixel(at.x as u32, at.y as u32).0[0]
    };
    assert_eq!(corner(&mut h), 0x55, "a third of white, whatever the polarity");
    h.state_mut().viewport.show_covers(CoversShown { shutter: false, ..CoversShown::ALL });
    settle(&mut h);
    assert_eq!(corner(&mut h), 255, "MONOCHROME1: the lowest value is white");
}

/// A stack whose every frame has a line of its own over it: frame `n` along row `n`.
struct Lined(ImageMeta);

impl ImageSource for Lined {
    fn meta(&self) -> &ImageMeta {
        &self.0
    }

    fn read_tile(&self, _: TileKey) -> Result<PixelBuffer, ImagingError> {
        let samples = Samples::U16((0..64 * 48).map(|i| 1000 + i % 64).collect());
        Ok(PixelBuffer { size_px: SizePx::new(64, 48), channels: 1, samples })
    }

    fn read_associated(&self, _: &str) -> Result<PixelBuffer, ImagingError> {
        Err(ImagingError::OutOfRange { what: "associated image", index: 0, count: 0 })
    }

    fn has_covers(&self) -> bool {
        true
    }

    fn cover(&self, frame: u32) -> Result<Option<Cover>, ImagingError> {
        let marks = (0..64 * 48).map(|i| u8::from(i / 64 == frame)).collect();
        Ok(Some(Cover { size_px: SizePx::new(64, 48), marks, shut_level: 0 }))
    }
}

fn lined() -> Arc<dyn ImageSource> {
    let level = Level { size_px: SizePx::new(64, 48), tile_px: SizePx::new(64, 48), downsample: 1.0 };
    Arc::new(Lined(meta(Field::Radiology, vec![level], 12, 1)))
}

#[test]
fn an_overlay_belongs_to_its_frame() {
    let source = lined();
    let Some(mut h) = window_of(Arc::clone(&source), 1.0) else { return };
    for frame in [0, 7, 11, 3] {
        h.state_mut().viewport.set_frame(frame);
        at_one_to_one(&mut h, 0.0, false);
        assert_eq!(agrees_with_render(&mut h, &source, &format!("line-{frame}")), (64, 64 * 48));
    }
}

#[test]
fn a_palette_colours_the_levels_that_the_cpu_pipeline_gives() {
    let source = lined();
    let Some(mut h) = window_of(Arc::clone(&source), 1.0) else { return };
    at_one_to_one(&mut h, 0.0, false);
    h.state_mut().viewport.show_covers(CoversShown::default());
    for (palette, invert) in [(Palette::HotIron, false), (Palette::Pet20Step, true), (Palette::Grey, true)] {
        h.state_mut().viewport.set_palette(palette);
        h.state_mut().viewport.set_invert(invert);
        settle(&mut h);
        let picture = h.render().unwrap();
        save(&format!("palette-{palette:?}"), &picture);
        let key = TileKey { frame: 6, level: 0, col: 0, row: 0 };
        let display = h.state().viewport.display();
        let levels = imaging::display::to_rgba8(&source.read_tile(key).unwrap(), &source.meta().frames[6], &display);
        let mut seen = std::collections::BTreeSet::new();
        for x in 0..64_usize {
            let level = levels[(20 * 64 + x) * 4];
            let want = palette.colours().map_or([level; 3], |colours| colours[usize::from(level)]);
            let at = h.state().viewport.screen_from_image([x as f64 + 0.5, 20.5]);
            assert_eq!(picture.get_pixel(at.x as u32, at.y as u32).0[..3], want, "{palette:?} at {x}");
            seen.insert(want);
        }
        assert!(seen.len() > 2, "{palette:?}: {} colours", seen.len());
    }
}
