//! How things read on a page: days, money, states, and what an entry of a case says.

use super::view::{Chip, Ticks, Tone};
use crate::store::reader::{Heard, Stored, TurnRow};
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Giver, Origin, Shown, Urgency, Verdict, What};
use shouwang_protocol::standing::{Stage, TransferState};

/// Minutes by which China's clocks run ahead of UTC; the program serves one time zone.
const ZONE_MINUTES: i64 = 480;

/// The day it is in China.
pub fn today(wall_ms: i64) -> Day {
    Day(i32::try_from((wall_ms.div_euclid(60_000) + ZONE_MINUTES).div_euclid(1_440)).unwrap_or_default())
}

/// A village's name with where it comes from: `甲村（2026-10-01 前为乙村 320582100201，2026-10-01 由丙村析出）`.
pub fn with_past(village: &Heard) -> String {
    let earlier = village.earlier.iter().map(|was| format!("{} 前为{} {}", was.until, was.name, was.code));
    let split = village.split_from.iter().map(|from| format!("{} 由{from}析出", village.since));
    let past: Vec<String> = split.chain(earlier).collect();
    if past.is_empty() { village.name.clone() } else { format!("{}（{}）", village.name, past.join("，")) }
}

/// `5月29日 14:22`, with the year when it is not this one.
pub fn moment(wall_ms: i64, now_ms: i64) -> String {
    if wall_ms <= 0 {
        return "从未".to_owned();
    }
    let minutes = wall_ms.div_euclid(60_000) + ZONE_MINUTES;
    let (year, month, day) = today(wall_ms).ymd();
    let of_day = minutes.rem_euclid(1_440);
    let year = if year == today(now_ms).ymd().0 { String::new() } else { format!("{year}年") };
    format!("{year}{month}月{day}日 {:02}:{:02}", of_day / 60, of_day % 60)
}

/// `2019年5月29日 星期三`
pub fn long_day(day: Day) -> String {
    let (year, month, number) = day.ymd();
    let weekday = ["一", "二", "三", "四", "五", "六", "日"].get(day.weekday() as usize).copied().unwrap_or_default();
    format!("{year}年{month}月{number}日 星期{weekday}")
}

/// A day that may be missing.
pub fn day(day: Option<Day>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// `12,345.60`
pub fn money(amount: Fen) -> String {
    let plain = amount.to_string();
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
    format!("{sign}{}.{cents}", grouped(whole))
}

/// Digits in groups of three.
pub fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count in groups of three.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// Bytes for people.
pub fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} KB", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.1} GB", number as f64 / 1e9),
    }
}

/// The lane of a tier's volume in the story.
pub fn lane(tier: Tier) -> u8 {
    tier.number() + 1
}

/// By when, in the words that matter today.
pub fn due(due: Option<Day>, today: Day) -> Chip {
    let Some(due) = due else { return Chip::default() };
    let (year, month, number) = due.ymd();
    match due.0 - today.0 {
        late @ ..0 => Chip::new(Tone::Bad, format!("已超 {} 天", -late)),
        0 => Chip::new(Tone::Bad, "今天到期"),
        1 => Chip::new(Tone::Warn, "明天到期"),
        2..=3 => Chip::new(Tone::Warn, format!("{month}月{number}日前")),
        _ if year != today.ymd().0 => Chip::new(Tone::Plain, format!("{year}年{month}月{number}日前")),
        _ => Chip::new(Tone::Plain, format!("{month}月{number}日前")),
    }
}

/// Where a case stands.
pub fn stage(stage: Stage) -> Chip {
    let tone = match stage {
        Stage::Granted | Stage::Running | Stage::Closed => Tone::Good,
        Stage::PhasingOut => Tone::Warn,
        Stage::Archived => Tone::Plain,
        Stage::ToPaper | Stage::ToComplete | Stage::ToVerify | Stage::Unknown | Stage::FedBack | Stage::Objected => Tone::Warn,
        Stage::PaymentFailed | Stage::ToRecover => Tone::Bad,
        Stage::FoundFalse | Stage::NotAccepted | Stage::Refused | Stage::Stopped => Tone::Plain,
        Stage::GivenUp | Stage::Voided | Stage::Unconfirmed => Tone::Plain,
        _ => Tone::Accent,
    };
    Chip::new(tone, stage.label())
}

/// How far a transfer is.
pub fn transfer(state: TransferState) -> Chip {
    let tone = match state {
        TransferState::ToSign => Tone::Warn,
        TransferState::Signed => Tone::Accent,
        TransferState::Returned => Tone::Bad,
        TransferState::FedBack => Tone::Good,
        TransferState::Recalled => Tone::Plain,
    };
    Chip::new(tone, state.label())
}

/// How fast a case must go; none for the usual.
pub fn urgency(urgency: Option<Urgency>) -> Option<Chip> {
    urgency.filter(|urgency| *urgency != Urgency::Normal).map(|urgency| Chip::new(Tone::Bad, urgency.label()))
}

/// What a case is about, in a few words.
pub fn case_title(origin: Option<Origin>, assistance: &str, rule: &str) -> String {
    match (origin, assistance.is_empty(), rule.is_empty()) {
        (_, false, _) => assistance.to_owned(),
        (Some(Origin::Warning), true, false) => format!("{rule}预警"),
        (Some(origin), ..) => origin.label().to_owned(),
        (None, ..) => "事项".to_owned(),
    }
}

/// How far an entry got, as seen from a machine of `here`: 本机, then each tier above. The city has nothing to wait for.
pub fn stored(here: Tier, stored: Stored) -> Ticks {
    let above = [(Tier::Township, "镇", stored >= Stored::Township), (Tier::City, "市", stored >= Stored::City)];
    let steps: Vec<_> = above.into_iter().filter(|(tier, ..)| here < *tier).map(|(_, label, there)| (label, there)).collect();
    match steps.is_empty() {
        true => Ticks::default(),
        false => Ticks { steps: std::iter::once(("本机", true)).chain(steps).collect() },
    }
}

/// Whose turn it is, and what to do.
pub fn turn(turn: &TurnRow) -> String {
    let who = match turn.who.as_str() {
        "tier" => {
            Tier::from_word(&turn.id).map_or("机构", |tier| ["村(社区)", "镇(街道)", "市级"][usize::from(tier.number()).min(2)])
        }
        "applicant" => "申请人",
        _ => turn.name.as_str(),
    };
    format!("{who}：{}", turn.what)
}

/// Why a booking has no place, as the city said: places ahead of it, places of its row.
pub fn contested(ahead: u32, capacity: u32) -> String {
    match capacity {
        0 => "名额分配已改，没有所预约的时段".to_owned(),
        _ => format!("{capacity} 个名额，前面已有 {ahead} 个"),
    }
}

fn tail(account_last4: &str) -> String {
    if account_last4.is_empty() { String::new() } else { format!("尾号 {account_last4}") }
}

fn of_batch(batch: &str) -> String {
    if batch.is_empty() { String::new() } else { format!("名册 {batch}") }
}

/// What an organisation may be shown.
fn scope_words(scope: &[String]) -> String {
    let label = |word: &String| Shown::from_word(word).map_or_else(|| word.clone(), |part| part.label().to_owned());
    scope.iter().map(label).collect::<Vec<_>>().join("、")
}

/// What an entry of a case says, line by line.
pub fn lines(what: &What) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let joined = |parts: &[&str]| parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("，");
    match what {
        What::Opened { origin, channel, assistance, summary, rule, .. } => {
            out.push(joined(&[origin.label(), channel.label(), rule, assistance]));
            out.push(summary.clone());
        }
        What::VerifyAsked { to, note } => out.extend([format!("请{}核实", to.name), note.clone()]),
        What::Verified { outcome, note } => out.extend([outcome.label().to_owned(), note.clone()]),
        What::Applied { assistance, note } => out.extend([assistance.clone(), note.clone()]),
        What::AppliedOnBehalf { assistance, reason } => out.extend([assistance.clone(), format!("代办原因：{reason}")]),
        What::MaterialsAsked { materials, again } => {
            out.push(format!("请补：{}", materials.join("、")));
            if !again.is_empty() {
                out.push(format!("再次要求的理由：{again}"));
            }
        }
        What::FormFilled { answers } => {
            let text = |text: &str| if text.is_empty() { "不填" } else { text }.to_owned();
            out.extend(answers.iter().map(|answer| format!("{}：{}", answer.name, text(&answer.text))));
        }
        What::MaterialsGiven { note } => out.push(note.clone()),
        What::Accepted { number } => out.push(format!("受理编号 {number}")),
        What::NotAccepted { reason } | What::GaveUp { reason } => out.push(reason.clone()),
        What::PaymentFailed { reason, batch } => out.push(joined(&[reason, &of_batch(batch)])),
        What::Declared { of, relation } => out.push(joined(&[of, relation])),
        What::Visited { investigators, present, remote, findings } => {
            let signed = if present.is_empty() { String::new() } else { format!("{present} 在场签字") };
            let afar = if remote.is_empty() { String::new() } else { format!("远程调查：{remote}") };
            out.extend([joined(&[&format!("调查人 {}", investigators.join("、")), &signed, &afar]), findings.clone()]);
        }
        What::Appraised { attended, in_favour, note } => {
            out.extend([format!("{attended} 人参加，{in_favour} 人同意"), note.clone()]);
        }
        What::NoticePosted { place, from, until, text } | What::Published { place, from, until, text, .. } => {
            out.push(format!("{place}，{from} 至 {until}"));
            if !text.is_empty() {
                let of = if matches!(what, What::Published { .. }) { "公布" } else { "公示" };
                out.push(format!("{of}原文：{}", text.replace('\n', "；")));
            }
        }
        What::Objected { text } => out.push(text.clone()),
        What::ObjectionSettled { outcome, note } => out.extend([format!("异议{}", outcome.label()), note.clone()]),
        What::NoticeEnded { note } | What::Resumed { note } | What::Urged { note } => out.push(note.clone()),
        What::Suspended { reason } => out.push(reason.clone()),
        What::Extended { days, reason } => out.push(joined(&[&format!("延长 {days} 个工作日"), reason])),
        What::PreExamined { opinion, note } => out.extend([opinion.label().to_owned(), note.clone()]),
        What::Proposed { amount, formula } => out.push(joined(&[&format!("{} 元", money(*amount)), formula])),
        What::Decided { outcome, amount, reason, formula, .. } => {
            let amount = if *amount == Fen(0) { String::new() } else { format!(" {} 元", money(*amount)) };
            out.extend([format!("{}{amount}", outcome.label()), formula.clone(), reason.clone()]);
        }
        What::PayListed { batch, period, amount, account_last4 } => {
            let for_month = format!("{period} 月");
            out.push(joined(&[&format!("{} 元", money(*amount)), &for_month, &tail(account_last4), &of_batch(batch)]));
        }
        What::Paid { amount, method, account_last4, batch, .. } => {
            out.push(joined(&[&format!("{} 元", money(*amount)), method, &tail(account_last4), &of_batch(batch)]));
        }
        What::HandedOver { to_name, reason, .. } => out.push(joined(&[&format!("移交给{to_name}"), reason])),
        What::Transferred { to, assistance, note, .. } => {
            out.extend([joined(&[&format!("转给{}", to.name), assistance]), note.clone()]);
        }
        What::SignedFor { .. } => {}
        What::Returned { reason, .. } | What::Recalled { reason, .. } => out.push(reason.clone()),
        What::Consented { to, whose, scope, given_by, giver, how, until, note, .. } => {
            let until = until.map_or_else(|| "撤回以前有效".to_owned(), |until| format!("有效期至 {until}"));
            let by = if *given_by == Giver::Own { String::new() } else { format!("监护人{giver}同意") };
            out.push(joined(&[&format!("{whose}的信息，提供给{}", to.name), &by, how.label(), &until]));
            out.extend([scope_words(scope), note.clone()]);
        }
        What::ConsentWithdrawn { note, .. } => out.push(note.clone()),
        What::Session { text, .. } => out.push(text.clone()),
        What::Outcome { change, text, follow_up, .. } => {
            let again = follow_up.map(|day| format!("{day} 回访")).unwrap_or_default();
            out.extend([joined(&[change.label(), &again]), text.clone()]);
        }
        What::Feedback { result, text, amount, .. } => {
            let given = amount.map(|amount| format!("{} 元", money(amount))).unwrap_or_default();
            out.extend([joined(&[result.label(), &given]), text.clone()]);
        }
        What::Closed { result } => out.push(result.clone()),
        What::Satisfaction { score, text } => out.extend([format!("{score} 分"), text.clone()]),
        What::Withdrawn { reason, .. } => out.push(reason.clone()),
        What::Routed { area, .. } => out.push(format!("分派到{area}，由新事项继续办理")),
        What::DoubleFound { told, .. } => out.push(format!("疑似与{told}重复，请核实居住和受助情况")),
        What::DoubleSettled { ruling, told, reason, .. } => {
            out.extend([ruling.label().to_owned(), format!("另一项：{told}"), reason.clone()]);
        }
        What::Heard { who, text } => out.extend([who.clone(), text.clone()]),
        What::Adjusted { amount, from, reason, formula } => {
            let now = if amount.0 > 0 { format!("每月 {} 元", money(*amount)) } else { "停发".to_owned() };
            out.extend([format!("{from} 起{now}"), formula.clone(), reason.clone()]);
        }
        What::NoticeWritten { text, .. } => out.extend(text.lines().take(5).map(str::to_owned)),
        What::NoticeServed { to, how, on, note, .. } => {
            out.extend([joined(&[&format!("送达{to}"), how.label(), &on.to_string()]), note.clone()]);
        }
        What::FollowedUp { on, whom, text, next } => {
            let next = next.map(|day| format!("{day} 再回访")).unwrap_or_default();
            out.extend([joined(&[&on.to_string(), whom, &next]), text.clone()]);
        }
        What::Disputed { how, body, number, on, .. } => {
            out.push(joined(&[how.label(), body, number, &format!("{on} 提出")]));
        }
        What::DisputeEnded { outcome, text, .. } => out.extend([outcome.label().to_owned(), text.clone()]),
        What::Archived { number, note } => out.push(joined(&[&format!("档案编号 {number}"), note])),
        What::Recovered { amount, note } => out.push(joined(&[&format!("{} 元", money(*amount)), note])),
        What::NeedsAssessed { names, text, .. } => out.extend([names.join("、"), text.clone()]),
        What::Booked { title, service, provider, share, places, whom, note, .. } => {
            let many = if *places == 1 { String::new() } else { format!("{places} 个名额") };
            let when = share.map(|share| format!("{} 开始的时段", share.from)).unwrap_or_default();
            out.extend([format!("“{title}”"), joined(&[service, provider, whom, &when, &many]), note.clone()]);
        }
        What::BookingContested { ahead, capacity, .. } => {
            let why = contested(*ahead, *capacity);
            out.push(format!("{why}，这一预约暂时没有名额，等市级核定"));
        }
        What::BookingConfirmed { taken, capacity, until, note, .. } => {
            let until = until.map(|until| format!("到 {until} 为止")).unwrap_or_default();
            out.extend([joined(&[&format!("{capacity} 个名额中的第 {taken} 个"), &until]), note.clone()]);
        }
        What::BookingDeclined { reason, .. } | What::BookingCancelled { reason, .. } => out.push(reason.clone()),
        What::BookingEnded { attendance, text, .. } => out.push(joined(&[attendance.label(), text])),
        What::CheckAuthorised { whose, relation, signer, guardian, scope, purpose, until, paper, .. } => {
            let outside = if relation.is_empty() { String::new() } else { format!("家庭以外，{relation}") };
            let signed = if guardian.is_empty() { String::new() } else { format!("{signer}（{guardian}）代签") };
            out.push(joined(&[&format!("{whose}授权核对"), &outside, &signed, purpose, &format!("有效期至 {until}")]));
            out.extend([scope.join("、"), format!("授权书：{paper}")]);
        }
        What::CheckUnauthorised { reason, .. } => out.push(reason.clone()),
        What::CheckAsked { number, names, sources, supersedes, note, .. } => {
            let again = if supersedes.is_empty() { String::new() } else { format!("复查，取代 {supersedes}") };
            out.push(joined(&[&format!("核对编号 {number}"), &again]));
            out.extend([format!("核对 {}", names.join("、")), sources.join("、"), note.clone()]);
        }
        What::CheckStarted { number } => out.push(format!("核对编号 {number}")),
        What::CheckAnswered { number, result } => {
            out.push(joined(&[&format!("核对编号 {number}"), &format!("与申报{}", result.label())]));
        }
        What::CheckImpossible { reason } => out.push(reason.clone()),
        What::CheckObjected { text, .. } => out.push(text.clone()),
        What::CheckObjectionSettled { outcome, note, .. } => out.extend([format!("异议{}", outcome.label()), note.clone()]),
        What::Emergency { amount, assistance, reason, given, what, receiver, number, .. } => {
            out.push(joined(&[assistance, &format!("{} 元", money(*amount)), given.label(), what, &format!("{receiver} 领取")]));
            out.push(format!("情况紧急：{reason}"));
            out.push(if number.is_empty() { String::new() } else { format!("受理编号 {number}") });
        }
        What::Acknowledged { outcome, reason } => {
            let said = if *outcome == Verdict::Approved { "确认" } else { "不予确认" };
            out.push(joined(&[said, reason]));
        }
        What::WrittenOff { amount, reason } => out.push(joined(&[&format!("{} 元", money(*amount)), reason])),
        What::Note { text } => out.push(text.clone()),
        What::Unknown { fields, .. } => out.extend(fields.iter().map(|(key, value)| format!("{key}：{value}"))),
    }
    out.retain(|line| !line.trim().is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_days_read_as_on_paper() {
        assert_eq!(money(Fen(283_500)), "2,835.00");
        assert_eq!(money(Fen(-123_456_789)), "-1,234,567.89");
        assert_eq!((count(999).as_str(), count(1_204).as_str()), ("999", "1,204"));
        let noon = 1_559_104_920_000; // 2019-05-29T04:42Z
        assert_eq!(today(noon).to_string(), "2019-05-29");
        assert_eq!(today(1_559_145_600_000).to_string(), "2019-05-30", "16:00 UTC is midnight here");
        assert_eq!(moment(noon, noon), "5月29日 12:42");
        assert_eq!(long_day(today(noon)), "2019年5月29日 星期三");
    }

    #[test]
    fn a_deadline_gets_louder() {
        let today = Day(18_000);
        let tones = [-1, 0, 1, 3, 4].map(|ahead| due(Some(today.plus(ahead)), today).tone);
        assert_eq!(tones, [Tone::Bad, Tone::Bad, Tone::Warn, Tone::Warn, Tone::Plain]);
    }
}
