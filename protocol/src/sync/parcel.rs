//! A parcel: the messages of a session in a file, for two offices with no line between them.
//!
//! It says how long the sender's logs are, and carries what the receiver has not said it holds: the city's control
//! first, then entries by lane, then receipts. The receiver takes its entries through the same door as from a line,
//! keeps what the sender said it holds, and answers with a parcel of its own: its receipts, and what the sender lacks.
//! So a parcel that gets lost loses nothing, one that is taken twice adds nothing, and an older one does no harm.
//!
//! What protects the file on its way (signature, encryption) is the node's matter; what is in it is this one's.

use crate::admission::Refusal;
use crate::device::{Certificate, DeviceKey, SUITE};
use crate::entry::{LogId, Run};
use crate::hash::Hash;
use crate::limits;
use crate::record::{Place, RecordId};
use crate::replica::Replica;
use crate::store::{Store, StoreError};
use crate::sync::frame::{FrameReader, FrameWriter};
use crate::sync::message::{Farewell, Frontiers, Hello, Message};
use crate::sync::plan::{self, Queue};
use crate::sync::receipt::Receipt;
use crate::sync::session::{Happened, Now};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a device said it holds, in the latest parcel that came from it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Known {
    /// Its store: another number after it was restored.
    pub epoch: u64,
    /// Its arrival number then.
    pub position: u64,
    /// Its clock then, milliseconds since 1970.
    pub made_ms: i64,
    /// Its logs: lengths and heads.
    pub logs: Vec<(LogId, u64, Hash)>,
}

impl Known {
    /// Whether this was said after `other`: parcels may arrive in any order.
    pub fn is_after(&self, other: &Known) -> bool {
        if self.epoch == other.epoch { self.position >= other.position } else { self.made_ms >= other.made_ms }
    }
}

/// Why no parcel can be made for, or taken from, a device.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParcelError {
    /// It is this device.
    #[error("the parcel is this device's own")]
    Own,
    /// The same reasons as on a line.
    #[error(transparent)]
    Away(#[from] Farewell),
    /// Not what a parcel is made of, or in the wrong order.
    #[error("the parcel's content cannot be read")]
    Malformed,
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether parcels go between this device and another.
fn fits<S: Store>(replica: &Replica<S>, peer: &DeviceKey) -> Result<(), ParcelError> {
    let control = replica.control();
    if *peer == replica.device() {
        return Err(ParcelError::Own);
    }
    if control.certificate(peer).is_none() {
        return Err(Farewell::Foreign.into());
    }
    if control.is_revoked(peer) || control.is_revoked(&replica.device()) {
        return Err(Farewell::Revoked.into());
    }
    // Before the tree has come, nobody can say what is in common; the city's control brings the tree.
    if !control.divisions.is_empty() && plan::common_places(replica, peer, false).is_empty() && !shares_area(replica, peer) {
        return Err(Farewell::WrongArea.into());
    }
    Ok(())
}

/// Whether one of two offices covers an area of the other, so that something may yet be in common.
fn shares_area<S: Store>(replica: &Replica<S>, peer: &DeviceKey) -> bool {
    let control = replica.control();
    let (Some(mine), Some(theirs)) = (control.office_of(&replica.device()), control.office_of(peer)) else { return false };
    mine.areas_now().any(|area| theirs.covers(&control.divisions, area))
        || theirs.areas_now().any(|area| mine.covers(&control.divisions, area))
}

/// Whether a parcel of the device that shows this certificate may be taken. Changes nothing.
pub fn may_take<S: Store>(replica: &Replica<S>, certificate: &Certificate, now: Now) -> Result<DeviceKey, ParcelError> {
    let body = certificate.verify(&replica.control().root).map_err(|_| Farewell::Foreign)?;
    // A device that nobody told us of yet shows who it is, as on a line; nothing is kept of it here.
    if replica.control().certificate(&body.device).is_some() {
        fits(replica, &body.device)?;
        if let Some(why) = plan::away(replica, &body.device, now) {
            return Err(why.into());
        }
    }
    Ok(body.device)
}

/// The devices that parcels go to.
pub fn destinations<S: Store>(replica: &Replica<S>) -> Vec<DeviceKey> {
    let devices: BTreeSet<&DeviceKey> = replica.control().devices.keys().chain(replica.control().pinned.keys()).collect();
    devices.into_iter().filter(|device| fits(replica, device).is_ok() && shares_area(replica, device)).copied().collect()
}

/// How many entries a device has not said it holds.
pub fn entries_lacking<S: Store>(replica: &Replica<S>, peer: &DeviceKey, known: Option<&Known>) -> Result<u64, StoreError> {
    let (control, rest) = lacking(replica, peer, known)?;
    let queued = control.iter().chain(&rest);
    Ok(queued.map(|((_, log), from)| replica.frontier().get(log).length.saturating_sub(*from)).sum())
}

/// What a device has not said it holds: of the city's control, and of the rest.
fn lacking<S: Store>(replica: &Replica<S>, peer: &DeviceKey, known: Option<&Known>) -> Result<(Queue, Queue), StoreError> {
    let mut held: BTreeMap<LogId, (u64, Hash)> =
        known.iter().flat_map(|known| &known.logs).map(|(log, length, head)| (*log, (*length, *head))).collect();
    // A superior's receipt is its word too, unless it said something else since.
    let since = known.map_or(i64::MIN, |known| known.made_ms);
    for (_, receipt) in replica.receipts().filter(|(_, receipt)| receipt.body.by == *peer && receipt.body.at_ms >= since) {
        for (name, length) in &receipt.body.lengths {
            let Some(log) = replica.frontier().log_named(name) else { continue };
            if *length == 0 || held.get(&log).is_some_and(|(known, _)| known >= length) {
                continue;
            }
            if let Some(last) = replica.store().entry(&log, length - 1)? {
                held.insert(log, (*length, last.hash));
            }
        }
    }
    queues(replica, peer, held.into_iter().map(|(log, (length, head))| (log, length, head)).collect())
}

/// Everything that a device may hold.
fn all<S: Store>(replica: &Replica<S>, peer: &DeviceKey) -> Result<(Queue, Queue), StoreError> {
    queues(replica, peer, Vec::new())
}

fn queues<S: Store>(replica: &Replica<S>, peer: &DeviceKey, logs: Vec<(LogId, u64, Hash)>) -> Result<(Queue, Queue), StoreError> {
    let queue = |control| -> Result<Queue, StoreError> {
        let theirs = Frontiers { control, places: None, logs: logs.clone(), reply: false };
        // A log with another branch over there needs a line, and the city's word; it is left out.
        Ok(plan::lacks(replica, peer, &theirs)?.queue)
    };
    Ok((queue(true)?, queue(false)?))
}

/// A parcel in the making: one message at a time, so that the other work of a device goes on in between.
pub struct Packing {
    peer: DeviceKey,
    head: VecDeque<Message>,
    control: Queue,
    rest: Queue,
    receipts: VecDeque<Vec<Receipt>>,
    last: Option<Message>,
    writer: FrameWriter,
    ratio: f32,
    number: u64,
    entries: u64,
}

impl Packing {
    /// A parcel for a device, of what it has not said it holds; of everything, whatever it said, where it has begun anew.
    pub fn begin<S: Store>(
        replica: &Replica<S>,
        peer: DeviceKey,
        known: Option<&Known>,
        everything: bool,
    ) -> Result<Packing, ParcelError> {
        fits(replica, &peer)?;
        let (control, rest) = if everything { all(replica, &peer)? } else { lacking(replica, &peer, known)? };
        let receipts: Vec<Receipt> = plan::receipts_for(replica, &peer, 0).into_iter().map(|(_, _, receipt)| receipt).collect();
        let digests = (replica.control_digest(), replica.common_digest(&peer));
        let hello = Hello {
            suites: vec![SUITE],
            epoch: replica.store().epoch(),
            position: replica.position(),
            yours: None,
            control: digests.0,
            common: digests.1,
        };
        let frontiers = |control| Message::Frontiers(plan::frontiers(replica, &peer, control, None, false));
        Ok(Packing {
            peer,
            head: VecDeque::from([Message::Hello(hello), frontiers(true), frontiers(false)]),
            control,
            rest,
            receipts: receipts.chunks(plan::RECEIPTS_PER_MESSAGE).map(<[Receipt]>::to_vec).collect(),
            last: Some(Message::Status { control: digests.0, common: digests.1, position: replica.position() }),
            writer: FrameWriter::default(),
            ratio: plan::RATIO_START,
            number: 0,
            entries: 0,
        })
    }

    /// The next message; nothing when the parcel is complete.
    pub fn next_message<S: Store>(&mut self, replica: &Replica<S>) -> Result<Option<Vec<u8>>, ParcelError> {
        if let Some(message) = self.head.pop_front() {
            return Ok(Some(message.to_bytes()));
        }
        // Control first, whatever its lane's other logs are called: it says who wrote the rest.
        loop {
            let queue = if self.control.is_empty() { &mut self.rest } else { &mut self.control };
            let Some(lane) = queue.keys().map(|(lane, _)| *lane).next() else { break };
            let runs = plan::next_runs(replica, &self.peer, queue, lane, plan::raw_target(self.ratio))?;
            if runs.is_empty() {
                continue;
            }
            let (bytes, inflated) = self.writer.write(lane, &runs).map_err(|_| ParcelError::Malformed)?;
            self.ratio = plan::ratio(self.ratio, bytes.len(), inflated);
            self.entries += runs.iter().map(|run| run.entries.len() as u64).sum::<u64>();
            let number = self.number();
            return Ok(Some(Message::Frame { number, lane, inflated, bytes }.to_bytes()));
        }
        if let Some(receipts) = self.receipts.pop_front() {
            let number = self.number();
            return Ok(Some(Message::Receipts { number, receipts }.to_bytes()));
        }
        Ok(self.last.take().map(|message| message.to_bytes()))
    }

    fn number(&mut self) -> u64 {
        self.number += 1;
        self.number - 1
    }

    /// Entries put in so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }
}

/// What a parcel came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Entries that were new here.
    pub new: u64,
    /// Records that they are about.
    pub records: u64,
    /// Entries that were here already.
    pub known: u64,
    /// Entries that cannot be joined to what is here: some before them are missing.
    pub missing: u64,
    /// Entries that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Whether a receipt was new.
    pub receipts: bool,
}

/// A parcel that is being taken in, message by message.
pub struct Unpacking {
    peer: DeviceKey,
    reader: FrameReader,
    expected: u64,
    known: Known,
    greeted: bool,
    complete: bool,
    places: BTreeSet<Place>,
    records: BTreeSet<RecordId>,
    tally: Tally,
}

impl Unpacking {
    /// Begins with a parcel of the device that shows this certificate.
    pub fn begin<S: Store>(
        replica: &mut Replica<S>,
        certificate: &Certificate,
        made_ms: i64,
        now: Now,
    ) -> Result<Unpacking, ParcelError> {
        let peer = may_take(replica, certificate, now)?;
        if replica.control().certificate(&peer).is_none() {
            replica.pin(certificate).ok_or(Farewell::Foreign)?;
            may_take(replica, certificate, now)?;
        }
        Ok(Unpacking {
            peer,
            reader: FrameReader::default(),
            expected: 0,
            known: Known { made_ms, ..Known::default() },
            greeted: false,
            complete: false,
            places: BTreeSet::new(),
            records: BTreeSet::new(),
            tally: Tally::default(),
        })
    }

    /// Takes one message. What was taken before an error stays: it would have come over a line too.
    pub(crate) fn take<S: Store>(&mut self, replica: &mut Replica<S>, bytes: &[u8]) -> Result<Happened, ParcelError> {
        let mut happened = Happened::default();
        let message = Message::from_bytes(bytes).map_err(|_| ParcelError::Malformed)?;
        match message {
            Message::Hello(hello) if !self.greeted => {
                if !hello.suites.contains(&SUITE) {
                    return Err(Farewell::Version.into());
                }
                self.greeted = true;
                (self.known.epoch, self.known.position) = (hello.epoch, hello.position);
            }
            _ if !self.greeted || self.complete => return Err(ParcelError::Malformed),
            Message::Frontiers(frontiers) => {
                if self.known.logs.len() + frontiers.logs.len() > 2 * limits::FRONTIER_LOGS_MAX {
                    return Err(ParcelError::Malformed);
                }
                self.known.logs.extend(frontiers.logs);
            }
            Message::Frame { number, lane, inflated, bytes } => {
                self.count(number)?;
                let runs = self.reader.read(lane, inflated, &bytes).map_err(|_| ParcelError::Malformed)?;
                self.take_runs(replica, &runs, &mut happened)?;
            }
            Message::Receipts { number, receipts } => {
                self.count(number)?;
                let new = replica.take_receipts(receipts)?;
                self.tally.receipts |= new;
                happened.receipts = new;
            }
            Message::Status { .. } => self.complete = true,
            _ => return Err(ParcelError::Malformed),
        }
        Ok(happened)
    }

    fn count(&mut self, number: u64) -> Result<(), ParcelError> {
        if number != self.expected {
            return Err(ParcelError::Malformed);
        }
        self.expected += 1;
        Ok(())
    }

    fn take_runs<S: Store>(
        &mut self,
        replica: &mut Replica<S>,
        runs: &[Run],
        happened: &mut Happened,
    ) -> Result<(), ParcelError> {
        let before: BTreeMap<LogId, u64> = runs.iter().map(|run| (run.log, replica.frontier().get(&run.log).length)).collect();
        let (_, report) = replica.ingest(self.peer, runs)?;
        let mut refused = 0;
        for refusal in &report.refused {
            let run = runs.iter().find(|run| run.log == refusal.log && run.first == refusal.first);
            let entries = run.map_or(0, |run| run.entries.len() as u64);
            refused += entries;
            match refusal.reason {
                Refusal::Gap => self.tally.missing += entries,
                _ => *self.tally.refused.entry(refusal.reason.to_string()).or_default() += entries,
            }
        }
        let mut new = 0;
        for (log, before) in before {
            new += replica.frontier().get(&log).length.saturating_sub(before);
        }
        for run in runs {
            if replica.frontier().get(&run.log).length > 0 {
                self.places.insert(run.log.place);
            }
            let gained = report.gained.iter().filter(|(log, _)| *log == run.log).map(|(_, first)| *first).min();
            let Some(gained) = gained else { continue };
            for (sequence, entry) in (run.first..).zip(&run.entries).filter(|(sequence, _)| *sequence >= gained) {
                self.records.extend(entry.records(&run.log, sequence));
            }
        }
        let all: u64 = runs.iter().map(|run| run.entries.len() as u64).sum();
        self.tally.new += new;
        self.tally.known += all.saturating_sub(new + refused);
        happened.gained.extend(report.gained);
        happened.control_changed |= report.control_changed;
        Ok(())
    }

    /// States what was stored, and says what the parcel came to and what its sender holds.
    pub(crate) fn finish<S: Store>(mut self, replica: &mut Replica<S>, now: Now) -> Result<(Tally, Known), ParcelError> {
        if !self.complete {
            return Err(ParcelError::Malformed);
        }
        replica.issue_receipts(&self.places, now.wall_ms)?;
        self.tally.records = self.records.len() as u64;
        Ok((self.tally, self.known))
    }
}
