//! Open from a PACS, at the window: found only where the user has written a server into the settings, searched, fetched,
//! opened; stopped in the middle; and what goes wrong is said.

use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;

use crate::support::archive::{Archive, JSON, MULTIPART, Reply, list, parts};
use crate::support::window::Window;

/// A grey square that every reader opens.
fn picture(instance: &str) -> Vec<u8> {
    let text = |tag, vr, text: &str| DataElement::new(tag, vr, PrimitiveValue::from(text));
    let short = |tag, n: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(n));
    let class = "1.2.840.10008.5.1.4.1.1.7";
    let object = dicom_object::InMemDicomObject::from_element_iter([
        text(tags::SOP_CLASS_UID, VR::UI, class),
        text(tags::SOP_INSTANCE_UID, VR::UI, instance),
        text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.5"),
        text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.9"),
        text(tags::MODALITY, VR::CS, "OT"),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        short(tags::SAMPLES_PER_PIXEL, 1),
        short(tags::ROWS, 16),
        short(tags::COLUMNS, 16),
        short(tags::BITS_ALLOCATED, 8),
        short(tags::BITS_STORED, 8),
        short(tags::HIGH_BIT, 7),
        short(tags::PIXEL_REPRESENTATION, 0),
        DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8((0..=255).collect())),
    ]);
    let meta = dicom_object::FileMetaTableBuilder::new().transfer_syntax("1.2.840.10008.1.2.1");
    let file = object.with_meta(meta.media_storage_sop_class_uid(class).media_storage_sop_instance_uid(instance));
    let mut out = Vec::new();
    file.unwrap().write_all(&mut out).unwrap();
    out
}

fn studies() -> Vec<u8> {
    serde_json::json!([{
        "0020000D": {"vr": "UI", "Value": ["1.2.5"]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "YAMADA^TARO", "Ideographic": "山田^太郎"}]},
        "00100020": {"vr": "LO", "Value": ["P-77"]}, "00080020": {"vr": "DA", "Value": ["20260131"]}, "00080061": {"vr": "CS", "Value": ["OT"]},
        "00201208": {"vr": "IS", "Value": [2]},
    }])
    .to_string()
    .into_bytes()
}

fn archive(series: impl Fn() -> Reply + Send + Sync + 'static) -> Archive {
    Archive::new(move |path| match path {
        p if p.contains("/instances?") && p.contains("offset=0") => {
            Reply::Whole(200, JSON.to_owned(), list(&["1.2.1", "1.2.2"]))
        }
        p if p.contains("/instances?") => Reply::Whole(200, JSON.to_owned(), b"[]".to_vec()),
        p if p.contains("/series/") => series(),
        _ => Reply::Whole(200, JSON.to_owned(), studies()),
    })
}

fn settings(home: &Path, port: u16) {
    std::fs::create_dir_all(home).unwrap();
    let text = format!("[[pacs]]\nname = \"病院\"\nurl = \"http://127.0.0.1:{port}/dicom-web\"\n");
    std::fs::write(home.join("settings.toml"), text).unwrap();
}

/// Opens the page, asks for a patient, and chooses the study that is found.
fn choose(window: &mut Window) {
    window.harness.get_by_label("PACS から開く").click();
    window.harness.run_steps(3);
    let field = window.harness.get_by_role_and_label(Role::TextInput, "患者名");
    field.focus();
    field.type_text("YAMADA");
    window.harness.run_steps(2);
    window.harness.get_by_label("検索").click();
    window.until("the study is listed", |app| app.model().pacs_rows() == Some(1));
    assert!(window.sees("1 件の検査"));
    window.harness.get_by_label_contains("YAMADA TARO / 山田 太郎").click();
    window.harness.run_steps(3);
}

#[test]
fn without_a_server_in_the_settings_nothing_offers_one() {
    let desk = tempfile::tempdir().unwrap();
    let window = Window::open(&desk.path().join("home"));
    assert!(window.harness.query_by_label("PACS から開く").is_none());
}

#[test]
fn a_study_is_found_fetched_and_opened() {
    let desk = tempfile::tempdir().unwrap();
    let home = desk.path().join("home");
    let server =
        archive(|| Reply::Whole(200, MULTIPART.to_owned(), parts(&[picture("1.2.1"), picture("1.2.2")], false)));
    settings(&home, server.port);
    let mut window = Window::open(&home);
    assert!(server.asked().is_empty(), "nothing connects before somebody asks");
    choose(&mut window);
    assert!(server.asked()[0].contains("PatientName=YAMADA*"), "{:?}", server.asked());
    window.harness.get_by_label("取得して開く").click();
    window.harness.run_steps(2);
    window.until("the images are open", |app| app.model().project.is_some() && !app.is_busy());
    assert_eq!(window.app().model().cases[0].images.len(), 2, "pictures without a place in space are no stack");
    let got = std::fs::read_dir(home.join("pacs"))
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "dcm"));
    assert_eq!(got.count(), 2);
    assert_eq!(window.app().model().cases.len(), 1, "one study is one case");
}

#[test]
fn a_fetch_is_stopped_and_a_refusal_is_said() {
    let desk = tempfile::tempdir().unwrap();
    let home = desk.path().join("home");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nConnection: close\r\n\r\n").into_bytes();
    let half = [head, parts(&[picture("1.2.1")], true), b"--b1\r\n".to_vec()].concat();
    let server = archive(move || Reply::Stall(half.clone()));
    settings(&home, server.port);
    let mut window = Window::open(&home);
    choose(&mut window);
    window.harness.get_by_label("取得して開く").click();
    window.harness.run_steps(2);
    window.until("one image came", |app| app.model().jobs.iter().any(|j| j.done == 1 && j.total == 2));
    // The status line offers it too, behind the page; the server would be silent for a minute.
    let asked = std::time::Instant::now();
    window.harness.get_all_by_label("中止").last().unwrap().click();
    window.harness.run_steps(2);
    window.until("it is over", |app| app.model().jobs.is_empty());
    assert!(asked.elapsed().as_secs() < 30, "it stopped because it was asked to");
    assert!(window.app().model().project.is_none());
    drop(server);

    let denied = Archive::new(|_| Reply::Whole(401, JSON.to_owned(), Vec::new()));
    settings(&home, denied.port);
    let mut window = Window::open(&home);
    window.harness.get_by_label("PACS から開く").click();
    window.harness.run_steps(3);
    window.harness.get_by_label("検索").click();
    window.harness.run_steps(2);
    window.until("it was refused", |app| app.model().pacs_failed());
    assert!(window.sees("サーバーに拒否されました。利用者名とパスワードを確かめてください。"));
}
