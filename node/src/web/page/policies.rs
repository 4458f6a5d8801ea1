//! The policy list: the same text everywhere, with its version; and what might fit a household, with the reasons.

use crate::desk::PolicyPage;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Fact, Field, Frame, Input, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::eligibility::{Facts, Fit, HouseholdFacts, Judged, Match, MemberFacts, Outcome};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::{Article, Pack};
use shouwang_protocol::records::staff::Role;

/// The list.
#[derive(Template, Default)]
#[template(path = "policies.html")]
pub struct PoliciesPage {
    /// The frame.
    pub frame: Frame,
    /// Which pack it is of.
    pub lead: String,
    /// What is to be known of that pack.
    pub notes: Vec<String>,
    /// What was looked for.
    pub term: String,
    /// Departments: address, name, whether it is shown.
    pub filters: Vec<(String, String, bool)>,
    /// The policies.
    pub rows: Vec<PolicyRow>,
    /// The standards.
    pub standards: Vec<StandardRow>,
    /// Other packs: address, version, first day.
    pub versions: Vec<(String, String, String)>,
    /// Whether the reader may revise them.
    pub may_edit: bool,
}

/// One policy in the list.
#[derive(Default)]
pub struct PolicyRow {
    /// Where it is.
    pub href: String,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its department.
    pub department: String,
    /// What one gets.
    pub benefit: String,
    /// Withdrawn, not yet in force.
    pub state: Chip,
}

/// One standard.
#[derive(Default)]
pub struct StandardRow {
    /// Its name.
    pub name: String,
    /// The amount, or that it is unset.
    pub amount: String,
    /// Its unit.
    pub unit: String,
    /// Its source.
    pub source: String,
    /// Whether it is unset.
    pub unset: bool,
}

/// One policy, whole.
#[derive(Template, Default)]
#[template(path = "policy.html")]
pub struct ArticlePage {
    /// The frame.
    pub frame: Frame,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: Chip,
    /// Why it was withdrawn.
    pub withdrawn: String,
    /// Department, kind, where, validity, source, version.
    pub facts: Vec<Fact>,
    /// The conditions: in words, and whether a computer can judge them.
    pub conditions: Vec<(String, bool)>,
    /// The papers.
    pub materials: Vec<String>,
    /// The full text, by paragraph.
    pub text: Vec<String>,
    /// Where the reader may revise it.
    pub edit: Option<String>,
}

/// What might fit.
#[derive(Template, Default)]
#[template(path = "policy_match.html")]
pub struct MatchPage {
    /// The frame.
    pub frame: Frame,
    /// Whom it is about.
    pub heading: String,
    /// What it is based on.
    pub lead: String,
    /// The household's record; empty: somebody who answered the questions.
    pub household: String,
    /// The questions about the household; none where a record answers them.
    pub fields: Vec<Field>,
    /// The questions about each person.
    pub people: Vec<PersonFields>,
    /// What is wrong with the answers.
    pub fault: String,
    /// What was found: a heading and its policies.
    pub groups: Vec<MatchGroup>,
    /// How many do not fit.
    pub others: Vec<MatchRow>,
}

/// The questions about one person.
pub struct PersonFields {
    /// 1, 2, 3, …
    pub number: usize,
    /// Age, as typed.
    pub age: String,
    /// Questions answered by a tick: name, label, whether it is ticked.
    pub ticks: Vec<(String, &'static str, bool)>,
}

/// Policies that fit in the same way.
pub struct MatchGroup {
    /// How.
    pub label: String,
    /// Those.
    pub rows: Vec<MatchRow>,
}

/// A policy and why.
pub struct MatchRow {
    /// Where it is.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its department.
    pub department: String,
    /// What one gets.
    pub benefit: String,
    /// Each condition: how it stands, its words, what it was judged on.
    pub reasons: Vec<(Chip, String, String)>,
    /// Where an application of its kind begins; empty: not here.
    pub open: String,
}

/// Which policies.
#[derive(Deserialize, Default)]
pub struct Asked {
    q: Option<String>,
    department: Option<String>,
    version: Option<String>,
}

/// Persons that the questions have room for.
const PEOPLE_MAX: usize = 6;

fn state(article: &Article, today: Day) -> Chip {
    match &article.withdrawn {
        Some(withdrawal) if withdrawal.on <= today => Chip::new(Tone::Bad, "已废止"),
        _ if article.from > today => Chip::new(Tone::Warn, format!("自 {} 起", article.from)),
        _ if !article.holds_on(today) => Chip::new(Tone::Plain, "已过期"),
        _ => Chip::default(),
    }
}

/// What must be known of a pack before one relies on it.
fn notes(found: &PolicyPage) -> Vec<String> {
    let mut notes = Vec::new();
    if found.pack.sample {
        notes.push("这是样例政策包，只供演示，不得用于实际审批。".to_owned());
    }
    if !found.in_force {
        notes.push("这不是现行的政策包，只用来查看以前（或以后）的规定。".to_owned());
    }
    notes
}

fn lead(pack: &Pack) -> String {
    format!("政策包 {}，自 {} 起施行；断网时同样可查", pack.version, pack.from)
}

/// Whether the reader may revise the list.
pub fn may_edit(signed: &Signed) -> bool {
    signed.person.tier == Tier::City && signed.person.has(&[Role::Administrator])
}

/// A name as part of an address.
pub fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

/// Where a policy is shown, of the pack in force or of another.
pub fn href(code: &str, version: Option<&str>) -> String {
    let version = version.map(|version| format!("?version={}", encoded(version))).unwrap_or_default();
    format!("/policies/{}{version}", encoded(code))
}

/// `GET /policies`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let found = app.desk().policies(&signed.person, asked.version.clone()).await?;
    let (pack, today) = (&found.pack, app.today());
    let term = asked.q.unwrap_or_default().trim().to_owned();
    let department = asked.department.unwrap_or_default();
    let version = asked.version.as_deref();
    let name_of = |code: &str| pack.departments.iter().find(|it| it.code == code).map_or(code, |it| &it.name).to_owned();
    let fits = |article: &&Article| {
        let all = [&article.name, &article.code, &article.benefit, &article.text, &article.kind, &article.source];
        (department.is_empty() || article.department == department)
            && term.split_whitespace().all(|part| all.iter().any(|text| text.contains(part)))
    };
    let row = |article: &Article| PolicyRow {
        href: href(&article.code, version),
        code: article.code.clone(),
        name: article.name.clone(),
        department: name_of(&article.department),
        benefit: article.benefit.clone(),
        state: state(article, today),
    };
    let filter = |code: &str, name: &str| {
        let version = version.map(|version| format!("&version={}", encoded(version))).unwrap_or_default();
        (format!("/policies?department={}{version}", encoded(code)), name.to_owned(), code == department)
    };
    let with_any = pack.departments.iter().filter(|it| pack.articles.iter().any(|article| article.department == it.code));
    let standard = |it: &shouwang_protocol::records::policy::Standard| StandardRow {
        name: it.name.clone(),
        amount: it.fen.map_or_else(|| "未设定".to_owned(), wording::money),
        unit: it.unit.clone(),
        source: it.source.clone(),
        unset: it.fen.is_none(),
    };
    let other =
        |(version, from): &(String, Day)| (format!("/policies?version={}", encoded(version)), version.clone(), from.to_string());
    error::show(&PoliciesPage {
        frame: app.frame(&signed, "政策清单", "/policies").await?,
        lead: lead(pack),
        notes: notes(&found),
        filters: std::iter::once(filter("", "全部")).chain(with_any.map(|it| filter(&it.code, &it.name))).collect(),
        rows: pack.articles.iter().filter(fits).map(row).collect(),
        standards: pack.amounts.iter().map(standard).collect(),
        versions: found.versions.iter().filter(|(version, _)| *version != pack.version).map(other).collect(),
        may_edit: may_edit(&signed),
        term,
    })
}

/// `GET /policies/{code}`
pub async fn show(State(app): State<App>, signed: Signed, Path(code): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let found = app.desk().policies(&signed.person, asked.version).await?;
    let article = found.pack.article(&code).ok_or(WebError::NoPage)?;
    let until = article.until.map_or_else(|| "长期有效".to_owned(), |until| format!("至 {until}"));
    let department = found.pack.departments.iter().find(|it| it.code == article.department);
    error::show(&ArticlePage {
        frame: app.frame(&signed, "政策", "/policies").await?,
        code: article.code.clone(),
        name: article.name.clone(),
        state: state(article, app.today()),
        withdrawn: article.withdrawn.as_ref().map(|it| format!("自 {} 起废止：{}", it.on, it.why)).unwrap_or_default(),
        facts: vec![
            Fact::new("主管部门", department.map_or(&article.department, |it| &it.name).clone()),
            Fact::new("救助种类", article.kind.clone()),
            Fact::new("有效期", format!("自 {} 起，{until}", article.from)),
            Fact::wide("待遇", article.benefit.clone()),
            Fact::wide("到哪里申请", article.apply_at.clone()),
            Fact::wide("依据", article.source.clone()),
            Fact::wide("政策包", lead(&found.pack)),
        ],
        conditions: article.conditions.iter().map(|it| (it.text.clone(), !it.when.is_empty())).collect(),
        materials: article.materials.clone(),
        text: article.text.lines().map(str::to_owned).collect(),
        edit: (may_edit(&signed) && found.in_force).then(|| format!("/policies/revise?code={}", encoded(&article.code))),
    })
}

fn reason(judged: &Judged) -> (Chip, String, String) {
    let (chip, used) = match &judged.outcome {
        Outcome::Holds => (Chip::new(Tone::Good, "符合"), judged.used.clone()),
        Outcome::Fails => (Chip::new(Tone::Bad, "不符合"), judged.used.clone()),
        Outcome::Unknown(why) => (Chip::new(Tone::Warn, "不清楚"), why.clone()),
        Outcome::ForAPerson => (Chip::new(Tone::Plain, "须人工核实"), String::new()),
    };
    (chip, judged.text.clone(), used)
}

fn match_row(found: &Match, household: Option<&str>) -> MatchRow {
    let open = |id: &str| format!("/cases/new?household={id}&kind={}", encoded(&found.article.kind));
    MatchRow {
        href: href(&found.article.code, None),
        name: found.article.name.clone(),
        department: found.article.department.clone(),
        benefit: found.article.benefit.clone(),
        reasons: found.conditions.iter().map(reason).collect(),
        open: household.map(open).unwrap_or_default(),
    }
}

fn groups(found: &[Match], household: Option<&str>) -> (Vec<MatchGroup>, Vec<MatchRow>) {
    let of = |fit: Fit| -> Vec<MatchRow> { found.iter().filter(|it| it.fit == fit).map(|it| match_row(it, household)).collect() };
    let group = |fit: Fit| MatchGroup { label: fit.label().to_owned(), rows: of(fit) };
    let groups = [Fit::Fits, Fit::Perhaps].map(group).into_iter().filter(|group| !group.rows.is_empty());
    (groups.collect(), of(Fit::No))
}

/// `GET /households/{id}/policies`
pub async fn for_household(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    let record = RecordId::parse(&id).ok_or(WebError::NoPage)?;
    let (version, found) = app.desk().policies_for(&signed.person, record).await?;
    let may_open = signed.person.has(&[Role::Intake]);
    let (groups, others) = groups(&found, may_open.then_some(id.as_str()));
    error::show(&MatchPage {
        frame: app.frame(&signed, "可能适用的政策", "/households").await?,
        heading: "这户可能适用的政策".to_owned(),
        lead: format!("按家庭档案和政策包 {version} 逐条比对，只供参考，不是审批结论；没有登记的内容不作否定。"),
        household: id,
        groups,
        others,
        ..MatchPage::default()
    })
}

const TICKS: [(&str, &str); 5] = [
    ("ill", "患大病或慢性病"),
    ("disabled", "残疾"),
    ("pupil", "在学"),
    ("uninsured", "没参加医保"),
    ("jobless", "没有劳动能力"),
];

/// The questions, with what was answered.
async fn questions(app: &App, signed: &Signed, form: &Form) -> Result<MatchPage, WebError> {
    let offer = app.desk().choices(&signed.person).await?;
    let open = |list: &[(String, String)]| -> Vec<(String, String)> {
        std::iter::once((String::new(), "不清楚".to_owned())).chain(list.iter().cloned()).collect()
    };
    let yes_no = |name: &str, label: &str| {
        Field::select(name, label, Choice::list([("", "不清楚"), ("yes", "是"), ("no", "否")], &form.text(name)))
    };
    let houses = ["A级", "B级", "C级", "D级"].map(|word| (word.to_owned(), word.to_owned()));
    let people = (1..=PEOPLE_MAX).map(|number| PersonFields {
        number,
        age: form.text(&format!("age{number}")),
        ticks: TICKS
            .iter()
            .map(|(name, label)| (format!("{name}{number}"), *label, form.some(&format!("{name}{number}")).is_some()))
            .collect(),
    });
    Ok(MatchPage {
        frame: app.frame(signed, "政策咨询", "/policies").await?,
        heading: "政策咨询".to_owned(),
        lead: "回答几个问题，看看可能适用哪些政策。只供参考，不是审批结论；填写的内容不保存。".to_owned(),
        fields: vec![
            Field::text("income_year", "全家一年收入(元)").typed(Input::Number).with(form.text("income_year")),
            Field::text("medical_year", "近一年医疗自付(元)").typed(Input::Number).with(form.text("medical_year")),
            Field::select("category", "已认定的困难类别", Choice::list(open(&offer.categories), &form.text("category"))),
            Field::select("cause", "主要困难原因", Choice::list(open(&offer.causes), &form.text("cause"))),
            Field::select("house_safe", "住房安全等级", Choice::list(open(&houses), &form.text("house_safe"))),
            yes_no("sudden", "遇到突发急难"),
            yes_no("disaster", "因自然灾害受灾"),
        ],
        people: people.collect(),
        ..MatchPage::default()
    })
}

/// `GET /policies/match`
pub async fn match_form(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&questions(&app, &signed, &Form::default()).await?)
}

/// The facts that the answers say; an answer that was left open says nothing.
fn answers(form: &Form) -> Result<Facts, String> {
    let money = |name: &str, label: &str| match form.some(name) {
        None => Ok(None),
        Some(text) => {
            Fen::parse_yuan(&text).filter(|fen| fen.0 >= 0).map(Some).ok_or_else(|| format!("{label}应为数字，最多两位小数"))
        }
    };
    let yes = |name: &str| match form.text(name).as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let mut members = Vec::new();
    for number in 1..=PEOPLE_MAX {
        let ticked = |name: &str| form.some(&format!("{name}{number}")).is_some();
        let Some(age) = form.some(&format!("age{number}")) else {
            if TICKS.iter().any(|(name, _)| ticked(name)) {
                return Err(format!("第 {number} 人没有写年龄"));
            }
            continue;
        };
        let age = age.parse::<i64>().ok().filter(|age| (0..=130).contains(age));
        let labor = if ticked("jobless") { "无劳动力" } else { "普通劳动力" };
        members.push(MemberFacts {
            age: Some(age.ok_or_else(|| format!("第 {number} 人的年龄应为 0 到 130 的整数"))?),
            ill: Some(ticked("ill")),
            disabled: Some(ticked("disabled")),
            pupil: Some(ticked("pupil")),
            insured: Some(!ticked("uninsured")),
            labor: Some(labor.to_owned()),
            ..MemberFacts::default()
        });
    }
    let household = HouseholdFacts {
        people: (!members.is_empty()).then_some(members.len() as i64),
        income_year: money("income_year", "全家一年收入")?,
        medical_year: money("medical_year", "近一年医疗自付")?,
        category: form.some("category"),
        categories: form.some("category").map(|category| vec![category]),
        cause: form.some("cause"),
        house_safe: form.some("house_safe"),
        sudden: yes("sudden"),
        disaster: yes("disaster"),
        ..HouseholdFacts::default()
    };
    Ok(Facts { household, members })
}

/// `POST /policies/match`
pub async fn find(State(app): State<App>, sent: SignedForm) -> Answer {
    let mut page = questions(&app, &sent.signed, &sent.form).await?;
    match answers(&sent.form) {
        Ok(facts) => {
            let (_, found) = app.desk().policies_fitting(&sent.signed.person, facts).await?;
            (page.groups, page.others) = groups(&found, None);
        }
        Err(fault) => page.fault = fault,
    }
    error::show(&page)
}
