//! Releasing from the window, and several people at one computer.

use egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use shoken::project::verify_release;

use crate::support::window::{Study, Window};

/// Two cases, one agreed on and confirmed, one without its second read.
fn study(desk: &std::path::Path) -> Study {
    let mut study = Study::new(desk, 2);
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    study.read("R2", 0, &[(50.0, 50.0, "びらん")]);
    study.read("R1", 1, &[]);
    let mut judge = study.window("J");
    judge.push("一致した 1 例を確定する");
    study
}

fn release_page(study: &Study) -> Window {
    let mut window = study.window("C");
    window.push("固定・公開");
    window.until("the contents are known", |app| app.model().release.plan.is_some());
    window
}

#[test]
fn a_release_is_made_and_verified_from_the_window() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let mut window = release_page(&study);
    assert!(window.sees("1 例 · 画像 1 枚 · ラベル 1 件"));
    assert!(window.sees("まだ入らない症例（1 例）") && window.sees("読影がそろっていません"), "what is in the way");
    let button = window.harness.get_by_label("固定して書き出す");
    assert!(button.accesskit_node().is_disabled(), "without a folder there is nothing to press");
    let shelf = desk.path().join("shelf");
    std::fs::create_dir_all(&shelf).unwrap();
    let field = window.harness.get_by_role_and_label(egui::accesskit::Role::TextInput, "保存先");
    field.focus();
    field.type_text(shelf.to_str().unwrap());
    window.harness.run_steps(3);
    window.push("固定して書き出す");
    window.until("the release is made", |app| app.model().release.made.is_some());
    let folder = shelf.join("release-1.0.0");
    let report = verify_release(&folder);
    assert!(report.is_sound(), "{:?}", report.problems);
    let root = report.root.unwrap().to_string();
    assert!(window.sees(&root), "the root hash is on the page");
    assert!(window.sees(&format!("shoken verify {}", folder.display())));
    assert!(window.harness.query_by_label_contains("検証しました").is_some());
    // The journal knows it, and the next version is proposed.
    window.until("the versions are known", |app| app.model().release.plan.as_ref().is_some_and(|p| p.made.len() == 1));
    assert_eq!(window.app().look().forms.release_version, "1.0.1");
}

#[test]
fn a_reader_has_no_release() {
    let desk = tempfile::tempdir().unwrap();
    let window = study(desk.path()).window("R1");
    assert!(!window.sees("固定・公開"));
}

#[test]
fn whoever_sits_down_sees_their_own_read_only() {
    let desk = tempfile::tempdir().unwrap();
    let mut study = Study::new(desk.path(), 1);
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    let mut window = study.window("R1");
    window.press(Key::Escape);
    assert_eq!(window.findings(), 1);
    assert!(window.sees("所見 1 びらん"));
    window.push("担当 R1 · 読影者");
    window.push("R2 · 読影者");
    window.harness.run_steps(3);
    assert_eq!(window.findings(), 0);
    assert!(!window.sees("所見 1 びらん") && window.sees("所見はまだありません"), "R1's read is gone from the window");
    assert!(window.sees("担当 R2 · 読影者"));
    assert_eq!(window.app().model().history.len(), 0, "nor does the history tell");
    // And back.
    window.push("担当 R2 · 読影者");
    window.push("R1 · 読影者");
    window.harness.run_steps(3);
    assert!(window.sees("所見 1 びらん"));
}
