//! Messages on a stream: four bytes of length, little end first, and the message.
//!
//! A length beyond the limit is refused before a byte is set aside for it, and of a message that was only announced no
//! more memory is taken than has arrived. A length of nothing is a [`KNOCK`]: it only asks QUIC for an acknowledgement.

use super::trouble::Trouble;
use quinn::{ReadError, RecvStream};
use shouwang_protocol::limits::MESSAGE_BYTES_MAX;

/// Bytes of the length before each message.
const LENGTH_BYTES: usize = 4;
/// Bytes set aside for a message before it arrives.
const AHEAD_BYTES: usize = 16 * 1024;

/// No message: whoever receives it does nothing, but QUIC acknowledges it.
pub const KNOCK: [u8; LENGTH_BYTES] = [0; LENGTH_BYTES];

/// Appends a framed message.
pub fn frame(message: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(message);
}

/// The length that a frame announces, when it is within the limit.
fn announced(head: [u8; LENGTH_BYTES]) -> Result<usize, Trouble> {
    let length = u32::from_le_bytes(head) as usize;
    if length > MESSAGE_BYTES_MAX { Err(Trouble::Garbage) } else { Ok(length) }
}

/// Reads one message; nothing when the peer has finished.
pub async fn read(stream: &mut RecvStream) -> Result<Option<Vec<u8>>, Trouble> {
    let length = loop {
        let mut head = Vec::with_capacity(LENGTH_BYTES);
        if !fill(stream, &mut head, LENGTH_BYTES).await? {
            return if head.is_empty() { Ok(None) } else { Err(Trouble::Garbage) };
        }
        let length = announced(head.try_into().unwrap_or_default())?;
        if length > 0 {
            break length;
        }
    };
    let mut message = Vec::with_capacity(length.min(AHEAD_BYTES));
    if fill(stream, &mut message, length).await? { Ok(Some(message)) } else { Err(Trouble::Garbage) }
}

/// Reads until `out` holds `length` bytes; false when the stream ends before.
async fn fill(stream: &mut RecvStream, out: &mut Vec<u8>, length: usize) -> Result<bool, Trouble> {
    while out.len() < length {
        match stream.read_chunk(length - out.len(), true).await {
            Ok(Some(chunk)) => out.extend_from_slice(&chunk.bytes),
            Ok(None) => return Ok(false),
            Err(ReadError::ConnectionLost(error)) => return Err(Trouble::of(&error)),
            Err(_) => return Err(Trouble::Garbage),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_beyond_the_limit_are_refused() {
        assert_eq!(announced(KNOCK), Ok(0));
        assert_eq!(announced([255; 4]), Err(Trouble::Garbage));
        let most = u32::try_from(MESSAGE_BYTES_MAX).expect("fits");
        assert_eq!(announced(most.to_le_bytes()), Ok(MESSAGE_BYTES_MAX));
        assert_eq!(announced((most + 1).to_le_bytes()), Err(Trouble::Garbage));
    }
}
