//! A person's desk: a folder of its own with a home, images and projects, worked on through the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        // Another build may replace the program while the tests run; whoever shares the folder names a copy.
        let program = std::env::var("SHOKEN_TEST_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_shoken").to_owned());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env("SHOKEN_HOME", self.path("home"));
        command.env("LANG", "C").env_remove("LC_ALL").env_remove("SHOKEN_LANG");
        command
    }

    pub fn shoken(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; what it prints.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let out = self.shoken(arguments);
        assert!(out.status.success(), "{arguments:?}: {} {}", text(&out.stdout), text(&out.stderr));
        text(&out.stdout)
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Runs a command that must fail with one line on standard error, exit code 1 or 2, and no panic.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let out = self.shoken(arguments);
        let line = text(&out.stderr);
        assert!(matches!(out.status.code(), Some(1 | 2)), "{arguments:?}: {:?} {line}", out.status);
        assert!(line.starts_with("shoken: ") && line.trim_end().lines().count() == 1, "{arguments:?}: {line}");
        assert!(!line.contains("panicked"));
        line
    }

    /// Starts a command in the background.
    pub fn spawn(&self, arguments: &[&str]) -> std::process::Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A photograph of one colour, so that two of them differ.
    pub fn photo(&self, name: &str, shade: u8) {
        image::RgbImage::from_pixel(32, 32, image::Rgb([shade, 9, 200])).save(self.path(name)).unwrap();
    }

    pub fn outline(&self) {
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"term":"E0020"},
            "geometry":{"type":"Polygon","coordinates":[[[1,1],[9,1],[9,9],[1,9],[1,1]]]}}]}"#;
        std::fs::write(self.path("f.geojson"), text).unwrap();
    }

    /// A project with one photograph, `C-0001`, and an outline file to annotate it with.
    pub fn project(&self, name: &str) {
        self.outline();
        self.photo("a.png", 1);
        self.ok(&["new", name, "--name", "t"]);
        self.ok(&["import", name, "a.png"]);
    }

    pub fn annotate(&self, name: &str) {
        self.ok(&["annotate", name, "--case", "C-0001", "--from", "f.geojson"]);
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every byte of every file of a folder.
pub fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { out.extend(all_bytes(&path)) } else { out.extend(std::fs::read(path).unwrap()) }
    }
    out
}

pub fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle.as_bytes())
}

/// A mounted file system that goes away with the test.
pub struct Mount(pub PathBuf);

impl Mount {
    /// `None` where this process may not mount; that it skips is said on standard output.
    pub fn new(folder: &Path, arguments: &[&str]) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let done = Command::new("mount").args(arguments).arg(folder).output().ok()?;
        if done.status.success() {
            return Some(Self(folder.to_owned()));
        }
        println!("skipped: this process may not mount ({})", text(&done.stderr).trim());
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}

/// Fills a disk to its last byte; the files to remove to make room again.
pub fn fill(folder: &Path) -> Vec<PathBuf> {
    let (mut size, mut ballast) = (1 << 20, Vec::new());
    while size > 0 {
        let path = folder.join(format!("ballast-{}", ballast.len()));
        if std::fs::write(&path, vec![1u8; size]).is_ok() {
            ballast.push(path);
        } else {
            std::fs::remove_file(&path).ok();
            size /= 2;
        }
    }
    ballast
}
