//! The synthetic images: same seed, same bytes; what they claim to be; lesions where they say they are.

use shoken::demo::{CtPhantom, EndoscopyScene, PlantedKind, SlideScene, write_series};

#[test]
fn the_slide_is_a_tiled_pyramid_with_a_scale() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
    SlideScene::new(11, 1600, 1200).write(&a).unwrap();
    SlideScene::new(11, 1600, 1200).write(&b).unwrap();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap(), "the same seed must give the same bytes");

    let source = shoken::imaging::open(&a).unwrap();
    let meta = source.meta();
    let sizes: Vec<_> = meta.levels.iter().map(|l| (l.size_px.width, l.size_px.height)).collect();
    assert_eq!(sizes, [(1600, 1200), (800, 600), (400, 300)]);
    assert!(meta.levels.iter().all(|l| l.tile_px.width == 256));
    assert!((meta.spacing.unwrap().x_um - 0.5).abs() < 1e-9);
    for level in 0..3 {
        let tile = source.read_tile(shoken::domain::TileKey { frame: 0, level, col: 0, row: 0 }).unwrap();
        assert_eq!((tile.channels, tile.size_px.width), (3, 256));
    }
}

#[test]
fn another_seed_gives_another_slide() {
    let outline = |seed| SlideScene::new(seed, 1600, 1200).planted().remove(0).outline;
    assert_ne!(outline(1), outline(2));
}

#[test]
fn the_ct_series_reads_back_with_its_nodules_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let phantom = CtPhantom::new(5, 12);
    let files = write_series(&phantom, 5, dir.path()).unwrap();
    assert_eq!(files.len(), 12);
    let mut heights = Vec::new();
    let mut instances = std::collections::BTreeSet::new();
    for file in &files {
        let object = dicom_object::open_file(file).unwrap();
        let text = |name: &str| object.element_by_name(name).unwrap().to_str().unwrap().into_owned();
        assert_eq!(text("Modality"), "CT");
        assert_eq!(object.meta().transfer_syntax().trim_end_matches('\0'), "1.2.840.10008.1.2.1");
        assert!(text("SOPInstanceUID").starts_with("2.25."));
        instances.insert(text("SOPInstanceUID"));
        heights.push(object.element_by_name("ImagePositionPatient").unwrap().to_multi_float64().unwrap()[2]);
        assert_eq!(object.element_by_name("PixelData").unwrap().to_bytes().unwrap().len(), 512 * 512 * 2);
    }
    assert_eq!(instances.len(), 12);
    assert!(heights.windows(2).all(|w| (w[1] - w[0] - 2.5).abs() < 1e-9), "files are listed from feet to head");
    let mut names: Vec<_> = files.clone();
    names.sort();
    assert_ne!(names, files, "file names must not give the order away");

    let solid: Vec<_> = phantom.planted().into_iter().filter(|p| p.kind == PlantedKind::SolidNodule).collect();
    let middle = &solid[solid.len() / 4];
    let n = middle.outline.len() as f64;
    let (cx, cy) = middle.outline.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0 / n, s.1 + p.1 / n));
    let hu: Vec<i16> = phantom.slice_hu(middle.frame as usize).collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place inside a 512 px slice")]
    let at = hu[cy as usize * 512 + cx as usize];
    assert!((-40..140).contains(&at), "soft tissue at the centre of a solid nodule, found {at} HU");
}

#[test]
fn the_photograph_is_a_jpeg_of_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.jpg");
    let scene = EndoscopyScene::new(3, 320, 256, PlantedKind::Polyp);
    scene.write(&path).unwrap();
    let image = image::open(&path).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (320, 256));
    let dark = image.get_pixel(2, 2).0;
    assert!(dark.iter().all(|v| *v < 24), "the corner is outside the round field: {dark:?}");
    let inside =
        scene.planted().remove(0).outline.iter().all(|(x, y)| (0.0..320.0).contains(x) && (0.0..256.0).contains(y));
    assert!(inside);
}
