//! Doubles (重复救助): the same granted twice to one person, or kinds that exclude each other.
//!
//! [`doubles`] and [`beside`] are pure functions of grants and policy packs: the same answer in any order. Two grants
//! are a double when they share a person (or a household) and the pack of the later one says that their kinds, their
//! causes and the days between them do not go together. A cause that nobody wrote down may be any. Nothing here
//! decides: a double is to be settled by a person, whose ruling stands in both cases; a village that sees only its own
//! half learns of the other from there, without a name.

use crate::account::Account;
use crate::area::AreaId;
use crate::record::{CaseId, RecordId};
use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::event::Ruling;
use crate::records::policy::{Decides, Pack, Packs};
use crate::standing::{Doubled, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody was granted, or asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The case.
    pub case: CaseId,
    /// Where it lives.
    pub area: AreaId,
    /// The household, when it is known.
    pub household: Option<RecordId>,
    /// Those who lived in it on that day, by identity number.
    pub persons: BTreeSet<String>,
    /// The kind of assistance (code).
    pub kind: String,
    /// The cause (code); empty: not said.
    pub cause: String,
    /// The policy pack.
    pub pack: String,
    /// The day it was granted or, while it is asked for, today.
    pub day: Option<Day>,
    /// Of a benefit that is paid every month: the first day it is not any more; the inner none: it runs.
    pub monthly: Option<Option<Day>>,
    /// The acceptance number.
    pub number: String,
    /// How much.
    pub amount: Fen,
    /// How much of it was paid.
    pub paid: Fen,
    /// How much was paid for nothing and has not come back.
    pub owed: Fen,
    /// What people said about its doubles.
    pub doubled: Vec<Doubled>,
}

impl Grant {
    /// Of a case: granted, or asked for on `today`. Persons and number of the household are the caller's to add.
    pub fn of(case: CaseId, area: AreaId, standing: &Standing, today: Day) -> Grant {
        Grant {
            case,
            area,
            household: standing.household,
            persons: BTreeSet::new(),
            kind: standing.assistance.clone(),
            cause: standing.cause.clone(),
            pack: standing.pack.clone(),
            day: Account::of(standing).and_then(|account| account.ended_on).or(Some(today)),
            monthly: standing.is_monthly().then(|| standing.stopped_on()),
            number: standing.number.clone().unwrap_or_default(),
            amount: standing.decided().unwrap_or_default(),
            paid: standing.paid().unwrap_or_default(),
            owed: standing.owed(),
            doubled: standing.doubled.clone(),
        }
    }

    fn said(&self, other: &CaseId) -> Option<&Doubled> {
        self.doubled.iter().find(|doubled| doubled.other == *other)
    }

    /// Whether a person found that it does not stand.
    pub fn is_void(&self) -> bool {
        self.doubled.iter().any(|doubled| doubled.ruling == Some(Ruling::Other))
    }
}

/// Why two grants do not go together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// The same kind within these days; for the same cause, where that matters.
    Same {
        /// The days.
        days: u32,
        /// Whether the cause matters.
        by_cause: bool,
    },
    /// Kinds that exclude each other.
    Exclusive {
        /// The rule it comes from.
        source: String,
    },
}

impl Why {
    /// In Chinese.
    pub fn text(&self) -> String {
        match self {
            Why::Same { days, by_cause: true } => format!("同一种类、同一原因，相隔不到 {days} 天"),
            Why::Same { days, by_cause: false } => format!("同一种类，相隔不到 {days} 天"),
            Why::Exclusive { source } => format!("两种救助不能同时享受（{source}）"),
        }
    }
}

/// Where a double stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// Nobody has settled it, or what was said in the two cases differs.
    ToSettle,
    /// Settled, and money must come back.
    ToRecover,
    /// Settled.
    Settled,
}

impl State {
    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            State::ToSettle => "待核定",
            State::ToRecover => "追缴中",
            State::Settled => "已核定",
        }
    }
}

/// Two grants that look like one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Double<'a> {
    /// The two, by case; of a half that is not held here there is only what was told.
    pub grants: (&'a Grant, Option<&'a Grant>),
    /// The persons they share.
    pub persons: BTreeSet<String>,
    /// Why they do not go together; none when the rule no longer finds them and people settled them before.
    pub why: Option<Why>,
    /// Where it stands.
    pub state: State,
    /// What people said, as the first case has it.
    pub said: Option<&'a Doubled>,
}

/// Why two grants do not go together, and whether no reason makes it right; none: they do.
pub fn why(a: &Grant, b: &Grant, packs: &Packs) -> Option<(Why, bool)> {
    let (earlier, later) = if (a.day, a.case) > (b.day, b.case) { (b, a) } else { (a, b) };
    let pack = packs.get(&later.pack)?;
    let granted = |grant: &Grant| counts(pack, &grant.kind);
    if a.case == b.case || !granted(a) || !granted(b) {
        return None;
    }
    let apart = match (a.day, b.day, earlier.monthly) {
        // What is paid every month is had for as long as it runs, and no longer.
        (_, _, Some(Some(end))) if later.day.is_some_and(|later| later >= end) => return None,
        (_, _, Some(_)) => 0,
        (Some(a), Some(b), None) => a.0.abs_diff(b.0),
        // A day that cannot be read may be any.
        _ => 0,
    };
    if a.kind == b.kind {
        let repeat = pack.kind(&a.kind)?.repeat();
        let causes = !repeat.by_cause || a.cause == b.cause || a.cause.is_empty() || b.cause.is_empty();
        let why = Why::Same { days: repeat.days, by_cause: repeat.by_cause };
        return (causes && apart < repeat.days).then_some((why, repeat.never));
    }
    let names = |kinds: &[String]| kinds.contains(&a.kind) && kinds.contains(&b.kind);
    let found = pack.exclusions.iter().find(|exclusion| names(&exclusion.kinds) && apart < exclusion.days)?;
    Some((Why::Exclusive { source: found.source.clone() }, found.never))
}

/// Services are no grants: nobody decides them, and more of them is no double.
fn counts(pack: &Pack, kind: &str) -> bool {
    pack.kind(kind).is_some_and(|kind| kind.decides != Decides::Nobody)
}

fn shared(a: &Grant, b: &Grant) -> Option<BTreeSet<String>> {
    let persons: BTreeSet<String> = a.persons.intersection(&b.persons).cloned().collect();
    let home = a.household.is_some() && a.household == b.household;
    (home || !persons.is_empty()).then_some(persons)
}

/// The grants that stand in the way of what is asked, each with the reason and whether no reason makes it right.
/// What a person has settled between the two stands in nobody's way.
pub fn beside<'a>(asked: &Grant, granted: &'a [Grant], packs: &Packs) -> Vec<(&'a Grant, Why, bool)> {
    let settled = |other: &Grant| asked.said(&other.case).is_some_and(|said| said.ruling.is_some());
    let mut found: Vec<_> = granted
        .iter()
        .filter(|other| !other.is_void() && !settled(other) && shared(asked, other).is_some())
        .filter_map(|other| why(asked, other, packs).map(|(why, never)| (other, why, never)))
        .collect();
    found.sort_by_key(|(other, ..)| (other.day, other.case));
    found
}

/// Every double among the grants, and what was told of those whose other half is not here: what waits comes first.
pub fn doubles<'a>(grants: &'a [Grant], packs: &Packs) -> Vec<Double<'a>> {
    let by_case: BTreeMap<CaseId, &Grant> = grants.iter().map(|grant| (grant.case, grant)).collect();
    let mut pairs: BTreeMap<(CaseId, CaseId), Option<Why>> = BTreeMap::new();
    let mut homes: BTreeMap<RecordId, Vec<&Grant>> = BTreeMap::new();
    let mut persons: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in by_case.values() {
        if let Some(home) = grant.household {
            homes.entry(home).or_default().push(grant);
        }
        for person in &grant.persons {
            persons.entry(person).or_default().push(grant);
        }
        for doubled in &grant.doubled {
            pairs.entry(ordered(grant.case, doubled.other)).or_default();
        }
    }
    for group in homes.values().chain(persons.values()) {
        for (at, a) in group.iter().enumerate() {
            for b in &group[at + 1..] {
                let void = a.is_void() || b.is_void();
                let pair = ordered(a.case, b.case);
                let known = pairs.get(&pair);
                if known.is_some_and(Option::is_some) || (void && known.is_none()) {
                    continue;
                }
                if let Some((why, _)) = why(a, b, packs) {
                    pairs.insert(pair, Some(why));
                }
            }
        }
    }
    let mut found: Vec<Double<'a>> = pairs
        .into_iter()
        .filter_map(|((first, second), why)| match (by_case.get(&first), by_case.get(&second)) {
            (Some(a), b) => Some(double(a, &second, b.copied(), why)),
            (None, Some(b)) => Some(double(b, &first, None, why)),
            (None, None) => None,
        })
        .collect();
    found.sort_by(|a, b| (a.state, b.grants.0.day, a.grants.0.case).cmp(&(b.state, a.grants.0.day, b.grants.0.case)));
    found
}

fn ordered(a: CaseId, b: CaseId) -> (CaseId, CaseId) {
    (a.min(b), a.max(b))
}

fn double<'a>(first: &'a Grant, other: &CaseId, second: Option<&'a Grant>, why: Option<Why>) -> Double<'a> {
    let said = first.said(other);
    let persons = second.and_then(|second| shared(first, second)).unwrap_or_default();
    let mine = said.and_then(|said| said.ruling);
    let theirs = second.and_then(|second| second.said(&first.case)).and_then(|said| said.ruling);
    let agreed = match (mine, theirs) {
        (None, None) => false,
        // A decision that was made knowing of the other says so in its own case only.
        (Some(Ruling::Both), None) | (None, Some(Ruling::Both)) => true,
        (Some(_), None) => second.is_none(),
        (None, Some(_)) => false,
        (Some(a), Some(b)) => {
            matches!((a, b), (Ruling::Both, Ruling::Both) | (Ruling::This, Ruling::Other) | (Ruling::Other, Ruling::This))
        }
    };
    let owed = first.owed > Fen(0) || second.is_some_and(|second| second.owed > Fen(0));
    let state = match (agreed, owed) {
        (false, _) => State::ToSettle,
        (true, true) => State::ToRecover,
        (true, false) => State::Settled,
    };
    let said = said.or_else(|| second.and_then(|second| second.said(&first.case)));
    Double { grants: (first, second), persons, why, state, said }
}

#[cfg(test)]
#[path = "doubles_tests.rs"]
mod tests;
