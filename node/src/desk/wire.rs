//! How the protocol's names and words stand in the JSON of commands: as texts, checked when they are read.
//!
//! The protocol writes them as bytes into logs; people and programs outside write them as hexadecimal digits, codes
//! and words. Each module here is named in a `#[serde(with = "…")]`.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

/// A module for a type with `Display` and a parser.
macro_rules! texts {
    ($($(#[$doc:meta])* $module:ident: $kind:ty, $what:literal, $parse:expr;)*) => { $(
        $(#[$doc])*
        pub mod $module {
            use super::*;

            /// As text.
            pub fn serialize<S: Serializer>(value: &$kind, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(value)
            }

            /// From text.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$kind, D::Error> {
                let parse: fn(&str) -> Option<$kind> = $parse;
                parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom(concat!("no ", $what)))
            }

            /// The same, where it may be missing.
            pub mod maybe {
                use super::*;

                /// As text or null.
                pub fn serialize<S: Serializer>(value: &Option<$kind>, serializer: S) -> Result<S::Ok, S::Error> {
                    match value {
                        Some(value) => serializer.collect_str(value),
                        None => serializer.serialize_none(),
                    }
                }

                /// From text, null or an empty text.
                pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$kind>, D::Error> {
                    let parse: fn(&str) -> Option<$kind> = $parse;
                    match Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()) {
                        None => Ok(None),
                        Some(text) => parse(&text).map(Some).ok_or_else(|| D::Error::custom(concat!("no ", $what))),
                    }
                }
            }

            /// The same, in a list.
            pub mod list {
                use super::*;

                /// As texts.
                pub fn serialize<S: Serializer>(values: &[$kind], serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_seq(values.iter().map(|value| value.to_string()))
                }

                /// From texts.
                pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<$kind>, D::Error> {
                    let parse: fn(&str) -> Option<$kind> = $parse;
                    let texts = Vec::<String>::deserialize(deserializer)?;
                    texts.iter().map(|text| parse(text).ok_or_else(|| D::Error::custom(concat!("no ", $what)))).collect()
                }
            }
        }
    )* };
}

texts! {
    /// The label of an area: 12 digits.
    area: shouwang_protocol::area::AreaId, "area code of 12 digits", shouwang_protocol::area::AreaId::parse;
    /// The name of a record: 64 hexadecimal digits.
    record: shouwang_protocol::record::RecordId, "record name", shouwang_protocol::record::RecordId::parse;
    /// The name of a case: 32 hexadecimal digits.
    case: shouwang_protocol::record::CaseId, "case name", shouwang_protocol::record::CaseId::parse;
    /// The name of a row or an event: `counter@actor`.
    op: shouwang_protocol::records::OpId, "name of a row", shouwang_protocol::records::OpId::parse;
}

/// A module for an enum with `word` and `from_word`.
macro_rules! words {
    ($($module:ident: $kind:ty;)*) => { $(
        #[doc = concat!("A word of [`", stringify!($kind), "`].")]
        pub mod $module {
            use super::*;

            /// As its word.
            pub fn serialize<S: Serializer>(value: &$kind, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(value.word())
            }

            /// From its word.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$kind, D::Error> {
                <$kind>::from_word(&String::deserialize(deserializer)?).ok_or_else(|| {
                    let words: Vec<&str> = <$kind>::ALL.iter().map(|value| value.word()).collect();
                    D::Error::custom(format!("must be one of {}", words.join(", ")))
                })
            }
        }
    )* };
}

use shouwang_protocol::records::event as e;

words! {
    origin: e::Origin;
    channel: e::Channel;
    urgency: e::Urgency;
    finding: e::Finding;
    opinion: e::Opinion;
    verdict: e::Verdict;
    given: e::Given;
    delivery: e::Delivery;
    dispute: e::Dispute;
    dispute_end: e::DisputeEnd;
    ruling: e::Ruling;
    screened: shouwang_protocol::records::screening::Screened;
    reviewed: shouwang_protocol::records::changed::Reviewed;
    answer: e::Answer;
    change: e::Change;
    attendance: e::Attendance;
    giver: e::Giver;
    agreed: e::Agreed;
    target_kind: e::TargetKind;
    reply: shouwang_protocol::records::verification::Outcome;
}

/// Roles, by their words.
pub mod roles {
    use super::*;
    use shouwang_protocol::records::staff::Role;
    use std::collections::BTreeSet;

    /// As words.
    pub fn serialize<S: Serializer>(roles: &BTreeSet<Role>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(roles.iter().map(|role| role.word()))
    }

    /// From words.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Role>, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        words.iter().map(|word| Role::from_word(word).ok_or_else(|| D::Error::custom("no role"))).collect()
    }
}
