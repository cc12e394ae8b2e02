//! Which directories are frames, which are coarser levels of one, and which stand beside the image.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    aperio,
    ifd::{self, Directory, tag},
    ome::{self, FileRef, Ome},
    page::Page,
};
use crate::{
    domain::SizePx,
    imaging::{
        bytes::{ByteSource, ReopenedFile},
        fault::Fault,
        limits,
    },
};

/// Tiles and strips that the pages of one image may list together; 16 bytes each are kept.
const PIECES: usize = 32 << 20;
/// Files of one OME set.
const FILES: usize = 10_000;

/// One plane: its levels, finest first, all in one file.
pub struct Frame {
    pub file: u32,
    pub levels: Vec<Page>,
}

/// A file that planes are in.
pub struct Part {
    pub path: PathBuf,
    pub bytes: Arc<dyn ByteSource>,
}

/// The image that directories make.
pub struct Assembled {
    pub parts: Vec<Part>,
    pub frames: Vec<Frame>,
    pub associated: Vec<(String, Page)>,
    /// Pages that are not shown, and planes that are promised and missing.
    pub unread: u64,
}

/// The pages of the file that was opened.
pub struct Opened<'a> {
    pub path: &'a Path,
    pub bytes: &'a Arc<dyn ByteSource>,
    pub dirs: &'a [Directory],
    pub base: &'a Page,
}

impl Opened<'_> {
    fn alone(&self) -> Assembled {
        let part = Part { path: self.path.to_path_buf(), bytes: Arc::clone(self.bytes) };
        Assembled { parts: vec![part], frames: Vec::new(), associated: Vec::new(), unread: 0 }
    }

    /// Aperio: every tiled page is a level, the others stand beside it.
    pub fn aperio(&self) -> Assembled {
        let source = &**self.bytes;
        let (mut out, mut levels) = (self.alone(), vec![self.base.clone()]);
        for (index, dir) in self.dirs.iter().enumerate().skip(1) {
            match Page::new(source, dir) {
                Ok(page) if page.tiled => levels.push(page),
                Ok(page) => out.associated.push((aperio::associated_name(source, dir, index), page)),
                Err(_) => out.unread += 1,
            }
        }
        out.frames.push(Frame { file: 0, levels: finest_first(levels) });
        out
    }

    /// Any other file: pages like the first are frames, smaller ones of its shape are its levels, and so are the
    /// directories that hang below a page.
    pub fn generic(&self) -> Assembled {
        let source = &**self.bytes;
        let mut out = self.alone();
        let (mut stacks, mut coarser, mut pieces) = (Vec::new(), Vec::new(), 0);
        for (index, dir) in self.dirs.iter().enumerate() {
            let page = if index == 0 { Ok(self.base.clone()) } else { Page::new(source, dir) };
            match page.and_then(|page| within(page, &mut pieces)) {
                Ok(page) if same_kind(self.base, &page) => stacks.push(self.stack(dir, page, &mut out.unread)),
                Ok(page) if is_reduction(self.base, &page) && (page.tiled || is_marked_reduced(source, dir)) => {
                    coarser.push(page);
                }
                _ => out.unread += 1,
            }
        }
        if let ([only], false) = (stacks.as_mut_slice(), coarser.is_empty()) {
            only.append(&mut coarser);
            only.sort_by_key(|page| std::cmp::Reverse(page.size_px.area()));
            only.dedup_by(|later, earlier| later.size_px == earlier.size_px);
        }
        out.unread += coarser.len() as u64;
        let frames = stacks.into_iter().flat_map(by_channel).map(|levels| Frame { file: 0, levels });
        out.frames = frames.collect();
        out.keep_alike();
        out
    }

    /// A page and the coarser ones below it.
    fn stack(&self, dir: &Directory, page: Page, unread: &mut u64) -> Vec<Page> {
        stack(&**self.bytes, dir, page, unread)
    }

    /// An OME-TIFF: planes as its text lists them, in this file and in those beside it. A set is one image, opened from
    /// the file of its first plane; any other file shows its own planes alone, so that a folder does not hold the same
    /// image once for each of its files.
    pub fn ome(&self, text: &Ome) -> Assembled {
        let mut out = self.alone();
        let mut files: BTreeMap<FileRef, Option<(u32, Vec<Directory>)>> = BTreeMap::new();
        let (mut parts, mut pieces, mut read) = (Vec::new(), 0, 0_u64);
        let leads = self.leads(text);
        for plane in text.planes.iter().filter(|plane| leads || plane.file.is_none()) {
            let (file, dirs) = match &plane.file {
                None => (0, self.dirs),
                Some(named) => {
                    if !files.contains_key(named) {
                        let opened = if files.len() < FILES { beside(self.path, named) } else { None };
                        let kept = opened.map(|(part, dirs)| {
                            parts.push(part);
                            (u32::try_from(parts.len()).unwrap_or(u32::MAX), dirs)
                        });
                        files.insert(named.clone(), kept);
                    }
                    let Some(Some((file, dirs))) = files.get(named) else { continue };
                    (*file, dirs.as_slice())
                }
            };
            let source = match usize::try_from(file).ok().and_then(|file| file.checked_sub(1)) {
                Some(index) => parts.get(index).map(|part: &Part| Arc::clone(&part.bytes)),
                None => Some(Arc::clone(self.bytes)),
            };
            let (Some(source), Some(dir)) = (source, dirs.get(plane.directory)) else { continue };
            let page = Page::new(&*source, dir).and_then(|page| within(page, &mut pieces));
            let Ok(page) = page else { continue };
            if same_kind(self.base, &page) {
                read += 1;
                let levels = stack(&*source, dir, page, &mut out.unread);
                out.frames.extend(by_channel(levels).map(|levels| Frame { file, levels }));
            }
        }
        out.parts.append(&mut parts);
        out.unread += text.promised.saturating_sub(read);
        for (name, index) in &text.associated {
            let page = self.dirs.get(*index).map(|dir| Page::new(&**self.bytes, dir));
            match page {
                Some(Ok(page)) => out.associated.push(((*name).to_owned(), page)),
                _ => out.unread += 1,
            }
        }
        out.keep_alike();
        out.order_parts();
        out
    }
}

impl Opened<'_> {
    /// Whether no file of the set that is there holds an earlier plane than this one.
    fn leads(&self, text: &Ome) -> bool {
        let mut missing = BTreeSet::new();
        for plane in &text.planes {
            let Some(named) = &plane.file else { return true };
            if missing.len() >= FILES || (!missing.contains(named) && beside(self.path, named).is_some()) {
                return false;
            }
            missing.insert(named);
        }
        true
    }
}

impl Assembled {
    /// Frames that lack a level of the first, or have it cut otherwise, cannot be shown beside it.
    fn keep_alike(&mut self) {
        let first = self.frames.first().map(|frame| shape(&frame.levels)).unwrap_or_default();
        let before = self.frames.len();
        self.frames.retain(|frame| shape(&frame.levels) == first);
        self.unread += (before - self.frames.len()) as u64;
    }

    /// Files that hold a plane, in the order of their first.
    fn order_parts(&mut self) {
        let mut order: Vec<u32> = Vec::new();
        let mut new_place = BTreeMap::new();
        for frame in &mut self.frames {
            let next = u32::try_from(order.len()).unwrap_or(u32::MAX);
            let place = *new_place.entry(frame.file).or_insert_with(|| {
                order.push(frame.file);
                next
            });
            frame.file = place;
        }
        let mut parts: Vec<Option<Part>> = std::mem::take(&mut self.parts).into_iter().map(Some).collect();
        self.parts = order.iter().filter_map(|file| parts.get_mut(*file as usize)?.take()).collect();
    }
}

fn shape(levels: &[Page]) -> Vec<(SizePx, SizePx, bool)> {
    levels.iter().map(|page| (page.size_px, page.piece_px, page.tiled)).collect()
}

fn within(page: Page, pieces: &mut usize) -> Result<Page, Fault> {
    *pieces = pieces.saturating_add(page.pieces().saturating_mul(usize::from(page.greys())));
    if *pieces > PIECES {
        return Err(Fault::unsupported("a TIFF file with this many tiles"));
    }
    Ok(page)
}

fn finest_first(mut levels: Vec<Page>) -> Vec<Page> {
    levels.sort_by_key(|page| std::cmp::Reverse(page.size_px.area()));
    levels.dedup_by(|later, earlier| later.size_px == earlier.size_px);
    levels
}

fn stack(source: &dyn ByteSource, dir: &Directory, page: Page, unread: &mut u64) -> Vec<Page> {
    let mut levels = vec![page];
    for dir in dir.children(source) {
        match (Page::new(source, &dir), levels.first()) {
            (Ok(page), Some(base)) if is_reduction(base, &page) => levels.push(page),
            _ => *unread += 1,
        }
    }
    finest_first(levels)
}

/// Each grey channel of a page is an image of its own, with the same channel of its levels.
fn by_channel(levels: Vec<Page>) -> impl Iterator<Item = Vec<Page>> {
    let count = levels.first().map_or(1, Page::greys);
    (0..count).map(move |channel| levels.iter().map(|page| page.showing(channel)).collect())
}

/// A page that shows the same field smaller: coarser, the same shape within a pixel of rounding.
fn is_reduction(base: &Page, page: &Page) -> bool {
    let (bw, bh) = (f64::from(base.size_px.width), f64::from(base.size_px.height));
    let (w, h) = (f64::from(page.size_px.width), f64::from(page.size_px.height));
    let off = (w * bh - h * bw).abs();
    // Each level may round its size down or up by one pixel, so the cross product may be off by one side of each.
    let alike = (page.bits, page.signed, page.greys()) == (base.bits, base.signed, base.greys());
    let fits = page.tiled || page.decoded_bytes() <= limits::FRAME_BYTES;
    w < bw && h < bh && page.channels() == base.channels() && alike && fits && off <= bw.max(bh) * 2.0
}

/// NewSubfileType says that the page is a reduced copy of another.
fn is_marked_reduced(source: &dyn ByteSource, dir: &Directory) -> bool {
    matches!(dir.number(source, tag::NEW_SUBFILE_TYPE), Ok(Some(kind)) if kind & 1 == 1)
}

fn same_kind(base: &Page, page: &Page) -> bool {
    (page.size_px, page.tiled, page.channels(), page.greys())
        == (base.size_px, base.tiled, base.channels(), base.greys())
        && (page.bits, page.signed, page.photometric) == (base.bits, base.signed, base.photometric)
}

/// A file of the set, beside the one that was opened. The text may name a file and nothing else: a path that leads
/// elsewhere, and a file that does not carry the promised id, are not looked at.
fn beside(path: &Path, named: &FileRef) -> Option<(Part, Vec<Directory>)> {
    if named.name.contains(['/', '\\', ':', '\0']) || named.name.starts_with('.') {
        return None;
    }
    let path = path.with_file_name(&named.name);
    let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
    // Not kept open: a set may have thousands of files.
    let bytes: Arc<dyn ByteSource> = Arc::new(ReopenedFile::new(&path, metadata.len()));
    let dirs = ifd::directories(&*bytes).ok()?;
    let text = dirs.first()?.text(&*bytes, tag::IMAGE_DESCRIPTION);
    let own = ome::uuid(&text);
    (named.uuid.is_empty() || own.is_empty() || own == named.uuid).then_some((Part { path, bytes }, dirs))
}
