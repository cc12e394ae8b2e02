//! How a viewport shows colour: the image's profile made into a table once, and what the hand has chosen beside it.

use std::sync::Arc;

use crate::{
    project::tiles::{ColourPart, ColourState, IccFault, IccTable, ImageMeta},
    render::{ColourLook, ColourPart as Part, ColourTable},
};

/// What became of the image's colour profile; the corner says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum IccBadge {
    /// Grey images have none.
    #[default]
    NotColour,
    /// The file has no profile: sRGB by convention.
    None,
    /// The profile says sRGB, and so does the monitor: nothing to change.
    Srgb,
    /// Corrected, by the profile of this name (which may be empty).
    Applied(String),
    /// There is one, and it was switched off.
    Off,
    /// Shown uncorrected, and why.
    Broken(IccFault),
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Colours {
    pub state: ColourState,
    /// Switched off by hand; stays so from image to image.
    off: bool,
    colour_image: bool,
    profile: Option<Arc<[u8]>>,
    monitor: Option<Arc<[u8]>>,
    built: Option<Result<Built, IccFault>>,
}

struct Built {
    table: IccTable,
    /// The same on the card; none where it changes nothing.
    card: Option<Arc<ColourTable>>,
}

impl Colours {
    /// Another image: what was chosen for the one before does not hold for it.
    pub fn open(&mut self, meta: &ImageMeta) {
        self.state = ColourState::default();
        self.colour_image = meta.channels >= 3;
        self.profile.clone_from(&meta.icc);
        self.build();
    }

    /// The monitor's own profile; `None` is sRGB.
    pub fn set_monitor(&mut self, monitor: Option<Arc<[u8]>>) {
        if self.monitor != monitor {
            self.monitor = monitor;
            self.build();
        }
    }

    pub fn switch(&mut self) {
        self.off = !self.off;
    }

    fn build(&mut self) {
        let profile = self.profile.as_ref().filter(|_| self.colour_image);
        self.built = profile.map(|bytes| {
            let table = IccTable::new(bytes, self.monitor.as_deref())?;
            let card = if table.is_neutral() { None } else { ColourTable::new(table.side(), table.entries()) };
            Ok(Built { table, card })
        });
        if let Some(Err(fault)) = &self.built {
            tracing::warn!(%fault, "a colour profile cannot be used");
        }
    }

    pub fn badge(&self) -> IccBadge {
        match &self.built {
            _ if !self.colour_image => IccBadge::NotColour,
            None => IccBadge::None,
            Some(Err(fault)) => IccBadge::Broken(*fault),
            Some(Ok(_)) if self.off || self.state.part != ColourPart::Whole => IccBadge::Off,
            Some(Ok(built)) if built.card.is_none() => IccBadge::Srgb,
            Some(Ok(built)) => IccBadge::Applied(built.table.name().to_owned()),
        }
    }

    fn in_force(&self) -> Option<&Built> {
        self.built.as_ref().and_then(|b| b.as_ref().ok()).filter(|b| !self.off && b.card.is_some())
    }

    /// The table that the CPU pipeline would use for the same picture.
    pub fn table(&self) -> Option<&IccTable> {
        self.in_force().map(|b| &b.table)
    }

    pub fn look(&self) -> ColourLook {
        let part = match (self.state.part.channel(), self.state.part.stain()) {
            (Some(channel), _) => Part::Channel(channel),
            (None, Some(stain)) => Part::Stain { amount: stain.amount, vector: stain.vector },
            (None, None) => Part::Whole,
        };
        let ColourState { brightness, contrast, gamma, .. } = self.state;
        ColourLook { table: self.in_force().and_then(|b| b.card.clone()), part, brightness, contrast, gamma }
    }
}
