//! What is left of an emergency allotment (急难备用金): which uses count, and which have no effect.
//!
//! [`ledger`] is a pure function of an allotment and the uses that a replica holds, so that every township and city
//! office with the same logs comes to the same balance. An allotment is granted to one device and its uses lie in that
//! device's logs; a log is one sequence, so two uses at one moment cannot overspend. Uses are taken in the order of
//! their stamps, which within a log is the order of the log. A use that would go beyond the amount has no effect, and
//! a smaller one after it may. A use says how many came before it: while fewer are here (the device began a new life,
//! and its earlier log has not come back yet) it waits.
//!
//! That a new life of a device does not spend before its earlier logs came back is the Desk's check: only the device
//! knows that its life is new. What was given before an office knew that the allotment was closed counts.

use crate::device::DeviceKey;
use crate::record::{RecordId, Stamp};
use crate::records::allotment::{Allotment, Use};
use crate::records::amount::Fen;
use std::collections::BTreeSet;

/// A use with the place it has in the logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Used {
    /// Its record.
    pub record: RecordId,
    /// Where it stands, and which device wrote it.
    pub stamp: Stamp,
    /// What it says.
    pub what: Use,
}

/// Whether a use counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub enum Count {
    /// It counts.
    Counts,
    /// Uses that came before it have not arrived.
    Waits,
    /// It would go beyond the amount.
    Beyond,
    /// Another device wrote it.
    OtherDevice,
    /// It is of a day on which the allotment was not to be used.
    OutOfTime,
    /// It says no amount, or was counted before under the same name.
    Nothing,
}

impl Count {
    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            Count::Counts => "已使用",
            Count::Waits => "等待此前的使用记录",
            Count::Beyond => "超出备用金额度",
            Count::OtherDevice => "不是备用金授权的设备",
            Count::OutOfTime => "不在备用金使用期内",
            Count::Nothing => "金额无效或重复登记",
        }
    }
}

/// What an allotment comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    /// Its uses, in order, each with what it comes to.
    pub lines: Vec<(Used, Count)>,
    /// All that was granted.
    pub granted: Fen,
    /// What was used.
    pub used: Fen,
}

impl Ledger {
    /// What is left.
    pub fn left(&self) -> Fen {
        Fen(self.granted.0.saturating_sub(self.used.0).max(0))
    }

    /// The uses that were written and have no effect.
    pub fn without_effect(&self) -> impl Iterator<Item = &(Used, Count)> {
        self.lines.iter().filter(|(_, count)| !matches!(count, Count::Counts | Count::Waits))
    }

    /// The number of the next use by the allotment's device.
    pub fn next_number(&self, device: DeviceKey) -> u64 {
        let own = self.lines.iter().filter(|(used, _)| used.stamp.device == device).count();
        u64::try_from(own).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// What the allotment `record` comes to, given all the uses that are here (of others too).
pub fn ledger(record: &RecordId, allotment: &Allotment, uses: &[Used]) -> Ledger {
    let mut own: Vec<&Used> = uses.iter().filter(|used| used.what.allotment == *record).collect();
    own.sort_by_key(|used| (used.stamp, used.record));
    own.dedup_by_key(|used| used.record);
    let granted = allotment.amount();
    let (mut spent, mut before, mut names) = (Fen(0), 0_u64, BTreeSet::new());
    let mut lines = Vec::with_capacity(own.len());
    for used in own {
        let Use { amount, day, number, use_id, .. } = &used.what;
        let after = Fen(spent.0.saturating_add(amount.0));
        let count = if used.stamp.device != allotment.device {
            Count::OtherDevice
        } else if *amount <= Fen(0) || names.contains(use_id) {
            Count::Nothing
        } else if *number > before + 1 {
            Count::Waits
        } else if *day < allotment.from || *day > allotment.until {
            Count::OutOfTime
        } else if after > granted {
            Count::Beyond
        } else {
            Count::Counts
        };
        if used.stamp.device == allotment.device {
            before += 1;
        }
        if count == Count::Counts {
            (spent, _) = (after, names.insert(use_id.clone()));
        }
        lines.push((used.clone(), count));
    }
    Ledger { lines, granted, used: spent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::Tier;
    use crate::hash::Hash;
    use crate::record::CaseId;
    use crate::records::allotment::Raise;
    use crate::records::day::Day;
    use proptest::prelude::*;

    const OURS: DeviceKey = DeviceKey([1; 32]);
    const GRANT: RecordId = RecordId(Hash([9; 32]));

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn allotment(amount: i64) -> Allotment {
        let raise = Raise { amount: Fen(amount), note: String::new(), day: None, name: String::new() };
        Allotment {
            device: OURS,
            fund: "市级".into(),
            from: day("2026-01-01"),
            until: day("2026-12-31"),
            raises: vec![raise],
            closed: String::new(),
            problems: Vec::new(),
        }
    }

    fn used(device: u8, at: u64, number: u64, amount: i64) -> Used {
        let mut name = [device; 32];
        name[..8].copy_from_slice(&at.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&name[..16]);
        let stamp = Stamp { lamport: at, tier: Tier::Township, device: DeviceKey([device; 32]), sequence: at, index: 1 };
        let what = Use {
            allotment: GRANT,
            number,
            use_id: CaseId(id).to_string(),
            case: CaseId([7; 16]),
            amount: Fen(amount),
            day: day("2026-06-01"),
            name: "王某".into(),
        };
        Used { record: RecordId(Hash(name)), stamp, what }
    }

    fn counts(uses: &[Used]) -> Vec<Count> {
        ledger(&GRANT, &allotment(100_000), uses).lines.iter().map(|(_, count)| *count).collect()
    }

    #[test]
    fn what_goes_beyond_has_no_effect_and_a_smaller_one_after_it_may() {
        let uses = [used(1, 1, 1, 60_000), used(1, 2, 2, 50_000), used(1, 3, 3, 40_000), used(1, 4, 4, 1)];
        assert_eq!(counts(&uses), [Count::Counts, Count::Beyond, Count::Counts, Count::Beyond]);
        let ledger = ledger(&GRANT, &allotment(100_000), &uses);
        assert_eq!((ledger.used, ledger.left(), ledger.without_effect().count()), (Fen(100_000), Fen(0), 2));
    }

    #[test]
    fn only_the_device_it_was_granted_to_in_its_time_uses_it() {
        let mut late = used(1, 3, 2, 1_000);
        late.what.day = day("2027-01-01");
        let nothing = used(1, 4, 3, 0);
        let mut elsewhere = used(1, 5, 1, 1_000);
        elsewhere.what.allotment = RecordId(Hash([8; 32]));
        let uses = [used(2, 1, 1, 1_000), used(1, 2, 1, 1_000), late, nothing, elsewhere];
        assert_eq!(counts(&uses), [Count::OtherDevice, Count::Counts, Count::OutOfTime, Count::Nothing]);
    }

    #[test]
    fn a_use_of_a_new_life_waits_until_the_earlier_ones_are_there() {
        let later = used(1, 9, 3, 50_000);
        assert_eq!(counts(std::slice::from_ref(&later)), [Count::Waits]);
        let all = [used(1, 1, 1, 40_000), later, used(1, 2, 2, 30_000)];
        assert_eq!(counts(&all), [Count::Counts, Count::Counts, Count::Beyond]);
    }

    proptest! {
        #[test]
        fn the_same_uses_in_any_order_give_the_same_and_never_more_than_was_granted(
            made in prop::collection::vec((1u8..4, 1u64..40, 0u64..6, -1_000i64..60_000), 0..30),
            seed in any::<u64>(),
        ) {
            let mut uses: Vec<Used> = made.into_iter().map(|(device, at, number, amount)| used(device, at, number, amount)).collect();
            uses.sort_by_key(|used| used.record);
            uses.dedup_by_key(|used| used.record);
            let one = ledger(&GRANT, &allotment(100_000), &uses);
            let len = uses.len().max(1);
            uses.rotate_left(usize::try_from(seed % len as u64).expect("small"));
            if seed % 2 == 0 {
                uses.reverse();
            }
            // What arrives twice is one.
            let twice: Vec<Used> = uses.iter().chain(&uses).cloned().collect();
            prop_assert_eq!(&ledger(&GRANT, &allotment(100_000), &uses), &one);
            prop_assert_eq!(&ledger(&GRANT, &allotment(100_000), &twice), &one);
            prop_assert!(one.used <= one.granted);
            let counted = one.lines.iter().filter(|(_, count)| *count == Count::Counts);
            let sum: i64 = counted.clone().map(|(used, _)| used.what.amount.0).sum();
            prop_assert_eq!(Fen(sum), one.used);
            prop_assert!(counted.clone().all(|(used, _)| used.stamp.device == OURS));
        }
    }
}
