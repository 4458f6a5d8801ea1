//! Backup and restore of the database. A backup is a whole encrypted database under the same key; whoever restores it
//! also needs the vault.
//!
//! A backup is taken from one snapshot beside the running writer. A restored database gets a new epoch and forgets its
//! peers and sessions, so that peers compare everything anew, and the watermark of another epoch makes a new
//! incarnation begin: the old one may have written more than the backup holds. An existing database is never
//! overwritten: set it aside first.

use super::db::{Db, Options, key_check};
use super::fault::{Fault, OpenError};
use super::files::{private, sync_directory};
use super::open::{MIGRATIONS, configure, database_path, fresh_epoch, lock, migrate, set_epoch, watermark_path};
use super::reader::Readers;
use super::watermark::{Mark, Watermark};
use rusqlite::OpenFlags;
use shouwang_protocol::store::StoreError;
use std::fs::File;
use std::path::Path;

impl Readers {
    /// Writes a backup of the database to `path`, which must not exist. It is whole when this returns.
    pub fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        let io = |error| Fault::Io("the backup file", error);
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = dir.join(name);
        if path.exists() {
            return Err(StoreError::Failed("the backup file exists already".to_owned()));
        }
        // Made by us, so that only its owner may read it; SQLite fills an empty file.
        private().write(true).create(true).truncate(true).open(&part).map_err(io)?;
        let written = self.vacuum_into(&part);
        if let Err(error) = written {
            // Half a backup is of no use; the database itself is untouched.
            std::fs::remove_file(&part).map_err(io)?;
            return Err(error.into());
        }
        File::open(&part).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&part, path).map_err(io)?;
        sync_directory(dir).map_err(io)?;
        Ok(())
    }
}

/// Puts a backup into a directory that has no database. The key must be the one it was made with.
pub fn restore(backup: &Path, dir: &Path, key: &[u8; 32], options: Options) -> Result<(), OpenError> {
    let _lock = lock(dir)?;
    let path = database_path(dir);
    if path.exists() {
        return Err(OpenError::Exists);
    }
    if !backup.exists() {
        return Err(OpenError::Missing);
    }
    let io = |error| Fault::Io("the restored file", error);
    let fresh = dir.join("shouwang.db.restoring");
    // What an interrupted restore left behind belongs to no database.
    for name in ["shouwang.db.restoring", "shouwang.db.restoring-wal", "shouwang.db.restoring-shm"] {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error).into()),
            _ => {}
        }
    }
    let mut to = private().write(true).create(true).truncate(true).open(&fresh).map_err(io)?;
    std::io::copy(&mut File::open(backup).map_err(io)?, &mut to).map_err(io)?;
    to.sync_all().map_err(io)?;
    drop(to);
    let epoch = fresh_epoch()?;
    {
        let unreadable = |fault: Fault| match OpenError::from(fault) {
            OpenError::Damaged(_) => OpenError::WrongKey,
            other => other,
        };
        let db = Db::connect(&fresh, key, options, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unreadable)?;
        db.conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(|error| unreadable(error.into()))?;
        let damaged = super::rows::all(&db.conn, "PRAGMA cipher_integrity_check", [], |row| Ok(row.get::<_, String>(0)?))?;
        if let Some(first) = damaged.into_iter().next() {
            return Err(OpenError::Damaged(first));
        }
        configure(&db)?;
        migrate(&db, MIGRATIONS)?;
        set_epoch(&db, epoch)?;
        db.conn.execute_batch("DELETE FROM peer; DELETE FROM session; PRAGMA wal_checkpoint(TRUNCATE);")?;
        db.conn.execute_batch("PRAGMA journal_mode = DELETE;")?;
    }
    // A watermark of no incarnation: the next opening begins one.
    let mark = Mark { epoch, key_check: key_check(key), ..Mark::default() };
    Watermark::create(&watermark_path(dir), mark).map_err(|error| Fault::Io("the watermark file", error))?;
    std::fs::rename(&fresh, &path).map_err(io)?;
    sync_directory(dir).map_err(io)?;
    Ok(())
}
