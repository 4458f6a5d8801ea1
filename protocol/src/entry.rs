//! Entries (记录条目): one signed action in one log.
//!
//! An entry is a header, a payload of record changes, and a place in a hash chain:
//! `h_n = SHA-256(tag, log, h_(n-1), header, payload hash)`, `signature_n = Ed25519(device, h_n)`.
//! Header and record references travel as the bytes that were signed, so that an older node stores, checks and passes
//! on what a newer one wrote (I6). The payload hash is over the hashes of the pairs, so that single pairs can be redacted.

use crate::area::{AreaId, Tier};
use crate::device::{DeviceKey, Incarnation, Signature, SigningKey};
use crate::hash::Hash;
use crate::limits;
use crate::record::{ActionId, Lane, Place, RecordId, RecordRef};
use serde::{Deserialize, Serialize};

/// The name of a log (通道日志): who writes it, in which life, and where it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LogId {
    /// Area, lane and floor. First, so that logs sort by place.
    pub place: Place,
    /// The writing device.
    pub device: DeviceKey,
    /// The life of its database.
    pub incarnation: Incarnation,
}

impl LogId {
    /// The 32 bytes that stand for this log in hashes and references.
    pub fn name(&self) -> Hash {
        let place = &self.place;
        let parts: [&[u8]; 5] = [
            &self.device.0,
            &self.incarnation.0,
            &place.area.raw().to_le_bytes(),
            &[place.lane.number()],
            &[place.floor.number()],
        ];
        Hash::of("shouwang log 1", &parts)
    }

    /// The area whose records the log changes.
    pub fn area(&self) -> AreaId {
        self.place.area
    }

    /// The lane it is sent in.
    pub fn lane(&self) -> Lane {
        self.place.lane
    }

    /// The lowest tier that may hold it.
    pub fn floor(&self) -> Tier {
        self.place.floor
    }
}

/// An entry by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct EntryRef {
    /// [`LogId::name`] of its log.
    pub log: Hash,
    /// Its number in that log, from 0.
    pub sequence: u64,
}

/// The version of header and payload that this code writes.
pub const ENTRY_VERSION: u8 = 1;

/// What an entry says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Format version.
    pub version: u8,
    /// Cipher suite of chain and signature.
    pub suite: u8,
    /// Number in its log, from 0.
    pub sequence: u64,
    /// 1 + the greatest of the log's previous entry and all of `after`.
    pub lamport: u64,
    /// Heads of what the person was shown, from other logs.
    pub after: Vec<EntryRef>,
    /// Milliseconds since 1970 on the writer's clock. A claim: it decides nothing.
    pub claimed_ms: i64,
    /// Who acted (staff id of the office; `console` for the machine's administrator).
    pub staff: String,
    /// The action, the same in each log it touched.
    pub action: ActionId,
}

impl Header {
    /// The header as it is hashed and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Reads a header; what a newer version added behind it is left alone.
    pub fn from_bytes(bytes: &[u8]) -> Option<Header> {
        if bytes.len() > limits::HEADER_BYTES_MAX {
            return None;
        }
        let (header, _) = postcard::take_from_bytes::<Header>(bytes).ok()?;
        (header.after.len() <= limits::AFTER_MAX).then_some(header)
    }
}

/// The content of one pair.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Content {
    /// An Automerge change as it was written.
    Raw(Vec<u8>),
    /// Only the pair's hash is left (redaction).
    Redacted(Hash),
}

/// One record change of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// An encoded [`RecordRef`]; bytes, because a newer version may name records in new ways.
    pub record: Vec<u8>,
    /// The change.
    pub content: Content,
}

impl Pair {
    /// A pair of a record and a change.
    pub fn new(record: &RecordRef, change: Vec<u8>) -> Pair {
        Pair { record: postcard::to_allocvec(record).unwrap_or_default(), content: Content::Raw(change) }
    }

    /// The record, when this version can read its name.
    pub fn record_ref(&self) -> Option<RecordRef> {
        postcard::from_bytes(&self.record).ok()
    }

    /// The hash that stands for the pair in the payload hash, with or without its content.
    pub fn hash(&self) -> Hash {
        match &self.content {
            Content::Raw(change) => Hash::of("shouwang pair 1", &[&self.record, change]),
            Content::Redacted(hash) => *hash,
        }
    }

    fn size(&self) -> usize {
        let content = match &self.content {
            Content::Raw(change) => change.len(),
            Content::Redacted(_) => 32,
        };
        self.record.len() + content
    }
}

/// An entry without its place in the chain, as it travels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The encoded [`Header`].
    pub header: Vec<u8>,
    /// The payload.
    pub pairs: Vec<Pair>,
}

impl Entry {
    /// The hash over the payload.
    pub fn payload_hash(&self) -> Hash {
        let hashes: Vec<u8> = self.pairs.iter().flat_map(|pair| pair.hash().0).collect();
        Hash::of("shouwang payload 1", &[&hashes])
    }

    /// The entry's hash when it follows `previous` in the log named `log`.
    pub fn chain(&self, log: &Hash, previous: &Hash) -> Hash {
        Hash::of("shouwang entry 1", &[&log.0, &previous.0, &self.header, &self.payload_hash().0])
    }

    /// Bytes of the payload, before compression.
    pub fn payload_size(&self) -> usize {
        self.pairs.iter().map(Pair::size).sum()
    }

    /// Bytes of the whole entry, before compression.
    pub fn size(&self) -> usize {
        self.header.len() + self.payload_size() + 16
    }

    /// The records that the entry, number `sequence` of its log, changes.
    pub fn records<'a>(&'a self, log: &'a LogId, sequence: u64) -> impl Iterator<Item = RecordId> + 'a {
        let name = log.name();
        self.pairs.iter().enumerate().filter_map(move |(index, pair)| {
            Some(match pair.record_ref()? {
                RecordRef::New(kind) => RecordId::created(kind, &name, sequence, u8::try_from(index).unwrap_or(u8::MAX)),
                RecordRef::Known(id) => id,
                RecordRef::Volume(case, tier) => RecordId::volume(&log.place, &case, tier),
            })
        })
    }

    /// Whether it changes this record.
    pub fn changes(&self, log: &LogId, sequence: u64, id: &RecordId) -> bool {
        self.records(log, sequence).any(|changed| changed == *id)
    }

    /// Whether header and payload keep the limits.
    pub fn is_within_limits(&self) -> bool {
        self.header.len() <= limits::HEADER_BYTES_MAX
            && self.pairs.len() <= limits::PAIRS_MAX
            && self.payload_size() <= limits::PAYLOAD_BYTES_MAX
    }
}

const HEAD: &[u8] = b"shouwang head 1";

/// Signs a head of a log.
pub fn sign_head(key: &SigningKey, head: &Hash) -> Signature {
    key.sign(&[HEAD, &head.0].concat())
}

/// Whether `signature` is the device's over this head.
pub fn verify_head(device: &DeviceKey, head: &Hash, signature: &Signature) -> bool {
    device.verify(&[HEAD, &head.0].concat(), signature)
}

/// Consecutive entries of one log with the signature over the last: the unit in which entries travel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The log.
    pub log: LogId,
    /// Sequence of the first entry.
    pub first: u64,
    /// The entries, at least one.
    pub entries: Vec<Entry>,
    /// Signature over the head that the last entry makes.
    pub signature: Signature,
}

impl Run {
    /// The heads that the entries make when they follow `previous`.
    pub fn heads(&self, previous: Hash) -> Vec<Hash> {
        let name = self.log.name();
        let mut head = previous;
        let chain = |entry: &Entry| {
            head = entry.chain(&name, &head);
            head
        };
        self.entries.iter().map(chain).collect()
    }
}
