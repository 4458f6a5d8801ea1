//! Missed (遗漏救助): kinds of assistance that a household seems to fit and has not had.
//!
//! [`missed`] is a pure function of a policy pack, the household's record, what it had within a year and today. A kind
//! is found when some policy of it fits by the data (see [`crate::eligibility`]), nothing of it was had or is asked for,
//! and nothing that was had excludes it. Nothing here decides: a person looks, and every finding needs an outcome.

use crate::eligibility::{Facts, Fit, Match, Outcome, matches};
use crate::hash::{Hash, hex};
use crate::records::day::Day;
use crate::records::household::Household;
use crate::records::policy::Pack;
use crate::records::screening::Screening;
use std::collections::{BTreeMap, BTreeSet};

/// Days within which aid counts.
pub const PERIOD_DAYS: i32 = 365;

/// A policy that fits, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The policy's code.
    pub article: String,
    /// Its name.
    pub name: String,
    /// The conditions that hold, each with the facts it was judged on.
    pub holds: Vec<(String, String)>,
    /// The conditions that a person must judge.
    pub to_judge: Vec<String>,
}

/// A kind that a household seems to fit and has not had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missed {
    /// The kind (code).
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The policies that fit.
    pub reasons: Vec<Reason>,
    /// What follows from the data: another one when they change.
    pub basis: String,
    /// What was found before, when there is anything.
    pub screening: Option<Screening>,
    /// Whether that still answers.
    pub answered: bool,
}

fn reason(found: &Match) -> Reason {
    let of = |wanted: Outcome| found.conditions.iter().filter(move |it| it.outcome == wanted);
    Reason {
        article: found.article.code.clone(),
        name: found.article.name.clone(),
        holds: of(Outcome::Holds).map(|it| (it.text.clone(), it.used.clone())).collect(),
        to_judge: of(Outcome::ForAPerson).map(|it| it.text.clone()).collect(),
    }
}

fn basis(kind: &str, reasons: &[Reason]) -> String {
    let texts = reasons.iter().flat_map(|reason| {
        let holds = reason.holds.iter().flat_map(|(text, used)| [text.as_str(), used.as_str()]);
        std::iter::once(reason.article.as_str()).chain(holds)
    });
    let parts: Vec<&[u8]> = std::iter::once(kind).chain(texts).map(str::as_bytes).collect();
    hex(&Hash::of("shouwang missed 1", &parts).0[..8])
}

/// What a household seems to have missed. `had`: kinds and programs of aid within the year, and kinds asked for.
pub fn missed(pack: &Pack, household: &Household, had: &BTreeSet<String>, today: Day) -> Vec<Missed> {
    if !household.members.iter().any(|member| member.shares_life(today)) {
        return Vec::new();
    }
    let had_kind = |code: &str| pack.kind(code).is_some_and(|kind| had.iter().any(|name| kind.is_called(name)));
    let excluded = |code: &str| {
        let with = pack.exclusions.iter().filter(|exclusion| exclusion.kinds.iter().any(|kind| kind == code));
        with.flat_map(|exclusion| &exclusion.kinds).any(|other| other != code && had_kind(other))
    };
    let mut by_kind: BTreeMap<String, Vec<Reason>> = BTreeMap::new();
    for found in matches(pack, &Facts::of(household, today), today).iter().filter(|found| found.fit == Fit::Fits) {
        let (kind, name) = (&found.article.kind, &found.article.name);
        if !kind.is_empty() && !had.contains(name) && !had_kind(kind) && !excluded(kind) {
            by_kind.entry(kind.clone()).or_default().push(reason(found));
        }
    }
    let one = |(kind, reasons): (String, Vec<Reason>)| {
        let basis = basis(&kind, &reasons);
        let screening = household.screened.get(&kind).cloned();
        Some(Missed {
            name: pack.kind(&kind)?.name.clone(),
            answered: screening.as_ref().is_some_and(|known| known.answers(&basis, today)),
            kind,
            reasons,
            basis,
            screening,
        })
    };
    by_kind.into_iter().filter_map(one).collect()
}

#[cfg(test)]
#[path = "missed_tests.rs"]
mod tests;
