//! Text in pieces, so that a full-text index finds any part of a Chinese name or of a number.
//!
//! SQLite's own tokenizers find no part of a word in a language without spaces, and its trigram tokenizer nothing
//! below three characters. Here every character begins one piece: itself and what follows, two characters for Chinese,
//! three for digits and Latin letters (there are few of them, so longer pieces keep the lists short). A query becomes
//! a phrase of the same pieces; the last one is a prefix where the query ends before the piece does. So one or two
//! characters are found too, and a long number costs no more than a short one. Full-width letters count as ASCII,
//! capitals as small; punctuation counts for nothing.

use shouwang_protocol::records::idno::half_width;

/// Characters of a query that are looked at.
const QUERY_CHARS_MAX: usize = 64;
/// Characters of one field that are indexed.
const FIELD_CHARS_MAX: usize = 1_000;

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

/// What is indexed for these fields. A phrase never runs from one field into the next.
pub(crate) fn indexed<'t>(fields: impl IntoIterator<Item = &'t str>) -> String {
    let mut out = String::new();
    for field in fields {
        if !field.is_empty() {
            // A piece that no query can contain.
            out.push_str("\u{2028} ");
            pieces(field, &mut out);
        }
    }
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
    fn pieces_overlap_and_a_query_is_a_phrase_of_them() {
        assert_eq!(indexed(["张伟国", "", "３２0Ｘ"]), "\u{2028} 张伟 伟国 国 \u{2028} 320 20x 0x x ");
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
