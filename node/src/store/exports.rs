//! The list of exports: who took what out of this machine, and what for. Local to this device; only ever added to.

use super::local::Local;
use super::reader::{Listed, PAGE_ROWS_MAX, Page, Reader};
use super::rows::{all, int, number};
use super::views::execute;
use rusqlite::params;
use serde::Serialize;
use shouwang_protocol::store::StoreError;

/// One export.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct ExportRow {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who: the sign-in name.
    pub staff: String,
    /// Who: the name.
    pub name: String,
    /// What: `households`, `cases`.
    pub what: String,
    /// Of which area (code); empty: all that the machine holds.
    pub area: String,
    /// `xlsx`, `csv`, `jsonl`.
    pub form: String,
    /// How many.
    pub rows: u64,
    /// What for, in the person's words.
    pub purpose: String,
}

impl Reader {
    /// Exports, the latest first.
    pub fn exports(&self, page: Page) -> Result<Listed<ExportRow>, StoreError> {
        let limit = i64::from(page.limit.min(PAGE_ROWS_MAX));
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        let sql = "SELECT at_ms, staff, name, what, area, form, rows, purpose FROM export ORDER BY id DESC LIMIT ?1 OFFSET ?2";
        let mut rows = all(&self.db.conn, sql, params![limit + 1, offset], |row| {
            Ok(ExportRow {
                at_ms: row.get(0)?,
                staff: row.get(1)?,
                name: row.get(2)?,
                what: row.get(3)?,
                area: row.get(4)?,
                form: row.get(5)?,
                rows: number(row.get(6)?),
                purpose: row.get(7)?,
            })
        })?;
        let more = rows.len() as i64 > limit;
        rows.truncate(limit as usize);
        Ok(Listed { rows, more })
    }
}

impl Local<'_> {
    /// Writes an export down.
    pub fn note_export(&self, export: &ExportRow) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO export (at_ms, staff, name, what, area, form, rows, purpose) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let ExportRow { at_ms, staff, name, what, area, form, rows, purpose } = export;
        self.write(|db| execute(&db.conn, sql, params![at_ms, staff, name, what, area, form, int(*rows), purpose]).map(drop))
    }
}
