//! Colours for grey values: the well-known palettes of DICOM PS3.6 Annex B, as data in `assets/presets/colours`.

use std::sync::{Arc, LazyLock};

/// Which colours the 256 levels have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    #[default]
    Grey,
    HotIron,
    Pet,
    HotMetalBlue,
    Pet20Step,
}

type Table = Arc<[[u8; 3]; 256]>;

static TABLES: LazyLock<[Option<Table>; 4]> = LazyLock::new(|| {
    [
        include_str!("../../assets/presets/colours/hot-iron.csv"),
        include_str!("../../assets/presets/colours/pet.csv"),
        include_str!("../../assets/presets/colours/hot-metal-blue.csv"),
        include_str!("../../assets/presets/colours/pet-20-step.csv"),
    ]
    .map(parse)
});

/// 256 rows of red, green, blue; lines that begin with `#` say where they come from.
fn parse(text: &str) -> Option<Table> {
    let rows = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    let colours: Option<Vec<[u8; 3]>> = rows
        .map(|row| {
            let parts: Vec<u8> = row.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
            parts.try_into().ok()
        })
        .collect();
    Some(Arc::new(colours?.try_into().ok()?))
}

impl Palette {
    pub const ALL: [Self; 5] = [Self::Grey, Self::HotIron, Self::Pet, Self::HotMetalBlue, Self::Pet20Step];

    /// Fluent key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Grey => "palette-grey",
            Self::HotIron => "palette-hot-iron",
            Self::Pet => "palette-pet",
            Self::HotMetalBlue => "palette-hot-metal-blue",
            Self::Pet20Step => "palette-pet-20-step",
        }
    }

    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|p| *p == self).unwrap_or(0);
        Self::ALL[(here + 1) % Self::ALL.len()]
    }

    /// Its colours; `None` for grey.
    pub fn colours(self) -> Option<Table> {
        let index = match self {
            Self::Grey => return None,
            Self::HotIron => 0,
            Self::Pet => 1,
            Self::HotMetalBlue => 2,
            Self::Pet20Step => 3,
        };
        TABLES.get(index)?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Palette;

    #[test]
    fn palettes_are_whole_and_begin_black_and_end_white() {
        for palette in Palette::ALL.into_iter().skip(1) {
            let colours = palette.colours().unwrap();
            assert_eq!((colours[0], colours[255]), ([0; 3], [255; 3]), "{palette:?}");
        }
        // PS3.6 B.1.1.1: Hot Iron turns red up to the middle, then yellow, then white.
        let hot = Palette::HotIron.colours().unwrap();
        assert_eq!((hot[64], hot[128]), ([128, 0, 0], [255, 0, 0]));
        assert_eq!(Palette::Pet20Step.next(), Palette::Grey);
    }
}
