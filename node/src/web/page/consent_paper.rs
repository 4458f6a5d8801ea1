//! The paper on which somebody agrees that an organisation is told of their case (信息提供同意书), for A4.

use super::case::case_id;
use super::policies::encoded;
use crate::desk::DeskError;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::Frame;
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use shouwang_protocol::records::event::Shown;

/// The sheet.
#[derive(Template, Default)]
#[template(path = "consent_paper.html")]
pub struct ConsentPaper {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// The acceptance number.
    pub number: String,
    /// Whose information.
    pub whose: String,
    /// The organisation.
    pub to: String,
    /// What it is asked to help with.
    pub matter: String,
    /// What may be ticked.
    pub parts: Vec<&'static str>,
    /// The office that hands it over.
    pub office: String,
    /// The day it was printed.
    pub date: String,
}

/// Where the paper for an organisation is printed.
pub fn paper(case: &str, organisation: &str) -> String {
    format!("/cases/{case}/consents/{}", encoded(organisation))
}

/// `GET /cases/{id}/consents/{organisation}`
pub async fn sheet(State(app): State<App>, signed: Signed, Path((id, organisation)): Path<(String, String)>) -> Answer {
    if !signed.person.is_office_staff() {
        return Err(DeskError::not_permitted("同意书由经办机构打印").into());
    }
    let found = app.desk().case(&signed.person, case_id(&id)?).await?;
    let named = found.consent.organisations.iter().find(|(code, ..)| *code == organisation);
    let (_, to, _) = named.cloned().ok_or(WebError::NoPage)?;
    let s = &found.standing;
    error::show(&ConsentPaper {
        frame: app.frame(&signed, "信息提供同意书", "/cases").await?,
        id,
        number: s.number.clone().unwrap_or_default(),
        whose: s.applicant.clone(),
        to,
        matter: wording::case_title(s.origin, &s.assistance, &s.rule),
        parts: Shown::ALL.iter().map(|part| part.label()).collect(),
        office: app.here().await?.name,
        date: wording::long_day(app.today()),
    })
}
