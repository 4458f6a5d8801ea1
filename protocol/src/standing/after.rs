//! What follows a decision: it is told in writing, made public, looked at again, disputed, and the papers are filed.
//!
//! None of these holds up the help itself. What is due stands among the turns, also of a case that is closed; a case
//! is filed (归档) when nothing of it is left.

use super::rules::{Refusal, kind_of, unless};
use super::{Decision, Standing, Term, Turn, Who, WrittenNotice, bookings};
use crate::area::Tier;
use crate::records::OpId;
use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::event::{DisputeEnd, Event, EventKind, What};
use crate::records::policy::{Assistance, Packs, Step};
use crate::records::privacy::leak;

/// What an office does that makes public what was approved, as turns name it.
pub const TO_PUBLISH: &str = "公布审批结果";

/// Days for which a decision may be up in one go.
const PUBLIC_DAYS_MAX: i32 = 366;

/// What a family must be told in writing, and was not yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Untold<'a> {
    /// It was refused.
    Refusal(&'a Decision),
    /// A monthly benefit was made less or stopped; what it was before.
    Cut(Fen, &'a Term),
}

impl<'a> Untold<'a> {
    /// The decision or adjustment.
    pub fn id(&self) -> &'a OpId {
        match self {
            Untold::Refusal(decision) => &decision.id,
            Untold::Cut(_, term) => &term.id,
        }
    }

    /// The notice, once it is made out.
    pub fn notice(&self) -> Option<&'a WrittenNotice> {
        match self {
            Untold::Refusal(decision) => decision.notice.as_ref(),
            Untold::Cut(_, term) => term.notice.as_ref(),
        }
    }
}

/// What was approved, as it was made public last.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Publication {
    /// The event.
    pub id: OpId,
    /// The decision or adjustment that held then: its amount is what it says.
    pub ruling: OpId,
    /// Where.
    pub place: String,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
}

/// Somebody looked again how the family is.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct FollowUp {
    /// The day.
    pub on: Day,
    /// Who was spoken to, and how.
    pub whom: String,
    /// How they are.
    pub text: String,
}

/// A decision disputed before another authority.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Disputed {
    /// The event.
    pub id: OpId,
    /// The word of the way, in Chinese.
    pub how: &'static str,
    /// Before which authority.
    pub body: String,
    /// Its number there.
    pub number: String,
    /// The day.
    pub on: Day,
    /// The decision or adjustment that is disputed.
    pub about: Option<OpId>,
    /// What came of it, in words; none: nothing yet.
    pub outcome: Option<(DisputeEnd, String)>,
    /// Whether a decision that was set aside was dealt with: the case was closed after that.
    pub dealt_with: bool,
}

/// The papers as they were filed.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Archived {
    /// The number of the file.
    pub number: String,
    /// The day.
    pub day: Option<Day>,
}

impl Standing {
    /// What the family must be told in writing next.
    pub fn untold(&self) -> Option<Untold<'_>> {
        let unserved = |notice: &Option<WrittenNotice>| notice.as_ref().is_none_or(|notice| notice.served.is_none());
        let refused = self.decision.as_ref().filter(|decision| decision.in_writing && unserved(&decision.notice));
        let refused = refused.filter(|_| self.given_up.is_none()).map(Untold::Refusal);
        let cut = || self.cuts().find(|(_, term)| unserved(&term.notice)).map(|(before, term)| Untold::Cut(before, term));
        refused.or_else(cut)
    }

    /// The notice that tells of a decision or an adjustment.
    pub fn notice_of(&self, id: &OpId) -> Option<&WrittenNotice> {
        let decision = self.decision.as_ref().filter(|decision| decision.id == *id);
        let term = self.terms.iter().find(|term| term.id == *id).and_then(|term| term.notice.as_ref());
        term.or(decision.and_then(|decision| decision.notice.as_ref()))
    }

    /// The decision or adjustment that holds now: what a dispute is about.
    pub fn ruling(&self) -> Option<&OpId> {
        self.terms.last().map(|term| &term.id).or(self.decision.as_ref().map(|decision| &decision.id))
    }

    /// The dispute that has no result yet.
    pub fn open_dispute(&self) -> Option<&Disputed> {
        self.disputes.iter().find(|dispute| dispute.outcome.is_none())
    }

    /// The dispute by which what holds now was set aside, and nobody has dealt with that.
    pub fn set_aside(&self) -> Option<&Disputed> {
        let aside = |dispute: &&Disputed| dispute.outcome.as_ref().is_some_and(|(end, _)| *end == DisputeEnd::SetAside);
        let mut open = self.disputes.iter().filter(aside).filter(|dispute| !dispute.dealt_with);
        open.find(|dispute| dispute.about.as_ref().is_none_or(|about| self.ruling() == Some(about)))
    }

    /// Whether what was approved is to be made public, and was not as it holds now: another amount is another notice.
    fn is_unpublished(&self, kind: &Assistance) -> bool {
        let in_question = self.objected() || self.upheld;
        kind.has(Step::Publish) && self.is_grant() && !in_question && self.tells_of_now().is_none()
    }

    /// What was made public, where it tells of what holds now.
    pub fn tells_of_now(&self) -> Option<&Publication> {
        self.published.as_ref().filter(|published| self.ruling() == Some(&published.ruling))
    }

    /// Whether something was approved, and stands: what was decided to be stopped does not.
    pub fn is_grant(&self) -> bool {
        let undone = self.is_void() || self.is_unconfirmed() || self.given_up.is_some() || self.without_papers().is_some();
        self.decided().is_some_and(|amount| amount > Fen(0)) && !undone && self.stopped_from().is_none()
    }
}

/// Whether events of this kind are the matter of this part.
pub(super) fn is_about(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(kind, Published | FollowedUp | Disputed | DisputeEnded | Archived)
}

/// Whether an event of this kind may be written at `tier` now.
pub(super) fn may(s: &Standing, packs: &Packs, kind: EventKind, tier: Tier) -> Result<(), Refusal> {
    // Whoever disputes does not wait for the cabinet.
    unless(s.archived.is_none() || kind == EventKind::Disputed, "已归档；确需补记的，先撤销归档")?;
    unless(tier >= Tier::Township || kind == EventKind::FollowedUp, "村(社区)不办理这一步")?;
    match kind {
        EventKind::Published => {
            unless(s.decision.is_some(), "尚未审批")?;
            unless(s.is_grant(), "没有可以公布的审批结果")?;
            let public = kind_of(s, packs, "").is_some_and(|kind| kind.has(Step::Publish));
            unless(public, "这一种类不公布审批结果")
        }
        EventKind::FollowedUp => {
            let helped = s.payment.is_some() || s.transfers.iter().any(|transfer| transfer.result.is_some());
            unless(helped || s.follow_up.is_some() || s.result.is_some(), "还没有办理结果，不回访")
        }
        EventKind::Disputed => {
            unless(s.is_application, "还不是申请")?;
            unless(s.open_dispute().is_none(), "已有复议、诉讼没有结果")
        }
        EventKind::DisputeEnded => {
            unless(s.open_dispute().is_some(), "没有等结果的复议、诉讼")?;
            let above = s.decision.as_ref().is_none_or(|decision| tier >= decision.tier);
            unless(above, "应由审批机构登记复议、诉讼结果")
        }
        EventKind::Archived => {
            unless(s.result.is_some(), "办结以后才归档")?;
            match left(s, packs) {
                Some(what) => Err(Refusal(format!("还不能归档：{what}"), false)),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// What of a closed case is not done yet, so that its papers are not filed.
fn left(s: &Standing, packs: &Packs) -> Option<&'static str> {
    let unpublished = kind_of(s, packs, "").is_some_and(|kind| s.is_unpublished(kind));
    let all = [
        (s.owed() > Fen(0), "还有金额没有追回"),
        (s.untold().is_some(), "书面通知还没有送达"),
        (unpublished, "审批结果还没有公布"),
        (s.follow_up.is_some(), "还没有回访"),
        (s.open_dispute().is_some(), "复议、诉讼还没有结果"),
        (bookings::turns(s).next().is_some(), "预约还没有结果"),
        (s.doubled.iter().any(|doubled| doubled.ruling.is_none()), "是否重复还没有核定"),
    ];
    all.into_iter().find(|(holds, _)| *holds).map(|(_, what)| what)
}

/// Whether this very event has effect.
pub(super) fn judge(s: &Standing, what: &What, day: Option<Day>) -> Result<(), Refusal> {
    let named = |text: &str, why: &str| unless(!text.trim().is_empty(), why);
    let not_later = |on: Day| unless(day.is_none_or(|day| on <= day), "日期在今天之后");
    match what {
        What::Published { place, from, until, text, ruling } => {
            named(place, "须写明公布地点")?;
            unless(leak(place).is_none(), "公布地点不得写号码或健康情况")?;
            unless(until >= from, "公布的结束日期早于开始日期")?;
            unless(until.0.saturating_sub(from.0) < PUBLIC_DAYS_MAX, "一次公布最长一年，期满可以再公布")?;
            named(text, "公布没有内容")?;
            let of_now = ruling.is_none() || ruling.as_ref() == s.ruling();
            unless(of_now, "审批结果已经变动，这一公布写的是变动以前的，请重新公布")?;
            unless(s.tells_of_now().is_none_or(|up| *from > up.until), "这一审批结果正在公布")
        }
        What::FollowedUp { on, whom, text, next } => {
            named(whom, "须写明回访了谁、怎样回访的")?;
            named(text, "须写明回访情况")?;
            not_later(*on)?;
            unless(next.is_none_or(|next| next > *on), "下次回访应在这次以后")
        }
        What::Disputed { body, on, .. } => {
            named(body, "须写明复议机关或法院")?;
            not_later(*on)
        }
        What::DisputeEnded { dispute, text, .. } => {
            let Some(known) = s.disputes.iter().find(|known| known.id == *dispute) else {
                return Err(Refusal("没有这一复议、诉讼，或尚未到达".to_owned(), true));
            };
            unless(known.outcome.is_none(), "这一复议、诉讼已有结果")?;
            named(text, "须写明复议决定、判决的文号和内容")
        }
        What::Archived { number, .. } => named(number, "须写明档案编号"),
        _ => Ok(()),
    }
}

/// What an event that counts changes.
pub(super) fn apply(s: &mut Standing, id: &OpId, event: &Event, day: Option<Day>) {
    match &event.what {
        What::Published { place, from, until, .. } => {
            s.published = s.ruling().cloned().map(|ruling| Publication {
                id: id.clone(),
                ruling,
                place: place.clone(),
                from: *from,
                until: *until,
            });
        }
        What::FollowedUp { on, whom, text, next } => {
            s.follow_ups.push(FollowUp { on: *on, whom: whom.clone(), text: text.clone() });
            s.follow_up = *next;
        }
        What::Disputed { how, body, number, on, about } => {
            s.archived = None;
            s.disputes.push(Disputed {
                id: id.clone(),
                how: how.label(),
                body: body.clone(),
                number: number.clone(),
                on: *on,
                about: about.clone(),
                outcome: None,
                dealt_with: false,
            });
        }
        What::DisputeEnded { dispute, outcome, text } => {
            if let Some(known) = s.disputes.iter_mut().find(|known| known.id == *dispute) {
                known.outcome = Some((*outcome, text.clone()));
            }
            // What was set aside is dealt with anew, also when the case was closed.
            if s.set_aside().is_some() {
                s.result = None;
            }
        }
        What::Archived { number, .. } => s.archived = Some(Archived { number: number.clone(), day }),
        _ => {}
    }
}

/// The day by which somebody shall look again after the first help, where the kind says so.
pub(super) fn first_look(s: &Standing, packs: &Packs, day: Option<Day>) -> Option<Day> {
    let kind = kind_of(s, packs, "").filter(|kind| kind.has(Step::FollowUp))?;
    let first =
        s.follow_ups.is_empty() && s.payouts.iter().filter(|payout| payout.state == super::PayoutState::Paid).count() == 1;
    let days = kind.days.get(&Step::FollowUp)?;
    day.filter(|_| first).zip(packs.get(&s.pack)).map(|(day, pack)| pack.calendar.deadline(day, *days))
}

/// Who must do what after the decision.
pub(super) fn turns(s: &Standing, packs: &Packs, decider: Tier) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut turn = |tier: Tier, what: &'static str, due: Option<Day>| turns.push(Turn { who: Who::Tier(tier), what, due });
    let pack = packs.get(&s.pack);
    let kind = kind_of(s, packs, "");
    let within = |since: Option<Day>, step: Step| {
        let days = kind.and_then(|kind| kind.days.get(&step));
        since.zip(days).zip(pack).map(|((since, days), pack)| pack.calendar.deadline(since, *days))
    };
    match s.untold() {
        Some(Untold::Refusal(decision)) => {
            let what =
                if decision.notice.is_none() { "出具不予批准书面通知" } else { "送达不予批准书面通知" };
            turn(decider, what, within(decision.day, Step::Tell));
        }
        Some(Untold::Cut(_, term)) if term.notice.is_none() => turn(decider, "出具减发、停发书面通知", None),
        Some(Untold::Cut(..)) => turn(decider, "送达减发、停发书面通知", None),
        None => {}
    }
    if kind.is_some_and(|kind| s.is_unpublished(kind)) {
        // What was never made public does not get a new term by an adjustment.
        let adjusted = s.terms.last().filter(|_| s.published.is_some()).and_then(|term| term.day);
        let decided = s.decision.as_ref().and_then(|decision| decision.day);
        turn(Tier::Township, TO_PUBLISH, within(adjusted.or(decided), Step::Publish));
    }
    if let Some(due) = s.follow_up {
        turn(Tier::Township, "回访", Some(due));
    }
    if s.open_dispute().is_some() {
        turn(decider, "登记复议、诉讼结果", None);
    } else if s.set_aside().is_some() {
        turn(decider, "按复议、诉讼结果重新办理", None);
    }
    turns
}
