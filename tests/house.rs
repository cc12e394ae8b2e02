//! Settings that survive damage, and logs and crash notes that never say whose image was open.

use std::path::Path;
use std::process::Command;

use shoken::domain::Sensitive;
use shoken::project::{Language, Settings, SettingsFile, SettingsNotice, Theme, start_diagnostics};

/// What a hospital's export folder might be called; no file that Shoken writes about itself may hold any of it.
const PLANTED: &str = "YAMADA_Taro_0012345_1.2.392.200036.9116.2.5.1";
const CHILD_HOME: &str = "SHOKEN_TEST_PANICKING_HOME";

fn all_text_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        text.push_str(&entry.file_name().unwrap().to_string_lossy());
        text.push('\n');
        if entry.is_dir() {
            text.push_str(&all_text_below(&entry));
        } else {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(&entry).unwrap()));
        }
    }
    text
}

/// Run only as a child of [`a_crash_leaves_a_note_that_names_nobody`]: the hook and the log belong to a whole process.
#[test]
fn child_that_panics() {
    let Some(home) = std::env::var_os(CHILD_HOME) else { return };
    let log = start_diagnostics(Path::new(&home)).unwrap();
    tracing::info!(target: "shoken::test", path = ?Sensitive::from(PLANTED), "opened");
    tracing::warn!(target: "dicom_object", "PatientID is {PLANTED}");
    let path = format!("/export/{PLANTED}/slice.dcm");
    let worker = std::thread::Builder::new().name("shoken-decode-0".to_owned());
    let outcome = worker.spawn(move || assert!(!path.contains("slice"), "cannot decode {path}")).unwrap().join();
    assert!(outcome.is_err());
    // A decoder that gives up on a file is an error of that file and no crash.
    let message = shoken::tasks::foreign(|| assert!(PLANTED.is_empty(), "no header in {PLANTED}")).unwrap_err();
    assert!(message.contains("no header"));
    assert!(!shoken::tasks::in_foreign_code());
    tracing::info!(target: "shoken::test", "went on");
    drop(log);
}

#[test]
fn a_crash_leaves_a_note_that_names_nobody() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["house::child_that_panics", "--exact", "--nocapture"])
        .env(CHILD_HOME, home.path())
        .env_remove("SHOKEN_LOG")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("internal error at tests/house.rs:"), "{printed}");

    let notes: Vec<_> = std::fs::read_dir(home.path().join("crashes")).unwrap().map(Result::unwrap).collect();
    assert_eq!(notes.len(), 1, "one crash, and a file that could not be read");
    let note = &notes[0];
    assert!(printed.contains(&note.path().display().to_string()), "{printed}");
    let note = std::fs::read_to_string(note.path()).unwrap();
    assert!(note.contains("thread shoken-decode-0") && note.contains("place tests/house.rs:"), "{note}");
    assert!(note.contains("child_that_panics"), "the stack is missing:\n{note}");

    let log = all_text_below(&home.path().join("logs"));
    assert!(log.contains("opened") && log.contains("<hidden ") && log.contains("went on"), "{log}");
    assert!(!log.contains("dicom_object"), "only our own messages are logged:\n{log}");

    let everything = all_text_below(home.path()) + &printed;
    for part in [PLANTED, "YAMADA", "0012345", "1.2.392", env!("CARGO_MANIFEST_DIR")] {
        assert!(!everything.contains(part), "{part} was written:\n{everything}");
    }
}

#[test]
fn settings_keep_what_they_do_not_know() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("settings.toml");
    let written = "# mine\nversion = 1\nlanguage = \"en\"\nfrom_the_future = [1, 2]\n\n[hospital]\nward = 7 # north\n";
    std::fs::write(&path, written).unwrap();
    let mut file = SettingsFile::load(home.path()).unwrap();
    assert_eq!(file.take_notice(), None);
    assert_eq!(file.settings(), &Settings { language: Language::English, ..Settings::default() });

    file.update(|s| s.theme = Theme::Light).unwrap();
    let now = std::fs::read_to_string(&path).unwrap();
    for line in written.lines() {
        assert!(now.contains(line), "`{line}` was lost:\n{now}");
    }
    let again = SettingsFile::load(home.path()).unwrap();
    assert_eq!(again.settings(), file.settings());
    assert_eq!(again.settings().theme, Theme::Light);
}

#[test]
fn every_setting_survives_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("not/yet/there");
    let mut file = SettingsFile::load(&folder).unwrap();
    assert_eq!(file.settings(), &Settings::default());
    file.update(|s| {
        *s = Settings {
            language: Language::English,
            theme: Theme::Light,
            key_profile: "qupath".to_owned(),
            cache_bytes: 512 * 1024 * 1024,
            motion: false,
            monitor_profile: Some("/a/monitor.icc".into()),
            panels: std::collections::BTreeMap::from([("workspace-read".to_owned(), [240, 320])]),
            second_window: Some([1366, -20, 1280, 1000]),
        };
    })
    .unwrap();
    let mut again = SettingsFile::load(&folder).unwrap();
    assert_eq!(again.settings(), file.settings());
    again.update(|s| *s = Settings::default()).unwrap();
    assert_eq!(SettingsFile::load(&folder).unwrap().settings(), &Settings::default());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing but the settings file remains");
}

#[test]
fn damaged_settings_are_set_aside_not_lost() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("settings.toml");
    for (damage, kept_as) in [(&b"language = \"en"[..], "settings.toml.bad"), (b"\xff\xfe\x00", "settings.toml.bad-1")]
    {
        std::fs::write(&path, damage).unwrap();
        let mut file = SettingsFile::load(home.path()).unwrap();
        assert_eq!(file.settings(), &Settings::default());
        let notice = file.take_notice().unwrap();
        assert_eq!(notice, SettingsNotice::SetAside { kept_as: kept_as.to_owned() });
        assert!(notice.to_string().contains(kept_as));
        assert_eq!(std::fs::read(home.path().join(kept_as)).unwrap(), damage);
        assert!(!path.exists());
    }
}

#[test]
fn a_value_that_makes_no_sense_is_ignored_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("settings.toml");
    let written = "language = \"tlh\"\ntheme = \"light\"\ncache_mib = -5\nmotion = \"no\"\n";
    std::fs::write(&path, written).unwrap();
    let mut file = SettingsFile::load(home.path()).unwrap();
    assert_eq!(file.take_notice(), Some(SettingsNotice::Ignored { keys: vec!["language", "cache_mib", "motion"] }));
    assert_eq!(file.settings(), &Settings { theme: Theme::Light, ..Settings::default() });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
}

#[test]
fn settings_of_a_newer_version_are_read_as_far_as_known() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("settings.toml");
    std::fs::write(&path, "version = 9\nlanguage = \"en\"\n").unwrap();
    let mut file = SettingsFile::load(home.path()).unwrap();
    assert_eq!(file.take_notice(), Some(SettingsNotice::Newer { version: 9 }));
    assert_eq!(file.settings().language, Language::English);
    file.update(|s| s.motion = false).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("version = 9"));
}

/// Drives the program over a folder whose every name is a patient's and looks at all that it wrote about itself.
#[test]
fn the_program_writes_no_planted_name_into_its_home() {
    let home = tempfile::tempdir().unwrap();
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join(PLANTED);
    std::fs::create_dir_all(&folder).unwrap();
    let image = folder.join(format!("{PLANTED}.png"));
    image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 0])).save(&image).unwrap();
    let broken = folder.join(format!("{PLANTED}.svs"));
    std::fs::write(&broken, PLANTED).unwrap();
    let project = work.path().join("study.shoken");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for arguments in [
        vec!["new".to_owned(), text(&project), "--name".to_owned(), PLANTED.to_owned()],
        vec!["import".to_owned(), text(&project), text(&folder)],
        vec!["worklist".to_owned(), text(&project)],
        vec!["verify".to_owned(), text(&project)],
        vec!["inspect".to_owned(), text(&image)],
        vec!["inspect".to_owned(), text(&broken)],
        vec!["verify".to_owned(), text(&folder)],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_shoken"))
            .args(&arguments)
            .env("SHOKEN_HOME", home.path())
            .env("SHOKEN_LOG", "trace")
            .output()
            .unwrap();
        assert!(output.status.code().is_some(), "killed: {arguments:?}");
    }
    let everything = all_text_below(home.path());
    assert!(everything.contains("started"), "nothing was logged:\n{everything}");
    for part in [PLANTED, "YAMADA", "0012345", "1.2.392"] {
        assert!(!everything.contains(part), "{part} was written:\n{everything}");
    }
    assert!(!home.path().join("crashes").exists(), "it crashed:\n{everything}");
}

/// `shoken ontology search … | head -1` must end quietly.
#[test]
fn a_reader_who_has_seen_enough_is_no_crash() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shoken"))
        .args(["ontology", "search", "a", "--limit", "1000", "--json"])
        .env("SHOKEN_HOME", home.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(!home.path().join("crashes").exists());
}

const PAGES: [&str; 4] = ["README.md", "DEVELOPERS.md", "CONTRIBUTING.md", "CHANGELOG.md"];

#[test]
fn every_relative_link_of_the_docs_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(link.starts_with("https://") || root.join(link).exists(), "{page}: {link}");
        }
    }
}

/// Every `shoken WORD` that the docs show is a command of the program.
#[test]
fn every_command_of_the_docs_exists() {
    let help = Command::new(env!("CARGO_BIN_EXE_shoken")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = help.lines().filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next()).collect();
    for page in PAGES {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let shown = text.lines().flat_map(|l| l.strip_prefix("shoken ").into_iter().chain(l.split("`shoken ").skip(1)));
        for word in shown.filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()) {
            // The pages tell of the whole program; one built without the network has no archives to ask.
            let elsewhere = cfg!(not(feature = "network")) && word == "pacs";
            let is_command = !elsewhere && word.starts_with(|c: char| c.is_ascii_lowercase());
            assert!(!is_command || commands.contains(&word), "{page}: `shoken {word}` is no command: {commands:?}");
        }
    }
}
