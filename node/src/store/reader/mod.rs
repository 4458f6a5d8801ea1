//! Reading beside the writer: read-only connections, each answer from one WAL snapshot.
//!
//! [`Readers`] is a small pool that any thread may use; [`Readers::read`] runs a closure inside one read transaction,
//! so that everything a page shows fits together. Nothing here waits for a write or for sync, and nothing writes. All
//! lists have limits. What a person may see is the Desk's to decide: a reader answers whatever it is asked.

mod allotments;
mod cases;
mod categories;
mod checks;
mod doubles;
mod heard;
mod history;
mod households;
mod loops;
mod months;
mod projects;
mod registry;
mod statistics;
mod work;
mod years;

pub use cases::{Actor, CaseFile, CaseFilter, CaseRow, CasesOfPack, TurnRow};
pub use categories::{CategoryCount, CategoryOn};
pub use checks::{CheckRow, LookRow};
pub use heard::{AsOf, Heard};
pub use history::{HistoryItem, IdleEntry, Stored};
pub use households::{ConflictRow, DuplicateRow, HouseholdDetail, HouseholdFilter, HouseholdRow};
pub use loops::{ErrandRow, LateRow, TransferDays};
pub use projects::{BookingRow, ProjectRow};
pub use registry::{Counts, DeviceRow, HeldPack, StaffRow};
pub use statistics::{
    AccountBy, AccountFilter, AccountRow, BenefitBy, BenefitFilter, BenefitRow, Corrected, Figure, Group, Period, Tally,
};
pub use work::{BatchRow, NoticeRow, PaidTwice, PayoutRow};
pub use years::{YearCount, YearFilter, YearRow};

use super::db::{Db, Options};
use super::fault::{Fault, OpenError};
use super::open::{MIGRATIONS, database_path};
use super::rows::Sql;
use super::views::{self, Context};
use automerge::Automerge;
use rusqlite::types::Value;
use rusqlite::{OpenFlags, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::{Kind, Place, RecordId};
use shouwang_protocol::store::{StoreError, StoredEntry};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Rows of one page of a list, at most.
pub const PAGE_ROWS_MAX: u32 = 500;

/// Which part of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Rows before it.
    pub offset: u64,
    /// Rows of it, at most [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

impl Page {
    /// The first `limit` rows.
    pub fn first(limit: u32) -> Page {
        Page { offset: 0, limit }
    }
}

/// Part of a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether more follow.
    pub more: bool,
}

/// Read connections for many threads.
#[derive(Clone)]
pub struct Readers(Arc<Inner>);

struct Inner {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    options: Options,
    keep: usize,
    idle: Mutex<Vec<Reader>>,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers")
    }
}

impl Readers {
    /// Readers of a directory's database, which must be open for writing in this or another process. At most `keep`
    /// idle connections are kept; each has a cache of its own.
    pub fn open(dir: &Path, key: &[u8; 32], options: Options, keep: usize) -> Result<Readers, OpenError> {
        let path = database_path(dir);
        if !path.exists() {
            return Err(OpenError::Missing);
        }
        let inner = Inner { path, key: Zeroizing::new(*key), options, keep, idle: Mutex::default() };
        let readers = Readers(Arc::new(inner));
        let reader = readers.connect()?;
        let found: i64 = reader.db.conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        if found != known {
            return Err(OpenError::NewerVersion { found, known });
        }
        readers.give_back(reader);
        Ok(readers)
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.0.path.parent().unwrap_or(Path::new("."))
    }

    fn connect(&self) -> Sql<Reader> {
        let Inner { path, key, options, .. } = &*self.0;
        let db = Db::connect(path, key, *options, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.conn.execute_batch("PRAGMA query_only = ON;")?;
        Ok(Reader { db, context: RefCell::default() })
    }

    fn give_back(&self, reader: Reader) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.0.keep {
            idle.push(reader);
        }
    }

    /// A copy of the database as it is now, compact, under the same key.
    pub(super) fn vacuum_into(&self, path: &Path) -> Sql<()> {
        let path = path.to_str().ok_or(Fault::Damaged("the path of the backup is no text"))?;
        let reader = self.connect()?;
        // Otherwise SQLite would not write the copy either; the database itself stays open for reading only.
        reader.db.conn.execute_batch("PRAGMA query_only = OFF;")?;
        reader.db.conn.execute("VACUUM INTO ?1", [path])?;
        Ok(())
    }

    /// Asks everything in `ask` of one snapshot.
    pub fn read<T>(&self, ask: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => self.connect()?,
        };
        let answer = {
            let tx = Transaction::new_unchecked(&reader.db.conn, TransactionBehavior::Deferred).map_err(Fault::from)?;
            let answer = ask(&reader);
            // Only ends the snapshot; there is nothing to undo.
            drop(tx);
            answer
        };
        if !matches!(answer, Err(StoreError::Damaged(_) | StoreError::Failed(_))) {
            self.give_back(reader);
        }
        answer
    }
}

/// A read-only connection.
pub struct Reader {
    pub(super) db: Db,
    context: RefCell<Option<Arc<Context>>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

/// A record's document.
#[derive(Debug)]
pub struct Document {
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub place: Place,
    /// What it says.
    pub doc: Automerge,
}

impl Reader {
    fn context(&self) -> Sql<Arc<Context>> {
        let generation = Context::generation(&self.db)?;
        if let Some(context) = self.context.borrow().as_ref().filter(|context| context.generation == generation) {
            return Ok(context.clone());
        }
        let context = Arc::new(Context::load(&self.db)?);
        *self.context.borrow_mut() = Some(context.clone());
        Ok(context)
    }

    /// A record's document.
    pub fn document(&self, id: &RecordId) -> Result<Option<Document>, StoreError> {
        let Some(stored) = self.db.record(id)? else { return Ok(None) };
        Ok(Some(Document { kind: stored.kind, place: stored.place, doc: views::load(&stored.snapshot)? }))
    }

    /// An entry.
    pub fn entry(&self, reference: &shouwang_protocol::entry::EntryRef) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.db.entry_named(reference)?)
    }

    /// Says where a view is not what the records say; nothing when all is well.
    pub fn compare_views(&self) -> Result<Vec<String>, StoreError> {
        Ok(views::compare(&self.db)?)
    }
}

/// A statement put together from fixed parts; what people typed is only ever a parameter.
struct Statement {
    sql: String,
    values: Vec<Value>,
    filtered: bool,
}

impl Statement {
    fn new(sql: &'static str) -> Statement {
        Statement { sql: sql.to_owned(), values: Vec::new(), filtered: false }
    }

    fn push(&mut self, part: &'static str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(part);
        self.values.extend(values);
    }

    /// A further condition.
    fn and(&mut self, condition: &'static str, values: impl IntoIterator<Item = Value>) {
        self.push(if self.filtered { " AND " } else { " WHERE " }, []);
        self.filtered = true;
        self.push(condition, values);
    }

    /// The area, or one below, must be among these; no areas: any.
    fn within(&mut self, column: &'static str, areas: &[AreaId]) {
        if areas.is_empty() {
            return;
        }
        self.and(column, []);
        self.push(" IN (WITH RECURSIVE below (id) AS (VALUES ", []);
        for (at, area) in areas.iter().enumerate() {
            self.push(if at == 0 { "(?)" } else { ", (?)" }, [Value::Integer(super::rows::int(area.raw()))]);
        }
        self.push(" UNION SELECT area.id FROM area JOIN below ON area.parent = below.id) SELECT id FROM below)", []);
    }

    /// One row more than the page has, to tell whether there are more.
    fn page(&mut self, page: Page) {
        let limit = i64::from(page.limit.min(PAGE_ROWS_MAX)) + 1;
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.push(" LIMIT ? OFFSET ?", [Value::Integer(limit), Value::Integer(offset)]);
    }

    fn all<T>(&self, db: &Db, read: impl FnMut(&Row<'_>) -> Sql<T>) -> Sql<Vec<T>> {
        super::rows::all(&db.conn, &self.sql, rusqlite::params_from_iter(&self.values), read)
    }

    fn listed<T>(&self, db: &Db, page: Page, read: impl FnMut(&Row<'_>) -> Sql<T>) -> Sql<Listed<T>> {
        let mut rows = self.all(db, read)?;
        let limit = page.limit.min(PAGE_ROWS_MAX) as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Listed { rows, more })
    }

    fn count(&self, db: &Db) -> Sql<u64> {
        let counted =
            super::rows::first(&db.conn, &self.sql, rusqlite::params_from_iter(&self.values), |row| Ok(row.get::<_, i64>(0)?))?;
        Ok(super::rows::number(counted.unwrap_or(0)))
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
