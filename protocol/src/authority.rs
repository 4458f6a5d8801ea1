//! Who may hold a log and who may write a record: the one file with the rules of scope and authority.
//!
//! Holding follows the division tree and the floor; writing follows the table [`RULES`]. Everything here is a pure
//! function of [`Control`]. Gaining coverage takes effect when the control entry arrives; losing it closes the
//! office's logs at stated lengths, which admission checks.

use crate::area::{AreaId, Tier};
use crate::control::{Control, Office};
use crate::device::DeviceKey;
use crate::entry::LogId;
use crate::record::{Kind, Lane, Place};

/// Where records of a kind live and who may write them.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The kind.
    pub kind: Kind,
    /// Its lane.
    pub lane: Lane,
    /// Floors it may have.
    pub floors: &'static [Tier],
    /// Tiers of areas it may belong to.
    pub areas: &'static [Tier],
    /// The lowest tier that writes it.
    pub writer: Tier,
    /// Below this tier, only an office that covers exactly the area writes it.
    pub foreign_writer: Tier,
}

const ANY: &[Tier] = &Tier::ALL;
const VILLAGE: &[Tier] = &[Tier::Village];
const TOWNSHIP: &[Tier] = &[Tier::Township];
const CITY: &[Tier] = &[Tier::City];

/// The table. A kind that is missing waits for an upgrade.
pub const RULES: &[Rule] = &[
    rule(Kind::DIVISIONS, Lane::Control, VILLAGE, CITY, Tier::City),
    rule(Kind::DEVICE, Lane::Control, VILLAGE, CITY, Tier::City),
    rule(Kind::POLICY, Lane::Control, VILLAGE, CITY, Tier::City),
    Rule { foreign_writer: Tier::City, ..rule(Kind::STAFF, Lane::Control, VILLAGE, ANY, Tier::Village) },
    rule(Kind::ATTESTATION, Lane::Control, VILLAGE, ANY, Tier::Township),
    rule(Kind::HOUSEHOLD, Lane::Registry, VILLAGE, VILLAGE, Tier::Village),
    Rule { foreign_writer: Tier::City, ..rule(Kind::SIGN_OFF, Lane::Registry, VILLAGE, VILLAGE, Tier::Village) },
    rule(Kind::PROJECT, Lane::Registry, VILLAGE, CITY, Tier::City),
    rule(Kind::ALLOTMENT, Lane::Casework, TOWNSHIP, TOWNSHIP, Tier::City),
    rule(Kind::ALLOTMENT_USE, Lane::Casework, TOWNSHIP, TOWNSHIP, Tier::Township),
    rule(Kind::CASE_VILLAGE, Lane::Casework, VILLAGE, VILLAGE, Tier::Village),
    rule(Kind::CASE_TOWNSHIP, Lane::Casework, ANY, ANY, Tier::Township),
    // Raw answers about a family's means belong to the village's area and never go down to it.
    rule(Kind::VERIFICATION, Lane::Casework, TOWNSHIP, VILLAGE, Tier::Township),
    rule(Kind::CASE_CITY, Lane::Casework, ANY, ANY, Tier::City),
];

const fn rule(kind: Kind, lane: Lane, floors: &'static [Tier], areas: &'static [Tier], writer: Tier) -> Rule {
    Rule { kind, lane, floors, areas, writer, foreign_writer: Tier::Village }
}

/// Why something may not be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Denied {
    /// The kind is of a newer version.
    #[error("this version does not know the kind of record; it waits for an upgrade")]
    UnknownKind,
    /// The area is not in the division tree (yet).
    #[error("the area is not in the division tree")]
    UnknownArea,
    /// The device has no certificate here (yet).
    #[error("the device has no certificate")]
    UnknownDevice,
    /// The record does not belong in this lane, floor or tier of area.
    #[error("a record of this kind does not belong here")]
    WrongPlace,
    /// The office's tier is too low.
    #[error("the office's tier may not write this kind of record")]
    TierTooLow,
    /// The office does not cover the area.
    #[error("the office does not cover the area")]
    NotCovered,
}

impl Denied {
    /// Whether a later control entry or an upgrade may change the answer.
    pub fn may_change(self) -> bool {
        matches!(self, Denied::UnknownKind | Denied::UnknownArea | Denied::UnknownDevice | Denied::NotCovered)
    }
}

/// Whether an office may hold logs of a place: its tier is not below the floor, and it covers the area, or something
/// above it, or something below it (then the area's records are commons for it).
pub fn may_hold(control: &Control, office: &Office, place: &Place) -> bool {
    let divisions = &control.divisions;
    let beneath = |area: AreaId| divisions.is_within(area, place.area);
    office.tier >= place.floor && (office.covers(divisions, place.area) || office.areas_now().any(beneath))
}

/// Whether a device gets logs of a place. Every device gets the city's control; a revoked one gets nothing else.
pub fn may_receive(control: &Control, device: &DeviceKey, place: &Place) -> bool {
    if crate::frontier::is_root_control(place, control.root_area()) {
        return true;
    }
    !control.is_revoked(device) && control.office_of(device).is_some_and(|office| may_hold(control, &office, place))
}

/// Whether a log is one that its device may write: its office covers the area, or did until the log was closed at a
/// stated length. An office that lost an area without a length stated for a log has nothing there.
pub fn may_log(control: &Control, log: &LogId) -> Result<(), Denied> {
    let place = &log.place;
    let office = control.office_of(&log.device).ok_or(Denied::UnknownDevice)?;
    // Before the tree is known, only the city's control can be told: it brings the tree.
    if control.divisions.is_empty() {
        return if office.tier == Tier::City && office.areas.contains_key(&place.area) {
            Ok(())
        } else {
            Err(Denied::UnknownArea)
        };
    }
    control.divisions.get(place.area).ok_or(Denied::UnknownArea)?;
    if office.tier < place.floor {
        return Err(Denied::TierTooLow);
    }
    let stated = || control.stated_length(&log.device, &log.name()).is_some();
    if office.covers(&control.divisions, place.area) || stated() { Ok(()) } else { Err(Denied::NotCovered) }
}

/// Whether a device may write a record of this kind in this log.
pub fn may_write(control: &Control, log: &LogId, kind: Kind) -> Result<(), Denied> {
    let rule = RULES.iter().find(|rule| rule.kind == kind).ok_or(Denied::UnknownKind)?;
    may_log(control, log)?;
    let place = &log.place;
    let office = control.office_of(&log.device).ok_or(Denied::UnknownDevice)?;
    // While the tree is being built there is no area to ask: the first records of a city are its own.
    let area_tier = control.divisions.get(place.area).map_or(Tier::City, |area| area.tier);
    let fits = rule.lane == place.lane && rule.floors.contains(&place.floor) && rule.areas.contains(&area_tier);
    // A case without a village yet lives where its offices are; a village's record may be seen there.
    let routed = kind.volume_tier().is_none()
        || (place.floor <= area_tier && (area_tier == Tier::Village) == (place.floor == Tier::Village));
    if !fits || !routed {
        return Err(Denied::WrongPlace);
    }
    if office.tier < rule.writer {
        return Err(Denied::TierTooLow);
    }
    // An area once covered is still named; whether the log is good was asked above.
    if office.tier < rule.foreign_writer && !office.areas.contains_key(&place.area) {
        return Err(Denied::NotCovered);
    }
    Ok(())
}
