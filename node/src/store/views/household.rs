//! The view of a household: one row for lists, its members, its aid, its categories, its conflicts, and the text that is searched.

use super::super::db::Db;
use super::super::rows::{Sql, all, first, int, number};
use super::super::search;
use super::{execute, text_hash};
use automerge::Automerge;
use rusqlite::params;
use shouwang_protocol::annual;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::holding::Held;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::idno::{IdNo, normalise};
use shouwang_protocol::review::open_changes;
use std::collections::BTreeSet;

#[derive(PartialEq, Debug)]
struct MemberRow {
    name: String,
    relation: String,
    id_no: String,
    birth: Option<i32>,
    present: bool,
    // The last day of living in it.
    until: Option<i32>,
}

#[derive(PartialEq, Debug)]
struct AidRow {
    no: String,
    day: Option<i32>,
    program: String,
    amount: Option<i64>,
    person: String,
    fund: String,
}

#[derive(PartialEq, Debug)]
struct ConflictRow {
    field: String,
    row: Option<String>,
    blocks: bool,
}

#[derive(PartialEq, Debug)]
pub(super) struct HouseholdView {
    area: AreaId,
    import_id: String,
    head: String,
    head_id: String,
    category: String,
    cause: String,
    risk: String,
    group: String,
    address: String,
    phone: String,
    status: String,
    present: i64,
    income: Option<Fen>,
    blocking: i64,
    problems: i64,
    open_changes: i64,
    text_hash: i64,
    members: Vec<MemberRow>,
    aid: Vec<AidRow>,
    held: Vec<Held>,
    conflicts: Vec<ConflictRow>,
    // What is searched; not kept as such, so none when the view was loaded.
    text: Option<String>,
}

/// A number for comparing persons: the 18-character form; as it was written where it is wrong.
fn comparable(text: &str) -> String {
    IdNo::parse(text).map_or_else(|_| normalise(text), |id| id.long())
}

/// The first and the last day of a category, none where it is open.
pub(crate) fn days(first: i32, last: i32) -> (Option<Day>, Option<Day>) {
    (Some(first).filter(|first| *first != i32::MIN).map(Day), Some(last).filter(|last| *last != i32::MAX).map(Day))
}

impl HouseholdView {
    pub fn derive(area: AreaId, doc: &Automerge) -> HouseholdView {
        let household = Household::read(doc);
        let mut fields: Vec<&str> = vec![&household.head, &household.head_id_no, &household.phone, &household.id];
        let place = [&household.town, &household.village, &household.group, &household.address].map(String::as_str);
        let place = place.concat();
        fields.push(&place);
        for member in &household.members {
            for text in [&member.name, &member.id_no] {
                if !fields.contains(&text.as_str()) {
                    fields.push(text);
                }
            }
        }
        let names = std::iter::once(&household.head).chain(household.members.iter().map(|member| &member.name));
        let text = search::indexed(fields, names.map(String::as_str));
        let members = household.members.iter().map(|member| MemberRow {
            name: member.name.clone(),
            relation: member.relation.clone(),
            id_no: member.id().map(|id| id.long()).unwrap_or_default(),
            birth: member.birth.map(|day| day.0),
            present: member.is_present(),
            until: member.left.into_iter().chain(member.died).min().map(|day| day.0),
        });
        let aid = household.aid.iter().map(|aid| AidRow {
            no: aid.no.clone(),
            day: aid.date.map(|day| day.0),
            program: aid.program.clone(),
            amount: aid.amount.map(|fen| fen.0),
            person: annual::person_of(aid),
            fund: annual::fund_of(aid),
        });
        let conflicts = household.conflicts.iter().map(|conflict| ConflictRow {
            field: conflict.field.clone(),
            row: conflict.row.as_ref().map(ToString::to_string),
            blocks: conflict.blocks,
        });
        HouseholdView {
            area,
            head_id: comparable(&household.head_id_no),
            present: household.members.iter().filter(|member| member.is_present()).count() as i64,
            income: household.income_annual,
            blocking: household.conflicts.iter().filter(|conflict| conflict.blocks).count() as i64,
            problems: household.problems.len() as i64,
            open_changes: open_changes(&household).len() as i64,
            text_hash: text_hash(&text),
            members: members.collect(),
            aid: aid.collect(),
            held: household.held(),
            conflicts: conflicts.collect(),
            text: Some(text),
            import_id: household.id,
            head: household.head,
            category: household.category,
            cause: household.cause,
            risk: household.risk,
            group: household.group,
            address: household.address,
            phone: household.phone,
            status: household.status,
        }
    }

    /// Whether a loaded view is what was derived.
    pub fn same(self, derived: &HouseholdView) -> bool {
        HouseholdView { text: derived.text.clone(), ..self } == *derived
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<HouseholdView>> {
        let sql = "SELECT area, import_id, head, head_id, category, cause, risk, grp, address, phone, status, members, income, \
                   blocking, problems, text_hash, open_changes FROM household WHERE record = ?1";
        let loaded = first(&db.conn, sql, [record], |row| {
            Ok(HouseholdView {
                area: AreaId::from_raw(number(row.get(0)?)),
                import_id: row.get(1)?,
                head: row.get(2)?,
                head_id: row.get(3)?,
                category: row.get(4)?,
                cause: row.get(5)?,
                risk: row.get(6)?,
                group: row.get(7)?,
                address: row.get(8)?,
                phone: row.get(9)?,
                status: row.get(10)?,
                present: row.get(11)?,
                income: row.get::<_, Option<i64>>(12)?.map(Fen),
                blocking: row.get(13)?,
                problems: row.get(14)?,
                text_hash: row.get(15)?,
                open_changes: row.get(16)?,
                members: Vec::new(),
                aid: Vec::new(),
                held: Vec::new(),
                conflicts: Vec::new(),
                text: None,
            })
        })?;
        let Some(mut view) = loaded else { return Ok(None) };
        let sql = "SELECT name, relation, id_no, birth, present, until FROM member WHERE household = ?1 ORDER BY ordinal";
        view.members = all(&db.conn, sql, [record], |row| {
            Ok(MemberRow {
                name: row.get(0)?,
                relation: row.get(1)?,
                id_no: row.get(2)?,
                birth: row.get(3)?,
                present: row.get(4)?,
                until: row.get(5)?,
            })
        })?;
        let sql = "SELECT no, day, program, amount, person, fund FROM aid WHERE household = ?1 ORDER BY ordinal";
        view.aid = all(&db.conn, sql, [record], |row| {
            let (person, fund) = (row.get(4)?, row.get(5)?);
            Ok(AidRow { no: row.get(0)?, day: row.get(1)?, program: row.get(2)?, amount: row.get(3)?, person, fund })
        })?;
        let sql = "SELECT category, person, first, last FROM holding WHERE household = ?1 ORDER BY ordinal";
        view.held = all(&db.conn, sql, [record], |row| {
            let days = days(row.get(2)?, row.get(3)?);
            Ok(Held { category: row.get(0)?, person: row.get(1)?, first: days.0, last: days.1 })
        })?;
        let sql = "SELECT field, row, blocks FROM conflict WHERE record = ?1 ORDER BY ordinal";
        view.conflicts =
            all(&db.conn, sql, [record], |row| Ok(ConflictRow { field: row.get(0)?, row: row.get(1)?, blocks: row.get(2)? }))?;
        Ok(Some(view))
    }

    pub fn write(&self, db: &Db, record: i64) -> Sql<()> {
        let conn = &db.conn;
        let old = HouseholdView::load(db, record)?;
        let sql = "INSERT INTO household (record, area, import_id, head, head_id, category, cause, risk, grp, address, phone, \
                   status, members, income, conflicts, blocking, problems, text_hash, open_changes) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
                   ON CONFLICT (record) DO UPDATE SET area = ?2, import_id = ?3, head = ?4, head_id = ?5, category = ?6, \
                   cause = ?7, risk = ?8, grp = ?9, address = ?10, phone = ?11, status = ?12, members = ?13, income = ?14, \
                   conflicts = ?15, blocking = ?16, problems = ?17, text_hash = ?18, open_changes = ?19";
        let values = params![
            record,
            int(self.area.raw()),
            self.import_id,
            self.head,
            self.head_id,
            self.category,
            self.cause,
            self.risk,
            self.group,
            self.address,
            self.phone,
            self.status,
            self.present,
            self.income.map(|fen| fen.0),
            self.conflicts.len() as i64,
            self.blocking,
            self.problems,
            self.text_hash,
            self.open_changes
        ];
        execute(conn, sql, values)?;
        let (old_members, old_aid, old_held, old_conflicts, old_hash) = match old {
            Some(old) => (old.members, old.aid, old.held, old.conflicts, Some(old.text_hash)),
            None => Default::default(),
        };
        if old_members != self.members {
            execute(conn, "DELETE FROM member WHERE household = ?1", [record])?;
            for (ordinal, member) in self.members.iter().enumerate() {
                let sql = "INSERT INTO member (household, ordinal, name, relation, id_no, birth, present, until) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let MemberRow { name, relation, id_no, birth, present, until } = member;
                execute(conn, sql, params![record, ordinal as i64, name, relation, id_no, birth, present, until])?;
            }
            let persons = |members: &[MemberRow]| -> BTreeSet<String> {
                members
                    .iter()
                    .filter(|member| member.present && !member.id_no.is_empty())
                    .map(|member| member.id_no.clone())
                    .collect()
            };
            for id_no in persons(&old_members).symmetric_difference(&persons(&self.members)) {
                find_duplicates(db, id_no)?;
            }
        }
        if old_aid != self.aid {
            // Aid only grows as a rule: rewrite from the first row that differs.
            let same = old_aid.iter().zip(&self.aid).take_while(|(old, new)| old == new).count();
            execute(conn, "DELETE FROM aid WHERE household = ?1 AND ordinal >= ?2", params![record, same as i64])?;
            for (ordinal, aid) in self.aid.iter().enumerate().skip(same) {
                let sql = "INSERT INTO aid (household, ordinal, no, day, program, amount, person, fund) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let AidRow { no, day, program, amount, person, fund } = aid;
                execute(conn, sql, params![record, ordinal as i64, no, day, program, amount, person, fund])?;
            }
        }
        if old_held != self.held {
            execute(conn, "DELETE FROM holding WHERE household = ?1", [record])?;
            for (ordinal, held) in self.held.iter().enumerate() {
                let sql =
                    "INSERT INTO holding (household, ordinal, category, person, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let Held { category, person, first, last } = held;
                let (first, last) = (first.map_or(i32::MIN, |day| day.0), last.map_or(i32::MAX, |day| day.0));
                execute(conn, sql, params![record, ordinal as i64, category, person, first, last])?;
            }
        }
        if old_conflicts != self.conflicts {
            execute(conn, "DELETE FROM conflict WHERE record = ?1", [record])?;
            for (ordinal, conflict) in self.conflicts.iter().enumerate() {
                let sql = "INSERT INTO conflict (record, ordinal, field, row, blocks) VALUES (?1, ?2, ?3, ?4, ?5)";
                execute(conn, sql, params![record, ordinal as i64, conflict.field, conflict.row, conflict.blocks])?;
            }
        }
        if old_hash != Some(self.text_hash) {
            if old_hash.is_some() {
                execute(conn, "DELETE FROM household_text WHERE rowid = ?1", [record])?;
            }
            execute(conn, "INSERT INTO household_text (rowid, text) VALUES (?1, ?2)", params![record, self.text])?;
        }
        Ok(())
    }
}

/// Notes in which households the person with this number lives, when there are several.
fn find_duplicates(db: &Db, id_no: &str) -> Sql<()> {
    execute(&db.conn, "DELETE FROM duplicate WHERE id_no = ?1", [id_no])?;
    let sql = "SELECT DISTINCT household FROM member WHERE present AND id_no <> '' AND id_no = ?1";
    let households: Vec<i64> = all(&db.conn, sql, [id_no], |row| Ok(row.get(0)?))?;
    if households.len() > 1 {
        for household in households {
            execute(&db.conn, "INSERT INTO duplicate (id_no, household) VALUES (?1, ?2)", params![id_no, household])?;
        }
    }
    Ok(())
}

/// Takes a household out of the views.
pub(super) fn remove(db: &Db, record: i64) -> Sql<()> {
    let sql = "SELECT DISTINCT id_no FROM member WHERE household = ?1 AND present AND id_no <> ''";
    let persons: Vec<String> = all(&db.conn, sql, [record], |row| Ok(row.get(0)?))?;
    execute(&db.conn, "DELETE FROM household_text WHERE rowid = ?1", [record])?;
    execute(&db.conn, "DELETE FROM household WHERE record = ?1", [record])?;
    for id_no in persons {
        find_duplicates(db, &id_no)?;
    }
    Ok(())
}

/// Compares the table of duplicates with the members it follows from.
pub(super) fn compare_duplicates(db: &Db) -> Sql<Option<String>> {
    let sql = "WITH wanted (id_no, household) AS (SELECT DISTINCT id_no, household FROM member WHERE present AND id_no <> '' AND id_no IN \
               (SELECT id_no FROM member WHERE present AND id_no <> '' GROUP BY id_no HAVING count(DISTINCT household) > 1)) \
               SELECT (SELECT count(*) FROM (SELECT * FROM wanted EXCEPT SELECT id_no, household FROM duplicate)) \
               + (SELECT count(*) FROM (SELECT id_no, household FROM duplicate EXCEPT SELECT * FROM wanted))";
    let different: i64 = db.conn.query_row(sql, [], |row| row.get(0))?;
    Ok((different > 0).then(|| format!("duplicates: {different} rows differ")))
}
