//! Keys in TLS 1.3: raw Ed25519 public keys (RFC 7250) on both sides, no certificates, no dates.
//!
//! TLS only proves that the peer has the private key of the public key it shows. Who that device is and what it may
//! have is asked of control after every handshake (`Engine::connected`); a dialler may name the one key it expects.
//!
//! Sessions are resumed with early data (0-RTT): an idle reconnect takes one round trip. A ticket stands for a key that
//! was proven when it was given, so resuming proves the same key without a signature. Tickets live in memory on both
//! sides and are used once; whoever restarts falls back to a whole handshake. Early data can be replayed by others: a
//! ticket is taken out of the acceptor's store by its first use, so only a first flight that never arrived counts, for a
//! minute, and once. A dialler says nothing in it but Hello and entries, which change nothing when they come twice (an
//! entry is named by its log and sequence), and it pushes no other connection out before the handshake is over
//! (`Engine::proven`). The answer can be read only by who holds the ticket's secret and made the key share.

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group, sign::any_eddsa_type};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme, version::TLS13,
};
use shouwang_protocol::device::{DeviceKey, Signature, SigningKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the session's protocol is called in ALPN.
pub const SESSION: &[u8] = b"shouwang/1";
/// What the protocol of joining is called in ALPN.
pub const JOIN: &[u8] = b"shouwang-join/1";

/// What all endpoints are called in TLS: devices have keys, not names.
pub(super) const NAME: &str = "shouwang";
/// Tickets that an acceptor remembers, the latest ones: some 300 bytes each once they are given.
const TICKETS_KEPT: usize = 16 * 1024;
/// Tickets given with each handshake, some 90 bytes each. Each dial takes one, answered or not, so one would not last.
const TICKETS_GIVEN: usize = 2;
/// Tickets of one parent that a dialler keeps.
const TICKETS_HELD: usize = 8;

/// `SubjectPublicKeyInfo` of an Ed25519 key, up to the key (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// PKCS #8 of an Ed25519 seed, up to the seed (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The device key in a `SubjectPublicKeyInfo`.
pub fn device_key(spki: &[u8]) -> Option<DeviceKey> {
    Some(DeviceKey(spki.strip_prefix(&SPKI)?.try_into().ok()?))
}

/// The key that the peer of a connection proved to have.
pub fn peer_key(connection: &quinn::Connection) -> Option<DeviceKey> {
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    match identity.as_slice() {
        [only] => device_key(only),
        _ => None,
    }
}

/// The protocol that both sides of a connection agreed on.
pub fn protocol(connection: &quinn::Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?.protocol
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![kx_group::X25519],
        cipher_suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256, cipher_suite::TLS13_CHACHA20_POLY1305_SHA256],
        ..default_provider()
    })
}

fn own_key(seed: &[u8; 32]) -> Result<Arc<CertifiedKey>, Error> {
    let private = PrivatePkcs8KeyDer::from([&PKCS8[..], seed].concat());
    let public = CertificateDer::from([&SPKI[..], &SigningKey::from_seed(seed).key().0].concat());
    Ok(Arc::new(CertifiedKey::new(vec![public], any_eddsa_type(&private)?)))
}

/// The server's side, for these protocols.
pub fn server(seed: &[u8; 32], protocols: &[&[u8]]) -> Result<QuicServerConfig, Error> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(Proof::default()))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(own_key(seed)?)));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config.session_storage = ServerSessionMemoryCache::new(TICKETS_KEPT);
    config.send_tls13_tickets = TICKETS_GIVEN;
    // QUIC knows all or nothing; its stream windows bound what may come early.
    config.max_early_data_size = u32::MAX;
    QuicServerConfig::try_from(config).map_err(|_| Error::General("the initial cipher suite is missing".into()))
}

/// Tickets of one parent, used once each, the latest first.
#[derive(Debug)]
pub struct Tickets(Arc<ClientSessionMemoryCache>);

impl Default for Tickets {
    fn default() -> Tickets {
        Tickets(Arc::new(ClientSessionMemoryCache::new(TICKETS_HELD)))
    }
}

impl Tickets {
    /// Forgets them all: another device answers now, and early data must never be sealed for the one before.
    pub fn forget(&self) {
        if let Ok(name) = ServerName::try_from(NAME) {
            while self.0.take_tls13_ticket(&name).is_some() {}
        }
    }
}

/// The client's side, for one protocol. With a place for tickets it resumes, as long as this same side is used.
pub fn client(seed: &[u8; 32], protocol: &[u8], proof: Arc<Proof>, tickets: Option<&Tickets>) -> Result<QuicClientConfig, Error> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(proof)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(own_key(seed)?)));
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = tickets.map_or_else(Resumption::disabled, |tickets| Resumption::store(tickets.0.clone()));
    config.enable_early_data = tickets.is_some();
    // Devices have keys, not names.
    config.enable_sni = false;
    QuicClientConfig::try_from(config).map_err(|_| Error::General("the initial cipher suite is missing".into()))
}

/// Takes any Ed25519 key whose owner proves to have it, or only the one expected.
#[derive(Debug, Default)]
pub struct Proof {
    expected: Option<DeviceKey>,
    other: AtomicBool,
}

impl Proof {
    /// Takes `expected` only, when it is given.
    pub fn new(expected: Option<DeviceKey>) -> Arc<Proof> {
        Arc::new(Proof { expected, other: AtomicBool::new(false) })
    }

    /// Whether another device than the expected one answered since last asked.
    pub fn saw_other(&self) -> bool {
        self.other.swap(false, Ordering::Relaxed)
    }

    fn look(&self, spki: &[u8]) -> Result<(), Error> {
        let key = device_key(spki).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if self.expected.is_some_and(|expected| expected != key) {
            self.other.store(true, Ordering::Relaxed);
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        Ok(())
    }

    fn prove(&self, message: &[u8], spki: &[u8], signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        if signed.scheme != SignatureScheme::ED25519 {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        let key = device_key(spki).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let signature = <[u8; 64]>::try_from(signed.signature()).map_err(|_| CertificateError::BadSignature)?;
        if key.verify(message, &Signature(signature)) {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

/// There is no TLS 1.2 here.
fn too_old() -> Error {
    Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered)
}

impl ServerCertVerifier for Proof {
    fn verify_server_cert(
        &self,
        spki: &CertificateDer<'_>,
        _more: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.look(spki).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        spki: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.prove(message, spki, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Proof {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        spki: &CertificateDer<'_>,
        _more: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.look(spki).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        spki: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.prove(message, spki, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_what_tls_shows() {
        let seed = [9; 32];
        let own = own_key(&seed).expect("a key");
        let key = SigningKey::from_seed(&seed).key();
        assert_eq!(device_key(&own.cert[0]), Some(key));
        let public = own.key.public_key().expect("ring tells it");
        assert_eq!(public.as_ref(), own.cert[0].as_ref(), "rustls makes the same of the seed");
        assert_eq!(device_key(&own.cert[0][..43]), None);
        assert_eq!(device_key(&[&own.cert[0][..], &[0]].concat()), None);
        assert_eq!(device_key(&[0; 44]), None);
    }
}
