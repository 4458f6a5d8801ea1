//! The office's staff: add, give a new password, shut an account.

use super::receipt::LETTERS;
use crate::desk::{Command, DeskError, NewStaff, PASSWORD_CHARS_MIN};
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Input, Stub, Tone};
use crate::web::{App, wording};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::TargetKind;
use shouwang_protocol::records::staff::Role;
use std::collections::BTreeSet;

/// The page.
#[derive(Template, Default)]
#[template(path = "staff.html")]
pub struct StaffPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// What was done.
    pub done: String,
    /// A new password, shown once.
    pub password: String,
    /// What went wrong.
    pub fault: String,
    /// The people.
    pub rows: Vec<StaffRow>,
    /// The form's own.
    pub stub: Stub,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Its roles.
    pub roles: Vec<Choice>,
}

/// One person.
#[derive(Default)]
pub struct StaffRow {
    /// Sign-in name.
    pub id: String,
    /// Name.
    pub name: String,
    /// Roles.
    pub roles: String,
    /// Department or provider.
    pub acts_for: String,
    /// From when until when, where that is said.
    pub term: String,
    /// State.
    pub state: Chip,
    /// Whether the account is shut.
    pub off: bool,
    /// Open cases in hand.
    pub in_hand: usize,
    /// Whether it is the reader.
    pub me: bool,
    /// A form's own.
    pub reset: Stub,
    /// A form's own.
    pub disable: Stub,
    /// The forms that change roles and term.
    pub change: [Stub; 2],
    /// The roles to choose from.
    pub choices: Vec<Choice>,
    /// The first and the last day.
    pub days: Vec<Field>,
}

/// What was just done.
#[derive(Default)]
struct Done {
    told: String,
    password: String,
    fault: String,
}

fn choices(picked: impl Fn(&Role) -> bool) -> Vec<Choice> {
    let choice = |role: &Role| Choice { value: role.word().to_owned(), label: role.label().to_owned(), picked: picked(role) };
    Role::ALL.iter().map(choice).collect()
}

fn picked(form: &Form) -> BTreeSet<Role> {
    form.all("role").iter().filter_map(|word| Role::from_word(word)).collect()
}

async fn page(app: &App, signed: &Signed, done: Done, form: &Form) -> Result<StaffPage, WebError> {
    let listed = app.desk().staff(&signed.person).await?;
    let offer = app.desk().choices(&signed.person).await?;
    let today = app.today();
    let mut rows = Vec::new();
    for line in &listed {
        let row = &line.row;
        let state = match (row.disabled, line.has_password) {
            (true, _) => Chip::new(Tone::Plain, "已停用"),
            _ if row.from.is_some_and(|from| today < from) => Chip::new(Tone::Plain, "未到起用日"),
            _ if !row.works_on(today) => Chip::new(Tone::Plain, "已到期"),
            (false, true) => Chip::new(Tone::Good, "在用"),
            (false, false) => Chip::new(Tone::Warn, "本机没有密码"),
        };
        let day = |name, label, day: Option<Day>| Field::text(name, label).typed(Input::Date).with(wording::day(day));
        rows.push(StaffRow {
            id: row.id.clone(),
            name: row.name.clone(),
            roles: row.roles.iter().map(|role| role.label()).collect::<Vec<_>>().join("、"),
            acts_for: [row.department.as_str(), row.provider.as_str()].concat(),
            term: match (row.from, row.until) {
                (None, None) => String::new(),
                (from, until) => format!("{} 至 {}", wording::day(from), wording::day(until)).trim().to_owned(),
            },
            state,
            off: row.disabled,
            in_hand: line.in_hand,
            me: row.id == signed.person.id,
            reset: signed.stub()?,
            disable: signed.stub()?,
            change: [signed.stub()?, signed.stub()?],
            choices: choices(|role| row.roles.contains(role)),
            days: vec![day("from", "第一天", row.from), day("until", "最后一天", row.until)],
        });
    }
    let receivers = |kind| {
        let listed = offer.receivers.iter().filter(move |receiver| receiver.kind == kind);
        std::iter::once((String::new(), "—".to_owned()))
            .chain(listed.map(|receiver| (receiver.id.clone(), receiver.name.clone())))
    };
    let picked = form.all("role");
    let mut fields = vec![
        Field::text("id", "账号").with(form.text("id")).hinted("登录用，本机构内不重复").needed(),
        Field::text("name", "姓名").with(form.text("name")).needed(),
        Field::text("password", "初始密码").hinted(format!("至少 {PASSWORD_CHARS_MIN} 个字符，当面交给本人")).needed(),
    ];
    if signed.person.tier > Tier::Village {
        let of = |kind, name: &str| Choice::list(receivers(kind), &form.text(name));
        fields.push(Field::select("department", "部门（部门经办填）", of(TargetKind::Department, "department")));
        fields.push(Field::select("provider", "服务机构（服务机构填）", of(TargetKind::Provider, "provider")));
    }
    Ok(StaffPage {
        frame: app.frame(signed, "工作人员", "/staff").await?,
        lead: "谁能在本机构的机器上登录，能做什么。密码只在设置它的那台机器上。".to_owned(),
        done: done.told,
        password: done.password,
        fault: done.fault,
        rows,
        stub: signed.stub()?,
        fields,
        roles: choices(|role| picked.iter().any(|word| word == role.word())),
    })
}

/// `GET /staff`
pub async fn list(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&page(&app, &signed, Done::default(), &Form::default()).await?)
}

async fn perform(app: &App, sent: &SignedForm, command: Command, done: Done) -> Answer {
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(_) => error::show(&page(app, &sent.signed, done, &Form::default()).await?),
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => {
            let done = Done { fault: error.what(), ..Done::default() };
            error::show_as(error::status(&error), &page(app, &sent.signed, done, &sent.form).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /staff`
pub async fn add(State(app): State<App>, sent: SignedForm) -> Answer {
    let form = &sent.form;
    let staff = NewStaff {
        id: form.text("id"),
        name: form.text("name"),
        roles: picked(form),
        department: form.some("department"),
        provider: form.some("provider"),
        password: form.raw("password"),
    };
    let told = format!("已添加 {}（账号 {}）。", staff.name, staff.id);
    perform(&app, &sent, Command::AddStaff(staff), Done { told, ..Done::default() }).await
}

/// `POST /staff/reset`: a new password that nobody chose, shown once.
pub async fn reset(State(app): State<App>, sent: SignedForm) -> Answer {
    let bytes = crate::entropy::bytes::<12>().map_err(|error| WebError::Fault(error.to_string()))?;
    let letters: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    let password = format!("{}-{}-{}", &letters[..4], &letters[4..8], &letters[8..]);
    let staff = sent.form.text("id");
    let told = format!("已为账号 {staff} 设新密码，原来的登录已全部退出。");
    let command = Command::ResetPassword { staff, password: password.clone() };
    perform(&app, &sent, command, Done { told, password, ..Done::default() }).await
}

/// `POST /staff/disable`
pub async fn disable(State(app): State<App>, sent: SignedForm) -> Answer {
    let staff = sent.form.text("id");
    let told = format!("账号 {staff} 已停用，已全部退出。承办中的事项请在下面移交。");
    perform(&app, &sent, Command::DisableStaff { staff }, Done { told, ..Done::default() }).await
}

/// `POST /staff/enable`
pub async fn enable(State(app): State<App>, sent: SignedForm) -> Answer {
    let staff = sent.form.text("id");
    let told = format!("账号 {staff} 已恢复，原来的密码照用。");
    perform(&app, &sent, Command::EnableStaff { staff }, Done { told, ..Done::default() }).await
}

/// `POST /staff/roles`
pub async fn roles(State(app): State<App>, sent: SignedForm) -> Answer {
    let staff = sent.form.text("id");
    let told = format!("账号 {staff} 的职责已更改。");
    let roles = picked(&sent.form);
    perform(&app, &sent, Command::SetRoles { staff, roles }, Done { told, ..Done::default() }).await
}

/// `POST /staff/term`
pub async fn term(State(app): State<App>, sent: SignedForm) -> Answer {
    let staff = sent.form.text("id");
    let told = format!("账号 {staff} 的起止日期已更改。");
    let day = |name| match sent.form.text(name).as_str() {
        "" => Ok(None),
        text => Day::parse(text).map(Some).ok_or(()),
    };
    let (Ok(from), Ok(until)) = (day("from"), day("until")) else {
        let done = Done { fault: "日期写成 2026-10-01".to_owned(), ..Done::default() };
        return error::show_as(StatusCode::UNPROCESSABLE_ENTITY, &page(&app, &sent.signed, done, &Form::default()).await?);
    };
    perform(&app, &sent, Command::SetTerm { staff, from, until }, Done { told, ..Done::default() }).await
}
