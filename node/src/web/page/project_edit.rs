//! The city's editor: care projects, and the dictionary of their kinds and of needs.

use super::project::record;
use crate::desk::projects::{Library, ProjectPage};
use crate::desk::{Command, DeskError};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Input, Stub};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::records::project::{FIELDS, Project};
use std::collections::BTreeMap;

/// The form of a project.
#[derive(Template, Default)]
#[template(path = "project_edit.html")]
pub struct ProjectEditPage {
    /// The frame.
    pub frame: Frame,
    /// What is done.
    pub heading: String,
    /// What will happen.
    pub lead: String,
    /// Where it is sent.
    pub target: String,
    /// The form's own.
    pub stub: Stub,
    /// The draft's name.
    pub draft: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What is wrong.
    pub faults: Vec<String>,
    /// What others changed meanwhile.
    pub meanwhile: Vec<String>,
    /// Where to go back to.
    pub back: String,
}

fn fields(library: &Library, project: &Project) -> Vec<Field> {
    let value = |name: &str| project.text(name);
    let first = |word: &str| std::iter::once((String::new(), word.to_owned()));
    let class = |code: &str| {
        let found = library.pack.project_classes.iter().find(|class| class.code == code);
        found.map_or_else(|| code.to_owned(), |class| class.name.clone())
    };
    let kinds = library.pack.project_kinds.iter();
    let kinds = kinds.map(|kind| (kind.code.clone(), format!("{} · {}", class(&kind.class), kind.name)));
    let providers = library.pack.providers.iter().map(|it| (it.code.clone(), it.name.clone()));
    // Townships to tick; a village is rarely served alone, and is typed by its code.
    let townships: Vec<(String, String)> = library
        .areas
        .iter()
        .filter(|(_, tier, _)| *tier == Tier::Township)
        .map(|(id, _, name)| (id.to_string(), name.clone()))
        .collect();
    let served: Vec<String> = project.areas.iter().map(ToString::to_string).collect();
    let (ticked, typed): (Vec<&String>, Vec<&String>) =
        served.iter().partition(|area| townships.iter().any(|(id, _)| id == *area));
    let mut areas = Field::many("areas", "服务区域", Choice::list(townships.iter().cloned(), "")).hinted("都不选：全市");
    areas.choices.iter_mut().for_each(|choice| choice.picked = ticked.contains(&&choice.value));
    let villages = typed.into_iter().cloned().collect::<Vec<_>>().join("\n");
    let text = |name: &str, label: &str| Field::text(name, label).with(value(name));
    vec![
        text("name", "项目名称").needed(),
        Field::select("kind", "小类", Choice::list(first("请选择").chain(kinds), &value("kind"))).needed(),
        Field::select("provider", "服务机构", Choice::list(first("请选择").chain(providers), &value("provider"))).needed(),
        text("capacity", "名额（期间内共几个）").typed(Input::Number).needed(),
        text("from", "开始日期").typed(Input::Date).needed(),
        text("until", "结束日期").typed(Input::Date).hinted("不填：长期"),
        areas,
        Field::area("villages", "只服务个别村(社区)的，写它的 12 位区划代码，一行一个").with(villages),
        Field::area("conditions", "参加条件").with(value("conditions")),
        text("contact", "联系人和电话").widely(),
        Field::area("description", "内容").with(value("description")),
        Field::select("open", "接受预约", Choice::list([("是", "是"), ("否", "否")], &value("open"))),
    ]
}

/// The areas ticked and typed, in the order records have them. What is no code stays as it was typed, so that it is
/// refused and not lost.
fn places(form: &Form) -> String {
    let typed = form.text("villages");
    let all = form.all("areas").iter().map(String::as_str).chain(typed.split([',', '，', ' ', '\n', '\r']));
    let mut all: Vec<&str> = all.map(str::trim).filter(|part| !part.is_empty()).collect();
    all.sort_by_key(|part| (AreaId::parse(part), *part));
    all.dedup();
    all.join(",")
}

/// What was typed, by field.
fn values(form: &Form) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = FIELDS.iter().map(|(name, _)| ((*name).to_owned(), form.text(name))).collect();
    values.insert("areas".to_owned(), places(form));
    values
}

async fn new_page(app: &App, signed: &Signed) -> Result<ProjectEditPage, WebError> {
    let library = editable(app, signed).await?;
    let empty = Project { open: true, from: Some(app.today()), ..Project::default() };
    let mut fields = fields(&library, &empty);
    fields.iter_mut().filter(|field| field.name == "capacity").for_each(|field| field.value.clear());
    Ok(ProjectEditPage {
        frame: app.frame(signed, "新增项目", "/projects").await?,
        heading: "新增项目".to_owned(),
        lead: "保存后各镇各村同步看到；名额是整个期间的总数。".to_owned(),
        target: "/projects/new".to_owned(),
        stub: signed.stub()?,
        draft: "project-new".to_owned(),
        fields,
        back: "/projects".to_owned(),
        ..ProjectEditPage::default()
    })
}

async fn editable(app: &App, signed: &Signed) -> Result<Library, WebError> {
    let library = app.desk().projects(&signed.person, None).await?;
    if library.may_edit {
        Ok(library)
    } else {
        Err(DeskError::not_permitted("项目库由市级审核员或管理员维护").into())
    }
}

async fn edit_page(app: &App, signed: &Signed, id: &str) -> Result<(ProjectEditPage, ProjectPage), WebError> {
    let library = editable(app, signed).await?;
    let found = app.desk().project(&signed.person, record(id)?).await?;
    let project = &found.line.row.project;
    let page = ProjectEditPage {
        frame: app.frame(signed, "修改项目", "/projects").await?,
        heading: format!("修改“{}”", project.name),
        lead: "改动前的内容保留在项目页的“改动记录”里；名额不能少于已经确认的。".to_owned(),
        target: format!("/projects/{id}/edit"),
        stub: signed.stub_with(&found.heads)?,
        draft: format!("project-{id}"),
        fields: fields(&library, project),
        back: format!("/projects/{id}"),
        ..ProjectEditPage::default()
    };
    Ok((page, found))
}

/// `GET /projects/new`
pub async fn new(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&new_page(&app, &signed).await?)
}

/// `GET /projects/{id}/edit`
pub async fn edit(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&edit_page(&app, &signed, &id).await?.0)
}

fn refused(error: DeskError, mut page: ProjectEditPage, form: &Form) -> Answer {
    match &error {
        DeskError::Invalid { faults } => {
            page.faults = faults.iter().map(|fault| fault.reason.clone()).collect();
            for field in &mut page.fields {
                let name = if field.name == "villages" { "areas" } else { &field.name };
                let fault = faults.iter().find(|fault| fault.field == name && field.input != Input::Many);
                field.fault = fault.map(|fault| fault.reason.clone()).unwrap_or_default();
            }
        }
        DeskError::Conflict { changed } => {
            let line = |change: &crate::desk::FieldChange| format!("{}：由 {} 改为 {}", change.label, change.was, change.now);
            page.meanwhile = changed.iter().map(line).collect();
        }
        DeskError::NotPermitted { .. } | DeskError::NotNow { .. } => page.faults = vec![error.what()],
        _ => return Err(error.into()),
    }
    page.fields.iter_mut().for_each(|field| field.refill_from(form));
    error::show_as(error::status(&error), &page)
}

/// `POST /projects/new`
pub async fn add(State(app): State<App>, sent: SignedForm) -> Answer {
    let command = Command::AddProject { values: values(&sent.form) };
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(done) => {
            app.desk().keep_draft(&sent.signed.person, "project-new", Vec::new()).await?;
            let to = done.records.first().map_or_else(|| "/projects".to_owned(), |record| format!("/projects/{record}"));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => refused(error, new_page(&app, &sent.signed).await?, &sent.form),
    }
}

/// `POST /projects/{id}/edit`
pub async fn save(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let command = Command::ChangeProject { record: record(&id)?, values: values(&sent.form), seen_heads: sent.heads() };
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(_) => {
            app.desk().keep_draft(&sent.signed.person, &format!("project-{id}"), Vec::new()).await?;
            Ok(Redirect::to(&format!("/projects/{id}")).into_response())
        }
        // Made anew: the heads are today's, so that pressing again takes what was typed over what others wrote.
        Err(error) => refused(error, edit_page(&app, &sent.signed, &id).await?.0, &sent.form),
    }
}
