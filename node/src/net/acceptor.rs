//! Accepting: proven keys of any device are let in; who may stay and what it gets is the session's to say.
//!
//! Handshakes are bounded: while many are under way, an address must first show that it receives what we send, and
//! what is beyond waits in a bounded queue, where QUIC's own repetition brings it back.

use super::join::{self, Bucket, JoinHandler};
use super::link::Handshake;
use super::peers::RowKey;
use super::trouble::Trouble;
use super::{Common, link, tls};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::store::Store;
use std::future::Future;
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
    // On this side a connection can always be had before the handshake is over.
    let Some((connection, over)) = incoming.accept().ok().and_then(|connecting| connecting.into_0rtt().ok()) else {
        tracing::debug!("a handshake failed");
        common.table.count(Trouble::Handshake);
        return;
    };
    let handshake = async {
        let over = tokio::time::timeout(Duration::from_millis(HANDSHAKE_MS), over).await;
        drop(permit);
        let proven = over.is_ok() && connection.close_reason().is_none();
        if proven { Handshake::Resumed } else { Handshake::Failed(Trouble::NoAnswer) }
    };
    // Only a resumed session knows its key now. TLS did not ask for a proof, so control is asked whether the device
    // still counts, before anything is answered; one that does not is treated as a stranger.
    let resumed = tls::peer_key(&connection).filter(|_| tls::protocol(&connection).as_deref() == Some(tls::SESSION));
    if let Some(peer) = resumed
        && common.counts(peer).await
    {
        serve(&common, &connection, peer, handshake).await;
        return;
    }
    if let Handshake::Failed(trouble) = handshake.await {
        tracing::debug!("a handshake failed");
        trouble.close(&connection);
        return;
    }
    let Some(peer) = tls::peer_key(&connection) else {
        Trouble::Handshake.close(&connection);
        return;
    };
    match (tls::protocol(&connection).as_deref(), join) {
        (Some(tls::SESSION), _) => serve(&common, &connection, peer, async { Handshake::Whole }).await,
        (Some(tls::JOIN), Some(handler)) => {
            let allowed = bucket.take(common.writer.clock().now());
            join::serve(&connection, peer, handler, allowed).await;
        }
        _ => Trouble::Handshake.close(&connection),
    }
}

async fn serve<S: Store + Send + 'static>(
    common: &Common<S>,
    connection: &quinn::Connection,
    peer: DeviceKey,
    handshake: impl Future<Output = Handshake>,
) {
    tracing::info!(device = %peer.short(), "accepted");
    let row = RowKey::Device(peer);
    let ended = link::run(common, connection, peer, row, false, handshake).await;
    common.table.down(row, Some(connection), ended.trouble);
    tracing::info!(device = %peer.short(), trouble = ended.trouble.word(), "disconnected");
}
