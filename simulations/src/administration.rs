//! What the city's administrator does: certificates, revocations, areas that change hands, forks to be decided.
//!
//! All of it are entries of the city's control. An office that loses an area has its logs there closed at the lengths
//! that the city holds, and the closing is written before the loss, so that no replica sees the one without the other.

use crate::city::EXPIRES;
use crate::faults::Strike;
use crate::people::{Change, Deed};
use crate::world::{Event, World};
use shouwang_protocol::area::{Area, AreaId, Tier};
use shouwang_protocol::control::Office;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{RecordId, RecordRef};
use shouwang_protocol::store::Store;
use shouwang_provisioning::city::control_place;

impl World {
    fn city_deed(&mut self, record: RecordId, change: Change) -> Deed {
        let place = control_place(self.city.root());
        self.deed("console", Vec::new(), vec![(place, RecordRef::Known(record), change)])
    }

    pub(crate) fn device_record(&self, device: &DeviceKey) -> Option<RecordId> {
        self.truth()?.devices.get(device)?.record
    }

    /// The lengths the city holds of a device's logs.
    pub(crate) fn lengths(&self, device: &DeviceKey) -> Vec<(Hash, u64)> {
        let Some(replica) = self.replica(0) else { return Vec::new() };
        let control = replica.control();
        let logs = replica.frontier().logs().filter(|(log, _)| log.device == *device);
        // What is closed stays closed where it is.
        logs.map(|(log, head)| (log.name(), control.closed_at(device, &log.name()).unwrap_or(head.length))).collect()
    }

    /// The city revokes a machine; what it wrote counts as far as the city holds it.
    pub(crate) fn revoke(&mut self, node: usize) {
        let device = self.nodes[node].device;
        let lengths = self.lengths(&device);
        if self.revoke_device(device, lengths) {
            self.trace.sometimes("machine revoked");
        } else if self.healed_at.is_none() {
            self.after(600_000, Event::Strike(Strike::Revoke(node)));
        }
    }

    fn revoke_device(&mut self, device: DeviceKey, lengths: Vec<(Hash, u64)>) -> bool {
        let Some(record) = self.device_record(&device) else { return false };
        let deed = self.city_deed(record, Change::Revocation(lengths));
        self.do_deed(0, deed).is_some()
    }

    /// The machine in bad hands is found out.
    pub(crate) fn hostile_ends(&mut self) {
        let device = self.city.device(self.city.hostile());
        if self.dice.chance(700) && self.replica(0).is_some() {
            let lengths = self.lengths(&device);
            self.revoke_device(device, lengths);
        }
    }

    /// A certificate that has already run out takes the place of a good one, as if a year had passed.
    pub(crate) fn expire(&mut self) {
        if let Some(node) = self.some_node(|world, node| node != 0 && world.device_record(&world.nodes[node].device).is_some()) {
            self.renew(node, 20_000);
        }
    }

    fn renew(&mut self, node: usize, expires: u32) {
        let device = self.nodes[node].device;
        let Some(record) = self.device_record(&device) else { return };
        let serial = self.truth().and_then(|control| control.certificate(&device)).map_or(1, |body| body.serial) + 1;
        let certificate = self.city.certificate(self.nodes[node].machine, serial, expires);
        let deed = self.city_deed(record, Change::Renewal(serial, certificate));
        if self.do_deed(0, deed).is_some() {
            self.trace.sometimes(if expires == EXPIRES { "certificate renewed" } else { "certificate ran out" });
        }
    }

    /// A village comes under another township: its parent changes, and the old township's logs there are closed.
    pub(crate) fn new_township(&mut self) {
        let Some(node) = self.some_node(World::is_single_village) else { return };
        let Some(control) = self.truth() else { return };
        let village = self.city.areas[self.city.machines[self.nodes[node].machine].office].id;
        let Some(mut area) = control.divisions.get(village).cloned() else { return };
        let townships: Vec<AreaId> = control
            .divisions
            .iter()
            .filter(|other| other.tier == Tier::Township && Some(other.id) != area.parent)
            .map(|other| other.id)
            .collect();
        let Some(record) = control.divisions_record else { return };
        let Some(parent) = self.dice.pick(&townships).copied() else { return };
        area.parent = Some(parent);
        let mut deeds = self.closings(std::slice::from_ref(&area), &[]);
        deeds.push(self.city_deed(record, Change::Areas(vec![area])));
        if self.do_deeds(0, deeds).is_none() {
            return;
        }
        self.trace.sometimes("village came under another township");
        // Somebody pulls the old plug; until then the village learns from the one that it is another's.
        for at in 0..self.nodes.len() {
            if self.city.areas[self.city.machines[self.nodes[at].machine].office].id == village {
                for connection in self.network.of(at) {
                    let wait = self.dice.wait(3_600_000);
                    self.after(wait, Event::Cut(connection));
                }
            }
        }
    }

    /// A node that was sent away is told by telephone whom to dial.
    pub(crate) fn ask_whom_to_dial(&mut self, node: usize) {
        let own = self.city.areas[self.city.machines[self.nodes[node].machine].office].id;
        let parent = self.truth().and_then(|control| control.divisions.get(own)?.parent);
        if let Some(superior) = parent.and_then(|parent| self.node_of_area(parent)) {
            self.nodes[node].superior = Some(superior);
        }
    }

    fn node_of_area(&self, area: AreaId) -> Option<usize> {
        (0..self.nodes.len()).find(|node| self.city.areas[self.city.machines[self.nodes[*node].machine].office].id == area)
    }

    /// Closes what offices would lose by such a change, at the lengths the city holds.
    fn closings(&mut self, areas: &[Area], offices: &[Office]) -> Vec<Deed> {
        let closings = self.replica(0).map(|replica| replica.closings(areas, offices)).unwrap_or_default();
        closings.into_iter().map(|(record, lengths)| self.city_deed(record, Change::Closing(lengths))).collect()
    }

    /// A township's office covers another village besides its own.
    pub(crate) fn gain(&mut self) {
        let Some(control) = self.truth() else { return };
        let Some(record) = control.divisions_record else { return };
        let offices: Vec<&Office> = control.offices.values().filter(|office| office.tier == Tier::Township).collect();
        let villages: Vec<AreaId> =
            control.divisions.iter().filter(|area| area.tier == Tier::Village).map(|area| area.id).collect();
        let mut pairs = Vec::new();
        for office in &offices {
            let far = villages.iter().filter(|village| !office.covers(&control.divisions, **village));
            pairs.extend(far.map(|village| ((*office).clone(), *village)));
        }
        let Some((mut office, village)) = self.dice.pick(&pairs).cloned() else { return };
        office.areas.insert(village, true);
        let deed = self.city_deed(record, Change::Offices(vec![office]));
        if self.do_deed(0, deed).is_some() {
            self.trace.sometimes("office gained an area");
            if self.dice.chance(700) {
                let wait = self.dice.wait(6 * 3_600_000);
                self.after(wait, Event::Strike(Strike::Lose));
            }
        }
    }

    /// An office that had gained a village loses it.
    pub(crate) fn lose(&mut self) {
        let Some(control) = self.truth() else { return };
        let Some(record) = control.divisions_record else { return };
        let more = |office: &&Office| office.tier == Tier::Township && office.areas_now().count() > 1;
        let Some(mut office) = control.offices.values().find(more).cloned() else { return };
        let is_village = |area: &AreaId| control.divisions.get(*area).is_some_and(|area| area.tier == Tier::Village);
        let Some(village) = office.areas_now().find(is_village) else { return };
        office.areas.insert(village, false);
        let mut deeds = self.closings(&[], std::slice::from_ref(&office));
        deeds.push(self.city_deed(record, Change::Offices(vec![office])));
        if self.do_deeds(0, deeds).is_some() {
            self.trace.sometimes("office lost an area");
        }
    }

    /// What machines cannot settle: the city decides forks that anybody has seen, and renews what ran out.
    pub(crate) fn administer(&mut self) {
        if self.healed_at.is_none() {
            return;
        }
        let mut open = Vec::new();
        for node in 0..self.nodes.len() {
            open.extend(self.disk(node).forks().unwrap_or_default());
        }
        for fork in open {
            let Some(control) = self.truth() else { break };
            if control.choice(&fork.log.device, &fork.at).is_some() {
                continue;
            }
            let Some(record) = self.device_record(&fork.log.device) else { continue };
            // The branch that the city has counts; where it has none, the one that somebody above the device has.
            let held = self.disk(0).entry(&fork.log, fork.at.sequence).ok().flatten().map(|entry| entry.hash);
            let deed = self.city_deed(record, Change::Choice(fork.at, held.unwrap_or(fork.ours)));
            if self.do_deed(0, deed).is_some() {
                self.trace.sometimes("fork decided");
            }
        }
        for node in 0..self.nodes.len() {
            let Some(control) = self.truth() else { break };
            let expired = control.certificate(&self.nodes[node].device).is_some_and(|body| body.expires < EXPIRES);
            if expired && !control.is_revoked(&self.nodes[node].device) {
                self.renew(node, EXPIRES);
            }
        }
        self.after(20_000, Event::Administer);
    }
}
