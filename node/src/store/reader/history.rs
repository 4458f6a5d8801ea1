//! Where things came from and how far they got: the history of a record, receipts, entries that do nothing.

use super::{Page, Reader};
use crate::store::rows::{Sql, all, decode, fixed, int, log_id, number, tier, verdict};
use rusqlite::params;
use serde::Serialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::device::{DeviceKey, OfficeId};
use shouwang_protocol::entry::{EntryRef, Header, LogId};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Place, RecordId};
use shouwang_protocol::store::{ForkProof, PeerState, RefusedEntry, StoreError, Verdict};
use shouwang_protocol::sync::receipt::Receipt;
use std::collections::BTreeMap;

/// The highest office that says it has stored an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Stored {
    /// 已存本机
    Here,
    /// 已到镇
    Township,
    /// 已到市
    City,
}

impl Stored {
    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            Stored::Here => "已存本机",
            Stored::Township => "已到镇",
            Stored::City => "已到市",
        }
    }

    fn at(tier: Tier) -> Stored {
        match tier {
            Tier::Village => Stored::Here,
            Tier::Township => Stored::Township,
            Tier::City => Stored::City,
        }
    }
}

/// One change of a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HistoryItem {
    /// The entry that carried it.
    pub entry: EntryRef,
    /// The hash of the change.
    pub change: [u8; 32],
    /// Lamport number of the entry.
    pub lamport: u64,
    /// When, on the writer's clock: a claim.
    pub claimed_ms: i64,
    /// Staff id.
    pub staff: String,
    /// The device.
    #[serde(serialize_with = "super::registry::display")]
    pub device: DeviceKey,
    /// The tier it was written at.
    pub tier: Tier,
    /// The device's office, where a certificate says so.
    pub office: Option<OfficeId>,
    /// The office's name.
    pub office_name: String,
    /// What the entry means here.
    pub verdict: Verdict,
    /// How far it got.
    pub stored: Stored,
}

/// An entry that has no effect (yet).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdleEntry {
    /// The entry.
    pub entry: EntryRef,
    /// Its log.
    pub log: LogId,
    /// Its action.
    pub action: Option<ActionId>,
    /// Staff id.
    pub staff: String,
    /// When, on the writer's clock.
    pub claimed_ms: i64,
    /// What it waits for, or why it has no effect.
    pub verdict: Verdict,
}

impl Reader {
    fn tier_of(&self, device: &DeviceKey) -> Sql<Option<Tier>> {
        let sql = "SELECT tier FROM device WHERE key = ?1 ORDER BY serial DESC LIMIT 1";
        let recorded = crate::store::rows::first(&self.db.conn, sql, [device.0], |row| tier(row.get(0)?))?;
        Ok(match recorded {
            Some(tier) => Some(tier),
            None => self.context()?.pinned.get(device).map(|body| body.tier),
        })
    }

    fn stored_lengths(&self, place: &Place) -> Sql<BTreeMap<Hash, Vec<(u64, Stored)>>> {
        let mut lengths: BTreeMap<Hash, Vec<(u64, Stored)>> = BTreeMap::new();
        for receipt in self.db.receipts_at(place)? {
            let Some(tier) = self.tier_of(&receipt.body.by)? else { continue };
            for (log, length) in receipt.body.lengths {
                lengths.entry(log).or_default().push((length, Stored::at(tier)));
            }
        }
        Ok(lengths)
    }

    /// For each entry, the highest office whose receipt says that it has stored it. (On an office's own machine the
    /// entry is of course stored at that office, too.)
    pub fn stored(&self, entries: &[EntryRef]) -> Result<Vec<Stored>, StoreError> {
        let mut places: BTreeMap<Place, BTreeMap<Hash, Vec<(u64, Stored)>>> = BTreeMap::new();
        let mut logs: BTreeMap<Hash, Option<Place>> = BTreeMap::new();
        let mut out = Vec::with_capacity(entries.len());
        for entry in entries {
            let place = match logs.get(&entry.log) {
                Some(place) => *place,
                None => {
                    let place = self.db.log_named(&entry.log)?.map(|log| log.place);
                    logs.insert(entry.log, place);
                    place
                }
            };
            let Some(place) = place else {
                out.push(Stored::Here);
                continue;
            };
            if let std::collections::btree_map::Entry::Vacant(vacant) = places.entry(place) {
                vacant.insert(self.stored_lengths(&place)?);
            }
            let lengths = places.get(&place).and_then(|logs| logs.get(&entry.log)).into_iter().flatten();
            let reached = lengths.filter(|(length, _)| *length > entry.sequence).map(|(_, stored)| *stored);
            out.push(reached.max().unwrap_or(Stored::Here));
        }
        Ok(out)
    }

    /// The changes of a record in the common order: who, when (claimed), which office and device, how far it got.
    pub fn history(&self, id: &RecordId) -> Result<Vec<HistoryItem>, StoreError> {
        let sql = "SELECT change.hash, log.name, change.sequence, change.lamport, claimed_ms, author.staff, author.device, author.tier, \
                   entry.verdict, entry.detail FROM change JOIN author ON author.id = change.author JOIN log ON log.id = change.log \
                   LEFT JOIN entry ON entry.log = change.log AND entry.sequence = change.sequence \
                   WHERE change.record = (SELECT id FROM record WHERE name = ?1) ORDER BY change.lamport, author.tier, author.device, ordinal";
        let context = self.context()?;
        let mut offices: BTreeMap<DeviceKey, (Option<OfficeId>, String)> = BTreeMap::new();
        let mut items = all(&self.db.conn, sql, [id.0.0], |row| {
            Ok(HistoryItem {
                entry: EntryRef { log: Hash(fixed(row, 1)?), sequence: number(row.get(2)?) },
                change: fixed(row, 0)?,
                lamport: number(row.get(3)?),
                claimed_ms: row.get(4)?,
                staff: row.get(5)?,
                device: DeviceKey(fixed(row, 6)?),
                tier: tier(row.get(7)?)?,
                office: None,
                office_name: String::new(),
                verdict: if row.get::<_, Option<i64>>(8)?.is_some() { verdict(row, 8)? } else { Verdict::Applied },
                stored: Stored::Here,
            })
        })?;
        let entries: Vec<EntryRef> = items.iter().map(|item| item.entry).collect();
        for (item, stored) in items.iter_mut().zip(self.stored(&entries)?) {
            item.stored = stored;
            let (office, name) = match offices.get(&item.device) {
                Some(known) => known.clone(),
                None => {
                    let office = context.office_of(&self.db, &item.device)?;
                    let name = office.map(|office| self.office_name(office)).transpose()?.flatten().unwrap_or_default();
                    offices.insert(item.device, (office, name.clone()));
                    (office, name)
                }
            };
            (item.office, item.office_name) = (office, name);
        }
        Ok(items)
    }

    fn idle(&self, verdicts: (i64, i64), page: Page) -> Sql<Vec<IdleEntry>> {
        let sql = "SELECT log.area, log.lane, log.floor, log.device, log.incarnation, sequence, verdict, detail, header FROM entry \
                   JOIN log ON log.id = entry.log WHERE verdict <> 0 AND verdict BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT ?3 OFFSET ?4";
        let limit = page.limit.min(super::PAGE_ROWS_MAX);
        all(&self.db.conn, sql, params![verdicts.0, verdicts.1, limit, int(page.offset)], |row| {
            let log = log_id(row, 0)?;
            let header = Header::from_bytes(crate::store::rows::blob(row, 8)?);
            let (action, staff, claimed_ms) = match header {
                Some(header) => (Some(header.action), header.staff, header.claimed_ms),
                None => (None, String::new(), 0),
            };
            let entry = EntryRef { log: log.name(), sequence: number(row.get(5)?) };
            Ok(IdleEntry { entry, log, action, staff, claimed_ms, verdict: verdict(row, 6)? })
        })
    }

    /// Entries that wait for something, the latest first.
    pub fn waiting(&self, page: Page) -> Result<Vec<IdleEntry>, StoreError> {
        Ok(self.idle((1, 1), page)?)
    }

    /// Entries without effect, the latest first.
    pub fn without_effect(&self, page: Page) -> Result<Vec<IdleEntry>, StoreError> {
        Ok(self.idle((2, 2), page)?)
    }

    /// What became of an action: its entries with their verdicts.
    pub fn action(&self, id: &ActionId) -> Result<Vec<(EntryRef, Verdict)>, StoreError> {
        let entries = self.db.action(id)?;
        let sql = "SELECT verdict, detail FROM entry WHERE log = (SELECT id FROM log WHERE name = ?1) AND sequence = ?2";
        let mut out = Vec::with_capacity(entries.len());
        for entry in entries {
            let found =
                crate::store::rows::first(&self.db.conn, sql, params![entry.log.0, int(entry.sequence)], |row| verdict(row, 0))?;
            out.extend(found.map(|verdict| (entry, verdict)));
        }
        Ok(out)
    }

    /// Refused entries, oldest first.
    pub fn refused(&self) -> Result<Vec<RefusedEntry>, StoreError> {
        Ok(self.db.refused()?)
    }

    /// Forks found and not decided.
    pub fn forks(&self) -> Result<Vec<ForkProof>, StoreError> {
        Ok(self.db.forks()?)
    }

    /// The latest receipts, with their arrival numbers.
    pub fn receipts(&self) -> Result<Vec<(u64, Receipt)>, StoreError> {
        Ok(self.db.receipts()?)
    }

    /// What is known of peers.
    pub fn peers(&self) -> Result<Vec<PeerState>, StoreError> {
        let sql = "SELECT state FROM peer ORDER BY device";
        Ok(all(&self.db.conn, sql, [], |row| decode(crate::store::rows::blob(row, 0)?))?)
    }
}
