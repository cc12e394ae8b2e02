//! Opening catalogued images where they lie, noticing that they are gone, and finding them again by content.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::views::ImageView;
use super::{Project, ProjectError, sources};
use crate::domain::{ImageId, PlanePose, Roi, RoiSpace, Sensitive, Shape};
use crate::imaging::ImageSource;
use crate::imaging::identity::quick_fingerprint;
use crate::store::IdentityLine;

/// Whether the files of an image are where they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    Present,
    /// Not there; the disk they were last on.
    Missing {
        disk: Sensitive<String>,
    },
    /// The identity rows are not on this machine (or were erased): content unknown here.
    Unknown,
}

/// What looking for moved files found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relocated {
    pub found: usize,
    pub still_missing: usize,
}

impl Project {
    pub(super) fn image_view(&self, id: &ImageId) -> Result<ImageView, ProjectError> {
        let record = self.state.image(id).ok_or_else(|| ProjectError::NoSuchCase(id.to_string()))?;
        let identity = self.store.image_identity(id)?;
        let files = self.store.files_of(id)?;
        let state = match files.first() {
            None => ImageState::Unknown,
            Some(_) => files
                .iter()
                .find(|f| !Path::new(f.path.reveal()).is_file())
                .map_or(ImageState::Present, |f| ImageState::Missing { disk: f.disk.clone() }),
        };
        Ok(ImageView {
            id: id.clone(),
            name: identity.as_ref().map_or_else(|| Sensitive::new(id.to_string()), |i| i.name.clone()),
            modality: identity.map(|i| i.modality).unwrap_or_default(),
            field: record.field,
            frames: record.frames,
            width: record.width,
            height: record.height,
            hashed: record.sha256.is_some(),
            state,
        })
    }

    /// Opens an image; kept open for the next time.
    ///
    /// # Errors
    /// [`ProjectError::ImageMissing`] with the disk's label when files are gone; reader errors.
    pub fn open_image(&mut self, id: &ImageId) -> Result<Arc<dyn ImageSource>, ProjectError> {
        if let Some(source) = self.sources.get(id) {
            return Ok(source.clone());
        }
        let files = self.store.files_of(id)?;
        let paths: Vec<PathBuf> = files.iter().map(|f| PathBuf::from(f.path.reveal())).collect();
        if let Some(gone) = files.iter().find(|f| !Path::new(f.path.reveal()).is_file()) {
            let name = self.store.image_identity(id)?.map(|i| i.name.into_inner()).unwrap_or_default();
            return Err(ProjectError::ImageMissing {
                name,
                path: gone.path.reveal().clone(),
                disk: gone.disk.reveal().clone(),
            });
        }
        if paths.is_empty() {
            let name = id.to_string();
            return Err(ProjectError::ImageMissing { name, path: "unknown here".to_owned(), disk: String::new() });
        }
        let source = sources::open_files(&paths)?;
        self.sources.insert(id.clone(), source.clone());
        Ok(source)
    }

    /// Looks through a folder for files of images that are missing, by size and fingerprint, and notes their new places.
    ///
    /// # Errors
    /// Store errors.
    pub fn relocate(&mut self, folder: &Path) -> Result<Relocated, ProjectError> {
        let mut wanted = Vec::new();
        let images: Vec<ImageId> = self.state.images().map(|i| i.id.clone()).collect();
        for image in images {
            wanted.extend(self.store.files_of(&image)?.into_iter().filter(|f| !Path::new(f.path.reveal()).is_file()));
        }
        let mut report = Relocated { found: 0, still_missing: wanted.len() };
        if wanted.is_empty() {
            return Ok(report);
        }
        let mut rows = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(here) = folders.pop() {
            for entry in std::fs::read_dir(&here).into_iter().flatten().flatten() {
                let path = entry.path();
                let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
                if meta.is_dir() {
                    folders.push(path);
                } else if meta.is_file() && wanted.iter().any(|w| w.bytes == meta.len()) {
                    let Ok(print) = quick_fingerprint(&path) else { continue };
                    while let Some(at) = wanted.iter().position(|w| w.bytes == meta.len() && w.fingerprint == print) {
                        let mut row = wanted.swap_remove(at);
                        row.disk = Sensitive::new(disk_label(&path));
                        row.path = Sensitive::new(path.to_string_lossy().into_owned());
                        rows.push(IdentityLine::File(row));
                    }
                }
            }
        }
        report.found = rows.len();
        report.still_missing = wanted.len();
        self.store.put_identity(&mut self.state, &rows)?;
        self.sources.clear();
        self.revision += 1;
        Ok(report)
    }
}

/// The Roi of a shape drawn on a frame: in the patient where the frame has a pose, else in the image.
pub fn roi_on(pose: Option<PlanePose>, frame: u32, shape: Shape) -> Roi {
    Roi { frame, space: pose.map_or(RoiSpace::Image, RoiSpace::Patient), shape }
}

/// The mount that a file lies on, as people know it: the label of a removable disk, else the mount point.
pub(super) fn disk_label(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|l| l.split(' ').nth(1)).map(|p| p.replace("\\040", " "));
    let best = points.filter(|p| path.starts_with(p)).max_by_key(String::len);
    match best {
        // Removable media are mounted under their label.
        Some(point)
            if point.starts_with("/media/") || point.starts_with("/run/media/") || point.starts_with("/Volumes/") =>
        {
            point.rsplit('/').next().unwrap_or_default().to_owned()
        }
        Some(point) => point,
        None => path.components().next().map(|c| c.as_os_str().to_string_lossy().into_owned()).unwrap_or_default(),
    }
}
