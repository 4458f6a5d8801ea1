//! The second door: entries arrived from another device, by whatever way.

use super::work::Work;
use super::{Committed, Replica};
use crate::admission::{Known, Refusal, admit};
use crate::authority;
use crate::device::DeviceKey;
use crate::entry::{EntryRef, LogId, Run, verify_head};
use crate::hash::Hash;
use crate::record::Place;
use crate::store::{ForkProof, RefusedEntry, Store, StoreError};
use crate::sync::receipt::{Receipt, ReceiptBody};
use std::collections::{BTreeMap, BTreeSet};

/// A run that was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedRun {
    /// The log.
    pub log: LogId,
    /// Sequence of its first entry.
    pub first: u64,
    /// Why.
    pub reason: Refusal,
}

/// What became of the runs of one frame.
#[derive(Debug, Default)]
pub struct Ingested {
    /// Logs that grew, with the sequence of the first new entry.
    pub gained: Vec<(LogId, u64)>,
    /// What was refused.
    pub refused: Vec<RefusedRun>,
    /// Whether control changed: scopes must be computed again.
    pub control_changed: bool,
}

impl<S: Store> Replica<S> {
    /// Takes runs that `from` sent: stores what is new and passes, refuses the rest, in one write.
    pub fn ingest(&mut self, from: DeviceKey, runs: &[Run]) -> Result<(Committed, Ingested), StoreError> {
        self.refresh()?;
        let mut work = Work::new(self);
        let mut report = Ingested::default();
        for run in runs {
            let before = work.head(&run.log).length;
            if let Err(reason) = self.stage_run(&mut work, run)? {
                // A gap is no fault: the frontiers will be compared and the sender begins further back.
                if reason != Refusal::Gap {
                    let reason = reason.to_string();
                    work.refused.push(RefusedEntry { log: run.log, sequence: run.first, from, reason });
                }
                report.refused.push(RefusedRun { log: run.log, first: run.first, reason });
            } else if work.head(&run.log).length > before {
                report.gained.push((run.log, before));
            }
        }
        let staged = work.finish(Vec::new());
        report.control_changed = staged.control_changed;
        let committed = self.write(staged)?;
        let committed = if report.control_changed { self.settle_control()?.unwrap_or(committed) } else { committed };
        Ok((committed, report))
    }

    fn stage_run(&self, work: &mut Work<'_, S>, run: &Run) -> Result<Result<(), Refusal>, StoreError> {
        if self.safeguards.scope_on_admission && !authority::may_receive(&work.control, &self.device(), &run.log.place) {
            return Ok(Err(Refusal::Denied(authority::Denied::NotCovered)));
        }
        if self.forked.contains(&run.log) {
            return Ok(Err(Refusal::Forked));
        }
        let head = work.head(&run.log);
        let Some(end) = run.first.checked_add(run.entries.len() as u64) else { return Ok(Err(Refusal::Malformed(run.first))) };
        if run.first > head.length {
            return Ok(Err(Refusal::Gap));
        }
        let (previous, lamport) = match run.first.checked_sub(1) {
            None => (Hash::default(), 0),
            Some(_) if run.first == head.length => (head.head, head.lamport),
            Some(sequence) => match work.entry(&EntryRef { log: run.log.name(), sequence })? {
                Some(stored) => (stored.hash, stored.lamport),
                None => return Ok(Err(Refusal::Gap)),
            },
        };
        // What we already hold must be the same; else the device signed two different entries at one place.
        let overlap = end.min(head.length).saturating_sub(run.first);
        if overlap > 0 {
            let hashes = run.heads(previous);
            for (sequence, hash) in (run.first..).zip(&hashes).take(overlap as usize) {
                let at = EntryRef { log: run.log.name(), sequence };
                let Some(held) = work.entry(&at)? else { return Ok(Err(Refusal::Gap)) };
                if held.hash == *hash {
                    continue;
                }
                let proven = hashes.last().is_some_and(|last| verify_head(&run.log.device, last, &run.signature));
                if !proven {
                    return Ok(Err(Refusal::BadSignature));
                }
                if work.control.choice(&run.log.device, &at).is_none() {
                    work.forks.push(ForkProof { at, log: run.log, ours: held.hash, theirs: *hash, run: run.clone() });
                }
                return Ok(Err(Refusal::Forked));
            }
            if end <= head.length {
                return Ok(Ok(()));
            }
        }
        let known = Known { control: &work.control.clone(), safeguards: self.safeguards, previous, lamport };
        let admitted = match admit(run, &known) {
            Ok(admitted) => admitted,
            // What lies before the closing still counts, when an author's signature ends there.
            Err(reason) => return Ok(Err(reason)),
        };
        let last = admitted.len().saturating_sub(1);
        for (index, (entry, admitted)) in run.entries.iter().zip(admitted).enumerate().skip(overlap as usize) {
            let signature = (index == last).then_some(run.signature);
            work.append(run.log, admitted.header, entry.clone(), admitted.hash, signature)?;
        }
        Ok(Ok(()))
    }

    /// Takes receipts that a peer passed on; those that do not hold or say nothing new are dropped. Says whether any
    /// was new.
    pub fn take_receipts(&mut self, receipts: Vec<Receipt>) -> Result<bool, StoreError> {
        self.refresh()?;
        let mut fresh: BTreeMap<(DeviceKey, Place), Receipt> = BTreeMap::new();
        for receipt in receipts {
            let key = (receipt.body.by, receipt.body.place);
            let old = self.receipts.get(&key).map(|(_, receipt)| receipt);
            if old.is_none_or(|old| grows(&old.body, &receipt.body))
                && authority::may_receive(&self.control, &self.device(), &receipt.body.place)
                && receipt.holds(&self.control)
            {
                fresh.insert(key, receipt);
            }
        }
        let any = !fresh.is_empty();
        if any {
            self.write_receipts(fresh.into_values().collect())?;
        }
        Ok(any)
    }

    /// States what this device has stored of lower offices' logs at these places, where that has grown.
    pub fn issue_receipts(&mut self, places: &BTreeSet<Place>, now_ms: i64) -> Result<bool, StoreError> {
        self.refresh()?;
        let me = self.device();
        let Some(office) = self.control.office_of(&me) else { return Ok(false) };
        let lower = |log: &LogId| self.control.certificate(&log.device).is_some_and(|body| body.tier < office.tier);
        let mut receipts = Vec::new();
        for place in places.iter().filter(|place| office.covers(&self.control.divisions, place.area)) {
            let logs = self.frontier.logs_at(*place).filter(|(log, head)| head.length > 0 && lower(log));
            let lengths: Vec<(Hash, u64)> =
                logs.map(|(log, head)| (log.name(), head.length)).take(crate::limits::RECEIPT_LENGTHS_MAX).collect();
            let body = ReceiptBody { suite: crate::device::SUITE, by: me, place: *place, at_ms: now_ms, lengths };
            let old = self.receipts.get(&(me, *place)).map(|(_, receipt)| &receipt.body);
            if !body.lengths.is_empty() && old.is_none_or(|old| old.lengths != body.lengths) {
                receipts.push(Receipt::sign(body, &self.key));
            }
        }
        let any = !receipts.is_empty();
        if any {
            self.write_receipts(receipts)?;
        }
        Ok(any)
    }
}

/// Whether a newer statement says more: some log longer, none shorter. (A superior that was restored may state less; the
/// old statement stays true.)
fn grows(old: &ReceiptBody, new: &ReceiptBody) -> bool {
    let known: BTreeMap<Hash, u64> = old.lengths.iter().copied().collect();
    new.lengths.iter().any(|(log, length)| known.get(log).is_none_or(|old| length > old))
}
