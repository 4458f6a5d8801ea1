//! Policy packs (政策包): dated, signed data with everything a rule or a form takes from the law or the city.
//!
//! A pack is published whole and never changed; a new rule is a new pack. In the record each row is one JSON text in
//! the list of its section, so that no string grows beyond its limit and unknown fields of a row survive; `rows`
//! says how many there are, and a pack that lacks some is not in force yet. An amount that the city has not set is
//! `unset`: whatever would be computed from it is not. Nothing here reads a clock: the caller says which day it is.

use super::amount::Fen;
use super::day::Day;
use super::{Edit, Fields, Problem, SCHEMA, check_schema, child, edit, text_of};
use crate::area::Tier;
use automerge::transaction::Transactable;
use automerge::{Automerge, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A policy pack.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pack {
    /// Its name; cases say under which they were made.
    pub version: String,
    /// The first day it is in force.
    pub from: Day,
    /// A title for people.
    pub title: String,
    /// Whether it is a sample that nobody may work with in earnest.
    #[serde(default)]
    pub sample: bool,
    /// Kinds of assistance (救助种类).
    #[serde(default)]
    pub kinds: Vec<Assistance>,
    /// Standards and parameters.
    #[serde(default)]
    pub amounts: Vec<Standard>,
    /// Categories of households (困难类别).
    #[serde(default)]
    pub categories: Vec<Code>,
    /// Causes of hardship (致贫原因).
    #[serde(default)]
    pub causes: Vec<Code>,
    /// Departments (部门).
    #[serde(default)]
    pub departments: Vec<Code>,
    /// Providers (服务机构).
    #[serde(default)]
    pub providers: Vec<Code>,
    /// Days off and make-up days.
    #[serde(default)]
    pub calendar: Calendar,
}

/// A kind of assistance.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Assistance {
    /// The code, which for our packs is its Chinese name.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The department in charge (code).
    #[serde(default)]
    pub department: String,
    /// Who decides.
    #[serde(default)]
    pub decides: Decides,
    /// The lowest tier that accepts; none: township.
    #[serde(default)]
    pub accepts: Option<Tier>,
    /// The steps it must go through, besides acceptance.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Working days for a step; a step that is missing has no clock.
    #[serde(default)]
    pub days: BTreeMap<Step, u32>,
    /// How an amount is computed.
    #[serde(default)]
    pub formula: Option<Formula>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// Who decides a kind of assistance.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decides {
    /// An office of the first tier in the list whose limit is not below the amount.
    Tiers(Vec<Limit>),
    /// The department, by its feedback on a transfer.
    Department,
    /// Nobody: a service, no grant.
    #[default]
    Nobody,
}

/// Up to which amount a tier decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// The tier.
    pub tier: Tier,
    /// The greatest amount in fen; none: any.
    #[serde(default)]
    pub up_to: Option<Fen>,
}

/// A step with a clock of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 核实
    Verify,
    /// 受理
    Accept,
    /// 预审
    PreExamine,
    /// 审批
    Decide,
    /// 发放
    Pay,
    /// 转办签收
    SignFor,
    /// 转办反馈
    Feedback,
}

/// `times` × a standard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Formula {
    /// How many times, in hundredths (300: three times); none: unset.
    #[serde(default)]
    pub times: Option<u32>,
    /// The code of the standard.
    pub standard: String,
}

/// A standard amount or parameter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Standard {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The amount in fen; none: unset.
    #[serde(default)]
    pub fen: Option<Fen>,
    /// What it is for: 元/人·月.
    #[serde(default)]
    pub unit: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// A row of a code table.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Code {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// Days off and make-up days (调休). Saturdays and Sundays are off unless listed as working days.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calendar {
    /// Holidays.
    #[serde(default)]
    pub off: BTreeSet<Day>,
    /// Weekend days that are worked.
    #[serde(default)]
    pub worked: BTreeSet<Day>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// The longest deadline in working days; a longer one counts as this.
pub const DEADLINE_DAYS_MAX: u32 = 1_000;

impl Calendar {
    /// Whether `day` is a working day (工作日).
    pub fn is_working(&self, day: Day) -> bool {
        self.worked.contains(&day) || (day.weekday() < 5 && !self.off.contains(&day))
    }

    /// The last day of a term of `days` working days that begins the day after `start`.
    pub fn deadline(&self, start: Day, days: u32) -> Day {
        let mut day = start;
        let mut left = days.min(DEADLINE_DAYS_MAX);
        // Half a year off in a row would be a broken calendar: then days count as they come.
        let mut idle = 0;
        while left > 0 {
            day = day.plus(1);
            idle = if self.is_working(day) || idle > 180 { 0 } else { idle + 1 };
            left -= u32::from(idle == 0);
        }
        day
    }
}

impl Assistance {
    /// The tier that decides `amount`; none when no tier of ours does.
    pub fn decider(&self, amount: Fen) -> Option<Tier> {
        let Decides::Tiers(limits) = &self.decides else { return None };
        limits.iter().find(|limit| limit.up_to.is_none_or(|most| amount <= most)).map(|limit| limit.tier)
    }

    /// The tiers that decide some amount.
    pub fn deciders(&self) -> Vec<Tier> {
        match &self.decides {
            Decides::Tiers(limits) => limits.iter().map(|limit| limit.tier).collect(),
            Decides::Department | Decides::Nobody => Vec::new(),
        }
    }

    /// Whether the kind goes through this step.
    pub fn has(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }
}

impl Pack {
    /// A kind of assistance.
    pub fn kind(&self, code: &str) -> Option<&Assistance> {
        self.kinds.iter().find(|kind| kind.code == code)
    }

    /// A standard's amount; none when unknown or unset.
    pub fn standard(&self, code: &str) -> Option<Fen> {
        self.amounts.iter().find(|standard| standard.code == code)?.fen
    }

    /// The amount the pack proposes for a kind, and how it was computed in words; none when any part is unset.
    pub fn propose(&self, kind: &str) -> Option<(Fen, String)> {
        let formula = self.kind(kind)?.formula.as_ref()?;
        let standard = self.amounts.iter().find(|standard| standard.code == formula.standard)?;
        let (times, fen) = (formula.times?, standard.fen?);
        let amount = Fen(fen.0.checked_mul(i64::from(times))? / 100);
        let times = super::amount::Hundredths(i64::from(times));
        Some((amount, format!("{times} × {}{fen}元 = {amount}元", standard.name)))
    }

    /// Reads a pack; a problem in `rows` means that it has not arrived whole and must not be used.
    pub fn read(doc: &Automerge) -> (Pack, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut root = Fields::of(doc, &ROOT);
        check_schema(&mut root, &mut problems);
        let from = Day::parse(&root.text("from"));
        if from.is_none() {
            problems.push(Problem::new("from", "生效日期无效"));
        }
        let wanted = root.number("rows").unwrap_or(-1);
        let mut found = 0;
        let mut pack = Pack {
            version: root.text("version"),
            from: from.unwrap_or(Day(i32::MAX)),
            title: root.text("title"),
            sample: matches!(root.0.remove("sample"), Some(ScalarValue::Boolean(true))),
            kinds: section(doc, "kinds", &mut found, &mut problems),
            amounts: section(doc, "amounts", &mut found, &mut problems),
            categories: section(doc, "categories", &mut found, &mut problems),
            causes: section(doc, "causes", &mut found, &mut problems),
            departments: section(doc, "departments", &mut found, &mut problems),
            providers: section(doc, "providers", &mut found, &mut problems),
            calendar: Calendar::default(),
        };
        for part in section::<Calendar>(doc, "calendar", &mut found, &mut problems) {
            pack.calendar.off.extend(part.off);
            pack.calendar.worked.extend(part.worked);
            pack.calendar.source = part.source;
        }
        if found != wanted {
            problems.push(Problem::new("rows", "政策包内容尚未到齐"));
        }
        (pack, problems)
    }

    /// The edits that publish the pack, one entry each: the first creates the record.
    pub fn publish(&self) -> Vec<Edit> {
        let mut all = Vec::new();
        json(&mut all, "kinds", &self.kinds);
        json(&mut all, "amounts", &self.amounts);
        json(&mut all, "categories", &self.categories);
        json(&mut all, "causes", &self.causes);
        json(&mut all, "departments", &self.departments);
        json(&mut all, "providers", &self.providers);
        json(&mut all, "calendar", std::slice::from_ref(&self.calendar));
        let (version, from, title, sample, count) =
            (self.version.clone(), self.from.to_string(), self.title.clone(), self.sample, all.len() as u64);
        let mut edits = vec![edit(move |tx| {
            tx.put(ROOT, "schema", SCHEMA)?;
            tx.put(ROOT, "version", version)?;
            tx.put(ROOT, "from", from)?;
            tx.put(ROOT, "title", title)?;
            tx.put(ROOT, "sample", sample)?;
            tx.put(ROOT, "rows", count)?;
            for name in SECTIONS {
                tx.put_object(ROOT, name, ObjType::List)?;
            }
            Ok(())
        })];
        let mut batch: Vec<(&'static str, String)> = Vec::new();
        let mut bytes = 0;
        for row in all {
            if bytes + row.1.len() > EDIT_BYTES && !batch.is_empty() {
                edits.push(rows_edit(std::mem::take(&mut batch)));
                bytes = 0;
            }
            bytes += row.1.len();
            batch.push(row);
        }
        edits.push(rows_edit(batch));
        edits
    }
}

const SECTIONS: [&str; 7] = ["kinds", "amounts", "categories", "causes", "departments", "providers", "calendar"];

/// Bytes of rows in one edit, well below the limit of a payload.
const EDIT_BYTES: usize = 5 * 1024;

fn json<T: Serialize>(out: &mut Vec<(&'static str, String)>, section: &'static str, rows: &[T]) {
    out.extend(rows.iter().filter_map(|row| Some((section, serde_json::to_string(row).ok()?))));
}

fn rows_edit(rows: Vec<(&'static str, String)>) -> Edit {
    edit(move |tx| {
        for (name, text) in rows {
            let list = child(tx, &ROOT, name, ObjType::List).ok_or(super::EditError::Missing(name))?;
            tx.insert(&list, tx.length(&list), text)?;
        }
        Ok(())
    })
}

fn section<T: for<'de> Deserialize<'de>>(
    doc: &Automerge,
    name: &'static str,
    found: &mut i64,
    problems: &mut Vec<Problem>,
) -> Vec<T> {
    let Some(list) = child(doc, &ROOT, name, ObjType::List) else { return Vec::new() };
    let mut rows = Vec::new();
    for item in doc.list_range(&list, ..) {
        *found += 1;
        let Value::Scalar(text) = item.value.into_value() else { continue };
        match serde_json::from_str(&text_of(&text)) {
            Ok(row) => rows.push(row),
            Err(_) => problems.push(Problem::new(format!("{name}[{}]", rows.len()), "这一行无法读取")),
        }
    }
    rows
}

/// The packs a replica has, by version.
pub type Packs = BTreeMap<String, Pack>;

/// The pack in force on `day`: the one that began last.
pub fn in_force(packs: &Packs, day: Day) -> Option<&Pack> {
    packs.values().filter(|pack| pack.from <= day).max_by_key(|pack| (pack.from, &pack.version))
}

/// A labelled sample pack for demonstrations and tests.
pub fn sample() -> Pack {
    match serde_json::from_str(include_str!("sample-pack.json")) {
        Ok(pack) => pack,
        Err(_) => unreachable!("the sample is part of the program and a test reads it"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use super::*;
    use automerge::ActorId;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn the_sample_is_published_in_small_changes_and_reads_back() {
        let pack = sample();
        assert!(pack.sample && pack.title.contains("样例"));
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        let edits = pack.publish();
        let last = edits.len() - 1;
        for (i, edit) in edits.into_iter().enumerate() {
            run(&mut doc, edit).expect("publishes");
            let change = doc.get_last_local_change().expect("a change");
            assert!(
                change.raw_bytes().len() < crate::limits::PAYLOAD_BYTES_MAX
                    && (change.len() as u64) < crate::limits::CHANGE_OPS_MAX
            );
            let (_, problems) = Pack::read(&doc);
            assert_eq!(problems.is_empty(), i == last, "{problems:?}");
        }
        assert_eq!(Pack::read(&doc).0, pack);
    }

    #[test]
    fn the_amount_of_story_b_is_three_times_the_standard() {
        let mut pack = sample();
        let (amount, text) = pack.propose("临时救助").expect("set");
        assert_eq!((amount, text.as_str()), (Fen(283_500), "3 × 低保标准945.00元 = 2835.00元"));
        pack.amounts[0].fen = None;
        assert_eq!(pack.propose("临时救助"), None, "unset blocks what is computed from it");
    }

    #[test]
    fn the_decider_follows_the_amount() {
        let pack = sample();
        let kind = pack.kind("临时救助").expect("known");
        assert_eq!(kind.decider(Fen(283_500)), Some(Tier::City));
        assert_eq!(kind.decider(Fen(90_000)), Some(Tier::Township));
        assert_eq!(pack.kind("教育救助").and_then(|kind| kind.decider(Fen(1))), None);
    }

    #[test]
    fn working_days_know_weekends_holidays_and_make_up_days() {
        let calendar = sample().calendar;
        // May 2019: 1 to 4 off, Sunday 28 April and Sunday 5 May worked.
        assert_eq!(calendar.deadline(day("2019-04-26"), 1), day("2019-04-28"));
        assert_eq!(calendar.deadline(day("2019-04-30"), 1), day("2019-05-05"));
        assert_eq!(calendar.deadline(day("2019-05-29"), 3), day("2019-06-03"));
        assert_eq!(calendar.deadline(day("2019-05-29"), 0), day("2019-05-29"));
        let broken = Calendar { off: (0..3_000).map(Day).collect(), ..Calendar::default() };
        assert!(broken.deadline(Day(0), 10) < Day(3_000), "a broken calendar ends");
    }

    #[test]
    fn a_row_of_a_newer_version_is_told_and_the_rest_read() {
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        for edit in sample().publish() {
            run(&mut doc, edit).expect("publishes");
        }
        let kinds = child(&doc, &ROOT, "kinds", ObjType::List).expect("kinds");
        run(&mut doc, edit(move |tx| Ok(tx.insert(&kinds, 0, "{\"code\":1}")?))).expect("writes");
        let (pack, problems) = Pack::read(&doc);
        assert_eq!(pack.kinds, sample().kinds);
        assert_eq!(problems.iter().map(|p| p.field.as_str()).collect::<Vec<_>>(), ["kinds[0]", "rows"]);
    }

    #[test]
    fn the_pack_in_force_is_the_one_that_began_last() {
        let pack =
            |version: &str, from| (version.to_owned(), Pack { version: version.into(), from: day(from), ..Pack::default() });
        let packs: Packs = [pack("a", "2019-01-01"), pack("b", "2019-06-01"), pack("c", "2030-01-01")].into();
        let at = |text| in_force(&packs, day(text)).map(|pack| pack.version.as_str());
        assert_eq!([at("2018-12-31"), at("2019-05-31"), at("2019-06-01")], [None, Some("a"), Some("b")]);
    }
}
