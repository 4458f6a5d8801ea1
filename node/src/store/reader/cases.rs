//! Cases: lists by stage and by who must act, search, one case with its volumes and standing.

use super::{Listed, Page, Reader, Statement, text};
use crate::store::db::Db;
use crate::store::fault::Fault;
use crate::store::rows::{Sql, all, array, fixed, number};
use crate::store::search;
use crate::store::views::{CaseKey, Docs, MatterSpot, case_records};
use rusqlite::types::Value;
use rusqlite::{Row, params};
use serde::Serialize;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::OfficeId;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Origin, Urgency};
use shouwang_protocol::standing::{CaseRecords, Stage, Standing, standing};
use shouwang_protocol::store::StoreError;

/// Who must act, to ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The office of this tier that covers the case's area (give its areas as `within`).
    Tier(Tier),
    /// A certain office.
    Office(OfficeId),
    /// A department, by its code.
    Department(String),
    /// A provider, by its code.
    Provider(String),
    /// The person who asks.
    Applicant,
}

impl Actor {
    fn words(&self) -> (&'static str, String) {
        match self {
            Actor::Tier(tier) => ("tier", tier.word().to_owned()),
            Actor::Office(office) => ("office", office.to_string()),
            Actor::Department(code) => ("department", code.clone()),
            Actor::Provider(code) => ("provider", code.clone()),
            Actor::Applicant => ("applicant", String::new()),
        }
    }
}

/// Which cases.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CaseFilter {
    /// In these areas or below; empty: all that are held.
    pub within: Vec<AreaId>,
    /// In one of these stages; empty: any.
    pub stages: Vec<Stage>,
    /// Where one of these must act; empty: whoever must.
    pub turns: Vec<Actor>,
    /// Where somebody must do this, as a turn names it.
    pub to_do: Option<&'static str>,
    /// Where something was handed to this office, department or provider, done or not.
    pub handed_to: Option<Actor>,
    /// Of this household.
    pub household: Option<RecordId>,
    /// Begun in this way.
    pub origin: Option<Origin>,
    /// Of this kind (code).
    pub assistance: Option<String>,
    /// Any part of the applicant's name or the number. Empty: all.
    pub text: String,
    /// With something due before this day.
    pub due_before: Option<Day>,
    /// Leaves out what runs every month and has its list or payment for this month, `2019-06`.
    pub unlisted_for: Option<String>,
    /// Only what nobody has to do anything about.
    pub idle: bool,
    /// Leaves out what runs every month and has nothing to be done about it but to be paid.
    pub but_running: bool,
    /// The most urgent first, then what is due first; else the latest changed first.
    pub by_urgency: bool,
}

/// One thing somebody must do now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TurnRow {
    /// `tier`, `office`, `department`, `provider`, `applicant`.
    pub who: String,
    /// The tier's word, the office's number, the code.
    pub id: String,
    /// The name, where it is not a tier.
    pub name: String,
    /// What, in Chinese.
    pub what: String,
    /// The last day for it.
    pub due: Option<Day>,
}

/// A case in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CaseRow {
    /// The case.
    #[serde(serialize_with = "super::registry::display")]
    pub case: CaseId,
    /// Its area.
    #[serde(serialize_with = "super::registry::display")]
    pub area: AreaId,
    /// The area's name today.
    pub area_name: String,
    /// The lowest tier that holds it.
    pub floor: Tier,
    /// Where it stands.
    pub stage: Stage,
    /// The same, on screens.
    pub stage_name: &'static str,
    /// The day it came there.
    pub since: Option<Day>,
    /// How it began.
    pub origin: Option<Origin>,
    /// How fast it must go.
    pub urgency: Urgency,
    /// The kind of assistance (code).
    pub assistance: String,
    /// The household.
    #[serde(serialize_with = "super::registry::display_option")]
    pub household: Option<RecordId>,
    /// Who asks or is concerned.
    pub applicant: String,
    /// The acceptance number.
    pub number: Option<String>,
    /// The day it was opened.
    pub opened_on: Option<Day>,
    /// The amount proposed.
    pub proposed: Option<Fen>,
    /// The amount approved.
    pub decided: Option<Fen>,
    /// The amount paid.
    pub paid: Option<Fen>,
    /// The first day something is due.
    pub due: Option<Day>,
    /// Lamport number of its first event.
    pub opened: u64,
    /// Lamport number of its last event.
    pub updated: u64,
    /// Its events.
    pub events: u32,
    /// Those of them that wait or have no effect.
    pub idle: u32,
    /// What could not be read or does not fit.
    pub problems: u32,
    /// Who must do what.
    pub turns: Vec<TurnRow>,
}

/// A case, whole.
#[derive(Debug)]
pub struct CaseFile {
    /// As in lists.
    pub row: CaseRow,
    /// Its volumes, every event with its place in the common order.
    pub records: CaseRecords,
    /// What it means.
    pub standing: Standing,
}

const COLUMNS: &str = "SELECT case_id, matter.area, coalesce(area.name, ''), floor, stage, since, origin, urgency, assistance, household, \
    applicant, number, opened_on, proposed, decided, paid, due, opened, updated, events, idle, problems, matter.id ";
const TABLES: &str = "FROM matter LEFT JOIN area ON area.id = matter.area";
const SEARCHED: &str =
    "FROM matter_text CROSS JOIN matter ON matter.id = matter_text.rowid LEFT JOIN area ON area.id = matter.area";

fn case_row(row: &Row<'_>) -> Sql<(i64, CaseRow)> {
    let days = |at: usize| -> Sql<Option<Day>> { Ok(row.get::<_, Option<i32>>(at)?.map(Day)) };
    let fen = |at: usize| -> Sql<Option<Fen>> { Ok(row.get::<_, Option<i64>>(at)?.map(Fen)) };
    let household = row.get_ref(9)?.as_blob_or_null().map_err(|_| Fault::Damaged("a column is no blob"))?;
    let spot = CaseKey { case: fixed(row, 0)?, area: row.get(1)?, floor: row.get(3)? }.spot()?;
    let stage = Stage::from_word(&row.get::<_, String>(4)?).unwrap_or_default();
    let listed = CaseRow {
        case: spot.case,
        area: spot.area,
        area_name: row.get(2)?,
        floor: spot.floor,
        stage,
        stage_name: stage.label(),
        since: days(5)?,
        origin: row.get::<_, Option<String>>(6)?.and_then(|word| Origin::from_word(&word)),
        urgency: match row.get::<_, i64>(7)? {
            0 => Urgency::Normal,
            1 => Urgency::Urgent,
            _ => Urgency::Critical,
        },
        assistance: row.get(8)?,
        household: household.map(array).transpose()?.map(|name| RecordId(Hash(name))),
        applicant: row.get(10)?,
        number: row.get(11)?,
        opened_on: days(12)?,
        proposed: fen(13)?,
        decided: fen(14)?,
        paid: fen(15)?,
        due: days(16)?,
        opened: number(row.get(17)?),
        updated: number(row.get(18)?),
        events: row.get(19)?,
        idle: row.get(20)?,
        problems: row.get(21)?,
        turns: Vec::new(),
    };
    Ok((row.get(22)?, listed))
}

fn with_turns(db: &Db, rows: Vec<(i64, CaseRow)>) -> Sql<Vec<CaseRow>> {
    let sql = "SELECT who, who_id, name, what, due FROM turn WHERE matter = ?1 ORDER BY ordinal";
    let fill = |(id, row): (i64, CaseRow)| {
        let turns = all(&db.conn, sql, [id], |turn| {
            let due = turn.get::<_, Option<i32>>(4)?.map(Day);
            Ok(TurnRow { who: turn.get(0)?, id: turn.get(1)?, name: turn.get(2)?, what: turn.get(3)?, due })
        })?;
        Ok(CaseRow { turns, ..row })
    };
    rows.into_iter().map(fill).collect()
}

impl CaseFilter {
    /// That a turn is one of `turns`.
    fn whose(&self, statement: &mut Statement) {
        for (at, actor) in self.turns.iter().enumerate() {
            let (who, id) = actor.words();
            let one = if at == 0 { "(who = ? AND who_id = ?)" } else { " OR (who = ? AND who_id = ?)" };
            statement.push(one, [text(who), text(&id)]);
        }
    }

    fn statement(&self, columns: &'static str) -> Option<Statement> {
        let mut statement = Statement::new(columns);
        if self.text.trim().is_empty() {
            statement.push(TABLES, []);
        } else {
            let query = search::query(&self.text)?;
            statement.push(SEARCHED, []);
            statement.and("matter_text MATCH ?", [text(&query)]);
        }
        statement.within("matter.area", &self.within);
        if let Some(month) = &self.unlisted_for {
            statement.and(
                "NOT (stage IN ('running', 'phasing-out') AND EXISTS (SELECT 1 FROM payout WHERE payout.matter = matter.id \
                 AND period = ? AND state IN ('listed', 'paid')))",
                [text(month)],
            );
        }
        if self.idle {
            statement.and("NOT EXISTS (SELECT 1 FROM turn WHERE turn.matter = matter.id)", []);
        }
        if self.but_running {
            statement.and(
                "NOT (stage IN ('running', 'phasing-out') AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.matter = matter.id \
                 AND what NOT IN ('按月发放', '登记发放结果')",
                [],
            );
            if !self.turns.is_empty() {
                statement.push(" AND (", []);
                self.whose(&mut statement);
                statement.push(")", []);
            }
            statement.push("))", []);
        }
        if !self.stages.is_empty() {
            statement.and("stage IN (", []);
            for (at, stage) in self.stages.iter().enumerate() {
                statement.push(if at == 0 { "?" } else { ", ?" }, [text(stage.word())]);
            }
            statement.push(")", []);
        }
        if !self.turns.is_empty() {
            statement.and("matter.id IN (SELECT matter FROM turn WHERE ", []);
            self.whose(&mut statement);
            statement.push(")", []);
        }
        if let Some(what) = self.to_do {
            statement.and("EXISTS (SELECT 1 FROM turn WHERE turn.matter = matter.id AND what = ?)", [text(what)]);
        }
        if let Some(actor) = &self.handed_to {
            let (who, id) = actor.words();
            statement.and("matter.id IN (SELECT matter FROM transfer WHERE who = ? AND who_id = ?)", [text(who), text(&id)]);
        }
        if let Some(household) = &self.household {
            statement.and("household = ?", [Value::Blob(household.0.0.to_vec())]);
        }
        if let Some(origin) = self.origin {
            statement.and("origin = ?", [text(origin.word())]);
        }
        if let Some(assistance) = &self.assistance {
            statement.and("assistance = ?", [text(assistance)]);
        }
        if let Some(day) = self.due_before {
            statement.and("due < ?", [Value::Integer(i64::from(day.0))]);
        }
        Some(statement)
    }
}

/// A policy pack that is not here, and how many cases name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CasesOfPack {
    /// The pack's version.
    pub version: String,
    /// The cases.
    pub cases: u64,
}

impl Reader {
    /// Cases, the latest changed first.
    pub fn cases(&self, filter: &CaseFilter, page: Page) -> Result<Listed<CaseRow>, StoreError> {
        let Some(mut statement) = filter.statement(COLUMNS) else { return Ok(Listed { rows: Vec::new(), more: false }) };
        let order = if filter.by_urgency {
            " ORDER BY urgency DESC, due IS NULL, due, updated DESC, case_id"
        } else {
            " ORDER BY updated DESC, case_id"
        };
        statement.push(order, []);
        statement.page(page);
        let listed = statement.listed(&self.db, page, case_row)?;
        Ok(Listed { rows: with_turns(&self.db, listed.rows)?, more: listed.more })
    }

    /// How many cases a filter finds.
    pub fn count_cases(&self, filter: &CaseFilter) -> Result<u64, StoreError> {
        Ok(filter.statement("SELECT count(*) ").map_or(Ok(0), |statement| statement.count(&self.db))?)
    }

    /// How many cases are in each stage.
    pub fn cases_by_stage(&self, within: &[AreaId]) -> Result<Vec<(Stage, u64)>, StoreError> {
        let mut statement = Statement::new("SELECT stage, count(*) FROM matter");
        statement.within("matter.area", within);
        statement.push(" GROUP BY stage", []);
        let mut counts = statement
            .all(&self.db, |row| Ok((Stage::from_word(&row.get::<_, String>(0)?).unwrap_or_default(), number(row.get(1)?))))?;
        counts.sort_unstable();
        Ok(counts)
    }

    /// The packs that cases name and that are not here.
    pub fn cases_without_pack(&self) -> Result<Vec<CasesOfPack>, StoreError> {
        let sql = "SELECT pack, count(*) FROM matter WHERE origin IS NOT NULL AND problems > 0 GROUP BY pack ORDER BY pack";
        let named = all(&self.db.conn, sql, [], |row| Ok(CasesOfPack { version: row.get(0)?, cases: number(row.get(1)?) }))?;
        let packs = &self.context()?.packs;
        Ok(named.into_iter().filter(|pack| !packs.contains_key(&pack.version)).collect())
    }

    /// A case, whole, at every place where it has volumes (more than one only after it was routed).
    pub fn case(&self, case: &CaseId) -> Result<Vec<CaseFile>, StoreError> {
        let context = self.context()?;
        let mut statement = Statement::new(COLUMNS);
        statement.push(TABLES, []);
        statement.and("case_id = ?", [Value::Blob(case.0.to_vec())]);
        statement.push(" ORDER BY matter.area, floor", []);
        let rows = with_turns(&self.db, statement.all(&self.db, case_row)?)?;
        let mut files = Vec::with_capacity(rows.len());
        for row in rows {
            let key = CaseKey::of(&MatterSpot { case: row.case, area: row.area, floor: row.floor });
            if let Some(records) = case_records(&self.db, &context, &key, &Docs::new())? {
                let standing = standing(&records, &context.packs);
                files.push(CaseFile { row, records, standing });
            }
        }
        Ok(files)
    }

    /// The case that has this acceptance number.
    pub fn case_numbered(&self, number: &str) -> Result<Vec<CaseId>, StoreError> {
        Ok(all(&self.db.conn, "SELECT DISTINCT case_id FROM matter WHERE number = ?1", [number], |row| {
            Ok(CaseId(fixed(row, 0)?))
        })?)
    }

    /// The volumes of a case that are held, by record, with the tier whose they are.
    pub fn volumes(&self, case: &CaseId) -> Result<Vec<(Tier, RecordId)>, StoreError> {
        let sql = "SELECT tier, name FROM record WHERE case_id = ?1 ORDER BY area, floor, tier";
        Ok(all(&self.db.conn, sql, params![case.0], |row| {
            Ok((crate::store::rows::tier(row.get(0)?)?, RecordId(Hash(fixed(row, 1)?))))
        })?)
    }
}
