//! A cell, and what it says for a field: cleaned of what people and Excel put around it, or refused with a reason.
//!
//! What Excel may have spoiled without a trace is never taken: an identity or account number that it made a number
//! (it keeps 15 digits), a date that it made a number, a cell that shows an error.

use serde_json::Value;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::field::Form;
use shouwang_protocol::records::idno::{half_width, normalise};

/// Digits that Excel keeps of a number, as a power of ten.
const EXACT_MAX: f64 = 1e15;
/// Years that a date of a register can be in.
const YEARS: std::ops::RangeInclusive<i32> = 1850..=2199;

/// One cell.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A date as `YYYY-MM-DD`, and a time of day when there is one.
    Date(String, Option<String>),
    /// Yes or no.
    Flag(bool),
    /// An error that Excel shows.
    Error(String),
}

/// Characters that are there and not seen: byte order marks, direction marks, zero-width spaces.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\0')
}

/// A text on one line: pasted line breaks and runs of spaces become one space, between Chinese characters none.
pub(super) fn one_line(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    let mut out = String::with_capacity(kept.len());
    for word in kept.split_whitespace() {
        let narrow = |c: Option<char>| c.is_some_and(|c| c.is_ascii());
        if !out.is_empty() && (narrow(out.chars().last()) || narrow(word.chars().next())) {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Several lines, each without spaces around it.
fn lines(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    kept.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A number with the 15 digits that Excel keeps, without exponent.
fn decimal(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX {
        return format!("{number:.0}");
    }
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    format!("{rounded}")
}

/// The mark before a text that says: this is a text. It is no part of it.
fn unmark(text: &str) -> (&str, bool) {
    text.strip_prefix('\'').map_or((text, false), |rest| (rest, true))
}

impl Cell {
    /// As a header, or as a word.
    pub fn plain(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => one_line(unmark(text.trim_start()).0),
            Cell::Number(number) => decimal(*number),
            Cell::Date(day, None) => day.clone(),
            Cell::Date(day, Some(clock)) => format!("{day} {clock}"),
            Cell::Flag(flag) => if *flag { "是" } else { "否" }.to_owned(),
            Cell::Error(error) => error.clone(),
        }
    }

    /// For a column that no field is known for: as it came.
    pub(super) fn other(&self) -> Option<String> {
        let text = match self {
            Cell::Text(text) => lines(unmark(text.trim_start()).0),
            cell => cell.plain(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// For a field. `loose`: the cell comes from a file that has no types, where Excel's traces are gone.
    pub(super) fn value(&self, form: Form, name: &str, loose: bool) -> Result<Option<Value>, String> {
        if let Cell::Error(error) = self {
            return Err(format!("单元格显示错误 {error}，请改正后再导入"));
        }
        let plain = self.plain();
        if plain.contains('\u{fffd}') {
            return Err("有读不出的字符：文件编码不对，请另存为 UTF-8 或 GB18030 后再导入".to_owned());
        }
        if plain.is_empty() {
            return Ok(None);
        }
        let text = match form {
            Form::IdNo | Form::Digits => self.digits(form, &plain, loose)?,
            Form::Day => self.day(&plain)?,
            Form::Money | Form::Measure | Form::Whole => number(&plain),
            Form::Flag => match plain.as_str() {
                "√" | "✓" | "有" | "已参保" | "参保" | "Y" | "y" => "是".to_owned(),
                "×" | "无" | "未参保" | "N" | "n" => "否".to_owned(),
                other => other.to_owned(),
            },
            Form::Word(_) => plain,
            Form::Text if matches!(name, "remark" | "note") => match self.other() {
                Some(text) => text,
                None => return Ok(None),
            },
            Form::Text => match self {
                Cell::Number(number) if number.abs() >= EXACT_MAX => {
                    return Err("Excel 把它当成了数字，15 位以后已经丢失：请把这一列设为“文本”格式后重新填写".to_owned());
                }
                _ => plain,
            },
            Form::Moment => plain,
        };
        Ok(Some(text.into()))
    }

    fn digits(&self, form: Form, plain: &str, loose: bool) -> Result<String, String> {
        let what = if form == Form::IdNo { "身份证号" } else { "号码" };
        let lost =
            || Err(format!("{what}被 Excel 当成了数字，15 位以后已经丢失：请把这一列设为“文本”格式，照原件重新填写后再导入"));
        match self {
            Cell::Number(number) if number.abs() >= EXACT_MAX || number.fract() != 0.0 => return lost(),
            Cell::Date(..) | Cell::Flag(_) => return Err(format!("{what}的格式不对")),
            _ => {}
        }
        let number = normalise(plain);
        // 3.20582E+17 is what Excel writes to a .csv.
        let exponent = number.split_once('E').is_some_and(|(digits, power)| {
            digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && power.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit())
        });
        if exponent {
            return lost();
        }
        let marked = matches!(self, Cell::Text(text) if unmark(text.trim_start()).1);
        let zeros = |count: usize| number.len() == 15 + count && number.ends_with(&"0".repeat(count));
        if loose && !marked && number.bytes().all(|b| b.is_ascii_digit()) && (2..=4).any(zeros) {
            return Err(format!(
                "{what}以几个 0 结尾，很可能是被 Excel 当成数字后丢了末几位：请照原件核对；若确实如此，在号码前加一个英文单引号 ' 再导入"
            ));
        }
        Ok(if form == Form::IdNo { number } else { plain.to_owned() })
    }

    fn day(&self, plain: &str) -> Result<String, String> {
        match self {
            Cell::Date(day, _) => real(day),
            Cell::Number(number) if number.fract() != 0.0 || !(YEARS.contains(&(*number as i32)) || *number > 1e5) => {
                Err("这是数字，不是日期：请把这一列设为日期格式，或写成 2019-05-29 的样子".to_owned())
            }
            _ => real(plain),
        }
    }
}

/// A date that exists; what is no complete date stays as it is written.
fn real(text: &str) -> Result<String, String> {
    let plain = half_width(text);
    let plain = plain.split_once([' ', 'T']).map_or(plain.as_str(), |(day, _)| day);
    let parts: Vec<&str> = plain.split(['-', '/', '.', '年', '月', '日', '号']).filter(|part| !part.is_empty()).collect();
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| number(part)).collect();
    let made = match (numbers.as_deref(), parts.as_slice()) {
        (Some([year, month, day]), [first, ..]) if first.len() == 4 => Day::new(*year as i32, *month, *day),
        (Some([_, _, _]), [.., last]) if last.len() == 4 => {
            return Err("看不出哪个是年、月、日：请写成 2019-05-29 的样子".to_owned());
        }
        (Some([whole]), [only]) if only.len() == 8 => Day::new((whole / 10_000) as i32, whole / 100 % 100, whole % 100),
        _ => return Ok(text.to_owned()),
    };
    let day = made.ok_or("没有这一天，请核对日期")?;
    if YEARS.contains(&day.ymd().0) { Ok(day.to_string()) } else { Err("年份不合情理，请核对日期".to_owned()) }
}

/// An amount without what people write around it.
fn number(text: &str) -> String {
    let plain: String =
        half_width(text).chars().filter(|c| !c.is_whitespace() && !matches!(c, ',' | '，' | '¥' | '￥')).collect();
    let units = ["元", "亩", "平方米", "㎡", "m²", "m2", "次"];
    units.iter().find_map(|unit| plain.strip_suffix(unit)).unwrap_or(&plain).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn taken(cell: &Cell, form: Form) -> Result<String, String> {
        cell.value(form, "", true).map(|value| value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default())
    }

    #[test]
    fn pasted_spaces_and_line_breaks_go_and_words_stay_apart() {
        for (written, meant) in [
            ("张　三", "张三"),
            ("  李\r\n四 ", "李四"),
            ("Anna \n Maria", "Anna Maria"),
            ("阿卜杜拉·买买提", "阿卜杜拉·买买提"),
            ("\u{feff}\u{200b}𠮷田", "𠮷田"),
            ("永安路 12 号", "永安路 12 号"),
        ] {
            assert_eq!(text(written).plain(), meant);
        }
    }

    #[test]
    fn a_number_that_excel_spoiled_is_refused_and_says_so() {
        for cell in [Cell::Number(320_582_198_001_010_000.0), text("3.20582E+17"), text("3.20582198001010E+017")] {
            assert!(taken(&cell, Form::IdNo).expect_err("refused").contains("Excel"), "{cell:?}");
        }
        assert!(taken(&text("320582198001010000"), Form::IdNo).expect_err("refused").contains("单引号"));
        assert_eq!(taken(&text("'320582198001010000"), Form::IdNo), Ok("320582198001010000".to_owned()), "marked as text");
        assert!(taken(&Cell::Number(6_217_748_875_587_160_000.0), Form::Digits).expect_err("refused").contains("Excel"));
        assert_eq!(taken(&Cell::Number(13_800_001_111.0), Form::Digits), Ok("13800001111".to_owned()));
        assert_eq!(
            taken(&Cell::Number(340_524_800_101_001.0), Form::IdNo),
            Ok("340524800101001".to_owned()),
            "15 digits are exact"
        );
        assert_eq!(taken(&text("３４０５２４１９８００１０１００１ｘ"), Form::IdNo), Ok("34052419800101001X".to_owned()));
    }

    #[test]
    fn dates_in_every_notation_and_days_that_do_not_exist() {
        for written in
            ["1980-1-5", "1980/01/05", "1980.1.5", "1980年1月5日", "19800105", "１９８０－１－５", "1980-01-05 00:00:00"]
        {
            assert_eq!(taken(&text(written), Form::Day), Ok("1980-01-05".to_owned()), "{written}");
        }
        assert_eq!(taken(&Cell::Date("1980-01-05".into(), None), Form::Day), Ok("1980-01-05".to_owned()));
        assert_eq!(taken(&Cell::Number(19_800_105.0), Form::Day), Ok("1980-01-05".to_owned()));
        for vague in ["1953年", "1953", "不详"] {
            assert_eq!(taken(&text(vague), Form::Day), Ok(vague.to_owned()), "kept as it is");
        }
        for wrong in ["1980-02-30", "19801301", "2980-01-01", "1/5/1980"] {
            assert!(taken(&text(wrong), Form::Day).is_err(), "{wrong}");
        }
        assert!(taken(&Cell::Number(29_221.0), Form::Day).expect_err("refused").contains("不是日期"));
    }

    #[test]
    fn amounts_without_what_people_write_around_them() {
        for (written, meant) in
            [("¥1,234.50元", "1234.50"), ("１２００", "1200"), ("12 000", "12000"), ("-5", "-5"), ("1.2万", "1.2万")]
        {
            assert_eq!(taken(&text(written), Form::Money), Ok(meant.to_owned()));
        }
        assert_eq!(taken(&Cell::Number(1_234.560_000_000_000_1), Form::Money), Ok("1234.56".to_owned()));
        assert!(taken(&Cell::Error("#N/A".into()), Form::Money).expect_err("refused").contains("#N/A"));
        assert!(taken(&text("张\u{fffd}"), Form::Text).expect_err("refused").contains("编码"));
    }
}
