//! The views of checks of a family's means: the requests of a case, and which record holds the answers to one. No
//! figure is in a view.

use super::super::db::Db;
use super::super::rows::{Sql, all, first};
use super::execute;
use automerge::Automerge;
use rusqlite::params;
use shouwang_protocol::records::verification::Verification;
use shouwang_protocol::standing::Standing;

type Row = (String, Option<i32>, Option<i32>, Option<i32>, Option<String>, String, Option<i32>);

#[derive(PartialEq, Debug)]
pub(super) struct ChecksView(Vec<Row>);

impl ChecksView {
    pub fn derive(standing: &Standing) -> ChecksView {
        let rows = standing.checks.iter().map(|check| {
            let day = |day: Option<shouwang_protocol::records::day::Day>| day.map(|day| day.0);
            let result = check.result.map(|result| result.word().to_owned());
            let (asked, started, answered) = (day(check.asked_on), day(check.started_on), day(check.answered_on));
            (check.number.clone(), asked, started, answered, result, check.state().to_owned(), day(check.due))
        });
        ChecksView(rows.collect())
    }

    pub fn load(db: &Db, matter: i64) -> Sql<ChecksView> {
        let sql = "SELECT number, asked_on, started_on, answered_on, result, state, due FROM checked WHERE matter = ?1 \
                   ORDER BY ordinal";
        let rows = all(&db.conn, sql, [matter], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?;
        Ok(ChecksView(rows))
    }

    pub fn write(&self, db: &Db, matter: i64) -> Sql<()> {
        if ChecksView::load(db, matter)? == *self {
            return Ok(());
        }
        execute(&db.conn, "DELETE FROM checked WHERE matter = ?1", [matter])?;
        for (ordinal, (number, asked, started, answered, result, state, due)) in self.0.iter().enumerate() {
            let sql = "INSERT INTO checked (matter, ordinal, number, asked_on, started_on, answered_on, result, state, due) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            execute(&db.conn, sql, params![matter, ordinal as i64, number, asked, started, answered, result, state, due])?;
        }
        Ok(())
    }
}

#[derive(PartialEq, Debug)]
pub(super) struct VerificationView {
    number: String,
}

impl VerificationView {
    pub fn derive(doc: &Automerge) -> VerificationView {
        VerificationView { number: Verification::read(doc).number }
    }

    pub fn load(db: &Db, record: i64) -> Sql<Option<VerificationView>> {
        let sql = "SELECT number FROM verification WHERE record = ?1";
        first(&db.conn, sql, [record], |row| Ok(VerificationView { number: row.get(0)? }))
    }

    pub fn write(&self, db: &Db, record: i64) -> Sql<()> {
        let sql = "INSERT INTO verification (record, number) VALUES (?1, ?2) ON CONFLICT (record) DO UPDATE SET number = ?2";
        execute(&db.conn, sql, params![record, self.number]).map(drop)
    }
}
