//! `shoken demo` from end to end, on small images: what it leaves, and that it can be made again but never over
//! somebody's files.

use std::path::Path;

use clap::Parser;
use shoken::demo;
use shoken::exchange::verify_release;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: demo::Args,
}

fn args(out: &Path) -> demo::Args {
    Line::parse_from(["demo", "--headless", "--quick", "--out", out.to_str().unwrap()]).args
}

#[test]
fn the_demonstration_runs_from_import_to_a_release_that_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let (out, home) = (dir.path().join("demo"), dir.path().join("home"));
    let made = demo::run(&args(&out), &home).unwrap();
    // Agreed: adenoma, large nodule, two polyps. Decided: carcinoma (B), follicle (A), mucus (neither), ground glass
    // (redrawn), small nodule (B), erosion (A).
    assert_eq!((made.cases, made.findings, made.discrepancies, made.labels), (6, 17, 6, 9));
    assert!(out.join("demo.shoken/project.sqlite").is_file());
    assert!(out.join("release-1.0.0/manifest.json").is_file());
    for name in ["slide", "ct", "endoscopy-1", "endoscopy-4"] {
        assert!(image::open(out.join(format!("screenshots/{name}.png"))).unwrap().width() > 200, "{name}");
    }
    let report = verify_release(&out.join("release-1.0.0"));
    assert!(report.is_sound(), "{:#?}", report.problems);
    assert_eq!(report.labels, 9);
    if let Some(found) = crate::release::oracle(&out.join("release-1.0.0")) {
        assert_eq!((&found["labels"], found["annotations"].as_u64()), (&9.into(), Some(report.outlines as u64)));
        assert_eq!(found["images"], 1 + 12 + 4);
    }
    let planted = std::fs::read_to_string(out.join("release-1.0.0/annotations/coco.json")).unwrap();
    for name in ["slide.tif", "DEMO^SYNTHETIC", "IM00", out.to_str().unwrap()] {
        assert!(!planted.contains(name), "{name} must not be in a release");
    }
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    let refused = demo::run(&args(dir.path()), &dir.path().join("home")).unwrap_err();
    assert!(refused.to_string().contains("something else"), "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
