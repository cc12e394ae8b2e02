//! The window (egui): `App` and its action table, panels, tools, the viewport, words and colours.
//!
//! Panels read a [`model::Model`] and return [`action::Action`]s; `App::logic` carries them out. Only `session.rs`,
//! `opening.rs`, `releasing.rs`, `keeping.rs` and `views.rs` talk to the project, only `theme.rs` names colours, only `assets/locales` holds words.

mod action;
mod action_kinds;
mod actions;
mod app;
mod call;
mod cells;
mod chooser;
mod drafts;
mod field;
mod filmstrip;
mod hand;
mod hanging;
pub mod i18n;
mod icons;
mod judge;
mod keep;
mod keeping;
mod keyboard;
mod keys;
mod layout;
mod lights;
mod linked;
mod look;
mod model;
mod monitor;
mod mpr;
mod navigation;
mod news;
mod notices;
mod opening;
#[cfg(feature = "network")]
mod pacs;
mod palettes;
mod panels;
mod perform;
mod planes;
mod player;
mod player_run;
mod portrait;
mod presets;
mod recovery;
mod refusals;
mod profile;
mod readings;
mod releasing;
mod remembered;
mod run;
mod second;
mod session;
mod stage;
mod stage_actions;
mod staging;
mod theme;
mod told;
pub mod tools;
mod trouble;
mod viewing;
mod views;
pub mod viewport;
mod vocabulary;
mod volumes;
mod watch;
mod widgets;

pub use action::{Action, Job, ViewChange, Workspace};
pub use actions::{ACTIONS, ActionId, Preset};
pub use app::App;
pub use keeping::Task;
pub use model::Model;
pub use navigation::{Drag, Hold, Profile};
pub use palettes::Palette;
pub use player::Transport;
pub use portrait::Portrait;
pub use recovery::{Reopen, Resume, ResumePlace};
pub use run::{GuiArgs, WindowError, run};
pub use stage::Stage;
pub use viewing::Viewing;

/// Installs fonts and themes before the first frame.
pub fn prepare(ctx: &egui::Context) {
    theme::install(ctx);
}
