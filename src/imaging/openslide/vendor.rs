//! Which files are OpenSlide's to read, by their bytes and by what lies beside them, and which files make one slide.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

/// A vendor whose TIFF files are more than a pyramid of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Leica,
    Ventana,
    Philips,
    Trestle,
}

impl Vendor {
    /// Whether the levels are those of a plain pyramid, so that Shoken's own reader shows the same slide without the library.
    pub fn is_plain_pyramid(self) -> bool {
        matches!(self, Self::Philips | Self::Trestle)
    }
}

/// The vendor of a TIFF by the texts of its first directory (`Software`, `ImageDescription`) and the XMP texts of all.
pub fn of_tiff(software: &str, description: &str, xmp: impl IntoIterator<Item = Vec<u8>>) -> Option<Vendor> {
    if software.starts_with("Philips") {
        return Some(Vendor::Philips);
    }
    if software.starts_with("MedScan") {
        return Some(Vendor::Trestle);
    }
    if description.contains("http://www.leica-microsystems.com/scn/") {
        return Some(Vendor::Leica);
    }
    let is_ventana = |text: Vec<u8>| text.windows(6).any(|bytes| bytes == b"<iScan");
    xmp.into_iter().any(is_ventana).then_some(Vendor::Ventana)
}

/// Formats that begin with bytes of their own: Hamamatsu's lists of files, Zeiss, SQLite (Sakura).
pub fn is_foreign_head(head: &[u8]) -> bool {
    const STARTS: [&[u8]; 4] = [
        b"[Virtual Microscope Specimen]",
        b"[Uncompressed Virtual Microscope Specimen]",
        b"ZISRAWFILE",
        // OLE2, which ZVI is stored in.
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
    ];
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    STARTS.iter().any(|start| text.starts_with(start)) || is_sakura(head)
}

/// A database with the tables of Sakura's slides; their definitions stand in its first page.
fn is_sakura(head: &[u8]) -> bool {
    head.starts_with(b"SQLite format 3\0") && head.windows(17).any(|bytes| bytes == b"DataManagerSQLite")
}

/// MIRAX: a small JPEG beside a folder of its name that holds `Slidedat.ini`.
pub fn is_mirax(path: &Path) -> bool {
    path.extension().is_some() && path.with_extension("").join("Slidedat.ini").is_file()
}

/// The files that make the slide, the named one first.
pub fn members(path: &Path) -> Vec<PathBuf> {
    let mut out = vec![path.to_path_buf()];
    if is_mirax(path) {
        let entries = std::fs::read_dir(path.with_extension("")).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|file| file.is_file()).collect();
        files.sort();
        out.append(&mut files);
    } else if let Some(text) = list_of_files(path) {
        for value in text.lines().filter_map(|line| line.split_once('=')).map(|(_, value)| value.trim()) {
            let plain = !value.is_empty() && !value.contains(['/', '\\', ':', '\0']) && !value.starts_with('.');
            let file = path.with_file_name(value);
            if plain && !out.contains(&file) && file.is_file() {
                out.push(file);
            }
        }
    }
    out
}

/// The text of a VMS or VMU file.
fn list_of_files(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(1 << 20).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.trim_start_matches('\u{FEFF}')
        .starts_with('[')
        .then_some(text)
        .filter(|text| text.contains("Virtual Microscope"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_are_told_by_what_they_write() {
        let none = Vec::<Vec<u8>>::new;
        assert_eq!(of_tiff("Philips DP v1.0", "", none()), Some(Vendor::Philips));
        let scn = r#"<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">"#;
        assert_eq!(of_tiff("", scn, none()), Some(Vendor::Leica));
        assert_eq!(
            of_tiff("ScanOutputManager", "", [b"x".to_vec(), b"<EncodeInfo><iScan Mode=".to_vec()]),
            Some(Vendor::Ventana)
        );
        assert_eq!(of_tiff("MedScan 1", "", none()), Some(Vendor::Trestle));
        assert_eq!(of_tiff("Adobe Photoshop", "Aperio Image Library", none()), None);
        assert!(is_foreign_head(b"[Virtual Microscope Specimen]\r\nNoLayers=1") && is_foreign_head(b"ZISRAWFILE\0\0"));
        assert!(!is_foreign_head(b"[Something else]") && !is_foreign_head(b"SQLite format 3\0 a project"));
    }

    #[test]
    fn a_slide_of_several_files_knows_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(
            at("a.vms"),
            "[Virtual Microscope Specimen]\r\nImageFile=a.jpg\r\nMapFile=a_map.jpg\r\nX=../b.jpg\r\n",
        )
        .unwrap();
        for name in ["a.jpg", "a_map.jpg", "b.jpg", "s.mrxs"] {
            std::fs::write(at(name), "x").unwrap();
        }
        assert_eq!(members(&at("a.vms")), [at("a.vms"), at("a.jpg"), at("a_map.jpg")]);
        assert!(!is_mirax(&at("s.mrxs")));
        std::fs::create_dir(at("s")).unwrap();
        std::fs::write(at("s/Slidedat.ini"), "").unwrap();
        std::fs::write(at("s/Data0000.dat"), "").unwrap();
        assert!(is_mirax(&at("s.mrxs")));
        assert_eq!(members(&at("s.mrxs")), [at("s.mrxs"), at("s/Data0000.dat"), at("s/Slidedat.ini")]);
    }
}
