//! Text in pieces, so that a full-text index finds any part of a Chinese name or of a number.
//!
//! SQLite's own tokenizers find no part of a word in a language without spaces, and its trigram tokenizer nothing
//! below three characters. Here every character begins one piece: itself and what follows, two characters for Chinese,
//! three for digits and Latin letters (there are few of them, so longer pieces keep the lists short). A query becomes
//! a phrase of the same pieces; the last one is a prefix where the query ends before the piece does. So one or two
//! characters are found too, and a long number costs no more than a short one. Full-width letters count as ASCII,
//! capitals as small; punctuation counts for nothing. Names are also found by the initials of their pinyin (`zs`: 张三),
//! in every reading of characters that have several (单 is `s` and `d`).

use pinyin::ToPinyinMulti as _;
use shouwang_protocol::records::idno::half_width;
use std::collections::BTreeSet;

/// Characters of a query that are looked at.
const QUERY_CHARS_MAX: usize = 64;
/// Characters of one field that are indexed.
const FIELD_CHARS_MAX: usize = 1_000;
/// Characters of a name whose initials are indexed.
const INITIALS_CHARS_MAX: usize = 16;
/// Ways to read one name that are indexed.
const READINGS_MAX: usize = 32;

fn is_kept(c: char) -> bool {
    // Names with characters that Unicode had no place for are written with private ones.
    c.is_alphanumeric() || ('\u{e000}'..='\u{f8ff}').contains(&c) || c >= '\u{f0000}'
}

fn plain(text: &str) -> String {
    half_width(text).chars().flat_map(char::to_lowercase).collect()
}

fn piece_length(c: char) -> usize {
    if c.is_ascii() { 3 } else { 2 }
}

/// The pieces of one field for the index, separated by spaces.
fn pieces(text: &str, out: &mut String) {
    let chars: Vec<char> = plain(text).chars().filter(|c| is_kept(*c)).take(FIELD_CHARS_MAX).collect();
    for (at, first) in chars.iter().enumerate() {
        let end = (at + piece_length(*first)).min(chars.len());
        out.extend(&chars[at..end]);
        out.push(' ');
    }
}

/// The initials of a name's pinyin, for each way to read it; nothing when no character of it has any.
fn initials(name: &str) -> BTreeSet<String> {
    let mut readings = BTreeSet::from([String::new()]);
    let mut any = false;
    for c in plain(name).chars().filter(|c| is_kept(*c)).take(INITIALS_CHARS_MAX) {
        let letters: BTreeSet<&str> = c.to_pinyin_multi().into_iter().flatten().map(|reading| reading.first_letter()).collect();
        any |= !letters.is_empty();
        let mut buffer = [0; 4];
        // A letter or a digit stands for itself; a rare character without a reading is left out, as people leave it out.
        let letters = match letters.is_empty() {
            true if c.is_ascii() => BTreeSet::from([&*c.encode_utf8(&mut buffer)]),
            true => continue,
            false => letters,
        };
        let all = readings.iter().flat_map(|before| letters.iter().map(move |letter| format!("{before}{letter}")));
        readings = all.take(READINGS_MAX).collect();
    }
    if any { readings } else { BTreeSet::new() }
}

/// Whether these letters are among the initials of a name.
pub fn is_initials_of(letters: &str, name: &str) -> bool {
    let letters = plain(letters);
    !letters.is_empty() && initials(name).iter().any(|reading| reading.contains(&letters))
}

/// What is indexed for these fields, and for these of them that are names. A phrase never runs from one field into
/// the next.
pub(crate) fn indexed<'t>(fields: impl IntoIterator<Item = &'t str>, names: impl IntoIterator<Item = &'t str>) -> String {
    let mut out = String::new();
    let mut add = |field: &str| {
        if !field.is_empty() {
            // A piece that no query can contain.
            out.push_str("\u{2028} ");
            pieces(field, &mut out);
        }
    };
    fields.into_iter().for_each(&mut add);
    let names: BTreeSet<String> = names.into_iter().flat_map(initials).collect();
    names.iter().for_each(|name| add(name));
    out
}

/// The full-text query that finds `text`: all of its words, each anywhere. None when there is nothing to look for.
pub(crate) fn query(text: &str) -> Option<String> {
    let cut: String = plain(text).chars().take(QUERY_CHARS_MAX).collect();
    let mut phrases = Vec::new();
    for word in cut.split_whitespace() {
        let chars: Vec<char> = word.chars().filter(|c| is_kept(*c)).collect();
        let mut phrase = String::new();
        let mut prefix = false;
        for (at, first) in chars.iter().enumerate() {
            let end = at + piece_length(*first);
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.extend(&chars[at..end.min(chars.len())]);
            if end >= chars.len() {
                prefix = end > chars.len();
                break;
            }
        }
        if !phrase.is_empty() {
            // Only letters and digits are left, so nothing in the quotes can end them.
            phrases.push(if prefix { format!("\"{phrase}\" *") } else { format!("\"{phrase}\"") });
        }
    }
    (!phrases.is_empty()).then(|| phrases.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_initials_of_every_reading() {
        for (name, wanted) in [
            ("张三", &["zs"][..]),
            ("单田芳", &["ctf", "dtf", "stf"]),
            ("曾国藩", &["cgf", "zgf"]),
            ("买买提·艾山", &["mmtas", "mmtys", "mmsas", "mmdas"]),
            ("欧阳Ａ", &["oya"]),
        ] {
            let found = initials(name);
            assert!(wanted.iter().any(|reading| found.contains(*reading)), "{name}: {found:?}");
            assert!(found.len() <= READINGS_MAX, "{name}");
        }
        for (letters, name) in [
            ("st", "单田芳"),
            ("ZGF", "曾国藩"),
            ("xzl", "解珍丽"),
            ("qy", "仇英"),
            ("pcy", "朴春英"),
            ("ozj", "区志坚"),
            ("ｚｓ", "张三"),
        ] {
            assert!(is_initials_of(letters, name), "{letters} {name} {:?}", initials(name));
        }
        assert!(!is_initials_of("zs", "李四") && !is_initials_of("", "李四"));
        assert_eq!(initials("A1"), BTreeSet::new(), "no name in characters");
        assert!(initials(&"行单曾解".repeat(40)).len() <= READINGS_MAX);
        assert_eq!(indexed(["张三"], ["张三"]), "\u{2028} 张三 三 \u{2028} zs s ");
    }

    #[test]
    fn pieces_overlap_and_a_query_is_a_phrase_of_them() {
        assert_eq!(indexed(["张伟国", "", "３２0Ｘ"], []), "\u{2028} 张伟 伟国 国 \u{2028} 320 20x 0x x ");
        for (text, wanted) in [
            ("伟国", "\"伟国\""),
            ("伟", "\"伟\" *"),
            ("张伟国", "\"张伟 伟国\""),
            ("0x", "\"0x\" *"),
            ("2０X", "\"20x\""),
            ("320X", "\"320 20x\""),
            ("村3", "\"村3\""),
            ("村3号", "\"村3 3号\" *"),
            ("买买提·艾山", "\"买买 买提 提艾 艾山\""),
            (" 张 \u{3000} 塘桥 ", "\"张\" * AND \"塘桥\""),
        ] {
            assert_eq!(query(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["", "  ", "\"*()", "'; --"] {
            assert_eq!(query(text), None, "{text}");
        }
    }
}
