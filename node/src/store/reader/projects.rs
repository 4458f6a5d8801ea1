//! Care projects, and the places that cases ask for. Of cases it knows those that this machine holds.

use super::{Reader, Statement};
use crate::store::fault::Fault;
use crate::store::rows::{Sql, all, array, first, fixed, number};
use crate::store::views::{PROJECT, project, share, stamp};
use rusqlite::Row;
use rusqlite::types::Value;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::projects::Claim;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::project::Project;
use shouwang_protocol::standing::BookingState;
use shouwang_protocol::store::StoreError;
use std::collections::BTreeMap;

/// Projects that are read at most.
const PROJECTS_MAX: i64 = 5_000;
/// Bookings of one project that are read at most.
const BOOKINGS_MAX: i64 = 20_000;

/// A project in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectRow {
    /// The record.
    pub record: RecordId,
    /// What it says.
    pub project: Project,
    /// Fields that several people wrote at the same time.
    pub conflicts: u32,
}

/// A booking of a project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingRow {
    /// What it asks for.
    pub claim: Claim,
    /// The project.
    pub project: RecordId,
    /// The case's area.
    pub area: AreaId,
    /// The household, when it is known.
    pub household: Option<RecordId>,
    /// Who asks.
    pub applicant: String,
    /// For whom.
    pub whom: String,
    /// What should be known.
    pub note: String,
    /// When it was booked.
    pub day: Option<Day>,
    /// When it ended, was declined or cancelled.
    pub ended: Option<Day>,
    /// Why, or what was said.
    pub reason: String,
    /// What the city said last of a claim that does not fit: places ahead, places of its row.
    pub contested: Option<(u32, u32)>,
}

fn booking(row: &Row<'_>) -> Sql<BookingRow> {
    let household = row.get_ref(3)?.as_blob_or_null().map_err(|_| Fault::Damaged("a column is no blob"))?;
    let household = household.map(array).transpose()?.map(|name| RecordId(Hash(name)));
    let day = |at: usize| -> Sql<Option<Day>> { Ok(row.get::<_, Option<i32>>(at)?.map(Day)) };
    let (op, state): (String, String) = (row.get(5)?, row.get(9)?);
    let (ahead, capacity): (Option<u32>, Option<u32>) = (row.get(15)?, row.get(16)?);
    Ok(BookingRow {
        claim: Claim {
            case: CaseId(fixed(row, 0)?),
            booking: OpId::parse(&op).ok_or(Fault::Damaged("a booking has no name"))?,
            share: share(row, 17)?,
            places: row.get(6)?,
            state: BookingState::from_word(&state).ok_or(Fault::Damaged("a booking has no state"))?,
            claimed: stamp(row, 10)?,
            confirmed: stamp(row, 11)?,
        },
        project: RecordId(Hash(fixed(row, 1)?)),
        area: AreaId::from_raw(number(row.get(2)?)),
        household,
        applicant: row.get(4)?,
        whom: row.get(7)?,
        note: row.get(8)?,
        day: day(12)?,
        ended: day(13)?,
        reason: row.get(14)?,
        contested: ahead.zip(capacity),
    })
}

const BOOKING: &str = "SELECT case_id, project, area, household, applicant, op, places, whom, note, state, claimed, confirmed, day, ended, \
    reason, ahead, booking.capacity, share FROM booking JOIN matter ON matter.id = booking.matter";

impl Reader {
    /// Every project, by name.
    pub fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        let sql = format!(
            "SELECT record.name, project.conflicts, {} FROM project JOIN record ON record.id = project.record \
             ORDER BY project.name, record.name LIMIT ?1",
            PROJECT.split(", ").map(|column| format!("project.{column}")).collect::<Vec<_>>().join(", ")
        );
        Ok(all(&self.db.conn, &sql, [PROJECTS_MAX], |row| {
            Ok(ProjectRow { record: RecordId(Hash(fixed(row, 0)?)), conflicts: row.get(1)?, project: project(row, 2)? })
        })?)
    }

    /// The bookings of a project that are held here, in the order they came in.
    pub fn bookings_of(&self, project: &RecordId) -> Result<Vec<BookingRow>, StoreError> {
        let mut statement = Statement::new(BOOKING);
        statement.and("project = ?", [Value::Blob(project.0.0.to_vec())]);
        statement.push(" ORDER BY matter.opened, case_id, ordinal LIMIT ?", [Value::Integer(BOOKINGS_MAX)]);
        Ok(statement.all(&self.db, booking)?)
    }

    /// All claims that are held here and ask for a place or have one, by project.
    pub fn claims(&self) -> Result<BTreeMap<RecordId, Vec<Claim>>, StoreError> {
        let mut claims: BTreeMap<RecordId, Vec<Claim>> = BTreeMap::new();
        let mut statement = Statement::new(BOOKING);
        statement.and("state IN ('claimed', 'confirmed', 'ended')", []);
        for row in statement.all(&self.db, booking)? {
            claims.entry(row.project).or_default().push(row.claim);
        }
        Ok(claims)
    }

    /// Whether any claim waits for the city.
    pub fn claims_wait(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM booking WHERE state = 'claimed' LIMIT 1";
        Ok(first(&self.db.conn, sql, [], |_| Ok(()))?.is_some())
    }
}
