//! Views of what control says: areas, offices, devices, staff, policy packs.

use super::super::db::Db;
use super::super::fault::Fault;
use super::super::rows::{Sql, all, array, first, fixed, int, number, tier};
use super::{Context, Docs, document, execute, numbered};
use automerge::{Automerge, ROOT, ReadDoc};
use rusqlite::{Row, params};
use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::control::{Office, device, divisions};
use shouwang_protocol::device::{Certificate, CertificateBody, DeviceKey, OfficeId};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::Kind;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::Pack;
use shouwang_protocol::records::staff::Staff;
use std::collections::BTreeMap;

/// The columns that [`area`] reads.
pub(crate) const AREA: &str = "id, code, name, tier, parent, past";

/// An area as a row holds it.
pub(crate) fn area(row: &Row<'_>) -> Sql<Area> {
    let past: Option<String> = row.get(5)?;
    Ok(Area {
        id: AreaId::from_raw(number(row.get(0)?)),
        code: row.get(1)?,
        name: row.get(2)?,
        tier: tier(row.get(3)?)?,
        parent: row.get::<_, Option<i64>>(4)?.map(|parent| AreaId::from_raw(number(parent))),
        past: past
            .map_or(Ok(Past::default()), |past| serde_json::from_str(&past))
            .map_err(|_| Fault::Damaged("an area's past is not JSON"))?,
    })
}

/// The division tree and the offices.
#[derive(PartialEq, Debug, Default)]
pub(super) struct TreeView {
    areas: Vec<Area>,
    offices: Vec<Office>,
}

impl TreeView {
    /// Of several records (there should be one), the last by name counts, as in control.
    pub fn derive(db: &Db, docs: &Docs) -> Sql<TreeView> {
        let Some((_, id)) = numbered(db, Kind::DIVISIONS)?.pop() else { return Ok(TreeView::default()) };
        let Some(doc) = document(db, docs, &id)? else { return Ok(TreeView::default()) };
        let (areas, offices) = divisions::read(&doc);
        Ok(TreeView { areas: areas.iter().cloned().collect(), offices: offices.into_values().collect() })
    }

    pub fn load(db: &Db) -> Sql<TreeView> {
        let mut areas = all(&db.conn, &format!("SELECT {AREA} FROM area"), [], area)?;
        areas.sort_by_key(|area| area.id);
        let mut covered: BTreeMap<OfficeId, BTreeMap<AreaId, bool>> = BTreeMap::new();
        for (office, area, now) in all(&db.conn, "SELECT office, area, now FROM office_area", [], |row| {
            Ok((OfficeId(row.get(0)?), AreaId::from_raw(number(row.get(1)?)), row.get::<_, bool>(2)?))
        })? {
            covered.entry(office).or_default().insert(area, now);
        }
        let offices = all(&db.conn, "SELECT id, name, tier, decider FROM office ORDER BY id", [], |row| {
            let id = OfficeId(row.get(0)?);
            let decider = row.get_ref(3)?.as_blob_or_null().map_err(|_| Fault::Damaged("a column is no blob"))?;
            Ok(Office {
                id,
                name: row.get(1)?,
                tier: tier(row.get(2)?)?,
                areas: covered.remove(&id).unwrap_or_default(),
                decider: decider.map(array).transpose()?.map(DeviceKey),
            })
        })?;
        Ok(TreeView { areas, offices })
    }

    /// Writes the tree where it changed. Whether a decider changed.
    pub fn write(&self, db: &Db) -> Sql<bool> {
        let old = TreeView::load(db)?;
        if old == *self {
            return Ok(false);
        }
        if old.areas != self.areas {
            execute(&db.conn, "DELETE FROM area", [])?;
            for area in &self.areas {
                let sql = format!("INSERT INTO area ({AREA}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
                let parent = area.parent.map(|parent| int(parent.raw()));
                let past = (area.past != Past::default()).then(|| serde_json::to_string(&area.past)).transpose();
                let past = past.map_err(|_| Fault::Damaged("an area's past cannot be encoded"))?;
                let values = params![int(area.id.raw()), area.code, area.name, area.tier.number(), parent, past];
                execute(&db.conn, &sql, values)?;
            }
        }
        execute(&db.conn, "DELETE FROM office", [])?;
        for office in &self.offices {
            let sql = "INSERT INTO office (id, name, tier, decider) VALUES (?1, ?2, ?3, ?4)";
            let decider = office.decider.map(|key| key.0);
            execute(&db.conn, sql, params![office.id.0, office.name, office.tier.number(), decider])?;
            for (area, now) in &office.areas {
                let sql = "INSERT INTO office_area (office, area, now) VALUES (?1, ?2, ?3)";
                execute(&db.conn, sql, params![office.id.0, int(area.raw()), now])?;
            }
        }
        let deciders =
            |tree: &TreeView| -> Vec<_> { tree.offices.iter().filter_map(|office| Some((office.id, office.decider?))).collect() };
        Ok(deciders(&old) != deciders(self))
    }
}

/// A device as its newest certificate says.
#[derive(PartialEq, Debug)]
pub(super) struct DeviceView {
    key: DeviceKey,
    office: OfficeId,
    tier: Tier,
    serial: u32,
    expires: u32,
    name: String,
    revoked: bool,
    decided: BTreeMap<Hash, u64>,
}

impl DeviceView {
    /// None when no certificate holds under the city's root key. A node that did not say which key that is believes
    /// the record: only the city may write it.
    pub fn derive(doc: &Automerge, context: &Context) -> Option<DeviceView> {
        let root = context.root.or_else(|| named_root(doc))?;
        let (key, facts) = device::read(doc, &root)?;
        let body = facts.certificate?;
        Some(DeviceView {
            key,
            office: body.office,
            tier: body.tier,
            serial: body.serial,
            expires: body.expires,
            name: body.name,
            revoked: facts.revoked,
            decided: facts.decided,
        })
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<DeviceView>> {
        let sql = "SELECT log, length FROM decided WHERE record = ?1";
        let decided = all(&db.conn, sql, [record], |row| Ok((Hash(fixed(row, 0)?), number(row.get(1)?))))?;
        let sql = "SELECT key, office, tier, serial, expires, name, revoked FROM device WHERE record = ?1";
        first(&db.conn, sql, [record], |row| {
            Ok(DeviceView {
                key: DeviceKey(fixed(row, 0)?),
                office: OfficeId(row.get(1)?),
                tier: tier(row.get(2)?)?,
                serial: row.get(3)?,
                expires: row.get(4)?,
                name: row.get(5)?,
                revoked: row.get(6)?,
                decided: decided.into_iter().collect(),
            })
        })
    }
}

/// The root key that the certificates of a record name.
fn named_root(doc: &Automerge) -> Option<DeviceKey> {
    let (_, certificates) = doc.get(ROOT, "certificates").ok()??;
    let named = doc.map_range(&certificates, ..).filter_map(|item| {
        let value = item.value.into_value().into_scalar().ok()?;
        let body = Certificate::from_bytes(value.as_bytes()?)?.body;
        Some(postcard::take_from_bytes::<CertificateBody>(&body).ok()?.0.root)
    });
    // The same on every device, whatever else somebody put there.
    named.min()
}

/// Writes a device's view. Whether something changed that cases depend on: the office of a device that has written
/// something, or how far its decisions count.
pub(super) fn write_device(db: &Db, record: i64, view: Option<DeviceView>) -> Sql<bool> {
    let old = DeviceView::load(db, record)?;
    if old == view {
        return Ok(false);
    }
    let of = |view: &Option<DeviceView>| view.as_ref().map(|view| (view.key, view.office));
    let decided = |view: &Option<DeviceView>| view.as_ref().map(|view| view.decided.clone()).unwrap_or_default();
    let moved = of(&old) != of(&view);
    let handed_over = decided(&old) != decided(&view);
    let mut wrote = false;
    for key in [&old, &view].into_iter().flatten().map(|view| view.key) {
        let known = first(&db.conn, "SELECT 1 FROM author WHERE device = ?1 LIMIT 1", [key.0], |_| Ok(()))?;
        wrote |= known.is_some();
    }
    execute(&db.conn, "DELETE FROM device WHERE record = ?1", [record])?;
    execute(&db.conn, "DELETE FROM decided WHERE record = ?1", [record])?;
    if let Some(view) = view {
        let sql = "INSERT INTO device (record, key, office, tier, serial, expires, name, revoked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let DeviceView { key, office, tier, serial, expires, name, revoked, decided } = view;
        execute(&db.conn, sql, params![record, key.0, office.0, tier.number(), serial, expires, name, revoked])?;
        for (log, length) in decided {
            let sql = "INSERT INTO decided (record, log, length) VALUES (?1, ?2, ?3)";
            execute(&db.conn, sql, params![record, log.0, int(length)])?;
        }
    }
    Ok((moved && wrote) || handed_over)
}

/// A member of staff.
#[derive(PartialEq, Debug)]
pub(super) struct StaffView {
    office: OfficeId,
    id: String,
    name: String,
    roles: String,
    department: String,
    provider: String,
    from: Option<i32>,
    until: Option<i32>,
    disabled: bool,
    conflicts: i64,
}

impl StaffView {
    pub fn derive(doc: &Automerge) -> StaffView {
        let staff = Staff::read(doc);
        let days = |day: Option<Day>| day.map(|day| day.0);
        StaffView {
            office: staff.office,
            id: staff.id,
            name: staff.name,
            roles: staff.roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(","),
            department: staff.department,
            provider: staff.provider,
            from: days(staff.from),
            until: days(staff.until),
            disabled: staff.disabled,
            conflicts: staff.conflicts.len() as i64,
        }
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<StaffView>> {
        let sql = "SELECT office, id, name, roles, department, provider, from_day, until_day, disabled, conflicts FROM staff WHERE record = ?1";
        first(&db.conn, sql, [record], |row| {
            Ok(StaffView {
                office: OfficeId(row.get(0)?),
                id: row.get(1)?,
                name: row.get(2)?,
                roles: row.get(3)?,
                department: row.get(4)?,
                provider: row.get(5)?,
                from: row.get(6)?,
                until: row.get(7)?,
                disabled: row.get(8)?,
                conflicts: row.get(9)?,
            })
        })
    }

    pub fn write(&self, db: &Db, record: i64) -> Sql<()> {
        let sql = "INSERT OR REPLACE INTO staff (record, office, id, name, roles, department, provider, from_day, until_day, disabled, conflicts) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let StaffView { office, id, name, roles, department, provider, from, until, disabled, conflicts } = self;
        execute(
            &db.conn,
            sql,
            params![record, office.0, id, name, roles, department, provider, from, until, disabled, conflicts],
        )?;
        Ok(())
    }
}

/// A policy pack.
#[derive(PartialEq, Debug)]
pub(super) struct PolicyView {
    version: String,
    from: i32,
    title: String,
    sample: bool,
    whole: bool,
    pack: String,
}

impl PolicyView {
    pub fn derive(doc: &Automerge) -> Sql<PolicyView> {
        let (pack, problems) = Pack::read(doc);
        let text = serde_json::to_string(&pack).map_err(|_| Fault::Damaged("a policy pack cannot be encoded"))?;
        Ok(PolicyView {
            from: pack.from.0,
            sample: pack.sample,
            whole: problems.iter().all(|problem| problem.field != "rows"),
            version: pack.version,
            title: pack.title,
            pack: text,
        })
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<PolicyView>> {
        let sql = "SELECT version, from_day, title, sample, whole, pack FROM policy WHERE record = ?1";
        first(&db.conn, sql, [record], |row| {
            Ok(PolicyView {
                version: row.get(0)?,
                from: row.get(1)?,
                title: row.get(2)?,
                sample: row.get(3)?,
                whole: row.get(4)?,
                pack: row.get(5)?,
            })
        })
    }

    /// Writes the view. Whether a pack that cases may be judged by changed.
    pub fn write(&self, db: &Db, record: i64) -> Sql<bool> {
        let old = PolicyView::load(db, record)?;
        if old.as_ref() == Some(self) {
            return Ok(false);
        }
        let sql = "INSERT OR REPLACE INTO policy (record, version, from_day, title, sample, whole, pack) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let PolicyView { version, from, title, sample, whole, pack } = self;
        execute(&db.conn, sql, params![record, version, from, title, sample, whole, pack])?;
        Ok(*whole || old.is_some_and(|old| old.whole))
    }
}
