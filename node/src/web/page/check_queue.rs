//! Checks of all cases: what waits for the city, with what is overdue; tables of answers; and for auditors who looked
//! at answers.

use super::checks::result;
use crate::desk::DeskError;
use crate::desk::checks::{AnswersReport, CHECKERS, OBJECTED, OPEN};
use crate::desk::export::READERS_OF_EXPORTS;
use crate::desk::minute_of;
use crate::store::reader::{CheckRow, LookRow, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, same};
use crate::web::view::{Chip, Frame, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Multipart, Query, State};
use serde::Deserialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;

/// Bytes of a table of answers at most.
pub const ANSWERS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Rows of one page.
const ROWS: u32 = 50;

/// The queue.
#[derive(Template, Default)]
#[template(path = "checks.html")]
pub struct ChecksPage {
    /// The frame.
    pub frame: Frame,
    /// What went wrong.
    pub fault: String,
    /// What became of a table.
    pub done: String,
    /// Rows of it that could not be taken: line, column, why.
    pub rejects: Vec<(u64, String, String)>,
    /// Which lists there are: where, label, whether the reader is there.
    pub filters: Vec<(&'static str, &'static str, bool)>,
    /// The rows.
    pub rows: Vec<QueueLine>,
    /// How many of them are overdue.
    pub overdue: usize,
    /// The next page.
    pub more: Option<String>,
    /// The form of a table.
    pub upload: Option<Stub>,
    /// Whether the reader may see who looked.
    pub may_audit: bool,
}

/// A check.
#[derive(Default)]
pub struct QueueLine {
    /// Where it is.
    pub href: String,
    /// Who asks for assistance.
    pub who: String,
    /// Its number.
    pub number: String,
    /// The kind.
    pub kind: String,
    /// The village.
    pub village: String,
    /// When it was asked, begun, answered.
    pub asked: String,
    /// What became of it.
    pub state: Chip,
    /// By when.
    pub due: Chip,
}

/// Who looked.
#[derive(Template, Default)]
#[template(path = "check_looks.html")]
pub struct LooksPage {
    /// The frame.
    pub frame: Frame,
    /// When, who, which request, what for.
    pub rows: Vec<[String; 4]>,
    /// The next page.
    pub more: Option<String>,
}

/// Which list, and which part of it.
#[derive(Deserialize, Default)]
pub struct Asked {
    at: Option<String>,
    from: Option<u64>,
}

const LISTS: [(&str, &str, &[&str]); 3] = [("", "待核对", OPEN), ("objected", "异议", OBJECTED), ("all", "全部", &[])];

fn state(row: &CheckRow) -> Chip {
    match (row.state.as_str(), row.result) {
        ("to-start", _) => Chip::new(Tone::Warn, "待开始"),
        ("to-answer", _) => Chip::new(Tone::Accent, "核对中"),
        ("objected", _) => Chip::new(Tone::Bad, "异议待处理"),
        ("upheld", _) => Chip::new(Tone::Bad, "异议属实待复查"),
        ("superseded", _) => Chip::new(Tone::Plain, "已由复查取代"),
        (_, Some(told)) => result(told),
        _ => Chip::default(),
    }
}

fn line(row: &CheckRow, today: Day) -> QueueLine {
    QueueLine {
        href: format!("/cases/{}/check", row.case),
        who: row.applicant.clone(),
        number: row.number.clone(),
        kind: row.assistance.clone(),
        village: row.area_name.clone(),
        asked: wording::day(row.asked_on),
        state: state(row),
        due: wording::due(row.due, today),
    }
}

#[derive(Default)]
struct Done {
    told: String,
    fault: String,
    rejects: Vec<(u64, String, String)>,
}

async fn page(app: &App, signed: &Signed, asked: Asked, done: Done) -> Result<ChecksPage, WebError> {
    let at = asked.at.unwrap_or_default();
    let (at, _, states) = LISTS.into_iter().find(|(word, ..)| *word == at).ok_or(WebError::NoPage)?;
    let from = asked.from.unwrap_or_default();
    let found = app.desk().checks(&signed.person, states, Page { offset: from, limit: ROWS }).await?;
    let today = app.today();
    let late = |row: &&CheckRow| row.due.is_some_and(|due| due < today);
    let answers = signed.person.tier == Tier::City && signed.person.has(CHECKERS);
    let filters = [("/checks", "待核对"), ("/checks?at=objected", "异议"), ("/checks?at=all", "全部")];
    Ok(ChecksPage {
        frame: app.frame(signed, "经济核对", "/checks").await?,
        fault: done.fault,
        done: done.told,
        rejects: done.rejects,
        filters: filters.into_iter().zip(LISTS).map(|((href, label), (word, ..))| (href, label, word == at)).collect(),
        overdue: found.rows.iter().filter(late).count(),
        rows: found.rows.iter().map(|row| line(row, today)).collect(),
        more: found.more.then(|| format!("/checks?at={at}&from={}", from + u64::from(ROWS))),
        upload: if answers { Some(signed.stub()?) } else { None },
        may_audit: signed.person.has(READERS_OF_EXPORTS),
    })
}

/// `GET /checks`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    error::show(&page(&app, &signed, asked, Done::default()).await?)
}

/// `POST /checks/answers`: a table of answers.
pub async fn upload(State(app): State<App>, signed: Signed, mut parts: Multipart) -> Answer {
    let unreadable = |_| WebError::Unreadable;
    for name in ["csrf", "action"] {
        let part = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some(name));
        let text = part.ok_or(WebError::Forged)?.text().await.map_err(unreadable)?;
        if name == "csrf" && !same(&text, &signed.csrf) {
            return Err(WebError::Forged);
        }
    }
    let part = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some("file"));
    let part = part.ok_or(WebError::Unreadable)?;
    let name: String = part.file_name().unwrap_or_default().chars().take(120).collect();
    let bytes = part.bytes().await.map_err(unreadable)?;
    match app.desk().read_answers(&signed.person, name, bytes.to_vec()).await {
        Ok(AnswersReport { rows, added, same, rejected, .. }) => {
            let told = format!("{rows} 行：新登记 {added} 项，已有 {same} 项，不能登记 {} 行。", rejected.len());
            let rejects = rejected.iter().map(|reject| (reject.line, reject.field.clone(), reject.reason.clone())).collect();
            error::show(&page(&app, &signed, Asked::default(), Done { told, rejects, ..Done::default() }).await?)
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotPermitted { .. })) => {
            let done = Done { fault: error.what(), ..Done::default() };
            error::show_as(error::status(&error), &page(&app, &signed, Asked::default(), done).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn look(row: &LookRow) -> [String; 4] {
    [minute_of(row.at_ms), format!("{}（{}）", row.name, row.staff), row.number.clone(), row.purpose.clone()]
}

/// `GET /checks/looks`
pub async fn looks(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let from = asked.from.unwrap_or_default();
    let found = app.desk().looks(&signed.person, Page { offset: from, limit: ROWS }).await?;
    error::show(&LooksPage {
        frame: app.frame(&signed, "核对查看记录", "/checks").await?,
        rows: found.rows.iter().map(look).collect(),
        more: found.more.then(|| format!("/checks/looks?from={}", from + u64::from(ROWS))),
    })
}
