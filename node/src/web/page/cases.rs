//! The list of cases by where they stand.

use crate::store::reader::{self, CaseFilter, Page};
use crate::web::App;
use crate::web::error::{self, Answer};
use crate::web::session::Signed;
use crate::web::view::{Chip, Frame};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Urgency;
use shouwang_protocol::standing::Stage;

/// The list.
#[derive(Template, Default)]
#[template(path = "cases.html")]
pub struct CasesPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// Where, label, whether the reader is there.
    pub filters: Vec<(String, &'static str, bool)>,
    /// The cases.
    pub rows: Vec<CaseRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
}

/// One case.
#[derive(Default)]
pub struct CaseRow {
    /// Where it is.
    pub href: String,
    /// What it is about.
    pub title: String,
    /// The acceptance number.
    pub number: String,
    /// Who asks.
    pub applicant: String,
    /// The area.
    pub area: String,
    /// Where it stands.
    pub stage: Chip,
    /// Who must act.
    pub turn: String,
    /// By when.
    pub due: Chip,
    /// When it began.
    pub opened: String,
    /// Whether it goes first.
    pub urgent: bool,
}

/// Rows of one page of the list.
const ROWS: u32 = 50;

/// The filters of the list: word in the address, label, stages.
const FILTERS: [(&str, &str, &[Stage]); 10] = [
    ("clues", "线索求助", &[Stage::ToVerify, Stage::ToFollowUp, Stage::FoundFalse]),
    ("accept", "待受理", &[Stage::ToAccept, Stage::ToComplete]),
    ("examine", "调查预审", &[Stage::Accepted, Stage::ToVisit, Stage::ToCheck, Stage::ToAppraise, Stage::ToPreExamine]),
    ("notice", "公示", &[Stage::ToPost, Stage::OnNotice, Stage::Objected]),
    ("decide", "待审批", &[Stage::ToDecide]),
    ("pay", "待发放", &[Stage::ToPay, Stage::PaymentFailed]),
    ("running", "按月保障", &[Stage::Running, Stage::PhasingOut, Stage::Stopped]),
    ("transfer", "转办服务中", &[Stage::InTransfer, Stage::InService, Stage::FedBack]),
    ("done", "已有结果", &[Stage::Granted, Stage::Refused, Stage::NotAccepted, Stage::GivenUp]),
    ("closed", "已办结", &[Stage::Closed, Stage::Archived]),
];

/// The stages of cases that somebody still works on.
pub fn running() -> Vec<Stage> {
    Stage::ALL.into_iter().filter(|stage| !stage.is_done()).collect()
}

/// Which cases.
#[derive(Deserialize)]
pub struct Asked {
    at: Option<String>,
    from: Option<u64>,
}

/// A case in a list.
pub fn row(line: &reader::CaseRow, today: Day) -> CaseRow {
    let closed = line.stage.is_done() && line.turns.is_empty();
    CaseRow {
        href: format!("/cases/{}", line.case),
        title: wording::case_title(line.origin, &line.assistance, ""),
        number: line.number.clone().unwrap_or_default(),
        applicant: line.applicant.clone(),
        area: line.area_name.clone(),
        stage: wording::stage(line.stage),
        turn: line.turns.iter().map(wording::turn).collect::<Vec<_>>().join("；"),
        due: if closed || line.due.is_none() { Chip::default() } else { wording::due(line.due, today) },
        opened: wording::day(line.opened_on),
        urgent: !closed && (line.urgency != Urgency::Normal || line.due.is_some_and(|due| due < today)),
    }
}

/// `GET /cases`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let picked = FILTERS.iter().find(|(word, ..)| asked.at.as_deref() == Some(*word));
    let stages = picked.map_or_else(running, |(_, _, stages)| stages.to_vec());
    let filter = CaseFilter { stages, by_urgency: true, ..CaseFilter::default() };
    let from = asked.from.unwrap_or_default();
    let total = app.desk().count_cases(&signed.person, filter.clone()).await?;
    let found = app.desk().cases(&signed.person, filter, Page { offset: from, limit: ROWS }).await?;
    let word = picked.map(|(word, ..)| *word);
    let address = |word: Option<&str>| word.map_or_else(|| "/cases".to_owned(), |word| format!("/cases?at={word}"));
    let all = std::iter::once((address(None), "在办", word.is_none()));
    let filters = all.chain(FILTERS.iter().map(|(one, label, _)| (address(Some(*one)), *label, word == Some(*one)))).collect();
    let more = found.more.then(|| {
        let at = word.map(|word| format!("&at={word}")).unwrap_or_default();
        (format!("/cases?from={}{at}", from + u64::from(ROWS)), "再往下")
    });
    let today = app.today();
    let shown = format!("列出第 {} 到 {} 件", from + u64::from(!found.rows.is_empty()), from + found.rows.len() as u64);
    error::show(&CasesPage {
        frame: app.frame(&signed, "事项", "/cases").await?,
        heading: "事项".to_owned(),
        lead: format!("{} {} 件", picked.map_or("在办", |(_, label, _)| label), wording::count(total)),
        filters,
        rows: found.rows.iter().map(|line| row(line, today)).collect(),
        shown,
        more,
    })
}
