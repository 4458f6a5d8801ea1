//! Citizen identity numbers (公民身份号码, GB 11643-1999), parsed once.
//!
//! 18 characters: 6 of the area of first registration (which says nothing about today's), 8 of birth, 3 of sequence
//! (odd for a man), 1 check character. 15-digit numbers of the first generation are accepted as they are. Never put
//! a full number into an error, a log line or a list for the public: use [`IdNo::masked`].

use super::day::Day;

/// A number whose form, birth date and check character are right.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdNo(String);

/// Male or female, as the number says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    /// The Chinese word.
    pub fn word(self) -> &'static str {
        match self {
            Sex::Male => "男",
            Sex::Female => "女",
        }
    }
}

/// Why a text is no identity number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdNoError {
    /// Neither 18 nor 15 characters.
    #[error("身份证号应为18位（或老式15位）")]
    Length,
    /// Something that is no digit.
    #[error("身份证号含有不允许的字符")]
    Character,
    /// A birth date that does not exist.
    #[error("身份证号中的出生日期无效")]
    Birth,
    /// The last character does not fit.
    #[error("身份证号校验位错误")]
    Check,
}

/// Full-width letters, digits and signs become their ASCII forms.
pub fn half_width(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    };
    text.chars().map(narrow).collect()
}

/// A number as it should be written: half width, capital X, without spaces and hyphens.
pub fn normalise(text: &str) -> String {
    let kept = half_width(text).chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>();
    kept.to_ascii_uppercase()
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";

/// The check character of 17 digits.
fn check(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum();
    CHECKS[(sum % 11) as usize]
}

impl IdNo {
    /// Reads a number as people and files write it.
    pub fn parse(text: &str) -> Result<IdNo, IdNoError> {
        let number = normalise(text);
        let bytes = number.as_bytes();
        let digits = match bytes.len() {
            18 => &bytes[..17],
            15 => bytes,
            _ => return Err(IdNoError::Length),
        };
        if !digits.iter().all(u8::is_ascii_digit) || !matches!(bytes.last(), Some(b'0'..=b'9' | b'X')) {
            return Err(IdNoError::Character);
        }
        if bytes.len() == 18 && check(digits) != bytes[17] {
            return Err(IdNoError::Check);
        }
        let parsed = IdNo(number);
        if parsed.read_birth().is_none() { Err(IdNoError::Birth) } else { Ok(parsed) }
    }

    fn digits(&self, range: std::ops::Range<usize>) -> u32 {
        self.0.get(range).and_then(|part| part.parse().ok()).unwrap_or_default()
    }

    fn read_birth(&self) -> Option<Day> {
        match self.0.len() {
            18 => Day::new(self.digits(6..10) as i32, self.digits(10..12), self.digits(12..14)).filter(|day| day.ymd().0 >= 1850),
            _ => Day::new(1900 + self.digits(6..8) as i32, self.digits(8..10), self.digits(10..12)),
        }
    }

    /// The birth date.
    pub fn birth(&self) -> Day {
        self.read_birth().unwrap_or_default()
    }

    /// The sex: odd sequence numbers are men's.
    pub fn sex(&self) -> Sex {
        let sequence = if self.0.len() == 18 { self.digits(14..17) } else { self.digits(12..15) };
        if sequence % 2 == 1 { Sex::Male } else { Sex::Female }
    }

    /// The first three and the last four characters, for lists and screens.
    pub fn masked(&self) -> String {
        masked(&self.0)
    }

    /// The 18-character form; a 15-digit number gets its century and check character. For comparing persons.
    pub fn long(&self) -> String {
        if self.0.len() == 18 {
            return self.0.clone();
        }
        let mut long = format!("{}19{}", &self.0[..6], &self.0[6..]);
        long.push(char::from(check(long.as_bytes())));
        long
    }

    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Area, birth and sequence of an 18-character number: everything but what follows from them.
    pub(crate) fn parts(&self) -> Option<(u32, Day, u32)> {
        (self.0.len() == 18).then(|| (self.digits(0..6), self.birth(), self.digits(14..17)))
    }

    /// The inverse of [`IdNo::parts`].
    pub(crate) fn from_parts(area: u32, birth: Day, sequence: u32) -> Option<IdNo> {
        let (year, month, day) = birth.ymd();
        let mut number = format!("{area:06}{year:04}{month:02}{day:02}{sequence:03}");
        number.push(char::from(check(number.as_bytes())));
        IdNo::parse(&number).ok()
    }
}

/// The masked form of any text in an identity number's place: `320***********1234`.
pub fn masked(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    if chars.len() < 8 {
        return "*".repeat(chars.len());
    }
    let shown = |i: usize| i < 3 || i + 4 >= chars.len();
    chars.iter().enumerate().map(|(i, c)| if shown(i) { *c } else { '*' }).collect()
}

impl std::fmt::Debug for IdNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdNo({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_domain_page() {
        for (number, birth, sex) in [
            ("34052419800101001X", "1980-01-01", Sex::Male),
            ("11010519491231002X", "1949-12-31", Sex::Female),
            ("440524188001010014", "1880-01-01", Sex::Male),
            ("370101190102039973", "1901-02-03", Sex::Male),
        ] {
            let id = IdNo::parse(number).expect("right");
            assert_eq!((id.birth().to_string().as_str(), id.sex(), id.as_str()), (birth, sex, number));
            let (area, day, sequence) = id.parts().expect("18");
            assert_eq!(IdNo::from_parts(area, day, sequence), Some(id));
        }
    }

    #[test]
    fn every_way_of_writing_the_same_number() {
        let plain = IdNo::parse("34052419800101001X").expect("right");
        for text in [
            "34052419800101001x",
            "３４０５２４１９８００１０１００１Ｘ",
            "３４０５２４１９８００１０１００１ｘ",
            " 340524 19800101 001X\u{3000}",
            "340524-19800101-001x",
        ] {
            assert_eq!(IdNo::parse(text).as_ref(), Ok(&plain), "{text}");
        }
        assert_eq!(plain.masked(), "340***********001X");
        assert_eq!(format!("{plain:?}"), "IdNo(340***********001X)");
    }

    #[test]
    fn fifteen_digits_are_accepted_and_compare_with_eighteen() {
        let old = IdNo::parse("340524800101001").expect("right");
        assert_eq!(old.birth().to_string(), "1980-01-01");
        assert_eq!(old.sex(), Sex::Male);
        assert_eq!(old.long(), "34052419800101001X");
    }

    #[test]
    fn wrong_numbers_are_refused_for_the_right_reason() {
        for (number, error) in [
            ("", IdNoError::Length),
            ("3405241980010100", IdNoError::Length),
            ("340524198001010011", IdNoError::Check),
            ("34052419800101001Y", IdNoError::Character),
            ("34052419x00101001X", IdNoError::Character),
            ("340524800230001", IdNoError::Birth),
        ] {
            assert_eq!(IdNo::parse(number), Err(error), "{number}");
        }
        let wrong_day = "34052419800230001";
        let number = format!("{wrong_day}{}", char::from(check(wrong_day.as_bytes())));
        assert_eq!(IdNo::parse(&number), Err(IdNoError::Birth));
    }
}
