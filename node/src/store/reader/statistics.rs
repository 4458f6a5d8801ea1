//! Statistics: aid by household, person, kind, fund, village and period; cases by channel, kind, village and outcome;
//! and the items behind every figure.
//!
//! A figure and the list it came from use one filter, put into one `WHERE`, so that the rows always add up to it. With
//! each answer goes the query that gave it, as text with its values in place: anybody with the database can run it
//! again. Ids of this one file never stand in it, only names and codes that are the same in every office.

use super::{Listed, Page, Reader, Statement, text};
use crate::store::rows::{Sql, array, fixed, int, number};
use rusqlite::Row;
use rusqlite::types::Value;
use serde::Serialize;
use shouwang_protocol::account::Outcome;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::hash::{Hash, hex};
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::store::StoreError;

/// When something was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Period {
    /// At any time, also without a day.
    #[default]
    Any,
    /// In a year.
    Year(i32),
    /// In a month of a year.
    Month(i32, u32),
    /// Without a day.
    Undated,
}

impl Period {
    /// First and last day; none for [`Period::Any`] and [`Period::Undated`].
    pub fn days(self) -> Option<(Day, Day)> {
        match self {
            Period::Any | Period::Undated => None,
            Period::Year(year) => Day::new(year, 1, 1).zip(Day::new(year, 12, 31)),
            Period::Month(year, month) => {
                let next = if month == 12 { Day::new(year + 1, 1, 1) } else { Day::new(year, month + 1, 1) };
                Day::new(year, month, 1).zip(next.map(|day| day.plus(-1)))
            }
        }
    }
}

/// Which aid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BenefitFilter {
    /// In these areas or below; empty: all that are held.
    pub within: Vec<AreaId>,
    /// In this very area, and not below.
    pub at: Option<AreaId>,
    /// When it was given.
    pub period: Period,
    /// Of one of these kinds; empty: any.
    pub kinds: Vec<String>,
    /// From this fund; an empty text: where none is written down.
    pub fund: Option<String>,
    /// To this household.
    pub household: Option<RecordId>,
    /// To this person; an empty text: to the household as a whole.
    pub person: Option<String>,
}

/// Which cases.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountFilter {
    /// In these areas or below; empty: all that are held.
    pub within: Vec<AreaId>,
    /// In this very area, and not below.
    pub at: Option<AreaId>,
    /// When they were opened.
    pub period: Period,
    /// Of one of these kinds; empty: any.
    pub kinds: Vec<String>,
    /// Applications, or clues.
    pub application: Option<bool>,
    /// That came in here, by word.
    pub channel: Option<String>,
    /// That ended like this.
    pub outcome: Option<Outcome>,
    /// Of which this was found, by word.
    pub finding: Option<String>,
    /// Pending, with something due before this day.
    pub overdue: Option<Day>,
    /// With money that was put right, or could have been.
    pub corrected: Option<Corrected>,
    /// Begun in this way, by word.
    pub origin: Option<String>,
}

/// Money of a case that was put right, or could have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Corrected {
    /// A benefit that is paid monthly, in whatever way it went on.
    Monthly,
    /// One of them that was made less, or stopped.
    Cut,
    /// Anything was paid.
    Paid,
    /// Something of it was paid for nothing, also when it came back.
    Undue,
}

impl Corrected {
    /// All of them, in order.
    pub const ALL: [Corrected; 4] = [Corrected::Monthly, Corrected::Cut, Corrected::Paid, Corrected::Undue];

    /// The word in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Corrected::Monthly => "monthly",
            Corrected::Cut => "cut",
            Corrected::Paid => "paid",
            Corrected::Undue => "undue",
        }
    }

    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            Corrected::Monthly => "按月发放",
            Corrected::Cut => "曾减发或停发",
            Corrected::Paid => "已发放",
            Corrected::Undue => "有须追缴的金额",
        }
    }

    /// The inverse of [`Corrected::word`].
    pub fn from_word(word: &str) -> Option<Corrected> {
        Corrected::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// What aid is grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BenefitBy {
    /// The whole of it in one group.
    Nothing,
    /// Kind or programme.
    Kind,
    /// Fund.
    Fund,
    /// Village.
    Village,
    /// Month of a year that was picked, else the year.
    Period,
    /// Household.
    Household,
    /// Household and person.
    Person,
}

/// What cases are grouped by, besides their outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountBy {
    /// The whole of it in one group.
    Nothing,
    /// Where they came in.
    Channel,
    /// Kind of assistance.
    Kind,
    /// Village.
    Village,
    /// Month of a year that was picked, else the year.
    Period,
}

/// An answer and the query that gave it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Figure<T> {
    /// The groups.
    pub rows: Vec<T>,
    /// Whether more follow.
    pub more: bool,
    /// The query, as text.
    pub query: String,
}

/// Aid with something in common.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Group {
    /// The kind, the fund, the area's label, `2019-05`, the household's record.
    pub key: String,
    /// The person, where it is by person.
    pub person: String,
    /// Lines of aid.
    pub count: u64,
    /// Their sum, less what came back.
    pub amount: Fen,
    /// Lines without an amount.
    pub unpriced: u64,
    /// Lines of money that came back (追回).
    pub returns: u64,
    /// Their sum.
    pub recovered: Fen,
}

/// Cases with something in common that ended alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Tally {
    /// The channel's word, the kind, the area's label, `2019-05`.
    pub key: String,
    /// Whether they are applications.
    pub application: bool,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
}

/// A line of aid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BenefitRow {
    /// The household; none when its case names none.
    #[serde(serialize_with = "super::registry::display_option")]
    pub household: Option<RecordId>,
    /// The head's name.
    pub head: String,
    /// The area's name.
    pub area_name: String,
    /// Kind or programme.
    pub kind: String,
    /// For whom; empty: the household.
    pub person: String,
    /// From which fund; empty: not written down.
    pub fund: String,
    /// The day.
    pub day: Option<Day>,
    /// How much.
    pub amount: Option<Fen>,
    /// The row's or the acceptance number.
    pub number: String,
    /// The case of a payment.
    #[serde(serialize_with = "super::registry::display_option")]
    pub case: Option<CaseId>,
    /// Whether it is money that came back.
    pub recovered: bool,
}

/// A case and what it came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AccountRow {
    /// The case.
    #[serde(serialize_with = "super::registry::display")]
    pub case: CaseId,
    /// Who asks or is concerned.
    pub applicant: String,
    /// The area's name.
    pub area_name: String,
    /// The kind of assistance.
    pub kind: String,
    /// How it began, by word.
    pub origin: String,
    /// Where it came in, by word.
    pub channel: String,
    /// Whether it is an application.
    pub application: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, or whom it waits for.
    pub reason: String,
    /// The day it was opened.
    pub opened_on: Option<Day>,
    /// The day it ended.
    pub ended_on: Option<Day>,
}

const GROUP: &str = ", count(*) FILTER (WHERE source <> 'recovery'), coalesce(sum(amount), 0), count(*) - count(amount), \
     count(*) FILTER (WHERE source = 'recovery'), coalesce(-sum(amount) FILTER (WHERE source = 'recovery'), 0) FROM benefit";
const ACCOUNTS: &str = " FROM account JOIN matter ON matter.id = account.matter";

impl Statement {
    fn period(&mut self, column: &'static str, period: Period) {
        match (period, period.days()) {
            (Period::Any, _) => {}
            (_, Some((from, to))) => {
                self.and(column, []);
                self.push(" BETWEEN ? AND ?", [Value::Integer(from.0.into()), Value::Integer(to.0.into())]);
            }
            (_, None) => {
                self.and(column, []);
                self.push(" IS NULL", []);
            }
        }
    }

    fn one_of(&mut self, column: &'static str, words: &[String]) {
        if words.is_empty() {
            return;
        }
        self.and(column, []);
        for (at, word) in words.iter().enumerate() {
            self.push(if at == 0 { " IN (?" } else { ", ?" }, [text(word)]);
        }
        self.push(")", []);
    }

    /// The statement with its values in place.
    fn in_words(&self) -> String {
        let mut values = self.values.iter();
        let mut out = String::with_capacity(self.sql.len());
        for part in self.sql.split_inclusive('?') {
            match (part.strip_suffix('?'), part.ends_with('?').then(|| values.next()).flatten()) {
                (Some(before), Some(value)) => {
                    out.push_str(before);
                    out.push_str(&match value {
                        Value::Null => "NULL".to_owned(),
                        Value::Integer(number) => number.to_string(),
                        Value::Real(number) => number.to_string(),
                        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
                        Value::Blob(bytes) => format!("x'{}'", hex(bytes)),
                    });
                }
                _ => out.push_str(part),
            }
        }
        out
    }

    fn benefits(&mut self, filter: &BenefitFilter) {
        self.period("benefit.day", filter.period);
        self.within("benefit.area", &filter.within);
        if let Some(area) = filter.at {
            self.and("benefit.area = ?", [Value::Integer(int(area.raw()))]);
        }
        self.one_of("benefit.kind", &filter.kinds);
        if let Some(fund) = &filter.fund {
            self.and("benefit.fund = ?", [text(fund)]);
        }
        if let Some(household) = &filter.household {
            self.and("benefit.household = ?", [Value::Blob(household.0.0.to_vec())]);
        }
        if let Some(person) = &filter.person {
            self.and("benefit.person = ?", [text(person)]);
        }
    }

    fn accounts(&mut self, filter: &AccountFilter) {
        self.period("matter.opened_on", filter.period);
        self.within("matter.area", &filter.within);
        if let Some(area) = filter.at {
            self.and("matter.area = ?", [Value::Integer(int(area.raw()))]);
        }
        self.one_of("matter.assistance", &filter.kinds);
        if let Some(application) = filter.application {
            self.and("account.application = ?", [Value::Integer(application.into())]);
        }
        if let Some(channel) = &filter.channel {
            self.and("account.channel = ?", [text(channel)]);
        }
        if let Some(outcome) = filter.outcome {
            self.and("account.outcome = ?", [text(outcome.word())]);
        }
        if let Some(finding) = &filter.finding {
            self.and("account.finding = ?", [text(finding)]);
        }
        if let Some(origin) = &filter.origin {
            self.and("matter.origin = ?", [text(origin)]);
        }
        match filter.corrected {
            None => {}
            Some(Corrected::Monthly) => self.and("account.monthly = 1", []),
            Some(Corrected::Cut) => self.and("account.cut = 1", []),
            Some(Corrected::Paid) => self.and("matter.paid IS NOT NULL", []),
            Some(Corrected::Undue) => self.and("account.undue > 0", []),
        }
        if let Some(day) = filter.overdue {
            self.and("account.outcome = 'pending' AND matter.due < ?", [Value::Integer(day.0.into())]);
        }
    }

    pub(super) fn figure<T>(
        &self,
        reader: &Reader,
        page: Option<Page>,
        read: impl FnMut(&Row<'_>) -> Sql<T>,
    ) -> Result<Figure<T>, StoreError> {
        let query = self.in_words();
        let listed = match page {
            Some(page) => self.listed(&reader.db, page, read)?,
            None => Listed { rows: self.all(&reader.db, read)?, more: false },
        };
        Ok(Figure { rows: listed.rows, more: listed.more, query })
    }
}

fn blob_name(row: &Row<'_>, at: usize) -> Sql<Option<[u8; 32]>> {
    let name = row.get_ref(at)?.as_blob_or_null().map_err(|_| crate::store::fault::Fault::Damaged("a column is no blob"))?;
    name.map(array).transpose()
}

fn outcome(row: &Row<'_>, at: usize) -> Sql<Outcome> {
    Ok(Outcome::from_word(&row.get::<_, String>(at)?).unwrap_or(Outcome::Pending))
}

impl Reader {
    /// Aid in groups; the largest sum first, periods in their order. Groups of households and persons come in pages.
    pub fn benefits_by(&self, filter: &BenefitFilter, by: BenefitBy, page: Page) -> Result<Figure<Group>, StoreError> {
        let yearly = !matches!(filter.period, Period::Year(_) | Period::Month(..));
        let mut statement = Statement::new(match (by, yearly) {
            (BenefitBy::Nothing, _) => "SELECT '', ''",
            (BenefitBy::Kind, _) => "SELECT kind, ''",
            (BenefitBy::Fund, _) => "SELECT fund, ''",
            (BenefitBy::Village, _) => "SELECT area, ''",
            (BenefitBy::Period, true) => "SELECT coalesce(strftime('%Y', day * 86400, 'unixepoch'), ''), ''",
            (BenefitBy::Period, false) => "SELECT strftime('%Y-%m', day * 86400, 'unixepoch'), ''",
            (BenefitBy::Household, _) => "SELECT household, ''",
            (BenefitBy::Person, _) => "SELECT household, person",
        });
        statement.push(GROUP, []);
        statement.benefits(filter);
        statement.push(
            match by {
                BenefitBy::Nothing => "",
                BenefitBy::Period => " GROUP BY 1, 2 ORDER BY 1",
                _ => " GROUP BY 1, 2 ORDER BY 4 DESC, 3 DESC, 1, 2",
            },
            [],
        );
        let paged = matches!(by, BenefitBy::Household | BenefitBy::Person);
        if paged {
            statement.page(page);
        }
        statement.figure(self, paged.then_some(page), |row| {
            let key = match by {
                BenefitBy::Village => AreaId::from_raw(number(row.get(0)?)).to_string(),
                BenefitBy::Household | BenefitBy::Person => {
                    blob_name(row, 0)?.map(|name| RecordId(Hash(name)).to_string()).unwrap_or_default()
                }
                _ => row.get(0)?,
            };
            let (count, amount, unpriced) = (number(row.get(2)?), Fen(row.get(3)?), number(row.get(4)?));
            let (returns, recovered) = (number(row.get(5)?), Fen(row.get(6)?));
            Ok(Group { key, person: row.get(1)?, count, amount, unpriced, returns, recovered })
        })
    }

    /// How many households received aid.
    pub fn households_with_aid(&self, filter: &BenefitFilter) -> Result<Figure<u64>, StoreError> {
        let mut statement = Statement::new("SELECT count(DISTINCT household) FROM benefit");
        statement.benefits(filter);
        statement.and("benefit.source <> 'recovery'", []);
        statement.figure(self, None, |row| Ok(number(row.get(0)?)))
    }

    /// The lines of aid, the latest first.
    pub fn benefits(&self, filter: &BenefitFilter, page: Page) -> Result<Figure<BenefitRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT benefit.household, coalesce(household.head, ''), coalesce(area.name, ''), benefit.kind, benefit.person, benefit.fund, \
             benefit.day, benefit.amount, benefit.number, benefit.case_id, benefit.source = 'recovery' FROM benefit LEFT JOIN record ON record.name = benefit.household \
             LEFT JOIN household ON household.record = record.id LEFT JOIN area ON area.id = benefit.area",
        );
        statement.benefits(filter);
        statement.push(" ORDER BY benefit.day DESC, benefit.household, benefit.kind, benefit.amount, benefit.number", []);
        statement.page(page);
        statement.figure(self, Some(page), |row| {
            let case = row.get_ref(9)?.as_blob_or_null().ok().flatten().map(array).transpose()?;
            Ok(BenefitRow {
                household: blob_name(row, 0)?.map(|name| RecordId(Hash(name))),
                head: row.get(1)?,
                area_name: row.get(2)?,
                kind: row.get(3)?,
                person: row.get(4)?,
                fund: row.get(5)?,
                day: row.get::<_, Option<i32>>(6)?.map(Day),
                amount: row.get::<_, Option<i64>>(7)?.map(Fen),
                number: row.get(8)?,
                case: case.map(CaseId),
                recovered: row.get(10)?,
            })
        })
    }

    /// The persons to whom a household's aid went, by name.
    pub fn persons_of(&self, household: &RecordId) -> Result<Vec<String>, StoreError> {
        let mut statement = Statement::new("SELECT DISTINCT person FROM benefit");
        statement.and("benefit.household = ?", [Value::Blob(household.0.0.to_vec())]);
        statement.push(" ORDER BY person", []);
        Ok(statement.all(&self.db, |row| Ok(row.get(0)?))?)
    }

    /// The sums of these households in a period.
    pub fn benefit_sums(&self, period: Period, households: &[RecordId]) -> Result<Vec<(RecordId, u64, Fen)>, StoreError> {
        if households.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::new(
            "SELECT household, count(*) FILTER (WHERE source <> 'recovery'), coalesce(sum(amount), 0) FROM benefit",
        );
        statement.period("benefit.day", period);
        statement.and("benefit.household", []);
        for (at, household) in households.iter().enumerate() {
            statement.push(if at == 0 { " IN (?" } else { ", ?" }, [Value::Blob(household.0.0.to_vec())]);
        }
        statement.push(") GROUP BY household", []);
        Ok(statement.all(&self.db, |row| Ok((RecordId(Hash(fixed(row, 0)?)), number(row.get(1)?), Fen(row.get(2)?))))?)
    }

    /// The years of which there is aid or a case, the latest first.
    pub fn years(&self) -> Result<Vec<i32>, StoreError> {
        let statement = Statement::new(
            "SELECT DISTINCT CAST(strftime('%Y', day * 86400, 'unixepoch') AS INTEGER) FROM \
             (SELECT DISTINCT day FROM aid UNION SELECT DISTINCT opened_on FROM matter UNION SELECT DISTINCT day FROM payment \
             UNION SELECT DISTINCT day FROM recovery) \
             WHERE day IS NOT NULL ORDER BY 1 DESC",
        );
        Ok(statement.all(&self.db, |row| Ok(row.get(0)?))?)
    }

    /// Cases in groups, each group by how they ended.
    pub fn accounts_by(&self, filter: &AccountFilter, by: AccountBy) -> Result<Figure<Tally>, StoreError> {
        let yearly = !matches!(filter.period, Period::Year(_) | Period::Month(..));
        let mut statement = Statement::new(match (by, yearly) {
            (AccountBy::Nothing, _) => "SELECT ''",
            (AccountBy::Channel, _) => "SELECT channel",
            (AccountBy::Kind, _) => "SELECT assistance",
            (AccountBy::Village, _) => "SELECT matter.area",
            (AccountBy::Period, true) => "SELECT coalesce(strftime('%Y', opened_on * 86400, 'unixepoch'), '')",
            (AccountBy::Period, false) => "SELECT strftime('%Y-%m', opened_on * 86400, 'unixepoch')",
        });
        statement.push(", application, outcome, count(*)", []);
        statement.push(ACCOUNTS, []);
        statement.accounts(filter);
        statement.push(" GROUP BY 1, 2, 3 ORDER BY 1, 2, 3", []);
        statement.figure(self, None, |row| {
            let key = match by {
                AccountBy::Village => AreaId::from_raw(number(row.get(0)?)).to_string(),
                _ => row.get(0)?,
            };
            Ok(Tally { key, application: row.get(1)?, outcome: outcome(row, 2)?, count: number(row.get(3)?) })
        })
    }

    /// The cases, the latest opened first.
    pub fn accounts(&self, filter: &AccountFilter, page: Page) -> Result<Figure<AccountRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT matter.case_id, matter.applicant, coalesce(area.name, ''), matter.assistance, coalesce(matter.origin, ''), \
             account.channel, account.application, account.outcome, account.reason, matter.opened_on, account.ended_on",
        );
        statement.push(ACCOUNTS, []);
        statement.push(" LEFT JOIN area ON area.id = matter.area", []);
        statement.accounts(filter);
        statement.push(" ORDER BY matter.opened_on DESC, matter.case_id, matter.area, matter.floor", []);
        statement.page(page);
        statement.figure(self, Some(page), |row| {
            Ok(AccountRow {
                case: CaseId(fixed(row, 0)?),
                applicant: row.get(1)?,
                area_name: row.get(2)?,
                kind: row.get(3)?,
                origin: row.get(4)?,
                channel: row.get(5)?,
                application: row.get(6)?,
                outcome: outcome(row, 7)?,
                reason: row.get(8)?,
                opened_on: row.get::<_, Option<i32>>(9)?.map(Day),
                ended_on: row.get::<_, Option<i32>>(10)?.map(Day),
            })
        })
    }

    /// How many cases there are.
    pub fn count_accounts(&self, filter: &AccountFilter) -> Result<u64, StoreError> {
        let mut statement = Statement::new("SELECT count(*)");
        statement.push(ACCOUNTS, []);
        statement.accounts(filter);
        Ok(statement.count(&self.db)?)
    }

    /// Days from opening to an end, or to verification, in rising order.
    pub fn spans(&self, filter: &AccountFilter, to_verification: bool) -> Result<Figure<i64>, StoreError> {
        let mut statement = Statement::new(match to_verification {
            true => "SELECT verified_on - opened_on",
            false => "SELECT ended_on - opened_on",
        });
        statement.push(ACCOUNTS, []);
        statement.accounts(filter);
        statement.and(if to_verification { "verified_on - opened_on >= 0" } else { "ended_on - opened_on >= 0" }, []);
        statement.push(" ORDER BY 1", []);
        statement.figure(self, None, |row| Ok(row.get(0)?))
    }

    /// Payments of cases that came back.
    pub fn failed_payments(&self, filter: &AccountFilter) -> Result<Figure<u64>, StoreError> {
        let mut statement = Statement::new("SELECT coalesce(sum(failed), 0)");
        statement.push(ACCOUNTS, []);
        statement.accounts(filter);
        statement.figure(self, None, |row| Ok(number(row.get(0)?)))
    }

    /// Households of each area that has any; one that moved away counts where it lives now.
    pub fn households_by_area(&self, within: &[AreaId]) -> Result<Figure<(AreaId, u64)>, StoreError> {
        let mut statement = Statement::new("SELECT area, count(*) FROM household");
        statement.within("household.area", within);
        statement.and("status <> '迁出'", []);
        statement.push(" GROUP BY area ORDER BY area", []);
        statement.figure(self, None, |row| Ok((AreaId::from_raw(number(row.get(0)?)), number(row.get(1)?))))
    }

    /// Runs the text of a figure's query; for tests.
    #[cfg(test)]
    pub(crate) fn run_text(&self, query: &str) -> Result<usize, StoreError> {
        let mut statement = self.db.conn.prepare(query).map_err(crate::store::fault::Fault::from)?;
        let mut rows = statement.query([]).map_err(crate::store::fault::Fault::from)?;
        let mut count = 0;
        while rows.next().map_err(crate::store::fault::Fault::from)?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
