//! Who may be helped by what: the conditions and formulas of a policy pack, judged on what is known of a household.
//!
//! A pack writes them in CEL (Common Expression Language) over three names: `household` and `members`, whose fields are
//! the [`Facts`], and `standard`, the pack's amounts in fen. `household.income_year < standard["低保标准"] * 12 *
//! household.people` is a condition, `3 * standard["低保标准"]` a formula. What is not known is missing, and whatever
//! depends on it is [`Outcome::Unknown`] with the reason, never a no. Nothing here decides: it finds what a person
//! should look at, and says why.

mod expression;
mod facts;

pub(crate) use expression::unset;
pub use expression::{Expected, Ground, Outcome, check};
pub(crate) use facts::by_source;
pub use facts::{Facts, HouseholdFacts, MemberFacts};

use crate::means::counted;
use crate::records::day::Day;
use crate::records::policy::{Article, Condition, Pack};

/// How a policy fits a household.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Every condition that a computer can judge holds.
    Fits,
    /// None fails, and some can't be judged from what is known.
    Perhaps,
    /// Some condition fails.
    No,
}

impl Fit {
    /// The Chinese name on screens.
    pub fn label(self) -> &'static str {
        match self {
            Fit::Fits => "可能符合",
            Fit::Perhaps => "尚缺信息",
            Fit::No => "暂不符合",
        }
    }
}

/// A condition and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Judged {
    /// The condition in words.
    pub text: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// The facts it was judged on.
    pub used: String,
}

/// A policy and how it fits.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Match {
    /// The policy.
    pub article: Article,
    /// How it fits.
    pub fit: Fit,
    /// Its conditions, in its order.
    pub conditions: Vec<Judged>,
}

/// Judges a condition of a pack.
pub(crate) fn judged(condition: &Condition, ground: &Ground<'_>) -> Judged {
    let (outcome, used) = match condition.when.as_str() {
        "" => (Outcome::ForAPerson, String::new()),
        when => ground.judge(when),
    };
    Judged { text: condition.text.clone(), outcome, used }
}

/// How a list of conditions fits: all must hold.
pub(crate) fn fit(conditions: &[Judged]) -> Fit {
    let any = |wanted: fn(&Outcome) -> bool| conditions.iter().any(|it| wanted(&it.outcome));
    // A list whose every condition is a person's to judge says nothing about this household.
    let all_for_people = !any(|outcome| *outcome == Outcome::Holds);
    if any(|outcome| *outcome == Outcome::Fails) {
        Fit::No
    } else if all_for_people || any(|outcome| matches!(outcome, Outcome::Unknown(_))) {
        Fit::Perhaps
    } else {
        Fit::Fits
    }
}

/// The policies that hold on `today`, the fitting ones first, each with its reasons. Not a decision.
pub fn matches(pack: &Pack, facts: &Facts, today: Day) -> Vec<Match> {
    let standards = pack.standards();
    // Where the income that counts can't be told, conditions on it can't either.
    let facts = &counted(pack, facts).map_or_else(|_| facts.clone(), |counted| counted.onto(facts));
    let ground = Ground::of(facts, &standards);
    let mut found: Vec<Match> = pack
        .articles
        .iter()
        .filter(|article| article.holds_on(today))
        .map(|article| {
            let conditions: Vec<Judged> = article.conditions.iter().map(|it| judged(it, &ground)).collect();
            let fit = fit(&conditions);
            Match { article: article.clone(), fit, conditions }
        })
        .collect();
    found.sort_by_key(|it| it.fit);
    found
}

#[cfg(test)]
mod tests;
