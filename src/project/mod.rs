//! (under construction)

mod diagnostics;
mod settings;
mod vocabulary;

pub use diagnostics::{Diagnostics, DiagnosticsError, start as start_diagnostics};
pub use settings::{Language, Settings, SettingsError, SettingsFile, SettingsNotice, Theme, home_dir};
pub use vocabulary::{TermPack, VocabularyError, embedded_packs, find_pack, load_pack, parse_pack};
