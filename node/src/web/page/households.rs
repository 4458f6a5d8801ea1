//! The list of households, and the search that finds them by any part.

use crate::desk::export::{EXPORTERS, READERS_OF_EXPORTS};
use crate::store::reader::{self, HouseholdFilter, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _};
use serde::Deserialize;
use shouwang_protocol::records::idno::masked;
use shouwang_protocol::records::staff::Role;

/// The list.
#[derive(Template, Default)]
#[template(path = "households.html")]
pub struct HouseholdsPage {
    /// The frame.
    pub frame: Frame,
    /// How many this machine holds.
    pub total: String,
    /// What was looked for.
    pub term: String,
    /// The rows found.
    pub rows: Vec<HouseholdRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// Whether the reader may register one.
    pub may_add: bool,
    /// Whether the reader may bring in a file.
    pub may_import: bool,
    /// Whether the reader may take data out, or read who did.
    pub may_export: bool,
    /// Whether the reader may begin a case from a row.
    pub may_open: bool,
}

/// Only the rows, for the live search.
#[derive(Template, Default)]
#[template(path = "household_rows.html")]
pub struct HouseholdRows {
    /// What was looked for.
    pub term: String,
    /// The rows found.
    pub rows: Vec<HouseholdRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// Whether the reader may begin a case from a row.
    pub may_open: bool,
}

/// One household.
#[derive(Default)]
pub struct HouseholdRow {
    /// The record.
    pub id: String,
    /// The head's name.
    pub head: String,
    /// The member that was found, when it is not the head.
    pub matched: String,
    /// The head's number, masked.
    pub id_no: String,
    /// The village.
    pub village: String,
    /// The address.
    pub address: String,
    /// How many members.
    pub people: String,
    /// The category.
    pub category: String,
    /// States.
    pub chips: Vec<Chip>,
}

/// Rows of one page of the list.
const ROWS: u32 = 50;

/// Which households.
#[derive(Deserialize, Default)]
pub struct Asked {
    only: Option<String>,
    from: Option<u64>,
}

fn row(line: &reader::HouseholdRow, term: &str) -> HouseholdRow {
    let mut chips = Vec::new();
    if line.blocking > 0 {
        chips.push(Chip::new(Tone::Bad, "待确认"));
    } else if line.conflicts > 0 {
        chips.push(Chip::new(Tone::Warn, "不一致"));
    }
    if line.duplicate {
        chips.push(Chip::new(Tone::Warn, "重复登记"));
    }
    if !line.status.is_empty() {
        chips.push(Chip::new(Tone::Plain, line.status.clone()));
    }
    // When nothing that is listed holds the term, a member does; the page of the household shows which.
    let listed = [&line.head, &line.head_id, &line.address, &line.phone, &line.area_name, &line.import_id, &line.group];
    let by_member = !term.is_empty()
        && !term
            .split_whitespace()
            .all(|part| listed.iter().any(|text| text.contains(part)) || crate::store::is_initials_of(part, &line.head));
    // A bare number beside an address reads like a part of it.
    let numbered = !line.group.is_empty() && line.group.bytes().all(|byte| byte.is_ascii_digit());
    let group = if numbered { format!("{}组", line.group) } else { line.group.clone() };
    HouseholdRow {
        id: line.record.to_string(),
        head: if line.head.is_empty() { "（没有户主姓名）".to_owned() } else { line.head.clone() },
        matched: if by_member { "成员或其他栏目相符".to_owned() } else { String::new() },
        id_no: masked(&line.head_id),
        village: line.area_name.clone(),
        address: [group, line.address.clone()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
        people: line.members.to_string(),
        category: line.category.clone(),
        chips,
    }
}

async fn rows(app: &App, signed: &Signed, term: &str, asked: &Asked) -> Result<HouseholdRows, WebError> {
    let filter = HouseholdFilter {
        text: term.to_owned(),
        conflicts: asked.only.as_deref() == Some("conflicts"),
        duplicates: asked.only.as_deref() == Some("duplicates"),
        ..HouseholdFilter::default()
    };
    let from = asked.from.unwrap_or_default();
    let found = app.desk().households(&signed.person, filter, Page { offset: from, limit: ROWS }).await?;
    let count = found.rows.len();
    let more = (term.is_empty() && found.more).then(|| {
        let only = asked.only.as_deref().filter(|only| matches!(*only, "conflicts" | "duplicates"));
        let only = only.map(|only| format!("&only={only}")).unwrap_or_default();
        (format!("/households?from={}{only}", from + u64::from(ROWS)), "再往下")
    });
    // What was looked for never stands in an address, so a search has no further pages: write more of it.
    let shown = match (term.is_empty(), found.more) {
        (true, _) => format!("列出第 {} 到 {} 户", from + u64::from(count > 0), from + count as u64),
        (false, false) => format!("找到 {count} 户"),
        (false, true) => format!("先列 {count} 户，请再多写几个字"),
    };
    let rows = found.rows.iter().map(|line| row(line, term)).collect();
    Ok(HouseholdRows { term: term.to_owned(), rows, shown, more, may_open: signed.person.has(&[Role::Intake]) })
}

async fn page(app: &App, signed: &Signed, term: String, asked: &Asked) -> Answer {
    let HouseholdRows { term, rows, shown, more, may_open } = rows(app, signed, &term, asked).await?;
    let total = app.desk().count_households(&signed.person).await?;
    error::show(&HouseholdsPage {
        frame: app.frame(signed, "家庭档案", "/households").await?,
        total: wording::count(total),
        term,
        rows,
        shown,
        more,
        may_add: signed.person.has(&[Role::Intake, Role::Reviewer]),
        may_import: signed.person.has(super::import::IMPORTERS),
        may_export: signed.person.has(EXPORTERS) || signed.person.has(READERS_OF_EXPORTS),
        may_open,
    })
}

/// `GET /households`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    page(&app, &signed, String::new(), &asked).await
}

/// `POST /households`: the search without the script.
pub async fn find(State(app): State<App>, sent: SignedForm) -> Answer {
    page(&app, &sent.signed, sent.form.text("term"), &Asked::default()).await
}

/// `POST /households/search`: the rows only, while somebody types; where the list is not the page (`brief`), no term
/// means no rows.
pub async fn search(State(app): State<App>, sent: SignedForm) -> Answer {
    let term = sent.form.text("term");
    if term.is_empty() && sent.form.some("brief").is_some() {
        return Ok(Html("").into_response());
    }
    error::show(&rows(&app, &sent.signed, &term, &Asked::default()).await?)
}
