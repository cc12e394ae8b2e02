//! The window without a screen or a graphics card: first start, drop, outline, name, undo, crash, languages. Everything is
//! found by its accessible label.

use std::collections::BTreeSet;
use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use shoken::gui::i18n::{Lang, keys_of};

use crate::support::window::{Window, photograph};

#[test]
fn the_first_screen_says_one_sentence_and_offers_three_ways_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::open(&folder.path().join("home"));
    window.harness.run_steps(3);
    window.harness.check_accessibility();
    for label in [
        "画像かフォルダーをここに置くと、すぐに描き始められます",
        "フォルダーを開く",
        "画像ファイルを開く",
        "5分間の練習をする",
        "研究用。診断・治療には使用できません",
    ] {
        assert!(window.sees(label), "{label}");
    }
}

#[test]
fn drop_outline_name_undo() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photograph(folder.path());
    let mut window = Window::dropped(&folder.path().join("home"), &photo);
    // Three actions from the open program to the first vertex: drop, (the polygon is in the hand), click.
    window.outline();
    assert_eq!(window.findings(), 1);
    assert!(window.sees("所見 1 用語未設定"));
    // The term field has the focus: type, Enter.
    window.harness.get_by_label("用語を検索（1–9 で選択）").type_text("びらん");
    window.harness.run_steps(2);
    window.harness.key_press(Key::Enter);
    window.harness.run_steps(3);
    assert!(window.sees("所見 1 びらん"), "named by typing");
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.harness.run_steps(3);
    assert!(window.sees("所見 1 用語未設定"), "the name is taken back");
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.harness.run_steps(3);
    assert_eq!(window.findings(), 0);
    assert!(window.sees("所見はまだありません"));
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Y);
    window.harness.run_steps(3);
    assert_eq!(window.findings(), 1);
}

#[test]
fn a_digit_is_a_quick_label_and_delete_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photograph(folder.path());
    let mut window = Window::dropped(&folder.path().join("home"), &photo);
    window.outline();
    window.harness.get_by_label("用語を検索（1–9 で選択）").type_text("1");
    window.harness.run_steps(3);
    assert!(!window.sees("所見 1 用語未設定"), "the first term was given");
    window.harness.key_press(Key::Delete);
    window.harness.run_steps(3);
    assert_eq!(window.findings(), 0);
    assert!(window.sees("所見 1 を削除しました（Ctrl+Z で戻せます）"));
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.harness.run_steps(3);
    assert_eq!(window.findings(), 1);
}

#[test]
fn an_outline_in_the_hand_survives_the_end_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let (home, photo) = (folder.path().join("home"), photograph(folder.path()));
    let mut window = Window::dropped(&home, &photo);
    for (x, y) in [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6)] {
        window.click(x, y);
    }
    drop(window);
    let mut window = Window::dropped(&home, &photo);
    assert_eq!(window.findings(), 0);
    window.harness.key_press(Key::Enter);
    window.harness.run_steps(3);
    assert_eq!(window.findings(), 1, "the three vertices came back and close");
}

#[test]
fn escape_steps_out_and_never_takes_a_finished_outline() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photograph(folder.path());
    let mut window = Window::dropped(&folder.path().join("home"), &photo);
    window.outline();
    for _ in 0..5 {
        window.harness.key_press(Key::Escape);
        window.harness.run_steps(2);
    }
    assert_eq!(window.findings(), 1);
}

#[test]
fn an_outline_that_a_rule_refuses_stays_in_the_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (home, photo) = (folder.path().join("home"), photograph(folder.path()));
    let mut window = Window::dropped(&home, &photo);
    // Three points in a line enclose nothing.
    for x in [0.4, 0.5, 0.6] {
        window.click(x, 0.5);
    }
    window.press(Key::Enter);
    assert!(window.sees("形を保存できません。面積のある輪郭を描いてください"), "the refusal is said");
    assert_eq!(window.findings(), 0);
    // It is kept over a crash, too.
    drop(window);
    let mut window = Window::dropped(&home, &photo);
    window.click(0.5, 0.7);
    window.press(Key::Enter);
    assert_eq!(window.findings(), 1, "one vertex more, and the same outline is taken");
}

#[test]
fn a_panel_keeps_the_width_that_a_hand_gave_it() {
    let folder = tempfile::tempdir().unwrap();
    let (home, photo) = (folder.path().join("home"), photograph(folder.path()));
    let mut window = Window::dropped(&home, &photo);
    let edge = |window: &Window| window.harness.get_by_label("画像").rect().left();
    let before = edge(&window);
    assert!(!home.join("settings.toml").exists(), "nobody has chosen anything yet");
    let y = 400.0;
    window.drag(egui::Pos2::new(before - 8.0, y), egui::Pos2::new(before + 52.0, y));
    let after = edge(&window);
    assert!((after - before - 52.0).abs() < 3.0, "from {before} to {after}");
    drop(window);
    for _ in 0..2 {
        let window = Window::dropped(&home, &photo);
        assert!((edge(&window) - after).abs() < 1.5, "{} instead of {after}", edge(&window));
    }
}

#[test]
fn the_language_switches_at_run_time() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photograph(folder.path());
    let mut window = Window::dropped(&folder.path().join("home"), &photo);
    assert!(window.sees("症例一覧"));
    window.harness.get_by_label("英語で表示").click();
    window.harness.run_steps(3);
    assert!(window.sees("Cases") && !window.sees("症例一覧"));
    window.harness.get_by_label("Show in Japanese").click();
    window.harness.run_steps(3);
    assert!(window.sees("症例一覧"));
}

#[test]
fn submitting_wants_a_name_for_every_finding_and_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photograph(folder.path());
    let mut window = Window::dropped(&folder.path().join("home"), &photo);
    window.outline();
    window.until("the image is hashed", |app| app.model().hashing.is_none());
    window.harness.key_press(Key::Escape);
    window.harness.run_steps(2);
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.harness.run_steps(3);
    assert!(window.harness.query_by_label_contains("用語が未設定の所見が 1 件あります").is_some());
    window.harness.get_by_label("読影に戻る").click();
    window.harness.run_steps(3);
    window.harness.key_press(Key::Num2);
    window.harness.run_steps(3);
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.harness.run_steps(3);
    window.harness.get_by_label("対象の所見あり").click();
    window.harness.run_steps(3);
    window.harness.get_by_label("提出して封印する").click();
    window.harness.run_steps(4);
    assert!(window.sees("提出しました。読影は封印されています"));
}

#[test]
fn both_languages_have_the_same_keys_once_and_fluent_reads_them() {
    let sets: Vec<BTreeSet<String>> = Lang::ALL
        .iter()
        .map(|lang| {
            let (keys, errors) = keys_of(*lang);
            assert!(errors.is_empty(), "{}: {errors:?}", lang.code());
            let set: BTreeSet<String> = keys.iter().cloned().collect();
            assert_eq!(set.len(), keys.len(), "a key stands twice in {}", lang.code());
            set
        })
        .collect();
    let [ja, en] = sets.as_slice() else { panic!("two languages") };
    assert_eq!(ja.difference(en).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in en");
    assert_eq!(en.difference(ja).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in ja");
}

/// Every literal that asks for words must name a message, and every message must be asked for.
#[test]
fn every_key_that_the_window_uses_exists() {
    let known: BTreeSet<String> = keys_of(Lang::Ja).0.into_iter().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gui");
    let mut literals = BTreeSet::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for asked in ["words.t(\"", "words.with(\"", "words.count(\""] {
                for rest in text.split(asked).skip(1) {
                    let key = rest.split('"').next().unwrap();
                    assert!(known.contains(key), "{}: no message '{key}'", path.display());
                }
            }
            literals.extend(text.split('"').map(str::to_owned));
        }
    }
    let computed = |k: &str| {
        // Reasons of volumes and names of hanging protocols come from below; tests there hold them to the messages.
        let from_below = ["history-", "warning-", "volume-", "hanging-"];
        k.ends_with("-help") || from_below.iter().any(|p| k.starts_with(p))
    };
    let unused: Vec<_> = known.iter().filter(|k| !computed(k) && !literals.contains(*k)).collect();
    assert!(unused.is_empty(), "messages that nobody asks for: {unused:?}");
}

/// The window is not touched: what another program appends to the project comes by itself.
#[test]
fn what_another_program_appends_appears() {
    let desk = tempfile::tempdir().unwrap();
    let mut study = crate::support::window::Study::new(desk.path(), 1);
    let mut window = study.window("R1");
    assert_eq!(window.findings(), 0);
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    window.until("the neighbour's finding is here", |app| app.model().findings.len() == 1);
}

/// When nothing is left to read, the key for the next case still leads to it.
#[test]
fn the_next_case_is_reached_when_all_are_submitted() {
    let desk = tempfile::tempdir().unwrap();
    let mut study = crate::support::window::Study::new(desk.path(), 3);
    study.read("R1", 0, &[]);
    study.read("R1", 2, &[]);
    let mut window = study.window("R1");
    let case = |window: &Window| window.app().look().case.clone().unwrap();
    // From wherever the window begins, the one that is left comes first.
    if case(&window) != study.cases[1] {
        window.press(Key::N);
    }
    assert_eq!(case(&window), study.cases[1]);
    study.read("R1", 1, &[]);
    window.until("the window knows", |app| app.model().cases.iter().all(|c| !c.state.editable()));
    window.press(Key::N);
    assert_eq!(case(&window), study.cases[2]);
}
