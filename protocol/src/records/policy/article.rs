//! The policy list (政策清单): what each department offers, on which conditions, with which papers, in full text.
//!
//! One [`Article`] is one policy of one department. Its conditions are judged by [`crate::eligibility`]; what a
//! computer can't judge is a condition without an expression. A policy that no longer holds stays in the list, marked
//! as withdrawn, so that an old case can be read.

use crate::records::day::Day;
use serde::{Deserialize, Serialize};

/// A policy of the list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Article {
    /// The code: `民政-01`.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The department (code).
    pub department: String,
    /// The kind of assistance a case of it has (code); empty: none of ours.
    #[serde(default)]
    pub kind: String,
    /// What one gets, in a sentence.
    #[serde(default)]
    pub benefit: String,
    /// Whom it is for: all must hold.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The papers one must bring.
    #[serde(default)]
    pub materials: Vec<String>,
    /// Where to ask for it.
    #[serde(default)]
    pub apply_at: String,
    /// First day.
    pub from: Day,
    /// Last day; none: until further notice.
    #[serde(default)]
    pub until: Option<Day>,
    /// Since when it no longer holds, and why.
    #[serde(default)]
    pub withdrawn: Option<Withdrawal>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
    /// The full text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A condition of a policy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Condition {
    /// In words.
    pub text: String,
    /// In CEL; empty: a person must judge it.
    #[serde(default)]
    pub when: String,
}

/// The end of a policy before its time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The first day it no longer holds.
    pub on: Day,
    /// Why.
    pub why: String,
}

/// A piece of a policy's full text, as a row of the pack.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Passage {
    /// The policy (code).
    pub article: String,
    /// Its place, from 0.
    pub n: u32,
    /// The text.
    pub text: String,
}

/// Bytes of a passage: with its escapes well below the limit of a string.
const PASSAGE_BYTES: usize = 1_500;

impl Article {
    /// Whether it holds on `day`.
    pub fn holds_on(&self, day: Day) -> bool {
        let withdrawn = self.withdrawn.as_ref().is_some_and(|withdrawal| withdrawal.on <= day);
        self.from <= day && self.until.is_none_or(|until| day <= until) && !withdrawn
    }

    pub(super) fn without_text(&self) -> Article {
        Article { text: String::new(), ..self.clone() }
    }

    pub(super) fn passages(&self) -> Vec<Passage> {
        let mut rest = self.text.as_str();
        let mut passages = Vec::new();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PASSAGE_BYTES));
            let n = u32::try_from(passages.len()).unwrap_or(u32::MAX);
            passages.push(Passage { article: self.code.clone(), n, text: piece.to_owned() });
            rest = after;
        }
        passages
    }
}
