//! The form of each step of a case: which fields it has, what stands in them before anybody types, and which step
//! of the Desk they become.
//!
//! What can be known is filled in: the amount that the policy pack proposes, the decision's amount for the payment,
//! the transfers this person may answer. Whether a step is allowed is not asked here: that is the Desk's matter.

use super::view::{Choice, Field, Input};
use super::wording;
use crate::desk::consents::ConsentChoices;
use crate::desk::{CaseStep, Choices, Held, Part, Receiver, To, VisitNames};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{
    Agreed, Answer, Attendance, Change, Delivery, Dispute, DisputeEnd, EventKind, Finding, Given, Giver, Opinion, Shown,
    TargetKind, Verdict,
};
use shouwang_protocol::records::policy::{Holds, Question};
use shouwang_protocol::standing::{Standing, Transfer, TransferState};
use std::collections::BTreeMap;

/// What a form may fill in.
pub struct Known<'a> {
    /// Where the case stands.
    pub standing: &'a Standing,
    /// The amount by the pack's formula and its working, or why there is none.
    pub proposal: Result<&'a (Fen, String), &'a str>,
    /// What can be chosen.
    pub choices: &'a Choices,
    /// The transfers that the person may answer.
    pub answerable: &'a [OpId],
    /// The office's telephone number for objections.
    pub notice_phone: &'a str,
    /// Needs that can be assessed: code, name.
    pub needs: &'a [(String, String)],
    /// What is left of this device's emergency allotment, in words.
    pub reserve: &'a str,
    /// Papers that the household gave before.
    pub held: &'a [Held],
    /// What the kind's application form asks.
    pub questions: &'a [Question],
    /// Who may have gone to the household, and who lives there.
    pub visit: &'a VisitNames,
    /// Which organisations are told by consent only, and what may be taken back from them.
    pub consent: &'a ConsentChoices,
}

fn words<T: Copy>(name: &str, label: &str, all: &[T], word: fn(T) -> &'static str, shown: fn(T) -> &'static str) -> Field {
    let first = all.first().map(|value| word(*value)).unwrap_or_default();
    Field::select(name, label, Choice::list(all.iter().map(|value| (word(*value), shown(*value))), first)).needed()
}

fn reason(label: &str) -> Field {
    Field::area("reason", label).needed()
}

/// The kinds of assistance of the pack in force; `open` is the word for none of them.
pub fn kinds(choices: &Choices, picked: &str, open: Option<&str>) -> Field {
    let mut all = choices.kinds.clone();
    if let Some(open) = open {
        all.insert(0, (String::new(), open.to_owned()));
    }
    Field::select("assistance", "救助种类", Choice::list(all, picked))
}

/// A question of an application form; its field is called `q-` and the code.
pub fn question(question: &Question, said: &str) -> Field {
    let name = format!("{ANSWER}{}", question.code);
    let field = match question.holds {
        Holds::Text => Field::text(name, &question.name).with(said),
        Holds::Number | Holds::Yuan => Field::text(name, &question.name).typed(Input::Number).with(said),
        Holds::Day => Field::text(name, &question.name).typed(Input::Date).with(said),
        Holds::Choice => {
            let all = question.choices.iter().map(|choice| (choice.clone(), choice.clone()));
            let none = std::iter::once((String::new(), "（不选）".to_owned()));
            Field::select(name, &question.name, Choice::list(none.chain(all), said))
        }
    };
    let needed = if question.needed { "预审前须填写" } else { "" };
    let hints = [needed, question.hint.as_str()].into_iter().filter(|hint| !hint.is_empty());
    field.hinted(hints.collect::<Vec<_>>().join("；"))
}

/// What the fields of [`question`] are called before the code.
const ANSWER: &str = "q-";

/// Whether nothing may be handed to a receiver before somebody's consent is written down.
fn unagreed(known: &Known<'_>, kind: TargetKind, id: &str) -> bool {
    kind == TargetKind::Provider && known.consent.organisations.iter().any(|(code, _, holds)| code == id && !holds)
}

/// The receiver picked in a form that hands a case over, when a consent must come first.
pub fn unagreed_in(form: &Form, known: &Known<'_>) -> Option<String> {
    let picked = std::iter::once("to".to_owned()).chain((1..=PARTS).map(|n| format!("to-{n}")));
    let lacks = |name: &String| form.target(name).ok().flatten().is_some_and(|to| unagreed(known, to.kind, &to.id));
    let mut picked = picked;
    picked.find(lacks).map(|name| form.text(&name))
}

/// A transfer to pick: its name, and what it is called.
fn numbered(transfer: &Transfer) -> (String, String) {
    (transfer.id.to_string(), format!("第 {} 次转办 {} {}", transfer.n, transfer.to.name, transfer.assistance))
}

fn phone(known: &Known<'_>) -> Field {
    Field::text("phone", "受理异议的办公电话").with(known.notice_phone).needed()
}

/// What making public what was approved asks for: 公布.
pub fn publication(phone: Field) -> Vec<Field> {
    vec![
        Field::text("place", "公布地点").with("村(社区)公开栏").hinted("只写地点；号码、病情写不进公布内容").needed(),
        phone,
        Field::text("from", "开始日期").typed(Input::Date).hinted("不填：今天"),
        Field::text("until", "结束日期").typed(Input::Date).hinted("不填：一年；停发、纠正时自动撤下"),
    ]
}

/// 公布, from its form.
pub fn published(form: &Form) -> Result<CaseStep, String> {
    let (from, until) = (form.day("from")?, form.day("until")?);
    Ok(CaseStep::Publish { place: form.text("place"), phone: form.text("phone"), from, until })
}

/// Whom a case can be handed to; `open` is the word for whom the Desk picks.
fn receivers(known: &Known<'_>, label: &str, open: &str, fits: fn(TargetKind) -> bool) -> Field {
    let listed = known.choices.receivers.iter().filter(|receiver| fits(receiver.kind));
    let one = |receiver: &Receiver| {
        let value = format!("{}:{}", receiver.kind.word(), receiver.id);
        let first = if unagreed(known, receiver.kind, &receiver.id) { "，须先登记同意" } else { "" };
        (value, format!("{}（{}{first}）", receiver.name, receiver.kind.label()))
    };
    let all = std::iter::once((String::new(), open.to_owned())).chain(listed.map(one));
    Field::select("to", label, Choice::list(all, ""))
}

/// The form of a visit: names to tick where the node knows them, lines for all others. Nobody is ticked beforehand.
fn visit(names: &VisitNames) -> Vec<Field> {
    let boxes = |name: &str, label: &str, all: &[String]| {
        let choices = Choice::list(all.iter().map(|name| (name.clone(), name.clone())), "");
        (!all.is_empty()).then(|| Field::many(name, label, choices))
    };
    let least = "不少于两人，您已算一人";
    let more = |name: &str, label: &str, hint: String| Field::text(format!("{name}-more"), label).hinted(hint);
    let others = || "上面没有的写在这里，几人用顿号分开".to_owned();
    let with = boxes("investigators", "同去的调查人", &names.colleagues).map(|field| field.hinted(least));
    let more_with = match with.is_some() {
        true => more("investigators", "其他调查人", others()),
        false => more("investigators", "同去的调查人", format!("{least}；几人用顿号分开")),
    };
    let signed = boxes("present", "在场签字的家庭成员", &names.members);
    let more_signed = match signed.is_some() {
        true => more("present", "其他在场签字的人", others()),
        false => more("present", "在场签字的家庭成员", "几人用顿号分开".to_owned()),
    };
    let findings = Field::area("findings", "看到什么、听到什么").hinted("断网时照常填写，联网后自动上传。").needed();
    let remote = Field::text("remote", "不能上门的原因").hinted("上门的不填");
    with.into_iter().chain([more_with]).chain(signed).chain([more_signed, findings, remote]).collect()
}

/// The transfers that a step may answer.
fn transfer(known: &Known<'_>, kind: EventKind) -> Field {
    let fits = |state: TransferState| match kind {
        EventKind::SignedFor => state == TransferState::ToSign,
        EventKind::Returned => state.is_open(),
        EventKind::Outcome => matches!(state, TransferState::Signed | TransferState::FedBack),
        EventKind::Feedback => matches!(state, TransferState::Signed | TransferState::Recalled),
        _ => state == TransferState::Signed,
    };
    let all = known.standing.transfers.iter().filter(|transfer| fits(transfer.state) && known.answerable.contains(&transfer.id));
    let list: Vec<(String, String)> = all.map(numbered).collect();
    match list.as_slice() {
        [(id, _)] => Field::hidden("transfer", id.clone()),
        _ => Field::select("transfer", "哪一次转办", Choice::list(list, "")).needed(),
    }
}

/// The fields of a step.
pub fn fields(kind: EventKind, known: &Known<'_>) -> Vec<Field> {
    let s = known.standing;
    let note = |label: &str| Field::area("note", label);
    let money = |label: &str| Field::text("amount", label).typed(Input::Number).needed();
    let (by_rule, working) = match known.proposal {
        Ok((fen, working)) => (fen.to_string(), working.clone()),
        Err(why) => (String::new(), why.to_owned()),
    };
    let plain = |fen: Fen| fen.to_string();
    let mut fields = match kind {
        EventKind::Opened
        | EventKind::Withdrawn
        | EventKind::DoubleFound
        | EventKind::DoubleSettled
        | EventKind::PayListed
        | EventKind::Booked
        | EventKind::BookingContested
        | EventKind::BookingConfirmed
        | EventKind::BookingDeclined
        | EventKind::BookingCancelled
        | EventKind::BookingEnded
        // On a page of their own.
        | EventKind::CheckAuthorised
        | EventKind::CheckUnauthorised
        | EventKind::CheckAsked
        | EventKind::CheckStarted
        | EventKind::CheckAnswered
        | EventKind::CheckImpossible
        | EventKind::CheckObjected
        | EventKind::CheckObjectionSettled
        | EventKind::HandedOver => Vec::new(),
        EventKind::NeedsAssessed => vec![
            Field::many("needs", "有哪些需求", Choice::list(known.needs.iter().cloned(), "")),
            Field::area("text", "说明").hinted("断网时照常填写；写看到什么、家里怎么说，不写病情细节。"),
        ],
        EventKind::Recovered => vec![money("追回金额(元)").with(plain(s.owed())), note("怎样追回的")],
        EventKind::Emergency => vec![
            money("给了多少(元)").hinted(known.reserve),
            kinds(known.choices, &s.assistance, Some("照原来的")),
            words("given", "怎样给的", Given::ALL, Given::word, Given::label),
            Field::text("what", "给了什么").hinted("现金、棉被、住宿……").needed(),
            Field::text("receiver", "由谁领取").with(s.applicant.clone()).needed(),
            reason("情况为什么紧急"),
            Field::text("again", "同一原因再次救助的理由").hinted("以前没有救助过的不填"),
        ],
        EventKind::Acknowledged => vec![
            Field::select(
                "outcome",
                "结论",
                Choice::list(
                    [(Verdict::Approved.word(), "确认"), (Verdict::Refused.word(), "不予确认")],
                    Verdict::Approved.word(),
                ),
            )
            .needed(),
            Field::area("reason", "理由").hinted("不予确认必须写明；已给的随后追缴或核销"),
        ],
        EventKind::WrittenOff => vec![money("核销金额(元)").with(plain(s.owed())), reason("为什么追不回来")],
        EventKind::VerifyAsked => {
            let to = receivers(known, "请谁核实", "本地的下一级机构", |kind| kind == TargetKind::Office);
            vec![to, note("看什么")]
        }
        EventKind::Verified => {
            let finding = words("outcome", "核实结果", Finding::ALL, Finding::word, Finding::label);
            vec![finding, note("怎样核实的、看到什么").needed()]
        }
        EventKind::Applied => vec![kinds(known.choices, &s.assistance, Some("照原来的")), note("本人怎样说")],
        EventKind::AppliedOnBehalf => vec![kinds(known.choices, &s.assistance, Some("照原来的")), reason("为什么代为申请")],
        EventKind::MaterialsAsked => {
            let told: Vec<String> = known.held.iter().map(|held| format!("{}（{}）", held.material, held.told)).collect();
            let have =
                if told.is_empty() { String::new() } else { format!("已经收存、不再要的：{}。", told.join("、")) };
            let again = Field::text("again", "再要已有材料的理由").hinted("已收存的不再向群众要；过期等确需再要的才写");
            let mut fields = vec![
                Field::area("materials", "所缺材料，一行一样").hinted(format!("{have}法律要求一次说全；只能告知一次。")).needed(),
            ];
            fields.extend((!known.held.is_empty()).then_some(again));
            fields
        }
        EventKind::FormFilled => {
            let said = |code: &str| s.answers.iter().find(|answer| answer.code == code).map_or("", |answer| answer.text.as_str());
            known.questions.iter().map(|it| question(it, said(&it.code))).collect()
        }
        EventKind::MaterialsGiven => vec![note("补来了什么").needed()],
        EventKind::Accepted => Vec::new(),
        EventKind::NotAccepted => vec![reason("理由（书面告知申请人）")],
        EventKind::Declared => vec![
            Field::text("of", "经办人员或村(居)委会成员").needed(),
            Field::text("relation", "与申请家庭的关系").hinted("单独登记，须由市级入户核查").needed(),
        ],
        EventKind::Visited => visit(known.visit),
        EventKind::NoticePosted => vec![
            Field::text("place", "公示地点").with("村(社区)公开栏").hinted("只写地点；号码、病情写不进公示").needed(),
            phone(known),
            Field::text("from", "开始日期").typed(Input::Date).hinted("不填：今天"),
            Field::text("until", "结束日期").typed(Input::Date).hinted("不填：按政策规定的天数"),
        ],
        EventKind::Objected => vec![Field::area("text", "异议内容").hinted("不写提出人的姓名").needed()],
        EventKind::ObjectionSettled => {
            let outcomes = [Finding::False, Finding::True];
            vec![words("outcome", "核查结果", &outcomes, Finding::word, Finding::label), note("怎样核查的").needed()]
        }
        EventKind::NoticeEnded => vec![note("公示结果").hinted("期满且没有未处理的异议，方可登记")],
        EventKind::Suspended => vec![reason("为什么中止")],
        EventKind::Resumed => vec![note("为什么恢复")],
        EventKind::Extended => {
            vec![Field::text("days", "延长几个工作日").typed(Input::Number).needed(), reason("为什么延长")]
        }
        EventKind::Urged => vec![note("要说的话")],
        EventKind::PreExamined => {
            vec![words("opinion", "预审意见", Opinion::ALL, Opinion::word, Opinion::label), note("说明")]
        }
        EventKind::Proposed => {
            vec![money("金额(元)").with(by_rule).hinted(working), Field::area("reason", "与公式不同时，写明理由")]
        }
        EventKind::Decided => {
            let amount = s.proposed.map_or(by_rule, plain);
            vec![
                words("outcome", "结论", Verdict::ALL, Verdict::word, Verdict::label),
                Field::text("amount", "金额(元)").typed(Input::Number).with(amount).hinted(working),
                Field::area("reason", "理由").hinted("不予批准、或金额与公式不同时，必须写明；不予批准时金额不计。"),
            ]
        }
        EventKind::Paid => {
            let amount = s.decided().map(plain).unwrap_or_default();
            vec![
                money("金额(元)").with(amount),
                Field::select("method", "方式", Choice::list(["银行转账", "现金", "实物折价"].map(|way| (way, way)), "银行转账")),
                Field::text("account_last4", "账号后四位").typed(Input::Digits).hinted("不填：用家庭档案里的账号"),
                Field::text("batch", "批次"),
            ]
        }
        EventKind::PaymentFailed => vec![reason("为什么没有到账")],
        EventKind::Heard => vec![
            Field::text("who", "听取了谁的意见，怎样听取的").hinted("例：本人，电话；已去世的写明家属").needed(),
            Field::area("text", "本人的意见").hinted("减发、停发之前必须先听取（社会救助法第48条）").needed(),
        ],
        EventKind::Adjusted => {
            let heard = match (&s.heard, s.terms.last()) {
                (Some((who, day)), _) => format!("已听取意见：{who} {}", wording::day(*day)),
                (None, Some(term)) => format!("现在每月 {} 元；减发、停发之前须先听取本人意见", wording::money(term.amount)),
                (None, None) => String::new(),
            };
            vec![
                Field::text("amount", "每月金额(元)").typed(Input::Number).with(by_rule).hinted("停发写 0").needed(),
                Field::text("from", "从哪个月起").hinted("写作 2026-07；不填：下个月；停发可按渐退期晚些"),
                reason("为什么调整").hinted(heard),
            ]
        }
        EventKind::Appraised => vec![
            Field::text("attended", "有几人参加").typed(Input::Number).needed(),
            Field::text("in_favour", "其中几人同意").typed(Input::Number).needed(),
            note("评议情况").hinted("不写谁说了什么；病情不写").needed(),
        ],
        EventKind::Published => publication(phone(known)),
        EventKind::FollowedUp => vec![
            Field::text("on", "回访日期").typed(Input::Date).hinted("不填：今天"),
            Field::text("whom", "回访了谁，怎样回访的").hinted("例：本人，上门").needed(),
            Field::area("text", "现在怎样").hinted("困难缓解没有、还缺什么；不写病情细节").needed(),
            Field::text("next", "下次回访").typed(Input::Date).hinted("不填：不再回访"),
        ],
        EventKind::Disputed => vec![
            words("how", "怎样提出的", Dispute::ALL, Dispute::word, Dispute::label),
            Field::text("body", "复议机关或法院").needed(),
            Field::text("number", "受理文号").hinted("还没有的不填"),
            Field::text("on", "提出日期").typed(Input::Date).hinted("不填：今天"),
        ],
        EventKind::DisputeEnded => vec![
            words("outcome", "结果", DisputeEnd::ALL, DisputeEnd::word, DisputeEnd::label),
            Field::area("text", "文号和内容").hinted("撤销、变更的，随后由审批机构重新办理").needed(),
        ],
        EventKind::Archived => vec![
            Field::text("number", "档案编号").with(s.number.clone().unwrap_or_default()).needed(),
            note("存放在哪里"),
        ],
        EventKind::NoticeWritten => vec![],
        EventKind::NoticeServed => vec![
            Field::text("to", "送达给谁").with(&s.applicant).hinted("不是本人的，写明与本人的关系").needed(),
            words("how", "怎样送达", Delivery::ALL, Delivery::word, Delivery::label),
            Field::text("on", "送达日期").typed(Input::Date).hinted("不填：今天"),
            note("说明"),
        ],
        EventKind::Transferred => {
            let to = receivers(known, "转给谁", "这一种类的主管部门", |_| true);
            vec![to, kinds(known.choices, &s.assistance, Some("照原来的")), note("请求办什么").needed()]
        }
        EventKind::Consented => {
            let all = known.consent.organisations.iter();
            let to = all.map(|(code, name, _)| (format!("{}:{code}", TargetKind::Provider.word()), name.clone()));
            let scope = Shown::ALL.iter().map(|part| (part.word(), part.label()));
            vec![
                Field::select("to", "提供给哪个服务机构", Choice::list(to, "")).needed(),
                Field::text("whose", "谁的信息").with(&s.applicant).hinted("不满十四周岁的，由监护人同意").needed(),
                Field::many("scope", "同意提供哪些信息", Choice::list(scope, ""))
                    .hinted("转办时写的请求也会提供；事由可能涉及健康、经济状况等敏感个人信息，当事人明确同意才勾选"),
                words("given_by", "谁同意的", Giver::ALL, Giver::word, Giver::label),
                Field::text("giver", "监护人姓名").hinted("本人同意的不填"),
                words("how", "怎样同意的", Agreed::ALL, Agreed::word, Agreed::label),
                Field::text("until", "有效期至").typed(Input::Date).hinted("不填：撤回以前有效"),
                note("见证人；同意书、录音存放在哪里"),
            ]
        }
        EventKind::ConsentWithdrawn => {
            let all = s.standing_consents().map(|it| (it.id.to_string(), format!("{}（{}）", it.to.name, wording::day(it.day))));
            vec![
                Field::select("consent", "撤回哪一份同意", Choice::list(all, "")).needed(),
                note("谁提出、怎样提出的").hinted("例：本人，电话；不必问为什么。登记后，该机构不再看到当事人的信息").needed(),
            ]
        }
        EventKind::Recalled => {
            let all = s.transfers.iter().filter(|transfer| known.consent.recallable.contains(&transfer.id)).map(numbered);
            vec![Field::select("transfer", "收回哪一次转办", Choice::list(all, "")).needed(), reason("为什么收回")]
        }
        EventKind::SignedFor => vec![transfer(known, kind)],
        EventKind::Returned => vec![transfer(known, kind), reason("退回的理由")],
        EventKind::Session => vec![transfer(known, kind), Field::area("text", "做了什么").hinted("不写病情细节").needed()],
        EventKind::Outcome => vec![
            transfer(known, kind),
            words("change", "成效", Change::ALL, Change::word, Change::label),
            Field::area("text", "说明").hinted("家属看得懂的话，不写病情细节").needed(),
            Field::text("follow_up", "回访日期").typed(Input::Date),
        ],
        EventKind::Feedback => vec![
            transfer(known, kind),
            words("result", "结果", Answer::ALL, Answer::word, Answer::label),
            Field::text("amount", "金额(元)").typed(Input::Number).hinted("给予的资金；物资、服务写折合金额；没有的不填"),
            Field::area("text", "说明").needed(),
        ],
        EventKind::Routed => {
            let villages = known.choices.areas.iter().filter(|area| area.tier == Tier::Village);
            let all = villages.map(|area| (area.id.to_string(), area.name.clone()));
            vec![Field::select("area", "分派到哪个村(社区)", Choice::list(all, "")).needed()]
        }
        EventKind::GaveUp => vec![reason("本人为什么撤回")],
        EventKind::Closed => vec![Field::area("result", "结果（用申请人看得懂的话）").needed()],
        EventKind::Satisfaction => {
            let scores = [("5", "很满意"), ("4", "满意"), ("3", "一般"), ("2", "不满意"), ("1", "很不满意")];
            vec![Field::select("score", "评价", Choice::list(scores, "5")), Field::area("text", "本人的话")]
        }
        EventKind::Note => vec![Field::area("text", "内容").needed()],
    };
    for field in &mut fields {
        field.scope = format!("-{}", kind.word());
    }
    fields
}

/// The word of the form that splits a case.
pub const SPLIT: &str = "split";
/// Receivers that the form of a split has room for.
const PARTS: usize = 4;

/// The fields that hand a case to several receivers at once.
pub fn split_fields(known: &Known<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    for n in 1..=PARTS {
        let open = if n <= 2 { "这一种类的主管部门" } else { "（不用）" };
        let mut to = receivers(known, "转给谁", open, |_| true);
        let mut kind = kinds(known.choices, if n == 1 { &known.standing.assistance } else { "" }, Some("照原来的"));
        let mut note = Field::text("note", "请求办什么");
        for (field, name) in [(&mut to, "to"), (&mut kind, "assistance"), (&mut note, "note")] {
            (field.name, field.label) = (format!("{name}-{n}"), format!("{}（{n}）", field.label));
            field.scope = "-split".to_owned();
        }
        fields.extend([to, kind, note]);
    }
    fields
}

/// The step of that form: every row in which something was picked.
pub fn split_step(form: &Form) -> Result<CaseStep, String> {
    let mut parts = Vec::new();
    for n in 1..=PARTS {
        let (to, assistance) = (form.target(&format!("to-{n}"))?, form.text(&format!("assistance-{n}")));
        if to.is_some() || !assistance.is_empty() {
            parts.push(Part { to, assistance, note: form.text(&format!("note-{n}")) });
        }
    }
    Ok(CaseStep::Split { parts })
}

/// What a step is called on a button.
pub fn label(kind: EventKind) -> &'static str {
    kind.label()
}

/// The word beside a step's name.
pub fn hint(kind: EventKind, known: &Known<'_>) -> String {
    match kind {
        EventKind::Decided => known.standing.proposed.map(|fen| format!("拟定 {} 元", wording::money(fen))).unwrap_or_default(),
        EventKind::Paid => known.standing.decided().map(|fen| format!("{} 元", wording::money(fen))).unwrap_or_default(),
        EventKind::AppliedOnBehalf => "本人不便时".to_owned(),
        _ => String::new(),
    }
}

/// The step that usually comes next; it is opened when the page is shown.
pub fn next(possible: &[EventKind], standing: &Standing) -> Option<EventKind> {
    use shouwang_protocol::standing::Stage;
    let told = [EventKind::NoticeWritten, EventKind::NoticeServed];
    let barred = standing.open_transfers().any(|transfer| standing.is_barred(transfer, None));
    let wanted: &[EventKind] = match standing.stage {
        Stage::InTransfer | Stage::InService if barred => &[EventKind::Recalled, EventKind::Feedback, EventKind::Returned],
        Stage::Refused if standing.untold().is_some() => &told,
        Stage::ToVerify => &[EventKind::Verified],
        Stage::ToFollowUp => &[EventKind::AppliedOnBehalf, EventKind::Applied, EventKind::Transferred],
        Stage::ToAccept => &[EventKind::Accepted],
        Stage::ToComplete => &[EventKind::MaterialsGiven],
        Stage::Accepted => &[EventKind::Transferred],
        Stage::ToVisit => &[EventKind::Visited],
        // Done on the page of the check.
        Stage::ToCheck => &[],
        Stage::ToAppraise => &[EventKind::Appraised],
        Stage::ToPreExamine => &[EventKind::PreExamined],
        Stage::ToPost => &[EventKind::NoticePosted],
        Stage::OnNotice => &[EventKind::NoticeEnded],
        Stage::Objected => &[EventKind::ObjectionSettled],
        Stage::ToDecide => &[EventKind::Decided, EventKind::Proposed],
        Stage::ToPaper if standing.visits.is_empty() => &[EventKind::Visited],
        Stage::ToPaper => &[EventKind::Acknowledged, EventKind::MaterialsGiven],
        Stage::ToPay | Stage::PaymentFailed => &[EventKind::Paid],
        Stage::InTransfer => &[EventKind::SignedFor, EventKind::Feedback],
        Stage::InService => &[EventKind::Session],
        Stage::ToRecover => &[EventKind::Recovered],
        Stage::FoundFalse
        | Stage::NotAccepted
        | Stage::Granted
        | Stage::Stopped
        | Stage::Refused
        | Stage::FedBack
        | Stage::GivenUp
        | Stage::Voided
        | Stage::Unconfirmed => &[EventKind::Closed],
        Stage::Unknown | Stage::Running | Stage::PhasingOut | Stage::Closed | Stage::Archived => &[],
    };
    let done = |kind: EventKind| kind == EventKind::Proposed && standing.proposed.is_some();
    wanted.iter().copied().find(|kind| possible.contains(kind) && !done(*kind))
}

/// What was typed into a form.
#[derive(Clone, Default)]
pub struct Form(pub BTreeMap<String, Vec<String>>);

impl Form {
    /// What was typed into the fields of an application form, by the code of the question.
    pub fn answers(&self) -> BTreeMap<String, String> {
        let codes = self.0.keys().filter_map(|name| name.strip_prefix(ANSWER));
        codes.map(|code| (code.to_owned(), self.text(&format!("{ANSWER}{code}")))).collect()
    }

    /// From the pairs of a request.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Form {
        let mut form = Form::default();
        for (name, value) in pairs {
            form.0.entry(name).or_default().push(value);
        }
        form
    }

    /// A field's text, without spaces around it; empty when it was not sent.
    pub fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(|values| values.first()).map(|value| value.trim().to_owned()).unwrap_or_default()
    }

    /// A field's text exactly as it was typed: for passwords.
    pub fn raw(&self, name: &str) -> String {
        self.0.get(name).and_then(|values| values.first()).cloned().unwrap_or_default()
    }

    /// A field's text, when there is any.
    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// All values of a field.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The names that were ticked, then those that were written in the line for others.
    fn names(&self, name: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for text in self.all(name).iter().chain(self.all(&format!("{name}-more"))) {
            for one in text.split(['、', '，', ',', '；', ';', '\n']).map(str::trim).filter(|one| !one.is_empty()) {
                if names.iter().all(|known| known != one) {
                    names.push(one.to_owned());
                }
            }
        }
        names
    }

    fn fen(&self, name: &str) -> Result<Option<Fen>, String> {
        self.some(name).map(|text| Fen::parse_yuan(&text).ok_or("金额应为数字，最多两位小数".to_owned())).transpose()
    }

    fn day(&self, name: &str) -> Result<Option<Day>, String> {
        self.some(name).map(|text| Day::parse(&text).ok_or("日期无效".to_owned())).transpose()
    }

    fn op(&self, name: &str) -> Result<Option<OpId>, String> {
        self.some(name).map(|text| OpId::parse(&text).ok_or("没有这一条记录".to_owned())).transpose()
    }

    fn word<T>(&self, name: &str, from_word: fn(&str) -> Option<T>) -> Result<T, String> {
        from_word(&self.text(name)).ok_or_else(|| "请选择一项".to_owned())
    }

    fn to(&self) -> Result<Option<To>, String> {
        self.target("to")
    }

    fn target(&self, name: &str) -> Result<Option<To>, String> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let split =
            text.split_once(':').and_then(|(kind, id)| Some(To { kind: TargetKind::from_word(kind)?, id: id.to_owned() }));
        split.map(Some).ok_or_else(|| "没有这一接收方".to_owned())
    }
}

/// The step that a form stands for; the error is for the person who typed.
pub fn step(kind: EventKind, form: &Form) -> Result<CaseStep, String> {
    let text = |name: &str| form.text(name);
    let transfer = || form.op("transfer");
    let booking = || form.op("booking")?.ok_or_else(|| "没有这一预约".to_owned());
    Ok(match kind {
        EventKind::Opened => return Err("事项已经登记过".to_owned()),
        EventKind::CheckAuthorised
        | EventKind::CheckUnauthorised
        | EventKind::CheckAsked
        | EventKind::CheckStarted
        | EventKind::CheckAnswered
        | EventKind::CheckImpossible
        | EventKind::CheckObjected
        | EventKind::CheckObjectionSettled => return Err("请在“经济核对”里办理".to_owned()),
        EventKind::DoubleFound | EventKind::DoubleSettled => return Err("请在“重复救助”里核定".to_owned()),
        EventKind::Heard => CaseStep::Hear { who: text("who"), text: text("text") },
        EventKind::Adjusted => CaseStep::Adjust { amount: form.fen("amount")?, from: form.some("from"), reason: text("reason") },
        EventKind::Appraised => {
            let count = |name: &str| text(name).parse().map_err(|_| "人数应为整数".to_owned());
            CaseStep::Appraise { attended: count("attended")?, in_favour: count("in_favour")?, note: text("note") }
        }
        EventKind::Published => published(form)?,
        EventKind::FollowedUp => {
            let (on, next) = (form.day("on")?, form.day("next")?);
            CaseStep::FollowUp { on, whom: text("whom"), text: text("text"), next }
        }
        EventKind::Disputed => CaseStep::Dispute {
            how: form.word("how", Dispute::from_word)?,
            body: text("body"),
            number: text("number"),
            on: form.day("on")?,
        },
        EventKind::DisputeEnded => {
            CaseStep::EndDispute { outcome: form.word("outcome", DisputeEnd::from_word)?, text: text("text") }
        }
        EventKind::Archived => CaseStep::Archive { number: text("number"), note: text("note") },
        EventKind::NoticeWritten => CaseStep::WriteNotice {},
        EventKind::NoticeServed => CaseStep::ServeNotice {
            to: text("to"),
            how: form.word("how", Delivery::from_word)?,
            on: form.day("on")?,
            note: text("note"),
        },
        EventKind::BookingContested => return Err("请在“项目”里告知".to_owned()),
        EventKind::NeedsAssessed => CaseStep::AssessNeeds { needs: form.all("needs").to_vec(), text: text("text") },
        EventKind::Booked => CaseStep::Book {
            project: RecordId::parse(&text("project")).ok_or("没有这一项目")?,
            from: form.day("from")?,
            places: text("places").parse().map_err(|_| "名额应为整数".to_owned())?,
            whom: text("whom"),
            note: text("note"),
        },
        EventKind::BookingConfirmed => CaseStep::ConfirmBooking { booking: booking()?, note: text("note") },
        EventKind::BookingDeclined => CaseStep::DeclineBooking { booking: booking()?, reason: text("reason") },
        EventKind::BookingCancelled => CaseStep::CancelBooking { booking: booking()?, reason: text("reason") },
        EventKind::BookingEnded => CaseStep::EndBooking {
            booking: booking()?,
            attendance: form.word("attendance", Attendance::from_word)?,
            text: text("text"),
        },
        EventKind::Recovered => CaseStep::Recover { amount: form.fen("amount")?, note: text("note") },
        EventKind::Emergency => CaseStep::Emergency {
            amount: form.fen("amount")?.ok_or("须写明金额")?,
            assistance: text("assistance"),
            reason: text("reason"),
            given: form.word("given", Given::from_word)?,
            what: text("what"),
            receiver: text("receiver"),
            again: text("again"),
        },
        EventKind::Acknowledged => {
            CaseStep::Acknowledge { outcome: form.word("outcome", Verdict::from_word)?, reason: text("reason") }
        }
        EventKind::WrittenOff => CaseStep::WriteOff { amount: form.fen("amount")?, reason: text("reason") },
        EventKind::VerifyAsked => CaseStep::AskVerification { to: form.to()?, note: text("note") },
        EventKind::Verified => CaseStep::Verify { outcome: form.word("outcome", Finding::from_word)?, note: text("note") },
        EventKind::Applied => CaseStep::Apply { assistance: text("assistance"), note: text("note") },
        EventKind::AppliedOnBehalf => CaseStep::ApplyOnBehalf { assistance: text("assistance"), reason: text("reason") },
        EventKind::MaterialsAsked => {
            let lines = text("materials");
            let materials = lines.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
            CaseStep::AskMaterials { materials, again: text("again") }
        }
        EventKind::FormFilled => CaseStep::FillForm { answers: form.answers() },
        EventKind::MaterialsGiven => CaseStep::GiveMaterials { note: text("note") },
        EventKind::Accepted => CaseStep::Accept {},
        EventKind::NotAccepted => CaseStep::DoNotAccept { reason: text("reason") },
        EventKind::Declared => CaseStep::Declare { of: text("of"), relation: text("relation") },
        EventKind::Visited => CaseStep::Visit {
            investigators: form.names("investigators"),
            present: form.names("present").join("、"),
            remote: text("remote"),
            findings: text("findings"),
        },
        EventKind::NoticePosted => CaseStep::PostNotice {
            place: text("place"),
            phone: text("phone"),
            from: form.day("from")?,
            until: form.day("until")?,
        },
        EventKind::Objected => CaseStep::Object { text: text("text") },
        EventKind::ObjectionSettled => {
            CaseStep::SettleObjection { outcome: form.word("outcome", Finding::from_word)?, note: text("note") }
        }
        EventKind::NoticeEnded => CaseStep::EndNotice { note: text("note") },
        EventKind::Suspended => CaseStep::Suspend { reason: text("reason") },
        EventKind::Resumed => CaseStep::Resume { note: text("note") },
        EventKind::Extended => {
            let days = text("days").parse().map_err(|_| "天数应为整数".to_owned())?;
            CaseStep::Extend { days, reason: text("reason") }
        }
        EventKind::Urged => CaseStep::Urge { note: text("note") },
        EventKind::PreExamined => CaseStep::PreExamine { opinion: form.word("opinion", Opinion::from_word)?, note: text("note") },
        EventKind::Proposed => CaseStep::Propose { amount: form.fen("amount")?, reason: text("reason") },
        EventKind::Decided => {
            let outcome = form.word("outcome", Verdict::from_word)?;
            // The amount stands in the form for the usual case; a refusal has none.
            let amount = if outcome == Verdict::Refused { None } else { form.fen("amount")? };
            CaseStep::Decide { outcome, amount, reason: text("reason") }
        }
        EventKind::Paid => CaseStep::Pay {
            amount: form.fen("amount")?,
            method: text("method"),
            account_last4: form.some("account_last4"),
            batch: text("batch"),
            period: form.some("period"),
        },
        EventKind::PaymentFailed => CaseStep::ReportFailedPayment { reason: text("reason"), batch: String::new() },
        EventKind::PayListed => return Err("发放名册在“发放”页制作".to_owned()),
        EventKind::HandedOver => return Err("移交在“人员”页办理".to_owned()),
        EventKind::Transferred => CaseStep::Transfer { to: form.to()?, assistance: text("assistance"), note: text("note") },
        EventKind::Consented => CaseStep::Consent {
            to: form.to()?.ok_or("请选择服务机构")?,
            whose: text("whose"),
            scope: form.all("scope").to_vec(),
            given_by: form.word("given_by", Giver::from_word)?,
            giver: text("giver"),
            how: form.word("how", Agreed::from_word)?,
            until: form.day("until")?,
            note: text("note"),
        },
        EventKind::ConsentWithdrawn => CaseStep::WithdrawConsent { consent: form.op("consent")?, note: text("note") },
        EventKind::Recalled => CaseStep::Recall { transfer: transfer()?, reason: text("reason") },
        EventKind::SignedFor => CaseStep::SignFor { transfer: transfer()? },
        EventKind::Returned => CaseStep::Return { transfer: transfer()?, reason: text("reason") },
        EventKind::Session => CaseStep::Session { transfer: transfer()?, text: text("text") },
        EventKind::Outcome => CaseStep::Outcome {
            transfer: transfer()?,
            change: form.word("change", Change::from_word)?,
            text: text("text"),
            follow_up: form.day("follow_up")?,
        },
        EventKind::Feedback => {
            let (result, amount) = (form.word("result", Answer::from_word)?, form.fen("amount")?);
            CaseStep::Feedback { transfer: transfer()?, result, text: text("text"), amount }
        }
        EventKind::Routed => {
            let area = AreaId::parse(&text("area")).ok_or("请选择村(社区)")?;
            CaseStep::Route { household: None, area: Some(area) }
        }
        EventKind::GaveUp => CaseStep::GiveUp { reason: text("reason") },
        EventKind::Closed => CaseStep::Close { result: text("result") },
        EventKind::Satisfaction => {
            let score = text("score").parse().map_err(|_| "请选择一项".to_owned())?;
            CaseStep::Rate { score, text: text("text") }
        }
        EventKind::Withdrawn => {
            let event = form.op("event")?.ok_or("没有要撤销的记录")?;
            CaseStep::TakeBack { event, reason: text("reason") }
        }
        EventKind::Note => CaseStep::Note { text: text("text") },
    })
}
