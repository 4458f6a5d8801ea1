//! The written notice of a refusal, or that a monthly benefit is made less or stopped, for A4.

use super::case::case_id;
use crate::desk::DeskError;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::{Chip, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use shouwang_protocol::notice;
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::event::What;
use shouwang_protocol::standing::Effect;

/// Lines that stand elsewhere on the sheet.
const ELSEWHERE: [&str; 4] = ["事项", "受理编号", "申请人", "不服的"];

/// The sheet.
#[derive(Template, Default)]
#[template(path = "written_notice.html")]
pub struct WrittenNoticePage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// What is decided.
    pub title: String,
    /// The acceptance number.
    pub number: String,
    /// To whom.
    pub to: String,
    /// The sentence before what was decided.
    pub lead: String,
    /// What it says: label and value.
    pub lines: Vec<(String, String)>,
    /// How to object.
    pub remedies: Vec<String>,
    /// The office that decided.
    pub office: String,
    /// The day it was made out.
    pub date: String,
    /// Who made it out, and when.
    pub made: String,
    /// Whether it was served.
    pub served: Chip,
}

/// `GET /cases/{id}/letters/{of}`
pub async fn sheet(State(app): State<App>, signed: Signed, Path((id, adjustment)): Path<(String, String)>) -> Answer {
    if !signed.person.is_office_staff() {
        return Err(DeskError::not_permitted("书面通知由经办机构打印").into());
    }
    let adjustment = OpId::parse(&adjustment).ok_or(WebError::NoPage)?;
    let found = app.desk().case(&signed.person, case_id(&id)?).await?;
    let notice = found.standing.notice_of(&adjustment).ok_or(WebError::NoPage)?;
    let said = |label: &str| notice::line(&notice.text, label).unwrap_or_default().to_owned();
    let all = || notice.text.lines().filter_map(|line| line.split_once('：'));
    let made = found.entries.iter().find(|line| {
        let of = |what: &What| matches!(what, What::NoticeWritten { adjustment: of, .. } if *of == adjustment);
        line.item.effect == Effect::Counts && of(&line.item.event.what)
    });
    error::show(&WrittenNoticePage {
        frame: app.frame(&signed, "书面通知", "/cases").await?,
        id,
        title: said("事项"),
        number: said("受理编号"),
        to: said("申请人"),
        lead: match found.standing.decided() {
            Some(_) => format!("经听取意见、调查核实，对您家的{}作出如下决定：", found.standing.assistance),
            None => format!("对您家的{}申请，经调查审核，作出如下决定：", found.standing.assistance),
        },
        lines: all().filter(|(label, _)| !ELSEWHERE.contains(label)).map(|(a, b)| (a.to_owned(), b.to_owned())).collect(),
        remedies: all().filter(|(label, _)| *label == "不服的").map(|(_, text)| text.to_owned()).collect(),
        office: made.map(|line| line.office.clone()).unwrap_or_default(),
        date: notice.day.map(wording::long_day).unwrap_or_default(),
        made: format!("{} {} 出具", notice.by, wording::day(notice.day)),
        served: match &notice.served {
            Some((to, how, on)) => Chip::new(Tone::Good, format!("{on} 送达{to}（{}）", how.label())),
            None => Chip::new(Tone::Warn, "尚未送达"),
        },
    })
}
