//! Every decoder meets noise: nothing panics, and what is accepted reads back the same.
#![allow(clippy::expect_used, missing_docs)]

use proptest::prelude::*;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::{Certificate, DeviceKey, Incarnation, Signature};
use shouwang_protocol::entry::{Content, Entry, EntryRef, Header, LogId, Pair, Run};
use shouwang_protocol::frontier::Digest;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::sync::frame::{FrameReader, FrameWriter};
use shouwang_protocol::sync::message::{Farewell, Frontiers, Hello, Message};

fn place() -> impl Strategy<Value = Place> {
    (any::<u64>(), 0..3_u8, 0..3_u8).prop_map(|(area, lane, floor)| Place {
        area: AreaId::from_raw(area),
        lane: Lane::from_number(lane).unwrap_or(Lane::Control),
        floor: Tier::from_number(floor).unwrap_or(Tier::Village),
    })
}

fn log() -> impl Strategy<Value = LogId> {
    (place(), any::<[u8; 32]>(), any::<[u8; 16]>()).prop_map(|(place, device, life)| LogId {
        place,
        device: DeviceKey(device),
        incarnation: Incarnation(life),
    })
}

fn header() -> impl Strategy<Value = Header> {
    let after = prop::collection::vec((any::<[u8; 32]>(), any::<u64>()), 0..16);
    (any::<[u64; 2]>(), after, any::<i64>(), "\\PC{0,24}", any::<[u8; 16]>()).prop_map(
        |([sequence, lamport], after, claimed_ms, staff, action)| Header {
            version: 1,
            suite: 1,
            sequence,
            lamport,
            after: after.into_iter().map(|(log, sequence)| EntryRef { log: Hash(log), sequence }).collect(),
            claimed_ms,
            staff,
            action: ActionId(action),
        },
    )
}

fn reference() -> impl Strategy<Value = RecordRef> {
    prop_oneof![
        any::<u16>().prop_map(|kind| RecordRef::New(Kind(kind))),
        any::<[u8; 32]>().prop_map(|id| RecordRef::Known(RecordId(Hash(id)))),
        any::<[u8; 16]>().prop_map(|case| RecordRef::Volume(CaseId(case), Tier::City)),
    ]
}

fn run() -> impl Strategy<Value = Run> {
    let pair = (reference(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(record, change)| Pair::new(&record, change));
    let entry =
        (header(), prop::collection::vec(pair, 0..3)).prop_map(|(header, pairs)| Entry { header: header.to_bytes(), pairs });
    (log(), any::<u64>(), prop::collection::vec(entry, 1..4)).prop_map(|(log, first, entries)| Run {
        log,
        first,
        entries,
        signature: Signature([7; 64]),
    })
}

fn message() -> impl Strategy<Value = Message> {
    let digest = || any::<u128>().prop_map(Digest);
    prop_oneof![
        (any::<[u64; 2]>(), any::<Option<(u64, u64)>>(), digest(), digest()).prop_map(
            |([epoch, position], yours, control, common)| {
                Message::Hello(Hello { suites: vec![1], epoch, position, yours, control, common })
            }
        ),
        prop::collection::vec((place(), digest()), 0..9).prop_map(Message::Places),
        (any::<[bool; 2]>(), prop::collection::vec((log(), any::<u64>()), 0..9)).prop_map(|([control, reply], logs)| {
            let logs = logs.into_iter().map(|(log, length)| (log, length, Hash([3; 32]))).collect();
            Message::Frontiers(Frontiers { control, places: None, logs, reply })
        }),
        (any::<u64>(), prop::collection::vec(any::<u8>(), 0..99)).prop_map(|(number, bytes)| Message::Frame {
            number,
            lane: Lane::Casework,
            inflated: 900,
            bytes
        }),
        any::<u64>().prop_map(Message::Ack),
        run().prop_map(Message::Shown),
        (log(), any::<u64>()).prop_map(|(log, at)| Message::Probe(log, at)),
        Just(Message::Bye(Farewell::Expired)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_reads_back_and_survives_every_cut_and_flip(message in message(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let bytes = message.to_bytes();
        prop_assert_eq!(Message::from_bytes(&bytes), Ok(message));
        let _ = Message::from_bytes(&bytes[..at.index(bytes.len())]);
        let mut flipped = bytes.clone();
        flipped[at.index(bytes.len())] ^= 1 << bit;
        let _ = Message::from_bytes(&flipped);
    }

    #[test]
    fn noise_is_no_message_and_no_frame(bytes in prop::collection::vec(any::<u8>(), 0..600), inflated in 0..5_000_u32) {
        let _ = Message::from_bytes(&bytes);
        let _ = Certificate::from_bytes(&bytes);
        let _ = Header::from_bytes(&bytes);
        let _ = FrameReader::default().read(Lane::Registry, inflated, &bytes);
        let pair = Pair { record: bytes.clone(), content: Content::Raw(bytes) };
        let _ = pair.record_ref();
    }

    #[test]
    fn a_header_keeps_what_a_newer_version_added(header in header(), added in prop::collection::vec(any::<u8>(), 0..40)) {
        let bytes = [header.to_bytes(), added].concat();
        if bytes.len() <= shouwang_protocol::limits::HEADER_BYTES_MAX {
            prop_assert_eq!(Header::from_bytes(&bytes), Some(header));
        }
    }

    #[test]
    fn frames_read_back(runs in prop::collection::vec(run(), 1..4)) {
        let (bytes, inflated) = FrameWriter::default().write(Lane::Control, &runs).expect("compresses");
        prop_assert_eq!(FrameReader::default().read(Lane::Control, inflated, &bytes), Ok(runs));
    }
}
