//! Where a project lies: sticks, synced folders and network drives are told, explained in a line, and a better place named.

use crate::support::desk::{Desk, text};
use crate::support::disk::Mount;

/// Runs a command with a person's folder of its own; what it says on standard error.
fn with_user(desk: &Desk, arguments: &[&str]) -> String {
    let out = desk.command(arguments).env("HOME", desk.path("user")).env_remove("XDG_CONFIG_HOME").output().unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", text(&out.stderr));
    text(&out.stderr)
}

#[test]
fn place_in_a_synced_folder_is_told_once_with_a_better_one() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("user")).unwrap();
    let marked: &[(&str, &str, &str)] = &[
        ("sync-a", ".dropbox.cache/", "Dropbox"),
        ("sync-b", ".849C9593-D756-4E56-8D6E-42412F2A707B", "OneDrive"),
        ("sync-c", ".tmp.driveupload/", "Google Drive"),
        ("sync-d", ".sync_0a1b2c3d4e5f.db", "Nextcloud"),
        ("sync-e", "._sync_0a1b2c3d4e5f.db", "Nextcloud"),
        ("sync-f", ".boxsync", "Box"),
        ("user/OneDrive - Some Hospital", "", "OneDrive"),
        ("user/Dropbox", "", "Dropbox"),
        ("user/Google Drive", "", "Google Drive"),
        ("user/Library/Mobile Documents/com~apple~CloudDocs", "", "iCloud Drive"),
        ("user/iCloudDrive", "", "iCloud Drive"),
        ("user/Library/CloudStorage/Box-Box", "", "Box"),
        ("user/Nextcloud", "", "Nextcloud"),
    ];
    for (folder, marker, service) in marked {
        std::fs::create_dir_all(desk.path(folder).join("work")).unwrap();
        match marker.strip_suffix('/') {
            Some(name) => std::fs::create_dir(desk.path(folder).join(name)).unwrap(),
            None if marker.is_empty() => {}
            None => std::fs::write(desk.path(folder).join(marker), "").unwrap(),
        }
        let project = format!("{folder}/work/p.shoken");
        let said = with_user(&desk, &["new", &project, "--name", "t"]);
        assert_eq!(said.trim_end().lines().count(), 1, "{folder}: {said}");
        assert!(
            said.contains(service) && said.contains(desk.path("user/p.shoken").to_str().unwrap()),
            "{folder}: {said}"
        );
        assert_eq!(with_user(&desk, &["worklist", &project]), "", "{folder}: told once");
        // Moved to a better place nothing is said; moved into another service's folder it is.
        std::fs::remove_dir_all(desk.path(folder).join("work")).unwrap();
    }
    std::fs::create_dir_all(desk.path("user/Boxes")).unwrap();
    for plain in ["plain.shoken", "user/Boxes/p.shoken"] {
        assert_eq!(with_user(&desk, &["new", plain, "--name", "t"]), "", "{plain}");
    }
    let home_settings = desk.path("user/.dropbox");
    std::fs::create_dir_all(home_settings).unwrap();
    assert_eq!(with_user(&desk, &["new", "user/q.shoken", "--name", "t"]), "", "Dropbox's settings are not its folder");
}

#[test]
fn place_on_a_stick_is_told_and_works() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("user")).unwrap();
    let image = desk.path("stick.img");
    std::fs::File::create(&image).unwrap().set_len(24 << 20).unwrap();
    let made = std::process::Command::new("mkfs.vfat").arg(&image).output();
    if !made.is_ok_and(|m| m.status.success()) {
        println!("skipped: no mkfs.vfat (package dosfstools)");
        return;
    }
    let Some(_stick) = Mount::new(&desk.path("stick"), &["-o", "loop", image.to_str().unwrap()]) else { return };
    let said = with_user(&desk, &["new", "stick/p.shoken", "--name", "t"]);
    assert!(said.contains("FAT") && said.contains("4 GB"), "{said}");
    desk.outline("f.geojson", 1);
    desk.photo("a.png", 1);
    desk.ok(&["import", "stick/p.shoken", "a.png"]);
    desk.annotate("stick/p.shoken");
    assert!(desk.ok(&["verify", "stick/p.shoken"]).contains("sound"));
    // Images on a stick get their personal project on the computer, not beside them.
    desk.photo("stick/b.png", 2);
    let opened = shoken::project::Project::open_or_create_personal(&[desk.path("stick/b.png")], &desk.path("home"));
    assert!(!opened.unwrap().project.folder().starts_with(desk.path("stick")));
}
