//! DICOMDIR, the index of a disc (PS3.3 annex F): the files that it names.

use std::path::{Component, Path, PathBuf};

use super::dataset::{Dataset, Tag, read_structure};
use crate::imaging::{bytes::FileBytes, guard::caught};

const CLASS: &str = "1.2.840.10008.1.3.10";
const RECORDS: Tag = 0x0004_1220;
const FILE_ID: Tag = 0x0004_1500;

/// One file that an index names.
pub struct Listed {
    /// As the index names it, below the index's folder.
    pub named: PathBuf,
    /// Where it is, when it is there.
    pub found: Option<PathBuf>,
}

/// The files that the index at `path` names, in its order; `None` when the file is no index.
pub fn listed(path: &Path) -> Option<Vec<Listed>> {
    let bytes = FileBytes::open(path).ok()?;
    let structure = caught(|| read_structure(&bytes)).ok()?.ok()?.0;
    if structure.media_class != CLASS {
        return None;
    }
    let data = Dataset::parse(&structure.header, structure.coding);
    let folder = path.parent()?;
    let records = data.items(RECORDS);
    let names = records.iter().map(|record| record.text(FILE_ID)).filter(|name| !name.is_empty());
    Some(names.filter_map(|name| resolve(folder, &name)).collect())
}

/// Components are written in capitals; discs are copied to systems that fold case or add version numbers.
fn resolve(folder: &Path, name: &str) -> Option<Listed> {
    let named: PathBuf = name.split('\\').map(str::trim).filter(|part| !part.is_empty()).collect();
    if !named.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let exact = folder.join(&named);
    if exact.is_file() {
        return Some(Listed { named, found: Some(exact) });
    }
    let mut at = folder.to_path_buf();
    for part in named.components() {
        let wanted = part.as_os_str().to_string_lossy().to_lowercase();
        let entries = std::fs::read_dir(&at).ok();
        let next = entries.into_iter().flatten().flatten().map(|entry| entry.path()).find(|entry| {
            let own = entry.file_name().map(|own| own.to_string_lossy().to_lowercase()).unwrap_or_default();
            own == wanted || own.strip_suffix(";1") == Some(&wanted)
        });
        match next {
            Some(next) => at = next,
            None => return Some(Listed { named, found: None }),
        }
    }
    let found = at.is_file().then_some(at);
    Some(Listed { named, found })
}
