//! What the hand asks of the view itself, beyond moving it: turning, mirroring, colours, the map, the whole screen.

use egui::{Context, ViewportCommand};

use super::app::App;
use crate::project::tiles::{ColourPart, ColourState};

/// Rows of the action table that change how the image in view is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewing {
    /// Clockwise, in degrees.
    Turn(i16),
    Upright,
    MirrorAcross,
    MirrorDown,
    /// Held, not called: `keyboard` reads the key each frame.
    RawPixels,
    Icc,
    /// Shows this part alone; the whole again when it is shown already.
    Part(ColourPart),
    Adjust,
    ResetColour,
    Navigator,
    FullScreen,
}

impl App {
    /// Takes the monitor's colours from the settings or the desktop.
    pub(super) fn use_monitor(&mut self) {
        let chosen = self.session.monitor_profile();
        self.stage.set_monitor_profile(super::monitor::profile(chosen.as_deref()));
    }

    pub(super) fn call_viewing(&mut self, ctx: &Context, what: Viewing) {
        let viewport = self.stage.viewport_mut();
        match what {
            Viewing::Turn(degrees) => viewport.turn(f64::from(degrees)),
            Viewing::Upright => viewport.upright(),
            Viewing::MirrorAcross => viewport.mirror(false),
            Viewing::MirrorDown => viewport.mirror(true),
            Viewing::RawPixels => {}
            Viewing::Icc => viewport.switch_icc(),
            Viewing::Part(part) => {
                let now = viewport.colour();
                let part = if now.part == part { ColourPart::Whole } else { part };
                viewport.set_colour(ColourState { part, ..now });
            }
            Viewing::Adjust => self.look.adjust = !self.look.adjust,
            Viewing::ResetColour => viewport.set_colour(ColourState::default()),
            Viewing::Navigator => self.look.navigator = !self.look.navigator,
            Viewing::FullScreen => {
                let full = ctx.input(|i| i.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full));
            }
        }
    }
}
