//! How what the protocol stores stands in rows, and the reads of it; shared by the writer and the readers.

use super::db::Db;
use super::fault::Fault;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::{DeviceKey, Incarnation, Signature};
use shouwang_protocol::entry::{Entry, EntryRef, LogId};
use shouwang_protocol::frontier::LogHead;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Kind, Lane, Place, RecordId};
use shouwang_protocol::store::{ChangeFact, ForkProof, PeerState, RefusedEntry, StoredEntry, StoredRecord, Verdict, WaitFor};
use shouwang_protocol::sync::receipt::Receipt;

pub(crate) type Sql<T> = Result<T, Fault>;

const APPLIED: i64 = 0;
const WAITING: i64 = 1;
const WITHOUT_EFFECT: i64 = 2;

/// The same 64 bits, as SQLite keeps them.
pub(crate) fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// The inverse of [`int`].
pub(crate) fn number(int: i64) -> u64 {
    int.cast_unsigned()
}

pub(crate) fn encode(value: &impl Serialize) -> Sql<Vec<u8>> {
    postcard::to_allocvec(value).map_err(|_| Fault::Damaged("a value cannot be encoded"))
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Sql<T> {
    postcard::from_bytes(bytes).map_err(|_| Fault::Damaged("a value cannot be decoded"))
}

pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Sql<[u8; N]> {
    bytes.try_into().map_err(|_| Fault::Damaged("a hash or key has the wrong length"))
}

/// The column as a fixed number of bytes.
pub(crate) fn fixed<const N: usize>(row: &Row<'_>, at: usize) -> Sql<[u8; N]> {
    array(row.get_ref(at)?.as_blob().map_err(|_| Fault::Damaged("a column is no blob"))?)
}

pub(crate) fn blob<'r>(row: &'r Row<'_>, at: usize) -> Sql<&'r [u8]> {
    row.get_ref(at)?.as_blob().map_err(|_| Fault::Damaged("a column is no blob"))
}

pub(crate) fn tier(int: i64) -> Sql<Tier> {
    u8::try_from(int).ok().and_then(Tier::from_number).ok_or(Fault::Damaged("a tier is unknown"))
}

pub(crate) fn place(row: &Row<'_>, at: usize) -> Sql<Place> {
    let lane =
        u8::try_from(row.get::<_, i64>(at + 1)?).ok().and_then(Lane::from_number).ok_or(Fault::Damaged("a lane is unknown"))?;
    Ok(Place { area: AreaId::from_raw(number(row.get(at)?)), lane, floor: tier(row.get(at + 2)?)? })
}

/// Area, lane and floor as parameters.
pub(crate) fn place_ints(place: &Place) -> [i64; 3] {
    [int(place.area.raw()), i64::from(place.lane.number()), i64::from(place.floor.number())]
}

/// `area, lane, floor, device, incarnation` from column `at` on.
pub(crate) fn log_id(row: &Row<'_>, at: usize) -> Sql<LogId> {
    Ok(LogId { place: place(row, at)?, device: DeviceKey(fixed(row, at + 3)?), incarnation: Incarnation(fixed(row, at + 4)?) })
}

/// All rows of a statement, each read by `read`.
pub(crate) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> Sql<T>,
) -> Sql<Vec<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// The first row of a statement.
pub(crate) fn first<T>(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Sql<T>,
) -> Sql<Option<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

pub(crate) fn meta(conn: &Connection, key: &str) -> Sql<Option<Vec<u8>>> {
    first(conn, "SELECT value FROM meta WHERE key = ?1", [key], |row| Ok(blob(row, 0)?.to_vec()))
}

pub(crate) fn meta_number(conn: &Connection, key: &str) -> Sql<Option<u64>> {
    meta(conn, key)?.map(|bytes| array(&bytes).map(u64::from_le_bytes)).transpose()
}

pub(crate) fn log_number(conn: &Connection, name: &Hash) -> Sql<Option<i64>> {
    first(conn, "SELECT id FROM log WHERE name = ?1", [name.0], |row| Ok(row.get(0)?))
}

pub(crate) fn record_number(conn: &Connection, id: &RecordId) -> Sql<Option<i64>> {
    first(conn, "SELECT id FROM record WHERE name = ?1", [id.0.0], |row| Ok(row.get(0)?))
}

/// A verdict as a number and what goes with it.
pub(crate) fn verdict_columns(verdict: &Verdict) -> Sql<(i64, Option<Vec<u8>>)> {
    Ok(match verdict {
        Verdict::Applied => (APPLIED, None),
        Verdict::Waiting(wait) => (WAITING, Some(encode(wait)?)),
        Verdict::WithoutEffect(why) => (WITHOUT_EFFECT, Some(why.as_bytes().to_vec())),
    })
}

/// The verdict in columns `at` and `at + 1`.
pub(crate) fn verdict(row: &Row<'_>, at: usize) -> Sql<Verdict> {
    match row.get::<_, i64>(at)? {
        APPLIED => Ok(Verdict::Applied),
        WAITING => Ok(Verdict::Waiting(decode(blob(row, at + 1)?)?)),
        _ => {
            let why = std::str::from_utf8(blob(row, at + 1)?).map_err(|_| Fault::Damaged("a reason is no text"))?;
            Ok(Verdict::WithoutEffect(why.to_owned()))
        }
    }
}

const ENTRY_FROM: &str = "SELECT sequence, position, lamport, verdict, detail, hash, signature, header, pairs FROM entry \
    WHERE log = ?1 AND sequence >= ?2 ORDER BY sequence";
const ENTRY_AT: &str = "SELECT sequence, position, lamport, verdict, detail, hash, signature, header, pairs FROM entry \
    WHERE log = (SELECT id FROM log WHERE name = ?1) AND sequence = ?2";

impl Db {
    fn stored_entry(&self, log: &LogId, row: &Row<'_>) -> Sql<StoredEntry> {
        let signature = match row.get_ref(6)?.as_blob_or_null() {
            Ok(Some(bytes)) => Some(Signature(array(bytes)?)),
            Ok(None) => None,
            Err(_) => return Err(Fault::Damaged("a column is no blob")),
        };
        Ok(StoredEntry {
            log: *log,
            sequence: number(row.get(0)?),
            entry: Entry { header: blob(row, 7)?.to_vec(), pairs: decode(&self.unpack(blob(row, 8)?)?)? },
            hash: Hash(fixed(row, 5)?),
            lamport: number(row.get(2)?),
            signature,
            position: number(row.get(1)?),
            verdict: verdict(row, 3)?,
        })
    }

    pub fn heads(&self) -> Sql<Vec<(LogId, LogHead)>> {
        let sql = "SELECT area, lane, floor, device, incarnation, length, head, lamport FROM log WHERE length IS NOT NULL";
        let mut heads = all(&self.conn, sql, [], |row| {
            let head = LogHead { length: number(row.get(5)?), head: Hash(fixed(row, 6)?), lamport: number(row.get(7)?) };
            Ok((log_id(row, 0)?, head))
        })?;
        heads.sort_by_key(|(log, _)| *log);
        Ok(heads)
    }

    pub fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Sql<Vec<StoredEntry>> {
        let Some(id) = log_number(&self.conn, &log.name())? else { return Ok(Vec::new()) };
        let mut statement = self.conn.prepare_cached(ENTRY_FROM)?;
        let mut rows = statement.query(params![id, int(from)])?;
        let mut size = 0;
        let mut out: Vec<StoredEntry> = Vec::new();
        while let Some(row) = rows.next()? {
            let entry = self.stored_entry(log, row)?;
            size += entry.entry.size();
            if size > bytes && !out.is_empty() {
                break;
            }
            out.push(entry);
        }
        Ok(out)
    }

    pub fn entry(&self, log: &LogId, sequence: u64) -> Sql<Option<StoredEntry>> {
        first(&self.conn, ENTRY_AT, params![log.name().0, int(sequence)], |row| self.stored_entry(log, row))
    }

    /// An entry by name, where only the name of its log is known.
    pub fn entry_named(&self, reference: &EntryRef) -> Sql<Option<StoredEntry>> {
        match self.log_named(&reference.log)? {
            Some(log) => self.entry(&log, reference.sequence),
            None => Ok(None),
        }
    }

    pub fn log_named(&self, name: &Hash) -> Sql<Option<LogId>> {
        first(&self.conn, "SELECT area, lane, floor, device, incarnation FROM log WHERE name = ?1", [name.0], |row| {
            log_id(row, 0)
        })
    }

    pub fn gained_since(&self, position: u64, limit: usize) -> Sql<Option<Vec<(LogId, u64)>>> {
        let sql = "SELECT area, lane, floor, device, incarnation, id FROM log WHERE last > ?1 LIMIT ?2";
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let grown = all(&self.conn, sql, params![int(position), most], |row| Ok((log_id(row, 0)?, row.get::<_, i64>(5)?)))?;
        if grown.len() > limit {
            return Ok(None);
        }
        // Within a log, arrival numbers rise with the sequence: walk back from the end, in the index alone.
        let sql = "SELECT sequence, position FROM entry WHERE log = ?1 ORDER BY sequence DESC";
        let mut out = Vec::with_capacity(grown.len());
        for (log, id) in grown {
            let mut statement = self.conn.prepare_cached(sql)?;
            let mut rows = statement.query([id])?;
            let mut gained = None;
            while let Some(row) = rows.next()? {
                if number(row.get(1)?) <= position {
                    break;
                }
                gained = Some(number(row.get(0)?));
            }
            out.extend(gained.map(|sequence| (log, sequence)));
        }
        out.sort_unstable();
        Ok(Some(out))
    }

    pub fn record(&self, id: &RecordId) -> Sql<Option<StoredRecord>> {
        let sql = "SELECT kind, area, lane, floor, snapshot FROM record WHERE name = ?1";
        first(&self.conn, sql, [id.0.0], |row| {
            let kind = Kind(row.get(0)?);
            Ok(StoredRecord { kind, place: place(row, 1)?, snapshot: self.unpack(blob(row, 4)?)? })
        })
    }

    pub fn records_of(&self, kind: Kind) -> Sql<Vec<RecordId>> {
        let sql = "SELECT name FROM record WHERE kind = ?1 ORDER BY name";
        all(&self.conn, sql, [kind.0], |row| Ok(RecordId(Hash(fixed(row, 0)?))))
    }

    pub fn changes(&self, id: &RecordId) -> Sql<Vec<ChangeFact>> {
        let mut facts = all(&self.conn, CHANGES, [id.0.0], |row| Ok((row.get::<_, i64>(11)?, change_fact(row)?)))?;
        facts.sort_by_key(|(ordinal, _)| *ordinal);
        Ok(facts.into_iter().map(|(_, fact)| fact).collect())
    }

    pub fn change_entry(&self, id: &RecordId, hash: &[u8; 32]) -> Sql<Option<EntryRef>> {
        let sql = "SELECT log.name, change.sequence FROM change JOIN log ON log.id = change.log \
                   WHERE change.record = (SELECT id FROM record WHERE name = ?1) AND change.hash = ?2";
        first(&self.conn, sql, params![id.0.0, hash], |row| {
            Ok(EntryRef { log: Hash(fixed(row, 0)?), sequence: number(row.get(1)?) })
        })
    }

    pub fn action(&self, id: &ActionId) -> Sql<Vec<EntryRef>> {
        let sql = "SELECT log.name, entry.sequence FROM entry JOIN log ON log.id = entry.log WHERE action = ?1 ORDER BY position";
        all(&self.conn, sql, [id.0], |row| Ok(EntryRef { log: Hash(fixed(row, 0)?), sequence: number(row.get(1)?) }))
    }

    pub fn waiting(&self) -> Sql<Vec<(EntryRef, Vec<WaitFor>)>> {
        let sql = "SELECT log.name, entry.sequence, entry.detail FROM entry JOIN log ON log.id = entry.log WHERE verdict <> 0 AND verdict = 1";
        let mut waiting = all(&self.conn, sql, [], |row| {
            let reference = EntryRef { log: Hash(fixed(row, 0)?), sequence: number(row.get(1)?) };
            Ok((reference, decode(blob(row, 2)?)?))
        })?;
        waiting.sort_by_key(|(reference, _)| *reference);
        Ok(waiting)
    }

    pub fn receipts(&self) -> Sql<Vec<(u64, Receipt)>> {
        let mut receipts = all(&self.conn, "SELECT position, receipt FROM receipt", [], |row| {
            Ok((number(row.get(0)?), decode::<Receipt>(blob(row, 1)?)?))
        })?;
        receipts.sort_by_key(|(_, receipt)| (receipt.body.by, receipt.body.place));
        Ok(receipts)
    }

    pub fn receipts_at(&self, place: &Place) -> Sql<Vec<Receipt>> {
        let sql = "SELECT receipt FROM receipt WHERE area = ?1 AND lane = ?2 AND floor = ?3";
        all(&self.conn, sql, place_ints(place), |row| decode(blob(row, 0)?))
    }

    pub fn peer(&self, device: &DeviceKey) -> Sql<Option<PeerState>> {
        first(&self.conn, "SELECT state FROM peer WHERE device = ?1", [device.0], |row| decode(blob(row, 0)?))
    }

    pub fn forks(&self) -> Sql<Vec<ForkProof>> {
        all(&self.conn, "SELECT proof FROM fork ORDER BY log, sequence", [], |row| decode(blob(row, 0)?))
    }

    pub fn refused(&self) -> Sql<Vec<RefusedEntry>> {
        all(&self.conn, "SELECT refused FROM refused ORDER BY id", [], |row| decode(blob(row, 0)?))
    }

    pub fn evidence(&self) -> Sql<Vec<StoredEntry>> {
        all(&self.conn, "SELECT stored FROM evidence ORDER BY id", [], |row| decode(&self.unpack(blob(row, 0)?)?))
    }

    /// Whether the entry that arrived as number `position` has this hash; one that was cut off counts.
    pub fn holds(&self, position: u64, hash: &Hash) -> Sql<bool> {
        let sql = "SELECT 1 FROM entry WHERE position = ?1 AND hash = ?2 \
                   UNION ALL SELECT 1 FROM evidence WHERE position = ?1 AND hash = ?2";
        Ok(self.conn.prepare_cached(sql)?.query_row(params![int(position), hash.0], |_| Ok(())).optional()?.is_some())
    }

    /// Whether a log of this device is held.
    pub fn knows_device(&self, device: &DeviceKey) -> Sql<bool> {
        Ok(first(&self.conn, "SELECT 1 FROM log WHERE device = ?1 LIMIT 1", [device.0], |_| Ok(()))?.is_some())
    }

    /// Arrival number and hash of the last entry of a device in one of its lives.
    pub fn last_own(&self, device: &DeviceKey, incarnation: &Incarnation) -> Sql<Option<(u64, Hash)>> {
        let sql = "SELECT position, hash FROM entry WHERE position = \
                   (SELECT max(last) FROM log WHERE device = ?1 AND incarnation = ?2)";
        first(&self.conn, sql, params![device.0, incarnation.0], |row| Ok((number(row.get(0)?), Hash(fixed(row, 1)?))))
    }
}

const CHANGES: &str = "SELECT change.hash, author.actor, start_op, max_op, log.name, change.sequence, change.lamport, \
    author.tier, author.device, author.staff, claimed_ms, ordinal FROM change JOIN author ON author.id = change.author \
    JOIN log ON log.id = change.log WHERE record = (SELECT id FROM record WHERE name = ?1)";

fn change_fact(row: &Row<'_>) -> Sql<ChangeFact> {
    Ok(ChangeFact {
        hash: fixed(row, 0)?,
        actor: blob(row, 1)?.to_vec(),
        start_op: number(row.get(2)?),
        max_op: number(row.get(3)?),
        entry: EntryRef { log: Hash(fixed(row, 4)?), sequence: number(row.get(5)?) },
        lamport: number(row.get(6)?),
        tier: tier(row.get(7)?)?,
        device: DeviceKey(fixed(row, 8)?),
        staff: row.get(9)?,
        claimed_ms: row.get(10)?,
    })
}
