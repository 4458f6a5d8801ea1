//! What comes from a machine in bad hands, over a real QUIC port: it ends its own connection, is refused, or has no
//! effect; it is counted, and the node goes on with everybody else.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod changes;
mod machine;

use machine::{Conversation, Machine};
use serde_json::{Value, json};
use shouwang_node::store::{KeySource, Vault};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::Signature;
use shouwang_protocol::entry::{Content, Pair, Run};
use shouwang_protocol::limits;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordRef};
use shouwang_protocol::records::case;
use shouwang_protocol::sync::frame::FrameWriter;
use shouwang_protocol::sync::message::{Frontiers, Message};
use shouwang_simulations::households::SplitMix64;
use shouwang_simulations::offices::{Office, program, write_lines};
use shouwang_tests::http;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const CITY: &str = "320582000000";
const VILLAGE: &str = "320582100201";
const NEIGHBOUR: &str = "320582100202";

/// A city, an honest village that is connected, and the key of a neighbour's stolen machine.
struct Scene {
    dir: tempfile::TempDir,
    city: Office,
    village: Office,
    stolen: Machine,
    process: Option<u32>,
}

impl Scene {
    fn set() -> Scene {
        let dir = tempfile::tempdir().expect("a directory");
        let table = dir.path().join("divisions.csv");
        std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG).expect("writes");
        let mut city = Office::found(&program().expect("built"), dir.path().join("city"), &table, "市中心").expect("founds");
        let mut village = city.enrol(dir.path().join("village"), &[VILLAGE], &[]).expect("enrols");
        let neighbour = city.enrol(dir.path().join("neighbour"), &[NEIGHBOUR], &[]).expect("enrols");
        let key = KeySource::KeyFile(neighbour.key_file().to_owned());
        let stolen = Machine::with(Vault::open(neighbour.dir(), &key).expect("opens").secrets().device_seed);
        city.run(&[]).expect("runs");
        village.run(&[city.quic().expect("listens")]).expect("runs");
        village.wait_until("agreement", PATIENCE, |status| status["peers"][0]["agreed"] == true).expect("agrees");
        let process = city.process();
        Scene { dir, city, village, stolen, process }
    }

    fn port(&self) -> SocketAddr {
        self.city.quic().expect("listens")
    }

    /// The city serves the honest village as if nothing had been.
    fn goes_on(&self) -> Value {
        let rows = shouwang_tests::town::rows(VILLAGE, 5, 1).expect("rows");
        let file = self.dir.path().join("rows.jsonl");
        write_lines(&file, rows.iter().map(Value::to_string)).expect("writes");
        let report = self.village.command(&["import", "households", &file.to_string_lossy()]).expect("imports");
        assert_eq!(report["imported"], 5);
        let confirmed = |status: &Value| status["confirmed"]["city"] == status["own_entries"];
        let village = self.village.wait_until("receipts", PATIENCE, confirmed).expect("confirmed");
        assert!(village["connections_ended"].as_object().expect("counts").is_empty(), "it was never disturbed: {village}");
        let city = self.city.status().expect("status");
        assert_eq!((self.city.process(), &city["households"]), (self.process, &json!(5)), "{city}");
        for office in [&self.city, &self.village] {
            assert_eq!(office.command(&["verify"]).expect("nothing differs")["differences"], json!([]));
        }
        city
    }

    fn metric(&self, line: &str) -> u64 {
        let text = http::request(self.city.web().expect("runs"), "GET", "/metrics", &[], b"").expect("answers").text();
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("{line} in {text}"))
    }
}

fn noise(random: &mut SplitMix64, length: u64) -> Vec<u8> {
    (0..length).map(|_| random.next_u64() as u8).collect()
}

fn place(area: &str, lane: Lane) -> Place {
    Place { area: AreaId::parse(area).expect("a code"), lane, floor: Tier::Village }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_lies_and_torn_messages_end_their_own_connection_and_are_counted() {
    let scene = Scene::set();
    let mut random = SplitMix64::new(4433);
    // Datagrams that are no QUIC.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
    for _ in 0..500 {
        let length = random.below(1_400);
        let mut datagram = noise(&mut random, length);
        if let Some(first) = datagram.first_mut().filter(|_| length.is_multiple_of(2)) {
            *first |= 0xc0;
        }
        socket.send_to(&datagram, scene.port()).expect("sends");
    }
    // Streams that are no messages: an unknown key's and an enrolled one's.
    let seeds = [[9; 32], scene.stolen.seed()];
    let mut ended = 0;
    for case in 0..60_u64 {
        let mut conversation = Conversation::begin(seeds[(case % 2) as usize], scene.port()).await;
        let length = 1 + random.below(2_000);
        let bytes = noise(&mut random, length);
        let announced = |length: u32| [&length.to_le_bytes()[..], &bytes].concat();
        match case % 4 {
            0 => conversation.raw(&announced(u32::MAX)).await,
            1 => conversation.raw(&announced(u32::try_from(limits::MESSAGE_BYTES_MAX).expect("fits") + 1)).await,
            2 => conversation.raw(&announced(u32::try_from(bytes.len()).expect("fits"))).await,
            _ => {
                conversation.raw(&announced(u32::try_from(bytes.len()).expect("fits") + 1)).await;
                conversation.finish();
            }
        }
        let word = conversation.ended().await;
        assert!(["garbage", "malformed", "version"].contains(&word.as_str()), "{word} for case {case}");
        ended += 1;
    }
    // Real messages with flipped bits, from the enrolled key: whatever they say now, the city stands.
    let honest = [
        Message::WhoAreYou,
        Message::Ack(3),
        Message::Places(vec![(place(NEIGHBOUR, Lane::Registry), Default::default()); 40]),
        Message::Frontiers(Frontiers { control: false, places: None, logs: Vec::new(), reply: true }),
        Message::Probe(scene.stolen.log(place(VILLAGE, Lane::Registry)), 7),
        Message::Show(scene.stolen.log(place(CITY, Lane::Control)), 0),
    ];
    for round in 0..20_u64 {
        let mut conversation = Conversation::greeted(&scene.stolen, scene.port()).await;
        for message in &honest {
            let mut bytes = message.to_bytes();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
            conversation.raw(&[&u32::try_from(bytes.len()).expect("short").to_le_bytes()[..], &bytes].concat()).await;
        }
        conversation.raw(&[255; 4]).await;
        let word = conversation.ended().await;
        assert!(["garbage", "malformed", "version", "foreign"].contains(&word.as_str()), "{word} in round {round}");
        ended += 1;
    }
    let counted = |status: &Value| {
        let words = ["garbage", "malformed", "version", "foreign"];
        words.iter().filter_map(|word| status["connections_ended"][word].as_u64()).sum::<u64>() == ended
    };
    scene.city.wait_until("all are counted", PATIENCE, counted).expect("counted");
    scene.goes_on();
    assert!(scene.metric("shouwang_connections_ended_total{reason=\"garbage\"} ") > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_lie_about_themselves_end_the_connection() {
    let scene = Scene::set();
    let frame = |number: u64, inflated: usize, bytes: Vec<u8>| Message::Frame {
        number,
        lane: Lane::Registry,
        inflated: u32::try_from(inflated).expect("fits"),
        bytes,
    };
    let (honest, size) = FrameWriter::default().write(Lane::Registry, &[]).expect("compresses");
    let size = size as usize;
    let bomb = zstd::bulk::compress(&vec![0; 200_000_000], 1).expect("compresses");
    // A list that claims 2^60 runs, and a run that claims 2^60 entries.
    let endless = [vec![0xff; 8], vec![0x0f]].concat();
    let packed = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).expect("compresses");
    let frames = [
        frame(7, size, honest.clone()),
        frame(0, size + 1, honest.clone()),
        frame(0, limits::FRAME_INFLATED_MAX + 1, honest.clone()),
        frame(0, limits::FRAME_INFLATED_MAX, bomb.clone()),
        frame(0, 10, bomb),
        frame(0, endless.len(), packed(&endless)),
        frame(0, 1_000, noise(&mut SplitMix64::new(1), 1_000)),
        frame(0, size, vec![0; limits::FRAME_BYTES_MAX + 1]),
        frame(0, 0, Vec::new()),
        Message::Places(vec![(place(NEIGHBOUR, Lane::Registry), Default::default()); limits::AREAS_MAX + 1]),
        Message::Receipts { number: 5, receipts: Vec::new() },
    ];
    let count = frames.len();
    for message in frames {
        let mut conversation = Conversation::greeted(&scene.stolen, scene.port()).await;
        conversation.say(&message).await;
        let shown = format!("{message:?}").chars().take(80).collect::<String>();
        assert_eq!(conversation.ended().await, "malformed", "{shown}");
    }
    let counted = |status: &Value| status["connections_ended"]["malformed"] == count;
    scene.city.wait_until("all are counted", PATIENCE, counted).expect("counted");
    scene.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_beyond_its_authority_and_changes_that_crash_others_are_refused_or_have_no_effect() {
    let mut scene = Scene::set();
    let mut conversation = Conversation::greeted(&scene.stolen, scene.port()).await;
    let own = scene.stolen.log(place(NEIGHBOUR, Lane::Registry));
    let household = |bytes: Vec<u8>| vec![Pair::new(&RecordRef::New(Kind::HOUSEHOLD), bytes)];
    let good = changes::good(&scene.stolen.actor());

    // What cannot be stored: the city says why.
    let (mut wrong, machine) = (Vec::<(&str, Run)>::new(), &scene.stolen);
    let mut with = |what, log, alter: &dyn Fn(&mut shouwang_protocol::entry::Header), pairs| {
        let mut header = machine.header(&log);
        alter(&mut header);
        wrong.push((what, machine.run(log, header.to_bytes(), pairs)));
    };
    let foreign = machine.log(place(VILLAGE, Lane::Registry));
    with("another village", foreign, &|_| {}, household(good.clone()));
    with("the city's control", machine.log(place(CITY, Lane::Control)), &|_| {}, household(good.clone()));
    with("a later place", own, &|header| header.sequence = 9, household(good.clone()));
    with("time without end", own, &|header| header.lamport = limits::LAMPORT_MAX + 1, household(good.clone()));
    with("too large", own, &|_| {}, household(vec![0; limits::PAYLOAD_BYTES_MAX + 1]));
    with("too many", own, &|_| {}, vec![household(good.clone()).remove(0); limits::PAIRS_MAX + 1]);
    let mut forged = machine.run(own, machine.header(&own).to_bytes(), household(good.clone()));
    forged.signature = Signature([7; 64]);
    wrong.push(("a signature that does not fit", forged));
    wrong.push(("a header of noise", machine.run(own, noise(&mut SplitMix64::new(2), 60), household(good.clone()))));
    let mut gap = machine.run(own, machine.header(&own).to_bytes(), household(good.clone()));
    gap.first = 1_000;
    wrong.push(("a gap", gap));
    let mut empty = machine.run(own, machine.header(&own).to_bytes(), household(good.clone()));
    empty.entries.clear();
    wrong.push(("nothing", empty));
    // A gap is told to the sender and no fault that is kept.
    let refusals = wrong.len() as u64 - 1;
    for (what, run) in wrong {
        let refused = conversation.frame(run.log.lane(), &[run]).await;
        assert_eq!(refused.len(), 1, "{what}: {refused:?}");
        assert!(!refused[0].is_empty());
    }

    // What is stored as its own signed words, and has no effect.
    let mut idle = 0;
    let stored = async |scene: &mut Scene, conversation: &mut Conversation, what: &str, log, pairs: Vec<Pair>| {
        let run = scene.stolen.run(log, scene.stolen.header(&log).to_bytes(), pairs);
        let refused = conversation.frame(run.log.lane(), std::slice::from_ref(&run)).await;
        assert_eq!(refused, Vec::<String>::new(), "{what}");
        scene.stolen.stored(&run);
    };
    for (what, bytes) in changes::crashers(&scene.stolen.actor()) {
        stored(&mut scene, &mut conversation, what, own, household(bytes)).await;
        idle += 1;
    }
    let case = CaseId([3; 16]);
    let casework = scene.stolen.log(place(NEIGHBOUR, Lane::Casework));
    let above = vec![Pair::new(&RecordRef::Volume(case, Tier::City), changes::on(case::skeleton(), &scene.stolen.actor()))];
    stored(&mut scene, &mut conversation, "the city's volume", casework, above).await;
    let pack = vec![Pair::new(&RecordRef::New(Kind::POLICY), good.clone())];
    stored(&mut scene, &mut conversation, "a policy pack", own, pack).await;
    let mut redacted = household(good.clone());
    redacted.iter_mut().for_each(|pair| pair.content = Content::Redacted(pair.hash()));
    stored(&mut scene, &mut conversation, "left out", own, redacted).await;
    idle += 3;
    // What it may say, it may say.
    stored(&mut scene, &mut conversation, "an honest entry", own, household(good)).await;

    let counted = |status: &Value| status["without_effect"] == idle && status["refused"] == refusals;
    scene.city.wait_until("all are counted", PATIENCE, counted).expect("counted");
    assert_eq!(scene.metric("shouwang_entries_without_effect "), idle);
    assert_eq!(scene.metric("shouwang_entries_refused "), refusals);
    drop(conversation);
}
