//! The check of a family's means within one case: who agreed, what was asked, how far each source is; and the sheet
//! with the figures, which is shown for a purpose only.

use super::case::case_id;
use crate::desk::checks::{CheckPage as Found, CheckSheet};
use crate::desk::{CaseStep, CheckAnswer, Command, DeskError};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Input, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use shouwang_protocol::difference::{MEASURES, Unit};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Agreement, EventKind, Finding};
use shouwang_protocol::records::idno::masked;
use shouwang_protocol::records::verification::{Outcome as Says, Reply};
use shouwang_protocol::standing::{Authorisation, Check, Standing};

/// Purposes that a look is mostly for.
const PURPOSES: [&str; 4] = ["审核本事项", "审批本事项", "处理核对异议", "复查对照"];

/// The page.
#[derive(Template, Default)]
#[template(path = "check.html")]
pub struct CheckPage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// Who asks.
    pub heading: String,
    /// Where, and for what.
    pub place: String,
    /// States.
    pub chips: Vec<Chip>,
    /// What went wrong.
    pub fault: String,
    /// What was just done.
    pub done: String,
    /// Who agreed.
    pub given: Vec<GivenLine>,
    /// The form of an authorisation.
    pub authorise: Option<StepForm>,
    /// The form of a request.
    pub ask: Option<StepForm>,
    /// The sources, each with how far it is about each person.
    pub replies: Vec<(String, Vec<(String, Chip)>)>,
    /// Persons and sources without an answer.
    pub waiting: usize,
    /// The requests, the latest first.
    pub checks: Vec<CheckLine>,
    /// The form to look at the answers of the one that counts, and of those before.
    pub looks: Vec<LookForm>,
    /// Why no check is possible.
    pub unchecked: String,
    /// The form of an answer, and of all that is left.
    pub answers: Vec<StepForm>,
    /// Whatever else can be done.
    pub steps: Vec<StepForm>,
}

/// An authorisation.
#[derive(Default)]
pub struct GivenLine {
    /// Who.
    pub name: String,
    /// How a supporter is related; the masked number.
    pub note: String,
    /// Who signed.
    pub signer: String,
    /// For which sources.
    pub scope: String,
    /// For how long, what for, where the paper is.
    pub term: String,
    /// Whether it holds.
    pub state: Chip,
    /// Its name.
    pub event: String,
    /// The form to take it back.
    pub withdraw: Option<Stub>,
}

/// A request.
#[derive(Default)]
pub struct CheckLine {
    /// Its number.
    pub number: String,
    /// What became of it.
    pub state: Chip,
    /// When it was asked, begun, answered.
    pub lines: Vec<String>,
    /// By when.
    pub due: Chip,
}

/// A form to look at answers.
#[derive(Default)]
pub struct LookForm {
    /// The request.
    pub number: String,
    /// What the button says.
    pub label: String,
    /// The form's own.
    pub stub: Stub,
    /// What for.
    pub purpose: Field,
}

/// A form of this page.
#[derive(Default)]
pub struct StepForm {
    /// The event's word, or what else it does.
    pub kind: &'static str,
    /// What it is called.
    pub label: String,
    /// What to know about it.
    pub hint: String,
    /// Whether it is opened.
    pub open: bool,
    /// Whether it stands in the wide column.
    pub wide: bool,
    /// The form's own.
    pub stub: Stub,
    /// Whom it concerns: name of the field, choices.
    pub people: Vec<Choice>,
    /// Which sources.
    pub sources: Vec<Choice>,
    /// Further fields.
    pub fields: Vec<Field>,
}

/// The sheet with the figures.
#[derive(Template, Default)]
#[template(path = "check_sheet.html")]
pub struct SheetPage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// The number of the request.
    pub number: String,
    /// Applicant, kind, village.
    pub facts: Vec<(&'static str, String)>,
    /// What it comes to.
    pub result: Chip,
    /// Measure, declared, found, difference, how it compares, as of.
    pub lines: Vec<[String; 6]>,
    /// What the pack lets pass.
    pub allowed: String,
    /// Person, source, what it says, measure and thing, figure, words, as of, whether a later one counts instead.
    pub answers: Vec<([String; 7], bool)>,
    /// Who is shown it, when and what for.
    pub seen: String,
}

fn state(known: &Authorisation, today: Day) -> Chip {
    match &known.withdrawn {
        Some((day, why)) => Chip::new(Tone::Plain, format!("{} 撤回：{why}", wording::day(*day))),
        None if known.until < today => Chip::new(Tone::Bad, "已过期"),
        None if known.signed > today => Chip::new(Tone::Warn, "未到起始日"),
        None => Chip::new(Tone::Good, "有效"),
    }
}

fn given(known: &Authorisation, signed: &Signed, today: Day, may: bool) -> Result<GivenLine, WebError> {
    let signer = match known.guardian.is_empty() {
        true => known.signer.clone(),
        false => format!("{}（{}）", known.signer, known.guardian),
    };
    let note = if known.relation.is_empty() { String::new() } else { format!("{}　{}", known.relation, masked(&known.id_no)) };
    Ok(GivenLine {
        name: known.name.clone(),
        note,
        signer,
        scope: known.scope.join("、"),
        term: format!("{} 至 {}　{}　存 {}", known.signed, known.until, known.purpose, known.paper),
        state: state(known, today),
        event: known.id.to_string(),
        withdraw: if may && known.withdrawn.is_none() { Some(signed.stub()?) } else { None },
    })
}

/// How a result looks.
pub fn result(result: Agreement) -> Chip {
    let tone = match result {
        Agreement::Same => Tone::Good,
        Agreement::Differs => Tone::Bad,
        Agreement::Unclear => Tone::Warn,
    };
    Chip::new(tone, result.label())
}

/// What became of a request.
pub fn check_state(check: &Check) -> Chip {
    let tone = match check.result {
        _ if check.superseded => Tone::Plain,
        _ if check.is_objected() || check.is_upheld() => Tone::Warn,
        Some(told) => return result(told),
        None => Tone::Accent,
    };
    Chip::new(tone, check.label())
}

fn line(check: &Check, today: Day) -> CheckLine {
    let dated = |day: Option<Day>, what: &str| day.map(|day| format!("{day} {what}"));
    let days = [dated(check.asked_on, "提请"), dated(check.started_on, "开始"), dated(check.answered_on, "完成")];
    let names: Vec<&str> = check.people.iter().map(|(_, name)| name.as_str()).collect();
    let mut lines = vec![
        days.into_iter().flatten().collect::<Vec<_>>().join("，"),
        format!("{}；{}", names.join("、"), check.sources.join("、")),
        check.note.clone(),
    ];
    if check.superseded {
        lines.extend(check.result.map(|result| format!("原结果：{}", result.label())));
    }
    if let Some(objection) = &check.objection {
        lines.push(format!("异议：{}", objection.text));
        lines.extend(objection.outcome.map(|outcome| format!("{}：{}", outcome.label(), objection.note)));
    }
    lines.retain(|line| !line.is_empty());
    CheckLine { number: check.number.clone(), state: check_state(check), lines, due: wording::due(check.due, today) }
}

fn chip(reply: Reply) -> Chip {
    match reply {
        Reply::Waiting => Chip::new(Tone::Warn, "待答复"),
        Reply::Unavailable => Chip::new(Tone::Bad, "无法提供"),
        Reply::Nothing(day) | Reply::Found(day) => Chip::new(Tone::Good, format!("已答复，截至 {day}")),
    }
}

fn scoped(kind: &str, mut fields: Vec<Field>) -> Vec<Field> {
    fields.iter_mut().for_each(|field| field.scope = format!("-{kind}"));
    fields
}

/// What is typed into the forms of each step.
fn step_form(kind: EventKind, found: &Found, signed: &Signed) -> Result<StepForm, WebError> {
    let (mut people, mut sources) = (Vec::new(), Vec::new());
    let all = || found.sources.iter().map(|(code, name, _)| Choice { value: code.clone(), label: name.clone(), picked: true });
    let mut label = kind.label().to_owned();
    let (fields, hint) = match kind {
        EventKind::CheckAuthorised => {
            let member = |person: &crate::desk::checks::CheckPerson| {
                let row = person.row.as_ref().map(ToString::to_string)?;
                let minor = if person.minor { "，未成年，监护人签字" } else { "" };
                Some((row, format!("{}（{}{minor}）", person.name, person.relation)))
            };
            let members: Vec<(String, String)> = found.people.iter().filter_map(member).collect();
            let outside = std::iter::once((String::new(), "家庭以外的赡养、抚养、扶养义务人".to_owned()));
            let first = members.first().map(|(row, _)| row.clone()).unwrap_or_default();
            sources = all().collect();
            let fields = vec![
                Field::select("member", "被核对人", Choice::list(members.into_iter().chain(outside), &first)),
                Field::text("until", "授权截止日期").typed(Input::Date).needed(),
                Field::text("signed", "签字日期").typed(Input::Date).hinted("不填：今天"),
                Field::text("paper", "授权书存放处").hinted("例如 村档案柜 3-2").needed(),
                Field::text("signer", "签字人").hinted("不填：本人"),
                Field::text("guardian", "代签的监护关系").hinted("未成年人、无民事行为能力人由监护人代签"),
                Field::text("name", "家庭以外的人：姓名"),
                Field::text("relation", "与申请人的关系"),
                Field::text("id_no", "身份证号").typed(Input::Digits),
                Field::text("purpose", "用途").hinted("不填：申请本救助"),
            ];
            label = "登记授权".to_owned();
            (fields, "本人在授权书上签字后登记；没有网络也可以登记。")
        }
        EventKind::CheckAsked => {
            people = found
                .people
                .iter()
                .map(|person| Choice {
                    value: person.key.clone(),
                    label: if person.relation.is_empty() {
                        person.name.clone()
                    } else {
                        format!("{}（{}）", person.name, person.relation)
                    },
                    picked: true,
                })
                .collect();
            sources = all().collect();
            if found.standing.check().is_some() {
                label = "提请复查".to_owned();
            }
            let note = Field::area("note", "说明").hinted("村(社区)也能看到，不写数字");
            (vec![note], "没有有效授权的人和来源不能核对：先登记授权，或去掉勾选。市级应在规定的工作日内开始。")
        }
        EventKind::CheckStarted => (Vec::new(), "登记第一条答复时也会自动开始。"),
        EventKind::CheckAnswered => (Vec::new(), "按已登记的答复与申报比对；村(社区)只看到一致或不一致，看不到数字。"),
        EventKind::CheckImpossible => {
            let reason = Field::area("reason", "为什么无法核对").hinted("书面写明；村(社区)也能看到，不写数字").needed();
            (vec![reason], "")
        }
        EventKind::CheckObjected => (vec![Field::area("text", "家庭怎样说").needed()], ""),
        EventKind::CheckObjectionSettled => {
            let outcomes = [Finding::False, Finding::True].map(|finding| (finding.word(), finding.label()));
            let note = Field::area("note", "怎样核查的").hinted("村(社区)也能看到，不写数字").needed();
            (vec![Field::select("outcome", "核查结果", Choice::list(outcomes, "false")).needed(), note], "属实的须提请复查。")
        }
        _ => (Vec::new(), ""),
    };
    Ok(StepForm {
        kind: kind.word(),
        label,
        hint: hint.to_owned(),
        open: matches!(kind, EventKind::CheckObjectionSettled | EventKind::CheckAsked),
        wide: kind == EventKind::CheckAuthorised,
        stub: signed.stub()?,
        people,
        sources,
        fields: scoped(kind.word(), fields),
    })
}

/// The form of one answer, and the one for all that is left.
fn answer_forms(found: &Found, signed: &Signed, waiting: &[(String, String)]) -> Result<Vec<StepForm>, WebError> {
    let Some(check) = found.standing.check() else { return Ok(Vec::new()) };
    let sources = found.sources.iter().filter(|(code, ..)| check.sources.contains(code));
    let sources = sources.map(|(code, name, measure)| {
        let tells = if measure.is_empty() { String::new() } else { format!("（{measure}）") };
        (code.clone(), format!("{name}{tells}"))
    });
    let measures = MEASURES.iter().map(|measure| {
        let unit = match measure.unit {
            Unit::Yuan => "元",
            Unit::Count => "数量",
            Unit::Words => "文字",
        };
        (measure.code.to_owned(), format!("{}（{unit}）", measure.code))
    });
    let usual = std::iter::once((String::new(), "这一来源通常的项目".to_owned()));
    // What comes next is filled in.
    let (person, source) = waiting.first().cloned().unwrap_or_default();
    let one = vec![
        Field::select("person", "被核对人", Choice::list(check.people.iter().cloned(), &person)).needed(),
        Field::select("source", "信息来源", Choice::list(sources, &source)).needed(),
        Field::select("outcome", "结果", Choice::list(Says::ALL.iter().map(|says| (says.word(), says.label())), "found"))
            .needed(),
        Field::text("as_of", "数据截至").typed(Input::Date).needed(),
        Field::text("amount", "金额(元)").typed(Input::Number).hinted("收入写近 12 个月合计"),
        Field::text("count", "数量").typed(Input::Number).hinted("车辆、房产、市场主体"),
        Field::select("measure", "项目", Choice::list(usual.chain(measures), "")),
        Field::text("subject", "标的").hinted("同一来源有几笔时：哪家银行、哪辆车"),
        Field::area("text", "说明").hinted("无法提供的写明原因"),
    ];
    let mut forms = vec![StepForm {
        kind: "answer",
        label: "登记答复".to_owned(),
        hint: "同样的答复再登记一次不会重复；同一标的以截至日期最近的为准，原答复保留。".to_owned(),
        open: true,
        wide: true,
        stub: signed.stub()?,
        fields: scoped("answer", one),
        ..StepForm::default()
    }];
    if !waiting.is_empty() {
        forms.push(StepForm {
            kind: "rest",
            label: format!("其余 {} 项都是无记录", waiting.len()),
            hint: "确认所有来源都已查过，把没有答复的一次记为无记录。".to_owned(),
            stub: signed.stub()?,
            fields: scoped("rest", vec![Field::text("as_of", "数据截至").typed(Input::Date).needed()]),
            ..StepForm::default()
        });
    }
    Ok(forms)
}

/// Whether the authorisation that a request stood on was taken back since.
fn taken_back(s: &Standing, person: &str, source: &str) -> bool {
    let asked_on = s.check().and_then(|check| check.asked_on);
    asked_on.is_some_and(|day| !s.may_ask(person, source, day))
}

/// Persons and sources that still have to be answered.
fn waiting(found: &Found) -> Vec<(String, String)> {
    let Some(replies) = &found.replies else { return Vec::new() };
    let open = replies.iter().flat_map(|(asked, replies)| {
        let open = replies.iter().filter(|(_, reply)| *reply == Reply::Waiting);
        let open = open.filter(|(source, _)| !taken_back(&found.standing, &asked.person, source));
        open.map(|(source, _)| (asked.person.clone(), source.clone()))
    });
    open.collect()
}

/// What was just tried.
#[derive(Default)]
struct Tried<'a> {
    kind: &'a str,
    fault: String,
    done: String,
    form: Option<&'a Form>,
}

/// States of the check for the head of a page.
pub fn chips(s: &Standing) -> Vec<Chip> {
    match s.check() {
        Some(check) => vec![check_state(check)],
        None if s.unchecked.is_some() => vec![Chip::new(Tone::Warn, "无法核对，已书面说明")],
        None => vec![Chip::new(Tone::Plain, "尚未提请")],
    }
}

async fn page(app: &App, signed: &Signed, id: &str, tried: Tried<'_>) -> Result<CheckPage, WebError> {
    let found = app.desk().check(&signed.person, case_id(id)?).await?;
    let (s, today) = (&found.standing, app.today());
    let may = |kind: EventKind| found.possible.contains(&kind);
    let withdraws = may(EventKind::CheckUnauthorised);
    let form = |kind: EventKind| may(kind).then(|| step_form(kind, &found, signed)).transpose();
    let (mut authorise, mut ask) = (form(EventKind::CheckAuthorised)?, form(EventKind::CheckAsked)?);
    let others = [
        EventKind::CheckStarted,
        EventKind::CheckAnswered,
        EventKind::CheckObjectionSettled,
        EventKind::CheckObjected,
        EventKind::CheckImpossible,
    ];
    let mut steps = others.into_iter().filter_map(|kind| form(kind).transpose()).collect::<Result<Vec<_>, _>>()?;
    let open = waiting(&found);
    let mut answers = if found.may_answer { answer_forms(&found, signed, &open)? } else { Vec::new() };
    // An authorisation is what is missing when nobody has agreed yet.
    if let Some(form) = &mut authorise {
        form.open = s.authorisations.is_empty();
    }
    let forms = authorise.iter_mut().chain(&mut ask).chain(&mut steps).chain(&mut answers);
    for form in forms.filter(|form| form.kind == tried.kind) {
        let Some(typed) = tried.form else { continue };
        form.open = true;
        form.fields.iter_mut().for_each(|field| field.refill(&typed.raw(&field.name)));
        form.people.iter_mut().for_each(|choice| choice.picked = typed.all("people").contains(&choice.value));
        form.sources.iter_mut().for_each(|choice| choice.picked = typed.all("sources").contains(&choice.value));
    }
    let mut replies: Vec<(String, Vec<(String, Chip)>)> = Vec::new();
    for (asked, by_source) in found.replies.iter().flatten() {
        for (code, reply) in by_source {
            let state = match *reply {
                Reply::Waiting if taken_back(s, &asked.person, code) => Chip::new(Tone::Plain, "授权已撤回，不再核对"),
                reply => chip(reply),
            };
            let line = (asked.name.clone(), state);
            match replies.iter_mut().find(|(source, _)| source == code) {
                Some((_, lines)) => lines.push(line),
                None => replies.push((code.clone(), vec![line])),
            }
        }
    }
    let mut looks = Vec::new();
    for check in s.checks.iter().rev().filter(|_| found.may_look) {
        let suggestions = Choice::list(PURPOSES.map(|purpose| (purpose, purpose)), "");
        let purpose = Field {
            choices: suggestions,
            scope: format!("-{}", check.number),
            ..Field::text("purpose", "查看用途").with(PURPOSES[0]).needed()
        };
        let label = if check.superseded { "查看原核对结果".to_owned() } else { "查看核对结果".to_owned() };
        looks.push(LookForm { number: check.number.clone(), label, stub: signed.stub()?, purpose });
    }
    Ok(CheckPage {
        frame: app.frame(signed, "经济核对", "/cases").await?,
        id: id.to_owned(),
        heading: format!("经济核对 · {}", s.applicant),
        place: format!("{}　{}", found.place, s.assistance),
        chips: chips(s),
        fault: tried.fault,
        done: tried.done,
        given: s.authorisations.iter().map(|known| given(known, signed, today, withdraws)).collect::<Result<_, _>>()?,
        authorise,
        ask,
        replies,
        waiting: open.len(),
        checks: s.checks.iter().rev().map(|check| line(check, today)).collect(),
        looks,
        unchecked: s.unchecked.clone().unwrap_or_default(),
        answers,
        steps,
    })
}

/// `GET /cases/{id}/check`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&page(&app, &signed, &id, Tried::default()).await?)
}

fn day(form: &Form, name: &str) -> Result<Option<Day>, DeskError> {
    let read = |text: String| Day::parse(&text).ok_or_else(|| DeskError::invalid(name, "日期无效"));
    form.some(name).map(read).transpose()
}

fn needed_day(form: &Form, name: &str, why: &str) -> Result<Day, DeskError> {
    day(form, name)?.ok_or_else(|| DeskError::invalid(name, why))
}

fn step(kind: EventKind, form: &Form) -> Result<CaseStep, DeskError> {
    let text = |name: &str| form.text(name);
    // Nothing ticked is not everything.
    let ticked = |name: &str, why: &str| match form.all(name) {
        [] => Err(DeskError::invalid(name, why)),
        some => Ok(some.to_vec()),
    };
    Ok(match kind {
        EventKind::CheckAuthorised => CaseStep::AuthoriseCheck {
            member: form
                .some("member")
                .map(|row| OpId::parse(&row).ok_or_else(|| DeskError::invalid("member", "没有这一成员")))
                .transpose()?,
            name: text("name"),
            relation: text("relation"),
            id_no: text("id_no"),
            signer: text("signer"),
            guardian: text("guardian"),
            scope: ticked("sources", "须选择授权核对的信息来源")?,
            purpose: text("purpose"),
            signed: day(form, "signed")?,
            until: needed_day(form, "until", "须写明授权截止日期")?,
            paper: text("paper"),
        },
        EventKind::CheckUnauthorised => CaseStep::WithdrawAuthorisation {
            authorisation: OpId::parse(&text("event")).ok_or_else(|| DeskError::invalid("event", "没有这一授权"))?,
            reason: text("reason"),
        },
        EventKind::CheckAsked => CaseStep::AskCheck {
            people: ticked("people", "须选择核对谁")?,
            sources: ticked("sources", "须选择核对哪些信息来源")?,
            note: text("note"),
        },
        EventKind::CheckStarted => CaseStep::StartCheck {},
        EventKind::CheckAnswered => CaseStep::ConcludeCheck {},
        EventKind::CheckImpossible => CaseStep::CannotCheck { reason: text("reason") },
        EventKind::CheckObjected => CaseStep::ObjectToCheck { text: text("text") },
        EventKind::CheckObjectionSettled => CaseStep::SettleCheckObjection {
            outcome: Finding::from_word(&text("outcome")).ok_or_else(|| DeskError::invalid("outcome", "请选择一项"))?,
            note: text("note"),
        },
        _ => return Err(DeskError::invalid("", "请在事项里办理")),
    })
}

fn answer(form: &Form) -> Result<CheckAnswer, DeskError> {
    let amount = form
        .some("amount")
        .map(|text| Fen::parse_yuan(&text).ok_or_else(|| DeskError::invalid("amount", "金额应为数字，最多两位小数")));
    let count = form.some("count").map(|text| text.parse().map_err(|_| DeskError::invalid("count", "数量应为整数")));
    Ok(CheckAnswer {
        person: form.text("person"),
        source: form.text("source"),
        outcome: Says::from_word(&form.text("outcome")).ok_or_else(|| DeskError::invalid("outcome", "请选择一项"))?,
        measure: form.text("measure"),
        subject: form.text("subject"),
        amount: amount.transpose()?,
        count: count.transpose()?,
        text: form.text("text"),
        as_of: needed_day(form, "as_of", "须写明数据截至日期")?,
    })
}

/// What a form asks for, done; what it says then.
async fn perform(app: &App, sent: &SignedForm, case: CaseId, kind: &str) -> Result<String, WebError> {
    let (desk, person, action) = (app.desk(), &sent.signed.person, sent.action()?);
    let command = match kind {
        "answer" | "rest" => {
            let found = desk.check(person, case).await?;
            let number = found.standing.check().map(|check| check.number.clone()).ok_or(WebError::NoPage)?;
            if kind == "rest" {
                let as_of = needed_day(&sent.form, "as_of", "须写明数据截至日期")?;
                let nothing = |(person, source): (String, String)| CheckAnswer {
                    person,
                    source,
                    outcome: Says::Nothing,
                    measure: String::new(),
                    subject: String::new(),
                    amount: None,
                    count: None,
                    text: String::new(),
                    as_of,
                };
                let rest = waiting(&found).into_iter().map(nothing).collect();
                let report = desk.take_answers(person, vec![(number, rest)]).await?;
                if let Some(reject) = report.rejected.first() {
                    return Err(DeskError::invalid(reject.field.clone(), reject.reason.clone()).into());
                }
                return Ok(format!("已把 {} 项记为无记录", report.added));
            }
            Command::AnswerCheck { number, answers: vec![answer(&sent.form)?] }
        }
        word => {
            let kind = EventKind::from_word(word).ok_or(WebError::Unreadable)?;
            Command::Case { case, step: step(kind, &sent.form)? }
        }
    };
    Ok(desk.perform(person, action, command).await?.message)
}

/// `POST /cases/{id}/check`
pub async fn act(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let case = case_id(&id)?;
    let kind = sent.form.text("kind");
    match perform(&app, &sent, case, &kind).await {
        // What was answered stays on the screen for the next answer.
        Ok(done) if kind == "answer" => error::show(&page(&app, &sent.signed, &id, Tried { done, ..Tried::default() }).await?),
        Ok(_) => Ok(Redirect::to(&format!("/cases/{case}/check")).into_response()),
        Err(WebError::Desk(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. }))) => {
            let fault = format!("{}。{}", error.what(), error.safe());
            let tried = Tried { kind: &kind, fault, done: String::new(), form: Some(&sent.form) };
            error::show_as(error::status(&error), &page(&app, &sent.signed, &id, tried).await?)
        }
        Err(error) => Err(error),
    }
}

fn figure(unit: Unit, value: Option<i64>) -> String {
    match (unit, value) {
        (_, None) => String::new(),
        (Unit::Yuan, Some(fen)) => wording::money(Fen(fen)),
        (_, Some(count)) => count.to_string(),
    }
}

fn sheet(app: &App, sheet: &CheckSheet) -> SheetPage {
    let name = |code: &str| sheet.sources.get(code).cloned().unwrap_or_else(|| code.to_owned());
    let asked = |key: &str| sheet.record.people.iter().find(|asked| asked.person == key).map(|asked| asked.name.clone());
    let live = sheet.record.live();
    let answers = sheet.record.answers.iter().map(|answer| {
        let measure =
            if answer.subject.is_empty() { answer.measure.clone() } else { format!("{} {}", answer.measure, answer.subject) };
        let figure = match (answer.amount, answer.count) {
            (Some(amount), _) => format!("{} 元", wording::money(amount)),
            (None, Some(count)) => count.to_string(),
            (None, None) => String::new(),
        };
        let columns = [
            asked(&answer.person).unwrap_or_default(),
            name(&answer.source),
            answer.outcome.label().to_owned(),
            measure,
            figure,
            answer.text.clone(),
            answer.as_of.to_string(),
        ];
        (columns, !live.iter().any(|known| known.id == answer.id))
    });
    let lines = sheet.report.lines.iter().map(|line| {
        let as_of = match line.as_of {
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => format!("{first} 至 {last}"),
            None => String::new(),
        };
        let declared = if line.declared.is_some() { figure(line.unit, line.declared) } else { "未申报".to_owned() };
        let found = if line.found.is_some() { figure(line.unit, line.found) } else { "—".to_owned() };
        [line.measure.to_owned(), declared, found, figure(line.unit, line.difference), line.compared.label().to_owned(), as_of]
    });
    let result = sheet.check.result.unwrap_or_else(|| sheet.report.agreement());
    SheetPage {
        number: sheet.check.number.clone(),
        facts: vec![
            ("申请人", sheet.row.applicant.clone()),
            ("救助种类", sheet.row.assistance.clone()),
            ("村(社区)", sheet.place.clone()),
            ("受理编号", sheet.row.number.clone().unwrap_or_default()),
            ("提请日期", wording::day(sheet.check.asked_on)),
            ("完成日期", wording::day(sheet.check.answered_on)),
        ],
        result: if sheet.check.result.is_some() { self::result(result) } else { Chip::new(Tone::Warn, "尚未完成") },
        lines: lines.collect(),
        allowed: match sheet.allowed {
            Some(fen) => format!("政策包允许的差额 {} 元", wording::money(fen)),
            None => "政策包没有设定允许的差额，多一分也列为不一致".to_owned(),
        },
        answers: answers.collect(),
        seen: wording::long_day(app.today()),
        ..SheetPage::default()
    }
}

/// `POST /cases/{id}/check/sheet`: the figures, for a purpose that is written down; never kept by the browser.
pub async fn look(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let case = case_id(&id)?;
    let (number, purpose) = (sent.form.text("number"), sent.form.text("purpose"));
    match app.desk().look_at_check(&sent.signed.person, case, number, purpose.clone()).await {
        Ok(found) => {
            let frame = app.frame(&sent.signed, "核对结果", "/cases").await?;
            let made = sheet(&app, &found);
            let seen = format!("{}　{} 查看，用途：{purpose}", made.seen, sent.signed.person.name);
            let mut response = error::show(&SheetPage { frame, id, seen, ..made })?;
            let never = axum::http::HeaderValue::from_static("no-store");
            response.headers_mut().insert(axum::http::header::CACHE_CONTROL, never);
            Ok(response)
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
            let tried = Tried { fault: error.what(), ..Tried::default() };
            error::show_as(error::status(&error), &page(&app, &sent.signed, &id, tried).await?)
        }
        Err(error) => Err(error.into()),
    }
}
