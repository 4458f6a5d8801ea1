//! What belongs to this device alone and is never synchronised: passwords, sessions, lockouts, drafts, invitations,
//! results of actions, settings.
//!
//! Written through the one write connection ([`SqliteStore::local`]), each call a transaction of its own; read by
//! [`Reader`]s. A restored backup has no sessions.

use super::db::Db;
use super::reader::Reader;
use super::rows::{Sql, all, blob, first, fixed};
use super::sqlite::SqliteStore;
use super::views::execute;
use rusqlite::{Row, params};
use shouwang_protocol::record::ActionId;
use shouwang_protocol::store::StoreError;

/// Sessions kept at most; the oldest end first.
const SESSIONS_MAX: i64 = 1_000;
/// Results of actions kept at most; the oldest go first.
const RESULTS_MAX: i64 = 10_000;

/// A sign-in that goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// A hash of the token in the cookie; never the token itself.
    pub token: [u8; 32],
    /// Who signed in.
    pub staff: String,
    /// When, milliseconds since 1970.
    pub created_ms: i64,
    /// When last used.
    pub seen_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// Whatever else the caller keeps.
    pub data: Vec<u8>,
}

/// Failed sign-ins of one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lockout {
    /// Since the last success.
    pub failures: u32,
    /// No further attempt before, milliseconds since 1970.
    pub until_ms: i64,
}

/// A form that somebody has not sent yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DraftRow {
    /// Whose.
    pub staff: String,
    /// Which form, of what.
    pub form: String,
    /// When it was last kept.
    pub changed_ms: i64,
    /// Its content.
    pub data: Vec<u8>,
}

/// An invitation for a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationRow {
    /// Its id.
    pub id: [u8; 16],
    /// When it was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// When it was used.
    pub used_ms: Option<i64>,
    /// What it grants, as the caller encodes it.
    pub data: Vec<u8>,
}

fn session(row: &Row<'_>) -> Sql<SessionRow> {
    Ok(SessionRow {
        token: fixed(row, 0)?,
        staff: row.get(1)?,
        created_ms: row.get(2)?,
        seen_ms: row.get(3)?,
        expires_ms: row.get(4)?,
        data: blob(row, 5)?.to_vec(),
    })
}

fn draft(row: &Row<'_>) -> Sql<DraftRow> {
    Ok(DraftRow { staff: row.get(0)?, form: row.get(1)?, changed_ms: row.get(2)?, data: blob(row, 3)?.to_vec() })
}

fn invitation(row: &Row<'_>) -> Sql<InvitationRow> {
    Ok(InvitationRow {
        id: fixed(row, 0)?,
        created_ms: row.get(1)?,
        expires_ms: row.get(2)?,
        used_ms: row.get(3)?,
        data: blob(row, 4)?.to_vec(),
    })
}

fn lockout_of(db: &Db, subject: &str) -> Sql<Lockout> {
    let sql = "SELECT failures, until_ms FROM lockout WHERE subject = ?1";
    let found = first(&db.conn, sql, [subject], |row| Ok(Lockout { failures: row.get(0)?, until_ms: row.get(1)? }))?;
    Ok(found.unwrap_or_default())
}

fn invitation_of(db: &Db, id: &[u8; 16]) -> Sql<Option<InvitationRow>> {
    let sql = "SELECT id, created_ms, expires_ms, used_ms, data FROM invitation WHERE id = ?1";
    first(&db.conn, sql, [id], invitation)
}

impl Reader {
    /// The PHC string of somebody's password.
    pub fn password(&self, staff: &str) -> Result<Option<String>, StoreError> {
        Ok(first(&self.db.conn, "SELECT phc FROM password WHERE staff = ?1", [staff], |row| Ok(row.get(0)?))?)
    }

    /// Whether anybody has a password here.
    pub fn has_passwords(&self) -> Result<bool, StoreError> {
        Ok(first(&self.db.conn, "SELECT 1 FROM password LIMIT 1", [], |_| Ok(()))?.is_some())
    }

    /// A session, by the hash of its token.
    pub fn session(&self, token: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        let sql = "SELECT token, staff, created_ms, seen_ms, expires_ms, data FROM session WHERE token = ?1";
        Ok(first(&self.db.conn, sql, [token], session)?)
    }

    /// All sessions, the latest used first.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let sql = "SELECT token, staff, created_ms, seen_ms, expires_ms, data FROM session ORDER BY seen_ms DESC";
        Ok(all(&self.db.conn, sql, [], session)?)
    }

    /// Failed sign-ins of an account (or whatever else is counted).
    pub fn lockout(&self, subject: &str) -> Result<Lockout, StoreError> {
        Ok(lockout_of(&self.db, subject)?)
    }

    /// A form that somebody has not sent yet.
    pub fn draft(&self, staff: &str, form: &str) -> Result<Option<DraftRow>, StoreError> {
        let sql = "SELECT staff, form, changed_ms, data FROM draft WHERE staff = ?1 AND form = ?2";
        Ok(first(&self.db.conn, sql, [staff, form], draft)?)
    }

    /// Somebody's forms that were not sent yet, the latest first.
    pub fn drafts(&self, staff: &str) -> Result<Vec<DraftRow>, StoreError> {
        let sql = "SELECT staff, form, changed_ms, data FROM draft WHERE staff = ?1 ORDER BY changed_ms DESC LIMIT 200";
        Ok(all(&self.db.conn, sql, [staff], draft)?)
    }

    /// An invitation.
    pub fn invitation(&self, id: &[u8; 16]) -> Result<Option<InvitationRow>, StoreError> {
        Ok(invitation_of(&self.db, id)?)
    }

    /// All invitations, the latest first.
    pub fn invitations(&self) -> Result<Vec<InvitationRow>, StoreError> {
        let sql = "SELECT id, created_ms, expires_ms, used_ms, data FROM invitation ORDER BY created_ms DESC, id LIMIT 10000";
        Ok(all(&self.db.conn, sql, [], invitation)?)
    }

    /// What an action answered when it was done.
    pub fn action_result(&self, action: &ActionId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT result FROM action_result WHERE action = ?1";
        Ok(first(&self.db.conn, sql, [action.0], |row| Ok(blob(row, 0)?.to_vec()))?)
    }

    /// A setting of this device.
    pub fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(setting_of(&self.db, key)?)
    }
}

fn setting_of(db: &Db, key: &str) -> Sql<Option<Vec<u8>>> {
    first(&db.conn, "SELECT value FROM setting WHERE key = ?1", [key], |row| Ok(blob(row, 0)?.to_vec()))
}

/// Writing what belongs to this device alone.
#[derive(Debug)]
pub struct Local<'a>(&'a SqliteStore);

impl SqliteStore {
    /// What belongs to this device alone.
    pub fn local(&self) -> Local<'_> {
        Local(self)
    }
}

impl Local<'_> {
    pub(super) fn write<T>(&self, change: impl FnOnce(&Db) -> Sql<T>) -> Result<T, StoreError> {
        Ok(self.0.transaction(|db, _| change(db))?)
    }

    /// Sets somebody's password (a PHC string).
    pub fn set_password(&self, staff: &str, phc: &str, now_ms: i64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO password (staff, phc, changed_ms) VALUES (?1, ?2, ?3)";
        self.write(|db| execute(&db.conn, sql, params![staff, phc, now_ms]).map(drop))
    }

    /// Forgets somebody's password. Whether there was one.
    pub fn remove_password(&self, staff: &str) -> Result<bool, StoreError> {
        self.write(|db| Ok(execute(&db.conn, "DELETE FROM password WHERE staff = ?1", [staff])? > 0))
    }

    /// Keeps a session, new or used again; sessions that have ended go.
    pub fn put_session(&self, session: &SessionRow) -> Result<(), StoreError> {
        self.write(|db| {
            execute(&db.conn, "DELETE FROM session WHERE expires_ms <= ?1", [session.seen_ms])?;
            let sql = "DELETE FROM session WHERE token IN (SELECT token FROM session ORDER BY seen_ms DESC LIMIT -1 OFFSET ?1)";
            execute(&db.conn, sql, [SESSIONS_MAX - 1])?;
            let sql = "INSERT OR REPLACE INTO session (token, staff, created_ms, seen_ms, expires_ms, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let SessionRow { token, staff, created_ms, seen_ms, expires_ms, data } = session;
            execute(&db.conn, sql, params![token, staff, created_ms, seen_ms, expires_ms, data]).map(drop)
        })
    }

    /// Ends a session. Whether there was one.
    pub fn end_session(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        self.write(|db| Ok(execute(&db.conn, "DELETE FROM session WHERE token = ?1", [token])? > 0))
    }

    /// Ends all of somebody's sessions. How many there were.
    pub fn end_sessions_of(&self, staff: &str) -> Result<usize, StoreError> {
        self.write(|db| execute(&db.conn, "DELETE FROM session WHERE staff = ?1", [staff]))
    }

    /// Reads and replaces the failed sign-ins of an account in one step; all zero forgets them.
    pub fn lockout(&self, subject: &str, change: impl FnOnce(Lockout) -> Lockout) -> Result<Lockout, StoreError> {
        self.write(|db| {
            let new = change(lockout_of(db, subject)?);
            if new == Lockout::default() {
                execute(&db.conn, "DELETE FROM lockout WHERE subject = ?1", [subject])?;
            } else {
                let sql = "INSERT OR REPLACE INTO lockout (subject, failures, until_ms) VALUES (?1, ?2, ?3)";
                execute(&db.conn, sql, params![subject, new.failures, new.until_ms])?;
            }
            Ok(new)
        })
    }

    /// Keeps a form that was not sent yet.
    pub fn put_draft(&self, draft: &DraftRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO draft (staff, form, changed_ms, data) VALUES (?1, ?2, ?3, ?4)";
        self.write(|db| execute(&db.conn, sql, params![draft.staff, draft.form, draft.changed_ms, draft.data]).map(drop))
    }

    /// Forgets a form. Whether there was one.
    pub fn remove_draft(&self, staff: &str, form: &str) -> Result<bool, StoreError> {
        self.write(|db| Ok(execute(&db.conn, "DELETE FROM draft WHERE staff = ?1 AND form = ?2", [staff, form])? > 0))
    }

    /// Gives somebody's unsent forms to another person, who keeps their own where both have one. How many.
    pub fn move_drafts(&self, from: &str, to: &str) -> Result<usize, StoreError> {
        self.write(|db| {
            let moved = execute(&db.conn, "UPDATE OR IGNORE draft SET staff = ?2 WHERE staff = ?1", [from, to])?;
            execute(&db.conn, "DELETE FROM draft WHERE staff = ?1", [from])?;
            Ok(moved)
        })
    }

    /// Keeps a new invitation.
    pub fn put_invitation(&self, invitation: &InvitationRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO invitation (id, created_ms, expires_ms, used_ms, data) VALUES (?1, ?2, ?3, ?4, ?5)";
        let InvitationRow { id, created_ms, expires_ms, used_ms, data } = invitation;
        self.write(|db| execute(&db.conn, sql, params![id, created_ms, expires_ms, used_ms, data]).map(drop))
    }

    /// Uses an invitation: it is given back once only, and only before it ends.
    pub fn use_invitation(&self, id: &[u8; 16], now_ms: i64) -> Result<Option<InvitationRow>, StoreError> {
        self.write(|db| {
            let sql = "UPDATE invitation SET used_ms = ?2 WHERE id = ?1 AND used_ms IS NULL AND expires_ms > ?2";
            if execute(&db.conn, sql, params![id, now_ms])? == 1 { invitation_of(db, id) } else { Ok(None) }
        })
    }

    /// Forgets an invitation. Whether there was one.
    pub fn remove_invitation(&self, id: &[u8; 16]) -> Result<bool, StoreError> {
        self.write(|db| Ok(execute(&db.conn, "DELETE FROM invitation WHERE id = ?1", [id])? > 0))
    }

    /// Keeps what an action answered, for when it is asked again.
    pub fn put_action_result(&self, action: &ActionId, at_ms: i64, result: &[u8]) -> Result<(), StoreError> {
        self.write(|db| {
            let sql = "INSERT OR REPLACE INTO action_result (action, at_ms, result) VALUES (?1, ?2, ?3)";
            execute(&db.conn, sql, params![action.0, at_ms, result])?;
            let sql = "DELETE FROM action_result WHERE action IN (SELECT action FROM action_result ORDER BY at_ms DESC LIMIT -1 OFFSET ?1)";
            execute(&db.conn, sql, [RESULTS_MAX]).map(drop)
        })
    }

    /// Sets a setting of this device.
    pub fn put_setting(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write(|db| {
            execute(&db.conn, "INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)", params![key, value]).map(drop)
        })
    }

    /// A setting of this device.
    pub fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(setting_of(&self.0.db, key)?)
    }

    /// Forgets a setting. Whether there was one.
    pub fn remove_setting(&self, key: &str) -> Result<bool, StoreError> {
        self.write(|db| Ok(execute(&db.conn, "DELETE FROM setting WHERE key = ?1", [key])? > 0))
    }
}
