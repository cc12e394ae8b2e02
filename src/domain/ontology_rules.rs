//! What makes a pack fit to name findings with. Every rule says where it is broken and why it matters.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::is_nfc;

use super::term_spelling::{numeral_spelling, spelling};
use super::{Code, Ontology, Term};

/// The languages in which everything that is shown must have a name.
const LANGUAGES: [&str; 2] = ["ja", "en"];

/// Bounds that no list for people to choose from comes near; they keep a hostile pack from costing minutes.
const MOST_TERMS: usize = 50_000;
const MOST_HEADINGS: usize = 500;
const DEEPEST: usize = 32;

/// One thing wrong with a pack: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OntologyProblem {
    /// The term's id, or the part of the head.
    pub place: String,
    pub reason: String,
}

impl std::fmt::Display for OntologyProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

#[derive(Default)]
struct Problems(Vec<OntologyProblem>);

impl Problems {
    fn add(&mut self, place: &str, reason: impl Into<String>) {
        self.0.push(OntologyProblem { place: place.to_owned(), reason: reason.into() });
    }
}

/// Everything wrong with a pack, in the order of the file; empty when it may be used.
pub fn check_ontology(pack: &Ontology) -> Vec<OntologyProblem> {
    let mut problems = Problems::default();
    check_head(pack, &mut problems);
    if pack.terms.len() > MOST_TERMS || pack.groups.len() > MOST_HEADINGS || pack.schemes.len() > MOST_HEADINGS {
        let most = format!("more than {MOST_TERMS} terms or {MOST_HEADINGS} groups or schemes; split the pack");
        problems.add("terms", most);
        return problems.0;
    }
    let mut ids = BTreeSet::new();
    for term in &pack.terms {
        if !ids.insert(term.id.as_str()) {
            problems.add(&term.id, "this id is used twice; give the new term an id of its own");
        }
        check_term(pack, term, &mut problems);
    }
    check_parents(pack, &mut problems);
    check_spellings(pack, &mut problems);
    problems.0
}

fn check_head(pack: &Ontology, problems: &mut Problems) {
    if pack.format != Ontology::FORMAT {
        problems.add("format", format!("must be \"{}\", is \"{}\"", Ontology::FORMAT, pack.format));
    }
    if pack.format_version != Ontology::FORMAT_VERSION {
        let ours = Ontology::FORMAT_VERSION;
        problems
            .add("format_version", format!("this program reads version {ours}, the pack is {}", pack.format_version));
    }
    if !is_name(&pack.id) {
        problems.add("id", "use lower-case letters, digits and hyphens, beginning with a letter");
    }
    if !is_version(&pack.version) {
        problems.add("version", "must be three numbers such as 1.0.0");
    }
    if pack.licence.trim().is_empty() {
        problems.add("licence", "say under which licence the pack may be passed on");
    }
    check_languages("name", "name", &pack.name, problems);
    let mut seen = BTreeSet::new();
    for group in &pack.groups {
        let place = format!("groups/{}", group.id);
        if !is_name(&group.id) || !seen.insert(("group", group.id.as_str())) {
            problems.add(&place, "the id is malformed or used twice");
        }
        check_languages(&place, "label", &group.label, problems);
    }
    for scheme in &pack.schemes {
        let place = format!("schemes/{}", scheme.id);
        if !is_name(&scheme.id) || !seen.insert(("scheme", scheme.id.as_str())) {
            problems.add(&place, "the id is malformed or used twice");
        }
        if scheme.source.trim().is_empty() {
            problems.add(&place, "say where the classification comes from");
        }
        check_languages(&place, "name", &scheme.name, problems);
    }
    if pack.terms.is_empty() {
        problems.add("terms", "the pack has no term");
    }
}

fn check_term(pack: &Ontology, term: &Term, problems: &mut Problems) {
    let place = term.id.as_str();
    if !is_term_id(place) {
        problems.add(place, "an id is one to four capital letters and at least four digits, such as P0012");
    }
    check_languages(place, "label", &term.label, problems);
    check_languages_if_any(place, "definition", &term.definition, problems);
    for (language, words) in &term.synonyms {
        for word in words {
            check_text(place, &format!("synonym ({language})"), word, problems);
        }
    }
    if let Some(reading) = &term.reading {
        check_text(place, "reading", reading, problems);
        if !reading.chars().all(|c| matches!(c, 'ぁ'..='ゖ' | 'ー' | ' ' | '　')) {
            problems.add(place, "the reading must be hiragana");
        }
    }
    if term.geometry.is_empty() {
        problems.add(place, "say what the term may be drawn as (geometry)");
    }
    if term.geometry.iter().collect::<BTreeSet<_>>().len() != term.geometry.len() {
        problems.add(place, "a kind of geometry is listed twice");
    }
    if !is_color(&term.color) {
        problems.add(place, format!("the colour \"{}\" is not #RRGGBB", term.color));
    }
    if !term.group.is_empty() && !pack.groups.iter().any(|g| g.id == term.group) {
        problems.add(place, format!("there is no group \"{}\"", term.group));
    }
    if let Some(scheme) = term.scheme.as_deref().filter(|s| pack.scheme(s).is_none()) {
        problems.add(place, format!("there is no scheme \"{scheme}\""));
    }
    for code in &term.codes {
        if let Some(reason) = code_problem(code) {
            problems.add(place, reason);
        }
    }
}

fn check_languages(place: &str, what: &str, texts: &BTreeMap<String, String>, problems: &mut Problems) {
    for language in LANGUAGES {
        if !texts.contains_key(language) {
            problems.add(place, format!("{what} ({language}) is missing"));
        }
    }
    for (language, text) in texts {
        check_text(place, &format!("{what} ({language})"), text, problems);
    }
}

fn check_languages_if_any(place: &str, what: &str, texts: &BTreeMap<String, String>, problems: &mut Problems) {
    if !texts.is_empty() {
        check_languages(place, what, texts, problems);
    }
}

fn check_text(place: &str, what: &str, text: &str, problems: &mut Problems) {
    if text.trim().is_empty() {
        problems.add(place, format!("{what} is empty"));
    }
    if text.trim() != text {
        problems.add(place, format!("{what} begins or ends with a space"));
    }
    if !is_nfc(text) {
        problems.add(place, format!("{what} is not in Unicode NFC, so two equal words may differ in bytes"));
    }
    if text.chars().any(char::is_control) {
        problems.add(place, format!("{what} holds a control character"));
    }
}

fn check_parents(pack: &Ontology, problems: &mut Problems) {
    let parents: BTreeMap<&str, Option<&str>> =
        pack.terms.iter().map(|t| (t.id.as_str(), t.parent.as_deref())).collect();
    for term in &pack.terms {
        let mut seen = BTreeSet::from([term.id.as_str()]);
        let mut next = term.parent.as_deref();
        while let Some(id) = next {
            let Some(parent) = parents.get(id) else {
                problems.add(&term.id, format!("there is no term \"{id}\" to be its parent"));
                break;
            };
            if !seen.insert(id) {
                problems.add(&term.id, format!("its parents run in a circle through {id}"));
                break;
            }
            if seen.len() > DEEPEST {
                problems.add(&term.id, format!("it lies more than {DEEPEST} levels deep"));
                break;
            }
            next = *parent;
        }
    }
}

/// Two terms that answer to one spelling could not be told apart by `annotate` or by a person who searches.
fn check_spellings(pack: &Ontology, problems: &mut Problems) {
    let mut owners: BTreeMap<(bool, String), &str> = BTreeMap::new();
    for term in &pack.terms {
        let numerals = term.scheme.as_deref().and_then(|s| pack.scheme(s)).is_some_and(|s| s.numerals_equal);
        let texts: Vec<&String> = term.label.values().chain(term.synonyms.values().flatten()).collect();
        let plain = texts.iter().map(|t| ((false, spelling(t)), *t));
        let folded = texts.iter().filter(|_| numerals).map(|t| ((true, numeral_spelling(t)), *t));
        let mut told = BTreeSet::new();
        for (key, text) in plain.chain(folded) {
            let owner = *owners.entry(key).or_insert(term.id.as_str());
            if owner != term.id && told.insert(text) {
                problems.add(&term.id, format!("\"{text}\" already means {owner}; a name must lead to one term"));
            }
        }
    }
}

fn is_name(id: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(letters) && !id.ends_with('-') && id.len() <= 64
}

fn is_version(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let plain = |p: &&str| {
        !p.is_empty() && p.len() <= 9 && p.chars().all(|c| c.is_ascii_digit()) && (*p == "0" || !p.starts_with('0'))
    };
    parts.len() == 3 && parts.iter().all(plain)
}

fn is_term_id(id: &str) -> bool {
    let letters = id.chars().take_while(char::is_ascii_uppercase).count();
    let digits = id.get(letters..).unwrap_or_default();
    (1..=4).contains(&letters) && (4..=9).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit())
}

fn is_color(color: &str) -> bool {
    color.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Whether a code looks like one of its system; whether it exists is for its publisher to say.
fn code_problem(code: &Code) -> Option<String> {
    let digits = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_digit());
    let after = |prefix: &str| code.code.strip_prefix(prefix).is_some_and(digits);
    let well_formed = match code.system.as_str() {
        "SCT" => (6..=18).contains(&code.code.len()) && digits(&code.code) && verhoeff_is_valid(&code.code),
        "DCM" => (5..=6).contains(&code.code.len()) && digits(&code.code),
        "NCIt" => after("C"),
        "RADLEX" => after("RID"),
        "UBERON" => code.code.len() == 7 && digits(&code.code),
        system => return Some(format!("the coding scheme \"{system}\" is none of SCT, DCM, NCIt, RADLEX, UBERON")),
    };
    (!well_formed).then(|| format!("\"{}\" is no well-formed code of {}", code.code, code.system))
}

/// The check digit of SNOMED CT identifiers: Verhoeff's dihedral scheme (SNOMED CT Release File Specification, 5.5).
fn verhoeff_is_valid(digits: &str) -> bool {
    /// Multiplication in the dihedral group of order ten: rotations 0–4, reflections 5–9.
    fn times(a: usize, b: usize) -> usize {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => 5 + (a + b) % 5,
            (false, true) => 5 + (a + 5 - b) % 5,
            (false, false) => (a + 5 - b) % 5,
        }
    }
    const ONCE: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permuted = |times: usize, digit: usize| (0..times).fold(digit, |d, _| ONCE.get(d).copied().unwrap_or(d));
    let values = digits.bytes().rev().map(|b| usize::from(b.wrapping_sub(b'0')));
    values.enumerate().fold(0, |sum, (place, digit)| times(sum, permuted(place % 8, digit % 10))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snomed_codes_carry_their_check_digit() {
        for valid in ["108369006", "27925004", "1187332001", "6574001", "1162767002"] {
            assert!(verhoeff_is_valid(valid), "{valid}");
        }
        for slipped in ["108369007", "27925040", "6574010"] {
            assert!(!verhoeff_is_valid(slipped), "{slipped}");
        }
    }
}
