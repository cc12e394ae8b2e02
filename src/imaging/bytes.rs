//! The one door through which every format reads: positioned reads from a file, from memory, or from a range of either.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::fault::Fault;

/// Bytes that can be read at any position by many threads at once.
pub trait ByteSource: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills the start of `buf` and says how much; 0 only at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file and the range within it (start, length) that hold exactly these bytes, for a program that opens files
    /// itself; `None` where they lie in memory.
    fn place(&self) -> Option<(PathBuf, u64, u64)> {
        None
    }
}

/// A file kept open.
pub struct FileBytes {
    file: File,
    path: PathBuf,
    len: u64,
}

impl FileBytes {
    /// # Errors
    /// What the system says; a folder or device is refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Asked before opening: opening a pipe would wait for somebody to write into it.
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a plain file"));
        }
        Ok(Self { len: metadata.len(), file: File::open(path)?, path: path.to_path_buf() })
    }
}

impl ByteSource for FileBytes {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        pread(&self.file, offset, buf)
    }

    fn place(&self) -> Option<(PathBuf, u64, u64)> {
        Some((self.path.clone(), 0, self.len))
    }
}

#[cfg(unix)]
fn pread(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn pread(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

/// A file that is opened when it is read. The handles of the last few files stay open, since opening costs a round trip on a
/// network share; a series of thousands of files must not hold thousands of them, and a disk can be unplugged and come
/// back.
pub struct ReopenedFile {
    path: PathBuf,
    len: u64,
    held: Mutex<Weak<File>>,
}

/// Handles kept open by all [`ReopenedFile`]s together.
const HANDLES: usize = 48;

/// The handles that are kept open, the oldest first.
static KEPT: Mutex<VecDeque<Arc<File>>> = Mutex::new(VecDeque::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReopenedFile {
    pub fn new(path: &Path, len: u64) -> Self {
        Self { path: path.to_path_buf(), len, held: Mutex::default() }
    }

    /// The handle, and whether it was open already.
    fn handle(&self) -> io::Result<(Arc<File>, bool)> {
        let mut held = locked(&self.held);
        if let Some(file) = held.upgrade() {
            return Ok((file, true));
        }
        let file = Arc::new(File::open(&self.path)?);
        *held = Arc::downgrade(&file);
        drop(held);
        let mut kept = locked(&KEPT);
        kept.push_back(Arc::clone(&file));
        let oldest = if kept.len() > HANDLES { kept.pop_front() } else { None };
        drop(kept);
        // Closing may take as long as opening; nobody else waits for it.
        drop(oldest);
        Ok((file, false))
    }

    fn let_go(&self) {
        if let Some(file) = std::mem::take(&mut *locked(&self.held)).upgrade() {
            locked(&KEPT).retain(|kept| !Arc::ptr_eq(kept, &file));
        }
    }
}

impl ByteSource for ReopenedFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let (file, was_open) = self.handle()?;
        match pread(&file, offset, buf) {
            // The disk may have gone and come back; what was open on it stays dead.
            Err(error) if was_open && error.kind() != io::ErrorKind::Interrupted => {
                drop(file);
                self.let_go();
                pread(&self.handle()?.0, offset, buf)
            }
            result => result,
        }
    }

    fn place(&self) -> Option<(PathBuf, u64, u64)> {
        Some((self.path.clone(), 0, self.len))
    }
}

impl Drop for ReopenedFile {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Bytes in memory.
pub struct MemoryBytes(Vec<u8>);

impl MemoryBytes {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl ByteSource for MemoryBytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let rest = self.0.get(start..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }
}

/// A range of another source: a member stored without compression in a package.
pub struct MemberBytes {
    inner: Arc<dyn ByteSource>,
    start: u64,
    len: u64,
}

impl MemberBytes {
    /// `None` when the range does not lie inside the outer source.
    pub fn new(inner: Arc<dyn ByteSource>, start: u64, len: u64) -> Option<Self> {
        let end = start.checked_add(len)?;
        (end <= inner.len()).then_some(Self { inner, start, len })
    }
}

impl ByteSource for MemberBytes {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = buf.len().min(left);
        match buf.get_mut(..count) {
            Some(part) if count > 0 => self.inner.read_at(self.start + offset, part),
            _ => Ok(0),
        }
    }

    fn place(&self) -> Option<(PathBuf, u64, u64)> {
        let (path, start, _) = self.inner.place()?;
        Some((path, start + self.start, self.len))
    }
}

/// Fills `buf` from `offset`.
///
/// # Errors
/// [`Fault::Damaged`] when the source ends before, [`Fault::Io`] when it cannot be read.
pub fn read_exact_at(source: &dyn ByteSource, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match source.read_at(offset + done as u64, rest) {
            Ok(0) => return Err(Fault::damaged("it ends before its data does")),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io(error)),
        }
    }
    Ok(())
}

/// A range as a vector. The range is checked against the source's length and the limit before anything is allocated.
///
/// # Errors
/// [`Fault::Damaged`] for a range outside the source, [`Fault::TooLarge`] above the limit, [`Fault::Io`].
pub fn read_range(
    source: &dyn ByteSource,
    offset: u64,
    len: u64,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>, Fault> {
    if offset.checked_add(len).is_none_or(|end| end > source.len()) {
        return Err(Fault::damaged(format!("the {what} lies outside the file")));
    }
    Fault::check_size(what, len, limit)?;
    let mut out = vec![0; usize::try_from(len).map_err(|_| Fault::damaged("a length does not fit in memory"))?];
    read_exact_at(source, offset, &mut out)?;
    Ok(out)
}

/// The first bytes, fewer where the file is shorter.
///
/// # Errors
/// [`Fault::Io`] when the source cannot be read.
pub fn read_head(source: &dyn ByteSource, count: u64) -> Result<Vec<u8>, Fault> {
    read_range(source, 0, count.min(source.len()), "beginning", count)
}

/// `std::io::Read` and `Seek` over a source, for decoders that want a stream.
pub struct Cursor<'a> {
    source: &'a dyn ByteSource,
    position: u64,
}

impl<'a> Cursor<'a> {
    pub fn new(source: &'a dyn ByteSource) -> Self {
        Self { source, position: 0 }
    }
}

impl io::Read for Cursor<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.position, buf)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl io::Seek for Cursor<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let target = match to {
            io::SeekFrom::Start(position) => Some(position),
            io::SeekFrom::End(delta) => self.source.len().checked_add_signed(delta),
            io::SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_sees_only_its_range() {
        let outer: Arc<dyn ByteSource> = Arc::new(MemoryBytes::new((0..10).collect()));
        let member = MemberBytes::new(Arc::clone(&outer), 4, 3).unwrap();
        let mut buf = [9; 5];
        assert_eq!(member.read_at(1, &mut buf).unwrap(), 2);
        assert_eq!(&buf[..2], &[5, 6]);
        assert_eq!(member.read_at(7, &mut buf).unwrap(), 0);
        assert!(MemberBytes::new(outer, 8, 3).is_none());
    }

    #[test]
    fn many_files_share_a_few_handles_and_none_outlives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |i: usize| {
            let path = folder.path().join(i.to_string());
            std::fs::write(&path, i.to_le_bytes()).unwrap();
            ReopenedFile::new(&path, 8)
        };
        let files: Vec<ReopenedFile> = (0..HANDLES * 3).map(file).collect();
        for round in 0..2 {
            for (i, file) in files.iter().enumerate() {
                assert_eq!(read_range(file, 0, 8, "number", 8).unwrap(), i.to_le_bytes(), "round {round}");
            }
        }
        let open = |files: &[ReopenedFile]| files.iter().filter(|file| locked(&file.held).strong_count() > 0).count();
        // Other tests of this process have their share of the handles.
        assert!(open(&files) <= HANDLES, "{} handles", open(&files));
        let last = files.last().unwrap();
        let weak = last.held.lock().unwrap().clone();
        drop(files);
        assert_eq!(weak.strong_count(), 0);
    }

    #[test]
    fn a_claimed_length_is_checked_before_it_is_allocated() {
        let source = MemoryBytes::new(vec![1, 2, 3]);
        assert!(matches!(read_range(&source, 1, u64::MAX, "tile", u64::MAX), Err(Fault::Damaged(_))));
        assert!(matches!(read_range(&source, 0, 3, "tile", 2), Err(Fault::TooLarge { .. })));
        assert_eq!(read_range(&source, 1, 2, "tile", 2).unwrap(), vec![2, 3]);
    }
}
