//! The list of households, and the search that finds them by any part.

use super::statistics::encoded;
use crate::desk::export::{EXPORTERS, READERS_OF_EXPORTS};
use crate::store::reader::{self, CategoryOn, HouseholdFilter, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _};
use serde::Deserialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
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
    /// The categories it may be narrowed to.
    pub category: Field,
    /// Day and area, sent along when they are not today and everything.
    pub along: [String; 2],
    /// What it is narrowed to, in words; empty: nothing.
    pub narrowed: String,
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

/// The word for households without a category.
pub const NO_CATEGORY: &str = "none";

/// Which households.
#[derive(Deserialize, Default)]
pub struct Asked {
    only: Option<String>,
    from: Option<u64>,
    category: Option<String>,
    on: Option<String>,
    area: Option<String>,
}

impl Asked {
    /// What a form narrows a search to.
    fn of_form(form: &Form) -> Asked {
        Asked { only: None, from: None, category: form.some("category"), on: form.some("on"), area: form.some("area") }
    }

    fn given(text: &Option<String>) -> Option<&str> {
        text.as_deref().filter(|text| !text.is_empty())
    }

    fn day(&self, today: Day) -> Result<Day, WebError> {
        Asked::given(&self.on).map_or(Ok(today), |on| Day::parse(on).ok_or(WebError::NoPage))
    }

    fn area(&self) -> Result<Option<AreaId>, WebError> {
        Asked::given(&self.area).map(|code| AreaId::parse(code).ok_or(WebError::NoPage)).transpose()
    }

    /// The rest of an address that asks the same, from another row on.
    fn address(&self, from: u64) -> String {
        let only = self.only.as_deref().filter(|only| matches!(*only, "conflicts" | "duplicates"));
        let pairs = [
            ("only", only),
            ("category", Asked::given(&self.category)),
            ("on", Asked::given(&self.on)),
            ("area", Asked::given(&self.area)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some(format!("&{name}={}", encoded(value?))));
        format!("/households?from={from}{}", pairs.collect::<String>())
    }
}

fn row(line: &reader::HouseholdRow, term: &str, today: Day) -> HouseholdRow {
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
        category: line.categories_on(today),
        chips,
    }
}

async fn rows(app: &App, signed: &Signed, term: &str, asked: &Asked) -> Result<HouseholdRows, WebError> {
    let on = asked.day(app.today())?;
    let category = Asked::given(&asked.category).map(|word| if word == NO_CATEGORY { "" } else { word });
    let filter = HouseholdFilter {
        here: asked.on.is_some(),
        within: asked.area()?.into_iter().collect(),
        category: category.map(|word| CategoryOn { category: word.to_owned(), on }),
        text: term.to_owned(),
        conflicts: asked.only.as_deref() == Some("conflicts"),
        duplicates: asked.only.as_deref() == Some("duplicates"),
        ..HouseholdFilter::default()
    };
    let from = asked.from.unwrap_or_default();
    let found = app.desk().households(&signed.person, filter, Page { offset: from, limit: ROWS }).await?;
    let count = found.rows.len();
    let more = (term.is_empty() && found.more).then(|| (asked.address(from + u64::from(ROWS)), "再往下"));
    // What was looked for never stands in an address, so a search has no further pages: write more of it.
    let shown = match (term.is_empty(), found.more) {
        (true, _) => format!("列出第 {} 到 {} 户", from + u64::from(count > 0), from + count as u64),
        (false, false) => format!("找到 {count} 户"),
        (false, true) => format!("先列 {count} 户，请再多写几个字"),
    };
    let rows = found.rows.iter().map(|line| row(line, term, on)).collect();
    Ok(HouseholdRows { term: term.to_owned(), rows, shown, more, may_open: signed.person.has(&[Role::Intake]) })
}

async fn page(app: &App, signed: &Signed, term: String, asked: &Asked) -> Answer {
    let HouseholdRows { term, rows, shown, more, may_open } = rows(app, signed, &term, asked).await?;
    let total = app.desk().count_households(&signed.person).await?;
    let picked = asked.category.clone().unwrap_or_default();
    let mut words: Vec<(String, String)> =
        app.desk().category_words(&signed.person).await?.into_iter().map(|word| (word.clone(), word)).collect();
    if !picked.is_empty() && picked != NO_CATEGORY && !words.iter().any(|(word, _)| *word == picked) {
        words.push((picked.clone(), picked.clone()));
    }
    words.insert(0, (String::new(), "全部身份类别".to_owned()));
    words.push((NO_CATEGORY.to_owned(), "未登记类别".to_owned()));
    let along = [&asked.on, &asked.area].map(|text| text.clone().unwrap_or_default());
    let narrowed =
        [Asked::given(&asked.on).map(|on| format!("{on} 的类别")), Asked::given(&asked.area).map(|_| "所选区划".to_owned())];
    error::show(&HouseholdsPage {
        frame: app.frame(signed, "家庭档案", "/households").await?,
        total: wording::count(total),
        term,
        category: Field::select("category", "身份类别", Choice::list(words, &picked)),
        along,
        narrowed: narrowed.into_iter().flatten().collect::<Vec<_>>().join("，"),
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
    page(&app, &sent.signed, sent.form.text("term"), &Asked::of_form(&sent.form)).await
}

/// `POST /households/search`: the rows only, while somebody types; where the list is not the page (`brief`), no term
/// means no rows.
pub async fn search(State(app): State<App>, sent: SignedForm) -> Answer {
    let term = sent.form.text("term");
    if term.is_empty() && sent.form.some("brief").is_some() {
        return Ok(Html("").into_response());
    }
    error::show(&rows(&app, &sent.signed, &term, &Asked::of_form(&sent.form)).await?)
}
