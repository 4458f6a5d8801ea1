//! Emergency allotments and their uses, read from their records: there are few, so they have no view of their own.

use super::Reader;
use crate::store::rows::{Sql, all, blob, first, fixed, number, tier};
use crate::store::views::load;
use shouwang_protocol::allotment::Used;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{Kind, RecordId, Stamp};
use shouwang_protocol::records::allotment::{Allotment, Use};
use shouwang_protocol::store::StoreError;

/// Records of one kind that are read, the latest.
const RECORDS_MAX: i64 = 20_000;

const RECORDS: &str = "SELECT id, name, area, snapshot FROM record WHERE kind = ?1 ORDER BY id DESC LIMIT ?2";

impl Reader {
    /// The allotments that are here, each with the township's area.
    pub fn allotments(&self) -> Result<Vec<(RecordId, AreaId, Allotment)>, StoreError> {
        let read = || -> Sql<_> {
            let found = all(&self.db.conn, RECORDS, (Kind::ALLOTMENT.0, RECORDS_MAX), |row| {
                let doc = load(&self.db.unpack(blob(row, 3)?)?)?;
                let area = AreaId::from_raw(number(row.get(2)?));
                Ok(Allotment::read(&doc).map(|allotment| (RecordId(Hash(fixed(row, 1).unwrap_or_default())), area, allotment)))
            })?;
            Ok(found.into_iter().flatten().collect())
        };
        Ok(read()?)
    }

    /// The uses that are here, each with the device that wrote it and its place in that device's logs.
    pub fn allotment_uses(&self) -> Result<Vec<Used>, StoreError> {
        let read = || -> Sql<_> {
            let found = all(&self.db.conn, RECORDS, (Kind::ALLOTMENT_USE.0, RECORDS_MAX), |row| {
                let doc = load(&self.db.unpack(blob(row, 3)?)?)?;
                Ok((row.get::<_, i64>(0)?, RecordId(Hash(fixed(row, 1)?)), Use::read(&doc)))
            })?;
            let mut uses = Vec::with_capacity(found.len());
            for (id, record, what) in found {
                let Some(what) = what else { continue };
                let sql = "SELECT change.lamport, author.tier, author.device, sequence, start_op FROM change \
                           JOIN author ON author.id = change.author WHERE record = ?1 ORDER BY start_op, change.lamport LIMIT 1";
                let stamp = first(&self.db.conn, sql, [id], |row| {
                    Ok(Stamp {
                        lamport: number(row.get(0)?),
                        tier: tier(row.get(1)?)?,
                        device: DeviceKey(fixed(row, 2)?),
                        sequence: number(row.get(3)?),
                        index: number(row.get(4)?),
                    })
                })?;
                uses.extend(stamp.map(|stamp| Used { record, stamp, what }));
            }
            Ok(uses)
        };
        Ok(read()?)
    }
}
