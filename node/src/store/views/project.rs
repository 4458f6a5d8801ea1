//! The views of care projects, and of the places that cases ask for.

use super::super::db::Db;
use super::super::fault::Fault;
use super::super::rows::{Sql, all, blob, decode, encode, first, fixed};
use super::execute;
use automerge::Automerge;
use rusqlite::{Row, params};
use shouwang_protocol::record::Stamp;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::project::{Project, ShareId, shares, taken_by, taken_text};
use shouwang_protocol::standing::{Booking, Standing};

/// A care project.
#[derive(PartialEq, Debug)]
pub(super) struct ProjectView {
    project: Project,
    conflicts: i64,
    problems: i64,
}

/// What [`project`] reads.
pub(crate) const PROJECT: &str = "name, kind, provider, areas, from_day, until_day, capacity, conditions, contact, description, \
     open, taken, taken_on, shares, taken_by";

/// A project as its view has it: all that people filled in, and what the city published.
pub(crate) fn project(row: &Row<'_>, at: usize) -> Sql<Project> {
    let day = |column: usize| -> Sql<Option<Day>> { Ok(row.get::<_, Option<i32>>(column)?.map(Day)) };
    let areas: String = row.get(at + 3)?;
    let (taken, on): (Option<u32>, Option<Day>) = (row.get(at + 11)?, day(at + 12)?);
    Ok(Project {
        name: row.get(at)?,
        kind: row.get(at + 1)?,
        provider: row.get(at + 2)?,
        areas: areas.split(',').filter_map(shouwang_protocol::area::AreaId::parse).collect(),
        from: day(at + 4)?,
        until: day(at + 5)?,
        capacity: row.get(at + 6)?,
        conditions: row.get(at + 7)?,
        contact: row.get(at + 8)?,
        description: row.get(at + 9)?,
        open: row.get(at + 10)?,
        taken: taken.zip(on),
        shares: shares(&row.get::<_, String>(at + 13)?).0,
        taken_by: taken_by(&row.get::<_, String>(at + 14)?),
        ..Project::default()
    })
}

impl ProjectView {
    pub fn derive(doc: &Automerge) -> ProjectView {
        let read = Project::read(doc);
        let (conflicts, problems) = (read.conflicts.len() as i64, read.problems.len() as i64);
        let project = Project { conflicts: Vec::new(), problems: Vec::new(), other: Default::default(), ..read };
        ProjectView { project, conflicts, problems }
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<ProjectView>> {
        let sql = format!("SELECT conflicts, problems, {PROJECT} FROM project WHERE record = ?1");
        first(&db.conn, &sql, [record], |row| {
            Ok(ProjectView { conflicts: row.get(0)?, problems: row.get(1)?, project: project(row, 2)? })
        })
    }

    pub fn write(&self, db: &Db, record: i64) -> Sql<()> {
        let it = &self.project;
        let day = |day: Option<Day>| day.map(|day| day.0);
        let sql = "INSERT OR REPLACE INTO project (record, name, kind, provider, areas, from_day, until_day, capacity, conditions, contact, \
                   description, open, taken, taken_on, shares, taken_by, conflicts, problems) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
        let values = params![
            record,
            it.name,
            it.kind,
            it.provider,
            it.text("areas"),
            day(it.from),
            day(it.until),
            it.capacity,
            it.conditions,
            it.contact,
            it.description,
            it.open,
            it.taken.map(|(taken, _)| taken),
            day(it.taken.map(|(_, on)| on)),
            it.text("shares"),
            taken_text(&it.taken_by),
            self.conflicts,
            self.problems
        ];
        execute(&db.conn, sql, values)?;
        Ok(())
    }
}

#[derive(PartialEq, Debug)]
struct BookingRow {
    op: String,
    project: [u8; 32],
    share: String,
    places: u32,
    whom: String,
    note: String,
    state: String,
    claimed: Option<Vec<u8>>,
    confirmed: Option<Vec<u8>>,
    day: Option<i32>,
    ended: Option<i32>,
    reason: String,
    contested: Option<(u32, u32)>,
}

/// The places that a case asks for.
#[derive(PartialEq, Debug)]
pub(super) struct BookingsView(Vec<BookingRow>);

/// The row of a division, from its column; none: the places are not divided.
pub(crate) fn share(row: &Row<'_>, at: usize) -> Sql<Option<ShareId>> {
    let text: String = row.get(at)?;
    if text.is_empty() {
        return Ok(None);
    }
    ShareId::parse(&text).map(Some).ok_or(Fault::Damaged("a booking's row has no name"))
}

/// A place in the common order, from its column.
pub(crate) fn stamp(row: &Row<'_>, at: usize) -> Sql<Option<Stamp>> {
    match row.get_ref(at)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => decode(blob(row, at)?).map(Some),
    }
}

impl BookingsView {
    pub fn derive(standing: &Standing) -> BookingsView {
        let place = |stamp: &Option<Stamp>| stamp.as_ref().and_then(|stamp| encode(stamp).ok());
        let row = |booking: &Booking| BookingRow {
            op: booking.id.to_string(),
            project: booking.project.0.0,
            share: booking.share.map(|share| share.to_string()).unwrap_or_default(),
            places: booking.places,
            whom: booking.whom.clone(),
            note: booking.note.clone(),
            state: booking.state.word().to_owned(),
            claimed: place(&booking.claimed),
            confirmed: place(&booking.confirmed),
            day: booking.day.map(|day| day.0),
            ended: booking.ended_on.map(|day| day.0),
            reason: booking.reason.clone(),
            contested: booking.contested,
        };
        BookingsView(standing.bookings.iter().map(row).collect())
    }

    pub fn load(db: &Db, matter: i64) -> Sql<BookingsView> {
        let sql = "SELECT op, project, places, whom, note, state, claimed, confirmed, day, ended, reason, ahead, capacity, share FROM booking \
                   WHERE matter = ?1 ORDER BY ordinal";
        let rows = all(&db.conn, sql, [matter], |row| {
            let (ahead, capacity): (Option<u32>, Option<u32>) = (row.get(11)?, row.get(12)?);
            Ok(BookingRow {
                op: row.get(0)?,
                project: fixed(row, 1)?,
                places: row.get(2)?,
                whom: row.get(3)?,
                note: row.get(4)?,
                state: row.get(5)?,
                claimed: row.get(6)?,
                confirmed: row.get(7)?,
                day: row.get(8)?,
                ended: row.get(9)?,
                reason: row.get(10)?,
                contested: ahead.zip(capacity),
                share: row.get(13)?,
            })
        })?;
        Ok(BookingsView(rows))
    }

    pub fn write(&self, db: &Db, matter: i64) -> Sql<()> {
        if BookingsView::load(db, matter)? == *self {
            return Ok(());
        }
        execute(&db.conn, "DELETE FROM booking WHERE matter = ?1", [matter])?;
        for (ordinal, it) in self.0.iter().enumerate() {
            let sql = "INSERT INTO booking (matter, ordinal, op, project, places, whom, note, state, claimed, confirmed, day, ended, \
                       reason, ahead, capacity, share) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
            let (ahead, capacity) = it.contested.unzip();
            let values = params![
                matter,
                ordinal as i64,
                it.op,
                it.project,
                it.places,
                it.whom,
                it.note,
                it.state,
                it.claimed,
                it.confirmed,
                it.day,
                it.ended,
                it.reason,
                ahead,
                capacity,
                it.share
            ];
            execute(&db.conn, sql, values)?;
        }
        Ok(())
    }
}
