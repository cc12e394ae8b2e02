//! What is in these files and folders: images with their headers read, and what was skipped and why.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ImageSource, ImagingError,
    bytes::{ByteSource as _, FileBytes, ReopenedFile},
    dicom,
    fault::Fault,
    formats,
    series::{assemble, in_parallel, read_instance},
};
use crate::tasks::{Cancel, Cancelled, Progress};

/// Files whose headers are read at once.
const AT_ONCE: usize = 256;
/// Folders inside folders.
const DEEPEST: usize = 64;

/// One image that can be imported, opened without holding a file handle. `source.meta().files` are its files in frame
/// order.
#[derive(Clone)]
pub struct ScannedImage {
    pub source: Arc<dyn ImageSource>,
    /// DICOM, whose study can make the case.
    pub is_dicom: bool,
}

impl std::fmt::Debug for ScannedImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.meta().fmt(f)
    }
}

/// A file that is no image, and why, in a sentence without the file's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: String,
}

impl std::fmt::Debug for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Skipped({})", self.reason)
    }
}

/// What [`scan`] found, both lists in the order of the paths.
#[derive(Clone, Debug, Default)]
pub struct ScanResult {
    pub images: Vec<ScannedImage>,
    pub skipped: Vec<Skipped>,
}

/// Walks files and folders (sorted, links to folders not followed) and reads every image's header. DICOM files of one
/// series become one image; every other image file is one. Progress counts files.
///
/// # Errors
/// [`Cancelled`]. Unreadable files are in the list of what was skipped.
pub fn scan(paths: &[PathBuf], progress: &Progress, cancel: &Cancel) -> Result<ScanResult, Cancelled> {
    let mut result = ScanResult::default();
    let mut files = Vec::new();
    for path in paths {
        walk(path, DEEPEST, &mut files, &mut result.skipped, cancel)?;
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    progress.set_total(files.len() as u64);
    let mut instances = Vec::new();
    let mut at = 0;
    // A few files at a time, so that stopping is quick.
    while at < files.len() {
        cancel.check()?;
        let part: Vec<PathBuf> = files.iter().skip(at).take(AT_ONCE).cloned().collect();
        at += part.len();
        for (file, found) in part.iter().zip(in_parallel(&part, look)) {
            let file = file.clone();
            match found {
                Ok(Found::Dicom(instance)) => instances.push(*instance),
                Ok(Found::Other(source)) => result.images.push(ScannedImage { source, is_dicom: false }),
                Err(error) => {
                    let mut reason = error.reason();
                    if let Some(listed) = dicom::directory::listed(&file) {
                        let named = listed.len();
                        let (found, missing): (Vec<_>, Vec<_>) =
                            listed.into_iter().partition(|one| one.found.is_some());
                        // The index of a disc leads to its files, wherever they lie below it.
                        files.extend(
                            found.into_iter().filter_map(|one| one.found).filter(|found| seen.insert(found.clone())),
                        );
                        if paths.contains(&file) {
                            let folder = file.parent().unwrap_or(Path::new(""));
                            result.skipped.extend(missing.into_iter().map(|one| Skipped {
                                path: folder.join(one.named),
                                reason: "the index of the disc names this file, but it is not there".to_owned(),
                            }));
                        } else if !missing.is_empty() {
                            reason =
                                format!("{reason}; {} of the {named} files that it names are not there", missing.len());
                        }
                    }
                    progress.set_total(files.len() as u64);
                    result.skipped.push(Skipped { reason, path: file });
                }
            }
            progress.advance(1);
        }
    }
    drop_members(&mut result);
    let (stacks, copies) = assemble(instances);
    result.skipped.extend(
        copies.into_iter().map(|path| Skipped { path, reason: "a copy of another file of this import".to_owned() }),
    );
    for stack in stacks {
        cancel.check()?;
        let files: Vec<PathBuf> = stack.instances.iter().map(|one| one.path.clone()).collect();
        match stack.open() {
            Ok(source) => result.images.push(ScannedImage { source, is_dicom: true }),
            Err(error) => {
                let reason = error.reason();
                result.skipped.extend(files.into_iter().map(|path| Skipped { path, reason: reason.clone() }));
            }
        }
    }
    result.images.sort_by(|a, b| first_file(a).cmp(&first_file(b)));
    result.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(result)
}

/// A set of several files is one image, opened from the first of them; the others would each show their part of it again.
fn drop_members(found: &mut ScanResult) {
    let sets = found.images.iter().map(|image| image.source.meta().files.as_slice()).filter(|files| files.len() > 1);
    let members: std::collections::HashSet<PathBuf> = sets.flatten().cloned().collect();
    found.images.retain(|image| match image.source.meta().files.as_slice() {
        [only] => !members.contains(only),
        _ => true,
    });
    found.skipped.retain(|skipped| !members.contains(&skipped.path));
}

fn first_file(image: &ScannedImage) -> Option<&PathBuf> {
    image.source.meta().files.iter().min()
}

enum Found {
    Dicom(Box<super::dicom::header::Instance>),
    Other(Arc<dyn ImageSource>),
}

fn look(path: &Path) -> Result<Found, ImagingError> {
    let bytes = FileBytes::open(path).map_err(|error| Fault::Io(error).at(path))?;
    if formats::is_dicom(&bytes).map_err(|fault| fault.at(path))? {
        return Ok(Found::Dicom(Box::new(read_instance(path)?)));
    }
    // Thousands of photographs must not hold thousands of handles.
    let reopened = Arc::new(ReopenedFile::new(path, bytes.len()));
    Ok(Found::Other(formats::open_bytes(path, reopened)?))
}

fn walk(
    path: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    skipped: &mut Vec<Skipped>,
    cancel: &Cancel,
) -> Result<(), Cancelled> {
    cancel.check()?;
    let mut skip = |reason: String| skipped.push(Skipped { path: path.to_path_buf(), reason });
    if !path.is_dir() {
        if path.exists() {
            files.push(path.to_path_buf());
        } else {
            skip("there is no such file".to_owned());
        }
        return Ok(());
    }
    if depth == 0 {
        skip("its folders are nested too deeply".to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match entries {
        Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect::<Vec<_>>(),
        Err(error) => {
            skip(format!("the folder cannot be read: {error}"));
            return Ok(());
        }
    };
    entries.sort();
    for entry in entries {
        if entry.is_symlink() && entry.is_dir() {
            skipped.push(Skipped { path: entry, reason: "a link to a folder".to_owned() });
            continue;
        }
        walk(&entry, depth - 1, files, skipped, cancel)?;
    }
    Ok(())
}
