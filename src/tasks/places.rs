//! Places where a project is not safe: network drives, folders that a service copies to the network, sticks without a
//! journal. Told by the kind of file system, by the services' own marker files, and by the folders they make.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::platform;

/// Why a folder is a poor place for a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// SQLite's locks cannot be relied on there.
    Network(&'static str),
    /// A service reads, and may overwrite, files while they are written.
    Cloud(&'static str),
    /// No journal of its own: a stick that is pulled may lose more than the last write; files end at 4 GB on FAT.
    Fat(&'static str),
}

/// What speaks against a folder, or against the one it would be made in; the gravest first.
pub fn concern(folder: &Path) -> Option<Concern> {
    let there = folder.ancestors().find(|a| a.exists()).unwrap_or(folder);
    if let Some(kind) = platform::network_file_system(there) {
        return Some(Concern::Network(kind));
    }
    let user = directories::UserDirs::new().map(|d| d.home_dir().to_owned());
    if let Some(service) = cloud_service(there, user.as_deref()) {
        return Some(Concern::Cloud(service));
    }
    platform::file_system(there).and_then(|kind| fat(&kind)).map(Concern::Fat)
}

/// A folder on this computer that nothing speaks against, for a project of this name.
pub fn better_place(name: &Path) -> PathBuf {
    let name = name.file_name().map_or_else(|| PathBuf::from("project.shoken"), PathBuf::from);
    let user = directories::UserDirs::new();
    let documents = user.as_ref().and_then(|d| d.document_dir()).map(Path::to_owned);
    let home = user.as_ref().map(|d| d.home_dir().to_owned());
    let candidates = documents.into_iter().chain(home).filter(|d| d.is_dir() && concern(d).is_none());
    candidates.map(|d| d.join(&name)).next().unwrap_or_else(|| platform::shoken_home().join("projects").join(&name))
}

/// The name of a FAT file system, by what Linux, macOS and Windows call it.
fn fat(kind: &str) -> Option<&'static str> {
    match kind.to_ascii_lowercase().as_str() {
        "vfat" | "msdos" | "fat" | "fat12" | "fat16" | "fat32" => Some("FAT"),
        "exfat" | "fuse.exfat" | "fuseblk.exfat" => Some("exFAT"),
        _ => None,
    }
}

/// The service that copies a folder to the network, where one does. `user` is the person's own folder, in which services
/// make theirs.
pub fn cloud_service(folder: &Path, user: Option<&Path>) -> Option<&'static str> {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    by_named_folder(&folder, user).or_else(|| folder.ancestors().find_map(by_marker)).or_else(|| by_variable(&folder))
}

/// Files that the services' programs leave in the top folder of what they copy.
fn by_marker(folder: &Path) -> Option<&'static str> {
    const MARKERS: &[(&str, &str)] = &[
        (".dropbox", "Dropbox"),
        (".dropbox.cache", "Dropbox"),
        (".849C9593-D756-4E56-8D6E-42412F2A707B", "OneDrive"),
        (".tmp.driveupload", "Google Drive"),
        (".tmp.drivedownload", "Google Drive"),
        (".shortcut-targets-by-id", "Google Drive"),
        (".owncloudsync.log", "ownCloud"),
        (".nextcloudsync.log", "Nextcloud"),
        (".boxsync", "Box"),
        (".stfolder", "Syncthing"),
    ];
    if let Some((name, service)) = MARKERS.iter().find(|(name, _)| folder.join(name).exists()) {
        // Dropbox also keeps its settings in the home folder under this name; its top folder has a file.
        let is_settings = *name == ".dropbox" && folder.join(name).is_dir();
        if !is_settings {
            return Some(service);
        }
    }
    // Nextcloud's and ownCloud's journal: `.sync_1234abcd.db`, formerly `._sync_1234abcd.db`.
    let entries = fs::read_dir(folder).ok()?;
    let journal = |name: &str| {
        (name.starts_with(".sync_") || name.starts_with("._sync_"))
            && Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("db"))
    };
    entries.flatten().any(|e| journal(&e.file_name().to_string_lossy())).then_some("Nextcloud")
}

/// Folders that the services make under names of their own, on macOS also in `Library`.
fn by_named_folder(folder: &Path, user: Option<&Path>) -> Option<&'static str> {
    let inside = folder.strip_prefix(fs::canonicalize(user?).ok()?).ok()?;
    let mut names = inside.components().filter_map(|c| match c {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let first = names.next()?;
    if first == "Library" {
        return match (names.next()?, names.next()) {
            ("Mobile Documents", _) => Some("iCloud Drive"),
            ("CloudStorage", Some(name)) => service_of(name).or(Some("a cloud service")),
            _ => None,
        };
    }
    service_of(first)
}

/// The service by the name of its folder: `OneDrive - Some Hospital`, `GoogleDrive-someone`.
fn service_of(name: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("OneDrive", "OneDrive"),
        ("Dropbox", "Dropbox"),
        ("Google Drive", "Google Drive"),
        ("GoogleDrive", "Google Drive"),
        ("iCloudDrive", "iCloud Drive"),
        ("iCloud Drive", "iCloud Drive"),
        ("Nextcloud", "Nextcloud"),
        ("ownCloud", "ownCloud"),
        ("Box Sync", "Box"),
        ("Box", "Box"),
    ];
    let rest_is_no_word = |rest: &str| rest.chars().next().is_none_or(|c| matches!(c, ' ' | '-' | '('));
    let fits = |service: &str| name.strip_prefix(service).is_some_and(rest_is_no_word);
    NAMES.iter().find(|(start, _)| fits(start)).map(|(_, service)| *service)
}

/// What OneDrive tells every program on Windows.
fn by_variable(folder: &Path) -> Option<&'static str> {
    let variables = ["OneDrive", "OneDriveConsumer", "OneDriveCommercial"];
    let roots =
        variables.iter().filter_map(std::env::var_os).map(PathBuf::from).filter_map(|p| fs::canonicalize(p).ok());
    roots.into_iter().any(|root| folder.starts_with(root)).then_some("OneDrive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_told_by_whole_names() {
        assert_eq!(service_of("OneDrive - Some Hospital"), Some("OneDrive"));
        assert_eq!(service_of("Dropbox (Personal)"), Some("Dropbox"));
        assert_eq!(service_of("Boxes"), None);
        assert_eq!(service_of("GoogleDrive-someone@example.org"), Some("Google Drive"));
        assert_eq!(service_of("Documents"), None);
    }

    #[test]
    fn fat_is_told_from_what_keeps_a_journal() {
        assert_eq!((fat("vfat"), fat("exfat"), fat("FAT32")), (Some("FAT"), Some("exFAT"), Some("FAT")));
        assert_eq!((fat("ext4"), fat("ntfs"), fat("apfs"), fat("fatx")), (None, None, None, None));
    }
}
