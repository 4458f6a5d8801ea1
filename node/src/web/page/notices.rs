//! Public notices and publications: what is up, what was taken down, and the sheet that is hung up.

use crate::store::reader::{NoticeRow, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::{Chip, Choice, Field, Frame};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::notice::{self, Tells};

/// Notices of one page of the list.
const ROWS: u32 = 50;
/// Notices of one village that are printed at once.
const SHEET_ROWS: u32 = 200;

/// The list.
#[derive(Template, Default)]
#[template(path = "notices.html")]
pub struct NoticesPage {
    /// The frame.
    pub frame: Frame,
    /// Whether what is up is listed, or what was taken down.
    pub up: bool,
    /// The two lists: where, label, whether the reader is there.
    pub filters: Vec<(String, &'static str, bool)>,
    /// What may be picked.
    pub fields: Vec<Field>,
    /// What is up.
    pub rows: Vec<NoticeLine>,
    /// What stood: village, from, to, case.
    pub gone: Vec<[String; 4]>,
    /// Villages with something up, and their sheets.
    pub sheets: Vec<(String, String, usize)>,
    /// The next page.
    pub more: Option<String>,
}

/// A notice that is up.
#[derive(Default)]
pub struct NoticeLine {
    /// The case.
    pub href: String,
    /// The name as it is posted.
    pub name: String,
    /// The kind.
    pub kind: String,
    /// How many people.
    pub people: String,
    /// The amount.
    pub amount: String,
    /// The village.
    pub village: String,
    /// Where.
    pub place: String,
    /// From when to when.
    pub when: String,
    /// How long still.
    pub due: Chip,
}

/// The sheet.
#[derive(Template, Default)]
#[template(path = "notice_sheet.html")]
pub struct SheetPage {
    /// The frame.
    pub frame: Frame,
    /// The village.
    pub village: String,
    /// Whom objections go to: office, telephone.
    pub contacts: Vec<(String, String)>,
    /// The notices: name, kind, people, amount, from and to.
    pub rows: Vec<[String; 5]>,
    /// The same of benefits that are to be stopped.
    pub stops: Vec<[String; 5]>,
    /// The same of what was approved.
    pub grants: Vec<[String; 5]>,
    /// Whether any of them has an amount.
    pub amounts: bool,
    /// The office that prints it.
    pub office: String,
    /// Today.
    pub date: String,
}

/// Which.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    at: Option<String>,
    area: Option<String>,
    from: Option<u64>,
}

impl Asked {
    fn area(&self) -> Result<Option<AreaId>, WebError> {
        let code = self.area.as_deref().filter(|code| !code.is_empty());
        code.map(|code| AreaId::parse(code).ok_or(WebError::NoPage)).transpose()
    }
}

fn said(row: &NoticeRow, label: &str) -> String {
    notice::line(&row.text, label).unwrap_or_default().to_owned()
}

/// What a notice tells, as its text shows.
fn tells(row: &NoticeRow) -> Tells {
    let says = |label: &str| notice::line(&row.text, label).is_some();
    match (says(notice::STOPPED), says(notice::GRANTED)) {
        (true, _) => Tells::Stop,
        (_, true) => Tells::Decision,
        _ => Tells::Opinion,
    }
}

fn who(row: &NoticeRow) -> String {
    said(row, tells(row).who())
}

fn kind(row: &NoticeRow) -> String {
    let of = match tells(row) {
        Tells::Opinion => "",
        Tells::Stop => "（拟停发）",
        Tells::Decision => "（已批准）",
    };
    said(row, "救助种类") + of
}

fn amount(row: &NoticeRow) -> String {
    said(row, if tells(row) == Tells::Decision { "救助金额" } else { "拟救助金额" })
}

/// `GET /notices`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let up = asked.at.as_deref() != Some("gone");
    let (area, from) = (asked.area()?, asked.from.unwrap_or_default());
    let found = app.desk().notices(&signed.person, area, up, Page { offset: from, limit: ROWS }).await?;
    let today = app.today();
    let picked = area.map(|area| area.to_string()).unwrap_or_default();
    let address = |at: &str, from: u64| {
        let mut pairs = vec![("at", at.to_owned()), ("area", picked.clone()), ("from", from.to_string())];
        pairs.retain(|(_, value)| !value.is_empty() && value != "0");
        let query: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        if query.is_empty() { "/notices".to_owned() } else { format!("/notices?{}", query.join("&")) }
    };
    let line = |row: &NoticeRow| NoticeLine {
        href: format!("/cases/{}", row.case),
        name: who(row),
        kind: kind(row),
        people: said(row, "共同生活人数"),
        amount: amount(row),
        village: row.area_name.clone(),
        place: said(row, tells(row).place()),
        when: format!("{} 至 {}", row.from, row.until),
        due: wording::due(Some(row.until), today),
    };
    let (mut rows, mut gone, mut sheets) = (Vec::new(), Vec::new(), Vec::<(String, String, usize)>::new());
    for row in &found.rows {
        if !up {
            let case = format!("/cases/{}", row.case);
            gone.push([row.area_name.clone(), row.from.to_string(), row.until.to_string(), case]);
            continue;
        }
        rows.push(line(row));
        let href = format!("/notices/sheet?area={}", row.area);
        match sheets.iter_mut().find(|(known, ..)| *known == href) {
            Some((_, _, count)) => *count += 1,
            None => sheets.push((href, row.area_name.clone(), 1)),
        }
    }
    let choices = app.desk().choices(&signed.person).await?;
    let villages = choices.areas.iter().filter(|area| area.tier == Tier::Village);
    let areas =
        std::iter::once((String::new(), "全部".to_owned())).chain(villages.map(|area| (area.id.to_string(), area.name.clone())));
    error::show(&NoticesPage {
        frame: app.frame(&signed, "公示", "/notices").await?,
        up,
        filters: vec![(address("", 0), "公示中", up), (address("gone", 0), "已撤下", !up)],
        fields: vec![Field::select("area", "村(社区)", Choice::list(areas, &picked))],
        rows,
        gone,
        sheets,
        more: found.more.then(|| address(if up { "" } else { "gone" }, from + u64::from(ROWS))),
    })
}

/// `GET /notices/sheet`: all of a village on one paper.
pub async fn sheet(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let area = asked.area()?.ok_or(WebError::NoPage)?;
    let found = app.desk().notices(&signed.person, Some(area), true, Page::first(SHEET_ROWS)).await?;
    let mut contacts = Vec::new();
    for row in found.rows.iter().filter(|row| !row.text.is_empty()) {
        let contact = (said(row, "受理异议"), said(row, "异议电话"));
        if !contacts.contains(&contact) {
            contacts.push(contact);
        }
    }
    let line = |row: &NoticeRow| {
        let when = format!("{} 至 {}", row.from, row.until);
        [who(row), said(row, "救助种类"), said(row, "共同生活人数"), amount(row), when]
    };
    let of = |what: Tells| {
        let rows = found.rows.iter().filter(move |row| !row.text.is_empty() && tells(row) == what);
        rows.map(line).collect::<Vec<[String; 5]>>()
    };
    let rows = of(Tells::Opinion);
    error::show(&SheetPage {
        frame: app.frame(&signed, "公示单", "/notices").await?,
        village: found.rows.first().map(|row| row.area_name.clone()).unwrap_or_default(),
        contacts,
        amounts: rows.iter().any(|row| !row[3].is_empty()),
        rows,
        stops: of(Tells::Stop),
        grants: of(Tells::Decision),
        office: app.here().await?.name,
        date: wording::long_day(app.today()),
    })
}
