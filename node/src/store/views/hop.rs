//! The views of a case that the supervision of loops asks: its transfers with their days, and who had to go how often.

use super::super::db::Db;
use super::super::rows::{Sql, all, first};
use super::execute;
use rusqlite::params;
use shouwang_protocol::hops::errands;
use shouwang_protocol::standing::{Standing, TransferState};

type Row = (String, String, String, String, Option<i32>, Option<i32>, Option<i32>, bool);

#[derive(PartialEq, Debug)]
pub(super) struct HopView {
    hops: Vec<Row>,
    errands: Option<(u32, u32)>,
}

impl HopView {
    pub fn derive(standing: &Standing) -> HopView {
        let hop = |transfer: &shouwang_protocol::standing::Transfer| {
            let days = |day: Option<shouwang_protocol::records::day::Day>| day.map(|day| day.0);
            let to = &transfer.to;
            (
                to.kind.word().to_owned(),
                to.id.clone(),
                to.name.clone(),
                transfer.assistance.clone(),
                days(transfer.sent_on),
                days(transfer.signed_on),
                days(transfer.ended_on),
                transfer.state == TransferState::FedBack,
            )
        };
        let gone = errands(standing);
        HopView { hops: standing.transfers.iter().map(hop).collect(), errands: Some((gone.window, gone.home)) }
    }

    pub fn load(db: &Db, matter: i64) -> Sql<HopView> {
        let hops =
            "SELECT who, who_id, name, assistance, sent, signed, ended, answered FROM hop WHERE matter = ?1 ORDER BY ordinal";
        let errands = "SELECT window, home FROM errand WHERE matter = ?1";
        Ok(HopView {
            hops: all(&db.conn, hops, [matter], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?))
            })?,
            errands: first(&db.conn, errands, [matter], |row| Ok((row.get(0)?, row.get(1)?)))?,
        })
    }

    pub fn write(&self, db: &Db, matter: i64) -> Sql<()> {
        let conn = &db.conn;
        let old = HopView::load(db, matter)?;
        if old.hops != self.hops {
            execute(conn, "DELETE FROM hop WHERE matter = ?1", [matter])?;
            for (ordinal, (who, id, name, assistance, sent, signed, ended, answered)) in self.hops.iter().enumerate() {
                let sql = "INSERT INTO hop (matter, ordinal, who, who_id, name, assistance, sent, signed, ended, answered) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
                let values = params![matter, ordinal as i64, who, id, name, assistance, sent, signed, ended, answered];
                execute(conn, sql, values)?;
            }
        }
        if old.errands != self.errands {
            let (window, home) = self.errands.unwrap_or_default();
            let sql = "INSERT OR REPLACE INTO errand (matter, window, home) VALUES (?1, ?2, ?3)";
            execute(conn, sql, params![matter, window, home])?;
        }
        Ok(())
    }
}
