//! Frontiers (前沿): how long a replica's copy of each log is and what its head is; and the digests over them.
//!
//! The digest of a place is the sum, modulo 2^128, of a truncated hash of (log, length, head) over its logs. It is
//! updated in constant time when a head moves, and summed over any set of places. A digest never proves anything:
//! two that differ only cause frontiers to be compared.

use crate::entry::LogId;
use crate::hash::Hash;
use crate::record::{Lane, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of one log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LogHead {
    /// Entries held.
    pub length: u64,
    /// Hash of the last one.
    pub head: Hash,
    /// Its Lamport number.
    pub lamport: u64,
}

/// The sum of truncated log hashes over some set of logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub u128);

impl Digest {
    fn of(log: &LogId, state: &LogHead) -> Digest {
        if state.length == 0 {
            return Digest::default();
        }
        let hash = Hash::of("shouwang digest 1", &[&log.name().0, &state.length.to_le_bytes(), &state.head.0]);
        Digest(hash.truncated())
    }

    /// The sum of two digests.
    pub fn plus(self, other: Digest) -> Digest {
        Digest(self.0.wrapping_add(other.0))
    }

    fn minus(self, other: Digest) -> Digest {
        Digest(self.0.wrapping_sub(other.0))
    }

    /// 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.0)
    }
}

/// The logs of a replica and their digests by place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    logs: BTreeMap<LogId, LogHead>,
    digests: BTreeMap<Place, Digest>,
    names: BTreeMap<Hash, LogId>,
}

impl Frontier {
    /// A frontier of these logs.
    pub fn new(logs: impl IntoIterator<Item = (LogId, LogHead)>) -> Frontier {
        let mut frontier = Frontier::default();
        logs.into_iter().for_each(|(log, state)| frontier.set(log, state));
        frontier
    }

    /// Moves a head.
    pub fn set(&mut self, log: LogId, state: LogHead) {
        let old = self.get(&log);
        let digest = self.digests.entry(log.place).or_default();
        *digest = digest.minus(Digest::of(&log, &old)).plus(Digest::of(&log, &state));
        self.names.insert(log.name(), log);
        self.logs.insert(log, state);
    }

    /// The state of a log; length 0 when it is not held.
    pub fn get(&self, log: &LogId) -> LogHead {
        self.logs.get(log).copied().unwrap_or_default()
    }

    /// The log with this name, when one of it is held.
    pub fn log_named(&self, name: &Hash) -> Option<LogId> {
        self.names.get(name).copied()
    }

    /// All logs, by place.
    pub fn logs(&self) -> impl Iterator<Item = (&LogId, &LogHead)> {
        self.logs.iter()
    }

    /// The logs of one place.
    pub fn logs_at(&self, place: Place) -> impl Iterator<Item = (&LogId, &LogHead)> {
        self.logs.iter().filter(move |(log, _)| log.place == place)
    }

    /// The digest of each place.
    pub fn places(&self) -> impl Iterator<Item = (Place, Digest)> + '_ {
        self.digests.iter().map(|(place, digest)| (*place, *digest))
    }

    /// The digest of one place.
    pub fn digest_at(&self, place: &Place) -> Digest {
        self.digests.get(place).copied().unwrap_or_default()
    }

    /// The sum over the places that `wanted` picks.
    pub fn digest(&self, wanted: impl Fn(&Place) -> bool) -> Digest {
        self.places().filter(|(place, _)| wanted(place)).fold(Digest::default(), |sum, (_, digest)| sum.plus(digest))
    }

    /// Entries held in all.
    pub fn entries(&self) -> u64 {
        self.logs.values().map(|state| state.length).sum()
    }
}

/// Whether this place holds the city's control, which every device gets.
pub fn is_root_control(place: &Place, root: Option<crate::area::AreaId>) -> bool {
    place.lane == Lane::Control && Some(place.area) == root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::{AreaId, Tier};
    use crate::device::{DeviceKey, Incarnation};

    fn log(n: u8) -> LogId {
        let place = Place { area: AreaId::from_raw(u64::from(n % 3)), lane: Lane::Registry, floor: Tier::Village };
        LogId { place, device: DeviceKey([n; 32]), incarnation: Incarnation([1; 16]) }
    }

    #[test]
    fn a_digest_says_the_same_whatever_the_order_of_arrival() {
        let state = |n: u8, length| LogHead { length, head: Hash([n; 32]), lamport: 0 };
        let mut one = Frontier::default();
        let mut two = Frontier::default();
        for n in 0..9 {
            one.set(log(n), state(n, 1));
            one.set(log(n), state(n, 7));
            two.set(log(8 - n), state(8 - n, 7));
        }
        assert_eq!(one.digest(|_| true), two.digest(|_| true));
        two.set(log(4), state(9, 7));
        assert_ne!(one.digest(|_| true), two.digest(|_| true));
        assert_eq!(one.digest_at(&log(2).place), two.digest_at(&log(2).place));
        assert_eq!(Frontier::new([(log(1), LogHead::default())]).digest(|_| true), Digest::default());
    }
}
