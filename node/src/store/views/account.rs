//! The view of what a case comes to: its outcome with the reason, its payments and what came back, the days on which needs were assessed.
//! Written and compared with the case's own view, from the same standing.

use super::super::db::Db;
use super::super::rows::{Sql, all, first};
use super::execute;
use rusqlite::params;
use shouwang_protocol::account::Account;
use shouwang_protocol::standing::Standing;

/// None for a case that is not counted.
#[derive(PartialEq, Debug)]
pub(super) struct AccountView(Option<Counted>);

#[derive(PartialEq, Debug)]
struct Counted {
    application: bool,
    channel: String,
    outcome: String,
    ended_on: Option<i32>,
    reason: String,
    verified_on: Option<i32>,
    finding: String,
    failed: u32,
    monthly: bool,
    cut: bool,
    undue: i64,
    /// Day, fen, kind, fund, month.
    payments: Vec<(Option<i32>, i64, String, String, String)>,
    recovered: Vec<(Option<i32>, i64, String)>,
    needs: Vec<Option<i32>>,
}

impl AccountView {
    pub fn derive(standing: &Standing) -> AccountView {
        AccountView(Account::of(standing).map(|account| {
            Counted {
                application: account.application,
                channel: account.channel.map(|channel| channel.word().to_owned()).unwrap_or_default(),
                outcome: account.outcome.word().to_owned(),
                ended_on: account.ended_on.map(|day| day.0),
                reason: account.reason,
                verified_on: account.verified_on.map(|day| day.0),
                finding: account.finding.map(|finding| finding.word().to_owned()).unwrap_or_default(),
                failed: account.failed_payments,
                monthly: standing.is_monthly(),
                cut: standing.was_cut(),
                undue: standing.undue().0,
                payments: account
                    .payments
                    .into_iter()
                    .map(|paid| (paid.day.map(|day| day.0), paid.amount.0, paid.kind, paid.fund, paid.month))
                    .collect(),
                recovered: account.recovered.iter().map(|p| (p.day.map(|day| day.0), p.amount.0, p.fund.clone())).collect(),
                needs: account.needs.iter().map(|need| need.day.map(|day| day.0)).collect(),
            }
        }))
    }

    pub fn load(db: &Db, matter: i64) -> Sql<AccountView> {
        let sql = "SELECT application, channel, outcome, ended_on, reason, verified_on, finding, failed, monthly, cut, undue FROM account \
             WHERE matter = ?1";
        let counted = first(&db.conn, sql, [matter], |row| {
            Ok(Counted {
                application: row.get(0)?,
                channel: row.get(1)?,
                outcome: row.get(2)?,
                ended_on: row.get(3)?,
                reason: row.get(4)?,
                verified_on: row.get(5)?,
                finding: row.get(6)?,
                failed: row.get(7)?,
                monthly: row.get(8)?,
                cut: row.get(9)?,
                undue: row.get(10)?,
                payments: Vec::new(),
                recovered: Vec::new(),
                needs: Vec::new(),
            })
        })?;
        let Some(mut counted) = counted else { return Ok(AccountView(None)) };
        let sql = "SELECT day, amount, kind, fund, month FROM payment WHERE matter = ?1 ORDER BY ordinal";
        let payment = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        counted.payments = all(&db.conn, sql, [matter], payment)?;
        let sql = "SELECT day, amount, fund FROM recovery WHERE matter = ?1 ORDER BY ordinal";
        counted.recovered = all(&db.conn, sql, [matter], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        counted.needs =
            all(&db.conn, "SELECT day FROM need WHERE matter = ?1 ORDER BY ordinal", [matter], |row| Ok(row.get(0)?))?;
        Ok(AccountView(Some(counted)))
    }

    pub fn write(&self, db: &Db, matter: i64) -> Sql<()> {
        if AccountView::load(db, matter)? == *self {
            return Ok(());
        }
        let conn = &db.conn;
        for sql in [
            "DELETE FROM account WHERE matter = ?1",
            "DELETE FROM payment WHERE matter = ?1",
            "DELETE FROM recovery WHERE matter = ?1",
            "DELETE FROM need WHERE matter = ?1",
        ] {
            execute(conn, sql, [matter])?;
        }
        let Some(c) = &self.0 else { return Ok(()) };
        let sql = "INSERT INTO account (matter, application, channel, outcome, ended_on, reason, verified_on, finding, failed, monthly, \
                   cut, undue) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let values = params![
            matter,
            c.application,
            c.channel,
            c.outcome,
            c.ended_on,
            c.reason,
            c.verified_on,
            c.finding,
            c.failed,
            c.monthly,
            c.cut,
            c.undue
        ];
        execute(conn, sql, values)?;
        for (ordinal, (day, amount, kind, fund, month)) in c.payments.iter().enumerate() {
            let sql = "INSERT INTO payment (matter, ordinal, day, amount, kind, fund, month) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            execute(conn, sql, params![matter, ordinal as i64, day, amount, kind, fund, month])?;
        }
        for (ordinal, (day, amount, fund)) in c.recovered.iter().enumerate() {
            let sql = "INSERT INTO recovery (matter, ordinal, day, amount, fund) VALUES (?1, ?2, ?3, ?4, ?5)";
            execute(conn, sql, params![matter, ordinal as i64, day, amount, fund])?;
        }
        for (ordinal, day) in c.needs.iter().enumerate() {
            let sql = "INSERT INTO need (matter, ordinal, day) VALUES (?1, ?2, ?3)";
            execute(conn, sql, params![matter, ordinal as i64, day])?;
        }
        Ok(())
    }
}
