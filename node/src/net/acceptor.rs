//! Accepting: proven keys of any device are let in; who may stay and what it gets is the session's to say.
//!
//! Handshakes are bounded: while many are under way, an address must first show that it receives what we send, and
//! what is beyond waits in a bounded queue, where QUIC's own repetition brings it back.

use super::join::{self, Bucket, JoinHandler};
use super::peers::RowKey;
use super::trouble::Trouble;
use super::{Common, link, tls};
use shouwang_protocol::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Handshakes under way at most.
const HANDSHAKES_MAX: usize = 64;
/// Handshakes under way beyond which an address must prove itself first.
const TRUSTING_MAX: usize = 16;
/// Handshakes that wait for their turn.
pub(super) const INCOMING_MAX: usize = 1_024;
/// Connections at a time.
const CONNECTIONS_MAX: usize = 20_000;
/// Milliseconds that a handshake may take.
const HANDSHAKE_MS: u64 = 10_000;

/// Accepts connections until the network stops, and returns when they have ended.
pub(super) async fn run<S: Store + Send + 'static>(common: Arc<Common<S>>, endpoint: quinn::Endpoint, join: Option<JoinHandler>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let bucket = Arc::new(Bucket::default());
    let mut stopping = common.stopping.subscribe();
    let mut tasks = JoinSet::new();
    loop {
        let next = async { (handshakes.clone().acquire_owned().await, endpoint.accept().await) };
        let (permit, incoming) = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(_) = tasks.join_next() => continue,
            (Ok(permit), Some(incoming)) = next => (permit, incoming),
            else => break,
        };
        if tasks.len() >= CONNECTIONS_MAX {
            incoming.refuse();
            continue;
        }
        let busy = handshakes.available_permits() < HANDSHAKES_MAX - TRUSTING_MAX;
        if busy && !incoming.remote_address_validated() && incoming.may_retry() {
            let _ = incoming.retry();
            continue;
        }
        tasks.spawn(accept(common.clone(), incoming, permit, join.clone(), bucket.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn accept<S: Store + Send + 'static>(
    common: Arc<Common<S>>,
    incoming: quinn::Incoming,
    permit: OwnedSemaphorePermit,
    join: Option<JoinHandler>,
    bucket: Arc<Bucket>,
) {
    let handshake = tokio::time::timeout(Duration::from_millis(HANDSHAKE_MS), incoming);
    let Ok(Ok(connection)) = handshake.await else {
        tracing::debug!("a handshake failed");
        return;
    };
    drop(permit);
    let Some(peer) = tls::peer_key(&connection) else {
        Trouble::Handshake.close(&connection);
        return;
    };
    match (tls::protocol(&connection).as_deref(), join) {
        (Some(tls::SESSION), _) => {
            tracing::info!(device = %peer.short(), "accepted");
            let row = RowKey::Device(peer);
            let ended = link::run(&common, &connection, peer, row, false).await;
            common.table.down(row, Some(&connection), ended.trouble);
            tracing::info!(device = %peer.short(), trouble = ended.trouble.word(), "disconnected");
        }
        (Some(tls::JOIN), Some(handler)) => {
            let allowed = bucket.take(common.writer.clock().now());
            join::serve(&connection, peer, handler, allowed).await;
        }
        _ => Trouble::Handshake.close(&connection),
    }
}
