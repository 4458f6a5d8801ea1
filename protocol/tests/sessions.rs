//! Ways in which two honest devices once failed to agree; the simulator found them all.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ROOT, ReadDoc};
use shouwang_protocol::admission::Refusal;
use shouwang_protocol::area::Tier;
use shouwang_protocol::control::{device, divisions};
use shouwang_protocol::device::OfficeId;
use shouwang_protocol::device::{Certificate, CertificateBody, actor, certify_enrolment};
use shouwang_protocol::entry::{ENTRY_VERSION, Entry, EntryRef, Header, LogId, Pair, Run, sign_head};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, CaseId, Kind, Lane, Place, RecordRef};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Answer, Event, What};
use shouwang_protocol::records::{Edit, OpId, case};
use shouwang_protocol::store::{Store, Verdict};
use shouwang_protocol::sync::frame::FrameReader;
use shouwang_protocol::sync::message::Message;
use support::*;

/// A run of households made by hand, with one signature at its end.
fn run(n: usize, of: usize, life: u8, texts: &[String], after: Vec<EntryRef>, lamport: u64) -> Run {
    let incarnation = shouwang_protocol::device::Incarnation([life; 16]);
    let log = LogId { place: registry(of), device: key(n).key(), incarnation };
    let mut head = Hash::default();
    let mut entries = Vec::new();
    for (sequence, text) in texts.iter().enumerate() {
        let mut doc = Automerge::new().with_actor(actor(&log.device, &incarnation));
        let mut tx = doc.transaction();
        tx.put(ROOT, "head", text.as_str()).expect("puts");
        let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
        let change = doc.get_change_by_hash(&hash.expect("a change")).expect("it").raw_bytes().to_vec();
        let header = Header {
            version: ENTRY_VERSION,
            suite: 1,
            sequence: sequence as u64,
            lamport: lamport + sequence as u64,
            after: if sequence == 0 { after.clone() } else { Vec::new() },
            claimed_ms: 0,
            staff: "s1".into(),
            action: ActionId([sequence as u8; 16]),
        };
        let entry = Entry { header: header.to_bytes(), pairs: vec![Pair::new(&RecordRef::New(Kind::HOUSEHOLD), change)] };
        head = entry.chain(&log.name(), &head);
        entries.push(entry);
    }
    Run { log, first: 0, entries, signature: sign_head(&key(n), &head) }
}

#[test]
fn who_is_known_before_it_knows_may_be_sent_frames_at_once() {
    let mut city = City::new();
    // The township hears of the village while the village does not know the township yet.
    let below = city.dial(VILLAGE, TOWNSHIP);
    let above = city.dial(TOWNSHIP, 0);
    while city.step_on(above) {}
    city.run();
    assert!(city.agreed(VILLAGE, below) && city.agreed(TOWNSHIP, below), "{:?}", city.closed);
    assert!(city.closed.is_empty(), "{:?}", city.closed);
}

#[test]
fn frames_on_their_way_do_not_hide_that_control_differs() {
    let mut city = City::new();
    let wires = city.connect_all();
    let household = city.household(VILLAGE, VILLAGE, "张三");
    city.run();
    wires.into_iter().for_each(|wire| city.cut(wire));
    // The village sends at once what it wrote; the township has new control.
    city.put(VILLAGE, VILLAGE, household, "phone", "1");
    city.act(0, control(), RecordRef::Known(city.device_record(5)), device::renew(2, &certificate(5, 2)));
    city.dial(TOWNSHIP, 0);
    city.run();
    let wire = city.dial(VILLAGE, TOWNSHIP);
    while city.step() {}
    assert!(city.agreed(VILLAGE, wire) && city.agreed(TOWNSHIP, wire), "{:?}", city.messages);
}

#[test]
fn a_long_run_without_a_signature_inside_passes_through_a_relay() {
    let mut city = City::new();
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    // Text that does not compress, and short entries before and after.
    let noise = |i: usize| {
        let hashes = (0..60).map(|j| Hash::of("noise", &[&[i as u8, j]]).hex());
        hashes.collect::<Vec<_>>().concat()
    };
    let texts: Vec<String> = (0..40).map(noise).collect();
    let long = run(VILLAGE, VILLAGE, 9, &texts, Vec::new(), 1);
    assert!(long.entries.iter().map(Entry::size).sum::<usize>() > 130_000);
    for _ in 0..30 {
        city.household(TOWNSHIP, VILLAGE, "李四");
    }
    let from = key(VILLAGE).key();
    city.nodes[TOWNSHIP].replica_mut().ingest(from, std::slice::from_ref(&long)).expect("takes it");
    city.connect_all();
    assert!(city.closed.is_empty(), "{:?}", city.closed);
    assert!(city.same(TOWNSHIP, 0, registry(VILLAGE)) && city.same(TOWNSHIP, VILLAGE, registry(VILLAGE)));
    assert_eq!(city.nodes[0].replica().frontier().get(&long.log).length, 40);
}

#[test]
fn an_entry_that_names_what_others_cannot_have_waits_everywhere() {
    let mut city = City::new();
    city.connect_all();
    city.household(NEIGHBOUR, NEIGHBOUR, "邻居");
    city.run();
    let at = registry(NEIGHBOUR);
    let (far, head) = city.nodes[0].replica().frontier().logs_at(at).map(|(log, head)| (log.name(), *head)).next().expect("one");
    let after = vec![EntryRef { log: far, sequence: head.length - 1 }];
    let made = run(VILLAGE, VILLAGE, 9, &["甲".into()], after, head.lamport + 1);
    for n in [TOWNSHIP, VILLAGE] {
        city.nodes[n].replica_mut().ingest(key(VILLAGE).key(), std::slice::from_ref(&made)).expect("takes it");
    }
    city.run();
    // The township has the neighbour's log, the village never will.
    for n in [0, TOWNSHIP, VILLAGE] {
        let stored = city.nodes[n].replica().store().entry(&made.log, 0).expect("reads").expect("here");
        assert!(matches!(stored.verdict, Verdict::Waiting(_)), "node {n}: {:?}", stored.verdict);
    }
}

#[test]
fn receipts_go_down_and_are_not_told_twice() {
    let mut city = City::new();
    let wires = city.connect_all();
    city.household(VILLAGE, VILLAGE, "张三");
    city.run();
    let up = |(from, to, message): &(usize, usize, Message)| {
        matches!(message, Message::Receipts { .. }) && AREAS[*from].1 < AREAS[*to].1
    };
    assert!(!city.messages.iter().any(up));
    wires.into_iter().for_each(|wire| city.cut(wire));
    city.messages.clear();
    city.connect_all();
    assert!(!city.messages.iter().any(|(_, _, message)| matches!(message, Message::Receipts { .. })));
}

#[test]
fn who_is_sent_away_has_heard_why() {
    // A village that came under another township, while its laptop was off.
    let mut city = City::new();
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    let mut moved = areas()[VILLAGE].clone();
    moved.parent = Some(area(AREAS[OTHER_TOWNSHIP].0));
    city.act(0, control(), RecordRef::Known(city.divisions()), divisions::put_areas(vec![moved]));
    city.dial(TOWNSHIP, 0);
    city.run();
    city.dial(VILLAGE, TOWNSHIP);
    city.run();
    assert!(city.closed.iter().any(|(n, _, why)| *n == VILLAGE && why.contains("WrongArea")), "{:?}", city.closed);
    let parent = city.nodes[VILLAGE].replica().control().divisions.get(area(AREAS[VILLAGE].0)).and_then(|area| area.parent);
    assert_eq!(parent, Some(area(AREAS[OTHER_TOWNSHIP].0)));

    // A device whose certificate ran out.
    let mut city = City::new();
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    let enrolment = shouwang_protocol::device::SigningKey::from_seed(&[201; 32]);
    let good = certificate(VILLAGE, 2).verify(&root().key()).expect("holds");
    let old = CertificateBody { expires: 20_000, ..good };
    let old = Certificate::issue(&old, &enrolment, certify_enrolment(&root(), &enrolment.key()));
    let record = city.device_record(VILLAGE);
    city.act(0, control(), RecordRef::Known(record), device::renew(2, &old));
    city.dial(TOWNSHIP, 0);
    city.run();
    city.dial(VILLAGE, TOWNSHIP);
    city.run();
    assert!(city.closed.iter().any(|(n, _, why)| *n == VILLAGE && why.contains("Expired")), "{:?}", city.closed);
    assert_eq!(city.nodes[VILLAGE].replica().control_digest(), city.nodes[0].replica().control_digest());
}

#[test]
fn a_refusal_is_told_and_nothing_is_stored() {
    let mut city = City::new();
    city.connect_all();
    let foreign = run(VILLAGE, NEIGHBOUR, 9, &["外".into()], Vec::new(), 1);
    let (_, report) = city.nodes[0].replica_mut().ingest(key(VILLAGE).key(), std::slice::from_ref(&foreign)).expect("answers");
    assert!(matches!(report.refused[0].reason, Refusal::Denied(_)));
    assert_eq!(city.nodes[0].replica().frontier().get(&foreign.log).length, 0);
}

/// The frames from one device to another, in order: lane, and the entries in each.
fn frames(messages: &[(usize, usize, Message)], from: usize, to: usize) -> Vec<(Lane, Vec<(LogId, u64)>)> {
    let mut reader = FrameReader::default();
    let mut found = Vec::new();
    for (_, _, message) in messages.iter().filter(|(a, b, _)| (*a, *b) == (from, to)) {
        let Message::Frame { lane, inflated, bytes, .. } = message else { continue };
        let runs = reader.read(*lane, *inflated, bytes).expect("reads");
        let entries = runs.iter().flat_map(|run| (0..run.entries.len() as u64).map(|at| (run.log, run.first + at)));
        found.push((*lane, entries.collect()));
    }
    found
}

/// A result that is written into a case of the village.
fn feedback(text: &str) -> (Place, RecordRef, Edit) {
    let place = Place { area: area(AREAS[VILLAGE].0), lane: Lane::Casework, floor: Tier::Village };
    let of = OpId { counter: 1, actor: ActorId::from(&[0_u8; 16][..]) };
    let what = What::Feedback { transfer: of, result: Answer::Served, text: text.into(), amount: None };
    let event = Event::new(OfficeId(4), "s1", "张婕", Day(18_000), what);
    (place, RecordRef::Volume(CaseId([7; 16]), Tier::Village), case::append(&event))
}

#[test]
fn item_42_a_result_goes_in_the_first_frame_ahead_of_bulk_and_in_the_next_one_when_bulk_is_on_its_way() {
    let mut city = City::new();
    city.connect_all().into_iter().for_each(|wire| city.cut(wire));
    // A village without a line registers households that do not compress, and last of all writes down a result.
    let noise = |i: u32| (0..50).map(|j| Hash::of("noise", &[&i.to_le_bytes(), &[j]]).hex()).collect::<Vec<_>>().concat();
    for i in 0..400 {
        city.household(VILLAGE, VILLAGE, &noise(i));
    }
    let (place, record, edit) = feedback("已上门照料");
    let result = city.act(VILLAGE, place, record, edit).entries[0];
    city.messages.clear();
    let wire = city.dial(VILLAGE, TOWNSHIP);
    let mut steps = 0;
    while frames(&city.messages, VILLAGE, TOWNSHIP).len() < 3 {
        assert!(city.step_on(wire), "it sends");
        steps += 1;
        assert!(steps < 100, "frames come early");
    }
    let sent = frames(&city.messages, VILLAGE, TOWNSHIP);
    let names = |entries: &[(LogId, u64)]| entries.iter().map(|(log, at)| (log.name(), *at)).collect::<Vec<_>>();
    assert_eq!(sent[0].0, Lane::Casework);
    assert_eq!(names(&sent[0].1), [(result.log, result.sequence)], "the result, and nothing else");
    assert!(sent[1..].iter().all(|(lane, _)| *lane == Lane::Registry), "then the bulk");
    assert!(city.inbox.len() < 40, "bulk waits for the window, and not on the wire");

    // Another result while the bulk is on its way: nothing that is not yet on the wire goes before it.
    let before = sent.len();
    let (place, record, edit) = feedback("已送达");
    let second = city.act(VILLAGE, place, record, edit).entries[0];
    city.run();
    let sent = frames(&city.messages, VILLAGE, TOWNSHIP);
    assert_eq!((sent[before].0, names(&sent[before].1)), (Lane::Casework, vec![(second.log, second.sequence)]));
    let bulk: usize = sent[before + 1..].iter().map(|(_, entries)| entries.len()).sum();
    assert!(bulk > 200, "most of the bulk came after it: {bulk}");
    assert!(city.same(VILLAGE, TOWNSHIP, registry(VILLAGE)));
    // The township passes it on in the same order.
    city.messages.clear();
    city.dial(TOWNSHIP, 0);
    city.run();
    let up = frames(&city.messages, TOWNSHIP, 0);
    assert_eq!((up[0].0, up[0].1.len()), (Lane::Casework, 2));
}
