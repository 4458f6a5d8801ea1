//! How long transfers took, who is late with what, and how often people had to go.

use super::{Reader, Statement};
use crate::store::rows::{Sql, number};
use rusqlite::types::Value;
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::store::StoreError;

/// One transfer, as far as its days go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TransferDays {
    /// `office`, `department`, `provider`.
    pub who: String,
    /// The code, or the office's number.
    pub id: String,
    /// The name.
    pub name: String,
    /// The day it was handed over.
    pub sent: Option<Day>,
    /// The day it was signed for.
    pub signed: Option<Day>,
    /// The day it was answered or given back.
    pub ended: Option<Day>,
    /// Whether it ended with a result.
    pub answered: bool,
}

/// What is late, by who holds it and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LateRow {
    /// `tier`, `office`, `department`, `provider`, `applicant`.
    pub who: String,
    /// The tier's word, the office's number, the code.
    pub id: String,
    /// The name, where it is not a tier.
    pub name: String,
    /// The area of the cases.
    #[serde(serialize_with = "super::registry::display")]
    pub area: AreaId,
    /// How many.
    pub count: u64,
    /// The earliest day that was missed.
    pub oldest: Option<Day>,
}

/// How often people had to go, by kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ErrandRow {
    /// The kind of assistance (code).
    pub assistance: String,
    /// How many cases.
    pub cases: u64,
    /// Days on which a citizen came to a window, in all.
    pub window: u64,
    /// Days on which staff went to a home, in all.
    pub home: u64,
    /// The most that one case took a citizen.
    pub most: u64,
}

fn day(day: Day) -> Value {
    Value::Integer(day.0.into())
}

impl Reader {
    /// Every transfer handed over in these days, by receiver.
    pub fn transfer_days(&self, within: &[AreaId], from: Day, until: Day) -> Result<Vec<TransferDays>, StoreError> {
        let mut statement = Statement::new(
            "SELECT who, who_id, name, sent, signed, ended, answered FROM hop JOIN matter ON matter.id = hop.matter",
        );
        statement.and("sent BETWEEN ? AND ?", [day(from), day(until)]);
        statement.within("matter.area", within);
        statement.push(" ORDER BY who, who_id, sent, hop.matter, ordinal", []);
        Ok(statement.all(&self.db, |row| {
            let days = |at: usize| -> Sql<Option<Day>> { Ok(row.get::<_, Option<i32>>(at)?.map(Day)) };
            Ok(TransferDays {
                who: row.get(0)?,
                id: row.get(1)?,
                name: row.get(2)?,
                sent: days(3)?,
                signed: days(4)?,
                ended: days(5)?,
                answered: row.get(6)?,
            })
        })?)
    }

    /// What was due before `today`, by who must act and by area.
    pub fn late(&self, within: &[AreaId], today: Day) -> Result<Vec<LateRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT who, who_id, max(turn.name), matter.area, count(*), min(turn.due) FROM turn JOIN matter ON matter.id = turn.matter",
        );
        statement.and("turn.due < ?", [day(today)]);
        statement.within("matter.area", within);
        statement.push(" GROUP BY who, who_id, matter.area ORDER BY who, who_id, matter.area", []);
        Ok(statement.all(&self.db, |row| {
            Ok(LateRow {
                who: row.get(0)?,
                id: row.get(1)?,
                name: row.get(2)?,
                area: AreaId::from_raw(number(row.get(3)?)),
                count: number(row.get(4)?),
                oldest: row.get::<_, Option<i32>>(5)?.map(Day),
            })
        })?)
    }

    /// How often people had to go for cases opened in these days, by kind.
    pub fn errands(&self, within: &[AreaId], from: Day, until: Day) -> Result<Vec<ErrandRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT assistance, count(*), sum(window), sum(home), max(window) FROM errand JOIN matter ON matter.id = errand.matter",
        );
        statement.and("opened_on BETWEEN ? AND ?", [day(from), day(until)]);
        statement.within("matter.area", within);
        statement.push(" GROUP BY assistance ORDER BY assistance", []);
        Ok(statement.all(&self.db, |row| {
            Ok(ErrandRow {
                assistance: row.get(0)?,
                cases: number(row.get(1)?),
                window: number(row.get(2)?),
                home: number(row.get(3)?),
                most: number(row.get(4)?),
            })
        })?)
    }
}
