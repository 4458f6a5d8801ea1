//! Care projects (关爱援助项目): what is offered, by whom, where, when, and for how many.
//!
//! The city writes them and every office reads them. A project is one flat map of scalars; a change is another value of
//! a field, and its history stays in the record. `taken` is what the city's deciding device published last: an office
//! below sees its own bookings only, and learns from there how many places are left.

use super::cell::Cell;
use super::day::Day;
use super::{Conflict, Edit, Fields, OpId, Problem, SCHEMA, check_schema, concurrent, edit, put_all, text_of};
use crate::area::AreaId;
use crate::limits::{PROJECT_PLACES_MAX, STRING_BYTES_MAX};
use automerge::{Automerge, ROOT, ScalarValue};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a project's name.
pub const NAME_CHARS_MAX: usize = 60;

/// The fields people fill in, in the order of forms: name in the record, Chinese name.
pub const FIELDS: &[(&str, &str)] = &[
    ("name", "项目名称"),
    ("kind", "小类"),
    ("provider", "服务机构"),
    ("areas", "服务区域"),
    ("from", "开始日期"),
    ("until", "结束日期"),
    ("capacity", "名额"),
    ("conditions", "参加条件"),
    ("contact", "联系人和电话"),
    ("description", "内容"),
    ("open", "接受预约"),
];

/// A care project.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Project {
    /// The name.
    pub name: String,
    /// The kind (code of the policy pack).
    pub kind: String,
    /// The provider (code of the policy pack).
    pub provider: String,
    /// The areas it serves, with everything below; none: the whole city.
    #[serde(serialize_with = "texts")]
    pub areas: BTreeSet<AreaId>,
    /// The first day.
    pub from: Option<Day>,
    /// The last day; none: open.
    pub until: Option<Day>,
    /// Places in the period.
    pub capacity: u32,
    /// Who may come, in words.
    pub conditions: String,
    /// Whom to ask.
    pub contact: String,
    /// What it is.
    pub description: String,
    /// Whether bookings are taken.
    pub open: bool,
    /// Places taken, as the city published them, and when.
    pub taken: Option<(u32, Day)>,
    /// Fields of a newer version.
    pub other: BTreeMap<String, String>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Fields that several people wrote at the same time.
    pub conflicts: Vec<Conflict>,
}

fn texts<S: serde::Serializer>(areas: &BTreeSet<AreaId>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(areas.iter().map(ToString::to_string))
}

/// The areas a field names; none where one of them is no area.
fn areas(text: &str) -> Option<BTreeSet<AreaId>> {
    text.split(|c: char| c == ',' || c == '，' || c.is_whitespace()).filter(|part| !part.is_empty()).map(AreaId::parse).collect()
}

impl Project {
    /// Reads a project.
    pub fn read(doc: &Automerge) -> Project {
        let mut fields = Fields::of(doc, &ROOT);
        let mut problems = Vec::new();
        check_schema(&mut fields, &mut problems);
        let values = |key: &String| (key.clone(), concurrent(doc, &ROOT, key));
        let several = fields.0.keys().map(values).filter(|(_, values)| values.len() > 1);
        let text = |(value, op): (ScalarValue, OpId)| (text_of(&value), op);
        let conflict = |(field, values): (String, Vec<(ScalarValue, OpId)>)| Conflict {
            field,
            row: None,
            values: values.into_iter().map(text).collect(),
            blocks: false,
        };
        let conflicts = several.map(conflict).collect();
        let mut day = |key: &str, fields: &mut Fields| {
            let text = fields.text(key);
            let day = Day::parse(&text);
            if day.is_none() && !text.is_empty() {
                problems.push(Problem::new(key, "日期无效"));
            }
            day
        };
        let (from, until, on) = (day("from", &mut fields), day("until", &mut fields), day("taken_on", &mut fields));
        let served = areas(&fields.text("areas"));
        if served.is_none() {
            problems.push(Problem::new("areas", "服务区域无效"));
        }
        let capacity = u32::take("capacity", &mut fields);
        if capacity.is_none() {
            problems.push(Problem::new("capacity", "名额无效"));
        }
        let taken = u32::take("taken", &mut fields).zip(on);
        Project {
            name: fields.text("name"),
            kind: fields.text("kind"),
            provider: fields.text("provider"),
            areas: served.unwrap_or_default(),
            from,
            until,
            capacity: capacity.unwrap_or_default().min(PROJECT_PLACES_MAX),
            conditions: fields.text("conditions"),
            contact: fields.text("contact"),
            description: fields.text("description"),
            // What cannot be read takes no bookings.
            open: matches!(fields.0.remove("open"), Some(ScalarValue::Boolean(true))),
            taken,
            other: fields.rest(),
            problems,
            conflicts,
        }
    }

    /// A field as a form shows it.
    pub fn text(&self, field: &str) -> String {
        let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
        match field {
            "name" => self.name.clone(),
            "kind" => self.kind.clone(),
            "provider" => self.provider.clone(),
            "areas" => self.areas.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            "from" => day(self.from),
            "until" => day(self.until),
            "capacity" => self.capacity.to_string(),
            "conditions" => self.conditions.clone(),
            "contact" => self.contact.clone(),
            "description" => self.description.clone(),
            "open" => if self.open { "是" } else { "否" }.to_owned(),
            _ => String::new(),
        }
    }

    /// Whether it goes on, or will, on `day`.
    pub fn lasts(&self, day: Day) -> bool {
        self.until.is_none_or(|until| day <= until)
    }
}

/// The Chinese name of a field.
pub fn label(field: &str) -> &str {
    FIELDS.iter().find(|(name, _)| *name == field).map_or(field, |(_, label)| label)
}

/// The scalar that a typed text becomes; the error says in Chinese what is wrong.
fn encode(field: &str, text: &str) -> Result<ScalarValue, String> {
    let label = label(field);
    let plain = text.trim();
    if plain.len() > STRING_BYTES_MAX {
        return Err(format!("{label}过长"));
    }
    let string = |text: &str| ScalarValue::Str(text.into());
    Ok(match field {
        "name" if plain.is_empty() || plain.chars().count() > NAME_CHARS_MAX => {
            return Err(format!("{label}为 1 到 {NAME_CHARS_MAX} 个字"));
        }
        "kind" | "provider" if plain.is_empty() => return Err(format!("须选择{label}")),
        "from" if plain.is_empty() => return Err("须写明开始日期".to_owned()),
        "from" | "until" if !plain.is_empty() => {
            string(&Day::parse(plain).ok_or_else(|| format!("{label}应为 2026-01-31 这样的日期"))?.to_string())
        }
        "areas" => {
            let areas = areas(plain).ok_or_else(|| format!("{label}应为 12 位区划代码"))?;
            string(&areas.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        }
        "capacity" => match plain.parse::<u32>() {
            Ok(places) if (1..=PROJECT_PLACES_MAX).contains(&places) => ScalarValue::Uint(places.into()),
            _ => return Err(format!("{label}应为 1 到 {PROJECT_PLACES_MAX} 的整数")),
        },
        "open" => match plain {
            "是" | "true" => ScalarValue::Boolean(true),
            "否" | "false" => ScalarValue::Boolean(false),
            _ => return Err(format!("{label}应为是或否")),
        },
        "name" | "kind" | "provider" | "until" | "conditions" | "contact" | "description" => string(plain),
        _ => return Err("没有这一栏".to_owned()),
    })
}

fn scalars(values: &BTreeMap<String, String>) -> Result<Vec<(String, ScalarValue)>, Vec<Problem>> {
    let (mut out, mut wrong) = (Vec::new(), Vec::new());
    for (field, text) in values {
        match encode(field, text) {
            Ok(scalar) => out.push((field.clone(), scalar)),
            Err(why) => wrong.push(Problem::new(field, why)),
        }
    }
    if wrong.is_empty() { Ok(out) } else { Err(wrong) }
}

/// Begins a project; fields that are not given are empty, and it takes bookings.
pub fn create(values: &BTreeMap<String, String>) -> Result<Edit, Vec<Problem>> {
    let mut all: BTreeMap<String, String> = FIELDS.iter().map(|(name, _)| ((*name).to_owned(), String::new())).collect();
    all.insert("open".to_owned(), "是".to_owned());
    all.extend(values.clone());
    let mut out = vec![("schema".to_owned(), ScalarValue::Uint(SCHEMA))];
    out.extend(scalars(&all)?);
    Ok(edit(move |tx| put_all(tx, &ROOT, out)))
}

/// Changes fields.
pub fn change(values: &BTreeMap<String, String>) -> Result<Edit, Vec<Problem>> {
    let out = scalars(values)?;
    Ok(edit(move |tx| put_all(tx, &ROOT, out)))
}

/// Publishes how many places are taken; only the city's deciding device knows.
pub fn publish(taken: u32, on: Day) -> Edit {
    let mut out = Vec::new();
    taken.give("taken", &mut out);
    on.give("taken_on", &mut out);
    edit(move |tx| put_all(tx, &ROOT, out))
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use super::*;
    use automerge::ActorId;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
    }

    fn begun() -> Automerge {
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        let given = values(&[
            ("name", "陪伴"),
            ("kind", "A5"),
            ("provider", "社工服务中心"),
            ("from", "2019-06-01"),
            ("capacity", " 3 "),
        ]);
        run(&mut doc, create(&given).expect("fits")).expect("creates");
        doc
    }

    #[test]
    fn a_project_reads_back_and_keeps_what_it_was() {
        let mut doc = begun();
        let before = doc.get_heads();
        let read = Project::read(&doc);
        assert_eq!((read.name.as_str(), read.capacity, read.open, read.areas.len()), ("陪伴", 3, true, 0));
        assert_eq!((read.problems.len(), read.taken), (0, None));
        let set = values(&[("capacity", "5"), ("areas", "320582100000，320582107201"), ("open", "否")]);
        run(&mut doc, change(&set).expect("fits")).expect("changes");
        run(&mut doc, publish(2, Day(18_000))).expect("publishes");
        let read = Project::read(&doc);
        assert_eq!((read.capacity, read.areas.len(), read.open, read.taken), (5, 2, false, Some((2, Day(18_000)))));
        assert_eq!(read.text("areas"), "320582100000,320582107201");
        let old = Project::read(&doc.fork_at(&before).expect("forks"));
        assert_eq!((old.capacity, old.open), (3, true));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_field() {
        for (field, text) in [
            ("name", " "),
            ("kind", ""),
            ("from", ""),
            ("until", "明年"),
            ("capacity", "0"),
            ("capacity", "-1"),
            ("capacity", "100000"),
            ("areas", "杨舍镇"),
            ("open", "也许"),
            ("colour", "红"),
        ] {
            let wrong = change(&values(&[(field, text)])).err().expect("refused");
            assert_eq!((wrong.len(), wrong[0].field.as_str()), (1, field));
        }
        assert_eq!(create(&values(&[])).err().expect("refused").len(), 5, "name, kind, provider, first day, places");
    }

    #[test]
    fn two_people_at_the_city_make_a_conflict_that_is_shown() {
        let mut doc = begun();
        let mut other = doc.fork().with_actor(ActorId::from([2; 16]));
        run(&mut doc, change(&values(&[("capacity", "4")])).expect("fits")).expect("changes");
        run(&mut other, change(&values(&[("capacity", "9")])).expect("fits")).expect("changes");
        doc.merge(&mut other).expect("merges");
        let read = Project::read(&doc);
        assert_eq!((read.conflicts.len(), read.conflicts[0].field.as_str()), (1, "capacity"));
    }
}
