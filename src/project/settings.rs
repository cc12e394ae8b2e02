//! What a person has chosen for this computer: one TOML file under `$SHOKEN_HOME`, edited in place.
//!
//! Keys that this version does not know (a newer one wrote them, or a person) are kept, and so are comments and order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, value};

use crate::domain::Sensitive;
use crate::tasks::platform;

/// The version this program writes.
const VERSION: i64 = 1;
const FILE_NAME: &str = "settings.toml";
const MIB: u64 = 1024 * 1024;
/// Less than this and a screen of tiles does not fit.
const SMALLEST_CACHE_BYTES: u64 = 64 * MIB;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Japanese,
    English,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Dark,
    Light,
}

/// What the window asks for; every value has a default that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub language: Language,
    pub theme: Theme,
    /// Name of the set of keyboard shortcuts.
    pub key_profile: String,
    /// Most bytes of decoded tiles kept in memory.
    pub cache_bytes: u64,
    /// Whether the view may glide; off for those whom motion disturbs.
    pub motion: bool,
    /// File of the monitor's colour profile (ICC); the desktop's own when absent.
    pub monitor_profile: Option<Sensitive<String>>,
    /// Widths of the left and the right panel in points, by workspace.
    pub panels: BTreeMap<String, [u16; 2]>,
    /// Where the second window was: left, top, width and height in points.
    pub second_window: Option<[i32; 4]>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::Japanese,
            theme: Theme::Dark,
            key_profile: "standard".to_owned(),
            cache_bytes: 1024 * MIB,
            motion: true,
            monitor_profile: None,
            panels: BTreeMap::new(),
            second_window: None,
        }
    }
}

/// Something about the settings that the user should be told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsNotice {
    /// The file was no TOML; it is kept under this name and defaults are in use.
    SetAside { kept_as: String },
    /// These keys held something else than expected; their defaults are in use and the file is as it was.
    Ignored { keys: Vec<&'static str> },
    /// A newer version of the program wrote the file; what is known of it is in use.
    Newer { version: i64 },
}

impl std::fmt::Display for SettingsNotice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SetAside { kept_as } => {
                write!(f, "The settings file was damaged. It is kept as {kept_as}; the default settings are in use.")
            }
            Self::Ignored { keys } => {
                write!(f, "Settings with values that make no sense were ignored: {}.", keys.join(", "))
            }
            Self::Newer { version } => {
                write!(f, "The settings were written by a newer version (format {version}); what is unknown is kept.")
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{}: cannot be read: {source}. Check that you may read the folder, or set SHOKEN_HOME.", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: cannot be written: {source}. Check that the disk is not full and that you may write there.", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// The settings with the document they came from.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    document: DocumentMut,
    settings: Settings,
    notice: Option<SettingsNotice>,
}

impl SettingsFile {
    /// Reads `home/settings.toml`. An absent file gives defaults; a damaged one is set aside and gives defaults.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is damaged and cannot be set aside.
    pub fn load(home: &Path) -> Result<Self, SettingsError> {
        let path = home.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(SettingsError::Read { path, source }),
        };
        let parsed = String::from_utf8(bytes).ok().and_then(|text| text.parse::<DocumentMut>().ok());
        let Some(document) = parsed else {
            let kept_as = set_aside(&path)?;
            let notice = Some(SettingsNotice::SetAside { kept_as });
            return Ok(Self { path, document: DocumentMut::new(), settings: Settings::default(), notice });
        };
        let (settings, ignored) = read(&document);
        let version = document.get("version").and_then(toml_edit::Item::as_integer).unwrap_or(VERSION);
        let notice = if version > VERSION {
            Some(SettingsNotice::Newer { version })
        } else if ignored.is_empty() {
            None
        } else {
            Some(SettingsNotice::Ignored { keys: ignored })
        };
        Ok(Self { path, document, settings, notice })
    }

    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the user should be told about the file; taken once.
    pub const fn take_notice(&mut self) -> Option<SettingsNotice> {
        self.notice.take()
    }

    /// Changes settings and writes those that changed; everything else in the file stays as it is.
    ///
    /// # Errors
    /// [`SettingsError::Write`]; the change then holds for this run only.
    pub fn update(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), SettingsError> {
        let before = self.settings.clone();
        change(&mut self.settings);
        self.settings.cache_bytes = self.settings.cache_bytes.max(SMALLEST_CACHE_BYTES);
        if before == self.settings {
            return Ok(());
        }
        write_changed(&mut self.document, &before, &self.settings);
        if !self.document.contains_key("version") {
            self.document["version"] = value(VERSION);
        }
        let path = self.path.clone();
        platform::write_atomic(&path, self.document.to_string().as_bytes(), false)
            .map_err(|source| SettingsError::Write { path, source })
    }
}

fn read(document: &DocumentMut) -> (Settings, Vec<&'static str>) {
    let mut settings = Settings::default();
    let mut ignored = Vec::new();
    let mut take = |key: &'static str, accept: &mut dyn FnMut(&toml_edit::Item) -> Option<()>| {
        if document.get(key).is_some_and(|item| accept(item).is_none()) {
            ignored.push(key);
        }
    };
    take("language", &mut |item| item.as_str().and_then(language).map(|l| settings.language = l));
    take("theme", &mut |item| item.as_str().and_then(theme).map(|t| settings.theme = t));
    take("key_profile", &mut |item| item.as_str().map(|name| name.clone_into(&mut settings.key_profile)));
    take("cache_mib", &mut |item| {
        let mib = u64::try_from(item.as_integer()?).ok()?;
        mib.checked_mul(MIB).filter(|b| *b >= SMALLEST_CACHE_BYTES).map(|bytes| settings.cache_bytes = bytes)
    });
    take("motion", &mut |item| item.as_bool().map(|on| settings.motion = on));
    take("monitor_profile", &mut |item| {
        item.as_str().map(|path| settings.monitor_profile = Some(path.into()).filter(|_| !path.is_empty()))
    });
    take("panels", &mut |item| {
        let width = |v: &toml_edit::Value| v.as_integer().and_then(|n| u16::try_from(n).ok());
        for (workspace, pair) in item.as_table_like()?.iter() {
            let pair = pair.as_array()?;
            let (Some(left), Some(right), 2) = (pair.get(0).and_then(width), pair.get(1).and_then(width), pair.len())
            else {
                return None;
            };
            settings.panels.insert(workspace.to_owned(), [left, right]);
        }
        Some(())
    });
    take("second_window", &mut |item| {
        let numbers = item.as_array()?.iter().map(|v| i32::try_from(v.as_integer()?).ok());
        let place: Vec<i32> = numbers.collect::<Option<_>>()?;
        <[i32; 4]>::try_from(place)
            .ok()
            .filter(|[_, _, w, h]| *w > 0 && *h > 0)
            .map(|p| settings.second_window = Some(p))
    });
    (settings, ignored)
}

fn write_changed(document: &mut DocumentMut, before: &Settings, after: &Settings) {
    if before.language != after.language {
        document["language"] = value(if after.language == Language::Japanese { "ja" } else { "en" });
    }
    if before.theme != after.theme {
        document["theme"] = value(if after.theme == Theme::Dark { "dark" } else { "light" });
    }
    if before.key_profile != after.key_profile {
        document["key_profile"] = value(after.key_profile.as_str());
    }
    if before.cache_bytes != after.cache_bytes {
        document["cache_mib"] = value(i64::try_from(after.cache_bytes / MIB).unwrap_or(i64::MAX));
    }
    let gone = before.panels.keys().filter(|w| !after.panels.contains_key(*w));
    for workspace in gone {
        if let Some(table) = document["panels"].as_table_like_mut() {
            table.remove(workspace);
        }
    }
    for (workspace, [left, right]) in after.panels.iter().filter(|(w, pair)| before.panels.get(*w) != Some(pair)) {
        let pair: toml_edit::Array = [i64::from(*left), i64::from(*right)].into_iter().collect();
        document["panels"][workspace] = value(pair);
    }
    if before.monitor_profile != after.monitor_profile {
        document["monitor_profile"] = value(after.monitor_profile.as_ref().map_or("", |p| p.reveal().as_str()));
    }
    match after.second_window {
        now if now == before.second_window => {}
        Some(place) => {
            document["second_window"] = value(place.into_iter().map(i64::from).collect::<toml_edit::Array>());
        }
        None => {
            document.remove("second_window");
        }
    }
    if before.motion != after.motion {
        document["motion"] = value(after.motion);
    }
}

fn language(text: &str) -> Option<Language> {
    match text {
        "ja" => Some(Language::Japanese),
        "en" => Some(Language::English),
        _ => None,
    }
}

fn theme(text: &str) -> Option<Theme> {
    match text {
        "dark" => Some(Theme::Dark),
        "light" => Some(Theme::Light),
        _ => None,
    }
}

/// Renames the damaged file so that nothing a person wrote is lost; returns its new name without the folder.
fn set_aside(path: &Path) -> Result<String, SettingsError> {
    let names = std::iter::once(format!("{FILE_NAME}.bad")).chain((1..).map(|n| format!("{FILE_NAME}.bad-{n}")));
    let free = names.into_iter().find(|name| !path.with_file_name(name).exists()).unwrap_or_default();
    std::fs::rename(path, path.with_file_name(&free))
        .map_err(|source| SettingsError::Write { path: path.to_owned(), source })?;
    Ok(free)
}
