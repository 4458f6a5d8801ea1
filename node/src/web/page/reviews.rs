//! Looking again at households: what happened to them, whose time is up, and a place to write down what came of it.

use super::household::record;
use crate::desk::Command;
use crate::desk::reviews::{ChangeChoices, ReviewLine};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Input, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::changed::Reviewed;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::review::{Due, Why};

/// The page.
#[derive(Template, Default)]
#[template(path = "reviews.html")]
pub struct ReviewsPage {
    /// The frame.
    pub frame: Frame,
    /// The village, how many.
    pub lead: String,
    /// What may be picked.
    pub fields: Vec<Field>,
    /// The village.
    pub area: String,
    /// The rows.
    pub rows: Vec<ReviewRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// Whether the reader may open a case.
    pub may_open: bool,
}

/// A household to be looked at again.
#[derive(Default)]
pub struct ReviewRow {
    /// The household.
    pub id: String,
    /// Its head.
    pub head: String,
    /// Category, members.
    pub note: String,
    /// Why: what, more about it.
    pub why: Vec<(String, String)>,
    /// By when.
    pub due: Chip,
    /// What the assessment follows from.
    pub basis: String,
    /// The form.
    pub form: Option<(Stub, Vec<Field>)>,
}

/// Rows of one page of the list.
const ROWS: usize = 50;

/// Which list.
#[derive(Deserialize)]
pub struct Asked {
    area: Option<String>,
    from: Option<usize>,
}

/// The reasons in words.
pub fn reasons(due: &Due) -> Vec<(String, String)> {
    let one = |why: &Why| match why {
        Why::Changed { change, kind, .. } => {
            let whom = if change.person.is_empty() { String::new() } else { format!("（{}）", change.person) };
            let note = if change.note.is_empty() { String::new() } else { format!("：{}", change.note) };
            (format!("{kind}{whom}{note}"), format!("{} {} {}登记，{} 发生", change.office, change.name, change.day, change.on))
        }
        Why::Term { last, rule, by } => {
            let last = last.map_or_else(|| "没有上次复核或审批的记录".to_owned(), |last| format!("上次 {last}"));
            (format!("{rule}，应于 {by} 前"), last)
        }
        Why::Differs { proposed: Some(proposed) } => {
            (format!("按档案数据可能是{proposed}"), "与登记的类别不一致，见“家庭经济状况”".to_owned())
        }
        Why::Differs { proposed: None } => {
            ("按档案数据各类都不符合".to_owned(), "与登记的类别不一致，见“家庭经济状况”".to_owned())
        }
    };
    due.why.iter().map(one).collect()
}

fn row(line: &ReviewLine, today: Day, signed: &Signed, may_review: bool) -> Result<ReviewRow, WebError> {
    let outcomes = Reviewed::ALL.iter().map(|outcome| (outcome.word(), outcome.label()));
    let mut fields = vec![
        Field::select("outcome", "结果", Choice::list(std::iter::once(("", "请选择")).chain(outcomes), "")).needed(),
        Field::area("note", "核实情况").hinted("怎样核实的、情况如何；减发、停发之前须先听取本人意见").needed(),
    ];
    fields.iter_mut().for_each(|field| field.scope = format!("-{}", line.row.record));
    Ok(ReviewRow {
        id: line.row.record.to_string(),
        head: if line.row.head.is_empty() { "（没有户主姓名）".to_owned() } else { line.row.head.clone() },
        note: [line.row.categories_on(today), format!("{} 人", line.row.members)].join("，"),
        why: reasons(&line.due),
        due: wording::due(line.due.by, today),
        basis: line.due.basis.clone(),
        form: if may_review { Some((signed.stub()?, fields)) } else { None },
    })
}

/// `GET /reviews`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let code = asked.area.filter(|code| !code.is_empty());
    let area = code.map(|code| AreaId::parse(&code).ok_or(WebError::NoPage)).transpose()?;
    let from = asked.from.unwrap_or_default();
    let found = app.desk().reviews(&signed.person, area).await?;
    let picked = found.area.map(|area| area.to_string()).unwrap_or_default();
    let label = |name: &str, waiting: u64| if waiting > 0 { format!("{name}　{waiting} 户有变化") } else { name.to_owned() };
    let areas = found.areas.iter().map(|(id, name, waiting)| (id.to_string(), label(name, *waiting)));
    let fields =
        if found.areas.len() > 1 { vec![Field::select("area", "村(社区)", Choice::list(areas, &picked))] } else { Vec::new() };
    let place = found.areas.iter().find(|(id, ..)| Some(*id) == found.area).map(|(_, name, _)| name.as_str());
    let lines = found.lines.iter().skip(from).take(ROWS);
    let rows: Vec<ReviewRow> = lines.map(|line| row(line, found.today, &signed, found.may_review)).collect::<Result<_, _>>()?;
    let more = found.lines.len() > from.saturating_add(ROWS);
    error::show(&ReviewsPage {
        frame: app.frame(&signed, "动态复核", "/households").await?,
        lead: format!("{}　共 {} 户：有变化的、到期的、数据与类别不一致的", place.unwrap_or_default(), found.lines.len()),
        fields,
        shown: format!("列出第 {} 到 {} 户", from + usize::from(!rows.is_empty()), from + rows.len()),
        more: more.then(|| (format!("/reviews?area={picked}&from={}", from + ROWS), "再往下")),
        area: picked,
        rows,
        may_open: found.may_open,
    })
}

/// `POST /reviews`
pub async fn review(State(app): State<App>, sent: SignedForm) -> Answer {
    let form = &sent.form;
    let command = Command::Review {
        record: record(&form.text("household"))?,
        outcome: Reviewed::from_word(&form.text("outcome")).ok_or(WebError::Unreadable)?,
        note: form.text("note"),
        basis: form.text("basis"),
    };
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    let area = AreaId::parse(&form.text("area")).map(|area| area.to_string()).unwrap_or_default();
    Ok(Redirect::to(&format!("/reviews?area={area}")).into_response())
}

/// The form for something that happened to a household.
pub fn change_fields(choices: &ChangeChoices, today: Day) -> Vec<Field> {
    let kinds = choices.kinds.iter().map(|kind| (kind.code.clone(), kind.name.clone()));
    let people = choices.people.iter().map(|name| (name.clone(), name.clone()));
    let none = |label: &str| std::iter::once((String::new(), label.to_owned()));
    vec![
        Field::select("kind", "发生了什么", Choice::list(none("请选择").chain(kinds), "")).needed(),
        Field::select("person", "涉及谁", Choice::list(none("整户").chain(people), "")),
        Field::text("on", "哪天").typed(Input::Date).with(today.to_string()),
        Field::text("note", "说明").hinted("例：6 月起在镇上做保洁").widely(),
    ]
}

/// How a household waits to be looked at, for its own page.
pub fn waiting(due: Option<&Due>, today: Day) -> (Vec<(String, String)>, Chip) {
    due.map_or_else(|| (Vec::new(), Chip::new(Tone::Plain, "")), |due| (reasons(due), wording::due(due.by, today)))
}

/// `POST /households/{id}/changes`
pub async fn note(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let form = &sent.form;
    let on = form.some("on").map(|text| Day::parse(&text).ok_or(WebError::Unreadable)).transpose()?;
    let command = Command::NoteChange {
        record: record(&id)?,
        kind: form.text("kind"),
        on,
        person: form.text("person"),
        note: form.text("note"),
    };
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    Ok(Redirect::to(&format!("/households/{id}#changes")).into_response())
}
