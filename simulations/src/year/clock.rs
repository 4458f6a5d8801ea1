//! Deadlines, counted a second time: from the events of a case, the table of days and a calendar of its own.
//!
//! Shares nothing with `standing` but the events and whether each counts. Slow and plain on purpose.

use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Finding, Opinion, Origin, Ruling, TargetKind, Verdict, What};
use shouwang_protocol::records::policy::{Decides, Pack, Step};
use shouwang_protocol::standing::{Effect, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// Working days, as a list of days that are worked.
pub struct Almanac {
    off: BTreeSet<String>,
    worked: BTreeSet<String>,
}

impl Almanac {
    /// The almanac of a pack's two lists of days.
    pub fn of(pack: &Pack) -> Almanac {
        let list = |days: &BTreeSet<Day>| days.iter().map(ToString::to_string).collect();
        Almanac { off: list(&pack.calendar.off), worked: list(&pack.calendar.worked) }
    }

    /// Whether people work on this day. The weekday by Sakamoto's rule, from the date as it is written.
    pub fn works(&self, day: Day) -> bool {
        let text = day.to_string();
        if self.off.contains(&text) || self.worked.contains(&text) {
            return self.worked.contains(&text);
        }
        let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<i32>().ok()).unwrap_or(1);
        let (mut year, month, date) = (part(0, 4), part(5, 7), part(8, 10));
        year -= i32::from(month < 3);
        let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][usize::try_from(month - 1).unwrap_or(0) % 12];
        let weekday = (year + year / 4 - year / 100 + year / 400 + shift + date).rem_euclid(7);
        weekday != 0 && weekday != 6
    }

    /// The last day of a term of so many working days after this day.
    pub fn add(&self, start: Day, days: u32) -> Day {
        let (mut day, mut left) = (start, days);
        while left > 0 {
            day = Day(day.0 + 1);
            if self.works(day) {
                left -= 1;
            }
        }
        day
    }

    /// Working days after `start`, up to and with `end`.
    pub fn count(&self, start: Day, end: Day) -> u32 {
        (start.0 + 1..=end.0).map(|day| u32::from(self.works(Day(day)))).sum()
    }
}

/// Where money is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Money {
    Listed,
    Out,
    Back,
}

/// A transfer.
struct Handed {
    kind: String,
    target: TargetKind,
    sent: Option<Day>,
    signed: Option<Day>,
    ended: bool,
    fed_back: bool,
}

/// What a case comes to, read from its events.
#[derive(Default)]
pub struct Ledger {
    application: bool,
    origin: Option<Origin>,
    kind: String,
    finding: Option<Finding>,
    materials: bool,
    number: bool,
    visited: bool,
    opinion: Option<Opinion>,
    notice: Option<(Day, u32, bool)>,
    /// The decision: approved, amount, day.
    pub decision: Option<(bool, i64, Option<Day>)>,
    money: Vec<(String, Money, i64, Option<Day>)>,
    failed: u32,
    transfers: BTreeMap<OpId, Handed>,
    /// The day on which a department approved it.
    pub approved_by_department: Option<Option<Day>>,
    rulings: BTreeMap<String, Ruling>,
    recovered: i64,
    over: bool,
    given_up: bool,
    pauses: Vec<(Day, Option<Day>)>,
    extensions: Vec<(Day, u32)>,
    phase: Option<Step>,
    again: bool,
    since: Option<Day>,
    /// The day it became an application.
    pub applied_on: Option<Day>,
    /// The kind's name after all events.
    pub cause: String,
}

impl Ledger {
    /// Reads a case.
    pub fn of(standing: &Standing, pack: &Pack) -> Ledger {
        let mut ledger = Ledger::default();
        for item in &standing.timeline {
            let unseen = matches!(&item.effect, Effect::WithoutEffect(why)
                if why == "这一审批已经发放过" || why == "已列入发放名册，尚未登记结果");
            if item.effect != Effect::Counts && !unseen {
                continue;
            }
            ledger.take(&item.id, &item.event.what, item.day);
            let phase = ledger.phase_now(pack);
            if (phase, phase.is_some() && ledger.failed > 0) != (ledger.phase, ledger.again) {
                ledger.since = item.day;
            }
            (ledger.phase, ledger.again) = (phase, phase.is_some() && ledger.failed > 0);
        }
        ledger
    }

    /// The kind of assistance.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the applicant took it back.
    pub fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Whether a person found that it does not stand.
    pub fn is_void(&self) -> bool {
        self.rulings.values().any(|ruling| *ruling == Ruling::Other)
    }

    /// The payment that stands: its amount and day.
    pub fn paid(&self) -> Option<(i64, Option<Day>)> {
        self.money.iter().find(|(_, state, ..)| *state == Money::Out).map(|(_, _, amount, day)| (*amount, *day))
    }

    /// How often money is out.
    pub fn times_out(&self) -> usize {
        self.money.iter().filter(|(_, state, ..)| *state == Money::Out).count()
    }

    /// The days by which somebody must act, in order.
    pub fn dues(&self, pack: &Pack, almanac: &Almanac) -> Vec<Day> {
        let days = |kind: &str, step: Step| pack.kind(kind).and_then(|kind| kind.days.get(&step)).copied();
        let mut dues = Vec::new();
        match (self.phase, &self.notice) {
            (Some(Step::Notice), Some((until, 0, _))) => dues.push(Day(until.0 + 1)),
            (Some(step), _) => dues.extend(self.term(almanac, days(&self.kind, step))),
            (None, _) => {}
        }
        for handed in self.transfers.values().filter(|handed| !handed.ended) {
            let (start, step) = match handed.signed {
                Some(signed) => (Some(signed), Step::Feedback),
                None => (handed.sent, Step::SignFor),
            };
            dues.extend(start.zip(days(&handed.kind, step)).map(|(start, days)| almanac.add(start, days)));
        }
        dues.sort_unstable();
        dues
    }

    fn term(&self, almanac: &Almanac, days: Option<u32>) -> Option<Day> {
        let (since, mut days) = (self.since?, days?);
        for (start, end) in &self.pauses {
            days += almanac.count((*start).max(since), (*end)?);
        }
        days += self.extensions.iter().filter(|(day, _)| *day >= since).map(|(_, days)| days).sum::<u32>();
        Some(almanac.add(since, days))
    }

    /// The step whose clock runs.
    fn phase_now(&self, pack: &Pack) -> Option<Step> {
        let owed = self.is_void() && self.paid().is_some_and(|(amount, _)| amount > self.recovered);
        if owed || self.over || self.origin.is_none() {
            return None;
        }
        let open = self.transfers.values().any(|handed| !handed.ended);
        let handed = open || self.transfers.values().any(|handed| handed.fed_back);
        if !self.application {
            let clue = self.finding.is_none_or(|finding| finding == Finding::Unclear);
            return (!handed && clue && self.origin != Some(Origin::Consultation)).then_some(Step::Verify);
        }
        if !self.number {
            return (!self.materials).then_some(Step::Accept);
        }
        let kind = pack.kind(&self.kind)?;
        if let Some((approved, amount, _)) = self.decision {
            return (approved && !self.is_void() && amount > 0 && self.paid().is_none()).then_some(Step::Pay);
        }
        if !matches!(kind.decides, Decides::Tiers(_)) {
            return None;
        }
        let has = |step: Step| kind.steps.contains(&step);
        if has(Step::Visit) && !self.visited {
            return Some(Step::Visit);
        }
        if has(Step::PreExamine) && self.opinion.is_none() {
            return Some(Step::PreExamine);
        }
        match self.notice {
            _ if !has(Step::Notice) || self.opinion != Some(Opinion::For) => Some(Step::Decide),
            None => Some(Step::Notice),
            Some((_, 0, true)) => Some(Step::Decide),
            Some((_, 0, false)) => Some(Step::Notice),
            Some(_) => None,
        }
    }

    fn take(&mut self, id: &OpId, what: &What, day: Option<Day>) {
        match what {
            What::Opened { origin, assistance, cause, .. } => {
                (self.origin, self.application) = (Some(*origin), *origin == Origin::Application);
                (self.kind, self.cause) = (assistance.clone(), cause.clone());
                self.applied_on = day.filter(|_| self.application);
            }
            What::VerifyAsked { .. } => self.finding = None,
            What::Verified { outcome, .. } => self.finding = Some(*outcome),
            What::Applied { assistance, .. } | What::AppliedOnBehalf { assistance, .. } => {
                (self.application, self.applied_on) = (true, day);
                if !assistance.is_empty() {
                    self.kind.clone_from(assistance);
                }
            }
            What::MaterialsAsked { .. } => self.materials = true,
            What::MaterialsGiven { .. } => self.materials = false,
            What::Accepted { .. } => self.number = true,
            What::Visited { .. } => self.visited = true,
            What::PreExamined { opinion, .. } => self.opinion = Some(*opinion),
            What::NoticePosted { until, .. } => self.notice = Some((*until, 0, false)),
            What::Objected { .. } => self.notice.iter_mut().for_each(|(_, open, _)| *open += 1),
            What::ObjectionSettled { outcome: Finding::True, .. } => (self.notice, self.opinion) = (None, None),
            What::ObjectionSettled { .. } => self.notice.iter_mut().for_each(|(_, open, _)| *open = open.saturating_sub(1)),
            What::NoticeEnded { .. } => self.notice.iter_mut().for_each(|(.., ended)| *ended = true),
            What::Suspended { .. } => self.pauses.extend(day.map(|day| (day, None))),
            What::Resumed { .. } => self.pauses.iter_mut().last().into_iter().for_each(|(_, end)| *end = day),
            What::Extended { days, .. } => self.extensions.extend(day.map(|day| (day, *days))),
            What::Decided { outcome, amount, .. } => self.decision = Some((*outcome == Verdict::Approved, amount.0, day)),
            What::PayListed { batch, amount, .. } => self.money.push((batch.clone(), Money::Listed, amount.0, day)),
            What::Paid { batch, amount, .. } => {
                let listed = |(of, state, ..): &(String, Money, i64, Option<Day>)| of == batch && *state == Money::Listed;
                self.money.retain(|entry| batch.is_empty() || !listed(entry));
                self.money.push((batch.clone(), Money::Out, amount.0, day));
            }
            What::PaymentFailed { batch, .. } => {
                self.failed += 1;
                // Money that was paid again comes back first; what stands goes last.
                let of = |entry: &(String, Money, i64, Option<Day>)| batch.is_empty() || entry.0 == *batch;
                let out = self.money.iter().rposition(|entry| entry.1 == Money::Out && of(entry));
                let listed = || self.money.iter().rposition(|entry| entry.1 == Money::Listed && of(entry));
                if let Some(at) = out.or_else(listed) {
                    self.money[at].1 = Money::Back;
                }
            }
            What::Transferred { to, assistance, .. } => {
                let kind = if assistance.is_empty() { self.kind.clone() } else { assistance.clone() };
                let target = to.kind;
                let handed = Handed { kind, target, sent: day, signed: None, ended: false, fed_back: false };
                self.transfers.insert(id.clone(), handed);
            }
            What::SignedFor { transfer } => self.handed(transfer, |handed| handed.signed = day),
            What::Returned { transfer, .. } => self.handed(transfer, |handed| handed.ended = true),
            What::Feedback { transfer, result, .. } => {
                self.handed(transfer, |handed| (handed.ended, handed.fed_back) = (true, true));
                let department = self.transfers.get(transfer).is_some_and(|handed| handed.target == TargetKind::Department);
                if department && *result == shouwang_protocol::records::event::Answer::Approved {
                    self.approved_by_department.get_or_insert(day);
                }
            }
            What::GaveUp { .. } => (self.over, self.given_up) = (true, true),
            What::NotAccepted { .. } | What::Closed { .. } | What::Routed { .. } => self.over = true,
            What::DoubleSettled { other, ruling, .. } => drop(self.rulings.insert(other.clone(), *ruling)),
            What::Recovered { amount, .. } => self.recovered += amount.0,
            _ => {}
        }
    }

    fn handed(&mut self, id: &OpId, change: impl FnOnce(&mut Handed)) {
        if let Some(handed) = self.transfers.get_mut(id) {
            change(handed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_protocol::records::policy::sample;

    #[test]
    fn spring_festival_of_2026_is_no_time_for_deadlines() {
        let almanac = Almanac::of(&sample());
        let day = |text: &str| Day::parse(text).expect("a day");
        // 15 to 23 February off, Saturdays 14 and 28 February worked.
        assert!(almanac.works(day("2026-02-14")) && !almanac.works(day("2026-02-16")) && !almanac.works(day("2026-02-22")));
        assert_eq!(almanac.add(day("2026-02-13"), 2), day("2026-02-24"));
        assert_eq!(almanac.count(day("2026-02-13"), day("2026-02-24")), 2);
    }
}
