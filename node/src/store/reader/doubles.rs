//! Grants that may be one another's doubles: with the persons who lived in the household when they were made.
//!
//! The store only finds those that have somebody in common; whether they are doubles is
//! `shouwang_protocol::doubles`'s to say.

use super::{Reader, Statement};
use crate::store::fault::Fault;
use crate::store::rows::{Sql, all, array, fixed, number};
use crate::store::views::award_doubled;
use rusqlite::types::Value;
use rusqlite::{Row, params};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::doubles::Grant;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::store::StoreError;
use std::collections::BTreeSet;

/// Grants that are compared at most.
const GRANTS_MAX: i64 = 20_000;

const GRANT: &str = "SELECT matter.id, matter.case_id, matter.area, matter.household, assistance, coalesce(award.cause, ''), \
    coalesce(award.pack, ''), award.day, coalesce(number, ''), coalesce(decided, 0), coalesce(paid, 0), coalesce(owed, 0), record.id, \
    coalesce(award.monthly, 0), award.stopped_on \
    FROM matter LEFT JOIN award ON award.matter = matter.id LEFT JOIN record ON record.name = matter.household";

/// Who was granted something: every member with an identity number who lived in the household that day. Of a household
/// that moved away, what is granted afterwards is granted to those who moved.
const HELD: &str = "WITH held (matter, id_no) AS MATERIALIZED (SELECT award.matter, member.id_no FROM award \
    JOIN matter ON matter.id = award.matter JOIN record ON record.name = matter.household \
    JOIN member ON member.household = record.id AND member.id_no <> '' \
    AND (member.until IS NULL OR award.day IS NULL OR member.until >= award.day OR (member.until = (\
    SELECT max(until) FROM member AS last WHERE last.household = record.id) AND EXISTS (\
    SELECT 1 FROM household WHERE household.record = record.id AND household.status = '迁出')))) ";

fn grant(row: &Row<'_>) -> Sql<(i64, Option<i64>, Grant)> {
    let household = row.get_ref(3)?.as_blob_or_null().map_err(|_| Fault::Damaged("a column is no blob"))?;
    let grant = Grant {
        case: CaseId(fixed(row, 1)?),
        area: AreaId::from_raw(number(row.get(2)?)),
        household: household.map(array).transpose()?.map(|name| RecordId(Hash(name))),
        persons: BTreeSet::new(),
        kind: row.get(4)?,
        cause: row.get(5)?,
        pack: row.get(6)?,
        day: row.get::<_, Option<i32>>(7)?.map(Day),
        monthly: match row.get(13)? {
            true => Some(row.get::<_, Option<i32>>(14)?.map(Day)),
            false => None,
        },
        number: row.get(8)?,
        amount: Fen(row.get(9)?),
        paid: Fen(row.get(10)?),
        owed: Fen(row.get(11)?),
        doubled: Vec::new(),
    };
    Ok((row.get(0)?, row.get(12)?, grant))
}

impl Reader {
    fn grants(&self, statement: &Statement) -> Sql<Vec<Grant>> {
        let found = statement.all(&self.db, grant)?;
        let whole = |(matter, record, grant): (i64, Option<i64>, Grant)| {
            let persons = record.map_or(Ok(BTreeSet::new()), |record| self.persons_on(record, grant.day))?;
            Ok(Grant { persons, doubled: award_doubled(&self.db, matter)?, ..grant })
        };
        found.into_iter().map(whole).collect()
    }

    fn persons_on(&self, record: i64, day: Option<Day>) -> Sql<BTreeSet<String>> {
        let sql = "SELECT DISTINCT id_no FROM member WHERE household = ?1 AND id_no <> '' AND (until IS NULL OR ?2 IS NULL OR until >= ?2 \
                   OR (until = (SELECT max(until) FROM member WHERE household = ?1) \
                   AND EXISTS (SELECT 1 FROM household WHERE record = ?1 AND status = '迁出')))";
        let found: Vec<String> = all(&self.db.conn, sql, params![record, day.map(|day| day.0)], |row| Ok(row.get(0)?))?;
        Ok(found.into_iter().collect())
    }

    /// The grants that have a person or the household in common with another, and those of which somebody said so.
    pub fn grants_in_common(&self) -> Result<Vec<Grant>, StoreError> {
        let mut statement = Statement::new(HELD);
        statement.push(GRANT, []);
        statement.and(
            "matter.id IN (SELECT matter FROM held WHERE id_no IN (SELECT id_no FROM held GROUP BY id_no HAVING count(DISTINCT matter) > 1) \
             UNION SELECT matter FROM doubled \
             UNION SELECT award.matter FROM award JOIN matter ON matter.id = award.matter WHERE matter.household IN (\
             SELECT household FROM award JOIN matter ON matter.id = award.matter WHERE household IS NOT NULL GROUP BY household HAVING count(*) > 1))",
            [],
        );
        statement.push(" ORDER BY matter.case_id LIMIT ?", [Value::Integer(GRANTS_MAX)]);
        Ok(self.grants(&statement)?)
    }

    /// What was granted to a household or to somebody who lives in it.
    pub fn grants_of_household(&self, household: &RecordId) -> Result<Vec<Grant>, StoreError> {
        let name = || Value::Blob(household.0.0.to_vec());
        let mut statement = Statement::new(HELD);
        statement.push(GRANT, []);
        statement.and("award.matter IS NOT NULL", []);
        statement.and("(matter.household = ?", [name()]);
        statement.push(
            " OR matter.id IN (SELECT matter FROM held WHERE id_no IN (SELECT id_no FROM member JOIN record ON record.id = member.household \
             WHERE record.name = ? AND present AND id_no <> '')))",
            [name()],
        );
        statement.push(" ORDER BY matter.case_id LIMIT ?", [Value::Integer(GRANTS_MAX)]);
        Ok(self.grants(&statement)?)
    }

    /// Those who live in a household now, by identity number.
    pub fn persons_of_household(&self, household: &RecordId) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT DISTINCT id_no FROM member JOIN record ON record.id = member.household \
                   WHERE record.name = ?1 AND present AND id_no <> ''";
        let found: Vec<String> = all(&self.db.conn, sql, [household.0.0], |row| Ok(row.get(0)?))?;
        Ok(found.into_iter().collect())
    }
}
