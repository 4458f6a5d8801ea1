//! The list of annual files: which households have one for a year, and what each lacks.
//!
//! A file is never stored, so the list asks the views. Every kind of [`Missing`] is one condition here and one line of
//! `shouwang_protocol::annual::missing`; a test holds them together. A household has a file for every year since its
//! record was begun, and for each earlier year of which aid or a case is known.

use super::{Listed, Page, Reader, Statement};
use crate::store::rows::{fixed, number};
use rusqlite::types::Value;
use serde::Serialize;
use shouwang_protocol::annual::{Missing, last_day};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::store::StoreError;

/// Milliseconds from midnight in China to midnight UTC.
const CHINA_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Which files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct YearFilter {
    /// The year.
    pub year: i32,
    /// In these areas or below; empty: all that are held.
    pub within: Vec<AreaId>,
    /// Only complete, or only incomplete ones.
    pub complete: Option<bool>,
    /// Only those that lack this.
    pub lacking: Option<Missing>,
}

/// A file in the list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct YearRow {
    /// The household.
    #[serde(serialize_with = "super::registry::display")]
    pub household: RecordId,
    /// The head's name.
    pub head: String,
    /// The area's name.
    pub area_name: String,
    /// 困难类别
    pub category: String,
    /// What it lacks.
    pub missing: Vec<Missing>,
}

/// How many files lack the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct YearCount {
    /// What they lack; nothing: they are complete.
    pub missing: Vec<Missing>,
    /// How many.
    pub files: u64,
}

/// The condition of each kind, for a household; `year.first` and `year.last` are the days of the year.
fn condition(missing: Missing) -> &'static str {
    match missing {
        Missing::Members => "household.members = 0 AND household.status <> '迁出'",
        Missing::Category => "NOT EXISTS (SELECT 1 FROM holding WHERE holding.household = household.record)",
        Missing::Address => "household.address = ''",
        Missing::Income => "household.income IS NULL",
        Missing::Problems => "household.problems > 0",
        Missing::Conflicts => "household.conflicts > 0",
        Missing::Needs => {
            "NOT EXISTS (SELECT 1 FROM matter JOIN need ON need.matter = matter.id \
             WHERE matter.household = record.name AND need.day BETWEEN year.first AND year.last)"
        }
        Missing::Cause => "household.cause = ''",
        Missing::Amounts => {
            "EXISTS (SELECT 1 FROM aid WHERE aid.household = household.record AND aid.amount IS NULL \
             AND aid.day BETWEEN year.first AND year.last)"
        }
        Missing::Days => "EXISTS (SELECT 1 FROM aid WHERE aid.household = household.record AND aid.day IS NULL)",
    }
}

fn bit(missing: Missing) -> i64 {
    1 << Missing::ALL.iter().position(|one| *one == missing).unwrap_or_default()
}

fn of_mask(mask: i64) -> Vec<Missing> {
    Missing::ALL.into_iter().filter(|missing| mask & bit(*missing) != 0).collect()
}

impl YearFilter {
    fn statement(&self, columns: &'static str) -> Statement {
        let first = Day::new(self.year, 1, 1).unwrap_or_default();
        let last = last_day(self.year);
        let mut statement = Statement::new(
            "WITH year (first, last, closes) AS (VALUES (?, ?, ?)), file AS (SELECT record.name AS name, \
             household.area AS area, household.head AS head, household.category AS category, household.record AS local, 0",
        );
        let closes = (i64::from(last.0) + 1) * DAY_MS - CHINA_MS;
        statement.values = vec![Value::Integer(first.0.into()), Value::Integer(last.0.into()), Value::Integer(closes)];
        for missing in Missing::ALL {
            statement.push(" + (", []);
            statement.push(condition(missing), []);
            statement.push(") * ?", [Value::Integer(bit(missing))]);
        }
        statement.push(
            " AS mask FROM year, household JOIN record ON record.id = household.record WHERE \
             (((SELECT min(claimed_ms) FROM change WHERE change.record = household.record) < year.closes \
             AND (household.status <> '迁出' OR EXISTS (SELECT 1 FROM member WHERE member.household = household.record \
             AND member.until >= year.first))) \
             OR EXISTS (SELECT 1 FROM aid WHERE aid.household = household.record AND aid.day BETWEEN year.first AND year.last) \
             OR EXISTS (SELECT 1 FROM matter WHERE matter.household = record.name AND matter.opened_on BETWEEN year.first AND year.last))",
            [],
        );
        statement.filtered = true;
        statement.within("household.area", &self.within);
        statement.push(") ", []);
        statement.push(columns, []);
        statement.filtered = false;
        match self.complete {
            Some(true) => statement.and("mask = 0", []),
            Some(false) => statement.and("mask <> 0", []),
            None => {}
        }
        if let Some(missing) = self.lacking {
            statement.and("mask & ? <> 0", [Value::Integer(bit(missing))]);
        }
        statement
    }
}

impl Reader {
    /// The files of a year, by area and head.
    pub fn years_of(&self, filter: &YearFilter, page: Page) -> Result<Listed<YearRow>, StoreError> {
        let mut statement = filter.statement(
            "SELECT file.name, head, coalesce(area.name, ''), category, mask FROM file LEFT JOIN area ON area.id = file.area",
        );
        statement.push(" ORDER BY file.area, head, local", []);
        statement.page(page);
        Ok(statement.listed(&self.db, page, |row| {
            Ok(YearRow {
                household: RecordId(Hash(fixed(row, 0)?)),
                head: row.get(1)?,
                area_name: row.get(2)?,
                category: row.get(3)?,
                missing: of_mask(row.get(4)?),
            })
        })?)
    }

    /// How many files there are, by what they lack.
    pub fn count_years(&self, filter: &YearFilter) -> Result<Vec<YearCount>, StoreError> {
        let mut statement = filter.statement("SELECT mask, count(*) FROM file");
        statement.push(" GROUP BY mask ORDER BY 2 DESC, 1", []);
        Ok(statement.all(&self.db, |row| Ok(YearCount { missing: of_mask(row.get(0)?), files: number(row.get(1)?) }))?)
    }

    /// The days on which the changes of a record claim to have been written (in China), by change.
    pub fn written(&self, id: &RecordId) -> Result<Vec<([u8; 32], Day)>, StoreError> {
        let sql = "SELECT hash, claimed_ms FROM change WHERE record = (SELECT id FROM record WHERE name = ?1)";
        Ok(crate::store::rows::all(&self.db.conn, sql, [id.0.0], |row| {
            let days = row.get::<_, i64>(1)?.saturating_add(CHINA_MS).div_euclid(DAY_MS);
            Ok((fixed(row, 0)?, Day(i32::try_from(days).unwrap_or(i32::MAX))))
        })?)
    }
}
