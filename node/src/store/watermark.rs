//! The watermark (`released`): the last own entry that may have left this device, kept outside the database.
//!
//! Arrival numbers only rise in one store, so the arrival number and hash of the last own entry stand for the length
//! of every own log: a database that does not hold that entry at that number is shorter than what was released (an
//! older copy was put in its place), and a new incarnation must begin. Kept with them: the store's epoch, the
//! incarnation, the device, and a check of the database key that tells a wrong key from a damaged file. Two slots in
//! turn, each with its own checksum: a torn write leaves the other one. One write and one sync, in place, so that a
//! full disk does not stop it.

use super::files::{private, sync_directory};
use shouwang_protocol::device::{DeviceKey, Incarnation};
use shouwang_protocol::hash::Hash;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes between the slots: no disk tears a write further than that.
const STRIDE: u64 = 4096;
const SLOT: usize = 192;
const MAGIC: &[u8; 8] = b"swmark01";

/// What a slot says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mark {
    /// The database file it speaks of.
    pub epoch: u64,
    /// A hash of the database key.
    pub key_check: Hash,
    /// The device.
    pub device: DeviceKey,
    /// The life that goes on; none before the first began.
    pub incarnation: Option<Incarnation>,
    /// Arrival number of the last own entry of this life; 0 when there is none.
    pub position: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Mark {
    fn encode(&self, count: u64) -> [u8; SLOT] {
        let mut out = [0; SLOT];
        let incarnation = self.incarnation.unwrap_or_default();
        let parts: [&[u8]; 9] = [
            MAGIC,
            &count.to_le_bytes(),
            &self.epoch.to_le_bytes(),
            &self.key_check.0,
            &self.device.0,
            &[u8::from(self.incarnation.is_some())],
            &incarnation.0,
            &self.position.to_le_bytes(),
            &self.hash.0,
        ];
        let mut at = 0;
        for part in parts {
            out[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        let sum = Hash::of("shouwang watermark 1", &[&out[..SLOT - 32]]);
        out[SLOT - 32..].copy_from_slice(&sum.0);
        out
    }

    fn decode(bytes: &[u8; SLOT]) -> Option<(u64, Mark)> {
        let (body, sum) = bytes.split_at(SLOT - 32);
        if Hash::of("shouwang watermark 1", &[body]).0 != sum {
            return None;
        }
        let mut rest = body;
        let mut take = |n: usize| {
            let (part, after) = rest.split_at_checked(n)?;
            rest = after;
            Some(part)
        };
        if take(8)? != MAGIC {
            return None;
        }
        let count = u64::from_le_bytes(take(8)?.try_into().ok()?);
        let epoch = u64::from_le_bytes(take(8)?.try_into().ok()?);
        let key_check = Hash(take(32)?.try_into().ok()?);
        let device = DeviceKey(take(32)?.try_into().ok()?);
        let begun = take(1)? == [1];
        let incarnation = Incarnation(take(16)?.try_into().ok()?);
        let position = u64::from_le_bytes(take(8)?.try_into().ok()?);
        let hash = Hash(take(32)?.try_into().ok()?);
        let incarnation = begun.then_some(incarnation);
        Some((count, Mark { epoch, key_check, device, incarnation, position, hash }))
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Watermark {
    file: File,
    count: u64,
    mark: Mark,
}

impl Watermark {
    /// Makes a file that says `mark`; an older one is replaced.
    pub fn create(path: &Path, mark: Mark) -> Result<Watermark> {
        let file = private().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut watermark = Watermark { file, count: 0, mark };
        // Both slots, so that later writes need no new blocks.
        watermark.set(mark)?;
        watermark.set(mark)?;
        if let Some(dir) = path.parent() {
            sync_directory(dir)?;
        }
        Ok(watermark)
    }

    /// Opens the file; none when it is missing or neither slot can be read.
    pub fn open(path: &Path) -> Result<Option<Watermark>> {
        let mut file = match private().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut newest: Option<(u64, Mark)> = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT];
            file.seek(SeekFrom::Start(slot * STRIDE))?;
            if file.read_exact(&mut bytes).is_ok()
                && let Some(read) = Mark::decode(&bytes)
                && newest.is_none_or(|(count, _)| count < read.0)
            {
                newest = Some(read);
            }
        }
        Ok(newest.map(|(count, mark)| Watermark { file, count, mark }))
    }

    /// What it says.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Says something else, durably.
    pub fn set(&mut self, mark: Mark) -> Result<()> {
        let count = self.count + 1;
        self.file.seek(SeekFrom::Start(count % 2 * STRIDE))?;
        self.file.write_all(&mark.encode(count))?;
        self.file.sync_data()?;
        self.count = count;
        self.mark = mark;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_write_leaves_the_mark_before_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("released");
        assert!(Watermark::open(&path).expect("reads").is_none());
        let mark = |position| Mark { epoch: 7, position, incarnation: Some(Incarnation([3; 16])), ..Mark::default() };
        let mut watermark = Watermark::create(&path, mark(0)).expect("creates");
        for position in 1..6 {
            watermark.set(mark(position)).expect("writes");
            assert_eq!(Watermark::open(&path).expect("reads").expect("is whole").mark(), mark(position));
            let whole = std::fs::read(&path).expect("reads");
            let slot = (watermark.count % 2 * STRIDE) as usize;
            for cut in 0..SLOT {
                let mut torn = whole.clone();
                torn[slot + cut..slot + SLOT].fill(0xee);
                std::fs::write(&path, torn).expect("writes");
                assert_eq!(Watermark::open(&path).expect("reads").expect("one slot is whole").mark(), mark(position - 1));
            }
            std::fs::write(&path, whole).expect("writes");
        }
        std::fs::write(&path, vec![0; 5000]).expect("writes");
        assert!(Watermark::open(&path).expect("reads").is_none());
    }
}
