//! Each hostile situation gives one clear line and exit code 1 or 2, never a panic, and loses nothing.

use std::process::Command;

use crate::support::desk::Desk;
use crate::support::disk::Mount;

fn project(desk: &Desk) {
    desk.ok(&["new", "p.shoken", "--name", "t"]);
    image::RgbImage::new(32, 32).save(desk.path("a.png")).unwrap();
    desk.ok(&["import", "p.shoken", "a.png"]);
}

fn outline(desk: &Desk) {
    desk.outline("f.geojson", 1);
}

/// A baseline TIFF header with these width and height and nothing behind it.
fn tiff_header(width: u32, height: u32) -> Vec<u8> {
    let entries: [(u16, u32); 9] =
        [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 10)];
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(4u16.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    out
}

#[test]
fn hostile_files_are_refused_in_one_line() {
    let desk = Desk::new();
    project(&desk);
    let mut dicom = vec![0u8; 128];
    dicom.extend(b"DICM\x02\0\0\0UL\x04\0\xff\0\0\0\x02\0\x10\0UI");
    std::fs::write(desk.path("cut.dcm"), dicom).unwrap();
    std::fs::write(desk.path("text.svs"), "this is no slide").unwrap();
    std::fs::write(desk.path("huge.tif"), tiff_header(4_000_000_000, 1)).unwrap();
    std::fs::write(desk.path("wide.tif"), tiff_header(65_536, 65_536)).unwrap();
    std::fs::create_dir(desk.path("empty")).unwrap();
    for name in ["cut.dcm", "text.svs", "huge.tif", "wide.tif", "empty", "absent.png"] {
        assert!(desk.refused(&["inspect", name]).contains(name));
        assert!(desk.refused(&["import", "p.shoken", name]).contains(name));
        assert!(desk.refused(&["render", name, "--out", "x.png"]).contains(name));
    }
    desk.refused(&["verify", "empty"]);
    desk.refused(&["worklist", "absent.shoken"]);
    desk.refused(&["new", "p.shoken", "--name", "again"]);
    assert!(desk.ok(&["verify", "p.shoken"]).contains("sound"));
}

#[cfg(unix)]
#[test]
fn hostile_a_pipe_among_the_images_is_passed_over() {
    let desk = Desk::new();
    project(&desk);
    std::fs::create_dir(desk.path("folder")).unwrap();
    image::RgbImage::new(8, 9).save(desk.path("folder/b.png")).unwrap();
    // Opening a pipe that nobody writes into would wait for ever.
    assert!(Command::new("mkfifo").arg(desk.path("folder/pipe.dcm")).status().unwrap().success());
    assert!(desk.refused(&["inspect", "folder/pipe.dcm"]).contains("pipe.dcm"));
    assert!(desk.ok(&["import", "p.shoken", "folder", "--json"]).contains("pipe.dcm"));
}

#[test]
fn hostile_a_truncated_real_dicom_is_refused() {
    let Some(samples) = crate::support::samples() else { return };
    let desk = Desk::new();
    let bytes = std::fs::read(samples.join("radiology/ct-head-ge/01.dcm")).unwrap();
    for part in [200, 3_000, bytes.len() / 2] {
        std::fs::write(desk.path("cut.dcm"), &bytes[..part]).unwrap();
        assert!(desk.refused(&["inspect", "cut.dcm"]).contains("damaged"));
    }
}

#[test]
fn hostile_words_are_refused_with_what_is_allowed() {
    let desk = Desk::new();
    project(&desk);
    outline(&desk);
    assert!(desk.refused(&["new", "q.shoken", "--name", "t", "--kind", "war"]).contains("personal, study, campaign"));
    assert!(desk.refused(&["submit", "p.shoken", "--case", "C-0001", "--verdict", "maybe"]).contains("not-assessable"));
    assert!(desk.refused(&["annotate", "p.shoken", "--case", "C-9999", "--from", "f.geojson"]).contains("C-9999"));
    assert!(
        desk.refused(&["annotate", "p.shoken", "--case", "C-0001", "--reader", "nobody", "--from", "f.geojson"])
            .contains("nobody")
    );
    assert!(desk.refused(&["submit", "p.shoken", "--case", "C-0001"]).contains("does not fit 0 findings"));
    desk.ok(&["annotate", "p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(
        desk.refused(&["submit", "p.shoken", "--case", "C-0001", "--verdict", "no-finding"]).contains("1 findings")
    );
    desk.ok(&["submit", "p.shoken", "--case", "C-0001"]);
    assert!(desk.refused(&["annotate", "p.shoken", "--case", "C-0001", "--from", "f.geojson"]).contains("sealed"));
    assert!(desk.refused(&["amend", "p.shoken", "--case", "C-0001", "--reason", " "]).contains("reason"));
    assert!(desk.refused(&["release", "p.shoken", "--version", "1.0", "--out", "r"]).contains("three numbers"));
    std::fs::write(desk.path("bad.geojson"), r#"{"type":"Feature","properties":{"term":"X1"},"geometry":null}"#)
        .unwrap();
    desk.ok(&["amend", "p.shoken", "--case", "C-0001", "--reason", "second look"]);
    desk.refused(&["annotate", "p.shoken", "--case", "C-0001", "--from", "bad.geojson"]);
    assert!(!desk.path("r").exists());
}

#[test]
fn hostile_a_full_disk_during_append_loses_nothing() {
    let desk = Desk::new();
    outline(&desk);
    image::RgbImage::new(32, 32).save(desk.path("a.png")).unwrap();
    let Some(_mount) = Mount::new(&desk.path("small"), &["-t", "tmpfs", "-o", "size=2m", "tmpfs"]) else { return };
    desk.ok(&["new", "small/p.shoken", "--name", "t"]);
    desk.ok(&["import", "small/p.shoken", "a.png"]);
    desk.ok(&["annotate", "small/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    let before = desk.ok(&["journal", "export", "small/p.shoken"]);
    // Fill it to the last byte.
    let mut size = 1 << 20;
    let mut ballast = Vec::new();
    while size > 0 {
        let path = desk.path(&format!("small/ballast-{}", ballast.len()));
        if std::fs::write(&path, vec![1u8; size]).is_ok() {
            ballast.push(path);
        } else {
            std::fs::remove_file(&path).ok();
            size /= 2;
        }
    }
    let line = desk.refused(&["annotate", "small/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(line.contains("full"), "{line}");
    let line = desk.refused(&["release", "small/p.shoken", "--version", "1.0.0", "--out", "small/release"]);
    assert!(!desk.path("small/release").exists(), "{line}");
    ballast.iter().for_each(|p| std::fs::remove_file(p).unwrap());
    assert!(desk.ok(&["verify", "small/p.shoken"]).contains("sound"));
    let after = desk.ok(&["journal", "export", "small/p.shoken"]);
    assert!(before.lines().all(|l| after.contains(l)), "everything committed before is there");
    desk.ok(&["annotate", "small/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(desk.ok(&["verify", "small/p.shoken"]).contains("sound"));
}

#[test]
fn hostile_a_read_only_mount_opens_shows_and_verifies() {
    let desk = Desk::new();
    outline(&desk);
    image::RgbImage::new(32, 32).save(desk.path("a.png")).unwrap();
    let Some(mount) = Mount::new(&desk.path("disk"), &["-t", "tmpfs", "tmpfs"]) else { return };
    desk.ok(&["new", "disk/p.shoken", "--name", "t"]);
    desk.ok(&["import", "disk/p.shoken", "a.png"]);
    desk.ok(&["annotate", "disk/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&mount.0).status().unwrap();
    assert!(remounted.success());
    let line = desk.refused(&["annotate", "disk/p.shoken", "--case", "C-0001", "--from", "f.geojson"]);
    assert!(line.contains("cannot be written"), "{line}");
    assert!(desk.ok(&["worklist", "disk/p.shoken"]).contains("1 findings"));
    assert!(desk.ok(&["verify", "disk/p.shoken"]).contains("sound"));
    assert!(desk.ok(&["history", "disk/p.shoken"]).contains("Finding added"));
}

#[test]
fn hostile_journal_lines_change_nothing() {
    let desk = Desk::new();
    project(&desk);
    let honest = desk.ok(&["journal", "export", "p.shoken"]);
    let line = honest.lines().next().unwrap();
    let flipped = line.replacen("personal", "campaign", 1);
    let spaced = line.replacen("\\\"actor\\\":", "\\\"actor\\\": ", 1);
    let doubled = line.replacen("{\\\"actor\\\":", "{\\\"v\\\":1,\\\"actor\\\":", 1);
    let fraction = line.replacen("\\\"seq\\\":0", "\\\"seq\\\":0.0", 1);
    for bad in [
        flipped.as_str(),
        &spaced,
        &doubled,
        &fraction,
        "{}",
        "[]",
        "null",
        "{\"body\":\"\",\"sig\":\"\"}",
        "\u{0}",
        "{\"body\":1}",
    ] {
        assert_ne!(bad, line);
        std::fs::write(desk.path("bad.jsonl"), format!("{bad}\n")).unwrap();
        let out = desk.shoken(&["journal", "apply", "p.shoken", "bad.jsonl"]);
        assert_eq!(out.status.code(), Some(1), "{bad}");
        assert!(String::from_utf8_lossy(&out.stdout).contains("refused"), "{bad}");
    }
    assert!(desk.ok(&["verify", "p.shoken"]).contains("sound"));
}
