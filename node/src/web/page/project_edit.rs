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
use shouwang_protocol::limits::PROJECT_SHARES_MAX;
use shouwang_protocol::records::project::{EVERYWHERE, FIELDS, Project};
use std::collections::BTreeMap;

/// Empty rows of the division of places that a form has besides those that say something.
const MORE: usize = 3;
/// The columns of a row: the name of its fields, label, how it is typed in.
const COLUMNS: [(&str, &str, Input); 4] = [
    ("area", "区域", Input::Text),
    ("from", "开始日期", Input::Date),
    ("until", "结束日期", Input::Date),
    ("places", "名额", Input::Number),
];

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
    /// The rows of the division of places.
    pub shares: Vec<Vec<Field>>,
    /// What is wrong with them.
    pub share_fault: String,
    /// Areas by name.
    pub areas: Vec<String>,
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
        text("capacity", "名额（期间内共几个）").typed(Input::Number).hinted("下面分配名额的，这里不用填"),
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

fn cell(row: usize, column: &str) -> String {
    format!("share-{row}-{column}")
}

/// So many rows with what stands in them, and some that are empty.
fn share_rows(rows: usize, text: impl Fn(usize, &str) -> String) -> Vec<Vec<Field>> {
    let row = |number: usize| {
        let field = |(name, label, input): &(&str, &str, Input)| {
            Field::text(cell(number, name), format!("第 {} 行{label}", number + 1)).typed(*input).with(text(number, name))
        };
        COLUMNS.iter().map(field).collect()
    };
    (0..(rows + MORE).min(PROJECT_SHARES_MAX)).map(row).collect()
}

/// The rows of a project, areas by name.
fn rows_of(library: &Library, project: &Project) -> Vec<Vec<Field>> {
    let name = |area: AreaId| {
        let known = library.areas.iter().find(|(id, ..)| *id == area);
        known.map_or_else(|| area.to_string(), |(_, _, name)| name.clone())
    };
    share_rows(project.shares.len(), |row, column| match (project.shares.get(row), column) {
        (Some(share), "area") => share.id.area.map_or_else(|| EVERYWHERE.to_owned(), name),
        (Some(share), "from") => share.id.from.to_string(),
        (Some(share), "until") => share.until.to_string(),
        (Some(share), _) => share.places.to_string(),
        (None, _) => String::new(),
    })
}

/// The rows that say something, up to the last one.
fn typed_rows(form: &Form) -> usize {
    let says = |row: &usize| COLUMNS.iter().any(|(column, ..)| !form.text(&cell(*row, column)).is_empty());
    (0..PROJECT_SHARES_MAX).rfind(says).map_or(0, |last| last + 1)
}

/// The division as records have it, a line for each row of the form. A name that is no area stays, so that it is refused
/// and not lost.
fn division(form: &Form, library: &Library) -> String {
    let line = |row: usize| {
        let [area, rest @ ..] = COLUMNS.map(|(column, ..)| form.text(&cell(row, column)).split_whitespace().collect::<String>());
        let known = library.areas.iter().find(|(_, _, name)| *name == area).map(|(id, ..)| id.to_string());
        let rest = rest.join(" ");
        match (area.is_empty(), rest.trim().is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("{EVERYWHERE} {rest}"),
            (false, _) => format!("{} {rest}", known.unwrap_or(area)),
        }
    };
    (0..typed_rows(form)).map(line).collect::<Vec<_>>().join("\n")
}

/// What was typed, by field.
fn values(form: &Form, library: &Library) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = FIELDS.iter().map(|(name, _)| ((*name).to_owned(), form.text(name))).collect();
    values.insert("areas".to_owned(), places(form));
    let division = division(form, library);
    if !division.is_empty() {
        values.remove("capacity");
    }
    values.insert("shares".to_owned(), division);
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
        shares: share_rows(0, |_, _| String::new()),
        areas: library.areas.into_iter().map(|(_, _, name)| name).collect(),
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
        shares: rows_of(&library, project),
        areas: library.areas.into_iter().map(|(_, _, name)| name).collect(),
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

/// Puts back what was typed.
fn refill(page: &mut ProjectEditPage, form: &Form) {
    page.fields.iter_mut().for_each(|field| field.refill_from(form));
    page.shares = share_rows(typed_rows(form), |row, column| form.raw(&cell(row, column)));
}

/// The form again with what was typed, and more rows.
fn with_more(mut page: ProjectEditPage, form: &Form) -> Answer {
    refill(&mut page, form);
    page.stub.heads = form.text("heads");
    error::show(&page)
}

fn refused(error: DeskError, mut page: ProjectEditPage, form: &Form) -> Answer {
    match &error {
        DeskError::Invalid { faults } => {
            let of_rows = faults.iter().filter(|fault| fault.field == "shares").map(|fault| fault.reason.as_str());
            page.share_fault = of_rows.collect::<Vec<_>>().join("；");
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
    refill(&mut page, form);
    error::show_as(error::status(&error), &page)
}

/// `POST /projects/new`
pub async fn add(State(app): State<App>, sent: SignedForm) -> Answer {
    if sent.form.some("more").is_some() {
        return with_more(new_page(&app, &sent.signed).await?, &sent.form);
    }
    let library = editable(&app, &sent.signed).await?;
    let command = Command::AddProject { values: values(&sent.form, &library) };
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
    if sent.form.some("more").is_some() {
        return with_more(edit_page(&app, &sent.signed, &id).await?.0, &sent.form);
    }
    let library = editable(&app, &sent.signed).await?;
    let values = values(&sent.form, &library);
    let command = Command::ChangeProject { record: record(&id)?, values, seen_heads: sent.heads() };
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(_) => {
            app.desk().keep_draft(&sent.signed.person, &format!("project-{id}"), Vec::new()).await?;
            Ok(Redirect::to(&format!("/projects/{id}")).into_response())
        }
        // Made anew: the heads are today's, so that pressing again takes what was typed over what others wrote.
        Err(error) => refused(error, edit_page(&app, &sent.signed, &id).await?.0, &sent.form),
    }
}
