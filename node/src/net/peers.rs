//! The peers of this device, connected or not: what `status` and the page about sync show.
//!
//! A row for each configured parent and for each device that ever connected since the program began. Bytes are what
//! QUIC put into UDP datagrams, both ways, added up over all connections.

use super::trouble::Trouble;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::engine::Connection;
use shouwang_protocol::sync::message::Farewell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rows kept at most; beyond, those not connected are forgotten.
pub const ROWS_MAX: usize = 20_000;

/// Rows of devices that were sent away as strangers.
const STRANGERS_MAX: usize = 32;

/// One peer, as others see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// The office's name; empty while the device is not known.
    pub office: String,
    /// The device's short name; empty until it answered once.
    pub device: String,
    /// Where it is dialled, or where it dialled from.
    pub address: String,
    /// Whether we dial it.
    pub dialled: bool,
    /// Whether there is a connection.
    pub connected: bool,
    /// Whether the latest connection resumed a session and spoke before the handshake was over.
    pub resumed: bool,
    /// Whether both sides hold the same, as far as is known.
    pub agreed: bool,
    /// When both last held the same, milliseconds since 1970 by our clock.
    pub last_sync: Option<i64>,
    /// What went wrong last; nothing once both hold the same again.
    pub last_error: Option<Trouble>,
    /// Entries that it still lacks, as far as is known.
    pub entries_to_send: u64,
    /// Entries that we still lack; 0 when that is not known.
    pub entries_to_receive: u64,
    /// Bytes sent to it since the program began.
    pub bytes_sent: u64,
    /// Bytes received from it since the program began.
    pub bytes_received: u64,
}

/// Which row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum RowKey {
    /// The parent with this number in the configuration.
    Parent(usize),
    /// A device that dialled us.
    Device(DeviceKey),
}

/// A connection that is up.
#[derive(Clone, Debug)]
struct Live {
    connection: quinn::Connection,
    number: Connection,
}

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
struct Row {
    device: Option<DeviceKey>,
    address: String,
    live: Option<Live>,
    resumed: bool,
    agreed_ms: Option<i64>,
    trouble: Option<Trouble>,
    sent: u64,
    received: u64,
}

/// A row and the number of its connection, for the engine to fill in the rest.
pub(super) struct Seen {
    pub device: Option<DeviceKey>,
    pub number: Option<Connection>,
    pub status: PeerStatus,
}

/// The rows, and how many connections ended or never came about, by the word of the reason.
#[derive(Debug, Default)]
pub(super) struct Table(Mutex<BTreeMap<RowKey, Row>>, Mutex<BTreeMap<&'static str, u64>>);

fn bytes(connection: &quinn::Connection) -> (u64, u64) {
    let stats = connection.stats();
    (stats.udp_tx.bytes, stats.udp_rx.bytes)
}

impl Table {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<RowKey, Row>> {
        // Rows are whole at every moment; a thread that died holding them left them so.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A parent, before it was ever reached.
    pub fn expect(&self, key: RowKey, address: &str) {
        self.rows().entry(key).or_default().address = address.into();
    }

    /// A connection is up.
    pub fn up(&self, key: RowKey, device: DeviceKey, number: Connection, connection: &quinn::Connection, resumed: bool) {
        let mut rows = self.rows();
        if rows.len() >= ROWS_MAX && !rows.contains_key(&key) {
            let idle = rows.iter().find(|(key, row)| row.live.is_none() && matches!(key, RowKey::Device(_))).map(|(key, _)| *key);
            idle.and_then(|idle| rows.remove(&idle));
        }
        let row = rows.entry(key).or_default();
        if matches!(key, RowKey::Device(_)) {
            row.address = connection.remote_address().to_string();
        }
        row.device = Some(device);
        // An older connection of the same device adds its own bytes when it ends.
        row.live = Some(Live { connection: connection.clone(), number });
        row.resumed = resumed;
    }

    /// Both sides hold the same.
    pub fn agreed(&self, key: RowKey, at_ms: i64) {
        if let Some(row) = self.rows().get_mut(&key) {
            row.agreed_ms = Some(at_ms);
            row.trouble = None;
        }
    }

    /// One more connection that ended for this reason.
    pub fn count(&self, trouble: Trouble) {
        let mut ended = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        *ended.entry(trouble.word()).or_default() += 1;
    }

    /// How many connections ended, or never came about, by the word of the reason.
    pub fn ended(&self) -> BTreeMap<&'static str, u64> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A connection is gone, or never was.
    pub fn down(&self, key: RowKey, connection: Option<&quinn::Connection>, trouble: Trouble) {
        self.count(trouble);
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(&key) else { return };
        if let Some(connection) = connection {
            let (sent, received) = bytes(connection);
            row.sent += sent;
            row.received += received;
            let newer = row.live.as_ref().is_some_and(|live| live.connection.stable_id() != connection.stable_id());
            if newer {
                return;
            }
            row.live = None;
        }
        row.trouble = Some(trouble);
        let is_stranger = |(key, row): &(&RowKey, &Row)| {
            matches!(key, RowKey::Device(_)) && row.live.is_none() && row.trouble == Some(Trouble::Ended(Farewell::Foreign))
        };
        if rows.iter().filter(is_stranger).count() > STRANGERS_MAX {
            let other = rows.iter().filter(is_stranger).map(|(key, _)| *key).find(|other| *other != key);
            other.and_then(|other| rows.remove(&other));
        }
    }

    /// All rows, parents first.
    pub fn seen(&self) -> Vec<Seen> {
        let rows = self.rows();
        let seen = |(key, row): (&RowKey, &Row)| {
            let (sent, received) = row.live.as_ref().map_or((0, 0), |live| bytes(&live.connection));
            let status = PeerStatus {
                office: String::new(),
                device: row.device.map(|device| device.short()).unwrap_or_default(),
                address: row.address.clone(),
                dialled: matches!(key, RowKey::Parent(_)),
                connected: row.live.is_some(),
                resumed: row.resumed,
                agreed: false,
                last_sync: row.agreed_ms,
                last_error: row.trouble,
                entries_to_send: 0,
                entries_to_receive: 0,
                bytes_sent: row.sent + sent,
                bytes_received: row.received + received,
            };
            Seen { device: row.device, number: row.live.as_ref().map(|live| live.number), status }
        };
        rows.iter().map(seen).collect()
    }
}
