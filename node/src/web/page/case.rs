//! One case: its three volumes as one story, who must act, and what the reader may do.

use super::consent_paper::paper;
use super::project::CaseProjects;
use crate::desk::{self, Command, DeskError};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::{self, Form, Known};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Fact, Field, Frame, Stub, Ticks, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, Giver};
use shouwang_protocol::standing::{Appraisal, Consent, Effect, Handler, Standing, Term, Transfer, WrittenNotice, is_about_check};

/// The page.
#[derive(Template, Default)]
#[template(path = "case.html")]
pub struct CasePage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// What it is about.
    pub heading: String,
    /// Where.
    pub place: String,
    /// States.
    pub chips: Vec<Chip>,
    /// The acceptance number.
    pub number: String,
    /// The household, when it is known.
    pub household: Option<String>,
    /// What keeps it from being decided.
    pub blocks: Vec<String>,
    /// What went wrong with a step that is no longer offered.
    pub fault: String,
    /// Whether the reader may print the receipt.
    pub may_print: bool,
    /// The story.
    pub entries: Vec<StoryEntry>,
    /// Who must act.
    pub turns: Vec<TurnLine>,
    /// When nobody must.
    pub idle: String,
    /// What the reader may do.
    pub actions: Vec<ActionForm>,
    /// The amount that counts now.
    pub sum: String,
    /// What kind of amount.
    pub sum_label: &'static str,
    /// The rest.
    pub facts: Vec<Fact>,
    /// The check of the family's means: its state; none: there is nothing to see or do.
    pub check: Vec<Chip>,
    /// To departments, offices, providers.
    pub transfers: Vec<TransferLine>,
    /// Who agreed that organisations are told.
    pub consents: Vec<ConsentLine>,
    /// The papers to sign, by organisation: where they are printed, the name.
    pub papers: Vec<(String, String)>,
    /// Its needs and places of care projects.
    pub projects: CaseProjects,
    /// Who held it, for how long.
    pub hops: Vec<HopLine>,
    /// How often somebody had to go.
    pub errands: String,
    /// Written notices of a refusal, or that a benefit was made less or stopped: what, how far, and the sheet; none: not
    /// made out yet.
    pub letters: Vec<(String, Chip, Option<String>)>,
    /// What is confirmed about the household: kind, by whom and until when.
    pub confirmed: Vec<(String, String)>,
}

/// Somebody's turn, past or present.
#[derive(Default)]
pub struct HopLine {
    /// Who.
    pub who: String,
    /// What for.
    pub what: String,
    /// From when to when.
    pub when: String,
    /// How long.
    pub took: Chip,
}

/// One line of the story.
#[derive(Default)]
pub struct StoryEntry {
    /// Its name.
    pub id: String,
    /// The volume it stands in: 1 village, 2 township, 3 city.
    pub lane: u8,
    /// What happened.
    pub what: String,
    /// Who, where.
    pub by: String,
    /// When.
    pub when: String,
    /// What it says.
    pub lines: Vec<String>,
    /// Whether it has no effect.
    pub void: bool,
    /// Why not.
    pub reason: String,
    /// How far it got.
    pub ticks: Ticks,
    /// The form to take it back, when the reader may.
    pub withdraw: Option<Stub>,
}

/// Somebody's turn.
#[derive(Default)]
pub struct TurnLine {
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
    /// By when.
    pub due: Chip,
    /// Whether it is the reader's office.
    pub mine: bool,
}

/// Something the reader may do.
#[derive(Default)]
pub struct ActionForm {
    /// The event's word.
    pub kind: &'static str,
    /// What it is called.
    pub label: String,
    /// A word beside it.
    pub note: String,
    /// Whether it is the next step.
    pub next: bool,
    /// Whether it is opened.
    pub open: bool,
    /// What went wrong.
    pub fault: String,
    /// The form's own.
    pub stub: Stub,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One transfer.
#[derive(Default)]
pub struct TransferLine {
    /// To whom.
    pub to: String,
    /// For what.
    pub what: String,
    /// What was asked, what came of it.
    pub lines: Vec<String>,
    /// How far it is.
    pub state: Chip,
}

/// Somebody's consent that an organisation is told.
#[derive(Default)]
pub struct ConsentLine {
    /// The organisation.
    pub to: String,
    /// Who agreed to what, how, from when to when.
    pub lines: Vec<String>,
    /// Whether it holds.
    pub state: Chip,
}

/// The case an address names.
pub fn case_id(id: &str) -> Result<CaseId, WebError> {
    CaseId::parse(id).ok_or(WebError::NoPage)
}

fn entry(line: &desk::CaseEntry, signed: &Signed) -> Result<StoryEntry, WebError> {
    let item = &line.item;
    let what = item.event.what.kind().map_or("不认识的记录", EventKind::label);
    let (void, reason) = match &item.effect {
        Effect::Counts => (false, String::new()),
        Effect::Waits(what) => (true, format!("等待：{what}")),
        Effect::WithoutEffect(why) => (true, format!("没有生效：{why}")),
        Effect::TakenBack(_) => (true, "已撤销".to_owned()),
    };
    Ok(StoryEntry {
        id: item.id.to_string(),
        lane: wording::lane(item.tier),
        what: what.to_owned(),
        by: format!("{} {}", line.office, item.event.name),
        when: wording::day(item.day),
        lines: wording::lines(&item.event.what),
        void,
        reason,
        ticks: wording::stored(signed.person.tier, line.stored),
        withdraw: if line.may_take_back { Some(signed.stub()?) } else { None },
    })
}

fn transfer(transfer: &Transfer) -> TransferLine {
    let dated = |day: Option<Day>, what: &str| day.map(|day| format!("{day} {what}"));
    let mut lines: Vec<String> =
        [dated(transfer.sent_on, "转出"), dated(transfer.signed_on, "签收"), dated(transfer.ended_on, "结束")]
            .into_iter()
            .flatten()
            .collect();
    lines = vec![lines.join("，")];
    lines.push(transfer.note.clone());
    if transfer.sessions > 0 {
        lines.push(format!("服务 {} 次", transfer.sessions));
    }
    if let Some(change) = transfer.change {
        lines.push(format!("成效：{}", change.label()));
    }
    if let Some(result) = transfer.result {
        lines.push(format!("结果：{}", result.label()));
    }
    if let Some(given) = transfer.given {
        lines.push(format!("给予 {} 元", wording::money(given)));
    }
    lines.push(transfer.text.clone());
    lines.retain(|line| !line.is_empty());
    TransferLine {
        to: transfer.to.name.clone(),
        what: transfer.assistance.clone(),
        lines,
        state: wording::transfer(transfer.state),
    }
}

fn consent(consent: &Consent, s: &Standing, today: Day) -> ConsentLine {
    let last = s.standing_consents().any(|known| known.id == consent.id);
    let state = match &consent.withdrawn {
        Some(it) => Chip::new(Tone::Bad, format!("{} 撤回", wording::day(it.day))),
        None if !last => Chip::new(Tone::Plain, "已由后来的同意取代"),
        None if !consent.holds(Some(today)) => Chip::new(Tone::Warn, "已到期"),
        None => Chip::new(Tone::Good, "有效"),
    };
    let who = match consent.given_by {
        _ if consent.giver.is_empty() => consent.given_by.label().to_owned(),
        Giver::Own => format!("本人{}", consent.giver),
        Giver::Guardian => format!("{}的监护人{}", consent.whose, consent.giver),
    };
    let until = consent.until.map_or_else(|| "撤回以前有效".to_owned(), |until| format!("有效期至 {until}"));
    let scope: Vec<&str> = consent.scope.iter().map(|part| part.label()).collect();
    let mut lines = vec![
        format!("{who}，{}，{}，{until}", consent.how.label(), wording::day(consent.day)),
        format!("可提供：{}", scope.join("、")),
        consent.note.clone(),
    ];
    lines.extend(consent.withdrawn.as_ref().map(|it| format!("撤回：{}", it.note)));
    lines.retain(|line| !line.is_empty());
    ConsentLine { to: consent.to.name.clone(), lines, state }
}

fn confirmed(status: &desk::ConfirmedStatus) -> (String, String) {
    let until = status.until.map_or_else(|| "政策包未设有效期".to_owned(), |day| format!("有效期至 {day}"));
    (status.kind.clone(), format!("{} {} 确认，{until}", status.by, status.from))
}

fn hop(line: &desk::loops::HopLine, today: Day) -> HopLine {
    let hop = &line.hop;
    let when = match hop.until {
        None => format!("{} 至今", wording::day(hop.from)),
        until if until == hop.from => wording::day(until),
        Some(until) => format!("{} 至 {until}", wording::day(hop.from)),
    };
    let took = match (hop.working, hop.days(today)) {
        (_, Some(0)) => "当天".to_owned(),
        (Some(working), Some(days)) => format!("{working} 个工作日（{days} 天）"),
        (None, Some(days)) => format!("{days} 天"),
        (_, None) => String::new(),
    };
    let tone = match (line.late, hop.until) {
        (true, _) => Tone::Bad,
        (false, None) => Tone::Accent,
        (false, Some(_)) => Tone::Plain,
    };
    HopLine { who: line.who.clone(), what: hop.what.to_owned(), when, took: Chip::new(tone, took) }
}

fn facts(s: &Standing, handler: Option<&(Handler, bool)>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut put = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push(if value.chars().count() > 14 { Fact::wide(label, value) } else { Fact::new(label, value) });
        }
    };
    put("申请人", Some(s.applicant.clone()));
    put("怎样开始", s.origin.map(|origin| origin.label().to_owned()));
    put("来自", s.channel.map(|channel| channel.label().to_owned()));
    put("登记日期", s.opened_on.map(|day| day.to_string()));
    put("原因", Some(s.cause.clone()));
    put("摘要", Some(s.summary.clone()));
    for answer in &s.answers {
        put(&answer.name, Some(answer.text.clone()));
    }
    put("预警规则", Some(s.rule.clone()));
    put("代为申请", s.on_behalf.clone());
    put("核实机构", s.verifier.as_ref().map(|target| target.name.clone()));
    put("核实结果", s.finding.map(|finding| finding.label().to_owned()));
    put("所缺材料", Some(s.materials.join("、")));
    put("不予受理", s.not_accepted.clone());
    let said = |it: &Appraisal| format!("{} 人参加，{} 人同意（{}）", it.attended, it.in_favour, wording::day(it.day));
    put("民主评议", s.appraisal.as_ref().map(said));
    put("预审意见", s.opinion.map(|opinion| opinion.label().to_owned()));
    if let Some(decision) = &s.decision {
        put("审批", Some(format!("{}（{} {}）", decision.outcome.label(), decision.tier.label(), wording::day(decision.day))));
        put("审批理由", Some(decision.reason.clone()));
        put("怎样算的", Some(decision.formula.clone()));
    }
    put("全程期限", s.whole_due.map(|day| format!("{day} 前审批")));
    put("公布", s.published.as_ref().map(|it| format!("{} {} 至 {}", it.place, it.from, it.until)));
    if let Some(payment) = &s.payment {
        put("发放", Some(format!("{} 元　{} {}", wording::money(payment.amount), payment.method, wording::day(payment.day))));
    }
    let term = |term: &shouwang_protocol::standing::Term| match term.amount.0 {
        0 => format!("{} 起停发", term.from),
        _ => format!("{} 起每月 {} 元", term.from, wording::money(term.amount)),
    };
    put("按月待遇", Some(s.terms.iter().map(term).collect::<Vec<_>>().join("；")));
    let sum = |fen: Fen| (fen.0 > 0).then(|| format!("{} 元", wording::money(fen)));
    put("待追缴", sum(s.owed()));
    put("已追回", sum(s.recovered));
    put("已核销", sum(s.written_off));
    put("申请人撤回", s.given_up.clone());
    put("下次回访", s.follow_up.map(|day| day.to_string()));
    for dispute in &s.disputes {
        let end = dispute.outcome.as_ref().map_or("等待结果", |(end, _)| end.label());
        put(dispute.how, Some(format!("{} {}，{end}", dispute.on, dispute.body)));
    }
    put("办结", s.result.clone());
    put("档案编号", s.archived.as_ref().map(|filed| filed.number.clone()));
    put("评价", s.satisfaction.map(|score| format!("{score} 分")));
    if let Some(listed) = s.listed() {
        put("发放名册", Some(format!("{}（{} 月）", listed.batch, listed.period)));
    }
    put("本机构承办人", handler.map(|(handler, gone)| format!("{}{}", handler.name, if *gone { "（已停用）" } else { "" })));
    put("政策包", Some(s.pack.clone()));
    facts
}

/// The written notices of a case: of what, how far they are, where they are read.
fn letters(id: &str, s: &Standing) -> Vec<(String, Chip, Option<String>)> {
    let refused = s.decision.as_ref().filter(|decision| decision.in_writing);
    let refused = refused.map(|decision| (format!("{} 不予批准", wording::day(decision.day)), &decision.id));
    let all = refused.into_iter().chain(s.cuts().map(|(before, term)| (cut(before, term), &term.id)));
    all.map(|(what, of)| match s.notice_of(of) {
        Some(notice) => (what, how_far(notice), Some(format!("/cases/{id}/letters/{of}"))),
        None => (what, Chip::new(Tone::Bad, "未出具书面通知"), None),
    })
    .collect()
}

fn cut(before: Fen, term: &Term) -> String {
    let now = if term.amount.0 > 0 { format!("减为 {} 元", wording::money(term.amount)) } else { "停发".to_owned() };
    format!("{} 起由每月 {} 元{now}", term.from, wording::money(before))
}

fn how_far(notice: &WrittenNotice) -> Chip {
    match &notice.served {
        Some((to, how, on)) => Chip::new(Tone::Good, format!("{on} 送达{to}（{}）", how.label())),
        None => Chip::new(Tone::Warn, format!("{} {} 出具，尚未送达", wording::day(notice.day), notice.by)),
    }
}

/// The amount that counts now: paid, decided, proposed.
fn sum(s: &Standing) -> (String, &'static str) {
    let known = s.paid().map(|fen| (fen, "已发放"));
    let known = known.or_else(|| s.decided().map(|fen| (fen, "已批准")));
    let known = known.or_else(|| s.proposed.map(|fen| (fen, "拟定金额")));
    known.filter(|(fen, _)| fen.0 > 0).map_or((String::new(), ""), |(fen, label)| (wording::money(fen), label))
}

/// What went wrong with a step that was just tried, and what was typed.
struct Tried<'a> {
    kind: &'static str,
    fault: String,
    form: &'a Form,
}

/// What is done in another way than by a form of this page.
fn elsewhere(kind: EventKind) -> bool {
    let of_a_list = matches!(kind, EventKind::Opened | EventKind::Withdrawn | EventKind::PayListed | EventKind::HandedOver);
    let place = matches!(kind, EventKind::Booked | EventKind::BookingConfirmed | EventKind::BookingDeclined);
    of_a_list || place || is_about_check(kind) || matches!(kind, EventKind::BookingCancelled | EventKind::BookingEnded)
}

/// The page of a case in which a step was just refused.
pub async fn refused(app: &App, sent: &SignedForm, id: &str, kind: &'static str, error: &DeskError) -> Answer {
    let tried = Tried { kind, fault: format!("{}。{}", error.what(), error.safe()), form: &sent.form };
    error::show_as(error::status(error), &page(app, &sent.signed, id, Some(tried)).await?)
}

async fn page(app: &App, signed: &Signed, id: &str, tried: Option<Tried<'_>>) -> Result<CasePage, WebError> {
    let found = app.desk().case(&signed.person, case_id(id)?).await?;
    let choices = app.desk().choices(&signed.person).await?;
    let way = match signed.person.is_office_staff() {
        true => Some(app.desk().way(&signed.person, case_id(id)?).await?),
        false => None,
    };
    let s = &found.standing;
    let today = app.today();
    let reserve = match &found.reserve {
        Some(Ok(left)) => format!("备用金还剩 {} 元；断网也能办，手续随后补", wording::money(*left)),
        Some(Err(why)) => why.clone(),
        None => String::new(),
    };
    let known = Known {
        reserve: &reserve,
        standing: s,
        proposal: found.proposal.as_ref().map_err(String::as_str),
        choices: &choices,
        answerable: &found.answerable,
        notice_phone: &found.notice_phone,
        needs: &found.projects.needs,
        held: &found.held,
        questions: &found.questions,
        visit: &found.visit,
        consent: &found.consent,
    };
    let next = forms::next(&found.possible, s);
    let unagreed = tried.as_ref().and_then(|tried| forms::unagreed_in(tried.form, &known));
    let mut actions = Vec::new();
    for kind in found.possible.iter().copied().filter(|kind| !elsewhere(*kind)) {
        let mut form = ActionForm {
            kind: kind.word(),
            label: forms::label(kind).to_owned(),
            note: forms::hint(kind, &known),
            next: next == Some(kind),
            open: next == Some(kind) && tried.is_none(),
            fault: String::new(),
            stub: signed.stub()?,
            fields: forms::fields(kind, &known),
        };
        if let Some(to) = unagreed.as_ref().filter(|_| kind == EventKind::Consented) {
            form.open = true;
            form.fields.iter_mut().filter(|field| field.name == "to").for_each(|field| field.refill(to));
        }
        if let Some(tried) = tried.as_ref().filter(|tried| tried.kind == kind.word()) {
            (form.open, form.fault) = (true, tried.fault.clone());
            for field in &mut form.fields {
                field.refill_from(tried.form);
            }
        }
        actions.push(form);
    }
    if found.possible.contains(&EventKind::Transferred) {
        let mut form = ActionForm {
            kind: forms::SPLIT,
            label: "分办".to_owned(),
            note: "一次转给几处".to_owned(),
            stub: signed.stub()?,
            fields: forms::split_fields(&known),
            ..ActionForm::default()
        };
        if let Some(tried) = tried.as_ref().filter(|tried| tried.kind == forms::SPLIT) {
            (form.open, form.fault) = (true, tried.fault.clone());
            for field in &mut form.fields {
                field.refill(&tried.form.raw(&field.name));
            }
        }
        let at = actions.iter().position(|action| action.kind == EventKind::Transferred.word());
        actions.insert(at.map_or(actions.len(), |at| at + 1), form);
    }
    // The next step first; the rest in the order of the work.
    actions.sort_by_key(|action| !action.next);
    let mut chips = match found.barred {
        true => vec![Chip::new(Tone::Warn, "当事人的同意已撤回或到期，这里只有本机构自己的记录")],
        false => vec![wording::stage(s.stage)],
    };
    chips.extend(wording::urgency(s.urgency));
    if s.clock.is_stopped() {
        chips.push(Chip::new(Tone::Warn, "计时已中止"));
    }
    if let Some((times, _)) = s.urged {
        chips.push(Chip::new(Tone::Bad, format!("已催办 {times} 次")));
    }
    if s.paid_again().next().is_some() {
        chips.push(Chip::new(Tone::Bad, "重复发放，待追回"));
    }
    chips.extend(found.uses_in_vain.iter().map(|count| Chip::new(Tone::Bad, count.label())));
    if let Some((_, true)) = &found.handler {
        chips.push(Chip::new(Tone::Bad, "无人承办"));
    }
    if s.relative.is_some() {
        chips.push(Chip::new(Tone::Warn, "近亲属备案"));
    }
    let fault =
        tried.filter(|tried| actions.iter().all(|action| action.kind != tried.kind)).map(|tried| tried.fault).unwrap_or_default();
    let (sum, sum_label) = sum(s);
    let title = wording::case_title(s.origin, &s.assistance, &s.rule);
    let idle = if s.stage.is_done() { "已办结，没有人需要办理。" } else { "现在没有人需要办理。" };
    let turn = |turn: &desk::TurnLine| TurnLine {
        who: turn.who.clone(),
        what: turn.what.clone(),
        due: wording::due(turn.due, today),
        mine: turn.mine,
    };
    let known = !s.checks.is_empty() || !s.authorisations.is_empty() || s.unchecked.is_some();
    let checked = signed.person.is_office_staff() && (known || found.possible.iter().any(|kind| is_about_check(*kind)));
    let place = if signed.person.is_office_staff() { "/cases" } else { "/inbox" };
    Ok(CasePage {
        frame: app.frame(signed, "事项", place).await?,
        id: id.to_owned(),
        heading: format!("{title} · {}", s.applicant),
        place: found.place.clone(),
        chips,
        number: s.number.clone().unwrap_or_default(),
        household: found.household.as_ref().map(|household| household.record.to_string()),
        blocks: found.blocks.clone(),
        fault,
        may_print: s.number.is_some() && signed.person.is_office_staff(),
        entries: found.entries.iter().map(|line| entry(line, signed)).collect::<Result<_, _>>()?,
        turns: found.turns.iter().map(turn).collect(),
        idle: idle.to_owned(),
        actions,
        sum,
        sum_label,
        facts: facts(s, found.handler.as_ref()),
        check: if checked { super::checks::chips(s) } else { Vec::new() },
        transfers: s.transfers.iter().map(transfer).collect(),
        consents: s.consents.iter().map(|it| consent(it, s, today)).collect(),
        papers: match found.possible.contains(&EventKind::Consented) {
            true => found.consent.organisations.iter().map(|(code, name, _)| (paper(id, code), name.clone())).collect(),
            false => Vec::new(),
        },
        projects: CaseProjects::of(&found, signed)?,
        hops: way.iter().flat_map(|way| &way.hops).map(|line| hop(line, today)).collect(),
        letters: if signed.person.is_office_staff() { letters(id, s) } else { Vec::new() },
        confirmed: found.confirmed.iter().map(confirmed).collect(),
        errands: way
            .map(|way| format!("群众到窗口 {} 次，工作人员上门 {} 次", way.errands.window, way.errands.home))
            .unwrap_or_default(),
    })
}

/// `GET /cases/{id}`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&page(&app, &signed, &id, None).await?)
}

/// `POST /cases/{id}/act`
pub async fn act(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let case = case_id(&id)?;
    let word = sent.form.text("kind");
    let (kind, step) = if word == forms::SPLIT {
        (forms::SPLIT, forms::split_step(&sent.form))
    } else {
        let kind = EventKind::from_word(&word).ok_or(WebError::Unreadable)?;
        (kind.word(), forms::step(kind, &sent.form))
    };
    let action = sent.action()?;
    let done = match step {
        Ok(step) => app.desk().perform(&sent.signed.person, action, Command::Case { case, step }).await,
        Err(why) => Err(DeskError::invalid("", why)),
    };
    match done {
        Ok(done) => {
            app.desk().keep_draft(&sent.signed.person, &format!("case-{id}-{kind}"), Vec::new()).await?;
            // A case that was routed goes on under a new name.
            let to = done.case.unwrap_or(case);
            Ok(Redirect::to(&format!("/cases/{to}")).into_response())
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
            refused(&app, &sent, &id, kind, &error).await
        }
        Err(error) => Err(error.into()),
    }
}
