//! Changing a household, or registering one: only what was changed is sent.

use super::household;
use crate::desk::{Choices, Command, DeskError, FieldFault, HouseholdChange, RowChange};
use crate::web::App;
use crate::web::error::{Answer, WebError, show, show_as};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Input, Stub};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use serde_json::{Map, Value};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::holding::{HOLDING, Holding};
use shouwang_protocol::records::household::{AID, HOUSEHOLD, Household, MEMBER, Member};
use shouwang_protocol::records::import::{HOLDINGS_MAX, MEMBERS_MAX};
use shouwang_protocol::records::{OpId, field};

/// The form.
#[derive(Template, Default)]
#[template(path = "household_edit.html")]
pub struct HouseholdEditPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// The way back.
    pub back: String,
    /// What must be put right.
    pub faults: Vec<String>,
    /// What others changed meanwhile.
    pub meanwhile: Vec<String>,
    /// Where the form goes.
    pub target: String,
    /// The name its draft is kept under.
    pub draft: String,
    /// The form's own.
    pub stub: Stub,
    /// The household's own fields.
    pub groups: Vec<Group>,
    /// Its members, and an empty one.
    pub members: Vec<MemberFields>,
    /// Its categories, and a new one.
    pub holdings: Vec<MemberFields>,
    /// A new payment.
    pub aid: Vec<Field>,
}

/// Fields that belong together.
pub struct Group {
    /// What they are about.
    pub label: &'static str,
    /// The fields.
    pub fields: Vec<Field>,
}

/// The fields of a member, or of a category.
#[derive(Default)]
pub struct MemberFields {
    /// Name.
    pub label: String,
    /// More.
    pub note: String,
    /// Whether it is opened.
    pub open: bool,
    /// The fields.
    pub fields: Vec<Field>,
}

/// Members or payments that can be added in one form.
const NEW_ROWS: usize = 1;
/// Fields that the program keeps itself.
const KEPT: [&str; 4] = ["id", "region", "created_at", "updated_at"];

/// A form's field for a field of a record; `prefix` names the row.
fn field_of(kind: &field::Field, prefix: &str, value: &Value, offer: &Choices) -> Field {
    let text = household::text_of(value);
    let base = Field { was: Some(text.clone()), ..Field::text(format!("{prefix}{}", kind.name), kind.label) }.with(text.clone());
    let suggest =
        |words: Vec<String>| words.into_iter().map(|word| Choice { label: String::new(), value: word, picked: false }).collect();
    match kind.form {
        field::Form::Money => base.typed(Input::Number),
        field::Form::Measure | field::Form::Whole => base.typed(Input::Number),
        field::Form::Digits => base.typed(Input::Digits),
        // A date that people wrote in words does not fit a date picker.
        field::Form::Day if text.is_empty() || shouwang_protocol::records::day::Day::parse(&text).is_some() => {
            base.typed(Input::Date)
        }
        field::Form::Flag => {
            let choices = Choice::list([("", "不详"), ("是", "是"), ("否", "否")], &text);
            Field { was: Some(text), ..Field::select(base.name.clone(), kind.label, choices) }
        }
        field::Form::Word(words) => {
            let names = |rows: &[(String, String)]| rows.iter().map(|(_, name)| name.clone()).collect();
            let offered = match kind.name {
                "type" | "category" => names(&offer.categories),
                "cause" => names(&offer.causes),
                _ => words.iter().map(|word| (*word).to_owned()).collect(),
            };
            Field { choices: suggest(offered), ..base }
        }
        _ if matches!(kind.name, "address" | "remark") => base.widely(),
        _ => base,
    }
}

fn group(label: &'static str, names: &[&str], row: &Map<String, Value>, offer: &Choices) -> Group {
    let known = names.iter().filter(|name| !KEPT.contains(name)).filter_map(|name| field::find(HOUSEHOLD, name));
    Group { label, fields: known.map(|kind| field_of(kind, "", row.get(kind.name).unwrap_or(&Value::Null), offer)).collect() }
}

fn member_fields(at: usize, member: Option<(&Member, &Value)>, offer: &Choices) -> MemberFields {
    let prefix = match member {
        Some(_) => format!("m{at}."),
        None => format!("n{at}."),
    };
    let empty = Map::new();
    let json = member.and_then(|(_, json)| json.as_object()).unwrap_or(&empty);
    let mut fields: Vec<Field> =
        MEMBER.iter().map(|kind| field_of(kind, &prefix, json.get(kind.name).unwrap_or(&Value::Null), offer)).collect();
    if let Some(row) = member.and_then(|(member, _)| member.row.as_ref()) {
        fields.push(Field::hidden(format!("{prefix}row"), row.to_string()));
    }
    match member {
        Some((member, _)) => MemberFields { label: member.name.clone(), note: member.relation.clone(), open: false, fields },
        None => MemberFields { label: "添加成员".to_owned(), fields, ..MemberFields::default() },
    }
}

/// The fields of a category; of a household that is not registered yet, there are none.
fn holding_fields(at: usize, household: &Household, holding: Option<&Holding>, offer: &Choices) -> MemberFields {
    let prefix = if holding.is_some() { format!("h{at}.") } else { format!("k{at}.") };
    let person = holding.map(|holding| holding.person.clone()).unwrap_or_default();
    let members = household.members.iter().filter_map(|member| Some((member.row.as_ref()?.to_string(), member.name.clone())));
    let mut choices: Vec<(String, String)> = std::iter::once((String::new(), "全户".to_owned())).chain(members).collect();
    if !choices.iter().any(|(row, _)| *row == person) {
        choices.push((person.clone(), "（不在本户）".to_owned()));
    }
    let whose =
        Field { was: Some(person.clone()), ..Field::select(format!("{prefix}person"), "人员", Choice::list(choices, &person)) };
    let row = holding.map(|holding| household.holding_row(holding)).unwrap_or_default();
    let others = HOLDING.iter().filter(|kind| kind.name != "person");
    let others = others.map(|kind| field_of(kind, &prefix, row.get(kind.name).unwrap_or(&Value::Null), offer));
    let mut fields: Vec<Field> = std::iter::once(whose).chain(others).collect();
    if let Some(row) = holding.and_then(|holding| holding.row.as_ref()) {
        fields.push(Field::hidden(format!("{prefix}row"), row.to_string()));
    }
    let Some(holding) = holding else {
        return MemberFields { label: "添加身份类别".to_owned(), fields, ..MemberFields::default() };
    };
    let name = household.holder(holding).map_or("全户", |member| member.name.as_str());
    let day = |day: Option<shouwang_protocol::records::day::Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let days = match (holding.from, holding.until) {
        (None, None) => String::new(),
        (from, until) => format!("{} 至 {}", day(from), day(until)),
    };
    MemberFields { label: format!("{name}　{}", holding.category), note: days, open: false, fields }
}

fn aid_fields(offer: &Choices) -> Vec<Field> {
    AID.iter().map(|kind| field_of(kind, "a0.", &Value::Null, offer)).collect()
}

struct Given<'a> {
    household: Option<&'a Household>,
    offer: &'a Choices,
}

fn page(frame: Frame, stub: Stub, given: &Given<'_>) -> HouseholdEditPage {
    let row = given.household.map(Household::row).unwrap_or_default();
    let members = given.household.map(|household| household.members.as_slice()).unwrap_or_default();
    let json = row.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
    let filled =
        members.iter().zip(&json).enumerate().map(|(at, (member, json))| member_fields(at, Some((member, json)), given.offer));
    let fresh = (0..NEW_ROWS).map(|at| member_fields(at, None, given.offer));
    HouseholdEditPage {
        frame,
        stub,
        groups: vec![
            group("基本情况", &household::BASICS, &row, given.offer),
            group("收入和支出", &household::MEANS[..10], &row, given.offer),
            group("财产、住房与账户", &household::MEANS[10..], &row, given.offer),
        ],
        members: filled.chain(fresh).collect(),
        holdings: match given.household {
            Some(household) => {
                let rows = household.holdings.iter().enumerate();
                let rows = rows.map(|(at, row)| holding_fields(at, household, Some(row), given.offer));
                rows.chain((0..NEW_ROWS).map(|at| holding_fields(at, household, None, given.offer))).collect()
            }
            None => Vec::new(),
        },
        aid: aid_fields(given.offer),
        ..HouseholdEditPage::default()
    }
}

/// Puts back what was typed, and says at each field what is wrong with it.
fn refill(page: &mut HouseholdEditPage, form: &Form, faults: &[FieldFault]) {
    let at = |fault: &FieldFault| {
        let field = fault.field.replace("members[", "m").replace("aid[", "a").replace("holdings[", "h");
        field.replace("].", ".").replace("holdings.", "k0.")
    };
    let fields = page.groups.iter_mut().flat_map(|group| &mut group.fields);
    let rows = page.members.iter_mut().flat_map(|member| &mut member.fields);
    let held = page.holdings.iter_mut().flat_map(|holding| &mut holding.fields);
    for field in fields.chain(rows).chain(held).chain(&mut page.aid) {
        if let Some(typed) = form.0.get(&field.name).and_then(|values| values.first()) {
            field.refill(typed);
        }
        if let Some(fault) = faults.iter().find(|fault| at(fault) == field.name) {
            field.fault.clone_from(&fault.reason);
        }
    }
    for member in page.members.iter_mut().chain(&mut page.holdings) {
        member.open |= member
            .fields
            .iter()
            .any(|field| !field.fault.is_empty() || field.was.as_ref().is_some_and(|was| *was != field.value));
    }
}

/// What a person changed among the fields whose names begin with `prefix`.
fn changed(form: &Form, prefix: &str, table: &[field::Field]) -> Map<String, Value> {
    let mut set = Map::new();
    for kind in table {
        let name = format!("{prefix}{}", kind.name);
        let (now, was) = (form.text(&name), form.raw(&format!("was.{name}")));
        if form.0.contains_key(&name) && now != was.trim() {
            set.insert(kind.name.to_owned(), Value::String(now));
        }
    }
    set
}

fn change_of(record: RecordId, sent: &SignedForm) -> Result<HouseholdChange, WebError> {
    let form = &sent.form;
    let mut change =
        HouseholdChange { set: changed(form, "", HOUSEHOLD), seen_heads: sent.heads(), ..HouseholdChange::of(record) };
    for at in 0..MEMBERS_MAX {
        let Some(row) = form.some(&format!("m{at}.row")) else { break };
        let row = OpId::parse(&row).ok_or(WebError::Unreadable)?;
        let set = changed(form, &format!("m{at}."), MEMBER);
        if !set.is_empty() {
            change.members.push(RowChange { row, set });
        }
    }
    for at in 0..HOLDINGS_MAX {
        let Some(row) = form.some(&format!("h{at}.row")) else { break };
        let row = OpId::parse(&row).ok_or(WebError::Unreadable)?;
        let set = changed(form, &format!("h{at}."), HOLDING);
        if !set.is_empty() {
            change.holdings.push(RowChange { row, set });
        }
    }
    let fresh = |prefix: &str, table| Some(changed(form, prefix, table)).filter(|set| !set.is_empty());
    change.new_holdings = (0..NEW_ROWS).filter_map(|at| fresh(&format!("k{at}."), HOLDING)).collect();
    change.new_members = (0..NEW_ROWS).filter_map(|at| fresh(&format!("n{at}."), MEMBER)).collect();
    change.new_aid.extend(fresh("a0.", AID));
    Ok(change)
}

/// `GET /households/{id}/edit`
pub async fn edit(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    show(&edit_page(&app, &signed, &id).await?)
}

async fn edit_page(app: &App, signed: &Signed, id: &str) -> Result<HouseholdEditPage, WebError> {
    let known = app.desk().household(&signed.person, household::record(id)?, 1).await?;
    if !known.may_edit {
        return Err(DeskError::NotPermitted { why: "您的角色不修改家庭档案".to_owned() }.into());
    }
    let offer = app.desk().choices(&signed.person).await?;
    let given = Given { household: Some(&known.detail.household), offer: &offer };
    let mut page = page(app.frame(signed, "修改档案", "/households").await?, signed.stub_with(&known.heads)?, &given);
    page.heading = format!("修改 {} 户", known.detail.household.head);
    page.lead = known.place.clone();
    page.back = format!("/households/{id}");
    page.target = format!("/households/{id}/edit");
    page.draft = format!("household-{id}");
    Ok(page)
}

/// `POST /households/{id}/edit`
pub async fn save(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let change = change_of(household::record(&id)?, &sent)?;
    let result = app.desk().perform(&sent.signed.person, sent.action()?, Command::ChangeHousehold(change)).await;
    let error = match result {
        Ok(_) => {
            app.desk().keep_draft(&sent.signed.person, &format!("household-{id}"), Vec::new()).await?;
            return Ok(Redirect::to(&format!("/households/{id}#history")).into_response());
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::Conflict { .. })) => error,
        Err(error) => return Err(error.into()),
    };
    // Made anew: the heads are today's, so that pressing again takes what was typed over what others wrote.
    let mut page = edit_page(&app, &sent.signed, &id).await?;
    match &error {
        DeskError::Conflict { changed } => {
            page.meanwhile = changed
                .iter()
                .map(|change| format!("{}：由 {} 改为 {}", change.label, dash(&change.was), dash(&change.now)))
                .collect();
            refill(&mut page, &sent.form, &[]);
        }
        DeskError::Invalid { faults } => {
            page.faults =
                faults.iter().map(|fault| format!("{}：{}", household::field_label(None, &fault.field), fault.reason)).collect();
            refill(&mut page, &sent.form, faults);
        }
        _ => {}
    }
    show_as(crate::web::error::status(&error), &page)
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "（空）" } else { text }
}

async fn new_page(app: &App, signed: &Signed, picked: &str) -> Result<HouseholdEditPage, WebError> {
    let offer = app.desk().choices(&signed.person).await?;
    let mut page =
        page(app.frame(signed, "登记新家庭", "/households").await?, signed.stub()?, &Given { household: None, offer: &offer });
    let choices = Choice::list(
        offer.areas.iter().filter(|area| area.tier == Tier::Village).map(|area| (area.id.to_string(), area.name.clone())),
        picked,
    );
    page.groups.insert(0, Group { label: "在哪个村(社区)", fields: vec![Field::select("area", "村(社区)", choices).needed()] });
    if let Some(member) = page.members.first_mut() {
        (member.label, member.open) = ("户主（与户主关系填“户主”，姓名和身份证号会用到上面）".to_owned(), true);
    }
    page.heading = "登记新家庭".to_owned();
    page.lead = "只填知道的，其余以后再补；断网也能登记。".to_owned();
    page.back = "/households".to_owned();
    page.target = "/households/new".to_owned();
    page.draft = "household-new".to_owned();
    Ok(page)
}

/// `GET /households/new`
pub async fn new(State(app): State<App>, signed: Signed) -> Answer {
    show(&new_page(&app, &signed, "").await?)
}

/// `POST /households/new`
pub async fn register(State(app): State<App>, sent: SignedForm) -> Answer {
    let form = &sent.form;
    let area = AreaId::parse(&form.text("area")).ok_or_else(|| DeskError::invalid("area", "请选择村(社区)"))?;
    let mut row = changed(form, "", HOUSEHOLD);
    let fresh = |prefix: &str, table| {
        Some(Value::Object(changed(form, prefix, table))).filter(|row| row.as_object().is_some_and(|row| !row.is_empty()))
    };
    row.insert("members".to_owned(), (0..NEW_ROWS).filter_map(|at| fresh(&format!("n{at}."), MEMBER)).collect());
    row.insert("aid".to_owned(), fresh("a0.", AID).into_iter().collect());
    let command = Command::RegisterHousehold { area, row };
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(done) => {
            app.desk().keep_draft(&sent.signed.person, "household-new", Vec::new()).await?;
            let to = done.records.first().map_or_else(|| "/households".to_owned(), |record| format!("/households/{record}"));
            Ok(Redirect::to(&to).into_response())
        }
        Err(DeskError::Invalid { faults }) => {
            let mut page = new_page(&app, &sent.signed, &form.text("area")).await?;
            page.faults =
                faults.iter().map(|fault| format!("{}：{}", household::field_label(None, &fault.field), fault.reason)).collect();
            // The rows of a new household are the form's new ones.
            let moved: Vec<FieldFault> = faults
                .iter()
                .map(|fault| FieldFault::new(fault.field.replace("members[", "n").replace("].", "."), fault.reason.clone()))
                .collect();
            refill(&mut page, form, &moved);
            show_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}
