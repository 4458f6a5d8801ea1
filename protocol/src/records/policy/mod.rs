//! Policy packs (政策包): dated, signed data with everything a rule or a form takes from the law or the city.
//!
//! A pack is published whole and never changed; a new rule is a new pack. In the record each row is one JSON text in
//! the list of its section, so that no string grows beyond its limit and unknown fields of a row survive; `rows`
//! says how many there are, and a pack that lacks some is not in force yet. An amount that the city has not set is
//! `unset`: whatever would be computed from it is not. Nothing here reads a clock: the caller says which day it is.

mod article;
mod calendar;
mod check;
mod kinds;
mod question;

pub use article::{Article, Condition, Withdrawal};
pub use calendar::{Calendar, CalendarYear, DEADLINE_DAYS_MAX};
pub use kinds::{
    Assistance, Basis, ChangeKind, Code, Decides, Deduction, EmergencyRule, Exclusion, Formula, Grace, Limit, PayBy, ProjectKind,
    Provider, Remedy, Repeat, Review, Source, Standard, Status, Step, StopRule,
};

pub use question::{Holds, Question};

use super::amount::Fen;
use super::day::Day;
use super::event::TargetKind;
use super::{Edit, Fields, Problem, SCHEMA, check_schema, child, edit, text_of};
use crate::eligibility::{Facts, Ground};
use crate::means::counted;
use article::Passage;
use automerge::transaction::Transactable;
use automerge::{Automerge, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    pub providers: Vec<Provider>,
    /// Needs that are assessed (需求).
    #[serde(default)]
    pub needs: Vec<Code>,
    /// Classes of care projects (大类).
    #[serde(default)]
    pub project_classes: Vec<Code>,
    /// Kinds of care projects (小类).
    #[serde(default)]
    pub project_kinds: Vec<ProjectKind>,
    /// Where a family's means are asked about.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Kinds of assistance that exclude each other.
    #[serde(default)]
    pub exclusions: Vec<Exclusion>,
    /// Income that does not count (不计入家庭收入的项目).
    #[serde(default)]
    pub exempt: Vec<Code>,
    /// What is taken off the income.
    #[serde(default)]
    pub deductions: Vec<Deduction>,
    /// What a household's means may make it, the neediest first.
    #[serde(default)]
    pub statuses: Vec<Status>,
    /// Kinds of changes of households.
    #[serde(default)]
    pub changes: Vec<ChangeKind>,
    /// How a family may object to a decision.
    #[serde(default)]
    pub remedies: Vec<Remedy>,
    /// What the application forms ask, in the order of the form.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// Days off and make-up days.
    #[serde(default)]
    pub calendar: Calendar,
    /// The policy list (政策清单).
    #[serde(default)]
    pub articles: Vec<Article>,
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

    /// The amounts by code that are set: what conditions and formulas call `standard`.
    pub fn standards(&self) -> BTreeMap<String, Fen> {
        self.amounts.iter().filter_map(|standard| Some((standard.code.clone(), standard.fen?))).collect()
    }

    /// The amount the pack proposes for a kind, and how it was computed in words; else why there is none, in Chinese.
    pub fn propose(&self, kind: &str, facts: &Facts) -> Result<(Fen, String), String> {
        let kind = self.kind(kind).ok_or_else(|| "政策包中没有这一救助种类".to_owned())?;
        let Some(formula) = &kind.formula else {
            return Err(format!("政策包没有规定“{}”的计算公式", kind.name));
        };
        let facts = counted(self, facts)?.onto(facts);
        let (amount, used) = Ground::of(&facts, &self.standards()).amount(&formula.amount)?;
        let used = if used.is_empty() { used } else { format!("（{used}）") };
        Ok((amount, format!("{} = {amount}元{used}", formula.text)))
    }

    /// The sources that a check of this kind asks.
    pub fn sources_of(&self, kind: &str) -> Vec<&Source> {
        let wanted = self.kind(kind).map(|kind| kind.sources.as_slice()).unwrap_or_default();
        self.sources.iter().filter(|source| wanted.is_empty() || wanted.contains(&source.code)).collect()
    }

    /// What the application form of a kind asks.
    pub fn questions_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Question> {
        self.questions.iter().filter(move |question| question.kinds.iter().any(|it| it == kind))
    }

    /// A policy of the list.
    pub fn article(&self, code: &str) -> Option<&Article> {
        self.articles.iter().find(|article| article.code == code)
    }

    /// A provider.
    pub fn provider(&self, code: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.code == code)
    }

    /// The departments or the providers that a case can be handed to: code and name.
    pub fn receivers(&self, kind: TargetKind) -> Vec<(&str, &str)> {
        match kind {
            TargetKind::Department => self.departments.iter().map(|it| (it.code.as_str(), it.name.as_str())).collect(),
            TargetKind::Provider => self.providers.iter().map(|it| (it.code.as_str(), it.name.as_str())).collect(),
            TargetKind::Office => Vec::new(),
        }
    }

    /// A kind of care project.
    pub fn project_kind(&self, code: &str) -> Option<&ProjectKind> {
        self.project_kinds.iter().find(|kind| kind.code == code)
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
            needs: section(doc, "needs", &mut found, &mut problems),
            project_classes: section(doc, "project_classes", &mut found, &mut problems),
            project_kinds: section(doc, "project_kinds", &mut found, &mut problems),
            sources: section(doc, "sources", &mut found, &mut problems),
            exclusions: section(doc, "exclusions", &mut found, &mut problems),
            exempt: section(doc, "exempt", &mut found, &mut problems),
            deductions: section(doc, "deductions", &mut found, &mut problems),
            statuses: section(doc, "statuses", &mut found, &mut problems),
            changes: section(doc, "changes", &mut found, &mut problems),
            remedies: section(doc, "remedies", &mut found, &mut problems),
            questions: section(doc, "questions", &mut found, &mut problems),
            calendar: Calendar::default(),
            articles: section(doc, "articles", &mut found, &mut problems),
        };
        let mut passages: Vec<Passage> = section(doc, "passages", &mut found, &mut problems);
        passages.sort();
        for Passage { article, text, .. } in passages {
            pack.articles.iter_mut().filter(|it| it.code == article).for_each(|it| it.text.push_str(&text));
        }
        for part in section::<Calendar>(doc, "calendar", &mut found, &mut problems) {
            pack.calendar.off.extend(part.off);
            pack.calendar.worked.extend(part.worked);
            pack.calendar.source = part.source;
            pack.calendar.sources.extend(part.sources);
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
        json(&mut all, "needs", &self.needs);
        json(&mut all, "project_classes", &self.project_classes);
        json(&mut all, "project_kinds", &self.project_kinds);
        json(&mut all, "sources", &self.sources);
        json(&mut all, "exclusions", &self.exclusions);
        json(&mut all, "exempt", &self.exempt);
        json(&mut all, "deductions", &self.deductions);
        json(&mut all, "statuses", &self.statuses);
        json(&mut all, "changes", &self.changes);
        json(&mut all, "remedies", &self.remedies);
        json(&mut all, "questions", &self.questions);
        json(&mut all, "calendar", &self.calendar.by_year());
        json(&mut all, "articles", &self.articles.iter().map(Article::without_text).collect::<Vec<_>>());
        json(&mut all, "passages", &self.articles.iter().flat_map(Article::passages).collect::<Vec<_>>());
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
                tx.put_object(ROOT, *name, ObjType::List)?;
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

const SECTIONS: &[&str] = &[
    "kinds",
    "amounts",
    "categories",
    "causes",
    "departments",
    "providers",
    "needs",
    "project_classes",
    "project_kinds",
    "sources",
    "exclusions",
    "exempt",
    "deductions",
    "statuses",
    "changes",
    "remedies",
    "questions",
    "calendar",
    "articles",
    "passages",
];

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

/// The dictionary of care projects, in a file of its own.
#[derive(Deserialize)]
struct Dictionary {
    needs: Vec<Code>,
    project_classes: Vec<Code>,
    project_kinds: Vec<ProjectKind>,
}

/// A labelled sample pack for demonstrations and tests.
pub fn sample() -> Pack {
    let pack = serde_json::from_str::<Pack>(include_str!("sample-pack.json"));
    let projects = serde_json::from_str::<Dictionary>(include_str!("sample-projects.json"));
    match (pack, serde_json::from_str(include_str!("sample-articles.json")), projects) {
        (Ok(pack), Ok(articles), Ok(Dictionary { needs, project_classes, project_kinds })) => {
            Pack { articles, needs, project_classes, project_kinds, ..pack }
        }
        _ => unreachable!("the sample is part of the program and a test reads it"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use super::*;
    use crate::area::Tier;
    use automerge::ActorId;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn the_sample_is_published_in_small_changes_and_reads_back() {
        let pack = sample();
        assert!(pack.sample && pack.title.contains("样例"));
        assert_eq!(pack.faults(), []);
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
        let (amount, text) = pack.propose("临时救助", &Facts::default()).expect("set");
        assert_eq!((amount, text.as_str()), (Fen(283_500), "3 × 低保标准 = 2835.00元（低保标准 945.00元）"));
        pack.amounts[0].fen = None;
        let why = pack.propose("临时救助", &Facts::default()).expect_err("unset blocks what is computed from it");
        assert_eq!(why, "“低保标准”尚未由市级设定");
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
