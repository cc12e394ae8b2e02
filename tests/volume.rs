//! Planes through volumes against SimpleITK: an oblique phantom, the evenly spaced Philips phantom, and the GE head with its
//! tilted gantry and its steps of 1.08, 4 and 7 mm; and volumes whose values are known without anybody's help.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use shoken::domain::{PlanePose, SizePx};
use shoken::imaging::volume::{Plane, Posed, Slab, StackGeometry, Volume, Voxels};
use shoken::imaging::{self, ImageSource};
use shoken::tasks::{Cancel, Progress};

use crate::support::{oracle_python, samples};

/// One grey level of a soft-tissue window of 400 HU.
const GREY_LEVEL_HU: f32 = 400.0 / 255.0;

fn unit(v: [f64; 3]) -> [f64; 3] {
    let length = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
    v.map(|x| x / length)
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// A square plane about a point of the patient, turned out of the axes.
fn plane(centre: [f64; 3], right: [f64; 3], near_down: [f64; 3], side: u32, mm: f64) -> Plane {
    let right = unit(right);
    let down = unit(cross(cross(right, near_down), right));
    let half = f64::from(side - 1) / 2.0 * mm;
    let origin_mm = std::array::from_fn(|i| centre[i] - right[i] * half - down[i] * half);
    Plane { origin_mm, right, down, spacing_mm: [mm, mm], size_px: SizePx::new(side, side) }
}

fn plane_json(p: &Plane) -> Value {
    json!({"origin_mm": p.origin_mm, "right": p.right, "down": p.down, "spacing_mm": p.spacing_mm,
        "size": [p.size_px.width, p.size_px.height]})
}

fn slab_json(slab: Slab, volume: &Volume, job: &mut Value) {
    let (n, step) = slab.samples(volume.geometry());
    let offsets: Vec<f64> = (0..n).map(|i| (f64::from(i) - f64::from(n - 1) / 2.0) * step).collect();
    job["offsets_mm"] = json!(offsets);
    job["slab"] = json!(match slab {
        Slab::Thin => "thin",
        Slab::Highest(_) => "highest",
        Slab::Lowest(_) => "lowest",
        Slab::Mean(_) => "mean",
    });
}

fn ask(python: &Path, jobs: &[Value]) -> Vec<Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/volumes.py");
    let mut child = Command::new(python).arg(script).arg(folder.path()).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(Value::from(jobs.to_vec()).to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    (0..jobs.len())
        .map(|n| {
            let bytes = std::fs::read(folder.path().join(format!("{n}.raw"))).unwrap();
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
        })
        .collect()
}

/// Largest difference where both measured, the share of pixels where only one did, and where both did.
fn compare(ours: &[f32], theirs: &[f32]) -> (f32, f64, f64) {
    assert_eq!(ours.len(), theirs.len());
    let (mut worst, mut lonely, mut both) = (0.0_f32, 0, 0);
    for (a, b) in ours.iter().zip(theirs) {
        match (a.is_nan(), b.is_nan()) {
            (false, false) => {
                worst = worst.max((a - b).abs());
                both += 1;
            }
            (true, true) => {}
            _ => lonely += 1,
        }
    }
    (worst, f64::from(lonely) / ours.len() as f64, f64::from(both) / ours.len() as f64)
}

fn read(source: &dyn ImageSource) -> Volume {
    Volume::read(source, 2, &Progress::new(), &Cancel::new()).unwrap()
}

/// Smooth waves with an edge: what interpolation gets wrong shows.
fn phantom(size: [usize; 3], axes: [[f64; 3]; 3], spacing: [f64; 3], origin: [f64; 3]) -> (Volume, Vec<i16>) {
    let mut samples = Vec::with_capacity(size.iter().product());
    for z in 0..size[2] {
        for y in 0..size[1] {
            for x in 0..size[0] {
                let wave = 600.0 * (x as f64 * 0.21).sin() + 500.0 * (y as f64 * 0.13 + z as f64 * 0.37).cos();
                let edge = if (x + y + z) % 41 < 12 { 700.0 } else { -700.0 };
                samples.push((wave + edge) as i16);
            }
        }
    }
    let frames: Vec<Posed> = (0..size[2])
        .map(|z| Posed {
            frame: z as u32,
            pose: PlanePose {
                origin_mm: std::array::from_fn(|i| origin[i] + axes[2][i] * spacing[2] * z as f64),
                row_dir: axes[0],
                col_dir: axes[1],
                spacing_mm: [spacing[0], spacing[1]],
            },
            rescale: (1.0, 0.0),
        })
        .collect();
    let geometry = StackGeometry::new(&frames).unwrap();
    assert!(geometry.is_even());
    (Volume::new(size, Voxels::I16(samples.clone()), geometry, None).unwrap(), samples)
}

#[test]
fn an_oblique_phantom_is_cut_as_simpleitk_cuts_it() {
    let Some(python) = oracle_python() else { return };
    let row = unit([0.9, 0.3, -0.2]);
    let normal = unit(cross(row, [0.1, 0.95, 0.3]));
    let axes = [row, cross(normal, row), normal];
    let (size, spacing, origin) = ([61, 47, 33], [0.7, 0.9, 2.3], [-31.0, 12.5, 140.0]);
    let (volume, samples) = phantom(size, axes, spacing, origin);
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("phantom.raw");
    std::fs::write(&raw, samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let centre = volume.centre_mm();
    let cuts = [
        (plane(centre, axes[0], axes[1], 96, 0.5), Slab::Thin),
        (plane(centre, axes[0], axes[2], 128, 0.6), Slab::Thin),
        (plane(centre, [1.0, 0.0, 0.0], [0.0, 0.0, -1.0], 160, 0.5), Slab::Thin),
        (plane(centre, [0.5, 0.7, 0.2], [0.3, -0.2, 0.9], 160, 0.45), Slab::Thin),
        (plane(centre, [0.0, 1.0, 0.0], [0.1, 0.0, -1.0], 96, 0.7), Slab::Highest(12.0)),
        (plane(centre, [0.7, 0.1, 0.0], [0.0, 0.6, 0.5], 96, 0.7), Slab::Lowest(7.5)),
        (plane(centre, [0.7, 0.1, 0.0], [0.0, 0.6, 0.5], 96, 0.7), Slab::Mean(10.0)),
    ];
    let jobs: Vec<Value> = cuts
        .iter()
        .map(|(plane, slab)| {
            let mut job = json!({"raw": raw, "size": size, "spacing": spacing, "origin": origin, "axes": axes,
                "plane": plane_json(plane)});
            slab_json(*slab, &volume, &mut job);
            job
        })
        .collect();
    for (n, ((plane, slab), theirs)) in cuts.iter().zip(ask(&python, &jobs)).enumerate() {
        let ours = volume.reslice(plane, *slab, 2);
        let (worst, lonely, both) = compare(&ours.values, &theirs);
        println!("phantom plane {n}: largest difference {worst:.4}, measured by one alone {:.4} %", lonely * 100.0);
        assert!(both > 0.2, "plane {n} misses the phantom: {both}");
        assert!(worst <= 0.5 && lonely < 0.004, "plane {n}: {worst} {lonely}");
        let alone = volume.reslice(plane, *slab, 1).values;
        assert!(alone.iter().zip(&ours.values).all(|(a, b)| a.to_bits() == b.to_bits()), "threads change nothing");
    }
}

fn dicom_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.file_name().is_some_and(|n| n != "DIRFILE"));
    files.sort();
    files
}

#[test]
fn real_series_are_cut_as_simpleitk_cuts_their_slices() {
    let (Some(python), Some(samples)) = (oracle_python(), samples()) else { return };
    for (folder, tilted, uneven) in
        [("radiology/ct-philips-phantom-140", false, false), ("radiology/ct-head-ge", true, true)]
    {
        let files = dicom_files(&samples.join(folder));
        let source = imaging::open_series(&files).unwrap();
        let volume = read(source.as_ref());
        let geometry = volume.geometry();
        assert_eq!((!geometry.is_even(), geometry.is_uneven()), (tilted, uneven), "{folder}");
        let centre = volume.centre_mm();
        let cuts = [
            (plane(centre, [1.0, 0.0, 0.0], [0.0, 0.0, -1.0], 200, 1.0), Slab::Thin),
            (plane(centre, [0.0, 1.0, 0.0], [0.0, 0.0, -1.0], 200, 1.0), Slab::Thin),
            (plane(centre, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], 200, 1.0), Slab::Thin),
            (plane(centre, [0.8, 0.5, 0.3], [-0.4, 0.8, 0.4], 220, 0.9), Slab::Thin),
            (plane(centre, [1.0, 0.0, 0.0], [0.0, 0.0, -1.0], 100, 2.0), Slab::Highest(20.0)),
        ];
        let jobs: Vec<Value> = cuts
            .iter()
            .map(|(plane, slab)| {
                let mut job = json!({"files": files, "plane": plane_json(plane)});
                slab_json(*slab, &volume, &mut job);
                if matches!(slab, Slab::Highest(_)) {
                    // Fewer samples for the slow reader: every fourth, and ours is asked for the same below.
                    job["offsets_mm"] = json!([0.0]);
                    job["slab"] = json!("thin");
                }
                job
            })
            .collect();
        for (n, ((plane, slab), theirs)) in cuts.iter().zip(ask(&python, &jobs)).enumerate() {
            let thin = volume.reslice(plane, Slab::Thin, 2);
            let (worst, lonely, both) = compare(&thin.values, &theirs);
            println!("{folder} plane {n}: largest difference {worst:.3} HU, by one alone {:.4} %", lonely * 100.0);
            assert!(both > 0.1, "{folder} plane {n} misses the volume: {both}");
            assert!(worst <= GREY_LEVEL_HU && lonely < 0.01, "{folder} plane {n}: {worst} {lonely}");
            if *slab != Slab::Thin {
                let thick = volume.reslice(plane, *slab, 2).values;
                assert!(
                    thick.iter().zip(&thin.values).all(|(a, b)| b.is_nan() || *a >= b - 0.01),
                    "a maximum is no less"
                );
            }
        }
    }
}

/// A field that is linear in the patient is given back exactly by linear reading, wherever the slices lie.
#[test]
fn a_linear_field_survives_tilt_gaps_and_rescales() {
    let at = |p: [f64; 3]| 3.0 * p[0] - 2.0 * p[1] + 5.0 * p[2] + 40.0;
    let zs = [0.0, 1.0, 2.5, 4.5, 5.0, 7.0];
    let frames: Vec<Posed> = zs
        .iter()
        .zip(0..)
        .map(|(z, frame)| Posed {
            frame,
            pose: PlanePose {
                origin_mm: [4.0, 7.0 - 0.3 * z, *z],
                row_dir: [1.0, 0.0, 0.0],
                col_dir: [0.0, 1.0, 0.0],
                spacing_mm: [0.5, 0.5],
            },
            rescale: (0.25 * (1.0 + f64::from(frame)), f64::from(frame) * 10.0),
        })
        .collect();
    let geometry = StackGeometry::new(&frames).unwrap();
    let mut samples = Vec::new();
    for slice in &frames {
        for y in 0..24 {
            for x in 0..30 {
                let o = slice.pose.origin_mm;
                let value = at([o[0] + f64::from(x) * 0.5, o[1] + f64::from(y) * 0.5, o[2]]);
                samples.push(((value - slice.rescale.1) / slice.rescale.0).round() as i16);
            }
        }
    }
    let volume = Volume::new([30, 24, 6], Voxels::I16(samples), geometry, None).unwrap();
    let mut measured = 0;
    for (n, p) in
        [[6.0, 9.0, 0.4], [9.3, 12.2, 2.0], [10.0, 10.0, 4.4], [7.7, 11.1, 6.2], [12.0, 9.5, 7.0]].iter().enumerate()
    {
        let value = volume.probe(*p).unwrap();
        // Samples are rounded to steps of at most 1.5.
        assert!((value - at(*p)).abs() <= 0.8, "point {n}: {value} {}", at(*p));
        measured += 1;
    }
    assert_eq!(measured, 5);
    assert!(
        volume.probe([6.0, 9.0, 30.0]).is_none() && volume.probe([-20.0, 9.0, 3.0]).is_none(),
        "outside is no value"
    );
}

#[test]
fn between_slices_that_are_missing_there_is_no_value() {
    let frames: Vec<Posed> = [0.0, 2.0, 4.0, 10.0, 12.0]
        .iter()
        .zip(0..)
        .map(|(z, frame)| Posed {
            frame,
            pose: PlanePose {
                origin_mm: [0.0, 0.0, *z],
                row_dir: [1.0, 0.0, 0.0],
                col_dir: [0.0, 1.0, 0.0],
                spacing_mm: [1.0, 1.0],
            },
            rescale: (1.0, 0.0),
        })
        .collect();
    let geometry = StackGeometry::new(&frames).unwrap();
    let volume = Volume::new([4, 4, 5], Voxels::U16(vec![7; 80]), geometry, None).unwrap();
    assert_eq!(volume.probe([1.0, 1.0, 3.0]), Some(7.0));
    assert_eq!(volume.probe([1.0, 1.0, 7.0]), None, "nothing was measured between 4 and 10");
    assert_eq!(volume.probe([1.0, 1.0, 10.0]), Some(7.0), "the slice itself is there");
}

#[test]
fn colour_tables_are_those_that_pydicom_reads_from_the_standards_instances() {
    let Some(python) = oracle_python() else { return };
    let script = "import sys, numpy as np\nfrom pydicom.pixels import apply_color_lut\n\
        for r in apply_color_lut(np.arange(256, dtype=np.uint8), palette=sys.argv[1]): print(*r, sep=',')";
    for (file, name) in
        [("hot-iron", "HOT_IRON"), ("pet", "PET"), ("hot-metal-blue", "HOT_METAL_BLUE"), ("pet-20-step", "PET_20_STEP")]
    {
        let said = Command::new(&python).args(["-W", "ignore", "-c", script, name]).output().unwrap();
        let theirs = String::from_utf8(said.stdout).unwrap();
        let path = format!("{}/assets/presets/colours/{file}.csv", env!("CARGO_MANIFEST_DIR"));
        let ours = std::fs::read_to_string(path).unwrap();
        let rows = |text: &str| text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rows(&theirs).len(), 256, "{name}");
        assert_eq!(rows(&ours), rows(&theirs), "{name}");
    }
}

#[test]
fn colour_and_single_slices_are_refused_and_a_wish_to_stop_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    image::RgbImage::from_pixel(8, 8, image::Rgb([1, 2, 3])).save(&path).unwrap();
    let error = Volume::plan(imaging::open(&path).unwrap().as_ref()).unwrap_err();
    assert_eq!(error.key(), "volume-colour");
    let series = folder.path().join("ct");
    std::fs::create_dir_all(&series).unwrap();
    shoken::demo::write_series(&shoken::demo::CtPhantom::new(3, 6), 3, &series).unwrap();
    let files = dicom_files(&series);
    let source = imaging::open_series(&files).unwrap();
    let (progress, cancel) = (Progress::new(), Cancel::new());
    let volume = Volume::read(source.as_ref(), 3, &progress, &cancel).unwrap();
    assert_eq!((volume.size()[2], progress.snapshot().done), (6, 6));
    // What the volume holds is what the slices hold.
    let tile = source.read_tile(shoken::domain::TileKey { frame: 2, level: 0, col: 0, row: 0 }).unwrap();
    let imaging::Samples::I16(slice) = &tile.samples else { panic!("the phantom is signed") };
    let (slope, intercept) = source.meta().frames[2].rescale;
    let stored = f64::from(slice[300 * tile.size_px.width as usize + 200]);
    assert_eq!(volume.value(200, 300, 2), Some(stored * slope + intercept));
    cancel.cancel();
    assert_eq!(Volume::read(source.as_ref(), 2, &progress, &cancel).unwrap_err().key(), "volume-stopped");
}
