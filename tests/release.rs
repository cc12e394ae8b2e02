//! A release: what is in it, that the same input gives the same bytes, and that verification finds every kind of damage.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use shoken::domain::{
    AdjudicationTake, Digest, Field, Ontology, PlanePose, Polygon, Roi, RoiSpace, Shape, UserText, Verdict,
};
use shoken::exchange::{
    ReleaseError, ReleaseFormat, ReleaseInput, ReleaseReport, ReleaseSource, gather, verify_release, write_release,
};
use shoken::journal::{AdjudicationCommand, Command, ResolvedFinding};
use shoken::keys::ProblemKind;

use crate::support::world::{World, reader};

fn pack() -> Ontology {
    let text = r##"{"format":"shoken-terms","format_version":1,"id":"demo","version":"1.0.0","name":{"en":"Demo","ja":"デモ"},
      "field":"pathology","licence":"CC0-1.0","terms":[
      {"id":"d:1","label":{"en":"Carcinoma","ja":"癌"},"geometry":["polygon","whole_image","point"],"color":"#D55E00","status":"active"},
      {"id":"d:2","label":{"en":"Adenoma","ja":"腺腫"},"geometry":["polygon"],"color":"#0072B2","status":"active"}]}"##;
    serde_json::from_str(text).unwrap()
}

fn square(x: f64, y: f64, side: f64) -> Vec<[f64; 2]> {
    vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
}

fn flat(frame: u32, shape: Shape) -> Roi {
    Roi { frame, space: RoiSpace::Image, shape }
}

/// Two cases read twice and adjudicated, one case that only one reader has read.
fn world() -> World {
    let pack = pack();
    let mut world = World::study(&[(pack.clone(), Digest::of(b"", b"pack"))]);
    let (slide_case, slide) = world.image(1, Field::Pathology, 1, 400, 300);
    let (ct_case, ct) = world.image(2, Field::Radiology, 3, 512, 512);
    let (late_case, late) = world.image(3, Field::Endoscopy, 1, 100, 100);

    let donut = Shape::Polygons(vec![Polygon {
        exterior: square(10.0, 10.0, 100.0),
        holes: vec![{
            let mut hole = square(40.0, 40.0, 20.0);
            hole.reverse();
            hole
        }],
    }]);
    let two = Shape::Polygons(vec![
        Polygon { exterior: square(200.0, 10.0, 30.0), holes: vec![] },
        Polygon { exterior: square(250.0, 10.0, 30.0), holes: vec![] },
    ]);
    let pose = PlanePose {
        origin_mm: [-100.25, -90.5, 12.5],
        row_dir: [1.0, 0.0, 0.0],
        col_dir: [0.0, 1.0, 0.0],
        spacing_mm: [0.7, 0.7],
    };
    let nodule = |shift: f64| Roi {
        frame: 2,
        space: RoiSpace::Patient(pose),
        shape: Shape::from_ring(square(100.0 + shift, 100.0, 20.0)),
    };

    let a = world.read(
        "R1",
        &slide_case,
        &pack,
        vec![(slide.clone(), "d:1", flat(0, donut.clone())), (slide.clone(), "d:2", flat(0, two.clone()))],
    );
    let b = world.read(
        "R2",
        &slide_case,
        &pack,
        vec![(slide.clone(), "d:1", flat(0, donut)), (slide, "d:1", flat(0, two))],
    );
    let c = world.read("R1", &ct_case, &pack, vec![(ct.clone(), "d:1", nodule(0.0))]);
    world.read("R2", &ct_case, &pack, vec![]);
    world.read("R1", &late_case, &pack, vec![(late, "d:1", flat(0, Shape::WholeImage))]);

    let stream = |world: &World, who: &str, case| world.state.current_read(&reader(who), case).unwrap().stream;
    let (ra, rb) = (stream(&world, "R1", &slide_case), stream(&world, "R2", &slide_case));
    let rc = stream(&world, "R1", &ct_case);
    let judge = |world: &mut World, c| world.run("J", Command::Adjudication(c));
    judge(&mut world, AdjudicationCommand::Open { case: slide_case.clone() });
    judge(
        &mut world,
        AdjudicationCommand::Resolve {
            case: slide_case.clone(),
            discrepancy: "d-term".into(),
            members: vec![(ra, a[1].clone()), (rb, b[1].clone())],
            take: AdjudicationTake::B,
            result: vec![ResolvedFinding::Taken { read: rb, finding: b[1].clone() }],
            reason: UserText::new("invades"),
        },
    );
    judge(
        &mut world,
        AdjudicationCommand::Close {
            case: slide_case,
            agreed: vec![vec![(ra, a[0].clone()), (rb, b[0].clone())]],
            verdict: Verdict::Findings,
        },
    );
    judge(&mut world, AdjudicationCommand::Open { case: ct_case.clone() });
    judge(
        &mut world,
        AdjudicationCommand::Resolve {
            case: ct_case.clone(),
            discrepancy: "d-only-a".into(),
            members: vec![(rc, c[0].clone())],
            take: AdjudicationTake::A,
            result: vec![ResolvedFinding::Taken { read: rc, finding: c[0].clone() }],
            reason: UserText::new("seen on two slices"),
        },
    );
    judge(&mut world, AdjudicationCommand::Close { case: ct_case, agreed: vec![], verdict: Verdict::Findings });
    world
}

fn input(world: &World) -> ReleaseInput {
    let packs = [pack()];
    gather(&ReleaseSource {
        state: &world.state,
        log: &world.signed,
        name: "demo".into(),
        version: "1.0.0".into(),
        packs: &packs,
        open: &|digest| world.values.get(digest).cloned(),
    })
    .unwrap()
}

fn release(world: &World, input: ReleaseInput, folder: &Path) {
    let key = &world.keys[&reader("C")];
    let formats: BTreeSet<_> = ReleaseFormat::ALL.into();
    write_release(input, &world.signed, folder, &formats, key.public(), |m| Ok(key.sign(m))).unwrap();
}

fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(here).unwrap().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                out.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    out
}

fn kinds(report: &ReleaseReport) -> BTreeSet<ProblemKind> {
    report.problems.iter().map(|p| p.kind).collect()
}

#[test]
fn a_release_verifies_and_holds_what_stands() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("release-1.0.0");
    release(&world, input(&world), &folder);
    let report = verify_release(&folder);
    assert!(report.is_sound(), "{:#?}", report.problems);
    assert_eq!((report.labels, report.outlines), (3, 3));

    let coco: serde_json::Value = serde_json::from_slice(&files_of(&folder)["annotations/coco.json"]).unwrap();
    assert_eq!(
        coco["images"].as_array().unwrap().len(),
        1 + 3,
        "one entry a frame, none of the case without consensus"
    );
    let annotations = coco["annotations"].as_array().unwrap();
    let mask = annotations.iter().find(|a| a["segmentation"]["counts"].is_string()).unwrap();
    assert_eq!(mask["area"], 9600.0);
    let two = annotations.iter().find(|a| a["segmentation"].as_array().is_some_and(|s| s.len() == 2)).unwrap();
    assert_eq!((two["area"].as_f64(), &two["shoken"]["decision"]["take"]), (Some(1800.0), &"b".into()));
    let dataset: serde_json::Value = serde_json::from_slice(&files_of(&folder)["dataset.json"]).unwrap();
    assert_eq!(dataset["excluded"][0]["reason"], "reads-missing");
}

/// Runs the independent readers on a release; `None` where they are not installed.
pub fn oracle(folder: &Path) -> Option<serde_json::Value> {
    let python = crate::support::oracle_python()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/release.py");
    let output = std::process::Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(serde_json::from_str(text.lines().last().unwrap()).unwrap())
}

#[test]
fn pycocotools_shapely_and_prov_agree_with_the_release() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    release(&world, input(&world), &folder);
    let Some(found) = oracle(&folder) else { return };
    assert_eq!(found["images"], 4);
    assert_eq!((&found["annotations"], &found["masks"], &found["polygons"]), (&3.into(), &1.into(), &2.into()));
    assert_eq!((&found["features"], &found["labels"]), (&3.into(), &3.into()));
    assert!((found["area"].as_f64().unwrap() - (9600.0 + 1800.0 + 400.0)).abs() < 1e-6);
}

#[test]
fn the_read_of_an_excluded_case_stays_at_home() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    release(&world, input(&world), &folder);
    let late = world.state.cases().last().unwrap().id.clone();
    let read = world.state.current_read(&reader("R1"), &late).unwrap().stream;
    let journal = String::from_utf8(files_of(&folder)["journal/transactions.jsonl"].clone()).unwrap();
    assert!(!journal.contains(&read.to_string()));
    assert!(!String::from_utf8_lossy(&files_of(&folder)["journal/openings.jsonl"]).contains("invades"));
}

#[test]
fn the_same_input_gives_the_same_bytes_in_any_order() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let (first, second) = (dir.path().join("a"), dir.path().join("b"));
    release(&world, input(&world), &first);
    let mut turned = input(&world);
    turned.labels.reverse();
    turned.images.reverse();
    turned.cases.reverse();
    turned.categories.reverse();
    turned.journal.reverse();
    turned.openings.reverse();
    turned.readers.reverse();
    release(&world, turned, &second);
    assert_eq!(files_of(&first), files_of(&second));
}

#[test]
fn every_flipped_byte_and_every_missing_file_is_noticed() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    release(&world, input(&world), &folder);
    for (name, bytes) in files_of(&folder) {
        let path = folder.join(&name);
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 2] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(!verify_release(&folder).is_sound(), "{name} byte {at}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 2]).unwrap();
        assert!(!verify_release(&folder).is_sound(), "{name} cut short");
        std::fs::remove_file(&path).unwrap();
        assert!(kinds(&verify_release(&folder)).contains(&ProblemKind::Truncated), "{name} missing");
        std::fs::write(&path, &bytes).unwrap();
    }
    std::fs::write(folder.join("extra.txt"), "x").unwrap();
    assert_eq!(kinds(&verify_release(&folder)), [ProblemKind::Altered].into());
}

/// Makes the manifest and signature fit again, as a forger with a key of his own would.
fn reseal(folder: &Path, key: &shoken::keys::SigningKey) {
    let mut manifest: shoken::exchange::Manifest =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    for file in &mut manifest.files {
        let bytes = std::fs::read(folder.join(&file.path)).unwrap();
        file.sha256 = Digest::of(b"", &bytes);
        file.size = bytes.len() as u64;
    }
    manifest.root = manifest.computed_root();
    let text = serde_json::to_string_pretty(&manifest).unwrap();
    std::fs::write(folder.join("manifest.json"), &text).unwrap();
    let digest = Digest::of(b"", text.as_bytes());
    let signature = key.sign(&shoken::exchange::signature_message(&manifest.root, &digest));
    let file = serde_json::json!({"algorithm": "Ed25519", "signs": "", "root": manifest.root, "manifest": digest,
        "public_key": key.public(), "signature": data_encoding::HEXLOWER.encode(&signature)});
    std::fs::write(folder.join("signature.json"), file.to_string()).unwrap();
}

fn edit(folder: &Path, file: &str, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "the edit must change something");
    std::fs::write(folder.join(file), changed).unwrap();
}

#[test]
fn a_moved_outline_is_found_even_when_the_coordinator_signs_it() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    release(&world, input(&world), &folder);
    edit(&folder, "annotations/coco.json", |t| t.replacen("\"segmentation\":[[200.0", "\"segmentation\":[[199.0", 1));
    reseal(&folder, &world.keys[&reader("C")]);
    let report = verify_release(&folder);
    assert!(
        report.problems.iter().any(|p| p.detail.contains("outline is not the signed one")),
        "{:#?}",
        report.problems
    );
}

#[test]
fn a_changed_term_or_decision_is_found_even_when_the_coordinator_signs_it() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    release(&world, input(&world), &folder);
    edit(&folder, "annotations/coco.json", |t| t.replace("\"discrepancy\":\"d-term\"", "\"discrepancy\":\"d-else\""));
    reseal(&folder, &world.keys[&reader("C")]);
    assert_eq!(kinds(&verify_release(&folder)), [ProblemKind::Altered].into());
}

#[test]
fn a_label_left_out_is_found() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    let mut short = input(&world);
    short.labels.pop();
    release(&world, short, &folder);
    let report = verify_release(&folder);
    assert!(report.problems.iter().any(|p| p.detail.contains("is missing")), "{:#?}", report.problems);
}

#[test]
fn a_stranger_cannot_sign_a_release() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    release(&world, input(&world), &folder);
    reseal(&folder, &shoken::keys::SigningKey::from_seed(&[99; 32]));
    assert_eq!(kinds(&verify_release(&folder)), [ProblemKind::UnknownKey].into());
}

#[test]
fn a_dropped_tail_of_the_journal_is_found_by_the_frontier() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    let mut cut = input(&world);
    let last = *world.signed.iter().rfind(|s| s.body().label == "adjudication.close").unwrap().hash();
    cut.journal.retain(|l| l.hash != last);
    release(&world, cut, &folder);
    assert!(kinds(&verify_release(&folder)).contains(&ProblemKind::Truncated));
}

/// A log that gives another transaction than the one that was covered gives another's work away; no release is made of it.
#[test]
fn a_row_that_is_not_what_was_covered_is_never_written() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    let mut swapped = input(&world);
    let rows: Vec<i64> = swapped.journal.iter().map(|l| l.row).collect();
    for (line, row) in swapped.journal.iter_mut().zip(rows.into_iter().rev()) {
        line.row = row;
    }
    let key = &world.keys[&reader("C")];
    let made =
        write_release(swapped, &world.signed, &folder, &ReleaseFormat::ALL.into(), key.public(), |m| Ok(key.sign(m)));
    assert!(matches!(made, Err(ReleaseError::Damaged)), "{made:?}");
    assert!(!folder.exists());
}

#[test]
fn a_taken_folder_is_never_overwritten_and_a_failed_release_leaves_nothing() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("r");
    let (formats, key) = (ReleaseFormat::ALL.into(), &world.keys[&reader("C")]);
    let failed = write_release(input(&world), &world.signed, &folder, &formats, key.public(), |_| Err("no key".into()));
    assert!(matches!(failed, Err(ReleaseError::Sign(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no folder, no .partial");
    release(&world, input(&world), &folder);
    let again = write_release(input(&world), &world.signed, &folder, &formats, key.public(), |m| Ok(key.sign(m)));
    assert!(matches!(again, Err(ReleaseError::Exists(_))));
    let mut unopened = input(&world);
    unopened.openings.clear();
    let failed =
        write_release(unopened, &world.signed, &dir.path().join("other"), &formats, key.public(), |m| Ok(key.sign(m)));
    assert!(matches!(failed, Err(ReleaseError::NotOpened(_))));
    assert!(!dir.path().join("other").exists() && !dir.path().join("other.partial").exists());
}

#[test]
fn what_an_interrupted_release_left_is_named_and_not_touched() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let (formats, key) = (ReleaseFormat::ALL.into(), &world.keys[&reader("C")]);
    std::fs::create_dir_all(dir.path().join("r.partial/annotations")).unwrap();
    let refused =
        write_release(input(&world), &world.signed, &dir.path().join("r"), &formats, key.public(), |m| Ok(key.sign(m)))
            .unwrap_err();
    assert!(refused.to_string().contains("interrupted"), "{refused}");
    assert!(dir.path().join("r.partial/annotations").is_dir());
    assert!(!verify_release(&dir.path().join("r.partial")).is_sound());
}

#[test]
fn a_place_that_cannot_be_written_is_one_line_and_leaves_nothing() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let (formats, key) = (ReleaseFormat::ALL.into(), &world.keys[&reader("C")]);
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let failed =
        write_release(input(&world), &world.signed, &file.join("r"), &formats, key.public(), |m| Ok(key.sign(m)))
            .unwrap_err();
    assert!(matches!(failed, ReleaseError::Io { .. }), "{failed}");
    assert_eq!(failed.to_string().lines().count(), 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// A small file system that goes away with the test; `None` (said on stdout) where this process may not mount.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn new(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let done =
            std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(folder).output();
        if done.is_ok_and(|d| d.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        println!("skipped: this process may not mount");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}

#[test]
fn a_full_disk_leaves_nothing_that_looks_whole() {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let (formats, key) = (ReleaseFormat::ALL.into(), &world.keys[&reader("C")]);
    let Some(disk) = SmallDisk::new(&dir.path().join("disk")) else { return };
    let failed =
        write_release(input(&world), &world.signed, &disk.0.join("r"), &formats, key.public(), |m| Ok(key.sign(m)))
            .unwrap_err();
    assert!(failed.to_string().contains("free some space"), "{failed}");
    assert_eq!(std::fs::read_dir(&disk.0).unwrap().count(), 0);
}

#[test]
fn verification_never_panics_on_foreign_folders() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!verify_release(dir.path()).is_sound());
    std::fs::write(dir.path().join("manifest.json"), "[1,2]").unwrap();
    assert_eq!(kinds(&verify_release(dir.path())), [ProblemKind::Format].into());
    let escape = r#"{"format":"shoken-release","format_version":1,"name":"x","version":"1.0.0","project":"0000000000000000000000000000000000000000000000000000000000000000","root":"0000000000000000000000000000000000000000000000000000000000000000","files":[{"path":"../../etc/passwd","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size":1}]}"#;
    std::fs::write(dir.path().join("manifest.json"), escape).unwrap();
    assert!(kinds(&verify_release(dir.path())).contains(&ProblemKind::Format));
}
