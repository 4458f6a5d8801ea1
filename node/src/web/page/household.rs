//! One household: what is known, who changed what, and what does not fit together.

use super::household_move::{self, MoveBox};
use super::reviews;
use crate::desk::{self, Command};
use crate::store::reader;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{CaseLine, Chip, Fact, Field, Frame, Stub, Ticks, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use serde_json::Value;
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::holding::{HOLDING, Holding};
use shouwang_protocol::records::household::{AID, Aid, HOUSEHOLD, Household, MEMBER, Member};
use shouwang_protocol::records::idno::masked;
use shouwang_protocol::records::{OpId, Problem, field};

/// The page.
#[derive(Template, Default)]
#[template(path = "household.html")]
pub struct HouseholdPage {
    /// The frame.
    pub frame: Frame,
    /// The record.
    pub id: String,
    /// The head's name.
    pub head: String,
    /// Where it lives.
    pub place: String,
    /// The importer's number.
    pub number: String,
    /// States.
    pub chips: Vec<Chip>,
    /// Whether the reader may change it.
    pub may_edit: bool,
    /// Whether the reader may open a case.
    pub may_open: bool,
    /// Fields with several values.
    pub conflicts: Vec<ConflictBox>,
    /// What does not fit together.
    pub problems: Vec<String>,
    /// Where it, or some of it, moved to or came from.
    pub moves: Vec<MoveBox>,
    /// Whether the reader may move or split it.
    pub may_move: bool,
    /// Who and where.
    pub basics: Vec<Fact>,
    /// Members.
    pub members: Vec<MemberRow>,
    /// Categories that it and its members hold, and held.
    pub holdings: Vec<HoldingRow>,
    /// Income, dwelling, account.
    pub means: Vec<Fact>,
    /// Aid received.
    pub aid: Vec<AidRow>,
    /// All of it.
    pub aid_total: String,
    /// Who changed what.
    pub history: Vec<HistoryRow>,
    /// Whether there is more of it.
    pub older: bool,
    /// Fields this version does not know.
    pub others: Vec<Fact>,
    /// Why it is to be looked at again: what, more about it.
    pub again: Vec<(String, String)>,
    /// By when.
    pub again_by: Chip,
    /// The form for something that happened; none: the reader may not.
    pub change: Option<(Stub, Vec<Field>)>,
    /// Its cases.
    pub cases: Vec<CaseLine>,
    /// The year whose annual file goes on.
    pub year: i32,
}

/// A field that several people wrote at the same time.
#[derive(Default)]
pub struct ConflictBox {
    /// The form's own.
    pub stub: Stub,
    /// The field's Chinese name.
    pub label: String,
    /// Its name.
    pub field: String,
    /// The list it stands in; empty: the household itself.
    pub list: String,
    /// The row of the list.
    pub row: String,
    /// Whether decisions wait for it.
    pub blocks: bool,
    /// The values.
    pub values: Vec<ConflictValue>,
}

/// One of the values.
#[derive(Default)]
pub struct ConflictValue {
    /// The value.
    pub value: String,
    /// Who wrote it, where and when.
    pub by: String,
    /// Whether it is the one that pages show.
    pub shown: bool,
}

/// A member.
#[derive(Default)]
pub struct MemberRow {
    /// Name.
    pub name: String,
    /// Left, died, several values.
    pub note: String,
    /// Whether the person no longer lives here.
    pub gone: bool,
    /// Relation to the head.
    pub relation: String,
    /// Sex.
    pub gender: String,
    /// Birth.
    pub birth: String,
    /// Number, masked.
    pub id_no: String,
    /// Nationality.
    pub ethnic: String,
    /// Health.
    pub health: String,
    /// Ability to work.
    pub labor: String,
    /// Education.
    pub education: String,
    /// Insurance.
    pub insured: String,
}

/// A category and its days.
#[derive(Default)]
pub struct HoldingRow {
    /// Whose.
    pub person: String,
    /// The category.
    pub category: String,
    /// From, until; empty: open.
    pub days: [String; 2],
    /// On what basis.
    pub basis: String,
    /// More.
    pub note: String,
    /// Whether it holds today.
    pub state: Chip,
    /// Whether it no longer holds.
    pub gone: bool,
}

/// Aid.
#[derive(Default)]
pub struct AidRow {
    /// Day.
    pub date: String,
    /// Programme.
    pub program: String,
    /// Amount.
    pub amount: String,
    /// Who.
    pub officer: String,
    /// Note.
    pub note: String,
}

/// One entry that changed the household.
#[derive(Default)]
pub struct HistoryRow {
    /// When it says it was.
    pub when: String,
    /// Who.
    pub who: String,
    /// Where.
    pub office: String,
    /// What.
    pub lines: Vec<ChangeLine>,
    /// How far it got.
    pub ticks: Ticks,
}

/// One changed field.
#[derive(Default)]
pub struct ChangeLine {
    /// The field.
    pub label: String,
    /// Before.
    pub was: String,
    /// After.
    pub now: String,
}

/// Entries of the history that are shown at first.
const HISTORY_ROWS: usize = 20;

/// The fields of the first box; those in the second are [`MEANS`].
pub const BASICS: [&str; 15] = [
    "head",
    "head_id_no",
    "phone",
    "type",
    "cause",
    "risk",
    "status",
    "group",
    "address",
    "officer",
    "officer_phone",
    "visits",
    "remark",
    "created_at",
    "updated_at",
];
/// Income, spending, property, dwelling, account.
pub const MEANS: [&str; 22] = [
    "income_annual",
    "income_wage",
    "income_farm",
    "income_transfer",
    "income_property",
    "income_other",
    "income_exempt",
    "spend_medical",
    "spend_care",
    "spend_school",
    "deposits",
    "securities",
    "vehicles",
    "houses",
    "bank",
    "bank_account",
    "land_mu",
    "forest_mu",
    "house_m2",
    "house_structure",
    "house_safe",
    "water",
];

/// A field's value for reading: money in groups, numbers of persons and accounts masked.
pub fn shown(field: &field::Field, value: &Value) -> String {
    let text = text_of(value);
    match field.form {
        field::Form::Money => Fen::parse_yuan(&text).map_or(text, wording::money),
        field::Form::IdNo => masked(&text),
        field::Form::Moment => text.split_once('T').map(|(day, _)| day.to_owned()).unwrap_or(text),
        _ if field.name == "bank_account" => masked(&text),
        _ => text,
    }
}

/// A value as people write it.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(flag) => if *flag { "是" } else { "否" }.to_owned(),
        other => other.to_string(),
    }
}

fn facts(household: &Household, names: &[&str]) -> Vec<Fact> {
    let row = household.row();
    let fact = |name: &&str| {
        let field = field::find(HOUSEHOLD, name)?;
        let value = row.get(*name).map(|value| shown(field, value)).unwrap_or_default();
        let wide = matches!(*name, "address" | "remark");
        Some(Fact { label: field.label.to_owned(), value, wide })
    };
    names.iter().filter_map(fact).collect()
}

/// A member, whatever others wrote at the same time.
pub fn member_row(person: &Member) -> MemberRow {
    member(person, false)
}

fn member(person: &Member, in_conflict: bool) -> MemberRow {
    let mut notes = Vec::new();
    if let Some(day) = person.died {
        notes.push(format!("{day} 去世"));
    }
    if let Some(day) = person.left {
        notes.push(format!("{day} 起不共同生活"));
    }
    if in_conflict {
        notes.push("有不一致的内容".to_owned());
    }
    MemberRow {
        name: person.name.clone(),
        note: notes.join("，"),
        gone: !person.is_present(),
        relation: person.relation.clone(),
        gender: person.gender.clone(),
        birth: wording::day(person.birth),
        id_no: masked(&person.id_no),
        ethnic: person.ethnic.clone(),
        health: person.health.clone(),
        labor: person.labor.clone(),
        education: person.education.clone(),
        insured: person.insured.map(|yes| if yes { "是" } else { "否" }).unwrap_or_default().to_owned(),
    }
}

/// A case in a household's list.
pub fn case_line(line: &reader::CaseRow) -> CaseLine {
    let number = line.number.as_deref().map(|number| format!("　{number}")).unwrap_or_default();
    CaseLine {
        href: format!("/cases/{}", line.case),
        title: wording::case_title(line.origin, &line.assistance, ""),
        note: format!("{} 登记{number}", wording::day(line.opened_on)),
        stage: wording::stage(line.stage),
    }
}

fn change(line: &desk::FieldChange) -> ChangeLine {
    let money = |text: &str| {
        let is_money = [HOUSEHOLD, AID]
            .iter()
            .filter_map(|table| field::find(table, &line.field))
            .any(|field| field.form == field::Form::Money);
        if is_money { Fen::parse_yuan(text).map_or(text.to_owned(), wording::money) } else { text.to_owned() }
    };
    let hidden = matches!(line.field.as_str(), "head_id_no" | "id_no" | "bank_account");
    let show = |text: &str| if hidden { masked(text) } else { money(text) };
    ChangeLine { label: line.label.clone(), was: show(&line.was), now: show(&line.now) }
}

fn history(item: &desk::HistoryItem, here: Tier, now_ms: i64) -> HistoryRow {
    let mut lines: Vec<ChangeLine> = item.changes.iter().map(change).collect();
    if item.created {
        lines = vec![ChangeLine { label: "建立档案".to_owned(), ..ChangeLine::default() }];
    }
    HistoryRow {
        when: wording::moment(item.claimed_ms, now_ms),
        who: match (item.name.as_str(), item.staff.as_str()) {
            ("", desk::CONSOLE) => "本机管理".to_owned(),
            ("", staff) => staff.to_owned(),
            (name, _) => name.to_owned(),
        },
        office: item.office.clone(),
        lines,
        ticks: wording::stored(here, item.stored),
    }
}

fn conflict(
    signed: &Signed,
    page: &desk::HouseholdPage,
    shown: &desk::ConflictShown,
    now_ms: i64,
) -> Result<ConflictBox, WebError> {
    let person =
        shown.row.as_ref().and_then(|row| page.detail.household.members.iter().find(|member| member.row.as_ref() == Some(row)));
    let label = person.map_or_else(|| shown.label.clone(), |member| format!("{} 的{}", member.name, shown.label));
    let value = |value: &desk::ConflictValue| {
        let name = if value.name.is_empty() { &value.staff } else { &value.name };
        let by = format!("{} {name}　{}", value.office, wording::moment(value.claimed_ms, now_ms));
        ConflictValue { value: value.value.clone(), by, shown: value.shown }
    };
    Ok(ConflictBox {
        stub: signed.stub_with(&page.heads)?,
        label,
        field: shown.field.clone(),
        list: shown.list.unwrap_or_default().to_owned(),
        row: shown.row.as_ref().map(ToString::to_string).unwrap_or_default(),
        blocks: shown.blocks,
        values: shown.values.iter().map(value).collect(),
    })
}

/// How much of the history.
#[derive(Deserialize)]
pub struct Asked {
    history: Option<String>,
}

/// The record an address names.
pub fn record(id: &str) -> Result<RecordId, WebError> {
    RecordId::parse(id).ok_or(WebError::NoPage)
}

/// `GET /households/{id}`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let rows = if asked.history.is_some() { usize::MAX } else { HISTORY_ROWS };
    let page = app.desk().household(&signed.person, record(&id)?, rows).await?;
    let now_ms = app.wall_ms();
    let household = &page.detail.household;
    let conflicts = page.conflicts.iter().map(|shown| conflict(&signed, &page, shown, now_ms)).collect::<Result<_, _>>()?;
    let in_conflict = |member: &Member| member.row.is_some() && page.conflicts.iter().any(|shown| shown.row == member.row);
    let mut problems: Vec<String> = household.problems.iter().map(|problem| problem_line(household, problem)).collect();
    problems.extend(page.duplicates.iter().map(|(name, _)| format!("{name} 同时登记在另一户，请核对后由一户登记“共同生活止”")));
    let total: i64 = household.aid.iter().filter_map(|aid| aid.amount).map(|amount| amount.0).sum();
    let mut chips = Vec::new();
    chips.extend(household.categories_on(app.today()).into_iter().map(|category| Chip::new(Tone::Accent, category)));
    if !household.cause.is_empty() {
        chips.push(Chip::new(Tone::Plain, household.cause.clone()));
    }
    let mut aid: Vec<AidRow> = household.aid.iter().map(aid_row).collect();
    aid.sort_by(|a, b| b.date.cmp(&a.date));
    let (due, choices) = &page.review;
    let (again, again_by) = reviews::waiting(due.as_ref(), app.today());
    let change = match page.may_edit {
        true => Some((signed.stub()?, reviews::change_fields(choices, app.today()))),
        false => None,
    };
    error::show(&HouseholdPage {
        frame: app.frame(&signed, "家庭档案", "/households").await?,
        id,
        head: if household.head.is_empty() { "（没有户主姓名）".to_owned() } else { household.head.clone() },
        place: page.place.clone(),
        number: household.id.clone(),
        chips,
        may_edit: page.may_edit,
        may_open: page.may_open_case,
        conflicts,
        problems,
        moves: household_move::boxes(&page.moves),
        may_move: page.may_edit && household.moved_out().is_none(),
        basics: facts(household, &BASICS),
        members: household.members.iter().map(|person| member(person, in_conflict(person))).collect(),
        holdings: holding_rows(household, app.today()),
        means: facts(household, &MEANS),
        aid,
        aid_total: if total == 0 { String::new() } else { wording::money(Fen(total)) },
        history: page.history.iter().map(|item| history(item, signed.person.tier, now_ms)).collect(),
        older: page.older,
        again,
        again_by,
        change,
        others: household.other.iter().map(|(label, value)| Fact::new(label.clone(), value.clone())).collect(),
        cases: page.cases.iter().map(case_line).collect(),
        year: app.today().ymd().0,
    })
}

/// The rows of categories, one for those that say the same, what holds today first.
fn holding_rows(household: &Household, today: Day) -> Vec<HoldingRow> {
    let rows = &household.holdings;
    let fresh = rows.iter().enumerate().filter(|(at, row)| !rows[..*at].iter().any(|before| before.same(row)));
    let line = |row: &Holding| {
        let holder = household.holder(row);
        let gone = holder.is_some_and(|member| !member.is_present());
        let (tone, label) = match (row.holds_on(today), row.from.is_some_and(|from| today < from)) {
            (true, _) if gone => (Tone::Plain, "本人已不在户"),
            (true, _) => (Tone::Good, "现有"),
            (false, true) => (Tone::Accent, "未开始"),
            (false, false) => (Tone::Plain, "已止"),
        };
        HoldingRow {
            person: match holder {
                Some(member) => member.name.clone(),
                None if row.person.is_empty() => "全户".to_owned(),
                None => "（不在本户）".to_owned(),
            },
            category: row.category.clone(),
            days: [wording::day(row.from), wording::day(row.until)],
            basis: row.basis.clone(),
            note: row.note.clone(),
            state: Chip::new(tone, label),
            gone: gone || !row.holds_on(today),
        }
    };
    let mut lines: Vec<HoldingRow> = fresh.map(|(_, row)| line(row)).collect();
    lines.sort_by_key(|line| line.gone);
    lines
}

fn aid_row(aid: &Aid) -> AidRow {
    AidRow {
        date: wording::day(aid.date),
        program: aid.program.clone(),
        amount: aid.amount.map(wording::money).unwrap_or_default(),
        officer: aid.officer.clone(),
        note: aid.note.clone(),
    }
}

/// `members[2].birth` in words.
pub fn field_label(household: Option<&Household>, name: &str) -> String {
    let find = |table, name: &str| field::find(table, name).map_or_else(|| name.to_owned(), |field| field.label.to_owned());
    if let Some(field) = name.strip_prefix("holdings.") {
        return format!("新增身份类别：{}", find(HOLDING, field));
    }
    let Some((list, rest)) = name.split_once('[') else { return find(HOUSEHOLD, name) };
    let (row, field) = rest.split_once("].").unwrap_or((rest.trim_end_matches(']'), ""));
    let table = match list {
        "aid" => AID,
        "holdings" => HOLDING,
        _ => MEMBER,
    };
    let label = if field.is_empty() { String::new() } else { find(table, field) };
    let at = row.parse::<usize>().ok();
    let named = at.and_then(|at| household?.members.get(at)).filter(|_| list == "members").map(|member| member.name.clone());
    match (named.filter(|name| !name.is_empty()), at, list) {
        (Some(name), ..) => format!("{name}：{label}"),
        (None, Some(at), "holdings") => format!("第 {} 行身份类别：{label}", at + 1),
        (None, Some(at), "aid") => format!("第 {} 笔受助：{label}", at + 1),
        (None, Some(at), _) => format!("第 {} 名成员：{label}", at + 1),
        _ => label,
    }
}

fn problem_line(household: &Household, problem: &Problem) -> String {
    format!("{}：{}", field_label(Some(household), &problem.field), problem.what)
}

/// `POST /households/{id}/settle`
pub async fn settle(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let form = &sent.form;
    let row = form.some("row").map(|row| OpId::parse(&row).ok_or(WebError::Unreadable)).transpose()?;
    let command = Command::SettleConflict {
        record: record(&id)?,
        field: form.text("field"),
        row,
        value: Value::String(form.raw("keep")),
        seen_heads: sent.heads(),
    };
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    Ok(Redirect::to(&format!("/households/{id}")).into_response())
}
