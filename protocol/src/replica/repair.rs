//! Cutting logs that control closed or whose fork it decided, and rebuilding what they touched.
//!
//! A cut is rare and its effects reach far: entries of the same area, or of areas below, may name what was cut. So all
//! records of the area and below are built again from their entries, in one write. The same code, without the write, is
//! `verify`.

use super::work::Work;
use super::{Committed, Replica};
use crate::admission::Past;
use crate::area::{Area, AreaId, Divisions};
use crate::authority::{self, Denied};
use crate::control::{Control, Office};
use crate::device::DeviceKey;
use crate::entry::{EntryRef, Header, LogId, verify_head};
use crate::frontier::LogHead;
use crate::hash::Hash;
use crate::record::RecordId;
use crate::store::{Store, StoreError, StoredEntry, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of entries read at a time while a log is walked.
const STRIDE_BYTES: usize = 1024 * 1024;
/// Rounds after which cuts that bring forth new cuts are left for the next start.
const ROUNDS: usize = 8;

/// Something that `verify` found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// A link of a chain does not fit.
    Chain(EntryRef),
    /// The head or length of a log is not what its entries make.
    Head(LogId),
    /// A stored signature does not fit.
    Signature(EntryRef),
    /// The device had no right to write the log.
    Scope(LogId),
    /// An entry means something else than is stored.
    Verdict(EntryRef, Verdict, Verdict),
    /// A record's document is not what its entries make.
    Record(RecordId),
}

impl<S: Store> Replica<S> {
    /// Does what control asks for: cuts closed and forked logs, and lets nothing wait for what was cut. Nothing when there
    /// is nothing to do.
    pub fn settle_control(&mut self) -> Result<Option<Committed>, StoreError> {
        let mut committed = None;
        for _ in 0..ROUNDS {
            let (cuts, settled) = self.cuts()?;
            if !cuts.is_empty() || !settled.is_empty() {
                committed = Some(self.cut(cuts, settled)?);
                continue;
            }
            let mut work = Work::new(self);
            work.wake_beyond_cuts()?;
            let staged = work.finish(Vec::new());
            if staged.is_empty() {
                break;
            }
            committed = Some(self.write(staged)?);
        }
        Ok(committed)
    }

    fn cuts(&self) -> Result<(BTreeMap<LogId, u64>, Vec<EntryRef>), StoreError> {
        let mut cuts: BTreeMap<LogId, u64> = BTreeMap::new();
        let mut settled = Vec::new();
        let mut cut = |log: LogId, length: u64| {
            let shortest = cuts.entry(log).or_insert(length);
            *shortest = (*shortest).min(length);
        };
        for (device, facts) in &self.control.devices {
            if facts.closings.is_empty() && facts.choices.is_empty() && !facts.revoked {
                continue;
            }
            for (log, head) in self.frontier.logs().filter(|(log, _)| log.device == *device) {
                if let Some(length) = self.control.closed_at(device, &log.name()).filter(|length| head.length > *length) {
                    cut(*log, length);
                }
            }
            for (at, choice) in &facts.choices {
                let Some(log) = self.frontier.log_named(&at.log) else { continue };
                if let Some(stored) = self.store.entry(&log, at.sequence)?
                    && stored.hash != *choice
                {
                    cut(log, at.sequence);
                }
            }
        }
        // An office that lost an area has nothing there but what was closed at a stated length.
        for (log, _) in self.frontier.logs().filter(|(_, head)| head.length > 0) {
            if authority::may_log(&self.control, log) == Err(Denied::NotCovered) {
                cuts.insert(*log, 0);
            }
        }
        // A fork is settled when it was decided, or when its place is cut away.
        for fork in self.store.forks()? {
            let length = cuts.get(&fork.log).copied().unwrap_or(self.frontier.get(&fork.log).length);
            if length <= fork.at.sequence || self.control.choice(&fork.log.device, &fork.at).is_some() {
                settled.push(fork.at);
            }
        }
        Ok((cuts, settled))
    }

    /// A device that would have nothing left of some log that is held here, were control like this.
    pub(super) fn orphaned(&self, control: &Control) -> Option<DeviceKey> {
        self.losing(control).next().map(|log| log.device)
    }

    fn losing<'a>(&'a self, control: &'a Control) -> impl Iterator<Item = &'a LogId> {
        let held = self.frontier.logs().filter(|(_, head)| head.length > 0).map(|(log, _)| log);
        held.filter(|log| {
            authority::may_log(control, log) == Err(Denied::NotCovered) && authority::may_log(&self.control, log).is_ok()
        })
    }

    /// The logs that offices would lose, were areas and offices like this, by their devices' records, with the lengths
    /// held here. Closing them is to be written before the change.
    pub fn closings(&self, areas: &[Area], offices: &[Office]) -> BTreeMap<RecordId, Vec<(Hash, u64)>> {
        let mut control = self.control().clone();
        let changed = |area: &&Area| areas.iter().all(|new| new.id != area.id);
        let unchanged: Vec<Area> = control.divisions.iter().filter(changed).cloned().collect();
        control.divisions = Divisions::new(unchanged.into_iter().chain(areas.iter().cloned()));
        control.offices.extend(offices.iter().map(|office| (office.id, office.clone())));
        let mut closings: BTreeMap<RecordId, Vec<(Hash, u64)>> = BTreeMap::new();
        for log in self.losing(&control) {
            if let Some(record) = self.control.devices.get(&log.device).and_then(|facts| facts.record) {
                closings.entry(record).or_default().push((log.name(), self.frontier.get(log).length));
            }
        }
        closings
    }

    fn cut(&mut self, cuts: BTreeMap<LogId, u64>, settled: Vec<EntryRef>) -> Result<Committed, StoreError> {
        let divisions = &self.control.divisions;
        let reached = |area: AreaId| cuts.keys().any(|log| divisions.is_within(area, log.place.area));
        let areas: BTreeSet<AreaId> = self.frontier.logs().map(|(log, _)| log.place.area).filter(|area| reached(*area)).collect();
        let mut work = Work::new(self);
        for (log, length) in &cuts {
            let last = length.checked_sub(1).map(|sequence| self.store.entry(log, sequence)).transpose()?.flatten();
            let head =
                last.map_or(LogHead::default(), |entry| LogHead { length: *length, head: entry.hash, lamport: entry.lamport });
            work.set_head(*log, head);
            work.truncations.push((*log, *length));
        }
        work.settled = settled;
        let vanished = self.replay(&mut work, areas)?;
        let staged = work.finish(vanished);
        let committed = self.write(staged)?;
        self.cache.borrow_mut().clear();
        self.forked = self.store.forks()?.into_iter().map(|fork| fork.log).collect();
        Ok(committed)
    }

    /// Judges all entries of these areas again from the beginning, in an order that respects causality. Returns the
    /// records of which nothing is left.
    fn replay(&self, work: &mut Work<'_, S>, areas: BTreeSet<AreaId>) -> Result<Vec<RecordId>, StoreError> {
        let control = self.control.root_area().is_some_and(|root| areas.contains(&root));
        let logs: Vec<LogId> = self.frontier.logs().map(|(log, _)| *log).filter(|log| areas.contains(&log.place.area)).collect();
        let mut order: Vec<(u64, LogId, u64)> = Vec::new();
        for log in logs {
            let length = work.head(&log).length;
            self.walk(&log, length, |entry| {
                order.push((entry.lamport, log, entry.sequence));
                Ok(())
            })?;
        }
        // Control first: it says who may write the rest.
        order.sort_by_key(|(lamport, log, sequence)| (log.place.lane, *lamport, *log, *sequence));
        let mut before = BTreeSet::new();
        for rule in authority::RULES {
            for id in self.store.records_of(rule.kind)? {
                if self.store.record(&id)?.is_some_and(|record| areas.contains(&record.place.area)) {
                    before.insert(id);
                }
            }
        }
        work.forget(areas, control);
        for (_, log, sequence) in order {
            if let Some(stored) = work.entry(&EntryRef { log: log.name(), sequence })? {
                work.rejudge(&stored)?;
            }
        }
        let after: BTreeSet<RecordId> = work.staged_records().copied().collect();
        Ok(before.difference(&after).copied().collect())
    }

    fn walk(
        &self,
        log: &LogId,
        length: u64,
        mut step: impl FnMut(&StoredEntry) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let mut next = 0;
        while next < length {
            let entries = self.store.entries(log, next, STRIDE_BYTES)?;
            if entries.is_empty() {
                break;
            }
            for entry in entries.iter().take_while(|entry| entry.sequence < length) {
                step(entry)?;
            }
            next += entries.len() as u64;
        }
        Ok(next.min(length))
    }

    /// Checks every chain, signature and right to write, judges every entry again, rebuilds every record, and compares.
    /// `progress` is told how many logs and areas are done, of how many.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64)) -> Result<Vec<Difference>, StoreError> {
        let mut found = Vec::new();
        let logs: Vec<(LogId, LogHead)> = self.frontier.logs().map(|(log, head)| (*log, *head)).collect();
        let areas: BTreeSet<AreaId> = logs.iter().map(|(log, _)| log.place.area).collect();
        let total = (logs.len() + areas.len()) as u64;
        for (done, (log, head)) in logs.iter().enumerate() {
            progress(done as u64, total);
            self.verify_log(log, head, &mut found)?;
        }
        for (done, area) in areas.iter().enumerate() {
            progress((logs.len() + done) as u64, total);
            self.verify_area(*area, &mut found)?;
        }
        progress(total, total);
        Ok(found)
    }

    fn verify_log(&self, log: &LogId, head: &LogHead, found: &mut Vec<Difference>) -> Result<(), StoreError> {
        let name = log.name();
        let mut previous = Hash::default();
        let mut signed_to = 0;
        let walked = self.walk(log, head.length, |entry| {
            let at = EntryRef { log: name, sequence: entry.sequence };
            let header = Header::from_bytes(&entry.entry.header);
            let fits = header.is_some_and(|header| header.sequence == entry.sequence && header.lamport == entry.lamport);
            if !fits || entry.entry.chain(&name, &previous) != entry.hash {
                found.push(Difference::Chain(at));
            }
            previous = entry.hash;
            if let Some(signature) = &entry.signature {
                signed_to = entry.sequence + 1;
                if !verify_head(&log.device, &entry.hash, signature) {
                    found.push(Difference::Signature(at));
                }
            }
            Ok(())
        })?;
        if walked != head.length || (head.length > 0 && previous != head.head) {
            found.push(Difference::Head(*log));
        }
        // A cut may leave the last entries without a signature of their own; what was cut is kept as evidence.
        let was_cut = self
            .control
            .devices
            .get(&log.device)
            .is_some_and(|facts| facts.revoked || !facts.closings.is_empty() || !facts.choices.is_empty());
        if signed_to != head.length && !was_cut {
            found.push(Difference::Head(*log));
        }
        if head.length > 0 && authority::may_log(&self.control, log).is_err() {
            found.push(Difference::Scope(*log));
        }
        Ok(())
    }

    fn verify_area(&self, area: AreaId, found: &mut Vec<Difference>) -> Result<(), StoreError> {
        let mut work = Work::new(self);
        for id in self.replay(&mut work, BTreeSet::from([area]))? {
            found.push(Difference::Record(id));
        }
        for (entry, verdict) in work.changed_verdicts() {
            // What was judged before that which it waits for has waited a moment, and is what it was.
            if let Some(stored) = work.entry(entry)?.map(|stored| stored.verdict).filter(|stored| stored != verdict) {
                found.push(Difference::Verdict(*entry, stored, verdict.clone()));
            }
        }
        let rebuilt: Vec<RecordId> = work.staged_records().copied().collect();
        for id in rebuilt {
            let stored = self.store.record(&id)?;
            let heads = |doc: &automerge::Automerge| doc.get_heads();
            let same = match (work.record(&id)?, &stored) {
                (Some(new), Some(old)) => crate::fence::load(&old.snapshot).is_ok_and(|doc| heads(&doc) == heads(&new.doc)),
                _ => false,
            };
            if !same {
                found.push(Difference::Record(id));
            }
        }
        Ok(())
    }
}
