//! The store on disk answers as the store in memory does, whatever happens to both.

use super::support::*;
use shouwang_protocol::control::device;
use shouwang_protocol::record::{Lane, RecordRef};
use shouwang_protocol::store::Store;

#[test]
fn random_stories_leave_both_stores_alike() {
    for seed in 1..=6 {
        let mut dice = Dice(seed * 7_919);
        let mut town = Town::new();
        town.connect_all();
        for step in 0..120 {
            town.something(&mut dice);
            if step % 40 == 0 {
                town.compare();
            }
        }
        town.connect_all();
        town.compare();
        let counts = town.disk(CITY).refused().expect("reads").len();
        assert!(town.node(CITY).replica().frontier().entries() > 20, "seed {seed}: {counts}");
    }
}

#[test]
fn a_revoked_devices_log_is_cut_and_kept_as_evidence_in_both() {
    let mut dice = Dice(5);
    let mut town = Town::new();
    town.connect_all();
    for at in 0..6 {
        let row = household(&mut dice, &format!("H{at}"), VILLAGE);
        town.import(VILLAGE, VILLAGE, &row);
    }
    town.open_case(VILLAGE, VILLAGE, shouwang_protocol::record::CaseId([3; 16]), "张三", None);
    town.run();
    town.compare();
    let logs: Vec<_> = town.node(CITY).replica().frontier().logs().map(|(log, head)| (*log, head.length)).collect();
    let of_village = logs.into_iter().filter(|(log, _)| log.device == seed_of(VILLAGE).key());
    let lengths =
        of_village.map(|(log, length)| (log.name(), if log.place.lane == Lane::Registry { length / 2 } else { 0 })).collect();
    let record = town.node(CITY).replica().control().devices[&seed_of(VILLAGE).key()].record.expect("a record");
    town.act(CITY, place(CITY, Lane::Control), RecordRef::Known(record), device::revoke("丢失".into(), lengths));
    town.run();
    town.compare();
    for n in [CITY, TOWNSHIP] {
        assert!(!town.disk(n).evidence().expect("reads").is_empty(), "node {n}");
        assert_eq!(town.disk(n).records_of(shouwang_protocol::record::Kind::CASE_VILLAGE).expect("reads"), []);
    }
    for n in 0..AREAS.len() {
        town.restart(n);
    }
    town.connect_all();
    town.compare();
}

#[test]
fn two_branches_of_one_log_are_a_fork_until_the_city_chooses() {
    let mut dice = Dice(11);
    let mut town = Town::new();
    town.connect_all();
    let row = household(&mut dice, "H1", VILLAGE);
    let record = town.import(VILLAGE, VILLAGE, &row);
    town.run();
    town.cut_all();
    // A clone of the whole machine: the same log is written on twice.
    let clone = town.node(VILLAGE).replica().store().memory.clone();
    let put = |value: &str| shouwang_protocol::records::import::set("remark", &value.into()).expect("fits");
    let done = town.act(VILLAGE, place(VILLAGE, Lane::Registry), RecordRef::Known(record), put("一"));
    town.connect_all();
    town.cut_all();
    let identity = shouwang_protocol::replica::Identity {
        key: seed_of(VILLAGE),
        incarnation: town.node(VILLAGE).replica().incarnation(),
        root: root().key(),
        pinned: vec![certificate(CITY, 1), certificate(VILLAGE, 1)],
    };
    let replica = shouwang_protocol::replica::Replica::open(clone, identity).expect("opens");
    let mut other = shouwang_protocol::engine::Engine::new(replica);
    let action = town.action(place(VILLAGE, Lane::Registry), RecordRef::Known(record), put("二"));
    other.commit(vec![action], town.now).expect("commits");
    let log = other.replica().frontier().log_named(&done.entries[0].log).expect("is held");
    let stored = other.replica().store().entry(&log, done.entries[0].sequence).expect("reads").expect("is there");
    let run = shouwang_protocol::entry::Run {
        log,
        first: stored.sequence,
        entries: vec![stored.entry.clone()],
        signature: stored.signature.expect("signed"),
    };
    let from = seed_of(VILLAGE).key();
    town.node_mut(TOWNSHIP).replica_mut().ingest(from, &[run]).expect("takes it");
    assert_eq!(town.disk(TOWNSHIP).forks().expect("reads").len(), 1);
    town.compare();
    let facts = town.node(CITY).replica().control().devices[&from].record.expect("a record");
    town.act(CITY, place(CITY, Lane::Control), RecordRef::Known(facts), device::choose(done.entries[0], stored.hash));
    town.connect_all();
    town.compare();
    assert_eq!(town.disk(TOWNSHIP).forks().expect("reads").len(), 0);
}
