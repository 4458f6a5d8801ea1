//! A disk that fails: a store in memory around which a run can lose power, run full or lie.
//!
//! A power cut hits just before or just after a write: the caller sees an error either way and the node is gone. A
//! failing write leaves the same doubt, but the node goes on. An unsynced disk says "written" and forgets at the next
//! power cut; no such disk is allowed, it is there to show that the checks would notice.

use automerge::ChangeHash;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::entry::{EntryRef, LogId};
use shouwang_protocol::frontier::LogHead;
use shouwang_protocol::record::{ActionId, Kind, Place, RecordId};
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_protocol::store::{Batch, ChangeFact, ForkProof, PeerState, Store, StoreError, StoredEntry, StoredRecord, WaitFor};
use shouwang_protocol::sync::receipt::Receipt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a write runs into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mishap {
    /// Power is lost; whether the write is on the disk.
    PowerCut(bool),
    /// The write fails and the node goes on; whether the write is on the disk all the same.
    Error(bool),
}

/// The switches of one disk.
#[derive(Default, Debug)]
pub struct Switches {
    /// After so many writes (0: the next), this happens, once.
    pub armed: Option<(u32, Mishap)>,
    /// No room.
    pub full: bool,
    /// Power was lost during a write.
    pub dead: bool,
    /// Writes done.
    pub writes: u64,
    /// Writes refused because there was no room.
    pub refused_full: u64,
    /// Logs cut.
    pub cuts: u64,
    /// Before the next write, everything written so far really goes to the disk.
    pub flush: bool,
}

/// A faulty store.
pub struct SimStore {
    inner: MemoryStore,
    // What survives a power cut, when writes are acknowledged without being on the disk.
    synced: Option<Box<MemoryStore>>,
    records: BTreeMap<Place, BTreeSet<RecordId>>,
    switches: Rc<RefCell<Switches>>,
}

impl SimStore {
    /// A disk with this content.
    pub fn new(inner: MemoryStore, switches: Rc<RefCell<Switches>>, unsynced: bool) -> SimStore {
        let mut records: BTreeMap<Place, BTreeSet<RecordId>> = BTreeMap::new();
        for (id, record) in inner.records() {
            records.entry(record.place).or_default().insert(*id);
        }
        let synced = unsynced.then(|| Box::new(inner.clone()));
        SimStore { inner, synced, records, switches }
    }

    /// What is on the disk, as a reader sees it.
    pub fn content(&self) -> &MemoryStore {
        &self.inner
    }

    /// What is left after power was lost.
    pub fn after_power_cut(self) -> MemoryStore {
        match self.synced {
            Some(synced) => *synced,
            None => self.inner,
        }
    }

    /// The records of a place.
    pub fn records_at(&self, place: &Place) -> impl Iterator<Item = RecordId> + '_ {
        self.records.get(place).into_iter().flatten().copied()
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.write(batch)?;
        for id in &batch.vanished {
            self.records.values_mut().for_each(|ids| {
                ids.remove(id);
            });
        }
        for update in &batch.records {
            self.records.entry(update.place).or_default().insert(update.id);
        }
        let mut switches = self.switches.borrow_mut();
        switches.writes += 1;
        switches.cuts += batch.truncations.len() as u64;
        Ok(())
    }
}

impl Store for SimStore {
    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    fn heads(&self) -> Result<Vec<(LogId, LogHead)>, StoreError> {
        self.inner.heads()
    }

    fn position(&self) -> Result<u64, StoreError> {
        self.inner.position()
    }

    fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner.entries(log, from, bytes)
    }

    fn entry(&self, log: &LogId, sequence: u64) -> Result<Option<StoredEntry>, StoreError> {
        self.inner.entry(log, sequence)
    }

    fn gained_since(&self, position: u64, limit: usize) -> Result<Option<Vec<(LogId, u64)>>, StoreError> {
        self.inner.gained_since(position, limit)
    }

    fn record(&self, id: &RecordId) -> Result<Option<StoredRecord>, StoreError> {
        self.inner.record(id)
    }

    fn records_of(&self, kind: Kind) -> Result<Vec<RecordId>, StoreError> {
        self.inner.records_of(kind)
    }

    fn changes(&self, id: &RecordId) -> Result<Vec<ChangeFact>, StoreError> {
        self.inner.changes(id)
    }

    fn change_entry(&self, id: &RecordId, hash: &ChangeHash) -> Result<Option<EntryRef>, StoreError> {
        self.inner.change_entry(id, hash)
    }

    fn action(&self, id: &ActionId) -> Result<Vec<EntryRef>, StoreError> {
        self.inner.action(id)
    }

    fn waiting(&self) -> Result<Vec<(EntryRef, Vec<WaitFor>)>, StoreError> {
        self.inner.waiting()
    }

    fn receipts(&self) -> Result<Vec<(u64, Receipt)>, StoreError> {
        self.inner.receipts()
    }

    fn peer(&self, device: &DeviceKey) -> Result<Option<PeerState>, StoreError> {
        self.inner.peer(device)
    }

    fn forks(&self) -> Result<Vec<ForkProof>, StoreError> {
        self.inner.forks()
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mishap = {
            let mut switches = self.switches.borrow_mut();
            if std::mem::take(&mut switches.flush)
                && let Some(synced) = &mut self.synced
            {
                **synced = self.inner.clone();
            }
            if switches.dead {
                return Err(StoreError::Failed("no power".into()));
            }
            if switches.full {
                switches.refused_full += 1;
                return Err(StoreError::Full);
            }
            match switches.armed {
                Some((0, mishap)) => {
                    switches.armed = None;
                    Some(mishap)
                }
                Some((left, mishap)) => {
                    switches.armed = Some((left - 1, mishap));
                    None
                }
                None => None,
            }
        };
        match mishap {
            None => self.apply(batch),
            Some(mishap) => {
                let (written, dead) = match mishap {
                    Mishap::PowerCut(written) => (written, true),
                    Mishap::Error(written) => (written, false),
                };
                if written {
                    self.apply(batch)?;
                }
                self.switches.borrow_mut().dead = dead;
                Err(StoreError::Failed("the outcome is unknown".into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::{City, first_life};
    use crate::people::place;
    use shouwang_protocol::engine::Engine;
    use shouwang_protocol::record::{Lane, RecordRef};
    use shouwang_protocol::records::staff::{self, Role, Staff};
    use shouwang_protocol::replica::{Action, CommitError, Draft, Replica};
    use shouwang_protocol::sync::session::Now;

    fn hire(city: &City) -> Action {
        let person = Staff::new("a", "甲", city.offices[0].id, [Role::Intake]);
        let place = place(city.root(), Lane::Control);
        let drafts = vec![Draft { place, record: RecordRef::New(Kind::STAFF), edit: staff::create(&person) }];
        Action { id: ActionId([5; 16]), staff: "s1".into(), claimed_ms: 0, shown: Vec::new(), drafts }
    }

    #[test]
    fn what_a_failed_write_left_on_the_disk_is_known_at_the_next_tick_and_not_done_twice() {
        let city = City::small();
        for written in [true, false] {
            let switches: Rc<RefCell<Switches>> = Rc::default();
            let disk = SimStore::new(city.disk(0, 7, false), switches.clone(), false);
            let replica = Replica::open(disk, city.identity(0, first_life(0))).expect("opens");
            let mut engine = Engine::new(replica);
            let before = engine.replica().control_digest();
            switches.borrow_mut().armed = Some((0, Mishap::Error(written)));
            assert!(matches!(engine.commit(vec![hire(city)], Now::default()), Err(CommitError::Store(_))));
            assert_eq!(engine.replica().control_digest(), before);
            engine.tick(Now::default()).expect("ticks");
            assert_eq!(engine.replica().control_digest() != before, written);
            let (_, done) = engine.commit(vec![hire(city)], Now::default()).expect("commits");
            assert_eq!(done[0].again, written);
        }
    }
}
