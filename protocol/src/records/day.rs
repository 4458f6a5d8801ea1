//! Days of the calendar, without hours and zones: what people write on a form.
//!
//! A [`Day`] counts from 1970-01-01, so that it can be stored small and counted with. Which days are working days
//! is a matter of the policy pack, see [`super::policy::Calendar`].

/// Days since 1970-01-01 (Gregorian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

impl Day {
    /// The day of a date that exists, years 1 to 9999.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        let in_month = match month {
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=9999).contains(&year) || day == 0 || day > in_month {
            return None;
        }
        // Years begin in March here, so that the leap day is the last (Howard Hinnant, days_from_civil).
        let (month, day) = (month as i32, day as i32);
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        Some(Day(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468))
    }

    /// From `YYYY-MM-DD`, nothing else.
    pub fn parse(text: &str) -> Option<Day> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            let part = text.get(range)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u32>().ok())?
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        Day::new(digits(0..4)? as i32, digits(5..7)?, digits(8..10)?)
    }

    /// Year, month, day.
    pub fn ymd(self) -> (i32, u32, u32) {
        let shifted = self.0.saturating_add(719_468);
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        (year, month as u32, day as u32)
    }

    /// 0 is Monday, 6 Sunday.
    pub fn weekday(self) -> u32 {
        (self.0.saturating_add(3)).rem_euclid(7) as u32
    }

    /// The same day of a later month, or the last day of that month when it has no such day.
    pub fn months_later(self, months: u32) -> Day {
        let (year, month, day) = self.ymd();
        let count = i64::from(year) * 12 + i64::from(month - 1) + i64::from(months);
        let (year, month) = (i32::try_from(count.div_euclid(12)).unwrap_or(i32::MAX), (count.rem_euclid(12) + 1) as u32);
        (1..=day).rev().find_map(|day| Day::new(year, month, day)).unwrap_or(Day(i32::MAX))
    }

    /// This many days later.
    pub fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl std::fmt::Debug for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = String::deserialize(deserializer)?;
        Day::parse(&text).ok_or_else(|| serde::de::Error::custom("no date YYYY-MM-DD"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_reads_back() {
        for number in -60_000..90_000 {
            let day = Day(number);
            assert_eq!(Day::parse(&day.to_string()), Some(day));
        }
        assert_eq!(Day::parse("1970-01-01"), Some(Day(0)));
        assert_eq!(Day::parse("2000-02-29").map(|d| d.0), Some(11_016));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2019-02-29",
            "1900-02-29",
            "2019-13-01",
            "2019-00-10",
            "2019-04-31",
            "0000-01-01",
            "2019-1-1",
            "2019/01/01",
            "+019-01-01",
            "",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_story_b_days_fall_on_the_right_weekdays() {
        assert_eq!(Day::parse("2019-05-16").map(Day::weekday), Some(3));
        assert_eq!(Day::parse("2019-05-29").map(Day::weekday), Some(2));
    }
}
