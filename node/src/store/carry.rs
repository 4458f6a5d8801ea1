//! The list of files on sticks, and what other devices said in them that they hold. Local to this device.

use super::fault::Fault;
use super::local::Local;
use super::reader::{Listed, PAGE_ROWS_MAX, Page, Reader};
use super::rows::{Sql, all, blob, encode, first, fixed, int, number};
use super::views::execute;
use rusqlite::{Row, params};
use serde::Serialize;
use shouwang_protocol::device::{Certificate, DeviceKey};
use shouwang_protocol::store::StoreError;
use shouwang_protocol::sync::parcel::Known;

/// A file that went out or came in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CarriedRow {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Whether it was made here; else it was taken in.
    pub outward: bool,
    /// The file's random number.
    #[serde(skip)]
    pub file: [u8; 16],
    /// When it was made, by its maker's clock.
    pub made_ms: i64,
    /// The other device.
    #[serde(serialize_with = "as_text")]
    pub device: DeviceKey,
    /// Its office's name then.
    pub office: String,
    /// Who: the sign-in name.
    pub staff: String,
    /// Who: the name.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Entries put in, or new here.
    pub entries: u64,
    /// Entries that could not be taken.
    pub refused: u64,
}

fn as_text<S: serde::Serializer>(device: &DeviceKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(device)
}

const COLUMNS: &str = "at_ms, outward, file, made_ms, device, office, staff, name, bytes, entries, refused";

fn row(row: &Row<'_>) -> Sql<CarriedRow> {
    Ok(CarriedRow {
        at_ms: row.get(0)?,
        outward: row.get(1)?,
        file: fixed(row, 2)?,
        made_ms: row.get(3)?,
        device: DeviceKey(fixed(row, 4)?),
        office: row.get(5)?,
        staff: row.get(6)?,
        name: row.get(7)?,
        bytes: number(row.get(8)?),
        entries: number(row.get(9)?),
        refused: number(row.get(10)?),
    })
}

impl Reader {
    /// Files, the latest first.
    pub fn carried(&self, page: Page) -> Result<Listed<CarriedRow>, StoreError> {
        let limit = i64::from(page.limit.min(PAGE_ROWS_MAX));
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        let sql = format!("SELECT {COLUMNS} FROM carried ORDER BY id DESC LIMIT ?1 OFFSET ?2");
        let mut rows = all(&self.db.conn, &sql, params![limit + 1, offset], row)?;
        let more = rows.len() as i64 > limit;
        rows.truncate(limit as usize);
        Ok(Listed { rows, more })
    }

    /// The latest file to, or from, a device.
    pub fn last_carried(&self, device: &DeviceKey, outward: bool) -> Result<Option<CarriedRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM carried WHERE device = ?1 AND outward = ?2 ORDER BY id DESC LIMIT 1");
        Ok(first(&self.db.conn, &sql, params![device.0, outward], row)?)
    }

    /// Whether a file of a device was taken in before.
    pub fn was_carried_in(&self, device: &DeviceKey, file: &[u8; 16]) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM carried WHERE device = ?1 AND outward = 0 AND file = ?2 LIMIT 1";
        Ok(first(&self.db.conn, sql, params![device.0, file], |row| Ok(row.get::<_, i64>(0)?))?.is_some())
    }

    /// What a device said it holds.
    pub fn carried_known(&self, device: &DeviceKey) -> Result<Option<Known>, StoreError> {
        let bytes = first(&self.db.conn, "SELECT known FROM carried_known WHERE device = ?1", [device.0], |row| {
            Ok(blob(row, 0)?.to_vec())
        })?;
        // Bytes of a newer program say nothing here: more is sent than need be, and nothing is lost.
        Ok(bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }

    /// The certificates that devices showed in their files.
    pub fn carried_certificates(&self) -> Result<Vec<Certificate>, StoreError> {
        let found =
            all(&self.db.conn, "SELECT certificate FROM carried_known", [], |row| Ok(Certificate::from_bytes(blob(row, 0)?)))?;
        Ok(found.into_iter().flatten().collect())
    }
}

impl Local<'_> {
    /// Writes a file down; of one that was taken in, with what its sender holds, and who it is.
    pub fn note_carried(&self, carried: &CarriedRow, said: Option<&(Known, Certificate)>) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO carried ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
        let CarriedRow { at_ms, outward, file, made_ms, device, office, staff, name, bytes, entries, refused } = carried;
        let said = said.map(|(known, certificate)| Ok::<_, Fault>((encode(known)?, certificate.to_bytes()))).transpose()?;
        self.write(|db| {
            let values =
                params![at_ms, outward, file, made_ms, device.0, office, staff, name, int(*bytes), int(*entries), int(*refused)];
            execute(&db.conn, &sql, values)?;
            if let Some((known, certificate)) = said {
                let sql = "INSERT OR REPLACE INTO carried_known (device, known, certificate) VALUES (?1, ?2, ?3)";
                execute(&db.conn, sql, params![device.0, known, certificate])?;
            }
            Ok(())
        })
    }
}
