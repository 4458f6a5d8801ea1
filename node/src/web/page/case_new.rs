//! Beginning a case: from a household, with nothing typed twice; or from a clue or a plea.

use super::household;
use crate::desk::{Command, DeskError, OpenCase};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::{self, Form};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{CaseLine, Choice, Fact, Field, Frame, Stub};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::event::{Channel, Origin, Urgency};
use shouwang_protocol::records::idno::masked;

/// The form.
#[derive(Template, Default)]
#[template(path = "case_new.html")]
pub struct CaseNewPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// What must be put right.
    pub faults: Vec<String>,
    /// What need not be typed.
    pub known: Vec<Fact>,
    /// What already runs for this household.
    pub running: Vec<CaseLine>,
    /// Where the form goes.
    pub target: String,
    /// The name its draft is kept under.
    pub draft: String,
    /// The form's own.
    pub stub: Stub,
    /// The fields.
    pub fields: Vec<Field>,
    /// The button.
    pub button: &'static str,
    /// The way back.
    pub back: String,
}

/// Which household it is for.
#[derive(Deserialize)]
pub struct Asked {
    household: Option<String>,
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str, label: fn(T) -> &'static str, picked: &str) -> Vec<Choice> {
    Choice::list(all.iter().map(|value| (word(*value), label(*value))), picked)
}

fn urgency() -> Field {
    Field::select("urgency", "缓急", words(Urgency::ALL, Urgency::word, Urgency::label, "normal"))
}

/// The cause it is for: the household's main one, unless somebody says otherwise.
fn cause(known: &[(String, String)], main: &str) -> Field {
    let mut all = known.to_vec();
    if all.iter().all(|(code, _)| code != main) {
        all.insert(0, (main.to_owned(), if main.is_empty() { "还不确定".to_owned() } else { main.to_owned() }));
    }
    Field::select("cause", "原因", Choice::list(all, main)).hinted("同一原因重复救助由此判断")
}

/// Where it came in: staff name the channel only when it is not their own window.
fn channel() -> Field {
    let mut all = words(Channel::ALL, Channel::word, Channel::label, "");
    all.insert(0, Choice { value: String::new(), label: "本机构窗口".to_owned(), picked: true });
    Field::select("channel", "从哪里来", all)
}

async fn for_household(app: &App, signed: &Signed, id: &str) -> Result<CaseNewPage, WebError> {
    let found = app.desk().household(&signed.person, household::record(id)?, 1).await?;
    if !found.may_open_case {
        return Err(DeskError::NotPermitted { why: "您的角色不登记事项".to_owned() }.into());
    }
    let offer = app.desk().choices(&signed.person).await?;
    let row = &found.detail.household;
    let origins = [Origin::Application, Origin::Plea, Origin::Consultation, Origin::Warning];
    let running = found.cases.iter().filter(|line| line.stage != shouwang_protocol::standing::Stage::Closed);
    let members: Vec<String> =
        row.members.iter().filter(|member| member.is_present()).map(|member| member.name.clone()).collect();
    let applicants = members.iter().map(|name| (name.clone(), name.clone()));
    let mut fields = vec![
        Field::select("origin", "怎样开始", words(&origins, Origin::word, Origin::label, "application")).needed(),
        forms::kinds(&offer, "", Some("还不确定")),
        Field::select("applicant", "申请人", Choice::list(applicants, &row.head)),
        cause(&offer.causes, &row.cause),
        urgency(),
        channel(),
    ];
    fields.push(Field::area("summary", "诉求").hinted("写明困难和需要，不写与办理无关的病情细节。").needed());
    Ok(CaseNewPage {
        frame: app.frame(signed, "新办事项", "/cases").await?,
        heading: format!("为 {} 户新办事项", row.head),
        lead: "登记后即可受理；断网也能登记，联网后优先上传。".to_owned(),
        known: vec![
            Fact::new("户主", row.head.clone()),
            Fact::new("身份证号", masked(&row.head_id_no)),
            Fact::new("人口", format!("{} 人", members.len())),
            Fact::new("困难类别", row.category.clone()),
            Fact::new("联系电话", row.phone.clone()),
            Fact::wide("住址", format!("{} {}", found.place, row.address)),
        ],
        running: running.map(household::case_line).collect(),
        target: "/cases/new".to_owned(),
        draft: format!("case-new-{id}"),
        stub: signed.stub()?,
        fields: [vec![Field::hidden("household", id)], fields].concat(),
        button: "登记",
        back: format!("/households/{id}"),
        ..CaseNewPage::default()
    })
}

/// `GET /cases/new?household=…`
pub async fn form(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    match asked.household {
        Some(id) => error::show(&for_household(&app, &signed, &id).await?),
        None => Ok(Redirect::to("/households").into_response()),
    }
}

async fn for_clue(app: &App, signed: &Signed) -> Result<CaseNewPage, WebError> {
    let offer = app.desk().choices(&signed.person).await?;
    let origins = [Origin::Plea, Origin::Warning, Origin::Consultation, Origin::Application];
    let villages =
        offer.areas.iter().filter(|area| area.tier == Tier::Village).map(|area| (area.id.to_string(), area.name.clone()));
    let unknown = (signed.person.tier > Tier::Village).then(|| (String::new(), "还不知道（以后分派）".to_owned()));
    let areas = Choice::list(unknown.into_iter().chain(villages), "");
    Ok(CaseNewPage {
        frame: app.frame(signed, "录入线索或求助", "/clues/new").await?,
        heading: "录入线索或求助".to_owned(),
        lead: "知道多少写多少；登记后请人核实。已有档案的家庭，可先在“家庭”里找到再办，不用重填。".to_owned(),
        target: "/clues/new".to_owned(),
        draft: "clue-new".to_owned(),
        stub: signed.stub()?,
        fields: vec![
            Field::select("origin", "怎样开始", words(&origins, Origin::word, Origin::label, "plea")).needed(),
            Field::text("applicant", "姓名或称呼").needed(),
            Field::select("area", "村(社区)", areas),
            forms::kinds(&offer, "", Some("还不确定")),
            urgency(),
            channel(),
            Field::area("summary", "什么情况")
                .hinted("原话或要点；写上住址、联系方式便于核实，不写与办理无关的病情细节。")
                .needed(),
            Field::text("rule", "为什么登记（预警时填写）").widely(),
        ],
        button: "登记",
        back: "/today".to_owned(),
        ..CaseNewPage::default()
    })
}

/// `GET /clues/new`
pub async fn clue_form(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&for_clue(&app, &signed).await?)
}

fn command(form: &Form) -> Result<Command, DeskError> {
    let origin = Origin::from_word(&form.text("origin")).ok_or_else(|| DeskError::invalid("origin", "请选择怎样开始"))?;
    let parsed = |name: &str, what: &str| DeskError::invalid(name, format!("{what}无效"));
    let household =
        form.some("household").map(|id| RecordId::parse(&id).ok_or_else(|| parsed("household", "家庭"))).transpose()?;
    let area = form.some("area").map(|id| AreaId::parse(&id).ok_or_else(|| parsed("area", "村(社区)"))).transpose()?;
    Ok(Command::OpenCase(OpenCase {
        channel: form.some("channel").and_then(|word| Channel::from_word(&word)),
        household,
        area,
        assistance: form.text("assistance"),
        applicant: form.text("applicant"),
        summary: form.text("summary"),
        cause: form.text("cause"),
        urgency: Urgency::from_word(&form.text("urgency")).unwrap_or(Urgency::Normal),
        rule: form.text("rule"),
        ..OpenCase::of(origin)
    }))
}

async fn begin(app: &App, sent: &SignedForm, mut page: CaseNewPage) -> Answer {
    let done = match command(&sent.form) {
        Ok(command) => app.desk().perform(&sent.signed.person, sent.action()?, command).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(done) => {
            app.desk().keep_draft(&sent.signed.person, &page.draft, Vec::new()).await?;
            let to = done.case.map_or_else(|| "/cases".to_owned(), |case| format!("/cases/{case}"));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => {
            page.faults = error::reasons(&error);
            page.fields.iter_mut().for_each(|field| field.refill_from(&sent.form));
            error::show_as(error::status(&error), &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /cases/new`
pub async fn open(State(app): State<App>, sent: SignedForm) -> Answer {
    let page = for_household(&app, &sent.signed, &sent.form.text("household")).await?;
    begin(&app, &sent, page).await
}

/// `POST /clues/new`
pub async fn open_clue(State(app): State<App>, sent: SignedForm) -> Answer {
    let page = for_clue(&app, &sent.signed).await?;
    begin(&app, &sent, page).await
}
