//! What is open, who is late, and how long answers take: sums over cases, for the dispatch desk.

use super::{Reader, Statement};
use crate::store::rows::number;
use rusqlite::types::Value;
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::standing::Stage;
use shouwang_protocol::store::StoreError;

/// Transfers that are looked at, the latest first.
const TRANSFERS_MAX: i64 = 20_000;

/// The open cases of one state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LoopRow {
    /// The state.
    pub stage: Stage,
    /// How many.
    pub cases: u64,
    /// Those of them with something overdue.
    pub overdue: u64,
    /// Since when the first is in it.
    pub oldest: Option<Day>,
    /// Those in which nobody must act.
    pub without_turn: u64,
}

/// One transfer, by when it was handed over and answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferTime {
    /// `department`, `office`, `provider`.
    pub who: String,
    /// The receiver's name.
    pub to: String,
    /// The day it was handed over.
    pub sent_on: Option<Day>,
    /// The day of its result or return.
    pub ended_on: Option<Day>,
    /// Whether it waits.
    pub is_open: bool,
    /// The last day for the receiver's next step.
    pub due: Option<Day>,
}

impl Reader {
    /// The cases that are not closed, by state, in the order of the work.
    pub fn open_loops(&self, within: &[AreaId], today: Day) -> Result<Vec<LoopRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT stage, count(*), sum(coalesce(due < ?, 0)), min(since), \
             sum(NOT EXISTS (SELECT 1 FROM turn WHERE turn.matter = matter.id)) FROM matter",
        );
        statement.values.push(Value::Integer(today.0.into()));
        statement.within("matter.area", within);
        statement.and("stage <> 'closed'", []);
        statement.push(" GROUP BY stage", []);
        let mut rows = statement.all(&self.db, |row| {
            Ok(LoopRow {
                stage: Stage::from_word(&row.get::<_, String>(0)?).unwrap_or_default(),
                cases: number(row.get(1)?),
                overdue: number(row.get(2)?),
                oldest: row.get::<_, Option<i32>>(3)?.map(Day),
                without_turn: number(row.get(4)?),
            })
        })?;
        rows.sort_by_key(|row| Stage::ALL.iter().position(|stage| *stage == row.stage));
        Ok(rows)
    }

    /// When transfers were handed over and answered.
    pub fn transfer_times(&self, within: &[AreaId]) -> Result<Vec<TransferTime>, StoreError> {
        let mut statement = Statement::new(
            "SELECT who, transfer.name, sent_on, ended_on, state IN ('待签收', '已签收'), transfer.due \
             FROM transfer JOIN matter ON matter.id = transfer.matter",
        );
        statement.within("matter.area", within);
        statement.push(" ORDER BY sent_on DESC LIMIT ?", [Value::Integer(TRANSFERS_MAX)]);
        Ok(statement.all(&self.db, |row| {
            let day = |at| row.get::<_, Option<i32>>(at).map(|day| day.map(Day));
            Ok(TransferTime {
                who: row.get(0)?,
                to: row.get(1)?,
                sent_on: day(2)?,
                ended_on: day(3)?,
                is_open: row.get(4)?,
                due: day(5)?,
            })
        })?)
    }

    /// Who is late with what, how often, and since when; the longest wait first.
    pub fn late(&self, within: &[AreaId], today: Day) -> Result<Vec<(String, String, u64, Day)>, StoreError> {
        let mut statement = Statement::new(
            "SELECT CASE who WHEN 'tier' THEN CASE who_id WHEN 'village' THEN '村（社区）' WHEN 'township' THEN '镇（街道）' ELSE '市级' END \
             ELSE turn.name END || CASE WHEN who = 'tier' THEN '　' || coalesce(area.name, '') ELSE '' END, what, count(*), min(turn.due) \
             FROM turn JOIN matter ON matter.id = turn.matter LEFT JOIN area ON area.id = matter.area",
        );
        statement.within("matter.area", within);
        statement.and("turn.due < ?", [Value::Integer(today.0.into())]);
        statement.push(" GROUP BY 1, 2 ORDER BY min(turn.due), count(*) DESC LIMIT 200", []);
        Ok(statement.all(&self.db, |row| Ok((row.get(0)?, row.get(1)?, number(row.get(2)?), Day(row.get(3)?))))?)
    }
}
