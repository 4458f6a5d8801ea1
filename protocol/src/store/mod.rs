//! The store: the small synchronous trait between the protocol and a disk.
//!
//! A replica reads through it and writes with one call, [`Store::write`], which is one transaction: all of a
//! [`Batch`] or nothing. The node implements it with SQLite, the simulator with a faulty store in memory. After an
//! error or a crash the outcome of a write is unknown; actions carry ids so that doing them again is safe.

pub mod memory;

use crate::area::Tier;
use crate::device::{DeviceKey, Signature};
use crate::entry::{Entry, EntryRef, LogId};
use crate::frontier::LogHead;
use crate::hash::Hash;
use crate::record::{ActionId, Kind, Place, RecordId};
use crate::sync::receipt::Receipt;
use automerge::{Automerge, ChangeHash};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What an entry waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum WaitFor {
    /// A change of the same record.
    Change([u8; 32]),
    /// A record.
    Record(RecordId),
    /// An entry that the person was shown.
    Entry(EntryRef),
    /// Something that control may yet say.
    Control,
    /// A newer version of the program.
    Upgrade,
}

/// What an entry means here. Local: derived again after an upgrade.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Its changes are in the records.
    Applied,
    /// Not yet: something is missing. There is no timer.
    Waiting(Vec<WaitFor>),
    /// Stored and passed on, but never shown as done. Why, in one stable word and a sentence.
    WithoutEffect(String),
}

impl Verdict {
    /// A word for files and counters.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Applied => "applied",
            Verdict::Waiting(_) => "waiting",
            Verdict::WithoutEffect(_) => "without-effect",
        }
    }
}

/// An entry at its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredEntry {
    /// Its log.
    pub log: LogId,
    /// Its number there.
    pub sequence: u64,
    /// Header and payload.
    pub entry: Entry,
    /// Its hash in the chain.
    pub hash: Hash,
    /// Lamport number, as in the header.
    pub lamport: u64,
    /// The device's signature, where it is known (authors know all, relays the cuts).
    pub signature: Option<Signature>,
    /// Arrival number in this store.
    pub position: u64,
    /// What it means here.
    pub verdict: Verdict,
}

impl StoredEntry {
    /// Its name.
    pub fn reference(&self) -> EntryRef {
        EntryRef { log: self.log.name(), sequence: self.sequence }
    }
}

/// Where a change of a record came from: provenance, and the order that is the same everywhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangeFact {
    /// Automerge's hash of the change.
    pub hash: [u8; 32],
    /// Automerge actor.
    pub actor: Vec<u8>,
    /// First operation counter.
    pub start_op: u64,
    /// Last operation counter.
    pub max_op: u64,
    /// The entry that carried it.
    pub entry: EntryRef,
    /// Lamport number of the entry.
    pub lamport: u64,
    /// Tier of the writing office.
    pub tier: Tier,
    /// The writing device.
    pub device: DeviceKey,
    /// Staff id in the header.
    pub staff: String,
    /// Claimed time in the header.
    pub claimed_ms: i64,
}

/// A record as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub place: Place,
    /// The document, as `save_nocompress` wrote it.
    pub snapshot: Vec<u8>,
}

/// A record that a batch changes.
#[derive(Clone, Debug)]
pub struct RecordUpdate {
    /// Its name.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub place: Place,
    /// The case and tier, when it is a volume.
    pub volume: Option<(crate::record::CaseId, Tier)>,
    /// The new document, where it is still in memory.
    pub doc: Option<Arc<Automerge>>,
    /// The same, saved.
    pub snapshot: Vec<u8>,
    /// The changes that are new, in order.
    pub changes: Vec<ChangeFact>,
    /// Forget all changes known before (the record was rebuilt).
    pub rebuilt: bool,
}

/// What is known of a peer between sessions. A hint: correctness rests on frontiers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerState {
    /// The peer's device.
    pub device: DeviceKey,
    /// Its store's epoch when we last agreed.
    pub epoch: u64,
    /// Its arrival number up to which we hold everything in common.
    pub received: u64,
    /// Our arrival number up to which it holds everything in common.
    pub sent: u64,
    /// When we last agreed, by our clock (milliseconds since 1970); for display.
    pub agreed_ms: i64,
}

/// Two signed branches of one log: the proof is the other branch's run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForkProof {
    /// The first place where the branches differ.
    pub at: EntryRef,
    /// The log.
    pub log: LogId,
    /// Hash of our entry there.
    pub ours: Hash,
    /// Hash of the other entry there.
    pub theirs: Hash,
    /// The other branch from there to its next signature.
    pub run: crate::entry::Run,
}

/// An entry that was refused, for an administrator to see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusedEntry {
    /// The log.
    pub log: LogId,
    /// Where in it.
    pub sequence: u64,
    /// Who brought it.
    pub from: DeviceKey,
    /// Why, as a sentence without personal data.
    pub reason: String,
}

/// Everything one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Logs cut to a length; the entries from there on go to the evidence. First of all.
    pub truncations: Vec<(LogId, u64)>,
    /// New entries, in order of arrival.
    pub entries: Vec<StoredEntry>,
    /// New heads of logs.
    pub heads: Vec<(LogId, LogHead)>,
    /// New verdicts of entries stored earlier.
    pub verdicts: Vec<(EntryRef, Verdict)>,
    /// Records that no longer exist (a rebuild left nothing of them).
    pub vanished: Vec<RecordId>,
    /// Records changed.
    pub records: Vec<RecordUpdate>,
    /// Receipts that replace older ones of the same superior and place, with their arrival numbers.
    pub receipts: Vec<(u64, Receipt)>,
    /// What is known of peers.
    pub peers: Vec<PeerState>,
    /// Refused entries.
    pub refused: Vec<RefusedEntry>,
    /// Forks found.
    pub forks: Vec<ForkProof>,
    /// Forks that control has decided.
    pub settled: Vec<EntryRef>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.truncations.is_empty()
            && self.entries.is_empty()
            && self.heads.is_empty()
            && self.verdicts.is_empty()
            && self.vanished.is_empty()
            && self.records.is_empty()
            && self.receipts.is_empty()
            && self.peers.is_empty()
            && self.refused.is_empty()
            && self.forks.is_empty()
            && self.settled.is_empty()
    }
}

/// What a disk says when it cannot.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full: nothing was written, everything can still be read.
    #[error("the disk is full; nothing was written, everything can still be read")]
    Full,
    /// What was read is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Anything else. The outcome of a write is unknown.
    #[error("the database cannot be used: {0}")]
    Failed(String),
}

/// A disk. Reads see what the last [`Store::write`] left.
pub trait Store {
    /// A number made at random for every new or restored database file.
    fn epoch(&self) -> u64;
    /// The heads of all logs.
    fn heads(&self) -> Result<Vec<(LogId, LogHead)>, StoreError>;
    /// The greatest arrival number given.
    fn position(&self) -> Result<u64, StoreError>;
    /// Consecutive entries of a log from `from` on, at least one if there is one, until `bytes` are exceeded.
    fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Result<Vec<StoredEntry>, StoreError>;
    /// One entry.
    fn entry(&self, log: &LogId, sequence: u64) -> Result<Option<StoredEntry>, StoreError>;
    /// For each log that gained entries after arrival number `position`, the first of them; at most `limit` logs,
    /// `None` when there are more.
    fn gained_since(&self, position: u64, limit: usize) -> Result<Option<Vec<(LogId, u64)>>, StoreError>;
    /// A record.
    fn record(&self, id: &RecordId) -> Result<Option<StoredRecord>, StoreError>;
    /// All records of a kind.
    fn records_of(&self, kind: Kind) -> Result<Vec<RecordId>, StoreError>;
    /// The changes of a record, in the order they were applied.
    fn changes(&self, id: &RecordId) -> Result<Vec<ChangeFact>, StoreError>;
    /// The entry that carried a change.
    fn change_entry(&self, id: &RecordId, hash: &ChangeHash) -> Result<Option<EntryRef>, StoreError>;
    /// The entries that an action made.
    fn action(&self, id: &ActionId) -> Result<Vec<EntryRef>, StoreError>;
    /// Entries that wait, and for what.
    fn waiting(&self) -> Result<Vec<(EntryRef, Vec<WaitFor>)>, StoreError>;
    /// The latest receipts, with their arrival numbers.
    fn receipts(&self) -> Result<Vec<(u64, Receipt)>, StoreError>;
    /// What is known of a peer.
    fn peer(&self, device: &DeviceKey) -> Result<Option<PeerState>, StoreError>;
    /// Forks found and not decided.
    fn forks(&self) -> Result<Vec<ForkProof>, StoreError>;
    /// Writes all of it or nothing, durably, before it returns.
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError>;
}
