//! Where images land: one file an image, under a partial name and locked until it is whole and durable, then named by its hash.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::part10::{Head, LONGEST_HEAD, read_head};
use crate::domain::Sensitive;
use crate::tasks::platform;

const PARTIAL: &str = ".shoken-incoming-";

/// A folder that takes images in.
#[derive(Clone, Debug)]
pub(super) struct Landing {
    folder: PathBuf,
}

/// An image on its way. Dropped before [`Incoming::finish`], it leaves nothing.
pub(super) struct Incoming {
    file: Option<BufWriter<File>>,
    partial: PathBuf,
    folder: PathBuf,
    hash: Sha256,
    head: Vec<u8>,
    bytes: u64,
}

/// An image that is here.
pub(super) struct Landed {
    pub path: PathBuf,
    pub bytes: u64,
}

impl Landing {
    /// Makes the folder (for its owner alone) where it is not there, and takes away what killed processes left half.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::DirBuilderExt;
                builder.mode(0o700);
            }
            builder.create(folder)?;
        }
        let landing = Self { folder: folder.to_owned() };
        landing.sweep()?;
        Ok(landing)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|n| n.starts_with(PARTIAL)) {
                // Whoever still writes it holds the lock.
                let is_left = File::open(entry.path()).is_ok_and(|f| f.try_lock().is_ok());
                if is_left {
                    fs::remove_file(entry.path()).ok();
                }
            }
        }
        Ok(())
    }

    pub(super) fn begin(&self) -> io::Result<Incoming> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let partial = self.folder.join(format!("{PARTIAL}{}-{number}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(&partial)?;
        // Where locks do not exist (some network drives) a second process might sweep it, and this one then says so.
        file.try_lock().ok();
        Ok(Incoming {
            file: Some(BufWriter::with_capacity(256 << 10, file)),
            partial,
            folder: self.folder.clone(),
            hash: Sha256::new(),
            head: Vec::new(),
            bytes: 0,
        })
    }

    /// The images that lie here whole, by SOP instance.
    pub(super) fn instances(&self) -> io::Result<BTreeMap<Sensitive<String>, PathBuf>> {
        let mut here = BTreeMap::new();
        let mut head = vec![0; 4096];
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|e| e != "dcm") {
                continue;
            }
            let Ok(mut file) = File::open(&path) else { continue };
            let mut filled = 0;
            while let Some(room) = head.get_mut(filled..).filter(|r| !r.is_empty()) {
                match file.read(room)? {
                    0 => break,
                    n => filled += n,
                }
            }
            if let Some(found) = head.get(..filled).and_then(read_head) {
                here.insert(found.instance, path);
            }
        }
        Ok(here)
    }
}

impl Incoming {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = LONGEST_HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.as_mut().map_or(Ok(()), |f| f.write_all(bytes))
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the head says, once enough of it came; `None` for what is no DICOM file.
    pub(super) fn head(&self) -> Option<Head> {
        read_head(&self.head)
    }

    /// Makes it durable and gives it its name. The same bytes again take the place of the first.
    pub(super) fn finish(mut self) -> io::Result<Landed> {
        let Some(buffered) = self.file.take() else { return Err(io::ErrorKind::NotFound.into()) };
        let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        drop(file);
        let name = HEXLOWER.encode(&std::mem::take(&mut self.hash).finalize());
        let path = self.folder.join(format!("{name}.dcm"));
        fs::rename(&self.partial, &path)?;
        platform::sync_folder(&self.folder);
        Ok(Landed { path, bytes: self.bytes })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(buffered) = self.file.take() {
            // Not flushed: what is in the buffer is to go.
            drop(buffered.into_parts());
        }
        fs::remove_file(&self.partial).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_not_finished_leaves_nothing_and_what_a_killed_process_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let landing = Landing::open(folder.path()).unwrap();
        let mut half = landing.begin().unwrap();
        half.write(b"half").unwrap();
        // A second process opens the folder meanwhile: what is being written stays.
        Landing::open(folder.path()).unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        drop(half);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        fs::write(folder.path().join(format!("{PARTIAL}1-1")), b"left").unwrap();
        Landing::open(folder.path()).unwrap();
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_whole_image_is_named_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let landing = Landing::open(folder.path()).unwrap();
        for _ in 0..2 {
            let mut one = landing.begin().unwrap();
            one.write(b"ab").unwrap();
            one.write(b"c").unwrap();
            assert_eq!(one.finish().unwrap().bytes, 3);
        }
        // SHA-256("abc"), FIPS 180-2 appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.dcm";
        assert_eq!(names(folder.path()), [abc]);
    }
}
