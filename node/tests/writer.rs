//! The one writer, over a disk that fills up, breaks, and comes back.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use automerge::transaction::Transactable;
use automerge::{ChangeHash, ROOT};
use shouwang_node::clock::Clock;
use shouwang_node::writer::{ConnectError, Health, QUEUE_MAX, Writer};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::{DeviceKey, Incarnation, SigningKey};
use shouwang_protocol::engine::Engine;
use shouwang_protocol::entry::{EntryRef, LogId};
use shouwang_protocol::frontier::LogHead;
use shouwang_protocol::record::{ActionId, Kind, RecordId};
use shouwang_protocol::replica::{Action, CommitError, Draft, Identity, Replica};
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_protocol::store::{Batch, ChangeFact, ForkProof, PeerState, Store, StoreError, StoredEntry, StoredRecord, WaitFor};
use shouwang_protocol::sync::receipt::Receipt;
use shouwang_provisioning::city::{self, CityKeys, Grantee};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

const WELL: u8 = 0;
const FULL: u8 = 1;
const BROKEN: u8 = 2;

#[derive(Clone, Default)]
struct Condition {
    state: Arc<AtomicU8>,
    closed: Arc<AtomicBool>,
}

struct Disk {
    memory: MemoryStore,
    condition: Condition,
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.condition.closed.store(true, Ordering::SeqCst);
    }
}

type Result<T> = std::result::Result<T, StoreError>;

impl Store for Disk {
    fn epoch(&self) -> u64 {
        self.memory.epoch()
    }
    fn heads(&self) -> Result<Vec<(LogId, LogHead)>> {
        self.memory.heads()
    }
    fn position(&self) -> Result<u64> {
        self.memory.position()
    }
    fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Result<Vec<StoredEntry>> {
        self.memory.entries(log, from, bytes)
    }
    fn entry(&self, log: &LogId, sequence: u64) -> Result<Option<StoredEntry>> {
        self.memory.entry(log, sequence)
    }
    fn gained_since(&self, position: u64, limit: usize) -> Result<Option<Vec<(LogId, u64)>>> {
        self.memory.gained_since(position, limit)
    }
    fn record(&self, id: &RecordId) -> Result<Option<StoredRecord>> {
        self.memory.record(id)
    }
    fn records_of(&self, kind: Kind) -> Result<Vec<RecordId>> {
        self.memory.records_of(kind)
    }
    fn changes(&self, id: &RecordId) -> Result<Vec<ChangeFact>> {
        self.memory.changes(id)
    }
    fn change_entry(&self, id: &RecordId, hash: &ChangeHash) -> Result<Option<EntryRef>> {
        self.memory.change_entry(id, hash)
    }
    fn action(&self, id: &ActionId) -> Result<Vec<EntryRef>> {
        self.memory.action(id)
    }
    fn waiting(&self) -> Result<Vec<(EntryRef, Vec<WaitFor>)>> {
        self.memory.waiting()
    }
    fn receipts(&self) -> Result<Vec<(u64, Receipt)>> {
        self.memory.receipts()
    }
    fn peer(&self, device: &DeviceKey) -> Result<Option<PeerState>> {
        self.memory.peer(device)
    }
    fn forks(&self) -> Result<Vec<ForkProof>> {
        self.memory.forks()
    }
    fn write(&mut self, batch: &Batch) -> Result<()> {
        match self.condition.state.load(Ordering::SeqCst) {
            FULL => Err(StoreError::Full),
            BROKEN => Err(StoreError::Damaged("page 7".into())),
            _ => self.memory.write(batch),
        }
    }
}

fn root() -> AreaId {
    AreaId::parse("320582000000").expect("a code")
}

/// A city centre on such a disk.
fn start() -> (Writer<Disk>, Condition) {
    let keys = CityKeys::from_seeds([1; 32], [2; 32]);
    let key = SigningKey::from_seed(&[3; 32]);
    let grantee = Grantee {
        device: key.key(),
        recipient: [0; 32],
        office: shouwang_protocol::device::OfficeId(1),
        tier: Tier::City,
        areas: vec![root()],
        name: "某市中心".into(),
        serial: 1,
        expires: 60_000,
    };
    let identity = Identity { key, incarnation: Incarnation([1; 16]), root: keys.root, pinned: vec![keys.issue(&grantee)] };
    let condition = Condition::default();
    let disk = Disk { memory: MemoryStore::new(1), condition: condition.clone() };
    let engine = Engine::new(Replica::open(disk, identity).expect("opens"));
    (Writer::start(engine, Clock::real()).expect("a thread"), condition)
}

fn begin(id: u8) -> Action {
    Action { id: ActionId([id; 16]), staff: "s".into(), claimed_ms: 0, shown: Vec::new(), drafts: vec![city::begin(root())] }
}

fn touch(id: u8, record: RecordId) -> Action {
    let edit = Box::new(move |tx: &mut automerge::transaction::Transaction<'_>| Ok(tx.put(ROOT, "note", i64::from(id))?));
    let draft = Draft { record: shouwang_protocol::record::RecordRef::Known(record), edit, place: city::control_place(root()) };
    Action { drafts: vec![draft], ..begin(id) }
}

#[tokio::test]
async fn a_full_disk_makes_the_node_read_only_until_there_is_room_again() {
    let (writer, condition) = start();
    let record = writer.commit(vec![begin(1)]).await.expect("commits")[0].records[0];
    let mut health = writer.health();
    let changes = writer.subscribe();
    let before = *changes.borrow();
    condition.state.store(FULL, Ordering::SeqCst);
    let refused = writer.commit(vec![touch(2, record)]).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Full))), "{refused:?}");
    assert!(matches!(&*health.borrow(), Health::ReadOnly(_)));
    assert_eq!(*changes.borrow(), before, "nothing happened");
    let readable = writer.with(move |engine| engine.replica().record(&record).is_ok_and(|record| record.is_some())).await;
    assert_eq!(readable, Ok(true));

    condition.state.store(WELL, Ordering::SeqCst);
    health.wait_for(|health| *health == Health::Working).await.expect("recovers by itself");
    let done = writer.commit(vec![touch(2, record)]).await.expect("the same action again");
    assert!(!done[0].again);
    assert!(changes.borrow().number > before.number && changes.borrow().position > before.position);
    let again = writer.commit(vec![touch(2, record)]).await.expect("once more");
    assert!(again[0].again);
}

#[tokio::test]
async fn a_damaged_database_takes_nothing_more() {
    let (writer, condition) = start();
    condition.state.store(BROKEN, Ordering::SeqCst);
    assert!(writer.commit(vec![begin(1)]).await.is_err());
    condition.state.store(WELL, Ordering::SeqCst);
    assert_eq!(*writer.health().borrow(), Health::Damaged("page 7".into()));
    let refused = writer.commit(vec![begin(1)]).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Damaged(_)))), "{refused:?}");
    let refused = writer.connected(DeviceKey([9; 32]), false).await;
    assert!(matches!(refused, Err(ConnectError::Store(StoreError::Damaged(_)))));
    assert_eq!(writer.with(|engine| engine.sessions().count()).await, Ok(0), "it can still be looked at");
}

#[tokio::test]
async fn a_fault_in_the_thread_is_not_silent() {
    let (writer, condition) = start();
    let waiting = writer.clone();
    let waiter = tokio::spawn(async move { waiting.ended().await });
    assert!(
        writer
            .with(|_| if true {
                panic!("a fault, for the test")
            })
            .await
            .is_err()
    );
    assert!(matches!(waiter.await, Ok(Health::Failed(_))));
    assert!(condition.closed.load(Ordering::SeqCst));
    assert!(writer.commit(vec![begin(1)]).await.is_err());
    assert!(writer.with(|_| ()).await.is_err());
}

#[tokio::test]
async fn more_callers_than_the_queue_holds_are_all_served_before_it_stops() {
    let (writer, condition) = start();
    let callers: Vec<_> = (0..4 * QUEUE_MAX)
        .map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.with(move |_| n).await })
        })
        .collect();
    for (n, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.await.expect("runs"), Ok(n));
    }
    writer.stop().await;
    assert!(condition.closed.load(Ordering::SeqCst), "the disk is closed when stop returns");
    assert_eq!(writer.ended().await, Health::Stopped);
}
