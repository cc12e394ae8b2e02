//! Real disks for tests: mounted, filled to the last byte, gone with the test.

use std::path::{Path, PathBuf};
use std::process::Command;

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
        println!("skipped: this process may not mount ({})", String::from_utf8_lossy(&done.stderr).trim());
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
