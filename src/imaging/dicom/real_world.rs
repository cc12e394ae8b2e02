//! Real World Value Mapping (PS3.3 C.7.6.16.2.11.1): of the image, of all frames of an enhanced object, or of one frame.

use std::sync::Arc;

use super::dataset::{Dataset, Tag};
use crate::{
    domain::Sensitive,
    imaging::{RealValues, RealWorld},
};

const MAPPINGS: Tag = 0x0040_9096;
const FIRST: Tag = 0x0040_9216;
const LAST: Tag = 0x0040_9211;
const FIRST_REAL: Tag = 0x0040_9214;
const LAST_REAL: Tag = 0x0040_9213;
const INTERCEPT: Tag = 0x0040_9224;
const SLOPE: Tag = 0x0040_9225;
const TABLE: Tag = 0x0040_9212;
const LABEL: Tag = 0x0040_9210;
const EXPLANATION: Tag = 0x0028_3003;
const UNIT: Tag = 0x0040_08EA;
const CODE: Tag = 0x0008_0100;
/// Mappings and entries of a table that are read.
const MOST: usize = 16;
const MOST_ENTRIES: usize = 1 << 16;

/// The mappings of a dataset or a functional group; `None` where there are none. `signed` is the pixels' own, for files that
/// do not write the type of a value.
pub fn read(data: &Dataset<'_>, signed: bool) -> Option<Arc<[RealWorld]>> {
    let found: Vec<RealWorld> = data.items(MAPPINGS).iter().take(MOST).filter_map(|item| one(item, signed)).collect();
    (!found.is_empty()).then(|| found.into())
}

fn one(item: &Dataset<'_>, signed: bool) -> Option<RealWorld> {
    let whole = |tag| {
        let word = item.word(tag)?;
        let signed = item.vr(tag).map_or(signed, |vr| vr == *b"SS");
        Some(if signed { f64::from(word.cast_signed()) } else { f64::from(word) })
    };
    let first = item.number(FIRST_REAL).or_else(|| whole(FIRST))?;
    let last = item.number(LAST_REAL).or_else(|| whole(LAST))?;
    let table: Vec<f64> = item.numbers(TABLE).into_iter().take(MOST_ENTRIES).collect();
    let values = match (item.number(SLOPE), table.is_empty()) {
        (Some(slope), _) => RealValues::Line { slope, intercept: item.number(INTERCEPT).unwrap_or(0.0) },
        (None, false) => RealValues::Table(table.into()),
        (None, true) => return None,
    };
    let (label, explained) = (item.text(LABEL), item.text(EXPLANATION));
    Some(RealWorld {
        label: Sensitive::new(if label.is_empty() { explained } else { label }),
        unit: Sensitive::new(item.item(UNIT).map(|code| code.text(CODE)).unwrap_or_default()),
        stored: (first.min(last), first.max(last)),
        values,
    })
}
