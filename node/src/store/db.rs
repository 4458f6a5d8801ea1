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
use std::sync::LazyLock;
use std::time::Duration;
use zeroize::Zeroizing;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

/// Bytes of a blob when unpacked.
const BLOB_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Time a connection waits for another one.
const BUSY: Duration = Duration::from_secs(10);
/// Statements kept prepared by a connection.
const STATEMENTS: usize = 160;
/// Compression level of records.
const LEVEL: i32 = 3;
/// How a blob is packed, its first byte.
const RAW: u8 = 0;
const DICTIONARY_1: u8 = 1;

/// Trained on invented households, cases and packs (see `tests/measure.rs`): records are small and much alike, and
/// with it they take 40 % of what they take without. Released: never to be changed, only to be followed by another.
const DICTIONARY: &[u8] = include_bytes!("pack.dict");
static PACKING: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static UNPACKING: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

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
        let mut compressor = Compressor::with_prepared_dictionary(&PACKING).map_err(io)?;
        // The first byte of a blob says which dictionary; the frame need not.
        compressor.set_parameter(CParameter::DictIdFlag(false)).map_err(io)?;
        Ok(Db {
            conn,
            compressor: RefCell::new(compressor),
            decompressor: RefCell::new(Decompressor::with_prepared_dictionary(&UNPACKING).map_err(io)?),
        })
    }

    /// A blob as it is stored.
    pub fn pack(&self, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        let packed = self.compressor.borrow_mut().compress(bytes).map_err(|error| Fault::Io("the compressor", error))?;
        let (how, body) = if packed.len() < bytes.len() { (DICTIONARY_1, packed.as_slice()) } else { (RAW, bytes) };
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
            DICTIONARY_1 => {
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
