//! What the households of a village may have missed: each row with its reasons, an outcome to write down, or a case to
//! open with nothing typed twice.

use super::household::record;
use crate::desk::Command;
use crate::desk::missed::MissedLine;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::missed::Reason;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::screening::Screened;

/// The page.
#[derive(Template, Default)]
#[template(path = "missed.html")]
pub struct MissedPage {
    /// The frame.
    pub frame: Frame,
    /// The month, the village.
    pub lead: String,
    /// What may be picked.
    pub fields: Vec<Field>,
    /// Sent along by the form.
    pub at: &'static str,
    /// The village.
    pub area: String,
    /// With or without an outcome: where, label, whether the reader is there.
    pub filters: Vec<(String, String, bool)>,
    /// The rows.
    pub rows: Vec<MissedRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
}

/// Rows of one page of the list.
const ROWS: usize = 50;

/// A kind that a household may have missed.
#[derive(Default)]
pub struct MissedRow {
    /// The household.
    pub id: String,
    /// Its head.
    pub head: String,
    /// Category, members.
    pub note: String,
    /// The kind's code.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Policies: name, what holds and on what, what a person must judge.
    pub reasons: Vec<(String, Vec<(String, String)>, String)>,
    /// What was found before; whether it still answers.
    pub before: String,
    /// The form to open a case.
    pub apply: Option<Stub>,
    /// The form to write an outcome down.
    pub screen: Option<(Stub, Vec<Field>)>,
}

/// Which list.
#[derive(Deserialize)]
pub struct Asked {
    area: Option<String>,
    at: Option<String>,
    from: Option<usize>,
}

fn reason(reason: &Reason) -> (String, Vec<(String, String)>, String) {
    let judge =
        if reason.to_judge.is_empty() { String::new() } else { format!("还须核实：{}", reason.to_judge.join("；")) };
    (reason.name.clone(), reason.holds.clone(), judge)
}

fn row(line: &MissedLine, signed: &Signed, may_open: bool, may_screen: bool, today: Day) -> Result<MissedRow, WebError> {
    let one = &line.missed;
    let before = one.screening.as_ref().map(|known| {
        let label = known.outcome().map_or(known.outcome.as_str(), |outcome| outcome.label());
        let note = if known.note.is_empty() { String::new() } else { format!("：{}", known.note) };
        let stale = if one.answered { "" } else { "（数据已变化，或到了下月，请再看）" };
        format!("{} {} {label}{note}{stale}", known.day, known.office)
    });
    let outcomes = [Screened::Declined, Screened::NotEligible, Screened::Later, Screened::Applied];
    let outcomes = outcomes.map(|outcome| (outcome.word(), outcome.label()));
    let mut fields = vec![
        Field::select("outcome", "结果", Choice::list(std::iter::once(("", "请选择")).chain(outcomes), "")).needed(),
        Field::text("note", "原因").hinted("不申请、不符合的必须写"),
    ];
    fields.iter_mut().for_each(|field| field.scope = format!("-{}-{}", line.row.record, one.kind));
    Ok(MissedRow {
        id: line.row.record.to_string(),
        head: if line.row.head.is_empty() { "（没有户主姓名）".to_owned() } else { line.row.head.clone() },
        note: [line.row.categories_on(today), format!("{} 人", line.row.members)].join("，"),
        kind: one.kind.clone(),
        name: one.name.clone(),
        reasons: one.reasons.iter().map(reason).collect(),
        before: before.unwrap_or_default(),
        apply: if may_open && !one.answered { Some(signed.stub()?) } else { None },
        screen: if may_screen { Some((signed.stub()?, fields)) } else { None },
    })
}

/// `GET /missed`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let code = asked.area.filter(|code| !code.is_empty());
    let area = code.map(|code| AreaId::parse(&code).ok_or(WebError::NoPage)).transpose()?;
    let from = asked.from.unwrap_or_default();
    let answered = asked.at.as_deref() == Some("answered");
    let found = app.desk().missed(&signed.person, area, answered).await?;
    let picked = found.area.map(|area| area.to_string()).unwrap_or_default();
    let (year, month, _) = found.month.ymd();
    let areas = found.areas.iter().map(|(id, name)| (id.to_string(), name.clone()));
    let fields =
        if found.areas.len() > 1 { vec![Field::select("area", "村(社区)", Choice::list(areas, &picked))] } else { Vec::new() };
    let place = found.areas.iter().find(|(id, _)| Some(*id) == found.area).map(|(_, name)| name.as_str()).unwrap_or_default();
    let at = if answered { "answered" } else { "" };
    let lines = found.lines.iter().skip(from).take(ROWS);
    let rows: Vec<MissedRow> =
        lines.map(|line| row(line, &signed, found.may_open, found.may_screen, app.today())).collect::<Result<_, _>>()?;
    let more = found.lines.len() > from.saturating_add(ROWS);
    error::show(&MissedPage {
        frame: app.frame(&signed, "可能遗漏", "/households").await?,
        lead: format!("{year}年{month}月　{place}　按档案数据可能符合、近一年没有得到的救助；只是提示，由人核实"),
        fields,
        at,
        shown: format!("列出第 {} 到 {} 项", from + usize::from(!rows.is_empty()), from + rows.len()),
        more: more.then(|| (format!("/missed?area={picked}&at={at}&from={}", from + ROWS), "再往下")),
        filters: vec![
            (format!("/missed?area={picked}"), format!("待处理 {}", wording::count(found.open as u64)), !answered),
            (
                format!("/missed?area={picked}&at=answered"),
                format!("已有结果 {}", wording::count(found.answered as u64)),
                answered,
            ),
        ],
        area: picked,
        rows,
    })
}

fn back(sent: &SignedForm) -> Redirect {
    let area = AreaId::parse(&sent.form.text("area")).map(|area| area.to_string()).unwrap_or_default();
    Redirect::to(&format!("/missed?area={area}"))
}

/// `POST /missed/outcome`
pub async fn screen(State(app): State<App>, sent: SignedForm) -> Answer {
    let outcome = Screened::from_word(&sent.form.text("outcome")).ok_or(WebError::Unreadable)?;
    let command = Command::Screen {
        record: record(&sent.form.text("household"))?,
        kind: sent.form.text("assistance"),
        outcome,
        note: sent.form.text("note"),
    };
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    Ok(back(&sent).into_response())
}

/// `POST /missed/apply`
pub async fn apply(State(app): State<App>, sent: SignedForm) -> Answer {
    let household = record(&sent.form.text("household"))?;
    let command = Command::ApplyForMissed { record: household, kind: sent.form.text("assistance") };
    let done = app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    let case = done.case.ok_or(WebError::NoPage)?;
    Ok(Redirect::to(&format!("/cases/{case}")).into_response())
}
