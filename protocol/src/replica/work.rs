//! Work in progress: entries staged and judged in memory over what the store holds, until one write makes them true.

use super::{Committed, Replica};
use crate::admission::{Effect, KnownRecord, Past, effect};
use crate::area::{AreaId, Tier};
use crate::control::{Control, device, divisions};
use crate::device::Signature;
use crate::entry::{Entry, EntryRef, Header, LogId};
use crate::fence;
use crate::frontier::LogHead;
use crate::hash::Hash;
use crate::record::{CaseId, Kind, Place, RecordId};
use crate::store::{Batch, ChangeFact, ForkProof, RecordUpdate, RefusedEntry, Store, StoreError, StoredEntry, Verdict, WaitFor};
use automerge::Automerge;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Documents that staged records keep in memory; beyond, only their saved form is kept.
const DOCUMENTS: usize = 1_000;

/// Folds one control record into [`Control`]. Whether it was one.
pub(super) fn fold_control(control: &mut Control, kind: Kind, id: &RecordId, doc: &Automerge) -> bool {
    match kind {
        Kind::DIVISIONS => {
            let (areas, offices) = divisions::read(doc);
            control.divisions = areas;
            control.offices = offices;
            control.divisions_record = Some(*id);
            true
        }
        Kind::DEVICE => {
            if let Some((key, mut facts)) = device::read(doc, &control.root) {
                facts.record = Some(*id);
                control.devices.insert(key, facts);
            }
            true
        }
        _ => false,
    }
}

pub(super) struct StagedRecord {
    kind: Kind,
    place: Place,
    volume: Option<(CaseId, Tier)>,
    doc: Option<Arc<Automerge>>,
    snapshot: Vec<u8>,
    changes: Vec<ChangeFact>,
}

pub(super) struct Work<'a, S> {
    replica: &'a Replica<S>,
    pub(super) control: Arc<Control>,
    heads: BTreeMap<LogId, LogHead>,
    names: BTreeMap<Hash, LogId>,
    entries: Vec<StoredEntry>,
    staged_at: BTreeMap<EntryRef, usize>,
    verdicts: BTreeMap<EntryRef, Verdict>,
    waiting: BTreeMap<EntryRef, Option<Vec<WaitFor>>>,
    waiters: BTreeMap<WaitFor, BTreeSet<EntryRef>>,
    records: BTreeMap<RecordId, StagedRecord>,
    // Documents loaded for the staged records beyond `DOCUMENTS`; a cell, because looking is not changing.
    documents: RefCell<usize>,
    position: u64,
    pub(super) refused: Vec<RefusedEntry>,
    pub(super) forks: Vec<ForkProof>,
    pub(super) settled: Vec<EntryRef>,
    pub(super) truncations: Vec<(LogId, u64)>,
    // Areas whose records are as if nothing had arrived yet.
    rebuild: Option<BTreeSet<AreaId>>,
    control_changed: bool,
}

/// A finished [`Work`], ready to be written.
pub(super) struct Staged {
    batch: Batch,
    control: Arc<Control>,
    waiting: BTreeMap<EntryRef, Option<Vec<WaitFor>>>,
    position: u64,
    pub(super) control_changed: bool,
}

impl Staged {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Control as it would be.
    pub(super) fn control(&self) -> &Control {
        &self.control
    }
}

impl<'a, S: Store> Work<'a, S> {
    pub(super) fn new(replica: &'a Replica<S>) -> Work<'a, S> {
        Work {
            replica,
            control: replica.control.clone(),
            heads: BTreeMap::new(),
            names: BTreeMap::new(),
            entries: Vec::new(),
            staged_at: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiters: BTreeMap::new(),
            records: BTreeMap::new(),
            documents: RefCell::new(0),
            position: replica.position,
            refused: Vec::new(),
            forks: Vec::new(),
            settled: Vec::new(),
            truncations: Vec::new(),
            rebuild: None,
            control_changed: false,
        }
    }

    pub(super) fn head(&self, log: &LogId) -> LogHead {
        self.heads.get(log).copied().unwrap_or_else(|| self.replica.frontier.get(log))
    }

    pub(super) fn log_named(&self, name: &Hash) -> Option<LogId> {
        self.names.get(name).copied().or_else(|| self.replica.frontier.log_named(name))
    }

    pub(super) fn set_head(&mut self, log: LogId, head: LogHead) {
        self.names.insert(log.name(), log);
        self.heads.insert(log, head);
    }

    /// From here on the records of these areas, and control when it is among them, are as if nothing had arrived yet.
    pub(super) fn forget(&mut self, areas: BTreeSet<AreaId>, control: bool) {
        if control {
            let mut empty = Control::new(self.control.root);
            empty.pinned = self.control.pinned.clone();
            self.control = Arc::new(empty);
            self.control_changed = true;
        }
        self.rebuild = Some(areas);
    }

    fn is_forgotten(&self, place: &Place) -> bool {
        self.rebuild.as_ref().is_some_and(|areas| areas.contains(&place.area))
    }

    /// Appends an admitted entry and judges it, and then whatever waited for it.
    pub(super) fn append(
        &mut self,
        log: LogId,
        header: Header,
        entry: Entry,
        hash: Hash,
        signature: Option<Signature>,
    ) -> Result<Verdict, StoreError> {
        let previous = self.head(&log);
        self.position += 1;
        let (verdict, effects) =
            effect(&log, &header, &entry, &self.control.clone(), self.replica.safeguards, self, previous.lamport)?;
        let sequence = header.sequence;
        let reference = EntryRef { log: log.name(), sequence };
        self.staged_at.insert(reference, self.entries.len());
        self.entries.push(StoredEntry {
            log,
            sequence,
            entry,
            hash,
            lamport: header.lamport,
            signature,
            position: self.position,
            verdict: verdict.clone(),
        });
        self.set_head(log, LogHead { length: sequence + 1, head: hash, lamport: header.lamport });
        self.wait(reference, &verdict);
        let mut awake = VecDeque::from([WaitFor::Entry(reference)]);
        self.absorb(&log, &header, reference, effects, &mut awake);
        self.wake(awake)?;
        Ok(verdict)
    }

    /// Judges again an entry that is held, and then whatever waited for it.
    pub(super) fn rejudge(&mut self, stored: &StoredEntry) -> Result<(), StoreError> {
        let mut awake = VecDeque::new();
        self.judge_again(stored, &mut awake)?;
        self.wake(awake)
    }

    fn judge_again(&mut self, stored: &StoredEntry, awake: &mut VecDeque<WaitFor>) -> Result<(), StoreError> {
        let Some(header) = Header::from_bytes(&stored.entry.header) else { return Ok(()) };
        let previous = self.lamport_before(stored)?;
        let (verdict, effects) =
            effect(&stored.log, &header, &stored.entry, &self.control.clone(), self.replica.safeguards, self, previous)?;
        let reference = stored.reference();
        if verdict != *self.verdict_of(stored) {
            match self.staged_at.get(&reference).and_then(|at| self.entries.get_mut(*at)) {
                Some(entry) => entry.verdict = verdict.clone(),
                None => {
                    self.verdicts.insert(reference, verdict.clone());
                }
            }
        }
        self.wait(reference, &verdict);
        if !matches!(verdict, Verdict::Waiting(_)) {
            awake.push_back(WaitFor::Entry(reference));
        }
        self.absorb(&stored.log, &header, reference, effects, awake);
        Ok(())
    }

    fn verdict_of<'v>(&'v self, stored: &'v StoredEntry) -> &'v Verdict {
        self.verdicts.get(&stored.reference()).unwrap_or(&stored.verdict)
    }

    fn wait(&mut self, entry: EntryRef, verdict: &Verdict) {
        for key in self.waiting.get(&entry).cloned().flatten().unwrap_or_default() {
            if let Some(waiters) = self.waiters.get_mut(&key) {
                waiters.remove(&entry);
            }
        }
        match verdict {
            Verdict::Waiting(wait) => {
                for key in wait {
                    self.waiters.entry(*key).or_default().insert(entry);
                }
                self.waiting.insert(entry, Some(wait.clone()));
            }
            _ => {
                self.waiting.insert(entry, None);
            }
        }
    }

    fn waiters_of(&self, key: &WaitFor) -> Vec<EntryRef> {
        let stored = self.replica.waiters.get(key).into_iter().flatten().filter(|entry| !self.waiting.contains_key(entry));
        let staged = self.waiters.get(key).into_iter().flatten();
        stored.chain(staged).copied().collect()
    }

    fn wake(&mut self, mut awake: VecDeque<WaitFor>) -> Result<(), StoreError> {
        while let Some(key) = awake.pop_front() {
            for reference in self.waiters_of(&key) {
                let Some(stored) = self.entry(&reference)? else { continue };
                self.judge_again(&stored, &mut awake)?;
            }
        }
        Ok(())
    }

    /// Judges again what waits for entries that never come.
    pub(super) fn wake_beyond_cuts(&mut self) -> Result<(), StoreError> {
        let dead = |key: &&WaitFor| matches!(key, WaitFor::Entry(at) if self.control.is_cut_away(at));
        let awake: VecDeque<WaitFor> = self.replica.waiters.keys().filter(dead).copied().collect();
        self.wake(awake)
    }

    fn lamport_before(&self, stored: &StoredEntry) -> Result<u64, StoreError> {
        match stored.sequence.checked_sub(1) {
            None => Ok(0),
            Some(sequence) => Ok(self.lamport_of(&EntryRef { log: stored.log.name(), sequence })?.unwrap_or(0)),
        }
    }

    fn absorb(&mut self, log: &LogId, header: &Header, entry: EntryRef, effects: Vec<Effect>, awake: &mut VecDeque<WaitFor>) {
        let tier = self.control.certificate(&log.device).map_or(Tier::Village, |body| body.tier);
        for effect in effects {
            let Effect { id, kind, volume, doc, snapshot, change } = effect;
            awake.push_back(WaitFor::Change(change.hash.0));
            awake.push_back(WaitFor::Record(id));
            if fold_control(Arc::make_mut(&mut self.control), kind, &id, &doc) {
                self.control_changed = true;
                awake.push_back(WaitFor::Control);
            }
            let fact = ChangeFact {
                hash: change.hash.0,
                actor: change.actor.to_bytes().to_vec(),
                start_op: change.start_op,
                max_op: change.max_op,
                entry,
                lamport: header.lamport,
                tier,
                device: log.device,
                staff: header.staff.clone(),
                claimed_ms: header.claimed_ms,
            };
            let mut kept = self.documents.borrow_mut();
            let record = self.records.entry(id).or_insert_with(|| StagedRecord {
                kind,
                place: log.place,
                volume: None,
                doc: None,
                snapshot: Vec::new(),
                changes: Vec::new(),
            });
            record.volume = record.volume.or(volume);
            record.changes.push(fact);
            record.snapshot = snapshot;
            if record.doc.is_none() {
                *kept += 1;
            }
            record.doc = (*kept <= DOCUMENTS).then_some(doc);
        }
    }

    pub(super) fn entry(&self, reference: &EntryRef) -> Result<Option<StoredEntry>, StoreError> {
        if let Some(entry) = self.staged_at.get(reference).and_then(|at| self.entries.get(*at)) {
            return Ok(Some(entry.clone()));
        }
        let Some(log) = self.log_named(&reference.log) else { return Ok(None) };
        if reference.sequence >= self.head(&log).length {
            return Ok(None);
        }
        self.replica.store.entry(&log, reference.sequence)
    }

    /// The entries that carried the current heads of a record.
    pub(super) fn head_entries(&self, id: &RecordId) -> Result<Vec<EntryRef>, StoreError> {
        let Some(record) = self.record(id)? else { return Ok(Vec::new()) };
        let staged = self.records.get(id);
        let mut out = Vec::new();
        for head in record.doc.get_heads() {
            let here = staged.and_then(|record| record.changes.iter().find(|fact| fact.hash == head.0)).map(|fact| fact.entry);
            match here {
                Some(entry) => out.push(entry),
                None => out.extend(self.replica.store.change_entry(id, &head)?),
            }
        }
        Ok(out)
    }

    pub(super) fn finish(self, vanished: Vec<RecordId>) -> Staged {
        let rebuilt = self.rebuild.is_some();
        let Work {
            control,
            heads,
            entries,
            verdicts,
            waiting,
            records,
            position,
            refused,
            forks,
            settled,
            truncations,
            control_changed,
            ..
        } = self;
        let updates = records.into_iter().map(|(id, record)| RecordUpdate {
            id,
            kind: record.kind,
            place: record.place,
            volume: record.volume,
            doc: record.doc,
            snapshot: record.snapshot,
            changes: record.changes,
            rebuilt,
        });
        let batch = Batch {
            truncations,
            entries,
            heads: heads.into_iter().collect(),
            verdicts: verdicts.into_iter().collect(),
            vanished,
            records: updates.collect(),
            refused,
            forks,
            settled,
            ..Batch::default()
        };
        Staged { batch, control, waiting, position, control_changed }
    }

    pub(super) fn changed_verdicts(&self) -> impl Iterator<Item = (&EntryRef, &Verdict)> {
        self.verdicts.iter()
    }

    pub(super) fn staged_records(&self) -> impl Iterator<Item = &RecordId> {
        self.records.keys()
    }
}

impl<S: Store> Past for Work<'_, S> {
    fn log_named(&self, name: &Hash) -> Option<LogId> {
        Work::log_named(self, name)
    }

    fn lamport_of(&self, entry: &EntryRef) -> Result<Option<u64>, StoreError> {
        Ok(self.entry(entry)?.map(|stored| stored.lamport))
    }

    fn record(&self, id: &RecordId) -> Result<Option<KnownRecord>, StoreError> {
        if let Some(staged) = self.records.get(id) {
            let doc = match &staged.doc {
                Some(doc) => doc.clone(),
                None => Arc::new(fence::load(&staged.snapshot).map_err(|fault| StoreError::Damaged(fault.to_string()))?),
            };
            return Ok(Some(KnownRecord { kind: staged.kind, place: staged.place, doc }));
        }
        Ok(self.replica.load(id)?.filter(|record| !self.is_forgotten(&record.place)))
    }

    fn waits_before(&self, log: &LogId, sequence: u64, id: &RecordId) -> Result<Option<EntryRef>, StoreError> {
        let name = log.name();
        let range = EntryRef { log: name, sequence: 0 }..EntryRef { log: name, sequence };
        let stored =
            self.replica.waiting.range(range.clone()).map(|(entry, _)| *entry).filter(|entry| !self.waiting.contains_key(entry));
        let staged = self.waiting.range(range).filter(|(_, wait)| wait.is_some()).map(|(entry, _)| *entry);
        let mut earlier: Vec<EntryRef> = stored.chain(staged).collect();
        earlier.sort_unstable();
        for entry in earlier.into_iter().rev() {
            if self.entry(&entry)?.is_some_and(|stored| stored.entry.changes(log, entry.sequence, id)) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn carrier(&self, id: &RecordId, change: &automerge::ChangeHash) -> Result<Option<EntryRef>, StoreError> {
        let staged = self.records.get(id);
        if let Some(fact) = staged.and_then(|record| record.changes.iter().find(|fact| fact.hash == change.0)) {
            return Ok(Some(fact.entry));
        }
        let place = match staged {
            Some(record) => Some(record.place),
            None => self.replica.load(id)?.map(|record| record.place),
        };
        match place.filter(|place| !self.is_forgotten(place)) {
            Some(_) => self.replica.store.change_entry(id, change),
            None => Ok(None),
        }
    }
}

impl<S: Store> Replica<S> {
    /// The one place where anything is written.
    pub(super) fn write(&mut self, staged: Staged) -> Result<Committed, StoreError> {
        let Staged { batch, control, waiting, position, .. } = staged;
        if batch.is_empty() {
            return Ok(Committed { position: self.position });
        }
        if let Err(error) = self.store.write(&batch) {
            self.stale = true;
            return Err(error);
        }
        for (log, head) in batch.heads {
            self.frontier.set(log, head);
        }
        for (entry, wait) in waiting {
            self.index_waiting(entry, wait);
        }
        for fork in batch.forks {
            self.forked.insert(fork.log);
        }
        {
            let mut cache = self.cache.borrow_mut();
            if !batch.vanished.is_empty() {
                cache.clear();
            }
            for update in batch.records {
                if let Some(doc) = update.doc {
                    cache.put(update.id, KnownRecord { kind: update.kind, place: update.place, doc });
                } else {
                    cache.remove(&update.id);
                }
            }
        }
        for (at, receipt) in batch.receipts {
            self.receipts.insert((receipt.body.by, receipt.body.place), (at, receipt));
        }
        self.control = control;
        self.position = self.position.max(position);
        Ok(Committed { position: self.position })
    }

    /// Writes receipts only.
    pub(super) fn write_receipts(&mut self, receipts: Vec<crate::sync::receipt::Receipt>) -> Result<Committed, StoreError> {
        let mut position = self.position;
        let numbered = receipts.into_iter().map(|receipt| {
            position += 1;
            (position, receipt)
        });
        let batch = Batch { receipts: numbered.collect(), ..Batch::default() };
        self.write(Staged { batch, control: self.control.clone(), waiting: BTreeMap::new(), position, control_changed: false })
    }
}
