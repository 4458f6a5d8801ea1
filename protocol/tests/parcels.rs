//! Offices without a line: parcels that arrive late, twice, in the wrong order, or never, and parcels made to do harm.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use shouwang_protocol::sync::message::{Farewell, Message};
use shouwang_protocol::sync::parcel::{self, Known, Packing, ParcelError, Tally, Unpacking};
use std::collections::BTreeMap;
use support::*;

/// A parcel on its way: who made it, for whom, when, and its messages.
#[derive(Clone)]
struct Carried {
    from: usize,
    to: usize,
    made_ms: i64,
    messages: Vec<Vec<u8>>,
}

/// A city without a line; what each device heard of each other.
struct Apart {
    city: City,
    known: BTreeMap<(usize, usize), Known>,
}

impl Apart {
    fn new() -> Apart {
        Apart { city: City::new(), known: BTreeMap::new() }
    }

    fn pack(&mut self, from: usize, to: usize) -> Carried {
        self.city.now.wall_ms += 1_000;
        let replica = self.city.nodes[from].replica();
        let mut packing = Packing::begin(replica, key(to).key(), self.known.get(&(from, to)), false).expect("begins");
        let mut messages = Vec::new();
        while let Some(message) = packing.next_message(replica).expect("packs") {
            messages.push(message);
        }
        Carried { from, to, made_ms: self.city.now.wall_ms, messages }
    }

    fn take(&mut self, parcel: &Carried) -> Result<Tally, ParcelError> {
        let (Carried { from, to, made_ms, messages }, now) = (parcel, self.city.now);
        let engine = &mut self.city.nodes[*to];
        let mut unpacking = Unpacking::begin(engine.replica_mut(), &certificate(*from, 1), *made_ms, now)?;
        for message in messages {
            engine.carried(&mut unpacking, message, now)?;
        }
        let (tally, said) = engine.carried_all(unpacking, now)?;
        let before = self.known.get(&(*to, *from));
        if before.is_none_or(|before| said.is_after(before)) {
            self.known.insert((*to, *from), said);
        }
        Ok(tally)
    }

    fn carry(&mut self, from: usize, to: usize) -> Tally {
        let parcel = self.pack(from, to);
        self.take(&parcel).expect("takes")
    }

    /// One round from the top down and up again, each answered.
    fn round(&mut self) {
        for (from, to) in
            [(0, TOWNSHIP), (TOWNSHIP, VILLAGE), (VILLAGE, TOWNSHIP), (TOWNSHIP, 0), (0, TOWNSHIP), (TOWNSHIP, VILLAGE)]
        {
            self.carry(from, to);
        }
    }
}

const TRIPS: [(usize, usize); 4] = [(VILLAGE, TOWNSHIP), (TOWNSHIP, VILLAGE), (TOWNSHIP, 0), (0, TOWNSHIP)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to the sticks, one quiet round afterwards makes all of them agree, and everything is confirmed.
    #[test]
    fn item_45_in_any_order_twice_or_lost_one_round_makes_them_agree(
        steps in prop::collection::vec((0..4_usize, 0..4_usize, any::<prop::sample::Index>()), 1..24)
    ) {
        let mut apart = Apart::new();
        apart.round();
        let household = apart.city.household(VILLAGE, VILLAGE, "张三");
        let mut sticks: Vec<Carried> = Vec::new();
        for (number, (what, trip, which)) in steps.into_iter().enumerate() {
            let (from, to) = TRIPS[trip];
            match what {
                0 => {
                    let at = [VILLAGE, TOWNSHIP, 0][trip % 3];
                    if apart.city.field(at, household, "head").is_some() {
                        apart.city.add_aid(at, VILLAGE, household, &format!("{number}"));
                    } else {
                        apart.city.household(at, VILLAGE, &format!("户{number}"));
                    }
                }
                1 => sticks.push(apart.pack(from, to)),
                // Taken, and left on the stick: it may be taken again.
                2 if !sticks.is_empty() => {
                    let parcel = which.get(&sticks).clone();
                    let tally = apart.take(&parcel).expect("takes");
                    prop_assert!(tally.refused.is_empty(), "{tally:?}");
                }
                3 if !sticks.is_empty() => {
                    sticks.swap_remove(which.index(sticks.len()));
                }
                _ => {}
            }
        }
        apart.round();
        apart.round();
        let place = registry(VILLAGE);
        prop_assert!(apart.city.same(0, TOWNSHIP, place) && apart.city.same(TOWNSHIP, VILLAGE, place));
        prop_assert_eq!(apart.city.aid(0, household), apart.city.aid(VILLAGE, household));
        let replica = apart.city.nodes[VILLAGE].replica();
        for tier in [shouwang_protocol::area::Tier::Township, shouwang_protocol::area::Tier::City] {
            prop_assert_eq!(replica.confirmed(tier), replica.own_entries());
        }
        let left = parcel::entries_lacking(replica, &key(TOWNSHIP).key(), apart.known.get(&(VILLAGE, TOWNSHIP)));
        prop_assert_eq!(left.expect("reads"), 0);
        prop_assert_eq!(apart.city.nodes[NEIGHBOUR].replica().frontier().entries(), 0);
        apart.city.verify_all();
    }

    /// Whoever has a device's key may seal any messages: nothing panics, and nothing is taken that is not signed.
    #[test]
    fn any_messages_at_all_do_no_harm(
        drop in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(), bit in 0..8_u8, swap in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        let mut apart = Apart::new();
        apart.round();
        for n in 0..6 {
            apart.city.household(VILLAGE, VILLAGE, &format!("户{n}"));
        }
        let whole = apart.pack(VILLAGE, TOWNSHIP);
        let mut spoiled = Vec::new();
        let mut with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut parcel = whole.clone();
            change(&mut parcel.messages);
            spoiled.push(parcel);
        };
        with(&|messages| drop_one(messages, drop));
        with(&|messages| {
            let at = drop.index(messages.len());
            let byte = flip.index(messages[at].len());
            messages[at][byte] ^= 1 << bit;
        });
        with(&|messages| {
            let (a, b) = (drop.index(messages.len()), swap.index(messages.len()));
            messages.swap(a, b);
        });
        with(&|messages| messages.push(noise.clone()));
        with(&|messages| messages.insert(0, Message::Bye(Farewell::Disk).to_bytes()));
        for parcel in spoiled {
            let _ = apart.take(&parcel);
        }
        apart.city.verify_all();
        let tally = apart.take(&whole).expect("the true one is taken all the same");
        prop_assert!(tally.refused.is_empty() && tally.missing == 0, "{tally:?}");
        prop_assert!(apart.city.same(TOWNSHIP, VILLAGE, registry(VILLAGE)));
    }
}

fn drop_one(messages: &mut Vec<Vec<u8>>, which: prop::sample::Index) {
    messages.remove(which.index(messages.len()));
}

#[test]
fn a_parcel_holds_what_the_receiver_may_have_and_goes_to_nobody_else() {
    let mut apart = Apart::new();
    apart.round();
    let household = apart.city.household(VILLAGE, VILLAGE, "张三");
    apart.carry(VILLAGE, TOWNSHIP);
    apart.carry(TOWNSHIP, 0);
    apart.carry(0, OTHER_TOWNSHIP);
    assert_eq!(apart.city.field(OTHER_TOWNSHIP, household, "head"), None);
    let replica = apart.city.nodes[TOWNSHIP].replica();
    let to: Vec<_> = parcel::destinations(replica);
    assert!(to.contains(&key(0).key()) && to.contains(&key(VILLAGE).key()) && to.contains(&key(NEIGHBOUR).key()));
    assert!(!to.contains(&key(OTHER_TOWNSHIP).key()) && !to.contains(&key(TOWNSHIP).key()));
    assert_eq!(Packing::begin(replica, key(TOWNSHIP).key(), None, false).err(), Some(ParcelError::Own));
    let stranger = Packing::begin(replica, key(77).key(), None, false).err();
    assert_eq!(stranger, Some(ParcelError::Away(Farewell::Foreign)));
    let certificate = certificate(VILLAGE, 1);
    let late = shouwang_protocol::sync::session::Now { wall_ms: 40_000 * 86_400_000, ..apart.city.now };
    let expired = parcel::may_take(replica, &certificate, late).err();
    assert_eq!(expired, Some(ParcelError::Away(Farewell::Expired)), "by the superior's clock");
}
