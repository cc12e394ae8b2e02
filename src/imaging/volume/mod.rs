//! A stack of slices as a volume: where every voxel lies in the patient, and planes cut through it.
//!
//! Nothing is resampled when a volume is made: samples stay as stored, and each slice keeps the position that its header
//! gives. The steps between slices may differ, slices may drift sideways (a tilted gantry) and may be rescaled each in its
//! own way (PET). [`Volume::reslice`] reads between the real positions; what lies between two slices where others are
//! missing, or outside, is no value.

#![allow(
    clippy::indexing_slicing,
    reason = "three axes in arrays of three; samples of foreign files are read through `get`"
)]

mod build;
mod geometry;
mod reslice;

pub use build::VolumeError;
pub use geometry::{Posed, SlicePlace, StackGeometry};
pub use reslice::{Plane, Resliced, Slab, StackCut};

/// Raw samples of all slices, slice by slice, rows top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub enum Voxels {
    I16(Vec<i16>),
    U16(Vec<u16>),
}

impl Voxels {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::I16(v) => v.len(),
            Self::U16(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn at(&self, index: usize) -> Option<f64> {
        match self {
            Self::I16(v) => v.get(index).map(|s| f64::from(*s)),
            Self::U16(v) => v.get(index).map(|s| f64::from(*s)),
        }
    }
}

/// A grey stack in memory. `size` is columns, rows, slices; slices lie in the order of their positions along the normal.
#[derive(Debug)]
pub struct Volume {
    size: [usize; 3],
    voxels: Voxels,
    geometry: StackGeometry,
    /// Lowest and highest value, in rescaled units.
    range: (f64, f64),
    unit: Option<String>,
}

impl Volume {
    /// A volume from samples in the order of `geometry`'s slices.
    ///
    /// # Errors
    /// [`VolumeError::Size`] when samples and size do not agree, or a side has a single voxel only.
    pub fn new(
        size: [usize; 3],
        voxels: Voxels,
        geometry: StackGeometry,
        unit: Option<String>,
    ) -> Result<Self, VolumeError> {
        let wanted = size.iter().try_fold(1_usize, |n, side| n.checked_mul(*side));
        if wanted != Some(voxels.len()) || geometry.slices().len() != size[2] || size.iter().any(|side| *side < 2) {
            return Err(VolumeError::Size);
        }
        let range = range_of(&voxels, &geometry, size[0] * size[1]);
        Ok(Self { size, voxels, geometry, range, unit })
    }

    /// Columns, rows, slices.
    pub const fn size(&self) -> [usize; 3] {
        self.size
    }

    pub const fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    pub const fn geometry(&self) -> &StackGeometry {
        &self.geometry
    }

    /// Lowest and highest value in rescaled units.
    pub const fn range(&self) -> (f64, f64) {
        self.range
    }

    /// Unit of rescaled values, for example `HU`.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Memory held by the samples.
    pub fn bytes(&self) -> u64 {
        self.voxels.len() as u64 * 2
    }

    /// The rescaled value of a voxel; `None` outside.
    pub fn value(&self, column: usize, row: usize, slice: usize) -> Option<f64> {
        if column >= self.size[0] || row >= self.size[1] {
            return None;
        }
        let place = self.geometry.slices().get(slice)?;
        let raw = self.voxels.at((slice * self.size[1] + row) * self.size[0] + column)?;
        Some(raw * place.slope + place.intercept)
    }

    /// The box of the volume in the patient: the eight corners, at the outer edges of the outer voxels.
    pub fn corners_mm(&self) -> [[f64; 3]; 8] {
        self.geometry.corners_mm([self.size[0], self.size[1]])
    }

    /// The middle of the volume in the patient.
    pub fn centre_mm(&self) -> [f64; 3] {
        let corners = self.corners_mm();
        std::array::from_fn(|axis| corners.iter().map(|c| c[axis]).sum::<f64>() / 8.0)
    }
}

fn range_of(voxels: &Voxels, geometry: &StackGeometry, per_slice: usize) -> (f64, f64) {
    fn ends<T: Copy + Ord>(slice: &[T]) -> Option<(T, T)> {
        Some((*slice.iter().min()?, *slice.iter().max()?))
    }
    let mut range = (f64::INFINITY, f64::NEG_INFINITY);
    for (index, place) in geometry.slices().iter().enumerate() {
        let span = index * per_slice..(index + 1) * per_slice;
        let found = match voxels {
            Voxels::I16(v) => v.get(span).and_then(ends).map(|(a, b)| (f64::from(a), f64::from(b))),
            Voxels::U16(v) => v.get(span).and_then(ends).map(|(a, b)| (f64::from(a), f64::from(b))),
        };
        if let Some((low, high)) = found {
            let (a, b) = (low * place.slope + place.intercept, high * place.slope + place.intercept);
            range = (range.0.min(a.min(b)), range.1.max(a.max(b)));
        }
    }
    range
}
