//! Checks of a family's means in lists, the record that holds the answers to one, and who looked at them.

use super::{Listed, Page, Reader, Statement, text};
use crate::store::local::Local;
use crate::store::rows::{all, fixed};
use crate::store::views::execute;
use rusqlite::params;
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Agreement;
use shouwang_protocol::store::StoreError;

/// A check in a list. No figures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CheckRow {
    /// The case.
    #[serde(serialize_with = "super::registry::display")]
    pub case: CaseId,
    /// The number of the request.
    pub number: String,
    /// Who asked for assistance.
    pub applicant: String,
    /// The kind of assistance (code).
    pub assistance: String,
    /// The area's name.
    pub area_name: String,
    /// The day it was asked.
    pub asked_on: Option<Day>,
    /// The day the city began.
    pub started_on: Option<Day>,
    /// The day all was answered.
    pub answered_on: Option<Day>,
    /// What it came to.
    pub result: Option<Agreement>,
    /// `to-start`, `to-answer`, `answered`, `objected`, `upheld`, `superseded`.
    pub state: String,
    /// The last day for the next step.
    pub due: Option<Day>,
}

/// Somebody looked at answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct LookRow {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who: the sign-in name.
    pub staff: String,
    /// Who: the name.
    pub name: String,
    /// The number of the request.
    pub number: String,
    /// What for.
    pub purpose: String,
}

impl Reader {
    /// Checks in one of these states (none: in any), the first due first; those in a number's name when one is given.
    pub fn checks(&self, within: &[AreaId], states: &[&str], page: Page) -> Result<Listed<CheckRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT case_id, checked.number, applicant, assistance, coalesce(area.name, ''), asked_on, started_on, answered_on, \
             result, state, checked.due FROM checked JOIN matter ON matter.id = checked.matter \
             LEFT JOIN area ON area.id = matter.area",
        );
        if !states.is_empty() {
            statement.and("state IN (", []);
            for (at, state) in states.iter().enumerate() {
                statement.push(if at == 0 { "?" } else { ", ?" }, [text(state)]);
            }
            statement.push(")", []);
        }
        statement.within("matter.area", within);
        statement.push(" ORDER BY checked.due IS NULL, checked.due, asked_on DESC, checked.number", []);
        statement.page(page);
        Ok(statement.listed(&self.db, page, |row| {
            let day = |at: usize| row.get::<_, Option<i32>>(at).map(|day| day.map(Day));
            Ok(CheckRow {
                case: CaseId(fixed(row, 0)?),
                number: row.get(1)?,
                applicant: row.get(2)?,
                assistance: row.get(3)?,
                area_name: row.get(4)?,
                asked_on: day(5)?,
                started_on: day(6)?,
                answered_on: day(7)?,
                result: row.get::<_, Option<String>>(8)?.and_then(|word| Agreement::from_word(&word)),
                state: row.get(9)?,
                due: day(10)?,
            })
        })?)
    }

    /// The cases that a request number belongs to: one, unless somebody forged it.
    pub fn case_of_check(&self, number: &str) -> Result<Vec<CaseId>, StoreError> {
        let sql = "SELECT DISTINCT case_id FROM checked JOIN matter ON matter.id = checked.matter WHERE checked.number = ?1";
        Ok(all(&self.db.conn, sql, [number], |row| Ok(CaseId(fixed(row, 0)?)))?)
    }

    /// The records that hold answers to a request.
    pub fn verifications(&self, number: &str) -> Result<Vec<RecordId>, StoreError> {
        let sql = "SELECT name FROM verification JOIN record ON record.id = verification.record WHERE number = ?1 ORDER BY name";
        Ok(all(&self.db.conn, sql, [number], |row| Ok(RecordId(Hash(fixed(row, 0)?))))?)
    }

    /// Who looked at answers, the latest first.
    pub fn looks(&self, page: Page) -> Result<Listed<LookRow>, StoreError> {
        let mut statement = Statement::new("SELECT at_ms, staff, name, number, purpose FROM look ORDER BY id DESC");
        statement.page(page);
        Ok(statement.listed(&self.db, page, |row| {
            let (staff, name, number) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(LookRow { at_ms: row.get(0)?, staff, name, number, purpose: row.get(4)? })
        })?)
    }
}

impl Local<'_> {
    /// Writes down that somebody looks at answers.
    pub fn note_look(&self, look: &LookRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO look (at_ms, staff, name, number, purpose) VALUES (?1, ?2, ?3, ?4, ?5)";
        let LookRow { at_ms, staff, name, number, purpose } = look;
        self.write(|db| execute(&db.conn, sql, params![at_ms, staff, name, number, purpose]).map(drop))
    }
}
