//! What the application form (申请表) of a kind asks besides what every application says.

use crate::records::amount::Fen;
use crate::records::day::Day;
use serde::{Deserialize, Serialize};

/// Characters of an answer.
const ANSWER_CHARS_MAX: usize = 200;

/// What an answer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// A line of text.
    #[default]
    Text,
    /// A whole number.
    Number,
    /// Money, typed in yuan.
    Yuan,
    /// A day: 2026-01-31.
    Day,
    /// One of the choices.
    Choice,
}

impl Holds {
    /// All of them: word, on screens.
    pub const WORDS: &[(&str, &str)] =
        &[("text", "文字"), ("number", "整数"), ("yuan", "金额(元)"), ("day", "日期"), ("choice", "选一项")];
}

/// One question of the form.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Question {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The kinds of assistance that ask it (codes).
    pub kinds: Vec<String>,
    /// What the answer is.
    #[serde(default)]
    pub holds: Holds,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it must be answered before pre-examination finds for the family.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needed: bool,
    /// A word of help.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

impl Question {
    /// What was typed, as it is kept; empty: no answer. The error is for the person who typed.
    pub fn read(&self, typed: &str) -> Result<String, String> {
        let text = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Ok(text);
        }
        if text.chars().count() > ANSWER_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(format!("“{}”过长或含有不能用的字符，最多 {ANSWER_CHARS_MAX} 字", self.name));
        }
        let read = match self.holds {
            Holds::Text => Some(text),
            Holds::Number => text.parse::<u32>().ok().map(|number| number.to_string()),
            Holds::Yuan => Fen::parse_yuan(&text).filter(|fen| fen.0 >= 0).map(|fen| fen.to_string()),
            Holds::Day => Day::parse(&text).map(|day| day.to_string()),
            Holds::Choice => Some(text).filter(|text| self.choices.contains(text)),
        };
        let wanted = match self.holds {
            Holds::Text => "应为文字",
            Holds::Number => "应为整数",
            Holds::Yuan => "应为不小于零的金额，最多两位小数",
            Holds::Day => "应为 2026-01-31 这样的日期",
            Holds::Choice => "须从所列的选项中选择",
        };
        read.ok_or_else(|| format!("“{}”{wanted}", self.name))
    }

    /// What is wrong with it, apart from its kinds.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut unless = |so: bool, what: &str| {
            if !so {
                faults.push(what.to_owned())
            }
        };
        unless(!self.name.trim().is_empty(), "没有名称");
        unless(!self.kinds.is_empty(), "没有写明哪些救助种类要填");
        unless(!self.source.trim().is_empty(), "没有写明依据");
        match self.holds {
            Holds::Choice => unless(self.choices.len() >= 2, "选一项的至少有两个选项"),
            _ => unless(self.choices.is_empty(), "只有选一项的才有选项"),
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_its_question_asks_for() {
        let question =
            |holds| Question {
                name: "问".into(), holds, choices: vec!["急难型".into(), "支出型".into()], ..Question::default()
            };
        let read = |holds, typed: &str| question(holds).read(typed);
        assert_eq!(read(Holds::Text, "  市一中\n高一 "), Ok("市一中 高一".into()));
        assert_eq!((read(Holds::Number, "12"), read(Holds::Number, "").as_deref()), (Ok("12".into()), Ok("")));
        assert_eq!(read(Holds::Number, "-1"), Err("“问”应为整数".into()));
        assert_eq!(read(Holds::Yuan, "1500"), Ok("1500.00".into()));
        assert_eq!(read(Holds::Yuan, "-3"), Err("“问”应为不小于零的金额，最多两位小数".into()));
        assert_eq!(read(Holds::Day, "2026-02-30"), Err("“问”应为 2026-01-31 这样的日期".into()));
        assert_eq!(read(Holds::Choice, "支出型"), Ok("支出型".into()));
        assert_eq!(read(Holds::Choice, "别的"), Err("“问”须从所列的选项中选择".into()));
        assert!(read(Holds::Text, &"长".repeat(201)).is_err());
    }
}
