//! The words of the command line, from `assets/locales`: Japanese or English, as asked for or as the system speaks.

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};

use super::Common;

/// What the command line and the history say, in one language.
pub struct Words(FluentBundle<FluentResource>);

const JAPANESE: &[&str] =
    &[include_str!("../../assets/locales/ja/cli.ftl"), include_str!("../../assets/locales/ja/history.ftl")];
const ENGLISH: &[&str] =
    &[include_str!("../../assets/locales/en/cli.ftl"), include_str!("../../assets/locales/en/history.ftl")];

/// Whether Japanese is asked for: by `--lang`, then `SHOKEN_LANG`, then the system's own variables.
fn is_japanese(asked: Option<&str>) -> bool {
    let variables = ["SHOKEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
    let spoken = variables.iter().find_map(|v| std::env::var(v).ok().filter(|s| !s.is_empty()));
    asked.map(str::to_owned).or(spoken).is_some_and(|l| l.starts_with("ja"))
}

impl Words {
    pub fn of(common: &Common) -> Self {
        Self::new(is_japanese(common.lang.as_deref()))
    }

    pub fn new(japanese: bool) -> Self {
        let (code, sources) = if japanese { ("ja", JAPANESE) } else { ("en", ENGLISH) };
        let mut bundle = FluentBundle::new(vec![code.parse().unwrap_or_default()]);
        bundle.set_use_isolating(false);
        for source in sources {
            let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(partial, _)| partial);
            let _ = bundle.add_resource(resource);
        }
        Self(bundle)
    }

    /// Whether there are words for a key.
    pub fn has(&self, key: &str) -> bool {
        self.0.has_message(key)
    }

    /// A message with its arguments. A key that is missing shows itself, so that it is seen and mended.
    pub fn say(&self, key: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let Some(pattern) = self.0.get_message(key).and_then(|m| m.value()) else { return key.to_owned() };
        let mut fluent = FluentArgs::new();
        for (name, value) in args {
            fluent.set((*name).to_owned(), value.clone());
        }
        let text: Cow<'_, str> = self.0.format_pattern(pattern, Some(&fluent), &mut Vec::new());
        text.into_owned()
    }

    pub fn t(&self, key: &str) -> String {
        self.say(key, &[])
    }

    /// A message with one text in it.
    pub fn with(&self, key: &str, name: &str, text: &str) -> String {
        self.say(key, &[(name, FluentValue::from(text.to_owned()))])
    }

    /// A message with one number `n`.
    pub fn count(&self, key: &str, n: usize) -> String {
        self.say(key, &[("n", FluentValue::from(n))])
    }
}
