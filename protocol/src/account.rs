//! What a case comes to in the books: its outcome with the written reason, what was paid, what was done to assess needs.
//!
//! [`Account::of`] is a pure function of a case's standing, so that statistics, annual files and lists count the same
//! things on every device. It owns no record and decides nothing. An application has one of four outcomes, and the
//! four sum to all applications: approved, refused (also not accepted, or nothing granted by the receiver), withdrawn,
//! pending. What is no application is a clue. A case that was routed goes on as another one and is not counted here.

use crate::area::Tier;
use crate::records::OpId;
use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::event::{Answer, Channel, Finding, Verdict, What};
use crate::standing::{Effect, Stage, Standing, TransferState, Who};

/// How an application ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(into = "&'static str")]
pub enum Outcome {
    /// By our decision, or by the department or provider it was handed to.
    Approved,
    /// Refused, not accepted, or closed with nothing granted.
    Refused,
    /// The applicant took it back.
    Withdrawn,
    /// Somebody still has to act.
    Pending,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 4] = [Outcome::Approved, Outcome::Refused, Outcome::Withdrawn, Outcome::Pending];

    /// The word in views and addresses.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Approved => "approved",
            Outcome::Refused => "refused",
            Outcome::Withdrawn => "withdrawn",
            Outcome::Pending => "pending",
        }
    }

    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Approved => "通过",
            Outcome::Refused => "不予通过",
            Outcome::Withdrawn => "撤回",
            Outcome::Pending => "在办",
        }
    }

    /// The inverse of [`Outcome::word`].
    pub fn from_word(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

impl From<Outcome> for &'static str {
    fn from(outcome: Outcome) -> &'static str {
        outcome.word()
    }
}

/// What went out by a case and arrived, or what was recovered of it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Paid {
    /// The day.
    pub day: Option<Day>,
    /// How much.
    pub amount: Fen,
    /// The kind of assistance (code).
    pub kind: String,
    /// Whose decision it carries out: the fund it came from, or the department or provider that gave it.
    pub fund: String,
    /// The month that a monthly benefit's payment is for; empty: paid once, or recovered.
    pub month: String,
}

/// Something that was done to find out what the household needs.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Need {
    /// The event.
    pub event: OpId,
    /// The day.
    pub day: Option<Day>,
    /// What was done: 需求评估、核实、预审、服务记录、服务成效.
    pub what: &'static str,
    /// What was found, in words.
    pub text: String,
}

/// What a case comes to.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Account {
    /// Whether it is an application; otherwise a clue.
    pub application: bool,
    /// Where it came in.
    pub channel: Option<Channel>,
    /// How it ended.
    pub outcome: Outcome,
    /// The day it ended; none while it is pending.
    pub ended_on: Option<Day>,
    /// Why it was not approved, or whom it waits for; of an approval, what was written.
    pub reason: String,
    /// The first day somebody verified it.
    pub verified_on: Option<Day>,
    /// What was found.
    pub finding: Option<Finding>,
    /// Payments that came back.
    pub failed_payments: u32,
    /// Payments that stand, and what departments and providers gave.
    pub payments: Vec<Paid>,
    /// What came back of them because it was paid for nothing (追回): each time, never more than they come to.
    pub recovered: Vec<Paid>,
    /// What was done to assess needs.
    pub needs: Vec<Need>,
}

/// The fund of help that came before the papers.
pub const RESERVE: &str = "急难备用金";

/// The fund a payment comes from: that of the tier that decided.
pub fn fund(tier: Tier) -> &'static str {
    match tier {
        Tier::Village => "村级审批",
        Tier::Township => "镇级审批",
        Tier::City => "市级审批",
    }
}

impl Account {
    /// What the case comes to; none when it is not to be counted: it was routed on, or its first word is not here.
    pub fn of(standing: &Standing) -> Option<Account> {
        if standing.stage == Stage::Unknown || standing.routed_to.is_some() {
            return None;
        }
        let (outcome, ended_on, reason) = outcome(standing);
        let counted = || standing.timeline.iter().filter(|item| item.effect == Effect::Counts);
        let fund = match &standing.emergency {
            Some(_) => RESERVE,
            None => standing.decision.as_ref().map_or("", |decision| fund(decision.tier)),
        };
        let monthly = standing.is_monthly();
        let paid = standing.paid_out().map(|payment| Paid {
            day: payment.day,
            amount: payment.amount,
            kind: standing.assistance.clone(),
            fund: fund.to_owned(),
            month: if monthly { payment.period.clone() } else { String::new() },
        });
        let given = standing.transfers.iter().filter_map(|transfer| {
            let kind = if transfer.assistance.is_empty() { &standing.assistance } else { &transfer.assistance };
            let (kind, fund) = (kind.clone(), transfer.to.name.clone());
            Some(Paid { day: transfer.ended_on, amount: transfer.given?, kind, fund, month: String::new() })
        });
        let payments: Vec<Paid> = paid.chain(given).collect();
        Some(Account {
            application: standing.is_application,
            channel: standing.channel,
            outcome,
            ended_on,
            reason,
            verified_on: counted().find(|item| matches!(item.event.what, What::Verified { .. })).and_then(|item| item.day),
            finding: standing.finding,
            failed_payments: standing.failed_payments,
            recovered: recovered(standing, &payments, fund),
            payments,
            needs: counted().filter_map(|item| need(&item.id, item.day, &item.event.what)).collect(),
        })
    }
}

/// What came back, with its days. What went out without effect ([`Standing::astray`]) is in no sum: it comes back first.
fn recovered(standing: &Standing, payments: &[Paid], fund: &str) -> Vec<Paid> {
    let mut beside = standing.astray.0.saturating_sub(standing.written_off.0).max(0);
    let mut left = payments.iter().fold(0i64, |sum, paid| sum.saturating_add(paid.amount.0));
    let mut out = Vec::new();
    for item in standing.timeline.iter().filter(|item| item.effect == Effect::Counts) {
        let What::Recovered { amount, .. } = &item.event.what else { continue };
        let of_none = amount.0.min(beside);
        let back = amount.0.saturating_sub(of_none).min(left);
        (beside, left) = (beside - of_none, left - back);
        if back > 0 {
            let (kind, fund) = (standing.assistance.clone(), fund.to_owned());
            out.push(Paid { day: item.day, amount: Fen(back), kind, fund, month: String::new() });
        }
    }
    out
}

fn outcome(s: &Standing) -> (Outcome, Option<Day>, String) {
    let last = |stage| if s.stage == stage { s.since } else { None };
    if let Some(why) = &s.given_up {
        return (Outcome::Withdrawn, day_of(s, |what| matches!(what, What::GaveUp { .. })), why.clone());
    }
    if let Some(why) = &s.not_accepted {
        return (Outcome::Refused, day_of(s, |what| matches!(what, What::NotAccepted { .. })), why.clone());
    }
    let said = s.emergency.as_ref().and_then(|emergency| emergency.acknowledged.as_ref());
    if let Some((Verdict::Refused, why, _)) = said {
        return (Outcome::Refused, day_of(s, |what| matches!(what, What::Acknowledged { .. })), why.clone());
    }
    if let Some(decision) = &s.decision {
        let outcome = if decision.outcome == Verdict::Approved { Outcome::Approved } else { Outcome::Refused };
        return (outcome, decision.day, decision.reason.clone());
    }
    let answers = |wanted: &[Answer]| s.transfers.iter().find(|t| t.result.is_some_and(|result| wanted.contains(&result)));
    if let Some(granted) = answers(&[Answer::Approved, Answer::Served]) {
        return (Outcome::Approved, granted.ended_on, granted.text.clone());
    }
    let open = s.open_transfers().next().is_some();
    let refused = answers(&[Answer::Refused, Answer::Impossible]).filter(|_| !open);
    if let Some(refused) = refused {
        return (Outcome::Refused, refused.ended_on, refused.text.clone());
    }
    if let Some(result) = &s.result {
        return (Outcome::Refused, last(Stage::Closed), result.clone());
    }
    (Outcome::Pending, None, waiting_for(s))
}

/// The day of the first such event that counts.
fn day_of(s: &Standing, wanted: impl Fn(&What) -> bool) -> Option<Day> {
    s.timeline.iter().find(|item| item.effect == Effect::Counts && wanted(&item.event.what)).and_then(|item| item.day)
}

/// Where a pending case stands and who must act, in words.
fn waiting_for(s: &Standing) -> String {
    let turns = s.turns.iter().map(|turn| {
        let who = match &turn.who {
            Who::Tier(Tier::Village) => "村(社区)",
            Who::Tier(Tier::Township) => "镇(街道)",
            Who::Tier(Tier::City) => "市级",
            Who::Target(to) => to.name.as_str(),
            Who::Applicant => "申请人",
        };
        format!("{who}{}", turn.what)
    });
    let turns: Vec<String> = turns.collect();
    let label = s.stage.label();
    if turns.is_empty() { label.to_owned() } else { format!("{label}：{}", turns.join("、")) }
}

fn need(event: &OpId, day: Option<Day>, what: &What) -> Option<Need> {
    let (what, text) = match what {
        What::Verified { outcome, note } => ("核实", joined(outcome.label(), note)),
        What::PreExamined { opinion, note } => ("预审", joined(opinion.label(), note)),
        What::NeedsAssessed { names, text, .. } if names.is_empty() => ("需求评估", text.clone()),
        What::NeedsAssessed { names, text, .. } => ("需求评估", joined(&names.join("、"), text)),
        What::Session { text, .. } => ("服务记录", text.clone()),
        What::Outcome { change, text, .. } => ("服务成效", joined(change.label(), text)),
        _ => return None,
    };
    Some(Need { event: event.clone(), day, what, text })
}

fn joined(first: &str, second: &str) -> String {
    if second.is_empty() { first.to_owned() } else { format!("{first}，{second}") }
}

/// A service that a provider, a department or an office gave, within a year.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Service {
    /// Who gave it.
    pub by: String,
    /// The kind it was for.
    pub kind: String,
    /// Visits and sessions of the year.
    pub sessions: u32,
    /// The day of the result or, while it goes on, of the last session.
    pub day: Option<Day>,
    /// The result, in words.
    pub result: String,
}

/// The services of a case that fall into a year: sessions held, or a result given.
pub fn services(standing: &Standing, year: i32) -> Vec<Service> {
    let within = |day: Option<Day>| day.is_some_and(|day| day.ymd().0 == year);
    let service = |transfer: &crate::standing::Transfer| {
        let held = standing.timeline.iter().filter(|item| {
            let of_this = matches!(&item.event.what, What::Session { transfer: of, .. } if *of == transfer.id);
            of_this && item.effect == Effect::Counts && within(item.day)
        });
        let (sessions, last) = held.fold((0, None), |(count, _), item| (count + 1, item.day));
        let ended = transfer.ended_on.filter(|_| transfer.state == TransferState::FedBack && within(transfer.ended_on));
        if sessions == 0 && ended.is_none() {
            return None;
        }
        let result = match (transfer.result, ended) {
            (Some(result), Some(_)) => joined(result.label(), &transfer.text),
            _ => transfer.change.map_or_else(String::new, |change| change.label().to_owned()),
        };
        let (by, kind) = (transfer.to.name.clone(), transfer.assistance.clone());
        Some(Service { by, kind, sessions, day: ended.or(last), result })
    };
    let attended = |booking: &crate::standing::Booking| {
        let day = booking.ended_on.filter(|_| within(booking.ended_on))?;
        let (attendance, text) = booking.outcome.as_ref()?;
        let result = joined(attendance.label(), text);
        Some(Service { by: booking.provider.clone(), kind: booking.title.clone(), sessions: 0, day: Some(day), result })
    };
    standing.transfers.iter().filter_map(service).chain(standing.bookings.iter().filter_map(attended)).collect()
}
