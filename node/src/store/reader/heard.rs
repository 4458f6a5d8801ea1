//! As of when, and with which villages (截至): what a number computed here can know.
//!
//! For every area below those asked for: how many entries are held, a digest of its logs, and when the village's own
//! machines were last heard from. Of a machine that we talk to, that is when both last held the same; of one that talks
//! to an office between, when something of its logs was last receipted (by us, when it arrived here). The digest of two offices is the same
//! when they hold the same entries of these areas.

use super::Reader;
use serde::Serialize;
use shouwang_protocol::area::{AreaId, Divisions, Earlier, Tier};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::entry::LogId;
use shouwang_protocol::frontier::{Digest, Frontier, LogHead};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::Lane;
use shouwang_protocol::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one village.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Heard {
    /// The area.
    #[serde(serialize_with = "super::registry::display")]
    pub area: AreaId,
    /// Its name.
    pub name: String,
    /// The area it was split from.
    pub split_from: Option<String>,
    /// The day from which it exists; empty for one that was listed when the city was founded.
    pub since: String,
    /// What it was before, oldest first.
    pub earlier: Vec<Earlier>,
    /// Entries held of it.
    pub entries: u64,
    /// Those that its own machines wrote.
    pub own_entries: u64,
    /// The digest of its logs, 32 hexadecimal digits.
    pub digest: String,
    /// When its machines were last heard from (milliseconds since 1970); none: never.
    pub at_ms: Option<i64>,
    /// Whether this machine is one of them.
    pub here: bool,
}

/// What a number can know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AsOf {
    /// The digest of all logs of these areas that are held, without control.
    pub digest: String,
    /// Entries in them.
    pub entries: u64,
    /// The villages, by label.
    pub villages: Vec<Heard>,
}

impl AsOf {
    /// Villages whose machines have been heard from.
    pub fn heard(&self) -> usize {
        self.villages.iter().filter(|village| village.here || village.at_ms.is_some()).count()
    }
}

impl Reader {
    /// What is held of these areas and below; empty: of everything.
    pub fn as_of(&self, within: &[AreaId], divisions: &Divisions, me: &DeviceKey) -> Result<AsOf, StoreError> {
        let inside = |area: AreaId| within.is_empty() || within.iter().any(|above| divisions.is_within(area, *above));
        let heads: Vec<(LogId, LogHead)> = self.db.heads()?;
        let heads: Vec<(LogId, LogHead)> =
            heads.into_iter().filter(|(log, _)| log.place.lane != Lane::Control && inside(log.place.area)).collect();
        let machines = self.machines()?;
        let heard = self.last_heard(&heads)?;
        let frontier = Frontier::new(heads.iter().copied());
        let mut digests: BTreeMap<AreaId, (Digest, u64, u64)> = BTreeMap::new();
        for (place, digest) in frontier.places() {
            let slot = digests.entry(place.area).or_default();
            slot.0 = slot.0.plus(digest);
        }
        let none = BTreeSet::new();
        for (log, head) in &heads {
            let slot = digests.entry(log.place.area).or_default();
            slot.1 += head.length;
            let own = machines.get(&log.place.area).unwrap_or(&none).contains(&log.device);
            slot.2 += if own { head.length } else { 0 };
        }
        let villages = self.areas()?.into_iter().filter(|area| area.tier == Tier::Village && inside(area.id)).map(|area| {
            let (digest, entries, own_entries) = digests.get(&area.id).copied().unwrap_or_default();
            let own = machines.get(&area.id).unwrap_or(&none);
            Heard {
                area: area.id,
                name: area.name,
                split_from: area.past.split_from.and_then(|from| Some(divisions.get(from)?.name.clone())),
                since: area.past.since,
                earlier: area.past.earlier,
                entries,
                own_entries,
                digest: digest.hex(),
                at_ms: own.iter().filter_map(|device| heard.get(device)).max().copied(),
                here: own.contains(me),
            }
        });
        let villages = villages.collect();
        let digest = digests.values().fold(Digest::default(), |sum, (digest, ..)| sum.plus(*digest));
        Ok(AsOf { digest: digest.hex(), entries: digests.values().map(|(_, entries, _)| entries).sum(), villages })
    }

    /// The machines of the village offices, by the areas they cover now.
    fn machines(&self) -> Result<BTreeMap<AreaId, BTreeSet<DeviceKey>>, StoreError> {
        let devices = self.devices()?;
        let mut machines: BTreeMap<AreaId, BTreeSet<DeviceKey>> = BTreeMap::new();
        for office in self.offices()?.iter().filter(|office| office.tier == Tier::Village) {
            let keys = devices.iter().filter(|device| device.office == office.id).map(|device| device.key);
            let keys: BTreeSet<DeviceKey> = keys.collect();
            for area in office.areas_now() {
                machines.entry(area).or_default().extend(&keys);
            }
        }
        Ok(machines)
    }

    /// When each machine was last heard from: both held the same, or somebody receipted its logs.
    fn last_heard(&self, heads: &[(LogId, LogHead)]) -> Result<BTreeMap<DeviceKey, i64>, StoreError> {
        let mut heard: BTreeMap<DeviceKey, i64> = BTreeMap::new();
        for peer in self.peers()?.into_iter().filter(|peer| peer.agreed_ms > 0) {
            heard.insert(peer.device, peer.agreed_ms);
        }
        let writers: BTreeMap<Hash, DeviceKey> = heads.iter().map(|(log, _)| (log.name(), log.device)).collect();
        for (_, receipt) in self.receipts()? {
            for (log, length) in &receipt.body.lengths {
                if let Some(device) = writers.get(log).filter(|_| *length > 0) {
                    let at = heard.entry(*device).or_insert(receipt.body.at_ms);
                    *at = (*at).max(receipt.body.at_ms);
                }
            }
        }
        Ok(heard)
    }
}
