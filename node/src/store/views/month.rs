//! The view of sign-offs: one row for each time a village signed a month.

use super::super::db::Db;
use super::super::rows::{Sql, first, int, number};
use super::execute;
use automerge::Automerge;
use rusqlite::{Row, params};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::signoff::SignOff;

#[derive(PartialEq, Debug)]
pub(super) struct SignOffView {
    area: AreaId,
    said: SignOff,
}

/// Columns in the order of [`read`].
pub(crate) const COLUMNS: &str =
    "sign_off.area, month, households, people, came, gone, changed, unchanged, digest, note, office, staff, sign_off.name, day";

/// A row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> Sql<(AreaId, SignOff)> {
    let said = SignOff {
        month: row.get(1)?,
        households: row.get(2)?,
        people: row.get(3)?,
        came: row.get(4)?,
        left: row.get(5)?,
        changed: row.get(6)?,
        unchanged: row.get(7)?,
        digest: row.get(8)?,
        note: row.get(9)?,
        office: row.get(10)?,
        staff: row.get(11)?,
        name: row.get(12)?,
        day: row.get::<_, Option<i32>>(13)?.map(Day),
    };
    Ok((AreaId::from_raw(number(row.get(0)?)), said))
}

impl SignOffView {
    pub fn derive(area: AreaId, doc: &Automerge) -> SignOffView {
        SignOffView { area, said: SignOff::read(doc) }
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<SignOffView>> {
        let sql = format!("SELECT {COLUMNS} FROM sign_off WHERE record = ?1");
        first(&db.conn, &sql, [record], |row| read(row).map(|(area, said)| SignOffView { area, said }))
    }

    pub fn write(&self, db: &Db, record: i64) -> Sql<()> {
        let sql = "INSERT OR REPLACE INTO sign_off (record, area, month, households, people, came, gone, changed, unchanged, digest, \
                   note, office, staff, name, day) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        let it = &self.said;
        let values = params![
            record,
            int(self.area.raw()),
            it.month,
            it.households,
            it.people,
            it.came,
            it.left,
            it.changed,
            it.unchanged,
            it.digest,
            it.note,
            it.office,
            it.staff,
            it.name,
            it.day.map(|day| day.0)
        ];
        execute(&db.conn, sql, values)?;
        Ok(())
    }
}
