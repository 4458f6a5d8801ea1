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
}

/// The longest deadline in working days; a longer one counts as this.
pub const DEADLINE_DAYS_MAX: u32 = 1_000;
/// Days of the calendar that are looked through at most.
const CALENDAR_DAYS_MAX: i32 = 2_000;

impl Calendar {
    /// Whether `day` is a working day (工作日).
    pub fn is_working(&self, day: Day) -> bool {
        self.worked.contains(&day) || (day.weekday() < 5 && !self.off.contains(&day))
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
        let empty = || Calendar { source: self.source.clone(), ..Calendar::default() };
        for day in &self.off {
            years.entry(day.ymd().0).or_insert_with(empty).off.insert(*day);
        }
        for day in &self.worked {
            years.entry(day.ymd().0).or_insert_with(empty).worked.insert(*day);
        }
        years.into_values().collect()
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
        let broken = Calendar { off: (0..3_000).map(Day).collect(), ..Calendar::default() };
        assert!(broken.deadline(Day(0), 10) < Day(3_000), "a broken calendar ends");
    }
}
