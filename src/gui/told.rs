//! What a check reports, in the window's language. The report itself is English, as files and terminals keep it; sentences
//! that are not known here are shown as they are.

use super::i18n::{Arg, Words};

/// Sentences of the report, `*` for what varies, and their Fluent keys. The parts that vary become `a`, `b`, `c`.
const TOLD: &[(&str, &str)] = &[
    ("stream * transaction *", "told-place-transaction"),
    ("projection *", "told-place-projection"),
    ("value *", "told-place-value"),
    ("witness *", "told-place-witness"),
    ("term pack *", "told-place-pack"),
    ("guideline", "told-place-guideline"),
    ("no witness is known here: a dropped end or a missing stream could not be checked", "told-no-witness"),
    (
        "* streams have grown since the last witness: whether more was at their ends cannot be checked",
        "told-grown-since",
    ),
    ("* streams are dated more than a day later than this machine's clock", "told-clock-ahead"),
    (
        "this folder was restored on * from a backup of *: * points that a witness saw are not in it",
        "told-restored-here",
    ),
    (
        "another folder was restored on * from a backup of * and went on: * points of it are not here",
        "told-restored-elsewhere",
    ),
    ("the row is not what the log gives; `shoken rebuild` makes it anew", "told-row"),
    ("its file is missing or does not fit its hash", "told-file"),
    ("it does not fit its digest, or its key is gone", "told-value-damaged"),
    ("its subject was erased and it is here", "told-value-erased"),
    ("it is filed under another subject than its own", "told-value-misfiled"),
    ("it is missing, and its subject was not erased", "told-value-missing"),
    ("a witness saw it and it is not here", "told-witness-missing"),
    ("a witness saw another transaction under this number: the stream was rewritten", "told-witness-rewritten"),
    ("it cannot be read", "told-unreadable"),
    ("its signature does not hold", "told-signature"),
    ("it is of another project", "told-other-project"),
    ("it is signed by a key that is not enrolled", "told-not-enrolled"),
    ("the signature has the wrong length", "told-signature"),
    ("it is filed under another stream or number than its own", "told-misfiled"),
    ("its bytes are not the ones it was filed under", "told-bytes"),
    ("the transaction that opens the stream is missing", "told-opening-missing"),
    ("missing although later ones are there", "told-middle-missing"),
    ("two different transactions carry this number", "told-fork"),
    ("it does not follow the one before it", "told-chain"),
    ("the signature is not the stream key's", "told-signature"),
    ("the actor is not the stream's reader", "told-actor"),
    ("its Lamport number does not grow", "told-lamport"),
    ("*; it has no effect", "told-no-effect"),
    ("it changes a read that was sealed and not amended", "told-after-seal"),
    ("it changes an adjudication that was closed", "told-after-close"),
    ("it says what a stream of this kind gives no right to say", "told-no-right"),
    ("it names a finding otherwise than its stream and number do", "told-foreign-name"),
    ("it calls itself a part of an act that it does not follow, and counts as one of its own", "told-stray-part"),
    (
        "these rows are derived in the way of an older version and were not compared: opening the project to work on it makes them anew",
        "told-older-rows",
    ),
    (
        "a copy of this folder was worked on at this computer: * points that a witness saw there are not here; `journal export` and `journal apply` bring them over",
        "told-copy-went-on",
    ),
    ("there is no register, so no key can be known", "told-no-register"),
    ("the stream belongs to another project", "told-other-project"),
    ("its key is not enrolled for * with the role it needs", "told-no-role"),
    ("it is a read in another reader's name", "told-other-reader"),
    ("it goes on from another reader's stream, or one about another thing", "told-goes-on-wrongly"),
    ("it names stream *, which is not here", "told-names-absent"),
    ("it names more of stream * than is here", "told-names-more"),
    ("stream * is not the one that it was opened under", "told-opened-under"),
    ("the file is missing", "told-release-missing"),
    ("the file is missing or cannot be read", "told-release-missing"),
    ("* bytes of * are there", "told-release-short"),
    ("its bytes are not the ones that were released", "told-release-altered"),
    ("the file is not part of the release", "told-release-extra"),
    ("made by a newer version, or no Shoken release", "told-release-none"),
    ("its list of files does not amount to its root", "told-release-root"),
    ("it is not the manifest that was signed", "told-release-manifest"),
    ("the signature does not fit the manifest and the key", "told-signature"),
    ("the key that signed is no coordinator's of this project", "told-release-key"),
    ("*: its time is written as no clock writes it", "told-time-odd"),
    ("*: event '*' was made by a newer version", "told-newer-event"),
    ("* was made by a newer version (*)", "told-newer"),
    ("*: the clock ran backwards", "told-clock-back"),
    ("*: the clock ran backwards: it was opened under something that is dated later", "told-clock-behind"),
    ("*: the clock ran backwards, * times in this stream", "told-clock-back-often"),
];

/// What the stars of a pattern stand for, if the text fits it.
fn fit<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split('*');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let parts: Vec<&str> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        let at = if i + 1 == parts.len() {
            rest.len().checked_sub(part.len()).filter(|at| rest.is_char_boundary(*at) && &rest[*at..] == *part)?
        } else {
            rest.find(part)?
        };
        let (star, after) = rest.split_at(at);
        found.push(star);
        rest = after.get(part.len()..)?;
    }
    rest.is_empty().then_some(found)
}

/// A sentence of a report in this language.
pub fn told(words: &Words, text: &str) -> String {
    // The more that is said word by word, the better it fits.
    let best = TOLD.iter().filter_map(|(p, key)| Some((p.len(), key, fit(p, text)?))).max_by_key(|(len, ..)| *len);
    let Some((_, key, stars)) = best else { return text.to_owned() };
    // What varies may itself be a place.
    let said = |s: &str| if s == text { s.to_owned() } else { told(words, s) };
    let args: Vec<(&'static str, Arg)> =
        ["a", "b", "c"].into_iter().zip(stars.into_iter().map(|s| Arg::from(said(s)))).collect();
    words.with(key, &args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::i18n::Lang;

    /// The sentences are the report's own: whoever rewords it there hears of it here.
    #[test]
    fn every_sentence_is_one_that_a_check_says() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = String::new();
        let mut folders: Vec<_> = ["project", "keys", "exchange"].map(|f| root.join(f)).into();
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    sources += &std::fs::read_to_string(path).unwrap();
                }
            }
        }
        for (pattern, _) in TOLD {
            let longest = pattern.split('*').max_by_key(|p| p.len()).unwrap().trim_matches([' ', ',']);
            assert!(sources.contains(longest), "nothing says '{longest}'");
        }
    }

    #[test]
    fn a_report_speaks_the_windows_language() {
        for lang in Lang::ALL {
            let words = Words::new(lang);
            let place = told(&words, "stream 0123456789ab transaction 7");
            assert!(place.contains("0123456789ab") && place.contains('7'), "{place}");
            let note =
                told(&words, "stream 0123456789ab transaction 7: the clock ran backwards, 3 times in this stream");
            assert!(note.contains(&place) && note.contains('3'), "{note}");
            assert_eq!(told(&words, "something new: 5"), "something new: 5");
        }
        let words = Words::new(Lang::Ja);
        let note = told(
            &words,
            "12 streams have grown since the last witness: whether more was at their ends cannot be checked",
        );
        assert!(note.contains("12") && !note.contains("streams"), "{note}");
    }
}
