//! The replica: what a device holds, and the only two doors through which it changes.
//!
//! [`Replica::commit`] (a person acted) and [`Replica::ingest`] (entries arrived) end in the same code: entries are
//! staged in a [`work::Work`], judged, and written with their records in one [`Store::write`]. Only then does memory
//! follow, and only then is there a [`Committed`], without which nothing leaves the device (I4).
//!
//! `repair` cuts logs that were closed or forked and rebuilds what they touched.

mod cache;
mod commit;
mod ingest;
mod repair;
mod work;

pub use commit::{Action, CommitError, Done, Draft};
pub use ingest::{Ingested, RefusedRun};
pub use repair::Difference;

use crate::admission::{KnownRecord, Safeguards};
use crate::area::Tier;
use crate::authority;
use crate::control::Control;
use crate::device::{Certificate, DeviceKey, Incarnation, SigningKey, actor};
use crate::entry::{EntryRef, LogId};
use crate::fence;
use crate::frontier::{Digest, Frontier};
use crate::record::{Kind, Place, RecordId};
use crate::store::{PeerState, Store, StoreError, WaitFor};
use crate::sync::receipt::Receipt;
use cache::Cache;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Proof that a write is on the disk. Made here only, after [`Store::write`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    position: u64,
}

impl Committed {
    /// The greatest arrival number on the disk.
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// Who this device is.
pub struct Identity {
    /// Its signing key.
    pub key: SigningKey,
    /// The life of its database.
    pub incarnation: Incarnation,
    /// The city's root key.
    pub root: DeviceKey,
    /// Certificates given when it joined.
    pub pinned: Vec<Certificate>,
}

/// What a device holds.
pub struct Replica<S> {
    store: S,
    key: SigningKey,
    incarnation: Incarnation,
    pinned: Vec<Certificate>,
    control: Arc<Control>,
    frontier: Frontier,
    waiting: BTreeMap<EntryRef, Vec<WaitFor>>,
    waiters: BTreeMap<WaitFor, BTreeSet<EntryRef>>,
    receipts: BTreeMap<(DeviceKey, Place), (u64, Receipt)>,
    forked: BTreeSet<LogId>,
    cache: RefCell<Cache>,
    position: u64,
    stale: bool,
    safeguards: Safeguards,
}

impl<S: Store> Replica<S> {
    /// Opens a store and finishes what control asked for before a crash.
    pub fn open(store: S, identity: Identity) -> Result<Replica<S>, StoreError> {
        let mut control = Control::new(identity.root);
        for certificate in &identity.pinned {
            control.pin(certificate);
        }
        let mut replica = Replica {
            store,
            key: identity.key,
            incarnation: identity.incarnation,
            pinned: identity.pinned,
            control: Arc::new(control),
            frontier: Frontier::default(),
            waiting: BTreeMap::new(),
            waiters: BTreeMap::new(),
            receipts: BTreeMap::new(),
            forked: BTreeSet::new(),
            cache: RefCell::new(Cache::default()),
            position: 0,
            stale: true,
            safeguards: Safeguards::default(),
        };
        replica.reload()?;
        replica.settle_control()?;
        Ok(replica)
    }

    /// Switches safeguards, for the simulator's tests of its own teeth.
    pub fn set_safeguards(&mut self, safeguards: Safeguards) {
        self.safeguards = safeguards;
    }

    /// The switches.
    pub fn safeguards(&self) -> Safeguards {
        self.safeguards
    }

    /// Reads everything that memory keeps again: after an error the outcome of a write is unknown.
    fn reload(&mut self) -> Result<(), StoreError> {
        self.frontier = Frontier::new(self.store.heads()?);
        self.position = self.store.position()?;
        self.cache.borrow_mut().clear();
        let mut control = Control::new(self.control.root);
        control.pinned = self.control.pinned.clone();
        for kind in [Kind::DIVISIONS, Kind::DEVICE] {
            for id in self.store.records_of(kind)? {
                if let Some(record) = self.load(&id)? {
                    work::fold_control(&mut control, kind, &id, &record.doc);
                }
            }
        }
        self.control = Arc::new(control);
        self.waiting.clear();
        self.waiters.clear();
        for (entry, wait) in self.store.waiting()? {
            self.index_waiting(entry, Some(wait));
        }
        self.receipts = self
            .store
            .receipts()?
            .into_iter()
            .map(|(at, receipt)| ((receipt.body.by, receipt.body.place), (at, receipt)))
            .collect();
        self.forked = self.store.forks()?.into_iter().map(|fork| fork.log).collect();
        self.stale = false;
        Ok(())
    }

    /// Whether a write failed, so that nobody knows what is on the disk until it is read again.
    pub fn is_in_doubt(&self) -> bool {
        self.stale
    }

    /// Reads everything again when a write failed: what it wrote all the same must be sent too.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        if self.stale { self.reload() } else { Ok(()) }
    }

    fn index_waiting(&mut self, entry: EntryRef, wait: Option<Vec<WaitFor>>) {
        for key in self.waiting.remove(&entry).unwrap_or_default() {
            if let Some(entries) = self.waiters.get_mut(&key) {
                entries.remove(&entry);
                if entries.is_empty() {
                    self.waiters.remove(&key);
                }
            }
        }
        if let Some(wait) = wait {
            for key in &wait {
                self.waiters.entry(*key).or_default().insert(entry);
            }
            self.waiting.insert(entry, wait);
        }
    }

    fn load(&self, id: &RecordId) -> Result<Option<KnownRecord>, StoreError> {
        if let Some(known) = self.cache.borrow_mut().get(id) {
            return Ok(Some(known));
        }
        let Some(stored) = self.store.record(id)? else { return Ok(None) };
        let doc = fence::load(&stored.snapshot).map_err(|fault| StoreError::Damaged(format!("record {id:?}: {fault}")))?;
        let known = KnownRecord { kind: stored.kind, place: stored.place, doc: Arc::new(doc) };
        self.cache.borrow_mut().put(*id, known.clone());
        Ok(Some(known))
    }

    /// The disk, for reading.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Gives the disk back.
    pub fn into_store(self) -> S {
        self.store
    }

    /// This device.
    pub fn device(&self) -> DeviceKey {
        self.key.key()
    }

    /// This device's signing key.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Its certificate: the newest it was given.
    pub fn own_certificate(&self) -> Option<&Certificate> {
        let me = self.device();
        let own = |certificate: &&Certificate| certificate.verify(&self.control.root).is_ok_and(|body| body.device == me);
        self.pinned.iter().rev().find(own)
    }

    /// This device's signature on what leaves by another way than a log: a parcel, an annual file. A statement begins
    /// with words of its own, so that none stands for another.
    pub fn sign_statement(&self, statement: &[u8]) -> crate::device::Signature {
        self.key.sign(statement)
    }

    /// The life of its database.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Begins a new life: after a restore, or when a peer holds more of our own log than we do.
    pub fn begin_incarnation(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
    }

    /// The Automerge actor of this life.
    pub fn actor(&self) -> automerge::ActorId {
        actor(&self.device(), &self.incarnation)
    }

    /// Who is who.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Adds a certificate that a peer showed. Nothing when it does not hold.
    pub fn pin(&mut self, certificate: &Certificate) -> Option<crate::device::CertificateBody> {
        let body = Arc::make_mut(&mut self.control).pin(certificate)?;
        if !self.pinned.contains(certificate) {
            self.pinned.push(certificate.clone());
        }
        Some(body)
    }

    /// Certificates that were pinned.
    pub fn pinned(&self) -> &[Certificate] {
        &self.pinned
    }

    /// The lengths and heads of all logs.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The greatest arrival number.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Logs of which two branches were seen.
    pub fn forked(&self) -> &BTreeSet<LogId> {
        &self.forked
    }

    /// How many entries wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A record's document.
    pub fn record(&self, id: &RecordId) -> Result<Option<KnownRecord>, StoreError> {
        self.load(id)
    }

    /// Whether a peer and this device both hold logs of a place.
    pub fn in_common(&self, peer: &DeviceKey, place: &Place) -> bool {
        let mine = authority::may_receive(&self.control, &self.device(), place);
        let theirs = !self.safeguards.scope_on_sending || authority::may_receive(&self.control, peer, place);
        mine && theirs
    }

    /// The digest of the city's control.
    pub fn control_digest(&self) -> Digest {
        let root = self.control.root_area();
        self.frontier.digest(|place| crate::frontier::is_root_control(place, root))
    }

    /// The digest of everything else in common with a peer.
    pub fn common_digest(&self, peer: &DeviceKey) -> Digest {
        let root = self.control.root_area();
        self.frontier.digest(|place| !crate::frontier::is_root_control(place, root) && self.in_common(peer, place))
    }

    /// The latest receipts, with their arrival numbers.
    pub fn receipts(&self) -> impl Iterator<Item = &(u64, Receipt)> {
        self.receipts.values()
    }

    /// Entries of a log that some office of `tier` says it has stored.
    pub fn stored_at(&self, tier: Tier, log: &LogId) -> u64 {
        let name = log.name();
        let of_tier = |by: &DeviceKey| self.control.certificate(by).is_some_and(|body| body.tier == tier);
        let lengths = self.receipts.iter().filter(|((by, place), _)| *place == log.place && of_tier(by));
        lengths
            .flat_map(|(_, (_, receipt))| &receipt.body.lengths)
            .filter(|(log, _)| *log == name)
            .map(|(_, length)| *length)
            .max()
            .unwrap_or(0)
    }

    /// This device's own entries, in all its lives.
    pub fn own_entries(&self) -> u64 {
        self.own_logs().map(|(_, length)| length).sum()
    }

    /// How many of this device's own entries are known to be stored at `tier`.
    pub fn confirmed(&self, tier: Tier) -> u64 {
        self.own_logs().map(|(log, length)| self.stored_at(tier, &log).min(length)).sum()
    }

    fn own_logs(&self) -> impl Iterator<Item = (LogId, u64)> + '_ {
        let me = self.device();
        self.frontier.logs().filter(move |(log, _)| log.device == me).map(|(log, head)| (*log, head.length))
    }

    /// Keeps what is known of a peer.
    pub fn note_peer(&mut self, state: PeerState) -> Result<(), StoreError> {
        if self.store.peer(&state.device)?.as_ref() == Some(&state) {
            return Ok(());
        }
        let batch = crate::store::Batch { peers: vec![state], ..Default::default() };
        self.store.write(&batch)
    }
}
