//! 督办: open loops by stage and holder, what is late, how long receivers take, and how often people had to go.

use super::cases::{self, CaseRow};
use super::statistics::{AsOfBox, as_of_box};
use crate::desk::loops::{Loops, LoopsQuestion, ReceiverTimes};
use crate::store::reader::Page;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::{Choice, Field, Frame, Input};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::standing::Stage;
use utoipa::IntoParams;

/// Rows of one page of the list.
const ROWS: u32 = 50;

/// The page.
#[derive(Template, Default)]
#[template(path = "loops.html")]
pub struct LoopsPage {
    /// The frame.
    pub frame: Frame,
    /// From when to when.
    pub lead: String,
    /// What may be picked.
    pub fields: Vec<Field>,
    /// Stages: where, label, count, whether the reader is there.
    pub stages: Vec<(String, &'static str, String, bool)>,
    /// All of them.
    pub open: String,
    /// Late: where, whether only those are listed.
    pub late_link: (String, bool),
    /// Who is late: name, how many, since when, working days.
    pub late: Vec<(String, String, String, String)>,
    /// Receivers: name, cells.
    pub receivers: Vec<(String, Vec<String>)>,
    /// Errands: kind, cells.
    pub errands: Vec<(String, Vec<String>)>,
    /// The cases.
    pub rows: Vec<CaseRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// Which villages, up to when.
    pub as_of: AsOfBox,
}

/// Which loops.
#[derive(Deserialize, IntoParams, Default)]
pub struct Asked {
    /// In this area or below: its 12 digits.
    area: Option<String>,
    /// Handed over or opened from this day on.
    from: Option<String>,
    /// Up to this day.
    until: Option<String>,
    /// Only what is late: `late`.
    at: Option<String>,
    /// Only in this stage, by its word.
    stage: Option<String>,
    /// Rows to pass over.
    offset: Option<u64>,
}

impl Asked {
    /// The question; none when something cannot be read.
    pub fn question(&self) -> Option<LoopsQuestion> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let day = |text: Option<String>| text.map(|text| Day::parse(&text).ok_or(())).transpose().ok();
        Some(LoopsQuestion {
            area: text(&self.area).map(|code| AreaId::parse(&code).ok_or(())).transpose().ok()?,
            from: day(text(&self.from))?,
            until: day(text(&self.until))?,
            late: self.at.as_deref() == Some("late"),
            stage: text(&self.stage).map(|word| Stage::from_word(&word).ok_or(())).transpose().ok()?,
        })
    }

    /// Rows to pass over.
    pub fn offset(&self) -> u64 {
        self.offset.unwrap_or_default()
    }
}

fn address(asked: &LoopsQuestion, late: bool, stage: Option<Stage>, offset: u64) -> String {
    let mut parts = Vec::new();
    parts.extend(asked.area.map(|area| format!("area={area}")));
    parts.extend(asked.from.map(|day| format!("from={day}")));
    parts.extend(asked.until.map(|day| format!("until={day}")));
    parts.extend(late.then(|| "at=late".to_owned()));
    parts.extend(stage.map(|stage| format!("stage={}", stage.word())));
    parts.extend((offset > 0).then(|| format!("offset={offset}")));
    if parts.is_empty() { "/loops".to_owned() } else { format!("/loops?{}", parts.join("&")) }
}

fn days(days: Option<u32>) -> String {
    days.map_or_else(|| "—".to_owned(), |days| format!("{days} 天"))
}

/// Transfers, answered, returned, open, then the middle, the longest, the longest open.
fn receiver(one: &ReceiverTimes) -> (String, Vec<String>) {
    let counts = [one.count, one.answered, one.returned, one.open].map(wording::count);
    (one.name.clone(), counts.into_iter().chain([one.middle, one.longest, one.waiting].map(days)).collect())
}

fn errands(found: &Loops) -> Vec<(String, Vec<String>)> {
    let each = |sum: u64, cases: u64| {
        let tenths = sum.saturating_mul(10) / cases.max(1);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let one = |row: &crate::store::reader::ErrandRow| {
        let name = if row.assistance.is_empty() { "未定种类".to_owned() } else { row.assistance.clone() };
        let cells = [
            wording::count(row.cases),
            wording::count(row.window),
            each(row.window, row.cases),
            wording::count(row.most),
            wording::count(row.home),
        ];
        (name, cells.into())
    };
    found.errands.iter().map(one).collect()
}

/// `GET /loops`
pub async fn show(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let question = asked.question().ok_or(WebError::NoPage)?;
    let offset = asked.offset();
    let found = app.desk().loops(&signed.person, question.clone(), Page { offset, limit: ROWS }).await?;
    let today = found.today;
    let picked = question.area.map(|area| area.to_string()).unwrap_or_default();
    let all = std::iter::once((String::new(), "全部".to_owned()));
    let areas: Vec<_> = all.chain(found.areas.iter().map(|(id, name)| (id.to_string(), name.clone()))).collect();
    let stage = |one: &crate::desk::loops::StageCount| {
        let here = question.stage == Some(one.stage);
        (address(&question, question.late, Some(one.stage), 0), one.stage.label(), wording::count(one.count), here)
    };
    let late = |holder: &crate::desk::loops::LateHolder| {
        (holder.name.clone(), wording::count(holder.count), wording::day(holder.oldest), days(holder.working))
    };
    let next = offset + u64::from(ROWS);
    error::show(&LoopsPage {
        frame: app.frame(&signed, "督办", "/cases").await?,
        lead: format!(
            "没有办结的 {} 件；时效按 {} 至 {} 转出、登记的统计，以工作日计",
            wording::count(found.open),
            found.from,
            found.until
        ),
        fields: vec![
            Field::select("area", "区划", Choice::list(areas, &picked)),
            Field::text("from", "从").typed(Input::Date).with(found.from.to_string()),
            Field::text("until", "到").typed(Input::Date).with(found.until.to_string()),
        ],
        stages: found.stages.iter().map(stage).collect(),
        open: wording::count(found.open),
        late_link: (address(&question, !question.late, question.stage, 0), question.late),
        late: found.late.iter().map(late).collect(),
        receivers: found.receivers.iter().map(receiver).collect(),
        errands: errands(&found),
        rows: found.lines.iter().map(|line| CaseRow { opened: wording::day(line.since), ..cases::row(line, today) }).collect(),
        shown: format!("列出第 {} 到 {} 件", offset + u64::from(!found.lines.is_empty()), offset + found.lines.len() as u64),
        more: found.more.then(|| (address(&question, question.late, question.stage, next), "再往下")),
        as_of: as_of_box(&found.as_of, app.wall_ms()),
    })
}
