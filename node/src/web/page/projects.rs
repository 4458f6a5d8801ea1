//! The library of care projects, its dictionary, and the projects whose places do not suffice.

use super::policies::may_edit;
use super::project::{BookingRow, PlacesBar, booking, listed, period, served, state};
use crate::desk::projects::{Library, ProjectLine};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::Signed;
use crate::web::view::{Chip, Choice, Field, Frame, Stub};
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::Pack;

/// Projects that one page lists.
const ROWS_MAX: usize = 200;

/// The library.
#[derive(Template, Default)]
#[template(path = "projects.html")]
pub struct ProjectsPage {
    /// The frame.
    pub frame: Frame,
    /// In one line.
    pub lead: String,
    /// What was looked for.
    pub term: String,
    /// Class, kind, area, provider.
    pub fields: Vec<Field>,
    /// Open, all: address, label, whether it is shown.
    pub filters: Vec<(String, &'static str, bool)>,
    /// The projects.
    pub rows: Vec<ProjectRow>,
    /// How many more there are.
    pub more: usize,
    /// Projects whose places do not suffice.
    pub conflicts: usize,
    /// Whether the reader may add one.
    pub may_edit: bool,
    /// Whether only those that take bookings are shown.
    pub only_open: bool,
}

/// One project in the list.
#[derive(Default)]
pub struct ProjectRow {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Class and kind.
    pub kind: String,
    /// Who provides it.
    pub provider: String,
    /// Where.
    pub areas: String,
    /// From when, to when.
    pub period: [String; 2],
    /// Its places.
    pub bar: PlacesBar,
    /// Whether it takes bookings.
    pub state: Chip,
}

/// The conflicts.
#[derive(Template, Default)]
#[template(path = "project_conflicts.html")]
pub struct ConflictsPage {
    /// The frame.
    pub frame: Frame,
    /// Projects with their bookings that wait.
    pub rows: Vec<ConflictBox>,
}

/// One project whose places do not suffice.
#[derive(Default)]
pub struct ConflictBox {
    /// The project.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its places.
    pub bar: PlacesBar,
    /// Who asks.
    pub bookings: Vec<BookingRow>,
    /// The form to tell all offices.
    pub tell: Option<Stub>,
}

/// The dictionary.
#[derive(Template, Default)]
#[template(path = "project_kinds.html")]
pub struct KindsPage {
    /// The frame.
    pub frame: Frame,
    /// Which pack it is of.
    pub lead: String,
    /// Classes: code, name, source, kinds.
    pub classes: Vec<ClassBox>,
    /// Needs: name, source, where to change it.
    pub needs: Vec<(String, String, String)>,
    /// Other packs: address, version, first day.
    pub versions: Vec<(String, String, String)>,
    /// Whether the reader may change it.
    pub may_edit: bool,
}

/// A class.
#[derive(Default)]
pub struct ClassBox {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Its kinds: code, name, needs, where its projects are, where to change it.
    pub kinds: Vec<[String; 5]>,
}

/// What is looked for.
#[derive(Deserialize, Default)]
pub struct Asked {
    q: Option<String>,
    class: Option<String>,
    kind: Option<String>,
    area: Option<String>,
    provider: Option<String>,
    all: Option<String>,
}

/// Which dictionary.
#[derive(Deserialize, Default)]
pub struct AskedKinds {
    version: Option<String>,
}

fn row(line: &ProjectLine, today: Day) -> ProjectRow {
    ProjectRow {
        href: format!("/projects/{}", line.row.record),
        name: line.row.project.name.clone(),
        kind: [line.class.1.as_str(), line.kind.as_str()].join(" · "),
        provider: line.provider.clone(),
        areas: served(line),
        period: period(line),
        bar: PlacesBar::of(line),
        state: state(line, today),
    }
}

fn fields(library: &Library, asked: &Asked) -> Vec<Field> {
    let any = |word: &str| std::iter::once((String::new(), word.to_owned()));
    let picked = |text: &Option<String>| text.clone().unwrap_or_default();
    let codes = |rows: &[shouwang_protocol::records::policy::Code]| -> Vec<(String, String)> {
        rows.iter().map(|it| (it.code.clone(), it.name.clone())).collect()
    };
    let class = picked(&asked.class);
    let kinds = library.pack.project_kinds.iter().filter(|kind| class.is_empty() || kind.class == class);
    let kinds: Vec<(String, String)> = kinds.map(|kind| (kind.code.clone(), kind.name.clone())).collect();
    let areas = library.areas.iter().map(|(id, _, name)| (id.to_string(), name.clone()));
    let providers = library.pack.providers.iter().map(|it| (it.code.clone(), it.name.clone())).collect();
    let select = |name: &str, label: &str, all: Vec<(String, String)>, picked: &str| {
        Field::select(name, label, Choice::list(any("不限").chain(all), picked))
    };
    vec![
        select("class", "大类", codes(&library.pack.project_classes), &class),
        select("kind", "小类", kinds, &picked(&asked.kind)),
        select("area", "服务区域", areas.collect(), &picked(&asked.area)),
        select("provider", "服务机构", providers, &picked(&asked.provider)),
    ]
}

/// `GET /projects`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let code = asked.area.clone().filter(|code| !code.is_empty());
    let area = code.map(|code| AreaId::parse(&code).ok_or(WebError::NoPage)).transpose()?;
    let library = app.desk().projects(&signed.person, area).await?;
    let (term, today) = (asked.q.clone().unwrap_or_default().trim().to_owned(), app.today());
    let only_open = asked.all.is_none();
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == found);
    let fits = |line: &&ProjectLine| {
        let project = &line.row.project;
        let all = [&project.name, &line.kind, &line.class.1, &line.provider, &project.conditions, &project.description];
        (!only_open || line.running)
            && is(&asked.class, &line.class.0)
            && is(&asked.kind, &project.kind)
            && is(&asked.provider, &project.provider)
            && term.split_whitespace().all(|part| all.iter().any(|text| text.contains(part)))
    };
    let found: Vec<&ProjectLine> = library.lines.iter().filter(fits).collect();
    let of_all = library.lines.len();
    error::show(&ProjectsPage {
        frame: app.frame(&signed, "关爱援助项目库", "/projects").await?,
        lead: format!("共 {of_all} 个项目；预约断网也能登记，名额由市级确认"),
        fields: fields(&library, &asked),
        filters: vec![("/projects".to_owned(), "可以预约", only_open), ("/projects?all=1".to_owned(), "全部", !only_open)],
        more: found.len().saturating_sub(ROWS_MAX),
        rows: found.into_iter().take(ROWS_MAX).map(|line| row(line, today)).collect(),
        conflicts: library.conflicts,
        may_edit: library.may_edit,
        only_open,
        term,
    })
}

/// `GET /projects/conflicts`
pub async fn conflicts(State(app): State<App>, signed: Signed) -> Answer {
    let found = app.desk().contested(&signed.person).await?;
    let mut rows = Vec::new();
    for one in &found {
        let waiting = one.bookings.iter().filter(|line| !matches!(line.seat, shouwang_protocol::projects::Seat::Over));
        let bookings = waiting.map(|line| booking(line, &signed, one.may_settle)).collect::<Result<_, _>>()?;
        rows.push(ConflictBox {
            id: one.line.row.record.to_string(),
            name: one.line.row.project.name.clone(),
            bar: PlacesBar::of(&one.line),
            bookings,
            tell: if one.may_settle && one.untold { Some(signed.stub()?) } else { None },
        });
    }
    error::show(&ConflictsPage { frame: app.frame(&signed, "名额冲突", "/projects").await?, rows })
}

fn classes(pack: &Pack) -> Vec<ClassBox> {
    let need = |code: &String| pack.needs.iter().find(|need| need.code == *code).map_or(code, |need| &need.name).clone();
    let class = |class: &shouwang_protocol::records::policy::Code| {
        let kinds = pack.project_kinds.iter().filter(|kind| kind.class == class.code);
        let line = |kind: &shouwang_protocol::records::policy::ProjectKind| {
            [
                kind.code.clone(),
                kind.name.clone(),
                kind.needs.iter().map(need).collect::<Vec<_>>().join("、"),
                listed(&class.code, &kind.code),
                format!("/policies/tables/project_kinds/row?code={}", super::policies::encoded(&kind.code)),
            ]
        };
        ClassBox {
            code: class.code.clone(),
            name: class.name.clone(),
            source: class.source.clone(),
            kinds: kinds.map(line).collect(),
        }
    };
    pack.project_classes.iter().map(class).collect()
}

/// `GET /projects/kinds`
pub async fn kinds(State(app): State<App>, signed: Signed, Query(asked): Query<AskedKinds>) -> Answer {
    let found = app.desk().policies(&signed.person, asked.version).await?;
    let pack = &found.pack;
    let href = |version: &str| format!("/projects/kinds?version={}", super::policies::encoded(version));
    let others = found.versions.iter().filter(|(version, _)| *version != pack.version);
    let edit = |code: &str| format!("/policies/tables/needs/row?code={}", super::policies::encoded(code));
    error::show(&KindsPage {
        frame: app.frame(&signed, "项目字典", "/projects").await?,
        lead: format!(
            "{} 大类 {} 小类；政策包 {}，自 {} 起施行{}",
            pack.project_classes.len(),
            pack.project_kinds.len(),
            pack.version,
            pack.from,
            if pack.sample { "（样例）" } else { "" }
        ),
        classes: classes(pack),
        needs: pack.needs.iter().map(|need| (need.name.clone(), need.source.clone(), edit(&need.code))).collect(),
        versions: others.map(|(version, from)| (href(version), version.clone(), from.to_string())).collect(),
        may_edit: may_edit(&signed) && found.in_force,
    })
}
