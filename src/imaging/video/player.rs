//! What gives frames one after the other, wherever it was told to begin: an FFmpeg that is kept running and fed where the
//! film allows it, else one run after the other.

use std::collections::HashSet;

use super::feed::{Feed, Source};
use super::film::{Film, Part};
use super::planes::Layout;
use super::probe::PATIENCE;
use super::session::Session;
use crate::imaging::{PixelBuffer, fault::Fault};
use crate::tasks::patience::Patience;

/// A decoded frame: as RGB, or as planes that become it when it is looked at.
pub enum Picture {
    Rgb(PixelBuffer),
    Planes(Layout, Vec<u8>),
}

impl Picture {
    pub fn pixels(&self) -> PixelBuffer {
        match self {
            Self::Rgb(pixels) => pixels.clone(),
            Self::Planes(layout, planes) => layout.rgb(planes),
        }
    }
}

/// See the module text.
pub struct Player<'a> {
    film: &'a Film,
    feed: Option<(usize, Feed)>,
    session: Option<Session>,
    /// Parts that a feed did not work for.
    unfed: HashSet<usize>,
    part: usize,
    /// For a frame, from being asked for until it comes, whatever it is read by.
    patience: Patience,
    /// The frame that should come next, counted over the whole film.
    next: u32,
}

impl<'a> Player<'a> {
    pub fn new(film: &'a Film) -> Self {
        Self {
            film,
            feed: None,
            session: None,
            unfed: HashSet::new(),
            part: 0,
            patience: Patience::new(PATIENCE),
            next: 0,
        }
    }

    pub const fn part(&self) -> usize {
        self.part
    }

    /// Makes this frame the next to come out.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub fn seek(&mut self, frame: u32) -> Result<(), Fault> {
        self.patience.renew();
        self.session = None;
        self.part = self.film.part_of(frame);
        self.next = frame;
        if self.seek_fed(frame).is_some() {
            return Ok(());
        }
        self.feed = None;
        self.unfed.insert(self.part);
        self.session = Some(self.film.start(frame, &self.patience)?.0);
        Ok(())
    }

    fn source(&self) -> Option<(&'a Part, Source<'a>)> {
        let part = self.film.parts().get(self.part)?;
        Some((part, part.feed_source(self.film.tools())?))
    }

    fn seek_fed(&mut self, frame: u32) -> Option<()> {
        if self.unfed.contains(&self.part) {
            return None;
        }
        let (part, source) = self.source()?;
        if self.feed.as_ref().is_none_or(|(at, _)| *at != self.part) {
            self.feed = None;
            self.feed = Some((self.part, Feed::start(&source, &part.path, &self.patience).ok()?));
        }
        let (_, feed) = self.feed.as_mut()?;
        feed.jump(&source, frame - self.film.range_of(self.part).start).ok()
    }

    /// The next frame, counted over the whole film; `None` at its part's end.
    ///
    /// # Errors
    /// As [`Session::next`].
    pub fn next(&mut self) -> Result<Option<(u32, Picture)>, Fault> {
        let given = self.give();
        if matches!(given, Ok(Some(_))) {
            self.patience.renew();
        }
        given
    }

    fn give(&mut self) -> Result<Option<(u32, Picture)>, Fault> {
        if self.session.is_none() && self.feed.is_some() {
            let start = self.film.range_of(self.part).start;
            let given = match (self.source(), &mut self.feed) {
                (Some((_, source)), Some((_, feed))) => {
                    feed.next(&source).map(|given| given.map(|(frame, planes)| (start + frame, source.layout, planes)))
                }
                _ => Ok(None),
            };
            match given {
                Ok(Some((frame, layout, planes))) if frame == self.next => {
                    self.next += 1;
                    return Ok(Some((frame, Picture::Planes(layout, planes))));
                }
                Ok(None) if self.next >= self.film.range_of(self.part).end => return Ok(None),
                // Not what the table says: the film is read from here on without a feed.
                _ => {
                    self.feed = None;
                    self.unfed.insert(self.part);
                    self.session = Some(self.film.start(self.next, &self.patience)?.0);
                }
            }
        }
        let Some(session) = &mut self.session else { return Ok(None) };
        let given = self.film.next(self.part, session)?;
        if let Some((frame, _)) = &given {
            self.next = frame + 1;
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::video::{container_of, input::Input};
    use crate::tasks::ffmpeg::Tools;

    /// Every kind of jump over a film whose frames are known by their brightness, without a second start of FFmpeg.
    #[test]
    fn one_ffmpeg_serves_all_jumps_of_a_film() {
        let Some(tools) = Tools::find() else { return println!("skipped: no FFmpeg (apt install ffmpeg)") };
        let dir = tempfile::tempdir().unwrap();
        for coding in [
            ["-c:v", "libx264", "-g", "20", "-bf", "3"],
            ["-c:v", "libx265", "-x265-params", "log-level=none:keyint=20", "-an", "-sn"],
        ] {
            let path = dir.path().join(format!("{}.mp4", coding[1]));
            let made = std::process::Command::new(&tools.ffmpeg)
                .args(["-v", "error", "-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=4", "-vf"])
                .args(["geq=lum=16+2*N:cb=128:cr=128,format=yuv420p", "-pix_fmt", "yuv420p"])
                .args(coding)
                .arg(&path)
                .status()
                .unwrap();
            assert!(made.success());
            let container = container_of(&std::fs::read(&path).unwrap()).unwrap();
            let part = Part::read(&tools, &path, Input::file(&path, container)).unwrap();
            let film = Film::new(tools.clone(), vec![part]).unwrap();
            let mut player = Player::new(&film);
            assert_eq!(film.count(), 100);
            for frame in [50, 99, 0, 98, 99, 37, 41, 39, 40, 20, 19, 21, 3] {
                player.seek(frame).unwrap();
                for next in frame..(frame + 4).min(100) {
                    let (given, picture) = player.next().unwrap().unwrap();
                    let Picture::Planes(_, planes) = picture else { panic!("planes") };
                    let apart = i64::from(planes[64 * 20 + 30]) - i64::from(16 + 2 * next);
                    assert!(given == next && apart.abs() <= 1, "{}: {given} for {next}, off by {apart}", coding[1]);
                }
                if frame >= 98 {
                    assert!(player.next().unwrap().is_none(), "{}: the end after {frame}", coding[1]);
                }
            }
            assert!(player.unfed.is_empty() && player.session.is_none(), "{}: the feed was given up", coding[1]);
        }
    }
}
