//! Invitations and enrolment: how a device that makes its own keys becomes a device of the city.
//!
//! The city writes an [`Invitation`] (one use, for stated areas, with an end). The new device answers with a
//! [`Request`] that carries its public keys and proves that it has the private ones; the city checks the secret and
//! gives a [`Grant`] with a certificate. The three may travel over a network or as files on a stick: they are the same.

use serde::{Deserialize, Serialize};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::device::{Certificate, CertificateBody, DeviceKey, OfficeId, Signature, SigningKey};
use shouwang_protocol::entry::Run;
use shouwang_protocol::hash::{Hash, hex, unhex};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Bytes of a file that is read at most.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the control that comes with a grant, inflated.
const CONTROL_BYTES_MAX: usize = 64 * 1024 * 1024;

mod hexed {
    //! Byte arrays as hexadecimal text in the JSON files.
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::hex(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        super::unhex(&text).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| D::Error::custom("expected hexadecimal digits"))
    }
}

/// A one-time invitation, as a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// Always `shouwang invitation 1`.
    pub format: String,
    /// The city's root key: what the new device will trust.
    #[serde(with = "hexed")]
    pub root: [u8; 32],
    /// The device of the city that invites.
    #[serde(with = "hexed")]
    pub city_device: [u8; 32],
    /// What proves the invitation.
    #[serde(with = "hexed")]
    pub secret: [u8; 16],
    /// The office's name.
    pub office: String,
    /// The areas it covers, as labels.
    pub areas: Vec<String>,
    /// Milliseconds since 1970 after which the city refuses it, by its own clock.
    pub expires_ms: i64,
    /// Addresses to join at and to sync with.
    pub parents: Vec<String>,
}

/// What the city remembers of an invitation: never the secret itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// Hash of the secret.
    pub secret: Hash,
    /// The office.
    pub office: OfficeId,
    /// Milliseconds since 1970 after which it is refused.
    pub expires_ms: i64,
    /// The device that used it.
    pub used_by: Option<DeviceKey>,
}

/// The new device's answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Always `shouwang request 1`.
    pub format: String,
    /// The city.
    #[serde(with = "hexed")]
    pub root: [u8; 32],
    /// The new device's signing key.
    #[serde(with = "hexed")]
    pub device: [u8; 32],
    /// Its X25519 key.
    #[serde(with = "hexed")]
    pub recipient: [u8; 32],
    /// The invitation's secret.
    #[serde(with = "hexed")]
    pub secret: [u8; 16],
    /// Signature of `device` over the rest.
    #[serde(with = "hexed")]
    pub signature: [u8; 64],
}

/// What the city gives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Always `shouwang grant 1`.
    pub format: String,
    /// The new device's certificate and the city's, hexadecimal.
    pub certificates: Vec<String>,
    /// Addresses to sync with.
    pub parents: Vec<String>,
    /// The city's control so far (runs of entries, compressed, hexadecimal), so that the new device can work before it
    /// ever had a connection. Only in files: over a network the first sync brings it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub control: String,
}

/// Why somebody may not join.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum EnrolmentError {
    /// The file is not what it should be.
    #[error("the file is not a readable {0}")]
    Unreadable(String),
    /// Another city's.
    #[error("this belongs to another city")]
    OtherCity,
    /// No such invitation.
    #[error("the invitation is not known here; ask the city for a new one")]
    Unknown,
    /// Too late.
    #[error("the invitation has expired; ask the city for a new one")]
    Expired,
    /// Used by another device.
    #[error("the invitation was used by another device; ask the city for a new one")]
    Used,
    /// The request does not prove its key.
    #[error("the request is not signed by the device it names")]
    Signature,
    /// The certificate in a grant is not for this device.
    #[error("the grant is for another device")]
    OtherDevice,
    /// The office no longer exists.
    #[error("the office of the invitation no longer exists")]
    NoOffice,
    /// The address is not a city that can be reached from here.
    #[error("{0}")]
    Unreachable(String),
}

/// The hash of a secret.
pub fn secret_hash(secret: &[u8; 16]) -> Hash {
    Hash::of("shouwang invitation secret 1", &[secret])
}

impl Invitation {
    /// A new invitation, and what the city keeps of it.
    pub fn new(
        (root, city_device): (DeviceKey, DeviceKey),
        secret: [u8; 16],
        (office, name): (OfficeId, String),
        areas: &[AreaId],
        expires_ms: i64,
        parents: Vec<String>,
    ) -> (Invitation, Remembered) {
        let remembered = Remembered { secret: secret_hash(&secret), office, expires_ms, used_by: None };
        let invitation = Invitation {
            format: "shouwang invitation 1".into(),
            root: root.0,
            city_device: city_device.0,
            secret,
            office: name,
            areas: areas.iter().map(AreaId::to_string).collect(),
            expires_ms,
            parents,
        };
        (invitation, remembered)
    }

    /// Reads the file.
    pub fn read(bytes: &[u8]) -> Result<Invitation, EnrolmentError> {
        read(bytes, "invitation", |invitation: &Invitation| invitation.format == "shouwang invitation 1")
    }

    /// The new device's answer to it.
    pub fn answer(&self, device: &SigningKey, recipient: [u8; 32]) -> Request {
        let mut request = Request {
            format: "shouwang request 1".into(),
            root: self.root,
            device: device.key().0,
            recipient,
            secret: self.secret,
            signature: [0; 64],
        };
        request.signature = device.sign(&request.message()).0;
        request
    }
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8], what: &str, fits: impl Fn(&T) -> bool) -> Result<T, EnrolmentError> {
    let unreadable = || EnrolmentError::Unreadable(what.to_owned());
    if bytes.len() > FILE_BYTES_MAX {
        return Err(unreadable());
    }
    let value: T = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
    if fits(&value) { Ok(value) } else { Err(unreadable()) }
}

impl Request {
    fn message(&self) -> Vec<u8> {
        [b"shouwang request 1".as_slice(), &self.root, &self.device, &self.recipient, &self.secret].concat()
    }

    /// Reads the file.
    pub fn read(bytes: &[u8]) -> Result<Request, EnrolmentError> {
        read(bytes, "request", |request: &Request| request.format == "shouwang request 1")
    }

    /// Checks the request against what the city remembers. A device that asks again gets the same answer.
    pub fn check(&self, root: &DeviceKey, remembered: Option<&Remembered>, now_ms: i64) -> Result<(), EnrolmentError> {
        if self.root != root.0 {
            return Err(EnrolmentError::OtherCity);
        }
        let device = DeviceKey(self.device);
        if !device.verify(&self.message(), &Signature(self.signature)) {
            return Err(EnrolmentError::Signature);
        }
        let remembered = remembered.filter(|known| known.secret == secret_hash(&self.secret)).ok_or(EnrolmentError::Unknown)?;
        match remembered.used_by {
            Some(used_by) if used_by != device => Err(EnrolmentError::Used),
            None if remembered.expires_ms < now_ms => Err(EnrolmentError::Expired),
            _ => Ok(()),
        }
    }
}

impl Grant {
    /// A grant of these certificates: the new device's first, then the city's.
    pub fn new(certificates: &[Certificate], parents: Vec<String>) -> Grant {
        let certificates = certificates.iter().map(|certificate| hex(&certificate.to_bytes())).collect();
        Grant { format: "shouwang grant 1".into(), certificates, parents, control: String::new() }
    }

    /// The same with the city's control.
    pub fn with_runs(mut self, runs: &[Run]) -> Grant {
        let bytes = postcard::to_allocvec(runs).unwrap_or_default();
        self.control = zstd::bulk::compress(&bytes, 12).map(|packed| hex(&packed)).unwrap_or_default();
        self
    }

    /// The city's control, if it came along.
    pub fn runs(&self) -> Result<Vec<Run>, EnrolmentError> {
        let unreadable = || EnrolmentError::Unreadable("grant".into());
        if self.control.is_empty() {
            return Ok(Vec::new());
        }
        let packed = unhex(&self.control).ok_or_else(unreadable)?;
        let bytes = zstd::bulk::decompress(&packed, CONTROL_BYTES_MAX).map_err(|_| unreadable())?;
        postcard::from_bytes(&bytes).map_err(|_| unreadable())
    }

    /// Reads the file.
    pub fn read(bytes: &[u8]) -> Result<Grant, EnrolmentError> {
        read(bytes, "grant", |grant: &Grant| grant.format == "shouwang grant 1")
    }

    /// The certificates, when the first is this device's and all hold under the root.
    pub fn accept(&self, root: &DeviceKey, device: &DeviceKey) -> Result<(CertificateBody, Vec<Certificate>), EnrolmentError> {
        let decode = |text: &String| unhex(text).and_then(|bytes| Certificate::from_bytes(&bytes));
        let certificates: Option<Vec<Certificate>> = self.certificates.iter().map(decode).collect();
        let certificates = certificates.ok_or(EnrolmentError::Unreadable("grant".into()))?;
        let mut own = None;
        for certificate in &certificates {
            let body = certificate.verify(root).map_err(|_| EnrolmentError::OtherCity)?;
            if body.device == *device {
                own = Some(body);
            }
        }
        Ok((own.ok_or(EnrolmentError::OtherDevice)?, certificates))
    }
}

/// The day (since 1970-01-01) that lies `days` after `now_ms`.
pub fn day_after(now_ms: i64, days: i64) -> u32 {
    u32::try_from(now_ms / DAY_MS + days).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::{CityKeys, Grantee};
    use shouwang_protocol::area::Tier;

    fn invitation(expires_ms: i64) -> (CityKeys, Invitation, Remembered) {
        let keys = CityKeys::from_seeds([1; 32], [2; 32]);
        let area = AreaId::parse("320582100201").expect("a label");
        let city = SigningKey::from_seed(&[3; 32]).key();
        let (invitation, remembered) =
            Invitation::new((keys.root, city), [9; 16], (OfficeId(4), "某村".into()), &[area], expires_ms, vec![]);
        (keys, invitation, remembered)
    }

    #[test]
    fn an_invitation_admits_one_device_once_and_in_time() {
        let (keys, invitation, mut remembered) = invitation(1_000);
        let invitation = Invitation::read(&serde_json::to_vec(&invitation).expect("json")).expect("reads back");
        let [laptop, other] = [5, 6].map(|n| SigningKey::from_seed(&[n; 32]));
        let request =
            Request::read(&serde_json::to_vec(&invitation.answer(&laptop, [7; 32])).expect("json")).expect("reads back");
        assert_eq!(request.check(&keys.root, Some(&remembered), 500), Ok(()));
        assert_eq!(request.check(&keys.root, Some(&remembered), 1_001), Err(EnrolmentError::Expired));
        assert_eq!(request.check(&keys.root, None, 500), Err(EnrolmentError::Unknown));
        assert_eq!(request.check(&other.key(), Some(&remembered), 500), Err(EnrolmentError::OtherCity));
        remembered.used_by = Some(laptop.key());
        assert_eq!(request.check(&keys.root, Some(&remembered), 9_000), Ok(()), "a lost answer can be fetched again");
        assert_eq!(invitation.answer(&other, [7; 32]).check(&keys.root, Some(&remembered), 500), Err(EnrolmentError::Used));
        let mut stolen = request.clone();
        stolen.device = other.key().0;
        assert_eq!(stolen.check(&keys.root, Some(&remembered), 500), Err(EnrolmentError::Signature));
    }

    #[test]
    fn a_grant_is_for_the_device_that_asked() {
        let (keys, invitation, _) = invitation(1_000);
        let laptop = SigningKey::from_seed(&[5; 32]);
        let grantee = Grantee {
            device: laptop.key(),
            recipient: [7; 32],
            office: OfficeId(4),
            tier: Tier::Village,
            areas: invitation.areas.iter().filter_map(|area| AreaId::parse(area)).collect(),
            name: invitation.office.clone(),
            serial: 1,
            expires: day_after(0, 400),
        };
        let grant = Grant::new(&[keys.issue(&grantee)], vec!["127.0.0.1:1".into()]);
        let grant = Grant::read(&serde_json::to_vec(&grant).expect("json")).expect("reads back");
        assert_eq!(grant.accept(&keys.root, &laptop.key()).expect("holds").0.serial, 1);
        let other = SigningKey::from_seed(&[6; 32]).key();
        assert_eq!(grant.accept(&keys.root, &other), Err(EnrolmentError::OtherDevice));
        assert_eq!(grant.accept(&other, &laptop.key()), Err(EnrolmentError::OtherCity));
        assert!(Grant::read(b"{}").is_err() && Invitation::read(b"\xff").is_err());
    }
}
