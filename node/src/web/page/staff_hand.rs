//! Handing over what somebody has in hand.

use super::cases::{self, CaseRow};
use crate::desk::DeskError;
use crate::desk::handover::{HandedOver, InHand};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Stub};
use askama::Template;
use axum::extract::{Path, State};

/// The page.
#[derive(Template, Default)]
#[template(path = "staff_hand.html")]
pub struct HandPage {
    /// The frame.
    pub frame: Frame,
    /// Whose.
    pub id: String,
    /// The name.
    pub name: String,
    /// How it stands.
    pub lead: String,
    /// What was done.
    pub done: String,
    /// What could not be handed over, and why.
    pub left: Vec<(String, String)>,
    /// What went wrong.
    pub fault: String,
    /// The cases.
    pub rows: Vec<CaseRow>,
    /// The form's own.
    pub stub: Stub,
    /// Its fields; none: nobody could take them.
    pub fields: Vec<Field>,
}

/// What was just done.
#[derive(Default)]
struct Done {
    told: String,
    left: Vec<(String, String)>,
    fault: String,
}

async fn page(app: &App, signed: &Signed, id: &str, done: Done) -> Result<HandPage, WebError> {
    let InHand { staff, cases, drafts, colleagues } = app.desk().in_hand(&signed.person, id.to_owned()).await?;
    let today = app.today();
    let roles = staff.roles.iter().map(|role| role.label()).collect::<Vec<_>>().join("、");
    let state = if staff.disabled { "账号已停用，这些事项现在无人承办" } else { "账号在用" };
    let to = colleagues.iter().map(|row| (row.id.clone(), format!("{}（{}）", row.name, row.id)));
    let fields = match colleagues.is_empty() {
        true => Vec::new(),
        false => vec![
            Field::select("to", "移交给", Choice::list(to, "")).needed(),
            Field::text("reason", "原因").with(if staff.disabled { "人员离岗" } else { "" }),
        ],
    };
    Ok(HandPage {
        frame: app.frame(signed, "移交承办", "/staff").await?,
        id: staff.id.clone(),
        name: staff.name.clone(),
        lead: format!("{roles}；{state}。未办结 {} 件，未提交的草稿 {drafts} 份。", cases.len()),
        done: done.told,
        left: done.left,
        fault: done.fault,
        rows: cases.iter().map(|row| cases::row(row, today)).collect(),
        stub: signed.stub()?,
        fields,
    })
}

/// `GET /staff/hand/{id}`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&page(&app, &signed, &id, Done::default()).await?)
}

/// `POST /staff/hand/{id}`
pub async fn hand(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let (to, reason) = (sent.form.text("to"), sent.form.text("reason"));
    match app.desk().hand_over(&sent.signed.person, sent.action()?, id.clone(), to.clone(), reason).await {
        Ok(HandedOver { cases, left }) => {
            let done = Done { told: format!("已把 {cases} 件事项和草稿移交给 {to}。"), left, ..Done::default() };
            error::show(&page(&app, &sent.signed, &id, done).await?)
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => {
            let done = Done { fault: error.what(), ..Done::default() };
            error::show_as(error::status(&error), &page(&app, &sent.signed, &id, done).await?)
        }
        Err(error) => Err(error.into()),
    }
}
