//! How the fields of the household file are stored: one table row a field, one form a kind of value.
//!
//! A [`Form`] turns what people and files write into the smallest scalar that reads back to the same value: money as
//! fen, days as day numbers, identity and account numbers without what can be computed. Whatever does not fit its
//! form but does no harm is kept as it came; whatever money or identity would be computed from is refused. Nested
//! values of unknown fields are kept as bytes of JSON text.

use super::amount::{Fen, Hundredths, hundredths, json_number};
use super::day::Day;
use super::idno::{IdNo, half_width, normalise};
use super::{Problem, text_of};
use automerge::ScalarValue;
use serde_json::{Map, Value};

/// A field of a record: its name in the file and in the record, its name on screens, its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The name in files, records and interfaces.
    pub name: &'static str,
    /// The Chinese name on screens and table headers.
    pub label: &'static str,
    /// What values it takes.
    pub form: Form,
    /// Whether money or identity depends on it, so that a conflict blocks decisions.
    pub blocks: bool,
}

/// What values a field takes and how they are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Any scalar, as it comes.
    Text,
    /// A word that is mostly one of a list, see [`super::words`].
    Word(&'static [&'static str]),
    /// A telephone or account number: digits.
    Digits,
    /// A citizen identity number.
    IdNo,
    /// A date.
    Day,
    /// A date and time of day, in UTC.
    Moment,
    /// Yuan in files, fen in records.
    Money,
    /// A measure with at most two decimals.
    Measure,
    /// A whole number.
    Whole,
    /// Yes or no.
    Flag,
}

/// The greatest amount a household file may name, in fen.
pub const AMOUNT_MAX: Fen = Fen(10_000_000_000);

/// The greatest measure in hundredths that reads back from a JSON number digit by digit.
const MEASURE_MAX: i64 = 1_000_000_000_000_000;

/// The first birth date that fits a packed identity number.
const FIRST_BIRTH: i32 = -32_872; // 1880-01-01

/// The scalar a value is stored as; none when there is no value. The error is a reason in Chinese.
pub fn encode(form: Form, value: &Value) -> Result<Option<ScalarValue>, &'static str> {
    if value.is_array() || value.is_object() {
        return Err("类型不对：应为单个值");
    }
    if value.is_null() {
        return Ok(None);
    }
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let plain = half_width(&text).trim().to_owned();
    let number = || match value {
        Value::Bool(_) => Err("类型不对：应为数字"),
        _ => hundredths(&plain).ok_or("应为数字，最多两位小数"),
    };
    Ok(Some(match form {
        Form::Text => encode_any(value),
        Form::Word(list) => match list.iter().position(|word| *word == text) {
            Some(place) => ScalarValue::Uint(place as u64),
            None => str_of(&text),
        },
        Form::Money | Form::Measure | Form::Whole | Form::Flag if plain.is_empty() => return Ok(None),
        Form::Digits => digits(&plain),
        Form::IdNo => pack(&text),
        Form::Day => Day::parse(&plain).map_or_else(|| str_of(&text), |day| ScalarValue::Int(i64::from(day.0))),
        Form::Moment => moment(&plain).map_or_else(|| str_of(&text), ScalarValue::Int),
        Form::Money => match number()? {
            ..0 => return Err("金额不能为负"),
            fen if fen > AMOUNT_MAX.0 => return Err("金额过大"),
            fen => ScalarValue::Int(fen),
        },
        Form::Measure => match (number(), value) {
            (Ok(measure), _) if measure.abs() <= MEASURE_MAX => ScalarValue::Int(measure),
            (_, Value::Number(exact)) => exact.as_f64().map_or_else(|| str_of(&text), ScalarValue::F64),
            (Ok(_), _) => return Err("数值过大"),
            (Err(reason), _) => return Err(reason),
        },
        Form::Whole => match number()? {
            whole if whole % 100 == 0 => ScalarValue::Int(whole / 100),
            _ => return Err("应为整数"),
        },
        Form::Flag => match plain.as_str() {
            "true" | "是" | "1" => ScalarValue::Boolean(true),
            "false" | "否" | "0" => ScalarValue::Boolean(false),
            _ => return Err("应为是或否"),
        },
    }))
}

/// The value a stored scalar stands for, as the household file writes it.
pub fn decode(form: Form, value: &ScalarValue) -> Value {
    let day = |number: i64| i32::try_from(number).ok().map(|number| Day(number).to_string());
    let read = match (form, value) {
        (Form::Word(list), ScalarValue::Uint(place)) => {
            let word = usize::try_from(*place).ok().and_then(|place| list.get(place));
            Some(word.map_or_else(|| format!("（新词{place}）"), |word| (*word).to_owned()).into())
        }
        (Form::Digits, ScalarValue::Uint(number)) => Some(number.to_string().into()),
        (Form::IdNo, ScalarValue::Bytes(bytes)) => unpack(bytes).map(|id| id.as_str().into()),
        (Form::Day, ScalarValue::Int(number)) => day(*number).map(Value::from),
        (Form::Moment, ScalarValue::Int(seconds)) => day(seconds.div_euclid(86_400)).map(|day| {
            let of_day = seconds.rem_euclid(86_400);
            format!("{day}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60).into()
        }),
        (Form::Money | Form::Measure, ScalarValue::Int(number)) => Some(json_number(*number)),
        _ => None,
    };
    read.unwrap_or_else(|| decode_any(value))
}

/// A value of a field this version does not know.
pub(crate) fn encode_any(value: &Value) -> ScalarValue {
    match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(flag) => ScalarValue::Boolean(*flag),
        Value::String(text) => str_of(text),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => ScalarValue::Int(whole),
            (_, Some(whole), _) => ScalarValue::Uint(whole),
            (_, _, Some(float)) => ScalarValue::F64(float),
            _ => str_of(&number.to_string()),
        },
        nested => ScalarValue::Bytes(nested.to_string().into_bytes()),
    }
}

fn decode_any(value: &ScalarValue) -> Value {
    match value {
        ScalarValue::Null => Value::Null,
        ScalarValue::Boolean(flag) => (*flag).into(),
        ScalarValue::Int(number) => (*number).into(),
        ScalarValue::Uint(number) => (*number).into(),
        ScalarValue::F64(number) => (*number).into(),
        ScalarValue::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or_else(|_| text_of(value).into()),
        other => text_of(other).into(),
    }
}

fn str_of(text: &str) -> ScalarValue {
    ScalarValue::Str(text.into())
}

/// Digits as a number, when they read back the same.
fn digits(plain: &str) -> ScalarValue {
    let kept: String = plain.chars().filter(|c| !c.is_whitespace()).collect();
    match kept.parse::<u64>() {
        Ok(number) if number.to_string() == kept => ScalarValue::Uint(number),
        _ => str_of(&kept),
    }
}

/// Seven bytes: area, birth (days since 1880), sequence. Where it does not fit, the number as text.
fn pack(text: &str) -> ScalarValue {
    let whole = || str_of(&normalise(text));
    let Some((area, birth, sequence)) = IdNo::parse(text).ok().and_then(|id| id.parts()) else { return whole() };
    let Ok(days) = u16::try_from(birth.0 - FIRST_BIRTH) else { return whole() };
    let [_, a, b, c] = area.to_be_bytes();
    let [d, e] = days.to_be_bytes();
    let [_, _, f, g] = sequence.to_be_bytes();
    ScalarValue::Bytes(vec![a, b, c, d, e, f, g])
}

fn unpack(bytes: &[u8]) -> Option<IdNo> {
    let [a, b, c, d, e, f, g] = *bytes else { return None };
    let birth = Day(i32::from(u16::from_be_bytes([d, e])) + FIRST_BIRTH);
    IdNo::from_parts(u32::from_be_bytes([0, a, b, c]), birth, u32::from(u16::from_be_bytes([f, g])))
}

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SSZ`, nothing else.
fn moment(text: &str) -> Option<i64> {
    let day = Day::parse(text.get(..10)?)?;
    let clock = text.get(10..)?.strip_prefix('T')?.strip_suffix('Z')?;
    let mut parts = clock.split(':').map(|part| match part.len() {
        2 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse::<i64>().ok(),
        _ => None,
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let exists = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    exists.then(|| i64::from(day.0) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// The field of that name.
pub fn find<'a>(table: &'a [Field], name: &str) -> Option<&'a Field> {
    table.iter().find(|field| field.name == name)
}

/// The scalar for a field of `table`; an unknown field is kept as it comes.
pub(crate) fn encode_in(table: &[Field], name: &str, value: &Value) -> Result<Option<ScalarValue>, &'static str> {
    let scalar = match find(table, name) {
        Some(field) => encode(field.form, value)?,
        None => Some(encode_any(value)),
    };
    let bytes = match &scalar {
        Some(ScalarValue::Str(text)) => text.len(),
        Some(ScalarValue::Bytes(bytes)) => bytes.len(),
        _ => 0,
    };
    if bytes > crate::limits::STRING_BYTES_MAX { Err("内容过长") } else { Ok(scalar) }
}

/// The value of a field of `table`.
pub(crate) fn decode_in(table: &[Field], name: &str, value: &ScalarValue) -> Value {
    find(table, name).map_or_else(|| decode_any(value), |field| decode(field.form, value))
}

/// A typed value in a view, from the value in the file; none when it cannot be that type.
pub(crate) trait Typed: Sized + Default {
    /// Reads it.
    fn from_json(value: &Value) -> Option<Self>;
}

impl Typed for String {
    fn from_json(value: &Value) -> Option<String> {
        Some(json_text(value))
    }
}

impl Typed for Option<Fen> {
    fn from_json(value: &Value) -> Option<Option<Fen>> {
        Typed::from_json(value).map(|number: Option<Hundredths>| number.map(|number| Fen(number.0)))
    }
}

impl Typed for Option<Hundredths> {
    fn from_json(value: &Value) -> Option<Option<Hundredths>> {
        match value {
            Value::Null => Some(None),
            Value::Number(number) => hundredths(&number.to_string()).map(|number| Some(Hundredths(number))),
            _ => None,
        }
    }
}

impl Typed for Option<i64> {
    fn from_json(value: &Value) -> Option<Option<i64>> {
        if value.is_null() { Some(None) } else { value.as_i64().map(Some) }
    }
}

impl Typed for Option<bool> {
    fn from_json(value: &Value) -> Option<Option<bool>> {
        if value.is_null() { Some(None) } else { value.as_bool().map(Some) }
    }
}

impl Typed for Option<Day> {
    fn from_json(value: &Value) -> Option<Option<Day>> {
        match value {
            Value::Null => Some(None),
            Value::String(text) if text.is_empty() => Some(None),
            Value::String(text) => Day::parse(text).map(Some),
            _ => None,
        }
    }
}

/// A JSON value as people read it.
pub(crate) fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(flag) => if *flag { "是" } else { "否" }.to_owned(),
        other => other.to_string(),
    }
}

/// One typed value out of a row of the file; an unreadable one is told and left at its default.
pub(crate) fn typed<T: Typed>(json: &Map<String, Value>, prefix: &str, name: &str, problems: &mut Vec<Problem>) -> T {
    let Some(value) = json.get(name) else { return T::default() };
    T::from_json(value).unwrap_or_else(|| {
        problems.push(Problem::new(format!("{prefix}{name}"), "内容与字段类型不符"));
        T::default()
    })
}

/// Declares a typed view of a row of the household file together with its table of fields.
macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $table:ident {
        $($field:ident $(= $file:literal)?: $kind:ty, $form:expr, $label:literal $(, $blocks:ident)?;)*
    } and { $($(#[$more_doc:meta])* $more:ident: $more_kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Default, serde::Serialize)]
        pub struct $name {
            $(#[doc = $label] pub $field: $kind,)*
            /// Fields that are not in the table, as text; shown under 其他.
            pub other: std::collections::BTreeMap<String, String>,
            /// The row as the household file writes it.
            #[serde(skip)]
            pub(crate) json: serde_json::Map<String, serde_json::Value>,
            $($(#[$more_doc])* pub $more: $more_kind,)*
        }

        #[doc = concat!("The fields of a [`", stringify!($name), "`], in the order of forms.")]
        pub const $table: &[$crate::records::field::Field] = &[$($crate::records::field::Field {
            name: $crate::records::field::file_name!($field $($file)?),
            label: $label,
            form: { use $crate::records::field::Form::*; #[allow(unused_imports)] use $crate::records::words; $form },
            blocks: $crate::records::field::marked(stringify!($($blocks)?)),
        }),*];

        impl $name {
            /// The typed view of a row; `prefix` names the row in problems.
            pub(crate) fn of(
                json: serde_json::Map<String, serde_json::Value>,
                prefix: &str,
                problems: &mut Vec<$crate::records::Problem>,
            ) -> $name {
                let unknown = json.iter().filter(|(name, _)| $crate::records::field::find($table, name).is_none());
                $name {
                    $($field: $crate::records::field::typed(&json, prefix, $crate::records::field::file_name!($field $($file)?), problems),)*
                    other: unknown.map(|(name, value)| (name.clone(), $crate::records::field::json_text(value))).collect(),
                    json,
                    $($more: Default::default(),)*
                }
            }
        }
    };
}
pub(crate) use form;

/// The name of a field in files and records, where a Rust word stands in the way of its own.
macro_rules! file_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $file:literal) => {
        $file
    };
}
pub(crate) use file_name;

/// Whether a row of the table carries the mark.
pub(crate) const fn marked(mark: &str) -> bool {
    !mark.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(form: Form, value: Value) -> Value {
        encode(form, &value).expect("encodes").map_or(Value::Null, |scalar| decode(form, &scalar))
    }

    #[test]
    fn what_fits_its_form_is_small_and_reads_back() {
        for (form, value) in [
            (Form::Digits, "6217748875587160239".into()),
            (Form::Digits, "051258112345".into()),
            (Form::IdNo, "34052419800101001X".into()),
            (Form::IdNo, "440524188001010014".into()),
            (Form::IdNo, "340524800101001".into()),
            (Form::Day, "1953-01-16".into()),
            (Form::Day, "1953年".into()),
            (Form::Moment, "2020-12-05T01:53:01Z".into()),
            (Form::Moment, "2020-12-05T01:53:01+08:00".into()),
            (Form::Money, 28_920.into()),
            (Form::Money, serde_json::json!(0.07)),
            (Form::Measure, serde_json::json!(3.7)),
            (Form::Measure, serde_json::json!(1.333)),
            (Form::Text, 5.into()),
            (Form::Text, "".into()),
            (Form::Flag, false.into()),
        ] {
            assert_eq!(back(form, value.clone()), value, "{form:?}");
        }
        let size = |value: &str| match encode(Form::IdNo, &value.into()) {
            Ok(Some(ScalarValue::Bytes(bytes))) => bytes.len(),
            _ => 0,
        };
        assert_eq!(size("34052419800101001x"), 7);
    }

    #[test]
    fn what_people_write_is_normalised() {
        assert_eq!(back(Form::IdNo, "３４０５２４１９８００１０１００１ｘ".into()), Value::from("34052419800101001X"));
        assert_eq!(back(Form::Digits, "１３８ 0000 1111".into()), Value::from("13800001111"));
        assert_eq!(back(Form::Digits, 13_800_001_111_u64.into()), Value::from("13800001111"));
        assert_eq!(back(Form::Money, "１２．５０".into()), serde_json::json!(12.5));
        assert_eq!(back(Form::Flag, "是".into()), Value::from(true));
    }

    #[test]
    fn a_word_of_the_list_is_a_number_and_any_other_stays_a_text() {
        let form = Form::Word(super::super::words::HEALTH);
        assert_eq!(encode(form, &"残疾".into()), Ok(Some(ScalarValue::Uint(5))));
        for word in ["残疾", "残疾（三级）", ""] {
            assert_eq!(back(form, word.into()), Value::from(word));
        }
        assert_eq!(decode(form, &ScalarValue::Uint(99)), Value::from("（新词99）"), "a word of a newer version");
    }

    #[test]
    fn a_measure_too_great_for_two_exact_decimals_is_kept_as_the_number_it_was() {
        for number in [-2_158_880_638_485_729.8, 9_999_999_999_999.99, 10_000_000_000_000.01, 1e300] {
            assert_eq!(back(Form::Measure, number.into()), Value::from(number));
        }
        assert_eq!(encode(Form::Measure, &"99999999999999".into()), Err("数值过大"));
    }

    #[test]
    fn what_money_would_be_computed_from_is_refused() {
        for (form, value) in [
            (Form::Money, serde_json::json!(-1)),
            (Form::Money, serde_json::json!(1e12)),
            (Form::Money, serde_json::json!(1.234)),
            (Form::Money, serde_json::json!("许多")),
            (Form::Money, serde_json::json!(true)),
            (Form::Whole, serde_json::json!(1.5)),
            (Form::Flag, serde_json::json!("也许")),
            (Form::Text, serde_json::json!({"a": 1})),
        ] {
            assert!(encode(form, &value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_value_once_stored_is_stored_the_same_again(text in "\\PC{0,24}", number in any::<f64>()) {
            for form in [Form::Text, Form::Digits, Form::IdNo, Form::Day, Form::Moment, Form::Money, Form::Measure, Form::Whole, Form::Flag] {
                for value in [Value::from(text.clone()), Value::from(number)] {
                    if let Ok(Some(scalar)) = encode(form, &value) {
                        let shown = decode(form, &scalar);
                        prop_assert_eq!(encode(form, &shown), Ok(Some(scalar)));
                    }
                }
            }
        }
    }
}
