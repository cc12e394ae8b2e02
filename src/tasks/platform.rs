//! The machine underneath: the home folder, atomic files, and what kind of disk a folder lies on.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// `$SHOKEN_HOME`, else the platform's data folder for Shoken: keys, settings, logs, witnesses, caches.
pub fn shoken_home() -> PathBuf {
    if let Some(home) = std::env::var_os("SHOKEN_HOME").filter(|h| !h.is_empty()) {
        return PathBuf::from(home);
    }
    directories::ProjectDirs::from("", "", "shoken")
        .map_or_else(|| PathBuf::from(".shoken"), |d| d.data_dir().to_owned())
}

/// A suffix that no other process and no other call in this one has now.
fn unique() -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed))
}

/// Writes a file so that a reader sees the old or the new content and never half of it; durable when this returns.
///
/// # Errors
/// Any I/O error; the old file is untouched then.
pub fn write_atomic(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("file");
    let partial = folder.join(format!(".{name}.{}.partial", unique()));
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

/// Starts the names of files that [`try_writing`] makes and removes.
const PROBE: &str = ".shoken-probe-";

/// Removes what killed processes left. One that is in use right now goes on being written: its name is all that is lost.
fn sweep_probes(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|n| n.starts_with(PROBE)) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Tries to write a little into a folder, since neither permission bits nor free-space figures tell of read-only mounts
/// and quotas.
pub fn try_writing(folder: &Path) -> Writing {
    sweep_probes(folder);
    let probe = folder.join(format!("{PROBE}{}", unique()));
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
    // A Windows path of a server says so itself, before any drive is asked.
    if path.to_string_lossy().starts_with(r"\\") && cfg!(windows) {
        return Some("SMB");
    }
    network(&file_system(path)?)
}

fn network(kind: &str) -> Option<&'static str> {
    match kind {
        "nfs" | "nfs4" => Some("NFS"),
        "cifs" | "smb3" | "smbfs" | "Remote" => Some("SMB"),
        "afpfs" => Some("AFP"),
        "webdav" | "davfs" | "fuse.davfs2" => Some("WebDAV"),
        "fuse.sshfs" | "macfuse.sshfs" => Some("SSHFS"),
        "9p" => Some("9P"),
        "ceph" | "fuse.ceph" | "lustre" | "fuse.glusterfs" | "afs" => Some("cluster"),
        _ => None,
    }
}

/// The kind of file system that a path lies on, in the system's own word; `None` where it does not say.
pub fn file_system(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    #[cfg(target_os = "linux")]
    {
        kind_in_mounts(&fs::read_to_string("/proc/self/mounts").ok()?, &path)
    }
    #[cfg(target_os = "macos")]
    {
        let listed = std::process::Command::new("/sbin/mount").output().ok()?;
        kind_in_mount_list(&String::from_utf8_lossy(&listed.stdout), &path)
    }
    #[cfg(windows)]
    {
        let text = path.to_string_lossy().replace(r"\\?\", "");
        let drive = text.get(..2).filter(|d| d.ends_with(':'))?.to_owned();
        let ask = |what: &str| {
            let out =
                std::process::Command::new("fsutil").args(["fsinfo", what, &format!("{drive}\\")]).output().ok()?;
            Some(String::from_utf8_lossy(&out.stdout).into_owned())
        };
        // The words are translated, the names of file systems are not.
        let volume = ask("volumeinfo").unwrap_or_default();
        let known = ["exFAT", "FAT32", "FAT", "NTFS", "ReFS"];
        let named = known.into_iter().find(|k| volume.split_whitespace().any(|w| w == *k)).map(str::to_owned);
        named.or_else(|| ask("drivetype").filter(|t| t.contains("Remote")).map(|_| "Remote".to_owned()))
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    {
        let _ = path;
        None
    }
}

/// Looks a path up in `/proc/self/mounts`: the longest mount point it lies under, the last of two alike.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "kept together with its test"))]
fn kind_in_mounts(mounts: &str, path: &Path) -> Option<String> {
    let of_line = |line: &str| {
        let mut fields = line.split(' ');
        let point = fields.nth(1)?.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
        let kind = fields.next()?.to_owned();
        path.starts_with(&point).then_some((point.len(), kind))
    };
    mounts.lines().filter_map(of_line).max_by_key(|(len, _)| *len).map(|(_, kind)| kind)
}

/// The same in what macOS's `mount` prints: `/dev/disk4s1 on /Volumes/STICK (msdos, local, nodev)`.
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "kept together with its test"))]
fn kind_in_mount_list(listed: &str, path: &Path) -> Option<String> {
    let of_line = |line: &str| {
        let (_, rest) = line.split_once(" on ")?;
        let (point, kinds) = rest.rsplit_once(" (")?;
        let kind = kinds.split([',', ')']).next()?.trim().to_owned();
        path.starts_with(point).then_some((point.len(), kind))
    };
    listed.lines().filter_map(of_line).max_by_key(|(len, _)| *len).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_names_the_file_system() {
        let mounts = "/dev/vda / ext4 rw 0 0\nserver:/x /mnt/share nfs4 rw 0 0\n/dev/sdb1 /mnt/my\\040stick vfat rw 0 0\n\
                      //s/d /mnt/share/in cifs rw 0 0\ntmpfs /mnt/share/in tmpfs rw 0 0\n";
        let kind = |p: &str| kind_in_mounts(mounts, Path::new(p)).unwrap_or_default();
        assert_eq!(kind("/home/r/p.shoken"), "ext4");
        assert_eq!(kind("/mnt/share/p.shoken"), "nfs4");
        assert_eq!(kind("/mnt/my stick/p.shoken"), "vfat");
        assert_eq!(kind("/mnt/share/in/p"), "tmpfs", "what was mounted last covers the rest");
        assert_eq!((network("nfs4"), network("tmpfs")), (Some("NFS"), None));
        let listed = "/dev/disk3s1 on / (apfs, sealed, local)\n/dev/disk4s1 on /Volumes/MY STICK (msdos, local, nodev)\n\
                      //r@nas/x on /Volumes/x (smbfs, nodev, nosuid)\n";
        let kind = |p: &str| kind_in_mount_list(listed, Path::new(p)).unwrap_or_default();
        assert_eq!(kind("/Volumes/MY STICK/p.shoken"), "msdos");
        assert_eq!(network(&kind("/Volumes/x/p.shoken")), Some("SMB"));
        assert_eq!(kind("/Users/r"), "apfs");
    }
}
