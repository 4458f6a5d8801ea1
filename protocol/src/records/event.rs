//! What can happen in a case (事项): one variant of [`What`] for each thing people do, from 受理 to 办结.
//!
//! An [`Event`] is a flat map of scalars in a volume: the office, the person, the claimed day, the fields of its
//! variant, and its kind word `k` last (see [`super::case`] for why). The tables below are the only place that says
//! which variant has which word and which fields; a field keeps its name and meaning for ever. A kind or a word
//! that this version doesn't know becomes [`What::Unknown`]: kept, shown, without effect.

use super::amount::Fen;
use super::cell::{Cell, words};
use super::day::Day;
use super::project::ShareId;
use super::{Fields, OpId, number_of, str_value, text_of};
use crate::device::OfficeId;
use crate::record::RecordId;
use automerge::ScalarValue;
use std::collections::BTreeMap;

words! {
    /// How a case begins.
    Origin {
        Application "application" "申请",
        Plea "plea" "求助",
        Warning "warning" "预警",
        Consultation "consultation" "咨询",
    }
    /// Where it came in.
    Channel {
        CityWindow "city-window" "市级窗口",
        TownshipWindow "township-window" "镇级窗口",
        Village "village" "村(社区)",
        Kiosk "kiosk" "救助一体机",
        Web "web" "救助关爱网",
        Wechat "wechat" "微信公众号",
        Feed "feed" "数据推送",
    }
    /// How fast it must go.
    Urgency {
        Normal "normal" "一般",
        Urgent "urgent" "紧急",
        Critical "critical" "特急",
    }
    /// What a visit or call found.
    Finding {
        True "true" "属实",
        False "false" "不属实",
        Unclear "unclear" "不清",
    }
    /// What pre-examination says.
    Opinion {
        For "for" "符合条件",
        Against "against" "不符合条件",
    }
    /// What was decided.
    Verdict {
        Approved "approved" "批准",
        Refused "refused" "不予批准",
    }
    /// What a department, office or provider reports about a transfer.
    Answer {
        Approved "approved" "审核通过",
        Refused "refused" "审核不通过",
        Served "served" "已提供服务",
        Answered "answered" "已答复",
        Impossible "impossible" "无法办理",
    }
    /// How a service ended for the person.
    Change {
        Reached "reached" "目标达成",
        Better "better" "有改善",
        Same "same" "无变化",
        Worse "worse" "恶化",
        Left "left" "退出服务",
    }
    /// What was found about two grants that look like one.
    Ruling {
        Both "both" "不属于重复，两项都保留",
        This "this" "属于重复，保留本项",
        Other "other" "属于重复，纠正本项",
    }
    /// Whether somebody came to what was booked.
    Attendance {
        Attended "attended" "全程参加",
        Partly "partly" "部分参加",
        Absent "absent" "未参加",
    }
    /// What a check of means (家庭经济状况核对) came to.
    Agreement {
        Same "same" "一致",
        Differs "differs" "不一致",
        Unclear "unclear" "部分无法比对",
    }
    /// What was given in an emergency.
    Given {
        Cash "cash" "现金",
        Goods "goods" "实物",
        Service "service" "服务",
    }
    /// How a written notice reached the family.
    Delivery {
        Handed "handed" "当面送交",
        Kin "kin" "同住成年家属代收",
        Post "post" "邮寄",
        Left "left" "留置",
        Posted "posted" "公告",
    }
    /// How a decision is disputed before another authority.
    Dispute {
        Review "review" "行政复议",
        Lawsuit "lawsuit" "行政诉讼",
    }
    /// What that authority said of the decision.
    DisputeEnd {
        Stands "stands" "维持原决定",
        SetAside "set-aside" "撤销、变更或责令重新办理",
        Dropped "dropped" "申请人撤回",
    }
    /// What an organisation may be shown of a case.
    Shown {
        Name "name" "姓名",
        Place "place" "所在村(社区)",
        Matter "matter" "事由和办理结果",
        Form "form" "申请表的内容",
        Status "status" "已确认的困难身份",
    }
    /// Who agreed that an organisation is told.
    Giver {
        Own "own" "本人",
        Guardian "guardian" "监护人",
    }
    /// How they agreed.
    Agreed {
        Signed "signed" "书面签字",
        Witnessed "witnessed" "当面口头，有人见证",
        Recorded "recorded" "电话录音",
    }
    /// Whom a transfer goes to.
    TargetKind {
        Department "department" "部门",
        Office "office" "机构",
        Provider "provider" "服务机构",
    }
}

/// Whom a transfer or a verification goes to. Written as three scalars, so that an event stays flat.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Its code in the policy pack; for an office, its number.
    pub id: String,
    /// Its name as it was then.
    pub name: String,
}

impl Target {
    /// An office as target.
    pub fn office(id: OfficeId, name: impl Into<String>) -> Target {
        Target { kind: TargetKind::Office, id: id.0.to_string(), name: name.into() }
    }

    /// A department as target.
    pub fn department(id: impl Into<String>, name: impl Into<String>) -> Target {
        Target { kind: TargetKind::Department, id: id.into(), name: name.into() }
    }

    /// A provider as target.
    pub fn provider(id: impl Into<String>, name: impl Into<String>) -> Target {
        Target { kind: TargetKind::Provider, id: id.into(), name: name.into() }
    }

    /// Whether it is this office.
    pub fn is_office(&self, office: OfficeId) -> bool {
        self.kind == TargetKind::Office && self.id.parse() == Ok(office.0)
    }
}

impl Cell for Target {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        self.kind.give(key, out);
        self.id.give(&format!("{key}_id"), out);
        self.name.give(&format!("{key}_name"), out);
    }
    fn take(key: &str, fields: &mut Fields) -> Option<Target> {
        let (id, name) = (fields.text(&format!("{key}_id")), fields.text(&format!("{key}_name")));
        Some(Target { kind: TargetKind::take(key, fields)?, id, name })
    }
}

/// An answer of an application form. Written as lines `code, tab, name, tab, text`, so that an event stays flat.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Answered {
    /// The question's code in the policy pack.
    pub code: String,
    /// Its name as it was then.
    pub name: String,
    /// The answer; empty: it was taken out.
    pub text: String,
}

impl Cell for Vec<Answered> {
    fn give(&self, key: &str, out: &mut Vec<(String, ScalarValue)>) {
        let plain = |text: &str| text.replace(['\t', '\n', '\r'], " ");
        let line = |it: &Answered| format!("{}\t{}\t{}", plain(&it.code), plain(&it.name), plain(&it.text));
        self.iter().map(line).collect::<Vec<String>>().give(key, out);
    }
    fn take(key: &str, fields: &mut Fields) -> Option<Vec<Answered>> {
        let read = |line: String| {
            let mut parts = line.splitn(3, '\t').map(str::to_owned);
            Some(Answered { code: parts.next()?, name: parts.next()?, text: parts.next()? })
        };
        Vec::<String>::take(key, fields)?.into_iter().map(read).collect()
    }
}

/// The one table of events: variant, word, Chinese name, fields.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $word:literal $label:literal { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        /// What happened.
        #[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
        #[serde(tag = "k")]
        pub enum What {
            $($(#[$doc])* #[serde(rename = $word)] $variant { $($(#[$field_doc])* $field: $kind,)* },)*
            /// A kind, or a word in one, that this version doesn't know, or fields that were changed afterwards.
            Unknown {
                /// The kind word.
                kind: String,
                /// Everything it says, as text.
                fields: BTreeMap<String, String>,
            },
        }

        /// The kinds of events people may make.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
        #[serde(into = "&'static str")]
        pub enum EventKind { $($(#[$doc])* $variant,)* }

        impl EventKind {
            /// Every kind, in the order of the work.
            pub const ALL: &[EventKind] = &[$(EventKind::$variant),*];

            /// The word in records and interfaces.
            pub fn word(self) -> &'static str {
                match self { $(EventKind::$variant => $word,)* }
            }

            /// The Chinese name on buttons and timelines.
            pub fn label(self) -> &'static str {
                match self { $(EventKind::$variant => $label,)* }
            }

            /// The inverse of `word`.
            pub fn from_word(word: &str) -> Option<EventKind> {
                EventKind::ALL.iter().copied().find(|kind| kind.word() == word)
            }
        }

        impl From<EventKind> for &'static str {
            fn from(value: EventKind) -> &'static str {
                value.word()
            }
        }

        impl What {
            /// Its kind; none when unknown.
            pub fn kind(&self) -> Option<EventKind> {
                match self {
                    $(What::$variant { .. } => Some(EventKind::$variant),)*
                    What::Unknown { .. } => None,
                }
            }

            fn give(&self, out: &mut Vec<(String, ScalarValue)>) {
                match self {
                    $(What::$variant { $($field),* } => { $(Cell::give($field, stringify!($field), out);)* })*
                    What::Unknown { .. } => {}
                }
            }

            fn take(kind: EventKind, fields: &mut Fields) -> Option<What> {
                Some(match kind {
                    $(EventKind::$variant => What::$variant { $($field: Cell::take(stringify!($field), fields)?),* },)*
                })
            }
        }
    };
}

events! {
    /// The first word: an application, a plea, a warning, a consultation.
    Opened "opened" "登记" {
        /// How it begins.
        origin: Origin,
        /// Where it came in.
        channel: Channel,
        /// The kind of assistance: a code of the policy pack; may be open for a plea.
        assistance: String,
        /// The household, when it is known.
        household: Option<RecordId>,
        /// Who asks or is concerned.
        applicant: String,
        /// What it is about, without more than needed.
        summary: String,
        /// How fast it must go.
        urgency: Urgency,
        /// The rule of a warning, or why staff opened it.
        rule: String,
        /// The cause of the hardship it is for (code); empty: not said.
        cause: String,
        /// The policy pack's version.
        pack: String,
    }
    /// An office is asked to find out whether it is so.
    VerifyAsked "verify-asked" "请求核实" {
        /// Who shall verify.
        to: Target,
        /// What to look at.
        note: String,
    }
    /// What was found.
    Verified "verified" "核实" {
        /// True, false, unclear.
        outcome: Finding,
        /// How it was found.
        note: String,
    }
    /// A clue or consultation becomes the person's own application.
    Applied "applied" "转为申请" {
        /// The kind of assistance asked for; empty: as before.
        assistance: String,
        /// What the person says.
        note: String,
    }
    /// Staff apply for the person (主动发现/代办).
    AppliedOnBehalf "applied-on-behalf" "代为申请" {
        /// The kind of assistance; empty: as before.
        assistance: String,
        /// Why.
        reason: String,
    }
    /// The application form of the kind is filled in, or answers are put right (填写申请表).
    FormFilled "form-filled" "填写申请表" {
        /// What was answered; others stay as they were.
        answers: Vec<Answered>,
    }
    /// Everything missing is named, once (一次性告知).
    MaterialsAsked "materials-asked" "一次性告知补正" {
        /// What is missing.
        materials: Vec<String>,
        /// Why something is asked for that the household gave before; empty: nothing is.
        again: String,
    }
    /// What was missing has come.
    MaterialsGiven "materials-given" "已补正" {
        /// Which and how.
        note: String,
    }
    /// Accepted.
    Accepted "accepted" "受理" {
        /// The acceptance number.
        number: String,
    }
    /// Not accepted, with the reason in writing.
    NotAccepted "not-accepted" "不予受理" {
        /// Why.
        reason: String,
    }
    /// Somebody who handles cases, or a member of the village committee, is a near relative (近亲属备案).
    Declared "declared" "近亲属备案" {
        /// Who it is.
        of: String,
        /// How they are related.
        relation: String,
    }
    /// A home visit (入户调查).
    Visited "visited" "入户调查" {
        /// Who went: at least two.
        investigators: Vec<String>,
        /// The member of the household who signed.
        present: String,
        /// Why nobody could go, when it was done from afar; empty: they went.
        remote: String,
        /// What they found.
        findings: String,
    }
    /// Neighbours and members of the village committee say what they know of the family (民主评议).
    Appraised "appraised" "民主评议" {
        /// How many were there.
        attended: u32,
        /// How many of them were in favour.
        in_favour: u32,
        /// What was said, without names of who said it.
        note: String,
    }
    /// Pre-examination.
    PreExamined "pre-examined" "预审" {
        /// For or against.
        opinion: Opinion,
        /// In words.
        note: String,
    }
    /// The opinion is put up where everybody in the village can read it (公示).
    NoticePosted "notice-posted" "公示" {
        /// Where.
        place: String,
        /// The first day.
        from: Day,
        /// The last day.
        until: Day,
        /// What it says, word for word (see [`crate::notice`]); empty in entries of older versions.
        text: String,
    }
    /// Somebody objects to it.
    Objected "objected" "提出异议" {
        /// What is said, without the name of who says it.
        text: String,
    }
    /// What came of looking into an objection; one that is true sends the case back to pre-examination.
    ObjectionSettled "objection-settled" "异议处理" {
        /// True or false.
        outcome: Finding,
        /// How it was found.
        note: String,
    }
    /// The notice was up for its whole time, and nothing is left to be looked into.
    NoticeEnded "notice-ended" "公示期满" {
        /// In words.
        note: String,
    }
    /// An office's opinion on the amount.
    Proposed "proposed" "拟定金额" {
        /// The amount.
        amount: Fen,
        /// How it was computed.
        formula: String,
    }
    /// The decision. It names what it saw.
    Decided "decided" "审批" {
        /// Approved or refused.
        outcome: Verdict,
        /// The amount; 0 when refused.
        amount: Fen,
        /// Why; must be there when refused.
        reason: String,
        /// How the amount was computed.
        formula: String,
        /// The policy pack it was made under; empty: the case's.
        pack: String,
        /// The events it saw, as `counter@actor`.
        saw: Vec<String>,
    }
    /// Put on a list of what goes to the bank (发放名册).
    PayListed "pay-listed" "列入发放名册" {
        /// The batch.
        batch: String,
        /// The month it is for, `2019-06`.
        period: String,
        /// How much.
        amount: Fen,
        /// The last four characters of the account.
        account_last4: String,
    }
    /// Money went out.
    Paid "paid" "发放" {
        /// The decision it carries out; none: the one in force.
        decision: Option<OpId>,
        /// How much.
        amount: Fen,
        /// How.
        method: String,
        /// The last four characters of the account.
        account_last4: String,
        /// The batch at the bank.
        batch: String,
        /// The month it is for, `2019-06`; empty: that of the day, or of the batch it was listed in.
        period: String,
    }
    /// Money came back, or did not arrive.
    PaymentFailed "payment-failed" "发放失败" {
        /// Why.
        reason: String,
        /// The batch it was in; empty: the payment that stands, or what was paid twice.
        batch: String,
    }
    /// The person is heard before a monthly benefit is made less or stopped (听取意见).
    Heard "heard" "听取意见" {
        /// Who was heard, and how.
        who: String,
        /// What they said.
        text: String,
    }
    /// A monthly benefit is made more or less, or stopped (调整).
    Adjusted "adjusted" "调整待遇" {
        /// How much a month; 0: stopped.
        amount: Fen,
        /// From this month on, `2019-06`.
        from: String,
        /// Why.
        reason: String,
        /// How the amount was computed.
        formula: String,
    }
    /// The family is told in writing that it was refused, or that a monthly benefit is made less or stopped (书面告知).
    NoticeWritten "cut-noticed" "出具书面通知" {
        /// The decision or adjustment it tells of.
        adjustment: OpId,
        /// What it says, line by line.
        text: String,
    }
    /// That notice reached somebody (送达).
    NoticeServed "cut-served" "送达书面通知" {
        /// The decision or adjustment it tells of.
        adjustment: OpId,
        /// To whom.
        to: String,
        /// How.
        how: Delivery,
        /// The day.
        on: Day,
        /// What there is to say about it.
        note: String,
    }
    /// What was approved is made public (公布, 社会救助法 art. 45).
    Published "published" "公布" {
        /// Where.
        place: String,
        /// The first day.
        from: Day,
        /// The last day.
        until: Day,
        /// What it says, word for word (see [`crate::notice`]).
        text: String,
        /// The decision or adjustment that it tells of; none: the one that holds where it stands.
        ruling: Option<OpId>,
    }
    /// Help is given first, out of the township's emergency allotment; the papers follow (先行救助, 社会救助法 art. 50).
    Emergency "emergency" "先行救助" {
        /// How much it is worth.
        amount: Fen,
        /// The kind of assistance; empty: as before.
        assistance: String,
        /// Why it could not wait.
        reason: String,
        /// Cash, goods or a service.
        given: Given,
        /// What was given, in words.
        what: String,
        /// Who received it.
        receiver: String,
        /// The use of the allotment, 32 hexadecimal digits.
        use_id: String,
        /// The acceptance number, when the case had none.
        number: String,
    }
    /// The papers of an emergency were looked at: it was right, or it was not (确认、不予确认).
    Acknowledged "acknowledged" "先行救助确认" {
        /// Confirmed or not.
        outcome: Verdict,
        /// Why; must be there when it is not confirmed.
        reason: String,
    }
    /// The person agrees that a provider is told of the case (单独同意, 个人信息保护法 art. 23).
    Consented "consented" "同意提供信息" {
        /// Whom it may be told to: a provider.
        to: Target,
        /// Whose information.
        whose: String,
        /// What may be shown: words of [`Shown`].
        scope: Vec<String>,
        /// Who agreed.
        given_by: Giver,
        /// The name of who agreed.
        giver: String,
        /// How.
        how: Agreed,
        /// The last day it holds; none: until it is taken back.
        until: Option<Day>,
        /// Who witnessed it, where the paper or the recording is.
        note: String,
        /// The last withdrawal for this provider that whoever wrote it down knew of; none: of none.
        after: Option<OpId>,
    }
    /// The person takes that back (art. 15).
    ConsentWithdrawn "consent-withdrawn" "撤回同意" {
        /// The consent; every other one for the same provider ends with it.
        consent: OpId,
        /// Who said so, and how. No reason is asked for.
        note: String,
    }
    /// Handed to a department, an office or a provider (转办、分办).
    Transferred "transferred" "转办" {
        /// To whom.
        to: Target,
        /// The number of the transfer within the case.
        n: u32,
        /// The kind of assistance or service it is for.
        assistance: String,
        /// What is asked.
        note: String,
        /// The consent that it rests on; none: nobody was asked.
        consent: Option<OpId>,
    }
    /// The receiver has taken it.
    SignedFor "signed-for" "签收" {
        /// Which transfer.
        transfer: OpId,
    }
    /// The receiver gives it back.
    Returned "returned" "退回" {
        /// Which transfer.
        transfer: OpId,
        /// Why.
        reason: String,
    }
    /// The office that handed it over takes it back from a provider that was told by consent.
    Recalled "recalled" "收回转办" {
        /// Which transfer.
        transfer: OpId,
        /// Why.
        reason: String,
    }
    /// One visit or session of a service.
    Session "session" "服务记录" {
        /// Which transfer.
        transfer: OpId,
        /// What was done.
        text: String,
    }
    /// How a service ended.
    Outcome "outcome" "服务成效" {
        /// Which transfer.
        transfer: OpId,
        /// The change for the person.
        change: Change,
        /// In plain words, without clinical detail.
        text: String,
        /// When somebody shall look again.
        follow_up: Option<Day>,
    }
    /// The receiver's result.
    Feedback "feedback" "反馈" {
        /// Which transfer.
        transfer: OpId,
        /// The result.
        result: Answer,
        /// In words.
        text: String,
        /// What the household was given, or what goods and services are worth; none: nothing, or not said.
        amount: Option<Fen>,
    }
    /// The applicant takes the application back.
    GaveUp "gave-up" "申请人撤回" {
        /// Why.
        reason: String,
    }
    /// Done.
    Closed "closed" "办结" {
        /// The result in words for the person.
        result: String,
    }
    /// A case without a village yet goes on as a new case in the right area (分派); this one is done.
    Routed "routed" "分派" {
        /// The new case, 32 hexadecimal digits.
        to: String,
        /// The area it lives in, by name.
        area: String,
    }
    /// What the person says about it.
    Satisfaction "satisfaction" "评价" {
        /// 1 to 5.
        score: u32,
        /// In words.
        text: String,
    }
    /// Somebody looks again how the family is, after help came (回访).
    FollowedUp "followed-up" "回访" {
        /// The day.
        on: Day,
        /// Who was spoken to, and how.
        whom: String,
        /// How they are.
        text: String,
        /// When somebody shall look once more; none: no more.
        next: Option<Day>,
    }
    /// A decision is disputed before another authority (行政复议、行政诉讼).
    Disputed "disputed" "登记复议、诉讼" {
        /// How.
        how: Dispute,
        /// Before which authority.
        body: String,
        /// Its number there; empty: not known yet.
        number: String,
        /// The day.
        on: Day,
        /// The decision or adjustment that is disputed; none: something else.
        about: Option<OpId>,
    }
    /// What came of it.
    DisputeEnded "dispute-ended" "复议、诉讼结果" {
        /// Which dispute.
        dispute: OpId,
        /// What was said of the decision.
        outcome: DisputeEnd,
        /// In words, with the number of the paper.
        text: String,
    }
    /// The papers are filed (归档).
    Archived "archived" "归档" {
        /// The number of the file.
        number: String,
        /// Where the papers are.
        note: String,
    }
    /// A mistaken entry is taken back by a new one that names it.
    Withdrawn "withdrawn" "撤销记录" {
        /// The mistaken event.
        event: OpId,
        /// Why.
        reason: String,
    }
    /// The clock stops.
    Suspended "suspended" "中止计时" {
        /// Why.
        reason: String,
    }
    /// The clock goes on.
    Resumed "resumed" "恢复计时" {
        /// Why.
        note: String,
    }
    /// The term is made longer.
    Extended "extended" "延长期限" {
        /// Working days.
        days: u32,
        /// Why.
        reason: String,
    }
    /// Another person of the same office has it in hand from now on (移交).
    HandedOver "handed-over" "移交承办" {
        /// The staff id.
        to: String,
        /// The name.
        to_name: String,
        /// Why.
        reason: String,
    }
    /// Whoever's turn it is is urged on.
    Urged "urged" "催办" {
        /// In words.
        note: String,
    }
    /// Another case looks as if the same were granted twice; what is told of it names no person (疑似重复).
    DoubleFound "double-found" "疑似重复" {
        /// The other case, 32 hexadecimal digits.
        other: String,
        /// Where, when and what was granted there.
        told: String,
    }
    /// A person has settled whether the two are one (重复核定).
    DoubleSettled "double-settled" "重复核定" {
        /// The other case, 32 hexadecimal digits.
        other: String,
        /// Which of the two stand.
        ruling: Ruling,
        /// Where, when and what was granted there.
        told: String,
        /// Why.
        reason: String,
    }
    /// Money that was paid for nothing came back (追缴到账).
    Recovered "recovered" "追缴到账" {
        /// How much.
        amount: Fen,
        /// How.
        note: String,
    }
    /// What the household needs, as somebody found it (需求评估).
    NeedsAssessed "needs-assessed" "需求评估" {
        /// The needs: codes of the policy pack.
        needs: Vec<String>,
        /// Their names as they were then.
        names: Vec<String>,
        /// In words.
        text: String,
        /// The policy pack's version.
        pack: String,
    }
    /// A place of a care project is asked for (预约): a claim, until the city says so.
    Booked "booked" "预约" {
        /// The project.
        project: RecordId,
        /// Its name as it was then.
        title: String,
        /// Its kind, by name, as it was then.
        service: String,
        /// Who provides it, by name, as it was then.
        provider: String,
        /// The row of the project's division; none: its places are not divided.
        share: Option<ShareId>,
        /// How many places.
        places: u32,
        /// For whom of the household; empty: the applicant.
        whom: String,
        /// What should be known.
        note: String,
    }
    /// More is claimed than there are places, and this claim does not fit (名额冲突).
    BookingContested "booking-contested" "名额冲突" {
        /// Which booking.
        booking: OpId,
        /// Places of its row that are taken or were claimed before it.
        ahead: u32,
        /// Places of the row, or of the project where they are not divided.
        capacity: u32,
    }
    /// The place is given.
    BookingConfirmed "booking-confirmed" "确认预约" {
        /// Which booking.
        booking: OpId,
        /// Places of its row that are taken now, with this one.
        taken: u32,
        /// Places of the row, or of the project where they are not divided.
        capacity: u32,
        /// The last day of the row or the project; none: open.
        until: Option<Day>,
        /// In words.
        note: String,
    }
    /// The place is not given.
    BookingDeclined "booking-declined" "不予确认预约" {
        /// Which booking.
        booking: OpId,
        /// Why.
        reason: String,
    }
    /// The household does not come: the place is free again.
    BookingCancelled "booking-cancelled" "取消预约" {
        /// Which booking.
        booking: OpId,
        /// Why.
        reason: String,
    }
    /// What became of it.
    BookingEnded "booking-ended" "登记参加情况" {
        /// Which booking.
        booking: OpId,
        /// Whether somebody came.
        attendance: Attendance,
        /// In plain words.
        text: String,
    }
    /// Somebody has agreed in writing that their means are asked about (核对授权).
    CheckAuthorised "check-authorised" "核对授权" {
        /// Who: the name of the member's row; of a supporter outside the household, see [`super::verification::supporter`].
        person: String,
        /// The name.
        whose: String,
        /// How a supporter outside the household is related; empty: a member.
        relation: String,
        /// The identity number of a supporter; empty: a member, whose number stands in the household.
        id_no: String,
        /// Who signed.
        signer: String,
        /// Why somebody else signs (guardian); empty: they signed themselves.
        guardian: String,
        /// The sources that may be asked (codes of the policy pack).
        scope: Vec<String>,
        /// What for.
        purpose: String,
        /// The day it was signed.
        signed: Day,
        /// The last day it holds.
        until: Day,
        /// Where the paper is.
        paper: String,
    }
    /// An authorisation is taken back.
    CheckUnauthorised "check-unauthorised" "撤回核对授权" {
        /// The authorisation.
        authorisation: OpId,
        /// Why.
        reason: String,
    }
    /// The city is asked to check the family's means (提请核对); with `supersedes`, once more (复查).
    CheckAsked "check-asked" "提请核对" {
        /// The number of the request.
        number: String,
        /// Whose.
        people: Vec<String>,
        /// Their names.
        names: Vec<String>,
        /// At which sources (codes of the policy pack).
        sources: Vec<String>,
        /// The number of the check that this one replaces; empty: the first.
        supersedes: String,
        /// In words.
        note: String,
    }
    /// The city has begun to ask the sources.
    CheckStarted "check-started" "开始核对" {
        /// The number of the request.
        number: String,
    }
    /// Every source has answered. No figures: these stand in the verification record, which villages do not hold.
    CheckAnswered "check-answered" "核对完成" {
        /// The number of the request.
        number: String,
        /// What it came to.
        result: Agreement,
    }
    /// Why no check is possible.
    CheckImpossible "check-impossible" "无法核对说明" {
        /// Why.
        reason: String,
    }
    /// The family objects to what a check came to (核对异议).
    CheckObjected "check-objected" "核对异议" {
        /// The number of the request.
        number: String,
        /// What they say.
        text: String,
    }
    /// What came of looking into that; when it is true, the check is made once more.
    CheckObjectionSettled "check-objection-settled" "核对异议处理" {
        /// The number of the request.
        number: String,
        /// True or false.
        outcome: Finding,
        /// How it was found.
        note: String,
    }
    /// What an emergency gave and nobody can get back is written off (核销).
    WrittenOff "written-off" "核销" {
        /// How much.
        amount: Fen,
        /// Why.
        reason: String,
    }
    /// A remark.
    Note "note" "备注" {
        /// The remark.
        text: String,
    }
}

/// One event as somebody wrote it down.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Event {
    /// The office.
    pub by: OfficeId,
    /// The staff id.
    pub staff: String,
    /// The person's name as it was shown.
    pub name: String,
    /// The day the person claims; none when unreadable.
    pub day: Option<Day>,
    /// What happened.
    pub what: What,
    /// Fields of a newer version.
    pub other: BTreeMap<String, String>,
}

impl Event {
    /// An event of today.
    pub fn new(by: OfficeId, staff: impl Into<String>, name: impl Into<String>, day: Day, what: What) -> Event {
        Event { by, staff: staff.into(), name: name.into(), day: Some(day), what, other: BTreeMap::new() }
    }

    /// The scalars it is written as, the kind word last.
    pub(crate) fn give(&self) -> Vec<(String, ScalarValue)> {
        let mut out = Vec::new();
        self.by.0.give("by", &mut out);
        self.staff.give("staff", &mut out);
        self.name.give("name", &mut out);
        self.day.give("day", &mut out);
        self.what.give(&mut out);
        if let Some(kind) = self.what.kind() {
            out.push(("k".to_owned(), str_value(kind.word())));
        }
        out
    }

    /// Reads an event; what this version does not know becomes [`What::Unknown`].
    pub(crate) fn take(mut fields: Fields) -> Event {
        let by = OfficeId(fields.0.remove("by").and_then(|by| u32::try_from(number_of(&by)?).ok()).unwrap_or_default());
        let (staff, name) = (fields.text("staff"), fields.text("name"));
        let day = Day::parse(&fields.text("day"));
        let word = fields.text("k");
        let all = fields.0.clone();
        let known = EventKind::from_word(&word).and_then(|kind| What::take(kind, &mut fields));
        let (what, other) = match known {
            Some(what) => (what, fields.rest()),
            None => {
                let fields = all.iter().map(|(key, value)| (key.clone(), text_of(value))).collect();
                (What::Unknown { kind: word, fields }, BTreeMap::new())
            }
        };
        Event { by, staff, name, day, what, other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_read_back() {
        let words: std::collections::BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_word(kind.word()), Some(*kind));
        }
    }

    #[test]
    fn no_field_of_any_event_hides_what_every_event_carries() {
        // `by staff name day k` belong to the event; a variant's field of that name would overwrite it.
        let target = Target::department("教育局", "市教育局");
        let mut out = Vec::new();
        target.give("to", &mut out);
        assert_eq!(out.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["to", "to_id", "to_name"]);
        let op = OpId { counter: 1, actor: automerge::ActorId::from([1u8; 16]) };
        for what in
            [What::Session { transfer: op.clone(), text: String::new() }, What::Satisfaction { score: 5, text: "好".into() }]
        {
            let event = Event::new(OfficeId(7), "s1", "王某", Day(18_000), what);
            let keys: Vec<String> = event.give().into_iter().map(|(key, _)| key).collect();
            let unique: std::collections::BTreeSet<_> = keys.iter().collect();
            assert_eq!(unique.len(), keys.len());
            assert_eq!(Event::take(Fields(event.give().into_iter().collect())), event);
        }
    }
}
