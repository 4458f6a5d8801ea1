//! The means test (家庭经济状况认定): what a household lives on, and which status of the policy pack that gives it.
//!
//! [`counted`] takes from a year's income what does not count and what may be taken off; [`assess`] compares the rest,
//! the property and the rigid spending with the rows of the pack. Every figure comes with its working. Amounts are
//! whole fen, the year's figure is the authoritative one, and what is shown for a month and person is rounded once.
//! A row that needs an amount which the city has not set blocks the result; what the family has not said is asked for.
//! It proposes; a person decides.

use crate::eligibility::{Facts, Fit, Ground, Judged, Outcome, by_source, fit, judged, unset};
use crate::hash::{Hash, hex};
use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::household::Household;
use crate::records::policy::{Pack, Status};

/// One line of the working.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Line {
    /// What it is.
    pub label: String,
    /// What it adds or takes off; none: the family has said nothing about it.
    pub fen: Option<Fen>,
    /// Where it comes from.
    pub source: String,
}

/// A year's income and what of it counts.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Counted {
    /// The working: what does not count and what is taken off are negative.
    pub lines: Vec<Line>,
    /// What counts in the year; none: no income is written down.
    pub year: Option<Fen>,
}

impl Counted {
    /// The facts with the income that counts.
    pub fn onto(&self, facts: &Facts) -> Facts {
        let mut facts = facts.clone();
        facts.household.income_counted = self.year;
        facts
    }
}

/// What of a year's income counts; the error names, in Chinese, what the city has not set.
pub fn counted(pack: &Pack, facts: &Facts) -> Result<Counted, String> {
    let standards = pack.standards();
    let mut lines = Vec::new();
    let mut off = |label: &str, fen: Option<Fen>, source: &str| {
        let fen = fen.map(|fen| Fen(-fen.0));
        lines.push(Line { label: label.to_owned(), fen, source: source.to_owned() });
    };
    let names: Vec<&str> = pack.exempt.iter().map(|row| row.name.as_str()).collect();
    if facts.household.income_exempt.is_some() || !names.is_empty() {
        off("不计入的收入", facts.household.income_exempt, &names.join("、"));
    }
    let ground = Ground::of(facts, &standards);
    for row in &pack.deductions {
        if let Some(key) = unset(&row.amount, &standards) {
            return Err(format!("“{key}”尚未由市级设定"));
        }
        off(&row.name, ground.amount(&row.amount).ok().map(|(fen, _)| fen), &row.source);
    }
    let gross = facts.household.income_year;
    let year = gross.map(|gross| {
        let left = lines.iter().filter_map(|line| line.fen).fold(gross.0, |left, fen| left.saturating_add(fen.0));
        Fen(left.max(0))
    });
    lines.insert(0, Line { label: "家庭年收入".to_owned(), fen: gross, source: "申报或核对".to_owned() });
    Ok(Counted { lines, year })
}

/// A status and how it fits.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct StatusFit {
    /// The category.
    pub code: String,
    /// How it fits.
    pub fit: Fit,
    /// Its conditions with their reasons.
    pub conditions: Vec<Judged>,
    /// The rule it comes from.
    pub source: String,
}

/// What a household's means say.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Means {
    /// Those who share its life.
    pub people: i64,
    /// The income and its working.
    pub income: Counted,
    /// What the city has not set, so that nothing can be computed; empty: all is set.
    pub blocked: String,
    /// A year's income for one person, rounded once.
    pub per_head_year: Option<Fen>,
    /// A month's income for one person, rounded once from the year's.
    pub per_head_month: Option<Fen>,
    /// The income by source comes to another sum than the year's: that sum.
    pub other_sum: Option<Fen>,
    /// The statuses of the pack, the neediest first.
    pub statuses: Vec<StatusFit>,
    /// The status that fits, when all before it surely don't.
    pub proposed: Option<String>,
    /// The status that the household is registered under; none: none of the pack's.
    pub registered: Option<String>,
    /// Whether that is the one that fits; none: it can't be told.
    pub agrees: Option<bool>,
    /// After how many months it is looked at again, and why; none: the pack has no rule for it.
    #[serde(skip)]
    pub review: Option<(u32, String)>,
    /// What the result follows from: another one when the data change.
    pub basis: String,
}

/// `amount / parts`, rounded half up.
fn share(amount: Fen, parts: i64) -> Option<Fen> {
    let (whole, rest) = (amount.0.checked_div(parts)?, amount.0.checked_rem(parts)?);
    Some(Fen(whole + i64::from(rest.saturating_mul(2) >= parts)))
}

/// Whether the household is registered under a status of the pack.
fn status_of<'a>(pack: &'a Pack, category: &str) -> Option<&'a Status> {
    pack.statuses.iter().find(|status| status.is_called(category))
}

/// Assesses the means of a household on `today`.
pub fn assess(pack: &Pack, household: &Household, today: Day) -> Means {
    let declared = Facts::of(household, today);
    let people = declared.household.people.unwrap_or(0);
    let (income, blocked) = match counted(pack, &declared) {
        Ok(income) => (income, String::new()),
        Err(why) => (Counted::default(), why),
    };
    let facts = income.onto(&declared);
    let standards = pack.standards();
    let ground = Ground::of(&facts, &standards);
    let one = |status: &Status| {
        let conditions: Vec<Judged> = status.conditions.iter().map(|it| judged(it, &ground)).collect();
        StatusFit { code: status.code.clone(), fit: fit(&conditions), conditions, source: status.source.clone() }
    };
    let statuses: Vec<StatusFit> = pack.statuses.iter().map(one).collect();
    let first = statuses.iter().find(|status| status.fit != Fit::No);
    let proposed = first.filter(|status| status.fit == Fit::Fits).map(|status| status.code.clone());
    let shared = household.shared_categories_on(today);
    let own = shared.iter().find_map(|category| status_of(pack, category));
    let fits = |when: &str| when.is_empty() || ground.judge(when).0 == Outcome::Holds;
    let review = own.and_then(|status| status.reviews.iter().find(|review| fits(&review.when)));
    let registered = own.map(|status| status.code.clone());
    let agrees = match (first, &proposed) {
        _ if pack.statuses.is_empty() => None,
        (Some(_), None) => None,
        (_, proposed) => Some(*proposed == registered),
    };
    let told = statuses.iter().flat_map(|status| status.conditions.iter().map(|it| it.used.as_str()));
    // The register's own category first, as before there were others: what was answered for stays answered.
    let others = shared.iter().map(String::as_str).filter(|category| *category != household.category);
    let parts = std::iter::once(household.category.as_str()).chain(others).chain(told);
    let parts: Vec<&[u8]> = parts.map(str::as_bytes).collect();
    let basis = hex(&Hash::of("shouwang means 1", &parts).0[..8]);
    Means {
        people,
        per_head_year: income.year.and_then(|year| share(year, people)),
        per_head_month: income.year.and_then(|year| share(year, people.checked_mul(12)?)),
        other_sum: by_source(household).filter(|sum| household.income_annual.is_some_and(|year| year != *sum)),
        blocked,
        income,
        statuses,
        proposed,
        registered,
        agrees,
        review: review.map(|review| (review.months, review.text.clone())),
        basis,
    }
}

#[cfg(test)]
#[path = "means_tests.rs"]
mod tests;
