//! Tables of frames kept between starts, so that a film is looked through once: `$SHOKEN_HOME/cache/films`, a file a film,
//! named by the fingerprint of what it was made of. A table that does not fit is made anew; nothing depends on it.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::index::{Index, Interlaced, Trouble};
use super::probe::Stream;
use super::track::{Coded, Track};
use crate::domain::Digest;
use crate::imaging::bytes::{ByteSource, read_range};
use crate::imaging::{fault::Fault, limits};
use crate::tasks::{ffmpeg::Tools, platform};

/// Raise it when the table's meaning changes.
const MARK: &[u8; 12] = b"shokenfilm4\n";
const ENDS_BYTES: u64 = 64 << 10;
const MOST_TABLES: usize = 400;

/// What a film's table depends on: the bytes' length, beginning and end, the pieces they lie in, and the programs.
pub struct Key(Digest);

impl Key {
    /// # Errors
    /// [`Fault::Io`].
    pub fn of(bytes: &dyn ByteSource, pieces: &[(u64, u64)], tools: &Tools) -> Result<Self, Fault> {
        let first = ENDS_BYTES.min(bytes.len());
        let mut hasher = Sha256::new();
        hasher.update(MARK);
        hasher.update(bytes.len().to_le_bytes());
        hasher.update(read_range(bytes, 0, first, "beginning", ENDS_BYTES)?);
        hasher.update(read_range(bytes, bytes.len() - first, first, "end", ENDS_BYTES)?);
        for (start, len) in pieces {
            hasher.update(start.to_le_bytes());
            hasher.update(len.to_le_bytes());
        }
        hasher.update(tools.mark());
        Ok(Self(Digest::from_bytes(hasher.finalize().into())))
    }

    fn path(&self) -> PathBuf {
        platform::shoken_home().join("cache").join("films").join(format!("{}.table", self.0))
    }
}

/// The kept table of a film, when there is a whole one.
pub fn load(key: &Key) -> Option<(Stream, Index, Option<Track>)> {
    let path = key.path();
    if std::fs::metadata(&path).ok()?.len() > 64 * limits::FRAMES {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let (body, sum) = bytes.split_last_chunk::<32>()?;
    if Sha256::digest(body)[..] != sum[..] {
        return None;
    }
    let mut rest = Rest(body.strip_prefix(MARK.as_slice())?);
    let stream = Stream {
        codec: rest.text()?,
        profile: rest.text()?,
        width: rest.number()?,
        height: rest.number()?,
        pixel_format: rest.text()?,
        field_order: rest.text()?,
        pixel_shape: rest.pair()?,
        tick_s: rest.pair()?,
        rate: rest.pair()?,
        colour_space: rest.text()?,
        rotation: rest.number()?.cast_signed(),
        reordered: rest.number()? != 0,
        held_back: rest.number()?,
        full_range: rest.number()? != 0,
        setup: rest.bytes()?.to_vec(),
    };
    let tick_s = rest.pair()??;
    let counted = rest.number()? != 0;
    let interlaced = match rest.number()? {
        0 => Interlaced::No,
        1 => Interlaced::Flagged,
        _ => Interlaced::All,
    };
    let mut troubles = Vec::new();
    for _ in 0..rest.number()?.min(16) {
        troubles.push(match (rest.number()?, rest.number()?) {
            (0, _) => Trouble::NoTimes,
            (1, _) => Trouble::TimesJump,
            (_, count) => Trouble::Undecodable(count),
        });
    }
    let ticks = rest.ticks()?;
    let keys = rest.keys()?;
    let track = Track::from_coded(rest.coded()?);
    let index = Index { ticks: Arc::from(ticks), tick_s, keys: Arc::from(keys), counted, interlaced, troubles };
    (rest.0.is_empty() && !index.ticks.is_empty()).then_some((stream, index, track))
}

/// Keeps a table. A disk that is full or cannot be written costs time at the next start and nothing else.
pub fn store(key: &Key, stream: &Stream, index: &Index, track: Option<&Track>) {
    let mut out = MARK.to_vec();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        out.extend(text.as_bytes());
    };
    let number = |out: &mut Vec<u8>, value: u32| out.extend(value.to_le_bytes());
    let pair = |out: &mut Vec<u8>, value: Option<(u32, u32)>| {
        let (a, b) = value.unwrap_or((0, 0));
        out.extend(a.to_le_bytes());
        out.extend(b.to_le_bytes());
    };
    text(&mut out, &stream.codec);
    text(&mut out, &stream.profile);
    number(&mut out, stream.width);
    number(&mut out, stream.height);
    text(&mut out, &stream.pixel_format);
    text(&mut out, &stream.field_order);
    pair(&mut out, stream.pixel_shape);
    pair(&mut out, stream.tick_s);
    pair(&mut out, stream.rate);
    text(&mut out, &stream.colour_space);
    number(&mut out, stream.rotation.cast_unsigned());
    number(&mut out, stream.reordered.into());
    number(&mut out, stream.held_back);
    number(&mut out, stream.full_range.into());
    number(&mut out, u32::try_from(stream.setup.len()).unwrap_or(0));
    out.extend(&stream.setup);
    pair(&mut out, Some(index.tick_s));
    number(&mut out, index.counted.into());
    number(
        &mut out,
        match index.interlaced {
            Interlaced::No => 0,
            Interlaced::Flagged => 1,
            Interlaced::All => 2,
        },
    );
    number(&mut out, u32::try_from(index.troubles.len()).unwrap_or(0));
    for trouble in &index.troubles {
        let (kind, count) = match trouble {
            Trouble::NoTimes => (0, 0),
            Trouble::TimesJump => (1, 0),
            Trouble::Undecodable(count) => (2, *count),
        };
        number(&mut out, kind);
        number(&mut out, count);
    }
    number(&mut out, index.len());
    index.ticks.iter().for_each(|tick| out.extend(tick.to_le_bytes()));
    number(&mut out, u32::try_from(index.keys.len()).unwrap_or(0));
    index.keys.iter().for_each(|key| out.extend(key.to_le_bytes()));
    let coded = track.map_or(&[][..], Track::coded);
    number(&mut out, u32::try_from(coded.len()).unwrap_or(0));
    for picture in coded {
        out.extend(picture.at.to_le_bytes());
        out.extend(picture.pts.to_le_bytes());
        number(&mut out, picture.len);
        number(&mut out, picture.key.into());
    }
    let sum = Sha256::digest(&out);
    out.extend_from_slice(&sum);
    if let Err(error) = platform::write_atomic(&key.path(), &out, true) {
        tracing::debug!("a film's table could not be kept: {}", error.kind());
    }
    prune(&key.path());
}

/// Keeps the folder at a bounded number of tables: the half that was written longest ago goes.
fn prune(written: &std::path::Path) {
    let Some(entries) = written.parent().and_then(|folder| std::fs::read_dir(folder).ok()) else { return };
    let mut tables: Vec<_> =
        entries.flatten().filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    if tables.len() > MOST_TABLES {
        tables.sort();
        for (_, path) in tables.iter().take(MOST_TABLES / 2) {
            std::fs::remove_file(path).ok();
        }
    }
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(part)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.take(len as usize)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    /// Coded pictures; none for a film that is not fed.
    fn coded(&mut self) -> Option<Vec<Coded>> {
        let count = self.number()? as usize;
        let bytes = self.take(count.checked_mul(24)?)?;
        let mut rest = Rest(bytes);
        let mut out = Vec::with_capacity(count);
        while let Some(at) = rest.take(8) {
            let at = u64::from_le_bytes(at.try_into().ok()?);
            let pts = i64::from_le_bytes(rest.take(8)?.try_into().ok()?);
            out.push(Coded { at, pts, len: rest.number()?, key: rest.number()? != 0 });
        }
        Some(out)
    }

    /// The outer `None` is the end of the bytes, the inner one a fraction that is not known.
    #[allow(clippy::option_option, reason = "two different absences")]
    fn pair(&mut self) -> Option<Option<(u32, u32)>> {
        let (a, b) = (self.number()?, self.number()?);
        Some((a > 0 && b > 0).then_some((a, b)))
    }

    fn ticks(&mut self) -> Option<Vec<i64>> {
        let count = self.number()? as usize;
        let bytes = self.take(count.checked_mul(8)?)?;
        let ticks: Vec<i64> = bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
        ticks.is_sorted_by(|a, b| a < b).then_some(ticks)
    }

    fn keys(&mut self) -> Option<Vec<u32>> {
        let count = self.number()? as usize;
        let bytes = self.take(count.checked_mul(4)?)?;
        let keys: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        keys.is_sorted_by(|a, b| a < b).then_some(keys)
    }
}
