//! Founding a city: its keys, its division tree, one office for each area.
//!
//! The root key signs the enrolment key once and can then be taken away on a stick; the enrolment key signs
//! certificates from day to day. What is written here are edits of control records; the city's node commits them.

use shouwang_protocol::area::{Area, AreaId, Tier};
use shouwang_protocol::control::{Control, Office, device, divisions};
use shouwang_protocol::device::{
    Certificate, CertificateBody, DeviceKey, OfficeId, SUITE, Signature, SigningKey, certify_enrolment,
};
use shouwang_protocol::record::{Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::replica::Draft;
use std::collections::BTreeMap;

/// Areas or offices in one edit, so that the entry stays below its limit.
const CHUNK: usize = 24;

/// The keys that only the city has.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct CityKeys {
    /// The root's public key: the city.
    pub root: DeviceKey,
    /// Seed of the root key; none once it was exported and removed.
    pub root_seed: Option<[u8; 32]>,
    /// Seed of the enrolment key.
    pub enrolment_seed: [u8; 32],
    /// The root's signature over the enrolment key.
    pub enrolment_signature: Signature,
}

impl std::fmt::Debug for CityKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CityKeys({})", self.root.short())
    }
}

/// What a certificate is for.
#[derive(Clone, Debug)]
pub struct Grantee {
    /// The device.
    pub device: DeviceKey,
    /// Its X25519 key.
    pub recipient: [u8; 32],
    /// The office that will run it.
    pub office: OfficeId,
    /// Its tier.
    pub tier: Tier,
    /// What the office covers.
    pub areas: Vec<AreaId>,
    /// The office's name.
    pub name: String,
    /// Serial of the certificate.
    pub serial: u32,
    /// Day (since 1970-01-01) on which it runs out.
    pub expires: u32,
}

impl CityKeys {
    /// Keys from two random seeds.
    pub fn from_seeds(root_seed: [u8; 32], enrolment_seed: [u8; 32]) -> CityKeys {
        let root = SigningKey::from_seed(&root_seed);
        let enrolment = SigningKey::from_seed(&enrolment_seed).key();
        CityKeys {
            root: root.key(),
            enrolment_signature: certify_enrolment(&root, &enrolment),
            root_seed: Some(root_seed),
            enrolment_seed,
        }
    }

    /// A certificate.
    pub fn issue(&self, grantee: &Grantee) -> Certificate {
        let body = CertificateBody {
            suite: SUITE,
            root: self.root,
            device: grantee.device,
            recipient: grantee.recipient,
            office: grantee.office,
            tier: grantee.tier,
            areas: grantee.areas.clone(),
            serial: grantee.serial,
            expires: grantee.expires,
            name: grantee.name.clone(),
        };
        Certificate::issue(&body, &SigningKey::from_seed(&self.enrolment_seed), self.enrolment_signature)
    }
}

/// The place of the city's control records.
pub fn control_place(root: AreaId) -> Place {
    Place { area: root, lane: Lane::Control, floor: Tier::Village }
}

/// One office for each area, numbered from 1 in the order of the table.
pub fn offices(areas: &[Area], city_office: &str) -> Vec<Office> {
    let office = |(index, area): (usize, &Area)| Office {
        id: OfficeId(index as u32 + 1),
        name: if area.parent.is_none() { city_office.to_owned() } else { area.name.clone() },
        tier: area.tier,
        areas: BTreeMap::from([(area.id, true)]),
        decider: None,
    };
    areas.iter().enumerate().map(office).collect()
}

/// The first action of a city: an empty division record.
pub fn begin(root: AreaId) -> Draft {
    Draft { place: control_place(root), record: RecordRef::New(Kind::DIVISIONS), edit: divisions::create() }
}

/// The following actions: areas and offices, in pieces.
pub fn describe(root: AreaId, record: RecordId, areas: &[Area], offices: &[Office]) -> Vec<Draft> {
    let draft = |edit| Draft { place: control_place(root), record: RecordRef::Known(record), edit };
    let areas = areas.chunks(CHUNK).map(|chunk| draft(divisions::put_areas(chunk.to_vec())));
    let offices = offices.chunks(CHUNK).map(|chunk| draft(divisions::put_offices(chunk.to_vec())));
    areas.chain(offices).collect()
}

/// The action that makes a device known: its record with its first certificate.
pub fn enrol(root: AreaId, grantee: &Grantee, certificate: &Certificate) -> Draft {
    Draft {
        place: control_place(root),
        record: RecordRef::New(Kind::DEVICE),
        edit: device::create(grantee.device, grantee.serial, certificate),
    }
}

/// The action that renews a device's certificate for the same keys.
pub fn renew(root: AreaId, record: RecordId, serial: u32, certificate: &Certificate) -> Draft {
    Draft { place: control_place(root), record: RecordRef::Known(record), edit: device::renew(serial, certificate) }
}

/// The action that revokes a device: its logs close at the lengths that are held here.
pub fn revoke(root: AreaId, record: RecordId, reason: &str, lengths: Vec<(shouwang_protocol::hash::Hash, u64)>) -> Draft {
    Draft { place: control_place(root), record: RecordRef::Known(record), edit: device::revoke(reason.to_owned(), lengths) }
}

/// Why two areas can't be joined in one office.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MergeError {
    /// No office covers the area.
    #[error("no office covers area {0}")]
    NoOffice(AreaId),
    /// The areas are of different tiers.
    #[error("the areas are of different tiers; one office can't be both")]
    Tiers,
    /// They are one office already.
    #[error("one office covers both areas already")]
    Already,
}

/// Joins two areas in one office (区镇合一): the first area's office takes over the second's.
pub fn merge(control: &Control, a: AreaId, b: AreaId) -> Result<[Office; 2], MergeError> {
    let mut keeps = control.office_at(a).ok_or(MergeError::NoOffice(a))?.clone();
    let mut leaves = control.office_at(b).ok_or(MergeError::NoOffice(b))?.clone();
    if keeps.id == leaves.id {
        return Err(MergeError::Already);
    }
    if keeps.tier != leaves.tier {
        return Err(MergeError::Tiers);
    }
    for area in leaves.areas_now().collect::<Vec<_>>() {
        keeps.areas.insert(area, true);
        leaves.areas.insert(area, false);
    }
    keeps.name = format!("{}、{}", keeps.name, leaves.name);
    Ok([keeps, leaves])
}
