//! The view of what a case granted, and of what was said about its doubles; from the same standing as the case's own.

use super::super::db::Db;
use super::super::rows::{Sql, all, first, fixed, tier};
use super::execute;
use rusqlite::params;
use shouwang_protocol::account::{Account, Outcome};
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Ruling;
use shouwang_protocol::standing::{Doubled, Standing};

#[derive(PartialEq, Debug)]
pub(super) struct AwardView {
    award: Option<Award>,
    doubled: Vec<Doubled>,
}

#[derive(PartialEq, Debug)]
struct Award {
    cause: String,
    pack: String,
    day: Option<i32>,
    owed: i64,
    monthly: bool,
    stopped_on: Option<i32>,
}

/// What was said about the doubles of a case.
pub(crate) fn doubled(db: &Db, matter: i64) -> Sql<Vec<Doubled>> {
    let sql = "SELECT other, told, ruling, reason, tier, day FROM doubled WHERE matter = ?1 ORDER BY ordinal";
    all(&db.conn, sql, [matter], |row| {
        Ok(Doubled {
            other: CaseId(fixed(row, 0)?),
            told: row.get(1)?,
            ruling: Ruling::from_word(&row.get::<_, String>(2)?),
            reason: row.get(3)?,
            tier: tier(row.get(4)?)?,
            day: row.get::<_, Option<i32>>(5)?.map(Day),
        })
    })
}

impl AwardView {
    pub fn derive(standing: &Standing) -> AwardView {
        let granted = Account::of(standing).filter(|account| account.outcome == Outcome::Approved && account.application);
        let award = granted.map(|account| Award {
            cause: standing.cause.clone(),
            pack: standing.pack.clone(),
            day: account.ended_on.map(|day| day.0),
            owed: standing.owed().0,
            monthly: standing.is_monthly(),
            stopped_on: standing.stopped_on().map(|day| day.0),
        });
        AwardView { award, doubled: standing.doubled.clone() }
    }

    pub fn load(db: &Db, matter: i64) -> Sql<AwardView> {
        let award = first(
            &db.conn,
            "SELECT cause, pack, day, owed, monthly, stopped_on FROM award WHERE matter = ?1",
            [matter],
            |row| {
                let (monthly, stopped_on) = (row.get(4)?, row.get(5)?);
                Ok(Award { cause: row.get(0)?, pack: row.get(1)?, day: row.get(2)?, owed: row.get(3)?, monthly, stopped_on })
            },
        )?;
        Ok(AwardView { award, doubled: doubled(db, matter)? })
    }

    pub fn write(&self, db: &Db, matter: i64) -> Sql<()> {
        if AwardView::load(db, matter)? == *self {
            return Ok(());
        }
        let conn = &db.conn;
        execute(conn, "DELETE FROM award WHERE matter = ?1", [matter])?;
        execute(conn, "DELETE FROM doubled WHERE matter = ?1", [matter])?;
        if let Some(Award { cause, pack, day, owed, monthly, stopped_on }) = &self.award {
            let sql =
                "INSERT INTO award (matter, cause, pack, day, owed, monthly, stopped_on) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            execute(conn, sql, params![matter, cause, pack, day, owed, monthly, stopped_on])?;
        }
        for (ordinal, one) in self.doubled.iter().enumerate() {
            let sql = "INSERT INTO doubled (matter, ordinal, other, told, ruling, reason, tier, day) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let ruling = one.ruling.map(Ruling::word).unwrap_or_default();
            let (tier, day) = (i64::from(Tier::number(one.tier)), one.day.map(|day| day.0));
            execute(conn, sql, params![matter, ordinal as i64, one.other.0, one.told, ruling, one.reason, tier, day])?;
        }
        Ok(())
    }
}
