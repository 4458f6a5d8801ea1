//! Looking again (复核): which households must be looked at, why, and by when.
//!
//! [`due`] is a pure function of the policy pack, the household's record, what else is known of it, and today.
//! A household is looked at again when something happened to it, when its time is up (the pack says after how many
//! months), or when its data say another category than it is registered under. A review answers the changes that it
//! names, begins the time anew, and answers for the data it was based on until these change.

use crate::means::assess;
use crate::records::changed::Change;
use crate::records::day::Day;
use crate::records::household::Household;
use crate::records::policy::Pack;

/// Why a household is to be looked at.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// Something happened.
    Changed {
        /// Its name.
        name: String,
        /// What.
        change: Change,
        /// Its kind in words.
        kind: String,
        /// The last day for looking at it; none: the pack sets none.
        by: Option<Day>,
    },
    /// The time is up.
    Term {
        /// When it was looked at, or approved, last; none: nothing is known.
        last: Option<Day>,
        /// The rule, in words.
        rule: String,
        /// The day it is due.
        by: Day,
    },
    /// The data say another category.
    Differs {
        /// The one they say; none: none of the pack's.
        proposed: Option<String>,
    },
}

/// A household to be looked at again.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Due {
    /// Why; not empty.
    pub why: Vec<Why>,
    /// The first of its last days.
    pub by: Option<Day>,
    /// What the assessment of means followed from.
    pub basis: String,
}

/// Days before the end of a term from which on it is listed.
pub const NOTICE_DAYS: i32 = 30;

/// The changes that no review has looked at, the earliest first.
pub fn open_changes(household: &Household) -> Vec<(&String, &Change)> {
    let seen = |name: &String| household.reviews.values().any(|review| review.of.contains(name));
    let mut open: Vec<(&String, &Change)> = household.changes.iter().filter(|(name, _)| !seen(name)).collect();
    open.sort_by_key(|(name, change)| (change.day, *name));
    open
}

/// The day of the last review.
pub fn last_review(household: &Household) -> Option<Day> {
    household.reviews.values().map(|review| review.day).max()
}

/// The first day of a record, as the file says it.
fn began(household: &Household) -> Option<Day> {
    Day::parse(household.created_at.get(..10)?)
}

/// What is known of a household besides its record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// The day aid was last approved for it.
    pub approved: Option<Day>,
    /// The day its record was begun, when the record doesn't say.
    pub written: Option<Day>,
}

/// Whether, why and by when a household is to be looked at again.
pub fn due(pack: &Pack, household: &Household, known: Known, today: Day) -> Option<Due> {
    let mut why = Vec::new();
    for (name, change) in open_changes(household) {
        let kind = pack.changes.iter().find(|kind| kind.code == change.kind);
        why.push(Why::Changed {
            name: name.clone(),
            change: change.clone(),
            kind: kind.map_or_else(|| change.kind.clone(), |kind| kind.name.clone()),
            by: kind.and_then(|kind| kind.days).map(|days| pack.calendar.deadline(change.day, days)),
        });
    }
    let means = assess(pack, household, today);
    // Of a household that moved away only what happened waits; the rest is for the record it moved into.
    let here = household.moved_out().is_none();
    if let Some((months, rule)) = means.review.filter(|_| here) {
        let last = last_review(household).max(known.approved).or_else(|| began(household)).or(known.written);
        let by = last.map_or(today, |last| last.months_later(months));
        if by <= today.plus(NOTICE_DAYS) {
            why.push(Why::Term { last, rule, by });
        }
    }
    let answered = household.reviews.values().any(|review| review.basis == means.basis);
    if here && means.agrees == Some(false) && !answered {
        why.push(Why::Differs { proposed: means.proposed.clone() });
    }
    let days = why.iter().filter_map(|why| match why {
        Why::Changed { by, .. } => *by,
        Why::Term { by, .. } => Some(*by),
        Why::Differs { .. } => None,
    });
    let by = days.min();
    (!why.is_empty()).then_some(Due { why, by, basis: means.basis })
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
