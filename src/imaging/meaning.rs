//! What stored values and frames stand for where a file says so: real-world values (PS3.3 C.7.6.16.2.11), and the detector,
//! energy window or phase that a frame belongs to (C.8.4.8).

use std::sync::Arc;

use crate::domain::Sensitive;

/// How stored values become a quantity of the real world.
#[derive(Clone, Debug, PartialEq)]
pub struct RealWorld {
    /// Name of the quantity as somebody typed it.
    pub label: Sensitive<String>,
    /// The unit's code (UCUM: `mm2/s`); `1` is a bare number.
    pub unit: Sensitive<String>,
    /// First and last stored value that the mapping holds for.
    pub stored: (f64, f64),
    pub values: RealValues,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RealValues {
    Line {
        slope: f64,
        intercept: f64,
    },
    /// One value for every stored value from the first on.
    Table(Arc<[f64]>),
}

impl RealWorld {
    /// The quantity that a stored value stands for; `None` outside the mapping.
    pub fn value(&self, stored: f64) -> Option<f64> {
        if !(self.stored.0..=self.stored.1).contains(&stored) {
            return None;
        }
        match &self.values {
            RealValues::Line { slope, intercept } => Some(slope * stored + intercept),
            RealValues::Table(table) => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the mapping")]
                let index = (stored - self.stored.0).round() as usize;
                table.get(index).copied()
            }
        }
    }
}

/// What a vector of a nuclear medicine file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramePartKind {
    EnergyWindow,
    Detector,
    Phase,
    Rotation,
    RrInterval,
    TimeSlot,
    AngularView,
    TimeSlice,
}

/// Which of its kind a frame belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramePart {
    pub kind: FramePartKind,
    /// Counted from 1, as the file does.
    pub number: u16,
    /// As the file names it; empty where it does not.
    pub name: Sensitive<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_holds_between_its_ends_only() {
        let of = |values| RealWorld { label: "ADC".into(), unit: "mm2/s".into(), stored: (10.0, 12.0), values };
        let line = of(RealValues::Line { slope: 0.5, intercept: -1.0 });
        assert_eq!([9.0, 10.0, 12.0, 13.0].map(|v| line.value(v)), [None, Some(4.0), Some(5.0), None]);
        let table = of(RealValues::Table(vec![7.0, 8.5].into()));
        assert_eq!([10.0, 11.0, 12.0].map(|v| table.value(v)), [Some(7.0), Some(8.5), None]);
        assert!(!format!("{line:?}").contains("ADC"));
    }
}
