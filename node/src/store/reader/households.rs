//! Households: lists, search, one household, what waits to be settled.

use super::{CategoryOn, Listed, Page, Reader, Statement, text};
use crate::store::db::Db;
use crate::store::fault::Fault;
use crate::store::rows::{Sql, all, fixed, int, number, record_number};
use crate::store::{search, views};
use rusqlite::Row;
use rusqlite::params;
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{Place, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::holding::{Held, words};
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::idno::{IdNo, normalise};
use shouwang_protocol::store::StoreError;
use std::collections::BTreeSet;

/// A household in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HouseholdRow {
    /// Its record.
    #[serde(serialize_with = "super::registry::display")]
    pub record: RecordId,
    /// Its area.
    #[serde(serialize_with = "super::registry::display")]
    pub area: AreaId,
    /// The area's name today; empty when the area is not known here.
    pub area_name: String,
    /// The importer's own key.
    pub import_id: String,
    /// The head's name.
    pub head: String,
    /// The head's identity number; mask it wherever a whole number is not needed.
    pub head_id: String,
    /// 困难类别
    pub category: String,
    /// 主要致贫原因
    pub cause: String,
    /// 风险
    pub risk: String,
    /// 组
    pub group: String,
    /// 住址
    pub address: String,
    /// 联系电话
    pub phone: String,
    /// 状态
    pub status: String,
    /// Members who live in it.
    pub members: u32,
    /// 年收入
    pub income: Option<Fen>,
    /// Fields that several people wrote at the same time.
    pub conflicts: u32,
    /// Those of them that block decisions.
    pub blocking: u32,
    /// What could not be read, or does not fit together.
    pub problems: u32,
    /// Whether a person of it lives in another household too.
    pub duplicate: bool,
    /// The categories that it and its members hold, and when.
    pub held: Vec<Held>,
}

impl HouseholdRow {
    /// The categories of a day, with 、 between.
    pub fn categories_on(&self, day: Day) -> String {
        words(&self.held, day).join("、")
    }
}

const COLUMNS: &str = "SELECT record.name, household.area, coalesce(area.name, ''), import_id, head, head_id, category, cause, risk, grp, address, \
    phone, status, members, income, conflicts, blocking, problems, \
    EXISTS (SELECT 1 FROM duplicate WHERE duplicate.household = household.record), \
    (SELECT json_group_array(json_array(category, person, first, last)) FROM holding WHERE holding.household = household.record) ";
const TABLES: &str = "FROM household JOIN record ON record.id = household.record LEFT JOIN area ON area.id = household.area";
// The search first: it gives records in order, so that the first page is found without looking at all the others.
const SEARCHED: &str = "FROM household_text CROSS JOIN household ON household.record = household_text.rowid \
    JOIN record ON record.id = household.record LEFT JOIN area ON area.id = household.area";

fn household_row(row: &Row<'_>) -> Sql<HouseholdRow> {
    Ok(HouseholdRow {
        record: RecordId(Hash(fixed(row, 0)?)),
        area: AreaId::from_raw(number(row.get(1)?)),
        area_name: row.get(2)?,
        import_id: row.get(3)?,
        head: row.get(4)?,
        head_id: row.get(5)?,
        category: row.get(6)?,
        cause: row.get(7)?,
        risk: row.get(8)?,
        group: row.get(9)?,
        address: row.get(10)?,
        phone: row.get(11)?,
        status: row.get(12)?,
        members: row.get(13)?,
        income: row.get::<_, Option<i64>>(14)?.map(Fen),
        conflicts: row.get(15)?,
        blocking: row.get(16)?,
        problems: row.get(17)?,
        duplicate: row.get(18)?,
        held: held(&row.get::<_, String>(19)?)?,
    })
}

fn held(json: &str) -> Sql<Vec<Held>> {
    let rows: Vec<(String, String, i32, i32)> =
        serde_json::from_str(json).map_err(|_| Fault::Damaged("the categories of a household cannot be read"))?;
    let one = |(category, person, first, last)| {
        let (first, last) = views::days(first, last);
        Held { category, person, first, last }
    };
    Ok(rows.into_iter().map(one).collect())
}

/// Which households.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HouseholdFilter {
    /// In these areas or below; empty: all that are held.
    pub within: Vec<AreaId>,
    /// Any part of a name, number, address; several parts separated by spaces must all occur. Empty: all.
    pub text: String,
    /// Only those that did not move away.
    pub here: bool,
    /// That hold, or somebody of whom holds, this category; none that moved away.
    pub category: Option<CategoryOn>,
    /// With this status.
    pub status: Option<String>,
    /// Only those with conflicts.
    pub conflicts: bool,
    /// Only those of which a person lives in another household too.
    pub duplicates: bool,
}

impl HouseholdFilter {
    /// None when the text holds nothing that can be looked for.
    fn statement(&self, columns: &'static str) -> Option<Statement> {
        let mut statement = Statement::new(columns);
        if self.text.trim().is_empty() {
            statement.push(TABLES, []);
        } else {
            let query = search::query(&self.text)?;
            statement.push(SEARCHED, []);
            statement.and("household_text MATCH ?", [text(&query)]);
        }
        statement.within("household.area", &self.within);
        if self.here || self.category.is_some() {
            statement.here();
        }
        if let Some(category) = &self.category {
            statement.category(category);
        }
        if let Some(status) = &self.status {
            statement.and("status = ?", [text(status)]);
        }
        if self.conflicts {
            statement.and("conflicts > 0", []);
        }
        if self.duplicates {
            statement.and("household.record IN (SELECT household FROM duplicate)", []);
        }
        Some(statement)
    }
}

impl HouseholdFilter {
    /// One page, in order; none when the text holds nothing that can be looked for.
    fn listing(&self, columns: &'static str, page: Page) -> Option<Statement> {
        let mut statement = self.statement(columns)?;
        let searched = !self.text.trim().is_empty();
        statement.push(
            if searched { " ORDER BY household_text.rowid" } else { " ORDER BY household.area, head, household.record" },
            [],
        );
        statement.page(page);
        Some(statement)
    }
}

/// One household, whole.
#[derive(Debug)]
pub struct HouseholdDetail {
    /// As in lists.
    pub row: HouseholdRow,
    /// Where it lives.
    pub place: Place,
    /// Everything it says.
    pub household: Household,
    /// The heads of the document, for a form to carry.
    pub heads: Vec<[u8; 32]>,
}

impl HouseholdDetail {
    /// The row as the household file writes it.
    pub fn json(&self) -> serde_json::Value {
        self.household.row().into()
    }
}

/// A field of a record that several people wrote at the same time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConflictRow {
    /// The household's record.
    #[serde(serialize_with = "super::registry::display")]
    pub record: RecordId,
    /// Its area.
    #[serde(serialize_with = "super::registry::display")]
    pub area: AreaId,
    /// The head's name.
    pub head: String,
    /// The field.
    pub field: String,
    /// The row of a list it belongs to, as `counter@actor`.
    pub row: Option<String>,
    /// Whether it blocks decisions.
    pub blocks: bool,
}

/// A person who lives in several households.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DuplicateRow {
    /// The identity number, in its 18-character form.
    pub id_no: String,
    /// The households.
    pub households: Vec<HouseholdRow>,
}

impl Reader {
    /// Households by area and head; with a text, in the order in which they arrived here.
    pub fn households(&self, filter: &HouseholdFilter, page: Page) -> Result<Listed<HouseholdRow>, StoreError> {
        let Some(statement) = filter.listing(COLUMNS, page) else { return Ok(Listed { rows: Vec::new(), more: false }) };
        Ok(statement.listed(&self.db, page, household_row)?)
    }

    /// How SQLite goes about such a list, step by step.
    #[cfg(test)]
    pub(crate) fn households_plan(&self, filter: &HouseholdFilter) -> Result<Vec<String>, StoreError> {
        let Some(mut statement) = filter.listing(COLUMNS, Page::first(50)) else { return Ok(Vec::new()) };
        statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        Ok(statement.all(&self.db, |row| Ok(row.get(3)?))?)
    }

    /// How many households a filter finds.
    pub fn count_households(&self, filter: &HouseholdFilter) -> Result<u64, StoreError> {
        let statement = filter.statement("SELECT count(*) ");
        Ok(statement.map_or(Ok(0), |statement| statement.count(&self.db))?)
    }

    /// One household in a list.
    pub fn household_row(&self, id: &RecordId) -> Result<Option<HouseholdRow>, StoreError> {
        let mut statement = Statement::new(COLUMNS);
        statement.push(TABLES, []);
        statement.and("record.name = ?", [rusqlite::types::Value::Blob(id.0.0.to_vec())]);
        Ok(statement.all(&self.db, household_row)?.pop())
    }

    /// One household, whole.
    pub fn household(&self, id: &RecordId) -> Result<Option<HouseholdDetail>, StoreError> {
        let Some(row) = self.household_row(id)? else { return Ok(None) };
        let Some(stored) = self.db.record(id)? else { return Ok(None) };
        let doc = views::load(&stored.snapshot)?;
        let heads = doc.get_heads().iter().map(|head| head.0).collect();
        let mut household = Household::read(&doc);
        let near = self.area_and_above(stored.place.area)?;
        household.call_place(&near.called(stored.place.area));
        Ok(Some(HouseholdDetail { row, place: stored.place, household, heads }))
    }

    /// The households that were imported under this key.
    pub fn import_key(&self, key: &str) -> Result<Vec<(RecordId, AreaId)>, StoreError> {
        let sql = "SELECT name, household.area FROM household JOIN record ON record.id = household.record WHERE import_id = ?1 ORDER BY name";
        Ok(all(&self.db.conn, sql, [key], |row| Ok((RecordId(Hash(fixed(row, 0)?)), AreaId::from_raw(number(row.get(1)?)))))?)
    }

    /// The households in which a person lives, by identity number as anybody writes it.
    pub fn households_of_person(&self, id_no: &str) -> Result<Vec<RecordId>, StoreError> {
        let number = IdNo::parse(id_no).map_or_else(|_| normalise(id_no), |id| id.long());
        let sql = "SELECT DISTINCT record.name FROM member JOIN record ON record.id = member.household \
                   WHERE present AND id_no <> '' AND id_no = ?1 ORDER BY record.name";
        Ok(all(&self.db.conn, sql, [number], |row| Ok(RecordId(Hash(fixed(row, 0)?))))?)
    }

    /// What a household had since a day or asks for now: names of programs and kinds.
    pub fn had_since(&self, id: &RecordId, since: Day) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT program FROM aid JOIN record ON record.id = aid.household WHERE record.name = ?1 AND (day IS NULL OR day >= ?2) \
                   UNION SELECT assistance FROM matter JOIN account ON account.matter = matter.id WHERE household = ?1 \
                   AND outcome IN ('approved', 'pending') AND (opened_on IS NULL OR opened_on >= ?2)";
        Ok(all(&self.db.conn, sql, params![id.0.0, since.0], |row| Ok(row.get(0)?))?.into_iter().collect())
    }

    /// The same with the last day of each, without those of no known day.
    pub fn had_last(&self, id: &RecordId, since: Day) -> Result<Vec<(String, Day)>, StoreError> {
        let sql = "SELECT name, max(day) FROM (SELECT program AS name, day FROM aid JOIN record ON record.id = aid.household \
                   WHERE record.name = ?1 AND day >= ?2 \
                   UNION ALL SELECT assistance, opened_on FROM matter JOIN account ON account.matter = matter.id \
                   WHERE household = ?1 AND outcome IN ('approved', 'pending') AND opened_on >= ?2) WHERE name <> '' GROUP BY name";
        Ok(all(&self.db.conn, sql, params![id.0.0, since.0], |row| Ok((row.get(0)?, Day(row.get(1)?))))?)
    }

    /// All households in the order in which they arrived here, a few at a time: those after `cursor` (0 at first),
    /// each with the cursor to go on from. For exports.
    pub fn households_after(&self, cursor: u64, limit: u32) -> Result<Vec<(u64, RecordId)>, StoreError> {
        let sql = "SELECT household.record, name FROM household JOIN record ON record.id = household.record \
                   WHERE household.record > ?1 ORDER BY household.record LIMIT ?2";
        Ok(all(&self.db.conn, sql, params![int(cursor), limit.min(super::PAGE_ROWS_MAX)], |row| {
            Ok((number(row.get(0)?), RecordId(Hash(fixed(row, 1)?))))
        })?)
    }

    /// Conflicts that wait for a person, those that block decisions first.
    pub fn conflicts(&self, within: &[AreaId], page: Page) -> Result<Listed<ConflictRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT record.name, household.area, head, field, row, blocks FROM conflict \
             JOIN household ON household.record = conflict.record JOIN record ON record.id = conflict.record",
        );
        statement.within("household.area", within);
        statement.push(" ORDER BY blocks DESC, conflict.record, ordinal", []);
        statement.page(page);
        Ok(statement.listed(&self.db, page, |row| {
            Ok(ConflictRow {
                record: RecordId(Hash(fixed(row, 0)?)),
                area: AreaId::from_raw(number(row.get(1)?)),
                head: row.get(2)?,
                field: row.get(3)?,
                row: row.get(4)?,
                blocks: row.get(5)?,
            })
        })?)
    }

    /// Persons who live in several households.
    pub fn duplicates(&self, within: &[AreaId], page: Page) -> Result<Listed<DuplicateRow>, StoreError> {
        let mut statement =
            Statement::new("SELECT DISTINCT id_no FROM duplicate JOIN household ON household.record = duplicate.household");
        statement.within("household.area", within);
        statement.push(" ORDER BY id_no", []);
        statement.page(page);
        let persons = statement.listed(&self.db, page, |row| Ok(row.get::<_, String>(0)?))?;
        let rows = persons.rows.into_iter().map(|id_no| Ok(DuplicateRow { households: households_of(&self.db, &id_no)?, id_no }));
        Ok(Listed { rows: rows.collect::<Sql<_>>()?, more: persons.more })
    }

    /// Whether a household has anything that blocks decisions, and how many such things.
    pub fn blocked_by(&self, id: &RecordId) -> Result<u64, StoreError> {
        let Some(number) = record_number(&self.db.conn, id)? else { return Ok(0) };
        let sql = "SELECT coalesce((SELECT blocking FROM household WHERE record = ?1), 0) + (SELECT count(*) FROM duplicate WHERE household = ?1)";
        let count: i64 = self
            .db
            .conn
            .prepare_cached(sql)
            .and_then(|mut found| found.query_row([number], |row| row.get(0)))
            .map_err(Fault::from)?;
        Ok(count.unsigned_abs())
    }
}

fn households_of(db: &Db, id_no: &str) -> Sql<Vec<HouseholdRow>> {
    let mut statement = Statement::new(COLUMNS);
    statement.push(TABLES, []);
    statement.and("household.record IN (SELECT household FROM duplicate WHERE id_no = ?)", [text(id_no)]);
    statement.push(" ORDER BY record.name", []);
    statement.all(db, household_row)
}
