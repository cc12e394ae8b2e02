//! Volumes in memory: read once in the background, shared by every plane, bounded in bytes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use egui::Context;

use super::viewport::ShownVolume;
use crate::domain::ImageId;
use crate::project::tiles::ImageSource;
use crate::project::volumes::{Volume, VolumeError};
use crate::project::{Cancel, Progress};

/// Volumes kept for another look; those in view are never counted out.
const KEPT_BYTES: u64 = 2 << 30;

struct Loading {
    image: ImageId,
    progress: Progress,
    cancel: Cancel,
    result: Receiver<Result<Volume, VolumeError>>,
}

/// See the module's text.
#[derive(Default)]
pub struct Volumes {
    /// The last used at the end.
    ready: Vec<(ImageId, ShownVolume)>,
    loading: Option<Loading>,
}

/// What became of a volume that was asked for.
pub enum Arrived {
    Ready(ImageId),
    /// Fluent key of what to tell, and the details.
    Failed(&'static str, String),
}

impl Volumes {
    /// The volume of an image, when it is in memory.
    pub fn get(&mut self, image: &ImageId) -> Option<ShownVolume> {
        let at = self.ready.iter().position(|(id, _)| id == image)?;
        let entry = self.ready.remove(at);
        let shown = entry.1.clone();
        self.ready.push(entry);
        Some(shown)
    }

    /// Begins to read a volume; what is being read for another image stops.
    ///
    /// # Errors
    /// When the image is no volume, or no thread can be had.
    pub fn load(&mut self, ctx: &Context, image: &ImageId, source: &Arc<dyn ImageSource>) -> Result<(), VolumeError> {
        if self.loading.as_ref().is_some_and(|l| l.image == *image) || self.ready.iter().any(|(id, _)| id == image) {
            return Ok(());
        }
        Volume::plan(source.as_ref())?;
        self.stop();
        let (send, result) = channel();
        let (progress, cancel) = (Progress::new(), Cancel::new());
        let (source, counted, stop, waker) = (Arc::clone(source), progress.clone(), cancel.clone(), ctx.clone());
        let threads = thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(1, 8);
        let work = move || {
            let made = Volume::read(source.as_ref(), threads, &counted, &stop);
            // Nobody waits any more when the image was closed.
            let _ = send.send(made);
            waker.request_repaint();
        };
        if thread::Builder::new().name("volume".to_owned()).spawn(work).is_ok() {
            self.loading = Some(Loading { image: image.clone(), progress, cancel, result });
        }
        Ok(())
    }

    /// Stops what is being read.
    pub fn stop(&mut self) {
        if let Some(loading) = self.loading.take() {
            loading.cancel.cancel();
        }
    }

    /// How far the reading is, 0 to 1.
    pub fn progress(&self) -> Option<f64> {
        self.loading.as_ref().map(|l| l.progress.snapshot().fraction().unwrap_or(0.0))
    }

    /// Whether a volume is being read.
    pub const fn is_busy(&self) -> bool {
        self.loading.is_some()
    }

    /// What has arrived since the last look.
    pub fn poll(&mut self) -> Option<Arrived> {
        let loading = self.loading.as_ref()?;
        let result = match loading.result.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(VolumeError::Size),
            Ok(result) => result,
        };
        let image = loading.image.clone();
        self.loading = None;
        Some(match result {
            Ok(volume) => {
                self.ready.push((image.clone(), ShownVolume::new(Arc::new(volume))));
                self.trim();
                Arrived::Ready(image)
            }
            Err(error) => Arrived::Failed(error.key(), error.to_string()),
        })
    }

    fn trim(&mut self) {
        let mut bytes: u64 = self.ready.iter().map(|(_, v)| v.volume.bytes()).sum();
        while bytes > KEPT_BYTES && self.ready.len() > 1 {
            bytes -= self.ready.remove(0).1.volume.bytes();
        }
    }
}
