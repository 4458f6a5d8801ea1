//! What a case (事项) means now: its stage, who must act, by when, what was decided and paid.
//!
//! [`standing`] is one pure function of the case's three volumes and the policy packs: the same answer on every
//! device, in any order of arrival. It takes the events in their common order ([`crate::record::Stamp`]), asks
//! `rules` whether each may have effect in what stands so far, and lets `fold` draw the consequence. An event
//! that may not is kept and shown with the reason; nothing is ever an error. It reads no clock: deadlines are days,
//! and the caller knows today. What conflicts in the household record block is the Desk's matter, not ours: a
//! conflict that arrives later must not undo a decision that was right.

mod after;
pub mod bookings;
mod checks;
mod consent;
mod fold;
pub mod payout;
mod rules;

pub use after::{Archived, Disputed, FollowUp, Publication, TO_PUBLISH, Untold};
pub use bookings::{Booking, BookingState};
pub use checks::{Authorisation, Check, CheckObjection, is_about as is_about_check};
pub use consent::{Consent, Withdrawal, is_needed as needs_consent, may_recall, needs_guardian, unagreed};
pub use payout::{Payout, PayoutState};
pub use rules::role_allows;

use crate::area::Tier;
use crate::device::OfficeId;
use crate::record::{CaseId, RecordId, Stamp};
use crate::records::amount::Fen;
use crate::records::case::{StampedEvent, Volume};
use crate::records::day::Day;
use crate::records::event::{
    Answer, Answered, Change, Channel, Delivery, Event, EventKind, Finding, Given, Opinion, Origin, Ruling, Target, Urgency,
    Verdict,
};
use crate::records::policy::{Assistance, Packs, Step};
use crate::records::staff::{Role, Staff};
use crate::records::{OpId, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Months of a benefit that are looked through: a hundred years.
const MONTHS_MAX: u32 = 1_200;
/// Events that a decision names as seen.
const SAW_MAX: usize = 64;

/// The volumes of one case that a replica holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CaseRecords {
    /// By tier; one that nobody began is missing.
    pub volumes: BTreeMap<Tier, Volume>,
}

impl FromIterator<Volume> for CaseRecords {
    fn from_iter<I: IntoIterator<Item = Volume>>(volumes: I) -> CaseRecords {
        CaseRecords { volumes: volumes.into_iter().map(|volume| (volume.tier, volume)).collect() }
    }
}

/// Where a case stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize)]
#[serde(into = "&'static str")]
pub enum Stage {
    /// Its first word has not arrived here.
    #[default]
    Unknown,
    /// A clue that nobody has verified.
    ToVerify,
    /// A clue that was found untrue.
    FoundFalse,
    /// A clue that was found true, or a consultation: an application or a transfer should follow.
    ToFollowUp,
    /// An application to accept.
    ToAccept,
    /// Materials are missing and were named.
    ToComplete,
    /// Not accepted.
    NotAccepted,
    /// Accepted, and a department, office or provider must get it.
    Accepted,
    /// Accepted, to be visited at home.
    ToVisit,
    /// The family's means are to be checked.
    ToCheck,
    /// Neighbours are to be asked what they know.
    ToAppraise,
    /// To be pre-examined.
    ToPreExamine,
    /// The opinion is to be put up.
    ToPost,
    /// The opinion is up.
    OnNotice,
    /// Somebody objected, and it must be looked into.
    Objected,
    /// To be decided.
    ToDecide,
    /// Helped first: the papers must follow.
    ToPaper,
    /// Approved, to be paid.
    ToPay,
    /// The payment came back.
    PaymentFailed,
    /// Paid; or approved and nothing to pay.
    Granted,
    /// Paid every month.
    Running,
    /// Paid every month for some more months: it was decided to stop it.
    PhasingOut,
    /// Was paid every month, and is not any more.
    Stopped,
    /// Refused.
    Refused,
    /// With a department, an office or a provider.
    InTransfer,
    /// A provider is at work.
    InService,
    /// Every transfer has its result.
    FedBack,
    /// The applicant took it back.
    GivenUp,
    /// Granted twice and put right: nothing stands any more, and nothing is owed.
    Voided,
    /// Helped first and not confirmed; what was given came back or was written off.
    Unconfirmed,
    /// Granted twice, or given and not confirmed: what was paid must come back.
    ToRecover,
    /// Done.
    Closed,
    /// Done, and the papers are filed.
    Archived,
}

impl Stage {
    /// Every stage, in the order of the work.
    pub const ALL: [Stage; 33] = [
        Stage::Unknown,
        Stage::ToVerify,
        Stage::FoundFalse,
        Stage::ToFollowUp,
        Stage::ToAccept,
        Stage::ToComplete,
        Stage::NotAccepted,
        Stage::Accepted,
        Stage::ToVisit,
        Stage::ToCheck,
        Stage::ToAppraise,
        Stage::ToPreExamine,
        Stage::ToPost,
        Stage::OnNotice,
        Stage::Objected,
        Stage::ToDecide,
        Stage::ToPaper,
        Stage::ToPay,
        Stage::PaymentFailed,
        Stage::Granted,
        Stage::Running,
        Stage::PhasingOut,
        Stage::Stopped,
        Stage::Refused,
        Stage::InTransfer,
        Stage::InService,
        Stage::FedBack,
        Stage::GivenUp,
        Stage::Voided,
        Stage::Unconfirmed,
        Stage::ToRecover,
        Stage::Closed,
        Stage::Archived,
    ];

    /// Whether an application is on its way from acceptance to the decision.
    pub(crate) fn is_before_decision(self) -> bool {
        let asks = matches!(self, Stage::ToVisit | Stage::ToCheck | Stage::ToAppraise | Stage::ToPreExamine);
        asks || matches!(self, Stage::ToPost | Stage::OnNotice | Stage::Objected | Stage::ToDecide)
    }

    /// Whether the case is done.
    pub fn is_done(self) -> bool {
        matches!(self, Stage::Closed | Stage::Archived)
    }

    /// The word in interfaces and views.
    pub fn word(self) -> &'static str {
        self.names().0
    }

    /// The Chinese name on screens.
    pub fn label(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Stage::Unknown => ("unknown", "登记内容未到"),
            Stage::ToVerify => ("to-verify", "线索待核实"),
            Stage::FoundFalse => ("found-false", "核实不属实"),
            Stage::ToFollowUp => ("to-follow-up", "线索待办理"),
            Stage::ToAccept => ("to-accept", "待受理"),
            Stage::ToComplete => ("to-complete", "待补正"),
            Stage::NotAccepted => ("not-accepted", "不予受理"),
            Stage::Accepted => ("accepted", "已受理"),
            Stage::ToVisit => ("to-visit", "待入户调查"),
            Stage::ToCheck => ("to-check", "待经济核对"),
            Stage::ToAppraise => ("to-appraise", "待民主评议"),
            Stage::ToPreExamine => ("to-pre-examine", "待预审"),
            Stage::ToPost => ("to-post", "待公示"),
            Stage::OnNotice => ("on-notice", "公示中"),
            Stage::Objected => ("objected", "异议待处理"),
            Stage::ToDecide => ("to-decide", "待审批"),
            Stage::ToPaper => ("to-paper", "待补办手续"),
            Stage::ToPay => ("to-pay", "已批准待发放"),
            Stage::PaymentFailed => ("payment-failed", "发放失败"),
            Stage::Granted => ("granted", "已发放"),
            Stage::Running => ("running", "按月保障中"),
            Stage::PhasingOut => ("phasing-out", "渐退期内"),
            Stage::Stopped => ("stopped", "已停发"),
            Stage::Refused => ("refused", "不予批准"),
            Stage::InTransfer => ("in-transfer", "转办中"),
            Stage::InService => ("in-service", "服务中"),
            Stage::FedBack => ("fed-back", "已反馈待办结"),
            Stage::GivenUp => ("given-up", "已撤回"),
            Stage::Voided => ("voided", "重复救助已纠正"),
            Stage::Unconfirmed => ("unconfirmed", "先行救助未予确认"),
            Stage::ToRecover => ("to-recover", "待追缴"),
            Stage::Closed => ("closed", "已办结"),
            Stage::Archived => ("archived", "已归档"),
        }
    }

    /// The inverse of [`Stage::word`].
    pub fn from_word(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.word() == word)
    }

    /// The step whose clock runs in this stage.
    pub fn step(self) -> Option<Step> {
        match self {
            Stage::ToVerify => Some(Step::Verify),
            Stage::ToAccept => Some(Step::Accept),
            Stage::ToVisit => Some(Step::Visit),
            Stage::ToAppraise => Some(Step::Appraise),
            Stage::ToPreExamine => Some(Step::PreExamine),
            Stage::ToPost => Some(Step::Notice),
            Stage::ToDecide => Some(Step::Decide),
            Stage::ToPay | Stage::PaymentFailed => Some(Step::Pay),
            _ => None,
        }
    }
}

impl From<Stage> for &'static str {
    fn from(stage: Stage) -> &'static str {
        stage.word()
    }
}

/// Who must act.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Who {
    /// The office of this tier that covers the case's area.
    Tier(Tier),
    /// A certain office, department or provider.
    Target(Target),
    /// The person who asks.
    Applicant,
}

/// One thing somebody must do now.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Turn {
    /// Who.
    pub who: Who,
    /// What, in Chinese.
    pub what: &'static str,
    /// The last day for it; none: no clock.
    pub due: Option<Day>,
}

/// The decision in force.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Decision {
    /// The event.
    pub id: OpId,
    /// Approved or refused.
    pub outcome: Verdict,
    /// The amount.
    pub amount: Fen,
    /// The reason, the formula.
    pub reason: String,
    /// How the amount was computed.
    pub formula: String,
    /// The deciding tier.
    pub tier: Tier,
    /// The deciding person.
    pub staff: String,
    /// The day.
    pub day: Option<Day>,
    /// Whether it was refused and the family must be told so in writing.
    pub in_writing: bool,
    /// How the family was told in writing.
    pub notice: Option<WrittenNotice>,
}

/// Help that came before the papers.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Emergency {
    /// The event.
    pub id: OpId,
    /// How much it is worth.
    pub amount: Fen,
    /// Why it could not wait.
    pub reason: String,
    /// Cash, goods or a service.
    pub given: Given,
    /// What was given.
    pub what: String,
    /// Who received it.
    pub receiver: String,
    /// The use of the allotment.
    pub use_id: String,
    /// The day.
    pub day: Option<Day>,
    /// The day the materials were complete.
    pub papers_on: Option<Day>,
    /// Whether it was confirmed, why, and by which tier; none: nobody has said.
    pub acknowledged: Option<(Verdict, String, Tier)>,
}

/// The payment that went out and did not come back.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Payment {
    /// The event.
    pub id: OpId,
    /// How much.
    pub amount: Fen,
    /// How.
    pub method: String,
    /// The last four characters of the account.
    pub account_last4: String,
    /// The batch at the bank.
    pub batch: String,
    /// The day.
    pub day: Option<Day>,
}

/// How much a month a benefit is, from a month on (by its decision, then by each adjustment).
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Term {
    /// The event.
    pub id: OpId,
    /// The first month, `2019-06`.
    pub from: String,
    /// How much; 0: nothing any more.
    pub amount: Fen,
    /// Why.
    pub reason: String,
    /// The day of the decision.
    pub day: Option<Day>,
    /// How the family was told in writing, where it is less than before.
    pub notice: Option<WrittenNotice>,
}

/// A written notice: it was refused, or a benefit is made less or stopped.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct WrittenNotice {
    /// What it says, line by line.
    pub text: String,
    /// Who made it out.
    pub by: String,
    /// When.
    pub day: Option<Day>,
    /// To whom, how and on which day it was served; none: not yet.
    pub served: Option<(String, Delivery, Day)>,
}

/// How far a transfer is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub enum TransferState {
    /// 待签收
    ToSign,
    /// 已签收
    Signed,
    /// 已退回
    Returned,
    /// 已反馈
    FedBack,
    /// 已收回
    Recalled,
}

impl TransferState {
    /// The Chinese name on screens.
    pub fn label(self) -> &'static str {
        match self {
            TransferState::ToSign => "待签收",
            TransferState::Signed => "已签收",
            TransferState::Returned => "已退回",
            TransferState::FedBack => "已反馈",
            TransferState::Recalled => "已收回",
        }
    }

    /// Whether the receiver still owes something.
    pub fn is_open(self) -> bool {
        matches!(self, TransferState::ToSign | TransferState::Signed)
    }
}

/// One transfer (转办).
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Transfer {
    /// The event.
    pub id: OpId,
    /// Its number within the case.
    pub n: u32,
    /// To whom.
    pub to: Target,
    /// The kind of assistance it is for.
    pub assistance: String,
    /// What is asked.
    pub note: String,
    /// The tier that transferred.
    pub from: Tier,
    /// Whether it is a provider that is told by the person's consent only.
    pub by_consent: bool,
    /// How far it is.
    pub state: TransferState,
    /// The day it was handed over.
    pub sent_on: Option<Day>,
    /// The day it was signed for.
    pub signed_on: Option<Day>,
    /// The day of the result or the return.
    pub ended_on: Option<Day>,
    /// Visits and sessions so far.
    pub sessions: u32,
    /// How the service ended for the person.
    pub change: Option<Change>,
    /// When somebody shall look again.
    pub follow_up: Option<Day>,
    /// The result.
    pub result: Option<Answer>,
    /// What the receiver gave the household, or what its goods and services are worth.
    pub given: Option<Fen>,
    /// The result, or why it was returned, in words.
    pub text: String,
    /// The last day for the receiver's next step.
    pub due: Option<Day>,
}

/// A home visit.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Visit {
    /// The tier that went.
    pub tier: Tier,
    /// Who went.
    pub investigators: Vec<String>,
    /// The member of the household who signed; empty when it was done from afar.
    pub present: String,
    /// The day.
    pub day: Option<Day>,
}

/// What neighbours and members of the village committee said (民主评议).
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Appraisal {
    /// How many were there.
    pub attended: u32,
    /// How many of them were in favour.
    pub in_favour: u32,
    /// The day.
    pub day: Option<Day>,
}

/// The opinion as it was put up.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Notice {
    /// Where.
    pub place: String,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// Objections in all.
    pub objections: u32,
    /// Objections that are not settled.
    pub open: u32,
    /// Whether it came to its end.
    pub ended: bool,
}

/// Another grant that looked like this one, and what a person found.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Doubled {
    /// The other case.
    pub other: CaseId,
    /// What is told of it, without anybody's name.
    pub told: String,
    /// What was found; none: nobody has settled it.
    pub ruling: Option<Ruling>,
    /// Why.
    pub reason: String,
    /// The tier that said so last.
    pub tier: Tier,
    /// When.
    pub day: Option<Day>,
}

/// Who has a case in hand at an office (承办人).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Handler {
    /// The staff id.
    pub staff: String,
    /// The name as it was then.
    pub name: String,
}

/// What has been done about the clock.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct ClockChanges {
    /// From which day to which it stood still; none: it still does.
    pub pauses: Vec<(Day, Option<Day>)>,
    /// Working days added, and when.
    pub extensions: Vec<(Day, u32)>,
}

impl ClockChanges {
    /// Whether it stands still.
    pub fn is_stopped(&self) -> bool {
        self.pauses.last().is_some_and(|(_, end)| end.is_none())
    }

    /// Working days added so far.
    pub fn extended(&self) -> u32 {
        self.extensions.iter().fold(0, |sum, (_, days)| sum.saturating_add(*days))
    }
}

/// What an event does to the case.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Effect {
    /// It counts.
    Counts,
    /// It waits for something that has not arrived (in Chinese).
    Waits(String),
    /// It has no effect, and why (in Chinese).
    WithoutEffect(String),
    /// A later event took it back.
    TakenBack(OpId),
}

/// One line of the case's story.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct TimelineItem {
    /// The event's name.
    pub id: OpId,
    /// Its place in the common order.
    pub stamp: Option<Stamp>,
    /// The tier in whose volume it stands.
    pub tier: Tier,
    /// What it says.
    pub event: Event,
    /// The day that counts: not before the days of what came earlier.
    pub day: Option<Day>,
    /// What it does.
    pub effect: Effect,
}

/// What a case means now.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Standing {
    /// Where it stands.
    pub stage: Stage,
    /// The day it came there.
    pub since: Option<Day>,
    /// Who must do what.
    pub turns: Vec<Turn>,
    /// How it began.
    pub origin: Option<Origin>,
    /// Where it came in.
    pub channel: Option<Channel>,
    /// How fast it must go.
    pub urgency: Option<Urgency>,
    /// The kind of assistance (code).
    pub assistance: String,
    /// The household.
    pub household: Option<RecordId>,
    /// Who asks or is concerned.
    pub applicant: String,
    /// What it is about.
    pub summary: String,
    /// The rule of a warning.
    pub rule: String,
    /// The cause of hardship it is for (code); empty: not said.
    pub cause: String,
    /// The policy pack it was opened under.
    pub pack: String,
    /// The day it was opened.
    pub opened_on: Option<Day>,
    /// Whether it is an application (from the start, or since).
    pub is_application: bool,
    /// Whether staff applied for the person, and why.
    pub on_behalf: Option<String>,
    /// Who was asked to verify.
    pub verifier: Option<Target>,
    /// What was found.
    pub finding: Option<Finding>,
    /// What is missing; empty once it was given.
    pub materials: Vec<String>,
    /// Whether the applicant was told what is missing.
    pub told_once: bool,
    /// The acceptance number.
    pub number: Option<String>,
    /// The day it was accepted.
    pub accepted_on: Option<Day>,
    /// The last day for the decision, where the whole way to it has a term (全程); none while that stands still.
    pub whole_due: Option<Day>,
    /// Why it was not accepted.
    pub not_accepted: Option<String>,
    /// The near relative among those who handle cases, and how they are related.
    pub relative: Option<(String, String)>,
    /// Home visits.
    pub visits: Vec<Visit>,
    /// Who agreed that their means are asked about.
    pub authorisations: Vec<Authorisation>,
    /// The checks of the family's means; the last one counts.
    pub checks: Vec<Check>,
    /// Why no check is possible.
    pub unchecked: Option<String>,
    /// What neighbours said last.
    pub appraisal: Option<Appraisal>,
    /// The opinion as it was put up last.
    pub notice: Option<Notice>,
    /// Whether an objection was found true after the decision.
    pub upheld: bool,
    /// What has been done about the clock.
    pub clock: ClockChanges,
    /// How often somebody was urged on, and when last.
    pub urged: Option<(u32, Option<Day>)>,
    /// What pre-examination says.
    pub opinion: Option<Opinion>,
    /// The amount an office proposed.
    pub proposed: Option<Fen>,
    /// The decision in force.
    pub decision: Option<Decision>,
    /// Of a benefit that is paid every month: how much from when on. Empty: it is paid once.
    pub terms: Vec<Term>,
    /// The public notice that a monthly benefit is to be stopped, where the pack asks for one, since it was last changed.
    pub stop_notice: Option<Notice>,
    /// Who was heard since the last of them, and when.
    pub heard: Option<(String, Option<Day>)>,
    /// The payment that stands; of several months' the last.
    pub payment: Option<Payment>,
    /// Help that came before the papers.
    pub emergency: Option<Emergency>,
    /// What was given in emergencies that have no effect, because another office was first.
    pub astray: Fen,
    /// What was given in vain and written off.
    pub written_off: Fen,
    /// Payments that came back.
    pub failed_payments: u32,
    /// Other grants that looked like this one.
    pub doubled: Vec<Doubled>,
    /// Money that came back because it was paid for nothing.
    pub recovered: Fen,
    /// Each time money was on its way.
    pub payouts: Vec<Payout>,
    /// Who agreed that providers are told.
    pub consents: Vec<Consent>,
    /// The transfers.
    pub transfers: Vec<Transfer>,
    /// What the application form says: the last answer to each question.
    pub answers: Vec<Answered>,
    /// The needs that were assessed last, by code, with what was written.
    pub needs: Option<bookings::Needs>,
    /// Places of care projects that were asked for.
    pub bookings: Vec<Booking>,
    /// Why the applicant took it back.
    pub given_up: Option<String>,
    /// What was approved, as it was made public last.
    pub published: Option<Publication>,
    /// Each time somebody looked again.
    pub follow_ups: Vec<FollowUp>,
    /// When somebody shall look again.
    pub follow_up: Option<Day>,
    /// Decisions that were disputed before another authority.
    pub disputes: Vec<Disputed>,
    /// The result it was closed with.
    pub result: Option<String>,
    /// How its papers were filed.
    pub archived: Option<Archived>,
    /// The case it goes on as, when it was routed.
    #[serde(skip)]
    pub routed_to: Option<CaseId>,
    /// What the person said, 1 to 5.
    pub satisfaction: Option<u32>,
    /// Who has it in hand at each office that worked on it: the first there, until it was handed over.
    pub handlers: BTreeMap<OfficeId, Handler>,
    /// The staff who entered what is to be decided; they may not decide it.
    pub entered_by: BTreeSet<(OfficeId, String)>,
    /// Every event, in the common order.
    pub timeline: Vec<TimelineItem>,
    /// What could not be read or does not fit.
    pub problems: Vec<Problem>,
}

impl Standing {
    /// The transfers whose receivers still owe something.
    pub fn open_transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter().filter(|transfer| transfer.state.is_open())
    }

    /// The transfers that came back and that nobody got instead: no later one is for the same kind, and the person still
    /// agrees to it.
    pub fn returned_transfers(&self) -> impl Iterator<Item = &Transfer> {
        let later = |at: usize| self.transfers.iter().skip(at.saturating_add(1));
        let all = self.transfers.iter().enumerate().filter(|(_, transfer)| transfer.state == TransferState::Returned);
        let all = all.filter(|(_, transfer)| !self.is_barred(transfer, None));
        all.filter(move |(at, transfer)| later(*at).all(|other| other.assistance != transfer.assistance)).map(|(_, it)| it)
    }

    /// The amount decided, when approved.
    pub fn decided(&self) -> Option<Fen> {
        self.decision.as_ref().filter(|decision| decision.outcome == Verdict::Approved).map(|decision| decision.amount)
    }

    /// The amount paid, of all months together.
    pub fn paid(&self) -> Option<Fen> {
        self.payment.as_ref().map(|_| self.paid_out().fold(Fen(0), |sum, payout| Fen(sum.0.saturating_add(payout.amount.0))))
    }

    /// The payments that stand.
    pub fn paid_out(&self) -> impl Iterator<Item = &Payout> {
        self.payouts.iter().filter(|payout| payout.state == PayoutState::Paid)
    }

    /// Whether it is a benefit that is paid every month.
    pub fn is_monthly(&self) -> bool {
        !self.terms.is_empty()
    }

    /// How much a monthly benefit is in a month, `2019-06`.
    pub fn amount_for(&self, month: &str) -> Fen {
        self.terms.iter().rfind(|term| term.from.as_str() <= month).map(|term| term.amount).unwrap_or_default()
    }

    /// The month from which on a monthly benefit is not paid any more; none: it runs.
    pub fn stopped_from(&self) -> Option<&str> {
        self.terms.last().filter(|term| term.amount <= Fen(0)).map(|term| term.from.as_str())
    }

    /// Whether it goes on for some months although it was decided to stop it (渐退): longer than to the next month.
    pub fn is_phasing_out(&self) -> bool {
        let stop = self.terms.last().filter(|term| term.amount <= Fen(0));
        stop.is_some_and(|term| term.day.is_some_and(|day| term.from > payout::month(day.months_later(1))))
    }

    /// The first day of that month.
    pub fn stopped_on(&self) -> Option<Day> {
        self.stopped_from().and_then(|month| Day::parse(&format!("{month}-01")))
    }

    /// The months of a monthly benefit that are or will be due and have not been paid, the first one first.
    pub fn unpaid_months(&self) -> impl Iterator<Item = String> {
        let first = self.terms.first().and_then(|term| Day::parse(&format!("{}-01", term.from)));
        let runs = |month: &String| self.stopped_from().is_none_or(|stop| month.as_str() < stop);
        let paid = |month: &String| self.paid_out().any(|payout| payout.period == *month);
        let months =
            first.into_iter().flat_map(|first| (0..MONTHS_MAX).map(move |later| payout::month(first.months_later(later))));
        months.take_while(runs).filter(move |month| self.amount_for(month) > Fen(0) && !paid(month))
    }

    /// The first of them.
    pub fn unpaid_month(&self) -> Option<String> {
        self.unpaid_months().next()
    }

    /// Days for which what is put up now stays up: an opinion, or the stop of a benefit that runs.
    pub fn notice_days(&self, kind: &Assistance) -> u32 {
        match &kind.stop {
            Some(rule) if self.is_running() => rule.notice_days.clamp(1, 365),
            _ => kind.notice_days(),
        }
    }

    /// What stands in the place where a payment for a month belongs: that month's, or of what is paid once, any.
    fn place_of<'a>(&'a self, month: &'a str) -> impl Iterator<Item = &'a Payout> {
        let monthly = self.is_monthly();
        self.payouts.iter().filter(move |payout| !monthly || payout.period == month)
    }

    /// Whether a month of a monthly benefit did not arrive and was not paid again.
    fn has_failed_month(&self) -> bool {
        let failed = self.payouts.iter().filter(|payout| payout.state == PayoutState::Failed);
        let live = |payout: &Payout| matches!(payout.state, PayoutState::Listed | PayoutState::Paid);
        let mut open = failed.filter(|failed| self.amount_for(&failed.period) > Fen(0));
        open.any(|failed| !self.place_of(&failed.period).any(live))
    }

    /// Whether a person found that this grant is another one's double, and that the other one stands.
    pub fn is_void(&self) -> bool {
        self.doubled.iter().any(|doubled| doubled.ruling == Some(Ruling::Other))
    }

    /// The changes that made a monthly benefit less, or stopped it, or stopped it earlier; each with what it was before.
    pub fn cuts(&self) -> impl Iterator<Item = (Fen, &Term)> {
        let with_before = |(at, term): (usize, &'_ Term)| {
            let before = self.terms[..at].iter().rev().find(|before| before.from <= term.from)?;
            Some((before.amount, at))
        };
        let all = self.terms.iter().enumerate().filter_map(with_before).collect::<Vec<(Fen, usize)>>();
        let all = all.into_iter().map(|(before, at)| (before, &self.terms[at]));
        all.filter(|(before, term)| term.amount < *before)
    }

    /// Whether a monthly benefit was ever made less, or stopped.
    pub fn was_cut(&self) -> bool {
        self.cuts().next().is_some()
    }

    /// Whether a benefit is paid every month now.
    pub fn is_running(&self) -> bool {
        self.is_monthly() && self.stopped_from().is_none() && !self.is_void() && self.given_up.is_none()
    }

    /// Whether the stop of a benefit that runs is put up.
    pub fn is_stopping(&self) -> bool {
        self.is_running() && self.stop_notice.is_some()
    }

    /// The public notice that people may object to now: of a stop, or of the opinion.
    pub fn open_notice(&self) -> Option<&Notice> {
        if self.is_stopping() { self.stop_notice.as_ref() } else { self.notice.as_ref() }
    }

    /// Whether somebody objected to what was decided, and nobody has looked into it.
    pub fn objected(&self) -> bool {
        self.decided().is_some() && self.result.is_none() && self.notice.as_ref().is_some_and(|notice| notice.open > 0)
    }

    /// Why what was approved to be paid once is not to be paid now.
    pub fn held(&self) -> Option<&'static str> {
        match (self.is_monthly(), self.upheld, self.objected()) {
            (false, true, _) => Some("对审批的异议属实，须先撤销审批"),
            (false, _, true) => Some("对审批的异议正在核查，查清以前不发放"),
            _ => None,
        }
    }

    /// The latest events, as a decision names what it saw.
    pub fn saw(&self) -> Vec<String> {
        let latest = self.timeline.iter().skip(self.timeline.len().saturating_sub(SAW_MAX));
        latest.map(|item| item.id.to_string()).collect()
    }

    /// What was paid for nothing, also when it came back or was written off.
    pub fn undue(&self) -> Fen {
        Fen(self.owed().0.saturating_add(self.recovered.0).saturating_add(self.written_off.0))
    }

    /// What was paid for nothing and has not come back.
    pub fn owed(&self) -> Fen {
        let undone = self.is_void() || self.is_unconfirmed() || (self.upheld && !self.is_monthly());
        let nothing = undone || self.given_up.is_some() || self.decided().is_none();
        let too_much = |payout: &Payout| match (nothing, self.is_monthly()) {
            (true, _) => payout.amount.0,
            (false, true) => payout.amount.0.saturating_sub(self.amount_for(&payout.period).0).max(0),
            (false, false) => 0,
        };
        let paid = self.paid_out().fold(self.astray.0, |sum, payout| sum.saturating_add(too_much(payout)));
        Fen(paid.saturating_sub(self.recovered.0).saturating_sub(self.written_off.0).max(0))
    }

    /// The help that came first and whose papers are not there yet.
    pub fn without_papers(&self) -> Option<&Emergency> {
        self.emergency.as_ref().filter(|emergency| emergency.acknowledged.is_none())
    }

    /// Whether help came first and was then found not to be right.
    pub fn is_unconfirmed(&self) -> bool {
        let said = self.emergency.as_ref().and_then(|emergency| emergency.acknowledged.as_ref());
        said.is_some_and(|(outcome, ..)| *outcome == Verdict::Refused)
    }

    /// What was paid although it was paid before, and has not come back.
    pub fn paid_again(&self) -> impl Iterator<Item = &Payout> {
        self.payouts.iter().filter(|payout| payout.state == PayoutState::Again)
    }

    /// The list that the grant is on without a result.
    pub fn listed(&self) -> Option<&Payout> {
        payout::open(&self.payouts)
    }

    /// What waits for its result on the list of this batch.
    fn on_list(&self, batch: &str) -> Option<&Payout> {
        let waits = |payout: &&Payout| matches!(payout.state, PayoutState::Listed | PayoutState::Beside);
        self.payouts.iter().filter(waits).find(|payout| !batch.is_empty() && payout.batch == batch)
    }

    /// The turns that are overdue on `today`.
    pub fn overdue(&self, today: Day) -> impl Iterator<Item = &Turn> {
        self.turns.iter().filter(move |turn| turn.due.is_some_and(|due| due < today))
    }
}

/// What the case means now. The same volumes give the same answer, whatever came first.
pub fn standing(records: &CaseRecords, packs: &Packs) -> Standing {
    let mut events: Vec<(Tier, &StampedEvent)> = Vec::new();
    let mut problems = Vec::new();
    for (tier, volume) in &records.volumes {
        events.extend(volume.events.iter().map(|event| (*tier, event)));
        problems.extend(volume.problems.iter().cloned());
    }
    // Events without a place in the order come last, by the names of their operations.
    events.sort_by_key(|(tier, event)| (event.stamp.is_none(), event.stamp, event.id.clone(), *tier));
    problems.sort();
    fold::fold(&events, packs, problems)
}

/// A person who wants to act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The tier of the office.
    pub tier: Tier,
    /// The office.
    pub office: OfficeId,
    /// The staff id.
    pub staff: String,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// The department the person acts for; empty: none.
    pub department: String,
    /// The provider the person acts for; empty: none.
    pub provider: String,
}

impl Person {
    /// The person of a staff record, at an office of `tier`.
    pub fn of(staff: &Staff, tier: Tier) -> Person {
        Person {
            tier,
            office: staff.office,
            staff: staff.id.clone(),
            roles: staff.roles.clone(),
            department: staff.department.clone(),
            provider: staff.provider.clone(),
        }
    }
}

/// Whether an office of that tier may take an entry back as the case stands now.
pub fn can_take_back(standing: &Standing, tier: Tier, id: &OpId) -> bool {
    rules::may_take_back(standing, tier, id).is_ok()
}

/// What the person may do now, in the order of the work. The Desk also asks about conflicts and coverage.
pub fn possible(standing: &Standing, packs: &Packs, person: &Person) -> Vec<EventKind> {
    let may = |kind: &EventKind| {
        rules::may(standing, packs, *kind, person.tier, &|transfer| rules::is_receiver(transfer, person)).is_ok()
    };
    let role = |kind: &EventKind| person.roles.iter().any(|role| rules::role_allows(*role, *kind));
    let decides = || {
        !standing.entered_by.contains(&(person.office, person.staff.clone())) && rules::is_decider(standing, packs, person.tier)
    };
    let open = EventKind::ALL.iter().copied().filter(|kind| *kind != EventKind::Opened && role(kind) && may(kind));
    let own = || standing.entered_by.contains(&(person.office, person.staff.clone()));
    open.filter(|kind| match kind {
        EventKind::Decided => decides(),
        EventKind::Acknowledged => !own(),
        _ => true,
    })
    .collect()
}

/// Whether an event that a person is about to write would have effect; the error says why not, in Chinese.
pub fn would_count(standing: &Standing, packs: &Packs, tier: Tier, event: &Event) -> Result<(), String> {
    rules::judge(standing, packs, tier, event, event.day, true).map_err(|refusal| refusal.0)
}

#[cfg(test)]
mod after_tests;
#[cfg(test)]
mod checks_tests;
#[cfg(test)]
mod consent_tests;
#[cfg(test)]
mod emergencies;
#[cfg(test)]
mod monthly;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod places;
#[cfg(test)]
mod procedure;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unseen;
