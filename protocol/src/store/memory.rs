//! A store in memory, for tests and the simulator.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// Keeps everything in ordered maps. Cloning it is taking a backup.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    epoch: u64,
    position: u64,
    heads: BTreeMap<LogId, LogHead>,
    entries: BTreeMap<(LogId, u64), StoredEntry>,
    positions: BTreeMap<u64, (LogId, u64)>,
    names: BTreeMap<Hash, LogId>,
    evidence: Vec<StoredEntry>,
    records: BTreeMap<RecordId, StoredRecord>,
    kinds: BTreeSet<(Kind, RecordId)>,
    changes: BTreeMap<RecordId, Vec<ChangeFact>>,
    actions: BTreeMap<ActionId, Vec<EntryRef>>,
    waiting: BTreeMap<EntryRef, Vec<WaitFor>>,
    receipts: BTreeMap<(DeviceKey, Place), (u64, Receipt)>,
    peers: BTreeMap<DeviceKey, PeerState>,
    forks: BTreeMap<EntryRef, ForkProof>,
    refused: Vec<RefusedEntry>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(epoch: u64) -> MemoryStore {
        MemoryStore { epoch, ..MemoryStore::default() }
    }

    /// The same content under a new epoch, as after a restore.
    pub fn restored(&self, epoch: u64) -> MemoryStore {
        MemoryStore { epoch, peers: BTreeMap::new(), ..self.clone() }
    }

    /// Entries that were cut off, kept as evidence.
    pub fn evidence(&self) -> &[StoredEntry] {
        &self.evidence
    }

    /// Refused entries.
    pub fn refused(&self) -> &[RefusedEntry] {
        &self.refused
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = (&RecordId, &StoredRecord)> {
        self.records.iter()
    }

    /// All entries, by log.
    pub fn all_entries(&self) -> impl Iterator<Item = &StoredEntry> {
        self.entries.values()
    }

    fn forget_actions(&mut self, entry: &StoredEntry) {
        let reference = entry.reference();
        if let Some(header) = crate::entry::Header::from_bytes(&entry.entry.header)
            && let Some(entries) = self.actions.get_mut(&header.action)
        {
            entries.retain(|other| *other != reference);
        }
        self.waiting.remove(&reference);
    }
}

impl Store for MemoryStore {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn heads(&self) -> Result<Vec<(LogId, LogHead)>, StoreError> {
        Ok(self.heads.iter().map(|(log, head)| (*log, *head)).collect())
    }

    fn position(&self) -> Result<u64, StoreError> {
        Ok(self.position)
    }

    fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let mut size = 0;
        let mut out = Vec::new();
        for entry in self.entries.range((*log, from)..=(*log, u64::MAX)).map(|(_, entry)| entry) {
            size += entry.entry.size();
            if size > bytes && !out.is_empty() {
                break;
            }
            out.push(entry.clone());
        }
        Ok(out)
    }

    fn entry(&self, log: &LogId, sequence: u64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.entries.get(&(*log, sequence)).cloned())
    }

    fn gained_since(&self, position: u64, limit: usize) -> Result<Option<Vec<(LogId, u64)>>, StoreError> {
        let mut logs: BTreeMap<LogId, u64> = BTreeMap::new();
        for (log, sequence) in self.positions.range(position + 1..).map(|(_, at)| at) {
            let first = logs.entry(*log).or_insert(*sequence);
            *first = (*first).min(*sequence);
            if logs.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(logs.into_iter().collect()))
    }

    fn record(&self, id: &RecordId) -> Result<Option<StoredRecord>, StoreError> {
        Ok(self.records.get(id).cloned())
    }

    fn records_of(&self, kind: Kind) -> Result<Vec<RecordId>, StoreError> {
        let first = RecordId(Hash([0; 32]));
        let last = RecordId(Hash([255; 32]));
        Ok(self.kinds.range((kind, first)..=(kind, last)).map(|(_, id)| *id).collect())
    }

    fn changes(&self, id: &RecordId) -> Result<Vec<ChangeFact>, StoreError> {
        Ok(self.changes.get(id).cloned().unwrap_or_default())
    }

    fn change_entry(&self, id: &RecordId, hash: &ChangeHash) -> Result<Option<EntryRef>, StoreError> {
        let facts = self.changes.get(id).into_iter().flatten();
        Ok(facts.into_iter().find(|fact| fact.hash == hash.0).map(|fact| fact.entry))
    }

    fn action(&self, id: &ActionId) -> Result<Vec<EntryRef>, StoreError> {
        Ok(self.actions.get(id).cloned().unwrap_or_default())
    }

    fn waiting(&self) -> Result<Vec<(EntryRef, Vec<WaitFor>)>, StoreError> {
        Ok(self.waiting.iter().map(|(entry, wait)| (*entry, wait.clone())).collect())
    }

    fn receipts(&self) -> Result<Vec<(u64, Receipt)>, StoreError> {
        Ok(self.receipts.values().cloned().collect())
    }

    fn peer(&self, device: &DeviceKey) -> Result<Option<PeerState>, StoreError> {
        Ok(self.peers.get(device).cloned())
    }

    fn forks(&self) -> Result<Vec<ForkProof>, StoreError> {
        Ok(self.forks.values().cloned().collect())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for (log, length) in &batch.truncations {
            let cut: Vec<StoredEntry> =
                self.entries.range((*log, *length)..=(*log, u64::MAX)).map(|(_, entry)| entry.clone()).collect();
            for entry in cut {
                self.entries.remove(&(*log, entry.sequence));
                self.positions.remove(&entry.position);
                self.forget_actions(&entry);
                self.evidence.push(entry);
            }
        }
        for entry in &batch.entries {
            let reference = entry.reference();
            self.names.insert(reference.log, entry.log);
            self.position = self.position.max(entry.position);
            self.positions.insert(entry.position, (entry.log, entry.sequence));
            if let Some(header) = crate::entry::Header::from_bytes(&entry.entry.header) {
                self.actions.entry(header.action).or_default().push(reference);
            }
            if let Verdict::Waiting(wait) = &entry.verdict {
                self.waiting.insert(reference, wait.clone());
            }
            self.entries.insert((entry.log, entry.sequence), entry.clone());
        }
        for (log, head) in &batch.heads {
            self.heads.insert(*log, *head);
        }
        for (reference, verdict) in &batch.verdicts {
            let Some(log) = self.names.get(&reference.log).copied() else { continue };
            if let Some(entry) = self.entries.get_mut(&(log, reference.sequence)) {
                entry.verdict = verdict.clone();
            }
            match verdict {
                Verdict::Waiting(wait) => self.waiting.insert(*reference, wait.clone()),
                _ => self.waiting.remove(reference),
            };
        }
        for id in &batch.vanished {
            if let Some(record) = self.records.remove(id) {
                self.kinds.remove(&(record.kind, *id));
            }
            self.changes.remove(id);
        }
        for update in &batch.records {
            let stored = StoredRecord { kind: update.kind, place: update.place, snapshot: update.snapshot.clone() };
            self.records.insert(update.id, stored);
            self.kinds.insert((update.kind, update.id));
            let changes = self.changes.entry(update.id).or_default();
            if update.rebuilt {
                changes.clear();
            }
            changes.extend(update.changes.iter().cloned());
        }
        for (position, receipt) in &batch.receipts {
            self.position = self.position.max(*position);
            self.receipts.insert((receipt.body.by, receipt.body.place), (*position, receipt.clone()));
        }
        for peer in &batch.peers {
            self.peers.insert(peer.device, peer.clone());
        }
        for fork in &batch.forks {
            self.forks.insert(fork.at, fork.clone());
        }
        for at in &batch.settled {
            self.forks.remove(at);
        }
        self.refused.extend(batch.refused.iter().cloned());
        let surplus = self.refused.len().saturating_sub(crate::limits::REFUSED_KEPT_MAX);
        self.refused.drain(..surplus);
        Ok(())
    }
}
