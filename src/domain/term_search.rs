//! Finding a term by what a tired person types: any spelling, either language, kana, Latin letters, a code, a typo.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32String};

use super::term_spelling::{kana, numeral_spelling, romaji, spelling};
use super::{Ontology, Term, TermStatus};

/// One found term; `score` is only good for comparing hits of the same query.
#[derive(Clone, Debug)]
pub struct TermHit<'a> {
    pub ontology: &'a Ontology,
    pub term: &'a Term,
    pub score: u32,
}

// Exact beats the beginning, the beginning beats the middle, the middle beats a typo; a label beats a synonym.
const EXACT: u32 = 9_000;
const BEGINNING: u32 = 7_000;
const MIDDLE: u32 = 5_000;
/// Fuzzy scores stay below every literal one.
const FUZZY_CEILING: u32 = 3_000;
const SYNONYM_PENALTY: u32 = 500;
/// A deprecated term is still found, after those in use.
const DEPRECATED_PENALTY: u32 = 2_000;

#[derive(Debug)]
struct Key {
    spelling: String,
    fuzzy: Utf32String,
    penalty: u32,
    /// Numerals of the query are folded as in [`numeral_spelling`] before they are compared with this key.
    numerals: bool,
}

#[derive(Debug)]
struct Entry {
    /// Which pack, and which of its terms.
    place: (usize, usize),
    deprecated: bool,
    keys: Vec<Key>,
}

/// The spellings of every term of some packs, kept apart from the packs: build it once for a project and ask it at every
/// keystroke.
#[derive(Debug, Default)]
pub struct TermIndex {
    entries: Vec<Entry>,
}

impl TermIndex {
    pub fn new<'a>(packs: impl IntoIterator<Item = &'a Ontology>) -> Self {
        let terms = packs
            .into_iter()
            .enumerate()
            .flat_map(|(p, o)| o.terms.iter().enumerate().map(move |(t, term)| ((p, t), o, term)));
        let entry = |(place, ontology, term): ((usize, usize), &Ontology, &Term)| Entry {
            place,
            deprecated: term.status == TermStatus::Deprecated,
            keys: keys(ontology, term),
        };
        Self { entries: terms.map(entry).collect() }
    }

    /// Places (pack, term) and scores of at most `limit` terms, best first; terms that score the same come in the order of
    /// their packs. An empty query finds everything, in that order.
    pub fn find(&self, query: &str, limit: usize) -> Vec<((usize, usize), u32)> {
        let asked = Query::new(query);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut hits: Vec<_> =
            self.entries.iter().filter_map(|e| Some((e.place, asked.score(e, &mut matcher)?))).collect();
        // The sort is stable: equal scores keep the packs' order, whatever the platform.
        hits.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
        hits.truncate(limit);
        hits
    }
}

/// An index together with the packs it was made of.
pub struct TermSearch<'a> {
    packs: Vec<&'a Ontology>,
    index: TermIndex,
}

impl<'a> TermSearch<'a> {
    pub fn new(packs: impl IntoIterator<Item = &'a Ontology>) -> Self {
        let packs: Vec<&Ontology> = packs.into_iter().collect();
        let index = TermIndex::new(packs.iter().copied());
        Self { packs, index }
    }

    /// As [`TermIndex::find`], with the terms themselves.
    pub fn find(&self, query: &str, limit: usize) -> Vec<TermHit<'a>> {
        let hit = |((pack, term), score): ((usize, usize), u32)| {
            let ontology = *self.packs.get(pack)?;
            Some(TermHit { ontology, term: ontology.terms.get(term)?, score })
        };
        self.index.find(query, limit).into_iter().filter_map(hit).collect()
    }
}

fn keys(ontology: &Ontology, term: &Term) -> Vec<Key> {
    let numerals = term.scheme.as_deref().and_then(|s| ontology.scheme(s)).is_some_and(|s| s.numerals_equal);
    let mut keys: Vec<Key> = Vec::new();
    let mut add = |spelling: String, penalty: u32, numerals: bool| {
        if !spelling.is_empty() && !keys.iter().any(|k| k.spelling == spelling && k.numerals == numerals) {
            keys.push(Key { fuzzy: Utf32String::from(spelling.as_str()), spelling, penalty, numerals });
        }
    };
    let labels = term.label.values().map(|l| (l, 0));
    let synonyms = term.synonyms.values().flatten().map(|s| (s, SYNONYM_PENALTY));
    for (text, penalty) in labels.chain(synonyms) {
        add(spelling(text), penalty, false);
        if numerals {
            add(numeral_spelling(text), penalty, true);
        }
    }
    if let Some(reading) = &term.reading {
        add(spelling(reading), SYNONYM_PENALTY, false);
        add(romaji(reading), SYNONYM_PENALTY, false);
    }
    add(spelling(&term.id), 0, false);
    for code in &term.codes {
        add(spelling(&code.code), SYNONYM_PENALTY, false);
    }
    keys
}

struct Query {
    plain: String,
    numerals: String,
    kana: String,
    fuzzy: Pattern,
}

impl Query {
    fn new(query: &str) -> Self {
        let plain = spelling(query);
        let fuzzy = Pattern::new(&plain, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        let numerals = numeral_spelling(query);
        let kana = if plain.is_ascii() { kana(query) } else { String::new() };
        Self { plain, numerals, kana, fuzzy }
    }

    fn score(&self, entry: &Entry, matcher: &mut Matcher) -> Option<u32> {
        if self.plain.is_empty() {
            return Some(0);
        }
        let best = entry.keys.iter().filter_map(|key| {
            let literal = if key.numerals {
                literal_score(&key.spelling, &self.numerals)
            } else {
                // Latin letters may be a word typed without an input method.
                literal_score(&key.spelling, &self.plain).or_else(|| literal_score(&key.spelling, &self.kana))
            };
            literal.or_else(|| self.fuzzy_score(key, matcher)).map(|s| s.saturating_sub(key.penalty))
        });
        let score = best.max()?;
        Some(score.saturating_sub(if entry.deprecated { DEPRECATED_PENALTY } else { 0 }))
    }

    /// Typos and left-out letters; too short a query would match everything.
    fn fuzzy_score(&self, key: &Key, matcher: &mut Matcher) -> Option<u32> {
        let letters = self.plain.chars().count();
        if key.numerals || letters < 3 || self.plain.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let score = self.fuzzy.score(key.fuzzy.slice(..), matcher)?;
        // nucleo gives about 16 points a letter and more for runs; half of that is letters strewn at random.
        let fair = u32::try_from(letters).ok()?.saturating_mul(14);
        (score >= fair).then_some(score.min(FUZZY_CEILING - SYNONYM_PENALTY) + SYNONYM_PENALTY)
    }
}

/// How well `asked` matches literally; the closer in length, the better.
fn literal_score(key: &str, asked: &str) -> Option<u32> {
    if asked.is_empty() {
        return None;
    }
    let spare = u32::try_from(key.chars().count().saturating_sub(asked.chars().count())).unwrap_or(u32::MAX).min(400);
    if key == asked {
        Some(EXACT)
    } else if key.starts_with(asked) {
        Some(BEGINNING - spare)
    } else if key.contains(asked) {
        Some(MIDDLE - spare)
    } else {
        None
    }
}
