//! The law of the city, written a second time: sections 3 and 4 of the design, from the page and not from the code.
//!
//! Only the facts (who is who, where areas lie, what is closed) come from [`Control`]; every conclusion is drawn here.
//! Slow and plain on purpose.

use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::control::Control;
use shouwang_protocol::device::{DeviceKey, OfficeId};
use shouwang_protocol::entry::{EntryRef, LogId};
use shouwang_protocol::record::{Kind, Lane, Place, RecordId, RecordRef};

struct Facts {
    tier: Tier,
    now: Vec<AreaId>,
    ever: Vec<AreaId>,
}

fn facts(control: &Control, device: &DeviceKey) -> Option<Facts> {
    let certificate = control.certificate(device)?;
    let label: OfficeId = certificate.office;
    Some(match control.offices.get(&label) {
        Some(office) => Facts {
            tier: office.tier,
            now: office.areas.iter().filter(|(_, now)| **now).map(|(area, _)| *area).collect(),
            ever: office.areas.keys().copied().collect(),
        },
        None => Facts { tier: certificate.tier, now: certificate.areas.clone(), ever: certificate.areas.clone() },
    })
}

/// The area and everything above it, as the tree is now.
fn line(control: &Control, area: AreaId) -> Vec<AreaId> {
    let mut out = vec![area];
    let mut at = area;
    while let Some(parent) = control.divisions.get(at).and_then(|area| area.parent) {
        if out.contains(&parent) {
            break;
        }
        out.push(parent);
        at = parent;
    }
    out
}

fn is_city_control(control: &Control, place: &Place) -> bool {
    let top = control.divisions.iter().find(|area| area.parent.is_none()).map(|area| area.id);
    place.lane == Lane::Control && (control.divisions.is_empty() || top == Some(place.area))
}

/// Whether a device may be given logs of a place.
pub fn may_hold(control: &Control, device: &DeviceKey, place: &Place) -> bool {
    if is_city_control(control, place) {
        return true;
    }
    if control.is_revoked(device) {
        return false;
    }
    let Some(facts) = facts(control, device) else { return false };
    let above_or_same = line(control, place.area);
    let covers = facts.now.iter().any(|area| above_or_same.contains(area));
    let beneath = facts.now.iter().any(|area| line(control, *area).contains(&place.area));
    facts.tier >= place.floor && (covers || beneath)
}

/// Whether a device may have written this log, now or in the past.
pub fn may_write_log(control: &Control, log: &LogId) -> bool {
    let Some(facts) = facts(control, &log.device) else { return false };
    if is_city_control(control, &log.place) && control.divisions.is_empty() {
        return facts.tier == Tier::City;
    }
    facts.tier >= log.place.floor && (covers(control, &facts, log.place.area) || stated(control, log).is_some())
}

fn covers(control: &Control, facts: &Facts, area: AreaId) -> bool {
    let line = line(control, area);
    facts.now.iter().any(|area| line.contains(area))
}

/// The length up to which the city says that this log is good, whoever covers the area now.
fn stated(control: &Control, log: &LogId) -> Option<u64> {
    control.devices.get(&log.device)?.closings.get(&log.name()).copied()
}

/// Whether a device may change such a record in this log.
pub fn may_change(control: &Control, log: &LogId, record: &RecordRef, known: impl Fn(&RecordId) -> Option<Kind>) -> bool {
    let kind = match record {
        RecordRef::New(kind) => Some(*kind),
        RecordRef::Volume(_, tier) => Some(Kind::volume(*tier)),
        RecordRef::Known(id) => known(id),
    };
    let Some(kind) = kind else { return false };
    let Some(facts) = facts(control, &log.device) else { return false };
    let Place { area, lane, floor } = log.place;
    let area_tier = control.divisions.get(area).map_or(Tier::City, |area| area.tier);
    let fits = match kind {
        Kind::DIVISIONS | Kind::DEVICE | Kind::POLICY => {
            lane == Lane::Control && floor == Tier::Village && area_tier == Tier::City && facts.tier == Tier::City
        }
        Kind::STAFF => {
            let own = facts.tier == Tier::City || facts.ever.contains(&area);
            lane == Lane::Control && floor == Tier::Village && own
        }
        Kind::ATTESTATION => lane == Lane::Control && floor == Tier::Village && facts.tier >= Tier::Township,
        Kind::HOUSEHOLD => lane == Lane::Registry && floor == Tier::Village && area_tier == Tier::Village,
        Kind::VERIFICATION => {
            let above = facts.tier >= Tier::Township;
            lane == Lane::Casework && floor == Tier::Township && area_tier == Tier::Village && above
        }
        Kind::CASE_VILLAGE => lane == Lane::Casework && floor == Tier::Village && area_tier == Tier::Village,
        Kind::CASE_TOWNSHIP => lane == Lane::Casework && facts.tier >= Tier::Township,
        Kind::CASE_CITY => lane == Lane::Casework && facts.tier >= Tier::City,
        _ => false,
    };
    fits && may_write_log(control, log)
}

/// Whether control cut this entry off: its log was closed before it, or its office lost the area, or it forked before it and another branch counts.
pub fn is_cut(control: &Control, log: &LogId, sequence: u64) -> bool {
    let lost = facts(control, &log.device).is_some_and(|facts| !covers(control, &facts, log.place.area))
        && !is_city_control(control, &log.place);
    let closed = match stated(control, log) {
        Some(length) => sequence >= length,
        None => lost || control.is_revoked(&log.device),
    };
    let name = log.name();
    let choices = control.devices.get(&log.device).map(|facts| &facts.choices);
    let forked =
        choices.is_some_and(|choices| choices.keys().any(|EntryRef { log, sequence: at }| *log == name && *at <= sequence));
    closed || forked
}
