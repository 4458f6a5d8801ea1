//! Control: who is who in the city, folded from the records of the control lane.
//!
//! [`Control`] is what scope, authority and admission ask. It is derived from two kinds of records, [`divisions`] and
//! [`device`], and from certificates that were pinned when this device joined. It never asks a clock.

pub mod device;
pub mod divisions;

use crate::area::{AreaId, Divisions, Tier};
use crate::device::{Certificate, CertificateBody, DeviceKey, OfficeId};
use crate::entry::EntryRef;
use crate::hash::Hash;
use crate::record::RecordId;
use std::collections::BTreeMap;

/// An office (机构) as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Office {
    /// Its label.
    pub id: OfficeId,
    /// Its name today.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// Areas it covers (`true`) or once covered (`false`).
    pub areas: BTreeMap<AreaId, bool>,
    /// The one device that may write its decisions.
    pub decider: Option<DeviceKey>,
}

impl Office {
    /// Whether it covers `area` now: the area itself or one above it.
    pub fn covers(&self, divisions: &Divisions, area: AreaId) -> bool {
        divisions.path_up(area).any(|step| self.areas.get(&step) == Some(&true))
    }

    /// The areas it covers now, by label.
    pub fn areas_now(&self) -> impl Iterator<Item = AreaId> + '_ {
        self.areas.iter().filter(|(_, now)| **now).map(|(area, _)| *area)
    }
}

/// What control says about one device.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeviceFacts {
    /// The record that says it.
    pub record: Option<RecordId>,
    /// Its newest certificate that verified.
    pub certificate: Option<CertificateBody>,
    /// Whether it was revoked (lost, stolen, replaced).
    pub revoked: bool,
    /// Logs closed at a length, by log name.
    pub closings: BTreeMap<Hash, u64>,
    /// Logs up to the lengths at which another device became its office's decider: its decisions in them count.
    pub decided: BTreeMap<Hash, u64>,
    /// Where a log forked: the entry that counts.
    pub choices: BTreeMap<EntryRef, Hash>,
}

/// Who is who, and what is closed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Control {
    /// The city: its root key.
    pub root: DeviceKey,
    /// The division tree.
    pub divisions: Divisions,
    /// Offices by label.
    pub offices: BTreeMap<OfficeId, Office>,
    /// Devices by key.
    pub devices: BTreeMap<DeviceKey, DeviceFacts>,
    /// Certificates this device was given when it joined, and those a peer showed.
    pub pinned: BTreeMap<DeviceKey, CertificateBody>,
    /// The record of the division tree and the offices.
    pub divisions_record: Option<RecordId>,
}

impl Control {
    /// Nothing but the root key.
    pub fn new(root: DeviceKey) -> Control {
        Control { root, ..Control::default() }
    }

    /// Adds a certificate that somebody showed; nothing when it does not hold.
    pub fn pin(&mut self, certificate: &Certificate) -> Option<CertificateBody> {
        let body = certificate.verify(&self.root).ok()?;
        let known = self.pinned.get(&body.device).map(|old| old.serial);
        if known.is_none_or(|serial| serial < body.serial) {
            self.pinned.insert(body.device, body.clone());
        }
        Some(body)
    }

    /// The newest certificate of a device.
    pub fn certificate(&self, device: &DeviceKey) -> Option<&CertificateBody> {
        let recorded = self.devices.get(device).and_then(|facts| facts.certificate.as_ref());
        let pinned = self.pinned.get(device);
        recorded.into_iter().chain(pinned).max_by_key(|body| body.serial)
    }

    /// The office of a device: as control describes it, else as its certificate does.
    pub fn office_of(&self, device: &DeviceKey) -> Option<Office> {
        let body = self.certificate(device)?;
        Some(self.offices.get(&body.office).cloned().unwrap_or_else(|| Office {
            id: body.office,
            name: body.name.clone(),
            tier: body.tier,
            areas: body.areas.iter().map(|area| (*area, true)).collect(),
            decider: None,
        }))
    }

    /// Whether the device was revoked.
    pub fn is_revoked(&self, device: &DeviceKey) -> bool {
        self.devices.get(device).is_some_and(|facts| facts.revoked)
    }

    /// The length at which a device's log is closed, if it is: as stated, else at 0 when the device was revoked.
    pub fn closed_at(&self, device: &DeviceKey, log: &Hash) -> Option<u64> {
        self.stated_length(device, log).or_else(|| self.is_revoked(device).then_some(0))
    }

    /// The length that a closing states for a device's log. What was written up to there is good for ever.
    pub fn stated_length(&self, device: &DeviceKey, log: &Hash) -> Option<u64> {
        self.devices.get(device)?.closings.get(log).copied()
    }

    /// Whether an entry lies beyond the length that a closing states for its log, so that it counts nowhere and nobody
    /// need wait for it.
    pub fn is_cut_away(&self, at: &EntryRef) -> bool {
        self.devices.values().filter_map(|facts| facts.closings.get(&at.log)).any(|length| at.sequence >= *length)
    }

    /// Whether an entry of a device may carry a decision of an office: the device is its decider, or was when it wrote.
    pub fn may_decide(&self, office: &Office, device: &DeviceKey, entry: &EntryRef) -> bool {
        let until = || self.devices.get(device)?.decided.get(&entry.log).copied();
        office.decider == Some(*device) || until().is_some_and(|length| entry.sequence < length)
    }

    /// The entry that counts at a place where a log forked.
    pub fn choice(&self, device: &DeviceKey, at: &EntryRef) -> Option<Hash> {
        self.devices.get(device)?.choices.get(at).copied()
    }

    /// The top of the division tree; before the tree has come, the area of the city's certificate, without which a
    /// joiner could not take the control that brings the tree.
    pub fn root_area(&self) -> Option<AreaId> {
        let city = || self.pinned.values().find(|body| body.tier == Tier::City);
        self.divisions.root().map(|area| area.id).or_else(|| city()?.areas.first().copied())
    }

    /// The office that covers exactly this area, when there is one.
    pub fn office_at(&self, area: AreaId) -> Option<&Office> {
        self.offices.values().find(|office| office.areas.get(&area) == Some(&true))
    }
}
