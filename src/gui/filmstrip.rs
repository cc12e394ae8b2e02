//! Small pictures for the strip: made one after the other on a thread of their own, forgotten with what they belong to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::domain::ImageId;
use crate::project::pixels::ImageSource;
use crate::project::tiles::Samples;

/// Longer side of a picture, in pixels.
const LONGEST_PX: u32 = 160;
/// Pictures of one strip; more would be looked through faster in the film itself.
pub const MOST: usize = 48;

/// A picture of the strip: an image of the case, or a frame of the film.
pub type Place = (ImageId, u32);

enum Picture {
    Asked,
    Ready(TextureHandle),
    Failed,
}

type Made = (Place, Option<ColorImage>);

/// The strip of the image or the case in view.
#[derive(Default)]
pub struct Filmstrip {
    places: Vec<Place>,
    pictures: HashMap<Place, Picture>,
    ask: Option<SyncSender<(Place, Arc<dyn ImageSource>)>>,
    made: Option<Receiver<Made>>,
}

impl Filmstrip {
    /// What the strip shows, in order; another list forgets the pictures of the one before and stops their making.
    pub fn show(&mut self, places: Vec<Place>) {
        if self.places != places {
            *self = Self { places, ..Self::default() };
        }
    }

    pub fn places(&self) -> &[Place] {
        &self.places
    }

    pub fn picture(&self, place: &Place) -> Option<&TextureHandle> {
        match self.pictures.get(place)? {
            Picture::Ready(texture) => Some(texture),
            Picture::Asked | Picture::Failed => None,
        }
    }

    pub fn has_failed(&self, place: &Place) -> bool {
        matches!(self.pictures.get(place), Some(Picture::Failed))
    }

    /// The first picture that nobody has asked for yet.
    pub fn missing(&self) -> Option<Place> {
        self.places.iter().find(|place| !self.pictures.contains_key(*place)).cloned()
    }

    /// Has a picture made; `None` for an image that cannot be opened.
    pub fn ask(&mut self, ctx: &Context, place: Place, source: Option<Arc<dyn ImageSource>>) {
        let Some(source) = source else {
            self.pictures.insert(place, Picture::Failed);
            return;
        };
        if self.ask.is_none() {
            self.begin(ctx);
        }
        let asked = self.ask.as_ref().is_some_and(|ask| ask.try_send((place.clone(), source)).is_ok());
        self.pictures.insert(place, if asked { Picture::Asked } else { Picture::Failed });
    }

    fn begin(&mut self, ctx: &Context) {
        let (ask, asked) = sync_channel::<(Place, Arc<dyn ImageSource>)>(MOST);
        let (send, made) = sync_channel::<Made>(MOST);
        let ctx = ctx.clone();
        let work = move || {
            // Ends when the strip is forgotten: its channel closes.
            for (place, source) in asked {
                let picture = source.thumbnail(place.1, LONGEST_PX).ok().and_then(|pixels| {
                    let size = [pixels.size_px.width as usize, pixels.size_px.height as usize];
                    match &pixels.samples {
                        Samples::U8(rgba) if pixels.channels == 4 => {
                            Some(ColorImage::from_rgba_unmultiplied(size, rgba))
                        }
                        _ => None,
                    }
                });
                if send.send((place, picture)).is_err() {
                    return;
                }
                ctx.request_repaint();
            }
        };
        if std::thread::Builder::new().name("filmstrip".to_owned()).spawn(work).is_ok() {
            (self.ask, self.made) = (Some(ask), Some(made));
        }
    }

    /// Takes in what was made since the last frame.
    pub fn take_in(&mut self, ctx: &Context) {
        let Some(made) = &self.made else { return };
        while let Ok((place, picture)) = made.try_recv() {
            let picture = picture.map_or(Picture::Failed, |image| {
                Picture::Ready(ctx.load_texture("filmstrip", image, TextureOptions::LINEAR))
            });
            self.pictures.insert(place, picture);
        }
    }
}
