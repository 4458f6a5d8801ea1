//! What a family declared against what the sources answered (核对差异): a pure function of one verification record.
//!
//! [`MEASURES`] is the one table to extend: a measure names the field of the household in which the family declares
//! it. A field that the household does not have yet, or that nobody filled in, was not declared; what is found then
//! is a difference of all of it. Supporters outside the household are told apart and never added to its sums.

use crate::records::amount::{Fen, hundredths};
use crate::records::day::Day;
use crate::records::event::Agreement;
use crate::records::household::Household;
use crate::records::verification::{Answer, Outcome, Reply, Verification};
use std::collections::BTreeMap;

/// What a measure is counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Unit {
    /// Money.
    Yuan,
    /// Things.
    Count,
    /// Nothing that could be compared.
    Words,
}

/// Something that a family declares and a source knows.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The code, which is its Chinese name.
    pub code: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// The household's field; empty: the household declares no such thing.
    pub field: &'static str,
}

/// Every measure, in the order of the report.
pub const MEASURES: &[Measure] = &[
    measure_of("工资性收入", Unit::Yuan, "income_wage"),
    measure_of("经营净收入", Unit::Yuan, "income_farm"),
    measure_of("财产净收入", Unit::Yuan, "income_property"),
    measure_of("转移净收入", Unit::Yuan, "income_transfer"),
    measure_of("存款", Unit::Yuan, "deposits"),
    measure_of("证券", Unit::Yuan, "securities"),
    measure_of("商业保险", Unit::Yuan, "insurance"),
    measure_of("网络资金", Unit::Yuan, "online_funds"),
    measure_of("公积金", Unit::Yuan, "provident_fund"),
    measure_of("车船", Unit::Count, "vehicles"),
    measure_of("房产", Unit::Count, "houses"),
    measure_of("市场主体", Unit::Count, "businesses"),
    measure_of("户籍", Unit::Words, ""),
];

const fn measure_of(code: &'static str, unit: Unit, field: &'static str) -> Measure {
    Measure { code, unit, field }
}

/// The measure of that code.
pub fn measure(code: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.code == code)
}

/// What a household declares, by measure: fen, or how many.
pub fn declared(household: &Household) -> BTreeMap<String, i64> {
    let row = household.row();
    let value = |measure: &Measure| {
        let value = row.get(measure.field).filter(|_| !measure.field.is_empty())?;
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let hundredths = hundredths(&plain)?;
        match measure.unit {
            Unit::Yuan => Some(hundredths),
            Unit::Count => Some(hundredths / 100),
            Unit::Words => None,
        }
    };
    MEASURES.iter().filter_map(|measure| Some((measure.code.to_owned(), value(measure)?))).collect()
}

/// How a measure compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Compared {
    /// Within what is allowed.
    Same,
    /// More was found than declared.
    More,
    /// Less was found than declared.
    Less,
    /// Declared, and no source told.
    NotTold,
    /// Found, but not in figures.
    InWords,
}

impl Compared {
    /// The Chinese name on screens.
    pub fn label(self) -> &'static str {
        match self {
            Compared::Same => "一致",
            Compared::More => "查得多于申报",
            Compared::Less => "查得少于申报",
            Compared::NotTold => "没有来源可比",
            Compared::InWords => "只有文字说明",
        }
    }
}

/// One measure of the report.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Line {
    /// The measure's code.
    pub measure: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What was declared; none: not declared.
    pub declared: Option<i64>,
    /// What was found; none: no source told.
    pub found: Option<i64>,
    /// Found less declared, when something was found.
    pub difference: Option<i64>,
    /// How it compares.
    pub compared: Compared,
    /// The oldest and the newest day the answers are of.
    pub as_of: Option<(Day, Day)>,
}

/// The difference.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Report {
    /// By measure.
    pub lines: Vec<Line>,
    /// What counts about supporters outside the household: name, answer.
    pub supporters: Vec<(String, Answer)>,
    /// Pairs of person and source without an answer.
    pub waiting: u64,
    /// Pairs that can't be answered.
    pub unavailable: u64,
}

impl Report {
    /// What it comes to.
    pub fn agreement(&self) -> Agreement {
        let any = |compared: Compared| self.lines.iter().any(|line| line.compared == compared);
        let told = self.lines.iter().any(|line| line.found.is_some());
        if any(Compared::More) {
            Agreement::Differs
        } else if self.waiting > 0 || self.unavailable > 0 || any(Compared::InWords) || !told {
            Agreement::Unclear
        } else {
            Agreement::Same
        }
    }
}

/// The difference. `allowed` is what the pack lets pass; it concerns money only. Answers in any order, same report.
pub fn report(check: &Verification, allowed: Fen) -> Report {
    let live = check.live();
    let supporter = |person: &str| check.people.iter().find(|asked| asked.person == person && asked.is_supporter());
    let asked = |answer: &&&Answer| check.asks(&answer.person, &answer.source);
    let lines = MEASURES.iter().filter_map(|measure| {
        let about = live.iter().filter(asked).filter(|answer| answer.measure == measure.code);
        let about: Vec<_> = about.filter(|answer| supporter(&answer.person).is_none()).copied().collect();
        line(measure, &about, check.declared.get(measure.code).copied(), allowed)
    });
    let lines = lines.collect();
    let supporters = live.iter().filter(asked);
    let supporters = supporters.filter_map(|answer| Some((supporter(&answer.person)?.name.clone(), (*answer).clone())));
    let pairs = check.people.iter().flat_map(|asked| check.sources.iter().map(|source| check.reply(&asked.person, source)));
    let (mut waiting, mut unavailable) = (0, 0);
    for reply in pairs {
        waiting += u64::from(reply == Reply::Waiting);
        unavailable += u64::from(reply == Reply::Unavailable);
    }
    Report { lines, supporters: supporters.collect(), waiting, unavailable }
}

fn line(measure: &Measure, about: &[&Answer], declared: Option<i64>, allowed: Fen) -> Option<Line> {
    let told: Vec<&&Answer> = about.iter().filter(|answer| answer.outcome != Outcome::Unavailable).collect();
    let value = |answer: &Answer| match (answer.outcome, measure.unit) {
        (Outcome::Found, Unit::Yuan) => answer.amount.map(|amount| amount.0),
        (Outcome::Found, Unit::Count) => answer.count.map(i64::from),
        (Outcome::Found, Unit::Words) => None,
        (Outcome::Nothing | Outcome::Unavailable, _) => Some(0),
    };
    let in_words = measure.unit != Unit::Words && told.iter().any(|answer| value(answer).is_none());
    let comparable = measure.unit != Unit::Words && !told.is_empty();
    let found = comparable.then(|| told.iter().filter_map(|answer| value(answer)).fold(0_i64, i64::saturating_add));
    let as_of = told.iter().map(|answer| answer.as_of).min().zip(told.iter().map(|answer| answer.as_of).max());
    if found.is_none() && declared.is_none() {
        return None;
    }
    let difference = found.map(|found| found.saturating_sub(declared.unwrap_or_default()));
    let allowed = if measure.unit == Unit::Yuan { allowed.0 } else { 0 };
    let compared = match difference {
        None => Compared::NotTold,
        Some(more) if more > allowed => Compared::More,
        Some(_) if in_words => Compared::InWords,
        Some(less) if less < -allowed => Compared::Less,
        Some(_) => Compared::Same,
    };
    Some(Line { measure: measure.code, unit: measure.unit, declared, found, difference, compared, as_of })
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
