//! Money in fen and other measures in hundredths: whole numbers, never binary fractions.
//!
//! Files and forms write yuan with at most two decimals; records hold fen. `2835` yuan is `Fen(283500)`.

use serde::{Deserialize, Serialize};

/// An amount of money in fen (分).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fen(pub i64);

impl Fen {
    /// From yuan as people write them: `2835`, `2,835.00`, `2835.5`.
    pub fn parse_yuan(text: &str) -> Option<Fen> {
        let plain: String = super::idno::half_width(text).chars().filter(|c| *c != ',' && *c != '，').collect();
        hundredths(&plain).map(Fen)
    }
}

impl std::fmt::Display for Fen {
    /// Yuan with two decimals, as on a payment list.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

/// A measure in hundredths of its unit (亩, m²).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hundredths(pub i64);

impl std::fmt::Display for Hundredths {
    /// Without needless zeros: `0.5`, `41`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = Fen(self.0).to_string();
        f.write_str(text.strip_suffix(".00").or(text.strip_suffix('0')).unwrap_or(&text))
    }
}

/// A decimal number with at most two decimals (further zeros allowed), times a hundred.
pub(crate) fn hundredths(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, plain) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, decimals) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || (plain.contains('.') && decimals.is_empty()) {
        return None;
    }
    let decimals = decimals.trim_end_matches('0');
    let cents: i64 = match decimals.len() {
        0 => 0,
        1 => decimals.parse::<i64>().ok()? * 10,
        2 => decimals.parse().ok()?,
        _ => return None,
    };
    let value = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)?;
    Some(if negative { -value } else { value })
}

/// The JSON number for hundredths: whole where it is whole.
pub(crate) fn json_number(hundredths: i64) -> serde_json::Value {
    if hundredths % 100 == 0 { (hundredths / 100).into() } else { (hundredths as f64 / 100.0).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_read_and_print_to_the_fen() {
        for (text, fen) in [("2835", 283_500), ("2,835.00", 283_500), ("0.5", 50), ("-0.05", -5), ("１２．３０", 1_230)] {
            assert_eq!(Fen::parse_yuan(text), Some(Fen(fen)), "{text}");
        }
        for text in ["", ".", "1.", "1.234", "1e3", "--1", "abc", "99999999999999999999"] {
            assert_eq!(Fen::parse_yuan(text), None, "{text}");
        }
        assert_eq!(Fen(283_500).to_string(), "2835.00");
        assert_eq!(Fen(-5).to_string(), "-0.05");
        assert_eq!([50, 4_100, 105].map(|n| Hundredths(n).to_string()), ["0.5", "41", "1.05"]);
    }

    #[test]
    fn what_json_prints_reads_back_to_the_same_hundredths() {
        for n in (-2_000..2_000).chain([12_345_678_901, 99_999_999_999]) {
            assert_eq!(hundredths(&json_number(n).to_string()), Some(n));
        }
    }
}
