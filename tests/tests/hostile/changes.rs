//! Automerge changes as the enrolled machine may sign them: an honest one, and the kinds that crash, bloat or poison a
//! program that takes changes unchecked.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, Change, ChangeHash, ExpandedChange, ObjType, ROOT, ReadDoc as _};
use shouwang_protocol::limits::{CHANGE_OPS_MAX, NESTING_MAX, STRING_BYTES_MAX};
use std::num::NonZeroU64;

fn change(doc: Automerge, who: &ActorId, edit: impl FnOnce(&mut Transaction<'_>)) -> Change {
    let mut doc = doc.with_actor(who.clone());
    let mut tx = doc.transaction();
    edit(&mut tx);
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
    doc.get_change_by_hash(&hash.expect("something was written")).expect("a change")
}

/// A new household, as an honest program would write it.
pub fn good(who: &ActorId) -> Vec<u8> {
    change(Automerge::new(), who, |tx| tx.put(ROOT, "head", "王某").expect("put")).raw_bytes().to_vec()
}

/// A change upon a document.
pub fn on(doc: Automerge, who: &ActorId) -> Vec<u8> {
    change(doc, who, |tx| tx.put(ROOT, "approved", "坏").expect("put")).raw_bytes().to_vec()
}

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

/// A first change with these columns.
fn columns(who: &ActorId, start_op: &[u8], columns: &[(u64, &[u8])]) -> Vec<u8> {
    let mut data = vec![0, 16];
    data.extend(who.to_bytes());
    data.push(1);
    data.extend(start_op);
    data.extend([0, 0, 0]);
    uleb(columns.len() as u64, &mut data);
    for (spec, column) in columns {
        uleb(*spec, &mut data);
        uleb(column.len() as u64, &mut data);
    }
    columns.iter().for_each(|(_, column)| data.extend(*column));
    chunk(1, &data)
}

/// Each with what it is.
pub fn crashers(who: &ActorId) -> Vec<(&'static str, Vec<u8>)> {
    let honest = good(who);
    let stranger = ActorId::from([0x5a; 16]);
    let endless = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 1];
    let nest = |depth: usize| {
        change(Automerge::new(), who, |tx| {
            (0..depth).fold(ROOT, |parent, _| tx.put_object(&parent, "d", ObjType::Map).expect("put"));
        })
    };
    let mut whole = Automerge::new();
    whole.load_incremental(&honest).expect("loads");
    let mut large = change(Automerge::new(), who, |tx| {
        (0..40).for_each(|n| tx.put(ROOT, format!("field {n}"), "一二三四五六七").expect("put"));
    });
    let mut torn = honest.clone();
    torn.truncate(honest.len() - 3);
    let mut flipped = honest.clone();
    flipped[30] ^= 4;
    vec![
        ("nothing", Vec::new()),
        ("noise", (0..200_u8).map(|n| n.wrapping_mul(97)).collect()),
        ("a torn change", torn),
        ("a flipped bit", flipped),
        ("a whole document", whole.save()),
        ("a deflated change", large.bytes().into_owned()),
        ("a bundle", chunk(3, &honest)),
        ("an unknown chunk", chunk(9, &honest)),
        (
            "a counter that ends the record",
            forged(&honest, |c| c.start_op = NonZeroU64::new(u64::from(u32::MAX) - 3).expect("not 0")),
        ),
        ("a counter of 0", columns(who, &[0], &[])),
        ("a counter beyond 32 bits", columns(who, &[0x80, 0x80, 0x80, 0x80, 0x10], &[])),
        ("a run without end", columns(who, &[1], &[(0x42, &endless)])),
        ("flags without end", columns(who, &[1], &[(0x34, &endless[..9])])),
        ("a deflated column", columns(who, &[1], &[(0x42 | 8, &[0; 64])])),
        ("an unknown column", columns(who, &[1], &[(0x200, &[0; 64])])),
        ("a value beyond its bytes", columns(who, &[1], &[(0x42, &[0x7f, 1]), (0x56, &[0x7f, 0xf6, 0x7f])])),
        ("nesting", nest(NESTING_MAX + 1).raw_bytes().to_vec()),
        ("deep nesting", nest(300).raw_bytes().to_vec()),
        (
            "operations",
            change(Automerge::new(), who, |tx| (0..=CHANGE_OPS_MAX).for_each(|n| tx.put(ROOT, "k", n).expect("put")))
                .raw_bytes()
                .to_vec(),
        ),
        (
            "a long text",
            change(Automerge::new(), who, |tx| tx.put(ROOT, "k", "x".repeat(STRING_BYTES_MAX + 1)).expect("put"))
                .raw_bytes()
                .to_vec(),
        ),
        ("somebody else's actor", good(&stranger)),
        ("a dependency that nobody has", forged(&honest, |c| c.deps = vec![ChangeHash([1; 32])])),
        ("a second change that comes first", forged(&honest, |c| c.seq = 2)),
        (
            "a text object",
            change(Automerge::new(), who, |tx| drop(tx.put_object(ROOT, "t", ObjType::Text).expect("put"))).raw_bytes().to_vec(),
        ),
    ]
}
