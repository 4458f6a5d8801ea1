//! The steps of a case: each is checked and becomes one event in the volume of this office's tier.
//!
//! Order of the questions: has the person a role for it, may the person see the case, is it theirs to do (their
//! transfer, their entry, their decision), does anything unsettled stand in the way, and would it count as the case
//! stands. The last one is asked of `standing` itself, so the Desk never takes what the fold would leave aside.

use super::cases::answered;
use super::cases::{routed_rule, short};
use super::command::{CaseStep, Part, To};
use super::consents::{self, Asked};
use super::doubles::unsettled;
use super::notices::Posting;
use super::outcome::DeskError;
use super::payments::last4;
use super::permit::{self, receives};
use super::projects;
use super::{Plan, Room};
use crate::store::reader::CaseFile;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::{CaseId, Place, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::case::append;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, Finding, Ruling, Target, TargetKind, Verdict, What};
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::standing::payout::month;
use shouwang_protocol::standing::{BookingState, Standing, TimelineItem, Transfer, TransferState, Untold, would_count};
use shouwang_protocol::written_notice;

/// Days for which a decision is made public when nobody says how long.
const PUBLIC_DAYS: i32 = 365;
/// Receivers of one split at most, and bytes of all that is asked of them: it is one entry.
const PARTS_MAX: usize = 8;
const PARTS_BYTES_MAX: usize = 3 * 1024;

impl CaseStep {
    /// What it becomes.
    pub fn kind(&self) -> EventKind {
        match self {
            CaseStep::AskVerification { .. } => EventKind::VerifyAsked,
            CaseStep::Verify { .. } => EventKind::Verified,
            CaseStep::Apply { .. } => EventKind::Applied,
            CaseStep::ApplyOnBehalf { .. } => EventKind::AppliedOnBehalf,
            CaseStep::FillForm { .. } => EventKind::FormFilled,
            CaseStep::AskMaterials { .. } => EventKind::MaterialsAsked,
            CaseStep::GiveMaterials { .. } => EventKind::MaterialsGiven,
            CaseStep::Accept {} => EventKind::Accepted,
            CaseStep::DoNotAccept { .. } => EventKind::NotAccepted,
            CaseStep::Declare { .. } => EventKind::Declared,
            CaseStep::Visit { .. } => EventKind::Visited,
            CaseStep::PreExamine { .. } => EventKind::PreExamined,
            CaseStep::PostNotice { .. } => EventKind::NoticePosted,
            CaseStep::Object { .. } => EventKind::Objected,
            CaseStep::SettleObjection { .. } => EventKind::ObjectionSettled,
            CaseStep::EndNotice { .. } => EventKind::NoticeEnded,
            CaseStep::Suspend { .. } => EventKind::Suspended,
            CaseStep::Resume { .. } => EventKind::Resumed,
            CaseStep::Extend { .. } => EventKind::Extended,
            CaseStep::Urge { .. } => EventKind::Urged,
            CaseStep::Propose { .. } => EventKind::Proposed,
            CaseStep::Decide { .. } => EventKind::Decided,
            CaseStep::Emergency { .. } => EventKind::Emergency,
            CaseStep::Acknowledge { .. } => EventKind::Acknowledged,
            CaseStep::WriteOff { .. } => EventKind::WrittenOff,
            CaseStep::HandOver { .. } => EventKind::HandedOver,
            CaseStep::ListPayment { .. } => EventKind::PayListed,
            CaseStep::Pay { .. } => EventKind::Paid,
            CaseStep::ReportFailedPayment { .. } => EventKind::PaymentFailed,
            CaseStep::Recover { .. } => EventKind::Recovered,
            CaseStep::Hear { .. } => EventKind::Heard,
            CaseStep::Adjust { .. } => EventKind::Adjusted,
            CaseStep::Appraise { .. } => EventKind::Appraised,
            CaseStep::Publish { .. } => EventKind::Published,
            CaseStep::FollowUp { .. } => EventKind::FollowedUp,
            CaseStep::Dispute { .. } => EventKind::Disputed,
            CaseStep::EndDispute { .. } => EventKind::DisputeEnded,
            CaseStep::Archive { .. } => EventKind::Archived,
            CaseStep::WriteNotice {} => EventKind::NoticeWritten,
            CaseStep::ServeNotice { .. } => EventKind::NoticeServed,
            CaseStep::Consent { .. } => EventKind::Consented,
            CaseStep::WithdrawConsent { .. } => EventKind::ConsentWithdrawn,
            CaseStep::Recall { .. } => EventKind::Recalled,
            CaseStep::Transfer { .. } | CaseStep::Split { .. } => EventKind::Transferred,
            CaseStep::SignFor { .. } => EventKind::SignedFor,
            CaseStep::Return { .. } => EventKind::Returned,
            CaseStep::Session { .. } => EventKind::Session,
            CaseStep::Outcome { .. } => EventKind::Outcome,
            CaseStep::Feedback { .. } => EventKind::Feedback,
            CaseStep::AuthoriseCheck { .. } => EventKind::CheckAuthorised,
            CaseStep::WithdrawAuthorisation { .. } => EventKind::CheckUnauthorised,
            CaseStep::AskCheck { .. } => EventKind::CheckAsked,
            CaseStep::StartCheck {} => EventKind::CheckStarted,
            CaseStep::ConcludeCheck {} => EventKind::CheckAnswered,
            CaseStep::CannotCheck { .. } => EventKind::CheckImpossible,
            CaseStep::ObjectToCheck { .. } => EventKind::CheckObjected,
            CaseStep::SettleCheckObjection { .. } => EventKind::CheckObjectionSettled,
            CaseStep::GiveUp { .. } => EventKind::GaveUp,
            CaseStep::Close { .. } => EventKind::Closed,
            CaseStep::Rate { .. } => EventKind::Satisfaction,
            CaseStep::TakeBack { .. } => EventKind::Withdrawn,
            CaseStep::AssessNeeds { .. } => EventKind::NeedsAssessed,
            CaseStep::Book { .. } => EventKind::Booked,
            CaseStep::ConfirmBooking { .. } => EventKind::BookingConfirmed,
            CaseStep::DeclineBooking { .. } => EventKind::BookingDeclined,
            CaseStep::CancelBooking { .. } => EventKind::BookingCancelled,
            CaseStep::EndBooking { .. } => EventKind::BookingEnded,
            CaseStep::Note { .. } => EventKind::Note,
            CaseStep::Route { .. } => EventKind::Routed,
        }
    }
}

/// A case being worked on.
struct Desktop<'a> {
    room: &'a Room<'a>,
    case: CaseId,
    file: &'a CaseFile,
    packs: &'a Packs,
    place: Place,
}

impl Room<'_> {
    pub(super) fn take_step(&self, case: CaseId, step: CaseStep) -> Result<Plan, DeskError> {
        let kind = step.kind();
        permit::role_for(&self.person, kind)?;
        let (file, place) = self.case_to_work_on(&case)?;
        let packs = self.reader.packs()?;
        if projects::is_about(&step) {
            return self.place_step(case, &file, &packs, place, step);
        }
        if kind == EventKind::Closed && file.standing.bookings.iter().any(|booking| booking.state == BookingState::Claimed) {
            return Err(DeskError::NotNow { why: "还有预约没有确认，请先等市级确认或取消预约".to_owned() });
        }
        let desktop = Desktop { room: self, case, file: &file, packs: &packs, place };
        if let CaseStep::Route { household, area } = step {
            return desktop.route(household, area);
        }
        if let CaseStep::Split { parts } = step {
            return desktop.split(parts);
        }
        if matches!(kind, EventKind::Decided | EventKind::Acknowledged) {
            desktop.may_decide()?;
        }
        if kind == EventKind::Paid && file.standing.is_void() {
            return Err(DeskError::NotNow { why: "经核定为重复救助，不再发放".to_owned() });
        }
        let again = match &step {
            CaseStep::Emergency { again, .. } => Some(again.trim().to_owned()),
            _ => None,
        };
        let what = short(desktop.what(step)?)?;
        let said = match &what {
            What::Accepted { number } => format!("已受理，受理编号 {number}"),
            What::Proposed { amount, formula } => format!("已拟定金额 {amount}元（{formula}）"),
            What::Decided { outcome: Verdict::Approved, amount, .. } => format!("已批准 {amount}元"),
            What::Emergency { amount, .. } => format!("已登记先行救助 {amount}元，请在期限内补办手续"),
            What::Decided { .. } => "已作出不予批准的决定".to_owned(),
            What::Archived { number, .. } => format!("已归档，档案编号 {number}"),
            What::PayListed { batch, .. } => format!("已列入发放名册 {batch}"),
            What::Paid { amount, .. } => format!("已登记发放 {amount}元"),
            What::Transferred { to, .. } => format!("已转办{}", to.name),
            What::VerifyAsked { to, .. } => format!("已请{}核实", to.name),
            What::CheckAsked { number, .. } => format!("已提请核对，核对编号 {number}"),
            What::CheckAnswered { result, .. } => format!("核对完成：{}", result.label()),
            _ => format!("“{}”已登记", kind.label()),
        };
        consents::goes_on(&file.standing, &what, self.day)?;
        let event = self.event(what);
        // What a list says of money that went out is written down even when it went out twice.
        if !self.went_out_by_a_list(&case, &file.standing, &event.what)? {
            would_count(&file.standing, &packs, self.here.tier, &event).map_err(refused)?;
        }
        let mut plan = Plan::saying(said).about(case);
        plan.shown = self.shown(&case, &file.standing)?;
        plan = plan.draft(place, self.volume(case), append(&event));
        if let What::CheckAsked { .. } = &event.what {
            plan = self.begin_verification(plan, &case, &file, &event.what)?;
        }
        if let What::Emergency { amount, .. } = &event.what {
            plan = self.take_from_reserve(plan, case, *amount)?;
        }
        let why = match &event.what {
            What::Decided { outcome: Verdict::Approved, reason, .. } => Some(reason.clone()),
            _ => again,
        };
        if let Some(reason) = why {
            // Whoever decides knowing of another grant, and says why, has settled that the two are not one.
            let kind = match &event.what {
                What::Emergency { assistance, .. } => assistance.clone(),
                _ => file.standing.assistance.clone(),
            };
            let as_asked = Standing { assistance: kind, ..file.standing.clone() };
            for known in self.granted_before(&case, &as_asked, &packs)? {
                let settled = What::DoubleSettled {
                    other: known.other.to_string(),
                    ruling: Ruling::Both,
                    told: known.told,
                    reason: reason.clone(),
                };
                plan = plan.draft(place, self.volume(case), append(&self.event(short(settled)?)));
            }
        }
        Ok(plan)
    }

    /// Whether this person may take an entry back: an office its own and those of offices below, a department and a
    /// provider their own only.
    pub(super) fn may_take_back(&self, item: &TimelineItem) -> bool {
        let counts = item.effect == shouwang_protocol::standing::Effect::Counts;
        let own = item.event.by == self.here.office && item.event.staff == self.person.id;
        let office = self.person.is_office_staff() && (item.event.by == self.here.office || item.tier < self.here.tier);
        counts && (own || office) && item.event.what.kind() != Some(EventKind::Withdrawn)
    }
}

/// What the fold says no to: some of it is a matter of who asks, the rest of when.
pub(super) fn refused(why: String) -> DeskError {
    match why.as_str() {
        "本级不是审批机构"
        | "本级不是这一金额的审批机构"
        | "经办人不得审批自己录入的事项"
        | "村(社区)不办理这一步"
        | "本级不受理这一种类"
        | "先行救助由镇(街道)动用备用金办理"
        | "本级不是确认先行救助的机构"
        | "应由确认先行救助的机构核销"
        | "应由审批机构发放"
        | "应由审批机构调整"
        | "应由审批机构登记复议、诉讼结果"
        | "核对由市级办理"
        | "上级批准的，由上级纠正"
        | "预约由市级确认"
        | "不是指定的审批设备"
        | "不能撤销上级的记录" => DeskError::NotPermitted { why },
        "须写明发放失败的原因"
        | "须写明情况紧急的理由"
        | "不予确认须写明理由"
        | "核销须写明理由"
        | "不予批准须写明理由"
        | "不予受理须写明理由"
        | "退回须写明理由"
        | "撤销须写明理由"
        | "重复核定须写明理由"
        | "取消预约须写明理由"
        | "中止计时须写明原因"
        | "撤回授权须写明原因"
        | "无法核对须写明原因"
        | "延长期限须写明原因" => DeskError::invalid("reason", why),
        "须选择同意提供哪些信息" => DeskError::invalid("scope", why),
        "须写明监护人的姓名" | "本人同意的，写本人姓名；监护人同意的，写监护人姓名" => {
            DeskError::invalid("giver", why)
        }
        "当面口头同意的，须写明见证人" | "须写明谁提出、怎样提出的" => DeskError::invalid("note", why),
        "同意的截止日期早于今天" => DeskError::invalid("until", why),
        "收回转办须写明理由" => DeskError::invalid("reason", why),
        "申请表没有填写内容" => DeskError::invalid("answers", why),
        "须写明有什么需求" => DeskError::invalid("needs", why),
        "名额数无效" => DeskError::invalid("places", why),
        "入户调查不少于两人" => DeskError::invalid("investigators", why),
        "须有家庭成员在场签字；远程调查须写明原因" => DeskError::invalid("present", why),
        "须写明调查情况" => DeskError::invalid("findings", why),
        "须写明公示地点" | "须写明公布地点" => DeskError::invalid("place", why),
        "须写明有几人参加评议" => DeskError::invalid("attended", why),
        "同意的人数多于参加的人数" => DeskError::invalid("in_favour", why),
        "须写明评议情况" => DeskError::invalid("note", why),
        "须写明回访了谁、怎样回访的" => DeskError::invalid("whom", why),
        "须写明回访情况" | "须写明复议决定、判决的文号和内容" => DeskError::invalid("text", why),
        "日期在今天之后" => DeskError::invalid("on", why),
        "下次回访应在这次以后" => DeskError::invalid("next", why),
        "须写明复议机关或法院" => DeskError::invalid("body", why),
        "须写明档案编号" => DeskError::invalid("number", why),
        "公布的结束日期早于开始日期" | "一次公布最长一年，期满可以再公布" => {
            DeskError::invalid("until", why)
        }
        "公示天数不足" | "公示天数过长" => DeskError::invalid("until", why),
        "须写明异议内容" => DeskError::invalid("text", why),
        "异议须查明属实或不属实" => DeskError::invalid("outcome", why),
        "须写明核查情况" => DeskError::invalid("note", why),
        "他人代签的，须写明监护关系" => DeskError::invalid("guardian", why),
        "须选择授权核对的信息来源" => DeskError::invalid("scope", why),
        "授权截止日期早于签字日期" | "授权期限过长，最多两年" => DeskError::invalid("until", why),
        "签字日期在今天之后" => DeskError::invalid("signed", why),
        "须写明近亲属是谁" => DeskError::invalid("of", why),
        "须写明是什么关系" => DeskError::invalid("relation", why),
        "超过可延长的天数" => DeskError::invalid("days", why),
        "已决定停发；不再停发的，从原定停发的月份起调整" => DeskError::invalid("from", why),
        "起始月份无效" | "早于开始保障的月份" | "停发的月份太晚：超过政策规定的渐退期" => {
            DeskError::invalid("from", why)
        }
        "须写明听取了谁的意见" => DeskError::invalid("who", why),
        "须写明本人的意见" => DeskError::invalid("text", why),
        "与现在的金额相同" => DeskError::invalid("amount", why),
        "发放月份无效" => DeskError::invalid("period", why),
        "办结须写明结果" => DeskError::invalid("result", why),
        "没有列明所缺材料" => DeskError::invalid("materials", why),
        "须写明给了什么" => DeskError::invalid("what", why),
        "须写明由谁领取" => DeskError::invalid("receiver", why),
        "须选择救助种类" => DeskError::invalid("assistance", why),
        "金额无效" | "发放金额超过审批金额" | "超过先行救助每次限额" => DeskError::invalid("amount", why),
        _ => DeskError::NotNow { why },
    }
}

impl Desktop<'_> {
    fn standing(&self) -> &Standing {
        &self.file.standing
    }

    /// A decision is this device's to write, not the person's own matter, and nothing unsettled lies beneath it.
    fn may_decide(&self) -> Result<(), DeskError> {
        let room = self.room;
        let me = (room.here.office, room.person.id.clone());
        if self.standing().entered_by.contains(&me) || room.entered_before(self.standing())? {
            return Err(DeskError::not_permitted("经办人不得审批自己录入的事项"));
        }
        if !room.here.decides {
            return Err(DeskError::not_permitted("本机不是本机构指定的审批设备"));
        }
        if let Some(record) = &self.standing().household {
            if room.reader.household_row(record)?.is_none() {
                return Err(DeskError::NotNow { why: "家庭档案尚未到达本机".to_owned() });
            }
            if room.reader.blocked_by(record)? > 0 {
                let blocks = room.blocks(&self.case, self.standing(), self.packs)?;
                return Err(DeskError::NotNow {
                    why: blocks.into_iter().next().unwrap_or_else(|| "家庭档案有待核定的内容".to_owned()),
                });
            }
        }
        Ok(())
    }

    fn what(&self, step: CaseStep) -> Result<What, DeskError> {
        Ok(match step {
            CaseStep::AskVerification { to, note } => What::VerifyAsked { to: self.verifier(to)?, note },
            CaseStep::Verify { outcome, note } => What::Verified { outcome, note },
            CaseStep::Apply { assistance, note } => What::Applied { assistance: self.kind_of(assistance)?, note },
            CaseStep::ApplyOnBehalf { assistance, reason } => What::AppliedOnBehalf {
                assistance: self.kind_of(assistance)?,
                reason: needed("reason", reason, "须写明代为申请的理由")?,
            },
            CaseStep::FillForm { answers } => {
                let s = self.standing();
                let pack = self.packs.get(&s.pack).ok_or_else(|| DeskError::not_found("政策包"))?;
                let answers = answered(pack, &s.assistance, &answers, &s.answers)?;
                if answers.is_empty() {
                    return Err(DeskError::invalid("answers", "申请表没有改动"));
                }
                What::FormFilled { answers }
            }
            CaseStep::AskMaterials { materials, again } => {
                let materials: Vec<String> =
                    materials.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
                self.room.not_asked_again(self.standing(), &materials, &again)?;
                What::MaterialsAsked { materials, again }
            }
            CaseStep::GiveMaterials { note } => What::MaterialsGiven { note },
            CaseStep::Accept {} => What::Accepted { number: self.number()? },
            CaseStep::DoNotAccept { reason } => What::NotAccepted { reason },
            CaseStep::Declare { of, relation } => What::Declared { of, relation },
            CaseStep::Visit { investigators, present, remote, findings } => {
                let mut all = vec![self.room.person.name.clone()];
                for name in investigators.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
                    if all.iter().all(|known| known != name) {
                        all.push(name.to_owned());
                    }
                }
                What::Visited { investigators: all, present, remote, findings }
            }
            CaseStep::PreExamine { opinion, note } => What::PreExamined { opinion, note },
            CaseStep::PostNotice { place, phone, from, until } => {
                let from = from.unwrap_or(self.room.day);
                let until = until.unwrap_or_else(|| self.notice_until(from));
                self.room.notice(self.file, self.packs, Posting { place, phone, from, until })?
            }
            CaseStep::Appraise { attended, in_favour, note } => What::Appraised { attended, in_favour, note },
            CaseStep::Publish { place, phone, from, until } => {
                let from = from.unwrap_or(self.room.day);
                let until = until.unwrap_or_else(|| from.plus(PUBLIC_DAYS - 1));
                self.room.publication(self.file, self.packs, Posting { place, phone, from, until })?
            }
            CaseStep::FollowUp { on, whom, text, next } => What::FollowedUp { on: on.unwrap_or(self.room.day), whom, text, next },
            CaseStep::Dispute { how, body, number, on } => {
                let about = self.standing().ruling().cloned();
                What::Disputed { how, body, number, on: on.unwrap_or(self.room.day), about }
            }
            CaseStep::EndDispute { outcome, text } => {
                let open = self.standing().open_dispute().map(|dispute| dispute.id.clone());
                let dispute = open.ok_or_else(|| DeskError::NotNow { why: "没有等结果的复议、诉讼".to_owned() })?;
                What::DisputeEnded { dispute, outcome, text }
            }
            CaseStep::Archive { number, note } => {
                let number = if number.trim().is_empty() { self.standing().number.clone() } else { Some(number) };
                What::Archived { number: number.unwrap_or_default(), note }
            }
            CaseStep::Object { text } => What::Objected { text },
            CaseStep::SettleObjection { outcome, note } => What::ObjectionSettled { outcome, note },
            CaseStep::EndNotice { note } => What::NoticeEnded { note },
            CaseStep::Suspend { reason } => What::Suspended { reason },
            CaseStep::Resume { note } => What::Resumed { note },
            CaseStep::Extend { days, reason } => What::Extended { days, reason },
            CaseStep::Urge { note } => What::Urged { note },
            CaseStep::Propose { amount, reason } => {
                let (amount, formula) = self.room.settle(self.standing(), self.packs, amount, &reason)?;
                What::Proposed { amount, formula }
            }
            CaseStep::Decide { outcome, amount, reason } => self.decision(outcome, amount, reason)?,
            CaseStep::HandOver { to, reason } => self.room.handed_over(&to, &reason)?,
            CaseStep::ListPayment { batch, period } => {
                let s = self.standing();
                let amount = if s.is_monthly() { s.amount_for(&period) } else { s.decided().unwrap_or_default() };
                What::PayListed { batch, period, amount, account_last4: self.account_last4()? }
            }
            CaseStep::Emergency { amount, assistance, reason, given, what, receiver, again } => {
                self.emergency(amount, self.kind_of(assistance)?, &again).map(|(assistance, number)| {
                    let receiver = if receiver.trim().is_empty() { self.standing().applicant.clone() } else { receiver };
                    let use_id = CaseId(self.room.action.0).to_string();
                    What::Emergency { amount, assistance, reason, given, what, receiver, use_id, number }
                })?
            }
            CaseStep::Acknowledge { outcome, reason } => What::Acknowledged { outcome, reason },
            CaseStep::WriteOff { amount, reason } => {
                What::WrittenOff { amount: amount.unwrap_or(self.standing().owed()), reason }
            }
            CaseStep::Recover { amount, note } => What::Recovered { amount: amount.unwrap_or(self.standing().owed()), note },
            CaseStep::Pay { amount, method, account_last4, batch, period } => {
                self.payment(amount, method, account_last4, batch, period)?
            }
            CaseStep::ReportFailedPayment { reason, batch } => What::PaymentFailed { reason, batch },
            CaseStep::Hear { who, text } => What::Heard { who, text },
            CaseStep::Adjust { amount, from, reason } => {
                if !self.room.here.decides {
                    return Err(DeskError::not_permitted("本机不是本机构指定的审批设备"));
                }
                let reason = needed("reason", reason, "调整待遇须写明理由")?;
                let from = from.unwrap_or_else(|| month(self.room.day.months_later(1)));
                let (amount, formula) = match amount {
                    Some(Fen(0)) => (Fen(0), String::new()),
                    amount => self.room.settle(self.standing(), self.packs, amount, &reason)?,
                };
                What::Adjusted { amount, from, reason, formula }
            }
            CaseStep::WriteNotice {} => {
                let untold = self.untold()?;
                let text = written_notice::compose(self.standing(), untold, self.packs, self.room.pack(self.packs));
                let text = text.map_err(|why| DeskError::NotNow { why })?;
                What::NoticeWritten { adjustment: untold.id().clone(), text }
            }
            CaseStep::ServeNotice { to, how, on, note } => {
                let (adjustment, on) = (self.untold()?.id().clone(), on.unwrap_or(self.room.day));
                What::NoticeServed { adjustment, to: needed("to", to, "须写明送达给谁")?, how, on, note }
            }
            CaseStep::Consent { to, whose, scope, given_by, giver, how, until, note } => {
                let to = self.named(&to)?;
                self.room.consented(self.standing(), self.packs, Asked { to, whose, scope, given_by, giver, how, until, note })?
            }
            CaseStep::WithdrawConsent { consent, note } => consents::withdrawn(self.standing(), consent, note)?,
            CaseStep::Recall { transfer, reason } => self.room.recalled(self.standing(), transfer, reason)?,
            CaseStep::Transfer { to, assistance, note } => self.transferred(Part { to, assistance, note }, 0)?,
            CaseStep::SignFor { transfer } => What::SignedFor { transfer: self.transfer(transfer, EventKind::SignedFor)? },
            CaseStep::Return { transfer, reason } => {
                What::Returned { transfer: self.transfer(transfer, EventKind::Returned)?, reason }
            }
            CaseStep::Session { transfer, text } => {
                let text = needed("text", text, "须写明服务内容")?;
                What::Session { transfer: self.transfer(transfer, EventKind::Session)?, text }
            }
            CaseStep::Outcome { transfer, change, text, follow_up } => {
                What::Outcome { transfer: self.transfer(transfer, EventKind::Outcome)?, change, text, follow_up }
            }
            CaseStep::Feedback { transfer, result, text, amount } => {
                What::Feedback { transfer: self.transfer(transfer, EventKind::Feedback)?, result, text, amount }
            }
            step @ (CaseStep::AuthoriseCheck { .. }
            | CaseStep::WithdrawAuthorisation { .. }
            | CaseStep::AskCheck { .. }
            | CaseStep::StartCheck {}
            | CaseStep::ConcludeCheck {}
            | CaseStep::CannotCheck { .. }
            | CaseStep::ObjectToCheck { .. }
            | CaseStep::SettleCheckObjection { .. }) => self.room.check_step(self.file, self.packs, step)?,
            CaseStep::GiveUp { reason } => What::GaveUp { reason },
            CaseStep::Close { result } => What::Closed { result },
            CaseStep::Rate { score, text } if (1..=5).contains(&score) => What::Satisfaction { score, text },
            CaseStep::Rate { .. } => return Err(DeskError::invalid("score", "评分为 1 到 5")),
            CaseStep::TakeBack { event, reason } => {
                let item = self.standing().timeline.iter().find(|item| item.id == event);
                let item = item.ok_or_else(|| DeskError::not_found("记录"))?;
                if !self.room.may_take_back(item) {
                    return Err(DeskError::not_permitted("只能撤销本机构或下级的有效记录；部门、服务机构只能撤销自己的"));
                }
                What::Withdrawn { event, reason }
            }
            CaseStep::Note { text } => What::Note { text: needed("text", text, "备注不能为空")? },
            CaseStep::Route { .. }
            | CaseStep::Split { .. }
            | CaseStep::AssessNeeds { .. }
            | CaseStep::Book { .. }
            | CaseStep::ConfirmBooking { .. }
            | CaseStep::DeclineBooking { .. }
            | CaseStep::CancelBooking { .. }
            | CaseStep::EndBooking { .. } => return Err(DeskError::not_found("步骤")),
        })
    }

    /// A kind of assistance of the case's pack; empty stays empty.
    fn kind_of(&self, assistance: String) -> Result<String, DeskError> {
        let known = |code: &str| self.packs.get(&self.standing().pack).is_none_or(|pack| pack.kind(code).is_some());
        if assistance.is_empty() || known(&assistance) {
            return Ok(assistance);
        }
        Err(DeskError::invalid("assistance", "政策包中没有这一救助种类"))
    }

    /// What the family is to be told in writing next.
    fn untold(&self) -> Result<Untold<'_>, DeskError> {
        self.standing().untold().ok_or_else(|| DeskError::NotNow { why: "没有要书面告知的决定".to_owned() })
    }

    /// The last day of a notice that begins on `from`.
    fn notice_until(&self, from: Day) -> Day {
        let kind = self.packs.get(&self.standing().pack).and_then(|pack| pack.kind(&self.standing().assistance));
        let days = kind.map_or(7, |kind| self.standing().notice_days(kind));
        from.plus(i32::try_from(days).unwrap_or(7) - 1)
    }

    /// A number nobody else gives: the day, the office, and five digits of the action's id.
    fn number(&self) -> Result<String, DeskError> {
        let (year, month, day) = self.room.day.ymd();
        let id = u128::from_le_bytes(self.room.action.0);
        for shift in 0..8_u128 {
            let digits = (id >> (shift * 16)) % 100_000;
            let number = format!("SL{year:04}{month:02}{day:02}-{:03}-{digits:05}", self.room.here.office.0);
            if self.room.reader.case_numbered(&number)?.is_empty() {
                return Ok(number);
            }
        }
        Err(DeskError::NotNow { why: "受理编号重复，请再按一次".to_owned() })
    }

    /// What only the Desk can know of an emergency: what the family had before, for this cause and in this period.
    /// The kind, and an acceptance number when the case has none.
    fn emergency(&self, amount: Fen, assistance: String, again: &str) -> Result<(String, String), DeskError> {
        let s = self.standing();
        let asked = if assistance.is_empty() { s.assistance.clone() } else { assistance };
        let rule = self.packs.get(&s.pack).and_then(|pack| pack.kind(&asked)).and_then(|kind| kind.emergency.as_ref());
        if let Some(rule) = rule.filter(|rule| rule.unset().is_none()) {
            self.room.within_household_limit(s, rule, amount)?;
        }
        if let Some(open) = s.doubled.iter().find(|doubled| doubled.ruling.is_none()) {
            return Err(DeskError::NotNow { why: unsettled(open) });
        }
        let as_asked = Standing { assistance: asked.clone(), ..s.clone() };
        for known in self.room.granted_before(&self.case, &as_asked, self.packs)? {
            if known.never {
                return Err(DeskError::NotNow { why: known.block() });
            }
            if again.trim().is_empty() {
                return Err(DeskError::invalid("again", known.block()));
            }
        }
        let number = if s.number.is_some() { String::new() } else { self.number()? };
        Ok((asked, number))
    }

    fn decision(&self, outcome: Verdict, amount: Option<Fen>, reason: String) -> Result<What, DeskError> {
        let (amount, formula) = match outcome {
            Verdict::Refused => (Fen(0), String::new()),
            Verdict::Approved => {
                if let Some(open) = self.standing().doubled.iter().find(|doubled| doubled.ruling.is_none()) {
                    return Err(DeskError::NotNow { why: unsettled(open) });
                }
                for known in self.room.granted_before(&self.case, self.standing(), self.packs)? {
                    if known.never {
                        return Err(DeskError::NotNow { why: known.block() });
                    }
                    if reason.trim().is_empty() {
                        return Err(DeskError::invalid("reason", known.block()));
                    }
                }
                match (amount, self.standing().proposed, self.room.proposal(self.standing(), self.packs)?) {
                    // What an office proposed carries its working with it.
                    (None, Some(proposed), _) => (proposed, self.proposed_formula()),
                    (Some(amount), Some(proposed), _) if amount == proposed => (proposed, self.proposed_formula()),
                    _ => self.room.settle(self.standing(), self.packs, amount, &reason)?,
                }
            }
        };
        let s = self.standing();
        Ok(What::Decided { outcome, amount, reason, formula, pack: s.pack.clone(), saw: s.saw() })
    }

    fn proposed_formula(&self) -> String {
        let proposals =
            self.standing().timeline.iter().rev().filter(|item| item.effect == shouwang_protocol::standing::Effect::Counts);
        let mut latest = proposals.filter_map(|item| match &item.event.what {
            What::Proposed { formula, .. } => Some(formula.clone()),
            _ => None,
        });
        latest.next().unwrap_or_default()
    }

    fn account_last4(&self) -> Result<String, DeskError> {
        let Some(record) = &self.standing().household else { return Ok(String::new()) };
        Ok(self.room.reader.household(record)?.map(|found| last4(&found.household.bank_account)).unwrap_or_default())
    }

    fn payment(
        &self,
        amount: Option<Fen>,
        method: String,
        account: Option<String>,
        batch: String,
        period: Option<String>,
    ) -> Result<What, DeskError> {
        let s = self.standing();
        let listed = s.listed();
        let account_last4 = match (account, listed) {
            (Some(tail), _) => tail.trim().to_owned(),
            (None, Some(listed)) => listed.account_last4.clone(),
            (None, None) => self.account_last4()?,
        };
        if account_last4.chars().count() > 4 {
            return Err(DeskError::invalid("account_last4", "只写账号的后四位"));
        }
        let method = if method.trim().is_empty() { "银行转账".to_owned() } else { method };
        let batch = if batch.is_empty() { listed.map(|listed| listed.batch.clone()).unwrap_or_default() } else { batch };
        let of_list = s.payouts.iter().find(|payout| !batch.is_empty() && payout.batch == batch);
        let period = period.or_else(|| of_list.map(|payout| payout.period.clone()));
        let period = period.unwrap_or_else(|| month(self.room.day));
        let due = if s.is_monthly() { s.amount_for(&period) } else { s.decided().unwrap_or_default() };
        let amount = amount.unwrap_or(due);
        let decision = s.decision.as_ref().map(|decision| decision.id.clone());
        Ok(What::Paid { decision, amount, method, account_last4, batch, period })
    }

    /// Who shall verify: whom the person names, else the office right below that covers the case's area.
    fn verifier(&self, to: Option<To>) -> Result<Target, DeskError> {
        if let Some(to) = to {
            if to.kind != TargetKind::Office {
                return Err(DeskError::invalid("to", "核实由镇、村机构办理"));
            }
            return self.named(&to);
        }
        let mut holders = self.room.holders(&self.place)?;
        holders.retain(|office| office.tier < self.room.here.tier);
        let nearest = holders.into_iter().max_by_key(|office| office.tier);
        let nearest = nearest.ok_or_else(|| DeskError::invalid("to", "下级没有能看到此事项的机构，请先分派到镇或村"))?;
        Ok(Target::office(nearest.id, nearest.name))
    }

    /// Who gets a transfer: whom the person names, else the department in charge of the kind.
    fn receiver(&self, to: Option<To>, assistance: &str) -> Result<Target, DeskError> {
        if let Some(to) = to {
            return self.named(&to);
        }
        let code = if assistance.is_empty() { self.standing().assistance.as_str() } else { assistance };
        let pack = self.packs.get(&self.standing().pack);
        let department =
            pack.and_then(|pack| pack.kind(code)).map(|kind| kind.department.clone()).filter(|code| !code.is_empty());
        let id = department.ok_or_else(|| DeskError::invalid("to", "须选择转给谁"))?;
        self.named(&To { kind: TargetKind::Department, id })
    }

    fn named(&self, to: &To) -> Result<Target, DeskError> {
        let room = self.room;
        if to.kind == TargetKind::Office {
            let holders = room.holders(&self.place)?;
            let office = holders.into_iter().find(|office| office.id.to_string() == to.id);
            let office = office.ok_or_else(|| DeskError::invalid("to", "该机构看不到此事项，请先分派到它的辖区"))?;
            return Ok(Target::office(office.id, office.name));
        }
        // A department or a provider of a newer pack may get it too.
        let packs = self.packs.get(&self.standing().pack).into_iter().chain(room.pack(self.packs));
        let found = packs.flat_map(|pack| pack.receivers(to.kind)).find(|(code, _)| *code == to.id);
        let (id, name) = found.ok_or_else(|| DeskError::invalid("to", "政策包中没有这一部门或服务机构"))?;
        Ok(Target { kind: to.kind, id: id.to_owned(), name: name.to_owned() })
    }

    /// The transfer an answer is about: the one named, else the only one this person can answer so.
    fn transfer(&self, named: Option<OpId>, kind: EventKind) -> Result<OpId, DeskError> {
        let person = &self.room.person;
        if let Some(id) = named {
            let transfer = self.standing().transfers.iter().find(|transfer| transfer.id == id);
            let transfer = transfer.ok_or_else(|| DeskError::not_found("转办"))?;
            return if receives(transfer, person) {
                Ok(id)
            } else {
                Err(DeskError::not_permitted("这一转办不是转给您的部门或机构的"))
            };
        }
        let fits = |transfer: &&Transfer| {
            let state = match kind {
                EventKind::SignedFor => transfer.state == TransferState::ToSign,
                EventKind::Returned => transfer.state.is_open(),
                EventKind::Outcome => matches!(transfer.state, TransferState::Signed | TransferState::FedBack),
                EventKind::Feedback => matches!(transfer.state, TransferState::Signed | TransferState::Recalled),
                _ => transfer.state == TransferState::Signed,
            };
            state && receives(transfer, person)
        };
        let mut fitting = self.standing().transfers.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Ok(one.id.clone()),
            (None, _) => Err(DeskError::NotNow { why: "没有可以这样办理的转办".to_owned() }),
            (Some(_), Some(_)) => Err(DeskError::invalid("transfer", "有几次转办，须选择是哪一次")),
        }
    }

    /// A transfer, the one after `before` others of this action.
    fn transferred(&self, part: Part, before: usize) -> Result<What, DeskError> {
        let assistance = self.kind_of(part.assistance)?;
        let to = self.receiver(part.to, &assistance)?;
        let consent = self.room.may_be_told(self.standing(), self.packs, &to)?;
        let n = u32::try_from(self.standing().transfers.len() + before).unwrap_or(u32::MAX).saturating_add(1);
        Ok(What::Transferred { to, n, assistance, note: part.note, consent })
    }

    /// Hands the case to several receivers at once: one entry, all or nothing.
    fn split(&self, parts: Vec<Part>) -> Result<Plan, DeskError> {
        let room = self.room;
        if !(2..=PARTS_MAX).contains(&parts.len()) {
            return Err(DeskError::invalid("parts", format!("分办须选 2 到 {PARTS_MAX} 个接收方；只转一处的用“转办”")));
        }
        if parts.iter().map(|part| part.note.len()).sum::<usize>() > PARTS_BYTES_MAX {
            return Err(DeskError::invalid("note", "内容过长，请写得简短些"));
        }
        let (mut sent, mut plan) = (Vec::new(), Plan::default().about(self.case));
        for part in parts {
            let what = short(self.transferred(part, sent.len())?)?;
            let What::Transferred { to, assistance, .. } = &what else { continue };
            let both = (to.clone(), assistance.clone());
            if sent.contains(&both) {
                return Err(DeskError::invalid("parts", format!("{}选了两次", to.name)));
            }
            sent.push(both);
            let event = room.event(what);
            would_count(self.standing(), self.packs, room.here.tier, &event).map_err(refused)?;
            plan = plan.draft(self.place, room.volume(self.case), append(&event));
        }
        let names: Vec<&str> = sent.iter().map(|(to, _)| to.name.as_str()).collect();
        plan.outcome.message = format!("已分办 {} 处：{}", names.len(), names.join("、"));
        plan.shown = room.shown(&self.case, self.standing())?;
        Ok(plan)
    }

    /// Begins the case anew where it belongs, and ends this one with the new one's name.
    fn route(&self, household: Option<RecordId>, area: Option<AreaId>) -> Result<Plan, DeskError> {
        let room = self.room;
        let old = self.standing();
        let household = household.or(old.household);
        let area = match household {
            Some(record) => room.household(&record)?.place.area,
            None => area.ok_or_else(|| DeskError::invalid("area", "须选择村(社区)或镇(街道)"))?,
        };
        let place = room.casework(area)?;
        // Also aside, to another township, from the city: nobody stands at the wrong window.
        let onward = place.floor < self.place.floor || (place.floor == self.place.floor && place.area != self.place.area);
        if !onward || permit::covers(&room.here, &room.divisions, area).is_err() {
            return Err(DeskError::invalid("area", "只能分派到本机构辖区之内的镇或村；别处的请由市级分派"));
        }
        let new = CaseId(room.action.0);
        let name = room.place_name(area);
        let routed = room.event(What::Routed { to: new.to_string(), area: name.clone() });
        would_count(old, self.packs, room.here.tier, &routed).map_err(refused)?;
        let (Some(origin), Some(channel), Some(urgency)) = (old.origin, old.channel, old.urgency) else {
            return Err(DeskError::NotNow { why: "登记内容尚未到达本机".to_owned() });
        };
        let opened = room.event(What::Opened {
            origin,
            channel,
            assistance: old.assistance.clone(),
            household,
            applicant: old.applicant.clone(),
            summary: old.summary.clone(),
            urgency,
            rule: routed_rule(&old.rule, &self.case),
            cause: old.cause.clone(),
            pack: old.pack.clone(),
        });
        let mut plan = Plan::saying(format!("已分派到{name}")).about(new);
        plan.shown = room.shown(&self.case, old)?;
        plan.shown.extend(household);
        plan = plan.draft(place, room.volume(new), append(&opened));
        if !old.answers.is_empty() {
            let filled = room.event(What::FormFilled { answers: old.answers.clone() });
            plan.rest.push((place, append(&filled)));
        }
        if old.finding == Some(Finding::True) {
            let found = room.event(What::Verified { outcome: Finding::True, note: "分派前已核实".to_owned() });
            plan = plan.draft(place, room.volume(new), append(&found));
        }
        Ok(plan.draft(self.place, room.volume(self.case), append(&routed)))
    }
}

fn needed(field: &str, text: String, why: &str) -> Result<String, DeskError> {
    if text.trim().is_empty() { Err(DeskError::invalid(field, why)) } else { Ok(text) }
}
