//! City, township and village: they agree, work apart, and agree again.

mod support;

use support::*;

#[test]
fn a_joiner_gets_control_and_then_its_records() {
    let mut city = City::new();
    let a = city.dial(TOWNSHIP, 0);
    city.run();
    assert!(city.agreed(0, a) && city.agreed(TOWNSHIP, a), "{:?} {:?}", city.closed, city.messages);
    assert_eq!(city.nodes[TOWNSHIP].replica().control().divisions.len(), AREAS.len());
    let household = city.household(TOWNSHIP, VILLAGE, "张三");
    let b = city.dial(VILLAGE, TOWNSHIP);
    city.run();
    assert!(city.agreed(TOWNSHIP, b) && city.agreed(VILLAGE, b), "{:?}", city.closed);
    for n in [0, TOWNSHIP, VILLAGE] {
        assert_eq!(city.field(n, household, "head").as_deref(), Some("张三"), "node {n}");
    }
    assert_eq!(city.field(OTHER_TOWNSHIP, household, "head"), None);
    city.verify_all();
}

#[test]
fn three_offices_work_apart_and_agree_again() {
    let mut city = City::new();
    let wires = city.connect_all();
    let household = city.household(VILLAGE, VILLAGE, "张三");
    city.run();
    wires.into_iter().for_each(|wire| city.cut(wire));

    for n in [0, TOWNSHIP, VILLAGE] {
        city.add_aid(n, VILLAGE, household, &format!("aid of {n}"));
        city.put(n, VILLAGE, household, "phone", &format!("{n}"));
    }
    city.household(VILLAGE, VILLAGE, "李四");
    city.connect_all();

    let place = registry(VILLAGE);
    assert!(city.same(0, TOWNSHIP, place) && city.same(TOWNSHIP, VILLAGE, place));
    for n in [0, TOWNSHIP, VILLAGE] {
        assert_eq!(city.aid(n, household).len(), 3, "node {n}");
        assert_eq!(city.field(n, household, "phone"), city.field(0, household, "phone"));
    }
    assert_eq!(city.nodes[NEIGHBOUR].replica().frontier().logs_at(place).count(), 0);
    city.verify_all();
}

#[test]
fn an_edit_travels_at_once_over_open_connections() {
    let mut city = City::new();
    city.connect_all();
    let household = city.household(VILLAGE, VILLAGE, "张三");
    while city.step() {}
    assert_eq!(city.field(0, household, "head").as_deref(), Some("张三"));
    assert!(city.nodes.iter().all(|node| node.sessions().all(|(_, session)| session.is_agreed())));
}

#[test]
fn a_reconnect_with_nothing_new_costs_one_message_each_way() {
    let mut city = City::new();
    let wires = city.connect_all();
    city.household(VILLAGE, VILLAGE, "张三");
    city.run();
    wires.into_iter().for_each(|wire| city.cut(wire));
    city.messages.clear();
    let wire = city.dial(VILLAGE, TOWNSHIP);
    city.run();
    assert!(city.agreed(VILLAGE, wire) && city.agreed(TOWNSHIP, wire));
    assert_eq!(city.messages.len(), 2, "{:?}", city.messages);
}

#[test]
fn cuts_at_every_message_lose_nothing() {
    for cut_after in 1..40 {
        let mut city = City::new();
        city.connect_all().into_iter().for_each(|wire| city.cut(wire));
        let household = city.household(VILLAGE, VILLAGE, "张三");
        for n in 0..6 {
            city.add_aid(VILLAGE, VILLAGE, household, &format!("v{n}"));
        }
        for round in 0..3 {
            let wire = city.dial(VILLAGE, TOWNSHIP);
            for _ in 0..cut_after + round {
                city.step();
            }
            city.cut(wire);
            if round == 0 && city.field(TOWNSHIP, household, "head").is_some() {
                city.put(TOWNSHIP, VILLAGE, household, "phone", "1");
            }
        }
        city.connect_all();
        assert!(city.same(TOWNSHIP, VILLAGE, registry(VILLAGE)), "cut after {cut_after}");
        assert_eq!(city.aid(0, household).len(), 6);
    }
}

#[test]
fn a_village_that_hears_of_nobody_above_it_can_still_work() {
    let mut city = City::new();
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    let household = city.household(VILLAGE, VILLAGE, "张三");
    assert!(city.nodes[VILLAGE].sessions().next().is_none());
    assert_eq!(city.nodes[VILLAGE].replica().confirmed(shouwang_protocol::area::Tier::City), 0);
    city.connect_all();
    let village = city.nodes[VILLAGE].replica();
    assert_eq!(village.confirmed(shouwang_protocol::area::Tier::Township), village.own_entries());
    assert_eq!(village.confirmed(shouwang_protocol::area::Tier::City), village.own_entries());
    assert!(city.field(0, household, "head").is_some());
}
