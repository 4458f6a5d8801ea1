//! The annual file (帮扶清单) of a household: its situation, the assessment of its needs, the causes, the aid received.
//!
//! [`file()`] is a pure function of the household's record, its cases and a year. There is no record of an annual file:
//! it follows from signed entries, so it needs no second bookkeeping and every device derives the same. A year closes
//! by itself: after 31 December the file is sealed, with a digest over the changes and events that were written by
//! then (a change counts as written on the latest of its own day and the days of all it builds on). What arrives late
//! but was written in time changes the digest, and what was written afterwards never does: it is shown as added.
//! So two devices with the same entries show the same digest for ever. What is missing is judged by what is known
//! now, so that a clerk can still complete the file of a year that is over.

use crate::account::{Account, Need, Paid, Service, services};
use crate::hash::Hash;
use crate::record::{CaseId, RecordId};
use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::event::Verdict;
use crate::records::household::{Household, MOVED_AWAY};
use crate::records::then::Then;
use crate::records::{OpId, field};
use crate::standing::Standing;
use crate::standing::payout::month;
use automerge::ChangeHash;
use std::collections::{BTreeMap, BTreeSet};

/// A case of the household.
#[derive(Debug)]
pub struct CaseOf<'a> {
    /// The case.
    pub case: CaseId,
    /// What it means.
    pub standing: &'a Standing,
}

/// Where the year of a file stands.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Closing {
    /// The year goes on, or has not begun.
    Open,
    /// The year is over.
    Sealed {
        /// Its last day.
        on: Day,
        /// Over what was written by then.
        #[serde(serialize_with = "text")]
        digest: Hash,
    },
    /// The record was begun after the year was over.
    Afterwards,
}

/// What makes a file incomplete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// No member lives in the household.
    Members,
    /// No category.
    Category,
    /// No address.
    Address,
    /// No annual income.
    Income,
    /// The record does not fit together.
    Problems,
    /// Several people wrote one field.
    Conflicts,
    /// Nobody assessed the needs in this year.
    Needs,
    /// No cause.
    Cause,
    /// Aid of the year without an amount.
    Amounts,
    /// Aid without a day, which belongs to no year.
    Days,
}

impl Missing {
    /// Everything that can be missing, in the order of the file.
    pub const ALL: [Missing; 10] = [
        Missing::Members,
        Missing::Category,
        Missing::Address,
        Missing::Income,
        Missing::Problems,
        Missing::Conflicts,
        Missing::Needs,
        Missing::Cause,
        Missing::Amounts,
        Missing::Days,
    ];

    /// The word in views and addresses.
    pub fn word(self) -> &'static str {
        match self {
            Missing::Members => "members",
            Missing::Category => "category",
            Missing::Address => "address",
            Missing::Income => "income",
            Missing::Problems => "problems",
            Missing::Conflicts => "conflicts",
            Missing::Needs => "needs",
            Missing::Cause => "cause",
            Missing::Amounts => "amounts",
            Missing::Days => "days",
        }
    }

    /// The inverse of [`Missing::word`].
    pub fn from_word(word: &str) -> Option<Missing> {
        Missing::ALL.into_iter().find(|missing| missing.word() == word)
    }

    /// The section of the file.
    pub fn section(self) -> &'static str {
        match self {
            Missing::Needs => "需求评估情况",
            Missing::Cause => "致贫原因",
            Missing::Amounts | Missing::Days => "受助情况",
            _ => "基本情况",
        }
    }

    /// In a few words.
    pub fn label(self) -> &'static str {
        match self {
            Missing::Members => "没有共同生活成员",
            Missing::Category => "没有困难类别",
            Missing::Address => "没有住址",
            Missing::Income => "没有年收入",
            Missing::Problems => "档案里有对不上的内容",
            Missing::Conflicts => "有不一致的内容待确认",
            Missing::Needs => "未做需求评估",
            Missing::Cause => "没有致贫原因",
            Missing::Amounts => "受助没有金额",
            Missing::Days => "受助没有日期",
        }
    }

    /// What a clerk does about it.
    pub fn advice(self) -> &'static str {
        match self {
            Missing::Members => "请在“修改档案”里登记共同生活成员",
            Missing::Category => "请在“修改档案”里填写困难类别",
            Missing::Address => "请在“修改档案”里填写住址",
            Missing::Income => "请在“修改档案”里填写年收入",
            Missing::Problems => "请按档案页上的提示逐处更正",
            Missing::Conflicts => "请在档案页上选定以哪个为准",
            Missing::Needs => "请在事项里做需求评估，或办理核实、预审，记录服务情况",
            Missing::Cause => "请在“修改档案”里填写主要致贫原因",
            Missing::Amounts => "请在“修改档案”里补上这些受助的金额",
            Missing::Days => "请在“修改档案”里补上这些受助的日期，没有日期归不到任何一年",
        }
    }

    /// A sentence for the file.
    pub fn sentence(self) -> String {
        format!("{}：{}，{}。", self.section(), self.label(), self.advice())
    }
}

/// Where a line of aid stands written.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum AidSource {
    /// A row of the household's record.
    Row {
        /// Its number.
        no: String,
    },
    /// A payment of a case.
    Payment {
        /// The case.
        #[serde(serialize_with = "text")]
        case: CaseId,
        /// The acceptance number.
        number: String,
    },
    /// Money of a case that came back: less than nothing.
    Recovery {
        /// The case.
        #[serde(serialize_with = "text")]
        case: CaseId,
        /// The acceptance number.
        number: String,
    },
}

impl AidSource {
    /// In a few words, with the number.
    pub fn words(&self) -> String {
        let (word, number) = match self {
            AidSource::Row { no } => ("受助记录", no),
            AidSource::Payment { number, .. } => ("发放", number),
            AidSource::Recovery { number, .. } => ("追回", number),
        };
        format!("{word} {number}").trim_end().to_owned()
    }
}

fn text<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// One line of aid received.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct AidLine {
    /// The day.
    pub day: Option<Day>,
    /// The kind or programme.
    pub kind: String,
    /// For whom; empty: the household.
    pub person: String,
    /// From which fund; empty: not written down.
    pub fund: String,
    /// How much.
    pub amount: Option<Fen>,
    /// Where it stands.
    #[serde(flatten)]
    pub source: AidSource,
    /// Whether it was written down, or changed, after the year was over.
    pub late: bool,
}

/// A decision of the year.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct DecisionLine {
    /// The case.
    #[serde(serialize_with = "text")]
    pub case: CaseId,
    /// The day.
    pub day: Option<Day>,
    /// The kind.
    pub kind: String,
    /// Approved or refused.
    pub outcome: Verdict,
    /// The amount approved.
    pub amount: Fen,
    /// The reason.
    pub reason: String,
}

/// An assessment of the year and its case.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct NeedLine {
    /// The case.
    #[serde(serialize_with = "text")]
    pub case: CaseId,
    /// What was done.
    #[serde(flatten)]
    pub need: Need,
}

/// A basic field that was filled in, or changed, after the year was over.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Since {
    /// The field, in Chinese.
    pub label: &'static str,
    /// At the end of the year.
    pub then: String,
    /// Now.
    pub now: String,
}

/// The annual file of a household.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct AnnualFile {
    /// The year.
    pub year: i32,
    /// Whether it is closed.
    pub closing: Closing,
    /// 基本情况 and 致贫原因: the record as it stood at the end of the year, or as it stands now.
    pub household: Household,
    /// What of it was changed afterwards.
    pub since: Vec<Since>,
    /// 需求评估情况
    pub needs: Vec<NeedLine>,
    /// 受助情况: money.
    pub aid: Vec<AidLine>,
    /// 受助情况: decisions.
    pub decisions: Vec<DecisionLine>,
    /// 受助情况: services.
    pub services: Vec<Service>,
    /// The money by kind, less what came back, in the order of the kinds' names.
    pub by_kind: BTreeMap<String, Fen>,
    /// All of it, less what came back.
    pub total: Fen,
    /// What came back in the year (追回); the total is without it.
    pub recovered: Fen,
    /// The part of it that was written down after the year was over.
    pub late: Fen,
    /// What makes it incomplete.
    pub missing: Vec<Missing>,
}

impl AidLine {
    /// Whether it is money that came back.
    pub fn is_recovery(&self) -> bool {
        matches!(self.source, AidSource::Recovery { .. })
    }
}

impl AnnualFile {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// The last day of a year.
pub fn last_day(year: i32) -> Day {
    Day::new(year, 12, 31).unwrap_or_default()
}

/// The field of an aid row, known to this version or not.
fn of_row(aid: &crate::records::household::Aid, name: &str) -> String {
    aid.json.get(name).map(field::json_text).unwrap_or_default()
}

/// For whom an aid row is; empty: the household.
pub fn person_of(aid: &crate::records::household::Aid) -> String {
    of_row(aid, "person")
}

/// The fund of an aid row; empty: not written down.
pub fn fund_of(aid: &crate::records::household::Aid) -> String {
    of_row(aid, "fund")
}

/// The aid of a household, in every year: the rows of its record, the payments of its cases that are not also a row,
/// and what came back of them. A row is a payment's when it bears the case's acceptance number, and of what is paid
/// monthly when its day is in the payment's month: the first row of that month; any other row is taken one for one when
/// kind, day and amount are the same. The view `benefit` of the store says the same in SQL, and a test compares them.
pub fn aid(household: &Household, cases: &[CaseOf<'_>]) -> Vec<AidLine> {
    let number = |case: &CaseOf<'_>| case.standing.number.clone().unwrap_or_default();
    let mut order: Vec<&CaseOf<'_>> = cases.iter().collect();
    order.sort_by_key(|case| case.case);
    let accounts: Vec<(&CaseOf<'_>, Option<Account>)> =
        order.into_iter().map(|case| (case, Account::of(case.standing))).collect();
    // Numbers of what is paid once, and numbers with the months that were paid.
    let (mut once, mut months) = (BTreeSet::new(), BTreeSet::new());
    for (case, account) in accounts.iter().filter(|(case, _)| case.standing.number.is_some()) {
        let payments = account.iter().flat_map(|account| &account.payments);
        let paid: Vec<&String> = payments.map(|paid| &paid.month).filter(|month| !month.is_empty()).collect();
        if paid.is_empty() {
            once.insert(number(case));
        }
        months.extend(paid.into_iter().map(|month| (number(case), month.clone())));
    }
    let mut lines: Vec<AidLine> = Vec::new();
    let mut twins: BTreeMap<(String, Day, Fen), usize> = BTreeMap::new();
    // A month's payment that a row was found for is taken.
    let mut booked = BTreeSet::new();
    for row in &household.aid {
        let of_month = (row.no.clone(), row.date.map(month).unwrap_or_default());
        let is_payment = once.contains(&row.no) || (months.contains(&of_month) && booked.insert(of_month));
        if let (Some(day), Some(amount), false) = (row.date, row.amount, is_payment) {
            *twins.entry((row.program.clone(), day, amount)).or_default() += 1;
        }
        let source = AidSource::Row { no: row.no.clone() };
        let (person, fund) = (person_of(row), fund_of(row));
        lines.push(AidLine { day: row.date, kind: row.program.clone(), person, fund, amount: row.amount, source, late: false });
    }
    for (case, account) in accounts {
        let Some(account) = account else { continue };
        let number = number(case);
        let line = |paid: &Paid, amount: Fen, source: AidSource| AidLine {
            day: paid.day,
            kind: paid.kind.clone(),
            person: case.standing.applicant.clone(),
            fund: paid.fund.clone(),
            amount: Some(amount),
            source,
            late: false,
        };
        let numbered = |row: &&crate::records::household::Aid| !number.is_empty() && row.no == number;
        for paid in &account.payments {
            let of_month = |day: Option<Day>| paid.month.is_empty() || day.map(month).is_some_and(|month| month == paid.month);
            if household.aid.iter().filter(numbered).any(|row| of_month(row.date)) {
                continue;
            }
            let twin = paid.day.and_then(|day| twins.get_mut(&(paid.kind.clone(), day, paid.amount))).filter(|left| **left > 0);
            if let Some(left) = twin {
                *left -= 1;
                continue;
            }
            lines.push(line(paid, paid.amount, AidSource::Payment { case: case.case, number: number.clone() }));
        }
        for back in &account.recovered {
            let source = AidSource::Recovery { case: case.case, number: number.clone() };
            lines.push(line(back, Fen(back.amount.0.saturating_neg()), source));
        }
    }
    lines
}

/// What is missing in the file of a year, by what is known now.
pub fn missing(household: &Household, assessed: bool, year: i32) -> Vec<Missing> {
    let of_year = |day: Option<Day>| day.is_some_and(|day| day.ymd().0 == year);
    let checks = [
        // Of a household that moved away nobody is left, and nothing is missing.
        (Missing::Members, household.status != MOVED_AWAY && !household.members.iter().any(|member| member.is_present())),
        (Missing::Category, household.held().is_empty()),
        (Missing::Address, household.address.is_empty()),
        (Missing::Income, household.income_annual.is_none()),
        (Missing::Problems, !household.problems.is_empty()),
        (Missing::Conflicts, !household.conflicts.is_empty()),
        (Missing::Needs, !assessed),
        (Missing::Cause, household.cause.is_empty()),
        (Missing::Amounts, household.aid.iter().any(|row| row.amount.is_none() && of_year(row.date))),
        (Missing::Days, household.aid.iter().any(|row| row.date.is_none())),
    ];
    checks.into_iter().filter(|(_, is)| *is).map(|(missing, _)| missing).collect()
}

/// The file of a household for a year. `now` is its record today, `then` the same at the end of the year.
pub fn file(record: &RecordId, year: i32, today: Day, now: Household, then: Then, cases: &[CaseOf<'_>]) -> AnnualFile {
    let of_year = |day: Option<Day>| day.is_some_and(|day| day.ymd().0 == year);
    let closing = match (today > last_day(year), &then.household) {
        (false, _) => Closing::Open,
        (true, None) => Closing::Afterwards,
        (true, Some(_)) => Closing::Sealed { on: last_day(year), digest: digest(record, year, &then.changes, cases) },
    };
    let mut needs = Vec::new();
    let (mut decisions, mut given) = (Vec::new(), Vec::new());
    for case in cases {
        let account = Account::of(case.standing);
        let found = account.into_iter().flat_map(|account| account.needs).filter(|need| of_year(need.day));
        needs.extend(found.map(|need| NeedLine { case: case.case, need }));
        if let Some(decision) = case.standing.decision.as_ref().filter(|decision| of_year(decision.day)) {
            decisions.push(DecisionLine {
                case: case.case,
                day: decision.day,
                kind: case.standing.assistance.clone(),
                outcome: decision.outcome,
                amount: decision.amount,
                reason: decision.reason.clone(),
            });
        }
        given.extend(services(case.standing, year));
    }
    needs.sort_by(|a, b| (a.need.day, &a.need.event).cmp(&(b.need.day, &b.need.event)));
    decisions.sort_by_key(|line| (line.day, line.case));
    let all = aid(&now, cases);
    let missing = missing(&now, !needs.is_empty(), year);
    let mut aid: Vec<AidLine> = all.into_iter().filter(|line| of_year(line.day)).collect();
    if let (Closing::Sealed { .. }, Some(old)) = (&closing, &then.household) {
        // A payment of the year was written in it: its day is never before the day of what it builds on.
        let mut known = aid_of_rows(old);
        for line in aid.iter_mut().filter(|line| matches!(line.source, AidSource::Row { .. })) {
            let same = known.iter().position(|old| old == line);
            line.late = same.is_none();
            same.map(|at| known.swap_remove(at));
        }
    }
    aid.sort_by(|a, b| (a.day, &a.kind, a.amount).cmp(&(b.day, &b.kind, b.amount)));
    let mut by_kind: BTreeMap<String, Fen> = BTreeMap::new();
    for line in &aid {
        let sum = by_kind.entry(line.kind.clone()).or_default();
        sum.0 = sum.0.saturating_add(line.amount.unwrap_or_default().0);
    }
    let sum = |lines: &mut dyn Iterator<Item = &AidLine>| {
        Fen(lines.filter_map(|line| line.amount).fold(0, |sum: i64, fen| sum.saturating_add(fen.0)))
    };
    let (total, late) = (sum(&mut aid.iter()), sum(&mut aid.iter().filter(|line| line.late)));
    let back = sum(&mut aid.iter().filter(|line| line.is_recovery()));
    let recovered = Fen(back.0.saturating_neg());
    let (household, since) = match (&closing, then.household) {
        (Closing::Sealed { .. }, Some(then)) => {
            let since = changed((&then, last_day(year)), (&now, today));
            (then, since)
        }
        _ => (now, Vec::new()),
    };
    AnnualFile {
        year,
        closing,
        household,
        since,
        needs,
        aid,
        decisions,
        services: given,
        by_kind,
        total,
        recovered,
        late,
        missing,
    }
}

fn aid_of_rows(household: &Household) -> Vec<AidLine> {
    aid(household, &[])
}

/// The fields of the file that differ, without numbers of persons and accounts.
fn changed((then, then_on): (&Household, Day), (now, now_on): (&Household, Day)) -> Vec<Since> {
    let money = |fen: Option<Fen>| fen.map(|fen| fen.to_string()).unwrap_or_default();
    let present = |household: &Household| household.members.iter().filter(|member| member.is_present()).count().to_string();
    let pairs = [
        ("户主", then.head.clone(), now.head.clone()),
        ("困难类别", then.categories_on(then_on).join("、"), now.categories_on(now_on).join("、")),
        ("主要致贫原因", then.cause.clone(), now.cause.clone()),
        ("住址", then.address.clone(), now.address.clone()),
        ("年收入(元)", money(then.income_annual), money(now.income_annual)),
        ("共同生活人数", present(then), present(now)),
        ("状态", then.status.clone(), now.status.clone()),
    ];
    pairs.into_iter().filter(|(_, then, now)| then != now).map(|(label, then, now)| Since { label, then, now }).collect()
}

/// Over everything a sealed file was computed from: the record's changes and the cases' events by the end of the year.
fn digest(record: &RecordId, year: i32, changes: &BTreeSet<ChangeHash>, cases: &[CaseOf<'_>]) -> Hash {
    let last = last_day(year);
    let written = |case: &CaseOf<'_>| {
        let items = case.standing.timeline.iter().filter(|item| item.day.is_some_and(|day| day <= last));
        let events: BTreeSet<OpId> = items.map(|item| item.id.clone()).collect();
        (!events.is_empty()).then(|| (case.case, events.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")))
    };
    let cases: BTreeMap<CaseId, String> = cases.iter().filter_map(written).collect();
    let year = year.to_le_bytes();
    let mut parts: Vec<&[u8]> = vec![&record.0.0, &year];
    parts.extend(changes.iter().map(|change| change.0.as_slice()));
    for (case, events) in &cases {
        parts.extend([case.0.as_slice(), events.as_bytes()]);
    }
    Hash::of("shouwang annual file 1", &parts)
}

#[cfg(test)]
#[path = "annual_tests.rs"]
mod tests;
