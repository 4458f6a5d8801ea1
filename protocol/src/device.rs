//! Devices (设备), their keys and certificates, and the trust that begins at the city's root key.
//!
//! The root key signs enrolment keys; an enrolment key signs certificates. A node is given the root's public key
//! when it joins; everything else it can check itself, whoever brings it. Certificates have no place for dates that
//! TLS would judge: the superior judges expiry by its own clock.

use crate::area::{AreaId, Tier};
use crate::hash::{Hash, hex};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// Cipher suite 1: Ed25519, SHA-256. 2 is reserved for SM2, SM3, SM4.
pub const SUITE: u8 = 1;

/// An Ed25519 public key: the name of a device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct DeviceKey(pub [u8; 32]);

impl DeviceKey {
    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature.0).is_ok()
    }

    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<DeviceKey> {
        Some(DeviceKey(crate::hash::unhex(text)?.try_into().ok()?))
    }

    /// A short form for people: enough to tell devices apart.
    pub fn short(&self) -> String {
        hex(&self.0[..5])
    }
}

impl std::fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", hex(&self.0))
    }
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.short())
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}…", hex(&self.0[..4]))
    }
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (a, b) = self.0.split_at(32);
        (<[u8; 32]>::try_from(a).unwrap_or_default(), <[u8; 32]>::try_from(b).unwrap_or_default()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        let (a, b) = <([u8; 32], [u8; 32])>::deserialize(deserializer)?;
        let mut out = [0; 64];
        out[..32].copy_from_slice(&a);
        out[32..].copy_from_slice(&b);
        Ok(Signature(out))
    }
}

/// A signing key. Its seed never leaves the machine it was made on.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    key: DeviceKey,
}

impl SigningKey {
    /// The key of a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> SigningKey {
        let pair = match Ed25519KeyPair::from_seed_unchecked(seed) {
            Ok(pair) => pair,
            Err(_) => unreachable!("every 32-byte seed is an Ed25519 key"),
        };
        let mut key = [0; 32];
        key.copy_from_slice(pair.public_key().as_ref());
        SigningKey { pair, key: DeviceKey(key) }
    }

    /// The public half.
    pub fn key(&self) -> DeviceKey {
        self.key
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        Signature(out)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.key.short())
    }
}

/// 128 random bits that name one life of a device's database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Incarnation(pub [u8; 16]);

impl std::fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", hex(&self.0[..4]))
    }
}

/// The Automerge actor of a device's incarnation.
pub fn actor(device: &DeviceKey, incarnation: &Incarnation) -> automerge::ActorId {
    let hash = Hash::of("shouwang actor 1", &[&device.0, &incarnation.0]);
    automerge::ActorId::from(&hash.0[..16])
}

/// The label of an office (机构), given by the city once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct OfficeId(pub u32);

impl std::fmt::Display for OfficeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a certificate says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CertificateBody {
    /// Cipher suite.
    pub suite: u8,
    /// The city: its root key.
    pub root: DeviceKey,
    /// The device.
    pub device: DeviceKey,
    /// X25519 key that bundles are encrypted to.
    pub recipient: [u8; 32],
    /// The office that runs the device.
    pub office: OfficeId,
    /// The office's tier.
    pub tier: Tier,
    /// The areas the office covered when this was issued.
    pub areas: Vec<AreaId>,
    /// Rises with each certificate of the device.
    pub serial: u32,
    /// Day (since 1970-01-01) from which a superior asks for a renewal.
    pub expires: u32,
    /// A name for people: the office's, not a person's.
    pub name: String,
}

/// A device certificate: its body as it was signed, and by whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// The encoded [`CertificateBody`], exactly as signed.
    pub body: Vec<u8>,
    /// The enrolment key that signed it.
    pub issuer: DeviceKey,
    /// The root's signature over the enrolment key.
    pub issuer_signature: Signature,
    /// The enrolment key's signature over the body.
    pub signature: Signature,
}

/// Why a certificate is no good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no certificate.
    #[error("the certificate cannot be read")]
    Malformed,
    /// Another city's root, or none.
    #[error("the certificate belongs to another city")]
    Foreign,
    /// A signature does not fit.
    #[error("a signature of the certificate does not fit")]
    BadSignature,
    /// A suite this version does not know.
    #[error("the certificate uses an unknown cipher suite")]
    UnknownSuite,
}

const ENROLMENT: &[u8] = b"shouwang enrolment key 1";
const CERTIFICATE: &[u8] = b"shouwang certificate 1";

fn tagged(tag: &[u8], message: &[u8]) -> Vec<u8> {
    [tag, message].concat()
}

/// The root's signature that makes `enrolment` an enrolment key.
pub fn certify_enrolment(root: &SigningKey, enrolment: &DeviceKey) -> Signature {
    root.sign(&tagged(ENROLMENT, &enrolment.0))
}

impl Certificate {
    /// Signs `body` with an enrolment key that the root certified by `issuer_signature`.
    pub fn issue(body: &CertificateBody, enrolment: &SigningKey, issuer_signature: Signature) -> Certificate {
        let body = postcard::to_allocvec(body).unwrap_or_default();
        let signature = enrolment.sign(&tagged(CERTIFICATE, &body));
        Certificate { body, issuer: enrolment.key(), issuer_signature, signature }
    }

    /// The body, when the chain of signatures from `root` holds.
    pub fn verify(&self, root: &DeviceKey) -> Result<CertificateBody, CertificateError> {
        let (body, _) = postcard::take_from_bytes::<CertificateBody>(&self.body).map_err(|_| CertificateError::Malformed)?;
        if body.suite != SUITE {
            return Err(CertificateError::UnknownSuite);
        }
        if body.root != *root {
            return Err(CertificateError::Foreign);
        }
        if body.areas.is_empty() || body.areas.len() > crate::limits::OFFICE_AREAS_MAX {
            return Err(CertificateError::Malformed);
        }
        let enrolled = root.verify(&tagged(ENROLMENT, &self.issuer.0), &self.issuer_signature);
        let issued = self.issuer.verify(&tagged(CERTIFICATE, &self.body), &self.signature);
        if enrolled && issued { Ok(body) } else { Err(CertificateError::BadSignature) }
    }

    /// The certificate as bytes, for a record, a message or a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The inverse of [`Certificate::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Certificate> {
        postcard::from_bytes(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(root: &SigningKey, device: &SigningKey) -> CertificateBody {
        CertificateBody {
            suite: SUITE,
            root: root.key(),
            device: device.key(),
            recipient: [7; 32],
            office: OfficeId(3),
            tier: Tier::Village,
            areas: AreaId::parse("320582100201").into_iter().collect(),
            serial: 1,
            expires: 30_000,
            name: "某村".into(),
        }
    }

    #[test]
    fn a_certificate_holds_under_its_root_only_and_not_when_touched() {
        let [root, enrolment, device, other] = [1, 2, 3, 4].map(|n| SigningKey::from_seed(&[n; 32]));
        let issued = Certificate::issue(&body(&root, &device), &enrolment, certify_enrolment(&root, &enrolment.key()));
        assert_eq!(issued.verify(&root.key()).expect("holds").office, OfficeId(3));
        assert_eq!(issued.verify(&other.key()), Err(CertificateError::Foreign));
        assert_eq!(Certificate::from_bytes(&issued.to_bytes()), Some(issued.clone()));
        for i in 0..issued.body.len() {
            let mut touched = issued.clone();
            touched.body[i] ^= 1;
            assert!(touched.verify(&root.key()).is_err(), "byte {i}");
        }
        let self_made = Certificate::issue(&body(&root, &device), &other, certify_enrolment(&other, &other.key()));
        assert_eq!(self_made.verify(&root.key()), Err(CertificateError::BadSignature));
    }
}
