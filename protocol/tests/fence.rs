//! Stories of what comes over the wire, and what the fence lets through.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use automerge::legacy::{ElementId, Key, MarkData, ObjectId, Op, OpId, OpType, SortedVec};
use automerge::transaction::Transactable;
use automerge::{
    ActorId, Automerge, Change, ChangeHash, ExpandedChange, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value, ValueRef,
};
use shouwang_protocol::fence::{Fault, Parsed, Verdict, judge, load, parse};
use shouwang_protocol::limits::{CHANGE_OPS_MAX, NESTING_MAX, PAYLOAD_BYTES_MAX, STRING_BYTES_MAX};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! { static QUIET: Cell<bool> = const { Cell::new(false) }; }

/// Panics inside Automerge that the fence catches are expected: they are not printed while `work` runs.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                default(info);
            }
        }));
    });
    QUIET.set(true);
    let out = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    out.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        panic!("{}", text.unwrap_or("a panic without a text"))
    })
}

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
    }
}

fn actor(n: u16) -> ActorId {
    let mut bytes = [0x5a; 16];
    // Spread, so that actors do not sort in the order of their making.
    bytes[..2].copy_from_slice(&n.wrapping_mul(40_503).to_be_bytes());
    bytes[2..4].copy_from_slice(&n.to_be_bytes());
    ActorId::from(bytes)
}

/// What `who` sends after writing `edit` on top of `doc`.
fn write(doc: &Automerge, who: &ActorId, edit: impl FnOnce(&mut automerge::transaction::Transaction)) -> Vec<u8> {
    let mut doc = doc.clone().with_actor(who.clone());
    let mut transaction = doc.transaction();
    edit(&mut transaction);
    transaction.commit().0.expect("something was written");
    doc.get_last_local_change().expect("a change").raw_bytes().to_vec()
}

/// The change with its fields altered, as a peer with its own encoder would send it.
fn forged(bytes: &[u8], alter: impl FnOnce(&mut ExpandedChange)) -> Vec<u8> {
    let mut expanded = Change::try_from(bytes).expect("an honest change").decode();
    alter(&mut expanded);
    Change::from(expanded).raw_bytes().to_vec()
}

fn uleb(mut n: u64, out: &mut Vec<u8>) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A chunk around `data`, with length and checksum as they should be.
fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut hashed = vec![kind];
    uleb(data.len() as u64, &mut hashed);
    hashed.extend(data);
    let digest = ring::digest::digest(&ring::digest::SHA256, &hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &digest.as_ref()[..4], &hashed].concat()
}

/// Where the data of a chunk begins.
fn data_of(bytes: &[u8]) -> &[u8] {
    let length_ends = bytes[9..].iter().position(|b| b & 0x80 == 0).expect("a length") + 10;
    &bytes[length_ends..]
}

/// A change of `who` without dependencies, with these columns.
fn columns(who: &ActorId, columns: &[(u64, &[u8])]) -> Vec<u8> {
    let mut data = vec![0, 16];
    data.extend(who.to_bytes());
    data.extend([1, 1, 0, 0, 0]); // seq, start_op, time, message, other actors
    uleb(columns.len() as u64, &mut data);
    for (spec, column) in columns {
        uleb(*spec, &mut data);
        uleb(column.len() as u64, &mut data);
    }
    columns.iter().for_each(|(_, column)| data.extend(*column));
    chunk(1, &data)
}

fn applied(verdict: Verdict) -> (Automerge, Vec<u8>) {
    match verdict {
        Verdict::Applied(doc, snapshot) => (*doc, snapshot),
        other => panic!("expected Applied, got {other:?}"),
    }
}

fn refused(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Refused(fault) => fault,
        other => panic!("expected Refused, got {other:?}"),
    }
}

fn read(bytes: &[u8]) -> Parsed {
    parse(bytes).expect("a change that can be read")
}

/// What becomes of `bytes` in `doc`, coming in the log of `who`.
fn verdict(doc: Option<&Automerge>, who: &ActorId, bytes: &[u8]) -> Verdict {
    match parse(bytes) {
        Ok(parsed) => judge(doc, who, &parsed),
        Err(fault) => Verdict::Refused(fault),
    }
}

/// A household of about 2 KB as the importer writes it.
fn household(who: &ActorId) -> Vec<u8> {
    write(&Automerge::new(), who, |tx| {
        let texts = [
            ("region", "320582100201"),
            ("province", "江苏省"),
            ("city", "苏州市"),
            ("county", "张家港市"),
            ("town", "杨舍镇"),
            ("village", "某某村"),
            ("group", "第三组"),
            ("address", "某某路十二号"),
            ("head", "某甲"),
            ("head_id_no", "320582190001010000"),
            ("phone", "13000000000"),
            ("type", "低保户"),
            ("cause", "因病"),
            ("risk", "大额医疗支出"),
            ("house_structure", "砖混"),
            ("water", "自来水"),
            ("bank", "农村商业银行"),
            ("bank_account", "6200000000000000000"),
            ("officer", "某乙"),
            ("officer_phone", "13000000001"),
            ("remark", "每月走访一次，关注用药和复查情况，孩子在镇上读初中。"),
            ("status", "在册"),
        ];
        texts.iter().for_each(|(key, value)| tx.put(ROOT, *key, *value).expect("put"));
        for (i, key) in ["income_annual", "income_wage", "income_farm", "income_transfer", "house_m2"].iter().enumerate() {
            tx.put(ROOT, *key, 1_000 * (i as i64 + 1)).expect("put");
        }
        tx.put(ROOT, "house_safe", true).expect("put");
        tx.put(ROOT, "land_mu", 1.5).expect("put");
        let members = tx.put_object(ROOT, "members", ObjType::List).expect("put");
        for i in 0..4 {
            let member = tx.insert_object(&members, i, ObjType::Map).expect("insert");
            for (key, value) in [
                ("name", "某丙"),
                ("relation", "子"),
                ("gender", "男"),
                ("birth", "1990-01-01"),
                ("id_no", "320582199001010000"),
                ("ethnic", "汉族"),
                ("education", "初中"),
                ("health", "健康"),
                ("labor", "普通劳动力"),
            ] {
                tx.put(&member, key, value).expect("put");
            }
        }
        let aid = tx.put_object(ROOT, "aid", ObjType::List).expect("put");
        for i in 0..6 {
            let given = tx.insert_object(&aid, i, ObjType::Map).expect("insert");
            for (key, value) in
                [("date", "2026-01-15"), ("program", "临时救助"), ("officer", "某乙"), ("note", "经镇民政办核实后发放，已签收")]
            {
                tx.put(&given, key, value).expect("put");
            }
            tx.put(&given, "amount", 1_200).expect("put");
        }
    })
}

/// The household, applied.
fn base() -> Automerge {
    applied(verdict(None, &actor(1), &household(&actor(1)))).0
}

fn child(doc: &Automerge, of: &ObjId, key: &str) -> ObjId {
    doc.get(of, key).expect("readable").expect("there").1
}

/// Maps in maps under `key`, `depth` of them.
fn nest(tx: &mut impl Transactable, depth: usize) {
    (0..depth).fold(ROOT, |parent, _| tx.put_object(&parent, "d", ObjType::Map).expect("put"));
}

fn op(action: OpType, obj: ObjectId, key: &str) -> Op {
    Op { action, obj, key: Key::Map(key.into()), pred: SortedVec::new(), insert: false }
}

/// What the node does with a record for the rest of its life: save, load, read, write, save, load.
fn lives_on(doc: &Automerge) {
    let mut again = load(&doc.save_nocompress()).expect("loads").with_actor(actor(999));
    assert_eq!(again.get_heads(), doc.get_heads());
    assert_eq!(again.hydrate(None), doc.hydrate(None));
    for i in 0..5 {
        again.transact(|tx| tx.put(ROOT, "remark", i)).expect("a local write");
    }
    let last = load(&again.save_nocompress()).expect("loads");
    assert_eq!(last.get_heads(), again.get_heads());
    assert_eq!(last.hydrate(None), again.hydrate(None));
}

#[test]
fn a_household_arrives_and_is_edited() {
    let (doc, snapshot) = applied(verdict(None, &actor(1), &household(&actor(1))));
    assert_eq!(load(&snapshot).expect("loads").hydrate(None), doc.hydrate(None));
    assert!(matches!(verdict(Some(&doc), &actor(1), &household(&actor(1))), Verdict::AlreadyThere));

    let edit = write(&doc, &actor(2), |tx| {
        tx.put(ROOT, "income_annual", 9_999).expect("put");
        tx.delete(ROOT, "remark").expect("delete");
        let members = tx.get(ROOT, "members").expect("readable").expect("there").1;
        let first = tx.get(&members, 0).expect("readable").expect("there").1;
        tx.put(&first, "health", "残疾").expect("put");
        tx.delete(&members, 2).expect("delete");
        let born = tx.insert_object(&members, 3, ObjType::Map).expect("insert");
        tx.put(&born, "name", "新生儿").expect("put");
    });
    let (doc, _) = applied(verdict(Some(&doc), &actor(2), &edit));
    assert_eq!(doc.get(ROOT, "income_annual").expect("readable").map(|(v, _)| v), Some(Value::int(9_999)));
    assert_eq!(doc.length(child(&doc, &ROOT, "members")), 4);
    lives_on(&doc);
}

#[test]
fn only_a_change_without_dependencies_begins_a_record() {
    let doc = base();
    let second = write(&doc, &actor(1), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    match verdict(None, &actor(1), &second) {
        Verdict::Waiting(missing) => assert_eq!(missing, doc.get_heads()),
        other => panic!("{other:?}"),
    }
    // Two that both begin it, because neither knew of the other, are both good in either order.
    let [a, b] = [3, 4].map(|n| (actor(n), write(&Automerge::new(), &actor(n), |tx| tx.put(ROOT, "n", n as i64).expect("put"))));
    let both = |x: &(ActorId, Vec<u8>), y: &(ActorId, Vec<u8>)| {
        let (doc, _) = applied(verdict(None, &x.0, &x.1));
        applied(verdict(Some(&doc), &y.0, &y.1)).0
    };
    assert_eq!(both(&a, &b).get_heads(), both(&b, &a).get_heads());
}

#[test]
fn documents_deflated_changes_and_bundles_are_refused() {
    let doc = base();
    assert_eq!(parse(&doc.save()).err(), Some(Fault::ChunkType));
    let mut change = Change::try_from(&household(&actor(1))[..]).expect("a change");
    assert_eq!(change.bytes()[8], 2, "Automerge deflates a change of this size");
    assert_eq!(parse(&change.bytes()).err(), Some(Fault::ChunkType));
    for kind in [0, 2, 3, 4, 255] {
        assert_eq!(parse(&chunk(kind, data_of(change.raw_bytes()))).err(), Some(Fault::ChunkType));
    }
}

#[test]
fn a_counter_near_the_end_never_gets_in() {
    let doc = base();
    let honest = write(&doc, &actor(2), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    let n = read(&honest).start_op;
    for start in [1, n - 1, n + 1, n + 2, 1 << 24, 1 << 31, (1 << 31) + 1, u64::from(u32::MAX) - 3, u64::from(u32::MAX)] {
        let bad = forged(&honest, |c| c.start_op = NonZeroU64::new(start).expect("not zero"));
        let fault = refused(verdict(Some(&doc), &actor(2), &bad));
        assert_eq!(fault, if start > 1 << 31 { Fault::Counter } else { Fault::StartOp }, "{start}");
    }
    applied(verdict(Some(&doc), &actor(2), &honest));

    // Zero, and more than 32 bits, cannot be made with Automerge's encoder.
    let mut zero = data_of(&columns(&actor(1), &[])).to_vec();
    zero[19] = 0;
    assert_eq!(parse(&chunk(1, &zero)).err(), Some(Fault::Counter));
    zero.splice(19..20, [0x80, 0x80, 0x80, 0x80, 0x10]);
    assert_eq!(parse(&chunk(1, &zero)).err(), Some(Fault::Counter));
}

#[test]
fn without_the_fence_such_a_counter_ends_the_record() {
    // The reason for all this, and the proof that these tests would notice: Automerge takes the change.
    let mut doc = base().with_actor(actor(3));
    let honest = write(&doc, &actor(2), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    let poison = forged(&honest, |c| c.start_op = NonZeroU64::new(u64::from(u32::MAX) - 3).expect("not zero"));
    doc.apply_changes([Change::try_from(&poison[..]).expect("a change")]).expect("taken");
    assert!(Automerge::load(&doc.save()).is_ok());
    let written =
        quietly(|| catch_unwind(AssertUnwindSafe(|| (0..5).for_each(|i| drop(doc.transact(|tx| tx.put(ROOT, "n", i)))))));
    assert!(written.is_err(), "five local writes panic");
}

#[test]
fn a_stranger_among_the_actors_is_refused() {
    let doc = base();
    let honest = write(&doc, &actor(2), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    // As object, as predecessor, as element: each names an actor the record has never seen.
    let stranger = OpId::new(3, &actor(77));
    let members = read(&household(&actor(1)));
    let list = members.change.decode().operations.iter().position(|o| o.action == OpType::Make(ObjType::List));
    let list = ObjectId::Id(OpId::new(1 + list.expect("a list") as u64, &actor(1)));
    for alter in [
        Box::new(|c: &mut ExpandedChange| c.operations[0].obj = ObjectId::Id(stranger.clone()))
            as Box<dyn Fn(&mut ExpandedChange)>,
        Box::new(|c| c.operations[0].pred = vec![stranger.clone()].into()),
        Box::new(|c| {
            c.operations[0] = Op {
                action: OpType::Put("x".into()),
                obj: list.clone(),
                key: Key::Seq(ElementId::Id(stranger.clone())),
                pred: SortedVec::new(),
                insert: true,
            }
        }),
    ] {
        assert_eq!(refused(verdict(Some(&doc), &actor(2), &forged(&honest, alter))), Fault::Stranger);
    }
    // An index beyond the list of actors.
    let bad = columns(&actor(1), &[(1, &[0x7f, 1]), (2, &[0x7f, 1]), (0x15, &[0x7f, 1, b'k']), (0x42, &[0x7f, 1])]);
    assert_eq!(parse(&bad).err(), Some(Fault::Stranger));
    // An actor that is here, but concurrent: not in the causal past of the change.
    let concurrent = write(&doc, &actor(3), |tx| tx.put(ROOT, "status", "暂停").expect("put"));
    let (live, _) = applied(verdict(Some(&doc), &actor(3), &concurrent));
    let start = read(&concurrent).start_op;
    let bad = forged(&honest, |c| c.operations[0].pred = vec![OpId::new(start, &actor(3))].into());
    assert_eq!(refused(verdict(Some(&live), &actor(2), &bad)), Fault::Stranger);
}

#[test]
fn what_an_operation_refers_to_must_be_there() {
    let doc = base();
    let honest = write(&doc, &actor(2), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    let made = read(&household(&actor(1))).change.decode().operations;
    let at = |wanted: &dyn Fn(&Op) -> bool| OpId::new(1 + made.iter().position(wanted).expect("there") as u64, &actor(1));
    let map = ObjectId::Id(at(&|o| o.insert));
    let list = ObjectId::Id(at(&|o| o.action == OpType::Make(ObjType::List)));
    let (head, region) = (at(&|o| o.key == Key::Map("head".into())), at(&|o| o.key == Key::Map("region".into())));
    let element = made.iter().rposition(|o| o.insert).map(|i| OpId::new(1 + i as u64, &actor(1))).expect("there");
    let own = OpId::new(read(&honest).start_op, &actor(2));
    let put = || OpType::Put("x".into());
    let bad: Vec<Op> = vec![
        op(put(), ObjectId::Id(head.clone()), "k"),                // a text as object
        op(put(), ObjectId::Id(OpId::new(9_999, &actor(1))), "k"), // nothing as object
        op(put(), ObjectId::Id(own.clone()), "k"),                 // itself as object
        op(put(), list.clone(), "k"),                              // a key in a list
        op(OpType::Delete, ObjectId::Root, "k"),                   // nothing deleted
        Op { insert: true, ..op(put(), ObjectId::Root, "k") },     // an insertion in a map
        Op { pred: vec![head.clone()].into(), ..op(put(), ObjectId::Root, "region") }, // another key's value replaced
        Op { pred: vec![region.clone()].into(), ..op(put(), map.clone(), "region") }, // the same key of another object
        Op { pred: vec![region.clone(), region.clone()].into(), ..op(put(), ObjectId::Root, "region") },
        Op { pred: vec![own.clone()].into(), ..op(put(), ObjectId::Root, "region") },
        Op { pred: vec![OpId::new(9_999, &actor(1))].into(), ..op(put(), ObjectId::Root, "region") },
        Op { key: Key::Seq(ElementId::Head), ..op(put(), list.clone(), "") }, // a value for no element
        Op { key: Key::Seq(ElementId::Head), insert: true, ..op(put(), map.clone(), "") },
        Op { key: Key::Seq(ElementId::Id(element.clone())), insert: true, ..op(put(), list.clone(), "") }, // another list's
        Op { key: Key::Seq(ElementId::Id(head.clone())), insert: true, ..op(put(), list.clone(), "") },
        Op { key: Key::Seq(ElementId::Head), insert: true, ..op(OpType::Delete, list.clone(), "") },
    ];
    for operation in bad {
        let shown = format!("{operation:?}");
        let bytes = forged(&honest, |c| c.operations = vec![operation]);
        assert_eq!(refused(verdict(Some(&doc), &actor(2), &bytes)), Fault::Reference, "{shown}");
    }
}

#[test]
fn a_deflated_column_is_never_inflated() {
    // Bytes that would inflate without end need not be made: the mark is refused before anything looks at them.
    for column in [1, 2, 0x15, 0x42, 0x56, 0x57, 0x70] {
        let bad = columns(&actor(1), &[(column | 8, &[0; 64])]);
        assert_eq!(parse(&bad).err(), Some(Fault::Deflated), "{column:#x}");
    }
    assert_eq!(parse(&vec![0; PAYLOAD_BYTES_MAX + 1]).err(), Some(Fault::Size));
    let bad = columns(&actor(1), &[(0x200, &[0; 64])]);
    assert_eq!(parse(&bad).err(), Some(Fault::Column));
}

#[test]
fn a_run_that_claims_to_be_endless_is_refused_at_once() {
    // 2^60 as a signed run length, as the count of an empty run, and as a count of flags.
    let huge: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    let most: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f];
    let run = |value: &[u8]| [huge, value].concat();
    let empty = [&[0], huge].concat();
    let one: (u64, &[u8]) = (0x42, &[0x7f, 1]);
    let cases: Vec<Vec<(u64, Vec<u8>)>> = vec![
        vec![(0x42, run(&[1]))],
        vec![(0x42, [most, &[1]].concat())],
        vec![(0x42, empty.clone())],
        vec![(1, run(&[0])), (2, run(&[1]))],
        vec![(0x11, empty.clone())],
        vec![(0x13, run(&[0]))],
        vec![(0x15, run(&[1, b'k']))],
        vec![(0x34, huge.to_vec())],
        vec![(0x56, run(&[0]))],
        vec![(0x70, run(&[0]))],
        vec![(0x70, [&[0x7f], huge].concat())],
        vec![(0x70, vec![0x7f, 0x10]), (0x71, run(&[0])), (0x73, run(&[0]))],
        vec![(0x42, vec![0xe9, 0x07, 1])], // 1001
    ];
    for case in cases {
        let shown: Vec<(u64, &[u8])> = case.iter().map(|(spec, data)| (*spec, data.as_slice())).collect();
        assert_eq!(parse(&columns(&actor(1), &shown)).err(), Some(Fault::Operations), "{case:x?}");
    }
    // A value that claims bytes it does not have.
    let bad = columns(&actor(1), &[one, (0x56, &[0x7f, 0xf6, 0x7f])]);
    assert_eq!(parse(&bad).err(), Some(Fault::Malformed));
    let bad = columns(&actor(1), &[one, (0x56, &[[0x7f].as_slice(), &[0x86], &huge[..8], &[1]].concat())]);
    assert!(parse(&bad).is_err());
    // A difference that leaves the range of counters.
    for column in [0x13, 0x73] {
        for data in [&[&[0x02], huge].concat(), &[&[0x7f], most].concat(), &vec![0x7f, 0x7f]] {
            assert_eq!(parse(&columns(&actor(1), &[(column, data)])).err(), Some(Fault::Counter));
        }
    }
}

#[test]
fn nesting_has_a_floor() {
    let made = |depth| write(&Automerge::new(), &actor(1), |tx| nest(tx, depth));
    let (doc, _) = applied(verdict(None, &actor(1), &made(NESTING_MAX)));
    lives_on(&doc);
    for depth in [NESTING_MAX + 1, 300] {
        assert_eq!(refused(verdict(None, &actor(1), &made(depth))), Fault::Nesting);
    }
    // 2,000 at once are too many operations; one more at the floor, also beneath what was deleted, is too deep.
    assert_eq!(refused(verdict(None, &actor(1), &made(2_000))), Fault::Operations);
    let floor = (0..NESTING_MAX).fold(ROOT, |parent, _| child(&doc, &parent, "d"));
    let deeper = write(&doc, &actor(2), |tx| drop(tx.put_object(&floor, "d", ObjType::Map).expect("put")));
    assert_eq!(refused(verdict(Some(&doc), &actor(2), &deeper)), Fault::Nesting);
    let hidden = write(&doc, &actor(3), |tx| tx.delete(ROOT, "d").expect("delete"));
    let (without, _) = applied(verdict(Some(&doc), &actor(3), &hidden));
    assert_eq!(refused(verdict(Some(&without), &actor(2), &deeper)), Fault::Nesting);
    // A value at the floor is fine, and so is one that arrives when the floor is gone.
    let value = write(&doc, &actor(2), |tx| tx.put(&floor, "d", "x").expect("put"));
    applied(verdict(Some(&doc), &actor(2), &value));
    lives_on(&applied(verdict(Some(&without), &actor(2), &value)).0);
}

#[test]
fn a_change_has_only_so_many_operations() {
    let made = |n: u64| write(&Automerge::new(), &actor(1), |tx| (0..n).for_each(|i| tx.put(ROOT, "k", i).expect("put")));
    applied(verdict(None, &actor(1), &made(CHANGE_OPS_MAX)));
    assert_eq!(refused(verdict(None, &actor(1), &made(CHANGE_OPS_MAX + 1))), Fault::Operations);
}

#[test]
fn texts_have_a_longest_length() {
    let long = "长".repeat(STRING_BYTES_MAX / 3) + "e";
    assert_eq!(long.len(), STRING_BYTES_MAX);
    let longer = long.clone() + "r";
    let value = |text: &str| write(&Automerge::new(), &actor(1), |tx| tx.put(ROOT, "k", text).expect("put"));
    let key = |text: &str| write(&Automerge::new(), &actor(1), |tx| tx.put(ROOT, text, 1).expect("put"));
    let bytes = |text: &str| write(&Automerge::new(), &actor(1), |tx| tx.put(ROOT, "k", text.as_bytes().to_vec()).expect("put"));
    for made in [value, key, bytes] {
        applied(verdict(None, &actor(1), &made(&long)));
        assert_eq!(refused(verdict(None, &actor(1), &made(&longer))), Fault::Text);
    }
}

#[test]
fn text_objects_counters_tables_and_marks_are_not_used_here() {
    let honest = write(&Automerge::new(), &actor(1), |tx| tx.put(ROOT, "k", 1).expect("put"));
    let mark = MarkData { name: "bold".into(), value: true.into(), expand: false };
    for action in [
        OpType::Make(ObjType::Text),
        OpType::Make(ObjType::Table),
        OpType::Increment(1),
        OpType::Put(ScalarValue::counter(1)),
        OpType::Put(ScalarValue::Unknown { type_code: 12, bytes: vec![1] }),
        OpType::Put(f64::NAN.into()),
        OpType::Put(f64::NEG_INFINITY.into()),
        OpType::MarkBegin(mark),
        OpType::MarkEnd(false),
    ] {
        let shown = format!("{action:?}");
        let bad = forged(&honest, |c| c.operations[0].action = action);
        assert_eq!(parse(&bad).err(), Some(Fault::Kind), "{shown}");
    }
}

#[test]
fn a_change_of_another_actor_does_not_pass_in_my_log() {
    let doc = base();
    let edit = write(&doc, &actor(2), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    assert_eq!(refused(verdict(Some(&doc), &actor(3), &edit)), Fault::Actor);
    assert_eq!(refused(verdict(None, &actor(3), &edit)), Fault::Actor);
}

#[test]
fn a_restored_backup_writes_its_second_change_again() {
    let doc = base();
    let second = write(&doc, &actor(1), |tx| tx.put(ROOT, "status", "注销").expect("put"));
    let again = write(&doc, &actor(1), |tx| tx.put(ROOT, "status", "在册，复核").expect("put"));
    assert_eq!((read(&second).seq, read(&again).seq), (2, 2));
    let (live, _) = applied(verdict(Some(&doc), &actor(1), &second));
    assert_eq!(refused(verdict(Some(&live), &actor(1), &again)), Fault::SequenceTaken);
    // Also when it follows the other, or leaves one out.
    for seq in [1, 2, 4] {
        let third = write(&live, &actor(1), |tx| tx.put(ROOT, "status", "x").expect("put"));
        let bad = forged(&third, |c| c.seq = seq);
        assert_eq!(refused(verdict(Some(&live), &actor(1), &bad)), Fault::Sequence);
    }
    // Nobody else is held up.
    let other = write(&doc, &actor(2), |tx| tx.put(ROOT, "water", "井水").expect("put"));
    applied(verdict(Some(&live), &actor(2), &other));
}

#[test]
fn the_verdict_does_not_depend_on_what_came_meanwhile() {
    let known = write(&base(), &actor(3), |tx| tx.put(ROOT, "water", "井水").expect("put"));
    let (doc, _) = applied(verdict(Some(&base()), &actor(3), &known));
    let elsewhere = write(&doc, &actor(3), |tx| {
        let extra = tx.put_object(ROOT, "extra", ObjType::Map).expect("put");
        tx.put(&extra, "k", 1).expect("put");
    });
    let (live, _) = applied(verdict(Some(&doc), &actor(3), &elsewhere));
    // Actor 4 knows actor 3, but names an object of it that is not in the past of its change.
    let honest = write(&doc, &actor(4), |tx| tx.put(ROOT, "phone", "13000000002").expect("put"));
    let unseen = ObjectId::Id(OpId::new(read(&elsewhere).start_op, &actor(3)));
    let bad = forged(&honest, |c| c.operations[0] = op(OpType::Put("x".into()), unseen, "k"));
    for doc in [&doc, &live] {
        assert_eq!(refused(verdict(Some(doc), &actor(4), &bad)), Fault::Reference);
    }
    let (one, _) = applied(verdict(Some(&live), &actor(4), &honest));
    let (two, _) = applied(verdict(Some(&doc), &actor(4), &honest));
    let (two, _) = applied(verdict(Some(&two), &actor(3), &elsewhere));
    assert_eq!(one.get_heads(), two.get_heads());
    assert_eq!(one.hydrate(None), two.hydrate(None));
}

#[test]
fn dependencies_are_in_order_and_few() {
    let honest = household(&actor(1));
    let hash = |n: u8| ChangeHash([n; 32]);
    let with = |deps: Vec<ChangeHash>| forged(&honest, |c| c.deps = deps);
    assert!(matches!(verdict(None, &actor(1), &with(vec![hash(2), hash(1)])), Verdict::Waiting(missing) if missing.len() == 2));
    assert_eq!(parse(&with(vec![hash(1), hash(1)])).err(), Some(Fault::Dependencies));
    assert_eq!(parse(&with((0..65).map(hash).collect())).err(), Some(Fault::Dependencies));
    let unsorted = [[2].as_slice(), &[2; 32], &[1; 32], &data_of(&honest)[1..]].concat();
    assert_eq!(parse(&chunk(1, &unsorted)).err(), Some(Fault::Dependencies));
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed() {
    let bytes = household(&actor(1));
    assert!(parse(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_err(), "cut to {length}");
    }
    assert!(parse(&[&bytes[..], &[0]].concat()).is_err());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(parse(&flipped).is_err(), "bit {bit}");
    }
    // Bytes after the columns, where Automerge would read an author, with a checksum that fits.
    let more = chunk(1, &[data_of(&bytes), &[1, 1, 7]].concat());
    assert_eq!(parse(&more).err(), Some(Fault::Malformed));
}

#[test]
fn a_change_has_one_encoding() {
    // One put: the key, no insertion, the action, a whole number of one byte, no predecessor.
    let with_action = |action: &[u8]| {
        let rest: [(u64, &[u8]); 5] =
            [(0x15, &[0x7f, 1, b'k']), (0x34, &[1]), (0x56, &[0x7f, 0x14]), (0x57, &[7]), (0x70, &[0x7f, 0])];
        let mut all = [&rest[..], &[(0x42, action)]].concat();
        all.sort_unstable();
        columns(&actor(1), &all)
    };
    let (doc, _) = applied(verdict(None, &actor(1), &with_action(&[0x7f, 1])));
    assert_eq!(doc.get(ROOT, "k").expect("readable").map(|(v, _)| v), Some(Value::int(7)));
    // The same action as a run of one, and with a longer number.
    assert_eq!(parse(&with_action(&[1, 1])).err(), Some(Fault::Canonical));
    assert_eq!(parse(&with_action(&[0xff, 0x7f, 1])).err(), Some(Fault::Canonical));
    assert_eq!(parse(&with_action(&[0x7f, 0x81, 0])).err(), Some(Fault::Malformed));
}

#[test]
fn stored_snapshots_that_rotted_are_refused() {
    let (doc, snapshot) = applied(verdict(None, &actor(1), &household(&actor(1))));
    assert_eq!(load(&[]).err(), Some(Fault::Snapshot));
    quietly(|| {
        let mut random = Random(4);
        for _ in 0..2_000 {
            let mut rotten = snapshot.clone();
            let at = random.below(rotten.len());
            rotten[at] ^= 1 << random.below(8);
            if let Ok(loaded) = load(&rotten) {
                assert_eq!(loaded.get_heads(), doc.get_heads());
            }
            assert_eq!(load(&rotten[..at]).err(), Some(Fault::Snapshot));
        }
    });
}

#[test]
fn words_of_faults_differ_and_say_nothing_of_the_record() {
    let faults = [
        Fault::Size,
        Fault::Malformed,
        Fault::ChunkType,
        Fault::Checksum,
        Fault::Deflated,
        Fault::Column,
        Fault::Dependencies,
        Fault::Actors,
        Fault::Operations,
        Fault::Counter,
        Fault::Text,
        Fault::Kind,
        Fault::Unreadable,
        Fault::Canonical,
        Fault::Actor,
        Fault::Sequence,
        Fault::SequenceTaken,
        Fault::StartOp,
        Fault::Stranger,
        Fault::Reference,
        Fault::Nesting,
        Fault::Full,
        Fault::Trial,
        Fault::Live,
        Fault::Snapshot,
    ];
    let words: BTreeSet<&str> = faults.iter().map(Fault::word).collect();
    assert_eq!(words.len(), faults.len());
    assert!(faults.iter().all(|f| !f.to_string().is_empty()));
}

/// A record with a history: conflicts, lists, deletions, three actors.
fn lived_in() -> Automerge {
    let doc = base();
    let edits = [3, 4].map(|n| {
        let bytes = write(&doc, &actor(n), |tx| {
            tx.put(ROOT, "status", format!("by {n}")).expect("put");
            let members = tx.get(ROOT, "members").expect("readable").expect("there").1;
            tx.insert(&members, 1, n as i64).expect("insert");
            tx.put(&members, 0, n as i64).expect("put");
            tx.delete(&members, 3).expect("delete");
        });
        (actor(n), bytes)
    });
    edits.iter().fold(doc, |doc, (who, bytes)| applied(verdict(Some(&doc), who, bytes)).0)
}

/// An honest change on top of [`lived_in`], with something of everything.
fn rich(doc: &Automerge, who: &ActorId) -> Vec<u8> {
    write(doc, who, |tx| {
        tx.put(ROOT, "status", "merged").expect("put");
        tx.delete(ROOT, "remark").expect("delete");
        let members = tx.get(ROOT, "members").expect("readable").expect("there").1;
        tx.put(&members, 0, "first").expect("put");
        tx.delete(&members, 1).expect("delete");
        let member = tx.insert_object(&members, 2, ObjType::Map).expect("insert");
        tx.put(&member, "name", "某丁").expect("put");
        let visits = tx.put_object(&member, "visits", ObjType::List).expect("put");
        tx.insert(&visits, 0, 1.25).expect("insert");
        tx.insert(&visits, 1, ScalarValue::Timestamp(1_700_000_000)).expect("insert");
        tx.put(&visits, 1, vec![1, 2, 3]).expect("put");
    })
}

#[test]
fn twenty_thousand_mutants_with_good_checksums_do_no_harm() {
    let doc = lived_in();
    let bytes = rich(&doc, &actor(2));
    let data = data_of(&bytes);
    let mut random = Random(1);
    let (mut read, mut taken) = (0, 0);
    quietly(|| {
        for _ in 0..20_000 {
            let mut mutant = data.to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(mutant.len());
                match random.below(6) {
                    0 => mutant[at] ^= 1 << random.below(8),
                    1 => mutant[at] = random.next() as u8,
                    2 => mutant[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
                    3 => drop(mutant.remove(at)),
                    4 => mutant.insert(at, random.next() as u8),
                    _ => mutant[at] = mutant[at].wrapping_add(1),
                }
            }
            let mutant = chunk(1, &mutant);
            let Ok(parsed) = parse(&mutant) else { continue };
            read += 1;
            if let Verdict::Applied(doc, _) = judge(Some(&doc), &parsed.actor, &parsed) {
                taken += 1;
                lives_on(&doc);
            }
        }
    });
    // The test means something only while some mutants get that far.
    assert!(read > 500 && taken > 100, "{read} read, {taken} taken");
}

/// Alters one thing in a change that Automerge's own encoder will then write without complaint.
fn meddle(change: &mut ExpandedChange, random: &mut Random, actors: &[ActorId]) {
    let start = change.start_op.get();
    let some_id = |random: &mut Random| {
        let counter = if random.below(3) == 0 { start + random.next() % 12 } else { 1 + random.next() % (start + 2) };
        OpId::new(counter, random.pick(actors))
    };
    let some_key = |random: &mut Random| match random.below(4) {
        0 => Key::Map((*random.pick(&["status", "remark", "name", "", "zz"])).into()),
        1 => Key::Seq(ElementId::Head),
        _ => Key::Seq(ElementId::Id(some_id(random))),
    };
    if change.operations.is_empty() {
        return;
    }
    let at = random.below(change.operations.len());
    let other = random.below(change.operations.len());
    match random.below(12) {
        0 => change.operations[at].obj = ObjectId::Id(some_id(random)),
        1 => change.operations[at].obj = change.operations[other].obj.clone(),
        2 => change.operations[at].obj = ObjectId::Root,
        3 => change.operations[at].key = some_key(random),
        4 => change.operations[at].key = change.operations[other].key.clone(),
        5 => change.operations[at].pred = (0..random.below(3)).map(|_| some_id(random)).collect(),
        6 => change.operations[at].pred = change.operations[other].pred.clone(),
        7 => change.operations[at].insert ^= true,
        8 => {
            let made = [OpType::Make(ObjType::Map), OpType::Make(ObjType::List), OpType::Delete, OpType::Put(7.into())];
            change.operations[at].action = random.pick(&made).clone();
        }
        9 => change.operations.swap(at, other),
        10 => drop(change.operations.remove(at)),
        _ => {
            let again = change.operations[at].clone();
            change.operations.insert(other, again);
        }
    }
}

#[test]
fn well_formed_lies_do_no_harm_and_are_judged_the_same_beside_other_changes() {
    let doc = lived_in();
    let honest = rich(&doc, &actor(2));
    let beside = write(&doc, &actor(1), |tx| {
        let members = tx.get(ROOT, "members").expect("readable").expect("there").1;
        tx.insert(&members, 1, "beside").expect("insert");
        tx.put(ROOT, "status", "beside").expect("put");
        drop(tx.put_object(ROOT, "zz", ObjType::Map).expect("put"));
    });
    let (live, _) = applied(verdict(Some(&doc), &actor(1), &beside));
    let actors = [1, 2, 3, 4].map(actor);
    let mut random = Random(2);
    let mut faults = BTreeMap::new();
    quietly(|| {
        for _ in 0..4_000 {
            let lie = forged(&honest, |c| {
                for _ in 0..=random.below(2) {
                    meddle(c, &mut random, &actors);
                }
            });
            let words = [&doc, &live].map(|doc| match verdict(Some(doc), &actor(2), &lie) {
                Verdict::Applied(doc, _) => {
                    lives_on(&doc);
                    "applied"
                }
                Verdict::Refused(fault) => fault.word(),
                other => panic!("{other:?}"),
            });
            assert_eq!(words[0], words[1]);
            *faults.entry(words[0]).or_insert(0) += 1;
        }
    });
    assert!(faults.get("applied").is_some_and(|n| *n > 200), "{faults:?}");
    // What the checks of references let through, the trial has nothing to say against.
    assert_eq!(faults.get("trial"), None, "{faults:?}");
}

#[test]
fn lies_upon_lies_do_no_harm() {
    let actors = [1, 2, 3].map(actor);
    let mut taken = 0;
    quietly(|| {
        for seed in 0..20 {
            let mut random = Random(500 + seed);
            let mut doc = lived_in();
            for _ in 0..100 {
                let who = random.pick(&actors).clone();
                let Some(honest) = honest_edit(&doc, &who, &mut random) else { continue };
                let lie = forged(&honest, |c| meddle(c, &mut random, &actors));
                match verdict(Some(&doc), &who, &lie) {
                    Verdict::Applied(next, _) => {
                        doc = *next;
                        taken += 1;
                    }
                    Verdict::Refused(fault) => assert!(!matches!(fault, Fault::Trial | Fault::Live), "{fault}"),
                    other => panic!("{other:?}"),
                }
            }
            lives_on(&doc);
        }
    });
    assert!(taken > 300, "{taken}");
}

/// Some honest edit of a small record of maps and lists.
fn honest_edit(doc: &Automerge, who: &ActorId, random: &mut Random) -> Option<Vec<u8>> {
    let mut doc = doc.clone().with_actor(who.clone());
    let mut tx = doc.transaction();
    for _ in 0..=random.below(4) {
        // Walk to some object, a few steps down.
        let mut object = ROOT;
        for _ in 0..random.below(4) {
            let inner: Vec<ObjId> = match tx.object_type(&object).expect("an object") {
                ObjType::List => {
                    tx.list_range(&object, ..).filter(|i| matches!(i.value, ValueRef::Object(_))).map(|i| i.id()).collect()
                }
                _ => tx.map_range(&object, ..).filter(|i| matches!(i.value, ValueRef::Object(_))).map(|i| i.id()).collect(),
            };
            if inner.is_empty() {
                break;
            }
            object = random.pick(&inner).clone();
        }
        let value = random.next() as i64 % 100;
        if tx.object_type(&object).expect("an object") == ObjType::List {
            let length = tx.length(&object);
            match random.below(5) {
                0 => drop(tx.insert_object(&object, random.below(length + 1), ObjType::Map).expect("insert")),
                1 if length > 0 => tx.delete(&object, random.below(length)).expect("delete"),
                2 if length > 0 => tx.put(&object, random.below(length), value).expect("put"),
                _ => tx.insert(&object, random.below(length + 1), value).expect("insert"),
            }
        } else {
            let key = *random.pick(&["a", "b", "c", "d", "e"]);
            match random.below(8) {
                0 => drop(tx.put_object(&object, key, ObjType::Map).expect("put")),
                1 => drop(tx.put_object(&object, key, ObjType::List).expect("put")),
                2 => tx.delete(&object, key).expect("delete"),
                3 => tx.put(&object, key, format!("文{value}")).expect("put"),
                _ => tx.put(&object, key, value).expect("put"),
            }
        }
    }
    tx.commit().0?;
    doc.get_last_local_change().map(|change| change.raw_bytes().to_vec())
}

/// A change on its way: the log it is in, and what it reads as.
type Sent = (ActorId, Result<Parsed, Fault>);

/// One replica: its record, and what it waits for.
#[derive(Default)]
struct Replica {
    doc: Option<Automerge>,
    waiting: Vec<usize>,
    verdicts: BTreeMap<usize, &'static str>,
}

impl Replica {
    /// Takes change number `index` of `all`, and then whatever waited.
    fn take(&mut self, all: &[Sent], index: usize) {
        self.waiting.push(index);
        while let Some(done) = self.waiting.iter().position(|&index| {
            let (who, parsed) = &all[index];
            let outcome = match parsed {
                Ok(parsed) => judge(self.doc.as_ref(), who, parsed),
                Err(fault) => Verdict::Refused(*fault),
            };
            let word = match outcome {
                Verdict::Applied(doc, _) => {
                    self.doc = Some(*doc);
                    "applied"
                }
                Verdict::AlreadyThere => "already there",
                Verdict::Waiting(_) => return false,
                Verdict::Refused(fault) => fault.word(),
            };
            assert_eq!(self.verdicts.insert(index, word), None);
            true
        }) {
            self.waiting.swap_remove(done);
        }
    }
}

/// Plays histories of four offices and some liars, and lets the changes arrive in other orders elsewhere. Gives how
/// many honest changes there were.
fn histories(seeds: std::ops::Range<u64>) -> usize {
    let mut honest_changes = 0;
    quietly(|| {
        for seed in seeds {
            let mut random = Random(1_000 + seed);
            let writers = [1, 2, 3, 4].map(actor);
            let mut replicas: Vec<Replica> = writers.iter().map(|_| Replica::default()).collect();
            let mut all: Vec<Sent> = Vec::new();
            let mut lies = Vec::new();
            for step in 0..45 {
                let at = random.below(writers.len());
                if random.below(3) > 0 {
                    let missing: Vec<usize> = (0..all.len())
                        .filter(|i| !replicas[at].verdicts.contains_key(i) && !replicas[at].waiting.contains(i))
                        .collect();
                    for index in missing {
                        if random.below(3) > 0 {
                            replicas[at].take(&all, index);
                        }
                    }
                }
                let doc = replicas[at].doc.clone().unwrap_or_default();
                let Some(bytes) = honest_edit(&doc, &writers[at], &mut random) else { continue };
                all.push((writers[at].clone(), parse(&bytes)));
                replicas[at].take(&all, all.len() - 1);
                // Somebody else, who has seen the same, lies.
                if random.below(4) == 0 {
                    let liar = actor(100 + step);
                    let Some(bytes) = honest_edit(&doc, &liar, &mut random) else { continue };
                    let actors = [&writers[..], std::slice::from_ref(&liar)].concat();
                    let lie = forged(&bytes, |c| meddle(c, &mut random, &actors));
                    lies.push(all.len());
                    all.push((liar, parse(&lie)));
                }
            }
            honest_changes += all.len() - lies.len();

            let mut outcomes = Vec::new();
            for _ in 0..4 {
                let mut order: Vec<usize> = (0..all.len()).collect();
                random.shuffle(&mut order);
                let mut replica = Replica::default();
                order.iter().for_each(|index| replica.take(&all, *index));
                assert!(replica.waiting.is_empty(), "nothing waits for ever");
                for (index, word) in &replica.verdicts {
                    assert!(lies.contains(index) || *word == "applied", "seed {seed}: honest change {index}: {word}");
                }
                let doc = replica.doc.expect("a record");
                lives_on(&doc);
                outcomes.push((replica.verdicts, doc.get_heads(), doc.hydrate(None)));
            }
            assert!(outcomes.iter().all(|o| *o == outcomes[0]), "seed {seed}");
        }
    });
    honest_changes
}

#[test]
fn honest_histories_pass_and_lies_among_them_fare_the_same_in_every_order() {
    assert!(histories(0..10) > 300);
}

#[test]
#[ignore = "minutes: more of the same"]
fn many_honest_histories_pass() {
    println!("{} honest changes", histories(10..500));
}

#[test]
#[ignore = "a measurement: cargo test --release -p shouwang-protocol --test fence cost -- --ignored --nocapture"]
#[allow(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn cost_of_an_honest_change() {
    let time = |name: &str, work: &mut dyn FnMut()| {
        (0..50).for_each(|_| work());
        let begin = std::time::Instant::now();
        (0..500).for_each(|_| work());
        println!("{name}: {:?}", begin.elapsed() / 500);
    };
    let first = household(&actor(1));
    let parsed = read(&first);
    println!("household: {} bytes, {} operations", first.len(), parsed.change.len());
    time("parse, new household", &mut || drop(parse(&first)));
    time("judge, new household", &mut || drop(applied(judge(None, &actor(1), &parsed))));
    let doc = base();
    let edit = write(&doc, &actor(2), |tx| {
        tx.put(ROOT, "income_annual", 9_999).expect("put");
        tx.put(ROOT, "status", "注销").expect("put");
    });
    let parsed = read(&edit);
    time("parse, edit", &mut || drop(parse(&edit)));
    time("judge, edit at the heads", &mut || drop(applied(judge(Some(&doc), &actor(2), &parsed))));
    let other = write(&doc, &actor(3), |tx| tx.put(ROOT, "water", "井水").expect("put"));
    let (live, _) = applied(verdict(Some(&doc), &actor(3), &other));
    time("judge, concurrent edit", &mut || drop(applied(judge(Some(&live), &actor(2), &parsed))));
    for changes in [50, 300] {
        let mut doc = doc.clone();
        for i in 0..changes {
            let who = actor(1 + i % 3);
            let bytes = write(&doc, &who, |tx| tx.put(ROOT, "status", i as i64).expect("put"));
            doc = applied(verdict(Some(&doc), &who, &bytes)).0;
        }
        let edit = write(&doc, &actor(2), |tx| tx.put(ROOT, "income_annual", 9_999).expect("put"));
        let parsed = read(&edit);
        time(&format!("judge, edit after {changes} others"), &mut || drop(applied(judge(Some(&doc), &actor(2), &parsed))));
    }
    let snapshot = doc.save_nocompress();
    time("load", &mut || drop(load(&snapshot)));
}
