//! What control says, and counts: areas, offices, devices, staff, policy packs, the numbers of `status`.

use super::Reader;
use crate::store::fault::Fault;
use crate::store::rows::{Sql, all, array, first, fixed, int, number, tier};
use crate::store::views::registry::{AREA, area};
use rusqlite::Row;
use serde::{Serialize, Serializer};
use shouwang_protocol::area::{Area, AreaId, Divisions, Tier};
use shouwang_protocol::control::Office;
use shouwang_protocol::device::{DeviceKey, OfficeId};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};

/// Writes a value as its `Display` does.
pub(super) fn display<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn display_option<T: std::fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// A member of staff.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StaffRow {
    /// The record.
    #[serde(serialize_with = "display")]
    pub record: RecordId,
    /// The office.
    pub office: OfficeId,
    /// The id people sign in with.
    pub id: String,
    /// The name.
    pub name: String,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// The department the person acts for; empty: none.
    pub department: String,
    /// The provider the person acts for; empty: none.
    pub provider: String,
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub until: Option<Day>,
    /// Whether an administrator has shut the account.
    pub disabled: bool,
    /// Fields that several administrators wrote at the same time.
    pub conflicts: u32,
}

impl StaffRow {
    /// Whether the person may work on `day`.
    pub fn works_on(&self, day: Day) -> bool {
        !self.disabled && self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

fn staff_row(row: &Row<'_>) -> Sql<StaffRow> {
    Ok(StaffRow {
        record: RecordId(Hash(fixed(row, 0)?)),
        office: OfficeId(row.get(1)?),
        id: row.get(2)?,
        name: row.get(3)?,
        roles: row.get::<_, String>(4)?.split(',').filter_map(Role::from_word).collect(),
        department: row.get(5)?,
        provider: row.get(6)?,
        from: row.get::<_, Option<i32>>(7)?.map(Day),
        until: row.get::<_, Option<i32>>(8)?.map(Day),
        disabled: row.get(9)?,
        conflicts: row.get(10)?,
    })
}

/// A device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DeviceRow {
    /// The record.
    #[serde(serialize_with = "display")]
    pub record: RecordId,
    /// Its key.
    #[serde(serialize_with = "display")]
    pub key: DeviceKey,
    /// Its office.
    pub office: OfficeId,
    /// The office's tier.
    pub tier: Tier,
    /// Of its newest certificate.
    pub serial: u32,
    /// Day from which a renewal is asked for.
    pub expires: Day,
    /// The name in the certificate.
    pub name: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// The numbers of `status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// Households.
    pub households: u64,
    /// Cases.
    pub cases: u64,
    /// Entries in all logs.
    pub entries: u64,
    /// Records of all kinds.
    pub records: u64,
    /// Logs.
    pub logs: u64,
    /// Households with conflicting values.
    pub conflicts: u64,
    /// Persons who live in several households.
    pub duplicates: u64,
    /// Entries that wait.
    pub waiting: u64,
    /// Entries without effect.
    pub without_effect: u64,
    /// Refused entries that are kept.
    pub refused: u64,
    /// Forks found and not decided.
    pub forks: u64,
    /// Members of staff.
    pub staff: u64,
    /// Bytes of the database file.
    pub bytes: u64,
}

/// A policy pack that is here, whole or in part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldPack {
    /// Its version.
    pub version: String,
    /// The day from which it is in force.
    pub from: Day,
    /// Whether all of it is here.
    pub whole: bool,
}

impl Reader {
    /// The numbers of `status`.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let count = |sql: &str| -> Sql<u64> { Ok(number(first(&self.db.conn, sql, [], |row| Ok(row.get(0)?))?.unwrap_or(0))) };
        Ok(Counts {
            households: count("SELECT count(*) FROM household")?,
            cases: count("SELECT count(DISTINCT case_id) FROM matter")?,
            entries: count("SELECT coalesce(sum(length), 0) FROM log")?,
            records: count("SELECT count(*) FROM record")?,
            logs: count("SELECT count(*) FROM log")?,
            conflicts: count("SELECT count(*) FROM household WHERE conflicts > 0")?,
            duplicates: count("SELECT count(DISTINCT id_no) FROM duplicate")?,
            waiting: count("SELECT count(*) FROM entry WHERE verdict <> 0 AND verdict = 1")?,
            without_effect: count("SELECT count(*) FROM entry WHERE verdict <> 0 AND verdict = 2")?,
            refused: count("SELECT count(*) FROM refused")?,
            forks: count("SELECT count(*) FROM fork")?,
            staff: count("SELECT count(*) FROM staff")?,
            // SQLCipher answers `PRAGMA page_size` in text.
            bytes: count("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
        })
    }

    /// Members of staff, by office and id; of one office, or all.
    pub fn staff(&self, office: Option<OfficeId>) -> Result<Vec<StaffRow>, StoreError> {
        let sql = "SELECT record.name, office, staff.id, staff.name, roles, department, provider, from_day, until_day, disabled, conflicts \
                   FROM staff JOIN record ON record.id = staff.record WHERE ?1 IS NULL OR office = ?1 ORDER BY office, staff.id, record.name";
        Ok(all(&self.db.conn, sql, [office.map(|office| office.0)], staff_row)?)
    }

    /// The member of staff with this id in an office. Of several records (two administrators at the same time), the
    /// one that every replica picks.
    pub fn staff_by_id(&self, office: OfficeId, id: &str) -> Result<Option<StaffRow>, StoreError> {
        let sql = "SELECT record.name, office, staff.id, staff.name, roles, department, provider, from_day, until_day, disabled, conflicts \
                   FROM staff JOIN record ON record.id = staff.record WHERE staff.id = ?2 AND office = ?1 ORDER BY record.name LIMIT 1";
        Ok(first(&self.db.conn, sql, rusqlite::params![office.0, id], staff_row)?)
    }

    /// All areas, by label.
    pub fn areas(&self) -> Result<Vec<Area>, StoreError> {
        Ok(all(&self.db.conn, &format!("SELECT {AREA} FROM area ORDER BY id"), [], area)?)
    }

    /// The division tree.
    pub fn divisions(&self) -> Result<Divisions, StoreError> {
        Ok(Divisions::new(self.areas()?))
    }

    /// An area, and what it belongs to or belonged to: enough to call it by its names.
    pub(super) fn area_and_above(&self, id: AreaId) -> Sql<Divisions> {
        let one = |id: AreaId| {
            let sql = format!("SELECT {AREA} FROM area WHERE id = ?1");
            first(&self.db.conn, &sql, [int(id.raw())], area)
        };
        let Some(area) = one(id)? else { return Ok(Divisions::default()) };
        let mut near = area.parents().filter_map(|above| one(above).transpose()).collect::<Sql<Vec<Area>>>()?;
        near.push(area);
        Ok(Divisions::new(near))
    }

    /// All offices, by label.
    pub fn offices(&self) -> Result<Vec<Office>, StoreError> {
        let mut covered: BTreeMap<OfficeId, BTreeMap<AreaId, bool>> = BTreeMap::new();
        for (office, area, now) in all(&self.db.conn, "SELECT office, area, now FROM office_area", [], |row| {
            Ok((OfficeId(row.get(0)?), AreaId::from_raw(number(row.get(1)?)), row.get::<_, bool>(2)?))
        })? {
            covered.entry(office).or_default().insert(area, now);
        }
        Ok(all(&self.db.conn, "SELECT id, name, tier, decider FROM office ORDER BY id", [], |row| {
            let id = OfficeId(row.get(0)?);
            let decider = row.get_ref(3)?.as_blob_or_null().map_err(|_| Fault::Damaged("a column is no blob"))?;
            Ok(Office {
                id,
                name: row.get(1)?,
                tier: tier(row.get(2)?)?,
                areas: covered.remove(&id).unwrap_or_default(),
                decider: decider.map(array).transpose()?.map(DeviceKey),
            })
        })?)
    }

    /// An office's name.
    pub(super) fn office_name(&self, office: OfficeId) -> Sql<Option<String>> {
        first(&self.db.conn, "SELECT name FROM office WHERE id = ?1", [office.0], |row| Ok(row.get(0)?))
    }

    /// Devices with a certificate in control, by office.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, StoreError> {
        let sql = "SELECT record.name, key, office, device.tier, serial, expires, device.name, revoked FROM device \
                   JOIN record ON record.id = device.record ORDER BY office, key";
        Ok(all(&self.db.conn, sql, [], |row| {
            Ok(DeviceRow {
                record: RecordId(Hash(fixed(row, 0)?)),
                key: DeviceKey(fixed(row, 1)?),
                office: OfficeId(row.get(2)?),
                tier: tier(row.get(3)?)?,
                serial: row.get(4)?,
                expires: Day(row.get(5)?),
                name: row.get(6)?,
                revoked: row.get(7)?,
            })
        })?)
    }

    /// The policy packs that arrived whole, by version.
    pub fn packs(&self) -> Result<Packs, StoreError> {
        Ok(self.context()?.packs.clone())
    }

    /// All policy packs, also those of which only a part has arrived.
    pub fn packs_held(&self) -> Result<Vec<HeldPack>, StoreError> {
        let sql = "SELECT version, from_day, whole FROM policy ORDER BY from_day, version, record";
        Ok(all(&self.db.conn, sql, [], |row| Ok(HeldPack { version: row.get(0)?, from: Day(row.get(1)?), whole: row.get(2)? }))?)
    }

    /// Households and cases of each area that has any.
    pub fn area_counts(&self) -> Result<Vec<(AreaId, u64, u64)>, StoreError> {
        let sql = "SELECT area, sum(households), sum(cases) FROM (\
                   SELECT area, count(*) AS households, 0 AS cases FROM household GROUP BY area UNION ALL \
                   SELECT area, 0, count(*) FROM matter GROUP BY area) GROUP BY area ORDER BY area";
        Ok(all(&self.db.conn, sql, [], |row| {
            Ok((AreaId::from_raw(number(row.get(0)?)), number(row.get(1)?), number(row.get(2)?)))
        })?)
    }
}
