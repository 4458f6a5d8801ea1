//! Statistics: totals, charts with their tables, outcomes, indicators, and as of when with which villages.

use super::chart::{self, Chart, Datum};
use super::export;
use crate::desk::categories::Categories;
use crate::desk::export::EXPORTERS;
use crate::desk::statistics::{
    AidGroup, By, CaseGroup, Indicator, Link, Measure, Published, Question, Statistics, period_label, period_of,
};
use crate::store::reader::{AsOf, CategoryCount, Corrected, Page, Period};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::{Choice, Field, Frame};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use shouwang_protocol::account::Outcome;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;
use utoipa::IntoParams;

/// Rows of a table of households or persons on one page.
const ROWS: u32 = 50;

/// What an address asks.
#[derive(Clone, Deserialize, Default, IntoParams)]
#[serde(default)]
pub struct Asked {
    /// `2019`, `2019-05`, `all`, `none` (without a day); missing: the year that goes on.
    when: Option<String>,
    /// An area's 12 digits.
    area: Option<String>,
    /// An area's 12 digits: what is in it and not below.
    at: Option<String>,
    /// A kind.
    kind: Option<String>,
    /// A department.
    department: Option<String>,
    /// A fund.
    fund: Option<String>,
    /// A household's record.
    household: Option<String>,
    /// The place of a person in the household's list.
    person: Option<usize>,
    /// `yes`: applications, `no`: clues.
    application: Option<String>,
    /// A channel's word.
    channel: Option<String>,
    /// An outcome's word.
    outcome: Option<String>,
    /// A finding's word.
    finding: Option<String>,
    /// An origin's word.
    origin: Option<String>,
    /// `1`: pending and overdue.
    overdue: Option<String>,
    /// `monthly`, `cut`, `paid`, `undue`: with money that was put right, or could have been.
    corrected: Option<String>,
    /// What the table is by: `kind`, `department`, `fund`, `village`, `period`, `household`, `person`.
    by: Option<String>,
    /// Rows to pass over.
    from: Option<u64>,
}

impl Asked {
    /// As a question; none when something in it cannot be read.
    pub fn question(&self, today: Day) -> Option<Question> {
        let period = match self.when.as_deref() {
            None | Some("") => Period::Year(today.ymd().0),
            Some("all") => Period::Any,
            Some("none") => Period::Undated,
            Some(text) => Some(period_of(text)).filter(|period| period.days().is_some())?,
        };
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Some(Question {
            period,
            area: given(&self.area).map(|code| AreaId::parse(&code).ok_or(())).transpose().ok()?,
            at: given(&self.at).map(|code| AreaId::parse(&code).ok_or(())).transpose().ok()?,
            kind: self.kind.clone(),
            department: self.department.clone(),
            fund: self.fund.clone(),
            household: given(&self.household).map(|id| RecordId::parse(&id).ok_or(())).transpose().ok()?,
            person: self.person,
            application: given(&self.application).map(|word| word == "yes"),
            channel: self.channel.clone(),
            outcome: given(&self.outcome).map(|word| Outcome::from_word(&word).ok_or(())).transpose().ok()?,
            finding: given(&self.finding),
            origin: given(&self.origin),
            overdue: self.overdue.is_some(),
            corrected: given(&self.corrected).map(|word| Corrected::from_word(&word).ok_or(())).transpose().ok()?,
        })
    }

    /// What the table is by.
    pub fn by(&self) -> By {
        self.by.as_deref().and_then(By::from_word).unwrap_or_default()
    }

    /// Rows to pass over.
    pub fn from(&self) -> u64 {
        self.from.unwrap_or_default()
    }
}

pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The address at which a question is answered.
pub fn address(path: &str, question: &Question, more: &[(&str, String)]) -> String {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    pairs.push((
        "when",
        match question.period {
            Period::Any => "all".to_owned(),
            Period::Undated => "none".to_owned(),
            Period::Year(year) => year.to_string(),
            Period::Month(year, month) => format!("{year}-{month:02}"),
        },
    ));
    let mut put = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    put("area", question.area.map(|area| area.to_string()));
    put("at", question.at.map(|area| area.to_string()));
    put("kind", question.kind.clone());
    put("department", question.department.clone());
    put("fund", question.fund.clone());
    put("household", question.household.map(|household| household.to_string()));
    put("person", question.person.map(|place| place.to_string()));
    put("application", question.application.map(|yes| if yes { "yes" } else { "no" }.to_owned()));
    put("channel", question.channel.clone());
    put("outcome", question.outcome.map(|outcome| outcome.word().to_owned()));
    put("finding", question.finding.clone());
    put("origin", question.origin.clone());
    put("overdue", question.overdue.then(|| "1".to_owned()));
    put("corrected", question.corrected.map(|corrected| corrected.word().to_owned()));
    pairs.extend(more.iter().cloned());
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// The page.
#[derive(Template, Default)]
#[template(path = "statistics.html")]
pub struct StatisticsPage {
    /// The frame.
    pub frame: Frame,
    /// As of when, in a sentence.
    pub lead: String,
    /// Where the tables are taken out; empty: the reader may not.
    pub export: String,
    /// What may be picked.
    pub fields: Vec<Field>,
    /// What the table is by; sent along.
    pub by: &'static str,
    /// Totals: number, label, list.
    pub tiles: Vec<(String, &'static str, String)>,
    /// By time and by kind.
    pub charts: Vec<(Chart, AidTable)>,
    /// What the table may be by: where, label, whether it is.
    pub tabs: Vec<(String, &'static str, bool)>,
    /// The table.
    pub picked: AidTable,
    /// Cases.
    pub cases: Vec<CaseTable>,
    /// Households by category.
    pub categories: CategoryTable,
    /// Indicators by group.
    pub indicators: Vec<(&'static str, Vec<IndicatorLine>)>,
    /// The villages.
    pub as_of: AsOfBox,
    /// Every figure's query: name, hash, query.
    pub queries: Vec<(String, String, String)>,
}

/// A table of aid.
#[derive(Default)]
pub struct AidTable {
    /// What the rows are.
    pub head: &'static str,
    /// The rows.
    pub rows: Vec<AidRow>,
    /// The sum of all rows; none when the table is only a page of more.
    pub sum: Option<AidRow>,
    /// The next page.
    pub more: Option<(String, &'static str)>,
}

/// A row of it.
#[derive(Default)]
pub struct AidRow {
    /// What it is about.
    pub label: String,
    /// The list behind it.
    pub href: String,
    /// Lines.
    pub count: String,
    /// What came back; empty: nothing.
    pub recovered: String,
    /// Their sum, less what came back.
    pub amount: String,
    /// Lines without an amount; empty: none.
    pub unpriced: String,
}

/// A table of cases.
#[derive(Default)]
pub struct CaseTable {
    /// What the rows are.
    pub head: &'static str,
    /// Label, then number and list for: applications, the four outcomes, clues.
    pub rows: Vec<(String, Vec<(String, String)>)>,
}

/// Households by category.
#[derive(Default)]
pub struct CategoryTable {
    /// The day.
    pub on: String,
    /// The category, its households, their list.
    pub rows: Vec<(String, String, String)>,
    /// All of the lines.
    pub sum: String,
    /// The households, each once, and their list.
    pub households: (String, String),
}

/// An indicator.
#[derive(Default)]
pub struct IndicatorLine {
    /// What it is.
    pub label: &'static str,
    /// Its value; empty: none yet.
    pub value: String,
    /// How it is computed, or why not.
    pub note: &'static str,
    /// The items behind it; empty: none.
    pub href: String,
}

/// As of when, with which villages.
#[derive(Default)]
pub struct AsOfBox {
    /// When.
    pub at: String,
    /// In a sentence.
    pub words: String,
    /// The digest of what was held.
    pub digest: String,
    /// Villages: name, when, entries, digest.
    pub villages: Vec<[String; 4]>,
}

/// As of when, for any page.
pub fn as_of_box(as_of: &AsOf, at_ms: i64) -> AsOfBox {
    let heard = |village: &crate::store::reader::Heard| match (village.here, village.at_ms, village.entries) {
        (true, ..) => "本机".to_owned(),
        (_, Some(ms), _) => wording::moment(ms, at_ms),
        (_, None, 0) => "从未".to_owned(),
        (_, None, _) => "从未（只有上级写入的内容）".to_owned(),
    };
    let with_content = as_of.villages.iter().filter(|village| village.entries > 0).count();
    let oldest = as_of.villages.iter().filter(|village| !village.here).filter_map(|village| village.at_ms).min();
    let oldest = oldest.map(|ms| format!("，其中最早的一次在 {}", wording::moment(ms, at_ms))).unwrap_or_default();
    let words = format!(
        "辖区 {} 个村(社区)，{} 个有内容，{} 个的机器联系过{oldest}；共 {} 条记录。",
        as_of.villages.len(),
        with_content,
        as_of.heard(),
        wording::count(as_of.entries)
    );
    let row = |village: &crate::store::reader::Heard| {
        [wording::with_past(village), heard(village), wording::count(village.entries), village.digest[..16].to_owned()]
    };
    AsOfBox {
        at: wording::moment(at_ms, at_ms),
        words,
        digest: as_of.digest.clone(),
        villages: as_of.villages.iter().map(row).collect(),
    }
}

/// A row of a table of aid.
pub fn aid_row(group: &AidGroup) -> AidRow {
    AidRow {
        label: group.label.clone(),
        href: address("/statistics/items", &group.question, &[]),
        count: wording::count(group.group.count),
        recovered: if group.group.returns == 0 { String::new() } else { wording::money(group.group.recovered) },
        amount: wording::money(group.group.amount),
        unpriced: if group.group.unpriced == 0 { String::new() } else { wording::count(group.group.unpriced) },
    }
}

fn aid_table(head: &'static str, groups: &Published<AidGroup>, total: &Published<AidGroup>, whole: bool) -> AidTable {
    let sum = total.rows.first().filter(|_| whole).map(aid_row);
    AidTable { head, rows: groups.rows.iter().map(aid_row).collect(), sum, more: None }
}

/// Label, then number and list for: applications, the four outcomes, clues.
pub fn case_row(group: &CaseGroup) -> (String, Vec<(String, String)>) {
    let list = |question: Question| address("/statistics/cases", &question, &[]);
    let applications = Question { application: Some(true), ..group.question.clone() };
    let mut cells = vec![(wording::count(group.applications()), list(applications.clone()))];
    for (outcome, count) in Outcome::ALL.into_iter().zip(group.outcomes) {
        cells.push((wording::count(count), list(Question { outcome: Some(outcome), ..applications.clone() })));
    }
    let clues = Question { application: Some(false), ..group.question.clone() };
    cells.push((wording::count(group.clues), list(clues)));
    (group.label.clone(), cells)
}

fn case_table(head: &'static str, groups: &Published<CaseGroup>, total: &Published<CaseGroup>) -> CaseTable {
    let mut rows: Vec<_> = groups.rows.iter().map(case_row).collect();
    rows.extend(total.rows.iter().map(case_row));
    CaseTable { head, rows }
}

fn categories(found: &Categories) -> CategoryTable {
    let area = found.area.map(|area| format!("&area={area}")).unwrap_or_default();
    let list = |category: &str| format!("/households?category={}&on={}{area}", encoded(category), found.on);
    let row = |row: &CategoryCount| {
        let label = if row.category.is_empty() { "未登记类别" } else { &row.category };
        let word = if row.category.is_empty() { super::households::NO_CATEGORY } else { &row.category };
        (label.to_owned(), wording::count(row.households), list(word))
    };
    let households = found.households.rows.first().copied().unwrap_or_default();
    CategoryTable {
        on: found.on.to_string(),
        rows: found.rows.rows.iter().map(row).collect(),
        sum: wording::count(found.sum),
        households: (wording::count(households), format!("/households?on={}{area}", found.on)),
    }
}

fn datum(group: &AidGroup, label: String) -> Datum {
    let tip = format!("{}：{} 元，{} 笔", group.label, wording::money(group.group.amount), group.group.count);
    Datum { label, amount: group.group.amount, href: address("/statistics/items", &group.question, &[]), tip }
}

/// Months without aid are drawn, too.
fn months(found: &Statistics, question: &Question) -> Vec<Datum> {
    let Period::Year(year) = question.period else {
        let label = |group: &AidGroup| match group.question.period {
            Period::Month(_, month) => format!("{month}月"),
            Period::Year(year) => year.to_string(),
            Period::Any | Period::Undated => "无日期".to_owned(),
        };
        return found.by_period.rows.iter().map(|group| datum(group, label(group))).collect();
    };
    let month = |month: u32| {
        let period = Period::Month(year, month);
        let group = found.by_period.rows.iter().find(|group| group.question.period == period);
        let label = format!("{month}月");
        let empty = || Datum { label: label.clone(), tip: format!("{year}年{month}月：没有"), ..Datum::default() };
        group.map_or_else(empty, |group| datum(group, label.clone()))
    };
    (1..=12).map(month).collect()
}

fn charts(found: &Statistics, question: &Question) -> Vec<(Chart, AidTable)> {
    let period = period_label(question.period);
    let what = if matches!(question.period, Period::Year(_)) {
        ("月份", "各月受助金额")
    } else {
        ("时间", "各期受助金额")
    };
    let sum = found.total.rows.first().map(|all| wording::money(all.group.amount)).unwrap_or_default();
    let desc = |what: &str| format!("{period}{what}的柱形图，合计 {sum} 元；右侧的表列出同样的数字。");
    let by_time = chart::columns("chart-time", format!("{period}{}", what.1), desc(what.1), months(found, question));
    let kinds = found.by_kind.rows.iter().map(|group| datum(group, group.label.clone())).collect();
    let by_kind = chart::rows("chart-kind", format!("{period}各种类受助金额"), desc("各种类受助金额"), kinds);
    vec![
        (by_time, aid_table(what.0, &found.by_period, &found.total, true)),
        (by_kind, aid_table("救助种类", &found.by_kind, &found.total, true)),
    ]
}

fn indicator(line: &Indicator) -> IndicatorLine {
    let percent = |thousandths: u64| format!("{}.{}%", thousandths / 10, thousandths % 10);
    let value = line.value.map(|value| match value {
        Measure::Share { part, whole } => {
            format!("{}（{} / {}）", percent(part * 1_000 / whole.max(1)), wording::count(part), wording::count(whole))
        }
        Measure::Days(days) => format!("{days} 天"),
        Measure::Count(count) => wording::count(count),
        Measure::Amounts { low, middle, high } => {
            format!("{} ～ {} ～ {}", wording::money(low), wording::money(middle), wording::money(high))
        }
        Measure::Shares { low, high } => format!("{} ～ {}", percent(low), percent(high)),
    });
    let href = match &line.link {
        Some(Link::Cases(question)) => address("/statistics/cases", question, &[]),
        Some(Link::Households(question)) => {
            address("/statistics", question, &[("by", By::Household.word().to_owned())]) + "#picked"
        }
        Some(Link::Villages(question)) => address("/statistics", question, &[("by", By::Village.word().to_owned())]) + "#picked",
        None => String::new(),
    };
    IndicatorLine { label: line.label, value: value.unwrap_or_default(), note: line.note, href }
}

fn queries(found: &Statistics, by: By) -> Vec<(String, String, String)> {
    fn one<T>(name: &str, figure: &Published<T>) -> (String, String, String) {
        (name.to_owned(), figure.hash.clone(), figure.query.clone())
    }
    let mut out = vec![
        one("受助合计", &found.total),
        one("受助家庭", &found.households),
        one("受助，按时间", &found.by_period),
        one("受助，按救助种类", &found.by_kind),
        one(&format!("受助，按{}", by.label()), &found.by_picked),
        one("家庭，按身份类别", &found.categories.rows),
        one("户数", &found.categories.households),
        one("事项合计", &found.cases),
        one("事项，按登记渠道", &found.by_channel),
        one("事项，按救助种类", &found.cases_by_kind),
        one("事项，按村(社区)", &found.cases_by_village),
    ];
    for line in found.indicators.iter().flat_map(|group| &group.lines).filter(|line| line.value.is_some()) {
        out.push((line.label.to_owned(), line.hash.clone(), line.queries.join(";\n")));
    }
    out.dedup();
    out
}

fn fields(found: &Statistics, question: &Question, today: Day) -> Vec<Field> {
    let picked = match question.period {
        Period::Any => "all".to_owned(),
        Period::Undated => "none".to_owned(),
        Period::Year(year) | Period::Month(year, _) => year.to_string(),
    };
    let mut years: Vec<i32> = found.years.clone();
    if !years.contains(&today.ymd().0) {
        years.insert(0, today.ymd().0);
    }
    let years = years.into_iter().map(|year| (year.to_string(), format!("{year}年")));
    let years = years.chain([("all".to_owned(), "全部年份".to_owned())]);
    let area = question.area.map(|area| area.to_string()).unwrap_or_default();
    let all = std::iter::once((String::new(), "全部".to_owned()));
    let mut areas: Vec<(String, String)> =
        all.chain(found.areas.iter().map(|(id, name)| (id.to_string(), name.clone()))).collect();
    if !areas.iter().any(|(id, _)| *id == area) {
        areas.push((area.clone(), area.clone()));
    }
    vec![Field::select("when", "年份", Choice::list(years, &picked)), Field::select("area", "区划", Choice::list(areas, &area))]
}

/// `GET /statistics`
pub async fn show(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let today = app.today();
    let question = asked.question(today).ok_or(WebError::NoPage)?;
    let (by, from) = (asked.by(), asked.from());
    let found = app.desk().statistics(&signed.person, question.clone(), by, Page { offset: from, limit: ROWS }).await?;
    let as_of = as_of_box(&found.as_of, found.at_ms);
    let tab = |one: By| (address("/statistics", &question, &[("by", one.word().to_owned())]) + "#picked", one.label(), one == by);
    let items = address("/statistics/items", &question, &[]);
    let households = found.households.rows.first().copied().unwrap_or_default();
    let by_household = address("/statistics", &question, &[("by", By::Household.word().to_owned())]) + "#picked";
    let (_, cases) = found.cases.rows.first().map(case_row).unwrap_or_default();
    let case_tile = |at: usize, label| cases.get(at).map(|(number, href)| (number.clone(), label, href.clone()));
    let total = found.total.rows.first().map(aid_row).unwrap_or_default();
    let sum = if total.recovered.is_empty() { "受助合计(元)" } else { "受助合计，已减追回(元)" };
    let mut tiles = vec![(total.amount, sum, items.clone()), (total.count, "受助笔数", items.clone())];
    if !total.recovered.is_empty() {
        tiles.push((total.recovered, "追回(元)", items));
    }
    tiles.push((wording::count(households), "受助家庭", by_household));
    tiles.extend(
        [case_tile(0, "申请"), case_tile(1, "通过"), case_tile(2, "不予通过"), case_tile(3, "撤回"), case_tile(4, "在办")]
            .into_iter()
            .flatten(),
    );
    let paged = matches!(by, By::Household | By::Person);
    let mut picked = aid_table(by.label(), &found.by_picked, &found.total, !paged);
    picked.more = found.by_picked.more.then(|| {
        let next = (from + u64::from(ROWS)).to_string();
        (address("/statistics", &question, &[("by", by.word().to_owned()), ("from", next)]) + "#picked", "再往下")
    });
    let lines = |group: &crate::desk::statistics::IndicatorGroup| (group.name, group.lines.iter().map(indicator).collect());
    error::show(&StatisticsPage {
        frame: app.frame(&signed, "统计", "/statistics").await?,
        lead: format!("{}，截至 {}", period_label(question.period), as_of.at),
        export: match signed.person.has(EXPORTERS) {
            true => export::address("statistics", &question, Some(by)),
            false => String::new(),
        },
        fields: fields(&found, &question, today),
        by: by.word(),
        tiles,
        charts: charts(&found, &question),
        tabs: By::ALL.map(tab).into(),
        picked,
        cases: vec![
            case_table("登记渠道", &found.by_channel, &found.cases),
            case_table("救助种类", &found.cases_by_kind, &found.cases),
            case_table("村(社区)", &found.cases_by_village, &found.cases),
        ],
        categories: categories(&found.categories),
        indicators: found.indicators.iter().map(lines).collect(),
        queries: queries(&found, by),
        as_of,
    })
}
