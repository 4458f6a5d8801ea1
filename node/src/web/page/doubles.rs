//! Doubles: what looks like one grant made twice, what was found, and persons who live in several households.

use crate::desk::Command;
use crate::desk::doubles::{DoubleLine, Half};
use crate::store::reader::DuplicateRow;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::doubles;
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::event::Ruling;
use shouwang_protocol::records::idno::masked;

/// The page.
#[derive(Template, Default)]
#[template(path = "doubles.html")]
pub struct DoublesPage {
    /// The frame.
    pub frame: Frame,
    /// States: where, label, how many, whether the reader is there.
    pub filters: Vec<(String, &'static str, usize, bool)>,
    /// The doubles.
    pub rows: Vec<DoubleBox>,
    /// Persons in several households.
    pub persons: Vec<PersonRow>,
}

/// Two grants.
#[derive(Default)]
pub struct DoubleBox {
    /// Where it stands.
    pub state: Chip,
    /// Whom they share.
    pub names: String,
    /// Why they do not go together.
    pub why: String,
    /// The halves that are held here.
    pub halves: Vec<HalfRow>,
    /// What is told of the other.
    pub told: String,
    /// What was found.
    pub found: String,
    /// The form to ask the villages.
    pub ask: Option<Stub>,
    /// The form to settle it.
    pub settle: Option<(Stub, Vec<Field>)>,
}

/// One of the two.
#[derive(Default)]
pub struct HalfRow {
    /// First or second.
    pub title: &'static str,
    /// The case's name.
    pub case: String,
    /// The household's page; empty: none.
    pub household: String,
    /// The head.
    pub head: String,
    /// The village.
    pub place: String,
    /// Kind and cause.
    pub what: String,
    /// Number, day.
    pub note: String,
    /// Approved, paid.
    pub money: String,
    /// Whether it stands.
    pub state: Chip,
}

/// A person in several households.
#[derive(Default)]
pub struct PersonRow {
    /// The number, masked.
    pub id_no: String,
    /// Page, head, village.
    pub households: Vec<(String, String, String)>,
}

/// Which state.
#[derive(Deserialize)]
pub struct Asked {
    state: Option<String>,
}

const STATES: [(&str, doubles::State); 3] =
    [("settle", doubles::State::ToSettle), ("recover", doubles::State::ToRecover), ("settled", doubles::State::Settled)];

fn half(half: &Half, title: &'static str) -> HalfRow {
    let cause = if half.cause.is_empty() { String::new() } else { format!("（{}）", half.cause) };
    let owed = if half.owed.0 > 0 { format!("，待追缴 {} 元", wording::money(half.owed)) } else { String::new() };
    let paid =
        if half.paid.0 > 0 { format!("，已发放 {} 元", wording::money(half.paid)) } else { "，尚未发放".to_owned() };
    HalfRow {
        title,
        case: half.case.to_string(),
        household: half.household.map(|record| format!("/households/{record}")).unwrap_or_default(),
        head: if half.head.is_empty() { "家庭未知".to_owned() } else { format!("{} 户", half.head) },
        place: half.place.clone(),
        what: format!("{}{cause}", half.kind),
        note: [half.number.clone(), wording::day(half.day)].join("　"),
        money: format!("批准 {} 元{paid}{owed}", wording::money(half.amount)),
        state: if half.void { Chip::new(Tone::Bad, "已纠正") } else { Chip::default() },
    }
}

fn settle_fields() -> Vec<Field> {
    let rulings = [
        (Ruling::This.word(), "属于重复：保留甲，纠正乙"),
        (Ruling::Other.word(), "属于重复：保留乙，纠正甲"),
        (Ruling::Both.word(), "不属于重复：两项都保留"),
    ];
    vec![
        Field::select("ruling", "核定结果", Choice::list(std::iter::once(("", "请选择")).chain(rulings), "")).needed(),
        Field::area("reason", "理由").hinted("写进两个事项，两村都看得到；不要写另一户的姓名等个人信息。").needed(),
    ]
}

fn double(line: &DoubleLine, signed: &Signed) -> Result<DoubleBox, WebError> {
    let tone = match line.state {
        doubles::State::ToSettle => Tone::Warn,
        doubles::State::ToRecover => Tone::Bad,
        doubles::State::Settled => Tone::Good,
    };
    let titles = ["甲", "乙"];
    let case = line.halves.first().map(|half| half.case.to_string()).unwrap_or_default();
    let mut fields = settle_fields();
    fields.iter_mut().for_each(|field| field.scope = format!("-{case}"));
    Ok(DoubleBox {
        state: Chip::new(tone, line.state.label()),
        names: line.names.join("、"),
        why: line.why.clone(),
        halves: line.halves.iter().zip(titles).map(|(one, title)| half(one, title)).collect(),
        told: line.told.clone(),
        found: line.found.clone(),
        ask: if line.may_settle && !line.asked { Some(signed.stub()?) } else { None },
        settle: if line.may_settle { Some((signed.stub()?, fields)) } else { None },
    })
}

fn person(row: &DuplicateRow) -> PersonRow {
    let home = |row: &crate::store::reader::HouseholdRow| {
        (format!("/households/{}", row.record), format!("{} 户", row.head), row.area_name.clone())
    };
    PersonRow { id_no: masked(&row.id_no), households: row.households.iter().map(home).collect() }
}

/// `GET /doubles`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let word = asked.state.as_deref().unwrap_or("settle");
    let (_, state) = STATES.into_iter().find(|(name, _)| *name == word).ok_or(WebError::NoPage)?;
    let found = app.desk().doubles(&signed.person, state).await?;
    let filters = STATES.into_iter().map(|(name, one)| {
        let count = found.counts.iter().find(|(state, _)| *state == one).map_or(0, |(_, count)| *count);
        (format!("/doubles?state={name}"), one.label(), count, one == state)
    });
    error::show(&DoublesPage {
        frame: app.frame(&signed, "重复救助", "/cases").await?,
        filters: filters.collect(),
        rows: found.lines.iter().map(|line| double(line, &signed)).collect::<Result<_, _>>()?,
        persons: if state == doubles::State::ToSettle { found.persons.iter().map(person).collect() } else { Vec::new() },
    })
}

fn cases(sent: &SignedForm) -> Result<Vec<CaseId>, WebError> {
    sent.form.all("case").iter().map(|case| CaseId::parse(case).ok_or(WebError::Unreadable)).collect()
}

/// `POST /doubles/ask`
pub async fn ask(State(app): State<App>, sent: SignedForm) -> Answer {
    let command = Command::AskAboutDouble { cases: cases(&sent)? };
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    Ok(Redirect::to("/doubles").into_response())
}

/// `POST /doubles/settle`
pub async fn settle(State(app): State<App>, sent: SignedForm) -> Answer {
    let ruling = Ruling::from_word(&sent.form.text("ruling")).ok_or(WebError::Unreadable)?;
    let command = Command::SettleDouble { cases: cases(&sent)?, ruling, reason: sent.form.text("reason") };
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    let state = if ruling == Ruling::Both { "settled" } else { "recover" };
    Ok(Redirect::to(&format!("/doubles?state={state}")).into_response())
}
