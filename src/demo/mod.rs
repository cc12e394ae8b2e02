//! The synthetic campaign: images of three fields that look like the real thing and belong to nobody, with lesions
//! whose outlines are known, read twice, adjudicated and released.

mod campaign;
mod ct;
mod ct_dicom;
mod endoscopy;
mod noise;
mod pictures;
mod practice;
mod readers;
mod slide;
mod slide_objects;
pub(crate) mod tiff_pyramid;
#[cfg(feature = "gui")]
mod window;

pub use campaign::{Args, Made, run};
pub use ct::CtPhantom;
pub use ct_dicom::write_series;
pub use endoscopy::EndoscopyScene;
pub use practice::practice_images;
pub use slide::{SlideScene, UM_PER_PX};

/// What a planted lesion is; the campaign maps it to a term of the pack in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlantedKind {
    Carcinoma,
    Adenoma,
    LymphoidFollicle,
    SolidNodule,
    GroundGlassNodule,
    Polyp,
    Erosion,
}

/// A lesion put into an image on purpose: outline in level-0 pixel edges of `frame`, open ring.
#[derive(Clone, Debug)]
pub struct Planted {
    pub kind: PlantedKind,
    pub frame: u32,
    pub outline: Vec<(f64, f64)>,
}
