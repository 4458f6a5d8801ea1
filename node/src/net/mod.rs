//! The network: devices find each other over QUIC and the writer's sessions speak through it.
//!
//! Only this module names quinn and rustls (I3). It proves keys ([`tls`]), carries messages (`wire`, `link`), dials
//! parents and accepts children, and keeps a table of peers; it knows nothing of records, scope or authority. Beside
//! sessions (`shouwang/1`) the same endpoint answers devices that want to [`join`] (`shouwang-join/1`).

mod acceptor;
mod congestion;
mod dialler;
pub mod join;
mod link;
mod peers;
mod pulse;
pub mod tls;
mod transport;
mod trouble;
mod wire;

pub use join::JoinHandler;
pub use peers::PeerStatus;
pub use trouble::Trouble;

use crate::writer::{Stopped, Writer};
use peers::{RowKey, Table};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::engine::{Connection, Engine};
use shouwang_protocol::store::Store;
use shouwang_protocol::sync::message::Farewell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Milliseconds that farewells may take when the network is stopped.
const STOP_MS: u64 = 3_000;
/// Parents at most.
pub const PARENTS_MAX: usize = 16;

/// A superior to dial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parent {
    /// `host:port`, looked up at every dial.
    pub address: String,
    /// The only key that may answer, where it is known.
    pub key: Option<DeviceKey>,
}

impl From<&str> for Parent {
    fn from(address: &str) -> Parent {
        Parent { address: address.into(), key: None }
    }
}

impl From<String> for Parent {
    fn from(address: String) -> Parent {
        Parent { address, key: None }
    }
}

/// How to take part in the network.
#[derive(Clone)]
pub struct NetConfig {
    /// Where to accept connections; nowhere when missing.
    pub listen: Option<SocketAddr>,
    /// Superiors, the best first. One of them is connected at a time.
    pub parents: Vec<Parent>,
    /// Seed of the device's signing key.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for NetConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetConfig").field("listen", &self.listen).field("parents", &self.parents).finish_non_exhaustive()
    }
}

/// Why the network could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen at {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The key is no key.
    #[error("the device key cannot be used: {0}")]
    Key(String),
    /// Too many parents.
    #[error("at most {PARENTS_MAX} parents can be given")]
    Parents,
}

/// What all tasks of the network share.
struct Common<S> {
    writer: Writer<S>,
    table: Table,
    dial_now: Notify,
    stopping: watch::Sender<bool>,
}

impl<S: Store + Send + 'static> Common<S> {
    /// Whether control as it stands knows this device and has not revoked it.
    async fn counts(&self, device: DeviceKey) -> bool {
        let counts = move |engine: &mut Engine<S>| {
            let control = engine.replica().control();
            control.certificate(&device).is_some() && !control.is_revoked(&device)
        };
        self.writer.with(counts).await.unwrap_or(false)
    }
}

/// The running network. Dropping it stops it without farewells.
pub struct Net<S> {
    common: Arc<Common<S>>,
    endpoint: Option<quinn::Endpoint>,
    roots: Vec<JoinHandle<()>>,
}

impl<S> std::fmt::Debug for Net<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl<S: Store + Send + 'static> Net<S> {
    /// Starts to listen and to dial. Must be called within a tokio runtime.
    pub fn start(writer: Writer<S>, config: NetConfig, join: Option<JoinHandler>) -> Result<Net<S>, NetError> {
        if config.parents.len() > PARENTS_MAX {
            return Err(NetError::Parents);
        }
        let stopping = watch::Sender::new(false);
        let common = Arc::new(Common { writer, table: Table::default(), dial_now: Notify::new(), stopping });
        let mut net = Net { common: common.clone(), endpoint: None, roots: Vec::new() };
        if let Some(address) = config.listen {
            let protocols: &[&[u8]] = if join.is_some() { &[tls::SESSION, tls::JOIN] } else { &[tls::SESSION] };
            let crypto = tls::server(&config.seed, protocols).map_err(|error| NetError::Key(error.to_string()))?;
            let endpoint =
                transport::listen(transport::server_config(crypto), address).map_err(|error| NetError::Listen(address, error))?;
            net.roots.push(tokio::spawn(acceptor::run(common.clone(), endpoint.clone(), join)));
            net.endpoint = Some(endpoint);
        }
        let mut targets = Vec::new();
        for (index, parent) in config.parents.into_iter().enumerate() {
            common.table.expect(RowKey::Parent(index), &parent.address);
            let target = dialler::Target::new(&config.seed, parent).map_err(|error| NetError::Key(error.to_string()))?;
            targets.push(target);
        }
        if !targets.is_empty() {
            net.roots.push(tokio::spawn(dialler::run(common, targets)));
        }
        Ok(net)
    }

    /// Where it accepts connections.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.endpoint.as_ref().and_then(|endpoint| endpoint.local_addr().ok())
    }

    /// Dials at once, whatever the pause: a person asked, or the system says that the link is up.
    pub fn dial_now(&self) {
        self.common.dial_now.notify_one();
    }

    /// How many connections ended, or never came about, since the program began, by the word of the reason.
    pub fn ended(&self) -> BTreeMap<&'static str, u64> {
        self.common.table.ended()
    }

    /// The peers, parents first.
    pub async fn peers(&self) -> Result<Vec<PeerStatus>, Stopped> {
        let seen = self.common.table.seen();
        let fill = move |engine: &mut Engine<S>| {
            let replica = engine.replica();
            let sessions: BTreeMap<Connection, (u64, bool)> = engine
                .sessions()
                .map(|(number, session)| (number, (session.entries_to_send(replica), session.is_agreed())))
                .collect();
            let complete = |seen: peers::Seen| {
                let mut status = seen.status;
                if let Some((to_send, agreed)) = seen.number.and_then(|number| sessions.get(&number)) {
                    status.entries_to_send = *to_send;
                    status.agreed = *agreed;
                }
                if let Some(device) = seen.device {
                    status.office = replica.control().office_of(&device).map(|office| office.name).unwrap_or_default();
                    let noted = replica.store().peer(&device).ok().flatten().map(|state| state.agreed_ms);
                    status.last_sync = status.last_sync.max(noted);
                }
                status
            };
            seen.into_iter().map(complete).collect()
        };
        self.common.writer.with(fill).await
    }

    /// Says farewell to all peers, waits a moment until they have heard it, and stops. The writer goes on.
    pub async fn stop(mut self) {
        self.common.stopping.send_replace(true);
        let farewell = |engine: &mut Engine<S>| {
            let all: Vec<Connection> = engine.sessions().map(|(number, _)| number).collect();
            all.into_iter().for_each(|number| engine.end(number, Farewell::Stopping));
        };
        let _ = self.common.writer.with(farewell).await;
        let ended = async {
            for root in &mut self.roots {
                let _ = root.await;
            }
            if let Some(endpoint) = &self.endpoint {
                endpoint.wait_idle().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS), ended).await;
        // The rest is done by dropping.
    }
}

impl<S> Drop for Net<S> {
    fn drop(&mut self) {
        self.roots.iter().for_each(|task| task.abort());
        if let Some(endpoint) = &self.endpoint {
            endpoint.close(quinn::VarInt::from_u32(0), b"stopped");
        }
    }
}
