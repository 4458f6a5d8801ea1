//! The lists behind figures: the lines of aid, and the cases with the reason of each that was not approved.

use super::export;
use super::statistics::{AidRow, AsOfBox, Asked, address, aid_row, as_of_box, case_row};
use crate::desk::export::EXPORTERS;
use crate::desk::statistics::{CASE_COLUMNS, Question, channel_label, period_label, source_of};
use crate::store::reader::{AccountRow, BenefitRow, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::{Chip, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use shouwang_protocol::account::Outcome;
use shouwang_protocol::records::event::{Finding, Origin};

/// Lines of one page.
const ROWS: u32 = 100;

/// The list of aid.
#[derive(Template, Default)]
#[template(path = "statistics_items.html")]
pub struct ItemsPage {
    /// The frame.
    pub frame: Frame,
    /// What was picked, in words.
    pub lead: String,
    /// Back to the statistics.
    pub back: String,
    /// Where the list is taken out; empty: the reader may not.
    pub export: String,
    /// All lines.
    pub total: AidRow,
    /// The lines of this page.
    pub rows: Vec<ItemRow>,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// As of when.
    pub as_of: AsOfBox,
    /// Name, hash, query.
    pub queries: Vec<(String, String, String)>,
}

/// A line of aid.
#[derive(Default)]
pub struct ItemRow {
    /// The day.
    pub day: String,
    /// The household's page, or the case's.
    pub href: String,
    /// The head.
    pub head: String,
    /// For whom.
    pub person: String,
    /// The village.
    pub area: String,
    /// The kind.
    pub kind: String,
    /// The fund.
    pub fund: String,
    /// How much; empty: not written down.
    pub amount: String,
    /// Where it stands: a row of the record, a payment of a case.
    pub source: String,
    /// The case; empty: none.
    pub case: String,
}

/// The list of cases.
#[derive(Template, Default)]
#[template(path = "statistics_cases.html")]
pub struct CasesPage {
    /// The frame.
    pub frame: Frame,
    /// What was picked, in words.
    pub lead: String,
    /// Back to the statistics.
    pub back: String,
    /// Where the list is taken out; empty: the reader may not.
    pub export: String,
    /// Numbers of applications, outcomes, clues; each with its list.
    pub totals: Vec<(&'static str, String, String)>,
    /// The cases of this page.
    pub rows: Vec<CaseRow>,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// As of when.
    pub as_of: AsOfBox,
    /// Name, hash, query.
    pub queries: Vec<(String, String, String)>,
}

/// A case.
#[derive(Default)]
pub struct CaseRow {
    /// Its page.
    pub href: String,
    /// What it is about.
    pub title: String,
    /// Who asks.
    pub applicant: String,
    /// The village.
    pub area: String,
    /// Where it came in.
    pub channel: String,
    /// How it ended.
    pub outcome: Chip,
    /// Why.
    pub reason: String,
    /// When it was opened.
    pub opened: String,
    /// When it ended.
    pub ended: String,
}

/// What was picked, in words.
pub fn words(question: &Question) -> String {
    let mut parts = vec![period_label(question.period)];
    let mut say = |label: &str, value: Option<&String>, unsaid: &str| {
        let value = value.map(|value| if value.is_empty() { unsaid.to_owned() } else { value.clone() });
        parts.extend(value.map(|value| format!("{label}：{value}")));
    };
    say("种类", question.kind.as_ref(), "未写明");
    say("部门", question.department.as_ref(), "政策包未列的种类");
    say("资金", question.fund.as_ref(), "未写明");
    say("渠道", question.channel.as_deref().map(channel_label).as_ref(), "未写明");
    say("结果", question.outcome.map(|outcome| outcome.label().to_owned()).as_ref(), "");
    let finding = question.finding.as_deref().and_then(Finding::from_word).map(|finding| finding.label().to_owned());
    say("核实", finding.as_ref(), "");
    let origin = question.origin.as_deref().and_then(Origin::from_word).map(|origin| origin.label().to_owned());
    say("来源", origin.as_ref(), "");
    parts.extend(question.application.map(|yes| if yes { "申请" } else { "线索" }.to_owned()));
    parts.extend(question.household.map(|_| if question.person.is_some() { "一人" } else { "一户" }.to_owned()));
    parts.extend(question.area.or(question.at).map(|_| "所选区划".to_owned()));
    parts.extend(question.overdue.then(|| "现已超期".to_owned()));
    parts.extend(question.corrected.map(|corrected| corrected.label().to_owned()));
    parts.join("　")
}

fn more(path: &str, question: &Question, asked: &Asked, more: bool) -> Option<(String, &'static str)> {
    more.then(|| (address(path, question, &[("from", (asked.from() + u64::from(ROWS)).to_string())]), "再往下"))
}

fn back(question: &Question) -> String {
    address("/statistics", &Question { period: question.period, area: question.area, ..Question::default() }, &[])
}

fn export(signed: &Signed, word: &str, question: &Question) -> String {
    if signed.person.has(EXPORTERS) { export::address(word, question, None) } else { String::new() }
}

fn item(line: &BenefitRow) -> ItemRow {
    let case = line.case.map(|case| format!("/cases/{case}")).unwrap_or_default();
    ItemRow {
        day: wording::day(line.day),
        href: line.household.map_or_else(|| case.clone(), |household| format!("/households/{household}")),
        head: if line.head.is_empty() { "（没有对应的家庭）".to_owned() } else { line.head.clone() },
        person: if line.person.is_empty() { "全户".to_owned() } else { line.person.clone() },
        area: line.area_name.clone(),
        kind: line.kind.clone(),
        fund: line.fund.clone(),
        amount: line.amount.map(wording::money).unwrap_or_default(),
        source: source_of(line),
        case,
    }
}

/// `GET /statistics/items`
pub async fn items(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let question = asked.question(app.today()).ok_or(WebError::NoPage)?;
    let page = Page { offset: asked.from(), limit: ROWS };
    let found = app.desk().benefit_list(&signed.person, question.clone(), page).await?;
    error::show(&ItemsPage {
        frame: app.frame(&signed, "受助明细", "/statistics").await?,
        lead: words(&question),
        back: back(&question),
        export: export(&signed, "statistics_items", &question),
        total: found.total.rows.first().map(aid_row).unwrap_or_default(),
        rows: found.lines.rows.iter().map(item).collect(),
        more: more("/statistics/items", &question, &asked, found.lines.more),
        as_of: as_of_box(&found.as_of, app.wall_ms()),
        queries: vec![
            ("合计".to_owned(), found.total.hash, found.total.query),
            ("明细".to_owned(), found.lines.hash, found.lines.query),
        ],
    })
}

fn case(line: &AccountRow) -> CaseRow {
    let tone = match line.outcome {
        Outcome::Approved => Tone::Good,
        Outcome::Refused | Outcome::Withdrawn => Tone::Plain,
        Outcome::Pending => Tone::Accent,
    };
    let unsaid = line.reason.is_empty() && matches!(line.outcome, Outcome::Refused | Outcome::Withdrawn);
    CaseRow {
        href: format!("/cases/{}", line.case),
        title: wording::case_title(Origin::from_word(&line.origin), &line.kind, ""),
        applicant: line.applicant.clone(),
        area: line.area_name.clone(),
        channel: channel_label(&line.channel),
        outcome: Chip::new(tone, line.outcome.label()),
        reason: if unsaid { "没有写明原因".to_owned() } else { line.reason.clone() },
        opened: wording::day(line.opened_on),
        ended: wording::day(line.ended_on),
    }
}

/// `GET /statistics/cases`
pub async fn cases(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let question = asked.question(app.today()).ok_or(WebError::NoPage)?;
    let page = Page { offset: asked.from(), limit: ROWS };
    let found = app.desk().account_list(&signed.person, question.clone(), page).await?;
    let (_, cells) = found.total.rows.first().map(case_row).unwrap_or_default();
    let totals = CASE_COLUMNS.into_iter().zip(cells).map(|(label, (number, href))| (label, number, href));
    error::show(&CasesPage {
        frame: app.frame(&signed, "事项明细", "/statistics").await?,
        lead: words(&question),
        back: back(&question),
        export: export(&signed, "statistics_cases", &question),
        totals: totals.collect(),
        rows: found.lines.rows.iter().map(case).collect(),
        more: more("/statistics/cases", &question, &asked, found.lines.more),
        as_of: as_of_box(&found.as_of, app.wall_ms()),
        queries: vec![
            ("合计".to_owned(), found.total.hash, found.total.query),
            ("明细".to_owned(), found.lines.hash, found.lines.query),
        ],
    })
}
