//! The views of a case that lists of work ask: its notices, its money on the way, and who has it in hand.
//! Written and compared with the case's own view, from the same standing.

use super::super::db::Db;
use super::super::rows::{Sql, all};
use super::execute;
use rusqlite::params;
use shouwang_protocol::notice;
use shouwang_protocol::standing::Standing;

#[derive(PartialEq, Debug)]
pub(super) struct WorkView {
    posted: Vec<(i32, i32, bool, u32, String)>,
    payouts: Vec<(String, String, i64, String, String, Option<i32>, String)>,
    handlers: Vec<(u32, String, String)>,
}

impl WorkView {
    pub fn derive(standing: &Standing) -> WorkView {
        let office = |id| standing.timeline.iter().find(|item| item.id == id).map_or(0, |item| item.event.by.0);
        let posted = notice::posted(standing).into_iter();
        let payout = |payout: &shouwang_protocol::standing::Payout| {
            let (batch, period, last4) = (payout.batch.clone(), payout.period.clone(), payout.account_last4.clone());
            let (state, day) = (payout.state.word().to_owned(), payout.day.map(|day| day.0));
            (batch, period, payout.amount.0, last4, state, day, payout.reason.clone())
        };
        WorkView {
            posted: posted.map(|one| (one.from.0, one.until.0, one.stands, office(one.id), one.text)).collect(),
            payouts: standing.payouts.iter().map(payout).collect(),
            handlers: standing.handlers.iter().map(|(office, who)| (office.0, who.staff.clone(), who.name.clone())).collect(),
        }
    }

    pub fn load(db: &Db, matter: i64) -> Sql<WorkView> {
        let conn = &db.conn;
        let posted = "SELECT from_day, until_day, stands, office, text FROM posted WHERE matter = ?1 ORDER BY ordinal";
        let payouts = "SELECT batch, period, amount, last4, state, day, reason FROM payout WHERE matter = ?1 ORDER BY ordinal";
        let handlers = "SELECT office, staff, name FROM handler WHERE matter = ?1 ORDER BY office";
        Ok(WorkView {
            posted: all(conn, posted, [matter], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?,
            payouts: all(conn, payouts, [matter], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })?,
            handlers: all(conn, handlers, [matter], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?,
        })
    }

    pub fn write(&self, db: &Db, matter: i64) -> Sql<()> {
        let conn = &db.conn;
        let old = WorkView::load(db, matter)?;
        if old.posted != self.posted {
            execute(conn, "DELETE FROM posted WHERE matter = ?1", [matter])?;
            for (ordinal, (from, until, stands, office, text)) in self.posted.iter().enumerate() {
                let sql = "INSERT INTO posted (matter, ordinal, from_day, until_day, stands, office, text) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                execute(conn, sql, params![matter, ordinal as i64, from, until, stands, office, text])?;
            }
        }
        if old.payouts != self.payouts {
            execute(conn, "DELETE FROM payout WHERE matter = ?1", [matter])?;
            for (ordinal, (batch, period, amount, last4, state, day, reason)) in self.payouts.iter().enumerate() {
                let sql = "INSERT INTO payout (matter, ordinal, batch, period, amount, last4, state, day, reason) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
                execute(conn, sql, params![matter, ordinal as i64, batch, period, amount, last4, state, day, reason])?;
            }
        }
        if old.handlers != self.handlers {
            execute(conn, "DELETE FROM handler WHERE matter = ?1", [matter])?;
            for (office, staff, name) in &self.handlers {
                let sql = "INSERT INTO handler (matter, office, staff, name) VALUES (?1, ?2, ?3, ?4)";
                execute(conn, sql, params![matter, office, staff, name])?;
            }
        }
        Ok(())
    }
}
