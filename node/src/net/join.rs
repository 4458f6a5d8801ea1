//! Joining (`shouwang-join/1`): the one conversation open to a device that nobody knows yet.
//!
//! One question, one answer, each of bounded length; what they mean is provisioning's. Both sides prove their keys in
//! the handshake, and the asker may name the key that it expects from its invitation. Questions are rate limited over
//! all askers together, because anybody may ask.

use super::trouble::Trouble;
use super::{tls, transport};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::sync::session::Now;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a question or an answer.
pub const JOIN_BYTES_MAX: usize = 64 * 1024;
/// Questions taken a second, over all askers; as many may come at once.
pub const JOINS_PER_SECOND: u64 = 5;
/// Milliseconds that the question may take to arrive, and the answer to be taken.
const TRANSFER_MS: u64 = 15_000;
/// Milliseconds that the answer may take to be found: a township asks the city.
const ANSWER_MS: u64 = 45_000;
/// Dials before giving up: a person waits.
const DIALS: usize = 3;

/// First byte of an answer: here it is.
const GRANTED: u8 = 0;
/// First byte of an answer: a sentence why not.
const REFUSED: u8 = 1;

/// Answers a question of a device with this proven key, or says in a sentence why not.
pub type JoinHandler =
    Arc<dyn Fn(DeviceKey, Vec<u8>) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>> + Send + Sync>;

/// Makes a [`JoinHandler`] of an async function.
pub fn handler<F, A>(answer: F) -> JoinHandler
where
    F: Fn(DeviceKey, Vec<u8>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Vec<u8>, String>> + Send + 'static,
{
    Arc::new(move |device, question| Box::pin(answer(device, question)))
}

/// Why a question was not answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoinError {
    /// There was no connection.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The question is too long.
    #[error("the question is longer than {JOIN_BYTES_MAX} bytes")]
    TooLong,
    /// The other side says why not.
    #[error("{0}")]
    Refused(String),
}

/// A bucket of tokens, one for each question.
#[derive(Debug, Default)]
pub(super) struct Bucket(Mutex<Option<(u64, u64)>>);

impl Bucket {
    /// Takes a token, if there is one.
    pub fn take(&self, now: Now) -> bool {
        let full = JOINS_PER_SECOND * 1_000;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, at) = state.unwrap_or((full, now.mono_ms));
        let gained = now.mono_ms.saturating_sub(at).saturating_mul(JOINS_PER_SECOND);
        let level = level.saturating_add(gained).min(full);
        let left = level.checked_sub(1_000);
        *state = Some((left.unwrap_or(level), now.mono_ms));
        left.is_some()
    }
}

/// Answers one question and ends the connection.
pub(super) async fn serve(connection: &quinn::Connection, device: DeviceKey, handler: JoinHandler, allowed: bool) {
    let transfer = Duration::from_millis(TRANSFER_MS);
    if !allowed {
        Trouble::Busy.close(connection);
        return;
    }
    let question = async {
        let (send, mut receive) = connection.accept_bi().await.ok()?;
        Some((send, receive.read_to_end(JOIN_BYTES_MAX).await.ok()?))
    };
    let Ok(Some((mut send, question))) = tokio::time::timeout(transfer, question).await else {
        Trouble::Garbage.close(connection);
        return;
    };
    tracing::info!(device = %device.short(), "a device asks to join");
    let answer = tokio::time::timeout(Duration::from_millis(ANSWER_MS), handler(device, question)).await;
    let answer = answer.unwrap_or_else(|_| Err("the city does not answer; try again later".into()));
    let (kind, mut body) = match answer {
        Ok(body) if body.len() <= JOIN_BYTES_MAX => (GRANTED, body),
        Ok(_) => (REFUSED, b"the answer is too long".to_vec()),
        Err(why) => (REFUSED, why.into_bytes()),
    };
    body.truncate(JOIN_BYTES_MAX);
    let reply = async {
        send.write_all(&[&[kind], &body[..]].concat()).await.ok()?;
        send.finish().ok()?;
        send.stopped().await.ok()
    };
    let _ = tokio::time::timeout(transfer, reply).await;
    connection.close(quinn::VarInt::from_u32(0), b"done");
}

/// Asks the device at `address` (`host:port`), proving the key of `seed`; `expected` is the only key that may answer,
/// where it is given.
pub async fn request(address: &str, seed: &[u8; 32], expected: Option<DeviceKey>, question: &[u8]) -> Result<Vec<u8>, JoinError> {
    if question.len() > JOIN_BYTES_MAX {
        return Err(JoinError::TooLong);
    }
    let mut tries = DIALS;
    let connection = loop {
        let proof = tls::Proof::new(expected);
        let crypto = tls::client(seed, tls::JOIN, proof.clone(), None).map_err(|_| Trouble::Handshake)?;
        match transport::dial(address, Arc::new(crypto), false, None, || proof.saw_other()).await {
            Ok(dialled) => break dialled.connection,
            Err(Trouble::NoAnswer) if tries > 1 => tries -= 1,
            Err(trouble) => return Err(trouble.into()),
        }
    };
    let talk = async {
        let lost = || connection.close_reason().map_or(Trouble::Lost, |error| Trouble::of(&error));
        let (mut send, mut receive) = connection.open_bi().await.map_err(|_| lost())?;
        send.write_all(question).await.map_err(|_| lost())?;
        send.finish().map_err(|_| lost())?;
        receive.read_to_end(JOIN_BYTES_MAX + 1).await.map_err(|_| lost())
    };
    let patience = Duration::from_millis(2 * TRANSFER_MS + ANSWER_MS);
    let answer = tokio::time::timeout(patience, talk).await.unwrap_or(Err(Trouble::Silent))?;
    connection.close(quinn::VarInt::from_u32(0), b"done");
    match answer.split_first() {
        Some((&GRANTED, body)) => Ok(body.to_vec()),
        Some((&REFUSED, why)) => Err(JoinError::Refused(String::from_utf8_lossy(why).into_owned())),
        _ => Err(Trouble::Garbage.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_at_once_and_five_a_second_after_that() {
        let bucket = Bucket::default();
        let at = |mono_ms| Now { mono_ms, wall_ms: 0 };
        let taken = |ms| (0..100).filter(|_| bucket.take(at(ms))).count();
        assert_eq!(taken(10_000), 5);
        assert_eq!(taken(10_100), 0);
        assert_eq!(taken(10_250), 1, "what had gathered was kept");
        assert_eq!(taken(11_250), 5);
        assert_eq!(taken(99_000), 5, "no more than five gather");
    }
}
