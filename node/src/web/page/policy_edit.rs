//! Revising the policy list at the city: each revision is a new policy pack, and the old one stays.

use super::policies::{href, may_edit};
use crate::desk::{Command, DeskError, PolicyRevision};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Input, Stub};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::eligibility::{HouseholdFacts, MemberFacts};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::{Article, Code, Condition, Pack, Withdrawal};

/// The form.
#[derive(Template, Default)]
#[template(path = "policy_edit.html")]
pub struct PolicyEditPage {
    /// The frame.
    pub frame: Frame,
    /// What is revised.
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
    /// Whether what changes is shown before it is published.
    pub previews: bool,
    /// What would change: column, was, will be; none: not asked yet.
    pub changes: Vec<[String; 3]>,
    /// What the preview was of; sent along, so that only what was seen is published.
    pub seen: String,
    /// Names that conditions may use: in CEL, in Chinese.
    pub names: Vec<(String, String)>,
    /// Where to go back to.
    pub back: String,
}

/// Which policy.
#[derive(Deserialize, Default)]
pub struct Asked {
    code: Option<String>,
}

/// What stands between a condition's words and its expression.
const BAR: char = '|';

fn conditions(article: &Article) -> String {
    let line = |it: &Condition| match it.when.as_str() {
        "" => it.text.clone(),
        when => format!("{} {BAR} {when}", it.text),
    };
    article.conditions.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

pub(super) fn allowed(signed: &Signed) -> Result<(), WebError> {
    if may_edit(signed) { Ok(()) } else { Err(DeskError::not_permitted("政策包由市级管理员发布").into()) }
}

pub(super) fn from_field(pack: &Pack, today: Day) -> Field {
    let earliest = pack.from.max(today);
    Field::text("pack_from", "新政策包的施行日期").typed(Input::Date).with(earliest.to_string()).needed()
}

pub(super) fn names(pack: &Pack) -> Vec<(String, String)> {
    let of = |before: &str, table: &[(&str, &str)]| -> Vec<(String, String)> {
        table.iter().map(|(name, label)| (format!("{before}.{name}"), (*label).to_owned())).collect()
    };
    let mut names = of("household", HouseholdFacts::NAMES);
    names.extend(of("m", MemberFacts::NAMES));
    names.extend(pack.amounts.iter().map(|it| (format!("standard[\"{}\"]", it.code), it.name.clone())));
    names
}

pub(super) async fn latest(app: &App, signed: &Signed) -> Result<Pack, WebError> {
    let newest = app.desk().policies(&signed.person, None).await?.versions.into_iter().next();
    Ok(app.desk().policies(&signed.person, newest.map(|(version, _)| version)).await?.pack)
}

async fn page(app: &App, signed: &Signed, code: &str) -> Result<PolicyEditPage, WebError> {
    allowed(signed)?;
    let pack = latest(app, signed).await?;
    let known = pack.article(code).cloned();
    let article = known.clone().unwrap_or_else(|| Article { from: app.today(), ..Article::default() });
    let codes = |rows: &[Code]| rows.iter().map(|it| (it.code.clone(), it.name.clone())).collect::<Vec<_>>();
    let none = std::iter::once((String::new(), "不在本系统办理".to_owned()));
    let kinds = none.chain(pack.kinds.iter().map(|it| (it.code.clone(), it.name.clone())));
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let withdrawal = article.withdrawn.clone();
    let code_field = match &known {
        Some(_) => Field::hidden("code", article.code.clone()),
        None => Field::text("code", "编号").hinted("如 民政-14；发布后不再改变").needed(),
    };
    Ok(PolicyEditPage {
        frame: app.frame(signed, "修订政策", "/policies").await?,
        heading: known.as_ref().map_or("新增政策".to_owned(), |it| format!("修订 {} {}", it.code, it.name)),
        lead: "保存后发布一个新的政策包；旧的政策包保留，旧事项仍按当时的规定查看和办理。".to_owned(),
        target: "/policies/revise".to_owned(),
        stub: signed.stub()?,
        draft: format!("policy-{}", if code.is_empty() { "new" } else { code }),
        fields: vec![
            code_field,
            Field::text("name", "名称").with(&article.name).needed(),
            Field::select("department", "主管部门", Choice::list(codes(&pack.departments), &article.department)).needed(),
            Field::select("kind", "救助种类", Choice::list(kinds, &article.kind)),
            Field::text("benefit", "待遇，一句话").with(&article.benefit).widely(),
            Field::area("conditions", "条件，一行一条").with(conditions(&article)).hinted(
                "文字后面用“|”接表达式，由系统比对，如：家中有未成年人 | members.exists(m, m.age < 18)。只有文字的由人工核实。",
            ),
            Field::area("materials", "所需材料，一行一件").with(article.materials.join("\n")),
            Field::text("apply_at", "到哪里申请").with(&article.apply_at).widely(),
            Field::text("from", "政策起始日期").typed(Input::Date).with(article.from.to_string()).needed(),
            Field::text("until", "截止日期").typed(Input::Date).with(day(article.until)).hinted("长期有效的不填"),
            Field::text("withdrawn_on", "废止日期").typed(Input::Date).with(day(withdrawal.as_ref().map(|it| it.on))),
            Field::text("withdrawn_why", "废止原因").with(withdrawal.map(|it| it.why).unwrap_or_default()),
            Field::text("source", "依据（文件名、文号、条款）").with(&article.source).widely().needed(),
            Field::area("text", "全文").with(&article.text),
            from_field(&pack, app.today()),
        ],
        names: names(&pack),
        back: if known.is_some() { href(code, None) } else { "/policies".to_owned() },
        ..PolicyEditPage::default()
    })
}

/// `GET /policies/revise?code=…`
pub async fn form(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    error::show(&page(&app, &signed, &asked.code.unwrap_or_default()).await?)
}

fn day(form: &Form, name: &str, label: &str) -> Result<Option<Day>, DeskError> {
    let read =
        |text: String| Day::parse(&text).ok_or_else(|| DeskError::invalid(name, format!("{label}应为 2026-01-31 这样的日期")));
    form.some(name).map(read).transpose()
}

pub(super) fn needed_day(form: &Form, name: &str, label: &str) -> Result<Day, DeskError> {
    day(form, name, label)?.ok_or_else(|| DeskError::invalid(name, format!("缺少{label}")))
}

fn article(form: &Form) -> Result<PolicyRevision, DeskError> {
    let condition = |line: &str| {
        let (text, when) = line.split_once(BAR).unwrap_or((line, ""));
        Condition { text: text.trim().to_owned(), when: when.trim().to_owned() }
    };
    let withdrawn = match (day(form, "withdrawn_on", "废止日期")?, form.text("withdrawn_why")) {
        (None, why) if why.is_empty() => None,
        (None, _) => return Err(DeskError::invalid("withdrawn_on", "写了废止原因，还缺废止日期")),
        (Some(_), why) if why.is_empty() => return Err(DeskError::invalid("withdrawn_why", "废止须写明原因")),
        (Some(on), why) => Some(Withdrawal { on, why }),
    };
    let article = Article {
        code: form.text("code"),
        name: form.text("name"),
        department: form.text("department"),
        kind: form.text("kind"),
        benefit: form.text("benefit"),
        conditions: lines(&form.text("conditions")).map(condition).collect(),
        materials: lines(&form.text("materials")).map(str::to_owned).collect(),
        apply_at: form.text("apply_at"),
        from: needed_day(form, "from", "政策起始日期")?,
        until: day(form, "until", "截止日期")?,
        withdrawn,
        source: form.text("source"),
        text: lines(&form.text("text")).collect::<Vec<_>>().join("\n"),
    };
    Ok(PolicyRevision { articles: vec![article], ..PolicyRevision::of(needed_day(form, "pack_from", "施行日期")?) })
}

/// The page again, with what is wrong and what was typed.
pub(super) fn refused(error: &DeskError, mut page: PolicyEditPage, form: &Form) -> Answer {
    page.faults = error::reasons(error);
    page.fields.iter_mut().for_each(|field| field.refill_from(form));
    error::show_as(error::status(error), &page)
}

pub(super) async fn publish(
    app: &App,
    sent: &SignedForm,
    revision: Result<PolicyRevision, DeskError>,
    page: PolicyEditPage,
    then: String,
) -> Answer {
    let done = match revision {
        Ok(revision) => app.desk().perform(&sent.signed.person, sent.action()?, Command::RevisePolicy(revision)).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => {
            app.desk().keep_draft(&sent.signed.person, &page.draft, Vec::new()).await?;
            Ok(Redirect::to(&then).into_response())
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => refused(&error, page, &sent.form),
        Err(error) => Err(error.into()),
    }
}

/// `POST /policies/revise`
pub async fn save(State(app): State<App>, sent: SignedForm) -> Answer {
    let code = sent.form.text("code");
    let page = page(&app, &sent.signed, &code).await?;
    publish(&app, &sent, article(&sent.form), page, href(&code, None)).await
}
