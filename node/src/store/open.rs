//! Opening the database: one process at a time, the right key, the right version; and setting a damaged file aside.
//!
//! A check of the key is kept outside the file (in the watermark), so that a wrong key and a damaged first page are
//! told apart. The schema has a number; each step from one number to the next is one transaction. A file of a newer
//! program is refused and left alone. Nothing here ever deletes a database.

use super::db::{Db, Options, key_check};
use super::fault::{Fault, OpenError, SetAside};
use super::files::{private, sync_directory};
use super::rows::{Sql, meta_number};
use super::watermark::{Mark, Watermark};
use rusqlite::{OpenFlags, Transaction, TransactionBehavior};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Pages after which the write-ahead log is brought into the file.
const CHECKPOINT_PAGES: i64 = 1_000;
/// Bytes of the write-ahead log that are kept when it was larger for a while.
const JOURNAL_BYTES: i64 = 16 * 1024 * 1024;
/// Databases set aside in one directory.
const SET_ASIDE_MAX: u32 = 10_000;

/// One step of the schema.
#[derive(Clone, Copy)]
pub(crate) enum Migration {
    /// Statements.
    Sql(&'static str),
}

/// The steps; the number of a schema is how many were taken.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration::Sql(include_str!("schema.sql")),
    Migration::Sql(include_str!("exports.sql")),
    Migration::Sql(include_str!("accounts.sql")),
    Migration::Sql(include_str!("doubles.sql")),
    Migration::Sql(include_str!("deciders.sql")),
    Migration::Sql(include_str!("notices.sql")),
    Migration::Sql(include_str!("months.sql")),
    Migration::Sql(include_str!("projects.sql")),
    Migration::Sql(include_str!("checks.sql")),
    Migration::Sql(include_str!("loops.sql")),
    Migration::Sql(include_str!("carry.sql")),
    Migration::Sql(include_str!("money.sql")),
    Migration::Sql(include_str!("given.sql")),
    Migration::Sql(include_str!("areas.sql")),
    Migration::Sql(include_str!("holdings.sql")),
    Migration::Sql(include_str!("shares.sql")),
    Migration::Sql(include_str!("packs.sql")),
];

/// The database file in a data directory.
pub fn database_path(dir: &Path) -> PathBuf {
    dir.join("shouwang.db")
}

pub(crate) fn watermark_path(dir: &Path) -> PathBuf {
    dir.join("released")
}

/// Takes the directory for this process; it is given back when the file is dropped, or by the system.
pub(crate) fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = private().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|error| Fault::Io("the lock file", error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::Locked),
        Err(std::fs::TryLockError::Error(error)) => Err(Fault::Io("the lock file", error).into()),
    }
}

/// Whether another process has the directory.
pub fn is_locked(dir: &Path) -> bool {
    matches!(lock(dir), Err(OpenError::Locked))
}

fn read_watermark(dir: &Path) -> Result<Option<Watermark>, OpenError> {
    Ok(Watermark::open(&watermark_path(dir)).map_err(|error| Fault::Io("the watermark file", error))?)
}

/// The open parts of a store.
pub(crate) struct Opened {
    pub db: Db,
    pub lock: File,
    pub watermark: Watermark,
    pub epoch: u64,
    /// Whether no watermark lay beside the file.
    pub unmarked: bool,
}

/// Makes a new database.
pub(crate) fn create(dir: &Path, key: &[u8; 32], options: Options) -> Result<Opened, OpenError> {
    let lock = lock(dir)?;
    let path = database_path(dir);
    if std::fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
        return Err(OpenError::Exists);
    }
    // The file is made by us, so that only its owner may read it.
    let made = private().write(true).create(true).truncate(false).open(&path);
    made.map_err(|error| Fault::Io("the database file", error))?;
    let db = writer(&path, key, options)?;
    migrate(&db, MIGRATIONS)?;
    let epoch = fresh_epoch()?;
    set_epoch(&db, epoch)?;
    sync_directory(dir).map_err(|error| Fault::Io("the data directory", error))?;
    let mark = Mark { epoch, key_check: key_check(key), ..Mark::default() };
    let watermark = Watermark::create(&watermark_path(dir), mark).map_err(|error| Fault::Io("the watermark file", error))?;
    Ok(Opened { db, lock, watermark, epoch, unmarked: false })
}

/// Opens an existing database.
pub(crate) fn open(dir: &Path, key: &[u8; 32], options: Options) -> Result<Opened, OpenError> {
    let path = database_path(dir);
    if !path.exists() {
        return Err(OpenError::Missing);
    }
    let lock = lock(dir)?;
    let watermark = read_watermark(dir)?;
    let check = key_check(key);
    let known = watermark.as_ref().map(|watermark| watermark.mark().key_check);
    if known.is_some_and(|known| known != check) {
        return Err(OpenError::WrongKey);
    }
    // Without a watermark nobody can tell a wrong key from a damaged first page.
    let unreadable = |error| match OpenError::from(error) {
        OpenError::Damaged(_) if known.is_none() => OpenError::WrongKey,
        other => other,
    };
    let empty = std::fs::metadata(&path).is_ok_and(|file| file.len() == 0);
    if empty && watermark.is_none() {
        return Err(OpenError::Missing);
    }
    if empty {
        return Err(OpenError::Damaged("the file is empty".to_owned()));
    }
    let db = Db::connect(&path, key, options, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unreadable)?;
    db.conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(|error| unreadable(Fault::from(error)))?;
    configure(&db)?;
    migrate(&db, MIGRATIONS)?;
    let epoch = match meta_number(&db.conn, "epoch")? {
        Some(epoch) => epoch,
        // A crash between the schema and the epoch: nothing was ever written here.
        None => {
            let fresh = super::vault::random::<8>()
                .map(u64::from_le_bytes)
                .map_err(|_| Fault::Damaged("the system gives no random bytes"))?;
            set_epoch(&db, fresh)?;
            fresh
        }
    };
    let (watermark, unmarked) = match watermark {
        Some(watermark) => (watermark, false),
        None => {
            let mark = Mark { epoch, key_check: check, ..Mark::default() };
            let made = Watermark::create(&watermark_path(dir), mark).map_err(|error| Fault::Io("the watermark file", error))?;
            (made, true)
        }
    };
    Ok(Opened { db, lock, watermark, epoch, unmarked })
}

fn writer(path: &Path, key: &[u8; 32], options: Options) -> Sql<Db> {
    let db = Db::connect(path, key, options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    configure(&db)?;
    Ok(db)
}

pub(crate) fn configure(db: &Db) -> Sql<()> {
    // FULL, because an acknowledged action must survive a power cut: NORMAL lost commits in a third of simulated cuts.
    db.conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    db.conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.conn.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
    Ok(())
}

/// A random number for a database file.
pub(crate) fn fresh_epoch() -> Sql<u64> {
    let bytes = super::vault::random::<8>().map_err(|_| Fault::Io("random numbers", std::io::ErrorKind::Other.into()))?;
    Ok(u64::from_le_bytes(bytes))
}

pub(crate) fn set_epoch(db: &Db, epoch: u64) -> Sql<()> {
    db.conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('epoch', ?1)", [epoch.to_le_bytes()])?;
    Ok(())
}

/// Brings the schema to the newest version, a transaction for each step.
pub(crate) fn migrate(db: &Db, steps: &[Migration]) -> Result<(), OpenError> {
    let version = |db: &Db| -> Sql<i64> { Ok(db.conn.query_row("PRAGMA user_version", [], |row| row.get(0))?) };
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let found = version(db)?;
    if found > known {
        return Err(OpenError::NewerVersion { found, known });
    }
    let done = usize::try_from(found).map_err(|_| OpenError::Damaged("the schema has no version".to_owned()))?;
    for (number, step) in steps.iter().enumerate().skip(done) {
        let tx = Transaction::new_unchecked(&db.conn, TransactionBehavior::Immediate)?;
        let Migration::Sql(sql) = step;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", number as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}

/// Moves a damaged database, with its write-ahead log and watermark, to `damaged-<n>/` in the same directory.
pub fn set_aside(dir: &Path) -> Result<SetAside, OpenError> {
    let _lock = lock(dir)?;
    let io = |error| Fault::Io("the data directory", error);
    let free = (1..=SET_ASIDE_MAX).map(|n| dir.join(format!("damaged-{n}"))).find(|kept| !kept.exists());
    let kept_in = free.ok_or(Fault::Damaged("too many databases were set aside"))?;
    std::fs::create_dir(&kept_in).map_err(io)?;
    let mut moved = false;
    // The write-ahead log first: without it the file is older, with another file it would be wrong.
    for name in ["shouwang.db-wal", "shouwang.db-shm", "shouwang.db"] {
        let from = dir.join(name);
        if from.exists() {
            std::fs::rename(&from, kept_in.join(name)).map_err(io)?;
            moved = true;
        }
    }
    if watermark_path(dir).exists() {
        std::fs::rename(watermark_path(dir), kept_in.join("released")).map_err(io)?;
    }
    sync_directory(&kept_in).map_err(io)?;
    sync_directory(dir).map_err(io)?;
    if !moved {
        return Err(OpenError::Missing);
    }
    let advice = format!(
        "The damaged database was moved to {} and is kept. Nothing that the superior office confirmed is lost: start the \
         program, and it fetches everything again. Entries that were not confirmed may still be read from the damaged \
         file by a specialist; do not delete it before the superior office has confirmed everything.",
        kept_in.display()
    );
    Ok(SetAside { kept_in, advice })
}
