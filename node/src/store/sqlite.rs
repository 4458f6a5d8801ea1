//! The store on disk: one write connection to an encrypted SQLite file, one transaction for each batch.
//!
//! A batch, and the views that follow from it, are written together or not at all, durably, before `write` returns;
//! where own entries were among them, the watermark follows before anybody hears of it. After an error the outcome
//! is unknown and the caller reads everything again. Pages never read through this connection: see `reader`.

use super::db::{Db, Options};
use super::fault::{Fault, OpenError};
use super::open::{self, Opened};
use super::rows::{self, Sql};
use super::views::ViewState;
use super::watermark::{Mark, Watermark};
use super::write::Writer;
use automerge::ChangeHash;
use rusqlite::{Transaction, TransactionBehavior};
use shouwang_protocol::device::{DeviceKey, Incarnation};
use shouwang_protocol::entry::{EntryRef, LogId};
use shouwang_protocol::frontier::LogHead;
use shouwang_protocol::record::{ActionId, Kind, RecordId};
use shouwang_protocol::store::{
    Batch, ChangeFact, ForkProof, PeerState, RefusedEntry, Store, StoreError, StoredEntry, StoredRecord, WaitFor,
};
use shouwang_protocol::sync::receipt::Receipt;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a new incarnation had to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begun {
    /// This database had none yet.
    First,
    /// The database was restored from a backup.
    Restored,
    /// No watermark lay beside the database.
    NoWatermark,
    /// The watermark speaks of another database file or another device.
    OtherStore,
    /// The database holds less than was released: an older copy was put in its place.
    Shorter,
    /// The caller asked for one (a peer holds more of our log than we do).
    Asked,
}

/// The life that goes on or begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    /// Its name.
    pub incarnation: Incarnation,
    /// Why it is a new one; none: the old one goes on.
    pub begun: Option<Begun>,
}

/// The store on disk.
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) db: Db,
    pub(super) views: RefCell<ViewState>,
    watermark: RefCell<Watermark>,
    // A mark that is to be on the disk before anything is released.
    owed: Cell<Option<Mark>>,
    // A write failed: own entries may be durable that no mark covers.
    unsure: Cell<bool>,
    epoch: Cell<u64>,
    unmarked: bool,
    dir: PathBuf,
    _lock: File,
}

impl Drop for SqliteStore {
    /// Brings the write-ahead log into the file. A page of the file carries a proof that its bits are as they were
    /// written; a flipped bit in the log would quietly end it there. What cannot be brought over stays in the log.
    fn drop(&mut self) {
        let _ = self.db.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

impl SqliteStore {
    /// Makes a new database in a directory that has none.
    pub fn create(dir: &Path, key: &[u8; 32], options: Options) -> Result<SqliteStore, OpenError> {
        SqliteStore::ready(dir, open::create(dir, key, options)?)
    }

    /// Opens the database of a directory, and brings its schema up to date.
    pub fn open(dir: &Path, key: &[u8; 32], options: Options) -> Result<SqliteStore, OpenError> {
        SqliteStore::ready(dir, open::open(dir, key, options)?)
    }

    /// Opens the database of a directory, or makes one where there is none.
    pub fn open_or_create(dir: &Path, key: &[u8; 32], options: Options) -> Result<SqliteStore, OpenError> {
        match SqliteStore::open(dir, key, options) {
            Err(OpenError::Missing) => SqliteStore::create(dir, key, options),
            other => other,
        }
    }

    fn ready(dir: &Path, opened: Opened) -> Result<SqliteStore, OpenError> {
        let Opened { db, lock, watermark, epoch, unmarked } = opened;
        let watermark = RefCell::new(watermark);
        let store = SqliteStore {
            db,
            views: RefCell::default(),
            watermark,
            owed: Cell::new(None),
            unsure: Cell::new(false),
            epoch: Cell::new(epoch),
            unmarked,
            dir: dir.to_owned(),
            _lock: lock,
        };
        store.refresh_views()?;
        Ok(store)
    }

    /// The directory it lies in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Says which life of `device` goes on in this database, or begins a new one (with `fresh`, which must be random)
    /// when the old one must not. To be called once, before anything is written.
    pub fn open_incarnation(&self, device: DeviceKey, fresh: Incarnation) -> Result<Life, StoreError> {
        let mark = self.watermark.borrow().mark();
        let begun = match mark.incarnation {
            None if self.unmarked => Some(Begun::NoWatermark),
            None if self.db.knows_device(&device)? => Some(Begun::Restored),
            None => Some(Begun::First),
            Some(_) if mark.epoch != self.epoch.get() || mark.device != device => Some(Begun::OtherStore),
            Some(_) if mark.position > 0 && !self.db.holds(mark.position, &mark.hash)? => Some(Begun::Shorter),
            Some(_) => None,
        };
        match (begun, mark.incarnation) {
            (None, Some(incarnation)) => {
                // A crash between a commit and its mark: what is here may be released from now on.
                if let Some((position, hash)) = self.db.last_own(&device, &incarnation)?
                    && position > mark.position
                {
                    self.mark(Mark { position, hash, ..mark })?;
                }
                Ok(Life { incarnation, begun })
            }
            _ => {
                // What peers remember of this database may not be true of this file.
                if matches!(begun, Some(Begun::NoWatermark | Begun::OtherStore | Begun::Shorter)) {
                    self.renew_epoch()?;
                }
                let mark = Mark {
                    epoch: self.epoch.get(),
                    device,
                    incarnation: Some(fresh),
                    position: 0,
                    hash: Default::default(),
                    ..mark
                };
                self.mark(mark)?;
                Ok(Life { incarnation: fresh, begun })
            }
        }
    }

    fn renew_epoch(&self) -> Result<(), StoreError> {
        let epoch = open::fresh_epoch()?;
        self.transaction(|db, _| {
            open::set_epoch(db, epoch)?;
            db.conn.execute("DELETE FROM peer", [])?;
            Ok(())
        })?;
        self.epoch.set(epoch);
        Ok(())
    }

    /// Notes that a new life begins (`fresh` must be random): to be called before the replica is told.
    pub fn begin_incarnation(&self, device: DeviceKey, fresh: Incarnation) -> Result<Life, StoreError> {
        let mark = self.watermark.borrow().mark();
        let mark =
            Mark { epoch: self.epoch.get(), device, incarnation: Some(fresh), position: 0, hash: Default::default(), ..mark };
        self.mark(mark)?;
        Ok(Life { incarnation: fresh, begun: Some(Begun::Asked) })
    }

    fn mark(&self, mark: Mark) -> Result<(), StoreError> {
        self.owed.set(Some(mark));
        self.settle()
    }

    /// Writes the mark that is owed. Until this succeeds nothing is read from here, so nothing is released.
    fn settle(&self) -> Result<(), StoreError> {
        if self.unsure.get() {
            let mark = self.watermark.borrow().mark();
            if let Some(incarnation) = mark.incarnation
                && let Some((position, hash)) = self.db.last_own(&mark.device, &incarnation)?
                && position > mark.position
            {
                self.owed.set(Some(Mark { position, hash, ..mark }));
            }
            self.unsure.set(false);
        }
        if let Some(mark) = self.owed.get() {
            self.watermark.borrow_mut().set(mark).map_err(|error| Fault::Io("the watermark file", error))?;
            self.owed.set(None);
        }
        Ok(())
    }

    /// Runs `change` in one transaction on the write connection.
    pub(super) fn transaction<T>(&self, change: impl FnOnce(&Db, &mut ViewState) -> Sql<T>) -> Sql<T> {
        let tx = Transaction::new_unchecked(&self.db.conn, TransactionBehavior::Immediate)?;
        let mut views = self.views.borrow_mut();
        let result = change(&self.db, &mut views).and_then(|done| Ok(tx.commit().map(|()| done)?));
        if result.is_err() {
            views.forget();
        }
        result
    }

    fn own_mark(&self, batch: &Batch) -> Option<Mark> {
        let mark = self.watermark.borrow().mark();
        let own = |entry: &&StoredEntry| entry.log.device == mark.device && mark.incarnation == Some(entry.log.incarnation);
        let last = batch.entries.iter().filter(own).max_by_key(|entry| entry.position)?;
        Some(Mark { position: last.position, hash: last.hash, ..mark })
    }

    /// Refused entries, oldest first.
    pub fn refused(&self) -> Result<Vec<RefusedEntry>, StoreError> {
        Ok(self.db.refused()?)
    }

    /// Entries that were cut off, in the order in which that happened.
    pub fn evidence(&self) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(self.db.evidence()?)
    }

    /// Checks every page of the file: nothing when all is well, else what SQLite says of the damage.
    pub fn check_pages(&self) -> Result<Vec<String>, StoreError> {
        let text = |row: &rusqlite::Row<'_>| Ok(row.get::<_, String>(0)?);
        let mut found = rows::all(&self.db.conn, "PRAGMA cipher_integrity_check", [], text)?;
        found.extend(rows::all(&self.db.conn, "PRAGMA quick_check", [], text)?.into_iter().filter(|line| line != "ok"));
        Ok(found)
    }
}

impl Store for SqliteStore {
    fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    fn heads(&self) -> Result<Vec<(LogId, LogHead)>, StoreError> {
        self.settle()?;
        Ok(self.db.heads()?)
    }

    fn position(&self) -> Result<u64, StoreError> {
        Ok(rows::meta_number(&self.db.conn, "position")?.unwrap_or(0))
    }

    fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(self.db.entries(log, from, bytes)?)
    }

    fn entry(&self, log: &LogId, sequence: u64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.db.entry(log, sequence)?)
    }

    fn gained_since(&self, position: u64, limit: usize) -> Result<Option<Vec<(LogId, u64)>>, StoreError> {
        Ok(self.db.gained_since(position, limit)?)
    }

    fn record(&self, id: &RecordId) -> Result<Option<StoredRecord>, StoreError> {
        Ok(self.db.record(id)?)
    }

    fn records_of(&self, kind: Kind) -> Result<Vec<RecordId>, StoreError> {
        Ok(self.db.records_of(kind)?)
    }

    fn changes(&self, id: &RecordId) -> Result<Vec<ChangeFact>, StoreError> {
        Ok(self.db.changes(id)?)
    }

    fn change_entry(&self, id: &RecordId, hash: &ChangeHash) -> Result<Option<EntryRef>, StoreError> {
        Ok(self.db.change_entry(id, &hash.0)?)
    }

    fn action(&self, id: &ActionId) -> Result<Vec<EntryRef>, StoreError> {
        Ok(self.db.action(id)?)
    }

    fn waiting(&self) -> Result<Vec<(EntryRef, Vec<WaitFor>)>, StoreError> {
        Ok(self.db.waiting()?)
    }

    fn receipts(&self) -> Result<Vec<(u64, Receipt)>, StoreError> {
        Ok(self.db.receipts()?)
    }

    fn peer(&self, device: &DeviceKey) -> Result<Option<PeerState>, StoreError> {
        Ok(self.db.peer(device)?)
    }

    fn forks(&self) -> Result<Vec<ForkProof>, StoreError> {
        Ok(self.db.forks()?)
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.settle()?;
        let mark = self.own_mark(batch);
        let written = self.transaction(|db, views| {
            let before = views.before(db, batch)?;
            Writer::new(db).batch(batch)?;
            views.apply(db, batch, before)
        });
        match written {
            Ok(()) => mark.map_or(Ok(()), |mark| self.mark(mark)),
            Err(fault) => {
                self.unsure.set(mark.is_some());
                Err(fault.into())
            }
        }
    }
}
