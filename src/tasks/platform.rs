//! The machine underneath: the home folder, atomic files, and what kind of disk a folder lies on.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// `$SHOKEN_HOME`, else the platform's data folder for Shoken: keys, settings, logs, witnesses, caches.
pub fn shoken_home() -> PathBuf {
    if let Some(home) = std::env::var_os("SHOKEN_HOME").filter(|h| !h.is_empty()) {
        return PathBuf::from(home);
    }
    directories::ProjectDirs::from("", "", "shoken")
        .map_or_else(|| PathBuf::from(".shoken"), |d| d.data_dir().to_owned())
}

/// Writes a file so that a reader sees the old or the new content and never half of it; durable when this returns.
///
/// # Errors
/// Any I/O error; the old file is untouched then.
pub fn write_atomic(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("file");
    let partial = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let result = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        if private {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        sync_folder(folder);
        Ok(())
    })();
    if result.is_err() {
        fs::remove_file(&partial).ok();
    }
    let _ = private;
    result
}

/// Makes the names in a folder durable, so that a rename survives a power cut. Folders cannot be opened for that on every
/// platform.
pub fn sync_folder(folder: &Path) {
    if let Ok(dir) = fs::File::open(folder) {
        dir.sync_all().ok();
    }
}

/// Makes a folder of a name that nothing has, in `base`. A private one can be entered by its owner alone.
///
/// # Errors
/// Any I/O error.
pub fn fresh_folder(base: &Path, prefix: &str, private: bool) -> io::Result<PathBuf> {
    let mut attempt = 0u32;
    loop {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let folder = base.join(format!("{prefix}-{}-{now:x}-{attempt}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        if private {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        let _ = private;
        match builder.create(&folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            made => return made.map(|()| folder),
        }
    }
}

/// Whether two paths lie on one disk, which dies as a whole; `None` where that cannot be told.
pub fn on_one_disk(a: &Path, b: &Path) -> Option<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(fs::metadata(a).ok()?.dev() == fs::metadata(b).ok()?.dev())
    }
    #[cfg(not(unix))]
    {
        let _ = (a, b);
        None
    }
}

/// A mark that stays with a file when it is renamed or moved on its disk and changes when it is copied.
///
/// # Errors
/// Any I/O error of asking for the file's metadata.
pub fn file_identity(path: &Path) -> io::Result<String> {
    let meta = fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok(format!("{:x}-{:x}", meta.dev(), meta.ino()))
    }
    #[cfg(not(unix))]
    {
        let made = meta.created()?.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        Ok(format!("{made:x}-{}", fs::canonicalize(path)?.display()))
    }
}

/// What writing into a folder would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    Possible,
    /// There is not even room for a few pages.
    Full,
    Refused,
}

/// Tries to write a little into a folder, since neither permission bits nor free-space figures tell of read-only mounts
/// and quotas.
pub fn try_writing(folder: &Path) -> Writing {
    let probe = folder.join(format!(".shoken-probe-{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)
        .and_then(|mut f| f.write_all(&vec![0; 128 << 10]));
    fs::remove_file(&probe).ok();
    match written {
        Ok(()) => Writing::Possible,
        Err(e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Writing::Full,
        Err(_) => Writing::Refused,
    }
}

/// Whether files can be made in this folder.
pub fn is_writable(folder: &Path) -> bool {
    try_writing(folder) == Writing::Possible
}

/// The kind of network file system a path lies on, where it is one; SQLite's locks cannot be relied on there.
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        let path = fs::canonicalize(path).ok()?;
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let best = mounts
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(' ');
                let point = fields.nth(1)?.replace("\\040", " ");
                let kind = fields.next()?.to_owned();
                path.starts_with(&point).then_some((point.len(), kind))
            })
            .max_by_key(|(len, _)| *len)?;
        match best.1.as_str() {
            "nfs" | "nfs4" => Some("NFS"),
            "cifs" | "smb3" | "smbfs" => Some("SMB"),
            "fuse.sshfs" => Some("SSHFS"),
            "9p" => Some("9P"),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}
