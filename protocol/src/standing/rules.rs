//! Which event may have effect, given what stands so far: the law of the case.
//!
//! [`may`] answers for a kind of event (that is what buttons need), [`judge`] for one event with its amounts, names
//! and references. The fold and the pages ask the same functions, so a button never offers what would not count.

use super::fold::{apply, paid_for};
use super::{
    Effect, PayoutState, Person, Standing, TimelineItem, Transfer, TransferState, after, bookings, checks, consent, payout,
};
use crate::area::Tier;
use crate::record::CaseId;
use crate::records::OpId;
use crate::records::amount::Fen;
use crate::records::case::StampedEvent;
use crate::records::day::Day;
use crate::records::event::{Answer, Event, EventKind, Finding, Opinion, Origin, Ruling, TargetKind, Verdict, What};
use crate::records::policy::{Assistance, Decides, Packs, Question, Step};
use crate::records::privacy::leak;
use crate::records::staff::Role;
use std::collections::BTreeSet;

/// Why an event has no effect; with `true`, it waits for something that may still arrive.
#[derive(Debug)]
pub(super) struct Refusal(pub String, pub bool);

impl From<&str> for Refusal {
    fn from(why: &str) -> Refusal {
        Refusal(why.to_owned(), false)
    }
}

impl From<Refusal> for Effect {
    fn from(Refusal(why, waits): Refusal) -> Effect {
        if waits { Effect::Waits(why) } else { Effect::WithoutEffect(why) }
    }
}

pub(super) fn unless(holds: bool, why: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(why.into()) }
}

/// The case's kind of assistance in the pack of that version (empty: the one it was opened under).
pub(super) fn kind_of<'a>(standing: &Standing, packs: &'a Packs, version: &str) -> Option<&'a Assistance> {
    let version = if version.is_empty() { &standing.pack } else { version };
    packs.get(version)?.kind(&standing.assistance)
}

/// What the application form of the case's kind asks.
fn questions<'a>(s: &'a Standing, packs: &'a Packs) -> impl Iterator<Item = &'a Question> {
    packs.get(&s.pack).into_iter().flat_map(|pack| pack.questions_of(&s.assistance))
}

fn needed_kind<'a>(standing: &Standing, packs: &'a Packs, version: &str) -> Result<&'a Assistance, Refusal> {
    let version = if version.is_empty() { &standing.pack } else { version };
    let Some(pack) = packs.get(version) else {
        return Err(Refusal(format!("政策包“{version}”尚未到达"), true));
    };
    pack.kind(&standing.assistance).ok_or_else(|| "政策包中没有这一救助种类".into())
}

/// What a role is for.
pub fn role_allows(role: Role, kind: EventKind) -> bool {
    use EventKind::*;
    match role {
        Role::Intake => matches!(
            kind,
            VerifyAsked
                | Verified
                | Applied
                | AppliedOnBehalf
                | MaterialsAsked
                | MaterialsGiven
                | FormFilled
                | Accepted
                | NotAccepted
                | Declared
                | Visited
                | Appraised
                | NoticePosted
                | Objected
                | NoticeEnded
                | Proposed
                | Consented
                | ConsentWithdrawn
                | Transferred
                | SignedFor
                | Returned
                | Recalled
                | Feedback
                | GaveUp
                | Heard
                | NoticeServed
                | Published
                | FollowedUp
                | Disputed
                | Closed
                | Archived
                | Routed
                | Satisfaction
                | CheckAuthorised
                | CheckUnauthorised
                | CheckAsked
                | CheckStarted
                | CheckAnswered
                | CheckObjected
                | Urged
                | DoubleFound
                | Recovered
                | NeedsAssessed
                | Booked
                | BookingCancelled
                | BookingEnded
                | Withdrawn
                | Note
        ),
        Role::Reviewer => matches!(
            kind,
            VerifyAsked
                | Verified
                | MaterialsAsked
                | FormFilled
                | NotAccepted
                | Declared
                | Visited
                | Appraised
                | PreExamined
                | NoticePosted
                | Objected
                | ObjectionSettled
                | NoticeEnded
                | Proposed
                | Emergency
                | Consented
                | ConsentWithdrawn
                | Transferred
                | SignedFor
                | Returned
                | Recalled
                | Feedback
                | PayListed
                | Paid
                | PaymentFailed
                | Heard
                | NoticeWritten
                | NoticeServed
                | Published
                | FollowedUp
                | Disputed
                | DisputeEnded
                | Closed
                | Archived
                | Routed
                | CheckAuthorised
                | CheckUnauthorised
                | CheckAsked
                | CheckStarted
                | CheckAnswered
                | CheckImpossible
                | CheckObjected
                | CheckObjectionSettled
                | Suspended
                | Resumed
                | Extended
                | Urged
                | DoubleFound
                | DoubleSettled
                | Recovered
                | NeedsAssessed
                | Booked
                | BookingContested
                | BookingConfirmed
                | BookingDeclined
                | BookingCancelled
                | BookingEnded
                | Withdrawn
                | Note
        ),
        Role::Approver => {
            let money = matches!(kind, Decided | Adjusted | PayListed | Paid | PaymentFailed | Recovered);
            let money = money || matches!(kind, Emergency | Acknowledged | WrittenOff);
            let money = money || matches!(kind, NoticeWritten | NoticeServed | DisputeEnded);
            let places = matches!(kind, BookingContested | BookingConfirmed | BookingDeclined);
            money || places || matches!(kind, Urged | DoubleFound | DoubleSettled | Withdrawn | Note)
        }
        Role::Department => matches!(kind, SignedFor | Returned | Feedback | Withdrawn | Note),
        Role::Provider => matches!(kind, SignedFor | Returned | Session | Outcome | Feedback | Withdrawn | Note),
        Role::Administrator => kind == HandedOver,
        Role::Auditor => false,
    }
}

/// Whether a transfer goes to this person's office, department or provider.
pub(super) fn is_receiver(transfer: &Transfer, person: &Person) -> bool {
    let acts = |role: Role, code: &str| person.roles.contains(&role) && !code.is_empty() && transfer.to.id == code;
    match transfer.to.kind {
        TargetKind::Office => transfer.to.is_office(person.office),
        TargetKind::Department => acts(Role::Department, &person.department),
        TargetKind::Provider => acts(Role::Provider, &person.provider),
    }
}

/// Whether an event of `kind` may be written at `tier` now. `mine` says which transfers the writer may answer.
pub(super) fn may(
    standing: &Standing,
    packs: &Packs,
    kind: EventKind,
    tier: Tier,
    mine: &dyn Fn(&Transfer) -> bool,
) -> Result<(), Refusal> {
    use EventKind::*;
    let s = standing;
    if kind == Opened {
        return unless(s.origin.is_none(), "事项已经登记过");
    }
    unless(s.origin.is_some(), "尚无登记")?;
    if matches!(kind, Note | Satisfaction | Withdrawn) {
        return Ok(());
    }
    // A grant may turn out to be another one's double long after the case was closed.
    if kind == WrittenOff {
        unless(s.emergency.is_some() || s.astray > Fen(0), "没有先行救助")?;
        unless(s.owed() > Fen(0), "没有要追缴的金额")?;
        return unless(tier >= confirming(s, packs), "应由确认先行救助的机构核销");
    }
    if matches!(kind, DoubleFound | DoubleSettled | Recovered) {
        unless(tier >= Tier::Township, "村(社区)不办理这一步")?;
        return unless(kind != Recovered || s.owed() > Fen(0), "没有要追缴的金额");
    }
    if bookings::is_about(kind) {
        return bookings::may(s, kind, tier);
    }
    if after::is_about(kind) {
        return after::may(s, packs, kind, tier);
    }
    if consent::is_about(kind) {
        return consent::may(s, kind, tier);
    }
    // What went out a second time comes back whenever it does.
    let back = kind == PaymentFailed && s.paid_again().next().is_some();
    // What somebody gave before they knew that it was taken back from them was given, also when the case is closed.
    let unknowing = |transfer: &Transfer| transfer.state == TransferState::Recalled && mine(transfer);
    let late = matches!(kind, Session | Feedback) && s.transfers.iter().any(unknowing);
    unless(s.result.is_none() || back || late, "事项已办结")?;
    if matches!(kind, SignedFor | Returned | Session | Outcome | Feedback) {
        let open = |transfer: &Transfer| s.result.is_none() || transfer.state == TransferState::Recalled;
        let fits = |transfer: &&Transfer| accepts(transfer, kind) && open(transfer) && mine(transfer);
        return unless(s.transfers.iter().any(|transfer| fits(&transfer)), "没有可以这样办理的转办");
    }
    if kind != Closed {
        // What is at the bank already has a result all the same.
        let at_bank = matches!(kind, Paid | PaymentFailed) && s.listed().is_some();
        unless(s.given_up.is_none() || at_bank, "申请人已撤回")?;
        unless(s.not_accepted.is_none(), "已不予受理")?;
    }
    let in_hand = || {
        unless(s.number.is_some(), "尚未受理")?;
        unless(s.decision.is_none(), "已经审批")
    };
    // What is put up is the opinion, or the stop of a benefit that runs.
    let on_notice = || if s.is_running() { Ok(()) } else { in_hand() };
    // People may object to what is put up, and to what was approved after it was.
    let objectionable = || {
        unless(s.number.is_some(), "尚未受理")?;
        unless(s.decision.is_none() || s.decided().is_some(), "已不予批准")
    };
    let above_village = || unless(tier >= Tier::Township, "村(社区)不办理这一步");
    match kind {
        VerifyAsked | Verified => unless(s.decision.is_none(), "已经审批")?,
        Applied => unless(!s.is_application, "已经是申请")?,
        AppliedOnBehalf => {
            unless(!s.is_application, "已经是申请")?;
            let consulted = s.origin == Some(Origin::Consultation);
            unless(consulted || s.finding == Some(Finding::True), "线索尚未核实属实")?;
        }
        MaterialsAsked => {
            unless(s.is_application && s.number.is_none(), "只在受理前告知补正")?;
            unless(!s.told_once, "已经一次性告知过")?;
        }
        MaterialsGiven => {
            let follows = s.without_papers().is_some_and(|emergency| emergency.papers_on.is_none());
            unless(follows || !s.materials.is_empty(), "没有待补正的材料")?;
        }
        Accepted | NotAccepted => {
            unless(s.is_application, "还不是申请")?;
            unless(s.number.is_none(), "已经受理")?;
            if kind == Accepted {
                unless(s.materials.is_empty(), "材料尚未补正")?;
            }
            let lowest = kind_of(s, packs, "").and_then(|kind| kind.accepts).unwrap_or(Tier::Township);
            unless(tier >= lowest, "本级不受理这一种类")?;
        }
        FormFilled => {
            unless(s.decision.is_none() || s.without_papers().is_some(), "已经审批")?;
            needed_kind(s, packs, "")?;
            unless(questions(s, packs).next().is_some(), "这一种类的申请表没有另外要填的")?;
        }
        Declared => {
            unless(s.is_application, "还不是申请")?;
            unless(s.decision.is_none(), "已经审批")?;
        }
        Visited if s.without_papers().is_some() => {}
        Visited => in_hand()?,
        Appraised => {
            in_hand()?;
            unless(s.opinion.is_none() || s.open_notice().is_some_and(|notice| notice.open > 0), "已经预审，没有异议的不再评议")?;
            let visit = kind_of(s, packs, "").is_some_and(|kind| kind.has(Step::Visit));
            unless(!visit || !s.visits.is_empty(), "尚未入户调查")?;
        }
        PreExamined => {
            above_village()?;
            in_hand()?;
            let visit = kind_of(s, packs, "").is_some_and(|kind| kind.has(Step::Visit));
            unless(!visit || !s.visits.is_empty(), "尚未入户调查")?;
            unless(!kind_of(s, packs, "").is_some_and(|kind| checks::is_due(s, kind)), NOT_CHECKED)?;
            let unheard = kind_of(s, packs, "").is_some_and(|kind| kind.has(Step::Appraise)) && s.appraisal.is_none();
            unless(!unheard, NOT_APPRAISED)?;
        }
        CheckAuthorised
        | CheckUnauthorised
        | CheckAsked
        | CheckStarted
        | CheckAnswered
        | CheckImpossible
        | CheckObjected
        | CheckObjectionSettled => checks::may(s, kind, tier)?,
        Proposed => {
            above_village()?;
            in_hand()?;
        }
        NoticePosted if s.is_running() => {
            above_village()?;
            unless(kind_of(s, packs, "").is_some_and(|kind| kind.stop.is_some()), "这一种类停发之前不公示")?;
            unless(s.stop_notice.is_none(), "已经公示")?;
        }
        NoticePosted => {
            above_village()?;
            in_hand()?;
            unless(s.opinion == Some(Opinion::For), "预审符合条件的才公示")?;
            unless(s.notice.is_none(), "已经公示")?;
            unless(kind_of(s, packs, "").is_none_or(|kind| kind.has(Step::Notice)), "这一种类不公示")?;
        }
        Objected => {
            objectionable()?;
            unless(s.open_notice().is_some(), "还没有公示")?;
        }
        ObjectionSettled => {
            above_village()?;
            objectionable()?;
            unless(s.open_notice().is_some_and(|notice| notice.open > 0), "没有待处理的异议")?;
        }
        NoticeEnded => {
            above_village()?;
            on_notice()?;
            unless(s.open_notice().is_some_and(|notice| !notice.ended), "没有正在进行的公示")?;
            unless(s.open_notice().is_some_and(|notice| notice.open == 0), "还有异议没有处理")?;
        }
        Suspended => {
            above_village()?;
            in_hand()?;
            unless(!s.clock.is_stopped(), "已经中止计时")?;
        }
        Resumed => {
            above_village()?;
            unless(s.clock.is_stopped(), "没有中止计时")?;
        }
        Extended => {
            above_village()?;
            in_hand()?;
            unless(extension_left(s, packs) > 0, "这一种类不能再延长期限")?;
        }
        Urged => {
            let unverified = matches!(s.origin, Some(Origin::Plea | Origin::Warning)) && s.finding.is_none();
            let asked = s.number.is_some() || !s.transfers.is_empty() || s.verifier.is_some();
            unless(asked || unverified, "还没有可催办的事")?;
        }
        Decided => {
            unless(s.number.is_some(), "尚未受理")?;
            unless(s.decision.is_none(), "已经审批过，一个事项只审批一次")?;
            let kind = needed_kind(s, packs, "")?;
            decides(s, kind, tier, None)?;
        }
        // Of a monthly benefit it depends on the month.
        Emergency => {
            unless(tier == Tier::Township, "先行救助由镇(街道)动用备用金办理")?;
            unless(s.emergency.is_none(), "已经先行救助过")?;
            unless(s.decision.is_none(), "已经审批，不再先行救助")?;
            unless(s.payment.is_none(), PAID_BEFORE)?;
            let open = s.assistance.is_empty() || kind_of(s, packs, "").is_none_or(|kind| kind.emergency.is_some());
            unless(open, NO_EMERGENCY)?;
        }
        Acknowledged => {
            let Some(given) = s.without_papers() else { return Err("没有待确认的先行救助".into()) };
            unless(!s.visits.is_empty(), "尚未入户调查")?;
            unless(given.papers_on.is_some(), "材料尚未补齐")?;
            unless(tier == confirming(s, packs), "本级不是确认先行救助的机构")?;
        }
        PayListed => {
            payable(s, tier)?;
            unless(s.is_monthly() || s.payment.is_none(), PAID_BEFORE)?;
            unless(s.is_monthly() || s.listed().is_none(), LISTED_BEFORE)?;
        }
        Paid => {
            payable(s, tier)?;
            unless(s.is_monthly() || s.payment.is_none(), PAID_BEFORE)?;
        }
        // What is phased out may have to end sooner.
        Heard => unless(s.is_monthly() && (s.stopped_from().is_none() || s.is_phasing_out()), "没有按月发放的待遇")?,
        Adjusted => {
            unless(s.is_monthly(), "没有按月发放的待遇")?;
            unless(!s.is_void(), "已按重复救助纠正")?;
            unless(s.decision.as_ref().is_some_and(|decision| tier >= decision.tier), "应由审批机构调整")?;
        }
        NoticeWritten => {
            unless(s.untold().is_some_and(|untold| untold.notice().is_none()), "没有要书面告知的决定")?;
            unless(s.decision.as_ref().is_some_and(|decision| tier >= decision.tier), "应由审批机构出具")?;
        }
        NoticeServed => {
            unless(s.untold().is_some_and(|untold| untold.notice().is_some()), "还没有出具书面通知，或已经送达")?;
        }
        PaymentFailed => {
            unless(payout::may_fail(&s.payouts, ""), "没有发放记录")?;
            unless(s.emergency.is_none() || s.paid_again().next().is_some(), "先行救助当面交付，有误的不予确认后追缴")?;
            unless(s.decision.as_ref().is_some_and(|decision| tier >= decision.tier), "应由审批机构登记")?;
        }
        Transferred => {
            above_village()?;
            let clue = !s.is_application && (s.finding == Some(Finding::True) || s.origin == Some(Origin::Consultation));
            unless(s.number.is_some() || clue, "尚未受理，线索尚未核实属实")?;
        }
        GaveUp => {
            unless(s.payment.is_none(), "已经发放")?;
            unless(s.listed().is_none(), LISTED_BEFORE)?;
        }
        HandedOver => unless(!s.handlers.is_empty(), "还没有人承办")?,
        Closed => may_close(s, packs, tier)?,
        Routed => {
            above_village()?;
            unless(s.number.is_none() && s.decision.is_none(), "已经受理，不再分派")?;
            unless(s.open_transfers().next().is_none(), "还有转办没有反馈")?;
        }
        Opened | SignedFor | Returned | Session | Outcome | Feedback | Satisfaction | Withdrawn | Note | DoubleFound
        | DoubleSettled | Recovered | WrittenOff => {}
        NeedsAssessed | Booked | BookingContested | BookingConfirmed | BookingDeclined | BookingCancelled | BookingEnded => {}
        Published | FollowedUp | Disputed | DisputeEnded | Archived => {}
        Consented | ConsentWithdrawn | Recalled => {}
    }
    Ok(())
}

/// Whether the place of a payment is free: the month's, where it is paid every month.
fn place_is_free(s: &Standing, month: &str, listing: bool) -> Result<(), Refusal> {
    unless(!s.is_monthly() || payout::is_month(month), "发放月份无效")?;
    unless(!s.is_monthly() || s.amount_for(month) > Fen(0), "这个月没有应发的待遇")?;
    let stands = |state| s.place_of(month).any(|payout| payout.state == state);
    unless(!is_paid(s, month), if s.is_monthly() { MONTH_PAID_BEFORE } else { PAID_BEFORE })?;
    unless(!listing || !stands(PayoutState::Listed), LISTED_BEFORE)
}

fn is_paid(s: &Standing, month: &str) -> bool {
    s.place_of(month).any(|payout| payout.state == PayoutState::Paid)
}

/// The most that may be paid for a month.
fn payable_for(s: &Standing, month: &str) -> Option<Fen> {
    if s.is_monthly() { Some(s.amount_for(month)) } else { s.decision.as_ref().map(|decision| decision.amount) }
}

const MONTH_PAID_BEFORE: &str = "这个月已经发放过";
const NOT_APPRAISED: &str = "尚未民主评议";
const NOT_CHECKED: &str = "尚未完成家庭经济状况核对";
const PAID_BEFORE: &str = "这一审批已经发放过";
const NO_EMERGENCY: &str = "政策包没有规定这一种类可以先行救助";
const LISTED_BEFORE: &str = "已列入发放名册，尚未登记结果";

/// The tier that confirms the help that came first.
fn confirming(s: &Standing, packs: &Packs) -> Tier {
    let kind = kind_of(s, packs, "");
    s.emergency.as_ref().zip(kind).and_then(|(given, kind)| kind.confirms(given.amount)).unwrap_or(Tier::City)
}

/// Whether there is an approved amount that `tier` pays.
fn payable(s: &Standing, tier: Tier) -> Result<(), Refusal> {
    let Some(decision) = &s.decision else { return Err("尚未审批".into()) };
    unless(decision.outcome == Verdict::Approved && decision.amount > Fen(0), "没有批准的金额")?;
    let held = s.held().filter(|_| s.listed().is_none());
    unless(held.is_none(), held.unwrap_or_default())?;
    unless(tier >= decision.tier, "应由审批机构发放")
}

/// Whether a listing or payment without effect is a fact all the same: nothing was wrong with it but what another
/// office did unseen. It was first, or took back what the money rests on, or wrote down that the family does not want
/// it or that somebody objects.
pub(super) fn went_out(s: &Standing, packs: &Packs, tier: Tier, stamped: &StampedEvent, day: Option<Day>) -> bool {
    let event = &stamped.event;
    if matches!(event.what, What::Emergency { .. }) {
        let ended = s.decision.is_some() || s.result.is_some() || s.given_up.is_some() || s.not_accepted.is_some();
        let (decision, payment, emergency, result, given_up, not_accepted) = Default::default();
        let first = Standing { decision, payment, emergency, result, given_up, not_accepted, ..s.clone() };
        let own = stamped.office.is_none_or(|office| office == event.by);
        return own && ended && judge(&first, packs, tier, event, day, stamped.may_decide).is_ok();
    }
    let money = matches!(event.what, What::PayListed { .. } | What::Paid { .. });
    if !money || stamped.office.is_some_and(|office| office != event.by) {
        return false;
    }
    let (payment, payouts, result, given_up, upheld) = Default::default();
    let mut first = Standing { payment, payouts, result, given_up, upheld, ..s.clone() };
    first.notice.iter_mut().for_each(|notice| notice.open = 0);
    if first.decision.is_none() {
        let taken_back = |item: &&TimelineItem| matches!(item.effect, Effect::TakenBack(_));
        let mut decisions = s.timeline.iter().filter(taken_back).filter(|it| matches!(it.event.what, What::Decided { .. }));
        if let Some(last) = decisions.next_back() {
            apply(&mut first, packs, last.tier, &last.id, &last.event, last.day);
        }
    }
    judge(&first, packs, tier, event, day, stamped.may_decide).is_ok()
}

/// Working days by which the term may still be made longer.
fn extension_left(s: &Standing, packs: &Packs) -> u32 {
    let most = kind_of(s, packs, "").and_then(|kind| kind.extend_days).unwrap_or(0);
    most.saturating_sub(s.clock.extended())
}

/// Whether an opinion in favour must still be put up, or is up, before anybody decides.
pub(super) fn notice_due(s: &Standing, kind: &Assistance) -> bool {
    let ended = s.notice.as_ref().is_some_and(|notice| notice.ended && notice.open == 0);
    kind.has(Step::Notice) && s.opinion == Some(Opinion::For) && !ended
}

/// Whether a transfer takes an event of this kind as it stands.
fn accepts(transfer: &Transfer, kind: EventKind) -> bool {
    let state = transfer.state;
    match kind {
        EventKind::SignedFor => state == TransferState::ToSign,
        EventKind::Returned => state.is_open(),
        EventKind::Outcome => matches!(state, TransferState::Signed | TransferState::FedBack),
        _ => state == TransferState::Signed || (state == TransferState::Recalled && transfer.signed_on.is_some()),
    }
}

/// Whether `tier` decides this amount of this kind; without an amount, whether it decides any.
fn decides(s: &Standing, kind: &Assistance, tier: Tier, amount: Option<Fen>) -> Result<(), Refusal> {
    unless(!kind.has(Step::Visit) || !s.visits.is_empty(), "尚未入户调查")?;
    unless(!checks::is_due(s, kind), NOT_CHECKED)?;
    unless(!kind.has(Step::Appraise) || s.appraisal.is_some(), NOT_APPRAISED)?;
    unless(!kind.has(Step::PreExamine) || s.opinion.is_some(), "尚未预审")?;
    unless(!notice_due(s, kind), "公示尚未期满，或异议尚未处理")?;
    let visited = s.visits.iter().any(|visit| visit.tier == Tier::City);
    unless(s.relative.is_none() || visited, "近亲属备案的事项，须先由市级入户核查")?;
    match (&kind.decides, amount) {
        (Decides::Department, _) => Err("由主管部门审核，以转办反馈为准".into()),
        (Decides::Nobody, _) => Err("服务类事项不审批".into()),
        (Decides::Tiers(_), None) => unless(kind.deciders().contains(&tier), "本级不是审批机构"),
        (Decides::Tiers(_), Some(amount)) => unless(kind.decider(amount) == Some(tier), "本级不是这一金额的审批机构"),
    }
}

/// Whether `tier` decides the amount that was proposed; where none was, whether it decides at all.
pub(super) fn is_decider(s: &Standing, packs: &Packs, tier: Tier) -> bool {
    kind_of(s, packs, "").is_some_and(|kind| decides(s, kind, tier, s.proposed).is_ok())
}

/// A case is closed when nothing in it is owed any more.
fn may_close(s: &Standing, packs: &Packs, tier: Tier) -> Result<(), Refusal> {
    unless(s.open_transfers().next().is_none(), "还有转办没有反馈")?;
    unless(s.without_papers().is_none(), "先行救助的手续还没有补齐、确认")?;
    let given_back = s.given_up.is_none() && s.not_accepted.is_none() && s.returned_transfers().next().is_some();
    unless(!given_back, "有转办被退回，尚未改派；确实不再需要的，请撤销那次转办")?;
    unless(s.paid_again().next().is_none(), "重复发放的钱还没有追回")?;
    unless(!s.objected(), "对审批的异议还没有核查")?;
    let nothing_due = s.is_void() || s.given_up.is_some();
    unless(!s.is_monthly() || s.stopped_from().is_some() || nothing_due, "按月发放的待遇还没有停止")?;
    unless(s.listed().is_none(), LISTED_BEFORE)?;
    unless(!s.is_monthly() || nothing_due || s.unpaid_month().is_none(), "停发以前还有月份没有发放")?;
    let paid = s.payment.is_some() || s.is_monthly() || s.given_up.is_some();
    unless(s.decided().is_none_or(|amount| amount <= Fen(0)) || paid || s.is_void(), "批准的金额尚未发放")?;
    unless(s.owed() == Fen(0), "重复发放的金额尚未追回")?;
    unless(s.untold().is_none(), "书面通知还没有送达")?;
    let touched_above = s.number.is_some() || !s.transfers.is_empty() || s.decision.is_some();
    unless(tier >= Tier::Township || !touched_above, "应由上级办结")?;
    if s.given_up.is_some() || s.not_accepted.is_some() || s.decision.is_some() {
        return Ok(());
    }
    let fed_back = s.transfers.iter().any(|transfer| transfer.state == TransferState::FedBack);
    if s.is_application {
        unless(s.number.is_some(), "尚未受理")?;
        let platform = kind_of(s, packs, "").is_some_and(|kind| matches!(kind.decides, Decides::Tiers(_)));
        unless(!platform, "尚未审批")?;
        unless(fed_back, "尚无办理结果")
    } else {
        let clue = matches!(s.origin, Some(Origin::Plea | Origin::Warning));
        unless(!clue || matches!(s.finding, Some(Finding::True | Finding::False)), "线索尚未核实")
    }
}

/// Whether this very event has effect in what stands so far.
pub(super) fn judge(
    s: &Standing,
    packs: &Packs,
    tier: Tier,
    event: &Event,
    day: Option<Day>,
    may_decide: bool,
) -> Result<(), Refusal> {
    let Some(kind) = event.what.kind() else { return Err("本版本不认识的记录".into()) };
    let by_receiver = |transfer: &Transfer| transfer.to.kind != TargetKind::Office || transfer.to.is_office(event.by);
    let answers = |id: &OpId| {
        let Some(transfer) = s.transfers.iter().find(|transfer| transfer.id == *id) else {
            return Err(Refusal("没有这一转办，或尚未到达".to_owned(), true));
        };
        unless(by_receiver(transfer), "不是这一转办的接收机构")?;
        // Departments and providers sign in at a township or at the city.
        unless(transfer.to.kind == TargetKind::Office || tier >= Tier::Township, "村(社区)不代部门、服务机构办理")?;
        unless(accepts(transfer, kind), "转办的状态不允许")
    };
    let named = |text: &str, why: &str| unless(!text.trim().is_empty(), why);
    unless(!event.staff.is_empty(), "没有经办人")?;
    match &event.what {
        What::Decided { pack, amount, outcome, .. } => {
            may(s, packs, kind, tier, &by_receiver)?;
            let assistance = needed_kind(s, packs, pack)?;
            match outcome {
                Verdict::Approved => decides(s, assistance, tier, Some(*amount))?,
                Verdict::Refused => decides(s, assistance, tier, s.proposed)?,
            }
        }
        _ => may(s, packs, kind, tier, &by_receiver)?,
    }
    match &event.what {
        What::Decided { outcome, amount, reason, .. } => {
            unless(may_decide, "不是指定的审批设备")?;
            unless(!s.entered_by.contains(&(event.by, event.staff.clone())), "经办人不得审批自己录入的事项")?;
            match outcome {
                Verdict::Approved => unless(*amount >= Fen(0), "金额无效"),
                Verdict::Refused => {
                    unless(*amount == Fen(0), "不予批准不应有金额")?;
                    named(reason, "不予批准须写明理由")
                }
            }
        }
        What::FormFilled { answers } => {
            unless(!answers.is_empty(), "申请表没有填写内容")?;
            // Whoever found for the family has read the form.
            let emptied = |it: &Question| answers.iter().any(|answer| answer.code == it.code && answer.text.is_empty());
            let gone = s.opinion == Some(Opinion::For) && questions(s, packs).any(|it| it.needed && emptied(it));
            unless(!gone, "预审以后，必须填写的只能改、不能清空")
        }
        What::PreExamined { opinion: Opinion::For, .. } => {
            let open = questions(s, packs).filter(|it| it.needed && s.answers.iter().all(|answer| answer.code != it.code));
            let names: Vec<&str> = open.map(|question| question.name.as_str()).collect();
            unless(names.is_empty(), &format!("申请表还没有填写：{}", names.join("、")))
        }
        What::Declared { of, relation } => {
            named(of, "须写明近亲属是谁")?;
            named(relation, "须写明是什么关系")
        }
        What::Visited { investigators, present, remote, findings } => {
            let people: BTreeSet<&str> = investigators.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
            unless(people.len() >= 2, "入户调查不少于两人")?;
            unless(!present.trim().is_empty() || !remote.trim().is_empty(), "须有家庭成员在场签字；远程调查须写明原因")?;
            named(findings, "须写明调查情况")
        }
        What::Appraised { attended, in_favour, note } => {
            unless(*attended > 0, "须写明有几人参加评议")?;
            unless(in_favour <= attended, "同意的人数多于参加的人数")?;
            named(note, "须写明评议情况")
        }
        What::NoticePosted { place, from, until, .. } => {
            named(place, "须写明公示地点")?;
            unless(leak(place).is_none(), "公示地点不得写号码或健康情况")?;
            let days = kind_of(s, packs, "").map_or(7, |kind| s.notice_days(kind));
            let least = from.plus(i32::try_from(days).unwrap_or(i32::MAX).saturating_sub(1));
            unless(*until >= least, "公示天数不足")?;
            unless(until.0.saturating_sub(from.0) < 366, "公示天数过长")
        }
        What::Objected { text } => named(text, "须写明异议内容"),
        What::ObjectionSettled { outcome, note } => {
            unless(*outcome != Finding::Unclear, "异议须查明属实或不属实")?;
            named(note, "须写明核查情况")
        }
        What::NoticeEnded { .. } => {
            let over = s.open_notice().zip(day).is_some_and(|(notice, day)| day > notice.until);
            unless(over, "公示尚未期满")
        }
        What::HandedOver { to, to_name, .. } => {
            unless(s.handlers.contains_key(&event.by), "本机构没有人承办")?;
            named(to, "须写明移交给谁")?;
            named(to_name, "须写明移交给谁")
        }
        What::Suspended { reason } => named(reason, "中止计时须写明原因"),
        What::Extended { days, reason } => {
            unless((1..=extension_left(s, packs)).contains(days), "超过可延长的天数")?;
            named(reason, "延长期限须写明原因")
        }
        What::Proposed { amount, .. } => unless(*amount >= Fen(0), "金额无效"),
        What::Paid { decision, amount, batch, period, .. } => {
            let in_force = s.decision.as_ref();
            unless(period.is_empty() || payout::is_month(period), "发放月份无效")?;
            let month = paid_for(s, batch, period, day);
            // What the bank paid by a list it got before the benefit was cut went out all the same.
            let listed = s.on_list(batch).filter(|_| s.is_monthly());
            match listed {
                Some(_) => unless(!is_paid(s, &month), MONTH_PAID_BEFORE)?,
                None => place_is_free(s, &month, false)?,
            }
            unless(decision.is_none() || decision.as_ref() == in_force.map(|decision| &decision.id), "不是生效的审批")?;
            unless(*amount > Fen(0), "金额无效")?;
            let most = payable_for(s, &month).max(listed.map(|listed| listed.amount));
            unless(most.is_some_and(|most| *amount <= most), "发放金额超过审批金额")
        }
        What::PayListed { batch, period, amount, .. } => {
            named(batch, "没有名册编号")?;
            unless(payout::is_month(period), "发放月份无效")?;
            place_is_free(s, period, true)?;
            unless(payable_for(s, period) == Some(*amount), "列入名册的金额须是审批金额")
        }
        What::Heard { who, text } => {
            named(who, "须写明听取了谁的意见")?;
            named(text, "须写明本人的意见")
        }
        What::Adjusted { amount, from, reason, .. } => {
            unless(may_decide, "不是指定的审批设备")?;
            named(reason, "调整待遇须写明理由")?;
            unless(*amount >= Fen(0), "金额无效")?;
            unless(payout::is_month(from), "起始月份无效")?;
            unless(s.terms.first().is_some_and(|first| *from >= first.from), "早于开始保障的月份")?;
            unless(*amount != s.amount_for(from), "与现在的金额相同")?;
            // 社会救助法 第48条
            unless(*amount >= s.amount_for(from) || s.heard.is_some(), "减发、停发之前须先听取本人意见")?;
            let stop = s.stopped_from().filter(|_| *amount > Fen(0));
            unless(stop.is_none_or(|stop| from.as_str() >= stop), "已决定停发；不再停发的，从原定停发的月份起调整")?;
            if let (Fen(0), Some(grace)) = (*amount, kind_of(s, packs, "").and_then(|kind| kind.grace.as_ref())) {
                let latest = day.map(|day| payout::month(day.months_later(1 + grace.months.min(120))));
                unless(latest.is_none_or(|latest| *from <= latest), "停发的月份太晚：超过政策规定的渐退期")?;
            }
            if let (Fen(0), Some(rule)) = (*amount, kind_of(s, packs, "").and_then(|kind| kind.stop.as_ref())) {
                let over = s.stop_notice.as_ref().is_some_and(|notice| notice.ended && notice.open == 0);
                unless(over, "停发之前须先公示，期满无异议")?;
                let this_month = day.map(payout::month).unwrap_or_default();
                unless(!rule.next_month || *from > this_month, "应从下月起停发")?;
            }
            let decider = kind_of(s, packs, "").and_then(|kind| kind.decider(*amount));
            unless(decider.is_some_and(|decider| tier >= decider), "本级不是这一金额的审批机构")
        }
        What::NoticeWritten { adjustment, text } => {
            let due = s.untold().is_some_and(|untold| untold.id() == adjustment);
            unless(due, "没有要书面告知的这一决定，或尚未到达")?;
            named(text, "书面通知没有内容")
        }
        What::NoticeServed { adjustment, to, on, .. } => {
            let Some(untold) = s.untold().filter(|untold| untold.id() == adjustment) else {
                return Err("没有要送达的这一通知，或已经送达".into());
            };
            named(to, "须写明送达给谁")?;
            unless(day.is_none_or(|day| *on <= day), "送达日期在今天之后")?;
            let made_out = untold.notice().and_then(|notice| notice.day);
            unless(made_out.is_none_or(|day| *on >= day), "送达日期早于出具日期")
        }
        What::PaymentFailed { reason, batch } => {
            named(reason, "须写明发放失败的原因")?;
            unless(payout::may_fail(&s.payouts, batch), "没有这一名册的发放记录")
        }
        What::Emergency { amount, assistance, reason, what, receiver, use_id, number, .. } => {
            let Some(pack) = packs.get(&s.pack) else {
                return Err(Refusal(format!("政策包“{}”尚未到达", s.pack), true));
            };
            let code = if assistance.is_empty() { &s.assistance } else { assistance };
            let kind = pack.kind(code).ok_or_else(|| Refusal::from("须选择救助种类"))?;
            let rule = kind.emergency.as_ref().ok_or_else(|| Refusal::from(NO_EMERGENCY))?;
            if let Some(unset) = rule.unset() {
                return Err(Refusal(format!("“{unset}”尚未由市级设定"), false));
            }
            unless(*amount > Fen(0), "金额无效")?;
            unless(rule.per_case.is_some_and(|most| *amount <= most), "超过先行救助每次限额")?;
            named(reason, "须写明情况紧急的理由")?;
            named(what, "须写明给了什么")?;
            named(receiver, "须写明由谁领取")?;
            unless(CaseId::parse(use_id).is_some(), "没有备用金的使用编号")?;
            unless(s.number.is_some() || !number.trim().is_empty(), "没有受理编号")
        }
        What::Acknowledged { outcome, reason } => {
            unless(may_decide, "不是指定的审批设备")?;
            unless(!s.entered_by.contains(&(event.by, event.staff.clone())), "经办人不得审批自己录入的事项")?;
            unless(*outcome == Verdict::Approved || !reason.trim().is_empty(), "不予确认须写明理由")
        }
        What::WrittenOff { amount, reason } => {
            unless(*amount > Fen(0) && *amount <= s.owed(), "金额无效")?;
            named(reason, "核销须写明理由")
        }
        What::MaterialsAsked { materials, .. } => unless(!materials.is_empty(), "没有列明所缺材料"),
        What::Accepted { number } => named(number, "没有受理编号"),
        What::NotAccepted { reason } => named(reason, "不予受理须写明理由"),
        What::DoubleFound { other, told } => {
            unless(CaseId::parse(other).is_some(), "没有写明另一事项")?;
            named(told, "没有写明另一事项")
        }
        What::DoubleSettled { other, ruling, reason, .. } => {
            unless(CaseId::parse(other).is_some(), "没有写明另一事项")?;
            named(reason, "重复核定须写明理由")?;
            let granted = s.decided().is_some() || s.transfers.iter().any(|transfer| transfer.result == Some(Answer::Approved));
            unless(*ruling != Ruling::Other || granted, "没有批准过的，无须纠正")?;
            let above = s.decision.as_ref().is_none_or(|decision| tier >= decision.tier);
            unless(*ruling != Ruling::Other || above, "上级批准的，由上级纠正")
        }
        What::Recovered { amount, .. } => unless(*amount > Fen(0) && *amount <= s.owed(), "金额无效"),
        What::Closed { result } => named(result, "办结须写明结果"),
        What::Routed { to, .. } => named(to, "没有写明新事项"),
        What::Returned { transfer, reason } => answers(transfer).and(named(reason, "退回须写明理由")),
        What::SignedFor { transfer } | What::Session { transfer, .. } | What::Outcome { transfer, .. } => answers(transfer),
        What::Feedback { transfer, result, amount, .. } => {
            answers(transfer)?;
            let gives = matches!(result, Answer::Approved | Answer::Served);
            unless(amount.is_none() || gives, "没有给予救助的，不写金额")?;
            unless(amount.is_none_or(|amount| amount > Fen(0)), "金额无效")
        }
        What::Transferred { to, .. } => consent::allows(s, packs, to, day),
        What::NeedsAssessed { .. }
        | What::Booked { .. }
        | What::BookingContested { .. }
        | What::BookingConfirmed { .. }
        | What::BookingDeclined { .. }
        | What::BookingCancelled { .. }
        | What::BookingEnded { .. } => bookings::judge(s, &event.what, may_decide),
        What::Withdrawn { event: named_event, reason } => {
            named(reason, "撤销须写明理由")?;
            may_take_back(s, tier, named_event)
        }
        _ if after::is_about(kind) => after::judge(s, &event.what, day),
        _ if consent::is_about(kind) => consent::judge(s, tier, &event.what, day),
        _ if checks::is_about(kind) => checks::judge(s, event, day),
        _ => Ok(()),
    }
}

/// Whether no decision and no payment rests on events of this kind.
fn stands_alone(kind: EventKind) -> bool {
    use EventKind::*;
    let handed_over = matches!(kind, Transferred | SignedFor | Returned | Session | Outcome | Feedback);
    let beside = matches!(kind, GaveUp | Note | Urged | HandedOver | Satisfaction);
    handed_over || beside || consent::is_about(kind) || bookings::is_about(kind) || after::is_about(kind)
}

/// Whether an office of `tier` may take back the event `id`.
pub(super) fn may_take_back(s: &Standing, tier: Tier, id: &OpId) -> Result<(), Refusal> {
    let Some(at) = s.timeline.iter().position(|item| item.id == *id) else {
        return Err(Refusal("没有要撤销的记录，或尚未到达".to_owned(), true));
    };
    let item = &s.timeline[at];
    match &item.effect {
        Effect::Counts => {}
        Effect::TakenBack(_) => return Err("已经撤销过".into()),
        Effect::Waits(_) | Effect::WithoutEffect(_) => return Err("要撤销的记录本无效力".into()),
    }
    unless(tier >= item.tier, "不能撤销上级的记录")?;
    unless(item.event.what.kind() != Some(EventKind::Withdrawn), "撤销本身不能再撤销")?;
    // The place may be somebody else's by now.
    unless(item.event.what.kind() != Some(EventKind::BookingCancelled), "取消预约不能撤销，请重新预约")?;
    let of_consent = matches!(item.event.what.kind(), Some(EventKind::Consented | EventKind::ConsentWithdrawn));
    unless(!of_consent, "同意和撤回同意的记录不能撤销；有误的，登记“撤回同意”后重新登记")?;
    if !item.event.what.kind().is_some_and(stands_alone) {
        let place = |id: &OpId| s.timeline.iter().position(|item| item.id == *id);
        let paid = s.payment.as_ref().and_then(|payment| place(&payment.id));
        unless(paid.is_none_or(|paid| at > paid), "已经发放，此前的记录不能再撤销")?;
        let decided = s.decision.as_ref().and_then(|decision| place(&decision.id));
        unless(decided.is_none_or(|decided| at >= decided), "已经审批，此前的记录不能撤销；确有错误的，先由审批机构撤销审批")?;
    }
    let first = item.event.what.kind() == Some(EventKind::Opened);
    let followed = s.timeline.iter().filter(|item| item.effect == Effect::Counts).count() > 1;
    unless(!(first && followed), "登记之后已有办理，不能撤销登记")
}
