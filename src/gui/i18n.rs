//! The words of the window: Fluent bundles from `assets/locales`, embedded, Japanese first, switchable at run time.

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// A language of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    Ja,
    En,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The code used in folders, settings and term packs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| code.starts_with(l.code()))
    }

    /// What stands between the parts of a list.
    pub const fn comma(self) -> &'static str {
        match self {
            Self::Ja => "・",
            Self::En => ", ",
        }
    }

    /// What stands between a thing and what is said of it.
    pub const fn colon(self) -> &'static str {
        match self {
            Self::Ja => "：",
            Self::En => ": ",
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        self.code().parse().unwrap_or_default()
    }

    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Ja => &[
                include_str!("../../assets/locales/ja/window.ftl"),
                include_str!("../../assets/locales/ja/actions.ftl"),
                include_str!("../../assets/locales/ja/messages.ftl"),
                include_str!("../../assets/locales/ja/history.ftl"),
            ],
            Self::En => &[
                include_str!("../../assets/locales/en/window.ftl"),
                include_str!("../../assets/locales/en/actions.ftl"),
                include_str!("../../assets/locales/en/messages.ftl"),
                include_str!("../../assets/locales/en/history.ftl"),
            ],
        }
    }
}

/// The current language and its messages. A key that is missing shows itself, so that it is seen and mended.
pub struct Words {
    lang: Lang,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    pub fn new(lang: Lang) -> Self {
        let mut bundle = FluentBundle::new(vec![lang.identifier()]);
        // The window is never mixed-direction; isolation marks would only show as boxes.
        bundle.set_use_isolating(false);
        for source in lang.sources() {
            // A resource with a bad line still yields its good ones; `tests/gui.rs` refuses any error.
            let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(partial, _)| partial);
            let _ = bundle.add_resource(resource);
        }
        Self { lang, bundle }
    }

    pub const fn lang(&self) -> Lang {
        self.lang
    }

    /// The message `key`.
    pub fn t(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The message `key` with arguments.
    pub fn with(&self, key: &str, args: &[(&'static str, Arg)]) -> String {
        let mut fluent = FluentArgs::new();
        for (name, value) in args {
            fluent.set(*name, value.fluent());
        }
        self.format(key, Some(&fluent))
    }

    /// The message `key` with one number `n`.
    pub fn count(&self, key: &str, n: usize) -> String {
        self.with(key, &[("n", Arg::from(n))])
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            tracing::warn!(key, "no such message");
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let text: Cow<'_, str> = self.bundle.format_pattern(pattern, args, &mut errors);
        if !errors.is_empty() {
            tracing::warn!(key, ?errors, "a message lacks an argument");
        }
        text.into_owned()
    }

    /// The label of something that speaks several languages (a term), in this one or whichever it has.
    pub fn pick<'a>(&self, labels: &'a std::collections::BTreeMap<String, String>) -> &'a str {
        labels.get(self.lang.code()).or_else(|| labels.values().next()).map_or("", String::as_str)
    }
}

/// A value inside a message. Text is passed as is; numbers are passed as already formatted text where digits matter.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    Text(String),
    Number(f64),
}

impl Arg {
    fn fluent(&self) -> FluentValue<'_> {
        match self {
            Self::Text(s) => FluentValue::from(s.as_str()),
            Self::Number(n) => FluentValue::from(*n),
        }
    }
}

impl From<&str> for Arg {
    fn from(s: &str) -> Self {
        Self::Text(s.to_owned())
    }
}

impl From<String> for Arg {
    fn from(s: String) -> Self {
        Self::Text(s)
    }
}

impl From<usize> for Arg {
    #[allow(clippy::cast_precision_loss, reason = "counts shown to a person stay far below 2^52")]
    fn from(n: usize) -> Self {
        Self::Number(n as f64)
    }
}

/// Every key of a language, sorted, and what its files hold that Fluent cannot read; for the tests.
pub fn keys_of(lang: Lang) -> (Vec<String>, Vec<String>) {
    use fluent_bundle::FluentResource;
    let mut keys = Vec::new();
    let mut errors = Vec::new();
    for source in lang.sources() {
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(r) => r,
            Err((r, problems)) => {
                errors.extend(problems.iter().map(ToString::to_string));
                r
            }
        };
        drop(resource);
        keys.extend(source.lines().filter_map(|l| {
            let (key, _) = l.split_once('=')?;
            let key = key.trim_end();
            let plain =
                !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            plain.then(|| key.to_owned())
        }));
    }
    keys.sort();
    (keys, errors)
}
