//! Which images of a case hang side by side, and how: protocols as data in `assets/hanging/protocols.json`, which says how
//! they are written.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::Field;

#[derive(Deserialize)]
struct File {
    protocols: Vec<Protocol>,
}

/// One way to hang a case.
#[derive(Clone, Debug, Deserialize)]
pub struct Protocol {
    /// Fluent key of its name.
    pub key: String,
    #[serde(rename = "match")]
    wants: Wants,
    /// Columns and rows.
    pub layout: [u8; 2],
    cells: Vec<Pick>,
    pub linked: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Wants {
    field: String,
    #[serde(default)]
    modality: Vec<String>,
    images: [usize; 2],
    #[serde(default)]
    dates: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Pick {
    modality: Option<String>,
    order: Order,
    #[serde(default)]
    skip: usize,
    #[serde(default)]
    frames: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Newest,
    Oldest,
    Listed,
}

/// What a protocol looks at of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hung {
    pub field: Option<Field>,
    /// DICOM modality; empty for other files.
    pub modality: String,
    /// Study date as the header writes it (`20261121`); empty where there is none.
    pub date: String,
    pub frames: usize,
}

/// Empty only when the file in the program is broken, which a test excludes.
static PROTOCOLS: LazyLock<Vec<Protocol>> = LazyLock::new(|| {
    let text = include_str!("../../assets/hanging/protocols.json");
    serde_json::from_str::<File>(text).map(|f| f.protocols).unwrap_or_default()
});

const fn word(field: Field) -> &'static str {
    match field {
        Field::Radiology => "radiology",
        Field::Pathology => "pathology",
        Field::Endoscopy => "endoscopy",
        Field::Other => "other",
    }
}

impl Protocol {
    fn matches(&self, images: &[Hung]) -> bool {
        let wants = &self.wants;
        let of_field = || images.iter().filter(|i| i.field.is_some_and(|f| word(f) == wants.field));
        let mut dates: Vec<&str> = of_field().map(|i| i.date.as_str()).filter(|d| !d.is_empty()).collect();
        dates.sort_unstable();
        dates.dedup();
        (wants.images[0]..=wants.images[1]).contains(&of_field().count())
            && wants.modality.iter().all(|m| of_field().any(|i| i.modality == *m))
            && (!wants.dates || dates.len() > 1)
    }

    /// The image of each cell, as indices; a cell that nothing fits stays empty, and no image hangs twice.
    fn hang(&self, images: &[Hung]) -> Vec<Option<usize>> {
        let mut used = Vec::new();
        let picks = self.cells.iter().map(|pick| {
            let mut fitting: Vec<usize> = (0..images.len())
                .filter(|i| {
                    let image = &images[*i];
                    image.field.is_some_and(|f| word(f) == self.wants.field)
                        && pick.modality.as_ref().is_none_or(|m| image.modality == *m)
                        && image.frames >= pick.frames
                })
                .collect();
            match pick.order {
                Order::Newest => fitting.sort_by(|a, b| images[*b].date.cmp(&images[*a].date)),
                Order::Oldest => fitting.sort_by(|a, b| images[*a].date.cmp(&images[*b].date)),
                Order::Listed => {}
            }
            let found = fitting.into_iter().skip(pick.skip).find(|i| !used.contains(i));
            used.extend(found);
            found
        });
        picks.collect()
    }
}

/// The first protocol that fits the images of a case, and the image of each of its cells.
pub fn choose(images: &[Hung]) -> Option<(&'static Protocol, Vec<Option<usize>>)> {
    let protocol = PROTOCOLS.iter().find(|p| p.matches(images))?;
    Some((protocol, protocol.hang(images)))
}

/// The newest image that is older than `now`, for the cell beside it: of the same modality if there is one.
pub fn prior(images: &[Hung], now: usize) -> Option<usize> {
    let here = images.get(now)?;
    let older = |i: &usize| {
        let image = &images[*i];
        image.field == here.field && !image.date.is_empty() && image.date < here.date
    };
    (0..images.len()).filter(older).max_by(|a, b| {
        let rank = |i: &usize| (images[*i].modality == here.modality, &images[*i].date);
        rank(a).cmp(&rank(b)).then(b.cmp(a))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::i18n::{Lang, Words};

    fn image(modality: &str, date: &str, frames: usize) -> Hung {
        Hung { field: Some(Field::Radiology), modality: modality.to_owned(), date: date.to_owned(), frames }
    }

    #[test]
    fn every_protocol_has_a_name_in_both_languages_and_cells_for_its_layout() {
        assert!(PROTOCOLS.len() >= 5);
        for p in PROTOCOLS.iter() {
            assert_eq!(p.cells.len(), usize::from(p.layout[0]) * usize::from(p.layout[1]), "{}", p.key);
            for lang in Lang::ALL {
                assert_ne!(Words::new(lang).t(&p.key), p.key, "{}", lang.code());
            }
        }
    }

    #[test]
    fn pet_hangs_beside_its_ct_and_the_localiser_stays_away() {
        let images = [image("CT", "20260101", 1), image("CT", "20260101", 300), image("PT", "20260101", 90)];
        let (protocol, cells) = choose(&images).unwrap();
        assert_eq!((protocol.key.as_str(), cells), ("hanging-pet-ct", vec![Some(1), Some(2)]));
    }

    #[test]
    fn the_newest_study_hangs_left_and_the_prior_right() {
        let images = [image("CT", "20200101", 30), image("CT", "20260101", 30)];
        let (protocol, cells) = choose(&images).unwrap();
        assert_eq!((protocol.key.as_str(), cells), ("hanging-prior", vec![Some(1), Some(0)]));
        let many = [
            image("MR", "20250101", 9),
            image("CT", "20240101", 9),
            image("CT", "20230101", 9),
            image("CT", "20260101", 9),
        ];
        assert_eq!(prior(&many, 3), Some(1), "the same modality first, then the newest");
        assert_eq!(prior(&many, 2), None, "nothing is older");
    }

    #[test]
    fn slides_hang_in_pairs_and_a_single_image_hangs_alone() {
        let slide = Hung { field: Some(Field::Pathology), frames: 1, ..Hung::default() };
        let (protocol, cells) = choose(&[slide.clone(), slide.clone(), slide.clone()]).unwrap();
        assert_eq!((protocol.key.as_str(), cells), ("hanging-serial-sections", vec![Some(0), Some(1)]));
        assert!(choose(&[slide]).is_none());
    }
}
