//! What happened to a household (动态) and what came of looking at it again (复核).
//!
//! Both stand in the household's record, each as one text under a key of its own, and are never changed: two offices
//! that write at the same time keep both. A review names the changes it looked at; a change that no review names
//! waits for one. What kinds of changes there are is data of the policy pack.

use super::cell::words;
use super::day::Day;
use super::{Edit, EditError, edit, text_of};
use crate::area::Tier;
use automerge::transaction::Transactable;
use automerge::{ROOT, ScalarValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// What came of looking at a household again.
    Reviewed {
        Kept "kept" "维持不变",
        Apply "apply" "另行申请",
        Adjust "adjust" "调整或停止",
        Gone "gone" "不再需要",
    }
}

/// The keys of the root under which changes stand: this and a name.
pub(crate) const CHANGED: &str = "changed:";
/// The keys of the root under which reviews stand: this and a name.
pub(crate) const REVIEWED: &str = "reviewed:";

/// Something that happened to a household.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Its kind: a code of the policy pack.
    pub kind: String,
    /// The day it happened.
    pub on: Day,
    /// Whom it concerns; empty: the household.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub person: String,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The day it was written down.
    pub day: Day,
    /// Who wrote it.
    pub name: String,
    /// Of which office.
    pub office: String,
    /// The other household, when people moved between the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// The other end of a move or a split, as each of the two records tells it. Both tell it under the same name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// Whether they came from there; else they went there.
    pub came: bool,
    /// The other household's own number (编号).
    pub household: String,
    /// Where it is: township and village, as they were called then.
    pub place: String,
    /// Whether everybody went.
    pub whole: bool,
    /// What those who came had before, and when last: programs and kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub had: BTreeMap<String, Day>,
}

/// What came of looking at it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Review {
    /// What came of it, as a word of [`Reviewed`].
    pub outcome: String,
    /// What was found.
    pub note: String,
    /// The names of the changes it looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// What the assessment of means followed from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
    /// The category then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// The day.
    pub day: Day,
    /// Who.
    pub name: String,
    /// Of which office.
    pub office: String,
    /// Of which tier.
    pub tier: Tier,
}

impl Review {
    /// What came of it; none when a newer version wrote it.
    pub fn outcome(&self) -> Option<Reviewed> {
        Reviewed::from_word(&self.outcome)
    }
}

pub(crate) fn read<T: for<'de> Deserialize<'de>>(value: &ScalarValue) -> Option<T> {
    serde_json::from_str(&text_of(value)).ok()
}

fn put(prefix: &str, name: &str, note: &impl Serialize) -> Edit {
    let key = format!("{prefix}{name}");
    let text = serde_json::to_string(note).ok();
    edit(move |tx| {
        let text = text.ok_or(EditError::Missing("note"))?;
        if text.len() > crate::limits::STRING_BYTES_MAX {
            return Err(EditError::Missing("room for the note"));
        }
        Ok(tx.put(ROOT, key, text)?)
    })
}

/// The key of the root under which a change of that name stands.
pub fn key(name: &str) -> String {
    format!("{CHANGED}{name}")
}

impl Change {
    /// Writes it down under a name that nothing else has.
    pub fn write(&self, name: &str) -> Edit {
        put(CHANGED, name, self)
    }
}

impl Review {
    /// Writes it down under a name that nothing else has.
    pub fn write(&self, name: &str) -> Edit {
        put(REVIEWED, name, self)
    }
}
