//! A machine in bad hands: its key is enrolled, its program is not ours. It speaks the protocol by hand.

use shouwang_node::net::tls;
use shouwang_protocol::device::{DeviceKey, Incarnation, SigningKey, actor};
use shouwang_protocol::entry::{ENTRY_VERSION, Entry, EntryRef, Header, LogId, Pair, Run, sign_head};
use shouwang_protocol::frontier::Digest;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Lane, Place};
use shouwang_protocol::sync::frame::FrameWriter;
use shouwang_protocol::sync::message::{Hello, Message};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(30);
const LIFE: Incarnation = Incarnation([6; 16]);

/// Its key, and how long its logs are.
pub struct Machine {
    seed: [u8; 32],
    key: SigningKey,
    heads: BTreeMap<LogId, (u64, Hash, u64)>,
}

impl Machine {
    pub fn with(seed: [u8; 32]) -> Machine {
        Machine { seed, key: SigningKey::from_seed(&seed), heads: BTreeMap::new() }
    }

    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    fn device(&self) -> DeviceKey {
        self.key.key()
    }

    /// The actor that its changes must be of.
    pub fn actor(&self) -> automerge::ActorId {
        actor(&self.device(), &LIFE)
    }

    /// The log of its own at a place.
    pub fn log(&self, place: Place) -> LogId {
        LogId { place, device: self.device(), incarnation: LIFE }
    }

    /// An honest header for the next entry of a log.
    pub fn header(&self, log: &LogId) -> Header {
        let (length, _, lamport) = self.heads.get(log).copied().unwrap_or_default();
        Header {
            version: ENTRY_VERSION,
            suite: 1,
            sequence: length,
            lamport: lamport + 1,
            after: Vec::<EntryRef>::new(),
            claimed_ms: 0,
            staff: "x".into(),
            action: ActionId([u8::try_from(length % 256).unwrap_or_default(); 16]),
        }
    }

    /// A run of one entry, signed as it should be.
    pub fn run(&self, log: LogId, header: Vec<u8>, pairs: Vec<Pair>) -> Run {
        let (length, head, _) = self.heads.get(&log).copied().unwrap_or_default();
        let entry = Entry { header, pairs };
        let signature = sign_head(&self.key, &entry.chain(&log.name(), &head));
        Run { log, first: length, entries: vec![entry], signature }
    }

    /// What it sent was stored: its log is longer now.
    pub fn stored(&mut self, run: &Run) {
        let (length, head, lamport) = self.heads.get(&run.log).copied().unwrap_or_default();
        let hash = run.entries[0].chain(&run.log.name(), &head);
        self.heads.insert(run.log, (length + 1, hash, lamport + 1));
    }
}

/// A connection as this machine, with a stream to say anything on.
pub struct Conversation {
    connection: quinn::Connection,
    send: quinn::SendStream,
    heard: mpsc::UnboundedReceiver<Message>,
    frames: FrameWriter,
    number: u64,
    _endpoint: quinn::Endpoint,
}

impl Conversation {
    /// Connects.
    pub async fn begin(seed: [u8; 32], address: SocketAddr) -> Conversation {
        let crypto = tls::client(&seed, tls::SESSION, tls::Proof::new(None), None).expect("a key");
        let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("binds");
        let config = quinn::ClientConfig::new(Arc::new(crypto));
        let connection = endpoint.connect_with(config, address, "any").expect("dials").await.expect("any key may shake hands");
        let (send, mut receive) = connection.open_bi().await.expect("opens");
        let (said, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut length = [0; 4];
            while receive.read_exact(&mut length).await.is_ok() {
                let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
                if receive.read_exact(&mut bytes).await.is_err() {
                    break;
                }
                if let Ok(message) = Message::from_bytes(&bytes) {
                    let _ = said.send(message);
                }
            }
        });
        Conversation { connection, send, heard, frames: FrameWriter::default(), number: 0, _endpoint: endpoint }
    }

    /// The same, and the greeting of one who has nothing.
    pub async fn greeted(machine: &Machine, address: SocketAddr) -> Conversation {
        let mut conversation = Conversation::begin(machine.seed, address).await;
        let hello =
            Hello { suites: vec![1], epoch: 1, position: 0, yours: None, control: Digest::default(), common: Digest::default() };
        conversation.say(&Message::Hello(hello)).await;
        conversation.hear(|message| matches!(message, Message::Hello(_))).await;
        conversation
    }

    /// Puts bytes on the stream, whatever they are; the peer may have closed already.
    pub async fn raw(&mut self, bytes: &[u8]) {
        let _ = self.send.write_all(bytes).await;
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        let _ = self.send.finish();
    }

    pub async fn say(&mut self, message: &Message) {
        let bytes = message.to_bytes();
        let length = u32::try_from(bytes.len()).expect("short").to_le_bytes();
        self.raw(&[&length[..], &bytes].concat()).await;
    }

    /// Waits for a message.
    pub async fn hear(&mut self, wanted: impl Fn(&Message) -> bool) -> Message {
        let heard = async {
            while let Some(message) = self.heard.recv().await {
                if wanted(&message) {
                    return message;
                }
            }
            panic!("the connection ended: {:?}", self.connection.close_reason())
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("in time")
    }

    /// Sends runs as a frame and waits until they were taken; gives what was refused of them.
    pub async fn frame(&mut self, lane: Lane, runs: &[Run]) -> Vec<String> {
        let (bytes, inflated) = self.frames.write(lane, runs).expect("compresses");
        let number = self.number;
        self.number += 1;
        self.say(&Message::Frame { number, lane, inflated, bytes }).await;
        let mut refused = Vec::new();
        loop {
            match self.hear(|message| matches!(message, Message::Ack(_) | Message::Refused(_))).await {
                Message::Refused(told) => refused.extend(told.into_iter().map(|(.., why)| why)),
                Message::Ack(acked) if acked == number => return refused,
                _ => {}
            }
        }
    }

    /// The word with which the peer closes.
    pub async fn ended(self) -> String {
        let closed = tokio::time::timeout(PATIENCE, self.connection.closed()).await.expect("in time");
        match closed {
            quinn::ConnectionError::ApplicationClosed(close) => String::from_utf8_lossy(&close.reason).into_owned(),
            other => other.to_string(),
        }
    }
}
