//! The monthly update (月度更新): what came, left, changed and stayed among a village's households in a month.
//!
//! [`roll`] compares each record as it stood at the end of the month before with how it stood at the end of the month
//! (by the days its changes claim), so that the same entries give the same roll on every device, whenever it is
//! asked for. The digest is what a sign-off freezes.

use crate::hash::{Hash, hex};
use crate::record::RecordId;
use crate::records::day::Day;
use crate::records::household::Household;
use crate::records::signoff::SignOff;
use crate::records::then::Then;
use crate::standing::payout::is_month;

/// What a month did to a household.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// It is registered since this month.
    Came,
    /// It is no longer registered.
    Left,
    /// Its data changed.
    Changed,
    /// Nothing changed.
    Stayed,
}

impl Moved {
    /// The Chinese name on screens.
    pub fn label(self) -> &'static str {
        match self {
            Moved::Came => "新增",
            Moved::Left => "退出",
            Moved::Changed => "变更",
            Moved::Stayed => "不变",
        }
    }
}

/// A household in a roll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its record.
    pub record: RecordId,
    /// Its head.
    pub head: String,
    /// The categories at the end of the month (of one that left: before), with 、 between.
    pub category: String,
    /// People who live in it.
    pub people: u32,
    /// What the month did.
    pub moved: Moved,
}

/// A village's month.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roll {
    /// The households, those that moved first.
    pub lines: Vec<Line>,
    /// Over what the records said, in hexadecimal digits.
    pub digest: String,
}

/// The last day of a month; none when it is no month.
pub fn last_day(month: &str) -> Option<Day> {
    if !is_month(month) {
        return None;
    }
    Day::parse(&format!("{month}-01")).map(|first| first.months_later(1).plus(-1))
}

/// The month before.
pub fn before(month: &str) -> Option<String> {
    let first = Day::parse(&format!("{month}-01"))?;
    Some(crate::standing::payout::month(first.plus(-1)))
}

/// The roll of the month that ends on `last`; of each household how it stood the month before, and at the end.
pub fn roll(last: Day, households: &[(RecordId, Then, Then)]) -> Roll {
    let start = Day::parse(&format!("{}-01", crate::standing::payout::month(last))).unwrap_or(last).plus(-1);
    let mut lines = Vec::new();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut sorted: Vec<&(RecordId, Then, Then)> = households.iter().collect();
    sorted.sort_by_key(|(record, ..)| *record);
    for (record, then, now) in sorted {
        let registered =
            |state: &Then, on: Day| state.household.as_ref().is_some_and(|household: &Household| household.is_registered(on));
        // A category may begin or end by its own days, without a change.
        let held = |state: &Then, on: Day| state.household.as_ref().map(|household| household.categories_on(on));
        let moved = match (registered(then, start), registered(now, last)) {
            (false, false) => continue,
            (false, true) => Moved::Came,
            (true, false) => Moved::Left,
            (true, true) if then.changes == now.changes && held(then, start) == held(now, last) => Moved::Stayed,
            (true, true) => Moved::Changed,
        };
        parts.push(record.0.0.to_vec());
        parts.extend(now.changes.iter().map(|change| change.0.to_vec()));
        let shown = if moved == Moved::Left { (then, start) } else { (now, last) };
        let Some(household) = &shown.0.household else { continue };
        let people = household.members.iter().filter(|member| member.shares_life(shown.1)).count();
        lines.push(Line {
            record: *record,
            head: household.head.clone(),
            category: household.categories_on(shown.1).join("、"),
            people: u32::try_from(people).unwrap_or(u32::MAX),
            moved,
        });
    }
    lines.sort_by(|a, b| (a.moved, &a.head, a.record).cmp(&(b.moved, &b.head, b.record)));
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Roll { lines, digest: hex(&Hash::of("shouwang month 1", &parts).0[..16]) }
}

impl Roll {
    fn count(&self, moved: Moved) -> u32 {
        u32::try_from(self.lines.iter().filter(|line| line.moved == moved).count()).unwrap_or(u32::MAX)
    }

    /// What somebody who signs says.
    pub fn figures(&self) -> SignOff {
        let here = || self.lines.iter().filter(|line| line.moved != Moved::Left);
        SignOff {
            households: u32::try_from(here().count()).unwrap_or(u32::MAX),
            people: here().fold(0, |sum, line| sum.saturating_add(line.people)),
            came: self.count(Moved::Came),
            left: self.count(Moved::Left),
            changed: self.count(Moved::Changed),
            unchanged: self.count(Moved::Stayed),
            digest: self.digest.clone(),
            ..SignOff::default()
        }
    }
}

#[cfg(test)]
#[path = "monthly_tests.rs"]
mod tests;
