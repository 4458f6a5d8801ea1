//! Areas that change hands, forks, and what is cut.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use shouwang_protocol::control::{Office, device, divisions};
use shouwang_protocol::device::{Incarnation, OfficeId};
use shouwang_protocol::entry::{EntryRef, LogId, Run};
use shouwang_protocol::record::{RecordId, RecordRef};
use shouwang_protocol::records::Edit;
use shouwang_protocol::replica::CommitError;
use shouwang_protocol::store::Store;
use support::*;

fn log(n: usize, of: usize, life: u8) -> LogId {
    LogId { place: registry(of), device: key(n).key(), incarnation: Incarnation([life; 16]) }
}

/// The village comes under the other township; its old township's logs there are closed first.
fn move_village(city: &mut City) {
    let mut moved = areas()[VILLAGE].clone();
    moved.parent = Some(area(AREAS[OTHER_TOWNSHIP].0));
    let closings = city.nodes[0].replica().closings(std::slice::from_ref(&moved), &[]);
    for (record, lengths) in closings {
        city.act(0, control(), RecordRef::Known(record), device::close(lengths));
    }
    city.act(0, control(), RecordRef::Known(city.divisions()), divisions::put_areas(vec![moved]));
}

#[test]
fn a_new_township_gets_what_the_old_one_wrote_and_no_more() {
    let mut city = City::new();
    city.connect_all();
    let household = city.household(TOWNSHIP, VILLAGE, "张三");
    city.run();
    city.add_aid(VILLAGE, VILLAGE, household, "v");
    city.run();
    move_village(&mut city);
    city.run();
    let wire = city.dial(VILLAGE, OTHER_TOWNSHIP);
    city.run();
    assert!(city.agreed(VILLAGE, wire) && city.agreed(OTHER_TOWNSHIP, wire));
    assert_eq!(city.field(OTHER_TOWNSHIP, household, "head").as_deref(), Some("张三"));
    assert_eq!(city.aid(OTHER_TOWNSHIP, household).len(), 1);

    // The old township knows, and says so; in a new life it may not write there either.
    let change = || shouwang_protocol::records::edit(|_| Ok(()));
    assert!(
        matches!(city.try_act(TOWNSHIP, registry(VILLAGE), RecordRef::Known(household), change()), Ok(done) if done.entries.is_empty())
    );
    city.nodes[TOWNSHIP].begin_incarnation(Incarnation([7; 16]));
    let made = city.try_household(TOWNSHIP, VILLAGE, "李四");
    assert!(matches!(made, Err(CommitError::Refused(_))), "{made:?}");
    city.verify_all();
}

#[test]
fn what_an_office_wrote_after_the_length_goes_to_the_evidence() {
    let mut city = City::new();
    let wires = city.connect_all();
    let household = city.household(TOWNSHIP, VILLAGE, "张三");
    city.run();
    wires.into_iter().for_each(|wire| city.cut(wire));
    city.put(TOWNSHIP, VILLAGE, household, "phone", "1");
    move_village(&mut city);
    city.connect_all();
    let old = &city.nodes[TOWNSHIP];
    assert_eq!(old.replica().frontier().get(&log(TOWNSHIP, VILLAGE, 1)).length, 1);
    assert_eq!(old.replica().store().evidence().len(), 1);
    assert_eq!(city.field(TOWNSHIP, household, "phone"), None);
    city.verify_all();
}

#[test]
fn the_city_cannot_take_an_area_away_and_leave_its_logs_open() {
    let mut city = City::new();
    city.connect_all();
    city.household(TOWNSHIP, VILLAGE, "张三");
    city.run();
    let mut moved = areas()[VILLAGE].clone();
    moved.parent = Some(area(AREAS[OTHER_TOWNSHIP].0));
    let record = RecordRef::Known(city.divisions());
    let refused = city.try_act(0, control(), record, divisions::put_areas(vec![moved]));
    assert!(matches!(refused, Err(CommitError::Refused(_))), "{refused:?}");

    let mut office: Office = offices()[TOWNSHIP].clone();
    office.areas.insert(area(AREAS[TOWNSHIP].0), false);
    let refused = city.try_act(0, control(), record, divisions::put_offices(vec![office]));
    assert!(matches!(refused, Err(CommitError::Refused(_))), "{refused:?}");
    assert_eq!(city.nodes[0].replica().control().offices[&OfficeId(TOWNSHIP as u32 + 1)], offices()[TOWNSHIP]);
}

/// Two machines go on from one disk; both branches reach the township. Gives the other machine.
fn forked(city: &mut City) -> (EntryRef, LogId) {
    let wires = city.connect_all();
    city.household(VILLAGE, VILLAGE, "张三");
    city.run();
    wires.into_iter().for_each(|wire| city.cut(wire));
    let copy = city.nodes[VILLAGE].replica().store().clone();
    city.household(VILLAGE, VILLAGE, "甲");
    city.household(VILLAGE, VILLAGE, "乙");
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    city.nodes[VILLAGE] = node_over(copy, VILLAGE, 1);
    city.household(VILLAGE, VILLAGE, "丙");
    city.connect_all();
    let log = log(VILLAGE, VILLAGE, 1);
    assert!(city.nodes[TOWNSHIP].replica().forked().contains(&log));
    (EntryRef { log: log.name(), sequence: 1 }, log)
}

#[test]
fn a_fork_is_decided_and_the_loser_goes_on_in_a_new_life() {
    let mut city = City::new();
    let (at, log) = forked(&mut city);
    let winner = city.nodes[0].replica().store().entry(&log, 1).expect("reads").expect("here").hash;
    let record = city.device_record(VILLAGE);
    city.act(0, control(), RecordRef::Known(record), device::choose(at, winner));
    // The loser has heard of the choice, and nobody has sent it the other branch yet.
    while !city.nodes[VILLAGE].replica().store().evidence().iter().any(|entry| entry.sequence == 1) {
        assert!(city.step(), "the loser never hears of it");
    }
    if city.nodes[VILLAGE].replica().frontier().get(&log).length == 1 {
        assert!(matches!(city.try_household(VILLAGE, VILLAGE, "丁"), Err(CommitError::Closed)));
    }
    city.run();
    assert!(city.nodes.iter().all(|node| node.replica().forked().is_empty()));
    assert_eq!(city.nodes[VILLAGE].replica().frontier().get(&log).length, 3);
    assert!(city.same(VILLAGE, TOWNSHIP, registry(VILLAGE)) && city.same(0, TOWNSHIP, registry(VILLAGE)));
    city.nodes[VILLAGE].begin_incarnation(Incarnation([9; 16]));
    city.household(VILLAGE, VILLAGE, "丁");
    city.run();
    assert!(city.same(VILLAGE, 0, registry(VILLAGE)));
    city.verify_all();
}

#[test]
fn an_old_choice_does_not_hide_a_new_fork() {
    let mut city = City::new();
    let (at, log) = forked(&mut city);
    let winner = city.nodes[0].replica().store().entry(&log, 1).expect("reads").expect("here").hash;
    let record = city.device_record(VILLAGE);
    city.act(0, control(), RecordRef::Known(record), device::choose(at, winner));
    city.run();
    // The village goes on in the same life on two machines again.
    for wire in city.wires.keys().copied().collect::<Vec<_>>() {
        city.cut(wire);
    }
    let copy = city.nodes[VILLAGE].replica().store().clone();
    city.household(VILLAGE, VILLAGE, "戊");
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    city.nodes[VILLAGE] = node_over(copy, VILLAGE, 1);
    city.household(VILLAGE, VILLAGE, "己");
    city.connect_all();
    assert!(city.nodes[TOWNSHIP].replica().forked().contains(&log));
    // Control changes for another reason: the new fork stays undecided.
    city.act(0, control(), RecordRef::Known(city.device_record(5)), device::renew(2, &certificate(5, 2)));
    city.run();
    assert!(city.nodes[TOWNSHIP].replica().forked().contains(&log));
    let second = EntryRef { log: log.name(), sequence: 3 };
    let winner = city.nodes[0].replica().store().entry(&log, 3).expect("reads").expect("here").hash;
    city.act(0, control(), RecordRef::Known(record), device::choose(second, winner));
    city.run();
    assert!(city.nodes.iter().all(|node| node.replica().forked().is_empty()));
    assert!(city.same(VILLAGE, 0, registry(VILLAGE)));
    city.verify_all();
}

/// A township's laptop whose last word reached a village and not the city is lost, and revoked at what the city holds.
/// The village wrote something after that word, before the revocation. `torn`: what the village wrote reached the city
/// before the revocation, on a line that broke before it brought what it follows.
fn township_is_lost(write: impl Fn(&mut City, RecordId, RecordId), torn: bool) -> (City, RecordId, RecordId) {
    let mut city = City::new();
    let wires = city.connect_all();
    let theirs = city.household(TOWNSHIP, VILLAGE, "张三");
    let ours = city.household(VILLAGE, VILLAGE, "李四");
    city.run();
    // The township's line to the city is cut; its next entry reaches the village only.
    city.cut(wires[0]);
    city.put(TOWNSHIP, VILLAGE, theirs, "phone", "1");
    city.run();
    write(&mut city, theirs, ours);
    city.run();
    city.cut(wires[2]);
    if torn {
        let village = city.nodes[VILLAGE].replica();
        let own = village.frontier().logs().map(|(log, _)| *log).find(|log| log.device == key(VILLAGE).key()).expect("its log");
        let entries = village.store().entries(&own, 0, usize::MAX).expect("reads");
        let signature = entries.last().and_then(|last| last.signature).expect("the last is signed");
        let entries = entries.into_iter().map(|stored| stored.entry).collect();
        let run = Run { log: own, first: 0, entries, signature };
        city.nodes[0].replica_mut().ingest(key(VILLAGE).key(), &[run]).expect("takes it");
        assert_eq!(city.nodes[0].replica().waiting(), 1, "it waits for what it follows");
    }
    let device = key(TOWNSHIP).key();
    let logs = city.nodes[0].replica().frontier().logs().filter(|(log, _)| log.device == device);
    let lengths = logs.map(|(log, head)| (log.name(), head.length)).collect();
    let record = city.device_record(TOWNSHIP);
    city.act(0, control(), RecordRef::Known(record), device::revoke("遗失".into(), lengths));
    city.dial(VILLAGE, 0);
    city.run();
    (city, theirs, ours)
}

fn phone(value: &'static str) -> Edit {
    shouwang_protocol::records::edit(move |tx| {
        use automerge::transaction::Transactable;
        Ok(tx.put(automerge::ROOT, "phone", value)?)
    })
}

/// Found by the simulator's year of work: it waited for an entry that will never count, and so did all that the village
/// wrote on that record afterwards.
#[test]
fn a_village_goes_on_when_what_it_was_shown_falls_with_a_lost_log() {
    for torn in [false, true] {
        let shown_theirs = |city: &mut City, theirs: RecordId, ours: RecordId| {
            let mut action = city.action(registry(VILLAGE), RecordRef::Known(ours), phone("2"));
            action.shown = vec![theirs];
            let now = city.now;
            city.nodes[VILLAGE].commit(vec![action], now).expect("the village writes, shown what the township wrote");
            city.collect(VILLAGE);
        };
        let (mut city, theirs, ours) = township_is_lost(shown_theirs, torn);
        assert_eq!(city.field(VILLAGE, ours, "phone").as_deref(), Some("2"), "what was acknowledged counts");
        assert_eq!(city.field(VILLAGE, theirs, "phone"), None, "what was cut does not");
        city.try_act(VILLAGE, registry(VILLAGE), RecordRef::Known(ours), phone("3")).expect("it goes on");
        city.run();
        for node in [0, VILLAGE] {
            assert_eq!(city.field(node, ours, "phone").as_deref(), Some("3"), "node {node}");
            assert_eq!(city.nodes[node].replica().waiting(), 0);
        }
        city.verify_all();
    }
}

/// What was written on top of what falls cannot stand; but it stands in nobody's way, and all offices say the same.
#[test]
fn what_builds_on_a_lost_log_has_no_effect_anywhere_and_the_record_can_be_written_again() {
    for torn in [false, true] {
        let on_theirs = |city: &mut City, theirs: RecordId, _: RecordId| {
            city.put(VILLAGE, VILLAGE, theirs, "phone", "2");
        };
        let (mut city, theirs, _) = township_is_lost(on_theirs, torn);
        for node in [0, VILLAGE] {
            assert_eq!(city.field(node, theirs, "phone"), None, "node {node}");
            assert_eq!(city.nodes[node].replica().waiting(), 0, "node {node}");
        }
        city.try_act(VILLAGE, registry(VILLAGE), RecordRef::Known(theirs), phone("3")).expect("it can be entered again");
        city.run();
        for node in [0, VILLAGE] {
            assert_eq!(city.field(node, theirs, "phone").as_deref(), Some("3"), "node {node}");
        }
        city.verify_all();
    }
}
