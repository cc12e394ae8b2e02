//! Value windows by name and key. The numbers are data, `assets/presets/windows.json`, with the sources they were published in.

use std::sync::LazyLock;

use serde::Deserialize;

/// A value window on a Shift+digit key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The image's own window.
    Own,
    /// Taken from the values of the slice in view.
    Auto,
    Soft,
    Lung,
    Bone,
    Brain,
    Liver,
    Abdomen,
    Mediastinum,
    Vessels,
}

#[derive(Deserialize)]
struct File {
    presets: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    center: f64,
    width: f64,
}

/// Empty only when the file in the program is broken, which a test excludes.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../../assets/presets/windows.json");
    serde_json::from_str::<File>(text).map(|f| f.presets).unwrap_or_default()
});

impl Preset {
    pub const ALL: [Self; 10] = [
        Self::Soft,
        Self::Lung,
        Self::Bone,
        Self::Brain,
        Self::Liver,
        Self::Abdomen,
        Self::Mediastinum,
        Self::Vessels,
        Self::Auto,
        Self::Own,
    ];

    /// Fluent key of its name, and its name in the file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Own => "window-own",
            Self::Auto => "window-auto",
            Self::Soft => "window-soft",
            Self::Lung => "window-lung",
            Self::Bone => "window-bone",
            Self::Brain => "window-brain",
            Self::Liver => "window-liver",
            Self::Abdomen => "window-abdomen",
            Self::Mediastinum => "window-mediastinum",
            Self::Vessels => "window-vessels",
        }
    }

    /// Centre and width in HU; `None` where they depend on the image.
    pub fn window(self) -> Option<(f64, f64)> {
        ROWS.iter().find(|r| r.key == self.key()).map(|r| (r.center, r.width))
    }
}

#[cfg(test)]
mod tests {
    use super::{Preset, ROWS};
    use crate::gui::i18n::{Lang, Words};

    /// As published: OHIF's list of defaults for CT, and the windows that Weasis names beside its digit keys.
    const PUBLISHED: [(Preset, f64, f64); 8] = [
        (Preset::Soft, 400.0, 40.0),
        (Preset::Lung, 1500.0, -600.0),
        (Preset::Bone, 2500.0, 480.0),
        (Preset::Brain, 80.0, 40.0),
        (Preset::Liver, 150.0, 90.0),
        (Preset::Abdomen, 320.0, 50.0),
        (Preset::Mediastinum, 400.0, 80.0),
        (Preset::Vessels, 380.0, 120.0),
    ];

    #[test]
    fn windows_are_the_published_ones_and_their_sentences_say_the_same_numbers() {
        assert_eq!(ROWS.len(), PUBLISHED.len());
        for (preset, width, level) in PUBLISHED {
            assert_eq!(preset.window(), Some((level, width)), "{preset:?}");
            for lang in Lang::ALL {
                let said = Words::new(lang).t(&format!("{}-help", preset.key()));
                for number in [width, level] {
                    assert!(said.contains(&format!("{number}").replace('-', "−")), "{said}");
                }
            }
        }
        assert_eq!((Preset::Own.window(), Preset::Auto.window()), (None, None));
    }
}
