//! A household moves (迁居), or some of it becomes a household of its own (分户): what goes along, what stays, the form.

use super::household::{case_line, record};
use crate::desk::moves::{MoveEnd, MovePage};
use crate::desk::{Command, DeskError, HouseholdMove, HouseholdSplit, RelationOf};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{CaseLine, Choice, Field, Frame, Input, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::import::MEMBERS_MAX;
use shouwang_protocol::records::words;

/// The page.
#[derive(Template, Default)]
#[template(path = "household_move.html")]
pub struct HouseholdMovePage {
    /// The frame.
    pub frame: Frame,
    /// The record.
    pub id: String,
    /// Whether some go and some stay.
    pub split: bool,
    /// What this is.
    pub heading: String,
    /// Where it lives now.
    pub place: String,
    /// Why it cannot be done now or here; empty: it can.
    pub not_now: String,
    /// What must be put right.
    pub faults: Vec<String>,
    /// What others changed meanwhile.
    pub meanwhile: Vec<String>,
    /// The form's own.
    pub stub: Stub,
    /// Where, when, why.
    pub fields: Vec<Field>,
    /// Who lives there.
    pub members: Vec<MemberChoice>,
    /// Words for the relation to the head.
    pub relations: &'static [&'static str],
    /// Cases that stay with the old village.
    pub open: Vec<CaseLine>,
    /// How often aid was received.
    pub aid: usize,
}

/// A member who stays or goes.
#[derive(Default)]
pub struct MemberChoice {
    /// The number in the form.
    pub at: usize,
    /// The row.
    pub row: String,
    /// The name.
    pub name: String,
    /// Birth.
    pub birth: String,
    /// The relation to the head now.
    pub relation: String,
    /// The relation from then on, as typed.
    pub said: String,
    /// Whether the member goes.
    pub goes: bool,
}

/// The other end of a move, on the page of a household.
#[derive(Default)]
pub struct MoveBox {
    /// Where to or where from, and when.
    pub title: String,
    /// Why, and who wrote it.
    pub note: String,
    /// What was had before.
    pub had: String,
    /// The other record; empty: it is not here.
    pub href: String,
    /// What the link is called.
    pub link: &'static str,
    /// Cases that the old village goes on with.
    pub open: Vec<CaseLine>,
    /// What was changed in the old record since.
    pub since: String,
}

/// The other ends of a household's moves.
pub fn boxes(ends: &[MoveEnd]) -> Vec<MoveBox> {
    ends.iter().map(one_box).collect()
}

fn one_box(end: &MoveEnd) -> MoveBox {
    let (change, moved) = (&end.change, &end.moved);
    let (on, place) = (change.on, &moved.place);
    let whom = if change.person.is_empty() { String::new() } else { format!("{} ", change.person) };
    let title = match (moved.came, moved.whole) {
        (true, true) => format!("{on} 由{place}迁来"),
        (true, false) => format!("{on} 由{place}的一户分出"),
        (false, true) => format!("{on} 已迁往{place}"),
        (false, false) => format!("{on} {whom}分户到{place}"),
    };
    let had = match (&end.other, end.aid) {
        _ if !moved.came => String::new(),
        (Some(_), (0, _)) => String::new(),
        (Some(_), (rows, sum)) => {
            format!("此前受助 {rows} 笔，合计 {} 元，记在原档案，不重复统计", wording::money(sum))
        }
        (None, _) => {
            let had = moved.had.iter().map(|(name, last)| format!("{name}（最近 {last}）"));
            let had = had.collect::<Vec<_>>().join("、");
            if had.is_empty() { had } else { format!("迁来前一年内：{had}") }
        }
    };
    MoveBox {
        title,
        note: format!("{}　{} {} {} 登记", change.note, change.office, change.name, change.day),
        had,
        href: end.other.map(|other| format!("/households/{other}")).unwrap_or_default(),
        link: if moved.came { "看原档案" } else { "看新档案" },
        open: end.open.iter().map(case_line).collect(),
        since: end.since.join("、"),
    }
}

fn fields(page: &MovePage, split: bool, today: Day) -> Vec<Field> {
    let here = page.area.to_string();
    let villages = page.villages.iter().filter(|(area, _)| split || *area != page.area);
    let villages = villages.map(|(area, name)| (area.to_string(), name.clone()));
    let to = match split {
        true => Field::select("to", "新户在哪个村(社区)", Choice::list(villages, &here)).needed(),
        false => {
            let none = std::iter::once((String::new(), "请选择".to_owned()));
            Field::select("to", "迁到哪个村(社区)", Choice::list(none.chain(villages), "")).needed()
        }
    };
    let address = Field::text("address", if split { "新户的住址" } else { "迁入的住址" });
    let address = if split { address.hinted("同村、同住址的可不填") } else { address.needed() };
    let day = Field::text("on", if split { "哪天分户" } else { "哪天迁走" }).typed(Input::Date).with(today.to_string());
    let example = if split { "例：结婚成家" } else { "例：拆迁安置、随子女居住" };
    let reason = Field::text("reason", "原因").hinted(example).needed();
    vec![to, address, day.needed(), reason]
}

/// What the village of an office that covers no other may do itself.
const ALONE: &str = "迁到别的村(社区)由镇(街道)办理，迁到别的镇(街道)由市级办理：请在这户的“登记变化”里登记“迁出”，写明迁往哪里，上级同步后就能看到。本村内另立门户的，用“分户”。";

async fn page(app: &App, signed: &Signed, id: &str, split: bool) -> Result<HouseholdMovePage, WebError> {
    let found = app.desk().move_page(&signed.person, record(id)?).await?;
    let household = &found.household;
    let present = household.members.iter().filter(|member| member.is_present());
    let members = present.enumerate().map(|(at, member)| MemberChoice {
        at,
        row: member.row.as_ref().map(ToString::to_string).unwrap_or_default(),
        name: member.name.clone(),
        birth: wording::day(member.birth),
        relation: member.relation.clone(),
        said: member.relation.clone(),
        goes: false,
    });
    let alone = !split && found.villages.iter().all(|(area, _)| *area == found.area);
    let what = if split { "分户" } else { "迁居" };
    Ok(HouseholdMovePage {
        frame: app.frame(signed, what, "/households").await?,
        id: id.to_owned(),
        split,
        heading: format!("{} 户{what}", household.head),
        place: found.place.clone(),
        not_now: found.not_now.clone().or_else(|| alone.then(|| ALONE.to_owned())).unwrap_or_default(),
        stub: signed.stub_with(&found.heads)?,
        fields: fields(&found, split, app.today()),
        members: members.collect(),
        relations: words::RELATION,
        open: found.open.iter().map(case_line).collect(),
        aid: household.aid.len(),
        ..HouseholdMovePage::default()
    })
}

/// `GET /households/{id}/move`
pub async fn move_form(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&page(&app, &signed, &id, false).await?)
}

/// `GET /households/{id}/split`
pub async fn split_form(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&page(&app, &signed, &id, true).await?)
}

fn area(form: &Form) -> Result<AreaId, WebError> {
    Ok(AreaId::parse(&form.text("to")).ok_or_else(|| DeskError::invalid("to", "请选择村(社区)"))?)
}

fn day(form: &Form) -> Result<Option<Day>, WebError> {
    let parse = |text: String| Day::parse(&text).ok_or_else(|| DeskError::invalid("on", "日期无效"));
    Ok(form.some("on").map(parse).transpose()?)
}

fn moving(id: &str, sent: &SignedForm) -> Result<Command, WebError> {
    let form = &sent.form;
    Ok(Command::MoveHousehold(HouseholdMove {
        record: record(id)?,
        to: area(form)?,
        address: form.text("address"),
        on: day(form)?,
        reason: form.text("reason"),
        seen_heads: sent.heads(),
    }))
}

fn splitting(id: &str, sent: &SignedForm) -> Result<Command, WebError> {
    let form = &sent.form;
    let (mut members, mut rest) = (Vec::new(), Vec::new());
    for at in 0..MEMBERS_MAX {
        let Some(text) = form.some(&format!("row-{at}")) else { break };
        let row = OpId::parse(&text).ok_or(WebError::Unreadable)?;
        let (relation, was) = (form.text(&format!("relation-{at}")), form.text(&format!("was-{at}")));
        if form.all("go").contains(&text) {
            members.push(RelationOf { row, relation });
        } else if relation != was {
            rest.push(RelationOf { row, relation });
        }
    }
    Ok(Command::SplitHousehold(HouseholdSplit {
        record: record(id)?,
        members,
        rest,
        to: Some(area(form)?),
        address: form.text("address"),
        on: day(form)?,
        reason: form.text("reason"),
        seen_heads: sent.heads(),
    }))
}

async fn act(app: &App, id: &str, sent: &SignedForm, split: bool) -> Answer {
    let command = if split { splitting(id, sent) } else { moving(id, sent) };
    let done = match command {
        Ok(command) => app.desk().perform(&sent.signed.person, sent.action()?, command).await,
        Err(WebError::Desk(error)) => Err(error),
        Err(error) => return Err(error),
    };
    let error = match done {
        Ok(done) => {
            let to = done.records.first().map_or_else(|| id.to_owned(), ToString::to_string);
            return Ok(Redirect::to(&format!("/households/{to}")).into_response());
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::Conflict { .. } | DeskError::NotNow { .. })) => error,
        Err(error) => return Err(error.into()),
    };
    // Made anew: the heads are today's, so that pressing again means what is shown now.
    let mut page = page(app, &sent.signed, id, split).await?;
    match &error {
        DeskError::Conflict { changed } => page.meanwhile = changed.iter().map(|change| change.label.clone()).collect(),
        DeskError::Invalid { faults } => {
            page.faults = faults.iter().map(|fault| fault.reason.clone()).collect();
            for field in &mut page.fields {
                let own = faults.iter().find(|fault| fault.field == field.name);
                field.fault = own.map(|fault| fault.reason.clone()).unwrap_or_default();
            }
        }
        other => page.faults = vec![other.what()],
    }
    page.fields.iter_mut().for_each(|field| field.refill_from(&sent.form));
    for member in &mut page.members {
        member.goes = sent.form.all("go").contains(&member.row);
        member.said = sent.form.text(&format!("relation-{}", member.at));
    }
    error::show_as(error::status(&error), &page)
}

/// `POST /households/{id}/move`
pub async fn move_it(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    act(&app, &id, &sent, false).await
}

/// `POST /households/{id}/split`
pub async fn split_it(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    act(&app, &id, &sent, true).await
}
