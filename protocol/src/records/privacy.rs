//! What may stand on paper that everybody reads: names with their middle hidden, and free text without a trace of a
//! number or an illness.
//!
//! [`leak`] refuses rather than repairs: whoever wrote the text is told what must go. It looks at digits without the
//! spaces and hyphens people put between them, in half and full width. It errs on the safe side, so a place called
//! 康复医院 has to be described by its street. The words are those of 民发〔2021〕57号 art. 24 (nothing that is irrelevant
//! to the assistance) and of the law on mental health, art. 4.

use super::idno::{half_width, normalise};

/// Digits in a row that may be a telephone, identity or account number.
const NUMBER_DIGITS: usize = 7;

/// Digits from which a household's own number is looked for in a text.
pub const OWN_DIGITS_MIN: usize = 5;

/// Digits as people write them out, twice for the two ways to write nought.
const HAN_DIGITS: [char; 11] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九', '零'];

/// Words about health. 病 and 残 stand for all that are made of them.
const ILLNESS: [&str; 29] = [
    "病",
    "残",
    "癌",
    "瘤",
    "艾滋",
    "HIV",
    "肝炎",
    "结核",
    "梅毒",
    "精神",
    "抑郁",
    "躁狂",
    "自闭",
    "孤独症",
    "痴呆",
    "智力",
    "智障",
    "瘫",
    "失能",
    "失明",
    "失聪",
    "聋",
    "哑",
    "透析",
    "化疗",
    "手术",
    "住院",
    "确诊",
    "康复",
];

/// Why a text must not be put up, in Chinese; none: it may.
pub fn leak(text: &str) -> Option<&'static str> {
    let plain = half_width(text);
    let mut run = String::new();
    for c in plain.chars().chain(std::iter::once('，')) {
        // 一三八… is a number too.
        let c = HAN_DIGITS.iter().position(|digit| *digit == c).map_or(c, |at| char::from(b'0' + (at % 10) as u8));
        match c {
            '0'..='9' => run.push(c),
            // What people put between the parts of a number.
            'x' | 'X' if run.len() == 17 => run.push('X'),
            '-' | '.' | '—' | '_' | '·' => {}
            c if c.is_whitespace() => {}
            c if c.is_numeric() => return Some("不得写别种写法的数字"),
            _ if run.len() == 15 || run.len() == 18 => return Some("不得写身份证号"),
            _ if run.len() == 11 && run.starts_with('1') => return Some("不得写电话号码"),
            _ if run.len() >= NUMBER_DIGITS => return Some("不得写电话、账号一类的号码"),
            _ => run.clear(),
        }
    }
    let upper = plain.to_uppercase();
    ILLNESS.iter().any(|word| upper.contains(word)).then_some("不得写病情、残疾等健康情况")
}

/// Whether a text holds one of the numbers, however it is spaced.
pub fn holds(text: &str, numbers: &[String]) -> bool {
    let text = normalise(text);
    numbers.iter().any(|number| text.contains(&normalise(number)))
}

/// A name as it is put up: 张三 is 张*, 张三丰 is 张*丰.
pub fn masked_name(name: &str) -> String {
    let letters: Vec<char> = name.trim().chars().collect();
    match letters.as_slice() {
        [] => String::new(),
        [_] => "*".to_owned(),
        [first, _] => format!("{first}*"),
        [first, hidden @ .., last] => format!("{first}{}{last}", "*".repeat(hidden.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_their_ends_only() {
        let all = ["张三", " 张三丰 ", "欧阳娜娜", "阿卜杜拉·买买提", "赵", ""].map(masked_name);
        assert_eq!(all, ["张*", "张*丰", "欧**娜", "阿******提", "*", ""]);
    }

    #[test]
    fn numbers_and_illness_are_refused_however_they_are_written() {
        for (text, why) in [
            ("公开栏 34052419800101001X", "不得写身份证号"),
            ("３４０５２４ 19800101 001x", "不得写身份证号"),
            ("电话138-0000-0000", "不得写电话号码"),
            ("账号 6217 0000 1111 2222", "不得写电话、账号一类的号码"),
            ("电话 0512-5672-9800", "不得写电话、账号一类的号码"),
            ("手机一三八零零零〇〇〇〇〇", "不得写电话号码"),
            ("二〇一九年公开栏", ""),
            ("手机①③⑧", "不得写别种写法的数字"),
            ("癌症患者家门口", "不得写病情、残疾等健康情况"),
            ("村精神文明栏", "不得写病情、残疾等健康情况"),
            ("hiv", "不得写病情、残疾等健康情况"),
            ("甲村3组公开栏（2019年）", ""),
        ] {
            assert_eq!(leak(text).unwrap_or_default(), why, "{text}");
        }
    }
}
