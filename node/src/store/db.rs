//! A connection together with the codec of its blobs: what the writer and every reader are made of.
//!
//! The key is the first statement on every connection. Blobs of records and payloads are packed: one byte that says
//! how, then the bytes; what does not get smaller is kept as it is.

use super::fault::Fault;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use shouwang_protocol::hash::{Hash, hex};
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;
use zstd::bulk::{Compressor, Decompressor};

/// Bytes of a blob when unpacked.
const BLOB_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Time a connection waits for another one.
const BUSY: Duration = Duration::from_secs(10);
/// Statements kept prepared by a connection.
const STATEMENTS: usize = 160;
/// Compression level of records.
const LEVEL: i32 = 3;
const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// How a database is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// KiB of pages that each connection keeps in memory, decrypted.
    pub cache_kib: u32,
    /// Whether SQLCipher locks and wipes all memory it uses (slower; keys are wiped in any case).
    pub memory_security: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_kib: 8 * 1024, memory_security: false }
    }
}

/// A connection and what packs its blobs.
pub(crate) struct Db {
    pub conn: Connection,
    compressor: RefCell<Compressor<'static>>,
    decompressor: RefCell<Decompressor<'static>>,
}

/// A hash that tells whether two keys are the same, and nothing else of them.
pub(crate) fn key_check(key: &[u8; 32]) -> Hash {
    Hash::of("shouwang database key check 1", &[key])
}

impl Db {
    /// Opens a connection. Reads nothing of the file yet.
    pub fn connect(path: &Path, key: &[u8; 32], options: Options, flags: OpenFlags) -> Result<Db, Fault> {
        let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // SQLCipher writes to stderr otherwise; what failed comes back as an error anyway.
        conn.execute_batch("PRAGMA cipher_log_level = NONE;")?;
        let sql = Zeroizing::new(format!("PRAGMA key = \"x'{}'\";", hex(key)));
        conn.execute_batch(&sql)?;
        let security =
            if options.memory_security { "PRAGMA cipher_memory_security = ON;" } else { "PRAGMA cipher_memory_security = OFF;" };
        conn.execute_batch(security)?;
        conn.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
        )?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        conn.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
        let io = |error| Fault::Io("the compressor", error);
        Ok(Db {
            conn,
            compressor: RefCell::new(Compressor::new(LEVEL).map_err(io)?),
            decompressor: RefCell::new(Decompressor::new().map_err(io)?),
        })
    }

    /// A blob as it is stored.
    pub fn pack(&self, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        let packed = self.compressor.borrow_mut().compress(bytes).map_err(|error| Fault::Io("the compressor", error))?;
        let (how, body) = if packed.len() < bytes.len() { (ZSTD, packed.as_slice()) } else { (RAW, bytes) };
        let mut out = Vec::with_capacity(body.len() + 1);
        out.push(how);
        out.extend_from_slice(body);
        Ok(out)
    }

    /// The inverse of [`Db::pack`].
    pub fn unpack(&self, blob: &[u8]) -> Result<Vec<u8>, Fault> {
        const DAMAGED: Fault = Fault::Damaged("a blob cannot be unpacked");
        let (how, body) = blob.split_first().ok_or(DAMAGED)?;
        match *how {
            RAW => Ok(body.to_vec()),
            ZSTD => {
                let size = Decompressor::upper_bound(body).filter(|size| *size <= BLOB_BYTES_MAX).ok_or(DAMAGED)?;
                self.decompressor.borrow_mut().decompress(body, size).map_err(|_| DAMAGED)
            }
            _ => Err(DAMAGED),
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}
