//! With a real archive, Orthanc: find, fetch, compare byte by byte, import; be killed and go on; receive what it sends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, OpenFileOptions};

use crate::support::desk::Desk;
use crate::support::orthanc::Orthanc;
use crate::support::samples;

const CT_STUDY: &str = "ct-head-ge";

/// Real images in many transfer syntaxes: a CT series and single ones.
fn real_files(samples: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [CT_STUDY, "cr-dx-mg", "cine-us-xa", "us-still", "transfer-syntax", "mr-enhanced"] {
        let entries = std::fs::read_dir(samples.join("radiology").join(folder)).unwrap();
        files.extend(entries.map(|e| e.unwrap().path()).filter(|p| {
            // Orthanc takes files with a head alone, as every sender would write them.
            std::fs::read(p).is_ok_and(|b| b.get(128..132) == Some(b"DICM"))
        }));
    }
    files.sort();
    // Some samples are one image in several codings; an archive keeps the first that comes.
    let mut seen = BTreeSet::new();
    files.retain(|f| seen.insert(uid(&open(f), tags::SOP_INSTANCE_UID)));
    files
}

fn open(path: &Path) -> DefaultDicomObject {
    OpenFileOptions::new().open_file(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn uid(object: &DefaultDicomObject, tag: dicom_core::Tag) -> String {
    object.element(tag).unwrap().to_str().unwrap().trim_end_matches('\0').to_owned()
}

/// A desk whose settings know this server.
fn desk(url: &str, more: &str) -> Desk {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.home()).unwrap();
    let settings = format!("[[pacs]]\nname = \"archive\"\nurl = \"{url}\"\n{more}\n");
    std::fs::write(desk.home().join("settings.toml"), settings).unwrap();
    desk
}

/// Files by SOP instance.
fn by_instance(files: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let instance = tags::SOP_INSTANCE_UID;
    files.iter().map(|f| (uid(&open(f), instance), f.clone())).collect()
}

fn fetched(json: &serde_json::Value) -> Vec<PathBuf> {
    json["files"].as_array().unwrap().iter().map(|f| PathBuf::from(f.as_str().unwrap())).collect()
}

#[test]
fn every_image_comes_from_a_real_archive_byte_by_byte_and_is_imported() {
    let (Some(samples), Some(orthanc)) = (samples(), Orthanc::start(None)) else { return };
    let files = real_files(&samples);
    files.iter().for_each(|f| drop(orthanc.put(f)));
    let originals = by_instance(&files);
    let desk = desk(&orthanc.url(), "");
    assert_eq!(desk.json(&["pacs", "servers"])[0]["name"], "archive");
    let studies = desk.json(&["pacs", "find", "archive"]);
    let studies = studies.as_array().unwrap();
    let of_study = tags::STUDY_INSTANCE_UID;
    let known: BTreeSet<String> = files.iter().map(|f| uid(&open(f), of_study)).collect();
    let listed: BTreeSet<String> = studies.iter().map(|s| s["study"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, known);
    // Two pages hold what one does.
    let page = |offset: &str| desk.json(&["pacs", "find", "archive", "--limit", "3", "--offset", offset]);
    let (first, second) = (page("0"), page("3"));
    let pages = [first.as_array().unwrap().as_slice(), second.as_array().unwrap().as_slice()].concat();
    assert_eq!(pages, studies[..6]);
    let mut compared = 0;
    let mut came: BTreeMap<String, PathBuf> = BTreeMap::new();
    for study in &listed {
        let json = desk.json(&["pacs", "fetch", "archive", "--study", study, "--out", "got"]);
        for file in fetched(&json) {
            came.insert(uid(&open(&desk.path(".").join(&file)), tags::SOP_INSTANCE_UID), desk.path(".").join(file));
        }
    }
    assert_eq!(came.keys().collect::<Vec<_>>(), originals.keys().collect::<Vec<_>>());
    for (instance, original) in &originals {
        assert!(std::fs::read(original).unwrap() == std::fs::read(&came[instance]).unwrap(), "{}", original.display());
        let name = came[instance].file_name().unwrap().to_str().unwrap();
        assert!(name.len() == 68 && !name.contains(instance.as_str()), "a file's name is a hash");
        compared += std::fs::metadata(original).unwrap().len();
    }
    println!("{} images, {compared} bytes, equal to what was stored", originals.len());
    // The CT study into a project: one image of 28 slices.
    let ct = originals.iter().find(|(_, p)| p.to_str().unwrap().contains(CT_STUDY)).unwrap();
    let study = uid(&open(ct.1), of_study);
    desk.ok(&["new", "p.shoken", "--name", "P"]);
    let json = desk.json(&["pacs", "fetch", "archive", "--study", &study, "--out", "got", "--into", "p.shoken"]);
    assert_eq!((json["new"].as_u64(), json["files"].as_array().unwrap().len()), (Some(0), 28), "all of it was there");
    assert_eq!(json["imported"]["added"].as_array().unwrap().len(), 1);
    assert!(json["imported"]["skipped"].as_array().unwrap().is_empty());
    assert_eq!(desk.json(&["worklist", "p.shoken"]).as_array().unwrap().len(), 1);
    // One series of it alone, named by the server's own list.
    let series = desk.json(&["pacs", "find", "archive", "--study", &study]);
    let one = series[0]["series"].as_str().unwrap();
    assert_eq!(series[0]["images"].as_u64(), Some(28));
    let json = desk.json(&["pacs", "fetch", "archive", "--study", &study, "--series", one, "--out", "one"]);
    assert_eq!(json["new"].as_u64(), Some(28));
}

#[test]
fn a_search_finds_what_fits_and_nothing_else() {
    let (Some(samples), Some(orthanc)) = (samples(), Orthanc::start(None)) else { return };
    let files = real_files(&samples);
    files.iter().for_each(|f| drop(orthanc.put(f)));
    let desk = desk(&orthanc.url(), "");
    let find = |arguments: &[&str]| -> BTreeSet<String> {
        let json = desk.json(&[&["pacs", "find", "archive"], arguments].concat());
        json.as_array().unwrap().iter().map(|s| s["study"].as_str().unwrap().to_owned()).collect()
    };
    let of = |wanted: &dyn Fn(&DefaultDicomObject) -> bool| -> BTreeSet<String> {
        let objects = files.iter().map(|f| open(f));
        objects.filter(|o| wanted(o)).map(|o| uid(&o, tags::STUDY_INSTANCE_UID)).collect()
    };
    let text = |o: &DefaultDicomObject, tag| {
        o.element(tag)
            .ok()
            .and_then(|e| e.to_str().ok())
            .map(|s| s.trim_matches(['\0', ' ']).to_owned())
            .unwrap_or_default()
    };
    for modality in ["CT", "US", "MR"] {
        let expected = of(&|o| text(o, tags::MODALITY) == modality);
        assert!(!expected.is_empty());
        assert_eq!(find(&["--modality", &modality.to_lowercase()]), expected, "{modality}");
    }
    let first = |tag| files.iter().map(|f| text(&open(f), tag)).find(|t| t.len() > 3).unwrap();
    let (id, name, date) = (first(tags::PATIENT_ID), first(tags::PATIENT_NAME), first(tags::STUDY_DATE));
    assert_eq!(find(&["--patient-id", &id]), of(&|o| text(o, tags::PATIENT_ID) == id));
    let beginning: String = name.chars().take(3).collect();
    let begins =
        |o: &DefaultDicomObject| text(o, tags::PATIENT_NAME).to_lowercase().starts_with(&beginning.to_lowercase());
    assert_eq!(find(&["--name", &beginning]), of(&begins));
    assert_eq!(find(&["--date", &date]), of(&|o| text(o, tags::STUDY_DATE) == date));
    assert_eq!(find(&["--date", &format!("{date}-")]), of(&|o| text(o, tags::STUDY_DATE) >= date));
    let none = find(&["--date", "18000101-18991231"]);
    assert!(none.is_empty(), "{none:?}");
    assert!(find(&["--patient-id", "nobody-has-this"]).is_empty());
    let said = desk.ok(&["pacs", "find", "archive", "--patient-id", "nobody-has-this"]);
    assert_eq!(said.trim(), "Nothing fits");
}

#[test]
fn a_password_is_read_from_its_file_and_a_wrong_one_is_told() {
    let Some(orthanc) = Orthanc::start(Some("right")) else { return };
    let keep = tempfile::tempdir().unwrap();
    let secret = keep.path().join("secret");
    let write = |text: &str| {
        std::fs::write(&secret, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("right\n");
    let desk =
        desk(&orthanc.url(), &format!("auth = \"basic\"\nuser = \"reader\"\nsecret_file = '{}'", secret.display()));
    assert_eq!(desk.json(&["pacs", "find", "archive"]), serde_json::json!([]));
    write("wrong\n");
    let out = desk.shoken(&["pacs", "find", "archive"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("401") && said.contains("password") && !said.contains("wrong"), "{said}");
    let out = desk.shoken(&["pacs", "find", "nowhere"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("there: archive"));
}

/// Passes bytes on to another port, and after so many of the answers passes nothing more.
fn stalling(to: u16, after: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let left = Arc::new(AtomicU64::new(after));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(client), Ok(server)) = (stream, TcpStream::connect(("127.0.0.1", to))) else { return };
            let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut into));
            let left = Arc::clone(&left);
            std::thread::spawn(move || {
                let (mut client, mut server, mut buffer) = (client, server, vec![0; 4096]);
                while let Ok(n @ 1..) = server.read(&mut buffer) {
                    if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |l| l.checked_sub(n as u64)).is_err() {
                        // Held open and silent for as long as the test lasts.
                        std::thread::park();
                    }
                    if client.write_all(&buffer[..n]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn a_fetch_that_was_killed_in_the_middle_goes_on_where_it_was() {
    let (Some(samples), Some(orthanc)) = (samples(), Orthanc::start(None)) else { return };
    let files: Vec<PathBuf> =
        real_files(&samples).into_iter().filter(|f| f.to_str().unwrap().contains(CT_STUDY)).collect();
    files.iter().for_each(|f| drop(orthanc.put(f)));
    let study = uid(&open(&files[0]), tags::STUDY_INSTANCE_UID);
    let bytes: u64 = files.iter().map(|f| std::fs::metadata(f).unwrap().len()).sum();
    let port = stalling(orthanc.http, bytes / 2);
    let desk = desk(&format!("http://127.0.0.1:{port}/dicom-web"), "");
    let arguments = ["pacs", "fetch", "archive", "--study", &study, "--out", "got"];
    let mut child = desk.spawn(&arguments);
    let there = |end: &str| {
        let entries = std::fs::read_dir(desk.path("got")).map(|d| d.flatten().collect::<Vec<_>>()).unwrap_or_default();
        entries.iter().filter(|e| e.file_name().to_string_lossy().contains(end)).count()
    };
    while there(".dcm") < 8 || there("incoming") == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before half came");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(there("incoming"), 1, "a killed process leaves one half image under its partial name");
    let before = there(".dcm");
    assert!(before < files.len());
    let settings = format!("[[pacs]]\nname = \"archive\"\nurl = \"{}\"\n", orthanc.url());
    std::fs::write(desk.home().join("settings.toml"), settings).unwrap();
    let json = desk.json(&arguments);
    assert_eq!(json["new"].as_u64(), Some((files.len() - before) as u64));
    assert_eq!((there(".dcm"), there("incoming")), (files.len(), 0));
    let came: Vec<PathBuf> = fetched(&json).iter().map(|f| desk.path(".").join(f)).collect();
    let (originals, came) = (by_instance(&files), by_instance(&came));
    for (instance, original) in &originals {
        assert!(std::fs::read(original).unwrap() == std::fs::read(&came[instance]).unwrap());
    }
}

/// Elements of a data set as they are compared; group lengths are the sender's own affair.
fn elements(object: &DefaultDicomObject) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for element in object.iter() {
        let tag = element.header().tag;
        if tag.element() == 0 {
            continue;
        }
        let mut bytes = match element.value() {
            dicom_core::value::Value::Primitive(p) => p.to_bytes().into_owned(),
            dicom_core::value::Value::PixelSequence(p) => p.fragments().concat(),
            dicom_core::value::Value::Sequence(s) => format!("{} items", s.items().len()).into_bytes(),
        };
        // A sample with an odd number of pixels lacks the byte that makes it even, which every sender adds.
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        let end = bytes.iter().rposition(|b| !matches!(b, 0 | b' ')).map_or(0, |i| i + 1);
        let kept = if tag == tags::PIXEL_DATA { bytes.len() } else { end };
        out.insert(tag.to_string(), bytes[..kept].to_vec());
    }
    out
}

#[test]
fn what_a_real_archive_sends_arrives_with_every_pixel_and_is_imported() {
    let (Some(samples), Some(orthanc)) = (samples(), Orthanc::start(None)) else { return };
    let files = real_files(&samples);
    let ids: Vec<String> = files.iter().map(|f| orthanc.put(f)).collect();
    let desk = Desk::new();
    desk.ok(&["new", "p.shoken", "--name", "P"]);
    let listen = [
        "pacs",
        "receive",
        "--out",
        "in",
        "--listen",
        "127.0.0.1:0",
        "--from",
        "ORTHANC",
        "--into",
        "p.shoken",
        "--until-quiet",
        "4",
        "--json",
    ];
    let mut child = desk.spawn(&listen);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port: u16 = line.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let echo = orthanc.ask(
        "PUT",
        "/modalities/peer",
        serde_json::json!({"AET": "SHOKEN", "Host": "127.0.0.1", "Port": port}).to_string().as_bytes(),
    );
    drop(echo);
    orthanc.ask("POST", "/modalities/peer/echo", b"{}");
    let failed = orthanc.send(&ids, "SHOKEN", port);
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let originals = by_instance(&files);
    let entries = std::fs::read_dir(desk.path("in")).unwrap().map(|e| e.unwrap().path());
    let came = by_instance(&entries.collect::<Vec<_>>());
    // Orthanc cannot convert what is coded in a way that we do not read, so it does not send that; everything else came.
    let unread: BTreeSet<&String> = originals
        .iter()
        .filter(|(_, p)| !shoken::imaging::reads_transfer_syntax(open(p).meta().transfer_syntax()))
        .map(|(i, _)| i)
        .collect();
    let missing: BTreeSet<&String> = originals.keys().filter(|i| !came.contains_key(*i)).collect();
    assert!(missing.is_subset(&unread), "of {} sent, {failed} failed: {missing:?}", ids.len());
    assert_eq!(json["images"].as_u64(), Some(came.len() as u64));
    assert!(came.len() >= 28 + 5);
    let mut same_coding = 0;
    for (instance, path) in &came {
        let (ours, theirs) = (open(path), open(&originals[instance]));
        if ours.meta().transfer_syntax() == theirs.meta().transfer_syntax() {
            same_coding += 1;
            let (ours, theirs) = (elements(&ours), elements(&theirs));
            let differ: Vec<_> = ours.keys().chain(theirs.keys()).filter(|k| ours.get(*k) != theirs.get(*k)).collect();
            let lengths = |k: &String| (ours.get(k).map(Vec::len), theirs.get(k).map(Vec::len));
            let differ: Vec<_> = differ.into_iter().map(|k| (k, lengths(k))).collect();
            assert!(differ.is_empty(), "{}: {differ:?}", originals[instance].display());
        }
    }
    println!(
        "{} images came, {same_coding} as they were coded, each element and every pixel equal; {failed} not sent",
        came.len()
    );
    assert!(same_coding >= 28 + 5);
    let imported: usize =
        json["imported"].as_array().unwrap().iter().map(|i| i["added"].as_array().unwrap().len()).sum();
    assert_eq!(
        desk.json(&["worklist", "p.shoken"])
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["images"].as_array().unwrap().len())
            .sum::<usize>(),
        imported
    );
    assert!(imported > 5);
}
