//! Devices that meet over real QUIC on loopback: a city, a township, a village, a stranger.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod resume;

use automerge::transaction::Transactable;
use shouwang_node::clock::Clock;
use shouwang_node::net::{Net, NetConfig, Parent, PeerStatus, Trouble, join, tls};
use shouwang_node::writer::{Health, Writer};
use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::control::Office;
use shouwang_protocol::device::{Certificate, DeviceKey, Incarnation, SigningKey};
use shouwang_protocol::engine::Engine;
use shouwang_protocol::frontier::Digest;
use shouwang_protocol::record::{ActionId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::replica::{Action, Draft, Identity, Replica};
use shouwang_protocol::store::Store;
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_protocol::sync::message::Farewell;
use shouwang_protocol::sync::session::Now;
use shouwang_provisioning::city::{self, CityKeys, Grantee};
use shouwang_simulations::relay::{Link, Relay};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Milliseconds that anything may take before a test fails.
const PATIENCE_MS: u64 = 20_000;
const CITY: u8 = 1;
const TOWNSHIP: u8 = 2;
const VILLAGE: u8 = 3;
const NEIGHBOUR: u8 = 4;

fn area(code: &str) -> AreaId {
    AreaId::parse(code).expect("a code")
}

fn village_place() -> Place {
    Place { area: area("320582100201"), lane: Lane::Registry, floor: Tier::Village }
}

/// A city on paper: its keys, its tree, a certificate for each device, named by the byte of its seed.
struct Paper {
    keys: CityKeys,
    areas: Vec<Area>,
    offices: Vec<Office>,
}

impl Paper {
    fn new(root: u8) -> Paper {
        let one = |code: &str, name: &str, tier, parent: Option<&str>| Area {
            id: area(code),
            code: code.into(),
            name: name.into(),
            tier,
            parent: parent.map(area),
            past: Past::default(),
        };
        let areas = vec![
            one("320582000000", "某市", Tier::City, None),
            one("320582100000", "某镇", Tier::Township, Some("320582000000")),
            one("320582100201", "甲村", Tier::Village, Some("320582100000")),
            one("320582100202", "乙村", Tier::Village, Some("320582100000")),
        ];
        let offices = city::offices(&areas, "某市中心");
        Paper { keys: CityKeys::from_seeds([root; 32], [root + 1; 32]), areas, offices }
    }

    fn grantee(&self, device: u8) -> Grantee {
        let index = usize::from(device - 1);
        Grantee {
            device: SigningKey::from_seed(&[device; 32]).key(),
            recipient: [device; 32],
            office: self.offices[index].id,
            tier: self.areas[index].tier,
            areas: vec![self.areas[index].id],
            name: self.offices[index].name.clone(),
            serial: 1,
            expires: 60_000,
        }
    }

    fn certificate(&self, device: u8) -> Certificate {
        self.keys.issue(&self.grantee(device))
    }

    /// Writes everything down at the city.
    async fn found(&self, city: &Node) {
        let root = self.areas[0].id;
        let done = city.writer.commit(vec![action(vec![city::begin(root)])]).await.expect("begins");
        let record = done[0].records[0];
        for draft in city::describe(root, record, &self.areas, &self.offices) {
            city.writer.commit(vec![action(vec![draft])]).await.expect("describes");
        }
        for device in [CITY, TOWNSHIP, VILLAGE] {
            let draft = city::enrol(root, &self.grantee(device), &self.certificate(device));
            city.writer.commit(vec![action(vec![draft])]).await.expect("enrols");
        }
    }

    fn node(&self, device: u8, store: MemoryStore, clock: Clock) -> Node {
        let identity = Identity {
            key: SigningKey::from_seed(&[device; 32]),
            incarnation: Incarnation([device; 16]),
            root: self.keys.root,
            pinned: vec![self.certificate(CITY), self.certificate(device)],
        };
        let engine = Engine::new(Replica::open(store, identity).expect("opens"));
        Node { seed: [device; 32], writer: Writer::start(engine, clock).expect("a thread") }
    }

    fn fresh(&self, device: u8) -> Node {
        self.node(device, MemoryStore::new(u64::from(device) * 77), Clock::real())
    }
}

fn action(drafts: Vec<Draft>) -> Action {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    Action { id: ActionId(id), staff: "s".into(), claimed_ms: 1_700_000_000_000, shown: Vec::new(), drafts }
}

/// A new household, with as much text.
fn household(place: Place, text: usize) -> Action {
    // Text that does not compress to nothing.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut state = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let remark: String = (0..text)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + u8::try_from(state >> 58).expect("six bits"))
        })
        .collect();
    let edit = Box::new(move |tx: &mut automerge::transaction::Transaction<'_>| {
        tx.put(automerge::ROOT, "schema", 1_i64)?;
        tx.put(automerge::ROOT, "remark", remark)?;
        Ok(())
    });
    action(vec![Draft { place, record: RecordRef::New(Kind::HOUSEHOLD), edit }])
}

/// A device at work.
struct Node {
    seed: [u8; 32],
    writer: Writer<MemoryStore>,
}

impl Node {
    fn key(&self) -> DeviceKey {
        SigningKey::from_seed(&self.seed).key()
    }

    fn join_net(&self, listen: bool, parents: Vec<Parent>) -> Net<MemoryStore> {
        self.join_net_with(listen, parents, None)
    }

    fn join_net_with(&self, listen: bool, parents: Vec<Parent>, handler: Option<join::JoinHandler>) -> Net<MemoryStore> {
        let listen = listen.then(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        Net::start(self.writer.clone(), NetConfig { listen, parents, seed: self.seed }, handler).expect("starts")
    }

    async fn add_households(&self, place: Place, count: usize, text: usize) {
        for _ in 0..count {
            self.writer.commit(vec![household(place, text)]).await.expect("commits");
        }
    }

    async fn households(&self) -> usize {
        self.writer.with(|engine| engine.replica().store().records_of(Kind::HOUSEHOLD).expect("reads").len()).await.expect("runs")
    }

    /// Digests of the city's control and of the village's registry.
    async fn digests(&self) -> (Digest, Digest) {
        let digests = |engine: &mut Engine<MemoryStore>| {
            (engine.replica().control_digest(), engine.replica().frontier().digest_at(&village_place()))
        };
        self.writer.with(digests).await.expect("runs")
    }
}

fn to(net: &Net<MemoryStore>) -> Parent {
    net.local_addr().expect("listens").to_string().into()
}

fn through(relay: &Relay) -> Parent {
    relay.address().to_string().into()
}

async fn until<A: Future<Output = bool>>(what: &str, test: impl Fn() -> A) {
    let start = Instant::now();
    while !test().await {
        assert!(start.elapsed() < Duration::from_millis(PATIENCE_MS), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn peer(net: &Net<MemoryStore>, row: usize) -> Option<PeerStatus> {
    net.peers().await.expect("runs").into_iter().nth(row)
}

async fn until_agreed(net: &Net<MemoryStore>) {
    until("both agree", || async { peer(net, 0).await.is_some_and(|peer| peer.agreed && peer.connected) }).await;
}

async fn until_equal(one: &Node, other: &Node) {
    until("equal digests", || async { one.digests().await == other.digests().await }).await;
}

fn faster(by: u64) -> Clock {
    let start = Instant::now();
    Clock::of(move || {
        let ms = u64::try_from(start.elapsed().as_millis()).expect("short") * by;
        Now { mono_ms: ms, wall_ms: 1_700_000_000_000 + i64::try_from(ms).expect("short") }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_tiers_agree_and_a_village_edits_on_offline() {
    let paper = Paper::new(100);
    let [city, township, village] = [CITY, TOWNSHIP, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let township_net = township.join_net(true, vec![to(&city_net)]);
    let village_net = village.join_net(false, vec![to(&township_net)]);
    // A township without control yet agrees with a village that has none either.
    until_equal(&village, &city).await;
    village.add_households(village_place(), 3, 60).await;
    until_equal(&village, &city).await;
    until_equal(&township, &city).await;
    assert_eq!([city.households().await, township.households().await, village.households().await], [3, 3, 3]);
    until("the city's receipt comes down", || async {
        village
            .writer
            .with(|engine| engine.replica().confirmed(Tier::City) == engine.replica().own_entries())
            .await
            .expect("runs")
    })
    .await;

    let up = peer(&village_net, 0).await.expect("a row");
    assert_eq!((up.office.as_str(), up.device, up.dialled), ("某镇", township.key().short(), true));
    assert!(up.last_sync.is_some() && up.last_error.is_none() && up.bytes_sent > 2_400 && up.bytes_received > 1_200);
    assert_eq!(up.entries_to_send, 0);
    let down = township_net.peers().await.expect("runs");
    assert_eq!((down.len(), down[0].dialled, down[1].dialled, down[1].office.as_str()), (2, true, false, "甲村"));

    village_net.stop().await;
    until("the farewell is heard", || async { peer(&township_net, 1).await.is_some_and(|peer| !peer.connected) }).await;
    assert_eq!(peer(&township_net, 1).await.expect("a row").last_error, Some(Trouble::Ended(Farewell::Stopping)));
    village.add_households(village_place(), 20, 60).await;
    township.add_households(village_place(), 2, 60).await;
    until_equal(&township, &city).await;
    assert_eq!(city.households().await, 5);
    let village_net = village.join_net(false, vec![to(&township_net)]);
    until_equal(&village, &city).await;
    until_equal(&township, &city).await;
    assert_eq!([city.households().await, village.households().await], [25, 25]);
    until_agreed(&village_net).await;

    // Control that changes reaches everybody on open connections.
    let draft = city::enrol(paper.areas[0].id, &paper.grantee(NEIGHBOUR), &paper.certificate(NEIGHBOUR));
    city.writer.commit(vec![action(vec![draft])]).await.expect("enrols");
    until_equal(&village, &city).await;
    for net in [village_net, township_net, city_net] {
        net.stop().await;
    }
    city.writer.stop().await;
    assert_eq!(city.writer.ended().await, Health::Stopped);
    assert!(city.writer.commit(Vec::new()).await.is_err());
}

#[tokio::test]
async fn strangers_are_sent_away_and_both_sides_say_why() {
    let paper = Paper::new(100);
    let city = paper.fresh(CITY);
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let elsewhere = Paper::new(150);
    let foreign = elsewhere.fresh(NEIGHBOUR);
    let foreign_net = foreign.join_net(false, vec![to(&city_net)]);
    let reason = Some(Trouble::Ended(Farewell::Foreign));
    until("the stranger knows", || async { peer(&foreign_net, 0).await.is_some_and(|peer| peer.last_error == reason) }).await;
    until("the city knows", || async { peer(&city_net, 0).await.is_some_and(|peer| peer.last_error == reason) }).await;
    assert!(!Trouble::Ended(Farewell::Foreign).chinese().is_empty());

    // One that was certified but that control does not name yet shows its certificate.
    let neighbour = paper.fresh(NEIGHBOUR);
    let net = neighbour.join_net(false, vec![to(&city_net)]);
    until_agreed(&net).await;
    assert_eq!(neighbour.digests().await.0, city.digests().await.0);
}

#[tokio::test]
async fn a_revoked_device_gets_control_and_nothing_else() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let village_net = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&village_net).await;
    village_net.stop().await;
    city.add_households(village_place(), 4, 60).await;
    let key = village.key();
    let record: RecordId =
        city.writer.with(move |engine| engine.replica().control().devices[&key].record).await.expect("runs").expect("a record");
    let draft = city::revoke(paper.areas[0].id, record, "lost", Vec::new());
    city.writer.commit(vec![action(vec![draft])]).await.expect("revokes");
    let village_net = village.join_net(false, vec![to(&city_net)]);
    until("control came", || async { village.digests().await.0 == city.digests().await.0 }).await;
    until("it knows", || async {
        village.writer.with(move |engine| engine.replica().control().is_revoked(&key)).await.expect("runs")
    })
    .await;
    assert!(village.writer.commit(vec![household(village_place(), 9)]).await.is_err());
    assert_eq!(village.households().await, 0);
    drop(village_net);
}

#[tokio::test]
async fn parents_are_tried_in_turn() {
    let paper = Paper::new(100);
    let [city, township] = [CITY, TOWNSHIP].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
    let unknown = Parent::from("nowhere.invalid:1");
    let wrong = Parent { key: Some(township.key()), ..to(&city_net) };
    let closed = Parent::from(nobody.local_addr().expect("bound").to_string());
    let right = Parent { key: Some(city.key()), ..to(&city_net) };
    drop(nobody);
    let net = township.join_net(false, vec![unknown, wrong, right, closed]);
    until("the third answers", || async { peer(&net, 2).await.is_some_and(|peer| peer.agreed) }).await;
    let peers = net.peers().await.expect("runs");
    assert_eq!(peers[0].last_error, Some(Trouble::UnknownAddress));
    assert_eq!(peers[1].last_error, Some(Trouble::OtherDevice));
    assert_eq!((peers[2].last_error, peers[3].last_error), (None, None));
}

/// A connection by hand, as the device with this seed.
async fn by_hand(seed: u8, protocol: &[u8], address: SocketAddr) -> Result<quinn::Connection, quinn::ConnectionError> {
    let crypto = tls::client(&[seed; 32], protocol, tls::Proof::new(None), None).expect("a key");
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("binds");
    endpoint.connect_with(quinn::ClientConfig::new(Arc::new(crypto)), address, "any").expect("dials").await
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let address = city_net.local_addr().expect("listens");
    let village_net = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&village_net).await;
    assert!(by_hand(60, b"smtp/1", address).await.is_err(), "no other protocol is spoken");
    let cases: [(&[u8], &str); 5] = [
        (&[255, 255, 255, 255, 1, 2, 3], "garbage"),
        (&[0, 0, 0, 0, 1, 0, 64, 0, 1], "garbage"),
        (&[5, 0, 0, 0, 1, 200, 200, 200, 200], "malformed"),
        (&[2, 0, 0, 0, 9, 9], "version"),
        (&[2, 0, 0, 0, 1, 7], "malformed"),
    ];
    for (bytes, word) in cases {
        let connection = by_hand(60, tls::SESSION, address).await.expect("any key may shake hands");
        let (mut send, _receive) = connection.open_bi().await.expect("opens");
        send.write_all(bytes).await.expect("writes");
        match connection.closed().await {
            quinn::ConnectionError::ApplicationClosed(close) => assert_eq!(close.reason, word.as_bytes(), "{bytes:?}"),
            other => panic!("{other} for {bytes:?}"),
        }
    }
    // A second stream is not in the protocol.
    let connection = by_hand(60, tls::SESSION, address).await.expect("any key may shake hands");
    assert!(tokio::time::timeout(Duration::from_millis(50), connection.open_uni()).await.is_err());
    let first = peer(&village_net, 0).await.expect("a row");
    assert!(first.connected && first.agreed && first.last_error.is_none());
    city.add_households(village_place(), 1, 9).await;
    until_equal(&village, &city).await;
}

/// Two hundred households from one of the two, cut after a third; `from_village` says which.
async fn cut_transfer(from_village: bool) {
    let paper = Paper::new(100);
    let city = paper.fresh(CITY);
    paper.found(&city).await;
    let village = paper.node(VILLAGE, MemoryStore::new(5), faster(10));
    let city_net = city.join_net(true, Vec::new());
    let address = city_net.local_addr().expect("listens");
    let first = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&first).await;
    first.stop().await;
    let (sender, receiver) = if from_village { (&village, &city) } else { (&city, &village) };
    sender.add_households(village_place(), 200, 2_000).await;
    // Some 10 ms each way and 8 Mbit/s, so that the cut falls into the transfer.
    let link = Link { rate: 8_000_000, delay_ms: 10, ..Link::default() };
    let relay = Relay::start(address, link, link, 7).expect("a relay");
    relay.cut_after(150_000);
    let net = village.join_net(false, vec![through(&relay)]);
    until("the cut", || async { relay.is_cut() }).await;
    until("the watchdog", || async { peer(&net, 0).await.is_some_and(|peer| peer.last_error.is_some()) }).await;
    let before = receiver.households().await;
    assert!(before > 5 && before < 195, "{before}");
    let counters = if from_village { relay.up() } else { relay.down() };
    counters.reset();
    relay.heal();
    until_equal(&village, &city).await;
    assert_eq!(receiver.households().await, 200);
    let rest = counters.read().bytes;
    let share = u64::try_from(200 - before).expect("few") * 2_000;
    assert!(rest < share * 13 / 10 + 10_000, "{rest} bytes for the last {share}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_transfer_up_goes_on_where_it_was() {
    cut_transfer(true).await;
}

/// The village sends nothing then, and has to find out by knocking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_transfer_down_goes_on_where_it_was() {
    cut_transfer(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_reconnect_costs_little() {
    let paper = Paper::new(100);
    let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
    paper.found(&city).await;
    let city_net = city.join_net(true, Vec::new());
    let first = village.join_net(false, vec![to(&city_net)]);
    until_agreed(&first).await;
    village.add_households(village_place(), 50, 200).await;
    until_equal(&village, &city).await;
    until("receipts", || async { village.writer.with(|e| e.replica().confirmed(Tier::City)).await.expect("runs") == 50 }).await;
    until_agreed(&first).await;
    first.stop().await;
    let one_way = 100;
    let link = Link { delay_ms: one_way, ..Link::default() };
    let relay = Relay::start(city_net.local_addr().expect("listens"), link, link, 7).expect("a relay");
    let start = Instant::now();
    let net = village.join_net(false, vec![through(&relay)]);
    until_agreed(&net).await;
    let took = start.elapsed().as_millis();
    until("the city agrees", || async { peer(&city_net, 0).await.is_some_and(|peer| peer.agreed) }).await;
    // What the two still tell each other when both know.
    tokio::time::sleep(Duration::from_millis(3 * one_way)).await;
    let (up, down) = (relay.up().read(), relay.down().read());
    let seen = peer(&net, 0).await.expect("a row");
    println!(
        "idle reconnect: {} bytes up in {}, {} bytes down in {}, {} in all; agreed after {took} ms at {} ms a round trip",
        up.bytes,
        up.datagrams,
        down.bytes,
        down.datagrams,
        up.bytes + down.bytes,
        2 * one_way
    );
    assert_eq!((seen.bytes_sent, seen.bytes_received), (up.bytes, down.bytes));
    assert!(up.bytes + down.bytes < 4_800);
    assert!(took < u128::from(6 * one_way), "{took} ms are more than two round trips");

    // On an open connection: one small edit, both sides and the receipt.
    relay.up().reset();
    relay.down().reset();
    village.add_households(village_place(), 1, 20).await;
    until("the receipt", || async { village.writer.with(|e| e.replica().confirmed(Tier::City)).await.expect("runs") == 51 })
        .await;
    tokio::time::sleep(Duration::from_millis(5 * one_way)).await;
    println!("one new household on an open connection: {} bytes up, {} down", relay.up().read().bytes, relay.down().read().bytes);
}

#[tokio::test]
async fn an_unknown_device_may_ask_to_join_and_nothing_else() {
    let paper = Paper::new(100);
    let city = paper.fresh(CITY);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let handler = join::handler(move |device, question| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            match question.as_slice() {
                b"let me in" => Ok(device.0.to_vec()),
                _ => Err("no such invitation".into()),
            }
        }
    });
    let net = city.join_net_with(true, Vec::new(), Some(handler));
    let address = net.local_addr().expect("listens").to_string();
    let seed = [42; 32];
    let me = SigningKey::from_seed(&seed).key();
    assert_eq!(join::request(&address, &seed, Some(city.key()), b"let me in").await, Ok(me.0.to_vec()));
    let refused = join::JoinError::Refused("no such invitation".into());
    assert_eq!(join::request(&address, &seed, None, b"hello").await, Err(refused));
    let long = vec![0; join::JOIN_BYTES_MAX + 1];
    assert_eq!(join::request(&address, &seed, None, &long).await, Err(join::JoinError::TooLong));
    let other = join::request(&address, &seed, Some(me), b"let me in").await;
    assert_eq!(other, Err(join::JoinError::Trouble(Trouble::OtherDevice)));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(join::request(&address, &seed, None, b"let me in").await);
    }
    assert_eq!(answers.last(), Some(&Err(join::JoinError::Trouble(Trouble::Busy))));
    assert!(net.peers().await.expect("runs").is_empty(), "who asks is no peer");

    // Without a handler there is no such protocol.
    let township = paper.fresh(TOWNSHIP);
    let deaf = township.join_net(true, Vec::new());
    let address = deaf.local_addr().expect("listens").to_string();
    let answer = join::request(&address, &seed, None, b"let me in").await;
    assert_eq!(answer, Err(join::JoinError::Trouble(Trouble::Handshake)));
}

/// Prints how long a bulk takes on bad lines: `cargo test … -- --ignored --nocapture bad_lines`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; for tuning the transport"]
async fn bad_lines() {
    let lines = [
        (64, 300, 0, 160),
        (64, 300, 50, 160),
        (256, 150, 50, 480),
        (1_000, 50, 20, 1_600),
        (1_000, 50, 50, 1_600),
        (20_000, 15, 0, 8_000),
    ];
    for (kbit, delay_ms, loss, kilobytes) in lines {
        let paper = Paper::new(100);
        let [city, village] = [CITY, VILLAGE].map(|device| paper.fresh(device));
        paper.found(&city).await;
        let city_net = city.join_net(true, Vec::new());
        let first = village.join_net(false, vec![to(&city_net)]);
        until_agreed(&first).await;
        first.stop().await;
        for _ in 0..kilobytes / 40 {
            village.writer.commit((0..10).map(|_| household(village_place(), 4_000)).collect()).await.expect("commits");
        }
        let link = Link { rate: kbit * 1_000, delay_ms, loss, ..Link::default() };
        let relay = Relay::start(city_net.local_addr().expect("listens"), link, link, 7).expect("a relay");
        let start = Instant::now();
        let _net = village.join_net(false, vec![through(&relay)]);
        while village.digests().await != city.digests().await && start.elapsed().as_secs() < 120 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let seconds = start.elapsed().as_secs_f64();
        let (up, down) = (relay.up().read(), relay.down().read());
        // Six bits of each byte are random.
        let payload = f64::from(u32::try_from(kilobytes).expect("few")) * 1_000.0 * 0.75;
        println!(
            "{kbit:>6} kbit/s, {delay_ms:>3} ms, loss {loss:>2}‰: {seconds:>6.1} s, {:>3.0} % of the line, {:.2} bytes a byte, {} down in {} datagrams, {} overflowed",
            payload * 8.0 / seconds / (f64::from(u32::try_from(kbit).expect("slow")) * 10.0),
            f64::from(u32::try_from(up.bytes).expect("few")) / payload,
            down.bytes,
            down.datagrams,
            up.overflowed,
        );
    }
}
