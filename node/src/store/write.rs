//! One batch into rows. Everything here runs inside the one transaction of `SqliteStore::write`.

use super::db::Db;
use super::fault::Fault;
use super::rows::{Sql, encode, first, int, log_number, meta_number, place_ints, verdict_columns};
use rusqlite::params;
use shouwang_protocol::entry::{EntryRef, Header, LogId};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::store::{Batch, ChangeFact, RecordUpdate, StoredEntry};
use std::collections::BTreeMap;

/// Numbers of logs and authors met in this transaction.
pub(super) struct Writer<'a> {
    db: &'a Db,
    logs: BTreeMap<Hash, i64>,
    authors: BTreeMap<(Vec<u8>, [u8; 32], u8, String), i64>,
}

impl<'a> Writer<'a> {
    pub fn new(db: &'a Db) -> Writer<'a> {
        Writer { db, logs: BTreeMap::new(), authors: BTreeMap::new() }
    }

    /// Writes everything but the views.
    pub fn batch(&mut self, batch: &Batch) -> Sql<()> {
        for (log, length) in &batch.truncations {
            self.truncate(log, *length)?;
        }
        let mut position = 0;
        for entry in &batch.entries {
            self.entry(entry)?;
            position = position.max(entry.position);
        }
        for (log, head) in &batch.heads {
            let id = self.log(log)?;
            let sql = "UPDATE log SET length = ?2, head = ?3, lamport = ?4 WHERE id = ?1";
            self.execute(sql, params![id, int(head.length), head.head.0, int(head.lamport)])?;
        }
        for (reference, verdict) in &batch.verdicts {
            let (word, detail) = verdict_columns(verdict)?;
            if let Some(log) = self.known_log(&reference.log)? {
                let sql = "UPDATE entry SET verdict = ?3, detail = ?4 WHERE log = ?1 AND sequence = ?2";
                self.execute(sql, params![log, int(reference.sequence), word, detail])?;
            }
        }
        for id in &batch.vanished {
            self.execute("DELETE FROM record WHERE name = ?1", [id.0.0])?;
        }
        for update in &batch.records {
            self.record(update)?;
        }
        for (at, receipt) in &batch.receipts {
            position = position.max(*at);
            let [area, lane, floor] = place_ints(&receipt.body.place);
            let sql =
                "INSERT OR REPLACE INTO receipt (device, area, lane, floor, position, receipt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.execute(sql, params![receipt.body.by.0, area, lane, floor, int(*at), encode(receipt)?])?;
        }
        for peer in &batch.peers {
            self.execute("INSERT OR REPLACE INTO peer (device, state) VALUES (?1, ?2)", params![peer.device.0, encode(peer)?])?;
        }
        for fork in &batch.forks {
            let sql = "INSERT OR REPLACE INTO fork (log, sequence, proof) VALUES (?1, ?2, ?3)";
            self.execute(sql, params![fork.at.log.0, int(fork.at.sequence), encode(fork)?])?;
        }
        for at in &batch.settled {
            self.execute("DELETE FROM fork WHERE log = ?1 AND sequence = ?2", params![at.log.0, int(at.sequence)])?;
        }
        self.refused(batch)?;
        if position > 0 {
            let bytes = position.to_le_bytes();
            let old = meta_number(&self.db.conn, "position")?.unwrap_or(0);
            if position > old {
                self.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('position', ?1)", [bytes])?;
            }
        }
        Ok(())
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Sql<usize> {
        Ok(self.db.conn.prepare_cached(sql)?.execute(params)?)
    }

    fn known_log(&mut self, name: &Hash) -> Sql<Option<i64>> {
        if let Some(id) = self.logs.get(name) {
            return Ok(Some(*id));
        }
        let id = log_number(&self.db.conn, name)?;
        if let Some(id) = id {
            self.logs.insert(*name, id);
        }
        Ok(id)
    }

    fn log(&mut self, log: &LogId) -> Sql<i64> {
        let name = log.name();
        if let Some(id) = self.known_log(&name)? {
            return Ok(id);
        }
        let [area, lane, floor] = place_ints(&log.place);
        let sql = "INSERT INTO log (name, area, lane, floor, device, incarnation) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(sql, params![name.0, area, lane, floor, log.device.0, log.incarnation.0])?;
        let id = self.db.conn.last_insert_rowid();
        self.logs.insert(name, id);
        Ok(id)
    }

    fn truncate(&mut self, log: &LogId, length: u64) -> Sql<()> {
        let Some(id) = self.known_log(&log.name())? else { return Ok(()) };
        loop {
            let cut = self.db.entries(log, length, 1024 * 1024)?;
            for entry in &cut {
                let sql = "INSERT INTO evidence (log, sequence, position, hash, stored) VALUES (?1, ?2, ?3, ?4, ?5)";
                let stored = self.db.pack(&encode(entry)?)?;
                self.execute(sql, params![id, int(entry.sequence), int(entry.position), entry.hash.0, stored])?;
                self.execute("DELETE FROM entry WHERE position = ?1", [int(entry.position)])?;
            }
            if cut.is_empty() {
                break;
            }
        }
        let sql = "UPDATE log SET last = coalesce((SELECT position FROM entry WHERE log = ?1 ORDER BY sequence DESC LIMIT 1), 0) WHERE id = ?1";
        self.execute(sql, [id])?;
        Ok(())
    }

    fn entry(&mut self, entry: &StoredEntry) -> Sql<()> {
        let log = self.log(&entry.log)?;
        let (verdict, detail) = verdict_columns(&entry.verdict)?;
        let action = Header::from_bytes(&entry.entry.header).map(|header| header.action.0);
        let pairs = self.db.pack(&encode(&entry.entry.pairs)?)?;
        let sql = "INSERT INTO entry (position, log, sequence, lamport, verdict, detail, action, hash, signature, header, pairs) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.execute(
            sql,
            params![
                int(entry.position),
                log,
                int(entry.sequence),
                int(entry.lamport),
                verdict,
                detail,
                action,
                entry.hash.0,
                entry.signature.map(|signature| signature.0),
                entry.entry.header,
                pairs
            ],
        )?;
        self.execute("UPDATE log SET last = max(last, ?2) WHERE id = ?1", params![log, int(entry.position)])?;
        Ok(())
    }

    fn record(&mut self, update: &RecordUpdate) -> Sql<()> {
        let conn = &self.db.conn;
        let [area, lane, floor] = place_ints(&update.place);
        let case_id = update.volume.map(|(case, _)| case.0);
        let tier = update.volume.map(|(_, tier)| i64::from(tier.number()));
        let snapshot = self.db.pack(&update.snapshot)?;
        let sql = "INSERT INTO record (name, kind, area, lane, floor, case_id, tier, changes, snapshot) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8) ON CONFLICT (name) DO UPDATE SET kind = ?2, area = ?3, lane = ?4, \
                   floor = ?5, case_id = coalesce(?6, case_id), tier = coalesce(?7, tier), snapshot = ?8 RETURNING id, changes";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let written = first(conn, sql, params![update.id.0.0, update.kind.0, area, lane, floor, case_id, tier, snapshot], read)?;
        let (id, mut ordinal) = written.ok_or(Fault::Damaged("a record cannot be written"))?;
        if update.rebuilt {
            self.execute("DELETE FROM change WHERE record = ?1", [id])?;
            ordinal = 0;
        }
        for fact in &update.changes {
            self.change(id, ordinal, fact)?;
            ordinal += 1;
        }
        self.execute("UPDATE record SET changes = ?2 WHERE id = ?1", params![id, ordinal])?;
        Ok(())
    }

    fn change(&mut self, record: i64, ordinal: i64, fact: &ChangeFact) -> Sql<()> {
        let author = self.author(fact)?;
        let log = self.known_log(&fact.entry.log)?.ok_or(Fault::Damaged("a change names a log that is not held"))?;
        let sql = "INSERT INTO change (record, hash, ordinal, author, start_op, max_op, log, sequence, lamport, claimed_ms) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let EntryRef { sequence, .. } = fact.entry;
        self.execute(
            sql,
            params![
                record,
                fact.hash,
                ordinal,
                author,
                int(fact.start_op),
                int(fact.max_op),
                log,
                int(sequence),
                int(fact.lamport),
                fact.claimed_ms
            ],
        )?;
        Ok(())
    }

    fn author(&mut self, fact: &ChangeFact) -> Sql<i64> {
        let key = (fact.actor.clone(), fact.device.0, fact.tier.number(), fact.staff.clone());
        if let Some(id) = self.authors.get(&key) {
            return Ok(*id);
        }
        let columns = params![key.0, key.1, key.2, key.3];
        let sql = "SELECT id FROM author WHERE actor = ?1 AND device = ?2 AND tier = ?3 AND staff = ?4";
        let id = match first(&self.db.conn, sql, columns, |row| Ok(row.get(0)?))? {
            Some(id) => id,
            None => {
                self.execute("INSERT INTO author (actor, device, tier, staff) VALUES (?1, ?2, ?3, ?4)", columns)?;
                self.db.conn.last_insert_rowid()
            }
        };
        self.authors.insert(key, id);
        Ok(id)
    }

    fn refused(&self, batch: &Batch) -> Sql<()> {
        if batch.refused.is_empty() {
            return Ok(());
        }
        for refused in &batch.refused {
            self.execute("INSERT INTO refused (refused) VALUES (?1)", [encode(refused)?])?;
        }
        let kept = i64::try_from(shouwang_protocol::limits::REFUSED_KEPT_MAX).unwrap_or(i64::MAX);
        self.execute("DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?1", [kept])?;
        Ok(())
    }
}
