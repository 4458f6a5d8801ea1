//! What conditions and formulas may ask about a household: one table, used by the judge, by forms and by editors.

use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::household::Household;
use std::collections::BTreeMap;

/// A value of a fact, as an expression sees it.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum Plain {
    Whole(i64),
    Flag(bool),
    Word(String),
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
        category: String, "困难类别";
        cause: String, "致贫原因";
        risk: String, "风险";
        house_safe: String, "住房安全等级";
        disaster: bool, "因自然灾害受灾";
        sudden: bool, "突发急难";
        medical_year: Fen, "近一年医疗自付";
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
        pupil: bool, "在学";
        orphan: bool, "父母双亡或无人抚养";
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

impl Facts {
    /// What a household's record says on `today`; of its members those who live in it.
    pub fn of(household: &Household, today: Day) -> Facts {
        let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let present = household.members.iter().filter(|member| member.is_present());
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
                disabled: word(&member.health).map(|health| health.contains("残疾")),
                pupil: None,
                orphan: None,
            })
            .collect();
        Facts {
            household: HouseholdFacts {
                people: (!members.is_empty()).then_some(members.len() as i64),
                income_year: household.income_annual,
                category: word(&household.category),
                cause: word(&household.cause),
                risk: word(&household.risk),
                house_safe: word(&household.house_safe),
                disaster: None,
                sudden: None,
                medical_year: None,
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
