//! What the city says about devices: a new certificate, who decides for an office, and that one is lost.

use super::enrol::CERTIFICATE_DAYS;
use super::{Node, NodeError};
use serde_json::{Value, json};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::control::{Control, Office, device, divisions};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{Kind, RecordId, RecordRef};
use shouwang_protocol::records::Edit;
use shouwang_protocol::replica::Draft;
use shouwang_protocol::store::{Store, StoreError};
use shouwang_provisioning::city::{self, Grantee};
use shouwang_provisioning::enrolment::day_after;
use std::collections::BTreeMap;

/// Lengths of logs that fit one entry.
pub(super) const LENGTHS: usize = 48;

/// A device that control knows, and what is needed to write about it.
struct Known {
    key: DeviceKey,
    record: RecordId,
    office: Office,
    root: AreaId,
    divisions: RecordId,
    revoked: bool,
    /// Its logs, with the lengths that are held here.
    lengths: Vec<(Hash, u64)>,
}

impl Known {
    fn about(&self, edit: Edit) -> Draft {
        Draft { place: city::control_place(self.root), record: RecordRef::Known(self.record), edit }
    }
}

/// The one device whose key begins like this.
fn named(control: &Control, wanted: &str) -> Result<DeviceKey, NodeError> {
    let matching: Vec<DeviceKey> = control.devices.keys().copied().filter(|key| key.to_string().starts_with(wanted)).collect();
    match matching.as_slice() {
        [key] => Ok(*key),
        _ => Err(NodeError::Told(format!("{} devices match {wanted}; nothing was changed", matching.len()))),
    }
}

impl Node {
    async fn known(&self, wanted: &str) -> Result<Known, NodeError> {
        let wanted = wanted.to_owned();
        self.writer()
            .with(move |engine| {
                let replica = engine.replica();
                let control = replica.control();
                let key = named(control, &wanted)?;
                let logs = replica.frontier().logs().filter(|(log, _)| log.device == key);
                Ok(Known {
                    key,
                    record: control.devices.get(&key).and_then(|facts| facts.record).ok_or(NodeError::NotJoined)?,
                    office: control.office_of(&key).ok_or(NodeError::NotJoined)?,
                    root: control.root_area().ok_or(NodeError::NotJoined)?,
                    divisions: control.divisions_record.ok_or(NodeError::NotJoined)?,
                    revoked: control.is_revoked(&key),
                    lengths: logs.map(|(log, head)| (log.name(), head.length)).collect(),
                })
            })
            .await?
    }

    /// What a decider decided until now stays decided, whoever decides from here on.
    async fn keep_decisions(&self, former: &Known) -> Result<(), NodeError> {
        for lengths in former.lengths.chunks(LENGTHS) {
            self.act(vec![former.about(device::hand_over(lengths.to_vec()))]).await?;
        }
        Ok(())
    }

    /// Names the device that writes the decisions of its office from now on.
    pub(super) async fn name_decider(&self, wanted: &str) -> Result<Value, NodeError> {
        let chosen = self.known(wanted).await?;
        if chosen.revoked {
            return Err(NodeError::Told("the device was revoked; nothing was changed".into()));
        }
        if chosen.office.tier == Tier::Village {
            return Err(NodeError::Told("a village decides nothing; nothing was changed".into()));
        }
        let before = chosen.office.decider.filter(|before| *before != chosen.key);
        if let Some(before) = before {
            self.keep_decisions(&self.known(&before.to_string()).await?).await?;
        }
        let office = Office { decider: Some(chosen.key), ..chosen.office.clone() };
        let place = city::control_place(chosen.root);
        let edit = divisions::put_offices(vec![office]);
        self.act(vec![Draft { place, record: RecordRef::Known(chosen.divisions), edit }]).await?;
        Ok(json!({
            "office": chosen.office.name,
            "decider": chosen.key.to_string(),
            "before": before.map(|before| before.to_string()),
        }))
    }

    /// Gives a device a new certificate for the same keys; it learns of it with the next sync.
    pub(super) async fn renew(&self, wanted: &str) -> Result<Value, NodeError> {
        let keys = self.kept().city.ok_or_else(|| NodeError::Told("only the city's own device renews certificates".into()))?;
        let known = self.known(wanted).await?;
        if known.revoked {
            return Err(NodeError::Told("the device was revoked: invite it again with new keys; nothing was changed".into()));
        }
        let key = known.key;
        let body = self.writer().with(move |engine| engine.replica().control().certificate(&key).cloned()).await?;
        let body = body.ok_or(NodeError::NotJoined)?;
        let grantee = Grantee {
            device: key,
            recipient: body.recipient,
            office: known.office.id,
            tier: known.office.tier,
            areas: known.office.areas_now().collect(),
            name: known.office.name.clone(),
            serial: body.serial + 1,
            expires: day_after(self.clock().now().wall_ms, CERTIFICATE_DAYS),
        };
        let certificate = keys.issue(&grantee);
        self.act(vec![city::renew(known.root, known.record, grantee.serial, &certificate)]).await?;
        let expires = shouwang_protocol::records::day::Day(i32::try_from(grantee.expires).unwrap_or(i32::MAX));
        Ok(json!({ "renewed": key.to_string(), "serial": grantee.serial, "expires": expires.to_string() }))
    }

    /// Closes a device's logs at the lengths that are held here. What it decided before stays decided.
    pub(super) async fn revoke(&self, wanted: &str, reason: &str) -> Result<Value, NodeError> {
        let known = self.known(wanted).await?;
        if known.office.decider == Some(known.key) {
            self.keep_decisions(&known).await?;
        }
        let held = self.held_by(known.key).await?;
        let called = self.called_last(&known.office).await?;
        // Those that do not fit one entry first: with the last one every other log closes at 0.
        let mut lengths = known.lengths.clone();
        while lengths.len() > LENGTHS {
            let more = lengths.split_off(lengths.len() - LENGTHS);
            self.act(vec![known.about(device::close(more))]).await?;
        }
        self.act(vec![city::revoke(known.root, known.record, reason, lengths)]).await?;
        let mut report = json!({
            "revoked": known.key.to_string(), "logs_closed": known.lengths.len(), "records_it_could_hold": held,
            "offices_near_called_last_ms": called,
        });
        if known.office.decider == Some(known.key) {
            report["next"] = "it wrote the decisions of its office: name another device with `office decider`".into();
        }
        Ok(report)
    }

    /// When the offices that talk to this one and have to do with that office's people agreed last. What they got from its
    /// device and had not brought by then falls with its log.
    pub(super) async fn called_last(&self, office: &Office) -> Result<Value, NodeError> {
        let areas: Vec<AreaId> = office.areas_now().collect();
        let own = self.writer().with(move |engine| -> Result<BTreeMap<String, i64>, StoreError> {
            let (replica, mut called) = (engine.replica(), BTreeMap::new());
            let control = replica.control();
            for device in control.devices.keys().filter(|device| **device != replica.device() && !control.is_revoked(device)) {
                let Some(near) = control.office_of(device) else { continue };
                let shares = |area: &AreaId| {
                    near.covers(&control.divisions, *area)
                        || near.areas_now().any(|near| control.divisions.is_within(near, *area))
                };
                if let Some(peer) = replica.store().peer(device)?.filter(|_| areas.iter().any(shares)) {
                    let last = called.entry(near.name.clone()).or_insert(peer.agreed_ms);
                    *last = peer.agreed_ms.max(*last);
                }
            }
            Ok(called)
        });
        Ok(json!(own.await??))
    }

    /// How many records of each kind a device could hold, as far as is known here: what a lost laptop loses.
    async fn held_by(&self, device: DeviceKey) -> Result<Value, NodeError> {
        let held = self.writer().with(move |engine| -> Result<BTreeMap<&'static str, u64>, StoreError> {
            let replica = engine.replica();
            let mut counts = BTreeMap::new();
            let cases = [Kind::CASE_VILLAGE, Kind::CASE_TOWNSHIP, Kind::CASE_CITY];
            for kind in [Kind::HOUSEHOLD, Kind::SIGN_OFF, Kind::VERIFICATION, Kind::STAFF].into_iter().chain(cases) {
                for id in replica.store().records_of(kind)? {
                    let place = replica.store().record(&id)?.map(|record| record.place);
                    if place.is_some_and(|place| shouwang_protocol::authority::may_receive(replica.control(), &device, &place)) {
                        *counts.entry(kind.word()).or_default() += 1;
                    }
                }
            }
            Ok(counts)
        });
        Ok(json!(held.await??))
    }
}
