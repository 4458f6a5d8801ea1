//! Where everything rests: the vault with the keys, the encrypted database, the watermark beside it.
//!
//! The only place with SQL. [`SqliteStore`] is the one writer (it implements the protocol's `Store`); pages and
//! commands read through [`Readers`], each on its own WAL snapshot, and never wait for a write. Views are derived
//! from records in the transaction that writes them, and can be rebuilt and compared. Nothing here is synchronised
//! that did not come from an entry, and no error or log line of it holds personal data.
//!
//! Files in a data directory: `vault.json`, `device.secret`, `shouwang.db` (with `-wal`, `-shm`), `released`, `lock`,
//! and `damaged-<n>/` for databases that were set aside.

mod backup;
mod carry;
mod db;
mod exports;
mod fault;
mod files;
mod local;
mod open;
pub mod reader;
mod rows;
mod search;
mod sqlite;
pub mod vault;
mod views;
mod watermark;
mod write;

pub use backup::restore;
pub use carry::CarriedRow;
pub use db::Options;
pub use exports::ExportRow;
pub use fault::{OpenError, SetAside};
pub use local::{DraftRow, InvitationRow, Local, Lockout, SessionRow};
pub use open::{database_path, is_locked, set_aside};
pub use reader::{Reader, Readers};
pub use search::is_initials_of;
pub use sqlite::{Begun, Life, SqliteStore};
pub use vault::{KeySource, NodeIdentity, Secrets, Vault, VaultError, make_key_file};

#[cfg(test)]
mod tests;
