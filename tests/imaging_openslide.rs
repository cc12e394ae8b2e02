//! Slides through OpenSlide, which a child worker loads at run time: the same pixels as our own reader's where both can read, a
//! clear word where the library is absent, and a file that crashes it set aside.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{desk::Desk, oracle_python, samples};

/// The library of the pinned Python package, whatever Python it is.
fn library() -> Option<PathBuf> {
    let venv = oracle_python()?.parent()?.parent()?.join("lib");
    let pythons = std::fs::read_dir(venv).ok()?.flatten().map(|entry| entry.path());
    let found =
        pythons.map(|python| python.join("site-packages/openslide_bin/libopenslide.so.1")).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no OpenSlide in .venv");
    }
    found
}

/// A render of a region as RGBA, and what `inspect` says, by OpenSlide or by our own reader.
fn both(desk: &Desk, library: &Path, file: &Path, region: &str, level: &str) -> [(Value, image::RgbaImage); 2] {
    ["openslide", "own"].map(|reader| {
        let out = desk.path(&format!("{reader}.png"));
        let run = |arguments: &[&str]| {
            let mut command = desk.command(arguments);
            command.arg(file).env("SHOKEN_OPENSLIDE", library);
            if reader == "openslide" {
                command.env("SHOKEN_READER", "openslide");
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        run(&["render", "--out", out.to_str().unwrap(), "--region", region, "--level", level]);
        let told = serde_json::from_slice(&run(&["inspect", "--json"])).unwrap();
        (told, image::open(&out).unwrap().into_rgba8())
    })
}

#[test]
fn openslide_in_a_child_shows_what_our_own_reader_shows() {
    let (Some(library), Some(samples)) = (library(), samples()) else { return };
    let desk = Desk::new();
    for (name, region, level, vendor) in [
        ("pathology/wsi-svs/CMU-1-Small-Region.svs", "700,900,600,500", "0", "Aperio SVS"),
        ("pathology/wsi-tiff/boxes.tiff", "0,0,300,250", "0", "tiled TIFF"),
        ("pathology/wsi-tiff/boxes.tiff", "0,0,75,62", "2", "tiled TIFF"),
        ("pathology/wsi-ndpi/test3-DAPI-2-(387).ndpi", "10,20,500,300", "0", "Hamamatsu"),
    ] {
        let [(told, theirs), (own, ours)] = both(&desk, &library, &samples.join(name), region, level);
        assert_eq!(told["reader"], "OpenSlide 4 (library)", "{name}");
        assert_eq!(told["format"], vendor, "{name}");
        assert_eq!((&told["width"], &told["height"]), (&own["width"], &own["height"]), "{name}");
        assert_ne!(own["reader"], told["reader"], "{name}");
        assert_eq!(theirs.dimensions(), ours.dimensions(), "{name}");
        let apart = theirs.iter().zip(ours.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let mean = apart.sum::<f64>() / theirs.len() as f64;
        assert!(mean < 1.0, "{name} level {level}: {mean}");
        println!("{name} level {level}: mean {mean:.4}");
    }
    let slide = samples.join("pathology/wsi-svs/CMU-1-Small-Region.svs");
    let [(told, _), (own, _)] = both(&desk, &library, &slide, "0,0,10,10", "0");
    assert_eq!(told["spacing_um"]["x"], own["spacing_um"]["x"]);
    assert_eq!(told["spacing_um"]["source"], "the slide's header (OpenSlide)");
    let sorted = |value: &Value| {
        let mut names: Vec<String> = value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(&told["associated"]), sorted(&own["associated"]));
}

#[test]
fn without_the_library_one_line_says_how_to_install_it() {
    let desk = Desk::new();
    let file = desk.path("slide.vms");
    std::fs::write(&file, "[Virtual Microscope Specimen]\r\nNoLayers=1\r\n").unwrap();
    let output = desk.command(&["inspect"]).arg(&file).env("SHOKEN_OPENSLIDE", "/nonexistent").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("slide.vms") && said.contains("libopenslide0"), "{said}");
}

/// A library of three lines, made here, which knows every file and crashes on it.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_crashes_the_library_is_set_aside() {
    let desk = Desk::new();
    let (source, library) = (desk.path("crash.c"), desk.path("libcrash.so"));
    let functions = [
        "close",
        "get_level_count",
        "get_level_dimensions",
        "get_level_downsample",
        "read_region",
        "get_error",
        "get_property_value",
        "get_associated_image_names",
        "get_associated_image_dimensions",
        "read_associated_image",
    ];
    let mut text = "#include <stdlib.h>\nconst char *openslide_get_version(void) { return \"9.9\"; }\n\
                    const char *openslide_detect_vendor(const char *n) { return \"hamamatsu\"; }\n\
                    void *openslide_open(const char *n) { abort(); }\n"
        .to_owned();
    for name in functions {
        text.push_str(&format!("void *openslide_{name}(void) {{ return 0; }}\n"));
    }
    std::fs::write(&source, text).unwrap();
    let made = std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output();
    assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
    let file = desk.path("slide.vms");
    std::fs::write(&file, "[Virtual Microscope Specimen]\r\nNoLayers=1\r\n").unwrap();
    let inspect = || {
        let output = desk.command(&["inspect"]).arg(&file).env("SHOKEN_OPENSLIDE", &library).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let first = inspect();
    assert!(first.contains("SIGABRT") || first.contains("signal: 6"), "{first}");
    let second = inspect();
    assert!(second.contains("set aside"), "{second}");
    let names: Vec<_> = std::fs::read_dir(desk.home().join("quarantine")).unwrap().flatten().collect();
    assert_eq!(names.len(), 1);
    // Another file is still tried.
    std::fs::write(&file, "[Virtual Microscope Specimen]\r\nNoLayers=2\r\n").unwrap();
    assert!(!inspect().contains("set aside"));
}
