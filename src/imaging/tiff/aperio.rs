//! What Aperio scanners write into ImageDescription (the format's only specification is its files; the page rules are
//! those of OpenSlide's documentation of the Aperio format).

use super::ifd::{Directory, tag};
use crate::{
    domain::{Spacing, SpacingSource},
    imaging::bytes::ByteSource,
};

/// The measurements in an Aperio description.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub spacing: Option<Spacing>,
    pub objective_power: Option<f64>,
}

impl Description {
    /// `None` when the text is not Aperio's. Values stand as `|key = value` after the first line.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.starts_with("Aperio") {
            return None;
        }
        let value = |name: &str| {
            let pairs = text.split('|').skip(1).filter_map(|pair| pair.split_once('='));
            let found = pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value.parse::<f64>().ok()).filter(|value| *value > 0.0 && value.is_finite())
        };
        let spacing = value("MPP").map(|um| Spacing { x_um: um, y_um: um, source: SpacingSource::AperioMpp });
        Some(Self { spacing, objective_power: value("AppMag") })
    }
}

/// The name of a page that is no level: `thumbnail` for the second directory, else the word that opens the description's
/// second line, else what NewSubfileType says.
pub fn associated_name(bytes: &dyn ByteSource, dir: &Directory, index: usize) -> String {
    let text = dir.text(bytes, tag::IMAGE_DESCRIPTION);
    let word = text.lines().nth(1).and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    match (word, dir.number(bytes, tag::NEW_SUBFILE_TYPE), index) {
        ("label", ..) | (_, Ok(Some(1)), 2..) => "label".to_owned(),
        ("macro", ..) | (_, Ok(Some(9)), _) => "macro".to_owned(),
        (_, _, 1) => "thumbnail".to_owned(),
        _ => format!("page{index}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_found_among_other_values() {
        let text =
            "Aperio Image Library v10.0.51\r\n2220x2967 JPEG|AppMag = 20|StripeWidth = 2040|MPP = 0.4990|Left = 25.69";
        let found = Description::parse(text).unwrap();
        assert_eq!(found.objective_power, Some(20.0));
        assert_eq!(found.spacing.map(|spacing| spacing.x_um), Some(0.499));
        assert_eq!(Description::parse("ImageJ=1.53"), None);
        assert_eq!(Description::parse("Aperio|MPP = nan").unwrap().spacing, None);
    }
}
