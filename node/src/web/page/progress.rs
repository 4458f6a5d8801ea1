//! 查询: how far a matter is, for somebody who shows the receipt.

use super::statistics::{AsOfBox, as_of_box};
use crate::desk::DeskError;
use crate::web::App;
use crate::web::error::{Answer, WebError, show, show_as, status};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Fact, Field, Frame, Input};
use crate::web::wording;
use askama::Template;
use axum::extract::State;

/// The page.
#[derive(Template, Default)]
#[template(path = "progress.html")]
pub struct ProgressPage {
    /// The frame.
    pub frame: Frame,
    /// The question.
    pub fields: Vec<Field>,
    /// Why there is no answer; empty: there is, or nobody asked.
    pub fault: String,
    /// The answer in plain words; empty: nobody asked.
    pub told: String,
    /// More about it.
    pub facts: Vec<Fact>,
    /// As of when.
    pub as_of: Option<AsOfBox>,
}

fn fields(number: &str) -> Vec<Field> {
    vec![
        Field::text("number", "受理编号").with(number).hinted("在受理回执上，SL 开头").needed(),
        Field::text("tail", "身份证后四位").typed(Input::Digits).hinted("家庭任一成员的；末位是 X 也写").needed(),
    ]
}

/// `GET /progress`
pub async fn form(State(app): State<App>, signed: Signed) -> Answer {
    let frame = app.frame(&signed, "进度查询", "/cases").await?;
    show(&ProgressPage { frame, fields: fields(""), ..ProgressPage::default() })
}

/// `POST /progress`: what is asked never stands in an address.
pub async fn ask(State(app): State<App>, sent: SignedForm) -> Answer {
    let frame = app.frame(&sent.signed, "进度查询", "/cases").await?;
    let number = sent.form.text("number");
    let page = ProgressPage { frame, fields: fields(&number), ..ProgressPage::default() };
    match app.desk().progress(&sent.signed.person, number, sent.form.text("tail")).await {
        Ok(found) => {
            let facts = vec![
                Fact::new("救助种类", found.assistance.clone()),
                Fact::new("登记日期", wording::day(found.opened_on)),
                Fact::new("现在在谁那里", found.with.clone()),
                Fact::new("应于", found.due.map(|due| format!("{due} 前")).unwrap_or_default()),
            ];
            show(&ProgressPage { told: found.told.clone(), facts, as_of: Some(as_of_box(&found.as_of, app.wall_ms())), ..page })
        }
        Err(error @ DeskError::NotFound { .. }) => {
            let fault = "没有查到：编号或身份证后四位不对，或这一事项还没有传到本机。请核对回执，或到受理的窗口查询。".to_owned();
            show_as(status(&error), &ProgressPage { fault, ..page })
        }
        Err(error) => Err(WebError::from(error)),
    }
}
