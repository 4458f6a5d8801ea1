//! Care projects (关爱援助项目): what is offered, by whom, where, when, and for how many.
//!
//! The city writes them and every office reads them. A project is one flat map of scalars; a change is another value of
//! a field, and its history stays in the record. The places may be divided by area and period (名额分配): rows that stand
//! in one text, `320582100000 2019-07-01 2019-07-31 5`, so that two people who divide at the same time make a conflict and
//! no mixture. `taken` and `taken_by` are what the city's deciding device published last: an office below sees its own
//! bookings only, and learns from there how many places are left.

use super::cell::Cell;
use super::day::Day;
use super::{Conflict, Edit, Fields, OpId, Problem, SCHEMA, check_schema, concurrent, edit, put_all, text_of};
use crate::area::AreaId;
use crate::limits::{PROJECT_PLACES_MAX, PROJECT_SHARES_MAX, STRING_BYTES_MAX};
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
    ("shares", "名额分配"),
    ("conditions", "参加条件"),
    ("contact", "联系人和电话"),
    ("description", "内容"),
    ("open", "接受预约"),
];

/// The word for a row of all areas that the project serves.
pub const EVERYWHERE: &str = "全市";

/// Names a row of the division: bookings say which one they ask for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShareId {
    /// The area, with everything below; none: all that the project serves.
    pub area: Option<AreaId>,
    /// The first day.
    pub from: Day,
}

impl ShareId {
    /// The inverse of `to_string`.
    pub fn parse(text: &str) -> Option<ShareId> {
        let (area, from) = text.split_once(' ')?;
        let area = if area == EVERYWHERE { None } else { Some(AreaId::parse(area)?) };
        Some(ShareId { area, from: Day::parse(from)? })
    }
}

impl std::fmt::Display for ShareId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.area {
            Some(area) => write!(f, "{area} {}", self.from),
            None => write!(f, "{EVERYWHERE} {}", self.from),
        }
    }
}

impl serde::Serialize for ShareId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A row of the division of places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Share {
    /// Its name.
    pub id: ShareId,
    /// The last day.
    pub until: Day,
    /// Places.
    pub places: u32,
}

impl Share {
    /// From a line; the error says in Chinese what is wrong.
    fn parse(line: &str) -> Result<Share, String> {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [area, from, until, places] = parts.as_slice() else {
            return Err("区域、开始日期、结束日期、名额须都写明".to_owned());
        };
        let day = |text: &str| Day::parse(text).ok_or_else(|| "日期应为 2026-01-31 这样".to_owned());
        let area = match *area {
            EVERYWHERE => None,
            code => Some(AreaId::parse(code).ok_or_else(|| format!("没有“{code}”这一区域"))?),
        };
        let (from, until) = (day(from)?, day(until)?);
        if until < from {
            return Err("结束日期早于开始日期".to_owned());
        }
        match places.parse() {
            Ok(places) if (1..=PROJECT_PLACES_MAX).contains(&places) => Ok(Share { id: ShareId { area, from }, until, places }),
            _ => Err(format!("名额应为 1 到 {PROJECT_PLACES_MAX} 的整数")),
        }
    }

    /// Whether some day belongs to both.
    pub fn meets(&self, other: &Share) -> bool {
        self.id.from <= other.until && other.id.from <= self.until
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.id, self.until, self.places)
    }
}

/// The rows of a text, by name, and what is wrong with the others.
pub fn shares(text: &str) -> (Vec<Share>, Vec<String>) {
    let (mut rows, mut wrong) = (BTreeMap::new(), Vec::new());
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        match Share::parse(line) {
            Err(why) => wrong.push(format!("第 {number} 行：{why}")),
            Ok(share) if rows.contains_key(&share.id) => wrong.push(format!("第 {number} 行：区域和开始日期与上面一行相同")),
            Ok(share) => drop(rows.insert(share.id, share)),
        }
    }
    if rows.len() > PROJECT_SHARES_MAX {
        wrong.push(format!("最多 {PROJECT_SHARES_MAX} 行，更多的另设项目"));
    }
    let rows: Vec<Share> = rows.into_values().take(PROJECT_SHARES_MAX).collect();
    if sum(&rows) > PROJECT_PLACES_MAX {
        wrong.push(format!("名额合计不能超过 {PROJECT_PLACES_MAX}"));
    }
    (rows, wrong)
}

fn sum(shares: &[Share]) -> u32 {
    shares.iter().fold(0, |sum, share| sum.saturating_add(share.places))
}

/// One of the rows that places stand in: of the division, or the whole project.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its name; none: the whole project.
    pub id: Option<ShareId>,
    /// The last day; none: open.
    pub until: Option<Day>,
    /// Places.
    pub places: u32,
}

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
    /// Places in the period; of divided places the sum.
    pub capacity: u32,
    /// How they are divided, by name of the row; nothing: one lot for all.
    pub shares: Vec<Share>,
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
    /// Those of each row.
    pub taken_by: BTreeMap<ShareId, u32>,
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
        let (capacity, division) = (u32::take("capacity", &mut fields), fields.text("shares"));
        let (shares, wrong) = shares(&division);
        problems.extend(wrong.into_iter().map(|why| Problem::new("shares", why)));
        // What was divided and cannot be read has no places.
        let capacity = if division.is_empty() { capacity } else { Some(sum(&shares)) };
        if capacity.is_none() {
            problems.push(Problem::new("capacity", "名额无效"));
        }
        let taken = u32::take("taken", &mut fields).zip(on);
        let taken_by = taken_by(&fields.text("taken_by"));
        Project {
            name: fields.text("name"),
            kind: fields.text("kind"),
            provider: fields.text("provider"),
            areas: served.unwrap_or_default(),
            from,
            until,
            capacity: capacity.unwrap_or_default().min(PROJECT_PLACES_MAX),
            shares,
            conditions: fields.text("conditions"),
            contact: fields.text("contact"),
            description: fields.text("description"),
            // What cannot be read takes no bookings.
            open: matches!(fields.0.remove("open"), Some(ScalarValue::Boolean(true))),
            taken,
            taken_by,
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
            "shares" => lines(&self.shares),
            "conditions" => self.conditions.clone(),
            "contact" => self.contact.clone(),
            "description" => self.description.clone(),
            "open" => if self.open { "是" } else { "否" }.to_owned(),
            _ => String::new(),
        }
    }

    /// What its places stand in: the rows of the division, or one for all areas and the whole period.
    pub fn rows(&self) -> Vec<Row> {
        if self.shares.is_empty() {
            return vec![Row { id: None, until: self.until, places: self.capacity }];
        }
        let row = |share: &Share| Row { id: Some(share.id), until: Some(share.until), places: share.places };
        self.shares.iter().map(row).collect()
    }

    /// Where, when and how many as they would be with these values; what cannot be read stays as it is.
    pub fn with(&self, values: &BTreeMap<String, String>) -> Project {
        let mut new = self.clone();
        let given = |field: &str| values.get(field).map(|text| text.trim());
        if let Some(served) = given("areas").and_then(areas) {
            new.areas = served;
        }
        let day = |field: &str, now: Option<Day>| given(field).map_or(now, Day::parse);
        (new.from, new.until) = (day("from", self.from), day("until", self.until));
        if let Some(division) = values.get("shares") {
            new.shares = shares(division).0;
        }
        new.capacity = match new.shares.is_empty() {
            false => sum(&new.shares),
            true => given("capacity").and_then(|text| text.parse().ok()).unwrap_or(self.capacity),
        };
        new
    }

    /// Whether it goes on, or will, on `day`.
    pub fn lasts(&self, day: Day) -> bool {
        self.until.is_none_or(|until| day <= until)
    }
}

fn lines<T: ToString>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

/// What the city published of each row: its name, then how many.
pub fn taken_by(text: &str) -> BTreeMap<ShareId, u32> {
    let one = |line: &str| {
        let (id, taken) = line.rsplit_once(' ')?;
        Some((ShareId::parse(id)?, taken.parse().ok()?))
    };
    text.lines().filter_map(one).collect()
}

/// The inverse of [`taken_by`].
pub fn taken_text(taken: &BTreeMap<ShareId, u32>) -> String {
    lines(&taken.iter().map(|(id, taken)| format!("{id} {taken}")).collect::<Vec<_>>())
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
        "shares" => match shares(text) {
            (rows, wrong) if wrong.is_empty() => string(&lines(&rows)),
            (_, wrong) => return Err(format!("{label}{}", wrong.join("；"))),
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
    // Divided places say themselves how many there are.
    let divided = values.get("shares").is_some_and(|text| !text.trim().is_empty());
    for (field, text) in values.iter().filter(|(field, _)| !divided || *field != "capacity") {
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

/// Publishes how many places are taken, of all and of each row; only the city's deciding device knows.
pub fn publish(taken: u32, by: &BTreeMap<ShareId, u32>, on: Day) -> Edit {
    let mut out = Vec::new();
    taken.give("taken", &mut out);
    on.give("taken_on", &mut out);
    taken_text(by).give("taken_by", &mut out);
    edit(move |tx| put_all(tx, &ROOT, out))
}

#[cfg(test)]
mod tests {
    use super::super::{run, str_value};
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
        run(&mut doc, publish(2, &BTreeMap::new(), Day(18_000))).expect("publishes");
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
            ("shares", "320582100000 2019-07-01 2019-07-31"),
            ("shares", "杨舍镇 2019-07-01 2019-07-31 5"),
            ("shares", "320582100000 7月1日 2019-07-31 5"),
            ("shares", "320582100000 2019-07-31 2019-07-01 5"),
            ("shares", "320582100000 2019-07-01 2019-07-31 0"),
            ("shares", "全市 2019-07-01 2019-07-31 9999\n全市 2019-08-01 2019-08-31 9999"),
            ("open", "也许"),
            ("colour", "红"),
        ] {
            let wrong = change(&values(&[(field, text)])).err().expect("refused");
            assert_eq!((wrong.len(), wrong[0].field.as_str()), (1, field));
        }
        assert_eq!(create(&values(&[])).err().expect("refused").len(), 5, "name, kind, provider, first day, places");
    }

    const JULY: &str = "320582100000 2019-07-01 2019-07-31 5";
    const AUGUST: &str = "全市 2019-08-01 2019-08-31 3";

    #[test]
    fn divided_places_read_back_by_row_and_their_sum_is_the_capacity() {
        let mut doc = begun();
        let set = values(&[("capacity", "7"), ("shares", &format!("{JULY}\n\n  {AUGUST} \n"))]);
        run(&mut doc, change(&set).expect("fits")).expect("changes");
        let july = ShareId::parse("320582100000 2019-07-01").expect("a row");
        run(&mut doc, publish(2, &BTreeMap::from([(july, 2)]), Day(18_000))).expect("publishes");
        let read = Project::read(&doc);
        assert_eq!((read.capacity, read.shares.len(), read.taken_by.get(&july)), (8, 2, Some(&2)));
        assert_eq!(read.text("shares"), format!("{AUGUST}\n{JULY}"), "by name");
        assert_eq!((read.rows().len(), read.problems.len()), (2, 0));
        assert_eq!(read.with(&values(&[("shares", ""), ("capacity", "4")])).capacity, 4);
        run(&mut doc, change(&values(&[("shares", "")])).expect("fits")).expect("changes");
        let read = Project::read(&doc);
        assert_eq!((read.capacity, read.rows()), (3, vec![Row { id: None, until: None, places: 3 }]), "as before");
    }

    #[test]
    fn what_cannot_be_read_of_a_division_is_said_and_gives_no_places() {
        let mut doc = begun();
        let damaged = |text: String| edit(move |tx| put_all(tx, &ROOT, [("shares".to_owned(), str_value(text))]));
        run(&mut doc, damaged(format!("{JULY}\n{JULY}\n别的"))).expect("writes");
        let read = Project::read(&doc);
        assert_eq!((read.capacity, read.problems.len(), read.problems[0].field.as_str()), (5, 2, "shares"));
        run(&mut doc, damaged("别的".into())).expect("writes");
        assert_eq!((Project::read(&doc).capacity, Project::read(&doc).problems.len()), (0, 1), "not the 3 of before");
        let many: Vec<String> = (0..=PROJECT_SHARES_MAX as i32).map(|n| format!("全市 {0} {0} 1", Day(n))).collect();
        let wrong = change(&values(&[("shares", &many.join("\n"))])).err().expect("refused");
        assert!(wrong[0].what.contains("最多"), "{wrong:?}");
        let longest = Share::parse("320582100000-255 2019-07-01 2019-07-31 10000").expect("a row");
        assert!((longest.to_string().len() + 1) * PROJECT_SHARES_MAX <= STRING_BYTES_MAX, "all of them fit a text");
    }

    #[test]
    fn two_people_who_divide_at_once_make_a_conflict_and_no_mixture() {
        let mut doc = begun();
        let mut other = doc.fork().with_actor(ActorId::from([2; 16]));
        run(&mut doc, change(&values(&[("shares", JULY)])).expect("fits")).expect("changes");
        run(&mut other, change(&values(&[("shares", AUGUST)])).expect("fits")).expect("changes");
        doc.merge(&mut other).expect("merges");
        let read = Project::read(&doc);
        assert_eq!((read.conflicts.len(), read.conflicts[0].field.as_str(), read.shares.len()), (1, "shares", 1));
        let kept = read.conflicts[0].values.last().expect("the shown one");
        assert_eq!(kept.0, read.text("shares"));
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
