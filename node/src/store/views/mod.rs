//! Views: what pages and lists ask for, derived from records in the transaction that writes them.
//!
//! Each view is made in two steps: `derive` reads documents and gives plain rows, `write` puts them into tables. So
//! the same `derive` serves the write, [`rebuild`](SqliteStore::rebuild_views) and [`compare`]. A view holds nothing
//! that its records do not say: two stores with the same records have the same views. A case is derived again when a
//! volume of it changes, and all cases when policy packs, deciders or devices' offices change.

mod account;
mod award;
mod checks;
mod context;
mod hop;
mod household;
mod matter;
pub(crate) mod month;
mod project;
pub(crate) mod registry;
mod work;

pub(crate) use award::doubled as award_doubled;
pub(crate) use context::Context;
pub(crate) use household::days;
pub(crate) use matter::{Key as CaseKey, Spot as MatterSpot, case_records};
pub(crate) use project::{PROJECT, project, share, stamp};

use super::db::Db;
use super::fault::{Fault, OpenError};
use super::rows::{Sql, all, array, first, fixed, meta_number};
use super::sqlite::SqliteStore;
use automerge::Automerge;
use rusqlite::Connection;
use shouwang_protocol::device::{Certificate, DeviceKey};
use shouwang_protocol::fence;
use shouwang_protocol::record::{Kind, RecordId};
use shouwang_protocol::store::{Batch, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of what is derived; views of another version are rebuilt on opening.
const VERSION: u64 = 10;

/// Documents at hand while views are derived.
pub(crate) type Docs = BTreeMap<RecordId, Arc<Automerge>>;

/// What deriving needs besides a record, kept between writes.
#[derive(Debug, Default)]
pub(super) struct ViewState {
    context: Option<Arc<Context>>,
}

/// What a batch is about to take away.
pub(super) struct Before {
    cases: BTreeSet<matter::Key>,
    context: bool,
}

/// A document of a record: the one in memory, else the stored one.
pub(crate) fn document(db: &Db, docs: &Docs, id: &RecordId) -> Sql<Option<Arc<Automerge>>> {
    if let Some(doc) = docs.get(id) {
        return Ok(Some(doc.clone()));
    }
    match db.record(id)? {
        Some(stored) => Ok(Some(Arc::new(load(&stored.snapshot)?))),
        None => Ok(None),
    }
}

pub(crate) fn load(snapshot: &[u8]) -> Sql<Automerge> {
    fence::load(snapshot).map_err(|_| Fault::Damaged("a record's document cannot be read"))
}

/// Number and place of a record.
fn spot(db: &Db, id: &RecordId) -> Sql<Option<(i64, Kind, Option<matter::Key>)>> {
    let sql = "SELECT id, kind, case_id, area, floor FROM record WHERE name = ?1";
    first(&db.conn, sql, [id.0.0], |row| {
        let case = match row.get_ref(2)?.as_blob_or_null() {
            Ok(Some(bytes)) => Some(matter::Key { case: array(bytes)?, area: row.get(3)?, floor: row.get(4)? }),
            _ => None,
        };
        Ok((row.get(0)?, Kind(row.get(1)?), case))
    })
}

pub(super) fn execute(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Sql<usize> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// The first 64 bits of a hash of a text: to tell whether it changed.
fn text_hash(text: &str) -> i64 {
    use shouwang_protocol::hash::Hash;
    let hash = Hash::of("shouwang view text 1", &[text.as_bytes()]);
    i64::from_le_bytes(array(&hash.0[..8]).unwrap_or_default())
}

impl ViewState {
    /// After an error: what was kept may never have been written.
    pub fn forget(&mut self) {
        self.context = None;
    }

    fn context(&mut self, db: &Db) -> Sql<Arc<Context>> {
        if let Some(context) = &self.context {
            return Ok(context.clone());
        }
        let context = Arc::new(Context::load(db)?);
        self.context = Some(context.clone());
        Ok(context)
    }

    fn changed(&mut self, db: &Db) -> Sql<()> {
        self.context = None;
        Context::note_change(db)
    }

    /// Takes out of the views what a batch lets vanish, before its records are gone.
    pub fn before(&mut self, db: &Db, batch: &Batch) -> Sql<Before> {
        let mut before = Before { cases: BTreeSet::new(), context: false };
        for id in &batch.vanished {
            let Some((number, kind, case)) = spot(db, id)? else { continue };
            before.cases.extend(case);
            match kind {
                Kind::HOUSEHOLD => household::remove(db, number)?,
                Kind::POLICY | Kind::DEVICE | Kind::DIVISIONS => before.context = true,
                _ => {}
            }
        }
        Ok(before)
    }

    /// Brings the views up to date with a batch that was just written.
    pub fn apply(&mut self, db: &Db, batch: &Batch, before: Before) -> Sql<()> {
        let docs: Docs = batch.records.iter().filter_map(|update| Some((update.id, update.doc.clone()?))).collect();
        let Before { mut cases, context: mut context_changed } = before;
        for update in &batch.records {
            let Some((number, kind, case)) = spot(db, &update.id)? else { continue };
            cases.extend(case);
            let doc = || document(db, &docs, &update.id).and_then(|doc| doc.ok_or(Fault::Damaged("a record is missing")));
            match kind {
                Kind::HOUSEHOLD => household::HouseholdView::derive(update.place.area, &*doc()?).write(db, number)?,
                Kind::STAFF => registry::StaffView::derive(&*doc()?).write(db, number)?,
                Kind::SIGN_OFF => month::SignOffView::derive(update.place.area, &*doc()?).write(db, number)?,
                Kind::PROJECT => project::ProjectView::derive(&*doc()?).write(db, number)?,
                Kind::VERIFICATION => checks::VerificationView::derive(&*doc()?).write(db, number)?,
                Kind::POLICY => context_changed |= registry::PolicyView::derive(&*doc()?)?.write(db, number)?,
                Kind::DEVICE => {
                    let context = self.context(db)?;
                    context_changed |= registry::write_device(db, number, registry::DeviceView::derive(&*doc()?, &context))?;
                }
                Kind::DIVISIONS => {}
                _ => {}
            }
        }
        let tree = |kind: Kind| kind == Kind::DIVISIONS;
        if batch.records.iter().any(|update| tree(update.kind)) || (context_changed && !batch.vanished.is_empty()) {
            context_changed |= registry::TreeView::derive(db, &docs)?.write(db)?;
        }
        if context_changed {
            self.changed(db)?;
            cases = matter::all_keys(db)?;
        }
        if !cases.is_empty() {
            let context = self.context(db)?;
            for key in cases {
                matter::refresh(db, &context, &key, &docs)?;
            }
        }
        Ok(())
    }
}

const VIEW_TABLES: &[&str] = &[
    "DELETE FROM hop",
    "DELETE FROM errand",
    "DELETE FROM checked",
    "DELETE FROM verification",
    "DELETE FROM sign_off",
    "DELETE FROM booking",
    "DELETE FROM project",
    "DELETE FROM award",
    "DELETE FROM doubled",
    "DELETE FROM posted",
    "DELETE FROM payout",
    "DELETE FROM handler",
    "DELETE FROM account",
    "DELETE FROM payment",
    "DELETE FROM need",
    "DELETE FROM turn",
    "DELETE FROM transfer",
    "DELETE FROM matter",
    "DELETE FROM duplicate",
    "DELETE FROM conflict",
    "DELETE FROM aid",
    "DELETE FROM holding",
    "DELETE FROM member",
    "DELETE FROM household",
    "DELETE FROM staff",
    "DELETE FROM policy",
    "DELETE FROM decided",
    "DELETE FROM device",
    "DELETE FROM office",
    "DELETE FROM area",
];

/// Kinds of records with a view of their own, in the order in which they need each other.
const VIEWED: &[Kind] =
    &[Kind::DEVICE, Kind::POLICY, Kind::STAFF, Kind::PROJECT, Kind::VERIFICATION, Kind::HOUSEHOLD, Kind::SIGN_OFF];

fn numbered(db: &Db, kind: Kind) -> Sql<Vec<(i64, RecordId)>> {
    let sql = "SELECT id, name FROM record WHERE kind = ?1 ORDER BY name";
    all(&db.conn, sql, [kind.0], |row| Ok((row.get(0)?, RecordId(shouwang_protocol::hash::Hash(fixed(row, 1)?)))))
}

fn rebuild(db: &Db, state: &mut ViewState) -> Sql<()> {
    for sql in VIEW_TABLES {
        db.conn.execute(sql, [])?;
    }
    db.conn.execute("INSERT INTO household_text (household_text) VALUES ('delete-all')", [])?;
    db.conn.execute("INSERT INTO matter_text (matter_text) VALUES ('delete-all')", [])?;
    state.changed(db)?;
    let none = Docs::new();
    for kind in VIEWED.iter().copied() {
        for (number, id) in numbered(db, kind)? {
            let Some(stored) = db.record(&id)? else { continue };
            let doc = load(&stored.snapshot)?;
            match kind {
                Kind::SIGN_OFF => month::SignOffView::derive(stored.place.area, &doc).write(db, number)?,
                Kind::DEVICE => {
                    let context = state.context(db)?;
                    registry::write_device(db, number, registry::DeviceView::derive(&doc, &context))?;
                }
                Kind::POLICY => drop(registry::PolicyView::derive(&doc)?.write(db, number)?),
                Kind::STAFF => registry::StaffView::derive(&doc).write(db, number)?,
                Kind::PROJECT => project::ProjectView::derive(&doc).write(db, number)?,
                Kind::VERIFICATION => checks::VerificationView::derive(&doc).write(db, number)?,
                _ => household::HouseholdView::derive(stored.place.area, &doc).write(db, number)?,
            }
        }
    }
    registry::TreeView::derive(db, &none)?.write(db)?;
    state.changed(db)?;
    let context = state.context(db)?;
    for key in matter::all_keys(db)? {
        matter::refresh(db, &context, &key, &none)?;
    }
    execute(&db.conn, "INSERT OR REPLACE INTO meta (key, value) VALUES ('views', ?1)", [VERSION.to_le_bytes()])?;
    Ok(())
}

/// Derives every view again, without writing, and says where the stored one differs. In words without personal data.
pub(crate) fn compare(db: &Db) -> Sql<Vec<String>> {
    let mut found = Vec::new();
    let mut say = |kind: &str, id: &RecordId| found.push(format!("{kind} {id:?}: the view is not what the record says"));
    let context = Context::load(db)?;
    for kind in VIEWED.iter().copied() {
        for (number, id) in numbered(db, kind)? {
            let Some(stored) = db.record(&id)? else { continue };
            let doc = load(&stored.snapshot)?;
            let same = match kind {
                Kind::SIGN_OFF => {
                    let derived = month::SignOffView::derive(stored.place.area, &doc);
                    month::SignOffView::load(db, number)? == Some(derived)
                }
                Kind::DEVICE => registry::DeviceView::load(db, number)? == registry::DeviceView::derive(&doc, &context),
                Kind::POLICY => registry::PolicyView::load(db, number)? == Some(registry::PolicyView::derive(&doc)?),
                Kind::STAFF => registry::StaffView::load(db, number)? == Some(registry::StaffView::derive(&doc)),
                Kind::PROJECT => project::ProjectView::load(db, number)? == Some(project::ProjectView::derive(&doc)),
                Kind::VERIFICATION => checks::VerificationView::load(db, number)? == Some(checks::VerificationView::derive(&doc)),
                _ => {
                    let derived = household::HouseholdView::derive(stored.place.area, &doc);
                    household::HouseholdView::load(db, number)?.is_some_and(|stored| stored.same(&derived))
                }
            };
            if !same {
                say(kind.word(), &id);
            }
        }
    }
    if registry::TreeView::load(db)? != registry::TreeView::derive(db, &Docs::new())? {
        found.push("divisions: the view is not what the record says".to_owned());
    }
    found.extend(household::compare_duplicates(db)?);
    found.extend(matter::compare(db, &context)?);
    let counts = [
        ("households", "SELECT (SELECT count(*) FROM household) - (SELECT count(*) FROM record WHERE kind = 16)"),
        ("searched households", "SELECT (SELECT count(*) FROM household) - (SELECT count(*) FROM household_text_docsize)"),
        ("searched cases", "SELECT (SELECT count(*) FROM matter) - (SELECT count(*) FROM matter_text_docsize)"),
    ];
    for (what, sql) in counts {
        if db.conn.query_row(sql, [], |row| row.get::<_, i64>(0))? != 0 {
            found.push(format!("{what}: the view holds more or less than there are"));
        }
    }
    Ok(found)
}

impl SqliteStore {
    /// Rebuilds the views when another version of the program derived them.
    pub(super) fn refresh_views(&self) -> Result<(), OpenError> {
        if meta_number(&self.db.conn, "views")? != Some(VERSION) {
            self.rebuild_views()?;
        }
        Ok(())
    }

    /// Derives every view again from the records, in one transaction.
    pub fn rebuild_views(&self) -> Result<(), StoreError> {
        Ok(self.transaction(rebuild)?)
    }

    /// Says where a view is not what the records say; nothing when all is well.
    pub fn compare_views(&self) -> Result<Vec<String>, StoreError> {
        Ok(compare(&self.db)?)
    }

    /// Tells the store the city's root key and the certificates given on joining: views name devices' offices by
    /// them. Kept in the database; to be called after opening and after a certificate was pinned.
    pub fn trust(&self, root: DeviceKey, pinned: &[Certificate]) -> Result<(), StoreError> {
        let bytes = super::rows::encode(&(root, pinned))?;
        let known = super::rows::meta(&self.db.conn, "trust")?;
        if known.as_deref() == Some(bytes.as_slice()) {
            return Ok(());
        }
        Ok(self.transaction(|db, state| {
            execute(&db.conn, "INSERT OR REPLACE INTO meta (key, value) VALUES ('trust', ?1)", [&bytes])?;
            state.changed(db)?;
            let context = state.context(db)?;
            for (number, id) in numbered(db, Kind::DEVICE)? {
                if let Some(doc) = document(db, &Docs::new(), &id)? {
                    registry::write_device(db, number, registry::DeviceView::derive(&doc, &context))?;
                }
            }
            state.changed(db)?;
            let context = state.context(db)?;
            for key in matter::all_keys(db)? {
                matter::refresh(db, &context, &key, &Docs::new())?;
            }
            Ok(())
        })?)
    }
}
