//! The fold: one event after the other, in the common order, each changing what stands.
//!
//! A withdrawal takes its event out of the past, so after one that counts the fold begins anew without that event;
//! each round takes out one more, and there is a limit, so the fold always ends.
//!
//! The common order says nothing of two offices that wrote without seeing each other. A decision names what it saw;
//! what else was written meanwhile comes after it ([`after_what_it_saw`]), so that money which was decided and paid in
//! good order does not vanish because of an entry that nobody there could know.

use super::rules::{Refusal, judge, kind_of, notice_due};
use super::{
    Appraisal, Decision, Doubled, Effect, Emergency, Handler, Notice, Payment, Payout, PayoutState, Stage, Standing, Term,
    TimelineItem, Transfer, TransferState, Turn, Visit, Who, WrittenNotice, after, bookings, checks, consent, payout, rules,
};
use crate::area::Tier;
use crate::record::CaseId;
use crate::records::amount::Fen;
use crate::records::case::StampedEvent;
use crate::records::day::Day;
use crate::records::event::{Event, Finding, Origin, Target, TargetKind, Verdict, What};
use crate::records::policy::{Assistance, Calendar, Decides, Packs, Step};
use crate::records::{OpId, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Withdrawals that can have effect in one case.
pub const WITHDRAWALS_MAX: usize = 256;

/// Folds events that are already in their common order.
pub(super) fn fold(events: &[(Tier, &StampedEvent)], packs: &Packs, problems: Vec<Problem>) -> Standing {
    let events = after_what_it_saw(events);
    let mut taken_back: BTreeMap<OpId, OpId> = BTreeMap::new();
    loop {
        match round(&events, packs, &taken_back) {
            Ok(mut standing) => {
                standing.problems.extend(problems);
                finish(&mut standing, packs);
                return standing;
            }
            Err((event, withdrawal)) => {
                taken_back.insert(event, withdrawal);
            }
        }
    }
}

/// The events, each decision before what it did not see. Where money moved unseen the common order stays: that is a
/// double, and is settled as one.
fn after_what_it_saw<'a>(events: &[(Tier, &'a StampedEvent)]) -> Vec<(Tier, &'a StampedEvent)> {
    let mut order: Vec<(Tier, &StampedEvent)> = Vec::with_capacity(events.len());
    for (tier, decision) in events {
        if let What::Decided { saw, .. } = &decision.event.what {
            let saw: BTreeSet<&str> = saw.iter().map(String::as_str).collect();
            let names = |other: &StampedEvent| saw.contains(other.id.to_string().as_str());
            let device = |event: &StampedEvent| event.stamp.map(|stamp| stamp.device);
            let known = |other: &StampedEvent| names(other) || device(other) == device(decision);
            // It names the latest only: what is older than all of those is known to it too.
            let first = order.iter().position(|(_, other)| names(other)).unwrap_or(order.len());
            let latest = order.split_off(first);
            let double = latest.iter().any(|(_, other)| !known(other) && moves_money(&other.event.what));
            let (before, after): (Vec<_>, Vec<_>) = latest.into_iter().partition(|(_, other)| double || known(other));
            order.extend(before);
            order.push((*tier, decision));
            order.extend(after);
        } else {
            order.push((*tier, decision));
        }
    }
    order
}

fn moves_money(what: &What) -> bool {
    matches!(what, What::Decided { .. } | What::Emergency { .. } | What::PayListed { .. } | What::Paid { .. })
}

/// One pass; the error is a withdrawal that counts and what it takes back.
fn round(events: &[(Tier, &StampedEvent)], packs: &Packs, taken_back: &BTreeMap<OpId, OpId>) -> Result<Standing, (OpId, OpId)> {
    let mut standing = Standing::default();
    let mut day: Option<Day> = None;
    for (tier, stamped) in events {
        let event = &stamped.event;
        let claimed = day.max(event.day);
        let verdict = match (&event.what, taken_back.get(&stamped.id)) {
            (_, Some(withdrawal)) => Effect::TakenBack(withdrawal.clone()),
            (What::Withdrawn { event: named, .. }, None) if taken_back.get(named) == Some(&stamped.id) => Effect::Counts,
            (_, None) if stamped.office.is_some_and(|office| office != event.by) => {
                Effect::WithoutEffect("所写机构与写入设备不符".to_owned())
            }
            (what, None) => match judge(&standing, packs, *tier, event, claimed, stamped.may_decide) {
                Err(refusal) => refusal.into(),
                Ok(()) => match what {
                    What::Withdrawn { .. } if taken_back.len() >= WITHDRAWALS_MAX => Refusal::from("撤销次数过多").into(),
                    What::Withdrawn { event: named, .. } => return Err((named.clone(), stamped.id.clone())),
                    _ => Effect::Counts,
                },
            },
        };
        if verdict == Effect::Counts {
            day = claimed;
            apply(&mut standing, packs, *tier, &stamped.id, event, day);
            bookings::apply(&mut standing, *tier, stamped, day);
            let stage = stage_of(&standing, packs);
            if stage != standing.stage || standing.since.is_none() {
                (standing.stage, standing.since) = (stage, day);
            }
        }
        if matches!(verdict, Effect::WithoutEffect(_)) && rules::went_out(&standing, packs, *tier, stamped, claimed) {
            match &event.what {
                What::Emergency { amount, .. } => standing.astray = Fen(standing.astray.0.saturating_add(amount.0)),
                What::Paid { .. } if standing.payment.is_none() => {
                    apply(&mut standing, packs, *tier, &stamped.id, event, claimed);
                }
                what => on_its_way(&mut standing, *tier, &stamped.id, what, claimed),
            }
            let stage = stage_of(&standing, packs);
            if stage != standing.stage {
                (standing.stage, standing.since) = (stage, claimed);
            }
        }
        standing.timeline.push(TimelineItem {
            id: stamped.id.clone(),
            stamp: stamped.stamp,
            tier: *tier,
            event: event.clone(),
            day: claimed,
            effect: verdict,
        });
    }
    Ok(standing)
}

/// What an event that counts changes.
pub(super) fn apply(s: &mut Standing, packs: &Packs, tier: Tier, id: &OpId, event: &Event, day: Option<Day>) {
    let who = (event.by, event.staff.clone());
    if !matches!(event.what, What::Note { .. } | What::Urged { .. } | What::Satisfaction { .. } | What::HandedOver { .. }) {
        let first = || Handler { staff: event.staff.clone(), name: event.name.clone() };
        s.handlers.entry(event.by).or_insert_with(first);
    }
    match event.what.clone() {
        What::Opened { origin, channel, assistance, household, applicant, summary, urgency, rule, cause, pack } => {
            (s.origin, s.channel, s.urgency, s.household) = (Some(origin), Some(channel), Some(urgency), household);
            (s.assistance, s.applicant, s.summary, s.rule, s.pack) = (assistance, applicant, summary, rule, pack);
            s.cause = cause;
            s.is_application = origin == Origin::Application;
            s.opened_on = day;
            s.entered_by.insert(who);
        }
        What::VerifyAsked { to, .. } => (s.verifier, s.finding) = (Some(to), None),
        What::Verified { outcome, .. } => s.finding = Some(outcome),
        What::Applied { assistance, .. } => {
            s.is_application = true;
            apply_for(s, assistance);
            s.entered_by.insert(who);
        }
        What::AppliedOnBehalf { assistance, reason } => {
            (s.is_application, s.on_behalf) = (true, Some(reason));
            apply_for(s, assistance);
            s.entered_by.insert(who);
        }
        What::MaterialsAsked { materials, .. } => (s.materials, s.told_once) = (materials, true),
        What::FormFilled { answers } => {
            s.answers.retain(|old| answers.iter().all(|new| new.code != old.code));
            s.answers.extend(answers.into_iter().filter(|answer| !answer.text.is_empty()));
        }
        What::MaterialsGiven { .. } => {
            s.materials.clear();
            if let Some(emergency) = &mut s.emergency {
                emergency.papers_on = day;
            }
        }
        What::Accepted { number } => {
            (s.number, s.accepted_on) = (Some(number), day);
            s.entered_by.insert(who);
        }
        What::NotAccepted { reason } => s.not_accepted = Some(reason),
        What::Declared { of, relation } => s.relative = Some((of, relation)),
        What::Visited { investigators, present, .. } => {
            s.visits.push(Visit { tier, investigators, present, day });
            s.entered_by.insert(who);
        }
        What::Appraised { attended, in_favour, .. } => {
            s.appraisal = Some(Appraisal { attended, in_favour, day });
            s.entered_by.insert(who);
        }
        What::NoticePosted { place, from, until, .. } => {
            let notice = Some(Notice { place, from, until, objections: 0, open: 0, ended: false });
            if s.is_running() {
                s.stop_notice = notice;
            } else {
                s.notice = notice;
            }
        }
        What::Objected { .. } => notice(s, |notice| (notice.objections, notice.open) = (notice.objections + 1, notice.open + 1)),
        What::ObjectionSettled { outcome: Finding::True, .. } if s.is_stopping() => s.stop_notice = None,
        What::ObjectionSettled { outcome, .. } if s.decision.is_some() && !s.is_stopping() => {
            s.upheld |= outcome == Finding::True;
            notice(s, |notice| notice.open = notice.open.saturating_sub(1));
        }
        What::ObjectionSettled { outcome: Finding::True, .. } => (s.notice, s.opinion) = (None, None),
        What::ObjectionSettled { .. } => notice(s, |notice| notice.open = notice.open.saturating_sub(1)),
        What::NoticeEnded { .. } => notice(s, |notice| notice.ended = true),
        What::Suspended { .. } => s.clock.pauses.extend(day.map(|day| (day, None))),
        What::Resumed { .. } => {
            if let Some((_, end)) = s.clock.pauses.last_mut() {
                *end = day;
            }
        }
        What::Extended { days, .. } => s.clock.extensions.extend(day.map(|day| (day, days))),
        What::HandedOver { to, to_name, .. } => {
            s.handlers.insert(event.by, Handler { staff: to, name: to_name });
        }
        What::Urged { .. } => s.urged = Some((s.urged.map_or(1, |(times, _)| times + 1), day)),
        What::PreExamined { opinion, .. } => {
            s.opinion = Some(opinion);
            s.entered_by.insert(who);
        }
        What::Proposed { amount, .. } => {
            s.proposed = Some(amount);
            s.entered_by.insert(who);
        }
        What::Decided { outcome, amount, reason, formula, pack, .. } => {
            let staff = event.staff.clone();
            if outcome == Verdict::Approved && amount > Fen(0) && kind_of(s, packs, &pack).is_some_and(|kind| kind.monthly) {
                // 民发〔2021〕57号 第21条: from the month after the decision.
                let from = day.map(|day| payout::month(day.months_later(1))).unwrap_or_default();
                s.terms = vec![Term { id: id.clone(), from, amount, reason: reason.clone(), day, notice: None }];
            }
            let in_writing = outcome == Verdict::Refused && kind_of(s, packs, "").is_some_and(|kind| kind.has(Step::Tell));
            let (id, notice) = (id.clone(), None);
            s.decision = Some(Decision { id, outcome, amount, reason, formula, tier, staff, day, in_writing, notice });
        }
        What::Heard { who, .. } => s.heard = Some((who, day)),
        What::Adjusted { amount, from, reason, .. } => {
            s.terms.push(Term { id: id.clone(), from, amount, reason, day, notice: None });
            (s.heard, s.stop_notice, s.upheld) = (None, None, false);
        }
        What::NoticeWritten { adjustment, text } => {
            let by = event.name.clone();
            notice_of(s, &adjustment, |notice| *notice = Some(WrittenNotice { text, by, day, served: None }));
        }
        What::NoticeServed { adjustment, to, how, on, .. } => {
            notice_of(s, &adjustment, |notice| {
                if let Some(notice) = notice {
                    notice.served = Some((to, how, on));
                }
            });
        }
        What::PayListed { .. } => on_its_way(s, tier, id, &event.what, day),
        What::Paid { amount, method, account_last4, batch, .. } => {
            on_its_way(s, tier, id, &event.what, day);
            s.payment = Some(Payment { id: id.clone(), amount, method, account_last4, batch, day });
            s.follow_up = sooner(s.follow_up, after::first_look(s, packs, day));
        }
        What::Emergency { amount, assistance, reason, given, what, receiver, use_id, number } => {
            s.is_application = true;
            apply_for(s, assistance);
            s.number.get_or_insert(number);
            s.entered_by.insert(who);
            let staff = event.staff.clone();
            let (outcome, formula) = (Verdict::Approved, "急难备用金先行救助".to_owned());
            let (own, reasons, in_writing, notice) = (id.clone(), reason.clone(), false, None);
            s.decision =
                Some(Decision { id: own, outcome, amount, reason: reasons, formula, tier, staff, day, in_writing, notice });
            on_its_way(s, tier, id, &event.what, day);
            let (method, account_last4, batch) = (given.label().to_owned(), String::new(), String::new());
            s.payment = Some(Payment { id: id.clone(), amount, method, account_last4, batch, day });
            let (papers_on, acknowledged) = (None, None);
            s.follow_up = sooner(s.follow_up, after::first_look(s, packs, day));
            let id = id.clone();
            s.emergency = Some(Emergency { id, amount, reason, given, what, receiver, use_id, day, papers_on, acknowledged });
        }
        What::Acknowledged { outcome, reason } => {
            if let Some(emergency) = &mut s.emergency {
                emergency.acknowledged = Some((outcome, reason, tier));
            }
        }
        What::WrittenOff { amount, .. } => s.written_off = Fen(s.written_off.0.saturating_add(amount.0)),
        What::PaymentFailed { reason, batch } => {
            s.failed_payments += 1;
            let monthly = s.is_monthly();
            payout::fail(&mut s.payouts, &batch, day, &reason, monthly);
            // Another payment may stand in the place of the one that came back.
            let stands = s.payouts.iter().rfind(|payout| payout.state == PayoutState::Paid);
            s.payment = stands.map(|stands| Payment {
                id: stands.id.clone(),
                amount: stands.amount,
                method: s.payment.as_ref().map(|before| before.method.clone()).unwrap_or_default(),
                account_last4: stands.account_last4.clone(),
                batch: stands.batch.clone(),
                day: stands.day,
            });
        }
        What::Transferred { to, n, assistance, note, consent: named } => s.transfers.push(Transfer {
            by_consent: consent::rests_on_it(s, packs, &to, named.as_ref()),
            id: id.clone(),
            n,
            to,
            assistance: if assistance.is_empty() { s.assistance.clone() } else { assistance },
            note,
            from: tier,
            state: TransferState::ToSign,
            sent_on: day,
            signed_on: None,
            ended_on: None,
            sessions: 0,
            change: None,
            follow_up: None,
            result: None,
            given: None,
            text: String::new(),
            due: None,
        }),
        What::SignedFor { transfer } => of(s, &transfer, |t| (t.state, t.signed_on) = (TransferState::Signed, day)),
        What::Returned { transfer, reason } => {
            of(s, &transfer, |t| (t.state, t.ended_on, t.text) = (TransferState::Returned, day, reason));
        }
        What::Session { transfer, .. } => of(s, &transfer, |t| t.sessions += 1),
        What::Outcome { transfer, change, follow_up, .. } => {
            of(s, &transfer, |t| (t.change, t.follow_up) = (Some(change), follow_up));
            // Whoever looks again at the earlier day says when the next one is.
            s.follow_up = sooner(follow_up, s.follow_up);
        }
        What::Feedback { transfer, result, text, amount } => of(s, &transfer, |t| {
            (t.state, t.ended_on, t.result, t.text) = (TransferState::FedBack, day, Some(result), text);
            t.given = amount;
        }),
        What::GaveUp { reason } => s.given_up = Some(reason),
        What::Closed { result } => {
            s.result = Some(result);
            s.disputes.iter_mut().for_each(|dispute| dispute.dealt_with |= dispute.outcome.is_some());
        }
        What::Routed { to, area } => {
            (s.result, s.routed_to) = (Some(format!("已分派{area}，由新事项继续办理")), CaseId::parse(&to));
        }
        What::DoubleFound { other, told } => doubled(s, &other, |known| {
            known.get_or_insert(Doubled { other: NOBODY, told, ruling: None, reason: String::new(), tier, day });
        }),
        What::DoubleSettled { other, ruling, told, reason } => doubled(s, &other, |known| {
            *known = Some(Doubled { other: NOBODY, told, ruling: Some(ruling), reason, tier, day });
        }),
        What::Recovered { amount, .. } => s.recovered = Fen(s.recovered.0.saturating_add(amount.0)),
        What::Consented { .. } | What::ConsentWithdrawn { .. } | What::Recalled { .. } => consent::apply(s, id, &event.what, day),
        What::CheckAuthorised { .. }
        | What::CheckUnauthorised { .. }
        | What::CheckAsked { .. }
        | What::CheckStarted { .. }
        | What::CheckAnswered { .. }
        | What::CheckImpossible { .. }
        | What::CheckObjected { .. }
        | What::CheckObjectionSettled { .. } => checks::apply(s, tier, id, event, day),
        What::Published { .. }
        | What::FollowedUp { .. }
        | What::Disputed { .. }
        | What::DisputeEnded { .. }
        | What::Archived { .. } => after::apply(s, id, event, day),
        What::Satisfaction { score, .. } => s.satisfaction = Some(score),
        What::Withdrawn { .. } | What::Note { .. } | What::Unknown { .. } => {}
        // See `bookings`.
        What::NeedsAssessed { .. } | What::Booked { .. } | What::BookingContested { .. } | What::BookingConfirmed { .. } => {}
        What::BookingDeclined { .. } | What::BookingCancelled { .. } | What::BookingEnded { .. } => {}
    }
}

const NOBODY: CaseId = CaseId([0; 16]);

/// What is known of the double `other`; what comes last counts.
fn doubled(s: &mut Standing, other: &str, change: impl FnOnce(&mut Option<Doubled>)) {
    let Some(other) = CaseId::parse(other) else { return };
    let at = s.doubled.iter().position(|known| known.other == other);
    let mut known = at.map(|at| s.doubled.remove(at));
    change(&mut known);
    s.doubled.extend(known.map(|known| Doubled { other, ..known }));
    s.doubled.sort_by_key(|known| known.other);
}

/// A listing or a payment, also one that has no effect because another office was first.
fn on_its_way(s: &mut Standing, tier: Tier, id: &OpId, what: &What, day: Option<Day>) {
    let new = |batch: &str, period: &str, amount: Fen, account_last4: &str| Payout {
        id: id.clone(),
        tier,
        batch: batch.to_owned(),
        period: if period.is_empty() { day.map(payout::month).unwrap_or_default() } else { period.to_owned() },
        amount,
        account_last4: account_last4.to_owned(),
        state: PayoutState::Listed,
        day,
        reason: String::new(),
    };
    let monthly = s.is_monthly();
    match what {
        What::PayListed { batch, period, amount, account_last4 } => {
            payout::list(&mut s.payouts, new(batch, period, *amount, account_last4), monthly);
        }
        What::Paid { batch, period, amount, account_last4, .. } => {
            let period = paid_for(s, batch, period, day);
            payout::pay(&mut s.payouts, new(batch, &period, *amount, account_last4), monthly);
        }
        What::Emergency { amount, .. } if s.decision.as_ref().is_some_and(|decision| decision.id == *id) => {
            payout::pay(&mut s.payouts, new("", "", *amount, ""), monthly);
        }
        _ => {}
    }
}

/// The month a payment is for: that of the list it is on, the one it names, else that of its day.
pub(super) fn paid_for(s: &Standing, batch: &str, period: &str, day: Option<Day>) -> String {
    match s.on_list(batch) {
        Some(listed) => listed.period.clone(),
        None if period.is_empty() => day.map(payout::month).unwrap_or_default(),
        None => period.to_owned(),
    }
}

fn notice(s: &mut Standing, change: impl FnOnce(&mut Notice)) {
    let open = if s.is_stopping() { &mut s.stop_notice } else { &mut s.notice };
    if let Some(notice) = open {
        change(notice);
    }
}

/// The written notice of a decision or an adjustment.
fn notice_of(s: &mut Standing, id: &OpId, change: impl FnOnce(&mut Option<WrittenNotice>)) {
    if let Some(term) = s.terms.iter_mut().find(|term| term.id == *id) {
        change(&mut term.notice);
    } else if let Some(decision) = s.decision.as_mut().filter(|decision| decision.id == *id) {
        change(&mut decision.notice);
    }
}

fn apply_for(s: &mut Standing, assistance: String) {
    if !assistance.is_empty() {
        s.assistance = assistance;
    }
}

fn of(s: &mut Standing, id: &OpId, change: impl FnOnce(&mut Transfer)) {
    if let Some(transfer) = s.transfers.iter_mut().find(|transfer| transfer.id == *id) {
        change(transfer);
    }
}

/// The stage that follows from what counts so far.
fn stage_of(s: &Standing, packs: &Packs) -> Stage {
    if s.origin.is_none() {
        return Stage::Unknown;
    }
    if s.owed() > Fen(0) {
        return Stage::ToRecover;
    }
    if s.result.is_some() {
        return if s.archived.is_some() { Stage::Archived } else { Stage::Closed };
    }
    if s.without_papers().is_some() {
        return Stage::ToPaper;
    }
    if s.given_up.is_some() {
        return Stage::GivenUp;
    }
    if s.not_accepted.is_some() {
        return Stage::NotAccepted;
    }
    let serving = |t: &Transfer| t.to.kind == TargetKind::Provider && t.state == TransferState::Signed;
    let handed_over = if s.transfers.iter().any(serving) {
        Some(Stage::InService)
    } else if s.open_transfers().next().is_some() {
        Some(Stage::InTransfer)
    } else {
        s.transfers.iter().any(|t| t.state == TransferState::FedBack).then_some(Stage::FedBack)
    };
    if !s.is_application {
        return handed_over.unwrap_or(match (s.origin, s.finding) {
            (_, Some(Finding::False)) => Stage::FoundFalse,
            (_, Some(Finding::True)) | (Some(Origin::Consultation), _) => Stage::ToFollowUp,
            _ => Stage::ToVerify,
        });
    }
    if s.number.is_none() {
        return if s.materials.is_empty() { Stage::ToAccept } else { Stage::ToComplete };
    }
    let kind = kind_of(s, packs, "");
    let open = handed_over.filter(|stage| *stage != Stage::FedBack);
    match (&s.decision, kind) {
        (Some(decision), _) if decision.outcome == Verdict::Refused => open.unwrap_or(Stage::Refused),
        (Some(_), _) if s.is_unconfirmed() => open.unwrap_or(Stage::Unconfirmed),
        (Some(_), _) if s.is_void() => open.unwrap_or(Stage::Voided),
        (Some(_), _) if s.stopped_from().is_some() && s.unpaid_month().is_none() => open.unwrap_or(Stage::Stopped),
        (Some(_), _) if s.is_monthly() && s.has_failed_month() => Stage::PaymentFailed,
        (Some(_), _) if s.is_running() && s.payment.is_some() => Stage::Running,
        (Some(_), _) if s.is_phasing_out() => Stage::PhasingOut,
        (Some(_), _) if s.is_monthly() => Stage::ToPay,
        (Some(decision), _) if decision.amount > Fen(0) && s.payment.is_none() => {
            if s.failed_payments > 0 {
                Stage::PaymentFailed
            } else {
                Stage::ToPay
            }
        }
        (Some(_), _) => open.unwrap_or(Stage::Granted),
        (None, Some(kind @ Assistance { decides: Decides::Tiers(_), .. })) => match &s.notice {
            _ if kind.has(Step::Visit) && s.visits.is_empty() => Stage::ToVisit,
            _ if checks::is_due(s, kind) => Stage::ToCheck,
            _ if kind.has(Step::Appraise) && s.appraisal.is_none() => Stage::ToAppraise,
            _ if kind.has(Step::PreExamine) && s.opinion.is_none() => Stage::ToPreExamine,
            _ if !notice_due(s, kind) => Stage::ToDecide,
            Some(notice) if notice.open > 0 => Stage::Objected,
            Some(_) => Stage::OnNotice,
            None => Stage::ToPost,
        },
        (None, _) => handed_over.unwrap_or(Stage::Accepted),
    }
}

/// Deadlines, turns and what to warn about, once all events are in.
fn finish(s: &mut Standing, packs: &Packs) {
    let pack = packs.get(&s.pack);
    if s.origin.is_some() && pack.is_none() {
        s.problems.push(Problem::new("pack", format!("政策包“{}”尚未到达", s.pack)));
    } else if s.is_application && kind_of(s, packs, "").is_none() {
        s.problems.push(Problem::new("assistance", "政策包中没有这一救助种类"));
    }
    for transfer in &mut s.transfers {
        let (step, start) = match transfer.state {
            TransferState::ToSign => (Step::SignFor, transfer.sent_on),
            TransferState::Signed => (Step::Feedback, transfer.signed_on),
            TransferState::Returned | TransferState::FedBack | TransferState::Recalled => continue,
        };
        let days = pack.and_then(|pack| pack.kind(&transfer.assistance)).and_then(|kind| kind.days.get(&step));
        let due = start.zip(days).zip(pack).map(|((start, days), pack)| pack.calendar.deadline(start, *days));
        let told_until = s.consents.iter().rfind(|consent| transfer.by_consent && consent.is_for(&transfer.to));
        transfer.due = sooner(due, told_until.and_then(|consent| consent.until));
    }
    let clocks = s.checks.iter().map(|check| {
        let (step, since) = check.clock()?;
        let days = kind_of(s, packs, "")?.days.get(&step)?;
        pack.and_then(|pack| term(s, &pack.calendar, since, *days))
    });
    let clocks: Vec<Option<Day>> = clocks.collect();
    s.checks.iter_mut().zip(clocks).for_each(|(check, due)| check.due = due);
    let days = kind_of(s, packs, "").zip(s.stage.step()).and_then(|(kind, step)| kind.days.get(&step));
    let papers = kind_of(s, packs, "").and_then(|kind| kind.emergency.as_ref()).and_then(|rule| rule.papers_days);
    let due = match (&s.notice, s.stage) {
        (_, Stage::ToPaper) => {
            let given = s.emergency.as_ref().and_then(|emergency| emergency.day);
            given.zip(papers).zip(pack).map(|((given, days), pack)| pack.calendar.deadline(given, days))
        }
        (_, Stage::ToPay | Stage::PaymentFailed | Stage::Running | Stage::PhasingOut) if s.is_monthly() => {
            let by = kind_of(s, packs, "").and_then(|kind| kind.pay_by.as_ref()).map(|by| by.day.min(31));
            by.and_then(|by| {
                s.unpaid_month().and_then(|month| (1..=by).rev().find_map(|day| Day::parse(&format!("{month}-{day:02}"))))
            })
        }
        (Some(notice), Stage::OnNotice) => Some(notice.until.plus(1)),
        _ => s.since.zip(days).zip(pack).and_then(|((since, days), pack)| term(s, &pack.calendar, since, *days)),
    };
    s.whole_due = whole_due(s, packs);
    let due = if s.stage.is_before_decision() { sooner(due, s.whole_due) } else { due };
    s.turns = turns(s, packs, due);
    s.problems.sort();
}

/// The last day for the decision by the term of the whole way (民发〔2021〕57号 第22条); none once it is decided.
fn whole_due(s: &Standing, packs: &Packs) -> Option<Day> {
    let over = s.decision.is_some() || s.given_up.is_some() || s.not_accepted.is_some() || s.result.is_some();
    let days = kind_of(s, packs, "").filter(|_| !over)?.days.get(&Step::Whole)?;
    term(s, &packs.get(&s.pack)?.calendar, s.accepted_on?, *days)
}

fn sooner(one: Option<Day>, other: Option<Day>) -> Option<Day> {
    one.into_iter().chain(other).min()
}

/// The last day of a term that began on `since`, with what was done about the clock since; none while it stands still.
fn term(s: &Standing, calendar: &Calendar, since: Day, days: u32) -> Option<Day> {
    let mut all = days;
    for (start, end) in &s.clock.pauses {
        let end = (*end)?;
        all = all.saturating_add(calendar.between((*start).max(since), end));
    }
    let extensions = s.clock.extensions.iter().filter(|(day, _)| *day >= since);
    all = extensions.fold(all, |sum, (_, days)| sum.saturating_add(*days));
    Some(calendar.deadline(since, all))
}

/// Who must do what about a stop that is put up.
fn stopping(s: &Standing, decider: Tier) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut turn = |tier: Tier, what: &'static str, due: Option<Day>| turns.push(Turn { who: Who::Tier(tier), what, due });
    match s.stop_notice.as_ref().filter(|_| s.is_running()) {
        Some(notice) if notice.open > 0 => turn(Tier::Township, "核查对停发的异议", None),
        Some(notice) if !notice.ended => turn(Tier::Township, "停发公示期满后登记结果", Some(notice.until.plus(1))),
        Some(_) => turn(decider, "停发公示期满，决定是否停发", None),
        None => {}
    }
    turns
}

/// Who must do what about objections to what was decided.
fn objections(s: &Standing, decider: Tier) -> Option<Turn> {
    let turn = |tier: Tier, what: &'static str| Some(Turn { who: Who::Tier(tier), what, due: None });
    match s.objected() {
        true => turn(Tier::Township, "核查对审批的异议"),
        false if s.upheld && s.is_running() => turn(decider, "异议属实，调整或停发"),
        false if s.upheld && s.payment.is_none() => turn(decider, "异议属实，撤销审批"),
        false => None,
    }
}

/// Who must do what now.
fn turns(s: &Standing, packs: &Packs, due: Option<Day>) -> Vec<Turn> {
    let kind = kind_of(s, packs, "");
    let tier = |tier: Tier, what: &'static str| Some((Who::Tier(tier), what));
    let closing = s.transfers.iter().map(|transfer| transfer.from).max().unwrap_or(Tier::Township);
    let payer = s.decision.as_ref().map_or(Tier::City, |decision| decision.tier);
    let turn = match s.stage {
        Stage::Unknown | Stage::InTransfer | Stage::InService | Stage::Closed | Stage::Archived | Stage::ToCheck => None,
        Stage::ToVerify => {
            let verifier: Option<Target> = s.verifier.clone();
            Some((verifier.map_or(Who::Tier(Tier::Township), Who::Target), "核实"))
        }
        Stage::FoundFalse => tier(Tier::Township, "办结"),
        Stage::ToFollowUp => tier(Tier::Township, "代为申请、转办或办结"),
        Stage::ToAccept => tier(kind.and_then(|kind| kind.accepts).unwrap_or(Tier::Township), "受理"),
        Stage::ToComplete => Some((Who::Applicant, "补正材料")),
        Stage::Accepted => tier(Tier::Township, "转办"),
        Stage::ToVisit => tier(Tier::Township, "入户调查"),
        Stage::ToAppraise => tier(Tier::Township, "民主评议"),
        Stage::ToPreExamine => tier(Tier::Township, "预审"),
        Stage::ToPost => tier(Tier::Township, "公示"),
        Stage::OnNotice => tier(Tier::Township, "公示期满后登记结果"),
        Stage::Objected => tier(Tier::Township, "核查异议"),
        Stage::ToDecide => {
            let highest = kind.and_then(|kind| kind.deciders().into_iter().max());
            let decider = kind.zip(s.proposed).and_then(|(kind, amount)| kind.decider(amount)).or(highest);
            tier(decider.unwrap_or(Tier::City), "审批")
        }
        Stage::ToPaper => {
            let given = s.without_papers();
            let confirms = given.zip(kind).and_then(|(given, kind)| kind.confirms(given.amount)).unwrap_or(Tier::City);
            match given {
                _ if s.visits.is_empty() => tier(Tier::Township, "补办手续：入户调查"),
                Some(given) if given.papers_on.is_none() => tier(Tier::Township, "补办手续：补齐材料"),
                _ => tier(confirms, "确认先行救助"),
            }
        }
        Stage::ToPay | Stage::PaymentFailed | Stage::Running | Stage::PhasingOut | Stage::Stopped | Stage::GivenUp
            if s.listed().is_some() =>
        {
            tier(payer, "登记发放结果")
        }
        Stage::ToPay | Stage::PaymentFailed if s.held().is_some() => None,
        Stage::ToPay => tier(payer, "发放"),
        Stage::Running | Stage::PhasingOut => tier(payer, "按月发放"),
        Stage::PaymentFailed => tier(payer, "重新发放"),
        // First it is told, and what is disputed comes to its end.
        Stage::Refused if s.untold().is_some() || s.open_dispute().is_some() || s.set_aside().is_some() => None,
        Stage::Granted | Stage::Stopped | Stage::Refused | Stage::Voided | Stage::Unconfirmed => tier(payer, "办结"),
        Stage::ToRecover => tier(payer, "追缴"),
        Stage::FedBack if s.returned_transfers().next().is_some() => None,
        Stage::FedBack | Stage::NotAccepted | Stage::GivenUp => tier(closing, "办结"),
    };
    let mut turns: Vec<Turn> = turn.map(|(who, what)| Turn { who, what, due }).into_iter().collect();
    let whole = s.whole_due.filter(|_| s.stage == Stage::ToCheck);
    turns.extend(checks::turns(s, packs).map(|turn| Turn { due: sooner(turn.due, whole), ..turn }));
    turns.extend(stopping(s, payer));
    turns.extend(after::turns(s, packs, payer));
    turns.extend(objections(s, payer));
    if let Some(doubled) = s.doubled.iter().find(|doubled| doubled.ruling.is_none()) {
        turns.push(Turn { who: Who::Tier(doubled.tier), what: "核定是否重复", due: None });
    }
    if s.paid_again().next().is_some() {
        turns.push(Turn { who: Who::Tier(payer), what: "追回重复发放", due: None });
    }
    turns.extend(bookings::turns(s));
    if matches!(s.stage, Stage::InTransfer | Stage::InService | Stage::FedBack) {
        let again = |transfer: &Transfer| Turn { who: Who::Tier(transfer.from), what: "改派被退回的转办", due: None };
        turns.extend(s.returned_transfers().next().map(again));
    }
    for transfer in s.open_transfers() {
        if s.is_barred(transfer, None) {
            turns.push(Turn { who: Who::Tier(transfer.from), what: "收回转办", due: None });
            continue;
        }
        let what = if transfer.state == TransferState::ToSign { "签收" } else { "办理并反馈" };
        turns.push(Turn { who: Who::Target(transfer.to.clone()), what, due: transfer.due });
    }
    turns
}
