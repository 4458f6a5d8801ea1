//! What conditions and formulas may ask about a household: one table, used by the judge, by forms and by editors.
//!
//! `household.category` is the register's own word; `household.categories` is a list of all that the household or anybody of
//! it holds today, and a member's `categories` what the member holds, as part of the household too: `"重度残疾人" in
//! household.categories`, `members.exists(m, m.age < 18 && "孤儿" in m.categories)`.

use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::household::{Household, Member};
use crate::records::words;
use std::collections::BTreeMap;

/// A value of a fact, as an expression sees it.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum Plain {
    Whole(i64),
    Flag(bool),
    Word(String),
    Words(Vec<String>),
}

/// The same, as records hold it.
trait Known {
    fn plain(&self) -> Plain;
    fn shown(&self) -> String;
    /// Some value, to try an expression on.
    fn some() -> Self;
}

impl Known for i64 {
    fn plain(&self) -> Plain {
        Plain::Whole(*self)
    }
    fn shown(&self) -> String {
        self.to_string()
    }
    fn some() -> i64 {
        1
    }
}

impl Known for Fen {
    fn plain(&self) -> Plain {
        Plain::Whole(self.0)
    }
    fn shown(&self) -> String {
        format!("{self}元")
    }
    fn some() -> Fen {
        Fen(1)
    }
}

impl Known for bool {
    fn plain(&self) -> Plain {
        Plain::Flag(*self)
    }
    fn shown(&self) -> String {
        if *self { "是" } else { "否" }.to_owned()
    }
    fn some() -> bool {
        true
    }
}

impl Known for String {
    fn plain(&self) -> Plain {
        Plain::Word(self.clone())
    }
    fn shown(&self) -> String {
        self.clone()
    }
    fn some() -> String {
        String::new()
    }
}

impl Known for Vec<String> {
    fn plain(&self) -> Plain {
        Plain::Words(self.clone())
    }
    fn shown(&self) -> String {
        self.join("、")
    }
    fn some() -> Vec<String> {
        Vec::new()
    }
}

/// The table: name in expressions, type, Chinese name.
macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty, $label:literal;)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $(#[doc = $label] pub $field: Option<$kind>,)* }

        impl $name {
            /// Names in expressions and Chinese names.
            pub const NAMES: &[(&str, &str)] = &[$((stringify!($field), $label)),*];

            /// Something in every field.
            pub(super) fn full() -> $name {
                $name { $($field: Some(<$kind>::some()),)* }
            }

            /// What is known, as an expression sees it.
            pub(super) fn plain(&self) -> BTreeMap<&'static str, Plain> {
                let mut map = BTreeMap::new();
                $(if let Some(known) = &self.$field {
                    map.insert(stringify!($field), known.plain());
                })*
                map
            }

            /// What is known, under its name, as people read it.
            pub(super) fn shown(&self) -> Vec<(&'static str, &'static str, String)> {
                let mut all = Vec::new();
                $(if let Some(known) = &self.$field {
                    all.push((stringify!($field), $label, known.shown()));
                })*
                all
            }
        }
    )* };
}

facts! {
    /// Of the household.
    HouseholdFacts {
        people: i64, "共同生活人数";
        income_year: Fen, "家庭年收入";
        income_wage: Fen, "工资性收入";
        income_exempt: Fen, "不计入的收入";
        income_counted: Fen, "核算年收入";
        deposits: Fen, "存款和现金";
        securities: Fen, "证券、基金、保险等";
        vehicles: i64, "机动车";
        houses: i64, "住房";
        category: String, "困难类别";
        categories: Vec<String>, "身份类别";
        cause: String, "致贫原因";
        risk: String, "风险";
        house_safe: String, "住房安全等级";
        disaster: bool, "因自然灾害受灾";
        sudden: bool, "突发急难";
        medical_year: Fen, "近一年医疗自付";
        care_year: Fen, "近一年残疾康复照护自付";
        school_year: Fen, "近一年教育自付";
        rigid_year: Fen, "近一年刚性支出";
    }
    /// Of one person who lives in it.
    MemberFacts {
        age: i64, "年龄";
        sex: String, "性别";
        relation: String, "与户主关系";
        health: String, "健康状况";
        labor: String, "劳动能力";
        education: String, "文化程度";
        insured: bool, "参加医保";
        ill: bool, "患大病或慢性病";
        disabled: bool, "残疾";
        disability: String, "残疾类别";
        disability_grade: i64, "残疾等级";
        pupil: bool, "在学";
        orphan: bool, "父母双亡或无人抚养";
        categories: Vec<String>, "身份类别(含全户)";
    }
}

/// What is known.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Of the household.
    pub household: HouseholdFacts,
    /// Of each person who lives in it.
    pub members: Vec<MemberFacts>,
}

/// Whole years from `birth` to `today`.
fn age(birth: Day, today: Day) -> i64 {
    let ((born, born_month, born_day), (year, month, day)) = (birth.ymd(), today.ymd());
    i64::from(year - born) - i64::from((month, day) < (born_month, born_day))
}

/// A sum that stops at the greatest number there is.
fn sum(amounts: impl Iterator<Item = Fen>) -> Fen {
    Fen(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
}

/// The year's income by source, when all four sources of the law are written down (a missing 其他 is none).
pub(crate) fn by_source(household: &Household) -> Option<Fen> {
    let four = [household.income_wage, household.income_farm, household.income_transfer, household.income_property];
    four.iter().all(Option::is_some).then(|| sum(four.into_iter().chain([household.income_other]).flatten()))
}

/// The place of a word in a list, from 1.
fn place_in(list: &[&str], word: &str) -> Option<i64> {
    list.iter().position(|known| *known == word).map(|place| place as i64 + 1)
}

/// By the certificate; where none is written down, by the words about health.
fn disabled(member: &Member) -> Option<bool> {
    match member.disability.as_str() {
        "" if member.disability_grade.is_empty() && member.health.is_empty() => None,
        "" => Some(!member.disability_grade.is_empty() || member.health.contains("残疾")),
        kind => Some(kind != words::DISABILITY[0]),
    }
}

impl Facts {
    /// What a household's record says on `today`; of its members those who share its life. What a rule of a pack must
    /// say first (the income that counts) is added by [`crate::means`].
    pub fn of(household: &Household, today: Day) -> Facts {
        let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let several = |words: Vec<String>| (!words.is_empty()).then_some(words);
        let present = household.members.iter().filter(|member| member.shares_life(today));
        let spent = [household.spend_medical, household.spend_care, household.spend_school];
        let rigid = spent.iter().any(Option::is_some).then(|| sum(spent.into_iter().flatten()));
        let members: Vec<MemberFacts> = present
            .map(|member| MemberFacts {
                age: member.birth.or_else(|| member.id().map(|id| id.birth())).map(|birth| age(birth, today)),
                sex: word(&member.gender),
                relation: word(&member.relation),
                health: word(&member.health),
                labor: word(&member.labor),
                education: word(&member.education),
                insured: member.insured,
                ill: word(&member.health).map(|health| health.contains('病')),
                disabled: disabled(member),
                disability: word(&member.disability),
                disability_grade: place_in(words::GRADE, &member.disability_grade),
                pupil: word(&member.schooling).map(|schooling| schooling != words::SCHOOLING[0]),
                orphan: word(&member.parents).map(|parents| words::PARENTS[2..].contains(&parents.as_str())),
                categories: several(household.categories_of(member, today)),
            })
            .collect();
        Facts {
            household: HouseholdFacts {
                people: (!members.is_empty()).then_some(members.len() as i64),
                income_year: household.income_annual.or_else(|| by_source(household)),
                income_wage: household.income_wage,
                income_exempt: household.income_exempt,
                income_counted: None,
                deposits: household.deposits,
                securities: household.securities,
                vehicles: household.vehicles,
                houses: household.houses,
                category: word(&household.category),
                categories: several(household.categories_on(today)),
                cause: word(&household.cause),
                risk: word(&household.risk),
                house_safe: word(&household.house_safe),
                // Another cause does not say that there was none of these.
                disaster: (household.cause == "因灾").then_some(true),
                sudden: (household.cause == "因意外").then_some(true),
                medical_year: household.spend_medical,
                care_year: household.spend_care,
                school_year: household.spend_school,
                rigid_year: rigid,
            },
            members,
        }
    }

    /// Something in every field, to try an expression on before it is published.
    pub(super) fn full() -> Facts {
        Facts { household: HouseholdFacts::full(), members: vec![MemberFacts::full()] }
    }

    /// The Chinese name of a fact.
    pub(super) fn label(name: &str) -> Option<&'static str> {
        let mut all = HouseholdFacts::NAMES.iter().chain(MemberFacts::NAMES);
        all.find(|(known, _)| *known == name).map(|(_, label)| *label)
    }
}
