//! The messages of a session.
//!
//! A message on the wire is a byte for the format's version and the encoded [`Message`]. Decoding never panics and
//! never allocates more than the message is long.

use crate::device::Certificate;
use crate::entry::{LogId, Run};
use crate::frontier::Digest;
use crate::hash::Hash;
use crate::limits;
use crate::record::{Lane, Place};
use crate::sync::receipt::Receipt;
use serde::{Deserialize, Serialize};

/// The version of the messages that this code speaks.
pub const WIRE_VERSION: u8 = 1;

/// The first message of each side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Cipher suites, best first.
    pub suites: Vec<u8>,
    /// The sender's store, a random number for every new or restored database.
    pub epoch: u64,
    /// The sender's arrival number.
    pub position: u64,
    /// What the sender has of the receiver: the receiver's epoch and arrival number when they last agreed. Missing when
    /// they never agreed, or stopped half-way since.
    pub yours: Option<(u64, u64)>,
    /// Digest of the city's control.
    pub control: Digest,
    /// Digest of everything else in common, as far as the sender knows the receiver.
    pub common: Digest,
}

/// Lengths and heads of logs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Frontiers {
    /// Whether this is about the city's control, or about the rest.
    pub control: bool,
    /// The places it speaks of completely; all in common when missing.
    pub places: Option<Vec<Place>>,
    /// Logs, lengths, heads.
    pub logs: Vec<(LogId, u64, Hash)>,
    /// Whether the sender wants the receiver's in return.
    pub reply: bool,
}

/// What two devices say to each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// Greeting.
    Hello(Hello),
    /// "I do not know your device: show your certificate."
    WhoAreYou,
    /// The sender's certificate.
    ThisIsMe(Certificate),
    /// Digests by place, where there are too many logs to name them all.
    Places(Vec<(Place, Digest)>),
    /// Lengths and heads.
    Frontiers(Frontiers),
    /// Entries: the unit of commit.
    Frame {
        /// Numbered from 0 in each direction.
        number: u64,
        /// The lane whose compression context it belongs to.
        lane: Lane,
        /// Bytes after inflating.
        inflated: u32,
        /// Compressed runs.
        bytes: Vec<u8>,
    },
    /// Receipts passed down; numbered like frames.
    Receipts {
        /// Number among the frames.
        number: u64,
        /// The receipts.
        receipts: Vec<Receipt>,
    },
    /// "Frames up to this number are on my disk."
    Ack(u64),
    /// "I have sent all I had; this is where I stand."
    Status {
        /// Digest of the city's control.
        control: Digest,
        /// Digest of everything else in common.
        common: Digest,
        /// The sender's arrival number.
        position: u64,
    },
    /// "These runs I did not take", for the sender's administrator.
    Refused(Vec<(LogId, u64, String)>),
    /// "What is your entry here?": looking for the place where a log forked.
    Probe(LogId, u64),
    /// The hash there, if held.
    Probed(LogId, u64, Option<Hash>),
    /// "Show me your branch from here."
    Show(LogId, u64),
    /// The branch, to its next signature.
    Shown(Run),
    /// The sender ends the session, and why.
    Bye(Farewell),
}

/// Why a session ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Farewell {
    /// The other side speaks no version or suite that we know.
    #[error("the other device speaks a version of the protocol that this one does not know")]
    Version,
    /// The certificate is missing or of another city.
    #[error("the device's certificate is not of this city")]
    Foreign,
    /// The certificate has run out.
    #[error("the device's certificate has expired; the city must renew it")]
    Expired,
    /// The device was revoked.
    #[error("the device was revoked")]
    Revoked,
    /// The office covers nothing in common with ours.
    #[error("the two offices have no area in common")]
    WrongArea,
    /// A message could not be read.
    #[error("a message could not be read")]
    Malformed,
    /// A newer connection of the same device took over.
    #[error("a newer connection of the same device took over")]
    Replaced,
    /// The program is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// The disk cannot take more.
    #[error("the disk of the other device cannot take more now")]
    Disk,
}

/// Why bytes are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than any message may be.
    #[error("the message is too long")]
    TooLong,
    /// A version this code does not speak.
    #[error("the message is of an unknown version")]
    Version,
    /// Not a message, or one with too many parts.
    #[error("the message cannot be read")]
    Malformed,
}

impl Message {
    /// The message as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![WIRE_VERSION];
        out.extend(postcard::to_allocvec(self).unwrap_or_default());
        out
    }

    /// The message in these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Message, MessageError> {
        if bytes.len() > limits::MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLong);
        }
        let (version, rest) = bytes.split_first().ok_or(MessageError::Malformed)?;
        if *version != WIRE_VERSION {
            return Err(MessageError::Version);
        }
        let message: Message = postcard::from_bytes(rest).map_err(|_| MessageError::Malformed)?;
        if message.is_within_limits() { Ok(message) } else { Err(MessageError::Malformed) }
    }

    fn is_within_limits(&self) -> bool {
        match self {
            Message::Places(places) => places.len() <= limits::AREAS_MAX,
            Message::Frontiers(frontiers) => {
                let places = frontiers.places.as_ref().map_or(0, Vec::len);
                frontiers.logs.len() <= limits::FRONTIER_LOGS_MAX && places <= limits::AREAS_MAX
            }
            Message::Frame { bytes, inflated, .. } => {
                bytes.len() <= limits::FRAME_BYTES_MAX && *inflated as usize <= limits::FRAME_INFLATED_MAX
            }
            Message::Receipts { receipts, .. } => {
                let short = |receipt: &Receipt| receipt.body.lengths.len() <= limits::RECEIPT_LENGTHS_MAX;
                receipts.len() <= limits::RECEIPTS_MAX && receipts.iter().all(short)
            }
            _ => true,
        }
    }
}
