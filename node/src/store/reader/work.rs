//! Notices that stand or stood, money on its way, and who has which case in hand.

use super::{Listed, Page, Reader, Statement, text};
use crate::store::rows::{Sql, all, first, fixed, number};
use rusqlite::types::Value;
use rusqlite::{Row, params};
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::device::OfficeId;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::standing::PayoutState;
use shouwang_protocol::store::StoreError;

/// A notice in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NoticeRow {
    /// The case.
    #[serde(serialize_with = "super::registry::display")]
    pub case: CaseId,
    /// Its area.
    #[serde(serialize_with = "super::registry::display")]
    pub area: AreaId,
    /// The area's name.
    pub area_name: String,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// What it says, for as long as it is up; afterwards empty.
    pub text: String,
}

/// Money on its way, in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PayoutRow {
    /// The case.
    #[serde(serialize_with = "super::registry::display")]
    pub case: CaseId,
    /// The acceptance number.
    pub number: String,
    /// Who asked.
    pub applicant: String,
    /// The household.
    #[serde(serialize_with = "super::registry::display_option")]
    pub household: Option<RecordId>,
    /// The area's name.
    pub area_name: String,
    /// The kind of assistance (code).
    pub assistance: String,
    /// The batch; empty: none.
    pub batch: String,
    /// The month.
    pub period: String,
    /// How much.
    pub amount: Fen,
    /// The last four characters of the account.
    pub account_last4: String,
    /// What became of it.
    pub state: PayoutState,
    /// The day of that.
    pub day: Option<Day>,
    /// Why it did not arrive.
    pub reason: String,
}

/// A batch, as a sum of its rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BatchRow {
    /// The batch.
    pub batch: String,
    /// The month.
    pub period: String,
    /// The kind of assistance (code).
    pub assistance: String,
    /// How many rows.
    pub rows: u64,
    /// Their sum.
    pub amount: Fen,
    /// How many without a result.
    pub open: u64,
    /// How many did not arrive.
    pub failed: u64,
}

/// One person's money of one kind in one month, more than once: the cases.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct PaidTwice {
    /// The month.
    pub period: String,
    /// The kind of assistance (code).
    pub assistance: String,
    /// The cases, one of them twice when it was paid twice itself.
    #[serde(skip)]
    pub cases: Vec<CaseId>,
}

const PAYOUT: &str = "SELECT case_id, coalesce(number, ''), applicant, household, coalesce(area.name, ''), assistance, batch, period, \
    amount, last4, state, day, reason FROM payout JOIN matter ON matter.id = payout.matter LEFT JOIN area ON area.id = matter.area";
const NOTICE: &str = "FROM posted JOIN matter ON matter.id = posted.matter LEFT JOIN area ON area.id = matter.area";

fn payout_row(row: &Row<'_>) -> Sql<PayoutRow> {
    let household = match row.get_ref(3)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(RecordId(shouwang_protocol::hash::Hash(fixed(row, 3)?))),
    };
    Ok(PayoutRow {
        case: CaseId(fixed(row, 0)?),
        number: row.get(1)?,
        applicant: row.get(2)?,
        household,
        area_name: row.get(4)?,
        assistance: row.get(5)?,
        batch: row.get(6)?,
        period: row.get(7)?,
        amount: Fen(row.get(8)?),
        account_last4: row.get(9)?,
        state: PayoutState::from_word(&row.get::<_, String>(10)?).unwrap_or(PayoutState::Beside),
        day: row.get::<_, Option<i32>>(11)?.map(Day),
        reason: row.get(12)?,
    })
}

fn day(day: Day) -> Value {
    Value::Integer(day.0.into())
}

impl Reader {
    /// Notices that are up on `today`, by village; or those that are not any more, the latest first.
    pub fn notices(&self, within: &[AreaId], up: bool, today: Day, page: Page) -> Result<Listed<NoticeRow>, StoreError> {
        let columns = match up {
            true => "SELECT case_id, matter.area, coalesce(area.name, ''), from_day, until_day, text ",
            false => "SELECT case_id, matter.area, coalesce(area.name, ''), from_day, until_day, '' ",
        };
        let mut statement = Statement::new(columns);
        statement.push(NOTICE, []);
        match up {
            true => statement.and("stands AND until_day >= ?", [day(today)]),
            false => statement.and("NOT (stands AND until_day >= ?)", [day(today)]),
        }
        statement.within("matter.area", within);
        statement.push(
            if up { " ORDER BY matter.area, from_day, case_id" } else { " ORDER BY until_day DESC, matter.area, case_id" },
            [],
        );
        statement.page(page);
        Ok(statement.listed(&self.db, page, |row| {
            Ok(NoticeRow {
                case: CaseId(fixed(row, 0)?),
                area: AreaId::from_raw(number(row.get(1)?)),
                area_name: row.get(2)?,
                from: Day(row.get(3)?),
                until: Day(row.get(4)?),
                text: row.get(5)?,
            })
        })?)
    }

    /// What the last notice of an office said.
    pub fn last_notice_of(&self, office: OfficeId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT text FROM posted WHERE office = ?1 AND text <> '' ORDER BY until_day DESC LIMIT 1";
        Ok(first(&self.db.conn, sql, [office.0], |row| Ok(row.get(0)?))?)
    }

    /// The rows of a batch.
    pub fn batch(&self, batch: &str) -> Result<Vec<PayoutRow>, StoreError> {
        let mut statement = Statement::new(PAYOUT);
        statement.and("batch = ?", [text(batch)]);
        statement.push(" ORDER BY matter.area, applicant, case_id", []);
        Ok(statement.all(&self.db, payout_row)?)
    }

    /// The batches, those without all results first, then the latest.
    pub fn batches(&self, within: &[AreaId], page: Page) -> Result<Listed<BatchRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT batch, max(period), max(assistance), count(*), sum(amount), sum(state = 'listed'), sum(state = 'failed') \
             FROM payout JOIN matter ON matter.id = payout.matter",
        );
        statement.and("batch <> ''", []);
        statement.within("matter.area", within);
        statement.push(" GROUP BY batch ORDER BY sum(state = 'listed') = 0, max(period) DESC, batch DESC", []);
        statement.page(page);
        Ok(statement.listed(&self.db, page, |row| {
            Ok(BatchRow {
                batch: row.get(0)?,
                period: row.get(1)?,
                assistance: row.get(2)?,
                rows: number(row.get(3)?),
                amount: Fen(row.get(4)?),
                open: number(row.get(5)?),
                failed: number(row.get(6)?),
            })
        })?)
    }

    /// What is on its way, or was paid, for those who live in a household: of this kind, for this month, by other cases.
    pub fn paid_beside(
        &self,
        case: &CaseId,
        household: &RecordId,
        assistance: &str,
        period: &str,
    ) -> Result<Vec<PayoutRow>, StoreError> {
        let mut statement = Statement::new(PAYOUT);
        let name = || Value::Blob(household.0.0.to_vec());
        statement.and(
            "matter.household IN (SELECT ? UNION SELECT home.name FROM record AS own \
             JOIN member ON member.household = own.id AND member.present AND member.id_no <> '' \
             JOIN member AS other ON other.id_no = member.id_no AND other.present AND other.id_no <> '' \
             JOIN record AS home ON home.id = other.household WHERE own.name = ?)",
            [name(), name()],
        );
        statement.and("assistance = ?", [text(assistance)]);
        statement.and("period = ? AND state IN ('listed', 'paid', 'again')", [text(period)]);
        statement.and("case_id <> ?", [Value::Blob(case.0.to_vec())]);
        Ok(statement.all(&self.db, payout_row)?)
    }

    /// Everybody who was paid twice, or is about to be, for the same month and kind; since `period`.
    pub fn paid_twice(&self, period: &str) -> Result<Vec<PaidTwice>, StoreError> {
        let sql = "WITH live AS (SELECT case_id, period, assistance, household FROM payout JOIN matter ON matter.id = payout.matter \
                     WHERE period >= ?1 AND state IN ('listed', 'paid', 'again')), \
                   whose AS (SELECT DISTINCT case_id, period, assistance, hex(household) AS who FROM live WHERE household IS NOT NULL \
                     UNION SELECT live.case_id, period, assistance, id_no FROM live JOIN record ON record.name = live.household \
                       JOIN member ON member.household = record.id WHERE member.present AND id_no <> '') \
                   SELECT period, assistance, group_concat(hex(case_id), ' ') FROM whose GROUP BY period, assistance, who \
                     HAVING count(*) > 1 \
                   UNION SELECT period, assistance, hex(case_id) || ' ' || hex(case_id) FROM payout \
                     JOIN matter ON matter.id = payout.matter WHERE state = 'again'";
        let found = all(&self.db.conn, sql, params![period], |row| {
            let names: String = row.get(2)?;
            let mut cases: Vec<CaseId> = names.split(' ').filter_map(|name| CaseId::parse(&name.to_ascii_lowercase())).collect();
            cases.sort_unstable();
            Ok(PaidTwice { period: row.get(0)?, assistance: row.get(1)?, cases })
        })?;
        let mut found: Vec<PaidTwice> = found;
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        Ok(found)
    }

    /// Cases that somebody has in hand and that are not closed.
    pub fn handled_by(&self, office: OfficeId, staff: &str) -> Result<Vec<CaseId>, StoreError> {
        let sql = "SELECT DISTINCT case_id FROM handler JOIN matter ON matter.id = handler.matter \
                   WHERE office = ?1 AND staff = ?2 AND stage NOT IN ('closed', 'archived') ORDER BY opened, case_id";
        Ok(all(&self.db.conn, sql, params![office.0, staff], |row| Ok(CaseId(fixed(row, 0)?)))?)
    }

    /// How many open cases are in the hands of somebody whose account is shut.
    pub fn in_nobodys_hands(&self, office: OfficeId) -> Result<u64, StoreError> {
        let sql = "SELECT count(DISTINCT case_id) FROM handler JOIN matter ON matter.id = handler.matter \
                   JOIN staff ON staff.id = handler.staff AND staff.office = handler.office \
                   WHERE handler.office = ?1 AND staff.disabled AND stage NOT IN ('closed', 'archived')";
        Ok(number(first(&self.db.conn, sql, [office.0], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or_default()))
    }
}
