//! What a month asks of a village: changes to look at, and the sign-offs.

use super::{Reader, Statement, text};
use crate::store::rows::{all, fixed, number};
use crate::store::views::month;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::signoff::SignOff;
use shouwang_protocol::store::StoreError;

/// Sign-offs in the order that is the same everywhere.
const IN_ORDER: &str = "(SELECT min(lamport) FROM change WHERE change.record = sign_off.record), day, record.name";

impl Reader {
    /// Households in these areas with changes that nobody has looked at.
    pub fn count_changed(&self, within: &[AreaId]) -> Result<u64, StoreError> {
        let mut statement = Statement::new("SELECT count(*) FROM household");
        statement.within("household.area", within);
        statement.and("open_changes > 0", []);
        Ok(statement.count(&self.db)?)
    }

    /// The day aid was last approved for a household.
    pub fn approved_on(&self, id: &RecordId) -> Result<Option<Day>, StoreError> {
        let sql = "SELECT max(ended_on) FROM matter JOIN account ON account.matter = matter.id \
                   WHERE household = ?1 AND outcome = 'approved'";
        let found = all(&self.db.conn, sql, [id.0.0], |row| Ok(row.get::<_, Option<i32>>(0)?))?;
        Ok(found.into_iter().flatten().next().map(Day))
    }

    /// When the first change of a record claims to have been written, in milliseconds.
    pub fn first_written(&self, id: &RecordId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(claimed_ms) FROM change WHERE record = (SELECT id FROM record WHERE name = ?1)";
        Ok(all(&self.db.conn, sql, [id.0.0], |row| Ok(row.get::<_, Option<i64>>(0)?))?.into_iter().flatten().next())
    }

    /// The households that live, or lived, in an area.
    pub fn households_in(&self, area: AreaId) -> Result<Vec<RecordId>, StoreError> {
        let sql = "SELECT record.name FROM household JOIN record ON record.id = household.record WHERE household.area = ?1";
        Ok(all(&self.db.conn, sql, [crate::store::rows::int(area.raw())], |row| Ok(RecordId(Hash(fixed(row, 0)?))))?)
    }

    /// What was signed for a month in these areas, the latest of each area last: one that names another was signed
    /// after it, whatever the clocks said.
    pub fn sign_offs(&self, month: &str, within: &[AreaId]) -> Result<Vec<(AreaId, SignOff)>, StoreError> {
        let mut statement = Statement::new("SELECT ");
        statement.push(month::COLUMNS, []);
        statement.push(" FROM sign_off JOIN record ON record.id = sign_off.record", []);
        statement.within("sign_off.area", within);
        statement.and("month = ?", [text(month)]);
        statement.push(" ORDER BY sign_off.area, ", []);
        statement.push(IN_ORDER, []);
        Ok(statement.all(&self.db, month::read)?)
    }

    /// The record of what was signed last for a month of an area.
    pub fn last_sign_off(&self, month: &str, area: AreaId) -> Result<Option<RecordId>, StoreError> {
        let mut statement = Statement::new("SELECT record.name FROM sign_off JOIN record ON record.id = sign_off.record");
        statement.and("sign_off.area = ?", [rusqlite::types::Value::Integer(crate::store::rows::int(area.raw()))]);
        statement.and("month = ?", [text(month)]);
        statement.push(" ORDER BY ", []);
        statement.push(IN_ORDER, []);
        Ok(statement.all(&self.db, |row| Ok(RecordId(Hash(fixed(row, 0)?))))?.pop())
    }

    /// The months that somebody signed in an area.
    pub fn signed_months(&self, area: AreaId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT month FROM sign_off WHERE area = ?1 ORDER BY month";
        Ok(all(&self.db.conn, sql, [crate::store::rows::int(area.raw())], |row| Ok(row.get(0)?))?)
    }

    /// The first day on which a change of a household in these areas claims to have been written, by area.
    pub fn began(&self, within: &[AreaId]) -> Result<Vec<(AreaId, i64)>, StoreError> {
        let mut statement = Statement::new(
            "SELECT household.area, min(claimed_ms) FROM household JOIN change ON change.record = household.record",
        );
        statement.within("household.area", within);
        statement.push(" GROUP BY household.area", []);
        Ok(statement.all(&self.db, |row| Ok((AreaId::from_raw(number(row.get(0)?)), row.get(1)?)))?)
    }
}
