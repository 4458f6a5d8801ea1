//! QUIC as bad networks want it, and the endpoints. The numbers come from `sync-notes.md`, section 5.
//!
//! A dialler opens a socket of its own for each connection and uses connection ids of no length there: nobody has to
//! tell it spare ids (some 250 bytes of a cold handshake), each packet down is 8 bytes shorter, and a stale binding of
//! some router is never met again. An acceptor has ids, so that it knows a device whose address changes.

use super::congestion::GentleConfig;
use super::trouble::Trouble;
use quinn::{AckFrequencyConfig, ConnectionId, ConnectionIdGenerator, EndpointConfig, TransportConfig, VarInt};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds taken for a round trip before one was measured. The first Initial is then repeated after three times
/// as much: later than the answer of a satellite or a 64 kbit/s line (0.9 s, 1.0 s with the delay that `measure`
/// sets), so that nothing goes out twice for nothing; and twice within the cap of a dial, where it was lost.
const INITIAL_RTT_MS: u64 = 500;
/// Milliseconds of silence after which both sides forget a connection.
const IDLE_MS: u32 = 300_000;
/// Milliseconds between two signs of life of a dialler with nothing to say: routers forget bindings after 30 s.
pub(super) const KEEP_ALIVE_MS: u64 = 25_000;
/// Bytes that a connection keeps until they are acknowledged. Bounds the root's memory, with thousands below it.
const SEND_WINDOW_BYTES: u64 = 128 * 1024;
/// Bytes that a peer may send ahead of the writer.
const RECEIVE_WINDOW_BYTES: u32 = 256 * 1024;
/// Milliseconds that an acknowledgement of packets may wait for more of them. With QUIC's 25 ms every packet of a slow
/// line has one of its own.
const ACK_DELAY_MS: u64 = 150;
/// Packets that may arrive without being acknowledged; the next one is at once. With 9, a line of 1 Mbit/s and 100 ms
/// stood still half of the time: its ten packets under way waited for one acknowledgement.
const ACK_AFTER: u32 = 2;
/// Milliseconds that one attempt to reach one address may take, handshake included.
pub(super) const DIAL_MS: u64 = 6_000;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// The settings for one side of connections.
fn settings(dialler: bool) -> Arc<TransportConfig> {
    let mut ack = AckFrequencyConfig::default();
    ack.ack_eliciting_threshold(VarInt::from_u32(ACK_AFTER)).max_ack_delay(Some(Duration::from_millis(ACK_DELAY_MS)));
    let mut transport = TransportConfig::default();
    transport
        .initial_rtt(Duration::from_millis(INITIAL_RTT_MS))
        .max_idle_timeout(Some(VarInt::from_u32(IDLE_MS).into()))
        .keep_alive_interval(dialler.then_some(Duration::from_millis(KEEP_ALIVE_MS)))
        .max_concurrent_bidi_streams(VarInt::from_u32(u32::from(!dialler)))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .send_window(SEND_WINDOW_BYTES)
        .stream_receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(None)
        .ack_frequency_config(Some(ack))
        .congestion_controller_factory(Arc::new(GentleConfig))
        .allow_spin(false)
        .send_fairness(false)
        .enable_segmentation_offload(false);
    Arc::new(transport)
}

/// What an acceptor asks of quinn.
pub(super) fn server_config(crypto: quinn::crypto::rustls::QuicServerConfig) -> quinn::ServerConfig {
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(settings(false));
    config.max_incoming(super::acceptor::INCOMING_MAX);
    config
}

/// An endpoint that accepts at `address`.
pub(super) fn listen(config: quinn::ServerConfig, address: SocketAddr) -> std::io::Result<quinn::Endpoint> {
    quinn::Endpoint::server(config, address)
}

/// Connection ids of no length: the socket tells the connection.
struct NoIds;

impl ConnectionIdGenerator for NoIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&[])
    }

    fn cid_len(&self) -> usize {
        0
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// Looks up `host:port`.
async fn resolve(address: &str) -> Result<Vec<SocketAddr>, Trouble> {
    let lookup = tokio::time::timeout(Duration::from_millis(DIAL_MS), tokio::net::lookup_host(address));
    match lookup.await {
        Ok(Ok(found)) => Ok(found.take(ADDRESSES_MAX).collect()),
        _ => Err(Trouble::UnknownAddress),
    }
}

/// A connection that was dialled.
pub(super) struct Dialled {
    pub connection: quinn::Connection,
    /// Says whether early data was taken, when the handshake is over; nothing where it is over already.
    pub early: Option<quinn::ZeroRttAccepted>,
}

/// Dials `host:port`, every address it has in turn. The endpoint lives as long as its connection. `early`: whether to
/// talk before the answer where a session can be resumed; that is done where there is one address, or first of all at
/// `known`, the one that answered last, because nobody knows yet whether it answers.
pub(super) async fn dial(
    address: &str,
    crypto: Arc<quinn::crypto::rustls::QuicClientConfig>,
    early: bool,
    known: Option<SocketAddr>,
    other: impl Fn() -> bool,
) -> Result<Dialled, Trouble> {
    let mut trouble = Trouble::UnknownAddress;
    let mut found = resolve(address).await?;
    found.sort_by_key(|address| Some(*address) != known);
    let early = early && (found.len() == 1 || found.first().copied() == known);
    for address in found {
        trouble = match dial_one(address, crypto.clone(), early).await {
            Ok(dialled) => return Ok(dialled),
            Err(_) if other() => return Err(Trouble::OtherDevice),
            Err(trouble) => trouble,
        };
    }
    Err(trouble)
}

async fn dial_one(
    address: SocketAddr,
    crypto: Arc<quinn::crypto::rustls::QuicClientConfig>,
    early: bool,
) -> Result<Dialled, Trouble> {
    let any = if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)) };
    let socket = UdpSocket::bind(any).map_err(|_| Trouble::NoNetwork)?;
    let mut endpoint = EndpointConfig::default();
    endpoint.cid_generator(|| Box::new(NoIds));
    let runtime = quinn::default_runtime().ok_or(Trouble::NoNetwork)?;
    let endpoint = quinn::Endpoint::new(endpoint, None, socket, runtime).map_err(|_| Trouble::NoNetwork)?;
    let mut config = quinn::ClientConfig::new(crypto);
    config.transport_config(settings(true));
    let mut connecting = endpoint.connect_with(config, address, super::tls::NAME).map_err(|_| Trouble::NoNetwork)?;
    if early {
        connecting = match connecting.into_0rtt() {
            Ok((connection, early)) => return Ok(Dialled { connection, early: Some(early) }),
            Err(connecting) => connecting,
        };
    }
    match tokio::time::timeout(Duration::from_millis(DIAL_MS), connecting).await {
        Ok(Ok(connection)) => Ok(Dialled { connection, early: None }),
        Ok(Err(error)) => Err(Trouble::of_handshake(&error)),
        Err(_) => Err(Trouble::NoAnswer),
    }
}
