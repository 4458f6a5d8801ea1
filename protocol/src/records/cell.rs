//! How single values become scalars and come back: the fields of events and staff records.
//!
//! An empty text or a missing value is not written at all. A value that is there but cannot be read is never taken
//! for a missing one: [`Cell::take`] says so, and the event it belongs to has no effect.

use super::amount::Fen;
use super::day::Day;
use super::project::ShareId;
use super::{Fields, OpId, str_value};
use crate::record::RecordId;
use automerge::ScalarValue;

/// A field of a record: how it is written as scalars and read back.
pub(crate) trait Cell: Sized {
    /// Adds the scalars of this value; nothing for an empty one.
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>);
    /// Takes it out of the fields; none when it is missing but needed, or unreadable.
    fn take(key: &str, fields: &mut Fields) -> Option<Self>;
}

impl Cell for String {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        if !self.is_empty() {
            out.push((key.to_owned(), str_value(self)));
        }
    }
    fn take(key: &str, fields: &mut Fields) -> Option<String> {
        Some(fields.text(key))
    }
}

/// A list of short texts, one to a line.
impl Cell for Vec<String> {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        let lines: Vec<String> = self.iter().map(|line| line.replace('\n', " ")).collect();
        lines.join("\n").give(key, out);
    }
    fn take(key: &str, fields: &mut Fields) -> Option<Vec<String>> {
        Some(fields.text(key).lines().map(str::to_owned).collect())
    }
}

impl Cell for u32 {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        out.push((key.to_owned(), ScalarValue::Uint(u64::from(*self))));
    }
    fn take(key: &str, fields: &mut Fields) -> Option<u32> {
        u32::try_from(fields.number(key)?).ok()
    }
}

impl Cell for Fen {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        out.push((key.to_owned(), ScalarValue::Int(self.0)));
    }
    fn take(key: &str, fields: &mut Fields) -> Option<Fen> {
        fields.number(key).map(Fen)
    }
}

/// Values that are written as one text.
macro_rules! textual {
    ($($kind:ty: $parse:expr;)*) => { $(
        impl Cell for $kind {
            fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
                out.push((key.to_owned(), str_value(self.to_string())));
            }
            fn take(key: &str, fields: &mut Fields) -> Option<$kind> {
                let parse: fn(&str) -> Option<$kind> = $parse;
                parse(&fields.text(key))
            }
        }
    )* };
}

textual! {
    OpId: OpId::parse;
    Day: Day::parse;
    ShareId: ShareId::parse;
    RecordId: RecordId::parse;
}

/// What may be missing; what is there but unreadable counts as unreadable, not as missing.
impl<C: Cell> Cell for Option<C> {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        if let Some(value) = self {
            value.give(key, out);
        }
    }
    fn take(key: &str, fields: &mut Fields) -> Option<Option<C>> {
        if fields.0.contains_key(key) { C::take(key, fields).map(Some) } else { Some(None) }
    }
}

/// Enums that are written as a word and shown in Chinese.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $label:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
        #[serde(into = "&'static str")]
        pub enum $name { $(#[doc = $label] $variant,)* }

        impl $name {
            /// Every value, in the order of forms.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The word in records and interfaces.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The Chinese word on screens.
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }

            /// The inverse of `word`.
            pub fn from_word(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> &'static str {
                value.word()
            }
        }

        impl $crate::records::cell::Cell for $name {
            fn give(&self, key: &str, out: &mut Vec<(String, automerge::ScalarValue)>) {
                out.push((key.to_owned(), $crate::records::str_value(self.word())));
            }
            fn take(key: &str, fields: &mut $crate::records::Fields) -> Option<$name> {
                $name::from_word(&fields.text(key))
            }
        }
    )* };
}
pub(crate) use words;
