//! What was transferred to a department or a provider.

use super::queue::{chosen, told};
use crate::desk::{CaseStep, InboxLine};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Frame, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::State;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Urgency;
use shouwang_protocol::standing::TransferState;

/// The page.
#[derive(Template, Default)]
#[template(path = "inbox.html")]
pub struct InboxPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// The transfers.
    pub rows: Vec<InboxRow>,
    /// The form to sign for several, when something waits to be signed for.
    pub sign: Option<Stub>,
    /// What was just signed for: whom for, what came of it, whether it was refused.
    pub done: Vec<(String, String, bool)>,
}

/// One transfer.
#[derive(Default)]
pub struct InboxRow {
    /// Where the case is.
    pub href: String,
    /// For what.
    pub title: String,
    /// What is asked.
    pub note: String,
    /// For whom.
    pub person: String,
    /// From whom.
    pub from: String,
    /// How far it is.
    pub state: Chip,
    /// By when.
    pub due: Chip,
    /// Sessions so far.
    pub sessions: String,
    /// Whether it goes first.
    pub urgent: bool,
    /// The case, while it waits to be signed for.
    pub to_sign: Option<String>,
}

fn row(line: &InboxLine, today: Day) -> InboxRow {
    let done = !line.state.is_open();
    InboxRow {
        href: format!("/cases/{}", line.case),
        title: if line.assistance.is_empty() { "转办".to_owned() } else { line.assistance.clone() },
        note: line.note.clone(),
        person: line.applicant.clone(),
        from: format!("{} {}", line.from, wording::day(line.sent_on)),
        state: wording::transfer(line.state),
        due: if done { Chip::default() } else { wording::due(line.due, today) },
        sessions: if line.sessions > 0 { line.sessions.to_string() } else { String::new() },
        urgent: !done && line.urgency != Urgency::Normal,
        to_sign: (line.state == TransferState::ToSign).then(|| line.case.to_string()),
    }
}

async fn page(app: &App, signed: &Signed) -> Result<InboxPage, WebError> {
    let lines = app.desk().inbox(&signed.person).await?;
    let today = app.today();
    let person = &signed.person;
    let own = person.department.as_deref().or(person.provider.as_deref());
    let rows: Vec<InboxRow> = lines.iter().map(|line| row(line, today)).collect();
    Ok(InboxPage {
        frame: app.frame(signed, "转来的事项", "/inbox").await?,
        heading: own.map_or_else(|| "转来的事项".to_owned(), |own| format!("{own} · 转来的事项")),
        lead: "只列转给本部门、本机构的事项，内容以办理所需为限。".to_owned(),
        sign: if rows.iter().any(|row| row.to_sign.is_some()) { Some(signed.stub()?) } else { None },
        rows,
        done: Vec::new(),
    })
}

/// `GET /inbox`
pub async fn list(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&page(&app, &signed).await?)
}

/// `POST /inbox`: signs for several at once.
pub async fn sign(State(app): State<App>, sent: SignedForm) -> Answer {
    let cases = chosen(&sent)?;
    let done = told(&app, &sent.signed, &cases, CaseStep::SignFor { transfer: None }, sent.action()?).await?;
    error::show(&InboxPage { done, ..page(&app, &sent.signed).await? })
}
