//! Beginning a case: from a household, with nothing typed twice; or from a clue or a plea.

use super::household;
use crate::desk::{CaseStep, Command, DeskError, OpenCase, derived};
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
use shouwang_protocol::eligibility::Fit;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::event::{Channel, EventKind, Origin, Urgency};
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
    /// The fields that are filled in already, to be looked over.
    pub filled: Vec<Field>,
    /// The button.
    pub button: &'static str,
    /// Whether the reader may accept it in the same step.
    pub accept: bool,
    /// The way back.
    pub back: String,
}

/// Which household it is for.
#[derive(Deserialize)]
pub struct Asked {
    household: Option<String>,
    kind: Option<String>,
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

/// The kinds of assistance, all in sight: those whose policies fit the household by its file come first and say so.
/// None is ticked, but for one that was picked on the page before.
async fn kinds(app: &App, signed: &Signed, record: RecordId, all: &[(String, String)], picked: &str) -> Result<Field, WebError> {
    let fitting = match app.desk().policies_for(&signed.person, record).await {
        Ok((_, found)) => found,
        Err(DeskError::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let fits = |code: &str| fitting.iter().any(|found| found.fit == Fit::Fits && found.article.kind == code);
    let mut choices = Choice::list(all.iter().cloned(), picked);
    choices.sort_by_key(|choice| !fits(&choice.value));
    let known = choices.first().is_some_and(|first| fits(&first.value));
    for choice in choices.iter_mut().filter(|choice| fits(&choice.value)) {
        choice.label.push_str("（可能适用）");
    }
    choices.push(Choice { value: String::new(), label: "还不确定".to_owned(), picked: false });
    let hint = if known { "“可能适用”是按家庭档案和政策比对的，不是审批结论。" } else { "" };
    Ok(Field::one("assistance", "救助种类", choices).hinted(hint))
}

async fn for_household(app: &App, signed: &Signed, id: &str, picked: &str) -> Result<CaseNewPage, WebError> {
    let record = household::record(id)?;
    let found = app.desk().household(&signed.person, record, 1).await?;
    if !found.may_open_case {
        return Err(DeskError::NotPermitted { why: "您的角色不登记事项".to_owned() }.into());
    }
    let offer = app.desk().choices(&signed.person).await?;
    let row = &found.detail.household;
    let origins = [Origin::Application, Origin::Plea, Origin::Consultation, Origin::Warning];
    let running = found.cases.iter().filter(|line| !line.stage.is_done());
    let members: Vec<String> =
        row.members.iter().filter(|member| member.is_present()).map(|member| member.name.clone()).collect();
    let applicants = members.iter().map(|name| (name.clone(), name.clone()));
    let mut fields = vec![Field::hidden("household", id), kinds(app, signed, record, &offer.kinds, picked).await?.needed()];
    fields.extend(offer.questions.iter().map(|it| forms::question(it, "").only_for(&it.kinds)));
    fields.push(Field::area("summary", "诉求").hinted("写明困难和需要，不写与办理无关的病情细节。").needed());
    let filled = vec![
        Field::select("origin", "怎样开始", words(&origins, Origin::word, Origin::label, "application")).needed(),
        Field::select("applicant", "申请人", Choice::list(applicants, &row.head)),
        cause(&offer.causes, &row.cause),
        urgency(),
        channel(),
    ];
    Ok(CaseNewPage {
        frame: app.frame(signed, "新办事项", "/cases").await?,
        heading: format!("为 {} 户新办事项", row.head),
        lead: "登记后即可受理；断网也能登记，联网后优先上传。".to_owned(),
        known: vec![
            Fact::new("户主", row.head.clone()),
            Fact::new("身份证号", masked(&row.head_id_no)),
            Fact::new("人口", format!("{} 人", members.len())),
            Fact::new("身份类别", row.categories_on(app.today()).join("、")),
            Fact::new("联系电话", row.phone.clone()),
            Fact::wide("住址", format!("{} {}", found.place, row.address)),
        ],
        running: running.map(household::case_line).collect(),
        target: "/cases/new".to_owned(),
        draft: format!("case-new-{id}"),
        stub: signed.stub()?,
        fields,
        filled,
        button: "登记",
        accept: signed.person.tier > Tier::Village,
        back: format!("/households/{id}"),
        ..CaseNewPage::default()
    })
}

/// `GET /cases/new?household=…`
pub async fn form(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    match asked.household {
        Some(id) => error::show(&for_household(&app, &signed, &id, &asked.kind.unwrap_or_default()).await?),
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
        answers: form.answers(),
        ..OpenCase::of(origin)
    }))
}

/// Takes the second step of “登记并受理”: under an id of its own that follows from the first, so that the form sent
/// twice accepts once. When it is refused the case is there, and its page says why and offers the step.
async fn accept(app: &App, sent: &SignedForm, case: CaseId) -> Answer {
    let action = derived("shouwang open and accept 1", &[&sent.action()?.0, &case.0]);
    let step = Command::Case { case, step: CaseStep::Accept {} };
    match app.desk().perform(&sent.signed.person, action, step).await {
        Ok(_) => Ok(Redirect::to(&format!("/cases/{case}/receipt")).into_response()),
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
            super::case::refused(app, sent, &case.to_string(), EventKind::Accepted.word(), &error).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn begin(app: &App, sent: &SignedForm, mut page: CaseNewPage) -> Answer {
    let and_accept = sent.form.text("then") == "accept";
    let done = match command(&sent.form) {
        Ok(Command::OpenCase(open)) if and_accept && open.origin != Origin::Application => {
            Err(DeskError::invalid("origin", "只有申请可以当场受理；求助、咨询、预警请按“登记”"))
        }
        Ok(command) => app.desk().perform(&sent.signed.person, sent.action()?, command).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(done) => {
            app.desk().keep_draft(&sent.signed.person, &page.draft, Vec::new()).await?;
            match done.case {
                Some(case) if and_accept => accept(app, sent, case).await,
                Some(case) => Ok(Redirect::to(&format!("/cases/{case}")).into_response()),
                None => Ok(Redirect::to("/cases").into_response()),
            }
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => {
            page.faults = error::reasons(&error);
            page.fields.iter_mut().chain(&mut page.filled).for_each(|field| field.refill_from(&sent.form));
            error::show_as(error::status(&error), &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /cases/new`
pub async fn open(State(app): State<App>, sent: SignedForm) -> Answer {
    let page = for_household(&app, &sent.signed, &sent.form.text("household"), "").await?;
    begin(&app, &sent, page).await
}

/// `POST /clues/new`
pub async fn open_clue(State(app): State<App>, sent: SignedForm) -> Answer {
    let page = for_clue(&app, &sent.signed).await?;
    begin(&app, &sent, page).await
}
