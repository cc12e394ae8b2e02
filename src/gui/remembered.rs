//! What the settings of this computer remember for the window.

use super::i18n::Lang;
use super::look::Widths;
use super::navigation::Profile;
use super::second::Place;
use super::session::Session;
use crate::project::{Language, SettingsFile};

impl Session {
    /// The language and theme that the settings remember.
    pub fn remembered(&self) -> (Lang, bool) {
        let settings = self.settings.as_ref().map(SettingsFile::settings);
        let lang = settings.map_or(Lang::Ja, |s| if s.language == Language::English { Lang::En } else { Lang::Ja });
        (lang, settings.is_none_or(|s| s.theme == crate::project::Theme::Dark))
    }

    /// Widths of the panels as they were left.
    pub fn remembered_widths(&self) -> Widths {
        self.settings.as_ref().map(|s| s.settings().panels.clone()).unwrap_or_default()
    }

    /// The file of the monitor's colour profile that the settings name.
    pub fn monitor_profile(&self) -> Option<std::path::PathBuf> {
        let chosen = self.settings.as_ref()?.settings().monitor_profile.as_ref()?;
        Some(std::path::PathBuf::from(chosen.reveal()))
    }

    pub fn remember_widths(&mut self, widths: &Widths) {
        if self.settings.as_ref().is_some_and(|s| s.settings().panels != *widths) {
            self.remember(|s| s.panels.clone_from(widths));
        }
    }

    /// Where the second window was.
    pub fn remembered_second(&self) -> Option<Place> {
        self.settings.as_ref().and_then(|s| s.settings().second_window)
    }

    pub fn remember_second(&mut self, place: Place) {
        self.remember(|s| s.second_window = Some(place));
    }

    /// What mouse and digits do.
    pub fn remembered_profile(&self) -> Profile {
        self.settings.as_ref().map(|s| Profile::of_name(&s.settings().key_profile)).unwrap_or_default()
    }

    pub fn remember_profile(&mut self, profile: Profile) {
        self.remember(|s| profile.name().clone_into(&mut s.key_profile));
    }

    pub fn remember_lang(&mut self, lang: Lang) {
        let language = if lang == Lang::En { Language::English } else { Language::Japanese };
        self.remember(|s| s.language = language);
    }

    pub fn remember_theme(&mut self, dark: bool) {
        let theme = if dark { crate::project::Theme::Dark } else { crate::project::Theme::Light };
        self.remember(|s| s.theme = theme);
    }

    fn remember(&mut self, change: impl FnOnce(&mut crate::project::Settings)) {
        if let Some(file) = &mut self.settings
            && let Err(e) = file.update(change)
        {
            // The choice holds for this run; the next start asks the file again.
            tracing::warn!("the settings could not be written: {e}");
        }
    }
}
