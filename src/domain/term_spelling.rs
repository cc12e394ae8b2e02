//! One spelling for the many ways in which people write a term, so that all of them find it.
//!
//! The variants come from the JED dictionary of the Japanese endoscopy society, where 0-Ⅱ型 alone is written in sixteen
//! ways: full and half width, Roman and Arabic numerals, letter O for zero, with and without 型.

use unicode_normalization::UnicodeNormalization;
use wana_kana::ConvertJapanese;

/// How a person might have typed `text`: NFKC (width, ligatures, Ⅱ as II), lower case, katakana as hiragana, without
/// spaces, hyphens, middle dots, brackets and long-vowel marks. Equal spellings mean the same word.
pub(super) fn spelling(text: &str) -> String {
    let folded = text.nfkc().flat_map(char::to_lowercase).map(hiragana);
    folded.filter(|c| !is_noise(*c)).collect()
}

/// [`spelling`] for a scheme whose numerals are equal: Roman numerals become Arabic, a letter O before a hyphen becomes
/// zero, and the ending 型 and the word "type" are dropped. Suffix letters stay: 0-Ⅱa is `02a`.
pub(super) fn numeral_spelling(text: &str) -> String {
    let folded: Vec<char> = text.nfkc().flat_map(char::to_lowercase).map(hiragana).collect();
    let mut out = String::with_capacity(folded.len());
    let mut rest = folded.as_slice();
    while let Some(&first) = rest.first() {
        if !first.is_ascii_alphabetic() {
            let dropped = is_noise(first) || first == '型';
            if !dropped {
                out.push(first);
            }
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let length = rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
        let (word, after) = rest.split_at(length);
        let word: String = word.iter().collect();
        match word.as_str() {
            "type" => {}
            "o" if after.first().copied().is_some_and(is_hyphen) => out.push('0'),
            _ => out.push_str(&roman_to_arabic(&word)),
        }
        rest = after;
    }
    out
}

/// The word in Latin letters as typed without an input method: `かいよう` is `kaiyou`.
pub(super) fn romaji(text: &str) -> String {
    spelling(&text.to_romaji())
}

/// What the Latin letters of a query read as in kana: `biran` is `びらん`.
pub(super) fn kana(text: &str) -> String {
    spelling(&text.to_hiragana())
}

fn hiragana(c: char) -> char {
    // Katakana ァ (U+30A1) to ヶ (U+30F6) stand 0x60 above their hiragana.
    match c {
        '\u{30A1}'..='\u{30F6}' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        _ => c,
    }
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | 'ー')
}

fn is_noise(c: char) -> bool {
    c.is_whitespace()
        || is_hyphen(c)
        || matches!(c, '・' | '(' | ')' | '[' | ']' | '「' | '」' | ',' | '、' | '/' | '.' | '_')
}

/// `iia` is `2a`. A word that is no Roman numeral of a classification (I to X, at most one of the suffixes a, b, c, p,
/// s, sp, l, n behind it) stays as it is.
fn roman_to_arabic(word: &str) -> String {
    const NUMERALS: [(&str, &str); 10] = [
        ("viii", "8"),
        ("iii", "3"),
        ("vii", "7"),
        ("ii", "2"),
        ("iv", "4"),
        ("vi", "6"),
        ("ix", "9"),
        ("i", "1"),
        ("v", "5"),
        ("x", "10"),
    ];
    const SUFFIXES: [&str; 9] = ["", "a", "b", "c", "p", "s", "sp", "l", "n"];
    for (roman, arabic) in NUMERALS {
        if let Some(suffix) = word.strip_prefix(roman).filter(|s| SUFFIXES.contains(s)) {
            return format!("{arabic}{suffix}");
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_spellings_of_jed_are_one() {
        let mut seen = 0;
        for zero in ["0", "O", "０", "Ｏ", "o"] {
            for hyphen in ["-", "－", "‐", "−"] {
                for two in ["Ⅱ", "II", "2", "２", "ＩＩ", "ii"] {
                    for ending in ["型", ""] {
                        let written = format!("{zero}{hyphen}{two}{ending}");
                        assert_eq!(numeral_spelling(&written), "02", "{written}");
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen >= 16);
    }

    #[test]
    fn suffixes_stay_and_words_are_no_numerals() {
        for (written, expected) in [
            ("0-Ⅱa+Ⅱc", "02a+2c"),
            ("JNET Type 2A", "jnet2a"),
            ("0-Isp型", "01sp"),
            ("Ⅳ型", "4"),
            ("mild", "mild"),
            ("villous", "villous"),
        ] {
            assert_eq!(numeral_spelling(written), expected, "{written}");
        }
    }

    #[test]
    fn width_case_and_kana_do_not_matter() {
        assert_eq!(spelling("ﾎﾟﾘｰﾌﾟ"), spelling("ぽりーぷ"));
        assert_eq!(spelling("Ground-Glass Opacity"), spelling("ｇｒｏｕｎｄ　glass opacity"));
        assert_eq!(spelling("ポリープ"), "ぽりぷ");
        assert_eq!(romaji("かいよう"), "kaiyou");
        assert_eq!(kana("biran"), "びらん");
    }
}
