//! Deadlines and money, counted a second time: from the events of a case, the table of days and a calendar of its own.
//!
//! Shares nothing with `standing` but the events and whether each counts. Slow and plain on purpose.

use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Finding, Opinion, Origin, Ruling, TargetKind, Verdict, What};
use shouwang_protocol::records::policy::{Decides, Pack, Step};
use shouwang_protocol::standing::{Effect, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// What a payer who had not seen it yet is told of a case that had ended, or waited, elsewhere.
const MOVED_ON: [&str; 5] =
    ["事项已办结", "申请人已撤回", "尚未审批", "对审批的异议属实，须先撤销审批", "对审批的异议正在核查，查清以前不发放"];

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
enum Where {
    /// On a list; on a list although another was first.
    Listed,
    Beside,
    /// With the family; with the family a second time.
    Out,
    Again,
    Back,
}

/// Money on its way: its batch, the month it is for, how much, and where it is since when.
#[derive(Debug)]
struct Money {
    batch: String,
    month: String,
    fen: i64,
    at: Where,
    day: Option<Day>,
}

impl Money {
    fn is_on_list(&self, batch: &str) -> bool {
        matches!(self.at, Where::Listed | Where::Beside) && !batch.is_empty() && self.batch == batch
    }
}

/// Help that came before the papers: when, whether they are there, and what was said of it.
#[derive(Default)]
struct Ahead {
    given: Option<Day>,
    papers: bool,
    confirmed: Option<bool>,
}

/// A check of the family's means.
#[derive(Default)]
struct Checked {
    asked: Option<Day>,
    started: Option<Day>,
    answered: bool,
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
    accepted: Option<Day>,
    visited: bool,
    opinion: Option<Opinion>,
    notice: Option<(Day, u32, bool)>,
    /// That a benefit which runs is to be stopped, put up: until when, objections, whether it ended.
    stop_notice: Option<(Day, u32, bool)>,
    /// The decision: approved, amount, day.
    pub decision: Option<(bool, i64, Option<Day>)>,
    /// The event that decided, and whether the family was told of it in writing.
    decided_by: Option<OpId>,
    told: bool,
    follow_up: Option<Day>,
    money: Vec<Money>,
    failed: u32,
    /// Of a monthly benefit: from which month on how much.
    terms: Vec<(String, i64)>,
    ahead: Option<Ahead>,
    check: Option<Checked>,
    unchecked: bool,
    transfers: BTreeMap<OpId, Handed>,
    /// What departments gave: kind, day, fen.
    given: Vec<(String, Option<Day>, i64)>,
    /// The day on which a department approved it.
    pub approved_by_department: Option<Option<Day>>,
    rulings: BTreeMap<String, Ruling>,
    /// Came back, or was written off.
    came_back: i64,
    over: bool,
    given_up: bool,
    /// An objection was found true after the decision.
    upheld: bool,
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
                if ["这一审批已经发放过", "这个月已经发放过", "已列入发放名册，尚未登记结果"].contains(&why.as_str()));
            // Money that went out after the case had ended elsewhere is out all the same.
            let over = matches!(&item.effect, Effect::WithoutEffect(why) if MOVED_ON.contains(&why.as_str()));
            let unseen = unseen || (over && matches!(item.event.what, What::Paid { .. } | What::PayListed { .. }));
            if item.effect != Effect::Counts && !unseen {
                continue;
            }
            ledger.take(&item.id, &item.event.what, item.day, pack);
            let phase = ledger.phase_now(pack);
            let again = phase.is_some() && if ledger.terms.is_empty() { ledger.failed > 0 } else { ledger.month_came_back() };
            if (phase, again) != (ledger.phase, ledger.again) {
                ledger.since = item.day;
            }
            (ledger.phase, ledger.again) = (phase, again);
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

    /// Whether help came first and was found not to be right.
    pub fn is_unconfirmed(&self) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| ahead.confirmed == Some(false))
    }

    /// What the family has: the payments that stand, then what departments gave; each with its kind, day and fen.
    pub fn paid(&self) -> impl Iterator<Item = (String, Option<Day>, i64)> {
        let paid = self.out().map(|money| (self.kind.clone(), money.day, money.fen));
        paid.chain(self.given.iter().cloned())
    }

    /// How often money is out that was out before.
    pub fn times_again(&self) -> usize {
        self.money.iter().filter(|money| money.at == Where::Again).count()
    }

    /// Of a monthly benefit the day on which it ends; the inner none: it runs. The outer: it is paid once.
    pub fn runs_until(&self) -> Option<Option<Day>> {
        let (from, fen) = self.terms.last()?;
        Some((*fen <= 0).then(|| Day::parse(&format!("{from}-01"))).flatten())
    }

    fn out(&self) -> impl Iterator<Item = &Money> {
        self.money.iter().filter(|money| money.at == Where::Out)
    }

    fn due_in(&self, month: &str) -> i64 {
        self.terms.iter().rev().find(|(from, _)| from.as_str() <= month).map_or(0, |(_, fen)| *fen)
    }

    /// Whether a month that is due came back and nobody sent it again.
    fn month_came_back(&self) -> bool {
        let back = self.money.iter().filter(|money| money.at == Where::Back && self.due_in(&money.month) > 0);
        let gone_again =
            |back: &Money| self.money.iter().any(|it| matches!(it.at, Where::Listed | Where::Out) && it.month == back.month);
        back.into_iter().any(|back| !gone_again(back))
    }

    /// What the family has and should not have.
    fn owed(&self) -> i64 {
        let undone = self.is_void() || self.is_unconfirmed() || (self.upheld && self.terms.is_empty());
        let nothing = undone || self.given_up || !self.decision.is_some_and(|(approved, ..)| approved);
        let beyond = |money: &Money| match (nothing, self.terms.is_empty()) {
            (true, _) => money.fen,
            (false, true) => 0,
            (false, false) => (money.fen - self.due_in(&money.month)).max(0),
        };
        self.out().map(beyond).sum::<i64>() - self.came_back
    }

    /// The days by which somebody must act, in order.
    pub fn dues(&self, pack: &Pack, almanac: &Almanac) -> Vec<Day> {
        let days = |kind: &str, step: Step| pack.kind(kind).and_then(|kind| kind.days.get(&step)).copied();
        let mut dues = Vec::new();
        let undecided = self.number && self.decision.is_none() && !self.over && self.owed() <= 0;
        let whole = self.term(almanac, self.accepted.filter(|_| undecided), days(&self.kind, Step::Whole));
        let sooner = |due: Option<Day>| due.into_iter().chain(whole).min();
        let to_check = undecided && self.phase.is_none() && self.is_to_check(pack);
        match (self.phase, &self.notice) {
            _ if self.is_paying() => dues.extend(self.pay_day(pack)),
            (Some(Step::Notice), Some((until, 0, _))) => dues.extend(sooner(Some(Day(until.0 + 1)))),
            (Some(step), _) => dues.extend(sooner(self.term(almanac, self.since, days(&self.kind, step)))),
            (None, _) if to_check && self.check.is_some() => {}
            (None, _) => dues.extend(whole),
        }
        let refused = self.decision.filter(|(approved, ..)| !approved && !self.told && !self.given_up);
        let in_writing = pack.kind(&self.kind).is_some_and(|kind| kind.has(Step::Tell));
        if let Some((.., decided)) = refused.filter(|_| in_writing) {
            dues.extend(decided.zip(days(&self.kind, Step::Tell)).map(|(day, days)| almanac.add(day, days)));
        }
        dues.extend(self.follow_up);
        if let Some((until, 0, false)) = self.stop_notice.filter(|_| self.runs_until() == Some(None) && !self.is_void()) {
            dues.push(Day(until.0 + 1));
        }
        if self.waits_for_papers() {
            let given = self.ahead.as_ref().and_then(|ahead| ahead.given);
            let days = pack.kind(&self.kind).and_then(|kind| kind.emergency.as_ref()).and_then(|rule| rule.papers_days);
            dues.extend(given.zip(days).map(|(given, days)| almanac.add(given, days)));
        }
        let undecided = !self.over && self.number && self.decision.is_none() && !self.unchecked;
        if let Some(check) = self.check.as_ref().filter(|check| undecided && !check.answered) {
            let (since, step) = match check.started {
                Some(started) => (Some(started), Step::CheckAnswer),
                None => (check.asked, Step::Check),
            };
            let due = self.term(almanac, since, days(&self.kind, step));
            dues.extend(if to_check { sooner(due) } else { due });
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

    /// Whether it is paid every month, also until it stops, and nothing is to come back first.
    fn is_paying(&self) -> bool {
        !self.terms.is_empty() && !self.over && !self.is_void() && self.owed() <= 0
    }

    /// Whether the family's means are what is looked at now.
    fn is_to_check(&self, pack: &Pack) -> bool {
        let has = |step: Step| pack.kind(&self.kind).is_some_and(|kind| kind.has(step));
        let answered = self.unchecked || self.check.as_ref().is_some_and(|check| check.answered);
        has(Step::Check) && (self.visited || !has(Step::Visit)) && !answered
    }

    /// The day by which the first month is to be paid that is not.
    fn pay_day(&self, pack: &Pack) -> Option<Day> {
        let by = pack.kind(&self.kind)?.pay_by.as_ref()?.day;
        let mut first = self.terms.first()?.0.clone();
        while self.due_in(&first) <= 0 || self.out().any(|money| money.month == first) {
            if self.terms.last().is_some_and(|(from, fen)| *fen <= 0 && first >= *from) {
                return None;
            }
            let (year, month) = first.split_once('-')?;
            let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
            first = if month == 12 { format!("{:04}-01", year + 1) } else { format!("{year:04}-{:02}", month + 1) };
        }
        Day::parse(&format!("{first}-{by:02}"))
    }

    fn waits_for_papers(&self) -> bool {
        let open = self.ahead.as_ref().is_some_and(|ahead| ahead.confirmed.is_none());
        open && !self.over && self.owed() <= 0
    }

    fn term(&self, almanac: &Almanac, since: Option<Day>, days: Option<u32>) -> Option<Day> {
        let (since, mut days) = (since?, days?);
        for (start, end) in &self.pauses {
            days += almanac.count((*start).max(since), (*end)?);
        }
        days += self.extensions.iter().filter(|(day, _)| *day >= since).map(|(_, days)| days).sum::<u32>();
        Some(almanac.add(since, days))
    }

    /// The step whose clock runs.
    fn phase_now(&self, pack: &Pack) -> Option<Step> {
        if self.owed() > 0 || self.over || self.origin.is_none() || self.waits_for_papers() {
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
            let to_pay = match self.runs_until() {
                Some(Some(_)) => false,
                Some(None) => self.out().next().is_none() || self.month_came_back(),
                None => self.out().next().is_none(),
            };
            return (approved && !self.is_void() && !self.is_unconfirmed() && amount > 0 && to_pay).then_some(Step::Pay);
        }
        if !matches!(kind.decides, Decides::Tiers(_)) {
            return None;
        }
        let has = |step: Step| kind.steps.contains(&step);
        if has(Step::Visit) && !self.visited {
            return Some(Step::Visit);
        }
        if has(Step::Check) && !self.unchecked && !self.check.as_ref().is_some_and(|check| check.answered) {
            return None;
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

    fn take(&mut self, id: &OpId, what: &What, day: Option<Day>, pack: &Pack) {
        let month = |day: Option<Day>| day.map(|day| day.to_string()[..7].to_owned()).unwrap_or_default();
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
            What::MaterialsGiven { .. } => {
                self.materials = false;
                self.ahead.iter_mut().for_each(|ahead| ahead.papers = true);
            }
            What::Accepted { .. } => (self.number, self.accepted) = (true, day),
            What::Visited { .. } => self.visited = true,
            What::PreExamined { opinion, .. } => self.opinion = Some(*opinion),
            What::NoticePosted { until, .. } if self.runs_until() == Some(None) && !self.is_void() => {
                self.stop_notice = Some((*until, 0, false));
            }
            What::NoticePosted { until, .. } => self.notice = Some((*until, 0, false)),
            What::Objected { .. } => self.on_the_board().iter_mut().for_each(|(_, open, _)| *open += 1),
            What::ObjectionSettled { outcome, .. } if self.decision.is_some() && !self.is_stopping() => {
                self.upheld |= *outcome == Finding::True;
                self.notice.iter_mut().for_each(|(_, open, _)| *open = open.saturating_sub(1));
            }
            What::ObjectionSettled { outcome: Finding::True, .. } => {
                *self.on_the_board() = None;
                if self.terms.is_empty() {
                    self.opinion = None;
                }
            }
            What::ObjectionSettled { .. } => {
                self.on_the_board().iter_mut().for_each(|(_, open, _)| *open = open.saturating_sub(1));
            }
            What::NoticeEnded { .. } => self.on_the_board().iter_mut().for_each(|(.., ended)| *ended = true),
            What::Suspended { .. } => self.pauses.extend(day.map(|day| (day, None))),
            What::Resumed { .. } => self.pauses.iter_mut().last().into_iter().for_each(|(_, end)| *end = day),
            What::Extended { days, .. } => self.extensions.extend(day.map(|day| (day, *days))),
            What::CheckAsked { .. } => (self.check, self.unchecked) = (Some(Checked { asked: day, ..Checked::default() }), false),
            What::CheckStarted { .. } => self.check.iter_mut().for_each(|check| check.started = day),
            What::CheckAnswered { .. } => self.check.iter_mut().for_each(|check| check.answered = true),
            What::CheckImpossible { .. } => self.unchecked = true,
            What::Decided { outcome, amount, .. } => {
                let approved = *outcome == Verdict::Approved;
                self.decision = Some((approved, amount.0, day));
                (self.decided_by, self.told) = (Some(id.clone()), false);
                if approved && amount.0 > 0 && pack.kind(&self.kind).is_some_and(|kind| kind.monthly) {
                    let (year, month, _) = day.unwrap_or_default().ymd();
                    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                    self.terms = vec![(format!("{year:04}-{month:02}"), amount.0)];
                }
            }
            What::Adjusted { amount, from, .. } => {
                self.terms.push((from.clone(), amount.0));
                (self.stop_notice, self.upheld) = (None, false);
            }
            What::Emergency { amount, assistance, .. } => {
                (self.application, self.number) = (true, true);
                if !assistance.is_empty() {
                    self.kind.clone_from(assistance);
                }
                self.decision = Some((true, amount.0, day));
                self.ahead = Some(Ahead { given: day, ..Ahead::default() });
                self.goes_out("", month(day), amount.0, day);
            }
            What::Acknowledged { outcome, .. } => {
                self.ahead.iter_mut().for_each(|ahead| ahead.confirmed = Some(*outcome == Verdict::Approved));
            }
            What::NoticeServed { adjustment, .. } => self.told |= self.decided_by.as_ref() == Some(adjustment),
            What::Outcome { follow_up, .. } => self.follow_up = follow_up.iter().chain(&self.follow_up).min().copied(),
            What::FollowedUp { next, .. } => self.follow_up = *next,
            What::PayListed { batch, period, amount, .. } => {
                let taken = |it: &Money| matches!(it.at, Where::Listed | Where::Out) && self.is_same_place(&it.month, period);
                let at = if self.money.iter().any(taken) { Where::Beside } else { Where::Listed };
                self.money.push(Money { batch: batch.clone(), month: period.clone(), fen: amount.0, at, day });
            }
            What::Paid { batch, period, amount, .. } => {
                let listed = self.money.iter().find(|it| it.is_on_list(batch)).map(|it| it.month.clone());
                let period = listed.unwrap_or_else(|| if period.is_empty() { month(day) } else { period.clone() });
                self.goes_out(batch, period, amount.0, day);
            }
            What::PaymentFailed { batch, .. } => self.comes_back(batch, day),
            What::Transferred { to, assistance, .. } => {
                let kind = if assistance.is_empty() { self.kind.clone() } else { assistance.clone() };
                let target = to.kind;
                let handed = Handed { kind, target, sent: day, signed: None, ended: false, fed_back: false };
                self.transfers.insert(id.clone(), handed);
            }
            What::SignedFor { transfer } => self.handed(transfer, |handed| handed.signed = day),
            What::Returned { transfer, .. } => self.handed(transfer, |handed| handed.ended = true),
            What::Feedback { transfer, result, amount, .. } => {
                let kind = self.transfers.get(transfer).map(|handed| handed.kind.clone()).unwrap_or_default();
                self.given.extend(amount.map(|amount| (kind, day, amount.0)));
                self.handed(transfer, |handed| (handed.ended, handed.fed_back) = (true, true));
                let department = self.transfers.get(transfer).is_some_and(|handed| handed.target == TargetKind::Department);
                if department && *result == shouwang_protocol::records::event::Answer::Approved {
                    self.approved_by_department.get_or_insert(day);
                }
            }
            What::GaveUp { .. } => (self.over, self.given_up) = (true, true),
            What::NotAccepted { .. } | What::Closed { .. } | What::Routed { .. } => self.over = true,
            What::DoubleSettled { other, ruling, .. } => drop(self.rulings.insert(other.clone(), *ruling)),
            What::Recovered { amount, .. } | What::WrittenOff { amount, .. } => self.came_back += amount.0,
            _ => {}
        }
    }

    /// What is put up: the opinion, or the stop of a benefit that runs.
    fn on_the_board(&mut self) -> &mut Option<(Day, u32, bool)> {
        if self.is_stopping() { &mut self.stop_notice } else { &mut self.notice }
    }

    fn is_stopping(&self) -> bool {
        self.runs_until() == Some(None) && !self.is_void() && self.stop_notice.is_some()
    }

    /// Whether two payments are for the same: the same month, or what is paid once.
    fn is_same_place(&self, one: &str, two: &str) -> bool {
        self.terms.is_empty() || one == two
    }

    fn goes_out(&mut self, batch: &str, month: String, fen: i64, day: Option<Day>) {
        let same: Vec<bool> = self.money.iter().map(|it| self.is_same_place(&it.month, &month)).collect();
        let before = self.money.iter().zip(&same).any(|(it, same)| *same && it.at == Where::Out);
        let at = if before { Where::Again } else { Where::Out };
        let listed = self.money.iter().zip(&same).position(|(it, same)| *same && it.is_on_list(batch));
        match listed {
            Some(listed) => {
                let it = &mut self.money[listed];
                (it.fen, it.at, it.day) = (fen, at, day);
            }
            None => self.money.push(Money { batch: batch.to_owned(), month, fen, at, day }),
        }
        for (it, same) in self.money.iter_mut().zip(same) {
            if same && it.at == Where::Listed {
                it.at = Where::Beside;
            }
        }
    }

    /// What went out twice comes back first, then what went out, then what is on a list.
    fn comes_back(&mut self, batch: &str, day: Option<Day>) {
        self.failed += 1;
        let of_batch = |it: &Money| batch.is_empty() || it.batch == batch;
        let last = |at: Where| self.money.iter().rposition(|it| it.at == at && of_batch(it));
        let on_list = || last(Where::Listed).or_else(|| last(Where::Beside).filter(|_| !batch.is_empty()));
        let Some(index) = last(Where::Again).or_else(|| last(Where::Out)).or_else(on_list) else { return };
        let (was, month) = (self.money[index].at, self.money[index].month.clone());
        (self.money[index].at, self.money[index].day) = (Where::Back, day);
        let (from, to) = match was {
            Where::Out => (Where::Again, Where::Out),
            Where::Listed => (Where::Beside, Where::Listed),
            _ => return,
        };
        let next = self.money.iter().position(|it| it.at == from && self.is_same_place(&it.month, &month));
        if let Some(next) = next {
            self.money[next].at = to;
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
