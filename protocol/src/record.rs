//! Records (档案): what kinds there are, how they are named, and where each lives.

use crate::area::{AreaId, Tier};
use crate::hash::Hash;
use serde::{Deserialize, Serialize};

/// The lane (通道) a log is sent in: control before casework before registry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Lane {
    /// Divisions, offices, certificates, staff, policy packs.
    Control,
    /// Cases, pleas, warnings.
    Casework,
    /// Households, projects, sign-offs.
    Registry,
}

impl Lane {
    /// All lanes in sending order.
    pub const ALL: [Lane; 3] = [Lane::Control, Lane::Casework, Lane::Registry];

    /// A stable number for storage and hashing.
    pub fn number(self) -> u8 {
        match self {
            Lane::Control => 0,
            Lane::Casework => 1,
            Lane::Registry => 2,
        }
    }

    /// The inverse of [`Lane::number`].
    pub fn from_number(number: u8) -> Option<Lane> {
        Lane::ALL.get(usize::from(number)).copied()
    }
}

/// The kind of a record. A number, so that a kind made by a newer version is stored and passed on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kind(pub u16);

impl Kind {
    /// Areas, offices and what they cover (one record for the city).
    pub const DIVISIONS: Kind = Kind(1);
    /// A device: its certificates, closings, revocation.
    pub const DEVICE: Kind = Kind(2);
    /// A policy pack (政策包) or the calendar.
    pub const POLICY: Kind = Kind(3);
    /// A member of staff (工作人员).
    pub const STAFF: Kind = Kind(4);
    /// Lengths of a closed log attested by a covering office.
    pub const ATTESTATION: Kind = Kind(5);
    /// A household (家庭).
    pub const HOUSEHOLD: Kind = Kind(16);
    /// A village's sign-off of a month (月度更新签认).
    pub const SIGN_OFF: Kind = Kind(18);
    /// A care project (关爱援助项目).
    pub const PROJECT: Kind = Kind(17);
    /// What the sources answered about a family's means (核对结果); no village holds it.
    pub const VERIFICATION: Kind = Kind(40);
    /// An emergency allotment (急难备用金) that the city granted to one device of a township.
    pub const ALLOTMENT: Kind = Kind(24);
    /// One use of an emergency allotment, in the log of the device it was granted to.
    pub const ALLOTMENT_USE: Kind = Kind(25);
    /// The village volume (村卷) of a case.
    pub const CASE_VILLAGE: Kind = Kind(32);
    /// The township volume (镇卷) of a case.
    pub const CASE_TOWNSHIP: Kind = Kind(33);
    /// The city volume (市卷) of a case.
    pub const CASE_CITY: Kind = Kind(34);

    /// The volume written by `tier`.
    pub fn volume(tier: Tier) -> Kind {
        match tier {
            Tier::Village => Kind::CASE_VILLAGE,
            Tier::Township => Kind::CASE_TOWNSHIP,
            Tier::City => Kind::CASE_CITY,
        }
    }

    /// Whose volume this is, when it is one.
    pub fn volume_tier(self) -> Option<Tier> {
        match self {
            Kind::CASE_VILLAGE => Some(Tier::Village),
            Kind::CASE_TOWNSHIP => Some(Tier::Township),
            Kind::CASE_CITY => Some(Tier::City),
            _ => None,
        }
    }

    /// A name for logs and errors.
    pub fn word(self) -> &'static str {
        match self {
            Kind::DIVISIONS => "divisions",
            Kind::DEVICE => "device",
            Kind::POLICY => "policy",
            Kind::STAFF => "staff",
            Kind::ATTESTATION => "attestation",
            Kind::HOUSEHOLD => "household",
            Kind::SIGN_OFF => "sign-off",
            Kind::PROJECT => "project",
            Kind::VERIFICATION => "verification",
            Kind::ALLOTMENT => "allotment",
            Kind::ALLOTMENT_USE => "allotment-use",
            Kind::CASE_VILLAGE => "case-village",
            Kind::CASE_TOWNSHIP => "case-township",
            Kind::CASE_CITY => "case-city",
            _ => "unknown",
        }
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.word(), self.0)
    }
}

/// Where a record lives: all its changes lie in logs of this place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The area it belongs to.
    pub area: AreaId,
    /// The lane its logs are sent in.
    pub lane: Lane,
    /// The lowest tier that may hold it.
    pub floor: Tier,
}

/// The name of a record: a hash of what created it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub Hash);

impl std::fmt::Debug for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl RecordId {
    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<RecordId> {
        let bytes: [u8; 32] = crate::hash::unhex(text)?.try_into().ok()?;
        Some(RecordId(Hash(bytes)))
    }

    /// The record created as number `index` of entry `sequence` of the log named `log`.
    pub fn created(kind: Kind, log: &Hash, sequence: u64, index: u8) -> RecordId {
        RecordId(Hash::of("shouwang record 1", &[&kind.0.to_le_bytes(), &log.0, &sequence.to_le_bytes(), &[index]]))
    }

    /// The volume of `case` written by `tier` at `place`: the same on every device that begins it.
    pub fn volume(place: &Place, case: &CaseId, tier: Tier) -> RecordId {
        let parts: [&[u8]; 4] = [&place.area.raw().to_le_bytes(), &[place.floor.number()], &case.0, &[tier.number()]];
        RecordId(Hash::of("shouwang volume 1", &parts))
    }
}

/// The name of a case (事项): the id of the action that began it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CaseId(pub [u8; 16]);

impl CaseId {
    /// From 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<CaseId> {
        Some(CaseId(crate::hash::unhex(text)?.try_into().ok()?))
    }
}

impl std::fmt::Display for CaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", crate::hash::hex(&self.0))
    }
}

impl std::fmt::Debug for CaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The id a person's action carries, so that doing it again is safe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionId(pub [u8; 16]);

impl std::fmt::Debug for ActionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", crate::hash::hex(&self.0))
    }
}

/// How a payload names the record it changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordRef {
    /// A record that this very entry creates.
    New(Kind),
    /// A record that exists.
    Known(RecordId),
    /// A volume, whose first change every replica derives.
    Volume(CaseId, Tier),
}

/// Where an event stands in the order that is the same everywhere: causal, then tier, then device. Never wall time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// Lamport number of the entry.
    pub lamport: u64,
    /// Tier of the writing office.
    pub tier: Tier,
    /// Key of the writing device.
    pub device: crate::device::DeviceKey,
    /// Sequence in the device's log.
    pub sequence: u64,
    /// Position within the entry (operation counter).
    pub index: u64,
}
