//! Somebody at the window asks how a case stands. What is typed travels in the body only, never in an address.

use crate::desk::{CaseAnswer, DeskError};
use crate::web::App;
use crate::web::error::{self, Answer};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Fact, Field, Frame, Input, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;

/// The page.
#[derive(Template, Default)]
#[template(path = "query.html")]
pub struct QueryPage {
    /// The frame.
    pub frame: Frame,
    /// The form's own.
    pub stub: Stub,
    /// What to type.
    pub fields: Vec<Field>,
    /// Why there is no answer.
    pub fault: String,
    /// The answer in one line; empty: none.
    pub status: String,
    /// The rest of it.
    pub facts: Vec<Fact>,
    /// As of when.
    pub as_of: String,
}

async fn page(app: &App, signed: &Signed) -> Result<QueryPage, error::WebError> {
    Ok(QueryPage {
        frame: app.frame(signed, "查办理结果", "/cases").await?,
        stub: signed.stub()?,
        fields: vec![
            Field::text("code", "受理编号").hinted("回执上 SL 开头的一行").needed(),
            Field::text("tail", "证件号码后四位").typed(Input::Text).hinted("申请家庭中任何一人的；X 也算一位").needed(),
        ],
        ..QueryPage::default()
    })
}

fn facts(found: &CaseAnswer) -> Vec<Fact> {
    let known = [
        ("受理编号", found.number.clone()),
        ("下一步", found.next.clone()),
        ("从何时起", wording::day(found.since)),
        ("最晚办理日", wording::day(found.due)),
        ("结果", found.result.clone()),
    ];
    known.into_iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| Fact::new(label, value)).collect()
}

/// `GET /query`
pub async fn form(State(app): State<App>, signed: Signed) -> Answer {
    // The Desk says who may ask; the form is for the same people.
    if !signed.person.is_office_staff() {
        return Err(DeskError::NotPermitted { why: "部门、服务机构只能查看转来的事项".to_owned() }.into());
    }
    error::show(&page(&app, &signed).await?)
}

/// `POST /query`
pub async fn ask(State(app): State<App>, sent: SignedForm) -> Answer {
    let mut shown = page(&app, &sent.signed).await?;
    match app.desk().answer(&sent.signed.person, &sent.form.text("code"), &sent.form.text("tail")).await {
        Ok(found) => {
            let now = app.wall_ms();
            shown.as_of = format!("截至 {}（本机最近一次与上级一致的时间）", wording::moment(found.as_of_ms, now));
            shown.facts = facts(&found);
            shown.status = found.status;
            error::show(&shown)
        }
        Err(error @ DeskError::NotFound { .. }) => {
            shown.fault = format!("{}。请核对编号和后四位；没有查到不等于没有受理。", error.what());
            if let Some(code) = shown.fields.first_mut() {
                code.refill(&sent.form.text("code"));
            }
            error::show_as(StatusCode::NOT_FOUND, &shown)
        }
        Err(error) => Err(error.into()),
    }
}
