//! Working days (工作日): the national holidays and make-up days of a policy pack, and the deadlines counted by them.

use crate::records::day::Day;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Days off and make-up days (调休). Saturdays and Sundays are off unless listed as working days.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calendar {
    /// Holidays.
    #[serde(default)]
    pub off: BTreeSet<Day>,
    /// Weekend days that are worked.
    #[serde(default)]
    pub worked: BTreeSet<Day>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
    /// The rule of a year that has its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<i32, String>,
}

/// One year of a calendar, as it is shown and typed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CalendarYear {
    /// The year.
    pub code: String,
    /// Holidays.
    #[serde(default)]
    pub off: BTreeSet<Day>,
    /// Weekend days that are worked.
    #[serde(default)]
    pub worked: BTreeSet<Day>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// Days that are worked unless they are off.
const WEEKDAYS: [&str; 5] = ["星期一", "星期二", "星期三", "星期四", "星期五"];
/// Years that a calendar may speak of.
const YEARS: std::ops::RangeInclusive<i32> = 1949..=2200;

/// The longest deadline in working days; a longer one counts as this.
pub const DEADLINE_DAYS_MAX: u32 = 1_000;
/// Days of the calendar that are looked through at most.
const CALENDAR_DAYS_MAX: i32 = 2_000;

impl Calendar {
    /// Whether `day` is a working day (工作日).
    pub fn is_working(&self, day: Day) -> bool {
        self.worked.contains(&day) || (day.weekday() < 5 && !self.off.contains(&day))
    }

    /// Whether it says anything of a year; every year has holidays, so one without any has not been typed in.
    pub fn covers(&self, year: i32) -> bool {
        self.off.iter().chain(&self.worked).any(|day| day.ymd().0 == year)
    }

    /// How many working days there are after `start`, up to and with `end`.
    pub fn between(&self, start: Day, end: Day) -> u32 {
        let last = end.min(start.plus(CALENDAR_DAYS_MAX));
        let days = (start.0.saturating_add(1)..=last.0).filter(|day| self.is_working(Day(*day)));
        u32::try_from(days.count()).unwrap_or(u32::MAX)
    }

    /// The same, a part for each year, so that no row of a pack outgrows a string.
    pub(super) fn by_year(&self) -> Vec<Calendar> {
        let mut years: BTreeMap<i32, Calendar> = BTreeMap::new();
        let empty = |year| {
            let own = self.sources.get(&year).map(|source| (year, source.clone()));
            Calendar { source: self.source.clone(), sources: own.into_iter().collect(), ..Calendar::default() }
        };
        let year = |day: &Day| day.ymd().0;
        for day in &self.off {
            years.entry(year(day)).or_insert_with(|| empty(year(day))).off.insert(*day);
        }
        for day in &self.worked {
            years.entry(year(day)).or_insert_with(|| empty(year(day))).worked.insert(*day);
        }
        years.into_values().collect()
    }

    /// The years, each as a row.
    pub fn years(&self) -> Vec<CalendarYear> {
        let row = |part: Calendar| {
            let year = part.off.iter().chain(&part.worked).next().map_or(0, |day| day.ymd().0);
            let source = part.sources.get(&year).unwrap_or(&part.source).clone();
            CalendarYear { code: year.to_string(), off: part.off, worked: part.worked, source }
        };
        self.by_year().into_iter().map(row).collect()
    }

    /// The calendar with these years instead of its own; else what is wrong with them, in Chinese.
    pub fn with_years(&self, rows: Vec<CalendarYear>) -> Result<Calendar, String> {
        let mut calendar = Calendar { source: self.source.clone(), ..Calendar::default() };
        for row in rows {
            let year = row.code.trim().parse().ok().filter(|year| YEARS.contains(year));
            let year = year.ok_or_else(|| format!("“{}”不是年份，应写作 2027", row.code))?;
            if let Some(day) = row.off.iter().chain(&row.worked).find(|day| day.ymd().0 != year) {
                return Err(format!("{day} 不在 {year} 年，请写在 {} 年的一行", day.ymd().0));
            }
            calendar.off.extend(row.off);
            calendar.worked.extend(row.worked);
            if row.source != calendar.source {
                calendar.sources.insert(year, row.source);
            }
        }
        Ok(calendar)
    }

    /// What keeps it from being published, in Chinese.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for day in &self.worked {
            if let Some(weekday) = WEEKDAYS.get(day.weekday() as usize) {
                faults.push(format!("{day} 是{weekday}，本来就上班，请从调休上班的日子里去掉"));
            }
            if self.off.contains(day) {
                faults.push(format!("{day} 既放假又上班，请去掉一处"));
            }
        }
        faults
    }

    /// The last day of a term of `days` working days that begins the day after `start`.
    pub fn deadline(&self, start: Day, days: u32) -> Day {
        let mut day = start;
        let mut left = days.min(DEADLINE_DAYS_MAX);
        // Half a year off in a row would be a broken calendar: then days count as they come.
        let mut idle = 0;
        while left > 0 {
            day = day.plus(1);
            idle = if self.is_working(day) || idle > 180 { 0 } else { idle + 1 };
            left -= u32::from(idle == 0);
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn working_days_know_weekends_holidays_and_make_up_days() {
        let calendar = sample().calendar;
        // May 2019: 1 to 4 off, Sunday 28 April and Sunday 5 May worked.
        assert_eq!(calendar.deadline(day("2019-04-26"), 1), day("2019-04-28"));
        assert_eq!(calendar.deadline(day("2019-04-30"), 1), day("2019-05-05"));
        assert_eq!(calendar.deadline(day("2019-05-29"), 3), day("2019-06-03"));
        assert_eq!(calendar.deadline(day("2019-05-29"), 0), day("2019-05-29"));
        assert_eq!(calendar.with_years(calendar.years()).as_ref(), Ok(&calendar));
        assert_eq!(calendar.faults(), [] as [&str; 0]);
        let broken = Calendar { off: (0..3_000).map(Day).collect(), ..Calendar::default() };
        assert!(broken.deadline(Day(0), 10) < Day(3_000), "a broken calendar ends");
    }
    #[test]
    fn a_year_has_its_own_rule_and_its_own_days() {
        let calendar = sample().calendar;
        let new = CalendarYear {
            code: "2027".into(),
            off: [day("2027-01-01"), day("2027-02-06")].into(),
            worked: [day("2027-02-14"), day("2027-02-16")].into(),
            source: "2027 年放假通知".into(),
        };
        let mut years = calendar.years();
        years.push(new.clone());
        let more = calendar.with_years(years).expect("reads");
        assert_eq!((more.years().last(), &more.source, more.sources.len()), (Some(&new), &calendar.source, 1));
        assert_eq!(more.faults(), ["2027-02-16 是星期二，本来就上班，请从调休上班的日子里去掉"]);
        let astray = CalendarYear { code: "2028".into(), ..new.clone() };
        let why = calendar.with_years(vec![astray]).expect_err("another year");
        assert_eq!(why, "2027-01-01 不在 2028 年，请写在 2027 年的一行");
        let nameless = CalendarYear { code: "明年".into(), ..new };
        assert_eq!(calendar.with_years(vec![nameless]).expect_err("no year"), "“明年”不是年份，应写作 2027");
    }
}
