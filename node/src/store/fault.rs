//! What can go wrong with the database, in words without personal data: never a value, never the text of a query.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use shouwang_protocol::store::StoreError;
use std::path::PathBuf;

/// An error inside the store, on its way to a [`StoreError`].
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    /// What was read cannot have been written by this program.
    Damaged(&'static str),
    Io(&'static str, std::io::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sql(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Damaged(what) => StoreError::Damaged(what.to_owned()),
            Fault::Io(what, error) if error.kind() == std::io::ErrorKind::StorageFull => {
                StoreError::Failed(format!("{what}: the disk is full"))
            }
            Fault::Io(what, error) => StoreError::Failed(format!("{what}: {}", error.kind())),
            Fault::Sql(rusqlite::Error::SqliteFailure(error, _)) => {
                // SQLite's own sentence may quote a query; the name of the code never does.
                let word = format!("{} ({})", ffi::code_to_str(error.extended_code), error.extended_code);
                match error.code {
                    ErrorCode::DiskFull => StoreError::Full,
                    ErrorCode::SystemIoFailure if error.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full,
                    ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged(word),
                    _ => StoreError::Failed(word),
                }
            }
            Fault::Sql(
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..),
            ) => StoreError::Damaged("a column does not hold what it should".to_owned()),
            Fault::Sql(_) => StoreError::Failed("a statement does not fit the database".to_owned()),
        }
    }
}

/// Why a database was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no database in this directory")]
    Missing,
    /// There is one already.
    #[error("there is a database in this directory already")]
    Exists,
    /// It was made with another key.
    #[error("the database was made with another key (is this the vault that belongs to it?)")]
    WrongKey,
    /// The key is right, but the file is not what was written.
    #[error(
        "the database is damaged ({0}); set it aside (`shouwang doctor`), then fetch everything again from the superior office or restore a backup"
    )]
    Damaged(String),
    /// Another program has it open.
    #[error("another process is using this directory")]
    Locked,
    /// A newer program wrote it.
    #[error(
        "the database was written by a newer version of the program ({found}, this one knows {known}); please install that version"
    )]
    NewerVersion {
        /// Schema version of the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> OpenError {
        match fault.into() {
            StoreError::Damaged(what) => OpenError::Damaged(what),
            other => OpenError::Failed(other),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> OpenError {
        OpenError::from(Fault::from(error))
    }
}

/// A database that was set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetAside {
    /// The directory it is in now, whole.
    pub kept_in: PathBuf,
    /// What to do now, for a person.
    pub advice: String,
}
